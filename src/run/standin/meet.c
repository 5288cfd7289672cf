/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stand-in is connected in place: through a dup of it, to our own listening socket. So the open
 * file stays the same, and with it every epoll registration, dup and fork made before.
 *
 * Whoever knows the listening socket's name may connect to it too; only what we connected ourselves
 * is taken (it has the stand-in's own name, and names are unique).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "run/standin/park.h"

/* SO_SNDBUF, which the kernel doubles. FAR: what may wait in front of the program's read(2); the
 * rest waits in the core, where it counts against the TCP window. STANDIN: what a write(2) may put
 * down before we have looked. */
enum { FAR_SNDBUF = 128 * 1024, FAR_SNDBUF_MIN = 2304, STANDIN_SNDBUF = 512 * 1024 };

static void set_sndbuf(int fd, int bytes)
{
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

void stream_raise_sndbuf(struct standin *s, int fd)
{
    set_sndbuf(fd, s->sndbuf != 0 ? s->sndbuf : STANDIN_SNDBUF);
    s->small_sndbuf = false;
    s->sndbuf_raised = true;
}

void stream_raise_sndbuf_now(struct run *run, struct standin *s)
{
    int fd = standin_borrow(run, s);
    s->sndbuf_raised = true; /* once is enough: what it has will do */
    if (fd < 0)
        return;
    stream_raise_sndbuf(s, fd);
    close(fd);
}

void stream_sndbuf_set(struct standin *s, int fd, int bytes)
{
    s->sndbuf = bytes < FAR_SNDBUF_MIN ? FAR_SNDBUF_MIN : bytes > STANDIN_SNDBUF ? 0 : bytes;
    if (s->state == STANDIN_CONNECTED)
        stream_raise_sndbuf(s, fd);
}

/* As much as the program asked for with SO_RCVBUF, if that is less than the usual. */
static int far_sndbuf(struct run *run, struct standin *s)
{
    int value = 0;
    size_t len = sizeof(value);
    if (sw_getsockopt(run->host, s->sock, SOL_SOCKET, SO_RCVBUF, &value, &len) < 0)
        return FAR_SNDBUF;
    value /= 2;
    return value > FAR_SNDBUF ? FAR_SNDBUF : value < FAR_SNDBUF_MIN ? FAR_SNDBUF_MIN : value;
}

void stream_size_far(struct run *run, struct standin *s)
{
    set_sndbuf(s->far_fd, far_sndbuf(run, s));
    s->far_out = s->far_sized = true;
}

/* What the program has asked for as SO_RCVBUF holds from the first byte. */
void stream_prepare_far(struct run *run, struct standin *s)
{
    s->far_out = true;
    if (far_sndbuf(run, s) < (int)STREAM_BULK_BYTES)
        stream_size_far(run, s);
}

/* The other end of what was just connected: nobody else can have its name. */
static int take_far(struct run *run, const struct standin *s)
{
    struct sockaddr_un expected;
    socklen_t expected_len = name_addr(s->name, &expected);

    for (;;) {
        struct sockaddr_un peer;
        socklen_t len = sizeof(peer);
        int fd =
            accept4(run->meet_fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return -errno;
        if (len == expected_len && memcmp(&peer, &expected, len) == 0)
            return fd;
        close(fd);
    }
}

/* connect(2) that never waits, whatever the program's O_NONBLOCK. `flags`: as of F_GETFL, or -1. */
static int connect_now(int fd, int flags, const struct sockaddr_un *addr, socklen_t len)
{
    if (flags < 0)
        flags = fcntl(fd, F_GETFL);
    bool blocking = flags >= 0 && (flags & O_NONBLOCK) == 0;

    if (blocking)
        fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    int err = connect(fd, (const struct sockaddr *)addr, len) < 0 ? -errno : 0;
    if (blocking)
        fcntl(fd, F_SETFL, flags);
    return err;
}

/* Fills the smallest send buffer: then poll says neither IN nor OUT, and write EAGAIN. */
static void stuff(struct standin *s, int fd)
{
    static const char junk[2048];

    set_sndbuf(fd, 1);
    for (;;) {
        ssize_t n = send(fd, junk, sizeof(junk), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n <= 0)
            break;
        s->junk += (uint32_t)n;
    }
    s->small_sndbuf = true;
}

int stream_meet(struct run *run, struct standin *s, int fd, int fd_flags, bool stuffed)
{
    struct sockaddr_un addr;
    socklen_t len = name_addr(run->meet_name, &addr);

    int err = connect_now(fd, fd_flags, &addr, len);
    if (err < 0)
        return err;
    int far = take_far(run, s);
    if (far < 0)
        return far;
    struct epoll_event ev = {.events = FAR_EVENTS, .data.ptr = s};
    if (epoll_ctl(run->epoll_fd, EPOLL_CTL_ADD, far, &ev) < 0) {
        err = -errno;
        close(far);
        return err;
    }
    s->far_fd = far;
    park_note(run, s);
    stream_prepare_far(run, s);
    if (stuffed)
        stuff(s, fd);
    return 0;
}

uint64_t standin_timeout_ns(struct run *run, struct standin *s, int name)
{
    struct timeval tv = {0};
    size_t len = sizeof(tv);
    if (sw_getsockopt(run->host, s->sock, SOL_SOCKET, name, &tv, &len) < 0)
        return 0;
    return (uint64_t)tv.tv_sec * 1000000000U + (uint64_t)tv.tv_usec * 1000U;
}
