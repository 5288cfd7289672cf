/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses inside the structures that options are given in, which a caller may lay at any offset. */
#ifndef SW_SOCK_OPT_ADDR_H
#define SW_SOCK_OPT_ADDR_H

#include "sock/options.h"

enum {
    SW_SIN_ADDR = 4,  /* where a sockaddr_in has its address */
    SW_SIN6_ADDR = 8, /* and a sockaddr_in6 */
};

static inline int32_t sw_opt_i32_at(const uint8_t *p)
{
    int32_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static inline struct sw_ip sw_opt_ip4_at(const uint8_t *p)
{
    return SW_IP4(p[0], p[1], p[2], p[3]);
}

static inline struct sw_ip sw_opt_ip6_at(const uint8_t *p)
{
    struct sw_ip ip;
    memcpy(ip.b, p, sizeof(ip.b));
    return ip;
}

static inline uint16_t sw_opt_family_at(const uint8_t *p)
{
    uint16_t family;
    memcpy(&family, p, sizeof(family));
    return family;
}

/* The address in a sockaddr_storage; false: it is not of the socket's own family. */
static inline bool sw_opt_storage_at(const struct sw_sock *s, const uint8_t *p, struct sw_ip *ret_ip)
{
    if (sw_opt_family_at(p) != s->domain)
        return false;
    *ret_ip = s->domain == SW_AF_INET ? sw_opt_ip4_at(p + SW_SIN_ADDR) : sw_opt_ip6_at(p + SW_SIN6_ADDR);
    return true;
}

#endif
