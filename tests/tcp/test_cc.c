/* SPDX-License-Identifier: BSD-2-Clause */
/* Congestion controls: the curves, by numbers. */
#include "tcp/one.h"

#include "tcp/cc.h"

static void established(struct one *o, bool cubic)
{
    one_init(o);
    o->layer.config.cc = cubic ? SW_CC_CUBIC : SW_CC_RENO;
    one_connect(o);
    assert_int_equal(sw_flight_reserve(&o->tcp), 0);
    o->tcp.flags |= SW_TCPF_CWND_LIMITED;
    o->tcp.snd.srtt_us8 = 8 * 100000;
}

static void test_slow_start(void **state)
{
    (void)state;
    for (int cubic = 0; cubic < 2; cubic++) {
        struct one o;

        established(&o, cubic);
        for (int i = 0; i < 10; i++)
            sw_cc(&o.tcp)->on_ack(&o.tcp, 1000);
        assert_int_equal(o.tcp.snd.cwnd, 20000);
        o.tcp.snd.ssthresh = 20500; /* no further than ssthresh */
        sw_cc(&o.tcp)->on_ack(&o.tcp, 1000);
        assert_in_range(o.tcp.snd.cwnd, 20500, 20525); /* CUBIC's estimate counts bytes */
        one_fini(&o);
    }
}

/* RFC 5681: one MSS per window acknowledged; half of what is out after a loss, at least two MSS. */
static void test_newreno(void **state)
{
    struct one o;

    (void)state;
    established(&o, false);
    o.tcp.snd.ssthresh = 10000;
    for (int i = 0; i < 9; i++)
        sw_cc(&o.tcp)->on_ack(&o.tcp, 1000);
    assert_int_equal(o.tcp.snd.cwnd, 10000);
    sw_cc(&o.tcp)->on_ack(&o.tcp, 1000);
    assert_int_equal(o.tcp.snd.cwnd, 11000);
    o.tcp.snd.nxt = sw_seq_add(o.tcp.snd.una, 9000);
    assert_int_equal(sw_cc(&o.tcp)->ssthresh(&o.tcp), 4500);
    o.tcp.snd.nxt = sw_seq_add(o.tcp.snd.una, 1000);
    assert_int_equal(sw_cc(&o.tcp)->ssthresh(&o.tcp), 2000);
    /* Of half a segment nothing is sent, so nothing comes back for it either. */
    o.tcp.snd.cwnd = o.tcp.snd.ssthresh = 3500;
    for (int i = 0; i < 3; i++)
        sw_cc(&o.tcp)->on_ack(&o.tcp, 1000);
    assert_int_equal(o.tcp.snd.cwnd, 4500);
    o.tcp.snd.nxt = o.tcp.snd.una;
    one_fini(&o);
}

static void test_cube_root(void **state)
{
    (void)state;
    assert_int_equal(sw_cc_cube_root(0), 0);
    assert_int_equal(sw_cc_cube_root(7), 1);
    assert_int_equal(sw_cc_cube_root(8), 2);
    assert_int_equal(sw_cc_cube_root(1000000000ULL * 75), 4217); /* K of the test below, in ms */
    assert_int_equal(sw_cc_cube_root(UINT64_MAX), 2642245);
    for (uint64_t i = 1; i < 2642245; i = i * 3 / 2 + 1) {
        assert_int_equal(sw_cc_cube_root(i * i * i), i);
        assert_int_equal(sw_cc_cube_root(i * i * i - 1), i - 1);
    }
}

/* RFC 9438: a loss at 1,000 segments leaves 700; after K = cbrt(300 / 0.4) = 9.09 s it is back at
 * 1,000, half of the way to it already after a fifth of the time, and then goes beyond. */
static void test_cubic(void **state)
{
    struct one o;
    uint64_t start_ns;
    uint32_t at_fifth = 0, at_k = 0;

    (void)state;
    established(&o, true);
    o.tcp.snd.cwnd = 1000000;
    o.tcp.snd.nxt = sw_seq_add(o.tcp.snd.una, 1000000);
    o.tcp.snd.ssthresh = sw_cc(&o.tcp)->ssthresh(&o.tcp);
    assert_int_equal(o.tcp.snd.ssthresh, 700000);
    o.tcp.snd.cwnd = o.tcp.snd.ssthresh;
    start_ns = o.env.now_ns;
    while (o.env.now_ns - start_ns < 15 * SEC) { /* a window is acknowledged every 100 ms */
        uint64_t t_ns = o.env.now_ns - start_ns;

        if (t_ns < 9090 * MS / 5)
            at_fifth = o.tcp.snd.cwnd;
        if (t_ns < 9090 * MS)
            at_k = o.tcp.snd.cwnd;
        for (uint32_t acked = 0; acked < o.tcp.snd.cwnd; acked += 10000)
            sw_cc(&o.tcp)->on_ack(&o.tcp, 10000);
        o.env.now_ns += 100 * MS;
    }
    assert_in_range(at_fifth, 840000, 860000); /* 1000 - 0.4 * (0.8 K)^3 = 846 */
    assert_in_range(at_k, 990000, 1010000);
    assert_in_range(o.tcp.snd.cwnd, 1070000, 1100000); /* 1000 + 0.4 * 5.9^3 = 1082 */
    /* A loss below the last maximum: it makes room (4.7). */
    o.tcp.snd.cwnd = 500000;
    assert_int_equal(sw_cc(&o.tcp)->ssthresh(&o.tcp), 350000);
    o.tcp.snd.cwnd = 350000;
    o.tcp.snd.ssthresh = 350000;
    start_ns = o.env.now_ns;
    while (o.env.now_ns - start_ns < 5700 * MS) { /* K = cbrt(75 / 0.4) = 5.72 s to 425 */
        for (uint32_t acked = 0; acked < o.tcp.snd.cwnd; acked += 10000)
            sw_cc(&o.tcp)->on_ack(&o.tcp, 10000);
        o.env.now_ns += 100 * MS;
    }
    assert_in_range(o.tcp.snd.cwnd, 415000, 435000);
    o.tcp.snd.nxt = o.tcp.snd.una;
    one_fini(&o);
}

/* On a short path it is never slower than standard TCP (4.3). */
static void test_reno_friendly(void **state)
{
    struct one o;

    (void)state;
    established(&o, true);
    o.tcp.snd.srtt_us8 = 8 * 1000;
    o.tcp.snd.cwnd = 20000;
    o.tcp.snd.nxt = sw_seq_add(o.tcp.snd.una, 20000);
    o.tcp.snd.ssthresh = sw_cc(&o.tcp)->ssthresh(&o.tcp);
    o.tcp.snd.cwnd = o.tcp.snd.ssthresh;
    assert_int_equal(o.tcp.snd.cwnd, 14000);
    for (int round = 0; round < 34;
         round++) { /* 9/17 of a segment each: 6 more take 12 rounds, then 1 */
        for (uint32_t acked = 0; acked < o.tcp.snd.cwnd; acked += 1000)
            sw_cc(&o.tcp)->on_ack(&o.tcp, 1000);
        o.env.now_ns += MS;
    }
    assert_in_range(o.tcp.snd.cwnd, 38000, 44000);
    o.tcp.snd.nxt = o.tcp.snd.una;
    one_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slow_start),    cmocka_unit_test(test_newreno),
        cmocka_unit_test(test_cube_root),     cmocka_unit_test(test_cubic),
        cmocka_unit_test(test_reno_friendly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
