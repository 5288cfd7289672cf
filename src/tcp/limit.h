/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A limit on answers that fits into a byte of a small record: a clock of 2^27 ns (134 ms), from 1
 * to 127, 0 for never. It wraps in 17 s, so that of answers wanted later than that a few are
 * withheld once: those who ask for a good reason ask again.
 */
#ifndef SW_TCP_LIMIT_H
#define SW_TCP_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#define SW_LIMIT_SHIFT 27
#define SW_LIMIT_TICKS 127U

static inline uint8_t sw_limit_clock(uint64_t now_ns)
{
    return (uint8_t)((now_ns >> SW_LIMIT_SHIFT) % SW_LIMIT_TICKS + 1);
}

/* Whether less than about interval_ns has passed since `last`. */
static inline bool sw_limited(uint8_t last, uint64_t now_ns, uint64_t interval_ns)
{
    uint32_t age = (sw_limit_clock(now_ns) + SW_LIMIT_TICKS - last) % SW_LIMIT_TICKS;

    return last != 0 && age < interval_ns >> SW_LIMIT_SHIFT;
}

#endif
