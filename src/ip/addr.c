/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The addresses of a host: which are its own, which are broadcasts, and which one to send from
 * (RFC 6724 5 and RFC 1122 3.3.4.3, as far as a host without deprecated or mobile addresses needs).
 */
#include <errno.h>

#include "ip/private.h"

unsigned sw_ip_family_bits(const struct sw_ip *ip)
{
    return sw_ip_is4(ip) ? 32 : 128;
}

uint8_t sw_ip_prefix_bits(const struct sw_ip *ip, unsigned prefix_len)
{
    return (uint8_t)(128 - sw_ip_family_bits(ip) + prefix_len);
}

/* Eight bytes of an address as a number, the first in front. Written out so that compilers see the
 * byte swap in it. */
static uint64_t half(const uint8_t *b)
{
    return (uint64_t)b[0] << 56 | (uint64_t)b[1] << 48 | (uint64_t)b[2] << 40 |
           (uint64_t)b[3] << 32 | (uint64_t)b[4] << 24 | (uint64_t)b[5] << 16 |
           (uint64_t)b[6] << 8 | (uint64_t)b[7];
}

static unsigned leading_zeros(uint64_t v)
{
    return v == 0 ? 64 : (unsigned)__builtin_clzll(v);
}

unsigned sw_ip_common_bits(const struct sw_ip *a, const struct sw_ip *b)
{
    unsigned bits = leading_zeros(half(a->b) ^ half(b->b));
    return bits < 64 ? bits : 64 + leading_zeros(half(a->b + 8) ^ half(b->b + 8));
}

bool sw_ip_prefix_covers(const struct sw_ip *prefix, unsigned bits, const struct sw_ip *ip)
{
    return sw_ip_common_bits(prefix, ip) >= bits;
}

struct sw_ip sw_ip_masked(const struct sw_ip *ip, unsigned bits)
{
    struct sw_ip masked = *ip;
    for (unsigned i = 0; i < 16; i++, bits -= bits < 8 ? bits : 8) {
        if (bits < 8)
            masked.b[i] &= (uint8_t)(0xff00U >> bits);
    }
    return masked;
}

int sw_ip_add_addr(struct sw_ip_layer *ip, int iface, const struct sw_ip *addr, unsigned prefix_len)
{
    if (!sw_ip_iface(ip, iface))
        return -ENODEV;
    if (prefix_len > sw_ip_family_bits(addr) || sw_ip_is_any(addr) || sw_ip_is_multicast(addr))
        return -EINVAL;
    for (uint32_t i = 0; i < ip->n_addrs; i++) {
        if (sw_ip_eq(&ip->addrs[i].ip, addr))
            return -EEXIST;
    }
    struct sw_ip_addr *addrs = sw_mem_alloc(ip->env->mem, (ip->n_addrs + 1) * sizeof(*addrs));
    if (!addrs)
        return -ENOMEM;

    uint8_t bits = sw_ip_prefix_bits(addr, prefix_len);
    struct sw_ip_route connected = {.dst = sw_ip_masked(addr, bits),
                                    .via = sw_ip_is4(addr) ? SW_IP4_ANY : SW_IP6_ANY,
                                    .iface = iface,
                                    .prefix_bits = bits,
                                    .is4 = sw_ip_is4(addr)};
    int err = sw_ip_route_insert(ip, &connected, true);
    if (err) {
        sw_mem_free(ip->env->mem, addrs, (ip->n_addrs + 1) * sizeof(*addrs));
        return err;
    }
    if (ip->n_addrs)
        memcpy(addrs, ip->addrs, ip->n_addrs * sizeof(*addrs));
    addrs[ip->n_addrs] = (struct sw_ip_addr){.ip = *addr, .iface = iface, .prefix_bits = bits};
    sw_mem_free(ip->env->mem, ip->addrs, ip->n_addrs * sizeof(*addrs));
    ip->addrs = addrs;
    ip->n_addrs++;
    sw_ip_path_changed(ip);
    return 0;
}

int sw_ip_remove_addr(struct sw_ip_layer *ip, int iface, const struct sw_ip *addr,
                      unsigned prefix_len)
{
    uint8_t bits = sw_ip_prefix_bits(addr, prefix_len);
    uint32_t at = 0;
    while (at < ip->n_addrs &&
           !(ip->addrs[at].iface == iface && ip->addrs[at].prefix_bits == bits &&
             sw_ip_eq(&ip->addrs[at].ip, addr)))
        at++;
    if (at == ip->n_addrs)
        return -EADDRNOTAVAIL;
    size_t left = ip->n_addrs - 1;
    struct sw_ip_addr *addrs = left ? sw_mem_alloc(ip->env->mem, left * sizeof(*addrs)) : NULL;
    if (left && !addrs)
        return -ENOMEM;
    struct sw_ip prefix = sw_ip_masked(addr, bits);
    bool shared = false;
    for (uint32_t i = 0, to = 0; i < ip->n_addrs; i++) {
        const struct sw_ip_addr *a = &ip->addrs[i];
        if (i == at)
            continue;
        addrs[to++] = *a;
        shared |= a->iface == iface && a->prefix_bits == bits &&
                  sw_ip_is4(&a->ip) == sw_ip_is4(addr) &&
                  sw_ip_prefix_covers(&prefix, bits, &a->ip);
    }
    sw_mem_free(ip->env->mem, ip->addrs, ip->n_addrs * sizeof(*addrs));
    ip->addrs = addrs;
    ip->n_addrs--;
    if (!shared)
        (void)sw_ip_remove_route(ip, &prefix, prefix_len, iface);
    sw_ip_path_changed(ip);
    return 0;
}

/* All of an IPv4 address' prefix on a loopback but its last, which is all hosts there, is this
 * host: Linux's fib_add_ifaddr(), and of 127.0.0.0/8 RFC 1122 3.2.1.3 (g). */
static bool covered_by_loopback(const struct sw_ip_layer *ip, const struct sw_ip *addr)
{
    for (uint32_t i = 0; i < ip->n_addrs; i++) {
        const struct sw_ip_addr *a = &ip->addrs[i];
        if (ip->ifaces[a->iface - 1].config.loopback && sw_ip_is4(&a->ip) &&
            sw_ip_prefix_covers(&a->ip, a->prefix_bits, addr))
            return true;
    }
    return false;
}

bool sw_ip_is_local(const struct sw_ip_layer *ip, const struct sw_ip *addr)
{
    for (uint32_t i = 0; i < ip->n_addrs; i++) {
        if (sw_ip_eq(&ip->addrs[i].ip, addr))
            return true;
    }
    return sw_ip_is4(addr) && covered_by_loopback(ip, addr) && !sw_ip_is_broadcast(ip, addr);
}

/* Whether everything behind the prefix of an IPv4 address is ones. */
static bool host_part_ones(const struct sw_ip *ip, unsigned prefix_bits)
{
    uint32_t v = (uint32_t)ip->b[12] << 24 | (uint32_t)ip->b[13] << 16 | (uint32_t)ip->b[14] << 8 |
                 ip->b[15];
    uint32_t host = UINT32_MAX >> (prefix_bits - 96);
    return (v & host) == host;
}

bool sw_ip_is_broadcast(const struct sw_ip_layer *ip, const struct sw_ip *addr)
{
    static const struct sw_ip limited = SW_IP4(255, 255, 255, 255);
    if (!(addr->b[15] & 1) || !sw_ip_is4(addr)) /* half of all addresses are known not to be */
        return false;
    if (sw_ip_eq(addr, &limited))
        return true;
    for (uint32_t i = 0; i < ip->n_addrs; i++) {
        const struct sw_ip_addr *own = &ip->addrs[i];
        if (!sw_ip_is4(&own->ip))
            continue;
        if (own->prefix_bits > 126) /* /31 and /32 have no broadcast address (RFC 3021 2.1) */
            continue;
        if (sw_ip_prefix_covers(&own->ip, own->prefix_bits, addr) &&
            host_part_ones(addr, own->prefix_bits))
            return true;
    }
    return false;
}

bool sw_ip_is_unicast(const struct sw_ip_layer *ip, const struct sw_ip *addr)
{
    if (sw_ip_is_any(addr) || sw_ip_is_multicast(addr) || sw_ip_is_broadcast(ip, addr))
        return false;
    return !sw_ip_is4(addr) || (addr->b[12] != 0 && addr->b[12] < 240);
}

int sw_ip_addr_iface(const struct sw_ip_layer *ip, const struct sw_ip *addr)
{
    for (uint32_t i = 0; i < ip->n_addrs; i++) {
        if (sw_ip_eq(&ip->addrs[i].ip, addr))
            return ip->addrs[i].iface;
    }
    return 0;
}

/* RFC 6724 3.1, cut down to what tells addresses apart here: link-local is smaller than global. */
static bool same_scope(const struct sw_ip *a, const struct sw_ip *b)
{
    return sw_ip_is_link_local6(a) == sw_ip_is_link_local6(b) &&
           sw_ip_is_loopback(a) == sw_ip_is_loopback(b);
}

/* Whether `a` is the better source for `dst`: RFC 6724 5, rules 2 (scope), 5 (outgoing interface)
 * and 8 (longest matching prefix). Equal: the one that was there first stays. */
static bool better_src(const struct sw_ip_addr *a, const struct sw_ip_addr *b, int iface,
                       const struct sw_ip *dst)
{
    bool scope_a = same_scope(&a->ip, dst), scope_b = same_scope(&b->ip, dst);
    if (scope_a != scope_b)
        return scope_a;
    if ((a->iface == iface) != (b->iface == iface))
        return a->iface == iface;
    return sw_ip_common_bits(&a->ip, dst) > sw_ip_common_bits(&b->ip, dst);
}

bool sw_ip_choose_src(const struct sw_ip_layer *ip, int iface, const struct sw_ip *dst,
                      struct sw_ip *ret_src)
{
    const struct sw_ip_addr *best = NULL;
    for (uint32_t i = 0; i < ip->n_addrs; i++) {
        const struct sw_ip_addr *a = &ip->addrs[i];
        if (sw_ip_is4(&a->ip) != sw_ip_is4(dst))
            continue;
        if (a->iface != iface && (sw_ip_is_loopback(&a->ip) || sw_ip_is_link_local6(&a->ip)))
            continue; /* means nothing on another link */
        if (!best || better_src(a, best, iface, dst))
            best = a;
    }
    if (best)
        *ret_src = best->ip;
    return best != NULL;
}
