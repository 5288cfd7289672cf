/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flow labels of IPv6 (RFC 6437): a connection's packets all carry the same one, which its user
 * chose or which follows from its two ends, so that routers that balance by it keep them on one
 * path. Nobody who does not see its packets can tell which: it is mixed with the secret behind its
 * timestamps.
 */
#include "tcp/private.h"
#include "tcp/rare.h"

enum { LABEL_BITS = 20 /* RFC 8200 3 */ };

/* A multiplicative hash (Knuth, TAOCP 3, 6.4): its upper bits are the good ones. */
static uint32_t label_of_ends(const struct sw_tcp *tcp)
{
    const uint32_t golden = 2654435761U;
    uint32_t ports = (uint32_t)tcp->local.port << 16 | tcp->remote.port;
    return (tcp->ts_offset ^ ports * golden) * golden >> (32 - LABEL_BITS);
}

uint32_t sw_tcp_flow_label(const struct sw_tcp *tcp)
{
    if (tcp->rare && tcp->rare->has_flow_label)
        return tcp->rare->flow_label;
    return label_of_ends(tcp);
}

void sw_tcp_set_flow_label(struct sw_tcp *tcp, uint32_t label, bool automatic)
{
    bool own = label != 0 || !automatic;
    if (!own && !tcp->rare)
        return;
    struct sw_tcp_rare *rare = sw_rare_get(tcp);
    if (!rare) /* without memory it keeps the one that follows from its ends */
        return;
    rare->has_flow_label = own;
    rare->flow_label = label;
}

void sw_tcp_set_peer_label(struct sw_tcp *tcp, uint32_t label)
{
    tcp->peer_label_low = (uint16_t)label;
    tcp->peer_label_high = label >> 16 & 0xf;
}

uint32_t sw_tcp_peer_label(const struct sw_tcp *tcp)
{
    return (uint32_t)tcp->peer_label_high << 16 | tcp->peer_label_low;
}
