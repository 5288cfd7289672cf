/* SPDX-License-Identifier: BSD-2-Clause */
/* Captures, read back by a reader of our own that checks every length. */
#include "view/fixture.h"

#include "wire/wire.h"

struct reader {
    const uint8_t *p;
    size_t len, at;
    unsigned packets, comments;
    uint64_t last_time;
    char comment[200];
    uint32_t last_len;
    uint8_t last[100];
};

static uint32_t get32(const struct reader *r, size_t at)
{
    uint32_t v;
    assert_true(at + 4 <= r->len);
    memcpy(&v, r->p + at, 4);
    return v;
}

static uint32_t get16at(const struct reader *r, size_t at)
{
    return get32(r, at) & 0xffff; /* little-endian machines only, like the lengths of this test */
}

static void read_options(struct reader *r, size_t at, size_t end_at)
{
    while (at < end_at) {
        uint32_t code = get16at(r, at), len = get32(r, at) >> 16;
        assert_true(at + 4 + len <= end_at);
        if (code == 0)
            assert_int_equal(at + 4, end_at);
        if (code == 1 && r->packets) {
            assert_true(len < sizeof(r->comment));
            memcpy(r->comment, r->p + at + 4, len);
            r->comment[len] = '\0';
            r->comments++;
        }
        at += 4 + ((len + 3) & ~3U);
    }
    assert_int_equal(at, end_at);
}

/* One block; false at the end. */
static bool read_block(struct reader *r)
{
    if (r->at == r->len)
        return false;
    uint32_t type = get32(r, r->at), len = get32(r, r->at + 4);
    assert_true(len % 4 == 0 && len >= 12 && r->at + len <= r->len);
    assert_int_equal(get32(r, r->at + len - 4), len);
    size_t end_at = r->at + len - 4;
    if (type == 0x0a0d0d0a) {
        assert_int_equal(r->at, 0);
        assert_int_equal(get32(r, 8), 0x1a2b3c4d);
        assert_int_equal(get32(r, 12), 1);
        read_options(r, 24, end_at);
    } else if (type == 1) {
        assert_int_equal(get16at(r, r->at + 8), 101);
        read_options(r, r->at + 16, end_at);
    } else {
        assert_int_equal(type, 6);
        r->packets++;
        r->last_time = (uint64_t)get32(r, r->at + 12) << 32 | get32(r, r->at + 16);
        r->last_len = get32(r, r->at + 20);
        assert_int_equal(get32(r, r->at + 24), r->last_len);
        memcpy(r->last, r->p + r->at + 28, r->last_len < 100 ? r->last_len : 100);
        read_options(r, r->at + 28 + ((r->last_len + 3) & ~3U), end_at);
    }
    r->at += len;
    return true;
}

static void capture(struct sw_view *view, struct sw_mem *mem, uint64_t at, uint32_t len)
{
    struct sw_ip_hdr ip = {
        .src = SW_IP4_LOOPBACK, .dst = SW_IP4_LOOPBACK, .version = 4, .proto = 17, .ttl = 64};
    struct sw_packet *pkt = sw_packet_new(mem, 100);
    struct sw_chunk *chunk = sw_chunk_new(mem, len + 1);
    memset(chunk->data, 'x', len);
    chunk->fill = len;
    assert_int_equal(sw_packet_add_slice(pkt, (struct sw_slice){chunk, 0, len}), 0);
    sw_chunk_put(chunk);
    sw_udp_push_hdr(pkt, 7, 9, &ip.src, &ip.dst);
    sw_ip_push_hdr(pkt, &ip);
    assert_int_equal(pkt->csum, SW_CSUM_NEEDED);
    sw_view_capture(view, us(at), pkt);
    assert_int_equal(pkt->csum, SW_CSUM_NEEDED); /* only the copy is finished */
    sw_packet_free(pkt);
}

static void test_capture(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    struct sw_view *view = view_new(3, file); /* the capture is not bounded by it */
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    for (uint32_t i = 0; i < 1000; i++) {
        capture(view, mem, i, i % 50);
        if (i == 500) {
            dropped(view, i, SW_DROP_LINK_LOSS, 7, 9, 28 + i % 50, 0);
            dropped(view, i, SW_DROP_LINK_LOSS, 7, 9, 9999, 0); /* nobody's */
        }
        if (i == 700) /* two of one length: the last two of it */
            for (int twice = 0; twice < 2; twice++)
                dropped(view, i, SW_DROP_LINK_QUEUE, 7, 9, 28, 0);
        if (i == 600) /* the transport saw it without its IP header, a packet later */
            dropped(view, i, SW_DROP_UDP_CHECKSUM, 9, 7, 8 + 49, 0);
    }
    sw_view_free(view);
    assert_int_equal(sw_mem_used(mem), 0);
    sw_mem_put(mem);

    struct reader r = {0};
    r.len = (size_t)ftell(file);
    char *bytes = slurp(file);
    r.p = (const uint8_t *)bytes;
    while (read_block(&r)) {
        if (r.packets == 0)
            continue;
        unsigned i = r.packets - 1;
        assert_int_equal(r.last_time, 1700000000000000000ULL + i * 1000);
        assert_int_equal(r.last_len, 28 + i % 50);
        assert_int_equal(r.comments, (i >= 500) + (i >= 599) + (i >= 650) + (i >= 700));
        if (i == 500)
            assert_string_equal(r.comment, "dropped: link-loss (the link was told to lose it)");
        if (i == 599)
            assert_string_equal(r.comment, "dropped: udp-checksum (UDP checksum is wrong)");
        if (i == 4) { /* the checksum is there, and right: pseudo header and datagram add up */
            uint32_t sum = 17 + 12;
            for (unsigned k = 12; k < 32; k++)
                sum += k % 2 ? r.last[k] : (uint32_t)r.last[k] << 8;
            assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
        }
    }
    assert_int_equal(r.packets, 1000);
    free(bytes);
}

static void test_empty(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    sw_view_free(view_new(0, file));
    struct reader r = {0};
    r.len = (size_t)ftell(file);
    char *bytes = slurp(file);
    r.p = (const uint8_t *)bytes;
    unsigned blocks = 0;
    while (read_block(&r))
        blocks++;
    assert_int_equal(blocks, 2);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_capture),
        cmocka_unit_test(test_empty),
    };
    return cmocka_run_group_tests_name("view/pcapng", tests, NULL, NULL);
}
