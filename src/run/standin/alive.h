/* SPDX-License-Identifier: BSD-2-Clause */
/* Ways of asking whether a stand-in still has a holder. */
#ifndef SW_RUN_ALIVE_H
#define SW_RUN_ALIVE_H

#include <stdbool.h>
#include <sys/types.h>

struct run;

/* The descriptors that asking takes, while there are some. */
void alive_init(struct run *run);

/* By its name; of who has none, by the kernel's table. */
bool alive_by_name(struct run *run, const char *name, bool stream, ino_t ino);

/* The kernel's table of unix sockets (sock_diag(7)); -1: it has none, or hides that of `known_fd`. */
int alive_open_table(int known_fd);

/* By that table, run->diag_fd; where there is none, by /proc. */
bool alive_in_kernel(struct run *run, ino_t ino);

/* By /proc/PID/fd of every process below us, for a stand-in of which we hold a dup. */
bool alive_held_by_program(struct run *run, ino_t ino);

#endif
