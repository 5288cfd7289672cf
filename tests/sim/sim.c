/* SPDX-License-Identifier: BSD-2-Clause */
/* The loop of a simulation and the main() of all of them: see sim.h. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_NS (24 * 3600 * SECOND_NS)
#define MAX_STEPS 20000000U /* at one instant time must go on, whatever the programs do */

int sim_verbose;

/* Tells each program which of its sockets are worth asking again. */
static bool deliver_ready(struct sim *sim)
{
    bool any = false;
    for (int host = 0; host < sim->w.hosts; host++) {
        struct sw_ready ready;
        while (sw_host_ready(sim->w.host[host], &ready)) {
            if (sim->w.verbose > 1)
                world_say(&sim->w, "    host %d: socket %llx is ready: events %x", host,
                          (unsigned long long)ready.socket, (unsigned)ready.events);
            bool known = sim->has_dgram && dgram_ready(&sim->dgram, &ready);
            for (unsigned i = 0; i < sim->n_streams && !known; i++)
                known = stream_ready(&sim->streams[i], &ready);
            if (!known && ready.user)
                world_fail(&sim->w, "host %d: ready names a stranger", host);
            any = true;
        }
    }
    return any;
}

static bool step_programs(struct sim *sim)
{
    bool acted = sim->has_dgram && dgram_step(&sim->dgram);
    for (unsigned i = 0; i < sim->n_streams; i++)
        acted |= stream_step(&sim->streams[i]);
    return acted;
}

static uint64_t next_deadline(struct sim *sim)
{
    uint64_t next_ns = world_deadline(&sim->w);
    if (sim->event && sim->event_at_ns < next_ns)
        next_ns = sim->event_at_ns;
    if (sim->has_dgram && dgram_deadline(&sim->dgram) < next_ns)
        next_ns = dgram_deadline(&sim->dgram);
    for (unsigned i = 0; i < sim->n_streams; i++)
        if (stream_deadline(&sim->streams[i]) < next_ns)
            next_ns = stream_deadline(&sim->streams[i]);
    return next_ns;
}

void sim_run(struct sim *sim)
{
    struct world *w = &sim->w;
    uint64_t limit_ns = w->now_ns + DAY_NS;

    for (unsigned steps = 0; !w->failure[0]; steps++) {
        if (sim->event && w->now_ns >= sim->event_at_ns) {
            sim->event_at_ns = SW_NEVER;
            sim->event(sim);
        }
        bool moved = world_move(w);
        bool told = deliver_ready(sim);
        bool acted = step_programs(sim);
        if (steps > MAX_STEPS)
            world_fail(w, "too many steps");
        if (moved || told || acted)
            continue;
        uint64_t next_ns = next_deadline(sim);
        if (next_ns == SW_NEVER)
            return;
        if (next_ns > limit_ns)
            world_fail(w, "still busy after a day, next at %.0f s", (double)next_ns / 1e9);
        world_advance(w, next_ns);
    }
}

static const char *state_name(enum stream_state state)
{
    static const char *const names[] = {"connecting", "open", "closed"};
    return names[state];
}

void sim_check_finished(struct sim *sim)
{
    for (unsigned i = 0; i < sim->n_streams; i++) {
        for (int j = 0; j < 2; j++) {
            const struct stream_end *e = &sim->streams[i].end[j];
            if (e->state != STREAM_CLOSED)
                world_fail(&sim->w,
                           "stream %u, host %d: %s for ever: wrote %llu of %llu%s%s, read %llu of "
                           "%llu%s",
                           i, e->host, e->socket ? state_name(e->state) : "never accepted",
                           (unsigned long long)e->written, (unsigned long long)e->total,
                           e->writable ? "" : " (not writable)", e->shut ? " and shut" : "",
                           (unsigned long long)e->read, (unsigned long long)e->peer_total,
                           e->readable ? "" : " (not readable)");
        }
    }
}

void sim_check_storm(struct sim *sim)
{
    /* Each write may be a segment, each segment an ACK, and loss of one in seven repeats some. */
    uint64_t bound = 500;
    for (unsigned i = 0; i < sim->n_streams; i++)
        for (int j = 0; j < 2; j++) {
            const struct stream_end *e = &sim->streams[i].end[j];
            uint64_t piece = e->max_write < 88 ? e->max_write : 88;
            bound += 4 * e->total / piece;
        }
    for (int host = 0; host < sim->w.hosts; host++)
        if (sim->w.packets[host] > bound * (sim->w.loopback ? 2 : 1))
            world_fail(&sim->w, "packet storm: host %d sent %llu, bound %llu", host,
                       (unsigned long long)sim->w.packets[host], (unsigned long long)bound);
}

void sim_check_retransmissions(struct sim *sim)
{
    for (int end = 0; end < 2; end++) {
        const struct sw_link_conditions *c = &sim->w.conditions[end];
        if (sim->w.middlebox || c->loss_ppm || c->reorder_ppm || c->duplicate_ppm ||
            c->corrupt_ppm || c->rate_bps)
            return;
    }
    for (int host = 0; host < sim->w.hosts; host++) {
        struct sw_host_stats stats;
        sw_host_get_stats(sim->w.host[host], &stats);
        /* Data in a SYN that the server does not take are sent again (RFC 7413 4.2.2). */
        uint64_t untaken = sim->w.settings[host].fastopen > 1 ? sim->n_streams : 0;
        if (stats.tcp_retrans > untaken)
            world_fail(&sim->w, "host %d sent %llu segments again on a good link", host,
                       (unsigned long long)stats.tcp_retrans);
    }
}

void sim_finish(struct sim *sim)
{
    struct world *w = &sim->w;
    for (unsigned i = 0; i < sim->n_streams; i++) {
        struct stream *s = &sim->streams[i];
        if (s->listener) /* nobody came; the checks of the test have judged that */
            sw_close(w->host[s->end[1].host], s->listener);
        for (int j = 0; j < 2; j++)
            if (s->end[j].socket && s->end[j].state != STREAM_CLOSED)
                sw_close(w->host[s->end[j].host], s->end[j].socket);
    }
    if (sim->has_dgram)
        dgram_close(&sim->dgram);
    sim->has_dgram = false;
    sim->n_streams = 0;
    sim_run(sim);
    if (!w->failure[0])
        world_check_quiet(w);
    world_close(w);
}

static bool run_one(const char *program, uint64_t seed, void (*one)(struct sim *, uint64_t))
{
    static struct sim sim;
    memset(&sim, 0, sizeof(sim));
    one(&sim, seed);
    if (!sim.w.failure[0])
        return true;
    printf("seed %llu: %s\n  repeat: %s --seed %llu -v\n", (unsigned long long)seed, sim.w.failure,
           program, (unsigned long long)seed);
    fflush(stdout);
    return false;
}

int sim_main(int argc, char **argv, void (*one)(struct sim *, uint64_t))
{
    uint64_t first = 1, count = 100, failed = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0) {
            sim_verbose++;
        } else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
            first = strtoull(argv[++i], NULL, 0);
            count = 1;
        } else if (strcmp(argv[i], "--seeds") == 0 && i + 2 < argc) {
            first = strtoull(argv[i + 1], NULL, 0);
            count = strtoull(argv[i + 2], NULL, 0);
            i += 2;
        } else {
            fprintf(stderr, "usage: %s [--seeds FIRST COUNT] [--seed N] [-v]\n", argv[0]);
            return 2;
        }
    }
    for (uint64_t seed = first; seed < first + count && failed < 10; seed++)
        failed += !run_one(argv[0], seed, one);
    printf("%llu seeds from %llu: %llu failed\n", (unsigned long long)count,
           (unsigned long long)first, (unsigned long long)failed);
    return failed ? 1 : 0;
}
