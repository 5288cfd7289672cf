/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is in flight: one record per transmission between SND.UNA and SND.NXT, in sequence order,
 * and the sums that congestion control works with. Attached to the control block while something is
 * in flight, and a second longer where it remembers something. Where it does not (small messages, of
 * which none was lost) it goes with the last ACK, to a short stack in the layer, and from there, still
 * in the processor's cache, to whoever sends next: of ten thousand chatty connections few have one.
 *
 * A record covers [seq, seq of the next one), the last one up to SND.NXT. Records are split where a
 * SACK, a loss or a retransmission concerns a part of them, always at a multiple of the MSS from
 * their start.
 *
 * Invariants: the records cover exactly [una, nxt) (but for the SYN, which has none); sacked, lost
 * and retrans are the sums of the bytes of the records so marked; no record is both SACKED and
 * LOST, and none is RETRANS (being sent again) that is not LOST.
 */
#ifndef SW_TCP_FLIGHT_H
#define SW_TCP_FLIGHT_H

#include "tcp/control.h"

enum {
    SW_TX_SACKED = 1,       /* the peer says it has it (RFC 2018) */
    SW_TX_LOST = 2,         /* taken for lost */
    SW_TX_RETRANS = 4,      /* lost, and sent again since */
    SW_TX_AGAIN = 8,        /* was ever sent again: no RTT sample (Karn) */
    SW_TX_APP_LIMITED = 16, /* sent while the application had no more: see rate.c */
    SW_TX_PUSHED = 32,      /* its last packet has PSH, each time */
    SW_TX_TWICE = 64,       /* was sent again more than once */
};

struct sw_txrec {
    sw_seq seq;
    uint32_t delivered; /* P.delivered, P.delivered_time, P.first_sent_time of rate.c */
    uint64_t delivered_ns, first_ns;
    uint64_t sent_ns; /* the last time */
    uint8_t flags;
};

/* Linux's names for where recovery stands. */
enum sw_ca_state {
    SW_CA_OPEN,
    SW_CA_DISORDER, /* duplicate ACKs or SACKs, nothing taken for lost yet */
    SW_CA_CWR,      /* the window is reduced because packets were marked (RFC 3168 6.1.2) */
    SW_CA_RECOVERY, /* fast recovery (RFC 5681 3.2, RFC 6582, RFC 6675) */
    SW_CA_LOSS,     /* after a retransmission timeout (RFC 5681 3.1) */
};

/* What a spurious repetition is undone with: see undo.c. */
struct sw_undo {
    bool armed;
    bool repeated;           /* something was sent again */
    bool echoed;             /* its answer has come: timestamps tell no more */
    bool frto;               /* F-RTO runs */
    bool hold;               /* F-RTO: new data were sent, what is taken for lost waits */
    uint32_t cwnd, ssthresh; /* before the loss */
    uint32_t first_ms;       /* our clock when something was first sent again */
    uint32_t again;          /* bytes sent again and not yet reported as duplicates */
    sw_seq una;              /* SND.UNA then */
    sw_seq end;              /* SND.NXT when recovery ended: beyond it nothing is undone */
};

/* The first slow start: see hystart.c. Times are 0 where there is no sample yet. */
struct sw_hystart {
    sw_seq round_end;
    uint32_t last_us, current_us; /* the smallest round trip of the last round, and of this one */
    uint32_t baseline_us;         /* the same when Conservative Slow Start began */
    uint32_t begun_us, heard_us;  /* our clock when this round began, and at its train's last ACK */
    uint8_t samples;              /* round trips measured in this round; counts to 8 */
    uint8_t css_rounds;           /* of Conservative Slow Start, this one included; 0: not in it */
    bool running;
};

#define SW_FLIGHT_INLINE 4U

/* Ordered by use: what an undisturbed exchange reads and writes lies in front, in three lines of a
 * cache, the first record included. What is behind the records is all zero (but for `work`), and nobody
 * looks, unless `eventful` says that something has happened: sw_tcp_sane() holds that. */
struct sw_tcp_flight {
    union {
        struct sw_txrec *ring;      /* of `cap`, a power of two */
        struct sw_tcp_flight *next; /* at rest: sw_flight_rest() */
    };
    uint32_t head, count, cap;
    uint32_t sacked, lost, retrans; /* bytes: see above */
    uint32_t reno_sacked;           /* bytes that duplicate ACKs without SACK stand for */
    uint32_t delivered;             /* bytes that this ACK told have arrived */
    uint32_t rtt_us;    /* round trip of the newest segment that this ACK covers; 0: unknown */
    uint32_t max_out;   /* how cwnd is used: see cwnd.c. The most bytes out, up to */
    sw_seq usage_end;   /* the end of this round trip; the most since cwnd was last */
    uint32_t cwnd_used; /* used in full, which was at */
    uint64_t cwnd_stamp_ns;
    sw_seq high_seq;           /* SND.NXT when recovery began: `recover` of RFC 6582 */
    sw_seq rack_end;           /* RACK.end_seq */
    sw_seq rack_next;          /* RACK looks on from here: its work per ACK is bounded */
    uint64_t rack_sent_ns;     /* RACK.xmit_ts */
    uint64_t rack_rtt_ns;      /* RACK.rtt */
    uint64_t retrans_start_ns; /* when the first of the current retransmissions left; 0: none */
    sw_seq small_end;          /* end of the last segment sent that was not full (Nagle) */
    sw_seq sack_lost;          /* RFC 6675: everything not SACKED before it is LOST already */
    sw_seq high_sacked;        /* end of the highest SACKED byte (forward ACK) */
    sw_seq high_before;        /* the same before this ACK */
    uint8_t ca;                /* enum sw_ca_state */
    uint8_t dupacks;
    bool cwnd_hit;        /* this output stopped at it */
    bool reordering;      /* RACK: segments were seen to overtake each other */
    bool probe_again;     /* TLP: the probe was a repetition */
    bool probing;         /* TLP: a probe is out, up to probe_end */
    bool reord;           /* this ACK told of an original that came after later ones: reord_seq */
    bool original_acked;  /* this ACK covers data up to high_seq that were sent once only */
    bool original_sacked; /* or SACKs such */
    bool head_again;      /* the first segment that this ACK covers was sent again, at again_ms */
    bool head_twice;      /* and not for the first time */
    bool eventful;        /* the window grew or was reduced, a record was marked or cut, ... */
    uint32_t again_ms;
    struct sw_txrec space[SW_FLIGHT_INLINE];

    struct sw_undo undo;
    struct sw_hystart hystart;
    uint32_t cwnd_acc; /* bytes acknowledged toward the next step of cwnd */
    sw_seq next_lost;  /* nothing before it is lost and not yet sent again */
    uint32_t unjoined; /* records SACKED since neighbours were last made one */
    sw_seq probe_end;  /* TLP */
    uint32_t
        marked_acked; /* bytes that an ACK with ECE acknowledged: they count as in flight still */
    sw_seq reord_seq; /* the lowest that came after later ones */
    uint8_t reo_mult; /* RACK.reo_wnd_mult; 0 counts as 1 */
    uint8_t reo_persist; /* RACK.reo_wnd_persist: recoveries until it is 1 again */
    bool reo_round;      /* reo_round_end holds: RACK.dsack_round */
    sw_seq reo_round_end;
    uint32_t prr_delivered, prr_out, prr_flight; /* see prr.c */

    uint32_t work; /* records looked at or moved, ever, for tests: bug class 7 */
};

/* What is allocated for it: a size of which the pool keeps some. */
#define SW_FLIGHT_BYTES 512U
_Static_assert(sizeof(struct sw_tcp_flight) <= SW_FLIGHT_BYTES, "a block of the pool");
_Static_assert(offsetof(struct sw_tcp_flight, space[1]) <= 192, "one segment in flight: three lines");

/* Makes sure there is a flight with room for one more record. 0 or -ENOMEM. */
int sw_flight_reserve(struct sw_tcp *tcp);
void sw_flight_free(struct sw_tcp *tcp);
bool sw_flight_idle(const struct sw_tcp *tcp); /* nothing in flight, no recovery from loss */
/* Everything has arrived: lets the block go at once if another one would begin with the same. */
void sw_flight_rest(struct sw_tcp *tcp);
void sw_flights_fini(struct sw_tcp_layer *layer);

/* A record for what begins at snd.nxt and is sent now. Needs sw_flight_reserve() before. */
void sw_flight_push(struct sw_tcp *tcp);

struct sw_txrec *sw_flight_at(const struct sw_tcp_flight *f, uint32_t i);
sw_seq sw_flight_end(const struct sw_tcp *tcp, uint32_t i);
uint32_t sw_flight_len(const struct sw_tcp *tcp, uint32_t i);
/* Index of the record that holds `seq`, which is in [una, nxt). */
uint32_t sw_flight_find(const struct sw_tcp *tcp, sw_seq seq);

/* Cuts record i in two at `seq`, strictly inside it. 0 or -ENOMEM. */
int sw_flight_split(struct sw_tcp *tcp, uint32_t i, sw_seq seq);

/* Sets and clears marks, keeping the sums. */
void sw_flight_mark(struct sw_tcp *tcp, uint32_t i, uint8_t set, uint8_t clear);

/* Forgets what `ack` covers; leaves rtt_us. *ret_sent_ns is when the oldest of it was sent, for an
 * RTT sample; 0 if any of it was sent more than once: then the rest may have waited behind that
 * hole (Karn). */
void sw_flight_acked(struct sw_tcp *tcp, sw_seq ack, uint64_t *ret_sent_ns);

/* Bytes believed to be in the network (`pipe` of RFC 6675). */
static inline uint32_t sw_flight_pipe(const struct sw_tcp *tcp)
{
    const struct sw_tcp_flight *f = tcp->snd.flight;
    uint32_t syn = tcp->state == SW_TCP_SYN_SENT || tcp->state == SW_TCP_SYN_RECEIVED ? 1 : 0;
    uint32_t out = tcp->snd.nxt.v - tcp->snd.una.v - syn, gone;

    if (!f)
        return out;
    gone = f->sacked + f->lost + f->reno_sacked;
    return (out > gone ? out - gone : 0) + f->retrans;
}

/* Test help: checks the invariants above; false if one does not hold. */
bool sw_flight_sane(const struct sw_tcp *tcp);

#endif
