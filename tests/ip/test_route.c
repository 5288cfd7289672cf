/* SPDX-License-Identifier: BSD-2-Clause */
/* Routes and paths: the longest prefix wins, local addresses go by lo, sources are checked. */
#include "ip/fixture.h"

static void test_longest_prefix(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    /* Added in an order that is neither sorted nor reversed. */
    static const struct {
        const char *dst;
        unsigned len;
    } routes[] = {{"10.0.0.0", 8}, {"10.1.2.3", 32}, {"10.1.0.0", 16}, {"2001:db8:1::", 48}};
    for (size_t i = 0; i < 4; i++) {
        struct sw_iface_config c = {.mtu = 1500};
        snprintf(c.name, sizeof(c.name), "r%zu", i);
        struct sw_ip dst = addr(routes[i].dst);
        assert_int_equal(sw_ip_add_iface(&f.ip, &c), (int)(3 + i));
        assert_int_equal(sw_ip_add_route(&f.ip, &dst, routes[i].len, (int)(3 + i), NULL), 0);
        assert_int_equal(sw_ip_add_route(&f.ip, &dst, routes[i].len, ETH, NULL), -EEXIST);
    }
    static const struct {
        const char *dst;
        int iface;
    } rows[] = {
        {"10.1.2.3", 4},        {"10.1.2.4", 5},   {"10.2.0.0", 3},
        {"10.0.0.7", ETH},      {"11.0.0.0", ETH}, {"2001:db8:1::5", 6},
        {"2001:db8:2::5", ETH}, {"127.3.3.3", LO}, {"10.0.0.1", LO},
        {"2001:db8::1", LO},    {"::1", LO},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sw_ip dst = addr(rows[i].dst);
        struct sw_ip_path path;
        assert_int_equal(sw_ip_path(&f.ip, &dst, NULL, &path), 0);
        assert_int_equal(path.iface, rows[i].iface);
        assert_int_equal(path.loopback, rows[i].iface == LO);
        assert_int_equal(path.mtu, rows[i].iface != LO ? 1500 : sw_ip_is4(&dst) ? 65535 : 65536);
    }
    fixture_fini(&f);
}

static void test_sources(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    static const struct {
        const char *dst, *src, *expect;
        int err;
    } rows[] = {
        {"127.0.0.1", NULL, "127.0.0.1", 0},
        {"127.1.2.3", NULL, "127.0.0.1", 0}, /* Linux's local table prefers the primary address */
        {"127.0.0.1", "127.5.5.5", "127.5.5.5", 0},
        {"10.0.0.1", NULL, "10.0.0.1", 0},
        {"127.0.0.1", "10.0.0.1", "10.0.0.1", 0},
        {"::1", "::", "::1", 0},
        {"2001:db8::1", NULL, "2001:db8::1", 0},
        {"8.8.8.8", "0.0.0.0", "10.0.0.1", 0},
        {"8.8.8.8", "192.0.2.1", "192.0.2.1", 0},
        {"8.8.8.8", "9.9.9.9", NULL, -EADDRNOTAVAIL},
        {"8.8.8.8", "127.0.0.1", NULL, -EINVAL},
        {"2001:4860::8", "::1", NULL, -EINVAL},
        {"8.8.8.8", "2001:db8::1", NULL, -ENETUNREACH},
        {"0.0.0.0", NULL, NULL, -ENETUNREACH},
        {"::", NULL, NULL, -ENETUNREACH},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sw_ip dst = addr(rows[i].dst), src;
        struct sw_ip_path path;
        if (rows[i].src)
            src = addr(rows[i].src);
        assert_int_equal(sw_ip_path(&f.ip, &dst, rows[i].src ? &src : NULL, &path), rows[i].err);
        if (rows[i].expect) {
            struct sw_ip expect = addr(rows[i].expect);
            assert_true(sw_ip_eq(&path.src, &expect));
        }
    }
    fixture_fini(&f);
}

static void test_limits(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct sw_ip lo = SW_IP4_LOOPBACK, lo6 = SW_IP6_LOOPBACK, far6 = addr("2001:4860::8");
    struct sw_ip_path path;
    assert_int_equal(sw_ip_path(&f.ip, &lo, NULL, &path), 0);
    assert_int_equal(path.gso_max, 65535 - 20 - 60); /* the longest TCP header fits as well */
    assert_int_equal(sw_ip_set_mtu(&f.ip, LO, 1500, 0), 0);
    assert_int_equal(sw_ip_path(&f.ip, &lo6, NULL, &path), 0);
    assert_int_equal(path.mtu, 1500);
    assert_int_equal(path.gso_max, 65535 - 20 - 60); /* cut by sw_ip_output() */
    assert_int_equal(sw_ip_set_mtu(&f.ip, ETH, 1279, 0), 0);
    assert_int_equal(sw_ip_path(&f.ip, &far6, NULL, &path), -ENETUNREACH);
    assert_int_equal(sw_ip_set_mtu(&f.ip, ETH, 1280, 4096), 0);
    assert_int_equal(sw_ip_path(&f.ip, &far6, NULL, &path), 0);
    assert_int_equal(path.gso_max, 65535 - 20 - 60); /* it fills in no checksums: cut here, too */
    fixture_fini(&f);
}

static void test_no_way(void **state)
{
    (void)state;
    struct fixture f;
    memset(&f, 0, sizeof(f));
    f.env.mem = sw_mem_new(&sw_alloc_libc, 0);
    sw_wheel_init(&f.env.wheel, 0);
    assert_int_equal(sw_ip_init(&f.ip, &f.env), 0);
    struct sw_ip dst = addr("10.0.0.1"), dst6 = addr("2001:db8::1");
    struct sw_ip_path path;
    assert_int_equal(sw_ip_path(&f.ip, &dst, NULL, &path), -ENETUNREACH);
    assert_int_equal(sw_ip_path(&f.ip, &dst6, NULL, &path), -EADDRNOTAVAIL); /* as on Linux */
    struct sw_iface_config eth = {.name = "eth0", .mtu = 1500};
    assert_int_equal(sw_ip_add_iface(&f.ip, &eth), 1);
    assert_int_equal(sw_ip_add_route(&f.ip, &SW_IP6_ANY, 0, 1, NULL), 0);
    assert_int_equal(sw_ip_path(&f.ip, &dst, NULL, &path), -ENETUNREACH); /* ::/0 is not for IPv4 */
    struct sw_ip any = SW_IP4_ANY;
    assert_int_equal(sw_ip_add_route(&f.ip, &any, 0, 1, NULL), 0);
    assert_int_equal(sw_ip_path(&f.ip, &dst, NULL, &path), -EADDRNOTAVAIL);
    give(&f, 1, "10.0.0.1", 24);
    assert_int_equal(sw_ip_path(&f.ip, &dst, NULL, &path), -ENETUNREACH); /* no loopback */
    struct sw_ip via = SW_IP6_LOOPBACK;
    assert_int_equal(sw_ip_add_route(&f.ip, &dst, 24, 1, &via), -EINVAL);
    assert_int_equal(sw_ip_add_route(&f.ip, &dst, 33, 1, NULL), -EINVAL);
    assert_int_equal(sw_ip_add_route(&f.ip, &dst, 24, 2, NULL), -ENODEV);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_longest_prefix),
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_no_way),
    };
    return cmocka_run_group_tests_name("ip/route", tests, NULL, NULL);
}
