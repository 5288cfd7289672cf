/* SPDX-License-Identifier: BSD-2-Clause */
/* SipHash against the paper's example (appendix A) and vectors of its reference implementation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/siphash.h"

/* Key 00 01 .. 0f, input 00 01 .. (len - 1). */
static const struct sw_sipkey key = {0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};

static void test_siphash24(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        uint64_t hash;
    } rows[] = {
        {0, 0x726fdb47dd0e0e31ULL}, {1, 0x74f839c593dc67fdULL},  {7, 0xab0200f58b01d137ULL},
        {8, 0x93f5f5799a932462ULL}, {15, 0xa129ca6149be45e5ULL}, /* the paper's */
    };
    uint8_t input[64];
    for (unsigned i = 0; i < sizeof(input); i++)
        input[i] = (uint8_t)i;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(sw_siphash24(&key, input, rows[i].len), rows[i].hash);
}

static void test_siphash13(void **state)
{
    (void)state;
    uint8_t input[15];
    for (unsigned i = 0; i < sizeof(input); i++)
        input[i] = (uint8_t)i;
    assert_int_equal(sw_siphash13(&key, input, 0), 0xabac0158050fc4dcULL);
    assert_int_equal(sw_siphash13(&key, input, 15), 0xd320d86d2a519956ULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_siphash24),
        cmocka_unit_test(test_siphash13),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
