/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: which way a datagram takes that goes to all, or to the other family; and when it came.
 */
#include "differ.h"

#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>

static struct sockaddr_storage to_all(int port)
{
    struct sockaddr_storage address = {0};
    *(struct sockaddr_in *)&address = (struct sockaddr_in){.sin_family = AF_INET,
                                                           .sin_port = htons((uint16_t)port),
                                                           .sin_addr.s_addr = INADDR_BROADCAST};
    return address;
}

/* With no route to it, the sender's own address says on which link all are meant. */
static void broadcast(void)
{
    struct sockaddr_storage all = to_all(0), own = loopback(0);
    int hearer = datagram_socket(), sender = datagram_socket(), other = datagram_socket();
    TRY(bind(hearer, ADDRESS(all)));
    show_names("bound to all", hearer);
    all = to_all(port_of(hearer));
    TRY(sendto(other, "none", 4, 0, ADDRESS(all)));
    TRY(bind(sender, ADDRESS(own)));
    TRY(sendto(sender, "not allowed", 11, 0, ADDRESS(all)));
    MUST(set_int(sender, SOL_SOCKET, SO_BROADCAST, 1));
    TRY(sendto(sender, "by address", 10, 0, ADDRESS(all)));
    settle();
    show_recv("by address", hearer, 32, MSG_DONTWAIT);
    MUST(set_int(other, SOL_SOCKET, SO_BROADCAST, 1));
    TRY(sendto(other, "no way", 6, 0, ADDRESS(all)));
    TRY(setsockopt(other, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
    TRY(sendto(other, "by device", 9, 0, ADDRESS(all)));
    settle();
    show_recv("by device", hearer, 32, MSG_DONTWAIT);
    TRY(connect(sender, ADDRESS(all)));
    TRY(sendto(sender, "connected", 9, 0, ADDRESS(all)));
    settle();
    show_recv("connected", hearer, 32, MSG_DONTWAIT);
}

/* Who is bound there sends from an address that the route chooses. */
static void bound_to_all(void)
{
    struct sockaddr_storage all = to_all(0), from;
    socklen_t length = sizeof from;
    int sender = datagram_socket(), hearer = bound_datagram();
    struct sockaddr_storage address = loopback(port_of(hearer));
    char data[8];
    TRY(bind(sender, ADDRESS(all)));
    TRY(sendto(sender, "x", 1, 0, ADDRESS(address)));
    TRY(recvfrom(hearer, data, sizeof data, 0, (struct sockaddr *)&from, &length));
    show_address("from", &from, length);
    TRY(connect(sender, ADDRESS(address)));
    show_names("connected", sender);
}

/* A peer of IPv6 is no reason not to send to IPv4; an address of IPv6 is. */
static void other_family(void)
{
    struct sockaddr_storage peer = loopback(9), own = loopback(0), from;
    socklen_t length = sizeof from;
    char data[8];
    int hearer = socket(AF_INET, SOCK_DGRAM, 0), connected = datagram_socket(),
        bound = datagram_socket();
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    MUST(bind(hearer, (struct sockaddr *)&to, sizeof to));
    to.sin_port = htons((uint16_t)port_of(hearer));
    TRY(connect(connected, ADDRESS(peer)));
    TRY(sendto(connected, "x", 1, 0, (struct sockaddr *)&to, sizeof to));
    TRY(recvfrom(hearer, data, sizeof data, MSG_DONTWAIT, (struct sockaddr *)&from, &length));
    show_address("from", &from, length);
    show_names("still", connected);
    TRY(bind(bound, ADDRESS(own)));
    TRY(sendto(bound, "x", 1, 0, (struct sockaddr *)&to, sizeof to));
}

static void show_stamp(const char *when, int fd, struct timeval *last)
{
    struct timeval stamp = {0};
    if (ioctl(fd, SIOCGSTAMP_OLD, &stamp) < 0) {
        say("SIOCGSTAMP %s = %s", when, errno_name(errno));
        return;
    }
    struct timeval now;
    gettimeofday(&now, NULL);
    long ago = now.tv_sec - stamp.tv_sec;
    say("SIOCGSTAMP %s: %s, %s", when, ago >= -1 && ago < 60 ? "of late" : "some other time",
        timercmp(&stamp, last, ==)  ? "the same"
        : timercmp(&stamp, last, >) ? "later"
                                    : "earlier");
    *last = stamp;
}

static void stamps(void)
{
    int a, b, stream = stream_socket();
    char data[8];
    struct timeval last = {0};
    struct timespec ns = {0};
    datagram_pair(&a, &b);
    show_stamp("of a stream", stream, &last);
    show_stamp("when nothing came", b, &last);
    MUST((int)send(a, "x", 1, 0));
    settle();
    show_stamp("when nothing was read", b, &last);
    TRY(recv(b, data, sizeof data, 0));
    show_stamp("after a native read", b, &last);
    show_stamp("again", b, &last);
    MUST((int)send(a, "x", 1, 0));
    settle();
    TRY(recvfrom(b, data, sizeof data, 0, NULL, &(socklen_t){0}));
    show_stamp("after the next", b, &last);
    TRY(ioctl(b, SIOCGSTAMPNS_OLD, &ns));
    say("in ns: %s",
        ns.tv_sec == last.tv_sec && ns.tv_nsec / 1000 == last.tv_usec ? "the same" : "not");
    MUST(set_int(b, SOL_SOCKET, SO_TIMESTAMP, 1));
    MUST((int)send(a, "x", 1, 0));
    settle();
    TRY(recv(b, data, sizeof data, 0));
    show_stamp("with SO_TIMESTAMP", b, &last);
    TRY(ioctl(b, SIOCGSTAMP_OLD, NULL));
}

/* A small SO_RCVBUF: some have room, not all, whoever reads them. */
static void small_buffer(void)
{
    enum { SENT = 12, SIZE = 2304 };
    static char data[SIZE];
    int server = bound_datagram(), client = datagram_socket(), received = 0;
    struct sockaddr_storage address = loopback(port_of(server));
    MUST(set_int(server, SOL_SOCKET, SO_RCVBUF, 2 * SIZE));
    for (int i = 0; i < SENT; i++)
        MUST((int)sendto(client, data, SIZE, 0, ADDRESS(address)));
    settle();
    while (recv(server, data, SIZE, MSG_DONTWAIT) == SIZE)
        received++;
    say("some are received: %d, not all: %d", received > 1, received < SENT);
    MUST((int)sendto(client, data, SIZE, 0, ADDRESS(address)));
    settle();
    show_recv("then another", server, 1, MSG_DONTWAIT);
}

/* ::ffff:127.0.0.1 */
static struct sockaddr_storage mapped(int port)
{
    struct sockaddr_storage storage = {.ss_family = AF_INET6};
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&storage;
    in6->sin6_port = htons((uint16_t)port);
    in6->sin6_addr.s6_addr[10] = in6->sin6_addr.s6_addr[11] = 0xff;
    in6->sin6_addr.s6_addr[12] = 127;
    in6->sin6_addr.s6_addr[15] = 1;
    return storage;
}

/* Who had a peer of IPv6 keeps its address toward one of IPv4. */
static void peer_of_another_family(void)
{
    int fd = datagram_socket();
    struct sockaddr_storage six = loopback(unused_port(SOCK_DGRAM)), four = mapped(9), none = {0};
    TRY(connect(fd, ADDRESS(six)));
    TRY(connect(fd, ADDRESS(four)));
    show_names("of one that had a peer of IPv6", fd);
    TRY(sendto(fd, "x", 1, 0, ADDRESS(none)));
    TRY(sendto(fd, "x", 1, 0, ADDRESS(four)));
    settle();
    show_poll("nothing is heard of it", fd);
    TRY(connect(fd, ADDRESS(six)));
    fd = datagram_socket();
    TRY(connect(fd, ADDRESS(four)));
    struct sockaddr_storage any6 = any(0);
    TRY(sendto(fd, "x", 1, MSG_OOB, ADDRESS(any6)));
    TRY(sendto(fd, "x", 1, 0, ADDRESS(six)));
}

/* It hears nothing any more, and is closed: who sends to it is told. */
static void shut_and_closed(void)
{
    int a, b;
    char byte;
    datagram_pair(&a, &b);
    struct sockaddr_storage from;
    socklen_t length = sizeof from;
    TRY(shutdown(a, SHUT_RDWR));
    MUST(close(a));
    MUST((int)send(b, "x", 1, 0));
    settle();
    set_nonblocking(b);
    TRY((int)recvfrom(b, &byte, 1, 0, (struct sockaddr *)&from, &length));
}

/* The family of a group is that of the level, whatever the socket's is. */
static void group_families(void)
{
    static const int levels[] = {IPPROTO_IP, IPPROTO_IPV6};
    static const int families[] = {AF_UNSPEC, AF_INET, AF_INET6};
    int fd = datagram_socket();
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 3; k++) {
            struct group_req one = {.gr_interface = 1};
            struct group_source_req two = {.gsr_interface = 1};
            one.gr_group.ss_family = two.gsr_group.ss_family = (sa_family_t)families[k];
            say("level %d family %d", levels[i], families[k]);
            TRY(setsockopt(fd, levels[i], MCAST_JOIN_GROUP, &one, sizeof one));
            TRY(setsockopt(fd, levels[i], MCAST_JOIN_SOURCE_GROUP, &two, sizeof two));
        }
}

const struct scenario udp_way_scenarios[] = {
    {"udp-broadcast", broadcast, V4},
    {"udp-bound-to-all", bound_to_all, V4},
    {"udp-other-family", other_family, V6},
    {"udp-stamps", stamps, BOTH},
    {"udp-small-buffer", small_buffer, BOTH},
    {"udp-peer-of-another-family", peer_of_another_family, V6},
    {"udp-shut-and-closed", shut_and_closed, BOTH},
    {"group-families", group_families, BOTH},
    {NULL, NULL, 0}};
