/* SPDX-License-Identifier: BSD-2-Clause */
/* UDP and its way through a packet: parse, push, fill the checksum in, golden bytes again. */
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
    struct sw_udp_hdr udp;
    assert_int_equal(sw_udp_parse(golden_udp4 + 20, 8, 11, &udp), SW_DROP_NONE);
    assert_int_equal(udp.src_port, 5000);
    assert_int_equal(udp.dst_port, 9999);
    assert_int_equal(udp.len, 11);
    assert_true(udp.has_csum);
}

static void test_lengths(void **state)
{
    (void)state;
    for (size_t total = 0; total < 12; total++) {
        for (uint8_t len = 0; len < 14; len++) {
            uint8_t *p = test_calloc(1, total ? total : 1);
            struct sw_udp_hdr udp;
            if (total > 5)
                p[5] = len;
            enum sw_drop want = total < 8                ? SW_DROP_UDP_TRUNCATED
                                : len < 8 || len > total ? SW_DROP_UDP_LEN
                                                         : SW_DROP_NONE;
            assert_int_equal(sw_udp_parse(p, total, total, &udp), want);
            test_free(p);
        }
    }
}

/* Built from nothing, both families: the golden bytes. */
static void test_build(void **state)
{
    (void)state;
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    static const struct golden rows[] = {{"abc", golden_udp4, sizeof(golden_udp4)},
                                         {"abcd", golden_udp6, sizeof(golden_udp6)}};
    for (unsigned i = 0; i < 2; i++) {
        struct sw_ip_hdr ip;
        uint8_t back[128];
        assert_int_equal(sw_ip_parse_hdr(rows[i].bytes, rows[i].len, rows[i].len, &ip),
                         SW_DROP_NONE);
        struct sw_packet *pkt = sw_packet_new(mem, SW_PACKET_HEAD);
        struct sw_chunk *chunk = sw_chunk_new(mem, 8);
        uint32_t len = (uint32_t)strlen(rows[i].name);
        memcpy(chunk->data, rows[i].name, len);
        chunk->fill = len;
        sw_packet_add_slice(pkt, (struct sw_slice){chunk, 0, len});
        sw_chunk_put(chunk);
        sw_udp_push_hdr(pkt, 5000, 9999, &ip.src, &ip.dst);
        sw_ip_push_hdr(pkt, &ip);
        assert_int_equal(pkt->csum, SW_CSUM_NEEDED);
        sw_packet_fill_csum(pkt);
        assert_int_equal(pkt->csum, SW_CSUM_FILLED);
        sw_packet_fill_csum(pkt); /* once is enough */
        assert_int_equal(sw_packet_copy(pkt, 0, back, sizeof(back)), rows[i].len);
        assert_memory_equal(back, rows[i].bytes, rows[i].len);
        sw_packet_free(pkt);
    }
    sw_mem_put(mem);
}

/* A datagram whose sum comes out as zero is sent with ffff (RFC 768). */
static void test_zero_is_sent_as_ffff(void **state)
{
    (void)state;
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    struct sw_ip_hdr ip = {.src = SW_IP4(10, 0, 0, 1),
                           .dst = SW_IP4(10, 0, 0, 2),
                           .version = 4,
                           .proto = SW_PROTO_UDP,
                           .ttl = 64};
    unsigned seen = 0;
    for (uint32_t port = 0; port < 65536; port++) {
        struct sw_packet *pkt = sw_packet_new(mem, SW_PACKET_HEAD);
        sw_udp_push_hdr(pkt, (uint16_t)port, 9, &ip.src, &ip.dst);
        sw_ip_push_hdr(pkt, &ip);
        sw_packet_fill_csum(pkt);
        const uint8_t *csum = sw_packet_head(pkt) + 26;
        assert_false(csum[0] == 0 && csum[1] == 0);
        seen += csum[0] == 0xff && csum[1] == 0xff;
        sw_packet_free(pkt);
    }
    assert_int_equal(seen, 1);
    sw_mem_put(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_build),
        cmocka_unit_test(test_zero_is_sent_as_ffff),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
