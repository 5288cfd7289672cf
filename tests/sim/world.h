/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A world for simulations: two hosts, the link between them and the time. Everything in it follows
 * from one seed. It is written against the public headers only, as any user of the library would.
 *
 * The world watches each packet that a host sends: its size against the MTU, and a hash over time
 * and bytes, which two runs of one seed must share. The first thing that goes wrong is kept in
 * `failure`; from then on the simulation should end.
 */
#ifndef SW_TESTS_SIM_WORLD_H
#define SW_TESTS_SIM_WORLD_H

#include <sockworks/sockworks.h>

#include "oracle.h"
#include "rand.h"

#define MS_NS 1000000ULL
#define SECOND_NS 1000000000ULL

struct world {
    struct sw_host *host[2];
    int iface[2];
    struct sw_link *link;
    struct sw_mem *link_mem;
    uint64_t now_ns;
    struct rand rand; /* for set-up; actors have their own */

    /* Set-up, chosen from the seed before world_open(), and what a test may change there. */
    uint32_t mtu;
    struct sw_link_conditions conditions[2]; /* of the direction that leaves host 0, 1 */
    struct world_settings {                  /* of host 0, 1: see choose_settings() */
        unsigned ecn, ecn_option, fastopen;
        const char *cc;
    } settings[2];
    uint32_t alloc_fail_one_in; /* 0: allocation never fails */

    bool middlebox; /* which cuts segments anew: middlebox.h */
    struct rand middlebox_rand;
    bool loopback;
    int hosts; /* 2, or 1 with loopback */

    /* What was seen. */
    uint64_t packets[2]; /* sent by host 0, 1 */
    uint64_t hash;
    struct oracle oracle;
    bool oracle_off;
    struct sw_alloc alloc;
    uint64_t alloc_bytes, alloc_blocks; /* now taken */
    bool alloc_may_fail;
    struct rand alloc_rand;
    int verbose;
    char failure[256]; /* "" until something is wrong */
};

/* Chooses MTU and conditions from the seed. */
void world_choose(struct world *w, uint64_t seed, int verbose);

/* Makes hosts and link. Host 0 has 10.0.0.1 and fd00::1, host 1 10.0.0.2 and fd00::2. With
 * `loopback` both are one host, and what leaves its loopback interface comes back to it through the
 * link. */
void world_open(struct world *w);

/* Frees them; whatever memory is left then is a failure. */
void world_close(struct world *w);

/* New conditions for what is sent from now on. */
void world_set(struct world *w, int end, const struct sw_link_conditions *conditions);

/* Moves every packet that can move at this instant. Whether any did. */
bool world_move(struct world *w);

/* When the hosts or the link have something to do next. */
uint64_t world_deadline(const struct world *w);

/* Lets time pass until then. */
void world_advance(struct world *w, uint64_t now_ns);

/* The address of a host. */
struct sw_addr world_addr(const struct world *w, int end, bool v6, uint16_t port);

/* Notes a failure, the first one only. */
__attribute__((format(printf, 2, 3))) void world_fail(struct world *w, const char *format, ...);

/* A line of the -v trace. */
__attribute__((format(printf, 2, 3))) void world_say(struct world *w, const char *format, ...);

/* Hosts without sockets and timers, nothing on the way: what is left when everybody has finished.
 */
/* That everything in the hosts has a timer, or an event to wait for: after each step. */
void world_check_sane(struct world *w);
void world_check_quiet(struct world *w);

/* In print.c: one line about a packet that leaves host `end`. */
void world_print_packet(struct world *w, int end, const struct sw_packet *pkt);

#endif
