/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A packet arrives (RFC 1122 3.2.1, RFC 8200 3): its header is read, its addresses are judged, its
 * padding goes, and fragments are put together. What comes out is a whole datagram for this host.
 *
 * Addresses are judged before anything is kept or answered:
 *   - a source must be one host (RFC 1122 3.2.1.3): not "any", multicast, broadcast or class E;
 *   - loopback addresses live on loopback interfaces only (RFC 1122 3.2.1.3 (g), RFC 4291 2.5.3);
 *   - our own address as a source from outside is a forgery (the LAND attack).
 * That IPv4-mapped addresses do not travel in IPv6 headers the parser has seen to.
 */
#include "ip/private.h"

void sw_ip_drop(struct sw_ip_layer *ip, struct sw_packet *pkt, enum sw_drop why,
                const struct sw_ip_hdr *hdr)
{
    struct sw_addr local = {.ip = hdr->dst}, remote = {.ip = hdr->src};
    if (sw_ip_is_local(ip, &hdr->src)) { /* one of ours, on its way out or around the loopback */
        local.ip = hdr->src;
        remote.ip = hdr->dst;
    }
    sw_drop(ip->env, pkt, why, &local, &remote);
}

/* The header must lie in one piece. A packet of our own making has it so; one that was put together
 * elsewhere gets a second look, with as much of it in the head as the head takes. */
static enum sw_drop read_header(struct sw_packet *pkt, struct sw_ip_hdr *hdr)
{
    uint32_t len = sw_packet_len(pkt);
    enum sw_drop why = sw_ip_parse_hdr(sw_packet_head(pkt), pkt->head_len, len, hdr);
    if (why == SW_DROP_NONE || pkt->data_len == 0)
        return why;
    if (sw_packet_need(pkt, (uint16_t)(len < SW_PACKET_HEAD ? len : SW_PACKET_HEAD)) != 0)
        return why;
    return sw_ip_parse_hdr(sw_packet_head(pkt), pkt->head_len, len, hdr);
}

static enum sw_drop judge_src(const struct sw_ip_layer *ip, const struct sw_iface *iface,
                              const struct sw_ip_hdr *hdr)
{
    /* A switch that asks for memberships need not have an address (RFC 4541 2.1.1 1). */
    bool asks = hdr->version == 4 && hdr->proto == SW_PROTO_IGMP && sw_ip_is_any(&hdr->src);
    if (!asks && !sw_ip_is_unicast(ip, &hdr->src))
        return SW_DROP_IP_MARTIAN_SRC;
    if (iface->config.loopback || ip->looping)
        return SW_DROP_NONE;
    if (sw_ip_is_loopback(&hdr->src) || sw_ip_is_local(ip, &hdr->src))
        return SW_DROP_IP_MARTIAN_SRC;
    return SW_DROP_NONE;
}

static enum sw_drop judge_dst(struct sw_ip_layer *ip, int index, const struct sw_iface *iface,
                              const struct sw_ip_hdr *hdr)
{
    const struct sw_ip *dst = &hdr->dst;
    if (sw_ip_is_any(dst))
        return SW_DROP_IP_MARTIAN_DST;
    bool to_all = sw_ip_is_broadcast(ip, dst);
    if (hdr->proto == SW_PROTO_TCP && (to_all || sw_ip_is_multicast(dst)))
        return SW_DROP_IP_MARTIAN_DST; /* RFC 9293 3.9.2.3 (MUST-57) */
    if (to_all)
        return SW_DROP_NONE;
    if (sw_ip_is_multicast(dst))
        return sw_ip_in_group(ip, index, dst) ? SW_DROP_NONE : SW_DROP_IP_NOT_OURS;
    if (!sw_ip_is_unicast(ip, dst))
        return SW_DROP_IP_MARTIAN_DST;
    if (sw_ip_is_loopback(dst) && !iface->config.loopback)
        return SW_DROP_IP_MARTIAN_DST;
    return sw_ip_is_local(ip, dst) ? SW_DROP_NONE : SW_DROP_IP_NOT_OURS;
}

/* What lies behind the datagram is a link's padding (Ethernet's 46 bytes). It may reach into the
 * head. */
static void trim_padding(struct sw_packet *pkt, uint32_t total)
{
    uint32_t extra = sw_packet_len(pkt) - total;
    uint32_t behind = extra < pkt->data_len ? extra : pkt->data_len;
    if (behind)
        sw_packet_trim_back(pkt, behind);
    pkt->head_len = (uint16_t)(pkt->head_len - (extra - behind));
}

struct sw_packet *sw_ip_input(struct sw_ip_layer *ip, int iface_index, struct sw_packet *pkt,
                              struct sw_ip_hdr *ret_hdr)
{
    struct sw_ip_hdr hdr;
    const struct sw_iface *iface = sw_ip_iface(ip, iface_index);
    if (!iface) {
        sw_drop(ip->env, pkt, SW_DROP_IFACE, NULL, NULL);
        return NULL;
    }
    ip->env->stats.ip_rx++;

    enum sw_drop why = read_header(pkt, &hdr);
    if (why != SW_DROP_NONE) {
        sw_drop(ip->env, pkt, why, NULL, NULL);
        return NULL;
    }
    if (!sw_memo_welcome(ip, iface_index, &hdr.src, &hdr.dst)) {
        why = judge_src(ip, iface, &hdr);
        if (why == SW_DROP_NONE)
            why = judge_dst(ip, iface_index, iface, &hdr);
        if (why == SW_DROP_IP_NOT_OURS && pkt->ours)
            why = SW_DROP_NONE;
        if (why != SW_DROP_NONE) {
            sw_ip_drop(ip, pkt, why, &hdr);
            return NULL;
        }
        if (!ip->looping && !pkt->ours && sw_ip_is_unicast(ip, &hdr.dst)) /* so it is one of ours */
            sw_memo_keep_welcome(ip, iface_index, &hdr.src, &hdr.dst);
    }
    trim_padding(pkt, hdr.hdr_len + hdr.payload_len);
    sw_packet_pull(pkt, (uint16_t)hdr.hdr_len);
    if (hdr.fragment)
        return sw_frag_input(ip, pkt, &hdr, ret_hdr);
    *ret_hdr = hdr;
    return pkt;
}
