/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: filters of sockets: what they keep away, and what SO_ATTACH_FILTER says to wrong ones.
 */
#include "differ.h"

#include <linux/filter.h>

static void attach(const char *what, int fd, struct sock_filter *code, unsigned short n)
{
    struct sock_fprog program = {n, code};
    int r = setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
    say("SO_ATTACH_FILTER %s = %s", what, r < 0 ? errno_name(errno) : "0");
}

/* Of UDP: from its header of 8 bytes on. */
static struct sock_filter first_is_a[] = {
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 8), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'a', 0, 1),
    BPF_STMT(BPF_RET | BPF_K, 10), BPF_STMT(BPF_RET | BPF_K, 0)};

static void datagrams(void)
{
    int a, b;
    datagram_pair(&a, &b);
    attach("first is a", b, first_is_a, 4);
    MUST((int)send(a, "no", 2, 0));
    MUST((int)send(a, "abcdef", 6, 0));
    MUST((int)send(a, "", 0, 0));
    settle();
    show_recv("what passed", b, 32, MSG_DONTWAIT);
    show_recv("and no more", b, 32, MSG_DONTWAIT);
    struct sock_filter by_ip[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SKF_AD_OFF + SKF_AD_PROTOCOL),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, family == AF_INET ? 0x800 : 0x86dd, 0, 3),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)SKF_NET_OFF),
        BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4),
        BPF_STMT(BPF_RET | BPF_A, 0),
        BPF_STMT(BPF_RET | BPF_K, 0)};
    attach("as many bytes as IP's version", b, by_ip, 6);
    MUST((int)send(a, "abcdef", 6, 0));
    settle();
    show_recv("the header is never cut off", b, 32, MSG_DONTWAIT);
    TRY(setsockopt(b, SOL_SOCKET, SO_DETACH_FILTER, &(int){0}, sizeof(int)));
    MUST((int)send(a, "no", 2, 0));
    settle();
    show_recv("without", b, 32, MSG_DONTWAIT);
}

static void stream(void)
{
    int client, server;
    char data[8];
    if (geteuid() != 0) /* since some version of Linux it is for administrators */
        return;
    stream_pair(&client, &server);
    struct sock_filter any[] = {BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
                                BPF_STMT(BPF_RET | BPF_A, 0)};
    attach("all that comes", server, any, 2);
    MUST((int)send(client, "x", 1, 0));
    TRY(recv(server, data, sizeof data, 0));
    struct sock_filter none[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
    attach("nothing", server, none, 1);
    MUST((int)send(client, "y", 1, 0));
    settle();
    TRY(recv(server, data, sizeof data, MSG_DONTWAIT));
    TRY(setsockopt(server, SOL_SOCKET, SO_DETACH_FILTER, &(int){0}, sizeof(int)));
    TRY(recv(server, data, sizeof data, 0)); /* it is sent again */
}

static void wrong(void)
{
    int fd = datagram_socket();
    struct sock_filter code[8];
    socklen_t n = 0;
    TRY(setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &(int){0}, sizeof(int)));
    TRY(getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, NULL, &n));
    attach("of nothing", fd, NULL, 3);
    attach("of no instructions", fd, first_is_a, 0);
    attach("too long", fd, first_is_a, 4097);
    attach("that is not there", fd, (struct sock_filter *)8, 4);
    attach("that jumps out", fd, first_is_a, 3);
    attach("that does not return", fd, first_is_a, 1);
    TRY(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, code, 8));
    attach("a good one", fd, first_is_a, 4);
    TRY(getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, NULL, &n));
    say("it has %u", n);
    n = 3;
    TRY(getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, code, &n));
    n = 8;
    TRY(getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, code, &n));
    say("it has %u, %s", n,
        memcmp(code, first_is_a, sizeof first_is_a) == 0 ? "the same" : "others");
    OPTION(fd, SOL_SOCKET, SO_LOCK_FILTER);
    TRY(set_int(fd, SOL_SOCKET, SO_LOCK_FILTER, 1));
    attach("when locked", fd, first_is_a, 4);
    attach("that is not there, when locked", fd, (struct sock_filter *)8, 4);
    TRY(setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &(int){0}, sizeof(int)));
    TRY(set_int(fd, SOL_SOCKET, SO_LOCK_FILTER, 0));
}

const struct scenario filter_scenarios[] = {{"filter-datagrams", datagrams, BOTH},
                                            {"filter-stream", stream, BOTH},
                                            {"filter-wrong", wrong, BOTH},
                                            {NULL, NULL, 0}};
