/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An ICMP error about something this host once sent: to the socket that sent it (RFC 1122 3.2.2,
 * RFC 5927: only if the quote matches what we have). What it tells of the path's MTU is for all who
 * send there.
 */
#include "sock/private.h"

/* IP_RECVERR, IPV6_RECVERR. */
static bool wants(const struct sw_sock *s, const struct sw_icmp_error *error)
{
    return s->on & (sw_ip_is4(&error->quote.ip.dst) ? SW_ON_RECVERR : SW_ON_RECVERR6);
}

static void to_dgram(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_packet *pkt,
                     const struct sw_ip_hdr *ip, int iface, const struct sw_icmp_error *error)
{
    bool v4 = sw_ip_is4(&error->quote.ip.dst), wants_all = wants(s, error);
    bool connected = sw_sock_has_peer(s), hard = error->hard;
    int discover = sw_dgram_discover(s, &error->quote.ip.dst);
    if (error->mtu) {
        if (discover < SW_PMTUDISC_INTERFACE)
            sw_ip_pmtu_learn(layer->ip, &error->quote.ip.dst, error->mtu);
        if (discover == SW_PMTUDISC_DONT && v4)
            return; /* its next datagram will be fragmented */
        hard = discover != SW_PMTUDISC_DONT;
    }
    if (!error->err || (!wants_all && !(connected && hard)))
        return;
    if (wants_all)
        sw_errors_add(layer, s, pkt, ip, iface, error);
    s->err = (uint16_t)error->err;
    sw_sock_wake(layer, s);
}

void sw_sock_icmp_error(struct sw_sock_layer *layer, struct sw_packet *pkt,
                        const struct sw_ip_hdr *ip, const struct sw_icmp_error *error, int iface)
{
    const struct sw_icmp_quote *q = &error->quote;
    const struct sw_addr local = sw_addr_of(&q->ip.src, q->src_port, 0);
    const struct sw_addr remote = {.ip = q->ip.dst, .port = q->dst_port};
    const uint64_t hash = sw_conn_hash(layer, q->ip.proto, &local, &remote);
    struct sw_sock *s = NULL;
    if (q->has_ports)
        s = sw_conn_find(layer, hash, q->ip.proto, &local, &remote);
    if (s) {
        if (sw_sock_is_stream(s)) {
            sw_tcp_icmp(sw_sock_tcp(s), error, wants(s, error));
            sw_stream_after(layer, s);
        } else {
            to_dgram(layer, s, pkt, ip, iface, error);
        }
        sw_packet_free(pkt);
        return;
    }
    uint32_t small = 0;
    if (q->has_ports && q->ip.proto == SW_PROTO_TCP)
        small = sw_small_find(layer, hash, &local, &remote);
    if (small && sw_small_at(layer, small)->kind == SW_SMALL_HALF &&
        sw_half_icmp(&sw_small_at(layer, small)->half, error)) {
        sw_half_forget(layer, small);
        sw_packet_free(pkt);
        return;
    }
    if (q->has_ports && q->ip.proto != SW_PROTO_TCP)
        s = sw_demux_hear(layer, q->ip.proto, &local, &remote, 0, NULL);
    if (!s)
        s = sw_raw_sender(layer, q, iface);
    if (!s) {
        sw_drop(layer->env, pkt, SW_DROP_ICMP_QUOTE, &local, &remote);
        return;
    }
    to_dgram(layer, s, pkt, ip, iface, error);
    sw_packet_free(pkt);
}
