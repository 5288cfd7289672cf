/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses: who a packet or a socket is.
 *
 * One representation serves both families: sixteen bytes in network order. An IPv4 address is held
 * as its IPv4-mapped IPv6 form ::ffff:a.b.c.d (RFC 4291 2.5.5.2), so that a dual-stack socket
 * (RFC 3493 3.7), a demultiplexing table and a route need no second shape. Consequently 0.0.0.0
 * (::ffff:0.0.0.0) and :: are different "any" addresses, exactly as they are to bind().
 *
 * Ports and scope identifiers are in host byte order everywhere in this library.
 */
#ifndef SOCKWORKS_ADDR_H
#define SOCKWORKS_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An IP address of either family. Compare with sw_ip_eq(), never by memory of an enclosing struct. */
struct sw_ip {
    uint8_t b[16]; /* network order */
};

/* A socket address: the (address, port) of one end. */
struct sw_addr {
    struct sw_ip ip;
    uint16_t port;     /* host order; 0 means "none yet" */
    uint32_t scope_id; /* IPv6 zone of a link-local address (RFC 4007), else 0 */
};

#define SW_IP4(a, b_, c, d)                                                                        \
    ((struct sw_ip){{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, (a), (b_), (c), (d)}})
#define SW_IP4_ANY SW_IP4(0, 0, 0, 0)
#define SW_IP4_LOOPBACK SW_IP4(127, 0, 0, 1)
#define SW_IP6_ANY ((struct sw_ip){{0}})
#define SW_IP6_LOOPBACK ((struct sw_ip){{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}})

static inline bool sw_ip_eq(const struct sw_ip *a, const struct sw_ip *b)
{
    return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

/* Whether the address is IPv4 (that is: IPv4-mapped). */
static inline bool sw_ip_is4(const struct sw_ip *a)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return memcmp(a->b, mapped, sizeof(mapped)) == 0;
}

/* 0.0.0.0 or :: */
static inline bool sw_ip_is_any(const struct sw_ip *a)
{
    static const uint8_t zero[12] = {0};
    return memcmp(a->b + 12, zero, 4) == 0 && (sw_ip_is4(a) || memcmp(a->b, zero, 12) == 0);
}

/* 127.0.0.0/8 (RFC 1122 3.2.1.3) or ::1 (RFC 4291 2.5.3) */
static inline bool sw_ip_is_loopback(const struct sw_ip *a)
{
    static const struct sw_ip loop6 = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
    return sw_ip_is4(a) ? a->b[12] == 127 : sw_ip_eq(a, &loop6);
}

/* 224.0.0.0/4 (RFC 5771) or ff00::/8 (RFC 4291 2.7) */
static inline bool sw_ip_is_multicast(const struct sw_ip *a)
{
    return sw_ip_is4(a) ? (a->b[12] & 0xf0) == 0xe0 : a->b[0] == 0xff;
}

/* fe80::/10 (RFC 4291 2.5.6) */
static inline bool sw_ip_is_link_local6(const struct sw_ip *a)
{
    return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

/* Each link has one of its own: fe80::/10, and groups of interface or link scope (RFC 4291 2.7). Only together with
 * the link, its zone, does it mean anything (RFC 4007 6). */
static inline bool sw_ip_needs_zone(const struct sw_ip *a)
{
    return sw_ip_is_link_local6(a) || (a->b[0] == 0xff && ((a->b[1] & 0xf) == 1 || (a->b[1] & 0xf) == 2));
}

/* Text of an address ("127.0.0.1", "::1", RFC 5952 form) into buf; returns buf. SW_IP_TEXT bytes
 * always suffice; a smaller buffer gets a truncated, terminated text. */
#define SW_IP_TEXT 46
char *sw_ip_text(const struct sw_ip *ip, char *buf, size_t size);

/* Text of address and port ("127.0.0.1:80", "[::1]:80", "[fe80::1%2]:80"). SW_ADDR_TEXT bytes
 * suffice. */
#define SW_ADDR_TEXT 60
char *sw_addr_text(const struct sw_addr *addr, char *buf, size_t size);

/* Parses a numeric address of either family (RFC 4291 2.2 for IPv6; dotted quad for IPv4, which
 * yields the mapped form). Returns 0, or -EINVAL and leaves *ret_ip alone. */
int sw_ip_parse(const char *text, struct sw_ip *ret_ip);

#ifdef __cplusplus
}
#endif

#endif
