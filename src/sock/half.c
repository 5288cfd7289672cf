/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Half-open connections of a listener: from a SYN until the ACK that ends the handshake. The record
 * is small (small.h), the protocol is tcp/half.c's; here is when to answer again and when to
 * forget, as Linux's reqsk_timer_handler() decides it.
 *
 *   no answer in time   the SYN-ACK again, and twice as long to wait; after TCP_SYNCNT times of the
 *                       listener, or tcp_synack_retries, it is forgotten
 *   the queue fills     half of it is kept for the young, who were not yet sent a second SYN-ACK:
 *                       the old are forgotten the sooner the fewer of them are young
 *   TCP_DEFER_ACCEPT    a bare ACK is noted but not heard until the SYN-ACK was sent again so
 * often; who has acknowledged is asked again at the end of that time only, and is not forgotten
 * before it accept queue full   the ACK is not heard; the SYN-ACK, sent again, will fetch another
 * one
 */
#include <errno.h>

#include "sock/options.h"
#include "sock/saved_syn.h"
#include "tcp/fastopen.h"

#define NS_PER_US 1000U

static struct sw_small_queue *queue_of(struct sw_sock_layer *layer, const struct sw_half *half)
{
    unsigned retries = half->retries < SW_SMALL_RETRIES ? half->retries : SW_SMALL_RETRIES - 1;

    return &layer->smalls.halves[retries];
}

static struct sw_sock *listener_of(const struct sw_sock_layer *layer, const struct sw_small *small)
{
    struct sw_sock *s = sw_sock_at(layer, small->listener);

    SW_ASSERT(s && s->listener);
    return s;
}

const struct sw_sock *sw_half_listener(const struct sw_sock_layer *layer, uint32_t index)
{
    return listener_of(layer, sw_small_at(layer, index));
}

/* ---- the queues and their timer ------------------------------------------------------- */

static uint64_t timeout_ns(const struct sw_sock_layer *layer, unsigned retries)
{
    return sw_half_timeout_us(&layer->tcp->config, retries) * NS_PER_US;
}

/* The clock kept has 32 bits, no wait is half as long. */
uint64_t sw_half_record_due(const struct sw_sock_layer *layer, const struct sw_half *half)
{
    uint64_t now_us = layer->env->now_ns / NS_PER_US;
    uint32_t waited_us = (uint32_t)now_us - half->sent_us;

    return (now_us - waited_us) * NS_PER_US + timeout_ns(layer, half->retries);
}

/* The first that is due, of all queues; 0: none at all. */
static uint32_t first_due(const struct sw_sock_layer *layer, uint64_t *ret_ns)
{
    uint32_t first = 0;

    *ret_ns = SW_NEVER;
    for (int i = 0; i < SW_SMALL_RETRIES; i++) {
        uint32_t index = layer->smalls.halves[i].first;
        uint64_t at_ns =
            index ? sw_half_record_due(layer, &sw_small_at(layer, index)->half) : SW_NEVER;
        if (at_ns < *ret_ns) {
            *ret_ns = at_ns;
            first = index;
        }
    }
    return first;
}

/* Into the queue of those who wait from now on. The timer is only ever moved nearer. */
static void enqueue(struct sw_sock_layer *layer, uint32_t index)
{
    struct sw_half *half = &sw_small_at(layer, index)->half;
    struct sw_timer *timer = &layer->smalls.half_timer;
    uint64_t at_ns = sw_half_record_due(layer, half);

    sw_small_enqueue(layer, queue_of(layer, half), index);
    if (!timer->armed || at_ns < timer->expires_ns)
        sw_wheel_arm(&layer->env->wheel, timer, at_ns);
}

void sw_half_forget(struct sw_sock_layer *layer, uint32_t index)
{
    struct sw_small *small = sw_small_at(layer, index);
    struct sw_listener *l = listener_of(layer, small)->listener;

    l->n_half--;
    l->n_young -= small->half.retries == 0;
    layer->env->stats.half_open--;
    sw_small_dequeue(layer, queue_of(layer, &small->half), index);
    sw_syn_forget(layer, index);
    sw_small_free(layer, index);
}

void sw_half_forget_all(struct sw_sock_layer *layer, const struct sw_sock *listener)
{
    for (int i = 0; i < SW_SMALL_RETRIES && listener->listener->n_half > 0; i++) {
        uint32_t index = layer->smalls.halves[i].first;
        while (index) {
            uint32_t next = sw_small_at(layer, index)->next;
            if (sw_small_at(layer, index)->listener == listener->slot.index)
                sw_half_forget(layer, index);
            index = next;
        }
    }
    SW_ASSERT(listener->listener->n_half == 0);
}

/* ---- the lent block ------------------------------------------------------------------- */

static void lend(struct sw_sock_layer *layer, struct sw_sock *listener, struct sw_tcp *block,
                 const struct sw_addr *local, const struct sw_addr *remote)
{
    const struct sw_tcp_config *config = &layer->tcp->config;

    sw_tcp_init(block, layer->tcp, config->sndbuf, config->rcvbuf);
    block->local = *local;
    block->remote = *remote;
    sw_stream_options_to(listener, block);
}

int sw_half_new(struct sw_sock_layer *layer, struct sw_sock *listener, const struct sw_addr *local,
                const struct sw_addr *remote, const struct sw_segment *syn, const sw_seq *isn,
                const struct sw_tfo_cookie *offer)
{
    struct sw_tcp block;
    uint32_t index;
    int r = sw_small_new(layer, SW_SMALL_HALF, local, remote, &index);

    if (r < 0)
        return r;
    struct sw_small *small = sw_small_at(layer, index);
    small->listener = listener->slot.index;
    small->flags = listener->domain == SW_AF_INET6 ? SW_SMALL_INET6 : 0;
    lend(layer, listener, &block, local, remote);
    if (isn)
        sw_tcp_set_isn(&block, *isn);
    if (offer->len > 0)
        sw_tfo_offer(&block, offer);
    r = sw_half_open(&small->half, &block, syn);
    sw_tcp_fini(&block);
    if (r < 0) {
        sw_small_free(layer, index);
        return r;
    }
    listener->listener->n_half++;
    listener->listener->n_young++;
    layer->env->stats.half_open++;
    enqueue(layer, index);
    sw_syn_save(layer, listener, index, syn);
    return 0;
}

int sw_half_cookie(struct sw_sock_layer *layer, struct sw_sock *listener,
                   const struct sw_addr *local, const struct sw_addr *remote,
                   const struct sw_segment *syn)
{
    struct sw_tcp block;

    lend(layer, listener, &block, local, remote);
    int r = sw_tcp_cookie_reply(&block, syn);
    sw_tcp_fini(&block);
    return r;
}

/* ---- a segment ------------------------------------------------------------------------ */

/* Whether the listener hears the segment that would end the handshake. */
static enum sw_drop refuses(struct sw_sock *listener, struct sw_half *half,
                            const struct sw_segment *seg)
{
    bool bare = sw_seq_eq(seg->tcp.seq, sw_seq_add(half->irs, 1)) && seg->len == 0 &&
                !(seg->tcp.flags & SW_TCP_FIN);

    if (bare && half->retries < sw_opt_defer_retries(listener)) {
        half->flags |= SW_HALF_ACKED;
        return SW_DROP_TCP_DEFERRED;
    }
    if (sw_listen_full(listener)) {
        half->flags |= SW_HALF_ACKED;
        return SW_DROP_TCP_BACKLOG;
    }
    return SW_DROP_NONE;
}

/* The handshake ends: a socket takes the record's place. Takes the segment. */
static void complete(struct sw_sock_layer *layer, uint32_t index, struct sw_segment *seg,
                     const struct sw_addr *local, const struct sw_addr *remote)
{
    struct sw_small *small = sw_small_at(layer, index);
    struct sw_sock *listener = listener_of(layer, small), *child;
    enum sw_drop why = refuses(listener, &small->half, seg);

    if (why == SW_DROP_NONE) {
        why = SW_DROP_NO_MEMORY;
        if (sw_listen_child(layer, listener, local, remote, &child) == 0) {
            if (sw_half_restore(&small->half, sw_sock_tcp(child)) == 0)
                why = SW_DROP_NONE;
            else
                sw_sock_free(layer, child);
        }
    }
    if (why != SW_DROP_NONE) {
        layer->env->stats.tcp_rx++;
        sw_drop(layer->env, seg->pkt, why, local, remote);
        return;
    }
    sw_syn_pass_on(layer, index, child);
    sw_half_forget(layer, index);
    sw_tcp_set_peer_label(sw_sock_tcp(child), seg->ip.flow_label);
    sw_tcp_input(sw_sock_tcp(child), seg);
    SW_ASSERT(sw_tcp_get_state(sw_sock_tcp(child)) != SW_TCP_SYN_RECEIVED);
    sw_stream_after(layer, child);
}

void sw_half_segment(struct sw_sock_layer *layer, uint32_t index, struct sw_segment *seg)
{
    struct sw_small *small = sw_small_at(layer, index);
    struct sw_addr local, remote;
    struct sw_tcp block;

    sw_small_addrs(layer, small, &local, &remote);
    if (sw_half_completes(&small->half, seg)) {
        complete(layer, index, seg, &local, &remote);
        return;
    }
    lend(layer, listener_of(layer, small), &block, &local, &remote);
    enum sw_half_verdict verdict = sw_half_input(&small->half, &block, seg);
    sw_tcp_fini(&block);
    if (verdict == SW_HALF_AGAIN) {
        sw_small_dequeue(layer, queue_of(layer, &small->half), index);
        enqueue(layer, index);
    } else if (verdict == SW_HALF_GONE) {
        sw_half_forget(layer, index);
    }
}

/* ---- time ----------------------------------------------------------------------------- */

/* How often a SYN-ACK of this listener is sent again. */
static uint32_t patience(const struct sw_sock_layer *layer, const struct sw_sock *listener)
{
    const struct sw_listener *l = listener->listener;
    uint32_t syncnt = (uint32_t)sw_sock_opts(listener)->syncnt, young = l->n_young * 2;
    uint32_t most = syncnt ? syncnt : layer->tcp->config.synack_retries;

    if (l->n_half * 2 > (l->backlog > 8 ? l->backlog : 8))
        for (; most > 2 && l->n_half >= young; young *= 2)
            most--;
    return most;
}

/* No answer in time. */
static void overdue(struct sw_sock_layer *layer, uint32_t index)
{
    struct sw_small *small = sw_small_at(layer, index);
    struct sw_half *half = &small->half;
    struct sw_sock *listener = listener_of(layer, small);
    uint32_t defer = sw_opt_defer_retries(listener);
    bool acked = half->flags & SW_HALF_ACKED;
    bool give_up = half->retries >= patience(layer, listener);
    bool resend = true;
    struct sw_addr local, remote;
    struct sw_tcp block;

    if (defer > 0) {
        give_up = give_up && (!acked || half->retries >= defer);
        resend = !acked || half->retries + 1U >= defer;
    }
    if (give_up) {
        sw_half_forget(layer, index);
        return;
    }
    sw_small_addrs(layer, small, &local, &remote);
    lend(layer, listener, &block, &local, &remote);
    sw_small_dequeue(layer, queue_of(layer, half), index);
    listener->listener->n_young -= half->retries == 0;
    sw_half_timeout(half, &block, resend);
    sw_tcp_fini(&block);
    enqueue(layer, index);
}

uint64_t sw_half_due(const struct sw_sock_layer *layer)
{
    uint64_t at_ns;

    first_due(layer, &at_ns);
    return at_ns;
}

void sw_half_timer(struct sw_sock_layer *layer)
{
    uint64_t at_ns;
    uint32_t index;

    while ((index = first_due(layer, &at_ns)) != 0 && at_ns <= layer->env->now_ns)
        overdue(layer, index);
    if (index)
        sw_wheel_arm(&layer->env->wheel, &layer->smalls.half_timer, at_ns);
}
