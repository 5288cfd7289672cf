/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the supervisor reports what it sees to whoever looks (run->view): calls here, segments from
 * the host's own trace.
 */
#ifndef SW_RUN_RECORD_H
#define SW_RUN_RECORD_H

#include "run/run.h"

/* A call was answered: `result` is its value or a negative errno; `native`: the kernel goes on with
 * it. */
static inline void record_call_answered(struct run *run, const struct run_call *call,
                                        int64_t result, bool native)
{
    (void)run;
    (void)call;
    (void)result;
    (void)native;
}

#endif
