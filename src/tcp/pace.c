/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pacing: packets leave spread over the round trip instead of in bursts. For who asked for it
 * (SO_MAX_PACING_RATE) and for congestion controls that are built on it (BBR). As Linux does it
 * inside TCP: each segment moves the earliest departure of the next by the time it takes at the
 * pacing rate. Time in which the sender had another reason to wait is made good by at most half a
 * segment's time at once. Time in which it only waited for a timer that came late is made good up
 * to a quarter of a round trip: Linux's timer is the machine's, but a process that is waited for by
 * a busy machine wakes up milliseconds late, and each time would be lost for ever.
 *
 * So that super-segments still leave as such, a segment may be what the rate sends in about a
 * millisecond (Linux's tcp_tso_autosize()), and more where the round trip is so short that nothing
 * is gained by less. Both are smaller than Linux's between 0.1 and 4 ms, where bursts of half a
 * super-segment, as Linux's are at 1 ms, overflow a short queue.
 *
 * Where nothing is paced, super-segments are as large as Linux's: they leave together anyway, but
 * each of them ends with PSH, so their size shows on the wire.
 */
#include "tcp/cc.h"
#include "tcp/meter.h"
#include "tcp/private.h"

#define FREE_SEGMENTS SW_TCP_IW_SEGMENTS /* the first ones leave at once, as Linux's fq has it */
#define QUANTUM_SHIFT 10U                /* a 1,024th of a second */
#define QUANTUM_SEGMENTS 2U              /* Linux's tcp_min_tso_segs */
#define RTT_PART 4U                      /* at most this part of a round trip */
#define RTT_SHIFT 7U                     /* the rest is halved for each 128 us */
#define BURST_RTT_SHIFT 9U /* the same for what is not paced: Linux's tcp_tso_rtt_log */
/* Linux's tcp_pacing_ss_ratio and tcp_pacing_ca_ratio: faster than the window turns round, so that
 * it can grow. In percent. */
#define SLOW_START_PERCENT 200U
#define AVOIDANCE_PERCENT 120U
/* BBR's draft 4.2.2: below 1.2 Mbit/s a burst is a single segment. */
#define US_PER_S 1000000U
#define SLOW_RATE (1200000U / 8U)

bool sw_pace_wanted(const struct sw_tcp *tcp)
{
    const struct sw_meter *m = tcp->snd.meter;

    return m && (m->max_pacing_rate != SW_RATE_NONE || sw_cc(tcp)->control) &&
           m->pacing_rate != SW_RATE_NONE;
}

uint64_t sw_pace_ns(const struct sw_tcp *tcp)
{
    return tcp->snd.meter && tcp->snd.meter->pace_waits ? tcp->snd.meter->depart_ns : SW_NEVER;
}

uint64_t sw_pace_delay_ns(const struct sw_tcp *tcp)
{
    uint64_t now_ns = sw_tcp_now(tcp);

    if (!sw_pace_wanted(tcp) || tcp->snd.meter->depart_ns <= now_ns)
        return 0;
    return tcp->snd.meter->depart_ns - now_ns;
}

bool sw_pace_holds(struct sw_tcp *tcp)
{
    if (sw_pace_delay_ns(tcp) == 0)
        return false;
    sw_tcp_arm(tcp, SW_TCP_TIMER_PACE, tcp->snd.meter->depart_ns);
    return true;
}

/* As much time as a late timer may have lost. */
static uint64_t lost_ns(const struct sw_tcp *tcp)
{
    return (uint64_t)tcp->snd.min_rtt_us * SW_NS_PER_US / RTT_PART;
}

void sw_pace_sent(struct sw_tcp *tcp, uint32_t bytes)
{
    struct sw_meter *m = tcp->snd.meter;
    uint64_t now_ns = sw_tcp_now(tcp), len_ns, late_ns, most_ns;

    if (!sw_pace_wanted(tcp))
        return;
    if (tcp->snd.data_segs < FREE_SEGMENTS) {
        m->depart_ns = now_ns;
        return;
    }
    len_ns = bytes * (uint64_t)SW_NS_PER_S / m->pacing_rate;
    late_ns = now_ns > m->depart_ns ? now_ns - m->depart_ns : 0;
    most_ns = len_ns / 2;
    if (m->pace_held && tcp->snd.min_rtt_us != UINT32_MAX && lost_ns(tcp) > most_ns)
        most_ns = lost_ns(tcp);
    m->depart_ns =
        (late_ns ? now_ns : m->depart_ns) + len_ns - (late_ns < most_ns ? late_ns : most_ns);
}

void sw_pace_rest(struct sw_tcp *tcp)
{
    if (tcp->snd.meter)
        tcp->snd.meter->pace_held = tcp->snd.meter->pace_waits;
}

uint32_t sw_pace_quantum(const struct sw_tcp *tcp)
{
    uint64_t rate = tcp->snd.meter->pacing_rate, bytes = rate >> QUANTUM_SHIFT;
    uint64_t part = rate / US_PER_S * (tcp->snd.min_rtt_us / RTT_PART);
    uint32_t gso = tcp->snd.gso_max, mss = tcp->snd.mss;
    uint32_t halvings = tcp->snd.min_rtt_us >> RTT_SHIFT;
    uint32_t least = sw_cc(tcp)->control && rate < SLOW_RATE ? 1 : QUANTUM_SEGMENTS;

    if (part < bytes)
        bytes = part;
    if (halvings < 16)
        bytes += gso >> halvings;
    bytes = bytes < gso ? bytes : gso;
    return sw_max32((uint32_t)bytes / mss, least) * mss;
}

uint32_t sw_burst_max(const struct sw_tcp *tcp)
{
    uint32_t gso = tcp->snd.gso_max, mss = tcp->snd.mss, least = tcp->layer->config.min_tso_segs;
    uint32_t halvings = tcp->snd.min_rtt_us >> BURST_RTT_SHIFT;
    uint64_t bytes;

    if (gso <= mss)
        return mss;
    if (halvings == 0)
        return gso - gso % mss;
    bytes = sw_pace_by_cwnd(tcp) >> QUANTUM_SHIFT; /* of no round trip yet: no limit */
    if (halvings < 16)
        bytes += gso >> halvings;
    bytes = bytes < gso ? bytes : gso;
    return sw_min32(sw_max32((uint32_t)bytes / mss, least), gso / mss) * mss;
}

void sw_pace_set(struct sw_tcp *tcp, uint64_t rate)
{
    struct sw_meter *m = tcp->snd.meter;

    m->pacing_rate = rate < m->max_pacing_rate ? rate : m->max_pacing_rate;
    if (m->pacing_rate == 0)
        m->pacing_rate = 1;
}

uint64_t sw_pace_by_cwnd(const struct sw_tcp *tcp)
{
    const struct sw_tcp_snd *snd = &tcp->snd;
    uint64_t window = sw_max32(snd->cwnd, snd->nxt.v - snd->una.v);
    uint32_t percent = snd->cwnd < snd->ssthresh / 2 ? SLOW_START_PERCENT : AVOIDANCE_PERCENT;

    if (snd->srtt_us8 < 8)
        return SW_RATE_NONE;
    return window * percent / 100 * (8 * US_PER_S) / snd->srtt_us8;
}
