/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A repetition that was not needed: what was thought lost was only late. Then the window it cost is
 * given back (RFC 4015; as Linux, at once). Three witnesses:
 *
 *   - the first ACK of new data after a repetition echoes a timestamp from before it, so it answers
 *     the original (Eifel, RFC 3522 3.2)
 *   - DSACKs report every byte that was sent again as a duplicate (RFC 3708), also after recovery
 *     has ended, for one more round trip
 *   - after a timeout, data arrive that were sent before it and not since; to see it, new data are
 *     sent in place of the second repetition (F-RTO with SACK, RFC 5682 3.1)
 */
#include "tcp/cc.h"
#include "tcp/ecn.h"
#include "tcp/flight.h"
#include "tcp/private.h"
#include "tcp/recovery.h"

void sw_undo_begin(struct sw_tcp *tcp)
{
    tcp->snd.flight->eventful = true;
    tcp->snd.flight->undo = (struct sw_undo){
        .armed = true,
        .cwnd = tcp->snd.cwnd,
        .ssthresh = tcp->snd.ssthresh,
        .una = tcp->snd.una,
        .again = tcp->snd.flight->retrans,
    };
}

void sw_undo_repeated(struct sw_tcp *tcp, uint32_t len)
{
    struct sw_undo *u = &tcp->snd.flight->undo;

    if (!u->armed)
        return;
    if (!u->repeated)
        u->first_ms = sw_tcp_clock_ms(tcp);
    u->repeated = true;
    u->again += len;
}

void sw_undo_dsack(struct sw_tcp *tcp, const struct sw_tcp_sack *block)
{
    struct sw_undo *u = &tcp->snd.flight->undo;

    if (u->armed && sw_seq_le(u->una, block->left) && sw_seq_lt(block->left, block->right) &&
        sw_seq_le(block->right, tcp->snd.nxt))
        u->again -= sw_min32(u->again, block->right.v - block->left.v);
}

/* RFC 3522 3.2 steps 4 and 5: the first acceptable ACK after the repetition tells. If it covers
 * first what was itself sent again, the time of that counts: where one recovery follows on another,
 * what the first one repeated is answered in the second one, before whose first repetition it was
 * sent, and yet it was no original. */
static bool answers_original(const struct sw_tcp *tcp, const struct sw_ack *ack)
{
    struct sw_tcp_flight *f = tcp->snd.flight;
    struct sw_undo *u = &f->undo;
    uint32_t again_ms = f->head_again ? f->again_ms : u->first_ms;

    if (ack->acked == 0 || u->echoed || !(u->repeated || f->head_again))
        return false;
    u->echoed = true;
    return !f->head_twice && sw_tcp_has(tcp, SW_TCPF_TIMESTAMPS) && ack->ts_ecr &&
           (int32_t)(ack->ts_ecr - tcp->ts_offset - again_ms) < 0;
}

/* RFC 5682 3.1. True: the timeout was spurious. */
static bool frto(struct sw_tcp *tcp, const struct sw_ack *ack)
{
    struct sw_tcp_flight *f = tcp->snd.flight;
    struct sw_undo *u = &f->undo;

    if (f->original_sacked || (u->hold && f->original_acked)) /* step 3b */
        return true;
    if (u->hold) { /* step 3a: what was new arrived, and what was old did not */
        if (ack->sacked > 0 || (ack->duplicate && !ack->dsack))
            u->frto = u->hold = false;
        return false;
    }
    if (ack->acked == 0)
        return false;
    /* Step 2: an ACK of everything tells nothing; else new data, if there are any, put the question
     * once more. */
    u->hold = sw_seq_lt(tcp->snd.una, f->high_seq) && sw_tcp_may_send_new(tcp);
    u->frto = u->hold;
    if (u->hold)
        f->high_seq = tcp->snd.nxt;
    return false;
}

static void undo(struct sw_tcp *tcp)
{
    struct sw_tcp_flight *f = tcp->snd.flight;

    tcp->snd.cwnd = sw_max32(tcp->snd.cwnd, f->undo.cwnd);
    tcp->snd.ssthresh = sw_max32(tcp->snd.ssthresh, f->undo.ssthresh);
    if (sw_cc(tcp)->undo)
        sw_cc(tcp)->undo(tcp);
    sw_ecn_not_reduced(tcp);
    if (f->ca == SW_CA_RECOVERY)
        f->reordering = true;
    if (f->ca >= SW_CA_RECOVERY) {
        for (uint32_t i = 0; i < f->count; i++)
            if (sw_flight_at(f, i)->flags & SW_TX_LOST)
                sw_flight_mark(tcp, i, 0, SW_TX_LOST | SW_TX_RETRANS);
        f->sack_lost = tcp->snd.una;
        f->reno_sacked = 0;
        f->dupacks = 0;
        f->ca = SW_CA_OPEN;
    }
    f->undo = (struct sw_undo){0};
    sw_cc_trace(tcp);
}

void sw_undo_on_ack(struct sw_tcp *tcp, const struct sw_ack *ack)
{
    struct sw_tcp_flight *f = tcp->snd.flight;
    struct sw_undo *u = &f->undo;

    if (!f->eventful || !u->armed)
        return;
    if (f->ca <= SW_CA_DISORDER && sw_seq_lt(u->end, tcp->snd.una)) {
        u->armed = false;
        return;
    }
    if ((u->repeated && u->again == 0) || (f->ca >= SW_CA_RECOVERY && answers_original(tcp, ack)) ||
        (f->ca == SW_CA_LOSS && u->frto && frto(tcp, ack)))
        undo(tcp);
}
