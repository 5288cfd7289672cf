/* SPDX-License-Identifier: BSD-2-Clause */
/* Options of SOL_UDP that need a function of their own (udp(7), udplite(7)). */
#include <errno.h>

#include "sock/options.h"

/* Bytes covered by UDP-Lite's checksum, at least its header; 0: all of the datagram. */
static int32_t coverage_of(int v)
{
    if (v == 0)
        return 0;
    return v < (int)SW_UDP_HDR ? (int32_t)SW_UDP_HDR : v > UINT16_MAX ? UINT16_MAX : v;
}

SW_OPT_GET(sw_opt_get_udplite_send)
{
    (void)layer;
    *ret = sw_sock_opts(s)->udplite_send;
    return 0;
}

SW_OPT_SET(sw_opt_set_udplite_send)
{
    if (s->proto != SW_PROTO_UDPLITE)
        return -ENOPROTOOPT;
    return SW_OPT_STORE(layer, s, udplite_send, coverage_of(v));
}

SW_OPT_GET(sw_opt_get_udplite_recv)
{
    int32_t least = sw_sock_opts(s)->udplite_recv;
    (void)layer;
    *ret = least < 0 ? 0 : least;
    return 0;
}

SW_OPT_SET(sw_opt_set_udplite_recv)
{
    if (s->proto != SW_PROTO_UDPLITE)
        return -ENOPROTOOPT;
    return SW_OPT_STORE(layer, s, udplite_recv, coverage_of(v));
}

SW_OPT_GET(sw_opt_get_udp_cork)
{
    (void)layer;
    *ret = sw_sock_rare(s, SW_RARE_UDP_CORK);
    return 0;
}

/* Turning it off sends what was written; that this may fail nobody is told. */
SW_OPT_SET(sw_opt_set_udp_cork)
{
    if ((v != 0) != sw_sock_rare(s, SW_RARE_UDP_CORK)) {
        struct sw_sock_opts *opts = sw_sock_opts_own(layer, s);
        if (!opts)
            return -ENOMEM;
        opts->rare ^= 1ULL << SW_RARE_UDP_CORK;
    }
    if (v == 0)
        (void)sw_cork_push(layer, s);
    return 0;
}
