/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: a socket before it has a peer: fresh, bound, in conflict over a port, without a route.
 */
#include "differ.h"

#include <arpa/inet.h>

static void fresh(void)
{
    int fd = FD(socket(family, SOCK_STREAM, 0));
    show_poll("fresh", fd);
    show_names("fresh", fd);
    show_error("fresh", fd);
    TRY(recv(fd, NULL, 0, 0));
    TRY(send(fd, "x", 1, MSG_NOSIGNAL));
    TRY(shutdown(fd, SHUT_WR));
    TRY(shutdown(fd, 3));
    TRY(accept(fd, NULL, NULL));
    OPTION(fd, SOL_SOCKET, SO_TYPE);
    OPTION(fd, SOL_SOCKET, SO_DOMAIN);
    OPTION(fd, SOL_SOCKET, SO_PROTOCOL);
    OPTION(fd, SOL_SOCKET, SO_ACCEPTCONN);
    TRY(close(fd));
}

static void flags(void)
{
    int fd = FD(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
    say("NONBLOCK %d CLOEXEC %d", !!(fcntl(fd, F_GETFL) & O_NONBLOCK), fcntl(fd, F_GETFD));
    int plain = stream_socket();
    say("NONBLOCK %d CLOEXEC %d", !!(fcntl(plain, F_GETFL) & O_NONBLOCK), fcntl(plain, F_GETFD));
    say("access mode %d", fcntl(plain, F_GETFL) & O_ACCMODE);
    FD(socket(family, SOCK_STREAM, IPPROTO_UDP));
    FD(socket(family, SOCK_DGRAM, IPPROTO_TCP));
    FD(socket(family, SOCK_SEQPACKET, 0));
    FD(socket(family, SOCK_RDM, 0));
    FD(socket(family, 77, 0));
    FD(socket(family, SOCK_STREAM | 0x100000, 0));
    FD(socket(12345, SOCK_STREAM, 0));
    int two[2];
    TRY(socketpair(family, SOCK_STREAM, 0, two));
}

static void binding(void)
{
    int fd = stream_socket();
    struct sockaddr_storage free_port = any(0), local = loopback(0);
    TRY(bind(fd, ADDRESS(free_port)));
    show_names("after bind to any:0", fd);
    TRY(bind(fd, ADDRESS(local)));
    int other = stream_socket();
    TRY(bind(other, ADDRESS(local)));
    show_names("after bind to loopback:0", other);
    int third = stream_socket();
    TRY(bind(third, (struct sockaddr *)&local, 4));
    TRY(bind(third, NULL, 16));
    local.ss_family = AF_UNIX;
    TRY(bind(third, ADDRESS(local)));
    show_poll("of a bound socket", other);
    TRY(accept(other, NULL, NULL));
}

static void bind_elsewhere(void)
{
    int fd = stream_socket();
    struct sockaddr_storage address = loopback(0);
    const char *foreign = family == AF_INET ? "192.0.2.1" : "2001:db8::1";
    if (family == AF_INET)
        inet_pton(AF_INET, foreign, &((struct sockaddr_in *)&address)->sin_addr);
    else
        inet_pton(AF_INET6, foreign, &((struct sockaddr_in6 *)&address)->sin6_addr);
    TRY(bind(fd, ADDRESS(address)));
    TRY(connect(fd, ADDRESS(address)));
    int datagram = datagram_socket();
    TRY(bind(datagram, ADDRESS(address)));
    ((struct sockaddr_in *)&address)->sin_port = htons(9);
    TRY(connect(datagram, ADDRESS(address)));
    TRY(sendto(datagram, "x", 1, 0, ADDRESS(address)));
}

static void bind_wrong_family(void)
{
    int fd = stream_socket();
    struct sockaddr_storage address = {0};
    address.ss_family = family == AF_INET ? AF_INET6 : AF_INET;
    TRY(bind(fd, (struct sockaddr *)&address, sizeof(struct sockaddr_in6)));
    TRY(bind(fd, (struct sockaddr *)&address, sizeof(struct sockaddr_in)));
    TRY(connect(fd, (struct sockaddr *)&address, sizeof(struct sockaddr_in6)));
    address.ss_family = AF_UNSPEC;
    TRY(bind(fd, (struct sockaddr *)&address, sizeof(struct sockaddr_in6)));
    address.ss_family = 99;
    int other = stream_socket();
    TRY(bind(other, (struct sockaddr *)&address, sizeof(struct sockaddr_in6)));
    TRY(connect(other, (struct sockaddr *)&address, sizeof(struct sockaddr_in6)));
}

/* Two sockets at one port: what the options of the first and the second allow. */
static void conflict(const char *what, int option, bool first_has, bool second_has, bool listening)
{
    int first = stream_socket(), second = stream_socket();
    struct sockaddr_storage address = loopback(0);
    if (first_has)
        MUST(set_int(first, SOL_SOCKET, option, 1));
    if (second_has)
        MUST(set_int(second, SOL_SOCKET, option, 1));
    MUST(bind(first, ADDRESS(address)));
    if (listening)
        MUST(listen(first, 4));
    address = loopback(port_of(first));
    int bound = bind(second, ADDRESS(address));
    say("%s, first %d second %d, first listens %d: bind = %s", what, first_has, second_has,
        listening, bound < 0 ? errno_name(errno) : "0");
    if (bound == 0)
        TRY(listen(second, 4));
    if (bound == 0 && !listening)
        TRY(listen(first, 4));
    close(first);
    close(second);
}

static void bind_conflicts(void)
{
    for (int i = 0; i < 8; i++) {
        conflict("SO_REUSEADDR", SO_REUSEADDR, i & 1, i & 2, i & 4);
        conflict("SO_REUSEPORT", SO_REUSEPORT, i & 1, i & 2, i & 4);
    }
}

static void bind_any_conflict(void)
{
    int first = stream_socket(), second = stream_socket();
    struct sockaddr_storage address = any(0);
    TRY(bind(first, ADDRESS(address)));
    address = loopback(port_of(first));
    TRY(bind(second, ADDRESS(address)));
    TRY(close(first));
    TRY(bind(second, ADDRESS(address)));
}

static void unroutable(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(7)};
    const char *hosts[] = {"224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.9"};
    for (int i = 0; i < 4; i++) {
        int fd = stream_socket(), datagram = datagram_socket();
        inet_pton(AF_INET, hosts[i], &address.sin_addr);
        say("%s", hosts[i]);
        TRY(connect(fd, (struct sockaddr *)&address, sizeof address));
        TRY(connect(datagram, (struct sockaddr *)&address, sizeof address));
        close(fd);
        close(datagram);
    }
}

const struct scenario open_scenarios[] = {{"tcp-fresh", fresh, BOTH},
                                          {"socket-flags", flags, BOTH},
                                          {"tcp-bind", binding, BOTH},
                                          {"bind-elsewhere", bind_elsewhere, BOTH},
                                          {"bind-wrong-family", bind_wrong_family, BOTH},
                                          {"bind-conflicts", bind_conflicts, BOTH},
                                          {"bind-any-conflict", bind_any_conflict, BOTH},
                                          {"unroutable", unroutable, V4},
                                          {NULL, NULL, 0}};
