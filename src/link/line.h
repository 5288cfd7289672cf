/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A delay line: packets that are on their way, each with the time at which it comes out (time_ns).
 *
 * Packets that come out no earlier than the one put in before them, which is nearly all, lie in a
 * queue: O(1) each, however many are on their way. The others lie in a heap: O(log n).
 */
#ifndef SW_LINK_LINE_H
#define SW_LINK_LINE_H

#include <stdbool.h>

#include "base/packet.h"

struct sw_line_entry {
    uint64_t due_ns, number; /* numbered as they were put in: equal times come out in that order */
    struct sw_packet *pkt;
};

struct sw_line {
    struct sw_mem *mem;
    struct sw_packet_queue queue; /* in order of time_ns */
    uint64_t last_ns;             /* of the queue's last packet */
    struct sw_line_entry *heap;   /* the earliest is first */
    uint32_t heap_count, heap_cap;
    uint64_t next_number;
};

void sw_line_init(struct sw_line *line, struct sw_mem *mem);
void sw_line_fini(struct sw_line *line); /* frees the packets */

/* Puts a packet in that comes out at pkt->time_ns. `late`: others may overtake it. 0: the line owns
 * the packet; -ENOMEM: the caller still does. */
int sw_line_put(struct sw_line *line, struct sw_packet *pkt, bool late);

uint64_t sw_line_next(const struct sw_line *line); /* when the first comes out; UINT64_MAX: empty */

/* The first packet, if it comes out by now_ns, else NULL. */
struct sw_packet *sw_line_take(struct sw_line *line, uint64_t now_ns);

#endif
