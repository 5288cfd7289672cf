/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * connect() of a stream, its undoing, and which local port it gets.
 *
 * The states are BSD's as Linux moves them: an attempt is begun (-EINPROGRESS), asked about
 * (-EALREADY), and its end is told once, by 0 or by its error; after an error the socket is as new.
 */
#include <errno.h>

#include "sock/private.h"
#include "sock/zone.h"

/* 0 if the pair of addresses is free, or was in a TIME_WAIT that may be reused: then the record is
 * freed and the new connection begins beyond it. */
static int claim_pair(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_addr *local,
                      const struct sw_addr *remote)
{
    uint64_t hash = sw_conn_hash(layer, SW_PROTO_TCP, local, remote);
    if (sw_conn_find(layer, hash, SW_PROTO_TCP, local, remote))
        return -EADDRNOTAVAIL;
    uint32_t index = sw_small_find(layer, hash, local, remote);
    if (!index)
        return 0;
    const struct sw_small *small = sw_small_at(layer, index);
    if (small->kind != SW_SMALL_TIMEWAIT || !sw_tw_reusable(layer, small))
        return -EADDRNOTAVAIL;
    sw_tcp_set_isn(sw_sock_tcp(s), sw_timewait_next_isn(&small->tw));
    sw_tw_free(layer, index);
    return 0;
}

/* A local port for this destination: any that bind() was not asked for and whose pair is free. */
static int choose_port(struct sw_sock_layer *layer, struct sw_sock *s, struct sw_addr *local,
                       const struct sw_addr *remote)
{
    uint8_t in[34];
    memcpy(in, local->ip.b, 16);
    memcpy(in + 16, remote->ip.b, 16);
    memcpy(in + 32, &remote->port, 2);
    uint64_t hash = sw_siphash24(&layer->port_key, in, sizeof(in)); /* RFC 6056 3.3.3: F() */
    uint32_t *perturb = &layer->port_perturb[(hash >> 32) % SW_PORT_PERTURB];
    const struct sw_port_range range = sw_port_range(s);
    for (uint32_t i = 0; i < range.n; i++) {
        local->port = sw_port_ephemeral(&range, (uint32_t)hash % range.n + *perturb % range.n, i);
        const struct sw_port *port = sw_port_find(layer, SW_PROTO_TCP, local->port);
        if (port && port->n_explicit > 0)
            continue;
        if (claim_pair(layer, s, local, remote) == 0) {
            *perturb += i + 1;
            return sw_port_hold(layer, SW_PROTO_TCP, local->port, s, false);
        }
    }
    return -EADDRNOTAVAIL;
}

/* Addresses and port of both ends, and a place in the table. */
static int take_pair(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_addr *remote)
{
    struct sw_tcp *tcp = sw_sock_tcp(s);
    struct sw_ip_path path;
    const struct sw_addr before = tcp->local;
    if (sw_ip_is4(&before.ip) && !sw_ip_is4(&remote->ip))
        return -EAFNOSUPPORT; /* ip6_dst_lookup_tail() */
    bool hears_only = sw_ip_is_multicast(&before.ip) || sw_ip_is_broadcast(layer->ip, &before.ip);
    int r = sw_ip_path(layer->ip, &remote->ip, hears_only ? NULL : &before.ip, &path);
    if (r < 0)
        return r;
    bool had_port = s->ref.port != NULL;
    struct sw_addr local = {.ip = path.src, .port = before.port};
    r = had_port ? claim_pair(layer, s, &local, remote) : choose_port(layer, s, &local, remote);
    if (r < 0)
        return r;
    tcp->local = local;
    tcp->remote = *remote;
    r = sw_sock_hash(layer, s);
    if (r < 0) {
        if (!had_port)
            sw_port_release(layer, s);
        tcp->local = before;
        tcp->remote = (struct sw_addr){.ip = sw_sock_any(s)};
    }
    return r;
}

static int check_destination(struct sw_sock_layer *layer, const struct sw_sock *s,
                             const struct sw_ip *ip)
{
    int r = sw_sock_check_family(s, ip, -ENETUNREACH);
    if (r == 0 && (sw_ip_is_multicast(ip) || sw_ip_is_broadcast(layer->ip, ip)))
        r = -ENETUNREACH;
    return r;
}

int sw_connect_prepare(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_addr *remote)
{
    const struct sw_addr to = sw_sock_destination(layer, s, remote);
    int r = check_destination(layer, s, &to.ip);
    if (r == 0)
        r = sw_zone_connect(layer, s, &to);
    if (r < 0)
        return r;
    if (s->is & SW_IS_DONE) { /* a block that was used up */
        sw_tcp_fini(sw_sock_tcp(s));
        sw_stream_start(layer, s);
        s->is &= (uint16_t)~SW_IS_DONE;
    }
    r = take_pair(layer, s, &to);
    if (r < 0)
        return r;
    s->err = 0;
    s->shut = 0;
    return 0;
}

int sw_connect_start(struct sw_sock_layer *layer, struct sw_sock *s, int r)
{
    if (r == 0)
        r = sw_tcp_connect(sw_sock_tcp(s));
    if (r < 0) {
        sw_stream_disconnect(layer, s);
        s->err = 0;
        return r;
    }
    s->state = SW_SS_CONNECTING;
    (void)sw_tcp_take_events(sw_sock_tcp(s));
    return -EINPROGRESS;
}

static int begin(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_addr *remote)
{
    int r;
    if (sw_sock_opts(s)->fastopen_connect)
        return sw_fast_connect(layer, s, remote);
    r = sw_connect_prepare(layer, s, remote);
    return r < 0 ? r : sw_connect_start(layer, s, 0);
}

int sw_stream_disconnect(struct sw_sock_layer *layer, struct sw_sock *s)
{
    struct sw_tcp *tcp = sw_sock_tcp(s);
    if (s->listener) {
        sw_listen_stop(layer, s);
        sw_port_hear(&s->ref, false);
    } else if (!(s->is & SW_IS_DONE) && sw_tcp_get_state(tcp) != SW_TCP_CLOSED) {
        s->err = ECONNRESET; /* as Linux says even to who asked for it */
        sw_tcp_abort(tcp, 0);
    }
    sw_fast_leave(layer, s);
    sw_sock_unhash(layer, s);
    uint16_t port = tcp->local.port;
    if (!(s->is & SW_IS_BOUND_PORT))
        sw_port_release(layer, s);
    sw_tcp_fini(tcp);
    sw_stream_start(layer, s);
    if (!(s->is & SW_IS_BOUND_ADDR))
        tcp->local.ip = sw_sock_any(s);
    tcp->local.port = port; /* getsockname() goes on telling it, as Linux's does */
    tcp->remote = (struct sw_addr){.ip = sw_sock_any(s)};
    s->is &= (uint16_t) ~(SW_IS_DONE | SW_IS_PUT_OFF);
    s->shut = 0;
    s->state = SW_SS_UNCONNECTED;
    return 0;
}

int sw_stream_connect(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_addr *remote)
{
    if (!remote)
        return sw_stream_disconnect(layer, s);
    enum sw_tcp_state state = sw_stream_state(s);
    switch ((enum sw_sock_state)s->state) {
    case SW_SS_CONNECTED:
        return -EISCONN;
    case SW_SS_DISCONNECTING:
        return -EINVAL;
    case SW_SS_UNCONNECTED:
        return state == SW_TCP_CLOSED ? begin(layer, s, remote) : -EISCONN;
    case SW_SS_CONNECTING:
        break;
    }
    if (s->is & SW_IS_PUT_OFF)
        return -EISCONN; /* so Linux says, though nothing was sent yet */
    if (state == SW_TCP_SYN_SENT || state == SW_TCP_SYN_RECEIVED)
        return -EALREADY;
    if (state != SW_TCP_CLOSED) {
        s->state = SW_SS_CONNECTED;
        return 0;
    }
    int err = sw_sock_take_error(s);
    sw_stream_disconnect(layer, s);
    return err ? -err : -ECONNABORTED;
}
