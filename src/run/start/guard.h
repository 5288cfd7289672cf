/* SPDX-License-Identifier: BSD-2-Clause */
/* The guardian: the process that was asked for; the supervisor is its child. */
#ifndef SW_RUN_GUARD_H
#define SW_RUN_GUARD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

/* What comes down the pipe: a signal's number, with this bit if the terminal sent it (then the
 * whole foreground group, and so the program, has it already). */
#define GUARD_FROM_TERMINAL 0x80

/* Signals that the guardian passes on. */
void guard_signals(sigset_t *ret_set);

/* All that both of us block, so that signals neither end us nor reach a program twice: everything
 * but what a crash or the terminal's job control sends. */
void guard_blocked(sigset_t *ret_set);

/* Waits for the supervisor, passing signals on through `fd`. If the supervisor dies of a signal,
 * ends everything that it ran, with a message. Returns the exit status. */
int guard_main(pid_t supervisor, int fd);

/* Every process below one: children, their children, ... */
typedef void guard_each_fn(pid_t pid, void *ctx);
void guard_each_below(pid_t pid, guard_each_fn *visit, void *ctx);

/* Signals every process below us. */
void guard_signal_all(int sig);

#endif
