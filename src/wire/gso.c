/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Segmentation offload: a TCP super-segment is cut into packets where a link or a device asks for
 * that.
 *
 * Works on whole IP packets whose headers lie in the head, and leaves headers that agree with the
 * packet's length. The pieces share the super-segment's chunks.
 */
#include <string.h>

#include "base/assert.h"
#include "wire/bytes.h"
#include "wire/offload.h"

/* Where the TCP header begins, in a super-segment that this process made: no need to judge it. */
static uint32_t tcp_offset(const struct sw_packet *super)
{
    const uint8_t *ip = super->head + super->head_off;
    if (ip[0] >> 4 == 4)
        return (ip[0] & 0x0fU) * 4;
    if (ip[6] == SW_PROTO_TCP)
        return SW_IP6_HDR;
    struct sw_ip_hdr hdr;
    enum sw_drop why = sw_ip_parse_hdr(ip, super->head_len, sw_packet_len(super), &hdr);
    SW_ASSERT(why == SW_DROP_NONE && hdr.proto == SW_PROTO_TCP);
    return hdr.hdr_len;
}

void sw_offload_unfill_csum(struct sw_packet *pkt, uint32_t ip_len)
{
    struct sw_ip_hdr ip;
    uint8_t *head = sw_packet_head(pkt);
    enum sw_drop why = sw_ip_parse_hdr(head, pkt->head_len, sw_packet_len(pkt), &ip);
    SW_ASSERT(why == SW_DROP_NONE && ip.hdr_len == ip_len);
    uint64_t pseudo = sw_csum_pseudo(&ip.src, &ip.dst, SW_PROTO_TCP, ip.payload_len);
    sw_put16(head + ip_len + TCP_CSUM, sw_csum_fold(pseudo));
    pkt->csum = SW_CSUM_NEEDED;
}

/* A packet with the super-segment's head and the first `len` bytes of its data. */
static struct sw_packet *copy_front(const struct sw_packet *super, uint32_t len)
{
    struct sw_packet *piece = sw_packet_new(super->mem, super->head_off);
    if (!piece)
        return NULL;
    piece->head_len = super->head_len;
    piece->time_ns = super->time_ns;
    piece->ace = super->ace;
    memcpy(piece->head + piece->head_off, super->head + super->head_off, super->head_len);
    for (unsigned i = 0; len > 0; i++) {
        struct sw_slice s = super->slices[i];
        s.len = s.len < len ? s.len : len;
        len -= s.len;
        sw_chunk_get(s.chunk);
        piece->slices[piece->n_slices++] = s;
        piece->data_len += s.len;
    }
    return piece;
}

struct sw_packet *sw_gso_next(struct sw_packet **super)
{
    struct sw_packet *rest = *super;
    if (rest->gso_size == 0 || rest->data_len <= rest->gso_size) {
        rest->gso_size = 0;
        *super = NULL;
        return rest;
    }
    uint32_t ip_len = tcp_offset(rest);
    bool filled = rest->csum == SW_CSUM_FILLED;
    if (filled)
        sw_offload_unfill_csum(rest, ip_len);
    struct sw_packet *piece = copy_front(rest, rest->gso_size);
    if (piece) {
        uint8_t *tcp = sw_packet_head(piece) + ip_len;
        uint16_t flags = sw_get16(tcp + TCP_FLAGS);
        sw_put16(tcp + TCP_FLAGS, flags & (uint16_t) ~(SW_TCP_FIN | SW_TCP_PSH));
        sw_offload_fix_lengths(piece, ip_len);
        sw_packet_trim_front(rest, piece->data_len);
        uint8_t *ip = sw_packet_head(rest);
        tcp = ip + ip_len;
        sw_put32(tcp + TCP_SEQ, sw_get32(tcp + TCP_SEQ) + piece->data_len);
        sw_put16(tcp + TCP_FLAGS, rest->ace ? flags : flags & (uint16_t)~SW_TCP_CWR);
        if (ip[0] >> 4 == 4)
            sw_offload_ip4_put(ip, IP4_ID, (uint16_t)(sw_get16(ip + IP4_ID) + 1));
        sw_offload_fix_lengths(rest, ip_len);
    }
    if (filled) {
        if (piece)
            sw_packet_fill_csum(piece);
        sw_packet_fill_csum(rest);
    }
    return piece;
}
