/* SPDX-License-Identifier: BSD-2-Clause */
/* The queue of a socket: order, addresses, and what is charged. */
#include "ip/fixture.h"

#include "udp/udp.h"

static const struct sw_ip_hdr ip_hdr = {
    .src = SW_IP4(8, 8, 8, 8), .dst = SW_IP4(10, 0, 0, 1), .version = 4, .ttl = 61, .tos = 0x10};
static const struct sw_udp_hdr udp_hdr = {.src_port = 53, .dst_port = 4000};

static struct sw_packet *datagram(struct sw_mem *mem, const void *data, uint32_t len, uint32_t cap)
{
    struct sw_packet *pkt = sw_packet_new(mem, 100);
    struct sw_chunk *chunk = sw_chunk_new(mem, cap);
    if (len)
        memcpy(chunk->data, data, len);
    chunk->fill = len;
    assert_int_equal(sw_packet_add_slice(pkt, (struct sw_slice){chunk, 0, len}), 0);
    sw_chunk_put(chunk);
    memset(sw_packet_push(pkt, SW_UDP_HDR), 0, SW_UDP_HDR);
    return pkt;
}

static void test_order(void **state)
{
    (void)state;
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    struct sw_udp_queue q;
    sw_udp_queue_init(&q);
    assert_null(sw_udp_queue_first(&q));
    sw_udp_queue_drop(&q, mem); /* harmless */
    for (uint8_t i = 0; i < 20; i++) {
        struct sw_packet *pkt = datagram(mem, &i, i % 3 == 0 ? 0 : 1, 16);
        assert_int_equal(sw_udp_queue_add(&q, mem, pkt, &ip_hdr, &udp_hdr, 2, 1 << 20),
                         SW_DROP_NONE);
    }
    assert_int_equal(q.count, 20);
    for (uint8_t i = 0; i < 10; i++) {
        struct sw_udp_item *item = sw_udp_queue_first(&q);
        uint8_t byte;
        assert_int_equal(item->pkt->head_len, 0);
        assert_int_equal(sw_packet_len(item->pkt), i % 3 == 0 ? 0 : 1); /* empty ones count too */
        if (sw_packet_copy(item->pkt, 0, &byte, 1) == 1)
            assert_int_equal(byte, i);
        assert_true(sw_ip_eq(&item->from.ip, &ip_hdr.src) && item->from.port == 53);
        assert_true(sw_ip_eq(&item->to.ip, &ip_hdr.dst) && item->to.port == 4000);
        assert_int_equal(item->ttl, 61);
        assert_int_equal(item->tos, 0x10);
        assert_int_equal(item->iface, 2);
        assert_int_equal(item->from.scope_id, 0);
        sw_udp_queue_drop(&q, mem);
    }
    assert_int_equal(q.count, 10);
    sw_udp_queue_clear(&q, mem);
    assert_int_equal(q.bytes, 0);
    assert_int_equal(sw_mem_used(mem), 0);
    sw_mem_put(mem);
}

/* Tiny datagrams cost what they keep alive; the bytes charged cover the bytes in use. */
static void test_charge(void **state)
{
    (void)state;
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    struct sw_udp_queue q;
    enum { LIMIT = 212992 }; /* Linux's rmem_default */
    sw_udp_queue_init(&q);
    static const uint32_t caps[] = {1, 100, 1500, 65536};
    for (size_t k = 0; k < 4; k++) {
        for (;;) {
            struct sw_packet *pkt = datagram(mem, "x", 1, caps[k]);
            enum sw_drop why = sw_udp_queue_add(&q, mem, pkt, &ip_hdr, &udp_hdr, 1, LIMIT);
            if (why != SW_DROP_NONE) {
                assert_int_equal(why, SW_DROP_UDP_QUEUE_FULL);
                assert_int_equal(pkt->head_len, SW_UDP_HDR); /* still the caller's, as it was */
                sw_packet_free(pkt);
                break;
            }
            assert_true(q.bytes <= LIMIT);
        }
        assert_true(sw_mem_used(mem) <= q.bytes);
        assert_true(q.count >= 3 && q.count <= 400);
        sw_udp_queue_clear(&q, mem);
    }
    sw_mem_put(mem);
}

/* However small the limit, an empty queue takes one. */
static void test_one_always_fits(void **state)
{
    (void)state;
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    struct sw_udp_queue q;
    sw_udp_queue_init(&q);
    for (int i = 0; i < 3; i++) {
        struct sw_packet *a = datagram(mem, "", 0, 60000), *b = datagram(mem, "", 0, 1);
        assert_int_equal(sw_udp_queue_add(&q, mem, a, &ip_hdr, &udp_hdr, 1, 0), SW_DROP_NONE);
        assert_int_equal(sw_udp_queue_add(&q, mem, b, &ip_hdr, &udp_hdr, 1, 0),
                         SW_DROP_UDP_QUEUE_FULL);
        sw_packet_free(b);
        sw_udp_queue_drop(&q, mem);
    }
    sw_mem_put(mem);
}

/* Link-local senders are known by their link. */
static void test_scope(void **state)
{
    (void)state;
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    struct sw_udp_queue q;
    struct sw_ip_hdr hdr = ip_hdr;
    sw_udp_queue_init(&q);
    assert_int_equal(sw_ip_parse("fe80::5", &hdr.src), 0);
    assert_int_equal(sw_udp_queue_add(&q, mem, datagram(mem, "x", 1, 1), &hdr, &udp_hdr, 4, 9999),
                     SW_DROP_NONE);
    assert_int_equal(sw_udp_queue_first(&q)->from.scope_id, 4);
    sw_udp_queue_clear(&q, mem);
    sw_mem_put(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_charge),
        cmocka_unit_test(test_one_always_fits),
        cmocka_unit_test(test_scope),
    };
    return cmocka_run_group_tests_name("udp/queue", tests, NULL, NULL);
}
