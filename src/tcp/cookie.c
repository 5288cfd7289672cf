/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SYN cookies (RFC 4987 3.6), for a listener whose SYN queue is full: what has to be remembered of
 * the SYN goes into the answer, and the peer's ACK brings it back.
 *
 *   sequence number   5 bits of the time in units of 64 s, 3 bits for one of eight MSS, 24 bits of
 *                     a keyed hash over those, the addresses and the peer's sequence number
 *   timestamp         its low 6 bits: window scale (15: none), SACK and ECN; a peer without
 *                     timestamps has to do without them
 *
 * A cookie is good for the unit it was made in and the next: 64 to 128 seconds.
 */
#include <errno.h>

#include "tcp/accecn.h"
#include "tcp/ecn.h"
#include "tcp/private.h"

#define MAC_BITS 24U
#define MSS_BITS 3U
#define TIME_BITS 5U
#define TS_MASK 63U
#define TS_NO_WSCALE 15U
#define TS_SACK 16U
#define TS_ECN 32U

/* Rounded down to one of these: the smallest we send at all, the default, and what is common. */
static const uint16_t mss_table[1U << MSS_BITS] = {SW_TCP_MSS_MIN_BYTES,
                                                   SW_TCP_MSS_DEFAULT4_BYTES,
                                                   SW_TCP_MSS_DEFAULT6_BYTES,
                                                   1300,
                                                   1400,
                                                   1440,
                                                   1460,
                                                   8940};

static uint64_t time_unit(const struct sw_tcp_layer *layer)
{
    return layer->env->now_ns / SW_TCP_COOKIE_UNIT_NS;
}

/* For the pair of addresses of a segment from the peer, whose SYN had `irs`. */
static sw_seq make(const struct sw_tcp_layer *layer, const struct sw_segment *seg, sw_seq irs,
                   uint64_t unit, uint32_t mss_index)
{
    struct {
        uint8_t src[16], dst[16];
        uint64_t unit;
        uint32_t irs, mss_index, ports, zero;
    } in = {.unit = unit,
            .irs = irs.v,
            .mss_index = mss_index,
            .ports = (uint32_t)seg->tcp.src_port << 16 | seg->tcp.dst_port};
    uint32_t mac;

    memcpy(in.src, seg->ip.src.b, sizeof(in.src));
    memcpy(in.dst, seg->ip.dst.b, sizeof(in.dst));
    mac = (uint32_t)sw_siphash24(&layer->cookie_key, &in, sizeof(in)) & ((1U << MAC_BITS) - 1);
    return sw_seq_of((uint32_t)(unit & ((1U << TIME_BITS) - 1)) << (MAC_BITS + MSS_BITS) |
                     mss_index << MAC_BITS | mac);
}

int sw_tcp_cookie_reply(struct sw_tcp *tcp, const struct sw_segment *syn)
{
    struct sw_segment said = *syn;
    uint32_t i = (1U << MSS_BITS) - 1, options, wire, stamp;
    int err;

    if (!tcp->layer->config.timestamps || !syn->tcp.has_ts)
        said.tcp.has_wscale = said.tcp.sack_ok = false, said.tcp.flags = SW_TCP_SYN;
    while (i > 0 && mss_table[i] > (syn->tcp.has_mss ? syn->tcp.mss : SW_TCP_MSS_DEFAULT4_BYTES))
        i--;
    sw_tcp_set_isn(tcp, make(tcp->layer, syn, syn->tcp.seq, time_unit(tcp->layer), i));
    sw_tcp_trace_in(tcp, syn);
    err = sw_tcp_open_half(tcp, &said.tcp);
    if (err < 0)
        return err;
    sw_tcp_env(tcp)->stats.tcp_rx++;
    sw_ecn_take_syn(tcp, &said);
    options = (sw_tcp_has(tcp, SW_TCPF_WSCALE) ? tcp->snd.wscale : TS_NO_WSCALE) |
              (sw_tcp_has(tcp, SW_TCPF_SACK) ? TS_SACK : 0) |
              (sw_tcp_has(tcp, SW_TCPF_ECN | SW_TCPF_ACCECN) ? TS_ECN : 0);
    wire = sw_tcp_clock_ms(tcp) + tcp->ts_offset;
    stamp = (wire & ~TS_MASK) | options;
    if ((int32_t)(stamp - wire) > 0) /* never ahead of what data will carry (PAWS) */
        stamp -= TS_MASK + 1;
    tcp->ts_offset += stamp - wire;
    return sw_tcp_send_syn(tcp, false);
}

/* The MSS that a cookie carries; 0: it is none of ours, or too old. */
static uint16_t check(const struct sw_tcp_layer *layer, const struct sw_segment *ack)
{
    sw_seq cookie = sw_seq_sub(ack->tcp.ack, 1), irs = sw_seq_sub(ack->tcp.seq, 1);
    uint32_t mss_index = cookie.v >> MAC_BITS & ((1U << MSS_BITS) - 1);
    uint64_t unit = time_unit(layer);

    for (unsigned age = 0; age < 2 && age <= unit; age++)
        if (sw_seq_eq(cookie, make(layer, ack, irs, unit - age, mss_index)))
            return mss_table[mss_index];
    return 0;
}

bool sw_tcp_cookie_valid(const struct sw_tcp_layer *layer, const struct sw_segment *ack)
{
    return check(layer, ack) != 0;
}

int sw_tcp_cookie_open(struct sw_tcp *tcp, const struct sw_segment *ack)
{
    uint32_t options = ack->tcp.ts_ecr & TS_MASK;
    bool has_ts = tcp->layer->config.timestamps && ack->tcp.has_ts;
    struct sw_tcp_hdr syn = {
        .seq = sw_seq_sub(ack->tcp.seq, 1),
        .window = ack->tcp.window,
        .has_mss = true,
        .mss = check(tcp->layer, ack),
        .has_ts = has_ts,
        .ts_val = ack->tcp.ts_val,
        .has_wscale = has_ts && (options & TS_NO_WSCALE) != TS_NO_WSCALE,
        .wscale = options & TS_NO_WSCALE,
        .sack_ok = has_ts && (options & TS_SACK),
    };
    int err;

    sw_tcp_set_isn(tcp, sw_seq_sub(ack->tcp.ack, 1));
    err = sw_tcp_open_half(tcp, &syn);
    if (err < 0)
        return err;
    if (has_ts && (options & TS_ECN) && tcp->layer->config.ecn != SW_ECN_OFF) {
        /* RFC 9768 5.1: an ACK that is not of AccECN has neither of the two upper flags. */
        bool accurate = tcp->layer->config.ecn >= SW_ECN_ACCURATE && sw_accecn_ace(&ack->tcp) > 1;

        tcp->flags |= accurate ? SW_TCPF_ACCECN : SW_TCPF_ECN;
    }
    tcp->snd.retries = 1; /* when the SYN-ACK left is not known: no round trip from it */
    sw_tcp_arm_retransmit(tcp);
    return 0;
}
