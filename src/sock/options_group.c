/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Options that join and leave multicast groups: those of ip(7) and ipv6(7), and the ones that both
 * families share (RFC 3678 5). They can be set only.
 */
#include <errno.h>

#include "sock/opt_addr.h"

/* The structures of Linux's <linux/in.h> and <linux/in6.h>, as bytes. */
enum {
    MREQ = 8,         /* group, address of the interface */
    MREQN = 12,       /* and its index, which goes before the address */
    MREQ_SOURCE = 12, /* group, address of the interface, source */
    MREQ6 = 20,       /* group, index */
    STORAGE = 128,    /* a sockaddr_storage */
};

int sw_opt_iface_of(struct sw_sock_layer *layer, const struct sw_ip *addr)
{
    struct sw_ip_path path;
    if (sw_ip_is_any(addr))
        return 0;
    int iface = sw_ip_addr_iface(layer->ip, addr);
    if (iface == 0 && sw_ip_is_local(layer->ip, addr) && /* another one of 127.0.0.0/8 */
        sw_ip_path(layer->ip, addr, NULL, &path) == 0)
        iface = path.iface;
    return iface ? iface : -ENODEV;
}

/* Memberships of a stream have no meaning. */
static int check(const struct sw_sock *s, size_t len, size_t least)
{
    if (len < least)
        return -EINVAL;
    return sw_sock_is_stream(s) ? -EPROTO : 0;
}

static int read_mreq(struct sw_sock_layer *layer, const uint8_t *p, size_t len, struct sw_ip *group)
{
    int32_t index = 0;
    struct sw_ip addr = sw_opt_ip4_at(p + 4);
    *group = sw_opt_ip4_at(p);
    if (len >= MREQN)
        index = sw_opt_i32_at(p + 8);
    return index ? (index < 0 ? -ENODEV : index) : sw_opt_iface_of(layer, &addr);
}

SW_OPT_SET_BYTES(sw_opt_join4)
{
    struct sw_ip group;
    int r = check(s, len, MREQ);
    if (r == 0)
        r = read_mreq(layer, val, len, &group);
    return r < 0 ? r : sw_group_join(layer, s, &group, r, true);
}

SW_OPT_SET_BYTES(sw_opt_leave4)
{
    struct sw_ip group;
    struct sw_ip_path path;
    int r = check(s, len, MREQ);
    if (r < 0)
        return r;
    r = read_mreq(layer, val, len, &group);
    bool is_group = sw_ip_is_multicast(&group) || sw_ip_is_any(&group);
    if (r == 0 && !is_group && sw_ip_path(layer->ip, &group, NULL, &path) < 0)
        return -ENODEV; /* the interface is that of the way there: ip_mc_find_dev() */
    return r < 0 ? r : sw_group_leave(layer, s, &group, r);
}

SW_OPT_SET_BYTES(sw_opt_join6)
{
    const uint8_t *p = val;
    int r = check(s, len, MREQ6);
    if (r < 0)
        return r;
    struct sw_ip group = sw_opt_ip6_at(p);
    int32_t index = sw_opt_i32_at(p + sizeof(group.b));
    if (index < 0)
        return -ENODEV;
    return sw_group_join(layer, s, &group, index, true);
}

SW_OPT_SET_BYTES(sw_opt_leave6)
{
    const uint8_t *p = val;
    int r = check(s, len, MREQ6);
    if (r < 0)
        return r;
    struct sw_ip group = sw_opt_ip6_at(p);
    int32_t index = sw_opt_i32_at(p + sizeof(group.b));
    if (!sw_ip_is_multicast(&group))
        return -EINVAL;
    if (index < 0)
        return -ENODEV;
    return sw_group_leave(layer, s, &group, index);
}

/* ---- sources -------------------------------------------------------------------------- */

/* To hear one source only is to join, too. */
static int change_source(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_ip *group,
                         int iface, const struct sw_ip *source, bool exclude, bool add)
{
    if (iface < 0)
        return iface;
    if (add && !exclude) {
        int r = sw_group_join(layer, s, group, iface, false);
        if (r < 0 && r != -EADDRINUSE)
            return r;
    }
    return sw_group_source(layer, s, group, iface, source, exclude, add);
}

static int source4(struct sw_sock_layer *layer, struct sw_sock *s, const uint8_t *p, size_t len,
                   bool exclude, bool add)
{
    int r = check(s, len, MREQ_SOURCE);
    if (r < 0)
        return r;
    const struct sw_ip group = sw_opt_ip4_at(p), iface = sw_opt_ip4_at(p + 4),
                       source = sw_opt_ip4_at(p + 8);
    return change_source(layer, s, &group, sw_opt_iface_of(layer, &iface), &source, exclude, add);
}

SW_OPT_SET_BYTES(sw_opt_block4)
{
    return source4(layer, s, val, len, true, true);
}

SW_OPT_SET_BYTES(sw_opt_unblock4)
{
    return source4(layer, s, val, len, true, false);
}

SW_OPT_SET_BYTES(sw_opt_join_source4)
{
    return source4(layer, s, val, len, false, true);
}

SW_OPT_SET_BYTES(sw_opt_leave_source4)
{
    return source4(layer, s, val, len, false, false);
}

/* ---- RFC 3678: either family, which is that of the level ------------------------------- */

/* The group, and of several addresses the next. ip_mcast_join_leave() alone calls another family
 * malformed. */
static int read_storage(const uint8_t *p, uint16_t family, struct sw_ip *ret_ip)
{
    if (sw_opt_family_at(p) != family)
        return -EADDRNOTAVAIL;
    *ret_ip =
        family == SW_AF_INET ? sw_opt_ip4_at(p + SW_SIN_ADDR) : sw_opt_ip6_at(p + SW_SIN6_ADDR);
    return 0;
}

/* The interface, or a negative errno. */
static int read_group(const struct sw_sock *s, const uint8_t *p, uint16_t family,
                      struct sw_ip *ret_group)
{
    int32_t index = sw_opt_i32_at(p);
    int r = read_storage(p + 8, family, ret_group);
    if (r == 0 && sw_sock_is_stream(s))
        r = -EPROTO;
    return r < 0 ? r : index < 0 ? -ENODEV : index;
}

static int change_group(struct sw_sock_layer *layer, struct sw_sock *s, const uint8_t *p,
                        uint16_t family, bool join)
{
    struct sw_ip group;
    int iface = read_group(s, p, family, &group);
    if (iface == -EADDRNOTAVAIL && family == SW_AF_INET)
        return -EINVAL;
    if (iface < 0)
        return iface;
    return join ? sw_group_join(layer, s, &group, iface, true)
                : sw_group_leave(layer, s, &group, iface);
}

static int group_source(struct sw_sock_layer *layer, struct sw_sock *s, const uint8_t *p,
                        uint16_t family, bool exclude, bool add)
{
    struct sw_ip group, source;
    int iface = read_group(s, p, family, &group);
    int r = iface < 0 ? iface : read_storage(p + 8 + STORAGE, family, &source);
    return r < 0 ? r : change_source(layer, s, &group, iface, &source, exclude, add);
}

/* The options of both levels: their rows have said how long the structure is at least. */
#define BOTH_LEVELS(name, change, ...)                                                             \
    SW_OPT_SET_BYTES(sw_opt_##name##4)                                                             \
    {                                                                                              \
        (void)len;                                                                                 \
        return change(layer, s, val, SW_AF_INET, __VA_ARGS__);                                     \
    }                                                                                              \
    SW_OPT_SET_BYTES(sw_opt_##name##6)                                                             \
    {                                                                                              \
        (void)len;                                                                                 \
        return change(layer, s, val, SW_AF_INET6, __VA_ARGS__);                                    \
    }
BOTH_LEVELS(join_group, change_group, true)
BOTH_LEVELS(leave_group, change_group, false)
BOTH_LEVELS(block_group_source, group_source, true, true)
BOTH_LEVELS(unblock_group_source, group_source, true, false)
BOTH_LEVELS(join_group_source, group_source, false, true)
BOTH_LEVELS(leave_group_source, group_source, false, false)
