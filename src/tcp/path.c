/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the path carries: MTU, maximum segment size (RFC 9293 3.7.1, RFC 6691), super-segment size,
 * and what ICMP says of them (RFC 1191, RFC 8201).
 */
#include "tcp/private.h"

/* Linux's net.ipv4.route.min_pmtu: a smaller one in an ICMP message is believed to be this. */
#define PMTU_MIN4_BYTES 552U
#define PMTU_MIN6_BYTES 1280U /* RFC 8200 5 */

static uint32_t headers(const struct sw_tcp *tcp)
{
    return (sw_ip_is4(&tcp->remote.ip) ? SW_IP4_HDR : SW_IP6_HDR) + SW_TCP_HDR;
}

/* Payload of a packet without TCP options on a path of this MTU. IPv4's total length and IPv6's
 * payload length are 16 bits, which loopback interfaces' MTU of 65,536 does not fit into. */
static uint16_t mss_of(const struct sw_tcp *tcp, uint32_t mtu)
{
    bool v4 = sw_ip_is4(&tcp->remote.ip);
    uint32_t mss = sw_min32(mtu, v4 ? 65535U : 65535U + SW_IP6_HDR) - headers(tcp);

    if (tcp->maxseg && mss > tcp->maxseg)
        mss = tcp->maxseg;
    return (uint16_t)mss;
}

uint16_t sw_tcp_announced_mss(struct sw_tcp *tcp)
{
    struct sw_ip_path path;

    if (sw_ip_path(tcp->layer->ip, &tcp->remote.ip, &tcp->local.ip, &path) < 0)
        path.mtu = sw_ip_is4(&tcp->remote.ip) ? SW_TCP_MSS_DEFAULT4_BYTES : PMTU_MIN6_BYTES;
    return mss_of(tcp, path.mtu);
}

int sw_tcp_path(struct sw_tcp *tcp)
{
    struct sw_ip_path path;
    uint32_t mss;
    int err = sw_ip_path(tcp->layer->ip, &tcp->remote.ip, &tcp->local.ip, &path);

    if (err < 0)
        return err;
    if (tcp->snd.pmtu && tcp->snd.pmtu < path.mtu)
        path.mtu = tcp->snd.pmtu;
    mss = mss_of(tcp, path.mtu);
    if (tcp->snd.peer_mss && mss > tcp->snd.peer_mss)
        mss = tcp->snd.peer_mss;
    if (sw_tcp_has(tcp, SW_TCPF_TIMESTAMPS))
        mss -= SW_TCP_TS_BYTES;
    tcp->snd.mss = (uint16_t)mss;
    tcp->snd.gso_max =
        (uint16_t)sw_min32(path.gso_max, SW_PACKET_MAX - SW_IP4_HDR - SW_TCP_HDR_MAX);
    return 0;
}

void sw_tcp_path_mtu(struct sw_tcp *tcp, uint32_t mtu)
{
    uint32_t min = sw_ip_is4(&tcp->remote.ip) ? PMTU_MIN4_BYTES : PMTU_MIN6_BYTES;

    tcp->snd.pmtu = (uint16_t)sw_min32(sw_max32(mtu, min), UINT16_MAX);
    sw_tcp_path(tcp);
}
