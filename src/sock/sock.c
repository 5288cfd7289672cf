/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handles and lifetime.
 *
 * A handle is (generation << 32 | slot index): see slots.h. The generation of a slot moves on when
 * its socket is freed, and a closed socket is no longer SW_IS_HELD, so a stale handle finds
 * nothing. That of a slot in use is odd: no handle is 0.
 */
#include <errno.h>

#include "sock/flow_label.h"
#include "sock/private.h"
#include "sock/saved_syn.h"

int sw_sock_layer_init(struct sw_sock_layer *layer, struct sw_env *env, struct sw_ip_layer *ip,
                       struct sw_tcp_layer *tcp, uint32_t max_sockets)
{
    *layer = (struct sw_sock_layer){.env = env, .ip = ip, .tcp = tcp, .max_socks = max_sockets};
    sw_slots_init(&layer->slots, env->mem);
    sw_table_init(&layer->conns, env->mem);
    sw_smalls_init(&layer->smalls, env->mem);
    sw_list_init(&layer->ready);
    sw_list_init(&layer->raws);
    sw_rng_key(&env->rng, &layer->conn_key);
    sw_rng_key(&env->rng, &layer->reuse_key);
    sw_flow_label_key(layer);
    sw_sock_layer_rekey(layer);
    return 0;
}

void sw_sock_layer_rekey(struct sw_sock_layer *layer)
{
    sw_rng_key(&layer->env->rng, &layer->port_key);
    for (int i = 0; i < SW_PORT_PERTURB; i++)
        layer->port_perturb[i] = (uint32_t)sw_rng_u64(&layer->env->rng);
}

void sw_sock_layer_fini(struct sw_sock_layer *layer)
{
    for (uint32_t i = 0; i < sw_slots_end(&layer->slots); i++) {
        struct sw_sock *s = sw_sock_at(layer, i);
        if (s)
            sw_sock_free(layer, s);
    }
    while (layer->smalls.waits.first)
        sw_tw_free(layer, layer->smalls.waits.first);
    while (layer->smalls.fins.first)
        sw_tw_free(layer, layer->smalls.fins.first);
    SW_ASSERT(layer->n_socks == 0 && layer->conns.used == 0);
    sw_smalls_fini(&layer->smalls, &layer->env->wheel);
    sw_flow_labels_fini(layer);
    sw_port_fini(layer);
    sw_table_fini(&layer->conns);
    sw_slots_fini(&layer->slots);
}

sw_socket_t sw_sock_handle(const struct sw_sock_layer *layer, const struct sw_sock *s)
{
    (void)layer;
    return (uint64_t)s->slot.generation << 32 | s->slot.index;
}

struct sw_sock *sw_sock_find(const struct sw_sock_layer *layer, sw_socket_t handle)
{
    if (!sw_slot_exists(&layer->slots, (uint32_t)handle))
        return NULL;
    struct sw_sock *s = sw_sock_place(layer, (uint32_t)handle);
    sw_slot_ahead(&s->slot);
    return (handle >> 32 & 1) && s->slot.generation == handle >> 32 && (s->is & SW_IS_HELD) ? s
                                                                                            : NULL;
}

/* ---- birth and death ------------------------------------------------------------------ */

int sw_sock_new(struct sw_sock_layer *layer, int domain, int type, struct sw_sock **ret_sock)
{
    if (layer->n_socks >= layer->max_socks)
        return -ENFILE;
    struct sw_slot *slot = sw_slot_take(&layer->slots);
    if (!slot)
        return -ENOMEM;
    struct sw_sock *s = SW_CONTAINER(slot, struct sw_sock, slot);
    s->domain = (unsigned)domain & 0xf; /* checked by sw_sock_open() */
    s->type = (unsigned)type & 0xf;
    s->proto = type == SW_SOCK_STREAM ? SW_PROTO_TCP : SW_PROTO_UDP;
    sw_list_init(&s->node);
    sw_list_init(&s->ref.node);
    layer->n_socks++;
    layer->env->stats.sockets++;
    if (sw_sock_is_stream(s))
        sw_stream_start(layer, s);
    else
        sw_udp_queue_init(&sw_sock_dgram(s)->queue);
    *sw_sock_local(s) = (struct sw_addr){.ip = sw_sock_any(s)};
    *sw_sock_remote(s) = (struct sw_addr){.ip = sw_sock_any(s)};
    *ret_sock = s;
    return 0;
}

void sw_sock_free(struct sw_sock_layer *layer, struct sw_sock *s)
{
    if (s->listener) {
        struct sw_list *queue = &s->listener->accept_queue;
        sw_half_forget_all(layer, s);
        sw_fast_stop(s);
        while (!sw_list_empty(queue)) {
            struct sw_sock *child = SW_CONTAINER(queue->next, struct sw_sock, node);
            sw_listen_child_gone(child);
            sw_sock_free(layer, child);
        }
        sw_mem_free(layer->env->mem, s->listener, sizeof(*s->listener));
        s->listener = NULL;
    }
    if (sw_sock_is_stream(s))
        sw_fast_leave(layer, s);
    if (s->is & SW_IS_EMBRYO)
        sw_listen_child_gone(s);
    sw_list_del(&s->node);
    sw_sock_unhash(layer, s);
    sw_port_release(layer, s);
    sw_sock_opts_put(layer, s->opts);
    if (s->is & SW_IS_SYN_SAVED)
        sw_syn_leave(layer, s);
    if (s->is & SW_IS_LABELLED)
        sw_flow_labels_leave(layer, s);
    if (sw_sock_is_stream(s))
        sw_tcp_fini(sw_sock_tcp(s));
    else
        sw_udp_queue_clear(&sw_sock_dgram(s)->queue, layer->env->mem);
    if (!sw_sock_is_stream(s)) {
        sw_cork_drop(layer, s);
        sw_errors_clear(layer, s);
        sw_raw_close(layer, s);
        sw_groups_fini(layer, s);
    }
    layer->n_socks--;
    layer->env->stats.sockets--;
    sw_slot_give(&layer->slots, &s->slot);
}

static bool protocol_fits(int type, int protocol, int ping)
{
    if (type == SW_SOCK_RAW)
        return protocol != 0;
    if (type == SW_SOCK_STREAM)
        return protocol == 0 || protocol == SW_PROTO_TCP;
    return protocol == 0 || protocol == SW_PROTO_UDP || protocol == SW_PROTO_UDPLITE ||
           protocol == ping;
}

int sw_sock_open(struct sw_sock_layer *layer, int domain, int type, int protocol,
                 struct sw_sock **ret_sock)
{
    if (domain != SW_AF_INET && domain != SW_AF_INET6)
        return -EAFNOSUPPORT;
    if (type < 0 || type > 10) /* Linux's SOCK_MAX */
        return -EINVAL;
    if (protocol < 0 || protocol > 262) /* Linux's IPPROTO_MAX */
        return -EINVAL;
    if (type != SW_SOCK_STREAM && type != SW_SOCK_DGRAM && type != SW_SOCK_RAW)
        return -ESOCKTNOSUPPORT;
    int ping = domain == SW_AF_INET ? SW_PROTO_ICMP : SW_PROTO_ICMP6;
    if (!protocol_fits(type, protocol, ping))
        return -EPROTONOSUPPORT;
    struct sw_sock *s;
    int r = sw_sock_new(layer, domain, type, &s);
    if (r < 0)
        return r;
    s->is |= SW_IS_HELD;
    if (domain == SW_AF_INET6)
        s->on |= SW_ON_MULTICAST_ONLY_MINE; /* IP_MULTICAST_ALL is on in IPv4's sockets only */
    if (type == SW_SOCK_RAW) {
        r = sw_raw_open(layer, s, (uint8_t)protocol);
        if (r < 0) {
            sw_sock_free(layer, s);
            return r;
        }
    } else if (protocol == SW_PROTO_UDPLITE) {
        s->proto = SW_PROTO_UDPLITE;
    } else if (protocol == ping) {
        s->proto = (uint8_t)ping;
        s->on |= SW_ON_REUSEADDR; /* as Linux has it */
    }
    *ret_sock = s;
    return 0;
}

void sw_sock_close(struct sw_sock_layer *layer, struct sw_sock *s, enum sw_sock_close how)
{
    SW_ASSERT(s->is & SW_IS_HELD);
    s->is &= (uint16_t)~SW_IS_HELD;
    s->user = NULL;
    sw_list_del(&s->node);
    if (sw_sock_is_stream(s))
        sw_stream_close(layer, s, how == SW_CLOSE_ABORT);
    else
        sw_dgram_close(layer, s, how == SW_CLOSE_REJECT);
}

int sw_sock_take_error(struct sw_sock *s)
{
    int err = s->err;
    s->err = 0;
    return err;
}
