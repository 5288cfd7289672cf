/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which way a packet leaves. Routes lie in one array, longest prefix first, so that the first that
 * covers a destination is the most specific one. What is addressed to this host itself goes by its
 * loopback interface whatever the routes say, as Linux's "local" table has it.
 */
#include <errno.h>

#include "ip/private.h"

int sw_ip_route_insert(struct sw_ip_layer *ip, const struct sw_ip_route *route, bool quiet)
{
    uint32_t at = 0;
    while (at < ip->n_routes && ip->routes[at].prefix_bits >= route->prefix_bits) {
        const struct sw_ip_route *r = &ip->routes[at++];
        if (r->prefix_bits == route->prefix_bits && r->is4 == route->is4 &&
            sw_ip_eq(&r->dst, &route->dst))
            return quiet ? 0 : -EEXIST;
    }
    struct sw_ip_route *routes = sw_mem_alloc(ip->env->mem, (ip->n_routes + 1) * sizeof(*routes));
    if (!routes)
        return -ENOMEM;
    for (uint32_t i = 0; i <= ip->n_routes; i++)
        routes[i] = i == at ? *route : ip->routes[i < at ? i : i - 1];
    sw_mem_free(ip->env->mem, ip->routes, ip->n_routes * sizeof(*routes));
    ip->routes = routes;
    ip->n_routes++;
    sw_ip_path_changed(ip);
    return 0;
}

void sw_ip_route_remove(struct sw_ip_layer *ip, uint32_t at)
{
    size_t left = ip->n_routes - 1;
    struct sw_ip_route *routes = left ? sw_mem_alloc(ip->env->mem, left * sizeof(*routes)) : NULL;
    if (left && !routes) /* no memory to take it away: it leads to nobody */
        return;
    for (uint32_t i = 0; i < left; i++)
        routes[i] = ip->routes[i < at ? i : i + 1];
    sw_mem_free(ip->env->mem, ip->routes, ip->n_routes * sizeof(*routes));
    ip->routes = routes;
    ip->n_routes--;
    sw_ip_path_changed(ip);
}

int sw_ip_add_route(struct sw_ip_layer *ip, const struct sw_ip *dst, unsigned prefix_len, int iface,
                    const struct sw_ip *via)
{
    if (!sw_ip_iface(ip, iface))
        return -ENODEV;
    if (prefix_len > sw_ip_family_bits(dst) || (via && sw_ip_is4(via) != sw_ip_is4(dst)))
        return -EINVAL;
    struct sw_ip_route route = {
        .iface = iface, .prefix_bits = sw_ip_prefix_bits(dst, prefix_len), .is4 = sw_ip_is4(dst)};
    route.dst = sw_ip_masked(dst, route.prefix_bits);
    route.via = via ? *via : route.is4 ? SW_IP4_ANY : SW_IP6_ANY;
    return sw_ip_route_insert(ip, &route, false);
}

int sw_ip_remove_route(struct sw_ip_layer *ip, const struct sw_ip *dst, unsigned prefix_len,
                       int iface)
{
    if (prefix_len > sw_ip_family_bits(dst))
        return -EINVAL;
    uint8_t bits = sw_ip_prefix_bits(dst, prefix_len);
    struct sw_ip prefix = sw_ip_masked(dst, bits);
    for (uint32_t i = 0; i < ip->n_routes; i++) {
        const struct sw_ip_route *r = &ip->routes[i];
        if (r->prefix_bits != bits || r->iface != iface || !sw_ip_eq(&r->dst, &prefix) ||
            r->is4 != sw_ip_is4(dst) || !sw_ip_is_any(&r->via))
            continue;
        sw_ip_route_remove(ip, i);
        return 0;
    }
    return -ESRCH;
}

int sw_ip_set_route_metrics(struct sw_ip_layer *ip, const struct sw_ip *dst, unsigned prefix_len,
                            const struct sw_route_metrics *metrics)
{
    uint32_t least = SW_IP4_MTU_MIN + (sw_ip_is4(dst) ? 0 : SW_IP6_HDR);
    if (prefix_len > sw_ip_family_bits(dst) || (metrics->mtu && metrics->mtu < least) ||
        metrics->advmss > UINT16_MAX || metrics->initcwnd > UINT16_MAX)
        return -EINVAL;
    uint8_t bits = sw_ip_prefix_bits(dst, prefix_len);
    struct sw_ip prefix = sw_ip_masked(dst, bits);
    for (uint32_t i = 0; i < ip->n_routes; i++) {
        struct sw_ip_route *r = &ip->routes[i];
        if (r->prefix_bits != bits || r->is4 != sw_ip_is4(dst) || !sw_ip_eq(&r->dst, &prefix))
            continue;
        r->metrics = *metrics;
        sw_ip_path_changed(ip);
        return 0;
    }
    return -ESRCH;
}

const struct sw_ip_route *sw_ip_route_find(const struct sw_ip_layer *ip, const struct sw_ip *dst)
{
    bool is4 = sw_ip_is4(dst);
    for (uint32_t i = 0; i < ip->n_routes; i++) {
        const struct sw_ip_route *r = &ip->routes[i];
        if (r->is4 == is4 && sw_ip_prefix_covers(&r->dst, r->prefix_bits, dst))
            return r;
    }
    return NULL;
}

void sw_ip_path_limits(struct sw_ip_layer *ip, const struct sw_iface *iface,
                       const struct sw_ip_route *route, const struct sw_ip *dst,
                       struct sw_ip_path *path)
{
    /* Payload of a super-segment so large that any TCP header still fits in front of it. An
     * interface that takes none gets them cut by sw_ip_output(): one pass through TCP serves them
     * all. */
    uint32_t gso_limit = SW_IP4_MAX - SW_IP4_HDR - SW_TCP_HDR_MAX;
    uint32_t gso_max = sw_ip_iface_gso(iface);
    path->gso_max = gso_max > 0 && gso_max < gso_limit ? gso_max : gso_limit;
    path->mtu = iface->config.mtu;
    if (sw_ip_is4(dst) && path->mtu > SW_IP4_MAX)
        path->mtu = SW_IP4_MAX;
    path->link_mtu = path->mtu;
    path->advmss = path->initcwnd = 0;
    path->loopback = iface->config.loopback;
    path->mtu_locked = false;
    if (route) {
        if (route->metrics.mtu)
            path->mtu = route->metrics.mtu < SW_IP4_MAX ? route->metrics.mtu : SW_IP4_MAX;
        path->mtu_locked = route->metrics.mtu_lock;
        path->advmss = route->metrics.advmss;
        path->initcwnd = route->metrics.initcwnd;
    }
    if (!path->mtu_locked && !path->loopback)
        sw_pmtu_apply(ip, dst, path);
}

/* The source toward an address of our own: the interface's first address of the same prefix
 * (127.0.0.1 for 127.1.2.3, as Linux's local table prefers), else that very address. */
static struct sw_ip local_src(const struct sw_ip_layer *ip, int loopback, const struct sw_ip *dst)
{
    for (uint32_t i = 0; i < ip->n_addrs; i++) {
        const struct sw_ip_addr *a = &ip->addrs[i];
        if (a->iface == loopback && sw_ip_prefix_covers(&a->ip, a->prefix_bits, dst))
            return a->ip;
    }
    return *dst;
}

int sw_ip_group_path(struct sw_ip_layer *ip, int iface, const struct sw_ip *group,
                     const struct sw_ip *src, struct sw_ip_path *ret_path)
{
    const struct sw_iface *i = sw_ip_iface(ip, iface);
    struct sw_ip_path path = {.iface = iface};
    bool chosen = src && !sw_ip_is_any(src);

    if (!i)
        return -ENODEV;
    if (chosen && !sw_ip_is_local(ip, src))
        return -EADDRNOTAVAIL;
    if (chosen && sw_ip_is4(src) != sw_ip_is4(group))
        return -ENETUNREACH;
    if (chosen)
        path.src = *src;
    else if (!sw_ip_choose_src(ip, iface, group, &path.src))
        return -EADDRNOTAVAIL;
    sw_ip_path_limits(ip, i, NULL, group, &path);
    *ret_path = path;
    return 0;
}

/* Linux looks for a source of IPv6 before it looks whether there is a way: who has none at all is
 * told so (ip6_dst_lookup_tail()). */
static int no_route(const struct sw_ip_layer *ip, const struct sw_ip *dst)
{
    bool any = sw_ip_is4(dst);
    for (uint32_t i = 0; !any && i < ip->n_addrs; i++)
        any = !sw_ip_is4(&ip->addrs[i].ip);
    return any ? -ENETUNREACH : -EADDRNOTAVAIL;
}

int sw_ip_path(struct sw_ip_layer *ip, const struct sw_ip *dst, const struct sw_ip *src,
               struct sw_ip_path *ret_path)
{
    struct sw_ip_path path;
    bool chosen = src && !sw_ip_is_any(src);

    if (chosen && sw_memo_path(ip, dst, src, ret_path))
        return 0;
    if (sw_ip_is_any(dst))
        return -ENETUNREACH;
    if (chosen && !sw_ip_is_local(ip, src))
        return -EADDRNOTAVAIL;
    if (chosen && sw_ip_is4(src) != sw_ip_is4(dst))
        return -ENETUNREACH;

    const struct sw_iface *iface;
    const struct sw_ip_route *route = NULL;
    if (sw_ip_is_local(ip, dst)) {
        iface = sw_ip_loopback(ip, &path.iface);
        if (!iface)
            return -ENETUNREACH;
        path.src = chosen ? *src : local_src(ip, path.iface, dst);
    } else {
        route = sw_ip_route_find(ip, dst);
        if (!route)
            return no_route(ip, dst);
        path.iface = route->iface;
        iface = &ip->ifaces[route->iface - 1];
        if (chosen)
            path.src = *src;
        else if (!sw_ip_choose_src(ip, path.iface, dst, &path.src))
            return -EADDRNOTAVAIL;
        if (sw_ip_is_loopback(&path.src) && !iface->config.loopback)
            return -EINVAL;
    }
    if (!sw_ip_is4(dst) && iface->config.mtu < SW_IP6_MTU_MIN)
        return -ENETUNREACH; /* no IPv6 on such a link (RFC 8200 5) */
    sw_ip_path_limits(ip, iface, route, dst, &path);
    if (chosen)
        sw_memo_keep_path(ip, dst, &path);
    *ret_path = path;
    return 0;
}
