/* SPDX-License-Identifier: BSD-2-Clause */
/* HyStart++ (RFC 9406), round by round: each is ten or more ACKs of 1,000 bytes. */
#include "tcp/one.h"

#include "tcp/cc.h"

static void begin(struct one *o, bool cubic)
{
    one_init(o);
    o->layer.config.cc = cubic ? SW_CC_CUBIC : SW_CC_RENO;
    one_connect(o);
    assert_int_equal(sw_flight_reserve(&o->tcp), 0);
}

/* A window is sent and acknowledged by `n` ACKs, the round trip of which is `rtt_us`. Returns how
 * much cwnd grew. */
static uint32_t go_round(struct one *o, uint32_t n, uint32_t rtt_us)
{
    uint32_t before = o->tcp.snd.cwnd;

    o->tcp.snd.nxt = sw_seq_add(o->tcp.snd.una, 1000 * n);
    o->tcp.snd.flight->rtt_us = rtt_us;
    for (uint32_t i = 0; i < n; i++) {
        o->tcp.snd.una = sw_seq_add(o->tcp.snd.una, 1000);
        if (i + 1 == n) /* what was sent meanwhile */
            o->tcp.snd.nxt = sw_seq_add(o->tcp.snd.una, 1000 * n);
        sw_cc(&o->tcp)->on_ack(&o->tcp, 1000);
    }
    return o->tcp.snd.cwnd - before;
}

static void end(struct one *o)
{
    o->tcp.snd.nxt = o->tcp.snd.una;
    one_fini(o);
}

/* A round trip that does not grow, or by less than an eighth, 4 ms at least and 16 at most: slow
 * start goes on. */
static void test_steady(void **state)
{
    const uint32_t base_us[] = {20000, 80000, 400000}, jitter_us[] = {3900, 9900, 15900};

    (void)state;
    for (int k = 0; k < 3; k++) {
        struct one o;

        begin(&o, true);
        for (uint32_t i = 0; i < 10; i++)
            assert_int_equal(go_round(&o, 10, base_us[k] + jitter_us[k] * (i % 2)), 10000);
        assert_int_equal(o.tcp.snd.ssthresh, UINT32_MAX);
        end(&o);
    }
}

/* The round trip grows: a quarter of the pace from the eighth sample on, for five rounds in all,
 * then slow start is over, without a loss. */
static void test_ends_early(void **state)
{
    struct one o;
    uint32_t cwnd;

    (void)state;
    begin(&o, true);
    go_round(&o, 10, 20000);
    assert_int_equal(go_round(&o, 10, 20000), 10000);
    assert_int_equal(go_round(&o, 10, 24500), 7 * 1000 + 3 * 250);
    for (int i = 0; i < 4; i++)
        assert_int_equal(go_round(&o, 10, 25000), 2500);
    cwnd = o.tcp.snd.cwnd;
    assert_in_range(go_round(&o, cwnd / 1000, 25000), 0, 1000); /* congestion avoidance */
    assert_int_equal(o.tcp.snd.ssthresh, cwnd);
    assert_non_null(o.tcp.snd.meter->cc_state);
    end(&o);
}

/* Rounds of a window each, the ACKs `gap_us` apart. Returns the window with which slow start ended;
 * 0: after ten rounds it had not. */
static uint32_t end_of_trains(struct one *o, uint32_t rtt_us, uint32_t cwnd, uint64_t gap_us)
{
    o->tcp.snd.cwnd = cwnd;
    o->tcp.snd.min_rtt_us = rtt_us;
    for (uint32_t n = cwnd / 1000, round = 0; round < 10; round++, n *= 2) {
        uint64_t begun_ns = o->env.now_ns;

        o->tcp.snd.nxt = sw_seq_add(o->tcp.snd.una, 1000 * n);
        for (uint32_t i = 0; i < n && o->tcp.snd.ssthresh == UINT32_MAX; i++) {
            o->env.now_ns = begun_ns + i * gap_us * SW_NS_PER_US;
            o->tcp.snd.una = sw_seq_add(o->tcp.snd.una, 1000);
            sw_cc(&o->tcp)->on_ack(&o->tcp, 1000);
        }
        if (o->tcp.snd.ssthresh != UINT32_MAX)
            return o->tcp.snd.cwnd;
        if (o->env.now_ns < begun_ns + rtt_us * SW_NS_PER_US)
            o->env.now_ns = begun_ns + rtt_us * SW_NS_PER_US;
    }
    return 0;
}

/* ACKs without a pause for half a round trip: with 50 us a segment the path holds 400. Not where
 * they are so far apart that nothing is told by it; and not before there is a window to speak of.
 */
static void test_train(void **state)
{
    static const struct {
        uint32_t rtt_us, cwnd, gap_us, ended_from, ended_to;
    } cases[] = {
        {20000, 10000, 50, 400000, 600000},
        {20000, 16000, 1000, 27000, 28000}, /* (20 + 1) / 2 ms */
        {20000, 10000, 1000, 31000, 31000}, /* the first round's have but 9 ms */
        {20000, 16000, 2001, 0, 0},
        {4000, 16000, 1000, 18000, 19000}, /* a quarter of the round trip */
        {4000, 16000, 1001, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct one o;

        begin(&o, true);
        assert_in_range(end_of_trains(&o, cases[i].rtt_us, cases[i].cwnd, cases[i].gap_us),
                        cases[i].ended_from, cases[i].ended_to);
        end(&o);
    }
}

/* ACKs that let nothing grow, as behind a hole, are of the train, too. */
static void test_train_of_duplicates(void **state)
{
    (void)state;
    for (int heard = 0; heard < 2; heard++) {
        struct one o;

        begin(&o, true);
        o.tcp.snd.cwnd = 16000;
        o.tcp.snd.min_rtt_us = 20000;
        sw_cc(&o.tcp)->on_ack(&o.tcp, 1000);
        for (int i = 0; i < 11; i++) {
            o.env.now_ns += MS;
            if (heard)
                sw_hystart_heard(&o.tcp);
        }
        sw_cc(&o.tcp)->on_ack(&o.tcp, 1000);
        assert_int_equal(o.tcp.snd.ssthresh, heard ? 17000 : UINT32_MAX);
        end(&o);
    }
}

/* Reno's is RFC 5681's: until something is lost. */
static void test_not_reno(void **state)
{
    struct one o;

    (void)state;
    begin(&o, false);
    for (uint32_t i = 0; i < 8; i++)
        assert_int_equal(go_round(&o, 10, 20000 + 20000 * i), 10000);
    end(&o);
}

/* Too few samples in a round say nothing. */
static void test_few_samples(void **state)
{
    struct one o;

    (void)state;
    begin(&o, true);
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(go_round(&o, 7, 20000 + 20000 * i), 7000);
    end(&o);
}

/* It was no queue: the round trip has fallen below where it had begun. */
static void test_resumes(void **state)
{
    struct one o;

    (void)state;
    begin(&o, true);
    go_round(&o, 10, 20000);
    go_round(&o, 10, 20000);
    assert_int_equal(go_round(&o, 10, 30000), 7750);
    assert_int_equal(go_round(&o, 10, 21000), 7 * 250 + 3000);
    assert_int_equal(go_round(&o, 10, 21000), 10000);
    assert_int_equal(o.tcp.snd.ssthresh, UINT32_MAX);
    end(&o);
}

/* Not where it is switched off, nor once ssthresh is known. */
static void test_only_the_first(void **state)
{
    (void)state;
    for (int known = 0; known < 2; known++) {
        struct one o;

        begin(&o, true);
        o.layer.config.hystart = known;
        if (known)
            o.tcp.snd.ssthresh = 1000000;
        for (uint32_t i = 0; i < 8; i++)
            assert_int_equal(go_round(&o, 10, 20000 + 20000 * i), 10000);
        end(&o);
    }
}

/* The round trip it works with is measured: that of the newest segment an ACK covers, and none of
 * what was sent twice. */
static void test_measured(void **state)
{
    struct one o;

    (void)state;
    begin_established(&o);
    o.tcp.snd.ssthresh = UINT32_MAX / 2; /* something to remember: the flight stays */
    user_sends_one(&o, 1, 1, 1000);
    pass(&o, 5 * MS);
    o.tcp.flags |= SW_TCPF_NODELAY;
    user_sends_one(&o, 1001, 1, 1000);
    pass(&o, 30 * MS);
    IN(&o, ACK, .seq = 1, .ack = 2001);
    assert_int_equal(o.tcp.snd.flight->rtt_us, 30000);
    user_sends_one(&o, 2001, 1, 1000);
    until(&o, o.tcp.main_ns + MS);
    TAKE(&o, ACK | PSH, .seq = 2001, .ack = 1, .len = 1000);
    IN(&o, ACK, .seq = 1, .ack = 3001);
    assert_int_equal(o.tcp.snd.flight->rtt_us, 0);
    one_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steady),   cmocka_unit_test(test_ends_early),
        cmocka_unit_test(test_train),    cmocka_unit_test(test_train_of_duplicates),
        cmocka_unit_test(test_not_reno), cmocka_unit_test(test_few_samples),
        cmocka_unit_test(test_resumes),  cmocka_unit_test(test_only_the_first),
        cmocka_unit_test(test_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
