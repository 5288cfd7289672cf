/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The link is cut in the middle of transfers: for a while, and everything must arrive all the same;
 * for ever, in both directions or in one, and both programs must be told so by a clear error.
 */
#include <errno.h>
#include <string.h>

#include "sim.h"

enum cut { FOR_A_WHILE, FOR_EVER, ONE_WAY_FOR_EVER, CUTS };

static void mend(struct sim *sim)
{
    for (int end = 0; end < 2; end++)
        world_set(&sim->w, end, &sim->w.conditions[end]);
}

static void cut(struct sim *sim)
{
    struct sw_link_conditions down = {.down = true};
    enum cut kind = (enum cut)sim->event_data;
    world_set(&sim->w, 0, &down);
    if (kind != ONE_WAY_FOR_EVER)
        world_set(&sim->w, 1, &down);
    if (kind == FOR_A_WHILE) {
        sim->event = mend;
        sim->event_at_ns = sim->w.now_ns + rand_in(&sim->w.rand, 1, 30000) * MS_NS;
    }
}

static bool is_whole(const struct stream *s)
{
    return s->end[0].read == s->end[0].peer_total && s->end[1].read == s->end[1].peer_total &&
           !s->end[0].error && !s->end[1].error;
}

/* Cut off for good: an end has everything, or an error that says what happened. */
static void check_told(const struct stream *s)
{
    for (int i = 0; i < 2; i++) {
        const struct stream_end *e = &s->end[i];
        bool all = !e->error && e->read == e->peer_total && e->written == e->total;
        /* Reset: by the other side, where it gave up first and its RST could still pass. */
        bool told = e->error == ETIMEDOUT || e->error == ECONNRESET || e->error == EPIPE;
        bool never = i == 1 && !e->socket;
        if (!all && !told && !never)
            world_fail(e->w, "host %d: %s after the cut, read %llu of %llu", e->host,
                       e->error ? strerror(e->error) : "no error", (unsigned long long)e->read,
                       (unsigned long long)e->peer_total);
    }
}

static void one(struct sim *sim, uint64_t seed)
{
    static const struct stream_choice choice = {
        .max_bytes = 3000000, .no_long_rests = true, .keepalive = true};
    struct world *w = &sim->w;
    sim->event_at_ns = SW_NEVER;
    world_choose(w, seed, sim_verbose);
    for (int end = 0; end < 2; end++) {
        w->conditions[end].loss_ppm /= 10; /* what is tried here is the cut */
        w->conditions[end].corrupt_ppm = 0;
        w->conditions[end].rate_bps = 10000000; /* slow enough that it falls into the transfer */
        w->conditions[end].queue_bytes = 200000;
    }
    world_open(w);
    sim->n_streams = 1;
    stream_open(&sim->streams[0], w, 0, &choice);
    sim->event = cut;
    sim->event_data = rand_in(&w->rand, 0, CUTS - 1);
    sim->event_at_ns = w->now_ns + rand_in(&w->rand, 0, 3000) * MS_NS;

    sim_run(sim);
    const struct stream *s = &sim->streams[0];
    if (s->end[1].socket)
        sim_check_finished(sim);
    if (sim->event_data == FOR_A_WHILE)
        stream_check_whole(s);
    else if (!is_whole(s))
        check_told(s);
    sim_check_storm(sim);
    sim_finish(sim);
}

int main(int argc, char **argv)
{
    return sim_main(argc, argv, one);
}
