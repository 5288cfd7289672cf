/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Streams both ways at once, and datagrams beside them, over a link of any condition: every byte
 * once and in order, both ends come to their end, and nothing is left. Each seed is run twice: the
 * packets must be the same, to the byte and the nanosecond.
 */
#include <errno.h>

#include "sim.h"

/* A SYN is repeated six times (Linux's tcp_syn_retries), so with much loss a connection may
 * honestly not come about. */
static bool may_fail_to_connect(const struct sim *sim)
{
    const struct sw_link_conditions *c = sim->w.conditions;
    return c[0].loss_ppm + c[1].loss_ppm + c[0].corrupt_ppm + c[1].corrupt_ppm > 100000;
}

static bool never_connected(const struct stream *s)
{
    return s->end[0].error == ETIMEDOUT && !s->end[1].socket;
}

static void simulate(struct sim *sim, uint64_t seed, int verbose)
{
    *sim = (struct sim){.event_at_ns = SW_NEVER};
    struct world *w = &sim->w;
    world_choose(w, seed, verbose);
    world_open(w);
    sim->n_streams = rand_one_in(&w->rand, 4) ? (unsigned)rand_in(&w->rand, 2, SIM_STREAMS) : 1;
    for (unsigned i = 0; i < sim->n_streams; i++) {
        struct stream_choice choice = {.simultaneous = rand_one_in(&w->rand, 10)};
        stream_open(&sim->streams[i], w, i, &choice);
    }
    sim->has_dgram = rand_one_in(&w->rand, 2);
    if (sim->has_dgram)
        dgram_open(&sim->dgram, w);

    sim_run(sim);
    bool gave_up = false;
    for (unsigned i = 0; i < sim->n_streams; i++) {
        if (may_fail_to_connect(sim) && never_connected(&sim->streams[i]))
            gave_up = true;
        else
            stream_check_whole(&sim->streams[i]);
    }
    if (!gave_up)
        sim_check_finished(sim);
    if (sim->has_dgram)
        dgram_check(&sim->dgram);
    sim_check_storm(sim);
    sim_check_retransmissions(sim);
    sim_finish(sim);
}

static void one(struct sim *sim, uint64_t seed)
{
    simulate(sim, seed, sim_verbose);
    if (sim->w.failure[0])
        return;
    uint64_t hash = sim->w.hash;
    simulate(sim, seed, 0);
    if (sim->w.hash != hash)
        world_fail(&sim->w, "the same seed gave other packets");
}

int main(int argc, char **argv)
{
    return sim_main(argc, argv, one);
}
