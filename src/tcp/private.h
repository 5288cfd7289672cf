/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of tcp/ call of each other. Nothing outside tcp/ includes it (but its tests). */
#ifndef SW_TCP_PRIVATE_H
#define SW_TCP_PRIVATE_H

#include "base/assert.h"
#include "tcp/control.h"

#define SW_NS_PER_US 1000U
#define SW_NS_PER_MS 1000000U
#define SW_NS_PER_S 1000000000U

/* Room in front of a packet for IPv6 with a fragment header and a whole TCP header. */
#define SW_TCP_HEADROOM (SW_TCP_HDR_MAX + SW_IP6_HDR + SW_IP6_FRAG_HDR)

/* What an MSS option may be taken to mean at least: Linux's tcp_min_snd_mss. Smaller ones are an
 * attack on the sender's processor (CVE-2019-11479). */
#define SW_TCP_MSS_MIN_BYTES 48U
#define SW_TCP_MSS_DEFAULT4_BYTES 536U  /* RFC 9293 3.7.1 */
#define SW_TCP_MSS_DEFAULT6_BYTES 1220U /* RFC 9293 3.7.1 */
#define SW_TCP_TS_BYTES 12U             /* timestamps option and two NOPs (RFC 7323 appendix A) */
#define SW_TCP_WSCALE_MAX 14U           /* RFC 7323 2.3 */
#define SW_TCP_IW_SEGMENTS 10U          /* RFC 6928 2, in segments whatever their size, as Linux */

static inline struct sw_env *sw_tcp_env(const struct sw_tcp *tcp)
{
    return tcp->layer->env;
}

static inline uint64_t sw_tcp_now(const struct sw_tcp *tcp)
{
    return tcp->layer->env->now_ns;
}

static inline bool sw_tcp_has(const struct sw_tcp *tcp, uint32_t flag)
{
    return (tcp->flags & flag) != 0;
}

static inline void sw_tcp_flag(struct sw_tcp *tcp, uint32_t flag, bool on)
{
    tcp->flags = on ? tcp->flags | flag : tcp->flags & ~flag;
}

static inline uint32_t sw_min32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static inline uint32_t sw_max32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* Milliseconds of the host's clock, wrapping: the timestamp clock of RFC 7323 5.4 before its
 * offset. */
static inline uint32_t sw_tcp_clock_ms(const struct sw_tcp *tcp)
{
    return (uint32_t)(sw_tcp_now(tcp) / SW_NS_PER_MS);
}

static inline bool sw_tcp_syn_unacked(const struct sw_tcp *tcp)
{
    return tcp->state == SW_TCP_SYN_SENT || tcp->state == SW_TCP_SYN_RECEIVED;
}

/* Whether our SYN is acknowledged, and nothing that was not sent: with Fast Open data may be out
 * already. */
static inline bool sw_tcp_acks_syn(const struct sw_tcp *tcp, const struct sw_tcp_hdr *hdr)
{
    return sw_seq_lt(tcp->snd.iss, hdr->ack) && sw_seq_le(hdr->ack, tcp->snd.nxt);
}

/* Sequence number of the first byte of the send queue. */
static inline sw_seq sw_tcp_snd_base(const struct sw_tcp *tcp)
{
    return sw_seq_add(tcp->snd.una, sw_tcp_syn_unacked(tcp) ? 1 : 0);
}

/* RCV.NXT moves over `len` bytes; the count of bytes received has 64 bits. */
static inline void sw_tcp_rcv_advance(struct sw_tcp *tcp, uint32_t len)
{
    sw_seq nxt = sw_seq_add(tcp->rcv.nxt, len);

    if (nxt.v - tcp->rcv.irs.v < tcp->rcv.nxt.v - tcp->rcv.irs.v)
        tcp->rcv.wraps++;
    tcp->rcv.nxt = nxt;
}

/* Memory is short: nothing may grow now (Linux's tcp_under_memory_pressure()). */
static inline bool sw_tcp_mem_pressure(const struct sw_tcp *tcp)
{
    return sw_mem_used(tcp->layer->env->mem) > tcp->layer->config.mem_pressure_bytes;
}

/* ---- state.c ---- */
void sw_tcp_set_state(struct sw_tcp *tcp, enum sw_tcp_state state);
/* The connection is over: CLOSED, `err` for the user, nothing left to send or to wait for. */
void sw_tcp_finish(struct sw_tcp *tcp, int err);
/* Everything is said and acknowledged: TIME_WAIT, for 2 MSL from now. */
void sw_tcp_enter_time_wait(struct sw_tcp *tcp);
/* Frees what only moving data needs, if none moves. */
void sw_tcp_tidy(struct sw_tcp *tcp);

/* ---- isn.c ---- */
sw_seq sw_tcp_isn(const struct sw_tcp *tcp);
uint32_t sw_tcp_ts_offset(const struct sw_tcp *tcp);
uint32_t sw_tcp_ts_offset_of(const struct sw_tcp_layer *layer, const struct sw_ip *local,
                             const struct sw_ip *remote);

/* ---- path.c ---- */
int sw_tcp_path(struct sw_tcp *tcp);          /* MTU, MSS and super-segment size, afresh */
bool sw_tcp_path_changed(struct sw_tcp *tcp); /* the same, if need be; whether the MSS is another */
uint32_t sw_tcp_initial_cwnd(struct sw_tcp *tcp);  /* bytes */
uint16_t sw_tcp_announced_mss(struct sw_tcp *tcp); /* for our SYN */

/* ---- open.c ---- */
void sw_tcp_negotiate(struct sw_tcp *tcp, const struct sw_tcp_hdr *syn);
/* A block in CLOSED gets what it and the peer's SYN agree on, but stays where it is. */
int sw_tcp_agree(struct sw_tcp *tcp, const struct sw_tcp_hdr *syn);
/* And becomes SYN_RECEIVED; nothing is sent. */
int sw_tcp_open_half(struct sw_tcp *tcp, const struct sw_tcp_hdr *syn);
/* And the SYN-ACK leaves; no timer is armed. Does not take the segment. */
int sw_tcp_answer_syn(struct sw_tcp *tcp, const struct sw_segment *syn);
void sw_tcp_established(struct sw_tcp *tcp);

/* ---- synsent.c ---- */
enum sw_drop sw_tcp_input_syn_sent(struct sw_tcp *tcp, struct sw_segment *seg);
/* Urgent pointer, data and FIN of an acceptable segment. */
enum sw_drop sw_tcp_text(struct sw_tcp *tcp, struct sw_segment *seg);

/* ---- accept.c: pure ---- */
bool sw_tcp_seq_acceptable(sw_seq seq, uint32_t len, sw_seq rcv_nxt, uint32_t rcv_wnd);
enum sw_tcp_rst { SW_RST_EXACT, SW_RST_CHALLENGE, SW_RST_OUTSIDE };
enum sw_tcp_rst sw_tcp_rst_verdict(sw_seq seq, sw_seq rcv_nxt, uint32_t rcv_wnd);
enum sw_tcp_ackness { SW_ACK_NEW, SW_ACK_DUP, SW_ACK_OLD, SW_ACK_ANCIENT, SW_ACK_FUTURE };
enum sw_tcp_ackness sw_tcp_ack_verdict(sw_seq ack, sw_seq una, sw_seq nxt, uint32_t max_wnd);
bool sw_tcp_paws_old(const struct sw_tcp *tcp, const struct sw_tcp_hdr *hdr);

/* ---- challenge.c ---- */
void sw_tcp_challenge(struct sw_tcp *tcp);
bool sw_tcp_may_answer(struct sw_tcp *tcp); /* the limit, of which an answer is charged */

/* ---- output.c ---- */
/* [seq, seq + len) of the send queue, `flags` beside ACK. Returns how many bytes it carried (fewer
 * than `len` only where the queue's slices do not allow more), or -ENOMEM. */
int64_t sw_tcp_send_data(struct sw_tcp *tcp, sw_seq seq, uint32_t len, uint16_t flags, bool again);
int sw_tcp_send_syn(struct sw_tcp *tcp, bool again); /* SYN or SYN-ACK, by the state */
void sw_tcp_send_ack(struct sw_tcp *tcp);
void sw_tcp_send_probe(struct sw_tcp *tcp); /* an ACK just left of the window: asks for an answer */
void sw_tcp_send_rst(struct sw_tcp *tcp);
void sw_tcp_send_rst_for(struct sw_tcp_layer *layer,
                         const struct sw_segment *seg); /* RFC 9293 3.10.7.1 */
void sw_tcp_trace_in(struct sw_tcp *tcp, const struct sw_segment *seg);

/* ---- snd.c ---- */
void sw_tcp_output(struct sw_tcp *tcp);             /* sends what may be sent now */
bool sw_tcp_unsent(const struct sw_tcp *tcp);       /* bytes or a FIN that were never sent */
bool sw_tcp_may_send_new(const struct sw_tcp *tcp); /* new data wait and the window takes some */
bool sw_tcp_fin_acked(const struct sw_tcp *tcp);
/* A part of what waits, even if small: the override timeout of RFC 9293 3.8.6.2.1. False: the
 * window is closed, or no memory. */
bool sw_tcp_output_override(struct sw_tcp *tcp);
void sw_tcp_output_probe(struct sw_tcp *tcp);
uint32_t sw_tcp_unsent_bytes(const struct sw_tcp *tcp); /* of data, without a FIN */

/* ---- cwnd.c ---- */
bool sw_cwnd_limited(const struct sw_tcp *tcp); /* cwnd may grow: it is used */
void sw_cwnd_validate(struct sw_tcp *tcp, bool limited);
void sw_cwnd_restart(struct sw_tcp *tcp); /* something is to be sent, and nothing is in flight */

/* ---- sndbuf.c ---- */
/* Bytes were put into the queue, and more follow: whether they may wait for these (no PSH). */
bool sw_tcp_filled(struct sw_tcp *tcp, bool more);
void sw_tcp_grow_sndbuf(struct sw_tcp *tcp);
void sw_tcp_check_space(struct sw_tcp *tcp); /* something was heard: tells who waits for room */

/* ---- ack.c ---- */
enum sw_drop sw_tcp_ack(struct sw_tcp *tcp, const struct sw_segment *seg);

/* ---- rto.c ---- */
void sw_rto_sample(struct sw_tcp *tcp, uint64_t rtt_us);
void sw_rto_sample_echo(struct sw_tcp *tcp, uint64_t rtt_us);
/* A SYN had to be repeated, and nothing is measured yet: 3 s from here on (RFC 6298 5.7). */
void sw_rto_after_lost_syn(struct sw_tcp *tcp);
uint64_t sw_rto_ns(const struct sw_tcp *tcp);
/* Whether `retries` doublings from the smallest timeout would have taken less than `elapsed_ns`. */
bool sw_rto_exhausted(const struct sw_tcp *tcp, uint32_t retries, uint64_t elapsed_ns);

/* ---- rcv.c ---- */
uint32_t sw_tcp_rcv_room(const struct sw_tcp *tcp); /* what is left of the offered window */
enum sw_drop sw_tcp_receive(struct sw_tcp *tcp, struct sw_segment *seg);
void sw_tcp_receive_fin(struct sw_tcp *tcp, bool held); /* held: it had come before its turn */
uint16_t sw_tcp_offer_window(struct sw_tcp *tcp); /* the field of a header that is about to leave */
void sw_tcp_initial_window(struct sw_tcp *tcp);
void sw_tcp_quickack(struct sw_tcp *tcp);
void sw_tcp_ack_sent(struct sw_tcp *tcp);
/* SACK blocks for a header about to leave with `len` bytes of data. */
void sw_tcp_add_sacks(struct sw_tcp *tcp, struct sw_tcp_hdr *hdr, uint32_t len);

/* ---- timers.c ---- */
void sw_tcp_arm(struct sw_tcp *tcp, enum sw_tcp_timer_kind kind, uint64_t at_ns);
void sw_tcp_disarm(struct sw_tcp *tcp, enum sw_tcp_timer_kind kind);
void sw_tcp_arm_retransmit(struct sw_tcp *tcp); /* now + RTO */
void sw_tcp_rearm_keepalive(struct sw_tcp *tcp);
void sw_tcp_arm_fin_wait_2(struct sw_tcp *tcp);
void sw_tcp_arm_idle(struct sw_tcp *tcp); /* has sw_tcp_tidy() called some time later */
void sw_tcp_timers_stop(struct sw_tcp *tcp);
bool sw_tcp_timer_expected(const struct sw_tcp *tcp); /* whether its state needs one to go on */

/* times.c: the connection's own, or the host's */
uint64_t sw_tcp_rto_min_ns(const struct sw_tcp *tcp);
uint64_t sw_tcp_rto_max_ns(const struct sw_tcp *tcp);
uint64_t sw_tcp_delack_ns(const struct sw_tcp *tcp);
bool sw_tcp_times_out_linearly(const struct sw_tcp *tcp);
void sw_tcp_set_times(struct sw_tcp *tcp, const struct sw_tcp_times *times);

/* flow_label.c: what its packets carry, by IPv6; `automatic`: where `label` is 0, one is made */
uint32_t sw_tcp_flow_label(const struct sw_tcp *tcp);
void sw_tcp_set_flow_label(struct sw_tcp *tcp, uint32_t label, bool automatic);

#endif
