/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A datagram arrives: to the one socket that fits best, or to all that hear if it was sent to many.
 * If nobody has the port, its sender is told (RFC 1122 4.1.3.1).
 */
#include "sock/private.h"

static void trace_received(struct sw_sock_layer *layer, struct sw_sock *s,
                           const struct sw_addr *local, const struct sw_addr *remote, uint32_t len)
{
    if (!sw_tracing(layer->env))
        return;
    struct sw_trace_event event = {.kind = SW_TRACE_DATAGRAM_RECEIVED,
                                   .socket = sw_sock_handle(layer, s),
                                   .local = *local,
                                   .remote = *remote,
                                   .v = {len}};
    sw_trace(layer->env, &event);
}

/* UDPLITE_RECV_CSCOV: once set, what is not covered as a whole must be covered as far as it says; 0
 * asks for the whole. */
static bool covered(const struct sw_sock *s, const struct sw_udp_hdr *udp)
{
    int32_t least = sw_sock_opts(s)->udplite_recv;
    return udp->coverage == udp->len || least < 0 || (least > 0 && udp->coverage >= least);
}

/* Queues it at a socket. Takes the packet. */
static void deliver(struct sw_sock_layer *layer, struct sw_sock *s, struct sw_packet *pkt,
                    const struct sw_ip_hdr *ip, const struct sw_udp_hdr *udp, int iface)
{
    struct sw_dgram_sock *d = sw_sock_dgram(s);
    const struct sw_addr local = sw_addr_of(&ip->dst, udp->dst_port, 0);
    const struct sw_addr remote = sw_addr_of(&ip->src, udp->src_port, iface);
    uint32_t room = sw_sock_rcvbuf(s);
    if (sw_sock_filters(s) && !sw_filter_passes_udp(layer, s, pkt, ip, iface)) {
        d->drops++;
        sw_drop(layer->env, pkt, SW_DROP_SOCK_FILTER, &local, &remote);
        return;
    }
    if (sw_sock_rare(s, SW_RARE_UDP_GRO) &&
        sw_udp_queue_join(&d->queue, pkt, ip, udp, iface, room)) {
        layer->env->stats.udp_rx++;
        trace_received(layer, s, &local, &remote, udp->len - SW_UDP_HDR);
        return;
    }
    enum sw_drop why = SW_DROP_UDP_COVERAGE;
    if (covered(s, udp))
        why = sw_udp_queue_add(&d->queue, layer->env->mem, pkt, ip, udp, iface, room);
    if (why != SW_DROP_NONE) {
        d->drops++;
        sw_drop(layer->env, pkt, why, &local, &remote);
        return;
    }
    sw_dgram_stamp(layer, d);
    layer->env->stats.udp_rx++;
    trace_received(layer, s, &local, &remote, udp->len - SW_UDP_HDR);
    sw_sock_wake(layer, s);
}

/* Whether a socket with a peer, or bound, is among those a packet to a group is for. */
static bool in_audience(struct sw_sock *s, const struct sw_addr *local,
                        const struct sw_addr *remote, int iface)
{
    const struct sw_addr *peer = sw_sock_remote(s);
    if (peer->port && (peer->port != remote->port || !sw_ip_eq(&peer->ip, &remote->ip)))
        return false;
    return sw_demux_hears(s, &local->ip, iface) &&
           sw_group_allows(s, &local->ip, &remote->ip, iface);
}

/* To everybody who hears it. Takes the packet. */
static void deliver_all(struct sw_sock_layer *layer, struct sw_packet *pkt,
                        const struct sw_ip_hdr *ip, const struct sw_udp_hdr *udp, int iface)
{
    const struct sw_addr local = sw_addr_of(&ip->dst, udp->dst_port, 0);
    const struct sw_addr remote = sw_addr_of(&ip->src, udp->src_port, iface);
    struct sw_port *port = sw_port_find(layer, ip->proto, udp->dst_port);
    struct sw_sock *last = NULL;
    struct sw_list *lists[2] = {port ? &port->hear : NULL, port ? &port->rest : NULL};
    for (int i = 0; port && i < 2; i++) {
        for (struct sw_list *l = lists[i]->next; l != lists[i]; l = l->next) {
            struct sw_sock *s = SW_CONTAINER(l, struct sw_sock, ref.node);
            if (!in_audience(s, &local, &remote, iface))
                continue;
            struct sw_packet *copy = last ? sw_packet_clone(pkt) : NULL;
            if (copy)
                deliver(layer, last, copy, ip, udp, iface);
            last = s;
        }
    }
    if (last)
        deliver(layer, last, pkt, ip, udp, iface);
    else
        sw_drop(layer->env, pkt, SW_DROP_UDP_NO_SOCKET, &local, &remote);
}

void sw_sock_udp_input(struct sw_sock_layer *layer, struct sw_packet *pkt,
                       const struct sw_ip_hdr *ip, int iface)
{
    struct sw_udp_hdr udp;
    enum sw_drop why = sw_udp_check(pkt, ip, &udp);
    if (why != SW_DROP_NONE) {
        const struct sw_addr l = {.ip = ip->dst}, r = {.ip = ip->src};
        sw_drop(layer->env, pkt, why, &l, &r);
        return;
    }
    if (sw_ip_is_multicast(&ip->dst) || sw_ip_is_broadcast(layer->ip, &ip->dst)) {
        deliver_all(layer, pkt, ip, &udp, iface);
        return;
    }
    const struct sw_addr local = sw_addr_of(&ip->dst, udp.dst_port, 0);
    const struct sw_addr remote = sw_addr_of(&ip->src, udp.src_port, iface);
    const uint64_t hash = sw_conn_hash(layer, ip->proto, &local, &remote);
    struct sw_sock *s = sw_conn_find(layer, hash, ip->proto, &local, &remote);
    const struct sw_bpf_view view = {.pkt = pkt, .ip = ip, .iface = iface, .skip = SW_UDP_HDR};
    if (!s)
        s = sw_demux_hear(layer, ip->proto, &local, &remote, iface, &view);
    if (s) {
        deliver(layer, s, pkt, ip, &udp, iface);
        return;
    }
    sw_icmp_send_error(layer->ip, pkt, ip, SW_ICMP_UNREACH, SW_ICMP_UNREACH_PORT);
    sw_drop(layer->env, pkt, SW_DROP_UDP_NO_SOCKET, &local, &remote);
}
