/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a client remembers of the servers it has talked to (RFC 7413 4.1.3): a small cache in sets,
 * found by a keyed hash of the two addresses, made when the first server is to be remembered. The
 * least recently learned of a set gives way.
 */
#include <string.h>

#include "tcp/fastopen.h"
#include "tcp/private.h"

#define CACHE_BYTES (SW_TFO_SETS * SW_TFO_WAYS * sizeof(struct sw_tfo_server))

static struct sw_tfo_server *set_of(const struct sw_tcp *tcp)
{
    uint8_t in[32];

    memcpy(in, tcp->local.ip.b, 16);
    memcpy(in + 16, tcp->remote.ip.b, 16);
    return tcp->layer->tfo_cache +
           sw_siphash13(&tcp->layer->ts_key, in, sizeof(in)) % SW_TFO_SETS * SW_TFO_WAYS;
}

static bool is_of(const struct sw_tfo_server *server, const struct sw_tcp *tcp)
{
    return sw_ip_eq(&server->remote, &tcp->remote.ip) && sw_ip_eq(&server->local, &tcp->local.ip);
}

const struct sw_tfo_server *sw_tfo_find(const struct sw_tcp *tcp)
{
    const struct sw_tfo_server *set;

    if (!tcp->layer->tfo_cache)
        return NULL;
    set = set_of(tcp);
    for (unsigned i = 0; i < SW_TFO_WAYS; i++)
        if (is_of(&set[i], tcp))
            return &set[i];
    return NULL;
}

struct sw_tfo_server *sw_tfo_remember(struct sw_tcp *tcp)
{
    struct sw_tcp_layer *layer = tcp->layer;
    struct sw_tfo_server *set, found = {.local = tcp->local.ip, .remote = tcp->remote.ip};
    unsigned i;

    if (!layer->tfo_cache)
        layer->tfo_cache = sw_mem_alloc(layer->env->mem, CACHE_BYTES);
    if (!layer->tfo_cache)
        return NULL;
    set = set_of(tcp);
    for (i = 0; i < SW_TFO_WAYS - 1; i++)
        if (is_of(&set[i], tcp))
            break;
    if (is_of(&set[i], tcp))
        found = set[i];
    memmove(set + 1, set, i * sizeof(*set)); /* to the front: the last one is the next to go */
    set[0] = found;
    return set;
}

void sw_tfo_forget_all(struct sw_tcp_layer *layer)
{
    if (layer->tfo_cache)
        sw_mem_free(layer->env->mem, layer->tfo_cache, CACHE_BYTES);
    layer->tfo_cache = NULL;
}
