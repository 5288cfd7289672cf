/* SPDX-License-Identifier: BSD-2-Clause */
/* A pool of memory over a struct sw_alloc: limits, references, chunks. mem.h has the fast paths. */
#include "base/mem.h"

#include <string.h>

#include "base/assert.h"

static size_t class_bytes(int class)
{
    if (class == SW_MEM_PACKET)
        return sizeof(struct sw_packet);
    return class == SW_MEM_CHUNK ? SW_CHUNK_HDR + SW_CHUNK_BYTES : (size_t)SW_BLOCK_MIN << class;
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
    for (int class = 0; class < SW_MEM_CLASSES; class ++) {
        struct sw_mem_block *block = mem->lists[class].first;
        while (block) {
            struct sw_mem_block *next = block->next;
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

void *sw_mem_take_fresh(struct sw_mem *mem, size_t size)
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

void *sw_mem_alloc(struct sw_mem *mem, size_t size)
{
    void *ptr = sw_mem_take(mem, size);
    if (ptr)
        memset(ptr, 0, size);
    return ptr;
}

void sw_mem_free(struct sw_mem *mem, void *ptr, size_t size)
{
    SW_ASSERT(!ptr || mem->used >= size);
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
