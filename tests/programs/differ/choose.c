/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: who of a SO_REUSEPORT group is chosen: by a program, by processor. */
#include "differ.h"

#include <linux/filter.h>
#include <sched.h>

enum { MEMBERS = 3 };

static void attach(const char *what, int fd, struct sock_filter *code, unsigned short n)
{
    struct sock_fprog program = {n, code};
    int r = setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program);
    say("SO_ATTACH_REUSEPORT_CBPF %s = %s", what, r < 0 ? errno_name(errno) : "0");
}

static void detach(const char *what, int fd)
{
    int r = setsockopt(fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &(int){0}, sizeof(int));
    say("SO_DETACH_REUSEPORT_BPF %s = %s", what, r < 0 ? errno_name(errno) : "0");
}

/* The payload's first digit. */
static struct sock_filter digit[] = {BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
                                     BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, '0'),
                                     BPF_STMT(BPF_RET | BPF_A, 0)};
static struct sock_filter always_one[] = {BPF_STMT(BPF_RET | BPF_K, 1)};

static int member(int type, int port)
{
    int fd = MUST(socket(family, type | SOCK_NONBLOCK, 0));
    MUST(set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1));
    struct sockaddr_storage address = loopback(port);
    MUST(bind(fd, ADDRESS(address)));
    return fd;
}

/* Which of them can be read; -1: not one alone. */
static int reached(const int fds[MEMBERS])
{
    int who = -1;
    settle();
    for (int i = 0; i < MEMBERS; i++) {
        struct pollfd p = {.fd = fds[i], .events = POLLIN};
        if (poll(&p, 1, 0) == 1)
            who = who < 0 ? i : MEMBERS;
    }
    return who < MEMBERS ? who : -1;
}

static void send_digit(const char *text, const int fds[MEMBERS], int port)
{
    char byte;
    struct sockaddr_storage to = loopback(port);
    int fd = datagram_socket();
    MUST((int)sendto(fd, text, strlen(text), 0, ADDRESS(to)));
    int who = reached(fds);
    bool known = text[0] >= '0' && text[0] < '0' + MEMBERS;
    if (known)
        say("%s reaches %d", text, who);
    else
        say("%s reaches one: %d", text, who >= 0);
    if (who >= 0)
        MUST((int)recv(fds[who], &byte, 1, 0));
    MUST(close(fd));
}

static void datagrams(void)
{
    int fds[MEMBERS];
    fds[0] = member(SOCK_DGRAM, 0);
    int port = port_of(fds[0]);
    fds[1] = member(SOCK_DGRAM, port);
    attach("to the second", fds[1], digit, 3);
    fds[2] = member(SOCK_DGRAM, port);
    for (int round = 0; round < 2; round++) {
        send_digit("0", fds, port);
        send_digit("2", fds, port);
        send_digit("1", fds, port);
    }
    send_digit("7", fds, port);
    send_digit("", fds, port);
    attach("another, to the third", fds[2], always_one, 1);
    send_digit("1", fds, port);
    detach("of the first", fds[0]);
    detach("once more", fds[1]);
    send_digit("x", fds, port);
}

static void streams(void)
{
    int fds[MEMBERS], port = 0;
    for (int i = 0; i < MEMBERS; i++) {
        fds[i] = member(SOCK_STREAM, port);
        port = port_of(fds[i]);
        if (i == 0)
            attach("before listen()", fds[0], always_one, 1);
        MUST(listen(fds[i], 5));
    }
    struct sockaddr_storage to = loopback(port);
    for (int i = 0; i < 5; i++) {
        int fd = stream_socket();
        MUST(connect(fd, ADDRESS(to)));
        int who = reached(fds);
        say("a connection reaches %d", who);
        if (who >= 0)
            MUST(close(MUST(accept(fds[who], NULL, NULL))));
        MUST(close(fd));
    }
}

static void mistakes(void)
{
    int alone = bound_datagram(), fresh = datagram_socket();
    attach("to one that is bound alone", alone, always_one, 1);
    attach("to a fresh one", fresh, always_one, 1);
    detach("of a fresh one", fresh);
    MUST(set_int(fresh, SOL_SOCKET, SO_REUSEPORT, 1));
    detach("of one without", fresh);
    attach("to one that may share", fresh, always_one, 1);
    attach("without a program", fresh, NULL, 1);
    attach("of no length", fresh, always_one, 0);
    struct sock_filter wrong[] = {BPF_STMT(BPF_LD | BPF_MEM, 99), BPF_STMT(BPF_RET | BPF_A, 0)};
    attach("that is wrong", fresh, wrong, 2);
    TRY(setsockopt(fresh, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, wrong, 4));
    OPTION(fresh, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF);
    MUST(set_int(fresh, SOL_SOCKET, SO_LOCK_FILTER, 1));
    attach("while filters are locked", fresh, always_one, 1);
    detach("while filters are locked", fresh);
}

/* The processors that this process may use, and one that it does not. */
static void by_processor(void)
{
    int fds[MEMBERS], port = 0, count = 0;
    size_t mine = 0;
    cpu_set_t set;
    MUST(sched_getaffinity(0, sizeof set, &set));
    while (!CPU_ISSET(mine, &set))
        mine++;
    CPU_ZERO(&set);
    CPU_SET(mine, &set);
    MUST(sched_setaffinity(0, sizeof set, &set));
    for (int i = 0; i < MEMBERS; i++) {
        fds[i] = member(SOCK_STREAM, port);
        port = port_of(fds[i]);
        MUST(listen(fds[i], 20));
        MUST(set_int(fds[i], SOL_SOCKET, SO_INCOMING_CPU, (int)mine + (i == 1 ? 0 : 1 + i)));
    }
    struct sockaddr_storage to = loopback(port);
    for (int i = 0; i < 20; i++) {
        int fd = stream_socket();
        MUST(connect(fd, ADDRESS(to)));
        settle();
        count += reached(fds) == 1;
        MUST(close(MUST(accept(fds[1], NULL, NULL))));
        MUST(close(fd));
    }
    say("of 20 connections the one on this processor got %d", count);
}

const struct scenario choose_scenarios[] = {{"choose-program-udp", datagrams, BOTH},
                                            {"choose-program-tcp", streams, BOTH},
                                            {"choose-mistakes", mistakes, BOTH},
                                            {"choose-processor", by_processor, BOTH},
                                            {NULL, NULL, 0}};
