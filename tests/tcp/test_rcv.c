/* SPDX-License-Identifier: BSD-2-Clause */
/* What the receiver says: when it acknowledges, and which window it offers. */
#include "tcp/one.h"

/* At least every second full-sized segment at once (RFC 5681 4.2). */
static void test_every_second(void **state)
{
    struct one o;

    (void)state;
    begin_established(&o);
    for (uint32_t i = 0; i < 10; i++) {
        IN(&o, ACK, .seq = 1 + 1000 * i, .ack = 1, .len = 1000);
        if (i % 2)
            TAKE(&o, ACK, .seq = 1, .ack = 1001 + 1000 * i);
        else
            nothing(&o);
    }
    user_reads(&o, 10000);
    one_fini(&o);
}

/* The first ACKs of a connection are quick, so that the peer's slow start is not held up; an
 * exchange of questions and answers ends that. */
static void test_quick(void **state)
{
    struct one o;

    (void)state;
    begin_established(&o);
    o.tcp.rcv.quick = 16;
    for (uint32_t i = 0; i < 16; i++) {
        IN(&o, ACK, .seq = 1 + 100 * i, .ack = 1, .len = 100);
        TAKE(&o, ACK, .seq = 1, .ack = 101 + 100 * i);
    }
    IN(&o, ACK, .seq = 1601, .ack = 1, .len = 100);
    nothing(&o);
    user_sends(&o, 10); /* the answer carries the ACK */
    TAKE(&o, ACK | PSH, .seq = 1, .ack = 1701, .len = 10);
    user_reads(&o, 1700);
    pass(&o, 100 * MS);
    nothing(&o);
    one_fini(&o);

    begin_established(&o);
    o.tcp.rcv.quick = 16;
    IN(&o, ACK, .seq = 1, .ack = 1, .len = 100);
    TAKE(&o, ACK, .seq = 1, .ack = 101);
    user_reads(&o, 100);
    user_sends_one(&o, 1, 101, 10);
    IN(&o, ACK, .seq = 101, .ack = 11, .len = 100); /* the next question */
    nothing(&o);
    one_fini(&o);
}

/* Who has read all of a small segment acknowledges it: the peer may be waiting for that before it
 * says more (Nagle). Not before; and not where an answer will carry the ACK, unless two such wait.
 */
static void test_read_small(void **state)
{
    struct one o;

    (void)state;
    begin_established(&o);
    IN(&o, ACK, .seq = 1, .ack = 1, .len = 100);
    nothing(&o);
    user_reads(&o, 40);
    nothing(&o);
    user_reads(&o, 60);
    TAKE(&o, ACK, .seq = 1, .ack = 101);

    user_sends_one(&o, 1, 101, 10); /* it answers: pingpong from now on */
    IN(&o, ACK, .seq = 101, .ack = 11, .len = 50);
    user_reads(&o, 50);
    nothing(&o);
    IN(&o, ACK, .seq = 151, .ack = 11, .len = 50);
    nothing(&o);
    user_reads(&o, 50);
    TAKE(&o, ACK, .seq = 11, .ack = 201);
    one_fini(&o);
}

/* A full-sized segment ends nothing, unless it is pushed. */
static void test_read_full(void **state)
{
    struct one o;

    (void)state;
    begin_established(&o);
    IN(&o, ACK, .seq = 1, .ack = 1, .len = 1000);
    user_reads(&o, 1000);
    nothing(&o);
    IN(&o, ACK, .seq = 1001, .ack = 1, .len = 1000);
    TAKE(&o, ACK, .seq = 1, .ack = 2001);
    user_reads(&o, 1000);
    nothing(&o);
    IN(&o, ACK | PSH, .seq = 2001, .ack = 1, .len = 1000);
    nothing(&o);
    user_reads(&o, 1000);
    TAKE(&o, ACK, .seq = 1, .ack = 3001);
    one_fini(&o);
}

/* Out of order: a duplicate ACK at once, for each; the hole filled: at once too. */
static void test_out_of_order(void **state)
{
    struct one o;

    (void)state;
    begin_established(&o);
    IN(&o, ACK, .seq = 1001, .ack = 1, .len = 1000);
    TAKE(&o, ACK, .seq = 1, .ack = 1);
    IN(&o, ACK, .seq = 3001, .ack = 1, .len = 1000);
    TAKE(&o, ACK, .seq = 1, .ack = 1);
    IN(&o, ACK, .seq = 1, .ack = 1, .len = 500); /* a part of the hole */
    TAKE(&o, ACK, .seq = 1, .ack = 501);
    IN(&o, ACK, .seq = 501, .ack = 1, .len = 500);
    TAKE(&o, ACK, .seq = 1, .ack = 2001);
    IN(&o, ACK, .seq = 2001, .ack = 1, .len = 1000);
    TAKE(&o, ACK, .seq = 1, .ack = 4001);
    user_reads(&o, 4000);
    one_fini(&o);
}

/* Even where data of ours could carry it: a duplicate ACK has no data (RFC 5681 2). */
static void test_bare_duplicate(void **state)
{
    struct one o;

    (void)state;
    begin_established(&o);
    user_sends_one(&o, 1, 1, 10);
    user_sends(&o, 20);
    IN(&o, ACK, .seq = 1001, .ack = 11, .len = 1000);
    TAKE(&o, ACK, .seq = 11, .ack = 1);
    TAKE(&o, ACK | PSH, .seq = 11, .ack = 1, .len = 20);
    one_fini(&o);
}

/* What is held is told by SACK, the latest first (RFC 2018 4). */
static void test_sack_blocks(void **state)
{
    struct one o;

    (void)state;
    one_init(&o);
    o.layer.config.sack = true;
    one_connect_with(&o, (struct seg){.mss = 1000, .sack_ok = true});
    IN(&o, ACK, .seq = 1001, .ack = 1, .len = 1000);
    TAKE(&o, ACK, .seq = 1, .ack = 1, .n_sacks = 1, .sacks = {1001, 2001});
    IN(&o, ACK, .seq = 3001, .ack = 1, .len = 1000);
    TAKE(&o, ACK, .seq = 1, .ack = 1, .n_sacks = 2, .sacks = {3001, 4001, 1001, 2001});
    IN(&o, ACK, .seq = 5001, .ack = 1, .len = 1000);
    TAKE(&o, ACK, .seq = 1, .ack = 1, .n_sacks = 3, .sacks = {5001, 6001, 3001, 4001, 1001, 2001});
    IN(&o, ACK, .seq = 2001, .ack = 1, .len = 1000); /* joins two */
    TAKE(&o, ACK, .seq = 1, .ack = 1, .n_sacks = 2, .sacks = {1001, 4001, 5001, 6001});
    IN(&o, ACK, .seq = 1, .ack = 1, .len = 1000);
    TAKE(&o, ACK, .seq = 1, .ack = 4001, .n_sacks = 1, .sacks = {5001, 6001});
    user_sends(&o, 10); /* data segments tell it too where there is room */
    TAKE(&o, ACK | PSH, .seq = 1, .ack = 4001, .len = 10, .n_sacks = 1, .sacks = {5001, 6001});
    IN(&o, ACK, .seq = 4001, .ack = 11, .len = 1000);
    TAKE(&o, ACK, .seq = 11, .ack = 6001);
    user_reads(&o, 6000);
    one_fini(&o);
}

/* What comes twice is told, once and in front of the rest (RFC 2883 4). */
static void test_dsack(void **state)
{
    struct one o;

    (void)state;
    one_init(&o);
    o.layer.config.sack = true;
    one_connect_with(&o, (struct seg){.mss = 1000, .sack_ok = true});
    IN(&o, ACK, .seq = 1, .ack = 1, .len = 1000);
    IN(&o, ACK, .seq = 1001, .ack = 1, .len = 1000);
    TAKE(&o, ACK, .seq = 1, .ack = 2001);
    IN(&o, ACK, .seq = 1, .ack = 1, .len = 1000); /* wholly old */
    TAKE(&o, ACK, .seq = 1, .ack = 2001, .n_sacks = 1, .sacks = {1, 1001});
    IN(&o, ACK, .seq = 1501, .ack = 1, .len = 1000); /* half of it */
    TAKE(&o, ACK, .seq = 1, .ack = 2501, .n_sacks = 1, .sacks = {1501, 2001});
    IN(&o, ACK, .seq = 4001, .ack = 1, .len = 1000);
    TAKE(&o, ACK, .seq = 1, .ack = 2501, .n_sacks = 1, .sacks = {4001, 5001});
    IN(&o, ACK, .seq = 4001, .ack = 1, .len = 1000); /* out of order, and again */
    TAKE(&o, ACK, .seq = 1, .ack = 2501, .n_sacks = 2, .sacks = {4001, 5001, 4001, 5001});
    user_reads(&o, 2500);
    one_fini(&o);
}

/* A super-segment counts as many segments (and is full-sized though longer than any segment). */
static void test_super_segment(void **state)
{
    struct one o;

    (void)state;
    begin_established(&o);
    IN(&o, ACK, .seq = 1, .ack = 1, .len = 30000, .gso = 1000);
    TAKE(&o, ACK, .seq = 1, .ack = 30001);
    assert_int_equal(o.tcp.rcv.mss, 1000);
    user_reads(&o, 30000);
    TAKE(&o, ACK, .seq = 1, .ack = 30001); /* much more room than that ACK said */
    one_fini(&o);
}

static void drop_sent(struct one *o)
{
    struct sw_packet *pkt;

    while ((pkt = one_take_packet(o)) != NULL)
        sw_packet_free(pkt);
}

#define UNIT 1024U               /* of a window: the scale is 10 */
#define WINDOW_ROOM (99328U + 1) /* 65,536, half of it more for what was rounded up, and a unit */

/* The window closes as data waits unread. Its right edge never moves left (bug class 26), but by
 * what cannot be said in the scale's units once rounding up would go beyond the buffer (RFC 7323
 * 2.4): segments of odd sizes bring that about, full ones do not. What was once offered is taken.
 * The window reopens once there is room for something worth sending, and the peer is told. */
static void closes_and_opens(uint32_t first, uint32_t second, uint32_t may_retract)
{
    struct one o;
    uint32_t seq = 1, right = 1 + 64240, beyond;
    uint16_t win = 1;

    one_init(&o);
    one_connect_with(&o, (struct seg){.mss = 1000, .ws = 1});
    assert_int_equal(UNIT, 1U << o.tcp.rcv.wscale);
    while (win > 0) {
        uint32_t shown, room = sw_tcp_rcv_room(&o.tcp);
        bool last = room < first + second;

        assert_true(seq < WINDOW_ROOM);
        if (last) {
            first = room / 2;
            second = room - first;
        }
        IN(&o, ACK, .seq = seq, .ack = 1, .len = first);
        IN(&o, ACK, .seq = seq + first, .ack = 1, .len = second);
        seq = 1 + sw_tcp_recv_queue(&o.tcp)->len;
        if (last) { /* what is beyond is not taken, and answered */
            drop_sent(&o);
            IN(&o, ACK, .seq = seq, .ack = 1, .len = 1);
        }
        win = TAKE(&o, ACK, .seq = 1, .ack = seq);
        shown = seq + win * UNIT;
        assert_true(shown + may_retract >= right);
        right = sw_max32(right, shown);
        assert_true(seq + sw_tcp_rcv_room(&o.tcp) >= right);
    }
    assert_in_range(seq, 64000, WINDOW_ROOM);
    user_reads(&o, 500); /* not worth a word: less than a segment */
    nothing(&o);
    beyond = seq - 1 > 65536 ? seq - 1 - 65536 : 0;
    user_reads(&o, beyond + 12000);
    win = TAKE(&o, ACK, .seq = 1, .ack = seq);
    assert_in_range(win * UNIT, 1000, 12500);
    user_reads(&o, seq - 1 - beyond - 12500);
    win = TAKE(&o, ACK, .seq = 1, .ack = seq);
    assert_in_range(win * UNIT, 60000, 65536);
    one_fini(&o);
}

static void test_window(void **state)
{
    (void)state;
    closes_and_opens(1460, 1460, 0);
    closes_and_opens(500, 501, UNIT - 1);
}

/* One-byte segments do not make the window creep beyond the buffer (rounding up to the scale). */
static void test_window_creep(void **state)
{
    struct one o;
    uint32_t seq = 1;
    sw_seq right;

    (void)state;
    one_init(&o);
    one_connect_with(&o, (struct seg){.mss = 1000, .ws = 1});
    right = sw_seq_add(o.tcp.rcv.nxt, sw_tcp_rcv_room(&o.tcp));
    for (int i = 0; i < 200000; i++) {
        struct sw_packet *pkt;

        IN(&o, ACK, .seq = seq, .ack = 1, .len = 1);
        /* What was once offered is taken (invariant 3). */
        assert_true(sw_seq_le(right, sw_seq_add(o.tcp.rcv.nxt, sw_tcp_rcv_room(&o.tcp))));
        right = sw_seq_add(o.tcp.rcv.nxt, sw_tcp_rcv_room(&o.tcp));
        seq = 1 + sw_tcp_recv_queue(&o.tcp)->len;
        while ((pkt = one_take_packet(&o)) != NULL)
            sw_packet_free(pkt);
        if (sw_tcp_rcv_room(&o.tcp) == 0)
            break;
    }
    assert_in_range(seq, 60000, WINDOW_ROOM);
    one_fini(&o);
}

/* While memory is short a window that is half used up offers a few segments only, and no buffer
 * grows. */
static void test_memory_pressure(void **state)
{
    struct one o;
    uint32_t seq = 1;

    (void)state;
    one_init(&o);
    one_connect_with(&o, (struct seg){.mss = 1000, .ws = 1});
    o.layer.config.mem_pressure_bytes = 1;
    for (; sw_tcp_rcv_room(&o.tcp) >= 1000; seq += 1000)
        IN(&o, ACK, .seq = seq, .ack = 1, .len = 1000);
    user_reads(&o, seq - 1 - 50000); /* it had been offered */
    drop_sent(&o);
    assert_in_range(sw_tcp_rcv_room(&o.tcp), 3000, 4000);
    o.layer.config.mem_pressure_bytes = UINT64_MAX;
    user_reads(&o, 10000);
    drop_sent(&o);
    assert_in_range(sw_tcp_rcv_room(&o.tcp), 24000, 26000);
    assert_int_equal(o.tcp.rcv.buf, o.layer.config.rcvbuf);
    one_fini(&o);
}

/* A window probe into a closed window is answered and its byte refused. */
static void test_probed(void **state)
{
    struct one o;

    (void)state;
    begin_established(&o);
    IN(&o, ACK, .seq = 1, .ack = 1, .len = 64240);
    pass(&o, 50 * MS);
    TAKE(&o, ACK, .seq = 1, .ack = 64241, .win = NO_WINDOW);
    for (int i = 0; i < 3; i++) {
        IN(&o, ACK, .seq = 64241, .ack = 1, .len = 1);
        TAKE(&o, ACK, .seq = 1, .ack = 64241, .win = NO_WINDOW);
    }
    IN(&o, ACK, .seq = 64240, .ack = 1); /* Linux's kind of probe */
    TAKE(&o, ACK, .seq = 1, .ack = 64241, .win = NO_WINDOW);
    assert_int_equal(sw_tcp_recv_queue(&o.tcp)->len, 64240);
    user_reads(&o, 64240);
    TAKE(&o, ACK, .seq = 1, .ack = 64241);
    one_fini(&o);
}

/* Tuning: a reader who keeps up gets a window that follows the sender's, up to the host's limit. */
static void test_tuning(void **state)
{
    struct one o;
    uint32_t seq = 1, got = 0;

    (void)state;
    one_init(&o);
    one_connect_with(&o, (struct seg){.mss = 1000, .ws = 1});
    o.tcp.snd.srtt_us8 = 8 * 50000;
    for (int round = 0; round < 20; round++) {
        uint32_t room = sw_tcp_rcv_room(&o.tcp);

        got = 0;
        while (got + 1000 <= room) {
            struct sw_packet *pkt;

            IN(&o, ACK, .seq = seq, .ack = 1, .len = 1000);
            seq += 1000;
            got += 1000;
            user_reads(&o, 1000);
            while ((pkt = one_take_packet(&o)) != NULL)
                sw_packet_free(pkt);
        }
        pass(&o, 50 * MS);
        struct sw_packet *pkt;
        while ((pkt = one_take_packet(&o)) != NULL)
            sw_packet_free(pkt);
    }
    assert_int_equal(o.tcp.rcv.buf, 32 << 20);
    assert_true(got > 16000000);
    one_fini(&o);
}

/* But not for a buffer the user has set. */
static void test_locked(void **state)
{
    struct one o;

    (void)state;
    begin_closed(&o);
    sw_tcp_set_buffers(&o.tcp, 0, 20000);
    assert_int_equal(sw_tcp_connect(&o.tcp), 0);
    TAKE(&o, SYN, .seq = 0, .win = 8760, .ws = 1);
    IN(&o, SYN | ACK, .ack = 1, .mss = 1000, .ws = 1);
    TAKE(&o, ACK, .seq = 1, .ack = 1);
    for (uint32_t i = 0; i < 1000; i++) {
        struct sw_packet *pkt;

        IN(&o, ACK, .seq = 1 + 1000 * i, .ack = 1, .len = 1000);
        user_reads(&o, 1000);
        pass(&o, MS);
        while ((pkt = one_take_packet(&o)) != NULL)
            sw_packet_free(pkt);
    }
    assert_int_equal(o.tcp.rcv.buf, 20000);
    assert_true(sw_tcp_rcv_room(&o.tcp) <= 10000);
    one_fini(&o);
}

/* PAWS: a segment from an earlier round of sequence numbers is refused, and answered once. */
static void test_paws(void **state)
{
    struct one o;

    (void)state;
    one_init(&o);
    o.layer.config.timestamps = true;
    one_connect_with(&o, (struct seg){.mss = 1000, .ts = 1000});
    IN(&o, ACK, .seq = 1, .ack = 1, .len = 10, .ts = 1005);
    IN(&o, ACK, .seq = 11, .ack = 1, .len = 10, .ts = 1004);
    TAKE(&o, ACK, .seq = 1, .ack = 11, .ecr = 1005);
    assert_int_equal(o.env.drops[SW_DROP_TCP_PAWS], 1);
    IN(&o, ACK, .seq = 31, .ack = 1, .len = 10,
       .ts = 1010); /* beyond a hole: not the one to echo */
    TAKE(&o, ACK, .seq = 1, .ack = 11, .ecr = 1005);
    IN(&o, ACK, .seq = 11, .ack = 1, .len = 20, .ts = 1008);
    TAKE(&o, ACK, .seq = 1, .ack = 41, .ecr = 1008);
    user_reads(&o, 40);
    IN(&o, RST, .seq = 41, .ts = 1); /* a reset is not judged by it */
    assert_int_equal(one_state(&o), SW_TCP_CLOSED);
    one_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_second),  cmocka_unit_test(test_quick),
        cmocka_unit_test(test_read_small),    cmocka_unit_test(test_read_full),
        cmocka_unit_test(test_out_of_order),  cmocka_unit_test(test_bare_duplicate),
        cmocka_unit_test(test_sack_blocks),   cmocka_unit_test(test_dsack),
        cmocka_unit_test(test_super_segment), cmocka_unit_test(test_window),
        cmocka_unit_test(test_window_creep),  cmocka_unit_test(test_probed),
        cmocka_unit_test(test_tuning),        cmocka_unit_test(test_memory_pressure),
        cmocka_unit_test(test_locked),        cmocka_unit_test(test_paws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
