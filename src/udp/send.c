/* SPDX-License-Identifier: BSD-2-Clause */
/* A datagram leaves (RFC 768): bytes are copied into a chunk of their own, the header goes in
 * front. */
#include <errno.h>

#include "udp/udp.h"

/* In front of the data: a link header, IPv6 with a fragment header, UDP. */
#define UDP_HEADROOM 96

/* A packet of these bytes, with room in front of them; NULL: no memory. */
static struct sw_packet *packet_of(struct sw_mem *mem, const void *bytes, uint32_t len)
{
    struct sw_packet *pkt = sw_packet_new(mem, UDP_HEADROOM);
    struct sw_chunk *chunk;
    int err;

    if (!pkt || len == 0)
        return pkt;
    chunk = sw_chunk_new(mem, len);
    if (!chunk) {
        sw_packet_free(pkt);
        return NULL;
    }
    memcpy(chunk->data, bytes, len);
    chunk->fill = len;
    err = sw_packet_add_slice(pkt, (struct sw_slice){.chunk = chunk, .off = 0, .len = len});
    sw_chunk_put(chunk);
    if (err) {
        sw_packet_free(pkt);
        return NULL;
    }
    return pkt;
}

static int send(struct sw_ip_layer *ip, const struct sw_ip_tx *tx, const uint16_t ports[2],
                uint8_t proto, uint16_t coverage, const void *bytes, uint32_t len)
{
    struct sw_ip_tx to = *tx;
    if (len > (sw_ip_is4(&tx->dst) ? SW_UDP_MAX : SW_UDP6_MAX))
        return -EMSGSIZE;
    if (sw_ip_is_any(&tx->src)) { /* the checksum covers it, so it must be known now */
        struct sw_ip_path path;
        int err = sw_ip_path(ip, &tx->dst, NULL, &path);
        if (err)
            return err;
        to.src = path.src;
    }
    struct sw_packet *pkt = packet_of(ip->env->mem, bytes, len);
    if (!pkt)
        return -ENOMEM;
    to.proto = proto;
    if (proto == SW_PROTO_UDPLITE)
        sw_udplite_push_hdr(pkt, ports[0], ports[1], coverage, &to.src, &to.dst);
    else
        sw_udp_push_hdr(pkt, ports[0], ports[1], &to.src, &to.dst);
    int err = sw_ip_output(ip, pkt, &to);
    if (err == 0)
        ip->env->stats.udp_tx++;
    return err;
}

int sw_udp_send(struct sw_ip_layer *ip, const struct sw_ip_tx *tx, uint16_t src_port,
                uint16_t dst_port, const void *bytes, uint32_t len)
{
    return send(ip, tx, (uint16_t[]){src_port, dst_port}, SW_PROTO_UDP, 0, bytes, len);
}

int sw_udplite_send(struct sw_ip_layer *ip, const struct sw_ip_tx *tx, uint16_t src_port,
                    uint16_t dst_port, uint16_t coverage, const void *bytes, uint32_t len)
{
    return send(ip, tx, (uint16_t[]){src_port, dst_port}, SW_PROTO_UDPLITE, coverage, bytes, len);
}
