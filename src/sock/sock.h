/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * BSD socket semantics over tcp/ and udp/: handles, ports, demultiplexing, backlog, options,
 * readiness, errors.
 *
 *   sock.c      handles and lifetime: socket, close, and what becomes of orphans; slots.c where
 *               sockets lie
 *   port.c      who holds a port; ephemeral ports (RFC 6056)
 *   bind.c      who may share one: bind
 *   demux.c     which socket a packet is for: one probe of a keyed table for connections, the
 * port's list for listeners and datagram sockets listen.c    listen, the SYN queue and the accept
 * queue, accept connect.c   connect of SOCK_STREAM, and its undoing stream.c    send, recv,
 * shutdown, close of SOCK_STREAM timewait.c  connections in TIME_WAIT, without their sockets
 *   dgram.c     everything of SOCK_DGRAM; ping.c what is different with IPPROTO_ICMP
 *   raw.c       SOCK_RAW; group.c multicast groups
 *   options.c   one table of options: level, name, type, get, set; options_sock.c, options_tcp.c,
 *               options_ip.c those that are more than a bit or a number; opts.c where values are
 * kept ready.c     poll bits and the queue of sockets to which something happened tcp_in.c,
 * udp_in.c, icmp_in.c   what arrives
 *
 * The public sw_* socket calls (socket.h) are thin checks of the handle in host/calls.c over these.
 */
#ifndef SW_SOCK_SOCK_H
#define SW_SOCK_SOCK_H

#include <sockworks/socket.h>

#include "base/list.h"
#include "base/table.h"
#include "sock/slots.h"
#include "sock/small.h"
#include "tcp/control.h"
#include "udp/udp.h"

struct sw_sock; /* one socket: see sock/private.h */

struct sw_port_page; /* 256 ports: see port.c */
enum { SW_PORT_PAGES = 256, SW_PORT_PERTURB = 256 };

struct sw_sock_layer {
    struct sw_env *env;
    struct sw_ip_layer *ip;
    struct sw_tcp_layer *tcp;
    struct sw_slots slots; /* the sockets */
    uint32_t n_socks, max_socks;
    struct sw_table conns;   /* connections by 4-tuple: values are slot indices */
    struct sw_smalls smalls; /* those without a socket: half-open, in TIME_WAIT */
    struct sw_port_page *ports[4][SW_PORT_PAGES]; /* TCP, UDP, echo, UDP-Lite: sixteen bits need no hash */
    struct sw_list ready; /* of struct sw_sock: something happened, and nobody has been told */
    struct sw_list raws;  /* of struct sw_raw */
    bool by_admin;        /* while an option is set: an administrator sets it */
    uint32_t cpu;         /* the processor at work: sw_host_set_cpu() */
    uint32_t n_ask_cpu;   /* options of sockets that ask for it */
    struct sw_sipkey conn_key, port_key, reuse_key, flow_key;
    uint64_t caller_process, caller_user; /* sw_host_set_caller() */
    struct sw_flow_lease *flow_leases;    /* flow_label.c */
    struct sw_flow_hold *flow_holds;
    struct sw_saved_syn *saved_syns;      /* saved_syn.c */
    uint32_t n_flow_leases, n_flow_exclusive;
    uint32_t port_perturb[SW_PORT_PERTURB]; /* RFC 6056 3.3.4 */
};

/* Which ports are chosen, anew: see sw_host_reseed(). */
void sw_sock_layer_rekey(struct sw_sock_layer *layer);
int sw_sock_layer_init(struct sw_sock_layer *layer, struct sw_env *env, struct sw_ip_layer *ip,
                       struct sw_tcp_layer *tcp, uint32_t max_sockets);
void sw_sock_layer_fini(struct sw_sock_layer *layer); /* frees every socket, sends nothing */

/* Some packets are about to arrive, from their IP headers on, or some sockets to be used: asks for the
 * memory of all of them together (ahead.c). n is at most SW_AHEAD_MAX. ret_hashes[i]: for
 * sw_sock_tcp_input() of packet i. */
enum { SW_AHEAD_MAX = 8 };
uint64_t sw_ahead_packet(const struct sw_sock_layer *layer, const struct sw_packet *pkt);
void sw_ahead_packets(const struct sw_sock_layer *layer, struct sw_packet *const pkts[], unsigned n,
                      uint64_t ret_hashes[]);
/* Timers that will fire, perhaps: of `next` it was said before, as `second`. Either may be NULL. */
void sw_ahead_timers(const struct sw_timer *next, const struct sw_timer *second);
void sw_ahead_sockets(const struct sw_sock_layer *layer, const sw_socket_t handles[], size_t n);

/* What arrives, from host/: a datagram whose IP header was pulled. All take the packet. `hash`: as
 * sw_ahead_packets() has it; 0: not known. */
void sw_sock_tcp_input(struct sw_sock_layer *layer, struct sw_packet *pkt,
                       const struct sw_ip_hdr *ip, int iface, uint64_t hash);
void sw_sock_udp_input(struct sw_sock_layer *layer, struct sw_packet *pkt,
                       const struct sw_ip_hdr *ip, int iface);
void sw_sock_icmp_error(struct sw_sock_layer *layer, struct sw_packet *pkt,
                        const struct sw_ip_hdr *ip, const struct sw_icmp_error *error, int iface);
void sw_sock_echo_reply(struct sw_sock_layer *layer, struct sw_packet *pkt,
                        const struct sw_ip_hdr *ip, const struct sw_icmp_hdr *icmp, int iface);
/* Before any of these: copies for the raw sockets that hear it. Does not take the packet. Whether
 * there was one. */
bool sw_sock_raw_input(struct sw_sock_layer *layer, const struct sw_packet *pkt,
                       const struct sw_ip_hdr *ip, int iface);
/* NULL, or what is wrong: whether everything has somebody or a timer that ends it. Looks at all. */
const char *sw_sock_sane(const struct sw_sock_layer *layer);

/* A timer of owner SW_TIMER_SOCK, SW_TIMER_HALF or SW_TIMER_TIMEWAIT fired. */
void sw_sock_timer(struct sw_sock_layer *layer, struct sw_timer *timer);

#endif
