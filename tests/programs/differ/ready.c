/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: readiness: epoll level and edge, one-shot, registrations made early, select, SIGIO. */
#include "differ.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>

static void show_events(const char *when, int epoll_fd, int timeout_ms)
{
    static const struct {
        uint32_t bit;
        const char *name;
    } bits[] = {{EPOLLIN, "IN"},   {EPOLLPRI, "PRI"}, {EPOLLOUT, "OUT"},
                {EPOLLERR, "ERR"}, {EPOLLHUP, "HUP"}, {EPOLLRDHUP, "RDHUP"}};
    struct epoll_event events[8];
    int n = epoll_wait(epoll_fd, events, 8, timeout_ms);
    if (n <= 0) {
        say("epoll %s: %s", when, n == 0 ? "nothing" : errno_name(errno));
        return;
    }
    for (int i = 0; i < n; i++) {
        char text[64] = "";
        for (size_t b = 0; b < sizeof bits / sizeof *bits; b++)
            if (events[i].events & bits[b].bit)
                strcat(strcat(text, " "), bits[b].name);
        say("epoll %s: [%u]%s", when, events[i].data.u32, text);
    }
}

static int watch(int epoll_fd, int fd, uint32_t events, uint32_t tag)
{
    struct epoll_event event = {.events = events, .data.u32 = tag};
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

/* A registration made before connect() must stay good after it. */
static void epoll_before_connect(void)
{
    int epoll_fd = MUST(epoll_create1(0)), fd = listener(4), client = stream_socket();
    struct sockaddr_storage address = loopback(port_of(fd));
    set_nonblocking(client);
    TRY(watch(epoll_fd, client, EPOLLIN | EPOLLOUT | EPOLLRDHUP, 1));
    TRY(watch(epoll_fd, client, EPOLLIN, 1));
    show_events("fresh", epoll_fd, 0);
    TRY(connect(client, ADDRESS(address)));
    show_events("connected", epoll_fd, 2000);
    int server = MUST(accept(fd, NULL, NULL));
    MUST((int)send(server, "x", 1, 0));
    settle();
    show_events("with data", epoll_fd, 0);
    MUST(close(server));
    settle();
    show_events("closed by the peer", epoll_fd, 0);
    show_recv("last", client, 10, 0);
    show_events("at the end", epoll_fd, 0);
}

static void epoll_before_refusal(void)
{
    int epoll_fd = MUST(epoll_create1(0)), client = stream_socket();
    struct sockaddr_storage address = loopback(unused_port(SOCK_STREAM));
    set_nonblocking(client);
    MUST(watch(epoll_fd, client, EPOLLIN | EPOLLOUT | EPOLLRDHUP, 1));
    TRY(connect(client, ADDRESS(address)));
    settle();
    show_events("refused", epoll_fd, 2000);
    show_error("refused", client);
    show_events("after SO_ERROR", epoll_fd, 0);
}

/* ... and after a refusal and another connect(): a set of its own, one within it, and an edge. */
static void epoll_after_refusal(void)
{
    int outer = MUST(epoll_create1(0)), inner = MUST(epoll_create1(0)),
        edge = MUST(epoll_create1(0));
    int client = stream_socket(), fd = listener(4);
    struct sockaddr_storage refused = loopback(unused_port(SOCK_STREAM));
    struct sockaddr_storage served = loopback(port_of(fd));
    set_nonblocking(client);
    MUST(watch(inner, client, EPOLLIN | EPOLLOUT | EPOLLRDHUP, 7));
    MUST(watch(outer, inner, EPOLLIN, 8));
    MUST(watch(edge, client, EPOLLIN | EPOLLOUT | EPOLLET, 9));
    TRY(connect(client, ADDRESS(refused)));
    settle();
    show_events("refused", inner, 2000);
    show_events("refused, edge", edge, 2000);
    TRY(connect(client, ADDRESS(served)));
    show_events("told", inner, 2000);
    show_events("told, edge", edge, 2000);
    TRY(connect(client, ADDRESS(served)));
    settle();
    show_events("connected", inner, 2000);
    show_events("connected, from outside", outer, 0);
    show_events("connected, edge", edge, 2000);
    int server = MUST(accept(fd, NULL, NULL));
    MUST((int)send(server, "x", 1, 0));
    settle();
    show_events("with data", inner, 0);
    show_events("with data, edge", edge, 0);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = 10};
    TRY(epoll_ctl(inner, EPOLL_CTL_ADD, client, &event));
    TRY(epoll_ctl(inner, EPOLL_CTL_MOD, client, &event));
    show_events("modified", inner, 0);
    TRY(epoll_ctl(inner, EPOLL_CTL_DEL, client, NULL));
    show_events("removed", inner, 0);
    MUST(close(client));
    show_events("closed, edge", edge, 0);
}

static void epoll_edge_connect(void)
{
    int epoll_fd = MUST(epoll_create1(0)), fd = listener(4), client = stream_socket();
    struct sockaddr_storage address = loopback(port_of(fd));
    set_nonblocking(client);
    TRY(connect(client, ADDRESS(address)));
    MUST(watch(epoll_fd, client, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, 1));
    settle();
    show_events("edge on connect", epoll_fd, 2000);
    show_events("no second edge", epoll_fd, 50);
}

static void epoll_edge_data(void)
{
    int epoll_fd = MUST(epoll_create1(0)), client, server;
    stream_pair(&client, &server);
    MUST(watch(epoll_fd, server, EPOLLIN | EPOLLRDHUP | EPOLLET, 1));
    show_events("nothing yet", epoll_fd, 0);
    MUST((int)send(client, "abc", 3, 0));
    settle();
    show_events("edge", epoll_fd, 0);
    show_events("no second edge", epoll_fd, 0);
    show_recv("a part", server, 1, 0);
    show_events("no edge by reading", epoll_fd, 0);
    MUST((int)send(client, "d", 1, 0));
    settle();
    show_events("edge by more data", epoll_fd, 0);
    MUST(shutdown(client, SHUT_WR));
    settle();
    show_events("edge by the end", epoll_fd, 0);
    show_events("no second edge by the end", epoll_fd, 0);
}

static void epoll_listener(void)
{
    int epoll_fd = MUST(epoll_create1(0)), fd = stream_socket();
    struct sockaddr_storage address = loopback(0);
    MUST(watch(epoll_fd, fd, EPOLLIN, 1));
    show_events("fresh", epoll_fd, 0);
    MUST(bind(fd, ADDRESS(address)));
    MUST(listen(fd, 4));
    show_events("listening", epoll_fd, 0);
    connected_to(fd);
    connected_to(fd);
    settle();
    show_events("two clients", epoll_fd, 0);
    MUST(accept(fd, NULL, NULL));
    show_events("one client", epoll_fd, 0);
    MUST(accept(fd, NULL, NULL));
    show_events("no client", epoll_fd, 0);
}

static void epoll_edge_listener(void)
{
    int epoll_fd = MUST(epoll_create1(0)), fd = listener(4);
    MUST(watch(epoll_fd, fd, EPOLLIN | EPOLLET, 1));
    connected_to(fd);
    settle();
    show_events("a client", epoll_fd, 0);
    show_events("no second edge", epoll_fd, 0);
    connected_to(fd);
    settle();
    show_events("another client", epoll_fd, 0);
}

static void epoll_one_shot(void)
{
    int epoll_fd = MUST(epoll_create1(0)), client, server;
    stream_pair(&client, &server);
    MUST(watch(epoll_fd, server, EPOLLIN | EPOLLONESHOT, 1));
    MUST((int)send(client, "abc", 3, 0));
    settle();
    show_events("once", epoll_fd, 0);
    show_events("not twice", epoll_fd, 0);
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.u32 = 2};
    TRY(epoll_ctl(epoll_fd, EPOLL_CTL_MOD, server, &event));
    show_events("armed again", epoll_fd, 0);
    TRY(epoll_ctl(epoll_fd, EPOLL_CTL_DEL, server, NULL));
    show_events("removed", epoll_fd, 0);
}

static void epoll_close(void)
{
    int epoll_fd = MUST(epoll_create1(0)), client, server;
    stream_pair(&client, &server);
    MUST(watch(epoll_fd, server, EPOLLIN, 1));
    MUST((int)send(client, "abc", 3, 0));
    int copy = MUST(dup(server));
    MUST(close(server));
    settle();
    show_events("a copy is open", epoll_fd, 0);
    MUST(close(copy));
    show_events("closed", epoll_fd, 0);
}

static void epoll_datagram(void)
{
    int epoll_fd = MUST(epoll_create1(0)), fd = datagram_socket(), client = datagram_socket();
    struct sockaddr_storage address = loopback(0);
    MUST(watch(epoll_fd, fd, EPOLLIN | EPOLLET, 1));
    MUST(bind(fd, ADDRESS(address)));
    address = loopback(port_of(fd));
    for (int i = 0; i < 2; i++) {
        MUST((int)sendto(client, "x", 1, 0, ADDRESS(address)));
        settle();
        show_events("a datagram", epoll_fd, 0);
        show_events("no second edge", epoll_fd, 0);
    }
    show_recv("first", fd, 10, 0);
    show_recv("second", fd, 10, 0);
}

static void epoll_own_shutdown(void)
{
    int epoll_fd = MUST(epoll_create1(0)), client, server;
    stream_pair(&client, &server);
    MUST(watch(epoll_fd, client, EPOLLIN | EPOLLOUT | EPOLLRDHUP, 1));
    show_events("connected", epoll_fd, 0);
    MUST(shutdown(client, SHUT_WR));
    show_events("own SHUT_WR", epoll_fd, 0);
    MUST(shutdown(client, SHUT_RD));
    show_events("own SHUT_RD too", epoll_fd, 0);
}

static void selecting(void)
{
    int client, server;
    stream_pair(&client, &server);
    MUST((int)send(client, "abc", 3, 0));
    settle();
    fd_set in, out, exceptional;
    FD_ZERO(&in);
    FD_SET(server, &in);
    out = exceptional = in;
    struct timeval limit = {0};
    TRY(select(server + 1, &in, &out, &exceptional, &limit));
    say("in %d out %d exceptional %d", FD_ISSET(server, &in), FD_ISSET(server, &out),
        FD_ISSET(server, &exceptional));
    MUST((int)send(client, "!", 1, MSG_OOB));
    settle();
    FD_ZERO(&exceptional);
    FD_SET(server, &exceptional);
    TRY(select(server + 1, NULL, NULL, &exceptional, &limit));
    FD_ZERO(&in);
    FD_SET(client, &in);
    limit.tv_usec = 1000;
    TRY(select(client + 1, &in, NULL, NULL, &limit));
}

static volatile sig_atomic_t io_signals;

static void count_signal(int signal)
{
    (void)signal;
    io_signals++;
}

static void signal_driven(void)
{
    int client, server;
    stream_pair(&client, &server);
    struct sigaction action = {.sa_handler = count_signal};
    MUST(sigaction(SIGIO, &action, NULL));
    TRY(fcntl(server, F_SETOWN, getpid()));
    TRY(fcntl(server, F_SETFL, O_ASYNC | O_NONBLOCK));
    MUST((int)send(client, "abc", 3, 0));
    settle();
    say("SIGIO came %d", io_signals > 0);
}

static void write_later(int fd)
{
    MUST((int)send(fd, "woken", 5, 0));
}

static void poll_blocks(void)
{
    int client, server;
    stream_pair(&client, &server);
    later(100, write_later, client);
    struct pollfd p = {.fd = server, .events = POLLIN};
    TRY(poll(&p, 1, 5000));
    show_recv("after poll", server, 10, 0);
    later(100, write_later, client);
    show_recv("blocking", server, 10, 0);
}

const struct scenario ready_scenarios[] = {{"epoll-before-connect", epoll_before_connect, BOTH},
                                           {"epoll-before-refusal", epoll_before_refusal, BOTH},
                                           {"epoll-after-refusal", epoll_after_refusal, BOTH},
                                           {"epoll-edge-connect", epoll_edge_connect, BOTH},
                                           {"epoll-edge-data", epoll_edge_data, BOTH},
                                           {"epoll-listener", epoll_listener, BOTH},
                                           {"epoll-edge-listener", epoll_edge_listener, BOTH},
                                           {"epoll-one-shot", epoll_one_shot, BOTH},
                                           {"epoll-close", epoll_close, BOTH},
                                           {"epoll-datagram", epoll_datagram, BOTH},
                                           {"epoll-own-shutdown", epoll_own_shutdown, BOTH},
                                           {"select", selecting, BOTH},
                                           {"signal-driven", signal_driven, BOTH},
                                           {"poll-blocks", poll_blocks, BOTH},
                                           {NULL, NULL, 0}};
