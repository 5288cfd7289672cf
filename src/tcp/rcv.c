/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The receiving half: data in order and out of order, the window to offer (RFC 9293 3.8.6.2.2: no
 * silly windows, never shrunk), and when to acknowledge (RFC 9293 3.8.6.3, RFC 5681 4.2, as Linux
 * does it).
 */
#include "tcp/private.h"
#include "tcp/reasm.h"
#include "tcp/urgent.h"

/* ACKs that go out at once at the start of a connection, so that the peer's slow start is not held
 * up: Linux's TCP_MAX_QUICKACKS. */
#define QUICK_ACKS 16U
#define UPDATE_MIN_BYTES 16384U     /* new room less than this alone is not worth a packet */
#define PRESSED_SEGMENTS 4U         /* a window while memory is short, as Linux's */
#define INITIAL_WINDOW_BYTES 65535U /* what a SYN can say; Linux's first window too */

/* ---- the window ---- */

/* The largest window the buffer allows: half of it, the rest is for what slices keep alive beyond
 * their own bytes (Linux's tcp_adv_win_scale of 1). */
static uint32_t window_max(const struct sw_tcp *tcp)
{
    uint32_t max = (uint32_t)UINT16_MAX << tcp->rcv.wscale;

    return sw_min32(tcp->rcv.buf / 2, max);
}

/* As Linux's tcp_select_initial_window(): the scale must do for the largest buffer that tuning may
 * give. */
void sw_tcp_initial_window(struct sw_tcp *tcp)
{
    const struct sw_tcp_config *config = &tcp->layer->config;
    bool locked = sw_tcp_has(tcp, SW_TCPF_RCVBUF_LOCK);
    uint32_t space = locked ? tcp->rcv.buf / 2 : sw_max32(config->rcvbuf_max, tcp->rcv.buf);
    uint32_t mss = sw_tcp_announced_mss(tcp);

    tcp->rcv.wscale = 0;
    if (config->window_scaling)
        while ((space >> tcp->rcv.wscale) > UINT16_MAX && tcp->rcv.wscale < SW_TCP_WSCALE_MAX)
            tcp->rcv.wscale++;
    tcp->rcv.wnd = tcp->rcv.buf / 2;
    if (tcp->rcv.wnd > mss)
        tcp->rcv.wnd -= tcp->rcv.wnd % mss;
    tcp->rcv.wnd = sw_min32(tcp->rcv.wnd, INITIAL_WINDOW_BYTES);
    tcp->rcv.target = tcp->rcv.wnd;
    tcp->rcv.mss = (uint16_t)sw_min32(mss, SW_TCP_MSS_DEFAULT4_BYTES);
}

/* What is left of the window last offered: the right edge is rcv.wup + rcv.wnd. */
uint32_t sw_tcp_rcv_room(const struct sw_tcp *tcp)
{
    uint32_t used = tcp->rcv.nxt.v - tcp->rcv.wup.v;

    return tcp->rcv.wnd > used ? tcp->rcv.wnd - used : 0;
}

/* The window worth offering now, at least what is still offered. */
static uint32_t next_window(const struct sw_tcp *tcp)
{
    uint32_t max = window_max(tcp), used = tcp->rcv.queue.len, offered = sw_tcp_rcv_room(tcp);
    uint32_t space = max > used ? max - used : 0;
    uint32_t step = sw_min32(tcp->rcv.mss, max / 2); /* RFC 9293 3.8.6.2.2: min(half, MSS) */
    uint32_t wnd = sw_min32(space, tcp->rcv.target);

    if (space < max / 2 && sw_tcp_mem_pressure(tcp)) /* as Linux's tcp_adjust_rcv_ssthresh() */
        wnd = sw_min32(wnd, PRESSED_SEGMENTS * tcp->rcv.mss);
    if (space < max / 2 && space < step) /* not worth a segment: let it close */
        wnd = 0;
    wnd &= ~((1U << tcp->rcv.wscale) - 1);
    return wnd < offered + step ? offered : wnd;
}

/*
 * The field of a header about to leave. What cannot be said exactly in units of the scale is
 * rounded up as Linux does, lest the right edge seem to move left (RFC 7323 2.4): so it creeps to
 * the right, with each ACK by what is beyond a multiple of the unit. Half of the window is left for
 * that, enough for full segments in units of 1 KiB. Segments of other sizes would make it creep
 * beyond the buffer: then it is rounded down, but what was once offered is still taken.
 */
uint16_t sw_tcp_offer_window(struct sw_tcp *tcp)
{
    uint32_t unit = 1U << tcp->rcv.wscale, max = window_max(tcp);
    uint32_t offered = sw_tcp_rcv_room(tcp), wnd = next_window(tcp);
    uint32_t up = (wnd + unit - 1) & ~(unit - 1);

    if (tcp->rcv.queue.len + up <= max + max / 2 + unit)
        wnd = up;
    wnd = sw_min32(wnd, (uint32_t)UINT16_MAX << tcp->rcv.wscale) & ~(unit - 1);
    tcp->rcv.wup = tcp->rcv.nxt;
    tcp->rcv.wnd = sw_max32(wnd, offered);
    return (uint16_t)(wnd >> tcp->rcv.wscale);
}

/* ---- acknowledging ---- */

/* TCP_QUICKACK, and the start of a connection. */
void sw_tcp_quickack(struct sw_tcp *tcp)
{
    sw_tcp_flag(tcp, SW_TCPF_PINGPONG, false);
    tcp->rcv.quick = QUICK_ACKS;
}

void sw_tcp_delay_acks(struct sw_tcp *tcp)
{
    tcp->flags |= SW_TCPF_PINGPONG;
}

void sw_tcp_ack_sent(struct sw_tcp *tcp)
{
    if (tcp->rcv.quick)
        tcp->rcv.quick--;
    tcp->rcv.small = 0;
    tcp->flags &= ~(uint32_t)SW_TCPF_ACK_NOW;
    sw_tcp_disarm(tcp, SW_TCP_TIMER_DELACK);
}

/* In-order data has come: at once or later? At least every second full-sized segment at once. */
static void schedule_ack(struct sw_tcp *tcp, uint32_t len)
{
    uint32_t pending = tcp->rcv.nxt.v - tcp->rcv.wup.v;

    tcp->flags |= SW_TCPF_HEARD;
    if (pending > tcp->rcv.mss || len > tcp->rcv.mss || sw_tcp_has(tcp, SW_TCPF_QUICKACK) ||
        (tcp->rcv.quick && !sw_tcp_has(tcp, SW_TCPF_PINGPONG)))
        tcp->flags |= SW_TCPF_ACK_NOW;
    else if (tcp->delack_ns == SW_NEVER)
        sw_tcp_arm(tcp, SW_TCP_TIMER_DELACK, sw_tcp_now(tcp) + sw_tcp_delack_ns(tcp));
}

/* ---- data ---- */

/* What a full-sized segment is: the largest seen. A smaller one, or one that is pushed, ends what
 * the peer had to say: it may be waiting for the ACK before it says more (Nagle, RFC 9293 3.7.4).
 */
static void learn_mss(struct sw_tcp *tcp, const struct sw_segment *seg)
{
    uint32_t size = seg->pkt->gso_size ? seg->pkt->gso_size : seg->len;

    if (size >= tcp->rcv.mss) {
        tcp->rcv.mss = (uint16_t)sw_min32(size, UINT16_MAX);
        if (tcp->rcv.small == 0 && (seg->tcp.flags & SW_TCP_PSH) != 0)
            tcp->rcv.small = 1;
    } else if (tcp->rcv.small < 2) {
        tcp->rcv.small++;
    }
}

/* The first window is cautious; it grows with what comes, twice as fast as it comes. */
static void grow_target(struct sw_tcp *tcp, uint32_t len)
{
    uint32_t max = window_max(tcp);

    if (tcp->rcv.target < max)
        tcp->rcv.target = sw_min32(max, tcp->rcv.target + 2 * len);
}

static enum sw_drop take_in_order(struct sw_tcp *tcp, struct sw_packet *pkt)
{
    struct sw_mem *mem = sw_tcp_env(tcp)->mem;
    uint32_t taken = 0;

    for (unsigned i = 0; i < pkt->n_slices; i++) {
        if (sw_stream_append_slice(&tcp->rcv.queue, mem, pkt->slices[i]) < 0)
            break;
        taken += pkt->slices[i].len;
    }
    sw_tcp_rcv_advance(tcp, taken);
    if (taken > 0)
        tcp->events |= SW_TCPE_READABLE;
    return taken == pkt->data_len ? SW_DROP_NONE : SW_DROP_NO_MEMORY;
}

/* Cuts off what was received already. */
static void trim_front(struct sw_tcp *tcp, struct sw_segment *seg)
{
    uint32_t old;

    if (!sw_seq_lt(seg->tcp.seq, tcp->rcv.nxt))
        return;
    old = sw_min32(tcp->rcv.nxt.v - seg->tcp.seq.v, seg->len);
    sw_reasm_duplicate(tcp, seg->tcp.seq, sw_seq_add(seg->tcp.seq, old));
    sw_packet_trim_front(seg->pkt, old);
    seg->tcp.seq = sw_seq_add(seg->tcp.seq, old);
    seg->len -= old;
}

/* Data that reach beyond an open window are taken whole while nothing waits to be read, and else
 * not at all: Linux's tcp_sequence(). RFC 9293 3.10.7.4 would cut them, and asks for neither; a
 * sender that goes beyond has cut its segments before it heard of the window. */
static bool fits_window(const struct sw_tcp *tcp, const struct sw_segment *seg)
{
    uint32_t room = sw_tcp_rcv_room(tcp);
    sw_seq right = sw_seq_add(tcp->rcv.nxt, room);

    if (sw_seq_le(sw_seq_add(seg->tcp.seq, seg->len), right))
        return true;
    return room > 0 && tcp->rcv.queue.len == 0 && sw_seq_lt(seg->tcp.seq, right);
}

enum sw_drop sw_tcp_receive(struct sw_tcp *tcp, struct sw_segment *seg)
{
    uint32_t had = seg->len;
    enum sw_drop why;

    if (had == 0)
        return SW_DROP_NONE;
    trim_front(tcp, seg);
    if (seg->len == 0) { /* a repetition: say where we are */
        tcp->flags |= SW_TCPF_ACK_NOW;
        return SW_DROP_NONE;
    }
    if (!fits_window(tcp, seg)) { /* a window probe, among others */
        tcp->flags |= SW_TCPF_ACK_NOW;
        return SW_DROP_TCP_SEQ;
    }
    learn_mss(tcp, seg);
    if (!sw_seq_eq(seg->tcp.seq, tcp->rcv.nxt)) {
        tcp->flags |= SW_TCPF_ACK_NOW; /* a duplicate ACK tells of the hole (RFC 5681 4.2) */
        grow_target(tcp, seg->len);
        return sw_reasm_insert(tcp, seg->tcp.seq, seg->pkt);
    }
    if (!sw_reasm_empty(tcp))
        tcp->flags |= SW_TCPF_ACK_NOW; /* it fills a hole, or a part of one (RFC 5681 4.2) */
    why = take_in_order(tcp, seg->pkt);
    if (why != SW_DROP_NONE)
        seg->tcp.flags &= (uint16_t)~SW_TCP_FIN;
    sw_reasm_deliver(tcp);
    grow_target(tcp, seg->len);
    schedule_ack(tcp, seg->len);
    if (had > seg->len)
        tcp->flags |= SW_TCPF_ACK_NOW; /* part of it was cut off */
    return why;
}

/* As Linux: a FIN that ends what was said is acknowledged with our own FIN or answer, if that comes
 * soon enough; one that comes before any data, or whose hole was filled, or that a closed window
 * met, at once; and so is one behind a full-sized segment (RFC 9293 3.8.6.3). */
static void schedule_fin_ack(struct sw_tcp *tcp, bool data_came, bool held)
{
    uint32_t pending = tcp->rcv.nxt.v - tcp->rcv.wup.v;
    bool now = !data_came || held || tcp->rcv.wnd == 0 || pending > tcp->rcv.mss;

    sw_tcp_delay_acks(tcp);
    if (now || sw_tcp_has(tcp, SW_TCPF_QUICKACK)) {
        tcp->flags |= SW_TCPF_ACK_NOW;
        return;
    }
    tcp->flags &= ~(uint32_t)SW_TCPF_ACK_NOW;
    if (tcp->delack_ns == SW_NEVER)
        sw_tcp_arm(tcp, SW_TCP_TIMER_DELACK, sw_tcp_now(tcp) + sw_tcp_delack_ns(tcp));
}

/* The FIN's turn has come: everything before it is here, and of what came twice nobody needs to be
 * told any more. */
void sw_tcp_receive_fin(struct sw_tcp *tcp, bool held)
{
    bool data_came = tcp->snd.told.data_segs_in > 0; /* besides what a SYN brought */

    sw_extra_free(tcp);
    sw_tcp_rcv_advance(tcp, 1);
    tcp->flags |= SW_TCPF_FIN_RECEIVED;
    tcp->events |= SW_TCPE_READABLE;
    if (tcp->state == SW_TCP_ESTABLISHED)
        schedule_fin_ack(tcp, data_came, held);
    else
        tcp->flags |= SW_TCPF_ACK_NOW;
}

/* ---- the user reads ---- */

struct sw_stream *sw_tcp_recv_queue(struct sw_tcp *tcp)
{
    return &tcp->rcv.queue;
}

bool sw_tcp_recv_eof(const struct sw_tcp *tcp)
{
    return sw_tcp_has(tcp, SW_TCPF_FIN_RECEIVED) && tcp->rcv.queue.len == 0;
}

/* A delayed ACK goes when the user has read what it is for: all, where the peer's last segment was
 * a small one and no answer is likely to carry the ACK (pingpong); after two such ones in any case.
 * So small writes one after the other are not held by Nagle until the timer, and a request's ACK
 * still travels with its answer. As Linux's tcp_cleanup_rbuf(). */
static bool reading_acks(const struct sw_tcp *tcp)
{
    if (tcp->delack_ns == SW_NEVER)
        return false;
    if (tcp->rcv.nxt.v - tcp->rcv.wup.v > tcp->rcv.mss)
        return true;
    return tcp->rcv.queue.len == 0 && tcp->rcv.small > (sw_tcp_has(tcp, SW_TCPF_PINGPONG) ? 1 : 0);
}

/* Tells the peer of new room once it has at least doubled, as Linux does, or has grown by an eighth
 * of all there can be: after a burst the ACKs sent meanwhile have left the peer with a small
 * window, and with nothing to come that would tell it more. */
void sw_tcp_consumed(struct sw_tcp *tcp, uint32_t len)
{
    uint32_t offered = sw_tcp_rcv_room(tcp), wnd;
    uint32_t step = sw_max32(window_max(tcp) / 8, UPDATE_MIN_BYTES);

    if (len == 0)
        return;
    sw_urgent_passed(tcp);
    sw_tune_read(tcp, len);
    wnd = next_window(tcp);
    if (sw_tcp_has(tcp, SW_TCPF_FIN_RECEIVED))
        wnd = offered; /* the peer needs no window any more */
    if (reading_acks(tcp) || (wnd > offered && (wnd >= 2 * offered || wnd - offered >= step)))
        sw_tcp_send_ack(tcp);
}
