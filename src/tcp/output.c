/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Builds segments and gives them to ip/. What may be sent and when is decided elsewhere (snd.c,
 * rcv.c); here is how it looks on the wire. Every segment but the first SYN acknowledges what has
 * arrived.
 */
#include <errno.h>

#include "tcp/accecn.h"
#include "tcp/ecn.h"
#include "tcp/fastopen.h"
#include "tcp/flight.h"
#include "tcp/private.h"
#include "tcp/urgent.h"

static void trace_out(struct sw_tcp *tcp, const struct sw_tcp_hdr *hdr, const struct sw_packet *pkt,
                      uint64_t window, bool again)
{
    struct sw_env *env = sw_tcp_env(tcp);
    struct sw_trace_event event = {
        .kind = SW_TRACE_SEGMENT_SENT,
        .socket = tcp->id,
        .local = tcp->local,
        .remote = tcp->remote,
        .v = {hdr->seq.v, hdr->ack.v, hdr->flags, pkt->data_len, window,
              hdr->has_mss ? hdr->mss : pkt->gso_size, again},
    };

    sw_trace(env, &event);
}

void sw_tcp_trace_in(struct sw_tcp *tcp, const struct sw_segment *seg)
{
    struct sw_env *env = sw_tcp_env(tcp);
    unsigned shift = seg->tcp.flags & SW_TCP_SYN ? 0 : tcp->snd.wscale;

    if (!sw_tracing(env))
        return;
    struct sw_trace_event event = {
        .kind = SW_TRACE_SEGMENT_RECEIVED,
        .socket = tcp->id,
        .local = tcp->local,
        .remote = tcp->remote,
        .v = {seg->tcp.seq.v, seg->tcp.ack.v, seg->tcp.flags, seg->len,
              (uint64_t)seg->tcp.window << shift,
              seg->tcp.has_mss ? seg->tcp.mss : seg->pkt->gso_size},
    };

    sw_trace(env, &event);
}

/* What every header of an established connection has. */
static struct sw_tcp_hdr header(const struct sw_tcp *tcp, sw_seq seq, uint16_t flags)
{
    struct sw_tcp_hdr hdr = {
        .src_port = tcp->local.port,
        .dst_port = tcp->remote.port,
        .seq = seq,
        .ack = flags & SW_TCP_ACK ? tcp->rcv.nxt : sw_seq_of(0),
        .flags = flags,
    };

    if (sw_tcp_has(tcp, SW_TCPF_TIMESTAMPS)) {
        hdr.has_ts = true;
        hdr.ts_val = sw_tcp_clock_ms(tcp) + tcp->ts_offset;
        hdr.ts_ecr = flags & SW_TCP_ACK ? tcp->rcv.ts_recent : 0;
    }
    return hdr;
}

static struct sw_packet *new_packet(struct sw_tcp *tcp)
{
    return sw_packet_new(sw_tcp_env(tcp)->mem, SW_TCP_HEADROOM);
}

/* Header on, counted, traced, away. */
static int transmit(struct sw_tcp *tcp, struct sw_packet *pkt, struct sw_tcp_hdr *hdr, bool again)
{
    struct sw_env *env = sw_tcp_env(tcp);
    uint8_t ecn = sw_ecn_send(tcp, hdr, pkt, again);
    uint32_t segs = 1;
    unsigned shift = hdr->flags & SW_TCP_SYN ? 0 : tcp->rcv.wscale;
    struct sw_ip_tx tx = {
        .src = tcp->local.ip,
        .dst = tcp->remote.ip,
        .proto = SW_PROTO_TCP,
        .ttl = tcp->ttl,
        .tos = tcp->tos | ecn,
        .dont_fragment = true,
        .want_df = true, /* path MTU discovery (RFC 1191), as Linux does by default */
        .iface = (int)tcp->remote.scope_id,
        .flow_label = sw_tcp_flow_label(tcp),
    };

    if (pkt->gso_size && pkt->data_len > pkt->gso_size)
        segs = (pkt->data_len + pkt->gso_size - 1U) / pkt->gso_size;
    pkt->ace = sw_tcp_has(tcp, SW_TCPF_ACCECN);
    sw_tcp_push_hdr(pkt, hdr, &tx.src, &tx.dst);
    if (sw_tracing(env))
        trace_out(tcp, hdr, pkt, (uint64_t)hdr->window << shift, again);
    env->stats.tcp_tx++;
    tcp->snd.segs += segs;
    if (pkt->data_len > 0)
        tcp->snd.data_segs += segs;
    if (again) {
        env->stats.tcp_retrans++;
        tcp->snd.retrans += segs;
    }
    if (hdr->flags & SW_TCP_RST)
        env->stats.tcp_resets++;
    else if ((hdr->flags & SW_TCP_ACK) && !sw_seq_lt(hdr->seq, tcp->snd.una))
        sw_tcp_ack_sent(tcp); /* a probe may be dropped with its ACK: a delayed one still goes */
    return sw_ip_output(tcp->layer->ip, pkt, &tx);
}

/* Puts [seq, seq + len) of the send queue into a packet, or as much as its slices allow: returns
 * how much. */
static uint32_t add_data(struct sw_tcp *tcp, struct sw_packet *pkt, sw_seq seq, uint32_t len)
{
    struct sw_slice slices[SW_PACKET_SLICES];
    uint32_t n, got = 0;

    n = sw_stream_slices(&tcp->snd.queue, seq.v - sw_tcp_snd_base(tcp).v, len, slices,
                         SW_PACKET_SLICES, &got);
    if (got < len && got > tcp->snd.mss)
        got -= got % tcp->snd.mss;
    for (uint32_t i = 0, left = got; i < n && left > 0; i++) {
        slices[i].len = sw_min32(slices[i].len, left);
        left -= slices[i].len;
        SW_ASSERT(sw_packet_add_slice(pkt, slices[i]) == 0);
    }
    return got;
}

int64_t sw_tcp_send_data(struct sw_tcp *tcp, sw_seq seq, uint32_t len, uint16_t flags, bool again)
{
    struct sw_packet *pkt = new_packet(tcp);
    struct sw_tcp_hdr hdr;
    uint32_t got;

    if (!pkt)
        return -ENOMEM;
    got = add_data(tcp, pkt, seq, len);
    if (got < len) /* more pieces than a packet holds: the rest is a segment of its own */
        flags &= (uint16_t) ~(SW_TCP_FIN | SW_TCP_PSH);
    if (got > tcp->snd.mss) {
        pkt->gso_size = tcp->snd.mss;
        flags |= SW_TCP_PSH; /* as Linux: who joins packets on the way knows where to stop */
    }
    hdr = header(tcp, seq, flags | SW_TCP_ACK);
    sw_tcp_add_sacks(tcp, &hdr, got);
    sw_urgent_add(tcp, &hdr);
    hdr.window = sw_tcp_offer_window(tcp);
    int err = transmit(tcp, pkt, &hdr, again);
    if (err == -EMSGSIZE)
        sw_tcp_path(tcp); /* the interface's MTU has changed; the retransmission will fit */
    return err == -ENOMEM ? err : (int64_t)got; /* other errors count as a loss on the way */
}

/* Of the first SYN of an active open: what Fast Open puts into it. */
static uint32_t add_fast_open(struct sw_tcp *tcp, struct sw_packet *pkt, struct sw_tcp_hdr *hdr)
{
    uint32_t len = sw_tfo_syn(tcp, hdr);

    if (len == 0 || sw_flight_reserve(tcp) < 0)
        return 0;
    return add_data(tcp, pkt, tcp->snd.nxt, len);
}

int sw_tcp_send_syn(struct sw_tcp *tcp, bool again)
{
    const struct sw_tcp_config *config = &tcp->layer->config;
    bool reply = tcp->state == SW_TCP_SYN_RECEIVED;
    uint32_t len = 0;
    int err;
    struct sw_packet *pkt = new_packet(tcp);
    struct sw_tcp_hdr hdr;

    if (!pkt)
        return -ENOMEM;
    hdr = header(tcp, tcp->snd.iss, reply ? SW_TCP_SYN | SW_TCP_ACK : SW_TCP_SYN);
    hdr.flags |= sw_ecn_syn_flags(tcp, again);
    hdr.has_mss = true;
    hdr.mss = sw_tcp_announced_mss(tcp);
    /* A SYN offers, a SYN-ACK only takes up what was offered (RFC 7323 2.2, 3.2, RFC 2018 2). */
    if (!reply && config->timestamps) {
        hdr.has_ts = true;
        hdr.ts_val = sw_tcp_clock_ms(tcp) + tcp->ts_offset;
    }
    hdr.sack_ok = reply ? sw_tcp_has(tcp, SW_TCPF_SACK) : config->sack;
    hdr.has_wscale = reply ? sw_tcp_has(tcp, SW_TCPF_WSCALE) : config->window_scaling;
    hdr.wscale = tcp->rcv.wscale;
    hdr.window = (uint16_t)sw_min32(tcp->rcv.wnd, UINT16_MAX); /* never scaled (RFC 7323 2.2) */
    if (reply && !again)
        sw_tfo_syn_ack_option(tcp, &hdr);
    if (reply && !again && sw_tcp_has(tcp, SW_TCPF_ACCECN))
        sw_accecn_syn_ack_option(tcp, &hdr);
    if (!reply && !again)
        len = add_fast_open(tcp, pkt, &hdr);
    err = transmit(tcp, pkt, &hdr, again);
    if (len > 0)
        sw_tfo_syn_sent(tcp, len);
    return err;
}

static void send_bare(struct sw_tcp *tcp, sw_seq seq, uint16_t flags)
{
    struct sw_packet *pkt = new_packet(tcp);
    struct sw_tcp_hdr hdr;

    if (!pkt)
        return; /* an ACK may get lost: the next one says the same */
    hdr = header(tcp, seq, flags);
    if (!(flags & SW_TCP_RST)) {
        sw_tcp_add_sacks(tcp, &hdr, 0);
        sw_urgent_add(tcp, &hdr);
        hdr.window = sw_tcp_offer_window(tcp);
    }
    transmit(tcp, pkt, &hdr, false);
}

/* The number of a segment without data, which the peer must find acceptable: where it has taken its
 * window back that is the right edge, not what was already sent beyond (as Linux). Less than a unit
 * of the scale is rounding, not taking back. */
static sw_seq acceptable_seq(const struct sw_tcp *tcp)
{
    sw_seq edge = sw_seq_add(tcp->snd.una, tcp->snd.wnd);

    if (sw_tcp_syn_unacked(tcp) || !sw_seq_lt(edge, tcp->snd.nxt) ||
        tcp->snd.nxt.v - edge.v < 1U << tcp->snd.wscale)
        return tcp->snd.nxt;
    return edge;
}

void sw_tcp_send_ack(struct sw_tcp *tcp)
{
    send_bare(tcp, acceptable_seq(tcp), SW_TCP_ACK);
}

void sw_tcp_send_probe(struct sw_tcp *tcp)
{
    if (sw_urgent_sending(tcp)) /* a pointer passes through a closed window (RFC 9293 3.8.6.1) */
        send_bare(tcp, tcp->snd.una, SW_TCP_ACK);
    send_bare(tcp, sw_seq_sub(tcp->snd.una, 1), SW_TCP_ACK);
}

void sw_tcp_send_rst(struct sw_tcp *tcp)
{
    send_bare(tcp, acceptable_seq(tcp), SW_TCP_RST | SW_TCP_ACK);
}

void sw_tcp_send_rst_for(struct sw_tcp_layer *layer, const struct sw_segment *seg)
{
    const struct sw_tcp_hdr *in = &seg->tcp;
    struct sw_packet *pkt = sw_packet_new(layer->env->mem, SW_TCP_HEADROOM);
    struct sw_tcp_hdr hdr = {.src_port = in->dst_port, .dst_port = in->src_port};
    struct sw_ip_tx tx = {
        .src = seg->ip.dst, .dst = seg->ip.src, .proto = SW_PROTO_TCP, .dont_fragment = true};

    if (!pkt)
        return;
    if (in->flags & SW_TCP_ACK) {
        hdr.flags = SW_TCP_RST;
        hdr.seq = in->ack;
    } else {
        hdr.flags = SW_TCP_RST | SW_TCP_ACK;
        hdr.ack = sw_seq_add(in->seq, seg->len + (in->flags & SW_TCP_SYN ? 1U : 0U) +
                                          (in->flags & SW_TCP_FIN ? 1U : 0U));
    }
    sw_tcp_push_hdr(pkt, &hdr, &tx.src, &tx.dst);
    layer->env->stats.tcp_tx++;
    layer->env->stats.tcp_resets++;
    if (sw_tracing(layer->env)) {
        struct sw_trace_event event = {
            .kind = SW_TRACE_SEGMENT_SENT,
            .local = {.ip = tx.src, .port = hdr.src_port},
            .remote = {.ip = tx.dst, .port = hdr.dst_port},
            .v = {hdr.seq.v, hdr.ack.v, hdr.flags},
        };

        sw_trace(layer->env, &event);
    }
    sw_ip_output(layer->ip, pkt, &tx);
}
