/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What people see of a run: one row of records, and pictures made from it.
 *
 * The recorder takes two kinds of records, in the order in which they happen and on one clock:
 *   - what the core tells: trace events (sw_view_trace_fn is the host's and the link's observer);
 *   - what the run itself does: programs that start and end, system calls that are entered and
 *     answered, bytes taken from a program and given to one.
 * Nothing is formatted while the run goes on. At the end sw_view_flow() draws the flow of events
 * and sw_view_ndjson() writes the records as they are. Packets go to a capture file of their own,
 * as they pass (sw_view_capture()).
 *
 * How the supervisor calls it:
 *
 *     notification received   call->view = sw_view_call(view, now, pid, tid, nr, args);
 *     its address was read    sw_view_call_addr(view, call->view, &addr);
 *     answered                sw_view_answer(view, now, call->view, socket, result, &from);
 *     bytes moved             sw_view_data(view, now, socket, SW_VIEW_TAKEN, n);
 *
 * Every function is harmless with a view of NULL: nobody looks.
 */
#ifndef SW_VIEW_RECORD_H
#define SW_VIEW_RECORD_H

#include <stdio.h>
#include <sys/types.h>

#include <sockworks/packet.h>
#include <sockworks/trace.h>

struct sw_view;

struct sw_view_config {
    uint64_t start_ns;    /* the run's clock at its beginning; times are shown relative to it */
    uint64_t wall_ns;     /* ns since 1970 at start_ns, for captures */
    uint32_t max_records; /* 0: 100,000; what comes after that is counted, not kept */
    FILE *capture;        /* packets are written here as pcapng; borrowed; NULL: no capture */
};

struct sw_view *sw_view_new(const struct sw_view_config *config); /* NULL: no memory */
void sw_view_free(struct sw_view *view); /* finishes the capture, does not close its file */

/* The observer: a sw_trace_fn whose ctx is the view. */
void sw_view_trace_fn(void *view, const struct sw_trace_event *event);

/* ---- programs ----------------------------------------------------------------------------------
 */

/* A process got this name: it started, or exec'ed. Names are copied, up to 31 bytes. A pid that
 * makes calls without having been announced is shown by its number. */
void sw_view_process(struct sw_view *view, uint64_t now_ns, pid_t pid, const char *program);
/* It ended, with a status as of wait(2). */
void sw_view_process_end(struct sw_view *view, uint64_t now_ns, pid_t pid, int status);

/* ---- system calls ------------------------------------------------------------------------------
 */

/* A call is entered: its number and raw arguments as the program gave them. Returns a token for the
 * functions below (0, which they ignore, when it is not kept). What the arguments of each call mean
 * is known to calls.c. */
uint64_t sw_view_call(struct sw_view *view, uint64_t now_ns, pid_t pid, pid_t tid, int nr,
                      const uint64_t args[6]);

/* What was found behind its pointers: the address argument of bind, connect, sendto, sendmsg; the
 * value of a setsockopt, or the bytes that a sendmsg/recvmsg has room for. */
void sw_view_call_addr(struct sw_view *view, uint64_t token, const struct sw_addr *addr);
void sw_view_call_value(struct sw_view *view, uint64_t token, int64_t value);

/* It is answered: result or negative errno as the program sees it (-512, ERESTARTSYS, counts as
 * "interrupted"). `socket`: the core's handle of the socket that it named or made (for socket and
 * accept: the new one), 0: none. `addr`: what came back, of accept, getsockname, getpeername,
 * recvfrom, recvmsg; NULL: none. */
void sw_view_answer(struct sw_view *view, uint64_t now_ns, uint64_t token, uint64_t socket,
                    int64_t result, const struct sw_addr *addr);

/* ---- what passes without a notified call ---- */

/* Programs read, write and close their stand-ins natively; this is what the supervisor sees of it.
 */
enum sw_view_data {
    SW_VIEW_TAKEN,  /* `len` bytes that the program wrote were taken into the stack */
    SW_VIEW_GIVEN,  /* `len` bytes were put where the program reads them; 0: end of the stream */
    SW_VIEW_SHUT,   /* the program ended its half: shutdown(SHUT_WR) */
    SW_VIEW_CLOSED, /* the last descriptor of the socket was closed */
};
void sw_view_data(struct sw_view *view, uint64_t now_ns, uint64_t socket, enum sw_view_data what,
                  uint64_t len);

/* ---- packets ---- */

/* A packet enters the link (before it meets its fate there). A drop that is traced for it later
 * becomes its comment in the capture. */
void sw_view_capture(struct sw_view *view, uint64_t now_ns, const struct sw_packet *pkt);

/* ---- at the end ---- */

struct sw_view_flow_config {
    unsigned width; /* columns; 0: 100; less than 72 counts as 72 */
    bool colour;    /* see sw_view_wants_colour() */
    bool utf8;      /* box-drawing lines instead of ASCII's */
    bool states;    /* changes of TCP states, too */
    bool all;       /* long runs of plain data are not folded */
};

/* Draws the flow of events. 0, -ENOMEM, -EIO. */
int sw_view_flow(const struct sw_view *view, FILE *out, const struct sw_view_flow_config *config);

/* One JSON object per record and line. 0, -ENOMEM, -EIO. */
int sw_view_ndjson(const struct sw_view *view, FILE *out);

/* Records that were not kept. */
uint64_t sw_view_left_out(const struct sw_view *view);

/* What a stream's reader can be shown: a terminal, and NO_COLOR (no-color.org) is not set; a locale
 * that is UTF-8, by LC_ALL, LC_CTYPE or LANG. */
bool sw_view_wants_colour(FILE *out);
bool sw_view_wants_utf8(void);

#endif
