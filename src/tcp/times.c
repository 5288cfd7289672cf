/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Times of one connection that its user may set (tcp(7); Linux 6.15): the shortest and the longest
 * retransmission timeout, and how long an ACK may be put off; else they are the host's. As Linux's,
 * an ACK waits for less than the shortest timeout, since the peer's may be as short.
 */
#include "tcp/private.h"
#include "tcp/rare.h"

uint64_t sw_tcp_rto_min_ns(const struct sw_tcp *tcp)
{
    uint32_t us = tcp->rare ? tcp->rare->times.rto_min_us : 0;
    return us ? us * (uint64_t)SW_NS_PER_US : tcp->layer->config.rto_min_ns;
}

uint64_t sw_tcp_rto_max_ns(const struct sw_tcp *tcp)
{
    uint32_t ms = tcp->rare ? tcp->rare->times.rto_max_ms : 0;
    return ms ? ms * (uint64_t)SW_NS_PER_MS : tcp->layer->config.rto_max_ns;
}

uint64_t sw_tcp_delack_ns(const struct sw_tcp *tcp)
{
    uint64_t least_ns = tcp->layer->config.delack_ns;
    const struct sw_tcp_times *times = tcp->rare ? &tcp->rare->times : NULL;

    if (!times)
        return least_ns;
    if (times->delack_max_us && times->delack_max_us * (uint64_t)SW_NS_PER_US < least_ns)
        least_ns = times->delack_max_us * (uint64_t)SW_NS_PER_US;
    if (times->rto_min_us && (times->rto_min_us - 1) * (uint64_t)SW_NS_PER_US < least_ns)
        least_ns = (times->rto_min_us - 1) * (uint64_t)SW_NS_PER_US;
    return least_ns;
}

/* A stream of so few segments that no duplicate ACK tells of a loss hears of it by timeouts only,
 * so that doubling them hurts more than it helps (Linux's tcp_stream_is_thin()). */
bool sw_tcp_times_out_linearly(const struct sw_tcp *tcp)
{
    enum { THIN_SEGMENTS = 4, RETRIES = 6 };
    const struct sw_tcp_snd *snd = &tcp->snd;

    return tcp->rare && tcp->rare->times.thin_linear && tcp->state == SW_TCP_ESTABLISHED &&
           snd->nxt.v - snd->una.v < (uint32_t)THIN_SEGMENTS * snd->mss &&
           snd->ssthresh != UINT32_MAX && snd->retries <= RETRIES;
}

void sw_tcp_set_times(struct sw_tcp *tcp, const struct sw_tcp_times *times)
{
    bool any = times->rto_min_us || times->rto_max_ms || times->delack_max_us || times->thin_linear;
    struct sw_tcp_rare *rare = any || tcp->rare ? sw_rare_get(tcp) : NULL;

    if (rare) /* a wish: without memory it is not heard */
        rare->times = *times;
}

uint32_t sw_tcp_timestamp(const struct sw_tcp *tcp)
{
    return sw_tcp_clock_ms(tcp) + tcp->ts_offset;
}
