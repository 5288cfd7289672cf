/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets and the pool: nothing leaks, slices share, the head grows and shrinks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/packet.h"

static struct sw_slice bytes_slice(struct sw_mem *mem, const char *text)
{
    uint32_t len = (uint32_t)strlen(text);
    struct sw_chunk *chunk = sw_chunk_new(mem, len);
    memcpy(chunk->data, text, len);
    chunk->fill = len;
    return (struct sw_slice){chunk, 0, len};
}

/* Adds bytes in a chunk that only the packet holds. */
static void add(struct sw_packet *pkt, const char *text)
{
    struct sw_slice s = bytes_slice(pkt->mem, text);
    assert_int_equal(sw_packet_add_slice(pkt, s), 0);
    sw_chunk_put(s.chunk);
}

static void assert_bytes(const struct sw_packet *pkt, const char *text)
{
    char buf[256];
    size_t n = sw_packet_copy(pkt, 0, buf, sizeof(buf));
    assert_int_equal(n, strlen(text));
    assert_int_equal(n, sw_packet_len(pkt));
    assert_memory_equal(buf, text, n);
}

static void test_push_pull_copy(void **state)
{
    (void)state;
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    struct sw_packet *pkt = sw_packet_new(mem, 20);
    add(pkt, "payload");
    memcpy(sw_packet_push(pkt, 4), "tcp:", 4);
    memcpy(sw_packet_push(pkt, 3), "ip:", 3);
    assert_bytes(pkt, "ip:tcp:payload");
    char buf[8];
    assert_int_equal(sw_packet_copy(pkt, 5, buf, 4), 4);
    assert_memory_equal(buf, "p:pa", 4);
    assert_int_equal(sw_packet_copy(pkt, 12, buf, 8), 2);
    assert_int_equal(sw_packet_copy(pkt, 14, buf, 8), 0);
    sw_packet_pull(pkt, 3);
    assert_bytes(pkt, "tcp:payload");
    sw_packet_free(pkt);
    assert_int_equal(sw_mem_used(mem), 0);
    sw_mem_put(mem);
}

/* Every stretch of a packet of a head and slices of several lengths. */
static void test_copy_of_any_part(void **state)
{
    (void)state;
    static const char text[] = "HEADaBBcccDDDDeeeee";
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    struct sw_packet *pkt = sw_packet_new(mem, 4);
    add(pkt, "a");
    add(pkt, "BB");
    add(pkt, "ccc");
    add(pkt, "DDDD");
    add(pkt, "eeeee");
    memcpy(sw_packet_push(pkt, 4), "HEAD", 4);
    for (size_t off = 0; off < sizeof(text); off++) {
        for (size_t len = 0; len < sizeof(text); len++) {
            char buf[sizeof(text)];
            size_t left = sizeof(text) - 1 - off, n = len < left ? len : left;
            assert_int_equal(sw_packet_copy(pkt, off, buf, len), n);
            assert_memory_equal(buf, text + off, n);
        }
    }
    sw_packet_free(pkt);
    sw_mem_put(mem);
}

static void test_clone_shares_slices(void **state)
{
    (void)state;
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    struct sw_packet *pkt = sw_packet_new(mem, 4);
    add(pkt, "abc");
    memcpy(sw_packet_push(pkt, 1), "-", 1);
    struct sw_packet *copy = sw_packet_clone(pkt);
    assert_ptr_equal(copy->slices[0].chunk, pkt->slices[0].chunk);
    assert_int_equal(pkt->slices[0].chunk->refs, 2);
    sw_packet_free(pkt);
    assert_bytes(copy, "-abc");
    sw_mem_put(mem); /* the packet keeps the pool alive */
    assert_int_equal(copy->slices[0].chunk->refs, 1);
    sw_packet_free(copy);
}

static void test_trim(void **state)
{
    (void)state;
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    struct sw_packet *pkt = sw_packet_new(mem, 0);
    add(pkt, "abc");
    add(pkt, "def");
    add(pkt, "ghi");
    sw_packet_trim_front(pkt, 4);
    assert_bytes(pkt, "efghi");
    sw_packet_trim_back(pkt, 3);
    assert_bytes(pkt, "ef");
    assert_int_equal(pkt->n_slices, 1);
    sw_packet_trim_front(pkt, 99);
    assert_int_equal(pkt->n_slices, 0);
    sw_packet_trim_back(pkt, 1);
    assert_int_equal(sw_packet_len(pkt), 0);
    sw_packet_free(pkt);
    assert_int_equal(sw_mem_used(mem), 0);
    sw_mem_put(mem);
}

static void test_need_and_head_to_data(void **state)
{
    (void)state;
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    struct sw_packet *pkt = sw_packet_new(mem, SW_PACKET_HEAD);
    memcpy(sw_packet_push(pkt, 2), "ab", 2);
    add(pkt, "cd");
    add(pkt, "efgh");
    assert_int_equal(sw_packet_need(pkt, 9), -EINVAL);
    assert_int_equal(sw_packet_need(pkt, 5), 0);
    assert_memory_equal(sw_packet_head(pkt), "abcde", 5);
    assert_bytes(pkt, "abcdefgh");
    assert_int_equal(sw_packet_head_to_data(pkt), 0);
    assert_int_equal(pkt->head_len, 0);
    assert_int_equal(pkt->data_len, 8);
    assert_bytes(pkt, "abcdefgh");
    sw_packet_free(pkt);
    assert_int_equal(sw_mem_used(mem), 0);
    sw_mem_put(mem);
}

static void test_full_of_slices(void **state)
{
    (void)state;
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    struct sw_packet *pkt = sw_packet_new(mem, 2);
    for (unsigned i = 0; i < SW_PACKET_SLICES; i++)
        add(pkt, "xy");
    struct sw_slice one_more = bytes_slice(mem, "z");
    assert_int_equal(sw_packet_add_slice(pkt, one_more), -ENOBUFS);
    sw_chunk_put(one_more.chunk);
    memcpy(sw_packet_push(pkt, 2), "ab", 2);
    assert_int_equal(sw_packet_head_to_data(pkt), 0);
    assert_bytes(pkt, "abxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxy");
    sw_packet_free(pkt);
    assert_int_equal(sw_mem_used(mem), 0);
    sw_mem_put(mem);
}

static void test_neighbouring_slices_merge(void **state)
{
    (void)state;
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    struct sw_packet *pkt = sw_packet_new(mem, 0);
    struct sw_slice s = bytes_slice(mem, "abcdef");
    assert_int_equal(sw_packet_add_slice(pkt, (struct sw_slice){s.chunk, 0, 2}), 0);
    assert_int_equal(sw_packet_add_slice(pkt, (struct sw_slice){s.chunk, 2, 4}), 0);
    assert_int_equal(sw_packet_add_slice(pkt, (struct sw_slice){s.chunk, 2, 0}), 0);
    assert_int_equal(pkt->n_slices, 1);
    assert_int_equal(s.chunk->refs, 2);
    assert_bytes(pkt, "abcdef");
    sw_chunk_put(s.chunk);
    sw_packet_free(pkt);
    sw_mem_put(mem);
}

static void test_queue(void **state)
{
    (void)state;
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    struct sw_packet_queue q;
    sw_packet_queue_init(&q);
    assert_null(sw_packet_queue_take(&q));
    struct sw_packet *a = sw_packet_new(mem, 0), *b = sw_packet_new(mem, 0);
    sw_packet_queue_add(&q, a);
    sw_packet_queue_add(&q, b);
    assert_int_equal(q.count, 2);
    assert_ptr_equal(sw_packet_queue_take(&q), a);
    assert_ptr_equal(sw_packet_queue_take(&q), b);
    assert_null(sw_packet_queue_take(&q));
    sw_packet_queue_add(&q, a);
    sw_packet_queue_add(&q, b);
    sw_packet_queue_clear(&q);
    assert_int_equal(q.count, 0);
    assert_int_equal(sw_mem_used(mem), 0);
    sw_mem_put(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_push_pull_copy),
        cmocka_unit_test(test_copy_of_any_part),
        cmocka_unit_test(test_clone_shares_slices),
        cmocka_unit_test(test_trim),
        cmocka_unit_test(test_need_and_head_to_data),
        cmocka_unit_test(test_full_of_slices),
        cmocka_unit_test(test_neighbouring_slices_merge),
        cmocka_unit_test(test_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
