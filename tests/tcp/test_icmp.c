/* SPDX-License-Identifier: BSD-2-Clause */
/* ICMP errors: RFC 5927, RFC 5461, path MTU discovery. */
#include "tcp/one.h"

static void tell(struct one *o, uint32_t seq, int err, bool hard, uint32_t mtu)
{
    struct sw_icmp_error error = {.err = err, .hard = hard, .mtu = mtu};

    error.quote.seq = sw_seq_of(o->our_isn + seq);
    error.quote.has_seq = error.quote.has_ports = true;
    sw_tcp_icmp(&o->tcp, &error, false);
    one_check(o);
}

static void test_attempt(void **state)
{
    struct one o;

    (void)state;
    begin_syn_sent(&o);
    tell(&o, 1, ECONNREFUSED, true, 0); /* quotes what was not sent */
    assert_int_equal(one_state(&o), SW_TCP_SYN_SENT);
    tell(&o, 0, EHOSTUNREACH, false, 0); /* soft: remembered */
    assert_int_equal(one_state(&o), SW_TCP_SYN_SENT);
    tell(&o, 0, ECONNREFUSED, true, 0);
    assert_int_equal(one_state(&o), SW_TCP_CLOSED);
    assert_int_equal(sw_tcp_take_error(&o.tcp), ECONNREFUSED);
    one_fini(&o);
}

static void test_soft_error_at_timeout(void **state)
{
    struct one o;

    (void)state;
    begin_established(&o);
    user_sends_one(&o, 1, 1, 10);
    tell(&o, 1, EHOSTUNREACH, true, 0); /* nothing kills an established connection */
    assert_int_equal(one_state(&o), SW_TCP_ESTABLISHED);
    tell(&o, 11, EHOSTUNREACH, false, 0); /* beyond what is out: counted, ignored */
    tell(&o, 0, EHOSTUNREACH, false, 0);
    assert_int_equal(o.env.drops[SW_DROP_ICMP_QUOTE], 2);
    while (one_state(&o) != SW_TCP_CLOSED) {
        until(&o, o.tcp.main_ns + MS);
        struct sw_packet *pkt = one_take_packet(&o);
        if (pkt)
            sw_packet_free(pkt);
    }
    assert_int_equal(sw_tcp_take_error(&o.tcp), EHOSTUNREACH);
    one_fini(&o);
}

/* "Too big": smaller segments from now on, what is out again at once, and no congestion. */
static void test_too_big(void **state)
{
    struct one o;

    (void)state;
    one_init(&o);
    one_connect_with(&o, (struct seg){.mss = 1460});
    user_sends(&o, 2920);
    TAKE(&o, ACK, .seq = 1, .ack = 1, .len = 1460);
    TAKE(&o, ACK | PSH, .seq = 1461, .ack = 1, .len = 1460);
    tell(&o, 5000, 0, false, 1000);
    nothing(&o);
    tell(&o, 1, 0, false, 1000);
    assert_int_equal(sw_tcp_mss(&o.tcp), 960);
    for (uint32_t at = 1; at < 2881; at += 960)
        TAKE(&o, ACK, .seq = at, .ack = 1, .len = 960);
    TAKE(&o, ACK | PSH, .seq = 2881, .ack = 1, .len = 40);
    assert_int_equal(o.tcp.snd.cwnd, 14600);
    tell(&o, 1, 0, false, 5); /* believed to be Linux's minimum */
    assert_int_equal(sw_tcp_mss(&o.tcp), 552 - 40);
    struct sw_packet *pkt;
    while ((pkt = one_take_packet(&o)) != NULL)
        sw_packet_free(pkt);
    tell(&o, 1, 0, false, 9000); /* and never raises it */
    assert_int_equal(sw_tcp_mss(&o.tcp), 552 - 40);
    one_fini(&o);
}

/* What another connection to that host was told is known here too, and announced to nobody. What
 * was out when it was told is repeated when its own message comes, once, although the MSS is small
 * already. */
static void test_shared(void **state)
{
    struct one o;
    struct sw_icmp_error error = {.err = EMSGSIZE, .mtu = 1000};

    (void)state;
    one_init(&o);
    one_connect_with(&o, (struct seg){.mss = 1460});
    user_sends(&o, 1460);
    TAKE(&o, ACK | PSH, .seq = 1, .ack = 1, .len = 1460);
    sw_ip_pmtu_learn(&o.ip, &o.tcp.remote.ip, 1000);
    user_sends(&o, 960);
    TAKE(&o, ACK | PSH, .seq = 1461, .ack = 1, .len = 960);
    assert_int_equal(sw_tcp_mss(&o.tcp), 960);
    assert_int_equal(sw_tcp_announced_mss(&o.tcp), 960); /* as Linux */
    error.quote.seq = sw_seq_of(o.our_isn + 1);
    error.quote.has_seq = error.quote.has_ports = true;
    error.quote.ip.hdr_len = 20;
    error.quote.ip.payload_len = 1480;
    for (int i = 0; i < 2; i++) {
        sw_tcp_icmp(&o.tcp, &error, false);
        one_check(&o);
        if (i == 0) {
            TAKE(&o, ACK, .seq = 1, .ack = 1, .len = 960);
            TAKE(&o, ACK | PSH, .seq = 961, .ack = 1, .len = 500);
        }
        nothing(&o);
    }
    error.quote.seq = sw_seq_of(o.our_isn + 1461); /* that one fitted */
    error.quote.ip.payload_len = 980;
    sw_tcp_icmp(&o.tcp, &error, false);
    nothing(&o);
    one_fini(&o);
}

/* A path that carries less than the minimum for which DF is set. */
static void test_locked(void **state)
{
    struct one o;
    uint8_t hdr[20];

    (void)state;
    one_init(&o);
    one_connect_with(&o, (struct seg){.mss = 1460});
    user_sends(&o, 1000);
    TAKE(&o, ACK | PSH, .seq = 1, .ack = 1, .len = 1000);
    tell(&o, 1, EMSGSIZE, false, 100);
    struct sw_packet *pkt = one_take_packet(&o);
    assert_int_equal(sw_packet_copy(pkt, 0, hdr, sizeof(hdr)), sizeof(hdr));
    assert_int_equal(hdr[6] & 0x40, 0);
    sw_packet_free(pkt);
    while ((pkt = one_take_packet(&o)) != NULL)
        sw_packet_free(pkt);
    one_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attempt), cmocka_unit_test(test_soft_error_at_timeout),
        cmocka_unit_test(test_too_big), cmocka_unit_test(test_shared),
        cmocka_unit_test(test_locked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
