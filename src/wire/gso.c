/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Segmentation: a TCP super-segment is cut into packets where a link or a device asks for that, and
 * packets of one flow are merged into one where a receiver can handle them at once.
 *
 * Both work on whole IP packets whose headers lie in the head, and leave headers that agree with
 * the packet's length: IP length and checksum, and the pseudo-header's sum in TCP's checksum field.
 */
#include <string.h>

#include "base/assert.h"
#include "wire/bytes.h"
#include "wire/wire.h"

enum { TCP_SEQ = 4, TCP_ACK = 8, TCP_FLAGS = 12, TCP_WINDOW = 14, TCP_CSUM = 16 }; /* offsets */
enum { IP4_TOTAL_LEN = 2, IP4_ID = 4, IP4_CSUM = 10, IP6_PAYLOAD_LEN = 4 };

/* ones' complement arithmetic on a folded sum (RFC 1624 3): the sum after a word changed. */
static uint16_t csum_change(uint16_t sum, uint16_t from, uint16_t to)
{
    uint32_t s = (uint32_t)sum + (uint16_t)~from + to;
    s = (s >> 16) + (s & 0xffff);
    return (uint16_t)((s >> 16) + s);
}

static void ip4_put_word(uint8_t *ip, unsigned at, uint16_t to)
{
    uint16_t sum = csum_change((uint16_t)~sw_get16(ip + IP4_CSUM), sw_get16(ip + at), to);
    sw_put16(ip + at, to);
    sw_put16(ip + IP4_CSUM, (uint16_t)~sum);
}

/* Makes the headers agree with the packet's length. */
static void fix_lengths(struct sw_packet *pkt, uint32_t ip_len)
{
    uint8_t *ip = sw_packet_head(pkt);
    uint8_t *tcp = ip + ip_len;
    uint32_t len = sw_packet_len(pkt);
    uint16_t from, to;
    if (ip[0] >> 4 == 4) {
        from = sw_get16(ip + IP4_TOTAL_LEN);
        to = (uint16_t)len;
        ip4_put_word(ip, IP4_TOTAL_LEN, to);
    } else {
        from = sw_get16(ip + IP6_PAYLOAD_LEN);
        to = (uint16_t)(len - SW_IP6_HDR);
        sw_put16(ip + IP6_PAYLOAD_LEN, to);
    }
    sw_put16(tcp + TCP_CSUM, csum_change(sw_get16(tcp + TCP_CSUM), from, to));
}

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

/* A filled-in checksum covers the super-segment as it stands; pieces begin from the pseudo-header.
 */
static void unfill_csum(struct sw_packet *pkt, uint32_t ip_len)
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
        unfill_csum(rest, ip_len);
    struct sw_packet *piece = copy_front(rest, rest->gso_size);
    if (piece) {
        uint8_t *tcp = sw_packet_head(piece) + ip_len;
        uint16_t flags = sw_get16(tcp + TCP_FLAGS);
        sw_put16(tcp + TCP_FLAGS, flags & (uint16_t) ~(SW_TCP_FIN | SW_TCP_PSH));
        fix_lengths(piece, ip_len);
        sw_packet_trim_front(rest, piece->data_len);
        uint8_t *ip = sw_packet_head(rest);
        tcp = ip + ip_len;
        sw_put32(tcp + TCP_SEQ, sw_get32(tcp + TCP_SEQ) + piece->data_len);
        sw_put16(tcp + TCP_FLAGS, flags & (uint16_t)~SW_TCP_CWR);
        if (ip[0] >> 4 == 4)
            ip4_put_word(ip, IP4_ID, (uint16_t)(sw_get16(ip + IP4_ID) + 1));
        fix_lengths(rest, ip_len);
    }
    if (filled) {
        if (piece)
            sw_packet_fill_csum(piece);
        sw_packet_fill_csum(rest);
    }
    return piece;
}

/* What must be known of a packet to merge it. */
struct gro_view {
    struct sw_ip_hdr ip;
    const uint8_t *tcp;
    uint32_t tcp_len;
};

/* A whole TCP data segment with nothing special about it, its checksum right. */
static bool gro_view(struct sw_packet *pkt, struct gro_view *view)
{
    const uint8_t *head = sw_packet_head(pkt);
    if (sw_ip_parse_hdr(head, pkt->head_len, sw_packet_len(pkt), &view->ip) != SW_DROP_NONE)
        return false;
    const struct sw_ip_hdr *ip = &view->ip;
    if (ip->proto != SW_PROTO_TCP || ip->fragment || pkt->data_len == 0 ||
        ip->hdr_len + ip->payload_len != sw_packet_len(pkt) ||
        pkt->head_len < ip->hdr_len + SW_TCP_HDR)
        return false;
    view->tcp = head + ip->hdr_len;
    view->tcp_len = (view->tcp[12] >> 4) * 4U;
    if (view->tcp_len < SW_TCP_HDR || ip->hdr_len + view->tcp_len != pkt->head_len)
        return false;
    return (sw_get16(view->tcp + TCP_FLAGS) & 0x1ff & ~SW_TCP_PSH) == SW_TCP_ACK;
}

static bool same_flow(const struct gro_view *a, const struct gro_view *b)
{
    return a->ip.version == b->ip.version && a->ip.hdr_len == b->ip.hdr_len &&
           a->ip.hdr_len == (a->ip.version == 4 ? SW_IP4_HDR : SW_IP6_HDR) &&
           a->ip.tos == b->ip.tos && a->ip.ttl == b->ip.ttl &&
           a->ip.flow_label == b->ip.flow_label && a->ip.dont_fragment == b->ip.dont_fragment &&
           a->tcp_len == b->tcp_len && sw_ip_eq(&a->ip.src, &b->ip.src) &&
           sw_ip_eq(&a->ip.dst, &b->ip.dst) && memcmp(a->tcp, b->tcp, TCP_SEQ) == 0 &&
           memcmp(a->tcp + TCP_ACK, b->tcp + TCP_ACK, 4) == 0 &&
           memcmp(a->tcp + TCP_WINDOW, b->tcp + TCP_WINDOW, 2) == 0 &&
           memcmp(a->tcp + SW_TCP_HDR, b->tcp + SW_TCP_HDR, a->tcp_len - SW_TCP_HDR) == 0;
}

/* Whether next's slices find room behind pkt's. */
static bool slices_fit(const struct sw_packet *pkt, const struct sw_packet *next)
{
    const struct sw_slice *last = &pkt->slices[pkt->n_slices - 1], *first = &next->slices[0];
    bool joins = last->chunk == first->chunk && last->off + last->len == first->off;
    return pkt->n_slices + next->n_slices - joins <= SW_PACKET_SLICES;
}

static bool csum_ok(struct sw_packet *pkt, const struct gro_view *view)
{
    if (pkt->csum == SW_CSUM_NEEDED)
        return true;
    uint16_t ip_len = (uint16_t)view->ip.hdr_len;
    sw_packet_pull(pkt, ip_len);
    bool ok = sw_transport_csum_ok(pkt, &view->ip, view->ip.payload_len);
    sw_packet_push(pkt, ip_len);
    return ok;
}

bool sw_gro_merge(struct sw_packet *pkt, struct sw_packet *next)
{
    struct gro_view a, b;
    if (!gro_view(pkt, &a) || !gro_view(next, &b) || !same_flow(&a, &b))
        return false;
    uint32_t size = pkt->gso_size ? pkt->gso_size : pkt->data_len;
    uint32_t next_size = next->gso_size ? next->gso_size : next->data_len;
    bool in_order = sw_get32(a.tcp + TCP_SEQ) + pkt->data_len == sw_get32(b.tcp + TCP_SEQ);
    bool even =
        pkt->data_len % size == 0 && (next->gso_size ? next_size == size : next_size <= size);
    if (!in_order || !even || sw_packet_len(pkt) + next->data_len > SW_PACKET_MAX ||
        !slices_fit(pkt, next) || !csum_ok(pkt, &a) || !csum_ok(next, &b))
        return false;

    uint32_t ip_len = a.ip.hdr_len;
    uint8_t *tcp = sw_packet_head(pkt) + ip_len;
    sw_put16(tcp + TCP_FLAGS, sw_get16(tcp + TCP_FLAGS) | sw_get16(b.tcp + TCP_FLAGS));
    if (pkt->csum == SW_CSUM_FILLED)
        unfill_csum(pkt, ip_len);
    for (unsigned i = 0; i < next->n_slices; i++) {
        int r = sw_packet_add_slice(pkt, next->slices[i]);
        SW_ASSERT(r == 0);
    }
    pkt->gso_size = (uint16_t)size;
    fix_lengths(pkt, ip_len);
    sw_packet_free(next);
    return true;
}
