/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A queue of bytes held as slices: what a send queue and a receive queue are.
 *
 * Owns one reference per slice. Bytes that follow each other in the same chunk are one slice, so the
 * number of slices is small however small the writes were. An empty stream holds no memory.
 *
 * A slice that would keep a much larger chunk alive (four times its length, and the stream keeps more
 * than two whole chunks alive already) is copied into this stream's own tail chunk instead, unless it
 * continues the last slice. A chunk made for copies is no larger than what the stream holds already.
 * So `footprint`, what the stream keeps alive, is at most about four times what it holds, or 128 KiB.
 *
 * Most streams hold one slice, if any: it is kept in the struct itself. From the second one on there
 * is a ring of them.
 */
#ifndef SW_BASE_STREAM_H
#define SW_BASE_STREAM_H

#include <stdint.h>

#include <sockworks/packet.h>

struct sw_ring; /* the slices; private to stream.c */

struct sw_stream {
    union {
        struct sw_ring *ring;
        struct sw_chunk *chunk; /* of the one slice; NULL: empty */
    };
    uint32_t len; /* bytes held */
    uint32_t one; /* where the one slice begins in its chunk, and SW_STREAM_OWN; or SW_STREAM_RING */
};

#define SW_STREAM_RING (1U << 31) /* there is a ring */
#define SW_STREAM_OWN (1U << 30)  /* only this stream appends to the chunk of the one slice */

void sw_stream_init(struct sw_stream *st);
void sw_stream_clear(struct sw_stream *st, struct sw_mem *mem);

/* Bytes of memory kept alive by the stream's slices (an upper bound; a shared chunk counts whole). */
uint64_t sw_stream_footprint(const struct sw_stream *st);

/* Appends a copy. 0 or -ENOMEM (then nothing was appended). */
int sw_stream_append(struct sw_stream *st, struct sw_mem *mem, const void *bytes, uint32_t len);

/* Room to write into behind the last byte: up to `want` and up to one chunk. Returns the bytes at
 * *ret_ptr, or -ENOMEM. Then commit what was written; nothing else may touch the stream between. */
int64_t sw_stream_reserve(struct sw_stream *st, struct sw_mem *mem, uint32_t want, void **ret_ptr);
void sw_stream_commit(struct sw_stream *st, uint32_t len);

/* Appends a slice: takes a new reference of its own, or copies (see above). 0 or -ENOMEM. */
int sw_stream_append_slice(struct sw_stream *st, struct sw_mem *mem, struct sw_slice slice);

/* The bytes [off, off + len) as borrowed slices, at most `max`; returns how many, and in *ret_len how
 * many bytes those are. */
uint32_t sw_stream_slices(struct sw_stream *st, uint32_t off, uint32_t len, struct sw_slice *ret_slices,
                          uint32_t max, uint32_t *ret_len);

/* Copies out [off, off + len); returns bytes copied. */
uint32_t sw_stream_copy(struct sw_stream *st, uint32_t off, void *buf, uint32_t len);

/* Forgets the first `len` bytes (at most all). */
void sw_stream_drop(struct sw_stream *st, struct sw_mem *mem, uint32_t len);

#endif
