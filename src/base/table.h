/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open-addressed hash table from a 64-bit keyed hash to a 32-bit value, linear probing over
 * {tag, value} pairs of eight bytes. The table stores no keys: the caller compares what a candidate
 * value refers to. It grows in steps, so that no single insertion pays for a whole rehash.
 */
#ifndef SW_BASE_TABLE_H
#define SW_BASE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include <sockworks/packet.h>

struct sw_table_slot {
    uint32_t tag;   /* hash bits, which also say where it belongs; 0: empty; 1: deleted */
    uint32_t value;
};

struct sw_table {
    struct sw_mem *mem;
    struct sw_table_slot *slots, *old; /* `old` while a growth is under way */
    uint32_t mask, old_mask;           /* capacity - 1; capacities are powers of two */
    uint32_t used, filled;             /* live entries in both; live and deleted ones in `slots` */
    uint32_t moved;                    /* how far into `old` the growth has come */
};

void sw_table_init(struct sw_table *table, struct sw_mem *mem); /* allocates nothing */
void sw_table_fini(struct sw_table *table);

/* 0 or -ENOMEM. Duplicates are the caller's affair. */
int sw_table_insert(struct sw_table *table, uint64_t hash, uint32_t value);

/* Removes the entry with this hash and value; false if there is none. */
bool sw_table_remove(struct sw_table *table, uint64_t hash, uint32_t value);

/* Asks for the memory where the candidates for a hash lie; its tag does as well. */
uint32_t sw_table_tag(uint64_t hash);
void sw_table_ahead(const struct sw_table *table, uint64_t hash);

/* Candidates for a hash: start with a zeroed cursor; false when there are no more. */
struct sw_table_cursor {
    uint32_t pos, phase;
};
bool sw_table_next(const struct sw_table *table, uint64_t hash, struct sw_table_cursor *cursor,
                   uint32_t *ret_value);

#endif
