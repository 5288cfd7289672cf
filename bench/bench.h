/* SPDX-License-Identifier: BSD-2-Clause */
/* What the programs that are measured share: the clock, and an end with a reason. */
#ifndef SW_BENCH_BENCH_H
#define SW_BENCH_BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline void die(const char *step)
{
    perror(step);
    exit(1);
}

/* Seconds, since some moment. */
static inline double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

#endif
