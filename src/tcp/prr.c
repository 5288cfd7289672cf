/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Proportional rate reduction (RFC 9937, RFC 6937): during fast recovery cwnd shrinks with what
 * arrives, so that it ends at ssthresh without a pause at the beginning or a burst at the end.
 */
#include "tcp/flight.h"
#include "tcp/private.h"
#include "tcp/recovery.h"

void sw_prr_begin(struct sw_tcp *tcp)
{
    struct sw_tcp_flight *f = tcp->snd.flight;

    f->prr_delivered = f->prr_out = 0;
    /* RecoverFS: what will be told of as delivered from here on, this ACK's share included. What
     * had been reported by SACK before will not be. */
    f->prr_flight = tcp->snd.nxt.v - tcp->snd.una.v - f->sacked + f->delivered;
    f->prr_flight = sw_max32(f->prr_flight, 1);
}

void sw_prr_on_ack(struct sw_tcp *tcp, bool advanced, bool new_loss)
{
    struct sw_tcp_flight *f = tcp->snd.flight;
    uint32_t pipe = sw_flight_pipe(tcp), ssthresh = tcp->snd.ssthresh, mss = tcp->snd.mss;
    uint64_t send;

    f->prr_delivered += f->delivered;
    if (pipe > ssthresh) {
        uint64_t share =
            ((uint64_t)f->prr_delivered * ssthresh + f->prr_flight - 1) / f->prr_flight;

        send = share > f->prr_out ? share - f->prr_out : 0;
    } else { /* slow start toward ssthresh where ACKs advance safely, else packet conservation */
        uint32_t limit = f->prr_delivered > f->prr_out ? f->prr_delivered - f->prr_out : 0;

        limit = sw_max32(limit, f->delivered);
        if (advanced && !new_loss)
            limit += mss;
        send = sw_min32(ssthresh - pipe, limit);
    }
    if (f->prr_out == 0 && send < mss)
        send = mss; /* the fast retransmit itself */
    tcp->snd.cwnd = pipe + (uint32_t)send;
}
