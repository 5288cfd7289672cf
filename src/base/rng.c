/* SPDX-License-Identifier: BSD-2-Clause */
/* Chance from a seed: output n is SipHash-2-4 of n under the seed. */
#include "base/rng.h"

#include "base/assert.h"

static uint64_t le64(const uint8_t *p)
{
    uint64_t word = 0;
    for (unsigned i = 0; i < 8; i++)
        word |= (uint64_t)p[i] << (8 * i);
    return word;
}

void sw_rng_init(struct sw_rng *rng, const uint8_t seed[16])
{
    rng->key.k0 = le64(seed);
    rng->key.k1 = le64(seed + 8);
    rng->counter = 0;
}

uint64_t sw_rng_u64(struct sw_rng *rng)
{
    uint8_t counter[8];
    for (unsigned i = 0; i < 8; i++)
        counter[i] = (uint8_t)(rng->counter >> (8 * i));
    rng->counter++;
    return sw_siphash24(&rng->key, counter, sizeof(counter));
}

/* Multiply and reject (Lemire, "Fast random integer generation in an interval", 2019): no bias. */
uint32_t sw_rng_below(struct sw_rng *rng, uint32_t bound)
{
    SW_ASSERT(bound > 0);
    uint32_t reject = (0U - bound) % bound;
    for (;;) {
        uint64_t product = (sw_rng_u64(rng) >> 32) * bound;
        if ((uint32_t)product >= reject)
            return (uint32_t)(product >> 32);
    }
}

void sw_rng_key(struct sw_rng *rng, struct sw_sipkey *ret_key)
{
    ret_key->k0 = sw_rng_u64(rng);
    ret_key->k1 = sw_rng_u64(rng);
}
