/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What cannot be virtualised, or not yet: says so in one line, once for each kind, and fails with
 * the errno that Linux gives where the module or the privilege is missing; so programs that can do
 * without do without. It never goes to the real network.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/assert.h"
#include "run/run.h"
#include "run/start/probe.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

struct refusal {
    const char *what;
    int err;
    bool quiet; /* everybody copes with its absence */
};

static const char *family_name(int domain)
{
    static const struct {
        int domain;
        const char *name;
    } names[] = {
        {AF_PACKET, "AF_PACKET"},
        {AF_VSOCK, "AF_VSOCK"},
        {AF_TIPC, "AF_TIPC"},
        {AF_XDP, "AF_XDP"},
        {AF_RDS, "AF_RDS"},
        {AF_SMC, "AF_SMC"},
        {AF_KCM, "AF_KCM"},
        {AF_CAN, "AF_CAN"},
        {AF_BLUETOOTH, "AF_BLUETOOTH"},
        {AF_IEEE802154, "AF_IEEE802154"},
        {AF_AX25, "AF_AX25"},
        {AF_PPPOX, "AF_PPPOX"},
        {AF_LLC, "AF_LLC"},
        {AF_NETLINK, "AF_NETLINK"},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].domain == domain)
            return names[i].name;
    return NULL;
}

static struct refusal of_inet_socket(int type, int protocol)
{
    if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_RAW)
        return (struct refusal){NULL, ESOCKTNOSUPPORT, true};
    if (type == SOCK_RAW)
        return (struct refusal){NULL, EPROTONOSUPPORT, true}; /* no protocol was named */
    if (protocol == IPPROTO_SCTP)
        return (struct refusal){"IPPROTO_SCTP", EPROTONOSUPPORT, false};
    if (protocol == IPPROTO_DCCP)
        return (struct refusal){"IPPROTO_DCCP", EPROTONOSUPPORT, false};
    if (protocol == IPPROTO_MPTCP) /* programs that ask take TCP instead */
        return (struct refusal){"IPPROTO_MPTCP", EPROTONOSUPPORT, true};
    return (struct refusal){NULL, EPROTONOSUPPORT, true};
}

static struct refusal of_call(const struct run_call *call)
{
    int domain = (int)call->args[0], type = (int)call->args[1] & 0xf, protocol = (int)call->args[2];

    if (call->foreign)
        return (struct refusal){NULL, EAFNOSUPPORT, false};
    if (call->nr != SYS_socket && call->nr != SYS_socketpair)
        return (struct refusal){NULL, ENOSYS, false};
    if (domain == AF_INET || domain == AF_INET6)
        return of_inet_socket(type, protocol);
    return (struct refusal){family_name(domain), EAFNOSUPPORT, false};
}

/* True the first time that this kind is refused in the run. */
static bool first_time(struct run *run, uint64_t kind)
{
    for (uint32_t i = 0; i < run->n_refused; i++)
        if (run->refused[i] == kind)
            return false;
    if (run->n_refused < sizeof(run->refused) / sizeof(run->refused[0]))
        run->refused[run->n_refused++] = kind;
    return true;
}

static void say(const struct run_call *call, const struct refusal *refusal)
{
    char path[64], program[32] = "?", what[64];

    snprintf(path, sizeof(path), "/proc/%d/comm", (int)call->tid);
    FILE *file = fopen(path, "re");
    if (file != NULL && fgets(program, sizeof(program), file) != NULL)
        program[strcspn(program, "\n")] = '\0';
    if (file != NULL)
        fclose(file);
    if (call->foreign)
        snprintf(what, sizeof(what), "a socket of a 32-bit program");
    else if (call->nr != SYS_socket && call->nr != SYS_socketpair)
        snprintf(what, sizeof(what), "system call %d", call->nr);
    else if (refusal->what != NULL)
        snprintf(what, sizeof(what), "socket(%s)", refusal->what);
    else
        snprintf(what, sizeof(what), "socket(%d, %d, %d)", (int)call->args[0],
                 (int)call->args[1] & 0xf, (int)call->args[2]);
    fprintf(stderr, "sockworks: %s[%d]: %s is not available under sockworks run: %s\n", program,
            (int)call->tid, what, run_errno_name(refusal->err));
}

void on_refused(struct run *run, struct run_call *call)
{
    struct refusal refusal = of_call(call);
    uint64_t kind = (uint64_t)call->nr << 48 | (call->args[0] & 0xff) << 32 |
                    (call->args[1] & 0xf) << 16 | (call->args[2] & 0xffff);

    SW_ASSERT(refusal.err > 0);
    if (!refusal.quiet && first_time(run, kind))
        say(call, &refusal);
    call_fail(run, call, refusal.err);
}
