/* SPDX-License-Identifier: BSD-2-Clause */
/* Options of raw sockets: raw(7), RFC 3542 3. On any other socket they do not exist. */
#include <errno.h>

#include "sock/options.h"

static struct sw_raw *raw_of(struct sw_sock *s)
{
    return sw_sock_is_raw(s) ? sw_sock_dgram(s)->raw : NULL;
}

SW_OPT_GET(sw_opt_get_hdrincl)
{
    const struct sw_raw *raw = raw_of(s);
    (void)layer;
    *ret = raw && raw->hdrincl;
    return 0;
}

SW_OPT_SET(sw_opt_set_hdrincl)
{
    struct sw_raw *raw = raw_of(s);
    (void)layer;
    if (!raw)
        return -ENOPROTOOPT;
    raw->hdrincl = v != 0;
    return 0;
}

SW_OPT_GET(sw_opt_get_checksum)
{
    const struct sw_raw *raw = raw_of(s);
    (void)layer;
    if (!raw)
        return -ENOPROTOOPT;
    *ret = raw->checksum_at;
    return 0;
}

/* Of ICMPv6 it is fixed (RFC 3542 3.1). */
SW_OPT_SET(sw_opt_set_checksum)
{
    struct sw_raw *raw = raw_of(s);
    (void)layer;
    if (!raw)
        return -ENOPROTOOPT;
    if (s->proto == SW_PROTO_ICMP6)
        return -EINVAL;
    if (v > 0 && (v & 1) != 0)
        return -EINVAL;
    raw->checksum_at = v < 0 ? -1 : v;
    return 0;
}

static size_t filter_bytes(const struct sw_sock *s)
{
    return s->domain == SW_AF_INET ? sizeof(uint32_t) : 8 * sizeof(uint32_t);
}

static bool has_filter(struct sw_sock *s)
{
    return raw_of(s) && s->proto == (s->domain == SW_AF_INET ? SW_PROTO_ICMP : SW_PROTO_ICMP6);
}

SW_OPT_GET_BYTES(sw_opt_get_icmp_filter)
{
    (void)layer;
    if (!has_filter(s))
        return -EOPNOTSUPP;
    return sw_opt_copy_out(val, len, raw_of(s)->filter, filter_bytes(s));
}

SW_OPT_SET_BYTES(sw_opt_set_icmp_filter)
{
    size_t size = filter_bytes(s);
    (void)layer;
    if (!has_filter(s))
        return -EOPNOTSUPP;
    memcpy(raw_of(s)->filter, val, len < size ? len : size);
    return 0;
}
