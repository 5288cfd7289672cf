/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The timers of a connection: one node on the host's wheel, four deadlines.
 *
 *   main    what keeps the sending half going: RETRANSMIT while something is unacknowledged
 *           (or REORDER or PROBE of RACK-TLP before it), else PERSIST while something waits that
 *           nothing will come to wake. So never both.
 *   delack  an ACK is owed
 *   slow    KEEPALIVE, FIN_WAIT_2 of an orphan, or TIME_WAIT
 *   pace    PACE: the next packet may leave (kept in the meter, where pacing is)
 *
 * The node is armed no later than the earliest deadline. Moving a deadline away does not touch the
 * wheel: the node fires, finds nothing due, and is armed anew. So an ACK costs no timer operation.
 */
#include <errno.h>

#include "tcp/fastopen.h"
#include "tcp/meter.h"
#include "tcp/mtu_probe.h"
#include "tcp/private.h"
#include "tcp/rare.h"
#include "tcp/recovery.h"

/* How long a connection is quiet before the memory that only moving data needs is freed. */
#define IDLE_NS SW_NS_PER_S
#define ORPHAN_RETRIES 8U /* Linux's tcp_orphan_retries(), where the sysctl is 0 */

static bool is_slow(enum sw_tcp_timer_kind kind)
{
    return kind == SW_TCP_TIMER_KEEPALIVE || kind == SW_TCP_TIMER_FIN_WAIT_2 ||
           kind == SW_TCP_TIMER_TIME_WAIT;
}

static uint64_t earliest(const struct sw_tcp *tcp)
{
    uint64_t at_ns = tcp->main_ns < tcp->delack_ns ? tcp->main_ns : tcp->delack_ns;

    if (sw_pace_ns(tcp) < at_ns)
        at_ns = sw_pace_ns(tcp);
    return at_ns < tcp->slow_ns ? at_ns : tcp->slow_ns;
}

static void node_no_later(struct sw_tcp *tcp, uint64_t at_ns)
{
    if (at_ns != SW_NEVER && (!tcp->timer.armed || at_ns < tcp->timer.expires_ns))
        sw_wheel_arm(&sw_tcp_env(tcp)->wheel, &tcp->timer, at_ns);
}

void sw_tcp_arm(struct sw_tcp *tcp, enum sw_tcp_timer_kind kind, uint64_t at_ns)
{
    if (kind == SW_TCP_TIMER_DELACK) {
        tcp->delack_ns = at_ns;
    } else if (kind == SW_TCP_TIMER_PACE) {
        tcp->snd.meter->pace_waits = true;
        tcp->snd.meter->depart_ns = at_ns;
    } else if (is_slow(kind)) {
        tcp->slow_kind = (unsigned)kind & 0xf;
        tcp->slow_ns = at_ns;
    } else {
        tcp->main_kind = (uint8_t)kind;
        tcp->main_ns = at_ns;
    }
    node_no_later(tcp, at_ns);
}

void sw_tcp_disarm(struct sw_tcp *tcp, enum sw_tcp_timer_kind kind)
{
    if (kind == SW_TCP_TIMER_DELACK)
        tcp->delack_ns = SW_NEVER;
    else if (kind == SW_TCP_TIMER_PACE)
        tcp->snd.meter->pace_waits = false;
    else if (is_slow(kind) && tcp->slow_kind == kind)
        tcp->slow_ns = SW_NEVER;
    else if (!is_slow(kind) &&
             (tcp->main_kind == SW_TCP_TIMER_PERSIST) == (kind == SW_TCP_TIMER_PERSIST))
        tcp->main_ns = SW_NEVER; /* RETRANSMIT stands for REORDER and PROBE too */
}

/* What is left of the user's patience (RFC 5482) after `since_ns`; 0: it has not begun. */
static uint64_t user_rest_ns(const struct sw_tcp *tcp, uint64_t since_ns)
{
    uint64_t limit_ns = (uint64_t)tcp->user_timeout_ms * SW_NS_PER_MS, gone_ns;

    if (!limit_ns || !since_ns)
        return SW_NEVER;
    gone_ns = sw_tcp_now(tcp) - since_ns;
    return gone_ns < limit_ns ? limit_ns - gone_ns : 0;
}

/* Counted like R2 from the first retransmission, of a SYN from the SYN on: Linux's
 * tcp_clamp_rto_to_user_timeout(). */
static uint64_t patience_ns(const struct sw_tcp *tcp)
{
    const struct sw_tcp_flight *f = tcp->snd.flight;

    if (sw_tcp_syn_unacked(tcp))
        return user_rest_ns(tcp, tcp->snd.retries ? tcp->snd.syn_ns : 0);
    return user_rest_ns(tcp, f ? f->retrans_start_ns : 0);
}

void sw_tcp_arm_retransmit(struct sw_tcp *tcp)
{
    uint64_t rto_ns = sw_rto_ns(tcp), patience = patience_ns(tcp);
    uint64_t now_ns = sw_tcp_now(tcp) + sw_pace_delay_ns(tcp); /* when the next one leaves */

    /* The probe is never later than the timeout would be, which then follows it (RFC 8985 7.2). */
    if (sw_tlp_wanted(tcp) && patience >= rto_ns) {
        uint64_t pto_ns = sw_tlp_ns(tcp);
        sw_tcp_arm(tcp, SW_TCP_TIMER_PROBE, now_ns + (pto_ns < rto_ns ? pto_ns : rto_ns));
        return;
    }
    sw_tcp_arm(tcp, SW_TCP_TIMER_RETRANSMIT, now_ns + (rto_ns < patience ? rto_ns : patience));
}

void sw_tcp_arm_idle(struct sw_tcp *tcp)
{
    if (!tcp->timer.armed)
        sw_wheel_arm(&sw_tcp_env(tcp)->wheel, &tcp->timer, sw_tcp_now(tcp) + IDLE_NS);
}

void sw_tcp_timers_stop(struct sw_tcp *tcp)
{
    tcp->main_ns = tcp->delack_ns = tcp->slow_ns = SW_NEVER;
    if (tcp->snd.meter)
        tcp->snd.meter->pace_waits = false;
    sw_wheel_cancel(&sw_tcp_env(tcp)->wheel, &tcp->timer);
}

bool sw_tcp_timer_expected(const struct sw_tcp *tcp)
{
    switch (tcp->state) {
    case SW_TCP_CLOSED:
    case SW_TCP_LISTEN:
        return false;
    case SW_TCP_ESTABLISHED:
    case SW_TCP_CLOSE_WAIT:
        return !sw_seq_eq(tcp->snd.una, tcp->snd.nxt) || sw_tcp_unsent(tcp);
    case SW_TCP_FIN_WAIT_2:
        return sw_tcp_has(tcp, SW_TCPF_ORPHAN);
    default:
        return true;
    }
}

static bool has_extras(const struct sw_tcp *tcp)
{
    return tcp->snd.flight || tcp->rcv.extra || sw_meter_plain(tcp);
}

/* ---- giving up ---- */

static void give_up(struct sw_tcp *tcp)
{
    sw_tcp_finish(tcp, tcp->soft_error ? tcp->soft_error : ETIMEDOUT);
}

/* Whether the user's timeout (RFC 5482) has passed since `since_ms`. */
static bool user_timeout_over(const struct sw_tcp *tcp, uint64_t elapsed_ns)
{
    return tcp->user_timeout_ms && elapsed_ns >= (uint64_t)tcp->user_timeout_ms * SW_NS_PER_MS;
}

/* The time that so many repetitions take which double from the first timeout: Linux's
 * tcp_model_timeout(). */
static uint64_t doubling_ns(const struct sw_tcp *tcp, uint32_t retries)
{
    uint64_t rto_ns = tcp->layer->config.rto_initial_ns, total_ns = rto_ns;
    uint64_t max_ns = sw_tcp_rto_max_ns(tcp);

    while (retries-- > 0) {
        rto_ns = rto_ns * 2 < max_ns ? rto_ns * 2 : max_ns;
        total_ns += rto_ns;
    }
    return total_ns;
}

static bool syn_exhausted(const struct sw_tcp *tcp)
{
    const struct sw_tcp_config *config = &tcp->layer->config;
    uint32_t limit = config->synack_retries + (sw_tfo_early(tcp) ? 1 : 0); /* as Linux */
    uint64_t elapsed_ns = sw_tcp_now(tcp) - tcp->snd.syn_ns;

    if (user_timeout_over(tcp, elapsed_ns))
        return true;
    if (tcp->state == SW_TCP_SYN_SENT)
        limit = tcp->syncnt ? tcp->syncnt : config->syn_retries;
    if (tcp->state == SW_TCP_SYN_SENT && config->syn_linear_timeouts > 0)
        return elapsed_ns >= doubling_ns(tcp, limit); /* more are sent, for no longer */
    return tcp->snd.retries >= limit;
}

/* Retransmissions, or probes, until a connection is given up. */
static uint32_t patience(const struct sw_tcp *tcp)
{
    const struct sw_tcp_config *config = &tcp->layer->config;

    if (!sw_tcp_has(tcp, SW_TCPF_ORPHAN))
        return config->retries2;
    return config->orphan_retries ? config->orphan_retries : ORPHAN_RETRIES;
}

/* RFC 1122 4.2.3.5: R2 has passed without progress. Who closes the window but answers is not gone
 * (RFC 9293 3.8.6.1). */
static bool data_exhausted(const struct sw_tcp *tcp)
{
    bool orphan = sw_tcp_has(tcp, SW_TCPF_ORPHAN);
    uint64_t since_ns = tcp->snd.flight->retrans_start_ns;
    uint64_t elapsed_ns = since_ns ? sw_tcp_now(tcp) - since_ns : 0;

    if (user_timeout_over(tcp, elapsed_ns))
        return true;
    if (tcp->user_timeout_ms && !orphan)
        return false; /* the user's timeout takes the place of R2 (RFC 5482 3) */
    if (tcp->snd.wnd == 0 && !orphan &&
        (sw_tcp_clock_ms(tcp) - tcp->rcv_ms) * (uint64_t)SW_NS_PER_MS < 2 * sw_tcp_rto_max_ns(tcp))
        return false;
    return sw_rto_exhausted(tcp, patience(tcp), elapsed_ns);
}

/* R1 (RFC 1122 4.2.3.5): it is time to doubt the path. */
static bool suspicious(const struct sw_tcp *tcp)
{
    uint64_t since_ns = tcp->snd.flight->retrans_start_ns;

    return since_ns &&
           sw_rto_exhausted(tcp, tcp->layer->config.retries1, sw_tcp_now(tcp) - since_ns);
}

/* ---- what each does ---- */

static void trace_timer(struct sw_tcp *tcp, enum sw_tcp_timer_kind kind)
{
    struct sw_env *env = sw_tcp_env(tcp);
    struct sw_trace_event event = {.kind = SW_TRACE_TIMER,
                                   .socket = tcp->id,
                                   .local = tcp->local,
                                   .remote = tcp->remote,
                                   .v = {kind, tcp->snd.backoff}};

    if (sw_tracing(env))
        sw_trace(env, &event);
}

static void back_off(struct sw_tcp *tcp)
{
    bool linear =
        tcp->state == SW_TCP_SYN_SENT && tcp->snd.retries < tcp->layer->config.syn_linear_timeouts;

    if (sw_tcp_times_out_linearly(tcp))
        tcp->snd.backoff = 0;
    else if (!linear && tcp->snd.backoff < UINT8_MAX)
        tcp->snd.backoff++;
    if (tcp->snd.retries < UINT8_MAX)
        tcp->snd.retries++;
}

static void on_retransmit(struct sw_tcp *tcp)
{
    if (sw_tcp_syn_unacked(tcp)) {
        sw_tfo_timeout(tcp, tcp->snd.retries, syn_exhausted(tcp));
        if (syn_exhausted(tcp)) {
            give_up(tcp);
            return;
        }
        sw_meter_timeout(tcp);
        back_off(tcp);
        sw_tcp_send_syn(tcp, true);
        sw_tcp_arm_retransmit(tcp);
        return;
    }
    if (!tcp->snd.flight || tcp->snd.flight->count == 0)
        return;
    sw_tfo_timeout(tcp, tcp->snd.retries, data_exhausted(tcp));
    if (data_exhausted(tcp)) {
        give_up(tcp);
        return;
    }
    if (suspicious(tcp))
        sw_mtu_probe_black_hole(tcp);
    sw_tcp_path(tcp); /* the route may have changed */
    sw_meter_timeout(tcp);
    sw_recovery_on_timeout(tcp);
    back_off(tcp);
    sw_tcp_output(tcp);
    sw_tcp_arm_retransmit(tcp);
}

/* A window may stay closed for ever, as long as the peer answers; but not longer than a user's
 * timeout, as on Linux, counted from the first probe. */
static uint64_t closed_rest_ns(struct sw_tcp *tcp)
{
    struct sw_tcp_rare *rare = tcp->user_timeout_ms ? sw_rare_get(tcp) : NULL;

    if (!rare)
        return SW_NEVER;
    if (!rare->closed_since_ns)
        rare->closed_since_ns = sw_tcp_now(tcp);
    return user_rest_ns(tcp, rare->closed_since_ns);
}

/* Something waits and nothing is in flight: the window is closed (RFC 9293 3.8.6.1), or the segment
 * was too small to go by itself (the override timeout of 3.8.6.2.1, and the 200 ms of TCP_CORK).
 * Probes never stop while they are answered. */
static void on_persist(struct sw_tcp *tcp)
{
    uint64_t wait_ns;

    if (!sw_tcp_unsent(tcp))
        return;
    sw_tcp_flag(tcp, SW_TCPF_MORE, false); /* it waited long enough: what goes now is pushed */
    if (sw_tcp_output_override(tcp)) {
        sw_tcp_output(tcp);
        return;
    }
    if (tcp->snd.probes >= patience(tcp)) {
        give_up(tcp);
        return;
    }
    if (tcp->snd.wnd == 0) {
        if (closed_rest_ns(tcp) == 0) {
            give_up(tcp);
            return;
        }
        tcp->snd.probes++;
        sw_tcp_send_probe(tcp);
    }
    if (tcp->snd.backoff < UINT8_MAX)
        tcp->snd.backoff++;
    wait_ns = sw_rto_ns(tcp);
    if (tcp->snd.wnd == 0 && closed_rest_ns(tcp) < wait_ns)
        wait_ns = closed_rest_ns(tcp);
    sw_tcp_arm(tcp, SW_TCP_TIMER_PERSIST, sw_tcp_now(tcp) + wait_ns);
}

static uint64_t keep_idle_ns(const struct sw_tcp *tcp)
{
    return tcp->keepidle_s ? (uint64_t)tcp->keepidle_s * SW_NS_PER_S
                           : tcp->layer->config.keepalive_ns;
}

static bool keepalive_wanted(const struct sw_tcp *tcp)
{
    return sw_tcp_has(tcp, SW_TCPF_KEEPALIVE) && !sw_tcp_syn_unacked(tcp) &&
           tcp->state != SW_TCP_CLOSED && tcp->state != SW_TCP_TIME_WAIT &&
           !(tcp->state == SW_TCP_FIN_WAIT_2 && sw_tcp_has(tcp, SW_TCPF_ORPHAN));
}

void sw_tcp_rearm_keepalive(struct sw_tcp *tcp)
{
    if (keepalive_wanted(tcp))
        sw_tcp_arm(tcp, SW_TCP_TIMER_KEEPALIVE, sw_tcp_now(tcp) + keep_idle_ns(tcp));
    else
        sw_tcp_disarm(tcp, SW_TCP_TIMER_KEEPALIVE);
}

/* How long an orphan waits for the peer's FIN: Linux's tcp_fin_time(). */
void sw_tcp_arm_fin_wait_2(struct sw_tcp *tcp)
{
    uint64_t wait_ns = tcp->linger2_s > 0 ? (uint64_t)tcp->linger2_s * SW_NS_PER_S
                                          : tcp->layer->config.fin_timeout_ns;
    uint64_t least_ns = sw_rto_ns(tcp) * 7 / 2;

    sw_tcp_arm(tcp, SW_TCP_TIMER_FIN_WAIT_2,
               sw_tcp_now(tcp) + (wait_ns > least_ns ? wait_ns : least_ns));
}

/* RFC 9293 3.8.4. Receiving anything puts it off: seen here, not at each segment. */
static void on_keepalive(struct sw_tcp *tcp)
{
    const struct sw_tcp_config *config = &tcp->layer->config;
    uint64_t intvl_ns =
        tcp->keepintvl_s ? (uint64_t)tcp->keepintvl_s * SW_NS_PER_S : config->keepalive_intvl_ns;
    uint64_t idle_ns = (uint64_t)(sw_tcp_clock_ms(tcp) - tcp->rcv_ms) * SW_NS_PER_MS;
    uint32_t limit = tcp->keepcnt ? tcp->keepcnt : config->keepalive_probes;

    if (!keepalive_wanted(tcp))
        return;
    if (!sw_seq_eq(tcp->snd.una, tcp->snd.nxt) || sw_tcp_unsent(tcp)) {
        sw_tcp_rearm_keepalive(tcp); /* the other timers see to it */
        return;
    }
    if (idle_ns + SW_NS_PER_MS < keep_idle_ns(tcp)) {
        sw_tcp_arm(tcp, SW_TCP_TIMER_KEEPALIVE, sw_tcp_now(tcp) + keep_idle_ns(tcp) - idle_ns);
        return;
    }
    if (tcp->user_timeout_ms ? user_timeout_over(tcp, idle_ns) && tcp->snd.probes > 0
                             : tcp->snd.probes >= limit) {
        sw_tcp_send_rst(tcp);
        give_up(tcp);
        return;
    }
    tcp->snd.probes++;
    sw_tcp_send_probe(tcp);
    sw_tcp_arm(tcp, SW_TCP_TIMER_KEEPALIVE, sw_tcp_now(tcp) + intvl_ns);
}

static void on_slow(struct sw_tcp *tcp, enum sw_tcp_timer_kind kind)
{
    if (kind == SW_TCP_TIMER_KEEPALIVE)
        on_keepalive(tcp);
    else /* FIN_WAIT_2 of an orphan, or TIME_WAIT: over without a word */
        sw_tcp_finish(tcp, 0);
}

static void on_reorder(struct sw_tcp *tcp)
{
    if (!tcp->snd.flight || tcp->snd.flight->count == 0)
        return;
    sw_tcp_arm_retransmit(tcp); /* detection may put a nearer one in its place */
    sw_recovery_on_reorder_timer(tcp);
    sw_tcp_output(tcp);
}

static void on_probe(struct sw_tcp *tcp)
{
    if (!tcp->snd.flight || tcp->snd.flight->count == 0)
        return;
    sw_tcp_output_probe(tcp);
    sw_tcp_arm_retransmit(tcp);
}

static void on_main(struct sw_tcp *tcp, enum sw_tcp_timer_kind kind)
{
    switch (kind) {
    case SW_TCP_TIMER_RETRANSMIT:
        on_retransmit(tcp);
        break;
    case SW_TCP_TIMER_REORDER:
        on_reorder(tcp);
        break;
    case SW_TCP_TIMER_PROBE:
        on_probe(tcp);
        break;
    default:
        on_persist(tcp);
        break;
    }
}

static bool due(uint64_t *deadline_ns, uint64_t now_ns)
{
    if (*deadline_ns > now_ns)
        return false;
    *deadline_ns = SW_NEVER;
    return true;
}

void sw_tcp_timer(struct sw_tcp *tcp)
{
    uint64_t now_ns = sw_tcp_now(tcp);

    if (due(&tcp->delack_ns, now_ns)) {
        trace_timer(tcp, SW_TCP_TIMER_DELACK);
        sw_tcp_flag(tcp, SW_TCPF_PINGPONG,
                    false); /* nothing carried it: Linux's tcp_delack_timer() */
        sw_tcp_send_ack(tcp);
    }
    if (due(&tcp->main_ns, now_ns)) {
        trace_timer(tcp, tcp->main_kind);
        on_main(tcp, tcp->main_kind);
    }
    if (sw_pace_ns(tcp) <= now_ns) {
        trace_timer(tcp, SW_TCP_TIMER_PACE);
        sw_tcp_disarm(tcp, SW_TCP_TIMER_PACE);
        sw_tcp_output(tcp);
    }
    if (due(&tcp->slow_ns, now_ns)) {
        trace_timer(tcp, tcp->slow_kind);
        on_slow(tcp, tcp->slow_kind);
    }
    if (tcp->state == SW_TCP_CLOSED)
        return;
    if (has_extras(tcp) && sw_tcp_clock_ms(tcp) - tcp->rcv_ms >= IDLE_NS / SW_NS_PER_MS)
        sw_tcp_tidy(tcp);
    uint64_t at_ns = earliest(tcp);
    if (has_extras(tcp) && !tcp->timer.armed && now_ns + IDLE_NS < at_ns)
        at_ns = now_ns + IDLE_NS;
    node_no_later(tcp, at_ns);
}
