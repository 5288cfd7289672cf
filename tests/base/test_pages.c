/* SPDX-License-Identifier: BSD-2-Clause */
/* Arrays in pages: elements are zeroed, stay where they are, and everything is given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/pages.h"

static void test_grow(void **state)
{
    (void)state;
    static const uint16_t sizes[] = {1, 4, 64, 4096};
    for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
        struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
        struct sw_pages pages;
        sw_pages_init(&pages, mem, sizes[s]);
        assert_int_equal(sw_pages_count(&pages), 0);
        assert_int_equal(sw_mem_used(mem), 0);
        uint8_t *first = NULL;
        for (uint32_t n = 0; n < 100; n++) {
            assert_int_equal(sw_pages_grow(&pages), 0);
            assert_int_equal(sw_pages_count(&pages), (n + 1) * (SW_PAGE_BYTES / sizes[s]));
            uint8_t *last = sw_pages_at(&pages, sw_pages_count(&pages) - 1);
            assert_int_equal(*last, 0);
            *last = (uint8_t)n;
            if (n == 0)
                first = sw_pages_at(&pages, 0);
        }
        assert_ptr_equal(sw_pages_at(&pages, 0), first);
        for (uint32_t n = 0; n < 100; n++)
            assert_int_equal(
                *(uint8_t *)sw_pages_at(&pages, (n + 1) * (SW_PAGE_BYTES / sizes[s]) - 1), n);
        sw_pages_fini(&pages);
        assert_int_equal(sw_mem_used(mem), 0);
        assert_int_equal(sw_pages_grow(&pages), 0); /* and again */
        sw_pages_fini(&pages);
        sw_mem_put(mem);
    }
}

static void test_no_memory(void **state)
{
    (void)state;
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 20 * SW_PAGE_BYTES);
    struct sw_pages pages;
    uint32_t n = 0;
    sw_pages_init(&pages, mem, 64);
    while (sw_pages_grow(&pages) == 0)
        n++;
    assert_in_range(n, 15, 19);
    assert_int_equal(sw_pages_count(&pages), n * 64);
    sw_pages_fini(&pages);
    assert_int_equal(sw_mem_used(mem), 0);
    sw_mem_put(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grow),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
