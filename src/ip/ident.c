/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The identification of fragmented datagrams (RFC 7739 5.3): a keyed hash of the destination plus a
 * counter that destinations share by another keyed hash. So numbers do not repeat soon, and what
 * one destination sees tells it nothing about the numbers of another. Whole datagrams that may not
 * be fragmented carry 0: their field has no meaning (RFC 6864 4.1).
 */
#include "ip/private.h"

struct id_input {
    struct sw_ip src, dst;
    uint8_t proto;
    uint8_t salt;
};

uint32_t sw_ip_next_id(struct sw_ip_layer *ip, const struct sw_ip *src, const struct sw_ip *dst,
                       uint8_t proto)
{
    struct id_input in = {.src = *src, .dst = *dst, .proto = proto, .salt = 0};
    uint32_t offset = (uint32_t)sw_siphash24(&ip->id_key, &in, sizeof(in));
    in.salt = 1;
    uint32_t counter = (uint32_t)sw_siphash24(&ip->id_key, &in, sizeof(in)) % SW_IP_IDS;
    return offset + ip->id_counters[counter]++;
}
