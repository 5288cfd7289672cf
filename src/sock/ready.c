/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Readiness: what poll() would say, and the queue of sockets to which something happened.
 *
 * The bits are those of Linux's tcp_poll() and udp_poll(), also where they surprise: a stream that
 * was never connected is writable and hung up; a refused one is everything at once.
 */
#include "sock/private.h"

static int poll_stream(struct sw_sock_layer *layer, struct sw_sock *s)
{
    (void)layer;
    if (s->listener)
        return s->listener->n_accept ? SW_EV_IN : 0;
    struct sw_tcp *tcp = sw_sock_tcp(s);
    enum sw_tcp_state state = sw_stream_state(s);
    int events = 0;
    if (s->shut == SW_SHUT_BITS || state == SW_TCP_CLOSED)
        events |= SW_EV_HUP;
    if (s->shut & SW_SHUT_BIT_RCV)
        events |= SW_EV_IN | SW_EV_RDHUP;
    if (sw_notices_wait(tcp))
        events |= SW_EV_ERR;
    if (s->is & SW_IS_PUT_OFF)
        events |= SW_EV_OUT; /* a write is what it waits for */
    if ((state != SW_TCP_SYN_SENT && state != SW_TCP_SYN_RECEIVED) || sw_tfo_early(tcp)) {
        uint32_t lowat = (uint32_t)sw_sock_opts(s)->rcvlowat;
        uint32_t have = sw_tcp_recv_queue(tcp)->len - sw_tcp_recv_skip(tcp);
        if (have && (lowat <= 1 || have >= lowat))
            events |= SW_EV_IN;
        if (sw_tcp_urgent_here(tcp))
            events |= SW_EV_PRI;
        if ((s->shut & SW_SHUT_BIT_SEND) || sw_stream_writable(s))
            events |= SW_EV_OUT;
        else
            sw_tcp_await_space(tcp);
    }
    return events;
}

static int poll_dgram(struct sw_sock *s)
{
    int events = SW_EV_OUT; /* a datagram leaves at once or is dropped: there is no send queue */
    if (s->shut & SW_SHUT_BIT_RCV)
        events |= SW_EV_IN | SW_EV_RDHUP;
    if (s->shut == SW_SHUT_BITS)
        events |= SW_EV_HUP;
    if (sw_udp_queue_first(&sw_sock_dgram(s)->queue))
        events |= SW_EV_IN;
    if (sw_sock_dgram(s)->errors)
        events |= SW_EV_ERR;
    return events;
}

int sw_sock_poll(struct sw_sock_layer *layer, struct sw_sock *s)
{
    int events = sw_sock_is_stream(s) ? poll_stream(layer, s) : poll_dgram(s);
    return s->err ? events | SW_EV_ERR : events;
}

void sw_sock_wake(struct sw_sock_layer *layer, struct sw_sock *s)
{
    if ((s->is & SW_IS_HELD) && sw_list_empty(&s->node))
        sw_list_add_tail(&layer->ready, &s->node);
}

bool sw_sock_next_ready(struct sw_sock_layer *layer, struct sw_ready *ret_ready)
{
    if (sw_list_empty(&layer->ready))
        return false;
    struct sw_sock *s = SW_CONTAINER(layer->ready.next, struct sw_sock, node);
    SW_ASSERT(s->is & SW_IS_HELD);
    sw_list_del(&s->node);
    *ret_ready = (struct sw_ready){
        .socket = sw_sock_handle(layer, s), .user = s->user, .events = sw_sock_poll(layer, s)};
    return true;
}
