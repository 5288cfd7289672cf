/* SPDX-License-Identifier: BSD-2-Clause */
/* The places of sockets: see slots.h. */
#include "sock/slots.h"

#include <string.h>

#include "base/assert.h"

/* One line of the cache, and behind it the slots. */
struct sw_slots_page {
    struct sw_list node; /* in slots->room */
    void *block;         /* what the allocator gave */
    uint32_t first, count;
    uint32_t used;
    uint32_t free;       /* index of a free one; SW_SLOT_NONE */
    uint32_t generation; /* the highest of its slots that were freed */
};
_Static_assert(sizeof(struct sw_slots_page) <= SW_LINE_BYTES, "in front of the slots");
_Static_assert(SW_SLOT_BYTES % SW_LINE_BYTES == 0, "whole lines");

enum { ORIGINS_FIRST = 8 };

static uint32_t first_of(uint32_t page)
{
    if (page > 5)
        return (page - 5) * SW_SLOTS_PER_PAGE;
    return page ? SW_SLOTS_FIRST << (page - 1) : 0;
}

static uint32_t count_of(uint32_t page)
{
    return first_of(page + 1) - first_of(page);
}

/* With what it takes to begin it on a line. */
static size_t block_bytes(uint32_t count)
{
    return 2 * SW_LINE_BYTES + (size_t)count * SW_SLOT_BYTES;
}

static struct sw_slots_page *page_at(const struct sw_slots *slots, uint32_t page)
{
    struct sw_slot *first = sw_slot_place(slots, first_of(page));
    return (struct sw_slots_page *)(void *)((char *)first - SW_LINE_BYTES);
}

void sw_slots_init(struct sw_slots *slots, struct sw_mem *mem)
{
    *slots = (struct sw_slots){.mem = mem};
    sw_list_init(&slots->room);
}

static void free_page(struct sw_slots *slots, uint32_t index)
{
    struct sw_slots_page *page = page_at(slots, index);
    SW_ASSERT(page->used == 0);
    if (page->generation > slots->generation)
        slots->generation = page->generation;
    sw_list_del(&page->node);
    slots->origins[index] = 0;
    sw_mem_free(slots->mem, page->block, block_bytes(page->count));
}

void sw_slots_fini(struct sw_slots *slots)
{
    for (uint32_t i = 0; i < slots->n_pages; i++)
        if (slots->origins[i])
            free_page(slots, i);
    sw_mem_free(slots->mem, slots->origins, slots->cap_pages * sizeof(*slots->origins));
    *slots = (struct sw_slots){.mem = slots->mem};
}

/* The first page that is not there, perhaps a new one. False: no memory for the directory. */
static bool find_gap(struct sw_slots *slots, uint32_t *ret_page)
{
    uint32_t page = 0;
    while (page < slots->n_pages && slots->origins[page])
        page++;
    if (page == slots->cap_pages) {
        uint32_t cap = page ? page * 2 : ORIGINS_FIRST;
        uintptr_t *origins = sw_mem_alloc(slots->mem, cap * sizeof(*origins));
        if (!origins)
            return false;
        if (page)
            memcpy(origins, slots->origins, page * sizeof(*origins));
        sw_mem_free(slots->mem, slots->origins, page * sizeof(*origins));
        slots->origins = origins;
        slots->cap_pages = cap;
    }
    if (page == slots->n_pages)
        slots->n_pages++;
    *ret_page = page;
    return true;
}

static struct sw_slots_page *add_page(struct sw_slots *slots)
{
    uint32_t index;
    if (!find_gap(slots, &index))
        return NULL;
    uint32_t first = first_of(index), count = count_of(index);
    char *block = sw_mem_alloc(slots->mem, block_bytes(count));
    if (!block)
        return NULL;
    uintptr_t at = ((uintptr_t)block + SW_LINE_BYTES - 1) & ~(uintptr_t)(SW_LINE_BYTES - 1);
    struct sw_slots_page *page = (struct sw_slots_page *)at;
    *page = (struct sw_slots_page){.block = block, .first = first, .count = count, .free = first};
    slots->origins[index] = at + SW_LINE_BYTES - (uintptr_t)first * SW_SLOT_BYTES;
    for (uint32_t i = first; i < first + count; i++) {
        struct sw_slot *slot = sw_slot_place(slots, i);
        slot->index = i + 1 < first + count ? i + 1 : SW_SLOT_NONE;
        slot->generation = slots->generation;
    }
    sw_list_add_head(&slots->room, &page->node);
    return page;
}

struct sw_slot *sw_slot_take(struct sw_slots *slots)
{
    struct sw_slots_page *page = sw_list_empty(&slots->room)
                                     ? add_page(slots)
                                     : SW_CONTAINER(slots->room.next, struct sw_slots_page, node);
    if (!page)
        return NULL;
    uint32_t index = page->free;
    struct sw_slot *slot = sw_slot_place(slots, index);
    page->free = slot->index;
    page->used++;
    if (page->free == SW_SLOT_NONE)
        sw_list_del(&page->node);
    slot->index = index;
    slot->generation++;
    memset(slot + 1, 0, SW_SLOT_BYTES - sizeof(*slot));
    return slot;
}

void sw_slot_give(struct sw_slots *slots, struct sw_slot *slot)
{
    uint32_t index = slot->index, of = sw_slots_page_of(index);
    struct sw_slots_page *page = page_at(slots, of);
    SW_ASSERT((slot->generation & 1) && page->used > 0);
    if (++slot->generation > page->generation)
        page->generation = slot->generation;
    if (page->free == SW_SLOT_NONE)
        sw_list_add_head(&slots->room, &page->node);
    slot->index = page->free;
    page->free = index;
    /* The last one with room is kept, lest one socket that comes and goes costs a page each time.
     */
    if (--page->used == 0 && slots->room.next != slots->room.prev)
        free_page(slots, of);
}

uint32_t sw_slots_end(const struct sw_slots *slots)
{
    return first_of(slots->n_pages);
}
