/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: sock_diag(7): what a program is told of sockets, as `ss` asks it. */
#include "differ.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <stddef.h>
#include <sys/stat.h>

enum { ALL_STATES = 0xfff, EXTENSIONS = 0xff & ~(1 << (INET_DIAG_VEGASINFO - 1)) };

struct request {
    struct nlmsghdr h;
    struct inet_diag_req_v2 r;
    struct rtattr filter;
    char code[64];
};

static int diag_socket(void)
{
    return MUST(socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG));
}

static struct request about(int protocol, int sport, int dport)
{
    return (struct request){
        .h = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct inet_diag_req_v2)),
              .nlmsg_type = SOCK_DIAG_BY_FAMILY,
              .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
              .nlmsg_seq = 9},
        .r = {.sdiag_family = (uint8_t)family,
              .sdiag_protocol = (uint8_t)protocol,
              .idiag_ext = EXTENSIONS,
              .idiag_states = ALL_STATES,
              .id = {.idiag_sport = htons((uint16_t)sport), .idiag_dport = htons((uint16_t)dport)}},
    };
}

/* The attributes that every implementation has, in their order, and what of them is the same
 * everywhere. */
static void show_attributes(struct nlmsghdr *h, const struct inet_diag_msg *m)
{
    struct rtattr *a = (struct rtattr *)((char *)m + NLMSG_ALIGN(sizeof *m));
    size_t len = h->nlmsg_len - NLMSG_LENGTH(sizeof *m);
    char text[300] = "";
    for (; RTA_OK(a, len); a = RTA_NEXT(a, len)) {
        size_t at = strlen(text);
        const uint8_t *byte = RTA_DATA(a);
        struct tcp_info info = {0};
        switch (a->rta_type) {
        case INET_DIAG_SHUTDOWN:
            snprintf(text + at, sizeof text - at, " shutdown %d", *byte);
            break;
        case INET_DIAG_TOS:
            snprintf(text + at, sizeof text - at, " tos %d", *byte);
            break;
        case INET_DIAG_TCLASS:
            snprintf(text + at, sizeof text - at, " tclass %d", *byte);
            break;
        case INET_DIAG_SKV6ONLY:
            snprintf(text + at, sizeof text - at, " v6only %d", *byte);
            break;
        case INET_DIAG_INFO:
            memcpy(&info, byte, RTA_PAYLOAD(a) < sizeof info ? RTA_PAYLOAD(a) : sizeof info);
            snprintf(text + at, sizeof text - at, " info: state %d", info.tcpi_state);
            at = strlen(text);
            if (info.tcpi_state == TCP_LISTEN)
                snprintf(text + at, sizeof text - at, " unacked %u sacked %u cwnd %u rto %u",
                         info.tcpi_unacked, info.tcpi_sacked, info.tcpi_snd_cwnd, info.tcpi_rto);
            break;
        case INET_DIAG_CONG:
            snprintf(text + at, sizeof text - at, " cong%s", byte[0] ? "" : " empty");
            break;
        case INET_DIAG_MEMINFO:
            snprintf(text + at, sizeof text - at, " meminfo");
            break;
        case INET_DIAG_SKMEMINFO:
            snprintf(text + at, sizeof text - at, " skmeminfo");
            break;
        }
    }
    say("    attributes:%s", text);
}

static ino_t inode_of(int fd)
{
    struct stat st = {0};
    fstat(fd, &st);
    return st.st_ino;
}

static void show_message(struct nlmsghdr *h, int fd)
{
    const struct inet_diag_msg *m = NLMSG_DATA(h);
    const char *inode = m->idiag_inode == 0                         ? "none"
                        : fd >= 0 && m->idiag_inode == inode_of(fd) ? "the socket's"
                                                                    : "another";
    bool queues =
        m->idiag_family == family && m->idiag_state != TCP_CLOSE; /* UDP: by Linux's size */
    say("  state %d timer %d%s retrans %d queues %d %d uid %s inode %s", m->idiag_state,
        m->idiag_timer, m->idiag_expires ? " due" : "", m->idiag_retrans,
        queues ? (int)m->idiag_rqueue : -1, (int)m->idiag_wqueue,
        m->idiag_inode == 0 || m->idiag_uid == getuid() ? "mine" : "another's", inode);
    show_attributes(h, m);
}

/* Reads answers until the end; shows them, or counts only. `fd`: whose inode it should be. */
static int answers(int diag, int fd, bool show)
{
    static _Alignas(struct nlmsghdr) char bytes[65536];
    for (int n = 0;;) {
        ssize_t got = recv(diag, bytes, sizeof bytes, 0);
        size_t len = got < 0 ? 0 : (size_t)got;
        if (got <= 0) {
            say("  nothing: %s", errno_name(errno));
            return n;
        }
        for (struct nlmsghdr *h = (void *)bytes; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len)) {
            if (h->nlmsg_seq != 9 || h->nlmsg_pid != (uint32_t)getpid())
                say("  an answer to somebody else");
            if (h->nlmsg_type == NLMSG_DONE) {
                int error = -*(int *)NLMSG_DATA(h);
                if (error != 0)
                    say("  ends with %s", errno_name(error));
                return n;
            }
            if (h->nlmsg_type == NLMSG_ERROR) {
                say("  error %s", errno_name(-((struct nlmsgerr *)NLMSG_DATA(h))->error));
                return n;
            }
            n++;
            if (show)
                show_message(h, fd);
            if ((h->nlmsg_flags & NLM_F_MULTI) == 0)
                return n;
        }
    }
}

static int ask(const char *what, const struct request *q, int fd, bool show)
{
    int diag = diag_socket();
    say("%s", what);
    MUST(send(diag, q, q->h.nlmsg_len, 0));
    int n = answers(diag, fd, show);
    close(diag);
    return n;
}

static void show(const char *what, int protocol, int sport, int dport, int fd)
{
    struct request q = about(protocol, sport, dport);
    ask(what, &q, fd, true);
}

static int peer_port_of(int fd)
{
    struct sockaddr_storage a = {0};
    socklen_t len = sizeof a;
    getpeername(fd, (struct sockaddr *)&a, &len);
    return ntohs(((struct sockaddr_in *)&a)->sin_port);
}

static void diag_streams(void)
{
    int l = listener(5), first = connected_to(l), second = connected_to(l);
    settle();
    show("a listener with two waiting", IPPROTO_TCP, port_of(l), 0, l);
    int a = MUST(accept(l, NULL, NULL)), b = MUST(accept(l, NULL, NULL));
    if (peer_port_of(a) != port_of(first)) {
        int swap = a;
        a = b;
        b = swap;
    }
    set_int(first, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_int(a, IPPROTO_IP, IP_TOS, 0x10);
    MUST(send(first, "0123456789", 10, 0));
    settle();
    int port = port_of(l);
    show("who sent", IPPROTO_TCP, port_of(first), port, first);
    show("who has not read", IPPROTO_TCP, port, port_of(first), a);
    MUST(shutdown(second, SHUT_WR));
    settle();
    show("who has shut down", IPPROTO_TCP, port_of(second), port, second);
    show("its peer", IPPROTO_TCP, port, port_of(second), b);
    int closed = port_of(second);
    close(b);
    settle();
    show("who has shut down, and is over", IPPROTO_TCP, closed, port, second);
    close(second);
    int fresh = stream_socket();
    struct sockaddr_storage local = loopback(0);
    MUST(bind(fresh, ADDRESS(local)));
    show("bound only", IPPROTO_TCP, port_of(fresh), 0, fresh);
}

static void diag_datagrams(void)
{
    int a = bound_datagram(), b = bound_datagram();
    show("a datagram socket", IPPROTO_UDP, port_of(a), 0, a);
    struct sockaddr_storage to = loopback(port_of(a));
    MUST(connect(b, ADDRESS(to)));
    show("one with a peer", IPPROTO_UDP, port_of(b), port_of(a), b);
    struct request q = about(IPPROTO_UDP, port_of(b), 0);
    q.r.idiag_states = 1 << TCP_CLOSE;
    say("%d of them without a peer", ask("by state", &q, b, false));
}

/* Once it is answered for by the connection, then by its listener, then by nobody. */
static void diag_exactly(void)
{
    int l = listener(5), c = connected_to(l);
    struct request q = about(IPPROTO_TCP, port_of(l), port_of(c));
    struct sockaddr_storage local = loopback(0);
    size_t at = family == AF_INET ? offsetof(struct sockaddr_in, sin_addr)
                                  : offsetof(struct sockaddr_in6, sin6_addr);
    settle();
    memcpy(q.r.id.idiag_src, (char *)&local + at, family == AF_INET ? 4 : 16);
    memcpy(q.r.id.idiag_dst, q.r.id.idiag_src, sizeof q.r.id.idiag_dst);
    q.r.id.idiag_cookie[0] = q.r.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    q.h.nlmsg_flags = NLM_F_REQUEST;
    int accepted = MUST(accept(l, NULL, NULL));
    ask("the connection", &q, accepted, true);
    q.r.id.idiag_dport = 1;
    ask("its listener", &q, l, true);
    close(l);
    close(accepted);
    close(c);
    q.r.id.idiag_sport = htons((uint16_t)unused_port(SOCK_STREAM));
    ask("nobody", &q, -1, true);
}

static void diag_errors(void)
{
    struct request q = about(IPPROTO_TCP, 0, 0);
    q.r.sdiag_family = 99;
    ask("a family", &q, -1, true);
    q = about(200, 0, 0);
    ask("a protocol", &q, -1, true);
    q = about(IPPROTO_TCP, 0, 0);
    q.h.nlmsg_len = NLMSG_LENGTH(8);
    ask("too short", &q, -1, true);
    q = about(IPPROTO_TCP, 0, 0);
    q.h.nlmsg_type = SOCK_DIAG_BY_FAMILY + 5;
    ask("another question", &q, -1, true);
}

struct condition {
    struct inet_diag_bc_op op, value;
};

/* As `ss` compiles it: "sport >= p and sport <= p"; then an address. */
static void diag_filters(void)
{
    int l = listener(5), c = connected_to(l);
    uint16_t port = (uint16_t)port_of(l);
    struct condition both[] = {{{INET_DIAG_BC_S_GE, 8, 20}, {0, 0, port}},
                               {{INET_DIAG_BC_S_LE, 8, 12}, {0, 0, port}}};
    struct request q = about(IPPROTO_TCP, 0, 0);
    settle();
    q.filter =
        (struct rtattr){.rta_type = INET_DIAG_REQ_BYTECODE, .rta_len = RTA_LENGTH(sizeof both)};
    memcpy(q.code, both, sizeof both);
    q.h.nlmsg_len += q.filter.rta_len;
    say("%d of that port", ask("from and to", &q, -1, false));
    both[1].value.no = (uint16_t)(port - 1);
    memcpy(q.code, both, sizeof both);
    say("%d of none", ask("an empty range", &q, -1, false));

    enum { HOST = sizeof(struct inet_diag_bc_op), IP = HOST + sizeof(struct inet_diag_hostcond) };
    char net[IP + 4];
    struct inet_diag_bc_op op = {INET_DIAG_BC_S_COND, sizeof net, sizeof net + 4};
    struct inet_diag_hostcond host = {AF_INET, 8, port};
    uint32_t address = htonl(0x7f000000);
    memcpy(net, &op, sizeof op);
    memcpy(net + HOST, &host, sizeof host);
    memcpy(net + IP, &address, sizeof address);
    q.filter.rta_len = RTA_LENGTH(sizeof net);
    q.h.nlmsg_len = NLMSG_LENGTH(sizeof q.r) + q.filter.rta_len;
    memcpy(q.code, net, sizeof net);
    say("%d in the network", ask("127.0.0.0/8", &q, -1, false));
    close(c);
}

/* Marks are set, and asked for, by administrators. */
static void diag_marks(void)
{
    int l = listener(5);
    struct {
        struct inet_diag_bc_op op;
        struct inet_diag_markcond cond;
    } code = {{INET_DIAG_BC_MARK_COND, sizeof code, sizeof code + 4}, {7, 0xff}};
    struct request q = about(IPPROTO_TCP, 0, port_of(l));
    TRY(set_int(l, SOL_SOCKET, SO_MARK, 0x107));
    q.filter =
        (struct rtattr){.rta_type = INET_DIAG_REQ_BYTECODE, .rta_len = RTA_LENGTH(sizeof code)};
    q.h.nlmsg_len += q.filter.rta_len;
    memcpy(q.code, &code, sizeof code);
    say("%d of that mark", ask("7/0xff", &q, -1, false));
    code.cond = (struct inet_diag_markcond){8, 8};
    memcpy(q.code, &code, sizeof code);
    say("%d of another", ask("8/8", &q, -1, false));
}

/* More than a program's queue takes at once: the rest comes as it reads. */
static void diag_many(void)
{
    enum { MANY = 250 };
    int to = bound_datagram();
    struct sockaddr_storage peer = loopback(port_of(to));
    for (int i = 0; i < MANY; i++)
        MUST(connect(datagram_socket(), ADDRESS(peer)));
    struct request q = about(IPPROTO_UDP, 0, port_of(to));
    say("%d of %d", ask("many", &q, -1, false), MANY);
    int diag = diag_socket();
    for (int i = 0; i < 2; i++) {
        MUST(send(diag, &q, q.h.nlmsg_len, 0));
        say("%d again", answers(diag, -1, false));
    }
}

const struct scenario diag_scenarios[] = {
    {"diag-streams", diag_streams, BOTH}, {"diag-datagrams", diag_datagrams, BOTH},
    {"diag-exactly", diag_exactly, BOTH}, {"diag-errors", diag_errors, V4},
    {"diag-filters", diag_filters, V4},   {"diag-marks", diag_marks, V4},
    {"diag-many", diag_many, V4},         {NULL, NULL, 0},
};
