/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happened, and what was expected instead: one above the other, with a mark under the first
 * place where they differ, and the last events before.
 */
#include <string.h>

#include "script/private.h"

#define BEFORE_MAX 12 /* lines of what went before */
#define BEHIND_MAX 3  /* packets behind the one that differs */

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

/* How wide the column of times is: a range needs more. */
static int due_width(const struct run *run)
{
    return run->due_ns != SW_NEVER && run->due_until_ns > run->due_ns ? 19 : 12;
}

/* A time that may be open, or a range, in that column. */
static void text_due(struct text *text, const struct run *run)
{
    if (run->due_ns == SW_NEVER)
        text_add(text, "%*s", due_width(run), "any time");
    else if (run->due_until_ns > run->due_ns)
        text_add(text, "%9.6f~%-9.6f", run_seconds(run, run->due_ns),
                 run_seconds(run, run->due_until_ns));
    else
        text_add(text, "%*.6f", due_width(run), run_seconds(run, run->due_ns));
}

/* What left behind the packet that is shown, as far as it is known. */
static void text_behind(struct run *run, struct text *text)
{
    struct spacket none = {.outbound = true}, packet;
    unsigned lines = 0;
    for (struct sent *sent = run->sent; sent != NULL && lines < BEHIND_MAX; sent = sent->next)
        if (flow_outbound(run, run->under_test, sent, &none, &packet)) {
            text_add(text, lines++ == 0 ? "  then    " : "          ");
            text_add(text, "%*.6f  ", due_width(run), run_seconds(run, sent->at_ns));
            text_packet(text, &packet);
            text_add(text, "\n");
        }
}

/* Under the words in which the packets part. Nothing, if they look the same. */
static void text_mark(struct text *text, const char *expected, const char *actual, int indent)
{
    size_t at = first_difference(expected, actual);
    size_t e = strcspn(expected + at, " ,>"), a = strcspn(actual + at, " ,>");
    if (strcmp(expected, actual) == 0)
        return;
    text_add(text, "%*s^", indent + (int)at, "");
    for (size_t i = 1; i < (e > a ? e : a); i++)
        text_add(text, "~");
    text_add(text, "\n");
}

bool report_mismatch(struct run *run, const struct spacket *expected, const struct spacket *actual,
                     uint64_t actual_ns)
{
    struct text *detail = &run->script->detail, e = {0}, a = {0};
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
    text_add(detail, "  expected");
    text_due(detail, run);
    text_add(detail, "  %s\n  actual  %*.6f  %s\n", e.s, due_width(run),
             run_seconds(run, actual_ns), a.s);
    text_mark(detail, e.s, a.s, 12 + due_width(run));
    text_behind(run, detail);
    text_fini(&e);
    text_fini(&a);
    return false;
}

bool report_missing(struct run *run, const struct spacket *expected, uint64_t until_ns)
{
    struct text *detail = &run->script->detail;
    text_add(detail, "  expected");
    text_due(detail, run);
    text_add(detail, "  ");
    text_packet(detail, expected);
    text_add(detail, "\n  actual  %*s  nothing until %.6f s\n", due_width(run), "",
             run_seconds(run, until_ns));
    return false;
}

void report_trace(void *context, const struct sw_trace_event *event)
{
    struct run *run = context;
    if (event->kind == SW_TRACE_PACKET_DROPPED)
        report_log(run, "    dropped: %s (%s)", sw_drop_text((enum sw_drop)event->v[0]),
                   sw_drop_name((enum sw_drop)event->v[0]));
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
