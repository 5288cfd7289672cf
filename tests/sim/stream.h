/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stream between the two hosts, and the two programs that use it.
 *
 * Each program writes a known number of pseudo-random bytes and reads until the end of the stream;
 * how much at a time, when it rests, whether it half-closes or waits for the other side, by which
 * of the library's ways it reads and writes: all from the seed. It acts only when sw_host_ready()
 * named its socket, so an edge that is not reported shows as a simulation in which nothing happens
 * any more.
 */
#ifndef SW_TESTS_SIM_STREAM_H
#define SW_TESTS_SIM_STREAM_H

#include "world.h"

enum stream_state { STREAM_CONNECTING, STREAM_OPEN, STREAM_CLOSED };

struct stream_end {
    struct world *w;
    int host; /* index */
    struct rand rand;
    sw_socket_t socket; /* 0 until the server has accepted */
    enum stream_state state;
    bool readable, writable;          /* as sw_host_ready() told, until -EAGAIN */
    uint64_t read_at_ns, write_at_ns; /* it rests until then */
    uint64_t key, total, written;     /* what it sends */
    uint64_t peer_key, peer_total, read;
    uint32_t max_write, max_read;
    uint32_t rest_one_in; /* how often it rests */
    uint32_t rests_left;
    uint64_t rest_ns;   /* for how long at most */
    bool waits_for_end; /* finishes only after the other side has */
    bool shut, got_end;
    int error; /* of the connection: positive errno; 0: none */
};

struct stream {
    struct stream_end end[2]; /* the client is end[0] */
    sw_socket_t listener;     /* on the server's host; 0: a simultaneous open */
    bool v6;
    uint16_t port; /* on host 0; on host 1 the next one */
};

/* What every stream of a seed has in common; zero is a choice of the seed. */
struct stream_choice {
    uint64_t max_bytes; /* in each direction; 0: 300,000 */
    bool no_long_rests;
    bool keepalive; /* so that a silent peer is noticed */
    bool simultaneous;
};

/* Sockets, listener and connect; or a failure in the world. `number` tells streams of a world
 * apart. */
void stream_open(struct stream *s, struct world *w, unsigned number,
                 const struct stream_choice *choice);

/* sw_host_ready() named this user pointer, one of the stream's. Whether it was. */
bool stream_ready(struct stream *s, const struct sw_ready *ready);

/* Lets both programs do a little. Whether anything was done. */
bool stream_step(struct stream *s);

/* When a resting program goes on; SW_NEVER: none rests. */
uint64_t stream_deadline(const struct stream *s);

bool stream_done(const struct stream *s);

/* Every byte once and in order, both ends at their end. */
void stream_check_whole(const struct stream *s);

#endif
