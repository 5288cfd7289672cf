/* SPDX-License-Identifier: BSD-2-Clause */
/* proc_net.c: the files of /proc/net as the run's own network has them (proc_net(5)). */
#ifndef SW_RUN_PROC_NET_H
#define SW_RUN_PROC_NET_H

#include <stdio.h>

#include "run/run.h"

typedef void proc_net_fn(struct run *run, FILE *out);

/* Who writes the file of that name; NULL: it is the machine's. */
proc_net_fn *proc_net_find(const char *name);

/* netlink/diag_socket.c: the next of all sockets with its stand-in's inode, owner and queues. False: no more. */
struct diag_socket;
bool diag_next(struct run *run, uint64_t *cursor, struct diag_socket *ret);

#endif
