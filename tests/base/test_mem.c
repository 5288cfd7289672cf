/* SPDX-License-Identifier: BSD-2-Clause */
/* The pool: what is counted, what a limit refuses, what becomes of idle blocks, who keeps it alive.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* malloc that counts bytes, checks the sizes it gets back, and can say no. */
struct counted {
    uint64_t live, calls;
    bool empty;
};

static void *counted_alloc(void *ctx, size_t size)
{
    struct counted *c = ctx;
    if (c->empty)
        return NULL;
    size_t *p = malloc(size + 16);
    *p = size;
    c->live += size;
    c->calls++;
    memset((uint8_t *)p + 16, 0xa5, size);
    return (uint8_t *)p + 16;
}

static void counted_free(void *ctx, void *ptr, size_t size)
{
    struct counted *c = ctx;
    size_t *p = (size_t *)(void *)((uint8_t *)ptr - 16);
    assert_int_equal(*p, size);
    c->live -= size;
    free(p);
}

static struct sw_mem *pool(struct counted *c, uint64_t limit)
{
    struct sw_alloc alloc = {counted_alloc, counted_free, c};
    *c = (struct counted){0};
    return sw_mem_new(&alloc, limit);
}

static void test_alloc_is_zeroed_and_counted(void **state)
{
    (void)state;
    struct counted c;
    struct sw_mem *mem = pool(&c, 0);
    static const size_t sizes[] = {1, 100, 256, 300, 4096, 32768, 65536, 1000000};
    for (unsigned round = 0; round < 2; round++) { /* the second time out of the free-lists */
        for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            uint8_t *p = sw_mem_alloc(mem, sizes[i]);
            for (size_t k = 0; k < sizes[i]; k++)
                assert_int_equal(p[k], 0);
            memset(p, 0xff, sizes[i]);
            assert_int_equal(sw_mem_used(mem), sizes[i]);
            sw_mem_free(mem, p, sizes[i]);
            assert_int_equal(sw_mem_used(mem), 0);
        }
    }
    sw_mem_free(mem, NULL, 10);
    sw_mem_put(mem);
    sw_mem_put(NULL);
    assert_int_equal(c.live, 0);
}

static void test_blocks_are_used_again(void **state)
{
    (void)state;
    struct counted c;
    struct sw_mem *mem = pool(&c, 0);
    sw_packet_free(sw_packet_new(mem, 0));
    sw_chunk_put(sw_chunk_new(mem, SW_CHUNK_BYTES));
    uint64_t calls = c.calls;
    for (unsigned i = 0; i < 100; i++) {
        sw_packet_free(sw_packet_new(mem, 0));
        sw_chunk_put(sw_chunk_new(mem, SW_CHUNK_BYTES));
    }
    assert_int_equal(c.calls, calls);
    sw_mem_put(mem);
    assert_int_equal(c.live, 0);
}

/* A list does not keep everything that was ever freed. */
static void test_idle_lists_are_bounded(void **state)
{
    (void)state;
    enum { COUNT = 200 };
    struct counted c;
    struct sw_mem *mem = pool(&c, 0);
    static struct sw_chunk *chunks[COUNT];
    for (unsigned i = 0; i < COUNT; i++)
        chunks[i] = sw_chunk_new(mem, SW_CHUNK_BYTES);
    for (unsigned i = 0; i < COUNT; i++)
        sw_chunk_put(chunks[i]);
    assert_int_equal(sw_mem_used(mem), 0);
    assert_true(c.live < SW_MEM_IDLE_MAX_BYTES + 4096);
    sw_mem_put(mem);
}

static void test_limit(void **state)
{
    (void)state;
    struct counted c;
    struct sw_mem *mem = pool(&c, 10000);
    void *a = sw_mem_alloc(mem, 4096), *b = sw_mem_alloc(mem, 4096);
    assert_non_null(a);
    assert_non_null(b);
    assert_null(sw_mem_alloc(mem, 4096));
    assert_null(sw_mem_alloc(mem, SIZE_MAX));
    assert_null(sw_chunk_new(mem, UINT32_MAX));
    void *rest = sw_mem_alloc(mem, 10000 - 8192);
    assert_non_null(rest);
    assert_null(sw_mem_alloc(mem, 1));
    sw_mem_free(mem, a, 4096); /* idle now, and given back for another size */
    void *d = sw_mem_alloc(mem, 4000);
    assert_non_null(d);
    assert_true(c.live <= 10000 + sizeof(struct sw_mem));
    sw_mem_free(mem, d, 4000);
    sw_mem_free(mem, b, 4096);
    sw_mem_free(mem, rest, 10000 - 8192);
    assert_int_equal(sw_mem_used(mem), 0);
    sw_mem_put(mem);
    assert_int_equal(c.live, 0);
}

/* When the allocator has no more, idle blocks are given back to it before anything is refused. */
static void test_idle_blocks_are_given_back(void **state)
{
    (void)state;
    struct counted c;
    struct sw_mem *mem = pool(&c, 0);
    sw_mem_free(mem, sw_mem_alloc(mem, 4096), 4096);
    assert_true(c.live >= 4096);
    c.empty = true;
    assert_null(sw_mem_alloc(mem, 100));
    assert_int_equal(c.live, sizeof(struct sw_mem));
    assert_null(sw_packet_new(mem, 0));
    assert_null(sw_chunk_new(mem, 10));
    assert_int_equal(sw_mem_used(mem), 0);
    sw_mem_put(mem);
    assert_int_equal(c.live, 0);
    struct sw_alloc alloc = {counted_alloc, counted_free, &c};
    assert_null(sw_mem_new(&alloc, 0));
}

static void test_packets_outlive_their_host(void **state)
{
    (void)state;
    struct counted c;
    struct sw_mem *mem = pool(&c, 0);
    struct sw_packet *pkt = sw_packet_new(mem, 0);
    struct sw_chunk *chunk = sw_chunk_new(mem, 10);
    assert_ptr_equal(sw_mem_get(mem), mem);
    sw_mem_put(mem);
    sw_mem_put(mem); /* the last reference of a caller */
    assert_true(c.live > 0);
    sw_chunk_get(chunk);
    sw_chunk_put(chunk);
    sw_chunk_put(chunk);
    sw_chunk_put(NULL);
    sw_packet_free(pkt);
    sw_packet_free(NULL);
    assert_int_equal(c.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc_is_zeroed_and_counted),
        cmocka_unit_test(test_blocks_are_used_again),
        cmocka_unit_test(test_idle_lists_are_bounded),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_idle_blocks_are_given_back),
        cmocka_unit_test(test_packets_outlive_their_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
