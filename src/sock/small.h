/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Small records: what stands for a connection that has no control block yet (half-open, RFC 9293
 * 3.10.7.2) or any more (TIME_WAIT, 3.6.1, and FIN_WAIT_2 once the user has closed). 64 bytes each,
 * one cache line, whatever the family, its links included: a flood of SYNs or a busy server's past
 * cannot eat the memory of the living.
 *
 * Ownership: the socket layer owns all of them, in pages, named by 32-bit indices (0: none). A
 * half-open record belongs to its listener, which forgets it when it stops listening, and counts in
 * the listener's n_half. A TIME_WAIT or FIN_WAIT_2 belongs to nobody, holds its port, and goes when
 * its time is over. An index is good until the record is freed; pointers to records stay where they
 * are as long.
 *
 * Every record is
 *   - in the chain of its hash (SipHash of protocol and 4-tuple, keyed: nobody can make it long).
 *     The table grows by splitting one chain per insertion (linear hashing, Litwin 1980), so that
 * no packet pays for a million. Beside the record this costs 2 to 4 bytes.
 *   - in one queue, in order of time: all records of a queue wait equally long, so its first is due
 *     first, and one timer for all does instead of one each. TIME_WAITs and FIN_WAIT_2s have one
 *     queue each, half-opens one for each number of retries (RFC 6298 5.5: the wait doubles).
 *
 * Our own address is kept by number: a host has few, and they are counted while a record uses them
 * (own.c). With it goes the interface by which a link-local peer is reached.
 *
 * Invariants:
 *  (1) A pair of addresses is in the table of connections or here, never in both.
 *  (2) Times in a queue never decrease from first to last.
 *  (3) The timer is armed no later than when the first of any queue is due; so each record ends by
 *      itself, whatever happens.
 */
#ifndef SW_SOCK_SMALL_H
#define SW_SOCK_SMALL_H

#include <sockworks/addr.h>

#include "base/pages.h"
#include "tcp/half.h"

enum sw_small_kind { SW_SMALL_FREE, SW_SMALL_HALF, SW_SMALL_TIMEWAIT, SW_SMALL_FINWAIT };

/* sw_small.flags: of the socket that was, for bind() and those who list it */
enum {
    SW_SMALL_REUSEADDR = 1 << 0,
    SW_SMALL_REUSEPORT = 1 << 1,
    SW_SMALL_V6ONLY = 1 << 2,
    SW_SMALL_INET6 = 1 << 3,    /* its domain was AF_INET6 */
    SW_SMALL_EXPLICIT = 1 << 4, /* bind() had chosen the port */
    SW_SMALL_SACK = 1 << 5,     /* of a FINWAIT: sw_finwait.sack */
};

struct sw_small {
    uint32_t chain;      /* the next of this hash; of a free one: the next free one */
    uint32_t prev, next; /* in its queue */
    uint16_t own;        /* our address: sw_own_addr() */
    uint16_t local_port, remote_port;
    uint8_t kind : 4;   /* enum sw_small_kind */
    uint8_t wscale : 4; /* of a FINWAIT: sw_finwait.wscale */
    uint8_t flags;      /* SW_SMALL_ */
    struct sw_ip remote;
    union {
        struct {
            struct sw_half half;
            uint32_t listener; /* its slot */
        };
        struct {
            struct sw_timewait tw;
            uint32_t since_ms;             /* rounded up, wraps */
            uint32_t port_prev, port_next; /* among the TIME_WAITs of the port */
        };
    };
};
_Static_assert(sizeof(struct sw_small) == 64, "a half-open connection or a TIME_WAIT in 64 bytes");

struct sw_small_queue {
    uint32_t first, last, count;
};

/* An address of ours that records refer to by number. */
struct sw_own {
    struct sw_ip ip;
    uint32_t scope_id; /* of a link-local peer: the interface */
    uint32_t refs;
    uint16_t next; /* in its chain, or of a free one the next free one; 0: none */
    uint16_t unused[3];
};

enum { SW_SMALL_RETRIES = 16, SW_OWN_HEADS = 256 };

struct sw_smalls {
    struct sw_pages records, heads, owns;
    uint32_t free, n_buckets, count;
    uint16_t own_free, own_heads[SW_OWN_HEADS];
    struct sw_small_queue halves[SW_SMALL_RETRIES]; /* the last: so many retries or more */
    struct sw_small_queue waits, fins;              /* TIME_WAITs, FIN_WAIT_2s */
    struct sw_timer half_timer, wait_timer;         /* owners SW_TIMER_HALF, SW_TIMER_TIMEWAIT */
};

#endif
