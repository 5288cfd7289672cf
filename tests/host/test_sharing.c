/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Congestion controls at a bottleneck, in virtual time: what each makes of a short queue and of a
 * long one, of loss that is no congestion, and of another flow. Properties with room around them,
 * not figures: those are in the goodput tables.
 */
#include "host/sharing.h"

#define RATE_BPS 20000000ULL /* with a round trip of 40 ms: 100,000 bytes in flight fill it */
#define BDP_BYTES 100000U
#define HALF_MS 20U

static const char *const controls[] = {"reno", "cubic", "bbr"};

static struct sharing bottleneck(const char *cc, uint32_t queue_bytes, uint64_t until_ns)
{
    struct sharing sh = {.mtu = 1500, .seed = 1, .n = 1, .until_ns = until_ns, .gso_max = 65000};
    sh.there = (struct sw_link_conditions){
        .delay_ns = HALF_MS * MS, .rate_bps = RATE_BPS, .queue_bytes = queue_bytes};
    sh.back = (struct sw_link_conditions){.delay_ns = HALF_MS * MS};
    sh.flows[0].cc = cc;
    return sh;
}

static double share_of(struct sharing *sh, unsigned i)
{
    return sharing_bps(sh, i) / (double)sh->there.rate_bps;
}

/* A queue as long as the path: all of them fill it. */
static void test_fills(void **state)
{
    (void)state;
    for (int c = 0; c < 3; c++) {
        struct sharing sh = bottleneck(controls[c], BDP_BYTES, 15 * S);
        sharing_run(&sh);
        assert_true(share_of(&sh, 0) > 0.85);
        sharing_fini(&sh);
    }
}

/* A tenth of that: who halves its window leaves the path empty for a while, who takes loss for no
 * sign does not. */
static void test_shallow(void **state)
{
    static const double least[] = {0.65, 0.75, 0.85};
    (void)state;
    for (int c = 0; c < 3; c++) {
        struct sharing sh = bottleneck(controls[c], BDP_BYTES / 10, 15 * S);
        sharing_run(&sh);
        assert_true(share_of(&sh, 0) > least[c]);
        sharing_fini(&sh);
    }
}

/* A queue of ten times the path: loss-based controls fill it, BBR does not. */
static void test_deep(void **state)
{
    (void)state;
    for (int c = 0; c < 3; c++) {
        struct sharing sh = bottleneck(controls[c], 10 * BDP_BYTES, 15 * S);
        sharing_run(&sh);
        assert_true(share_of(&sh, 0) > 0.85);
        if (c < 2)
            assert_true(sharing_rtt_ms(&sh, 0) > 80);
        else
            assert_true(sharing_rtt_ms(&sh, 0) < 55);
        sharing_fini(&sh);
    }
}

/* Loss that is no congestion: 1 % at 40 ms. Mathis: about MSS/RTT * 1.2/sqrt(p) = 3.5 Mbit/s. */
static void test_loss(void **state)
{
    static const double least[] = {0.10, 0.12, 0.85};
    (void)state;
    for (int c = 0; c < 3; c++) {
        struct sharing sh = bottleneck(controls[c], BDP_BYTES, 15 * S);
        sh.there.loss_ppm = 10000;
        sharing_run(&sh);
        assert_true(share_of(&sh, 0) > least[c]);
        sharing_fini(&sh);
    }
}

/* Two of a kind, the second 2 s late: Jain's index. */
static void test_fair(void **state)
{
    (void)state;
    for (int c = 0; c < 3; c++) {
        struct sharing sh = bottleneck(controls[c], BDP_BYTES, 30 * S);
        sh.n = 2;
        sh.flows[1] = (struct flow){.cc = controls[c], .start_ns = 2 * S};
        sharing_run(&sh);
        double a = sharing_bps(&sh, 0), b = sharing_bps(&sh, 1);
        assert_true((a + b) * (a + b) / (2 * (a * a + b * b)) > 0.9);
        assert_true(a + b > 0.85 * (double)RATE_BPS);
        sharing_fini(&sh);
    }
}

/* SO_MAX_PACING_RATE: 1 MB/s, whatever the control; nothing queues, and a queue of the ten first
 * packets loses none. */
static void test_max_pacing_rate(void **state)
{
    (void)state;
    for (int c = 0; c < 3; c++) {
        for (uint32_t gso = 0; gso <= 65000; gso += 65000) {
            struct sharing sh = bottleneck(controls[c], 16000, 10 * S);
            struct sw_host_stats stats;
            sh.gso_max = gso;
            sh.flows[0].max_pacing_rate = 1000000;
            sharing_run(&sh);
            sw_host_get_stats(sh.w.host[0], &stats);
            /* BBR paces a hundredth below, and every ten seconds rests for a moment. */
            assert_true(sharing_bps(&sh, 0) > 0.92 * 8e6);
            assert_true(sharing_bps(&sh, 0) < 1.02 * 8e6);
            assert_true(sharing_rtt_ms(&sh, 0) < 46);
            assert_int_equal(stats.tcp_retrans, 0);
            sharing_fini(&sh);
        }
    }
}

/* 10 Gbit/s over 100 us: bursts are as large as super-segments, pacing or not. */
static void test_quantum(void **state)
{
    (void)state;
    struct sharing sh = bottleneck("bbr", 4U << 20, 20 * MS);
    struct sw_host_stats stats;
    sh.there.delay_ns = sh.back.delay_ns = 50000;
    sh.there.rate_bps = 0; /* super-segments stay whole */
    sh.mtu = 65535;
    sh.flows[0].max_pacing_rate = 1250000000;
    sharing_run(&sh);
    sw_host_get_stats(sh.w.host[0], &stats);
    assert_true(sh.flows[0].read_bytes > 10000000);
    assert_true(sh.flows[0].read_bytes / stats.tcp_tx > 20000);
    sharing_fini(&sh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fills),   cmocka_unit_test(test_shallow),
        cmocka_unit_test(test_deep),    cmocka_unit_test(test_loss),
        cmocka_unit_test(test_fair),    cmocka_unit_test(test_max_pacing_rate),
        cmocka_unit_test(test_quantum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
