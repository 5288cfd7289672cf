/* SPDX-License-Identifier: BSD-2-Clause */
/* The client's side of Fast Open (RFC 7413 4.2): see fastopen.h. */
#include "tcp/fastopen.h"

#include <errno.h>
#include <string.h>

#include "tcp/flight.h"
#include "tcp/meter.h"
#include "tcp/private.h"
#include "tcp/rare.h"
#include "tcp/recovery.h"

/* Kept free in a SYN with data, for those on the way who add options of their own to it: Linux's
 * MAX_TCP_OPTION_SPACE. */
#define OPTIONS_MAX_BYTES 40U
#define BLACKHOLE_DOUBLINGS_MAX 6U

static struct sw_tfo *tfo_of(const struct sw_tcp *tcp)
{
    return tcp->rare && tcp->rare->tfo.wanted ? &tcp->rare->tfo : NULL;
}

/* ---- somebody on the way who swallows it ---- */

/* For how long it is not tried after so many such findings. */
static bool paused(const struct sw_tcp_layer *layer)
{
    uint32_t times = layer->tfo_pauses;
    uint64_t pause_ns = layer->config.tfo_blackhole_ns;

    if (times == 0 || pause_ns == 0)
        return false;
    pause_ns <<= times - 1 < BLACKHOLE_DOUBLINGS_MAX ? times - 1 : BLACKHOLE_DOUBLINGS_MAX;
    return layer->env->now_ns - layer->tfo_paused_ns < pause_ns;
}

void sw_tfo_timeout(struct sw_tcp *tcp, unsigned retries, bool over)
{
    const struct sw_tfo *tfo = tfo_of(tcp);

    if (!tfo || (!tfo->asked && tfo->syn_data == 0) || (retries != 2 && !(retries < 2 && over)))
        return;
    tcp->layer->tfo_pauses++;
    tcp->layer->tfo_paused_ns = sw_tcp_now(tcp);
}

/* ---- the SYN ---- */

static bool without_cookie(const struct sw_tcp *tcp, bool no_cookie)
{
    return no_cookie || (tcp->layer->config.fastopen & SW_TFO_CLIENT_NO_COOKIE);
}

bool sw_tfo_ready(struct sw_tcp *tcp, bool no_cookie)
{
    const struct sw_tfo_server *server = sw_tfo_find(tcp);

    return !paused(tcp->layer) &&
           (without_cookie(tcp, no_cookie) || (server && server->cookie.len > 0));
}

/* Room for data: what the server takes, by its last SYN-ACK, and the path carries. */
static uint32_t room(const struct sw_tcp *tcp, const struct sw_tfo_server *server)
{
    uint32_t mss = tcp->snd.mss;

    if (server && server->mss && server->mss < mss)
        mss = server->mss;
    return mss > OPTIONS_MAX_BYTES ? mss - OPTIONS_MAX_BYTES : 0;
}

int sw_tfo_want(struct sw_tcp *tcp, bool no_cookie, uint32_t *ret_room)
{
    const struct sw_tfo_server *server;
    struct sw_tcp_rare *rare = sw_rare_get(tcp);
    int err = sw_tcp_path(tcp);

    if (err < 0 || !rare)
        return err < 0 ? err : -ENOMEM;
    server = sw_tfo_find(tcp);
    *ret_room = 0;
    rare->tfo.wanted = true;
    if (server) {
        rare->tfo.cookie = server->cookie;
        rare->tfo.cookie.exp |= server->cookie.len == 0 && server->try_exp == 1;
    }
    if (paused(tcp->layer)) {
        rare->tfo.no_option = true;
    } else if (without_cookie(tcp, no_cookie)) {
        rare->tfo.no_option = true;
        *ret_room = room(tcp, server);
    } else if (rare->tfo.cookie.len > 0) {
        *ret_room = room(tcp, server);
    } else {
        rare->tfo.fail = SW_TFO_FAIL_NO_COOKIE;
    }
    rare->tfo.room = (uint16_t)*ret_room;
    return 0;
}

uint32_t sw_tfo_syn(struct sw_tcp *tcp, struct sw_tcp_hdr *hdr)
{
    struct sw_tfo *tfo = tfo_of(tcp);

    if (!tfo)
        return 0;
    if (!tfo->no_option) {
        hdr->has_tfo = tfo->asked = true;
        hdr->tfo_exp = tfo->cookie.exp;
        hdr->tfo_len = tfo->cookie.len;
        memcpy(hdr->tfo_cookie, tfo->cookie.bytes, tfo->cookie.len);
    }
    return sw_min32(tcp->snd.queue.len, tfo->room);
}

void sw_tfo_syn_sent(struct sw_tcp *tcp, uint32_t len)
{
    tcp->rare->tfo.syn_data = (uint16_t)len;
    sw_flight_push(tcp);
    tcp->snd.nxt = sw_seq_add(tcp->snd.nxt, len);
}

bool sw_tfo_in_syn(const struct sw_tcp *tcp)
{
    return tcp->state == SW_TCP_SYN_SENT && tcp->snd.retrans == 0 && tfo_of(tcp) &&
           tfo_of(tcp)->syn_data > 0;
}

/* ---- the SYN-ACK ---- */

/* RFC 7413 4.1.3: cookie and MSS. A server that did not answer the request is asked once by the
 * experimental option, as Linux does. */
static void learn(struct sw_tcp *tcp, const struct sw_tcp_hdr *hdr)
{
    const struct sw_tfo *tfo = tfo_of(tcp);
    bool cookie = tfo->asked && hdr->has_tfo && hdr->tfo_len > 0;
    bool unanswered = tfo->asked && !hdr->has_tfo && tfo->syn_data == 0 && tcp->snd.retrans == 0;
    struct sw_tfo_server *server = sw_tfo_remember(tcp);
    uint8_t try_exp = tfo->cookie.exp ? 2 : 1;

    if (!server)
        return;
    server->mss = tcp->snd.peer_mss;
    if (cookie) {
        server->cookie = (struct sw_tfo_cookie){.len = hdr->tfo_len, .exp = hdr->tfo_exp};
        memcpy(server->cookie.bytes, hdr->tfo_cookie, hdr->tfo_len);
    } else if (unanswered && try_exp > server->try_exp && server->cookie.len == 0) {
        server->try_exp = try_exp;
    }
}

void sw_tfo_syn_ack(struct sw_tcp *tcp, const struct sw_tcp_hdr *hdr)
{
    struct sw_tfo *tfo = tfo_of(tcp);
    uint32_t acked = hdr->ack.v - tcp->snd.una.v;
    uint64_t sent_ns;

    if (!tfo)
        return;
    learn(tcp, hdr);
    if (sw_tcp_may_send_new(
            tcp)) /* its answer is an answer to what we send now, as Linux sees it */
        tcp->flags |= SW_TCPF_PINGPONG;
    if (tfo->syn_data == 0)
        return;
    if (acked > 0) {
        tcp->snd.flight->delivered = 0;
        sw_flight_acked(tcp, hdr->ack, &sent_ns);
        sw_stream_drop(&tcp->snd.queue, sw_tcp_env(tcp)->mem, acked);
        tcp->snd.una = hdr->ack;
    }
    if (sw_seq_eq(tcp->snd.una, tcp->snd.nxt)) {
        tcp->flags |= SW_TCPF_SYN_DATA;
        if (tcp->snd.meter) /* SYN and data were one segment */
            tcp->snd.meter->delivered_segs = 0;
        return;
    }
    tfo->fail = tcp->snd.retrans > 0 ? SW_TFO_FAIL_TIMEOUT : SW_TFO_FAIL_NOT_ACKED;
    sw_recovery_resend(tcp);
    sw_tcp_arm_retransmit(tcp);
}

bool sw_tfo_ends_data(const struct sw_tcp *tcp, sw_seq end)
{
    const struct sw_tfo *tfo = tfo_of(tcp);

    return tfo && tfo->syn_data > 0 && sw_seq_eq(end, sw_seq_add(tcp->snd.iss, 1U + tfo->syn_data));
}

bool sw_tfo_takes_data(const struct sw_tcp *tcp)
{
    const struct sw_tfo *tfo = tfo_of(tcp);

    return tfo && (tfo->asked || tfo->syn_data > 0);
}
