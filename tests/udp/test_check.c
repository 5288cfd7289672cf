/* SPDX-License-Identifier: BSD-2-Clause */
/* Lengths and checksums of datagrams that arrive. */
#include "ip/fixture.h"

#include "udp/udp.h"

static struct sw_packet *datagram(struct fixture *f, bool v6, const uint8_t *bytes, size_t len,
                                  struct sw_ip_hdr *ret_hdr)
{
    struct made m = {.src = addr(v6 ? "2001:4860::8" : "8.8.8.8"),
                     .dst = addr(v6 ? "2001:db8::1" : "10.0.0.1"),
                     .proto = SW_PROTO_UDP};
    struct sw_packet *pkt = sw_ip_input(&f->ip, ETH, make(f, &m, bytes, len), ret_hdr);
    assert_non_null(pkt);
    return pkt;
}

static void test_table(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    enum { KEEP = -1 };
    static const struct {
        int len_field, csum; /* KEEP: as it should be */
        bool v6;
        enum sw_drop why;
        uint32_t data; /* bytes that come out */
    } rows[] = {
        {KEEP, KEEP, false, SW_DROP_NONE, 20},
        {KEEP, KEEP, true, SW_DROP_NONE, 20},
        {KEEP, 0, false, SW_DROP_NONE, 20},
        {KEEP, 0, true, SW_DROP_UDP_CHECKSUM, 0},
        {KEEP, 0xbad, false, SW_DROP_UDP_CHECKSUM, 0},
        {KEEP, 0xbad, true, SW_DROP_UDP_CHECKSUM, 0},
        {7, 0, false, SW_DROP_UDP_LEN, 0},
        {0, 0, false, SW_DROP_UDP_LEN, 0},
        {29, 0, false, SW_DROP_UDP_LEN, 0},
        {65535, 0, false, SW_DROP_UDP_LEN, 0},
        {18, 0, false, SW_DROP_NONE, 10},
        {8, 0, false, SW_DROP_NONE, 0},
        {8, 0, false, SW_DROP_NONE, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t bytes[64];
        struct sw_ip src = addr(rows[i].v6 ? "2001:4860::8" : "8.8.8.8");
        struct sw_ip dst = addr(rows[i].v6 ? "2001:db8::1" : "10.0.0.1");
        size_t n = make_udp(bytes, &src, &dst, 7, 9, "abcdefghijklmnopqrst", 20);
        if (rows[i].len_field != KEEP)
            put16(bytes + 4, (uint32_t)rows[i].len_field);
        if (rows[i].csum != KEEP)
            put16(bytes + 6, (uint32_t)rows[i].csum);
        struct sw_ip_hdr ip;
        struct sw_udp_hdr udp = {.len = 1};
        struct sw_packet *pkt = datagram(&f, rows[i].v6, bytes, n, &ip);
        if (i % 2 == 0) /* data may lie in the head as well */
            assert_int_equal(sw_packet_need(pkt, 24), 0);
        enum sw_drop why = sw_udp_check(pkt, &ip, &udp);
        if (why != rows[i].why)
            fail_msg("row %zu: %s, expected %s", i, sw_drop_name(why), sw_drop_name(rows[i].why));
        if (why == SW_DROP_NONE) {
            assert_int_equal(udp.src_port, 7);
            assert_int_equal(udp.dst_port, 9);
            assert_int_equal(sw_packet_len(pkt), 8 + rows[i].data);
        } else {
            assert_int_equal(udp.len, 1); /* untouched */
        }
        sw_packet_free(pkt);
    }
    fixture_fini(&f);
}

static void test_truncated(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    for (int v6 = 0; v6 < 2; v6++) {
        uint8_t bytes[64];
        struct sw_ip src = addr(v6 ? "2001:4860::8" : "8.8.8.8"),
                     dst = addr(v6 ? "2001:db8::1" : "10.0.0.1");
        size_t n = make_udp(bytes, &src, &dst, 7, 9, "abcdefgh", 8);
        for (size_t len = 0; len < n; len++) {
            struct sw_ip_hdr ip;
            struct sw_udp_hdr udp;
            struct sw_packet *pkt = datagram(&f, v6, bytes, len, &ip);
            assert_int_equal(sw_udp_check(pkt, &ip, &udp),
                             len < 8 ? SW_DROP_UDP_TRUNCATED : SW_DROP_UDP_LEN);
            sw_packet_free(pkt);
        }
    }
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_truncated),
    };
    return cmocka_run_group_tests_name("udp/check", tests, NULL, NULL);
}
