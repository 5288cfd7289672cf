/* SPDX-License-Identifier: BSD-2-Clause */
/* The layer's settings, the way in for segments, and those that belong to no connection. */
#include "tcp/accecn.h"
#include "tcp/ecn.h"
#include "tcp/fastopen.h"
#include "tcp/flight.h"
#include "tcp/mtu_probe.h"
#include "tcp/private.h"

void sw_tcp_layer_init(struct sw_tcp_layer *layer, struct sw_env *env, struct sw_ip_layer *ip)
{
    *layer = (struct sw_tcp_layer){
        .env = env,
        .ip = ip,
        .config =
            {
                .rto_min_ns = 200 * (uint64_t)SW_NS_PER_MS,
                .rto_max_ns = 120 * (uint64_t)SW_NS_PER_S,
                .rto_initial_ns = SW_NS_PER_S,
                .delack_ns = 40 * (uint64_t)SW_NS_PER_MS,
                .fin_timeout_ns = 60 * (uint64_t)SW_NS_PER_S,
                .time_wait_ns = 60 * (uint64_t)SW_NS_PER_S,
                .keepalive_ns = 7200 * (uint64_t)SW_NS_PER_S,
                .keepalive_intvl_ns = 75 * (uint64_t)SW_NS_PER_S,
                .keepalive_probes = 9,
                .syn_retries = 6,
                .synack_retries = 5,
                .retries1 = 3,
                .retries2 = 15,
                .orphan_retries = 8,
                .max_orphans = 262144,
                .max_tw_buckets = 262144,
                .rcvbuf = 131072,
                .rcvbuf_max = 32U << 20,
                .sndbuf = 16384,
                .sndbuf_max = 4U << 20,
                .mem_pressure_bytes = UINT64_MAX,
                .notsent_lowat = UINT32_MAX,
                .min_tso_segs = 2,
                .challenge_ack_ns = 500 * (uint64_t)SW_NS_PER_MS,
                .mtu_probe_interval_ns = 600 * (uint64_t)SW_NS_PER_S,
                .mtu_probing = SW_MTU_PROBING_BLACK_HOLE,
                .base_mss_bytes = 1024,
                .mtu_probe_floor_bytes = 48,
                .mtu_probe_threshold_bytes = 8,
                .timestamps = true,
                .window_scaling = true,
                .sack = true,
                .slow_start_after_idle = true,
                .rack = true,
                .tlp = true,
                .prr = true,
                .cc = SW_CC_CUBIC,
                .hystart = true,
                .frto = true,
                .dsack = true,
                .syncookies = true,
                .ecn = SW_ECN_ANSWER,
                .ecn_option = SW_ECN_OPTION_FULL,
                .fastopen = SW_TFO_CLIENT,
                .ecn_fallback = true,
                .rfc1337 = true,
            },
    };
    sw_rng_key(&env->rng, &layer->ts_key);
    sw_tcp_layer_rekey(layer);
}

/* The timestamps' offsets stay: a handshake under way counts on them. */
void sw_tcp_layer_rekey(struct sw_tcp_layer *layer)
{
    sw_rng_key(&layer->env->rng, &layer->isn_key);
    sw_rng_key(&layer->env->rng, &layer->cookie_key);
    sw_tfo_new_key(layer);
}

void sw_tcp_layer_fini(struct sw_tcp_layer *layer)
{
    sw_tfo_forget_all(layer);
    sw_flights_fini(layer);
}

enum sw_drop sw_tcp_segment(struct sw_packet *pkt, const struct sw_ip_hdr *ip,
                            struct sw_segment *ret_seg)
{
    uint32_t total = sw_packet_len(pkt);
    struct sw_tcp_hdr hdr;
    enum sw_drop why;

    if (sw_packet_need(pkt, SW_TCP_HDR) < 0)
        return SW_DROP_TCP_TRUNCATED;
    /* The data offset says how much of it is header; sw_tcp_parse() judges it. */
    sw_packet_need(pkt, (uint16_t)((sw_packet_head(pkt)[12] >> 4) * 4));
    why = sw_tcp_parse(sw_packet_head(pkt), pkt->head_len, total, &hdr);
    if (why != SW_DROP_NONE)
        return why;
    if (!sw_transport_csum_ok(pkt, ip, total))
        return SW_DROP_TCP_CHECKSUM;
    sw_packet_pull(pkt, hdr.hdr_len);
    if (pkt->head_len > 0 && sw_packet_head_to_data(pkt) < 0)
        return SW_DROP_NO_MEMORY;
    *ret_seg = (struct sw_segment){.ip = *ip, .tcp = hdr, .pkt = pkt, .len = pkt->data_len};
    return SW_DROP_NONE;
}

void sw_tcp_refuse(struct sw_tcp_layer *layer, struct sw_segment *seg, enum sw_drop why)
{
    struct sw_addr local = {.ip = seg->ip.dst, .port = seg->tcp.dst_port};
    struct sw_addr remote = {.ip = seg->ip.src, .port = seg->tcp.src_port};

    layer->env->stats.tcp_rx++;
    if (sw_tracing(layer->env)) {
        struct sw_trace_event event = {
            .kind = SW_TRACE_SEGMENT_RECEIVED,
            .local = local,
            .remote = remote,
            .v = {seg->tcp.seq.v, seg->tcp.ack.v, seg->tcp.flags, seg->len, seg->tcp.window,
                  seg->tcp.has_mss ? seg->tcp.mss : seg->pkt->gso_size},
        };

        sw_trace(layer->env, &event);
    }
    if (!(seg->tcp.flags & SW_TCP_RST))
        sw_tcp_send_rst_for(layer, seg);
    sw_drop(layer->env, seg->pkt, why, &local, &remote);
    seg->pkt = NULL;
}
