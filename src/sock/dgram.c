/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SOCK_DGRAM: connect, send, recv, close.
 *
 * A datagram socket without a peer lies in its port's list of those who hear; one with a peer lies
 * in the table of connections. An ICMP error about something it sent becomes its pending error only
 * if it has a peer (RFC 1122 4.1.3.3 as everybody reads it) or asked for IP_RECVERR.
 */
#include <errno.h>

#include "sock/flow_label.h"
#include "sock/options.h"
#include "sock/private.h"
#include "sock/zone.h"

/* Moves the socket from the connections back to those who hear, or gives up its port. */
static void forget_peer(struct sw_sock_layer *layer, struct sw_sock *s)
{
    struct sw_dgram_sock *d = sw_sock_dgram(s);
    sw_sock_unhash(layer, s);
    d->remote = (struct sw_addr){.ip = sw_sock_any(s)};
    if (!(s->is & SW_IS_BOUND_ADDR))
        d->local.ip = sw_sock_any(s);
    if (sw_sock_is_raw(s)) {
        /* it holds no port */
    } else if (s->is & SW_IS_BOUND_PORT) {
        sw_port_hear(&s->ref, true);
    } else {
        sw_port_release(layer, s);
        d->local.port = 0;
    }
    s->state = SW_SS_UNCONNECTED;
    if (sw_sock_opts(s)->bind_iface) /* also what SO_BINDTODEVICE said: __udp_disconnect() */
        SW_OPT_STORE(layer, s, bind_iface, 0);
}

/* To a group: by the interface that its zone, SO_BINDTODEVICE or IP_MULTICAST_IF say, or the
 * routes'. */
static int group_path(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_addr *group,
                      const struct sw_ip *src, struct sw_ip_path *ret_path)
{
    const struct sw_sock_opts *opts = sw_sock_opts(s);
    bool v4 = sw_ip_is4(&group->ip);
    int iface = group->scope_id ? (int)group->scope_id : opts->bind_iface;
    if (!iface)
        iface = v4 ? opts->multicast_iface : opts->multicast_iface6;
    if (!iface && v4 && !sw_ip_is_any(&opts->multicast_addr))
        iface = sw_ip_addr_iface(layer->ip, &opts->multicast_addr);
    if (!iface)
        iface = sw_ip_group_iface(layer->ip, &group->ip);
    return iface < 0 ? -ENETUNREACH : sw_ip_group_path(layer->ip, iface, &group->ip, src, ret_path);
}

/* To all on a link (255.255.255.255): which one, the sender's address or SO_BINDTODEVICE says, as
 * Linux's ip_route_output_key() has it; 0: the routes do. */
static int link_of_all(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_ip *dst,
                       const struct sw_ip *src)
{
    static const struct sw_ip all = SW_IP4(255, 255, 255, 255);
    if (!sw_ip_eq(dst, &all))
        return 0;
    int iface = src ? sw_opt_iface_of(layer, src) : sw_sock_opts(s)->bind_iface;
    return iface < 0 ? 0 : iface;
}

/* The source that a socket's address stands for; NULL: the routes choose. Who is bound to a group
 * or to a broadcast address only hears there; who is connected to a peer of IPv6 may still send to
 * one of IPv4. */
static const struct sw_ip *source(struct sw_sock_layer *layer, const struct sw_sock *s,
                                  const struct sw_ip *src, const struct sw_ip *dst)
{
    if (sw_ip_is_any(src) || sw_ip_is_multicast(src) || sw_ip_is_broadcast(layer->ip, src))
        return NULL;
    if (sw_ip_is4(dst) && !sw_ip_is4(src) && !(s->is & SW_IS_BOUND_ADDR))
        return NULL;
    return src;
}

/* Who may be sent to, and from which address: `src`, or "any" for a choice by the routes. These
 * find the link of a link-local address without a zone, too, which a peer must have. */
static int route(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_addr *to,
                 const struct sw_ip *src, bool is_peer, struct sw_addr *ret_dst,
                 struct sw_ip_path *ret_path)
{
    const struct sw_addr addr = sw_sock_destination(layer, s, to);
    int32_t link = addr.scope_id ? (int32_t)addr.scope_id : sw_sock_opts(s)->bind_iface;
    int r = 0;
    if (is_peer)
        r = sw_zone_connect(layer, s, &addr);
    else if (addr.scope_id || sw_sock_is_ping(s))
        r = sw_zone_check(s, &addr);
    if (r == 0)
        r = sw_sock_check_family(s, &addr.ip, -ENETUNREACH);
    if (r == 0 && link != 0 &&
        sw_ip_iface(layer->ip, link) == NULL) /* by index, which Linux takes as it is */
        r = sw_ip_is4(&addr.ip) ? -ENODEV : -ENETUNREACH;
    if (r < 0)
        return r;
    const struct sw_ip dst = addr.ip;
    const struct sw_ip *from = source(layer, s, src, &dst);
    if (sw_ip_is4(src) && !sw_ip_is4(&dst)) /* also from 0.0.0.0: ip6_dst_lookup_tail() */
        return -EAFNOSUPPORT;
    if (from && sw_ip_is4(from) != sw_ip_is4(&dst))
        return -ENETUNREACH;
    int all = link_of_all(layer, s, &dst, from);
    if (sw_ip_is_multicast(&dst))
        r = group_path(layer, s, &addr, from, ret_path);
    else
        r = all ? sw_ip_group_path(layer->ip, all, &dst, from, ret_path)
                : sw_ip_path(layer->ip, &dst, from, ret_path);
    if (r < 0)
        return r;
    if (!(s->on & SW_ON_BROADCAST) && sw_ip_is_broadcast(layer->ip, &dst))
        return -EACCES;
    *ret_dst = addr;
    return 0;
}

int sw_dgram_connect(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_addr *remote)
{
    struct sw_dgram_sock *d = sw_sock_dgram(s);
    bool was_connected = (s->is & SW_IS_HASHED) || sw_sock_has_peer(s);
    if (!remote) {
        if (was_connected || (s->ref.port && !(s->is & SW_IS_BOUND_PORT)))
            forget_peer(layer, s);
        return 0;
    }
    struct sw_ip_path path;
    struct sw_addr peer = *remote;
    const struct sw_addr was_local = d->local, was_remote = d->remote;
    /* A new peer does not change the source that the last one chose: __ip4_datagram_connect(). */
    int r = sw_sock_autobind(layer, s); /* and it keeps the port: inet_dgram_connect() */
    if (r == 0)
        r = route(layer, s, remote, &d->local.ip, true, &peer, &path);
    if (r < 0)
        return r;
    sw_sock_unhash(layer, s);
    /* It may be one to hear at (a group's). Or one of IPv6: a peer of IPv4 then hears from another,
     * which nothing is heard at. */
    bool keeps = (s->is & SW_IS_BOUND_ADDR) ||
                 (sw_ip_is4(&peer.ip) && !sw_ip_is_any(&d->local.ip) && !sw_ip_is4(&d->local.ip));
    if (!keeps)
        d->local.ip = path.src;
    d->remote = peer;
    s->state = SW_SS_CONNECTED;
    if (!sw_sock_has_ports(s))
        return 0;         /* it hears on */
    if (peer.port == 0) { /* likewise, from every port of its peer's: sw_demux_hear() */
        sw_port_hear(&s->ref, true);
        return 0;
    }
    r = sw_sock_hash(layer, s);
    if (r < 0) {
        d->local.ip = was_local.ip;
        d->remote = was_remote;
        s->state = SW_SS_UNCONNECTED;
        if (was_connected)
            forget_peer(layer, s);
        return r;
    }
    sw_port_hear(&s->ref, false);
    return 0;
}

static void trace_sent(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_ip_tx *tx,
                       const struct sw_addr *to, size_t len)
{
    if (!sw_tracing(layer->env))
        return;
    struct sw_trace_event event = {.kind = SW_TRACE_DATAGRAM_SENT,
                                   .socket = sw_sock_handle(layer, s),
                                   .local = {.ip = tx->src, .port = sw_sock_local(s)->port},
                                   .remote = {.ip = tx->dst, .port = to->port},
                                   .v = {len}};
    sw_trace(layer->env, &event);
}

int sw_dgram_discover(struct sw_sock *s, const struct sw_ip *dst)
{
    const struct sw_sock_opts *opts = sw_sock_opts(s);
    return sw_ip_is4(dst) ? opts->mtu_discover : opts->mtu_discover6;
}

/* What ip(7) says of IP_MTU_DISCOVER, and Linux's ip_sk_use_pmtu(), ip_sk_ignore_df() do. */
static void set_discover(struct sw_ip_tx *tx, int discover)
{
    tx->want_df = discover == SW_PMTUDISC_WANT;
    tx->dont_fragment = discover == SW_PMTUDISC_DO || discover == SW_PMTUDISC_PROBE ||
                        discover == SW_PMTUDISC_INTERFACE;
    tx->ignore_pmtu = discover >= SW_PMTUDISC_PROBE;
    tx->clear_df = discover == SW_PMTUDISC_INTERFACE;
}

struct sw_ip_tx sw_dgram_tx(struct sw_sock *s, const struct sw_ip *src, const struct sw_addr *dst,
                            const struct sw_datagram_info *info)
{
    const struct sw_sock_opts *opts = sw_sock_opts(s);
    struct sw_ip_tx tx = {.src = *src, .dst = dst->ip, .proto = s->proto};
    tx.tos = sw_sock_tos(s, &dst->ip);
    tx.ttl = sw_sock_ttl(s, &dst->ip);
    set_discover(&tx, sw_dgram_discover(s, &dst->ip));
    if (!sw_ip_is4(&dst->ip) && (s->on & SW_ON_DONTFRAG6))
        tx.dont_fragment = true;
    tx.iface = dst->scope_id ? (int)dst->scope_id : opts->bind_iface;
    if (!tx.iface && !sw_ip_is4(&dst->ip))
        tx.iface = opts->sticky_iface6;
    if (sw_ip_is_multicast(&dst->ip)) {
        bool v4 = sw_ip_is4(&dst->ip);
        tx.quiet = s->on & (v4 ? SW_ON_MULTICAST_QUIET : SW_ON_MULTICAST_QUIET6);
        tx.stay = (v4 ? opts->multicast_ttl : opts->multicast_hops) == 0;
    }
    if (info && info->extensions)
        tx.extensions = info->extensions;
    else if (opts->ext)
        tx.extensions = &opts->ext->headers;
    tx.mark = info && info->has_mark ? info->mark : (uint32_t)opts->mark;
    tx.priority = (uint8_t)opts->priority;
    if (info && info->tos >= 0)
        tx.tos = (uint8_t)info->tos;
    if (info && info->tos >= 0 && sw_ip_is4(&dst->ip))
        tx.priority = sw_opt_priority_of(tx.tos);
    if (info && info->has_priority)
        tx.priority = (uint8_t)info->priority;
    if (info && info->ttl > 0)
        tx.ttl = (uint8_t)info->ttl;
    if (info && info->iface != 0)
        tx.iface = info->iface;
    return tx;
}

/* One datagram, or with UDP_SEGMENT as many as the bytes fill, all or none as far as can be told.
 */
static int send_segments(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_ip_tx *tx,
                         uint16_t port, const uint8_t *bytes, uint32_t len, uint32_t segment)
{
    enum { SEGMENTS_MAX = 128 }; /* Linux's UDP_MAX_SEGMENTS */
    uint16_t from = sw_sock_dgram(s)->local.port;
    if (!segment)
        segment = (uint32_t)sw_sock_opts(s)->udp_segment;
    if (s->proto == SW_PROTO_UDPLITE) {
        uint16_t coverage = (uint16_t)sw_sock_opts(s)->udplite_send;
        return segment ? -EIO /* so says udp_send_skb() */
                       : sw_udplite_send(layer->ip, tx, from, port, coverage, bytes, len);
    }
    if (!segment || len <= segment)
        return sw_udp_send(layer->ip, tx, from, port, bytes, len);
    if ((len - 1) / segment >= SEGMENTS_MAX || (sw_ip_is4(&tx->dst) && s->on & SW_ON_NO_CHECK))
        return -EINVAL;
    return sw_udp_send_train(layer->ip, tx, from, port, bytes, len, segment);
}

int sw_dgram_put(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_dgram_out *out,
                 const void *bytes, uint32_t len)
{
    struct sw_ip_tx tx = out->tx;
    struct sw_packet *sent = NULL;
    bool stamps = sw_sock_stamps(s, &out->stamping) & (SW_TS_TX_SOFTWARE | SW_TS_TX_SCHED);
    int r;
    if (stamps && !(sw_sock_opts(s)->timestamping & SW_TS_OPT_TSONLY))
        tx.ret_sent = &sent;
    if (sw_sock_is_raw(s))
        r = sw_raw_send(layer, s, bytes, len, &tx);
    else if (sw_sock_is_ping(s))
        r = sw_ping_send(layer, s, bytes, len, &tx);
    else
        r = send_segments(layer, s, &tx, out->to.port, bytes, len, out->segment);
    if (r == 0 && stamps)
        sw_errors_add_sent(layer, s, out, sent);
    if (r == 0 && out->zerocopy && sw_sock_rare(s, SW_RARE_ZEROCOPY))
        sw_errors_add_copied(layer, s);
    sw_packet_free(sent);
    if (r == -EMSGSIZE && (s->on & (sw_ip_is4(&out->to.ip) ? SW_ON_RECVERR : SW_ON_RECVERR6)))
        sw_errors_add_local(layer, s, &out->to, out->mtu);
    if (r < 0)
        return r == -ENOMEM ? -ENOBUFS : r;
    if (sw_sock_has_ports(s))
        trace_sent(layer, s, &out->tx, &out->to, len);
    return 0;
}

/* The way to an address, from the socket's own or the one that the message brings. */
static int judge_to(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_addr *to,
                    const struct sw_datagram_info *info, struct sw_addr *ret_dst,
                    struct sw_ip_path *ret_path)
{
    bool own_src = info && !sw_ip_is_any(&info->local), to4 = sw_ip_is4(&to->ip);
    if (own_src && sw_ip_is_multicast(&info->local))
        return -EINVAL;
    const struct sw_ip *src = own_src ? &info->local : &sw_sock_local(s)->ip;
    int r = route(layer, s, to, src, false, ret_dst, ret_path);
    if (r == -EADDRNOTAVAIL && own_src)
        return to4 ? -ENETUNREACH : -EINVAL;
    return r;
}

/* Linux hands what a socket of IPv6 sends to a peer of IPv4 on as if it had been given the address:
 * there the port is looked at, which a peer may do without. */
static bool lacks_port(struct sw_sock *s, const struct sw_addr *to)
{
    const struct sw_addr *peer = sw_sock_remote(s);
    bool handed_on = s->domain == SW_AF_INET6 && sw_ip_is4(&peer->ip);
    if (!sw_sock_has_ports(s))
        return false;
    return to ? to->port == 0 : handed_on && peer->port == 0;
}

/* The flow label that its sender chose: for this message, or once for all to its peer. */
static uint32_t label_of(const struct sw_sock *s, const struct sw_addr *to,
                         const struct sw_datagram_info *info)
{
    uint32_t own = info ? info->flow_label : 0;
    return own || to ? own : sw_sock_opts(s)->flow_label;
}

int sw_dgram_may_send(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_addr *to,
                      const struct sw_datagram_info *info)
{
    struct sw_ip_path path;
    struct sw_addr dst;
    if (!to && !sw_sock_has_peer(s))
        return -EDESTADDRREQ;
    if (lacks_port(s, to) || !sw_flow_label_is_free(layer, s, label_of(s, to, info)))
        return -EINVAL;
    return judge_to(layer, s, to ? to : sw_sock_remote(s), info, &dst, &path);
}

int64_t sw_dgram_send(struct sw_sock_layer *layer, struct sw_sock *s, const void *buf, size_t len,
                      const struct sw_addr *to, const struct sw_datagram_info *info)
{
    struct sw_dgram_sock *d = sw_sock_dgram(s);
    bool more = sw_sock_has_ports(s) && ((info && info->more) || sw_sock_rare(s, SW_RARE_UDP_CORK));
    if (d->cork)
        return sw_cork_add(layer, s, buf, len, more);
    int r = sw_sock_autobind(layer, s);
    if (r == 0 && sw_sock_is_ping(s))
        r = sw_ping_check(s, buf, len, to);
    else if (r == 0 && sw_sock_is_raw(s))
        r = sw_raw_check(s, buf, len, to);
    if (r < 0)
        return r == -EADDRINUSE ? -EAGAIN : r; /* Linux's inet_autobind() */
    if (!to && !sw_sock_has_peer(s))
        return -EDESTADDRREQ;
    const uint32_t label = label_of(s, to, info);
    if (lacks_port(s, to) || !sw_flow_label_is_free(layer, s, label))
        return -EINVAL;
    if (!to)
        to = &d->remote;
    struct sw_ip_path path;
    struct sw_addr dst;
    r = judge_to(layer, s, to, info, &dst, &path);
    if (r < 0)
        return r;
    if (sw_sock_has_ports(s) && len > (sw_ip_is4(&dst.ip) ? SW_UDP_MAX : SW_UDP6_MAX))
        return -EMSGSIZE;
    int err = sw_sock_take_error(s);
    if (err)
        return -err;
    if (s->shut & SW_SHUT_BIT_SEND && sw_sock_has_ports(s)) /* the others' do not look, on Linux */
        return -EPIPE;
    struct sw_dgram_out out = {.tx = sw_dgram_tx(s, &path.src, &dst, info),
                               .to = dst,
                               .segment = info ? info->segment : 0,
                               .zerocopy = info && info->zerocopy};
    out.tx.flow_label = sw_flow_label(layer, s, &path.src, &dst, label);
    if (info)
        out.stamping = info->stamping;
    out.mtu = out.tx.ignore_pmtu ? path.link_mtu : path.mtu;
    bool to_link = sw_ip_is_multicast(&dst.ip) || sw_ip_is_broadcast(layer->ip, &dst.ip);
    if (to_link && !(info && info->iface != 0))
        out.tx.iface = path.iface;
    if (more)
        return sw_cork_begin(layer, s, &out, buf, (uint32_t)len);
    r = sw_dgram_put(layer, s, &out, buf, (uint32_t)len);
    return r < 0 ? r : (int64_t)len;
}

void sw_dgram_stamp(struct sw_sock_layer *layer, struct sw_dgram_sock *d)
{
    struct sw_udp_item *item = sw_udp_queue_last(&d->queue);
    item->at_ns = layer->env->now_ns;
    item->drops = (uint32_t)d->drops;
}

int64_t sw_dgram_recv(struct sw_sock_layer *layer, struct sw_sock *s, void *buf, size_t len,
                      int flags, struct sw_addr *ret_from, struct sw_datagram_info *ret_info)
{
    struct sw_dgram_sock *d = sw_sock_dgram(s);
    int err = sw_sock_take_error(s);
    if (err)
        return -err;
    struct sw_udp_item *item = sw_udp_queue_first(&d->queue);
    if (!item) /* Linux's blocking recv() gives 0 here, its non-blocking one EAGAIN: 0 wakes who
                  waits */
        return s->shut & SW_SHUT_BIT_RCV ? 0 : -EAGAIN;
    size_t size = item->pkt->data_len;
    size_t n = len < size ? len : size;
    sw_packet_copy(item->pkt, item->pkt->head_len, buf, n);
    if (ret_from)
        *ret_from = item->from;
    if (ret_info)
        *ret_info = (struct sw_datagram_info){.local = item->to.ip,
                                              .segment = item->segment,
                                              .iface = item->iface,
                                              .ttl = item->ttl,
                                              .tos = item->tos,
                                              .drops = item->drops,
                                              .at_ns = item->at_ns,
                                              .mark = item->mark,
                                              .priority = item->priority,
                                              .flow_label = item->flow_label};
    if (!(flags & SW_MSG_PEEK))
        sw_udp_queue_drop(&d->queue, layer->env->mem);
    return (int64_t)(flags & SW_MSG_TRUNC ? size : n);
}

int sw_dgram_shutdown(struct sw_sock_layer *layer, struct sw_sock *s, int how)
{
    if (how < SW_SHUT_RD || how > SW_SHUT_RDWR)
        return -EINVAL;
    if (!sw_sock_is_raw(s)) {          /* those do not look at it, on Linux */
        s->shut |= (uint8_t)(how + 1); /* also without a peer: it wakes who waits */
        sw_sock_wake(layer, s);
    }
    return sw_sock_has_peer(s) ? 0 : -ENOTCONN;
}

/* What is queued at a socket whose owner has gone arrives again: at another one that hears there
 * (SO_REUSEPORT), or as if nobody had the port (RFC 1122 4.1.3.1). */
static void hand_on_queued(struct sw_sock_layer *layer, struct sw_udp_item *item, uint8_t proto)
{
    struct sw_packet *pkt = item->pkt;
    struct sw_ip_hdr hdr = {.src = item->from.ip,
                            .dst = item->to.ip,
                            .version = sw_ip_is4(&item->to.ip) ? 4 : 6,
                            .proto = proto,
                            .ttl = item->ttl,
                            .tos = item->tos,
                            .flow_label = item->flow_label};
    hdr.hdr_len = hdr.version == 4 ? SW_IP4_HDR : SW_IP6_HDR;
    hdr.dont_fragment = hdr.version == 6;
    if (pkt->head_off < SW_UDP_HDR)
        return;
    sw_udp_push_hdr(pkt, item->from.port, item->to.port, &hdr.src, &hdr.dst);
    hdr.payload_len = sw_packet_len(pkt);
    bool to_many = sw_ip_is_multicast(&hdr.dst) || sw_ip_is_broadcast(layer->ip, &hdr.dst);
    struct sw_packet *again = proto == SW_PROTO_UDP && !to_many ? sw_packet_clone(pkt) : NULL;
    if (again)
        sw_sock_udp_input(layer, again, &hdr, item->iface);
    else
        sw_icmp_send_error(layer->ip, pkt, &hdr, SW_ICMP_UNREACH, SW_ICMP_UNREACH_PORT);
}

void sw_dgram_close(struct sw_sock_layer *layer, struct sw_sock *s, bool reject)
{
    struct sw_dgram_sock *d = sw_sock_dgram(s);
    struct sw_udp_item *item;
    if (reject) { /* it hears no more */
        sw_sock_unhash(layer, s);
        sw_port_release(layer, s);
    }
    while (reject && sw_sock_has_ports(s) && (item = sw_udp_queue_first(&d->queue))) {
        hand_on_queued(layer, item, s->proto);
        sw_udp_queue_drop(&d->queue, layer->env->mem);
    }
    sw_sock_free(layer, s);
}
