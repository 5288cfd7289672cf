/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One program leaves in the middle, at any moment: closes without reading on, aborts, or dies with
 * its host (which no longer answers, or answers anew). The other must learn of it, keep what it had
 * read, and nothing may be left on either side.
 */
#include <errno.h>
#include <string.h>

#include "sim.h"

enum leaving { CLOSES, ABORTS, SHUTS_READING, LEAVINGS };

static void leave(struct sim *sim)
{
    struct stream_end *e = &sim->streams[0].end[sim->event_data & 1];
    struct sw_host *host = sim->w.host[e->host];
    int result = 0;

    if (e->state == STREAM_CLOSED || !e->socket)
        return;
    world_say(&sim->w, "    host %d leaves, kind %llu", e->host,
              (unsigned long long)(sim->event_data >> 1));
    switch ((enum leaving)(sim->event_data >> 1)) {
    case CLOSES:
        result = sw_close(host, e->socket);
        break;
    case ABORTS:
        result = sw_abort(host, e->socket);
        break;
    case SHUTS_READING:
    default:
        result = sw_shutdown(host, e->socket, SW_SHUT_RDWR);
        if (result == -ENOTCONN)
            result = 0;
        if (!result)
            result = sw_close(host, e->socket);
        break;
    }
    if (result)
        world_fail(&sim->w, "leaving: %d", result);
    e->state = STREAM_CLOSED;
    e->error = ECANCELED;
}

static void one(struct sim *sim, uint64_t seed)
{
    static const struct stream_choice choice = {.no_long_rests = true, .keepalive = true};
    struct world *w = &sim->w;
    sim->event_at_ns = SW_NEVER;
    world_choose(w, seed, sim_verbose);
    world_open(w);
    sim->n_streams = 1;
    stream_open(&sim->streams[0], w, 0, &choice);
    sim->event = leave;
    sim->event_data = rand_in(&w->rand, 0, 2 * LEAVINGS - 1);
    sim->event_at_ns = w->now_ns + rand_in(&w->rand, 0, 1ULL << rand_in(&w->rand, 16, 32));

    sim_run(sim);
    const struct stream *s = &sim->streams[0];
    if (s->end[1].socket)
        sim_check_finished(sim);
    for (int i = 0; i < 2; i++) {
        const struct stream_end *e = &s->end[i];
        bool told = e->error == ECANCELED || e->error == ECONNRESET || e->error == EPIPE ||
                    e->error == ECONNREFUSED || e->error == ETIMEDOUT;
        if (e->error && !told)
            world_fail(w, "host %d: %s", e->host, strerror(e->error));
    }
    sim_check_storm(sim);
    sim_finish(sim);
}

int main(int argc, char **argv)
{
    return sim_main(argc, argv, one);
}
