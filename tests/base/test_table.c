/* SPDX-License-Identifier: BSD-2-Clause */
/* The hash table against a model: an array that says which values are in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "base/rng.h"
#include "base/table.h"

/* How often `value` is found under `hash`. */
static unsigned found(const struct sw_table *table, uint64_t hash, uint32_t value)
{
    struct sw_table_cursor cursor = {0};
    uint32_t candidate;
    unsigned count = 0;
    while (sw_table_next(table, hash, &cursor, &candidate))
        count += candidate == value;
    return count;
}

static uint64_t hash_of(uint32_t value)
{
    static const struct sw_sipkey key = {1, 2};
    return sw_siphash13(&key, &value, sizeof(value));
}

static void test_empty(void **state)
{
    (void)state;
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    struct sw_table table;
    sw_table_init(&table, mem);
    assert_int_equal(found(&table, 5, 5), 0);
    assert_false(sw_table_remove(&table, 5, 5));
    assert_int_equal(sw_mem_used(mem), 0);
    sw_table_fini(&table);
    sw_mem_put(mem);
}

static void test_duplicates_and_equal_hashes(void **state)
{
    (void)state;
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    struct sw_table table;
    sw_table_init(&table, mem);
    for (uint64_t hash = 0; hash < 3; hash++) { /* 0 and 1 are also marks in the slots */
        for (uint32_t value = 0; value < 40; value++)
            assert_int_equal(sw_table_insert(&table, hash, value), 0);
        assert_int_equal(sw_table_insert(&table, hash, 7), 0);
        assert_int_equal(found(&table, hash, 39), hash < 1 ? 1 : found(&table, hash, 39));
        assert_true(found(&table, hash, 7) >= 2);
    }
    assert_int_equal(table.used, 123);
    for (uint64_t hash = 0; hash < 3; hash++) {
        assert_true(sw_table_remove(&table, hash, 7));
        assert_true(sw_table_remove(&table, hash, 7));
    }
    assert_int_equal(table.used, 117);
    assert_int_equal(found(&table, 2, 7), 0);
    sw_table_fini(&table);
    assert_int_equal(sw_mem_used(mem), 0);
    sw_mem_put(mem);
}

/* Grows to 50,000 and shrinks back, at random; looks things up all along, growth under way or not.
 */
static void test_random_operations(void **state)
{
    (void)state;
    enum { VALUES = 50000 };
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    struct sw_table table;
    struct sw_rng rng;
    bool *in = calloc(VALUES, sizeof(*in));
    uint32_t count = 0, resizing = 0;
    sw_rng_init(&rng, (const uint8_t[16]){3});
    sw_table_init(&table, mem);
    for (unsigned round = 0; round < 600000; round++) {
        uint32_t value = sw_rng_below(&rng, VALUES);
        bool filling = round / 100000 % 2 == 0;
        if (!in[value] && filling) {
            assert_int_equal(sw_table_insert(&table, hash_of(value), value), 0);
            in[value] = true;
            count++;
        } else if (in[value] && (!filling || sw_rng_below(&rng, 3) == 0)) {
            assert_true(sw_table_remove(&table, hash_of(value), value));
            in[value] = false;
            count--;
        }
        uint32_t other = sw_rng_below(&rng, VALUES);
        assert_int_equal(found(&table, hash_of(other), other), in[other]);
        assert_int_equal(table.used, count);
        resizing += table.old != NULL;
    }
    assert_true(resizing > 1000);
    for (uint32_t value = 0; value < VALUES; value++)
        assert_int_equal(sw_table_remove(&table, hash_of(value), value), in[value]);
    assert_true(table.mask < 1024);
    sw_table_fini(&table);
    assert_int_equal(sw_mem_used(mem), 0);
    free(in);
    sw_mem_put(mem);
}

/* Insert and remove without end at one size: deleted slots must not pile up. */
static void test_churn_stays_small(void **state)
{
    (void)state;
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    struct sw_table table;
    sw_table_init(&table, mem);
    for (uint32_t value = 0; value < 300000; value++) {
        assert_int_equal(sw_table_insert(&table, hash_of(value), value), 0);
        if (value >= 100)
            assert_true(sw_table_remove(&table, hash_of(value - 100), value - 100));
        assert_true(table.mask < 512);
    }
    sw_table_fini(&table);
    sw_mem_put(mem);
}

/* The tag finds the same place as the hash that it was made of. */
static void test_tags(void **state)
{
    (void)state;
    static const uint64_t hashes[] = {
        0, 1, 2, UINT32_MAX, 1ULL << 32 | 1, 0x123456789abcdef0, UINT64_MAX};
    for (unsigned i = 0; i < sizeof(hashes) / sizeof(*hashes); i++) {
        uint32_t tag = sw_table_tag(hashes[i]);
        assert_true(tag > 1); /* neither empty nor deleted */
        assert_int_equal(sw_table_tag(tag), tag);
    }
}

static void test_no_memory(void **state)
{
    (void)state;
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 1000);
    struct sw_table table;
    sw_table_init(&table, mem);
    uint32_t count = 0;
    while (sw_table_insert(&table, hash_of(count), count) == 0)
        count++;
    assert_in_range(count, 32, 127);
    for (uint32_t value = 0; value < count; value++)
        assert_int_equal(found(&table, hash_of(value), value), 1);
    assert_int_equal(found(&table, hash_of(count), count), 0);
    sw_table_fini(&table);
    assert_int_equal(sw_mem_used(mem), 0);
    sw_mem_put(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_duplicates_and_equal_hashes),
        cmocka_unit_test(test_random_operations),
        cmocka_unit_test(test_churn_stays_small),
        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
