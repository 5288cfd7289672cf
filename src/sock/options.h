/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The functions behind the table in options.c, for options that are more than a bit or a number:
 * options_raw.c those of raw sockets, options_group.c multicast groups, options_sock.c SOL_SOCKET,
 * options_tcp.c SOL_TCP, options_ip.c SOL_IP and SOL_IPV6.
 */
#ifndef SW_SOCK_OPTIONS_H
#define SW_SOCK_OPTIONS_H

#include "sock/private.h"

/* Stores a number in the socket's own struct sw_sock_opts. 0 or -ENOMEM. */
int sw_opt_store(struct sw_sock_layer *layer, struct sw_sock *s, size_t field, int32_t value);
#define SW_OPT_STORE(layer, s, field, value)                                                       \
    sw_opt_store((layer), (s), offsetof(struct sw_sock_opts, field), (value))

/* TCP_DEFER_ACCEPT as how often the SYN-ACK is sent again meanwhile; 0: off. */
uint32_t sw_opt_defer_retries(const struct sw_sock *s);
/* As much of `size` bytes as fit into *len. 0. */
int sw_opt_copy_out(void *val, size_t *len, const void *from, size_t size);

#define SW_OPT_GET(name) int name(struct sw_sock_layer *layer, struct sw_sock *s, int *ret)
#define SW_OPT_SET(name) int name(struct sw_sock_layer *layer, struct sw_sock *s, int v)
#define SW_OPT_GET_BYTES(name)                                                                     \
    int name(struct sw_sock_layer *layer, struct sw_sock *s, void *val, size_t *len)
#define SW_OPT_SET_BYTES(name)                                                                     \
    int name(struct sw_sock_layer *layer, struct sw_sock *s, const void *val, size_t len)

SW_OPT_GET(sw_opt_get_zero);
SW_OPT_GET(sw_opt_get_one);
SW_OPT_GET(sw_opt_get_type);
SW_OPT_GET(sw_opt_get_domain);
SW_OPT_GET(sw_opt_get_protocol);
SW_OPT_GET(sw_opt_get_acceptconn);
SW_OPT_GET(sw_opt_get_error);
SW_OPT_GET(sw_opt_get_sndbuf);
SW_OPT_GET(sw_opt_get_rcvbuf);
SW_OPT_GET(sw_opt_get_rcvlowat);
SW_OPT_GET(sw_opt_get_priority);
SW_OPT_GET(sw_opt_get_quickack);
SW_OPT_GET(sw_opt_get_maxseg);
SW_OPT_GET(sw_opt_get_keepidle);
SW_OPT_GET(sw_opt_get_keepintvl);
SW_OPT_GET(sw_opt_get_keepcnt);
SW_OPT_GET(sw_opt_get_syncnt);
SW_OPT_GET(sw_opt_get_linger2);
SW_OPT_GET(sw_opt_get_defer);
SW_OPT_GET(sw_opt_get_clamp);
SW_OPT_GET(sw_opt_get_fastopen);
SW_OPT_GET(sw_opt_get_tos);
SW_OPT_GET(sw_opt_get_ttl);
SW_OPT_GET(sw_opt_get_mtu);
SW_OPT_GET(sw_opt_get_retopts);
SW_OPT_GET(sw_opt_get_multicast_ttl);
SW_OPT_GET(sw_opt_get_v6only);
SW_OPT_GET(sw_opt_get_hops);
SW_OPT_GET(sw_opt_get_tclass);
SW_OPT_GET(sw_opt_get_multicast_hops);
SW_OPT_GET(sw_opt_get_multicast_all);
SW_OPT_GET(sw_opt_get_multicast_loop6);

SW_OPT_SET(sw_opt_set_debug);
SW_OPT_SET(sw_opt_set_sndbuf);
SW_OPT_SET(sw_opt_set_rcvbuf);
SW_OPT_SET(sw_opt_set_forbidden);
SW_OPT_SET(sw_opt_set_unsupported);
SW_OPT_SET(sw_opt_set_rcvlowat);
SW_OPT_SET(sw_opt_set_priority);
SW_OPT_SET(sw_opt_set_quickack);
SW_OPT_SET(sw_opt_set_maxseg);
SW_OPT_SET(sw_opt_set_keepidle);
SW_OPT_SET(sw_opt_set_keepintvl);
SW_OPT_SET(sw_opt_set_keepcnt);
SW_OPT_SET(sw_opt_set_syncnt);
SW_OPT_SET(sw_opt_set_linger2);
SW_OPT_SET(sw_opt_set_defer);
SW_OPT_SET(sw_opt_set_clamp);
SW_OPT_SET(sw_opt_set_fastopen);
SW_OPT_SET(sw_opt_set_tos);
SW_OPT_SET(sw_opt_set_ttl);
SW_OPT_SET(sw_opt_set_retopts);
SW_OPT_SET(sw_opt_set_multicast_ttl);
SW_OPT_SET(sw_opt_set_v6only);
SW_OPT_SET(sw_opt_set_hops);
SW_OPT_SET(sw_opt_set_tclass);
SW_OPT_SET(sw_opt_set_multicast_hops);
SW_OPT_SET(sw_opt_set_multicast_all);
SW_OPT_SET(sw_opt_set_multicast_loop6);

SW_OPT_GET(sw_opt_get_hdrincl);
SW_OPT_SET(sw_opt_set_hdrincl);
SW_OPT_GET(sw_opt_get_checksum);
SW_OPT_SET(sw_opt_set_checksum);
SW_OPT_GET_BYTES(sw_opt_get_icmp_filter);
SW_OPT_SET_BYTES(sw_opt_set_icmp_filter);

SW_OPT_GET_BYTES(sw_opt_get_linger);
SW_OPT_GET_BYTES(sw_opt_get_pacing);
SW_OPT_GET_BYTES(sw_opt_get_rcvtimeo);
SW_OPT_GET_BYTES(sw_opt_get_sndtimeo);
SW_OPT_GET_BYTES(sw_opt_get_timestamping);
SW_OPT_SET_BYTES(sw_opt_set_timestamping);
SW_OPT_GET_BYTES(sw_opt_get_device);
SW_OPT_GET_BYTES(sw_opt_get_cookie);
SW_OPT_GET_BYTES(sw_opt_get_info);
SW_OPT_GET_BYTES(sw_opt_get_cc_info);
SW_OPT_GET_BYTES(sw_opt_get_meminfo);
SW_OPT_GET_BYTES(sw_opt_get_congestion);
SW_OPT_GET_BYTES(sw_opt_get_multicast_if);
SW_OPT_SET_BYTES(sw_opt_set_linger);
SW_OPT_SET_BYTES(sw_opt_set_pacing);
SW_OPT_SET_BYTES(sw_opt_set_rcvtimeo);
SW_OPT_SET_BYTES(sw_opt_set_sndtimeo);
SW_OPT_SET_BYTES(sw_opt_set_device);
SW_OPT_SET_BYTES(sw_opt_set_congestion);
SW_OPT_SET_BYTES(sw_opt_set_multicast_if);

SW_OPT_SET_BYTES(sw_opt_join4);
SW_OPT_SET_BYTES(sw_opt_leave4);
SW_OPT_SET_BYTES(sw_opt_join6);
SW_OPT_SET_BYTES(sw_opt_leave6);
SW_OPT_SET_BYTES(sw_opt_block4);
SW_OPT_SET_BYTES(sw_opt_unblock4);
SW_OPT_SET_BYTES(sw_opt_join_source4);
SW_OPT_SET_BYTES(sw_opt_leave_source4);
SW_OPT_SET_BYTES(sw_opt_join_group);
SW_OPT_SET_BYTES(sw_opt_leave_group);
SW_OPT_SET_BYTES(sw_opt_block_source);
SW_OPT_SET_BYTES(sw_opt_unblock_source);
SW_OPT_SET_BYTES(sw_opt_join_source);
SW_OPT_SET_BYTES(sw_opt_leave_source);

#endif
