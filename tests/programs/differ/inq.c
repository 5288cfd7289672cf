/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: control messages of a stream: TCP_INQ. Where MSG_PEEK looks: SO_PEEK_OFF. */
#include "differ.h"

#ifndef TCP_INQ
#define TCP_INQ 36
#endif

static void receive_inq(const char *when, int fd, size_t size, size_t room, int flags)
{
    static char data[4096];
    _Alignas(size_t) char control[100];
    struct iovec io = {data, size};
    struct msghdr m = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = room};
    ssize_t n = recvmsg(fd, &m, flags);
    say("%s: %zd %s, flags %#x, %zu bytes of control", when, n, n < 0 ? errno_name(errno) : "",
        n < 0 ? 0 : (unsigned)m.msg_flags, n < 0 ? 0 : (size_t)m.msg_controllen);
    struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&m);
    int inq = -1;
    if (c && c->cmsg_len == CMSG_LEN(sizeof inq))
        memcpy(&inq, CMSG_DATA(c), sizeof inq);
    if (c)
        say("  level %d, type %d: %d", c->cmsg_level, c->cmsg_type, inq);
}

/* TCP_INQ: how much more there is. */
static void inq(void)
{
    int a, b;
    static char data[3000];
    stream_pair(&a, &b);
    OPTION(b, IPPROTO_TCP, TCP_INQ);
    TRY(set_int(b, IPPROTO_TCP, TCP_INQ, 2));
    TRY(set_int(b, IPPROTO_TCP, TCP_INQ, 1));
    OPTION(b, IPPROTO_TCP, TCP_INQ);
    receive_inq("nothing there", b, 100, 100, MSG_DONTWAIT);
    MUST((int)write(a, data, 3000));
    settle();
    receive_inq("peek", b, 1000, 100, MSG_PEEK);
    receive_inq("1000 of 3000", b, 1000, 100, 0);
    receive_inq("no room", b, 500, 0, 0);
    receive_inq("little room", b, 500, 18, 0);
    receive_inq("the rest", b, 2000, 100, 0);
    MUST((int)write(a, data, 300));
    shutdown(a, SHUT_WR);
    settle();
    receive_inq("more, and the end", b, 100, 100, 0);
    receive_inq("all but the end", b, 2000, 100, 0);
    receive_inq("the end", b, 2000, 100, 0);
    MUST((int)write(b, data, 300));
    settle();
    receive_inq("without the option", a, 200, 100, 0);
    TRY(read(a, data, 100));
}

static void peek_from(int a, int b)
{
    OPTION(b, SOL_SOCKET, SO_PEEK_OFF);
    TRY(set_int(b, SOL_SOCKET, SO_PEEK_OFF, 1));
    MUST((int)write(a, "abcdef", 6));
    settle();
    show_recv("from the second", b, 2, MSG_PEEK);
    OPTION(b, SOL_SOCKET, SO_PEEK_OFF);
    show_recv("on", b, 2, MSG_PEEK);
    OPTION(b, SOL_SOCKET, SO_PEEK_OFF);
    show_recv("read", b, 6, 0);
    OPTION(b, SOL_SOCKET, SO_PEEK_OFF);
    TRY(set_int(b, SOL_SOCKET, SO_PEEK_OFF, -1));
    OPTION(b, SOL_SOCKET, SO_PEEK_OFF);
}

static void peek_offset(void)
{
    int a, b;
    stream_pair(&a, &b);
    peek_from(a, b);
    datagram_pair(&a, &b);
    peek_from(a, b);
}

const struct scenario inq_scenarios[] = {
    {"inq", inq, BOTH}, {"peek-offset", peek_offset, BOTH}, {NULL, NULL, 0}};
