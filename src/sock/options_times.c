/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Options of SOL_TCP that set a connection's times, and the one that tells its clock
 * (TCP_TIMESTAMP). Linux keeps the times in ticks of its clock; a tick is a millisecond here.
 */
#include <errno.h>

#include "sock/options.h"

#define NS_PER_MS 1000000ULL
enum {
    US_PER_TICK = 1000,
    TICKS_MIN = 2,       /* Linux's TCP_TIMEOUT_MIN */
    RTO_MIN_US = 200000, /* and its defaults, which are the most, too */
    DELACK_MAX_US = 200000,
    RTO_MAX_MS = 120000,
    RTO_MAX_LEAST_MS = 1000, /* RFC 6298 2.4 */
};

/* As many microseconds as the ticks that they take; -EINVAL: too few, or more than `most`. */
static int in_ticks(int us, int most)
{
    int ticks = us > 0 ? us / US_PER_TICK + (us % US_PER_TICK != 0) : 0;
    return ticks < TICKS_MIN || ticks > most / US_PER_TICK ? -EINVAL : ticks * US_PER_TICK;
}

SW_OPT_GET(sw_opt_get_rto_min)
{
    (void)layer;
    int32_t v = sw_sock_opts(s)->rto_min_us;
    *ret = v ? v : RTO_MIN_US;
    return 0;
}

SW_OPT_SET(sw_opt_set_rto_min)
{
    int us = in_ticks(v, RTO_MIN_US);
    return us < 0 ? us : SW_OPT_STORE(layer, s, rto_min_us, us);
}

SW_OPT_GET(sw_opt_get_delack_max)
{
    (void)layer;
    int32_t v = sw_sock_opts(s)->delack_max_us;
    *ret = v ? v : DELACK_MAX_US;
    return 0;
}

SW_OPT_SET(sw_opt_set_delack_max)
{
    int us = in_ticks(v, DELACK_MAX_US);
    return us < 0 ? us : SW_OPT_STORE(layer, s, delack_max_us, us);
}

SW_OPT_GET(sw_opt_get_rto_max)
{
    int32_t v = sw_sock_opts(s)->rto_max_ms;
    *ret = v ? v : (int)(layer->tcp->config.rto_max_ns / NS_PER_MS);
    return 0;
}

SW_OPT_SET(sw_opt_set_rto_max)
{
    return v < RTO_MAX_LEAST_MS || v > RTO_MAX_MS ? -EINVAL : SW_OPT_STORE(layer, s, rto_max_ms, v);
}

/* What a segment would say now (RFC 7323 3). */
SW_OPT_GET(sw_opt_get_timestamp_clock)
{
    (void)layer;
    *ret = (int)(sw_tcp_timestamp(sw_sock_tcp(s)) & ~1U); /* the last bit tells its unit: ms */
    return 0;
}

SW_OPT_SET(sw_opt_set_timestamp_clock)
{
    (void)layer, (void)s, (void)v;
    return -EPERM; /* of TCP_REPAIR, which is not to be had */
}
