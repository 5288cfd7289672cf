/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * getsockopt() and setsockopt(): one table. A row says which option it is and what it is stored as:
 * a bit of sw_sock.on, a number in struct sw_sock_opts with its range, or a pair of functions of
 * its own. Numbers, layouts, ranges and errors are Linux's.
 */
#include <errno.h>

#include "sock/options.h"

struct option {
    int level, name;
    uint32_t bit;         /* in sw_sock.on; or 0 */
    bool inverted;        /* the bit says that the option is off */
    uint8_t stream_errno; /* what a stream answers to an attempt to set it; 0: it may */
    uint16_t field;       /* offset of an int32_t in struct sw_sock_opts; or 0 */
    int32_t min, max;     /* outside: EINVAL */
    int (*get)(struct sw_sock_layer *layer, struct sw_sock *s, int *ret_value);
    int (*set)(struct sw_sock_layer *layer, struct sw_sock *s, int value);
    int (*get_bytes)(struct sw_sock_layer *layer, struct sw_sock *s, void *val, size_t *len);
    int (*set_bytes)(struct sw_sock_layer *layer, struct sw_sock *s, const void *val, size_t len);
};

#define BIT(l, n, b)                                                                               \
    {                                                                                              \
        .level = (l), .name = (n), .bit = (b)                                                      \
    }
#define BIT_OFF(l, n, b)                                                                           \
    {                                                                                              \
        .level = (l), .name = (n), .bit = (b), .inverted = true                                    \
    }
#define NUMBER(l, n, f, lo, hi)                                                                    \
    {                                                                                              \
        .level = (l), .name = (n), .field = offsetof(struct sw_sock_opts, f), .min = (lo),         \
        .max = (hi)                                                                                \
    }
#define CALLS(l, n, g, s)                                                                          \
    {                                                                                              \
        .level = (l), .name = (n), .get = (g), .set = (s)                                          \
    }
#define BYTES(l, n, g, s)                                                                          \
    {                                                                                              \
        .level = (l), .name = (n), .get_bytes = (g), .set_bytes = (s)                              \
    }

static const struct option table[] = {
    BIT(SW_SOL_SOCKET, SW_SO_REUSEADDR, SW_ON_REUSEADDR),
    BIT(SW_SOL_SOCKET, SW_SO_REUSEPORT, SW_ON_REUSEPORT),
    BIT(SW_SOL_SOCKET, SW_SO_KEEPALIVE, SW_ON_KEEPALIVE),
    BIT(SW_SOL_SOCKET, SW_SO_BROADCAST, SW_ON_BROADCAST),
    BIT(SW_SOL_SOCKET, SW_SO_OOBINLINE, SW_ON_OOBINLINE),
    BIT(SW_SOL_SOCKET, SW_SO_DONTROUTE, SW_ON_DONTROUTE),
    BIT(SW_SOL_SOCKET, SW_SO_NO_CHECK, SW_ON_NO_CHECK),
    BIT(SW_SOL_SOCKET, SW_SO_RXQ_OVFL, SW_ON_RXQ_OVFL),
    BIT(SW_SOL_SOCKET, SW_SO_TIMESTAMP, SW_ON_TIMESTAMP),
    BIT(SW_SOL_SOCKET, SW_SO_TIMESTAMP_NEW, SW_ON_TIMESTAMP),
    BIT(SW_SOL_SOCKET, SW_SO_TIMESTAMPNS, SW_ON_TIMESTAMPNS),
    BIT(SW_SOL_SOCKET, SW_SO_TIMESTAMPNS_NEW, SW_ON_TIMESTAMPNS),
    BYTES(SW_SOL_SOCKET, SW_SO_TIMESTAMPING, sw_opt_get_timestamping, sw_opt_set_timestamping),
    BYTES(SW_SOL_SOCKET, SW_SO_TIMESTAMPING_NEW, sw_opt_get_timestamping, sw_opt_set_timestamping),
    NUMBER(SW_SOL_SOCKET, SW_SO_INCOMING_CPU, incoming_cpu, INT32_MIN, INT32_MAX),
    CALLS(SW_SOL_SOCKET, SW_SO_DEBUG, sw_opt_get_zero, sw_opt_set_debug),
    CALLS(SW_SOL_SOCKET, SW_SO_TYPE, sw_opt_get_type, NULL),
    CALLS(SW_SOL_SOCKET, SW_SO_DOMAIN, sw_opt_get_domain, NULL),
    CALLS(SW_SOL_SOCKET, SW_SO_PROTOCOL, sw_opt_get_protocol, NULL),
    CALLS(SW_SOL_SOCKET, SW_SO_ACCEPTCONN, sw_opt_get_acceptconn, NULL),
    CALLS(SW_SOL_SOCKET, SW_SO_ERROR, sw_opt_get_error, NULL),
    CALLS(SW_SOL_SOCKET, SW_SO_SNDBUF, sw_opt_get_sndbuf, sw_opt_set_sndbuf),
    CALLS(SW_SOL_SOCKET, SW_SO_RCVBUF, sw_opt_get_rcvbuf, sw_opt_set_rcvbuf),
    CALLS(SW_SOL_SOCKET, SW_SO_SNDBUFFORCE, NULL, sw_opt_set_forbidden),
    CALLS(SW_SOL_SOCKET, SW_SO_RCVBUFFORCE, NULL, sw_opt_set_forbidden),
    CALLS(SW_SOL_SOCKET, SW_SO_MARK, sw_opt_get_zero, sw_opt_set_forbidden),
    CALLS(SW_SOL_SOCKET, SW_SO_RCVLOWAT, sw_opt_get_rcvlowat, sw_opt_set_rcvlowat),
    CALLS(SW_SOL_SOCKET, SW_SO_SNDLOWAT, sw_opt_get_one, NULL),
    CALLS(SW_SOL_SOCKET, SW_SO_PRIORITY, sw_opt_get_priority, sw_opt_set_priority),
    BYTES(SW_SOL_SOCKET, SW_SO_MAX_PACING_RATE, sw_opt_get_pacing, sw_opt_set_pacing),
    BYTES(SW_SOL_SOCKET, SW_SO_LINGER, sw_opt_get_linger, sw_opt_set_linger),
    BYTES(SW_SOL_SOCKET, SW_SO_RCVTIMEO, sw_opt_get_rcvtimeo, sw_opt_set_rcvtimeo),
    BYTES(SW_SOL_SOCKET, SW_SO_RCVTIMEO_NEW, sw_opt_get_rcvtimeo, sw_opt_set_rcvtimeo),
    BYTES(SW_SOL_SOCKET, SW_SO_SNDTIMEO, sw_opt_get_sndtimeo, sw_opt_set_sndtimeo),
    BYTES(SW_SOL_SOCKET, SW_SO_SNDTIMEO_NEW, sw_opt_get_sndtimeo, sw_opt_set_sndtimeo),
    BYTES(SW_SOL_SOCKET, SW_SO_BINDTODEVICE, sw_opt_get_device, sw_opt_set_device),
    BYTES(SW_SOL_SOCKET, SW_SO_COOKIE, sw_opt_get_cookie, NULL),
    BYTES(SW_SOL_SOCKET, SW_SO_MEMINFO, sw_opt_get_meminfo, NULL),

    BIT(SW_SOL_TCP, SW_TCP_NODELAY, SW_ON_NODELAY),
    BIT(SW_SOL_TCP, SW_TCP_CORK, SW_ON_CORK),
    CALLS(SW_SOL_TCP, SW_TCP_QUICKACK, sw_opt_get_quickack, sw_opt_set_quickack),
    CALLS(SW_SOL_TCP, SW_TCP_MAXSEG, sw_opt_get_maxseg, sw_opt_set_maxseg),
    CALLS(SW_SOL_TCP, SW_TCP_KEEPIDLE, sw_opt_get_keepidle, sw_opt_set_keepidle),
    CALLS(SW_SOL_TCP, SW_TCP_KEEPINTVL, sw_opt_get_keepintvl, sw_opt_set_keepintvl),
    CALLS(SW_SOL_TCP, SW_TCP_KEEPCNT, sw_opt_get_keepcnt, sw_opt_set_keepcnt),
    CALLS(SW_SOL_TCP, SW_TCP_SYNCNT, sw_opt_get_syncnt, sw_opt_set_syncnt),
    CALLS(SW_SOL_TCP, SW_TCP_LINGER2, sw_opt_get_linger2, sw_opt_set_linger2),
    CALLS(SW_SOL_TCP, SW_TCP_DEFER_ACCEPT, sw_opt_get_defer, sw_opt_set_defer),
    CALLS(SW_SOL_TCP, SW_TCP_WINDOW_CLAMP, sw_opt_get_clamp, sw_opt_set_clamp),
    CALLS(SW_SOL_TCP, SW_TCP_FASTOPEN, sw_opt_get_fastopen, sw_opt_set_fastopen),
    CALLS(SW_SOL_TCP, SW_TCP_FASTOPEN_CONNECT, sw_opt_get_zero, sw_opt_set_unsupported),
    NUMBER(SW_SOL_TCP, SW_TCP_USER_TIMEOUT, user_timeout_ms, 0, INT32_MAX),
    NUMBER(SW_SOL_TCP, SW_TCP_NOTSENT_LOWAT, notsent_lowat, INT32_MIN, INT32_MAX),
    BYTES(SW_SOL_TCP, SW_TCP_INFO, sw_opt_get_info, NULL),
    BYTES(SW_SOL_TCP, SW_TCP_CC_INFO, sw_opt_get_cc_info, NULL),
    BYTES(SW_SOL_TCP, SW_TCP_CONGESTION, sw_opt_get_congestion, sw_opt_set_congestion),

    BIT(SW_SOL_IP, SW_IP_PKTINFO, SW_ON_PKTINFO),
    BIT(SW_SOL_IP, SW_IP_RECVERR, SW_ON_RECVERR),
    BIT(SW_SOL_IP, SW_IP_RECVTTL, SW_ON_RECVTTL),
    BIT(SW_SOL_IP, SW_IP_RECVTOS, SW_ON_RECVTOS),
    BIT(SW_SOL_IP, SW_IP_FREEBIND, SW_ON_FREEBIND),
    BIT(SW_SOL_IP, SW_IP_BIND_ADDRESS_NO_PORT, SW_ON_NO_PORT),
    BIT_OFF(SW_SOL_IP, SW_IP_MULTICAST_LOOP, SW_ON_MULTICAST_QUIET),
    CALLS(SW_SOL_IP, SW_IP_MULTICAST_ALL, sw_opt_get_multicast_all, sw_opt_set_multicast_all),
    NUMBER(SW_SOL_IP, SW_IP_MTU_DISCOVER, mtu_discover, 0, 5),
    CALLS(SW_SOL_IP, SW_IP_TOS, sw_opt_get_tos, sw_opt_set_tos),
    CALLS(SW_SOL_IP, SW_IP_TTL, sw_opt_get_ttl, sw_opt_set_ttl),
    CALLS(SW_SOL_IP, SW_IP_MTU, sw_opt_get_mtu, NULL),
    CALLS(SW_SOL_IP, SW_IP_RETOPTS, sw_opt_get_retopts, sw_opt_set_retopts),
    {.level = SW_SOL_IP,
     .name = SW_IP_MULTICAST_TTL,
     .stream_errno = EINVAL,
     .get = sw_opt_get_multicast_ttl,
     .set = sw_opt_set_multicast_ttl},
    {.level = SW_SOL_IP,
     .name = SW_IP_MULTICAST_IF,
     .stream_errno = EINVAL,
     .get_bytes = sw_opt_get_multicast_if,
     .set_bytes = sw_opt_set_multicast_if},

    BYTES(SW_SOL_IP, SW_IP_ADD_MEMBERSHIP, NULL, sw_opt_join4),
    BYTES(SW_SOL_IP, SW_IP_DROP_MEMBERSHIP, NULL, sw_opt_leave4),
    BYTES(SW_SOL_IP, SW_IP_BLOCK_SOURCE, NULL, sw_opt_block4),
    BYTES(SW_SOL_IP, SW_IP_UNBLOCK_SOURCE, NULL, sw_opt_unblock4),
    BYTES(SW_SOL_IP, SW_IP_ADD_SOURCE_MEMBERSHIP, NULL, sw_opt_join_source4),
    BYTES(SW_SOL_IP, SW_IP_DROP_SOURCE_MEMBERSHIP, NULL, sw_opt_leave_source4),
    BYTES(SW_SOL_IPV6, SW_IPV6_ADD_MEMBERSHIP, NULL, sw_opt_join6),
    BYTES(SW_SOL_IPV6, SW_IPV6_DROP_MEMBERSHIP, NULL, sw_opt_leave6),
    BYTES(SW_SOL_IP, SW_MCAST_JOIN_GROUP, NULL, sw_opt_join_group),
    BYTES(SW_SOL_IP, SW_MCAST_LEAVE_GROUP, NULL, sw_opt_leave_group),
    BYTES(SW_SOL_IP, SW_MCAST_BLOCK_SOURCE, NULL, sw_opt_block_source),
    BYTES(SW_SOL_IP, SW_MCAST_UNBLOCK_SOURCE, NULL, sw_opt_unblock_source),
    BYTES(SW_SOL_IP, SW_MCAST_JOIN_SOURCE_GROUP, NULL, sw_opt_join_source),
    BYTES(SW_SOL_IP, SW_MCAST_LEAVE_SOURCE_GROUP, NULL, sw_opt_leave_source),
    BYTES(SW_SOL_IPV6, SW_MCAST_JOIN_GROUP, NULL, sw_opt_join_group),
    BYTES(SW_SOL_IPV6, SW_MCAST_LEAVE_GROUP, NULL, sw_opt_leave_group),
    BYTES(SW_SOL_IPV6, SW_MCAST_BLOCK_SOURCE, NULL, sw_opt_block_source),
    BYTES(SW_SOL_IPV6, SW_MCAST_UNBLOCK_SOURCE, NULL, sw_opt_unblock_source),
    BYTES(SW_SOL_IPV6, SW_MCAST_JOIN_SOURCE_GROUP, NULL, sw_opt_join_source),
    BYTES(SW_SOL_IPV6, SW_MCAST_LEAVE_SOURCE_GROUP, NULL, sw_opt_leave_source),

    CALLS(SW_SOL_IP, SW_IP_HDRINCL, sw_opt_get_hdrincl, sw_opt_set_hdrincl),
    CALLS(SW_SOL_IPV6, SW_IPV6_CHECKSUM, sw_opt_get_checksum, sw_opt_set_checksum),
    CALLS(SW_SOL_RAW, SW_IPV6_CHECKSUM, sw_opt_get_checksum, sw_opt_set_checksum),
    BYTES(SW_SOL_RAW, SW_ICMP_FILTER, sw_opt_get_icmp_filter, sw_opt_set_icmp_filter),
    BYTES(SW_SOL_ICMPV6, SW_ICMP6_FILTER, sw_opt_get_icmp_filter, sw_opt_set_icmp_filter),

    BIT(SW_SOL_IPV6, SW_IPV6_RECVERR, SW_ON_RECVERR6),
    BIT(SW_SOL_IPV6, SW_IPV6_RECVPKTINFO, SW_ON_RECVPKTINFO6),
    BIT(SW_SOL_IPV6, SW_IPV6_RECVHOPLIMIT, SW_ON_RECVHOPLIMIT6),
    BIT(SW_SOL_IPV6, SW_IPV6_RECVTCLASS, SW_ON_RECVTCLASS6),
    BIT(SW_SOL_IPV6, SW_IPV6_FREEBIND, SW_ON_FREEBIND),
    BIT(SW_SOL_IPV6, SW_IPV6_DONTFRAG, SW_ON_DONTFRAG6),
    CALLS(SW_SOL_IPV6, SW_IPV6_MULTICAST_LOOP, sw_opt_get_multicast_loop6,
          sw_opt_set_multicast_loop6),
    NUMBER(SW_SOL_IPV6, SW_IPV6_MTU_DISCOVER, mtu_discover6, 0, 5),
    {.level = SW_SOL_IPV6,
     .name = SW_IPV6_MULTICAST_IF,
     .stream_errno = ENOPROTOOPT,
     .field = offsetof(struct sw_sock_opts, multicast_iface6),
     .max = INT32_MAX},
    CALLS(SW_SOL_IPV6, SW_IPV6_V6ONLY, sw_opt_get_v6only, sw_opt_set_v6only),
    CALLS(SW_SOL_IPV6, SW_IPV6_UNICAST_HOPS, sw_opt_get_hops, sw_opt_set_hops),
    CALLS(SW_SOL_IPV6, SW_IPV6_TCLASS, sw_opt_get_tclass, sw_opt_set_tclass),
    CALLS(SW_SOL_IPV6, SW_IPV6_MTU, sw_opt_get_mtu, NULL),
    {.level = SW_SOL_IPV6,
     .name = SW_IPV6_MULTICAST_HOPS,
     .stream_errno = ENOPROTOOPT,
     .get = sw_opt_get_multicast_hops,
     .set = sw_opt_set_multicast_hops},
};

static const struct option *find(const struct sw_sock *s, int level, int name)
{
    if (level == SW_SOL_TCP && !sw_sock_is_stream(s))
        return NULL;
    if (level == SW_SOL_IPV6 && s->domain != SW_AF_INET6)
        return NULL;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (table[i].level == level && table[i].name == name)
            return &table[i];
    }
    return NULL;
}

/* ---- get ------------------------------------------------------------------------------ */

static int get_number(struct sw_sock_layer *layer, struct sw_sock *s, const struct option *o,
                      int *ret)
{
    if (o->get)
        return o->get(layer, s, ret);
    if (o->bit) {
        *ret = ((s->on & o->bit) != 0) != o->inverted;
        return 0;
    }
    if (!o->field)
        return -ENOPROTOOPT;
    int32_t v;
    memcpy(&v, (const uint8_t *)sw_sock_opts(s) + o->field, sizeof(v));
    *ret = v;
    return 0;
}

int sw_sock_getopt(struct sw_sock_layer *layer, struct sw_sock *s, int level, int name, void *val,
                   size_t *len)
{
    const struct option *o = find(s, level, name);
    if (!o) /* Linux's ip_getsockopt() has a word of its own for levels that are not its */
        return s->domain == SW_AF_INET && level != SW_SOL_SOCKET && level != SW_SOL_IP &&
                       !(level == SW_SOL_TCP && sw_sock_is_stream(s))
                   ? -EOPNOTSUPP
                   : -ENOPROTOOPT;
    if (o->get_bytes)
        return o->get_bytes(layer, s, val, len);
    int v;
    int r = get_number(layer, s, o, &v);
    if (r < 0)
        return r;
    if (level == SW_SOL_IP && *len > 0 && *len < sizeof(int) && v >= 0 && v <= 255) {
        *(uint8_t *)val = (uint8_t)v; /* the byte form of BSD's IP options */
        *len = 1;
        return 0;
    }
    return sw_opt_copy_out(val, len, &v, sizeof(v));
}

/* ---- set ------------------------------------------------------------------------------ */

/* The int in `val`; IP options may be a byte. */
static int number_in(const void *val, size_t len, int level, int *ret)
{
    if (len >= sizeof(int)) {
        memcpy(ret, val, sizeof(int));
        return 0;
    }
    if (level != SW_SOL_IP)
        return -EINVAL;
    *ret = len > 0 ? *(const uint8_t *)val : 0;
    return 0;
}

int sw_opt_store(struct sw_sock_layer *layer, struct sw_sock *s, size_t field, int32_t value)
{
    struct sw_sock_opts *opts = sw_sock_opts_own(layer, s);
    if (!opts)
        return -ENOMEM;
    memcpy((uint8_t *)opts + field, &value, sizeof(value));
    return 0;
}

static int set_number(struct sw_sock_layer *layer, struct sw_sock *s, const struct option *o, int v)
{
    if (o->set)
        return o->set(layer, s, v);
    if (o->bit) {
        bool on = (v != 0) != o->inverted;
        s->on = on ? s->on | o->bit : s->on & ~o->bit;
        return 0;
    }
    if (!o->field)
        return -ENOPROTOOPT;
    if (v < o->min || v > o->max)
        return -EINVAL;
    return sw_opt_store(layer, s, o->field, v);
}

int sw_sock_setopt(struct sw_sock_layer *layer, struct sw_sock *s, int level, int name,
                   const void *val, size_t len)
{
    const struct option *o = find(s, level, name);
    if (!o)
        return -ENOPROTOOPT;
    if (o->stream_errno && sw_sock_is_stream(s))
        return -(int)o->stream_errno;
    int r, v;
    if (o->set_bytes) {
        r = o->set_bytes(layer, s, val, len);
    } else {
        r = number_in(val, len, level, &v);
        if (r == 0)
            r = o->get_bytes ? -ENOPROTOOPT : set_number(layer, s, o, v);
    }
    if (!sw_sock_is_stream(s) && !(s->on & (SW_ON_RECVERR | SW_ON_RECVERR6)))
        sw_errors_clear(layer, s);
    if (r == 0 && sw_sock_is_stream(s)) {
        sw_stream_apply_options(s);
        if (!s->listener)
            sw_stream_after(layer, s); /* TCP_NODELAY and the end of TCP_CORK send what waited */
    }
    return r;
}
