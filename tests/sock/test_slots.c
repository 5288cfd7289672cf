/* SPDX-License-Identifier: BSD-2-Clause */
/* The places of sockets against a model: what is taken stays where it is and is nobody else's, a
 * handle is never given twice, and pages come and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "sock/slots.h"

enum { MANY = 3000 };

static struct sw_mem *mem_new(void)
{
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    assert_non_null(mem);
    return mem;
}

/* On a line, zero behind its head, in the place that its index says. */
static struct sw_slot *take(struct sw_slots *slots)
{
    static const uint8_t zero[SW_SLOT_BYTES];
    struct sw_slot *slot = sw_slot_take(slots);
    assert_non_null(slot);
    assert_int_equal((uintptr_t)slot % SW_LINE_BYTES, 0);
    assert_memory_equal(slot + 1, zero, SW_SLOT_BYTES - sizeof(*slot));
    assert_ptr_equal(sw_slot_at(slots, slot->index), slot);
    assert_true(slot->index < sw_slots_end(slots));
    memset(slot + 1, 0xa5, SW_SLOT_BYTES - sizeof(*slot));
    return slot;
}

static void test_grows(void **state)
{
    struct sw_mem *mem = mem_new();
    struct sw_slots slots;
    static struct sw_slot *all[MANY];
    (void)state;
    sw_slots_init(&slots, mem);
    assert_null(sw_slot_at(&slots, 0));
    for (uint32_t i = 0; i < MANY; i++) {
        all[i] = take(&slots);
        assert_int_equal(all[i]->index, i); /* the first ones first */
    }
    for (uint32_t i = 0; i < MANY; i++)
        assert_ptr_equal(sw_slot_at(&slots, i), all[i]);
    assert_null(sw_slot_at(&slots, UINT32_MAX));
    assert_null(sw_slot_at(&slots, sw_slots_end(&slots)));
    for (uint32_t i = 0; i < MANY; i++)
        sw_slot_give(&slots, all[i]);
    assert_null(sw_slot_at(&slots, 7));
    assert_true(sw_mem_used(mem) < 2 * SW_SLOTS_PER_PAGE * SW_SLOT_BYTES); /* one page is kept */
    sw_slots_fini(&slots);
    assert_int_equal(sw_mem_used(mem), 0);
    sw_mem_put(mem);
}

/* Numbers that look random, and are the same each time. */
static uint32_t below(uint64_t *seed, uint32_t n)
{
    *seed = *seed * 6364136223846793005 + 1442695040888963407;
    return (uint32_t)(*seed >> 33) % n;
}

/* No generation of an index comes twice, also when its page was gone in between. */
static void test_generations(void **state)
{
    struct sw_mem *mem = mem_new();
    struct sw_slots slots;
    static struct sw_slot *all[MANY];
    static uint32_t last[2 * MANY];
    uint64_t seed = 1;
    uint32_t n = 0, pages_gone = 0;
    (void)state;
    sw_slots_init(&slots, mem);
    for (unsigned round = 0; round < 40; round++) {
        uint32_t want = round % 2 ? below(&seed, 40) : below(&seed, MANY);
        while (n < want) {
            struct sw_slot *slot = all[n++] = take(&slots);
            assert_true(slot->index < 2 * MANY);
            assert_int_equal(slot->generation & 1, 1);
            assert_true(slot->generation > last[slot->index]);
            last[slot->index] = slot->generation;
        }
        while (n > want) {
            uint32_t i = below(&seed, n), index = all[i]->index;
            sw_slot_give(&slots, all[i]);
            assert_null(sw_slot_at(&slots, index));
            pages_gone += !sw_slot_exists(&slots, index);
            all[i] = all[--n];
        }
    }
    assert_true(pages_gone > 0);
    while (n > 0)
        sw_slot_give(&slots, all[--n]);
    sw_slots_fini(&slots);
    assert_int_equal(sw_mem_used(mem), 0);
    sw_mem_put(mem);
}

static void test_no_memory(void **state)
{
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 40 * SW_SLOT_BYTES);
    struct sw_slots slots;
    struct sw_slot *slot, *last = NULL;
    (void)state;
    sw_slots_init(&slots, mem);
    uint32_t n = 0;
    for (; (slot = sw_slot_take(&slots)) != NULL; n++)
        last = slot;
    assert_in_range(n, 8, 39);
    sw_slot_give(&slots, last); /* what was there before is as it was */
    assert_ptr_equal(sw_slot_take(&slots), last);
    for (uint32_t i = 0; i < n; i++)
        sw_slot_give(&slots, sw_slot_at(&slots, i));
    sw_slots_fini(&slots);
    assert_int_equal(sw_mem_used(mem), 0);
    sw_mem_put(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows),
        cmocka_unit_test(test_generations),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
