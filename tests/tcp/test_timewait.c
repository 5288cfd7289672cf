/* SPDX-License-Identifier: BSD-2-Clause */
/* TIME_WAIT as a record: what comes late, and who may open over it. Bug class 25. */
#include "tcp/one.h"

/* A record whose peer ended at sequence number 12 and timestamp 1000, ours at 2. */
static void record(struct one *o, struct sw_timewait *tw, bool ts)
{
    one_init(o);
    o->layer.config.timestamps = ts;
    one_connect_with(o, (struct seg){.mss = 1000, .ts = ts ? 1000 : 0});
    o->ts = ts ? 1000 : 0;
    IN(o, ACK, .seq = 1, .ack = 1, .len = 10);
    user_reads(o, 10);
    TAKE(o, ACK, .seq = 1, .ack = 11);
    sw_tcp_shutdown(&o->tcp);
    TAKE(o, FIN | ACK, .seq = 1, .ack = 11);
    IN(o, FIN | ACK, .seq = 11, .ack = 2);
    TAKE(o, ACK, .seq = 2, .ack = 12);
    assert_int_equal(one_state(o), SW_TCP_TIME_WAIT);
    sw_timewait_init(tw, &o->tcp);
    sw_tcp_abort(&o->tcp, 0);
}

static enum sw_timewait_verdict give(struct one *o, struct sw_timewait *tw, struct seg s)
{
    struct sw_packet *pkt = sw_packet_new(o->env.mem, 0);
    struct sw_segment seg = {.pkt = pkt, .len = s.len};
    enum sw_timewait_verdict verdict;

    seg.ip =
        (struct sw_ip_hdr){.src = SW_IP4(10, 0, 0, 2), .dst = SW_IP4(10, 0, 0, 1), .version = 4};
    seg.tcp = (struct sw_tcp_hdr){.src_port = 80,
                                  .dst_port = 1000,
                                  .seq = sw_seq_of(o->peer_isn + s.seq),
                                  .ack = sw_seq_of(o->our_isn + s.ack),
                                  .flags = s.flags,
                                  .has_ts = s.ts != 0,
                                  .ts_val = s.ts};
    verdict = sw_timewait_input(tw, &o->layer, &o->tcp.local, &o->tcp.remote, &seg);
    if (verdict == SW_TW_REOPEN)
        sw_packet_free(pkt);
    return verdict;
}
#define GIVE(o, tw, ...) give(o, tw, (struct seg){__VA_ARGS__})

static void test_late_segments(void **state)
{
    struct one o;
    struct sw_timewait tw;

    (void)state;
    record(&o, &tw, false);
    assert_int_equal(GIVE(&o, &tw, RST, .seq = 12), SW_TW_STAY); /* RFC 1337: not even exact */
    assert_int_equal(GIVE(&o, &tw, ACK, .seq = 12, .ack = 2), SW_TW_AGAIN);
    nothing(&o);
    assert_int_equal(GIVE(&o, &tw, ACK, .seq = 1, .ack = 1, .len = 10), SW_TW_AGAIN);
    TAKE(&o, ACK, .seq = 2, .ack = 12);
    assert_int_equal(GIVE(&o, &tw, FIN | ACK, .seq = 11, .ack = 1), SW_TW_AGAIN);
    TAKE(&o, ACK, .seq = 2, .ack = 12);
    assert_int_equal(GIVE(&o, &tw, FIN, .seq = 11), SW_TW_STAY);
    TAKE(&o, ACK, .seq = 2, .ack = 12);
    assert_int_equal(GIVE(&o, &tw, RST, .seq = 13), SW_TW_STAY);
    one_fini(&o);
}

/* net.ipv4.tcp_rfc1337 = 0: an exact reset ends it, another does not. */
static void test_assassination(void **state)
{
    struct one o;
    struct sw_timewait tw;

    (void)state;
    for (int ts = 0; ts < 2; ts++) {
        record(&o, &tw, ts);
        o.layer.config.rfc1337 = false;
        assert_int_equal(GIVE(&o, &tw, RST, .seq = 13, .ts = ts ? 1000 : 0), SW_TW_STAY);
        assert_int_equal(GIVE(&o, &tw, RST, .seq = 11, .ts = ts ? 1000 : 0), SW_TW_STAY);
        if (ts) /* an old duplicate, by its timestamp */
            assert_int_equal(GIVE(&o, &tw, RST, .seq = 12, .ts = 999), SW_TW_STAY);
        assert_int_equal(GIVE(&o, &tw, RST, .seq = 12, .ts = ts ? 1000 : 0), SW_TW_GONE);
        one_fini(&o);
    }
}

/* Without timestamps only a SYN beyond all old sequence numbers opens anew (RFC 9293 3.6.1). */
static void test_reopen_seq(void **state)
{
    struct one o;
    struct sw_timewait tw;

    (void)state;
    record(&o, &tw, false);
    assert_int_equal(GIVE(&o, &tw, SYN, .seq = 12), SW_TW_STAY);
    TAKE(&o, ACK, .seq = 2, .ack = 12);
    pass(&o, SEC);
    assert_int_equal(GIVE(&o, &tw, SYN, .seq = 5), SW_TW_STAY);
    TAKE(&o, ACK, .seq = 2, .ack = 12);
    pass(&o, SEC);
    assert_int_equal(GIVE(&o, &tw, SYN | ACK, .seq = 50000), SW_TW_AGAIN);
    TAKE(&o, ACK, .seq = 2, .ack = 12);
    assert_int_equal(GIVE(&o, &tw, SYN | RST, .seq = 50000), SW_TW_STAY);
    assert_int_equal(GIVE(&o, &tw, SYN, .seq = 13), SW_TW_REOPEN);
    assert_true(sw_seq_lt(tw.snd_nxt, sw_timewait_next_isn(&tw)));
    one_fini(&o);
}

/* With timestamps a later one is enough, and an earlier one is an old duplicate (RFC 6191 2). */
static void test_reopen_ts(void **state)
{
    struct one o;
    struct sw_timewait tw;

    (void)state;
    record(&o, &tw, true);
    assert_int_equal(GIVE(&o, &tw, SYN, .seq = 5, .ts = 1001), SW_TW_REOPEN);
    assert_int_equal(GIVE(&o, &tw, SYN, .seq = 5, .ts = 1000), SW_TW_STAY);
    TAKE(&o, ACK, .seq = 2, .ack = 12, .ecr = 1000);
    pass(&o, SEC);
    assert_int_equal(GIVE(&o, &tw, SYN, .seq = 50000, .ts = 999), SW_TW_AGAIN);
    TAKE(&o, ACK, .seq = 2, .ack = 12);
    assert_int_equal(o.env.drops[SW_DROP_TCP_PAWS], 1);
    assert_int_equal(GIVE(&o, &tw, ACK, .seq = 12, .ack = 2, .len = 3, .ts = 2000), SW_TW_AGAIN);
    TAKE(&o, ACK, .seq = 2, .ack = 12);
    one_fini(&o);
}

/* Two records of one connection (it closed from both ends at once) do not talk for ever; but what
 * has to be repeated until it is acknowledged is answered always. */
static void test_no_loop(void **state)
{
    struct one o;
    struct sw_timewait tw;
    unsigned answers = 0;

    (void)state;
    record(&o, &tw, false);
    for (uint32_t i = 0; i < 1000; i++) {
        struct sw_packet *pkt;
        GIVE(&o, &tw, ACK, .seq = 13 + i * 1000, .ack = i);
        while ((pkt = one_take_packet(&o)) != NULL) {
            answers++;
            sw_packet_free(pkt);
        }
        pass(&o, MS);
    }
    assert_in_range(answers, 2, 3);
    for (uint32_t i = 0; i < 10; i++) {
        GIVE(&o, &tw, FIN | ACK, .seq = 11, .ack = 2);
        TAKE(&o, ACK, .seq = 2, .ack = 12);
    }
    one_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_late_segments), cmocka_unit_test(test_assassination),
        cmocka_unit_test(test_reopen_seq),    cmocka_unit_test(test_reopen_ts),
        cmocka_unit_test(test_no_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
