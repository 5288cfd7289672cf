/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the supervisor reports what it sees to whoever looks: calls and bytes here, segments by the
 * host's own trace, packets as they enter the link. What nobody asked for costs a test of a
 * pointer.
 *
 * A call is recorded in the order of things: when it is entered, then what was found behind its
 * pointers, then its answer. Calls that the kernel may yet do itself (recvmsg on a stream) are
 * recorded only if we answer them.
 */
#ifndef SW_RUN_RECORD_H
#define SW_RUN_RECORD_H

#include "run/run.h"
#include "view/record.h"

/* Opens what the configuration asks for (run->view stays NULL if that is nothing). 0, or a negative
 * errno when a file cannot be written; then it has been said. */
int record_open(struct run *run);
/* The end: pictures, files, counters. Needs the host still. */
void record_close(struct run *run);

void record_call_entered(struct run *run, struct run_call *call);
/* `result` is the value or a negative errno; `native`: the kernel goes on with it. */
void record_call_answered(struct run *run, struct run_call *call, int64_t result, bool native);
void record_process_end(struct run *run, pid_t pid, int status);

/* All records are on the host's clock, so that a call and the segment it causes have one time. */
static inline uint64_t record_now(const struct run *run)
{
    return sw_host_now(run->host);
}

/* Behind its pointers: the address it gives. */
static inline void record_addr(struct run *run, struct run_call *call, const struct sw_addr *addr)
{
    sw_view_call_addr(run->view, call->token, addr);
}

/* ... a number: the value of an option, the bytes of a message. */
static inline void record_value(struct run *run, struct run_call *call, int64_t value)
{
    sw_view_call_value(run->view, call->token, value);
}

/* With its answer: the address that comes back, the socket that was made. */
static inline void record_from(struct run_call *call, const struct sw_addr *from)
{
    call->from = *from;
    call->has_from = true;
}

static inline void record_made(struct run_call *call, sw_socket_t sock)
{
    call->made = sock;
}

/* Bytes that pass natively. */
static inline void record_data(struct run *run, const struct standin *s, enum sw_view_data what,
                               uint64_t len)
{
    if (run->view != NULL && s->sock != 0)
        sw_view_data(run->view, record_now(run), s->sock, what, len);
}

#endif
