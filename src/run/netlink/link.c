/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What rtnetlink(7) says of lo itself: as `ip link` shows it, in IPv6's own message of it (`ip -6
 * addr`), its counters (`ip stats`) and its queueing discipline (`tc qdisc`), which is none, as of
 * Linux's.
 */
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "run/netlink/build.h"
#include "run/netlink/netlink.h"

/* Newer than some headers. */
enum {
    IS_TSO_MAX_SIZE = 59, /* IFLA_TSO_MAX_SIZE */
    IS_TSO_MAX_SEGS = 60,
    IS_ALLMULTI = 61,
};

static const char lo_name[] = "lo", noqueue[] = "noqueue";
static const uint8_t no_address[6], unknown; /* as of Linux's lo */

/* What leaves by lo comes by it. */
static void put_counters(struct netlink_builder *b, uint16_t type, const struct netlink_host *host)
{
    const struct rtnl_link_stats64 wide = {.rx_packets = host->packets,
                                           .tx_packets = host->packets,
                                           .rx_bytes = host->bytes,
                                           .tx_bytes = host->bytes};
    netlink_attribute(b, type, &wide, sizeof(wide));
}

static void put_narrow_counters(struct netlink_builder *b, const struct netlink_host *host)
{
    const struct rtnl_link_stats narrow = {.rx_packets = (uint32_t)host->packets,
                                           .tx_packets = (uint32_t)host->packets,
                                           .rx_bytes = (uint32_t)host->bytes,
                                           .tx_bytes = (uint32_t)host->bytes};
    netlink_attribute(b, IFLA_STATS, &narrow, sizeof(narrow));
}

static void put_flags(struct netlink_builder *b, const struct netlink_host *host, uint8_t family)
{
    const struct ifinfomsg info = {.ifi_family = family,
                                   .ifi_type = ARPHRD_LOOPBACK,
                                   .ifi_index = host->lo,
                                   .ifi_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING | IFF_LOWER_UP};
    netlink_append(b, &info, sizeof(info));
    netlink_attribute(b, IFLA_IFNAME, lo_name, sizeof(lo_name));
}

/* What IPv6 has to say of an interface (inet6_fill_ifla6_attrs()), but for its settings. */
static void put_inet6(struct netlink_builder *b)
{
    enum { READY = 0x80000000U, REACHABLE_MS = 30000, RETRANS_MS = 1000, MTU6_MAX = 65535 };
    const struct ifla_cacheinfo times = {
        .max_reasm_len = MTU6_MAX, .reachable_time = REACHABLE_MS, .retrans_time = RETRANS_MS};
    static const uint8_t by_eui64 = IN6_ADDR_GEN_MODE_EUI64;

    netlink_number(b, IFLA_INET6_FLAGS, READY);
    netlink_attribute(b, IFLA_INET6_CACHEINFO, &times, sizeof(times));
    netlink_attribute(b, IFLA_INET6_ADDR_GEN_MODE, &by_eui64, sizeof(by_eui64));
}

void netlink_put_link(struct netlink_builder *b, const struct netlink_host *host)
{
    const struct {
        uint16_t type;
        uint32_t value;
    } numbers[] = {
        {IFLA_TXQLEN, 1000},
        {IFLA_MTU, host->mtu},
        {IFLA_MIN_MTU, 0},
        {IFLA_MAX_MTU, 0},
        {IFLA_GROUP, 0},
        {IFLA_PROMISCUITY, 0},
        {IS_ALLMULTI, 0},
        {IFLA_NUM_TX_QUEUES, 1},
        {IFLA_GSO_MAX_SEGS, 65535},
        {IFLA_GSO_MAX_SIZE, 65536},
        {IFLA_GRO_MAX_SIZE, 65536},
        {IS_TSO_MAX_SIZE, 524280},
        {IS_TSO_MAX_SEGS, 65535},
        {IFLA_NUM_RX_QUEUES, 1},
        {IFLA_CARRIER_CHANGES, 0},
        {IFLA_CARRIER_UP_COUNT, 0},
        {IFLA_CARRIER_DOWN_COUNT, 0},
    };
    static const uint8_t carrier = 1;

    put_flags(b, host, AF_UNSPEC);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        netlink_number(b, numbers[i].type, numbers[i].value);
    netlink_attribute(b, IFLA_OPERSTATE, &unknown, sizeof(unknown));
    netlink_attribute(b, IFLA_LINKMODE, &unknown, sizeof(unknown));
    netlink_attribute(b, IFLA_CARRIER, &carrier, sizeof(carrier));
    netlink_attribute(b, IFLA_QDISC, noqueue, sizeof(noqueue));
    netlink_attribute(b, IFLA_ADDRESS, no_address, sizeof(no_address));
    netlink_attribute(b, IFLA_BROADCAST, no_address, sizeof(no_address));
    put_counters(b, IFLA_STATS64, host);
    put_narrow_counters(b, host);
    size_t families = netlink_nest(b, IFLA_AF_SPEC), inet6 = netlink_nest(b, AF_INET6);
    put_inet6(b);
    netlink_nest_end(b, inet6);
    netlink_nest_end(b, families);
}

static void put_link6(struct netlink_builder *b, const struct netlink_host *host)
{
    put_flags(b, host, AF_INET6);
    netlink_attribute(b, IFLA_ADDRESS, no_address, sizeof(no_address));
    netlink_number(b, IFLA_MTU, host->mtu);
    netlink_attribute(b, IFLA_OPERSTATE, &unknown, sizeof(unknown));
    size_t inet6 = netlink_nest(b, IFLA_PROTINFO);
    put_inet6(b);
    netlink_nest_end(b, inet6);
}

/* Who has no message of its own is told the common one; a bridge has no ports here. */
void netlink_dump_links(struct netlink_builder *b, const struct netlink_host *host,
                        const struct nlmsghdr *request, uint8_t family)
{
    if (family == AF_BRIDGE)
        return;
    netlink_begin(b, RTM_NEWLINK, NLM_F_MULTI, request, host->port);
    if (family == AF_INET6)
        put_link6(b, host);
    else
        netlink_put_link(b, host);
    netlink_end(b);
}

uint32_t netlink_stats_wanted(const uint8_t *body, size_t len)
{
    struct if_stats_msg asked = {.filter_mask = 0};

    if (len >= sizeof(asked))
        memcpy(&asked, body, sizeof(asked));
    return asked.filter_mask;
}

void netlink_put_stats(struct netlink_builder *b, const struct netlink_host *host,
                       const struct nlmsghdr *request, uint16_t flags, uint32_t filter)
{
    const struct if_stats_msg info = {.ifindex = (uint32_t)host->lo, .filter_mask = filter};

    netlink_begin(b, RTM_NEWSTATS, flags, request, host->port);
    netlink_append(b, &info, sizeof(info));
    if ((filter & IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64)) != 0)
        put_counters(b, IFLA_STATS_LINK_64, host);
    netlink_end(b);
}

void netlink_dump_qdiscs(struct netlink_builder *b, const struct netlink_host *host,
                         const struct nlmsghdr *request)
{
    enum { REFERENCES = 2 };
    const struct tcmsg info = {
        .tcm_ifindex = host->lo, .tcm_parent = TC_H_ROOT, .tcm_info = REFERENCES};

    netlink_begin(b, RTM_NEWQDISC, NLM_F_MULTI, request, host->port);
    netlink_append(b, &info, sizeof(info));
    netlink_attribute(b, TCA_KIND, noqueue, sizeof(noqueue));
    netlink_end(b);
}
