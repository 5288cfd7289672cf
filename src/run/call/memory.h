/* SPDX-License-Identifier: BSD-2-Clause */
/* The caller's memory: read, written, and addresses in it. 0 or -EFAULT where nothing else is said. */
#ifndef SW_RUN_MEMORY_H
#define SW_RUN_MEMORY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <sockworks/sockworks.h>

struct run;

int mem_read(struct run *run, pid_t tid, uint64_t addr, void *buf, size_t len);
int mem_write(struct run *run, pid_t tid, uint64_t addr, const void *buf, size_t len);
/* Reads several places in one call. False: one of them cannot be read, or this call is forbidden; what was
 * read until then is worth nothing. */
bool mem_read_places(pid_t tid, const struct iovec *mine, const struct iovec *theirs, unsigned n);
/* Bytes for several places, written by mem_writes_commit() in one call where that can be done, else in the
 * order in which they were added until one fails. They must stay where they are until then. */
enum { MEM_PLACES = 12 };
struct mem_writes {
    struct run *run;
    pid_t tid;
    int err;
    unsigned n;
    uint64_t at[MEM_PLACES];
    struct iovec mine[MEM_PLACES];
};
void mem_writes_init(struct mem_writes *w, struct run *run, pid_t tid);
void mem_writes_add(struct mem_writes *w, uint64_t at, const void *bytes, size_t len);
int mem_writes_commit(struct mem_writes *w);
/* Bytes and, elsewhere, a length. */
int mem_write_sized(struct run *run, pid_t tid, uint64_t addr, const void *bytes, size_t n,
                    uint64_t addrlen_ptr, socklen_t full);
/* Whether these bytes lie where a program's memory may be; the kernel asks before it looks there. */
bool mem_is_user(uint64_t addr, uint64_t len);
/* Of sin6_flowinfo, in host order: the label (RFC 6437), beside the traffic class. */
enum { FLOW_LABEL_MASK = 0xfffff };

/* A sockaddr as it was given, not yet judged. `addr` is read as of IPv4 unless `family` is AF_INET6. */
struct given_addr {
    int len, family;
    struct sw_addr addr;
    uint32_t flow_label; /* of AF_INET6; else 0 */
};
int given_addr_len(uint64_t len); /* the length as an int, or -EINVAL: a sockaddr has no such */
void given_addr_parse(const struct sockaddr_storage *bytes, int len, struct given_addr *ret);
/* Reads one: -EINVAL (no length that a sockaddr has), -EFAULT. */
int mem_read_addr(struct run *run, pid_t tid, uint64_t addr, uint64_t len, struct given_addr *ret);
/* Whether it is one of `family`, AF_INET or AF_INET6: -EINVAL (too short), -EAFNOSUPPORT. */
int given_addr_check(const struct given_addr *given, int family);
/* A sockaddr as programs see it. `ipv6`: the socket's family (mapped addresses shown as such). */
struct mem_addr {
    union {
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } u;
    socklen_t full; /* its length */
};
void mem_addr_make(const struct sw_addr *from, bool ipv6, struct mem_addr *ret);
/* Writes it as accept/getsockname do: truncated to *addrlen, which becomes the full length. */
int mem_write_made(struct run *run, pid_t tid, uint64_t addr, uint64_t addrlen_ptr, const struct mem_addr *made);
/* Makes and writes a sockaddr as accept/getsockname do: truncated to *addrlen, which becomes the full length. */
int mem_write_addr(struct run *run, pid_t tid, uint64_t addr, uint64_t addrlen_ptr, const struct sw_addr *from,
                   bool ipv6);

#endif
