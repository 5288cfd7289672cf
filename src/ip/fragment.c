/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cutting a datagram into fragments (RFC 791 2.3, RFC 8200 4.5). Only a source does so here: this
 * host does not forward. Fragments share the datagram's chunks. A fragment must be readable by
 * itself on any link, so the transport checksum is filled in before the cut.
 */
#include <errno.h>

#include "ip/private.h"

/* Adds the bytes [off, off + len) of the slices of `from` to `to`. */
static int share_range(struct sw_packet *to, const struct sw_packet *from, uint32_t off,
                       uint32_t len)
{
    for (unsigned i = 0; i < from->n_slices && len > 0; i++) {
        struct sw_slice s = from->slices[i];
        if (off >= s.len) {
            off -= s.len;
            continue;
        }
        s.off += off;
        s.len -= off;
        off = 0;
        if (s.len > len)
            s.len = len;
        len -= s.len;
        int err = sw_packet_add_slice(to, s);
        if (err)
            return err;
    }
    return 0;
}

static int cut(struct sw_ip_layer *ip, const struct sw_packet *pkt, struct sw_ip_hdr *hdr,
               uint32_t room, struct sw_packet_queue *out)
{
    uint32_t ext_len = sw_ip6_extensions_len(hdr->extensions);
    for (uint32_t off = 0; off < pkt->data_len; off += room) {
        uint32_t len = pkt->data_len - off < room ? pkt->data_len - off : room;
        struct sw_packet *piece =
            sw_packet_new(ip->env->mem, (uint16_t)(SW_IP6_HEADROOM + ext_len));
        if (!piece)
            return -ENOMEM;
        int err = share_range(piece, pkt, off, len);
        if (err) {
            sw_packet_free(piece);
            return -ENOMEM;
        }
        hdr->frag_off = (uint16_t)off;
        hdr->more_fragments = off + len < pkt->data_len;
        piece->csum = SW_CSUM_FILLED;
        piece->mark = pkt->mark;
        piece->priority = pkt->priority;
        sw_ip_push_hdr(piece, hdr);
        sw_packet_queue_add(out, piece);
    }
    return 0;
}

int sw_ip_fragment(struct sw_ip_layer *ip, struct sw_packet *pkt, const struct sw_ip_hdr *hdr,
                   uint32_t mtu, struct sw_packet_queue *ret_out)
{
    struct sw_ip_hdr each = *hdr;
    each.fragment = true;
    each.id = sw_ip_next_id(ip, &hdr->src, &hdr->dst, hdr->proto);
    if (hdr->version == 4)
        each.id &= 0xffff;
    uint32_t hdr_len =
        hdr->version == 4 ? SW_IP4_HDR : SW_IP6_HDR + sw_ip6_extensions_len(hdr->extensions);
    uint32_t room = (mtu - hdr_len - (hdr->version == 4 ? 0 : SW_IP6_FRAG_HDR)) &
                    ~7U; /* offsets count in eights (RFC 791 3.1) */

    /* The checksum's place is found from the IP header, so that is on for a moment. */
    sw_ip_push_hdr(pkt, hdr);
    sw_packet_fill_csum(pkt);
    sw_packet_pull(pkt, (uint16_t)hdr_len);
    int err = sw_packet_head_to_data(pkt);
    if (err)
        return -ENOMEM;

    struct sw_packet_queue pieces;
    sw_packet_queue_init(&pieces);
    err = cut(ip, pkt, &each, room, &pieces);
    if (err) {
        sw_packet_queue_clear(&pieces);
        return err;
    }
    for (struct sw_packet *p; (p = sw_packet_queue_take(&pieces)) != NULL;)
        sw_packet_queue_add(ret_out, p);
    return 0;
}
