/* SPDX-License-Identifier: BSD-2-Clause */
/* What was thought lost was only late: each witness, and each time also that it does not lie. */
#include "tcp/one.h"

#include "tcp/cc.h"
#include "tcp/recovery.h"

/* Ten segments of 1,000 out of 40 are out, the round trip is 20 ms. */
static void ten_out(struct one *o, bool ts, bool cubic)
{
    one_init(o);
    o->layer.config.sack = true;
    o->layer.config.tlp = false;
    o->layer.config.cc = cubic ? SW_CC_CUBIC : SW_CC_RENO;
    o->layer.config.timestamps = ts;
    o->ts = ts ? 1000 : 0;
    one_block(o);
    assert_int_equal(sw_tcp_connect(&o->tcp), 0);
    TAKE(o, SYN, .seq = 0, .sack_ok = true);
    pass(o, 20 * MS);
    IN(o, SYN | ACK, .ack = 1, .mss = (uint16_t)(ts ? 1012 : 1000), .sack_ok = true);
    TAKE(o, ACK, .seq = 1, .ack = 1);
    user_sends(o, 40000);
    for (uint32_t i = 0; i < 10; i++)
        TAKE(o, ACK | ends_burst(i, 2), .seq = 1 + 1000 * i, .ack = 1, .len = 1000);
    nothing(o);
}

static uint32_t stamp(const struct one *o)
{
    return sw_tcp_clock_ms(&o->tcp) + o->tcp.ts_offset;
}

static void drain(struct one *o)
{
    struct sw_packet *pkt;

    while ((pkt = one_take_packet(o)) != NULL)
        sw_packet_free(pkt);
}

static void sack(struct one *o, uint32_t ack, uint32_t left, uint32_t right)
{
    IN(o, ACK, .seq = 1, .ack = ack, .n_sacks = 1, .sacks = {left, right});
}

/* Three SACKs: the first segment is sent again, the window is cut. */
static void fast_recovery(struct one *o)
{
    pass(o, 20 * MS);
    for (uint32_t i = 0; i < 3; i++)
        sack(o, 1, 1001, 2001 + 1000 * i);
    drain(o);
    assert_int_equal(o->env.stats.tcp_retrans, 1);
    assert_int_equal(o->tcp.snd.flight->ca, SW_CA_RECOVERY);
    assert_true(o->tcp.snd.ssthresh < 10000);
}

static void restored(struct one *o)
{
    assert_true(o->tcp.snd.flight->ca <= SW_CA_DISORDER);
    assert_int_equal(o->tcp.snd.ssthresh, UINT32_MAX);
    assert_true(o->tcp.snd.cwnd >= 10000);
}

/* RFC 3522: the ACK echoes the original's timestamp, or the repetition's. */
static void test_eifel(void **state)
{
    (void)state;
    for (int spurious = 0; spurious < 2; spurious++) {
        struct one o;
        uint32_t original;

        ten_out(&o, true, spurious);
        original = stamp(&o);
        fast_recovery(&o);
        pass(&o, 5 * MS);
        IN(&o, ACK, .seq = 1, .ack = 4001, .ecr = spurious ? original : stamp(&o) - 5);
        if (spurious) {
            restored(&o);
            assert_true(o.tcp.snd.flight->reordering);
        } else {
            assert_int_equal(o.tcp.snd.flight->ca, SW_CA_RECOVERY);
            IN(&o, ACK, .seq = 1, .ack = 5001, .ecr = original); /* too late to tell */
            assert_int_equal(o.tcp.snd.ssthresh, 5000);
        }
        drain(&o);
        one_fini(&o);
    }
}

/* A recovery from the loss of 1, up to 12001, in which what follows that up to 16001 is sent; and
 * the answer to its repetition, where 11001 and 12001 are missing and all from 13001 to `right` has
 * arrived: they are sent again. Returns our timestamp of the first repetition. */
static uint32_t lose_more(struct one *o, uint32_t right)
{
    uint32_t first;

    ten_out(o, true, false);
    fast_recovery(o);
    first = stamp(o);
    o->tcp.snd.ssthresh = 9000; /* a control that cuts less */
    for (uint32_t i = 5; i <= 9; i++)
        sack(o, 1, 1001, 1 + 1000 * i);
    drain(o);
    assert_int_equal(o->tcp.snd.flight->high_seq.v - OUR_ISN, 12001); /* limited transmit */
    assert_true(o->tcp.snd.nxt.v - OUR_ISN >= 16001);
    pass(o, 20 * MS);
    IN(o, ACK, .seq = 1, .ack = 11001, .ecr = first, .n_sacks = 1,
       .sacks = {13001, right ? right : o->tcp.snd.nxt.v - OUR_ISN});
    drain(o);
    assert_int_equal(o->env.stats.tcp_retrans, 3);
    return first;
}

/* What was lost while a recovery ran, and was sent again in it, is a loss of the next window: the
 * next recovery begins as this one ends. */
static void test_recovery_after_recovery(void **state)
{
    struct one o;
    uint32_t second;

    (void)state;
    lose_more(&o, 0);
    second = stamp(&o);
    pass(&o, 20 * MS);
    IN(&o, ACK, .seq = 1, .ack = 12001, .ecr = second, .n_sacks = 1, .sacks = {13001, 16001});
    assert_int_equal(o.tcp.snd.flight->lost, o.tcp.snd.flight->retrans);
    assert_int_equal(o.tcp.snd.flight->ca, SW_CA_RECOVERY);
    assert_true(o.tcp.snd.ssthresh < 9000);
    drain(&o);
    one_fini(&o);
}

/* Its first repetition is younger than the one that is answered first: that is no answer to an
 * original. */
static void test_eifel_after_recovery(void **state)
{
    (void)state;
    for (int spurious = 0; spurious < 2; spurious++) {
        struct one o;
        uint32_t first = lose_more(&o, 14001), second = stamp(&o);

        pass(&o, 20 * MS);
        IN(&o, ACK, .seq = 1, .ack = 12001, .ecr = second, .n_sacks = 1, .sacks = {13001, 14001});
        IN(&o, ACK, .seq = 1, .ack = 12001, .ecr = second, .n_sacks = 2,
           .sacks = {15001, 16001, 13001, 14001});
        drain(&o);
        assert_int_equal(o.env.stats.tcp_retrans, 4); /* 14001 */
        pass(&o, 20 * MS);
        IN(&o, ACK, .seq = 1, .ack = 14001, .ecr = spurious ? first : second, .n_sacks = 1,
           .sacks = {15001, 16001});
        assert_int_equal(o.tcp.snd.flight->reordering, spurious); /* undone, and begun anew */
        drain(&o);
        one_fini(&o);
    }
}

/* The same after a timeout. */
static void test_eifel_timeout(void **state)
{
    (void)state;
    for (int spurious = 0; spurious < 2; spurious++) {
        struct one o;
        uint32_t original;

        ten_out(&o, true, false);
        o.layer.config.frto = false;
        original = stamp(&o);
        QUIET_UNTIL(&o, o.tcp.main_ns);
        TAKE(&o, ACK, .seq = 1, .ack = 1, .len = 1000);
        assert_int_equal(o.tcp.snd.cwnd, 1000);
        IN(&o, ACK, .seq = 1, .ack = 1001, .ecr = spurious ? original : stamp(&o));
        if (spurious) {
            restored(&o);
            TAKE(&o, ACK, .seq = 10001, .ack = 1, .len = 1000);
            assert_int_equal(o.env.stats.tcp_retrans, 1);
        } else {
            TAKE(&o, ACK, .seq = 1001, .ack = 1, .len = 1000);
            assert_int_equal(o.tcp.snd.ssthresh, 5000);
        }
        drain(&o);
        one_fini(&o);
    }
}

/* RFC 3708: all that was sent again came twice; the DSACK arrives when recovery is over. */
static void test_dsack(void **state)
{
    (void)state;
    for (int cubic = 0; cubic < 2; cubic++) {
        struct one o;

        ten_out(&o, false, cubic);
        fast_recovery(&o);
        IN(&o, ACK, .seq = 1, .ack = o.tcp.snd.nxt.v - OUR_ISN);
        drain(&o);
        assert_int_equal(o.tcp.snd.flight->ca, SW_CA_OPEN);
        assert_true(o.tcp.snd.ssthresh < 10000);
        sack(&o, o.tcp.snd.una.v - OUR_ISN, 1, 501); /* only half of it */
        assert_true(o.tcp.snd.ssthresh < 10000);
        sack(&o, o.tcp.snd.una.v - OUR_ISN, 501, 1001);
        restored(&o);
        drain(&o);
        one_fini(&o);
    }
}

/* A duplicate reported later than a round trip after the end of recovery is about something else,
 * as is one from before the loss. */
static void test_dsack_late(void **state)
{
    struct one o;

    (void)state;
    ten_out(&o, false, false);
    fast_recovery(&o);
    sack(&o, 1, 1U - 1000, 1);
    assert_true(o.tcp.snd.ssthresh < 10000);
    for (int i = 0; i < 3; i++) {
        IN(&o, ACK, .seq = 1, .ack = o.tcp.snd.nxt.v - OUR_ISN);
        drain(&o);
    }
    sack(&o, o.tcp.snd.una.v - OUR_ISN, 1, 1001);
    assert_true(o.tcp.snd.ssthresh < 10000);
    drain(&o);
    one_fini(&o);
}

/* RFC 5682 3.1: after the first ACK new data, not repetitions; the second ACK tells. */
static void test_frto(void **state)
{
    (void)state;
    for (int spurious = 0; spurious < 2; spurious++) {
        struct one o;

        ten_out(&o, false, false);
        QUIET_UNTIL(&o, o.tcp.main_ns);
        TAKE(&o, ACK, .seq = 1, .ack = 1, .len = 1000);
        IN(&o, ACK, .seq = 1, .ack = 1001);
        TAKE(&o, ACK, .seq = 10001, .ack = 1, .len = 1000);
        TAKE(&o, ACK, .seq = 11001, .ack = 1, .len = 1000);
        nothing(&o);
        sw_tcp_push(&o.tcp, false); /* what is taken for lost waits */
        nothing(&o);
        if (spurious) {
            IN(&o, ACK, .seq = 1, .ack = 2001);
            restored(&o);
            assert_int_equal(o.env.stats.tcp_retrans, 1);
        } else {
            sack(&o, 1001, 10001, 11001);
            assert_int_equal(o.tcp.snd.ssthresh, 5000);
            TAKE(&o, ACK, .seq = 1001, .ack = 1, .len = 1000);
        }
        drain(&o);
        one_fini(&o);
    }
}

/* An ACK of everything after a timeout tells nothing, nor does one where there are no new data. A
 * SACK of what was sent once tells at once. */
static void test_frto_step2(void **state)
{
    struct one o;

    (void)state;
    ten_out(&o, false, false);
    QUIET_UNTIL(&o, o.tcp.main_ns);
    TAKE(&o, ACK, .seq = 1, .ack = 1, .len = 1000);
    IN(&o, ACK, .seq = 1, .ack = 10001);
    assert_int_equal(o.tcp.snd.ssthresh, 5000);
    drain(&o);
    one_fini(&o);

    ten_out(&o, false, false);
    QUIET_UNTIL(&o, o.tcp.main_ns);
    TAKE(&o, ACK, .seq = 1, .ack = 1, .len = 1000);
    IN(&o, ACK, .seq = 1, .ack = 1001, .win = 9000);
    TAKE(&o, ACK, .seq = 1001, .ack = 1, .len = 1000);
    drain(&o);
    one_fini(&o);

    ten_out(&o, false, false);
    QUIET_UNTIL(&o, o.tcp.main_ns);
    TAKE(&o, ACK, .seq = 1, .ack = 1, .len = 1000);
    sack(&o, 1, 4001, 5001);
    restored(&o);
    drain(&o);
    one_fini(&o);
}

/* If nothing comes of the new data either, the next timeout repeats what it has to. */
static void test_frto_second_timeout(void **state)
{
    struct one o;

    (void)state;
    ten_out(&o, false, false);
    QUIET_UNTIL(&o, o.tcp.main_ns);
    TAKE(&o, ACK, .seq = 1, .ack = 1, .len = 1000);
    IN(&o, ACK, .seq = 1, .ack = 1001);
    drain(&o);
    QUIET_UNTIL(&o, o.tcp.main_ns);
    TAKE(&o, ACK, .seq = 1001, .ack = 1, .len = 1000);
    IN(&o, ACK, .seq = 1, .ack = 2001);
    TAKE(&o, ACK, .seq = 2001, .ack = 1, .len = 1000);
    drain(&o);
    one_fini(&o);
}

/* CUBIC's curve is as it was (RFC 9438 4.9). */
static void test_cubic(void **state)
{
    struct one o;
    uint8_t before[64], after[64];

    (void)state;
    ten_out(&o, false, true);
    sw_cc(&o.tcp)->ssthresh(&o.tcp);
    memcpy(before, o.tcp.snd.meter->cc_state, 32);
    o.tcp.snd.cwnd = 7000;
    sw_cc(&o.tcp)->ssthresh(&o.tcp);
    memcpy(after, o.tcp.snd.meter->cc_state, 32);
    assert_memory_not_equal(before, after, 32);
    sw_cc(&o.tcp)->undo(&o.tcp);
    assert_memory_equal(before, o.tcp.snd.meter->cc_state, 32);
    one_fini(&o);
}

/* RFC 8985 6.2.4: with each round trip that has a DSACK a late segment may be later; after 16
 * recoveries without one it is as before. */
static void test_reorder_window(void **state)
{
    struct one o;

    (void)state;
    ten_out(&o, false, false);
    pass(&o, 20 * MS);
    IN(&o, ACK, .seq = 1, .ack = 1001);
    drain(&o);
    sack(&o, 1001, 1, 1001);
    sack(&o, 1001, 1, 1001); /* the same round trip */
    assert_int_equal(o.tcp.snd.flight->reo_mult, 2);
    sack(&o, 1001, 2001, 3001);
    assert_int_equal(o.tcp.main_kind, SW_TCP_TIMER_REORDER);
    assert_in_range(o.tcp.main_ns - o.env.now_ns, 9 * MS, 11 * MS);
    IN(&o, ACK, .seq = 1, .ack = o.tcp.snd.nxt.v - OUR_ISN);
    drain(&o);
    sack(&o, o.tcp.snd.una.v - OUR_ISN, 1, 1001);
    assert_int_equal(o.tcp.snd.flight->reo_mult, 3);
    for (int i = 0; i < 16; i++) {
        assert_int_equal(o.tcp.snd.flight->reo_mult, 3);
        sw_rack_recovered(&o.tcp);
    }
    assert_int_equal(o.tcp.snd.flight->reo_mult, 1);
    drain(&o);
    one_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_eifel),
        cmocka_unit_test(test_recovery_after_recovery),
        cmocka_unit_test(test_eifel_after_recovery),
        cmocka_unit_test(test_eifel_timeout),
        cmocka_unit_test(test_dsack),
        cmocka_unit_test(test_dsack_late),
        cmocka_unit_test(test_frto),
        cmocka_unit_test(test_frto_step2),
        cmocka_unit_test(test_frto_second_timeout),
        cmocka_unit_test(test_cubic),
        cmocka_unit_test(test_reorder_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
