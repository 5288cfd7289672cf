/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of sockets: one line each for who lists them. Small records are lines, too: half-open
 * connections and those that are over are what `ss` is asked for most.
 */
#include "sock/private.h"

/* How long until then; what is overdue is due now. */
static uint64_t left_ns(const struct sw_sock_layer *layer, uint64_t at_ns)
{
    return at_ns > layer->env->now_ns ? at_ns - layer->env->now_ns : 0;
}

/* The one that inet_diag(7) would tell of: what sends again comes before what only waits. */
static void describe_timer(const struct sw_sock_layer *layer, const struct sw_tcp *tcp,
                           struct sw_socket_info *info)
{
    if (tcp->main_ns != SW_NEVER) {
        bool persist = tcp->main_kind == SW_TCP_TIMER_PERSIST;
        info->awaits = persist ? SW_AWAITS_PERSIST : SW_AWAITS_RETRANSMIT;
        info->retries = persist ? tcp->snd.probes : tcp->snd.retries;
        info->awaits_ns = left_ns(layer, tcp->main_ns);
    } else if (tcp->slow_ns != SW_NEVER) {
        info->awaits =
            tcp->slow_kind == SW_TCP_TIMER_TIME_WAIT ? SW_AWAITS_2MSL : SW_AWAITS_KEEPALIVE;
        info->retries = tcp->snd.probes;
        info->awaits_ns = left_ns(layer, tcp->slow_ns);
    }
}

static void describe_stream(const struct sw_sock_layer *layer, struct sw_sock *s,
                            struct sw_socket_info *info)
{
    info->tcp_state = (int)sw_stream_state(s);
    if (s->listener) {
        info->recv_q = s->listener->n_accept;
        info->send_q = s->listener->backlog;
        return;
    }
    info->recv_q = sw_tcp_recv_queue(sw_sock_tcp(s))->len;
    info->send_q = sw_tcp_send_queue(sw_sock_tcp(s))->len;
    if (sw_sock_tcp(s)->flags & SW_TCPF_FIN_RECEIVED)
        info->shut |= SW_SHUT_BIT_RCV;
    if (info->tcp_state != SW_TCP_CLOSED)
        describe_timer(layer, sw_sock_tcp(s), info);
}

static void describe_sock(struct sw_sock_layer *layer, struct sw_sock *s,
                          struct sw_socket_info *info)
{
    info->socket = s->is & SW_IS_HELD ? sw_sock_handle(layer, s) : 0;
    info->domain = s->domain;
    info->type = s->type;
    info->protocol = sw_sock_proto(s);
    info->local = *sw_sock_local(s);
    info->remote = *sw_sock_remote(s);
    info->shut = s->shut;
    info->port_chosen = (s->is & SW_IS_BOUND_PORT) != 0;
    if (sw_sock_is_stream(s)) {
        describe_stream(layer, s, info);
    } else {
        info->tcp_state = sw_sock_has_peer(s) ? SW_TCP_ESTABLISHED : SW_TCP_CLOSED;
        info->recv_q = sw_sock_dgram(s)->queue.bytes;
    }
}

static void describe_small(const struct sw_sock_layer *layer, const struct sw_small *small,
                           struct sw_socket_info *info)
{
    bool half = small->kind == SW_SMALL_HALF;

    info->domain = small->flags & SW_SMALL_INET6 ? SW_AF_INET6 : SW_AF_INET;
    info->type = SW_SOCK_STREAM;
    info->protocol = SW_PROTO_TCP;
    info->tcp_state = half                              ? SW_TCP_SYN_RECEIVED
                      : small->kind == SW_SMALL_FINWAIT ? SW_TCP_FIN_WAIT_2
                                                        : SW_TCP_TIME_WAIT;
    info->awaits = half ? SW_AWAITS_RETRANSMIT : SW_AWAITS_2MSL;
    info->retries = half ? small->half.retries : 0;
    info->awaits_ns = left_ns(layer, half ? sw_half_record_due(layer, &small->half)
                                          : sw_tw_record_due(layer, small));
    sw_small_addrs(layer, small, &info->local, &info->remote);
}

/* Cursors: sockets first, from 0; small records behind them, from FIRST_SMALL. */
#define FIRST_SMALL (1ULL << 32)

bool sw_sock_next(struct sw_sock_layer *layer, uint64_t *cursor, struct sw_socket_info *ret_info)
{
    struct sw_socket_info info = {0};
    uint64_t i = *cursor;

    for (; i < sw_slots_end(&layer->slots); i++) {
        struct sw_sock *s = sw_sock_at(layer, (uint32_t)i);
        if (!s)
            continue;
        describe_sock(layer, s, &info);
        *ret_info = info;
        *cursor = i + 1;
        return true;
    }
    for (i = i < FIRST_SMALL ? FIRST_SMALL : i;
         i - FIRST_SMALL < sw_pages_count(&layer->smalls.records); i++) {
        const struct sw_small *small =
            sw_pages_at(&layer->smalls.records, (uint32_t)(i - FIRST_SMALL));
        if (small->kind == SW_SMALL_FREE)
            continue;
        describe_small(layer, small, &info);
        *ret_info = info;
        *cursor = i + 1;
        return true;
    }
    *cursor = i;
    return false;
}

struct sw_sock *sw_sock_walked(struct sw_sock_layer *layer, uint64_t cursor)
{
    return cursor > 0 && cursor <= UINT32_MAX ? sw_sock_at(layer, (uint32_t)cursor - 1) : NULL;
}
