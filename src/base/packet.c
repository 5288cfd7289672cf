/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets: a header area and slices of chunks.
 *
 * Invariants: head_off + head_len <= SW_PACKET_HEAD; data_len is the sum of the slices' lengths; no
 * slice is empty; the packet owns one reference per slice.
 */
#include "base/packet.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

struct sw_packet *sw_packet_new(struct sw_mem *mem, uint16_t headroom)
{
    SW_ASSERT(headroom <= SW_PACKET_HEAD);
    struct sw_packet *pkt = sw_mem_take(mem, sizeof(*pkt));
    if (!pkt)
        return NULL;
    /* Field by field: slices and head are half a kilobyte that nobody reads before writing it. */
    pkt->next = NULL;
    pkt->mem = sw_mem_get(mem);
    pkt->time_ns = 0;
    pkt->data_len = 0;
    pkt->gso_size = 0;
    pkt->head_off = headroom;
    pkt->head_len = 0;
    pkt->n_slices = 0;
    pkt->csum = SW_CSUM_NEEDED;
    pkt->ace = false;
    pkt->train = false;
    pkt->ours = false;
    pkt->priority = 0;
    pkt->mark = 0;
    return pkt;
}

void sw_packet_free(struct sw_packet *pkt)
{
    if (!pkt)
        return;
    for (unsigned i = 0; i < pkt->n_slices; i++)
        sw_chunk_put(pkt->slices[i].chunk);
    struct sw_mem *mem = pkt->mem;
    sw_mem_give(mem, pkt, sizeof(*pkt));
    sw_mem_put(mem);
}

struct sw_packet *sw_packet_clone(const struct sw_packet *pkt)
{
    struct sw_packet *copy = sw_packet_new(pkt->mem, pkt->head_off);
    if (!copy)
        return NULL;
    copy->time_ns = pkt->time_ns;
    copy->data_len = pkt->data_len;
    copy->gso_size = pkt->gso_size;
    copy->head_len = pkt->head_len;
    copy->n_slices = pkt->n_slices;
    copy->csum = pkt->csum;
    copy->ace = pkt->ace;
    copy->train = pkt->train;
    copy->ours = pkt->ours;
    copy->priority = pkt->priority;
    copy->mark = pkt->mark;
    for (unsigned i = 0; i < pkt->n_slices; i++) {
        copy->slices[i] = pkt->slices[i];
        sw_chunk_get(copy->slices[i].chunk);
    }
    memcpy(copy->head + copy->head_off, pkt->head + pkt->head_off, pkt->head_len);
    return copy;
}

size_t sw_packet_copy(const struct sw_packet *pkt, size_t off, void *buf, size_t len)
{
    uint8_t *to = buf;
    size_t done = 0;
    if (off < pkt->head_len) {
        done = pkt->head_len - off < len ? pkt->head_len - off : len;
        memcpy(to, pkt->head + pkt->head_off + off, done);
        off = 0;
    } else {
        off -= pkt->head_len;
    }
    for (unsigned i = 0; i < pkt->n_slices && done < len; i++) {
        const struct sw_slice *s = &pkt->slices[i];
        if (off >= s->len) {
            off -= s->len;
            continue;
        }
        size_t n = s->len - off < len - done ? s->len - off : len - done;
        memcpy(to + done, s->chunk->data + s->off + off, n);
        done += n;
        off = 0;
    }
    return done;
}

uint8_t *sw_packet_push(struct sw_packet *pkt, uint16_t len)
{
    SW_ASSERT(len <= pkt->head_off);
    pkt->head_off = (uint16_t)(pkt->head_off - len);
    pkt->head_len = (uint16_t)(pkt->head_len + len);
    return pkt->head + pkt->head_off;
}

void sw_packet_pull(struct sw_packet *pkt, uint16_t len)
{
    SW_ASSERT(len <= pkt->head_len);
    pkt->head_off = (uint16_t)(pkt->head_off + len);
    pkt->head_len = (uint16_t)(pkt->head_len - len);
}

void sw_packet_make_room(struct sw_packet *pkt, uint16_t len)
{
    SW_ASSERT(len + pkt->head_len <= SW_PACKET_HEAD);
    if (pkt->head_off >= len)
        return;
    memmove(pkt->head + len, pkt->head + pkt->head_off, pkt->head_len);
    pkt->head_off = len;
}

int sw_packet_need(struct sw_packet *pkt, uint16_t len)
{
    if (len <= pkt->head_len)
        return 0;
    if (len > SW_PACKET_HEAD || len > sw_packet_len(pkt))
        return -EINVAL;
    if (len > SW_PACKET_HEAD - pkt->head_off) {
        uint16_t off = (uint16_t)(SW_PACKET_HEAD - len);
        memmove(pkt->head + off, pkt->head + pkt->head_off, pkt->head_len);
        pkt->head_off = off;
    }
    uint16_t more = (uint16_t)(len - pkt->head_len);
    sw_packet_copy(pkt, pkt->head_len, pkt->head + pkt->head_off + pkt->head_len, more);
    sw_packet_trim_front(pkt, more);
    pkt->head_len = len;
    return 0;
}

int sw_packet_head_to_data(struct sw_packet *pkt)
{
    if (pkt->head_len == 0)
        return 0;
    /* With all slices in use the first one joins the head's bytes in the new chunk. */
    bool full = pkt->n_slices == SW_PACKET_SLICES;
    uint32_t len = pkt->head_len + (full ? pkt->slices[0].len : 0);
    struct sw_chunk *chunk = sw_chunk_new(pkt->mem, len);
    if (!chunk)
        return -ENOMEM;
    chunk->fill = (uint32_t)sw_packet_copy(pkt, 0, chunk->data, len);
    if (full)
        sw_packet_trim_front(pkt, pkt->slices[0].len);
    memmove(pkt->slices + 1, pkt->slices, pkt->n_slices * sizeof(pkt->slices[0]));
    pkt->slices[0] = (struct sw_slice){chunk, 0, len};
    pkt->n_slices++;
    pkt->data_len += len;
    pkt->head_off = SW_PACKET_HEAD;
    pkt->head_len = 0;
    return 0;
}

int sw_packet_add_slice(struct sw_packet *pkt, struct sw_slice slice)
{
    if (slice.len == 0)
        return 0;
    struct sw_slice *last = pkt->n_slices ? &pkt->slices[pkt->n_slices - 1] : NULL;
    if (last && last->chunk == slice.chunk && last->off + last->len == slice.off) {
        last->len += slice.len;
    } else {
        if (pkt->n_slices == SW_PACKET_SLICES)
            return -ENOBUFS;
        sw_chunk_get(slice.chunk);
        pkt->slices[pkt->n_slices++] = slice;
    }
    pkt->data_len += slice.len;
    return 0;
}

void sw_packet_trim_front(struct sw_packet *pkt, uint32_t len)
{
    unsigned gone = 0;
    while (len > 0 && gone < pkt->n_slices) {
        struct sw_slice *s = &pkt->slices[gone];
        uint32_t n = len < s->len ? len : s->len;
        s->off += n;
        s->len -= n;
        pkt->data_len -= n;
        len -= n;
        if (s->len == 0) {
            sw_chunk_put(s->chunk);
            gone++;
        }
    }
    if (gone > 0) {
        pkt->n_slices = (uint8_t)(pkt->n_slices - gone);
        memmove(pkt->slices, pkt->slices + gone, pkt->n_slices * sizeof(pkt->slices[0]));
    }
}

void sw_packet_trim_back(struct sw_packet *pkt, uint32_t len)
{
    while (len > 0 && pkt->n_slices > 0) {
        struct sw_slice *s = &pkt->slices[pkt->n_slices - 1];
        uint32_t n = len < s->len ? len : s->len;
        s->len -= n;
        pkt->data_len -= n;
        len -= n;
        if (s->len == 0) {
            sw_chunk_put(s->chunk);
            pkt->n_slices--;
        }
    }
}

void sw_packet_queue_init(struct sw_packet_queue *q)
{
    q->first = NULL;
    q->last = &q->first;
    q->count = 0;
}

void sw_packet_queue_add(struct sw_packet_queue *q, struct sw_packet *pkt)
{
    pkt->next = NULL;
    *q->last = pkt;
    q->last = &pkt->next;
    q->count++;
}

struct sw_packet *sw_packet_queue_take(struct sw_packet_queue *q)
{
    struct sw_packet *pkt = q->first;
    if (!pkt)
        return NULL;
    q->first = pkt->next;
    if (!q->first)
        q->last = &q->first;
    q->count--;
    pkt->next = NULL;
    return pkt;
}

void sw_packet_queue_clear(struct sw_packet_queue *q)
{
    struct sw_packet *pkt;
    while ((pkt = sw_packet_queue_take(q)))
        sw_packet_free(pkt);
}
