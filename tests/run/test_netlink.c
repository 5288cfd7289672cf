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

#include "run/netlink.h"

static const struct netlink_host host = {.port = 77, .lo = 1, .mtu = 1500};

struct request {
    struct nlmsghdr h;
    union {
        struct rtgenmsg gen;
        struct ifinfomsg link;
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
    } cases[] = {{AF_UNSPEC, 2}, {AF_INET, 1}, {AF_INET6, 1}, {AF_UNIX, 0}};

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
    r = ask(RTM_GETROUTE, 0, AF_INET);
    assert_int_equal(error_of(&r), ENETUNREACH);
    r = ask(200, 0, AF_INET);
    assert_int_equal(error_of(&r), EOPNOTSUPP);
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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dump_links),
        cmocka_unit_test(test_dump_addresses),
        cmocka_unit_test(test_single_questions),
        cmocka_unit_test(test_malformed),
    };
    return cmocka_run_group_tests_name("run/netlink", tests, NULL, NULL);
}
