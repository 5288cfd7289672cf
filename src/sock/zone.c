/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Zones (RFC 4007): which link an address is on that each link has one of (sw_ip_needs_zone()).
 *
 * As on Linux a socket that such an address is given to, to bind to or to connect to, becomes one
 * of that link's, as SO_BINDTOIFINDEX makes it, and stays it when the call fails then. So what
 * getsockname() tells as the zone is what the socket is bound to, and no local address holds one.
 */
#include <errno.h>

#include "sock/options.h"
#include "sock/private.h"
#include "sock/zone.h"

/* The link becomes the socket's; `none`: the error where it is not known, or there is no such. */
static int join(struct sw_sock_layer *layer, struct sw_sock *s, int32_t iface, int none)
{
    if (!iface)
        return -EINVAL;
    int r = SW_OPT_STORE(layer, s, bind_iface, iface);
    if (r < 0)
        return r;
    return sw_ip_iface(layer->ip, iface) ? 0 : none;
}

int sw_zone_bind(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_addr *local)
{
    int32_t bound = sw_sock_opts(s)->bind_iface;
    if (s->domain != SW_AF_INET6 || sw_ip_is_any(&local->ip))
        return 0;
    if (sw_ip_needs_zone(&local->ip)) /* in place of another link */
        return join(layer, s, local->scope_id ? (int32_t)local->scope_id : bound, -ENODEV);
    return !bound || sw_ip_iface(layer->ip, bound) ? 0 : -ENODEV;
}

int sw_zone_connect(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_addr *to)
{
    int r = sw_zone_check(s, to);
    if (r < 0 || !sw_ip_needs_zone(&to->ip))
        return r;
    return join(layer, s, (int32_t)to->scope_id, -ENETUNREACH);
}

int sw_zone_check(struct sw_sock *s, const struct sw_addr *to)
{
    int32_t bound = sw_sock_opts(s)->bind_iface;
    if (!sw_ip_needs_zone(&to->ip))
        return 0;
    return !to->scope_id || (bound && to->scope_id != (uint32_t)bound) ? -EINVAL : 0;
}

uint32_t sw_zone_local(struct sw_sock *s)
{
    int32_t bound = sw_sock_opts(s)->bind_iface;
    if (!sw_ip_needs_zone(&sw_sock_local(s)->ip))
        return 0;
    return bound ? (uint32_t)bound : sw_sock_remote(s)->scope_id; /* its peer's, of one accepted */
}
