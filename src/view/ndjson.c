/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One JSON object per record and line (ndjson.org). Field names of events are those of trace.def,
 * so a new event or value appears here by itself. Times are nanoseconds since the run's beginning.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "view/private.h"

/* Adds a member; remembers a failure. Steals `value`. */
static void put(json_t *object, const char *name, json_t *value, bool *failed)
{
    if (json_object_set_new(object, name, value) != 0)
        *failed = true;
}

static void put_int(json_t *object, const char *name, uint64_t value, bool *failed)
{
    put(object, name, json_integer((json_int_t)value), failed);
}

static void put_addr(json_t *object, const char *name, const struct sw_addr *addr, bool *failed)
{
    static const struct sw_ip none = {{0}};
    char text[SW_ADDR_TEXT];
    if (sw_ip_eq(&addr->ip, &none) && addr->port == 0)
        return; /* the event has no such end */
    put(object, name, json_string(sw_addr_text(addr, text, sizeof(text))), failed);
}

static void put_trace(json_t *object, const struct sw_trace_event *event, bool *failed)
{
    put(object, "event", json_string(sw_trace_name(event->kind)), failed);
    if (event->socket)
        put_int(object, "socket", event->socket, failed);
    put_addr(object, "local", &event->local, failed);
    put_addr(object, "remote", &event->remote, failed);
    for (unsigned i = 0; i < SW_TRACE_VALUES; i++) {
        const char *name = sw_trace_value_name(event->kind, i);
        if (!name)
            break;
        if (strcmp(name, "reason") == 0)
            put(object, name, json_string(sw_drop_name((enum sw_drop)event->v[i])), failed);
        else
            put_int(object, name, event->v[i], failed);
    }
}

static void put_who(json_t *object, const struct view_names *names, pid_t pid, bool *failed)
{
    const char *program = view_names_of(names, pid);
    put_int(object, "pid", (uint64_t)pid, failed);
    if (program)
        put(object, "program", json_string(program), failed);
}

static void put_call(json_t *object, const struct view_names *names, const struct view_call *call,
                     bool answered, bool *failed)
{
    char text[256];
    put(object, "event", json_string(answered ? "call-answered" : "call"), failed);
    put_who(object, names, call->pid, failed);
    put_int(object, "tid", (uint64_t)call->tid, failed);
    put(object, "call", json_string(view_call_name(call->nr)), failed);
    if (view_call_fd(call) >= 0)
        put_int(object, "fd", (uint64_t)view_call_fd(call), failed);
    if (!answered) {
        view_call_text(call, text, sizeof(text));
        put(object, "text", json_string(text), failed);
        if (call->has_addr)
            put_addr(object, "address", &call->addr, failed);
        if (call->has_value)
            put(object, "value", json_integer(call->value), failed);
        return;
    }
    if (call->socket)
        put_int(object, "socket", call->socket, failed);
    put(object, "result", json_integer(call->result), failed);
    if (call->result < 0 && call->result != -512)
        put(object, "errno", json_string(view_errno_name((int)-call->result)), failed);
    if (call->has_from)
        put_addr(object, "from", &call->from, failed);
}

static void put_record(json_t *object, const struct sw_view *view, const struct view_names *names,
                       const struct view_record *r, bool *failed)
{
    static const char *const data_names[] = {[SW_VIEW_TAKEN] = "data-taken",
                                             [SW_VIEW_GIVEN] = "data-given",
                                             [SW_VIEW_SHUT] = "shut",
                                             [SW_VIEW_CLOSED] = "closed"};
    switch (r->kind) {
    case VIEW_TRACE:
        put_trace(object, &r->trace, failed);
        break;
    case VIEW_PROCESS:
        put(object, "event", json_string("process"), failed);
        put_who(object, names, r->process.pid, failed);
        break;
    case VIEW_PROCESS_END:
        put(object, "event", json_string("process-ended"), failed);
        put_who(object, names, r->process.pid, failed);
        put_int(object, "status", (uint64_t)r->process.status, failed);
        break;
    case VIEW_CALL:
        put_call(object, names, &r->call, false, failed);
        break;
    case VIEW_ANSWER:
        put_call(object, names, &view->records[r->call_index].call, true, failed);
        break;
    case VIEW_DATA:
        put(object, "event", json_string(data_names[r->data.what]), failed);
        put_int(object, "socket", r->data.socket, failed);
        put_int(object, "len", r->data.len, failed);
        break;
    }
}

static int write_line(FILE *out, json_t *object, bool failed)
{
    int err = failed ? -ENOMEM : 0;
    if (!err && json_dumpf(object, out, JSON_COMPACT | JSON_PRESERVE_ORDER) != 0)
        err = -EIO;
    json_decref(object);
    if (!err && fputc('\n', out) == EOF)
        err = -EIO;
    return err;
}

int sw_view_ndjson(const struct sw_view *view, FILE *out)
{
    struct view_names names = {0};
    int err = 0;
    if (!view)
        return 0;
    for (uint32_t i = 1; i <= view->n && !err; i++) {
        const struct view_record *r = &view->records[i];
        bool failed = view_names_see(&names, r) != 0;
        json_t *object = json_object();
        put(object, "at_ns", json_integer((json_int_t)r->at_ns), &failed);
        put_record(object, view, &names, r, &failed);
        err = write_line(out, object, failed);
    }
    if (!err && view->left_out > 0) {
        bool failed = false;
        json_t *object = json_object();
        put(object, "event", json_string("left-out"), &failed);
        put_int(object, "records", view->left_out, &failed);
        err = write_line(out, object, failed);
    }
    view_names_fini(&names);
    return err ? err : fflush(out) == EOF ? -EIO : 0;
}
