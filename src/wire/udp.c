/* SPDX-License-Identifier: BSD-2-Clause */
/* Headers of UDP (RFC 768) and UDP-Lite (RFC 3828). */
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
        .coverage = len,
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

/* RFC 3828 3.1: a coverage of 0 is all of it; less than the header, or more than there is, is none.
 */
enum sw_drop sw_udplite_parse(const uint8_t *p, size_t have, size_t total,
                              struct sw_udp_hdr *ret_hdr)
{
    if (have < SW_UDP_HDR || total > UINT16_MAX)
        return SW_DROP_UDP_TRUNCATED;
    uint16_t coverage = sw_get16(p + 4);
    if (coverage == 0)
        coverage = (uint16_t)total;
    if (coverage < SW_UDP_HDR || coverage > total)
        return SW_DROP_UDP_LEN;
    *ret_hdr = (struct sw_udp_hdr){
        .src_port = sw_get16(p),
        .dst_port = sw_get16(p + 2),
        .len = (uint16_t)total,
        .coverage = coverage,
        .has_csum = sw_get16(p + 6) != 0,
    };
    return SW_DROP_NONE;
}

void sw_udplite_push_hdr(struct sw_packet *pkt, uint16_t src_port, uint16_t dst_port,
                         uint16_t coverage, const struct sw_ip *src, const struct sw_ip *dst)
{
    uint32_t len = SW_UDP_HDR + sw_packet_len(pkt);
    SW_ASSERT(len <= UINT16_MAX);
    bool all = coverage == 0 || coverage >= len;
    uint8_t *p = sw_packet_push(pkt, SW_UDP_HDR);
    sw_put16(p, src_port);
    sw_put16(p + 2, dst_port);
    sw_put16(p + 4, all ? 0 : coverage);
    sw_put16(p + 6, 0);
    uint64_t sum = sw_csum_packet(pkt, 0, all ? len : coverage);
    sum += sw_csum_pseudo(src, dst, SW_PROTO_UDPLITE, len);
    uint16_t csum = (uint16_t)~sw_csum_fold(sum);
    sw_put16(p + 6, csum ? csum : 0xffff);
    pkt->csum = SW_CSUM_FILLED;
}
