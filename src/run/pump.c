/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets and time: host -> link -> host until nothing moves, then ready sockets to their pumps. */
#include "base/assert.h"
#include "run/record.h"
#include "run/standin/park.h"
#include "wire/wire.h"

/* At which end of the link a packet enters. The host is at both; so that the two directions of a
 * conversation are the link's two directions, each with its own rate and its own chance, the side
 * with the larger port (as a rule the client) is at end 0. What shows no ports (fragments, ICMP) is
 * all at one end, and so stays in order. */
static int end_of(const struct sw_packet *pkt)
{
    const uint8_t *bytes = pkt->head + pkt->head_off;
    struct sw_ip_hdr ip;

    if (sw_ip_parse_hdr(bytes, pkt->head_len, sw_packet_len(pkt), &ip) != SW_DROP_NONE)
        return 0;
    bool ports = (ip.proto == SW_PROTO_TCP || ip.proto == SW_PROTO_UDP) && !ip.fragment &&
                 pkt->head_len >= ip.hdr_len + 4;
    if (!ports)
        return 0;
    const uint8_t *p = bytes + ip.hdr_len;
    return (p[0] << 8 | p[1]) < (p[2] << 8 | p[3]);
}

static bool move_packets(struct run *run, uint64_t now_ns)
{
    struct sw_packet *pkt;
    bool moved = false;

    while ((pkt = sw_host_output(run->host, run->lo, now_ns)) != NULL) {
        moved = true;
        run->lo_packets++;
        run->lo_bytes += sw_packet_len(pkt);
        sw_view_capture(run->view, now_ns, pkt);
        if (run->link != NULL)
            sw_link_send(run->link, end_of(pkt), pkt, now_ns);
        else
            sw_host_input(run->host, run->lo, pkt, now_ns);
    }
    for (int end = 0; run->link != NULL && end < 2; end++) {
        while ((pkt = sw_link_receive(run->link, end, now_ns)) != NULL) {
            moved = true;
            sw_host_input(run->host, run->lo, pkt, now_ns);
        }
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
        if (s != NULL && ready.user == run->resolver) {
            resolver_ready(run, ready.socket);
            continue;
        }
        if (s == NULL || s->state == STANDIN_GONE)
            continue;
        if (s->stream)
            stream_core_event(run, s, ready.events);
        else
            dgram_core_event(run, s, ready.events);
        park_relieve(run);
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
