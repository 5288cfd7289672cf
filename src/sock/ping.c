/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ping sockets: SOCK_DGRAM with IPPROTO_ICMP or IPPROTO_ICMPV6, as Linux has them so that ping
 * needs no privilege (RFC 792 "Echo", RFC 4443 4.1).
 *
 * A datagram is a whole ICMP message, header included. Only echo requests may be sent. The
 * identifier is the socket's port: bind() chooses it, it is written into each request, and a reply
 * is for the socket that has it, from whomever it comes. So such a socket is always among those who
 * hear, also with a peer. An identifier belongs to one socket of either family, unless both have
 * SO_REUSEADDR, which is on from the start.
 */
#include <errno.h>

#include "sock/private.h"

#define PING_HEADROOM 96 /* a link header, IPv6 with a fragment header, ICMP */
#define PING_MAX 65535U  /* Linux's limit, before IP has its word */
#define PING4_MAX 65515U /* 65,535 - 20 (RFC 791 3.1) */

static uint8_t echo_type(const struct sw_sock *s)
{
    return s->proto == SW_PROTO_ICMP ? SW_ICMP_ECHO : SW_ICMP6_ECHO;
}

int sw_ping_check(const struct sw_sock *s, const void *buf, size_t len, const struct sw_addr *to)
{
    const uint8_t *p = buf;
    if (len > PING_MAX)
        return -EMSGSIZE;
    if (len < SW_ICMP_HDR || p[0] != echo_type(s) || p[1] != 0)
        return -EINVAL;
    return s->proto == SW_PROTO_ICMP6 && to && sw_ip_is4(&to->ip) ? -EINVAL : 0;
}

int sw_ping_send(struct sw_sock_layer *layer, struct sw_sock *s, const void *buf, size_t len,
                 const struct sw_ip_tx *tx)
{
    const uint8_t *p = buf;
    struct sw_mem *mem = layer->env->mem;
    uint32_t data_len = (uint32_t)len - SW_ICMP_HDR;
    struct sw_icmp_hdr icmp = {.version = s->proto == SW_PROTO_ICMP ? 4 : 6, .type = p[0]};
    icmp.rest = (uint32_t)sw_sock_local(s)->port << 16 | (uint32_t)p[6] << 8 | p[7];
    if (icmp.version == 4 && len > PING4_MAX)
        return -EMSGSIZE;
    struct sw_packet *pkt = sw_packet_new(mem, PING_HEADROOM);
    struct sw_chunk *chunk = pkt && data_len ? sw_chunk_new(mem, data_len) : NULL;
    int r = pkt && (chunk || !data_len) ? 0 : -ENOMEM;
    if (chunk) {
        memcpy(chunk->data, p + SW_ICMP_HDR, data_len);
        chunk->fill = data_len;
        r = sw_packet_add_slice(pkt, (struct sw_slice){.chunk = chunk, .len = data_len});
        sw_chunk_put(chunk);
    }
    if (r < 0) {
        if (pkt)
            sw_packet_free(pkt);
        return -ENOMEM;
    }
    return sw_icmp_output(layer->ip, pkt, &icmp, tx);
}

/* The checksum that a program sees is a real one, also if the packet never left the process. */
static void fill_csum(struct sw_packet *pkt)
{
    if (pkt->csum != SW_CSUM_NEEDED)
        return;
    uint16_t sum = (uint16_t)~sw_csum_fold(sw_csum_packet(pkt, 0, sw_packet_len(pkt)));
    uint8_t *p = sw_packet_head(pkt);
    p[2] = (uint8_t)(sum >> 8);
    p[3] = (uint8_t)sum;
    pkt->csum = SW_CSUM_FILLED;
}

void sw_sock_echo_reply(struct sw_sock_layer *layer, struct sw_packet *pkt,
                        const struct sw_ip_hdr *ip, const struct sw_icmp_hdr *icmp, int iface)
{
    uint16_t ident = (uint16_t)(icmp->rest >> 16);
    const struct sw_addr local = sw_addr_of(&ip->dst, ident, 0);
    const struct sw_addr remote = sw_addr_of(&ip->src, 0, iface);
    struct sw_sock *s = sw_demux_hear(layer, ip->proto, &local, &remote, iface, NULL);
    if (!s) {
        sw_drop(layer->env, pkt, SW_DROP_ICMP_NO_SOCKET, &local, &remote);
        return;
    }
    struct sw_dgram_sock *d = sw_sock_dgram(s);
    fill_csum(pkt);
    enum sw_drop why = SW_DROP_SOCK_FILTER;
    if (!sw_sock_filters(s) || sw_filter_passes(layer, s, pkt, ip, iface))
        why = sw_udp_queue_put(&d->queue, layer->env->mem, pkt, ip, 0, ident, iface,
                               sw_sock_rcvbuf(s));
    if (why != SW_DROP_NONE) {
        d->drops++;
        sw_drop(layer->env, pkt, why, &local, &remote);
        return;
    }
    sw_dgram_stamp(layer, d);
    sw_sock_wake(layer, s);
}
