/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What one ACK tells of the delivery rate: see rate.c. It is of no connection: filled while an ACK
 * is read, and of no use afterwards. So there is one for all, in the layer, which never leaves the
 * caches.
 */
#ifndef SW_TCP_RATE_H
#define SW_TCP_RATE_H

#include <stdbool.h>

#include "base/seq.h"

struct sw_rate {
    uint64_t interval_ns;     /* 0: it tells nothing */
    uint32_t delivered;       /* bytes, in interval_ns */
    uint32_t acked;           /* bytes that this ACK told have arrived, by number or by SACK */
    uint32_t lost;            /* bytes newly taken for lost */
    uint32_t prior_delivered; /* the count when the newest of them was sent */
    uint64_t prior_ns;        /* and the time of that count; 0: nothing arrived */
    uint64_t sent_ns, send_ns;
    sw_seq end;
    bool app_limited; /* the application was slower than the path */
    bool again;       /* the newest was a repetition: no round trip */
};

#endif
