/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flow of events, between its three steps:
 *
 *   flow_sides.c  who is on which side: sockets, connections, processes
 *   flow_rows.c   records become rows: a segment that was sent and the same one received are one
 * arrow flow.c        rows become lines; canvas.c are the lines, flow_text.c the words on them
 *
 * The left side is the client's: who connects, or sends the first datagram. The right side is the
 * server's: who listens, or waits for the first datagram. Sides belong to sockets, so that a
 * program that is both shows up on both.
 */
#ifndef SW_VIEW_FLOW_H
#define SW_VIEW_FLOW_H

#include "view/private.h"

enum flow_side { SIDE_UNKNOWN, SIDE_LEFT, SIDE_RIGHT };

struct flow_socket {
    uint64_t handle;
    pid_t pid; /* that made it, or first named it */
    bool bound;
    bool shut;    /* by a call, so that its effect need not be told again */
    uint8_t side; /* enum flow_side */
};

struct flow_process {
    pid_t pid;
    const char *program; /* NULL: unknown */
    uint8_t side;        /* of its first socket */
    bool shown[3];       /* has rows on a side */
};

/* Two addresses that talk. Direction 0 is from the client, 1 from the server. */
struct flow_conn {
    struct sw_addr ends[2]; /* client, server */
    bool has_isn[2];
    uint32_t isn[2]; /* sequence number that counts as 0 */
    uint32_t first_row, last_row;
};

enum flow_row_kind {
    ROW_CALL,   /* entered and answered with nothing in between */
    ROW_ENTER,  /* entered */
    ROW_ANSWER, /* answered later */
    ROW_DATA,
    ROW_ARROW, /* a segment or a datagram */
    ROW_ICMP,
    ROW_DROP, /* of a packet that no arrow stands for */
    ROW_STATE,
    ROW_TIMER,
};

struct flow_row {
    const struct view_record *record;
    uint8_t kind; /* enum flow_row_kind */
    uint8_t side; /* who acts; of an arrow, who sends */
    uint8_t dir;  /* of an arrow, in its connection */
    uint8_t drop; /* enum sw_drop */
    bool arrived, copy;
    uint32_t conn;       /* index + 1; 0: none */
    uint64_t arrived_ns; /* the last of it */
    uint64_t arrived_bytes;
};

struct flow {
    const struct sw_view *view;
    struct flow_socket *sockets;
    struct flow_process *processes;
    struct flow_conn *conns;
    struct flow_row *rows;
    uint32_t *open; /* rows of arrows under way, oldest first */
    uint32_t n_sockets, n_processes, n_conns, n_rows, n_open;
    uint32_t cap_sockets, cap_processes, cap_conns, cap_rows, cap_open;
    struct view_map by_handle, by_pid, by_ends;
    bool overlap; /* connections at the same time: arrows say which they belong to */
};

/* All return 0 or -ENOMEM. */
int flow_sides(struct flow *flow);
int flow_rows(struct flow *flow, bool states);
void flow_fini(struct flow *flow);

/* Room for one more element of `size` bytes in *array; NULL: no memory. Zeroed. */
void *flow_more(void *array_ptr, uint32_t *n, uint32_t *cap, size_t size);

struct flow_socket *flow_socket(struct flow *flow,
                                uint64_t handle); /* NULL: never named by a call */
struct flow_process *flow_process(struct flow *flow, pid_t pid);
/* The connection of an event, made if new; *ret_dir: which of its ends is `local`. NULL: no memory.
 */
struct flow_conn *flow_conn(struct flow *flow, const struct sw_trace_event *event,
                            uint8_t *ret_dir);

/* ---- canvas.c: one line of cells ----------------------------------------------------------------
 */
enum colour { C_NONE, C_DIM, C_CALL, C_ERROR, C_OPEN, C_DATA, C_ACK, C_CLOSE, C_RESET, C_AGAIN };

struct cell {
    char glyph[4]; /* one character in UTF-8 */
    uint8_t colour;
};

struct canvas {
    FILE *out;
    struct cell *cells;
    unsigned width;
    bool colour, utf8;
};

void canvas_clear(struct canvas *canvas);
void canvas_put(struct canvas *canvas, unsigned at, const char *glyph, enum colour colour);
/* ASCII text, cut at the edge; returns the column behind it. */
unsigned canvas_text(struct canvas *canvas, unsigned at, const char *text, enum colour colour);
void canvas_flush(struct canvas *canvas); /* the line, without blanks at its end */

/* ---- flow_text.c: words -------------------------------------------------------------------------
 */
/* What is written on an arrow; `room` columns, so less important things are left out. */
void flow_arrow_text(const struct flow *flow, const struct flow_row *row, unsigned room, char *buf,
                     size_t size);
/* What is written beside a lifeline. */
void flow_side_text(const struct flow *flow, const struct flow_row *row, char *buf, size_t size);
enum colour flow_colour(const struct flow_row *row);
bool flow_is_plain(const struct flow_row *row); /* data or an acknowledgment and nothing special */

#endif
