/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A link under conditions. What a packet meets, in this order, as Linux's netem has it: cut to the
 * MTU; lost; marked; duplicated; corrupted; queued in front of the bottleneck, and marked where
 * that is long; delayed.
 *
 * Chance: every question about packet n of a direction ("is it lost?") is answered by SipHash of
 * (direction, n, question) under the seed, whether asked or not. So one condition never changes
 * what another does to a packet, and a packet's fate does not depend on when it was sent.
 */
#include <sockworks/link.h>

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/siphash.h"
#include "link/line.h"
#include "link/mark.h"
#include "wire/wire.h"

#define MTU_DEFAULT_BYTES 1500U            /* RFC 894 */
#define QUEUE_DEFAULT_BYTES (256U * 1024U) /* as link.h says */
#define PPM 1000000U

struct direction {
    struct sw_link_conditions conditions;
    struct sw_link_stats stats;
    struct sw_line line;
    uint64_t number;        /* of the next packet */
    uint64_t busy_until_ns; /* the bottleneck has sent all it holds */
    uint64_t last_due_ns;   /* of the last packet under these conditions: keeps the order */
    bool in_burst;          /* the last packet was lost in a run of losses */
    bool perfect;
};

struct sw_link {
    struct sw_link_config config;
    struct sw_sipkey key;
    uint64_t now_ns;
    struct direction dirs[2]; /* [e]: leaves end e */
};

enum question { ASK_LOSS, ASK_DUPLICATE, ASK_REORDER, ASK_CORRUPT, ASK_JITTER, ASK_BIT, ASK_MARK };

struct sw_link *sw_link_new(const struct sw_link_config *config)
{
    struct sw_link *link = sw_mem_alloc(config->mem, sizeof(*link));
    if (!link)
        return NULL;
    link->config = *config;
    sw_mem_get(config->mem);
    if (link->config.mtu == 0)
        link->config.mtu = MTU_DEFAULT_BYTES;
    link->key = (struct sw_sipkey){config->seed, ~config->seed};
    for (int end = 0; end < 2; end++) {
        sw_line_init(&link->dirs[end].line, config->mem);
        link->dirs[end].perfect = true;
    }
    return link;
}

void sw_link_free(struct sw_link *link)
{
    if (!link)
        return;
    for (int end = 0; end < 2; end++)
        sw_line_fini(&link->dirs[end].line);
    struct sw_mem *mem = link->config.mem;
    sw_mem_free(mem, link, sizeof(*link));
    sw_mem_put(mem);
}

static bool is_perfect(const struct sw_link_conditions *c)
{
    return !c->delay_ns && !c->jitter_ns && !c->loss_ppm && !c->duplicate_ppm && !c->reorder_ppm &&
           !c->corrupt_ppm && !c->rate_bps && !c->mark_ppm && !c->down;
}

int sw_link_set(struct sw_link *link, int end, const struct sw_link_conditions *conditions)
{
    if (end < 0 || end > 1 || conditions->loss_ppm > PPM || conditions->duplicate_ppm > PPM ||
        conditions->reorder_ppm > PPM || conditions->corrupt_ppm > PPM ||
        conditions->mark_ppm > PPM)
        return -EINVAL;
    struct direction *dir = &link->dirs[end];
    dir->conditions = *conditions;
    dir->perfect = is_perfect(conditions);
    dir->last_due_ns = 0;
    dir->in_burst = false;
    return 0;
}

static uint64_t ask(const struct sw_link *link, const struct direction *dir, uint64_t number,
                    enum question question)
{
    uint64_t words[3] = {(uint64_t)(dir - link->dirs), number, question};
    uint8_t bytes[24]; /* the same on every machine */
    for (unsigned i = 0; i < 24; i++)
        bytes[i] = (uint8_t)(words[i / 8] >> (8 * (i % 8)));
    return sw_siphash24(&link->key, bytes, sizeof(bytes));
}

/* Uniform in [0, bound). */
static uint64_t below(uint64_t chance, uint64_t bound)
{
    __extension__ unsigned __int128 product = (unsigned __int128)chance * bound;
    return (uint64_t)(product >> 64);
}

static bool happens(const struct sw_link *link, const struct direction *dir, uint64_t number,
                    enum question question, uint32_t ppm)
{
    return ppm > 0 && below(ask(link, dir, number, question), PPM) < ppm;
}

/* Losses by themselves, or in runs: then the link is good or bad, a bad one loses every packet and
 * becomes good with 1 / burst at each; how often a good one turns bad follows from the share. */
static bool is_lost(const struct sw_link *link, struct direction *dir, uint64_t number)
{
    const struct sw_link_conditions *c = &dir->conditions;
    const uint64_t scale = (uint64_t)PPM * PPM;

    if (c->loss_burst <= 1 || c->loss_ppm == 0 || c->loss_ppm == PPM)
        return happens(link, dir, number, ASK_LOSS, c->loss_ppm);
    uint64_t leave = scale / c->loss_burst, enter = leave / (PPM - c->loss_ppm) * c->loss_ppm;
    uint64_t chance = below(ask(link, dir, number, ASK_LOSS), scale);
    dir->in_burst = dir->in_burst ? chance >= leave : chance < enter;
    return dir->in_burst;
}

/* Sum that stays at "never" rather than wrap. */
static uint64_t after(uint64_t time_ns, uint64_t more_ns)
{
    return more_ns > UINT64_MAX - time_ns ? UINT64_MAX : time_ns + more_ns;
}

/* Whose packet it is, and of a TCP segment its sequence number, for the observer; zero where that
 * cannot be told. */
static void describe(struct sw_packet *pkt, struct sw_trace_event *event)
{
    struct sw_ip_hdr ip;
    const uint8_t *head = sw_packet_head(pkt);
    if (sw_ip_parse_hdr(head, pkt->head_len, sw_packet_len(pkt), &ip) != SW_DROP_NONE)
        return;
    event->local.ip = ip.src;
    event->remote.ip = ip.dst;
    bool ports = ip.proto == SW_PROTO_TCP || ip.proto == SW_PROTO_UDP;
    if (!ports || ip.frag_off > 0 || pkt->head_len < ip.hdr_len + 8)
        return;
    const uint8_t *p = head + ip.hdr_len;
    event->local.port = (uint16_t)(p[0] << 8 | p[1]);
    event->remote.port = (uint16_t)(p[2] << 8 | p[3]);
    if (ip.proto == SW_PROTO_TCP)
        event->v[2] = (uint64_t)p[4] << 24 | (uint64_t)p[5] << 16 | (uint64_t)p[6] << 8 | p[7];
}

static void drop(struct sw_link *link, struct sw_packet *pkt, enum sw_drop why)
{
    if (link->config.trace) {
        struct sw_trace_event event = {.at_ns = link->now_ns, .kind = SW_TRACE_PACKET_DROPPED};
        describe(pkt, &event);
        event.v[0] = (uint64_t)why;
        event.v[1] = sw_packet_len(pkt);
        link->config.trace(link->config.trace_ctx, &event);
    }
    sw_packet_free(pkt);
}

/* A copy with one bit flipped: the bytes of a packet may be shared and never change. Takes the
 * packet; NULL: no memory, and it was dropped. */
static struct sw_packet *corrupt(struct sw_link *link, struct direction *dir, struct sw_packet *pkt,
                                 uint64_t number)
{
    struct sw_packet *copy = NULL;
    uint32_t len = sw_packet_len(pkt);
    sw_packet_fill_csum(pkt);
    uint8_t *bytes = sw_mem_take(link->config.mem, len);
    if (bytes) {
        sw_packet_copy(pkt, 0, bytes, len);
        uint64_t bit = below(ask(link, dir, number, ASK_BIT), 8ULL * len);
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        copy = sw_packet_from_bytes(link->config.mem, bytes, len);
        sw_mem_give(link->config.mem, bytes, len);
    }
    if (!copy) {
        dir->stats.lost++;
        drop(link, pkt, SW_DROP_NO_MEMORY);
        return NULL;
    }
    dir->stats.corrupted++;
    sw_packet_free(pkt);
    return copy;
}

/* Through the bottleneck: true, and *ret_ns is when its last bit has left; false: the queue is
 * full. A packet always fits an empty queue. */
static bool pass_bottleneck(struct sw_link *link, struct direction *dir, struct sw_packet *pkt,
                            uint64_t *ret_ns)
{
    uint32_t len = sw_packet_len(pkt);
    const struct sw_link_conditions *c = &dir->conditions;
    if (c->rate_bps == 0) {
        *ret_ns = link->now_ns;
        return true;
    }
    __extension__ typedef unsigned __int128 wide;
    uint64_t start_ns = link->now_ns;
    if (dir->busy_until_ns > start_ns) {
        start_ns = dir->busy_until_ns;
        wide queued_bits = (wide)(start_ns - link->now_ns) * c->rate_bps / 1000000000U;
        uint64_t room = c->queue_bytes ? c->queue_bytes : QUEUE_DEFAULT_BYTES;
        if (queued_bits / 8 + len > room)
            return false;
        if (c->mark_bytes > 0 && queued_bits / 8 > c->mark_bytes)
            dir->stats.marked += sw_link_mark(pkt);
    }
    uint64_t bits_ns = 8ULL * len * 1000000000U;
    dir->busy_until_ns = after(start_ns, (bits_ns + c->rate_bps - 1) / c->rate_bps);
    *ret_ns = dir->busy_until_ns;
    return true;
}

/* A packet (or its duplicate) that was neither lost nor cut off enters the wire. Takes it. */
static void transmit(struct sw_link *link, struct direction *dir, struct sw_packet *pkt,
                     uint64_t number)
{
    const struct sw_link_conditions *c = &dir->conditions;
    uint64_t due_ns;
    if (!pass_bottleneck(link, dir, pkt, &due_ns)) {
        dir->stats.overflowed++;
        drop(link, pkt, SW_DROP_LINK_QUEUE);
        return;
    }
    due_ns = after(due_ns, c->delay_ns);
    if (c->jitter_ns == UINT64_MAX)
        due_ns = after(due_ns, ask(link, dir, number, ASK_JITTER));
    else if (c->jitter_ns > 0)
        due_ns = after(due_ns, below(ask(link, dir, number, ASK_JITTER), c->jitter_ns + 1));
    if (due_ns < dir->last_due_ns)
        due_ns = dir->last_due_ns;
    bool late = happens(link, dir, number, ASK_REORDER, c->reorder_ppm);
    if (late) {
        due_ns = after(due_ns, c->reorder_ns);
        dir->stats.reordered++;
    } else {
        dir->last_due_ns = due_ns;
    }
    pkt->time_ns = due_ns;
    if (sw_line_put(&dir->line, pkt, late) != 0) {
        dir->stats.lost++;
        drop(link, pkt, SW_DROP_NO_MEMORY);
    }
}

/* One packet of the size of a packet meets its fate. Takes it. */
static void meet_fate(struct sw_link *link, struct direction *dir, struct sw_packet *pkt)
{
    const struct sw_link_conditions *c = &dir->conditions;
    uint64_t number = dir->number++;
    dir->stats.sent++;
    if (c->down || is_lost(link, dir, number)) {
        dir->stats.lost++;
        drop(link, pkt, c->down ? SW_DROP_LINK_DOWN : SW_DROP_LINK_LOSS);
        return;
    }
    if (happens(link, dir, number, ASK_MARK, c->mark_ppm))
        dir->stats.marked += sw_link_mark(pkt);
    struct sw_packet *twin = NULL;
    if (happens(link, dir, number, ASK_DUPLICATE, c->duplicate_ppm))
        twin = sw_packet_clone(pkt); /* without memory there is just no duplicate */
    if (happens(link, dir, number, ASK_CORRUPT, c->corrupt_ppm))
        pkt = corrupt(link, dir, pkt, number);
    if (pkt)
        transmit(link, dir, pkt, number);
    if (twin) {
        dir->stats.duplicated++;
        transmit(link, dir, twin, number);
    }
}

/* Whether the packet is a TCP segment that is larger than the MTU, and how many payload bytes fit.
 */
static bool must_cut(struct sw_packet *pkt, uint32_t mtu, uint16_t *ret_size)
{
    struct sw_ip_hdr ip;
    struct sw_tcp_hdr tcp;
    bool several = pkt->gso_size && pkt->data_len > pkt->gso_size;
    if ((sw_packet_len(pkt) <= mtu && !several) || pkt->head_len >= mtu)
        return false;
    const uint8_t *head = sw_packet_head(pkt);
    if (sw_ip_parse_hdr(head, pkt->head_len, sw_packet_len(pkt), &ip) != SW_DROP_NONE ||
        ip.proto != SW_PROTO_TCP || ip.fragment ||
        ip.hdr_len + ip.payload_len != sw_packet_len(pkt) ||
        sw_tcp_parse(head + ip.hdr_len, pkt->head_len - ip.hdr_len, ip.payload_len, &tcp) !=
            SW_DROP_NONE ||
        ip.hdr_len + tcp.hdr_len != pkt->head_len)
        return false;
    uint32_t size = mtu - pkt->head_len;
    *ret_size = (uint16_t)(pkt->gso_size && pkt->gso_size < size ? pkt->gso_size : size);
    return true;
}

void sw_link_send(struct sw_link *link, int end, struct sw_packet *pkt, uint64_t now_ns)
{
    struct direction *dir = &link->dirs[end];
    if (now_ns > link->now_ns)
        link->now_ns = now_ns;
    if (dir->perfect) {
        dir->number++;
        dir->stats.sent++;
        pkt->time_ns = link->now_ns;
        if (sw_line_put(&dir->line, pkt, false) != 0) {
            dir->stats.lost++;
            drop(link, pkt, SW_DROP_NO_MEMORY);
        }
        return;
    }
    uint16_t size;
    if (!must_cut(pkt, link->config.mtu, &size)) {
        meet_fate(link, dir, pkt);
        return;
    }
    pkt->gso_size = size;
    while (pkt) {
        struct sw_packet *piece = sw_gso_next(&pkt);
        if (!piece) {
            dir->stats.sent++;
            dir->stats.lost++;
            drop(link, pkt, SW_DROP_NO_MEMORY);
            return;
        }
        meet_fate(link, dir, piece);
    }
}

struct sw_packet *sw_link_receive(struct sw_link *link, int end, uint64_t now_ns)
{
    struct direction *dir = &link->dirs[1 - end];
    if (now_ns > link->now_ns)
        link->now_ns = now_ns;
    struct sw_packet *pkt = sw_line_take(&dir->line, link->now_ns);
    if (pkt)
        dir->stats.delivered++;
    return pkt;
}

uint64_t sw_link_deadline(const struct sw_link *link)
{
    uint64_t a = sw_line_next(&link->dirs[0].line), b = sw_line_next(&link->dirs[1].line);
    return a < b ? a : b;
}

void sw_link_get_stats(const struct sw_link *link, int end, struct sw_link_stats *ret_stats)
{
    *ret_stats = link->dirs[end].stats;
}
