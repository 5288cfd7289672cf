/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UDP_CORK and MSG_MORE: one datagram written by several calls (udp(7), send(2)).
 *
 * The first call decides where it goes and with which options; addresses given later are not looked
 * at, as on Linux. It leaves with the first call that is not to be continued, or when UDP_CORK is
 * turned off; an error or the end of the socket throws it away.
 */
#include <errno.h>

#include "sock/private.h"

enum { ROOM_FIRST = 2048 };

struct sw_cork {
    struct sw_dgram_out out;
    uint32_t len, room;
    uint8_t *bytes;
};

void sw_cork_drop(struct sw_sock_layer *layer, struct sw_sock *s)
{
    struct sw_cork *cork = sw_sock_dgram(s)->cork;
    if (!cork)
        return;
    sw_mem_free(layer->env->mem, cork->bytes, cork->room);
    sw_mem_free(layer->env->mem, cork, sizeof(*cork));
    sw_sock_dgram(s)->cork = NULL;
}

/* Room for `len` bytes in all. 0 or -ENOBUFS. */
static int make_room(struct sw_sock_layer *layer, struct sw_cork *cork, uint32_t len)
{
    uint32_t room = cork->room ? cork->room : ROOM_FIRST;
    if (len <= cork->room)
        return 0;
    while (room < len)
        room *= 2;
    uint8_t *bytes = sw_mem_alloc(layer->env->mem, room);
    if (!bytes)
        return -ENOBUFS;
    if (cork->len)
        memcpy(bytes, cork->bytes, cork->len);
    sw_mem_free(layer->env->mem, cork->bytes, cork->room);
    cork->bytes = bytes;
    cork->room = room;
    return 0;
}

int64_t sw_cork_begin(struct sw_sock_layer *layer, struct sw_sock *s,
                      const struct sw_dgram_out *out, const void *bytes, uint32_t len)
{
    struct sw_cork *cork = sw_mem_alloc(layer->env->mem, sizeof(*cork));
    if (!cork)
        return -ENOBUFS;
    cork->out = *out;
    sw_sock_dgram(s)->cork = cork;
    return sw_cork_add(layer, s, bytes, len, true);
}

int64_t sw_cork_add(struct sw_sock_layer *layer, struct sw_sock *s, const void *bytes, size_t len,
                    bool more)
{
    struct sw_cork *cork = sw_sock_dgram(s)->cork;
    uint32_t most = sw_ip_is4(&cork->out.to.ip) ? SW_UDP_MAX : SW_UDP6_MAX;
    int r = len > most - cork->len ? -EMSGSIZE : 0;
    if (r == 0)
        r = make_room(layer, cork, cork->len + (uint32_t)len);
    if (r < 0) {
        sw_cork_drop(layer, s);
        return r;
    }
    if (len > 0)
        memcpy(cork->bytes + cork->len, bytes, len);
    cork->len += (uint32_t)len;
    r = more ? 0 : sw_cork_push(layer, s);
    return r < 0 ? r : (int64_t)len;
}

int sw_cork_push(struct sw_sock_layer *layer, struct sw_sock *s)
{
    struct sw_cork *cork = sw_sock_dgram(s)->cork;
    if (!cork)
        return 0;
    const struct sw_opt_ext *ext = sw_sock_opts(s)->ext; /* the first call's are its caller's */
    cork->out.tx.extensions = ext ? &ext->headers : NULL;
    int r = sw_dgram_put(layer, s, &cork->out, cork->bytes, cork->len);
    sw_cork_drop(layer, s);
    return r;
}
