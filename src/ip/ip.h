/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The internet layer of a host (RFC 1122 3, RFC 8200): interfaces, addresses, routes, fragments,
 * ICMP.
 *
 * Below it are interfaces' output queues; above it the host takes what it returns and gives it to a
 * transport. It calls nothing above itself.
 */
#ifndef SW_IP_IP_H
#define SW_IP_IP_H

#include "base/env.h"
#include "wire/wire.h"

struct sw_iface {
    struct sw_iface_config config;
    struct sw_packet_queue out; /* whole IP packets that wait for sw_host_output() */
    /* Until when a router of an older version of IGMP or MLD is taken to be there: member.c */
    uint64_t igmp1_until_ns, igmp2_until_ns, mld1_until_ns;
};

struct sw_ip_addr;
struct sw_ip_route;
struct sw_frags;
struct sw_pmtus;
struct sw_ip_group;

#define SW_IP_IDS 64 /* counters that destinations share by hash (RFC 7739 5.3) */

/* Settings of the host: Linux's sysctl of the same meaning (net.ipv4.route). */
struct sw_ip_config {
    uint64_t mtu_expires_ns;   /* 10 min: how long a path MTU is believed (RFC 1191 6.3) */
    uint32_t min_pmtu_bytes;   /* 552; IPv4 only, IPv6 has 1,280 (RFC 8201 4) */
    uint32_t min_advmss_bytes; /* 256: no smaller MSS is announced */
};

struct sw_ip_memo;

struct sw_ip_layer {
    struct sw_env *env;
    struct sw_ip_config config;
    struct sw_iface *ifaces; /* index i is interface i + 1 */
    uint32_t n_ifaces;
    struct sw_ip_addr *addrs;
    uint32_t n_addrs;
    struct sw_ip_route *routes; /* longest prefix first */
    uint32_t n_routes;
    struct sw_frags *frags;  /* reassembly; NULL until the first fragment */
    struct sw_pmtus *pmtus;  /* what paths carry; NULL until ICMP tells of one */
    uint32_t path_changes;   /* counts what may change the answer of sw_ip_path() */
    struct sw_ip_memo *memo; /* answers given lately: memo.c; NULL: no memory */
    struct sw_sipkey id_key; /* identification of fragmented packets: see ident.c */
    uint32_t id_counters[SW_IP_IDS];
    uint64_t icmp_tokens_ns; /* error limiter: see icmp_error.c */
    struct sw_ip_group *groups;
    struct sw_packet_queue looped; /* copies of multicasts for this host itself: sw_ip_looped() */
    bool looping;                  /* what arrives now is one of them */
};

int sw_ip_init(struct sw_ip_layer *ip, struct sw_env *env);
void sw_ip_rekey(struct sw_ip_layer *ip); /* identifications anew: see sw_host_reseed() */
void sw_ip_fini(struct sw_ip_layer *ip);

/* As the sw_host_* functions of the same names. */
int sw_ip_add_iface(struct sw_ip_layer *ip, const struct sw_iface_config *config);
int sw_ip_add_addr(struct sw_ip_layer *ip, int iface, const struct sw_ip *addr,
                   unsigned prefix_len);
int sw_ip_remove_addr(struct sw_ip_layer *ip, int iface, const struct sw_ip *addr,
                      unsigned prefix_len);
int sw_ip_add_route(struct sw_ip_layer *ip, const struct sw_ip *dst, unsigned prefix_len, int iface,
                    const struct sw_ip *via);
int sw_ip_remove_route(struct sw_ip_layer *ip, const struct sw_ip *dst, unsigned prefix_len, int iface);
int sw_ip_set_mtu(struct sw_ip_layer *ip, int iface, uint32_t mtu, uint32_t gso_max);
int sw_ip_set_route_metrics(struct sw_ip_layer *ip, const struct sw_ip *dst, unsigned prefix_len,
                            const struct sw_route_metrics *metrics);
struct sw_iface *sw_ip_iface(struct sw_ip_layer *ip, int iface); /* NULL: none */

/* Whether `addr` is one of this host's own: an interface's; of IPv4 all of the prefix on a loopback. */
bool sw_ip_is_local(const struct sw_ip_layer *ip, const struct sw_ip *addr);

/* The interface that has this very address; 0: none. */
int sw_ip_addr_iface(const struct sw_ip_layer *ip, const struct sw_ip *addr);

/* Whether it is 255.255.255.255, or the last address of a subnet that an interface of ours is on.
 */
bool sw_ip_is_broadcast(const struct sw_ip_layer *ip, const struct sw_ip *addr);

/* How a packet to `dst` leaves. */
struct sw_ip_path {
    int iface;
    struct sw_ip src;  /* the address to send from (RFC 6724 5; RFC 1122 3.3.4.3) */
    uint32_t mtu;      /* bytes of an IP packet, as far as is known now */
    uint32_t link_mtu; /* of the first link alone: no packet is larger */
    uint32_t advmss;   /* of the route; 0: by mtu */
    uint32_t initcwnd; /* of the route, in segments; 0: the usual */
    uint32_t gso_max;  /* payload bytes of a super-segment; cut where the interface takes none */
    bool loopback;
    bool mtu_locked; /* the MTU stays; IPv4 packets must be left for routers to fragment */
};
/* `src` not NULL and not "any": the sender has chosen; it must be local (else -EADDRNOTAVAIL), of
 * the family of `dst` (else -ENETUNREACH), and a loopback address does not leave the host (-EINVAL,
 * as Linux). 0 or -ENETUNREACH. */
int sw_ip_path(struct sw_ip_layer *ip, const struct sw_ip *dst, const struct sw_ip *src,
               struct sw_ip_path *ret_path);

/* Somebody who sent to `dst` heard, in an ICMP message that he has checked (RFC 5927 7), that the
 * path carries `mtu` bytes: everybody who sends there knows it for ten minutes. Only ever lowers
 * it. */
void sw_ip_pmtu_learn(struct sw_ip_layer *ip, const struct sw_ip *dst, uint32_t mtu);

/* ---- multicast groups (group.c) ---- */

/* Somebody who is in a group, and whom he wants to hear there. It is his who joined; while he is
 * in, he may change it and say so. */
struct sw_ip_member {
    struct sw_ip_member *next; /* of the same group: ip/'s own */
    bool exclude;              /* all but the sources; else only these */
    uint32_t n;
    struct sw_ip *sources;
};
/* A group is heard while it has members. Routers are told (member.c). 0 or -ENOMEM. */
int sw_ip_join(struct sw_ip_layer *ip, int iface, const struct sw_ip *group,
               struct sw_ip_member *member);
void sw_ip_member_changed(struct sw_ip_layer *ip, int iface, const struct sw_ip *group);
void sw_ip_leave(struct sw_ip_layer *ip, int iface, const struct sw_ip *group,
                 struct sw_ip_member *member);
bool sw_ip_in_group(struct sw_ip_layer *ip, int iface, const struct sw_ip *group);
/* The interface of a group that nobody named one for: the routes', else a loopback. -ENODEV: none.
 */
int sw_ip_group_iface(struct sw_ip_layer *ip, const struct sw_ip *group);
/* The path of a packet to a group by this interface. As sw_ip_path(), or -ENODEV. */
int sw_ip_group_path(struct sw_ip_layer *ip, int iface, const struct sw_ip *group,
                     const struct sw_ip *src, struct sw_ip_path *ret_path);
/* What this host sent by *ret_iface to a group that it is in itself, to be taken in there; NULL: no
 * more. */
struct sw_packet *sw_ip_looped(struct sw_ip_layer *ip, int *ret_iface);

/* What the sender of a packet decides. */
struct sw_ip_tx {
    struct sw_ip src, dst;
    uint8_t proto;
    uint8_t ttl; /* 0: 64 (RFC 1700, "IP TIME TO LIVE") */
    uint8_t tos;
    bool dont_fragment; /* IPv4: DF set, and too big is -EMSGSIZE instead of fragments */
    bool want_df;       /* IPv4: DF where the packet fits the path and its MTU is not locked */
    bool ignore_pmtu;   /* the first link's MTU counts */
    bool clear_df;      /* IPv4: no DF, whatever else is said */
    uint32_t flow_label; /* of IPv6 (RFC 6437); 0: none */
    uint32_t mark;       /* with `priority`: told on a loopback */
    uint8_t priority;
    int iface;          /* 0: by the routes */
    bool quiet;         /* multicast: no copy for this host itself (IP_MULTICAST_LOOP off) */
    bool stay;          /* multicast: it does not leave the host (IP_MULTICAST_TTL 0) */
    const struct sw_extensions *extensions; /* of IPv6; NULL: none */
    struct sw_packet **ret_sent; /* NULL, or where a copy goes of what left, before it is cut in pieces; it
                                  * becomes the caller's. Unchanged: nothing left, or no memory */
};
/* Prepends the IP header and queues the packet at its interface; fragments it where it must and
 * may. Cuts super-segments if the interface takes none; fills checksums in if it does not offload
 * them. Always takes the packet. 0, -EMSGSIZE, -ENODEV (tx->iface), -ENOMEM, or as sw_ip_path(). */
int sw_ip_output(struct sw_ip_layer *ip, struct sw_packet *pkt, const struct sw_ip_tx *tx);

/* Sends a whole IPv4 packet whose header its sender made, at least 20 bytes (own.c): to tx->dst,
 * whatever the header says. 0, -EMSGSIZE (it is not fragmented), -ENODEV, -ENOMEM, or as
 * sw_ip_path(). */
int sw_ip_output_own(struct sw_ip_layer *ip, const void *bytes, uint32_t len,
                     const struct sw_ip_tx *tx);

/* A packet arrived on an interface. Takes it. Returns a whole datagram addressed to this host, its
 * IP header pulled off and padding trimmed, for the transport hdr->proto; NULL when it was dropped,
 * answered, or is a fragment that waits for others. */
struct sw_packet *sw_ip_input(struct sw_ip_layer *ip, int iface, struct sw_packet *pkt,
                              struct sw_ip_hdr *ret_hdr);

/* What an ICMP message is to those above. */
enum sw_icmp_use {
    SW_ICMP_USED_UP, /* nothing: answered, or dropped */
    SW_ICMP_IS_ERROR,
    SW_ICMP_IS_REPLY, /* to an echo request */
};
struct sw_icmp_error {
    struct sw_icmp_hdr icmp;
    struct sw_icmp_quote quote; /* what this host once sent: quote.ip.src is local */
    struct sw_ip offender;      /* who says so */
    int err;                    /* errno that Linux gives for it: ECONNREFUSED, EHOSTUNREACH ... */
    bool hard;                  /* ends a connection attempt (RFC 1122 4.2.3.9, RFC 5461) */
    uint32_t mtu;               /* of "fragmentation needed" and "packet too big", else 0 */
};
/* An ICMP or ICMPv6 message (from sw_ip_input()). Echo requests are answered. Takes it, unless it
 * is for those above: then it stays the caller's, its ICMP header on the head. Of a reply only
 * ret_error->icmp is set. */
enum sw_icmp_use sw_icmp_input(struct sw_ip_layer *ip, int iface, struct sw_packet *pkt,
                               const struct sw_ip_hdr *hdr, struct sw_icmp_error *ret_error);

/* Sends an ICMP message whose ICMP header is not on it yet. Takes the packet. As sw_ip_output(). */
int sw_icmp_output(struct sw_ip_layer *ip, struct sw_packet *pkt, const struct sw_icmp_hdr *icmp,
                   const struct sw_ip_tx *tx);

/* Answers a datagram (as sw_ip_input() gave it: header pulled off) with an ICMP error that quotes
 * it, limited in rate, never in answer to multicast, errors or fragments (RFC 1122 3.2.2, RFC
 * 4443 2.4). Does not take the packet. type and code are ICMPv4's; ICMPv6's are derived. */
void sw_icmp_send_error(struct sw_ip_layer *ip, const struct sw_packet *pkt,
                        const struct sw_ip_hdr *hdr, uint8_t type, uint8_t code);

/* IGMP, and ICMPv6's messages about groups, came in (member.c). They take the packet. */
void sw_igmp_input(struct sw_ip_layer *ip, int iface, struct sw_packet *pkt,
                   const struct sw_ip_hdr *hdr);
void sw_mld_input(struct sw_ip_layer *ip, int iface, struct sw_packet *pkt,
                  const struct sw_ip_hdr *hdr);
/* The timer of a group fired. */
void sw_group_timer(struct sw_ip_layer *ip, struct sw_timer *timer);

/* A reassembly timer fired. */
void sw_frag_timer(struct sw_ip_layer *ip, struct sw_timer *timer);

#endif
