/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What must hold of all sockets and small records between two calls: nobody is forgotten. Told
 * after each step of simulations and fuzzing; NULL: nothing is wrong. See tcp/sane.c for what a
 * connection waits for.
 */
#include "sock/private.h"

struct counts {
    uint32_t socks, hashed, orphans, halves, accepts;
};

static const char *sane_stream(struct sw_sock *s, struct counts *counts)
{
    struct sw_tcp *tcp = sw_sock_tcp(s);
    enum sw_tcp_state state = sw_tcp_get_state(tcp);
    bool over = (s->is & SW_IS_DONE) || state == SW_TCP_CLOSED || state == SW_TCP_TIME_WAIT;

    if (s->listener) {
        counts->halves += s->listener->n_half;
        counts->accepts += s->listener->n_accept;
    }
    if (s->is & SW_IS_QUEUED)
        counts->accepts--;
    if ((s->is & SW_IS_QUEUED) && !(s->is & SW_IS_EMBRYO))
        return "waits to be accepted, and has no listener";
    if (!(s->is & (SW_IS_HELD | SW_IS_QUEUED))) {
        if (over)
            return "nobody holds it, and it is over";
        if (!sw_tcp_is_orphan(tcp))
            return "nobody holds it, and its connection does not know";
        counts->orphans++;
    }
    if (over && (s->is & SW_IS_HASHED) && !(s->is & SW_IS_PUT_OFF)) /* which waits for a write */
        return "over, and still in the table";
    if (s->is & SW_IS_DONE)
        return NULL;
    return sw_tcp_sane(tcp);
}

static const char *sane_queue(const struct sw_sock_layer *layer, const struct sw_small_queue *q,
                              enum sw_small_kind kind)
{
    uint32_t n = 0, prev = 0;

    for (uint32_t i = q->first; i; prev = i, i = sw_small_at(layer, i)->next) {
        const struct sw_small *small = sw_small_at(layer, i);
        if (small->kind != kind || small->prev != prev || ++n > q->count)
            return "a queue of small records in disorder";
        struct sw_addr local, remote;
        sw_small_addrs(layer, small, &local, &remote);
        uint64_t hash = sw_conn_hash(layer, SW_PROTO_TCP, &local, &remote);
        if (sw_small_find(layer, hash, &local, &remote) != i)
            return "a small record that is not found";
        if (sw_conn_find(layer, hash, SW_PROTO_TCP, &local, &remote))
            return "a pair of addresses with a socket and a small record";
    }
    return q->last != prev || q->count != n ? "a queue of small records with a wrong end" : NULL;
}

static const char *sane_smalls(const struct sw_sock_layer *layer, uint32_t halves)
{
    const struct sw_smalls *smalls = &layer->smalls;
    const char *wrong = sane_queue(layer, &smalls->waits, SW_SMALL_TIMEWAIT);
    uint32_t n = 0, waits = smalls->waits.count + smalls->fins.count;

    if (!wrong)
        wrong = sane_queue(layer, &smalls->fins, SW_SMALL_FINWAIT);
    for (int i = 0; !wrong && i < SW_SMALL_RETRIES; i++) {
        wrong = sane_queue(layer, &smalls->halves[i], SW_SMALL_HALF);
        n += smalls->halves[i].count;
    }
    if (wrong)
        return wrong;
    if (n != halves || n != layer->env->stats.half_open || n + waits != smalls->count)
        return "half-open connections are miscounted";
    if (n > 0 && (!smalls->half_timer.armed || smalls->half_timer.expires_ns > sw_half_due(layer)))
        return "a half-open connection that no timer will end";
    if (waits > 0 &&
        (!smalls->wait_timer.armed || smalls->wait_timer.expires_ns > sw_tw_due(layer)))
        return "a TIME_WAIT or FIN_WAIT_2 that no timer will end";
    return NULL;
}

const char *sw_sock_sane(const struct sw_sock_layer *layer)
{
    struct counts counts = {0};
    const char *wrong = NULL;

    for (uint32_t i = 0; !wrong && i < sw_slots_end(&layer->slots); i++) {
        struct sw_sock *s = sw_sock_at(layer, i);
        if (!s)
            continue;
        counts.socks++;
        counts.hashed += (s->is & SW_IS_HASHED) != 0;
        if (sw_sock_is_stream(s))
            wrong = sane_stream(s, &counts);
    }
    if (wrong)
        return wrong;
    if (counts.socks != layer->n_socks || counts.hashed != layer->conns.used)
        return "sockets are miscounted";
    if (counts.accepts != 0)
        return "an accept queue is miscounted";
    if (counts.orphans != layer->tcp->n_orphans)
        return "orphans are miscounted";
    return sane_smalls(layer, counts.halves);
}
