/* SPDX-License-Identifier: BSD-2-Clause */
/* What the simulations share: the loop that runs one, and the main() that runs many. */
#ifndef SW_TESTS_SIM_SIM_H
#define SW_TESTS_SIM_SIM_H

#include "dgram.h"
#include "stream.h"

#define SIM_STREAMS 3

struct sim {
    struct world w;
    struct stream streams[SIM_STREAMS];
    unsigned n_streams;
    struct dgram dgram;
    bool has_dgram;
    /* Something the test wants to do at a time, once; SW_NEVER: nothing. */
    uint64_t event_at_ns;
    void (*event)(struct sim *sim);
    uint64_t event_data; /* the test's */
};

/* Runs until nobody has anything to do any more, or a failure, or a virtual day has gone by. */
void sim_run(struct sim *sim);

/* Whether all programs have finished; if not, a failure that says who has not. */
void sim_check_finished(struct sim *sim);

/* No more packets than a generous multiple of what the contents need. */
void sim_check_storm(struct sim *sim);

/* Where nothing is lost, late or out of order, nothing is sent twice. */
void sim_check_retransmissions(struct sim *sim);

/* The end of each simulation: closes what is open, and nothing may be left. */
void sim_finish(struct sim *sim);

/*
 * The main() of a simulation: test_sim_X [--seeds FIRST COUNT] [--seed N] [-v].
 * Runs `one` for each seed in a fresh struct sim; it leaves what went wrong in sim->w.failure. A
 * failing seed is printed with the command that repeats it.
 */
int sim_main(int argc, char **argv, void (*one)(struct sim *sim, uint64_t seed));

/* The -v of the command line, for world_choose(). */
extern int sim_verbose;

#endif
