/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RACK-TLP (RFC 8985): a segment is lost if one sent sufficiently later has arrived. Time instead
 * of counting: works for repetitions that are lost again, for short flights, and under reordering.
 * And a probe where the tail of a flight may be lost, so that recovery need not wait for the
 * timeout.
 */
#include "tcp/cc.h"
#include "tcp/ecn.h"
#include "tcp/flight.h"
#include "tcp/private.h"
#include "tcp/recovery.h"

#define DUPACK_THRESHOLD 3U
#define LOOK_MAX 1024U /* records that one ACK has looked at */
#define LOOK_AGAIN_NS SW_NS_PER_MS
#define REO_PERSIST 16U /* RFC 8985 6.2.4: recoveries that a larger window outlives */
#define DELACK_WORST_NS (200U * SW_NS_PER_MS) /* RFC 8985 7.2: WCDelAckT */

static bool sent_after(uint64_t t1, sw_seq s1, uint64_t t2, sw_seq s2)
{
    return t1 > t2 || (t1 == t2 && sw_seq_lt(s2, s1));
}

/* RFC 8985 6.2 steps 1 to 3, for each record that has arrived (not yet marked so). */
void sw_rack_delivered(struct sw_tcp *tcp, const struct sw_txrec *rec, sw_seq end)
{
    struct sw_tcp_flight *f = tcp->snd.flight;
    uint64_t rtt_ns = sw_tcp_now(tcp) - rec->sent_ns;

    if (rec->flags & SW_TX_AGAIN) {
        /* Was it the repetition that arrived, or the first one after all? Faster than ever: the
         * first. */
        if (tcp->snd.min_rtt_us != UINT32_MAX && rtt_ns / SW_NS_PER_US < tcp->snd.min_rtt_us)
            return;
    } else if (sw_seq_lt(end, f->high_before)) {
        f->reordering = true; /* later ones had arrived before */
        f->reord_seq = f->reord ? sw_seq_min(f->reord_seq, rec->seq) : rec->seq;
        f->reord = true;
    }
    f->rack_rtt_ns = rtt_ns; /* of whatever arrived last, as Linux and the RFC's RACK_update() */
    if (!sent_after(rec->sent_ns, end, f->rack_sent_ns, f->rack_end) && f->rack_sent_ns)
        return;
    f->rack_sent_ns = rec->sent_ns;
    f->rack_end = end;
}

/* 6.2 step 4: how much later than a later one a segment may come. */
static uint64_t reorder_window_ns(const struct sw_tcp *tcp)
{
    const struct sw_tcp_flight *f = tcp->snd.flight;
    uint64_t window_ns, srtt_ns = (uint64_t)(tcp->snd.srtt_us8 >> 3) * SW_NS_PER_US;

    if (!f->reordering && (f->ca >= SW_CA_RECOVERY || f->sacked >= DUPACK_THRESHOLD * tcp->snd.mss))
        return 0;
    if (tcp->snd.min_rtt_us == UINT32_MAX)
        return 0;
    window_ns = (uint64_t)tcp->snd.min_rtt_us * SW_NS_PER_US / 4 * (f->reo_mult ? f->reo_mult : 1);
    return window_ns < srtt_ns ? window_ns : srtt_ns;
}

/* At most once a round trip. A tail loss probe repeats on suspicion only: that tells nothing. */
void sw_rack_on_dsack(struct sw_tcp *tcp, const struct sw_tcp_sack *block)
{
    struct sw_tcp_flight *f = tcp->snd.flight;

    if (f->probing && f->probe_again && sw_seq_eq(block->right, f->probe_end))
        return;
    if (f->reo_round && sw_seq_lt(tcp->snd.una, f->reo_round_end))
        return;
    f->eventful = true;
    f->reo_round = true;
    f->reo_round_end = tcp->snd.nxt;
    f->reo_mult = (uint8_t)sw_min32((f->reo_mult ? f->reo_mult : 1U) + 1U, UINT8_MAX);
    f->reo_persist = REO_PERSIST;
}

void sw_rack_recovered(struct sw_tcp *tcp)
{
    struct sw_tcp_flight *f = tcp->snd.flight;

    f->reo_round = f->reo_round && sw_seq_lt(tcp->snd.una, f->reo_round_end);
    if (f->reo_persist > 0 && --f->reo_persist == 0)
        f->reo_mult = 1;
}

/* 6.2 step 5. Records are looked at in sequence order; the first one that was never repeated and is
 * younger than the youngest arrived ends it, for all behind it are younger still. At most LOOK_MAX
 * of them at a time: what is left is looked at with the next ACK, or soon. */
uint64_t sw_rack_detect(struct sw_tcp *tcp)
{
    struct sw_tcp_flight *f = tcp->snd.flight;
    uint64_t now = sw_tcp_now(tcp), wait_ns = 0, limit_ns = f->rack_rtt_ns + reorder_window_ns(tcp);

    uint32_t i = 0, last;

    if (!f->rack_sent_ns)
        return 0;
    if (sw_seq_lt(tcp->snd.una, f->rack_next) && sw_seq_lt(f->rack_next, tcp->snd.nxt))
        i = sw_flight_find(tcp, f->rack_next);
    last = i + LOOK_MAX;
    f->rack_next = tcp->snd.una;
    for (; i < f->count; i++) {
        struct sw_txrec *rec = sw_flight_at(f, i);
        uint64_t due_ns;

        f->work++;
        if (i == last) {
            f->rack_next = rec->seq;
            return LOOK_AGAIN_NS;
        }
        if (rec->flags & SW_TX_SACKED)
            continue;
        if (!sent_after(f->rack_sent_ns, f->rack_end, rec->sent_ns, sw_flight_end(tcp, i))) {
            if (!(rec->flags & SW_TX_AGAIN))
                break;
            continue;
        }
        if ((rec->flags & SW_TX_LOST) && !(rec->flags & SW_TX_RETRANS))
            continue;
        if ((rec->flags & SW_TX_RETRANS) && rec->sent_ns == now)
            continue; /* on a path without delay: nothing can have overtaken it yet */
        due_ns = rec->sent_ns + limit_ns;
        if (due_ns <= now)
            sw_flight_mark(tcp, i, SW_TX_LOST, SW_TX_RETRANS);
        else if (due_ns - now > wait_ns)
            wait_ns = due_ns - now;
    }
    return wait_ns;
}

/* ---- tail loss probe (RFC 8985 7) ---- */

/* 7.2: while nothing is known to be missing; what was, has a better timer. In recovery too, against
 * 7.2's advice and beyond what Linux does: once everything lost was sent again, nothing but a
 * segment sent later can tell that a repetition was lost as well, and if none is left to send, only
 * the timeout would, which is never below 200 ms. */
bool sw_tlp_wanted(const struct sw_tcp *tcp)
{
    const struct sw_tcp_flight *f = tcp->snd.flight;

    if (!tcp->layer->config.tlp || !sw_tcp_has(tcp, SW_TCPF_SACK) || !f || f->count == 0 ||
        f->probing || tcp->snd.srtt_us8 == 0)
        return false;
    return f->ca == SW_CA_RECOVERY ? f->lost == f->retrans
                                   : f->sacked == 0 && (f->ca == SW_CA_OPEN || f->ca == SW_CA_CWR);
}

/* 7.2: two round trips; with a single segment out its ACK may be delayed. */
uint64_t sw_tlp_ns(const struct sw_tcp *tcp)
{
    uint64_t pto_ns = 2 * (uint64_t)(tcp->snd.srtt_us8 >> 3) * SW_NS_PER_US;

    if (tcp->snd.nxt.v - tcp->snd.una.v <= tcp->snd.mss)
        pto_ns += DELACK_WORST_NS;
    else
        pto_ns +=
            2 * (uint64_t)SW_NS_PER_MS; /* as Linux: not for less than two ticks of a slow peer */
    return pto_ns;
}

/* 7.4.2: was the probe a repetition that filled a hole nobody had reported? Then there was a loss.
 * If the original had arrived too, its second coming shows in a DSACK or a duplicate ACK. */
void sw_tlp_on_ack(struct sw_tcp *tcp, const struct sw_ack *ack)
{
    struct sw_tcp_flight *f = tcp->snd.flight;

    if (!f->probing || sw_seq_lt(tcp->snd.una, f->probe_end))
        return;
    if (f->probe_again && !ack->dsack && sw_seq_lt(f->probe_end, tcp->snd.una)) {
        if (f->ca == SW_CA_OPEN) {
            f->undo = (struct sw_undo){0};
            sw_cc_reduce(tcp);
            sw_ecn_reduced(tcp);
            sw_cc_trace(tcp);
        }
        f->probing = false;
    } else if (!f->probe_again || ack->dsack || ack->acked == 0) {
        f->probing = false;
    }
}
