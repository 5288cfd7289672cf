/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets of a script <-> bytes. Built by hand, not by src/wire: a script may want what no stack
 * would send.
 */
#include <string.h>

#include "script/private.h"
#include "wire/bytes.h"

uint8_t wire_payload(uint64_t offset)
{
    return (uint8_t)(offset + (offset >> 8) * 7);
}

uint8_t *wire_find_option(struct spacket *packet, uint8_t kind, uint8_t min_len)
{
    uint8_t *p = packet->options;
    for (size_t at = 0; at < packet->options_len && p[at] != 0;) {
        if (p[at] == 1) {
            at++;
            continue;
        }
        if (at + 2 > packet->options_len || p[at + 1] < 2 || at + p[at + 1] > packet->options_len)
            return NULL;
        if (p[at] == kind && p[at + 1] >= min_len)
            return p + at;
        at += p[at + 1];
    }
    return NULL;
}

/* ---- building --------------------------------------------------------------------------- */

static size_t put_ip(uint8_t *p, uint8_t version, uint8_t proto, uint8_t tos, uint8_t ttl,
                     uint32_t flow_label, const struct sw_ip *src, const struct sw_ip *dst,
                     size_t payload_len)
{
    if (version == 4) {
        memset(p, 0, SW_IP4_HDR);
        p[0] = 0x45;
        p[1] = tos;
        sw_put16(p + 2, (uint16_t)(SW_IP4_HDR + payload_len));
        p[8] = ttl;
        p[9] = proto;
        memcpy(p + 12, src->b + 12, 4);
        memcpy(p + 16, dst->b + 12, 4);
        sw_put16(p + 10, (uint16_t)~sw_csum_fold(sw_csum_add(0, p, SW_IP4_HDR, false)));
        return SW_IP4_HDR;
    }
    sw_put32(p, 6U << 28 | (uint32_t)tos << 20 | flow_label);
    sw_put16(p + 4, (uint16_t)payload_len);
    p[6] = proto == SW_PROTO_ICMP ? SW_PROTO_ICMP6 : proto;
    p[7] = ttl;
    memcpy(p + 8, src->b, 16);
    memcpy(p + 24, dst->b, 16);
    return SW_IP6_HDR;
}

static size_t put_tcp(uint8_t *p, uint16_t src, uint16_t dst, const struct spacket *packet)
{
    size_t len = SW_TCP_HDR + packet->options_len;
    sw_put16(p, src);
    sw_put16(p + 2, dst);
    sw_put32(p + 4, packet->seq);
    sw_put32(p + 8, packet->ack);
    sw_put16(p + 12, (uint16_t)((len / 4) << 12 | packet->flags));
    sw_put16(p + 14, packet->window);
    sw_put16(p + 16, 0);
    sw_put16(p + 18, packet->urgent);
    memcpy(p + SW_TCP_HDR, packet->options, packet->options_len);
    return len;
}

static size_t put_udp(uint8_t *p, uint16_t src, uint16_t dst, uint32_t len)
{
    sw_put16(p, src);
    sw_put16(p + 2, dst);
    sw_put16(p + 4, (uint16_t)(SW_UDP_HDR + len));
    sw_put16(p + 6, 0);
    return SW_UDP_HDR;
}

/* An ICMP error about a packet that this flow sent, or an echo. */
static size_t put_icmp(uint8_t *p, const struct flow *flow, const struct spacket *packet)
{
    memset(p, 0, SW_ICMP_HDR);
    p[0] = packet->type;
    p[1] = packet->code;
    if (packet->has_mtu)
        sw_put32(p + 4, packet->mtu);
    if (packet->id != 0)
        sw_put16(p + 4, packet->id);
    bool echo = packet->version == 4 ? packet->type == 0 || packet->type == 8 : packet->type >= 128;
    if (echo)
        return SW_ICMP_HDR;

    bool udp = packet->quoted_proto == SW_PROTO_UDP;
    uint8_t *ip = p + SW_ICMP_HDR;
    size_t len =
        put_ip(ip, packet->version, udp ? SW_PROTO_UDP : SW_PROTO_TCP, 0, 64, 0, &flow->local.ip,
               &flow->remote.ip, (udp ? SW_UDP_HDR : SW_TCP_HDR) + packet->quoted_len);
    const struct spacket quoted = {.seq = packet->quoted_seq, .flags = SW_TCP_ACK};
    if (udp)
        len += put_udp(ip + len, flow->local.port, flow->remote.port, packet->quoted_len);
    else
        len += put_tcp(ip + len, flow->local.port, flow->remote.port, &quoted);
    return SW_ICMP_HDR + len;
}

size_t wire_build(const struct flow *flow, const struct spacket *packet, uint32_t payload_at,
                  uint8_t *buf, size_t room)
{
    uint16_t src = packet->src_port ? packet->src_port : flow->remote.port;
    uint16_t dst = packet->dst_port ? packet->dst_port : flow->local.port;
    size_t ip_len = packet->version == 4 ? SW_IP4_HDR : SW_IP6_HDR;
    uint8_t *p = buf + ip_len;
    size_t len, csum_at;

    if (ip_len + SW_TCP_HDR_MAX * 2 + packet->len > room)
        return 0;
    if (packet->proto == SW_PROTO_TCP) {
        len = put_tcp(p, src, dst, packet);
        csum_at = 16;
    } else if (packet->proto == SW_PROTO_UDP) {
        len = put_udp(p, src, dst, packet->len);
        csum_at = 6;
    } else {
        len = put_icmp(p, flow, packet);
        csum_at = 2;
    }
    for (uint32_t i = 0; i < packet->len; i++)
        p[len + i] = wire_payload((uint64_t)payload_at + i);
    len += packet->len;

    uint64_t sum = sw_csum_add(0, p, len, false);
    uint8_t proto = packet->proto;
    if (proto == SW_PROTO_ICMP && packet->version == 6)
        proto = SW_PROTO_ICMP6;
    if (proto != SW_PROTO_ICMP)
        sum += sw_csum_pseudo(&flow->remote.ip, &flow->local.ip, proto, (uint32_t)len);
    sw_put16(p + csum_at, (uint16_t)~sw_csum_fold(sum));
    put_ip(buf, packet->version, packet->proto, packet->tos, packet->ttl ? packet->ttl : 255,
           packet->flow_label, &flow->remote.ip, &flow->local.ip, len);
    return ip_len + len;
}

/* ---- reading what left ------------------------------------------------------------------ */

static bool read_tcp(const uint8_t *p, size_t len, struct spacket *packet)
{
    size_t header = len >= SW_TCP_HDR ? (size_t)(p[12] >> 4) * 4 : 0;
    if (header < SW_TCP_HDR || header > len)
        return false;
    packet->seq = sw_get32(p + 4);
    packet->ack = sw_get32(p + 8);
    packet->flags = sw_get16(p + 12) & 0x1ff;
    packet->has_window = true;
    packet->window = sw_get16(p + 14);
    packet->urgent = sw_get16(p + 18);
    packet->options_len = (uint8_t)(header - SW_TCP_HDR);
    memcpy(packet->options, p + SW_TCP_HDR, packet->options_len);
    packet->payload = p + header;
    packet->len = (uint32_t)(len - header);
    return true;
}

bool wire_read(const struct sent *sent, struct spacket *ret_packet, struct sw_addr *ret_src,
               struct sw_addr *ret_dst)
{
    struct sw_ip_hdr ip;
    if (sw_ip_parse_hdr(sent->bytes, sent->len, sent->len, &ip) != SW_DROP_NONE)
        return false;
    const uint8_t *p = sent->bytes + ip.hdr_len;
    size_t len = ip.payload_len;
    *ret_src = (struct sw_addr){.ip = ip.src};
    *ret_dst = (struct sw_addr){.ip = ip.dst};
    *ret_packet = (struct spacket){.outbound = true,
                                   .version = ip.version,
                                   .tos_check = TOS_ALL,
                                   .tos = ip.tos,
                                   .ttl = ip.ttl,
                                   .has_flow_label = ip.flow_label != 0,
                                   .flow_label = ip.flow_label};
    if (ip.proto == SW_PROTO_ICMP || ip.proto == SW_PROTO_ICMP6) {
        ret_packet->proto = SW_PROTO_ICMP;
        if (len < SW_ICMP_HDR)
            return false;
        ret_packet->type = p[0];
        ret_packet->code = p[1];
        return true;
    }
    if ((ip.proto != SW_PROTO_TCP && ip.proto != SW_PROTO_UDP) || len < SW_UDP_HDR)
        return false;
    ret_packet->proto = ip.proto;
    ret_src->port = ret_packet->src_port = sw_get16(p);
    ret_dst->port = ret_packet->dst_port = sw_get16(p + 2);
    if (ip.proto == SW_PROTO_TCP)
        return read_tcp(p, len, ret_packet);
    ret_packet->payload = p + SW_UDP_HDR;
    ret_packet->len = (uint32_t)(len - SW_UDP_HDR);
    return true;
}
