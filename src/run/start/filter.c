/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The seccomp filter. It sees numbers only, never memory; so it picks by system call, domain,
 * command and flags, and what needs a look at memory is notified.
 *
 * read, write, send and recv without address, poll, epoll, dup, fcntl and close are not here: on a
 * stand-in they are the kernel's own. Arguments that the kernel takes as int are compared by their
 * lower 32 bits, as it does.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run/call/calls.h"
#include "run/start/filter.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5) /* Linux 5.19 */
#endif

#define INT_MASK 0xffffffffU
#define TIOCOUTQ_CMD 0x5411U  /* SIOCOUTQ too */
#define SOCKET_IOCTLS 0x8900U /* <linux/sockios.h>: 0x8900 to 0x89ff */
#define SOCKET_IOCTL_MASK 0xffffff00U

/* Answered by us, whatever the arguments. */
static const int always[] = {
    SCMP_SYS(bind),       SCMP_SYS(connect),    SCMP_SYS(listen),      SCMP_SYS(accept),
    SCMP_SYS(accept4),    SCMP_SYS(shutdown),   SCMP_SYS(getsockname), SCMP_SYS(getpeername),
    SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(sendmsg),     SCMP_SYS(recvmsg),
    SCMP_SYS(sendmmsg),   SCMP_SYS(recvmmsg),
};

/* Ours; and those that would reach a network beside us, which are refused. */
static const int domains[] = {AF_INET,         AF_INET6, AF_PACKET, AF_VSOCK, AF_TIPC,
                              44 /* AF_XDP */, AF_SMC,   AF_RDS,    AF_RXRPC, AF_KCM};

/* Of AF_NETLINK: what there is of interfaces and routes, and of sockets. */
static const int netlinks[] = {NETLINK_ROUTE, NETLINK_SOCK_DIAG};

/* Of calls that are native without an address: flags that AF_UNIX takes otherwise. */
static const struct {
    int call;
    unsigned flag;
} by_flag[] = {
    {SCMP_SYS(sendto), MSG_OOB},        {SCMP_SYS(sendto), MSG_FASTOPEN},
    {SCMP_SYS(sendto), MSG_ZEROCOPY},   /* its sender is told when the bytes are his again */
    {SCMP_SYS(sendto), MSG_MORE},       /* of a datagram: AF_UNIX would send what there is */
    {SCMP_SYS(sendto), MSG_PROBE},      /* likewise */
    {SCMP_SYS(recvfrom), MSG_ERRQUEUE}, /* AF_UNIX would hand out the stream's own bytes */
    {SCMP_SYS(recvfrom), MSG_TRUNC},    /* TCP throws bytes away, where AF_UNIX copies them */
    {SCMP_SYS(recvfrom), MSG_OOB},      /* nothing to datagrams, but AF_UNIX knows none of it */
};

static int add_notified(scmp_filter_ctx ctx)
{
    int err = 0;
    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]) && err == 0; i++)
        err = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, always[i], 0);
    for (size_t i = 0; i < sizeof(domains) / sizeof(domains[0]) && err == 0; i++)
        err = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(socket), 1,
                               SCMP_A0(SCMP_CMP_MASKED_EQ, INT_MASK, (unsigned)domains[i]));
    for (size_t i = 0; i < sizeof(netlinks) / sizeof(netlinks[0]) && err == 0; i++)
        err = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(socket), 2,
                               SCMP_A0(SCMP_CMP_MASKED_EQ, INT_MASK, AF_NETLINK),
                               SCMP_A2(SCMP_CMP_MASKED_EQ, INT_MASK, (unsigned)netlinks[i]));
    if (err == 0)
        err = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(sendto), 1, SCMP_A4(SCMP_CMP_NE, 0));
    if (err == 0)
        err =
            seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(recvfrom), 1, SCMP_A4(SCMP_CMP_NE, 0));
    for (size_t i = 0; i < sizeof(by_flag) / sizeof(by_flag[0]) && err == 0; i++)
        err = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, by_flag[i].call, 1,
                               SCMP_A3(SCMP_CMP_MASKED_EQ, by_flag[i].flag, by_flag[i].flag));
    if (err == 0)
        err = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(ioctl), 1,
                               SCMP_A1(SCMP_CMP_MASKED_EQ, INT_MASK, TIOCOUTQ_CMD));
    if (err == 0)
        err = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(ioctl), 1,
                               SCMP_A1(SCMP_CMP_MASKED_EQ, SOCKET_IOCTL_MASK, SOCKET_IOCTLS));
    return err;
}

/* Answered by the kernel on the spot. */
static int add_answered(scmp_filter_ctx ctx)
{
    /* Rings make sockets without system calls; programs fall back. */
    int err = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(io_uring_setup), 0);
    /* A process that cannot be looked into could have no sockets: it is told yes, and stays as it
     * is. */
    if (err == 0)
        err = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(0), SCMP_SYS(prctl), 2,
                               SCMP_A0(SCMP_CMP_MASKED_EQ, INT_MASK, PR_SET_DUMPABLE),
                               SCMP_A1(SCMP_CMP_EQ, 0));
    /* Linux allows one listener: a second one gets EBUSY (seccomp(2)), even where ours has ended.
     */
    if (err == 0)
        err = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EBUSY), SCMP_SYS(seccomp), 2,
                               SCMP_A0(SCMP_CMP_MASKED_EQ, INT_MASK, SECCOMP_SET_MODE_FILTER),
                               SCMP_A1(SCMP_CMP_MASKED_EQ, SECCOMP_FILTER_FLAG_NEW_LISTENER,
                                       SECCOMP_FILTER_FLAG_NEW_LISTENER));
    return err;
}

/* libseccomp 2.5 exports to a descriptor only. */
static int export(scmp_filter_ctx ctx, struct sock_filter **ret_code, unsigned short *ret_len)
{
    int fd = memfd_create("filter", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    int err = seccomp_export_bpf(ctx, fd);
    off_t size = err == 0 ? lseek(fd, 0, SEEK_END) : 0;
    struct sock_filter *code = size > 0 ? malloc((size_t)size) : NULL;
    if (err == 0 && (code == NULL || pread(fd, code, (size_t)size, 0) != size))
        err = -ENOMEM;
    close(fd);
    if (err < 0) {
        free(code);
        return err;
    }
    *ret_code = code;
    *ret_len = (unsigned short)((size_t)size / sizeof(*code));
    return 0;
}

int filter_build(bool opens, struct sock_filter **ret_code, unsigned short *ret_len)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    if (ctx == NULL)
        return -ENOMEM;
    /* 32-bit programs have other numbers for the same calls: foreign.c. */
    int err = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_NOTIFY);
    if (err == 0)
        err = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a binary tree */
    if (err == 0)
        err = add_notified(ctx);
#ifdef SYS_open
    if (err == 0 && opens)
        err = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(open), 0);
#endif
    if (err == 0 && opens)
        err = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(openat), 0);
    if (err == 0)
        err = add_answered(ctx);
    if (err == 0)
        err = export(ctx, ret_code, ret_len);
    seccomp_release(ctx);
    return err;
}

int filter_install(struct sock_filter *code, unsigned short len, bool *ret_wait_killable)
{
    struct sock_fprog program = {.len = len, .filter = code};
    unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    unsigned long killable = SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;

    for (int tries = 0; tries < 3; tries++) {
        long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | killable, &program);
        if (fd >= 0) {
            *ret_wait_killable = killable != 0;
            return (int)fd;
        }
        if (errno == EINVAL && killable != 0)
            killable = 0;
        else if (errno != EACCES || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
            break;
    }
    return -errno;
}
