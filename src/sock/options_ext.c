/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IPV6_HOPOPTS, IPV6_DSTOPTS, IPV6_RTHDRDSTOPTS: extension headers that all datagrams of a socket
 * leave with (RFC 3542 8, 9), each set and told as it stands on the wire.
 */
#include <errno.h>

#include "sock/options.h"

static int get(const struct sw_sock *s, enum sw_extension which, void *val, size_t *len)
{
    const struct sw_opt_ext *ext = sw_sock_opts(s)->ext;
    if (!ext || ext->headers.len[which] == 0) {
        *len = 0;
        return 0;
    }
    return sw_opt_copy_out(val, len, ext->headers.bytes[which], ext->headers.len[which]);
}

/* What the header says of its length, of which there may be more bytes; 0: it is none. */
static size_t header_len(const uint8_t *p, size_t len)
{
    size_t own = len >= 8 && len % 8 == 0 ? 8 + 8 * (size_t)p[1] : 0;
    return own <= len ? own : 0;
}

/* No bytes take it away. */
static int set(struct sw_sock_layer *layer, struct sw_sock *s, enum sw_extension which,
               const void *val, size_t len)
{
    size_t own = len > 0 && val ? header_len(val, len) : 0;
    if (len > 0 && own == 0)
        return -EINVAL;
    if (own > SW_EXT_MAX)
        return -ENOBUFS;
    struct sw_sock_opts *opts = sw_sock_opts_own(layer, s);
    struct sw_opt_ext *ext = opts ? sw_mem_alloc(layer->env->mem, sizeof(*ext)) : NULL;
    if (!ext)
        return -ENOMEM;
    if (opts->ext)
        ext->headers = opts->ext->headers;
    ext->refs = 1;
    ext->headers.len[which] = (uint8_t)own;
    if (own > 0)
        memcpy(ext->headers.bytes[which], val, own);
    if (opts->ext && --opts->ext->refs == 0)
        sw_mem_free(layer->env->mem, opts->ext, sizeof(*opts->ext));
    opts->ext = ext;
    return 0;
}

#define EXTENSION(name, which)                                                                     \
    SW_OPT_GET_BYTES(sw_opt_get_ext_##name)                                                        \
    {                                                                                              \
        (void)layer;                                                                               \
        return get(s, which, val, len);                                                            \
    }                                                                                              \
    SW_OPT_SET_BYTES(sw_opt_set_ext_##name)                                                        \
    {                                                                                              \
        return set(layer, s, which, val, len);                                                     \
    }
EXTENSION(hop, SW_EXT_HOP)
EXTENSION(routed, SW_EXT_DST_ROUTED)
EXTENSION(dst, SW_EXT_DST)
