/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TCP segment arrives: find its connection, TIME_WAIT or listener (RFC 9293 3.10.7).
 */
#include "sock/private.h"

/* A segment of a known connection. Takes it; the socket may be gone afterwards. */
static void for_connection(struct sw_sock_layer *layer, struct sw_sock *s, struct sw_segment *seg)
{
    sw_tcp_input(sw_sock_tcp(s), seg);
    sw_stream_after(layer, s);
}

/* A segment for a listener (3.10.7.2). Takes it. */
static void for_listener(struct sw_sock_layer *layer, struct sw_sock *s, struct sw_segment *seg,
                         int iface, const sw_seq *isn)
{
    uint16_t flags = seg->tcp.flags;
    struct sw_sock *child;
    if (sw_listen_cookie(layer, s, seg, iface, &child)) {
        struct sw_addr local = sw_addr_of(&seg->ip.dst, seg->tcp.dst_port, 0);
        struct sw_addr remote = sw_addr_of(&seg->ip.src, seg->tcp.src_port, iface);
        if (child)
            for_connection(layer, child, seg);
        else
            sw_drop(layer->env, seg->pkt, SW_DROP_TCP_BACKLOG, &local, &remote);
    } else if (flags & (SW_TCP_RST | SW_TCP_ACK)) {
        sw_tcp_refuse(layer->tcp, seg, SW_DROP_TCP_NO_SOCKET);
    } else if (!(flags & SW_TCP_SYN) || (flags & SW_TCP_FIN)) {
        struct sw_addr local = sw_addr_of(&seg->ip.dst, seg->tcp.dst_port, 0);
        struct sw_addr remote = sw_addr_of(&seg->ip.src, seg->tcp.src_port, iface);
        sw_drop(layer->env, seg->pkt, SW_DROP_TCP_FLAGS, &local, &remote);
    } else {
        sw_listen_syn(layer, s, seg, iface, isn);
    }
}

/* IP_MINTTL, IPV6_MINHOPCOUNT: who was further away than this cannot look nearer (RFC 5082 3). */
static bool from_too_far(const struct sw_sock *s, const struct sw_ip_hdr *ip)
{
    const struct sw_sock_opts *opts = s->opts;
    return opts && ip->ttl < (ip->version == 4 ? opts->min_ttl : opts->min_hops);
}

/* SO_BINDTODEVICE, SO_BINDTOIFINDEX: what comes by another interface is for somebody else. */
static bool by_another(const struct sw_sock *s, int iface)
{
    int32_t own = s->opts ? s->opts->bind_iface : 0;
    return own != 0 && own != iface;
}

/* What keeps a segment from a socket; SW_DROP_NONE: nothing. */
static enum sw_drop unwelcome(struct sw_sock_layer *layer, const struct sw_sock *s,
                              const struct sw_segment *seg, int iface)
{
    if (from_too_far(s, &seg->ip))
        return SW_DROP_TCP_MIN_TTL;
    return sw_sock_filters(s) && !sw_filter_passes_tcp(layer, s, seg, iface) ? SW_DROP_SOCK_FILTER
                                                                             : SW_DROP_NONE;
}

void sw_sock_tcp_input(struct sw_sock_layer *layer, struct sw_packet *pkt,
                       const struct sw_ip_hdr *ip, int iface, uint64_t hash)
{
    struct sw_segment seg;
    struct sw_sock *s = sw_ahead_conn(layer, hash); /* it comes while the segment is checked */
    enum sw_drop why = sw_tcp_segment(pkt, ip, &seg);
    if (why != SW_DROP_NONE) {
        const struct sw_addr l = {.ip = ip->dst}, r = {.ip = ip->src};
        sw_drop(layer->env, pkt, why, &l, &r);
        return;
    }
    const struct sw_addr local = sw_addr_of(&ip->dst, seg.tcp.dst_port, 0);
    const struct sw_addr remote = sw_addr_of(&ip->src, seg.tcp.src_port, iface);
    if (!hash)
        hash = sw_conn_hash(layer, SW_PROTO_TCP, &local, &remote);
    s = sw_conn_check(layer, s, hash, &local, &remote);
    if (s && !by_another(s, iface)) {
        sw_tcp_ahead(sw_sock_tcp(s));
        why = unwelcome(layer, s, &seg, iface);
        if (why != SW_DROP_NONE)
            sw_drop(layer->env, pkt, why, &local, &remote);
        else
            for_connection(layer, s, &seg);
        return;
    }
    uint32_t index = sw_small_find(layer, hash, &local, &remote);
    bool reopen = false;
    sw_seq isn;
    if (index && sw_small_at(layer, index)->kind == SW_SMALL_HALF) {
        why = unwelcome(layer, sw_half_listener(layer, index), &seg, iface);
        if (why != SW_DROP_NONE)
            sw_drop(layer->env, pkt, why, &local, &remote);
        else
            sw_half_segment(layer, index, &seg);
        return;
    }
    if (index && sw_small_at(layer, index)->kind == SW_SMALL_FINWAIT) {
        sw_fw_segment(layer, index, &seg);
        return;
    }
    const struct sw_bpf_view view = {.pkt = seg.pkt, .ip = ip, .iface = iface};
    s = sw_demux_hear(layer, SW_PROTO_TCP, &local, &remote, iface, &view);
    if (index) {
        reopen = sw_tw_segment(layer, index, s && !from_too_far(s, ip), &seg, &isn);
        if (!reopen)
            return;
    }
    why = s ? unwelcome(layer, s, &seg, iface) : SW_DROP_NONE;
    if (why != SW_DROP_NONE)
        sw_drop(layer->env, pkt, why, &local, &remote);
    else if (s)
        for_listener(layer, s, &seg, iface, reopen ? &isn : NULL);
    else
        sw_tcp_refuse(layer->tcp, &seg, SW_DROP_TCP_NO_SOCKET);
}

void sw_sock_timer(struct sw_sock_layer *layer, struct sw_timer *timer)
{
    if (timer->owner == SW_TIMER_TIMEWAIT) {
        sw_tw_timer(layer);
        return;
    }
    if (timer->owner == SW_TIMER_HALF) {
        sw_half_timer(layer);
        return;
    }
    SW_ASSERT(timer->owner == SW_TIMER_SOCK);
    struct sw_stream_sock *stream = SW_CONTAINER(timer, struct sw_stream_sock, tcp.timer);
    sw_tcp_timer(&stream->tcp);
    sw_stream_after(layer, &stream->sock);
}
