/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections in TIME_WAIT (RFC 9293 3.6.1) as small records: they keep the pair of addresses and
 * the port taken after the socket is gone. All wait equally long, so they lie in one queue and the
 * first is the next to go.
 */
#include "sock/private.h"

#define NS_PER_MS 1000000U
#define REUSE_AFTER_NS 1000000000ULL /* RFC 6191 2: the timestamp clock has surely ticked */

/* When the record's 2 MSL began. Kept in 32 bits, of which the age needs less than half. */
static uint64_t since_ns(const struct sw_sock_layer *layer, const struct sw_small *small)
{
    uint64_t now_ms = layer->env->now_ns / NS_PER_MS;
    int32_t age_ms = (int32_t)((uint32_t)now_ms - small->since_ms);

    return (now_ms - (uint64_t)(int64_t)age_ms) * NS_PER_MS;
}

/* At the end of the queue: 2 MSL from now. The timer is never moved away; it finds nothing due. */
static void enqueue(struct sw_sock_layer *layer, uint32_t index)
{
    struct sw_timer *timer = &layer->smalls.wait_timer;
    uint64_t now_ns = layer->env->now_ns;

    sw_small_at(layer, index)->since_ms = (uint32_t)((now_ns + NS_PER_MS - 1) / NS_PER_MS);
    sw_small_enqueue(layer, &layer->smalls.waits, index);
    if (!timer->armed)
        sw_wheel_arm(&layer->env->wheel, timer, now_ns + layer->tcp->config.time_wait_ns);
}

/* From a stream whose control block is in TIME_WAIT and which is no longer in the table. Beyond the
 * limit, or without memory, the connection ends at once: less safe, never stuck (as Linux does). */
void sw_tw_new(struct sw_sock_layer *layer, struct sw_sock *s)
{
    const struct sw_tcp *tcp = sw_sock_tcp(s);
    uint32_t index;

    if (layer->smalls.waits.count >= layer->tcp->config.max_tw_buckets ||
        sw_small_new(layer, SW_SMALL_TIMEWAIT, &tcp->local, &tcp->remote, &index) < 0)
        return;
    struct sw_small *small = sw_small_at(layer, index);
    small->flags = (uint8_t)((s->on & SW_ON_REUSEADDR ? SW_SMALL_REUSEADDR : 0) |
                             (s->on & SW_ON_REUSEPORT ? SW_SMALL_REUSEPORT : 0) |
                             (s->on & SW_ON_V6ONLY ? SW_SMALL_V6ONLY : 0) |
                             (s->domain == SW_AF_INET6 ? SW_SMALL_INET6 : 0) |
                             (s->ref.is_explicit ? SW_SMALL_EXPLICIT : 0));
    sw_timewait_init(&small->tw, tcp);
    SW_ASSERT(s->ref.port);
    sw_port_wait(layer, s->ref.port, index);
    enqueue(layer, index);
    layer->env->stats.time_wait++;
}

void sw_tw_free(struct sw_sock_layer *layer, uint32_t index)
{
    sw_small_dequeue(layer, &layer->smalls.waits, index);
    sw_port_unwait(layer, index);
    sw_small_free(layer, index);
    layer->env->stats.time_wait--;
}

bool sw_tw_segment(struct sw_sock_layer *layer, uint32_t index, bool heard, struct sw_segment *seg,
                   sw_seq *ret_isn)
{
    struct sw_small *small = sw_small_at(layer, index);
    struct sw_addr local, remote;

    sw_small_addrs(layer, small, &local, &remote);
    switch (sw_timewait_input(&small->tw, layer->tcp, &local, &remote, seg)) {
    case SW_TW_STAY:
        return false;
    case SW_TW_AGAIN:
        sw_small_dequeue(layer, &layer->smalls.waits, index);
        enqueue(layer, index);
        return false;
    case SW_TW_GONE:
        sw_tw_free(layer, index);
        return false;
    case SW_TW_REOPEN:
        if (heard)
            break;
        sw_timewait_refuse(&small->tw, layer->tcp, &local, &remote, seg);
        return false;
    }
    *ret_isn = sw_timewait_next_isn(&small->tw);
    sw_tw_free(layer, index);
    return true;
}

uint64_t sw_tw_due(const struct sw_sock_layer *layer)
{
    uint32_t first = layer->smalls.waits.first;

    if (!first)
        return SW_NEVER;
    return since_ns(layer, sw_small_at(layer, first)) + layer->tcp->config.time_wait_ns;
}

void sw_tw_timer(struct sw_sock_layer *layer)
{
    uint64_t at_ns;

    while ((at_ns = sw_tw_due(layer)) <= layer->env->now_ns)
        sw_tw_free(layer, layer->smalls.waits.first);
    if (at_ns != SW_NEVER)
        sw_wheel_arm(&layer->env->wheel, &layer->smalls.wait_timer, at_ns);
}

bool sw_tw_reusable(const struct sw_sock_layer *layer, const struct sw_small *small)
{
    return small->tw.has_ts && sw_ip_is_loopback(&small->remote) &&
           layer->env->now_ns > since_ns(layer, small) + REUSE_AFTER_NS;
}
