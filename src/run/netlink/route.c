/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Routes, as rtnetlink(7) tells of them: those that an address brings, in Linux's table "local",
 * and those that administrators add (`ip route add`), which all lead to lo: there is nothing else.
 * What leaves there for an address that is nobody's is lost, as on Linux.
 */
#include <errno.h>
#include <linux/in_route.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "run/netlink/build.h"
#include "run/netlink/netlink.h"

enum { METRIC6 = 1024, METRIC6_OF_ADDRESS = 256 }; /* IP6_RT_PRIO_USER, IP6_RT_PRIO_ADDRCONF */

static const uint8_t medium; /* the preference of a route of IPv6: RFC 4191 2.1 */

static bool covers(const uint8_t *prefix, unsigned bits, const uint8_t *bytes)
{
    for (unsigned i = 0; i < bits; i++)
        if (((prefix[i / 8] ^ bytes[i / 8]) & 0x80U >> i % 8) != 0)
            return false;
    return true;
}

static size_t address_len(uint8_t family)
{
    return family == AF_INET ? 4 : 16;
}

/* ---- telling ---- */

struct teller {
    struct netlink_builder *b;
    const struct netlink_host *host;
    const struct nlmsghdr *request;
    uint16_t type, flags; /* of each message */
};

/* One route: `info` says all but its destination, which is the first bits of `dst`; `src` may be
 * NULL. */
static void tell(const struct teller *t, struct rtmsg info, const uint8_t *dst, uint32_t metric,
                 const uint8_t *src)
{
    size_t len = address_len(info.rtm_family);
    uint8_t prefix[16] = {0};

    for (unsigned i = 0; i < info.rtm_dst_len; i++)
        prefix[i / 8] |= (uint8_t)(dst[i / 8] & 0x80U >> i % 8);
    netlink_begin(t->b, t->type, t->flags, t->request, t->host->port);
    netlink_append(t->b, &info, sizeof(info));
    netlink_number(t->b, RTA_TABLE, info.rtm_table);
    if (info.rtm_dst_len > 0)
        netlink_attribute(t->b, RTA_DST, prefix, len);
    if (metric != 0 || info.rtm_family == AF_INET6)
        netlink_number(t->b, RTA_PRIORITY, metric);
    if (src != NULL)
        netlink_attribute(t->b, RTA_PREFSRC, src, len);
    netlink_number(t->b, RTA_OIF, (uint32_t)t->host->lo);
    if (info.rtm_family == AF_INET6)
        netlink_attribute(t->b, RTA_PREF, &medium, sizeof(medium));
    netlink_end(t->b);
}

/* The first address that has its prefix: another one brings no more than itself. */
static const struct netlink_address *primary_of(const struct netlink_addresses *all,
                                                const struct netlink_address *a)
{
    const struct netlink_address *o = all->at;
    while (o != a && !(o->family == a->family && o->prefix_len == a->prefix_len &&
                       covers(o->bytes, o->prefix_len, a->bytes)))
        o++;
    return o;
}

/* On a loopback the whole prefix is of this host (Linux's fib_add_ifaddr()). */
static void tell_of_address4(const struct teller *t, const struct netlink_address *a)
{
    struct rtmsg info = {.rtm_family = AF_INET,
                         .rtm_dst_len = a->prefix_len,
                         .rtm_table = RT_TABLE_LOCAL,
                         .rtm_protocol = RTPROT_KERNEL,
                         .rtm_scope = RT_SCOPE_HOST,
                         .rtm_type = RTN_LOCAL};
    const struct netlink_address *primary = primary_of(t->host->addresses, a);
    uint8_t last[16] = {0};

    if (primary == a && a->prefix_len < 32)
        tell(t, info, a->bytes, 0, a->bytes);
    info.rtm_dst_len = 32;
    tell(t, info, a->bytes, 0, primary->bytes);
    if (primary != a || a->prefix_len >= 31)
        return;
    for (unsigned i = 0; i < 32; i++)
        last[i / 8] |= (uint8_t)((i < a->prefix_len ? a->bytes[i / 8] : 0xffU) & 0x80U >> i % 8);
    info.rtm_type = RTN_BROADCAST;
    info.rtm_scope = RT_SCOPE_LINK;
    tell(t, info, last, 0, a->bytes);
}

static void tell_of_address6(const struct teller *t, const struct netlink_address *a)
{
    struct rtmsg info = {.rtm_family = AF_INET6,
                         .rtm_dst_len = a->prefix_len,
                         .rtm_table = RT_TABLE_MAIN,
                         .rtm_protocol = RTPROT_KERNEL,
                         .rtm_scope = RT_SCOPE_UNIVERSE,
                         .rtm_type = RTN_UNICAST};

    if (a->prefix_len < 128 && primary_of(t->host->addresses, a) == a)
        tell(t, info, a->bytes, METRIC6_OF_ADDRESS, NULL);
    info.rtm_dst_len = 128;
    info.rtm_table = RT_TABLE_LOCAL;
    info.rtm_type = RTN_LOCAL;
    tell(t, info, a->bytes, 0, NULL);
}

static void tell_family(const struct teller *t, uint8_t family)
{
    const struct netlink_addresses *all = t->host->addresses;

    for (unsigned i = 0; i < all->n_routes; i++) {
        const struct netlink_route *r = &all->routes[i];
        if (r->info.rtm_family == family)
            tell(t, r->info, r->dst, r->metric, NULL);
    }
    for (unsigned i = 0; i < all->n; i++) {
        const struct netlink_address *a = &all->at[i];
        if (a->family != family)
            continue;
        if (family == AF_INET)
            tell_of_address4(t, a);
        else
            tell_of_address6(t, a);
    }
}

void netlink_dump_routes(struct netlink_builder *b, const struct netlink_host *host,
                         const struct nlmsghdr *request, uint8_t family)
{
    const struct teller t = {b, host, request, RTM_NEWROUTE, NLM_F_MULTI};

    if (family == AF_UNSPEC || family == AF_INET)
        tell_family(&t, AF_INET);
    if (family == AF_UNSPEC || family == AF_INET6)
        tell_family(&t, AF_INET6);
}

/* ---- the way to one address, as `ip route get` asks for it ---- */

static const struct netlink_address *own(const struct netlink_host *host, uint8_t family,
                                         const uint8_t *to)
{
    for (unsigned i = 0; i < host->addresses->n; i++) {
        const struct netlink_address *a = &host->addresses->at[i];
        if (a->family == family && covers(a->bytes, family == AF_INET ? a->prefix_len : 128, to))
            return a;
    }
    return NULL;
}

static const struct netlink_route *added(const struct netlink_host *host, uint8_t family,
                                         const uint8_t *to)
{
    const struct netlink_route *best = NULL;
    for (unsigned i = 0; i < host->addresses->n_routes; i++) {
        const struct netlink_route *r = &host->addresses->routes[i];
        if (r->info.rtm_family == family && r->info.rtm_table == RT_TABLE_MAIN &&
            covers(r->dst, r->info.rtm_dst_len, to) &&
            (best == NULL || r->info.rtm_dst_len > best->info.rtm_dst_len))
            best = r;
    }
    return best;
}

/* The route by which the way was found, as `ip route get ... fibmatch` asks for it. */
static void put_match(const struct teller *t, const struct netlink_address *a,
                      const struct netlink_route *r, const uint8_t *to, unsigned char type)
{
    bool v4 = r == NULL && a->family == AF_INET;
    uint8_t whole = (uint8_t)(r == NULL ? a->len * 8 : 0);

    if (r != NULL) {
        tell(t, r->info, r->dst, r->metric, NULL);
        return;
    }
    const struct rtmsg info = {
        .rtm_family = a->family,
        .rtm_dst_len =
            type == RTN_BROADCAST || memcmp(to, a->bytes, a->len) == 0 ? whole : a->prefix_len,
        .rtm_table = v4 ? RT_TABLE_MAIN : RT_TABLE_LOCAL, /* netlink_put_way() says why */
        .rtm_protocol = RTPROT_KERNEL,
        .rtm_scope = !v4 ? RT_SCOPE_UNIVERSE
                         : (uint8_t)(type == RTN_BROADCAST ? RT_SCOPE_LINK : RT_SCOPE_HOST),
        .rtm_type = (uint8_t)type};
    tell(t, info, to, 0, v4 ? a->bytes : NULL);
}

/* What a request says of the way that it asks for. */
struct question {
    uint8_t family;
    size_t len;               /* of an address */
    const uint8_t *to, *from; /* from: NULL, it does not say */
    uint32_t uid, mark;
    bool match; /* the route, not the way */
};

static int read_question(const struct netlink_host *host, const uint8_t *body, size_t len,
                         struct question *q)
{
    static const uint8_t any[16];
    enum { FIB_MATCH = 0x2000 /* RTM_F_FIB_MATCH */ };
    struct rtmsg info;
    size_t n = 0;

    if (len < sizeof(info))
        return EINVAL;
    memcpy(&info, body, sizeof(info));
    *q = (struct question){.family = info.rtm_family,
                           .len = address_len(info.rtm_family),
                           .match = (info.rtm_flags & FIB_MATCH) != 0};
    q->to = netlink_find_attribute(body, len, sizeof(info), RTA_DST, &n);
    if (q->to == NULL && q->family == AF_INET)
        q->to = any;
    else if (q->to == NULL || n != q->len)
        return ENETUNREACH;
    q->from = netlink_find_attribute(body, len, sizeof(info), RTA_SRC, &n);
    if (q->from != NULL && n != q->len)
        return EINVAL;
    if (q->from == NULL && q->family == AF_INET6)
        q->from = any; /* and that is told */
    q->uid = netlink_find_number(body, len, sizeof(info), RTA_UID, host->uid);
    q->mark = netlink_find_number(body, len, sizeof(info), RTA_MARK, 0);
    return 0;
}

/* Linux's ip_route_output_key() and its like: nowhere is here. */
static const struct netlink_address *own_or_here(const struct netlink_host *host,
                                                 const struct question *q)
{
    static const uint8_t here[4] = {127, 0, 0, 1}, any[4];
    bool nowhere = q->family == AF_INET && memcmp(q->to, any, sizeof(any)) == 0;
    return own(host, q->family, nowhere ? here : q->to);
}

static unsigned char type_of(const struct netlink_address *a, const uint8_t *to)
{
    if (a == NULL)
        return RTN_UNICAST;
    if (a->family == AF_INET6 || a->prefix_len >= 31)
        return RTN_LOCAL;
    for (unsigned i = a->prefix_len; i < 32; i++)
        if ((to[i / 8] & 0x80U >> i % 8) == 0)
            return RTN_LOCAL;
    return RTN_BROADCAST;
}

int netlink_put_way(struct netlink_builder *b, const struct netlink_host *host,
                    const struct nlmsghdr *request, const uint8_t *body, size_t len)
{
    struct question q;
    int err = read_question(host, body, len, &q);
    if (err != 0)
        return err;
    bool v4 = q.family == AF_INET;
    const struct netlink_address *a = own_or_here(host, &q);
    const struct netlink_route *r = a == NULL ? added(host, q.family, q.to) : NULL;
    if (a == NULL && r == NULL)
        return ENETUNREACH;
    unsigned char type = type_of(a, q.to);
    if (q.match) {
        const struct teller t = {b, host, request, RTM_NEWROUTE, 0};
        put_match(&t, a, r, q.to, type);
        return 0;
    }
    /* Linux keeps IPv4's tables "local" and "main" as one while there are no rules but its own. */
    uint8_t table = v4 || r != NULL ? RT_TABLE_MAIN : RT_TABLE_LOCAL;
    const unsigned cached =
        RTM_F_CLONED | RTCF_LOCAL | (type == RTN_BROADCAST ? RTCF_BROADCAST : 0U);
    const struct rtmsg info = {.rtm_family = q.family,
                               .rtm_dst_len = (unsigned char)(q.len * 8),
                               .rtm_src_len = (unsigned char)(q.from != NULL ? q.len * 8 : 0),
                               .rtm_table = table,
                               .rtm_protocol = v4          ? RTPROT_UNSPEC
                                               : r == NULL ? RTPROT_KERNEL
                                                           : r->info.rtm_protocol,
                               .rtm_type = (unsigned char)type,
                               .rtm_flags = v4 ? cached : 0};
    netlink_begin(b, RTM_NEWROUTE, 0, request, host->port);
    netlink_append(b, &info, sizeof(info));
    netlink_number(b, RTA_TABLE, table);
    if (!v4) {
        netlink_number(b, RTA_PRIORITY, r != NULL ? r->metric : 0);
        netlink_attribute(b, RTA_PREF, &medium, sizeof(medium));
    }
    netlink_attribute(b, RTA_DST, q.to, q.len);
    if (q.from != NULL)
        netlink_attribute(b, RTA_SRC, q.from, q.len);
    netlink_number(b, RTA_OIF, (uint32_t)host->lo);
    if (a != NULL && (!v4 || q.from == NULL))
        netlink_attribute(b, RTA_PREFSRC, a->bytes, a->len);
    if (v4 && q.mark != 0)
        netlink_number(b, RTA_MARK, q.mark);
    if (v4)
        netlink_number(b, RTA_UID, q.uid);
    netlink_end(b);
    return 0;
}

/* ---- changing ---- */

/* The route that a request is about. 0 or a positive errno. */
static int read_route(const struct netlink_host *host, const uint8_t *body, size_t len,
                      struct netlink_route *ret)
{
    struct netlink_route r = {.metric = 0};
    size_t n = 0;

    if (len < sizeof(r.info))
        return EINVAL;
    memcpy(&r.info, body, sizeof(r.info));
    if (r.info.rtm_family != AF_INET && r.info.rtm_family != AF_INET6)
        return EOPNOTSUPP;
    const uint8_t *dst = netlink_find_attribute(body, len, sizeof(r.info), RTA_DST, &n);
    size_t want = address_len(r.info.rtm_family);
    if (r.info.rtm_dst_len > want * 8 || (dst != NULL && n != want) ||
        (dst == NULL && r.info.rtm_dst_len > 0))
        return EINVAL;
    if (dst != NULL)
        memcpy(r.dst, dst, want);
    uint32_t table = netlink_find_number(body, len, sizeof(r.info), RTA_TABLE, r.info.rtm_table);
    if (table > UINT8_MAX)
        return EOPNOTSUPP;
    r.info.rtm_table = table != RT_TABLE_UNSPEC ? (uint8_t)table : RT_TABLE_MAIN;
    if (netlink_find_attribute(body, len, sizeof(r.info), RTA_GATEWAY, &n) != NULL)
        return r.info.rtm_family == AF_INET ? ENETUNREACH : EHOSTUNREACH; /* nobody is there */
    if (netlink_find_number(body, len, sizeof(r.info), RTA_OIF, (uint32_t)host->lo) !=
        (uint32_t)host->lo)
        return ENODEV;
    r.metric = netlink_find_number(body, len, sizeof(r.info), RTA_PRIORITY, 0);
    *ret = r;
    return 0;
}

static struct netlink_route *find(const struct netlink_host *host, const struct netlink_route *r,
                                  bool any_metric)
{
    for (unsigned i = 0; i < host->addresses->n_routes; i++) {
        struct netlink_route *o = &host->addresses->routes[i];
        if (o->info.rtm_family == r->info.rtm_family && o->info.rtm_table == r->info.rtm_table &&
            o->info.rtm_dst_len == r->info.rtm_dst_len && o->info.rtm_tos == r->info.rtm_tos &&
            covers(o->dst, o->info.rtm_dst_len, r->dst) && (any_metric || o->metric == r->metric))
            return o;
    }
    return NULL;
}

static bool precedes(const struct netlink_route *a, const struct netlink_route *b)
{
    return a->info.rtm_table != b->info.rtm_table ? a->info.rtm_table < b->info.rtm_table
                                                  : a->metric < b->metric;
}

static void tell_change(const struct netlink_host *host, const struct nlmsghdr *request,
                        const struct netlink_route *r)
{
    _Alignas(uint32_t) uint8_t bytes[NETLINK_NEWS_MAX];
    struct netlink_builder b = {.bytes = bytes, .room = sizeof(bytes)};
    const struct teller t = {&b, host, request, request->nlmsg_type, 0};

    tell(&t, r->info, r->dst, r->metric, NULL);
    if (host->tell != NULL)
        host->tell(host->user,
                   r->info.rtm_family == AF_INET ? RTNLGRP_IPV4_ROUTE : RTNLGRP_IPV6_ROUTE, bytes,
                   b.len);
}

static int add(const struct netlink_host *host, const struct nlmsghdr *request,
               struct netlink_route *r)
{
    uint16_t flags = request->nlmsg_flags;
    struct netlink_addresses *all = host->addresses;

    if (r->info.rtm_type != RTN_UNICAST)
        return EOPNOTSUPP;
    if (r->metric == 0 && r->info.rtm_family == AF_INET6)
        r->metric = METRIC6;
    if (find(host, r, false) != NULL)
        return (flags & NLM_F_REPLACE) != 0 ? 0 : EEXIST;
    if ((flags & NLM_F_CREATE) == 0)
        return ENOENT;
    if (all->n_routes == NETLINK_KEPT_MAX)
        return ENOBUFS;
    int err = r->info.rtm_table == RT_TABLE_MAIN ? host->set_route(host->user, r, true) : -EEXIST;
    r->leads = err == 0; /* else an address leads there already, or nobody looks at that table */
    if (err < 0 && err != -EEXIST)
        return -err;
    r->info.rtm_flags = 0;
    unsigned at = 0; /* told in the order of tables and metrics */
    while (at < all->n_routes && !precedes(r, &all->routes[at]))
        at++;
    memmove(&all->routes[at + 1], &all->routes[at], (all->n_routes++ - at) * sizeof(*r));
    all->routes[at] = *r;
    tell_change(host, request, r);
    return 0;
}

static int take_away(const struct netlink_host *host, const struct nlmsghdr *request,
                     const struct netlink_route *r)
{
    struct netlink_addresses *all = host->addresses;
    struct netlink_route *at = find(host, r, r->metric == 0);

    if (at == NULL)
        return ESRCH;
    if (at->leads)
        host->set_route(host->user, at, false);
    tell_change(host, request, at);
    memmove(at, at + 1, (size_t)(&all->routes[--all->n_routes] - at) * sizeof(*at));
    return 0;
}

int netlink_change_route(const struct netlink_host *host, const struct nlmsghdr *request,
                         const uint8_t *body, size_t len)
{
    struct netlink_route route;
    int err = read_route(host, body, len, &route);

    if (err != 0)
        return err;
    return request->nlmsg_type == RTM_NEWROUTE ? add(host, request, &route)
                                               : take_away(host, request, &route);
}
