/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A router between the hosts of a world that lets nothing of host 0 through, keeps the beginning of
 * what came last, and can complain of it by an ICMP error.
 */
#ifndef TESTS_SOCK_ROUTER_H
#define TESTS_SOCK_ROUTER_H

#include "host/world.h"
#include "sock/abi.h"
#include "wire/wire.h"

struct router {
    uint8_t quote[64];
    size_t quote_len;
};

static inline bool router_keeps(struct world *w, int from, struct sw_packet *pkt)
{
    struct router *r = w->ctx;
    if (from == 0)
        r->quote_len = sw_packet_copy(pkt, 0, r->quote, sizeof(r->quote));
    return true;
}

static inline void world_init_router(struct world *w, struct router *r)
{
    world_init(w);
    *r = (struct router){0};
    w->ctx = r;
    w->lose = router_keeps;
}

/* The error about what was kept; `mtu` of one that tells it. */
static inline void router_complains_of(struct world *w, uint8_t type, uint8_t code, uint32_t mtu)
{
    const struct router *r = w->ctx;
    struct sw_packet *pkt = sw_packet_from_bytes(sw_host_mem(w->host[0]), r->quote, r->quote_len);
    struct sw_ip_hdr ip = {.src = SW_IP4(10, 0, 0, 254),
                           .dst = SW_IP4(10, 0, 0, 1),
                           .version = 4,
                           .proto = SW_PROTO_ICMP,
                           .ttl = 64};
    struct sw_icmp_hdr icmp = {.version = 4, .type = type, .code = code, .rest = mtu};
    assert_int_equal(sw_packet_head_to_data(pkt), 0);
    pkt->head_off = 128;
    sw_icmp_push_hdr(pkt, &icmp, &ip.src, &ip.dst);
    sw_packet_fill_csum(pkt);
    sw_ip_push_hdr(pkt, &ip);
    sw_host_input(w->host[0], w->eth[0], pkt, w->now);
}

static inline void router_complains(struct world *w, uint8_t type, uint8_t code)
{
    router_complains_of(w, type, code, 0);
}

#endif
