/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TIME_WAIT (RFC 9293 3.6.1, 3.10.7.4): the pair of addresses stays taken for 2 MSL, so that the
 * last ACK can be repeated and no stray segment meets a new connection. Nothing is left of the
 * connection but what those two need. What a segment does is what Linux's
 * tcp_timewait_state_process() does, but that a reset is ignored unless asked for.
 */
#include "tcp/limit.h"
#include "tcp/private.h"

void sw_timewait_init(struct sw_timewait *tw, const struct sw_tcp *tcp)
{
    *tw = (struct sw_timewait){
        .snd_nxt = tcp->snd.nxt,
        .rcv_nxt = tcp->rcv.nxt,
        .ts_recent = tcp->rcv.ts_recent,
        .window = (uint16_t)sw_min32(tcp->rcv.wnd >> tcp->rcv.wscale, UINT16_MAX),
        .tos = tcp->tos,
        .has_ts = sw_tcp_has(tcp, SW_TCPF_TIMESTAMPS),
    };
}

static void send_ack(const struct sw_timewait *tw, struct sw_tcp_layer *layer,
                     const struct sw_addr *local, const struct sw_addr *remote)
{
    struct sw_env *env = layer->env;
    struct sw_packet *pkt = sw_packet_new(env->mem, SW_TCP_HEADROOM);
    struct sw_tcp_hdr hdr = {
        .src_port = local->port,
        .dst_port = remote->port,
        .seq = tw->snd_nxt,
        .ack = tw->rcv_nxt,
        .flags = SW_TCP_ACK,
        .window = tw->window,
        .has_ts = tw->has_ts,
        .ts_val = (uint32_t)(env->now_ns / SW_NS_PER_MS) +
                  sw_tcp_ts_offset_of(layer, &local->ip, &remote->ip),
        .ts_ecr = tw->ts_recent,
    };
    struct sw_ip_tx tx = {.src = local->ip,
                          .dst = remote->ip,
                          .proto = SW_PROTO_TCP,
                          .tos = tw->tos,
                          .dont_fragment = true,
                          .iface = (int)remote->scope_id};

    if (!pkt)
        return;
    sw_tcp_push_hdr(pkt, &hdr, &tx.src, &tx.dst);
    env->stats.tcp_tx++;
    if (sw_tracing(env)) {
        struct sw_trace_event event = {.kind = SW_TRACE_SEGMENT_SENT,
                                       .local = *local,
                                       .remote = *remote,
                                       .v = {hdr.seq.v, hdr.ack.v, hdr.flags, 0, tw->window}};

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

/* A reset or a bare ACK exactly in sequence: all that a peer that knows may still send. A reset
 * would assassinate us if it is an old duplicate (RFC 1337 2): by its fix F1 it is ignored. */
static enum sw_timewait_verdict
in_sequence(struct sw_timewait *tw, const struct sw_tcp_layer *layer, const struct sw_tcp_hdr *hdr)
{
    if (hdr->flags & SW_TCP_RST)
        return layer->config.rfc1337 ? SW_TW_STAY : SW_TW_GONE;
    if (tw->has_ts && hdr->has_ts)
        tw->ts_recent = hdr->ts_val;
    return SW_TW_AGAIN;
}

/* Anything else is answered with what we last said; what may be half of an endless exchange (a SYN,
 * an ACK without more) not too often. */
static enum sw_timewait_verdict out_of_sequence(struct sw_timewait *tw, struct sw_tcp_layer *layer,
                                                const struct sw_addr *local,
                                                const struct sw_addr *remote,
                                                const struct sw_segment *seg, bool paws_old)
{
    uint64_t now_ns = layer->env->now_ns;
    uint16_t flags = seg->tcp.flags;
    bool repeated = (seg->len > 0 || (flags & SW_TCP_FIN)) && !(flags & SW_TCP_SYN);

    if (flags & SW_TCP_RST)
        return SW_TW_STAY;
    if (repeated || !sw_limited(tw->limit, now_ns, layer->config.challenge_ack_ns)) {
        if (!repeated)
            tw->limit = sw_limit_clock(now_ns) & 0x7fU;
        send_ack(tw, layer, local, remote);
    }
    /* A SYN without ACK may be a new one whose number is too low: it is not to wait longer still.
     */
    return paws_old || (flags & SW_TCP_ACK) ? SW_TW_AGAIN : SW_TW_STAY;
}

enum sw_timewait_verdict sw_timewait_input(struct sw_timewait *tw, struct sw_tcp_layer *layer,
                                           const struct sw_addr *local,
                                           const struct sw_addr *remote, struct sw_segment *seg)
{
    struct sw_env *env = layer->env;
    const struct sw_tcp_hdr *hdr = &seg->tcp;
    bool paws_old = tw->has_ts && hdr->has_ts && (int32_t)(hdr->ts_val - tw->ts_recent) < 0;
    bool bare = seg->len == 0 && !(hdr->flags & (SW_TCP_SYN | SW_TCP_FIN));
    enum sw_timewait_verdict verdict;

    if (may_reopen(tw, hdr, paws_old))
        return SW_TW_REOPEN;
    env->stats.tcp_rx++;
    if (!paws_old && sw_seq_eq(hdr->seq, tw->rcv_nxt) && (bare || (hdr->flags & SW_TCP_RST)))
        verdict = in_sequence(tw, layer, hdr);
    else
        verdict = out_of_sequence(tw, layer, local, remote, seg, paws_old);
    sw_drop(env, seg->pkt, paws_old ? SW_DROP_TCP_PAWS : SW_DROP_TCP_TIME_WAIT, local, remote);
    seg->pkt = NULL;
    return verdict;
}

/* With an ACK, not a reset: a peer that remembers the old connection resets it himself, and nobody
 * else can end the wait with a SYN. */
void sw_timewait_refuse(struct sw_timewait *tw, struct sw_tcp_layer *layer,
                        const struct sw_addr *local, const struct sw_addr *remote,
                        struct sw_segment *seg)
{
    layer->env->stats.tcp_rx++;
    send_ack(tw, layer, local, remote);
    sw_drop(layer->env, seg->pkt, SW_DROP_TCP_TIME_WAIT, local, remote);
    seg->pkt = NULL;
}

sw_seq sw_timewait_next_isn(const struct sw_timewait *tw)
{
    return sw_seq_add(tw->snd_nxt, UINT16_MAX + 2); /* beyond any window without scale, as Linux */
}
