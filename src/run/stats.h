/* SPDX-License-Identifier: BSD-2-Clause */
/* Counters of a run: as text, or as JSON where the configuration says so. */
#ifndef SW_RUN_STATS_H
#define SW_RUN_STATS_H

#include <stdio.h>

#include "run/run.h"

struct run_stats {
    uint64_t n_notified;
    struct sw_host_stats host;
    struct sw_link_stats link; /* both directions */
    bool has_link;
    uint64_t drops[SW_DROP_COUNT];
};

/* What is still there when the last program has ended, and everything that it had should be given up; all
 * zero, or a fault of ours. */
struct run_left {
    uint64_t standins;    /* whose program's end was not noticed */
    uint64_t calls;       /* held for a caller that has gone */
    uint64_t sockets;     /* of the core, without a stand-in */
    uint64_t descriptors; /* open in the supervisor, after it has closed its own */
    uint64_t bytes;       /* of the core's memory, after the host is freed */
};

/* What can be told only while the host is there. */
void stats_take(struct run *run, struct run_stats *ret_stats);
void stats_print(const struct run_stats *stats, const struct run_left *left, bool json, FILE *out);

/* account.c: the stand-ins and calls that are left; once these are given up, sockets; at last descriptors. */
void account_standins(struct run *run, struct run_left *left);
void account_sockets(struct run *run, struct run_left *left);
void account_descriptors(struct run *run, struct run_left *left);

#endif
