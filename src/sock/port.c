/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ports: who holds them.
 *
 * A port number has sixteen bits, so the directory is two levels of plain arrays: nothing to hash,
 * nothing to attack. A struct sw_port exists while something refers to it. Its members lie in three
 * lists: `hear`, which a packet without a connection searches (short: listeners, unconnected
 * datagram sockets), `rest` and `waits`, which only bind() searches (as long as there are
 * connections).
 *
 * Ephemeral ports are chosen as RFC 6056 3.3.3 has it: a keyed hash of the destination gives the
 * offset at which the search begins, so that successive connections to one destination get
 * successive ports and an observer of one destination learns nothing about another; the offset is
 * moved on by a small table of counters (3.3.4). The range is Linux's default.
 */
#include <errno.h>

#include "sock/private.h"

struct sw_port_page {
    struct sw_port *ports[256];
    uint32_t used;
};

static unsigned dir_of(uint8_t proto)
{
    return proto == SW_PROTO_TCP       ? 0
           : proto == SW_PROTO_UDP     ? 1
           : proto == SW_PROTO_UDPLITE ? 3
                                       : 2;
}

struct sw_port *sw_port_find(const struct sw_sock_layer *layer, uint8_t proto, uint16_t number)
{
    const struct sw_port_page *page = layer->ports[dir_of(proto)][number >> 8];
    return page ? page->ports[number & 0xff] : NULL;
}

void sw_port_share(struct sw_port *port, struct sw_sock *s, bool is_explicit)
{
    SW_ASSERT(!s->ref.port);
    s->ref.port = port;
    if (is_explicit)
        s->is |= SW_IS_EXPLICIT;
    sw_list_add_head(&port->rest, &s->ref.node);
    port->n_refs++;
    port->n_explicit += is_explicit;
}

int sw_port_hold(struct sw_sock_layer *layer, uint8_t proto, uint16_t number, struct sw_sock *s,
                 bool is_explicit)
{
    struct sw_mem *mem = layer->env->mem;
    struct sw_port *port = sw_port_find(layer, proto, number);
    if (!port) {
        struct sw_port_page **page = &layer->ports[dir_of(proto)][number >> 8];
        if (!*page)
            *page = sw_mem_alloc(mem, sizeof(**page));
        if (!*page)
            return -ENOMEM;
        port = sw_mem_alloc(mem, sizeof(*port));
        if (!port)
            return -ENOMEM; /* an empty page stays: sw_port_fini() finds it */
        sw_list_init(&port->hear);
        sw_list_init(&port->rest);
        port->number = number;
        port->dir = (uint8_t)dir_of(proto);
        (*page)->ports[number & 0xff] = port;
        (*page)->used++;
    }
    sw_port_share(port, s, is_explicit);
    return 0;
}

/* A TIME_WAIT holds the port on, by the links in its record. */
void sw_port_wait(struct sw_sock_layer *layer, struct sw_port *port, uint32_t index)
{
    struct sw_small *small = sw_small_at(layer, index);
    small->port_prev = 0;
    small->port_next = port->waits;
    if (port->waits)
        sw_small_at(layer, port->waits)->port_prev = index;
    port->waits = index;
    port->n_refs++;
    port->n_explicit += (small->flags & SW_SMALL_EXPLICIT) != 0;
}

static void put(struct sw_sock_layer *layer, struct sw_port *port);

void sw_port_unwait(struct sw_sock_layer *layer, uint32_t index)
{
    struct sw_small *small = sw_small_at(layer, index);
    struct sw_port *port = sw_port_find(layer, SW_PROTO_TCP, small->local_port);
    if (small->port_prev)
        sw_small_at(layer, small->port_prev)->port_next = small->port_next;
    else
        port->waits = small->port_next;
    if (small->port_next)
        sw_small_at(layer, small->port_next)->port_prev = small->port_prev;
    port->n_explicit -= (small->flags & SW_SMALL_EXPLICIT) != 0;
    put(layer, port);
}

void sw_port_release(struct sw_sock_layer *layer, struct sw_sock *s)
{
    struct sw_port *port = s->ref.port;
    if (!port)
        return;
    sw_list_del(&s->ref.node);
    s->ref.port = NULL;
    port->n_explicit -= (s->is & SW_IS_EXPLICIT) != 0;
    s->is &= (uint16_t)~SW_IS_EXPLICIT;
    put(layer, port);
}

/* One reference less. */
static void put(struct sw_sock_layer *layer, struct sw_port *port)
{
    if (--port->n_refs > 0)
        return;
    struct sw_port_page **page = &layer->ports[port->dir][port->number >> 8];
    (*page)->ports[port->number & 0xff] = NULL;
    sw_mem_free(layer->env->mem, port, sizeof(*port));
    if (--(*page)->used == 0) {
        sw_mem_free(layer->env->mem, *page, sizeof(**page));
        *page = NULL;
    }
}

void sw_port_hear(struct sw_port_ref *ref, bool hear)
{
    SW_ASSERT(ref->port);
    sw_list_del(&ref->node);
    sw_list_add_head(hear ? &ref->port->hear : &ref->port->rest, &ref->node);
}

void sw_port_fini(struct sw_sock_layer *layer)
{
    for (unsigned dir = 0; dir < sizeof(layer->ports) / sizeof(layer->ports[0]); dir++) {
        for (int i = 0; i < SW_PORT_PAGES; i++) {
            struct sw_port_page *page = layer->ports[dir][i];
            SW_ASSERT(!page || page->used == 0);
            sw_mem_free(layer->env->mem, page, sizeof(*page));
            layer->ports[dir][i] = NULL;
        }
    }
}

/* Linux's inet_sk_get_local_port_range(): each end only moves inwards. */
struct sw_port_range sw_port_range(const struct sw_sock *s)
{
    uint32_t first = SW_PORT_EPHEMERAL_FIRST, last = SW_PORT_EPHEMERAL_LAST;
    uint32_t own = (uint32_t)sw_sock_opts(s)->port_range;
    uint32_t own_first = own & 0xffff, own_last = own >> 16;
    if (own_first >= first && own_first <= last)
        first = own_first;
    if (own_last >= first && own_last <= last)
        last = own_last;
    return (struct sw_port_range){.first = first, .n = last - first + 1};
}

uint16_t sw_port_ephemeral(const struct sw_port_range *range, uint32_t offset, uint32_t i)
{
    return (uint16_t)(range->first + (offset % range->n + i) % range->n);
}
