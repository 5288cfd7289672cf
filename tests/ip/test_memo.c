/* SPDX-License-Identifier: BSD-2-Clause */
/* What is remembered of paths and of who is welcome is forgotten when it may be wrong. */
#include "ip/fixture.h"

static uint32_t mtu_to(struct fixture *f, const char *dst_text)
{
    struct sw_ip dst = addr(dst_text), src = addr("10.0.0.1");
    struct sw_ip_path path;
    assert_int_equal(sw_ip_path(&f->ip, &dst, &src, &path), 0);
    assert_true(sw_ip_eq(&path.src, &src));
    return path.mtu;
}

static void test_paths(void **state)
{
    (void)state;
    struct fixture f;
    struct sw_ip dst = addr("10.0.0.9"), net = addr("10.0.0.0"), other = addr("10.0.0.8");
    struct sw_ip_path path;
    fixture_init(&f);
    for (int i = 0; i < 3; i++) /* the same each time, of two that may share a place */
        assert_int_equal(mtu_to(&f, i % 2 ? "10.0.0.25" : "10.0.0.9"), 1500);
    assert_int_equal(sw_ip_set_mtu(&f.ip, ETH, 1400, 0), 0);
    assert_int_equal(mtu_to(&f, "10.0.0.9"), 1400);
    assert_int_equal(
        sw_ip_set_route_metrics(&f.ip, &net, 24, &(struct sw_route_metrics){.mtu = 1300}), 0);
    assert_int_equal(mtu_to(&f, "10.0.0.9"), 1300);
    /* What ICMP tells ends with time. */
    sw_ip_pmtu_learn(&f.ip, &dst, 1200);
    assert_int_equal(mtu_to(&f, "10.0.0.9"), 1200);
    assert_int_equal(mtu_to(&f, "10.0.0.8"), 1300);
    f.env.now_ns += f.ip.config.mtu_expires_ns + 1;
    assert_int_equal(mtu_to(&f, "10.0.0.9"), 1300);
    /* A source that is not ours is refused although the destination is known. */
    assert_int_equal(sw_ip_path(&f.ip, &dst, &other, &path), -EADDRNOTAVAIL);
    /* What was away becomes our own. */
    assert_int_equal(mtu_to(&f, "10.0.0.8"), 1300);
    give(&f, ETH, "10.0.0.8", 24);
    struct sw_ip src = addr("10.0.0.1");
    assert_int_equal(sw_ip_path(&f.ip, &other, &src, &path), 0);
    assert_int_equal(path.iface, LO);
    fixture_fini(&f);
}

static void test_guests(void **state)
{
    (void)state;
    struct fixture f;
    struct sw_ip peer = addr("10.0.0.9"), own = addr("10.0.0.1");
    fixture_init(&f);
    assert_false(sw_memo_welcome(&f.ip, ETH, &peer, &own));
    sw_memo_keep_welcome(&f.ip, ETH, &peer, &own);
    assert_true(sw_memo_welcome(&f.ip, ETH, &peer, &own));
    assert_false(sw_memo_welcome(&f.ip, LO, &peer, &own));
    assert_false(sw_memo_welcome(&f.ip, ETH, &own, &peer));
    f.ip.looping = true; /* then more is allowed than usual */
    assert_false(sw_memo_welcome(&f.ip, ETH, &peer, &own));
    f.ip.looping = false;
    give(&f, ETH, "10.0.0.9", 24); /* now that would be a forgery */
    assert_false(sw_memo_welcome(&f.ip, ETH, &peer, &own));
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_guests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
