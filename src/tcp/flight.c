/* SPDX-License-Identifier: BSD-2-Clause */
/* The records of what is in flight: see flight.h. A ring that doubles, searched by bisection. */
#include "tcp/flight.h"

#include <errno.h>

#include "base/mem.h"
#include "tcp/meter.h"
#include "tcp/private.h"
#include "tcp/recovery.h"

#define RESTING_MAX 64U /* 32 KiB: about what a cache has room for */

struct sw_txrec *sw_flight_at(const struct sw_tcp_flight *f, uint32_t i)
{
    return &f->ring[(f->head + i) & (f->cap - 1)];
}

static void free_ring(struct sw_tcp *tcp, struct sw_tcp_flight *f)
{
    if (f->ring != f->space)
        sw_mem_free(sw_tcp_env(tcp)->mem, f->ring, f->cap * sizeof(f->ring[0]));
}

static int grow(struct sw_tcp *tcp, struct sw_tcp_flight *f)
{
    uint32_t cap = f->cap * 2;
    struct sw_txrec *ring = sw_mem_alloc(sw_tcp_env(tcp)->mem, cap * sizeof(*ring));

    if (!ring)
        return -ENOMEM;
    for (uint32_t i = 0; i < f->count; i++)
        ring[i] = *sw_flight_at(f, i);
    free_ring(tcp, f);
    f->ring = ring;
    f->cap = cap;
    f->head = 0;
    return 0;
}

/* All zero, but for the records, each of which is written as a whole when it is used: of one that
 * rested what is behind them is zero still. */
static struct sw_tcp_flight *take(struct sw_tcp_layer *layer)
{
    struct sw_tcp_flight *f = layer->resting;

    if (!f)
        return sw_mem_alloc(layer->env->mem, SW_FLIGHT_BYTES);
    layer->resting = f->next;
    layer->n_resting--;
    /* In two, lest the compiler takes `rep stos`, which is slow to begin. */
    memset(f, 0, offsetof(struct sw_tcp_flight, rack_sent_ns));
    memset(&f->rack_sent_ns, 0,
           offsetof(struct sw_tcp_flight, space) - offsetof(struct sw_tcp_flight, rack_sent_ns));
    return f;
}

int sw_flight_reserve(struct sw_tcp *tcp)
{
    struct sw_tcp_flight *f = tcp->snd.flight;

    if (!f) {
        if (sw_meter_reserve(tcp) < 0)
            return -ENOMEM;
        f = take(tcp->layer);
        if (!f)
            return -ENOMEM;
        f->ring = f->space;
        f->cap = SW_FLIGHT_INLINE;
        f->high_seq = f->small_end = f->usage_end = tcp->snd.una;
        f->cwnd_stamp_ns = sw_tcp_now(tcp);
        f->sack_lost = f->high_sacked = f->high_before = f->rack_end = tcp->snd.una;
        f->rack_next = tcp->snd.una;
        f->rack_rtt_ns =
            (uint64_t)(tcp->snd.srtt_us8 >> 3) * SW_NS_PER_US; /* the last is not known */
        tcp->snd.flight = f;
    }
    return f->count < f->cap ? 0 : grow(tcp, f);
}

void sw_flight_free(struct sw_tcp *tcp)
{
    struct sw_tcp_flight *f = tcp->snd.flight;

    if (!f)
        return;
    free_ring(tcp, f);
    sw_mem_give(sw_tcp_env(tcp)->mem, f, SW_FLIGHT_BYTES);
    tcp->snd.flight = NULL;
}

bool sw_flight_idle(const struct sw_tcp *tcp)
{
    const struct sw_tcp_flight *f = tcp->snd.flight;

    return !f || (f->count == 0 && (f->ca == SW_CA_OPEN || f->ca == SW_CA_CWR));
}

/* What a flight remembers when it is empty: how a window that has grown is used (cwnd.c), how the
 * first slow start goes (hystart.c; both say nothing of a window that never grew), what was lost
 * and how far packets overtake each other. */
void sw_flight_rest(struct sw_tcp *tcp)
{
    struct sw_tcp_layer *layer = tcp->layer;
    struct sw_tcp_snd *snd = &tcp->snd;
    struct sw_tcp_flight *f = snd->flight;

    if (!f || f->count > 0 || f->ca != SW_CA_OPEN || f->reordering || snd->retrans > 0 ||
        snd->ssthresh != UINT32_MAX || snd->cwnd > SW_TCP_IW_SEGMENTS * snd->mss)
        return;
    if (f->ring != f->space || f->eventful || layer->n_resting == RESTING_MAX) {
        sw_flight_free(tcp);
        return;
    }
    f->next = layer->resting;
    layer->resting = f;
    layer->n_resting++;
    snd->flight = NULL;
}

void sw_flights_fini(struct sw_tcp_layer *layer)
{
    while (layer->resting) {
        struct sw_tcp_flight *f = layer->resting;

        layer->resting = f->next;
        sw_mem_give(layer->env->mem, f, SW_FLIGHT_BYTES);
    }
    layer->n_resting = 0;
}

void sw_flight_push(struct sw_tcp *tcp)
{
    struct sw_tcp_flight *f = tcp->snd.flight;

    SW_ASSERT(f->count < f->cap);
    *sw_flight_at(f, f->count++) =
        (struct sw_txrec){.seq = tcp->snd.nxt, .sent_ns = sw_tcp_now(tcp)};
    sw_rate_sent(tcp, sw_flight_at(f, f->count - 1));
}

sw_seq sw_flight_end(const struct sw_tcp *tcp, uint32_t i)
{
    const struct sw_tcp_flight *f = tcp->snd.flight;

    return i + 1 < f->count ? sw_flight_at(f, i + 1)->seq : tcp->snd.nxt;
}

uint32_t sw_flight_len(const struct sw_tcp *tcp, uint32_t i)
{
    return sw_flight_end(tcp, i).v - sw_flight_at(tcp->snd.flight, i)->seq.v;
}

uint32_t sw_flight_find(const struct sw_tcp *tcp, sw_seq seq)
{
    const struct sw_tcp_flight *f = tcp->snd.flight;
    uint32_t low = 0, high = f->count;

    SW_ASSERT(f->count > 0);
    while (high - low > 1) { /* record `low` begins at or before seq, record `high` after it */
        uint32_t mid = low + (high - low) / 2;

        if (sw_seq_le(sw_flight_at(f, mid)->seq, seq))
            low = mid;
        else
            high = mid;
    }
    return low;
}

int sw_flight_split(struct sw_tcp *tcp, uint32_t i, sw_seq seq)
{
    struct sw_tcp_flight *f = tcp->snd.flight;

    SW_ASSERT(sw_seq_lt(sw_flight_at(f, i)->seq, seq) && sw_seq_lt(seq, sw_flight_end(tcp, i)));
    if (f->count == f->cap && grow(tcp, f) < 0)
        return -ENOMEM;
    if (i < f->count / 2) { /* the shorter part moves */
        f->head = (f->head - 1) & (f->cap - 1);
        f->count++;
        for (uint32_t j = 0; j <= i; j++)
            *sw_flight_at(f, j) = *sw_flight_at(f, j + 1);
        f->work += i;
    } else {
        for (uint32_t j = f->count++; j > i; j--)
            *sw_flight_at(f, j) = *sw_flight_at(f, j - 1);
        f->work += f->count - i;
    }
    f->eventful = true;
    sw_flight_at(f, i + 1)->seq = seq;
    sw_flight_at(f, i)->flags &= (uint8_t)~SW_TX_PUSHED;
    return 0;
}

void sw_flight_mark(struct sw_tcp *tcp, uint32_t i, uint8_t set, uint8_t clear)
{
    struct sw_tcp_flight *f = tcp->snd.flight;
    struct sw_txrec *rec = sw_flight_at(f, i);
    uint32_t len = sw_flight_len(tcp, i);
    uint8_t before = rec->flags, after = (uint8_t)((before & ~clear) | set);

    if ((after & (SW_TX_LOST | SW_TX_RETRANS)) == SW_TX_LOST &&
        (f->lost == f->retrans || sw_seq_lt(rec->seq, f->next_lost)))
        f->next_lost = rec->seq;
    if ((after & SW_TX_LOST) && !(after & SW_TX_RETRANS) &&
        (!(before & SW_TX_LOST) || (before & SW_TX_RETRANS)))
        tcp->layer->rate.lost += len;
    f->eventful = true;
    f->sacked += (after & SW_TX_SACKED ? len : 0) - (before & SW_TX_SACKED ? len : 0);
    f->lost += (after & SW_TX_LOST ? len : 0) - (before & SW_TX_LOST ? len : 0);
    f->retrans += (after & SW_TX_RETRANS ? len : 0) - (before & SW_TX_RETRANS ? len : 0);
    rec->flags = after;
}

static void note_head(struct sw_tcp_flight *f)
{
    const struct sw_txrec *rec = sw_flight_at(f, 0);

    f->head_again = f->count > 0 && (rec->flags & SW_TX_AGAIN);
    f->head_twice = f->count > 0 && (rec->flags & SW_TX_TWICE);
    if (f->head_again)
        f->again_ms = (uint32_t)(rec->sent_ns / SW_NS_PER_MS);
}

void sw_flight_acked(struct sw_tcp *tcp, sw_seq ack, uint64_t *ret_sent_ns)
{
    struct sw_tcp_flight *f = tcp->snd.flight;
    uint64_t sent_ns = 0, newest_ns = 0;
    bool again = false;

    note_head(f);
    while (f->count > 0) {
        struct sw_txrec *rec = sw_flight_at(f, 0);
        sw_seq all = sw_flight_end(tcp, 0), end = sw_seq_min(all, ack);
        uint32_t len;

        if (sw_seq_le(end, rec->seq))
            break;
        len = end.v - rec->seq.v;
        again = again || (rec->flags & SW_TX_AGAIN);
        /* A SACKED record was delivered earlier than this acknowledgment says. */
        if (!(rec->flags & SW_TX_SACKED)) {
            sent_ns = sent_ns ? sent_ns : rec->sent_ns;
            newest_ns = rec->sent_ns;
            f->delivered += len;
            if (!(rec->flags & SW_TX_AGAIN) && sw_seq_le(end, f->high_seq))
                f->original_acked = true;
            sw_rack_delivered(tcp, rec, end);
            sw_rate_delivered(tcp, rec, end);
        }
        f->sacked -= rec->flags & SW_TX_SACKED ? len : 0;
        f->lost -= rec->flags & SW_TX_LOST ? len : 0;
        f->retrans -= rec->flags & SW_TX_RETRANS ? len : 0;
        if (!sw_seq_eq(end, all)) {
            rec->seq = end;
            break;
        }
        f->head = (f->head + 1) & (f->cap - 1);
        f->count--;
    }
    if (f->count == 0)
        f->head = 0; /* the same record each time, if there is never more than one */
    *ret_sent_ns = again ? 0 : sent_ns;
    if (!again && newest_ns)
        f->rtt_us = (uint32_t)((sw_tcp_now(tcp) - newest_ns) / SW_NS_PER_US);
}

bool sw_flight_sane(const struct sw_tcp *tcp)
{
    const struct sw_tcp_flight *f = tcp->snd.flight;
    uint32_t sacked = 0, lost = 0, retrans = 0;
    sw_seq at = sw_tcp_snd_base(tcp);

    if (!f)
        return sw_tcp_syn_unacked(tcp) || sw_seq_eq(tcp->snd.una, tcp->snd.nxt);
    for (uint32_t i = 0; i < f->count; i++) {
        const struct sw_txrec *rec = sw_flight_at(f, i);
        uint32_t len = sw_flight_len(tcp, i);

        if (!sw_seq_eq(rec->seq, at) || (int32_t)len <= 0)
            return false;
        if ((rec->flags & SW_TX_SACKED) && (rec->flags & SW_TX_LOST))
            return false;
        if ((rec->flags & SW_TX_RETRANS) && !(rec->flags & SW_TX_LOST))
            return false;
        sacked += rec->flags & SW_TX_SACKED ? len : 0;
        lost += rec->flags & SW_TX_LOST ? len : 0;
        retrans += rec->flags & SW_TX_RETRANS ? len : 0;
        at = sw_flight_end(tcp, i);
    }
    return sw_seq_eq(at, tcp->snd.nxt) && sacked == f->sacked && lost == f->lost &&
           retrans == f->retrans;
}
