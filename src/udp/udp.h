/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UDP (RFC 768) and UDP-Lite (RFC 3828): a datagram out, and a socket's queue of datagrams in. Which socket a datagram is
 * for is decided above (sock/).
 */
#ifndef SW_UDP_UDP_H
#define SW_UDP_UDP_H

#include "ip/ip.h"

#define SW_UDP_MAX 65507U  /* payload over IPv4: 65,535 - 20 - 8 */
#define SW_UDP6_MAX 65527U /* over IPv6: 65,535 of payload, our header among it (RFC 8200 3) */

/* A socket's receive queue: packets whose head is empty and whose data is the datagram. */
struct sw_udp_queue {
    struct sw_udp_item *first, **last;
    uint32_t count;
    uint32_t bytes; /* memory charged, of at most `limit` */
};

struct sw_udp_item {
    struct sw_udp_item *next;
    struct sw_packet *pkt;   /* owned */
    struct sw_addr from, to; /* to: the address it was sent to (IP_PKTINFO) */
    uint64_t at_ns; /* when it came, and how many had not been queued before it: the caller's */
    uint32_t drops;
    uint32_t charged;
    uint32_t segment; /* it is several, joined, each of so many bytes but the last; 0: it is one */
    uint8_t ttl, tos, priority; /* priority and mark: on a loopback its sender's */
    uint32_t mark;
    uint32_t flow_label; /* of IPv6; 0: none */
    int iface;
};

void sw_udp_queue_init(struct sw_udp_queue *q);
void sw_udp_queue_clear(struct sw_udp_queue *q, struct sw_mem *mem);

/* Takes a datagram (UDP header still on pkt's head, `hdr` its IP header). Returns SW_DROP_NONE, or
 * why it was not queued (full against limit_bytes, no memory): then the caller still owns pkt. One
 * datagram always fits an empty queue. */
enum sw_drop sw_udp_queue_add(struct sw_udp_queue *q, struct sw_mem *mem, struct sw_packet *pkt,
                              const struct sw_ip_hdr *hdr, const struct sw_udp_hdr *udp, int iface,
                              uint32_t limit_bytes);
/* The same for a datagram that is all of pkt, header and data, between these addresses. */
enum sw_drop sw_udp_queue_put(struct sw_udp_queue *q, struct sw_mem *mem, struct sw_packet *pkt,
                              const struct sw_ip_hdr *hdr, uint16_t src_port, uint16_t dst_port,
                              int iface, uint32_t limit_bytes);
/* Joins a datagram to the last one of the queue (UDP_GRO), if it left its sender with it, in one
 * call, and came the same way. True: taken. Else it is to be added. */
bool sw_udp_queue_join(struct sw_udp_queue *q, struct sw_packet *pkt, const struct sw_ip_hdr *hdr,
                       const struct sw_udp_hdr *udp, int iface, uint32_t limit_bytes);
struct sw_udp_item *sw_udp_queue_first(struct sw_udp_queue *q); /* borrowed; NULL: empty */
struct sw_udp_item *sw_udp_queue_last(struct sw_udp_queue *q);  /* likewise */
void sw_udp_queue_drop(struct sw_udp_queue *q, struct sw_mem *mem);

/* Checks length and checksum of an incoming datagram of UDP or UDP-Lite (IP header pulled). SW_DROP_NONE: *ret_hdr
 * set. */
enum sw_drop sw_udp_check(struct sw_packet *pkt, const struct sw_ip_hdr *ip,
                          struct sw_udp_hdr *ret_hdr);

/* Sends one datagram; bytes are copied. 0 or negative errno as sw_ip_output(), -EMSGSIZE, -ENOMEM.
 */
int sw_udp_send(struct sw_ip_layer *ip, const struct sw_ip_tx *tx, uint16_t src_port,
                uint16_t dst_port, const void *bytes, uint32_t len);
/* The same as datagrams of `segment` bytes, the last one perhaps of less: all or, where the first
 * leaves and another cannot, some. */
int sw_udp_send_train(struct sw_ip_layer *ip, const struct sw_ip_tx *tx, uint16_t src_port,
                      uint16_t dst_port, const void *bytes, uint32_t len, uint32_t segment);
/* The same by UDP-Lite: the checksum covers `coverage` bytes, header included; 0: all. */
int sw_udplite_send(struct sw_ip_layer *ip, const struct sw_ip_tx *tx, uint16_t src_port,
                    uint16_t dst_port, uint16_t coverage, const void *bytes, uint32_t len);

#endif
