/* SPDX-License-Identifier: BSD-2-Clause */
/* Prefixes, own addresses, broadcasts and the choice of a source, as tables. */
#include "ip/fixture.h"

static void test_prefixes(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        unsigned common;
    } rows[] = {
        {"10.0.0.1", "10.0.0.1", 128},
        {"10.0.0.0", "10.0.0.1", 127},
        {"10.0.0.0", "138.0.0.0", 96},
        {"10.0.0.0", "11.0.0.0", 96 + 7},
        {"::", "8000::", 0},
        {"2001:db8::", "2001:db8:0:1::", 63},
        {"::ffff:1.2.3.4", "1.2.3.4", 128},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sw_ip a = addr(rows[i].a), b = addr(rows[i].b);
        assert_int_equal(sw_ip_common_bits(&a, &b), rows[i].common);
        for (unsigned bits = 0; bits <= 128; bits++) {
            struct sw_ip ma = sw_ip_masked(&a, bits), mb = sw_ip_masked(&b, bits);
            assert_int_equal(sw_ip_eq(&ma, &mb), bits <= rows[i].common);
            assert_int_equal(sw_ip_prefix_covers(&a, bits, &b), bits <= rows[i].common);
        }
    }
}

static void test_refused(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    static const struct {
        const char *ip;
        int iface;
        unsigned len;
        int err;
    } rows[] = {
        {"10.0.0.2", 9, 24, -ENODEV},       {"10.0.0.2", ETH, 33, -EINVAL},
        {"2001:db8::2", ETH, 129, -EINVAL}, {"0.0.0.0", ETH, 8, -EINVAL},
        {"::", ETH, 64, -EINVAL},           {"224.0.0.1", ETH, 8, -EINVAL},
        {"ff02::1", ETH, 64, -EINVAL},      {"10.0.0.1", ETH, 8, -EEXIST},
        {"10.0.0.2", ETH, 24, 0}, /* a second address of the same subnet */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sw_ip ip = addr(rows[i].ip);
        assert_int_equal(sw_ip_add_addr(&f.ip, rows[i].iface, &ip, rows[i].len), rows[i].err);
    }
    fixture_fini(&f);
}

/* An address goes, and its route, unless another one has the same. */
static void test_removed(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct sw_ip one = addr("203.0.113.1"), two = addr("203.0.113.2"), far = addr("203.0.113.9"),
                 lo = addr("198.51.100.1"), near = addr("198.51.100.77");
    uint32_t n_routes = f.ip.n_routes;
    assert_int_equal(sw_ip_remove_addr(&f.ip, ETH, &one, 24), -EADDRNOTAVAIL);
    give(&f, ETH, "203.0.113.1", 24);
    give(&f, ETH, "203.0.113.2", 24);
    give(&f, LO, "198.51.100.1", 24);
    assert_int_equal(f.ip.n_routes, n_routes + 2);
    assert_true(sw_ip_is_local(&f.ip, &two));
    assert_false(sw_ip_is_local(&f.ip, &far));
    assert_true(sw_ip_is_local(&f.ip, &near)); /* of a loopback all the prefix is */
    assert_int_equal(sw_ip_remove_addr(&f.ip, ETH, &one, 16), -EADDRNOTAVAIL);
    assert_int_equal(sw_ip_remove_addr(&f.ip, LO, &one, 24), -EADDRNOTAVAIL);
    assert_int_equal(sw_ip_remove_addr(&f.ip, ETH, &one, 24), 0);
    assert_false(sw_ip_is_local(&f.ip, &one));
    assert_non_null(sw_ip_route_find(&f.ip, &far));
    assert_int_equal(sw_ip_remove_addr(&f.ip, ETH, &two, 24), 0);
    assert_int_equal(f.ip.n_routes, n_routes + 1);
    assert_int_equal(sw_ip_remove_addr(&f.ip, LO, &lo, 24), 0);
    assert_false(sw_ip_is_local(&f.ip, &near));
    assert_int_equal(f.ip.n_routes, n_routes);
    fixture_fini(&f);
}

static void test_kinds(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    give(&f, ETH, "10.7.0.1", 31);
    static const struct {
        const char *ip;
        bool local, broadcast, unicast;
    } rows[] = {
        {"127.0.0.1", true, false, true},
        {"127.9.9.9", true, false, true},
        {"127.255.255.255", false, true, false},
        {"::1", true, false, true},
        {"::2", false, false, true},
        {"10.0.0.1", true, false, true},
        {"10.0.0.2", false, false, true},
        {"10.0.0.255", false, true, false},
        {"10.0.1.255", false, false, true},
        {"192.0.2.1", true, false, true},
        {"192.0.2.255", false, false, true},
        {"10.7.0.1", true, false, true}, /* RFC 3021: a /31 has no broadcast */
        {"255.255.255.255", false, true, false},
        {"240.0.0.1", false, false, false},
        {"0.1.2.3", false, false, false},
        {"0.0.0.0", false, false, false},
        {"224.0.0.1", false, false, false},
        {"::", false, false, false},
        {"ff02::1", false, false, false},
        {"fe80::1", true, false, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sw_ip ip = addr(rows[i].ip);
        assert_int_equal(sw_ip_is_local(&f.ip, &ip), rows[i].local);
        assert_int_equal(sw_ip_is_broadcast(&f.ip, &ip), rows[i].broadcast);
        assert_int_equal(sw_ip_is_unicast(&f.ip, &ip), rows[i].unicast);
    }
    fixture_fini(&f);
}

static void test_source(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct sw_iface_config c = {.name = "eth1", .mtu = 1500};
    assert_int_equal(sw_ip_add_iface(&f.ip, &c), 3);
    give(&f, 3, "fe80::3", 64);
    static const struct {
        const char *dst, *src;
        int iface;
    } rows[] = {
        {"10.0.0.9", "10.0.0.1", ETH},      {"192.0.2.9", "192.0.2.1", ETH}, /* longest match */
        {"8.8.8.8", "10.0.0.1", ETH},       {"fe80::9", "fe80::1", ETH},     /* scope */
        {"fe80::9", "fe80::3", 3},          {"2001:4860::8", "2001:db8::1", ETH},
        {"2001:4860::8", "2001:db8::1", 3}, /* a global one of another interface */
        {"8.8.8.8", "10.0.0.1", 3},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sw_ip dst = addr(rows[i].dst), expect = addr(rows[i].src), src;
        assert_true(sw_ip_choose_src(&f.ip, rows[i].iface, &dst, &src));
        assert_true(sw_ip_eq(&src, &expect));
    }
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prefixes), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_removed),  cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_source),
    };
    return cmocka_run_group_tests_name("ip/addr", tests, NULL, NULL);
}
