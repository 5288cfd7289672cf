/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The caller's memory: process_vm_readv(2), or /proc/TID/mem where a container profile forbids
 * that.
 *
 * The caller stands still in its system call meanwhile (WAIT_KILLABLE_RECV), so what is read was
 * what it passed, and is read once.
 *
 * Each such call costs more than a microsecond, however little it moves: to find the other process
 * and to ask whether we may. So what one answer has to read or to write is gathered, and goes in
 * one call; only where that fails it is done again, place by place, to fail where Linux would.
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

bool mem_read_places(pid_t tid, const struct iovec *mine, const struct iovec *theirs, unsigned n)
{
    size_t total = 0;
    for (unsigned i = 0; i < n; i++)
        total += mine[i].iov_len;
    return process_vm_readv(tid, mine, n, theirs, n, 0) == (ssize_t)total;
}

void mem_writes_init(struct mem_writes *w, struct run *run, pid_t tid)
{
    *w = (struct mem_writes){.run = run, .tid = tid};
}

/* What lies side by side there is one place: the kernel looks for it once. */
static unsigned join_places(const struct mem_writes *w, struct iovec theirs[MEM_PLACES])
{
    unsigned n = 0;
    for (unsigned i = 0; i < w->n; i++) {
        struct iovec *last = n > 0 ? &theirs[n - 1] : NULL;
        if (last != NULL && (uintptr_t)last->iov_base + last->iov_len == w->at[i])
            last->iov_len += w->mine[i].iov_len;
        else
            theirs[n++] = (struct iovec){(void *)(uintptr_t)w->at[i], w->mine[i].iov_len};
    }
    return n;
}

int mem_writes_commit(struct mem_writes *w)
{
    struct iovec theirs[MEM_PLACES];
    size_t total = 0;

    for (unsigned i = 0; i < w->n; i++)
        total += w->mine[i].iov_len;
    unsigned places = join_places(w, theirs);
    bool done = w->err < 0 || w->n == 0 ||
                process_vm_writev(w->tid, w->mine, w->n, theirs, places, 0) == (ssize_t)total;
    for (unsigned i = 0; !done && w->err == 0 && i < w->n; i++)
        w->err = mem_write(w->run, w->tid, w->at[i], w->mine[i].iov_base, w->mine[i].iov_len);
    w->n = 0;
    return w->err;
}

void mem_writes_add(struct mem_writes *w, uint64_t at, const void *bytes, size_t len)
{
    if (len == 0)
        return;
    if (w->n == MEM_PLACES)
        mem_writes_commit(w);
    w->at[w->n] = at;
    w->mine[w->n++] = (struct iovec){(void *)(uintptr_t)bytes, len}; /* iovec has no const */
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

int given_addr_len(uint64_t len)
{
    int given = (int)len; /* the kernel's argument is an int */
    return given < 0 || (size_t)given > sizeof(struct sockaddr_storage) ? -EINVAL : given;
}

void given_addr_parse(const struct sockaddr_storage *bytes, int len, struct given_addr *ret)
{
    union {
        struct sockaddr_storage any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } u;
    memset(&u, 0, sizeof(u));
    memcpy(&u, bytes, (size_t)len);
    ret->len = len;
    ret->family = u.any.ss_family;
    ret->flow_label = 0;
    if (u.any.ss_family == AF_INET6) {
        from_in6(&u.in6, &ret->addr);
        ret->flow_label = ntohl(u.in6.sin6_flowinfo) & FLOW_LABEL_MASK;
    } else {
        from_in(&u.in, &ret->addr);
    }
}

int mem_read_addr(struct run *run, pid_t tid, uint64_t addr, uint64_t len, struct given_addr *ret)
{
    struct sockaddr_storage bytes;
    int given = given_addr_len(len);
    if (given < 0)
        return given;
    int err = mem_read(run, tid, addr, &bytes, (size_t)given);
    if (err == 0)
        given_addr_parse(&bytes, given, ret);
    return err;
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
    struct mem_writes w;
    bool len_before = addrlen_ptr + sizeof(full) == addr; /* as compilers often lay them */

    mem_writes_init(&w, run, tid);
    if (len_before)
        mem_writes_add(&w, addrlen_ptr, &full, sizeof(full));
    mem_writes_add(&w, addr, bytes, n);
    if (!len_before)
        mem_writes_add(&w, addrlen_ptr, &full, sizeof(full));
    return mem_writes_commit(&w);
}

void mem_addr_make(const struct sw_addr *from, bool ipv6, struct mem_addr *ret)
{
    memset(ret, 0, sizeof(*ret));
    if (ipv6) {
        ret->u.in6.sin6_family = AF_INET6;
        ret->u.in6.sin6_port = htons(from->port);
        ret->u.in6.sin6_scope_id = from->scope_id;
        memcpy(&ret->u.in6.sin6_addr, from->ip.b, sizeof(from->ip.b));
        ret->full = sizeof(ret->u.in6);
    } else {
        ret->u.in.sin_family = AF_INET;
        ret->u.in.sin_port = htons(from->port);
        memcpy(&ret->u.in.sin_addr, from->ip.b + 12, 4);
        ret->full = sizeof(ret->u.in);
    }
}

int mem_write_made(struct run *run, pid_t tid, uint64_t addr, uint64_t addrlen_ptr,
                   const struct mem_addr *made)
{
    int room;

    if (mem_read(run, tid, addrlen_ptr, &room, sizeof(room)) < 0)
        return -EFAULT;
    if (room < 0)
        return -EINVAL;
    size_t n = (size_t)room < made->full ? (size_t)room : made->full;
    return mem_write_sized(run, tid, addr, &made->u, n, addrlen_ptr, made->full);
}

int mem_write_addr(struct run *run, pid_t tid, uint64_t addr, uint64_t addrlen_ptr,
                   const struct sw_addr *from, bool ipv6)
{
    struct mem_addr made;

    mem_addr_make(from, ipv6, &made);
    return mem_write_made(run, tid, addr, addrlen_ptr, &made);
}
