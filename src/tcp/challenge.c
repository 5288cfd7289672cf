/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Challenge ACKs (RFC 5961): the answer to a segment that may be forged or stray. A genuine peer
 * that has lost the connection answers it with an exact RST. Limited per connection, by a time of
 * its own: a limit shared by all connections would tell an attacker of the others (CVE-2016-5696),
 * none at all would let two desynchronized ends answer each other for ever.
 */
#include "tcp/private.h"

bool sw_tcp_may_answer(struct sw_tcp *tcp)
{
    uint32_t now_ms = sw_tcp_clock_ms(tcp);
    uint64_t interval_ms = tcp->layer->config.challenge_ack_ns / SW_NS_PER_MS;

    if (tcp->limit_ms && now_ms - tcp->limit_ms < interval_ms)
        return false;
    tcp->limit_ms = now_ms ? now_ms : 1; /* 0 means never */
    return true;
}

void sw_tcp_challenge(struct sw_tcp *tcp)
{
    if (sw_tcp_may_answer(tcp))
        sw_tcp_send_ack(tcp);
}
