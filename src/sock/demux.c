/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which socket is a packet for?
 *
 * First one probe of the table of connections, keyed by SipHash of protocol and 4-tuple: connected
 * streams and connected datagram sockets. The key is secret, so nobody can choose addresses that
 * collide. Then, for TCP, the small records, by the same hash (small.c).
 *
 * Then the port's list of those who hear without a connection; the best match wins, as on Linux: a
 * socket bound to the very address before a wildcard, one bound to the interface before one that is
 * not, an IPv4 socket before a dual-stack one; of equals the one bound last, but of a SO_REUSEPORT
 * group the one that choose.c says.
 */
#include <errno.h>

#include "sock/private.h"

static size_t put(uint8_t *out, size_t at, const void *bytes, size_t len)
{
    memcpy(out + at, bytes, len);
    return at + len;
}

static uint64_t hash_tuple(const struct sw_sipkey *key, uint8_t proto, const struct sw_addr *local,
                           const struct sw_addr *remote)
{
    uint8_t in[37];
    size_t skip = sw_ip_is4(&local->ip) && sw_ip_is4(&remote->ip) ? 12 : 0;
    size_t n = put(in, 0, local->ip.b + skip, 16 - skip);
    n = put(in, n, remote->ip.b + skip, 16 - skip);
    n = put(in, n, &local->port, 2);
    n = put(in, n, &remote->port, 2);
    n = put(in, n, &proto, 1);
    return sw_siphash13(key, in, n);
}

uint64_t sw_conn_hash(const struct sw_sock_layer *layer, uint8_t proto, const struct sw_addr *local,
                      const struct sw_addr *remote)
{
    return hash_tuple(&layer->conn_key, proto, local, remote);
}

static bool same_addr(const struct sw_addr *a, const struct sw_addr *b)
{
    return a->port == b->port && a->scope_id == b->scope_id && sw_ip_eq(&a->ip, &b->ip);
}

static bool is_between(struct sw_sock *s, uint8_t proto, const struct sw_addr *local,
                       const struct sw_addr *remote)
{
    const struct sw_addr *l = sw_sock_local(s);
    return sw_sock_proto(s) == proto && l->port == local->port && sw_ip_eq(&l->ip, &local->ip) &&
           same_addr(sw_sock_remote(s), remote);
}

struct sw_sock *sw_conn_check(const struct sw_sock_layer *layer, struct sw_sock *guess,
                              uint64_t hash, const struct sw_addr *local,
                              const struct sw_addr *remote)
{
    return guess && is_between(guess, SW_PROTO_TCP, local, remote)
               ? guess
               : sw_conn_find(layer, hash, SW_PROTO_TCP, local, remote);
}

struct sw_sock *sw_conn_find(const struct sw_sock_layer *layer, uint64_t hash, uint8_t proto,
                             const struct sw_addr *local, const struct sw_addr *remote)
{
    struct sw_table_cursor cursor = {0};
    uint32_t index;
    while (sw_table_next(&layer->conns, hash, &cursor, &index)) {
        struct sw_sock *s = sw_sock_place(layer, index);
        if (is_between(s, proto, local, remote))
            return s;
    }
    return NULL;
}

static uint64_t hash_sock(const struct sw_sock_layer *layer, struct sw_sock *s)
{
    return sw_conn_hash(layer, sw_sock_proto(s), sw_sock_local(s), sw_sock_remote(s));
}

int sw_sock_hash(struct sw_sock_layer *layer, struct sw_sock *s)
{
    SW_ASSERT(!(s->is & SW_IS_HASHED));
    uint64_t hash = hash_sock(layer, s);
    int r = sw_table_insert(&layer->conns, hash, s->slot.index);
    if (r == 0)
        s->is |= SW_IS_HASHED;
    s->conn_tag = sw_table_tag(hash);
    return r;
}

void sw_sock_unhash(struct sw_sock_layer *layer, struct sw_sock *s)
{
    if (!(s->is & SW_IS_HASHED))
        return;
    bool found = sw_table_remove(&layer->conns, hash_sock(layer, s), s->slot.index);
    SW_ASSERT(found);
    s->is &= (uint16_t)~SW_IS_HASHED;
}

struct sw_addr sw_addr_of(const struct sw_ip *ip, uint16_t port, int iface)
{
    return (struct sw_addr){
        .ip = *ip, .port = port, .scope_id = sw_ip_is_link_local6(ip) ? (uint32_t)iface : 0};
}

/* What no address stands for: in IPv4 the socket's own, if it has one to send from, else
 * loopback's: ip_route_output_key(), tcp_v6_connect(). */
static struct sw_ip nowhere_is(struct sw_sock_layer *layer, struct sw_sock *s,
                               const struct sw_ip *any)
{
    const struct sw_ip *own = &sw_sock_local(s)->ip;
    bool own4 = sw_ip_is4(own) && !sw_ip_is_any(own);
    if (sw_ip_is4(any) && own4 && !sw_ip_is_multicast(own) && !sw_ip_is_broadcast(layer->ip, own))
        return *own;
    return sw_ip_is4(any) || sw_ip_is4(own) ? SW_IP4_LOOPBACK : SW_IP6_LOOPBACK;
}

struct sw_addr sw_sock_destination(struct sw_sock_layer *layer, struct sw_sock *s,
                                   const struct sw_addr *to)
{
    int32_t iface = sw_sock_opts(s)->bind_iface;
    struct sw_addr addr = {.ip = to->ip, .port = to->port};
    if (sw_ip_is_any(&addr.ip))
        addr.ip = nowhere_is(layer, s, &addr.ip);
    if (!iface && sw_ip_is_multicast(&addr.ip))
        iface = sw_sock_opts(s)->multicast_iface6;
    if (sw_ip_needs_zone(&addr.ip))
        addr.scope_id = to->scope_id ? to->scope_id : (uint32_t)iface;
    return addr;
}

/* ---- without a connection ------------------------------------------------------------- */

/* How well a socket that hears fits; 0: not at all. */
static unsigned score(struct sw_sock *s, const struct sw_ip *ip, int iface)
{
    const struct sw_ip *bound = &sw_sock_local(s)->ip;
    unsigned points = 1;
    if (s->domain == SW_AF_INET6 && (s->on & SW_ON_V6ONLY) && sw_ip_is4(ip))
        return 0;
    if (sw_ip_eq(bound, ip))
        points += 8;
    else if (!sw_ip_is_any(bound) || (sw_ip_is4(bound) && !sw_ip_is4(ip)))
        return 0;
    int32_t bind_iface = sw_sock_opts(s)->bind_iface;
    if (bind_iface && bind_iface != iface)
        return 0;
    return points + (bind_iface ? 4 : 0) + (s->domain == SW_AF_INET ? 2 : 0);
}

/* connect() without a port: whatever comes from that address. */
static bool hears_from(struct sw_sock *s, const struct sw_addr *remote)
{
    return sw_sock_is_stream(s) || sw_sock_is_ping(s) || s->state != SW_SS_CONNECTED ||
           sw_ip_eq(&sw_sock_remote(s)->ip, &remote->ip);
}

bool sw_demux_hears(struct sw_sock *s, const struct sw_ip *ip, int iface)
{
    return score(s, ip, iface) > 0;
}

/* One that hears, and how well. */
struct candidate {
    uint8_t proto;
    const struct sw_addr *local, *remote;
    int iface;
    unsigned points;
};

static bool is_in_group(struct sw_sock *s, const struct candidate *c)
{
    return sw_sock_proto(s) == c->proto && hears_from(s, c->remote) && (s->on & SW_ON_REUSEPORT) &&
           score(s, &c->local->ip, c->iface) == c->points;
}

/* Of a group of n the member of that number; or from there on, and around, the first that wants the
 * processor at work (Linux's reuseport_select_sock_by_hash()). */
static struct sw_sock *member(const struct sw_sock_layer *layer, const struct sw_port *port,
                              const struct candidate *c, uint32_t n, uint32_t number, bool by_cpu)
{
    struct sw_sock *found = NULL;
    uint32_t i = 0, found_after = n;
    for (const struct sw_list *l = port->hear.prev; l != &port->hear; l = l->prev) {
        struct sw_sock *s = SW_CONTAINER(l, struct sw_sock, ref.node);
        if (!is_in_group(s, c))
            continue;
        uint32_t after = (i++ + n - number) % n;
        bool fits = by_cpu && sw_sock_opts(s)->incoming_cpu == (int32_t)layer->cpu;
        if ((after == 0 && !found) || (fits && after < found_after)) {
            found = s;
            found_after = fits ? after : n;
        }
    }
    SW_ASSERT(found);
    return found;
}

struct sw_sock *sw_demux_hear(const struct sw_sock_layer *layer, uint8_t proto,
                              const struct sw_addr *local, const struct sw_addr *remote, int iface,
                              const struct sw_bpf_view *view)
{
    const struct sw_port *port = sw_port_find(layer, proto, local->port);
    if (!port)
        return NULL;
    struct candidate c = {.proto = proto, .local = local, .remote = remote, .iface = iface};
    struct sw_sock *best = NULL;
    uint32_t group = 0;
    for (const struct sw_list *l = port->hear.next; l != &port->hear; l = l->next) {
        struct sw_sock *s = SW_CONTAINER(l, struct sw_sock, ref.node);
        if (sw_sock_proto(s) != proto || !hears_from(s, remote))
            continue; /* identifiers of ICMP and ICMPv6 are in one directory */
        unsigned points = score(s, &local->ip, iface);
        if (points > c.points) {
            best = s;
            c.points = points;
            group = 0;
        }
        if (points && points == c.points && (s->on & best->on & SW_ON_REUSEPORT))
            group++;
    }
    if (group < 2)
        return best;
    uint32_t chosen = sw_choose(layer, best, view, group);
    if (chosen < group)
        return member(layer, port, &c, group, chosen, false);
    uint64_t hash = hash_tuple(&layer->reuse_key, proto, local, remote);
    return member(layer, port, &c, group, (uint32_t)(hash % group), layer->n_ask_cpu > 0);
}
