/* SPDX-License-Identifier: BSD-2-Clause */
/* Recovery with SACK: the scoreboard, RACK-TLP, PRR, by the segment. What an ACK may cost is in
 * test_sack_cost.c. */
#include "tcp/one.h"
#include "tcp/recovery.h"

static void sack(struct one *o, uint32_t ack, uint32_t left, uint32_t right)
{
    IN(o, ACK, .seq = 1, .ack = ack, .n_sacks = 1, .sacks = {left, right});
}

/* One loss: found with the third SACK, sent again, and the rate halves without a pause (PRR). */
static void test_one_loss(void **state)
{
    struct one o;

    (void)state;
    one_init(&o);
    out(&o, 40000, 10);
    sack(&o, 1, 1001, 2001);
    TAKE(&o, ACK, .seq = 10001, .ack = 1, .len = 1000); /* limited transmit */
    sack(&o, 1, 1001, 3001);
    TAKE(&o, ACK, .seq = 11001, .ack = 1, .len = 1000);
    sack(&o, 1, 1001, 4001);
    TAKE(&o, ACK, .seq = 1, .ack = 1, .len = 1000);
    nothing(&o);
    assert_int_equal(o.tcp.snd.ssthresh, 5000);
    /* Two had been reported before: 10 of the 12 that are out will be told of as delivered. */
    assert_int_equal(o.tcp.snd.flight->prr_flight, 10000);
    int sent = 0;
    for (uint32_t i = 0; i < 6; i++) { /* one for every second that arrives */
        struct sw_packet *pkt;
        int n = 0;

        sack(&o, 1, 1001, 5001 + 1000 * i);
        while ((pkt = one_take_packet(&o)) != NULL) {
            n++;
            sw_packet_free(pkt);
        }
        assert_in_range(n, 0, 1);
        sent += n;
    }
    assert_int_equal(sent, 2); /* half of 7, less the repetition, in whole segments */
    assert_int_equal(o.tcp.snd.flight->ca, SW_CA_RECOVERY);
    assert_int_equal(o.env.stats.tcp_retrans, 1);
    pass(&o, 20 * MS);
    IN(&o, ACK, .seq = 1, .ack = 12001);
    assert_int_equal(o.tcp.snd.flight->ca, SW_CA_OPEN);
    assert_int_equal(o.tcp.snd.cwnd, 5000);
    /* The ACK that ends it counts for what it newly tells of: the repetition, and 10001 to 12000.
     */
    assert_int_equal(o.tcp.snd.flight->cwnd_acc, 3000);
    struct sw_packet *pkt;
    while ((pkt = one_take_packet(&o)) != NULL)
        sw_packet_free(pkt);
    one_fini(&o);
}

/* Every second segment lost: all are sent again within the recovery, without a timeout. */
static void test_many_losses(void **state)
{
    (void)state;
    for (int rack = 0; rack < 2; rack++) {
        struct one o;
        uint32_t again = 0, guard = 0;
        bool have[64] = {false};

        one_init(&o);
        o.layer.config.rack = rack;
        o.layer.config.tlp = false;
        out(&o, 10000, 10);
        for (uint32_t i = 1; i < 10; i += 2)
            have[i] = true;
        sack(&o, 1, 1001, 2001);
        IN(&o, ACK, .seq = 1, .ack = 1, .n_sacks = 2, .sacks = {3001, 4001, 1001, 2001});
        IN(&o, ACK, .seq = 1, .ack = 1, .n_sacks = 3,
           .sacks = {5001, 6001, 3001, 4001, 1001, 2001});
        IN(&o, ACK, .seq = 1, .ack = 1, .n_sacks = 3,
           .sacks = {7001, 8001, 5001, 6001, 3001, 4001});
        IN(&o, ACK, .seq = 1, .ack = 1, .n_sacks = 3,
           .sacks = {9001, 10001, 7001, 8001, 5001, 6001});
        while (o.tcp.snd.una.v - OUR_ISN < 10001 && guard++ < 20) {
            struct sw_packet *pkt;
            uint32_t ack = 0;

            while ((pkt = one_take_packet(&o)) != NULL) {
                uint8_t *p = sw_packet_head(pkt) + 20;
                uint32_t seq =
                    (uint32_t)p[4] << 24 | (uint32_t)p[5] << 16 | (uint32_t)p[6] << 8 | p[7];

                have[(seq - OUR_ISN - 1) / 1000] = true;
                again++;
                sw_packet_free(pkt);
            }
            pass(&o, 20 * MS);
            while (ack < 10 && have[ack])
                ack++;
            if (ack < 10)
                IN(&o, ACK, .seq = 1, .ack = 1 + 1000 * ack, .n_sacks = 1, .sacks = {9001, 10001});
            else
                IN(&o, ACK, .seq = 1, .ack = 10001);
        }
        assert_int_equal(o.tcp.snd.una.v - OUR_ISN, 10001);
        assert_int_equal(again, 5);
        assert_int_equal(o.tcp.snd.retries, 0);
        /* By counting alone the last two holes have too little above them: a timeout finds them. */
        assert_true(!rack || o.env.now_ns < 100 * SEC + 250 * MS);
        one_fini(&o);
    }
}

/* A repetition that is lost again is found by what was sent after it (RACK), not by a timeout. */
static void test_lost_again(void **state)
{
    struct one o;

    (void)state;
    one_init(&o);
    out(&o, 40000, 10);
    sack(&o, 1, 1001, 2001);
    TAKE(&o, ACK, .seq = 10001, .ack = 1, .len = 1000);
    sack(&o, 1, 1001, 3001);
    TAKE(&o, ACK, .seq = 11001, .ack = 1, .len = 1000);
    pass(&o, 2 * MS);
    sack(&o, 1, 1001, 4001);
    TAKE(&o, ACK, .seq = 1, .ack = 1, .len = 1000); /* lost again */
    pass(&o, 2 * MS);
    sack(&o, 1, 1001, 10001); /* makes room for new ones, sent after it */
    TAKE(&o, ACK, .seq = 12001, .ack = 1, .len = 1000);
    struct sw_packet *pkt;
    while ((pkt = one_take_packet(&o)) != NULL)
        sw_packet_free(pkt);
    pass(&o, 20 * MS);
    sack(&o, 1, 1001, 13001); /* one of those has come: the repetition has not */
    TAKE(&o, ACK, .seq = 1, .ack = 1, .len = 1000);
    assert_int_equal(o.tcp.snd.retries, 0);
    while ((pkt = one_take_packet(&o)) != NULL)
        sw_packet_free(pkt);
    one_fini(&o);
}

/* Late is not lost: with one SACK it waits a quarter of a round trip (RFC 8985 6.2.4). */
static void test_reorder_timer(void **state)
{
    struct one o;

    (void)state;
    one_init(&o);
    out(&o, 3000, 3);
    sack(&o, 1, 1001, 2001);
    nothing(&o);
    assert_int_equal(o.tcp.main_kind, SW_TCP_TIMER_REORDER);
    assert_in_range(o.tcp.main_ns - o.env.now_ns, 4 * MS, 6 * MS);
    pass(&o, 3 * MS);
    IN(&o, ACK, .seq = 1, .ack = 2001); /* it was only late */
    nothing(&o);
    assert_int_equal(o.env.stats.tcp_retrans, 0);
    assert_int_equal(o.tcp.snd.cwnd, 10000);
    pass(&o, 20 * MS);
    IN(&o, ACK, .seq = 1, .ack = 3001);
    one_fini(&o);

    one_init(&o);
    out(&o, 3000, 3);
    sack(&o, 1, 1001, 2001);
    QUIET_UNTIL(&o, o.tcp.main_ns);
    TAKE(&o, ACK, .seq = 1, .ack = 1, .len = 1000);
    IN(&o, ACK, .seq = 1, .ack = 3001);
    one_fini(&o);
}

/* Once segments were seen to overtake each other, three SACKs prove nothing any more. */
static void test_reordering_seen(void **state)
{
    struct one o;

    (void)state;
    one_init(&o);
    out(&o, 10000, 10);
    sack(&o, 1, 1001, 2001);
    IN(&o, ACK, .seq = 1, .ack = 2001); /* the first one after all: late, sent once */
    assert_true(o.tcp.snd.flight->reordering);
    sack(&o, 2001, 3001, 6001);
    nothing(&o);
    assert_int_equal(o.tcp.snd.flight->ca, SW_CA_DISORDER);
    assert_int_equal(o.tcp.main_kind, SW_TCP_TIMER_REORDER);
    QUIET_UNTIL(&o, o.tcp.main_ns);
    TAKE(&o, ACK, .seq = 2001, .ack = 1, .len = 1000);
    one_fini(&o);
}

/* However many SACKs tell of it, a run of held segments is one record. */
static void test_runs_join(void **state)
{
    struct one o;

    (void)state;
    one_init(&o);
    out(&o, 10000, 10);
    for (uint32_t i = 1; i < 10; i++)
        sack(&o, 1, 1001, 1001 + 1000 * i);
    TAKE(&o, ACK, .seq = 1, .ack = 1, .len = 1000);
    assert_int_equal(o.tcp.snd.flight->count, 2);
    assert_int_equal(o.tcp.snd.flight->sacked, 9000);
    one_fini(&o);
}

/* The tail is lost: a probe after two round trips, not the timeout of 220 ms (RFC 8985 7). */
static void test_tail_probe(void **state)
{
    struct one o;
    uint64_t sent_ns;

    (void)state;
    one_init(&o);
    out(&o, 3000, 3);
    sent_ns = o.env.now_ns - 20 * MS;
    assert_int_equal(o.tcp.main_kind, SW_TCP_TIMER_PROBE);
    QUIET_UNTIL(&o, o.tcp.main_ns);
    assert_in_range(o.env.now_ns - sent_ns, 40 * MS, 44 * MS);
    TAKE(&o, ACK | PSH, .seq = 2001, .ack = 1, .len = 1000);
    assert_int_equal(o.tcp.main_kind, SW_TCP_TIMER_RETRANSMIT); /* one probe only */
    pass(&o, 20 * MS);
    sack(&o, 1, 2001, 3001); /* shows that the first two are lost */
    TAKE(&o, ACK, .seq = 1, .ack = 1, .len = 1000);
    nothing(&o);
    pass(&o, 20 * MS);
    sack(&o, 1001, 2001, 3001);
    TAKE(&o, ACK, .seq = 1001, .ack = 1, .len = 1000);
    IN(&o, ACK, .seq = 1, .ack = 3001);
    assert_int_equal(o.tcp.snd.retries, 0);
    one_fini(&o);
}

/* New data is a better probe than old. */
static void test_probe_new_data(void **state)
{
    struct one o;
    struct sw_tcp_options options = {0};

    (void)state;
    one_init(&o);
    out(&o, 2000, 2);
    options.cork = true;
    sw_tcp_set_options(&o.tcp, &options);
    user_sends(&o, 10);
    nothing(&o);
    QUIET_UNTIL(&o, o.tcp.main_ns);
    TAKE(&o, ACK | PSH, .seq = 2001, .ack = 1, .len = 10);
    IN(&o, ACK, .seq = 1, .ack = 2011);
    assert_null(o.tcp.snd.flight); /* it was no repetition: nothing to remember */
    options.cork = false;
    sw_tcp_set_options(&o.tcp, &options);
    user_sends(&o, 10);
    assert_false(o.tcp.snd.flight->eventful); /* and the next one begins with nothing */
    assert_int_equal(o.tcp.snd.flight->probe_end.v, 0);
    TAKE(&o, ACK | PSH, .seq = 2011, .ack = 1, .len = 10);
    one_fini(&o);
}

/* Nonsense in SACK blocks changes nothing. */
static void test_bad_blocks(void **state)
{
    struct one o;

    (void)state;
    one_init(&o);
    out(&o, 10000, 10);
    sack(&o, 1, 5001, 4001);
    sack(&o, 1, 5001, 5001);
    sack(&o, 1, 9001, 20001);
    sack(&o, 1, 1U - 5000, 1);
    sack(&o, 1, 20001, 21001);
    sack(&o, 1, 1501, 1900); /* inside one segment */
    assert_int_equal(o.tcp.snd.flight->sacked, 0);
    sack(&o, 1, 1501, 4500); /* whole segments only */
    assert_int_equal(o.tcp.snd.flight->sacked, 2000);
    nothing(&o);
    one_fini(&o);
}

/* Random blocks and ACKs against large records: the sums stay right, the number of records bounded.
 */
static void test_random(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 60; seed++) {
        struct one o;
        struct sw_rng rng;
        uint8_t key[16] = {(uint8_t)seed, 3};
        struct sw_packet *pkt;

        sw_rng_init(&rng, key);
        one_init(&o);
        o.layer.config.rack = seed & 1;
        o.layer.config.prr = seed & 2;
        o.layer.config.cc = seed & 4 ? SW_CC_CUBIC : SW_CC_RENO;
        out(&o, 10000, 10);
        assert_int_equal(sw_ip_set_mtu(&o.ip, ETH, 1500, seed & 8 ? 65535 : 0), 0);
        user_sends(&o, 300000);
        o.tcp.snd.cwnd = 60000;
        for (int i = 0; i < 300; i++) {
            uint32_t outstanding = o.tcp.snd.nxt.v - o.tcp.snd.una.v,
                     una = o.tcp.snd.una.v - OUR_ISN;
            uint32_t step = sw_rng_below(&rng, 10) ? 1000 : 1;
            uint32_t left, right;

            if (outstanding < step || one_state(&o) == SW_TCP_CLOSED)
                break;
            left = una + step * sw_rng_below(&rng, outstanding / step + 1);
            right = left + step * (1 + sw_rng_below(&rng, 10));
            if (sw_rng_below(&rng, 20) == 0)
                una += step * sw_rng_below(&rng, outstanding / step + 1);
            sack(&o, una, left, right);
            if (sw_rng_below(&rng, 3) == 0)
                pass(&o, sw_rng_below(&rng, 40) * MS);
            while ((pkt = one_take_packet(&o)) != NULL)
                sw_packet_free(pkt);
            assert_true(o.tcp.snd.flight->count <= outstanding / 500 + 20);
        }
        one_fini(&o);
    }
}

/* The receiver forgot what it had reported (it may, RFC 2018 8): after a timeout it is sent again.
 */
static void test_reneging(void **state)
{
    struct one o;
    struct sw_packet *pkt;

    (void)state;
    one_init(&o);
    o.layer.config.tlp = false;
    out(&o, 4000, 4);
    sack(&o, 1, 1001, 4001);
    TAKE(&o, ACK, .seq = 1, .ack = 1, .len = 1000);
    IN(&o, ACK, .seq = 1, .ack = 1001); /* the rest has vanished */
    pass(&o, 10 * SEC);
    assert_int_equal(o.tcp.snd.flight->sacked, 0);
    TAKE(&o, ACK, .seq = 1001, .ack = 1, .len = 1000);
    while ((pkt = one_take_packet(&o)) != NULL)
        sw_packet_free(pkt);
    one_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_loss),        cmocka_unit_test(test_many_losses),
        cmocka_unit_test(test_lost_again),      cmocka_unit_test(test_reorder_timer),
        cmocka_unit_test(test_reordering_seen), cmocka_unit_test(test_runs_join),
        cmocka_unit_test(test_tail_probe),      cmocka_unit_test(test_probe_new_data),
        cmocka_unit_test(test_bad_blocks),      cmocka_unit_test(test_random),
        cmocka_unit_test(test_reneging),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
