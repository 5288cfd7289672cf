/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs a script given as text and holds its verdict, place and message against what is expected. */
#ifndef TESTS_SCRIPT_VERDICT_H
#define TESTS_SCRIPT_VERDICT_H

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "script/script.h"

static inline void expect(const char *text, enum script_verdict verdict, unsigned line,
                          unsigned column, const char *message)
{
    const struct script_config config = {0};
    struct script_result result;
    script_run(text, strlen(text), &config, &result);
    const char *said = result.message != NULL ? result.message : "";
    if (result.verdict != verdict || result.line != line || result.column != column ||
        strstr(said, message) == NULL)
        fail_msg("%u:%u: %s: %s\nexpected %u:%u: %s: %s\nof: %s", result.line, result.column,
                 script_verdict_name(result.verdict), said, line, column,
                 script_verdict_name(verdict), message, text);
    script_result_fini(&result);
}

static inline void expect_pass(const char *text)
{
    expect(text, SCRIPT_PASSED, 0, 0, "");
}

#endif
