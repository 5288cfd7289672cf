/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Segments that came before their turn, and what else a receiver needs only while data pours in.
 *
 * Out-of-order data is an array of pieces in sequence order that do not overlap. Pieces that follow
 * each other in the same chunk are one; a piece that would pin a much larger chunk is copied. Work
 * per segment is bounded (bug class: SegmentSmack, CVE-2018-5390, CVE-2018-6922): a bisection and
 * the move of at most SW_REASM_MAX entries; beyond so many, pieces are refused and the sender sends
 * them again.
 */
#ifndef SW_TCP_REASM_H
#define SW_TCP_REASM_H

#include "tcp/control.h"

#define SW_REASM_MAX 2048U

struct sw_reasm_piece {
    sw_seq seq;
    struct sw_slice slice; /* owns a reference */
};

struct sw_tcp_extra {
    struct sw_reasm_piece *pieces; /* entries [first, first + count) of `cap` are in use */
    uint32_t first, count, cap;
    uint32_t bytes;          /* in all pieces */
    struct sw_chunk *copies; /* where copied pieces go, one behind the other */
    sw_seq fin_seq;          /* of a FIN that came before its turn */
    bool has_fin;
    uint8_t n_sacks;
    bool has_dsack;
    struct sw_tcp_sack dsack;               /* a duplicate to report with the next ACK (RFC 2883) */
    struct sw_tcp_sack sacks[SW_TCP_SACKS]; /* what is held, the latest first (RFC 2018 4) */
    /* Buffer tuning: see tune.c. */
    bool tuning;
    uint32_t tune_read;  /* bytes that the user has read in this round */
    uint32_t tune_bytes; /* and in the best round before */
    uint64_t tune_ns;    /* when this round began */
};

struct sw_tcp_extra *sw_extra_get(struct sw_tcp *tcp); /* makes one if need be; NULL: no memory */
void sw_extra_free(struct sw_tcp *tcp);

/* [left, right) came once more: to be told with the next ACK (RFC 2883). */
void sw_reasm_duplicate(struct sw_tcp *tcp, sw_seq left, sw_seq right);

/* Data at `seq`, beyond rcv.nxt and inside the window. Does not take the packet. SW_DROP_NONE: it
 * is held now, or was already. */
enum sw_drop sw_reasm_insert(struct sw_tcp *tcp, sw_seq seq, const struct sw_packet *pkt);

/* A FIN before its turn, on a segment that began at `from`: it has a number, and is reported like
 * data (as Linux). */
void sw_reasm_hold_fin(struct sw_tcp *tcp, sw_seq from, sw_seq fin);

/* Moves what has become in order to the receive queue and advances rcv.nxt. Returns bytes. */
uint32_t sw_reasm_deliver(struct sw_tcp *tcp);

static inline bool sw_reasm_empty(const struct sw_tcp *tcp)
{
    return !tcp->rcv.extra || tcp->rcv.extra->count == 0;
}

/* ---- tune.c: receive buffer auto-tuning ---- */
void sw_tune_read(struct sw_tcp *tcp, uint32_t len); /* the user has read so much */

#endif
