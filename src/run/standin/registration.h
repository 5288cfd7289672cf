/* SPDX-License-Identifier: BSD-2-Clause */
/* Registrations with epoll that follow a stand-in to another open file (registration.c). */
#ifndef SW_RUN_REGISTRATION_H
#define SW_RUN_REGISTRATION_H

#include "run/run.h"

struct registration;

/* The caller's registrations of a stand-in under this number; NULL: none, or none that can be had.
 */
struct registration *registrations_of(struct run *run, pid_t tid, int number, ino_t ino);

/* Registers `fd`, which stands under `number` in the caller's table by now, the same way; frees the
 * list. fd < 0: only frees. */
void registrations_move(struct registration *all, int fd, int number);

#endif
