/* SPDX-License-Identifier: BSD-2-Clause */
/* Chance of the simulator: SplitMix64 (Steele, Lea, Flood 2014), and pseudo-random contents that
 * can be computed from any offset, so that a receiver checks bytes without keeping what was sent.
 */
#ifndef SW_TESTS_SIM_RAND_H
#define SW_TESTS_SIM_RAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rand {
    uint64_t state;
};

static inline uint64_t rand_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

static inline uint64_t rand_next(struct rand *r)
{
    return rand_mix(r->state += 0x9e3779b97f4a7c15ULL);
}

/* Uniform enough in [low, high]. */
static inline uint64_t rand_in(struct rand *r, uint64_t low, uint64_t high)
{
    return low + rand_next(r) % (high - low + 1);
}

/* True once in n. */
static inline bool rand_one_in(struct rand *r, uint64_t n)
{
    return rand_next(r) % n == 0;
}

/* `len` bytes of the contents `key`, from an offset. */
static inline void content_fill(uint64_t key, uint64_t off, uint8_t *buf, size_t len)
{
    uint64_t word = 0;
    for (size_t i = 0; i < len; i++, off++) {
        if (i == 0 || off % 8 == 0)
            word = rand_mix(key + off / 8);
        buf[i] = (uint8_t)(word >> (off % 8 * 8));
    }
}

/* How many of the bytes are the right ones, from the first. */
static inline size_t content_check(uint64_t key, uint64_t off, const uint8_t *buf, size_t len)
{
    uint64_t word = 0;
    for (size_t i = 0; i < len; i++, off++) {
        if (i == 0 || off % 8 == 0)
            word = rand_mix(key + off / 8);
        if (buf[i] != (uint8_t)(word >> (off % 8 * 8)))
            return i;
    }
    return len;
}

#endif
