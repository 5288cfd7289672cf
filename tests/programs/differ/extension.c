/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: extension headers of IPv6 that a sender gives, for a message and for all of a
 * socket's. */
#include "differ.h"

static const unsigned char pads[16], sixteen[16] = {0, 1}, too_long[8] = {0, 1},
                                     padn[8] = {0, 0, 1, 4};

static void set(int fd, const char *what, int option, const void *bytes, socklen_t length)
{
    int r = setsockopt(fd, IPPROTO_IPV6, option, bytes, length);
    say("%s of %d bytes = %s", what, (int)length, r < 0 ? errno_name(errno) : "0");
}

static void show(int fd, const char *what, int option)
{
    unsigned char bytes[64] = {0};
    socklen_t length = sizeof bytes;
    int r = getsockopt(fd, IPPROTO_IPV6, option, bytes, &length);
    say("%s = %s, %d bytes: %d %d %d %d", what, r < 0 ? errno_name(errno) : "0", (int)length,
        bytes[0], bytes[1], bytes[2], bytes[3]);
}

/* A message of n control messages, each of one header. */
struct given {
    int type, length;
    const void *bytes;
};

static void send_with(const char *what, int fd, int peer, const struct given *given, int n)
{
    union {
        struct cmsghdr header;
        unsigned char bytes[256];
    } control = {.bytes = {0}};
    struct iovec iov = {(void *)"hello", 5};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes};
    for (int i = 0; i < n; i++) {
        struct cmsghdr *c = (struct cmsghdr *)(void *)(control.bytes + message.msg_controllen);
        c->cmsg_level = IPPROTO_IPV6;
        c->cmsg_type = given[i].type;
        c->cmsg_len = CMSG_LEN((size_t)given[i].length);
        memcpy(CMSG_DATA(c), given[i].bytes, (size_t)given[i].length);
        message.msg_controllen += CMSG_SPACE((size_t)given[i].length);
    }
    ssize_t r = sendmsg(fd, &message, 0);
    say("sendmsg() with %s = %s", what, r < 0 ? errno_name(errno) : "all");
    settle();
    show_recv("its peer", peer, 32, MSG_DONTWAIT);
}

#define SEND(what, ...)                                                                            \
    do {                                                                                           \
        const struct given given[] = {__VA_ARGS__};                                                \
        send_with(what, a, b, given, (int)(sizeof given / sizeof given[0]));                       \
    } while (0)

static void messages(void)
{
    int a, b;
    datagram_pair(&a, &b);
    SEND("hop-by-hop options", {IPV6_HOPOPTS, 8, pads});
    SEND("destination options", {IPV6_DSTOPTS, 8, padn});
    SEND("those before a routing header", {IPV6_RTHDRDSTOPTS, 8, pads});
    SEND("both, one long", {IPV6_HOPOPTS, 16, sixteen}, {IPV6_DSTOPTS, 8, pads});
    SEND("more than it says", {IPV6_HOPOPTS, 16, pads});
    SEND("less than it says", {IPV6_HOPOPTS, 8, too_long});
    SEND("a byte", {IPV6_DSTOPTS, 1, pads});
    SEND("hop-by-hop options twice", {IPV6_HOPOPTS, 8, pads}, {IPV6_HOPOPTS, 8, pads});
    SEND("destination options twice", {IPV6_DSTOPTS, 8, pads}, {IPV6_DSTOPTS, 8, padn});
    SEND("a routing header of no type that is", {IPV6_RTHDR, 8, pads});
}

static void sticky(void)
{
    int a, b;
    datagram_pair(&a, &b);
    show(a, "IPV6_HOPOPTS at first", IPV6_HOPOPTS);
    set(a, "IPV6_HOPOPTS", IPV6_HOPOPTS, pads, 8);
    set(a, "IPV6_DSTOPTS", IPV6_DSTOPTS, sixteen, 16);
    set(a, "IPV6_RTHDRDSTOPTS", IPV6_RTHDRDSTOPTS, padn, 8);
    show(a, "IPV6_HOPOPTS", IPV6_HOPOPTS);
    show(a, "IPV6_DSTOPTS", IPV6_DSTOPTS);
    show(a, "IPV6_RTHDRDSTOPTS", IPV6_RTHDRDSTOPTS);
    for (int i = 0; i < 2; i++) {
        TRY(send(a, "hello", 5, 0));
        settle();
        show_recv("its peer", b, 32, MSG_DONTWAIT);
        SEND("others", {IPV6_HOPOPTS, 8, padn});
        set(a, "IPV6_HOPOPTS", IPV6_HOPOPTS, NULL, 0);
    }
    show(a, "IPV6_HOPOPTS without", IPV6_HOPOPTS);
    set(a, "IPV6_HOPOPTS", IPV6_HOPOPTS, pads, 7);
    set(a, "IPV6_HOPOPTS", IPV6_HOPOPTS, pads, 12);
    set(a, "IPV6_HOPOPTS that says more", IPV6_HOPOPTS, too_long, 8);
    set(a, "IPV6_HOPOPTS that says less", IPV6_HOPOPTS, pads, 16);
    show(a, "IPV6_HOPOPTS then", IPV6_HOPOPTS);
    set(a, "IPV6_HOPOPTS nowhere", IPV6_HOPOPTS, NULL, 8);
    set(a, "IPV6_RTHDR", IPV6_RTHDR, pads, 8);
}

const struct scenario extension_scenarios[] = {
    {"extension-messages", messages, V6}, {"extension-sticky", sticky, V6}, {NULL, NULL, 0}};
