/* SPDX-License-Identifier: BSD-2-Clause */
/* What all congestion controls share. */
#include "tcp/cc.h"

#include <errno.h>

#include "tcp/meter.h"
#include "tcp/private.h"

/* A window no sender needs, small enough that sums of two do not wrap. */
#define CWND_MAX_BYTES (1U << 30)

static const struct sw_cc_ops *const controls[SW_CC_COUNT] = {
    [SW_CC_RENO] = &sw_cc_newreno,
    [SW_CC_CUBIC] = &sw_cc_cubic,
    [SW_CC_BBR] = &sw_cc_bbr,
};

const struct sw_cc_ops *sw_cc(const struct sw_tcp *tcp)
{
    return controls[tcp->cc];
}

int sw_cc_find(const char *name, size_t len)
{
    for (int id = 0; id < SW_CC_COUNT; id++) {
        const char *its = controls[id]->name;
        size_t i = 0;

        while (i < len && its[i] && its[i] == name[i])
            i++;
        if (its[i] == '\0' && (i == len || name[i] == '\0'))
            return id;
    }
    return -ENOENT;
}

void sw_cc_set(struct sw_tcp *tcp, enum sw_cc_id id)
{
    if (tcp->cc == id)
        return;
    sw_cc_free(tcp); /* what it knew is of no use to the other */
    tcp->cc = (uint8_t)id;
}

void sw_cc_free(struct sw_tcp *tcp)
{
    struct sw_meter *m = tcp->snd.meter;

    if (m && m->cc_state)
        sw_mem_free(sw_tcp_env(tcp)->mem, m->cc_state, sw_cc(tcp)->state_size);
    if (m)
        m->cc_state = NULL;
}

void *sw_cc_state(struct sw_tcp *tcp)
{
    struct sw_meter *m = tcp->snd.meter;

    if (m && !m->cc_state)
        m->cc_state = sw_mem_alloc(sw_tcp_env(tcp)->mem, sw_cc(tcp)->state_size);
    return m ? m->cc_state : NULL;
}

void sw_cc_reduce(struct sw_tcp *tcp)
{
    tcp->snd.ssthresh = sw_cc(tcp)->ssthresh(tcp);
    if (!sw_cc(tcp)->control)
        tcp->snd.cwnd = tcp->snd.ssthresh;
}

uint32_t sw_cc_slow_start(struct sw_tcp *tcp, uint32_t acked)
{
    uint32_t limit = sw_min32(tcp->snd.ssthresh, CWND_MAX_BYTES);
    uint32_t room = limit > tcp->snd.cwnd ? limit - tcp->snd.cwnd : 0;
    uint32_t allowed = sw_cc(tcp)->hystart ? sw_hystart_on_ack(tcp, acked) : acked;
    uint32_t used = sw_min32(allowed, room);

    tcp->snd.cwnd += used;
    return allowed - used;
}

void sw_cc_avoid(struct sw_tcp *tcp, uint32_t acked, uint32_t per)
{
    struct sw_tcp_flight *f = tcp->snd.flight;

    f->eventful = true;
    f->cwnd_acc += acked;
    while (f->cwnd_acc >= per) {
        f->cwnd_acc -= per;
        if (tcp->snd.cwnd < CWND_MAX_BYTES)
            tcp->snd.cwnd += tcp->snd.mss;
    }
}

uint32_t sw_cc_flight(const struct sw_tcp *tcp)
{
    return tcp->snd.nxt.v - tcp->snd.una.v + (tcp->snd.flight ? tcp->snd.flight->marked_acked : 0);
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
