/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an ICMP error means for a program: the errno that Linux gives for it, and whether it ends a
 * connection attempt (RFC 1122 4.2.3.9, RFC 5461). Tables, as Linux has them.
 */
#include <errno.h>

#include "ip/private.h"

/* ICMP destination unreachable by code (RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1). */
static const struct sw_icmp_meaning unreach4[] = {
    {ENETUNREACH, false},  /* 0 net */
    {EHOSTUNREACH, false}, /* 1 host */
    {ENOPROTOOPT, true},   /* 2 protocol */
    {ECONNREFUSED, true},  /* 3 port */
    {EMSGSIZE, false},     /* 4 fragmentation needed and DF set */
    {EOPNOTSUPP, false},   /* 5 source route failed */
    {ENETUNREACH, true},   /* 6 destination network unknown */
    {EHOSTDOWN, true},     /* 7 destination host unknown */
    {ENONET, true},        /* 8 source host isolated */
    {ENETUNREACH, true},   /* 9 network administratively prohibited */
    {EHOSTUNREACH, true},  /* 10 host administratively prohibited */
    {ENETUNREACH, false},  /* 11 network unreachable for the type of service */
    {EHOSTUNREACH, false}, /* 12 host unreachable for the type of service */
    {EHOSTUNREACH, true},  /* 13 communication administratively prohibited */
    {EHOSTUNREACH, true},  /* 14 host precedence violation */
    {EHOSTUNREACH, true},  /* 15 precedence cutoff */
};

/* ICMPv6 destination unreachable by code (RFC 4443 3.1). */
static const struct sw_icmp_meaning unreach6[] = {
    {ENETUNREACH, false},  /* 0 no route */
    {EACCES, true},        /* 1 administratively prohibited */
    {EHOSTUNREACH, false}, /* 2 beyond scope of the source address */
    {EHOSTUNREACH, false}, /* 3 address */
    {ECONNREFUSED, true},  /* 4 port */
    {EACCES, true},        /* 5 source address failed the policy */
    {EACCES, true},        /* 6 reject route */
};

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static struct sw_icmp_meaning meaning4(const struct sw_icmp_hdr *icmp)
{
    switch (icmp->type) {
    case SW_ICMP_UNREACH:
        if (icmp->code < ROWS(unreach4))
            return unreach4[icmp->code];
        return (struct sw_icmp_meaning){0, false};
    case SW_ICMP_TIME_EXCEEDED:
        return (struct sw_icmp_meaning){EHOSTUNREACH, false};
    case SW_ICMP_PARAM_PROBLEM:
        return (struct sw_icmp_meaning){EPROTO, true};
    default: /* source quench among them: RFC 6633 3 */
        return (struct sw_icmp_meaning){0, false};
    }
}

static struct sw_icmp_meaning meaning6(const struct sw_icmp_hdr *icmp)
{
    switch (icmp->type) {
    case SW_ICMP6_UNREACH:
        if (icmp->code < ROWS(unreach6))
            return unreach6[icmp->code];
        return (struct sw_icmp_meaning){EPROTO, true};
    case SW_ICMP6_TOO_BIG:
        return (struct sw_icmp_meaning){EMSGSIZE, false};
    case SW_ICMP6_TIME_EXCEEDED:
        return (struct sw_icmp_meaning){EHOSTUNREACH, false};
    case SW_ICMP6_PARAM_PROBLEM:
        return (struct sw_icmp_meaning){EPROTO, true};
    default:
        return (struct sw_icmp_meaning){0, false};
    }
}

struct sw_icmp_meaning sw_icmp_meaning(const struct sw_icmp_hdr *icmp)
{
    return icmp->version == 4 ? meaning4(icmp) : meaning6(icmp);
}

/* For routers that leave the field 0: the next MTU in use below the packet's size (RFC 1191 7.1).
 */
static uint32_t plateau_below(uint32_t len)
{
    static const uint32_t plateaus[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296};
    for (unsigned i = 0; i < ROWS(plateaus); i++) {
        if (plateaus[i] < len)
            return plateaus[i];
    }
    return SW_IP4_MTU_MIN;
}

uint32_t sw_icmp_mtu(const struct sw_icmp_hdr *icmp, const struct sw_ip_hdr *quoted)
{
    if (icmp->version == 6)
        return icmp->type == SW_ICMP6_TOO_BIG ? icmp->rest : 0;
    if (icmp->type != SW_ICMP_UNREACH || icmp->code != SW_ICMP_UNREACH_FRAG)
        return 0;
    uint32_t mtu = icmp->rest & 0xffff;
    if (mtu == 0)
        mtu = plateau_below(quoted->hdr_len + quoted->payload_len);
    return mtu > SW_IP4_MTU_MIN ? mtu : SW_IP4_MTU_MIN;
}
