/* SPDX-License-Identifier: BSD-2-Clause */
/* Loss: fast retransmit and NewReno without SACK, timeouts, by the segment. */
#include "tcp/one.h"

/* Ten segments of 1,000 are out. */
static void ten_out(struct one *o)
{
    one_init(o);
    one_connect(o);
    user_sends(o, 30000);
    for (uint32_t i = 0; i < 10; i++)
        TAKE(o, ACK | ends_burst(i, 5), .seq = 1 + 1000 * i, .ack = 1, .len = 1000);
    nothing(o);
    pass(o, 10 * MS);
}

static void dup(struct one *o, uint32_t ack)
{
    IN(o, ACK, .seq = 1, .ack = ack);
}

/* RFC 5681 3.2, RFC 3042, RFC 6582: one loss. */
static void test_fast_retransmit(void **state)
{
    struct one o;

    (void)state;
    ten_out(&o);
    dup(&o, 1);
    TAKE(&o, ACK, .seq = 10001, .ack = 1, .len = 1000); /* limited transmit */
    dup(&o, 1);
    TAKE(&o, ACK, .seq = 11001, .ack = 1, .len = 1000);
    nothing(&o);
    dup(&o, 1);
    TAKE(&o, ACK, .seq = 1, .ack = 1, .len = 1000);
    nothing(&o);
    assert_int_equal(o.tcp.snd.ssthresh, 5000);
    assert_int_equal(o.tcp.snd.flight->ca, SW_CA_RECOVERY);
    for (int i = 0; i < 4; i++) { /* half of the pipe drains first */
        dup(&o, 1);
        nothing(&o);
    }
    for (uint32_t i = 0; i < 4; i++) {
        dup(&o, 1);
        TAKE(&o, ACK, .seq = 12001 + 1000 * i, .ack = 1, .len = 1000);
    }
    nothing(&o);
    IN(&o, ACK, .seq = 1, .ack = 12001);                    /* all that was out at the beginning */
    assert_int_equal(o.tcp.snd.flight->ca, SW_CA_RECOVERY); /* held until beyond (RFC 6582 4) */
    TAKE(&o, ACK, .seq = 16001, .ack = 1, .len = 1000);
    IN(&o, ACK, .seq = 1, .ack = 13001);
    assert_int_equal(o.tcp.snd.flight->ca, SW_CA_OPEN);
    assert_int_equal(o.tcp.snd.cwnd, 5000);
    assert_int_equal(o.env.stats.tcp_retrans, 1);
    TAKE(&o, ACK, .seq = 17001, .ack = 1, .len = 1000);
    one_fini(&o);
}

/* Two losses in a window: the partial ACK brings the second one at once, without a timeout. */
static void test_partial_ack(void **state)
{
    struct one o;
    uint32_t next = 10001;

    (void)state;
    ten_out(&o);
    for (int i = 0; i < 8; i++) { /* 1 and 5001 are lost */
        struct sw_packet *pkt;

        dup(&o, 1);
        while ((pkt = one_take_packet(&o)) != NULL) {
            next += i != 2 ? pkt->data_len : 0; /* the third one brings the repetition */
            sw_packet_free(pkt);
        }
    }
    IN(&o, ACK, .seq = 1, .ack = 5001);
    TAKE(&o, ACK, .seq = 5001, .ack = 1, .len = 1000);
    assert_int_equal(o.tcp.snd.flight->ca, SW_CA_RECOVERY);
    /* Of the 14 segments sent 2 were lost and 9 arrived: with this repetition 4 are under way. */
    assert_int_equal(next, 13001);
    TAKE(&o, ACK, .seq = 13001, .ack = 1, .len = 1000);
    nothing(&o);
    assert_int_equal(o.env.stats.tcp_retrans, 2);
    one_fini(&o);
}

/* Duplicate ACKs are only those of RFC 5681 2: no data, no window update. */
static void test_not_duplicates(void **state)
{
    struct one o;

    (void)state;
    ten_out(&o);
    for (uint32_t i = 0; i < 5; i++)
        IN(&o, ACK, .seq = 1, .ack = 1, .win = 50000 + i);
    for (uint32_t i = 0; i < 5; i++)
        IN(&o, ACK, .seq = 1 + i, .ack = 1, .len = 1);
    assert_int_equal(o.tcp.snd.flight->dupacks, 0);
    assert_int_equal(o.env.stats.tcp_retrans, 0);
    nothing(&o);
    pass(&o, 50 * MS);
    TAKE(&o, ACK, .seq = 10001, .ack = 6);
    user_reads(&o, 5);
    one_fini(&o);
}

/* RFC 5681 3.1: a timeout takes cwnd to one segment, and slow start sends the rest again. */
static void test_timeout(void **state)
{
    struct one o;

    (void)state;
    ten_out(&o);
    QUIET_UNTIL(&o, o.tcp.main_ns);
    TAKE(&o, ACK, .seq = 1, .ack = 1, .len = 1000);
    nothing(&o);
    assert_int_equal(o.tcp.snd.cwnd, 1000);
    assert_int_equal(o.tcp.snd.ssthresh, 5000);
    assert_int_equal(o.tcp.snd.flight->ca, SW_CA_LOSS);
    IN(&o, ACK, .seq = 1, .ack = 1001);
    TAKE(&o, ACK, .seq = 1001, .ack = 1, .len = 1000);
    TAKE(&o, ACK | PSH, .seq = 2001, .ack = 1, .len = 1000);
    nothing(&o);
    for (int i = 0; i < 5; i++) /* what our own repetitions provoke starts no fast retransmit */
        dup(&o, 1001);
    nothing(&o);
    IN(&o, ACK, .seq = 1, .ack = 9001); /* the others had arrived */
    TAKE(&o, ACK, .seq = 9001, .ack = 1, .len = 1000);
    TAKE(&o, ACK, .seq = 10001, .ack = 1, .len = 1000);
    TAKE(&o, ACK, .seq = 11001, .ack = 1, .len = 1000);
    TAKE(&o, ACK | PSH, .seq = 12001, .ack = 1, .len = 1000);
    TAKE(&o, ACK, .seq = 13001, .ack = 1, .len = 1000);
    TAKE(&o, ACK | PSH, .seq = 14001, .ack = 1, .len = 1000);
    nothing(&o);
    assert_int_equal(o.tcp.snd.cwnd, 6000);
    IN(&o, ACK, .seq = 1, .ack = 11001);
    assert_int_equal(o.tcp.snd.flight->ca, SW_CA_OPEN);
    for (uint32_t i = 0; i < 2; i++)
        TAKE(&o, ACK | ends_burst(i, 2), .seq = 15001 + 1000 * i, .ack = 1, .len = 1000);
    one_fini(&o);
}

/* Each repetition of a timeout doubles the time, but ssthresh falls only once. */
static void test_repeated_timeout(void **state)
{
    struct one o;
    uint64_t wait_ns = 0;

    (void)state;
    ten_out(&o);
    for (int i = 0; i < 4; i++) {
        uint64_t now_wait_ns = o.tcp.main_ns - o.env.now_ns;

        if (i > 1)
            assert_in_range(now_wait_ns, 2 * wait_ns - MS, 2 * wait_ns + MS);
        wait_ns = now_wait_ns;
        QUIET_UNTIL(&o, o.tcp.main_ns);
        TAKE(&o, ACK, .seq = 1, .ack = 1, .len = 1000);
        nothing(&o);
        assert_int_equal(o.tcp.snd.ssthresh, 5000);
    }
    one_fini(&o);
}

/* A lost super-segment is sent again in pieces that cwnd allows. */
static void test_lost_super_segment(void **state)
{
    struct one o;

    (void)state;
    one_init(&o);
    assert_int_equal(sw_ip_set_mtu(&o.ip, ETH, 1500, 65535), 0);
    one_connect(&o);
    user_sends(&o, 10000);
    TAKE(&o, ACK | PSH, .seq = 1, .ack = 1, .len = 5000, .gso = 1000);
    TAKE(&o, ACK | PSH, .seq = 5001, .ack = 1, .len = 5000, .gso = 1000);
    QUIET_UNTIL(&o, o.tcp.main_ns);
    TAKE(&o, ACK, .seq = 1, .ack = 1, .len = 1000);
    IN(&o, ACK, .seq = 1, .ack = 1001);
    TAKE(&o, ACK | PSH, .seq = 1001, .ack = 1, .len = 2000, .gso = 1000);
    IN(&o, ACK, .seq = 1, .ack = 3001);
    TAKE(&o, ACK | PSH, .seq = 3001, .ack = 1, .len = 2000, .gso = 1000);
    TAKE(&o, ACK | PSH, .seq = 5001, .ack = 1, .len = 2000, .gso = 1000);
    IN(&o, ACK, .seq = 1, .ack = 7001);
    TAKE(&o, ACK | PSH, .seq = 7001, .ack = 1, .len = 3000, .gso = 1000);
    IN(&o, ACK, .seq = 1, .ack = 10001);
    one_fini(&o);
}

/* ACKs in the middle of records and of segments keep the sums right (one_check looks each time). */
static void test_odd_acks(void **state)
{
    struct one o;
    struct sw_packet *pkt;

    (void)state;
    one_init(&o);
    assert_int_equal(sw_ip_set_mtu(&o.ip, ETH, 1500, 65535), 0);
    one_connect(&o);
    user_sends(&o, 100000);
    for (uint32_t ack = 1; ack < 100000; ack += 777) {
        while ((pkt = one_take_packet(&o)) != NULL)
            sw_packet_free(pkt);
        if (ack % 5 == 0)
            pass(&o, 300 * MS);
        for (uint32_t i = 0; i < ack % 7; i++)
            dup(&o, o.tcp.snd.una.v - OUR_ISN);
        if (sw_seq_lt(sw_seq_of(OUR_ISN + ack), o.tcp.snd.nxt))
            IN(&o, ACK, .seq = 1, .ack = ack);
    }
    while ((pkt = one_take_packet(&o)) != NULL)
        sw_packet_free(pkt);
    one_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fast_retransmit),  cmocka_unit_test(test_partial_ack),
        cmocka_unit_test(test_not_duplicates),   cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_repeated_timeout), cmocka_unit_test(test_lost_super_segment),
        cmocka_unit_test(test_odd_acks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
