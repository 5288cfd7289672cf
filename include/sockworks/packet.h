/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets and the memory they are made of.
 *
 * A byte is copied once when it enters the stack and once when it leaves it. In between it lies in a
 * chunk, and every queue, segment and link holds slices of that same chunk. A packet is a small
 * header area plus slices.
 *
 * Ownership: whoever holds a `struct sw_packet *` owns it and must pass it on or free it with
 * sw_packet_free(). A packet owns one reference on the chunk of each of its slices. All of this is
 * single-threaded: packets may pass between hosts of one thread only.
 */
#ifndef SOCKWORKS_PACKET_H
#define SOCKWORKS_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where a host gets its memory. `alloc` may return NULL: the stack then reports -ENOMEM or drops
 * the packet, it never aborts. `free` is told the size that was asked for. */
struct sw_alloc {
    void *(*alloc)(void *ctx, size_t size);
    void (*free)(void *ctx, void *ptr, size_t size);
    void *ctx;
};

/* The C library's malloc and free, for callers that have one. */
extern const struct sw_alloc sw_alloc_libc;

/* A pool of chunks and packets over one `struct sw_alloc`, with a byte limit. It is counted: every
 * live chunk and packet keeps it alive, so packets may outlive the host that made them. */
struct sw_mem;

struct sw_mem *sw_mem_new(const struct sw_alloc *alloc, uint64_t limit_bytes /* 0: none */);
struct sw_mem *sw_mem_get(struct sw_mem *mem);
void sw_mem_put(struct sw_mem *mem); /* NULL is fine */

/* Bytes now taken from the allocator for anything but idle free-lists; 0 means nothing leaked. */
uint64_t sw_mem_used(const struct sw_mem *mem);

/* Memory of `size` bytes, zeroed, charged to the pool; NULL when the limit or the allocator says no. */
void *sw_mem_alloc(struct sw_mem *mem, size_t size);
void sw_mem_free(struct sw_mem *mem, void *ptr, size_t size); /* NULL is fine */

/* Reference-counted bytes. data[0..fill) is written and never changes again; whoever appended last
 * may append behind `fill`, others may not. */
struct sw_chunk {
    struct sw_mem *mem;
    uint32_t refs;
    uint32_t cap;  /* bytes in data[] */
    uint32_t fill; /* bytes written */
    uint8_t data[];
};

#define SW_CHUNK_BYTES (64U * 1024U) /* the usual size of a chunk's data[] */

struct sw_chunk *sw_chunk_new(struct sw_mem *mem, uint32_t cap); /* one reference; NULL: no memory */
struct sw_chunk *sw_chunk_get(struct sw_chunk *chunk);
void sw_chunk_put(struct sw_chunk *chunk); /* NULL is fine */

/* `len` bytes at chunk->data + off. Whether a slice owns a reference is said where one is passed. */
struct sw_slice {
    struct sw_chunk *chunk;
    uint32_t off;
    uint32_t len;
};

enum sw_csum {
    SW_CSUM_NEEDED, /* the transport checksum field is not filled in: the bytes have not left this
                     * process and are known good (virtio's "needs checksum") */
    SW_CSUM_FILLED, /* the field is filled in and must be verified by the receiver */
};

#define SW_PACKET_HEAD 192   /* room for link + IPv6 with a fragment header + TCP with options */
#define SW_PACKET_SLICES 18  /* 64 KiB over 4 KiB pieces, and two for the ends */
#define SW_PACKET_MAX 65535U /* bytes of an IPv4 packet (RFC 791 3.1); IPv6 adds its 40 */

/* Extension headers that a packet of IPv6 leaves with (RFC 8200 4.3, 4.6; RFC 3542 8, 9): each whole, but for
 * its first byte, which the stack fills in; its second says how long it is. There are len[i] bytes of the
 * i-th, 0: it is not there. */
enum sw_extension {
    SW_EXT_HOP,        /* hop-by-hop options */
    SW_EXT_DST_ROUTED, /* destination options in front of a routing header: there is none, so these stay */
    SW_EXT_DST,        /* destination options */
    SW_EXTS
};
#define SW_EXT_MAX 56U /* bytes of each: all of them fit the head of a packet */
struct sw_extensions {
    uint8_t len[SW_EXTS];
    uint8_t bytes[SW_EXTS][SW_EXT_MAX];
};

/* One IP packet. Bytes on the wire: head[head_off .. head_off+head_len) then the slices in order.
 * When it comes from the stack, all protocol headers lie in the head and all payload in the slices. */
struct sw_packet {
    struct sw_packet *next; /* for whoever owns it: a queue */
    struct sw_mem *mem;
    uint64_t time_ns;     /* for whoever owns it: when it was sent, or is due */
    uint32_t data_len;    /* sum of the slices' lengths */
    uint16_t gso_size;    /* 0: one packet as it stands. Else a TCP super-segment, to be cut into
                           * packets of this many payload bytes where a link or a device asks */
    uint16_t head_off;
    uint16_t head_len;
    uint8_t n_slices;
    uint8_t csum; /* enum sw_csum */
    bool ace;     /* its TCP flags are a counter (RFC 9768 3.2.2): each piece has all of them */
    bool train;   /* follows another datagram of the same send (UDP_SEGMENT) */
    uint8_t priority; /* SO_PRIORITY and SO_MARK of its sender, on a loopback: for SO_RCVPRIORITY, SO_RCVMARK */
    uint32_t mark;
    bool ours;    /* sent to an address of its sender's, whatever its header says (IP_HDRINCL) */
    struct sw_slice slices[SW_PACKET_SLICES];
    uint8_t head[SW_PACKET_HEAD];
};

/* An empty packet whose head starts `headroom` bytes into head[], so that lower layers can prepend.
 * NULL: no memory. */
struct sw_packet *sw_packet_new(struct sw_mem *mem, uint16_t headroom);
void sw_packet_free(struct sw_packet *pkt); /* NULL is fine */

/* A packet from bytes on a wire (copied): its IP and transport headers in the head, the rest in a
 * chunk; checksum SW_CSUM_FILLED. Anything may be in `bytes`; it is not judged here. NULL: no
 * memory, or len is 0 or more than SW_PACKET_MAX + 40. */
struct sw_packet *sw_packet_from_bytes(struct sw_mem *mem, const void *bytes, size_t len);

/* A second packet sharing the slices (the head is copied). NULL: no memory. */
struct sw_packet *sw_packet_clone(const struct sw_packet *pkt);

/* All bytes of the packet. */
static inline uint32_t sw_packet_len(const struct sw_packet *pkt)
{
    return pkt->head_len + pkt->data_len;
}

/* Copies `len` bytes from `off` of the whole packet into buf; returns how many there were. */
size_t sw_packet_copy(const struct sw_packet *pkt, size_t off, void *buf, size_t len);

/* Fills in the transport checksum if the packet still needs it (RFC 1071), so that it may leave the
 * process. For a super-segment cut it first: the sum is of the packet as it stands. */
void sw_packet_fill_csum(struct sw_packet *pkt);

#ifdef __cplusplus
}
#endif

#endif
