/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pool of memory over a struct sw_alloc.
 *
 * Invariants:
 * (1) `used` is the sum of the sizes handed out and not given back; `idle` that of the free-lists.
 *     used + idle is what the allocator gave, and never more than `limit` if there is one: idle
 *     blocks go back to the allocator before anything is refused.
 * (2) `holds` counts references, live packets and live chunks; the pool is freed when it reaches 0.
 */
#include "base/mem.h"

#include <string.h>

#include "base/assert.h"
#include "base/packet.h"

/* Free-lists: powers of two 256 .. 32,768, then 64 KiB chunks, then packets. */
enum { CLASS_POWERS = 8, CLASS_CHUNK = CLASS_POWERS, CLASS_PACKET, CLASS_COUNT };
#define CHUNK_BLOCK_BYTES (SW_CHUNK_HDR + SW_CHUNK_BYTES)
#define IDLE_MAX_BYTES                                                                             \
    (2U << 20) /* per free-list; enough for what one round of a busy host frees */

struct idle_block {
    struct idle_block *next;
};

struct sw_mem {
    struct sw_alloc alloc;
    uint64_t limit; /* UINT64_MAX: none */
    uint64_t used, idle;
    uint64_t holds;
    struct {
        struct idle_block *first;
        size_t bytes;
    } lists[CLASS_COUNT];
};

static int class_of(size_t size)
{
    if (size == sizeof(struct sw_packet))
        return CLASS_PACKET;
    if (size == CHUNK_BLOCK_BYTES)
        return CLASS_CHUNK;
    if (size < SW_BLOCK_MIN || size > SW_BLOCK_MAX || (size & (size - 1)) != 0)
        return -1;
    return __builtin_ctzll(size) - __builtin_ctzll(SW_BLOCK_MIN);
}

static size_t class_bytes(int class)
{
    if (class == CLASS_PACKET)
        return sizeof(struct sw_packet);
    return class == CLASS_CHUNK ? CHUNK_BLOCK_BYTES : (size_t)SW_BLOCK_MIN << class;
}

struct sw_mem *sw_mem_new(const struct sw_alloc *alloc, uint64_t limit_bytes)
{
    struct sw_mem *mem = alloc->alloc(alloc->ctx, sizeof(*mem));
    if (!mem)
        return NULL;
    memset(mem, 0, sizeof(*mem));
    mem->alloc = *alloc;
    mem->limit = limit_bytes ? limit_bytes : UINT64_MAX;
    mem->holds = 1;
    return mem;
}

/* Gives every idle block back to the allocator. */
static void trim(struct sw_mem *mem)
{
    for (int class = 0; class < CLASS_COUNT; class ++) {
        struct idle_block *block = mem->lists[class].first;
        while (block) {
            struct idle_block *next = block->next;
            mem->alloc.free(mem->alloc.ctx, block, class_bytes(class));
            block = next;
        }
        mem->lists[class].first = NULL;
        mem->lists[class].bytes = 0;
    }
    mem->idle = 0;
}

struct sw_mem *sw_mem_get(struct sw_mem *mem)
{
    mem->holds++;
    return mem;
}

void sw_mem_put(struct sw_mem *mem)
{
    if (!mem)
        return;
    SW_ASSERT(mem->holds > 0);
    if (--mem->holds > 0)
        return;
    trim(mem);
    mem->alloc.free(mem->alloc.ctx, mem, sizeof(*mem));
}

uint64_t sw_mem_used(const struct sw_mem *mem)
{
    return mem->used;
}

/* A block from the allocator, invariant (1). */
static void *take_fresh(struct sw_mem *mem, size_t size)
{
    if (size > mem->limit - mem->used)
        return NULL;
    if (size > mem->limit - mem->used - mem->idle)
        trim(mem);
    void *ptr = mem->alloc.alloc(mem->alloc.ctx, size);
    if (!ptr && mem->idle > 0) {
        trim(mem);
        ptr = mem->alloc.alloc(mem->alloc.ctx, size);
    }
    if (ptr)
        mem->used += size;
    return ptr;
}

void *sw_mem_take(struct sw_mem *mem, size_t size)
{
    int class = class_of(size);
    if (class < 0 || !mem->lists[class].first)
        return take_fresh(mem, size);
    struct idle_block *block = mem->lists[class].first;
    mem->lists[class].first = block->next;
    mem->lists[class].bytes -= size;
    mem->idle -= size;
    mem->used += size;
    return block;
}

void sw_mem_give(struct sw_mem *mem, void *ptr, size_t size)
{
    if (!ptr)
        return;
    SW_ASSERT(mem->used >= size);
    mem->used -= size;
    int class = class_of(size);
    if (class < 0 || mem->lists[class].bytes + size > IDLE_MAX_BYTES) {
        mem->alloc.free(mem->alloc.ctx, ptr, size);
        return;
    }
    struct idle_block *block = ptr;
    block->next = mem->lists[class].first;
    mem->lists[class].first = block;
    mem->lists[class].bytes += size;
    mem->idle += size;
}

void *sw_mem_alloc(struct sw_mem *mem, size_t size)
{
    void *ptr = sw_mem_take(mem, size);
    if (ptr)
        memset(ptr, 0, size);
    return ptr;
}

void sw_mem_free(struct sw_mem *mem, void *ptr, size_t size)
{
    sw_mem_give(mem, ptr, size);
}

struct sw_chunk *sw_chunk_new(struct sw_mem *mem, uint32_t cap)
{
    struct sw_chunk *chunk = sw_mem_take(mem, SW_CHUNK_HDR + cap);
    if (!chunk)
        return NULL;
    chunk->mem = sw_mem_get(mem);
    chunk->refs = 1;
    chunk->cap = cap;
    chunk->fill = 0;
    return chunk;
}

struct sw_chunk *sw_chunk_get(struct sw_chunk *chunk)
{
    SW_ASSERT(chunk->refs > 0 && chunk->refs < UINT32_MAX);
    chunk->refs++;
    return chunk;
}

void sw_chunk_put(struct sw_chunk *chunk)
{
    if (!chunk)
        return;
    SW_ASSERT(chunk->refs > 0);
    if (--chunk->refs > 0)
        return;
    struct sw_mem *mem = chunk->mem;
    sw_mem_give(mem, chunk, SW_CHUNK_HDR + chunk->cap);
    sw_mem_put(mem);
}
