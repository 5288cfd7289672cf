/* SPDX-License-Identifier: BSD-2-Clause */
/* The names of trace events and drop reasons, and the two functions that report them. */
#include "base/env.h"

#include "base/packet.h"

struct drop_row {
    const char *name, *text;
};

static const struct drop_row drop_rows[SW_DROP_COUNT] = {
#define SW_DROP(id, name, text) [SW_DROP_##id] = {name, text},
#include <sockworks/drop.def>
#undef SW_DROP
};

struct trace_row {
    const char *name;
    const char *values[SW_TRACE_VALUES];
};

static const struct trace_row trace_rows[SW_TRACE_COUNT] = {
#define SW_TRACE(id, name, v0, v1, v2, v3, v4, v5, v6, v7)                                         \
    [SW_TRACE_##id] = {name, {v0, v1, v2, v3, v4, v5, v6, v7}},
#include <sockworks/trace.def>
#undef SW_TRACE
};

const char *sw_drop_name(enum sw_drop why)
{
    return (unsigned)why < SW_DROP_COUNT ? drop_rows[why].name : "unknown";
}

const char *sw_drop_text(enum sw_drop why)
{
    return (unsigned)why < SW_DROP_COUNT ? drop_rows[why].text : "unknown";
}

const char *sw_trace_name(enum sw_trace_kind kind)
{
    return (unsigned)kind < SW_TRACE_COUNT ? trace_rows[kind].name : "unknown";
}

const char *sw_trace_value_name(enum sw_trace_kind kind, unsigned index)
{
    if ((unsigned)kind >= SW_TRACE_COUNT || index >= SW_TRACE_VALUES)
        return NULL;
    return trace_rows[kind].values[index];
}

void sw_trace(struct sw_env *env, struct sw_trace_event *event)
{
    if (!env->trace)
        return;
    event->at_ns = env->now_ns;
    env->trace(env->trace_ctx, event);
}

void sw_drop(struct sw_env *env, struct sw_packet *pkt, enum sw_drop why,
             const struct sw_addr *local, const struct sw_addr *remote)
{
    env->drops[why]++;
    if (sw_tracing(env)) {
        struct sw_trace_event event = {.kind = SW_TRACE_PACKET_DROPPED};
        event.v[0] = (uint64_t)why;
        event.v[1] = pkt ? sw_packet_len(pkt) : 0;
        if (local)
            event.local = *local;
        if (remote)
            event.remote = *remote;
        sw_trace(env, &event);
    }
    sw_packet_free(pkt);
}
