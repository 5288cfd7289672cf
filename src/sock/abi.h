/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The numbers of Linux's socket interface that are not in <sockworks/socket.h>: option levels and
 * names (include/uapi/asm-generic/socket.h, linux/tcp.h, linux/in.h, linux/in6.h of the kernel name
 * the same numbers). The core has no system headers, and its numbers are these on every system.
 */
#ifndef SW_SOCK_ABI_H
#define SW_SOCK_ABI_H

enum {
    SW_SOL_IP = 0,
    SW_SOL_SOCKET = 1,
    SW_SOL_TCP = 6,
    SW_SOL_UDP = 17,
    SW_SOL_IPV6 = 41,
    SW_SOL_ICMPV6 = 58,
    SW_SOL_RAW = 255
};

/* Of either family (RFC 3678 5). */
enum {
    SW_MCAST_JOIN_GROUP = 42,
    SW_MCAST_BLOCK_SOURCE = 43,
    SW_MCAST_UNBLOCK_SOURCE = 44,
    SW_MCAST_LEAVE_GROUP = 45,
    SW_MCAST_JOIN_SOURCE_GROUP = 46,
    SW_MCAST_LEAVE_SOURCE_GROUP = 47,
};

enum { SW_ICMP_FILTER = 1, SW_ICMP6_FILTER = 1 };

enum {
    SW_SO_DEBUG = 1,
    SW_SO_REUSEADDR = 2,
    SW_SO_TYPE = 3,
    SW_SO_ERROR = 4,
    SW_SO_DONTROUTE = 5,
    SW_SO_BROADCAST = 6,
    SW_SO_SNDBUF = 7,
    SW_SO_RCVBUF = 8,
    SW_SO_KEEPALIVE = 9,
    SW_SO_OOBINLINE = 10,
    SW_SO_NO_CHECK = 11,
    SW_SO_PRIORITY = 12,
    SW_SO_LINGER = 13,
    SW_SO_REUSEPORT = 15,
    SW_SO_RCVLOWAT = 18,
    SW_SO_SNDLOWAT = 19,
    SW_SO_RCVTIMEO = 20,
    SW_SO_SNDTIMEO = 21,
    SW_SO_BINDTODEVICE = 25,
    SW_SO_TIMESTAMP = 29,
    SW_SO_ACCEPTCONN = 30,
    SW_SO_SNDBUFFORCE = 32,
    SW_SO_RCVBUFFORCE = 33,
    SW_SO_TIMESTAMPNS = 35,
    SW_SO_MARK = 36,
    SW_SO_TIMESTAMPING = 37,
    SW_SO_PROTOCOL = 38,
    SW_SO_DOMAIN = 39,
    SW_SO_RXQ_OVFL = 40,
    SW_SO_MAX_PACING_RATE = 47,
    SW_SO_INCOMING_CPU = 49,
    SW_SO_MEMINFO = 55,
    SW_SO_COOKIE = 57,
    SW_SO_TIMESTAMP_NEW = 63,
    SW_SO_TIMESTAMPNS_NEW = 64,
    SW_SO_TIMESTAMPING_NEW = 65,
    SW_SO_RCVTIMEO_NEW = 66,
    SW_SO_SNDTIMEO_NEW = 67,
};

enum {
    SW_TCP_NODELAY = 1,
    SW_TCP_MAXSEG = 2,
    SW_TCP_CORK = 3,
    SW_TCP_KEEPIDLE = 4,
    SW_TCP_KEEPINTVL = 5,
    SW_TCP_KEEPCNT = 6,
    SW_TCP_SYNCNT = 7,
    SW_TCP_LINGER2 = 8,
    SW_TCP_DEFER_ACCEPT = 9,
    SW_TCP_WINDOW_CLAMP = 10,
    SW_TCP_INFO = 11,
    SW_TCP_QUICKACK = 12,
    SW_TCP_CONGESTION = 13,
    SW_TCP_USER_TIMEOUT = 18,
    SW_TCP_FASTOPEN = 23,
    SW_TCP_NOTSENT_LOWAT = 25,
    SW_TCP_CC_INFO = 26,
    SW_TCP_FASTOPEN_CONNECT = 30,
};

enum {
    SW_IP_TOS = 1,
    SW_IP_TTL = 2,
    SW_IP_HDRINCL = 3,
    SW_IP_RETOPTS = 7,
    SW_IP_PKTINFO = 8,
    SW_IP_MTU_DISCOVER = 10,
    SW_IP_RECVERR = 11,
    SW_IP_RECVTTL = 12,
    SW_IP_RECVTOS = 13,
    SW_IP_MTU = 14,
    SW_IP_FREEBIND = 15,
    SW_IP_BIND_ADDRESS_NO_PORT = 24,
    SW_IP_MULTICAST_IF = 32,
    SW_IP_MULTICAST_TTL = 33,
    SW_IP_MULTICAST_LOOP = 34,
    SW_IP_ADD_MEMBERSHIP = 35,
    SW_IP_DROP_MEMBERSHIP = 36,
    SW_IP_UNBLOCK_SOURCE = 37,
    SW_IP_BLOCK_SOURCE = 38,
    SW_IP_ADD_SOURCE_MEMBERSHIP = 39,
    SW_IP_DROP_SOURCE_MEMBERSHIP = 40,
    SW_IP_MULTICAST_ALL = 49,
};

enum {
    SW_IPV6_CHECKSUM = 7,
    SW_IPV6_UNICAST_HOPS = 16,
    SW_IPV6_MULTICAST_IF = 17,
    SW_IPV6_MULTICAST_HOPS = 18,
    SW_IPV6_MULTICAST_LOOP = 19,
    SW_IPV6_ADD_MEMBERSHIP = 20,
    SW_IPV6_DROP_MEMBERSHIP = 21,
    SW_IPV6_MTU_DISCOVER = 23,
    SW_IPV6_MTU = 24,
    SW_IPV6_RECVERR = 25,
    SW_IPV6_V6ONLY = 26,
    SW_IPV6_RECVPKTINFO = 49,
    SW_IPV6_RECVHOPLIMIT = 51,
    SW_IPV6_DONTFRAG = 62,
    SW_IPV6_RECVTCLASS = 66,
    SW_IPV6_TCLASS = 67,
    SW_IPV6_FREEBIND = 78,
};

/* IP_MTU_DISCOVER: never fragment ours / as the route says / always DF / DF and ignore the path
 * MTU. */
enum {
    SW_PMTUDISC_DONT = 0,
    SW_PMTUDISC_WANT = 1,
    SW_PMTUDISC_DO = 2,
    SW_PMTUDISC_PROBE = 3,
    SW_PMTUDISC_INTERFACE = 4,
    SW_PMTUDISC_OMIT = 5,
};

#endif
