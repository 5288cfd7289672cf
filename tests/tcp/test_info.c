/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP_INFO is Linux's struct, filled from what is; checked through the kernel's own header's
 * offsets. */
#include "tcp/one.h"

/* Offsets of struct tcp_info in <linux/tcp.h>. */
enum {
    STATE = 0,
    OPTIONS = 5,
    WSCALES = 6,
    RTO = 8,
    SND_MSS = 16,
    UNACKED = 24,
    RTT = 68,
    RTTVAR = 72,
    SND_CWND = 80,
    TOTAL_RETRANS = 100,
    BYTES_ACKED = 120,
    BYTES_RECEIVED = 128,
    SEGS_OUT = 136,
    SEGS_IN = 140,
    NOTSENT = 144,
    SND_WND = 228,
};

static uint32_t u32(const uint8_t *info, size_t off)
{
    uint32_t v;

    memcpy(&v, info + off, sizeof(v));
    return v;
}

static uint64_t u64(const uint8_t *info, size_t off)
{
    uint64_t v;

    memcpy(&v, info + off, sizeof(v));
    return v;
}

static void test_values(void **state)
{
    struct one o;
    uint8_t info[400] = {0};

    (void)state;
    one_init(&o);
    o.layer.config.timestamps = true;
    one_block(&o);
    assert_int_equal(sw_tcp_connect(&o.tcp), 0);
    TAKE(&o, SYN, .seq = 0);
    pass(&o, 40 * MS);
    IN(&o, SYN | ACK, .ack = 1, .mss = 1012, .ws = 4, .ts = 9, .win = 5000);
    TAKE(&o, ACK, .seq = 1, .ack = 1);
    o.ts = 9;
    IN(&o, ACK, .seq = 1, .ack = 1, .len = 30, .win = 700);
    TAKE(&o, ACK, .seq = 1, .ack = 31);
    user_sends(&o, 6000);
    for (uint32_t i = 0; i < 5; i++)
        TAKE(&o, ACK | ends_burst(i, 2), .seq = 1 + 1000 * i, .ack = 31, .len = 1000);
    nothing(&o);
    IN(&o, ACK, .seq = 31, .ack = 2001, .win = 375);
    assert_int_equal(sw_tcp_info(&o.tcp, info, sizeof(info)), 280);
    assert_int_equal(info[STATE], 1);
    assert_int_equal(info[OPTIONS], 1 | 4); /* timestamps, window scale */
    assert_int_equal(info[WSCALES], 10 << 4 | 3);
    assert_int_equal(u32(info, RTO), o.tcp.snd.srtt_us8 / 8 + 200000);
    assert_int_equal(u32(info, SND_MSS), 1000);
    assert_int_equal(u32(info, UNACKED), 3);
    assert_in_range(u32(info, RTT), 20000, 40000);
    assert_int_equal(u32(info, SND_CWND), 10);
    assert_int_equal(u64(info, BYTES_ACKED), 2000);
    assert_int_equal(u64(info, BYTES_RECEIVED), 30);
    assert_int_equal(u32(info, SEGS_IN), 3);
    assert_int_equal(u32(info, NOTSENT), 1000);
    assert_int_equal(u32(info, SND_WND), 3000);
    assert_int_equal(sw_tcp_info(&o.tcp, info, 100), 100); /* as much as there is room */
    user_reads(&o, 30);
    one_fini(&o);
}

/* More than 4 GiB: the counts have 64 bits. */
static void test_wraps(void **state)
{
    struct one o;
    uint8_t info[400];

    (void)state;
    begin_established(&o);
    for (uint64_t at = 0;
         at < 5ULL << 30;) { /* in steps that TCP's window would not allow a peer */
        o.tcp.rcv.wup = o.tcp.rcv.nxt;
        sw_tcp_rcv_advance(&o.tcp, 1U << 28);
        at += 1U << 28;
    }
    assert_int_equal(sw_tcp_info(&o.tcp, info, sizeof(info)), 280);
    assert_true(u64(info, BYTES_RECEIVED) == 5ULL << 30);
    one_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_wraps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
