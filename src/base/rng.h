/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Chance from a seed: SipHash-2-4 of a counter, so that one output tells nothing of the next
 * (smoltcp's and picoTCP's invertible generators are the cautionary tale).
 */
#ifndef SW_BASE_RNG_H
#define SW_BASE_RNG_H

#include "base/siphash.h"

struct sw_rng {
    struct sw_sipkey key;
    uint64_t counter;
};

void sw_rng_init(struct sw_rng *rng, const uint8_t seed[16]);
uint64_t sw_rng_u64(struct sw_rng *rng);
uint32_t sw_rng_below(struct sw_rng *rng, uint32_t bound); /* uniform in [0, bound), bound > 0 */
void sw_rng_key(struct sw_rng *rng, struct sw_sipkey *ret_key);

#endif
