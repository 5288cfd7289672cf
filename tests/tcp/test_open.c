/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening: both ways, at once, what the SYNs agree on, and attempts that fail. */
#include "tcp/one.h"

static void test_active(void **state)
{
    struct one o;

    (void)state;
    one_init(&o);
    o.layer.config.timestamps = o.layer.config.sack = true;
    one_block(&o);
    assert_int_equal(sw_tcp_connect(&o.tcp), 0);
    assert_int_equal(one_state(&o), SW_TCP_SYN_SENT);
    /* 32 MiB of receive buffer need a scale of 10, as Linux's. */
    TAKE(&o, SYN, .seq = 0, .mss = 1460, .ws = 11, .win = 64240, .sack_ok = true);
    nothing(&o);
    pass(&o, 30 * MS);
    IN(&o, SYN | ACK, .seq = 0, .ack = 1, .mss = 1400, .ws = 5 + 1, .sack_ok = true, .ts = 77,
       .win = 9000);
    assert_int_equal(one_state(&o), SW_TCP_ESTABLISHED);
    TAKE(&o, ACK, .seq = 1, .ack = 1, .ecr = 77, .win = 64240 / 1024 + 1);
    nothing(&o);
    assert_int_equal(o.events & (SW_TCPE_ESTABLISHED | SW_TCPE_WRITABLE),
                     SW_TCPE_ESTABLISHED | SW_TCPE_WRITABLE);
    assert_int_equal(sw_tcp_mss(&o.tcp), 1400 - 12);
    assert_int_equal(o.tcp.snd.cwnd, 10 * 1388);
    assert_int_equal(o.tcp.snd.wnd, 9000); /* a SYN's window is not scaled */
    assert_int_equal(o.tcp.snd.srtt_us8 / 8, 30000);
    assert_int_equal(o.env.stats.tcp_estab, 1);
    one_fini(&o);
}

static void test_passive(void **state)
{
    struct one o;

    (void)state;
    one_init(&o);
    o.layer.config.timestamps = o.layer.config.sack = true;
    one_block(&o);
    IN(&o, SYN, .mss = 1460, .ws = 3, .ts = 5);
    assert_int_equal(one_state(&o), SW_TCP_SYN_RECEIVED);
    TAKE(&o, SYN | ACK, .seq = 0, .ack = 1, .mss = 1460, .ws = 11, .ecr = 5);
    IN(&o, SYN, .mss = 1460, .ws = 3, .ts = 5); /* the SYN again: the SYN-ACK again, at once */
    TAKE(&o, SYN | ACK, .seq = 0, .ack = 1, .mss = 1460, .ws = 11);
    IN(&o, ACK | PSH, .seq = 1, .ack = 1, .len = 10, .ts = 6, .win = 100);
    assert_int_equal(one_state(&o), SW_TCP_ESTABLISHED);
    assert_int_equal(o.tcp.snd.wnd, 400);
    TAKE(&o, ACK, .seq = 1, .ack = 11, .ecr = 6); /* the first ACKs are quick */
    user_reads(&o, 10);
    one_fini(&o);
}

/* What the SYN does not offer is not used. */
static void test_no_options(void **state)
{
    struct one o;

    (void)state;
    one_init(&o);
    o.layer.config.timestamps = o.layer.config.sack = true;
    one_connect_with(&o, (struct seg){0});
    assert_int_equal(sw_tcp_mss(&o.tcp), 536);
    assert_int_equal(o.tcp.flags & (SW_TCPF_TIMESTAMPS | SW_TCPF_SACK | SW_TCPF_WSCALE), 0);
    IN(&o, ACK, .seq = 1, .ack = 1, .win = 3000);
    assert_int_equal(o.tcp.snd.wnd, 3000);
    one_fini(&o);
}

/* Bug class 7: a tiny MSS costs the sender, so there is a floor. */
static void test_tiny_mss(void **state)
{
    (void)state;
    for (uint16_t mss = 1; mss <= 88; mss++) {
        struct one o;

        one_init(&o);
        one_connect_with(&o, (struct seg){.mss = mss});
        assert_int_equal(sw_tcp_mss(&o.tcp), mss < 48 ? 48 : mss);
        one_fini(&o);
    }
}

static void test_maxseg(void **state)
{
    struct one o;
    struct sw_tcp_options options = {.maxseg = 700};

    (void)state;
    begin_closed(&o);
    sw_tcp_set_options(&o.tcp, &options);
    assert_int_equal(sw_tcp_connect(&o.tcp), 0);
    TAKE(&o, SYN, .seq = 0, .mss = 700);
    IN(&o, SYN | ACK, .ack = 1, .mss = 1460);
    TAKE(&o, ACK, .seq = 1, .ack = 1);
    assert_int_equal(sw_tcp_mss(&o.tcp), 700);
    one_fini(&o);
}

/* RFC 9293 3.5 figure 8, and an ACK more, as Linux. */
static void test_simultaneous(void **state)
{
    struct one o;

    (void)state;
    begin_syn_sent(&o);
    IN(&o, SYN, .mss = 1000);
    assert_int_equal(one_state(&o), SW_TCP_SYN_RECEIVED);
    TAKE(&o, SYN | ACK, .seq = 0, .ack = 1);
    IN(&o, SYN | ACK, .seq = 0, .ack = 1, .mss = 1000);
    assert_int_equal(one_state(&o), SW_TCP_ESTABLISHED);
    TAKE(&o, ACK, .seq = 1, .ack = 1);
    IN(&o, ACK, .seq = 1, .ack = 1);
    nothing(&o);
    user_sends_one(&o, 1, 1, 10);
    IN(&o, ACK, .seq = 1, .ack = 11);
    one_fini(&o);
}

/* The same where the SYN-ACK is lost and only its acknowledgment comes. */
static void test_simultaneous_by_ack(void **state)
{
    struct one o;

    (void)state;
    begin_syn_sent(&o);
    IN(&o, SYN, .mss = 1000);
    TAKE(&o, SYN | ACK, .seq = 0, .ack = 1);
    IN(&o, ACK, .seq = 1, .ack = 1);
    assert_int_equal(one_state(&o), SW_TCP_ESTABLISHED);
    one_fini(&o);
}

/* A SYN is repeated after 1, 2, 4 ... s; the attempt ends after 127 s: Linux's tcp_syn_retries 6.
 */
static void test_syn_retries(void **state)
{
    struct one o;
    uint64_t start_ns = 100 * SEC;

    (void)state;
    begin_syn_sent(&o);
    for (int i = 0; i < 6; i++) {
        uint64_t at_ns = o.tcp.main_ns;

        assert_in_range(at_ns - o.env.now_ns, (SEC << i) - MS, SEC << i);
        QUIET_UNTIL(&o, at_ns);
        TAKE(&o, SYN, .seq = 0, .mss = 1460);
    }
    QUIET_UNTIL(&o, o.tcp.main_ns);
    assert_in_range(o.env.now_ns - start_ns, 127 * SEC, 127 * SEC + MS);
    assert_int_equal(one_state(&o), SW_TCP_CLOSED);
    assert_int_equal(sw_tcp_take_error(&o.tcp), ETIMEDOUT);
    assert_int_equal(o.env.stats.tcp_retrans, 6);
    one_fini(&o);
}

static void test_syncnt(void **state)
{
    struct one o;
    struct sw_tcp_options options = {.syncnt = 1};

    (void)state;
    begin_closed(&o);
    sw_tcp_set_options(&o.tcp, &options);
    assert_int_equal(sw_tcp_connect(&o.tcp), 0);
    TAKE(&o, SYN, .seq = 0);
    pass(&o, SEC + MS);
    TAKE(&o, SYN, .seq = 0);
    pass(&o, 2 * SEC + MS);
    assert_int_equal(one_state(&o), SW_TCP_CLOSED);
    one_fini(&o);
}

static void test_synack_retries(void **state)
{
    struct one o;

    (void)state;
    begin_closed(&o);
    IN(&o, SYN, .mss = 1000);
    for (int i = 0; i <= 5; i++) {
        TAKE(&o, SYN | ACK, .seq = 0, .ack = 1);
        pass(&o, (SEC << i) + MS);
    }
    assert_int_equal(one_state(&o), SW_TCP_CLOSED);
    one_fini(&o);
}

/* RFC 9293 3.10.7.3, step by step. */
static void test_syn_sent(void **state)
{
    struct one o;

    (void)state;
    begin_syn_sent(&o);
    IN(&o, ACK, .seq = 5, .ack = 0); /* acknowledges nothing of ours */
    TAKE(&o, RST, .seq = 0);
    IN(&o, SYN | ACK, .seq = 5, .ack = 2);
    TAKE(&o, RST, .seq = 2);
    IN(&o, RST | ACK, .seq = 5, .ack = 2); /* a reset with a wrong ACK */
    IN(&o, RST, .seq = 0);                 /* and one without: blind */
    IN(&o, ACK, .seq = 5, .ack = 1);       /* a right ACK alone says nothing */
    IN(&o, FIN, .seq = 0);
    nothing(&o);
    assert_int_equal(one_state(&o), SW_TCP_SYN_SENT);
    IN(&o, RST | ACK, .seq = 0, .ack = 1);
    assert_int_equal(one_state(&o), SW_TCP_CLOSED);
    assert_int_equal(sw_tcp_take_error(&o.tcp), ECONNREFUSED);
    nothing(&o);
    one_fini(&o);
}

static void test_no_route(void **state)
{
    struct one o;

    (void)state;
    begin_closed(&o);
    o.tcp.remote.ip = SW_IP4(192, 168, 1, 1);
    assert_int_equal(sw_tcp_connect(&o.tcp), -ENETUNREACH);
    assert_int_equal(one_state(&o), SW_TCP_CLOSED);
    one_fini(&o);
}

/* shutdown() before the handshake ended: the FIN follows. */
static void test_early_shutdown(void **state)
{
    struct one o;

    (void)state;
    begin_closed(&o);
    IN(&o, SYN, .mss = 1000);
    TAKE(&o, SYN | ACK, .seq = 0, .ack = 1);
    sw_tcp_shutdown(&o.tcp);
    nothing(&o);
    IN(&o, ACK, .seq = 1, .ack = 1);
    TAKE(&o, FIN | ACK, .seq = 1, .ack = 1);
    assert_int_equal(one_state(&o), SW_TCP_FIN_WAIT_1);
    one_fini(&o);
}

/* A reset in SYN_RECEIVED: refused if this end had called, else the listener's child just goes. */
static void test_syn_received_rst(void **state)
{
    struct one o;

    (void)state;
    begin_closed(&o);
    IN(&o, SYN, .mss = 1000);
    TAKE(&o, SYN | ACK, .seq = 0, .ack = 1);
    IN(&o, ACK, .seq = 1, .ack = 2); /* acknowledges what was not sent */
    TAKE(&o, RST, .seq = 2);
    assert_int_equal(one_state(&o), SW_TCP_SYN_RECEIVED);
    IN(&o, RST, .seq = 1);
    assert_int_equal(one_state(&o), SW_TCP_CLOSED);
    one_fini(&o);
}

/* A SYN in the window: the peer has begun anew (RFC 9293 3.10.7.4, fourth). Of a simultaneous open
 * it is challenged as ever. */
static void test_syn_received_syn(void **state)
{
    struct one o;

    (void)state;
    one_init(&o);
    one_block(&o);
    IN(&o, SYN, .mss = 1460);
    TAKE(&o, SYN | ACK, .seq = 0, .ack = 1);
    IN(&o, SYN, .seq = 5);
    TAKE(&o, RST | ACK, .seq = -o.our_isn, .ack = 6);
    assert_int_equal(one_state(&o), SW_TCP_CLOSED);
    one_fini(&o);
    begin_syn_sent(&o);
    IN(&o, SYN, .mss = 1460);
    TAKE(&o, SYN | ACK, .seq = 0, .ack = 1);
    IN(&o, SYN, .seq = 5);
    TAKE(&o, ACK, .seq = 1, .ack = 1);
    assert_int_equal(one_state(&o), SW_TCP_SYN_RECEIVED);
    one_fini(&o);
}

/* The same SYN again is answered, but not more than twice a second. */
static void test_syn_received_again(void **state)
{
    struct one o;
    unsigned answers = 0;

    (void)state;
    one_init(&o);
    one_block(&o);
    IN(&o, SYN, .mss = 1460);
    TAKE(&o, SYN | ACK, .seq = 0, .ack = 1);
    for (int i = 0; i < 800; i++) {
        struct sw_packet *pkt;
        IN(&o, SYN, .seq = 0);
        while ((pkt = one_take_packet(&o)) != NULL) {
            answers++;
            sw_packet_free(pkt);
        }
        pass(&o, MS);
    }
    assert_int_equal(answers, 2);
    one_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_active),
        cmocka_unit_test(test_passive),
        cmocka_unit_test(test_no_options),
        cmocka_unit_test(test_tiny_mss),
        cmocka_unit_test(test_maxseg),
        cmocka_unit_test(test_simultaneous),
        cmocka_unit_test(test_simultaneous_by_ack),
        cmocka_unit_test(test_syn_retries),
        cmocka_unit_test(test_syncnt),
        cmocka_unit_test(test_synack_retries),
        cmocka_unit_test(test_syn_sent),
        cmocka_unit_test(test_no_route),
        cmocka_unit_test(test_early_shutdown),
        cmocka_unit_test(test_syn_received_rst),
        cmocka_unit_test(test_syn_received_syn),
        cmocka_unit_test(test_syn_received_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
