/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datagrams both ways between two sockets. Each carries its number, and its length and contents
 * follow from that: one that arrives must be whole, with its boundaries, and of those that were
 * sent. It may be missing, late or twice, as the conditions of the link say.
 */
#ifndef SW_TESTS_SIM_DGRAM_H
#define SW_TESTS_SIM_DGRAM_H

#include "world.h"

#define DGRAM_MAX 64

struct dgram_end {
    struct world *w;
    int host;
    struct rand rand;
    sw_socket_t socket;
    uint64_t key, peer_key;
    uint32_t total, sent, received;
    uint8_t seen[DGRAM_MAX]; /* how often each of the other side's came */
    uint64_t next_ns;        /* when the next is sent */
};

struct dgram {
    struct dgram_end end[2];
    bool v6;
};

void dgram_open(struct dgram *d, struct world *w);
bool dgram_ready(struct dgram *d, const struct sw_ready *ready);
bool dgram_step(struct dgram *d);
uint64_t dgram_deadline(const struct dgram *d);
void dgram_close(struct dgram *d); /* once nothing is on its way */

/* What the conditions allow, once nothing is on its way. */
void dgram_check(const struct dgram *d);

#endif
