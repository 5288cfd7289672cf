/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IPv6 extension headers (RFC 8200 4).
 *
 * The walk ends because each header takes at least eight bytes of a bounded number, and because no
 * more than SW_IP6_EXT_MAX of them are looked at.
 */
#include "wire/ip_walk.h"

#include <string.h>

#include "wire/bytes.h"

enum { NEXT_HOP_BY_HOP = 0, NEXT_ROUTING = 43, NEXT_DESTINATION = 60 };

/* Options of a hop-by-hop or destination header (RFC 8200 4.2): all are unknown but padding; the
 * two high bits of their type say whether the packet may pass all the same. Padding is of zeros,
 * and no more than aligns what follows (RFC 4942 2.1.9.5). */
static bool options_ok(const uint8_t *p, size_t len)
{
    enum { PAD1 = 0, PADN = 1, PADDING_MAX = 7 };
    size_t at = 0, padding = 0;
    while (at < len) {
        size_t own = p[at] == PAD1 ? 1 : len - at < 2 ? len + 1 : 2U + p[at + 1];
        if (own > len - at || p[at] >> 6 != 0)
            return false;
        for (size_t i = 2; p[at] == PADN && i < own; i++)
            if (p[at + i] != 0)
                return false;
        padding = p[at] <= PADN ? padding + own : 0;
        if (padding > PADDING_MAX)
            return false;
        at += own;
    }
    return true;
}

/* A fragment header. False: it is one, and nothing behind it is to be read. */
static bool read_fragment(const uint8_t *p, struct sw_ip_hdr *hdr)
{
    uint16_t word = sw_get16(p + 2);
    hdr->frag_off = word & 0xfff8;
    hdr->more_fragments = (word & 1) != 0;
    hdr->id = sw_get32(p + 4);
    hdr->fragment = hdr->more_fragments || hdr->frag_off > 0;
    return !hdr->fragment; /* an "atomic" fragment is a whole packet (RFC 6946) */
}

enum sw_drop sw_ip6_walk(const uint8_t *p, size_t have, size_t total, struct sw_ip_hdr *hdr)
{
    size_t at = hdr->hdr_len;
    uint8_t next = hdr->proto;
    bool go_on = true;
    for (unsigned count = 0; go_on; count++) {
        bool known = next == NEXT_HOP_BY_HOP || next == NEXT_ROUTING || next == NEXT_DESTINATION ||
                     next == SW_IP6_NEXT_FRAGMENT;
        if (!known)
            break;
        if (count == SW_IP6_EXT_MAX || total - at < 8)
            return SW_DROP_IP_EXT_HEADER;
        if (have < at + 8)
            return SW_DROP_IP_TRUNCATED;
        size_t len = next == SW_IP6_NEXT_FRAGMENT ? SW_IP6_FRAG_HDR : 8 + 8 * (size_t)p[at + 1];
        if (len > total - at)
            return SW_DROP_IP_EXT_HEADER;
        if (have < at + len)
            return SW_DROP_IP_TRUNCATED;
        switch (next) {
        case NEXT_HOP_BY_HOP: /* only in front (RFC 8200 4.1) */
            if (count > 0)
                return SW_DROP_IP_EXT_HEADER;
            /* fall through */
        case NEXT_DESTINATION:
            if (!options_ok(p + at + 2, len - 2))
                return SW_DROP_IP_EXT_HEADER;
            break;
        case NEXT_ROUTING: /* this host is the last or nothing (RFC 8200 4.4, RFC 5095) */
            if (p[at + 3] != 0)
                return SW_DROP_IP_EXT_HEADER;
            break;
        default:
            go_on = read_fragment(p + at, hdr);
        }
        next = p[at];
        at += len;
    }
    hdr->hdr_len = (uint32_t)at;
    hdr->proto = next;
    return SW_DROP_NONE;
}

/* ---- to send ---------------------------------------------------------------------------- */

uint32_t sw_ip6_extensions_len(const struct sw_extensions *e)
{
    return e ? (uint32_t)e->len[SW_EXT_HOP] + e->len[SW_EXT_DST] : 0;
}

static uint8_t push(struct sw_packet *pkt, const struct sw_extensions *e, enum sw_extension which,
                    uint8_t its, uint8_t next)
{
    if (e->len[which] == 0)
        return next;
    uint8_t *p = sw_packet_push(pkt, e->len[which]);
    memcpy(p, e->bytes[which], e->len[which]);
    p[0] = next;
    return its;
}

/* Of a packet that is cut each fragment has them all: which destination options may have the place
 * in front of the fragment header (RFC 8200 4.1), so that nothing is left to be found behind it. */
uint8_t sw_ip6_push_extensions(struct sw_packet *pkt, const struct sw_extensions *e, uint8_t next)
{
    next = push(pkt, e, SW_EXT_DST, NEXT_DESTINATION, next);
    return push(pkt, e, SW_EXT_HOP, NEXT_HOP_BY_HOP, next);
}
