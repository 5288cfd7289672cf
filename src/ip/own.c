/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A datagram whose sender wrote its IPv4 header himself (IP_HDRINCL, raw(7)). Only what cannot be
 * his affair is filled in: total length and checksum always, source and identification where they
 * are 0. It is never fragmented.
 */
#include <errno.h>

#include "ip/private.h"

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

/* The offsets of RFC 791 3.1. */
static void complete_header(struct sw_ip_layer *ip, uint8_t *p, uint32_t len,
                            const struct sw_ip_path *path)
{
    uint32_t hdr_len = (p[0] & 0x0fU) * 4U;
    struct sw_ip dst = SW_IP4(p[16], p[17], p[18], p[19]);
    put16(p + 2, len);
    if ((p[12] | p[13] | p[14] | p[15]) == 0)
        memcpy(p + 12, path->src.b + 12, 4);
    if ((p[4] | p[5]) == 0)
        put16(p + 4, sw_ip_next_id(ip, &path->src, &dst, p[9]));
    put16(p + 10, 0);
    put16(p + 10, (uint16_t)~sw_csum_fold(sw_csum_add(0, p, hdr_len, false)));
}

int sw_ip_output_own(struct sw_ip_layer *ip, const void *bytes, uint32_t len,
                     const struct sw_ip_tx *tx)
{
    struct sw_ip_path path;
    int err = sw_ip_find_path(ip, tx, &path);
    if (err)
        return err;
    if (len > path.link_mtu) /* as Linux: its sender may be finding out what the path carries */
        return -EMSGSIZE;
    struct sw_packet *pkt = sw_packet_from_bytes(ip->env->mem, bytes, len);
    if (!pkt)
        return -ENOMEM;
    uint32_t hdr_len = (*(const uint8_t *)bytes & 0x0fU) * 4U; /* at most 60 */
    if (hdr_len >= SW_IP4_HDR) { /* else it is nonsense as it stands */
        if (sw_packet_need(pkt, (uint16_t)hdr_len) != 0) {
            sw_packet_free(pkt);
            return -ENOMEM;
        }
        complete_header(ip, sw_packet_head(pkt), len, &path);
    }
    pkt->ours = path.loopback; /* Linux does not look a second time where it goes */
    if (tx->ret_sent)
        *tx->ret_sent = sw_packet_clone(pkt);
    sw_ip_enqueue(ip, sw_ip_iface(ip, path.iface), pkt);
    return 0;
}
