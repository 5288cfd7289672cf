/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The server's side of Fast Open (RFC 7413 4.2): a connection in SYN_RECEIVED whose data move
 * already. It has a whole block from the SYN on, unlike a half-open one (half.h).
 */
#include <errno.h>
#include <string.h>

#include "tcp/accecn.h"
#include "tcp/ecn.h"
#include "tcp/fastopen.h"
#include "tcp/private.h"
#include "tcp/rare.h"

void sw_tfo_offer(struct sw_tcp *tcp, const struct sw_tfo_cookie *cookie)
{
    struct sw_tcp_rare *rare = sw_rare_get(tcp);

    if (!rare)
        return;
    rare->tfo.offered = true;
    rare->tfo.cookie = *cookie;
}

void sw_tfo_syn_ack_option(const struct sw_tcp *tcp, struct sw_tcp_hdr *hdr)
{
    const struct sw_tfo_cookie *cookie;

    if (!tcp->rare || !tcp->rare->tfo.offered)
        return;
    cookie = &tcp->rare->tfo.cookie;
    hdr->has_tfo = true;
    hdr->tfo_exp = cookie->exp;
    hdr->tfo_len = cookie->len;
    memcpy(hdr->tfo_cookie, cookie->bytes, cookie->len);
}

/* The SYN's data, as far as the window goes; what is beyond the peer sends again. */
static void take_data(struct sw_tcp *tcp, struct sw_segment *syn)
{
    uint32_t target = tcp->rcv.target; /* what comes with a SYN says nothing of the window's use */

    if (syn->len == 0)
        return;
    syn->tcp.seq = tcp->rcv.nxt;
    if (sw_tcp_receive(tcp, syn) == SW_DROP_NONE)
        tcp->flags |= SW_TCPF_SYN_DATA;
    tcp->rcv.wup = tcp->rcv.nxt;
    tcp->rcv.target = target;
}

int sw_tfo_open(struct sw_tcp *tcp, struct sw_segment *syn, void *listener)
{
    struct sw_tcp_rare *rare = sw_rare_get(tcp);
    int err;

    if (!rare)
        return -ENOMEM;
    sw_tcp_trace_in(tcp, syn);
    err = sw_tcp_open_half(tcp, &syn->tcp);
    if (err < 0)
        return err;
    sw_ecn_take_syn(tcp, syn);
    sw_accecn_start(tcp); /* data may leave before the handshake ends */
    sw_tcp_env(tcp)->stats.tcp_rx++;
    rare->tfo.listener = listener;
    tcp->flags |= SW_TCPF_EARLY;
    take_data(tcp, syn);
    sw_tcp_send_syn(tcp, false); /* what goes wrong looks like a lost SYN-ACK */
    sw_tcp_arm_retransmit(tcp);
    return 0;
}

bool sw_tfo_early(const struct sw_tcp *tcp)
{
    return tcp->state == SW_TCP_SYN_RECEIVED && sw_tcp_has(tcp, SW_TCPF_EARLY);
}

void sw_tfo_accepted(struct sw_tcp *tcp)
{
    if (tcp->rare)
        tcp->rare->tfo.accepted = true;
}

bool sw_tfo_unheld(const struct sw_tcp *tcp)
{
    return sw_tfo_early(tcp) && tcp->rare && !tcp->rare->tfo.accepted;
}

void *sw_tfo_listener(const struct sw_tcp *tcp)
{
    return tcp->rare ? tcp->rare->tfo.listener : NULL;
}

void sw_tfo_leave(struct sw_tcp *tcp)
{
    if (tcp->rare)
        tcp->rare->tfo.listener = NULL;
}
