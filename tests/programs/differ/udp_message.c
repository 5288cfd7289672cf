/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: datagrams through recvmsg and its kin: truncation, flags, control messages, batches.
 */
#include "differ.h"

#include <arpa/inet.h>
#include <linux/errqueue.h>

static void receive(const char *when, int fd, size_t size, int flags)
{
    char data[64] = "";
    struct sockaddr_storage name;
    struct iovec io = {data, size};
    struct msghdr message = {.msg_name = &name,
                             .msg_namelen = sizeof name,
                             .msg_iov = &io,
                             .msg_iovlen = 1,
                             .msg_flags = -1};
    ssize_t n = recvmsg(fd, &message, flags | MSG_DONTWAIT);
    if (n < 0) {
        say("recvmsg %s = %s", when, errno_name(errno));
        return;
    }
    say("recvmsg %s = %zd \"%.*s\", flags %#x", when, n, (int)(n < 60 ? n : 60), data,
        (unsigned)message.msg_flags);
    show_address("name", &name, message.msg_namelen);
}

static void flags(void)
{
    int a, b;
    char data[16];
    datagram_pair(&a, &b);
    receive("when nothing came", b, 10, 0);
    MUST((int)send(a, "abcdefgh", 8, 0));
    settle();
    receive("PEEK", b, 3, MSG_PEEK);
    receive("PEEK TRUNC", b, 3, MSG_PEEK | MSG_TRUNC);
    TRY(recv(b, data, 3, MSG_PEEK | MSG_TRUNC));
    TRY(recv(b, data, 3, MSG_PEEK));
    receive("3 of 8", b, 3, 0);
    receive("the rest is gone", b, 10, 0);
    MUST((int)send(a, "abcdefgh", 8, 0));
    settle();
    receive("TRUNC", b, 3, MSG_TRUNC);
    MUST((int)send(a, "", 0, 0));
    settle();
    receive("an empty datagram", b, 10, 0);
    MUST((int)send(a, "x", 1, 0));
    settle();
    receive("no room at all", b, 0, 0);
    receive("ERRQUEUE", b, 10, MSG_ERRQUEUE);
    TRY(send(a, "x", 1, MSG_OOB));
    TRY(recv(b, data, 1, MSG_OOB | MSG_DONTWAIT));
}

static void short_name(void)
{
    int server = bound_datagram(), client = datagram_socket();
    struct sockaddr_storage address = loopback(port_of(server)), from;
    socklen_t length = 4;
    char data[8];
    MUST((int)sendto(client, "abc", 3, 0, ADDRESS(address)));
    MUST((int)sendto(client, "abc", 3, 0, ADDRESS(address)));
    MUST((int)sendto(client, "abc", 3, 0, ADDRESS(address)));
    settle();
    TRY(recvfrom(server, data, sizeof data, 0, (struct sockaddr *)&from, &length));
    say("length %u", length);
    length = (socklen_t)-1;
    TRY(recvfrom(server, data, sizeof data, MSG_DONTWAIT, (struct sockaddr *)&from, &length));
    TRY(recvfrom(server, data, sizeof data, MSG_DONTWAIT, NULL, NULL));
    TRY(recvfrom(server, data, sizeof data, MSG_DONTWAIT, NULL, NULL));
}

static void vectors(void)
{
    int server = bound_datagram(), client = datagram_socket();
    struct sockaddr_storage address = loopback(port_of(server));
    struct iovec out[] = {{"one", 3}, {"", 0}, {"three", 5}};
    char a[3], b[2], c[10] = "";
    struct iovec in[] = {{a, sizeof a}, {b, sizeof b}, {c, sizeof c}};
    struct msghdr message = {
        .msg_name = &address, .msg_namelen = address_length(), .msg_iov = out, .msg_iovlen = 3};
    TRY(sendmsg(client, &message, 0));
    settle();
    message = (struct msghdr){.msg_iov = in, .msg_iovlen = 3};
    TRY(recvmsg(server, &message, 0));
    say("%.3s %.2s %.3s, flags %#x", a, b, c, (unsigned)message.msg_flags);
    message = (struct msghdr){.msg_iov = out, .msg_iovlen = 5000};
    TRY(sendmsg(client, &message, 0));
    message = (struct msghdr){.msg_iov = out, .msg_iovlen = 1};
    TRY(sendmsg(client, &message, 0));
    message = (struct msghdr){
        .msg_name = &address, .msg_namelen = address_length(), .msg_iov = NULL, .msg_iovlen = 0};
    TRY(sendmsg(client, &message, 0));
    settle();
    receive("sent without a vector", server, 10, 0);
}

enum { PIECES = 40, PIECE = 3, BYTES = PIECES * PIECE };

/* Of as many pieces as `data` has, all good but the one that is `bad`; -1: none. */
static ssize_t in_pieces(bool sends, int fd, char *data, int bad)
{
    struct iovec pieces[PIECES];
    struct sockaddr_storage name = {0};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = PIECES};

    for (int i = 0; i < PIECES; i++)
        pieces[i] = (struct iovec){i == bad ? (char *)8 : data + i * PIECE, PIECE};
    if (!sends) {
        message.msg_name = &name;
        message.msg_namelen = sizeof name;
    }
    return sends ? sendmsg(fd, &message, 0) : recvmsg(fd, &message, MSG_DONTWAIT);
}

/* More places in memory than one look there takes, and what becomes of the rest where one is bad.
 */
static void many_pieces(void)
{
    char out[BYTES], in[BYTES];
    int a, b;

    datagram_pair(&a, &b);
    for (int i = 0; i < BYTES; i++)
        out[i] = (char)('!' + i % 90);
    TRY((int)in_pieces(true, a, out, 30));
    TRY((int)in_pieces(true, a, out, -1));
    settle();
    TRY((int)in_pieces(false, b, in, -1));
    say("%s", memcmp(out, in, BYTES) == 0 ? "the same" : "another");
    for (int bad = 0; bad < PIECES; bad += 13) {
        MUST((int)in_pieces(true, a, out, -1));
        settle();
        TRY((int)in_pieces(false, b, in, bad));
        receive("after it", b, 10, 0);
    }
}

/* Address and data are read at once where both are there: short, long, and one of them bad. */
static void sent_to(void)
{
    static char data[5000], got[5000];
    int server = bound_datagram(), client = datagram_socket();
    struct sockaddr_storage address = loopback(port_of(server));
    const struct sockaddr *to = (struct sockaddr *)&address, *nowhere = (struct sockaddr *)8;
    static const size_t sizes[] = {0, 1, 2047, 2048, 2049, 5000};

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)(i * 7);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        TRY((int)sendto(client, data, sizes[i], 0, to, address_length()));
        settle();
        TRY((int)recvfrom(server, got, sizeof got, MSG_DONTWAIT, NULL, NULL));
        say("%s", memcmp(data, got, sizes[i]) == 0 ? "the same" : "another");
        TRY((int)sendto(client, (char *)8, sizes[i], 0, to, address_length()));
        settle();
        (void)recv(server, got, sizeof got, MSG_DONTWAIT);
        TRY((int)sendto(client, data, sizes[i], 0, nowhere, address_length()));
    }
}

/* What was written without an address leaves before what is sent with one. */
static void in_order(void)
{
    static const int counts[] = {1, 16, 60};
    int server = bound_datagram(), client = datagram_socket();
    struct sockaddr_storage address = loopback(port_of(server));
    struct timeval patience = {.tv_sec = 5};
    char got, next;

    MUST(connect(client, (struct sockaddr *)&address, address_length()));
    MUST(setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience));
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        int right = 0;
        for (char c = 0; c < counts[i]; c++)
            MUST((int)write(client, &c, 1));
        next = (char)counts[i];
        MUST((int)sendto(client, &next, 1, 0, (struct sockaddr *)&address, address_length()));
        for (next = 0; next <= counts[i]; next++)
            right += recv(server, &got, 1, 0) == 1 && got == next;
        say("%d of %d in their place", right, counts[i] + 1);
    }
}

static void batches(void)
{
    int server = bound_datagram(), client = datagram_socket();
    struct sockaddr_storage address = loopback(port_of(server)), from[4];
    struct iovec out[3] = {{"a", 1}, {"bb", 2}, {"ccc", 3}}, in[4];
    struct mmsghdr to_send[3] = {0}, to_recv[4] = {0};
    char data[4][8] = {{0}};
    for (int i = 0; i < 3; i++)
        to_send[i].msg_hdr = (struct msghdr){.msg_name = &address,
                                             .msg_namelen = address_length(),
                                             .msg_iov = &out[i],
                                             .msg_iovlen = 1};
    for (int i = 0; i < 4; i++) {
        in[i] = (struct iovec){data[i], 2};
        to_recv[i].msg_hdr = (struct msghdr){.msg_name = &from[i],
                                             .msg_namelen = sizeof from[i],
                                             .msg_iov = &in[i],
                                             .msg_iovlen = 1};
    }
    TRY(sendmmsg(client, to_send, 3, 0));
    say("sent %u %u %u", to_send[0].msg_len, to_send[1].msg_len, to_send[2].msg_len);
    settle();
    TRY(recvmmsg(server, to_recv, 4, MSG_DONTWAIT, NULL));
    for (int i = 0; i < 3; i++)
        say("%u \"%.2s\" flags %#x, name length %u", to_recv[i].msg_len, data[i],
            (unsigned)to_recv[i].msg_hdr.msg_flags, to_recv[i].msg_hdr.msg_namelen);
    TRY(recvmmsg(server, to_recv, 4, MSG_DONTWAIT, NULL));
    to_send[1].msg_hdr.msg_namelen = 2;
    TRY(sendmmsg(client, to_send, 3, 0));
    TRY(sendmmsg(client, to_send + 1, 2, 0));
    TRY(sendmmsg(client, to_send, 0, 0));
    settle();
    struct timespec limit = {.tv_nsec = 100000000};
    TRY(recvmmsg(server, to_recv, 4, MSG_WAITFORONE, &limit));
    limit.tv_nsec = 2000000000;
    TRY(recvmmsg(server, to_recv, 4, MSG_DONTWAIT, &limit));
}

/* Prints the control messages that come with a datagram. */
static void receive_control(int fd)
{
    char data[8], control[512];
    struct iovec io = {data, sizeof data};
    struct msghdr message = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    long n = TRY(recvmsg(fd, &message, MSG_DONTWAIT));
    if (n < 0)
        return;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
        char address[INET6_ADDRSTRLEN];
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof info);
            inet_ntop(AF_INET, &info.ipi_addr, address, sizeof address);
            say("IP_PKTINFO: interface %d, to %s", info.ipi_ifindex, address);
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof info);
            inet_ntop(AF_INET6, &info.ipi6_addr, address, sizeof address);
            say("IPV6_PKTINFO: interface %u, to %s", info.ipi6_ifindex, address);
        } else if (c->cmsg_len == CMSG_LEN(sizeof(int))) {
            int value;
            memcpy(&value, CMSG_DATA(c), sizeof value);
            say("level %d type %d: %d", c->cmsg_level, c->cmsg_type, value);
        } else {
            say("level %d type %d: %zu bytes", c->cmsg_level, c->cmsg_type,
                (size_t)c->cmsg_len - CMSG_LEN(0));
        }
    }
}

static void packet_information(void)
{
    int server = bound_datagram(), client = datagram_socket();
    struct sockaddr_storage address = loopback(port_of(server));
    if (family == AF_INET) {
        TRY(set_int(server, IPPROTO_IP, IP_PKTINFO, 1));
        TRY(set_int(server, IPPROTO_IP, IP_RECVTTL, 1));
        MUST(set_int(client, IPPROTO_IP, IP_TTL, 9));
    } else {
        TRY(set_int(server, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1));
        TRY(set_int(server, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1));
        MUST(set_int(client, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 9));
    }
    MUST((int)sendto(client, "x", 1, 0, ADDRESS(address)));
    settle();
    receive_control(server);
}

enum { LIMITS = 40, LIMITS_BYTES = LIMITS * CMSG_SPACE(sizeof(int)) };

/* A message with so many control messages that each set its hop limit: the last of them to `last`.
 */
static void send_limits(int fd, struct sockaddr_storage *to, int last)
{
    _Alignas(size_t) static char control[LIMITS_BYTES];
    struct iovec io = {"x", 1};
    struct msghdr message = {.msg_name = to,
                             .msg_namelen = to != NULL ? address_length() : 0,
                             .msg_iov = &io,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);

    for (int i = 0; i < LIMITS; i++) {
        int value = i < LIMITS - 1 ? 20 + i : last;
        c->cmsg_len = CMSG_LEN(sizeof value);
        c->cmsg_level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
        c->cmsg_type = family == AF_INET ? IP_TTL : IPV6_HOPLIMIT;
        memcpy(CMSG_DATA(c), &value, sizeof value);
        c = (struct cmsghdr *)((char *)c + CMSG_SPACE(sizeof value));
    }
    TRY(sendmsg(fd, &message, 0));
    ((struct cmsghdr *)control)->cmsg_len = 1;
    TRY(sendmsg(fd, &message, 0));
    message.msg_control = (char *)8;
    TRY(sendmsg(fd, &message, 0));
    message.msg_controllen = 1 << 20;
    TRY(sendmsg(fd, &message, 0));
}

static void many_controls(void)
{
    int server = bound_datagram(), client = datagram_socket(), a, b;
    struct sockaddr_storage address = loopback(port_of(server));

    MUST(family == AF_INET ? set_int(server, IPPROTO_IP, IP_RECVTTL, 1)
                           : set_int(server, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1));
    for (int last = 7; last < 2000; last *= 20) {
        send_limits(client, &address, last);
        settle();
        receive_control(server);
    }
    stream_pair(&a, &b);
    send_limits(a, NULL, 7);
}

static void error_queue(void)
{
    int client = datagram_socket();
    struct sockaddr_storage address = loopback(unused_port(SOCK_DGRAM));
    char data[16], control[512];
    struct iovec io = {data, sizeof data};
    struct msghdr message = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    if (family == AF_INET)
        TRY(set_int(client, IPPROTO_IP, IP_RECVERR, 1));
    else
        TRY(set_int(client, IPPROTO_IPV6, IPV6_RECVERR, 1));
    TRY(sendto(client, "lost", 4, 0, ADDRESS(address)));
    settle();
    show_poll("with an error queued", client);
    TRY(recvmsg(client, &message, MSG_ERRQUEUE));
    say("flags %#x", (unsigned)message.msg_flags);
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    if (c) {
        struct sock_extended_err error;
        memcpy(&error, CMSG_DATA(c), sizeof error);
        say("errno %s, origin %d, type %d, code %d", errno_name((int)error.ee_errno),
            error.ee_origin, error.ee_type, error.ee_code);
    }
    show_poll("when it was taken", client);
}

const struct scenario udp_message_scenarios[] = {
    {"udp-flags", flags, BOTH},
    {"udp-short-name", short_name, BOTH},
    {"udp-vectors", vectors, BOTH},
    {"udp-many-pieces", many_pieces, BOTH},
    {"udp-sent-to", sent_to, BOTH},
    {"udp-in-order", in_order, BOTH},
    {"udp-batches", batches, BOTH},
    {"udp-packet-information", packet_information, BOTH},
    {"udp-many-controls", many_controls, BOTH},
    {"udp-error-queue", error_queue, BOTH},
    {NULL, NULL, 0}};
