/* SPDX-License-Identifier: BSD-2-Clause */
/* Where packets come from and go to the bytes of a wire: finding the headers, filling checksums in
 * and verifying them. The part of <sockworks/packet.h> that must know protocols. */
#include <string.h>

#include "base/assert.h"
#include "wire/bytes.h"
#include "wire/wire.h"

/* Bytes of IP and transport headers at the front of a packet; all that a head can hold if there is
 * something wrong with them, so that whoever parses it again comes to the same verdict. */
static uint16_t headers_len(const uint8_t *p, size_t len)
{
    size_t most = len < SW_PACKET_HEAD ? len : SW_PACKET_HEAD;
    struct sw_ip_hdr ip;
    if (sw_ip_parse_hdr(p, len, len, &ip) != SW_DROP_NONE)
        return (uint16_t)most;
    size_t want = ip.hdr_len;
    if (ip.frag_off == 0) {
        size_t left = len - ip.hdr_len;
        if (ip.proto == SW_PROTO_TCP && left >= SW_TCP_HDR)
            want += (p[ip.hdr_len + 12] >> 4) < 5 ? SW_TCP_HDR : (p[ip.hdr_len + 12] >> 4) * 4U;
        else if (ip.proto == SW_PROTO_TCP)
            want += left;
        else if (ip.proto == SW_PROTO_UDP || ip.proto == SW_PROTO_UDPLITE)
            want += SW_UDP_HDR;
        else if (ip.proto == SW_PROTO_ICMP || ip.proto == SW_PROTO_ICMP6)
            want += SW_ICMP_HDR;
    }
    return (uint16_t)(want < most ? want : most);
}

struct sw_packet *sw_packet_from_bytes(struct sw_mem *mem, const void *bytes, size_t len)
{
    if (len == 0 || len > SW_PACKET_MAX + SW_IP6_HDR)
        return NULL;
    uint16_t head_len = headers_len(bytes, len);
    struct sw_packet *pkt = sw_packet_new(mem, SW_PACKET_HEAD);
    if (!pkt)
        return NULL;
    memcpy(sw_packet_push(pkt, head_len), bytes, head_len);
    pkt->csum = SW_CSUM_FILLED;
    uint32_t data_len = (uint32_t)(len - head_len);
    if (data_len == 0)
        return pkt;
    struct sw_chunk *chunk = sw_chunk_new(mem, data_len);
    if (!chunk) {
        sw_packet_free(pkt);
        return NULL;
    }
    memcpy(chunk->data, (const uint8_t *)bytes + head_len, data_len);
    chunk->fill = data_len;
    pkt->slices[0] = (struct sw_slice){chunk, 0, data_len};
    pkt->n_slices = 1;
    pkt->data_len = data_len;
    return pkt;
}

/* Where the transport's header has its checksum; 0: no checksum that we know. */
static uint32_t csum_offset(uint8_t proto)
{
    switch (proto) {
    case SW_PROTO_TCP:
        return 16;
    case SW_PROTO_UDP:
        return 6;
    case SW_PROTO_ICMP:
    case SW_PROTO_ICMP6:
        return 2;
    default:
        return 0;
    }
}

/* Where the transport header of a packet made in this process begins, and which it is; 0: none that
 * has a checksum of its own (a fragment is cut from a packet that was filled before). */
static uint32_t own_transport(const uint8_t *ip, uint32_t have, uint32_t total, uint8_t *ret_proto)
{
    struct sw_ip_hdr hdr;
    if (have >= SW_IP4_HDR && ip[0] == (4 << 4 | SW_IP4_HDR / 4) &&
        (sw_get16(ip + 6) & 0x3fff) == 0) {
        *ret_proto = ip[9];
        return SW_IP4_HDR;
    }
    if (have >= SW_IP6_HDR && ip[0] >> 4 == 6 && csum_offset(ip[6]) != 0) {
        *ret_proto = ip[6];
        return SW_IP6_HDR;
    }
    if (sw_ip_parse_hdr(ip, have, total, &hdr) != SW_DROP_NONE || hdr.fragment)
        return 0;
    *ret_proto = hdr.proto;
    return hdr.hdr_len;
}

void sw_packet_fill_csum(struct sw_packet *pkt)
{
    if (pkt->csum != SW_CSUM_NEEDED)
        return;
    uint8_t *head = sw_packet_head(pkt), proto = 0;
    uint32_t len = sw_packet_len(pkt), at = own_transport(head, pkt->head_len, len, &proto);
    if (at == 0)
        return;
    pkt->csum = SW_CSUM_FILLED;
    uint32_t field = csum_offset(proto);
    if (field == 0 || pkt->head_len < at + field + 2)
        return;
    /* The field holds the pseudo-header's sum, so it is summed with the rest. */
    uint16_t csum = (uint16_t)~sw_csum_fold(sw_csum_packet(pkt, at, len - at));
    if (csum == 0 && proto == SW_PROTO_UDP)
        csum = 0xffff; /* RFC 768: zero means none */
    sw_put16(head + at + field, csum);
}

bool sw_transport_csum_ok(const struct sw_packet *pkt, const struct sw_ip_hdr *ip, uint32_t len)
{
    uint32_t field = csum_offset(ip->proto);
    if (pkt->csum == SW_CSUM_NEEDED || field == 0)
        return true;
    if (len > sw_packet_len(pkt) || len < field + 2 || pkt->head_len < field + 2)
        return false;
    if (ip->proto == SW_PROTO_UDP && sw_get16(pkt->head + pkt->head_off + field) == 0)
        return ip->version == 4; /* RFC 8200 8.1 */
    uint64_t sum = sw_csum_packet(pkt, 0, len);
    if (ip->proto != SW_PROTO_ICMP)
        sum += sw_csum_pseudo(&ip->src, &ip->dst, ip->proto, len);
    return sw_csum_fold(sum) == 0xffff;
}
