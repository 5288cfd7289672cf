/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets from bytes: any bytes give a packet, and its head holds what a parser asks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "wire/wire.h"

#include "base/rng.h"
#include "wire/golden.h"

static void test_headers_lie_in_the_head(void **state)
{
    (void)state;
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    for (size_t g = 0; g < GOLDEN_COUNT; g++) {
        const struct golden *golden = &golden_packets[g];
        struct sw_packet *pkt = sw_packet_from_bytes(mem, golden->bytes, golden->len);
        struct sw_ip_hdr ip;
        struct sw_tcp_hdr tcp;
        struct sw_udp_hdr udp;
        uint8_t back[512];
        assert_int_equal(pkt->csum, SW_CSUM_FILLED);
        assert_int_equal(sw_packet_copy(pkt, 0, back, sizeof(back)), golden->len);
        assert_memory_equal(back, golden->bytes, golden->len);
        const uint8_t *head = sw_packet_head(pkt);
        assert_int_equal(sw_ip_parse_hdr(head, pkt->head_len, golden->len, &ip), SW_DROP_NONE);
        size_t have = pkt->head_len - ip.hdr_len;
        if (ip.proto == SW_PROTO_TCP) {
            assert_int_equal(sw_tcp_parse(head + ip.hdr_len, have, ip.payload_len, &tcp),
                             SW_DROP_NONE);
            assert_int_equal(pkt->head_len, ip.hdr_len + tcp.hdr_len);
        }
        if (ip.proto == SW_PROTO_UDP && !ip.fragment) {
            assert_int_equal(sw_udp_parse(head + ip.hdr_len, have, ip.payload_len, &udp),
                             SW_DROP_NONE);
            assert_int_equal(pkt->head_len, ip.hdr_len + 8);
        }
        sw_packet_free(pkt);
    }
    assert_int_equal(sw_mem_used(mem), 0);
    sw_mem_put(mem);
}

static void test_lengths(void **state)
{
    (void)state;
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    static const uint8_t bytes[SW_PACKET_MAX + 41];
    assert_null(sw_packet_from_bytes(mem, bytes, 0));
    assert_null(sw_packet_from_bytes(mem, bytes, sizeof(bytes)));
    struct sw_packet *pkt = sw_packet_from_bytes(mem, bytes, sizeof(bytes) - 1);
    assert_int_equal(sw_packet_len(pkt), sizeof(bytes) - 1);
    sw_packet_free(pkt);
    sw_mem_put(mem);

    mem = sw_mem_new(&sw_alloc_libc, 1000);
    assert_null(sw_packet_from_bytes(mem, bytes, 2000));
    assert_int_equal(sw_mem_used(mem), 0);
    sw_mem_put(mem);
}

/* Golden packets with random bytes written over: the verdict is the same before and after, where
 * all headers fit into a head. */
static void test_damaged_packets(void **state)
{
    (void)state;
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    struct sw_rng rng;
    sw_rng_init(&rng, (const uint8_t[16]){11});
    for (unsigned round = 0; round < 50000; round++) {
        const struct golden *golden = &golden_packets[round % GOLDEN_COUNT];
        uint8_t bytes[512], back[512];
        size_t len = sw_rng_below(&rng, (uint32_t)golden->len) + 1;
        memcpy(bytes, golden->bytes, len);
        for (uint32_t n = sw_rng_below(&rng, 4); n > 0; n--) {
            uint32_t at = sw_rng_below(&rng, (uint32_t)len);
            bytes[at] = (uint8_t)sw_rng_below(&rng, 256);
        }
        struct sw_packet *pkt = sw_packet_from_bytes(mem, bytes, len);
        assert_int_equal(sw_packet_copy(pkt, 0, back, sizeof(back)), len);
        assert_memory_equal(back, bytes, len);
        struct sw_ip_hdr one, two;
        enum sw_drop why = sw_ip_parse_hdr(bytes, len, len, &one);
        assert_int_equal(sw_ip_parse_hdr(sw_packet_head(pkt), pkt->head_len, len, &two), why);
        if (why == SW_DROP_NONE && !one.fragment && one.proto == SW_PROTO_TCP) {
            struct sw_tcp_hdr tcp;
            size_t have = pkt->head_len - one.hdr_len, total = one.payload_len;
            why = sw_tcp_parse(bytes + one.hdr_len, total, total, &tcp);
            have = have < total ? have : total;
            assert_int_equal(sw_tcp_parse(sw_packet_head(pkt) + one.hdr_len, have, total, &tcp),
                             why);
        }
        sw_packet_free(pkt);
    }
    assert_int_equal(sw_mem_used(mem), 0);
    sw_mem_put(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers_lie_in_the_head),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_damaged_packets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
