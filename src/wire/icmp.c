/* SPDX-License-Identifier: BSD-2-Clause */
/* ICMP (RFC 792) and ICMPv6 (RFC 4443) headers, and the packets that errors quote. */
#include "wire/wire.h"

#include "wire/bytes.h"
#include "wire/ip_walk.h"

enum sw_drop sw_icmp_parse(const uint8_t *p, size_t have, size_t total, uint8_t version,
                           struct sw_icmp_hdr *ret_hdr)
{
    if (have < SW_ICMP_HDR || total < SW_ICMP_HDR)
        return SW_DROP_ICMP_TRUNCATED;
    *ret_hdr = (struct sw_icmp_hdr){
        .version = version,
        .type = p[0],
        .code = p[1],
        .rest = sw_get32(p + 4),
    };
    return SW_DROP_NONE;
}

void sw_icmp_push_hdr(struct sw_packet *pkt, const struct sw_icmp_hdr *hdr, const struct sw_ip *src,
                      const struct sw_ip *dst)
{
    uint32_t len = SW_ICMP_HDR + sw_packet_len(pkt);
    uint16_t sum = 0; /* RFC 792: no pseudo-header; RFC 4443 2.3: IPv6's */
    if (hdr->version == 6)
        sum = sw_csum_fold(sw_csum_pseudo(src, dst, SW_PROTO_ICMP6, len));
    uint8_t *p = sw_packet_push(pkt, SW_ICMP_HDR);
    p[0] = hdr->type;
    p[1] = hdr->code;
    sw_put16(p + 2, sum);
    sw_put32(p + 4, hdr->rest);
    pkt->csum = SW_CSUM_NEEDED;
}

enum sw_drop sw_icmp_parse_quote(const uint8_t *p, size_t have, struct sw_icmp_quote *ret_quote)
{
    struct sw_icmp_quote quote = {0};
    if (have < SW_IP4_HDR || (p[0] >> 4 == 6 && have < SW_IP6_HDR))
        return SW_DROP_ICMP_TRUNCATED;
    if (!sw_ip_read_quoted(p, have, &quote.ip))
        return SW_DROP_ICMP_QUOTE;
    size_t left = have - quote.ip.hdr_len;
    p += quote.ip.hdr_len;
    bool tcp = quote.ip.proto == SW_PROTO_TCP,
         udp = quote.ip.proto == SW_PROTO_UDP || quote.ip.proto == SW_PROTO_UDPLITE;
    bool icmp4 = quote.ip.proto == SW_PROTO_ICMP, icmp6 = quote.ip.proto == SW_PROTO_ICMP6;
    if (quote.ip.frag_off == 0 && (tcp || udp) && left >= 4) {
        quote.src_port = sw_get16(p);
        quote.dst_port = sw_get16(p + 2);
        quote.has_ports = true;
        if (tcp && left >= 8) { /* RFC 792 promises these 64 bits */
            quote.seq = sw_seq_of(sw_get32(p + 4));
            quote.has_seq = true;
        }
    }
    bool echo = left >= 6 && ((icmp4 && p[0] == SW_ICMP_ECHO) || (icmp6 && p[0] == SW_ICMP6_ECHO));
    if (quote.ip.frag_off == 0 && echo) {
        quote.src_port = sw_get16(p + 4);
        quote.has_ports = true;
    }
    *ret_quote = quote;
    return SW_DROP_NONE;
}
