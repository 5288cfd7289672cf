/* SPDX-License-Identifier: BSD-2-Clause */
/* A segment arrives in SYN-SENT: RFC 9293 3.10.7.3, in its order. */
#include <errno.h>

#include "tcp/ecn.h"
#include "tcp/fastopen.h"
#include "tcp/private.h"

#define SYN_SOON_NS (8 * SW_NS_PER_MS) /* Linux's least timeout: two ticks of its clock */

/* Our SYN is acknowledged: the round trip it took is the first measurement, unless it was sent
 * twice (then the timestamps tell, RFC 7323 4). */
static void take_syn_ack(struct sw_tcp *tcp, const struct sw_tcp_hdr *hdr)
{
    uint32_t now_ms = sw_tcp_clock_ms(tcp);

    if (tcp->snd.retries == 0)
        sw_rto_sample(tcp, (sw_tcp_now(tcp) - tcp->snd.syn_ns) / SW_NS_PER_US);
    else if (sw_tcp_has(tcp, SW_TCPF_TIMESTAMPS) && hdr->ts_ecr)
        sw_rto_sample(tcp, (uint64_t)(now_ms + tcp->ts_offset - hdr->ts_ecr) * 1000U);
}

/* An echo of what we cannot have said is as bad as an ACK of what we did not send (as Linux). */
static bool echo_acceptable(const struct sw_tcp *tcp, const struct sw_tcp_hdr *hdr)
{
    uint32_t first_ms = (uint32_t)(tcp->snd.syn_ns / SW_NS_PER_MS) + tcp->ts_offset;
    uint32_t now_ms = sw_tcp_clock_ms(tcp) + tcp->ts_offset;

    return !hdr->has_ts || hdr->ts_ecr == 0 || !tcp->layer->config.timestamps ||
           hdr->ts_ecr - first_ms <= now_ms - first_ms;
}

/* An ACK that is not for our SYN is of a connection that the peer still has and we have forgotten.
 * Our reset ends that, so a SYN soon after it finds the peer free, where the next one would be due
 * in a second (as Linux, once; RFC 9293 figure 9 has a half-open connection end like this). */
static void try_again_soon(struct sw_tcp *tcp)
{
    if (tcp->snd.retries == 0)
        sw_tcp_arm(tcp, SW_TCP_TIMER_RETRANSMIT, sw_tcp_now(tcp) + SYN_SOON_NS);
}

/* What came with the SYN-ACK: a client that has done its part of Fast Open takes it, any other one
 * lets it be sent again. */
static enum sw_drop take_text(struct sw_tcp *tcp, struct sw_segment *seg)
{
    if (!sw_tfo_takes_data(tcp) || !sw_seq_eq(tcp->snd.una, tcp->snd.nxt))
        return SW_DROP_NONE;
    seg->tcp.flags &= (uint16_t)~SW_TCP_SYN;
    seg->tcp.seq = tcp->rcv.nxt;
    return sw_tcp_text(tcp, seg);
}

enum sw_drop sw_tcp_input_syn_sent(struct sw_tcp *tcp, struct sw_segment *seg)
{
    const struct sw_tcp_hdr *hdr = &seg->tcp;
    bool ack = (hdr->flags & SW_TCP_ACK) != 0;

    /* First the ACK bit: it can only be for our SYN, and for data that went with it. */
    if (ack && !(sw_tcp_acks_syn(tcp, hdr) && echo_acceptable(tcp, hdr))) {
        if (!sw_tcp_acks_syn(tcp, hdr))
            try_again_soon(tcp);
        if (!(hdr->flags & SW_TCP_RST))
            sw_tcp_send_rst_for(tcp->layer, seg);
        return SW_DROP_TCP_ACK_FUTURE;
    }
    /* Second the RST bit: believed only with that ACK. */
    if (hdr->flags & SW_TCP_RST) {
        if (!ack)
            return SW_DROP_TCP_RST_INVALID;
        sw_tcp_finish(tcp, ECONNREFUSED);
        return SW_DROP_NONE;
    }
    /* Fourth the SYN bit; fifth, nothing without it. (Third, security, is no more.) */
    if (!(hdr->flags & SW_TCP_SYN))
        return SW_DROP_TCP_FLAGS;
    /* A FIN, or data, with the SYN waits until the peer repeats it (as Linux). */
    sw_tcp_negotiate(tcp, hdr);
    if (!ack) { /* the SYNs have crossed (3.5, figure 8) */
        sw_ecn_take_syn(tcp, seg);
        sw_tcp_set_state(tcp, SW_TCP_SYN_RECEIVED);
        tcp->snd.retries = 0;
        sw_tcp_send_syn(tcp, false);
        sw_tcp_arm_retransmit(tcp);
        return SW_DROP_NONE;
    }
    sw_ecn_take_syn_ack(tcp, seg);
    take_syn_ack(tcp, hdr);
    tcp->snd.una = sw_seq_add(tcp->snd.iss, 1);
    sw_tcp_established(tcp);
    sw_tfo_syn_ack(tcp, hdr);
    tcp->flags |= SW_TCPF_ACK_NOW;
    return take_text(tcp, seg);
}
