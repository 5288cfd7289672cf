/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A datagram leaves (RFC 791, RFC 8200): route, header, and whatever makes it fit its interface:
 * super-segments are cut where the interface takes none, datagrams are fragmented where they may
 * be, checksums are filled in where nobody else will. It ends in the interface's queue; even what
 * is for this host itself goes that way, and comes back when the host's owner moves it.
 */
#include <errno.h>

#include "ip/private.h"

#define IP_TTL_DEFAULT 64 /* hops: RFC 1700 "IP TIME TO LIVE", RFC 1122 3.2.1.7 */

void sw_ip_enqueue(struct sw_ip_layer *ip, struct sw_iface *iface, struct sw_packet *pkt)
{
    if (!iface->config.csum_offload)
        sw_packet_fill_csum(pkt);
    ip->env->stats.ip_tx++;
    sw_packet_queue_add(&iface->out, pkt);
}

int sw_ip_find_path(struct sw_ip_layer *ip, const struct sw_ip_tx *tx, struct sw_ip_path *path)
{
    if (tx->iface) { /* the sender has chosen the way out: multicast, broadcast, SO_BINDTODEVICE */
        const struct sw_iface *iface = sw_ip_iface(ip, tx->iface);
        if (!iface)
            return -ENODEV;
        path->iface = tx->iface;
        path->src = tx->src;
        sw_ip_path_limits(ip, iface, NULL, &tx->dst, path);
        if (sw_ip_is_any(&tx->src) && !sw_ip_choose_src(ip, tx->iface, &tx->dst, &path->src))
            return -EADDRNOTAVAIL;
        return 0;
    }
    return sw_ip_path(ip, &tx->dst, &tx->src, path);
}

/* Cuts a super-segment to the interface's packets, all or (without memory) none: then the sender
 * may count it as not sent. The header is on it already. */
static int output_cut(struct sw_ip_layer *ip, struct sw_iface *iface, struct sw_packet *super)
{
    struct sw_packet_queue pieces;
    sw_packet_queue_init(&pieces);
    while (super) {
        struct sw_packet *piece = sw_gso_next(&super);
        if (!piece) {
            sw_packet_queue_clear(&pieces);
            sw_drop(ip->env, super, SW_DROP_NO_MEMORY, NULL, NULL);
            return -ENOMEM;
        }
        sw_packet_queue_add(&pieces, piece);
    }
    for (struct sw_packet *p; (p = sw_packet_queue_take(&pieces)) != NULL;)
        sw_ip_enqueue(ip, iface, p);
    return 0;
}

static int output_fragments(struct sw_ip_layer *ip, const struct sw_ip_path *path,
                            struct sw_packet *pkt, const struct sw_ip_hdr *hdr, uint32_t mtu)
{
    struct sw_packet_queue pieces;
    sw_packet_queue_init(&pieces);
    int err = sw_ip_fragment(ip, pkt, hdr, mtu, &pieces);
    if (err) {
        sw_ip_drop(ip, pkt, SW_DROP_NO_MEMORY, hdr);
        return err;
    }
    sw_packet_free(pkt);
    for (struct sw_packet *p; (p = sw_packet_queue_take(&pieces)) != NULL;)
        sw_ip_enqueue(ip, sw_ip_iface(ip, path->iface), p);
    return 0;
}

/* DF, of a packet that is not cut here; IPv6 behaves as if it were always set. Where the MTU is
 * locked, who merely wants path MTU discovery goes without it. */
static bool sets_df(const struct sw_ip_tx *tx, const struct sw_ip_path *path)
{
    if (!sw_ip_is4(&tx->dst))
        return true;
    if (tx->clear_df)
        return false;
    return tx->want_df ? !path->mtu_locked : tx->dont_fragment;
}

/* For a sender who wants to see what left. */
static void keep_copy(const struct sw_ip_tx *tx, const struct sw_packet *pkt,
                      const struct sw_ip_hdr *hdr)
{
    struct sw_packet *copy = sw_packet_clone(pkt);
    if (!copy)
        return;
    sw_ip_push_hdr(copy, hdr);
    *tx->ret_sent = copy;
}

int sw_ip_output(struct sw_ip_layer *ip, struct sw_packet *pkt, const struct sw_ip_tx *tx)
{
    struct sw_ip_path path;
    struct sw_ip_hdr hdr = {.src = tx->src,
                            .dst = tx->dst,
                            .version = sw_ip_is4(&tx->dst) ? 4 : 6,
                            .proto = tx->proto,
                            .ttl = tx->ttl ? tx->ttl : IP_TTL_DEFAULT,
                            .tos = tx->tos,
                            .flow_label = tx->flow_label,
                            .extensions = sw_ip_is4(&tx->dst) ? NULL : tx->extensions};
    int err = sw_ip_find_path(ip, tx, &path);
    if (err) {
        sw_ip_drop(ip, pkt, SW_DROP_IP_NO_ROUTE, &hdr);
        return err;
    }
    hdr.src = path.src;
    hdr.payload_len = sw_packet_len(pkt);
    hdr.dont_fragment = sets_df(tx, &path);

    uint32_t ext_len = sw_ip6_extensions_len(hdr.extensions);
    uint32_t hdr_len = hdr.version == 4 ? SW_IP4_HDR : SW_IP6_HDR + ext_len;
    uint32_t most = hdr.version == 4 ? SW_IP4_MAX : SW_IP6_HDR + SW_IP6_PAYLOAD_MAX;
    uint32_t len = hdr_len + hdr.payload_len;
    uint32_t piece = pkt->gso_size ? hdr_len + pkt->head_len + pkt->gso_size : len;
    uint32_t mtu = tx->ignore_pmtu || path.mtu > path.link_mtu ? path.link_mtu : path.mtu;
    bool too_big = piece > mtu;
    if (len > most || (too_big && (tx->dont_fragment || pkt->gso_size))) {
        sw_ip_drop(ip, pkt, SW_DROP_IP_TOO_BIG, &hdr);
        return -EMSGSIZE;
    }
    if (ext_len > 0)
        sw_packet_make_room(pkt, (uint16_t)(ext_len + SW_IP6_HEADROOM));
    if (path.loopback) {
        pkt->mark = tx->mark;
        pkt->priority = tx->priority;
    }
    if (tx->ret_sent)
        keep_copy(tx, pkt, &hdr);
    if (too_big) {
        hdr.dont_fragment = false;
        return output_fragments(ip, &path, pkt, &hdr, mtu);
    }

    if (hdr.version == 4 && !hdr.dont_fragment)
        hdr.id = sw_ip_next_id(ip, &hdr.src, &hdr.dst, hdr.proto) & 0xffff;
    sw_ip_push_hdr(pkt, &hdr);
    if (sw_ip_is_multicast(&hdr.dst) && !path.loopback && !tx->quiet &&
        sw_ip_in_group(ip, path.iface, &hdr.dst))
        sw_ip_loop_back(ip, path.iface, pkt);
    if (tx->stay && !path.loopback) {
        sw_packet_free(pkt);
        return 0;
    }
    struct sw_iface *iface = sw_ip_iface(ip, path.iface);
    if (pkt->gso_size && pkt->data_len > sw_ip_iface_gso(iface))
        return output_cut(ip, iface, pkt);
    sw_ip_enqueue(ip, iface, pkt);
    return 0;
}
