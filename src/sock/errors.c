/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The error queue of a datagram socket (IP_RECVERR, IPV6_RECVERR): each ICMP error about something
 * that it sent, with who says so, where the datagram was going and what was in it (ip(7)). Between
 * them what became of what was sent: stamps (SO_TIMESTAMPING), and that its bytes are free again
 * (MSG_ZEROCOPY).
 *
 * The queue is beside SO_ERROR: an error of ICMP is in both. Taking one from the queue sets
 * SO_ERROR to that of the next thing there, if it is such an error too, or clears it. Turning the
 * option off empties the queue. It is charged like the receive queue; what has no room is lost, as
 * Linux does.
 */
#include <errno.h>

#include "sock/private.h"

struct sw_error_item {
    struct sw_error_item *next;
    struct sw_socket_error error;
    uint32_t len;
    uint8_t bytes[]; /* what was sent, as much as was quoted */
};

static uint32_t size_of(uint32_t len)
{
    return (uint32_t)sizeof(struct sw_error_item) + len;
}

/* What Linux's udp_err() and ping_err() tell beside type and code. */
static uint32_t more_of(const struct sw_icmp_error *error)
{
    if (error->icmp.version == 6)
        return error->icmp.rest;
    return error->icmp.type == SW_ICMP_PARAM_PROBLEM ? error->icmp.rest >> 24 : error->mtu;
}

/* Appends an item with room for `len` bytes of what was sent; NULL: there is no room. */
static struct sw_error_item *append(struct sw_sock_layer *layer, struct sw_sock *s, uint32_t len)
{
    struct sw_dgram_sock *d = sw_sock_dgram(s);
    if (d->errors_bytes + size_of(len) > sw_sock_rcvbuf(s))
        return NULL;
    struct sw_error_item *item = sw_mem_alloc(layer->env->mem, size_of(len));
    if (!item)
        return NULL;
    item->next = NULL;
    item->len = len;
    if (d->errors_last)
        d->errors_last->next = item;
    else
        d->errors = item;
    d->errors_last = item;
    d->errors_bytes += size_of(len);
    return item;
}

void sw_errors_add(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_packet *pkt,
                   const struct sw_ip_hdr *ip, int iface, const struct sw_icmp_error *error)
{
    const struct sw_icmp_quote *q = &error->quote;
    uint32_t off = SW_ICMP_HDR + q->ip.hdr_len + (sw_sock_has_ports(s) ? SW_UDP_HDR : 0);
    uint32_t len = sw_packet_len(pkt) > off ? sw_packet_len(pkt) - off : 0;
    struct sw_error_item *item = append(layer, s, len);
    if (!item)
        return;
    sw_packet_copy(pkt, off, item->bytes, len);
    item->error = (struct sw_socket_error){.err = error->err,
                                           .origin = error->icmp.version == 4 ? SW_ORIGIN_ICMP
                                                                              : SW_ORIGIN_ICMP6,
                                           .type = error->icmp.type,
                                           .code = error->icmp.code,
                                           .info = more_of(error),
                                           .offender = sw_addr_of(&error->offender, 0, iface),
                                           .to = sw_addr_of(&q->ip.dst, q->dst_port, iface),
                                           .message = {.local = ip->dst,
                                                       .iface = iface,
                                                       .ttl = ip->ttl,
                                                       .tos = ip->tos,
                                                       .at_ns = layer->env->now_ns}};
}

void sw_errors_add_local(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_addr *to,
                         uint32_t mtu)
{
    struct sw_error_item *item = append(layer, s, 0);
    if (!item)
        return;
    item->error = (struct sw_socket_error){
        .err = EMSGSIZE, .origin = SW_ORIGIN_LOCAL, .info = mtu, .to = *to};
    item->error.message.local = to->ip;
    sw_sock_wake(layer, s);
}

/* Linux's SCM_TSTAMP_. */
enum stamp { STAMP_SENT, STAMP_SCHED };

static void add_stamp(struct sw_sock_layer *layer, struct sw_sock *s,
                      const struct sw_dgram_out *out, const struct sw_packet *sent,
                      enum stamp stamp, uint32_t key)
{
    uint32_t len = sent ? sw_packet_len(sent) : 0;
    struct sw_error_item *item = append(layer, s, len);
    if (!item)
        return;
    if (sent)
        sw_packet_copy(sent, 0, item->bytes, len);
    item->error =
        (struct sw_socket_error){.err = ENOMSG,
                                 .origin = SW_ORIGIN_TIMESTAMPING,
                                 .info = stamp,
                                 .data = key,
                                 .offender = sw_addr_of(&out->tx.src, 0, 0),
                                 .to = out->to,
                                 .message = {.local = out->tx.dst,
                                             .iface = sw_ip_addr_iface(layer->ip, &out->tx.src),
                                             .ttl = out->tx.ttl,
                                             .tos = out->tx.tos,
                                             .at_ns = layer->env->now_ns}};
    sw_sock_wake(layer, s);
}

void sw_errors_add_sent(struct sw_sock_layer *layer, struct sw_sock *s,
                        const struct sw_dgram_out *out, const struct sw_packet *sent)
{
    uint32_t stamps = sw_sock_stamps(s, &out->stamping), key = 0;
    if (out->stamping.has_key)
        key = out->stamping.key;
    else if (sw_sock_opts(s)->timestamping & SW_TS_OPT_ID)
        key = sw_sock_dgram(s)->n_stamped++;
    if (stamps & SW_TS_TX_SCHED)
        add_stamp(layer, s, out, sent, STAMP_SCHED, key);
    if (stamps & SW_TS_TX_SOFTWARE)
        add_stamp(layer, s, out, sent, STAMP_SENT, key);
}

void sw_errors_add_copied(struct sw_sock_layer *layer, struct sw_sock *s)
{
    struct sw_dgram_sock *d = sw_sock_dgram(s);
    uint32_t number = d->n_copied++;
    struct sw_socket_error *last = d->errors_last ? &d->errors_last->error : NULL;
    if (last && last->origin == SW_ORIGIN_ZEROCOPY && last->data + 1 == number) {
        last->data = number; /* skb_zerocopy_notify_extend() */
        return;
    }
    struct sw_error_item *item = append(layer, s, 0);
    if (!item)
        return;
    item->error = (struct sw_socket_error){.origin = SW_ORIGIN_ZEROCOPY,
                                           .code = 1, /* SO_EE_CODE_ZEROCOPY_COPIED */
                                           .info = number,
                                           .data = number};
    sw_sock_wake(layer, s);
}

static bool is_icmp(const struct sw_socket_error *e)
{
    return e->origin == SW_ORIGIN_ICMP || e->origin == SW_ORIGIN_ICMP6;
}

static void drop_first(struct sw_sock_layer *layer, struct sw_dgram_sock *d)
{
    struct sw_error_item *item = d->errors;
    d->errors = item->next;
    if (!d->errors)
        d->errors_last = NULL;
    d->errors_bytes -= size_of(item->len);
    sw_mem_free(layer->env->mem, item, size_of(item->len));
}

void sw_errors_clear(struct sw_sock_layer *layer, struct sw_sock *s)
{
    while (sw_sock_dgram(s)->errors)
        drop_first(layer, sw_sock_dgram(s));
}

int64_t sw_errors_take(struct sw_sock_layer *layer, struct sw_sock *s, void *buf, size_t len,
                       struct sw_socket_error *ret_error)
{
    struct sw_dgram_sock *d = sw_sock_dgram(s);
    const struct sw_error_item *item = d->errors;
    if (!item)
        return -EAGAIN;
    uint32_t size = item->len;
    memcpy(buf, item->bytes, len < size ? len : size);
    *ret_error = item->error;
    drop_first(layer, d);
    if (d->errors && is_icmp(&d->errors->error))
        s->err = (uint16_t)d->errors->error.err;
    else if (is_icmp(ret_error)) /* sock_dequeue_err_skb() */
        s->err = 0;
    return size;
}
