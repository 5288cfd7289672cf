/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HyStart++ (RFC 9406): the first slow start ends when the round trip grows, before the queue it
 * fills overflows. Once the smallest round trip of a round is clearly above that of the round
 * before, growth goes on at a quarter of the pace (Conservative Slow Start) for five rounds; if the
 * round trip falls below where that began, it was no queue and slow start goes on.
 *
 * A round ends when what was SND.NXT at its beginning is acknowledged. Only the first slow start,
 * before any loss: afterwards ssthresh is known (RFC 9406 4.3).
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

static void begin_round(struct sw_tcp *tcp, struct sw_hystart *h)
{
    h->last_us = h->current_us;
    h->current_us = 0;
    h->samples = 0;
    h->round_end = tcp->snd.nxt;
}

/* Whether the round trip has grown by more than jitter explains. */
static bool delayed(const struct sw_hystart *h)
{
    uint32_t thresh_us = sw_min32(h->last_us / MIN_RTT_DIVISOR, MAX_RTT_THRESH_US);

    if (h->samples < N_RTT_SAMPLE || h->last_us == 0)
        return false;
    return h->current_us >= h->last_us + sw_max32(MIN_RTT_THRESH_US, thresh_us);
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
    if (!h->running) {
        *h = (struct sw_hystart){.running = true};
        begin_round(tcp, h);
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
    if (sw_seq_le(h->round_end, tcp->snd.una)) {
        begin_round(tcp, h);
        if (h->css_rounds && h->css_rounds++ >= CSS_ROUNDS) {
            tcp->snd.ssthresh = tcp->snd.cwnd;
            return 0;
        }
    }
    return h->css_rounds ? acked / SW_HYSTART_GROWTH_DIVISOR : acked;
}
