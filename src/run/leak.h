/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether the kernel holds an internet socket of the run after all: every descriptor of every
 * process of the run is looked at. Each socket is asked for its family (SO_DOMAIN); where it cannot
 * be fetched, its inode is looked for in the kernel's tables of that process's network (proc(5),
 * /proc/PID/net/tcp and the like), which takes far longer and does not know sockets without a port.
 */
#ifndef SW_RUN_LEAK_H
#define SW_RUN_LEAK_H

#include "run/run.h"

struct leak_report {
    unsigned looks;       /* how often all were looked at */
    unsigned descriptors; /* most that were there at a time */
    unsigned processes;
    unsigned held; /* AF_INET and AF_INET6 sockets found, all looks together */
};

void leak_look(struct run *run, struct leak_report *report);

#endif
