/* SPDX-License-Identifier: BSD-2-Clause */
/* Explicit congestion notification, where scripts do not reach: undoing, cookies, memory. What is
 * on the wire is in tests/packetdrill/ecn-*.pkt. */
#include "tcp/one.h"

#include "tcp/cc.h"
#include "tcp/ecn.h"
#include "tcp/rare.h"
#include "tcp/recovery.h"

#define ECE SW_TCP_ECE
#define CWR SW_TCP_CWR

/* Ten segments of 1,000 out of 40 are out, ECN agreed on. */
static void ten_out(struct one *o)
{
    one_init(o);
    o->layer.config.ecn = SW_ECN_ASK;
    o->layer.config.tlp = false;
    o->layer.config.sack = o->layer.config.timestamps = true;
    o->ts = 1000;
    one_block(o);
    assert_int_equal(sw_tcp_connect(&o->tcp), 0);
    TAKE(o, SYN | ECE | CWR, .seq = 0);
    pass(o, 20 * MS);
    IN(o, SYN | ACK | ECE, .ack = 1, .mss = 1012, .sack_ok = true);
    TAKE(o, ACK, .seq = 1, .ack = 1);
    user_sends(o, 40000);
    for (uint32_t i = 0; i < 10; i++)
        TAKE(o, ACK | ends_burst(i, 2), .seq = 1 + 1000 * i, .ack = 1, .len = 1000);
    nothing(o);
    pass(o, 20 * MS);
}

static void drain(struct one *o)
{
    struct sw_packet *pkt;

    while ((pkt = one_take_packet(o)) != NULL)
        sw_packet_free(pkt);
}

/* A reduction that turns out to have been a mistake is not told. */
static void test_undone(void **state)
{
    struct one o;

    (void)state;
    ten_out(&o);
    uint32_t before = sw_tcp_clock_ms(&o.tcp) + o.tcp.ts_offset - 1;
    IN(&o, ACK, .seq = 1, .ack = 1, .n_sacks = 1, .sacks = {3001, 6001});
    assert_int_equal(o.tcp.snd.flight->ca, SW_CA_RECOVERY);
    assert_int_equal(o.tcp.snd.ssthresh, 5000);
    TAKE(&o, ACK, .seq = 1, .ack = 1, .len = 1000);
    drain(&o);
    o.tcp.flags |= SW_TCPF_CWR_DUE; /* as if no new data had gone since */
    pass(&o, 5 * MS);
    IN(&o, ACK, .seq = 1, .ack = 3001, .ecr = before, .n_sacks = 1, .sacks = {3001, 6001});
    assert_int_equal(o.tcp.snd.ssthresh, UINT32_MAX);
    assert_false(sw_tcp_has(&o.tcp, SW_TCPF_CWR_DUE));
    TAKE(&o, ACK, .seq = 10001, .ack = 1, .len = 1000);
    drain(&o);
    one_fini(&o);
}

/* A reduction by ECN whose data have all arrived holds no memory, and ends with the window that it
 * aimed at. */
static void test_idle(void **state)
{
    struct one o;

    (void)state;
    one_init(&o);
    o.layer.config.ecn = SW_ECN_ASK;
    one_block(&o);
    assert_int_equal(sw_tcp_connect(&o.tcp), 0);
    TAKE(&o, SYN | ECE | CWR, .seq = 0);
    IN(&o, SYN | ACK | ECE, .ack = 1, .mss = 1000);
    TAKE(&o, ACK, .seq = 1, .ack = 1);
    user_sends(&o, 8000);
    for (uint32_t i = 0; i < 8; i++)
        TAKE(&o, (uint16_t)(ACK | (i == 4 || i == 7 ? PSH : 0)), .seq = 1 + 1000 * i, .ack = 1,
             .len = 1000);
    IN(&o, ACK | ECE, .seq = 1, .ack = 1001);
    assert_int_equal(o.tcp.snd.flight->ca, SW_CA_CWR);
    assert_int_equal(o.tcp.snd.ssthresh, 4000); /* RFC 5681: half of the 8 that were in flight */
    assert_int_equal(o.tcp.rare->ecn.delivered_ce, 1);
    IN(&o, ACK, .seq = 1, .ack = 8001);
    assert_int_equal(o.tcp.snd.flight->ca, SW_CA_CWR);
    pass(&o, 3 * SEC);
    assert_null(o.tcp.snd.flight);
    assert_int_equal(o.tcp.snd.cwnd, 4000);
    user_sends(&o, 1000); /* and CWR is still to be said */
    TAKE(&o, ACK | PSH | CWR, .seq = 8001, .ack = 1, .len = 1000);
    one_fini(&o);
}

/* A reset says nothing of congestion; without ECN agreed on, nothing does. */
static void test_reset(void **state)
{
    struct one o;

    (void)state;
    for (int agreed = 0; agreed < 2; agreed++) {
        one_init(&o);
        one_block(&o);
        IN(&o, (uint16_t)(SYN | (agreed ? ECE | CWR : 0)), .mss = 1000);
        TAKE(&o, (uint16_t)(SYN | ACK | (agreed ? ECE : 0)), .seq = 0, .ack = 1);
        IN(&o, ACK, .seq = 1, .ack = 1);
        IN(&o, ACK, .seq = 1, .ack = 1, .len = 100, .tos = SW_IP_CE);
        TAKE(&o, (uint16_t)(ACK | (agreed ? ECE : 0)), .seq = 1, .ack = 101);
        sw_tcp_abort(&o.tcp, 0);
        TAKE(&o, RST | ACK, .seq = 1, .ack = 101);
        one_fini(&o);
    }
}

/* The user's DSCP stays beside ECT(0). */
static void test_dscp(void **state)
{
    struct sw_tcp_options options = {.tos = 0xb8};
    struct one o;

    (void)state;
    one_init(&o);
    one_block(&o);
    sw_tcp_set_options(&o.tcp, &options);
    IN(&o, SYN | ECE | CWR, .mss = 1000);
    TAKE(&o, SYN | ACK | ECE, .seq = 0, .ack = 1, .tos = 0xb8);
    IN(&o, ACK, .seq = 1, .ack = 1);
    user_sends(&o, 100);
    TAKE(&o, ACK | PSH, .seq = 1, .ack = 1, .len = 100, .tos = 0xba);
    IN(&o, ACK, .seq = 1, .ack = 101);
    one_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_undone),
        cmocka_unit_test(test_idle),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_dscp),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
