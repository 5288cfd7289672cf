/* SPDX-License-Identifier: BSD-2-Clause */
/* UDP headers (RFC 768). */
#include "wire/wire.h"

#include "base/assert.h"
#include "wire/bytes.h"

enum sw_drop sw_udp_parse(const uint8_t *p, size_t have, size_t total, struct sw_udp_hdr *ret_hdr)
{
    if (have < SW_UDP_HDR)
        return SW_DROP_UDP_TRUNCATED;
    uint16_t len = sw_get16(p + 4);
    if (len < SW_UDP_HDR || len > total)
        return SW_DROP_UDP_LEN;
    *ret_hdr = (struct sw_udp_hdr){
        .src_port = sw_get16(p),
        .dst_port = sw_get16(p + 2),
        .len = len,
        .has_csum = sw_get16(p + 6) != 0,
    };
    return SW_DROP_NONE;
}

void sw_udp_push_hdr(struct sw_packet *pkt, uint16_t src_port, uint16_t dst_port,
                     const struct sw_ip *src, const struct sw_ip *dst)
{
    uint32_t len = SW_UDP_HDR + sw_packet_len(pkt);
    SW_ASSERT(len <= UINT16_MAX);
    uint8_t *p = sw_packet_push(pkt, SW_UDP_HDR);
    sw_put16(p, src_port);
    sw_put16(p + 2, dst_port);
    sw_put16(p + 4, (uint16_t)len);
    sw_put16(p + 6, sw_csum_fold(sw_csum_pseudo(src, dst, SW_PROTO_UDP, len)));
    pkt->csum = SW_CSUM_NEEDED;
}
