/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TIME_WAIT (RFC 9293 3.6.1, 3.10.7.4): the pair of addresses stays taken for 2 MSL, so that the
 * last ACK can be repeated and no stray segment meets a new connection. Nothing is left of the
 * connection but what those two need.
 */
#include "tcp/private.h"

void sw_timewait_init(struct sw_timewait *tw, const struct sw_tcp *tcp)
{
    struct sw_env *env = sw_tcp_env(tcp);

    *tw = (struct sw_timewait){
        .local = tcp->local,
        .remote = tcp->remote,
        .snd_nxt = tcp->snd.nxt,
        .rcv_nxt = tcp->rcv.nxt,
        .ts_recent = tcp->rcv.ts_recent,
        .ts_offset = tcp->ts_offset,
        .rcv_wnd = tcp->rcv.wnd,
        .rcv_wscale = tcp->rcv.wscale,
        .has_ts = sw_tcp_has(tcp, SW_TCPF_TIMESTAMPS),
        .tos = tcp->tos,
        .ttl = tcp->ttl,
    };
    sw_timer_init(&tw->timer, SW_TIMER_TIMEWAIT);
    sw_wheel_arm(&env->wheel, &tw->timer, env->now_ns + tcp->layer->config.time_wait_ns);
}

static void send_ack(const struct sw_timewait *tw, struct sw_tcp_layer *layer)
{
    struct sw_env *env = layer->env;
    struct sw_packet *pkt = sw_packet_new(env->mem, SW_TCP_HEADROOM);
    struct sw_tcp_hdr hdr = {
        .src_port = tw->local.port,
        .dst_port = tw->remote.port,
        .seq = tw->snd_nxt,
        .ack = tw->rcv_nxt,
        .flags = SW_TCP_ACK,
        .window = (uint16_t)sw_min32(tw->rcv_wnd >> tw->rcv_wscale, UINT16_MAX),
        .has_ts = tw->has_ts,
        .ts_val = (uint32_t)(env->now_ns / SW_NS_PER_MS) + tw->ts_offset,
        .ts_ecr = tw->ts_recent,
    };
    struct sw_ip_tx tx = {.src = tw->local.ip,
                          .dst = tw->remote.ip,
                          .proto = SW_PROTO_TCP,
                          .ttl = tw->ttl,
                          .tos = tw->tos,
                          .dont_fragment = true,
                          .iface = (int)tw->remote.scope_id};

    if (!pkt)
        return;
    sw_tcp_push_hdr(pkt, &hdr, &tx.src, &tx.dst);
    env->stats.tcp_tx++;
    if (sw_tracing(env)) {
        struct sw_trace_event event = {.kind = SW_TRACE_SEGMENT_SENT,
                                       .local = tw->local,
                                       .remote = tw->remote,
                                       .v = {hdr.seq.v, hdr.ack.v, hdr.flags, 0, tw->rcv_wnd}};

        sw_trace(env, &event);
    }
    sw_ip_output(layer->ip, pkt, &tx);
}

/* A SYN beyond all that the old connection could have sent, by sequence number or by timestamp
 * (RFC 9293 3.6.1, RFC 6191 2). */
static bool may_reopen(const struct sw_timewait *tw, const struct sw_tcp_hdr *hdr, bool paws_old)
{
    if ((hdr->flags & (SW_TCP_SYN | SW_TCP_ACK | SW_TCP_RST | SW_TCP_FIN)) != SW_TCP_SYN ||
        paws_old)
        return false;
    if (sw_seq_lt(tw->rcv_nxt, hdr->seq))
        return true;
    return tw->has_ts && hdr->has_ts && (int32_t)(hdr->ts_val - tw->ts_recent) > 0;
}

enum sw_timewait_verdict sw_timewait_input(struct sw_timewait *tw, struct sw_tcp_layer *layer,
                                           struct sw_segment *seg)
{
    struct sw_env *env = layer->env;
    const struct sw_tcp_hdr *hdr = &seg->tcp;
    bool paws_old = tw->has_ts && hdr->has_ts && (int32_t)(hdr->ts_val - tw->ts_recent) < 0;

    if (may_reopen(tw, hdr, paws_old))
        return SW_TW_REOPEN;
    env->stats.tcp_rx++;
    /* A reset is ignored (RFC 1337 3, fix F1: TIME_WAIT must not be assassinated), and so is a bare
     * ACK, to which an answer could go back and forth for ever. */
    if (!(hdr->flags & SW_TCP_RST) && (seg->len > 0 || (hdr->flags & (SW_TCP_SYN | SW_TCP_FIN)))) {
        if ((hdr->flags & SW_TCP_FIN) && !paws_old) /* our last ACK was lost: 2 MSL from now */
            sw_wheel_arm(&env->wheel, &tw->timer, env->now_ns + layer->config.time_wait_ns);
        send_ack(tw, layer);
    }
    sw_drop(env, seg->pkt, paws_old ? SW_DROP_TCP_PAWS : SW_DROP_TCP_TIME_WAIT, &tw->local,
            &tw->remote);
    seg->pkt = NULL;
    return SW_TW_STAY;
}

sw_seq sw_timewait_next_isn(const struct sw_timewait *tw)
{
    return sw_seq_add(tw->snd_nxt, UINT16_MAX + 2); /* beyond any window without scale, as Linux */
}
