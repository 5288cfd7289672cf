/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Listeners: the SYN queue, the accept queue, accept().
 *
 * A SYN makes a half-open connection, a small record in the SYN queue (half.c), until its handshake
 * is done: then it is a child, which waits in the accept queue until somebody takes it. Both queues
 * are bounded:
 *
 *   accept queue   full when it holds more than `backlog` (Linux's rule, one more than it says):
 * then SYNs are dropped, and so is the ACK that would complete a handshake; the peer's
 *                  retransmissions, or ours, ask again later
 *   SYN queue      max(8, min(backlog, 4096)); when it is full a SYN is answered with a cookie
 *                  (tcp/cookie.c) and forgotten, or dropped where there are no cookies
 *
 * A half-open connection that ends is forgotten, also when its listener goes (the ACK then meets a
 * reset); a child that ends in the accept queue still comes out of accept(), with its error, as on
 * Linux.
 */
#include <errno.h>

#include "sock/options.h"

enum { SYN_QUEUE_MIN = 8, SYN_QUEUE_MAX = 4096, BACKLOG_MAX = 4096 /* Linux's somaxconn */ };

static uint32_t syn_limit(const struct sw_listener *l)
{
    return l->backlog < SYN_QUEUE_MIN ? SYN_QUEUE_MIN
                                      : (l->backlog > SYN_QUEUE_MAX ? SYN_QUEUE_MAX : l->backlog);
}

bool sw_listen_full(const struct sw_sock *s)
{
    return s->listener->n_accept > s->listener->backlog;
}

/* The one state TCP does not move itself. */
static void trace_state(struct sw_sock_layer *layer, struct sw_sock *s, enum sw_tcp_state from,
                        enum sw_tcp_state to)
{
    if (!sw_tracing(layer->env))
        return;
    struct sw_trace_event event = {.kind = SW_TRACE_STATE,
                                   .socket = sw_sock_handle(layer, s),
                                   .local = *sw_sock_local(s),
                                   .remote = {.ip = sw_sock_any(s)},
                                   .v = {from, to}};
    sw_trace(layer->env, &event);
}

int sw_sock_listen(struct sw_sock_layer *layer, struct sw_sock *s, int backlog)
{
    if (!sw_sock_is_stream(s))
        return -EOPNOTSUPP;
    if (s->state != SW_SS_UNCONNECTED || (!s->listener && sw_stream_state(s) != SW_TCP_CLOSED))
        return -EINVAL;
    uint32_t limit = backlog < 0 || backlog > BACKLOG_MAX ? BACKLOG_MAX : (uint32_t)backlog;
    if (s->listener) {
        s->listener->backlog = limit;
        return 0;
    }
    struct sw_listener *l = sw_mem_alloc(layer->env->mem, sizeof(*l));
    if (!l)
        return -ENOMEM;
    /* Those who were allowed to bind beside us may not have begun to listen in the meantime. */
    int r = s->ref.port
                ? (sw_bind_conflicts(layer, s, sw_sock_local(s), false, NULL) ? -EADDRINUSE : 0)
                : sw_sock_autobind(layer, s);
    if (r < 0) {
        sw_mem_free(layer->env->mem, l, sizeof(*l));
        return r;
    }
    sw_list_init(&l->accept_queue);
    l->backlog = limit;
    s->listener = l;
    s->shut = 0;
    s->is &= (uint16_t)~SW_IS_DONE;
    sw_port_hear(&s->ref, true);
    sw_choose_join(layer, s);
    sw_fast_listen(layer, s);
    trace_state(layer, s, SW_TCP_CLOSED, SW_TCP_LISTEN);
    return 0;
}

/* ---- children ------------------------------------------------------------------------- */

static void inherit(struct sw_sock_layer *layer, struct sw_sock *child,
                    const struct sw_sock *parent)
{
    child->on = parent->on;
    child->is |= parent->is & (SW_IS_SNDBUF_SET | SW_IS_RCVBUF_SET | SW_IS_BOUND_ADDR);
    child->opts = parent->opts;
    if (child->opts)
        child->opts->refs++;
    sw_stream_start(layer, child);
}

int sw_listen_child(struct sw_sock_layer *layer, struct sw_sock *parent,
                    const struct sw_addr *local, const struct sw_addr *remote,
                    struct sw_sock **ret_child)
{
    struct sw_sock *child;
    int r = sw_sock_new(layer, parent->domain, SW_SOCK_STREAM, &child);
    if (r < 0)
        return r;
    inherit(layer, child, parent);
    *sw_sock_local(child) = *local;
    *sw_sock_remote(child) = *remote;
    r = sw_sock_hash(layer, child);
    if (r < 0) {
        sw_sock_free(layer, child);
        return r;
    }
    sw_port_share(parent->ref.port, child, true);
    child->is |= SW_IS_EMBRYO;
    child->parent = parent;
    child->state = SW_SS_CONNECTED;
    *ret_child = child;
    return 0;
}

void sw_listen_child_gone(struct sw_sock *child)
{
    sw_list_del(&child->node);
    if (child->is & SW_IS_QUEUED)
        child->parent->listener->n_accept--;
    child->is &= (uint16_t) ~(SW_IS_EMBRYO | SW_IS_QUEUED);
    child->parent = NULL;
}

void sw_listen_syn(struct sw_sock_layer *layer, struct sw_sock *s, struct sw_segment *seg,
                   int iface, const sw_seq *isn)
{
    struct sw_addr local = sw_addr_of(&seg->ip.dst, seg->tcp.dst_port, 0);
    struct sw_addr remote = sw_addr_of(&seg->ip.src, seg->tcp.src_port, iface);
    bool cookie = s->listener->n_half >= syn_limit(s->listener);
    struct sw_tfo_cookie offer;
    int r;
    if (sw_listen_full(s) || (cookie && !layer->tcp->config.syncookies)) {
        sw_drop(layer->env, seg->pkt, SW_DROP_TCP_BACKLOG, &local, &remote);
        return;
    }
    if (cookie) {
        s->listener->cookies = true;
        s->listener->cookie_ns = layer->env->now_ns;
        r = sw_half_cookie(layer, s, &local, &remote, seg);
    } else if (sw_fast_accept(layer, s, &local, &remote, seg, isn, &offer)) {
        return;
    } else {
        r = sw_half_new(layer, s, &local, &remote, seg, isn, &offer);
    }
    if (r < 0)
        sw_drop(layer->env, seg->pkt, SW_DROP_NO_MEMORY, &local, &remote);
    else
        sw_packet_free(seg->pkt);
}

bool sw_listen_cookie(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_segment *seg,
                      int iface, struct sw_sock **ret_child)
{
    struct sw_listener *l = s->listener;
    struct sw_addr local = sw_addr_of(&seg->ip.dst, seg->tcp.dst_port, 0);
    struct sw_addr remote = sw_addr_of(&seg->ip.src, seg->tcp.src_port, iface);
    /* None to be guessed while none are out. */
    if (!l->cookies || layer->env->now_ns - l->cookie_ns >= 2 * SW_TCP_COOKIE_UNIT_NS ||
        (seg->tcp.flags & (SW_TCP_SYN | SW_TCP_RST | SW_TCP_ACK)) != SW_TCP_ACK ||
        !sw_tcp_cookie_valid(layer->tcp, seg))
        return false;
    *ret_child = NULL;
    if (seg->len == 0 &&
        sw_opt_defer_retries(s) > 0) /* TCP_DEFER_ACCEPT: its data will ask again */
        return true;
    if (sw_listen_full(s) || sw_listen_child(layer, s, &local, &remote, ret_child) < 0)
        return true;
    if (sw_tcp_cookie_open(sw_sock_tcp(*ret_child), seg) < 0) {
        sw_sock_free(layer, *ret_child);
        *ret_child = NULL;
    }
    return true;
}

void sw_listen_child_established(struct sw_sock_layer *layer, struct sw_sock *child)
{
    struct sw_sock *parent = child->parent;
    struct sw_listener *l = parent->listener;
    sw_list_add_tail(&l->accept_queue, &child->node);
    child->is |= SW_IS_QUEUED;
    l->n_accept++;
    sw_sock_wake(layer, parent);
}

int sw_sock_accept(struct sw_sock_layer *layer, struct sw_sock *s, struct sw_sock **ret_child)
{
    if (!sw_sock_is_stream(s))
        return -EOPNOTSUPP;
    if (!s->listener)
        return -EINVAL;
    if (sw_list_empty(&s->listener->accept_queue))
        return -EAGAIN;
    struct sw_sock *child = SW_CONTAINER(s->listener->accept_queue.next, struct sw_sock, node);
    sw_listen_child_gone(child);
    child->is |= SW_IS_HELD;
    sw_tfo_accepted(sw_sock_tcp(child));
    if (sw_sock_poll(layer, child) & ~SW_EV_OUT)
        sw_sock_wake(layer, child); /* what came before there was somebody to tell */
    *ret_child = child;
    return 0;
}

void sw_listen_stop(struct sw_sock_layer *layer, struct sw_sock *s)
{
    struct sw_listener *l = s->listener;
    sw_half_forget_all(layer, s);
    sw_fast_stop(s);
    while (!sw_list_empty(&l->accept_queue)) {
        struct sw_sock *child = SW_CONTAINER(l->accept_queue.next, struct sw_sock, node);
        sw_listen_child_gone(child);
        sw_tcp_abort(sw_sock_tcp(child), 0);
        sw_sock_free(layer, child);
    }
    s->listener = NULL;
    trace_state(layer, s, SW_TCP_LISTEN, SW_TCP_CLOSED);
    sw_mem_free(layer->env->mem, l, sizeof(*l));
}
