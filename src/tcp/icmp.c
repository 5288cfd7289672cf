/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ICMP errors about a connection (RFC 9293 3.9.2.2, RFC 5461), as RFC 5927 hardens them: the
 * sequence number quoted must be of something in flight, and only an attempt to connect dies of
 * one: of an error that may pass (RFC 9293 MUST-56 forbids it, RFC 5461 3 tells who does it) only
 * by `syn_soft_errors`.
 */
#include "tcp/fastopen.h"
#include "tcp/flight.h"
#include "tcp/private.h"
#include "tcp/recovery.h"

/* Whether the record with this byte has been sent again, or soon will be: then what is told of it
 * is no news. */
static bool is_repeated(const struct sw_tcp *tcp, sw_seq seq)
{
    const struct sw_tcp_flight *f = tcp->snd.flight;

    return !f || f->count == 0 ||
           (sw_flight_at(f, sw_flight_find(tcp, seq))->flags & (SW_TX_LOST | SW_TX_AGAIN));
}

/* The path's MTU is everybody's who sends there. What this connection has out and does not fit is
 * sent again in smaller pieces, once; another connection may have heard of it earlier, then only
 * the size of what is quoted tells that something was lost. */
static void on_too_big(struct sw_tcp *tcp, const struct sw_icmp_error *error)
{
    uint16_t before = tcp->snd.mss;
    const struct sw_ip_hdr *ip = &error->quote.ip;

    sw_ip_pmtu_learn(tcp->layer->ip, &tcp->remote.ip, error->mtu);
    sw_tcp_path(tcp);
    if (sw_tcp_syn_unacked(tcp)) {
        if (sw_tfo_in_syn(tcp)) { /* the data made it too big: at once again without */
            sw_tcp_send_syn(tcp, true);
            sw_tcp_arm_retransmit(tcp);
        }
        return;
    }
    if (tcp->snd.mss >= before &&
        (ip->hdr_len + ip->payload_len <= error->mtu || is_repeated(tcp, error->quote.seq)))
        return;
    sw_recovery_on_too_big(tcp);
    sw_tcp_output(tcp);
}

/* Whether the attempt to connect dies of it: of an error that may pass only if nobody but the
 * network would hear of it, or where a setting says so. */
static bool ends_attempt(const struct sw_tcp *tcp, const struct sw_icmp_error *error)
{
    if (tcp->state == SW_TCP_SYN_SENT && tcp->layer->config.syn_soft_errors)
        return true;
    return sw_tcp_syn_unacked(tcp) && (error->hard || sw_tfo_unheld(tcp));
}

void sw_tcp_icmp(struct sw_tcp *tcp, const struct sw_icmp_error *error, bool wanted)
{
    uint32_t out = tcp->snd.nxt.v - tcp->snd.una.v;

    if (tcp->state == SW_TCP_CLOSED || tcp->state == SW_TCP_TIME_WAIT)
        return;
    if (!error->quote.has_seq || !sw_seq_in(error->quote.seq, tcp->snd.una, out)) {
        sw_tcp_env(tcp)->drops[SW_DROP_ICMP_QUOTE]++;
        return;
    }
    if (error->mtu) {
        on_too_big(tcp, error);
        return;
    }
    if (!error->err)
        return;
    if (ends_attempt(tcp, error)) {
        sw_tcp_finish(tcp, error->err);
    } else if (wanted) {
        tcp->error = (uint8_t)error->err;
        tcp->events |= SW_TCPE_ERROR;
    } else {
        tcp->soft_error = (uint8_t)error->err;
    }
}
