/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every layer of a host shares: memory, chance, timers, the time, the observer and the counters.
 * One per host; layers keep a pointer to it and change nothing in it but through these functions
 * (and stats, which each layer counts for itself).
 */
#ifndef SW_BASE_ENV_H
#define SW_BASE_ENV_H

#include <sockworks/host.h>

#include "base/rng.h"
#include "base/wheel.h"

struct sw_env {
    struct sw_mem *mem;
    uint64_t now_ns;
    struct sw_rng rng;
    struct sw_wheel wheel;
    sw_trace_fn *trace;
    void *trace_ctx;
    uint64_t drops[SW_DROP_COUNT];
    struct sw_host_stats stats;
};

/* Reports an event; fills in the time. Does nothing without an observer: test sw_tracing() first
 * where making the event costs something. */
void sw_trace(struct sw_env *env, struct sw_trace_event *event);

static inline bool sw_tracing(const struct sw_env *env)
{
    return env->trace != NULL;
}

/* Counts, traces and frees a packet that is dropped. `local` and `remote` may be NULL. */
void sw_drop(struct sw_env *env, struct sw_packet *pkt, enum sw_drop why, const struct sw_addr *local,
             const struct sw_addr *remote);

#endif
