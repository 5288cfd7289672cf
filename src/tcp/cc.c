/* SPDX-License-Identifier: BSD-2-Clause */
/* What all congestion controls share. */
#include "tcp/cc.h"

#include "tcp/flight.h"
#include "tcp/private.h"

/* A window no sender needs, small enough that sums of two do not wrap. */
#define CWND_MAX_BYTES (1U << 30)

const struct sw_cc_ops *sw_cc(const struct sw_tcp *tcp)
{
    return tcp->layer->config.cubic && !sw_tcp_has(tcp, SW_TCPF_RENO) ? &sw_cc_cubic
                                                                      : &sw_cc_newreno;
}

void sw_cc_free(struct sw_tcp *tcp)
{
    if (tcp->snd.cc_state)
        sw_mem_free(sw_tcp_env(tcp)->mem, tcp->snd.cc_state, sw_cc(tcp)->state_size);
    tcp->snd.cc_state = NULL;
}

uint32_t sw_cc_slow_start(struct sw_tcp *tcp, uint32_t acked)
{
    uint32_t limit = sw_min32(tcp->snd.ssthresh, CWND_MAX_BYTES);
    uint32_t room = limit > tcp->snd.cwnd ? limit - tcp->snd.cwnd : 0;
    uint32_t allowed = sw_hystart_on_ack(tcp, acked);
    uint32_t used = sw_min32(allowed, room);

    tcp->snd.cwnd += used;
    return allowed - used;
}

void sw_cc_avoid(struct sw_tcp *tcp, uint32_t acked, uint32_t per)
{
    struct sw_tcp_flight *f = tcp->snd.flight;

    f->cwnd_acc += acked;
    while (f->cwnd_acc >= per) {
        f->cwnd_acc -= per;
        if (tcp->snd.cwnd < CWND_MAX_BYTES)
            tcp->snd.cwnd += tcp->snd.mss;
    }
}

void sw_cc_trace(struct sw_tcp *tcp)
{
    struct sw_env *env = sw_tcp_env(tcp);

    if (!sw_tracing(env))
        return;
    struct sw_trace_event event = {
        .kind = SW_TRACE_CWND,
        .socket = tcp->id,
        .local = tcp->local,
        .remote = tcp->remote,
        .v = {tcp->snd.cwnd, tcp->snd.ssthresh, sw_flight_pipe(tcp), tcp->snd.srtt_us8 >> 3,
              sw_rto_ns(tcp) / SW_NS_PER_US},
    };

    sw_trace(env, &event);
}
