/* SPDX-License-Identifier: BSD-2-Clause */
/* The urgent pointer, both ways: see urgent.h. */
#include "tcp/urgent.h"

#include <errno.h>

#include "tcp/private.h"

static struct sw_tcp_urgent *get(struct sw_tcp *tcp)
{
    if (!tcp->urgent)
        tcp->urgent = sw_mem_alloc(sw_tcp_env(tcp)->mem, sizeof(struct sw_tcp_urgent));
    return tcp->urgent;
}

void sw_urgent_free(struct sw_tcp *tcp)
{
    if (!tcp->urgent)
        return;
    sw_mem_free(sw_tcp_env(tcp)->mem, tcp->urgent, sizeof(struct sw_tcp_urgent));
    tcp->urgent = NULL;
}

void sw_urgent_tidy(struct sw_tcp *tcp)
{
    if (!tcp->urgent || tcp->urgent->state != SW_URGENT_NONE)
        return;
    tcp->urgent->sending = sw_urgent_sending(tcp);
    if (!tcp->urgent->sending)
        sw_urgent_free(tcp);
}

/* ---- sending ---- */

int sw_tcp_mark_urgent(struct sw_tcp *tcp)
{
    struct sw_tcp_urgent *u = get(tcp);

    if (!u)
        return -ENOMEM;
    u->snd_up = sw_seq_add(sw_tcp_snd_base(tcp), tcp->snd.queue.len);
    u->sending = true;
    return 0;
}

bool sw_urgent_sending(const struct sw_tcp *tcp)
{
    return tcp->urgent && tcp->urgent->sending && sw_seq_lt(tcp->snd.una, tcp->urgent->snd_up);
}

/* Every header passes here, so a pointer that has been acknowledged is forgotten long before
 * sequence numbers come round to it again. */
void sw_urgent_add(struct sw_tcp *tcp, struct sw_tcp_hdr *hdr)
{
    uint32_t ahead;

    if (!tcp->urgent)
        return;
    if (!sw_urgent_sending(tcp)) {
        sw_urgent_tidy(tcp);
        return;
    }
    if (!sw_seq_lt(hdr->seq, tcp->urgent->snd_up))
        return;
    ahead = tcp->urgent->snd_up.v - hdr->seq.v;
    if (ahead > UINT16_MAX) { /* RFC 6093 3.4: there is more than can be said; say so with new data
                                 only, as Linux */
        if (!sw_seq_lt(tcp->snd.nxt, sw_seq_add(hdr->seq, UINT16_MAX)))
            return;
        ahead = UINT16_MAX;
    }
    hdr->flags |= SW_TCP_URG;
    hdr->urgent = (uint16_t)ahead;
}

/* ---- receiving ---- */

/* Sequence number of the first byte not read. */
static sw_seq rcv_base(const struct sw_tcp *tcp)
{
    uint32_t fin = sw_tcp_has(tcp, SW_TCPF_FIN_RECEIVED) ? 1 : 0;

    return sw_seq_sub(tcp->rcv.nxt, tcp->rcv.queue.len + fin);
}

bool sw_tcp_at_mark(const struct sw_tcp *tcp)
{
    return tcp->urgent && tcp->urgent->state != SW_URGENT_NONE &&
           sw_seq_eq(tcp->urgent->rcv_seq, rcv_base(tcp));
}

/* The byte at the front of the queue is the urgent one: to be read by MSG_OOB or not at all. */
uint32_t sw_tcp_recv_skip(const struct sw_tcp *tcp)
{
    return sw_tcp_at_mark(tcp) && tcp->rcv.queue.len > 0 && !sw_tcp_has(tcp, SW_TCPF_OOBINLINE);
}

uint32_t sw_tcp_recv_limit(const struct sw_tcp *tcp)
{
    if (!tcp->urgent || tcp->urgent->state == SW_URGENT_NONE || sw_tcp_at_mark(tcp))
        return tcp->rcv.queue.len;
    return sw_min32(tcp->rcv.queue.len, tcp->urgent->rcv_seq.v - rcv_base(tcp).v);
}

bool sw_tcp_urgent_here(const struct sw_tcp *tcp)
{
    return tcp->urgent && tcp->urgent->state == SW_URGENT_HERE;
}

void sw_urgent_passed(struct sw_tcp *tcp)
{
    struct sw_tcp_urgent *u = tcp->urgent;

    if (!u || u->state == SW_URGENT_NONE || !sw_seq_lt(u->rcv_seq, rcv_base(tcp)))
        return;
    u->state = SW_URGENT_NONE;
    sw_urgent_tidy(tcp);
}

int sw_tcp_recv_urgent(struct sw_tcp *tcp, bool peek, uint8_t *ret_byte)
{
    struct sw_tcp_urgent *u = tcp->urgent;

    if (!u || sw_tcp_has(tcp, SW_TCPF_OOBINLINE) || u->state == SW_URGENT_NONE ||
        u->state == SW_URGENT_READ)
        return -EINVAL;
    if (u->state == SW_URGENT_AWAITED)
        return -EAGAIN;
    *ret_byte = u->byte;
    if (!peek)
        u->state = SW_URGENT_READ;
    return 0;
}

/* A pointer has come, to the byte at `seq`. Only one that is new counts: what has been received was
 * told of when it came, and the latest urgent byte is the only one there is (RFC 6093 3.2). */
static void announce(struct sw_tcp *tcp, sw_seq seq)
{
    struct sw_tcp_urgent *u = tcp->urgent;

    if (sw_seq_lt(seq, tcp->rcv.nxt))
        return;
    if (u && u->state != SW_URGENT_NONE && !sw_seq_lt(u->rcv_seq, seq))
        return;
    if (sw_tcp_recv_skip(tcp)) /* the urgent byte before, in the way of reading; its time is over */
        sw_stream_drop(&tcp->rcv.queue, sw_tcp_env(tcp)->mem, 1);
    u = get(tcp);
    if (!u)
        return; /* the byte will be one like any other */
    u->rcv_seq = seq;
    u->state = SW_URGENT_AWAITED;
}

void sw_urgent_receive(struct sw_tcp *tcp, const struct sw_segment *seg)
{
    const struct sw_tcp_hdr *hdr = &seg->tcp;
    struct sw_tcp_urgent *u;
    uint32_t at;

    if (hdr->flags & SW_TCP_URG)
        announce(tcp, sw_seq_add(hdr->seq, hdr->urgent > 0 ? hdr->urgent - 1U : 0U));
    u = tcp->urgent;
    if (!u || u->state != SW_URGENT_AWAITED)
        return;
    at = u->rcv_seq.v - hdr->seq.v;
    if (at >= seg->len) /* not in this segment, however far the pointer goes */
        return;
    if (sw_packet_copy(seg->pkt, seg->pkt->head_len + at, &u->byte, 1) != 1)
        return;
    u->state = SW_URGENT_HERE;
    tcp->events |= SW_TCPE_READABLE;
}
