/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The events of a script in order, and time.
 *
 * Time passes only in run_until(), from one deadline of the host to the next. Whatever happens to
 * the host (a packet in, a call, a timer) is followed by run_collect(): packets that left are put
 * in a queue with the time they left, and a sleeping call is tried again.
 *
 * An event with a relative time counts from where the script is: the time of the event before, or,
 * of a packet that left, the time at which it really left or was found in the queue.
 */
#include <stdlib.h>
#include <string.h>

#include "script/private.h"

#define ANY_TIME_NS (3600 * SCRIPT_S)
#define GRACE_NS (2 * SCRIPT_S) /* how long a late packet is waited for, to say that it is late */

/* ---- time ------------------------------------------------------------------------------- */

uint64_t run_tolerance(const struct run *run, uint64_t since_ns, uint64_t at_ns)
{
    const struct soptions *o = &run->script->options;
    uint64_t span = at_ns > since_ns ? at_ns - since_ns : 0;
    uint64_t share = (uint64_t)((double)span * o->tolerance_percent / 100);
    return share > o->tolerance_ns ? share : o->tolerance_ns;
}

/* Puts packets that left into the queue; super-segments as the packets they will be on the wire,
 * unless the script wants to see them whole. */
static void take_packets(struct run *run)
{
    struct sw_packet *super;
    while ((super = sw_host_output(run->host, run->iface, run->now_ns)) != NULL) {
        while (super != NULL) {
            struct sw_packet *pkt = super;
            if (run->script->options.strict_segments && !run->script->options.gso_off)
                super = NULL;
            else if ((pkt = sw_gso_next(&super)) == NULL)
                break;
            uint32_t len = sw_packet_len(pkt);
            struct sent *sent = arena_alloc(&run->script->arena, sizeof(*sent) + len);
            sent->at_ns = run->now_ns;
            sent->len = (uint32_t)sw_packet_copy(pkt, 0, sent->bytes, len);
            sw_packet_free(pkt);
            *run->sent_last = sent;
            run->sent_last = &sent->next;
        }
    }
}

void run_collect(struct run *run)
{
    take_packets(run);
    wait_note_ready(run);
    if (run->pending.event != NULL) {
        call_retry(run);
        take_packets(run);
    }
}

/* When something happens by itself. */
static uint64_t next_deadline(const struct run *run)
{
    uint64_t at = sw_host_deadline(run->host);
    if (run->pending.event != NULL && run->pending.deadline_ns < at)
        at = run->pending.deadline_ns;
    return at < run->now_ns ? run->now_ns : at;
}

bool run_until(struct run *run, uint64_t at_ns)
{
    unsigned idle = 0;
    while (run->script->verdict == SCRIPT_PASSED) {
        uint64_t next = next_deadline(run);
        if (next > at_ns)
            break;
        /* A deadline is a lower bound: nothing may be due at it. */
        idle = next == run->now_ns ? idle + 1 : 0;
        if (idle > 100)
            next = run->now_ns + 1000;
        if (next > at_ns)
            break;
        run->now_ns = next;
        sw_host_advance(run->host, next);
        run_collect(run);
    }
    if (at_ns > run->now_ns) {
        run->now_ns = at_ns;
        sw_host_advance(run->host, at_ns);
        run_collect(run);
    }
    const struct pending *p = &run->pending;
    if (p->event != NULL && run->now_ns > p->end_ns + run_tolerance(run, p->since_ns, p->end_ns))
        return script_fail(run->script, SCRIPT_FAILED, p->event->pos,
                           "%s() still sleeps at %.6f s, and was to return at %.6f s",
                           p->event->call.name, run_seconds(run, run->now_ns),
                           run_seconds(run, p->end_ns));
    return run->script->verdict == SCRIPT_PASSED;
}

/* The sleeping call must return before the script's program can make another. */
static bool end_sleep(struct run *run)
{
    const struct pending *p = &run->pending;
    while (p->event != NULL) {
        uint64_t last = p->end_ns + run_tolerance(run, p->since_ns, p->end_ns) + 1;
        uint64_t next = next_deadline(run);
        if (!run_until(run, next < last ? next : last))
            return false;
    }
    return true;
}

/* ---- events ----------------------------------------------------------------------------- */

static uint64_t event_time(const struct run *run, const struct event *event, uint64_t written)
{
    return written + (event->time_kind == TIME_RELATIVE ? run->now_ns : run->start_ns);
}

/* Goes to the time of an event that the script itself does. */
static bool go_to(struct run *run, const struct event *event)
{
    uint64_t at = event_time(run, event, event->at_ns);
    uint64_t tolerance = run_tolerance(run, run->now_ns, at);
    if (run->now_ns > at + tolerance)
        return script_fail(run->script, SCRIPT_FAILED, event->pos,
                           "this is to happen at %.6f s, and it is %.6f s already",
                           run_seconds(run, at), run_seconds(run, run->now_ns));
    return at <= run->now_ns || run_until(run, at);
}

static bool run_inbound(struct run *run, struct event *event)
{
    uint8_t bytes[66000]; /* more than the largest IP packet */
    struct spacket packet = event->packet;
    if (!go_to(run, event))
        return false;
    struct flow *flow = flow_of_packet(run, &packet);
    uint32_t payload_at = packet.flags & SW_TCP_SYN ? 0 : packet.seq - 1;
    if (packet.proto == SW_PROTO_UDP)
        payload_at = 0;
    if (flow == NULL || !flow_inbound(run, flow, &packet))
        return false;
    report_packet(run, &event->packet, run->now_ns, "");
    size_t len = wire_build(flow, &packet, payload_at, bytes, sizeof(bytes));
    struct sw_packet *pkt = sw_packet_from_bytes(sw_host_mem(run->host), bytes, len);
    if (pkt == NULL)
        return script_fail(run->script, SCRIPT_SYNTAX, event->pos, "this packet cannot be built");
    uint32_t mss = run->script->options.mss; /* --mss: what is longer came as several, joined */
    if (mss != 0 && packet.proto == SW_PROTO_TCP && packet.len > mss)
        pkt->gso_size = (uint16_t)mss;
    sw_host_input(run->host, run->iface, pkt, run->now_ns);
    run_collect(run);
    run->packets++;
    return run->script->verdict == SCRIPT_PASSED;
}

/* The next packet of the flow in the queue, which it leaves; others' are passed over. */
static bool next_sent(struct run *run, struct flow *flow, const struct spacket *expected,
                      struct spacket *ret_packet, uint64_t *ret_at_ns)
{
    while (run->sent != NULL) {
        struct sent *sent = run->sent;
        run->sent = sent->next;
        if (run->sent == NULL)
            run->sent_last = &run->sent;
        if (flow_outbound(run, flow, sent, expected, ret_packet)) {
            *ret_at_ns = sent->at_ns;
            return true;
        }
    }
    return false;
}

/* As next_sent(), waiting for it until `last`. */
static bool await_sent(struct run *run, struct flow *flow, const struct spacket *expected,
                       uint64_t last, struct spacket *ret_packet, uint64_t *ret_at_ns)
{
    while (!next_sent(run, flow, expected, ret_packet, ret_at_ns)) {
        uint64_t next = next_deadline(run);
        if (next == run->now_ns)
            next += 1000; /* a lower bound that was too low */
        if (next > last)
            return false;
        if (!run_until(run, next))
            return false;
    }
    return true;
}

/* A script may write as one what leaves as several, as long as they follow each other: then PSH is
 * that of the last. */
static void join_sent(struct run *run, struct flow *flow, const struct spacket *expected,
                      uint64_t last, struct spacket *packet)
{
    while (packet->len < expected->len && packet->proto == SW_PROTO_TCP &&
           !run->script->options.strict_segments && packet->len > 0 &&
           packet->seq == expected->seq) {
        struct spacket more;
        uint64_t at;
        if (!await_sent(run, flow, expected, last, &more, &at))
            return;
        bool follows = more.seq == packet->seq + packet->len && more.len > 0;
        if (!follows)
            return;
        packet->len += more.len;
        packet->flags =
            (uint16_t)((packet->flags & ~SW_TCP_PSH) | (more.flags & (SW_TCP_FIN | SW_TCP_PSH)));
        packet->payload_wrong |= more.payload_wrong;
    }
}

static bool check_time(struct run *run, const struct event *event, uint64_t base_ns, uint64_t at_ns)
{
    if (event->time_kind == TIME_ANY)
        return true;
    uint64_t origin = event->time_kind == TIME_RELATIVE ? base_ns : run->start_ns;
    uint64_t from = origin + event->at_ns;
    uint64_t to = event->range ? origin + event->until_ns : from;
    uint64_t tolerance = run_tolerance(run, base_ns, from);
    if (at_ns + tolerance >= from && at_ns <= to + tolerance)
        return true;
    return script_fail(run->script, SCRIPT_FAILED, event->pos,
                       "the packet left at %.6f s, and the script expects it at %.6f s",
                       run_seconds(run, at_ns), run_seconds(run, from));
}

static bool run_outbound(struct run *run, struct event *event)
{
    const struct spacket *expected = &event->packet;
    uint64_t base = run->now_ns, at = 0;
    uint64_t until = event_time(run, event, event->range ? event->until_ns : event->at_ns);
    uint64_t last = event->time_kind == TIME_ANY
                        ? base + ANY_TIME_NS
                        : until + run_tolerance(run, base, until) + GRACE_NS;
    struct flow *flow = flow_of_packet(run, expected);
    struct spacket actual;
    char what[80];

    run->due_ns = event->time_kind == TIME_ANY ? SW_NEVER : event_time(run, event, event->at_ns);
    run->due_until_ns = until;

    if (flow == NULL)
        return false;
    if (!await_sent(run, flow, expected, last, &actual, &at)) {
        if (run->script->verdict != SCRIPT_PASSED)
            return false;
        script_error(run->script, SCRIPT_FAILED, event->pos, "no packet left");
        return report_missing(run, expected, last);
    }
    join_sent(run, flow, expected, last, &actual);
    if (run->script->verdict != SCRIPT_PASSED)
        return false;
    if (!match_packet(run, expected, &actual, what)) {
        script_error(run->script, SCRIPT_FAILED, event->pos, "the packet differs in %s", what);
        return report_mismatch(run, expected, &actual, at);
    }
    report_packet(run, &actual, at, "");
    if (expected->proto == SW_PROTO_TCP && flow->state == FLOW_CONNECTING)
        flow->state = FLOW_OPEN;
    run->packets++;
    if (check_time(run, event, base, at))
        return true;
    return report_mismatch(run, expected, &actual, at);
}

static bool run_event(struct run *run, struct event *event)
{
    switch (event->kind) {
    case EVENT_PACKET:
        return event->packet.outbound ? run_outbound(run, event) : run_inbound(run, event);
    case EVENT_CALL:
        if (!end_sleep(run) || !go_to(run, event) || !call_run(run, &event->call))
            return false;
        run_collect(run);
        return run->script->verdict == SCRIPT_PASSED;
    case EVENT_CODE:
        return go_to(run, event) && code_run(run, event->text, event->pos);
    case EVENT_COMMAND:
        return go_to(run, event) && command_run(run, event->text, event->pos, false);
    }
    return false;
}

void run_events(struct run *run)
{
    struct script *script = run->script;
    if (script->init_command != NULL &&
        !command_run(run, script->init_command, script->init_pos, false))
        return;
    for (struct event *event = script->events; event != NULL; event = event->next) {
        run->event = event;
        if (!run_event(run, event))
            return;
    }
    end_sleep(run);
}
