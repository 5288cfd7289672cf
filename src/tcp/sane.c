/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The invariant that keeps connections from being stuck: a state without a live timer, or an event
 * of the user's or the peer's that the peer may be waited for without limit, is a bug. And what is
 * kept by hand for speed. Told after each step of simulations and fuzzing; NULL: nothing is wrong.
 */
#include <stddef.h>

#include "tcp/flight.h"
#include "tcp/meter.h"
#include "tcp/private.h"

static uint64_t earliest(const struct sw_tcp *tcp)
{
    uint64_t at_ns = sw_pace_ns(tcp);

    at_ns = tcp->main_ns < at_ns ? tcp->main_ns : at_ns;
    at_ns = tcp->delack_ns < at_ns ? tcp->delack_ns : at_ns;
    return tcp->slow_ns < at_ns ? tcp->slow_ns : at_ns;
}

/* The timers against each other, and the node against them (control.h, invariant 4). */
static const char *timers(const struct sw_tcp *tcp)
{
    uint64_t at_ns = earliest(tcp);

    if (tcp->state == SW_TCP_CLOSED || tcp->state == SW_TCP_LISTEN)
        return at_ns != SW_NEVER || tcp->timer.armed ? "CLOSED, with a timer" : NULL;
    if (at_ns != SW_NEVER && (!tcp->timer.armed || tcp->timer.expires_ns > at_ns))
        return "a deadline that the node will miss";
    if ((tcp->snd.flight || tcp->rcv.extra || sw_meter_plain(tcp)) && !tcp->timer.armed)
        return "memory of moving data that nothing will free";
    return NULL;
}

/* What each state waits for (RFC 9293 3.3.2) and what ends the wait. */
static const char *waits(const struct sw_tcp *tcp)
{
    bool main = tcp->main_ns != SW_NEVER || sw_pace_ns(tcp) != SW_NEVER;

    switch (tcp->state) {
    case SW_TCP_CLOSED:
    case SW_TCP_LISTEN:
        return NULL;
    case SW_TCP_SYN_SENT:
    case SW_TCP_SYN_RECEIVED:
        return tcp->main_ns != SW_NEVER ? NULL : "a SYN that is not sent again";
    case SW_TCP_TIME_WAIT:
        return tcp->slow_ns != SW_NEVER ? NULL : "TIME_WAIT for ever";
    case SW_TCP_FIN_WAIT_2:
        if (!sw_tcp_has(tcp, SW_TCPF_ORPHAN))
            return NULL; /* the user's next call */
        return tcp->slow_ns != SW_NEVER ? NULL : "FIN_WAIT_2 of an orphan for ever";
    default: /* the peer's acknowledgment, or the user's next call if there is nothing to send */
        break;
    }
    if (!sw_seq_eq(tcp->snd.una, tcp->snd.nxt))
        return main ? NULL : "unacknowledged, and no timer";
    if (sw_tcp_unsent(tcp))
        return main ? NULL : "unsent, and no timer";
    return tcp->state == SW_TCP_ESTABLISHED || tcp->state == SW_TCP_CLOSE_WAIT
               ? NULL
               : "a FIN that was neither sent nor acknowledged";
}

/* What lies behind a flight's records is looked at only if it is `eventful`, and taken as zero when
 * the flight comes back (flight.h). */
static const char *unwritten(const struct sw_tcp_flight *f)
{
    if (!f || f->eventful)
        return NULL;
    for (size_t i = offsetof(struct sw_tcp_flight, undo); i < offsetof(struct sw_tcp_flight, work);
         i++)
        if (((const uint8_t *)f)[i] != 0)
            return "a flight that was written to and does not say so";
    return NULL;
}

const char *sw_tcp_sane(const struct sw_tcp *tcp)
{
    const char *wrong = timers(tcp);

    if (!wrong)
        wrong = waits(tcp);
    if (!wrong)
        wrong = unwritten(tcp->snd.flight);
    if (!wrong && sw_tcp_has(tcp, SW_TCPF_ORPHAN) &&
        (tcp->state == SW_TCP_ESTABLISHED || tcp->state == SW_TCP_CLOSE_WAIT))
        wrong = "closed by its user, and no FIN";
    return wrong;
}
