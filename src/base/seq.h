/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sequence numbers (RFC 9293 3.4): 32 bits that wrap. A type of their own, so that `a < b` does not
 * compile. All comparisons are right for numbers less than 2^31 apart.
 */
#ifndef SW_BASE_SEQ_H
#define SW_BASE_SEQ_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint32_t v;
} sw_seq;

static inline sw_seq sw_seq_of(uint32_t v)
{
    return (sw_seq){v};
}

static inline sw_seq sw_seq_add(sw_seq a, uint32_t n)
{
    return (sw_seq){a.v + n};
}

static inline sw_seq sw_seq_sub(sw_seq a, uint32_t n)
{
    return (sw_seq){a.v - n};
}

/* a - b, as a signed distance. */
static inline int32_t sw_seq_diff(sw_seq a, sw_seq b)
{
    return (int32_t)(a.v - b.v);
}

static inline bool sw_seq_eq(sw_seq a, sw_seq b)
{
    return a.v == b.v;
}

static inline bool sw_seq_lt(sw_seq a, sw_seq b)
{
    return sw_seq_diff(a, b) < 0;
}

static inline bool sw_seq_le(sw_seq a, sw_seq b)
{
    return sw_seq_diff(a, b) <= 0;
}

static inline sw_seq sw_seq_max(sw_seq a, sw_seq b)
{
    return sw_seq_lt(a, b) ? b : a;
}

static inline sw_seq sw_seq_min(sw_seq a, sw_seq b)
{
    return sw_seq_lt(a, b) ? a : b;
}

/* Whether `s` lies in [first, first + len). */
static inline bool sw_seq_in(sw_seq s, sw_seq first, uint32_t len)
{
    return s.v - first.v < len;
}

#endif
