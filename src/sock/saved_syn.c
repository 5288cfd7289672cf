/* SPDX-License-Identifier: BSD-2-Clause */
/* saved_syn.h */
#include <errno.h>

#include "sock/options.h"
#include "sock/saved_syn.h"

enum { OFF, HEADERS, FROM_LINK /* with a header of Ethernet, which on a loopback is zeroes */ };
enum { ETHERNET_BYTES = 14, HEADERS_MAX = ETHERNET_BYTES + 60 + 60 };

struct sw_saved_syn {
    struct sw_saved_syn *next;
    uint32_t index;              /* of the half-open connection, while `owner` is NULL */
    const struct sw_sock *owner; /* afterwards */
    uint32_t len;
    uint8_t bytes[HEADERS_MAX];
};

static struct sw_saved_syn **find(struct sw_sock_layer *layer, const struct sw_sock *owner,
                                  uint32_t index)
{
    struct sw_saved_syn **at = &layer->saved_syns;
    while (*at && ((*at)->owner != owner || (!owner && (*at)->index != index)))
        at = &(*at)->next;
    return at;
}

static void drop(struct sw_sock_layer *layer, struct sw_saved_syn **at)
{
    struct sw_saved_syn *it = *at;
    if (!it)
        return;
    *at = it->next;
    sw_mem_free(layer->env->mem, it, sizeof(*it));
}

void sw_syn_save(struct sw_sock_layer *layer, const struct sw_sock *listener, uint32_t index,
                 const struct sw_segment *syn)
{
    int32_t how = sw_sock_opts(listener)->save_syn;
    const struct sw_packet *pkt = syn->pkt;
    uint32_t headers =
        syn->ip.hdr_len + syn->tcp.hdr_len; /* pulled, but in front of the data still */
    if (how == OFF || pkt->head_off < headers || headers > HEADERS_MAX - ETHERNET_BYTES)
        return;
    struct sw_saved_syn *it = sw_mem_alloc(layer->env->mem, sizeof(*it));
    if (!it)
        return; /* as on Linux: the connection is worth more */
    if (how == FROM_LINK) {
        static const uint8_t type4[2] = {0x08, 0x00}, type6[2] = {0x86, 0xdd};
        memcpy(it->bytes + ETHERNET_BYTES - 2, syn->ip.version == 4 ? type4 : type6, 2);
        it->len = ETHERNET_BYTES;
    }
    memcpy(it->bytes + it->len, pkt->head + pkt->head_off - headers, headers);
    it->len += headers;
    it->index = index;
    it->next = layer->saved_syns;
    layer->saved_syns = it;
}

void sw_syn_pass_on(struct sw_sock_layer *layer, uint32_t index, struct sw_sock *child)
{
    struct sw_saved_syn *it = *find(layer, NULL, index);
    if (!it)
        return;
    it->owner = child;
    child->is |= SW_IS_SYN_SAVED;
}

void sw_syn_forget(struct sw_sock_layer *layer, uint32_t index)
{
    drop(layer, find(layer, NULL, index));
}

void sw_syn_leave(struct sw_sock_layer *layer, struct sw_sock *s)
{
    drop(layer, find(layer, s, 0));
    s->is &= (uint16_t)~SW_IS_SYN_SAVED;
}

/* Once. */
SW_OPT_GET_BYTES(sw_opt_get_saved_syn)
{
    const struct sw_saved_syn *it = s->is & SW_IS_SYN_SAVED ? *find(layer, s, 0) : NULL;
    if (!it) {
        *len = 0;
        return 0;
    }
    if (*len < it->len)
        return -EINVAL;
    sw_opt_copy_out(val, len, it->bytes, it->len);
    sw_syn_leave(layer, s);
    return 0;
}
