/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes <-> host-order structs. Pure functions; every length is checked here and nowhere else, and
 * a struct that a parser filled holds legal values only. Addresses stay bytes (addr.h), everything
 * else is host order.
 *
 * A parser reads `have` contiguous bytes of a packet that is `total` bytes long (have <= total) and
 * returns SW_DROP_NONE or the reason why the packet must be dropped; outputs are written only on
 * success. Headers must lie wholly in the contiguous part.
 */
#ifndef SW_WIRE_WIRE_H
#define SW_WIRE_WIRE_H

#include <sockworks/addr.h>
#include <sockworks/trace.h>

#include "base/packet.h"
#include "base/seq.h"

/* Internet protocol numbers (IANA). */
enum {
    SW_PROTO_ICMP = 1,
    SW_PROTO_IGMP = 2,
    SW_PROTO_TCP = 6,
    SW_PROTO_UDP = 17,
    SW_PROTO_ICMP6 = 58,
    SW_PROTO_UDPLITE = 136,
    SW_PROTO_RAW = 255, /* reserved by IANA; raw(7) uses it for "my header says which" */
};

/* ---- IPv4 (RFC 791) and IPv6 (RFC 8200), one shape for both ------------------------------------
 */
struct sw_ip_hdr {
    struct sw_ip src, dst;
    uint32_t hdr_len; /* bytes up to the transport header: options or extension headers included */
    uint32_t
        payload_len; /* bytes after hdr_len, by the header's word; the packet may carry padding */
    uint32_t id;     /* identification of a fragment, or of any IPv4 packet */
    uint32_t flow_label; /* IPv6, 20 bits */
    uint16_t frag_off;   /* in bytes */
    uint8_t version;     /* 4 or 6 */
    uint8_t proto;       /* transport protocol: the last next-header */
    uint8_t ttl;         /* hop limit */
    uint8_t tos;         /* traffic class: DSCP and ECN */
    bool dont_fragment;  /* IPv4 DF; always true for IPv6 */
    bool more_fragments;
    bool fragment; /* part of a datagram: more_fragments or frag_off > 0 */
    const struct sw_extensions *extensions; /* to send, by IPv6; or NULL */
};

#define SW_IP4_HDR 20U
#define SW_IP6_HDR 40U
#define SW_IP6_FRAG_HDR 8U
#define SW_IP6_EXT_MAX 8U /* extension headers we are willing to walk (RFC 9098 has the why) */

/* Either version, by the first nibble. Checks the IPv4 header checksum. */
enum sw_drop sw_ip_parse_hdr(const uint8_t *p, size_t have, size_t total,
                             struct sw_ip_hdr *ret_hdr);

/* Bytes of the extension headers that a header to send has. */
uint32_t sw_ip6_extensions_len(const struct sw_extensions *extensions);
/* Prepends the header for hdr->version to pkt: addresses, proto, ttl, tos, id, flags and fragment
 * offset from hdr; lengths from the packet; an IPv6 fragment header if hdr->fragment. */
void sw_ip_push_hdr(struct sw_packet *pkt, const struct sw_ip_hdr *hdr);

/* ---- TCP (RFC 9293 3.1, options RFC 7323, RFC 2018, RFC 7413) ----------------------------------
 */
enum {
    SW_TCP_FIN = 0x01,
    SW_TCP_SYN = 0x02,
    SW_TCP_RST = 0x04,
    SW_TCP_PSH = 0x08,
    SW_TCP_ACK = 0x10,
    SW_TCP_URG = 0x20,
    SW_TCP_ECE = 0x40,
    SW_TCP_CWR = 0x80,
    SW_TCP_AE = 0x100, /* RFC 9768; NS of RFC 3540 before */
};

#define SW_TCP_HDR 20U
#define SW_TCP_HDR_MAX 60U
#define SW_TCP_SACKS 4 /* blocks that fit into 40 option bytes (RFC 2018 3) */

struct sw_tcp_sack {
    sw_seq left, right; /* [left, right) */
};

/* The AccECN option (RFC 9768 3.2.3): counters of bytes, 24 bits of each. */
enum { SW_TCP_ACCECN_FIELDS = 3 };
struct sw_tcp_accecn {
    bool present;
    uint8_t order;  /* 0: ECT(0), CE, ECT(1); 1: the other way about */
    uint8_t fields; /* how many are there, from the first */
    uint32_t bytes[SW_TCP_ACCECN_FIELDS];
};
#define SW_TCP_ACCECN_LEN(fields) ((2U + 3U * (fields) + 3U) / 4U * 4U) /* with padding */

struct sw_tcp_hdr {
    uint16_t src_port, dst_port;
    sw_seq seq, ack;
    uint16_t flags;
    uint16_t window; /* as on the wire, unscaled */
    uint16_t urgent;
    uint8_t hdr_len; /* bytes, 20 to 60 */
    /* options */
    bool has_mss, has_wscale, has_ts, sack_ok, has_tfo;
    uint8_t wscale; /* 0 to 14 (RFC 7323 2.3: more counts as 14) */
    uint16_t mss;
    uint32_t ts_val, ts_ecr;
    uint8_t n_sacks;
    struct sw_tcp_sack sacks[SW_TCP_SACKS];
    bool tfo_exp;    /* in the experimental option (RFC 7413 4.1.1, RFC 6994) */
    uint8_t tfo_len; /* 0: cookie request */
    uint8_t tfo_cookie[16];
    struct sw_tcp_accecn accecn;
};

/* Of a segment of `total` bytes: header, options and data. Unknown options are skipped. Does not
 * check the checksum (sw_transport_csum_ok() does). */
enum sw_drop sw_tcp_parse(const uint8_t *p, size_t have, size_t total, struct sw_tcp_hdr *ret_hdr);

/* Prepends a TCP header to pkt; checksum field holds the pseudo-header's part and pkt->csum becomes
 * SW_CSUM_NEEDED. Option order as Linux sends it: MSS, SACK-permitted and timestamps together,
 * window scale, TFO, AccECN, SACK blocks; padded with NOPs. hdr->hdr_len is ignored. Returns the
 * header's length. SACK blocks that do not fit are left out. */
uint8_t sw_tcp_push_hdr(struct sw_packet *pkt, const struct sw_tcp_hdr *hdr,
                        const struct sw_ip *src, const struct sw_ip *dst);

/* Bytes the options of hdr would take. */
uint8_t sw_tcp_opts_len(const struct sw_tcp_hdr *hdr);
/* Bytes that are left for one more option, if as many as `sacks` of its SACK blocks are to stay. */
unsigned sw_tcp_opts_room(const struct sw_tcp_hdr *hdr, unsigned sacks);

/* ---- UDP (RFC 768) -----------------------------------------------------------------------------
 */
#define SW_UDP_HDR 8U

struct sw_udp_hdr {
    uint16_t src_port, dst_port;
    uint16_t len;  /* header and data */
    uint16_t coverage; /* of them the checksum's; less than `len` in UDP-Lite only */
    bool has_csum; /* false: sent with checksum 0 (IPv4 only; RFC 8200 8.1 forbids it in IPv6) */
};

enum sw_drop sw_udp_parse(const uint8_t *p, size_t have, size_t total, struct sw_udp_hdr *ret_hdr);
void sw_udp_push_hdr(struct sw_packet *pkt, uint16_t src_port, uint16_t dst_port,
                     const struct sw_ip *src, const struct sw_ip *dst);

/* UDP-Lite (RFC 3828): its length field is the coverage. The checksum, over the first `coverage`
 * bytes, must be there (3.1), so it is filled in at once. */
enum sw_drop sw_udplite_parse(const uint8_t *p, size_t have, size_t total,
                              struct sw_udp_hdr *ret_hdr);
void sw_udplite_push_hdr(struct sw_packet *pkt, uint16_t src_port, uint16_t dst_port,
                         uint16_t coverage, const struct sw_ip *src, const struct sw_ip *dst);

/* ---- ICMP (RFC 792) and ICMPv6 (RFC 4443) ------------------------------------------------------
 */
#define SW_ICMP_HDR 8U

enum { /* ICMP types and codes of use here */
       SW_ICMP_ECHO_REPLY = 0,
       SW_ICMP_UNREACH = 3,
       SW_ICMP_ECHO = 8,
       SW_ICMP_TIME_EXCEEDED = 11,
       SW_ICMP_PARAM_PROBLEM = 12,
       SW_ICMP_UNREACH_NET = 0,
       SW_ICMP_UNREACH_HOST = 1,
       SW_ICMP_UNREACH_PROTO = 2,
       SW_ICMP_UNREACH_PORT = 3,
       SW_ICMP_UNREACH_FRAG = 4,
       SW_ICMP6_UNREACH = 1,
       SW_ICMP6_TOO_BIG = 2,
       SW_ICMP6_TIME_EXCEEDED = 3,
       SW_ICMP6_PARAM_PROBLEM = 4,
       SW_ICMP6_ECHO = 128,
       SW_ICMP6_ECHO_REPLY = 129,
       SW_ICMP6_UNREACH_ROUTE = 0,
       SW_ICMP6_UNREACH_ADMIN = 1,
       SW_ICMP6_UNREACH_ADDR = 3,
       SW_ICMP6_UNREACH_PORT = 4,
};

struct sw_icmp_hdr {
    uint8_t version; /* 4: ICMP, 6: ICMPv6 */
    uint8_t type, code;
    uint32_t rest; /* identifier and sequence of an echo; MTU of "too big" (v4: low 16 bits) */
};

enum sw_drop sw_icmp_parse(const uint8_t *p, size_t have, size_t total, uint8_t version,
                           struct sw_icmp_hdr *ret_hdr);
void sw_icmp_push_hdr(struct sw_packet *pkt, const struct sw_icmp_hdr *hdr, const struct sw_ip *src,
                      const struct sw_ip *dst);

/* The packet quoted by an ICMP error: as much of its headers as is there. ports and seq are 0
 * unless the quote reaches them. Of an echo request the identifier stands for the source port. */
struct sw_icmp_quote {
    struct sw_ip_hdr ip;
    uint16_t src_port, dst_port;
    sw_seq seq; /* TCP only */
    bool has_ports, has_seq;
};
enum sw_drop sw_icmp_parse_quote(const uint8_t *p, size_t have, struct sw_icmp_quote *ret_quote);

/* ---- checksums (RFC 1071) ----------------------------------------------------------------------
 */
/* Adds bytes to a running ones' complement sum. `odd`: the bytes begin at an odd offset. */
uint64_t sw_csum_add(uint64_t sum, const void *bytes, size_t len, bool odd);
/* The sum of bytes [off, off + len) of a packet, which has so many. */
uint64_t sw_csum_packet(const struct sw_packet *pkt, uint32_t off, uint32_t len);
uint16_t sw_csum_fold(uint64_t sum); /* folded, not yet complemented */
uint64_t sw_csum_pseudo(const struct sw_ip *src, const struct sw_ip *dst, uint8_t proto,
                        uint32_t len);

/* Verifies the transport checksum of a packet whose head begins with the transport header (the IP
 * header has been pulled); `len` bytes count. True for packets that never left the process
 * (SW_CSUM_NEEDED) and for UDP/IPv4 without one. */
bool sw_transport_csum_ok(const struct sw_packet *pkt, const struct sw_ip_hdr *ip, uint32_t len);

/* ---- segmentation ------------------------------------------------------------------------------
 */
/* Cuts the next packet of at most gso_size payload bytes off the front of a TCP super-segment
 * (whole IP packet): header copied with seq, lengths, id and flags set (FIN and PSH only on the
 * last; CWR only on the first, unless pkt->ace). Returns the piece; when `super` is used up it is
 * freed and *super NULL. On lack of memory returns NULL and leaves *super. A packet with gso_size 0
 * is returned as it is. */
struct sw_packet *sw_gso_next(struct sw_packet **super);

/* The inverse, for receivers: appends `next` (an in-order segment of the same flow, same options
 * and flags but for PSH) to `pkt`. False when it does not fit; then nothing has changed. */
bool sw_gro_merge(struct sw_packet *pkt, struct sw_packet *next);

#endif
