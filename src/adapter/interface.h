/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of functions through which packetdrill drives a TCP stack that is not the kernel's
 * (its option --so_filename=LIBRARY). It looks up one symbol, packetdrill_interface_init(), and has
 * it fill this table. The order of the members is packetdrill's; names are ours.
 *
 * Each function has the arguments and the result of the call of that name (-1 and errno), behind
 * the table's own first member. None of them may be left out: packetdrill calls without asking.
 */
#ifndef SW_ADAPTER_INTERFACE_H
#define SW_ADAPTER_INTERFACE_H

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

struct packetdrill_interface {
    void *userdata; /* first argument of all that follow */
    void (*free)(void *userdata);

    int (*socket)(void *userdata, int domain, int type, int protocol);
    int (*bind)(void *userdata, int fd, const struct sockaddr *addr, socklen_t len);
    int (*listen)(void *userdata, int fd, int backlog);
    int (*accept)(void *userdata, int fd, struct sockaddr *addr, socklen_t *len);
    int (*connect)(void *userdata, int fd, const struct sockaddr *addr, socklen_t len);

    ssize_t (*read)(void *userdata, int fd, void *buf, size_t len);
    ssize_t (*readv)(void *userdata, int fd, const struct iovec *iov, int count);
    ssize_t (*recv)(void *userdata, int fd, void *buf, size_t len, int flags);
    ssize_t (*recvfrom)(void *userdata, int fd, void *buf, size_t len, int flags,
                        struct sockaddr *from, socklen_t *from_len);
    ssize_t (*recvmsg)(void *userdata, int fd, struct msghdr *message, int flags);

    ssize_t (*write)(void *userdata, int fd, const void *buf, size_t len);
    ssize_t (*writev)(void *userdata, int fd, const struct iovec *iov, int count);
    ssize_t (*send)(void *userdata, int fd, const void *buf, size_t len, int flags);
    ssize_t (*sendto)(void *userdata, int fd, const void *buf, size_t len, int flags,
                      const struct sockaddr *to, socklen_t to_len);
    ssize_t (*sendmsg)(void *userdata, int fd, const struct msghdr *message, int flags);

    int (*fcntl)(void *userdata, int fd, int command, ...);
    int (*ioctl)(void *userdata, int fd, unsigned long request, ...);
    int (*close)(void *userdata, int fd);
    int (*shutdown)(void *userdata, int fd, int how);
    int (*getsockopt)(void *userdata, int fd, int level, int name, void *value, socklen_t *len);
    int (*setsockopt)(void *userdata, int fd, int level, int name, const void *value,
                      socklen_t len);
    int (*poll)(void *userdata, struct pollfd *fds, nfds_t count, int timeout_ms);

    /* An IP packet without link header arrives at the stack: 0 or -1. */
    int (*netdev_send)(void *userdata, const void *packet, size_t len);
    /* The next that leaves, waiting for it. *len: the room, then the length, 0 for none; *time_us:
     * when it left, on the clock of gettimeofday() below. 0, or -1: ask again. */
    int (*netdev_receive)(void *userdata, void *packet, size_t *len, long long *time_us);

    /* The clock that packetdrill goes by. */
    int (*usleep)(void *userdata, useconds_t us);
    int (*gettimeofday)(void *userdata, struct timeval *now, struct timezone *zone);

    int (*epoll_create)(void *userdata, int size);
    int (*epoll_ctl)(void *userdata, int epoll, int op, int fd, struct epoll_event *event);
    int (*epoll_wait)(void *userdata, int epoll, struct epoll_event *events, int max,
                      int timeout_ms);
    int (*pipe)(void *userdata, int fds[2]);
    int (*splice)(void *userdata, int in, loff_t *in_at, int out, loff_t *out_at, size_t len,
                  unsigned flags);
};

/* What packetdrill looks up. `flags` is the value of --so_flags, or NULL. */
void packetdrill_interface_init(const char *flags, struct packetdrill_interface *ret_interface);

#endif
