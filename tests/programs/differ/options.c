/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: socket options: defaults, what setting changes, and which errors wrong use gives. */
#include "differ.h"

#include <arpa/inet.h>

/* Sets an int option and prints what became of it. */
static void change(const char *what, int fd, int level, int option, int value)
{
    if (set_int(fd, level, option, value) < 0)
        say("setsockopt %s %d = %s", what, value, errno_name(errno));
    show_option(what, fd, level, option);
}
#define CHANGE(fd, level, option, value) change(#option, fd, level, option, value)

static void at_socket_level(int fd)
{
    OPTION(fd, SOL_SOCKET, SO_TYPE);
    OPTION(fd, SOL_SOCKET, SO_DOMAIN);
    OPTION(fd, SOL_SOCKET, SO_PROTOCOL);
    OPTION(fd, SOL_SOCKET, SO_REUSEADDR);
    CHANGE(fd, SOL_SOCKET, SO_REUSEADDR, 5);
    OPTION(fd, SOL_SOCKET, SO_REUSEPORT);
    CHANGE(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    OPTION(fd, SOL_SOCKET, SO_KEEPALIVE);
    CHANGE(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    OPTION(fd, SOL_SOCKET, SO_BROADCAST);
    CHANGE(fd, SOL_SOCKET, SO_BROADCAST, 1);
    OPTION(fd, SOL_SOCKET, SO_OOBINLINE);
    OPTION(fd, SOL_SOCKET, SO_DONTROUTE);
    OPTION(fd, SOL_SOCKET, SO_PRIORITY);
    CHANGE(fd, SOL_SOCKET, SO_PRIORITY, 3);
    OPTION(fd, SOL_SOCKET, SO_RCVLOWAT);
    CHANGE(fd, SOL_SOCKET, SO_RCVBUF, 10000);
    CHANGE(fd, SOL_SOCKET, SO_RCVBUF, 1);
    CHANGE(fd, SOL_SOCKET, SO_SNDBUF, 20000);
    CHANGE(fd, SOL_SOCKET, SO_SNDBUF, 1);
    OPTION(fd, SOL_SOCKET, SO_TIMESTAMP);
    OPTION(fd, SOL_SOCKET, SO_ACCEPTCONN);
    CHANGE(fd, SOL_SOCKET, SO_TYPE, 1);
    CHANGE(fd, SOL_SOCKET, SO_ERROR, 1);
    CHANGE(fd, SOL_SOCKET, SO_ACCEPTCONN, 1);
}

static void socket_level_stream(void)
{
    at_socket_level(stream_socket());
}

static void socket_level_datagram(void)
{
    at_socket_level(datagram_socket());
}

static void tcp_level(void)
{
    int fd = stream_socket();
    CHANGE(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    CHANGE(fd, IPPROTO_TCP, TCP_NODELAY, 0);
    OPTION(fd, IPPROTO_TCP, TCP_CORK);
    CHANGE(fd, IPPROTO_TCP, TCP_CORK, 1);
    OPTION(fd, IPPROTO_TCP, TCP_KEEPIDLE);
    CHANGE(fd, IPPROTO_TCP, TCP_KEEPIDLE, 30);
    CHANGE(fd, IPPROTO_TCP, TCP_KEEPIDLE, 0);
    CHANGE(fd, IPPROTO_TCP, TCP_KEEPIDLE, 40000);
    OPTION(fd, IPPROTO_TCP, TCP_KEEPINTVL);
    CHANGE(fd, IPPROTO_TCP, TCP_KEEPINTVL, 5);
    OPTION(fd, IPPROTO_TCP, TCP_KEEPCNT);
    CHANGE(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
    CHANGE(fd, IPPROTO_TCP, TCP_KEEPCNT, 200);
    OPTION(fd, IPPROTO_TCP, TCP_SYNCNT);
    OPTION(fd, IPPROTO_TCP, TCP_USER_TIMEOUT);
    CHANGE(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 5000);
    OPTION(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT);
    OPTION(fd, IPPROTO_TCP, TCP_LINGER2);
    OPTION(fd, IPPROTO_TCP, TCP_QUICKACK);
    CHANGE(fd, IPPROTO_TCP, TCP_MAXSEG, 1000);
    CHANGE(fd, IPPROTO_TCP, TCP_MAXSEG, 10);
    CHANGE(fd, IPPROTO_TCP, 9999, 1);
    CHANGE(fd, IPPROTO_UDP, 1, 1);
}

static void tcp_maximum_segment(void)
{
    int client, server, size = 0;
    stream_pair(&client, &server);
    socklen_t length = sizeof size;
    TRY(getsockopt(client, IPPROTO_TCP, TCP_MAXSEG, &size, &length));
    say("segments of a connection may be large %d", size > 500);
    CHANGE(client, IPPROTO_TCP, TCP_NODELAY, 1);
    OPTION(server, IPPROTO_TCP, TCP_NODELAY);
}

static void ip_level(void)
{
    int fd = stream_socket();
    OPTION(fd, IPPROTO_IP, IP_TTL);
    CHANGE(fd, IPPROTO_IP, IP_TTL, 7);
    CHANGE(fd, IPPROTO_IP, IP_TTL, 0);
    CHANGE(fd, IPPROTO_IP, IP_TTL, 256);
    CHANGE(fd, IPPROTO_IP, IP_TTL, -1);
    OPTION(fd, IPPROTO_IP, IP_TOS);
    CHANGE(fd, IPPROTO_IP, IP_TOS, 0x10);
    OPTION(fd, SOL_SOCKET, SO_PRIORITY); /* follows */
    OPTION(fd, IPPROTO_IP, IP_MTU_DISCOVER);
    OPTION(fd, IPPROTO_IP, IP_RECVERR);
    OPTION(fd, IPPROTO_IP, IP_FREEBIND);
    CHANGE(fd, IPPROTO_IP, 9999, 1);
    OPTION(fd, 12345, 1);
    CHANGE(fd, 12345, 1, 1);
}

static void ipv6_level(void)
{
    int fd = stream_socket();
    OPTION(fd, IPPROTO_IPV6, IPV6_V6ONLY);
    CHANGE(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    OPTION(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS);
    CHANGE(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 7);
    CHANGE(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 256);
    CHANGE(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, -1);
    OPTION(fd, IPPROTO_IPV6, IPV6_TCLASS);
    CHANGE(fd, IPPROTO_IPV6, IPV6_TCLASS, 0x10);
    OPTION(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO);
    CHANGE(fd, IPPROTO_IPV6, 9999, 1);
    struct sockaddr_storage address = any(0);
    MUST(bind(fd, ADDRESS(address)));
    CHANGE(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    int v4 = MUST(socket(AF_INET, SOCK_STREAM, 0));
    OPTION(v4, IPPROTO_IPV6, IPV6_V6ONLY);
}

static void wrong_use(void)
{
    int fd = stream_socket(), value = 1;
    char small = 1;
    socklen_t length = sizeof value;
    TRY(setsockopt(fd, SOL_SOCKET, 9999, &value, sizeof value));
    TRY(getsockopt(fd, SOL_SOCKET, 9999, &value, &length));
    TRY(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &small, 1));
    TRY(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, NULL, sizeof value));
    TRY(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &small, 1));
    length = 1;
    value = 0;
    TRY(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &length));
    say("value %d, length %u", value, length);
    length = 100;
    TRY(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &length));
    say("value %d, length %u", value, length);
    length = (socklen_t)-1;
    TRY(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &length));
    length = sizeof value;
    TRY(getsockopt(fd, SOL_SOCKET, SO_TYPE, NULL, &length));
    TRY(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, NULL));
    TRY(setsockopt(fd, SOL_SOCKET, SO_LINGER, &value, sizeof value));
    TRY(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &value, sizeof value));
    struct timeval wrong = {.tv_usec = 2000000};
    TRY(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wrong, sizeof wrong));
}

static void timeouts(void)
{
    int fd = stream_socket();
    struct timeval limit = {.tv_sec = 9};
    socklen_t length = sizeof limit;
    TRY(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, &length));
    say("SO_RCVTIMEO %ld, length %u", (long)limit.tv_sec, length);
    limit.tv_sec = 2;
    TRY(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit));
    limit.tv_sec = 0;
    TRY(getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, &length));
    say("SO_SNDTIMEO %ld, length %u", (long)limit.tv_sec, length);
}

static void peer_credentials(void)
{
    int client, server;
    struct ucred credentials = {1, 1, 1};
    socklen_t length = sizeof credentials;
    stream_pair(&client, &server);
    TRY(getsockopt(client, SOL_SOCKET, SO_PEERCRED, &credentials, &length));
    say("pid %d, uid %d, gid %d, length %u", credentials.pid, (int)credentials.uid,
        (int)credentials.gid, length);
}

static void congestion_control(void)
{
    int fd = stream_socket();
    char name[16] = "";
    socklen_t length = sizeof name;
    TRY(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &length));
    say("has a name %d, length %u", name[0] != '\0', length);
    TRY(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
    TRY(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &length));
    say("%s", name);
    TRY(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "nonsense", 8));
}

/* One socket for both families: IPv6 with IPV6_V6ONLY off. */
static void dual_stack(void)
{
    int fd = stream_socket();
    struct sockaddr_storage address = any(0);
    TRY(bind(fd, ADDRESS(address)));
    MUST(listen(fd, 4));
    int port = port_of(fd);
    family = AF_INET;
    int client = stream_socket(), conflicting = stream_socket();
    address = loopback(port);
    TRY(connect(client, ADDRESS(address)));
    show_names("of the IPv4 client", client);
    int server = MUST(accept(fd, NULL, NULL));
    show_names("of the accepted", server);
    OPTION(server, SOL_SOCKET, SO_DOMAIN);
    TRY(send(client, "x", 1, 0));
    show_recv("by the accepted", server, 10, 0);
    TRY(bind(conflicting, ADDRESS(address)));
    family = AF_INET6;
    int native = stream_socket();
    address = loopback(port);
    TRY(connect(native, ADDRESS(address)));
    show_names("of the IPv6 client", native);
}

static void only_ipv6(void)
{
    int fd = stream_socket();
    struct sockaddr_storage address = any(0);
    TRY(set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1));
    MUST(bind(fd, ADDRESS(address)));
    MUST(listen(fd, 4));
    int port = port_of(fd);
    family = AF_INET;
    int client = stream_socket(), beside = stream_socket();
    address = loopback(port);
    TRY(connect(client, ADDRESS(address)));
    TRY(bind(beside, ADDRESS(address)));
    TRY(listen(beside, 4));
    int second = stream_socket();
    TRY(connect(second, ADDRESS(address)));
}

static struct sockaddr_storage mapped(int port)
{
    struct sockaddr_storage address = loopback(port);
    struct in6_addr *in6 = &((struct sockaddr_in6 *)&address)->sin6_addr;
    memset(in6, 0, sizeof *in6);
    in6->s6_addr[10] = in6->s6_addr[11] = 0xff;
    in6->s6_addr[12] = 127;
    in6->s6_addr[15] = 1;
    return address;
}

static void mapped_addresses(void)
{
    family = AF_INET;
    int fd = listener(4), datagram = bound_datagram();
    family = AF_INET6;
    int client = stream_socket(), bound = stream_socket(), only6 = stream_socket();
    struct sockaddr_storage address = mapped(port_of(fd)), free_port = mapped(0);
    TRY(connect(client, ADDRESS(address)));
    show_names("of an IPv6 socket at a mapped address", client);
    TRY(bind(bound, ADDRESS(free_port)));
    show_names("bound to a mapped address", bound);
    MUST(set_int(only6, IPPROTO_IPV6, IPV6_V6ONLY, 1));
    TRY(connect(only6, ADDRESS(address)));
    TRY(bind(only6, ADDRESS(free_port)));
    int sender = datagram_socket();
    address = mapped(port_of(datagram));
    TRY(sendto(sender, "x", 1, 0, ADDRESS(address)));
    struct sockaddr_storage from;
    socklen_t length = sizeof from;
    char data[8];
    TRY(recvfrom(datagram, data, sizeof data, 0, (struct sockaddr *)&from, &length));
    show_address("from", &from, length);
    TRY(sendto(datagram, "y", 1, 0, (struct sockaddr *)&from, length));
    length = sizeof from;
    TRY(recvfrom(sender, data, sizeof data, 0, (struct sockaddr *)&from, &length));
    show_address("answer from", &from, length);
}

/* What is for administrators; who is none is told so. */
static void administrators(void)
{
    int fd = stream_socket();
    for (int nobody = geteuid() != 0; nobody < 2; nobody++) {
        if (nobody && geteuid() == 0)
            MUST(setuid(65534));
        CHANGE(fd, SOL_SOCKET, SO_MARK, 7);
        CHANGE(fd, SOL_SOCKET, SO_DEBUG, 1);
        CHANGE(fd, SOL_SOCKET, SO_DEBUG, 0);
        CHANGE(fd, SOL_SOCKET, SO_PRIORITY, 7);
        CHANGE(fd, SOL_SOCKET, SO_RCVBUFFORCE, 1000000);
        OPTION(fd, SOL_SOCKET, SO_RCVBUF);
        CHANGE(fd, SOL_SOCKET, SO_SNDBUFFORCE, 1000000);
        OPTION(fd, SOL_SOCKET, SO_SNDBUF);
    }
}

/* IPV6_ADDRFORM: before there is a peer, with one of IPv6, with one of IPv4. */
static void addrform(void)
{
    for (int stream = 0; stream < 2; stream++) {
        for (int v4 = 0; v4 < 2; v4++) {
            int type = stream ? SOCK_STREAM : SOCK_DGRAM;
            int server = MUST(socket(AF_INET6, type, 0)), fd = MUST(socket(AF_INET6, type, 0));
            struct sockaddr_in6 address = {.sin6_family = AF_INET6};
            struct sockaddr_storage name;
            socklen_t len = sizeof address;
            inet_pton(AF_INET6, v4 ? "::ffff:127.0.0.1" : "::1", &address.sin6_addr);
            MUST(bind(server, (struct sockaddr *)&address, sizeof address));
            MUST(getsockname(server, (struct sockaddr *)&address, &len));
            MUST(stream ? listen(server, 1) : 0);
            OPTION(fd, IPPROTO_IPV6, IPV6_ADDRFORM);
            TRY(set_int(fd, IPPROTO_IPV6, IPV6_ADDRFORM, AF_INET));
            MUST(connect(fd, (struct sockaddr *)&address, sizeof address));
            OPTION(fd, IPPROTO_IPV6, IPV6_ADDRFORM);
            TRY(set_int(fd, IPPROTO_IPV6, IPV6_ADDRFORM, AF_INET6));
            TRY(set_int(fd, IPPROTO_IPV6, IPV6_ADDRFORM, AF_INET));
            OPTION(fd, SOL_SOCKET, SO_DOMAIN);
            len = sizeof name;
            TRY(getpeername(fd, (struct sockaddr *)&name, &len));
            show_address("peer", &name, len);
            TRY(send(fd, "x", 1, 0));
        }
    }
}

/* To bind() to an address that is not ours. */
static void strange_address(void)
{
    bool v4 = family == AF_INET;
    struct sockaddr_storage address = loopback(0);
    int fd = datagram_socket();
    inet_pton(family, v4 ? "192.0.2.7" : "2001:db8::7",
              v4 ? (void *)&((struct sockaddr_in *)&address)->sin_addr
                 : (void *)&((struct sockaddr_in6 *)&address)->sin6_addr);
    TRY(bind(fd, ADDRESS(address)));
    TRY(set_int(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TRANSPARENT : IPV6_TRANSPARENT, 1));
    TRY(bind(fd, ADDRESS(address)));
    fd = stream_socket();
    TRY(set_int(fd, IPPROTO_IP, IP_FREEBIND, 1));
    TRY(bind(fd, ADDRESS(address)));
    TRY(listen(fd, 1));
}

static void show_info(const char *what, int fd)
{
    struct tcp_info i;
    socklen_t length = sizeof i;
    MUST(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &i, &length));
    say("%s: state %d, unacked %u, sacked %u, cwnd %u, reordering %u, rto %u, variation %u, mss "
        "%u, ato %u, room %u",
        what, i.tcpi_state, i.tcpi_unacked, i.tcpi_sacked, i.tcpi_snd_cwnd, i.tcpi_reordering,
        i.tcpi_rto, i.tcpi_rttvar, i.tcpi_snd_mss, i.tcpi_ato, i.tcpi_rcv_space);
}

/* TCP_INFO without a connection. */
static void no_connection(void)
{
    show_info("fresh", stream_socket());
    show_info("listener", listener(3));
}

const struct scenario option_scenarios[] = {
    {"options-no-connection", no_connection, BOTH},
    {"options-addrform", addrform, V6},
    {"options-strange-address", strange_address, BOTH},
    {"options-administrators", administrators, BOTH},
    {"options-socket-stream", socket_level_stream, BOTH},
    {"options-socket-datagram", socket_level_datagram, BOTH},
    {"options-tcp", tcp_level, BOTH},
    {"options-tcp-maximum-segment", tcp_maximum_segment, BOTH},
    {"options-ip", ip_level, V4},
    {"options-ipv6", ipv6_level, V6},
    {"options-wrong-use", wrong_use, BOTH},
    {"options-timeouts", timeouts, BOTH},
    {"options-peer-credentials", peer_credentials, BOTH},
    {"options-congestion-control", congestion_control, BOTH},
    {"dual-stack", dual_stack, V6},
    {"only-ipv6", only_ipv6, V6},
    {"mapped-addresses", mapped_addresses, V6},
    {NULL, NULL, 0}};
