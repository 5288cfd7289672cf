/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Urgent data (RFC 9293 3.8.5) as programs know it through MSG_OOB, the way Linux has it: one byte,
 * which RFC 6093 3.1 observes all systems to make of it, and a mark in the stream where it was.
 *
 * On the wire the pointer names the byte behind the urgent one (RFC 6093 3.1: what systems do,
 * whatever RFC 1122 4.2.2.4 says; Linux's tcp_stdurg = 0).
 *
 * A receiver remembers one urgent byte, the latest, from when it is announced until reading passes
 * its place. The byte stays in the receive queue at its sequence number; whoever reads skips it
 * there, or gets it in line with SO_OOBINLINE. What is kept here is a copy.
 *
 * Attached to the connection while it has an urgent pointer to send or a mark ahead.
 */
#ifndef SW_TCP_URGENT_H
#define SW_TCP_URGENT_H

#include "tcp/control.h"

enum sw_urgent_state {
    SW_URGENT_NONE,
    SW_URGENT_AWAITED, /* announced, the byte has not come */
    SW_URGENT_HERE,
    SW_URGENT_READ, /* by MSG_OOB; its place is still a mark */
};

struct sw_tcp_urgent {
    sw_seq snd_up;  /* SND.UP: behind the last urgent byte */
    sw_seq rcv_seq; /* of the urgent byte; RCV.UP is one more */
    bool sending;   /* snd_up means something: it is beyond snd.una */
    uint8_t state;  /* enum sw_urgent_state, of what is received */
    uint8_t byte;   /* HERE */
};

void sw_urgent_free(struct sw_tcp *tcp);
void sw_urgent_tidy(struct sw_tcp *tcp); /* frees it if it says nothing any more */

/* ---- sending ---- */
/* Whether an urgent byte is still unacknowledged, or unsent: Linux's tcp_urg_mode(). */
bool sw_urgent_sending(const struct sw_tcp *tcp);
/* URG and the pointer, in a header about to leave, if it has to tell of one. */
void sw_urgent_add(struct sw_tcp *tcp, struct sw_tcp_hdr *hdr);

/* ---- receiving ---- */
/* Looks at the pointer of an acceptable segment, and at its data for the byte. */
void sw_urgent_receive(struct sw_tcp *tcp, const struct sw_segment *seg);
/* The user has read on: the mark may lie behind. */
void sw_urgent_passed(struct sw_tcp *tcp);

#endif
