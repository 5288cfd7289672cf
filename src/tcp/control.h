/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control block of a connection (the TCB of RFC 9293 3.3.1). Sender and receiver are two
 * structs in two files (snd.c, rcv.c); what neither owns is in struct sw_tcp. Aim: an idle
 * connection, socket included, in 512 bytes; so what only moving data needs is attached while data
 * moves: `flight` while something is unacknowledged, `extra` while a bulk transfer comes in or
 * something is out of order.
 *
 * Invariants:
 *  (1) snd.una <= snd.nxt; SYN and FIN count as one each. snd.queue begins at sw_tcp_snd_base():
 *      snd.una, or one more while our SYN is unacknowledged.
 *  (2) Without snd.flight no data or FIN is unacknowledged and no loss recovery is under way.
 *  (3) rcv.wup + rcv.wnd, the right edge of the window once offered, never moves left
 *      (RFC 9293 3.8.6.2.1: a TCP peer SHOULD NOT shrink the window).
 *  (4) `timer` is armed no later than the earliest of the three deadlines; it may be armed earlier
 *      (an acknowledgment only moves the deadline), then its firing re-arms it.
 */
#ifndef SW_TCP_CONTROL_H
#define SW_TCP_CONTROL_H

#include "tcp/tcp.h"

struct sw_meter;      /* meter.h: what is measured of the sender, and its pace */
struct sw_tcp_flight; /* flight.h: what is in flight, and recovery from its loss */
struct sw_tcp_extra;  /* reasm.h: out-of-order data and buffer tuning */
struct sw_tcp_urgent; /* urgent.h: the urgent pointer, where there is one */
struct sw_tcp_rare;   /* rare.h: what few connections need */
struct sw_cc_ops;     /* cc.h */

/* What this end sends. */
struct sw_tcp_snd {
    sw_seq una, nxt;      /* SND.UNA, SND.NXT */
    uint32_t wnd;         /* SND.WND, in bytes */
    uint32_t cwnd;        /* bytes (RFC 5681) */
    uint32_t ssthresh;    /* bytes; UINT32_MAX before the first loss */
    sw_seq wl1;           /* SND.WL1: sequence number of the last window update */
    uint32_t max_wnd;     /* MAX.SND.WND (RFC 5961 5, RFC 9293 3.8.6.2.1) */
    uint32_t srtt_us8;    /* smoothed round-trip time in us, times 8; 0: none yet (RFC 6298 2) */
    uint32_t rttvar_us4;  /* its variation in us, times 4 */
    uint32_t min_rtt_us;  /* UINT32_MAX: none yet */
    uint32_t buf;         /* SO_SNDBUF: what it is compared with is sndbuf.c's */
    uint32_t last_ms;     /* when data (or the first SYN) was last sent, by sw_tcp_clock_ms() */
    uint32_t retrans;     /* segments sent again, ever */
    uint32_t segs;        /* segments sent */
    uint16_t mss;         /* payload bytes of a packet as it can leave now, options subtracted */
    uint16_t peer_mss;    /* the MSS option received, or its default */
    uint16_t gso_max;     /* payload of a super-segment on the path; 0: none */
    uint16_t path_seen;   /* ip->path_changes when mss was computed, its low half */
    uint8_t wscale;       /* Snd.Wind.Shift (RFC 7323 2.2) */
    uint8_t backoff;      /* how often the retransmission timeout was doubled */
    uint8_t retries;      /* timeouts since something was last acknowledged */
    uint8_t probes;       /* keepalive or window probes unanswered */
    uint32_t acked_wraps; /* high half of the count of bytes acknowledged */
    sw_seq iss;
    uint32_t data_segs; /* of segs those with data */
    union {
        uint64_t syn_ns;           /* until it is acknowledged: when our SYN or SYN-ACK left */
        struct {                   /* afterwards: what TCP_INFO is told without a meter */
            uint32_t busy_ms;      /* SW_CHRONO_BUSY */
            uint32_t data_segs_in; /* of rcv.segs those with data */
        } told;
    };
    struct sw_stream queue;
    struct sw_tcp_flight *flight;
    struct sw_meter *meter; /* meter.h: rates, times, and the congestion control's memory */
};

/* What this end receives. */
struct sw_tcp_rcv {
    sw_seq nxt;         /* RCV.NXT */
    sw_seq wup;         /* RCV.NXT when the last ACK was sent: Last.ACK.sent of RFC 7323 4.3 */
    uint32_t wnd;       /* RCV.WND counted from wup, in bytes */
    uint32_t ts_recent; /* TS.Recent (RFC 7323 4.3) */
    uint32_t buf;       /* SO_RCVBUF: twice the largest window */
    uint32_t target;    /* largest window worth offering now; grows with full-sized segments */
    uint16_t mss;       /* largest segment seen: what a full-sized one is */
    uint8_t wscale;     /* Rcv.Wind.Shift */
    uint8_t quick : 6;  /* ACKs still to be sent at once (slow start of the peer) */
    uint8_t small : 2;  /* segments that ended what the peer had to say and wait for their ACK: 0, 1, 2 or more */
    uint32_t wraps;     /* high half of the count of bytes received */
    sw_seq irs;
    uint32_t segs; /* segments received */
    struct sw_stream queue;
    struct sw_tcp_extra *extra;
};

/* struct sw_tcp's flags */
enum {
    SW_TCPF_ACTIVE = 1 << 0,       /* this end called connect() */
    SW_TCPF_ORPHAN = 1 << 1,       /* the user called close(): nobody reads or hears any more */
    SW_TCPF_FIN_QUEUED = 1 << 2,   /* a FIN follows the last byte of the send queue */
    SW_TCPF_FIN_RECEIVED = 1 << 3, /* and everything before it */
    SW_TCPF_TIMESTAMPS = 1 << 4,   /* negotiated (RFC 7323 3.2) */
    SW_TCPF_SACK = 1 << 5,         /* negotiated (RFC 2018 2) */
    SW_TCPF_WSCALE = 1 << 6,       /* negotiated */
    SW_TCPF_SNDBUF_LOCK = 1 << 7,  /* the user chose the sizes: no tuning */
    SW_TCPF_RCVBUF_LOCK = 1 << 8,
    SW_TCPF_CWND_LIMITED = 1 << 9, /* cwnd was what held data back in this round trip */
    SW_TCPF_PINGPONG = 1 << 10,    /* answers carry our ACKs: delay them */
    SW_TCPF_ACK_NOW = 1 << 11,     /* an ACK is due at the end of this input */
    SW_TCPF_ISN_SET = 1 << 12,     /* snd.iss was chosen by sw_tcp_set_isn() */
    SW_TCPF_MORE = 1 << 13,        /* the end of the queue came with MSG_MORE: no PSH there */
    SW_TCPF_NODELAY = 1 << 14,     /* TCP_NODELAY */
    SW_TCPF_CORK = 1 << 15,        /* TCP_CORK */
    SW_TCPF_KEEPALIVE = 1 << 16,   /* SO_KEEPALIVE */
    SW_TCPF_FIN_SENT = 1 << 18,    /* snd.nxt is beyond our FIN */
    SW_TCPF_QUICKACK = 1 << 19,    /* TCP_QUICKACK was set: ACKs are not delayed */
    SW_TCPF_HOLD = 1 << 20,        /* within a call with MSG_MORE */
    SW_TCPF_OOBINLINE = 1 << 21,   /* SO_OOBINLINE: urgent bytes are read in line */
    SW_TCPF_HEARD = 1 << 17,       /* data has come since we last sent some */
    SW_TCPF_ECN = 1 << 22,         /* asked for; then: negotiated (RFC 3168 6.1.1) */
    SW_TCPF_ECE_DUE = 1 << 23,     /* what is sent carries ECE, until CWR comes */
    SW_TCPF_CWR_DUE = 1 << 24,     /* the next new data carry CWR */
    SW_TCPF_SYN_DATA = 1 << 26,    /* data in our SYN were acknowledged, or in the peer's taken */
    SW_TCPF_EARLY = 1 << 27,       /* data move in SYN_RECEIVED already (RFC 7413 4.2.2) */
    SW_TCPF_ECT_SEEN = 1 << 25,    /* data have come in packets that were ECN-capable */
    SW_TCPF_ACCECN = 1 << 28,      /* asked for; then: negotiated (RFC 9768): see accecn.h */
    SW_TCPF_NOSPACE = 1 << 29,     /* the user was told that the send buffer is full */
    SW_TCPF_SHUT_RCV = 1 << 30,    /* shutdown() for reading */
};

/* The socket layer knows layer, timer, local, remote, id and state; the rest is this layer's. */
struct sw_tcp {
    struct sw_tcp_layer *layer;
    struct sw_tcp_snd snd;
    struct sw_tcp_rcv rcv;
    uint32_t flags;     /* SW_TCPF_ */
    uint8_t state;      /* enum sw_tcp_state; moved by sw_tcp_set_state() only */
    uint8_t events;     /* SW_TCPE_ */
    uint8_t error;      /* errno for the user */
    uint8_t soft_error; /* errno of an ICMP error that may pass (RFC 1122 4.2.3.9) */
    uint32_t ts_offset; /* added to our timestamps: one per pair of addresses */
    uint32_t rcv_ms;    /* when a segment last came, by sw_tcp_clock_ms() */
    uint32_t limit_ms;  /* when a challenge ACK was last sent (RFC 5961 7); 0: never */
    uint8_t cc;         /* enum sw_cc_id; moved by sw_cc_set() only */
    int8_t linger2_s;   /* TCP_LINGER2: see struct sw_tcp_options */
    uint16_t peer_label_low; /* of the flow label that a listener's child was opened with */

    uint64_t main_ns;   /* deadline of what main_kind says; SW_NEVER: none */
    uint64_t delack_ns; /* deadline of the delayed ACK; SW_NEVER: none is owed */
    uint64_t slow_ns;   /* deadline of what slow_kind says */
    uint8_t main_kind;  /* SW_TCP_TIMER_RETRANSMIT or _PERSIST */
    uint8_t slow_kind : 4;       /* SW_TCP_TIMER_KEEPALIVE, _FIN_WAIT_2 or _TIME_WAIT */
    uint8_t peer_label_high : 4; /* see peer_label_low */

    uint8_t keepcnt, syncnt; /* options: see struct sw_tcp_options; 0: the host's */
    uint16_t keepidle_s, keepintvl_s;
    uint16_t maxseg;
    uint8_t tos, ttl;
    uint32_t user_timeout_ms;

    struct sw_tcp_urgent *urgent; /* NULL: nothing is urgent */
    struct sw_tcp_rare *rare;     /* NULL: not needed so far */
    uint64_t id; /* the socket layer's name for it: event.socket of its trace events */
    struct sw_addr local, remote;
    struct sw_timer timer; /* owner SW_TIMER_SOCK */
};

/* Alive, and nobody holds it any more: counts against tcp_max_orphans. */
static inline bool sw_tcp_is_orphan(const struct sw_tcp *tcp)
{
    return (tcp->flags & SW_TCPF_ORPHAN) && tcp->state != SW_TCP_CLOSED &&
           tcp->state != SW_TCP_TIME_WAIT;
}

_Static_assert(sizeof(void *) != 8 || sizeof(struct sw_tcp) <= 360,
               "an idle connection, socket included, is to fit into 512 bytes");

#endif
