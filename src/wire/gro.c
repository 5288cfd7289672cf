/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receive offload, the inverse of gso.c: consecutive segments of a stream become one super-segment,
 * so that the receiver's protocols run once for all of them.
 *
 * Only what is plain merges: no IP options or extension headers, no fragments, no flags but ACK and
 * PSH, every byte of the headers the same except for lengths, identification, checksums, the
 * sequence number and PSH. So a header that equals one that was judged needs no judging. Checksums
 * are verified before; a merged packet counts as known good.
 */
#include <string.h>

#include "base/assert.h"
#include "wire/bytes.h"
#include "wire/offload.h"

/* Length of the IP header if the packet is a plain TCP data segment, else 0. */
static uint32_t plain_ip_len(const struct sw_packet *pkt)
{
    const uint8_t *ip = pkt->head + pkt->head_off;
    uint32_t ip_len, total;
    if (pkt->data_len == 0 || pkt->head_len < SW_IP4_HDR + SW_TCP_HDR)
        return 0;
    if (ip[0] == (4 << 4 | SW_IP4_HDR / 4)) {
        if ((sw_get16(ip + 6) & 0xbfff) != 0 || ip[9] != SW_PROTO_TCP) /* all but DF */
            return 0;
        ip_len = SW_IP4_HDR;
        total = sw_get16(ip + IP4_TOTAL_LEN);
    } else {
        if (ip[0] >> 4 != 6 || ip[6] != SW_PROTO_TCP || pkt->head_len < SW_IP6_HDR + SW_TCP_HDR)
            return 0;
        ip_len = SW_IP6_HDR;
        total = SW_IP6_HDR + sw_get16(ip + IP6_PAYLOAD_LEN);
    }
    uint16_t word = sw_get16(ip + ip_len + TCP_FLAGS);
    if (total != sw_packet_len(pkt) || ip_len + (word >> 12) * 4U != pkt->head_len)
        return 0;
    return (word & 0xfff & ~SW_TCP_PSH) == SW_TCP_ACK ? ip_len : 0;
}

/* memcmp() == 0 of few bytes, a multiple of two, without a call. */
static inline bool same(const uint8_t *a, const uint8_t *b, uint32_t len)
{
    uint64_t differs = 0;
    for (; len >= 8; len -= 8, a += 8, b += 8) {
        uint64_t x, y;
        memcpy(&x, a, 8);
        memcpy(&y, b, 8);
        differs |= x ^ y;
    }
    for (; len > 0; len -= 2, a += 2, b += 2)
        differs |= (uint64_t)(sw_get16(a) ^ sw_get16(b));
    return differs == 0;
}

/* Whether the headers, of equal lengths, belong to one stream and say the same. */
static bool same_headers(const uint8_t *a, const uint8_t *b, uint32_t ip_len, uint32_t head_len)
{
    if (ip_len == SW_IP4_HDR) {
        if (!same(a, b, 2) || !same(a + 6, b + 6, 4) || !same(a + 12, b + 12, 8))
            return false;
    } else if (!same(a, b, 4) || !same(a + 6, b + 6, SW_IP6_HDR - 6)) {
        return false;
    }
    a += ip_len;
    b += ip_len;
    return same(a, b, TCP_SEQ) && same(a + TCP_ACK, b + TCP_ACK, 4) &&
           same(a + TCP_WINDOW, b + TCP_WINDOW, 2) &&
           same(a + SW_TCP_HDR, b + SW_TCP_HDR, head_len - ip_len - SW_TCP_HDR);
}

/* Whether next's slices find room behind pkt's. */
static bool slices_fit(const struct sw_packet *pkt, const struct sw_packet *next)
{
    const struct sw_slice *last = &pkt->slices[pkt->n_slices - 1], *first = &next->slices[0];
    bool joins = last->chunk == first->chunk && last->off + last->len == first->off;
    return pkt->n_slices + next->n_slices - joins <= SW_PACKET_SLICES;
}

static bool lengths_fit(const struct sw_packet *pkt, const struct sw_packet *next)
{
    uint32_t size = pkt->gso_size ? pkt->gso_size : pkt->data_len;
    uint32_t next_size = next->gso_size ? next->gso_size : next->data_len;
    if (pkt->data_len % size != 0 || next_size > size || (next->gso_size && next_size != size))
        return false;
    return sw_packet_len(pkt) + next->data_len <= SW_PACKET_MAX;
}

/* Whether all checksums of a plain packet are right. */
static bool csums_ok(const struct sw_packet *pkt, uint32_t ip_len)
{
    const uint8_t *ip = pkt->head + pkt->head_off;
    if (ip_len == SW_IP4_HDR && sw_csum_fold(sw_csum_add(0, ip, SW_IP4_HDR, false)) != 0xffff)
        return false;
    if (pkt->csum == SW_CSUM_NEEDED)
        return true;
    uint32_t len = sw_packet_len(pkt) - ip_len;
    uint32_t addrs = ip_len == SW_IP4_HDR ? 8 : 32; /* bytes, at the end of either IP header */
    uint64_t sum = sw_csum_add(0, ip + ip_len - addrs, addrs, false);
    uint8_t tail[8] = {0, 0, 0, SW_PROTO_TCP};
    sw_put32(tail + 4, len);
    sum = sw_csum_add(sum, tail, sizeof(tail), false) + sw_csum_packet(pkt, ip_len, len);
    return sw_csum_fold(sum) == 0xffff;
}

bool sw_gro_merge(struct sw_packet *pkt, struct sw_packet *next)
{
    uint32_t ip_len = plain_ip_len(pkt);
    if (ip_len == 0 || pkt->head_len != next->head_len || plain_ip_len(next) != ip_len)
        return false;
    uint8_t *head = sw_packet_head(pkt);
    const uint8_t *next_head = sw_packet_head(next);
    uint8_t *tcp = head + ip_len;
    const uint8_t *next_tcp = next_head + ip_len;
    if (sw_get32(tcp + TCP_SEQ) + pkt->data_len != sw_get32(next_tcp + TCP_SEQ) ||
        !same_headers(head, next_head, ip_len, pkt->head_len) || !lengths_fit(pkt, next) ||
        !slices_fit(pkt, next))
        return false;
    bool merged =
        pkt->gso_size > 0 && pkt->csum == SW_CSUM_NEEDED; /* then it was verified before */
    if ((!merged && !csums_ok(pkt, ip_len)) || !csums_ok(next, ip_len))
        return false;

    if (pkt->csum == SW_CSUM_FILLED)
        sw_offload_unfill_csum(pkt, ip_len);
    if (pkt->gso_size == 0)
        pkt->gso_size = (uint16_t)pkt->data_len;
    tcp[TCP_FLAGS + 1] |= next_tcp[TCP_FLAGS + 1] & SW_TCP_PSH;
    for (unsigned i = 0; i < next->n_slices; i++) {
        int r = sw_packet_add_slice(pkt, next->slices[i]);
        SW_ASSERT(r == 0);
    }
    sw_offload_fix_lengths(pkt, ip_len);
    sw_packet_free(next);
    return true;
}
