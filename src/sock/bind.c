/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bind(): may these two share a port? The rules are Linux's.
 *
 * Two sockets meet if their addresses overlap: equal, or one of them is a wildcard that covers the
 * other. :: covers IPv4 unless IPV6_V6ONLY. Those who meet may still share the port
 *   streams:   if both have SO_REUSEADDR and the other does not listen (so a server binds again
 *              while its old connections are in TIME_WAIT), or both have SO_REUSEPORT
 *   datagrams: if both have SO_REUSEADDR, or both have SO_REUSEPORT
 *   ping:      if both have SO_REUSEADDR, whatever their addresses
 * A port that the system chooses is never shared on the strength of SO_REUSEADDR or SO_REUSEPORT.
 */
#include <errno.h>

#include "sock/private.h"
#include "sock/zone.h"

/* What the rules look at, of a socket or a TIME_WAIT. */
struct binder {
    struct sw_ip ip;
    uint32_t on;
    int32_t iface;
    bool stream, listening, ping;
};

static struct binder binder_of_wait(const struct sw_sock_layer *layer, const struct sw_small *small)
{
    struct sw_addr local, remote;
    uint32_t on = (small->flags & SW_SMALL_REUSEADDR ? SW_ON_REUSEADDR : 0U) |
                  (small->flags & SW_SMALL_REUSEPORT ? SW_ON_REUSEPORT : 0U) |
                  (small->flags & SW_SMALL_V6ONLY ? SW_ON_V6ONLY : 0U);
    sw_small_addrs(layer, small, &local, &remote);
    return (struct binder){.ip = local.ip, .on = on, .stream = true};
}

static struct binder binder_of_ref(const struct sw_port_ref *ref)
{
    struct sw_sock *s = SW_CONTAINER(ref, struct sw_sock, ref);
    return (struct binder){.ip = sw_sock_local(s)->ip,
                           .on = s->on,
                           .iface = sw_sock_opts(s)->bind_iface,
                           .stream = sw_sock_is_stream(s),
                           .listening = s->listener != NULL,
                           .ping = sw_sock_is_ping(s)};
}

/* Whether the wildcard `wild` covers `ip`. */
static bool covers(const struct sw_ip *wild, bool v6only, const struct sw_ip *ip)
{
    if (!sw_ip_is_any(wild))
        return false;
    if (sw_ip_is4(wild))
        return sw_ip_is4(ip);
    return !(v6only && sw_ip_is4(ip));
}

static bool overlap(const struct binder *a, const struct binder *b)
{
    return sw_ip_eq(&a->ip, &b->ip) || covers(&a->ip, a->on & SW_ON_V6ONLY, &b->ip) ||
           covers(&b->ip, b->on & SW_ON_V6ONLY, &a->ip);
}

/* `strict`: the port is chosen by us, not asked for. */
static bool conflict(const struct binder *me, const struct binder *other, bool strict)
{
    if (me->ping) /* an identifier has no address */
        return strict || !(me->on & other->on & SW_ON_REUSEADDR);
    if (me->iface && other->iface && me->iface != other->iface)
        return false;
    if (!overlap(me, other))
        return false;
    if (strict)
        return true;
    if (me->on & other->on & SW_ON_REUSEPORT)
        return false;
    bool both_reuse = me->on & other->on & SW_ON_REUSEADDR;
    return !(both_reuse && !(me->stream && other->listening));
}

bool sw_bind_conflicts(const struct sw_sock_layer *layer, struct sw_sock *s,
                       const struct sw_addr *local, bool strict, struct sw_sock **ret_held)
{
    const struct sw_port *port = sw_port_find(layer, sw_sock_proto(s), local->port);
    if (!port)
        return false;
    const struct binder me = {.ip = local->ip,
                              .on = s->on,
                              .iface = sw_sock_opts(s)->bind_iface,
                              .stream = sw_sock_is_stream(s),
                              .ping = sw_sock_is_ping(s)};
    const struct sw_list *lists[2] = {&port->hear, &port->rest};
    bool found = false;
    for (int i = 0; i < 2; i++) {
        for (const struct sw_list *l = lists[i]->next; l != lists[i]; l = l->next) {
            const struct sw_port_ref *ref = SW_CONTAINER(l, struct sw_port_ref, node);
            if (ref == &s->ref)
                continue;
            const struct binder other = binder_of_ref(ref);
            if (!conflict(&me, &other, strict))
                continue;
            found = true;
            if (!ret_held)
                return true;
            struct sw_sock *o = SW_CONTAINER(ref, struct sw_sock, ref);
            if (o->is & SW_IS_HELD) {
                *ret_held = o;
                return true;
            }
        }
    }
    for (uint32_t i = port->waits; i && !found; i = sw_small_at(layer, i)->port_next) {
        const struct binder other = binder_of_wait(layer, sw_small_at(layer, i));
        found = conflict(&me, &other, strict);
    }
    return found;
}

/* A port nobody has on an overlapping address. */
static int choose_port(struct sw_sock_layer *layer, struct sw_sock *s, struct sw_addr *local)
{
    uint32_t offset = (uint32_t)sw_rng_u64(&layer->env->rng);
    const struct sw_port_range range = sw_port_range(s);
    for (uint32_t i = 0; i < range.n; i++) {
        local->port = sw_port_ephemeral(&range, offset, i);
        if (!sw_bind_conflicts(layer, s, local, true, NULL))
            return 0;
    }
    return -EADDRINUSE;
}

int sw_sock_check_family(const struct sw_sock *s, const struct sw_ip *ip, int v6only)
{
    if (s->domain == SW_AF_INET)
        return sw_ip_is4(ip) ? 0 : -EAFNOSUPPORT;
    bool only6 = (s->on & SW_ON_V6ONLY) || !sw_sock_has_ports(s);
    return only6 && sw_ip_is4(ip) ? v6only : 0;
}

static int check_address(struct sw_sock_layer *layer, struct sw_sock *s,
                         const struct sw_addr *local)
{
    int r = sw_sock_check_family(s, &local->ip, -EINVAL);
    if (r < 0)
        return r;
    if (sw_ip_is_any(&local->ip))
        return 0;
    bool v4 = sw_ip_is4(&local->ip);
    if (sw_sock_is_ping(s) &&
        (sw_ip_is_multicast(&local->ip) || sw_ip_is_broadcast(layer->ip, &local->ip)))
        return v4 ? -EADDRNOTAVAIL : -EINVAL;
    bool group = sw_ip_is_multicast(&local->ip);
    if (group && !v4 && sw_sock_is_stream(s))
        return -EINVAL;
    r = sw_zone_bind(layer, s, local);
    if (r < 0 || group)
        return r;
    if ((s->on & SW_ON_FREEBIND) || sw_sock_rare(s, SW_RARE_TRANSPARENT) ||
        sw_ip_is_broadcast(layer->ip, &local->ip))
        return 0;
    return sw_ip_is_local(layer->ip, &local->ip) ? 0 : -EADDRNOTAVAIL;
}

/* Takes the port local->port, or one of our choice. The socket's address is set. */
static int take_port(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_addr *want)
{
    struct sw_addr local = *want;
    if (local.port == 0) {
        int r = choose_port(layer, s, &local);
        if (r < 0)
            return r;
    } else if (sw_bind_conflicts(layer, s, &local, false, NULL)) {
        return -EADDRINUSE;
    }
    int r = sw_port_hold(layer, sw_sock_proto(s), local.port, s, true);
    if (r < 0)
        return r;
    *sw_sock_local(s) = (struct sw_addr){.ip = local.ip, .port = local.port};
    if (!sw_sock_is_stream(s)) {
        sw_port_hear(&s->ref, true);
        sw_choose_join(layer, s);
    }
    return 0;
}

int sw_sock_bind(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_addr *local)
{
    bool taken =
        !sw_sock_is_raw(s) &&
        (s->ref.port || s->listener ||
         (sw_sock_is_stream(s) ? sw_stream_state(s) != SW_TCP_CLOSED : sw_sock_has_peer(s)));
    if (taken && s->domain == SW_AF_INET6)
        return -EINVAL; /* Linux looks for this before the address there, behind it in IPv4 */
    int r = check_address(layer, s, local);
    if (r < 0)
        return r;
    if (sw_sock_is_raw(s))
        return sw_raw_bind(s, local);
    if (taken)
        return -EINVAL;
    if (local->port == 0 && (s->on & SW_ON_NO_PORT)) {
        sw_sock_local(s)->ip = local->ip;
    } else {
        r = take_port(layer, s, local);
        if (r < 0)
            return r;
    }
    if (!sw_ip_is_any(&local->ip))
        s->is |= SW_IS_BOUND_ADDR;
    if (local->port)
        s->is |= SW_IS_BOUND_PORT;
    return 0;
}

int sw_sock_autobind(struct sw_sock_layer *layer, struct sw_sock *s)
{
    if (s->ref.port || sw_sock_is_raw(s))
        return 0;
    struct sw_addr local = *sw_sock_local(s);
    local.port = 0;
    return take_port(layer, s, &local);
}
