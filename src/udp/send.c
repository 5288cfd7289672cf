/* SPDX-License-Identifier: BSD-2-Clause */
/* A datagram leaves (RFC 768): bytes are copied into a chunk of their own, the header goes in
 * front. */
#include <errno.h>

#include "udp/udp.h"

/* In front of the data: a link header, IPv6 with a fragment header, UDP. */
#define UDP_HEADROOM 96

int sw_udp_send(struct sw_ip_layer *ip, const struct sw_ip_tx *tx, uint16_t src_port,
                uint16_t dst_port, const void *bytes, uint32_t len)
{
    struct sw_ip_tx to = *tx;
    struct sw_mem *mem = ip->env->mem;
    if (len > (sw_ip_is4(&tx->dst) ? SW_UDP_MAX : SW_UDP6_MAX))
        return -EMSGSIZE;
    if (sw_ip_is_any(&tx->src)) { /* the checksum covers it, so it must be known now */
        struct sw_ip_path path;
        int err = sw_ip_path(ip, &tx->dst, NULL, &path);
        if (err)
            return err;
        to.src = path.src;
    }
    struct sw_packet *pkt = sw_packet_new(mem, UDP_HEADROOM);
    if (!pkt)
        return -ENOMEM;
    if (len > 0) {
        struct sw_chunk *chunk = sw_chunk_new(mem, len);
        if (!chunk) {
            sw_packet_free(pkt);
            return -ENOMEM;
        }
        memcpy(chunk->data, bytes, len);
        chunk->fill = len;
        int err = sw_packet_add_slice(pkt, (struct sw_slice){.chunk = chunk, .off = 0, .len = len});
        sw_chunk_put(chunk);
        if (err) {
            sw_packet_free(pkt);
            return -ENOMEM;
        }
    }
    to.proto = SW_PROTO_UDP;
    sw_udp_push_hdr(pkt, src_port, dst_port, &to.src, &to.dst);
    int err = sw_ip_output(ip, pkt, &to);
    if (err == 0)
        ip->env->stats.udp_tx++;
    return err;
}
