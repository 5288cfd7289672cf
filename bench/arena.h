/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory for hosts with very many connections: see arena.c. */
#ifndef SW_BENCH_ARENA_H
#define SW_BENCH_ARENA_H

#include <sockworks/packet.h>

/* Pages of 2 MiB, where the kernel has some (transparent huge pages, by madvise), and cells that begin
 * with a line of the cache. One for the process; nothing goes back to the kernel but what is large. */
extern const struct sw_alloc arena_alloc;

#endif
