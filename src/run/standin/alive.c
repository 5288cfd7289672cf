/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether any program still holds a stand-in: asked without holding it.
 *
 * A stand-in with a name: binding a probe of the same type to that name says EADDRINUSE while the
 * stand-in lives. The name is free once its last holder has closed it, and then the probe has it;
 * so the probe is thrown away and made anew, once in each stand-in's life. Not of a datagram's: to
 * connect its far end to where it is connected changes nothing, and is refused when nobody is
 * there.
 *
 * Asking needs descriptors, and is what frees them: so those that it takes are there from the
 * start, for the time when all others are used up.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "run/standin/alive.h"
#include "run/standin/dgram.h"

/* Records that no hang-up tells of are looked through when their number has doubled. */
enum { SWEEP_MIN = 64 };

static void probe_renew(int *probe, bool stream)
{
    if (*probe < 0)
        *probe = socket(AF_UNIX, (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
}

void alive_init(struct run *run)
{
    probe_renew(&run->probe_stream_fd, true);
    probe_renew(&run->probe_dgram_fd, false);
    run->diag_fd = alive_open_table(run->probe_stream_fd);
}

bool alive_by_name(struct run *run, const char *name, bool stream, ino_t ino)
{
    struct sockaddr_un addr;

    if (name[0] == '\0')
        return alive_in_kernel(run, ino);
    int *probe = stream ? &run->probe_stream_fd : &run->probe_dgram_fd;
    probe_renew(probe, stream);
    if (*probe < 0)
        return true; /* cannot tell */
    socklen_t len = name_addr(name, &addr);
    if (bind(*probe, (struct sockaddr *)&addr, len) < 0)
        return true;
    close(*probe);
    *probe = -1;
    probe_renew(probe, stream); /* before another descriptor takes its place */
    return false;
}

bool standin_alive(struct run *run, struct standin *s)
{
    if (s->state == STANDIN_GONE)
        return false;
    if (s->kept_fd >= 0)
        return alive_held_by_program(run, s->ino);
    if (!s->stream && s->far_fd >= 0)
        return dgram_connect_far(s, true) || errno != ECONNREFUSED;
    return alive_by_name(run, s->name, s->stream, s->ino) ||
           (s->state == STANDIN_FRESH && renew_held(run, s));
}

/* Whether a hang-up will tell us when its last holder closes it. */
static bool has_hangup(const struct standin *s)
{
    return s->stream && (s->far_fd >= 0 || s->parked >= 0);
}

void standin_check(struct run *run, struct standin *s)
{
    if (s->state != STANDIN_GONE && !has_hangup(s) && !standin_alive(run, s))
        standin_gone(run, s);
}

void standins_leave_groups(struct run *run)
{
    for (struct sw_list *l = run->members.next, *next; l != &run->members; l = next) {
        struct standin *s = SW_CONTAINER(l, struct standin, member);
        next = l->next;
        if (s->kept_fd < 0) /* else asking is slow */
            standin_check(run, s);
    }
}

void standins_sweep(struct run *run, bool force)
{
    if (!force && (run->n_standins < SWEEP_MIN || run->n_standins < 2 * run->n_at_last_sweep))
        return;
    for (struct sw_list *l = run->standins.next, *next; l != &run->standins; l = next) {
        struct standin *s = SW_CONTAINER(l, struct standin, link);
        next = l->next;
        if (!has_hangup(s) && !standin_alive(run, s))
            standin_gone(run, s);
    }
    run->n_at_last_sweep = run->n_standins;
}
