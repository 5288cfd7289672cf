/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside view of a pool. The public half is <sockworks/packet.h>.
 *
 * Invariants:
 * (1) `used` is the sum of the sizes handed out and not given back; `idle` that of the free-lists.
 *     used + idle is what the allocator gave, and never more than `limit` if there is one: idle
 *     blocks go back to the allocator before anything is refused.
 * (2) `holds` counts references, live packets and live chunks; the pool is freed when it reaches 0.
 */
#ifndef SW_BASE_MEM_H
#define SW_BASE_MEM_H

#include <sockworks/packet.h>

/* What lies in front of a chunk's bytes. */
#define SW_CHUNK_HDR offsetof(struct sw_chunk, data)

/* Sizes that come and go all the time have a free-list each: powers of two, packets, usual chunks.
 */
#define SW_BLOCK_MIN 256U
#define SW_BLOCK_MAX 32768U
enum { SW_MEM_POWERS = 8, SW_MEM_CHUNK = SW_MEM_POWERS, SW_MEM_PACKET, SW_MEM_CLASSES };
#define SW_MEM_IDLE_MAX_BYTES (2U << 20) /* per list: what one round of a busy host frees */

struct sw_mem_block {
    struct sw_mem_block *next;
};

struct sw_mem {
    struct sw_alloc alloc;
    uint64_t limit; /* UINT64_MAX: none */
    uint64_t used, idle;
    uint64_t holds;
    struct {
        struct sw_mem_block *first;
        size_t bytes;
    } lists[SW_MEM_CLASSES];
};

/* Which list a size belongs to, or -1. Folds away where the size is a constant. */
static inline int sw_mem_class(size_t size)
{
    if (size == sizeof(struct sw_packet))
        return SW_MEM_PACKET;
    if (size == SW_CHUNK_HDR + SW_CHUNK_BYTES)
        return SW_MEM_CHUNK;
    if (size < SW_BLOCK_MIN || size > SW_BLOCK_MAX || (size & (size - 1)) != 0)
        return -1;
    return __builtin_ctzll(size) - __builtin_ctzll(SW_BLOCK_MIN);
}

void *sw_mem_take_fresh(struct sw_mem *mem, size_t size); /* from the allocator, invariant (1) */

/* As sw_mem_alloc() and sw_mem_free(), but what comes is not zeroed. Either pair frees what the
 * other allocated. */
static inline void *sw_mem_take(struct sw_mem *mem, size_t size)
{
    int class = sw_mem_class(size);
    if (class < 0 || !mem->lists[class].first)
        return sw_mem_take_fresh(mem, size);
    struct sw_mem_block *block = mem->lists[class].first;
    mem->lists[class].first = block->next;
    mem->lists[class].bytes -= size;
    mem->idle -= size;
    mem->used += size;
    return block;
}

static inline void sw_mem_give(struct sw_mem *mem, void *ptr, size_t size)
{
    if (!ptr)
        return;
    mem->used -= size;
    int class = sw_mem_class(size);
    if (class < 0 || mem->lists[class].bytes + size > SW_MEM_IDLE_MAX_BYTES) {
        mem->alloc.free(mem->alloc.ctx, ptr, size);
        return;
    }
    struct sw_mem_block *block = ptr;
    block->next = mem->lists[class].first;
    mem->lists[class].first = block;
    mem->lists[class].bytes += size;
    mem->idle += size;
}

#endif
