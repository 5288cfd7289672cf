/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datagram stand-ins: what dgram.c and the families of calls share. The token rule is told in
 * standin.h.
 */
#ifndef SW_RUN_DGRAM_H
#define SW_RUN_DGRAM_H

#include "run/run.h"

#define DGRAM_MAX 65535U /* bytes; what UDP can carry is less (RFC 768) */

/* Datagrams in a stand-in, about as many small ones as Linux' usual SO_RCVBUF holds. */
enum { DGRAM_FLIGHT_MAX = 256 };

/* One datagram from the core on its way to the program. */
struct run_datagram {
    struct sw_list link; /* in standin->flight or standin->front */
    struct sw_addr from;
    struct sw_datagram_info info;
    uint32_t len;
    uint8_t data[];
};

/* The datagram that the next receive of this call takes, whether it is in the stand-in or still in
 * the core; it heads s->front until dgram_consume(). NULL: -EAGAIN, or another negative errno. */
struct run_datagram *dgram_first(struct run *run, struct run_call *call, int *ret_err);
void dgram_consume(struct standin *s);

/* Puts datagrams into the stand-in so that poll() says what is true. Call it after dgram_consume()
 * and before the answer. */
void dgram_refill(struct run *run, struct standin *s);

/* The pending error of the socket (an ICMP error, RFC 1122 4.1.3.3), as a positive errno, once; 0.
 */
int dgram_take_error(struct run *run, struct run_call *call);
/* `err` waits for the next call (again), and poll() says so. */
void dgram_make_pending(struct run *run, struct standin *s, int err);
/* One has been taken from the core's error queue: it is pending no more, but the next one is. */
void dgram_error_taken(struct run *run, struct run_call *call);

/* Whether it is one of UDP or UDP-Lite, or else a raw one or one of ICMP. */
bool dgram_is_udp(struct run *run, const struct standin *s);

/* dgram_error.c: an error that has come from the network becomes pending. */
void dgram_take_core_error(struct run *run, struct standin *s);

/* Has the far end's datagrams go to the stand-in, or to nobody. False: nobody holds the stand-in any more. */
bool dgram_connect_far(const struct standin *s, bool on);

/* The stand-in shows that there is something in the error queue, whatever it was shown before. */
void dgram_show_queue(struct run *run, struct standin *s);

/* Takes what is unread out of the stand-in, through its dup `fd`, to the head of s->front. */
void dgram_take_back(struct run *run, struct standin *s, int fd);

/* What the program wrote natively leaves before what comes after it. */
void dgram_flush(struct run *run, struct standin *s);
/* The same before a notified call: what was written before it has been an event before it, and has left unless
 * one turn did not suffice (run.c's head). */
void dgram_flush_rest(struct run *run, struct standin *s);

/* recv_control.c: a time of run_now() by the wall clock. */
uint64_t wall_clock_ns(uint64_t at_ns);

#endif
