/* SPDX-License-Identifier: BSD-2-Clause */
/* Small records: their pages, hash chains and queues. See small.h. */
#include "sock/small.h"

#include <errno.h>

#include "sock/private.h"

enum { LOAD = 2 }; /* records per chain, at most, when one is split */

static uint32_t *head(const struct sw_smalls *smalls, uint32_t bucket)
{
    return sw_pages_at(&smalls->heads, bucket);
}

struct sw_small *sw_small_at(const struct sw_sock_layer *layer, uint32_t index)
{
    struct sw_small *small = sw_pages_at(&layer->smalls.records, index);

    SW_ASSERT(small->kind != SW_SMALL_FREE);
    return small;
}

void sw_small_addrs(const struct sw_sock_layer *layer, const struct sw_small *small,
                    struct sw_addr *ret_local, struct sw_addr *ret_remote)
{
    const struct sw_own *own = sw_pages_at(&layer->smalls.owns, small->own);

    *ret_local = (struct sw_addr){.ip = own->ip, .port = small->local_port};
    *ret_remote = (struct sw_addr){
        .ip = small->remote, .port = small->remote_port, .scope_id = own->scope_id};
}

void sw_smalls_init(struct sw_smalls *smalls, struct sw_mem *mem)
{
    sw_pages_init(&smalls->records, mem, sizeof(struct sw_small));
    sw_pages_init(&smalls->heads, mem, sizeof(uint32_t));
    sw_pages_init(&smalls->owns, mem, sizeof(struct sw_own));
    sw_timer_init(&smalls->half_timer, SW_TIMER_HALF);
    sw_timer_init(&smalls->wait_timer, SW_TIMER_TIMEWAIT);
}

/* All memory goes, when the last record has gone; but the first pages stay with a host whose
 * connections come and go one by one. */
static void release(struct sw_smalls *smalls)
{
    sw_pages_fini(&smalls->records);
    sw_pages_fini(&smalls->heads);
    sw_pages_fini(&smalls->owns);
    smalls->free = smalls->n_buckets = smalls->count = 0;
    smalls->own_free = 0;
    memset(smalls->own_heads, 0, sizeof(smalls->own_heads));
}

void sw_smalls_fini(struct sw_smalls *smalls, struct sw_wheel *wheel)
{
    SW_ASSERT(smalls->count == 0);
    sw_wheel_cancel(wheel, &smalls->half_timer);
    sw_wheel_cancel(wheel, &smalls->wait_timer);
    release(smalls);
}

/* ---- chains: linear hashing ----------------------------------------------------------- */

static uint32_t bucket_of(const struct sw_smalls *smalls, uint64_t hash)
{
    uint32_t mask = UINT32_MAX >> __builtin_clz(smalls->n_buckets);
    uint32_t bucket = (uint32_t)hash & mask;

    return bucket < smalls->n_buckets ? bucket : bucket & mask >> 1;
}

static uint64_t hash_of(const struct sw_sock_layer *layer, const struct sw_small *small)
{
    struct sw_addr local, remote;

    sw_small_addrs(layer, small, &local, &remote);
    return sw_conn_hash(layer, SW_PROTO_TCP, &local, &remote);
}

/* One chain more: that which had its records until now is divided. Without memory the chains grow
 * longer. */
static void split(struct sw_sock_layer *layer)
{
    struct sw_smalls *smalls = &layer->smalls;
    uint32_t fresh = smalls->n_buckets, *from, *to, index;

    if (fresh == sw_pages_count(&smalls->heads) && sw_pages_grow(&smalls->heads) < 0)
        return;
    from = head(smalls, fresh & (UINT32_MAX >> __builtin_clz(fresh)) >> 1);
    to = head(smalls, fresh);
    smalls->n_buckets++;
    while ((index = *from) != 0) {
        struct sw_small *small = sw_small_at(layer, index);
        if (bucket_of(smalls, hash_of(layer, small)) == fresh) {
            *from = small->chain;
            small->chain = *to;
            *to = index;
        } else {
            from = &small->chain;
        }
    }
}

uint32_t sw_small_find(const struct sw_sock_layer *layer, uint64_t hash,
                       const struct sw_addr *local, const struct sw_addr *remote)
{
    const struct sw_smalls *smalls = &layer->smalls;
    uint32_t index;

    if (smalls->count == 0)
        return 0;
    for (index = *head(smalls, bucket_of(smalls, hash)); index;) {
        const struct sw_small *small = sw_small_at(layer, index);
        if (small->remote_port == remote->port && small->local_port == local->port &&
            sw_ip_eq(&small->remote, &remote->ip)) {
            const struct sw_own *own = sw_pages_at(&smalls->owns, small->own);
            if (own->scope_id == remote->scope_id && sw_ip_eq(&own->ip, &local->ip))
                return index;
        }
        index = small->chain;
    }
    return 0;
}

unsigned sw_small_longest_chain(const struct sw_sock_layer *layer)
{
    unsigned longest = 0;

    for (uint32_t b = 0; b < layer->smalls.n_buckets; b++) {
        unsigned len = 0;
        for (uint32_t i = *head(&layer->smalls, b); i; i = sw_small_at(layer, i)->chain)
            len++;
        longest = len > longest ? len : longest;
    }
    return longest;
}

/* ---- birth and death ------------------------------------------------------------------ */

/* A page more of free records, from index 1. */
static int grow(struct sw_smalls *smalls)
{
    uint32_t first = sw_pages_count(&smalls->records);

    if (sw_pages_grow(&smalls->records) < 0)
        return -ENOMEM;
    for (uint32_t i = sw_pages_count(&smalls->records) - 1; i >= first && i > 0; i--) {
        ((struct sw_small *)sw_pages_at(&smalls->records, i))->chain = smalls->free;
        smalls->free = i;
    }
    return 0;
}

int sw_small_new(struct sw_sock_layer *layer, enum sw_small_kind kind, const struct sw_addr *local,
                 const struct sw_addr *remote, uint32_t *ret_index)
{
    struct sw_smalls *smalls = &layer->smalls;
    uint32_t index, *chain;
    int own;

    if (smalls->n_buckets == 0) {
        if (sw_pages_grow(&smalls->heads) < 0)
            return -ENOMEM;
        smalls->n_buckets = sw_pages_count(&smalls->heads);
    }
    if (!smalls->free && grow(smalls) < 0)
        return -ENOMEM;
    own = sw_own_get(layer, &local->ip, remote->scope_id);
    if (own < 0)
        return own;
    index = smalls->free;
    struct sw_small *small = sw_pages_at(&smalls->records, index);
    smalls->free = small->chain;
    *small = (struct sw_small){.own = (uint16_t)own,
                               .local_port = local->port,
                               .remote_port = remote->port,
                               .kind = kind & 0xfU,
                               .remote = remote->ip};
    chain = head(smalls, bucket_of(smalls, hash_of(layer, small)));
    small->chain = *chain;
    *chain = index;
    if (++smalls->count > (uint64_t)smalls->n_buckets * LOAD)
        split(layer);
    *ret_index = index;
    return 0;
}

void sw_small_free(struct sw_sock_layer *layer, uint32_t index)
{
    struct sw_smalls *smalls = &layer->smalls;
    struct sw_small *small = sw_small_at(layer, index);
    uint32_t *link = head(smalls, bucket_of(smalls, hash_of(layer, small)));

    while (*link != index)
        link = &sw_small_at(layer, *link)->chain;
    *link = small->chain;
    sw_own_put(layer, small->own);
    small->kind = SW_SMALL_FREE;
    small->chain = smalls->free;
    smalls->free = index;
    if (--smalls->count == 0 && smalls->records.n_pages > 1)
        release(smalls);
}

/* ---- queues --------------------------------------------------------------------------- */

void sw_small_enqueue(struct sw_sock_layer *layer, struct sw_small_queue *queue, uint32_t index)
{
    struct sw_small *small = sw_small_at(layer, index);

    small->prev = queue->last;
    small->next = 0;
    if (queue->last)
        sw_small_at(layer, queue->last)->next = index;
    else
        queue->first = index;
    queue->last = index;
    queue->count++;
}

void sw_small_dequeue(struct sw_sock_layer *layer, struct sw_small_queue *queue, uint32_t index)
{
    const struct sw_small *small = sw_small_at(layer, index);

    if (small->prev)
        sw_small_at(layer, small->prev)->next = small->next;
    else
        queue->first = small->next;
    if (small->next)
        sw_small_at(layer, small->next)->prev = small->prev;
    else
        queue->last = small->prev;
    queue->count--;
}
