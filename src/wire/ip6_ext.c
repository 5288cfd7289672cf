/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IPv6 extension headers (RFC 8200 4).
 *
 * The walk ends because each header takes at least eight bytes of a bounded number, and because no
 * more than SW_IP6_EXT_MAX of them are looked at.
 */
#include "wire/bytes.h"
#include "wire/ip_walk.h"

enum { NEXT_HOP_BY_HOP = 0, NEXT_ROUTING = 43, NEXT_DESTINATION = 60 };

/* Options of a hop-by-hop or destination header (RFC 8200 4.2): all are unknown but padding; the
 * two high bits of their type say whether the packet may pass all the same. */
static bool options_ok(const uint8_t *p, size_t len)
{
    enum { PAD1 = 0 };
    size_t at = 0;
    while (at < len) {
        if (p[at] == PAD1) {
            at++;
            continue;
        }
        if (len - at < 2 || p[at + 1] > len - at - 2)
            return false;
        if (p[at] >> 6 != 0)
            return false;
        at += 2U + p[at + 1];
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
