/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the path carries: MTU, maximum segment size (RFC 9293 3.7.1, RFC 6691), super-segment size.
 * What ICMP says of it is kept in ip/, where all connections to a destination find it.
 */
#include "tcp/mtu_probe.h"
#include "tcp/private.h"

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
        return mss_of(tcp,
                      sw_ip_is4(&tcp->remote.ip) ? SW_TCP_MSS_DEFAULT4_BYTES : PMTU_MIN6_BYTES);
    /* RFC 9293 3.7.1 has an upper bound for it. What ICMP told of the way there holds for the way
     * back more often than not (as Linux). */
    return mss_of(tcp, sw_max32(path.advmss ? path.advmss + headers(tcp) : path.mtu,
                                tcp->layer->ip->config.min_advmss_bytes + headers(tcp)));
}

uint32_t sw_tcp_initial_cwnd(struct sw_tcp *tcp)
{
    struct sw_ip_path path = {.initcwnd = 0};

    sw_ip_path(tcp->layer->ip, &tcp->remote.ip, &tcp->local.ip, &path);
    return (path.initcwnd ? path.initcwnd : SW_TCP_IW_SEGMENTS) * tcp->snd.mss;
}

int sw_tcp_path(struct sw_tcp *tcp)
{
    struct sw_ip_path path;
    uint32_t mss;
    int err = sw_ip_path(tcp->layer->ip, &tcp->remote.ip, &tcp->local.ip, &path);

    if (err < 0)
        return err;
    tcp->snd.path_seen = (uint16_t)tcp->layer->ip->path_changes;
    mss = mss_of(tcp, sw_mtu_probe_limit(tcp, path.mtu));
    if (tcp->snd.peer_mss && mss > tcp->snd.peer_mss)
        mss = tcp->snd.peer_mss;
    if (sw_tcp_has(tcp, SW_TCPF_TIMESTAMPS))
        mss -= SW_TCP_TS_BYTES;
    tcp->snd.mss = (uint16_t)mss;
    tcp->snd.gso_max =
        (uint16_t)sw_min32(path.gso_max, SW_PACKET_MAX - SW_IP4_HDR - SW_TCP_HDR_MAX);
    return 0;
}

bool sw_tcp_path_changed(struct sw_tcp *tcp)
{
    uint16_t before = tcp->snd.mss;

    if (tcp->snd.path_seen == (uint16_t)tcp->layer->ip->path_changes)
        return false;
    sw_tcp_path(tcp);
    return tcp->snd.mss != before;
}
