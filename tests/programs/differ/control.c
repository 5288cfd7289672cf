/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: control messages: what receivers are told of datagrams, what senders may say of one.
 */
#include "differ.h"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <time.h>

/* Newer than some headers. */
enum {
    TIMESTAMP_NEW = 63,
    TIMESTAMPNS_NEW = 64,
    TIMESTAMPING_NEW = 65,
    ORIGDSTADDR = 20,
    ORIGDSTADDR6 = 74,
    SEGMENT = 103
};

struct told {
    const char *name;
    int families, level, option, value;
};

static const struct told options[] = {
    {"IP_PKTINFO", V4, IPPROTO_IP, IP_PKTINFO, 1},
    {"IP_RECVTTL", V4, IPPROTO_IP, IP_RECVTTL, 1},
    {"IP_RECVTOS", V4, IPPROTO_IP, IP_RECVTOS, 1},
    {"IP_RECVOPTS", V4, IPPROTO_IP, IP_RECVOPTS, 1},
    {"IP_RETOPTS", V4, IPPROTO_IP, IP_RETOPTS, 1},
    {"IP_RECVORIGDSTADDR", V4, IPPROTO_IP, ORIGDSTADDR, 1},
    {"IPV6_RECVPKTINFO", V6, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1},
    {"IPV6_RECVHOPLIMIT", V6, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1},
    {"IPV6_RECVTCLASS", V6, IPPROTO_IPV6, IPV6_RECVTCLASS, 1},
    {"IPV6_2292PKTINFO", V6, IPPROTO_IPV6, 2, 1},
    {"IPV6_2292HOPLIMIT", V6, IPPROTO_IPV6, 8, 1},
    {"IPV6_RECVHOPOPTS", V6, IPPROTO_IPV6, IPV6_RECVHOPOPTS, 1},
    {"IPV6_RECVORIGDSTADDR", V6, IPPROTO_IPV6, ORIGDSTADDR6, 1},
    {"SO_TIMESTAMP", BOTH, SOL_SOCKET, SO_TIMESTAMP, 1},
    {"SO_TIMESTAMPNS", BOTH, SOL_SOCKET, SO_TIMESTAMPNS, 1},
    {"SO_TIMESTAMP_NEW", BOTH, SOL_SOCKET, TIMESTAMP_NEW, 1},
    {"SO_TIMESTAMPNS_NEW", BOTH, SOL_SOCKET, TIMESTAMPNS_NEW, 1},
    {"SO_TIMESTAMPING, filtered, not asked", BOTH, SOL_SOCKET, SO_TIMESTAMPING, 16 | 1 << 17},
    {"SO_TIMESTAMPING, filtered", BOTH, SOL_SOCKET, SO_TIMESTAMPING, 8 | 16 | 1 << 17},
    {"SO_TIMESTAMPING, by software", BOTH, SOL_SOCKET, SO_TIMESTAMPING, 8 | 16},
    {"SO_TIMESTAMPING, new, by software", BOTH, SOL_SOCKET, TIMESTAMPING_NEW, 8 | 16},
    {"SO_RXQ_OVFL", BOTH, SOL_SOCKET, SO_RXQ_OVFL, 1},
};

static bool concerns(const struct told *t)
{
    return t->families & (family == AF_INET ? V4 : V6);
}

/* ---- what is received ------------------------------------------------------------------- */

static bool is_time(const struct cmsghdr *c)
{
    int t = c->cmsg_type;
    return c->cmsg_level == SOL_SOCKET &&
           (t == SO_TIMESTAMP || t == SO_TIMESTAMPNS || t == SO_TIMESTAMPING ||
            (t >= TIMESTAMP_NEW && t <= TIMESTAMPING_NEW));
}

static void show_control(const struct cmsghdr *c, size_t len)
{
    unsigned char data[256];
    char text[600] = "";
    struct sockaddr_storage address = {0};
    int64_t seconds;

    memcpy(data, CMSG_DATA(c), len < sizeof data ? len : sizeof data);
    if (is_time(c)) {
        memcpy(&seconds, data, sizeof seconds);
        say("  level %d type %d: %zu bytes, a time of now %d", c->cmsg_level, c->cmsg_type, len,
            llabs(seconds - time(NULL)) < 60);
        return;
    }
    if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == ORIGDSTADDR) ||
        (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == ORIGDSTADDR6)) {
        say("  level %d type %d", c->cmsg_level, c->cmsg_type);
        memcpy(&address, data, len);
        show_address("  was for", &address, (socklen_t)len);
        return;
    }
    for (size_t i = 0; i < len && i < 40; i++)
        snprintf(text + 3 * i, sizeof text - 3 * i, " %02x", data[i]);
    say("  level %d type %d:%s", c->cmsg_level, c->cmsg_type, text);
}

/* Receives what there is, with so much room for control messages. */
static void receive(const char *what, int fd, size_t room)
{
    static char data[70000];
    _Alignas(size_t) char control[512];
    struct iovec io = {data, sizeof data};
    struct msghdr message = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = room};
    ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT);
    if (n < 0) {
        say("%s: %s", what, errno_name(errno));
        return;
    }
    say("%s: %zd bytes, flags %#x, control %zu", what, n, (unsigned)message.msg_flags,
        (size_t)message.msg_controllen);
    if (message.msg_controllen < sizeof(struct cmsghdr))
        return;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c))
        show_control(c, c->cmsg_len - CMSG_LEN(0));
}

static void send_to(int fd, int server)
{
    struct sockaddr_storage address = loopback(port_of(server));
    MUST((int)sendto(fd, "x", 1, 0, ADDRESS(address)));
    settle();
}

static void each(void)
{
    int client = datagram_socket();
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (!concerns(&options[i]))
            continue;
        int server = bound_datagram();
        if (set_int(server, options[i].level, options[i].option, options[i].value) < 0)
            say("%s: %s", options[i].name, errno_name(errno));
        send_to(client, server);
        receive(options[i].name, server, 512);
        close(server);
    }
}

static void every(void)
{
    int server = bound_datagram(), client = datagram_socket();
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (concerns(&options[i]))
            MUST(set_int(server, options[i].level, options[i].option, options[i].value));
    send_to(client, server);
    receive("all options", server, 512);
}

static void little_room(void)
{
    int server = bound_datagram(), client = datagram_socket();
    if (family == AF_INET) {
        MUST(set_int(server, IPPROTO_IP, IP_PKTINFO, 1));
        MUST(set_int(server, IPPROTO_IP, IP_RECVTTL, 1));
        MUST(set_int(server, IPPROTO_IP, IP_RECVTOS, 1));
    } else {
        MUST(set_int(server, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1));
        MUST(set_int(server, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1));
        MUST(set_int(server, IPPROTO_IPV6, IPV6_RECVTCLASS, 1));
    }
    for (size_t room = 0; room < 100; room += room < 16 ? 8 : 3) {
        char what[32];
        snprintf(what, sizeof what, "room for %zu bytes", room);
        send_to(client, server);
        receive(what, server, room);
    }
}

/* The last address of lo's prefix is all hosts there: it is heard, but no answer comes from it. */
static void to_all(void)
{
    int server = datagram_socket(), client = datagram_socket();
    struct sockaddr_storage all = any(0);
    MUST(bind(server, ADDRESS(all)));
    MUST(set_int(server, IPPROTO_IP, IP_PKTINFO, 1));
    MUST(set_int(client, SOL_SOCKET, SO_BROADCAST, 1));
    all = loopback(port_of(server));
    ((struct sockaddr_in *)&all)->sin_addr.s_addr = htonl(0x7fffffff);
    TRY(sendto(client, "x", 1, 0, ADDRESS(all)));
    receive("to all", server, 512);
}

/* A socket of IPv6, told of a datagram of IPv4. */
static void of_the_other_family(void)
{
    int server = datagram_socket();
    struct sockaddr_storage address = any(0);
    MUST(bind(server, ADDRESS(address)));
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        MUST(set_int(server, options[i].level, options[i].option, options[i].value));
    family = AF_INET;
    int client = datagram_socket();
    send_to(client, server);
    receive("over IPv4", server, 512);
    family = AF_INET6;
    client = datagram_socket();
    send_to(client, server);
    receive("over IPv6", server, 512);
}

/* The options of time stamps know of each other: the last one set decides. */
static void times(void)
{
    static const int names[] = {SO_TIMESTAMP, SO_TIMESTAMPNS, TIMESTAMP_NEW, TIMESTAMPNS_NEW};
    int server = bound_datagram(), client = datagram_socket();
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 8; j++) {
            MUST(set_int(server, SOL_SOCKET, names[i], 1));
            MUST(set_int(server, SOL_SOCKET, names[j % 4], j < 4));
            say("%d on, %d %s", names[i], names[j % 4], j < 4 ? "on" : "off");
            for (int k = 0; k < 4; k++)
                show_option("  is", server, SOL_SOCKET, names[k]);
            send_to(client, server);
            receive("  with", server, 512);
        }
    }
}

/* With the address it came from, which finds the next one at once. */
static ssize_t next_datagram(int fd, void *data, size_t size)
{
    struct sockaddr_storage from;
    socklen_t length = sizeof from;
    return recvfrom(fd, data, size, MSG_DONTWAIT, (struct sockaddr *)&from, &length);
}

/* SO_RXQ_OVFL tells how many were dropped before a datagram that found room again. */
static void overflow(void)
{
    int server = bound_datagram(), client = datagram_socket();
    struct sockaddr_storage address = loopback(port_of(server));
    char data[1000] = "";
    MUST(set_int(server, SOL_SOCKET, SO_RCVBUF, 1));
    MUST(set_int(server, SOL_SOCKET, SO_RXQ_OVFL, 1));
    for (int i = 0; i < 100; i++)
        MUST((int)sendto(client, data, sizeof data, 0, ADDRESS(address)));
    settle();
    int got = 0;
    while (next_datagram(server, data, sizeof data) > 0)
        got++;
    MUST((int)sendto(client, data, 1, 0, ADDRESS(address)));
    settle();
    _Alignas(size_t) char control[64];
    struct iovec io = {data, sizeof data};
    struct msghdr message = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    MUST((int)recvmsg(server, &message, MSG_DONTWAIT));
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    uint32_t drops = 0;
    if (c)
        memcpy(&drops, CMSG_DATA(c), sizeof drops);
    say("told of %d, type %d, %s", c != NULL, c ? c->cmsg_type : 0,
        drops + (uint32_t)got == 100 ? "all accounted for" : "some neither received nor told of");
}

/* ---- what is sent ----------------------------------------------------------------------- */

static int server_told; /* by all options of its family */

static void send_with(const char *what, int client, int level, int type, const void *value,
                      size_t len)
{
    _Alignas(size_t) char control[128] = {0};
    struct sockaddr_storage address = loopback(port_of(server_told));
    struct iovec io = {"x", 1};
    struct msghdr message = {.msg_name = &address,
                             .msg_namelen = address_length(),
                             .msg_iov = &io,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = CMSG_SPACE(len)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(len);
    memcpy(CMSG_DATA(c), value, len);
    ssize_t n = sendmsg(client, &message, 0);
    say("%s, level %d type %d, %zu bytes: %s", what, level, type, len,
        n < 0 ? errno_name(errno) : "sent");
    if (n >= 0) {
        poll(&(struct pollfd){.fd = server_told, .events = POLLIN}, 1, 1000);
        receive("  received", server_told, 512);
    }
}

static void send_number(int client, int level, int type, int v)
{
    char what[32];
    snprintf(what, sizeof what, "number %d", v);
    send_with(what, client, level, type, &v, sizeof v);
}

/* What may be said depends on privilege, which a run gives nobody. */
static void be_ordinary(void)
{
    enum { NOBODY = 65534 };
    if (geteuid() == 0)
        MUST(setuid(NOBODY));
}

static void say_of_one(void)
{
    static const int values[] = {-2, -1, 0, 1, 7, 0x10, 255, 256};
    static const struct {
        int level, type;
    } numbers[] = {
        {IPPROTO_IP, IP_TTL},
        {IPPROTO_IP, IP_TOS},
        {IPPROTO_IPV6, IPV6_HOPLIMIT},
        {IPPROTO_IPV6, IPV6_TCLASS},
        {IPPROTO_IPV6, IPV6_DONTFRAG},
        {IPPROTO_IPV6, 8},
        {SOL_SOCKET, SO_MARK},
        {SOL_SOCKET, SO_TIMESTAMPING},
        {SOL_SOCKET, SCM_RIGHTS},
        {SOL_SOCKET, 9999},
        {IPPROTO_IP, 9999},
        {IPPROTO_IPV6, 9999},
        {IPPROTO_UDP, 9999},
        {IPPROTO_TCP, 1},
    };
    be_ordinary();
    int client = datagram_socket();
    server_told = bound_datagram();
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (concerns(&options[i]) && options[i].level != SOL_SOCKET)
            MUST(set_int(server_told, options[i].level, options[i].option, 1));
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        for (size_t v = 0; v < sizeof values / sizeof values[0]; v++)
            send_number(client, numbers[i].level, numbers[i].type, values[v]);
        send_with("a byte", client, numbers[i].level, numbers[i].type, "\7", 1);
        send_with("two bytes", client, numbers[i].level, numbers[i].type, "\7", 2);
        send_with("eight bytes", client, numbers[i].level, numbers[i].type, "\7\0\0\0\0\0\0", 8);
    }
}

static void from_address(void)
{
    int client = datagram_socket();
    server_told = bound_datagram();
    struct in_pktinfo info = {0};
    struct in6_pktinfo info6 = {0};
    if (family == AF_INET) {
        MUST(set_int(server_told, IPPROTO_IP, IP_PKTINFO, 1));
        static const char *const from[] = {"0.0.0.0", "127.0.0.1", "127.9.9.9", "192.0.2.1",
                                           "224.0.0.1"};
        for (int i = 0; i < 5; i++) {
            inet_pton(AF_INET, from[i], &info.ipi_spec_dst);
            send_with(from[i], client, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
        }
        info = (struct in_pktinfo){.ipi_ifindex = 1};
        send_with("by lo", client, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
        send_with("too short", client, IPPROTO_IP, IP_PKTINFO, &info, sizeof info - 1);
        send_with("of IPv6", client, IPPROTO_IPV6, IPV6_PKTINFO, &info6, sizeof info6);
        return;
    }
    MUST(set_int(server_told, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1));
    static const char *const from[] = {"::", "::1", "2001:db8::1", "ff02::1"};
    for (int i = 0; i < 4; i++) {
        inet_pton(AF_INET6, from[i], &info6.ipi6_addr);
        send_with(from[i], client, IPPROTO_IPV6, IPV6_PKTINFO, &info6, sizeof info6);
    }
    info6 = (struct in6_pktinfo){.ipi6_ifindex = 1};
    send_with("by lo", client, IPPROTO_IPV6, IPV6_PKTINFO, &info6, sizeof info6);
    send_with("too short", client, IPPROTO_IPV6, IPV6_PKTINFO, &info6, sizeof info6 - 1);
    send_with("of IPv4", client, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
}

/* ---- many datagrams by one call --------------------------------------------------------- */

static void send_segments(int client, int server, const char *what, size_t len, uint16_t segment)
{
    static char data[70000];
    _Alignas(size_t) char control[CMSG_SPACE(sizeof segment)] = {0};
    struct sockaddr_storage address = loopback(port_of(server));
    struct iovec io = {data, len};
    struct msghdr message = {
        .msg_name = &address, .msg_namelen = address_length(), .msg_iov = &io, .msg_iovlen = 1};
    if (segment) {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        *c = (struct cmsghdr){CMSG_LEN(sizeof segment), IPPROTO_UDP, SEGMENT};
        memcpy(CMSG_DATA(c), &segment, sizeof segment);
    }
    ssize_t n = sendmsg(client, &message, 0);
    say("%s: %zu bytes in segments of %u: %zd %s", what, len, segment, n,
        n < 0 ? errno_name(errno) : "");
    settle();
    char sizes[400] = "";
    int count = 0;
    while ((n = next_datagram(server, data, sizeof data)) >= 0)
        if (count++ < 12)
            snprintf(sizes + strlen(sizes), sizeof sizes - strlen(sizes), " %zd", n);
    say("  received %d:%s", count, sizes);
}

static void segments(void)
{
    int server = bound_datagram(), client = datagram_socket();
    MUST(set_int(server, SOL_SOCKET, SO_RCVBUF, 1 << 20));
    send_segments(client, server, "as a control message", 1000, 300);
    send_segments(client, server, "exactly", 900, 300);
    send_segments(client, server, "one", 300, 300);
    send_segments(client, server, "less than one", 200, 300);
    send_segments(client, server, "nothing", 0, 300);
    send_segments(client, server, "of a byte", 20, 1);
    send_segments(client, server, "many", 128, 1);
    send_segments(client, server, "too many", 129, 1);
    send_segments(client, server, "too much", 66000, 1400);
    TRY(set_int(client, IPPROTO_UDP, SEGMENT, 400));
    send_segments(client, server, "by the option", 1000, 0);
    send_segments(client, server, "both", 1000, 600);
    TRY(set_int(client, IPPROTO_UDP, SEGMENT, 0));
    send_segments(client, server, "by neither", 1000, 0);
    TRY(set_int(client, SOL_SOCKET, SO_NO_CHECK, 1));
    send_segments(client, server, "without checksums", 1000, 300);
    struct sockaddr_storage address = loopback(port_of(server));
    char data[20];
    int connected = datagram_socket();
    MUST(connect(connected, ADDRESS(address)));
    MUST(set_int(connected, IPPROTO_UDP, SEGMENT, 4));
    TRY(write(connected, "aaaabbbbcc", 10));
    settle();
    for (int i = 0; i < 4; i++) {
        ssize_t n = next_datagram(server, data, sizeof data);
        say("received %zd: %.*s", n, (int)(n > 0 ? n : 0), data);
    }
}

/* ---- how much waits --------------------------------------------------------------------- */

static void show_queues(const char *what, int fd)
{
    int in = -1, out = -1;
    int r = ioctl(fd, SIOCINQ, &in);
    say("%s: SIOCINQ %d %s", what, in, r < 0 ? errno_name(errno) : "");
    r = ioctl(fd, SIOCOUTQ, &out);
    say("%s: SIOCOUTQ %d %s", what, out, r < 0 ? errno_name(errno) : "");
}

static void queues(void)
{
    int listening = listener(4), client, server, a, b;
    show_queues("a stream", stream_socket());
    show_queues("a listener", listening);
    stream_pair(&client, &server);
    show_queues("a connection", client);
    MUST((int)write(client, "abcdef", 6));
    settle();
    show_queues("its writer", client);
    show_queues("its reader", server);
    show_recv("two bytes", server, 2, 0);
    show_queues("its reader", server);
    TRY(shutdown(client, SHUT_WR));
    settle();
    show_queues("a reader at the end", server);
    TRY(ioctl(server, SIOCINQ, NULL));
    TRY(ioctl(client, SIOCOUTQNSD, &(int){0}));
    show_queues("a datagram socket", datagram_socket());
    datagram_pair(&a, &b);
    MUST((int)send(a, "abc", 3, 0));
    MUST((int)send(a, "defgh", 5, 0));
    settle();
    show_queues("with two datagrams", b);
    show_recv("the first", b, 10, 0);
    show_queues("with one", b);
    MUST((int)send(a, "", 0, 0));
    show_recv("the second", b, 10, 0);
    settle();
    show_queues("with an empty one", b);
}

const struct scenario control_scenarios[] = {
    {"control-each", each, BOTH},
    {"control-all", every, BOTH},
    {"control-little-room", little_room, BOTH},
    {"control-to-all", to_all, V4},
    {"control-of-the-other-family", of_the_other_family, V6},
    {"control-times", times, BOTH},
    {"control-overflow", overflow, BOTH},
    {"control-sent", say_of_one, BOTH},
    {"control-from-address", from_address, BOTH},
    {"segments", segments, BOTH},
    {"queues", queues, BOTH},
    {NULL, NULL, 0}};
