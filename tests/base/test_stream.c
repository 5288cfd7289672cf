/* SPDX-License-Identifier: BSD-2-Clause */
/* Streams against a model: a flat array of the same bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/stream.h"

static uint8_t pattern(uint64_t at)
{
    return (uint8_t)(at * 131 + (at >> 8));
}

static void assert_holds(struct sw_stream *st, uint64_t first, uint32_t len)
{
    assert_int_equal(st->len, len);
    uint8_t *buf = malloc(len + 1);
    assert_int_equal(sw_stream_copy(st, 0, buf, len + 1), len);
    for (uint32_t i = 0; i < len; i++)
        assert_int_equal(buf[i], pattern(first + i));
    free(buf);
}

static void test_empty_holds_no_memory(void **state)
{
    (void)state;
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    struct sw_stream st;
    void *ptr;
    struct sw_slice s;
    uint32_t n = 1;
    sw_stream_init(&st);
    assert_int_equal(sw_stream_slices(&st, 0, 1, &s, 1, &n), 0);
    assert_int_equal(n, 0);
    sw_stream_drop(&st, mem, 5);
    assert_int_equal(sw_stream_append(&st, mem, "hello", 5), 0);
    assert_true(sw_mem_used(mem) > 0);
    assert_true(sw_mem_used(mem) < 1024); /* five bytes do not sit in 64 KiB */
    sw_stream_drop(&st, mem, 5);
    assert_int_equal(sw_mem_used(mem), 0);
    assert_int_equal(sw_stream_reserve(&st, mem, 10, &ptr), 10);
    sw_stream_commit(&st, 0);
    assert_int_equal(sw_mem_used(mem), 0);
    assert_int_equal(sw_stream_reserve(&st, mem, 10, &ptr), 10);
    sw_stream_clear(&st, mem);
    assert_int_equal(sw_mem_used(mem), 0);
    sw_mem_put(mem);
}

static void test_small_writes_are_one_slice(void **state)
{
    (void)state;
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    struct sw_stream st;
    struct sw_slice s[4];
    uint32_t n;
    sw_stream_init(&st);
    for (unsigned i = 0; i < 200; i++)
        assert_int_equal(sw_stream_append(&st, mem, "x", 1), 0);
    assert_int_equal(sw_stream_slices(&st, 0, 200, s, 4, &n), 1);
    assert_int_equal(n, 200);
    sw_stream_clear(&st, mem);
    sw_mem_put(mem);
}

/* One slice takes no ring, whether its bytes were written here or came in a packet. */
static void test_one_slice_needs_no_ring(void **state)
{
    (void)state;
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0), *theirs = sw_mem_new(&sw_alloc_libc, 0);
    struct sw_stream st, to;
    struct sw_slice s[2];
    uint32_t n;
    uint8_t bytes[300];
    for (uint32_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = pattern(i);
    sw_stream_init(&st);
    sw_stream_init(&to);
    assert_int_equal(sw_stream_append(&st, theirs, bytes, 100), 0);
    uint64_t chunk_bytes = sw_mem_used(theirs);
    assert_true(chunk_bytes <= 256);
    sw_stream_drop(&st, theirs, 40);
    assert_int_equal(sw_stream_append(&st, theirs, bytes + 100, 20), 0);
    assert_int_equal(sw_mem_used(theirs), chunk_bytes);
    assert_int_equal(sw_stream_slices(&st, 10, 100, s, 2, &n), 1);
    assert_int_equal(n, 70);
    /* It arrives: shared, and read in two pieces. */
    assert_int_equal(sw_stream_append_slice(&to, mem, s[0]), 0);
    assert_int_equal(sw_mem_used(mem), 0);
    assert_holds(&to, 50, 70);
    sw_stream_drop(&to, mem, 30);
    assert_holds(&to, 80, 40);
    /* Somebody else's chunk is not written behind. */
    assert_int_equal(sw_stream_append(&to, mem, bytes + 120, 7), 0);
    assert_true(sw_mem_used(mem) > 0);
    assert_holds(&to, 80, 47);
    assert_int_equal(sw_stream_append(&st, theirs, bytes + 120, 1), 0);
    assert_holds(&st, 40, 81);
    assert_holds(&to, 80, 47);
    /* Our own chunk is full: a ring takes over. */
    assert_int_equal(sw_stream_append(&st, theirs, bytes + 121, 170), 0);
    assert_holds(&st, 40, 251);
    sw_stream_clear(&st, theirs);
    sw_stream_clear(&to, mem);
    assert_int_equal(sw_mem_used(theirs) + sw_mem_used(mem), 0);
    sw_mem_put(theirs);
    sw_mem_put(mem);
}

static void test_slices_are_shared_not_copied(void **state)
{
    (void)state;
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    struct sw_stream from, to;
    static uint8_t bytes[SW_CHUNK_BYTES];
    sw_stream_init(&from);
    sw_stream_init(&to);
    assert_int_equal(sw_stream_append(&from, mem, bytes, sizeof(bytes)), 0);
    uint64_t before = sw_mem_used(mem);
    for (uint32_t off = 0; off < sizeof(bytes); off += 1024) {
        struct sw_slice s;
        uint32_t n;
        assert_int_equal(sw_stream_slices(&from, off, 1024, &s, 1, &n), 1);
        assert_int_equal(sw_stream_append_slice(&to, mem, s), 0);
    }
    assert_int_equal(to.len, sizeof(bytes));
    assert_true(sw_mem_used(mem) - before < 1024);
    sw_stream_clear(&from, mem);
    sw_stream_clear(&to, mem);
    assert_int_equal(sw_mem_used(mem), 0);
    sw_mem_put(mem);
}

/* Many slices of a few bytes, each out of a chunk of its own, keep only copies alive. */
static void test_footprint_is_bounded(void **state)
{
    (void)state;
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    struct sw_stream st;
    sw_stream_init(&st);
    for (unsigned i = 0; i < 2000; i++) {
        uint32_t len = i % 2 ? 100 : 1500;
        struct sw_chunk *chunk = sw_chunk_new(mem, SW_CHUNK_BYTES);
        chunk->fill = 3000;
        memset(chunk->data, 0, 3000);
        assert_int_equal(sw_stream_append_slice(&st, mem, (struct sw_slice){chunk, 9, len}), 0);
        sw_chunk_put(chunk);
        uint64_t most = 4ULL * st.len > 132000 ? 4ULL * st.len : 132000;
        assert_in_range(sw_stream_footprint(&st), st.len, most);
        assert_true(sw_mem_used(mem) < most + most / 4 + 1000);
    }
    sw_stream_drop(&st, mem, st.len - 1);
    assert_true(sw_stream_footprint(&st) <= 2 * (SW_CHUNK_BYTES + 64));
    sw_stream_drop(&st, mem, 1);
    assert_int_equal(sw_stream_footprint(&st), 0);
    assert_int_equal(sw_mem_used(mem), 0);
    sw_mem_put(mem);
}

/* Two slices of one chunk with a gap between them count it once, until both have gone. */
static void test_a_shared_chunk_counts_once(void **state)
{
    (void)state;
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    struct sw_stream st;
    struct sw_chunk *chunk = sw_chunk_new(mem, 4096);
    chunk->fill = 4096;
    memset(chunk->data, 0, 4096);
    sw_stream_init(&st);
    assert_int_equal(sw_stream_append_slice(&st, mem, (struct sw_slice){chunk, 0, 1000}), 0);
    uint64_t once = sw_stream_footprint(&st);
    assert_in_range(once, 4096, 4096 + 64);
    assert_int_equal(sw_stream_append_slice(&st, mem, (struct sw_slice){chunk, 2000, 1000}), 0);
    assert_int_equal(sw_stream_footprint(&st), once);
    sw_stream_drop(&st, mem, 1500);
    assert_int_equal(sw_stream_footprint(&st), once);
    sw_stream_drop(&st, mem, 500);
    assert_int_equal(sw_stream_footprint(&st), 0);
    sw_chunk_put(chunk);
    assert_int_equal(sw_mem_used(mem), 0);
    sw_mem_put(mem);
}

static void test_no_memory_appends_nothing(void **state)
{
    (void)state;
    static uint8_t bytes[5 * SW_CHUNK_BYTES];
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 3 * SW_CHUNK_BYTES);
    struct sw_stream st;
    sw_stream_init(&st);
    assert_int_equal(sw_stream_append(&st, mem, bytes, sizeof(bytes)), -ENOMEM);
    assert_int_equal(st.len, 0);
    assert_int_equal(sw_mem_used(mem), 0);
    bytes[0] = 7;
    assert_int_equal(sw_stream_append(&st, mem, bytes, 10), 0);
    assert_int_equal(sw_stream_append(&st, mem, bytes, sizeof(bytes)), -ENOMEM);
    assert_int_equal(st.len, 10);
    assert_int_equal(sw_stream_append(&st, mem, bytes, 10), 0);
    uint8_t back[20];
    assert_int_equal(sw_stream_copy(&st, 0, back, 20), 20);
    assert_memory_equal(back, bytes, 10);
    assert_memory_equal(back + 10, bytes, 10);
    sw_stream_clear(&st, mem);
    assert_int_equal(sw_mem_used(mem), 0);
    sw_mem_put(mem);
}

static void fill(uint8_t *bytes, uint64_t from, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        bytes[i] = pattern(from + i);
}

/* Random appends (copied, reserved, sliced), drops and reads of two streams that share chunks. */
static void test_random_operations(void **state)
{
    (void)state;
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    struct sw_rng rng;
    struct sw_stream st[2];
    uint64_t first[2] = {0, 0}, end[2] = {0, 0};
    static uint8_t buf[40000];
    sw_rng_init(&rng, (const uint8_t[16]){42});
    sw_stream_init(&st[0]);
    sw_stream_init(&st[1]);
    for (unsigned round = 0; round < 20000; round++) {
        unsigned x = sw_rng_below(&rng, 2);
        uint32_t len = sw_rng_below(&rng, sw_rng_below(&rng, 50) ? 300 : sizeof(buf));
        switch (sw_rng_below(&rng, 6)) {
        case 0:
            fill(buf, end[0], len);
            assert_int_equal(sw_stream_append(&st[0], mem, buf, len), 0);
            end[0] += len;
            break;
        case 1: {
            void *ptr;
            int64_t room = sw_stream_reserve(&st[0], mem, len + 1, &ptr);
            assert_in_range(room, 1, len + 1);
            uint32_t n = sw_rng_below(&rng, (uint32_t)room + 1);
            fill(ptr, end[0], n);
            sw_stream_commit(&st[0], n);
            end[0] += n;
            break;
        }
        case 2: /* hand on what the second stream lacks, as a segment does */
        case 3: {
            struct sw_slice s[3];
            uint32_t n;
            if (end[1] < first[0] || end[1] >= end[0])
                break;
            uint32_t count = sw_stream_slices(&st[0], (uint32_t)(end[1] - first[0]), len, s, 3, &n);
            for (uint32_t i = 0; i < count; i++)
                assert_int_equal(sw_stream_append_slice(&st[1], mem, s[i]), 0);
            end[1] += n;
            break;
        }
        case 4: {
            uint32_t n = st[x].len < len ? st[x].len : len;
            if (x == 0 &&
                first[0] + n > end[1]) /* like an acknowledgment: only what was received */
                n = (uint32_t)(end[1] - first[0]);
            sw_stream_drop(&st[x], mem, n);
            first[x] += n;
            break;
        }
        default: {
            uint32_t off = sw_rng_below(&rng, st[x].len + 1);
            uint32_t n = sw_stream_copy(&st[x], off, buf, len);
            assert_int_equal(n, len < st[x].len - off ? len : st[x].len - off);
            for (uint32_t i = 0; i < n; i++)
                assert_int_equal(buf[i], pattern(first[x] + off + i));
        }
        }
        assert_int_equal(st[x].len, end[x] - first[x]);
        assert_true(sw_stream_footprint(&st[x]) >= st[x].len);
    }
    assert_holds(&st[0], first[0], (uint32_t)(end[0] - first[0]));
    assert_holds(&st[1], first[1], (uint32_t)(end[1] - first[1]));
    sw_stream_clear(&st[0], mem);
    sw_stream_clear(&st[1], mem);
    assert_int_equal(sw_mem_used(mem), 0);
    sw_mem_put(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty_holds_no_memory),
        cmocka_unit_test(test_small_writes_are_one_slice),
        cmocka_unit_test(test_one_slice_needs_no_ring),
        cmocka_unit_test(test_slices_are_shared_not_copied),
        cmocka_unit_test(test_footprint_is_bounded),
        cmocka_unit_test(test_a_shared_chunk_counts_once),
        cmocka_unit_test(test_no_memory_appends_nothing),
        cmocka_unit_test(test_random_operations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
