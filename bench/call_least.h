/* SPDX-License-Identifier: BSD-2-Clause */
/* The least that a notified call costs on this machine: call_least.c. */
#ifndef SW_BENCH_CALL_LEAST_H
#define SW_BENCH_CALL_LEAST_H

#include <stdbool.h>

/* Measures that for `seconds` and prints it, if `what` is one of its words; else false. */
bool least(const char *what, double seconds);

/* call.c: times `one` of 0, 1, ... 99 over and over, each hundred after `before` and before `after` (either
 * may be NULL), and prints how many, the seconds they took, and the microseconds of one in the best hundred. */
void measure(void (*before)(void), void (*one)(int), void (*after)(void), double seconds);

#endif
