/* SPDX-License-Identifier: BSD-2-Clause */
/* Segments cut anew: see middlebox.h. */
#include "middlebox.h"

#include <string.h>

enum { FIN = 1, SYN = 2, RST = 4 };

static uint32_t get16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static void put16(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

/* The Internet checksum (RFC 1071), begun with `sum`. */
static uint32_t checksum(uint32_t sum, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        sum += i & 1 ? bytes[i] : (uint32_t)bytes[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return ~sum & 0xffff;
}

/* The part [from, to) of a segment's payload as a packet of its own, lengths and sums made right.
 */
static struct sw_packet *part(struct sw_mem *mem, const uint8_t *whole, size_t ip_len,
                              size_t headers, uint32_t from, uint32_t to, bool last)
{
    uint8_t b[2048];
    size_t len = headers + to - from;
    uint8_t *tcp = b + ip_len;
    bool v6 = whole[0] >> 4 == 6;

    memcpy(b, whole, headers);
    memcpy(b + headers, whole + headers + from, to - from);
    uint32_t seq = (get16(tcp + 4) << 16 | get16(tcp + 6)) + from;
    put16(tcp + 4, seq >> 16);
    put16(tcp + 6, seq);
    if (!last)
        tcp[13] &= (uint8_t)~FIN;
    put16(tcp + 16, 0);
    /* The pseudo-header: both addresses, the length, the protocol (RFC 9293 3.1, RFC 8200 8.1). */
    uint32_t pseudo = 6 + (uint32_t)(len - ip_len);
    pseudo += ~checksum(0, v6 ? b + 8 : b + 12, v6 ? 32 : 8) & 0xffff;
    put16(tcp + 16, checksum(pseudo, tcp, len - ip_len));
    if (v6) {
        put16(b + 4, (uint32_t)(len - 40));
    } else {
        put16(b + 2, (uint32_t)len);
        put16(b + 10, 0);
        put16(b + 10, checksum(0, b, ip_len));
    }
    return sw_packet_from_bytes(mem, b, len);
}

bool middlebox_cut(struct rand *rand, struct sw_mem *mem, const struct sw_packet *pkt,
                   struct sw_packet *ret_pkts[2])
{
    uint8_t b[2048];
    size_t len = sw_packet_copy(pkt, 0, b, sizeof(b));

    if (pkt->gso_size || sw_packet_len(pkt) > sizeof(b) || len < 40)
        return false;
    size_t ip_len = b[0] >> 4 == 6 ? 40 : (b[0] & 15U) * 4U;
    if ((b[0] >> 4 == 6 ? b[6] : b[9]) != 6 || len < ip_len + 20)
        return false;
    size_t headers = ip_len + (b[ip_len + 12] >> 4) * 4U;
    uint32_t payload = (uint32_t)(len - headers);
    if (payload < 3 || (b[ip_len + 13] & (SYN | RST)))
        return false;
    uint32_t second = (uint32_t)rand_in(rand, 1, payload - 2);         /* where the second begins */
    uint32_t first = (uint32_t)rand_in(rand, second + 1, payload - 1); /* where the first ends */
    unsigned order = rand_one_in(rand, 2);
    ret_pkts[order] = part(mem, b, ip_len, headers, 0, first, false);
    ret_pkts[!order] = part(mem, b, ip_len, headers, second, payload, true);
    return true;
}
