/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The caller's memory: process_vm_readv(2), or /proc/TID/mem where a container profile forbids
 * that.
 *
 * The caller stands still in its system call meanwhile (WAIT_KILLABLE_RECV), so what is read was
 * what it passed, and is read once.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "run/run.h"

#define USER_END (1ULL << 56) /* above it there is nobody's memory but the kernel's */

bool mem_is_user(uint64_t addr, uint64_t len)
{
    return addr < USER_END && len < USER_END && addr + len <= USER_END;
}

/* By file. 0 or -EFAULT. */
static int by_file(pid_t tid, uint64_t addr, void *buf, size_t len, bool write_it)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/mem", (int)tid);
    int fd = open(path, (write_it ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    if (fd < 0)
        return -EFAULT;
    ssize_t n = write_it ? pwrite(fd, buf, len, (off_t)addr) : pread(fd, buf, len, (off_t)addr);
    close(fd);
    return n == (ssize_t)len ? 0 : -EFAULT;
}

static bool forbidden(int err)
{
    return err == EPERM || err == ENOSYS || err == EACCES;
}

int mem_read(struct run *run, pid_t tid, uint64_t addr, void *buf, size_t len)
{
    (void)run;
    if (len == 0)
        return 0;
    struct iovec mine = {buf, len}, theirs = {(void *)(uintptr_t)addr, len};
    ssize_t n = process_vm_readv(tid, &mine, 1, &theirs, 1, 0);
    if (n < 0 && forbidden(errno))
        return by_file(tid, addr, buf, len, false);
    return n == (ssize_t)len ? 0 : -EFAULT;
}

int mem_write(struct run *run, pid_t tid, uint64_t addr, const void *buf, size_t len)
{
    (void)run;
    if (len == 0)
        return 0;
    void *source = (void *)(uintptr_t)buf; /* struct iovec has no const */
    struct iovec mine = {source, len}, theirs = {(void *)(uintptr_t)addr, len};
    ssize_t n = process_vm_writev(tid, &mine, 1, &theirs, 1, 0);
    if (n < 0 && forbidden(errno))
        return by_file(tid, addr, source, len, true);
    return n == (ssize_t)len ? 0 : -EFAULT;
}

static void from_in(const struct sockaddr_in *in, struct sw_addr *ret_addr)
{
    uint8_t b[4];
    memcpy(b, &in->sin_addr, sizeof(b));
    *ret_addr = (struct sw_addr){.ip = SW_IP4(b[0], b[1], b[2], b[3]), .port = ntohs(in->sin_port)};
}

static void from_in6(const struct sockaddr_in6 *in6, struct sw_addr *ret_addr)
{
    *ret_addr = (struct sw_addr){.port = ntohs(in6->sin6_port), .scope_id = in6->sin6_scope_id};
    memcpy(ret_addr->ip.b, &in6->sin6_addr, sizeof(ret_addr->ip.b));
}

int mem_read_addr(struct run *run, pid_t tid, uint64_t addr, uint64_t len, struct given_addr *ret)
{
    union {
        struct sockaddr_storage any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } u;
    int given = (int)len; /* the kernel's argument is an int */
    if (given < 0 || (size_t)given > sizeof(u.any))
        return -EINVAL;
    memset(&u, 0, sizeof(u));
    int err = mem_read(run, tid, addr, &u, (size_t)given);
    if (err < 0)
        return err;
    ret->len = given;
    ret->family = u.any.ss_family;
    if (u.any.ss_family == AF_INET6)
        from_in6(&u.in6, &ret->addr);
    else
        from_in(&u.in, &ret->addr);
    return 0;
}

int given_addr_check(const struct given_addr *given, int family)
{
    /* RFC 2133 had no scope: Linux takes the 24 bytes without it. */
    size_t least = family == AF_INET6 ? offsetof(struct sockaddr_in6, sin6_scope_id)
                                      : sizeof(struct sockaddr_in);
    if ((size_t)given->len < least)
        return -EINVAL;
    return given->family == family ? 0 : -EAFNOSUPPORT;
}

int mem_write_sized(struct run *run, pid_t tid, uint64_t addr, const void *bytes, size_t n,
                    uint64_t addrlen_ptr, socklen_t full)
{
    struct iovec mine[] = {{(void *)(uintptr_t)bytes, n}, {&full, sizeof(full)}};
    struct iovec theirs[] = {{(void *)(uintptr_t)addr, n},
                             {(void *)(uintptr_t)addrlen_ptr, sizeof(full)}};

    if (process_vm_writev(tid, mine, 2, theirs, 2, 0) == (ssize_t)(n + sizeof(full)))
        return 0;
    if (mem_write(run, tid, addr, bytes, n) < 0)
        return -EFAULT;
    return mem_write(run, tid, addrlen_ptr, &full, sizeof(full));
}

int mem_write_addr(struct run *run, pid_t tid, uint64_t addr, uint64_t addrlen_ptr,
                   const struct sw_addr *from, bool ipv6)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(from->port)};
    struct sockaddr_in6 in6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(from->port), .sin6_scope_id = from->scope_id};
    const void *bytes = &in;
    socklen_t full = sizeof(in);
    int room;

    if (addr == 0)
        return 0;
    if (ipv6) {
        memcpy(&in6.sin6_addr, from->ip.b, sizeof(from->ip.b));
        bytes = &in6;
        full = sizeof(in6);
    } else {
        memcpy(&in.sin_addr, from->ip.b + 12, 4);
    }
    if (mem_read(run, tid, addrlen_ptr, &room, sizeof(room)) < 0)
        return -EFAULT;
    if (room < 0)
        return -EINVAL;
    size_t n = (size_t)room < full ? (size_t)room : full;
    return mem_write_sized(run, tid, addr, bytes, n, addrlen_ptr, full);
}
