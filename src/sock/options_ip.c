/* SPDX-License-Identifier: BSD-2-Clause */
/* Options of SOL_IP and SOL_IPV6 that are more than a bit or a number: see ip(7), ipv6(7). */
#include <errno.h>

#include "sock/options.h"

enum { ECN_MASK = 3 /* RFC 3168 5: a stream's are TCP's own */, TTL_DEFAULT = 64 };

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

SW_OPT_SET(sw_opt_set_tos)
{
    return SW_OPT_STORE(layer, s, tos, traffic_class(s, sw_sock_opts(s)->tos, v));
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
    if (s->ref.port)
        return -EINVAL;
    s->on = v ? s->on | SW_ON_V6ONLY : s->on & ~(uint32_t)SW_ON_V6ONLY;
    return 0;
}

/* Without effect: no datagram here brings IP options that could be told. */
SW_OPT_GET(sw_opt_get_retopts)
{
    (void)layer;
    *ret = sw_sock_opts(s)->retopts;
    return 0;
}

SW_OPT_SET(sw_opt_set_retopts)
{
    return SW_OPT_STORE(layer, s, retopts, v != 0);
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

/* ---- multicast ------------------------------------------------------------------------ */

SW_OPT_GET(sw_opt_get_multicast_ttl)
{
    (void)layer;
    *ret = sw_sock_opts(s)->multicast_ttl;
    return 0;
}

SW_OPT_SET(sw_opt_set_multicast_ttl)
{
    if (v < -1 || v > 255)
        return -EINVAL;
    return SW_OPT_STORE(layer, s, multicast_ttl, v == -1 ? 1 : v);
}

SW_OPT_GET(sw_opt_get_multicast_hops)
{
    (void)layer;
    *ret = sw_sock_opts(s)->multicast_hops;
    return 0;
}

SW_OPT_SET(sw_opt_set_multicast_hops)
{
    if (v < -1 || v > 255)
        return -EINVAL;
    return SW_OPT_STORE(layer, s, multicast_hops, v == -1 ? 1 : v);
}

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

SW_OPT_SET(sw_opt_set_multicast_loop6)
{
    (void)layer;
    if (v != 0 && v != 1)
        return -EINVAL;
    s->on = v ? s->on & ~(uint32_t)SW_ON_MULTICAST_QUIET6 : s->on | SW_ON_MULTICAST_QUIET6;
    return 0;
}

SW_OPT_GET(sw_opt_get_multicast_loop6)
{
    (void)layer;
    *ret = !(s->on & SW_ON_MULTICAST_QUIET6);
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
