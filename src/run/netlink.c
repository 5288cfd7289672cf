/* SPDX-License-Identifier: BSD-2-Clause */
/* rtnetlink(7) about the run's network (netlink.h): dumps and single questions; changes are
 * refused. */
#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "run/netlink.h"
#include "run/netlink_build.h"

/* Addresses of the interface. */
static const struct {
    uint8_t family, prefix_len, len;
    uint8_t bytes[16];
} addresses[] = {
    {AF_INET, 8, 4, {127, 0, 0, 1}},
    {AF_INET6, 128, 16, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
};
enum { N_ADDRESSES = sizeof(addresses) / sizeof(addresses[0]) };

static const char lo_name[] = "lo";

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
}

static void put_address(struct netlink_builder *b, const struct netlink_host *host, size_t i)
{
    struct ifaddrmsg info = {.ifa_family = addresses[i].family,
                             .ifa_prefixlen = addresses[i].prefix_len,
                             .ifa_flags = IFA_F_PERMANENT,
                             .ifa_scope = RT_SCOPE_HOST,
                             .ifa_index = (uint32_t)host->lo};
    netlink_append(b, &info, sizeof(info));
    netlink_attribute(b, IFA_ADDRESS, addresses[i].bytes, addresses[i].len);
    if (addresses[i].family == AF_INET) {
        netlink_attribute(b, IFA_LOCAL, addresses[i].bytes, addresses[i].len);
        netlink_attribute(b, IFA_LABEL, lo_name, sizeof(lo_name));
    }
    static const struct ifa_cacheinfo for_ever = {.ifa_prefered = UINT32_MAX,
                                                  .ifa_valid = UINT32_MAX};
    netlink_attribute(b, IFA_CACHEINFO, &for_ever, sizeof(for_ever));
    netlink_number(b, IFA_FLAGS, IFA_F_PERMANENT);
}

static void put_route(struct netlink_builder *b, const struct netlink_host *host, size_t i)
{
    static const uint8_t net4[4] = {127, 0, 0, 0};
    bool v4 = addresses[i].family == AF_INET;
    struct rtmsg info = {.rtm_family = addresses[i].family,
                         .rtm_dst_len = addresses[i].prefix_len,
                         .rtm_table = RT_TABLE_LOCAL,
                         .rtm_protocol = RTPROT_KERNEL,
                         .rtm_scope = v4 ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE,
                         .rtm_type = RTN_LOCAL};
    netlink_append(b, &info, sizeof(info));
    netlink_number(b, RTA_TABLE, RT_TABLE_LOCAL);
    netlink_attribute(b, RTA_DST, v4 ? net4 : addresses[i].bytes, addresses[i].len);
    if (v4)
        netlink_attribute(b, RTA_PREFSRC, addresses[i].bytes, addresses[i].len);
    else
        netlink_number(b, RTA_PRIORITY, 0);
    netlink_number(b, RTA_OIF, (uint32_t)host->lo);
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
    bool by_family = request->nlmsg_type == RTM_GETADDR || request->nlmsg_type == RTM_GETROUTE;
    for (size_t i = 0; by_family && i < N_ADDRESSES; i++) {
        bool route = request->nlmsg_type == RTM_GETROUTE;
        if (family != AF_UNSPEC && family != addresses[i].family)
            continue;
        netlink_begin(b, route ? RTM_NEWROUTE : RTM_NEWADDR, NLM_F_MULTI, request, host->port);
        if (route)
            put_route(b, host, i);
        else
            put_address(b, host, i);
        netlink_end(b);
    }
}

/* Whether a question for one link, by index or by name, means ours. */
static bool asks_for_lo(const struct netlink_host *host, const uint8_t *body, size_t len)
{
    struct ifinfomsg info;
    if (len < sizeof(info))
        return false;
    memcpy(&info, body, sizeof(info));
    if (info.ifi_index != 0)
        return info.ifi_index == host->lo;
    for (size_t at = sizeof(info); at + sizeof(struct rtattr) <= len;) {
        struct rtattr a;
        memcpy(&a, body + at, sizeof(a));
        if (a.rta_len < sizeof(a) || a.rta_len > len - at)
            return false;
        size_t n = a.rta_len - sizeof(a);
        if ((a.rta_type & NLA_TYPE_MASK) == IFLA_IFNAME && n >= sizeof(lo_name) - 1 &&
            strncmp((const char *)body + at + sizeof(a), lo_name, n) == 0)
            return true;
        at += RTA_ALIGN(a.rta_len);
    }
    return false;
}

static void answer_one(struct netlink_builder *b, const struct netlink_host *host,
                       const struct nlmsghdr *request, const uint8_t *body, size_t len)
{
    /* Requests come in fours: new, delete, get, set (rtnetlink.h); only "get" changes nothing. */
    bool get = ((request->nlmsg_type - RTM_BASE) & 3) == 2;

    if (request->nlmsg_type < RTM_BASE || request->nlmsg_type > RTM_MAX) {
        netlink_error(b, request, host->port, EOPNOTSUPP);
    } else if (!get) {
        netlink_error(b, request, host->port, EPERM);
    } else if (request->nlmsg_type == RTM_GETLINK) {
        if (!asks_for_lo(host, body, len)) {
            netlink_error(b, request, host->port, ENODEV);
            return;
        }
        netlink_begin(b, RTM_NEWLINK, 0, request, host->port);
        put_link(b, host);
        netlink_end(b);
    } else if (request->nlmsg_type == RTM_GETROUTE) {
        netlink_error(b, request, host->port, ENETUNREACH);
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
    bool get = ((request.nlmsg_type - RTM_BASE) & 3) == 2;
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
