/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fast Open of streams (RFC 7413), as Linux offers it to programs (tcp(7)).
 *
 *   MSG_FASTOPEN            sendto() that connects: what it says goes into the SYN, where a cookie
 *                           of the server is known; else the SYN asks for one
 *   TCP_FASTOPEN            of a listener: how many children may be open before their handshakes
 * end TCP_FASTOPEN_CONNECT    connect() that is put off, where a cookie is known: the first write
 *                           does it then
 */
#include <errno.h>

#include "sock/private.h"
#include "tcp/fastopen.h"

/* What follows a reset before the end of the handshake is as suspicious for so long: who resets
 * what it never opened has been made to (RFC 7413 5.1; Linux's time too). */
#define RESET_HOLD_NS (60 * 1000000000ULL)

static bool no_cookie(const struct sw_sock *s)
{
    return sw_sock_opts(s)->fastopen_no_cookie;
}

int sw_fast_connect(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_addr *remote)
{
    uint32_t room;
    int r = sw_connect_prepare(layer, s, remote);
    if (r < 0)
        return r;
    if (sw_tfo_ready(sw_sock_tcp(s), no_cookie(s))) {
        s->is |= SW_IS_PUT_OFF;
        s->state = SW_SS_CONNECTING;
        return 0;
    }
    r = sw_tfo_want(sw_sock_tcp(s), no_cookie(s), &room);
    return sw_connect_start(layer, s, r);
}

/* Connects with the first bytes of `buf`, all set up but the SYN. */
static int64_t open_with(struct sw_sock_layer *layer, struct sw_sock *s, const void *buf,
                         size_t len, int flags)
{
    struct sw_tcp *tcp = sw_sock_tcp(s);
    uint32_t room = 0;
    int r = sw_tfo_want(tcp, no_cookie(s), &room);
    s->is &= (uint16_t)~SW_IS_PUT_OFF;
    if (flags & SW_MSG_WAITALL)
        room = sw_tcp_send_space(tcp);
    uint32_t n = len < room ? (uint32_t)len : room;
    if (r == 0 && n > 0 && sw_stream_append(sw_tcp_send_queue(tcp), layer->env->mem, buf, n) < 0)
        r = -ENOBUFS;
    r = sw_connect_start(layer, s, r);
    if (r != -EINPROGRESS || n == 0)
        return r;
    sw_stream_follow(s, flags, NULL);
    return (int64_t)n;
}

int sw_fast_begin(struct sw_sock_layer *layer, struct sw_sock *s)
{
    int64_t r = open_with(layer, s, NULL, 0, 0);
    sw_tcp_await_space(sw_sock_tcp(s));
    return r == -EINPROGRESS ? -EAGAIN : (int)r;
}

int64_t sw_fast_send(struct sw_sock_layer *layer, struct sw_sock *s, const void *buf, size_t len,
                     int flags, const struct sw_addr *to)
{
    int r;
    if (!(layer->tcp->config.fastopen & SW_TFO_CLIENT))
        return -EOPNOTSUPP;
    if (s->is & SW_IS_PUT_OFF)
        return open_with(layer, s, buf, len, flags);
    if (!to)
        return -EINVAL;
    if (s->state != SW_SS_UNCONNECTED || sw_stream_state(s) != SW_TCP_CLOSED) {
        r = sw_stream_connect(layer, s, to);
        return r < 0 ? r : sw_stream_send(layer, s, buf, len, flags & ~SW_MSG_FASTOPEN, NULL, NULL);
    }
    r = sw_connect_prepare(layer, s, to);
    return r < 0 ? r : open_with(layer, s, buf, len, flags);
}

/* ---- listeners ------------------------------------------------------------------------ */

void sw_fast_listen(struct sw_sock_layer *layer, struct sw_sock *s)
{
    const uint32_t always = SW_TFO_SERVER | SW_TFO_LISTEN;
    struct sw_sock_opts *opts;
    if ((layer->tcp->config.fastopen & always) != always || sw_sock_opts(s)->fastopen > 0)
        return;
    opts = sw_sock_opts_own(layer, s);
    if (opts) /* else it listens without */
        opts->fastopen = (int32_t)s->listener->backlog;
}

static bool has_room(const struct sw_sock_layer *layer, const struct sw_sock *s)
{
    struct sw_listener *l = s->listener;
    if (layer->env->now_ns - l->fast_reset_ns >= RESET_HOLD_NS)
        l->n_fast_reset = 0;
    return l->n_fast + l->n_fast_reset < (uint32_t)sw_sock_opts(s)->fastopen;
}

static const struct sw_tfo_keys *keys_of(const struct sw_sock_layer *layer,
                                         const struct sw_sock *listener)
{
    const struct sw_tfo_keys *own = &sw_sock_opts(listener)->fastopen_keys;
    return own->n > 0 ? own : &layer->tcp->tfo_keys;
}

/* Whether the SYN is Fast Open's and its data may be taken; if not, or with a cookie of an old key,
 * a good one. */
static bool may_open(const struct sw_sock_layer *layer, const struct sw_sock *s,
                     const struct sw_segment *syn, struct sw_tfo_cookie *ret_offer)
{
    const struct sw_tfo_keys *keys = keys_of(layer, s);
    enum sw_tfo_verdict verdict;
    if (!(layer->tcp->config.fastopen & SW_TFO_SERVER) || (syn->len == 0 && !syn->tcp.has_tfo) ||
        !has_room(layer, s))
        return false;
    if (no_cookie(s) || (layer->tcp->config.fastopen & SW_TFO_SERVER_NO_COOKIE))
        return true;
    if (!syn->tcp.has_tfo)
        return false;
    verdict = sw_tfo_check(keys, syn);
    if (verdict != SW_TFO_GOOD)
        sw_tfo_make(&keys->key[0], syn, ret_offer);
    return verdict != SW_TFO_BAD;
}

bool sw_fast_accept(struct sw_sock_layer *layer, struct sw_sock *listener,
                    const struct sw_addr *local, const struct sw_addr *remote,
                    struct sw_segment *syn, const sw_seq *isn, struct sw_tfo_cookie *ret_offer)
{
    struct sw_sock *child;
    *ret_offer = (struct sw_tfo_cookie){0};
    if (!may_open(layer, listener, syn, ret_offer) ||
        sw_listen_child(layer, listener, local, remote, &child) < 0)
        return false;
    if (isn)
        sw_tcp_set_isn(sw_sock_tcp(child), *isn);
    if (ret_offer->len > 0)
        sw_tfo_offer(sw_sock_tcp(child), ret_offer);
    if (sw_tfo_open(sw_sock_tcp(child), syn, listener) < 0) {
        sw_sock_free(layer, child);
        return false;
    }
    listener->listener->n_fast++;
    sw_packet_free(syn->pkt);
    sw_listen_child_established(layer, child);
    sw_stream_after(layer, child);
    return true;
}

void sw_fast_leave(struct sw_sock_layer *layer, struct sw_sock *child)
{
    struct sw_tcp *tcp = sw_sock_tcp(child);
    struct sw_sock *listener = sw_tfo_listener(tcp);
    if (!listener)
        return;
    listener->listener->n_fast--;
    if (child->err == ECONNRESET && sw_tcp_get_state(tcp) == SW_TCP_CLOSED) {
        listener->listener->n_fast_reset++;
        listener->listener->fast_reset_ns = layer->env->now_ns;
    }
    sw_tfo_leave(tcp);
}

void sw_fast_stop(struct sw_sock *listener)
{
    struct sw_list *rest = &listener->ref.port->rest;
    if (listener->listener->n_fast == 0)
        return;
    for (struct sw_list *at = rest->next; at != rest; at = at->next) {
        struct sw_sock *s =
            SW_CONTAINER(SW_CONTAINER(at, struct sw_port_ref, node), struct sw_sock, ref);
        if (sw_sock_is_stream(s) && sw_tfo_listener(sw_sock_tcp(s)) == listener)
            sw_tfo_leave(sw_sock_tcp(s));
    }
    listener->listener->n_fast = 0;
}
