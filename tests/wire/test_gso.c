/* SPDX-License-Identifier: BSD-2-Clause */
/* Cutting and merging TCP super-segments: each the inverse of the other, every piece a right
 * packet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "wire/wire.h"

#include "wire/golden.h"

static struct sw_mem *mem;

static int setup(void **state)
{
    (void)state;
    mem = sw_mem_new(&sw_alloc_libc, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(sw_mem_used(mem), 0);
    sw_mem_put(mem);
    return 0;
}

static uint8_t pattern(uint32_t at)
{
    return (uint8_t)(at * 7 + at / 256);
}

static const struct sw_ip a6 = {{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

/* A super-segment of `len` payload bytes in slices of three sizes. */
static struct sw_packet *super_segment(uint8_t version, uint32_t len, uint16_t gso_size)
{
    struct sw_packet *pkt = sw_packet_new(mem, SW_PACKET_HEAD);
    for (uint32_t off = 0, n; off < len; off += n) {
        n = len / 9 + 1 < len - off ? len / 9 + 1 : len - off;
        struct sw_chunk *chunk = sw_chunk_new(mem, n + 3);
        for (uint32_t i = 0; i < n; i++)
            chunk->data[3 + i] = pattern(off + i);
        chunk->fill = n + 3;
        assert_int_equal(sw_packet_add_slice(pkt, (struct sw_slice){chunk, 3, n}), 0);
        sw_chunk_put(chunk);
    }
    struct sw_tcp_hdr tcp = {.src_port = 1,
                             .dst_port = 2,
                             .seq = sw_seq_of(0xffffff00),
                             .ack = sw_seq_of(5),
                             .flags = SW_TCP_ACK | SW_TCP_PSH | SW_TCP_FIN | SW_TCP_CWR,
                             .window = 100,
                             .has_ts = true,
                             .ts_val = 3,
                             .ts_ecr = 4};
    struct sw_ip_hdr ip = {.src = SW_IP4(10, 0, 0, 1),
                           .dst = SW_IP4(10, 0, 0, 2),
                           .version = version,
                           .proto = SW_PROTO_TCP,
                           .ttl = 64,
                           .tos = 2,
                           .id = 0xfffe,
                           .dont_fragment = true};
    if (version == 6)
        ip.src = ip.dst = a6;
    sw_tcp_push_hdr(pkt, &tcp, &ip.src, &ip.dst);
    sw_ip_push_hdr(pkt, &ip);
    pkt->gso_size = gso_size;
    return pkt;
}

/* Parses a piece, checksum and all, and that its payload is the pattern from `off` on. */
static void assert_right(struct sw_packet *pkt, uint32_t off, struct sw_ip_hdr *ip,
                         struct sw_tcp_hdr *tcp)
{
    static uint8_t bytes[70000];
    sw_packet_fill_csum(pkt);
    size_t len = sw_packet_copy(pkt, 0, bytes, sizeof(bytes));
    assert_int_equal(sw_ip_parse_hdr(bytes, len, len, ip), SW_DROP_NONE);
    assert_int_equal(ip->hdr_len + ip->payload_len, len);
    assert_int_equal(sw_tcp_parse(bytes + ip->hdr_len, ip->payload_len, ip->payload_len, tcp),
                     SW_DROP_NONE);
    sw_packet_pull(pkt, (uint16_t)ip->hdr_len);
    assert_true(sw_transport_csum_ok(pkt, ip, ip->payload_len));
    sw_packet_push(pkt, (uint16_t)ip->hdr_len);
    for (size_t i = ip->hdr_len + tcp->hdr_len; i < len; i++)
        assert_int_equal(bytes[i], pattern(off++));
}

static void cut(uint8_t version, uint32_t len, uint16_t size)
{
    struct sw_packet *super = super_segment(version, len, size);
    uint32_t off = 0, count = 0;
    while (super) {
        struct sw_packet *piece = sw_gso_next(&super);
        struct sw_ip_hdr ip;
        struct sw_tcp_hdr tcp;
        assert_non_null(piece);
        assert_int_equal(piece->gso_size, 0);
        assert_int_equal(piece->data_len, len - off < size ? len - off : size);
        assert_int_equal(piece->csum, SW_CSUM_NEEDED);
        assert_right(piece, off, &ip, &tcp);
        assert_int_equal(tcp.seq.v, 0xffffff00 + off);
        assert_int_equal(tcp.flags & SW_TCP_CWR, off == 0 ? SW_TCP_CWR : 0);
        uint16_t end = SW_TCP_FIN | SW_TCP_PSH;
        assert_int_equal(tcp.flags & end, off + piece->data_len == len ? end : 0);
        assert_int_equal(ip.id, version == 4 ? (0xfffe + count) & 0xffff : 0);
        off += piece->data_len;
        count++;
        sw_packet_free(piece);
    }
    assert_int_equal(off, len);
    assert_int_equal(count, len == 0 ? 1 : (len + size - 1) / size);
}

static void test_cut(void **state)
{
    (void)state;
    for (uint8_t version = 4; version <= 6; version += 2) {
        cut(version, 65000, 1448);
        cut(version, 65000, 65535);
        cut(version, 2896, 1448);
        cut(version, 1448, 1448);
        cut(version, 1, 1448);
        cut(version, 0, 1448);
        cut(version, 100, 1);
        cut(version, 1000, 7);
    }
}

/* Each piece has the whole of ACE (RFC 9768 3.3), where CWR by itself is said once only. */
static void test_ace_is_on_every_piece(void **state)
{
    (void)state;
    for (int ace = 0; ace < 2; ace++) {
        struct sw_packet *super = super_segment(4, 3000, 1000);
        uint8_t *flags = sw_packet_head(super) + 20 + 13;
        *flags |= SW_TCP_CWR;
        super->ace = ace;
        for (uint32_t off = 0; super; off += 1000) {
            struct sw_packet *piece = sw_gso_next(&super);
            bool cwr = sw_packet_head(piece)[20 + 13] & SW_TCP_CWR;
            assert_int_equal(cwr, ace || off == 0);
            sw_packet_free(piece);
        }
    }
}

static void test_plain_packet_is_returned(void **state)
{
    (void)state;
    struct sw_packet *pkt = super_segment(4, 5000, 0), *super = pkt;
    assert_ptr_equal(sw_gso_next(&super), pkt);
    assert_null(super);
    sw_packet_free(pkt);
}

static void test_filled_super_segment(void **state)
{
    (void)state;
    struct sw_packet *super = super_segment(4, 5000, 1000);
    sw_packet_fill_csum(super);
    for (uint32_t off = 0; super; off += 1000) {
        struct sw_packet *piece = sw_gso_next(&super);
        struct sw_ip_hdr ip;
        struct sw_tcp_hdr tcp;
        assert_right(piece, off, &ip, &tcp);
        sw_packet_free(piece);
    }
}

static void test_no_memory_leaves_the_rest(void **state)
{
    (void)state;
    struct sw_mem *small = sw_mem_new(&sw_alloc_libc, sizeof(struct sw_packet) + 500);
    struct sw_mem *usual = mem;
    mem = small;
    struct sw_packet *super = super_segment(4, 30, 10), *before = super;
    mem = usual;
    assert_null(sw_gso_next(&super));
    assert_ptr_equal(super, before);
    assert_int_equal(super->data_len, 30);
    sw_packet_free(super);
    assert_int_equal(sw_mem_used(small), 0);
    sw_mem_put(small);
}

/* Without CWR and FIN, which do not merge. */
static struct sw_packet *mergeable(uint8_t version, uint32_t len, uint16_t size)
{
    struct sw_packet *pkt = super_segment(version, len, size);
    uint8_t *tcp = sw_packet_head(pkt) + (version == 4 ? 20 : 40);
    tcp[13] = SW_TCP_ACK | SW_TCP_PSH;
    return pkt;
}

static void test_merge_undoes_cut(void **state)
{
    (void)state;
    for (unsigned run = 0; run < 4; run++) {
        uint8_t version = run & 1 ? 6 : 4;
        struct sw_packet *super = mergeable(version, 10000, 1448);
        struct sw_packet *whole = sw_gso_next(&super);
        while (super) {
            struct sw_packet *piece = sw_gso_next(&super);
            if (run & 2) { /* by way of a wire */
                uint8_t bytes[2000];
                sw_packet_fill_csum(piece);
                size_t len = sw_packet_copy(piece, 0, bytes, sizeof(bytes));
                sw_packet_free(piece);
                piece = sw_packet_from_bytes(mem, bytes, len);
            }
            assert_true(sw_gro_merge(whole, piece));
        }
        struct sw_ip_hdr ip;
        struct sw_tcp_hdr tcp;
        assert_int_equal(whole->data_len, 10000);
        assert_int_equal(whole->gso_size, 1448);
        assert_int_equal(whole->csum, SW_CSUM_NEEDED);
        assert_right(whole, 0, &ip, &tcp);
        assert_int_equal(tcp.flags, SW_TCP_ACK | SW_TCP_PSH);
        assert_int_equal(tcp.seq.v, 0xffffff00);
        sw_packet_free(whole);
    }
}

/* What differs must not merge, and nothing changes then: each row flips one byte of the second. */
static void test_merge_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        unsigned at; /* in an IPv4 packet */
    } rows[] = {
        {"tos", 1},          {"fragment", 6}, {"ttl", 8},        {"source", 15},
        {"destination", 19}, {"port", 21},    {"seq", 27},       {"ack", 31},
        {"flags", 33},       {"window", 35},  {"timestamp", 47},
    };
    for (unsigned i = 0; i <= sizeof(rows) / sizeof(rows[0]); i++) {
        struct sw_packet *super = mergeable(4, 2000, 1000);
        struct sw_packet *first = sw_gso_next(&super), *second = sw_gso_next(&super);
        if (i < sizeof(rows) / sizeof(rows[0])) {
            uint8_t *p = sw_packet_head(second);
            p[rows[i].at] ^= rows[i].at == 33 ? SW_TCP_URG : 0x20;
            p[10] = p[11] = 0;
            uint16_t csum = (uint16_t)~sw_csum_fold(sw_csum_add(0, p, 20, false));
            p[10] = (uint8_t)(csum >> 8);
            p[11] = (uint8_t)csum;
            assert_false(sw_gro_merge(first, second));
            assert_int_equal(first->data_len, 1000);
            sw_packet_free(second);
        } else {
            assert_true(sw_gro_merge(first, second));
        }
        sw_packet_free(first);
    }
}

static void test_merge_refuses_a_bad_checksum(void **state)
{
    (void)state;
    struct sw_packet *super = mergeable(4, 2000, 1000);
    struct sw_packet *first = sw_gso_next(&super), *second = sw_gso_next(&super);
    sw_packet_fill_csum(second);
    sw_packet_head(second)[36] ^= 1;
    assert_false(sw_gro_merge(first, second));
    sw_packet_head(second)[36] ^= 1;
    assert_true(sw_gro_merge(first, second));
    sw_packet_free(first);
}

/* A short piece ends a super-segment; 65,535 bytes and the slices bound it. */
static void test_merge_bounds(void **state)
{
    (void)state;
    struct sw_packet *super = mergeable(4, 2500, 1000);
    struct sw_packet *a = sw_gso_next(&super), *b = sw_gso_next(&super), *c = sw_gso_next(&super);
    assert_true(sw_gro_merge(a, b));
    assert_true(sw_gro_merge(a, c));
    assert_int_equal(a->data_len, 2500);
    struct sw_packet *rest = a; /* 2,500 is no multiple of 1,000: nothing goes behind it */
    struct sw_packet *more = mergeable(4, 100, 0);
    uint32_t seq = 0xffffff00U + 2500;
    uint8_t *p = sw_packet_head(more) + 24;
    p[0] = (uint8_t)(seq >> 24), p[1] = (uint8_t)(seq >> 16), p[2] = (uint8_t)(seq >> 8),
    p[3] = (uint8_t)seq;
    assert_false(sw_gro_merge(rest, more));
    sw_packet_free(rest);
    sw_packet_free(more);

    super = mergeable(4, 100, 1); /* in 100 pieces out of ten chunks: neighbours become one slice */
    a = sw_gso_next(&super);
    while (super)
        assert_true(sw_gro_merge(a, sw_gso_next(&super)));
    assert_true(a->n_slices <= 10);
    sw_packet_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ace_is_on_every_piece, setup, teardown),
        cmocka_unit_test_setup_teardown(test_plain_packet_is_returned, setup, teardown),
        cmocka_unit_test_setup_teardown(test_filled_super_segment, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory_leaves_the_rest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_merge_undoes_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_merge_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_merge_refuses_a_bad_checksum, setup, teardown),
        cmocka_unit_test_setup_teardown(test_merge_bounds, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
