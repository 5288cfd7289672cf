/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Explicit congestion notification (RFC 3168): who marks packets instead of dropping them is heard.
 *
 * The two SYNs agree on it (SW_TCPF_ECN). Then new data are sent ECT(0), never what is sent again,
 * nor anything without data (6.1.4, 6.1.5). Who receives a packet marked CE says so by ECE on all
 * it sends (SW_TCPF_ECE_DUE), until the sender's CWR has come. Who hears of it reduces its window
 * once per round trip, as for a loss but without one (recovery.c), and puts CWR on its next new
 * data (SW_TCPF_CWR_DUE), as it does after any other reduction.
 */
#ifndef SW_TCP_ECN_H
#define SW_TCP_ECN_H

#include "tcp/control.h"

/* sysctl tcp_ecn: what is agreed to, and what is asked for. Linux's numbers. */
enum sw_ecn_mode {
    SW_ECN_OFF = 0,
    SW_ECN_ASK = 1,             /* asked for, and agreed to */
    SW_ECN_ANSWER = 2,          /* agreed to when the peer asks */
    SW_ECN_ACCURATE = 3,        /* RFC 9768 asked for, and either agreed to: see accecn.h */
    SW_ECN_ACCURATE_ASK = 4,    /* RFC 3168 asked for, and either agreed to */
    SW_ECN_ACCURATE_ANSWER = 5, /* either agreed to */
};

enum { /* the ECN field of an IP header (RFC 3168 5) */
       SW_IP_NOT_ECT = 0,
       SW_IP_ECT1 = 1,
       SW_IP_ECT0 = 2,
       SW_IP_CE = 3,
       SW_IP_ECN_MASK = 3,
};

/* In struct sw_tcp_rare. */
struct sw_ecn_counts {
    uint32_t delivered_ce; /* packets whose arrival was told along with congestion */
};

/* Before the first SYN of an active open. */
void sw_ecn_begin(struct sw_tcp *tcp);
/* The flags of our SYN or SYN-ACK, beside SYN and ACK. */
uint16_t sw_ecn_syn_flags(const struct sw_tcp *tcp, bool again);
/* The peer's SYN (of a passive open, or crossing ours) or SYN-ACK has come. */
void sw_ecn_take_syn(struct sw_tcp *tcp, const struct sw_segment *syn);
void sw_ecn_take_syn_ack(struct sw_tcp *tcp, const struct sw_segment *syn_ack);

/* The SYN again, while ours is not acknowledged. False: it contradicts the first, and the
 * connection is to be reset (RFC 9768 3.1.5). */
bool sw_ecn_syn_again(struct sw_tcp *tcp, const struct sw_segment *syn);

/* A segment is about to leave: its flags. Returns its ECN field. `again`: its data were sent
 * before. */
uint8_t sw_ecn_send(struct sw_tcp *tcp, struct sw_tcp_hdr *hdr, const struct sw_packet *pkt,
                    bool again);

/* Whether an acceptable ACK tells of congestion. */
bool sw_ecn_echoed(const struct sw_tcp *tcp, const struct sw_tcp_hdr *hdr);
/* It told that `bytes` have arrived. */
void sw_ecn_delivered(struct sw_tcp *tcp, uint32_t bytes);
/* An acceptable segment with data has come; before the data are taken. */
void sw_ecn_receive(struct sw_tcp *tcp, const struct sw_segment *seg);

/* The window was reduced: the peer is to know. That was a mistake: it is not. */
void sw_ecn_reduced(struct sw_tcp *tcp);
void sw_ecn_not_reduced(struct sw_tcp *tcp);

#endif
