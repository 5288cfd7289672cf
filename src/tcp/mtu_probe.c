/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packetization layer path MTU discovery (RFC 4821), as Linux does it (net.ipv4.tcp_mtu_probing).
 *
 * Between `low`, which gets through, and the largest size that link, route, ICMP and peer allow,
 * the middle is tried: one segment of new data in a larger packet than all others. If it arrives,
 * the middle is the new `low`; if it alone gets lost, what is not smaller is out of question. When
 * the rest is not worth a probe the search stands still, and begins anew after ten minutes.
 *
 * A path that swallows packets which were not too big a moment ago looks like one that is dead:
 * when timeouts repeat, the packets shrink to tcp_base_mss, then by half each time.
 */
#include "tcp/mtu_probe.h"

#include "tcp/flight.h"
#include "tcp/private.h"
#include "tcp/rare.h"
#include "tcp/reasm.h"

#define REORDERING_SEGMENTS 3U /* Linux's tcp_reordering */
#define CWND_MIN_SEGMENTS 11U  /* as Linux: a lost probe must not be felt (RFC 4821 7.4) */

static struct sw_mtu_search *search_of(const struct sw_tcp *tcp)
{
    return tcp->rare && tcp->rare->mtu.on ? &tcp->rare->mtu : NULL;
}

/* Bytes of an IP packet that are not payload. */
static uint32_t overhead(const struct sw_tcp *tcp)
{
    return (sw_ip_is4(&tcp->remote.ip) ? SW_IP4_HDR : SW_IP6_HDR) + SW_TCP_HDR +
           (sw_tcp_has(tcp, SW_TCPF_TIMESTAMPS) ? SW_TCP_TS_BYTES : 0);
}

/* No packet may be larger: what path and peer take. */
static uint32_t largest(const struct sw_tcp *tcp)
{
    struct sw_ip_path path;
    uint32_t headers = (sw_ip_is4(&tcp->remote.ip) ? SW_IP4_HDR : SW_IP6_HDR) + SW_TCP_HDR;
    uint32_t mss = tcp->snd.peer_mss;

    if (tcp->maxseg)
        mss = sw_min32(mss, tcp->maxseg);
    if (sw_ip_path(tcp->layer->ip, &tcp->remote.ip, &tcp->local.ip, &path) < 0)
        return 0;
    return sw_min32(mss + headers, path.mtu);
}

static uint16_t packet_of(const struct sw_tcp *tcp, uint32_t mss)
{
    return (uint16_t)sw_min32(mss + overhead(tcp), UINT16_MAX);
}

static struct sw_mtu_search *begin(struct sw_tcp *tcp)
{
    struct sw_tcp_rare *rare = sw_rare_get(tcp);

    if (!rare)
        return NULL;
    rare->mtu = (struct sw_mtu_search){.on = true,
                                       .low = packet_of(tcp, tcp->layer->config.base_mss_bytes),
                                       .since_ms = sw_tcp_clock_ms(tcp)};
    rare->mtu.use = rare->mtu.low;
    return &rare->mtu;
}

/* Who was connected to goes on with what the path is said to carry, as on Linux; who connected
 * begins with little. */
void sw_mtu_probe_established(struct sw_tcp *tcp)
{
    uint32_t segments = tcp->snd.cwnd / tcp->snd.mss;
    struct sw_mtu_search *m;

    if (tcp->layer->config.mtu_probing != SW_MTU_PROBING_ALWAYS)
        return;
    m = begin(tcp);
    if (m && !sw_tcp_has(tcp, SW_TCPF_ACTIVE))
        m->use = packet_of(tcp, tcp->snd.mss);
    sw_tcp_path(tcp);
    tcp->snd.cwnd = segments * tcp->snd.mss;
}

uint32_t sw_mtu_probe_limit(const struct sw_tcp *tcp, uint32_t mtu)
{
    const struct sw_mtu_search *m = search_of(tcp);

    return m ? sw_min32(mtu, m->use) : mtu;
}

/* Ten minutes (RFC 4821 7.1) after the search began it is worth another look: paths change. */
static void maybe_again(struct sw_tcp *tcp, struct sw_mtu_search *m)
{
    uint32_t interval_ms = (uint32_t)(tcp->layer->config.mtu_probe_interval_ns / SW_NS_PER_MS);

    if (sw_tcp_clock_ms(tcp) - m->since_ms < interval_ms)
        return;
    m->low = packet_of(tcp, tcp->snd.mss);
    m->failed = 0;
    m->since_ms = sw_tcp_clock_ms(tcp);
}

/* The size to try; 0: none is worth it. */
static uint32_t next_size(struct sw_tcp *tcp, struct sw_mtu_search *m)
{
    uint32_t high = largest(tcp), low = m->low, in_use = packet_of(tcp, tcp->snd.mss);

    if (m->failed)
        high = sw_min32(high, m->failed - 1U);
    if (high + low <= 2 * in_use) /* the middle would be nothing new */
        low = in_use;
    if (high > low && high - low >= tcp->layer->config.mtu_probe_threshold_bytes)
        return (high + low) / 2;
    maybe_again(tcp, m);
    return 0;
}

enum sw_mtu_probe_result sw_mtu_probe_next(struct sw_tcp *tcp, uint32_t unsent, uint32_t window,
                                           uint32_t *ret_len)
{
    struct sw_mtu_search *m = search_of(tcp);
    const struct sw_tcp_flight *f = tcp->snd.flight;
    uint32_t mss = tcp->snd.mss, pipe = sw_flight_pipe(tcp), size, needed;

    if (!m || m->probe || (f && f->ca != SW_CA_OPEN) || tcp->snd.cwnd < CWND_MIN_SEGMENTS * mss ||
        !sw_reasm_empty(tcp)) /* SACK blocks would come on top of it */
        return SW_MTU_PROBE_NOT_NOW;
    size = next_size(tcp, m);
    if (size == 0)
        return SW_MTU_PROBE_NOT_NOW;
    /* What follows it has to tell of its loss. */
    needed = size - overhead(tcp) + (REORDERING_SEGMENTS + 1) * mss;
    if (unsent < needed || tcp->snd.wnd < needed)
        return SW_MTU_PROBE_NOT_NOW;
    if (window < needed)
        return SW_MTU_PROBE_WAIT;
    if (pipe + 2 * mss > tcp->snd.cwnd)
        return pipe ? SW_MTU_PROBE_WAIT : SW_MTU_PROBE_NOT_NOW;
    *ret_len = size - overhead(tcp);
    return SW_MTU_PROBE_SENT;
}

void sw_mtu_probe_sent(struct sw_tcp *tcp, sw_seq seq)
{
    struct sw_mtu_search *m = search_of(tcp);
    uint32_t len = tcp->snd.nxt.v - seq.v;

    SW_ASSERT(m);
    if (len <= tcp->snd.mss) /* the queue's pieces did not allow more */
        return;
    m->probe = packet_of(tcp, len);
    m->probe_seq = seq;
    m->probe_end = tcp->snd.nxt;
}

void sw_mtu_probe_acked(struct sw_tcp *tcp)
{
    struct sw_mtu_search *m = search_of(tcp);

    if (!m || !m->probe || sw_seq_lt(tcp->snd.una, m->probe_end))
        return;
    m->low = m->probe;
    if (m->use < m->low)
        m->use = m->low;
    m->probe = 0;
    sw_tcp_path(tcp);
}

bool sw_mtu_probe_lost(struct sw_tcp *tcp)
{
    struct sw_mtu_search *m = search_of(tcp);
    struct sw_tcp_flight *f = tcp->snd.flight;

    if (!m || !m->probe)
        return false;
    if (!sw_seq_eq(tcp->snd.una, m->probe_seq) || !sw_seq_eq(sw_flight_end(tcp, 0), m->probe_end) ||
        f->lost > sw_flight_len(tcp, 0)) {
        sw_mtu_probe_inconclusive(tcp);
        return false;
    }
    m->failed = m->probe;
    m->probe = 0;
    sw_flight_mark(tcp, 0, SW_TX_LOST, SW_TX_RETRANS);
    return true;
}

void sw_mtu_probe_inconclusive(struct sw_tcp *tcp)
{
    struct sw_mtu_search *m = search_of(tcp);

    if (m)
        m->probe = 0;
}

void sw_mtu_probe_black_hole(struct sw_tcp *tcp)
{
    const struct sw_tcp_config *config = &tcp->layer->config;
    struct sw_mtu_search *m = search_of(tcp);
    uint32_t mss;

    if (config->mtu_probing == SW_MTU_PROBING_OFF)
        return;
    if (!m) {
        begin(tcp);
        return;
    }
    mss = m->low > overhead(tcp) ? (m->low - overhead(tcp)) / 2 : 0;
    mss = sw_min32(mss, config->base_mss_bytes);
    mss = sw_max32(mss, sw_max32(config->mtu_probe_floor_bytes, SW_TCP_MSS_MIN_BYTES));
    m->low = m->use = packet_of(tcp, mss);
    m->probe = 0;
}
