/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The units of command line arguments: times, shares, rates, sizes.
 *
 * A quantity is a decimal number, possibly with a fraction, and a unit right behind it. Arithmetic
 * is in integers: the value is held as digits and a power of ten, so that 0.1s is 100,000,000 ns
 * exactly. What does not fit is -ERANGE, what is not a number with one of the units is -EINVAL.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "cli/option.h"

struct unit {
    const char *name;
    uint64_t factor; /* how many of the smallest unit */
};

/* digits / 10^decimals, and what stands behind it. */
static int parse_decimal(const char *text, uint64_t *ret_digits, unsigned *ret_decimals,
                         const char **ret_rest)
{
    const char *p = text;
    uint64_t digits = 0;
    unsigned decimals = 0, seen = 0;
    bool point = false;

    for (; (*p >= '0' && *p <= '9') || (*p == '.' && !point); p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        if (digits > (UINT64_MAX - 9) / 10)
            return -ERANGE;
        digits = digits * 10 + (uint64_t)(*p - '0');
        decimals += point;
        seen++;
    }
    if (seen == 0)
        return -EINVAL;
    *ret_digits = digits;
    *ret_decimals = decimals;
    *ret_rest = p;
    return 0;
}

/* A number with one of `units`; a bare 0 needs none. Rounds down to the smallest unit, but what is
 * not zero never becomes zero: it is -ERANGE then. */
static int parse_quantity(const char *text, const struct unit *units, uint64_t *ret)
{
    uint64_t digits;
    unsigned decimals;
    const char *rest;
    int r = parse_decimal(text, &digits, &decimals, &rest);
    if (r < 0)
        return r;
    if (digits == 0 && *rest == '\0') {
        *ret = 0;
        return 0;
    }
    while (units->name != NULL && strcasecmp(units->name, rest) != 0)
        units++;
    if (units->name == NULL)
        return -EINVAL;

    uint64_t factor = units->factor;
    for (; decimals > 0 && factor % 10 == 0; decimals--)
        factor /= 10;
    if (digits > UINT64_MAX / factor)
        return -ERANGE;
    uint64_t value = digits * factor;
    for (; decimals > 0; decimals--)
        value /= 10;
    if (value == 0 && digits != 0)
        return -ERANGE;
    *ret = value;
    return 0;
}

int option_parse_time(const char *text, uint64_t *ret_ns)
{
    static const struct unit units[] = {
        {"ns", 1},
        {"us", 1000},
        {"ms", 1000 * 1000},
        {"s", 1000 * 1000 * 1000},
        {"min", 60ULL * 1000 * 1000 * 1000},
        {NULL, 0},
    };
    return parse_quantity(text, units, ret_ns);
}

int option_parse_percent(const char *text, uint32_t *ret_ppm)
{
    static const struct unit units[] = {{"%", 10 * 1000}, {"ppm", 1}, {NULL, 0}};
    uint64_t ppm;
    int r = parse_quantity(text, units, &ppm);
    if (r < 0)
        return r;
    if (ppm > 1000 * 1000)
        return -ERANGE;
    *ret_ppm = (uint32_t)ppm;
    return 0;
}

int option_parse_rate(const char *text, uint64_t *ret_bps)
{
    static const struct unit units[] = {
        {"bit", 1},
        {"kbit", 1000},
        {"Mbit", 1000 * 1000},
        {"Gbit", 1000 * 1000 * 1000},
        {"Tbit", 1000ULL * 1000 * 1000 * 1000},
        {NULL, 0},
    };
    return parse_quantity(text, units, ret_bps);
}

int option_parse_bytes(const char *text, uint32_t *ret_bytes)
{
    static const struct unit units[] = {
        {"", 1},
        {"B", 1},
        {"K", 1024},
        {"KiB", 1024},
        {"M", 1024 * 1024},
        {"MiB", 1024 * 1024},
        {"kB", 1000},
        {"MB", 1000 * 1000},
        {NULL, 0},
    };
    uint64_t bytes;
    int r = parse_quantity(text, units, &bytes);
    if (r < 0)
        return r;
    if (bytes > UINT32_MAX)
        return -ERANGE;
    *ret_bytes = (uint32_t)bytes;
    return 0;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 16;
}

int option_parse_number(const char *text, uint64_t *ret_number)
{
    unsigned base = 10;
    uint64_t value = 0;

    if (strncasecmp(text, "0x", 2) == 0) {
        base = 16;
        text += 2;
    }
    if (*text == '\0')
        return -EINVAL;
    for (; *text != '\0'; text++) {
        unsigned digit = (unsigned)digit_value(*text);
        if (digit >= base)
            return -EINVAL;
        if (value > (UINT64_MAX - digit) / base)
            return -ERANGE;
        value = value * base + digit;
    }
    *ret_number = value;
    return 0;
}
