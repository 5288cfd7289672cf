/* SPDX-License-Identifier: BSD-2-Clause */
/* Datagrams leave and come back whole, over loopback and in fragments, of every interesting size.
 */
#include "ip/fixture.h"

#include "udp/udp.h"

static void round_trip(struct fixture *f, bool v6, uint32_t len)
{
    static uint8_t data[66000], got[66000];
    struct sw_ip_tx tx = {.src = v6 ? SW_IP6_ANY : SW_IP4_ANY,
                          .dst = v6 ? SW_IP6_LOOPBACK : SW_IP4_LOOPBACK};
    for (uint32_t i = 0; i < len; i++)
        data[i] = (uint8_t)(i * 11);
    assert_int_equal(sw_udp_send(&f->ip, &tx, 1234, 80, data, len), 0);
    struct sw_packet *pkt, *whole = NULL;
    struct sw_ip_hdr ip;
    struct sw_udp_hdr udp;
    while ((pkt = sent(f, LO)) != NULL) {
        assert_null(whole);
        whole = sw_ip_input(&f->ip, LO, pkt, &ip);
    }
    assert_non_null(whole);
    assert_int_equal(sw_udp_check(whole, &ip, &udp), SW_DROP_NONE);
    assert_int_equal(udp.src_port, 1234);
    assert_int_equal(udp.dst_port, 80);
    assert_int_equal(sw_packet_copy(whole, SW_UDP_HDR, got, sizeof(got)), len);
    if (len)
        assert_memory_equal(got, data, len);
    sw_packet_free(whole);
}

static void test_round_trips(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    static const uint32_t lens[] = {0,    1,    2,    7,    8,     1451,  1452, 1453,
                                    1472, 1473, 2960, 9000, 65487, 65507, 65527};
    for (int small = 0; small < 2; small++) {
        assert_int_equal(sw_ip_set_mtu(&f.ip, LO, small ? 1500 : 65536, 0), 0);
        for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
            if (lens[i] <= SW_UDP_MAX)
                round_trip(&f, false, lens[i]);
            round_trip(&f, true, lens[i]);
        }
    }
    assert_int_equal(f.env.stats.udp_tx, 2 * (14 + 15));
    fixture_fini(&f);
}

static void test_refused(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    static uint8_t data[66000];
    struct sw_ip_tx tx = {.src = SW_IP4_ANY, .dst = SW_IP4_LOOPBACK};
    assert_int_equal(sw_udp_send(&f.ip, &tx, 1, 2, data, 65508), -EMSGSIZE);
    tx.dst = addr("8.8.8.8");
    tx.dont_fragment = true;
    assert_int_equal(sw_udp_send(&f.ip, &tx, 1, 2, data, 1473), -EMSGSIZE);
    assert_int_equal(sw_udp_send(&f.ip, &tx, 1, 2, data, 1472), 0);
    tx.src = addr("9.9.9.9");
    assert_int_equal(sw_udp_send(&f.ip, &tx, 1, 2, data, 10), -EADDRNOTAVAIL);
    tx = (struct sw_ip_tx){.src = SW_IP6_ANY, .dst = SW_IP6_LOOPBACK};
    assert_int_equal(sw_udp_send(&f.ip, &tx, 1, 2, data, 65528), -EMSGSIZE);
    tx.dst = SW_IP6_ANY;
    assert_int_equal(sw_udp_send(&f.ip, &tx, 1, 2, data, 1), -ENETUNREACH);
    assert_int_equal(f.env.stats.udp_tx, 1);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests_name("udp/send", tests, NULL, NULL);
}
