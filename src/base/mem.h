/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside view of a pool. The public half is <sockworks/packet.h>. */
#ifndef SW_BASE_MEM_H
#define SW_BASE_MEM_H

#include <sockworks/packet.h>

/* As sw_mem_alloc() and sw_mem_free(), but what comes is not zeroed, and sizes that come and go all
 * the time (powers of two from SW_BLOCK_MIN to SW_BLOCK_MAX, packets, 64 KiB chunks) are kept in
 * free-lists. Either pair frees what the other allocated. */
void *sw_mem_take(struct sw_mem *mem, size_t size);
void sw_mem_give(struct sw_mem *mem, void *ptr, size_t size);

#define SW_BLOCK_MIN 256U
#define SW_BLOCK_MAX 32768U

/* What lies in front of a chunk's bytes. */
#define SW_CHUNK_HDR offsetof(struct sw_chunk, data)

#endif
