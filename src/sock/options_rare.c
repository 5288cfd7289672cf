/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Options that few programs know: see socket(7), ipv6(7), RFC 5014, and <linux/in6.h>. Most are
 * about what a kernel does inside; here they are judged and shown as Linux does.
 */
#include <errno.h>

#include "sock/options.h"

enum { SINGLE_NAMESPACE = 1, SOCKADDR4_BYTES = 16, SOCKADDR6_BYTES = 28, SOCKADDR_MAX = 128 };

/* ---- SOL_SOCKET ------------------------------------------------------------------------- */

static void put_port(uint8_t *p, uint16_t port)
{
    p[0] = (uint8_t)(port >> 8);
    p[1] = (uint8_t)port;
}

/* SO_PEERNAME: getpeername() by another way, also of who is still connecting; the room decides how
 * much, but no more than 128 bytes. */
SW_OPT_GET_BYTES(sw_opt_get_peername)
{
    (void)layer;
    uint8_t name[SOCKADDR_MAX] = {0};
    const struct sw_addr *peer = sw_sock_remote(s);
    uint16_t family = s->domain;
    bool v4 = s->domain == SW_AF_INET;
    if (peer->port == 0) /* all that inet_getname() looks at */
        return -ENOTCONN;
    if (*len > (v4 ? SOCKADDR4_BYTES : SOCKADDR6_BYTES))
        return -EINVAL;
    memcpy(name, &family, sizeof(family));
    put_port(name + 2, peer->port);
    memcpy(name + (v4 ? 4 : 8), v4 ? peer->ip.b + 12 : peer->ip.b, v4 ? 4 : sizeof(peer->ip.b));
    return sw_opt_copy_out(val, len, name, *len);
}

SW_OPT_GET_BYTES(sw_opt_get_netns_cookie)
{
    (void)layer, (void)s;
    const uint64_t cookie = SINGLE_NAMESPACE;
    if (*len != sizeof(cookie))
        return -EINVAL;
    return sw_opt_copy_out(val, len, &cookie, sizeof(cookie));
}

/* SO_BUF_LOCK: which buffers' sizes were set and do not grow by themselves any more. */
enum { LOCK_SNDBUF = 1, LOCK_RCVBUF = 2, LOCKS = 3 };

SW_OPT_GET(sw_opt_get_buf_lock)
{
    (void)layer;
    *ret =
        (s->is & SW_IS_SNDBUF_SET ? LOCK_SNDBUF : 0) | (s->is & SW_IS_RCVBUF_SET ? LOCK_RCVBUF : 0);
    return 0;
}

SW_OPT_SET(sw_opt_set_buf_lock)
{
    (void)layer;
    if (v & ~LOCKS)
        return -EINVAL;
    s->is &= (uint16_t) ~(SW_IS_SNDBUF_SET | SW_IS_RCVBUF_SET);
    s->is |= (uint16_t)((v & LOCK_SNDBUF ? SW_IS_SNDBUF_SET : 0) |
                        (v & LOCK_RCVBUF ? SW_IS_RCVBUF_SET : 0));
    return 0;
}

/* SO_RESERVE_MEM: only where memory is accounted to control groups. */
SW_OPT_GET(sw_opt_get_reserve_mem)
{
    (void)layer, (void)s;
    *ret = 0;
    return 0;
}

SW_OPT_SET(sw_opt_set_reserve_mem)
{
    (void)layer, (void)s;
    return v < 0 ? -EINVAL : -EOPNOTSUPP;
}

/* SO_TXREHASH: -1 is the system's choice, 1. */
SW_OPT_GET(sw_opt_get_txrehash)
{
    (void)layer;
    if (!sw_sock_is_stream(s))
        return -EOPNOTSUPP;
    *ret = !sw_sock_rare(s, SW_RARE_NO_TXREHASH);
    return 0;
}

SW_OPT_SET(sw_opt_set_txrehash)
{
    if (!sw_sock_is_stream(s))
        return -EOPNOTSUPP;
    if (v < -1 || v > 1)
        return -EINVAL;
    return sw_opt_set_rare(layer, s, SW_RARE_NO_TXREHASH, v == 0);
}

/* SO_TXTIME: struct sock_txtime, a clock and flags. */
SW_OPT_GET_BYTES(sw_opt_get_txtime)
{
    (void)layer;
    const int32_t txtime[2] = {sw_sock_opts(s)->txtime_clock, sw_sock_opts(s)->txtime_flags};
    return sw_opt_copy_out(val, len, txtime, sizeof(txtime));
}

SW_OPT_SET_BYTES(sw_opt_set_txtime)
{
    enum { REALTIME = 0, MONOTONIC = 1, TAI = 11, FLAGS = 3 };
    int32_t txtime[2];
    if (len != sizeof(txtime))
        return -EINVAL;
    memcpy(txtime, val, sizeof(txtime));
    if (txtime[1] & ~FLAGS)
        return -EINVAL;
    if (txtime[0] != MONOTONIC && !layer->by_admin)
        return -EPERM;
    if (txtime[0] != REALTIME && txtime[0] != MONOTONIC && txtime[0] != TAI)
        return -EINVAL;
    int r = SW_OPT_STORE(layer, s, txtime_clock, txtime[0]);
    return r < 0 ? r : SW_OPT_STORE(layer, s, txtime_flags, txtime[1]);
}

/* SO_PEEK_OFF: streams and UDP have it. */
static bool may_peek_at(const struct sw_sock *s)
{
    return sw_sock_has_ports(s);
}

SW_OPT_GET(sw_opt_get_peek_off)
{
    (void)layer;
    *ret = sw_sock_opts(s)->peek_off;
    return may_peek_at(s) ? 0 : -EOPNOTSUPP;
}

SW_OPT_SET(sw_opt_set_peek_off)
{
    return may_peek_at(s) ? SW_OPT_STORE(layer, s, peek_off, v) : -EOPNOTSUPP;
}

/* SO_BUSY_POLL_BUDGET: more than it is, is for administrators. */
SW_OPT_SET(sw_opt_set_poll_budget)
{
    if (v > sw_sock_opts(s)->poll_budget && !layer->by_admin)
        return -EPERM;
    if (v < 0 || v > UINT16_MAX)
        return -EINVAL;
    return SW_OPT_STORE(layer, s, poll_budget, v);
}

/* ---- SOL_TCP ------------------------------------------------------------------------------ */

/* TCP_QUEUE_SEQ: which queue's, TCP_REPAIR_QUEUE says, and that is not to be had. */
SW_OPT_GET(sw_opt_get_queue_seq)
{
    (void)layer, (void)s, (void)ret;
    return -EINVAL;
}

SW_OPT_SET(sw_opt_set_queue_seq)
{
    (void)layer, (void)v;
    return s->listener || sw_stream_state(s) != SW_TCP_CLOSED ? -EPERM : -EINVAL;
}

/* ---- SOL_IP ------------------------------------------------------------------------------- */

/* IP_PROTOCOL: what Linux calls a socket's number. */
SW_OPT_GET(sw_opt_get_inet_num)
{
    (void)layer;
    *ret = sw_sock_is_raw(s) ? s->proto : sw_sock_local(s)->port;
    return 0;
}

/* ---- SOL_IPV6 ----------------------------------------------------------------------------- */

/* RFC 5014, by the numbers of <linux/in6.h>. */
enum {
    PREFER_TMP = 0x1,
    PREFER_PUBLIC = 0x2,
    PREFER_COA = 0x4,
    PREFER_CGA = 0x8,
    PREFER_PUBTMP_DEFAULT = 0x100,
    PREFER_HOME = 0x400,
    PREFER_NONCGA = 0x800,
};

/* None, or one of those that exclude each other. */
static bool at_most_one(int v, int of)
{
    int some = v & of;
    return (some & (some - 1)) == 0;
}

SW_OPT_GET(sw_opt_get_addr_preferences)
{
    (void)layer;
    int32_t prefer = sw_sock_opts(s)->addr_prefer;
    *ret = prefer & (PREFER_TMP | PREFER_PUBLIC) ? prefer & (PREFER_TMP | PREFER_PUBLIC)
                                                 : PREFER_PUBTMP_DEFAULT;
    *ret |= prefer & PREFER_COA ? PREFER_COA : PREFER_HOME;
    return 0;
}

SW_OPT_SET(sw_opt_set_addr_preferences)
{
    if (!at_most_one(v, PREFER_TMP | PREFER_PUBLIC | PREFER_PUBTMP_DEFAULT) ||
        !at_most_one(v, PREFER_HOME | PREFER_COA) || !at_most_one(v, PREFER_CGA | PREFER_NONCGA))
        return -EINVAL;
    return SW_OPT_STORE(layer, s, addr_prefer, v & (PREFER_TMP | PREFER_PUBLIC | PREFER_COA));
}

/* IPV6_PKTINFO for all that is sent: struct in6_pktinfo. Linux notes the address, and sends from
 * another all the same; so it is the interface that counts. */
SW_OPT_SET_BYTES(sw_opt_sticky_pktinfo)
{
    enum { IFINDEX = 16 };
    int32_t iface, bound = sw_sock_opts(s)->bind_iface;
    (void)len;
    memcpy(&iface, (const uint8_t *)val + IFINDEX, sizeof(iface));
    if (bound && iface != bound)
        return -EINVAL;
    return SW_OPT_STORE(layer, s, sticky_iface6, iface);
}

/* IPV6_ADDRFORM: a socket of IPv6 that has a peer of IPv4 becomes one of IPv4. */
SW_OPT_GET(sw_opt_get_addrform)
{
    (void)layer;
    bool connected =
        sw_sock_is_stream(s) ? sw_stream_state(s) == SW_TCP_ESTABLISHED : sw_sock_has_peer(s);
    if (!sw_sock_has_ports(s))
        return -ENOPROTOOPT;
    *ret = s->domain;
    return connected ? 0 : -ENOTCONN;
}

SW_OPT_SET(sw_opt_set_addrform)
{
    int domain;
    if (v != SW_AF_INET)
        return -EINVAL;
    int r = sw_opt_get_addrform(layer, s, &domain);
    if (r < 0)
        return r;
    if (!sw_sock_is_stream(s) && sw_sock_dgram(s)->cork)
        return -EBUSY;
    if ((s->on & SW_ON_V6ONLY) || !sw_ip_is4(&sw_sock_remote(s)->ip))
        return -EADDRNOTAVAIL;
    s->domain = SW_AF_INET;
    return 0;
}

/* IPV6_JOIN_ANYCAST, IPV6_LEAVE_ANYCAST: no address is one here. */
SW_OPT_SET_BYTES(sw_opt_join_anycast)
{
    (void)s, (void)val, (void)len;
    return layer->by_admin ? -EADDRNOTAVAIL : -EPERM;
}

SW_OPT_SET_BYTES(sw_opt_leave_anycast)
{
    (void)layer, (void)s, (void)val, (void)len;
    return -ENOENT;
}
