/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP_SAVE_SYN: a listener has the headers of each SYN kept for the connection that comes of it, which
 * may be asked for them once (TCP_SAVED_SYN). They belong to a half-open connection, then to its socket;
 * where only a cookie remembers the SYN, or a child was opened by Fast Open, there are none.
 */
#ifndef SW_SOCK_SAVED_SYN_H
#define SW_SOCK_SAVED_SYN_H

#include "sock/private.h"

/* Keeps a SYN for this half-open connection, if its listener asks for that. */
void sw_syn_save(struct sw_sock_layer *layer, const struct sw_sock *listener, uint32_t index,
                 const struct sw_segment *syn);
/* It has become a socket; it is no more; the socket (of SW_IS_SYN_SAVED) is no more. */
void sw_syn_pass_on(struct sw_sock_layer *layer, uint32_t index, struct sw_sock *child);
void sw_syn_forget(struct sw_sock_layer *layer, uint32_t index);
void sw_syn_leave(struct sw_sock_layer *layer, struct sw_sock *s);

#endif
