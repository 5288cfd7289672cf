/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The send buffer: how much of the user's data is taken (SO_SNDBUF, tuned to the window, and
 * TCP_NOTSENT_LOWAT), and when the user is told of room in it.
 */
#include "tcp/private.h"
#include "tcp/rare.h"

static uint32_t buffer_room(const struct sw_tcp *tcp)
{
    return tcp->snd.buf > tcp->snd.queue.len ? tcp->snd.buf - tcp->snd.queue.len : 0;
}

/* TCP_NOTSENT_LOWAT or the host's: so many bytes unsent are enough. */
static uint32_t lowat(const struct sw_tcp *tcp)
{
    return tcp->rare && tcp->rare->notsent_lowat ? tcp->rare->notsent_lowat
                                                 : tcp->layer->config.notsent_lowat;
}

bool sw_tcp_has_lowat(const struct sw_tcp *tcp)
{
    return lowat(tcp) != UINT32_MAX;
}

/* A segment that was begun is filled before the limit counts, as on Linux, so that a small limit
 * does not make small segments. A segment is at most half of the largest window. */
static uint32_t lowat_room(const struct sw_tcp *tcp)
{
    uint32_t unsent = sw_tcp_unsent_bytes(tcp), mss = sw_max32(tcp->snd.mss, 1);
    uint32_t most = sw_min32(tcp->snd.max_wnd / 2, sw_max32(tcp->snd.gso_max, mss));
    uint32_t whole = sw_max32(most / mss, 1) * mss;

    if (unsent % whole)
        return whole - unsent % whole;
    return unsent < lowat(tcp) ? whole : 0;
}

uint32_t sw_tcp_send_space(const struct sw_tcp *tcp)
{
    uint32_t room = buffer_room(tcp);

    return lowat(tcp) == UINT32_MAX ? room : sw_min32(room, lowat_room(tcp));
}

/* Linux's sk_stream_is_writeable(): a third of the send buffer is free, so that writers are not
 * woken for crumbs, and less than half waits unsent of what may. */
bool sw_tcp_writable(const struct sw_tcp *tcp)
{
    uint32_t room = buffer_room(tcp);

    return room > 0 && room >= tcp->snd.queue.len / 2 &&
           (lowat(tcp) == UINT32_MAX || 2ULL * sw_tcp_unsent_bytes(tcp) < lowat(tcp));
}

/* In fast recovery up to 1.7 windows are kept until the hole is filled, and the user is woken when
 * a third of the buffer is free: three windows let no recovery run dry. (Linux's
 * tcp_sndbuf_expand() has two, of segments counted at three times their payload.) */
void sw_tcp_grow_sndbuf(struct sw_tcp *tcp)
{
    uint64_t want = 3ULL * sw_max32(tcp->snd.cwnd, SW_TCP_IW_SEGMENTS * tcp->snd.mss);
    uint32_t max = tcp->layer->config.sndbuf_max;

    if (sw_tcp_has(tcp, SW_TCPF_SNDBUF_LOCK) || sw_tcp_mem_pressure(tcp))
        return;
    if (want > max)
        want = max;
    if (want > tcp->snd.buf)
        tcp->snd.buf = (uint32_t)want;
}
