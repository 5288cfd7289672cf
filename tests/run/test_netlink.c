/* SPDX-License-Identifier: BSD-2-Clause */
/* What rtnetlink says of the run's network, read back with the kernel's own macros. */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "run/netlink/netlink.h"

static struct netlink_addresses addresses;
static struct netlink_host host = {.port = 77, .lo = 1, .mtu = 1500, .addresses = &addresses};

struct request {
    struct nlmsghdr h;
    union {
        struct rtgenmsg gen;
        struct ifinfomsg link;
        struct ifaddrmsg address;
        struct rtmsg route;
    } body;
    char room[64];
};

static struct request ask(uint16_t type, uint16_t flags, uint8_t family)
{
    struct request r = {.h = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
                              .nlmsg_type = type,
                              .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
                              .nlmsg_seq = 5}};
    r.body.gen.rtgen_family = family;
    return r;
}

static size_t answer(const struct request *r, struct netlink_reply *reply)
{
    return netlink_answer(&host, (const uint8_t *)r, r->h.nlmsg_len, reply);
}

/* The attribute of that type of a message whose fixed part has `fixed` bytes. */
static struct rtattr *attribute(struct nlmsghdr *h, size_t fixed, unsigned type)
{
    struct rtattr *a = (void *)((char *)h + NLMSG_SPACE(fixed));
    unsigned len = h->nlmsg_len - (unsigned)NLMSG_SPACE(fixed);
    for (; RTA_OK(a, len); a = RTA_NEXT(a, len))
        if (a->rta_type == type)
            return a;
    return NULL;
}

static void test_dump_links(void **state)
{
    (void)state;
    struct netlink_reply reply;
    struct request r = ask(RTM_GETLINK, NLM_F_DUMP, AF_UNSPEC);

    assert_int_equal(answer(&r, &reply), r.h.nlmsg_len);
    struct nlmsghdr *h = (void *)reply.bytes;
    unsigned len = (unsigned)reply.len;
    assert_true(NLMSG_OK(h, len));
    assert_int_equal(h->nlmsg_type, RTM_NEWLINK);
    assert_int_equal(h->nlmsg_flags, NLM_F_MULTI);
    assert_int_equal(h->nlmsg_seq, 5);
    assert_int_equal(h->nlmsg_pid, 77);
    struct ifinfomsg *info = NLMSG_DATA(h);
    assert_int_equal(info->ifi_index, 1);
    assert_true(info->ifi_flags & IFF_UP);
    assert_string_equal(RTA_DATA(attribute(h, sizeof(*info), IFLA_IFNAME)), "lo");
    assert_int_equal(*(uint32_t *)RTA_DATA(attribute(h, sizeof(*info), IFLA_MTU)), 1500);
    h = NLMSG_NEXT(h, len);
    assert_int_equal(len, 0);

    h = (void *)(reply.bytes + reply.len); /* the end is a datagram of its own */
    assert_int_equal(h->nlmsg_len, reply.last);
    assert_int_equal(h->nlmsg_type, NLMSG_DONE);
    assert_int_equal(*(int *)NLMSG_DATA(h), 0);
}

static void test_dump_addresses(void **state)
{
    (void)state;
    struct netlink_reply reply;
    static const struct {
        uint8_t family;
        int messages;
    } cases[] = {{AF_UNSPEC, 2}, {AF_INET, 1}, {AF_INET6, 1}, {AF_UNIX, 2}};

    for (size_t i = 0; i < 4; i++) {
        struct request r = ask(RTM_GETADDR, NLM_F_DUMP, cases[i].family);
        assert_true(answer(&r, &reply) > 0);
        struct nlmsghdr *h = (void *)reply.bytes;
        unsigned len = (unsigned)reply.len;
        int messages = 0;
        for (; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len), messages++) {
            struct ifaddrmsg *info = NLMSG_DATA(h);
            struct rtattr *address = attribute(h, sizeof(*info), IFA_ADDRESS);
            assert_int_equal(h->nlmsg_type, RTM_NEWADDR);
            assert_int_equal(RTA_PAYLOAD(address), info->ifa_family == AF_INET ? 4 : 16);
            assert_int_equal(info->ifa_index, 1);
        }
        assert_int_equal(messages, cases[i].messages);
        assert_true(reply.last > 0);
    }
}

static int error_of(const struct request *r)
{
    struct netlink_reply reply;
    assert_true(answer(r, &reply) > 0);
    assert_int_equal(reply.last, 0);
    struct nlmsghdr *h = (void *)reply.bytes;
    if (h->nlmsg_type != NLMSG_ERROR)
        return 0;
    struct nlmsgerr *e = NLMSG_DATA(h);
    assert_memory_equal(&e->msg, &r->h, sizeof(r->h));
    return -e->error;
}

static void test_single_questions(void **state)
{
    (void)state;
    struct request r = ask(RTM_GETLINK, 0, AF_UNSPEC);
    r.body.link.ifi_index = 1;
    assert_int_equal(error_of(&r), 0);
    r.body.link.ifi_index = 2;
    assert_int_equal(error_of(&r), ENODEV);
    r.body.link.ifi_index = 0;
    struct rtattr name = {.rta_len = RTA_LENGTH(3), .rta_type = IFLA_IFNAME};
    memcpy(r.room, &name, sizeof(name));
    memcpy(r.room + sizeof(name), "lo", 3);
    r.h.nlmsg_len += RTA_LENGTH(3);
    assert_int_equal(error_of(&r), 0);
    r.room[sizeof(name)] = 'x';
    assert_int_equal(error_of(&r), ENODEV);

    r = ask(RTM_SETLINK, NLM_F_ACK, AF_UNSPEC);
    assert_int_equal(error_of(&r), EPERM);
    r = ask(RTM_GETROUTE, 0, AF_INET); /* nowhere is here; not so of IPv6 */
    assert_int_equal(error_of(&r), 0);
    r = ask(RTM_GETROUTE, 0, AF_INET6);
    assert_int_equal(error_of(&r), ENETUNREACH);
    r = ask(200, 0, AF_INET);
    assert_int_equal(error_of(&r), EOPNOTSUPP);
}

static int set_to;
static int set_address(void *user, const struct netlink_address *a, bool there)
{
    assert_ptr_equal(user, &set_to);
    assert_int_equal(a->len, a->family == AF_INET ? 4 : 16);
    set_to += there ? 1 : -1;
    return 0;
}

static void add_attribute(struct request *r, size_t fixed, uint16_t type, const void *data,
                          uint16_t len)
{
    struct rtattr a = {.rta_len = (uint16_t)RTA_LENGTH(len), .rta_type = type};
    char *at = (char *)r + NLMSG_LENGTH(fixed);
    memcpy(at, &a, sizeof(a));
    memcpy(at + sizeof(a), data, len);
    r->h.nlmsg_len = (uint32_t)(NLMSG_LENGTH(fixed) + RTA_LENGTH(len));
}

static int change_address(uint16_t type, uint16_t flags, int index)
{
    static const uint8_t bytes[4] = {192, 0, 2, 1};
    struct request r = ask(type, (uint16_t)(NLM_F_ACK | flags), AF_INET);
    r.body.address.ifa_prefixlen = 24;
    r.body.address.ifa_index = (uint32_t)index;
    add_attribute(&r, sizeof(struct ifaddrmsg), IFA_LOCAL, bytes, sizeof(bytes));
    return error_of(&r);
}

/* The way to 192.0.2.last. */
static int way_to(uint8_t last)
{
    const uint8_t bytes[4] = {192, 0, 2, last};
    struct request r = ask(RTM_GETROUTE, 0, AF_INET);
    add_attribute(&r, sizeof(struct rtmsg), RTA_DST, bytes, sizeof(bytes));
    return error_of(&r);
}

static int set_mtu(void *user, uint32_t mtu)
{
    assert_ptr_equal(user, &set_to);
    if (mtu > 65536)
        return -EINVAL;
    host.mtu = mtu;
    return 0;
}

static int change_mtu(uint32_t mtu)
{
    struct request r = ask(RTM_NEWLINK, NLM_F_ACK, AF_UNSPEC);
    r.body.link.ifi_index = 1;
    add_attribute(&r, sizeof(struct ifinfomsg), IFLA_MTU, &mtu, sizeof(mtu));
    return error_of(&r);
}

static void test_changes_of_mtu(void **state)
{
    (void)state;
    host.admin = false;
    assert_int_equal(change_mtu(1400), EPERM);
    host.admin = true;
    host.set_mtu = set_mtu;
    host.user = &set_to;
    assert_int_equal(change_mtu(1400), 0);
    assert_int_equal(host.mtu, 1400);
    assert_int_equal(change_mtu(70000), EINVAL);
    assert_int_equal(host.mtu, 1400);
}

static void test_changes(void **state)
{
    (void)state;
    assert_int_equal(change_address(RTM_NEWADDR, 0, 1), EPERM);
    host.admin = true;
    host.set = set_address;
    host.user = &set_to;
    assert_int_equal(change_address(RTM_DELADDR, 0, 1), EADDRNOTAVAIL);
    assert_int_equal(change_address(RTM_NEWADDR, 0, 7), ENODEV);
    assert_int_equal(way_to(9), ENETUNREACH);
    assert_int_equal(change_address(RTM_NEWADDR, NLM_F_CREATE, 1), 0);
    assert_int_equal(change_address(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, 1), EEXIST);
    assert_int_equal(change_address(RTM_NEWADDR, NLM_F_REPLACE, 1), 0);
    assert_int_equal(set_to, 1);
    assert_int_equal(addresses.n, 3);
    assert_int_equal(way_to(9), 0); /* on a loopback the prefix is all ours */
    assert_int_equal(change_address(RTM_DELADDR, 0, 1), 0);
    assert_int_equal(set_to, 0);
    assert_int_equal(addresses.n, 2);
    assert_int_equal(way_to(9), ENETUNREACH);

    struct request r = ask(RTM_NEWLINK, NLM_F_ACK, AF_UNSPEC);
    r.body.link.ifi_index = 1;
    r.body.link.ifi_change = r.body.link.ifi_flags = IFF_UP;
    assert_int_equal(error_of(&r), 0); /* it is up */
    r.body.link.ifi_flags = 0;
    assert_int_equal(error_of(&r), EOPNOTSUPP);
    r = ask(RTM_DELLINK, 0, AF_UNSPEC);
    r.body.link.ifi_index = 1;
    assert_int_equal(error_of(&r), EOPNOTSUPP);
    r.body.link.ifi_index = 2;
    assert_int_equal(error_of(&r), ENODEV);
    host.admin = false;
}

static void test_rules(void **state)
{
    (void)state;
    struct netlink_reply reply;
    struct request r = ask(RTM_GETRULE, NLM_F_DUMP, AF_INET);
    assert_true(answer(&r, &reply) > 0);
    struct nlmsghdr *h = (void *)reply.bytes;
    unsigned len = (unsigned)reply.len, n = 0;
    for (; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len), n++)
        assert_int_equal(h->nlmsg_type, RTM_NEWRULE);
    assert_int_equal(n, 3);
    r = ask(1026, NLM_F_DUMP, AF_INET); /* a dump of what there is not */
    assert_int_equal(error_of(&r), EOPNOTSUPP);
}

static int n_routes;
static int set_route(void *user, const struct netlink_route *route, bool there)
{
    assert_ptr_equal(user, &set_to);
    assert_true(route->info.rtm_dst_len <= 128);
    n_routes += there ? 1 : -1;
    return 0;
}

/* How many messages of that type a dump has. */
static unsigned dumped(uint16_t get, uint8_t family)
{
    struct netlink_reply reply;
    struct request r = ask(get, NLM_F_DUMP, family);
    assert_true(answer(&r, &reply) > 0);
    struct nlmsghdr *h = (void *)reply.bytes;
    unsigned len = (unsigned)reply.len, n = 0;
    for (; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len), n++)
        assert_int_equal(h->nlmsg_type, get - 2);
    return n;
}

/* What a family has no table of its own for, it is told of all. */
static void test_tables(void **state)
{
    (void)state;
    static const struct {
        uint16_t get;
        uint8_t family;
        unsigned messages;
    } cases[] = {
        {RTM_GETLINK, AF_INET, 1},        {RTM_GETLINK, AF_INET6, 1},
        {RTM_GETLINK, AF_BRIDGE, 0},      {RTM_GETROUTE, AF_PACKET, 4},
        {RTM_GETQDISC, AF_UNSPEC, 1},     {RTM_GETSTATS, AF_UNSPEC, 1},
        {RTM_GETNETCONF, AF_UNSPEC, 6},   {RTM_GETNETCONF, AF_INET, 3},
        {RTM_GETADDRLABEL, AF_INET6, 10}, {RTM_GETNEIGH, AF_UNSPEC, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(dumped(cases[i].get, cases[i].family), cases[i].messages);

    struct request r = ask(RTM_GETADDRLABEL, NLM_F_DUMP, AF_INET);
    assert_int_equal(error_of(&r), EOPNOTSUPP);
    struct netlink_reply reply;
    r = ask(RTM_GETRULE, NLM_F_DUMP, AF_PACKET);
    assert_true(answer(&r, &reply) > 0);
    struct nlmsghdr *h = (void *)(reply.bytes + reply.len);
    assert_int_equal(h->nlmsg_type, NLMSG_DONE);
    assert_int_equal(*(int *)NLMSG_DATA(h), -EAFNOSUPPORT);

    r = ask(RTM_GETLINK, NLM_F_DUMP, AF_INET6); /* IPv6's own word of it */
    assert_true(answer(&r, &reply) > 0);
    h = (void *)reply.bytes;
    assert_non_null(attribute(h, sizeof(struct ifinfomsg), IFLA_PROTINFO));
    assert_null(attribute(h, sizeof(struct ifinfomsg), IFLA_QDISC));
}

static unsigned told[RTNLGRP_MAX + 1];
static void tell(void *user, unsigned group, const void *bytes, size_t len)
{
    const struct nlmsghdr *h = bytes;
    assert_ptr_equal(user, &set_to);
    assert_int_equal(h->nlmsg_len, len);
    told[group]++;
}

static int change_route(uint16_t type, uint16_t flags, uint8_t last, uint8_t table)
{
    const uint8_t bytes[4] = {198, 51, 100, last};
    struct request r = ask(type, (uint16_t)(NLM_F_ACK | flags), AF_INET);
    r.body.route = (struct rtmsg){.rtm_family = AF_INET,
                                  .rtm_dst_len = 24,
                                  .rtm_table = table,
                                  .rtm_type = type == RTM_NEWROUTE ? RTN_UNICAST : RTN_UNSPEC};
    add_attribute(&r, sizeof(struct rtmsg), RTA_DST, bytes, sizeof(bytes));
    return error_of(&r);
}

static void test_changes_of_routes(void **state)
{
    (void)state;
    const uint16_t create = NLM_F_CREATE | NLM_F_EXCL;
    host.admin = true;
    host.set_route = set_route;
    host.user = &set_to;
    unsigned before = dumped(RTM_GETROUTE, AF_INET);
    assert_int_equal(before, 3); /* the prefix, the address and its broadcast */
    assert_int_equal(dumped(RTM_GETROUTE, AF_UNSPEC), 4);
    assert_int_equal(change_route(RTM_NEWROUTE, create, 0, RT_TABLE_MAIN), 0);
    assert_int_equal(change_route(RTM_NEWROUTE, create, 0, RT_TABLE_MAIN), EEXIST);
    assert_int_equal(change_route(RTM_NEWROUTE, NLM_F_REPLACE, 0, RT_TABLE_MAIN), 0);
    assert_int_equal(n_routes, 1);
    assert_int_equal(change_route(RTM_NEWROUTE, create, 0, 99), 0); /* told, and no more */
    assert_int_equal(n_routes, 1);
    assert_int_equal(dumped(RTM_GETROUTE, AF_INET), before + 2);
    assert_int_equal(dumped(RTM_GETROUTE, AF_INET6), 1);
    assert_int_equal(change_route(RTM_DELROUTE, 0, 0, RT_TABLE_MAIN), 0);
    assert_int_equal(change_route(RTM_DELROUTE, 0, 0, RT_TABLE_MAIN), ESRCH);
    assert_int_equal(change_route(RTM_DELROUTE, 0, 0, 99), 0);
    assert_int_equal(n_routes, 0);
    assert_int_equal(change_route(RTM_NEWROUTE, 0, 0, RT_TABLE_MAIN), ENOENT);
    for (uint8_t i = 0; i < NETLINK_KEPT_MAX; i++)
        assert_int_equal(change_route(RTM_NEWROUTE, create, 0, (uint8_t)(100 + i)), 0);
    assert_int_equal(change_route(RTM_NEWROUTE, create, 0, 99), ENOBUFS);
    for (uint8_t i = 0; i < NETLINK_KEPT_MAX; i++)
        assert_int_equal(change_route(RTM_DELROUTE, 0, 0, (uint8_t)(100 + i)), 0);
    host.admin = false;
    assert_int_equal(change_route(RTM_NEWROUTE, create, 0, RT_TABLE_MAIN), EPERM);
}

/* Rules "from 198.51.100.0/24": two are alike but for their priority. */
static int change_rule(uint16_t type, uint16_t flags, uint32_t priority)
{
    const uint8_t bytes[4] = {198, 51, 100, 0};
    struct request r = ask(type, (uint16_t)(NLM_F_ACK | flags), AF_INET);
    r.body.route = (struct rtmsg){.rtm_family = AF_INET,
                                  .rtm_src_len = 24,
                                  .rtm_table = 99,
                                  .rtm_type = 1 /* FR_ACT_TO_TBL */};
    add_attribute(&r, sizeof(struct rtmsg), 2 /* FRA_SRC */, bytes, sizeof(bytes));
    struct rtattr a = {.rta_len = RTA_LENGTH(4), .rta_type = 6 /* FRA_PRIORITY */};
    if (priority != 0) {
        memcpy((char *)&r + r.h.nlmsg_len, &a, sizeof(a));
        memcpy((char *)&r + r.h.nlmsg_len + sizeof(a), &priority, 4);
        r.h.nlmsg_len += RTA_LENGTH(4);
    }
    return error_of(&r);
}

static void test_changes_of_rules(void **state)
{
    (void)state;
    const uint16_t create = NLM_F_CREATE | NLM_F_EXCL;
    assert_int_equal(change_rule(RTM_NEWRULE, create, 5), EPERM);
    host.admin = true;
    assert_int_equal(change_rule(RTM_NEWRULE, create, 5), 0);
    assert_int_equal(change_rule(RTM_NEWRULE, create, 5), EEXIST);
    assert_int_equal(change_rule(RTM_NEWRULE, create, 40000), 0);
    assert_int_equal(dumped(RTM_GETRULE, AF_INET), 5);
    assert_int_equal(change_rule(RTM_DELRULE, 0, 6), ENOENT);
    assert_int_equal(change_rule(RTM_DELRULE, 0, 40000), 0);
    assert_int_equal(change_rule(RTM_DELRULE, 0, 0),
                     0); /* the one there is, whatever its priority */
    assert_int_equal(change_rule(RTM_DELRULE, 0, 0), ENOENT);
    assert_int_equal(dumped(RTM_GETRULE, AF_INET), 3);
    host.admin = false;
}

/* Who is in a group hears of what has changed, and of nothing else. */
static void test_told(void **state)
{
    (void)state;
    const uint16_t create = NLM_F_CREATE | NLM_F_EXCL;
    host.admin = true;
    host.tell = tell;
    assert_int_equal(change_address(RTM_NEWADDR, create, 1), 0);
    assert_int_equal(change_address(RTM_NEWADDR, create, 1), EEXIST);
    assert_int_equal(told[RTNLGRP_IPV4_IFADDR], 1);
    assert_int_equal(change_address(RTM_DELADDR, 0, 1), 0);
    assert_int_equal(change_address(RTM_DELADDR, 0, 1), EADDRNOTAVAIL);
    assert_int_equal(told[RTNLGRP_IPV4_IFADDR], 2);
    assert_int_equal(change_route(RTM_NEWROUTE, create, 0, 99), 0);
    assert_int_equal(change_route(RTM_DELROUTE, 0, 0, 99), 0);
    assert_int_equal(change_route(RTM_DELROUTE, 0, 0, 99), ESRCH);
    assert_int_equal(told[RTNLGRP_IPV4_ROUTE], 2);
    assert_int_equal(change_mtu(1300), 0);
    assert_int_equal(change_mtu(1300), 0); /* it has that */
    assert_int_equal(told[RTNLGRP_LINK], 1);
    struct request r = ask(RTM_NEWLINK, NLM_F_ACK, AF_UNSPEC);
    r.body.link.ifi_index = 1;
    add_attribute(&r, sizeof(struct ifinfomsg), IFLA_IFNAME, "other", 6);
    assert_int_equal(error_of(&r), EOPNOTSUPP); /* rather than to say that it has that name */
    host.admin = false;
    host.tell = NULL;
}

static void test_malformed(void **state)
{
    (void)state;
    struct netlink_reply reply;
    struct request r = ask(RTM_GETLINK, NLM_F_DUMP, AF_UNSPEC);
    uint8_t noise[128];

    for (size_t len = 0; len < sizeof(r.h); len++)
        assert_int_equal(netlink_answer(&host, (const uint8_t *)&r, len, &reply), 0);
    r.h.nlmsg_len = sizeof(r.h) - 1;
    assert_int_equal(netlink_answer(&host, (const uint8_t *)&r, sizeof(r), &reply), 0);
    r.h.nlmsg_len = sizeof(r.h);
    assert_int_equal(netlink_answer(&host, (const uint8_t *)&r, sizeof(r.h), &reply), sizeof(r.h));

    host.admin = true;
    srand(1);
    for (int i = 0; i < 20000; i++) { /* any bytes are taken, never more than there are */
        for (size_t k = 0; k < sizeof(noise); k++)
            noise[k] = (uint8_t)rand();
        uint32_t len = (uint32_t)(rand() % (int)sizeof(noise));
        uint16_t type = (uint16_t)(16 + rand() % 100), flags = (uint16_t)(rand() | NLM_F_REQUEST);
        memcpy(noise, &len, sizeof(len));
        memcpy(noise + 4, &type, sizeof(type));
        memcpy(noise + 6, &flags, sizeof(flags));
        assert_true(netlink_answer(&host, noise, sizeof(noise), &reply) <= sizeof(noise));
        assert_true(reply.len + reply.last <= sizeof(reply.bytes));
    }
}

int main(void)
{
    netlink_addresses_init(&addresses);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dump_links),       cmocka_unit_test(test_dump_addresses),
        cmocka_unit_test(test_single_questions), cmocka_unit_test(test_changes),
        cmocka_unit_test(test_changes_of_mtu),   cmocka_unit_test(test_rules),
        cmocka_unit_test(test_tables),           cmocka_unit_test(test_changes_of_routes),
        cmocka_unit_test(test_changes_of_rules), cmocka_unit_test(test_told),
        cmocka_unit_test(test_malformed),
    };
    return cmocka_run_group_tests_name("run/netlink", tests, NULL, NULL);
}
