/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside view of packets: prepend, strip, queue. The public half is <sockworks/packet.h>. */
#ifndef SW_BASE_PACKET_H
#define SW_BASE_PACKET_H

#include <sockworks/packet.h>

/* `len` more header bytes in front; returns where they begin. Asserts that they fit. */
uint8_t *sw_packet_push(struct sw_packet *pkt, uint16_t len);

/* Takes `len` bytes off the front of the head. Asserts that the head has them. */
void sw_packet_pull(struct sw_packet *pkt, uint16_t len);

static inline uint8_t *sw_packet_head(struct sw_packet *pkt)
{
    return pkt->head + pkt->head_off;
}

/* Moves the bytes of the head so that `len` more may be put in front of them. */
void sw_packet_make_room(struct sw_packet *pkt, uint16_t len);

/* Makes the first `len` bytes of the packet contiguous in the head, if there are so many.
 * 0, -EINVAL (packet shorter, or len beyond what the head holds). */
int sw_packet_need(struct sw_packet *pkt, uint16_t len);

/* Moves what is left of the head into a slice, so that everything is payload. 0 or -ENOMEM. */
int sw_packet_head_to_data(struct sw_packet *pkt);

/* Adds a slice, taking a new reference; -ENOBUFS when all SW_PACKET_SLICES are in use. */
int sw_packet_add_slice(struct sw_packet *pkt, struct sw_slice slice);

/* Drops payload bytes in front or behind (at most all); the head is untouched. */
void sw_packet_trim_front(struct sw_packet *pkt, uint32_t len);
void sw_packet_trim_back(struct sw_packet *pkt, uint32_t len);

/* What keeping this packet costs, in bytes: the struct and its share of each chunk it keeps alive. */
static inline uint32_t sw_packet_charge(const struct sw_packet *pkt)
{
    uint32_t bytes = (uint32_t)sizeof(*pkt);
    for (unsigned i = 0; i < pkt->n_slices; i++) {
        const struct sw_slice *s = &pkt->slices[i];
        uint32_t share = ((uint32_t)sizeof(*s->chunk) + s->chunk->cap) / s->chunk->refs;
        bytes += share > s->len ? share : s->len;
    }
    return bytes;
}

/* First in, first out. Owns its packets. */
struct sw_packet_queue {
    struct sw_packet *first, **last;
    uint32_t count;
};
void sw_packet_queue_init(struct sw_packet_queue *q);
void sw_packet_queue_add(struct sw_packet_queue *q, struct sw_packet *pkt);
struct sw_packet *sw_packet_queue_take(struct sw_packet_queue *q); /* NULL: empty */
void sw_packet_queue_clear(struct sw_packet_queue *q);

#endif
