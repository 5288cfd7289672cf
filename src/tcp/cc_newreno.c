/* SPDX-License-Identifier: BSD-2-Clause */
/* The standard congestion control: RFC 5681. */
#include "tcp/cc.h"
#include "tcp/flight.h"
#include "tcp/private.h"

static void newreno_on_ack(struct sw_tcp *tcp, uint32_t acked)
{
    if (sw_cc_in_slow_start(tcp))
        acked = sw_cc_slow_start(tcp, acked);
    /* One MSS per window acknowledged (RFC 5681 3.1, RFC 3465 2.1); the window is the whole
     * segments in it: half a window may be 3.5 of them, and no more than 3 come back in a round
     * trip. */
    if (acked > 0)
        sw_cc_avoid(tcp, acked,
                    sw_max32(tcp->snd.cwnd - tcp->snd.cwnd % tcp->snd.mss, tcp->snd.mss));
}

/* RFC 5681 equation 4. FlightSize, not cwnd, which an idle application would have left large. */
static uint32_t newreno_ssthresh(struct sw_tcp *tcp)
{
    uint32_t flight = sw_cc_flight(tcp);

    return sw_max32(sw_min32(flight, tcp->snd.cwnd) / 2, 2U * tcp->snd.mss);
}

const struct sw_cc_ops sw_cc_newreno = {
    .name = "reno",
    .on_ack = newreno_on_ack,
    .ssthresh = newreno_ssthresh,
};
