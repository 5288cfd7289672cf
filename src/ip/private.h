/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of ip/ share and nobody else sees. */
#ifndef SW_IP_PRIVATE_H
#define SW_IP_PRIVATE_H

#include "ip/ip.h"

#define SW_IP4_MAX 65535U         /* bytes of an IPv4 packet (RFC 791 3.1) */
#define SW_IP6_PAYLOAD_MAX 65535U /* bytes after the IPv6 header (RFC 8200 3; no jumbograms) */
#define SW_IP4_MTU_MIN 68U        /* RFC 791 3.2 */
#define SW_IP6_MTU_MIN 1280U      /* RFC 8200 5 */

/* Headroom of a packet that begins here: link header, IPv6 with a fragment header, 8 of ICMP or
 * UDP. */
#define SW_IP_HEADROOM 96U
/* The same of what begins behind its IPv6 header, which may have extension headers besides. */
#define SW_IP6_HEADROOM 64U
_Static_assert(SW_IP6_HEADROOM + 2 * SW_EXT_MAX + 8 <= SW_PACKET_HEAD,
               "the extension headers that are sent, and those of UDP or ICMP, fit a head");

/* An address of this host. Prefix lengths count from the left of the 16 bytes, so an IPv4 /8 is
 * 104. */
struct sw_ip_addr {
    struct sw_ip ip;
    int iface;
    uint8_t prefix_bits;
};

struct sw_ip_route {
    struct sw_ip dst; /* host bits are zero */
    struct sw_ip via; /* "any" of the family: on link */
    int iface;
    struct sw_route_metrics metrics;
    uint8_t prefix_bits;
    bool is4; /* else ::/0 would cover the mapped IPv4 addresses too */
};

/* addr.c */
unsigned sw_ip_family_bits(const struct sw_ip *ip); /* 32 or 128 */
uint8_t sw_ip_prefix_bits(const struct sw_ip *ip, unsigned prefix_len);
bool sw_ip_prefix_covers(const struct sw_ip *prefix, unsigned bits, const struct sw_ip *ip);
unsigned sw_ip_common_bits(const struct sw_ip *a, const struct sw_ip *b);
struct sw_ip sw_ip_masked(const struct sw_ip *ip, unsigned bits);
/* One host that could be answered: not "any", multicast, broadcast, nor 240.0.0.0/4. */
bool sw_ip_is_unicast(const struct sw_ip_layer *ip, const struct sw_ip *addr);
/* The address to send from when leaving by `iface` for `dst`; false: there is none of the family.
 */
bool sw_ip_choose_src(const struct sw_ip_layer *ip, int iface, const struct sw_ip *dst,
                      struct sw_ip *ret_src);

/* iface.c */
struct sw_iface *sw_ip_loopback(struct sw_ip_layer *ip, int *ret_index); /* the first; NULL: none */

/* route.c: the most specific route of `dst`, or NULL */
const struct sw_ip_route *sw_ip_route_find(const struct sw_ip_layer *ip, const struct sw_ip *dst);
/* Adds, or does nothing if there is such a prefix already and `quiet`. */
int sw_ip_route_insert(struct sw_ip_layer *ip, const struct sw_ip_route *route, bool quiet);
void sw_ip_route_remove(struct sw_ip_layer *ip, uint32_t at); /* the at-th of ip->routes */

/* Payload of the super-segments that an interface takes; 0: none. Who takes them has to fill in the
 * checksums of what it cuts them into. */
static inline uint32_t sw_ip_iface_gso(const struct sw_iface *iface)
{
    return iface->config.csum_offload ? iface->config.gso_max : 0;
}

/* What fits through an interface toward `dst`, by a route or (NULL) by choice: fills all of *path
 * but iface and src. */
void sw_ip_path_limits(struct sw_ip_layer *ip, const struct sw_iface *iface,
                       const struct sw_ip_route *route, const struct sw_ip *dst,
                       struct sw_ip_path *path);

/* output.c: how a packet leaves; into the interface's queue */
int sw_ip_find_path(struct sw_ip_layer *ip, const struct sw_ip_tx *tx, struct sw_ip_path *path);
void sw_ip_enqueue(struct sw_ip_layer *ip, struct sw_iface *iface, struct sw_packet *pkt);
/* pmtu.c: lowers path->mtu to what is known of the destination. */
void sw_pmtu_apply(struct sw_ip_layer *ip, const struct sw_ip *dst, struct sw_ip_path *path);
void sw_pmtu_fini(struct sw_ip_layer *ip);
/* Interfaces, routes or path MTUs are not what they were. */
void sw_ip_path_changed(struct sw_ip_layer *ip);

/* memo.c: answers given lately. Whether such a packet from `src` to `dst`, both unicast, is known
 * to be for this host. */
void sw_memo_init(struct sw_ip_layer *ip);
void sw_memo_fini(struct sw_ip_layer *ip);
bool sw_memo_path(const struct sw_ip_layer *ip, const struct sw_ip *dst, const struct sw_ip *src,
                  struct sw_ip_path *ret_path);
void sw_memo_keep_path(struct sw_ip_layer *ip, const struct sw_ip *dst,
                       const struct sw_ip_path *path); /* from path->src */
bool sw_memo_welcome(const struct sw_ip_layer *ip, int iface, const struct sw_ip *src,
                     const struct sw_ip *dst);
void sw_memo_keep_welcome(struct sw_ip_layer *ip, int iface, const struct sw_ip *src,
                          const struct sw_ip *dst);

/* A set of sources; `exclude`: everybody but these. */
struct sw_sources {
    bool exclude;
    uint32_t n, cap;
    struct sw_ip *list;
};
/* filter.c */
void sw_sources_free(struct sw_ip_layer *ip, struct sw_sources *set);
bool sw_sources_have(const struct sw_sources *set, const struct sw_ip *source);
bool sw_sources_same(const struct sw_sources *a, const struct sw_sources *b);
bool sw_sources_is_nobody(const struct sw_sources *set);
/* Adds what is not in it yet, while there is room. */
void sw_sources_add(struct sw_sources *set, const struct sw_ip *source);
struct sw_ip_group;
/* What the interface shall hear, from what its members want. False: no memory. */
bool sw_member_filter(struct sw_ip_layer *ip, const struct sw_ip_group *g,
                      struct sw_sources *ret_filter);
/* A group on an interface. It outlives its last member until routers have been told twice. */
struct sw_ip_group {
    struct sw_ip_group *next;
    struct sw_ip ip;
    int iface;
    struct sw_ip_member *members;
    /* member.c's own: */
    struct sw_sources told;   /* what routers know */
    struct sw_sources before; /* and knew, while that is to be repeated */
    struct sw_sources asked;  /* by a query that is to be answered; none: it asked for all */
    struct sw_timer timer;    /* SW_TIMER_MEMBER, for the earlier of: */
    uint64_t repeat_ns, answer_ns;
};
/* member.c: what routers are told. */
void sw_member_init(struct sw_ip_group *g);
void sw_member_fini(struct sw_ip_layer *ip, struct sw_ip_group *g);
void sw_member_update(struct sw_ip_layer *ip, struct sw_ip_group *g); /* its members changed */
void sw_member_timer(struct sw_ip_layer *ip, struct sw_ip_group *g);

/* group.c: a copy of a whole packet, sent by `iface`, for this host itself */
void sw_ip_loop_back(struct sw_ip_layer *ip, int iface, const struct sw_packet *pkt);
void sw_ip_groups_fini(struct sw_ip_layer *ip);

/* ident.c: an identification for the fragments of one datagram */
uint32_t sw_ip_next_id(struct sw_ip_layer *ip, const struct sw_ip *src, const struct sw_ip *dst,
                       uint8_t proto);

/* fragment.c: cuts a datagram (no IP header yet) into fragments of at most `mtu` bytes, with
 * headers, appended to `ret_out`. Does not take pkt, whose head is emptied. 0, or -ENOMEM: nothing
 * appended. */
int sw_ip_fragment(struct sw_ip_layer *ip, struct sw_packet *pkt, const struct sw_ip_hdr *hdr,
                   uint32_t mtu, struct sw_packet_queue *ret_out);

/* frag.c: a fragment, its header pulled off and padding trimmed, arrived. Takes it. The whole
 * datagram and its header if this was the last missing part, else NULL. */
struct sw_packet *sw_frag_input(struct sw_ip_layer *ip, struct sw_packet *pkt,
                                const struct sw_ip_hdr *hdr, struct sw_ip_hdr *ret_hdr);
void sw_frag_fini(struct sw_ip_layer *ip);

/* input.c: counts and traces a drop under the addresses of a header. Takes the packet. */
void sw_ip_drop(struct sw_ip_layer *ip, struct sw_packet *pkt, enum sw_drop why,
                const struct sw_ip_hdr *hdr);

/* icmp.c: sends an ICMP message whose ICMP header is not on it yet. Takes the packet. */
void sw_icmp_send(struct sw_ip_layer *ip, struct sw_packet *pkt, const struct sw_icmp_hdr *icmp,
                  const struct sw_ip *src, const struct sw_ip *dst, uint8_t tos);

/* icmp_errno.c: what an ICMP error means for a program. */
struct sw_icmp_meaning {
    int err; /* 0: not an error that a transport hears of */
    bool hard;
};
struct sw_icmp_meaning sw_icmp_meaning(const struct sw_icmp_hdr *icmp);
/* The MTU that a "fragmentation needed" or "packet too big" tells; 0: none. */
uint32_t sw_icmp_mtu(const struct sw_icmp_hdr *icmp, const struct sw_ip_hdr *quoted);

#endif
