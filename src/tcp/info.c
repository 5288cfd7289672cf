/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP_INFO in Linux's layout (struct tcp_info of <linux/tcp.h>): times in us but for the last_*
 * ones, which are in ms; windows in segments, as there. */
#include <stddef.h>

#include "tcp/cc.h"
#include "tcp/meter.h"
#include "tcp/private.h"
#include "tcp/rare.h"
#include "tcp/reasm.h"

enum {
    OPT_TIMESTAMPS = 1,
    OPT_SACK = 2,
    OPT_WSCALE = 4,
    OPT_ECN = 8,
    OPT_ECN_SEEN = 16,
    OPT_SYN_DATA = 32
};
#define DELIVERY_RATE_APP_LIMITED 1U /* the first bit after the window scales */
#define SSTHRESH_NONE 0x7fffffffU

struct info {
    uint8_t state, ca_state, retransmits, probes, backoff, options;
    uint8_t wscales; /* low half: send, high half: receive */
    uint8_t flags;
    uint32_t rto, ato, snd_mss, rcv_mss;
    uint32_t unacked, sacked, lost, retrans, fackets;
    uint32_t last_data_sent, last_ack_sent, last_data_recv, last_ack_recv;
    uint32_t pmtu, rcv_ssthresh, rtt, rttvar, snd_ssthresh, snd_cwnd, advmss, reordering;
    uint32_t rcv_rtt, rcv_space;
    uint32_t total_retrans;
    uint64_t pacing_rate, max_pacing_rate, bytes_acked, bytes_received;
    uint32_t segs_out, segs_in;
    uint32_t notsent_bytes, min_rtt, data_segs_in, data_segs_out;
    uint64_t delivery_rate, busy_time, rwnd_limited, sndbuf_limited;
    uint32_t delivered, delivered_ce;
    uint64_t bytes_sent, bytes_retrans;
    uint32_t dsack_dups, reord_seen;
    uint32_t rcv_ooopack, snd_wnd, rcv_wnd, rehash;
    uint16_t total_rto, total_rto_recoveries;
    uint32_t total_rto_time;
    uint32_t received_ce, delivered_bytes[3], received_bytes[3]; /* RFC 9768: ECT(1), ECT(0), CE */
    uint16_t accecn_fail, accecn_option_seen;
};
_Static_assert(offsetof(struct info, rto) == 8 && offsetof(struct info, total_retrans) == 100 &&
                   offsetof(struct info, bytes_acked) == 120 && sizeof(struct info) == 280,
               "Linux's layout");

static uint32_t segments(const struct sw_tcp *tcp, uint32_t bytes)
{
    uint32_t mss = sw_max32(tcp->snd.mss, 1);

    return (bytes + mss - 1) / mss;
}

/* In microseconds, but by a clock of milliseconds, as Linux's are: less is nothing. */
static uint32_t us(uint64_t ns)
{
    return (uint32_t)(ns / SW_NS_PER_MS * (SW_NS_PER_MS / SW_NS_PER_US));
}

/* What the meter knows. Without one nothing was lost, and all that was sent has arrived. */
static void fill_meter(const struct sw_tcp *tcp, struct info *info)
{
    const struct sw_meter *m = tcp->snd.meter;
    uint32_t syn = tcp->state == SW_TCP_SYN_SENT || tcp->state == SW_TCP_SYN_RECEIVED ? 0 : 1;

    info->rwnd_limited = us(sw_meter_chrono_ns(tcp, SW_CHRONO_RWND));
    info->sndbuf_limited = us(sw_meter_chrono_ns(tcp, SW_CHRONO_SNDBUF));
    info->busy_time =
        us(sw_meter_chrono_ns(tcp, SW_CHRONO_BUSY)) + info->rwnd_limited + info->sndbuf_limited;
    info->pacing_rate = info->max_pacing_rate = SW_RATE_NONE;
    info->delivered =
        (tcp->state == SW_TCP_CLOSED ? 0 : syn) + (m ? m->delivered_segs : tcp->snd.data_segs);
    if (!m)
        return;
    info->pacing_rate = m->pacing_rate;
    if (!sw_cc(tcp)->control && m->max_pacing_rate == SW_RATE_NONE)
        info->pacing_rate = sw_pace_by_cwnd(tcp); /* as it would be */
    info->max_pacing_rate = m->max_pacing_rate;
    info->delivery_rate = sw_rate_of(m->sample_bytes, m->sample_ns);
    info->flags |= m->sample_app_limited ? DELIVERY_RATE_APP_LIMITED : 0;
    info->bytes_retrans = m->bytes_retrans;
    info->dsack_dups = m->dsack_dups;
    info->reord_seen = m->reord_seen;
    info->total_rto = (uint16_t)sw_min32(m->timeouts, UINT16_MAX);
    info->total_rto_recoveries = (uint16_t)sw_min32(m->rto_recoveries, UINT16_MAX);
    info->total_rto_time = (uint32_t)(m->rto_total_ns / SW_NS_PER_MS);
}

static void fill_accecn(const struct sw_accecn *a, struct info *info)
{
    info->received_ce = a->received_ce;
    memcpy(info->delivered_bytes, a->delivered_bytes, sizeof(info->delivered_bytes));
    memcpy(info->received_bytes, a->received_bytes, sizeof(info->received_bytes));
    info->accecn_fail = a->fail;
    info->accecn_option_seen = a->seen;
}

static void fill_sender(const struct sw_tcp *tcp, struct info *info)
{
    const struct sw_tcp_snd *snd = &tcp->snd;
    const struct sw_tcp_flight *f = snd->flight;
    struct sw_ip_path path;
    bool syn_acked = !sw_tcp_syn_unacked(tcp) && snd->peer_mss;

    info->retransmits = snd->retries;
    info->probes = snd->probes;
    info->backoff = snd->backoff;
    info->rto = (uint32_t)(sw_rto_ns(tcp) / SW_NS_PER_US);
    info->snd_mss = snd->mss;
    info->rtt = snd->srtt_us8 >> 3;
    info->rttvar = snd->srtt_us8 ? snd->rttvar_us4 >> 2 : 0;
    info->min_rtt = snd->min_rtt_us;
    info->snd_ssthresh = snd->ssthresh == UINT32_MAX ? SSTHRESH_NONE : segments(tcp, snd->ssthresh);
    info->snd_cwnd = snd->mss ? snd->cwnd / snd->mss : 0;
    info->snd_wnd = snd->wnd;
    if (sw_ip_path(tcp->layer->ip, &tcp->remote.ip, &tcp->local.ip, &path) == 0)
        info->pmtu = path.mtu;
    info->reordering = sw_meter_reordering(tcp);
    info->total_retrans = snd->retrans;
    info->segs_out = snd->segs;
    info->unacked = segments(tcp, snd->nxt.v - snd->una.v);
    info->data_segs_out = snd->data_segs;
    info->notsent_bytes = sw_tcp_unsent_bytes(tcp);
    if (syn_acked)
        info->bytes_acked = ((uint64_t)snd->acked_wraps << 32) + (snd->una.v - snd->iss.v) - 1;
    fill_meter(tcp, info);
    info->bytes_sent = info->bytes_acked + info->bytes_retrans + (snd->nxt.v - snd->una.v);
    if (tcp->rare) {
        info->delivered_ce = tcp->rare->ecn.delivered_ce;
        fill_accecn(&tcp->rare->accecn, info);
    }
    if (f) {
        info->ca_state = f->ca;
        info->sacked = segments(tcp, f->sacked + f->reno_sacked);
        info->lost = segments(tcp, f->lost);
        info->retrans = segments(tcp, f->retrans);
    }
}

size_t sw_tcp_info(const struct sw_tcp *tcp, void *buf, size_t room)
{
    uint32_t now_ms = sw_tcp_clock_ms(tcp);
    struct info info = {.state = tcp->state};

    info.options = (uint8_t)((sw_tcp_has(tcp, SW_TCPF_TIMESTAMPS) ? OPT_TIMESTAMPS : 0) |
                             (sw_tcp_has(tcp, SW_TCPF_SACK) ? OPT_SACK : 0) |
                             (sw_tcp_has(tcp, SW_TCPF_WSCALE) ? OPT_WSCALE : 0) |
                             (sw_tcp_has(tcp, SW_TCPF_ECN | SW_TCPF_ACCECN) ? OPT_ECN : 0) |
                             (sw_tcp_has(tcp, SW_TCPF_ECT_SEEN) ? OPT_ECN_SEEN : 0) |
                             (sw_tcp_has(tcp, SW_TCPF_SYN_DATA) ? OPT_SYN_DATA : 0));
    if (tcp->rare)
        info.flags |= (uint8_t)(tcp->rare->tfo.fail << 1); /* tcpi_fastopen_client_fail */
    info.wscales = (uint8_t)(tcp->snd.wscale | tcp->rcv.wscale << 4);
    info.ato = (uint32_t)(sw_tcp_delack_ns(tcp) / SW_NS_PER_US);
    info.rcv_mss = tcp->rcv.mss;
    info.advmss = tcp->snd.mss;
    info.last_data_sent = now_ms - tcp->snd.last_ms;
    info.last_data_recv = info.last_ack_recv = now_ms - tcp->rcv_ms;
    info.rcv_ssthresh = tcp->rcv.target;
    info.rcv_space = tcp->rcv.buf / 2;
    info.rcv_wnd = tcp->rcv.wnd;
    info.segs_in = tcp->rcv.segs;
    info.rcv_ooopack = tcp->rare ? tcp->rare->ooo_segs : 0;
    if (!sw_tcp_syn_unacked(tcp))
        info.data_segs_in = tcp->snd.told.data_segs_in;
    if (tcp->state != SW_TCP_CLOSED && tcp->state != SW_TCP_SYN_SENT && tcp->state != SW_TCP_LISTEN)
        info.bytes_received =
            ((uint64_t)tcp->rcv.wraps << 32) + (tcp->rcv.nxt.v - tcp->rcv.irs.v) - 1;
    fill_sender(tcp, &info);
    if (room > sizeof(info))
        room = sizeof(info);
    memcpy(buf, &info, room);
    return room;
}
