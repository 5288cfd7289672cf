/* SPDX-License-Identifier: BSD-2-Clause */
/* The delay line: a queue, and a binary heap (Williams 1964) for those that do not fit into its
 * order. */
#include "link/line.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

#define HEAP_MIN 16U

void sw_line_init(struct sw_line *line, struct sw_mem *mem)
{
    *line = (struct sw_line){.mem = mem};
    sw_packet_queue_init(&line->queue);
}

void sw_line_fini(struct sw_line *line)
{
    sw_packet_queue_clear(&line->queue);
    for (uint32_t i = 0; i < line->heap_count; i++)
        sw_packet_free(line->heap[i].pkt);
    sw_mem_give(line->mem, line->heap, line->heap_cap * sizeof(line->heap[0]));
    line->heap = NULL;
    line->heap_count = line->heap_cap = 0;
}

static bool before(const struct sw_line_entry *a, const struct sw_line_entry *b)
{
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->number < b->number;
}

static int heap_room(struct sw_line *line)
{
    if (line->heap_count < line->heap_cap)
        return 0;
    uint32_t cap = line->heap_cap ? 2 * line->heap_cap : HEAP_MIN;
    struct sw_line_entry *heap = sw_mem_take(line->mem, cap * sizeof(*heap));
    if (!heap)
        return -ENOMEM;
    if (line->heap_count > 0)
        memcpy(heap, line->heap, line->heap_count * sizeof(*heap));
    sw_mem_give(line->mem, line->heap, line->heap_cap * sizeof(*heap));
    line->heap = heap;
    line->heap_cap = cap;
    return 0;
}

static void heap_push(struct sw_line *line, struct sw_line_entry entry)
{
    uint32_t at = line->heap_count++;
    while (at > 0 && before(&entry, &line->heap[(at - 1) / 2])) {
        line->heap[at] = line->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    line->heap[at] = entry;
}

static struct sw_packet *heap_pop(struct sw_line *line)
{
    struct sw_packet *first = line->heap[0].pkt;
    struct sw_line_entry entry = line->heap[--line->heap_count];
    uint32_t at = 0, count = line->heap_count;
    for (uint32_t child = 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && before(&line->heap[child + 1], &line->heap[child]))
            child++;
        if (before(&entry, &line->heap[child]))
            break;
        line->heap[at] = line->heap[child];
        at = child;
    }
    line->heap[at] = entry;
    return first;
}

int sw_line_put(struct sw_line *line, struct sw_packet *pkt, bool late)
{
    if (!late && (line->queue.count == 0 || pkt->time_ns >= line->last_ns)) {
        line->last_ns = pkt->time_ns;
        sw_packet_queue_add(&line->queue, pkt);
        return 0;
    }
    if (heap_room(line) != 0)
        return -ENOMEM;
    heap_push(line, (struct sw_line_entry){pkt->time_ns, line->next_number++, pkt});
    return 0;
}

uint64_t sw_line_next(const struct sw_line *line)
{
    uint64_t next_ns = line->queue.first ? line->queue.first->time_ns : UINT64_MAX;
    if (line->heap_count > 0 && line->heap[0].due_ns < next_ns)
        next_ns = line->heap[0].due_ns;
    return next_ns;
}

struct sw_packet *sw_line_take(struct sw_line *line, uint64_t now_ns)
{
    if (sw_line_next(line) > now_ns)
        return NULL;
    /* Of equal times the queue's goes first: whatever is in the heap was put in later, or is late.
     */
    bool heap_first = line->heap_count > 0 &&
                      (!line->queue.first || line->heap[0].due_ns < line->queue.first->time_ns);
    if (heap_first)
        return heap_pop(line);
    return line->queue.first ? sw_packet_queue_take(&line->queue) : NULL;
}
