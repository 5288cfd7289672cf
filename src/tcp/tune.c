/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receive buffer auto-tuning (dynamic right-sizing: Fisk, Feng 2001; Linux's
 * tcp_rcv_space_adjust()). What the user reads in one round trip is about what the sender's
 * congestion window let through; the window offered must be at least twice that, or it would be
 * what holds the sender back.
 */
#include "tcp/private.h"
#include "tcp/reasm.h"

/* A round on a path too short to measure; and what one round must bring before it matters. */
#define ROUND_MIN_NS (100U * SW_NS_PER_US)
#define READ_MIN_BYTES 16384U

static uint64_t round_ns(const struct sw_tcp *tcp)
{
    uint64_t srtt_ns = (uint64_t)(tcp->snd.srtt_us8 >> 3) * SW_NS_PER_US;

    return srtt_ns > ROUND_MIN_NS ? srtt_ns : ROUND_MIN_NS;
}

/* Twice what was read, and room for the sender to grow as fast as it lately did. */
static void grow(struct sw_tcp *tcp, uint64_t read, uint64_t before)
{
    uint64_t wnd = 2 * read + 16ULL * tcp->rcv.mss, buf;

    wnd += 2 * (wnd * (read - before) / before);
    buf = 2 * wnd; /* the window is half of the buffer */
    if (buf > tcp->layer->config.rcvbuf_max)
        buf = tcp->layer->config.rcvbuf_max;
    if (buf > tcp->rcv.buf && !sw_tcp_mem_pressure(tcp)) {
        tcp->rcv.buf = (uint32_t)buf;
        tcp->rcv.target = (uint32_t)buf / 2;
    }
}

void sw_tune_read(struct sw_tcp *tcp, uint32_t len)
{
    uint64_t now = sw_tcp_now(tcp);
    struct sw_tcp_extra *x = tcp->rcv.extra;

    if (sw_tcp_has(tcp, SW_TCPF_RCVBUF_LOCK) ||
        (!(x && x->tuning) && len < READ_MIN_BYTES && tcp->rcv.wraps == 0 &&
         tcp->rcv.nxt.v - tcp->rcv.irs.v < READ_MIN_BYTES))
        return;
    if (!x || !x->tuning) {
        x = sw_extra_get(tcp);
        if (!x)
            return;
        x->tuning = true;
        x->tune_ns = now;
        x->tune_bytes = sw_min32(tcp->rcv.target, SW_TCP_IW_SEGMENTS * tcp->rcv.mss);
        sw_tcp_arm_idle(tcp); /* it is freed when nothing has come for a while */
    }
    x->tune_read += len;
    if (now - x->tune_ns < round_ns(tcp))
        return;
    if (x->tune_read > x->tune_bytes) {
        grow(tcp, x->tune_read, x->tune_bytes);
        x->tune_bytes = x->tune_read;
    }
    x->tune_read = 0;
    x->tune_ns = now;
}
