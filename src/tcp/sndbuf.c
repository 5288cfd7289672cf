/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The send buffer: how much of the user's data is taken (SO_SNDBUF, tuned to the window, and
 * TCP_NOTSENT_LOWAT), and when the user is told of room in it.
 *
 * SO_SNDBUF is counted as Linux counts it, since programs are written against that: not in payload
 * but in what Linux's buffers would take, each of which has a price beside its bytes. Bytes that
 * wait are in buffers of half of the peer's largest window, or of 64 KiB: a buffer that was begun
 * is filled whatever it takes, and a new one is begun while less than SO_SNDBUF is taken. So a
 * small SO_SNDBUF takes more bytes than its number, and one full of small segments takes fewer.
 * What is in flight is in one buffer for each transmission; where a path takes single packets only,
 * Linux would still have handed them over in super-segments, and so they count.
 *
 * What is kept for this is where the last buffer begins: the rest follows from the queue and the
 * number of records in flight.
 */
#include "tcp/cc.h"
#include "tcp/flight.h"
#include "tcp/meter.h"
#include "tcp/private.h"
#include "tcp/rare.h"

/* Of Linux on a machine of 64 bits, as SO_MEMINFO tells it: what a buffer takes beside its bytes,
 * of which so much is room for headers and what stands beside them. */
#define BUFFER_BYTES 832U
#define BUFFER_HEAD_BYTES 576U
#define SUPER_SEGMENT_BYTES 65279U /* the most that Linux puts into one */

static uint32_t div_up(uint32_t n, uint32_t by)
{
    return n ? (n - 1) / by + 1 : 0;
}

/* The payload of a full buffer: whole segments, and no more than half of the largest window. */
static uint32_t buffer_payload(const struct sw_tcp *tcp)
{
    uint32_t mss = sw_max32(tcp->snd.mss, 1);
    uint32_t most = tcp->snd.gso_max > mss ? tcp->snd.gso_max : SUPER_SEGMENT_BYTES;

    if (tcp->snd.max_wnd > 0)
        most = sw_min32(tcp->snd.max_wnd / 2, most);
    return sw_max32(most / mss, 1) * mss;
}

static sw_seq queue_end(const struct sw_tcp *tcp)
{
    return sw_seq_add(sw_tcp_snd_base(tcp), tcp->snd.queue.len);
}

/* Bytes of the last buffer, where `unsent` of them are not yet sent. One that was begun to be sent
 * goes on at SND.NXT. */
static uint32_t last_payload(const struct sw_tcp *tcp, uint32_t unsent, uint32_t whole)
{
    uint32_t len = tcp->snd.meter ? queue_end(tcp).v - tcp->snd.meter->filling.v : 0;

    if (unsent == 0 || (0 < len && len <= unsent))
        return unsent ? len : 0;
    return (unsent - 1) % whole + 1;
}

/* PSH where half of the largest window has not had one, as Linux's forced_push(). */
bool sw_tcp_filled(struct sw_tcp *tcp, bool more)
{
    uint32_t whole = buffer_payload(tcp), unsent = sw_tcp_unsent_bytes(tcp);
    sw_seq end = queue_end(tcp);
    struct sw_meter *m = tcp->snd.meter;

    if (!m)
        return more;
    if (end.v - m->filling.v > unsent)
        m->filling = sw_seq_sub(end, unsent);
    if (end.v - m->filling.v > whole)
        m->filling = sw_seq_add(m->filling, (end.v - m->filling.v - 1) / whole * whole);
    if (end.v - m->pushed.v > tcp->snd.max_wnd / 2)
        more = false;
    if (!more)
        m->pushed = end;
    return more;
}

/* What the send queue takes of SO_SNDBUF: Linux's sk_wmem_queued. */
static uint32_t taken(const struct sw_tcp *tcp)
{
    const struct sw_tcp_snd *snd = &tcp->snd;
    uint32_t unsent = sw_tcp_unsent_bytes(tcp), sent = snd->queue.len - unsent, whole, last;
    uint32_t buffers = 0;

    if (snd->queue.len == 0)
        return 0;
    whole = buffer_payload(tcp);
    if (sent && snd->gso_max > snd->mss && snd->flight)
        buffers = snd->flight->count;
    else if (sent)
        buffers = div_up(sent, whole);
    if (unsent) {
        last = last_payload(tcp, unsent, whole);
        buffers += 1 + div_up(unsent - last, whole);
    }
    return snd->queue.len + buffers * BUFFER_BYTES;
}

/* TCP_NOTSENT_LOWAT or the host's: so many bytes unsent are enough. */
static uint32_t lowat(const struct sw_tcp *tcp)
{
    return tcp->rare && tcp->rare->notsent_lowat ? tcp->rare->notsent_lowat
                                                 : tcp->layer->config.notsent_lowat;
}

uint32_t sw_tcp_send_space(const struct sw_tcp *tcp)
{
    uint32_t whole = buffer_payload(tcp), unsent = sw_tcp_unsent_bytes(tcp);
    uint32_t last = last_payload(tcp, unsent, whole);

    if (0 < last && last < whole)
        return whole - last; /* what was begun is filled: limits make no small segments */
    return taken(tcp) < tcp->snd.buf && unsent < lowat(tcp) ? whole : 0;
}

/* Linux's sk_stream_is_writeable(): a third of the send buffer is free, so that writers are not
 * woken for crumbs, and less than half waits unsent of what may. */
bool sw_tcp_writable(const struct sw_tcp *tcp)
{
    uint32_t before = taken(tcp);

    return before < tcp->snd.buf && tcp->snd.buf - before >= before / 2 &&
           (lowat(tcp) == UINT32_MAX || 2ULL * sw_tcp_unsent_bytes(tcp) < lowat(tcp));
}

void sw_tcp_await_space(struct sw_tcp *tcp)
{
    tcp->flags |= SW_TCPF_NOSPACE;
}

/* Linux's tcp_sndbuf_expand(): in fast recovery up to 1.7 windows are kept until the hole is
 * filled, so two of them, or three for BBR; each segment in a buffer whose head is a power of two.
 */
void sw_tcp_grow_sndbuf(struct sw_tcp *tcp)
{
    uint32_t mss = sw_max32(tcp->snd.mss, tcp->snd.peer_mss), max = tcp->layer->config.sndbuf_max;
    uint64_t segs = sw_max32(tcp->snd.cwnd / sw_max32(tcp->snd.mss, 1), SW_TCP_IW_SEGMENTS);
    uint64_t head = 1, want;

    if (sw_tcp_has(tcp, SW_TCPF_SNDBUF_LOCK) || sw_tcp_mem_pressure(tcp))
        return;
    while (head < mss + BUFFER_HEAD_BYTES)
        head *= 2;
    want = (sw_cc(tcp)->control ? 3 : 2) * segs * (head + BUFFER_BYTES - BUFFER_HEAD_BYTES);
    if (want > max)
        want = max;
    if (want > tcp->snd.buf)
        tcp->snd.buf = (uint32_t)want;
}

/* Linux's tcp_check_space(): only for who waits, and where it is not the window that is full, the
 * buffer grows with it. */
void sw_tcp_check_space(struct sw_tcp *tcp)
{
    if (!sw_tcp_has(tcp, SW_TCPF_NOSPACE) || sw_tcp_syn_unacked(tcp))
        return;
    if (sw_flight_pipe(tcp) + tcp->snd.mss <= tcp->snd.cwnd)
        sw_tcp_grow_sndbuf(tcp);
    if (!sw_tcp_writable(tcp))
        return;
    tcp->flags &= ~(uint32_t)SW_TCPF_NOSPACE;
    tcp->events |= SW_TCPE_WRITABLE;
    if (tcp->snd.meter && tcp->snd.meter->chrono == SW_CHRONO_SNDBUF)
        sw_meter_chrono(tcp, SW_CHRONO_BUSY);
}
