/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: the server's side of opening a stream: listen, accept, backlog, SO_REUSEPORT. */
#include "differ.h"

#include <signal.h>
#include <sys/resource.h>

static void listening(void)
{
    int fd = stream_socket();
    TRY(listen(fd, 4));
    show_names("after listen without bind", fd);
    OPTION(fd, SOL_SOCKET, SO_ACCEPTCONN);
    show_poll("of a listener", fd);
    TRY(listen(fd, 1));
    TRY(listen(fd, -1));
    TRY(recv(fd, NULL, 0, 0));
    TRY(send(fd, "x", 1, MSG_NOSIGNAL));
    struct sockaddr_storage address = loopback(port_of(fd));
    TRY(connect(fd, ADDRESS(address)));
    set_nonblocking(fd);
    FD(accept(fd, NULL, NULL));
    FD(accept4(fd, NULL, NULL, 0x4000));
    int client = connected_to(fd);
    show_poll("with a client waiting", fd);
    int server = FD(accept(fd, NULL, NULL));
    show_poll("after accept", fd);
    TRY(listen(client, 1));
    TRY(listen(server, 1));
}

static void accepting(void)
{
    int fd = listener(8);
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    show_names("of the listener", fd);
    int client = connected_to(fd);
    show_names("of the client", client);
    memset(&peer, 0xee, sizeof peer);
    int server = FD(accept(fd, (struct sockaddr *)&peer, &length));
    show_address("accepted", &peer, length);
    show_names("of the accepted", server);
    show_poll("of the accepted", server);
    OPTION(server, SOL_SOCKET, SO_ACCEPTCONN);
    OPTION(server, SOL_SOCKET, SO_DOMAIN);
    connected_to(fd);
    length = 4;
    FD(accept(fd, (struct sockaddr *)&peer, &length));
    say("with room for 4 bytes: length %u", length);
    connected_to(fd);
    length = (socklen_t)-1;
    FD(accept(fd, (struct sockaddr *)&peer, &length));
    set_nonblocking(fd);
    FD(accept(fd, NULL, NULL));
    connected_to(fd);
    FD(accept(fd, (struct sockaddr *)8, &length));
    FD(accept(fd, NULL, NULL));
}

static void accept_in_vain(int listening, int other)
{
    char *nowhere = (char *)8;
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;

    FD(accept(listening, NULL, NULL));
    FD(accept(listening, (struct sockaddr *)&peer, &length));
    FD(accept(listening, (struct sockaddr *)nowhere, &length));
    FD(accept4(listening, NULL, NULL, 0x4000));
    FD(accept(other, NULL, NULL));
    FD(accept(STDOUT_FILENO, NULL, NULL));
    FD(accept(-1, NULL, NULL));
}

/* Who has no number free for a descriptor hears that, whatever else there would be to say. */
static void accept_without_number(void)
{
    struct rlimit limit = {64, 64};
    struct sockaddr_storage address;
    pid_t client;
    int last = -1, next;

    for (int inherited_fd = 3; inherited_fd < 1000; inherited_fd++)
        close(inherited_fd);
    int fd = listener(8), other[] = {stream_socket(), datagram_socket()};
    set_nonblocking(fd);
    MUST(setrlimit(RLIMIT_NOFILE, &limit));
    while ((next = dup(fd)) >= 0)
        last = next;
    say("the last is %d", last);
    for (int blocking = 0; blocking < 2; blocking++) {
        MUST(fcntl(fd, F_SETFL, blocking ? 0 : O_NONBLOCK));
        accept_in_vain(fd, other[blocking]);
    }
    FD(socket(family, SOCK_STREAM, 0));
    FD(socket(family, SOCK_STREAM, 77));
    FD(socket(family, SOCK_DGRAM, 0));
    FD(socket(AF_NETLINK, SOCK_RAW, 0));
    FD(socket(family, 0x4001, 0));
    TRY(socketpair(family, SOCK_STREAM, 0, other));

    set_nonblocking(fd);
    MUST(close(20));
    FD(accept(fd, NULL, NULL)); /* there is one in the middle */
    MUST(dup(fd));
    limit.rlim_cur = 30;
    MUST(setrlimit(RLIMIT_NOFILE, &limit));
    FD(accept(fd, NULL, NULL)); /* and none below the limit, but many above */
    MUST(close(40));
    FD(accept(fd, NULL, NULL));
    MUST(close(29));
    FD(accept(fd, NULL, NULL));
    MUST(dup(fd));

    address = loopback(port_of(fd));
    client = fork();
    if (client == 0) {
        MUST(close(21));
        MUST(connect(stream_socket(), ADDRESS(address)));
        pause();
    }
    poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 5000);
    accept_in_vain(fd, other[0]);
    MUST(close(25));
    FD(accept(fd, NULL, NULL));
    kill(client, SIGKILL);
}

static void accept_flags(void)
{
    int fd = listener(8);
    connected_to(fd);
    connected_to(fd);
    connected_to(fd);
    int plain = MUST(accept4(fd, NULL, NULL, 0));
    int both = MUST(accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
    set_nonblocking(fd);
    int inherits = MUST(accept(fd, NULL, NULL));
    int fds[] = {plain, both, inherits};
    for (int i = 0; i < 3; i++)
        say("%d: NONBLOCK %d CLOEXEC %d", i, !!(fcntl(fds[i], F_GETFL) & O_NONBLOCK),
            fcntl(fds[i], F_GETFD));
}

static void accept_inherits_options(void)
{
    int fd = listener(8);
    MUST(set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1));
    MUST(set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1));
    MUST(set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, 77));
    struct timeval limit = {.tv_sec = 3};
    MUST(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
    connected_to(fd);
    int server = MUST(accept(fd, NULL, NULL));
    OPTION(server, IPPROTO_TCP, TCP_NODELAY);
    OPTION(server, SOL_SOCKET, SO_KEEPALIVE);
    OPTION(server, IPPROTO_TCP, TCP_KEEPIDLE);
    OPTION(server, SOL_SOCKET, SO_REUSEADDR);
    socklen_t length = sizeof limit;
    TRY(getsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &limit, &length));
    say("SO_RCVTIMEO inherited: %ld s", (long)limit.tv_sec);
}

static int backlog_client(int port)
{
    int fd = stream_socket();
    struct sockaddr_storage address = loopback(port);
    set_nonblocking(fd);
    int connected = connect(fd, ADDRESS(address));
    if (connected < 0 && errno != EINPROGRESS)
        say("connect = %s", errno_name(errno));
    return fd;
}

static void backlog_full(void)
{
    int fd = listener(1), clients[6], established = 0, accepted = 0;
    for (int i = 0; i < 6; i++)
        clients[i] = backlog_client(port_of(fd));
    settle();
    for (int i = 0; i < 6; i++) {
        struct pollfd p = {.fd = clients[i], .events = POLLOUT};
        established += poll(&p, 1, 0) == 1;
    }
    say("established with backlog 1: %d of 6", established);
    set_nonblocking(fd);
    while (accept(fd, NULL, NULL) >= 0)
        accepted++;
    say("accepted at once: %d", accepted);
}

static void listener_closed(void)
{
    int fd = listener(8);
    int client = connected_to(fd);
    struct sockaddr_storage address = loopback(port_of(fd));
    TRY(close(fd));
    settle();
    show_poll("of a client never accepted", client);
    show_recv("by a client never accepted", client, 1, 0);
    show_recv("again", client, 1, 0);
    int late = stream_socket();
    TRY(connect(late, ADDRESS(address)));
}

static void listener_shut_down(void)
{
    int fd = listener(8);
    struct sockaddr_storage address = loopback(port_of(fd));
    TRY(shutdown(fd, SHUT_WR));
    show_poll("after SHUT_WR", fd);
    TRY(shutdown(fd, SHUT_RD));
    show_poll("after SHUT_RD", fd);
    FD(accept(fd, NULL, NULL));
    int client = stream_socket();
    TRY(connect(client, ADDRESS(address)));
    show_names("shut down", fd);
    TRY(listen(fd, 4));
    int again = stream_socket();
    TRY(connect(again, ADDRESS(address)));
    show_names("listening again", fd);
    address = loopback(port_of(fd));
    TRY(connect(again, ADDRESS(address)));
}

static void reset_before_accept(void)
{
    int fd = listener(8);
    int client = connected_to(fd);
    MUST(send(client, "abc", 3, 0));
    reset_on_close(client);
    TRY(close(client));
    settle();
    show_poll("of the listener", fd);
    int server = FD(accept(fd, NULL, NULL));
    settle();
    show_poll("of the accepted", server);
    show_recv("first", server, 10, 0);
    show_recv("second", server, 10, 0);
    show_recv("third", server, 10, 0);
    TRY(send(server, "x", 1, MSG_NOSIGNAL));
}

static void reuse_port_spreads(void)
{
    int one = stream_socket(), two = stream_socket(), counts[2] = {0};
    struct sockaddr_storage address = loopback(0);
    MUST(set_int(one, SOL_SOCKET, SO_REUSEPORT, 1));
    MUST(set_int(two, SOL_SOCKET, SO_REUSEPORT, 1));
    MUST(bind(one, ADDRESS(address)));
    address = loopback(port_of(one));
    MUST(bind(two, ADDRESS(address)));
    MUST(listen(one, 64));
    MUST(listen(two, 64));
    for (int i = 0; i < 64; i++)
        connected_to(one);
    settle();
    set_nonblocking(one);
    set_nonblocking(two);
    while (accept(one, NULL, NULL) >= 0)
        counts[0]++;
    while (accept(two, NULL, NULL) >= 0)
        counts[1]++;
    say("of 64 clients: all accepted %d, both listeners had some %d", counts[0] + counts[1] == 64,
        counts[0] > 0 && counts[1] > 0);
}

/* The second time it is no listener any more, and what it reads is the end. */
static void listener_shut_down_twice(void)
{
    int fd = listener(8);
    struct sockaddr_storage from;
    socklen_t length = sizeof(from);
    char byte;
    TRY((int)recvfrom(fd, &byte, 1, 0, (struct sockaddr *)&from, &length));
    TRY(shutdown(fd, SHUT_RD));
    TRY((int)recvfrom(fd, &byte, 1, 0, (struct sockaddr *)&from, &length));
    TRY(shutdown(fd, SHUT_RD));
    TRY((int)recvfrom(fd, &byte, 1, 0, (struct sockaddr *)&from, &length));
}

static void listen_again(void)
{
    int fd = listener(4);
    int port = port_of(fd);
    TRY(shutdown(fd, SHUT_RD));
    TRY(listen(fd, 4));
    say("the same port %d", port_of(fd) == port);
    int client = connected_to(fd);
    int server = FD(accept(fd, NULL, NULL));
    MUST((int)send(server, "x", 1, 0));
    show_recv("of the new listener", client, 10, 0);
}

/* shutdown() of who has no peer fails, and he listens all the same. */
static void listen_shut_down(void)
{
    struct sockaddr_storage address = loopback(0), from;
    socklen_t length = sizeof(from);
    int fd = stream_socket();
    char byte;
    MUST(bind(fd, ADDRESS(address)));
    TRY(shutdown(fd, SHUT_RDWR));
    TRY(listen(fd, 4));
    TRY((int)recvfrom(fd, &byte, 1, 0, (struct sockaddr *)&from, &length));
    show_poll("of it", fd);
    connected_to(fd);
    show_poll("with a client", fd);
    FD(accept(fd, NULL, NULL));
}

static void shut_down_in_child(int fd)
{
    TRY(shutdown(fd, SHUT_RDWR));
    show_poll("where it was shut down", fd);
    fflush(stdout);
}

/* Who shut it down is gone; the socket is the others', and fresh. */
static void listener_shut_down_elsewhere(void)
{
    int fd = listener(8), copy = MUST(dup(fd));
    waitpid(later(0, shut_down_in_child, fd), NULL, 0);
    set_nonblocking(fd);
    OPTION(copy, SOL_SOCKET, SO_ACCEPTCONN);
    FD(accept(fd, NULL, NULL));
    show_poll("of it", fd);
    show_poll("of its copy", copy);
    struct sockaddr_storage address = loopback(port_of(copy));
    int second = stream_socket();
    TRY(bind(second, ADDRESS(address)));
    TRY(listen(fd, 8));
    connected_to(copy);
    show_poll("of it, listening", copy);
    FD(accept(copy, NULL, NULL));
}

/* The headers of its SYN, which an accepted connection may be asked for once: addresses, ports and
 * flags. */
static void show_syn(const char *what, int fd, size_t room, size_t link)
{
    unsigned char b[256] = {0};
    socklen_t length = (socklen_t)room;
    int r = getsockopt(fd, IPPROTO_TCP, TCP_SAVED_SYN, b, &length);
    size_t tcp = link + (family == AF_INET ? 20 : 40);
    say("%s: %s", what, r < 0 ? errno_name(errno) : length > 0 ? "headers" : "nothing");
    if (r == 0 && length > tcp)
        say("  link %d %d, version %d, next %d, flags %x, all of it %d", b[12], b[13], b[link] >> 4,
            b[link + (family == AF_INET ? 9 : 6)], b[tcp + 13],
            length == tcp + (b[tcp + 12] >> 4) * 4U);
}

static void saved_syn(void)
{
    int l = listener(3), c[3], a[3];
    for (int i = 0; i < 3; i++) {
        set_int(l, IPPROTO_TCP, TCP_SAVE_SYN, i);
        c[i] = connected_to(l);
        a[i] = MUST(accept(l, NULL, NULL));
    }
    show_syn("not saved", a[0], 256, 0);
    show_syn("too little room", a[1], 20, 0);
    show_syn("saved", a[1], 256, 0);
    show_syn("once more", a[1], 256, 0);
    show_syn("from the link on", a[2], 256, 14);
    show_syn("the client", c[1], 256, 0);
    show_syn("the listener", l, 256, 0);
}

const struct scenario listen_scenarios[] = {
    {"listen-saved-syn", saved_syn, BOTH},
    {"listen", listening, BOTH},
    {"accept", accepting, BOTH},
    {"accept-without-number", accept_without_number, BOTH},
    {"accept-flags", accept_flags, BOTH},
    {"accept-inherits-options", accept_inherits_options, BOTH},
    {"backlog-full", backlog_full, BOTH},
    {"listener-closed", listener_closed, BOTH},
    {"listener-shut-down", listener_shut_down, BOTH},
    {"listener-shut-down-twice", listener_shut_down_twice, BOTH},
    {"listener-shut-down-elsewhere", listener_shut_down_elsewhere, BOTH},
    {"listen-again", listen_again, BOTH},
    {"listen-shut-down", listen_shut_down, BOTH},
    {"reset-before-accept", reset_before_accept, BOTH},
    {"reuse-port-spreads", reuse_port_spreads, BOTH},
    {NULL, NULL, 0}};
