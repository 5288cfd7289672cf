/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A used stand-in gets a fresh socket underneath: TCP may connect again after a failure, a
 * connected AF_UNIX socket may not, so another one takes its place under the caller's number. The
 * caller's registrations with epoll follow (registration.c).
 *
 * Other descriptors of the old one (dups, of this process or another) stay behind with it, and show
 * the failure to native calls. Each catches up with its next notified call: the old one's inode is
 * remembered as long as anybody holds it, and the new one put under that number too.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "run/run.h"
#include "run/standin/alive.h"
#include "run/standin/registration.h"

/* An open file that was a stand-in's once. */
struct left_behind {
    struct sw_list link; /* in run->left_behind */
    struct standin *standin;
    ino_t ino;
    char name[33];
};

static void forget(struct left_behind *old)
{
    sw_list_del(&old->link);
    free(old);
}

void renew_forget(struct run *run, const struct standin *s)
{
    for (struct sw_list *l = run->left_behind.next, *next; l != &run->left_behind; l = next) {
        struct left_behind *old = SW_CONTAINER(l, struct left_behind, link);
        next = l->next;
        if (old->standin == s)
            forget(old);
    }
}

/* Of those that were remembered before, the ones that nobody holds any more are forgotten. This one
 * cannot be asked yet: the kernel closes it when the call returns. */
static void remember(struct run *run, struct standin *s)
{
    for (struct sw_list *l = run->left_behind.next, *next; l != &run->left_behind; l = next) {
        struct left_behind *old = SW_CONTAINER(l, struct left_behind, link);
        next = l->next;
        if (!alive_by_name(run, old->name, true, old->ino))
            forget(old);
    }
    struct left_behind *old = run->keep_dups ? NULL : malloc(sizeof(*old));
    if (old == NULL)
        return; /* it stays behind for good */
    sw_list_init(&old->link);
    old->standin = s;
    old->ino = s->ino;
    memcpy(old->name, s->name, sizeof(old->name));
    sw_list_add_tail(&run->left_behind, &old->link);
}

struct standin *renew_catch_up(struct run *run, struct run_call *call, ino_t ino)
{
    int number = (int)call->args[0];
    struct left_behind *old = NULL;

    for (struct sw_list *l = run->left_behind.next; l != &run->left_behind; l = l->next) {
        old = SW_CONTAINER(l, struct left_behind, link);
        if (old->ino == ino)
            break;
        old = NULL;
    }
    int fd = old != NULL ? standin_borrow(run, old->standin) : -1;
    if (fd < 0)
        return NULL;
    struct registration *moving = registrations_of(run, call->tid, number, ino);
    int err = call_replace_fd(run, call, fd);
    registrations_move(moving, err == 0 ? fd : -1, number);
    if (err < 0) {
        close(fd);
        return NULL;
    }
    call->fd = fd;
    return old->standin;
}

int connect_renew(struct run *run, struct run_call *call)
{
    struct standin *s = call->standin;
    struct sockaddr_un addr;
    struct stat st;
    char name[33];
    int nonblock = call_nonblocking(run, call) ? SOCK_NONBLOCK : 0;

    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | nonblock, 0);
    if (fd < 0)
        return -ENFILE;
    name_make(run, name);
    socklen_t len = name_addr(name, &addr);
    bool made = bind(fd, (struct sockaddr *)&addr, len) == 0 && fstat(fd, &st) == 0;
    int err = made ? call_replace_fd(run, call, fd) : -errno;
    if (!made || err < 0) {
        close(fd);
        return err;
    }
    standin_drop_far(run, s);
    accept_drop_pending(run, s);
    remember(run, s);
    standin_rename(run, s, st.st_ino, name);
    if (s->kept_fd >= 0)
        close(s->kept_fd);
    s->kept_fd = run->keep_dups ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (call->fd >= 0)
        close(call->fd);
    call->fd = fd;
    standin_set_state(run, s, STANDIN_FRESH);
    return 0;
}

int connect_renew_fresh(struct run *run, struct run_call *call)
{
    int number = (int)call->args[0];
    struct registration *moving = registrations_of(run, call->tid, number, call->standin->ino);
    int err = connect_renew(run, call);
    registrations_move(moving, err == 0 ? call->fd : -1, number);
    return err;
}
