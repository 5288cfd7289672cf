/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happened, and what was expected instead: one above the other, with a mark under the first
 * place where they differ, and the last events before.
 */
#include <string.h>

#include "script/private.h"

#define BEFORE_MAX 12 /* lines of what went before */

double run_seconds(const struct run *run, uint64_t at_ns)
{
    return (double)(int64_t)(at_ns - run->start_ns) / 1e9;
}

void report_log(struct run *run, const char *format, ...)
{
    va_list args;
    text_add(&run->log, "%12.6f  ", run_seconds(run, run->now_ns));
    va_start(args, format);
    text_vadd(&run->log, format, args);
    va_end(args);
    text_add(&run->log, "\n");
}

void report_packet(struct run *run, const struct spacket *packet, uint64_t at_ns, const char *note)
{
    text_add(&run->log, "%12.6f  ", run_seconds(run, at_ns));
    text_packet(&run->log, packet);
    text_add(&run->log, "%s\n", note);
}

/* The place where two lines part. */
static size_t first_difference(const char *a, const char *b)
{
    size_t i = 0;
    while (a[i] != '\0' && a[i] == b[i])
        i++;
    while (i > 0 && a[i - 1] != ' ' && a[i - 1] != '<' && a[i - 1] != ',') /* of the word */
        i--;
    return i;
}

bool report_mismatch(struct run *run, const struct spacket *expected, const struct spacket *actual,
                     uint64_t actual_ns, const char *what)
{
    struct script *script = run->script;
    struct text e = {0}, a = {0};
    struct spacket shown = *actual;
    if (!expected->has_window) /* what is not judged is not shown either, to be read side by side */
        shown.has_window = false;
    if (expected->tos_check == TOS_OPEN)
        shown.tos_check = TOS_OPEN;
    if (expected->options_open) {
        shown.options_open = true;
        shown.options_len = 0;
    }
    text_packet(&e, expected);
    text_packet(&a, &shown);
    script_error(script, SCRIPT_FAILED, run->event->pos, "the packet differs in %s", what);
    text_add(&script->detail, "  expected               %s\n", e.s);
    text_add(&script->detail, "  actual   %12.6f  %s\n", run_seconds(run, actual_ns), a.s);
    text_add(&script->detail, "%*s^\n", (int)(25 + first_difference(e.s, a.s)), "");
    text_fini(&e);
    text_fini(&a);
    return false;
}

void report_before(struct run *run)
{
    struct text *detail = &run->script->detail;
    if (run->log.len == 0)
        return;
    const char *from = run->log.s + run->log.len;
    if (run->config->verbose) {
        from = run->log.s;
    } else {
        for (unsigned lines = 0; from > run->log.s; from--)
            if (from[-1] == '\n' && lines++ == BEFORE_MAX)
                break;
    }
    text_add(detail, "%s%s", run->script->verdict != SCRIPT_PASSED ? "  before:\n" : "", from);
}
