/* SPDX-License-Identifier: BSD-2-Clause */
/* rtnetlink(7) about the run's network (netlink.h): dumps and single questions. */
#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
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

/* What leaves by lo comes by it. */
static void put_counters(struct netlink_builder *b, const struct netlink_host *host)
{
    struct rtnl_link_stats64 wide = {.rx_packets = host->packets,
                                     .tx_packets = host->packets,
                                     .rx_bytes = host->bytes,
                                     .tx_bytes = host->bytes};
    struct rtnl_link_stats narrow = {.rx_packets = (uint32_t)host->packets,
                                     .tx_packets = (uint32_t)host->packets,
                                     .rx_bytes = (uint32_t)host->bytes,
                                     .tx_bytes = (uint32_t)host->bytes};
    netlink_attribute(b, IFLA_STATS64, &wide, sizeof(wide));
    netlink_attribute(b, IFLA_STATS, &narrow, sizeof(narrow));
}

static void put_link(struct netlink_builder *b, const struct netlink_host *host)
{
    static const uint8_t no_address[6], unknown; /* as of Linux's lo */
    struct ifinfomsg info = {.ifi_type = ARPHRD_LOOPBACK,
                             .ifi_index = host->lo,
                             .ifi_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING | IFF_LOWER_UP};
    netlink_append(b, &info, sizeof(info));
    netlink_attribute(b, IFLA_IFNAME, lo_name, sizeof(lo_name));
    netlink_number(b, IFLA_TXQLEN, 1000);
    netlink_number(b, IFLA_MTU, host->mtu);
    netlink_attribute(b, IFLA_OPERSTATE, &unknown, sizeof(unknown));
    netlink_attribute(b, IFLA_LINKMODE, &unknown, sizeof(unknown));
    netlink_number(b, IFLA_GROUP, 0);
    netlink_attribute(b, IFLA_QDISC, "noqueue", sizeof("noqueue"));
    netlink_attribute(b, IFLA_ADDRESS, no_address, sizeof(no_address));
    netlink_attribute(b, IFLA_BROADCAST, no_address, sizeof(no_address));
    put_counters(b, host);
}

static bool is_loopback(const struct netlink_address *a)
{
    static const uint8_t lo6[16] = {[15] = 1};
    return a->family == AF_INET ? a->bytes[0] == 127 : memcmp(a->bytes, lo6, sizeof(lo6)) == 0;
}

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
    put_link(&b, host);
    netlink_end(&b);
    if (host->tell != NULL)
        host->tell(host->user, RTNLGRP_LINK, bytes, b.len);
}

/* The messages of a dump, without its end. */
static void dump(struct netlink_builder *b, const struct netlink_host *host,
                 const struct nlmsghdr *request, uint8_t family)
{
    if (request->nlmsg_type == RTM_GETLINK && (family == AF_UNSPEC || family == AF_PACKET)) {
        netlink_begin(b, RTM_NEWLINK, NLM_F_MULTI, request, host->port);
        put_link(b, host);
        netlink_end(b);
    }
    if (request->nlmsg_type == RTM_GETRULE)
        netlink_dump_rules(b, host, request, family);
    if (request->nlmsg_type == RTM_GETROUTE)
        netlink_dump_routes(b, host, request, family);
    for (unsigned i = 0; request->nlmsg_type == RTM_GETADDR && i < host->addresses->n; i++) {
        const struct netlink_address *a = &host->addresses->at[i];
        if (family != AF_UNSPEC && family != a->family)
            continue;
        netlink_begin(b, RTM_NEWADDR, NLM_F_MULTI, request, host->port);
        put_address(b, host, a);
        netlink_end(b);
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
        put_link(b, host);
        netlink_end(b);
    } else if (request->nlmsg_type == RTM_GETROUTE) {
        int err = netlink_put_way(b, host, request, body, len);
        if (err != 0)
            netlink_error(b, request, host->port, err);
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
        dump(&b, host, &request, body_len > 0 ? body[0] : AF_UNSPEC);
        messages = b.len;
        netlink_done(&b, &request, host->port, 0);
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
