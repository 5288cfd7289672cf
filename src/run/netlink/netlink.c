/* SPDX-License-Identifier: BSD-2-Clause */
/* rtnetlink(7) about the run's network (netlink.h): dumps and single questions. */
#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "run/netlink/build.h"
#include "run/netlink/netlink.h"

void netlink_addresses_init(struct netlink_addresses *addresses)
{
    *addresses = (struct netlink_addresses){
        .n = 2,
        .at = {{AF_INET, 8, 4, {127, 0, 0, 1}}, {AF_INET6, 128, 16, {[15] = 1}}},
    };
    netlink_rules_init(addresses);
}

static const char lo_name[] = "lo";

static bool is_loopback(const struct netlink_address *a)
{
    static const uint8_t lo6[16] = {[15] = 1};
    return a->family == AF_INET ? a->bytes[0] == 127 : memcmp(a->bytes, lo6, sizeof(lo6)) == 0;
}

enum { IS_PROTO = 11 };         /* IFA_PROTO, newer than some headers */
static const uint8_t by_lo = 1; /* IFAPROT_KERNEL_LO */

static void put_address(struct netlink_builder *b, const struct netlink_host *host,
                        const struct netlink_address *a)
{
    struct ifaddrmsg info = {.ifa_family = a->family,
                             .ifa_prefixlen = a->prefix_len,
                             .ifa_flags = IFA_F_PERMANENT,
                             .ifa_scope = is_loopback(a) ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE,
                             .ifa_index = (uint32_t)host->lo};
    netlink_append(b, &info, sizeof(info));
    netlink_attribute(b, IFA_ADDRESS, a->bytes, a->len);
    if (a->family == AF_INET) {
        netlink_attribute(b, IFA_LOCAL, a->bytes, a->len);
        netlink_attribute(b, IFA_LABEL, lo_name, sizeof(lo_name));
    }
    static const struct ifa_cacheinfo for_ever = {.ifa_prefered = UINT32_MAX,
                                                  .ifa_valid = UINT32_MAX};
    netlink_attribute(b, IFA_CACHEINFO, &for_ever, sizeof(for_ever));
    netlink_number(b, IFA_FLAGS, IFA_F_PERMANENT);
    if (a->family == AF_INET6 && is_loopback(a))
        netlink_attribute(b, IS_PROTO, &by_lo, sizeof(by_lo));
}

void netlink_tell_address(const struct netlink_host *host, const struct nlmsghdr *request,
                          const struct netlink_address *address)
{
    _Alignas(uint32_t) uint8_t bytes[NETLINK_NEWS_MAX];
    struct netlink_builder b = {.bytes = bytes, .room = sizeof(bytes)};

    netlink_begin(&b, request->nlmsg_type, 0, request, host->port);
    put_address(&b, host, address);
    netlink_end(&b);
    if (host->tell != NULL)
        host->tell(host->user,
                   address->family == AF_INET ? RTNLGRP_IPV4_IFADDR : RTNLGRP_IPV6_IFADDR, bytes,
                   b.len);
}

void netlink_tell_link(const struct netlink_host *host)
{
    static const struct nlmsghdr nobodys;
    _Alignas(uint32_t) uint8_t bytes[NETLINK_NEWS_MAX];
    struct netlink_builder b = {.bytes = bytes, .room = sizeof(bytes)};

    netlink_begin(&b, RTM_NEWLINK, 0, &nobodys, 0);
    netlink_put_link(&b, host);
    netlink_end(&b);
    if (host->tell != NULL)
        host->tell(host->user, RTNLGRP_LINK, bytes, b.len);
}

static void dump_addresses(struct netlink_builder *b, const struct netlink_host *host,
                           const struct nlmsghdr *request, uint8_t family)
{
    for (unsigned i = 0; i < host->addresses->n; i++) {
        const struct netlink_address *a = &host->addresses->at[i];
        if (family != AF_UNSPEC && family != a->family)
            continue;
        netlink_begin(b, RTM_NEWADDR, NLM_F_MULTI, request, host->port);
        put_address(b, host, a);
        netlink_end(b);
    }
}

/* The messages of a dump, without its end. A family that has no table of its own is told of all. 0;
 * a positive errno, with which the dump ends; or -EOPNOTSUPP: there is no such table. */
static int dump(struct netlink_builder *b, const struct netlink_host *host,
                const struct nlmsghdr *request, const uint8_t *body, size_t len)
{
    uint8_t family = len > 0 ? body[0] : AF_UNSPEC;
    bool inet = family == AF_INET || family == AF_INET6;
    uint8_t its = inet ? family : AF_UNSPEC;

    switch (request->nlmsg_type) {
    case RTM_GETLINK:
        netlink_dump_links(b, host, request, family);
        return 0;
    case RTM_GETADDR:
        dump_addresses(b, host, request, its);
        return 0;
    case RTM_GETROUTE:
        netlink_dump_routes(b, host, request, its);
        return 0;
    case RTM_GETRULE:
        netlink_dump_rules(b, host, request, its);
        return inet || family == AF_UNSPEC ? 0 : EAFNOSUPPORT;
    case RTM_GETQDISC:
        netlink_dump_qdiscs(b, host, request);
        return 0;
    case RTM_GETSTATS:
        netlink_put_stats(b, host, request, NLM_F_MULTI, netlink_stats_wanted(body, len));
        return 0;
    case RTM_GETNETCONF:
        netlink_dump_conf(b, host, request, its);
        return 0;
    case RTM_GETADDRLABEL:
        if (family != AF_INET6)
            return -EOPNOTSUPP;
        netlink_dump_labels(b, host, request);
        return 0;
    case RTM_GETMULTICAST:
        if (!inet)
            return -EOPNOTSUPP;
        netlink_dump_groups(b, host, request, family);
        return 0;
    case RTM_GETNEIGH: /* of the rest there are none */
    case RTM_GETTCLASS:
    case RTM_GETTFILTER:
    case RTM_GETCHAIN:
    case RTM_GETNEIGHTBL:
    case RTM_GETNSID:
    case RTM_GETNEXTHOP:
        return 0;
    case RTM_GETANYCAST:
        return family == AF_INET6 ? 0 : -EOPNOTSUPP;
    default:
        return -EOPNOTSUPP;
    }
}

bool netlink_asks_for_lo(const struct netlink_host *host, const uint8_t *body, size_t len)
{
    struct ifinfomsg info;
    size_t n;

    if (len < sizeof(info))
        return false;
    memcpy(&info, body, sizeof(info));
    if (info.ifi_index != 0)
        return info.ifi_index == host->lo;
    const uint8_t *name = netlink_find_attribute(body, len, sizeof(info), IFLA_IFNAME, &n);
    return name != NULL && n >= sizeof(lo_name) - 1 && strncmp((const char *)name, lo_name, n) == 0;
}

static void answer_one(struct netlink_builder *b, const struct netlink_host *host,
                       const struct nlmsghdr *request, const uint8_t *body, size_t len)
{
    /* Requests come in fours: new, delete, get, set (rtnetlink.h); only "get" changes nothing. */
    bool get = ((request->nlmsg_type - RTM_BASE) & 3) == 2;

    if (request->nlmsg_type < RTM_BASE || request->nlmsg_type > RTM_MAX) {
        netlink_error(b, request, host->port, EOPNOTSUPP);
    } else if (!get) {
        int err = host->admin ? netlink_change(host, request, body, len) : EPERM;
        if (err != 0 || (request->nlmsg_flags & NLM_F_ACK) != 0)
            netlink_error(b, request, host->port, err);
    } else if (request->nlmsg_type == RTM_GETLINK) {
        if (!netlink_asks_for_lo(host, body, len)) {
            netlink_error(b, request, host->port, ENODEV);
            return;
        }
        netlink_begin(b, RTM_NEWLINK, 0, request, host->port);
        netlink_put_link(b, host);
        netlink_end(b);
    } else if (request->nlmsg_type == RTM_GETROUTE) {
        int err = netlink_put_way(b, host, request, body, len);
        if (err != 0)
            netlink_error(b, request, host->port, err);
    } else if (request->nlmsg_type == RTM_GETSTATS) {
        netlink_put_stats(b, host, request, 0, netlink_stats_wanted(body, len));
    } else if (request->nlmsg_type == RTM_GETNEIGH || request->nlmsg_type == RTM_GETNEXTHOP) {
        netlink_error(b, request, host->port, ENOENT); /* there are none */
    } else {
        netlink_error(b, request, host->port, EOPNOTSUPP);
    }
}

size_t netlink_answer(const struct netlink_host *host, const uint8_t *bytes, size_t len,
                      struct netlink_reply *ret_reply)
{
    struct netlink_builder b = {.bytes = ret_reply->bytes, .room = sizeof(ret_reply->bytes)};
    struct nlmsghdr request;
    size_t used = netlink_take(bytes, len, &request), messages;

    ret_reply->len = ret_reply->last = 0;
    if (used == 0 || !netlink_is_request(&request))
        return used;
    const uint8_t *body = bytes + sizeof(request);
    size_t body_len = request.nlmsg_len - sizeof(request);
    bool get = request.nlmsg_type <= RTM_MAX && ((request.nlmsg_type - RTM_BASE) & 3) == 2;
    if (get && (request.nlmsg_flags & NLM_F_DUMP) != 0) {
        int err = dump(&b, host, &request, body, body_len);
        if (err < 0)
            netlink_error(&b, &request, host->port, -err);
        messages = b.len;
        if (err >= 0)
            netlink_done(&b, &request, host->port, err);
    } else {
        answer_one(&b, host, &request, body, body_len);
        if ((request.nlmsg_flags & NLM_F_ACK) != 0 && request.nlmsg_type == RTM_GETLINK)
            netlink_error(&b, &request, host->port, 0);
        messages = b.len;
    }
    ret_reply->last = b.len - messages;
    ret_reply->len = messages;
    return used;
}
