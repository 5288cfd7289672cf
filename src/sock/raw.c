/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Raw sockets, as raw(7) and RFC 3542 3 have them: whole IP datagrams of one protocol, beside
 * whoever else in the host hears them.
 *
 * What arrives is copied to each raw socket of its protocol before a transport sees it, so a copy
 * lacks nothing that the transport would pull off or fill in. Over IPv4 it begins with the IP
 * header, over IPv6 with what follows it. What is sent gets an IP header, or over IPv4 with
 * IP_HDRINCL is one already; of that the length, the checksum, and an address or identification of
 * 0 are filled in.
 *
 * A raw socket has no port: it shows its protocol in that place, and is in no table but the list of
 * raw sockets.
 */
#include <errno.h>

#include "sock/private.h"

#define RAW_MAX 65535U   /* Linux's limit, before IP has its word */
#define RAW_HEADROOM 96U /* a link header, IPv6 with a fragment header */

int sw_raw_open(struct sw_sock_layer *layer, struct sw_sock *s, uint8_t protocol)
{
    struct sw_dgram_sock *d = sw_sock_dgram(s);
    struct sw_raw *raw = sw_mem_alloc(layer->env->mem, sizeof(*raw));
    if (!raw)
        return -ENOMEM;
    bool icmp6 = s->domain == SW_AF_INET6 && protocol == SW_PROTO_ICMP6;
    raw->owner = s;
    raw->hdrincl = s->domain == SW_AF_INET && protocol == SW_PROTO_RAW;
    raw->checksum_at = icmp6 ? 2 : -1; /* RFC 3542 3.1 */
    sw_list_add_tail(&layer->raws, &raw->node);
    d->raw = raw;
    d->local.port = protocol;
    s->proto = protocol;
    return 0;
}

void sw_raw_close(struct sw_sock_layer *layer, struct sw_sock *s)
{
    struct sw_dgram_sock *d = sw_sock_dgram(s);
    if (!d->raw)
        return;
    sw_list_del(&d->raw->node);
    sw_mem_free(layer->env->mem, d->raw, sizeof(*d->raw));
    d->raw = NULL;
}

int sw_raw_bind(struct sw_sock *s, const struct sw_addr *local)
{
    struct sw_dgram_sock *d = sw_sock_dgram(s);
    if (sw_sock_has_peer(s))
        return -EINVAL;
    d->local.ip = local->ip;
    s->is &= (uint16_t)~SW_IS_BOUND_ADDR;
    if (!sw_ip_is_any(&local->ip))
        s->is |= SW_IS_BOUND_ADDR;
    return 0;
}

/* ---- in ------------------------------------------------------------------------------- */

static bool hears(struct sw_sock *s, uint8_t proto, const struct sw_ip *dst,
                  const struct sw_ip *src, int iface)
{
    const struct sw_dgram_sock *d = sw_sock_dgram(s);
    int32_t bound = sw_sock_opts(s)->bind_iface;
    if (s->proto != proto || (s->domain == SW_AF_INET) != sw_ip_is4(dst))
        return false;
    if (sw_sock_has_peer(s) && !sw_ip_eq(&d->remote.ip, src))
        return false;
    if (!sw_ip_is_any(&d->local.ip) && !sw_ip_eq(&d->local.ip, dst))
        return false;
    return (!bound || bound == iface) && sw_group_allows(s, dst, src, iface);
}

/* ICMP_FILTER of raw(7) has the types below 32; ICMP6_FILTER (RFC 3542 3.2) has all. */
static bool filtered(const struct sw_raw *raw, const struct sw_packet *pkt,
                     const struct sw_ip_hdr *ip)
{
    uint8_t type;
    if (ip->proto != (ip->version == 4 ? SW_PROTO_ICMP : SW_PROTO_ICMP6))
        return false;
    if (sw_packet_copy(pkt, 0, &type, 1) != 1)
        return true;
    if (ip->version == 4)
        return type < 32 && (raw->filter[0] & 1U << type) != 0;
    return (raw->filter[type >> 5] & 1U << (type & 31)) != 0;
}

/* RFC 3542 3.1: verified, where IPV6_CHECKSUM says that there is one. */
static bool checksum_ok(const struct sw_raw *raw, const struct sw_packet *pkt,
                        const struct sw_ip_hdr *ip)
{
    if (ip->version == 4 || raw->checksum_at < 0 || pkt->csum == SW_CSUM_NEEDED)
        return true;
    uint32_t len = sw_packet_len(pkt);
    uint64_t sum = sw_csum_packet(pkt, 0, len);
    sum += sw_csum_pseudo(&ip->src, &ip->dst, ip->proto, len);
    return (uint32_t)raw->checksum_at + 2 <= len && sw_csum_fold(sum) == 0xffff;
}

/* The datagram as its receiver is to see it, or NULL: no memory. */
static struct sw_packet *copy_of(const struct sw_packet *pkt, const struct sw_ip_hdr *ip)
{
    uint16_t hdr_len = ip->version == 4 ? SW_IP4_HDR : SW_IP6_HDR;
    struct sw_ip_hdr hdr = *ip;
    struct sw_packet *copy = sw_packet_clone(pkt);
    if (!copy)
        return NULL;
    hdr.fragment = hdr.more_fragments = false; /* it is whole now */
    hdr.frag_off = 0;
    if (copy->head_off < hdr_len && sw_packet_head_to_data(copy) != 0) {
        sw_packet_free(copy);
        return NULL;
    }
    sw_ip_push_hdr(copy, &hdr);
    sw_packet_fill_csum(copy);
    copy->gso_size = 0;
    if (ip->version == 6)
        sw_packet_pull(copy, hdr_len);
    return copy;
}

static void deliver(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_packet *pkt,
                    const struct sw_ip_hdr *ip, int iface)
{
    struct sw_dgram_sock *d = sw_sock_dgram(s);
    const struct sw_addr local = sw_addr_of(&ip->dst, 0, 0),
                         remote = sw_addr_of(&ip->src, 0, iface);
    struct sw_packet *copy = copy_of(pkt, ip);
    enum sw_drop why = SW_DROP_NO_MEMORY;
    if (copy && sw_sock_filters(s) && !sw_filter_passes(layer, s, copy, ip, iface))
        why = SW_DROP_SOCK_FILTER;
    else if (copy)
        why =
            sw_udp_queue_put(&d->queue, layer->env->mem, copy, ip, 0, 0, iface, sw_sock_rcvbuf(s));
    if (why == SW_DROP_NONE) {
        sw_dgram_stamp(layer, d);
        sw_sock_wake(layer, s);
        return;
    }
    d->drops++;
    if (copy)
        sw_drop(layer->env, copy, why, &local, &remote);
}

bool sw_sock_raw_input(struct sw_sock_layer *layer, const struct sw_packet *pkt,
                       const struct sw_ip_hdr *ip, int iface)
{
    bool heard = false;
    for (struct sw_list *l = layer->raws.next; l != &layer->raws; l = l->next) {
        struct sw_raw *raw = SW_CONTAINER(l, struct sw_raw, node);
        if (!hears(raw->owner, ip->proto, &ip->dst, &ip->src, iface))
            continue;
        heard = true; /* also what a filter keeps away has found its socket */
        if (!filtered(raw, pkt, ip) && checksum_ok(raw, pkt, ip))
            deliver(layer, raw->owner, pkt, ip, iface);
    }
    return heard;
}

struct sw_sock *sw_raw_sender(struct sw_sock_layer *layer, const struct sw_icmp_quote *q, int iface)
{
    for (struct sw_list *l = layer->raws.next; l != &layer->raws; l = l->next) {
        struct sw_raw *raw = SW_CONTAINER(l, struct sw_raw, node);
        if (hears(raw->owner, q->ip.proto, &q->ip.src, &q->ip.dst, iface))
            return raw->owner;
    }
    return NULL;
}

/* ---- out ------------------------------------------------------------------------------ */

int sw_raw_check(struct sw_sock *s, const void *buf, size_t len, const struct sw_addr *to)
{
    const struct sw_raw *raw = sw_sock_dgram(s)->raw;
    const uint8_t *p = buf;
    if (len > RAW_MAX)
        return -EMSGSIZE;
    if (s->domain == SW_AF_INET6 && to && to->port && to->port != s->proto)
        return -EINVAL; /* the port is the protocol, if it is anything: rawv6_sendmsg() */
    if (s->domain == SW_AF_INET6 && s->proto == SW_PROTO_RAW && len < SW_IP6_HDR)
        return -EINVAL; /* what it sends begins with a header of IPv6 */
    if (raw->hdrincl && (len < SW_IP4_HDR || (p[0] & 0x0fU) * 4U > len))
        return -EINVAL;
    return 0;
}

/* RFC 3542 3.1. */
static int fill_checksum(const struct sw_raw *raw, uint8_t *p, uint32_t len,
                         const struct sw_ip_tx *tx)
{
    if (sw_ip_is4(&tx->dst) || raw->checksum_at < 0)
        return 0;
    uint32_t at = (uint32_t)raw->checksum_at;
    if (at + 2 > len)
        return -EINVAL;
    p[at] = p[at + 1] = 0;
    uint64_t sum = sw_csum_pseudo(&tx->src, &tx->dst, tx->proto, len);
    uint16_t csum = (uint16_t)~sw_csum_fold(sw_csum_add(sum, p, len, false));
    p[at] = (uint8_t)(csum >> 8);
    p[at + 1] = (uint8_t)csum;
    return 0;
}

int sw_raw_send(struct sw_sock_layer *layer, struct sw_sock *s, const void *buf, size_t len,
                const struct sw_ip_tx *tx)
{
    const struct sw_raw *raw = sw_sock_dgram(s)->raw;
    struct sw_mem *mem = layer->env->mem;
    if (raw->hdrincl)
        return sw_ip_output_own(layer->ip, buf, (uint32_t)len, tx);
    struct sw_packet *pkt = sw_packet_new(mem, RAW_HEADROOM);
    struct sw_chunk *chunk = pkt && len > 0 ? sw_chunk_new(mem, (uint32_t)len) : NULL;
    int r = pkt && (chunk || len == 0) ? 0 : -ENOMEM;
    if (chunk)
        memcpy(chunk->data, buf, len);
    if (r == 0) /* also where there is nothing to sum up */
        r = fill_checksum(raw, chunk ? chunk->data : NULL, (uint32_t)len, tx);
    if (chunk) {
        chunk->fill = (uint32_t)len;
        if (r == 0)
            r = sw_packet_add_slice(pkt, (struct sw_slice){.chunk = chunk, .len = (uint32_t)len});
        sw_chunk_put(chunk);
    }
    if (r < 0) {
        sw_packet_free(pkt);
        return r;
    }
    pkt->csum = SW_CSUM_FILLED; /* it has the one that it is meant to have */
    return sw_ip_output(layer->ip, pkt, tx);
}
