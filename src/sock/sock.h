/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * BSD socket semantics over tcp/ and udp/: handles, ports, demultiplexing, backlog, options,
 * readiness, errors.
 *
 *   sock.c      handles and lifetime: socket, close, and what becomes of orphans
 *   port.c      bind: conflicts, ephemeral ports (RFC 6056), reuse
 *   demux.c     which socket a packet is for: one probe of a keyed table for connections, the port's
 *               list for listeners and datagram sockets
 *   listen.c    listen, the SYN queue and the accept queue, accept
 *   stream.c    connect, send, recv, shutdown of SOCK_STREAM
 *   dgram.c     the same of SOCK_DGRAM
 *   options.c   one table of options: level, name, type, get, set
 *   ready.c     poll bits and the queue of sockets to which something happened
 *   tcp_in.c, udp_in.c, icmp_in.c   what arrives
 *
 * The public sw_* socket calls (socket.h) are thin checks of the handle in host/calls.c over these.
 */
#ifndef SW_SOCK_SOCK_H
#define SW_SOCK_SOCK_H

#include <sockworks/socket.h>

#include "base/list.h"
#include "base/table.h"
#include "tcp/control.h"
#include "udp/udp.h"

struct sw_sock; /* one socket: see sock/private.h */

struct sw_sock_layer {
    struct sw_env *env;
    struct sw_ip_layer *ip;
    struct sw_tcp_layer *tcp;
    struct sw_sock **socks;    /* by index; NULL: free */
    uint32_t *generations;     /* by index */
    uint32_t n_socks, cap_socks, max_socks, free_hint;
    struct sw_table conns;     /* connections and TIME_WAITs by 4-tuple */
    struct sw_table ports;     /* struct sw_port by (protocol, port) */
    struct sw_list ready;      /* of struct sw_sock */
    struct sw_sipkey conn_key, port_key;
};

int sw_sock_layer_init(struct sw_sock_layer *layer, struct sw_env *env, struct sw_ip_layer *ip,
                       struct sw_tcp_layer *tcp, uint32_t max_sockets);
void sw_sock_layer_fini(struct sw_sock_layer *layer); /* frees every socket, sends nothing */

/* What arrives, from host/: a datagram whose IP header was pulled. All take the packet. */
void sw_sock_tcp_input(struct sw_sock_layer *layer, struct sw_packet *pkt, const struct sw_ip_hdr *ip, int iface);
void sw_sock_udp_input(struct sw_sock_layer *layer, struct sw_packet *pkt, const struct sw_ip_hdr *ip, int iface);
void sw_sock_icmp_error(struct sw_sock_layer *layer, const struct sw_icmp_error *error);
/* A timer of owner SW_TIMER_SOCK or SW_TIMER_TIMEWAIT fired. */
void sw_sock_timer(struct sw_sock_layer *layer, struct sw_timer *timer);

#endif
