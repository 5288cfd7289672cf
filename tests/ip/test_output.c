/* SPDX-License-Identifier: BSD-2-Clause */
/* What leaves: headers, fragments, cut super-segments, checksums; what does not, and why. */
#include "ip/fixture.h"

static struct sw_packet *payload(struct fixture *f, uint32_t len)
{
    struct sw_packet *pkt = sw_packet_new(f->env.mem, SW_IP_HEADROOM);
    for (uint32_t at = 0; at < len;) { /* several chunks, as a send queue would have it */
        uint32_t n = len - at < 5000 ? len - at : 5000;
        struct sw_chunk *chunk = sw_chunk_new(f->env.mem, n);
        for (uint32_t i = 0; i < n; i++)
            chunk->data[i] = (uint8_t)((at + i) * 7);
        chunk->fill = n;
        assert_int_equal(sw_packet_add_slice(pkt, (struct sw_slice){chunk, 0, n}), 0);
        sw_chunk_put(chunk);
        at += n;
    }
    return pkt;
}

static int send_udp(struct fixture *f, const char *dst, uint32_t len, bool dont_fragment)
{
    struct sw_ip to = addr(dst), any = sw_ip_is4(&to) ? SW_IP4_ANY : SW_IP6_ANY;
    struct sw_ip_path path;
    struct sw_packet *pkt = payload(f, len);
    struct sw_ip_tx tx = {
        .src = any, .dst = to, .proto = SW_PROTO_UDP, .dont_fragment = dont_fragment};
    if (sw_ip_path(&f->ip, &to, NULL, &path) == 0)
        sw_udp_push_hdr(pkt, 1000, 2000, &path.src, &to);
    return sw_ip_output(&f->ip, pkt, &tx);
}

static void test_whole(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    for (int v6 = 0; v6 < 2; v6++) {
        uint8_t bytes[2000];
        struct sw_ip src = addr(v6 ? "2001:db8::1" : "10.0.0.1");
        struct sw_ip dst = addr(v6 ? "2001:4860::8" : "8.8.8.8");
        size_t hdr = v6 ? 40 : 20;
        assert_int_equal(send_udp(&f, v6 ? "2001:4860::8" : "8.8.8.8", 100, false), 0);
        struct sw_packet *pkt = sent(&f, ETH);
        assert_int_equal(sw_packet_copy(pkt, 0, bytes, sizeof(bytes)), hdr + 108);
        assert_int_equal(pkt->csum, SW_CSUM_FILLED); /* eth0 does not offload */
        assert_int_equal(transport_sum(&src, &dst, 17, bytes + hdr, 108), 0);
        if (v6) {
            assert_int_equal(bytes[0], 0x60);
            assert_int_equal(get16(bytes + 4), 108);
            assert_int_equal(bytes[6], 17);
            assert_int_equal(bytes[7], 64);
            assert_memory_equal(bytes + 8, src.b, 16);
            assert_memory_equal(bytes + 24, dst.b, 16);
        } else {
            assert_int_equal(bytes[0], 0x45);
            assert_int_equal(get16(bytes + 2), 128);
            assert_int_equal(get16(bytes + 6), 0);
            assert_int_equal(bytes[8], 64);
            assert_int_equal(bytes[9], 17);
            assert_int_equal(sum16(0, bytes, 20), 0xffff);
            assert_memory_equal(bytes + 12, src.b + 12, 4);
        }
        sw_packet_free(pkt);
        assert_null(sent(&f, ETH));
    }
    assert_int_equal(f.env.stats.ip_tx, 2);
    assert_int_equal(send_udp(&f, "127.0.0.1", 100, false), 0); /* lo offloads */
    struct sw_packet *pkt = sent(&f, LO);
    assert_int_equal(pkt->csum, SW_CSUM_NEEDED);
    sw_packet_free(pkt);
    fixture_fini(&f);
}

static void test_refused(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    static const struct {
        const char *dst;
        uint32_t len;
        bool df;
        int err;
        enum sw_drop why;
    } rows[] = {
        {"8.8.8.8", 1472, true, 0, SW_DROP_NONE},
        {"8.8.8.8", 1473, true, -EMSGSIZE, SW_DROP_IP_TOO_BIG},
        {"2001:4860::8", 1452, true, 0, SW_DROP_NONE},
        {"2001:4860::8", 1453, true, -EMSGSIZE, SW_DROP_IP_TOO_BIG},
        {"8.8.8.8", 65507, false, 0, SW_DROP_NONE},
        {"127.0.0.1", 65507, true, 0, SW_DROP_NONE},
        {"::1", 65487, true, 0, SW_DROP_NONE},
        {"0.0.0.0", 10, false, -ENETUNREACH, SW_DROP_IP_NO_ROUTE},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t before[SW_DROP_COUNT];
        memcpy(before, f.env.drops, sizeof(before));
        assert_int_equal(send_udp(&f, rows[i].dst, rows[i].len, rows[i].df), rows[i].err);
        assert_dropped(&f, before, rows[i].why, rows[i].dst);
    }
    struct sw_ip_tx tx = {.src = addr("10.0.0.1"), .dst = addr("10.0.0.9"), .iface = 7};
    assert_int_equal(sw_ip_output(&f.ip, payload(&f, 65536), &tx), -ENODEV);
    tx.iface = 0;
    assert_int_equal(sw_ip_output(&f.ip, payload(&f, 65516), &tx), -EMSGSIZE); /* beyond 65,535 */
    tx.src = addr("10.9.9.9");
    assert_int_equal(sw_ip_output(&f.ip, payload(&f, 10), &tx), -EADDRNOTAVAIL);
    fixture_fini(&f);
}

/* What was cut is put together again by the other half, and each piece is a good packet by itself.
 */
static void test_fragments(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    static const uint32_t mtus[] = {68, 576, 1280, 1281, 1287, 1500, 9000};
    uint64_t ids[2] = {0, 0};
    for (size_t k = 0; k < sizeof(mtus) / sizeof(mtus[0]); k++) {
        for (int v6 = 0; v6 < 2; v6++) {
            if (v6 && mtus[k] < 1280)
                continue;
            uint32_t len = mtus[k] < 600 ? 5000 : 65000, hdr = v6 ? 48 : 20, next = 0, id = 0;
            static uint8_t got[66000], piece[9000];
            assert_int_equal(sw_ip_set_mtu(&f.ip, LO, mtus[k], 0), 0);
            assert_int_equal(send_udp(&f, v6 ? "::1" : "127.0.0.1", len, false), 0);
            struct sw_packet *pkt, *whole = NULL;
            struct sw_ip_hdr h;
            while ((pkt = sent(&f, LO)) != NULL) {
                assert_null(whole);
                assert_true(sw_packet_len(pkt) <= mtus[k]);
                assert_int_equal(pkt->csum, SW_CSUM_FILLED);
                sw_packet_copy(pkt, 0, piece, sizeof(piece));
                uint32_t off = v6 ? get16(piece + 42) & 0xfff8 : (get16(piece + 6) & 0x1fff) * 8;
                bool more = v6 ? piece[43] & 1 : (piece[6] & 0x20) != 0;
                uint32_t this_id =
                    v6 ? get16(piece + 44) << 16 | get16(piece + 46) : get16(piece + 4);
                assert_int_equal(off, next);
                assert_true(next == 0 || this_id == id);
                id = this_id;
                next += sw_packet_len(pkt) - hdr;
                assert_int_equal(more, next < len + 8);
                whole = sw_ip_input(&f.ip, LO, pkt, &h);
            }
            assert_non_null(whole);
            assert_int_not_equal(ids[v6], id); /* each datagram has its own */
            ids[v6] = id;
            assert_int_equal(sw_packet_copy(whole, 0, got, sizeof(got)), len + 8);
            assert_int_equal(transport_sum(&h.src, &h.dst, 17, got, len + 8), 0);
            assert_int_equal(got[8 + len - 1], (uint8_t)((len - 1) * 7));
            assert_false(h.fragment);
            sw_packet_free(whole);
        }
    }
    fixture_fini(&f);
}

/* Identifications: not shared between destinations, not repeated soon (RFC 7739). */
static void test_ids(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct sw_ip src = addr("10.0.0.1"), a = addr("8.8.8.8"), b = addr("9.9.9.9");
    uint32_t first_a = sw_ip_next_id(&f.ip, &src, &a, 17),
             first_b = sw_ip_next_id(&f.ip, &src, &b, 17);
    assert_int_not_equal(first_a, first_b);
    uint32_t last = first_a;
    for (int i = 0; i < 1000; i++) {
        uint32_t id = sw_ip_next_id(&f.ip, &src, &a, 17);
        assert_true(id - last >= 1 && id - last < 3);
        last = id;
    }
    fixture_fini(&f);
}

static struct sw_packet *super(struct fixture *f, const struct sw_ip *src, const struct sw_ip *dst,
                               uint32_t len, uint16_t gso_size)
{
    struct sw_tcp_hdr tcp = {.src_port = 1, .dst_port = 2, .seq = {1000}, .flags = SW_TCP_ACK};
    struct sw_packet *pkt = payload(f, len);
    pkt->gso_size = gso_size;
    sw_tcp_push_hdr(pkt, &tcp, src, dst);
    return pkt;
}

static void test_super_segments(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct sw_ip_tx tx = {.src = addr("10.0.0.1"), .dst = addr("8.8.8.8"), .proto = SW_PROTO_TCP};
    tx.dont_fragment = true;
    assert_int_equal(sw_ip_output(&f.ip, super(&f, &tx.src, &tx.dst, 14000, 1460), &tx), 0);
    uint32_t total = 0, n = 0;
    for (struct sw_packet *pkt; (pkt = sent(&f, ETH)) != NULL; n++) {
        uint8_t bytes[1500];
        size_t len = sw_packet_copy(pkt, 0, bytes, sizeof(bytes));
        assert_true(len <= 1500 && sw_packet_len(pkt) == len);
        assert_int_equal(pkt->gso_size, 0);
        assert_int_equal(transport_sum(&tx.src, &tx.dst, 6, bytes + 20, len - 20), 0);
        assert_int_equal(get16(bytes + 20 + 4) << 16 | get16(bytes + 20 + 6), 1000 + total);
        total += (uint32_t)len - 40;
        sw_packet_free(pkt);
    }
    assert_int_equal(n, 10);
    assert_int_equal(total, 14000);
    /* pieces that would not fit are refused, not fragmented */
    tx.dont_fragment = false;
    assert_int_equal(sw_ip_output(&f.ip, super(&f, &tx.src, &tx.dst, 14000, 1461), &tx), -EMSGSIZE);
    /* lo takes them whole */
    tx.src = tx.dst = SW_IP4_LOOPBACK;
    assert_int_equal(sw_ip_output(&f.ip, super(&f, &tx.src, &tx.dst, 60000, 1460), &tx), 0);
    struct sw_packet *pkt = sent(&f, LO);
    assert_int_equal(pkt->data_len, 60000);
    assert_int_equal(pkt->gso_size, 1460);
    sw_packet_free(pkt);
    assert_null(sent(&f, LO));
    fixture_fini(&f);
}

/* Whatever allocation fails, the packet is gone, an error is returned, and nothing leaks. */
static void test_no_memory(void **state)
{
    (void)state;
    bool worked = false;
    for (int n = 0; n < 400 && !worked; n++) {
        struct fixture f;
        fixture_init(&f);
        struct failing fail = {.left = 1000000};
        struct sw_alloc alloc = {failing_alloc, failing_free, &fail};
        struct sw_mem *pool = sw_mem_new(&alloc, 0), *old = f.env.mem;
        f.env.mem = pool;
        struct sw_packet *pkt = payload(&f, 20000);
        struct sw_ip_tx tx = {.src = addr("10.0.0.1"), .dst = addr("8.8.8.8"), .proto = 17};
        sw_udp_push_hdr(pkt, 1, 2, &tx.src, &tx.dst);
        fail.left = n;
        int err = sw_ip_output(&f.ip, pkt, &tx);
        worked = err == 0;
        assert_true(worked || err == -ENOMEM);
        for (struct sw_packet *p; (p = sent(&f, ETH)) != NULL;) {
            assert_true(worked); /* all fragments or none */
            sw_packet_free(p);
        }
        assert_int_equal(sw_mem_used(pool), 0);
        f.env.mem = old;
        sw_mem_put(pool);
        fixture_fini(&f);
    }
    assert_true(worked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),          cmocka_unit_test(test_refused),
        cmocka_unit_test(test_fragments),      cmocka_unit_test(test_ids),
        cmocka_unit_test(test_super_segments), cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests_name("ip/output", tests, NULL, NULL);
}
