/* SPDX-License-Identifier: BSD-2-Clause */
/* Records made by hand, for tests of what is shown of them. Times in microseconds from the start.
 */
#ifndef TESTS_VIEW_FIXTURE_H
#define TESTS_VIEW_FIXTURE_H

#define _DEFAULT_SOURCE

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "view/private.h"

#define START_NS 5000000000ULL

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

static inline struct sw_addr end(uint16_t port)
{
    return (struct sw_addr){.ip = SW_IP4_LOOPBACK, .port = port};
}

static inline struct sw_view *view_new(uint32_t max_records, FILE *capture)
{
    struct sw_view_config config = {.start_ns = START_NS,
                                    .wall_ns = 1700000000000000000ULL,
                                    .max_records = max_records,
                                    .capture = capture};
    struct sw_view *view = sw_view_new(&config);
    assert_non_null(view);
    return view;
}

static inline uint64_t us(uint64_t t)
{
    return START_NS + t * 1000;
}

static inline uint64_t call(struct sw_view *view, uint64_t at, pid_t pid, int nr, uint64_t a,
                            uint64_t b, uint64_t c)
{
    uint64_t args[6] = {a, b, c, 0, 0, 0};
    return sw_view_call(view, us(at), pid, pid, nr, args);
}

/* A call that is answered at once. */
static inline void call_now(struct sw_view *view, uint64_t at, pid_t pid, int nr, uint64_t a,
                            uint64_t b, uint64_t c, uint64_t socket, int64_t result)
{
    sw_view_answer(view, us(at), call(view, at, pid, nr, a, b, c), socket, result, NULL);
}

static inline void segment(struct sw_view *view, uint64_t at, enum sw_trace_kind kind,
                           uint64_t socket, uint16_t local, uint16_t remote, uint32_t seq,
                           uint32_t ack, unsigned flags, uint32_t len)
{
    struct sw_trace_event e = {.at_ns = us(at), .socket = socket, .kind = kind};
    e.local = end(local);
    e.remote = end(remote);
    e.v[0] = seq;
    e.v[1] = ack;
    e.v[2] = flags;
    e.v[3] = len;
    e.v[4] = 65535;
    e.v[5] = flags & SYN ? 1460 : 0;
    sw_view_trace_fn(view, &e);
}

/* Sent at one time, received at another. */
static inline void arrow(struct sw_view *view, uint64_t at, uint64_t arrives, uint16_t from,
                         uint16_t to, uint32_t seq, uint32_t ack, unsigned flags, uint32_t len)
{
    segment(view, at, SW_TRACE_SEGMENT_SENT, 0, from, to, seq, ack, flags, len);
    segment(view, arrives, SW_TRACE_SEGMENT_RECEIVED, 0, to, from, seq, ack, flags, len);
}

static inline void dropped(struct sw_view *view, uint64_t at, enum sw_drop why, uint16_t local,
                           uint16_t remote, uint32_t len, uint32_t seq)
{
    struct sw_trace_event e = {.at_ns = us(at), .kind = SW_TRACE_PACKET_DROPPED};
    e.local = end(local);
    e.remote = end(remote);
    e.v[0] = why;
    e.v[1] = len;
    e.v[2] = seq;
    sw_view_trace_fn(view, &e);
}

static inline void datagram(struct sw_view *view, uint64_t at, enum sw_trace_kind kind,
                            uint16_t local, uint16_t remote, uint32_t len)
{
    struct sw_trace_event e = {.at_ns = us(at), .kind = kind, .v = {len}};
    e.local = end(local);
    e.remote = end(remote);
    sw_view_trace_fn(view, &e);
}

/* What a function writes, as text; the caller frees it. */
static inline char *slurp(FILE *file)
{
    long size = ftell(file);
    char *text = calloc(1, (size_t)size + 1);
    rewind(file);
    assert_int_equal(fread(text, 1, (size_t)size, file), size);
    fclose(file);
    return text;
}

#endif
