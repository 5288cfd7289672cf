/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * More connections than one table of descriptors holds (RLIMIT_NOFILE): where ours is nearly full, far ends of
 * streams that have nothing to do are *parked* in a second one.
 *
 * A thread may have a table of its own (unshare(2), CLONE_FILES). The keeper is a thread that does nothing but
 * hold descriptors in its own, and watches them with the supervisor's epoll: that knows open files, so what
 * happens at a parked far end comes to the loop as ever, and it is fetched back before anything else is done.
 *
 * Descriptors are given lowest first: a number above the line (run->park_from) says that ours are running out.
 * A far end with such a number is a guest, parked at the end of each turn that leaves it idle. So nothing here
 * costs anything before that, and there is no keeper.
 *
 * Invariant: s->parked >= 0 only while s is CONNECTED, no call is held on it, and s->far_fd is -1.
 */
#ifndef SW_RUN_PARK_H
#define SW_RUN_PARK_H

#include "run/run.h"

/* `limit`: how many descriptors the supervisor may have. */
void park_init(struct run *run, uint64_t limit);
void park_fini(struct run *run);

/* s->far_fd has come into being, or has been fetched: is it a guest? */
void park_note(struct run *run, struct standin *s);
/* Guests that are idle leave; not while anybody works on one, but for run->called. */
void park_guests(struct run *run);
/* The same before the turn is over, where they have become many. */
void park_relieve(struct run *run);
/* Whether s is there to be worked on; fetches it if it is parked. False: no descriptor is left, and s is gone. */
bool park_fetch(struct run *run, struct standin *s);
/* Its far end is closed, and it is no guest any more. */
void park_forget(struct run *run, struct standin *s);
/* Closes a parked far end. */
void park_drop(struct run *run, struct standin *s);

#endif
