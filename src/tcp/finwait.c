/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FIN_WAIT_2 without its user (RFC 9293 3.6): all that can still happen is the peer's FIN, or the
 * end of the patience with which it is waited for. Like TIME_WAIT this needs no control block, and
 * a server whose clients are slow to close has many of them.
 *
 * What is kept is what the next segment is judged by. For that segment a block is made of it again,
 * for the time of the call: so there is one state machine only, and what an orphan answers is what
 * it always did. (Linux has a second, smaller one for its record, which hears resets and SYNs where
 * RFC 5961 wants a challenge.)
 */
#include "tcp/limit.h"
#include "tcp/private.h"
#include "tcp/reasm.h"

bool sw_finwait_fits(const struct sw_tcp *tcp)
{
    const struct sw_tcp_layer *layer = tcp->layer;

    return tcp->state == SW_TCP_FIN_WAIT_2 && sw_tcp_has(tcp, SW_TCPF_ORPHAN) &&
           tcp->slow_ns == sw_tcp_now(tcp) + layer->config.fin_timeout_ns &&
           tcp->rcv.queue.len == 0 && sw_reasm_empty(tcp) &&
           !(tcp->rcv.extra && tcp->rcv.extra->has_fin) &&
           (!sw_tcp_has(tcp, SW_TCPF_TIMESTAMPS) || tcp->ts_offset == sw_tcp_ts_offset(tcp));
}

void sw_finwait_init(struct sw_finwait *fw, const struct sw_tcp *tcp)
{
    uint64_t interval_ms = tcp->layer->config.challenge_ack_ns / SW_NS_PER_MS;

    sw_timewait_init(&fw->tw, tcp);
    fw->wscale = tcp->rcv.wscale;
    fw->sack = sw_tcp_has(tcp, SW_TCPF_SACK);
    if (tcp->limit_ms && sw_tcp_clock_ms(tcp) - tcp->limit_ms < interval_ms)
        fw->tw.limit = sw_limit_clock(sw_tcp_now(tcp)) & 0x7fU;
}

/* The block as it was, as far as anything can still tell. */
static void thaw(struct sw_tcp *tcp, const struct sw_finwait *fw, struct sw_tcp_layer *layer,
                 const struct sw_addr *local, const struct sw_addr *remote)
{
    const struct sw_timewait *tw = &fw->tw;

    sw_tcp_init(tcp, layer, 0, 0);
    tcp->local = *local;
    tcp->remote = *remote;
    tcp->flags = SW_TCPF_ORPHAN | SW_TCPF_FIN_QUEUED | SW_TCPF_FIN_SENT | SW_TCPF_WSCALE |
                 (tw->has_ts ? SW_TCPF_TIMESTAMPS : 0U) | (fw->sack ? SW_TCPF_SACK : 0U);
    tcp->state = SW_TCP_FIN_WAIT_2;
    layer->n_orphans++;
    tcp->tos = tw->tos;
    tcp->ts_offset = sw_tcp_ts_offset(tcp);
    if (sw_limited(tw->limit, layer->env->now_ns, layer->config.challenge_ack_ns))
        tcp->limit_ms = sw_tcp_clock_ms(tcp);
    tcp->snd.una = tcp->snd.nxt = tw->snd_nxt;
    tcp->snd.iss =
        sw_seq_sub(tw->snd_nxt, UINT16_MAX + 1); /* nothing is remembered of older ones */
    tcp->snd.max_wnd = UINT16_MAX;
    tcp->rcv.nxt = tcp->rcv.wup = tcp->rcv.irs = tw->rcv_nxt;
    tcp->rcv.wscale = fw->wscale;
    tcp->rcv.wnd = (uint32_t)tw->window << fw->wscale;
    tcp->rcv.buf = 0; /* the window stays where it is */
    tcp->rcv.ts_recent = tw->ts_recent;
}

enum sw_tcp_state sw_finwait_input(struct sw_finwait *fw, struct sw_tcp_layer *layer,
                                   const struct sw_addr *local, const struct sw_addr *remote,
                                   struct sw_segment *seg)
{
    struct sw_tcp tcp;
    uint32_t limit_ms;
    enum sw_tcp_state state;

    thaw(&tcp, fw, layer, local, remote);
    limit_ms = tcp.limit_ms;
    sw_tcp_input(&tcp, seg);
    state = tcp.state;
    SW_ASSERT(state == SW_TCP_FIN_WAIT_2 || state == SW_TCP_TIME_WAIT || state == SW_TCP_CLOSED);
    if (state != SW_TCP_CLOSED) {
        uint8_t limit = fw->tw.limit;

        sw_timewait_init(&fw->tw, &tcp);
        fw->tw.limit =
            tcp.limit_ms == limit_ms ? limit & 0x7fU : sw_limit_clock(layer->env->now_ns) & 0x7fU;
    }
    sw_tcp_fini(&tcp);
    return state;
}
