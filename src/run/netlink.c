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

#include "base/assert.h"
#include "run/netlink.h"

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

/* A message being appended to a reply. */
struct builder {
    struct netlink_reply *reply;
    size_t at; /* of the message in hand */
};

static void append(struct builder *b, const void *data, size_t len)
{
    struct netlink_reply *r = b->reply;
    SW_ASSERT(r->len + NLMSG_ALIGN(len) <= sizeof(r->bytes));
    memcpy(r->bytes + r->len, data, len);
    memset(r->bytes + r->len + len, 0, NLMSG_ALIGN(len) - len);
    r->len += NLMSG_ALIGN(len);
}

static void begin(struct builder *b, uint16_t type, uint16_t flags, const struct nlmsghdr *request,
                  uint32_t port)
{
    struct nlmsghdr h = {.nlmsg_type = type,
                         .nlmsg_flags = flags,
                         .nlmsg_seq = request->nlmsg_seq,
                         .nlmsg_pid = port};
    b->at = b->reply->len;
    append(b, &h, sizeof(h));
}

static void end(struct builder *b)
{
    uint32_t len = (uint32_t)(b->reply->len - b->at);
    memcpy(b->reply->bytes + b->at, &len, sizeof(len)); /* nlmsg_len comes first */
}

static void attribute(struct builder *b, uint16_t type, const void *data, size_t len)
{
    struct rtattr a = {.rta_len = (uint16_t)RTA_LENGTH(len), .rta_type = type};
    append(b, &a, sizeof(a));
    append(b, data, len);
}

static void number(struct builder *b, uint16_t type, uint32_t value)
{
    attribute(b, type, &value, sizeof(value));
}

static void put_link(struct builder *b, const struct netlink_host *host)
{
    static const uint8_t no_address[6], unknown; /* as of Linux's lo */
    struct ifinfomsg info = {.ifi_type = ARPHRD_LOOPBACK,
                             .ifi_index = host->lo,
                             .ifi_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING | IFF_LOWER_UP};
    append(b, &info, sizeof(info));
    attribute(b, IFLA_IFNAME, lo_name, sizeof(lo_name));
    number(b, IFLA_TXQLEN, 1000);
    number(b, IFLA_MTU, host->mtu);
    attribute(b, IFLA_OPERSTATE, &unknown, sizeof(unknown));
    attribute(b, IFLA_LINKMODE, &unknown, sizeof(unknown));
    number(b, IFLA_GROUP, 0);
    attribute(b, IFLA_QDISC, "noqueue", sizeof("noqueue"));
    attribute(b, IFLA_ADDRESS, no_address, sizeof(no_address));
    attribute(b, IFLA_BROADCAST, no_address, sizeof(no_address));
}

static void put_address(struct builder *b, const struct netlink_host *host, size_t i)
{
    struct ifaddrmsg info = {.ifa_family = addresses[i].family,
                             .ifa_prefixlen = addresses[i].prefix_len,
                             .ifa_flags = IFA_F_PERMANENT,
                             .ifa_scope = RT_SCOPE_HOST,
                             .ifa_index = (uint32_t)host->lo};
    append(b, &info, sizeof(info));
    attribute(b, IFA_ADDRESS, addresses[i].bytes, addresses[i].len);
    if (addresses[i].family == AF_INET) {
        attribute(b, IFA_LOCAL, addresses[i].bytes, addresses[i].len);
        attribute(b, IFA_LABEL, lo_name, sizeof(lo_name));
    }
    static const struct ifa_cacheinfo for_ever = {.ifa_prefered = UINT32_MAX,
                                                  .ifa_valid = UINT32_MAX};
    attribute(b, IFA_CACHEINFO, &for_ever, sizeof(for_ever));
    number(b, IFA_FLAGS, IFA_F_PERMANENT);
}

static void put_route(struct builder *b, const struct netlink_host *host, size_t i)
{
    static const uint8_t net4[4] = {127, 0, 0, 0};
    bool v4 = addresses[i].family == AF_INET;
    struct rtmsg info = {.rtm_family = addresses[i].family,
                         .rtm_dst_len = addresses[i].prefix_len,
                         .rtm_table = RT_TABLE_LOCAL,
                         .rtm_protocol = RTPROT_KERNEL,
                         .rtm_scope = v4 ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE,
                         .rtm_type = RTN_LOCAL};
    append(b, &info, sizeof(info));
    number(b, RTA_TABLE, RT_TABLE_LOCAL);
    attribute(b, RTA_DST, v4 ? net4 : addresses[i].bytes, addresses[i].len);
    if (v4)
        attribute(b, RTA_PREFSRC, addresses[i].bytes, addresses[i].len);
    else
        number(b, RTA_PRIORITY, 0);
    number(b, RTA_OIF, (uint32_t)host->lo);
}

/* NLMSG_ERROR: an errno, or 0 for "done". The request's header follows. */
static void put_error(struct builder *b, const struct nlmsghdr *request, uint32_t port, int err)
{
    struct nlmsgerr e = {.error = -err, .msg = *request};
    begin(b, NLMSG_ERROR, 0, request, port);
    append(b, &e, sizeof(e));
    end(b);
}

/* The messages of a dump, without its end. */
static void dump(struct builder *b, const struct netlink_host *host, const struct nlmsghdr *request,
                 uint8_t family)
{
    if (request->nlmsg_type == RTM_GETLINK && (family == AF_UNSPEC || family == AF_PACKET)) {
        begin(b, RTM_NEWLINK, NLM_F_MULTI, request, host->port);
        put_link(b, host);
        end(b);
    }
    bool by_family = request->nlmsg_type == RTM_GETADDR || request->nlmsg_type == RTM_GETROUTE;
    for (size_t i = 0; by_family && i < N_ADDRESSES; i++) {
        bool route = request->nlmsg_type == RTM_GETROUTE;
        if (family != AF_UNSPEC && family != addresses[i].family)
            continue;
        begin(b, route ? RTM_NEWROUTE : RTM_NEWADDR, NLM_F_MULTI, request, host->port);
        if (route)
            put_route(b, host, i);
        else
            put_address(b, host, i);
        end(b);
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

static void answer_one(struct builder *b, const struct netlink_host *host,
                       const struct nlmsghdr *request, const uint8_t *body, size_t len)
{
    /* Requests come in fours: new, delete, get, set (rtnetlink.h); only "get" changes nothing. */
    bool get = ((request->nlmsg_type - RTM_BASE) & 3) == 2;

    if (request->nlmsg_type < RTM_BASE || request->nlmsg_type > RTM_MAX) {
        put_error(b, request, host->port, EOPNOTSUPP);
    } else if (!get) {
        put_error(b, request, host->port, EPERM);
    } else if (request->nlmsg_type == RTM_GETLINK) {
        if (!asks_for_lo(host, body, len)) {
            put_error(b, request, host->port, ENODEV);
            return;
        }
        begin(b, RTM_NEWLINK, 0, request, host->port);
        put_link(b, host);
        end(b);
    } else if (request->nlmsg_type == RTM_GETROUTE) {
        put_error(b, request, host->port, ENETUNREACH);
    } else {
        put_error(b, request, host->port, EOPNOTSUPP);
    }
}

size_t netlink_answer(const struct netlink_host *host, const uint8_t *bytes, size_t len,
                      struct netlink_reply *ret_reply)
{
    struct builder b = {.reply = ret_reply};
    struct nlmsghdr request;

    ret_reply->len = ret_reply->last = 0;
    if (len < sizeof(request))
        return 0;
    memcpy(&request, bytes, sizeof(request));
    if (request.nlmsg_len < sizeof(request) || request.nlmsg_len > len)
        return 0;
    const uint8_t *body = bytes + sizeof(request);
    size_t body_len = request.nlmsg_len - sizeof(request);
    size_t used = NLMSG_ALIGN(request.nlmsg_len) < len ? NLMSG_ALIGN(request.nlmsg_len) : len;

    if ((request.nlmsg_flags & NLM_F_REQUEST) == 0 || request.nlmsg_type < NLMSG_MIN_TYPE)
        return used; /* no question: the kernel says nothing either */
    bool get = ((request.nlmsg_type - RTM_BASE) & 3) == 2;
    if (get && (request.nlmsg_flags & NLM_F_DUMP) != 0) {
        static const int no_error;
        dump(&b, host, &request, body_len > 0 ? body[0] : AF_UNSPEC);
        size_t messages = ret_reply->len;
        begin(&b, NLMSG_DONE, NLM_F_MULTI, &request, host->port);
        append(&b, &no_error, sizeof(no_error));
        end(&b);
        ret_reply->last = ret_reply->len - messages;
        ret_reply->len = messages;
    } else {
        answer_one(&b, host, &request, body, body_len);
        if ((request.nlmsg_flags & NLM_F_ACK) != 0 && request.nlmsg_type == RTM_GETLINK)
            put_error(&b, &request, host->port, 0);
    }
    return used;
}
