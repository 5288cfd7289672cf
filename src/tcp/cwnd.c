/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A congestion window means something only where it is used (RFC 7661 in spirit; RFC 2861, as Linux
 * has it): it grows only if it was what held data back in this round trip, or in slow start to
 * twice what was out; it falls halfway to what was used for each timeout's time in which less was
 * and no ACK said that the path still takes it; and after a pause it is halved for each timeout
 * that the pause was long (RFC 5681 4.1).
 */
#include "tcp/cc.h"
#include "tcp/meter.h"
#include "tcp/private.h"

/* RFC 2861 2: what is known of the path stays known. */
static uint32_t remembered(const struct sw_tcp *tcp)
{
    const struct sw_tcp_flight *f = tcp->snd.flight;

    if (f && (f->ca == SW_CA_CWR || f->ca == SW_CA_RECOVERY))
        return tcp->snd.ssthresh;
    return sw_max32(tcp->snd.ssthresh, tcp->snd.cwnd / 4 * 3);
}

void sw_cwnd_restart(struct sw_tcp *tcp)
{
    uint64_t idle_ns = (uint64_t)(sw_tcp_clock_ms(tcp) - tcp->snd.last_ms) * SW_NS_PER_MS;
    uint64_t rto_ns;
    uint32_t least;

    if (sw_cc(tcp)->restart)
        sw_cc(tcp)->restart(tcp);
    if (sw_cc(tcp)->control || !tcp->layer->config.slow_start_after_idle ||
        idle_ns <= tcp->layer->config.rto_min_ns) /* a timeout is never shorter */
        return;
    rto_ns = sw_rto_ns(tcp);
    if (idle_ns <= rto_ns)
        return;
    least = sw_min32(sw_tcp_initial_cwnd(tcp), tcp->snd.cwnd);
    tcp->snd.ssthresh = remembered(tcp);
    for (; idle_ns > rto_ns && tcp->snd.cwnd > least; idle_ns -= rto_ns)
        tcp->snd.cwnd /= 2;
    tcp->snd.cwnd = sw_max32(tcp->snd.cwnd, least);
    if (tcp->snd.flight) {
        tcp->snd.flight->cwnd_stamp_ns = sw_tcp_now(tcp);
        tcp->snd.flight->cwnd_used = 0;
    }
}

/* For a timeout's time less than the window was used, unanswered: half of what is beyond that goes.
 */
static void decay(struct sw_tcp *tcp)
{
    struct sw_tcp_flight *f = tcp->snd.flight;
    uint32_t used = sw_max32(f->cwnd_used, sw_tcp_initial_cwnd(tcp));

    f->cwnd_stamp_ns = sw_tcp_now(tcp);
    f->cwnd_used = 0;
    /* A full send buffer says that the user would have sent more. */
    if (f->ca != SW_CA_OPEN || sw_tcp_has(tcp, SW_TCPF_NOSPACE) || used >= tcp->snd.cwnd)
        return;
    tcp->snd.ssthresh = remembered(tcp);
    tcp->snd.cwnd = used + (tcp->snd.cwnd - used) / 2;
    sw_cc_trace(tcp);
}

bool sw_cwnd_limited(const struct sw_tcp *tcp)
{
    if (sw_tcp_has(tcp, SW_TCPF_CWND_LIMITED))
        return true;
    return sw_cc_in_slow_start(tcp) && tcp->snd.flight &&
           tcp->snd.cwnd < 2 * tcp->snd.flight->max_out;
}

/* Linux's tcp_cwnd_validate(): the strongest sign of this round trip counts. */
void sw_cwnd_validate(struct sw_tcp *tcp, bool limited)
{
    struct sw_tcp_flight *f = tcp->snd.flight;
    uint32_t out = tcp->snd.nxt.v - tcp->snd.una.v;

    if (!f)
        return;
    if (limited || sw_seq_le(f->usage_end, tcp->snd.una) ||
        (!sw_tcp_has(tcp, SW_TCPF_CWND_LIMITED) && out > f->max_out)) {
        sw_tcp_flag(tcp, SW_TCPF_CWND_LIMITED, limited);
        f->max_out = out;
        f->usage_end = tcp->snd.nxt;
    }
    if (sw_cwnd_limited(tcp)) {
        f->cwnd_used = 0;
        f->cwnd_stamp_ns = sw_tcp_now(tcp);
        return;
    }
    f->cwnd_used = sw_max32(f->cwnd_used, out);
    if (tcp->layer->config.slow_start_after_idle && !sw_cc(tcp)->control &&
        sw_tcp_now(tcp) - f->cwnd_stamp_ns >= tcp->layer->config.rto_min_ns &&
        sw_tcp_now(tcp) - f->cwnd_stamp_ns >= sw_rto_ns(tcp))
        decay(tcp);
}
