/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The places of a host's sockets. What tables and handles hold is the index of a slot, and from it
 * follows where the socket lies: nothing between has to be read from memory, which with a million
 * connections is in no cache. A slot begins on a line of the cache and is a whole number of them.
 *
 * Slots lie in pages: the first has 8 slots, each further one doubles their number, from
 * SW_SLOTS_PER_PAGE on all are of that size. A page of which no slot is in use goes back to the pool.
 *
 * Invariants:
 *  (1) A page is in `room` exactly while a slot of it is free.
 *  (2) The generation of a slot moves on when it is taken and when it is freed, so it is odd while the
 *      slot is used; slots->generation is at least that of any slot whose page has gone. So a handle
 *      to a socket that is gone finds nothing.
 */
#ifndef SW_SOCK_SLOTS_H
#define SW_SOCK_SLOTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/ahead.h"
#include "base/list.h"
#include "base/mem.h"

#define SW_SLOT_BYTES 448U /* what any socket fits into: sock/private.h */
#define SW_SLOTS_FIRST 8U
#define SW_SLOTS_PER_PAGE 256U

/* What every slot begins with. */
struct sw_slot {
    uint32_t index;      /* its own; of a free one: of another free one of its page, or SW_SLOT_NONE */
    uint32_t generation; /* odd while it is used: that of the handle */
};
#define SW_SLOT_NONE UINT32_MAX

struct sw_slots_page;

struct sw_slots {
    struct sw_mem *mem;
    uintptr_t *origins; /* of each page: where slot 0 would lie if it were in there; 0: no page */
    uint32_t n_pages, cap_pages;
    uint32_t generation; /* of the slots of a new page */
    struct sw_list room; /* of struct sw_slots_page */
};

void sw_slots_init(struct sw_slots *slots, struct sw_mem *mem); /* allocates nothing */
void sw_slots_fini(struct sw_slots *slots);                     /* none is in use any more */

/* A free slot, now used, zeroed behind its struct sw_slot; NULL: no memory. */
struct sw_slot *sw_slot_take(struct sw_slots *slots);
void sw_slot_give(struct sw_slots *slots, struct sw_slot *slot);

/* Indices in use are below. */
uint32_t sw_slots_end(const struct sw_slots *slots);

static inline uint32_t sw_slots_page_of(uint32_t index)
{
    _Static_assert(SW_SLOTS_FIRST == 8 && SW_SLOTS_PER_PAGE == 256, "five doublings between them");
    if (index >= SW_SLOTS_PER_PAGE)
        return index / SW_SLOTS_PER_PAGE + 5;
    return index < SW_SLOTS_FIRST ? 0 : 29U - (uint32_t)__builtin_clz(index);
}

/* Where a slot in use lies: without touching it. */
static inline struct sw_slot *sw_slot_place(const struct sw_slots *slots, uint32_t index)
{
    uintptr_t origin = slots->origins[sw_slots_page_of(index)];
    return (struct sw_slot *)(origin + (uintptr_t)index * SW_SLOT_BYTES);
}

/* It will be used: asks for all lines of it. */
static inline void sw_slot_ahead(const struct sw_slot *slot)
{
    const char *at = (const char *)slot;
    for (unsigned i = 0; i < SW_SLOT_BYTES / SW_LINE_BYTES; i++)
        __builtin_prefetch(at + i * SW_LINE_BYTES, 1);
}

/* Whether an index, whoever gave it, has a place. */
static inline bool sw_slot_exists(const struct sw_slots *slots, uint32_t index)
{
    uint32_t page = sw_slots_page_of(index);
    return page < slots->n_pages && slots->origins[page];
}

/* The slot if it is used, else NULL; any index will do. */
static inline struct sw_slot *sw_slot_at(const struct sw_slots *slots, uint32_t index)
{
    if (!sw_slot_exists(slots, index))
        return NULL;
    struct sw_slot *slot = sw_slot_place(slots, index);
    return slot->generation & 1 ? slot : NULL;
}

#endif
