/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A growing array whose elements never move: pages of equal size and a directory of them. Growing
 * costs one page, never a copy of what is there, so a pointer to an element stays good and no
 * single call pays for a million.
 */
#ifndef SW_BASE_PAGES_H
#define SW_BASE_PAGES_H

#include <stdint.h>

#include <sockworks/packet.h>

#define SW_PAGE_BYTES 4096U

struct sw_pages {
    struct sw_mem *mem;
    uint8_t **pages;
    uint32_t n_pages, cap_pages;
    uint16_t size;  /* of an element, a power of two */
    uint16_t shift; /* log2 of elements per page */
};

/* `size` is a power of two, at most SW_PAGE_BYTES. Allocates nothing. */
void sw_pages_init(struct sw_pages *pages, struct sw_mem *mem, uint16_t size);
void sw_pages_fini(struct sw_pages *pages); /* may be used again, empty */

/* One page more, zeroed: 0 or -ENOMEM. */
int sw_pages_grow(struct sw_pages *pages);

static inline uint32_t sw_pages_count(const struct sw_pages *pages)
{
    return pages->n_pages << pages->shift;
}

/* i < sw_pages_count() */
static inline void *sw_pages_at(const struct sw_pages *pages, uint32_t i)
{
    uint32_t in_page = i & ((1U << pages->shift) - 1);
    return pages->pages[i >> pages->shift] + (size_t)in_page * pages->size;
}

#endif
