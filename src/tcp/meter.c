/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What TCP_INFO tells of a sender's life: where its time went, what was sent twice, how far
 * segments overtook each other. And the coming and going of the meter itself: see meter.h.
 */
#include "tcp/meter.h"

#include <errno.h>

#include "base/mem.h"
#include "tcp/cc.h"
#include "tcp/private.h"

#define REORDERING_START 3U /* segments: Linux's tcp_reordering, the threshold of RFC 5681 3.2 */
#define REORDERING_MAX 255U /* Linux stops at 300 */

int sw_meter_reserve(struct sw_tcp *tcp)
{
    struct sw_meter *m = tcp->snd.meter;

    if (m)
        return 0;
    m = sw_mem_take(sw_tcp_env(tcp)->mem, SW_METER_BYTES);
    if (!m)
        return -ENOMEM;
    memset(m, 0, sizeof(*m));
    m->pacing_rate = m->max_pacing_rate = SW_RATE_NONE;
    m->app_limited = 1; /* rate.c: whoever begins to write had nothing to send until now */
    m->chrono_since_ns = sw_tcp_now(tcp);
    m->filling = m->pushed = sw_tcp_snd_base(tcp);
    if (!sw_tcp_syn_unacked(tcp) && tcp->state != SW_TCP_CLOSED) { /* what an earlier one left */
        m->chrono_ns[SW_CHRONO_BUSY] = (uint64_t)tcp->snd.told.busy_ms * SW_NS_PER_MS;
        m->delivered_segs = tcp->snd.data_segs;
    }
    tcp->snd.meter = m;
    return 0;
}

void sw_meter_free(struct sw_tcp *tcp)
{
    sw_cc_free(tcp);
    sw_mem_give(sw_tcp_env(tcp)->mem, tcp->snd.meter, SW_METER_BYTES);
    tcp->snd.meter = NULL;
}

bool sw_meter_plain(const struct sw_tcp *tcp)
{
    const struct sw_meter *m = tcp->snd.meter;

    return m && tcp->state == SW_TCP_ESTABLISHED && !m->cc_state &&
           m->max_pacing_rate == SW_RATE_NONE && tcp->snd.retrans == 0 && m->timeouts == 0 &&
           m->reord_seen == 0 && m->dsack_dups == 0 && m->chrono_ns[SW_CHRONO_RWND] == 0 &&
           m->chrono_ns[SW_CHRONO_SNDBUF] == 0;
}

void sw_meter_tidy(struct sw_tcp *tcp)
{
    if (tcp->snd.flight || !sw_meter_plain(tcp))
        return;
    tcp->snd.told.busy_ms = (uint32_t)(sw_meter_chrono_ns(tcp, SW_CHRONO_BUSY) / SW_NS_PER_MS);
    sw_meter_free(tcp);
}

/* ---- where the time goes: Linux's tcp_chrono ---- */

void sw_meter_chrono(struct sw_tcp *tcp, enum sw_chrono now)
{
    struct sw_meter *m;

    if (now != SW_CHRONO_IDLE)
        sw_meter_reserve(tcp);
    m = tcp->snd.meter;
    if (!m || m->chrono == now)
        return;
    m->chrono_ns[m->chrono] += sw_tcp_now(tcp) - m->chrono_since_ns;
    m->chrono_since_ns = sw_tcp_now(tcp);
    m->chrono = (uint8_t)now;
}

uint64_t sw_meter_chrono_ns(const struct sw_tcp *tcp, enum sw_chrono which)
{
    const struct sw_meter *m = tcp->snd.meter;

    if (!m)
        return which == SW_CHRONO_BUSY && tcp->state == SW_TCP_ESTABLISHED
                   ? (uint64_t)tcp->snd.told.busy_ms * SW_NS_PER_MS
                   : 0;
    return m->chrono_ns[which] + (m->chrono == which ? sw_tcp_now(tcp) - m->chrono_since_ns : 0);
}

/* ---- what was sent twice ---- */

void sw_meter_retransmitted(struct sw_tcp *tcp, uint32_t bytes)
{
    tcp->snd.meter->bytes_retrans += bytes;
}

void sw_meter_timeout(struct sw_tcp *tcp)
{
    struct sw_meter *m;

    if (sw_meter_reserve(tcp) < 0)
        return;
    m = tcp->snd.meter;
    m->timeouts++;
    if (tcp->snd.retries > 0)
        return;
    m->rto_recoveries++;
    m->rto_since_ns = sw_tcp_now(tcp);
}

void sw_meter_recovered(struct sw_tcp *tcp)
{
    struct sw_meter *m = tcp->snd.meter;

    if (!m || tcp->snd.retries == 0)
        return;
    m->rto_total_ns += sw_tcp_now(tcp) - m->rto_since_ns;
}

/* ---- reordering: Linux's tcp_check_sack_reordering() ---- */

uint32_t sw_meter_reordering(const struct sw_tcp *tcp)
{
    const struct sw_meter *m = tcp->snd.meter;

    return m && m->reordering ? m->reordering : REORDERING_START;
}

void sw_meter_reordered(struct sw_tcp *tcp)
{
    const struct sw_tcp_flight *f = tcp->snd.flight;
    struct sw_meter *m = tcp->snd.meter;
    sw_seq high = sw_seq_max(f->high_before, f->high_sacked);
    uint32_t segs;

    if (!f->reord || sw_seq_le(high, f->reord_seq))
        return;
    segs = (high.v - f->reord_seq.v + tcp->snd.mss - 1U) / tcp->snd.mss;
    m->reord_seen++;
    if (segs > sw_meter_reordering(tcp))
        m->reordering = (uint8_t)sw_min32(segs, REORDERING_MAX);
}
