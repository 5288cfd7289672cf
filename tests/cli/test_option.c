/* SPDX-License-Identifier: BSD-2-Clause */
/* The options: how a line is read, and that each wrong one is answered by the right sentence. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/option.h"

struct fields {
    int first; /* so that no field of interest has offset 0 */
    uint64_t delay_ns, rate_bps, seed;
    uint32_t loss_ppm, mtu;
    const char *trace;
    const char *settings[3];
    bool flow, has_seed;
};

#define FIELD(m) offsetof(struct fields, m)
static const struct option_def table[] = {
    {.kind = OPTION_HEADING, .help = "Things:"},
    {.name = "delay", .kind = OPTION_TIME, .field = FIELD(delay_ns), .max = 1000000000},
    {.name = "loss", .kind = OPTION_PERCENT, .field = FIELD(loss_ppm)},
    {.name = "rate", .kind = OPTION_RATE, .field = FIELD(rate_bps)},
    {.name = "mtu", .kind = OPTION_BYTES, .field = FIELD(mtu), .min = 1280, .max = 65535},
    {.name = "seed", .kind = OPTION_NUMBER, .field = FIELD(seed), .has_field = FIELD(has_seed)},
    {.name = "trace", .kind = OPTION_FILE, .field = FIELD(trace)},
    {.name = "flow", .kind = OPTION_FLAG, .field = FIELD(flow)},
    {.name = "set", .kind = OPTION_SETTINGS, .field = FIELD(settings), .max = 2},
    {.kind = OPTION_END},
};

#define ARGV(...) ((char *[]){__VA_ARGS__, NULL})

static void test_a_good_line(void **state)
{
    (void)state;
    struct fields f = {0};
    char why[OPTION_WHY] = "";
    bool help = false;
    char **argv = ARGV("--delay", "50ms", "--loss=2%", "--seed", "0", "--trace=a=b", "--flow",
                       "--mtu", "9000", "curl", "--loss", "x");
    assert_int_equal(options_parse(table, &f, argv, &help, why), 9);
    assert_int_equal(f.delay_ns, 50000000);
    assert_int_equal(f.loss_ppm, 20000);
    assert_int_equal(f.mtu, 9000);
    assert_int_equal(f.seed, 0);
    assert_true(f.has_seed && f.flow && !help);
    assert_string_equal(f.trace, "a=b");
}

static void test_settings(void **state)
{
    (void)state;
    struct fields f = {0};
    char why[OPTION_WHY] = "";
    bool help = false;
    assert_int_equal(options_parse(table, &f, ARGV("--set=a=1", "--set", "b=", "x"), &help, why),
                     3);
    assert_string_equal(f.settings[0], "a=1");
    assert_string_equal(f.settings[1], "b=");
    assert_null(f.settings[2]);
    assert_int_equal(options_parse(table, &f, ARGV("--set=c=3"), &help, why), -EINVAL);
    assert_string_equal(why, "--set may be given 2 times");
    f = (struct fields){0};
    assert_int_equal(options_parse(table, &f, ARGV("--set=c"), &help, why), -EINVAL);
    assert_int_equal(options_parse(table, &f, ARGV("--set", "=c"), &help, why), -EINVAL);
}

static void test_where_options_end(void **state)
{
    (void)state;
    struct fields f = {0};
    char why[OPTION_WHY] = "";
    bool help = false;
    assert_int_equal(options_parse(table, &f, ARGV("--flow", "--", "--flow"), &help, why), 2);
    assert_int_equal(options_parse(table, &f, ARGV("-"), &help, why), 0);
    assert_int_equal(options_parse(table, &f, (char *[]){NULL}, &help, why), 0);
    assert_int_equal(options_parse(table, &f, ARGV("--seed", "--"), &help, why), -EINVAL);
    assert_false(help);
    assert_int_equal(options_parse(table, &f, ARGV("-h"), &help, why), 1);
    assert_true(help);
}

static void test_wrong_lines(void **state)
{
    (void)state;
    static const struct {
        const char *words[3];
        const char *why;
    } cases[] = {
        {{"--dleay", "5ms"}, "there is no option --dleay; did you mean --delay?"},
        {{"--frobnicate"}, "there is no option --frobnicate; --help lists those there are"},
        {{"-x"}, "there is no option -x; --help lists those there are"},
        {{"--delay"}, "--delay takes a time such as 50ms, 1.5s or 200us, and nothing follows it"},
        {{"--delay", "5"}, "--delay takes a time such as 50ms, 1.5s or 200us, not '5'"},
        {{"--delay="}, "--delay takes a time such as 50ms, 1.5s or 200us, not ''"},
        {{"--delay", "2s"}, "--delay is at most 1s, not '2s'"},
        {{"--loss", "101%"},
         "--loss takes a share from 0% to 100%, such as 2% or 0.1%, not '101%'"},
        {{"--mtu", "1000"}, "--mtu is from 1280 to 65535, not '1000'"},
        {{"--seed", "99999999999999999999"},
         "--seed takes a whole number such as 42 or 0x2a, not '99999999999999999999' (out of "
         "range)"},
        {{"--flow=yes"}, "--flow takes no value"},
        {{"--trace", ""}, "--trace takes the name of a file, not ''"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fields f = {0}, untouched = {0};
        char why[OPTION_WHY] = "";
        bool help = false;
        char **argv = ARGV((char *)cases[i].words[0], (char *)cases[i].words[1]);
        assert_int_equal(options_parse(table, &f, argv, &help, why), -EINVAL);
        assert_string_equal(why, cases[i].why);
        assert_memory_equal(&f, &untouched, sizeof(f));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_good_line),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_where_options_end),
        cmocka_unit_test(test_wrong_lines),
    };
    return cmocka_run_group_tests_name("cli/option", tests, NULL, NULL);
}
