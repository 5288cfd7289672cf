/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trace points are data. One table (trace.def) lists each event with the names and kinds of its
 * values; pictures, logs, captures and tests are made from it. The core never formats text.
 */
#ifndef SOCKWORKS_TRACE_H
#define SOCKWORKS_TRACE_H

#include <sockworks/addr.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Why a packet was dropped. Each has a name ("tcp-bad-checksum") and a counter in the host. */
enum sw_drop {
#define SW_DROP(id, name, text) SW_DROP_##id,
#include <sockworks/drop.def>
#undef SW_DROP
    SW_DROP_COUNT
};

const char *sw_drop_name(enum sw_drop why); /* "none", "ip-truncated", ... */
const char *sw_drop_text(enum sw_drop why); /* one sentence */

enum sw_trace_kind {
#define SW_TRACE(id, name, v0, v1, v2, v3, v4, v5, v6, v7) SW_TRACE_##id,
#include <sockworks/trace.def>
#undef SW_TRACE
    SW_TRACE_COUNT
};

#define SW_TRACE_VALUES 8

/* One event. `local` and `remote` are the ends of the socket or packet concerned, zero if none. */
struct sw_trace_event {
    uint64_t at_ns;
    uint64_t socket; /* sw_socket_t, or 0 */
    enum sw_trace_kind kind;
    struct sw_addr local, remote;
    uint64_t v[SW_TRACE_VALUES]; /* named in trace.def */
};

/* The observer. It must not call into the host, and the event is valid only during the call. */
typedef void sw_trace_fn(void *ctx, const struct sw_trace_event *event);

const char *sw_trace_name(enum sw_trace_kind kind);                       /* "segment-sent", ... */
const char *sw_trace_value_name(enum sw_trace_kind kind, unsigned index); /* NULL: unused */

#ifdef __cplusplus
}
#endif

#endif
