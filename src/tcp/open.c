/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opening: the user's (RFC 9293 3.10.1), the listener's child, and what the two SYNs agree on
 * (RFC 7323 2.2 and 3.2, RFC 2018 2, RFC 9293 3.7.1).
 */
#include <errno.h>

#include "tcp/cc.h"
#include "tcp/ecn.h"
#include "tcp/mtu_probe.h"
#include "tcp/private.h"

void sw_tcp_set_isn(struct sw_tcp *tcp, sw_seq isn)
{
    SW_ASSERT(tcp->state == SW_TCP_CLOSED);
    tcp->snd.iss = isn;
    tcp->flags |= SW_TCPF_ISN_SET;
}

/* Both opens: path, initial sequence number, first window. */
static int begin(struct sw_tcp *tcp)
{
    int err = sw_tcp_path(tcp);

    if (err < 0)
        return err;
    if (!sw_tcp_has(tcp, SW_TCPF_ISN_SET))
        tcp->snd.iss = sw_tcp_isn(tcp);
    tcp->ts_offset = sw_tcp_ts_offset(tcp);
    tcp->snd.una = tcp->snd.iss;
    tcp->snd.nxt = sw_seq_add(tcp->snd.iss, 1);
    tcp->snd.last_ms = tcp->rcv_ms = sw_tcp_clock_ms(tcp);
    tcp->snd.syn_ns = sw_tcp_now(tcp);
    sw_tcp_initial_window(tcp);
    return 0;
}

int sw_tcp_connect(struct sw_tcp *tcp)
{
    int err;

    SW_ASSERT(tcp->state == SW_TCP_CLOSED);
    err = begin(tcp);
    if (err < 0)
        return err;
    tcp->flags |= SW_TCPF_ACTIVE;
    sw_ecn_begin(tcp);
    sw_tcp_set_state(tcp, SW_TCP_SYN_SENT);
    err = sw_tcp_send_syn(tcp, false);
    if (err < 0 && err != -ENOMEM) { /* for want of memory the timer tries again */
        sw_tcp_set_state(tcp, SW_TCP_CLOSED);
        return err;
    }
    sw_tcp_arm_retransmit(tcp);
    return 0;
}

void sw_tcp_negotiate(struct sw_tcp *tcp, const struct sw_tcp_hdr *syn)
{
    const struct sw_tcp_config *config = &tcp->layer->config;
    uint16_t mss_default =
        sw_ip_is4(&tcp->remote.ip) ? SW_TCP_MSS_DEFAULT4_BYTES : SW_TCP_MSS_DEFAULT6_BYTES;

    tcp->snd.peer_mss = syn->has_mss ? syn->mss : mss_default;
    if (tcp->snd.peer_mss < SW_TCP_MSS_MIN_BYTES)
        tcp->snd.peer_mss = SW_TCP_MSS_MIN_BYTES;
    sw_tcp_flag(tcp, SW_TCPF_TIMESTAMPS, config->timestamps && syn->has_ts);
    sw_tcp_flag(tcp, SW_TCPF_SACK, config->sack && syn->sack_ok);
    sw_tcp_flag(tcp, SW_TCPF_WSCALE, config->window_scaling && syn->has_wscale);
    if (sw_tcp_has(tcp, SW_TCPF_WSCALE)) {
        tcp->snd.wscale = syn->wscale <= SW_TCP_WSCALE_MAX ? syn->wscale : SW_TCP_WSCALE_MAX;
    } else {
        tcp->rcv.wscale = 0;
        tcp->rcv.wnd = sw_min32(tcp->rcv.wnd, UINT16_MAX);
        tcp->rcv.target = sw_min32(tcp->rcv.target, UINT16_MAX);
    }
    if (sw_tcp_has(tcp, SW_TCPF_TIMESTAMPS))
        tcp->rcv.ts_recent = syn->ts_val;
    tcp->rcv.irs = syn->seq;
    tcp->rcv.nxt = tcp->rcv.wup = sw_seq_add(syn->seq, 1);
    tcp->rcv_ms = sw_tcp_clock_ms(tcp);
    tcp->snd.wnd = tcp->snd.max_wnd = syn->window; /* of a SYN: never scaled */
    tcp->snd.wl1 = syn->seq;
    sw_tcp_path(tcp);
    tcp->snd.cwnd = sw_tcp_initial_cwnd(tcp);
    tcp->rcv.mss =
        tcp->snd.mss < SW_TCP_MSS_DEFAULT4_BYTES ? tcp->snd.mss : SW_TCP_MSS_DEFAULT4_BYTES;
}

int sw_tcp_agree(struct sw_tcp *tcp, const struct sw_tcp_hdr *syn)
{
    int err;

    SW_ASSERT(tcp->state == SW_TCP_CLOSED);
    err = begin(tcp);
    if (err < 0)
        return err;
    sw_tcp_negotiate(tcp, syn);
    return 0;
}

int sw_tcp_open_half(struct sw_tcp *tcp, const struct sw_tcp_hdr *syn)
{
    int err = sw_tcp_agree(tcp, syn);

    if (err < 0)
        return err;
    sw_tcp_set_state(tcp, SW_TCP_SYN_RECEIVED);
    return 0;
}

int sw_tcp_answer_syn(struct sw_tcp *tcp, const struct sw_segment *syn)
{
    int err;

    SW_ASSERT(tcp->state == SW_TCP_CLOSED);
    if ((syn->tcp.flags & (SW_TCP_SYN | SW_TCP_ACK | SW_TCP_RST | SW_TCP_FIN)) != SW_TCP_SYN)
        return -EINVAL;
    sw_tcp_trace_in(tcp, syn);
    err = sw_tcp_open_half(tcp, &syn->tcp);
    if (err < 0)
        return err;
    sw_ecn_take_syn(tcp, syn);
    sw_tcp_env(tcp)->stats.tcp_rx++;
    /* What goes wrong now looks like a lost SYN-ACK: it is sent again in time. */
    sw_tcp_send_syn(tcp, false);
    return 0;
}

int sw_tcp_open_passive(struct sw_tcp *tcp, const struct sw_segment *syn)
{
    int err = sw_tcp_answer_syn(tcp, syn);

    if (err == 0)
        sw_tcp_arm_retransmit(tcp);
    return err;
}

void sw_tcp_established(struct sw_tcp *tcp)
{
    sw_tcp_set_state(tcp, SW_TCP_ESTABLISHED);
    tcp->snd.told.busy_ms = tcp->snd.told.data_segs_in = 0;
    tcp->events |= SW_TCPE_ESTABLISHED | SW_TCPE_WRITABLE;
    tcp->soft_error = 0;
    if (tcp->snd.retries > 0)
        sw_rto_after_lost_syn(tcp);
    if (tcp->snd.retries >
        1) /* RFC 5681 3.1: one segment after a lost SYN; Linux forgives the first */
        tcp->snd.cwnd = tcp->snd.mss;
    tcp->snd.retries = 0;
    sw_tcp_disarm(tcp, SW_TCP_TIMER_RETRANSMIT);
    sw_mtu_probe_established(tcp);
    sw_tcp_grow_sndbuf(tcp);
    sw_tcp_quickack(tcp);
    sw_tcp_rearm_keepalive(tcp);
    if (sw_tcp_has(tcp, SW_TCPF_FIN_QUEUED)) /* shutdown() was faster than the handshake */
        sw_tcp_set_state(tcp, SW_TCP_FIN_WAIT_1);
}
