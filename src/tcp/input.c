/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A segment arrives: RFC 9293 3.10.7.4, in its order, as RFC 5961 hardens it. Each step is a
 * function that says SW_DROP_NONE to go on; any other answer ends the processing and is the reason
 * to drop.
 */
#include <errno.h>

#include "tcp/accecn.h"
#include "tcp/ecn.h"
#include "tcp/private.h"
#include "tcp/reasm.h"
#include "tcp/urgent.h"

/* What a segment counts in sequence space. */
static uint32_t seq_len(const struct sw_segment *seg)
{
    return seg->len + (seg->tcp.flags & SW_TCP_SYN ? 1U : 0U) +
           (seg->tcp.flags & SW_TCP_FIN ? 1U : 0U);
}

/* The answer to a segment outside the window. Data, which its sender will repeat until
 * acknowledged, is answered always; anything else may be half of an endless exchange between two
 * ends that disagree. */
static void answer_outside(struct sw_tcp *tcp, const struct sw_segment *seg)
{
    if (seg->tcp.flags & SW_TCP_RST)
        return;
    if (seq_len(seg) > 0 && !(seg->tcp.flags & SW_TCP_SYN))
        sw_tcp_send_ack(tcp);
    else
        sw_tcp_challenge(tcp);
}

/* In simultaneous open the other SYN comes once more, on the SYN-ACK (RFC 9293 figure 8). */
static bool is_crossed_syn_ack(const struct sw_tcp *tcp, const struct sw_segment *seg)
{
    return tcp->state == SW_TCP_SYN_RECEIVED && sw_tcp_has(tcp, SW_TCPF_ACTIVE) &&
           (seg->tcp.flags & (SW_TCP_SYN | SW_TCP_ACK | SW_TCP_RST)) == (SW_TCP_SYN | SW_TCP_ACK) &&
           sw_seq_eq(seg->tcp.seq, tcp->rcv.irs) && sw_tcp_acks_syn(tcp, &seg->tcp);
}

/* RFC 7323 4.3 (2): a timestamp is kept if the segment covers what was last acknowledged. Also that
 * of a repetition of the very last data, which came because our ACK was lost: the next ACK must not
 * echo the time of its first coming, or the peer would take its own timeout for a round trip (as
 * Linux does). */
static void keep_timestamp(struct sw_tcp *tcp, const struct sw_tcp_hdr *hdr)
{
    if (sw_tcp_has(tcp, SW_TCPF_TIMESTAMPS) && hdr->has_ts && sw_seq_le(hdr->seq, tcp->rcv.wup) &&
        !(hdr->flags & SW_TCP_RST))
        tcp->rcv.ts_recent = hdr->ts_val;
}

/* In SYN_RECEIVED: the peer's SYN again. SW_DROP_NONE: not that, or to be processed further. */
static enum sw_drop check_repeated_syn(struct sw_tcp *tcp, struct sw_segment *seg)
{
    if (tcp->state != SW_TCP_SYN_RECEIVED || !sw_seq_eq(seg->tcp.seq, tcp->rcv.irs))
        return SW_DROP_NONE;
    if (is_crossed_syn_ack(tcp, seg)) {
        seg->tcp.flags &= (uint16_t)~SW_TCP_SYN;
        seg->tcp.seq = tcp->rcv.nxt;
        /* From here on it is read as a segment without SYN, whose window would be scaled. */
        seg->tcp.window = (uint16_t)(seg->tcp.window >> tcp->snd.wscale);
        return SW_DROP_NONE;
    }
    if ((seg->tcp.flags & (SW_TCP_SYN | SW_TCP_ACK | SW_TCP_RST)) != SW_TCP_SYN ||
        sw_tcp_paws_old(tcp, &seg->tcp))
        return SW_DROP_NONE;
    if (!sw_ecn_syn_again(tcp, seg)) {
        sw_tcp_send_rst(tcp);
        sw_tcp_finish(tcp, ECONNRESET);
        return SW_DROP_TCP_SYN_IN_WINDOW;
    }
    if (sw_tcp_may_answer(tcp))
        sw_tcp_send_syn(tcp, true); /* our SYN-ACK was lost */
    return SW_DROP_TCP_SEQ;
}

/* A peer that is torn down after its FIN may send the reset with the number of that FIN (macOS
 * does). It has proved as much as one with the exact number, and may end what only waits for the
 * last words (as Linux's tcp_reset_check(); RFC 5961 3.2 would have it dropped). */
static bool is_reset_of_fin(const struct sw_tcp *tcp, const struct sw_tcp_hdr *hdr)
{
    bool after_fin = tcp->state == SW_TCP_CLOSE_WAIT || tcp->state == SW_TCP_LAST_ACK ||
                     tcp->state == SW_TCP_CLOSING;

    return after_fin && (hdr->flags & SW_TCP_RST) &&
           sw_seq_eq(sw_seq_add(hdr->seq, 1), tcp->rcv.nxt);
}

/* First: timestamp (RFC 7323 5.3 R1) and sequence number. */
static enum sw_drop check_sequence(struct sw_tcp *tcp, struct sw_segment *seg)
{
    const struct sw_tcp_hdr *hdr = &seg->tcp;
    enum sw_drop why = check_repeated_syn(tcp, seg);
    uint32_t len = seq_len(seg);

    if (why != SW_DROP_NONE)
        return why;
    if (sw_tcp_paws_old(tcp, hdr) && !(hdr->flags & SW_TCP_RST)) {
        answer_outside(tcp, seg);
        return SW_DROP_TCP_PAWS;
    }
    if (!sw_tcp_seq_acceptable(hdr->seq, len, tcp->rcv.nxt, sw_tcp_rcv_room(tcp)) &&
        !is_reset_of_fin(tcp, hdr)) {
        if (len > 0 && sw_seq_eq(sw_seq_add(hdr->seq, len), tcp->rcv.nxt))
            keep_timestamp(tcp, hdr);
        /* A connection that is not open yet has nothing to be told twice, and no timer to forget it
         * by. */
        if (sw_seq_lt(hdr->seq, tcp->rcv.nxt) && !(hdr->flags & (SW_TCP_SYN | SW_TCP_RST)) &&
            tcp->state != SW_TCP_SYN_RECEIVED)
            sw_reasm_duplicate(tcp, hdr->seq, sw_seq_add(hdr->seq, seg->len));
        sw_accecn_syn_ack_again(tcp, seg);
        answer_outside(tcp, seg);
        return hdr->flags & SW_TCP_RST ? SW_DROP_TCP_RST_INVALID : SW_DROP_TCP_SEQ;
    }
    return SW_DROP_NONE;
}

/* What a reset means to the user: Linux's tcp_reset(). */
static int reset_error(const struct sw_tcp *tcp)
{
    switch (tcp->state) {
    case SW_TCP_CLOSE_WAIT:
        return EPIPE;
    case SW_TCP_TIME_WAIT:
        return 0;
    default:
        return ECONNRESET;
    }
}

/* Second: RST (RFC 5961 3.2). In TIME_WAIT it is ignored altogether (RFC 1337 3, fix F1). */
static enum sw_drop check_rst(struct sw_tcp *tcp, const struct sw_segment *seg)
{
    if (!(seg->tcp.flags & SW_TCP_RST))
        return SW_DROP_NONE;
    if (tcp->state == SW_TCP_TIME_WAIT)
        return SW_DROP_TCP_RST_INVALID;
    enum sw_tcp_rst verdict = sw_tcp_rst_verdict(seg->tcp.seq, tcp->rcv.nxt, sw_tcp_rcv_room(tcp));
    switch (is_reset_of_fin(tcp, &seg->tcp) ? SW_RST_EXACT : verdict) {
    case SW_RST_EXACT:
        sw_tcp_finish(tcp, reset_error(tcp));
        return SW_DROP_NONE;
    case SW_RST_CHALLENGE:
        sw_tcp_challenge(tcp);
        return SW_DROP_TCP_RST_CHALLENGED;
    default:
        return SW_DROP_TCP_RST_INVALID;
    }
}

/* Fourth: SYN (RFC 5961 4.2). (Third, security and precedence, is no more.) Where the listener's
 * handshake is not done, the peer has begun anew: back to LISTEN (RFC 9293 3.10.7.4), with a reset,
 * as Linux. */
static enum sw_drop check_syn(struct sw_tcp *tcp, const struct sw_segment *seg)
{
    if (!(seg->tcp.flags & SW_TCP_SYN))
        return SW_DROP_NONE;
    if (tcp->state == SW_TCP_SYN_RECEIVED && !sw_tcp_has(tcp, SW_TCPF_ACTIVE)) {
        sw_tcp_send_rst_for(tcp->layer, seg);
        sw_tcp_finish(tcp, ECONNRESET);
        return SW_DROP_TCP_SYN_IN_WINDOW;
    }
    sw_tcp_challenge(tcp);
    return SW_DROP_TCP_SYN_IN_WINDOW;
}

/* The handshake ends: our SYN is acknowledged. */
static enum sw_drop check_syn_acked(struct sw_tcp *tcp, const struct sw_segment *seg)
{
    if (tcp->state != SW_TCP_SYN_RECEIVED)
        return SW_DROP_NONE;
    if (!sw_tcp_acks_syn(tcp, &seg->tcp)) {
        sw_tcp_send_rst_for(tcp->layer, seg);
        return SW_DROP_TCP_ACK_FUTURE;
    }
    if (tcp->snd.retries == 0)
        sw_rto_sample(tcp, (sw_tcp_now(tcp) - tcp->snd.syn_ns) / SW_NS_PER_US);
    sw_accecn_take_ack(tcp, seg);
    tcp->snd.una = sw_seq_add(tcp->snd.iss, 1);
    tcp->snd.wnd = (uint32_t)seg->tcp.window << tcp->snd.wscale;
    tcp->snd.max_wnd = sw_max32(tcp->snd.max_wnd, tcp->snd.wnd);
    tcp->snd.wl1 = seg->tcp.seq;
    sw_tcp_established(tcp);
    if (!sw_seq_eq(tcp->snd.una, tcp->snd.nxt))
        sw_tcp_arm_retransmit(tcp);
    return SW_DROP_NONE;
}

/* Fifth, second half: our FIN is acknowledged. */
static void check_fin_acked(struct sw_tcp *tcp, const struct sw_segment *seg)
{
    if (!sw_tcp_fin_acked(tcp))
        return;
    switch (tcp->state) {
    case SW_TCP_FIN_WAIT_1:
        sw_tcp_set_state(tcp, SW_TCP_FIN_WAIT_2);
        if (sw_tcp_has(tcp, SW_TCPF_ORPHAN) && tcp->linger2_s < 0) { /* TCP_LINGER2 */
            sw_tcp_send_rst_for(tcp->layer, seg);
            sw_tcp_finish(tcp, 0);
        } else if (sw_tcp_has(tcp, SW_TCPF_ORPHAN)) {
            sw_tcp_arm_fin_wait_2(tcp);
        }
        break;
    case SW_TCP_CLOSING:
        sw_tcp_enter_time_wait(tcp);
        break;
    case SW_TCP_LAST_ACK:
        sw_tcp_finish(tcp, 0);
        break;
    default:
        break;
    }
}

/* Sixth and seventh: URG and the text. */
static enum sw_drop take_text(struct sw_tcp *tcp, struct sw_segment *seg)
{
    sw_seq end = sw_seq_add(seg->tcp.seq, seg->len);

    switch (tcp->state) {
    case SW_TCP_ESTABLISHED:
    case SW_TCP_FIN_WAIT_1:
    case SW_TCP_FIN_WAIT_2:
        break;
    default: /* after the peer's FIN there is none (RFC 9293 3.10.7.4: "ignore the segment text") */
        if (seg->len > 0 && sw_seq_lt(seg->tcp.seq, tcp->rcv.nxt)) /* our ACK was lost */
            tcp->flags |= SW_TCPF_ACK_NOW;
        return SW_DROP_NONE;
    }
    /* Nobody will read it: the peer must know that it was not delivered (RFC 9293 3.6.1, RFC
     * 2525 2.17). Linux says so of who is shut down in both directions, too. */
    bool orphan = sw_tcp_has(tcp, SW_TCPF_ORPHAN);
    bool shut = sw_tcp_has(tcp, SW_TCPF_SHUT_RCV) && tcp->state != SW_TCP_ESTABLISHED;
    if ((orphan || shut) && seg->len > 0 && sw_seq_lt(tcp->rcv.nxt, end)) {
        sw_tcp_send_rst_for(tcp->layer, seg);
        sw_tcp_finish(tcp, orphan ? 0 : ECONNRESET);
        return SW_DROP_TCP_AFTER_CLOSE;
    }
    sw_urgent_receive(tcp, seg);
    if (seg->len > 0)
        sw_ecn_receive(tcp, seg);
    return sw_tcp_receive(tcp, seg);
}

/* Eighth: FIN, in its turn or remembered until then. */
static void check_fin(struct sw_tcp *tcp, const struct sw_segment *seg)
{
    struct sw_tcp_extra *x = tcp->rcv.extra;
    sw_seq fin = sw_seq_add(seg->tcp.seq, seg->len);
    bool now = (seg->tcp.flags & SW_TCP_FIN) != 0;

    if (sw_tcp_has(tcp, SW_TCPF_FIN_RECEIVED) || tcp->state == SW_TCP_CLOSED)
        return;
    if (now && !sw_seq_eq(fin, tcp->rcv.nxt)) {
        tcp->flags |= SW_TCPF_ACK_NOW;
        sw_reasm_hold_fin(tcp, seg->tcp.seq, fin);
        return;
    }
    if (!now && !(x && x->has_fin && sw_seq_eq(x->fin_seq, tcp->rcv.nxt)))
        return;
    sw_tcp_receive_fin(tcp, !now);
    switch (tcp->state) {
    case SW_TCP_ESTABLISHED:
        sw_tcp_set_state(tcp, SW_TCP_CLOSE_WAIT);
        break;
    case SW_TCP_FIN_WAIT_1: /* our FIN is still out: had it been acknowledged, we were in FIN_WAIT_2
                             */
        sw_tcp_set_state(tcp, SW_TCP_CLOSING);
        break;
    case SW_TCP_FIN_WAIT_2:
        sw_tcp_send_ack(tcp);
        sw_tcp_enter_time_wait(tcp);
        break;
    default:
        break;
    }
}

/* The peer says again what it had said: our last ACK was lost. Its FIN starts the 2 MSL anew. */
static void in_time_wait(struct sw_tcp *tcp, const struct sw_segment *seg)
{
    if (seq_len(seg) == 0)
        return;
    sw_tcp_send_ack(tcp);
    if (seg->tcp.flags & SW_TCP_FIN)
        sw_tcp_arm(tcp, SW_TCP_TIMER_TIME_WAIT, sw_tcp_now(tcp) + tcp->layer->config.time_wait_ns);
}

enum sw_drop sw_tcp_text(struct sw_tcp *tcp, struct sw_segment *seg)
{
    enum sw_drop why = take_text(tcp, seg);

    if (why == SW_DROP_NONE)
        check_fin(tcp, seg);
    return why;
}

/* The SYN that came once more with the SYN-ACK is acknowledged once more: RFC 9293 figure 8 needs
 * it not, but Linux does it. */
static void answer_crossed(struct sw_tcp *tcp)
{
    sw_reasm_duplicate(tcp, tcp->rcv.irs, sw_seq_add(tcp->rcv.irs, 1));
    tcp->flags |= SW_TCPF_ACK_NOW;
}

static enum sw_drop input_synchronized(struct sw_tcp *tcp, struct sw_segment *seg)
{
    bool crossed = is_crossed_syn_ack(tcp, seg);
    enum sw_drop why;

    if ((why = check_sequence(tcp, seg)) != SW_DROP_NONE)
        return why;
    if ((why = check_rst(tcp, seg)) != SW_DROP_NONE || tcp->state == SW_TCP_CLOSED)
        return why;
    if ((why = check_syn(tcp, seg)) != SW_DROP_NONE)
        return why;
    if (!(seg->tcp.flags & SW_TCP_ACK))
        return SW_DROP_TCP_NO_ACK;
    if ((why = check_syn_acked(tcp, seg)) != SW_DROP_NONE)
        return why;
    if (crossed)
        answer_crossed(tcp);
    if ((why = sw_tcp_ack(tcp, seg)) != SW_DROP_NONE)
        return why;
    sw_accecn_receive(tcp, seg);
    /* Not before: a forged segment whose ACK is wrong must not set the clock for PAWS. */
    keep_timestamp(tcp, &seg->tcp);
    tcp->rcv_ms = sw_tcp_clock_ms(tcp);
    check_fin_acked(tcp, seg);
    if (tcp->state == SW_TCP_CLOSED)
        return SW_DROP_NONE;
    if (tcp->state == SW_TCP_TIME_WAIT) {
        in_time_wait(tcp, seg);
        return SW_DROP_NONE;
    }
    return sw_tcp_text(tcp, seg);
}

/* What the segment allows or asks us to send. */
static void respond(struct sw_tcp *tcp)
{
    if (tcp->state == SW_TCP_CLOSED || tcp->state == SW_TCP_TIME_WAIT)
        return;
    /* A hole is told by a bare ACK, which counts as a duplicate and has room for SACK blocks; and
     * how the SYN-ACK arrived by one without them. */
    if (sw_tcp_has(tcp, SW_TCPF_ACK_NOW) && (!sw_reasm_empty(tcp) || sw_accecn_reflects(tcp)))
        sw_tcp_send_ack(tcp);
    sw_tcp_output(tcp);
    sw_tcp_check_space(tcp);
    if (sw_tcp_has(tcp, SW_TCPF_ACK_NOW))
        sw_tcp_send_ack(tcp);
}

/* What was merged on arrival counts as what it was. */
static void count_in(struct sw_tcp *tcp, const struct sw_segment *seg)
{
    uint32_t segs = 1;

    if (seg->pkt->gso_size && seg->len > seg->pkt->gso_size)
        segs = (seg->len + seg->pkt->gso_size - 1U) / seg->pkt->gso_size;
    tcp->rcv.segs += segs;
    if (seg->len > 0 && !sw_tcp_syn_unacked(tcp))
        tcp->snd.told.data_segs_in += segs;
}

void sw_tcp_input(struct sw_tcp *tcp, struct sw_segment *seg)
{
    struct sw_env *env = sw_tcp_env(tcp);
    enum sw_drop why;

    env->stats.tcp_rx++;
    count_in(tcp, seg);
    sw_tcp_trace_in(tcp, seg);
    SW_ASSERT(tcp->state != SW_TCP_LISTEN);
    if (tcp->state == SW_TCP_CLOSED) {
        if (!(seg->tcp.flags & SW_TCP_RST))
            sw_tcp_send_rst_for(tcp->layer, seg);
        why = SW_DROP_TCP_NO_SOCKET;
    } else if (tcp->state == SW_TCP_SYN_SENT) {
        why = sw_tcp_input_syn_sent(tcp, seg);
    } else {
        why = input_synchronized(tcp, seg);
    }
    respond(tcp);
    if (why == SW_DROP_NONE)
        sw_packet_free(seg->pkt);
    else
        sw_drop(env, seg->pkt, why, &tcp->local, &tcp->remote);
    seg->pkt = NULL;
}
