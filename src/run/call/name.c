/* SPDX-License-Identifier: BSD-2-Clause */
/* getsockname(2), getpeername(2). */
#include <errno.h>
#include <sys/syscall.h>

#include "run/call/flow_label.h"
#include "run/record.h"

void on_getname(struct run *run, struct run_call *call)
{
    struct standin *s = call->standin;
    struct sw_addr addr;
    struct mem_addr made;

    int err = call->nr == SYS_getpeername ? sw_getpeername(run->host, s->sock, &addr)
                                          : sw_getsockname(run->host, s->sock, &addr);
    if (err == 0)
        record_from(call, &addr);
    if (err == 0) {
        mem_addr_make(&addr, s->ipv6, &made);
        if (call->nr == SYS_getpeername && flow_label_in_addresses(run, s))
            made.u.in6.sin6_flowinfo = htonl(sw_flow_label_chosen(run->host, s->sock));
        err = mem_write_made(run, call->tid, call->args[1], call->args[2], &made);
    }
    if (err < 0)
        call_fail(run, call, -err);
    else
        call_return(run, call, 0);
}
