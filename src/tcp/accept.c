/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether to believe a segment: the checks of RFC 9293 3.10.7.4 as RFC 5961 hardened them, and PAWS
 * (RFC 7323 5). Pure functions: what to do about the answer is input.c's affair.
 */
#include "tcp/private.h"

/*
 * The table of RFC 9293 3.4, with two allowances that keep information from being thrown away:
 * the right edge itself counts, so that the ACKs of a peer that has filled the window get through
 * (draft-gont-tcpm-tcp-seq-validation 4), and so does RCV.NXT when the window is zero, for the
 * probes of RFC 9293 3.10.7.4 ("valid ACKs, URGs, and RSTs"). What of the data lies outside is
 * trimmed later.
 */
bool sw_tcp_seq_acceptable(sw_seq seq, uint32_t len, sw_seq rcv_nxt, uint32_t rcv_wnd)
{
    if (sw_seq_in(seq, rcv_nxt, rcv_wnd + 1))
        return true;
    return len > 0 && sw_seq_lt(seq, rcv_nxt) && sw_seq_lt(rcv_nxt, sw_seq_add(seq, len));
}

/* RFC 5961 3.2. With a closed window RCV.NXT alone is in it. */
enum sw_tcp_rst sw_tcp_rst_verdict(sw_seq seq, sw_seq rcv_nxt, uint32_t rcv_wnd)
{
    if (sw_seq_eq(seq, rcv_nxt))
        return SW_RST_EXACT;
    return sw_seq_in(seq, rcv_nxt, rcv_wnd) ? SW_RST_CHALLENGE : SW_RST_OUTSIDE;
}

/* RFC 5961 5.2: SND.UNA - MAX.SND.WND <= SEG.ACK <= SND.NXT. */
enum sw_tcp_ackness sw_tcp_ack_verdict(sw_seq ack, sw_seq una, sw_seq nxt, uint32_t max_wnd)
{
    if (sw_seq_lt(nxt, ack))
        return SW_ACK_FUTURE;
    if (sw_seq_lt(una, ack))
        return SW_ACK_NEW;
    if (sw_seq_eq(una, ack))
        return SW_ACK_DUP;
    return una.v - ack.v <= max_wnd ? SW_ACK_OLD : SW_ACK_ANCIENT;
}

/* RFC 7323 5.3 R1, and 5.5: after 24 days of silence TS.Recent says nothing any more. */
#define PAWS_IDLE_MS (24U * 24U * 3600U * 1000U)

bool sw_tcp_paws_old(const struct sw_tcp *tcp, const struct sw_tcp_hdr *hdr)
{
    if (!sw_tcp_has(tcp, SW_TCPF_TIMESTAMPS) || !hdr->has_ts)
        return false;
    if ((int32_t)(hdr->ts_val - tcp->rcv.ts_recent) >= 0)
        return false;
    return sw_tcp_clock_ms(tcp) - tcp->rcv_ms < PAWS_IDLE_MS;
}
