/* SPDX-License-Identifier: BSD-2-Clause */
/* A datagram leaves (RFC 768): bytes are copied into a chunk of their own, the header goes in
 * front. */
#include <errno.h>

#include "base/assert.h"
#include "udp/udp.h"

/* In front of the data: a link header, IPv6 with a fragment header, UDP. */
#define UDP_HEADROOM 96

/* Where all of a send goes, and what is in front of it. */
struct out {
    struct sw_ip_tx tx;
    uint16_t src_port, dst_port, coverage;
};

static int begin(struct sw_ip_layer *ip, const struct sw_ip_tx *tx, uint32_t len,
                 struct out *ret_out)
{
    ret_out->tx = *tx;
    if (len > (sw_ip_is4(&tx->dst) ? SW_UDP_MAX : SW_UDP6_MAX))
        return -EMSGSIZE;
    if (sw_ip_is_any(&tx->src)) { /* the checksum covers it, so it must be known now */
        struct sw_ip_path path;
        int err = sw_ip_path(ip, &tx->dst, NULL, &path);
        if (err)
            return err;
        ret_out->tx.src = path.src;
    }
    return 0;
}

/* One datagram of `len` bytes of the chunk, which may be NULL for none. */
static int send_slice(struct sw_ip_layer *ip, const struct out *out, struct sw_chunk *chunk,
                      uint32_t off, uint32_t len)
{
    const struct sw_ip_tx *tx = &out->tx;
    struct sw_packet *pkt = sw_packet_new(ip->env->mem, UDP_HEADROOM);
    if (!pkt)
        return -ENOMEM;
    int err = sw_packet_add_slice(pkt, (struct sw_slice){.chunk = chunk, .off = off, .len = len});
    SW_ASSERT(err == 0);
    pkt->train = off > 0;
    if (tx->proto == SW_PROTO_UDPLITE)
        sw_udplite_push_hdr(pkt, out->src_port, out->dst_port, out->coverage, &tx->src, &tx->dst);
    else
        sw_udp_push_hdr(pkt, out->src_port, out->dst_port, &tx->src, &tx->dst);
    err = sw_ip_output(ip, pkt, tx);
    if (err == 0)
        ip->env->stats.udp_tx++;
    return err;
}

/* All of the bytes, in datagrams of `segment`: they share one chunk, so that a receiver may join
 * them again at no cost. */
static int send_bytes(struct sw_ip_layer *ip, const struct out *out, const void *bytes,
                      uint32_t len, uint32_t segment)
{
    struct sw_chunk *chunk = len > 0 ? sw_chunk_new(ip->env->mem, len) : NULL;
    int err = 0;

    if (len == 0)
        return send_slice(ip, out, NULL, 0, 0);
    if (!chunk)
        return -ENOMEM;
    memcpy(chunk->data, bytes, len);
    chunk->fill = len;
    for (uint32_t sent = 0; err == 0 && sent < len; sent += segment) {
        err = send_slice(ip, out, chunk, sent, len - sent < segment ? len - sent : segment);
        if (err && sent > 0) { /* as if the rest were lost on its way */
            err = 0;
            break;
        }
    }
    sw_chunk_put(chunk);
    return err;
}

int sw_udp_send(struct sw_ip_layer *ip, const struct sw_ip_tx *tx, uint16_t src_port,
                uint16_t dst_port, const void *bytes, uint32_t len)
{
    return sw_udp_send_train(ip, tx, src_port, dst_port, bytes, len, len);
}

int sw_udp_send_train(struct sw_ip_layer *ip, const struct sw_ip_tx *tx, uint16_t src_port,
                      uint16_t dst_port, const void *bytes, uint32_t len, uint32_t segment)
{
    struct out out = {.src_port = src_port, .dst_port = dst_port};
    int err = begin(ip, tx, len, &out);
    out.tx.proto = SW_PROTO_UDP;
    return err ? err : send_bytes(ip, &out, bytes, len, segment);
}

int sw_udplite_send(struct sw_ip_layer *ip, const struct sw_ip_tx *tx, uint16_t src_port,
                    uint16_t dst_port, uint16_t coverage, const void *bytes, uint32_t len)
{
    struct out out = {.src_port = src_port, .dst_port = dst_port, .coverage = coverage};
    int err = begin(ip, tx, len, &out);
    out.tx.proto = SW_PROTO_UDPLITE;
    return err ? err : send_bytes(ip, &out, bytes, len, len);
}
