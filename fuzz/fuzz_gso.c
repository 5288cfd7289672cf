/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Merging arbitrary packets, and cutting what came of it. Input: packets of a length byte each and
 * their bytes; each is merged into the one before if it can be. A merged packet is cut at its
 * gso_size, and every piece must be a right packet: its length, its checksum, its place in the
 * sequence.
 */
#include "fuzz.h"

#include "wire/bytes.h"
#include "wire/wire.h"

static void check_piece(struct sw_packet *piece, uint32_t seq)
{
    struct sw_ip_hdr ip;
    struct sw_tcp_hdr tcp;
    sw_packet_fill_csum(piece);
    const uint8_t *p = sw_packet_head(piece);
    SW_ASSERT(sw_ip_parse_hdr(p, piece->head_len, sw_packet_len(piece), &ip) == SW_DROP_NONE);
    SW_ASSERT(ip.hdr_len + ip.payload_len == sw_packet_len(piece));
    enum sw_drop why =
        sw_tcp_parse(p + ip.hdr_len, piece->head_len - ip.hdr_len, ip.payload_len, &tcp);
    SW_ASSERT(why == SW_DROP_NONE ||
              why == SW_DROP_TCP_OPTION); /* options are not merging's affair */
    SW_ASSERT(sw_get32(p + ip.hdr_len + 4) == seq);
    sw_packet_pull(piece, (uint16_t)ip.hdr_len);
    SW_ASSERT(sw_transport_csum_ok(piece, &ip, ip.payload_len));
}

static void cut(struct sw_packet *whole)
{
    if (whole->gso_size == 0) { /* nothing was merged into it: it may be anything */
        sw_packet_free(whole);
        return;
    }
    SW_ASSERT(whole->csum == SW_CSUM_NEEDED);
    uint32_t left = whole->data_len, size = whole->gso_size;
    uint32_t ip_len = sw_packet_head(whole)[0] >> 4 == 4 ? SW_IP4_HDR : SW_IP6_HDR;
    uint32_t seq = sw_get32(sw_packet_head(whole) + ip_len + 4);
    while (whole) {
        struct sw_packet *piece = sw_gso_next(&whole);
        SW_ASSERT(piece && piece->data_len == (left < size ? left : size));
        left -= piece->data_len;
        uint32_t len = piece->data_len;
        check_piece(piece, seq);
        seq += len;
        sw_packet_free(piece);
    }
    SW_ASSERT(left == 0);
}

/* As if it had been made in this process: merging then does not depend on a right checksum. */
static void make_ours(struct sw_packet *pkt)
{
    struct sw_ip_hdr ip;
    uint8_t *p = sw_packet_head(pkt);
    if (sw_ip_parse_hdr(p, pkt->head_len, sw_packet_len(pkt), &ip) != SW_DROP_NONE ||
        ip.proto != SW_PROTO_TCP || pkt->head_len < ip.hdr_len + SW_TCP_HDR)
        return;
    uint64_t pseudo = sw_csum_pseudo(&ip.src, &ip.dst, SW_PROTO_TCP, ip.payload_len);
    sw_put16(p + ip.hdr_len + 16, sw_csum_fold(pseudo));
    pkt->csum = SW_CSUM_NEEDED;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    struct sw_packet *whole = NULL;
    while (size > 1) {
        size_t len = data[0];
        data++;
        size--;
        if (len > size)
            len = size;
        struct sw_packet *next = sw_packet_from_bytes(mem, data, len);
        data += len;
        size -= len;
        if (!next)
            continue;
        if (len % 2 == 0)
            make_ours(next);
        if (whole && sw_gro_merge(whole, next))
            continue;
        if (whole)
            cut(whole);
        whole = next;
    }
    if (whole)
        cut(whole);
    SW_ASSERT(sw_mem_used(mem) == 0);
    sw_mem_put(mem);
    return 0;
}
