/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the options of a socket are stored as: bits that many sockets set lie in the socket
 * (sw_sock.on), all else in a struct sw_sock_opts that it has only once something was set.
 */
#ifndef SW_SOCK_OPTS_H
#define SW_SOCK_OPTS_H

#include "sock/bpf.h"
#include "tcp/tcp.h"
#include <sockworks/addr.h>

/* sw_sock.on: boolean options */
enum {
    SW_ON_REUSEADDR = 1 << 0,
    SW_ON_REUSEPORT = 1 << 1,
    SW_ON_KEEPALIVE = 1 << 2,
    SW_ON_LINGER = 1 << 3,
    SW_ON_BROADCAST = 1 << 4,
    SW_ON_OOBINLINE = 1 << 5,
    SW_ON_DONTROUTE = 1 << 6,
    SW_ON_TIMESTAMP = 1 << 7,
    SW_ON_TIMESTAMPNS = 1 << 8,
    SW_ON_NODELAY = 1 << 9,
    SW_ON_CORK = 1 << 10,
    SW_ON_NO_QUICKACK = 1 << 11, /* TCP_QUICKACK was set to 0 */
    SW_ON_V6ONLY = 1 << 12,
    SW_ON_FREEBIND = 1 << 13,
    SW_ON_NO_PORT = 1 << 14, /* IP_BIND_ADDRESS_NO_PORT */
    SW_ON_RECVERR = 1 << 15,
    SW_ON_PKTINFO = 1 << 16,
    SW_ON_RECVTTL = 1 << 17,
    SW_ON_RECVTOS = 1 << 18,
    SW_ON_RECVERR6 = 1 << 19,
    SW_ON_RECVPKTINFO6 = 1 << 20,
    SW_ON_RECVHOPLIMIT6 = 1 << 21,
    SW_ON_RECVTCLASS6 = 1 << 22,
    SW_ON_MULTICAST_QUIET = 1 << 23, /* IP_MULTICAST_LOOP is off */
    SW_ON_MULTICAST_QUIET6 = 1 << 24,
    SW_ON_NO_CHECK = 1 << 25,
    SW_ON_RXQ_OVFL = 1 << 26,
    SW_ON_DEBUG = 1 << 27,
    SW_ON_DONTFRAG6 = 1 << 28,
    SW_ON_MULTICAST_ONLY_MINE = 1 << 29, /* IP_MULTICAST_ALL is off */
    SW_ON_QUICKACK = 1 << 30,            /* TCP_QUICKACK was set to 1: no delayed ACKs */
};

/* Numbers of the bits of sw_sock_opts.rare: boolean options that few sockets set. */
enum sw_rare {
    SW_RARE_LOCK_FILTER,
    SW_RARE_NOFCS,
    SW_RARE_RCVMARK,
    SW_RARE_RCVPRIORITY,
    SW_RARE_SELECT_ERR_QUEUE,
    SW_RARE_WIFI_STATUS,
    SW_RARE_TIMESTAMP_NEW, /* time stamps are of the _NEW kind */
    SW_RARE_THIN_LINEAR,
    SW_RARE_CHECKSUM,
    SW_RARE_PASSSEC,
    SW_RARE_RFC4884,
    SW_RARE_RECVFRAGSIZE,
    SW_RARE_RECVOPTS,
    SW_RARE_RECVORIGDSTADDR,
    SW_RARE_RETOPTS,
    SW_RARE_OLD_DSTOPTS,
    SW_RARE_OLD_HOPLIMIT,
    SW_RARE_OLD_HOPOPTS,
    SW_RARE_OLD_PKTINFO,
    SW_RARE_OLD_RTHDR,
    SW_RARE_NO_FLOWLABEL,
    SW_RARE_FLOWINFO,
    SW_RARE_FLOWINFO_SEND,
    SW_RARE_MULTICAST_ONLY_MINE6,
    SW_RARE_RECVDSTOPTS,
    SW_RARE_RFC4884_6,
    SW_RARE_RECVFRAGSIZE6,
    SW_RARE_RECVHOPOPTS,
    SW_RARE_RECVORIGDSTADDR6,
    SW_RARE_RECVPATHMTU,
    SW_RARE_RECVRTHDR,
    SW_RARE_ROUTER_ALERT_ISOLATE,
    SW_RARE_UDP_CORK,
    SW_RARE_ZEROCOPY,
    SW_RARE_INQ,
    SW_RARE_UDP_GRO,
    SW_RARE_NO_CHECK6_RX,
    SW_RARE_NO_CHECK6_TX,
    SW_RARE_PREFER_BUSY_POLL,
    SW_RARE_TRANSPARENT,
    SW_RARE_NO_TXREHASH,
    SW_N_RARE,
};
_Static_assert(SW_N_RARE <= 64, "bits of sw_sock_opts.rare");

/* Flags of SO_TIMESTAMPING about what is sent: <linux/net_tstamp.h>. */
enum {
    SW_TS_TX_SOFTWARE = 1 << 1,
    SW_TS_OPT_ID = 1 << 7,
    SW_TS_TX_SCHED = 1 << 8,
    SW_TS_TX_ACK = 1 << 9,
    SW_TS_OPT_TSONLY = 1 << 11,
};

/* Extension headers that were set. Shared by reference, never changed. */
struct sw_opt_ext {
    uint32_t refs;
    struct sw_extensions headers;
};

/* Options with values that few sockets set. Shared by reference between a socket and what inherits
 * from it; copied before a change (sw_sock_opts_own()). */
struct sw_sock_opts {
    uint32_t refs;
    int32_t linger_s;
    uint32_t sndbuf, rcvbuf;           /* bytes as getsockopt() shows them; 0: the host's default */
    uint64_t rcvtimeo_us, sndtimeo_us; /* 0: for ever; kept for the caller */
    int32_t rcvlowat;
    int32_t priority, mark, incoming_cpu, timestamping;
    int32_t bind_iface;                               /* 0: any */
    int32_t keepidle_s, keepintvl_s, keepcnt, syncnt; /* 0: the host's */
    int32_t user_timeout_ms, maxseg;
    int32_t rto_min_us, rto_max_ms, delack_max_us, tx_delay_us; /* 0: the host's; none */
    int32_t save_syn; /* TCP_SAVE_SYN */
    int32_t linger2_s, defer_accept, window_clamp, fastopen, notsent_lowat;
    int32_t fastopen_connect, fastopen_no_cookie;
    struct sw_tfo_keys fastopen_keys; /* n 0: the host's */
    int32_t poll_budget, addr_prefer;
    int32_t sticky_iface6; /* IPV6_PKTINFO for all that is sent; 0: none */
    int32_t txtime_clock, txtime_flags; /* SO_TXTIME */
    int32_t busy_poll, peek_off, min_ttl, min_hops, udp_segment;
    int32_t port_range; /* IP_LOCAL_PORT_RANGE: lowest, and << 16 highest; 0: the host's */
    int32_t udplite_send, udplite_recv; /* bytes the checksum covers, must cover; recv -1: any */
    uint32_t flow_label; /* IPv6: of what goes to the peer; 0: made of the flow */
    int32_t unicast_if, unicast_if6;               /* as they were given: in network byte order */
    uint64_t rare;                                 /* 1 << SW_RARE_ */
    int32_t tos, ttl, mtu_discover, multicast_ttl; /* ttl -1: default */
    int32_t tclass, hops, mtu_discover6, multicast_hops; /* hops -1: default */
    int32_t multicast_iface, multicast_iface6;
    struct sw_ip multicast_addr;
    uint64_t pacing_not; /* SO_MAX_PACING_RATE, all its bits turned: 0 is no limit */
    struct sw_opt_ext *ext; /* IPV6_HOPOPTS and its kin for all that is sent; or NULL */
    struct sw_bpf *filter; /* SO_ATTACH_FILTER; or NULL */
    struct sw_bpf *chooser; /* SO_ATTACH_REUSEPORT_CBPF; or NULL */
    uint8_t cc;          /* TCP_CONGESTION: see struct sw_tcp_options */
};

#endif
