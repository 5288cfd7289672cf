/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libsockworks-packetdrill.so: the original packetdrill drives this stack instead of the kernel's.
 *
 *     packetdrill --so_filename=libsockworks-packetdrill.so --send_omit_free SCRIPT.pkt
 *
 * One host with one interface, in virtual time (clock.c). Two threads meet here: packetdrill's
 * first one (packets, calls that return at once) and its second (calls that the script has sleep).
 * So:
 *
 *  (1) the host is touched under the lock only, between adapter_enter() and adapter_leave();
 *  (2) adapter_leave() takes what the host wants to send, with the time, and wakes who waits: a
 * call that sleeps tries again after each of those; (3) a socket's descriptor is a real one (of
 * /dev/null), so that numbers are as a kernel's and packetdrill's own close() of what a script left
 * open has something to close.
 *
 *   adapter.c   the host, packets in and out
 *   clock.c     time, and who gets on when
 *   options.c   packetdrill's own options and --so_flags
 *   settings.c  the settings of this network namespace, which scripts change by sysctl
 *   calls.c     calls that make, name and configure sockets
 *   data.c      calls that move bytes
 *   control.c   what recvmsg() has to tell beside them
 *   ready.c     poll and epoll
 *   interpose.c the C library's calls that packetdrill makes past the table
 */
#ifndef SW_ADAPTER_ADAPTER_H
#define SW_ADAPTER_ADAPTER_H

#include <pthread.h>

#include <sockworks/sockworks.h>

#include "adapter/interface.h"

#define ADAPTER_FDS_MAX 1024
#define ADAPTER_SETTINGS_MAX 64
#define ADAPTER_SETTING_BYTES 128

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
    bool begun;   /* it has begun to connect, to `remote` */
    bool put_off; /* connect() has returned, and the first write will connect (Fast Open) */
    struct sw_addr remote;
    struct watch *watches; /* of an epoll instance, in the order they were added */
};

struct outgoing { /* a packet that left */
    struct outgoing *next;
    uint64_t at_ns;
    size_t len;
    uint8_t bytes[];
};

enum second { /* what packetdrill's second thread does */
              SECOND_AWAY,
              SECOND_SLEEPS,  /* in a call, until something happens or its time has come */
              SECOND_TRIES,   /* in a call: something happened */
              SECOND_RETURNS, /* its call has ended, when is not noted yet */
              SECOND_NOTED,   /* what is left is to wait for the next one */
};

struct adapter {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* `second` is another */
    pthread_t first_thread;
    enum second second;
    bool second_ended; /* a call of its, since packetdrill last slept */
    long second_id;
    uint64_t second_deadline_ns;
    uint64_t entered; /* how often, by either thread */
    uint64_t now_ns;
    struct sw_host *host;
    int iface;
    struct sw_ip local4, local6;
    unsigned prefix4, prefix6;
    uint32_t mtu;
    struct outgoing *first, **last;
    struct slot slots[ADAPTER_FDS_MAX];
    char settings[ADAPTER_SETTINGS_MAX][ADAPTER_SETTING_BYTES]; /* as last read */
};

/* The one that exists, or NULL: for what has no userdata (interpose.c). */
extern struct adapter *adapter_current;

void adapter_enter(struct adapter *a);
void adapter_leave(struct adapter *a);
/* Within the two: sleeps until something happened. False: `deadline_ns` (or SW_NEVER) has passed,
 * or nothing will ever happen. */
bool adapter_sleep(struct adapter *a, uint64_t deadline_ns);
void adapter_collect(struct adapter *a); /* what leaves, and what became ready */
void clock_init(struct adapter *a);
void clock_forward(struct adapter *a, uint64_t to_ns);
bool clock_step(struct adapter *a, uint64_t last_ns); /* to the next deadline; false: beyond that */
/* A result as the C library's calls have it: a negative errno becomes -1 and errno. */
int64_t adapter_result(int64_t result);

void options_read(struct adapter *a); /* of packetdrill's command line and script */
bool options_flags(struct adapter *a, const char *flags); /* --so_flags; false: not understood */
void settings_init(struct adapter *a);
void settings_read(struct adapter *a); /* the namespace's sysctls */

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
void clock_fill(struct packetdrill_interface *table);
void calls_fill(struct packetdrill_interface *table);
void data_fill(struct packetdrill_interface *table);
void ready_fill(struct packetdrill_interface *table);
/* Fill message->msg_control, of which msg_controllen bytes of `room` are in use. */
void control_data(struct adapter *a, const struct slot *slot, struct msghdr *message, size_t room);
int64_t control_error(struct adapter *a, const struct slot *slot, void *buf, size_t len,
                      struct msghdr *message, size_t room);
int call_getsockopt(void *userdata, int fd, int level, int name, void *value, socklen_t *len);
int call_close(void *userdata, int fd);
ssize_t data_sendfile(struct adapter *a, int out, int in, off_t *offset, size_t len);
void interpose(void); /* the program's calls that do not come through the table */

#endif
