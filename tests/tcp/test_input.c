/* SPDX-License-Identifier: BSD-2-Clause */
/* State by state, what each kind of segment does: RFC 9293 3.10.7.4 with RFC 5961. */
#include "tcp/one.h"

/* Brings a fresh block into a state by the peer's and the user's doings. The peer has said 1..10
 * and, in the states after its FIN, that too; we have said nothing, and our FIN in the states after
 * it. */
static void bring(struct one *o, enum sw_tcp_state state)
{
    one_init(o);
    one_connect(o);
    o->tcp.limit_ms = 0;
    IN(o, ACK, .seq = 1, .ack = 1, .len = 10);
    user_reads(o, 10);
    pass(o, 50 * MS);
    TAKE(o, ACK, .seq = 1, .ack = 11);
    switch (state) {
    case SW_TCP_FIN_WAIT_1:
    case SW_TCP_FIN_WAIT_2:
    case SW_TCP_CLOSING:
    case SW_TCP_TIME_WAIT:
        sw_tcp_shutdown(&o->tcp);
        TAKE(o, FIN | ACK, .seq = 1, .ack = 11);
        if (state == SW_TCP_FIN_WAIT_2)
            IN(o, ACK, .seq = 11, .ack = 2);
        if (state == SW_TCP_CLOSING) {
            IN(o, FIN | ACK, .seq = 11, .ack = 1);
            TAKE(o, ACK, .seq = 2, .ack = 12);
        }
        if (state == SW_TCP_TIME_WAIT) {
            IN(o, FIN | ACK, .seq = 11, .ack = 2);
            TAKE(o, ACK, .seq = 2, .ack = 12);
        }
        break;
    case SW_TCP_CLOSE_WAIT:
    case SW_TCP_LAST_ACK:
        IN(o, FIN | ACK, .seq = 11, .ack = 1);
        pass(o, o->layer.config.delack_ns);
        TAKE(o, ACK, .seq = 1, .ack = 12);
        if (state == SW_TCP_LAST_ACK) {
            sw_tcp_shutdown(&o->tcp);
            TAKE(o, FIN | ACK, .seq = 1, .ack = 12);
        }
        break;
    default:
        break;
    }
    assert_int_equal(one_state(o), state);
    nothing(o);
}

static const enum sw_tcp_state synchronized[] = {
    SW_TCP_ESTABLISHED, SW_TCP_FIN_WAIT_1, SW_TCP_FIN_WAIT_2, SW_TCP_CLOSING,
    SW_TCP_TIME_WAIT,   SW_TCP_CLOSE_WAIT, SW_TCP_LAST_ACK,
};
#define EACH_STATE(s)                                                                              \
    for (size_t i_ = 0; i_ < sizeof(synchronized) / sizeof(synchronized[0]); i_++)                 \
        for (enum sw_tcp_state s = synchronized[i_], once_ = (enum sw_tcp_state)1; once_;          \
             once_ = (enum sw_tcp_state)0)

static bool peer_done(enum sw_tcp_state s)
{
    return s == SW_TCP_CLOSING || s == SW_TCP_TIME_WAIT || s == SW_TCP_CLOSE_WAIT ||
           s == SW_TCP_LAST_ACK;
}

static uint32_t rcv_nxt(enum sw_tcp_state s)
{
    return peer_done(s) ? 12 : 11;
}

static uint32_t snd_nxt(enum sw_tcp_state s)
{
    return s == SW_TCP_ESTABLISHED || s == SW_TCP_CLOSE_WAIT ? 1 : 2;
}

/* An exact reset ends every state but TIME_WAIT (RFC 1337), with the error Linux gives. */
static void test_rst_exact(void **state)
{
    struct one o;

    (void)state;
    EACH_STATE(s)
    {
        int err = 0;

        if (s == SW_TCP_CLOSE_WAIT)
            err = EPIPE;
        else if (s != SW_TCP_TIME_WAIT)
            err = ECONNRESET;
        bring(&o, s);
        IN(&o, RST, .seq = rcv_nxt(s));
        nothing(&o);
        assert_int_equal(one_state(&o), s == SW_TCP_TIME_WAIT ? SW_TCP_TIME_WAIT : SW_TCP_CLOSED);
        assert_int_equal(sw_tcp_take_error(&o.tcp), err);
        one_fini(&o);
    }
}

/* In the window but not exact: challenged; outside: not a word. */
static void test_rst_blind(void **state)
{
    struct one o;

    (void)state;
    EACH_STATE(s)
    {
        bring(&o, s);
        IN(&o, RST, .seq = rcv_nxt(s) + 1);
        if (s != SW_TCP_TIME_WAIT)
            TAKE(&o, ACK, .seq = snd_nxt(s), .ack = rcv_nxt(s));
        IN(&o, RST, .seq = rcv_nxt(s) - 2);
        IN(&o, RST, .seq = rcv_nxt(s) + 100000);
        nothing(&o);
        assert_int_equal(one_state(&o), s);
        one_fini(&o);
    }
}

/* One with the number of the peer's FIN ends what waits only for us; as Linux. */
static void test_rst_of_fin(void **state)
{
    struct one o;

    (void)state;
    EACH_STATE(s)
    {
        bool ends = s == SW_TCP_CLOSE_WAIT || s == SW_TCP_CLOSING || s == SW_TCP_LAST_ACK;

        bring(&o, s);
        IN(&o, RST, .seq = rcv_nxt(s) - 1);
        nothing(&o);
        assert_int_equal(one_state(&o), ends ? SW_TCP_CLOSED : s);
        one_fini(&o);
    }
}

/* A SYN, wherever it lies, with or without ACK, does not touch a connection (RFC 5961 4). */
static void test_syn(void **state)
{
    static const uint32_t offs[] = {0, 1, 1000, 100000, UINT32_MAX, UINT32_MAX - 11};
    struct one o;

    (void)state;
    EACH_STATE(s)
    {
        for (size_t i = 0; i < sizeof(offs) / sizeof(offs[0]); i++)
            for (int with_ack = 0; with_ack < 2; with_ack++) {
                bring(&o, s);
                IN(&o, (uint16_t)(SYN | (with_ack ? ACK : 0)), .seq = rcv_nxt(s) + offs[i],
                   .ack = 1);
                TAKE(&o, ACK, .seq = snd_nxt(s), .ack = rcv_nxt(s));
                nothing(&o);
                assert_int_equal(one_state(&o), s);
                one_fini(&o);
            }
    }
}

/* Nothing without an ACK, and no ACK of what was not sent or is ancient (RFC 5961 5). */
static void test_bad_ack(void **state)
{
    struct one o;

    (void)state;
    EACH_STATE(s)
    {
        bring(&o, s);
        IN(&o, 0, .seq = rcv_nxt(s), .len = 5);
        nothing(&o);
        IN(&o, ACK, .seq = rcv_nxt(s), .ack = snd_nxt(s) + 1, .len = 5);
        TAKE(&o, ACK, .seq = snd_nxt(s), .ack = rcv_nxt(s));
        one_fini(&o);
        bring(&o, s);
        IN(&o, ACK, .seq = rcv_nxt(s), .ack = 1 - 70000U, .len = 5);
        TAKE(&o, ACK, .seq = snd_nxt(s), .ack = rcv_nxt(s));
        nothing(&o);
        assert_int_equal(one_state(&o), s);
        assert_int_equal(sw_tcp_recv_queue(&o.tcp)->len, 0);
        one_fini(&o);
    }
}

/* Data in order is taken before the peer's FIN, and ignored after it. */
static void test_data(void **state)
{
    struct one o;

    (void)state;
    EACH_STATE(s)
    {
        bring(&o, s);
        IN(&o, ACK, .seq = rcv_nxt(s), .ack = 1, .len = 5);
        if (peer_done(s)) {
            if (s == SW_TCP_TIME_WAIT)
                TAKE(&o, ACK, .seq = snd_nxt(s), .ack = rcv_nxt(s));
            nothing(&o);
            IN(&o, ACK, .seq = rcv_nxt(s) - 1, .ack = 1,
               .len = 5); /* begins with the FIN's place */
            TAKE(&o, ACK, .seq = snd_nxt(s), .ack = rcv_nxt(s));
            assert_int_equal(sw_tcp_recv_queue(&o.tcp)->len, 0);
        } else {
            assert_int_equal(sw_tcp_recv_queue(&o.tcp)->len, 5);
            user_reads(&o, 5);
            TAKE(&o, ACK, .seq = snd_nxt(s), .ack = rcv_nxt(s) + 5);
        }
        nothing(&o);
        one_fini(&o);
    }
}

/* Old data is acknowledged again, whatever the limit on challenges says; data partly old is
 * trimmed, and data beyond the window refused. */
static void test_data_outside(void **state)
{
    struct one o;

    (void)state;
    bring(&o, SW_TCP_ESTABLISHED);
    for (int i = 0; i < 3; i++) {
        IN(&o, ACK, .seq = 1, .ack = 1, .len = 10);
        TAKE(&o, ACK, .seq = 1, .ack = 11);
    }
    IN(&o, ACK, .seq = 6, .ack = 1, .len = 10);
    TAKE(&o, ACK, .seq = 1, .ack = 16);
    user_reads(&o, 5);
    IN(&o, ACK, .seq = 16 + 70000, .ack = 1, .len = 10);
    TAKE(&o, ACK, .seq = 1, .ack = 16);
    assert_int_equal(sw_tcp_recv_queue(&o.tcp)->len, 0);
    assert_int_equal(o.env.drops[SW_DROP_TCP_SEQ], 4);
    one_fini(&o);
}

/* The FIN in every state, and again. */
static void test_fin(void **state)
{
    struct one o;

    (void)state;
    EACH_STATE(s)
    {
        enum sw_tcp_state then = s;

        bring(&o, s);
        IN(&o, FIN | ACK, .seq = 11, .ack = 1);
        if (s == SW_TCP_ESTABLISHED) /* our own may follow at once */
            pass(&o, o.layer.config.delack_ns);
        TAKE(&o, ACK, .seq = snd_nxt(s), .ack = 12);
        if (s == SW_TCP_ESTABLISHED)
            then = SW_TCP_CLOSE_WAIT;
        else if (s == SW_TCP_FIN_WAIT_1)
            then = SW_TCP_CLOSING;
        else if (s == SW_TCP_FIN_WAIT_2)
            then = SW_TCP_TIME_WAIT;
        assert_int_equal(one_state(&o), then);
        IN(&o, FIN | ACK, .seq = 11, .ack = 1);
        TAKE(&o, ACK, .seq = snd_nxt(s), .ack = 12);
        assert_int_equal(one_state(&o), then);
        nothing(&o);
        one_fini(&o);
    }
}

/* A FIN before its turn waits for the data in front of it. */
static void test_fin_early(void **state)
{
    struct one o;

    (void)state;
    bring(&o, SW_TCP_ESTABLISHED);
    IN(&o, FIN | ACK, .seq = 21, .ack = 1, .len = 5);
    TAKE(&o, ACK, .seq = 1, .ack = 11);
    assert_int_equal(one_state(&o), SW_TCP_ESTABLISHED);
    assert_false(sw_tcp_recv_eof(&o.tcp));
    IN(&o, ACK, .seq = 11, .ack = 1, .len = 10);
    TAKE(&o, ACK, .seq = 1, .ack = 27);
    assert_int_equal(one_state(&o), SW_TCP_CLOSE_WAIT);
    assert_false(sw_tcp_recv_eof(&o.tcp));
    user_reads(&o, 15);
    assert_true(sw_tcp_recv_eof(&o.tcp));
    one_fini(&o);
}

/* Our FIN acknowledged. */
static void test_fin_acked(void **state)
{
    struct one o;

    (void)state;
    bring(&o, SW_TCP_FIN_WAIT_1);
    IN(&o, ACK, .seq = 11, .ack = 2);
    assert_int_equal(one_state(&o), SW_TCP_FIN_WAIT_2);
    one_fini(&o);
    bring(&o, SW_TCP_CLOSING);
    IN(&o, ACK, .seq = 12, .ack = 2);
    assert_int_equal(one_state(&o), SW_TCP_TIME_WAIT);
    pass(&o, 60 * SEC + MS);
    assert_int_equal(one_state(&o), SW_TCP_CLOSED);
    one_fini(&o);
    bring(&o, SW_TCP_LAST_ACK);
    IN(&o, ACK, .seq = 12, .ack = 2);
    assert_int_equal(one_state(&o), SW_TCP_CLOSED);
    assert_int_equal(sw_tcp_take_error(&o.tcp), 0);
    one_fini(&o);
}

/* FIN_WAIT_1 with the ACK of our FIN, data and FIN all in one. */
static void test_everything_at_once(void **state)
{
    struct one o;

    (void)state;
    bring(&o, SW_TCP_FIN_WAIT_1);
    IN(&o, FIN | ACK | PSH, .seq = 11, .ack = 2, .len = 7);
    TAKE(&o, ACK, .seq = 2, .ack = 19);
    assert_int_equal(one_state(&o), SW_TCP_TIME_WAIT);
    user_reads(&o, 7);
    assert_true(sw_tcp_recv_eof(&o.tcp));
    one_fini(&o);
}

/* Nobody reads any more: data is answered with a reset, in each state where it could be (RFC
 * 2525 2.17). */
static void test_after_close(void **state)
{
    struct one o;

    (void)state;
    bring(&o, SW_TCP_ESTABLISHED);
    sw_tcp_close(&o.tcp);
    TAKE(&o, FIN | ACK, .seq = 1, .ack = 11);
    IN(&o, ACK, .seq = 11, .ack = 2);
    IN(&o, ACK, .seq = 11, .ack = 2, .len = 5);
    TAKE(&o, RST, .seq = 2);
    assert_int_equal(one_state(&o), SW_TCP_CLOSED);
    one_fini(&o);
}

/* close() with data unread resets at once. */
static void test_close_unread(void **state)
{
    struct one o;

    (void)state;
    bring(&o, SW_TCP_ESTABLISHED);
    IN(&o, ACK, .seq = 11, .ack = 1, .len = 5);
    sw_tcp_close(&o.tcp);
    TAKE(&o, RST | ACK, .seq = 1, .ack = 16);
    assert_int_equal(one_state(&o), SW_TCP_CLOSED);
    one_fini(&o);
}

/* abort() resets where there is something to reset (RFC 9293 3.10.5). */
static void test_abort(void **state)
{
    struct one o;

    (void)state;
    EACH_STATE(s)
    {
        bring(&o, s);
        sw_tcp_abort(&o.tcp, ECONNABORTED);
        if (s != SW_TCP_CLOSING && s != SW_TCP_LAST_ACK && s != SW_TCP_TIME_WAIT)
            TAKE(&o, RST | ACK, .seq = snd_nxt(s), .ack = rcv_nxt(s));
        nothing(&o);
        assert_int_equal(one_state(&o), SW_TCP_CLOSED);
        assert_int_equal(sw_tcp_take_error(&o.tcp), ECONNABORTED);
        one_fini(&o);
    }
}

/* Bug class 11: many reasons for a challenge, one ACK per half second; none is owed for ever. */
static void test_challenge_limit(void **state)
{
    struct one o;

    (void)state;
    bring(&o, SW_TCP_ESTABLISHED);
    for (int round = 0; round < 3; round++) {
        IN(&o, RST, .seq = 12);
        TAKE(&o, ACK, .seq = 1, .ack = 11);
        for (int i = 0; i < 1000; i++) {
            IN(&o, RST, .seq = 12);
            IN(&o, SYN, .seq = 11);
            IN(&o, ACK, .seq = 11, .ack = 99);
        }
        nothing(&o);
        pass(&o, 500 * MS);
        nothing(&o);
    }
    one_fini(&o);
}

/* Bug class 12: two ends that disagree do not answer each other for ever: a bare ACK outside the
 * window is answered at most twice a second. */
static void test_ack_loop(void **state)
{
    struct one o;

    (void)state;
    bring(&o, SW_TCP_ESTABLISHED);
    IN(&o, ACK, .seq = 11 + 100000, .ack = 1);
    TAKE(&o, ACK, .seq = 1, .ack = 11);
    for (int i = 0; i < 100; i++)
        IN(&o, ACK, .seq = 11 + 100000, .ack = 1);
    nothing(&o);
    one_fini(&o);
}

/* The window is closed: an ACK and a reset still count, the data does not. */
static void test_closed_window(void **state)
{
    struct one o;

    (void)state;
    bring(&o, SW_TCP_ESTABLISHED);
    user_sends_one(&o, 1, 11, 100);
    o.tcp.rcv.wnd = 0;
    o.tcp.rcv.target = 0;
    IN(&o, ACK, .seq = 11, .ack = 101, .len = 1);
    assert_int_equal(o.tcp.snd.una.v, o.tcp.snd.nxt.v);
    TAKE(&o, ACK, .seq = 101, .ack = 11, .win = NO_WINDOW);
    IN(&o, RST, .seq = 11);
    assert_int_equal(one_state(&o), SW_TCP_CLOSED);
    one_fini(&o);
}

static void test_closed(void **state)
{
    struct one o;

    (void)state;
    begin_closed(&o);
    IN(&o, ACK, .seq = 5, .ack = 9, .len = 3);
    TAKE(&o, RST, .seq = 9);
    IN(&o, FIN, .seq = 5, .len = 3);
    TAKE(&o, RST | ACK, .seq = 0U - OUR_ISN, .ack = 9);
    IN(&o, RST, .seq = 5);
    one_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rst_exact),
        cmocka_unit_test(test_rst_blind),
        cmocka_unit_test(test_rst_of_fin),
        cmocka_unit_test(test_syn),
        cmocka_unit_test(test_bad_ack),
        cmocka_unit_test(test_data),
        cmocka_unit_test(test_data_outside),
        cmocka_unit_test(test_fin),
        cmocka_unit_test(test_fin_early),
        cmocka_unit_test(test_fin_acked),
        cmocka_unit_test(test_everything_at_once),
        cmocka_unit_test(test_after_close),
        cmocka_unit_test(test_close_unread),
        cmocka_unit_test(test_abort),
        cmocka_unit_test(test_challenge_limit),
        cmocka_unit_test(test_ack_loop),
        cmocka_unit_test(test_closed_window),
        cmocka_unit_test(test_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
