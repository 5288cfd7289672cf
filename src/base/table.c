/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open addressing with linear probing (Knuth, TAOCP 3, 6.4, algorithm L) over {tag, value} pairs.
 *
 * Invariants:
 * (1) A slot's home is tag & mask, so entries can be moved without asking for their keys.
 * (2) `slots` always has an empty slot: probing ends.
 * (3) While a resize is under way, `old` holds what has not been moved; old slots below `moved` are
 *     empty of live entries, and each insertion or removal moves a few more. New capacities are
 * such that the move ends before the new slots fill up.
 */
#include "base/table.h"

#include <errno.h>

#include "base/ahead.h"
#include "base/assert.h"
#include "base/mem.h"

#define SLOTS_MIN 16U
#define SLOTS_MAX (1U << 31)
#define MOVE_STEP 16U /* old slots looked at per call */

enum { TAG_EMPTY = 0, TAG_DELETED = 1, TAG_FIRST = 2 };

uint32_t sw_table_tag(uint64_t hash)
{
    uint32_t tag = (uint32_t)(hash ^ hash >> 32);
    return tag < TAG_FIRST ? tag + TAG_FIRST : tag;
}

static size_t slots_bytes(uint32_t mask)
{
    return ((size_t)mask + 1) * sizeof(struct sw_table_slot);
}

void sw_table_init(struct sw_table *table, struct sw_mem *mem)
{
    *table = (struct sw_table){.mem = mem};
}

static void drop_old(struct sw_table *table)
{
    if (!table->old)
        return;
    sw_mem_free(table->mem, table->old, slots_bytes(table->old_mask));
    table->old = NULL;
}

void sw_table_fini(struct sw_table *table)
{
    drop_old(table);
    if (table->slots)
        sw_mem_free(table->mem, table->slots, slots_bytes(table->mask));
    *table = (struct sw_table){.mem = table->mem};
}

/* Puts an entry into `slots`, where there is room. */
static void place(struct sw_table *table, struct sw_table_slot entry)
{
    uint32_t pos = entry.tag & table->mask;
    while (table->slots[pos].tag >= TAG_FIRST)
        pos = (pos + 1) & table->mask;
    table->filled += table->slots[pos].tag == TAG_EMPTY;
    table->slots[pos] = entry;
}

static void move_some(struct sw_table *table, uint32_t steps)
{
    if (!table->old)
        return;
    for (; steps > 0 && table->moved <= table->old_mask; steps--) {
        struct sw_table_slot *slot = &table->old[table->moved++];
        if (slot->tag < TAG_FIRST)
            continue;
        place(table, *slot);
        slot->tag = TAG_DELETED;
    }
    if (table->moved > table->old_mask)
        drop_old(table);
}

/* Begins a move to a table that `used` entries fill by a quarter to a half. 0 or -ENOMEM. */
static int begin_resize(struct sw_table *table)
{
    uint32_t cap = SLOTS_MIN;
    while (cap / 2 < table->used + 1 && cap < SLOTS_MAX)
        cap *= 2;
    struct sw_table_slot *slots = sw_mem_alloc(table->mem, slots_bytes(cap - 1));
    if (!slots)
        return -ENOMEM;
    table->old = table->slots;
    table->old_mask = table->mask;
    table->moved = 0;
    table->slots = slots;
    table->mask = cap - 1;
    table->filled = 0;
    return 0;
}

int sw_table_insert(struct sw_table *table, uint64_t hash, uint32_t value)
{
    move_some(table, MOVE_STEP);
    uint64_t cap = (uint64_t)table->mask + 1;
    if (!table->slots || (table->filled + 1ULL) * 4 > cap * 3) {
        move_some(table, UINT32_MAX); /* never much: invariant (3) */
        /* Without memory it may still fill up, to the last slot but one. */
        if (begin_resize(table) != 0 && (!table->slots || table->filled + 2ULL > cap))
            return -ENOMEM;
    }
    place(table, (struct sw_table_slot){sw_table_tag(hash), value});
    table->used++;
    return 0;
}

/* Finds the entry in one of the two arrays. */
static struct sw_table_slot *find(struct sw_table_slot *slots, uint32_t mask, uint32_t tag,
                                  uint32_t value)
{
    if (!slots)
        return NULL;
    for (uint32_t pos = tag & mask, n = 0; n <= mask; pos = (pos + 1) & mask, n++) {
        if (slots[pos].tag == TAG_EMPTY)
            return NULL;
        if (slots[pos].tag == tag && slots[pos].value == value)
            return &slots[pos];
    }
    return NULL;
}

/* A deleted slot that no probe needs to pass becomes an empty one, and so do those before it. */
static void erase(struct sw_table *table, uint32_t pos)
{
    table->slots[pos].tag = TAG_DELETED;
    if (table->slots[(pos + 1) & table->mask].tag != TAG_EMPTY)
        return;
    for (; table->slots[pos].tag == TAG_DELETED; pos = (pos - 1) & table->mask) {
        table->slots[pos].tag = TAG_EMPTY;
        table->filled--;
    }
}

bool sw_table_remove(struct sw_table *table, uint64_t hash, uint32_t value)
{
    uint32_t tag = sw_table_tag(hash);
    struct sw_table_slot *slot = find(table->slots, table->mask, tag, value);
    if (slot) {
        erase(table, (uint32_t)(slot - table->slots));
    } else {
        slot = find(table->old, table->old_mask, tag, value);
        if (!slot)
            return false;
        slot->tag = TAG_DELETED;
    }
    table->used--;
    move_some(table, MOVE_STEP);
    /* Nearly empty: shrink, if there is memory for that. */
    if (!table->old && table->mask + 1 > SLOTS_MIN && table->used < (table->mask + 1) / 8)
        (void)begin_resize(table);
    return true;
}

void sw_table_ahead(const struct sw_table *table, uint64_t hash)
{
    if (table->slots)
        sw_ahead(&table->slots[sw_table_tag(hash) & table->mask], sizeof(*table->slots));
    if (table->old)
        sw_ahead(&table->old[sw_table_tag(hash) & table->old_mask], sizeof(*table->old));
}

/* cursor->pos counts slots from the home; cursor->phase is 0 in `slots`, 1 in `old`, 2 at the end.
 */
bool sw_table_next(const struct sw_table *table, uint64_t hash, struct sw_table_cursor *cursor,
                   uint32_t *ret_value)
{
    uint32_t tag = sw_table_tag(hash);
    for (; cursor->phase < 2; cursor->phase++, cursor->pos = 0) {
        const struct sw_table_slot *slots = cursor->phase == 0 ? table->slots : table->old;
        uint32_t mask = cursor->phase == 0 ? table->mask : table->old_mask;
        if (!slots)
            continue;
        for (; cursor->pos <= mask; cursor->pos++) {
            const struct sw_table_slot *slot = &slots[(tag + cursor->pos) & mask];
            if (slot->tag == TAG_EMPTY)
                break;
            if (slot->tag == tag) {
                cursor->pos++;
                *ret_value = slot->value;
                return true;
            }
        }
    }
    return false;
}
