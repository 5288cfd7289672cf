/* SPDX-License-Identifier: BSD-2-Clause */
/* The user's calls: SEND, CLOSE, ABORT, STATUS of RFC 9293 3.9.1 (OPEN is open.c, RECEIVE is
 * rcv.c). */
#include <errno.h>

#include "tcp/cc.h"
#include "tcp/meter.h"
#include "tcp/private.h"
#include "tcp/rare.h"

struct sw_stream *sw_tcp_send_queue(struct sw_tcp *tcp)
{
    return &tcp->snd.queue;
}

void sw_tcp_push(struct sw_tcp *tcp, bool more)
{
    sw_tcp_flag(tcp, SW_TCPF_MORE, sw_tcp_filled(tcp, more));
    /* An answer soon after data came: from now on answers carry our ACKs. */
    if (sw_tcp_has(tcp, SW_TCPF_HEARD) &&
        (uint64_t)(sw_tcp_clock_ms(tcp) - tcp->rcv_ms) * SW_NS_PER_MS <
            tcp->layer->config.delack_ns)
        tcp->flags |= SW_TCPF_PINGPONG;
    tcp->flags &= ~(uint32_t)SW_TCPF_HEARD;
    sw_rate_push(tcp);
    /* MSG_MORE is of this call alone: what the next acknowledgment lets go, goes (as on Linux). */
    sw_tcp_flag(tcp, SW_TCPF_HOLD, more);
    sw_tcp_output(tcp);
    sw_tcp_flag(tcp, SW_TCPF_HOLD, false);
}

void sw_tcp_shutdown(struct sw_tcp *tcp)
{
    if (sw_tcp_has(tcp, SW_TCPF_FIN_QUEUED))
        return;
    switch (tcp->state) {
    case SW_TCP_SYN_SENT:
    case SW_TCP_SYN_RECEIVED: /* follows what is queued, once there is a connection */
        tcp->flags |= SW_TCPF_FIN_QUEUED;
        sw_tcp_output(tcp); /* at once, if it was opened fast */
        return;
    case SW_TCP_ESTABLISHED:
        sw_tcp_set_state(tcp, SW_TCP_FIN_WAIT_1);
        break;
    case SW_TCP_CLOSE_WAIT:
        sw_tcp_set_state(tcp, SW_TCP_LAST_ACK);
        break;
    default:
        return;
    }
    tcp->flags |= SW_TCPF_FIN_QUEUED;
    sw_tcp_output(tcp);
}

void sw_tcp_shutdown_reading(struct sw_tcp *tcp)
{
    tcp->flags |= SW_TCPF_SHUT_RCV;
}

void sw_tcp_close(struct sw_tcp *tcp)
{
    tcp->flags |= SW_TCPF_ORPHAN;
    if (!sw_tcp_is_orphan(tcp))
        return;
    tcp->layer->n_orphans++;
    if (tcp->state == SW_TCP_LISTEN || tcp->state == SW_TCP_SYN_SENT) {
        sw_tcp_finish(tcp, 0);
        return;
    }
    if (tcp->rcv.queue.len >
        0) { /* the peer must know that not everything was read (RFC 2525 2.17) */
        sw_tcp_abort(tcp, 0);
        return;
    }
    sw_tcp_shutdown(tcp);
    if ((tcp->state == SW_TCP_FIN_WAIT_2 && tcp->linger2_s < 0) ||
        tcp->layer->n_orphans > tcp->layer->config.max_orphans)
        sw_tcp_abort(tcp, 0);
    else if (tcp->state == SW_TCP_FIN_WAIT_2)
        sw_tcp_arm_fin_wait_2(tcp);
}

void sw_tcp_abort(struct sw_tcp *tcp, int err)
{
    switch (tcp->state) {
    case SW_TCP_CLOSED:
        return;
    case SW_TCP_SYN_RECEIVED: /* RFC 9293 3.10.5 */
    case SW_TCP_ESTABLISHED:
    case SW_TCP_FIN_WAIT_1:
    case SW_TCP_FIN_WAIT_2:
    case SW_TCP_CLOSE_WAIT:
        sw_tcp_send_rst(tcp);
        break;
    default:
        break;
    }
    sw_tcp_finish(tcp, err);
}

static void set_lowat(struct sw_tcp *tcp, uint32_t bytes)
{
    struct sw_tcp_rare *rare = bytes || tcp->rare ? sw_rare_get(tcp) : NULL;

    if (rare)
        rare->notsent_lowat = bytes;
}

static void set_max_pacing(struct sw_tcp *tcp, uint64_t rate)
{
    struct sw_meter *m;

    if (sw_meter_reserve(tcp) < 0)
        return; /* a wish: without memory it is not heard */
    m = tcp->snd.meter;
    m->max_pacing_rate = rate ? rate : SW_RATE_NONE;
    sw_pace_set(tcp, sw_cc(tcp)->control ? m->pacing_rate : sw_pace_by_cwnd(tcp));
}

void sw_tcp_set_options(struct sw_tcp *tcp, const struct sw_tcp_options *options)
{
    tcp->keepidle_s = (uint16_t)sw_min32(options->keepidle_s, INT16_MAX);
    tcp->keepintvl_s = (uint16_t)sw_min32(options->keepintvl_s, INT16_MAX);
    tcp->user_timeout_ms = options->user_timeout_ms;
    tcp->keepcnt = options->keepcnt;
    tcp->syncnt = options->syncnt;
    tcp->maxseg = options->maxseg;
    tcp->linger2_s = options->linger2_s;
    tcp->tos = options->tos;
    tcp->ttl = options->ttl;
    /* TCP_NODELAY sends what waits, that of MSG_MORE too. */
    bool push =
        options->nodelay && (!sw_tcp_has(tcp, SW_TCPF_NODELAY) || sw_tcp_has(tcp, SW_TCPF_MORE));
    sw_tcp_flag(tcp, SW_TCPF_NODELAY, options->nodelay);
    sw_tcp_flag(tcp, SW_TCPF_CORK, options->cork && !push);
    sw_tcp_flag(tcp, SW_TCPF_KEEPALIVE, options->keepalive);
    sw_tcp_flag(tcp, SW_TCPF_QUICKACK, options->quickack);
    sw_tcp_flag(tcp, SW_TCPF_OOBINLINE, options->oobinline);
    if (options->max_pacing_rate || tcp->snd.meter)
        set_max_pacing(tcp, options->max_pacing_rate);
    set_lowat(tcp, options->notsent_lowat);
    sw_tcp_set_times(tcp, &options->times);
    sw_tcp_set_flow_label(tcp, options->flow_label, !options->no_flow_label);
    if (options->cc)
        sw_cc_set(tcp, options->cc - 1U);
    if (tcp->state == SW_TCP_CLOSED || tcp->state == SW_TCP_LISTEN ||
        tcp->state == SW_TCP_TIME_WAIT) {
        sw_tcp_flag(tcp, SW_TCPF_CORK, options->cork);
        return;
    }
    if (tcp->slow_kind == SW_TCP_TIMER_KEEPALIVE || tcp->slow_ns == SW_NEVER)
        sw_tcp_rearm_keepalive(tcp);
    if (options->quickack && tcp->delack_ns != SW_NEVER)
        sw_tcp_send_ack(tcp); /* what is owed is paid at once */
    if (!sw_tcp_syn_unacked(tcp)) {
        sw_tcp_path(tcp);   /* TCP_MAXSEG */
        sw_tcp_output(tcp); /* TCP_NODELAY set, TCP_CORK cleared: what waited may go */
    }
    /* Setting TCP_NODELAY lets out once what TCP_CORK holds back, as on Linux. */
    sw_tcp_flag(tcp, SW_TCPF_CORK, options->cork);
}

void sw_tcp_set_buffers(struct sw_tcp *tcp, uint32_t sndbuf, uint32_t rcvbuf)
{
    if (sndbuf) {
        tcp->snd.buf = sndbuf;
        tcp->flags |= SW_TCPF_SNDBUF_LOCK;
    }
    if (rcvbuf) {
        tcp->rcv.buf = rcvbuf;
        tcp->flags |= SW_TCPF_RCVBUF_LOCK;
        tcp->rcv.target = sw_min32(tcp->rcv.target, rcvbuf / 2);
    }
}

uint32_t sw_tcp_sndbuf(const struct sw_tcp *tcp)
{
    return tcp->snd.buf;
}

uint32_t sw_tcp_rcvbuf(const struct sw_tcp *tcp)
{
    return tcp->rcv.buf;
}

uint16_t sw_tcp_mss(const struct sw_tcp *tcp)
{
    return tcp->snd.mss;
}
