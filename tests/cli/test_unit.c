/* SPDX-License-Identifier: BSD-2-Clause */
/* The units of command line arguments: what is exact, what is refused, and with which errno. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/option.h"

struct unit_case {
    const char *text;
    int r;
    uint64_t value;
};

static void test_time(void **state)
{
    (void)state;
    static const struct unit_case cases[] = {
        {"50ms", 0, 50 * 1000 * 1000},
        {"0", 0, 0},
        {"0ms", 0, 0},
        {"1.5s", 0, 1500ULL * 1000 * 1000},
        {"0.1s", 0, 100 * 1000 * 1000},
        {"2min", 0, 120ULL * 1000 * 1000 * 1000},
        {"200us", 0, 200 * 1000},
        {".5ms", 0, 500 * 1000},
        {"7ns", 0, 7},
        {"0.3ns", -ERANGE, 0}, /* is not nothing, and would become it */
        {"18446744073s", 0, 18446744073ULL * 1000 * 1000 * 1000},
        {"18446744074s", -ERANGE, 0},
        {"99999999999999999999999s", -ERANGE, 0},
        {"50", -EINVAL, 0}, /* of what? */
        {"", -EINVAL, 0},
        {"ms", -EINVAL, 0},
        {".ms", -EINVAL, 0},
        {"-5ms", -EINVAL, 0},
        {"+5ms", -EINVAL, 0},
        {"5 ms", -EINVAL, 0},
        {"1.2.3s", -EINVAL, 0},
        {"5parsecs", -EINVAL, 0},
        {"0x10s", -EINVAL, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t ns = 0;
        assert_int_equal(option_parse_time(cases[i].text, &ns), cases[i].r);
        assert_int_equal(ns, cases[i].value);
    }
}

static void test_percent(void **state)
{
    (void)state;
    static const struct unit_case cases[] = {
        {"2%", 0, 20000},         {"100%", 0, 1000000}, {"0.0001%", 0, 1},   {"0.01%", 0, 100},
        {"33.3333%", 0, 333333},  {"250ppm", 0, 250},   {"0", 0, 0},         {"100.1%", -ERANGE, 0},
        {"0.00001%", -ERANGE, 0}, {"2", -EINVAL, 0},    {"2 %", -EINVAL, 0}, {"-1%", -EINVAL, 0},
        {"2%%", -EINVAL, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t ppm = 0;
        assert_int_equal(option_parse_percent(cases[i].text, &ppm), cases[i].r);
        assert_int_equal(ppm, cases[i].value);
    }
}

static void test_rate_bytes_number(void **state)
{
    (void)state;
    uint64_t v = 0;
    uint32_t b = 0;
    assert_int_equal(option_parse_rate("10Mbit", &v), 0);
    assert_int_equal(v, 10000000);
    assert_int_equal(option_parse_rate("1.5gbit", &v), 0);
    assert_int_equal(v, 1500000000);
    assert_int_equal(option_parse_rate("64kbit", &v), 0);
    assert_int_equal(v, 64000);
    assert_int_equal(option_parse_rate("10Mbps", &v), -EINVAL); /* bits to some, bytes to tc(8) */
    assert_int_equal(option_parse_rate("10", &v), -EINVAL);
    assert_int_equal(v, 64000); /* untouched */

    assert_int_equal(option_parse_bytes("1500", &b), 0);
    assert_int_equal(b, 1500);
    assert_int_equal(option_parse_bytes("64K", &b), 0);
    assert_int_equal(b, 65536);
    assert_int_equal(option_parse_bytes("4096M", &b), -ERANGE);
    assert_int_equal(option_parse_bytes("x", &b), -EINVAL);

    assert_int_equal(option_parse_number("42", &v), 0);
    assert_int_equal(v, 42);
    assert_int_equal(option_parse_number("0x2A", &v), 0);
    assert_int_equal(v, 42);
    assert_int_equal(option_parse_number("18446744073709551615", &v), 0);
    assert_int_equal(v, UINT64_MAX);
    assert_int_equal(option_parse_number("18446744073709551616", &v), -ERANGE);
    assert_int_equal(option_parse_number("2a", &v), -EINVAL);
    assert_int_equal(option_parse_number("0x", &v), -EINVAL);
    assert_int_equal(option_parse_number("-1", &v), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_percent),
        cmocka_unit_test(test_rate_bytes_number),
    };
    return cmocka_run_group_tests_name("cli/unit", tests, NULL, NULL);
}
