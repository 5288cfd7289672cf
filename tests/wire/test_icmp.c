/* SPDX-License-Identifier: BSD-2-Clause */
/* ICMP of both versions, and the packets that errors quote, cut at every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "wire/wire.h"

#include "wire/golden.h"

static void test_golden(void **state)
{
    (void)state;
    struct sw_icmp_hdr icmp;
    assert_int_equal(sw_icmp_parse(golden_icmp4_echo + 20, 8, 13, 4, &icmp), SW_DROP_NONE);
    assert_int_equal(icmp.type, SW_ICMP_ECHO);
    assert_int_equal(icmp.rest, 0x00420001);
    assert_int_equal(sw_icmp_parse(golden_icmp6_big + 40, 8, 88, 6, &icmp), SW_DROP_NONE);
    assert_int_equal(icmp.type, SW_ICMP6_TOO_BIG);
    assert_int_equal(icmp.rest, 1280);
    for (size_t len = 0; len < 8; len++)
        assert_int_equal(sw_icmp_parse(golden_icmp4_echo + 20, len, len, 4, &icmp),
                         SW_DROP_ICMP_TRUNCATED);
}

static void test_build(void **state)
{
    (void)state;
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    static const struct golden rows[] = {{"4", golden_icmp4_echo, sizeof(golden_icmp4_echo)},
                                         {"6", golden_icmp6_echo, sizeof(golden_icmp6_echo)}};
    for (unsigned i = 0; i < 2; i++) {
        struct sw_ip_hdr ip;
        struct sw_icmp_hdr icmp;
        uint8_t back[128];
        sw_ip_parse_hdr(rows[i].bytes, rows[i].len, rows[i].len, &ip);
        sw_icmp_parse(rows[i].bytes + ip.hdr_len, 8, 13, ip.version, &icmp);
        struct sw_packet *pkt = sw_packet_from_bytes(mem, rows[i].bytes, rows[i].len);
        sw_packet_pull(pkt, pkt->head_len);
        sw_icmp_push_hdr(pkt, &icmp, &ip.src, &ip.dst);
        sw_ip_push_hdr(pkt, &ip);
        sw_packet_fill_csum(pkt);
        assert_int_equal(sw_packet_copy(pkt, 0, back, sizeof(back)), rows[i].len);
        assert_memory_equal(back, rows[i].bytes, rows[i].len);
        sw_packet_free(pkt);
    }
    sw_mem_put(mem);
}

static void test_quotes(void **state)
{
    (void)state;
    struct sw_icmp_quote quote;
    size_t len = sizeof(golden_icmp4_port) - 28;
    assert_int_equal(sw_icmp_parse_quote(golden_icmp4_port + 28, len, &quote), SW_DROP_NONE);
    assert_true(quote.has_ports && !quote.has_seq);
    assert_int_equal(quote.src_port, 5000);
    assert_int_equal(quote.dst_port, 9999);
    assert_int_equal(quote.ip.proto, SW_PROTO_UDP);

    len = sizeof(golden_icmp4_frag) - 28; /* header and 8 bytes, the least RFC 792 promises */
    assert_int_equal(len, 28);
    assert_int_equal(sw_icmp_parse_quote(golden_icmp4_frag + 28, len, &quote), SW_DROP_NONE);
    assert_true(quote.has_ports && quote.has_seq);
    assert_int_equal(quote.seq.v, 1);
    assert_int_equal(quote.ip.payload_len,
                     sizeof(golden_tcp4_data) - 20); /* the packet's, not the quote's */

    len = sizeof(golden_icmp6_big) - 48;
    assert_int_equal(sw_icmp_parse_quote(golden_icmp6_big + 48, len, &quote), SW_DROP_NONE);
    assert_int_equal(quote.src_port, 40000);
    assert_int_equal(quote.seq.v, 5);
}

/* Any golden packet may be quoted, up to any byte. A router may have changed its checksum. */
static void test_quotes_of_every_length(void **state)
{
    (void)state;
    for (size_t g = 0; g < GOLDEN_COUNT; g++) {
        const struct golden *golden = &golden_packets[g];
        struct sw_ip_hdr ip;
        sw_ip_parse_hdr(golden->bytes, golden->len, golden->len, &ip);
        for (size_t len = 0; len <= golden->len; len++) {
            uint8_t *p = test_malloc(len ? len : 1);
            memcpy(p, golden->bytes, len);
            if (len > 10 && p[0] >> 4 == 4)
                p[10] ^= 0xff;
            struct sw_icmp_quote quote;
            enum sw_drop why = sw_icmp_parse_quote(p, len, &quote);
            assert_int_equal(why == SW_DROP_NONE, len >= ip.hdr_len);
            if (why == SW_DROP_NONE) {
                bool ports =
                    (ip.proto == SW_PROTO_TCP || ip.proto == SW_PROTO_UDP) && ip.frag_off == 0;
                uint8_t type = golden->bytes[ip.hdr_len];
                bool echo = ip.frag_off == 0 && ((ip.proto == SW_PROTO_ICMP && type == 8) ||
                                                 (ip.proto == SW_PROTO_ICMP6 && type == 128));
                assert_int_equal(quote.has_ports, (ports && len >= ip.hdr_len + 4) ||
                                                      (echo && len >= ip.hdr_len + 6));
                if (echo && quote.has_ports) /* the identifier */
                    assert_int_equal(quote.src_port, golden->bytes[ip.hdr_len + 4] << 8 |
                                                         golden->bytes[ip.hdr_len + 5]);
                assert_int_equal(quote.has_seq, ip.proto == SW_PROTO_TCP && len >= ip.hdr_len + 8);
            }
            test_free(p);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_build),
        cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_quotes_of_every_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
