/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of notified calls: number, family, and whether its first argument is a descriptor that
 * must be one of ours. What is not is the kernel's affair: the call goes on as if we were not
 * there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run/record.h"

typedef void handler_fn(struct run *run, struct run_call *call);

struct family {
    int nr;
    bool on_standin; /* args[0] is a descriptor; only stand-ins are handled */
    handler_fn *handler;
};

static const struct family families[] = {
    {SYS_socket, false, on_socket},
    {SYS_bind, true, on_bind},
    {SYS_connect, true, on_connect},
    {SYS_listen, true, on_listen},
    {SYS_accept, true, on_accept},
    {SYS_accept4, true, on_accept},
    {SYS_shutdown, true, on_shutdown},
    {SYS_getsockname, true, on_getname},
    {SYS_getpeername, true, on_getname},
    {SYS_getsockopt, true, on_getsockopt},
    {SYS_setsockopt, true, on_setsockopt},
    {SYS_sendto, true, on_sendto},
    {SYS_recvfrom, true, on_recvfrom},
    {SYS_sendmsg, true, on_sendmsg},
    {SYS_recvmsg, true, on_recvmsg},
    {SYS_sendmmsg, true, on_sendmmsg},
    {SYS_recvmmsg, true, on_recvmmsg},
    {SYS_ioctl, false, on_ioctl}, /* SIOCGIF* are answered on any socket */
#ifdef SYS_open
    {SYS_open, false, on_open},
#endif
    {SYS_openat, false, on_open},
};

static const struct family *family_of(int nr)
{
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
        if (families[i].nr == nr)
            return &families[i];
    return NULL;
}

void call_dispatch(struct run *run, struct run_call *call)
{
    const struct family *family = family_of(call->nr);

    if (call->foreign) {
        on_foreign(run, call);
        return;
    }
    if (family == NULL) {
        on_refused(run, call);
        return;
    }
    if (call->nr != SYS_socket && family->handler != on_open)
        standin_of_call(run, call);
    if (call->standin == NULL && family->on_standin) {
        call_continue(run, call);
        return;
    }
    if (call->standin != NULL && call->standin->netlink_type != 0) {
        on_netlink(run, call);
        return;
    }
    if (sw_host_asks_cpu(run->host))
        sw_host_set_cpu(run->host, caller_cpu(call->tid));
    if (call->standin != NULL || (call->nr == SYS_socket && (int)call->args[0] != AF_NETLINK))
        record_call_entered(run, call);
    family->handler(run, call);
}
