/* SPDX-License-Identifier: BSD-2-Clause */
/* Counters of a run: as text, or as JSON where the configuration says so. */
#ifndef SW_RUN_STATS_H
#define SW_RUN_STATS_H

#include <stdio.h>

#include "run/run.h"

void stats_print(struct run *run, FILE *out);

#endif
