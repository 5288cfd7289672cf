/* SPDX-License-Identifier: BSD-2-Clause */
/* A half-open connection: see half.h. */
#include "tcp/half.h"

#include "tcp/limit.h"
#include "tcp/private.h"

static uint32_t clock_us(const struct sw_tcp *block)
{
    return (uint32_t)(sw_tcp_now(block) / SW_NS_PER_US);
}

/* What both have a bit for. */
static const struct {
    uint32_t block;
    uint8_t half;
} marks[] = {
    {SW_TCPF_TIMESTAMPS, SW_HALF_TIMESTAMPS}, {SW_TCPF_SACK, SW_HALF_SACK},
    {SW_TCPF_WSCALE, SW_HALF_WSCALE},         {SW_TCPF_ECN, SW_HALF_ECN},
    {SW_TCPF_ACCECN, SW_HALF_ACCECN},         {SW_TCPF_ECE_DUE, SW_HALF_ECN_LOW},
    {SW_TCPF_CWR_DUE, SW_HALF_ECN_HIGH},
};
enum { MARKS = sizeof(marks) / sizeof(*marks), MARKS_NEGOTIATED = 3 };

static uint8_t flags_of(const struct sw_tcp *block)
{
    uint8_t flags = 0;

    for (unsigned i = 0; i < MARKS; i++)
        if (sw_tcp_has(block, marks[i].block))
            flags |= marks[i].half;
    return flags;
}

/* What a block in SYN_RECEIVED has that cannot be found again. */
static void keep(struct sw_half *half, const struct sw_tcp *block)
{
    *half = (struct sw_half){
        .iss = block->snd.iss,
        .irs = block->rcv.irs,
        .ts_recent = block->rcv.ts_recent,
        .sent_us = clock_us(block),
        .peer_mss = block->snd.peer_mss,
        .wnd = (uint16_t)block->rcv.wnd,
        .wscales = (uint8_t)(block->snd.wscale | block->rcv.wscale << 4),
        .flags = flags_of(block),
    };
}

int sw_half_open(struct sw_half *half, struct sw_tcp *block, const struct sw_segment *syn)
{
    int err = sw_tcp_answer_syn(block, syn);

    if (err < 0)
        return err;
    keep(half, block);
    return 0;
}

int sw_half_restore(const struct sw_half *half, struct sw_tcp *block)
{
    const struct sw_tcp_hdr syn = {
        .seq = half->irs,
        .has_mss = true,
        .mss = half->peer_mss,
        .has_ts = half->flags & SW_HALF_TIMESTAMPS,
        .ts_val = half->ts_recent,
        .has_wscale = half->flags & SW_HALF_WSCALE,
        .wscale = half->wscales & 15,
        .sack_ok = half->flags & SW_HALF_SACK,
    };
    uint32_t waited_us = clock_us(block) - half->sent_us;
    int err;

    sw_tcp_set_isn(block, half->iss);
    err = sw_tcp_agree(block, &syn);
    if (err < 0)
        return err;
    for (unsigned i = MARKS_NEGOTIATED; i < MARKS; i++) /* the others follow from that SYN */
        sw_tcp_flag(block, marks[i].block, half->flags & marks[i].half);
    block->rcv.wnd = block->rcv.target = half->wnd; /* whatever SO_RCVBUF says by now */
    block->rcv.wscale = half->wscales >> 4;
    block->snd.syn_ns -= (uint64_t)waited_us * SW_NS_PER_US;
    block->snd.retries = block->snd.backoff = half->retries;
    block->snd.retrans = half->retries;
    block->snd.segs = 1U + half->retries;
    block->state = SW_TCP_SYN_RECEIVED; /* not a move: it was there before */
    return 0;
}

bool sw_half_completes(const struct sw_half *half, const struct sw_segment *seg)
{
    const struct sw_tcp_hdr *hdr = &seg->tcp;
    sw_seq rcv_nxt = sw_seq_add(half->irs, 1);
    uint32_t len = seg->len + (hdr->flags & SW_TCP_FIN ? 1U : 0U);

    if ((hdr->flags & (SW_TCP_SYN | SW_TCP_RST | SW_TCP_ACK)) != SW_TCP_ACK ||
        !sw_seq_eq(hdr->ack, sw_seq_add(half->iss, 1)))
        return false;
    if ((half->flags & SW_HALF_TIMESTAMPS) && hdr->has_ts &&
        (int32_t)(hdr->ts_val - half->ts_recent) < 0)
        return false;
    return sw_tcp_seq_acceptable(hdr->seq, len, rcv_nxt, half->wnd);
}

enum sw_half_verdict sw_half_input(struct sw_half *half, struct sw_tcp *block,
                                   struct sw_segment *seg)
{
    const struct sw_tcp_config *config = &block->layer->config;
    uint64_t now_ns = sw_tcp_now(block);
    uint32_t limit_ms = 0, again;

    if (sw_half_restore(half, block) < 0) {
        sw_drop(sw_tcp_env(block), seg->pkt, SW_DROP_IP_NO_ROUTE, &block->local, &block->remote);
        seg->pkt = NULL;
        return SW_HALF_STAYS;
    }
    if (sw_limited(half->limit, now_ns, config->challenge_ack_ns))
        limit_ms = sw_tcp_clock_ms(block) ? sw_tcp_clock_ms(block) : 1;
    block->limit_ms = limit_ms;
    again = block->snd.retrans;
    sw_tcp_input(block, seg);
    SW_ASSERT(block->state == SW_TCP_SYN_RECEIVED || block->state == SW_TCP_CLOSED);
    SW_ASSERT(!block->timer.armed);
    if (block->state == SW_TCP_CLOSED)
        return SW_HALF_GONE;
    half->ts_recent = block->rcv.ts_recent;
    half->flags = (uint8_t)(flags_of(block) | (half->flags & SW_HALF_ACKED));
    if (block->limit_ms != limit_ms)
        half->limit = sw_limit_clock(now_ns);
    if (block->snd.retrans == again)
        return SW_HALF_STAYS;
    half->sent_us = clock_us(block);
    return SW_HALF_AGAIN;
}

bool sw_half_icmp(const struct sw_half *half, const struct sw_icmp_error *error)
{
    const struct sw_icmp_hdr *icmp = &error->icmp;

    if (!error->quote.has_seq || !sw_seq_eq(error->quote.seq, half->iss))
        return false;
    if (icmp->version == 6)
        return error->err && error->hard;
    return icmp->type == SW_ICMP_PARAM_PROBLEM || icmp->type == SW_ICMP_TIME_EXCEEDED ||
           (icmp->type == SW_ICMP_UNREACH &&
            (icmp->code == SW_ICMP_UNREACH_NET || icmp->code == SW_ICMP_UNREACH_HOST));
}

void sw_half_timeout(struct sw_half *half, struct sw_tcp *block, bool resend)
{
    struct sw_env *env = sw_tcp_env(block);

    if (sw_tracing(env)) {
        struct sw_trace_event event = {.kind = SW_TRACE_TIMER,
                                       .local = block->local,
                                       .remote = block->remote,
                                       .v = {SW_TCP_TIMER_RETRANSMIT, half->retries}};
        sw_trace(env, &event);
    }
    if (resend && sw_half_restore(half, block) == 0) {
        if (block->snd.retries < UINT8_MAX) /* this one counts, as in on_retransmit() */
            block->snd.retries++;
        sw_tcp_send_syn(block, true);
    }
    half->sent_us = clock_us(block);
    if (half->retries < UINT8_MAX)
        half->retries++;
}

uint64_t sw_half_timeout_us(const struct sw_tcp_config *config, unsigned retries)
{
    uint64_t ns = config->rto_initial_ns;

    while (retries-- > 0 && ns < config->rto_max_ns)
        ns *= 2;
    return (ns < config->rto_max_ns ? ns : config->rto_max_ns) / SW_NS_PER_US;
}
