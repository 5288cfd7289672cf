/* SPDX-License-Identifier: BSD-2-Clause */
/* The sending half hears an acknowledgment: RFC 9293 3.10.7.4, fifth step, as RFC 5961 5 hardens
 * it. */
#include "tcp/accecn.h"
#include "tcp/cc.h"
#include "tcp/ecn.h"
#include "tcp/meter.h"
#include "tcp/mtu_probe.h"
#include "tcp/private.h"
#include "tcp/rare.h"
#include "tcp/recovery.h"

/* SND.WND moves if the segment is not older than the one that moved it last. */
static bool update_window(struct sw_tcp *tcp, const struct sw_segment *seg, bool advanced)
{
    struct sw_tcp_snd *snd = &tcp->snd;
    uint32_t wnd = (uint32_t)seg->tcp.window << snd->wscale;
    bool changed = wnd != snd->wnd;

    /* Linux's variant of the SND.WL1/WL2 rule: an ACK that advances is news whatever its sequence
     * number, and of two with the same one the larger window is the later. */
    if (!advanced && !sw_seq_lt(snd->wl1, seg->tcp.seq) &&
        !(sw_seq_eq(snd->wl1, seg->tcp.seq) && (wnd > snd->wnd || wnd == 0)))
        return false;
    snd->wl1 = seg->tcp.seq;
    snd->wnd = wnd;
    if (wnd > snd->max_wnd)
        snd->max_wnd = wnd;
    return changed;
}

/* The round trip: of the oldest segment it covers that was sent once; else by the echoed timestamp,
 * which is right for a retransmission too but coarse (RFC 7323 4.1). */
static void measure(struct sw_tcp *tcp, const struct sw_tcp_hdr *hdr, uint64_t sent_ns)
{
    if (sent_ns) {
        sw_rto_sample(tcp, (sw_tcp_now(tcp) - sent_ns) / SW_NS_PER_US);
    } else if (sw_tcp_has(tcp, SW_TCPF_TIMESTAMPS) && hdr->has_ts && hdr->ts_ecr) {
        uint32_t rtt_ms = sw_tcp_clock_ms(tcp) + tcp->ts_offset - hdr->ts_ecr;

        if (rtt_ms < UINT32_MAX / 4) /* an echo from the future is nonsense */
            sw_rto_sample_echo(tcp, (uint64_t)sw_max32(rtt_ms, 1) * 1000U);
    }
}

/* Forgets what is acknowledged. Returns bytes, the FIN included. */
static uint32_t advance(struct sw_tcp *tcp, const struct sw_tcp_hdr *hdr)
{
    struct sw_tcp_snd *snd = &tcp->snd;
    uint32_t acked = hdr->ack.v - snd->una.v;
    uint64_t sent_ns = 0;

    if (hdr->ack.v - snd->iss.v < snd->una.v - snd->iss.v)
        snd->acked_wraps++;
    SW_ASSERT(snd->flight);
    sw_flight_acked(tcp, hdr->ack, &sent_ns);
    measure(tcp, hdr, sent_ns);
    sw_stream_drop(&snd->queue, sw_tcp_env(tcp)->mem, sw_min32(acked, snd->queue.len));
    sw_meter_recovered(tcp);
    snd->una = hdr->ack;
    snd->retries = 0;
    snd->flight->retrans_start_ns = 0;
    /* Marks that the stream has passed would seem to lie ahead after 2^31 bytes. */
    snd->flight->small_end = sw_seq_max(snd->flight->small_end, snd->una);
    snd->flight->sack_lost = sw_seq_max(snd->flight->sack_lost, snd->una);
    snd->flight->high_sacked = sw_seq_max(snd->flight->high_sacked, snd->una);
    tcp->soft_error = 0;
    sw_mtu_probe_acked(tcp);
    if (snd->flight->count == 0)
        sw_tcp_disarm(tcp, SW_TCP_TIMER_RETRANSMIT); /* RFC 6298 5.2 */
    else
        sw_tcp_arm_retransmit(tcp); /* 5.3 */
    return acked;
}

/* How far below SND.UNA an acknowledgment may lie (RFC 5961 5.2): a window, but not below what was
 * ever acknowledged. What we never sent the peer cannot have acknowledged, however late it comes.
 */
static uint32_t oldest_ack(const struct sw_tcp *tcp)
{
    const struct sw_tcp_snd *snd = &tcp->snd;
    uint32_t acked = snd->una.v - snd->iss.v - (sw_tcp_has(tcp, SW_TCPF_ACTIVE) ? 0U : 1U);

    return snd->acked_wraps ? snd->max_wnd : sw_min32(snd->max_wnd, acked);
}

/* Whether nothing later was heard (RFC 9768 3.2.2.2): it tells of an arrival, or its timestamp is
 * newer. The ACK of a SYN-ACK, come late, tells of neither. */
static bool is_news(const struct sw_tcp *tcp, const struct sw_segment *seg,
                    const struct sw_ack *ack)
{
    const struct sw_tcp_hdr *hdr = &seg->tcp;

    if (ack->acked > 0 || ack->sacked > 0)
        return true;
    return sw_tcp_has(tcp, SW_TCPF_TIMESTAMPS) && hdr->has_ts &&
           (int32_t)(hdr->ts_val - tcp->rcv.ts_recent) > 0 &&
           !sw_seq_eq(hdr->ack, sw_seq_add(tcp->snd.iss, 1));
}

enum sw_drop sw_tcp_ack(struct sw_tcp *tcp, const struct sw_segment *seg)
{
    struct sw_tcp_snd *snd = &tcp->snd;
    struct sw_ack ack = {.ts_ecr = seg->tcp.has_ts ? seg->tcp.ts_ecr : 0,
                         .congested = sw_ecn_echoed(tcp, &seg->tcp)};
    bool was_closed = snd->wnd == 0, changed, outstanding = !sw_seq_eq(snd->una, snd->nxt);
    bool old = false;
    uint32_t segs = snd->meter ? snd->meter->delivered_segs : 0;

    sw_rate_begin(tcp);
    if (snd->flight) {
        snd->flight->delivered = snd->flight->rtt_us = 0;
        snd->flight->reord = false;
        snd->flight->original_acked = snd->flight->original_sacked = false;
        snd->flight->high_before = sw_seq_max(snd->flight->high_sacked, snd->una);
    }
    switch (sw_tcp_ack_verdict(seg->tcp.ack, snd->una, snd->nxt, oldest_ack(tcp))) {
    case SW_ACK_FUTURE:
        sw_tcp_challenge(tcp);
        return SW_DROP_TCP_ACK_FUTURE;
    case SW_ACK_ANCIENT:
        sw_tcp_challenge(tcp);
        return SW_DROP_TCP_ACK_OLD;
    case SW_ACK_OLD: /* old news, but what it carries may be new: data, and SACK blocks too */
        ack.sacked = sw_sack_update(tcp, &seg->tcp, &ack.dsack);
        if (ack.sacked == 0)
            return SW_DROP_NONE;
        old = true;
        break;
    case SW_ACK_NEW:
        update_window(tcp, seg, true);
        ack.sacked = sw_sack_update(tcp, &seg->tcp, &ack.dsack);
        ack.acked = advance(tcp, &seg->tcp);
        break;
    case SW_ACK_DUP:
        changed = update_window(tcp, seg, false);
        ack.sacked = sw_sack_update(tcp, &seg->tcp, &ack.dsack);
        ack.duplicate = outstanding && !changed && seg->len == 0 && snd->wnd > 0 &&
                        !(seg->tcp.flags & (SW_TCP_SYN | SW_TCP_FIN)); /* RFC 5681 2 */
        break;
    }
    sw_rate_sample(tcp);
    if (snd->flight)
        sw_meter_reordered(tcp);
    snd->probes = 0;
    if (was_closed && snd->wnd > 0) { /* sw_tcp_output() arms it anew where still needed */
        sw_tcp_disarm(tcp, SW_TCP_TIMER_PERSIST);
        snd->backoff = 0;
        if (tcp->rare)
            tcp->rare->closed_since_ns = 0;
    }
    if (ack.congested && snd->flight)
        sw_ecn_delivered(tcp, snd->flight->delivered);
    if (sw_tcp_has(tcp, SW_TCPF_ACCECN))
        ack.congested =
            sw_accecn_on_ack(tcp, seg, snd->meter ? snd->meter->delivered_segs - segs : 0,
                             !old && is_news(tcp, seg, &ack));
    sw_recovery_on_ack(tcp, &ack);
    return SW_DROP_NONE;
}
