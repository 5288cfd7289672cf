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
 * What was taken for a caller that has no free descriptor, or has gone, goes back: as a new unix
 * connection that already has its core socket.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/assert.h"
#include "run/record.h"

/* Waits to be accepted. */
struct pending {
    struct sw_list link; /* in standin->pending */
    int far_fd;
    sw_socket_t sock;      /* already taken from the core's queue; else 0 */
    struct sw_addr remote; /* of `sock` */
};

static void pending_free(struct run *run, struct standin *s, struct pending *p)
{
    sw_list_del(&p->link);
    s->n_pending--;
    if (p->far_fd >= 0)
        close(p->far_fd);
    if (p->sock != 0)
        sw_abort(run->host, p->sock);
    free(p);
}

void accept_drop_pending(struct run *run, struct standin *s)
{
    while (!sw_list_empty(&s->pending))
        pending_free(run, s, SW_CONTAINER(s->pending.next, struct pending, link));
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
    struct epoll_event ev = {.events = 0, .data.u64 = (uint64_t)(uintptr_t)s | RUN_EVENT_PENDING};
    if (connect(fd, (struct sockaddr *)&addr, len) < 0 ||
        epoll_ctl(run->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0) {
        int err = errno;
        close(fd);
        return -err;
    }
    return fd;
}

/* 0 or a negative errno. */
static int add_pending(struct run *run, struct standin *s, sw_socket_t sock,
                       const struct sw_addr *remote)
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
    p->sock = sock;
    if (remote != NULL)
        p->remote = *remote;
    sw_list_add_tail(&s->pending, &p->link);
    s->n_pending++;
    return 0;
}

/* How many of the pending have a connection of the core's queue still to be given. */
static int mirrored(const struct standin *s)
{
    int n = 0;
    for (const struct sw_list *l = s->pending.next; l != &s->pending; l = l->next)
        n += SW_CONTAINER(l, struct pending, link)->sock == 0;
    return n;
}

void accept_mirror(struct run *run, struct standin *s)
{
    int want = sw_accept_queue_len(run->host, s->sock);
    for (int have = mirrored(s); have < want; have++) {
        int err = add_pending(run, s, 0, NULL);
        if (err == -ECONNREFUSED && !standin_alive(run, s))
            standin_gone(run, s);
        if (err < 0)
            return;
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

/* Back into the queue. */
static void put_back(struct run *run, struct standin *s, struct pending *p)
{
    if (s->state != STANDIN_LISTENING || add_pending(run, s, p->sock, &p->remote) < 0)
        sw_abort(run->host, p->sock);
    p->sock = 0;
}

/* A program reads what native calls do with a timeout from the stand-in itself. */
static void copy_timeouts(struct run *run, struct standin *s, int fd)
{
    static const int names[] = {SO_RCVTIMEO, SO_SNDTIMEO};
    for (int i = 0; i < 2; i++) {
        uint64_t ns = standin_timeout_ns(run, s, names[i]);
        struct timeval tv = {(time_t)(ns / 1000000000U), (suseconds_t)(ns / 1000U % 1000000U)};
        if (ns != 0)
            setsockopt(fd, SOL_SOCKET, names[i], &tv, sizeof(tv));
    }
}

/* The new socket's stand-in, in place of the pending connection. NULL: no memory. */
static struct standin *adopt(struct run *run, struct standin *listener, struct pending *p, int near)
{
    struct stat st;
    if (fstat(near, &st) < 0)
        return NULL;
    struct standin *s = standin_adopt(run, p->sock, st.st_ino, true, listener->ipv6);
    if (s == NULL)
        return NULL;
    s->far_fd = p->far_fd;
    p->far_fd = -1;
    s->sndbuf = listener->sndbuf;
    stream_prepare_far(run, s);
    copy_timeouts(run, s, near);
    return s;
}

static void hand_out(struct run *run, struct run_call *call, struct pending *p, int near, int flags)
{
    struct standin *listener = call->standin;
    struct standin *s = adopt(run, listener, p, near);

    if (s == NULL) {
        put_back(run, listener, p);
        call_fail(run, call, ENOBUFS);
        return;
    }
    int err = mem_write_addr(run, call->tid, call->args[1], call->args[2], &p->remote, s->ipv6);
    if (err < 0) { /* Linux has taken it from the queue by then */
        p->sock = 0;
        standin_gone(run, s);
        call_fail(run, call, -err);
        return;
    }
    record_made(call, s->sock);
    record_from(call, &p->remote);
    if (!call_return_fd(run, call, near, (flags & SOCK_CLOEXEC) != 0)) {
        s->sock = 0;
        standin_gone(run, s);
        put_back(run, listener, p);
        return;
    }
    p->sock = 0;
    s->holder_tid = call->tid;
    s->holder_fd = call->returned_fd;
    struct epoll_event ev = {.events = FAR_EVENTS, .data.ptr = s};
    epoll_ctl(run->epoll_fd, EPOLL_CTL_MOD, s->far_fd, &ev);
    stream_established(run, s, near);
}

static enum run_verdict try_accept(struct run *run, struct run_call *call)
{
    struct standin *s = call->standin;
    int flags = call->nr == SYS_accept4 ? (int)call->args[3] : 0;

    if (sw_accept_queue_len(run->host, s->sock) < 0) { /* not listening, or no longer */
        call_fail(run, call, EINVAL);
        return CALL_DONE;
    }
    accept_mirror(run, s);
    if (s->n_pending == 0)
        return CALL_AGAIN;
    int fd = standin_fetch(run, call);
    if (fd < 0) {
        call_fail(run, call, fd == -EMFILE ? ENFILE : EBADF);
        return CALL_DONE;
    }
    int near = take_near(run, fd, flags);
    close(fd);
    if (near < 0) {
        call_fail(run, call, near == -EMFILE ? ENFILE : -near);
        return CALL_DONE;
    }
    struct pending *p = SW_CONTAINER(s->pending.next, struct pending, link);
    sw_list_del(&p->link);
    int err = p->sock != 0 ? 0 : sw_accept(run->host, s->sock, &p->sock, &p->remote);
    if (err == 0)
        hand_out(run, call, p, near, flags);
    else
        call_fail(run, call, -err);
    close(near);
    pending_free(run, s, p);
    return CALL_DONE;
}

void on_accept(struct run *run, struct run_call *call)
{
    struct standin *s = call->standin;
    int flags = call->nr == SYS_accept4 ? (int)call->args[3] : 0;

    if ((flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) != 0)
        call_fail(run, call, EINVAL);
    else if (!s->stream)
        call_fail(run, call, EOPNOTSUPP);
    else
        call_try(run, call, try_accept, standin_timeout_ns(run, s, SO_RCVTIMEO), EAGAIN);
}
