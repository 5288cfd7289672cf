/* SPDX-License-Identifier: BSD-2-Clause */
/* What gso.c and gro.c share. */
#ifndef SW_WIRE_OFFLOAD_H
#define SW_WIRE_OFFLOAD_H

#include "wire/bytes.h"
#include "wire/wire.h"

enum { TCP_SEQ = 4, TCP_ACK = 8, TCP_FLAGS = 12, TCP_WINDOW = 14, TCP_CSUM = 16 }; /* offsets */
enum { IP4_TOTAL_LEN = 2, IP4_ID = 4, IP4_CSUM = 10, IP6_PAYLOAD_LEN = 4 };

/* ones' complement arithmetic on a folded sum (RFC 1624 3): the sum after a word changed. */
static inline uint16_t sw_offload_csum_change(uint16_t sum, uint16_t from, uint16_t to)
{
    uint32_t s = (uint32_t)sum + (uint16_t)~from + to;
    s = (s >> 16) + (s & 0xffff);
    return (uint16_t)((s >> 16) + s);
}

/* Changes a word of an IPv4 header and its checksum with it. */
static inline void sw_offload_ip4_put(uint8_t *ip, unsigned at, uint16_t to)
{
    uint16_t sum =
        sw_offload_csum_change((uint16_t)~sw_get16(ip + IP4_CSUM), sw_get16(ip + at), to);
    sw_put16(ip + at, to);
    sw_put16(ip + IP4_CSUM, (uint16_t)~sum);
}

/* Makes the headers agree with the packet's length: the IP length and checksum, and the length in
 * the pseudo-header's sum, which lies in TCP's checksum field. */
static inline void sw_offload_fix_lengths(struct sw_packet *pkt, uint32_t ip_len)
{
    uint8_t *ip = sw_packet_head(pkt);
    uint8_t *tcp = ip + ip_len;
    uint32_t len = sw_packet_len(pkt);
    uint16_t from, to;
    if (ip[0] >> 4 == 4) {
        from = sw_get16(ip + IP4_TOTAL_LEN);
        to = (uint16_t)len;
        sw_offload_ip4_put(ip, IP4_TOTAL_LEN, to);
    } else {
        from = sw_get16(ip + IP6_PAYLOAD_LEN);
        to = (uint16_t)(len - SW_IP6_HDR);
        sw_put16(ip + IP6_PAYLOAD_LEN, to);
    }
    sw_put16(tcp + TCP_CSUM, sw_offload_csum_change(sw_get16(tcp + TCP_CSUM), from, to));
}

/* Puts the pseudo-header's sum in place of a whole checksum that was right. */
void sw_offload_unfill_csum(struct sw_packet *pkt, uint32_t ip_len);

#endif
