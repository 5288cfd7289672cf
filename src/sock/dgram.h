/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The functions that the files about datagram sockets (UDP, ping, raw) share. Comes with
 * sock/private.h, whose types it needs.
 */
#ifndef SW_SOCK_DGRAM_H
#define SW_SOCK_DGRAM_H

#include "sock/private.h"

/* ---- dgram.c -------------------------------------------------------------------------- */

int sw_dgram_connect(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_addr *remote);
int sw_dgram_may_send(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_addr *to,
                      const struct sw_datagram_info *info);
int64_t sw_dgram_send(struct sw_sock_layer *layer, struct sw_sock *s, const void *buf, size_t len,
                      const struct sw_addr *to, const struct sw_datagram_info *info /* or NULL */);
/* Notes with the datagram just queued when it came, and how many had not found room. */
void sw_dgram_stamp(struct sw_sock_layer *layer, struct sw_dgram_sock *d);
int64_t sw_dgram_recv(struct sw_sock_layer *layer, struct sw_sock *s, void *buf, size_t len,
                      int flags, struct sw_addr *ret_from, struct sw_datagram_info *ret_info);
int sw_dgram_shutdown(struct sw_sock_layer *layer, struct sw_sock *s, int how);
/* Where a datagram goes and what it leaves with. */
struct sw_dgram_out {
    struct sw_ip_tx tx;
    struct sw_addr to;
    uint32_t segment, mtu; /* UDP_SEGMENT; what EMSGSIZE tells */
    struct sw_stamping stamping;
    bool zerocopy;
};
int sw_dgram_put(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_dgram_out *out,
                 const void *bytes, uint32_t len);
void sw_dgram_close(struct sw_sock_layer *layer, struct sw_sock *s, bool reject);

/* What the socket's options decide about what it sends, and `info` (or NULL), which goes before
 * them. */
struct sw_ip_tx sw_dgram_tx(struct sw_sock *s, const struct sw_ip *src, const struct sw_addr *dst,
                            const struct sw_datagram_info *info);

uint8_t sw_opt_priority_of(uint8_t tos); /* Linux's rt_tos2priority() */
/* IP_MTU_DISCOVER or IPV6_MTU_DISCOVER, whichever is about an address. */
int sw_dgram_discover(struct sw_sock *s, const struct sw_ip *dst);

/* ---- cork.c: a datagram of UDP that is written by several calls ------------------------- */

/* Bytes taken, or a negative errno; then the datagram is given up. */
int64_t sw_cork_begin(struct sw_sock_layer *layer, struct sw_sock *s,
                      const struct sw_dgram_out *out, const void *bytes, uint32_t len);
int64_t sw_cork_add(struct sw_sock_layer *layer, struct sw_sock *s, const void *bytes, size_t len,
                    bool more);
int sw_cork_push(struct sw_sock_layer *layer, struct sw_sock *s); /* sends it, if there is one */
void sw_cork_drop(struct sw_sock_layer *layer, struct sw_sock *s);

/* ---- errors.c ------------------------------------------------------------------------- */

/* Queues an ICMP error (the message is pkt, `ip` its IP header). Does not take the packet. */
void sw_errors_add(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_packet *pkt,
                   const struct sw_ip_hdr *ip, int iface, const struct sw_icmp_error *error);
/* The datagram to `to` was too big for the path: what Linux's ip_local_error() tells. */
void sw_errors_add_local(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_addr *to,
                         uint32_t mtu);
/* What `out` says left, now: what its sender wants to be told of it. `sent`: the packet, or NULL. */
void sw_errors_add_sent(struct sw_sock_layer *layer, struct sw_sock *s,
                        const struct sw_dgram_out *out, const struct sw_packet *sent);
/* A datagram of MSG_ZEROCOPY is on its way, and its bytes are the sender's again. */
void sw_errors_add_copied(struct sw_sock_layer *layer, struct sw_sock *s);
void sw_errors_clear(struct sw_sock_layer *layer, struct sw_sock *s);
int64_t sw_errors_take(struct sw_sock_layer *layer, struct sw_sock *s, void *buf, size_t len,
                       struct sw_socket_error *ret_error);

/* ---- ping.c --------------------------------------------------------------------------- */

/* Whether a message is one that a ping socket may send: 0, -EINVAL, -EMSGSIZE. */
int sw_ping_check(const struct sw_sock *s, const void *buf, size_t len, const struct sw_addr *to);
/* Sends it. 0 or a negative errno as sw_ip_output(). */
int sw_ping_send(struct sw_sock_layer *layer, struct sw_sock *s, const void *buf, size_t len,
                 const struct sw_ip_tx *tx);

/* ---- group.c: multicast groups of a datagram socket; iface 0 is the routes' choice ------- */

/* 0, -EINVAL (no group of its family), -ENODEV, -EADDRINUSE (joined already), -ENOBUFS. Without
 * `exclude` no source is heard yet. */
int sw_group_join(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_ip *group,
                  int iface, bool exclude);
int sw_group_leave(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_ip *group,
                   int iface); /* 0, -ENODEV, -EADDRNOTAVAIL */
/* Adds a source to those not to be heard (`exclude`) or heard alone, or takes it out. 0, as above,
 * -EINVAL (not joined, or with a list of the other kind), -EADDRNOTAVAIL (there already, or not).
 */
int sw_group_source(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_ip *group,
                    int iface, const struct sw_ip *source, bool exclude, bool add);
/* All at once. 0, -EINVAL (not joined), -ENODEV, -ENOBUFS; to hear nobody is to leave. */
int sw_group_set(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_ip *group,
                 int iface, bool exclude, const struct sw_ip *sources, uint32_t n);
/* 0, -EADDRNOTAVAIL (not joined), -ENODEV. */
int sw_group_get(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_ip *group,
                 int iface, const struct sw_ip_member **ret_want);
#define SW_SOURCES4_MAX 10U /* of one group: Linux's igmp_max_msf */
#define SW_SOURCES6_MAX 64U /* mld_max_msf */
/* Whether the socket wants what `source` sends to `group`; true if that is no group. */
bool sw_group_allows(struct sw_sock *s, const struct sw_ip *group, const struct sw_ip *source,
                     int iface);
void sw_groups_fini(struct sw_sock_layer *layer, struct sw_sock *s);

/* ---- raw.c ---------------------------------------------------------------------------- */

int sw_raw_open(struct sw_sock_layer *layer, struct sw_sock *s, uint8_t protocol); /* 0, -ENOMEM */
void sw_raw_close(struct sw_sock_layer *layer, struct sw_sock *s); /* harmless if it is not raw */
int sw_raw_bind(struct sw_sock *s, const struct sw_addr *local);   /* 0, -EINVAL: it has a peer */
/* Whether these bytes may be sent, to `to` or the peer (NULL): 0, -EINVAL, -EMSGSIZE. */
int sw_raw_check(struct sw_sock *s, const void *buf, size_t len, const struct sw_addr *to);
/* Sends them. 0, -EINVAL (no room for the checksum), or as sw_ip_output(). */
int sw_raw_send(struct sw_sock_layer *layer, struct sw_sock *s, const void *buf, size_t len,
                const struct sw_ip_tx *tx);
/* The first raw socket that may have sent what an ICMP error quotes; NULL: none. */
struct sw_sock *sw_raw_sender(struct sw_sock_layer *layer, const struct sw_icmp_quote *q,
                              int iface);

#endif
