/* SPDX-License-Identifier: BSD-2-Clause */
/* IPv4 and IPv6 headers: golden packets, every truncation of them, chains of extension headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "wire/wire.h"

#include "base/rng.h"
#include "wire/golden.h"

#define PARSE(golden, hdr) sw_ip_parse_hdr(golden, sizeof(golden), sizeof(golden), hdr)

static const struct sw_ip a6 = {{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

static void test_ip4_fields(void **state)
{
    (void)state;
    struct sw_ip_hdr hdr;
    struct sw_ip a = SW_IP4(10, 0, 0, 1), b = SW_IP4(10, 0, 0, 2);
    assert_int_equal(PARSE(golden_tcp4_data, &hdr), SW_DROP_NONE);
    assert_true(sw_ip_eq(&hdr.src, &a));
    assert_true(sw_ip_eq(&hdr.dst, &b));
    assert_int_equal(hdr.version, 4);
    assert_int_equal(hdr.hdr_len, 20);
    assert_int_equal(hdr.payload_len, sizeof(golden_tcp4_data) - 20);
    assert_int_equal(hdr.id, 0xbeef);
    assert_int_equal(hdr.proto, SW_PROTO_TCP);
    assert_int_equal(hdr.ttl, 64);
    assert_int_equal(hdr.tos, 2);
    assert_true(hdr.dont_fragment);
    assert_false(hdr.fragment);

    assert_int_equal(PARSE(golden_ip4_frag, &hdr), SW_DROP_NONE);
    assert_true(hdr.fragment && hdr.more_fragments);
    assert_int_equal(hdr.frag_off, 24);
    assert_int_equal(PARSE(golden_ip4_options, &hdr), SW_DROP_NONE);
    assert_int_equal(hdr.hdr_len, 28);
}

static void test_ip6_fields(void **state)
{
    (void)state;
    struct sw_ip_hdr hdr;
    assert_int_equal(PARSE(golden_tcp6_syn, &hdr), SW_DROP_NONE);
    assert_true(sw_ip_eq(&hdr.src, &a6));
    assert_int_equal(hdr.version, 6);
    assert_int_equal(hdr.flow_label, 0xabcde);
    assert_int_equal(hdr.tos, 0xb8);
    assert_int_equal(hdr.hdr_len, 40);
    assert_int_equal(hdr.payload_len, 40);
    assert_int_equal(hdr.proto, SW_PROTO_TCP);

    assert_int_equal(PARSE(golden_ip6_chain, &hdr), SW_DROP_NONE);
    assert_int_equal(hdr.hdr_len, 64);
    assert_int_equal(hdr.payload_len, 13);
    assert_int_equal(hdr.proto, SW_PROTO_UDP);
    assert_int_equal(PARSE(golden_ip6_frag, &hdr), SW_DROP_NONE);
    assert_true(hdr.fragment && hdr.more_fragments);
    assert_int_equal(hdr.frag_off, 16);
    assert_int_equal(hdr.id, 0xdeadbeef);
    assert_int_equal(hdr.payload_len, 8);
    assert_int_equal(PARSE(golden_ip6_atomic, &hdr), SW_DROP_NONE);
    assert_false(hdr.fragment);
    assert_int_equal(hdr.hdr_len, 48);
    assert_int_equal(hdr.proto, SW_PROTO_UDP);
}

/* Each golden packet cut at every byte, in a buffer that ends there: AddressSanitizer watches. And
 * all of the packet there, but only its first bytes contiguous. */
static void test_truncation(void **state)
{
    (void)state;
    for (size_t g = 0; g < GOLDEN_COUNT; g++) {
        const struct golden *golden = &golden_packets[g];
        struct sw_ip_hdr whole, hdr;
        assert_int_equal(sw_ip_parse_hdr(golden->bytes, golden->len, golden->len, &whole), 0);
        for (size_t len = 0; len < golden->len; len++) {
            uint8_t *cut = test_malloc(len ? len : 1);
            memcpy(cut, golden->bytes, len);
            memset(&hdr, 0x55, sizeof(hdr));
            struct sw_ip_hdr before = hdr;
            assert_int_not_equal(sw_ip_parse_hdr(cut, len, len, &hdr), SW_DROP_NONE);
            assert_memory_equal(&hdr, &before, sizeof(hdr)); /* written only on success */
            enum sw_drop why = sw_ip_parse_hdr(cut, len, golden->len, &hdr);
            if (len < whole.hdr_len)
                assert_int_equal(why, SW_DROP_IP_TRUNCATED);
            else
                assert_int_equal(why, SW_DROP_NONE);
            test_free(cut);
        }
    }
}

/* Any one bit of an IPv4 header flipped is noticed, whatever it breaks. */
static void test_ip4_bit_flips(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 20 * 8; bit++) {
        uint8_t p[sizeof(golden_tcp4_data)];
        struct sw_ip_hdr hdr;
        memcpy(p, golden_tcp4_data, sizeof(p));
        p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(PARSE(p, &hdr), SW_DROP_NONE);
    }
}

/* An IPv4 header with these options, checksum right. */
static enum sw_drop parse_options(const uint8_t *opts, size_t len)
{
    uint8_t p[60] = {0x40, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2};
    struct sw_ip_hdr hdr;
    memcpy(p + 20, opts, len);
    p[0] = (uint8_t)(0x45 + len / 4);
    p[3] = (uint8_t)(20 + len);
    uint16_t csum = (uint16_t)~sw_csum_fold(sw_csum_add(0, p, 20 + len, false));
    p[10] = (uint8_t)(csum >> 8);
    p[11] = (uint8_t)csum;
    return sw_ip_parse_hdr(p, 20 + len, 20 + len, &hdr);
}

static void test_ip4_options(void **state)
{
    (void)state;
    assert_int_equal(parse_options((const uint8_t[]){0x94, 4, 0, 0}, 4), SW_DROP_NONE);
    assert_int_equal(parse_options((const uint8_t[]){1, 1, 0, 0xff}, 4),
                     SW_DROP_NONE); /* after end */
    assert_int_equal(parse_options((const uint8_t[]){0x94, 0, 0, 0}, 4), SW_DROP_IP_OPTION);
    assert_int_equal(parse_options((const uint8_t[]){0x94, 1, 0, 0}, 4), SW_DROP_IP_OPTION);
    assert_int_equal(parse_options((const uint8_t[]){0x94, 5, 0, 0}, 4), SW_DROP_IP_OPTION);
    assert_int_equal(parse_options((const uint8_t[]){1, 1, 1, 0x94}, 4), SW_DROP_IP_OPTION);
    assert_int_equal(parse_options((const uint8_t[]){131, 4, 4, 0}, 4), SW_DROP_IP_OPTION);
    assert_int_equal(parse_options((const uint8_t[]){137, 4, 4, 0}, 4), SW_DROP_IP_OPTION);
}

/* An IPv6 packet with `len` bytes behind the fixed header, the first of type `next`. */
static enum sw_drop parse6(uint8_t next, const uint8_t *behind, size_t len, struct sw_ip_hdr *hdr)
{
    uint8_t p[40 + 512] = {0x60};
    assert_true(len <= 512);
    p[4] = (uint8_t)(len >> 8);
    p[5] = (uint8_t)len;
    p[6] = next;
    memcpy(p + 8, a6.b, 16);
    memcpy(p + 24, a6.b, 16);
    memcpy(p + 40, behind, len);
    return sw_ip_parse_hdr(p, 40 + len, 40 + len, hdr);
}

static void test_ip6_chains(void **state)
{
    (void)state;
    struct sw_ip_hdr hdr;
    uint8_t chain[512] = {0};
    for (unsigned count = 1; count <= 20;
         count++) { /* destination headers of eight bytes, padding */
        for (unsigned i = 0; i < count; i++)
            memcpy(chain + 8 * i, (const uint8_t[]){i + 1 < count ? 60 : 17, 0, 1, 4, 0, 0, 0, 0},
                   8);
        enum sw_drop why = parse6(60, chain, 8 * count, &hdr);
        assert_int_equal(why, count <= SW_IP6_EXT_MAX ? SW_DROP_NONE : SW_DROP_IP_EXT_HEADER);
        if (why == SW_DROP_NONE)
            assert_int_equal(hdr.hdr_len, 40 + 8 * count);
    }
    /* lengths beyond the packet, up to the largest */
    for (unsigned len = 0; len < 256; len++) {
        memset(chain, 0, sizeof(chain));
        chain[0] = 17;
        chain[1] = (uint8_t)len;
        for (unsigned at = 2; at < 256; at += 2U + chain[at + 1]) { /* options to be passed over */
            chain[at] = 0x1e;
            chain[at + 1] = at + 2 < 8 + 8 * len ? (uint8_t)((8 + 8 * len - at - 2) & 0x7f) : 0;
        }
        enum sw_drop why = parse6(60, chain, 256, &hdr);
        assert_int_equal(why, 8 + 8 * len <= 256 ? SW_DROP_NONE : SW_DROP_IP_EXT_HEADER);
    }
    /* hop-by-hop not in front; a routing header with segments left; option lengths */
    static const struct {
        uint8_t next, bytes[16];
        size_t len;
    } bad[] = {
        {60, {0, 0, 1, 4, 0, 0, 0, 0, 17, 0, 1, 4}, 16}, /* destination, then hop-by-hop */
        {43, {17, 0, 0, 1}, 8},
        {60, {17, 0, 1, 5}, 8},                /* padding past the end */
        {60, {17, 0, 0, 0, 0, 0, 0, 1}, 8},    /* a type without a length */
        {60, {17, 0, 1, 4, 0, 0, 0, 9}, 8},    /* padding that says something */
        {60, {17, 1, 1, 5}, 16},               /* fourteen bytes of padding */
        {60, {17, 0, 0xc2, 4}, 8},             /* unknown, "discard" */
        {0, {17, 0, 0xc2, 4, 0, 1, 0, 0}, 8},  /* jumbo payload */
        {44, {17, 0, 0, 1}, 8},                /* an empty fragment */
        {44, {17, 0, 0, 1, 0, 0, 0, 0, 1}, 9}, /* more to come, but not a multiple of eight */
        {44, {17, 0, 0xff, 0xf8, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8}, 16}, /* beyond 65,535 */
    };
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_not_equal(parse6(bad[i].next, bad[i].bytes, bad[i].len, &hdr), SW_DROP_NONE);
    assert_int_equal(parse6(59, chain, 0, &hdr), SW_DROP_NONE);
    assert_int_equal(hdr.proto, 59);
}

static void test_mapped_addresses_are_refused(void **state)
{
    (void)state;
    uint8_t p[sizeof(golden_udp6)];
    struct sw_ip mapped = SW_IP4(127, 0, 0, 1);
    struct sw_ip_hdr hdr;
    memcpy(p, golden_udp6, sizeof(p));
    memcpy(p + 8, mapped.b, 16);
    assert_int_equal(PARSE(p, &hdr), SW_DROP_IP_MARTIAN_SRC);
    memcpy(p, golden_udp6, sizeof(p));
    memcpy(p + 24, mapped.b, 16);
    assert_int_equal(PARSE(p, &hdr), SW_DROP_IP_MARTIAN_DST);
}

static void test_push_is_the_inverse(void **state)
{
    (void)state;
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    for (size_t g = 0; g < GOLDEN_COUNT; g++) {
        const struct golden *golden = &golden_packets[g];
        struct sw_ip_hdr hdr;
        sw_ip_parse_hdr(golden->bytes, golden->len, golden->len, &hdr);
        uint32_t plain = hdr.version == 4 ? 20 : hdr.fragment ? 48 : 40;
        if (hdr.hdr_len != plain)
            continue; /* options and chains are read, never written */
        struct sw_packet *pkt = sw_packet_from_bytes(mem, golden->bytes, golden->len);
        assert_int_equal(sw_packet_need(pkt, (uint16_t)hdr.hdr_len), 0);
        sw_packet_pull(pkt, (uint16_t)hdr.hdr_len);
        sw_ip_push_hdr(pkt, &hdr);
        uint8_t back[512];
        assert_int_equal(sw_packet_copy(pkt, 0, back, sizeof(back)), golden->len);
        assert_memory_equal(back, golden->bytes, golden->len);
        sw_packet_free(pkt);
    }
    assert_int_equal(sw_mem_used(mem), 0);
    sw_mem_put(mem);
}

/* Random bytes behind a right first nibble: whatever is accepted lies within the packet. */
static void test_random_bytes(void **state)
{
    (void)state;
    struct sw_rng rng;
    sw_rng_init(&rng, (const uint8_t[16]){5});
    unsigned accepted = 0;
    for (unsigned round = 0; round < 200000; round++) {
        uint8_t p[96];
        size_t len = sw_rng_below(&rng, sizeof(p) + 1);
        for (size_t i = 0; i < len; i++)
            p[i] = (uint8_t)(sw_rng_below(&rng, 3) ? 0 : sw_rng_below(&rng, 256));
        if (len > 0)
            p[0] = 0x60;
        if (len > 6) {
            p[4] = 0;
            p[6] = (uint8_t[]){0, 43, 44, 60}[sw_rng_below(&rng, 4)];
        }
        struct sw_ip_hdr hdr;
        if (sw_ip_parse_hdr(p, len, len, &hdr) == SW_DROP_NONE) {
            accepted++;
            assert_true(hdr.hdr_len >= 40 && hdr.hdr_len + hdr.payload_len <= len);
        }
    }
    assert_true(accepted > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ip4_fields),
        cmocka_unit_test(test_ip6_fields),
        cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_ip4_bit_flips),
        cmocka_unit_test(test_ip4_options),
        cmocka_unit_test(test_ip6_chains),
        cmocka_unit_test(test_mapped_addresses_are_refused),
        cmocka_unit_test(test_push_is_the_inverse),
        cmocka_unit_test(test_random_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
