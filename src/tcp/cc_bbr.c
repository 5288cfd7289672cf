/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * BBR, version 1 (draft-cardwell-iccrg-bbr-congestion-control-00, as Linux's tcp_bbr has it): a
 * model of the path, made of the greatest delivery rate of the last ten round trips and of the
 * least round trip of the last ten seconds. The sender paces at that rate and keeps about two of
 * their products in flight; it does not take loss for congestion. Version 3 is a draft that still
 * moves and no kernel has it; so version 1, until then.
 *
 *   STARTUP    doubles the rate every round trip until three rounds brought less than 25 % more
 *   DRAIN      sends slower until the queue that STARTUP made is gone
 *   PROBE_BW   eight phases of a round trip each: 5/4 of the rate, 3/4 of it, then six times the
 * rate PROBE_RTT  every ten seconds, where no shorter round trip came by itself: four segments for
 *              200 ms, so that the queues of all empty and the path shows its real length
 *
 * Left out is Linux's detection of token-bucket policers, which no draft describes.
 */
#include "tcp/cc.h"
#include "tcp/meter.h"
#include "tcp/private.h"

/* Gains in 256ths: 4.1.1.3 of the draft: 2/ln(2); its inverse; 4.3.4.2 of it. */
#define UNIT 256U
#define HIGH_GAIN (UNIT * 2885U / 1000U + 1U)
#define DRAIN_GAIN (UNIT * 1000U / 2885U)
#define CWND_GAIN (2U * UNIT)
#define PHASES 8U
static const uint16_t phase_gain[PHASES] = {UNIT * 5 / 4, UNIT * 3 / 4, UNIT, UNIT,
                                            UNIT,         UNIT,         UNIT, UNIT};

#define BW_ROUNDS 10U                                /* 4.1.1.5: BtlBwFilterLen */
#define MIN_RTT_NS (10U * (uint64_t)SW_NS_PER_S)     /* 4.1.2.3: RTpropFilterLen */
#define PROBE_RTT_NS (200U * (uint64_t)SW_NS_PER_MS) /* 4.3.5: ProbeRTTDuration */
#define MIN_CWND_SEGMENTS 4U                         /* 4.2.3: BBRMinPipeCwnd */
#define FULL_BW_ROUNDS 3U                            /* 4.3.2.2 */
#define MARGIN_PERCENT 99U                           /* as Linux: paced a little below */
#define QUANTA 3U                                    /* 4.2.3.2: bursts beyond the product */
#define EXTRA_ROUNDS 5U                              /* Linux: of ACK aggregation */
#define EXTRA_NS (100U * (uint64_t)SW_NS_PER_MS)
#define NO_RTT_US 1000U /* before there is a round trip, it is taken for 1 ms */
#define US_PER_S 1000000U

enum mode { STARTUP, DRAIN, PROBE_BW, PROBE_RTT };

/* The greatest value of a sliding window of rounds, in three numbers (Nichols): the best, and the
 * best after it, and after that. */
struct max_sample {
    uint32_t round;
    uint64_t value;
};
struct max_filter {
    struct max_sample s[3];
};

struct bbr {
    struct max_filter bw;         /* bytes per second */
    uint64_t min_rtt_ns;          /* when min_rtt_us was measured */
    uint64_t probe_rtt_end_ns;    /* 0: cwnd has not come down yet */
    uint64_t cycle_ns;            /* when this phase began */
    uint64_t round_delivered;     /* the round ends when what is sent from here on arrives */
    uint64_t full_bw;             /* bytes per second, of STARTUP */
    uint64_t extra_ns;            /* the epoch of ACK aggregation */
    uint32_t extra_acked;         /* bytes in it */
    uint32_t extra[2], extra_age; /* the most beyond the rate, of this and the last five rounds */
    uint32_t min_rtt_us;
    uint32_t rounds;
    uint32_t prior_cwnd; /* before recovery or PROBE_RTT */
    uint32_t pacing_gain, cwnd_gain;
    uint8_t mode, phase, prior_ca, full_bw_rounds;
    bool begun, round_start, full, conserve, idle_restart, probe_rtt_round_done, has_rtt;
};

static void max_update(struct max_filter *f, uint32_t round, uint64_t value)
{
    const struct max_sample now = {round, value};

    if (value >= f->s[0].value || round - f->s[2].round > BW_ROUNDS) {
        f->s[0] = f->s[1] = f->s[2] = now;
        return;
    }
    if (value >= f->s[1].value)
        f->s[1] = f->s[2] = now;
    else if (value >= f->s[2].value)
        f->s[2] = now;
    if (round - f->s[0].round > BW_ROUNDS) { /* the best is too old */
        f->s[0] = f->s[1];
        f->s[1] = f->s[2];
        f->s[2] = now;
        if (round - f->s[0].round > BW_ROUNDS) {
            f->s[0] = f->s[1];
            f->s[1] = f->s[2];
        }
    } else if (f->s[1].round == f->s[0].round && round - f->s[0].round > BW_ROUNDS / 4) {
        f->s[1] = f->s[2] = now; /* a second best from later than the best */
    } else if (f->s[2].round == f->s[1].round && round - f->s[0].round > BW_ROUNDS / 2) {
        f->s[2] = now;
    }
}

static uint64_t bw(const struct bbr *b)
{
    return b->bw.s[0].value;
}

static void set_pacing(struct sw_tcp *tcp, struct bbr *b)
{
    uint64_t rate = bw(b) / 100 * MARGIN_PERCENT * b->pacing_gain / UNIT;

    if (!b->has_rtt && tcp->snd.srtt_us8) { /* 4.2.1: from the first window and round trip */
        b->has_rtt = true;
        sw_pace_set(tcp, (uint64_t)tcp->snd.cwnd * (8 * US_PER_S) / tcp->snd.srtt_us8 * HIGH_GAIN /
                             UNIT);
    }
    if (b->full || rate > tcp->snd.meter->pacing_rate ||
        tcp->snd.meter->pacing_rate == SW_RATE_NONE)
        sw_pace_set(tcp, rate);
}

static struct bbr *state_of(struct sw_tcp *tcp)
{
    struct bbr *b = sw_cc_state(tcp);

    if (!b || b->begun)
        return b;
    b->begun = true;
    b->mode = STARTUP;
    b->pacing_gain = b->cwnd_gain = HIGH_GAIN;
    b->min_rtt_us = tcp->snd.min_rtt_us;
    b->min_rtt_ns = b->cycle_ns = b->extra_ns = sw_tcp_now(tcp);
    b->prior_ca = tcp->snd.flight ? tcp->snd.flight->ca : SW_CA_OPEN;
    b->round_delivered = tcp->snd.meter->delivered;
    b->has_rtt = tcp->snd.srtt_us8 != 0;
    sw_pace_set(tcp, (uint64_t)tcp->snd.cwnd * US_PER_S /
                         (b->has_rtt ? sw_max32(tcp->snd.srtt_us8 >> 3, 1) : NO_RTT_US) *
                         HIGH_GAIN / UNIT);
    return b;
}

/* ---- the model ---- */

static void update_round(struct sw_tcp *tcp, struct bbr *b)
{
    const struct sw_rate *r = &tcp->layer->rate;
    const struct sw_meter *m = tcp->snd.meter;

    b->round_start = false;
    if (r->interval_ns == 0)
        return;
    if (m->delivered - r->delivered >= b->round_delivered) {
        b->round_delivered = m->delivered;
        b->rounds++;
        b->round_start = true;
        b->conserve = false;
    }
    if (!r->app_limited || sw_rate_of(r->delivered, r->interval_ns) >= bw(b))
        max_update(&b->bw, b->rounds, sw_rate_of(r->delivered, r->interval_ns));
}

static uint64_t product(const struct bbr *b, uint64_t rate, uint32_t gain)
{
    return rate * b->min_rtt_us / US_PER_S * gain / UNIT;
}

/* Linux: ACKs that come in lumps leave nothing in flight between them, unless so much more is
 * allowed as the largest lump brought beyond the rate. */
static void update_extra(struct sw_tcp *tcp, struct bbr *b)
{
    const struct sw_rate *r = &tcp->layer->rate;
    uint64_t now_ns = sw_tcp_now(tcp), us = (now_ns - b->extra_ns) / SW_NS_PER_US, expected;

    if (r->acked == 0 || r->interval_ns == 0)
        return;
    if (b->round_start && ++b->extra_age >= EXTRA_ROUNDS) {
        b->extra_age = 0;
        b->extra[1] = b->extra[0];
        b->extra[0] = 0;
    }
    expected = bw(b) * (us < US_PER_S ? us : US_PER_S) / US_PER_S;
    if (b->extra_acked <= expected || b->extra_acked + r->acked > 1U << 29) {
        b->extra_acked = 0;
        b->extra_ns = now_ns;
        expected = 0;
    }
    b->extra_acked += r->acked;
    if (b->extra_acked > expected)
        b->extra[0] =
            sw_max32(b->extra[0], sw_min32(b->extra_acked - (uint32_t)expected, tcp->snd.cwnd));
}

static uint32_t extra_cwnd(const struct bbr *b)
{
    uint64_t most = bw(b) / (SW_NS_PER_S / EXTRA_NS);
    uint32_t extra = sw_max32(b->extra[0], b->extra[1]);

    if (!b->full)
        return 0;
    return extra < most ? extra : (uint32_t)most;
}

/* ---- cwnd ---- */

/* 4.2.3: the product, and room for the bursts that are cut, acknowledged and waited for. */
static uint32_t target(const struct sw_tcp *tcp, const struct bbr *b, uint32_t gain)
{
    uint32_t mss = tcp->snd.mss;
    uint64_t bytes = product(b, bw(b), gain);

    if (b->min_rtt_us == UINT32_MAX)
        return SW_TCP_IW_SEGMENTS * mss;
    bytes += (uint64_t)QUANTA * sw_pace_quantum(tcp);
    if (b->mode == PROBE_BW && b->phase == 0)
        bytes += 2U * mss;
    return bytes < 1U << 30 ? (uint32_t)bytes : 1U << 30;
}

static void save_cwnd(struct sw_tcp *tcp, struct bbr *b)
{
    if (b->prior_ca < SW_CA_RECOVERY && b->mode != PROBE_RTT)
        b->prior_cwnd = tcp->snd.cwnd;
    else
        b->prior_cwnd = sw_max32(b->prior_cwnd, tcp->snd.cwnd);
}

/* 4.2.3.4: in the first round of a recovery what arrives is replaced, no more. True: cwnd is as it
 * should be. */
static bool recover_or_restore(struct sw_tcp *tcp, struct bbr *b)
{
    const struct sw_tcp_flight *f = tcp->snd.flight;
    const struct sw_rate *r = &tcp->layer->rate;
    uint32_t cwnd = tcp->snd.cwnd, pipe = sw_flight_pipe(tcp);
    uint8_t prior_ca = b->prior_ca;

    if (r->lost > 0)
        cwnd = cwnd > r->lost + tcp->snd.mss ? cwnd - r->lost : tcp->snd.mss;
    if (f->ca == SW_CA_RECOVERY && prior_ca != SW_CA_RECOVERY) {
        b->conserve = true;
        b->round_delivered = tcp->snd.meter->delivered; /* the round starts now */
        cwnd = pipe + r->acked;
    } else if (prior_ca >= SW_CA_RECOVERY && f->ca < SW_CA_RECOVERY) {
        cwnd = sw_max32(cwnd, b->prior_cwnd);
        b->conserve = false;
    }
    b->prior_ca = f->ca;
    if (b->conserve)
        cwnd = sw_max32(cwnd, pipe + r->acked);
    tcp->snd.cwnd = cwnd;
    return b->conserve;
}

static void set_cwnd(struct sw_tcp *tcp, struct bbr *b)
{
    const struct sw_rate *r = &tcp->layer->rate;
    uint32_t least = MIN_CWND_SEGMENTS * tcp->snd.mss, to;

    if (r->acked > 0 && !recover_or_restore(tcp, b)) {
        to = target(tcp, b, b->cwnd_gain) + extra_cwnd(b);
        if (b->full)
            tcp->snd.cwnd = sw_min32(tcp->snd.cwnd + r->acked, to);
        else if (tcp->snd.cwnd < to ||
                 tcp->snd.meter->delivered < SW_TCP_IW_SEGMENTS * tcp->snd.mss)
            tcp->snd.cwnd += r->acked;
        tcp->snd.cwnd = sw_max32(tcp->snd.cwnd, least);
    }
    if (b->mode == PROBE_RTT)
        tcp->snd.cwnd = sw_min32(tcp->snd.cwnd, least);
}

/* ---- the states ---- */

static void enter_probe_bw(struct sw_tcp *tcp, struct bbr *b)
{
    b->mode = PROBE_BW;
    b->cwnd_gain = CWND_GAIN;
    /* 4.3.4.3: not the phase that drains; by chance, so that flows do not probe in step. */
    b->phase = (uint8_t)((sw_rng_below(&sw_tcp_env(tcp)->rng, PHASES - 1) + 2) % PHASES);
    b->pacing_gain = phase_gain[b->phase];
    b->cycle_ns = sw_tcp_now(tcp);
}

/* 4.3.4.3 IsNextCyclePhase() */
static void update_phase(struct sw_tcp *tcp, struct bbr *b, uint32_t in_flight)
{
    const struct sw_rate *r = &tcp->layer->rate;
    bool over = sw_tcp_now(tcp) - b->cycle_ns > (uint64_t)b->min_rtt_us * SW_NS_PER_US;
    bool next = over;

    if (b->mode != PROBE_BW)
        return;
    if (b->pacing_gain > UNIT)
        next = over && (r->lost > 0 || in_flight >= target(tcp, b, b->pacing_gain));
    else if (b->pacing_gain < UNIT)
        next = over || in_flight <= target(tcp, b, UNIT);
    if (!next)
        return;
    b->phase = (uint8_t)((b->phase + 1) % PHASES);
    b->pacing_gain = phase_gain[b->phase];
    b->cycle_ns = sw_tcp_now(tcp);
}

/* 4.3.2.2: three rounds without a quarter more is all the path has. */
static void check_full(struct sw_tcp *tcp, struct bbr *b)
{
    if (b->full || !b->round_start || tcp->layer->rate.app_limited)
        return;
    if (bw(b) >= b->full_bw + b->full_bw / 4) {
        b->full_bw = bw(b);
        b->full_bw_rounds = 0;
        return;
    }
    b->full = ++b->full_bw_rounds >= FULL_BW_ROUNDS;
}

static void check_drain(struct sw_tcp *tcp, struct bbr *b)
{
    if (b->mode == STARTUP && b->full) {
        b->mode = DRAIN;
        b->pacing_gain = DRAIN_GAIN;
        b->cwnd_gain = HIGH_GAIN;
        tcp->snd.ssthresh = target(tcp, b, UNIT);
    }
    if (b->mode == DRAIN && sw_flight_pipe(tcp) <= target(tcp, b, UNIT))
        enter_probe_bw(tcp, b);
}

static void leave_probe_rtt(struct sw_tcp *tcp, struct bbr *b)
{
    b->min_rtt_ns = sw_tcp_now(tcp);
    tcp->snd.cwnd = sw_max32(tcp->snd.cwnd, b->prior_cwnd);
    if (b->full) {
        enter_probe_bw(tcp, b);
    } else {
        b->mode = STARTUP;
        b->pacing_gain = b->cwnd_gain = HIGH_GAIN;
    }
}

/* 4.3.5: for 200 ms and at least a round trip no more than four segments. */
static void in_probe_rtt(struct sw_tcp *tcp, struct bbr *b)
{
    uint64_t now_ns = sw_tcp_now(tcp);
    struct sw_meter *m = tcp->snd.meter;

    m->app_limited = m->delivered + sw_flight_pipe(tcp); /* what is measured now is no limit */
    m->app_limited = m->app_limited ? m->app_limited : 1;
    if (b->probe_rtt_end_ns == 0) {
        if (sw_flight_pipe(tcp) > MIN_CWND_SEGMENTS * tcp->snd.mss)
            return;
        b->probe_rtt_end_ns = now_ns + PROBE_RTT_NS;
        b->probe_rtt_round_done = false;
        b->round_delivered = m->delivered;
        return;
    }
    b->probe_rtt_round_done |= b->round_start;
    if (b->probe_rtt_round_done && now_ns > b->probe_rtt_end_ns)
        leave_probe_rtt(tcp, b);
}

static void update_min_rtt(struct sw_tcp *tcp, struct bbr *b)
{
    const struct sw_tcp_flight *f = tcp->snd.flight;
    uint64_t now_ns = sw_tcp_now(tcp);
    bool expired = now_ns - b->min_rtt_ns > MIN_RTT_NS;

    if (f->rtt_us && (f->rtt_us <= b->min_rtt_us || expired)) {
        b->min_rtt_us = f->rtt_us;
        b->min_rtt_ns = now_ns;
    }
    if (expired && !b->idle_restart && b->mode != PROBE_RTT) {
        save_cwnd(tcp, b);
        b->mode = PROBE_RTT;
        b->pacing_gain = b->cwnd_gain = UNIT;
        b->probe_rtt_end_ns = 0;
    }
    if (b->mode == PROBE_RTT)
        in_probe_rtt(tcp, b);
    if (tcp->layer->rate.delivered > 0)
        b->idle_restart = false;
}

static void bbr_control(struct sw_tcp *tcp)
{
    struct bbr *b = state_of(tcp);

    if (!b)
        return;
    update_round(tcp, b);
    update_extra(tcp, b);
    /* What was in flight before this ACK is what the phase has brought about. */
    update_phase(tcp, b, sw_flight_pipe(tcp) + tcp->layer->rate.acked);
    check_full(tcp, b);
    check_drain(tcp, b);
    update_min_rtt(tcp, b);
    set_pacing(tcp, b);
    set_cwnd(tcp, b);
}

/* A loss changes nothing but for the round that repairs it. */
static uint32_t bbr_ssthresh(struct sw_tcp *tcp)
{
    struct bbr *b = state_of(tcp);

    if (b)
        save_cwnd(tcp, b);
    return tcp->snd.ssthresh;
}

/* There was no loss: STARTUP may have been ended by its appearance. */
static void bbr_undo(struct sw_tcp *tcp)
{
    struct bbr *b = state_of(tcp);

    if (!b)
        return;
    b->full_bw = 0;
    b->full_bw_rounds = 0;
}

/* 4.3.4.4: after a pause the pipe is empty: at the rate itself, no probing. */
static void bbr_restart(struct sw_tcp *tcp)
{
    struct bbr *b = state_of(tcp);

    if (!b || !tcp->snd.meter->app_limited)
        return;
    b->idle_restart = true;
    b->extra_ns = sw_tcp_now(tcp);
    b->extra_acked = 0;
    if (b->mode == PROBE_BW)
        sw_pace_set(tcp, bw(b) / 100 * MARGIN_PERCENT);
    else if (b->mode == PROBE_RTT && b->probe_rtt_end_ns && sw_tcp_now(tcp) > b->probe_rtt_end_ns)
        leave_probe_rtt(tcp, b);
}

const struct sw_cc_ops sw_cc_bbr = {
    .name = "bbr",
    .control = bbr_control,
    .ssthresh = bbr_ssthresh,
    .undo = bbr_undo,
    .restart = bbr_restart,
    .state_size = sizeof(struct bbr),
};
