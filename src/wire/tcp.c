/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP headers (RFC 9293 3.1); tcp_options.c has the options. */
#include "wire/wire.h"

#include "wire/bytes.h"
#include "wire/tcp_options.h"

enum sw_drop sw_tcp_parse(const uint8_t *p, size_t have, size_t total, struct sw_tcp_hdr *ret_hdr)
{
    if (have < SW_TCP_HDR)
        return SW_DROP_TCP_TRUNCATED;
    uint8_t hdr_len = (uint8_t)((p[12] >> 4) * 4);
    if (hdr_len < SW_TCP_HDR || hdr_len > total)
        return SW_DROP_TCP_HEADER_LEN;
    if (hdr_len > have)
        return SW_DROP_TCP_TRUNCATED;
    struct sw_tcp_hdr hdr = {
        .src_port = sw_get16(p),
        .dst_port = sw_get16(p + 2),
        .seq = sw_seq_of(sw_get32(p + 4)),
        .ack = sw_seq_of(sw_get32(p + 8)),
        .flags = sw_get16(p + 12) & 0x1ff,
        .window = sw_get16(p + 14),
        .urgent = sw_get16(p + 18),
        .hdr_len = hdr_len,
    };
    if (hdr_len > SW_TCP_HDR && !sw_tcp_read_options(p + SW_TCP_HDR, hdr_len - SW_TCP_HDR, &hdr))
        return SW_DROP_TCP_OPTION;
    *ret_hdr = hdr;
    return SW_DROP_NONE;
}

uint8_t sw_tcp_push_hdr(struct sw_packet *pkt, const struct sw_tcp_hdr *hdr,
                        const struct sw_ip *src, const struct sw_ip *dst)
{
    uint8_t hdr_len = (uint8_t)(SW_TCP_HDR + sw_tcp_opts_len(hdr));
    uint32_t len = hdr_len + sw_packet_len(pkt);
    uint8_t *p = sw_packet_push(pkt, hdr_len);
    sw_put16(p, hdr->src_port);
    sw_put16(p + 2, hdr->dst_port);
    sw_put32(p + 4, hdr->seq.v);
    sw_put32(p + 8, hdr->ack.v);
    sw_put16(p + 12, (uint16_t)(hdr_len / 4U << 12 | (hdr->flags & 0x1ffU)));
    sw_put16(p + 14, hdr->window);
    sw_put16(p + 16, sw_csum_fold(sw_csum_pseudo(src, dst, SW_PROTO_TCP, len)));
    sw_put16(p + 18, hdr->urgent);
    sw_tcp_write_options(p + SW_TCP_HDR, hdr);
    pkt->csum = SW_CSUM_NEEDED;
    return hdr_len;
}
