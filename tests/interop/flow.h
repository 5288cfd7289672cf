/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes that go from one socket to another and are compared, each with what it must be: a sequence
 * of random bytes whose period is prime and longer than any buffer, so that a piece that is lost,
 * doubled or out of place is seen.
 */
#ifndef INTEROP_FLOW_H
#define INTEROP_FLOW_H

#include "world.h"

struct flow {
    struct sock *from, *to;
    uint64_t size, sent, received;
    bool shut, ended; /* the FIN was given; the end was read */
    int error;        /* negative errno of a call, or -EILSEQ: a byte differs */
    /* NULL, or told of all bytes sent and received. */
    void (*watch)(void *ctx, bool sent, const void *bytes, size_t n);
    void *watch_ctx;
};

/* What can be sent and received now. */
void flow_send(struct flow *flow);
void flow_receive(struct flow *flow);

/* Plays the flow to its end: all sent, half-closed, all received and its end read. 0, or a negative
 * errno: -ETIMEDOUT after so many ms. */
int flow_run(struct world *world, struct flow *flow, unsigned timeout_ms);

#endif
