/* SPDX-License-Identifier: BSD-2-Clause */
/* AccECN (RFC 9768), where scripts do not reach: how often ACE wrapped, late ACKs, room for
 * options, memory. What is on the wire is in tests/packetdrill/accecn-*.pkt. */
#include "tcp/one.h"

#include "tcp/accecn.h"
#include "tcp/ecn.h"
#include "tcp/half.h"
#include "tcp/rare.h"
#include "tcp/recovery.h"

#define ACE(n) ((uint16_t)((n) % 8 * SW_TCP_ECE))
#define FIRST ACE(5)

/* Order 0: bytes that came with ECT(0) and with CE. */
#define OPTION(e0b, ceb)                                                                           \
    {                                                                                              \
        .present = true, .fields = 2, .bytes = { 1 + (e0b), (ceb) }                                \
    }

/* `n` segments of 1,000 are out, and nothing more waits. */
static void segments_out(struct one *o, uint32_t n, bool option)
{
    static const struct sw_tcp_accecn first = {.present = true, .fields = 3, .bytes = {1, 0, 1}};

    one_init(o);
    o->layer.config.ecn = SW_ECN_ACCURATE;
    o->layer.config.tlp = false;
    o->layer.config.sack = true;
    one_block(o);
    assert_int_equal(sw_tcp_connect(&o->tcp), 0);
    TAKE(o, SYN | ACE(7), .seq = 0);
    pass(o, 20 * MS);
    struct seg syn_ack = {.flags = SYN | ACK | ACE(2), .ack = 1, .mss = 1000, .sack_ok = true};
    if (option)
        syn_ack.accecn = first;
    in(o, syn_ack);
    TAKE(o, ACK | ACE(2), .seq = 1, .ack = 1);
    o->tcp.snd.cwnd = n * 1000;
    user_sends(o, n * 1000);
    for (uint32_t i = 0; i < n; i++)
        TAKE(o, (uint16_t)(ACK | FIRST | (i + 1 == n ? PSH : ends_burst(i, n < 4 ? 1 : 2))),
             .seq = 1 + 1000 * i, .ack = 1, .len = 1000, .tos = SW_IP_ECT0);
    nothing(o);
    pass(o, 20 * MS);
}

static uint32_t marked(const struct one *o)
{
    return o->tcp.rare->ecn.delivered_ce;
}

/* Up to seven packets cannot have wrapped it; of more the most that explains it is taken, unless
 * bytes tell (3.2.2.5.2). */
static void test_wraps(void **state)
{
    static const struct {
        uint32_t acked, ace, expected;
        int ceb; /* of an option, in thousands; -1: none */
    } rows[] = {
        {7, 0, 0, -1},   {7, 7, 7, -1},   {7, 1, 1, -1},   {8, 0, 8, -1},   {8, 1, 1, -1},
        {20, 0, 16, -1}, {20, 1, 17, -1}, {20, 4, 20, -1}, {20, 5, 13, -1}, {20, 5, 5, 5},
        {20, 5, 13, 13}, {20, 0, 0, 0},   {20, 0, 8, 8},   {20, 0, 16, 16}, {20, 4, 20, 20},
        {20, 1, 1, 0}, /* a packet without data */
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct one o;
        struct seg ack = {
            .flags = ACK | ACE(5 + rows[i].ace), .seq = 1, .ack = 1 + 1000 * rows[i].acked};

        segments_out(&o, 20, rows[i].ceb >= 0);
        if (rows[i].ceb >= 0) {
            uint32_t bytes = 1000U * (uint32_t)rows[i].ceb;

            ack.accecn = (struct sw_tcp_accecn)OPTION(1000 * rows[i].acked - bytes, bytes);
        }
        in(&o, ack);
        assert_int_equal(marked(&o), rows[i].expected);
        assert_int_equal(o.tcp.snd.ssthresh != UINT32_MAX, rows[i].expected > 0);
        one_fini(&o);
    }
}

/* The count goes on over ACKs; one that another has overtaken says nothing (3.2.2.2). */
static void test_overtaken(void **state)
{
    struct one o;

    (void)state;
    segments_out(&o, 10, false);
    IN(&o, ACK | ACE(6), .seq = 1, .ack = 4001);
    assert_int_equal(marked(&o), 1);
    IN(&o, ACK | ACE(5), .seq = 1, .ack = 2001);
    assert_int_equal(marked(&o), 1);
    IN(&o, ACK | ACE(1), .seq = 1, .ack = 4001); /* it tells of no arrival */
    assert_int_equal(marked(&o), 1);
    IN(&o, ACK | ACE(0), .seq = 1, .ack = 4001, .n_sacks = 1, .sacks = {5001, 6001});
    assert_int_equal(marked(&o), 3);
    one_fini(&o);
}

/* The ACK of a SYN-ACK, once more and late: its ACE is no counter. */
static void test_late_handshake(void **state)
{
    struct one o;

    (void)state;
    one_init(&o);
    o.layer.config.ecn = SW_ECN_ACCURATE_ANSWER;
    o.layer.config.timestamps = true;
    o.ts = 1000;
    one_block(&o);
    IN(&o, SYN | ACE(7), .mss = 1000);
    TAKE(&o, SYN | ACK | ACE(2), .seq = 0, .ack = 1);
    IN(&o, ACK | ACE(2), .seq = 1, .ack = 1);
    user_sends(&o, 500);
    TAKE(&o, ACK | PSH | FIRST, .seq = 1, .ack = 1, .len = 500);
    o.ts = 1001;
    IN(&o, ACK | ACE(2), .seq = 1, .ack = 1);
    assert_int_equal(marked(&o), 0);
    o.ts = 1002;
    IN(&o, ACK | FIRST, .seq = 1, .ack = 501);
    assert_int_equal(marked(&o), 0);
    o.ts = 1003; /* nothing arrived, but it is newer */
    IN(&o, ACK | ACE(6), .seq = 1, .ack = 501);
    assert_int_equal(marked(&o), 1);
    one_fini(&o);
}

/* Marked bytes, and not one marked packet: somebody tampers with it (3.2.3.2.5). */
static void test_contradiction(void **state)
{
    struct one o;

    (void)state;
    segments_out(&o, 6, true);
    IN(&o, ACK | FIRST, .seq = 1, .ack = 2001, .accecn = OPTION(1000, 1000));
    assert_int_equal(marked(&o), 0);
    user_sends(&o, 1000);
    TAKE(&o, ACK | PSH | FIRST, .seq = 6001, .ack = 1, .len = 1000);
    assert_true(o.tcp.rare->accecn.no_ect);
    one_fini(&o);
}

/* An option whose first counters are zero is not believed (3.2.3.2.4). */
static void test_zeroed_option(void **state)
{
    struct one o;

    (void)state;
    segments_out(&o, 20, false);
    IN(&o, ACK | FIRST, .seq = 1, .ack = 1001,
       .accecn = {.present = true, .fields = 2, .bytes = {0, 0}});
    assert_int_equal(o.tcp.rare->accecn.seen, SW_ACCECN_OPTION_BAD);
    IN(&o, ACK | FIRST, .seq = 1, .ack = 17001, .accecn = OPTION(17000, 0));
    assert_int_equal(marked(&o), 16); /* as if there were none */
    one_fini(&o);
}

/* A counter of 24 bits wraps; one that lies behind is old. */
static void test_fields_wrap(void **state)
{
    struct one o;

    (void)state;
    segments_out(&o, 5, true);
    o.tcp.rare->accecn.delivered_bytes[1] = 0xfffff0;
    IN(&o, ACK | FIRST, .seq = 1, .ack = 1001,
       .accecn = {.present = true, .fields = 1, .bytes = {1 + 0x100}});
    assert_int_equal(o.tcp.rare->accecn.delivered_bytes[1], 0x1000100);
    IN(&o, ACK | FIRST, .seq = 1, .ack = 2001,
       .accecn = {.present = true, .fields = 1, .bytes = {1 + 0xff}});
    assert_int_equal(o.tcp.rare->accecn.delivered_bytes[1], 0x1000100);
    one_fini(&o);
}

/* Packets without data, marked: each third one gets an answer (3.2.2.5.1), and those end. */
static void test_marked_acks(void **state)
{
    struct one o;

    (void)state;
    segments_out(&o, 6, false);
    for (uint32_t i = 1; i <= 6; i++) {
        IN(&o, ACK | FIRST, .seq = 1, .ack = 1 + 1000 * i, .tos = SW_IP_CE);
        if (i % 3 == 0)
            TAKE(&o, ACK | ACE(5 + i), .seq = 6001, .ack = 1);
        else
            nothing(&o);
    }
    assert_int_equal(o.tcp.rare->accecn.received_ce, 6);
    one_fini(&o);
}

/* Two SACK blocks go before the option (3.2.3.3), which goes before the third. */
static void test_room(void **state)
{
    struct one o;

    (void)state;
    segments_out(&o, 1, false);
    o.layer.config.timestamps = true;
    o.tcp.flags |= SW_TCPF_TIMESTAMPS;
    o.ts = 1000;
    IN(&o, ACK | FIRST, .seq = 1, .ack = 1001);
    for (uint32_t i = 1; i <= 3; i++) {
        struct sw_packet *pkt;
        struct sw_tcp_hdr tcp;

        IN(&o, ACK | FIRST, .seq = 1 + 2000 * i, .ack = 1001, .len = 1000,
           .tos = i == 1 ? SW_IP_ECT0 : SW_IP_CE);
        pkt = one_take_packet(&o);
        assert_non_null(pkt);
        assert_int_equal(sw_tcp_parse(sw_packet_head(pkt) + 20, pkt->head_len - 20U,
                                      sw_packet_len(pkt) - 20, &tcp),
                         SW_DROP_NONE);
        assert_int_equal(tcp.n_sacks, i < 3 ? i : 2);
        assert_int_equal(tcp.accecn.fields, i == 1 ? 1 : 2);
        sw_packet_free(pkt);
    }
    nothing(&o);
    one_fini(&o);
}

/* All of it comes through the small record of a connection half open. */
static void test_half(void **state)
{
    (void)state;
    for (uint8_t ecn = 0; ecn < 4; ecn++)
        for (int asks = 0; asks < 2; asks++) {
            struct sw_half half;
            struct one o;
            struct sw_segment syn = {
                .ip = {.src = SW_IP4(10, 0, 0, 2), .dst = SW_IP4(10, 0, 0, 1), .tos = ecn},
                .tcp = {.src_port = 80,
                        .dst_port = 1000,
                        .seq = sw_seq_of(PEER_ISN),
                        .flags = SYN | ACE(7),
                        .window = 1000}};
            static const uint8_t answers[] = {2, 3, 4, 6};

            one_init(&o);
            o.layer.config.ecn = SW_ECN_ACCURATE;
            one_block(&o);
            assert_int_equal(sw_half_open(&half, &o.tcp, &syn), 0);
            TAKE(&o, (uint16_t)(SYN | ACK | ACE(answers[ecn])), .seq = 0, .ack = 1);
            sw_tcp_fini(&o.tcp);
            one_block(&o);
            syn.tcp.flags = (uint16_t)(SYN | (asks ? ACE(7) : 0));
            syn.pkt = sw_packet_new(o.env.mem, 0);
            assert_int_equal(sw_half_input(&half, &o.tcp, &syn), SW_HALF_AGAIN);
            TAKE(&o, (uint16_t)(SYN | ACK | ACE(answers[ecn])), .seq = 0, .ack = 1);
            sw_tcp_fini(&o.tcp);
            one_block(&o);
            assert_int_equal(sw_half_restore(&half, &o.tcp), 0);
            IN(&o, ACK | ACE(2), .seq = 1, .ack = 1);
            assert_int_equal(o.tcp.rare->accecn.no_ect, !asks);
            assert_int_equal(o.tcp.rare->accecn.syn_ecn, ecn);
            one_fini(&o);
        }
}

/* Without memory for counters there is no ECN; the connection is none the worse. */
static void test_no_memory(void **state)
{
    struct one o;

    (void)state;
    one_init(&o);
    o.layer.config.ecn = SW_ECN_ACCURATE;
    one_block(&o);
    assert_int_equal(sw_tcp_connect(&o.tcp), 0);
    TAKE(&o, SYN | ACE(7), .seq = 0);
    struct sw_mem *mem = o.env.mem;
    o.env.mem = sw_mem_new(&sw_alloc_libc, 1);
    struct sw_segment syn_ack = {.tcp = {.flags = SYN | ACK | ACE(2)}};
    sw_accecn_take_syn_ack(&o.tcp, &syn_ack);
    sw_mem_put(o.env.mem);
    o.env.mem = mem;
    assert_null(o.tcp.rare);
    assert_false(sw_tcp_has(&o.tcp, SW_TCPF_ACCECN | SW_TCPF_ECN));
    one_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wraps),          cmocka_unit_test(test_overtaken),
        cmocka_unit_test(test_late_handshake), cmocka_unit_test(test_contradiction),
        cmocka_unit_test(test_zeroed_option),  cmocka_unit_test(test_fields_wrap),
        cmocka_unit_test(test_marked_acks),    cmocka_unit_test(test_room),
        cmocka_unit_test(test_half),           cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
