/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flow labels of IPv6 (RFC 6437): what a packet of a socket carries, and who may use which label.
 *
 * A label is anybody's until somebody takes a lease of one that is exclusive, a user's or a process'
 * (IPV6_FLOWLABEL_MGR, Linux's flow label manager): from then on a socket may choose only labels of
 * which it has a lease. A lease that nobody holds any more lingers, so that packets on their way are
 * not taken for the next holder's; it is forgotten when it is next looked for.
 */
#ifndef SW_SOCK_FLOW_LABEL_H
#define SW_SOCK_FLOW_LABEL_H

#include "sock/private.h"

/* The key by which labels are made: of the one for connections, so that no other choice of the host's
 * depends on it. */
void sw_flow_label_key(struct sw_sock_layer *layer);

/* What a packet to `dst` carries: `chosen`, or else one made of the flow, unless IPV6_AUTOFLOWLABEL is
 * off; 0: none, or it is of IPv4. */
uint32_t sw_flow_label(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_ip *src,
                       const struct sw_addr *dst, uint32_t chosen);
/* Whether a socket may send with this label; 0 it always may. */
bool sw_flow_label_is_free(const struct sw_sock_layer *layer, const struct sw_sock *s, uint32_t label);

/* For what a socket sends to its peer. 0, -EINVAL (it may not have that one), -ENOMEM. */
int sw_sock_set_flow_label(struct sw_sock_layer *layer, struct sw_sock *s, uint32_t label);
void sw_flow_labels_leave(struct sw_sock_layer *layer, const struct sw_sock *s); /* of SW_IS_LABELLED */
void sw_flow_labels_fini(struct sw_sock_layer *layer); /* without sockets */

#endif
