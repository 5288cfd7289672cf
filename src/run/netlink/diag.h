/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sock_diag(7) about the run's sockets of AF_INET and AF_INET6: what `ss` asks. Which sockets a
 * request means, and the message about one. Requests in, replies out; no descriptor is touched here
 * (netlink/diag_socket.c walks the sockets).
 *
 * Attributes and their order are Linux's inet_diag. Half-open connections, orphans and what is left
 * of closed ones have no socket that anything could be asked of, and no attributes.
 */
#ifndef SW_RUN_DIAG_H
#define SW_RUN_DIAG_H

#include <linux/inet_diag.h>
#include <linux/netlink.h>

#include <sockworks/socket.h>

#include "run/netlink/build.h"

/* A request; points into the bytes it was read from. */
struct diag_request {
    struct nlmsghdr header;
    struct inet_diag_req_v2 r;
    const uint8_t *filter; /* INET_DIAG_REQ_BYTECODE, or NULL: all */
    size_t filter_len;
    bool admin; /* the requester may know of marks: set by whoever asked for it to be read */
};

enum { DIAG_TCP_INFO_MAX = 320, DIAG_MEMINFO_VARS = 9 /* SK_MEMINFO_VARS */ };

/* One socket. */
struct diag_socket {
    struct sw_socket_info info;
    uint32_t ino, uid; /* 0: nobody holds it */
    uint32_t iface;    /* that it is bound to; 0: none */
    uint32_t mark;
    bool has_options;  /* what follows was asked for */
    bool v6only;
    uint8_t tos, tclass;
    struct inet_diag_sockopt options;
    uint32_t meminfo[DIAG_MEMINFO_VARS]; /* as SO_MEMINFO has it */
    size_t tcp_info_len;                 /* 0: no stream, or it listens */
    uint8_t tcp_info[DIAG_TCP_INFO_MAX];
    char congestion[16]; /* "": no stream */
};

/* More than any message about one socket has, filled up to the last attribute. */
enum { DIAG_MESSAGE_MAX = 1024 };

/* Reads the request at the front of `bytes`, which netlink_take() has measured. 0; -EINVAL;
 * -ENOENT: families that are not ours, as where the kernel's module is missing; -EPROTONOSUPPORT:
 * protocols likewise. */
int diag_parse(const uint8_t *bytes, size_t len, struct diag_request *ret_request);

/* Whether a dump is to have it. Looks at info, iface and mark only. */
bool diag_wants(const struct diag_request *q, const struct diag_socket *s);
/* Whether it is the one socket that a request which is no dump names; a listener answers for what
 * has no connection. */
bool diag_is_exactly(const struct diag_request *q, const struct diag_socket *s);

/* The message about it. */
void diag_put(struct netlink_builder *b, const struct diag_request *q, uint32_t port,
              uint16_t flags, const struct diag_socket *s);

/* diag_filter.c: runs an INET_DIAG_REQ_BYTECODE over the socket. A program that makes no sense
 * wants nothing. */
bool diag_filter_passes(const uint8_t *code, size_t len, const struct inet_diag_msg *m,
                        const struct diag_socket *s);
/* Whether it asks for marks, which is for administrators. */
bool diag_filter_asks_mark(const uint8_t *code, size_t len);

#endif
