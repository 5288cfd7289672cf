/* SPDX-License-Identifier: BSD-2-Clause */
/* What is sent when: Nagle, TCP_CORK, silly windows, the peer's window, super-segments, the FIN. */
#include "tcp/one.h"

static void set(struct one *o, struct sw_tcp_options options)
{
    sw_tcp_set_options(&o->tcp, &options);
    one_check(o);
}

static void test_nagle(void **state)
{
    struct one o;

    (void)state;
    begin_established(&o);
    user_sends(&o, 10); /* nothing is out: goes */
    TAKE(&o, ACK | PSH, .seq = 1, .ack = 1, .len = 10);
    user_sends(&o, 20); /* a small one is out: waits */
    user_sends(&o, 30);
    nothing(&o);
    IN(&o, ACK, .seq = 1, .ack = 11);
    TAKE(&o, ACK | PSH, .seq = 11, .ack = 1, .len = 50);
    user_sends(&o, 1100); /* a full one goes, its rest waits */
    TAKE(&o, ACK, .seq = 61, .ack = 1, .len = 1000);
    nothing(&o);
    IN(&o, ACK, .seq = 1, .ack = 61); /* the small one is acknowledged (Minshall) */
    TAKE(&o, ACK | PSH, .seq = 1061, .ack = 1, .len = 100);
    IN(&o, ACK, .seq = 1, .ack = 1161);
    one_fini(&o);
}

static void test_nodelay(void **state)
{
    struct one o;

    (void)state;
    begin_established(&o);
    set(&o, (struct sw_tcp_options){.nodelay = true});
    for (uint32_t i = 0; i < 5; i++) {
        user_sends(&o, 10);
        TAKE(&o, ACK | PSH, .seq = 1 + 10 * i, .ack = 1, .len = 10);
    }
    set(&o, (struct sw_tcp_options){0});
    user_sends(&o, 10);
    nothing(&o);
    set(&o, (struct sw_tcp_options){.nodelay = true}); /* setting it lets go what waited */
    TAKE(&o, ACK | PSH, .seq = 51, .ack = 1, .len = 10);
    one_fini(&o);
}

static void test_cork(void **state)
{
    struct one o;

    (void)state;
    begin_established(&o);
    set(&o, (struct sw_tcp_options){.cork = true});
    user_sends(&o, 999);
    nothing(&o);
    user_sends(&o, 2);
    TAKE(&o, ACK, .seq = 1, .ack = 1, .len = 1000);
    nothing(&o);
    set(&o, (struct sw_tcp_options){0});
    /* Only full ones are out: Minshall's variant of Nagle's algorithm lets it go. */
    TAKE(&o, ACK | PSH, .seq = 1001, .ack = 1, .len = 1);
    one_fini(&o);
}

/* A corked rest goes by itself after a while (Linux: 200 ms). */
static void test_cork_timeout(void **state)
{
    struct one o;

    (void)state;
    begin_established(&o);
    set(&o, (struct sw_tcp_options){.cork = true});
    user_sends(&o, 10);
    QUIET_UNTIL(&o, o.tcp.main_ns);
    assert_in_range(o.env.now_ns, 100 * SEC + 199 * MS, 100 * SEC + 201 * MS);
    TAKE(&o, ACK | PSH, .seq = 1, .ack = 1, .len = 10);
    one_fini(&o);
}

static void test_more(void **state)
{
    struct one o;

    (void)state;
    begin_established(&o);
    put(&o, 10);
    sw_tcp_push(&o.tcp, true);
    nothing(&o);
    put(&o, 10);
    sw_tcp_push(&o.tcp, false);
    TAKE(&o, ACK | PSH, .seq = 1, .ack = 1, .len = 20);
    one_fini(&o);
}

/* The FIN goes with the last byte, and waits for no full segment. */
static void test_fin_with_data(void **state)
{
    struct one o;

    (void)state;
    begin_established(&o);
    user_sends_one(&o, 1, 1, 10);
    user_sends(&o, 1010);
    TAKE(&o, ACK, .seq = 11, .ack = 1, .len = 1000);
    sw_tcp_shutdown(&o.tcp);
    TAKE(&o, FIN | ACK | PSH, .seq = 1011, .ack = 1, .len = 10);
    nothing(&o);
    IN(&o, ACK, .seq = 1, .ack = 1022);
    assert_int_equal(one_state(&o), SW_TCP_FIN_WAIT_2);
    one_fini(&o);
}

/* The FIN needs room in the window like any byte. */
static void test_fin_window(void **state)
{
    struct one o;

    (void)state;
    begin_established(&o);
    IN(&o, ACK, .seq = 1, .ack = 1, .win = 500);
    user_sends_one(&o, 1, 1, 500);
    sw_tcp_shutdown(&o.tcp);
    nothing(&o);
    IN(&o, ACK, .seq = 1, .ack = 501, .win = 1);
    TAKE(&o, FIN | ACK, .seq = 501, .ack = 1);
    one_fini(&o);
}

/* Also when it would go with the last byte that fits. */
static void test_fin_beyond_window(void **state)
{
    struct one o;

    (void)state;
    begin_established(&o);
    IN(&o, ACK, .seq = 1, .ack = 1, .win = 500);
    put(&o, 500);
    sw_tcp_shutdown(&o.tcp);
    TAKE(&o, ACK | PSH, .seq = 1, .ack = 1, .len = 500);
    nothing(&o);
    IN(&o, ACK, .seq = 1, .ack = 501, .win = 500);
    TAKE(&o, FIN | ACK, .seq = 501, .ack = 1);
    one_fini(&o);
}

/* The congestion window is used in whole segments. */
static void test_cwnd_rest(void **state)
{
    struct one o;

    (void)state;
    begin_established(&o);
    o.tcp.snd.cwnd = 3700;
    user_sends(&o, 20000);
    for (uint32_t i = 0; i < 3; i++)
        TAKE(&o, ACK | ends_burst(i, 5), .seq = 1 + 1000 * i, .ack = 1, .len = 1000);
    nothing(&o);
    one_fini(&o);
}

/* IW10, and not a byte more; the last of the window is not cut into crumbs. */
static void test_initial_window(void **state)
{
    struct one o;

    (void)state;
    begin_established(&o);
    user_sends(&o, 12345);
    for (uint32_t i = 0; i < 10; i++)
        TAKE(&o, ACK | ends_burst(i, 5), .seq = 1 + 1000 * i, .ack = 1, .len = 1000);
    nothing(&o);
    IN(&o, ACK, .seq = 1, .ack = 1001); /* slow start: two for one */
    TAKE(&o, ACK, .seq = 10001, .ack = 1, .len = 1000);
    TAKE(&o, ACK | PSH, .seq = 11001, .ack = 1, .len = 1000);
    nothing(&o);
    IN(&o, ACK, .seq = 1, .ack = 2001);
    TAKE(&o, ACK | PSH, .seq = 12001, .ack = 1, .len = 345);
    nothing(&o);
    one_fini(&o);
}

/* Silly windows (RFC 9293 3.8.6.2.1): less than a segment goes only if it is half of the largest
 * window there ever was, or after the override timeout. */
static void test_silly_window(void **state)
{
    struct one o;

    (void)state;
    one_init(&o);
    one_connect_with(&o, (struct seg){.mss = 1000, .win = 1000});
    user_sends(&o, 3000);
    TAKE(&o, ACK, .seq = 1, .ack = 1, .len = 1000);
    IN(&o, ACK, .seq = 1, .ack = 1001, .win = 400);
    nothing(&o);
    IN(&o, ACK, .seq = 1, .ack = 1001, .win = 500);
    TAKE(&o, ACK, .seq = 1001, .ack = 1, .len = 500);
    nothing(&o);
    IN(&o, ACK, .seq = 1, .ack = 1501, .win = 300);
    QUIET_UNTIL(&o, o.tcp.main_ns);
    TAKE(&o, ACK, .seq = 1501, .ack = 1, .len = 300);
    one_fini(&o);
}

/* A segment older than the last window update does not move the window (SND.WL1). */
static void test_old_window(void **state)
{
    struct one o;

    (void)state;
    begin_established(&o);
    IN(&o, ACK, .seq = 1, .ack = 1, .len = 10, .win = 5000);
    IN(&o, ACK, .seq = 11, .ack = 1, .len = 10, .win = 4000);
    assert_int_equal(o.tcp.snd.wnd, 4000);
    IN(&o, ACK, .seq = 2, .ack = 1, .len = 10, .win = 1);
    assert_int_equal(o.tcp.snd.wnd, 4000);
    user_reads(&o, 20);
    while (true) {
        struct sw_packet *pkt = one_take_packet(&o);

        if (!pkt)
            break;
        sw_packet_free(pkt);
    }
    one_fini(&o);
}

/* Where the interface takes super-segments: whole numbers of MSS, but for what ends the queue. */
static void test_super_segments(void **state)
{
    struct one o;

    (void)state;
    one_init(&o);
    assert_int_equal(sw_ip_set_mtu(&o.ip, ETH, 1500, 65535), 0);
    one_connect(&o);
    user_sends(&o, 15300);
    TAKE(&o, ACK | PSH, .seq = 1, .ack = 1, .len = 5000, .gso = 1000); /* half of cwnd */
    TAKE(&o, ACK | PSH, .seq = 5001, .ack = 1, .len = 5000, .gso = 1000);
    nothing(&o);
    IN(&o, ACK, .seq = 1, .ack = 10001);
    TAKE(&o, ACK | PSH, .seq = 10001, .ack = 1, .len = 5300, .gso = 1000);
    IN(&o, ACK, .seq = 1, .ack = 15301);
    assert_int_equal(o.tcp.snd.cwnd, 20000);
    assert_int_equal(sw_ip_set_mtu(&o.ip, ETH, 1500, 3500), 0);
    user_sends(&o, 7000);
    TAKE(&o, ACK | PSH, .seq = 15301, .ack = 1, .len = 3000, .gso = 1000);
    TAKE(&o, ACK | PSH, .seq = 18301, .ack = 1, .len = 3000, .gso = 1000);
    TAKE(&o, ACK | PSH, .seq = 21301, .ack = 1, .len = 1000);
    one_fini(&o);
}

/* A sender that was not held back by cwnd does not grow it. */
static void test_cwnd_unused(void **state)
{
    struct one o;

    (void)state;
    begin_established(&o);
    for (uint32_t i = 0; i < 50; i++) {
        user_sends(&o, 1000);
        TAKE(&o, ACK | PSH, .seq = 1 + 1000 * i, .ack = 1, .len = 1000);
        IN(&o, ACK, .seq = 1, .ack = 1001 + 1000 * i);
    }
    assert_int_equal(o.tcp.snd.cwnd, 10000);
    one_fini(&o);
}

/* After an idle time a large window is not sent at once (RFC 5681 4.1). */
static void test_restart_after_idle(void **state)
{
    struct one o;
    struct sw_packet *pkt;
    uint32_t n = 0;

    (void)state;
    begin_established(&o);
    o.tcp.snd.cwnd = 40000;
    pass(&o, 2 * SEC);
    user_sends(&o, 40000);
    while ((pkt = one_take_packet(&o)) != NULL) {
        n++;
        sw_packet_free(pkt);
    }
    assert_int_equal(n, 10);
    assert_int_equal(o.tcp.snd.ssthresh, UINT32_MAX);
    one_fini(&o);
}

/* WRITABLE comes when a third of the buffer is free, once, to who waits for it. */
static void test_writable(void **state)
{
    struct one o;
    struct sw_packet *pkt;

    (void)state;
    begin_closed(&o);
    sw_tcp_set_buffers(&o.tcp, 9000, 0);
    assert_int_equal(sw_tcp_connect(&o.tcp), 0);
    TAKE(&o, SYN, .seq = 0);
    IN(&o, SYN | ACK, .ack = 1, .mss = 1000);
    TAKE(&o, ACK, .seq = 1, .ack = 1);
    assert_int_equal(sw_tcp_send_space(&o.tcp), 32000); /* half of the window, in whole segments */
    user_sends(&o, 32000);
    assert_int_equal(sw_tcp_send_space(&o.tcp), 10000); /* as much has left: filled again */
    user_sends(&o, 10000);
    assert_int_equal(sw_tcp_send_space(&o.tcp), 0);
    sw_tcp_await_space(&o.tcp);
    o.events = 0;
    IN(&o, ACK, .seq = 1, .ack = 10001);
    IN(&o, ACK, .seq = 1, .ack = 30001);
    assert_int_equal(sw_tcp_send_space(&o.tcp), 0);
    IN(&o, ACK, .seq = 1, .ack = 36001); /* 6,000 bytes, and the price of a buffer */
    assert_int_equal(sw_tcp_send_space(&o.tcp), 32000);
    assert_false(o.events & SW_TCPE_WRITABLE);
    IN(&o, ACK, .seq = 1, .ack = 37001);
    assert_true(o.events & SW_TCPE_WRITABLE);
    o.events = 0;
    IN(&o, ACK, .seq = 1, .ack = 38001);
    assert_false(o.events & SW_TCPE_WRITABLE);
    while ((pkt = one_take_packet(&o)) != NULL)
        sw_packet_free(pkt);
    one_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nagle),
        cmocka_unit_test(test_nodelay),
        cmocka_unit_test(test_cork),
        cmocka_unit_test(test_cork_timeout),
        cmocka_unit_test(test_more),
        cmocka_unit_test(test_fin_with_data),
        cmocka_unit_test(test_fin_window),
        cmocka_unit_test(test_fin_beyond_window),
        cmocka_unit_test(test_cwnd_rest),
        cmocka_unit_test(test_initial_window),
        cmocka_unit_test(test_silly_window),
        cmocka_unit_test(test_old_window),
        cmocka_unit_test(test_super_segments),
        cmocka_unit_test(test_cwnd_unused),
        cmocka_unit_test(test_restart_after_idle),
        cmocka_unit_test(test_writable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
