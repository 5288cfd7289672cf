/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What few connections need, and those need for their whole life: attached to the control block at
 * the first need and freed with it. It begins as zeroes.
 */
#ifndef SW_TCP_RARE_H
#define SW_TCP_RARE_H

#include "tcp/accecn.h"
#include "tcp/control.h"
#include "tcp/ecn.h"
#include "tcp/fastopen.h"
#include "tcp/mtu_probe.h"
#include "tcp/notice.h"
#include "tcp/record.h"

struct sw_tcp_rare {
    struct sw_ecn_counts ecn;
    struct sw_accecn accecn;
    struct sw_tfo tfo;
    struct sw_tcp_records records; /* MSG_EOR */
    struct sw_notices *notices;    /* notice.h; NULL: nothing is followed */
    uint32_t ooo_segs;             /* segments that came before their turn */
    uint32_t notsent_lowat;        /* TCP_NOTSENT_LOWAT, bytes; 0: the host's */
    struct sw_tcp_times times;     /* times.c */
    struct sw_mtu_search mtu;
    uint32_t flow_label;      /* IPv6's, if it has_flow_label: 0 is none */
    bool has_flow_label;      /* else it follows from the two ends */
    uint64_t closed_since_ns; /* with TCP_USER_TIMEOUT: the first probe of a closed window; or 0 */
};

struct sw_tcp_rare *sw_rare_get(struct sw_tcp *tcp); /* NULL: no memory */
void sw_rare_free(struct sw_tcp *tcp);

#endif
