/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The eleven states (RFC 9293 3.3.2) and the one setter that moves them; the life of the block.
 */
#include "tcp/cc.h"
#include "tcp/meter.h"
#include "tcp/private.h"
#include "tcp/rare.h"
#include "tcp/reasm.h"
#include "tcp/recovery.h"
#include "tcp/urgent.h"

static const char *const names[] = {
    [SW_TCP_ESTABLISHED] = "ESTABLISHED",
    [SW_TCP_SYN_SENT] = "SYN_SENT",
    [SW_TCP_SYN_RECEIVED] = "SYN_RECEIVED",
    [SW_TCP_FIN_WAIT_1] = "FIN_WAIT_1",
    [SW_TCP_FIN_WAIT_2] = "FIN_WAIT_2",
    [SW_TCP_TIME_WAIT] = "TIME_WAIT",
    [SW_TCP_CLOSED] = "CLOSED",
    [SW_TCP_CLOSE_WAIT] = "CLOSE_WAIT",
    [SW_TCP_LAST_ACK] = "LAST_ACK",
    [SW_TCP_LISTEN] = "LISTEN",
    [SW_TCP_CLOSING] = "CLOSING",
};
_Static_assert(sizeof(names) / sizeof(names[0]) == SW_TCP_CLOSING + 1, "a name per state");

#define TO(state) (1U << SW_TCP_##state)

/* From each state, where it may go: figure 5 of RFC 9293, and CLOSED from everywhere. */
static const uint16_t transitions[] = {
    [SW_TCP_CLOSED] = TO(SYN_SENT) | TO(SYN_RECEIVED) | TO(LISTEN),
    [SW_TCP_LISTEN] = TO(CLOSED),
    [SW_TCP_SYN_SENT] = TO(CLOSED) | TO(SYN_RECEIVED) | TO(ESTABLISHED),
    [SW_TCP_SYN_RECEIVED] = TO(CLOSED) | TO(ESTABLISHED),
    [SW_TCP_ESTABLISHED] = TO(CLOSED) | TO(FIN_WAIT_1) | TO(CLOSE_WAIT),
    [SW_TCP_FIN_WAIT_1] = TO(CLOSED) | TO(FIN_WAIT_2) | TO(CLOSING) | TO(TIME_WAIT),
    [SW_TCP_FIN_WAIT_2] = TO(CLOSED) | TO(TIME_WAIT),
    [SW_TCP_CLOSE_WAIT] = TO(CLOSED) | TO(LAST_ACK),
    [SW_TCP_CLOSING] = TO(CLOSED) | TO(TIME_WAIT),
    [SW_TCP_LAST_ACK] = TO(CLOSED),
    [SW_TCP_TIME_WAIT] = TO(CLOSED),
};

const char *sw_tcp_state_name(enum sw_tcp_state state)
{
    return (unsigned)state < sizeof(names) / sizeof(names[0]) && names[state] ? names[state] : "?";
}

enum sw_tcp_state sw_tcp_get_state(const struct sw_tcp *tcp)
{
    return tcp->state;
}

void sw_tcp_set_state(struct sw_tcp *tcp, enum sw_tcp_state state)
{
    struct sw_env *env = sw_tcp_env(tcp);

    SW_ASSERT(transitions[tcp->state] & (1U << state));
    if (sw_tracing(env)) {
        struct sw_trace_event event = {.kind = SW_TRACE_STATE,
                                       .socket = tcp->id,
                                       .local = tcp->local,
                                       .remote = tcp->remote,
                                       .v = {tcp->state, state}};
        sw_trace(env, &event);
    }
    if (sw_tcp_is_orphan(tcp) && (state == SW_TCP_CLOSED || state == SW_TCP_TIME_WAIT))
        tcp->layer->n_orphans--;
    tcp->state = (uint8_t)state;
    if (state == SW_TCP_ESTABLISHED)
        env->stats.tcp_estab++;
    if (state == SW_TCP_CLOSED || state == SW_TCP_TIME_WAIT)
        tcp->events |= SW_TCPE_CLOSED;
}

void sw_tcp_init(struct sw_tcp *tcp, struct sw_tcp_layer *layer, uint32_t sndbuf, uint32_t rcvbuf)
{
    memset(tcp, 0, sizeof(*tcp));
    tcp->layer = layer;
    tcp->state = SW_TCP_CLOSED;
    tcp->cc = layer->config.cc;
    tcp->snd.buf = sndbuf ? sndbuf : layer->config.sndbuf;
    tcp->rcv.buf = rcvbuf ? rcvbuf : layer->config.rcvbuf;
    tcp->snd.ssthresh = UINT32_MAX;
    tcp->snd.min_rtt_us = UINT32_MAX;
    tcp->main_ns = tcp->delack_ns = tcp->slow_ns = SW_NEVER;
    sw_stream_init(&tcp->snd.queue);
    sw_stream_init(&tcp->rcv.queue);
    sw_timer_init(&tcp->timer, SW_TIMER_SOCK);
}

/* Nothing more will be sent. */
static void discard_sender(struct sw_tcp *tcp)
{
    sw_flight_free(tcp);
    sw_stream_clear(&tcp->snd.queue, sw_tcp_env(tcp)->mem);
}

void sw_tcp_fini(struct sw_tcp *tcp)
{
    struct sw_mem *mem = sw_tcp_env(tcp)->mem;

    if (sw_tcp_is_orphan(tcp))
        tcp->layer->n_orphans--;
    sw_tcp_timers_stop(tcp);
    discard_sender(tcp);
    sw_meter_free(tcp);
    sw_stream_clear(&tcp->rcv.queue, mem);
    sw_extra_free(tcp);
    sw_urgent_free(tcp);
    sw_rare_free(tcp);
}

void sw_tcp_finish(struct sw_tcp *tcp, int err)
{
    sw_tcp_set_state(tcp, SW_TCP_CLOSED);
    sw_tcp_timers_stop(tcp);
    discard_sender(tcp);
    sw_extra_free(tcp);
    /* What had arrived in order stays readable, then the user hears of the error: as Linux. */
    tcp->events |= SW_TCPE_READABLE | SW_TCPE_WRITABLE;
    if (err) {
        tcp->error = (uint8_t)err;
        tcp->events |= SW_TCPE_ERROR;
    }
}

void sw_tcp_enter_time_wait(struct sw_tcp *tcp)
{
    sw_tcp_set_state(tcp, SW_TCP_TIME_WAIT);
    sw_tcp_timers_stop(tcp);
    discard_sender(tcp);
    sw_extra_free(tcp);
    sw_tcp_arm(tcp, SW_TCP_TIMER_TIME_WAIT, sw_tcp_now(tcp) + tcp->layer->config.time_wait_ns);
}

void sw_tcp_tidy(struct sw_tcp *tcp)
{
    if (sw_flight_idle(tcp)) {
        sw_recovery_end_cwr(tcp);
        sw_flight_free(tcp);
        sw_meter_tidy(tcp);
    }
    if (sw_reasm_empty(tcp) && tcp->rcv.queue.len == 0)
        sw_extra_free(tcp);
    sw_urgent_tidy(tcp);
}

unsigned sw_tcp_take_events(struct sw_tcp *tcp)
{
    unsigned events = tcp->events;

    tcp->events = 0;
    return events;
}

int sw_tcp_take_error(struct sw_tcp *tcp)
{
    int err = tcp->error;

    tcp->error = 0;
    return err;
}
