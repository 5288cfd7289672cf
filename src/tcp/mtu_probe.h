/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packetization layer path MTU discovery (RFC 4821), for paths that swallow what is too big without
 * a word: see mtu_probe.c.
 */
#ifndef SW_TCP_MTU_PROBE_H
#define SW_TCP_MTU_PROBE_H

#include "tcp/control.h"

/* sysctl tcp_mtu_probing, Linux's numbers. */
enum sw_mtu_probing {
    SW_MTU_PROBING_OFF = 0,
    SW_MTU_PROBING_BLACK_HOLE = 1, /* once a black hole is suspected */
    SW_MTU_PROBING_ALWAYS = 2,
};

/* The search. Sizes are of IP packets, in bytes; those it has not yet are 0. */
struct sw_mtu_search {
    bool on;
    uint16_t low;    /* gets through, as far as is known: begins at tcp_base_mss */
    uint16_t use;    /* packets are no larger; `low`, or what was in use when the search began */
    uint16_t failed; /* a probe of this size got lost */
    uint16_t probe;  /* of the probe that is out */
    sw_seq probe_seq, probe_end;
    uint32_t since_ms; /* when it began */
};

enum sw_mtu_probe_result { SW_MTU_PROBE_NOT_NOW, SW_MTU_PROBE_SENT, SW_MTU_PROBE_WAIT };

void sw_mtu_probe_established(struct sw_tcp *tcp); /* the handshake ended */
/* The largest packet that the search lets through, of those a path of `mtu` does. */
uint32_t sw_mtu_probe_limit(const struct sw_tcp *tcp, uint32_t mtu);
/* The payload of a probe that may be sent now (RFC 4821 7.4), before any other new data. WAIT: send
 * nothing, for soon there will be room for one. */
enum sw_mtu_probe_result sw_mtu_probe_next(struct sw_tcp *tcp, uint32_t unsent, uint32_t window,
                                           uint32_t *ret_len);
void sw_mtu_probe_sent(struct sw_tcp *tcp, sw_seq seq); /* it is [seq, snd.nxt) */

/* SND.UNA has moved: has the probe arrived? */
void sw_mtu_probe_acked(struct sw_tcp *tcp);
/* Recovery would begin. True: it is the probe alone that got lost, because of its size; it is
 * marked, and is no sign of congestion (RFC 4821 7.6.2). */
bool sw_mtu_probe_lost(struct sw_tcp *tcp);
/* Something is sent again: what became of the probe will tell nothing (7.6.4). */
void sw_mtu_probe_inconclusive(struct sw_tcp *tcp);
/* The timeout repeats itself: is the path a black hole for packets of this size (7.7)? */
void sw_mtu_probe_black_hole(struct sw_tcp *tcp);

#endif
