/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fast Open of streams (RFC 7413), as Linux offers it to programs (tcp(7)).
 *
 *   MSG_FASTOPEN            sendto() that connects: what it says goes into the SYN, where a cookie
 *                           of the server is known; else the SYN asks for one
 *   TCP_FASTOPEN_CONNECT    connect() that is put off, where a cookie is known: the first write
 *                           does it then
 */
#include <errno.h>

#include "sock/private.h"
#include "tcp/fastopen.h"

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
    return r == -EINPROGRESS && n > 0 ? (int64_t)n : r;
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
        return r < 0 ? r : sw_stream_send(layer, s, buf, len, flags & ~SW_MSG_FASTOPEN, NULL);
    }
    r = sw_connect_prepare(layer, s, to);
    return r < 0 ? r : open_with(layer, s, buf, len, flags);
}
