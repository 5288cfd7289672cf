/* SPDX-License-Identifier: BSD-2-Clause */
/* getsockname(2), getpeername(2). */
#include <errno.h>
#include <sys/syscall.h>

#include "run/record.h"

void on_getname(struct run *run, struct run_call *call)
{
    struct standin *s = call->standin;
    struct sw_addr addr;

    int err = call->nr == SYS_getpeername ? sw_getpeername(run->host, s->sock, &addr)
                                          : sw_getsockname(run->host, s->sock, &addr);
    if (err == 0)
        record_from(call, &addr);
    if (err == 0)
        err = mem_write_addr(run, call->tid, call->args[1], call->args[2], &addr, s->ipv6);
    if (err < 0)
        call_fail(run, call, -err);
    else
        call_return(run, call, 0);
}
