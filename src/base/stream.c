/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A queue of bytes held as slices.
 *
 * Invariants:
 * (1) There is a chunk or a ring exactly while the stream holds bytes (or between reserve and
 *     commit). A stream that has made a ring keeps it until it is empty.
 * (2) No slice is empty; the slices' lengths sum up to `len`. Without a ring the one slice is all
 * of it; if its chunk is our own, the slice ends where the chunk is filled to. (3) `tail`, if set,
 * is a chunk that only this stream appends to; the ring owns a reference on it. (4) `footprint` is
 * the sum over the slices of their chunk's size, where neighbours in the same chunk count once: so
 * it can be kept while slices are added behind and dropped in front.
 */
#include "base/stream.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

struct sw_ring {
    struct sw_chunk *tail;
    uint64_t footprint;
    uint32_t cap, first, count; /* slots; the first one in use; in use */
    uint32_t hint_index; /* where sw_stream_slices() ended last, counted from the first ... */
    uint32_t hint_off;   /* ... and the stream offset at which that slice begins */
    struct sw_slice slots[];
};

/* A ring's block is a power of two, so that the pool keeps it in a free-list. */
#define RING_MIN_BYTES SW_BLOCK_MIN
/* What a chunk costs beyond its bytes: its header, the slice, the allocator's own. */
#define CHUNK_COST 64U
#define SHARE_MIN_BYTES 256U /* below, copying is cheaper than counting references */
#define SHARE_FOOTPRINT_BYTES (2U * (SW_CHUNK_BYTES + CHUNK_COST))

static uint32_t ring_cap(size_t block)
{
    return (uint32_t)((block - sizeof(struct sw_ring)) / sizeof(struct sw_slice));
}

static size_t ring_block(uint32_t cap)
{
    size_t block = RING_MIN_BYTES;
    while (ring_cap(block) < cap)
        block *= 2;
    return block;
}

static struct sw_slice *slot(const struct sw_ring *ring, uint32_t index)
{
    uint32_t at = ring->first + index;
    if (at >= ring->cap)
        at -= ring->cap;
    return (struct sw_slice *)(uintptr_t)&ring->slots[at];
}

static struct sw_slice *last_slot(const struct sw_ring *ring)
{
    return ring->count ? slot(ring, ring->count - 1) : NULL;
}

void sw_stream_init(struct sw_stream *st)
{
    *st = (struct sw_stream){0};
}

static bool has_ring(const struct sw_stream *st)
{
    return (st->one & SW_STREAM_RING) != 0;
}

/* Without a ring. */
static bool is_own(const struct sw_stream *st)
{
    return (st->one & SW_STREAM_OWN) != 0;
}

static struct sw_slice only_slice(const struct sw_stream *st)
{
    return (struct sw_slice){st->chunk, st->one & ~SW_STREAM_OWN, st->len};
}

static bool fits_one(uint32_t off)
{
    return off < SW_STREAM_OWN;
}

/* Of an empty stream: the ring, or the chunk of a reservation. */
static void free_ring(struct sw_stream *st, struct sw_mem *mem)
{
    if (has_ring(st)) {
        sw_chunk_put(st->ring->tail);
        sw_mem_give(mem, st->ring, ring_block(st->ring->cap));
    } else {
        sw_chunk_put(st->chunk);
    }
    st->ring = NULL;
    st->one = 0;
}

void sw_stream_clear(struct sw_stream *st, struct sw_mem *mem)
{
    sw_stream_drop(st, mem, st->len);
    free_ring(st, mem); /* a reservation that was never committed */
}

uint64_t sw_stream_footprint(const struct sw_stream *st)
{
    if (!has_ring(st))
        return st->chunk ? st->chunk->cap + CHUNK_COST : 0;
    const struct sw_ring *ring = st->ring;
    const struct sw_slice *last = last_slot(ring);
    bool other = ring->tail && (!last || last->chunk != ring->tail);
    return ring->footprint + (other ? ring->tail->cap + CHUNK_COST : 0);
}

/* What the struct itself held, the first of a ring's. */
static void ring_begin(struct sw_ring *ring, const struct sw_stream *st)
{
    if (!st->chunk)
        return;
    if (st->len > 0) {
        ring->slots[0] = only_slice(st);
        ring->count = 1;
        ring->footprint = st->chunk->cap + CHUNK_COST;
    }
    if (is_own(st))
        ring->tail = st->len > 0 ? sw_chunk_get(st->chunk) : st->chunk;
}

/* A ring with room for one more slice. 0 or -ENOMEM. */
static int ring_room(struct sw_stream *st, struct sw_mem *mem)
{
    struct sw_ring *old = has_ring(st) ? st->ring : NULL;
    if (old && old->count < old->cap)
        return 0;
    size_t block = old ? 2 * ring_block(old->cap) : RING_MIN_BYTES;
    struct sw_ring *ring = sw_mem_take(mem, block);
    if (!ring)
        return -ENOMEM;
    memset(ring, 0, sizeof(*ring));
    if (!old)
        ring_begin(ring, st);
    if (old) {
        uint32_t straight = old->cap - old->first;
        *ring = *old;
        ring->first = 0;
        memcpy(ring->slots, old->slots + old->first, straight * sizeof(struct sw_slice));
        memcpy(ring->slots + straight, old->slots, old->first * sizeof(struct sw_slice));
        sw_mem_give(mem, old, ring_block(old->cap));
    }
    ring->cap = ring_cap(block);
    st->ring = ring;
    st->one = SW_STREAM_RING;
    return 0;
}

/* Adds a slice whose reference the stream takes over; there is room, and it continues no other. */
static void ring_add(struct sw_stream *st, struct sw_slice slice)
{
    struct sw_ring *ring = st->ring;
    SW_ASSERT(ring->count < ring->cap);
    const struct sw_slice *last = last_slot(ring);
    if (!last || last->chunk != slice.chunk)
        ring->footprint += slice.chunk->cap + CHUNK_COST;
    *slot(ring, ring->count++) = slice;
    st->len += slice.len;
}

static bool continues(const struct sw_slice *last, const struct sw_chunk *chunk, uint32_t off)
{
    return last && last->chunk == chunk && last->off + last->len == off;
}

/* The size of a chunk for `want` more bytes: as much as is held already, so that a small message
 * does not sit in 64 KiB; a power of two with its header, or a whole chunk. */
static uint32_t tail_cap(const struct sw_stream *st, uint32_t want)
{
    uint32_t bytes = (want > st->len ? want : st->len) + (uint32_t)SW_CHUNK_HDR;
    if (bytes > SW_BLOCK_MAX)
        return SW_CHUNK_BYTES;
    uint32_t block = SW_BLOCK_MIN;
    while (block < bytes)
        block *= 2;
    return block - (uint32_t)SW_CHUNK_HDR;
}

/* A tail chunk with room, and a free slot for it if there is a ring. 0 or -ENOMEM; then an empty
 * stream has no ring. */
static int tail_room(struct sw_stream *st, struct sw_mem *mem, uint32_t want)
{
    if (!st->chunk) {
        st->chunk = sw_chunk_new(mem, tail_cap(st, want));
        st->one = st->chunk ? SW_STREAM_OWN : 0;
        return st->chunk ? 0 : -ENOMEM;
    }
    if (!has_ring(st) && is_own(st) && st->chunk->fill < st->chunk->cap)
        return 0;
    if (ring_room(st, mem) != 0)
        return -ENOMEM;
    struct sw_chunk *tail = st->ring->tail;
    if (tail && tail->fill < tail->cap)
        return 0;
    struct sw_chunk *chunk = sw_chunk_new(mem, tail_cap(st, want));
    if (!chunk) {
        if (st->len == 0)
            free_ring(st, mem);
        return -ENOMEM;
    }
    sw_chunk_put(tail);
    st->ring->tail = chunk;
    return 0;
}

/* Where the next bytes go, after tail_room(). */
static struct sw_chunk *tail_of(const struct sw_stream *st)
{
    return has_ring(st) ? st->ring->tail : st->chunk;
}

/* `len` bytes were written behind the tail's fill. */
static void tail_commit(struct sw_stream *st, uint32_t len)
{
    struct sw_chunk *tail = tail_of(st);
    uint32_t off = tail->fill;
    SW_ASSERT(len <= tail->cap - off);
    tail->fill += len;
    if (!has_ring(st)) {
        st->len += len;
        return;
    }
    struct sw_slice *last = last_slot(st->ring);
    if (continues(last, tail, off)) {
        last->len += len;
        st->len += len;
    } else {
        ring_add(st, (struct sw_slice){sw_chunk_get(tail), off, len});
    }
}

int64_t sw_stream_reserve(struct sw_stream *st, struct sw_mem *mem, uint32_t want, void **ret_ptr)
{
    if (tail_room(st, mem, want) != 0)
        return -ENOMEM;
    struct sw_chunk *tail = tail_of(st);
    uint32_t room = tail->cap - tail->fill;
    *ret_ptr = tail->data + tail->fill;
    return want < room ? want : room;
}

void sw_stream_commit(struct sw_stream *st, uint32_t len)
{
    if (len > 0)
        tail_commit(st, len);
    else if (st->len == 0) /* invariant (1) */
        free_ring(st, tail_of(st)->mem);
}

/* Takes back the last `len` bytes, which were just appended. */
static void unappend(struct sw_stream *st, struct sw_mem *mem, uint32_t len)
{
    if (!has_ring(st)) {
        st->len -= len;
        st->one &= ~SW_STREAM_OWN; /* its chunk is filled beyond it now */
        len = 0;
    }
    while (len > 0) {
        struct sw_ring *ring = st->ring;
        SW_ASSERT(ring->count > 0);
        struct sw_slice *last = last_slot(ring);
        uint32_t n = len < last->len ? len : last->len;
        last->len -= n;
        st->len -= n;
        len -= n;
        if (last->len > 0)
            continue;
        const struct sw_slice *before = ring->count > 1 ? slot(ring, ring->count - 2) : NULL;
        if (!before || before->chunk != last->chunk)
            ring->footprint -= last->chunk->cap + CHUNK_COST;
        sw_chunk_put(last->chunk);
        ring->count--;
    }
    if (st->len == 0 && st->ring)
        free_ring(st, mem);
}

int sw_stream_append(struct sw_stream *st, struct sw_mem *mem, const void *bytes, uint32_t len)
{
    const uint8_t *from = bytes;
    uint32_t done = 0;
    while (done < len) {
        void *to;
        int64_t room = sw_stream_reserve(st, mem, len - done, &to);
        if (room < 0) {
            unappend(st, mem, done);
            return (int)room;
        }
        memcpy(to, from + done, (size_t)room);
        tail_commit(st, (uint32_t)room);
        done += (uint32_t)room;
    }
    return 0;
}

/* Whether to keep the slice's chunk alive rather than copy out of it. A stream may always hold on
 * to a chunk or two: one that is read as fast as it comes is then never copied. */
static bool worth_sharing(const struct sw_stream *st, struct sw_slice slice)
{
    uint64_t cost = (uint64_t)slice.chunk->cap + CHUNK_COST;
    if (4 * (uint64_t)slice.len >= cost)
        return true;
    if (!st->chunk && slice.chunk->cap < SW_BLOCK_MIN)
        return true; /* a chunk for the copy would be as large */
    uint64_t footprint = sw_stream_footprint(st) + cost;
    return slice.len >= SHARE_MIN_BYTES && footprint <= SHARE_FOOTPRINT_BYTES;
}

int sw_stream_append_slice(struct sw_stream *st, struct sw_mem *mem, struct sw_slice slice)
{
    if (slice.len == 0)
        return 0;
    struct sw_slice only = only_slice(st);
    struct sw_slice *last = has_ring(st) ? last_slot(st->ring) : st->chunk ? &only : NULL;
    if (continues(last, slice.chunk, slice.off)) {
        last->len += slice.len;
        st->len += slice.len;
        return 0;
    }
    if (!worth_sharing(st, slice))
        return sw_stream_append(st, mem, slice.chunk->data + slice.off, slice.len);
    if (!st->chunk && fits_one(slice.off)) {
        *st = (struct sw_stream){
            .chunk = sw_chunk_get(slice.chunk), .len = slice.len, .one = slice.off};
        return 0;
    }
    if (ring_room(st, mem) != 0)
        return -ENOMEM;
    sw_chunk_get(slice.chunk);
    ring_add(st, slice);
    return 0;
}

uint32_t sw_stream_slices(struct sw_stream *st, uint32_t off, uint32_t len,
                          struct sw_slice *ret_slices, uint32_t max, uint32_t *ret_len)
{
    *ret_len = 0;
    if (off >= st->len || len == 0 || max == 0)
        return 0;
    if (!has_ring(st)) {
        *ret_len = len < st->len - off ? len : st->len - off;
        ret_slices[0] = (struct sw_slice){st->chunk, (st->one & ~SW_STREAM_OWN) + off, *ret_len};
        return 1;
    }
    struct sw_ring *ring = st->ring;
    if (off < ring->hint_off)
        ring->hint_index = ring->hint_off = 0;
    while (off - ring->hint_off >= slot(ring, ring->hint_index)->len)
        ring->hint_off += slot(ring, ring->hint_index++)->len;

    uint32_t count = 0, done = 0, skip = off - ring->hint_off;
    for (uint32_t i = ring->hint_index; i < ring->count && count < max && done < len; i++) {
        struct sw_slice s = *slot(ring, i);
        s.off += skip;
        s.len -= skip;
        skip = 0;
        if (s.len > len - done)
            s.len = len - done;
        done += s.len;
        ret_slices[count++] = s;
    }
    *ret_len = done;
    return count;
}

uint32_t sw_stream_copy(struct sw_stream *st, uint32_t off, void *buf, uint32_t len)
{
    uint8_t *to = buf;
    uint32_t done = 0;
    while (done < len) {
        struct sw_slice s;
        uint32_t n;
        if (sw_stream_slices(st, off + done, len - done, &s, 1, &n) == 0)
            break;
        memcpy(to + done, s.chunk->data + s.off, n);
        done += n;
    }
    return done;
}

void sw_stream_drop(struct sw_stream *st, struct sw_mem *mem, uint32_t len)
{
    if (len > st->len)
        len = st->len;
    if (len == 0)
        return;
    st->len -= len;
    if (!has_ring(st)) {
        st->one += len;
        if (st->len == 0)
            free_ring(st, mem);
        return;
    }
    struct sw_ring *ring = st->ring;
    ring->hint_off = ring->hint_off > len ? ring->hint_off - len : 0;
    while (len > 0) {
        struct sw_slice *s = slot(ring, 0);
        uint32_t n = len < s->len ? len : s->len;
        s->off += n;
        s->len -= n;
        len -= n;
        if (s->len > 0)
            break;
        if (ring->count == 1 || slot(ring, 1)->chunk != s->chunk)
            ring->footprint -= s->chunk->cap + CHUNK_COST;
        sw_chunk_put(s->chunk);
        ring->first = ring->first + 1 == ring->cap ? 0 : ring->first + 1;
        ring->count--;
        ring->hint_index -= ring->hint_index > 0;
    }
    if (ring->hint_index == 0)
        ring->hint_off = 0;
    if (st->len == 0)
        free_ring(st, mem);
}
