/* SPDX-License-Identifier: BSD-2-Clause */
/* Which link an address is on that each link has one of, and what that makes of a socket: see zone.c. */
#ifndef SW_SOCK_ZONE_H
#define SW_SOCK_ZONE_H

#include "sock/private.h"

/* Before a socket is bound or connected: its address's zone becomes its own. 0, -EINVAL if an address that
 * needs a zone has none, or another than the socket, -ENODEV or -ENETUNREACH if there is no such link. */
int sw_zone_bind(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_addr *local);
int sw_zone_connect(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_addr *to);
/* The same question of one datagram's destination. */
int sw_zone_check(struct sw_sock *s, const struct sw_addr *to);
/* That of the socket's own address, or 0. */
uint32_t sw_zone_local(struct sw_sock *s);

#endif
