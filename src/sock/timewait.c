/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections in TIME_WAIT (RFC 9293 3.6.1), and those in FIN_WAIT_2 that nobody holds any more, as
 * small records: they keep the pair of addresses and the port taken after the socket is gone. All
 * of a kind wait equally long, so they lie in one queue and the first is the next to go. The peer's
 * FIN makes the second kind the first.
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

static struct sw_small_queue *queue_of(struct sw_sock_layer *layer, const struct sw_small *small)
{
    return small->kind == SW_SMALL_FINWAIT ? &layer->smalls.fins : &layer->smalls.waits;
}

/* When the first of a queue is due. */
static uint64_t queue_due(const struct sw_sock_layer *layer, const struct sw_small_queue *queue,
                          uint64_t wait_ns)
{
    return queue->first ? since_ns(layer, sw_small_at(layer, queue->first)) + wait_ns : SW_NEVER;
}

uint64_t sw_tw_record_due(const struct sw_sock_layer *layer, const struct sw_small *small)
{
    const struct sw_tcp_config *config = &layer->tcp->config;

    return since_ns(layer, small) +
           (small->kind == SW_SMALL_FINWAIT ? config->fin_timeout_ns : config->time_wait_ns);
}

/* At the end of its queue: it waits from now on. The timer is never moved away; it finds nothing
 * due. */
static void enqueue(struct sw_sock_layer *layer, uint32_t index)
{
    struct sw_small *small = sw_small_at(layer, index);
    struct sw_timer *timer = &layer->smalls.wait_timer;

    small->since_ms = (uint32_t)((layer->env->now_ns + NS_PER_MS - 1) / NS_PER_MS);
    sw_small_enqueue(layer, queue_of(layer, small), index);
    if (!timer->armed || timer->expires_ns > sw_tw_due(layer))
        sw_wheel_arm(&layer->env->wheel, timer, sw_tw_due(layer));
}

/* A record of this kind in the place of a stream, which is to leave the table of connections; in no
 * queue yet. 0: none. */
static uint32_t keep(struct sw_sock_layer *layer, struct sw_sock *s, enum sw_small_kind kind)
{
    const struct sw_tcp *tcp = sw_sock_tcp(s);
    uint32_t index;

    if (layer->smalls.waits.count + layer->smalls.fins.count >= layer->tcp->config.max_tw_buckets ||
        sw_small_new(layer, kind, &tcp->local, &tcp->remote, &index) < 0)
        return 0;
    struct sw_small *small = sw_small_at(layer, index);
    small->flags = (uint8_t)((s->on & SW_ON_REUSEADDR ? SW_SMALL_REUSEADDR : 0) |
                             (s->on & SW_ON_REUSEPORT ? SW_SMALL_REUSEPORT : 0) |
                             (s->on & SW_ON_V6ONLY ? SW_SMALL_V6ONLY : 0) |
                             (s->domain == SW_AF_INET6 ? SW_SMALL_INET6 : 0) |
                             (s->is & SW_IS_EXPLICIT ? SW_SMALL_EXPLICIT : 0));
    SW_ASSERT(s->ref.port);
    sw_port_wait(layer, s->ref.port, index);
    layer->env->stats.time_wait++;
    return index;
}

/* From a stream whose control block is in TIME_WAIT and which is no longer in the table. Beyond the
 * limit, or without memory, the connection ends at once: less safe, never stuck (as Linux does). */
void sw_tw_new(struct sw_sock_layer *layer, struct sw_sock *s)
{
    uint32_t index = keep(layer, s, SW_SMALL_TIMEWAIT);

    if (!index)
        return;
    sw_timewait_init(&sw_small_at(layer, index)->tw, sw_sock_tcp(s));
    enqueue(layer, index);
}

static void put_finwait(struct sw_small *small, const struct sw_finwait *fw)
{
    small->tw = fw->tw;
    small->wscale = fw->wscale & 0xfU;
    small->flags = (uint8_t)((small->flags & ~SW_SMALL_SACK) | (fw->sack ? SW_SMALL_SACK : 0));
}

bool sw_fw_new(struct sw_sock_layer *layer, struct sw_sock *s)
{
    struct sw_finwait fw;
    bool far = s->opts && (s->opts->min_ttl || s->opts->min_hops); /* it judges segments, too */
    uint32_t index = 0;

    if (!far && sw_finwait_fits(sw_sock_tcp(s)))
        index = keep(layer, s, SW_SMALL_FINWAIT);
    if (!index)
        return false;
    sw_finwait_init(&fw, sw_sock_tcp(s));
    put_finwait(sw_small_at(layer, index), &fw);
    enqueue(layer, index);
    sw_sock_free(layer, s);
    return true;
}

void sw_fw_segment(struct sw_sock_layer *layer, uint32_t index, struct sw_segment *seg)
{
    struct sw_small *small = sw_small_at(layer, index);
    struct sw_finwait fw = {
        .tw = small->tw, .wscale = small->wscale, .sack = small->flags & SW_SMALL_SACK};
    struct sw_addr local, remote;

    sw_small_addrs(layer, small, &local, &remote);
    enum sw_tcp_state state = sw_finwait_input(&fw, layer->tcp, &local, &remote, seg);
    if (state == SW_TCP_CLOSED) {
        sw_tw_free(layer, index);
        return;
    }
    put_finwait(small, &fw);
    if (state == SW_TCP_FIN_WAIT_2)
        return;
    sw_small_dequeue(layer, &layer->smalls.fins, index);
    small->kind = SW_SMALL_TIMEWAIT;
    enqueue(layer, index);
}

void sw_tw_free(struct sw_sock_layer *layer, uint32_t index)
{
    struct sw_small *small = sw_small_at(layer, index);

    layer->env->stats.time_wait--;
    sw_small_dequeue(layer, queue_of(layer, small), index);
    sw_port_unwait(layer, index);
    sw_small_free(layer, index);
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

static uint64_t waits_due(const struct sw_sock_layer *layer)
{
    return queue_due(layer, &layer->smalls.waits, layer->tcp->config.time_wait_ns);
}

static uint64_t fins_due(const struct sw_sock_layer *layer)
{
    return queue_due(layer, &layer->smalls.fins, layer->tcp->config.fin_timeout_ns);
}

uint64_t sw_tw_due(const struct sw_sock_layer *layer)
{
    uint64_t wait_ns = waits_due(layer), fin_ns = fins_due(layer);

    return wait_ns < fin_ns ? wait_ns : fin_ns;
}

void sw_tw_timer(struct sw_sock_layer *layer)
{
    while (waits_due(layer) <= layer->env->now_ns)
        sw_tw_free(layer, layer->smalls.waits.first);
    while (fins_due(layer) <= layer->env->now_ns)
        sw_tw_free(layer, layer->smalls.fins.first);
    if (sw_tw_due(layer) != SW_NEVER)
        sw_wheel_arm(&layer->env->wheel, &layer->smalls.wait_timer, sw_tw_due(layer));
}

bool sw_tw_reusable(const struct sw_sock_layer *layer, const struct sw_small *small)
{
    return small->tw.has_ts && sw_ip_is_loopback(&small->remote) &&
           layer->env->now_ns > since_ns(layer, small) + REUSE_AFTER_NS;
}
