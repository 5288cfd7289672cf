/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The retransmission timeout (RFC 6298). The smallest timeout is used as Linux uses it: as the
 * floor of the variation term (the G of RFC 6298 2.3), so RTO = SRTT + max(rto_min, 4 * RTTVAR).
 */
#include "tcp/private.h"

#define RTO_AFTER_LOST_SYN_US 3000000U /* RFC 6298 5.7 */

/* One measurement R, never of a segment that was sent more than once (Karn; RFC 6298 3) unless by
 * its timestamps. Scaled as Jacobson did: srtt_us8 = 8 * SRTT, rttvar_us4 = 4 * RTTVAR. */
void sw_rto_sample(struct sw_tcp *tcp, uint64_t rtt_us)
{
    struct sw_tcp_snd *snd = &tcp->snd;
    uint32_t r = rtt_us == 0 ? 1 : (uint32_t)(rtt_us < 1U << 28 ? rtt_us : 1U << 28);

    if (r < snd->min_rtt_us)
        snd->min_rtt_us = r;
    if (snd->srtt_us8 == 0) { /* RFC 6298 2.2: SRTT = R, RTTVAR = R/2 */
        snd->srtt_us8 = r << 3;
        snd->rttvar_us4 = r << 1;
    } else { /* 2.3: RTTVAR = 3/4 RTTVAR + 1/4 |SRTT - R|, then SRTT = 7/8 SRTT + 1/8 R */
        uint32_t srtt = snd->srtt_us8 >> 3;
        uint32_t err = srtt > r ? srtt - r : r - srtt;

        snd->rttvar_us4 += err - (snd->rttvar_us4 >> 2);
        snd->srtt_us8 += r - srtt;
    }
    snd->backoff = 0; /* RFC 6298 5: a backed-off timeout holds until there is a new measurement */
}

void sw_rto_after_lost_syn(struct sw_tcp *tcp)
{
    if (tcp->snd.srtt_us8 != 0)
        return;
    tcp->snd.rttvar_us4 = RTO_AFTER_LOST_SYN_US; /* until there is a measurement, which sets it */
    tcp->snd.backoff = 0;
}

/* Before any doubling: RFC 6298 2.1 to 2.3. */
static uint64_t base_ns(const struct sw_tcp *tcp)
{
    const struct sw_tcp_config *config = &tcp->layer->config;
    uint64_t var_ns = (uint64_t)tcp->snd.rttvar_us4 * SW_NS_PER_US;
    uint64_t min_ns = sw_tcp_rto_min_ns(tcp);

    if (tcp->snd.srtt_us8 == 0)
        return var_ns > config->rto_initial_ns ? var_ns : config->rto_initial_ns;
    return (uint64_t)(tcp->snd.srtt_us8 >> 3) * SW_NS_PER_US + (var_ns > min_ns ? var_ns : min_ns);
}

/* Of data that was sent again, by their timestamp. If that is the first sending's, either the path
 * has become so slow, or only the ACK was lost and the wait for our own, doubled timer is in the
 * figure, which would then feed itself. So it counts for no more than the timeout: a slow path is
 * still learned, in a few steps. */
void sw_rto_sample_echo(struct sw_tcp *tcp, uint64_t rtt_us)
{
    uint64_t most_us = base_ns(tcp) / SW_NS_PER_US;

    sw_rto_sample(tcp, rtt_us < most_us ? rtt_us : most_us);
}

/* Doubled per timeout (RFC 6298 5.5), at most rto_max (2.5). */
uint64_t sw_rto_ns(const struct sw_tcp *tcp)
{
    uint64_t rto_ns = base_ns(tcp), max_ns = sw_tcp_rto_max_ns(tcp);

    for (unsigned i = 0; i < tcp->snd.backoff && rto_ns < max_ns; i++)
        rto_ns *= 2;
    return rto_ns < max_ns ? rto_ns : max_ns;
}

/* RFC 1122 4.2.3.5 lets R1 and R2 be times or counts. As in Linux the count stands for the time
 * that so many doublings from the smallest timeout would take, so that a long path is not given up
 * earlier. */
bool sw_rto_exhausted(const struct sw_tcp *tcp, uint32_t retries, uint64_t elapsed_ns)
{
    uint64_t rto_ns = tcp->layer->config.rto_min_ns, total_ns = 0;
    uint64_t max_ns = sw_tcp_rto_max_ns(tcp);

    for (uint32_t i = 0; i <= retries; i++) {
        total_ns += rto_ns;
        rto_ns = rto_ns * 2 < max_ns ? rto_ns * 2 : max_ns;
    }
    return elapsed_ns >= total_ns;
}
