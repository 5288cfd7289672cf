/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which connection a packet of the script is of, and the two ways of counting.
 *
 * A script names no addresses: its packets are those of the socket made last (`under_test`), where
 * a packet that comes in for a listener makes the connection. Packets with ports ("5001>8080") are
 * of the connection with those ports, so that a script can have several.
 *
 * In a packet with SYN, sequence numbers are as written, and the stack's own initial one is
 * whatever the script writes there; in all others they count from the initial ones.
 */
#include <string.h>

#include "script/private.h"
#include "wire/bytes.h"

struct flow *flow_new(struct run *run, uint8_t proto, int fd)
{
    struct flow *flow = arena_alloc(&run->script->arena, sizeof(*flow));
    const struct soptions *o = &run->script->options;
    flow->proto = proto;
    flow->fd = fd;
    flow->local = (struct sw_addr){.ip = o->local, .port = o->bind_port};
    flow->remote = (struct sw_addr){.ip = o->remote, .port = o->connect_port};
    flow->next = run->flows;
    run->flows = flow;
    run->under_test = flow;
    return flow;
}

void flow_connects(struct run *run, struct sfd *sfd, const struct sw_addr *remote)
{
    struct flow *flow = sfd->flow;
    if (flow->state != FLOW_NEW || flow->has_local_isn) {
        flow = flow_new(run, flow->proto, flow->fd);
        sfd->flow = flow;
    }
    sw_getsockname(run->host, sfd->socket, &flow->local);
    flow->state = FLOW_CONNECTING;
    flow->remote = *remote;
    run->under_test = flow;
}

/* A connection that a peer opens. */
static struct flow *flow_from_peer(struct run *run, const struct spacket *packet)
{
    const struct flow *listener = run->under_test;
    uint16_t port = run->script->options.bind_port;
    if (listener != NULL && listener->state == FLOW_LISTENING)
        port = listener->local.port;
    struct flow *flow = flow_new(run, SW_PROTO_TCP, -1);
    flow->state = FLOW_OPEN;
    flow->local.port = packet->dst_port ? packet->dst_port : port;
    flow->remote.port = packet->src_port ? packet->src_port : run->next_port++;
    return flow;
}

static struct flow *find_by_ports(struct run *run, const struct spacket *packet)
{
    uint16_t local = packet->outbound ? packet->src_port : packet->dst_port;
    uint16_t remote = packet->outbound ? packet->dst_port : packet->src_port;
    for (struct flow *flow = run->flows; flow != NULL; flow = flow->next)
        if (flow->proto == packet->proto && flow->local.port == local &&
            flow->remote.port == remote && flow->state != FLOW_LISTENING)
            return flow;
    return NULL;
}

struct flow *flow_of_packet(struct run *run, const struct spacket *packet)
{
    struct flow *flow = run->under_test;
    bool tcp = packet->proto == SW_PROTO_TCP;

    if (packet->src_port != 0 && packet->dst_port != 0) {
        struct flow *named = find_by_ports(run, packet);
        if (named != NULL)
            return run->under_test = named;
        if (tcp && !packet->outbound && (packet->flags & SW_TCP_SYN))
            return flow_from_peer(run, packet);
    }
    if (tcp && !packet->outbound && (flow == NULL || flow->state == FLOW_LISTENING))
        return flow_from_peer(run, packet);
    if (flow == NULL || (packet->proto != SW_PROTO_ICMP && flow->proto != packet->proto)) {
        script_error(run->script, SCRIPT_SYNTAX, run->event->pos,
                     "there is no socket that this packet could be of");
        return NULL;
    }
    return flow;
}

/* What to add to a number of the script to make it real. */
static uint32_t local_offset(const struct flow *flow, bool syn)
{
    return syn ? flow->local_isn - flow->script_local_isn : flow->local_isn;
}

static uint32_t remote_offset(const struct flow *flow, bool syn)
{
    return syn ? 0 : flow->remote_isn;
}

static void shift_sacks(struct spacket *packet, uint32_t offset)
{
    uint8_t *sack = wire_find_option(packet, WIRE_OPT_SACK, 10);
    for (unsigned i = 2; sack != NULL && i + 8 <= sack[1]; i += 8) {
        sw_put32(sack + i, sw_get32(sack + i) + offset);
        sw_put32(sack + i + 4, sw_get32(sack + i + 4) + offset);
    }
}

/* The timestamp that the script echoes, as the stack sent it. */
static bool real_ecr(struct run *run, const struct flow *flow, uint8_t *ts)
{
    uint32_t script = sw_get32(ts + 6);
    for (const struct ts_pair *pair = flow->ts_pairs; pair != NULL; pair = pair->next)
        if (pair->script == script) {
            sw_put32(ts + 6, pair->real);
            return true;
        }
    if (flow->has_first_ts) {
        if (!run->script->options.ts_ecr_scaled && script != 0)
            return script_fail(run->script, SCRIPT_SYNTAX, run->event->pos,
                               "no packet had the timestamp %u that this one echoes", script);
        sw_put32(ts + 6, script == 0 ? 0 : script - flow->script_first_ts + flow->first_ts);
    }
    return true;
}

bool flow_inbound(struct run *run, struct flow *flow, struct spacket *packet)
{
    if (packet->proto == SW_PROTO_ICMP) {
        packet->quoted_seq += local_offset(flow, false);
        return true;
    }
    if (packet->proto != SW_PROTO_TCP)
        return true;
    bool syn = (packet->flags & SW_TCP_SYN) != 0;
    if (syn && !flow->has_remote_isn) {
        flow->remote_isn = packet->seq;
        flow->has_remote_isn = true;
    }
    packet->seq += remote_offset(flow, syn);
    uint8_t *ts = wire_find_option(packet, WIRE_OPT_TIMESTAMPS, 10);
    if (packet->flags & SW_TCP_ACK) {
        packet->ack += local_offset(flow, syn);
        shift_sacks(packet, local_offset(flow, syn));
        return ts == NULL || real_ecr(run, flow, ts);
    }
    return true;
}

static void translate_ts(struct run *run, struct flow *flow, const struct spacket *expected,
                         uint8_t *ts)
{
    struct spacket copy = *expected;
    const uint8_t *script = wire_find_option(&copy, WIRE_OPT_TIMESTAMPS, 10);
    if (script == NULL)
        return;
    uint32_t real_val = sw_get32(ts + 2), script_val = sw_get32(script + 2);
    struct ts_pair *pair = arena_alloc(&run->script->arena, sizeof(*pair));
    *pair = (struct ts_pair){.next = flow->ts_pairs, .script = script_val, .real = real_val};
    flow->ts_pairs = pair;
    if (!flow->has_first_ts) {
        flow->has_first_ts = true;
        flow->first_ts = real_val;
        flow->script_first_ts = script_val;
    }
    sw_put32(ts + 2, flow->script_first_ts + (real_val - flow->first_ts));
}

static bool same_end(const struct sw_addr *a, const struct sw_addr *b, bool ports)
{
    return sw_ip_eq(&a->ip, &b->ip) && (!ports || a->port == b->port);
}

bool flow_outbound(struct run *run, struct flow *flow, const struct sent *sent,
                   const struct spacket *expected, struct spacket *ret_packet)
{
    struct sw_addr src, dst;
    if (!wire_read(sent, ret_packet, &src, &dst))
        return false;
    bool icmp = ret_packet->proto == SW_PROTO_ICMP;
    if (!same_end(&src, &flow->local, !icmp) || !same_end(&dst, &flow->remote, !icmp) ||
        (!icmp && ret_packet->proto != flow->proto))
        return false;
    if (flow->proto == SW_PROTO_UDP || icmp) {
        for (uint32_t i = 0; i < ret_packet->len; i++)
            ret_packet->payload_wrong |= ret_packet->payload[i] != wire_payload(i);
        return true;
    }
    bool syn = (ret_packet->flags & SW_TCP_SYN) != 0;
    if (syn && !flow->has_local_isn) {
        flow->has_local_isn = true;
        flow->local_isn = ret_packet->seq;
        flow->script_local_isn = expected->flags & SW_TCP_SYN ? expected->seq : 0;
    }
    ret_packet->seq -= local_offset(flow, syn);
    if (ret_packet->flags & SW_TCP_ACK)
        ret_packet->ack -= remote_offset(flow, syn);
    shift_sacks(ret_packet, 0U - remote_offset(flow, syn));
    uint8_t *ts = wire_find_option(ret_packet, WIRE_OPT_TIMESTAMPS, 10);
    if (ts != NULL)
        translate_ts(run, flow, expected, ts);
    uint32_t first = syn ? 0 : ret_packet->seq - 1;
    for (uint32_t i = 0; i < ret_packet->len; i++)
        ret_packet->payload_wrong |= ret_packet->payload[i] != wire_payload((uint64_t)first + i);
    return true;
}
