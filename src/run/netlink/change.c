/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What administrators change by rtnetlink(7): addresses of lo, its MTU, and (netlink/route.c,
 * netlink/rule.c) routes and rules. It is up and stays so,
 * there is no other interface, and none can be made.
 */
#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "run/netlink/netlink.h"

const uint8_t *netlink_find_attribute(const uint8_t *body, size_t len, size_t fixed, uint16_t type,
                                      size_t *ret_len)
{
    for (size_t at = NLMSG_ALIGN(fixed); at + sizeof(struct rtattr) <= len;) {
        struct rtattr a;
        memcpy(&a, body + at, sizeof(a));
        if (a.rta_len < sizeof(a) || a.rta_len > len - at)
            return NULL;
        if ((a.rta_type & NLA_TYPE_MASK) == type) {
            *ret_len = a.rta_len - sizeof(a);
            return body + at + sizeof(a);
        }
        at += RTA_ALIGN(a.rta_len);
    }
    return NULL;
}

uint32_t netlink_find_number(const uint8_t *body, size_t len, size_t fixed, uint16_t type,
                             uint32_t otherwise)
{
    size_t n;
    uint32_t v = otherwise;
    const uint8_t *at = netlink_find_attribute(body, len, fixed, type, &n);
    if (at != NULL && n == sizeof(v))
        memcpy(&v, at, sizeof(v));
    return v;
}

/* The address that a request is about: IFA_LOCAL, or else IFA_ADDRESS. 0 or a positive errno. */
static int read_address(const uint8_t *body, size_t len, const struct ifaddrmsg *info,
                        struct netlink_address *ret)
{
    size_t n = 0, want = info->ifa_family == AF_INET ? 4 : 16;

    if (info->ifa_family != AF_INET && info->ifa_family != AF_INET6)
        return EOPNOTSUPP;
    const uint8_t *bytes = netlink_find_attribute(body, len, sizeof(*info), IFA_LOCAL, &n);
    if (bytes == NULL)
        bytes = netlink_find_attribute(body, len, sizeof(*info), IFA_ADDRESS, &n);
    if (bytes == NULL || n != want || info->ifa_prefixlen > want * 8)
        return EINVAL;
    *ret = (struct netlink_address){
        .family = info->ifa_family, .prefix_len = info->ifa_prefixlen, .len = (uint8_t)want};
    memcpy(ret->bytes, bytes, want);
    return 0;
}

static struct netlink_address *find(const struct netlink_host *host,
                                    const struct netlink_address *address)
{
    for (unsigned i = 0; i < host->addresses->n; i++)
        if (memcmp(&host->addresses->at[i], address, sizeof(*address)) == 0)
            return &host->addresses->at[i];
    return NULL;
}

static int add(const struct netlink_host *host, const struct netlink_address *address,
               uint16_t flags)
{
    if (find(host, address) != NULL)
        return (flags & NLM_F_EXCL) != 0 || (flags & NLM_F_REPLACE) == 0 ? EEXIST : 0;
    if (host->addresses->n == NETLINK_ADDRESSES_MAX)
        return ENOBUFS;
    int err = host->set(host->user, address, true);
    if (err == 0)
        host->addresses->at[host->addresses->n++] = *address;
    return -err;
}

static int take_away(const struct netlink_host *host, const struct netlink_address *address)
{
    struct netlink_address *at = find(host, address);
    if (at == NULL)
        return EADDRNOTAVAIL;
    int err = host->set(host->user, address, false);
    if (err == 0) {
        size_t behind = host->addresses->n - 1 - (size_t)(at - host->addresses->at);
        memmove(at, at + 1, behind * sizeof(*at));
        host->addresses->n--;
    }
    return -err;
}

static int change_address(const struct netlink_host *host, const struct nlmsghdr *request,
                          const uint8_t *body, size_t len)
{
    struct netlink_address address;
    struct ifaddrmsg info;

    if (len < sizeof(info))
        return EINVAL;
    memcpy(&info, body, sizeof(info));
    int err = read_address(body, len, &info, &address);
    if (err == 0 && info.ifa_index != (uint32_t)host->lo)
        err = ENODEV;
    if (err != 0)
        return err;
    bool there = find(host, &address) != NULL;
    err = request->nlmsg_type == RTM_NEWADDR ? add(host, &address, request->nlmsg_flags)
                                             : take_away(host, &address);
    if (there != (find(host, &address) != NULL))
        netlink_tell_address(host, request, &address);
    return err;
}

/* Linux's do_setlink() looks at the flags if any is set or to be changed. */
static bool stays_up(const struct ifinfomsg *info)
{
    unsigned up = IFF_UP;
    return (info->ifi_flags == 0 && info->ifi_change == 0) ||
           ((info->ifi_change & ~up) == 0 && (info->ifi_flags & up) != 0);
}

static bool renames(const uint8_t *body, size_t len)
{
    size_t n;
    const uint8_t *name =
        netlink_find_attribute(body, len, sizeof(struct ifinfomsg), IFLA_IFNAME, &n);
    return name != NULL && (n < 2 || strncmp((const char *)name, "lo", n) != 0);
}

static int change_mtu(const struct netlink_host *host, const uint8_t *bytes, size_t len)
{
    uint32_t mtu;
    if (len < sizeof(mtu))
        return EINVAL;
    memcpy(&mtu, bytes, sizeof(mtu));
    bool differs = mtu != host->mtu;
    int err = -host->set_mtu(host->user, mtu);
    if (err == 0 && differs) {
        struct netlink_host now = *host;
        now.mtu = mtu;
        netlink_tell_link(&now);
    }
    return err;
}

static int change_link(const struct netlink_host *host, const struct nlmsghdr *request,
                       const uint8_t *body, size_t len)
{
    struct ifinfomsg info;
    size_t n;

    if (len < sizeof(info))
        return EINVAL;
    memcpy(&info, body, sizeof(info));
    bool makes = request->nlmsg_type == RTM_NEWLINK &&
                 netlink_find_attribute(body, len, sizeof(info), IFLA_LINKINFO, &n) != NULL;
    if (!makes && !netlink_asks_for_lo(host, body, len))
        return ENODEV;
    if (request->nlmsg_type == RTM_DELLINK || makes || !stays_up(&info) || renames(body, len))
        return EOPNOTSUPP;
    const uint8_t *mtu = netlink_find_attribute(body, len, sizeof(info), IFLA_MTU, &n);
    return mtu != NULL ? change_mtu(host, mtu, n) : 0;
}

int netlink_change(const struct netlink_host *host, const struct nlmsghdr *request,
                   const uint8_t *body, size_t len)
{
    switch (request->nlmsg_type) {
    case RTM_NEWADDR:
    case RTM_DELADDR:
        return change_address(host, request, body, len);
    case RTM_NEWLINK:
    case RTM_SETLINK:
    case RTM_DELLINK:
        return change_link(host, request, body, len);
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
        return netlink_change_route(host, request, body, len);
    case RTM_NEWRULE:
    case RTM_DELRULE:
        return netlink_change_rule(host, request, body, len);
    default:
        return EOPNOTSUPP;
    }
}
