/* SPDX-License-Identifier: BSD-2-Clause */
/* The inner loop of the checksum: csum_block.c for any machine, or csum_block_x86_64.c. */
#ifndef SW_WIRE_CSUM_BLOCK_H
#define SW_WIRE_CSUM_BLOCK_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SW_CSUM_STEP_BYTES 64U
#define SW_CSUM_BLOCK_BYTES (32768U * SW_CSUM_STEP_BYTES)

/* Sum of the 16-bit words, in memory order, of `len` bytes: a multiple of SW_CSUM_STEP_BYTES and at
 * most SW_CSUM_BLOCK_BYTES. */
uint64_t sw_csum_block(const uint8_t *p, size_t len);

/*
 * That, over vectors of `lanes`, 32-bit integers: compilers make vector instructions of it where
 * there are any. Even and odd 16-bit words are summed apart, so that no lane overflows: with the
 * smallest vectors an accumulator gets one word out of 32 bytes, 2^16 words out of a block.
 */
#define SW_CSUM_BLOCK_LOOP(lanes, p, len, ret_sum)                                                 \
    do {                                                                                           \
        lanes low0 = {0}, low1 = {0}, high0 = {0}, high1 = {0};                                    \
        for (size_t i = 0; i < (len); i += 2 * sizeof(lanes)) {                                    \
            lanes a, b;                                                                            \
            memcpy(&a, (p) + i, sizeof(a));                                                        \
            memcpy(&b, (p) + i + sizeof(a), sizeof(b));                                            \
            low0 += a & 0xffff;                                                                    \
            high0 += a >> 16;                                                                      \
            low1 += b & 0xffff;                                                                    \
            high1 += b >> 16;                                                                      \
        }                                                                                          \
        (ret_sum) = 0;                                                                             \
        for (size_t i = 0; i < sizeof(lanes) / 4; i++)                                             \
            (ret_sum) += (uint64_t)low0[i] + low1[i] + high0[i] + high1[i];                        \
    } while (0)

#endif
