/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What becomes of bytes, told to the user who sent them: when they left and were acknowledged
 * (SO_TIMESTAMPING), and that their memory is free again (MSG_ZEROCOPY), as Linux tells it by the
 * error queue.
 *
 * A write that is to be followed puts a mark behind its last byte. A mark asks for up to four
 * notices, each given once; one is taken by sw_notices_take(), in the order in which things came
 * about. Times are those at which the socket layer looked, which it does after each segment, timer
 * and call. Bytes are copied as they are sent, so a notice of zero copy says COPIED; it waits for
 * the acknowledgment as Linux's does. Those of writes in a row are joined to one.
 */
#ifndef SW_TCP_NOTICE_H
#define SW_TCP_NOTICE_H

#include "tcp/control.h"

enum sw_notice_kind { /* of a time stamp: Linux's SCM_TSTAMP_ */
                      SW_NOTICE_SENT,
                      SW_NOTICE_SCHED,
                      SW_NOTICE_ACKED,
                      SW_NOTICE_COPIED,
};

struct sw_notice {
    struct sw_notice *next;
    uint64_t at_ns;
    uint32_t first, last; /* COPIED: numbers of the writes; else `last` is the byte's */
    uint8_t kind;
};

struct sw_mark;
struct sw_notices {
    struct sw_mark *marks, *last_mark; /* in order of sequence numbers */
    struct sw_notice *first, *last;
    uint32_t n_marks, n_told; /* each at most SW_NOTICES_MAX: what is more is not told */
    uint32_t n_copies; /* writes with MSG_ZEROCOPY so far */
    sw_seq base;       /* SOF_TIMESTAMPING_OPT_ID: byte number 0 */
    bool has_base;     /* else bytes have no numbers, they are all 0 */
};
enum { SW_NOTICES_MAX = 1024 };

/* Bytes are numbered from here on: from the first that is not acknowledged, or (`unwritten`) from
 * the next to be written. 0 or -ENOMEM. */
int sw_notices_number(struct sw_tcp *tcp, bool unwritten);
void sw_notices_unnumber(struct sw_tcp *tcp); /* or no more */
/* The last byte in the send queue is to be followed: `wants` has 1 << kind. Without memory it is
 * not.
 */
void sw_notices_mark(struct sw_tcp *tcp, unsigned wants);
/* Looks what has come about; `over`: the connection has ended, and nothing will be acknowledged any
 * more. Whether there is something new. */
bool sw_notices_look(struct sw_tcp *tcp, bool over);
bool sw_notices_wait(const struct sw_tcp *tcp); /* there are some to be taken */
bool sw_notices_take(struct sw_tcp *tcp, struct sw_notice *ret_notice);
void sw_notices_free(struct sw_tcp *tcp);

#endif
