/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: SO_REUSEPORT among processes: each has its own socket at one port; who gets what, also
 * when one of them ends. Which one a flow goes to is chance, that all have their share is not. */
#include "differ.h"

#include <signal.h>

enum { WORKERS = 3, FLOWS = 150, ENOUGH = FLOWS / WORKERS / 3 };

struct group {
    int type, port;
    pid_t workers[WORKERS];
    int said[2]; /* a pipe: whoever was served by worker N finds N there */
    int count[WORKERS];
};

static int member(const struct group *g)
{
    int fd = MUST(socket(family, g->type, 0));
    MUST(set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1));
    struct sockaddr_storage address = loopback(g->port);
    MUST(bind(fd, ADDRESS(address)));
    if (g->type == SOCK_STREAM)
        MUST(listen(fd, FLOWS));
    return fd;
}

static void work(const struct group *g, int fd, char number)
{
    char byte;
    for (;;) {
        if (g->type == SOCK_STREAM)
            close(accept(fd, NULL, NULL));
        else if (recv(fd, &byte, 1, 0) != 1)
            exit(1);
        if (write(g->said[1], &number, 1) != 1)
            exit(1);
    }
}

/* The group is complete before anybody is served. */
static void start(struct group *g, int type)
{
    *g = (struct group){.type = type};
    MUST(pipe(g->said));
    for (int i = 0; i < WORKERS; i++) {
        int fd = member(g); /* the first one chooses the port */
        g->port = port_of(fd);
        g->workers[i] = MUST(fork());
        if (g->workers[i] == 0)
            work(g, fd, (char)i);
        MUST(close(fd));
    }
}

/* Sends or connects once; returns who was reached, or -1. */
static int reach(struct group *g, int fd)
{
    struct sockaddr_storage address = loopback(g->port);
    struct pollfd p = {.fd = g->said[0], .events = POLLIN};
    char number;
    if (g->type == SOCK_STREAM && connect(fd, ADDRESS(address)) < 0)
        return -1;
    if (g->type == SOCK_DGRAM && sendto(fd, "x", 1, 0, ADDRESS(address)) != 1)
        return -1;
    if (poll(&p, 1, 5000) != 1 || read(g->said[0], &number, 1) != 1)
        return -1;
    g->count[(int)number]++;
    return number;
}

static void show_share(const char *when, struct group *g)
{
    int failed = 0;
    memset(g->count, 0, sizeof g->count);
    for (int i = 0; i < FLOWS; i++) {
        int fd = MUST(socket(family, g->type, 0));
        failed += reach(g, fd) < 0;
        MUST(close(fd));
    }
    say("%s: failed %d, each has its share: %d %d %d", when, failed, g->count[0] >= ENOUGH,
        g->count[1] >= ENOUGH, g->count[2] >= ENOUGH);
}

static void end(struct group *g, int i)
{
    int status;
    MUST(kill(g->workers[i], SIGKILL));
    MUST(waitpid(g->workers[i], &status, 0));
}

static void share(int type)
{
    struct group g;
    start(&g, type);
    show_share("all three", &g);
    if (type == SOCK_DGRAM) {
        int fd = MUST(socket(family, type, 0)), first = reach(&g, fd), same = 0;
        for (int i = 0; i < 20; i++)
            same += reach(&g, fd) == first;
        say("one flow, to the same: %d", same);
    }
    end(&g, 1);
    show_share("the second has ended", &g);
    end(&g, 0);
    show_share("the first too", &g);
    end(&g, 2);
    int fd = MUST(socket(family, type, 0));
    struct sockaddr_storage address = loopback(g.port);
    TRY(connect(fd, ADDRESS(address)));
}

static void share_stream(void)
{
    share(SOCK_STREAM);
}

static void share_datagram(void)
{
    share(SOCK_DGRAM);
}

const struct scenario reuseport_scenarios[] = {{"reuseport-processes", share_stream, BOTH},
                                               {"reuseport-processes-udp", share_datagram, BOTH},
                                               {NULL, NULL, 0}};
