/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ICMP errors about a connection (RFC 9293 3.9.2.2, RFC 5461), as RFC 5927 hardens them: the
 * sequence number quoted must be of something in flight, and only an attempt to connect dies of
 * one.
 */
#include "tcp/flight.h"
#include "tcp/private.h"
#include "tcp/recovery.h"

static void on_too_big(struct sw_tcp *tcp, uint32_t mtu)
{
    uint16_t before = tcp->snd.mss;

    if (tcp->snd.pmtu && mtu >= tcp->snd.pmtu)
        return;
    sw_tcp_path_mtu(tcp, mtu);
    if (tcp->snd.mss >= before || sw_tcp_syn_unacked(tcp))
        return;
    sw_recovery_on_too_big(tcp);
    sw_tcp_output(tcp);
}

void sw_tcp_icmp(struct sw_tcp *tcp, const struct sw_icmp_error *error)
{
    uint32_t out = tcp->snd.nxt.v - tcp->snd.una.v;

    if (tcp->state == SW_TCP_CLOSED || tcp->state == SW_TCP_TIME_WAIT)
        return;
    if (!error->quote.has_seq || !sw_seq_in(error->quote.seq, tcp->snd.una, out)) {
        sw_tcp_env(tcp)->drops[SW_DROP_ICMP_QUOTE]++;
        return;
    }
    if (error->mtu) {
        on_too_big(tcp, error->mtu);
        return;
    }
    if (!error->err)
        return;
    if (sw_tcp_syn_unacked(tcp) && error->hard)
        sw_tcp_finish(tcp, error->err);
    else
        tcp->soft_error = (uint8_t)error->err;
}
