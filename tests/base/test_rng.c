/* SPDX-License-Identifier: BSD-2-Clause */
/* Chance: the same for the same seed, another for another, and evenly spread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"

static const uint8_t paper_seed[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* Output n is SipHash-2-4 of n as eight little-endian bytes. */
static void test_known_answer(void **state)
{
    (void)state;
    struct sw_rng rng;
    static const struct sw_sipkey key = {0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};
    static const uint8_t one[8] = {1};
    sw_rng_init(&rng, paper_seed);
    sw_rng_u64(&rng);
    assert_int_equal(sw_rng_u64(&rng), sw_siphash24(&key, one, sizeof(one)));
}

static void test_seeds(void **state)
{
    (void)state;
    struct sw_rng a, b, c;
    struct sw_sipkey key;
    unsigned same = 0;
    sw_rng_init(&a, paper_seed);
    sw_rng_init(&b, paper_seed);
    sw_rng_init(&c, (const uint8_t[16]){1});
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t x = sw_rng_u64(&a);
        assert_int_equal(x, sw_rng_u64(&b));
        same += x == sw_rng_u64(&c);
    }
    assert_int_equal(same, 0);
    sw_rng_key(&a, &key);
    assert_int_equal(key.k0, sw_rng_u64(&b));
    assert_int_equal(key.k1, sw_rng_u64(&b));
}

static void test_below_is_even(void **state)
{
    (void)state;
    struct sw_rng rng;
    static const uint32_t bounds[] = {1, 2, 3, 7, 10};
    sw_rng_init(&rng, paper_seed);
    for (unsigned b = 0; b < sizeof(bounds) / sizeof(bounds[0]); b++) {
        unsigned count[10] = {0};
        for (unsigned i = 0; i < 10000; i++) {
            uint32_t n = sw_rng_below(&rng, bounds[b]);
            assert_true(n < bounds[b]);
            count[n]++;
        }
        for (unsigned n = 0; n < bounds[b]; n++)
            assert_in_range(count[n], 10000 / bounds[b] - 300, 10000 / bounds[b] + 300);
    }
    /* Two thirds of 2^32: without rejection the lower half would come twice as often. */
    unsigned low = 0;
    for (unsigned i = 0; i < 10000; i++)
        low += sw_rng_below(&rng, 0xaaaaaaab) < 0x55555555;
    assert_in_range(low, 4700, 5300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answer),
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_below_is_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
