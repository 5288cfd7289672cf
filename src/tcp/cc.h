/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Congestion control as a table of functions. Loss detection and recovery (recovery.c) say what
 * happened; a congestion control only decides the size of the window. cwnd and ssthresh are in
 * bytes.
 */
#ifndef SW_TCP_CC_H
#define SW_TCP_CC_H

#include "tcp/control.h"

struct sw_cc_ops {
    const char *name;
    /* `acked` more bytes arrived while the window was what held the sender back. */
    void (*on_ack)(struct sw_tcp *tcp, uint32_t acked);
    /* A loss: what ssthresh becomes (RFC 5681 equation 4 or its successors). */
    uint32_t (*ssthresh)(struct sw_tcp *tcp);
    /* The last loss was none: what ssthresh() did to the state is undone; NULL: nothing. */
    void (*undo)(struct sw_tcp *tcp);
    bool hystart;      /* its first slow start may end before a loss: RFC 9406 */
    size_t state_size; /* of meter->cc_state, which the control makes when it needs it */
    /* A control that is more than a window: called after every ACK instead of on_ack, with what it
     * told in layer->rate; moves cwnd, and the pace by sw_pace_set(). Neither recovery nor idle
     * times touch its cwnd, but for a timeout, which sets it to one segment. NULL: not such. */
    void (*control)(struct sw_tcp *tcp);
    void (*restart)(struct sw_tcp *tcp); /* sending begins with nothing in flight; or NULL */
};

extern const struct sw_cc_ops sw_cc_newreno, sw_cc_cubic, sw_cc_bbr;

const struct sw_cc_ops *sw_cc(const struct sw_tcp *tcp);
/* By its name, which ends at `len` or at a zero before: enum sw_cc_id, or -ENOENT. */
int sw_cc_find(const char *name, size_t len);
void sw_cc_set(struct sw_tcp *tcp, enum sw_cc_id id);
void sw_cc_free(struct sw_tcp *tcp);
/* The control's memory, zeroed when new; NULL: there is none. */
void *sw_cc_state(struct sw_tcp *tcp);
/* ssthresh falls, and cwnd with it unless the control keeps that to itself. */
void sw_cc_reduce(struct sw_tcp *tcp);
/* Slow start (RFC 5681 3.1, with RFC 3465's L unlimited, as Linux; with `hystart` its first end by
 * RFC 9406): returns the bytes left over for congestion avoidance. */
uint32_t sw_cc_slow_start(struct sw_tcp *tcp, uint32_t acked);
/* How many of `acked` bytes the first slow start may grow by (RFC 9406): all, a part, or none, then
 * it is over and ssthresh says so. */
#define SW_HYSTART_GROWTH_DIVISOR 4U /* RFC 9406 4.3: CSS_GROWTH_DIVISOR */
uint32_t sw_hystart_on_ack(struct sw_tcp *tcp, uint32_t acked);
void sw_hystart_heard(struct sw_tcp *tcp); /* an ACK that lets nothing grow is of a train, too */
/* Adds one MSS to cwnd for each `per` bytes acknowledged. */
void sw_cc_avoid(struct sw_tcp *tcp, uint32_t acked, uint32_t per);
void sw_cc_trace(struct sw_tcp *tcp);
uint32_t sw_cc_flight(const struct sw_tcp *tcp); /* FlightSize (RFC 5681 2), in bytes */

/* Largest integer whose cube is at most v. */
uint32_t sw_cc_cube_root(uint64_t v);

static inline bool sw_cc_in_slow_start(const struct sw_tcp *tcp)
{
    return tcp->snd.cwnd < tcp->snd.ssthresh;
}

#endif
