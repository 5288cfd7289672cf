/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections in TIME_WAIT (RFC 9293 3.6.1) as records of their own: they keep the pair of
 * addresses and the port taken after the socket is gone.
 */
#include "sock/private.h"

#define TIMEWAIT_MAX 262144U /* Linux's tcp_max_tw_buckets; beyond, connections end without one */
#define REUSE_AFTER_NS 1000000000ULL /* RFC 6191 2: the timestamp clock has surely ticked */

/* From a stream whose control block is in TIME_WAIT and which is no longer in the table. Without
 * memory the connection ends at once: less safe, never stuck. */
void sw_tw_new(struct sw_sock_layer *layer, struct sw_sock *s)
{
    struct sw_tw *tw = NULL;
    if (layer->n_timewaits < TIMEWAIT_MAX)
        tw = sw_mem_alloc(layer->env->mem, sizeof(*tw));
    if (!tw)
        return;
    if (sw_slot_take(layer, SW_SLOT_TIMEWAIT, tw, &tw->index) < 0) {
        sw_mem_free(layer->env->mem, tw, sizeof(*tw));
        return;
    }
    const struct sw_tcp *tcp = sw_sock_tcp(s);
    if (sw_conn_insert(layer, SW_PROTO_TCP, &tcp->local, &tcp->remote, tw->index) < 0) {
        sw_slot_give(layer, tw->index);
        sw_mem_free(layer->env->mem, tw, sizeof(*tw));
        return;
    }
    sw_list_init(&tw->ref.node);
    tw->ref.is_timewait = true;
    if (s->ref.port)
        sw_port_share(s->ref.port, &tw->ref, s->ref.is_explicit);
    tw->on = s->on & (SW_ON_REUSEADDR | SW_ON_REUSEPORT | SW_ON_V6ONLY);
    tw->domain = s->domain;
    tw->since_ns = layer->env->now_ns;
    sw_timewait_init(&tw->tw, tcp);
    layer->n_timewaits++;
    layer->env->stats.time_wait++;
}

void sw_tw_free(struct sw_sock_layer *layer, struct sw_tw *tw)
{
    sw_wheel_cancel(&layer->env->wheel, &tw->tw.timer);
    sw_conn_remove(layer, SW_PROTO_TCP, &tw->tw.local, &tw->tw.remote, tw->index);
    sw_port_release(layer, &tw->ref);
    sw_slot_give(layer, tw->index);
    sw_mem_free(layer->env->mem, tw, sizeof(*tw));
    layer->n_timewaits--;
    layer->env->stats.time_wait--;
}

bool sw_tw_reusable(const struct sw_sock_layer *layer, const struct sw_tw *tw)
{
    return tw->tw.has_ts && sw_ip_is_loopback(&tw->tw.remote.ip) &&
           layer->env->now_ns - tw->since_ns > REUSE_AFTER_NS;
}
