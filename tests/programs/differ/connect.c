/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: the client's side of opening a stream: connect in all its ways, refused, to itself. */
#include "differ.h"

#include <arpa/inet.h>

static void connecting(void)
{
    int fd = listener(8), client = stream_socket();
    struct sockaddr_storage address = loopback(port_of(fd));
    TRY(connect(client, (struct sockaddr *)&address, 3));
    TRY(connect(client, ADDRESS(address)));
    show_names("after connect", client);
    show_poll("after connect", client);
    TRY(connect(client, ADDRESS(address)));
    TRY(bind(client, ADDRESS(address)));
    show_error("after connect", client);
}

static void connect_nonblocking(void)
{
    int fd = listener(8), client = stream_socket();
    set_nonblocking(client);
    struct sockaddr_storage address = loopback(port_of(fd));
    TRY(connect(client, ADDRESS(address)));
    settle();
    show_poll("when connected", client);
    show_error("when connected", client);
    TRY(connect(client, ADDRESS(address)));
    TRY(connect(client, ADDRESS(address)));
    show_names("of the client", client);
    TRY(send(client, "x", 1, 0));
}

static void connect_refused(void)
{
    int client = stream_socket();
    struct sockaddr_storage address = loopback(unused_port(SOCK_STREAM));
    TRY(connect(client, ADDRESS(address)));
    show_error("after a refused connect", client);
    show_names("after a refused connect", client);
    show_poll("after a refused connect", client);
    TRY(connect(client, ADDRESS(address)));
    int fd = listener(8);
    address = loopback(port_of(fd));
    TRY(connect(client, ADDRESS(address)));
    show_poll("after a second connect", client);
    TRY(send(client, "again", 5, 0));
    int server = MUST(accept(fd, NULL, NULL));
    show_recv("by the accepted", server, 10, 0);
}

static void refuse_nonblocking(int *ret_fd)
{
    *ret_fd = stream_socket();
    set_nonblocking(*ret_fd);
    struct sockaddr_storage address = loopback(unused_port(SOCK_STREAM));
    TRY(connect(*ret_fd, ADDRESS(address)));
    settle();
}

static void connect_refused_nonblocking(void)
{
    int client;
    refuse_nonblocking(&client);
    show_poll("when refused", client);
    show_error("first", client);
    show_error("second", client);
    show_poll("after SO_ERROR", client);
    show_names("when refused", client);
    int fd = listener(8);
    struct sockaddr_storage address = loopback(port_of(fd));
    TRY(connect(client, ADDRESS(address)));
    settle();
    show_poll("when connected at last", client);
    show_error("when connected at last", client);
}

static void connect_refused_ask_by_connect(void)
{
    int client;
    refuse_nonblocking(&client);
    struct sockaddr_storage address = loopback(unused_port(SOCK_STREAM));
    TRY(connect(client, ADDRESS(address)));
    TRY(connect(client, ADDRESS(address)));
    settle();
    show_error("after the second refusal", client);
}

static void connect_refused_ask_by_recv(void)
{
    int client;
    refuse_nonblocking(&client);
    show_recv("when refused", client, 1, 0);
    show_recv("again", client, 1, 0);
    show_error("after recv", client);
    TRY(send(client, "x", 1, MSG_NOSIGNAL));
}

/* As programs do that wait for a server: the error is told once, then the next attempt begins. */
static void connect_refused_then_served(void)
{
    int fd = stream_socket(), client = stream_socket();
    struct sockaddr_storage address = loopback(0);
    MUST(bind(fd, ADDRESS(address)));
    address = loopback(port_of(fd));
    set_nonblocking(client);
    TRY(connect(client, ADDRESS(address)));
    settle();
    MUST(listen(fd, 1));
    TRY(connect(client, ADDRESS(address)));
    show_poll("after connect told the error", client);
    TRY(connect(client, ADDRESS(address)));
    settle();
    show_poll("connected", client);
    show_error("connected", client);
    TRY(connect(client, ADDRESS(address)));
}

/* The same of one that has a copy: it is the same socket, whichever of them is asked. */
/* What was said of waiting holds for the new connection. */
static void connect_refused_then_waits(void)
{
    int client = stream_socket();
    struct sockaddr_storage address = loopback(unused_port(SOCK_STREAM));
    struct timeval limit = {.tv_usec = 50000};
    MUST(setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
    set_nonblocking(client);
    TRY(connect(client, ADDRESS(address)));
    settle();
    MUST(fcntl(client, F_SETFL, 0));
    int fd = listener(4);
    address = loopback(port_of(fd));
    TRY(connect(client, ADDRESS(address)));
    TRY(connect(client, ADDRESS(address)));
    show_recv("nothing", client, 1, 0);
}

/* The error was read; what connect() tells once more is that there was an attempt. */
static void connect_refused_told_by_read(void)
{
    int client = stream_socket();
    struct sockaddr_storage address = loopback(unused_port(SOCK_STREAM)), from;
    socklen_t length = sizeof from;
    char byte;
    set_nonblocking(client);
    TRY(connect(client, ADDRESS(address)));
    settle();
    (void)!read(client, &byte, 1);
    TRY(connect(client, ADDRESS(address)));
    TRY((int)recvfrom(client, &byte, 1, 0, (struct sockaddr *)&from, &length));
}

static void connect_refused_then_served_copy(void)
{
    int fd = stream_socket(), client = stream_socket(), copy = MUST(dup(client));
    struct sockaddr_storage address = loopback(0);
    MUST(bind(fd, ADDRESS(address)));
    address = loopback(port_of(fd));
    TRY(connect(client, ADDRESS(address)));
    MUST(listen(fd, 1));
    TRY(connect(client, ADDRESS(address)));
    show_poll("of the copy", copy);
    show_names("of the copy", copy);
    TRY(send(copy, "by the copy", 11, 0));
    MUST(close(client));
    show_poll("of the copy alone", copy);
    show_recv("by the server", MUST(accept(fd, NULL, NULL)), 20, 0);
}

static void connect_unspecified_address(void)
{
    int fd = listener(8), client = stream_socket();
    struct sockaddr_storage address = any(port_of(fd));
    TRY(connect(client, ADDRESS(address)));
    show_names("after connect to any", client);
}

static void connect_bound(void)
{
    int fd = listener(8), client = stream_socket();
    struct sockaddr_storage own = any(0), address = loopback(port_of(fd));
    TRY(bind(client, ADDRESS(own)));
    show_names("bound", client);
    TRY(connect(client, ADDRESS(address)));
    show_names("bound and connected", client);
}

/* One port, two conversations: allowed, because the other ends differ. */
static void connect_same_port(void)
{
    int one = listener(8), two = listener(8), first = stream_socket(), second = stream_socket();
    MUST(set_int(first, SOL_SOCKET, SO_REUSEADDR, 1));
    MUST(set_int(second, SOL_SOCKET, SO_REUSEADDR, 1));
    struct sockaddr_storage own = loopback(0);
    MUST(bind(first, ADDRESS(own)));
    own = loopback(port_of(first));
    TRY(bind(second, ADDRESS(own)));
    struct sockaddr_storage to_one = loopback(port_of(one)), to_two = loopback(port_of(two));
    TRY(connect(first, ADDRESS(to_one)));
    TRY(connect(second, ADDRESS(to_two)));
    int third = stream_socket();
    MUST(set_int(third, SOL_SOCKET, SO_REUSEADDR, 1));
    TRY(bind(third, ADDRESS(own)));
    TRY(connect(third, ADDRESS(to_one)));
}

/* A socket that connects to its own port meets itself: RFC 9293's simultaneous open. */
static void connect_to_self(void)
{
    int fd = stream_socket();
    struct sockaddr_storage own = loopback(0);
    MUST(bind(fd, ADDRESS(own)));
    own = loopback(port_of(fd));
    TRY(connect(fd, ADDRESS(own)));
    show_names("connected to itself", fd);
    TRY(send(fd, "echo", 4, 0));
    show_recv("from itself", fd, 10, 0);
    TRY(shutdown(fd, SHUT_WR));
    show_recv("after shutdown", fd, 10, 0);
}

static void disconnect(void)
{
    int client, server;
    stream_pair(&client, &server);
    struct sockaddr_storage nobody = {.ss_family = AF_UNSPEC};
    TRY(connect(client, (struct sockaddr *)&nobody, sizeof nobody));
    show_names("after disconnect", client);
    show_poll("after disconnect", client);
    settle();
    show_poll("of the peer", server);
    show_recv("by the peer", server, 1, 0);
    int fd = listener(8);
    struct sockaddr_storage address = loopback(port_of(fd));
    TRY(connect(client, ADDRESS(address)));
    show_poll("connected again", client);
}

static void other_loopback_addresses(void)
{
    int fd = stream_socket(), client = stream_socket();
    struct sockaddr_in address = {.sin_family = AF_INET};
    TRY(bind(fd, (struct sockaddr *)&address, sizeof address));
    MUST(listen(fd, 4));
    address.sin_port = htons((uint16_t)port_of(fd));
    inet_pton(AF_INET, "127.5.6.7", &address.sin_addr);
    TRY(connect(client, (struct sockaddr *)&address, sizeof address));
    show_names("of the client", client);
    show_names("of the accepted", MUST(accept(fd, NULL, NULL)));
    int bound = stream_socket();
    address.sin_port = 0;
    TRY(bind(bound, (struct sockaddr *)&address, sizeof address));
    address.sin_port = htons((uint16_t)port_of(fd));
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    TRY(connect(bound, (struct sockaddr *)&address, sizeof address));
    show_names("from 127.5.6.7", bound);
    show_names("of the second accepted", MUST(accept(fd, NULL, NULL)));
}

const struct scenario connect_scenarios[] = {
    {"connect", connecting, BOTH},
    {"connect-nonblocking", connect_nonblocking, BOTH},
    {"connect-refused", connect_refused, BOTH},
    {"connect-refused-nonblocking", connect_refused_nonblocking, BOTH},
    {"connect-refused-ask-by-connect", connect_refused_ask_by_connect, BOTH},
    {"connect-refused-ask-by-recv", connect_refused_ask_by_recv, BOTH},
    {"connect-refused-then-served", connect_refused_then_served, BOTH},
    {"connect-refused-then-waits", connect_refused_then_waits, BOTH},
    {"connect-refused-told-by-read", connect_refused_told_by_read, BOTH},
    {"connect-refused-then-served-copy", connect_refused_then_served_copy, BOTH},
    {"connect-unspecified-address", connect_unspecified_address, BOTH},
    {"connect-bound", connect_bound, BOTH},
    {"connect-same-port", connect_same_port, BOTH},
    {"connect-to-self", connect_to_self, BOTH},
    {"connect-disconnect", disconnect, BOTH},
    {"other-loopback-addresses", other_loopback_addresses, V4},
    {NULL, NULL, 0}};
