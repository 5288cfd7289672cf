/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sending half: what may be sent now. Lost segments first, then new ones as far as the peer's
 * window and the congestion window go, held back by Nagle's algorithm (RFC 9293 3.7.4, in
 * Minshall's variant: one small segment at a time), TCP_CORK and the sender's silly-window
 * avoidance (RFC 9293 3.8.6.2.1).
 *
 * Where the path takes super-segments a segment may be many MSS long: always a whole number of MSS
 * unless it ends the queue, so that on the wire it looks as if each had been sent by itself.
 */
#include <errno.h>

#include "tcp/cc.h"
#include "tcp/fastopen.h"
#include "tcp/meter.h"
#include "tcp/mtu_probe.h"
#include "tcp/private.h"
#include "tcp/record.h"
#include "tcp/recovery.h"
#include "tcp/urgent.h"

/* Bytes of data in the queue that were never sent. */
uint32_t sw_tcp_unsent_bytes(const struct sw_tcp *tcp)
{
    uint32_t sent = tcp->snd.nxt.v - sw_tcp_snd_base(tcp).v;

    return tcp->snd.queue.len > sent ? tcp->snd.queue.len - sent : 0;
}

bool sw_tcp_fin_acked(const struct sw_tcp *tcp)
{
    return sw_tcp_has(tcp, SW_TCPF_FIN_SENT) && sw_seq_eq(tcp->snd.una, tcp->snd.nxt);
}

bool sw_tcp_unsent(const struct sw_tcp *tcp)
{
    return sw_tcp_unsent_bytes(tcp) > 0 ||
           (tcp->flags & (SW_TCPF_FIN_QUEUED | SW_TCPF_FIN_SENT)) == SW_TCPF_FIN_QUEUED;
}

/* States in which data or a FIN may leave. */
static bool may_send(const struct sw_tcp *tcp)
{
    return tcp->state == SW_TCP_ESTABLISHED || tcp->state == SW_TCP_CLOSE_WAIT ||
           tcp->state == SW_TCP_FIN_WAIT_1 || tcp->state == SW_TCP_CLOSING ||
           tcp->state == SW_TCP_LAST_ACK || sw_tfo_early(tcp);
}

static uint32_t window_room(const struct sw_tcp *tcp)
{
    uint32_t out = tcp->snd.nxt.v - sw_tcp_snd_base(tcp).v;

    return tcp->snd.wnd > out ? tcp->snd.wnd - out : 0;
}

static uint32_t cwnd_room(const struct sw_tcp *tcp)
{
    uint32_t pipe = sw_flight_pipe(tcp);

    if (pipe == 0) /* one packet always, even where the MSS grew beyond the window */
        return sw_max32(tcp->snd.cwnd, tcp->snd.mss);
    return tcp->snd.cwnd > pipe ? tcp->snd.cwnd - pipe : 0;
}

/* The most that one segment may carry: a whole number of MSS. What divides super-segments does not
 * know how to divide an urgent pointer. */
static uint32_t segment_max(const struct sw_tcp *tcp)
{
    uint32_t mss = tcp->snd.mss;

    if (sw_urgent_sending(tcp))
        return mss;
    if (sw_pace_wanted(tcp))
        return sw_min32(sw_pace_quantum(tcp), sw_max32(tcp->snd.gso_max / mss * mss, mss));
    return sw_burst_max(tcp);
}

/* Whether a segment smaller than the MSS, which ends the queue, may go. */
static bool small_may_go(const struct sw_tcp *tcp)
{
    const struct sw_tcp_flight *f = tcp->snd.flight;

    if (sw_tcp_has(tcp, SW_TCPF_FIN_QUEUED))
        return true; /* there will be nothing to fill it up with */
    if (sw_urgent_sending(tcp))
        return true; /* as Linux, corked or not */
    if (sw_tcp_has(tcp, SW_TCPF_CORK | SW_TCPF_HOLD))
        return false;
    if (sw_tcp_has(tcp, SW_TCPF_NODELAY))
        return true;
    return !f || f->count == 0 || sw_seq_le(f->small_end, tcp->snd.una); /* Nagle, Minshall */
}

bool sw_tcp_may_send_new(const struct sw_tcp *tcp)
{
    return sw_tcp_unsent_bytes(tcp) > 0 &&
           window_room(tcp) >= sw_min32(sw_tcp_unsent_bytes(tcp), tcp->snd.mss);
}

/* How much of the queue the next new segment takes; 0: nothing may go now. */
static uint32_t next_len(struct sw_tcp *tcp)
{
    uint32_t mss = tcp->snd.mss, unsent = sw_tcp_unsent_bytes(tcp);
    uint32_t window = window_room(tcp), room = cwnd_room(tcp);
    uint32_t record = sw_record_limit(tcp, tcp->snd.nxt, unsent);
    uint32_t len = sw_min32(sw_min32(record, window), segment_max(tcp));

    if (len > mss) /* two super-segments in flight at least, as Linux has it */
        len = sw_min32(len, sw_max32(tcp->snd.cwnd / mss / 2, 1) * mss);
    if (len > room) { /* the congestion window is filled in whole segments */
        if (tcp->snd.flight)
            tcp->snd.flight->cwnd_hit = true;
        len = room - room % mss;
        if (len == 0)
            return 0;
    }
    if (len % mss == 0)
        return len;
    if (len == record && record < unsent)
        return len; /* nothing will be joined to it */
    if (len == unsent)
        return small_may_go(tcp) ? len : len - len % mss;
    if (len > mss)
        return len - len % mss;
    /* The peer's window cuts it short: wait for more, or for half of the largest window it ever
     * had. */
    return window < unsent && len >= tcp->snd.max_wnd / 2 && small_may_go(tcp) ? len : 0;
}

/* The timeout, and the probe before it, are counted from what was sent last of new data, or from
 * the repetition of the first segment: were it counted from its first sending, one that is lost
 * again and repeated in time would run into it (as Linux). The shorter wait of RACK comes first. */
static void restart_timer(struct sw_tcp *tcp)
{
    if (tcp->main_kind != SW_TCP_TIMER_REORDER || tcp->main_ns == SW_NEVER)
        sw_tcp_arm_retransmit(tcp);
}

/* Sends `len` new bytes, and the FIN if it follows and fits. False: no memory. */
static bool send_new(struct sw_tcp *tcp, uint32_t len)
{
    struct sw_tcp_snd *snd = &tcp->snd;
    uint32_t unsent = sw_tcp_unsent_bytes(tcp);
    bool fin = len == unsent && sw_tcp_has(tcp, SW_TCPF_FIN_QUEUED) && window_room(tcp) > len;
    bool more = len == unsent && !fin && sw_tcp_has(tcp, SW_TCPF_MORE);
    bool psh = len > 0 && len == sw_record_limit(tcp, snd->nxt, unsent) && !more;
    uint16_t flags = (uint16_t)((fin ? SW_TCP_FIN : 0) | (psh ? SW_TCP_PSH : 0));
    int64_t sent;

    if (sw_flight_reserve(tcp) < 0)
        return false;
    sent = sw_tcp_send_data(tcp, snd->nxt, len, flags, false);
    if (sent < len)
        fin = false;
    if (sent < 0 || (sent == 0 && !fin))
        return false;
    sw_flight_push(tcp);
    if (psh && sent == len)
        sw_flight_at(snd->flight, snd->flight->count - 1)->flags |= SW_TX_PUSHED;
    if (fin)
        tcp->flags |= SW_TCPF_FIN_SENT;
    snd->nxt = sw_seq_add(snd->nxt, (uint32_t)sent + (fin ? 1 : 0));
    if ((uint32_t)sent % snd->mss)
        snd->flight->small_end = snd->nxt;
    snd->last_ms = sw_tcp_clock_ms(tcp);
    sw_pace_sent(tcp, (uint32_t)sent);
    if (snd->flight->ca == SW_CA_RECOVERY || snd->flight->ca == SW_CA_CWR)
        snd->flight->prr_out += (uint32_t)sent;
    if (tcp->main_kind == SW_TCP_TIMER_PERSIST || tcp->main_ns == SW_NEVER || sw_tlp_wanted(tcp))
        restart_timer(tcp);
    return true;
}

/* Sends record i once more, as it is. False: no memory. */
static bool repeat(struct sw_tcp *tcp, uint32_t i)
{
    struct sw_tcp_flight *f = tcp->snd.flight;
    struct sw_txrec *rec = sw_flight_at(f, i);
    sw_seq data_end = sw_seq_add(sw_tcp_snd_base(tcp), tcp->snd.queue.len);
    sw_seq end = sw_flight_end(tcp, i);
    uint32_t len = sw_seq_min(end, data_end).v - rec->seq.v;
    bool psh = (rec->flags & SW_TX_PUSHED) || sw_tfo_ends_data(tcp, end);
    uint16_t flags =
        (uint16_t)((sw_seq_lt(data_end, end) ? SW_TCP_FIN : 0) | (psh ? SW_TCP_PSH : 0));
    int64_t sent = sw_tcp_send_data(tcp, rec->seq, len, flags, true);

    if (sent < 0)
        return false;
    sw_mtu_probe_inconclusive(tcp);
    if (sent < len) { /* too many pieces for one packet */
        if (sent == 0 || sw_flight_split(tcp, i, sw_seq_add(rec->seq, (uint32_t)sent)) < 0)
            return false;
        rec = sw_flight_at(f, i);
    }
    rec->sent_ns = sw_tcp_now(tcp);
    rec->flags |= rec->flags & SW_TX_AGAIN ? SW_TX_TWICE : SW_TX_AGAIN;
    sw_rate_sent(tcp, rec);
    sw_pace_sent(tcp, sw_flight_len(tcp, i));
    sw_meter_retransmitted(tcp, sw_flight_len(tcp, i));
    sw_undo_repeated(tcp, sw_flight_len(tcp, i));
    if (!f->retrans_start_ns)
        f->retrans_start_ns = sw_tcp_now(tcp);
    return true;
}

/* Sends a lost record again, or as much of it as `room` and a segment allow. False: stop here. */
static bool send_again(struct sw_tcp *tcp, uint32_t i, uint32_t room)
{
    struct sw_tcp_flight *f = tcp->snd.flight;
    uint32_t mss = tcp->snd.mss;
    uint32_t max = sw_min32(segment_max(tcp), sw_max32(room - room % mss, mss));

    if (sw_flight_len(tcp, i) > max &&
        sw_flight_split(tcp, i, sw_seq_add(sw_flight_at(f, i)->seq, max)) < 0)
        return false;
    if (!repeat(tcp, i))
        return false;
    sw_flight_mark(tcp, i, SW_TX_RETRANS, 0);
    if (f->ca == SW_CA_RECOVERY)
        f->prr_out += sw_flight_len(tcp, i);
    return true;
}

/* What was lost goes before what is new (RFC 6675 5 rule 1). The first one of a recovery goes even
 * when the pipe is still full (RFC 5681 3.2 step 3). */
static void output_lost(struct sw_tcp *tcp)
{
    struct sw_tcp_flight *f = tcp->snd.flight;
    uint32_t i;

    if (!f || f->lost == f->retrans || f->undo.hold)
        return;
    i = sw_flight_find(tcp, sw_seq_max(f->next_lost, tcp->snd.una));
    for (; i < f->count && f->lost != f->retrans; i++) {
        uint8_t flags = sw_flight_at(f, i)->flags;
        uint32_t room = cwnd_room(tcp);
        bool first = i == 0 && !(flags & SW_TX_AGAIN);

        f->work++;
        if (!(flags & SW_TX_LOST) || (flags & SW_TX_RETRANS))
            continue;
        f->next_lost = sw_flight_at(f, i)->seq; /* next time, too, begin here */
        if (room < tcp->snd.mss && !first && sw_flight_pipe(tcp) > 0) {
            f->cwnd_hit = true;
            return;
        }
        if (sw_pace_holds(tcp) || !send_again(tcp, i, room))
            return;
        if (i == 0 && f->ca == SW_CA_RECOVERY)
            restart_timer(tcp);
        f->next_lost = sw_flight_end(tcp, i);
    }
}

/* A larger packet than all others (RFC 4821). False: it has to wait, and all new data with it. */
static bool output_mtu_probe(struct sw_tcp *tcp)
{
    uint16_t mss = tcp->snd.mss;
    sw_seq seq = tcp->snd.nxt;
    uint32_t len = 0;
    enum sw_mtu_probe_result r =
        sw_mtu_probe_next(tcp, sw_tcp_unsent_bytes(tcp), window_room(tcp), &len);

    if (r != SW_MTU_PROBE_SENT)
        return r != SW_MTU_PROBE_WAIT;
    if (sw_pace_holds(tcp))
        return false;
    tcp->snd.mss = (uint16_t)len; /* lest it be cut */
    send_new(tcp, len);
    tcp->snd.mss = mss;
    sw_mtu_probe_sent(tcp, seq);
    return true;
}

static void output_new(struct sw_tcp *tcp)
{
    struct sw_tcp_flight *f = tcp->snd.flight;

    if (f && f->lost != f->retrans && !f->undo.hold)
        return;
    if (!output_mtu_probe(tcp))
        return;
    while (sw_tcp_unsent_bytes(tcp) > 0) {
        uint32_t len = next_len(tcp);

        if (len == 0 || sw_pace_holds(tcp) || !send_new(tcp, len))
            return;
    }
    if (sw_tcp_unsent(tcp) && window_room(tcp) > 0 &&
        !sw_pace_holds(tcp)) /* a FIN by itself waits for no congestion window */
        send_new(tcp, 0);
}

/* A sender that has sent what there was, with a full buffer, waits for its own buffer until the
 * user is told of room in it (sw_tcp_check_space()), unless the window is in use too. */
static enum sw_chrono waits_for(const struct sw_tcp *tcp)
{
    if (sw_seq_eq(tcp->snd.una, tcp->snd.nxt) && !sw_tcp_unsent(tcp))
        return SW_CHRONO_IDLE;
    if (sw_tcp_unsent_bytes(tcp) > 0)
        return cwnd_room(tcp) >= tcp->snd.mss &&
                       window_room(tcp) < sw_min32(sw_tcp_unsent_bytes(tcp), tcp->snd.mss)
                   ? SW_CHRONO_RWND
                   : SW_CHRONO_BUSY;
    if (sw_tcp_has(tcp, SW_TCPF_NOSPACE) && !sw_cwnd_limited(tcp))
        return SW_CHRONO_SNDBUF;
    return SW_CHRONO_BUSY;
}

/* Whether the congestion window was what held data back, where there were any to send. */
static void validate(struct sw_tcp *tcp, bool waited, bool sent)
{
    struct sw_tcp_flight *f = tcp->snd.flight;
    bool limited = f && (f->cwnd_hit || cwnd_room(tcp) < tcp->snd.mss);

    if (sent || (waited && limited))
        sw_cwnd_validate(tcp, limited);
}

void sw_tcp_output(struct sw_tcp *tcp)
{
    sw_seq nxt = tcp->snd.nxt;
    bool waits;

    if (!may_send(tcp))
        return;
    if (sw_seq_eq(tcp->snd.una, nxt) && !sw_tcp_unsent(tcp)) { /* the usual end of an exchange */
        if (tcp->snd.meter && tcp->snd.meter->drained_ns == 0)
            tcp->snd.meter->drained_ns = sw_tcp_now(tcp);
        sw_meter_chrono(tcp, SW_CHRONO_IDLE);
        sw_flight_rest(tcp);
        return;
    }
    sw_tcp_path_changed(tcp);
    if (tcp->snd.flight)
        tcp->snd.flight->cwnd_hit = false;
    if (sw_seq_eq(tcp->snd.una, tcp->snd.nxt) && sw_tcp_unsent(tcp)) {
        sw_cwnd_restart(tcp);
        sw_tcp_path(tcp); /* routes and MTU may have changed since */
    }
    output_lost(tcp);
    waits = sw_tcp_unsent_bytes(tcp) > 0;
    output_new(tcp);
    sw_pace_rest(tcp);
    validate(tcp, waits, !sw_seq_eq(nxt, tcp->snd.nxt));
    sw_rate_output(tcp);
    sw_meter_chrono(tcp, waits_for(tcp));
    /* Something waits and no acknowledgment will come to wake it: the persist timer does. */
    if (tcp->main_ns == SW_NEVER && sw_pace_ns(tcp) == SW_NEVER && sw_tcp_unsent(tcp))
        sw_tcp_arm(tcp, SW_TCP_TIMER_PERSIST, sw_tcp_now(tcp) + sw_rto_ns(tcp));
}

bool sw_tcp_output_override(struct sw_tcp *tcp)
{
    uint32_t window = window_room(tcp), unsent = sw_tcp_unsent_bytes(tcp);

    if (!may_send(tcp) || window == 0 || !sw_tcp_unsent(tcp))
        return false;
    return send_new(tcp, sw_min32(sw_min32(unsent, window), tcp->snd.mss));
}

/* A tail loss probe: a new segment if there is one, else the last one again that has not arrived
 * (RFC 8985 7.3). */
void sw_tcp_output_probe(struct sw_tcp *tcp)
{
    struct sw_tcp_flight *f = tcp->snd.flight;
    uint32_t unsent = sw_tcp_unsent_bytes(tcp), window = window_room(tcp), mss = tcp->snd.mss;
    uint32_t last, len;
    bool fresh = unsent > 0 && window >= sw_min32(unsent, mss);

    f->eventful = true;
    f->probing = true; /* first, lest sending arms another one */
    f->probe_again = !fresh;
    if (!fresh || !send_new(tcp, sw_min32(unsent, mss))) {
        f->probe_again = true;
        for (last = f->count - 1; last > 0 && (sw_flight_at(f, last)->flags & SW_TX_SACKED);)
            last--;
        len = sw_flight_len(tcp, last);
        if (len > mss &&
            sw_flight_split(tcp, last, sw_seq_sub(sw_flight_end(tcp, last), (len - 1) % mss + 1)) ==
                0)
            last++;
        repeat(tcp, last);
    }
    f->probe_end = tcp->snd.nxt;
}
