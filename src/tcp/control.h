/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control block of a connection (the TCB of RFC 9293 3.3.1). Sender and receiver are two structs
 * in two files (snd.c, rcv.c); what neither owns is in struct sw_tcp. Aim: an idle connection, socket
 * included, in 512 bytes; so what only moving data needs is attached while data moves.
 */
#ifndef SW_TCP_CONTROL_H
#define SW_TCP_CONTROL_H

#include "tcp/tcp.h"

/* To be filled in by the tcp layer. `local`, `remote` and `timer` are known to the socket layer. */
struct sw_tcp {
    struct sw_tcp_layer *layer;
    struct sw_timer timer; /* owner SW_TIMER_SOCK */
    struct sw_addr local, remote;
    uint8_t state; /* enum sw_tcp_state; moved by sw_tcp_set_state() only */
};

#endif
