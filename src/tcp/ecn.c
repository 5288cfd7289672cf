/* SPDX-License-Identifier: BSD-2-Clause */
/* Explicit congestion notification (RFC 3168): see ecn.h. */
#include "tcp/ecn.h"

#include "tcp/accecn.h"
#include "tcp/private.h"
#include "tcp/rare.h"

#define ECN_FLAGS (SW_TCP_ECE | SW_TCP_CWR)
#define QUICK_ACKS 2U /* after a mark, as Linux: who is slowed down has little else to go by */

/* ---- the handshake (6.1.1) ---- */

void sw_ecn_begin(struct sw_tcp *tcp)
{
    unsigned mode = tcp->layer->config.ecn;

    sw_tcp_flag(tcp, SW_TCPF_ECN, mode == SW_ECN_ASK || mode == SW_ECN_ACCURATE_ASK);
    sw_tcp_flag(tcp, SW_TCPF_ACCECN, mode == SW_ECN_ACCURATE);
}

/* A SYN that gets no answer may have met somebody who drops what asks for ECN: the next one does
 * not ask (6.1.1.1; Linux's tcp_ecn_fallback). */
uint16_t sw_ecn_syn_flags(const struct sw_tcp *tcp, bool again)
{
    if (sw_tcp_has(tcp, SW_TCPF_ACCECN))
        return sw_accecn_syn_flags(tcp, again);
    if (!sw_tcp_has(tcp, SW_TCPF_ECN))
        return 0;
    if (tcp->state == SW_TCP_SYN_RECEIVED)
        return SW_TCP_ECE;
    return again && tcp->layer->config.ecn_fallback ? 0 : ECN_FLAGS;
}

/* A SYN is sent without ECT (6.1.1): with it, it comes from something else, or through a path that
 * rewrites the field. */
void sw_ecn_take_syn(struct sw_tcp *tcp, const struct sw_segment *syn)
{
    if (sw_accecn_take_syn(tcp, syn))
        return;
    sw_tcp_flag(tcp, SW_TCPF_ECN,
                tcp->layer->config.ecn != SW_ECN_OFF && (syn->tcp.flags & ECN_FLAGS) == ECN_FLAGS &&
                    (syn->ip.tos & SW_IP_ECN_MASK) == SW_IP_NOT_ECT);
}

bool sw_ecn_syn_again(struct sw_tcp *tcp, const struct sw_segment *syn)
{
    return sw_accecn_syn_again(tcp, syn);
}

void sw_ecn_take_syn_ack(struct sw_tcp *tcp, const struct sw_segment *syn_ack)
{
    if (sw_tcp_has(tcp, SW_TCPF_ACCECN))
        sw_accecn_take_syn_ack(tcp, syn_ack);
    else if ((syn_ack->tcp.flags & ECN_FLAGS) != SW_TCP_ECE)
        sw_tcp_flag(tcp, SW_TCPF_ECN, false);
}

/* ---- the sender of data (6.1.2) ---- */

uint8_t sw_ecn_send(struct sw_tcp *tcp, struct sw_tcp_hdr *hdr, const struct sw_packet *pkt,
                    bool again)
{
    if (sw_tcp_has(tcp, SW_TCPF_ACCECN))
        return sw_accecn_send(tcp, hdr, pkt, again);
    if (!sw_tcp_has(tcp, SW_TCPF_ECN) || (hdr->flags & (SW_TCP_SYN | SW_TCP_RST)))
        return SW_IP_NOT_ECT;
    if (sw_tcp_has(tcp, SW_TCPF_ECE_DUE))
        hdr->flags |= SW_TCP_ECE;
    if (pkt->data_len == 0 || again)
        return SW_IP_NOT_ECT;
    if (sw_tcp_has(tcp, SW_TCPF_CWR_DUE))
        hdr->flags |= SW_TCP_CWR;
    sw_tcp_flag(tcp, SW_TCPF_CWR_DUE, false);
    return SW_IP_ECT0;
}

bool sw_ecn_echoed(const struct sw_tcp *tcp, const struct sw_tcp_hdr *hdr)
{
    return (tcp->flags & (SW_TCPF_ECN | SW_TCPF_ACCECN)) == SW_TCPF_ECN &&
           (hdr->flags & SW_TCP_ECE);
}

void sw_ecn_delivered(struct sw_tcp *tcp, uint32_t bytes)
{
    struct sw_tcp_rare *rare = bytes > 0 ? sw_rare_get(tcp) : NULL;

    if (rare)
        rare->ecn.delivered_ce += (bytes + tcp->snd.mss - 1) / tcp->snd.mss;
}

void sw_ecn_reduced(struct sw_tcp *tcp)
{
    if ((tcp->flags & (SW_TCPF_ECN | SW_TCPF_ACCECN)) == SW_TCPF_ECN)
        tcp->flags |= SW_TCPF_CWR_DUE;
}

void sw_ecn_not_reduced(struct sw_tcp *tcp)
{
    if (!sw_tcp_has(tcp, SW_TCPF_ACCECN))
        sw_tcp_flag(tcp, SW_TCPF_CWR_DUE, false);
}

/* ---- the receiver of data (6.1.3) ---- */

static void answer_at_once(struct sw_tcp *tcp)
{
    sw_tcp_flag(tcp, SW_TCPF_PINGPONG, false);
    if (tcp->rcv.quick < QUICK_ACKS)
        tcp->rcv.quick = QUICK_ACKS;
}

void sw_ecn_receive(struct sw_tcp *tcp, const struct sw_segment *seg)
{
    if ((tcp->flags & (SW_TCPF_ECN | SW_TCPF_ACCECN)) != SW_TCPF_ECN)
        return;
    if (seg->tcp.flags & SW_TCP_CWR) { /* it has heard us, and may have next to no window now */
        sw_tcp_flag(tcp, SW_TCPF_ECE_DUE, false);
        tcp->flags |= SW_TCPF_ACK_NOW;
    }
    switch (seg->ip.tos & SW_IP_ECN_MASK) {
    case SW_IP_NOT_ECT: /* among others that are marked it is one sent again, as Linux has it */
        if (sw_tcp_has(tcp, SW_TCPF_ECT_SEEN))
            answer_at_once(tcp);
        return;
    case SW_IP_CE:
        if (!sw_tcp_has(tcp, SW_TCPF_ECE_DUE))
            answer_at_once(tcp);
        tcp->flags |= SW_TCPF_ECE_DUE;
        break;
    default:
        break;
    }
    tcp->flags |= SW_TCPF_ECT_SEEN;
}
