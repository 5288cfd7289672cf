/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loss detection and recovery: fast retransmit and NewReno (RFC 5681 3.2, RFC 6582), limited
 * transmit (RFC 3042), and what a retransmission timeout does (RFC 5681 3.1).
 *
 * Recovery marks records of the flight as lost; sw_tcp_output() sends lost ones first. So `pipe` is
 * what is believed to be in the network, and one rule serves all: send while pipe < cwnd. The
 * inflation of cwnd by duplicate ACKs in RFC 5681 is here the other way about: each takes one MSS
 * off the pipe (flight->reno_sacked).
 */
#ifndef SW_TCP_RECOVERY_H
#define SW_TCP_RECOVERY_H

#include "tcp/control.h"

/* An acceptable acknowledgment, after snd.una moved and the flight forgot what it covers. */
struct sw_ack {
    uint32_t acked; /* bytes newly acknowledged */
    bool duplicate; /* as RFC 5681 2 defines it */
    uint32_t prior_cwnd;
};
void sw_recovery_on_ack(struct sw_tcp *tcp, const struct sw_ack *ack);

/* The retransmission timer fired: everything in flight is taken for lost. */
void sw_recovery_on_timeout(struct sw_tcp *tcp);

/* The path turned out to carry smaller packets: what is in flight was lost, but not to congestion.
 */
void sw_recovery_on_too_big(struct sw_tcp *tcp);

#endif
