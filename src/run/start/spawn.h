/* SPDX-License-Identifier: BSD-2-Clause */
/* The program is started under the filter, and the listener comes to us. */
#ifndef SW_RUN_SPAWN_H
#define SW_RUN_SPAWN_H

#include <signal.h>
#include <sys/resource.h>

#include "run/run.h"

/* How we were started, which the program is to find again. */
struct run_origin {
    sigset_t mask;
    struct rlimit nofile;
};

/* Sets run->child, notify_fd, wait_killable and keep_dups. 0; or the exit status that says why not,
 * with one line on stderr. */
int spawn(struct run *run, const struct run_origin *origin);

#endif
