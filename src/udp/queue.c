/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A socket's queue of datagrams. It is charged what the datagrams keep alive, not what they say:
 * many tiny datagrams fill it as soon as a few large ones of the same cost.
 */
#include "base/assert.h"
#include "udp/udp.h"

void sw_udp_queue_init(struct sw_udp_queue *q)
{
    *q = (struct sw_udp_queue){.first = NULL};
    q->last = &q->first;
}

void sw_udp_queue_clear(struct sw_udp_queue *q, struct sw_mem *mem)
{
    while (q->first)
        sw_udp_queue_drop(q, mem);
}

static uint32_t charge_of(const struct sw_packet *pkt)
{
    return (uint32_t)sizeof(struct sw_udp_item) + sw_packet_charge(pkt);
}

static bool is_full(const struct sw_udp_queue *q, uint32_t charge, uint32_t limit_bytes)
{
    return q->count > 0 && (charge > limit_bytes || q->bytes > limit_bytes - charge);
}

enum sw_drop sw_udp_queue_put(struct sw_udp_queue *q, struct sw_mem *mem, struct sw_packet *pkt,
                              const struct sw_ip_hdr *hdr, uint16_t src_port, uint16_t dst_port,
                              int iface, uint32_t limit_bytes)
{
    uint32_t charge = charge_of(pkt);
    if (is_full(q, charge, limit_bytes))
        return SW_DROP_UDP_QUEUE_FULL;
    struct sw_udp_item *item = sw_mem_alloc(mem, sizeof(*item));
    if (!item)
        return SW_DROP_NO_MEMORY;
    if (sw_packet_head_to_data(pkt) != 0) {
        sw_mem_free(mem, item, sizeof(*item));
        return SW_DROP_NO_MEMORY;
    }
    *item = (struct sw_udp_item){.pkt = pkt,
                                 .from = {.ip = hdr->src, .port = src_port},
                                 .to = {.ip = hdr->dst, .port = dst_port},
                                 .charged = charge,
                                 .ttl = hdr->ttl,
                                 .tos = hdr->tos,
                                 .priority = pkt->priority,
                                 .mark = pkt->mark,
                                 .flow_label = hdr->flow_label,
                                 .iface = iface};
    if (sw_ip_is_link_local6(&hdr->src))
        item->from.scope_id = (uint32_t)iface; /* RFC 4007 6: the zone it came from */
    *q->last = item;
    q->last = &item->next;
    q->count++;
    q->bytes += charge;
    return SW_DROP_NONE;
}

enum sw_drop sw_udp_queue_add(struct sw_udp_queue *q, struct sw_mem *mem, struct sw_packet *pkt,
                              const struct sw_ip_hdr *hdr, const struct sw_udp_hdr *udp, int iface,
                              uint32_t limit_bytes)
{
    if (is_full(q, charge_of(pkt), limit_bytes)) /* before the header goes */
        return SW_DROP_UDP_QUEUE_FULL;
    sw_packet_pull(pkt, SW_UDP_HDR);
    return sw_udp_queue_put(q, mem, pkt, hdr, udp->src_port, udp->dst_port, iface, limit_bytes);
}

/* Whether the last one, which has only full segments yet, may be followed by this datagram. */
static bool follows(const struct sw_udp_item *last, const struct sw_packet *pkt,
                    const struct sw_ip_hdr *hdr, const struct sw_udp_hdr *udp, int iface)
{
    uint32_t segment = last->segment ? last->segment : last->pkt->data_len;
    return pkt->train && pkt->head_len == SW_UDP_HDR && pkt->data_len <= segment &&
           pkt->data_len > 0 && last->pkt->data_len % segment == 0 &&
           last->pkt->data_len + pkt->data_len <= SW_UDP_MAX &&
           last->pkt->n_slices + pkt->n_slices <= SW_PACKET_SLICES &&
           last->from.port == udp->src_port && last->to.port == udp->dst_port &&
           sw_ip_eq(&last->from.ip, &hdr->src) && sw_ip_eq(&last->to.ip, &hdr->dst) &&
           last->ttl == hdr->ttl && last->tos == hdr->tos && last->iface == iface;
}

bool sw_udp_queue_join(struct sw_udp_queue *q, struct sw_packet *pkt, const struct sw_ip_hdr *hdr,
                       const struct sw_udp_hdr *udp, int iface, uint32_t limit_bytes)
{
    struct sw_udp_item *last = sw_udp_queue_last(q);
    uint32_t more = sw_packet_charge(pkt);
    if (!last || !follows(last, pkt, hdr, udp, iface) || is_full(q, more, limit_bytes))
        return false;
    if (!last->segment)
        last->segment = last->pkt->data_len;
    for (unsigned i = 0; i < pkt->n_slices; i++) {
        int r = sw_packet_add_slice(last->pkt, pkt->slices[i]);
        SW_ASSERT(r == 0);
    }
    last->charged += more;
    q->bytes += more;
    sw_packet_free(pkt);
    return true;
}

struct sw_udp_item *sw_udp_queue_first(struct sw_udp_queue *q)
{
    return q->first;
}

struct sw_udp_item *sw_udp_queue_last(struct sw_udp_queue *q)
{
    return q->first ? SW_CONTAINER(q->last, struct sw_udp_item, next) : NULL;
}

void sw_udp_queue_drop(struct sw_udp_queue *q, struct sw_mem *mem)
{
    struct sw_udp_item *item = q->first;
    if (!item)
        return;
    q->first = item->next;
    if (!q->first)
        q->last = &q->first;
    q->count--;
    q->bytes -= item->charged;
    sw_packet_free(item->pkt);
    sw_mem_free(mem, item, sizeof(*item));
}
