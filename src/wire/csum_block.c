/* SPDX-License-Identifier: BSD-2-Clause */
/* The checksum's inner loop for any machine: vectors of 16 bytes. */
#include "wire/csum_block.h"

typedef uint32_t lanes __attribute__((vector_size(16)));

uint64_t sw_csum_block(const uint8_t *p, size_t len)
{
    uint64_t sum;
    SW_CSUM_BLOCK_LOOP(lanes, p, len, sum);
    return sum;
}
