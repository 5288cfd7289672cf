/* SPDX-License-Identifier: BSD-2-Clause */
/* Each timer: when it fires, what it does, when it gives up. */
#include "tcp/one.h"

static void set(struct one *o, struct sw_tcp_options options)
{
    sw_tcp_set_options(&o->tcp, &options);
    one_check(o);
}

/* RFC 6298: 200 ms at first on this path, then doubled; up to 120 s; given up at the first
 * timeout that is 924.6 s after the first retransmission, which is what Linux's tcp_retries2 of 15
 * means. */
static void test_retransmit(void **state)
{
    struct one o;
    uint64_t want_ns = 200 * MS, first_ns;
    int n = 0;

    (void)state;
    begin_established(&o);
    user_sends_one(&o, 1, 1, 100);
    first_ns = o.env.now_ns + want_ns;
    while (one_state(&o) != SW_TCP_CLOSED) {
        uint64_t at_ns = o.tcp.main_ns;

        assert_in_range(at_ns - o.env.now_ns, want_ns - MS, want_ns + MS);
        QUIET_UNTIL(&o, at_ns);
        if (one_state(&o) == SW_TCP_CLOSED)
            break;
        TAKE(&o, ACK | PSH, .seq = 1, .ack = 1, .len = 100);
        n++;
        want_ns = want_ns * 2 < 120 * SEC ? want_ns * 2 : 120 * SEC;
    }
    assert_int_equal(n, 16);
    assert_in_range(o.env.now_ns - first_ns, 925 * SEC, 1045 * SEC);
    assert_int_equal(sw_tcp_take_error(&o.tcp), ETIMEDOUT);
    one_fini(&o);
}

/* Karn: the timeout stays doubled until something sent once is acknowledged. */
static void test_karn(void **state)
{
    struct one o;

    (void)state;
    begin_established(&o);
    user_sends_one(&o, 1, 1, 100);
    QUIET_UNTIL(&o, o.tcp.main_ns);
    TAKE(&o, ACK | PSH, .seq = 1, .ack = 1, .len = 100);
    pass(&o, 10 * MS);
    IN(&o, ACK, .seq = 1, .ack = 101);
    assert_int_equal(o.tcp.snd.backoff, 1);
    user_sends_one(&o, 101, 1, 100);
    assert_in_range(o.tcp.main_ns - o.env.now_ns, 399 * MS, 401 * MS);
    pass(&o, 10 * MS);
    IN(&o, ACK, .seq = 1, .ack = 201);
    assert_int_equal(o.tcp.snd.backoff, 0);
    one_fini(&o);
}

/* RFC 6298 2.2 and 2.3 by numbers. */
static void test_rtt(void **state)
{
    struct one o;

    (void)state;
    begin_closed(&o);
    sw_rto_sample(&o.tcp, 100000);
    assert_int_equal(o.tcp.snd.srtt_us8, 800000);
    assert_int_equal(o.tcp.snd.rttvar_us4, 200000);
    assert_int_equal(sw_rto_ns(&o.tcp), 300 * MS);
    sw_rto_sample(&o.tcp, 300000); /* rttvar 50 -> 37.5 + 50, srtt 100 -> 87.5 + 37.5 */
    assert_int_equal(o.tcp.snd.srtt_us8, 1000000);
    assert_int_equal(o.tcp.snd.rttvar_us4, 350000);
    assert_int_equal(sw_rto_ns(&o.tcp), 475 * MS);
    o.tcp.snd.backoff = 255;
    assert_int_equal(sw_rto_ns(&o.tcp), 120 * SEC);
    one_fini(&o);
}

/* Bug class 26: the update that reopened the window was lost. Probes find out, and never stop as
 * long as they are answered. */
static void test_persist(void **state)
{
    struct one o;
    uint64_t last_ns = 0;

    (void)state;
    begin_established(&o);
    IN(&o, ACK, .seq = 1, .ack = 1, .win = NO_WINDOW);
    user_sends(&o, 100);
    nothing(&o);
    for (int i = 0; i < 200; i++) {
        uint64_t wait_ns = o.tcp.main_ns - o.env.now_ns;

        assert_true(wait_ns + MS >= last_ns || wait_ns > 119 * SEC);
        assert_true(wait_ns <= 120 * SEC);
        last_ns = wait_ns;
        QUIET_UNTIL(&o, o.tcp.main_ns);
        TAKE(&o, ACK, .seq = 0, .ack = 1);
        IN(&o, ACK, .seq = 1, .ack = 1, .win = NO_WINDOW);
    }
    assert_int_equal(one_state(&o), SW_TCP_ESTABLISHED);
    IN(&o, ACK, .seq = 1, .ack = 1, .win = 1000);
    TAKE(&o, ACK | PSH, .seq = 1, .ack = 1, .len = 100);
    assert_in_range(o.tcp.main_ns - o.env.now_ns, 199 * MS, 201 * MS);
    one_fini(&o);
}

/* But not if nobody answers. */
static void test_persist_dead(void **state)
{
    struct one o;
    int n = 0;

    (void)state;
    begin_established(&o);
    IN(&o, ACK, .seq = 1, .ack = 1, .win = NO_WINDOW);
    user_sends(&o, 100);
    while (one_state(&o) != SW_TCP_CLOSED) {
        QUIET_UNTIL(&o, o.tcp.main_ns);
        if (one_state(&o) != SW_TCP_CLOSED)
            TAKE(&o, ACK, .seq = 0, .ack = 1);
        n++;
    }
    assert_int_equal(n, 16);
    assert_int_equal(sw_tcp_take_error(&o.tcp), ETIMEDOUT);
    one_fini(&o);
}

static void test_delack(void **state)
{
    struct one o;
    uint64_t at_ns;

    (void)state;
    begin_established(&o);
    IN(&o, ACK | PSH, .seq = 1, .ack = 1, .len = 10);
    at_ns = o.env.now_ns + 40 * MS;
    QUIET_UNTIL(&o, at_ns);
    TAKE(&o, ACK, .seq = 1, .ack = 11);
    pass(&o, 10 * SEC);
    nothing(&o);
    user_reads(&o, 10);
    one_fini(&o);
}

static void test_keepalive(void **state)
{
    struct one o;

    (void)state;
    begin_established(&o);
    set(&o, (struct sw_tcp_options){
                .keepalive = true, .keepidle_s = 10, .keepintvl_s = 2, .keepcnt = 3});
    pass(&o, 5 * SEC);
    IN(&o, ACK, .seq = 1, .ack = 1); /* anything heard puts it off */
    QUIET_UNTIL(&o, o.env.now_ns + 10 * SEC);
    TAKE(&o, ACK, .seq = 0, .ack = 1);
    IN(&o, ACK, .seq = 1, .ack = 1);
    assert_int_equal(o.tcp.snd.probes, 0);
    pass(&o, 9900 * MS);
    nothing(&o);
    pass(&o, 200 * MS);
    for (int i = 0; i < 3; i++) {
        TAKE(&o, ACK, .seq = 0, .ack = 1);
        nothing(&o);
        pass(&o, 2 * SEC + MS);
    }
    TAKE(&o, RST | ACK, .seq = 1, .ack = 1);
    assert_int_equal(one_state(&o), SW_TCP_CLOSED);
    assert_int_equal(sw_tcp_take_error(&o.tcp), ETIMEDOUT);
    one_fini(&o);
}

/* Without SO_KEEPALIVE an idle connection arms nothing and lives for ever. */
static void test_idle(void **state)
{
    struct one o;

    (void)state;
    begin_established(&o);
    user_sends_one(&o, 1, 1, 10);
    IN(&o, ACK, .seq = 1, .ack = 11, .len = 20000, .gso = 1000);
    IN(&o, ACK, .seq = 20001, .ack = 11, .len = 20000, .gso = 1000);
    TAKE(&o, ACK, .seq = 11, .ack = 20001);
    TAKE(&o, ACK, .seq = 11, .ack = 40001);
    user_reads(&o, 40000);
    pass(&o, 10 * SEC);
    struct sw_packet *pkt = one_take_packet(&o);
    if (pkt)
        sw_packet_free(pkt);
    assert_null(o.tcp.snd.flight); /* what only moving data needs has gone */
    assert_null(o.tcp.rcv.extra);
    assert_false(o.tcp.timer.armed);
    pass(&o, 1000 * 24 * 3600 * SEC);
    nothing(&o);
    assert_int_equal(one_state(&o), SW_TCP_ESTABLISHED);
    one_fini(&o);
}

/* A flight that remembers nothing goes with the last ACK; one of which something was lost stays. */
static void test_rest(void **state)
{
    struct one o;

    (void)state;
    begin_established(&o);
    user_sends_one(&o, 1, 1, 10);
    assert_non_null(o.tcp.snd.flight);
    IN(&o, ACK, .seq = 1, .ack = 11);
    assert_null(o.tcp.snd.flight);
    user_sends_one(&o, 11, 1, 10);
    until(&o, o.tcp.main_ns + MS);
    TAKE(&o, ACK | PSH, .seq = 11, .ack = 1, .len = 10);
    IN(&o, ACK, .seq = 1, .ack = 21);
    assert_non_null(o.tcp.snd.flight);
    assert_null(sw_tcp_sane(&o.tcp));
    pass(&o, 3 * SEC);
    assert_null(o.tcp.snd.flight);
    one_fini(&o);
}

static void test_user_timeout(void **state)
{
    struct one o;
    uint64_t start_ns;

    (void)state;
    begin_established(&o);
    set(&o, (struct sw_tcp_options){.user_timeout_ms = 3000});
    user_sends(&o, 10);
    start_ns = o.env.now_ns;
    while (one_state(&o) != SW_TCP_CLOSED) {
        TAKE(&o, ACK | PSH, .seq = 1, .ack = 1, .len = 10);
        until(&o, o.tcp.main_ns + MS);
    }
    assert_in_range(o.env.now_ns - start_ns, 3 * SEC, 4 * SEC);
    assert_int_equal(sw_tcp_take_error(&o.tcp), ETIMEDOUT);
    one_fini(&o);
}

/* Bug class 18: an orphan does not stay in FIN_WAIT_2, nor in LAST_ACK, nor in FIN_WAIT_1. */
static void test_orphans(void **state)
{
    struct one o;

    (void)state;
    begin_established(&o);
    sw_tcp_close(&o.tcp);
    TAKE(&o, FIN | ACK, .seq = 1, .ack = 1);
    IN(&o, ACK, .seq = 1, .ack = 2);
    assert_int_equal(one_state(&o), SW_TCP_FIN_WAIT_2);
    pass(&o, 59 * SEC);
    assert_int_equal(one_state(&o), SW_TCP_FIN_WAIT_2);
    pass(&o, SEC + MS);
    assert_int_equal(one_state(&o), SW_TCP_CLOSED);
    one_fini(&o);

    for (int last_ack = 0; last_ack < 2; last_ack++) {
        uint64_t start_ns;

        begin_established(&o);
        if (last_ack) {
            IN(&o, FIN | ACK, .seq = 1, .ack = 1);
            TAKE(&o, ACK, .seq = 1, .ack = 2);
        }
        sw_tcp_close(&o.tcp);
        start_ns = o.env.now_ns;
        while (one_state(&o) != SW_TCP_CLOSED) {
            struct sw_packet *pkt = one_take_packet(&o);

            assert_non_null(pkt);
            sw_packet_free(pkt);
            until(&o, o.tcp.main_ns + MS);
        }
        assert_true(o.env.now_ns - start_ns < 206 * SEC);
        one_fini(&o);
    }
}

/* A listener's owner who keeps the half-closed connection may wait for ever. */
static void test_fin_wait_2_held(void **state)
{
    struct one o;

    (void)state;
    begin_established(&o);
    sw_tcp_shutdown(&o.tcp);
    TAKE(&o, FIN | ACK, .seq = 1, .ack = 1);
    IN(&o, ACK, .seq = 1, .ack = 2);
    pass(&o, 3600 * SEC);
    assert_int_equal(one_state(&o), SW_TCP_FIN_WAIT_2);
    sw_tcp_close(&o.tcp); /* now it is an orphan */
    one_check(&o);
    pass(&o, 60 * SEC + MS);
    assert_int_equal(one_state(&o), SW_TCP_CLOSED);
    one_fini(&o);
}

/* Bug class 23: the same at the edges of 2^31 and 2^32 ms, of 2^32 us and of 2^63 ns. */
static void test_clock_edges(void **state)
{
    static const uint64_t edges[] = {
        0, 1, 1ULL << 32, (1ULL << 31) * MS, (1ULL << 32) * MS, (1ULL << 32) * 1000, 1ULL << 62,
    };

    (void)state;
    for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
        for (int before = 0; before < 2; before++) {
            struct one o;

            one_init_at(&o, edges[i] > 300 * MS && before ? edges[i] - 300 * MS : edges[i]);
            o.layer.config.timestamps = true;
            o.ts = (uint32_t)(edges[i] / MS) + 0x7fffff00U;
            one_connect_with(&o, (struct seg){.mss = 1000, .ts = o.ts});
            set(&o, (struct sw_tcp_options){.keepalive = true, .keepidle_s = 10});
            user_sends(&o, 100);
            for (int n = 0; n < 4; n++) {
                TAKE(&o, ACK | PSH, .seq = 1, .ack = 1, .len = 100);
                QUIET_UNTIL(&o, o.tcp.main_ns);
            }
            TAKE(&o, ACK | PSH, .seq = 1, .ack = 1, .len = 100);
            o.ts += 3000;
            IN(&o, ACK, .seq = 1, .ack = 101, .len = 10);
            pass(&o, 40 * MS + MS);
            TAKE(&o, ACK, .seq = 101, .ack = 11, .ecr = o.ts);
            user_reads(&o, 10);
            pass(&o, 9 * SEC);
            nothing(&o);
            pass(&o, SEC);
            TAKE(&o, ACK, .seq = 100, .ack = 11);
            IN(&o, ACK, .seq = 11, .ack = 101);
            one_fini(&o);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retransmit),   cmocka_unit_test(test_karn),
        cmocka_unit_test(test_rtt),          cmocka_unit_test(test_persist),
        cmocka_unit_test(test_persist_dead), cmocka_unit_test(test_delack),
        cmocka_unit_test(test_keepalive),    cmocka_unit_test(test_idle),
        cmocka_unit_test(test_rest),         cmocka_unit_test(test_user_timeout),
        cmocka_unit_test(test_orphans),      cmocka_unit_test(test_fin_wait_2_held),
        cmocka_unit_test(test_clock_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
