/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Delivery rate estimation (draft-cheng-iccrg-delivery-rate-estimation): how fast the path
 * delivers, sampled at each ACK as the bytes that arrived between the sending of the newest segment
 * it covers and now, by the longer of the time in which those were sent and the time in which their
 * ACKs came.
 *
 * Where the sender had nothing to send, the rate says something about the application: samples are
 * marked app-limited until what was out at that moment has arrived.
 */
#include "tcp/meter.h"
#include "tcp/private.h"

/* 3.2: what each transmission remembers of the state of delivery. */
void sw_rate_sent(struct sw_tcp *tcp, struct sw_txrec *rec)
{
    struct sw_meter *m = tcp->snd.meter;

    if (sw_seq_eq(tcp->snd.una, tcp->snd.nxt) || m->delivered_ns == 0) /* an interval begins */
        m->first_sent_ns = m->delivered_ns = sw_tcp_now(tcp);
    rec->first_ns = m->first_sent_ns;
    rec->delivered_ns = m->delivered_ns;
    rec->delivered = (uint32_t)m->delivered;
    rec->flags &= (uint8_t)~SW_TX_APP_LIMITED;
    if (m->app_limited)
        rec->flags |= SW_TX_APP_LIMITED;
}

void sw_rate_begin(struct sw_tcp *tcp)
{
    struct sw_tcp_flight *f = tcp->snd.flight;

    sw_rate_push(tcp);
    if (!f)
        return;
    tcp->layer->rate = (struct sw_rate){0};
}

/* 3.3, UpdateRateSample(): the most recently sent of what arrived is the one that counts. */
void sw_rate_delivered(struct sw_tcp *tcp, const struct sw_txrec *rec, sw_seq end)
{
    struct sw_meter *m = tcp->snd.meter;
    struct sw_rate *r = &tcp->layer->rate;
    uint32_t len = end.v - rec->seq.v;

    m->delivered_segs += len <= tcp->snd.mss ? 1 : (len + tcp->snd.mss - 1) / tcp->snd.mss;
    if (r->prior_ns &&
        (rec->sent_ns < r->sent_ns || (rec->sent_ns == r->sent_ns && sw_seq_lt(end, r->end))))
        return;
    r->prior_ns = rec->delivered_ns;
    r->prior_delivered = rec->delivered;
    r->app_limited = (rec->flags & SW_TX_APP_LIMITED) != 0;
    r->again = (rec->flags & SW_TX_AGAIN) != 0;
    r->send_ns = rec->sent_ns - rec->first_ns;
    r->sent_ns = rec->sent_ns;
    r->end = end;
    m->first_sent_ns = rec->sent_ns;
}

/* In bytes per second. */
uint64_t sw_rate_of(uint64_t bytes, uint64_t ns)
{
    return ns ? bytes * SW_NS_PER_S / ns : 0;
}

/* Whether the sample's rate is one to show: a full one always, one of a slow application only where
 * it says more than the last. */
static bool worth_showing(const struct sw_meter *m, const struct sw_rate *r)
{
    if (!r->app_limited || m->sample_ns == 0)
        return true;
    if ((r->interval_ns | m->sample_ns) <= UINT32_MAX) /* without a division */
        return r->delivered * m->sample_ns >= m->sample_bytes * r->interval_ns;
    return sw_rate_of(r->delivered, r->interval_ns) >= sw_rate_of(m->sample_bytes, m->sample_ns);
}

/* 3.3, GenerateRateSample(). */
void sw_rate_sample(struct sw_tcp *tcp)
{
    struct sw_meter *m = tcp->snd.meter;
    struct sw_tcp_flight *f = tcp->snd.flight;
    struct sw_rate *r;
    uint64_t ack_ns;

    if (!f)
        return;
    r = &tcp->layer->rate;
    r->acked = f->delivered;
    if (f->delivered > 0) {
        m->delivered += f->delivered;
        m->delivered_ns = sw_tcp_now(tcp);
    }
    if (m->app_limited && m->delivered > m->app_limited)
        m->app_limited = 0;
    if (!r->prior_ns)
        return;
    r->delivered = (uint32_t)m->delivered - r->prior_delivered;
    ack_ns = m->delivered_ns - r->prior_ns;
    r->interval_ns = r->send_ns > ack_ns ? r->send_ns : ack_ns;
    /* Shorter than the shortest round trip: an ACK of what had arrived long before. */
    if (tcp->snd.min_rtt_us == UINT32_MAX ||
        r->interval_ns < (uint64_t)tcp->snd.min_rtt_us * SW_NS_PER_US)
        r->interval_ns = 0;
    if (r->interval_ns && worth_showing(m, r)) {
        m->sample_bytes = r->delivered;
        m->sample_ns = r->interval_ns;
        m->sample_app_limited = r->app_limited;
    }
}

/* 3.4: nothing waits, the window has room, nothing lost waits to be sent again. What is written at
 * the very moment at which the last byte left was not late. Where the send buffer is full of what
 * was sent, the user could not write, and so is not what limits: this is as if the peer's window
 * were closed. (Linux counts it as app-limited; where the buffer is smaller than BBR's STARTUP
 * wants it would never find the pipe full, and fill the queue for ever.) */
void sw_rate_output(struct sw_tcp *tcp)
{
    struct sw_meter *m = tcp->snd.meter;
    struct sw_tcp_flight *f = tcp->snd.flight;
    uint32_t sent = tcp->snd.nxt.v - sw_tcp_snd_base(tcp).v;

    if (!m)
        return;
    m->drained_ns = 0;
    if (tcp->snd.queue.len < sent + tcp->snd.mss && sw_flight_pipe(tcp) < tcp->snd.cwnd &&
        (!f || f->lost <= f->retrans) && sw_tcp_writable(tcp))
        m->drained_ns = sw_tcp_now(tcp);
}

void sw_rate_push(struct sw_tcp *tcp)
{
    struct sw_meter *m = tcp->snd.meter;

    if (!m || m->drained_ns == 0 || m->drained_ns == sw_tcp_now(tcp))
        return;
    m->app_limited = m->delivered + sw_flight_pipe(tcp);
    if (m->app_limited == 0)
        m->app_limited = 1;
}
