/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory asked for before it is needed, so that it comes while other work is done: what lies in no
 * cache costs as much as a hundred instructions when it is waited for, and a tenth of that when twenty
 * such requests are under way together. Changes nothing but speed, and any address may be given.
 */
#ifndef SW_BASE_AHEAD_H
#define SW_BASE_AHEAD_H

#include <stddef.h>

#define SW_LINE_BYTES 64U /* of a cache, on nearly all machines of today */

/* The first `bytes` from `ptr` on. */
static inline void sw_ahead(const void *ptr, size_t bytes)
{
    const char *p = ptr;
    for (size_t at = 0; at < bytes; at += SW_LINE_BYTES)
        __builtin_prefetch(p + at, 1);
    __builtin_prefetch(p + bytes - 1, 1); /* it need not begin with a line */
}

#endif
