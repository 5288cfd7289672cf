/* SPDX-License-Identifier: BSD-2-Clause */
/* Multicast groups: joining, leaving, sources, by which interface, copies for oneself. */
#include "host/world.h"
#include "sock/abi.h"

enum { PORT = 5007, MEMBERSHIPS4 = 20, SOURCES4 = 10 };

static uint8_t got[100];

struct mreqn {
    uint8_t group[4], addr[4];
    int32_t index;
};
static const struct mreqn by_eth = {{239, 1, 2, 3}, {0}, 2}, by_lo = {{239, 1, 2, 3}, {0}, 1};

static sw_socket_t bound(struct world *w, int host, int domain)
{
    struct sw_addr any = at(domain == SW_AF_INET ? "0.0.0.0" : "::", PORT);
    sw_socket_t s = dgram(w, host, domain);
    set_int(w, host, s, SW_SOL_SOCKET, SW_SO_REUSEADDR, 1);
    assert_int_equal(sw_bind(w->host[host], s, &any), 0);
    return s;
}

static int set(struct world *w, int host, sw_socket_t s, int name, const void *val, size_t len)
{
    return sw_setsockopt(w->host[host], s, SW_SOL_IP, name, val, len);
}

static int64_t hears(struct world *w, int host, sw_socket_t s)
{
    world_settle(w);
    return sw_recv(w->host[host], s, got, sizeof(got), 0, NULL);
}

/* One byte to the group, by eth0. */
static void say(struct world *w, int host, sw_socket_t s)
{
    struct sw_addr group = at("239.1.2.3", PORT);
    assert_int_equal(set(w, host, s, SW_IP_MULTICAST_IF, &by_eth, sizeof(by_eth)), 0);
    assert_int_equal(sw_send(w->host[host], s, "x", 1, 0, &group), 1);
}

static void test_join_and_leave(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    sw_socket_t a = dgram(&w, 0, SW_AF_INET), b = bound(&w, 1, SW_AF_INET);
    say(&w, 0, a);
    assert_int_equal(hears(&w, 1, b), -EAGAIN);
    assert_int_equal(sw_host_drops(w.host[1], SW_DROP_IP_NOT_OURS), 1);
    assert_int_equal(set(&w, 1, b, SW_IP_ADD_MEMBERSHIP, &by_lo, sizeof(by_lo)), 0);
    say(&w, 0, a);
    assert_int_equal(hears(&w, 1, b), -EAGAIN); /* another interface */
    assert_int_equal(set(&w, 1, b, SW_IP_ADD_MEMBERSHIP, &by_eth, sizeof(by_eth)), 0);
    assert_int_equal(set(&w, 1, b, SW_IP_ADD_MEMBERSHIP, &by_eth, sizeof(by_eth)), -EADDRINUSE);
    say(&w, 0, a);
    assert_int_equal(hears(&w, 1, b), 1);
    assert_int_equal(set(&w, 1, b, SW_IP_DROP_MEMBERSHIP, &by_eth, sizeof(by_eth)), 0);
    assert_int_equal(set(&w, 1, b, SW_IP_DROP_MEMBERSHIP, &by_eth, sizeof(by_eth)), -EADDRNOTAVAIL);
    say(&w, 0, a);
    assert_int_equal(hears(&w, 1, b), -EAGAIN);
    assert_int_equal(set(&w, 1, b, SW_IP_ADD_MEMBERSHIP, &by_eth, 7), -EINVAL);
    struct mreqn odd = {{10, 0, 0, 2}, {0}, 2};
    assert_int_equal(set(&w, 1, b, SW_IP_ADD_MEMBERSHIP, &odd, sizeof(odd)), -EINVAL);
    odd = (struct mreqn){{239, 1, 1, 1}, {0}, 9};
    assert_int_equal(set(&w, 1, b, SW_IP_ADD_MEMBERSHIP, &odd, sizeof(odd)), -ENODEV);
    odd = (struct mreqn){{239, 1, 1, 1}, {192, 0, 2, 1}, 0};
    assert_int_equal(set(&w, 1, b, SW_IP_ADD_MEMBERSHIP, &odd, sizeof(odd)), -ENODEV);
    world_fini(&w);
}

/* A socket that has not joined hears what others have, unless it says that it will not. */
static void test_all_or_mine(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    sw_socket_t a = dgram(&w, 0, SW_AF_INET), b = bound(&w, 1, SW_AF_INET);
    sw_socket_t c = bound(&w, 1, SW_AF_INET);
    assert_int_equal(set(&w, 1, b, SW_IP_ADD_MEMBERSHIP, &by_eth, sizeof(by_eth)), 0);
    say(&w, 0, a);
    assert_int_equal(hears(&w, 1, b), 1);
    assert_int_equal(hears(&w, 1, c), 1);
    set_int(&w, 1, c, SW_SOL_IP, SW_IP_MULTICAST_ALL, 0);
    say(&w, 0, a);
    assert_int_equal(hears(&w, 1, b), 1);
    assert_int_equal(hears(&w, 1, c), -EAGAIN);
    assert_int_equal(sw_close(w.host[1], b), 0); /* closing leaves */
    say(&w, 0, a);
    assert_int_equal(hears(&w, 1, c), -EAGAIN);
    assert_int_equal(sw_host_drops(w.host[1], SW_DROP_IP_NOT_OURS), 1);
    world_fini(&w);
}

static void test_sources(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    sw_socket_t a = dgram(&w, 0, SW_AF_INET), b = bound(&w, 1, SW_AF_INET);
    /* group, interface, source */
    static const uint8_t of_a[12] = {239, 1, 2, 3, 10, 0, 0, 2, 10, 0, 0, 1};
    static const uint8_t of_other[12] = {239, 1, 2, 3, 10, 0, 0, 2, 10, 0, 0, 9};
    assert_int_equal(set(&w, 1, b, SW_IP_BLOCK_SOURCE, of_a, 12), -EINVAL); /* not joined */
    assert_int_equal(set(&w, 1, b, SW_IP_ADD_SOURCE_MEMBERSHIP, of_other, 12), 0);
    say(&w, 0, a);
    assert_int_equal(hears(&w, 1, b), -EAGAIN);
    assert_int_equal(set(&w, 1, b, SW_IP_ADD_SOURCE_MEMBERSHIP, of_a, 12), 0);
    assert_int_equal(set(&w, 1, b, SW_IP_ADD_SOURCE_MEMBERSHIP, of_a, 12), -EADDRNOTAVAIL);
    assert_int_equal(set(&w, 1, b, SW_IP_BLOCK_SOURCE, of_a, 12), -EINVAL); /* the other kind */
    say(&w, 0, a);
    assert_int_equal(hears(&w, 1, b), 1);
    assert_int_equal(set(&w, 1, b, SW_IP_DROP_SOURCE_MEMBERSHIP, of_a, 12), 0);
    assert_int_equal(set(&w, 1, b, SW_IP_DROP_SOURCE_MEMBERSHIP, of_other, 12), 0);
    assert_int_equal(set(&w, 1, b, SW_IP_DROP_MEMBERSHIP, &by_eth, 12), -EADDRNOTAVAIL);
    assert_int_equal(set(&w, 1, b, SW_IP_ADD_MEMBERSHIP, &by_eth, 12), 0);
    assert_int_equal(set(&w, 1, b, SW_IP_BLOCK_SOURCE, of_a, 12), 0);
    say(&w, 0, a);
    assert_int_equal(hears(&w, 1, b), -EAGAIN);
    assert_int_equal(set(&w, 1, b, SW_IP_UNBLOCK_SOURCE, of_a, 12), 0);
    say(&w, 0, a);
    assert_int_equal(hears(&w, 1, b), 1);
    world_fini(&w);
}

/* Limits are limits, and what was taken is given back. */
static void test_limits(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    sw_socket_t s = dgram(&w, 0, SW_AF_INET);
    for (int i = 0; i <= MEMBERSHIPS4; i++) {
        struct mreqn m = {{239, 9, 9, (uint8_t)i}, {0}, 2};
        assert_int_equal(set(&w, 0, s, SW_IP_ADD_MEMBERSHIP, &m, sizeof(m)),
                         i < MEMBERSHIPS4 ? 0 : -ENOBUFS);
    }
    for (int i = 0; i <= SOURCES4; i++) {
        uint8_t m[12] = {239, 9, 9, 1, 10, 0, 0, 1, 192, 0, 2, (uint8_t)i};
        assert_int_equal(set(&w, 0, s, SW_IP_BLOCK_SOURCE, m, 12), i < SOURCES4 ? 0 : -ENOBUFS);
    }
    world_fini(&w);
}

/* What is sent to a group that this host is in comes back to it, unless told not to; with a TTL of
 * 0 it goes nowhere else. */
static void test_loop(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    sw_socket_t a = bound(&w, 0, SW_AF_INET), b = bound(&w, 1, SW_AF_INET);
    assert_int_equal(set(&w, 0, a, SW_IP_ADD_MEMBERSHIP, &by_eth, 12), 0);
    assert_int_equal(set(&w, 1, b, SW_IP_ADD_MEMBERSHIP, &by_eth, 12), 0);
    say(&w, 0, a);
    assert_int_equal(hears(&w, 0, a), 1);
    assert_int_equal(hears(&w, 0, a), -EAGAIN);
    assert_int_equal(hears(&w, 1, b), 1);
    set_int(&w, 0, a, SW_SOL_IP, SW_IP_MULTICAST_LOOP, 0);
    say(&w, 0, a);
    assert_int_equal(hears(&w, 0, a), -EAGAIN);
    assert_int_equal(hears(&w, 1, b), 1);
    set_int(&w, 0, a, SW_SOL_IP, SW_IP_MULTICAST_LOOP, 1);
    set_int(&w, 0, a, SW_SOL_IP, SW_IP_MULTICAST_TTL, 0);
    say(&w, 0, a);
    assert_int_equal(hears(&w, 0, a), 1);
    assert_int_equal(hears(&w, 1, b), -EAGAIN);
    world_fini(&w);
}

/* RFC 3678's structures, which both families share, and IPv6's own. */
static void test_ipv6(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_addr group = at("ff05::99", PORT);
    sw_socket_t a = dgram(&w, 0, SW_AF_INET6), b = bound(&w, 1, SW_AF_INET6);
    uint8_t mreq[20] = {0}, req[136] = {0}, source[264] = {0};
    struct sw_host *h = w.host[1];
    memcpy(mreq, group.ip.b, 16);
    mreq[16] = req[0] = source[0] = 2; /* eth0 */
    req[8] = source[8] = source[136] = SW_AF_INET6;
    memcpy(req + 16, group.ip.b, 16);
    memcpy(source + 16, group.ip.b, 16);
    source[136 + 8] = 0xfd;
    source[136 + 8 + 15] = 1; /* fd00::1 */
    set_int(&w, 0, a, SW_SOL_IPV6, SW_IPV6_MULTICAST_IF, 2);
    assert_int_equal(sw_setsockopt(h, b, SW_SOL_IPV6, SW_IPV6_ADD_MEMBERSHIP, mreq, 20), 0);
    assert_int_equal(sw_setsockopt(h, b, SW_SOL_IPV6, SW_MCAST_JOIN_GROUP, req, 136), -EADDRINUSE);
    assert_int_equal(sw_setsockopt(h, b, SW_SOL_IPV6, SW_MCAST_JOIN_GROUP, req, 135), -EINVAL);
    assert_int_equal(sw_send(w.host[0], a, "x", 1, 0, &group), 1);
    assert_int_equal(hears(&w, 1, b), 1);
    assert_int_equal(sw_setsockopt(h, b, SW_SOL_IPV6, SW_MCAST_BLOCK_SOURCE, source, 264), 0);
    assert_int_equal(sw_send(w.host[0], a, "x", 1, 0, &group), 1);
    assert_int_equal(hears(&w, 1, b), -EAGAIN);
    assert_int_equal(sw_setsockopt(h, b, SW_SOL_IPV6, SW_MCAST_LEAVE_GROUP, req, 136), 0);
    assert_int_equal(sw_setsockopt(h, b, SW_SOL_IPV6, SW_IPV6_DROP_MEMBERSHIP, mreq, 20),
                     -EADDRNOTAVAIL);
    assert_int_equal(sw_setsockopt(h, b, SW_SOL_IPV6, SW_MCAST_JOIN_SOURCE_GROUP, source, 264), 0);
    assert_int_equal(sw_send(w.host[0], a, "x", 1, 0, &group), 1);
    assert_int_equal(hears(&w, 1, b), 1);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_join_and_leave), cmocka_unit_test(test_all_or_mine),
        cmocka_unit_test(test_sources),        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_loop),           cmocka_unit_test(test_ipv6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
