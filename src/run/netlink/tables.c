/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables of rtnetlink(7) that hold the same in every run: which group all hosts are in (`ip maddr`
 * of newer kernels), whether anything is forwarded (`ip netconf`), and the labels by which RFC
 * 6724 2.1 pairs addresses (`ip addrlabel`), as Linux has them.
 */
#include <linux/if_addr.h>
#include <linux/if_addrlabel.h>
#include <linux/netconf.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "run/netlink/build.h"
#include "run/netlink/netlink.h"

static void put_group(struct netlink_builder *b, const struct netlink_host *host,
                      const struct nlmsghdr *request, uint8_t family, const uint8_t *group)
{
    size_t len = family == AF_INET ? 4 : 16;
    const struct ifaddrmsg info = {.ifa_family = family,
                                   .ifa_prefixlen = (uint8_t)(8 * len),
                                   .ifa_flags = IFA_F_PERMANENT,
                                   .ifa_scope = RT_SCOPE_UNIVERSE,
                                   .ifa_index = (uint32_t)host->lo};

    netlink_begin(b, RTM_GETMULTICAST, NLM_F_MULTI, request, host->port);
    netlink_append(b, &info, sizeof(info));
    netlink_attribute(b, IFA_MULTICAST, group, len);
    netlink_end(b);
}

void netlink_dump_groups(struct netlink_builder *b, const struct netlink_host *host,
                         const struct nlmsghdr *request, uint8_t family)
{
    static const uint8_t all4[4] = {224, 0, 0, 1}, link6[16] = {0xff, 2, [15] = 1},
                         host6[16] = {0xff, 1, [15] = 1};
    if (family == AF_INET) {
        put_group(b, host, request, family, all4);
    } else {
        put_group(b, host, request, family, link6);
        put_group(b, host, request, family, host6);
    }
}

/* One family's word about an interface; NETCONFA_IFINDEX_ALL and _DEFAULT are told of as if they
 * were some. */
static void put_conf(struct netlink_builder *b, const struct netlink_host *host,
                     const struct nlmsghdr *request, uint8_t family, int32_t iface)
{
    static const uint16_t off[] = {NETCONFA_FORWARDING, NETCONFA_MC_FORWARDING,
                                   NETCONFA_PROXY_NEIGH, NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN};
    const struct netconfmsg info = {.ncm_family = family};

    netlink_begin(b, RTM_NEWNETCONF, NLM_F_MULTI, request, host->port);
    netlink_append(b, &info, sizeof(info));
    netlink_number(b, NETCONFA_IFINDEX, (uint32_t)iface);
    for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++)
        netlink_number(b, off[i], 0);
    if (family == AF_INET)
        netlink_number(b, NETCONFA_RP_FILTER, 0);
    netlink_end(b);
}

void netlink_dump_conf(struct netlink_builder *b, const struct netlink_host *host,
                       const struct nlmsghdr *request, uint8_t family)
{
    static const uint8_t families[] = {AF_INET, AF_INET6};
    const int32_t ifaces[] = {host->lo, NETCONFA_IFINDEX_ALL, NETCONFA_IFINDEX_DEFAULT};
    bool any = family != AF_INET && family != AF_INET6;

    for (size_t f = 0; f < sizeof(families); f++)
        for (size_t i = 0; (any || family == families[f]) && i < sizeof(ifaces) / sizeof(ifaces[0]);
             i++)
            put_conf(b, host, request, families[f], ifaces[i]);
}

void netlink_dump_labels(struct netlink_builder *b, const struct netlink_host *host,
                         const struct nlmsghdr *request)
{
    static const struct {
        uint8_t prefix_len, label;
        uint8_t prefix[16];
    } labels[] = {
        /* net/ipv6/addrlabel.c: RFC 6724 2.1, RFC 4380 2.6, RFC 4843 */
        {128, 0, {[15] = 1}},
        {96, 3, {0}},
        {96, 4, {[10] = 0xff, [11] = 0xff}},
        {32, 6, {0x20, 0x01}},
        {28, 7, {0x20, 0x01, 0x00, 0x10}},
        {16, 12, {0x3f, 0xfe}},
        {16, 2, {0x20, 0x02}},
        {10, 11, {0xfe, 0xc0}},
        {7, 5, {0xfc}},
        {0, 1, {0}},
    };
    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
        const struct ifaddrlblmsg info = {
            .ifal_family = AF_INET6, .ifal_prefixlen = labels[i].prefix_len, .ifal_seq = 10};
        netlink_begin(b, RTM_NEWADDRLABEL, NLM_F_MULTI, request, host->port);
        netlink_append(b, &info, sizeof(info));
        netlink_attribute(b, IFAL_ADDRESS, labels[i].prefix, sizeof(labels[i].prefix));
        netlink_number(b, IFAL_LABEL, labels[i].label);
        netlink_end(b);
    }
}
