/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stack under test: the kernel's, behind a TUN device, or Sockworks', whose peer is played by
 * hand. Everything that is said of it here is relative: to its initial sequence number and to ours,
 * to what it has sent and to the window it has offered; so the same orders go to both, and the same
 * words come back where they behave alike.
 */
#ifndef INTEROP_DIFF_STACK_H
#define INTEROP_DIFF_STACK_H

#include "wire/wire.h"
#include "world.h"

#define OUR_ISN 0xfffff000U /* soon wraps */
#define LISTEN_PORT 80
#define DIFF_TEXT 1024

enum base {
    SEQ_NEXT, /* seq: what it expects next */
    SEQ_EDGE, /* the right edge of the window it offered */
    ACK_UNA,  /* ack: what we have acknowledged */
    ACK_MAX,  /* all it has sent */
};

enum ts_kind { TS_NONE, TS_FRESH, TS_SAME, TS_OLD, TS_BAD_ECHO, TS_KINDS };
enum sack_kind { SACK_NONE, SACK_LAST_BYTE, SACK_BEYOND, SACK_BELOW, SACK_KINDS };

/* A segment of the peer's. */
struct order {
    uint16_t flags;
    enum base seq_base, ack_base;
    int32_t seq_delta, ack_delta;
    uint32_t len;
    uint16_t window;
    enum ts_kind ts;
    enum sack_kind sack;
    bool syn_options; /* MSS, SACK-permitted, window scale */
};

struct stack {
    struct side *side;
    int diag;                   /* of the kernel: asks for the state of a connection */
    struct sock listener, sock; /* sock.side is NULL when there is none */
    uint16_t local_port, peer_port;
    struct sw_ip peer;
    uint32_t iss, rcv_nxt, edge, snd_max, una; /* absolute numbers */
    uint32_t ts_val;                           /* its last timestamp */
    uint32_t our_ts;
    uint8_t wscale;
    bool seen_syn, scaled;   /* scaled: we offered it too */
    char replies[DIFF_TEXT]; /* since stack_begin_step() */
};

void stack_init(struct stack *stack, struct side *side);
void stack_fini(struct stack *stack);

/* A new connection: of its own making, or to its listener. */
void stack_open(struct stack *stack, bool active, uint16_t port);
/* Ends what is left of it, unheard. */
void stack_end(struct stack *stack);

void stack_begin_step(struct stack *stack);
void stack_inject(struct stack *stack, const struct order *order);
/* Reads what it says now, accepts what waits. */
void stack_listen_to(struct stack *stack);

/* The state of the connection, Linux's number; 0: there is none. */
int stack_state(struct stack *stack);

#endif
