/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Our own addresses by number, for small records: sixteen bytes become two. A host has few; should
 * somebody talk to very many of 127.0.0.0/8 at once, the numbers may run out, and then there is no
 * record to be had, as without memory.
 */
#include <errno.h>

#include "sock/private.h"

static uint16_t *head_of(struct sw_sock_layer *layer, const struct sw_ip *ip, uint32_t scope_id)
{
    uint8_t in[20];

    memcpy(in, ip->b, sizeof(ip->b));
    memcpy(in + sizeof(ip->b), &scope_id, sizeof(scope_id));
    return &layer->smalls.own_heads[sw_siphash13(&layer->conn_key, in, sizeof(in)) % SW_OWN_HEADS];
}

static struct sw_own *at(const struct sw_sock_layer *layer, uint16_t number)
{
    return sw_pages_at(&layer->smalls.owns, number);
}

/* A page more of free ones, from number 1. */
static int grow(struct sw_smalls *smalls)
{
    uint32_t first = sw_pages_count(&smalls->owns);

    if (sw_pages_grow(&smalls->owns) < 0)
        return -ENOMEM;
    for (uint32_t i = sw_pages_count(&smalls->owns) - 1; i >= first && i > 0; i--) {
        if (i > UINT16_MAX)
            continue;
        ((struct sw_own *)sw_pages_at(&smalls->owns, i))->next = smalls->own_free;
        smalls->own_free = (uint16_t)i;
    }
    return smalls->own_free ? 0 : -ENOSPC;
}

int sw_own_get(struct sw_sock_layer *layer, const struct sw_ip *ip, uint32_t scope_id)
{
    struct sw_smalls *smalls = &layer->smalls;
    uint16_t *head = head_of(layer, ip, scope_id);
    struct sw_own *own;

    for (uint16_t i = *head; i; i = own->next) {
        own = at(layer, i);
        if (own->scope_id == scope_id && sw_ip_eq(&own->ip, ip)) {
            own->refs++;
            return i;
        }
    }
    if (!smalls->own_free && (sw_pages_count(&smalls->owns) > UINT16_MAX || grow(smalls) < 0))
        return -ENOMEM;
    uint16_t number = smalls->own_free;
    own = at(layer, number);
    smalls->own_free = own->next;
    *own = (struct sw_own){.ip = *ip, .scope_id = scope_id, .refs = 1, .next = *head};
    *head = number;
    return number;
}

void sw_own_put(struct sw_sock_layer *layer, uint16_t number)
{
    struct sw_own *own = at(layer, number);
    uint16_t *link;

    SW_ASSERT(own->refs > 0);
    if (--own->refs > 0)
        return;
    link = head_of(layer, &own->ip, own->scope_id);
    while (*link != number)
        link = &at(layer, *link)->next;
    *link = own->next;
    own->next = layer->smalls.own_free;
    layer->smalls.own_free = number;
}
