/* SPDX-License-Identifier: BSD-2-Clause */
/* IPv4 headers (RFC 791 3.1) and IPv6 headers with their extension headers (RFC 8200 3, 4). */
#include "wire/wire.h"

#include <string.h>

#include "base/assert.h"
#include "wire/bytes.h"
#include "wire/ip_walk.h"

enum { FLAG_DF = 0x4000, FLAG_MF = 0x2000, OFFSET_MASK = 0x1fff }; /* RFC 791 3.1 */

/* Options must be well-formed (RFC 791 3.1); source routes are refused, as Linux does and RFC
 * 7126 4.3, 4.4 advises. */
static enum sw_drop check_options(const uint8_t *p, size_t len)
{
    enum { EOL = 0, NOP = 1, LSRR = 131, SSRR = 137 };
    size_t at = 0;
    while (at < len && p[at] != EOL) {
        if (p[at] == NOP) {
            at++;
            continue;
        }
        if (len - at < 2 || p[at + 1] < 2 || p[at + 1] > len - at)
            return SW_DROP_IP_OPTION;
        if (p[at] == LSRR || p[at] == SSRR)
            return SW_DROP_IP_OPTION;
        at += p[at + 1];
    }
    return SW_DROP_NONE;
}

/* The fields of an IPv4 header of which all hdr_len bytes are there. */
static void read_ip4(const uint8_t *p, uint32_t hdr_len, struct sw_ip_hdr *hdr)
{
    uint16_t frag = sw_get16(p + 6);
    *hdr = (struct sw_ip_hdr){
        .src = SW_IP4(p[12], p[13], p[14], p[15]),
        .dst = SW_IP4(p[16], p[17], p[18], p[19]),
        .hdr_len = hdr_len,
        .payload_len = sw_get16(p + 2) - hdr_len,
        .id = sw_get16(p + 4),
        .frag_off = (uint16_t)((frag & OFFSET_MASK) * 8),
        .version = 4,
        .proto = p[9],
        .ttl = p[8],
        .tos = p[1],
        .dont_fragment = (frag & FLAG_DF) != 0,
        .more_fragments = (frag & FLAG_MF) != 0,
    };
    hdr->fragment = hdr->more_fragments || hdr->frag_off > 0;
}

/* A fragment's place: all but the last a multiple of eight bytes, none empty or beyond 65,535. */
static bool fragment_ok(const struct sw_ip_hdr *hdr, uint32_t len)
{
    if (!hdr->fragment)
        return true;
    if (len == 0 || (hdr->more_fragments && len % 8 != 0))
        return false;
    return hdr->frag_off + len <= SW_PACKET_MAX;
}

static enum sw_drop parse_ip4(const uint8_t *p, size_t have, size_t total,
                              struct sw_ip_hdr *ret_hdr)
{
    if (have < SW_IP4_HDR)
        return SW_DROP_IP_TRUNCATED;
    uint32_t hdr_len = (p[0] & 0x0fU) * 4, total_len = sw_get16(p + 2);
    if (hdr_len < SW_IP4_HDR || hdr_len > total)
        return SW_DROP_IP_HEADER_LEN;
    if (hdr_len > have)
        return SW_DROP_IP_TRUNCATED;
    if (total_len < hdr_len || total_len > total)
        return SW_DROP_IP_TOTAL_LEN;
    if (sw_csum_fold(sw_csum_add(0, p, hdr_len, false)) != 0xffff)
        return SW_DROP_IP_CHECKSUM;
    if (hdr_len > SW_IP4_HDR) {
        enum sw_drop why = check_options(p + SW_IP4_HDR, hdr_len - SW_IP4_HDR);
        if (why != SW_DROP_NONE)
            return why;
    }
    struct sw_ip_hdr hdr;
    read_ip4(p, hdr_len, &hdr);
    if (!fragment_ok(&hdr, hdr.payload_len))
        return SW_DROP_FRAG_MALFORMED;
    *ret_hdr = hdr;
    return SW_DROP_NONE;
}

/* The fixed part; hdr_len, proto and the fragment's fields come from the walk. */
static void read_ip6(const uint8_t *p, struct sw_ip_hdr *hdr)
{
    *hdr = (struct sw_ip_hdr){
        .hdr_len = SW_IP6_HDR,
        .payload_len = sw_get16(p + 4),
        .flow_label = sw_get32(p) & 0xfffff,
        .version = 6,
        .proto = p[6],
        .ttl = p[7],
        .tos = (uint8_t)(sw_get16(p) >> 4),
        .dont_fragment = true,
    };
    memcpy(hdr->src.b, p + 8, 16);
    memcpy(hdr->dst.b, p + 24, 16);
}

static enum sw_drop parse_ip6(const uint8_t *p, size_t have, size_t total,
                              struct sw_ip_hdr *ret_hdr)
{
    if (have < SW_IP6_HDR)
        return SW_DROP_IP_TRUNCATED;
    struct sw_ip_hdr hdr;
    read_ip6(p, &hdr);
    uint32_t end = SW_IP6_HDR + hdr.payload_len;
    if (end > total)
        return SW_DROP_IP_TOTAL_LEN;
    /* On a wire an IPv4-mapped address is a lie, and in here it would pass for IPv4 (RFC 4942 2.2).
     */
    if (sw_ip_is4(&hdr.src))
        return SW_DROP_IP_MARTIAN_SRC;
    if (sw_ip_is4(&hdr.dst))
        return SW_DROP_IP_MARTIAN_DST;
    enum sw_drop why = sw_ip6_walk(p, have < end ? have : end, end, &hdr);
    if (why != SW_DROP_NONE)
        return why;
    hdr.payload_len = end - hdr.hdr_len;
    if (!fragment_ok(&hdr, hdr.payload_len))
        return SW_DROP_FRAG_MALFORMED;
    *ret_hdr = hdr;
    return SW_DROP_NONE;
}

enum sw_drop sw_ip_parse_hdr(const uint8_t *p, size_t have, size_t total, struct sw_ip_hdr *ret_hdr)
{
    if (have < 1)
        return SW_DROP_IP_TRUNCATED;
    switch (p[0] >> 4) {
    case 4:
        return parse_ip4(p, have, total, ret_hdr);
    case 6:
        return parse_ip6(p, have, total, ret_hdr);
    default:
        return SW_DROP_IP_VERSION;
    }
}

bool sw_ip_read_quoted(const uint8_t *p, size_t have, struct sw_ip_hdr *ret_hdr)
{
    if (have >= SW_IP4_HDR && p[0] >> 4 == 4) {
        uint32_t hdr_len = (p[0] & 0x0fU) * 4;
        if (hdr_len < SW_IP4_HDR || hdr_len > have || sw_get16(p + 2) < hdr_len)
            return false;
        read_ip4(p, hdr_len, ret_hdr);
        return true;
    }
    if (have < SW_IP6_HDR || p[0] >> 4 != 6)
        return false;
    struct sw_ip_hdr hdr;
    read_ip6(p, &hdr);
    size_t end = SW_IP6_HDR + (size_t)hdr.payload_len;
    if (sw_ip_is4(&hdr.src) || sw_ip_is4(&hdr.dst) ||
        sw_ip6_walk(p, have < end ? have : end, end, &hdr) != SW_DROP_NONE)
        return false;
    hdr.payload_len = (uint32_t)end - hdr.hdr_len;
    *ret_hdr = hdr;
    return true;
}

static void push_ip4(struct sw_packet *pkt, const struct sw_ip_hdr *hdr)
{
    uint32_t total = SW_IP4_HDR + sw_packet_len(pkt);
    SW_ASSERT(total <= SW_PACKET_MAX && hdr->frag_off % 8 == 0);
    unsigned frag = hdr->frag_off / 8U;
    frag |= hdr->dont_fragment ? FLAG_DF : 0U;
    frag |= hdr->more_fragments ? FLAG_MF : 0U;
    uint8_t *p = sw_packet_push(pkt, SW_IP4_HDR);
    p[0] = 4 << 4 | SW_IP4_HDR / 4;
    p[1] = hdr->tos;
    sw_put16(p + 2, (uint16_t)total);
    sw_put16(p + 4, (uint16_t)hdr->id);
    sw_put16(p + 6, (uint16_t)frag);
    p[8] = hdr->ttl;
    p[9] = hdr->proto;
    sw_put16(p + 10, 0);
    memcpy(p + 12, hdr->src.b + 12, 4);
    memcpy(p + 16, hdr->dst.b + 12, 4);
    sw_put16(p + 10, (uint16_t)~sw_csum_fold(sw_csum_add(0, p, SW_IP4_HDR, false)));
}

static void push_ip6(struct sw_packet *pkt, const struct sw_ip_hdr *hdr)
{
    uint8_t next = hdr->proto;
    if (hdr->fragment) { /* RFC 8200 4.5 */
        SW_ASSERT(hdr->frag_off % 8 == 0);
        uint8_t *f = sw_packet_push(pkt, SW_IP6_FRAG_HDR);
        f[0] = next;
        f[1] = 0;
        sw_put16(f + 2, (uint16_t)(hdr->frag_off | hdr->more_fragments));
        sw_put32(f + 4, hdr->id);
        next = SW_IP6_NEXT_FRAGMENT;
    }
    if (hdr->extensions)
        next = sw_ip6_push_extensions(pkt, hdr->extensions, next);
    uint32_t len = sw_packet_len(pkt);
    SW_ASSERT(len <= UINT16_MAX);
    uint8_t *p = sw_packet_push(pkt, SW_IP6_HDR);
    sw_put32(p, 6U << 28 | (uint32_t)hdr->tos << 20 | (hdr->flow_label & 0xfffff));
    sw_put16(p + 4, (uint16_t)len);
    p[6] = next;
    p[7] = hdr->ttl;
    memcpy(p + 8, hdr->src.b, 16);
    memcpy(p + 24, hdr->dst.b, 16);
}

void sw_ip_push_hdr(struct sw_packet *pkt, const struct sw_ip_hdr *hdr)
{
    SW_ASSERT(hdr->version == 4 || hdr->version == 6);
    if (hdr->version == 4)
        push_ip4(pkt, hdr);
    else
        push_ip6(pkt, hdr);
}
