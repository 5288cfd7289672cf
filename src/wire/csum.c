/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Internet checksum (RFC 1071).
 *
 * A running sum is of 16-bit words in memory order, which RFC 1071 section 2(B) allows: swapping
 * every byte pair of the input swaps the bytes of the sum. Only sw_csum_fold() swaps. The sum is
 * congruent modulo 2^16 - 1 to what the RFC defines, however its words are grouped, and is 0 only
 * if every word was: so folding a sum of wider words gives the same 16 bits.
 */
#include "wire/wire.h"

#include <string.h>

#include "wire/bytes.h"
#include "wire/csum_block.h"

static inline uint64_t word32(const uint8_t *p)
{
    uint32_t word;
    memcpy(&word, p, sizeof(word));
    return word;
}

/* Less than SW_CSUM_STEP_BYTES. */
static inline uint64_t sum_few(const uint8_t *p, size_t len)
{
    uint64_t sum = 0;
    for (; len >= 8; p += 8, len -= 8)
        sum += word32(p) + word32(p + 4);
    if (len >= 4) {
        sum += word32(p);
        p += 4;
        len -= 4;
    }
    if (len > 0) { /* as if followed by zeros */
        uint32_t word = 0;
        memcpy(&word, p, len);
        sum += word;
    }
    return sum;
}

static inline uint64_t sum_bytes(const uint8_t *p, size_t len)
{
    uint64_t sum = 0;
    while (len >= SW_CSUM_STEP_BYTES) {
        size_t n = len < SW_CSUM_BLOCK_BYTES ? len - len % SW_CSUM_STEP_BYTES : SW_CSUM_BLOCK_BYTES;
        sum += sw_csum_block(p, n);
        p += n;
        len -= n;
    }
    return sum + sum_few(p, len);
}

/* Folded to 16 bits, still in memory order. */
static inline uint16_t fold(uint64_t sum)
{
    sum = (sum >> 32) + (sum & 0xffffffff);
    sum = (sum >> 16) + (sum & 0xffff);
    sum = (sum >> 16) + (sum & 0xffff);
    sum = (sum >> 16) + (sum & 0xffff);
    return (uint16_t)sum;
}

static inline uint64_t add(uint64_t sum, const void *bytes, size_t len, bool odd)
{
    uint64_t more = sum_bytes(bytes, len);
    return sum + (odd ? __builtin_bswap16(fold(more)) : more);
}

uint64_t sw_csum_add(uint64_t sum, const void *bytes, size_t len, bool odd)
{
    return add(sum, bytes, len, odd);
}

uint16_t sw_csum_fold(uint64_t sum)
{
    uint16_t word = fold(sum);
    uint8_t bytes[2];
    memcpy(bytes, &word, 2);
    return sw_get16(bytes);
}

uint64_t sw_csum_packet(const struct sw_packet *pkt, uint32_t off, uint32_t len)
{
    uint64_t sum = 0;
    bool odd = false;
    if (off < pkt->head_len) {
        uint32_t n = pkt->head_len - off < len ? pkt->head_len - off : len;
        sum = sum_bytes(pkt->head + pkt->head_off + off, n);
        odd = n % 2 != 0;
        len -= n;
        off = 0;
    } else {
        off -= pkt->head_len;
    }
    for (unsigned i = 0; i < pkt->n_slices && len > 0; i++) {
        const struct sw_slice *s = &pkt->slices[i];
        if (off >= s->len) {
            off -= s->len;
            continue;
        }
        uint32_t n = s->len - off < len ? s->len - off : len;
        sum = add(sum, s->chunk->data + s->off + off, n, odd);
        odd ^= n % 2 != 0;
        len -= n;
        off = 0;
    }
    return sum;
}

/* RFC 9293 3.1 and RFC 8200 8.1. The prefix of an IPv4-mapped address sums up to ffff, which is
 * zero in ones' complement: so one formula serves both families. */
uint64_t sw_csum_pseudo(const struct sw_ip *src, const struct sw_ip *dst, uint8_t proto,
                        uint32_t len)
{
    uint8_t tail[8] = {0, 0, 0, proto};
    sw_put32(tail + 4, len);
    uint64_t sum = word32(tail) + word32(tail + 4);
    for (unsigned i = 0; i < sizeof(src->b); i += 4)
        sum += word32(src->b + i) + word32(dst->b + i);
    return sum;
}
