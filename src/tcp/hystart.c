/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HyStart++ (RFC 9406): the first slow start ends when the round trip grows, before the queue it
 * fills overflows. Once the smallest round trip of a round is clearly above that of the round
 * before, growth goes on at a quarter of the pace (Conservative Slow Start) for five rounds; if the
 * round trip falls below where that began, it was no queue and slow start goes on.
 *
 * That sees a queue a round late: the round that fills it has its smallest round trip at its
 * beginning. So slow start also ends as in HyStart before it (Ha and Rhee 2011, 4.1; Linux has it
 * too): what is sent together arrives as far apart as the bottleneck sends it, and so do its ACKs.
 * If they come without a pause for half a round trip, the window, which doubles in the round, is
 * all that the path holds. RFC 9406 leaves this sign out. It may end slow start early, but where it
 * is right it saves half a window of losses.
 *
 * A round ends when what was sent first in it is acknowledged: what lay at SND.NXT when it began.
 * Only the first slow start, before any loss: afterwards ssthresh is known (RFC 9406 4.3).
 *
 * CUBIC has it, as Linux's has its predecessor; Reno has not: over a path that reorders, whose
 * round trips jump, it would end long before the path is full, and one segment for each round trip
 * does not make that good.
 *
 * Not used is the RFC's limit L of 8 segments per ACK: one ACK often stands for a super-segment or
 * for many segments that the peer took as one, and without L slow start is as Linux has it.
 */
#include "tcp/cc.h"
#include "tcp/flight.h"
#include "tcp/private.h"

/* RFC 9406 4.3 */
#define MIN_RTT_THRESH_US 4000U
#define MAX_RTT_THRESH_US 16000U
#define MIN_RTT_DIVISOR 8U
#define N_RTT_SAMPLE 8U
#define CSS_ROUNDS 5U

/* Of Linux's tcp_cubic: how far apart the ACKs of a train may be, how much of the train's length
 * may be one that was held back to stand for more segments, and the least window. Here no pause may
 * be longer than a quarter of the round trip, either: where that is a millisecond, a machine that
 * wakes up late or a radio that holds ACKs back makes trains of anything. */
#define TRAIN_GAP_US 2000U
#define TRAIN_GAP_RTT_PART 4U
#define TRAIN_HELD_US 1000U
#define TRAIN_LEAST_SEGMENTS 16U

static uint32_t now_us(const struct sw_tcp *tcp)
{
    return (uint32_t)(sw_tcp_now(tcp) / SW_NS_PER_US);
}

static void begin_round(struct sw_tcp *tcp, struct sw_hystart *h)
{
    h->last_us = h->current_us;
    h->current_us = 0;
    h->samples = 0;
    h->round_end = tcp->snd.nxt;
    h->begun_us = h->heard_us = now_us(tcp);
    if (h->css_rounds)
        h->css_rounds++;
}

/* Whether the round trip has grown by more than jitter explains. */
static bool delayed(const struct sw_hystart *h)
{
    uint32_t thresh_us = sw_min32(h->last_us / MIN_RTT_DIVISOR, MAX_RTT_THRESH_US);

    if (h->samples < N_RTT_SAMPLE || h->last_us == 0)
        return false;
    return h->current_us >= h->last_us + sw_max32(MIN_RTT_THRESH_US, thresh_us);
}

/* Whether this ACK came without a pause after the last one of the round's train. */
static bool train_goes_on(const struct sw_tcp *tcp, struct sw_hystart *h)
{
    uint32_t now = now_us(tcp);

    if (now - h->heard_us > sw_min32(TRAIN_GAP_US, tcp->snd.min_rtt_us / TRAIN_GAP_RTT_PART))
        return false;
    h->heard_us = now;
    return true;
}

void sw_hystart_heard(struct sw_tcp *tcp)
{
    struct sw_tcp_flight *f = tcp->snd.flight;

    if (f->eventful && f->hystart.running && tcp->snd.ssthresh == UINT32_MAX)
        train_goes_on(tcp, &f->hystart);
}

/* Whether the ACKs of this round have been an unbroken train for half a round trip. */
static bool path_is_full(const struct sw_tcp *tcp, struct sw_hystart *h)
{
    return train_goes_on(tcp, h) && tcp->snd.min_rtt_us < UINT32_MAX &&
           tcp->snd.cwnd >= TRAIN_LEAST_SEGMENTS * tcp->snd.mss &&
           h->heard_us - h->begun_us > (tcp->snd.min_rtt_us + TRAIN_HELD_US) / 2;
}

static void take_sample(struct sw_hystart *h, uint32_t rtt_us)
{
    if (rtt_us == 0)
        return;
    if (h->current_us == 0 || rtt_us < h->current_us)
        h->current_us = rtt_us;
    if (h->samples < N_RTT_SAMPLE)
        h->samples++;
}

uint32_t sw_hystart_on_ack(struct sw_tcp *tcp, uint32_t acked)
{
    struct sw_hystart *h = &tcp->snd.flight->hystart;

    if (!tcp->layer->config.hystart || tcp->snd.ssthresh != UINT32_MAX)
        return acked;
    if (!h->running || sw_seq_lt(h->round_end, tcp->snd.una)) {
        tcp->snd.flight->eventful = h->running = true;
        begin_round(tcp, h);
    }
    if (h->css_rounds > CSS_ROUNDS || path_is_full(tcp, h)) {
        tcp->snd.ssthresh = tcp->snd.cwnd;
        return 0;
    }
    take_sample(h, tcp->snd.flight->rtt_us);
    if (!h->css_rounds) {
        if (delayed(h)) { /* the round it begins in counts as one */
            h->css_rounds = 1;
            h->baseline_us = h->current_us;
        }
    } else if (h->samples >= N_RTT_SAMPLE && h->current_us < h->baseline_us) {
        h->css_rounds = 0; /* no queue after all */
    }
    return h->css_rounds ? acked / SW_HYSTART_GROWTH_DIVISOR : acked;
}
