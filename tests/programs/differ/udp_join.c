/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: one datagram by several calls (UDP_CORK, MSG_MORE), several received by one (UDP_GRO).
 */
#include "differ.h"

#include <netinet/udp.h>

#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif

/* All that came: lengths, the first bytes, and what UDP_GRO says of it. */
static void show_all(const char *when, int fd)
{
    static char data[70000];
    settle();
    for (int n_seen = 0;; n_seen++) {
        _Alignas(size_t) char control[200];
        struct iovec io = {data, sizeof data};
        struct msghdr m = {.msg_iov = &io,
                           .msg_iovlen = 1,
                           .msg_control = control,
                           .msg_controllen = sizeof control};
        ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);
        if (n < 0) {
            say("%s: %d came", when, n_seen);
            return;
        }
        say("%s: %zd bytes, %.*s, flags %#x", when, n, (int)(n < 30 ? n : 30), data,
            (unsigned)m.msg_flags);
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
            int segment = -1;
            memcpy(&segment, CMSG_DATA(c), sizeof segment);
            say("  level %d, type %d, %d bytes: %d", c->cmsg_level, c->cmsg_type,
                (int)(c->cmsg_len - CMSG_LEN(0)), segment);
        }
    }
}

static void more(void)
{
    int server = bound_datagram(), other = bound_datagram(), client = datagram_socket();
    struct sockaddr_storage address = loopback(port_of(server)),
                            elsewhere = loopback(port_of(other));
    TRY(sendto(client, "one ", 4, MSG_MORE, ADDRESS(address)));
    show_poll("half written", client);
    show_all("nothing yet", server);
    TRY(sendto(client, "two ", 4, MSG_MORE, ADDRESS(elsewhere)));
    TRY(sendto(client, "three", 5, 0, ADDRESS(elsewhere)));
    show_all("all of it", server);
    show_all("and not here", other);
    TRY(sendto(client, "alone", 5, 0, ADDRESS(elsewhere)));
    show_all("to another", other);
    TRY(sendto(client, "", 0, MSG_MORE, ADDRESS(address)));
    TRY(sendto(client, "", 0, 0, ADDRESS(address)));
    show_all("of no bytes", server);
    TRY(sendto(client, "first ", 6, MSG_MORE, ADDRESS(address)));
    TRY(set_int(client, IPPROTO_UDP, UDP_CORK, 0));
    show_all("as if uncorked", server);
}

static void more_connected(void)
{
    int a, b;
    struct iovec io[2] = {{"vec", 3}, {"tor ", 4}};
    struct msghdr m = {.msg_iov = io, .msg_iovlen = 2};
    datagram_pair(&a, &b);
    TRY(send(a, "one ", 4, MSG_MORE));
    TRY(sendmsg(a, &m, MSG_MORE));
    show_all("nothing yet", b);
    TRY(write(a, "two", 3));
    show_all("all of it", b);
    TRY(write(a, "next", 4));
    show_all("the next", b);
    TRY(send(a, "lost", 4, MSG_MORE));
    close(a);
    show_all("closed before it was whole", b);
}

static void cork(void)
{
    int a, b;
    datagram_pair(&a, &b);
    OPTION(a, IPPROTO_UDP, UDP_CORK);
    TRY(write(a, "before ", 7));
    TRY(set_int(a, IPPROTO_UDP, UDP_CORK, 5));
    OPTION(a, IPPROTO_UDP, UDP_CORK);
    TRY(write(a, "one ", 4));
    TRY(send(a, "two ", 4, 0));
    TRY(send(a, "three ", 6, MSG_MORE));
    show_all("corked", b);
    TRY(set_int(a, IPPROTO_UDP, UDP_CORK, 1));
    show_all("corked again", b);
    TRY(set_int(a, IPPROTO_UDP, UDP_CORK, 0));
    OPTION(a, IPPROTO_UDP, UDP_CORK);
    show_all("uncorked", b);
    TRY(write(a, "after", 5));
    show_all("after", b);
    TRY(set_int(a, IPPROTO_UDP, UDP_CORK, 1));
    TRY(set_int(a, IPPROTO_UDP, UDP_CORK, 0));
    show_all("with nothing", b);
}

static void cork_too_much(void)
{
    static char data[40000];
    int server = bound_datagram(), client = datagram_socket();
    struct sockaddr_storage address = loopback(port_of(server));
    memset(data, 'x', sizeof data);
    TRY(sendto(client, data, 40000, MSG_MORE, ADDRESS(address)));
    TRY(sendto(client, data, 40000, MSG_MORE, ADDRESS(address)));
    show_all("too much", server);
    TRY(sendto(client, data, 30000, MSG_MORE, ADDRESS(address)));
    TRY(sendto(client, data, 30000, 0, ADDRESS(address)));
    show_all("much", server);
    TRY(set_int(client, IPPROTO_UDP, UDP_SEGMENT, 1000));
    TRY(sendto(client, data, 2000, MSG_MORE, ADDRESS(address)));
    TRY(sendto(client, data, 1500, 0, ADDRESS(address)));
    show_all("in segments", server);
}

static void gro(void)
{
    static char data[60000];
    int server = bound_datagram(), client = datagram_socket();
    struct sockaddr_storage address = loopback(port_of(server));
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)('a' + i % 26);
    TRY(set_int(server, SOL_SOCKET, SO_RCVBUF, 1 << 20));
    TRY(set_int(server, IPPROTO_UDP, UDP_GRO, 1));
    TRY(sendto(client, "single", 6, 0, ADDRESS(address)));
    TRY(sendto(client, "another", 7, 0, ADDRESS(address)));
    show_all("each by itself", server);
    TRY(set_int(client, IPPROTO_UDP, UDP_SEGMENT, 100));
    TRY(sendto(client, data, 1000, 0, ADDRESS(address)));
    TRY(sendto(client, data, 1020, 0, ADDRESS(address)));
    TRY(sendto(client, data, 100, 0, ADDRESS(address)));
    TRY(sendto(client, data, 50, 0, ADDRESS(address)));
    TRY(sendto(client, data, 101, 0, ADDRESS(address)));
    show_all("joined", server);
    TRY(set_int(client, IPPROTO_UDP, UDP_SEGMENT, 1400));
    TRY(sendto(client, data, 60000, 0, ADDRESS(address)));
    show_all("much", server);
    TRY(sendto(client, data, 3000, 0, ADDRESS(address)));
    TRY(sendto(client, data, 3000, 0, ADDRESS(address)));
    TRY(recv(server, data, 100, MSG_PEEK));
    TRY(recv(server, data, 100, MSG_TRUNC));
    TRY(read(server, data, sizeof data));
    TRY(set_int(server, IPPROTO_UDP, UDP_GRO, 0));
    TRY(sendto(client, data, 3000, 0, ADDRESS(address)));
    show_all("off", server);
}

static void port_range(void)
{
    int udp = datagram_socket(), tcp = stream_socket(), server = listener(5),
        both = stream_socket();
    struct sockaddr_storage address = loopback(0), there = loopback(port_of(server));
    for (int i = 0; i < 3; i++) {
        int fd = i == 0 ? udp : i == 1 ? tcp : both;
        OPTION(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE);
        TRY(set_int(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, (int)(40004U << 16 | 40001)));
        OPTION(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE);
        if (i == 2)
            TRY(connect(fd, ADDRESS(there)));
        else
            TRY(bind(fd, ADDRESS(address)));
        int port = port_of(fd);
        say("within: %d", port >= 40001 && port <= 40004);
    }
    for (int i = 0; i < 4; i++) {
        int fd = datagram_socket();
        MUST(set_int(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, (int)(40004U << 16 | 40001)));
        TRY(bind(fd, ADDRESS(address)));
    }
    static const int values[] = {
        0, 1, 40000, (int)(40000U << 16), (int)(50000U << 16 | 40000), (int)(40000U << 16 | 40001)};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        int fd = datagram_socket();
        TRY(set_int(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, values[i]));
        OPTION(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE);
        MUST(bind(fd, ADDRESS(address)));
        say("not below 32768: %d", port_of(fd) >= 32768);
    }
    TRY(setsockopt(udp, IPPROTO_IP, IP_LOCAL_PORT_RANGE, "ab", 2));
}

const struct scenario udp_join_scenarios[] = {
    {"udp-more", more, BOTH}, {"udp-more-connected", more_connected, BOTH},
    {"udp-cork", cork, BOTH}, {"udp-cork-too-much", cork_too_much, BOTH},
    {"udp-gro", gro, BOTH},   {"port-range", port_range, BOTH},
    {NULL, NULL, 0}};
