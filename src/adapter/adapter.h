/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libsockworks-packetdrill.so: the original packetdrill drives this stack instead of the kernel's.
 *
 *     packetdrill --so_filename=libsockworks-packetdrill.so --send_omit_free SCRIPT.pkt
 *
 * One host with one interface, on the machine's own clock. Three threads meet here: packetdrill's
 * first one (packets, calls that return at once), its second (calls that the script has sleep), and
 * ours, which lets the host's timers run. So:
 *
 *  (1) the host is touched under the lock only, between adapter_enter() and adapter_leave();
 *  (2) adapter_enter() brings the host to the present, adapter_leave() takes what it wants to send,
 *      with the time, and wakes who waits: a call that sleeps tries again after each of those;
 *  (3) a socket's descriptor is a real one (of /dev/null), so that numbers are as a kernel's and
 *      packetdrill's own close() of what a script left open has something to close.
 *
 *   adapter.c   the host, its clock and its thread, packets in and out
 *   settings.c  --so_flags; the settings of this network namespace, which scripts change by sysctl
 *   calls.c     calls that make, name and configure sockets
 *   data.c      calls that move bytes
 *   ready.c     poll and epoll
 *   interpose.c close() and getsockopt() of the C library
 */
#ifndef SW_ADAPTER_ADAPTER_H
#define SW_ADAPTER_ADAPTER_H

#include <pthread.h>

#include <sockworks/sockworks.h>

#include "adapter/interface.h"

#define ADAPTER_FDS_MAX 1024

enum slot_kind { SLOT_FREE, SLOT_SOCKET, SLOT_EPOLL };

struct watch { /* a descriptor that an epoll instance has */
    struct watch *next;
    int fd;
    struct epoll_event event;
    bool fresh; /* something happened since it was told: what EPOLLET asks */
    bool off;   /* EPOLLONESHOT, told */
};

struct slot { /* a descriptor */
    enum slot_kind kind;
    sw_socket_t socket;
    int domain;
    bool stream, nonblocking;
    struct watch *watches; /* of an epoll instance, in the order they were added */
};

struct outgoing { /* a packet that left */
    struct outgoing *next;
    uint64_t at_ns;
    size_t len;
    uint8_t bytes[];
};

struct adapter {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t timers;
    bool stopping;
    struct sw_host *host;
    int iface;
    struct sw_ip local4, local6;
    unsigned prefix4, prefix6;
    uint32_t mtu;
    struct outgoing *first, **last;
    struct slot slots[ADAPTER_FDS_MAX];
};

/* The one that exists, or NULL: for what has no userdata (interpose.c). */
extern struct adapter *adapter_current;

uint64_t adapter_clock_ns(void);
void adapter_enter(struct adapter *a);
void adapter_leave(struct adapter *a);
/* Within the two: sleeps until something happened. False: `deadline_ns` (or SW_NEVER) has passed.
 */
bool adapter_sleep(struct adapter *a, uint64_t deadline_ns);
/* A result as the C library's calls have it: a negative errno becomes -1 and errno. */
int64_t adapter_result(int64_t result);

bool adapter_flags(struct adapter *a, const char *flags); /* --so_flags; false: not understood */
void adapter_settings(struct adapter *a);                 /* reads the namespace's sysctls */

/* Within enter and leave. NULL: there is no such socket. */
struct slot *slot_of(struct adapter *a, int fd);
int slot_new(struct adapter *a, enum slot_kind kind); /* a descriptor, or a negative errno */
int slot_close(struct adapter *a, int fd);
bool sleeps(const struct slot *slot, int flags, int64_t result); /* a blocking socket would wait */

/* Addresses of the C library <-> ours. An IPv4 address is a mapped one to a socket of IPv6. */
int address_read(const struct sockaddr *addr, socklen_t len, struct sw_addr *ret_addr);
void address_write(int domain, const struct sw_addr *from, struct sockaddr *addr, socklen_t *len);

void ready_collect(struct adapter *a); /* which watches are fresh */
void ready_forget(struct adapter *a, int fd);

/* Each fills its part of the table. */
void calls_fill(struct packetdrill_interface *table);
void data_fill(struct packetdrill_interface *table);
void ready_fill(struct packetdrill_interface *table);
int call_getsockopt(void *userdata, int fd, int level, int name, void *value, socklen_t *len);
int call_close(void *userdata, int fd);

#endif
