/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Initial sequence numbers (RFC 6528): a clock plus a keyed hash of the pair of addresses, so that
 * they grow for the same pair and tell nothing of any other. The timestamps' offset likewise, but
 * per pair of hosts (RFC 7323 7.1), so that PAWS and RFC 6191 work from one connection to the next.
 */
#include "tcp/private.h"

#define ISN_TICK_NS 64U /* RFC 6528 3 has 4 us of 1981; this wraps in 275 s, two MSL and more */

struct pair {
    uint8_t src[16], dst[16];
    uint16_t src_port, dst_port;
};
_Static_assert(sizeof(struct pair) == 36, "hashed as bytes: no padding");

static struct pair pair_of(const struct sw_ip *local, const struct sw_ip *remote)
{
    struct pair pair = {0};

    memcpy(pair.src, local->b, sizeof(pair.src));
    memcpy(pair.dst, remote->b, sizeof(pair.dst));
    return pair;
}

sw_seq sw_tcp_isn(const struct sw_tcp *tcp)
{
    struct pair pair = pair_of(&tcp->local.ip, &tcp->remote.ip);
    uint64_t hash;

    pair.src_port = tcp->local.port;
    pair.dst_port = tcp->remote.port;
    hash = sw_siphash24(&tcp->layer->isn_key, &pair, sizeof(pair));
    return sw_seq_of((uint32_t)hash + (uint32_t)(sw_tcp_now(tcp) / ISN_TICK_NS));
}

uint32_t sw_tcp_ts_offset_of(const struct sw_tcp_layer *layer, const struct sw_ip *local,
                             const struct sw_ip *remote)
{
    struct pair pair = pair_of(local, remote);

    return (uint32_t)sw_siphash24(&layer->ts_key, &pair, offsetof(struct pair, src_port));
}

uint32_t sw_tcp_ts_offset(const struct sw_tcp *tcp)
{
    return sw_tcp_ts_offset_of(tcp->layer, &tcp->local.ip, &tcp->remote.ip);
}
