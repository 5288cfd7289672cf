/* SPDX-License-Identifier: BSD-2-Clause */
/* UDP-Lite (RFC 3828): what the checksum covers must be right, what it does not may be damaged. */
#include "ip/fixture.h"

#include "udp/udp.h"

enum { LEN = 40 };

/* A datagram of LEN bytes sent over loopback, as it arrives: its transport header first. */
static struct sw_packet *arrived(struct fixture *f, bool v6, uint16_t coverage,
                                 struct sw_ip_hdr *ret_ip)
{
    struct sw_ip_tx tx = {.src = v6 ? SW_IP6_ANY : SW_IP4_ANY,
                          .dst = v6 ? SW_IP6_LOOPBACK : SW_IP4_LOOPBACK};
    uint8_t data[LEN];
    for (int i = 0; i < LEN; i++)
        data[i] = (uint8_t)(i * 11);
    assert_int_equal(sw_udplite_send(&f->ip, &tx, 1234, 80, coverage, data, LEN), 0);
    struct sw_packet *pkt = sw_ip_input(&f->ip, LO, sent(f, LO), ret_ip);
    assert_non_null(pkt);
    assert_int_equal(ret_ip->proto, SW_PROTO_UDPLITE);
    assert_int_equal(sw_packet_need(pkt, SW_UDP_HDR + LEN), 0);
    return pkt;
}

static void test_coverage(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    static const struct {
        uint16_t asked, field, covered;
    } rows[] = {{0, 0, 48},   {8, 8, 8},   {9, 9, 9},     {20, 20, 20},
                {47, 47, 47}, {48, 0, 48}, {65535, 0, 48}};
    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        bool v6 = i % 2;
        for (uint32_t at = 0; at <= SW_UDP_HDR + LEN;
             at++) { /* one byte damaged; at the end: none */
            struct sw_ip_hdr ip;
            struct sw_udp_hdr udp;
            struct sw_packet *pkt = arrived(&f, v6, rows[i / 2].asked, &ip);
            uint8_t *head = sw_packet_head(pkt);
            assert_int_equal(head[4] << 8 | head[5], rows[i / 2].field);
            if (at < SW_UDP_HDR + LEN && at != 4 && at != 5)
                head[at] ^= 0x10;
            bool hurt = at != 4 && at != 5 && at < rows[i / 2].covered;
            assert_int_equal(sw_udp_check(pkt, &ip, &udp),
                             hurt ? SW_DROP_UDP_CHECKSUM : SW_DROP_NONE);
            if (!hurt) {
                assert_int_equal(udp.len, SW_UDP_HDR + LEN);
                assert_int_equal(udp.coverage, rows[i / 2].covered);
                assert_int_equal(udp.src_port, 1234);
                assert_int_equal(udp.dst_port, 80);
            }
            sw_packet_free(pkt);
        }
    }
    fixture_fini(&f);
}

static void test_bad_headers(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    static const struct {
        int coverage, csum; /* -1: as it should be */
        enum sw_drop why;
    } rows[] = {
        {1, -1, SW_DROP_UDP_LEN},     {7, -1, SW_DROP_UDP_LEN},      {49, -1, SW_DROP_UDP_LEN},
        {65535, -1, SW_DROP_UDP_LEN}, {-1, 0, SW_DROP_UDP_CHECKSUM}, {8, -1, SW_DROP_UDP_CHECKSUM},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sw_ip_hdr ip;
        struct sw_udp_hdr udp;
        struct sw_packet *pkt = arrived(&f, false, 0, &ip);
        uint8_t *head = sw_packet_head(pkt);
        if (rows[i].coverage >= 0)
            put16(head + 4, (uint32_t)rows[i].coverage);
        if (rows[i].csum >= 0)
            put16(head + 6, (uint32_t)rows[i].csum);
        assert_int_equal(sw_udp_check(pkt, &ip, &udp), rows[i].why);
        sw_packet_free(pkt);
    }
    for (uint32_t len = 0; len < SW_UDP_HDR; len++) {
        struct sw_udp_hdr udp;
        uint8_t bytes[SW_UDP_HDR] = {0};
        assert_int_equal(sw_udplite_parse(bytes, len, len, &udp), SW_DROP_UDP_TRUNCATED);
    }
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_coverage),
        cmocka_unit_test(test_bad_headers),
    };
    return cmocka_run_group_tests_name("udp/lite", tests, NULL, NULL);
}
