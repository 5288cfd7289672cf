/* SPDX-License-Identifier: BSD-2-Clause */
/* SipHash-c-d after "SipHash: a fast short-input PRF" (Aumasson, Bernstein 2012), section 2. */
#include "base/siphash.h"

#include <string.h>

struct state {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotl(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

/* SipRound, figure 2.1 of the paper. */
static inline void rounds(struct state *s, unsigned n)
{
    while (n-- > 0) {
        s->v0 += s->v1;
        s->v2 += s->v3;
        s->v1 = rotl(s->v1, 13) ^ s->v0;
        s->v3 = rotl(s->v3, 16) ^ s->v2;
        s->v0 = rotl(s->v0, 32);
        s->v2 += s->v1;
        s->v0 += s->v3;
        s->v1 = rotl(s->v1, 17) ^ s->v2;
        s->v3 = rotl(s->v3, 21) ^ s->v0;
        s->v2 = rotl(s->v2, 32);
    }
}

static inline void absorb(struct state *s, uint64_t word, unsigned c)
{
    s->v3 ^= word;
    rounds(s, c);
    s->v0 ^= word;
}

/* Little-endian, whatever this machine is; compiles to one load where it is that already. */
static inline uint64_t load_le(const uint8_t *p, size_t len)
{
    uint64_t word = 0;
    for (size_t i = 0; i < len; i++)
        word |= (uint64_t)p[i] << (8 * i);
    return word;
}

static inline uint64_t siphash(const struct sw_sipkey *key, const void *bytes, size_t len,
                               unsigned c, unsigned d)
{
    struct state s = {
        .v0 = key->k0 ^ 0x736f6d6570736575ULL,
        .v1 = key->k1 ^ 0x646f72616e646f6dULL,
        .v2 = key->k0 ^ 0x6c7967656e657261ULL,
        .v3 = key->k1 ^ 0x7465646279746573ULL,
    };
    const uint8_t *p = bytes;
    size_t left = len;
    for (; left >= 8; left -= 8, p += 8)
        absorb(&s, load_le(p, 8), c);
    absorb(&s, load_le(p, left) | (uint64_t)len << 56, c);
    s.v2 ^= 0xff;
    rounds(&s, d);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t sw_siphash24(const struct sw_sipkey *key, const void *bytes, size_t len)
{
    return siphash(key, bytes, len, 2, 4);
}

uint64_t sw_siphash13(const struct sw_sipkey *key, const void *bytes, size_t len)
{
    return siphash(key, bytes, len, 1, 3);
}
