/* SPDX-License-Identifier: BSD-2-Clause */
/* Acceptability as tables: RFC 9293 3.4 and 3.10.7.4, RFC 5961 3 to 5 (blind injection), PAWS. */
#include "tcp/one.h"

static void test_sequence(void **state)
{
    /* rcv_nxt, window, and for each (offset of seq from rcv_nxt, length) whether it is acceptable.
     */
    static const struct {
        uint32_t wnd;
        int32_t off;
        uint32_t len;
        bool ok;
    } rows[] = {
        {0, 0, 0, true},
        {0, -1, 0, false},
        {0, 1, 0, false},
        {0, 1, 1, false},
        {0, -1, 1, false},
        {0, -1, 2, true}, /* reaches RCV.NXT: its ACK counts */
        {100, 0, 0, true},
        {100, 99, 0, true},
        {100, 100, 0, true},
        {100, 101, 0, false},
        {100, -1, 0, false},
        {100, 0, 1, true},
        {100, 99, 1, true},
        {100, 99, 1000, true},
        {100, 101, 1, false},
        {100, -1, 1, false},
        {100, -1, 2, true},
        {100, -50, 50, false},
        {100, -50, 51, true},
        {100, -50, 500, true},
        {100, INT32_MIN, 1, false},
        {1U << 30, (1 << 30) - 1, 1, true},
        {1U << 30, (1 << 30) + 1, 1, false},
    };
    static const uint32_t bases[] = {0, 1000, 0x7fffffff, 0x80000000, 0xffffffff, 0xffffff9c};

    (void)state;
    for (size_t b = 0; b < sizeof(bases) / sizeof(bases[0]); b++)
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            sw_seq nxt = sw_seq_of(bases[b]), seq = sw_seq_of(bases[b] + (uint32_t)rows[i].off);

            if (sw_tcp_seq_acceptable(seq, rows[i].len, nxt, rows[i].wnd) != rows[i].ok)
                fail_msg("base %u row %zu", bases[b], i);
        }
}

/* Bug class 10: a blind reset must hit one number out of 2^32. */
static void test_rst(void **state)
{
    static const uint32_t bases[] = {5, 0x80000000, 0xfffffff0};

    (void)state;
    for (size_t b = 0; b < sizeof(bases) / sizeof(bases[0]); b++) {
        sw_seq nxt = sw_seq_of(bases[b]);

        assert_int_equal(sw_tcp_rst_verdict(nxt, nxt, 100), SW_RST_EXACT);
        assert_int_equal(sw_tcp_rst_verdict(nxt, nxt, 0), SW_RST_EXACT);
        assert_int_equal(sw_tcp_rst_verdict(sw_seq_add(nxt, 1), nxt, 100), SW_RST_CHALLENGE);
        assert_int_equal(sw_tcp_rst_verdict(sw_seq_add(nxt, 99), nxt, 100), SW_RST_CHALLENGE);
        assert_int_equal(sw_tcp_rst_verdict(sw_seq_add(nxt, 100), nxt, 100), SW_RST_OUTSIDE);
        assert_int_equal(sw_tcp_rst_verdict(sw_seq_add(nxt, 1), nxt, 0), SW_RST_OUTSIDE);
        assert_int_equal(sw_tcp_rst_verdict(sw_seq_sub(nxt, 1), nxt, 100), SW_RST_OUTSIDE);
    }
}

static void test_ack(void **state)
{
    static const uint32_t bases[] = {5000, 0x80000000, 10, 0xfffffff0};

    (void)state;
    for (size_t b = 0; b < sizeof(bases) / sizeof(bases[0]); b++) {
        sw_seq una = sw_seq_of(bases[b]), nxt = sw_seq_add(una, 300);

        assert_int_equal(sw_tcp_ack_verdict(una, una, nxt, 1000), SW_ACK_DUP);
        assert_int_equal(sw_tcp_ack_verdict(sw_seq_add(una, 1), una, nxt, 1000), SW_ACK_NEW);
        assert_int_equal(sw_tcp_ack_verdict(nxt, una, nxt, 1000), SW_ACK_NEW);
        assert_int_equal(sw_tcp_ack_verdict(sw_seq_add(nxt, 1), una, nxt, 1000), SW_ACK_FUTURE);
        assert_int_equal(sw_tcp_ack_verdict(sw_seq_sub(una, 1), una, nxt, 1000), SW_ACK_OLD);
        assert_int_equal(sw_tcp_ack_verdict(sw_seq_sub(una, 1000), una, nxt, 1000), SW_ACK_OLD);
        assert_int_equal(sw_tcp_ack_verdict(sw_seq_sub(una, 1001), una, nxt, 1000), SW_ACK_ANCIENT);
    }
}

static void test_paws(void **state)
{
    struct one o;
    struct sw_tcp_hdr hdr = {.has_ts = true};

    (void)state;
    begin_closed(&o);
    o.tcp.flags |= SW_TCPF_TIMESTAMPS;
    o.tcp.rcv_ms = sw_tcp_clock_ms(&o.tcp);
    for (int i = 0; i < 3; i++) {
        static const uint32_t recents[] = {1000, 0xffffffff, 0x80000000};

        o.tcp.rcv.ts_recent = hdr.ts_val = recents[i];
        assert_false(sw_tcp_paws_old(&o.tcp, &hdr));
        hdr.ts_val++;
        assert_false(sw_tcp_paws_old(&o.tcp, &hdr));
        hdr.ts_val -= 2;
        assert_true(sw_tcp_paws_old(&o.tcp, &hdr));
    }
    /* RFC 7323 5.5: not after 24 days of silence. */
    pass(&o, 23ULL * 24 * 3600 * SEC);
    assert_true(sw_tcp_paws_old(&o.tcp, &hdr));
    pass(&o, 2ULL * 24 * 3600 * SEC);
    assert_false(sw_tcp_paws_old(&o.tcp, &hdr));
    one_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sequence),
        cmocka_unit_test(test_rst),
        cmocka_unit_test(test_ack),
        cmocka_unit_test(test_paws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
