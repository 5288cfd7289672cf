/* SPDX-License-Identifier: BSD-2-Clause */
/* Delivery rate, pacing and what else the meter measures: by numbers. */
#include "tcp/one.h"

#include "tcp/cc.h"

/* Connected, the peer's MSS 1,000, with a round trip of 100 ms, SACK if wanted. */
static void connected(struct one *o, enum sw_cc_id cc, bool sack)
{
    one_init(o);
    o->layer.config.cc = (uint8_t)cc;
    o->layer.config.sack = sack;
    o->layer.config.tlp = false;
    one_block(o);
    assert_int_equal(sw_tcp_connect(&o->tcp), 0);
    TAKE(o, SYN, .seq = 0, .sack_ok = sack);
    pass(o, 100 * MS);
    IN(o, SYN | ACK, .ack = 1, .mss = 1000, .sack_ok = sack);
    TAKE(o, ACK, .seq = 1, .ack = 1);
}

static void drop_sent(struct one *o)
{
    struct sw_packet *pkt;

    while ((pkt = one_take_packet(o)))
        sw_packet_free(pkt);
}

static uint64_t rate_shown(const struct one *o)
{
    const struct sw_meter *m = o->tcp.snd.meter;

    return sw_rate_of(m->sample_bytes, m->sample_ns);
}

/* Ten segments, a round trip later acknowledged one by one every 5 ms: 200,000 bytes per second, as
 * the ACKs' spacing says; the sending, all at once, would say much more. */
static void test_delivery_rate(void **state)
{
    struct one o;

    (void)state;
    connected(&o, SW_CC_RENO, false);
    user_sends(&o, 40000);
    for (uint32_t i = 0; i < 10; i++)
        TAKE(&o, ACK | ends_burst(i, 2), .seq = 1 + 1000 * i, .ack = 1, .len = 1000);
    pass(&o, 100 * MS);
    for (uint32_t i = 0; i < 10; i++) {
        IN(&o, ACK, .seq = 1, .ack = 1001 + 1000 * i);
        drop_sent(&o);
        if (i < 9)
            pass(&o, 5 * MS);
    }
    /* the last: 10,000 bytes since the count of its sending, in 145 ms */
    assert_in_range(rate_shown(&o), 68000, 70000);
    assert_int_equal(o.tcp.snd.meter->delivered, 10000);
    assert_true(o.tcp.layer->rate.app_limited); /* before the first bytes there were none */
    /* The second round: 20,000 bytes in 100 ms since the last of those came, but they had been sent
     * in 145 ms since the last of those left. */
    pass(&o, 55 * MS);
    for (uint32_t i = 0; i < 10; i++) {
        IN(&o, ACK, .seq = 1, .ack = 12001 + 2000 * i);
        drop_sent(&o);
        pass(&o, 5 * MS);
    }
    assert_in_range(rate_shown(&o), 137000, 139000);
    assert_false(o.tcp.layer->rate.app_limited);
    one_fini(&o);
}

/* A single segment now and then: the rate is the application's, and marked so. */
static void test_app_limited(void **state)
{
    struct one o;

    (void)state;
    connected(&o, SW_CC_RENO, false);
    for (uint32_t i = 0; i < 3; i++) {
        user_sends(&o, 1000);
        TAKE(&o, ACK | PSH, .seq = 1 + 1000 * i, .ack = 1, .len = 1000);
        pass(&o, 100 * MS);
        IN(&o, ACK, .seq = 1, .ack = 1001 + 1000 * i);
        assert_true(o.tcp.layer->rate.app_limited);
        assert_in_range(rate_shown(&o), 9900, 10100);
        pass(&o, 50 * MS);
    }
    assert_true(o.tcp.snd.meter->sample_app_limited);
    one_fini(&o);
}

/* A send buffer full of what was sent lets the user write nothing: that is not his doing. */
static void test_buffer_limited(void **state)
{
    struct one o;

    (void)state;
    connected(&o, SW_CC_RENO, false);
    for (uint32_t i = 0; i < 3; i++) {
        o.tcp.snd.buf = 1000;
        user_sends(&o, 1000);
        drop_sent(&o);
        pass(&o, 100 * MS);
        IN(&o, ACK, .seq = 1, .ack = 1001 + 1000 * i);
        assert_int_equal(o.tcp.layer->rate.app_limited, i == 0); /* whoever begins was idle */
    }
    one_fini(&o);
}

/* SACKed data has arrived too; what arrives of a repetition counts from when that left. */
static void test_sacked(void **state)
{
    struct one o;

    (void)state;
    connected(&o, SW_CC_RENO, true);
    user_sends(&o, 10000);
    for (uint32_t i = 0; i < 10; i++)
        TAKE(&o, ACK | ends_burst(i, 2), .seq = 1 + 1000 * i, .ack = 1, .len = 1000);
    pass(&o, 100 * MS);
    IN(&o, ACK, .seq = 1, .ack = 1, .n_sacks = 1, .sacks = {1001, 10001});
    assert_int_equal(o.tcp.snd.meter->delivered, 9000);
    assert_int_equal(o.tcp.snd.meter->delivered_segs, 9);
    assert_int_equal(o.tcp.layer->rate.lost, 1000);
    assert_in_range(rate_shown(&o), 89000, 91000);
    TAKE(&o, ACK, .seq = 1, .ack = 1, .len = 1000);
    pass(&o, 100 * MS);
    IN(&o, ACK, .seq = 1, .ack = 10001);
    assert_int_equal(o.tcp.snd.meter->delivered, 10000);
    assert_true(o.tcp.layer->rate.again);
    assert_int_equal(o.tcp.snd.meter->bytes_retrans, 1000);
    one_fini(&o);
}

/* A timer that comes late costs no rate: a quarter of a round trip at most is sent at once. */
static void test_late_timer(void **state)
{
    struct sw_tcp_options options = {.max_pacing_rate = 100000};
    struct one o;

    (void)state;
    connected(&o, SW_CC_RENO, false);
    sw_tcp_set_options(&o.tcp, &options);
    user_sends(&o, 40000);
    drop_sent(&o);
    pass(&o, 100 * MS);
    IN(&o, ACK, .seq = 1, .ack = 10001); /* two segments, for 20 ms, less credit of idling */
    pass(&o, 10 * MS);                   /* and the next two */
    drop_sent(&o);
    assert_int_equal(o.tcp.snd.nxt.v - o.tcp.snd.una.v, 4000);
    o.env.now_ns += 44 * MS; /* 24 ms late: two for then, two for 20 ms later */
    sw_tcp_timer(&o.tcp);
    drop_sent(&o);
    assert_int_equal(o.tcp.snd.nxt.v - o.tcp.snd.una.v, 8000);
    pass(&o, 16 * MS - 1); /* on time again */
    nothing(&o);
    o.env.now_ns += 100 * MS; /* most of that is lost */
    sw_tcp_timer(&o.tcp);
    drop_sent(&o);
    assert_int_equal(o.tcp.snd.nxt.v - o.tcp.snd.una.v, 12000);
    one_fini(&o);
}

/* The first ten segments leave at once, then two each 20 ms: 100,000 bytes per second. */
static void test_max_pacing_rate(void **state)
{
    struct sw_tcp_options options = {.max_pacing_rate = 100000};
    struct one o;

    (void)state;
    connected(&o, SW_CC_RENO, false);
    sw_tcp_set_options(&o.tcp, &options);
    user_sends(&o, 40000);
    for (uint32_t i = 0; i < 10; i++)
        TAKE(&o, ACK | ends_burst(i, 2), .seq = 1 + 1000 * i, .ack = 1, .len = 1000);
    pass(&o, 100 * MS);
    IN(&o, ACK, .seq = 1, .ack = 10001);
    for (uint32_t i = 0; i < 20; i += 2) { /* the second pair earlier: credit of idling */
        TAKE(&o, ACK, .seq = 10001 + 1000 * i, .ack = 1, .len = 1000);
        TAKE(&o, ACK | PSH, .seq = 11001 + 1000 * i, .ack = 1, .len = 1000);
        pass(&o, (i == 0 ? 10 : 20) * MS - MS / 2);
        nothing(&o);
        pass(&o, MS / 2);
    }
    nothing(&o);
    /* without the limit what the window allows leaves at once */
    options.max_pacing_rate = 0;
    IN(&o, ACK, .seq = 1, .ack = 30001);
    sw_tcp_set_options(&o.tcp, &options);
    for (uint32_t i = 20; i < 30; i++)
        TAKE(&o, ACK | ends_burst(i, 2), .seq = 10001 + 1000 * i, .ack = 1, .len = 1000);
    nothing(&o);
    one_fini(&o);
}

/* Where the sender's time goes. */
static void test_chrono(void **state)
{
    struct one o;

    (void)state;
    connected(&o, SW_CC_RENO, false);
    pass(&o, SEC);
    o.win = 2000;
    IN(&o, ACK, .seq = 1, .ack = 1);
    user_sends(&o, 3000); /* the window takes two */
    TAKE(&o, ACK, .seq = 1, .ack = 1, .len = 1000);
    TAKE(&o, ACK | PSH, .seq = 1001, .ack = 1, .len = 1000);
    pass(&o, 50 * MS);
    IN(&o, ACK, .seq = 1, .ack = 2001);
    TAKE(&o, ACK | PSH, .seq = 2001, .ack = 1, .len = 1000);
    pass(&o, 30 * MS);
    IN(&o, ACK, .seq = 1, .ack = 3001);
    pass(&o, 20 * MS);
    assert_int_equal(sw_meter_chrono_ns(&o.tcp, SW_CHRONO_RWND), 50 * MS);
    assert_int_equal(sw_meter_chrono_ns(&o.tcp, SW_CHRONO_BUSY), 30 * MS);
    assert_int_equal(sw_meter_chrono_ns(&o.tcp, SW_CHRONO_SNDBUF), 0);
    one_fini(&o);
}

/* A meter that has nothing to tell goes with the flight; one that has stays. */
static void test_tidy(void **state)
{
    struct one o;

    (void)state;
    connected(&o, SW_CC_RENO, false);
    assert_null(o.tcp.snd.meter);
    user_sends(&o, 1000);
    TAKE(&o, ACK | PSH, .seq = 1, .ack = 1, .len = 1000);
    pass(&o, 100 * MS);
    IN(&o, ACK, .seq = 1, .ack = 1001);
    assert_non_null(o.tcp.snd.meter);
    until(&o, o.env.now_ns + 3 * SEC);
    assert_null(o.tcp.snd.meter);
    assert_int_equal(sw_meter_chrono_ns(&o.tcp, SW_CHRONO_BUSY), 100 * MS);
    user_sends(&o, 1000);
    TAKE(&o, ACK | PSH, .seq = 1001, .ack = 1, .len = 1000);
    pass(&o, 100 * MS);
    IN(&o, ACK, .seq = 1, .ack = 2001);
    assert_int_equal(sw_meter_chrono_ns(&o.tcp, SW_CHRONO_BUSY), 200 * MS);
    assert_int_equal(o.tcp.snd.meter->delivered_segs, 2);
    user_sends(&o, 1000);
    TAKE(&o, ACK | PSH, .seq = 2001, .ack = 1, .len = 1000);
    until(&o, o.tcp.main_ns + MS);
    TAKE(&o, ACK | PSH, .seq = 2001, .ack = 1, .len = 1000);
    pass(&o, 100 * MS);
    IN(&o, ACK, .seq = 1, .ack = 3001);
    until(&o, o.env.now_ns + 3 * SEC);
    assert_non_null(o.tcp.snd.meter);
    assert_int_equal(o.tcp.snd.meter->timeouts, 1);
    assert_int_equal(o.tcp.snd.meter->rto_recoveries, 1);
    assert_in_range(o.tcp.snd.meter->rto_total_ns, 100 * MS, 110 * MS);
    assert_int_equal(o.tcp.snd.meter->bytes_retrans, 1000);
    one_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delivery_rate),  cmocka_unit_test(test_app_limited),
        cmocka_unit_test(test_buffer_limited), cmocka_unit_test(test_sacked),
        cmocka_unit_test(test_chrono),         cmocka_unit_test(test_max_pacing_rate),
        cmocka_unit_test(test_late_timer),     cmocka_unit_test(test_tidy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
