/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A half-open connection: a SYN came to a listener, our SYN-ACK is out (SYN_RECEIVED of RFC 9293
 * 3.3.2, reached from LISTEN). Until the ACK comes there is no control block, only what of the two
 * SYNs cannot be found again: 24 bytes, which the socket layer keeps in a small record beside the
 * pair of addresses (sock/small.h). What can be found again is not kept: the offset of our
 * timestamps and the MSS we announce follow from the addresses, tos, ttl and limits from the
 * listener.
 *
 * There is one implementation of SYN_RECEIVED, input.c's; simultaneous open and Fast Open use it on
 * their whole blocks. For a half-open connection a *block* is lent for the time of one call, from
 * the caller's stack: sw_tcp_init()ed, CLOSED, with the addresses and the listener's options.
 * sw_half_restore() makes of it what it would have been; afterwards nothing is left in it that
 * would have to be freed.
 *
 * Time: sent_us tells when the SYN-ACK last left. How long it waits for the answer is
 * sw_half_timeout_us() and depends on `retries` only, so that who keeps many of them needs no timer
 * for each but one queue per number of retries. When to give up is the listener's affair
 * (TCP_SYNCNT, TCP_DEFER_ACCEPT, how full it is): sock/half.c.
 */
#ifndef SW_TCP_HALF_H
#define SW_TCP_HALF_H

#include "tcp/tcp.h"

/* sw_half.flags */
enum {
    SW_HALF_TIMESTAMPS = 1 << 0, /* negotiated, as in SW_TCPF_ */
    SW_HALF_SACK = 1 << 1,
    SW_HALF_WSCALE = 1 << 2,
    SW_HALF_ECN = 1 << 3,
    SW_HALF_ACCECN = 1 << 5,  /* then SW_HALF_ECN, too, is as in SW_TCPF_ (accecn.h), */
    SW_HALF_ECN_LOW = 1 << 6, /* and so are these: the ECN field of the SYN */
    SW_HALF_ECN_HIGH = 1 << 7,
    SW_HALF_ACKED = 1 << 4, /* a good ACK came and had to be ignored: queue full, or deferred */
};

struct sw_half {
    sw_seq iss, irs;
    uint32_t ts_recent;
    uint32_t sent_us;  /* when the SYN-ACK last left; wraps */
    uint16_t peer_mss; /* the SYN's option, or its default */
    uint16_t wnd;      /* bytes offered in the SYN-ACK (never scaled, RFC 7323 2.2) */
    uint8_t wscales;   /* Snd.Wind.Shift, and Rcv.Wind.Shift << 4 */
    uint8_t retries;   /* how often the SYN-ACK was sent again because no answer came */
    uint8_t flags;     /* SW_HALF_ */
    uint8_t limit;     /* when it was last answered out of turn: limit.h */
};
_Static_assert(sizeof(struct sw_half) == 24, "a small record has room for so much");

/* A SYN for a listener: fills `half` and sends the SYN-ACK. Does not take the segment. 0, or a
 * negative errno: there is no way back, or the SYN is none. What goes wrong in sending looks like a
 * lost SYN-ACK. The initial sequence number may have been set (sw_tcp_set_isn()). */
int sw_half_open(struct sw_half *half, struct sw_tcp *block, const struct sw_segment *syn);

/* A block in CLOSED becomes that of this connection in SYN_RECEIVED; nothing is sent, no timer
 * armed. 0, or a negative errno: no way to the peer any more. */
int sw_half_restore(const struct sw_half *half, struct sw_tcp *block);

/* Whether the segment ends the handshake: then a block of its own is to be made, restored, and
 * given the segment by sw_tcp_input(), which will move it to ESTABLISHED at least. */
bool sw_half_completes(const struct sw_half *half, const struct sw_segment *seg);

/* Any other segment. Takes it. */
enum sw_half_verdict {
    SW_HALF_STAYS,
    SW_HALF_AGAIN, /* its SYN came again, and was answered: the wait begins anew (as on Linux) */
    SW_HALF_GONE,  /* reset: forget it */
};
enum sw_half_verdict sw_half_input(struct sw_half *half, struct sw_tcp *block,
                                   struct sw_segment *seg);

/* An ICMP error about the SYN-ACK: whether it ends the attempt (Linux's tcp_req_err()). */
bool sw_half_icmp(const struct sw_half *half, const struct sw_icmp_error *error);

/* No answer came: sends the SYN-ACK again if `resend`, and counts. */
void sw_half_timeout(struct sw_half *half, struct sw_tcp *block, bool resend);
uint64_t sw_half_timeout_us(const struct sw_tcp_config *config, unsigned retries);

#endif
