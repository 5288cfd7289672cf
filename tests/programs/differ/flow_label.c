/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: flow labels of IPv6: leases of them, and what sockets send and are told. */
#include "differ.h"

#include <linux/in6.h>

enum { PID_PRIVATE = IPV6_FL_S_PROCESS };

static int lease(int fd, int action, uint32_t label, int share, int flags, int linger)
{
    struct in6_flowlabel_req request = {.flr_dst = {.s6_addr = {0xfd, [15] = 1}},
                                        .flr_label = htonl(label),
                                        .flr_action = (uint8_t)action,
                                        .flr_share = (uint8_t)share,
                                        .flr_flags = (uint16_t)flags,
                                        .flr_linger = (uint16_t)linger};
    return setsockopt(fd, IPPROTO_IPV6, IPV6_FLOWLABEL_MGR, &request, sizeof request);
}

static int get(int fd, uint32_t label, int share, int flags)
{
    return lease(fd, IPV6_FL_A_GET, label, share, flags, 0);
}

static int put(int fd, uint32_t label)
{
    return lease(fd, IPV6_FL_A_PUT, label, 0, 0, 0);
}

static void show_lease(const char *what, int fd, int flags)
{
    struct in6_flowlabel_req request = {.flr_flags = (uint16_t)flags};
    socklen_t length = sizeof request;
    int r = getsockopt(fd, IPPROTO_IPV6, IPV6_FLOWLABEL_MGR, &request, &length);
    say("%s: %s, label %x, shared %d, lingers %d", what, r < 0 ? errno_name(errno) : "0",
        ntohl(request.flr_label), request.flr_share, request.flr_linger);
}

/* Labels of this scenario are its own: the others run beside it. */
static void leases(void)
{
    int a = MUST(socket(AF_INET6, SOCK_DGRAM, 0)), b = MUST(socket(AF_INET6, SOCK_STREAM, 0));
    TRY(get(a, 0x101, IPV6_FL_S_ANY, 0));
    TRY(get(a, 0x100101, IPV6_FL_S_ANY, IPV6_FL_F_CREATE));
    TRY(get(a, 0x101, IPV6_FL_S_ANY, IPV6_FL_F_CREATE));
    TRY(get(b, 0x101, IPV6_FL_S_ANY, 0));
    TRY(get(b, 0x101, IPV6_FL_S_EXCL, 0));
    TRY(get(b, 0x101, IPV6_FL_S_ANY, IPV6_FL_F_CREATE | IPV6_FL_F_EXCL));
    TRY(get(a, 0x102, IPV6_FL_S_NONE, IPV6_FL_F_CREATE));
    TRY(get(a, 0x102, 9, IPV6_FL_F_CREATE));
    TRY(get(a, 0x103, PID_PRIVATE, IPV6_FL_F_CREATE));
    TRY(get(b, 0x103, PID_PRIVATE, 0));
    if (fork() == 0) {
        TRY(get(b, 0x103, PID_PRIVATE, 0));
        exit(0);
    }
    wait(NULL);
    TRY(put(a, 0x101));
    TRY(put(a, 0x101));
    TRY(lease(a, IPV6_FL_A_RENEW, 0x103, PID_PRIVATE, 0, 20));
    TRY(lease(a, IPV6_FL_A_RENEW, 0x104, PID_PRIVATE, 0, 20));
    TRY(lease(a, 7, 0x104, 0, 0, 0));
    TRY(get(a, 0x104, IPV6_FL_S_ANY, IPV6_FL_F_REFLECT));
    TRY(lease(b, IPV6_FL_A_PUT, 0x104, 0, IPV6_FL_F_REFLECT, 0));
    TRY(lease(a, IPV6_FL_A_PUT, 0x104, 0, IPV6_FL_F_REFLECT, 0));
    show_lease("of none", a, 0);
    struct in6_flowlabel_req any_label = {.flr_dst = {.s6_addr = {0xfd, [15] = 1}},
                                          .flr_share = IPV6_FL_S_EXCL,
                                          .flr_flags = IPV6_FL_F_CREATE};
    TRY(setsockopt(a, IPPROTO_IPV6, IPV6_FLOWLABEL_MGR, &any_label, sizeof any_label));
    say("a label was chosen: %d", any_label.flr_label != 0 && ntohl(any_label.flr_label) < 1 << 20);
    TRY(setsockopt(a, IPPROTO_IPV6, IPV6_FLOWLABEL_MGR, &any_label, 31));
}

static struct sockaddr_in6 labelled(int fd, uint32_t label)
{
    struct sockaddr_in6 to;
    socklen_t length = sizeof to;
    MUST(getsockname(fd, (struct sockaddr *)&to, &length));
    to.sin6_flowinfo = htonl(label);
    return to;
}

static void connections(void)
{
    int l = listener(1), c = stream_socket();
    struct sockaddr_in6 to = labelled(l, 0x202), shown;
    socklen_t length = sizeof shown;
    set_int(c, IPPROTO_IPV6, IPV6_FLOWINFO_SEND, 1);
    TRY(get(c, 0x201, IPV6_FL_S_EXCL, IPV6_FL_F_CREATE));
    TRY(connect(c, (struct sockaddr *)&to, sizeof to));
    to.sin6_flowinfo = htonl(0x201);
    TRY(connect(c, (struct sockaddr *)&to, sizeof to));
    int a = MUST(accept(l, NULL, NULL));
    show_lease("the client's", c, 0);
    show_lease("the server's", a, 0);
    show_lease("the peer's", a, IPV6_FL_F_REMOTE);
    MUST(getpeername(c, (struct sockaddr *)&shown, &length));
    say("its peer's address has %x", ntohl(shown.sin6_flowinfo));
    TRY(put(c, 0x201));
    show_lease("the client's, put", c, 0);
    MUST(getpeername(c, (struct sockaddr *)&shown, &length));
    say("its peer's address has %x", ntohl(shown.sin6_flowinfo));
}

/* Receives, and shows what came with it. */
static void show_flow(const char *what, int fd)
{
    union {
        struct cmsghdr header;
        char bytes[256];
    } control;
    char data[16];
    struct iovec iov = {data, sizeof data};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof control};
    settle();
    ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);
    say("%s: %s", what, n < 0 ? errno_name(errno) : "received");
    for (struct cmsghdr *h = n < 0 ? NULL : CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) {
        uint32_t v;
        memcpy(&v, CMSG_DATA(h), sizeof v);
        say("  level %d type %d: %x", h->cmsg_level, h->cmsg_type,
            h->cmsg_type == IPV6_FLOWINFO ? ntohl(v) : v);
    }
}

static void send_labelled(const char *what, int fd, uint32_t flowinfo)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(4)];
    } control = {.header = {.cmsg_len = CMSG_LEN(4),
                            .cmsg_level = IPPROTO_IPV6,
                            .cmsg_type = IPV6_FLOWINFO}};
    struct iovec iov = {(void *)"x", 1};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof control};
    flowinfo = htonl(flowinfo);
    memcpy(CMSG_DATA(&control.header), &flowinfo, sizeof flowinfo);
    ssize_t r = sendmsg(fd, &m, 0);
    say("sendmsg() with %s = %s", what, r < 0 ? errno_name(errno) : "all");
}

static void datagrams(void)
{
    int a, b;
    datagram_pair(&a, &b);
    struct sockaddr_in6 to = labelled(b, 0x301);
    set_int(b, IPPROTO_IPV6, IPV6_FLOWINFO, 1);
    set_int(b, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
    set_int(a, IPPROTO_IPV6, IPV6_AUTOFLOWLABEL, 0);
    TRY(send(a, "x", 1, 0));
    show_flow("without", b);
    TRY(get(a, 0x301, IPV6_FL_S_EXCL, IPV6_FL_F_CREATE));
    send_labelled("its own", a, 0x301);
    show_flow("its own", b);
    send_labelled("another", a, 0x302);
    set_int(a, IPPROTO_IPV6, IPV6_TCLASS, 0x28);
    send_labelled("a class", a, 0x0ff00301);
    show_flow("the socket's class", b);
    TRY(sendto(a, "x", 1, 0, (struct sockaddr *)&to, sizeof to));
    show_flow("in an address that is not looked at", b);
    set_int(a, IPPROTO_IPV6, IPV6_FLOWINFO_SEND, 1);
    TRY(sendto(a, "x", 1, 0, (struct sockaddr *)&to, sizeof to));
    show_flow("in an address", b);
    to.sin6_flowinfo = htonl(0x302);
    TRY(sendto(a, "x", 1, 0, (struct sockaddr *)&to, sizeof to));
    TRY(connect(a, (struct sockaddr *)&to, sizeof to));
    to.sin6_flowinfo = htonl(0x301);
    TRY(connect(a, (struct sockaddr *)&to, sizeof to));
    TRY(send(a, "x", 1, 0));
    show_flow("in the peer's", b);
    show_lease("the peer's", a, 0);
}

const struct scenario flow_label_scenarios[] = {{"flow-label-leases", leases, V6},
                                                {"flow-label-connections", connections, V6},
                                                {"flow-label-datagrams", datagrams, V6},
                                                {NULL, NULL, 0}};
