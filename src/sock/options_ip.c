/* SPDX-License-Identifier: BSD-2-Clause */
/* Options of SOL_IP and SOL_IPV6 that are more than a bit or a number: see ip(7), ipv6(7). */
#include <errno.h>

#include "sock/options.h"

enum { ECN_MASK = 3 /* RFC 3168 5: a stream's are TCP's own */, TTL_DEFAULT = 64 };
enum { IP_OPTIONS_MAX_BYTES = 40 /* RFC 791 3.1: 15 words of header */ };
enum { MTU6_MIN_BYTES = 1280 /* RFC 8200 5 */ };

static int32_t traffic_class(const struct sw_sock *s, int32_t old, int32_t v)
{
    return sw_sock_is_stream(s) ? ((v & ~ECN_MASK) | (old & ECN_MASK)) & 0xff : v & 0xff;
}

SW_OPT_GET(sw_opt_get_tos)
{
    (void)layer;
    *ret = sw_sock_opts(s)->tos;
    return 0;
}

/* By the bits of RFC 1349: throughput is bulk, little delay interactive, both in between; the
 * numbers of <linux/pkt_sched.h>. */
uint8_t sw_opt_priority_of(uint8_t tos)
{
    enum { BULK = 2, INTERACTIVE_BULK = 4, INTERACTIVE = 6 };
    static const uint8_t of[4] = {0, BULK, INTERACTIVE, INTERACTIVE_BULK};
    return of[tos >> 3 & 3];
}

SW_OPT_SET(sw_opt_set_tos)
{
    int32_t old = sw_sock_opts(s)->tos, tos = traffic_class(s, old, v);
    int r = SW_OPT_STORE(layer, s, tos, tos);
    return r < 0 || tos == old ? r
                               : SW_OPT_STORE(layer, s, priority, sw_opt_priority_of((uint8_t)tos));
}

SW_OPT_GET(sw_opt_get_tclass)
{
    (void)layer;
    *ret = sw_sock_opts(s)->tclass;
    return 0;
}

SW_OPT_SET(sw_opt_set_tclass)
{
    if (v < -1 || v > 255)
        return -EINVAL;
    return SW_OPT_STORE(layer, s, tclass, traffic_class(s, sw_sock_opts(s)->tclass, v < 0 ? 0 : v));
}

static int time_to_live(int32_t stored)
{
    return stored < 0 ? TTL_DEFAULT : stored;
}

SW_OPT_GET(sw_opt_get_ttl)
{
    (void)layer;
    *ret = time_to_live(sw_sock_opts(s)->ttl);
    return 0;
}

SW_OPT_SET(sw_opt_set_ttl)
{
    if (v != -1 && (v < 1 || v > 255))
        return -EINVAL;
    return SW_OPT_STORE(layer, s, ttl, v);
}

SW_OPT_GET(sw_opt_get_hops)
{
    (void)layer;
    *ret = time_to_live(sw_sock_opts(s)->hops);
    return 0;
}

SW_OPT_SET(sw_opt_set_hops)
{
    if (v < -1 || v > 255)
        return -EINVAL;
    return SW_OPT_STORE(layer, s, hops, v);
}

SW_OPT_GET(sw_opt_get_v6only)
{
    (void)layer;
    *ret = (s->on & SW_ON_V6ONLY) != 0;
    return 0;
}

SW_OPT_SET(sw_opt_set_v6only)
{
    (void)layer;
    if (s->ref.port || sw_sock_is_raw(s)) /* whose protocol is its port */
        return -EINVAL;
    s->on = v ? s->on | SW_ON_V6ONLY : s->on & ~(uint32_t)SW_ON_V6ONLY;
    return 0;
}

/* IP_MTU, IPV6_MTU: of the path to the peer. */
SW_OPT_GET(sw_opt_get_mtu)
{
    struct sw_ip_path path;
    bool connected = sw_sock_is_stream(s) ? sw_stream_state(s) != SW_TCP_CLOSED && !s->listener
                                          : sw_sock_has_peer(s);
    if (!connected || sw_ip_path(layer->ip, &sw_sock_remote(s)->ip, NULL, &path) < 0)
        return -ENOTCONN;
    *ret = (int)path.mtu;
    return 0;
}

SW_OPT_GET(sw_opt_get_mtu6)
{
    return sw_opt_get_mtu(layer, s, ret);
}

/* The size of fragments; the path's own is never too large, so there is nothing to change. */
SW_OPT_SET(sw_opt_set_mtu6)
{
    (void)layer, (void)s;
    return v && v < MTU6_MIN_BYTES ? -EINVAL : 0;
}

/* struct ip6_mtuinfo: a sockaddr_in6 that says nothing, and the path MTU. */
SW_OPT_GET_BYTES(sw_opt_get_pathmtu)
{
    uint32_t info[8] = {0};
    int mtu;
    if (*len < sizeof(info))
        return -EINVAL;
    int r = sw_opt_get_mtu(layer, s, &mtu);
    if (r < 0)
        return r;
    info[7] = (uint32_t)mtu;
    return sw_opt_copy_out(val, len, info, sizeof(info));
}

/* ---- multicast ------------------------------------------------------------------------ */

SW_OPT_SET(sw_opt_set_multicast_all)
{
    (void)layer;
    if (v != 0 && v != 1)
        return -EINVAL;
    s->on = v ? s->on & ~(uint32_t)SW_ON_MULTICAST_ONLY_MINE : s->on | SW_ON_MULTICAST_ONLY_MINE;
    return 0;
}

SW_OPT_GET(sw_opt_get_multicast_all)
{
    (void)layer;
    *ret = !(s->on & SW_ON_MULTICAST_ONLY_MINE);
    return 0;
}

/* IP_MULTICAST_IF: an in_addr, an ip_mreq or an ip_mreqn (group, address, interface index). */
SW_OPT_SET_BYTES(sw_opt_set_multicast_if)
{
    enum { IN_ADDR = 4, MREQ = 8, MREQN = 12 };
    struct sw_ip addr = SW_IP4_ANY;
    int32_t iface = 0;
    if (len < IN_ADDR)
        return -EINVAL;
    memcpy(addr.b + 12, (const uint8_t *)val + (len >= MREQ ? 4 : 0), 4);
    if (len >= MREQN)
        memcpy(&iface, (const uint8_t *)val + 8, sizeof(iface));
    if (iface && !sw_ip_iface(layer->ip, iface))
        return -EADDRNOTAVAIL;
    if (!iface && !sw_ip_is_any(&addr) && !sw_ip_is_local(layer->ip, &addr))
        return -EADDRNOTAVAIL;
    struct sw_sock_opts *opts = sw_sock_opts_own(layer, s);
    if (!opts)
        return -ENOMEM;
    opts->multicast_iface = iface;
    opts->multicast_addr = addr;
    return 0;
}

SW_OPT_GET_BYTES(sw_opt_get_multicast_if)
{
    (void)layer;
    return sw_opt_copy_out(val, len, sw_sock_opts(s)->multicast_addr.b + 12, 4);
}

/* Of IPv6 the interface's index alone; one that is not there is none. */
SW_OPT_GET(sw_opt_get_multicast_if6)
{
    (void)layer;
    *ret = sw_sock_opts(s)->multicast_iface6;
    return 0;
}

SW_OPT_SET(sw_opt_set_multicast_if6)
{
    if (v < 0 || (v && !sw_ip_iface(layer->ip, v)))
        return -ENODEV;
    return SW_OPT_STORE(layer, s, multicast_iface6, v);
}

/* ---- IP_UNICAST_IF, IPV6_UNICAST_IF: an index in network byte order --------------------- */

static bool is_iface_or_none(const struct sw_sock_layer *layer, int v)
{
    uint8_t b[4];
    memcpy(b, &v, sizeof(b));
    uint32_t iface = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    return iface == 0 || (iface <= INT32_MAX && sw_ip_iface(layer->ip, (int)iface));
}

SW_OPT_GET(sw_opt_get_unicast_if)
{
    (void)layer;
    *ret = sw_sock_opts(s)->unicast_if;
    return 0;
}

SW_OPT_SET(sw_opt_set_unicast_if)
{
    return is_iface_or_none(layer, v) ? SW_OPT_STORE(layer, s, unicast_if, v) : -EADDRNOTAVAIL;
}

SW_OPT_GET(sw_opt_get_unicast_if6)
{
    (void)layer;
    *ret = sw_sock_opts(s)->unicast_if6;
    return 0;
}

SW_OPT_SET(sw_opt_set_unicast_if6)
{
    return is_iface_or_none(layer, v) ? SW_OPT_STORE(layer, s, unicast_if6, v) : -EADDRNOTAVAIL;
}

/* ---- options that packets carry ----------------------------------------------------------- */

/* IP_OPTIONS: none are sent. Zeros are the end of the list. */
SW_OPT_GET_BYTES(sw_opt_get_ip_options)
{
    (void)layer, (void)s, (void)val;
    *len = 0;
    return 0;
}

SW_OPT_SET_BYTES(sw_opt_set_ip_options)
{
    (void)layer, (void)s;
    const uint8_t *options = val;
    if (len > IP_OPTIONS_MAX_BYTES)
        return -EINVAL;
    return len == 0 || options[0] == 0 ? 0 : -EINVAL;
}

SW_OPT_GET(sw_opt_get_port_range)
{
    (void)layer;
    *ret = sw_sock_opts(s)->port_range;
    return 0;
}

SW_OPT_SET(sw_opt_set_port_range)
{
    uint32_t first = (uint32_t)v & 0xffff, last = (uint32_t)v >> 16;
    if (first != 0 && last != 0 && first > last)
        return -EINVAL;
    return SW_OPT_STORE(layer, s, port_range, v);
}
