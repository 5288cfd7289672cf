/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The seccomp filter, decided call by call in a small interpreter of classic BPF (the part of it
 * that seccomp(2) allows).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "run/start/filter.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#define OTHER_ARCH AUDIT_ARCH_I386
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#define OTHER_ARCH AUDIT_ARCH_ARM
#endif

static struct sock_filter *code;
static unsigned short code_len;

static int build(void **state)
{
    (void)state;
    return filter_build(false, &code, &code_len);
}

static int discard(void **state)
{
    (void)state;
    free(code);
    return 0;
}

static uint32_t jump_to(const struct sock_filter *i, uint32_t a)
{
    bool taken = false;
    switch (BPF_OP(i->code)) {
    case BPF_JA:
        return i->k;
    case BPF_JEQ:
        taken = a == i->k;
        break;
    case BPF_JGT:
        taken = a > i->k;
        break;
    case BPF_JGE:
        taken = a >= i->k;
        break;
    case BPF_JSET:
        taken = (a & i->k) != 0;
        break;
    default:
        fail_msg("jump %u", i->code);
    }
    return taken ? i->jt : i->jf;
}

static uint32_t decide(const struct seccomp_data *data)
{
    uint32_t a = 0;
    for (uint32_t pc = 0; pc < code_len; pc++) {
        const struct sock_filter *i = &code[pc];
        switch (BPF_CLASS(i->code)) {
        case BPF_LD:
            assert_int_equal(i->code, BPF_LD | BPF_W | BPF_ABS);
            assert_true(i->k + sizeof(a) <= sizeof(*data));
            memcpy(&a, (const char *)data + i->k, sizeof(a));
            break;
        case BPF_ALU:
            assert_int_equal(i->code, BPF_ALU | BPF_AND | BPF_K);
            a &= i->k;
            break;
        case BPF_JMP:
            pc += jump_to(i, a);
            break;
        case BPF_RET:
            return i->k;
        default:
            fail_msg("instruction %u", i->code);
        }
    }
    fail_msg("ran off the end");
    return 0;
}

enum { ALLOW = SECCOMP_RET_ALLOW, NOTIFY = SECCOMP_RET_USER_NOTIF };
#define FAILS(err) (SECCOMP_RET_ERRNO | (err))

static const struct {
    const char *what;
    int nr;
    uint64_t args[6];
    uint32_t verdict;
} calls[] = {
    {"bytes on a descriptor", SYS_read, {3, 0x1000, 10}, ALLOW},
    {"bytes on a descriptor", SYS_write, {3, 0x1000, 10}, ALLOW},
    {"waiting", SYS_epoll_pwait, {3}, ALLOW},
    {"closing", SYS_close, {3}, ALLOW},
    {"a stream", SYS_socket, {AF_INET, SOCK_STREAM}, NOTIFY},
    {"a datagram", SYS_socket, {AF_INET6, SOCK_DGRAM}, NOTIFY},
    {"the kernel looks at 32 bits", SYS_socket, {0xdead00000000 | AF_INET, 1}, NOTIFY},
    {"local", SYS_socket, {AF_UNIX, SOCK_STREAM}, ALLOW},
    {"a pair", SYS_socketpair, {AF_UNIX, SOCK_STREAM}, ALLOW},
    {"routes", SYS_socket, {AF_NETLINK, SOCK_RAW, 0}, NOTIFY},
    {"sockets by netlink", SYS_socket, {AF_NETLINK, SOCK_RAW, 4}, NOTIFY},
    {"other netlink", SYS_socket, {AF_NETLINK, SOCK_RAW, 15}, ALLOW},
    {"beside us", SYS_socket, {AF_PACKET, SOCK_RAW}, NOTIFY},
    {"beside us", SYS_socket, {AF_VSOCK, SOCK_STREAM}, NOTIFY},
    {"a name", SYS_bind, {3}, NOTIFY},
    {"a connection", SYS_connect, {3}, NOTIFY},
    {"a backlog", SYS_listen, {3}, NOTIFY},
    {"a client", SYS_accept, {3}, NOTIFY},
    {"a client", SYS_accept4, {3}, NOTIFY},
    {"half a close", SYS_shutdown, {3}, NOTIFY},
    {"own name", SYS_getsockname, {3}, NOTIFY},
    {"peer's name", SYS_getpeername, {3}, NOTIFY},
    {"an option", SYS_getsockopt, {3}, NOTIFY},
    {"an option", SYS_setsockopt, {3}, NOTIFY},
    {"send()", SYS_sendto, {3, 0x1000, 10, MSG_NOSIGNAL, 0, 0}, ALLOW},
    {"sendto()", SYS_sendto, {3, 0x1000, 10, 0, 0x7fff00001000, 16}, NOTIFY},
    {"an address far up", SYS_sendto, {3, 0x1000, 10, 0, 0x7f0000000000, 16}, NOTIFY},
    {"recv()", SYS_recvfrom, {3, 0x1000, 10, MSG_DONTWAIT, 0, 0}, ALLOW},
    {"recvfrom()", SYS_recvfrom, {3, 0x1000, 10, 0, 0x7fff00001000, 0x7fff00002000}, NOTIFY},
    {"errors", SYS_recvfrom, {3, 0x1000, 10, MSG_ERRQUEUE | MSG_DONTWAIT, 0, 0}, NOTIFY},
    {"messages", SYS_sendmsg, {3}, NOTIFY},
    {"messages", SYS_recvmsg, {3}, NOTIFY},
    {"messages", SYS_sendmmsg, {3}, NOTIFY},
    {"messages", SYS_recvmmsg, {3}, NOTIFY},
    {"FIONREAD", SYS_ioctl, {3, 0x541b}, ALLOW},
    {"a terminal", SYS_ioctl, {0, 0x5401}, ALLOW},
    {"SIOCOUTQ", SYS_ioctl, {3, 0x5411}, NOTIFY},
    {"SIOCGIFADDR", SYS_ioctl, {3, 0x8915}, NOTIFY},
    {"SIOCOUTQNSD, sign-extended", SYS_ioctl, {3, 0xffffffff0000894b}, NOTIFY},
    {"another driver's", SYS_ioctl, {3, 0x12348915}, ALLOW},
    {"rings", SYS_io_uring_setup, {8}, FAILS(ENOSYS)},
    {"not dumpable", SYS_prctl, {PR_SET_DUMPABLE, 0}, FAILS(0)},
    {"dumpable", SYS_prctl, {PR_SET_DUMPABLE, 1}, ALLOW},
    {"a name", SYS_prctl, {PR_SET_NAME, 0}, ALLOW},
    {"a second listener",
     SYS_seccomp,
     {SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER},
     FAILS(EBUSY)},
    {"a filter of its own", SYS_seccomp, {SECCOMP_SET_MODE_FILTER, 0}, ALLOW},
};

static void test_calls(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        struct seccomp_data data = {.nr = calls[i].nr, .arch = ARCH};
        memcpy(data.args, calls[i].args, sizeof(data.args));
        uint32_t verdict = decide(&data);
        if (verdict != calls[i].verdict)
            fail_msg("%s (call %d): %#x, not %#x", calls[i].what, calls[i].nr, verdict,
                     calls[i].verdict);
    }
}

/* Other numbers mean the same calls there: int 0x80, and x32 on x86-64. */
static void test_other_abi(void **state)
{
    struct seccomp_data data = {.nr = SYS_socket, .arch = OTHER_ARCH};
    (void)state;
    assert_int_equal(decide(&data), SECCOMP_RET_USER_NOTIF);
#if defined(__x86_64__)
    data = (struct seccomp_data){.nr = 0x40000000 | SYS_socket, .arch = ARCH, .args = {AF_INET, 1}};
    assert_int_equal(decide(&data), SECCOMP_RET_USER_NOTIF);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_other_abi),
    };
    return cmocka_run_group_tests(tests, build, discard);
}
