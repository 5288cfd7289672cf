/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The recorder: a growing array of records, up to a cap, in the order in which things happened.
 *
 * Invariants: records[1..n] are in use; a call's record and its answer's record name each other; a
 * token is the index of a call's record.
 */
#define _POSIX_C_SOURCE 200809L

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "view/private.h"

#define VIEW_RECORDS_MAX 100000U

struct sw_view *sw_view_new(const struct sw_view_config *config)
{
    struct sw_view *view = calloc(1, sizeof(*view));
    if (!view)
        return NULL;
    view->config = *config;
    if (view->config.max_records == 0)
        view->config.max_records = VIEW_RECORDS_MAX;
    if (config->capture) {
        view->capture = view_capture_new(config->capture, config->wall_ns - config->start_ns);
        if (!view->capture) {
            free(view);
            return NULL;
        }
    }
    return view;
}

void sw_view_free(struct sw_view *view)
{
    if (!view)
        return;
    view_capture_free(view->capture);
    free(view->records);
    free(view);
}

uint64_t sw_view_left_out(const struct sw_view *view)
{
    return view ? view->left_out : 0;
}

static bool grow(struct sw_view *view)
{
    uint32_t cap = view->cap ? view->cap * 2 : 256;
    struct view_record *records = realloc(view->records, cap * sizeof(*records));
    if (!records)
        return false;
    view->records = records;
    view->cap = cap;
    return true;
}

/* A new record; NULL: it is left out. */
static struct view_record *add(struct sw_view *view, uint64_t now_ns, enum view_kind kind)
{
    if (view->n >= view->config.max_records || (view->n + 1 >= view->cap && !grow(view))) {
        view->left_out++;
        return NULL;
    }
    struct view_record *r = &view->records[++view->n];
    memset(r, 0, sizeof(*r));
    r->at_ns = now_ns > view->config.start_ns ? now_ns - view->config.start_ns : 0;
    r->kind = kind;
    return r;
}

void sw_view_trace_fn(void *ctx, const struct sw_trace_event *event)
{
    struct sw_view *view = ctx;
    if (!view)
        return;
    struct view_record *r = add(view, event->at_ns, VIEW_TRACE);
    if (r)
        r->trace = *event;
    if (view->capture && event->kind == SW_TRACE_PACKET_DROPPED)
        view_capture_drop(view->capture, event);
}

void sw_view_process(struct sw_view *view, uint64_t now_ns, pid_t pid, const char *program)
{
    struct view_record *r = view ? add(view, now_ns, VIEW_PROCESS) : NULL;
    if (!r)
        return;
    r->process.pid = pid;
    for (size_t i = 0; i < VIEW_NAME - 1 && program[i]; i++) /* a name may be any bytes */
        r->process.program[i] = program[i] >= ' ' && program[i] <= '~' ? program[i] : '?';
}

void sw_view_process_end(struct sw_view *view, uint64_t now_ns, pid_t pid, int status)
{
    struct view_record *r = view ? add(view, now_ns, VIEW_PROCESS_END) : NULL;
    if (!r)
        return;
    r->process.pid = pid;
    r->process.status = status;
}

uint64_t sw_view_call(struct sw_view *view, uint64_t now_ns, pid_t pid, pid_t tid, int nr,
                      const uint64_t args[6])
{
    struct view_record *r = view ? add(view, now_ns, VIEW_CALL) : NULL;
    if (!r)
        return 0;
    r->call.pid = pid;
    r->call.tid = tid;
    r->call.nr = nr;
    memcpy(r->call.args, args, sizeof(r->call.args));
    return view->n;
}

/* The call that a token names, while it is not answered. */
static struct view_call *open_call(struct sw_view *view, uint64_t token)
{
    if (!view || token == 0 || token > view->n || view->records[token].kind != VIEW_CALL)
        return NULL;
    struct view_call *call = &view->records[token].call;
    return call->answer ? NULL : call;
}

void sw_view_call_addr(struct sw_view *view, uint64_t token, const struct sw_addr *addr)
{
    struct view_call *call = open_call(view, token);
    if (!call)
        return;
    call->addr = *addr;
    call->has_addr = true;
}

void sw_view_call_value(struct sw_view *view, uint64_t token, int64_t value)
{
    struct view_call *call = open_call(view, token);
    if (!call)
        return;
    call->value = value;
    call->has_value = true;
}

void sw_view_answer(struct sw_view *view, uint64_t now_ns, uint64_t token, uint64_t socket,
                    int64_t result, const struct sw_addr *addr)
{
    if (!open_call(view, token))
        return;
    struct view_record *r = add(view, now_ns, VIEW_ANSWER);
    if (!r)
        return;
    r->call_index = (uint32_t)token;
    struct view_call *call = &view->records[token].call; /* add() may have moved it */
    call->answer = view->n;
    call->socket = socket;
    call->result = result;
    if (addr) {
        call->from = *addr;
        call->has_from = true;
    }
}

void sw_view_data(struct sw_view *view, uint64_t now_ns, uint64_t socket, enum sw_view_data what,
                  uint64_t len)
{
    struct view_record *r = view ? add(view, now_ns, VIEW_DATA) : NULL;
    if (!r)
        return;
    r->data.socket = socket;
    r->data.what = what;
    r->data.len = len;
}

void sw_view_capture(struct sw_view *view, uint64_t now_ns, const struct sw_packet *pkt)
{
    if (view && view->capture)
        view_capture_packet(view->capture, now_ns, pkt);
}

bool sw_view_wants_colour(FILE *out)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    if (no && *no)
        return false;
    return isatty(fileno(out)) && !(term && strcmp(term, "dumb") == 0);
}

bool sw_view_wants_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (unsigned i = 0; i < 3; i++) {
        const char *value = getenv(names[i]);
        if (value && *value)
            return strstr(value, "UTF-8") || strstr(value, "utf8") || strstr(value, "UTF8") ||
                   strstr(value, "utf-8");
    }
    return false;
}
