/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * struct sw_host: one network host: interfaces, addresses, routes, sockets.
 *
 * A host does no input or output, reads no clock and has no global state. Its owner gives it packets
 * and the time and takes packets from it:
 *
 *     sw_host_input(host, iface, packet, now)     a packet arrived
 *     sw_host_output(host, iface, now)            the next packet to send, or NULL
 *     sw_host_deadline(host)                      when it next has something to do by itself
 *     sw_host_advance(host, now)                  let its timers run
 *
 * The same inputs and the same seed give the same packets, to the byte. Time is nanoseconds in a
 * uint64_t from any origin and never runs backwards; a smaller `now` counts as the last one. Socket
 * calls (socket.h) happen at the latest time the host was given.
 *
 * A host belongs to one thread. Errors are negative errno values.
 */
#ifndef SOCKWORKS_HOST_H
#define SOCKWORKS_HOST_H

#include <sockworks/addr.h>
#include <sockworks/packet.h>
#include <sockworks/trace.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sw_host;

#define SW_NEVER UINT64_MAX /* a deadline that never comes */

/* What a host is made with. Zero every field you do not set: zero means the default. */
struct sw_host_config {
    const struct sw_alloc *alloc; /* NULL: sw_alloc_libc. Must outlive the host and its packets */
    uint64_t mem_limit_bytes;     /* 0: none. With three quarters in use TCP's buffers do not grow any
                                   * more (the setting "tcp_mem", in pages of 4 KiB, says it as Linux
                                   * does: its second number) */
    uint8_t seed[16];             /* chance: keys for hashes, initial sequence numbers (RFC 6528),
                                   * ports (RFC 6056). Give real random bytes outside of tests */
    uint64_t now_ns;              /* the time it starts at */
    uint32_t max_sockets;         /* 0: 1,048,576 */
    sw_trace_fn *trace;           /* observer of everything that happens, or NULL */
    void *trace_ctx;
};

/* A new host without interfaces. NULL: no memory. */
struct sw_host *sw_host_new(const struct sw_host_config *config);

/* Chance anew: after a fork, or when a snapshot of the process was restored, two hosts would otherwise
 * choose the same sequence numbers, ports and identifications from now on, and who talks to one
 * knows the other's. Connections that exist are not disturbed. Give real random bytes; what was
 * there before is mixed in. */
void sw_host_reseed(struct sw_host *host, const uint8_t seed[16]);

/* Frees the host with all its sockets; nothing is sent. NULL is fine. */
void sw_host_free(struct sw_host *host);

/* Sets what Linux has as net.ipv4.NAME or net.ipv4.route.NAME in /proc/sys, by its name and in its
 * units: "tcp_sack" "0", "tcp_rmem" "4096 131072 33554432". Not Linux's: "tcp_syn_soft_errors" "1", any
 * ICMP error ends an attempt to connect, as always there. Holds for connections that begin afterwards.
 * 0, -ENOENT (no such setting here), -EINVAL (not a value of it). */
int sw_host_set(struct sw_host *host, const char *name, const char *value);

/* Which processor is at work from now on: SO_INCOMING_CPU and programs (SO_ATTACH_REUSEPORT_CBPF) choose by
 * it. Whether any socket asks for that now. */
void sw_host_set_cpu(struct sw_host *host, uint32_t cpu);
bool sw_host_asks_cpu(const struct sw_host *host);
/* Which process of which user calls from now on: whose a flow label may be (IPV6_FLOWLABEL_MGR). */
void sw_host_set_caller(struct sw_host *host, uint64_t process, uint64_t user);

struct sw_mem *sw_host_mem(struct sw_host *host); /* borrowed */
uint64_t sw_host_now(const struct sw_host *host); /* the latest time it was given, in ns */

/* Forgets what connections have learned of other hosts (Fast Open's cookies), as `ip tcp_metrics flush`
 * does on Linux. */
void sw_host_forget_metrics(struct sw_host *host);

/* An interface carries raw IP packets. */
struct sw_iface_config {
    char name[16];     /* "lo", "eth0"; must be unique in the host and not empty */
    uint32_t mtu;      /* bytes of an IP packet, 68 (RFC 791) to 65,536; IPv6 needs 1,280 (RFC 8200 5) */
    uint32_t gso_max;  /* bytes of TCP payload that a super-segment may have; 0: this interface takes
                        * no super-segments, the host cuts them to the MTU */
    bool loopback;     /* martian checks allow 127.0.0.0/8 and ::1 here only */
    bool csum_offload; /* packets may be handed out with SW_CSUM_NEEDED */
};

/* Adds an interface. Returns its index, from 1 (as if_nametoindex() counts), or
 * -EINVAL (bad MTU or name), -EEXIST, -ENOMEM. */
int sw_host_add_iface(struct sw_host *host, const struct sw_iface_config *config);

/* The usual loopback interface, "lo": 127.0.0.1/8 and ::1/128, MTU 65,536, packets of up to 64 KiB
 * unchecked. As sw_host_add_iface(). */
int sw_host_add_loopback(struct sw_host *host);

/* Changes MTU and super-segment size of an interface in use. 0, -ENODEV, -EINVAL. */
int sw_host_set_mtu(struct sw_host *host, int iface, uint32_t mtu, uint32_t gso_max);

/* Gives an interface an address; the prefix becomes a connected route.
 * 0, -ENODEV, -EINVAL (prefix too long for the family), -EEXIST, -ENOMEM. */
int sw_host_add_addr(struct sw_host *host, int iface, const struct sw_ip *ip, unsigned prefix_len);

/* Takes one away, and the route that came with it, unless another address has the same prefix. Who is
 * bound there stays so, and hears nothing any more. 0, -EADDRNOTAVAIL: it has none like that. */
int sw_host_remove_addr(struct sw_host *host, int iface, const struct sw_ip *ip, unsigned prefix_len);

/* Whether a packet to `ip` is for this host alone: one of its addresses, no group, no broadcast. */
bool sw_host_is_local(const struct sw_host *host, const struct sw_ip *ip);

/* Adds a route: `dst`/`prefix_len` leaves by `iface`, via gateway `via` (NULL: on link).
 * 0, -ENODEV, -EINVAL, -EEXIST, -ENOMEM. */
int sw_host_add_route(struct sw_host *host, const struct sw_ip *dst, unsigned prefix_len, int iface,
                      const struct sw_ip *via);

/* Takes away the one on link with exactly this prefix. 0, -ESRCH, -EINVAL. */
int sw_host_remove_route(struct sw_host *host, const struct sw_ip *dst, unsigned prefix_len, int iface);

/* What is known of the way a route goes; 0: nothing in particular. */
struct sw_route_metrics {
    uint32_t mtu;      /* bytes; at least 68 (IPv6: 108). No packet is larger than the interface's */
    uint32_t advmss;   /* the MSS to announce (TCP), bytes */
    uint32_t initcwnd; /* the first congestion window (TCP), segments */
    bool mtu_lock;     /* path MTU discovery does not change it, and IPv4 packets go without DF */
};

/* Of the route with exactly this prefix; takes the place of what was set before.
 * 0, -ESRCH: there is no such route, -EINVAL. */
int sw_host_set_route_metrics(struct sw_host *host, const struct sw_ip *dst, unsigned prefix_len,
                              const struct sw_route_metrics *metrics);

/* A packet arrived on an interface. Takes the packet. What is wrong with it is counted and traced
 * under a reason (enum sw_drop), never returned: the wire is not the caller's fault. */
void sw_host_input(struct sw_host *host, int iface, struct sw_packet *pkt, uint64_t now_ns);

/* As sw_host_input() of each of some packets that arrived together: `first` and what follows it by
 * `next`. But consecutive segments of one stream are handled, and acknowledged, as one (what network
 * cards call receive offload), which is several times faster. */
void sw_host_input_batch(struct sw_host *host, int iface, struct sw_packet *first, uint64_t now_ns);

/* The next packet that wants to leave by an interface; the caller owns it. NULL: none. */
struct sw_packet *sw_host_output(struct sw_host *host, int iface, uint64_t now_ns);

/* Time passes: timers that are due run. */
void sw_host_advance(struct sw_host *host, uint64_t now_ns);

/* When sw_host_advance() has work next: a lower bound in ns; SW_NEVER if only input will wake it. */
uint64_t sw_host_deadline(const struct sw_host *host);

/* How many packets were dropped for a reason since the host began. */
uint64_t sw_host_drops(const struct sw_host *host, enum sw_drop why);

/* Counters of what passed. */
struct sw_host_stats {
    uint64_t ip_rx, ip_tx;            /* packets */
    uint64_t tcp_rx, tcp_tx;          /* segments (a super-segment is one) */
    uint64_t tcp_retrans;             /* segments sent again */
    uint64_t tcp_estab, tcp_resets;   /* connections that reached ESTABLISHED; RSTs sent */
    uint64_t udp_rx, udp_tx;          /* datagrams */
    uint64_t icmp_rx, icmp_tx;        /* messages */
    uint64_t sockets;                 /* sockets now */
    uint64_t time_wait;               /* connections now in TIME_WAIT, or closed by their users and in FIN_WAIT_2 */
    uint64_t half_open;               /* handshakes under way at listeners */
    uint64_t mem_bytes;               /* sw_mem_used() of the host's pool */
};
void sw_host_get_stats(const struct sw_host *host, struct sw_host_stats *ret_stats);

#ifdef __cplusplus
}
#endif

#endif
