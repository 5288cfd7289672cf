/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP headers and options: golden packets, truncation, malformed options, round trips. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "wire/wire.h"

#include "wire/golden.h"

/* The TCP header of a golden IPv4 packet without IP options. */
#define PARSE4(golden, hdr) sw_tcp_parse(golden + 20, sizeof(golden) - 20, sizeof(golden) - 20, hdr)

static void test_syn(void **state)
{
    (void)state;
    struct sw_tcp_hdr hdr;
    assert_int_equal(PARSE4(golden_tcp4_syn, &hdr), SW_DROP_NONE);
    assert_int_equal(hdr.src_port, 40000);
    assert_int_equal(hdr.dst_port, 80);
    assert_int_equal(hdr.seq.v, 0xfffffff0);
    assert_int_equal(hdr.flags, SW_TCP_SYN);
    assert_int_equal(hdr.window, 64240);
    assert_int_equal(hdr.hdr_len, 40);
    assert_true(hdr.has_mss && hdr.has_wscale && hdr.has_ts && hdr.sack_ok);
    assert_int_equal(hdr.mss, 1460);
    assert_int_equal(hdr.wscale, 7);
    assert_int_equal(hdr.ts_val, 0x11223344);
    assert_int_equal(hdr.ts_ecr, 0);
    assert_int_equal(hdr.n_sacks, 0);
}

static void test_sack_and_fast_open(void **state)
{
    (void)state;
    struct sw_tcp_hdr hdr;
    assert_int_equal(PARSE4(golden_tcp4_sack, &hdr), SW_DROP_NONE);
    assert_int_equal(hdr.n_sacks, 3);
    assert_int_equal(hdr.sacks[2].left.v, 7000);
    assert_int_equal(hdr.sacks[2].right.v, 8000);
    assert_int_equal(PARSE4(golden_tcp4_tfo, &hdr), SW_DROP_NONE);
    assert_true(hdr.has_tfo);
    assert_int_equal(hdr.tfo_len, 8);
    assert_memory_equal(hdr.tfo_cookie, "\1\2\3\4\5\6\7\10", 8);
}

/* A header with these option bytes, padded with zeros. */
static enum sw_drop parse_options(uint16_t flags, const uint8_t *opts, size_t len,
                                  struct sw_tcp_hdr *hdr)
{
    uint8_t p[60] = {0};
    size_t padded = (len + 3) / 4 * 4;
    memcpy(p + 20, opts, len);
    p[12] = (uint8_t)((20 + padded) / 4 << 4);
    p[13] = (uint8_t)flags;
    return sw_tcp_parse(p, 20 + padded, 20 + padded, hdr);
}

static void test_malformed_options(void **state)
{
    (void)state;
    struct sw_tcp_hdr hdr;
    for (unsigned kind = 2; kind < 256; kind++) {
        for (unsigned len = 0; len < 256; len++) {
            uint8_t opts[8] = {(uint8_t)kind, (uint8_t)len};
            enum sw_drop want = len < 2 || len > 8 ? SW_DROP_TCP_OPTION : SW_DROP_NONE;
            assert_int_equal(parse_options(SW_TCP_SYN, opts, 8, &hdr), want);
        }
    }
    assert_int_equal(parse_options(0, (const uint8_t[]){1, 1, 1, 8}, 4, &hdr), SW_DROP_TCP_OPTION);
    assert_int_equal(parse_options(0, (const uint8_t[]){0, 8, 0, 0}, 4, &hdr), SW_DROP_NONE);
}

static void test_options_of_the_wrong_length_or_place_are_skipped(void **state)
{
    (void)state;
    struct sw_tcp_hdr hdr;
    assert_int_equal(parse_options(SW_TCP_SYN, (const uint8_t[]){2, 3, 5, 3, 4, 1, 1}, 7, &hdr), 0);
    assert_false(hdr.has_mss || hdr.has_wscale);
    assert_int_equal(parse_options(SW_TCP_ACK, (const uint8_t[]){2, 4, 5, 180, 4, 2}, 6, &hdr), 0);
    assert_false(hdr.has_mss || hdr.sack_ok);
    assert_int_equal(parse_options(SW_TCP_SYN, (const uint8_t[]){2, 4, 0, 0}, 4, &hdr), 0);
    assert_false(hdr.has_mss);
    assert_int_equal(parse_options(SW_TCP_SYN, (const uint8_t[]){3, 3, 200}, 3, &hdr), 0);
    assert_true(hdr.has_wscale);
    assert_int_equal(hdr.wscale, 14);
    for (uint8_t len = 2; len <= 40; len++) { /* SACK: 8n + 2; Fast Open: 2, 6 .. 18, even */
        uint8_t opts[40] = {5, len};
        assert_int_equal(parse_options(SW_TCP_ACK, opts, len, &hdr), 0);
        assert_int_equal(hdr.n_sacks, (len - 2) % 8 == 0 ? (len - 2) / 8 : 0);
        opts[0] = 34;
        assert_int_equal(parse_options(SW_TCP_SYN, opts, len, &hdr), 0);
        assert_int_equal(hdr.has_tfo, len == 2 || (len >= 6 && len <= 18 && len % 2 == 0));
    }
}

/* Every data offset in every length of segment, contiguous or not. */
static void test_all_lengths(void **state)
{
    (void)state;
    for (unsigned doff = 0; doff < 16; doff++) {
        for (size_t total = 0; total <= 64; total++) {
            uint8_t *p = test_calloc(1, total ? total : 1);
            struct sw_tcp_hdr hdr;
            if (total > 12)
                p[12] = (uint8_t)(doff << 4);
            enum sw_drop want = total < 20                     ? SW_DROP_TCP_TRUNCATED
                                : doff < 5 || doff * 4 > total ? SW_DROP_TCP_HEADER_LEN
                                                               : SW_DROP_NONE;
            assert_int_equal(sw_tcp_parse(p, total, total, &hdr), want);
            if (want == SW_DROP_NONE && doff > 5)
                assert_int_equal(sw_tcp_parse(p, doff * 4 - 1, total, &hdr), SW_DROP_TCP_TRUNCATED);
            test_free(p);
        }
    }
}

/* Bytes of a segment without data, from 10.0.0.1 to 10.0.0.2. */
static size_t build(const struct sw_tcp_hdr *hdr, uint8_t *buf, size_t size)
{
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    struct sw_packet *pkt = sw_packet_new(mem, SW_PACKET_HEAD);
    struct sw_ip a = SW_IP4(10, 0, 0, 1), b = SW_IP4(10, 0, 0, 2);
    uint8_t len = sw_tcp_push_hdr(pkt, hdr, &a, &b);
    assert_int_equal(len, SW_TCP_HDR + sw_tcp_opts_len(hdr));
    assert_int_equal(pkt->csum, SW_CSUM_NEEDED);
    size_t n = sw_packet_copy(pkt, 0, buf, size);
    sw_packet_free(pkt);
    assert_int_equal(sw_mem_used(mem), 0);
    sw_mem_put(mem);
    return n;
}

/* What Linux sends is what we send: the option order of golden SYN and SACK. */
static void test_golden_round_trip(void **state)
{
    (void)state;
    static const struct golden *const rows[] = {&golden_packets[0], &golden_packets[2]};
    for (unsigned i = 0; i < 2; i++) {
        struct sw_tcp_hdr hdr;
        uint8_t buf[64];
        size_t len = rows[i]->len - 20;
        assert_int_equal(sw_tcp_parse(rows[i]->bytes + 20, len, len, &hdr), 0);
        assert_int_equal(build(&hdr, buf, sizeof(buf)), len);
        memcpy(buf + 16, rows[i]->bytes + 36, 2); /* the checksum is not filled in yet */
        assert_memory_equal(buf, rows[i]->bytes + 20, len);
    }
}

/* Every set of options that goes out comes in again, padded to words, SACK blocks as far as they
 * fit. */
static void test_round_trip_of_all_combinations(void **state)
{
    (void)state;
    for (unsigned set = 0; set < 32; set++) {
        for (uint8_t sacks = 0; sacks <= SW_TCP_SACKS; sacks++) {
            for (uint8_t cookie = 2; cookie <= 16; cookie = (uint8_t)(cookie + 2)) {
                struct sw_tcp_hdr in = {.src_port = 1,
                                        .dst_port = 2,
                                        .flags = SW_TCP_SYN | SW_TCP_AE},
                                  out;
                in.has_mss = set & 1, in.mss = 1460;
                in.has_wscale = set & 2, in.wscale = 9;
                in.has_ts = set & 4, in.ts_val = 7, in.ts_ecr = 8;
                in.sack_ok = set & 8;
                in.has_tfo = set & 16;
                in.tfo_len = in.has_tfo && cookie > 2 ? cookie : 0;
                memset(in.tfo_cookie, 0xaa, in.tfo_len);
                in.n_sacks = sacks;
                for (uint8_t i = 0; i < sacks; i++)
                    in.sacks[i] = (struct sw_tcp_sack){sw_seq_of(i), sw_seq_of(i + 100U)};
                if (in.tfo_len == 16 && in.has_ts && (in.has_mss + in.has_wscale > 1))
                    continue; /* 12 + 20 + 4 + 4 fits, just */
                uint8_t buf[64];
                size_t len = build(&in, buf, sizeof(buf));
                assert_true(len <= SW_TCP_HDR_MAX && len % 4 == 0);
                assert_int_equal(sw_tcp_parse(buf, len, len, &out), SW_DROP_NONE);
                assert_int_equal(out.flags, in.flags);
                assert_int_equal(out.has_mss, in.has_mss);
                assert_int_equal(out.has_wscale, in.has_wscale);
                assert_int_equal(out.has_ts, in.has_ts);
                assert_int_equal(out.sack_ok, in.sack_ok);
                assert_int_equal(out.has_tfo, in.has_tfo);
                assert_int_equal(out.tfo_len, in.tfo_len);
                size_t one_more = out.n_sacks ? 8 : 12; /* bytes */
                assert_true(out.n_sacks == sacks || len + one_more > SW_TCP_HDR_MAX);
                for (uint8_t i = 0; i < out.n_sacks; i++)
                    assert_int_equal(out.sacks[i].right.v, i + 100U);
            }
        }
    }
}

/* The AccECN option: each length and order, comes back; lengths that are none count as the fields
 * that are whole (RFC 9768 3.2.3); on a SYN it is ignored (3.2.3.2.1). */
static void test_accecn(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 8; n++) {
        uint8_t buf[60];
        struct sw_tcp_hdr out, in = {.flags = SW_TCP_ACK, .has_ts = true};
        in.accecn = (struct sw_tcp_accecn){.present = true,
                                           .order = n & 1,
                                           .fields = (uint8_t)(n / 2),
                                           .bytes = {0xfff001, 1, 0x800000}};
        in.n_sacks = 2;
        assert_int_equal(sw_tcp_opts_room(&in, 4),
                         40 - 12 - 20 - SW_TCP_ACCECN_LEN(in.accecn.fields) > 40
                             ? 0
                             : 40 - 12 - 20 - SW_TCP_ACCECN_LEN(in.accecn.fields));
        size_t len = build(&in, buf, sizeof(buf));
        assert_int_equal(sw_tcp_parse(buf, len, len, &out), SW_DROP_NONE);
        assert_true(out.accecn.present);
        assert_int_equal(out.accecn.order, in.accecn.order);
        assert_int_equal(out.accecn.fields, in.accecn.fields);
        for (unsigned i = 0; i < out.accecn.fields; i++)
            assert_int_equal(out.accecn.bytes[i], in.accecn.bytes[i]);
        assert_int_equal(out.n_sacks, n / 2 == 3 ? 1 : 2);
    }
    struct sw_tcp_hdr hdr;
    for (uint8_t len = 2; len <= 20; len++) {
        uint8_t opts[20] = {174, len, 1, 2, 3};
        assert_int_equal(parse_options(SW_TCP_ACK, opts, len, &hdr), 0);
        assert_int_equal(hdr.accecn.fields, len < 11 ? (len - 2) / 3 : 3);
        assert_int_equal(hdr.accecn.order, 1);
        assert_int_equal(parse_options(SW_TCP_SYN, opts, len, &hdr), 0);
        assert_false(hdr.accecn.present);
        assert_int_equal(parse_options(SW_TCP_SYN | SW_TCP_ACK, opts, len, &hdr), 0);
        assert_true(hdr.accecn.present);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_syn),
        cmocka_unit_test(test_sack_and_fast_open),
        cmocka_unit_test(test_malformed_options),
        cmocka_unit_test(test_options_of_the_wrong_length_or_place_are_skipped),
        cmocka_unit_test(test_all_lengths),
        cmocka_unit_test(test_golden_round_trip),
        cmocka_unit_test(test_round_trip_of_all_combinations),
        cmocka_unit_test(test_accecn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
