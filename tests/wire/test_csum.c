/* SPDX-License-Identifier: BSD-2-Clause */
/* The Internet checksum: RFC 1071's example, a plain 16-bit loop as the model, golden packets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "wire/wire.h"

#include "base/rng.h"
#include "wire/golden.h"

/* The RFC's definition, one word at a time. */
static uint16_t model(const uint8_t *p, size_t len)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < len; i++)
        sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
    while (sum >> 16)
        sum = (sum >> 16) + (sum & 0xffff);
    return (uint16_t)sum;
}

static void test_rfc_1071_example(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    assert_int_equal(sw_csum_fold(sw_csum_add(0, bytes, sizeof(bytes), false)), 0xddf2);
    assert_int_equal(sw_csum_fold(sw_csum_add(0, bytes, 0, false)), 0);
}

static void test_against_the_model(void **state)
{
    (void)state;
    static uint8_t bytes[70000];
    struct sw_rng rng;
    sw_rng_init(&rng, (const uint8_t[16]){1});
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)sw_rng_below(&rng, 256);
    for (size_t len = 0; len < 300; len++) {
        for (size_t off = 0; off < 5; off++) {
            uint64_t sum = sw_csum_add(0, bytes + off, len, false);
            assert_int_equal(sw_csum_fold(sum), model(bytes + off, len));
            for (size_t cut = 0; cut <= len; cut += 7) { /* in two pieces */
                sum = sw_csum_add(0, bytes + off, cut, false);
                sum = sw_csum_add(sum, bytes + off + cut, len - cut, cut % 2 != 0);
                assert_int_equal(sw_csum_fold(sum), model(bytes + off, len));
            }
        }
    }
    assert_int_equal(sw_csum_fold(sw_csum_add(0, bytes, sizeof(bytes), false)),
                     model(bytes, sizeof(bytes)));
    memset(bytes, 0xff, sizeof(bytes)); /* the largest sums */
    assert_int_equal(sw_csum_fold(sw_csum_add(0, bytes, 65535, false)), model(bytes, 65535));
}

/* More bytes than the lanes can sum in one go. */
static void test_no_lane_overflows(void **state)
{
    (void)state;
    size_t len = 3 << 20;
    uint8_t *bytes = test_malloc(len);
    memset(bytes, 0xff, len);
    bytes[len - 1] = 0xfe;
    assert_int_equal(sw_csum_fold(sw_csum_add(0, bytes, len, false)), 0xfffe);
    test_free(bytes);
}

/* Golden checksums verify, any flipped bit of what they cover does not, and filling makes them
 * again. */
static void test_golden_packets(void **state)
{
    (void)state;
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    unsigned checked = 0;
    for (size_t g = 0; g < GOLDEN_COUNT; g++) {
        uint8_t bytes[512];
        size_t len = golden_packets[g].len;
        memcpy(bytes, golden_packets[g].bytes, len);
        struct sw_ip_hdr ip;
        assert_int_equal(sw_ip_parse_hdr(bytes, len, len, &ip), SW_DROP_NONE);
        if (ip.fragment)
            continue;
        for (size_t bit = ip.hdr_len * 8; bit <= len * 8; bit++) {
            if (bit < len * 8)
                bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            struct sw_packet *pkt = sw_packet_from_bytes(mem, bytes, len);
            sw_packet_pull(pkt, (uint16_t)ip.hdr_len);
            assert_int_equal(sw_transport_csum_ok(pkt, &ip, ip.payload_len), bit == len * 8);
            sw_packet_free(pkt);
            if (bit < len * 8)
                bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            checked++;
        }
    }
    assert_true(checked > 3000);
    assert_int_equal(sw_mem_used(mem), 0);
    sw_mem_put(mem);
}

/* Any stretch of a packet whose head and slices end at odd places sums up like the flat bytes. */
static void test_packet_in_odd_pieces(void **state)
{
    (void)state;
    enum { LEN = 41 };
    static const uint32_t pieces[] = {7, 1, 12, 3, 13};
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    struct sw_packet *pkt = sw_packet_new(mem, 5);
    uint8_t flat[LEN];
    uint32_t at = 5;
    for (uint32_t i = 0; i < LEN; i++)
        flat[i] = (uint8_t)(i * 37 + 1);
    memcpy(sw_packet_push(pkt, 5), flat, 5);
    for (unsigned i = 0; i < 5; i++) {
        struct sw_chunk *chunk = sw_chunk_new(mem, pieces[i]);
        memcpy(chunk->data, flat + at, pieces[i]);
        chunk->fill = pieces[i];
        assert_int_equal(sw_packet_add_slice(pkt, (struct sw_slice){chunk, 0, pieces[i]}), 0);
        sw_chunk_put(chunk);
        at += pieces[i];
    }
    assert_int_equal(at, LEN);
    for (uint32_t off = 0; off <= LEN; off++)
        for (uint32_t len = 0; len <= LEN - off; len++)
            assert_int_equal(sw_csum_fold(sw_csum_packet(pkt, off, len)), model(flat + off, len));
    sw_packet_free(pkt);
    sw_mem_put(mem);
}

static void test_udp_without_checksum(void **state)
{
    (void)state;
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    uint8_t four[sizeof(golden_udp4)], six[sizeof(golden_udp6)];
    struct sw_ip_hdr ip;
    memcpy(four, golden_udp4, sizeof(four));
    memset(four + 26, 0, 2);
    memcpy(six, golden_udp6, sizeof(six));
    memset(six + 46, 0, 2);
    struct sw_packet *pkt = sw_packet_from_bytes(mem, four, sizeof(four));
    sw_ip_parse_hdr(four, sizeof(four), sizeof(four), &ip);
    sw_packet_pull(pkt, 20);
    assert_true(sw_transport_csum_ok(pkt, &ip, ip.payload_len));
    sw_packet_free(pkt);
    pkt = sw_packet_from_bytes(mem, six, sizeof(six));
    sw_ip_parse_hdr(six, sizeof(six), sizeof(six), &ip);
    sw_packet_pull(pkt, 40);
    assert_false(sw_transport_csum_ok(pkt, &ip, ip.payload_len));
    sw_packet_free(pkt);
    sw_mem_put(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc_1071_example),     cmocka_unit_test(test_against_the_model),
        cmocka_unit_test(test_no_lane_overflows),    cmocka_unit_test(test_golden_packets),
        cmocka_unit_test(test_packet_in_odd_pieces), cmocka_unit_test(test_udp_without_checksum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
