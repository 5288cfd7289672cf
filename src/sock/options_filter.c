/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Options that set and tell all the sources of a group at once: IP_MSFILTER and MCAST_MSFILTER (RFC
 * 3678 4.1.3, 4.2.3, 5.1.3, 5.2.3). What a caller gets is asked for in the very structure that is
 * filled in: group and interface are read from it, and how many sources there is room for.
 */
#include <errno.h>

#include "sock/opt_addr.h"

/* Where the structures of Linux's <linux/in.h> have their fields, and what they hold. */
struct layout {
    uint32_t group, mode, n_sources, sources; /* offsets; `sources` is the least size, too */
    uint32_t source;                          /* bytes of each */
    bool storage;                             /* addresses are struct sockaddr_storage */
};
static const struct layout ip_msfilter = {0, 8, 12, 16, 4, false};
static const struct layout group_filter = {8, 136, 140, 144, 128, true};

enum {
    INCLUDE = 1,    /* MCAST_INCLUDE; MCAST_EXCLUDE is 0 */
    IFACE_ADDR = 4, /* of struct ip_msfilter */
    MANY = 0x1ffffff,
};

static uint32_t read32(const uint8_t *p)
{
    return (uint32_t)sw_opt_i32_at(p);
}

static bool read_ip(const struct sw_sock *s, const struct layout *l, const uint8_t *p,
                    struct sw_ip *ret_ip)
{
    if (l->storage)
        return sw_opt_storage_at(s, p, ret_ip);
    *ret_ip = sw_opt_ip4_at(p);
    return true;
}

static void write_ip(const struct sw_sock *s, const struct layout *l, const struct sw_ip *ip,
                     uint8_t *p)
{
    const uint16_t family = (uint16_t)s->domain;
    bool ip4 = s->domain == SW_AF_INET;
    memset(p, 0, l->source);
    if (l->storage)
        memcpy(p, &family, sizeof(family));
    p += !l->storage ? 0 : ip4 ? SW_SIN_ADDR : SW_SIN6_ADDR;
    memcpy(p, ip->b + (ip4 ? 12 : 0), ip4 ? 4 : 16);
}

/* Group and interface of a structure: the interface (0: by the routes) or a negative errno. */
static int read_group(struct sw_sock_layer *layer, const struct sw_sock *s, const struct layout *l,
                      const uint8_t *p, int wrong_family, struct sw_ip *ret_group)
{
    if (!read_ip(s, l, p + l->group, ret_group))
        return wrong_family;
    if (l->storage)
        return sw_opt_i32_at(p) < 0 ? -ENODEV : sw_opt_i32_at(p);
    struct sw_ip addr = sw_opt_ip4_at(p + IFACE_ADDR);
    return sw_opt_iface_of(layer, &addr);
}

static int set_filter(struct sw_sock_layer *layer, struct sw_sock *s, const struct layout *l,
                      const uint8_t *p, size_t len)
{
    struct sw_ip sources[SW_SOURCES6_MAX], group;
    uint32_t most = s->domain == SW_AF_INET ? SW_SOURCES4_MAX : SW_SOURCES6_MAX;

    if (len < l->sources)
        return -EINVAL;
    uint32_t n = read32(p + l->n_sources), mode = read32(p + l->mode);
    if (n >= MANY || n > most)
        return -ENOBUFS;
    if (l->sources + n * l->source > len)
        return -EINVAL;
    int wrong_family = s->domain == SW_AF_INET ? -EADDRNOTAVAIL : -EINVAL;
    int iface = read_group(layer, s, l, p, wrong_family, &group);
    if (iface == wrong_family)
        return iface;
    for (uint32_t i = 0; i < n; i++)
        if (!read_ip(s, l, p + l->sources + i * l->source, &sources[i]))
            return wrong_family;
    if (!sw_ip_is_multicast(&group) || mode > INCLUDE)
        return -EINVAL;
    if (iface < 0)
        return iface;
    return sw_group_set(layer, s, &group, iface, mode != INCLUDE, sources, n);
}

static int get_filter(struct sw_sock_layer *layer, struct sw_sock *s, const struct layout *l,
                      uint8_t *p, size_t *len)
{
    const struct sw_ip_member *want;
    struct sw_ip group = SW_IP4_ANY;

    if (*len < l->sources)
        return -EINVAL;
    uint32_t room = read32(p + l->n_sources), fits = (uint32_t)((*len - l->sources) / l->source);
    int iface = read_group(layer, s, l, p, -EINVAL, &group);
    if (!sw_ip_is_multicast(&group))
        return -EINVAL;
    if (room >= MANY)
        return -ENOBUFS;
    if (room > fits)
        return -EINVAL;
    int r = iface < 0 ? iface : sw_group_get(layer, s, &group, iface, &want);
    if (r < 0)
        return r;
    uint32_t n = want->n < room ? want->n : room, mode = want->exclude ? 0 : INCLUDE;
    for (uint32_t i = 0; i < n; i++)
        write_ip(s, l, &want->sources[i], p + l->sources + i * l->source);
    memcpy(p + l->mode, &mode, sizeof(mode));
    memcpy(p + l->n_sources, &want->n, sizeof(want->n));
    *len = l->sources + n * l->source;
    return 0;
}

SW_OPT_SET_BYTES(sw_opt_set_filter4)
{
    return set_filter(layer, s, &ip_msfilter, val, len);
}

SW_OPT_GET_BYTES(sw_opt_get_filter4)
{
    return get_filter(layer, s, &ip_msfilter, val, len);
}

SW_OPT_SET_BYTES(sw_opt_set_filter)
{
    return set_filter(layer, s, &group_filter, val, len);
}

SW_OPT_GET_BYTES(sw_opt_get_filter)
{
    return get_filter(layer, s, &group_filter, val, len);
}
