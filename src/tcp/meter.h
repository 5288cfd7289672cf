/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is measured of a sender, and what follows from it: the rate at which the path delivers
 * (rate.c), the pace at which packets leave (pace.c), what TCP_INFO tells of its life (meter.c),
 * and the memory of its congestion control.
 *
 * Attached with the first flight, or when a pace is asked for; let go again when the connection is
 * idle and nothing in it says more than its absence would. So: where there is a flight, there is a
 * meter.
 */
#ifndef SW_TCP_METER_H
#define SW_TCP_METER_H

#include "tcp/flight.h"

#define SW_RATE_NONE UINT64_MAX /* no limit */

/* What the sender's time goes by with, while something is unacknowledged or waits to be sent. */
enum sw_chrono {
    SW_CHRONO_IDLE,   /* nothing to do */
    SW_CHRONO_BUSY,   /* the network is what it waits for */
    SW_CHRONO_RWND,   /* the peer's window */
    SW_CHRONO_SNDBUF, /* its own send buffer is too small */
    SW_CHRONO_COUNT
};

/* Ordered by use, as the flight: of an undisturbed exchange are the first lines of a cache. */
struct sw_meter {
    /* rate.c */
    uint64_t delivered;               /* C.delivered: bytes that have arrived, by ACK or SACK */
    uint64_t delivered_ns;            /* C.delivered_time */
    uint64_t first_sent_ns;           /* C.first_sent_time */
    uint64_t app_limited;             /* C.app_limited: a count of `delivered`; 0: not */
    uint64_t drained_ns;              /* when all that was there had been sent; 0: not so */
    uint64_t sample_bytes, sample_ns; /* the delivery rate to show; 0: none yet */
    uint32_t delivered_segs;
    bool sample_app_limited;
    bool pace_waits;    /* something waits for depart_ns */
    bool pace_held;     /* so it was when output last ended: the pace was all that held it */
    uint8_t chrono;     /* enum sw_chrono */
    uint8_t reordering; /* segments; 0: as at the beginning */

    /* sndbuf.c */
    sw_seq filling; /* where the last buffer of what is unsent begins */
    sw_seq pushed;  /* the end of what was to be pushed */

    uint64_t max_pacing_rate; /* SO_MAX_PACING_RATE */
    void *cc_state;           /* of the congestion control; made when it needs it */

    /* meter.c */
    uint64_t chrono_since_ns, chrono_ns[SW_CHRONO_COUNT];
    uint64_t bytes_retrans;
    uint64_t rto_since_ns, rto_total_ns; /* in timeouts and their recovery */
    uint32_t timeouts, rto_recoveries;
    uint32_t dsack_dups, reord_seen;

    /* pace.c */
    uint64_t pacing_rate; /* bytes per second; SW_RATE_NONE: not known yet */
    uint64_t depart_ns;   /* not before this the next packet leaves */
};

#define SW_METER_BYTES 256U /* what is allocated for it: a size of which the pool keeps some */
_Static_assert(sizeof(struct sw_meter) <= SW_METER_BYTES, "a block of the pool");

/* Makes sure there is one. 0 or -ENOMEM. */
int sw_meter_reserve(struct sw_tcp *tcp);
void sw_meter_free(struct sw_tcp *tcp);
/* There is one, and it says no more than how long the sender was busy. */
bool sw_meter_plain(const struct sw_tcp *tcp);
void sw_meter_tidy(struct sw_tcp *tcp); /* the connection is idle */
/* What the sender waits for, after it sent what it could. */
void sw_meter_chrono(struct sw_tcp *tcp, enum sw_chrono now);
uint64_t sw_meter_chrono_ns(const struct sw_tcp *tcp, enum sw_chrono which); /* until now */
void sw_meter_retransmitted(struct sw_tcp *tcp, uint32_t bytes);
void sw_meter_timeout(struct sw_tcp *tcp);   /* the retransmission timer fired */
void sw_meter_recovered(struct sw_tcp *tcp); /* from the last timeout */
void sw_meter_reordered(struct sw_tcp *tcp); /* an ACK has been read: flight->reord */
uint32_t sw_meter_reordering(const struct sw_tcp *tcp);

/* ---- rate.c ---- */
void sw_rate_sent(struct sw_tcp *tcp, struct sw_txrec *rec); /* now, for the first time or again */
void sw_rate_delivered(struct sw_tcp *tcp, const struct sw_txrec *rec, sw_seq end);
void sw_rate_begin(struct sw_tcp *tcp);           /* an acknowledgment is about to be read */
void sw_rate_sample(struct sw_tcp *tcp);          /* and has been: fills layer->rate */
void sw_rate_push(struct sw_tcp *tcp);            /* the user has written */
void sw_rate_output(struct sw_tcp *tcp);          /* what could be sent was sent */
uint64_t sw_rate_of(uint64_t bytes, uint64_t ns); /* bytes per second; fewer than 2^34 bytes */

/* ---- pace.c ---- */
bool sw_pace_wanted(const struct sw_tcp *tcp);
bool sw_pace_holds(struct sw_tcp *tcp); /* not now: the timer is set for when */
void sw_pace_sent(struct sw_tcp *tcp, uint32_t bytes);
void sw_pace_rest(struct sw_tcp *tcp); /* output has ended */
/* Bytes that may leave at once, so that super-segments stay worth while. */
uint32_t sw_pace_quantum(const struct sw_tcp *tcp);
/* Bytes of a super-segment where nothing is paced. */
uint32_t sw_burst_max(const struct sw_tcp *tcp);
/* The rate of a congestion control that knows only its window. */
uint64_t sw_pace_by_cwnd(const struct sw_tcp *tcp);
void sw_pace_set(struct sw_tcp *tcp, uint64_t rate); /* bytes per second */
uint64_t sw_pace_ns(const struct sw_tcp *tcp);       /* the deadline; SW_NEVER: nothing waits */
uint64_t sw_pace_delay_ns(const struct sw_tcp *tcp); /* from now until the next may leave */

#endif
