/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * call WHAT [SECONDS]: one system call that is notified under `sockworks run`, over and over;
 * prints how many, the seconds they took, and the microseconds of one in the best hundred: that
 * hardly depends on what else the machine does. What a call needs (a socket to bind, a connection
 * that waits) is made before each hundred and is not part of the time.
 *
 * call bare|polled|fetched|read|written [SECONDS]: the least that a notified call costs
 * (call_least.c).
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "call_least.h"

enum { BATCH = 100, PORT = 7003 };

/* What is called upon: a hundred of them, the first of which serves the calls that need but one. */
static int ours[BATCH], theirs[BATCH], listener = -1;

void measure(void (*before)(void), void (*one)(int), void (*after)(void), double seconds)
{
    double start = now(), spent = 0, best = seconds;
    long calls = 0;

    while (now() - start < seconds) {
        if (before != NULL)
            before();
        double began = now();
        for (int i = 0; i < BATCH; i++, calls++)
            one(i);
        double took = now() - began;
        spent += took;
        best = took < best ? took : best;
        if (after != NULL)
            after();
    }
    printf("%ld calls in %.6f s, %.3f us at best\n", calls, spent, best / BATCH * 1e6);
    fflush(stdout);
}

/* ---- what the calls are about ---- */

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int make(int type)
{
    int fd = socket(AF_INET, type, 0);
    if (fd < 0)
        die("socket");
    return fd;
}

static void make_streams(void)
{
    for (int i = 0; i < BATCH; i++)
        ours[i] = make(SOCK_STREAM);
}

static void close_all(void)
{
    for (int i = 0; i < BATCH; i++)
        close(ours[i]);
}

/* A reset, so that no port stays in TIME-WAIT. */
static void abort_all(const int fds[BATCH])
{
    struct linger at_once = {.l_onoff = 1};
    for (int i = 0; i < BATCH; i++) {
        setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
        close(fds[i]);
    }
}

static void listen_once(void)
{
    struct sockaddr_in at = loopback(PORT);
    int one = 1;

    if (listener >= 0)
        return;
    listener = make(SOCK_STREAM);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(listener, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(listener, BATCH) < 0)
        die("listen");
}

static void accept_one(int i)
{
    struct sockaddr_in from;
    socklen_t length = sizeof(from);
    theirs[i] = accept(listener, (struct sockaddr *)&from, &length);
    if (theirs[i] < 0)
        die("accept");
}

static void connect_one(int i)
{
    struct sockaddr_in to = loopback(PORT);
    if (connect(ours[i], (struct sockaddr *)&to, sizeof(to)) < 0)
        die("connect");
}

static void listen_with_streams(void)
{
    listen_once();
    make_streams();
}

static void connect_all(void)
{
    listen_with_streams();
    for (int i = 0; i < BATCH; i++)
        connect_one(i);
}

static void connect_and_accept_all(void)
{
    connect_all();
    for (int i = 0; i < BATCH; i++)
        accept_one(i);
}

static void abort_both(void)
{
    abort_all(ours);
    abort_all(theirs);
}

static void accept_and_abort(void)
{
    for (int i = 0; i < BATCH; i++)
        accept_one(i);
    abort_both();
}

/* ---- the calls ---- */

static void socket_one(int i)
{
    ours[i] = make(SOCK_STREAM);
    close(ours[i]);
}

static void bind_one(int i)
{
    struct sockaddr_in any = loopback(0);
    if (bind(ours[i], (struct sockaddr *)&any, sizeof(any)) < 0)
        die("bind");
}

static void ask_name(int i)
{
    struct sockaddr_in address;
    socklen_t length = sizeof(address);
    if (getsockname(ours[i], (struct sockaddr *)&address, &length) < 0)
        die("getsockname");
}

static void get_option(int i)
{
    int value;
    socklen_t length = sizeof(value);
    if (getsockopt(ours[i], SOL_SOCKET, SO_REUSEADDR, &value, &length) < 0)
        die("getsockopt");
}

static void set_option(int i)
{
    int one = 1;
    if (setsockopt(ours[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0)
        die("setsockopt");
}

static void shut_one(int i)
{
    if (shutdown(ours[i], SHUT_WR) < 0)
        die("shutdown");
}

static void open_datagrams(void)
{
    struct sockaddr_in at = loopback(PORT);

    if (listener >= 0)
        return;
    listener = make(SOCK_DGRAM);
    ours[0] = make(SOCK_DGRAM);
    if (bind(listener, (struct sockaddr *)&at, sizeof(at)) < 0)
        die("bind");
}

static void send_one(int i)
{
    struct sockaddr_in to = loopback(PORT);
    (void)i;
    if (sendto(ours[0], "x", 1, 0, (struct sockaddr *)&to, sizeof(to)) != 1)
        die("sendto");
}

static void receive_one(int i)
{
    struct sockaddr_in from;
    socklen_t length = sizeof(from);
    char byte;
    (void)i;
    if (recvfrom(listener, &byte, 1, 0, (struct sockaddr *)&from, &length) != 1)
        die("recvfrom");
}

static void send_all(void)
{
    open_datagrams();
    for (int i = 0; i < BATCH; i++)
        send_one(i);
}

static void receive_all(void)
{
    for (int i = 0; i < BATCH; i++)
        receive_one(i);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*before)(void), (*one)(int), (*after)(void);
    } calls[] = {
        {"socket", NULL, socket_one, NULL},
        {"bind", make_streams, bind_one, close_all},
        {"getsockname", make_streams, ask_name, close_all},
        {"getsockopt", make_streams, get_option, close_all},
        {"setsockopt", make_streams, set_option, close_all},
        {"connect", listen_with_streams, connect_one, accept_and_abort},
        {"accept", connect_all, accept_one, abort_both},
        {"shutdown", connect_and_accept_all, shut_one, abort_both},
        {"sendto", open_datagrams, send_one, receive_all},
        {"recvfrom", send_all, receive_one, NULL},
    };
    double seconds = argc > 2 ? atof(argv[2]) : 2;

    for (size_t i = 0; argc > 1 && i < sizeof(calls) / sizeof(calls[0]); i++) {
        if (strcmp(argv[1], calls[i].name) == 0) {
            measure(calls[i].before, calls[i].one, calls[i].after, seconds);
            return 0;
        }
    }
    if (argc > 1 && least(argv[1], seconds))
        return 0;
    fputs("call bare|polled|fetched|read|written [SECONDS]\ncall ", stderr);
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        fprintf(stderr, "%s%s", i > 0 ? "|" : "", calls[i].name);
    fputs(" [SECONDS]\n", stderr);
    return 2;
}
