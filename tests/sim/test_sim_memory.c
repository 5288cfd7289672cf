/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory runs out, now and then, at any allocation. A call may say so (-ENOMEM, -ENOBUFS), a packet
 * may be dropped; but what is delivered is right, nothing stays behind and nothing crashes.
 */
#include <errno.h>
#include <string.h>

#include "sim.h"

static bool is_about_memory(int error)
{
    return error == ENOMEM || error == ENOBUFS;
}

static void one(struct sim *sim, uint64_t seed)
{
    static const struct stream_choice choice = {
        .max_bytes = 60000, .no_long_rests = true, .keepalive = true};
    struct world *w = &sim->w;
    sim->event_at_ns = SW_NEVER;
    world_choose(w, seed, sim_verbose);
    world_open(w);
    sim->n_streams = 1;
    stream_open(&sim->streams[0], w, 0, &choice);
    w->alloc_fail_one_in = (uint32_t)rand_in(&w->rand, 3, 200);

    sim_run(sim);
    const struct stream *s = &sim->streams[0];
    for (int i = 0; i < 2; i++) {
        const struct stream_end *e = &s->end[i];
        bool told = is_about_memory(e->error) || e->error == ECONNRESET || e->error == EPIPE ||
                    e->error == ETIMEDOUT || e->error == ECONNREFUSED;
        if (e->error && !told)
            world_fail(w, "host %d: %s", e->host, strerror(e->error));
    }
    w->alloc_fail_one_in = 0;
    sim_finish(sim);
}

int main(int argc, char **argv)
{
    return sim_main(argc, argv, one);
}
