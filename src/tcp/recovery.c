/* SPDX-License-Identifier: BSD-2-Clause */
/* Loss detection and recovery: see recovery.h. */
#include "tcp/recovery.h"

#include "tcp/cc.h"
#include "tcp/ecn.h"
#include "tcp/meter.h"
#include "tcp/mtu_probe.h"
#include "tcp/private.h"

#define DUPACK_THRESHOLD 3U /* RFC 5681 3.2 */

/* The first unacknowledged packet is lost. A record may stand for many packets: only its first one.
 */
static void mark_head_lost(struct sw_tcp *tcp)
{
    struct sw_tcp_flight *f = tcp->snd.flight;

    if (f->count == 0)
        return;
    if (sw_flight_len(tcp, 0) > tcp->snd.mss)
        sw_flight_split(tcp, 0,
                        sw_seq_add(tcp->snd.una, tcp->snd.mss)); /* else all of it: harmless */
    sw_flight_mark(tcp, 0, SW_TX_LOST, SW_TX_RETRANS);
}

/* Duplicate ACKs stand for segments that have left the network, but never for more than is there.
 */
static void reno_add(struct sw_tcp *tcp, uint32_t bytes)
{
    struct sw_tcp_flight *f = tcp->snd.flight;
    uint32_t out = tcp->snd.nxt.v - tcp->snd.una.v;
    uint32_t max = out > f->lost ? out - f->lost : 0;

    f->reno_sacked = sw_min32(f->reno_sacked + bytes, max);
}

static bool has_sack(const struct sw_tcp *tcp)
{
    return sw_tcp_has(tcp, SW_TCPF_SACK);
}

/* Less is sent from here on, until what is out now has arrived. */
static void reduce(struct sw_tcp *tcp)
{
    bool prr = has_sack(tcp) && tcp->layer->config.prr && !sw_cc(tcp)->control;

    tcp->snd.flight->eventful = true;
    tcp->snd.flight->cwnd_acc = 0;
    sw_ecn_reduced(tcp);
    if (prr) {
        tcp->snd.ssthresh = sw_cc(tcp)->ssthresh(tcp);
        sw_prr_begin(tcp);
    } else {
        sw_cc_reduce(tcp);
    }
}

static bool reducing(const struct sw_tcp_flight *f)
{
    return f->ca == SW_CA_RECOVERY || f->ca == SW_CA_CWR;
}

/* What is marked is sent again, and nothing else is made of duplicates until that has arrived. */
static void enter_loss(struct sw_tcp *tcp)
{
    struct sw_tcp_flight *f = tcp->snd.flight;

    f->probing = false;
    f->reno_sacked = 0;
    f->dupacks = 0;
    f->ca = SW_CA_LOSS;
    f->high_seq = tcp->snd.nxt;
}

/* What is marked was lost for its size, or before there was a window: that stays. */
static void enter_loss_without_congestion(struct sw_tcp *tcp)
{
    enter_loss(tcp);
    tcp->snd.flight->undo = (struct sw_undo){0};
}

static void enter_recovery(struct sw_tcp *tcp)
{
    struct sw_tcp_flight *f = tcp->snd.flight;
    bool fresh = f->ca < SW_CA_CWR; /* else the window has been reduced already in this round */

    if (fresh && sw_mtu_probe_lost(tcp)) {
        enter_loss_without_congestion(tcp);
        return;
    }
    f->ca = SW_CA_RECOVERY;
    f->high_seq = tcp->snd.nxt;
    f->probing = false;
    if (fresh)
        sw_undo_begin(tcp);
    if (!has_sack(tcp)) {
        mark_head_lost(tcp);
        reno_add(tcp, 0);
    }
    if (fresh)
        reduce(tcp);
    sw_cc_trace(tcp);
}

/* RFC 3168 6.1.2: congestion, and nothing lost. Nothing of it can be a mistake. */
static void enter_cwr(struct sw_tcp *tcp, uint32_t acked)
{
    struct sw_tcp_flight *f = tcp->snd.flight;

    f->ca = SW_CA_CWR;
    f->high_seq = tcp->snd.nxt;
    f->undo = (struct sw_undo){0};
    f->marked_acked = acked;
    reduce(tcp);
    f->marked_acked = 0;
    sw_cc_trace(tcp);
}

static void on_duplicate(struct sw_tcp *tcp)
{
    struct sw_tcp_flight *f = tcp->snd.flight;

    if (f->ca == SW_CA_LOSS) /* what they answer is our own go-back (RFC 6582 3.2 step 2) */
        return;
    if (f->dupacks < UINT8_MAX)
        f->dupacks++;
    reno_add(tcp, tcp->snd.mss);
    if (f->ca == SW_CA_RECOVERY)
        return;
    if (f->ca != SW_CA_CWR)
        f->ca = SW_CA_DISORDER; /* less in the pipe: new data may go: limited transmit (RFC 3042) */
    if (f->dupacks >= DUPACK_THRESHOLD)
        enter_recovery(tcp);
}

/* Recovery is over when everything that was out at its beginning has arrived. Without SACK the
 * duplicate ACKs that answer superfluous retransmissions must not start it anew, so it ends only
 * when something beyond is acknowledged, or nothing is out (RFC 6582 4). */
static bool recovered(const struct sw_tcp *tcp)
{
    const struct sw_tcp_flight *f = tcp->snd.flight;

    return sw_seq_lt(f->high_seq, tcp->snd.una) ||
           (sw_seq_eq(f->high_seq, tcp->snd.una) && (f->count == 0 || has_sack(tcp)));
}

static void leave(struct sw_tcp *tcp)
{
    struct sw_tcp_flight *f = tcp->snd.flight;

    if (reducing(f) && !sw_cc(tcp)->control)
        tcp->snd.cwnd =
            has_sack(tcp) ? tcp->snd.ssthresh : sw_min32(tcp->snd.cwnd, tcp->snd.ssthresh);
    if (f->ca >= SW_CA_RECOVERY) {
        sw_rack_recovered(tcp);
        f->undo.end = tcp->snd.nxt;
        f->undo.frto = f->undo.hold = false;
    }
    f->ca = SW_CA_OPEN;
    f->dupacks = 0;
    f->reno_sacked = 0;
    sw_cc_trace(tcp);
}

static void on_advance(struct sw_tcp *tcp, const struct sw_ack *ack)
{
    struct sw_tcp_flight *f = tcp->snd.flight;

    f->dupacks = 0;
    switch (f->ca) {
    case SW_CA_RECOVERY:
        if (recovered(tcp)) {
            leave(tcp);
            break;
        }
        if (has_sack(tcp))
            break; /* the scoreboard knows better */
        /* A partial ACK (RFC 6582 3.2 step 3): the hole behind it is lost too. The duplicate ACKs
         * so far stood for what it covers, but for the retransmission itself. */
        f->reno_sacked -=
            sw_min32(f->reno_sacked, ack->acked > tcp->snd.mss ? ack->acked - tcp->snd.mss : 0);
        if (sw_seq_lt(tcp->snd.una, f->high_seq))
            mark_head_lost(tcp);
        break;
    case SW_CA_LOSS:
        if (recovered(tcp))
            leave(tcp);
        break;
    case SW_CA_CWR: /* beyond, so that the data with CWR have arrived too */
        f->reno_sacked = 0;
        if (sw_seq_lt(f->high_seq, tcp->snd.una))
            leave(tcp);
        break;
    case SW_CA_DISORDER:
        leave(tcp);
        break;
    default:
        break;
    }
}

void sw_recovery_end_cwr(struct sw_tcp *tcp)
{
    if (tcp->snd.flight && tcp->snd.flight->ca == SW_CA_CWR)
        leave(tcp);
}

/* With SACK: what is lost is marked, recovery begins with the first loss. */
static void detect(struct sw_tcp *tcp, const struct sw_ack *ack)
{
    struct sw_tcp_flight *f = tcp->snd.flight;
    uint32_t lost = f->lost;
    uint64_t wait_ns = 0;

    if (f->count > 0 && (f->sacked > 0 || f->lost > 0)) {
        if (tcp->layer->config.rack)
            wait_ns = sw_rack_detect(tcp);
        else
            sw_sack_mark_lost(tcp);
    }
    if (f->ca <= SW_CA_DISORDER) {
        f->ca = f->sacked > 0 ? SW_CA_DISORDER : SW_CA_OPEN;
        if (f->lost > 0)
            enter_recovery(tcp);
        else if (ack->congested)
            enter_cwr(tcp, ack->acked);
    } else if (f->ca == SW_CA_CWR && f->lost > f->retrans) {
        enter_recovery(tcp);
    }
    if (reducing(f) && tcp->layer->config.prr && !sw_cc(tcp)->control)
        sw_prr_on_ack(tcp, ack->acked > 0, f->lost > lost);
    if (wait_ns && sw_tcp_now(tcp) + wait_ns < tcp->main_ns)
        sw_tcp_arm(tcp, SW_TCP_TIMER_REORDER, sw_tcp_now(tcp) + wait_ns);
}

/* How much cwnd may grow by: what this ACK says has arrived, and none said before. As Linux only by
 * ACKs that advance, unless the path is known to reorder: then what arrives counts in any order. */
static uint32_t newly_arrived(const struct sw_tcp *tcp, const struct sw_ack *ack)
{
    const struct sw_tcp_flight *f = tcp->snd.flight;

    if (ack->acked == 0 && sw_meter_reordering(tcp) <= DUPACK_THRESHOLD)
        return 0;
    if (has_sack(tcp))
        return f->delivered;
    if (ack->acked <= f->reno_sacked) /* what duplicate ACKs stood for */
        return sw_min32(ack->acked, tcp->snd.mss);
    return ack->acked - f->reno_sacked;
}

void sw_recovery_on_ack(struct sw_tcp *tcp, const struct sw_ack *ack)
{
    struct sw_tcp_flight *f = tcp->snd.flight;
    uint32_t grown;

    if (!f)
        return;
    grown = newly_arrived(tcp, ack);
    sw_tlp_on_ack(tcp, ack);
    sw_undo_on_ack(tcp, ack);
    if (ack->acked > 0)
        on_advance(tcp, ack);
    else if (ack->duplicate && !has_sack(tcp))
        on_duplicate(tcp);
    if (has_sack(tcp))
        detect(tcp, ack);
    else if (ack->congested && f->ca <= SW_CA_DISORDER)
        enter_cwr(tcp, ack->acked);
    if (sw_cc(tcp)->control) {
        sw_cc(tcp)->control(tcp);
        sw_cc_trace(tcp);
        return;
    }
    if (grown > 0 && !reducing(f) && sw_cwnd_limited(tcp)) {
        sw_cc(tcp)->on_ack(tcp, grown);
        sw_cc_trace(tcp);
    } else {
        sw_hystart_heard(tcp);
    }
    if (grown > 0 && !reducing(f))
        f->cwnd_stamp_ns = sw_tcp_now(tcp); /* as tcp_cong_avoid() */
    if (tcp->snd.meter->max_pacing_rate != SW_RATE_NONE)
        sw_pace_set(tcp, sw_pace_by_cwnd(tcp));
}

void sw_recovery_on_reorder_timer(struct sw_tcp *tcp)
{
    tcp->snd.flight->delivered = 0;
    detect(tcp, &(struct sw_ack){0});
}

/* What comes first, and of what is behind it and not SACKed that which was sent `age_ns` ago. */
static void mark_lost(struct sw_tcp *tcp, uint64_t age_ns)
{
    struct sw_tcp_flight *f = tcp->snd.flight;

    for (uint32_t i = 0; i < f->count; i++) {
        const struct sw_txrec *rec = sw_flight_at(f, i);

        if (!(rec->flags & SW_TX_SACKED) && (i == 0 || rec->sent_ns + age_ns <= sw_tcp_now(tcp)))
            sw_flight_mark(tcp, i, SW_TX_LOST, SW_TX_RETRANS);
    }
    f->sack_lost = tcp->snd.nxt;
}

/* RFC 8985 6.3: what was sent less than a round trip ago may be on its way still, and RACK tells of
 * it. As Linux has it, without the reordering window on top. */
static void mark_timed_out(struct sw_tcp *tcp)
{
    struct sw_tcp_flight *f = tcp->snd.flight;
    bool reneged = sw_flight_at(f, 0)->flags & SW_TX_SACKED; /* acknowledged it would have been */

    if (reneged)
        sw_sack_forget(tcp);
    mark_lost(tcp, tcp->layer->config.rack && has_sack(tcp) && !reneged ? f->rack_rtt_ns : 0);
}

void sw_recovery_on_timeout(struct sw_tcp *tcp)
{
    struct sw_tcp_flight *f = tcp->snd.flight;
    bool fresh = f->ca <= SW_CA_DISORDER;

    f->undo.frto = f->undo.hold = false;
    /* RFC 5681 3.1: ssthresh falls once per window of data: not at each repetition of a timeout,
     * nor when fast recovery had it fall already. */
    if (fresh || sw_seq_le(f->high_seq, tcp->snd.una) ||
        (f->ca == SW_CA_LOSS && tcp->snd.retries == 0)) {
        sw_undo_begin(tcp);
        f->undo.frto = fresh && has_sack(tcp) && tcp->layer->config.frto;
        tcp->snd.ssthresh = sw_cc(tcp)->ssthresh(tcp);
    }
    sw_ecn_reduced(tcp);
    mark_timed_out(tcp);
    enter_loss(tcp);
    tcp->snd.cwnd = sw_flight_pipe(tcp) + tcp->snd.mss; /* the loss window, beside what is out */
    f->cwnd_acc = 0;
    tcp->flags |= SW_TCPF_CWND_LIMITED;
    sw_cc_trace(tcp);
}

void sw_recovery_resend(struct sw_tcp *tcp)
{
    mark_lost(tcp, 0);
    enter_loss_without_congestion(tcp);
}

/* What fits has not been lost for its size. */
static void mark_too_big(struct sw_tcp *tcp)
{
    struct sw_tcp_flight *f = tcp->snd.flight;

    for (uint32_t i = 0; i < f->count; i++)
        if (!(sw_flight_at(f, i)->flags & SW_TX_SACKED) && sw_flight_len(tcp, i) > tcp->snd.mss)
            sw_flight_mark(tcp, i, SW_TX_LOST, SW_TX_RETRANS);
}

/* As Linux's tcp_simple_retransmit(). */
void sw_recovery_on_too_big(struct sw_tcp *tcp)
{
    struct sw_tcp_flight *f = tcp->snd.flight;

    if (!f || f->count == 0)
        return;
    if (!sw_mtu_probe_lost(tcp))
        mark_too_big(tcp);
    if (f->lost != f->retrans)
        enter_loss_without_congestion(tcp);
}
