/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets and time: host -> link -> host until nothing moves, then ready sockets to their pumps. */
#include "base/assert.h"
#include "run/record.h"

/* The loopback interface is one end of the link, and the other: what leaves comes back. */
static bool move_packets(struct run *run, uint64_t now_ns)
{
    struct sw_packet *pkt;
    bool moved = false;

    while ((pkt = sw_host_output(run->host, run->lo, now_ns)) != NULL) {
        moved = true;
        sw_view_capture(run->view, now_ns, pkt);
        if (run->link != NULL)
            sw_link_send(run->link, 0, pkt, now_ns);
        else
            sw_host_input(run->host, run->lo, pkt, now_ns);
    }
    while (run->link != NULL && (pkt = sw_link_receive(run->link, 1, now_ns)) != NULL) {
        moved = true;
        sw_host_input(run->host, run->lo, pkt, now_ns);
    }
    return moved;
}

static bool serve_ready(struct run *run)
{
    struct sw_ready ready;
    bool any = false;

    while (sw_host_ready(run->host, &ready)) {
        struct standin *s = ready.user;
        any = true;
        if (s == NULL || s->state == STANDIN_GONE)
            continue;
        if (s->stream)
            stream_core_event(run, s, ready.events);
        else
            dgram_core_event(run, s, ready.events);
    }
    return any;
}

void run_pump(struct run *run)
{
    SW_ASSERT(!run->pumping);
    run->pumping = true;
    uint64_t now_ns = run_now();
    sw_host_advance(run->host, now_ns);
    for (bool moved = true; moved;) {
        moved = move_packets(run, now_ns);
        moved |= serve_ready(run);
    }
    run->pumping = false;
}

uint64_t run_deadline(const struct run *run)
{
    uint64_t host_ns = sw_host_deadline(run->host);
    uint64_t link_ns = run->link != NULL ? sw_link_deadline(run->link) : SW_NEVER;
    return host_ns < link_ns ? host_ns : link_ns;
}
