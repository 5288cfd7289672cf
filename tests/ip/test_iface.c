/* SPDX-License-Identifier: BSD-2-Clause */
/* Interfaces: what is refused, and that a queue survives the array's growth. */
#include "ip/fixture.h"

static void test_refused(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct sw_iface_config c = {.name = "lo", .mtu = 1500};
    assert_int_equal(sw_ip_add_iface(&f.ip, &c), -EEXIST);
    c = (struct sw_iface_config){.name = "", .mtu = 1500};
    assert_int_equal(sw_ip_add_iface(&f.ip, &c), -EINVAL);
    memset(c.name, 'x', sizeof(c.name));
    assert_int_equal(sw_ip_add_iface(&f.ip, &c), -EINVAL);
    c = (struct sw_iface_config){.name = "a", .mtu = 67};
    assert_int_equal(sw_ip_add_iface(&f.ip, &c), -EINVAL);
    c.mtu = 65537;
    assert_int_equal(sw_ip_add_iface(&f.ip, &c), -EINVAL);
    assert_int_equal(sw_ip_set_mtu(&f.ip, ETH, 67, 0), -EINVAL);
    assert_int_equal(sw_ip_set_mtu(&f.ip, 3, 1500, 0), -ENODEV);
    assert_int_equal(sw_ip_set_mtu(&f.ip, 0, 1500, 0), -ENODEV);
    assert_null(sw_ip_iface(&f.ip, 0));
    assert_null(sw_ip_iface(&f.ip, -1));
    assert_null(sw_ip_iface(&f.ip, 3));
    fixture_fini(&f);
}

static void test_growth_keeps_queues(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct sw_iface_config c = {.name = "x0", .mtu = 1500};
    struct sw_packet *first = sw_packet_new(f.env.mem, 0), *second = sw_packet_new(f.env.mem, 0);
    sw_packet_queue_add(&sw_ip_iface(&f.ip, ETH)->out, first);
    for (c.name[1] = '0'; c.name[1] < '9'; c.name[1]++)
        assert_true(sw_ip_add_iface(&f.ip, &c) > ETH);
    sw_packet_queue_add(&sw_ip_iface(&f.ip, ETH)->out, second);
    assert_ptr_equal(sent(&f, ETH), first);
    assert_ptr_equal(sent(&f, ETH), second);
    assert_null(sent(&f, ETH));
    assert_null(sent(&f, LO));
    sw_packet_free(first);
    sw_packet_queue_add(&sw_ip_iface(&f.ip, LO)->out, second); /* fini frees it */
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_growth_keeps_queues),
    };
    return cmocka_run_group_tests_name("ip/iface", tests, NULL, NULL);
}
