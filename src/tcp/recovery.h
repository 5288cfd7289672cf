/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loss detection and recovery: fast retransmit and NewReno (RFC 5681 3.2, RFC 6582), limited
 * transmit (RFC 3042), what a retransmission timeout does (RFC 5681 3.1), and a reduction without
 * loss where packets are marked (RFC 3168 6.1.2).
 *
 * Recovery marks records of the flight as lost; sw_tcp_output() sends lost ones first. So `pipe` is
 * what is believed to be in the network, and one rule serves all: send while pipe < cwnd. The
 * inflation of cwnd by duplicate ACKs in RFC 5681 is here the other way about: each takes one MSS
 * off the pipe (flight->reno_sacked).
 */
#ifndef SW_TCP_RECOVERY_H
#define SW_TCP_RECOVERY_H

#include "tcp/flight.h"

/* An acceptable acknowledgment, after snd.una moved and the flight forgot what it covers. */
struct sw_ack {
    uint32_t acked;  /* bytes newly acknowledged */
    uint32_t sacked; /* bytes newly selectively acknowledged */
    bool duplicate;  /* as RFC 5681 2 defines it */
    uint32_t ts_ecr; /* the timestamp echoed; 0: none */
    bool dsack;      /* the peer reports a duplicate (RFC 2883) */
    bool congested;  /* and that a packet was marked on its way (RFC 3168) */
};
void sw_recovery_on_ack(struct sw_tcp *tcp, const struct sw_ack *ack);

/* Everything in flight is to be sent again, but was not lost to congestion: data that the SYN-ACK
 * of a Fast Open left unacknowledged. */
void sw_recovery_resend(struct sw_tcp *tcp);

/* Nothing is in flight any more that could end a reduction by ECN. */
void sw_recovery_end_cwr(struct sw_tcp *tcp);

/* The retransmission timer fired: what is in flight is taken for lost. */
void sw_recovery_on_timeout(struct sw_tcp *tcp);

/* The path turned out to carry smaller packets: what is in flight and larger was lost, but not to
 * congestion. */
void sw_recovery_on_too_big(struct sw_tcp *tcp);

/* The time to tell late from lost is over (RFC 8985 6.3). */
void sw_recovery_on_reorder_timer(struct sw_tcp *tcp);

/* ---- sack.c: the scoreboard (RFC 2018, RFC 6675) ---- */
/* Marks what the blocks of an acceptable ACK report; snd.una has not moved yet. Returns bytes newly
 * marked; *ret_dsack if the first block reports a duplicate. */
uint32_t sw_sack_update(struct sw_tcp *tcp, const struct sw_tcp_hdr *hdr, bool *ret_dsack);
void sw_sack_mark_lost(struct sw_tcp *tcp); /* RFC 6675 4 IsLost() */
void sw_sack_forget(struct sw_tcp *tcp);    /* the receiver has reneged (RFC 2018 8) */

/* ---- rack.c (RFC 8985) ---- */
void sw_rack_delivered(struct sw_tcp *tcp, const struct sw_txrec *rec, sw_seq end);
/* Marks what is lost; returns how long until more would be, in ns; 0: nothing to wait for. */
uint64_t sw_rack_detect(struct sw_tcp *tcp);
/* 6.2.4: a repetition turned out superfluous: wait longer; and a recovery has ended. */
void sw_rack_on_dsack(struct sw_tcp *tcp, const struct sw_tcp_sack *block);
void sw_rack_recovered(struct sw_tcp *tcp);
bool sw_tlp_wanted(const struct sw_tcp *tcp);
uint64_t sw_tlp_ns(const struct sw_tcp *tcp); /* the probe timeout */
void sw_tlp_on_ack(struct sw_tcp *tcp, const struct sw_ack *ack);

/* ---- undo.c (RFC 4015, RFC 3522, RFC 3708, RFC 5682) ---- */
void sw_undo_begin(struct sw_tcp *tcp);                  /* cwnd and ssthresh are about to be cut */
void sw_undo_repeated(struct sw_tcp *tcp, uint32_t len); /* so many bytes were sent again */
void sw_undo_dsack(struct sw_tcp *tcp, const struct sw_tcp_sack *block);
/* Takes it all back if this ACK shows that nothing was lost. */
void sw_undo_on_ack(struct sw_tcp *tcp, const struct sw_ack *ack);

/* ---- prr.c (RFC 9937) ---- */
void sw_prr_begin(struct sw_tcp *tcp);
void sw_prr_on_ack(struct sw_tcp *tcp, bool advanced, bool new_loss);

#endif
