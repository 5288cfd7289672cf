/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP (RFC 9293) toward the socket layer. One file per RFC-sized idea below it:
 *
 *   state.c     the eleven states and the one setter that moves them
 *   layer.c     settings, the way in, segments of no connection; user.c the user's calls
 *   open.c      active and passive open, simultaneous open; option negotiation
 *   input.c     a segment arrives: RFC 9293 3.10.7 in its order; synsent.c the SYN-SENT part
 *   accept.c    sequence, RST, SYN and ACK acceptability (RFC 9293 3.10.7.4, RFC 5961), PAWS
 *   snd.c       the sending half: what may be sent now (Nagle, SWS, window)
 *   ack.c       and what an acknowledgment means to it
 *   rcv.c       the receiving half: in order, out of order, window to offer, delayed ACK
 *   urgent.c    the urgent pointer (RFC 6093)
 *   reasm.c     out-of-order data (attached while needed); tune.c receive buffer tuning
 *   output.c    builds segments; path.c MTU, MSS and super-segment size
 *   mtu_probe.c RFC 4821: black holes, larger packets
 *   rto.c       RFC 6298; flight.c what is in flight, segment by segment
 *   ecn.c       explicit congestion notification (RFC 3168); accecn.c, accecn_ack.c more accurate
 *               (RFC 9768); rare.c what few connections need
 *   fastopen.h  Fast Open (RFC 7413): fastopen.c, fastopen_cache.c, fastopen_cookie.c
 *   cookie.c    SYN cookies (RFC 4987)
 *   hystart.c   RFC 9406;  undo.c when nothing was lost: RFC 3522, 3708, 4015, 5682
 *   recovery.c  loss recovery: fast retransmit, NewReno (RFC 5681, 6582); with SACK sack.c
 *               (RFC 6675), by time rack.c (RFC 8985), at a measured rate prr.c (RFC 9937)
 *   cc.h        congestion control as a table of functions; cc_newreno.c, cc_cubic.c (RFC 9438),
 *               cc_bbr.c
 *   cwnd.c      a window means something only where it is used (RFC 7661, RFC 2861)
 *   rate.c      how fast the path delivers; pace.c how fast packets leave; meter.c and what else is
 *               measured
 *   timers.c    the one timer node of a connection: retransmit, persist, delayed ACK, ...
 *   half.c      a half-open connection as a small record; timewait.c TIME_WAIT likewise
 *   isn.c       RFC 6528; challenge.c RFC 5961 7; icmp.c RFC 5927; info.c struct tcp_info
 *
 * Ownership: the socket layer allocates and frees struct sw_tcp (it lies inside the socket), finds
 * it for a segment, and asks it for events afterwards. TCP never calls upward: what happened
 * gathers in tcp->events until the socket layer takes it. TCP calls down to ip/ to send.
 */
#ifndef SW_TCP_TCP_H
#define SW_TCP_TCP_H

#include "base/stream.h"
#include "ip/ip.h"
#include "tcp/rate.h"

/* RFC 9293 3.3.2; numbered as Linux numbers them (TCP_ESTABLISHED = 1 ...), which tcp_info shows.
 */
enum sw_tcp_state {
    SW_TCP_ESTABLISHED = 1,
    SW_TCP_SYN_SENT,
    SW_TCP_SYN_RECEIVED,
    SW_TCP_FIN_WAIT_1,
    SW_TCP_FIN_WAIT_2,
    SW_TCP_TIME_WAIT,
    SW_TCP_CLOSED,
    SW_TCP_CLOSE_WAIT,
    SW_TCP_LAST_ACK,
    SW_TCP_LISTEN,
    SW_TCP_CLOSING,
};
const char *sw_tcp_state_name(enum sw_tcp_state state); /* "ESTABLISHED" */

enum sw_tcp_timer_kind {
    SW_TCP_TIMER_RETRANSMIT,
    SW_TCP_TIMER_PERSIST,
    SW_TCP_TIMER_DELACK,
    SW_TCP_TIMER_KEEPALIVE,
    SW_TCP_TIMER_FIN_WAIT_2,
    SW_TCP_TIMER_TIME_WAIT,
    SW_TCP_TIMER_REORDER, /* RACK: is it lost or only late? (RFC 8985 6.3) */
    SW_TCP_TIMER_PROBE,   /* tail loss probe (RFC 8985 7) */
    SW_TCP_TIMER_PACE,    /* the next packet may leave */
    SW_TCP_TIMER_COUNT
};

/* The congestion controls, as TCP_CONGESTION names them: see cc.h. */
enum sw_cc_id {
    SW_CC_RENO,  /* RFC 5681 */
    SW_CC_CUBIC, /* RFC 9438 */
    SW_CC_BBR,   /* version 1 */
    SW_CC_COUNT
};

/* Settings of the host: Linux's sysctl of the same meaning, in ns and bytes. */
struct sw_tcp_config {
    uint64_t rto_min_ns;     /* 200 ms, as Linux; RFC 6298 2.4 says 1 s, which RFC 8961 relaxes */
    uint64_t rto_max_ns;     /* 120 s; RFC 6298 2.5 asks for at least 60 s */
    uint64_t rto_initial_ns; /* 1 s, RFC 6298 2.1 */
    uint64_t delack_ns;      /* 40 ms; RFC 9293 3.8.6.3: less than 500 ms */
    uint64_t fin_timeout_ns; /* 60 s: how long an orphan stays in FIN_WAIT_2 */
    uint64_t time_wait_ns;   /* 60 s: Linux's TCP_TIMEWAIT_LEN */
    uint64_t keepalive_ns;   /* 7,200 s (RFC 9293 3.8.4) */
    uint64_t keepalive_intvl_ns; /* 75 s */
    uint32_t keepalive_probes;   /* 9 */
    uint32_t syn_retries;        /* 6 */
    uint32_t syn_linear_timeouts; /* 0, as RFC 6298 5.5; Linux 4: after so many a SYN's timeout doubles */
    uint32_t synack_retries;     /* 5 */
    uint32_t retries2;           /* 15: when to give up (RFC 1122 4.2.3.5 R2) */
    uint32_t retries1;           /* 3: when to suspect the path (RFC 1122 4.2.3.5 R1) */
    uint32_t orphan_retries;     /* 8, for connections nobody holds */
    uint32_t max_orphans;        /* 262,144: closed but alive; beyond, close() resets */
    uint32_t max_tw_buckets;     /* 262,144: TIME_WAITs; beyond, connections end without one */
    uint32_t rcvbuf, rcvbuf_max; /* tcp_rmem: 131,072; 32 MiB */
    uint32_t sndbuf, sndbuf_max; /* tcp_wmem: 16,384; 4 MiB */
    uint64_t mem_pressure_bytes; /* of tcp_mem: with more in use than that, buffers do not grow and
                                  * windows shrink to a few segments; no limit */
    uint32_t notsent_lowat;      /* bytes unsent at which a send queue counts as full; no limit */
    uint32_t min_tso_segs;       /* 2: MSS of a super-segment where less would leave in 1 ms */
    uint64_t challenge_ack_ns; /* tcp_invalid_ratelimit: one per connection in this time; 500 ms */
    uint64_t mtu_probe_interval_ns; /* 600 s: how often the search for a larger MTU begins anew */
    uint32_t mtu_probing;           /* enum sw_mtu_probing: 1, where a black hole is suspected */
    uint32_t base_mss_bytes;        /* 1,024: where the search begins (RFC 4821 7.2) */
    uint32_t mtu_probe_floor_bytes; /* 48: the least that it falls back to */
    uint32_t mtu_probe_threshold_bytes;    /* 8: what is not worth a probe */
    bool timestamps, window_scaling, sack; /* on */
    bool slow_start_after_idle;            /* on; RFC 5681 4.1 */
    bool rack;          /* on; loss by time (RFC 8985) where SACK is; off: by counting (RFC 6675) */
    bool tlp;           /* on; tail loss probes (RFC 8985 7) */
    bool prr;           /* on; proportional rate reduction (RFC 9937) */
    bool hystart;       /* on; the first slow start ends when the round trip grows (RFC 9406) */
    bool frto;          /* on; spurious timeouts found by new data (RFC 5682), with SACK */
    bool dsack;         /* on; the receiver tells what came twice (RFC 2883) */
    bool syncookies;    /* on; where the SYN queue is full (RFC 4987 3.6) */
    bool syn_soft_errors; /* off (RFC 9293 MUST-56), unlike Linux (RFC 5461 3): ICMP errors that may
                           * pass end an attempt to connect */
    bool rfc1337;       /* on, unlike Linux: no reset ends a TIME_WAIT */
    uint8_t cc;         /* enum sw_cc_id: congestion control of new connections; CUBIC */
    uint8_t ecn;        /* enum sw_ecn_mode (ecn.h); SW_ECN_ANSWER */
    uint8_t ecn_option; /* enum sw_ecn_option (accecn.h); SW_ECN_OPTION_FULL */
    bool ecn_fallback;  /* on; a SYN that gets no answer is sent again without (RFC 3168 6.1.1.1) */
    uint32_t fastopen;  /* SW_TFO_ bits (fastopen.h); SW_TFO_CLIENT, as Linux */
    uint64_t tfo_blackhole_ns; /* 0, as Linux: how long Fast Open rests where it was swallowed */
};

struct sw_tfo_server; /* fastopen.h */

/* The keys of Fast Open's cookies (RFC 7413 4.1.2): made with the first, good with either. */
enum { SW_TFO_KEYS = 2 };
struct sw_tfo_keys {
    struct sw_sipkey key[SW_TFO_KEYS];
    unsigned n;
};

struct sw_tcp_layer {
    struct sw_env *env;
    struct sw_ip_layer *ip;
    struct sw_tcp_config config;
    struct sw_sipkey isn_key, ts_key, cookie_key;
    uint32_t n_orphans;              /* connections with SW_TCPF_ORPHAN that are alive */
    struct sw_tfo_server *tfo_cache; /* NULL: no server is known */
    uint64_t tfo_paused_ns;          /* when Fast Open was last found to be swallowed */
    uint32_t tfo_pauses;             /* how often */
    struct sw_tfo_keys tfo_keys;     /* of listeners that have none of their own */
    struct sw_rate rate;             /* of the ACK that is being read */
    struct sw_tcp_flight *resting;   /* that nobody has: flight.h */
    uint32_t n_resting;
};
void sw_tcp_layer_init(struct sw_tcp_layer *layer, struct sw_env *env, struct sw_ip_layer *ip);
void sw_tcp_layer_rekey(struct sw_tcp_layer *layer); /* see sw_host_reseed() */
void sw_tcp_layer_fini(struct sw_tcp_layer *layer);

struct sw_tcp; /* the control block: see control.h */

/* An incoming segment, parsed and checked; `pkt` holds exactly the payload in its slices. */
struct sw_segment {
    struct sw_ip_hdr ip;
    struct sw_tcp_hdr tcp;
    struct sw_packet *pkt;
    uint32_t len; /* payload bytes */
};

/* From a packet whose IP header was pulled. Checks length, checksum, options. SW_DROP_NONE:
 * *ret_seg owns the packet and its TCP header has been pulled too; otherwise the caller still owns
 * it. */
enum sw_drop sw_tcp_segment(struct sw_packet *pkt, const struct sw_ip_hdr *ip,
                            struct sw_segment *ret_seg);

/* ---- life ---- */

/* Options that a socket may have set before its connection exists, and at any time after. */
/* Of one connection; 0: the host's. */
struct sw_tcp_times {
    uint32_t rto_min_us, rto_max_ms, delack_max_us; /* TCP_RTO_MIN_US, TCP_RTO_MAX_MS, TCP_DELACK_MAX_US */
    bool thin_linear; /* TCP_THIN_LINEAR_TIMEOUTS: of a thin stream timeouts do not double at first */
};

struct sw_tcp_options {
    uint32_t keepidle_s, keepintvl_s; /* 0: the host's; at most 32,767 */
    uint32_t user_timeout_ms;         /* 0: none (RFC 5482) */
    uint16_t maxseg;                  /* TCP_MAXSEG; 0: none */
    uint8_t keepcnt, syncnt;          /* 0: the host's */
    uint8_t tos, ttl;                 /* ttl 0: default */
    bool nodelay, cork, keepalive;
    bool quickack; /* the user wants no delayed ACKs; not merely Linux's TCP_QUICKACK at its default
                    */
    bool oobinline;           /* SO_OOBINLINE */
    uint32_t notsent_lowat;   /* TCP_NOTSENT_LOWAT, bytes; 0: the host's */
    uint64_t max_pacing_rate; /* SO_MAX_PACING_RATE, bytes per second; 0: none */
    uint8_t cc;               /* TCP_CONGESTION: 1 + enum sw_cc_id; 0: the host's when it began */
    int8_t linger2_s;         /* of an orphan in FIN_WAIT_2; 0: the host's; negative: none at all */
    uint32_t flow_label;      /* IPv6; 0: one that follows from its two ends, */
    bool no_flow_label;       /* or none (IPV6_AUTOFLOWLABEL off) */
    struct sw_tcp_times times;
};

/* In CLOSED, bound to `local` -> `remote` later. Buffers in bytes as SO_SNDBUF/SO_RCVBUF mean them.
 */
void sw_tcp_init(struct sw_tcp *tcp, struct sw_tcp_layer *layer, uint32_t sndbuf, uint32_t rcvbuf);

/* Before either open: the initial sequence number to use instead of one by RFC 6528, where the pair
 * of addresses was in TIME_WAIT a moment ago (sw_timewait_next_isn()). */
void sw_tcp_set_isn(struct sw_tcp *tcp, sw_seq isn);

/* Active open (RFC 9293 3.10.1). tcp->local and tcp->remote are set and in the demultiplexing
 * table. 0, or what sw_ip_path()/sw_ip_output() say. */
int sw_tcp_connect(struct sw_tcp *tcp);

/* Passive open with a block of its own, which a listener's half-open connection has not (half.h): a
 * block in CLOSED becomes the SYN_RECEIVED child for `syn`; sends the SYN-ACK. Does not take the
 * segment. 0 or negative errno: then the block is to be freed. */
int sw_tcp_open_passive(struct sw_tcp *tcp, const struct sw_segment *syn);

/* ---- SYN cookies (cookie.c): a passive open that keeps nothing ---- */
#define SW_TCP_COOKIE_UNIT_NS (64 * 1000000000ULL)
/* Answers `syn` for a block in CLOSED with its addresses, which is to be freed then, whatever
 * happened. */
int sw_tcp_cookie_reply(struct sw_tcp *tcp, const struct sw_segment *syn);
/* Whether an ACK brings back a cookie of the last 64 to 128 s. */
bool sw_tcp_cookie_valid(const struct sw_tcp_layer *layer, const struct sw_segment *ack);
/* Such an ACK makes a block in CLOSED what it would have been in SYN_RECEIVED; the ACK itself is
 * for sw_tcp_input() then. 0 or negative errno, then the block is to be freed. */
int sw_tcp_cookie_open(struct sw_tcp *tcp, const struct sw_segment *ack);

/* A segment for this connection. Takes seg->pkt. */
void sw_tcp_input(struct sw_tcp *tcp, struct sw_segment *seg);

/* It is about to have one, or another call: asks for the memory that hangs off the block, which is itself
 * known to be there. */
void sw_tcp_ahead(const struct sw_tcp *tcp);

/* What its timestamps say now, whether it sends any or not. */
uint32_t sw_tcp_timestamp(const struct sw_tcp *tcp);

/* The flow label (IPv6) of the segment with which a listener's child was opened. */
void sw_tcp_set_peer_label(struct sw_tcp *tcp, uint32_t label);
uint32_t sw_tcp_peer_label(const struct sw_tcp *tcp);

/* Its timer fired. */
void sw_tcp_timer(struct sw_tcp *tcp);

/* A validated ICMP error about it (RFC 5927). wanted: the user asked to hear at once of those that
 * end nothing, too (IP_RECVERR). */
void sw_tcp_icmp(struct sw_tcp *tcp, const struct sw_icmp_error *error, bool wanted);

/* ---- the user's calls: states are checked by the socket layer ---- */

/* Bytes the send buffer takes before the next sw_tcp_push(); 0: full. */
uint32_t sw_tcp_send_space(const struct sw_tcp *tcp);
bool sw_tcp_writable(const struct sw_tcp *tcp); /* as poll() means it: not only a crumb of room */
void sw_tcp_await_space(struct sw_tcp *tcp); /* the user was told so: SW_TCPE_WRITABLE when not */
/* After bytes were put into the send queue (sw_tcp_send_queue()): send what may be sent. `more`:
 * MSG_MORE. */
struct sw_stream *sw_tcp_send_queue(struct sw_tcp *tcp);
void sw_tcp_push(struct sw_tcp *tcp, bool more);

/* The last byte put into the send queue is urgent (MSG_OOB): before sw_tcp_push(). 0 or -ENOMEM:
 * then it is one like any other. */
int sw_tcp_mark_urgent(struct sw_tcp *tcp);

/* In-order bytes not yet read. After reading from the stream tell how many, so that the window
 * moves. */
struct sw_stream *sw_tcp_recv_queue(struct sw_tcp *tcp);
void sw_tcp_consumed(struct sw_tcp *tcp, uint32_t len);
bool sw_tcp_recv_eof(const struct sw_tcp *tcp); /* FIN received and everything before it read */

/* Urgent data. A read takes at most sw_tcp_recv_limit() bytes: those before the mark. At the mark
 * it first passes over sw_tcp_recv_skip() bytes (1: the urgent one is at the front, and not wanted
 * in line; else 0). */
bool sw_tcp_at_mark(const struct sw_tcp *tcp); /* SIOCATMARK */
uint32_t sw_tcp_recv_skip(const struct sw_tcp *tcp);
uint32_t sw_tcp_recv_limit(const struct sw_tcp *tcp);
bool sw_tcp_urgent_here(const struct sw_tcp *tcp); /* an urgent byte came and was not read */
/* MSG_OOB: 0; -EINVAL: there is none, it was read, or it is read in line; -EAGAIN: announced, not
 * here. */
int sw_tcp_recv_urgent(struct sw_tcp *tcp, bool peek, uint8_t *ret_byte);

/* shutdown(SHUT_WR): queues the FIN. */
void sw_tcp_shutdown(struct sw_tcp *tcp);
/* shutdown(SHUT_RD): what comes once our FIN is out is refused, as if closed. */
void sw_tcp_shutdown_reading(struct sw_tcp *tcp);
/* close(): nobody will read any more; resets if data was left unread, else FIN. Afterwards the
 * block lives on by itself until sw_tcp_state() is CLOSED or TIME_WAIT. */
void sw_tcp_close(struct sw_tcp *tcp);
/* Reset it: sends RST where the state has one to send (RFC 9293 3.10.5); err (positive errno, may
 * be 0) is left for the user. */
void sw_tcp_abort(struct sw_tcp *tcp, int err);
/* Frees what the block holds (queues, timer); sends nothing. */
void sw_tcp_fini(struct sw_tcp *tcp);

void sw_tcp_mark_record(struct sw_tcp *tcp); /* MSG_EOR: what is queued last ends a record */
void sw_tcp_delay_acks(struct sw_tcp *tcp);  /* TCP_QUICKACK 0: answers will carry them */
void sw_tcp_set_options(struct sw_tcp *tcp, const struct sw_tcp_options *options);
/* Sizes the user chose (SO_SNDBUF, SO_RCVBUF as getsockopt shows them): that buffer is no longer
 * tuned. 0 leaves one as it is. */
void sw_tcp_set_buffers(struct sw_tcp *tcp, uint32_t sndbuf, uint32_t rcvbuf);
uint32_t sw_tcp_sndbuf(const struct sw_tcp *tcp);
uint32_t sw_tcp_rcvbuf(const struct sw_tcp *tcp);

enum sw_tcp_state sw_tcp_get_state(const struct sw_tcp *tcp);
uint16_t sw_tcp_mss(const struct sw_tcp *tcp); /* bytes of payload per packet, now */

/* What happened since last asked, for readiness: SW_TCPE_ bits; taking clears them. */
enum {
    SW_TCPE_ESTABLISHED = 1, /* the handshake ended well */
    SW_TCPE_READABLE = 2,    /* bytes or the end of the stream came */
    SW_TCPE_WRITABLE = 4,    /* the send buffer has room again, which was waited for */
    SW_TCPE_ERROR = 8,       /* sw_tcp_error() has something */
    SW_TCPE_CLOSED = 16,     /* now CLOSED or TIME_WAIT */
};
unsigned sw_tcp_take_events(struct sw_tcp *tcp);
int sw_tcp_take_error(struct sw_tcp *tcp); /* positive errno or 0; taking clears it */

/* struct tcp_info of Linux, as bytes; returns how many were written (at most `room`). */
size_t sw_tcp_info(const struct sw_tcp *tcp, void *buf, size_t room);

/* NULL, or what is wrong with it: whether each state has a timer or an event that ends it. */
const char *sw_tcp_sane(const struct sw_tcp *tcp);

/* ---- without a connection ---- */

/* A segment that belongs to nothing: answers with RST unless it is one (RFC 9293 3.10.7.1). Takes
 * it. */
void sw_tcp_refuse(struct sw_tcp_layer *layer, struct sw_segment *seg, enum sw_drop why);

/* TIME_WAIT without the rest of the block: what the last ACK and the next SYN need. The pair of
 * addresses and the time are the socket layer's (sock/small.h). */
struct sw_timewait {
    sw_seq snd_nxt, rcv_nxt;
    uint32_t ts_recent;
    uint16_t window; /* as the header has it */
    uint8_t tos;
    uint8_t has_ts : 1; /* timestamps were negotiated */
    uint8_t limit : 7;  /* when a SYN or bare ACK was last answered: limit.h */
};
_Static_assert(sizeof(struct sw_timewait) == 16, "a small record has room for so much");
/* From a block in TIME_WAIT, which has no part in it afterwards. */
void sw_timewait_init(struct sw_timewait *tw, const struct sw_tcp *tcp);
enum sw_timewait_verdict {
    SW_TW_STAY,   /* handled, stays */
    SW_TW_AGAIN,  /* likewise, and its 2 MSL begin anew */
    SW_TW_REOPEN, /* a SYN that may reuse the pair (RFC 9293 3.6.1, RFC 6191): free it, treat as new
                   */
    SW_TW_GONE,   /* an acceptable RST, where RFC 1337 does not forbid it */
};
/* Does not take the segment on REOPEN; else takes it. */
enum sw_timewait_verdict sw_timewait_input(struct sw_timewait *tw, struct sw_tcp_layer *layer,
                                           const struct sw_addr *local,
                                           const struct sw_addr *remote, struct sw_segment *seg);
/* Where nobody listens for the SYN of a REOPEN: it is answered like any other. Takes the segment.
 */
void sw_timewait_refuse(struct sw_timewait *tw, struct sw_tcp_layer *layer,
                        const struct sw_addr *local, const struct sw_addr *remote,
                        struct sw_segment *seg);
/* FIN_WAIT_2 of an orphan, likewise (finwait.c). */
struct sw_finwait {
    struct sw_timewait tw;
    uint8_t wscale; /* Rcv.Wind.Shift: tw.window is the window still open */
    bool sack;
};
/* Whether the record can stand for the block from now on: it is to wait for fin_timeout_ns. */
bool sw_finwait_fits(const struct sw_tcp *tcp);
void sw_finwait_init(struct sw_finwait *fw, const struct sw_tcp *tcp);
/* Takes the segment. Afterwards it is still FIN_WAIT_2, or TIME_WAIT, for which there is fw->tw, or
 * CLOSED. */
enum sw_tcp_state sw_finwait_input(struct sw_finwait *fw, struct sw_tcp_layer *layer,
                                   const struct sw_addr *local, const struct sw_addr *remote,
                                   struct sw_segment *seg);

/* A SYN that opens over a TIME_WAIT must begin beyond what it used (RFC 6191 2). */
sw_seq sw_timewait_next_isn(const struct sw_timewait *tw);

#endif
