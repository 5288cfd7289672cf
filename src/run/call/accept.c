/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * accept(2), accept4(2).
 *
 * For each connection in the core's accept queue one unix connection is made to the stand-in's
 * name, so that poll and epoll of the program show it, natively, thundering herd and EPOLLEXCLUSIVE
 * included. Both queues are first in, first out: the first unix connection that accept4(2) gives
 * belongs to the first connection of the core, whoever came in between is recognised by SO_PEERCRED
 * and thrown out.
 *
 * A connection that accept() waits for already needs no sign: its stand-in is one end of a pair.
 *
 * What was taken for a caller that has no free descriptor, or has gone, goes back to where it was:
 * first in line, with a new unix connection to show that somebody waits.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/assert.h"
#include "run/record.h"
#include "run/standin/park.h"

#define MIRROR_AGAIN_NS 10000000U

/* Shows the program that a connection waits. Which one is settled when it is accepted. */
struct pending {
    struct sw_list link; /* in standin->pending */
    int far_fd;
};

/* A connection that waits outside of the core's queue. */
struct returned {
    struct sw_list link; /* in standin->returned */
    sw_socket_t sock;
    struct sw_addr remote;
};

static void pending_free(struct standin *s, struct pending *p)
{
    sw_list_del(&p->link);
    s->n_pending--;
    if (p->far_fd >= 0)
        close(p->far_fd);
    free(p);
}

void accept_drop_pending(struct run *run, struct standin *s)
{
    while (!sw_list_empty(&s->pending))
        pending_free(s, SW_CONTAINER(s->pending.next, struct pending, link));
    while (!sw_list_empty(&s->returned)) {
        struct returned *r = SW_CONTAINER(s->returned.next, struct returned, link);
        sw_list_del(&r->link);
        sw_abort(run->host, r->sock);
        free(r);
    }
    s->n_returned = 0;
}

/* A unix connection to the listening stand-in. A descriptor, or a negative errno: -EAGAIN its queue
 * is full, -ECONNREFUSED nobody holds it any more (or it was shut down). */
static int knock(struct run *run, struct standin *s)
{
    struct sockaddr_un addr;
    socklen_t len = name_addr(s->name, &addr);

    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    struct epoll_event ev = {.events = EPOLLET,
                             .data.u64 = (uint64_t)(uintptr_t)s | RUN_EVENT_PENDING};
    if (connect(fd, (struct sockaddr *)&addr, len) < 0 ||
        epoll_ctl(run->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0) {
        int err = errno;
        close(fd);
        return -err;
    }
    return fd;
}

/* 0 or a negative errno. */
static int add_pending(struct run *run, struct standin *s)
{
    struct pending *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return -ENOMEM;
    p->far_fd = knock(run, s);
    if (p->far_fd < 0) {
        int err = p->far_fd;
        free(p);
        return err;
    }
    sw_list_add_tail(&s->pending, &p->link);
    s->n_pending++;
    return 0;
}

void accept_mirror(struct run *run, struct standin *s)
{
    int waiting = sw_accept_queue_len(run->host, s->sock);
    while (waiting >= 0 && s->n_pending < (uint32_t)waiting + s->n_returned) {
        int err = add_pending(run, s);
        if (err == -ECONNREFUSED && !standin_alive(run, s))
            standin_gone(run, s);
        if (err < 0 && err != -ECONNREFUSED && err != -EAGAIN)
            run->mirror_at_ns = run_now() + MIRROR_AGAIN_NS; /* memory or descriptors used up */
        if (err < 0)
            return;
    }
}

void accept_mirror_again(struct run *run)
{
    run->mirror_at_ns = SW_NEVER;
    for (struct sw_list *l = run->listeners.next, *next; l != &run->listeners; l = next) {
        next = l->next;
        accept_mirror(run, SW_CONTAINER(l, struct standin, listening));
    }
}

/* The program's end of the first pending connection, through a dup of its listener. */
static int take_near(struct run *run, int listener, int flags)
{
    for (;;) {
        struct ucred peer;
        socklen_t len = sizeof(peer);
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | (flags & SOCK_NONBLOCK));
        if (fd < 0)
            return -errno;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.pid == run->pid)
            return fd;
        close(fd);
    }
}

/* The first connection that waits. */
static int take_first(struct run *run, struct standin *s, sw_socket_t *ret_sock,
                      struct sw_addr *ret_remote)
{
    if (sw_list_empty(&s->returned))
        return sw_accept(run->host, s->sock, ret_sock, ret_remote);
    struct returned *r = SW_CONTAINER(s->returned.next, struct returned, link);
    *ret_sock = r->sock;
    *ret_remote = r->remote;
    sw_list_del(&r->link);
    s->n_returned--;
    free(r);
    return 0;
}

/* It is the first again. */
static void put_back(struct run *run, struct standin *s, sw_socket_t sock,
                     const struct sw_addr *remote)
{
    struct returned *r = s->state == STANDIN_LISTENING ? calloc(1, sizeof(*r)) : NULL;
    if (r == NULL || add_pending(run, s) < 0) {
        free(r);
        sw_abort(run->host, sock);
        return;
    }
    r->sock = sock;
    r->remote = *remote;
    sw_list_add_head(&s->returned, &r->link);
    s->n_returned++;
}

/* The two ends of what will be the new socket's stand-in. `far` has been in epoll while it waited,
 * or has not. */
struct ends {
    int near, far;
    bool watched;
};

/* The new socket's stand-in, which owns ends->far from then on. NULL: no memory. */
static struct standin *adopt(struct run *run, struct standin *listener, sw_socket_t sock,
                             struct ends *ends)
{
    struct stat st;
    if (fstat(ends->near, &st) < 0)
        return NULL;
    struct standin *s = standin_adopt(run, sock, st.st_ino, true, listener->ipv6);
    if (s == NULL)
        return NULL;
    s->far_fd = ends->far;
    ends->far = -1;
    park_note(run, s);
    s->sndbuf = listener->sndbuf;
    stream_prepare_far(run, s);
    standin_copy_options(run, s, ends->near);
    return s;
}

/* Linux has a number for the new descriptor before it looks at the socket: who has none free hears
 * that and nothing else. Ours gets its number last, by the kernel; so this is asked before anything
 * else is said. A call that has waited had its number. */
static bool lacks_number(struct run *run, const struct run_call *call)
{
    return call->held_since_ns == 0 && !fetch_has_room(run, call->tid);
}

static void fail(struct run *run, struct run_call *call, int err)
{
    call_fail(run, call, lacks_number(run, call) ? EMFILE : err);
}

/* The caller has gone, or could not have it: who else accepts gets it. */
static void take_back(struct run *run, struct standin *listener, struct standin *s,
                      const struct sw_addr *remote)
{
    sw_socket_t sock = s->sock;
    sw_socket_set_user(run->host, sock, NULL); /* it outlives this stand-in */
    s->sock = 0;
    standin_gone(run, s);
    put_back(run, listener, sock, remote);
    standin_check(run, listener);
}

static void hand_out(struct run *run, struct run_call *call, struct ends *ends, int flags)
{
    struct standin *listener = call->standin;
    struct sw_addr remote;
    sw_socket_t sock;

    int err = take_first(run, listener, &sock, &remote);
    if (err < 0) {
        call_fail(run, call, -err);
        return;
    }
    struct standin *s = adopt(run, listener, sock, ends);
    if (s == NULL) {
        put_back(run, listener, sock, &remote);
        call_fail(run, call, ENOBUFS);
        return;
    }
    if (call->args[1] != 0)
        err = mem_write_addr(run, call->tid, call->args[1], call->args[2], &remote, s->ipv6);
    if (err < 0) {
        bool taken = !lacks_number(run, call);
        if (taken && call_waits(run, call))
            standin_gone(run, s); /* Linux has taken it from the queue by then */
        else
            take_back(run, listener, s, &remote);
        call_fail(run, call, taken ? -err : EMFILE);
        return;
    }
    record_made(call, s->sock);
    record_from(call, &remote);
    if (!call_return_fd(run, call, ends->near, (flags & SOCK_CLOEXEC) != 0)) {
        take_back(run, listener, s, &remote);
        return;
    }
    s->holder_tid = call->tid;
    s->holder_fd = call->returned_fd;
    struct epoll_event ev = {.events = FAR_EVENTS, .data.ptr = s};
    epoll_ctl(run->epoll_fd, ends->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, s->far_fd, &ev);
    stream_established(run, s, ends->near);
}

/* Nobody was told of a connection yet: it goes straight to the caller. */
static void hand_out_pair(struct run *run, struct run_call *call, int flags)
{
    int fds[2];
    int type = SOCK_STREAM | SOCK_CLOEXEC | (flags & SOCK_NONBLOCK);

    if (socketpair(AF_UNIX, type, 0, fds) < 0) {
        call_fail(run, call, errno == EMFILE ? ENFILE : errno);
        return;
    }
    struct ends ends = {.near = fds[0], .far = fds[1], .watched = false};
    hand_out(run, call, &ends, flags);
    close(ends.near);
    if (ends.far >= 0)
        close(ends.far);
}

/* The first of those that poll() shows. */
static void hand_out_pending(struct run *run, struct run_call *call, int flags)
{
    struct standin *s = call->standin;
    int fd = standin_fetch(run, call);
    if (fd < 0) {
        call_fail(run, call, fd == -EMFILE ? ENFILE : EBADF);
        return;
    }
    int near = take_near(run, fd, flags);
    close(fd);
    if (near < 0) {
        call_fail(run, call, near == -EMFILE ? ENFILE : -near);
        return;
    }
    struct pending *p = SW_CONTAINER(s->pending.next, struct pending, link);
    struct ends ends = {.near = near, .far = p->far_fd, .watched = true};
    p->far_fd = -1;
    pending_free(s, p);
    hand_out(run, call, &ends, flags);
    close(ends.near);
    if (ends.far >= 0)
        close(ends.far);
}

static enum run_verdict try_accept(struct run *run, struct run_call *call)
{
    struct standin *s = call->standin;
    int flags = call->nr == SYS_accept4 ? (int)call->args[3] : 0;

    int waiting = sw_accept_queue_len(run->host, s->sock);
    if (waiting < 0) /* not listening, or no longer */
        fail(run, call, EINVAL);
    else if (s->n_pending > 0)
        hand_out_pending(run, call, flags);
    else if (waiting > 0)
        hand_out_pair(run, call, flags);
    else if (!lacks_number(run, call))
        return CALL_AGAIN;
    else
        call_fail(run, call, EMFILE);
    return CALL_DONE;
}

void on_accept(struct run *run, struct run_call *call)
{
    struct standin *s = call->standin;
    int flags = call->nr == SYS_accept4 ? (int)call->args[3] : 0;

    if ((flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) != 0)
        call_fail(run, call, EINVAL);
    else if (!s->stream)
        fail(run, call, EOPNOTSUPP);
    else {
        call->gives_back = true;
        call_try(run, call, try_accept, standin_timeout_ns(run, s, SO_RCVTIMEO), EAGAIN);
    }
}
