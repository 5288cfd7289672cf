/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CUBIC (RFC 9438), in integers: the window is a cubic function of the time since the last loss,
 * flat around the window where that happened, and never less than what standard TCP would have
 * reached.
 *
 * Its state exists from the end of the first slow start on.
 */
#include "tcp/cc.h"
#include "tcp/meter.h"
#include "tcp/private.h"

/* RFC 9438 4.6: beta 0.7; 5: C 0.4. In tenths. */
#define BETA 7U
#define C 4U
#define T_MAX_MS                                                                                   \
    (1U << 20) /* so that its cube fits: beyond it the window is at its limit anyway               \
                */

struct cubic {
    uint32_t w_max;      /* bytes: the window of the last loss, or less by fast convergence */
    uint32_t cwnd_prior; /* bytes: the window just before it */
    uint32_t w_est;      /* bytes: what standard TCP would have now */
    uint32_t est_acc;    /* bytes acknowledged toward its next step, times its factor, in tenths */
    uint32_t k_ms;       /* time to w_max */
    uint64_t epoch_ns;   /* when this congestion avoidance began; 0: not yet */
};

struct cubic_state {
    struct cubic now;
    struct cubic before; /* the last loss: should it turn out to be none (4.9) */
};

uint32_t sw_cc_cube_root(uint64_t v)
{
    uint64_t low = 0, high = 2642245; /* the cube root of 2^64 */

    while (low < high) {
        uint64_t mid = (low + high + 1) / 2;

        if (mid * mid <= v / mid)
            low = mid;
        else
            high = mid - 1;
    }
    return (uint32_t)low;
}

static void begin_epoch(struct sw_tcp *tcp, struct cubic *s)
{
    uint32_t cwnd = tcp->snd.cwnd;

    s->epoch_ns = sw_tcp_now(tcp) ? sw_tcp_now(tcp) : 1;
    s->w_est = cwnd;
    s->est_acc = 0;
    s->k_ms = 0;
    if (s->w_max > cwnd) /* figure 2: K = cbrt((W_max - cwnd_epoch) / C), windows in segments */
        s->k_ms = sw_cc_cube_root((uint64_t)(s->w_max - cwnd) * 10000000000U / (C * tcp->snd.mss));
    else
        s->w_max = cwnd;
}

/* Figure 1: W_cubic(t) = C * (t - K)^3 + W_max, in bytes. */
static uint32_t w_cubic(const struct sw_tcp *tcp, const struct cubic *s, uint64_t t_ms)
{
    uint64_t dist_ms = t_ms > s->k_ms ? t_ms - s->k_ms : s->k_ms - t_ms, cube;

    if (dist_ms > T_MAX_MS)
        dist_ms = T_MAX_MS;
    cube = dist_ms * dist_ms * dist_ms / 100000 * C * tcp->snd.mss / 100000;
    if (t_ms < s->k_ms)
        return cube < s->w_max ? s->w_max - (uint32_t)cube : 0;
    return cube < (1U << 30) ? s->w_max + (uint32_t)cube : 1U << 30;
}

/* 4.3: grows by alpha segments per window; alpha = 3 (1 - beta) / (1 + beta) = 9/17 until it has
 * caught up with the window before the loss, then 1. */
static void grow_estimate(struct sw_tcp *tcp, struct cubic *s, uint32_t acked)
{
    uint64_t step = (uint64_t)acked * tcp->snd.mss;

    if (s->w_est < s->cwnd_prior)
        step = step * 9 / 17;
    step += s->est_acc;
    s->w_est += (uint32_t)(step / tcp->snd.cwnd);
    s->est_acc = (uint32_t)(step % tcp->snd.cwnd);
}

static struct cubic *state_of(struct sw_tcp *tcp)
{
    struct cubic_state *state = sw_cc_state(tcp);

    return state ? &state->now : NULL;
}

static void cubic_on_ack(struct sw_tcp *tcp, uint32_t acked)
{
    struct cubic *s;
    uint64_t t_ms;
    uint32_t target, cwnd;

    if (sw_cc_in_slow_start(tcp))
        acked = sw_cc_slow_start(tcp, acked);
    if (acked == 0)
        return;
    s = state_of(tcp); /* slow start without a loss before (4.10): the curve begins here, K = 0 */
    if (!s) {          /* no memory: as standard TCP */
        sw_cc_avoid(tcp, acked, tcp->snd.cwnd);
        return;
    }
    if (!s->epoch_ns)
        begin_epoch(tcp, s);
    cwnd = tcp->snd.cwnd;
    grow_estimate(tcp, s, acked);
    t_ms = (sw_tcp_now(tcp) - s->epoch_ns) / SW_NS_PER_MS;
    if (w_cubic(tcp, s, t_ms) < s->w_est) { /* the Reno-friendly region */
        tcp->snd.cwnd = sw_max32(cwnd, s->w_est);
        return;
    }
    /* 4.4, 4.5: toward where the curve will be in one round trip, at most half as much again. */
    target = w_cubic(tcp, s, t_ms + (tcp->snd.srtt_us8 >> 3) / 1000);
    target = sw_min32(target, cwnd + cwnd / 2);
    if (target > cwnd)
        sw_cc_avoid(tcp, acked, (uint32_t)((uint64_t)cwnd * tcp->snd.mss / (target - cwnd) + 1));
}

static uint32_t cubic_ssthresh(struct sw_tcp *tcp)
{
    struct cubic *s = state_of(tcp);
    uint32_t cwnd = tcp->snd.cwnd; /* 4.6 lets it be cwnd where that follows what is used: cwnd.c */

    if (s) {
        ((struct cubic_state *)sw_cc_state(tcp))->before = *s;
        s->epoch_ns = 0;
        s->cwnd_prior = cwnd;
        /* 4.7: a flow that loses below its last maximum makes room for others. */
        s->w_max = cwnd < s->w_max ? (uint32_t)((uint64_t)cwnd * (10 + BETA) / 20) : cwnd;
    }
    return sw_max32((uint32_t)((uint64_t)cwnd * BETA / 10), 2U * tcp->snd.mss);
}

static void cubic_undo(struct sw_tcp *tcp)
{
    struct cubic_state *state = sw_cc_state(tcp);

    if (state)
        state->now = state->before;
}

/* 5.8: time in which the application had nothing to send does not let the window grow. */
static void cubic_restart(struct sw_tcp *tcp)
{
    struct cubic_state *state = tcp->snd.meter ? tcp->snd.meter->cc_state : NULL;
    uint64_t idle_ns = (uint64_t)(sw_tcp_clock_ms(tcp) - tcp->snd.last_ms) * SW_NS_PER_MS;

    if (state && state->now.epoch_ns && idle_ns < sw_tcp_now(tcp))
        state->now.epoch_ns = state->now.epoch_ns + idle_ns < sw_tcp_now(tcp)
                                  ? state->now.epoch_ns + idle_ns
                                  : sw_tcp_now(tcp);
}

const struct sw_cc_ops sw_cc_cubic = {
    .name = "cubic",
    .hystart = true,
    .on_ack = cubic_on_ack,
    .ssthresh = cubic_ssthresh,
    .undo = cubic_undo,
    .restart = cubic_restart,
    .state_size = sizeof(struct cubic_state),
};
