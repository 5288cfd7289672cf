/* SPDX-License-Identifier: BSD-2-Clause */
/* The urgent pointer, as sent and as believed. */
#include "one.h"
#include "tcp/urgent.h"

static void established(struct one *o)
{
    one_init(o);
    one_connect(o);
}

static int oob(struct one *o, bool peek)
{
    uint8_t byte;
    int r = sw_tcp_recv_urgent(&o->tcp, peek, &byte);
    return r < 0 ? r : byte;
}

/* The user passes over the urgent byte. */
static void skip_byte(struct one *o)
{
    assert_int_equal(sw_tcp_recv_skip(&o->tcp), 1);
    sw_stream_drop(sw_tcp_recv_queue(&o->tcp), o->env.mem, 1);
    sw_tcp_consumed(&o->tcp, 1);
    o->read_bytes++;
}

static void user_sends_urgent(struct one *o, uint32_t len)
{
    put(o, len);
    assert_int_equal(sw_tcp_mark_urgent(&o->tcp), 0);
    sw_tcp_push(&o->tcp, false);
    one_check(o);
}

/* The pointer names the byte behind; it is told until acknowledged, and not after. */
static void test_send(void **state)
{
    struct one o;

    (void)state;
    established(&o);
    user_sends_urgent(&o, 3);
    TAKE(&o, ACK | PSH | URG, .seq = 1, .ack = 1, .len = 3, .urg = 3);
    user_sends_one(&o, 4, 1, 2);
    IN(&o, ACK, .seq = 1, .ack = 6);
    assert_false(sw_urgent_sending(&o.tcp));
    user_sends_one(&o, 6, 1, 1);
    assert_null(o.tcp.urgent);
    one_fini(&o);
}

/* Lost with its pointer, sent again with it. */
static void test_send_again(void **state)
{
    struct one o;

    (void)state;
    established(&o);
    user_sends_urgent(&o, 1);
    TAKE(&o, ACK | PSH | URG, .seq = 1, .ack = 1, .len = 1, .urg = 1);
    pass(&o, 300 * MS);
    TAKE(&o, ACK | PSH | URG, .seq = 1, .ack = 1, .len = 1, .urg = 1);
    IN(&o, ACK, .seq = 1, .ack = 2);
    one_fini(&o);
}

/* Neither Nagle nor a cork holds it back. */
static void test_send_at_once(void **state)
{
    struct one o;

    (void)state;
    established(&o);
    user_sends_one(&o, 1, 1, 1);
    user_sends(&o, 1);
    nothing(&o);
    user_sends_urgent(&o, 1);
    TAKE(&o, ACK | PSH | URG, .seq = 2, .ack = 1, .len = 2, .urg = 2);
    IN(&o, ACK, .seq = 1, .ack = 4);
    one_fini(&o);
}

/* The pointer has 16 bits: what lies further ahead is told of as far as that goes. Segments are not
 * joined to super-segments meanwhile. */
static void test_send_far_ahead(void **state)
{
    struct one o;

    (void)state;
    established(&o);
    o.tcp.snd.gso_max = 60000;
    user_sends_urgent(&o, 70000);
    for (uint32_t i = 0; i < 10; i++) {
        uint32_t ahead = 70000 - i * 1000;
        TAKE(&o, ACK | URG, .seq = 1 + i * 1000, .ack = 1, .len = 1000,
             .urg = (uint16_t)(ahead > 65535 ? 65535 : ahead));
    }
    nothing(&o);
    sw_tcp_abort(&o.tcp, 0);
    TAKE(&o, RST | ACK, .seq = 10001, .ack = 1);
    one_fini(&o);
}

/* It passes through a closed window: the persist timer's probes tell of it (RFC 9293 3.8.6.1). */
static void test_send_closed_window(void **state)
{
    struct one o;

    (void)state;
    established(&o);
    IN(&o, ACK, .seq = 1, .ack = 1, .win = NO_WINDOW);
    user_sends_urgent(&o, 1);
    nothing(&o);
    pass(&o, 300 * MS);
    TAKE(&o, ACK | URG, .seq = 1, .ack = 1, .urg = 1);
    TAKE(&o, ACK | URG, .seq = 0, .ack = 1, .urg = 2);
    IN(&o, ACK, .seq = 1, .ack = 1);
    TAKE(&o, ACK | PSH | URG, .seq = 1, .ack = 1, .len = 1, .urg = 1);
    IN(&o, ACK, .seq = 1, .ack = 2);
    one_fini(&o);
}

static void test_receive(void **state)
{
    struct one o;

    (void)state;
    established(&o);
    assert_int_equal(oob(&o, false), -EINVAL);
    o.events = 0;
    IN(&o, ACK | URG, .seq = 1, .ack = 1, .len = 5, .urg = 3);
    assert_true(o.events & SW_TCPE_READABLE);
    assert_true(sw_tcp_urgent_here(&o.tcp));
    assert_int_equal(oob(&o, true), pattern(2));
    assert_int_equal(oob(&o, false), pattern(2));
    assert_int_equal(oob(&o, false), -EINVAL);
    assert_false(sw_tcp_urgent_here(&o.tcp));
    assert_false(sw_tcp_at_mark(&o.tcp));
    assert_int_equal(sw_tcp_recv_limit(&o.tcp), 2);
    user_reads(&o, 2);
    assert_true(sw_tcp_at_mark(&o.tcp));
    skip_byte(&o);
    assert_false(sw_tcp_at_mark(&o.tcp));
    assert_null(o.tcp.urgent);
    assert_int_equal(sw_tcp_recv_limit(&o.tcp), 2);
    user_reads(&o, 2);
    pass(&o, 50 * MS);
    TAKE(&o, ACK, .seq = 1, .ack = 6);
    one_fini(&o);
}

static void test_inline(void **state)
{
    struct one o;

    (void)state;
    established(&o);
    sw_tcp_set_options(&o.tcp, &(struct sw_tcp_options){.oobinline = true});
    IN(&o, ACK | URG, .seq = 1, .ack = 1, .len = 5, .urg = 3);
    assert_true(sw_tcp_urgent_here(&o.tcp));
    assert_int_equal(oob(&o, false), -EINVAL);
    assert_int_equal(sw_tcp_recv_limit(&o.tcp), 2);
    user_reads(&o, 2);
    assert_true(sw_tcp_at_mark(&o.tcp));
    assert_int_equal(sw_tcp_recv_skip(&o.tcp), 0);
    assert_int_equal(sw_tcp_recv_limit(&o.tcp), 3);
    user_reads(&o, 1);
    assert_false(sw_tcp_urgent_here(&o.tcp));
    user_reads(&o, 2);
    pass(&o, 50 * MS);
    TAKE(&o, ACK, .seq = 1, .ack = 6);
    one_fini(&o);
}

/* Bug class 13: the pointer lies beyond the segment, beyond the window, beyond the stream's end: no
 * byte is looked for where there is none. */
static void test_pointer_beyond_segment(void **state)
{
    struct one o;

    (void)state;
    established(&o);
    IN(&o, ACK | URG, .seq = 1, .ack = 1, .len = 2, .urg = 3);
    assert_int_equal(oob(&o, false), -EAGAIN);
    assert_false(sw_tcp_urgent_here(&o.tcp));
    IN(&o, ACK, .seq = 3, .ack = 1, .len = 1); /* the byte, without a word of it */
    assert_int_equal(oob(&o, false), pattern(2));
    IN(&o, ACK | URG, .seq = 4, .ack = 1, .len = 1, .urg = 65535);
    assert_int_equal(oob(&o, false), -EAGAIN);
    assert_int_equal(sw_tcp_recv_limit(&o.tcp), 4);
    IN(&o, ACK | URG, .seq = 5, .ack = 1, .urg = 65535); /* and without any data */
    assert_int_equal(oob(&o, false), -EAGAIN);
    user_reads(&o, 4);
    TAKE(&o, ACK, .seq = 1, .ack = 5);
    IN(&o, FIN | ACK, .seq = 5, .ack = 1);
    assert_int_equal(oob(&o, false), -EAGAIN);
    pass(&o, o.layer.config.delack_ns);
    TAKE(&o, ACK, .seq = 1, .ack = 6);
    one_fini(&o);
}

/* Bug class 13: over the end of the sequence space, segment, pointer and mark each on its side. */
static void test_pointer_across_wrap(void **state)
{
    static const uint32_t to_wrap[] = {0, 1, 2, 3, 4, 5, 6, 7};

    (void)state;
    for (size_t i = 0; i < sizeof(to_wrap) / sizeof(to_wrap[0]); i++) {
        struct one o;

        one_init(&o);
        o.peer_isn = 0U - 1 - to_wrap[i];
        o.our_isn = 0U - 1 - to_wrap[i];
        one_connect(&o);
        IN(&o, ACK | URG, .seq = 1, .ack = 1, .len = 3, .urg = 6);
        assert_int_equal(oob(&o, true), -EAGAIN);
        user_reads(&o, 2);
        IN(&o, ACK | URG, .seq = 4, .ack = 1, .len = 4, .urg = 3);
        assert_int_equal(oob(&o, true), pattern(5));
        assert_int_equal(sw_tcp_recv_limit(&o.tcp), 3);
        user_reads(&o, 3);
        assert_true(sw_tcp_at_mark(&o.tcp));
        skip_byte(&o);
        user_reads(&o, 1);
        TAKE(&o, ACK, .seq = 1, .ack = 8);
        assert_null(o.tcp.urgent);
        user_sends_urgent(&o, 5);
        TAKE(&o, ACK | PSH | URG, .seq = 1, .ack = 8, .len = 5, .urg = 5);
        IN(&o, ACK, .seq = 8, .ack = 6);
        user_sends_one(&o, 6, 8, 1);
        one_fini(&o);
    }
}

/* Bug class 13: stale pointers. To what was received, to what was read, to before the urgent byte
 * known of, and those of segments sent again, change nothing. */
static void test_pointer_stale(void **state)
{
    struct one o;

    (void)state;
    established(&o);
    IN(&o, ACK | URG, .seq = 1, .ack = 1, .len = 4, .urg = 4);
    assert_int_equal(oob(&o, false), pattern(3));
    IN(&o, ACK | URG, .seq = 1, .ack = 1, .len = 4, .urg = 4);
    TAKE(&o, ACK, .seq = 1, .ack = 5);
    assert_int_equal(oob(&o, false), -EINVAL); /* not once more */
    IN(&o, ACK | URG, .seq = 5, .ack = 1, .urg = 0);
    assert_int_equal(oob(&o, false), -EAGAIN); /* a pointer of zero is the segment's first byte */
    IN(&o, ACK | URG, .seq = 5, .ack = 1, .len = 4, .urg = 3);
    assert_int_equal(oob(&o, true), pattern(6)); /* a later one takes its place */
    IN(&o, ACK | URG, .seq = 5, .ack = 1, .len = 6, .urg = 1);
    TAKE(&o, ACK, .seq = 1, .ack = 11);
    assert_int_equal(oob(&o, true), pattern(6));
    IN(&o, ACK | URG, .seq = 9, .ack = 1, .len = 2, .urg = 2);
    TAKE(&o, ACK, .seq = 1, .ack = 11);
    assert_int_equal(oob(&o, true), pattern(6));
    user_reads(&o, 6);
    IN(&o, ACK | URG, .seq = 11, .ack = 1, .len = 2, .urg = 2);
    assert_int_equal(oob(&o, true), pattern(11));
    /* The one before stood in the way, unread: it is gone. */
    assert_int_equal(sw_tcp_recv_queue(&o.tcp)->len, 5);
    one_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_send),
        cmocka_unit_test(test_send_again),
        cmocka_unit_test(test_send_at_once),
        cmocka_unit_test(test_send_far_ahead),
        cmocka_unit_test(test_send_closed_window),
        cmocka_unit_test(test_receive),
        cmocka_unit_test(test_inline),
        cmocka_unit_test(test_pointer_beyond_segment),
        cmocka_unit_test(test_pointer_across_wrap),
        cmocka_unit_test(test_pointer_stale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
