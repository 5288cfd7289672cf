/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios: what became of what was sent, as the error queue tells it: SO_TIMESTAMPING of what is
 * sent, MSG_ZEROCOPY. Streams by sendmsg(): what several write()s wrote may leave, and be told of,
 * as one.
 */
#include "differ.h"

#include <poll.h>
#include <time.h>

#include <linux/errqueue.h> /* needs <time.h> before it */
#include <linux/net_tstamp.h>

enum {
    SENT = SOF_TIMESTAMPING_TX_SOFTWARE,
    SCHED = SOF_TIMESTAMPING_TX_SCHED,
    ACKED = SOF_TIMESTAMPING_TX_ACK,
    TOLD = SOF_TIMESTAMPING_SOFTWARE,
    NUMBERED = SOF_TIMESTAMPING_OPT_ID,
    ONLY = SOF_TIMESTAMPING_OPT_TSONLY,
    MESSAGES = SOF_TIMESTAMPING_OPT_CMSG,
    NUMBER_MESSAGE = 81, /* SCM_TS_OPT_ID, Linux 6.13 */
};

/* A frame: an ethernet header of zeros, then that of IP, whose identification and sums are the
 * host's. */
static void show_frame(const unsigned char *frame, size_t len)
{
    size_t payload = 14 + (family == AF_INET ? 20 : 40) + 8;
    bool zeros = true;
    if (len < payload) {
        say("  %zu bytes", len);
        return;
    }
    for (int i = 0; i < 12; i++)
        zeros = zeros && frame[i] == 0;
    say("  a frame of %zu bytes, to and from %s, type %02x%02x, version %d, ends in \"%.*s\"", len,
        zeros ? "nobody" : "somebody", frame[12], frame[13], frame[14] >> 4, (int)(len - payload),
        frame + payload);
}

static void show_message(const struct cmsghdr *c)
{
    struct scm_timestamping stamps;
    struct {
        struct sock_extended_err ee;
        struct sockaddr_in offender;
    } error;

    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPING) {
        memcpy(&stamps, CMSG_DATA(c), sizeof stamps);
        say("  a stamp of now %d", llabs(stamps.ts[0].tv_sec - time(NULL)) < 60);
    } else if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
               (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR)) {
        memcpy(&error, CMSG_DATA(c), sizeof error);
        say("  error, %zu bytes: errno %u origin %u type %u code %u info %u data %u, offender %d",
            (size_t)c->cmsg_len - CMSG_LEN(0), error.ee.ee_errno, error.ee.ee_origin,
            error.ee.ee_type, error.ee.ee_code, error.ee.ee_info, error.ee.ee_data,
            error.offender.sin_family);
    } else {
        say("  level %d type %d, %zu bytes", c->cmsg_level, c->cmsg_type,
            (size_t)c->cmsg_len - CMSG_LEN(0));
    }
}

/* Takes all that the error queue has. */
static void show_queue(const char *when, int fd)
{
    unsigned char data[512];
    union {
        struct cmsghdr align;
        char bytes[512];
    } control;
    struct sockaddr_storage name;

    say("queue %s:", when);
    for (;;) {
        struct iovec iov = {data, sizeof data};
        struct msghdr msg = {.msg_name = &name,
                             .msg_namelen = sizeof name,
                             .msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
        ssize_t n = recvmsg(fd, &msg, MSG_ERRQUEUE);
        if (n < 0) {
            say("  %s", errno_name(errno));
            return;
        }
        say(" %zd bytes, flags %#x, name of %u", n, (unsigned)msg.msg_flags, msg.msg_namelen);
        if (n > 0)
            show_frame(data, (size_t)n);
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
            show_message(c);
    }
}

static bool told_of(int fd)
{
    struct pollfd p = {.fd = fd};
    return poll(&p, 1, 1000) == 1 && p.revents & POLLERR;
}

static void stamp(int fd, int flags)
{
    MUST(set_int(fd, SOL_SOCKET, SO_TIMESTAMPING, flags));
}

static void send_to(int fd, const char *text, int port)
{
    struct sockaddr_storage address = loopback(port);
    MUST((int)sendto(fd, text, strlen(text), 0, ADDRESS(address)));
}

/* A control message of SOL_SOCKET; of type 0: none. */
struct extra {
    int type;
    unsigned value;
};
static const struct extra nothing = {0, 0};

static ssize_t send_with(int fd, const char *text, int port, struct extra one, struct extra two,
                         int flags)
{
    const struct extra extras[2] = {one, two};
    union {
        struct cmsghdr align;
        char bytes[2 * CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct sockaddr_storage address = loopback(port);
    struct iovec iov = {(char *)(uintptr_t)text, strlen(text)};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control};

    if (port != 0) {
        msg.msg_name = &address;
        msg.msg_namelen = address_length();
    }
    for (int i = 0; i < 2 && extras[i].type != 0; i++) {
        struct cmsghdr *c = (void *)(control.bytes + (size_t)i * CMSG_SPACE(sizeof(int)));
        *c = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
                              .cmsg_type = extras[i].type,
                              .cmsg_len = CMSG_LEN(sizeof(int))};
        memcpy(CMSG_DATA(c), &extras[i].value, sizeof extras[i].value);
        msg.msg_controllen += CMSG_SPACE(sizeof(int));
    }
    return sendmsg(fd, &msg, flags);
}

#define EXTRA(type, value) ((struct extra){(type), (value)})
#define STAMP(flags) EXTRA(SO_TIMESTAMPING, (flags))
#define SEND(text, one, two) TRY(send_with(fd, text, port, one, two, 0))

/* ---- datagrams -------------------------------------------------------------------------- */

static void datagrams(void)
{
    int fd = bound_datagram(), to = bound_datagram(), port = port_of(to);
    stamp(fd, SENT | TOLD);
    send_to(fd, "one", port);
    TRY(told_of(fd));
    show_error("with a stamp waiting", fd);
    show_poll("with a stamp waiting", fd);
    show_queue("of one", fd);
    show_poll("after that", fd);
    stamp(fd, SENT | SCHED | TOLD | NUMBERED);
    send_to(fd, "two", port);
    send_to(fd, "three", port);
    show_queue("numbered", fd);
    stamp(fd, SENT | TOLD | NUMBERED | ONLY);
    send_to(fd, "four", port);
    stamp(fd, SENT);
    send_to(fd, "five", port);
    show_queue("without data, and not asked for", fd);
    stamp(fd, SENT | TOLD | NUMBERED);
    send_to(fd, "six", port);
    stamp(fd, 0);
    send_to(fd, "seven", port);
    show_queue("numbered anew, and turned off", fd);
}

static void datagrams_messages(void)
{
    int fd = bound_datagram(), to = bound_datagram(), port = port_of(to);
    bool v4 = family == AF_INET;
    MUST(set_int(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_PKTINFO : IPV6_RECVPKTINFO, 1));
    stamp(fd, SENT | TOLD);
    send_to(fd, "one", port);
    show_queue("without OPT_CMSG", fd);
    stamp(fd, SENT | TOLD | MESSAGES);
    send_to(fd, "one", port);
    show_queue("with OPT_CMSG", fd);
    stamp(fd, SENT | TOLD | MESSAGES | ONLY);
    send_to(fd, "one", port);
    show_queue("with OPT_CMSG and OPT_TSONLY", fd);
    MUST(set_int(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_RECVERR : IPV6_RECVERR, 1));
    send_to(fd, "one", port);
    show_queue("with IP_RECVERR", fd);
}

static void datagrams_each(void)
{
    int fd = bound_datagram(), to = bound_datagram(), port = port_of(to);
    stamp(fd, TOLD | ONLY | NUMBERED);
    SEND("none", nothing, nothing);
    SEND("sent", STAMP(SENT), nothing);
    SEND("both", STAMP(SENT | SCHED), nothing);
    SEND("ack", STAMP(ACKED), nothing);
    SEND("wrong", STAMP(TOLD), nothing);
    SEND("number", STAMP(SENT), EXTRA(NUMBER_MESSAGE, 77));
    SEND("again", STAMP(SENT), nothing);
    show_queue("each by itself", fd);
    stamp(fd, TOLD | ONLY);
    SEND("number", EXTRA(NUMBER_MESSAGE, 5), nothing);
    show_queue("in the end", fd);
}

/* Connected, and the queue longer than one. */
static void datagrams_connected(void)
{
    int a, b;
    struct iovec iov = {"hello", 5};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    datagram_pair(&a, &b);
    stamp(a, SENT | TOLD | ONLY | NUMBERED);
    TRY(sendmsg(a, &msg, 0));
    TRY(sendmsg(a, &msg, 0));
    TRY(told_of(a));
    show_queue("when connected", a);
    TRY(sendmsg(a, &msg, 0));
    show_recv("what came", b, 16, MSG_DONTWAIT);
    show_queue("again", a);
    show_poll("in the end", a);
}

static void select_queue(void)
{
    int fd = bound_datagram(), to = bound_datagram();
    struct pollfd p = {.fd = fd, .events = POLLPRI};
    MUST(set_int(fd, SOL_SOCKET, SO_SELECT_ERR_QUEUE, 1));
    stamp(fd, SENT | TOLD);
    send_to(fd, "one", port_of(to));
    TRY(poll(&p, 1, 1000));
    say("POLLERR %d, POLLPRI %d", !!(p.revents & POLLERR), !!(p.revents & POLLPRI));
}

/* ---- streams ---------------------------------------------------------------------------- */

static void stream_stamps(void)
{
    int fd, server, port = 0;
    char data[32];
    stream_pair(&fd, &server);
    stamp(fd, SENT | SCHED | ACKED | TOLD | ONLY | NUMBERED);
    SEND("hello", nothing, nothing);
    settle();
    TRY(recv(server, data, sizeof data, 0));
    show_queue("of a stream", fd);
    SEND("again", nothing, nothing);
    settle();
    show_queue("numbered on", fd);
    stamp(fd, TOLD | ONLY | NUMBERED);
    SEND("quiet", nothing, nothing);
    SEND("loud", STAMP(ACKED), nothing);
    SEND("wrong", STAMP(TOLD), nothing);
    settle();
    show_queue("of one write", fd);
    stamp(fd, SENT | TOLD | ONLY);
    MUST((int)write(fd, "written", 7));
    settle();
    show_queue("of write()", fd);
}

/* SO_TIMESTAMP of streams: when the last of what is read came. */
static void stream_times(void)
{
    int client, server;
    const int names[] = {SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMPING};
    stream_pair(&client, &server);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char data[16], control[128];
        struct iovec iov = {data, sizeof data};
        struct msghdr msg = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
        int on = names[i] == SO_TIMESTAMPING ? SOF_TIMESTAMPING_RX_SOFTWARE | TOLD : 1;
        int64_t seconds;
        MUST(set_int(server, SOL_SOCKET, names[i], on));
        settle(); /* the kernel begins to look at the clock a little later */
        MUST((int)send(client, "hello", 5, 0));
        settle();
        TRY(recvmsg(server, &msg, 0));
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
            memcpy(&seconds, CMSG_DATA(c), sizeof seconds);
            say("  level %d type %d, %zu bytes, a time of now %d", c->cmsg_level, c->cmsg_type,
                (size_t)c->cmsg_len - CMSG_LEN(0), llabs(seconds - time(NULL)) < 60);
        }
        MUST(set_int(server, SOL_SOCKET, names[i], 0));
    }
}

/* ---- MSG_ZEROCOPY ----------------------------------------------------------------------- */

static void zerocopy_stream(void)
{
    int fd, server, port = 0;
    static char block[300000], taken[300000];
    stream_pair(&fd, &server);
    TRY(send(fd, "early", 5, MSG_ZEROCOPY));
    settle();
    show_queue("before SO_ZEROCOPY", fd);
    TRY(set_int(fd, SOL_SOCKET, SO_ZEROCOPY, 2));
    TRY(set_int(fd, SOL_SOCKET, SO_ZEROCOPY, 1));
    OPTION(fd, SOL_SOCKET, SO_ZEROCOPY);
    TRY(send(fd, "one", 3, MSG_ZEROCOPY));
    settle();
    show_queue("of one", fd);
    SEND("not", nothing, nothing);
    TRY(send_with(fd, "two", 0, nothing, nothing, MSG_ZEROCOPY));
    TRY(send_with(fd, "three", 0, nothing, nothing, MSG_ZEROCOPY));
    settle();
    show_queue("of two, joined", fd);
    TRY(recv(server, taken, sizeof taken, 0));
    TRY(send(fd, block, sizeof block, MSG_ZEROCOPY));
    TRY(recv(server, taken, sizeof taken, MSG_WAITALL));
    settle();
    show_queue("of a long one", fd);
}

static void zerocopy_datagram(void)
{
    int fd = bound_datagram(), to = bound_datagram(), port = port_of(to);
    char data[16];
    TRY(set_int(fd, SOL_SOCKET, SO_ZEROCOPY, 1));
    OPTION(fd, SOL_SOCKET, SO_ZEROCOPY);
    SEND("not", nothing, nothing);
    TRY(send_with(fd, "one", port, nothing, nothing, MSG_ZEROCOPY));
    TRY(send_with(fd, "two", port, nothing, nothing, MSG_ZEROCOPY));
    TRY(recv(to, data, sizeof data, 0));
    TRY(recv(to, data, sizeof data, 0));
    TRY(recv(to, data, sizeof data, 0));
    settle();
    show_queue("of two", fd);
}

const struct scenario sent_scenarios[] = {{"sent-datagrams", datagrams, BOTH},
                                          {"sent-messages", datagrams_messages, BOTH},
                                          {"sent-each", datagrams_each, BOTH},
                                          {"sent-connected", datagrams_connected, BOTH},
                                          {"sent-select", select_queue, BOTH},
                                          {"sent-stream", stream_stamps, BOTH},
                                          {"times-stream", stream_times, BOTH},
                                          {"zerocopy-stream", zerocopy_stream, BOTH},
                                          {"zerocopy-datagram", zerocopy_datagram, BOTH},
                                          {NULL, NULL, 0}};
