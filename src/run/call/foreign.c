/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls of another ABI than the machine's: on x86-64 those of 32-bit programs (int 0x80),
 * and x32.
 *
 * Numbers and structures are others there. None is translated: sockets are refused, in one line, so
 * that they cannot be the kernel's; all else goes on, and a 32-bit program that needs no network
 * works. What another thread writes over a socketcall(2)'s arguments meanwhile is not guarded
 * against.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/net.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "run/run.h"

/* Of i386: <asm/unistd_32.h>, which cannot be included here. */
enum {
    I386_SOCKETCALL = 102,
    I386_PRCTL = 172,
    I386_SOCKET = 359,
    I386_BIND = 361,
    I386_SHUTDOWN = 373,
    I386_IO_URING_SETUP = 425,
};

#define X32_BIT 0x40000000
#ifdef __x86_64__
#define IS_I386(nr) (((nr)&X32_BIT) == 0)
#else
#define IS_I386(nr) (false && (nr)) /* there are other 32-bit programs, which get ENOSYS */
#endif

bool call_is_foreign(uint32_t arch, int nr)
{
    return (arch & __AUDIT_ARCH_64BIT) == 0 || (nr & X32_BIT) != 0;
}

/* The first argument of a socketcall(2). */
static bool first_argument(struct run *run, const struct run_call *call, uint32_t *ret)
{
    return mem_read(run, call->tid, call->args[1] & 0xffffffffU, ret, sizeof(*ret)) == 0;
}

static bool is_of_network(uint32_t family)
{
    return family != AF_UNIX && family != AF_UNSPEC;
}

/* Whether it makes a socket of a network, or uses one that was handed down by a 64-bit program. */
static bool needs_network(struct run *run, const struct run_call *call)
{
    uint32_t first;

    if (call->nr == I386_SOCKET)
        return is_of_network((uint32_t)call->args[0]);
    if (call->nr >= I386_BIND && call->nr <= I386_SHUTDOWN)
        return standin_find(run, call->tid, (int)call->args[0]) != NULL;
    if (call->nr != I386_SOCKETCALL || !first_argument(run, call, &first))
        return false;
    if (call->args[0] == SYS_SOCKET)
        return is_of_network(first);
    return call->args[0] != SYS_SOCKETPAIR && standin_find(run, call->tid, (int)first) != NULL;
}

void on_foreign(struct run *run, struct run_call *call)
{
    if (!IS_I386(call->nr) || call->nr == I386_IO_URING_SETUP)
        call_fail(run, call, ENOSYS);
    else if (call->nr == I386_PRCTL && call->args[0] == PR_SET_DUMPABLE && call->args[1] == 0)
        call_return(run, call, 0); /* as in filter.c */
    else if (needs_network(run, call))
        on_refused(run, call);
    else
        call_continue(run, call);
}
