/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Putting fragments together again (RFC 815, RFC 5722, RFC 8200 4.5).
 *
 * One struct datagram per (source, destination, identification, protocol, version). Invariants:
 *   (1) its pieces are sorted, do not overlap, and `have` is the sum of their lengths;
 *   (2) `total` is known (not 0) once the last fragment came, and no piece reaches beyond it;
 *   (3) a poisoned datagram (it had overlaps) holds no pieces, and what still comes of it is
 * dropped until its time is over (RFC 5722 4); (4) every datagram has its timer armed, lies in the
 * bucket of its source and in the age list; (5) what all of them cost is in frags->bytes, at most
 * FRAG_BYTES_MAX, and what one source costs at most FRAG_SOURCE_BYTES_MAX: who sends junk evicts
 * himself first (CVE-2018-5391).
 */
#include "base/assert.h"
#include "base/list.h"
#include "ip/private.h"

#define FRAG_TIMEOUT4_NS 30000000000ULL   /* 30 s: Linux; RFC 1122 3.3.2 says 60 to 120 */
#define FRAG_TIMEOUT6_NS 60000000000ULL   /* 60 s: RFC 8200 4.5 */
#define FRAG_BYTES_MAX (4U * 1024 * 1024) /* Linux's ipfrag_high_thresh */
#define FRAG_SOURCE_BYTES_MAX (1024U * 1024)
#define FRAG_SOURCE_MAX 64U   /* datagrams of one source: bounds the walk of a bucket */
#define FRAG_PIECES_MAX 2048U /* 65,535 bytes over an MTU of 68 are 1,366 */
#define FRAG_BUCKETS 256U

struct piece {
    struct piece *prev, *next;
    struct sw_packet *pkt; /* owned */
    uint32_t first, end;   /* bytes of the datagram: [first, end) */
    uint32_t charged;
};

struct datagram {
    struct sw_timer timer; /* SW_TIMER_FRAG */
    struct sw_list age;    /* in frags->oldest, by arrival of the first piece */
    struct datagram *next; /* in its bucket */
    struct sw_ip_hdr hdr;  /* of the fragment at offset 0; until it is here, of the first to come */
    struct piece *head, *tail;
    uint32_t have, total, n_pieces;
    uint32_t bytes;   /* what it costs, itself included */
    uint8_t ecn_seen; /* bit 1 << ECN for each codepoint that came (RFC 3168 5.3) */
    bool poisoned;
};

struct sw_frags {
    struct datagram *buckets[FRAG_BUCKETS]; /* by source address */
    struct sw_list oldest;
    struct sw_sipkey key;
    uint32_t bytes;
};

static struct datagram **bucket_of(struct sw_frags *frags, const struct sw_ip *src)
{
    return &frags->buckets[sw_siphash13(&frags->key, src->b, sizeof(src->b)) % FRAG_BUCKETS];
}

static bool same_datagram(const struct sw_ip_hdr *a, const struct sw_ip_hdr *b)
{
    return a->id == b->id && a->version == b->version && sw_ip_eq(&a->src, &b->src) &&
           sw_ip_eq(&a->dst, &b->dst) && (a->version == 6 || a->proto == b->proto);
}

/* Frees the pieces, each under a reason; SW_DROP_NONE: they were used. */
static void free_pieces(struct sw_ip_layer *ip, struct datagram *d, enum sw_drop why)
{
    for (struct piece *p = d->head, *next; p; p = next) {
        next = p->next;
        d->bytes -= p->charged;
        ip->frags->bytes -= p->charged;
        if (why == SW_DROP_NONE)
            sw_packet_free(p->pkt);
        else
            sw_ip_drop(ip, p->pkt, why, &d->hdr);
        sw_mem_free(ip->env->mem, p, sizeof(*p));
    }
    d->head = d->tail = NULL;
    d->have = d->n_pieces = 0;
}

static void free_datagram(struct sw_ip_layer *ip, struct datagram *d, enum sw_drop why)
{
    struct datagram **at = bucket_of(ip->frags, &d->hdr.src);
    free_pieces(ip, d, why);
    while (*at != d)
        at = &(*at)->next;
    *at = d->next;
    sw_list_del(&d->age);
    sw_wheel_cancel(&ip->env->wheel, &d->timer);
    SW_ASSERT(d->bytes == sizeof(*d));
    ip->frags->bytes -= d->bytes;
    sw_mem_free(ip->env->mem, d, sizeof(*d));
}

/* Nothing that came or still comes of it is believed (invariant 3). */
static void poison(struct sw_ip_layer *ip, struct datagram *d, enum sw_drop why)
{
    free_pieces(ip, d, why);
    d->poisoned = true;
}

static struct datagram *find(struct sw_frags *frags, const struct sw_ip_hdr *hdr)
{
    struct datagram *d = *bucket_of(frags, &hdr->src);
    while (d && !same_datagram(&d->hdr, hdr))
        d = d->next;
    return d;
}

/* What a source has here, and its oldest datagram but `keep`. A bucket has the youngest in front.
 */
struct holdings {
    uint32_t count, bytes;
    struct datagram *oldest;
};

static struct holdings held_by(struct sw_frags *frags, const struct sw_ip *src,
                               const struct datagram *keep)
{
    struct holdings h = {0};
    for (struct datagram *d = *bucket_of(frags, src); d; d = d->next) {
        if (!sw_ip_eq(&d->hdr.src, src))
            continue;
        h.count++;
        h.bytes += d->bytes;
        if (d != keep)
            h.oldest = d;
    }
    return h;
}

/* Makes room for `bytes` more of a source by dropping its own oldest datagrams, then, if it has no
 * other, the oldest of all. False: there is none to be had beside `keep`. */
static bool make_room(struct sw_ip_layer *ip, const struct sw_ip *src, const struct datagram *keep,
                      uint32_t bytes)
{
    struct sw_frags *frags = ip->frags;
    for (;;) {
        struct holdings h = held_by(frags, src, keep);
        bool own = h.bytes + bytes > FRAG_SOURCE_BYTES_MAX || (!keep && h.count >= FRAG_SOURCE_MAX);
        if (!own && frags->bytes + bytes <= FRAG_BYTES_MAX)
            return true;
        struct datagram *victim = h.oldest;
        if (!victim && !own && !sw_list_empty(&frags->oldest))
            victim = SW_CONTAINER(frags->oldest.next, struct datagram, age);
        if (!victim || victim == keep)
            return false;
        free_datagram(ip, victim, SW_DROP_FRAG_LIMIT);
    }
}

static struct datagram *new_datagram(struct sw_ip_layer *ip, const struct sw_ip_hdr *hdr)
{
    struct sw_frags *frags = ip->frags;
    if (!make_room(ip, &hdr->src, NULL, sizeof(struct datagram)))
        return NULL;
    struct datagram *d = sw_mem_alloc(ip->env->mem, sizeof(*d));
    if (!d)
        return NULL;
    struct datagram **bucket = bucket_of(frags, &hdr->src);
    d->hdr = *hdr;
    d->bytes = sizeof(*d);
    frags->bytes += d->bytes;
    d->next = *bucket;
    *bucket = d;
    sw_list_add_tail(&frags->oldest, &d->age);
    sw_timer_init(&d->timer, SW_TIMER_FRAG);
    sw_wheel_arm(&ip->env->wheel, &d->timer,
                 ip->env->now_ns + (hdr->version == 4 ? FRAG_TIMEOUT4_NS : FRAG_TIMEOUT6_NS));
    return d;
}

/* Bytes of the transport header that a first fragment must hold whole, so that no filter on the way
 * can be fooled (RFC 1858 3, RFC 8200 4.5). */
static uint32_t first_len_min(uint8_t proto)
{
    return proto == SW_PROTO_TCP ? SW_TCP_HDR : 8;
}

static bool well_formed(const struct sw_ip_hdr *hdr)
{
    uint32_t end = hdr->frag_off + hdr->payload_len;
    uint32_t around =
        hdr->version == 4 ? hdr->hdr_len : hdr->hdr_len - SW_IP6_HDR - SW_IP6_FRAG_HDR;
    if (hdr->payload_len == 0 || end + around > SW_IP4_MAX)
        return false;
    if (hdr->more_fragments && hdr->payload_len % 8 != 0)
        return false;
    return hdr->frag_off > 0 || hdr->payload_len >= first_len_min(hdr->proto);
}

/* Where a fragment belongs: behind *ret_prev (NULL: in front of all), or why it does not. Fragments
 * mostly come in order, so the search begins at the end. */
static enum sw_drop find_place(const struct datagram *d, const struct sw_ip_hdr *hdr,
                               struct piece **ret_prev)
{
    uint32_t first = hdr->frag_off, end = first + hdr->payload_len;
    struct piece *prev = d->tail;
    while (prev && prev->first > first)
        prev = prev->prev;
    const struct piece *next = prev ? prev->next : d->head;

    if (prev && prev->first == first && prev->end == end)
        return SW_DROP_FRAG_DUPLICATE;
    if ((prev && prev->end > first) || (next && next->first < end))
        return SW_DROP_FRAG_OVERLAP;
    if (d->total && (hdr->more_fragments ? end > d->total : end != d->total))
        return SW_DROP_FRAG_MALFORMED;
    if (!hdr->more_fragments && d->tail && d->tail->end > end)
        return SW_DROP_FRAG_MALFORMED;
    *ret_prev = prev;
    return SW_DROP_NONE;
}

static void insert(struct sw_frags *frags, struct datagram *d, struct piece *p, struct piece *prev,
                   const struct sw_ip_hdr *hdr)
{
    p->prev = prev;
    p->next = prev ? prev->next : d->head;
    *(prev ? &prev->next : &d->head) = p;
    *(p->next ? &p->next->prev : &d->tail) = p;
    d->have += p->end - p->first;
    d->n_pieces++;
    d->bytes += p->charged;
    frags->bytes += p->charged;
    d->ecn_seen |= (uint8_t)(1U << (hdr->tos & 3));
    if (p->first == 0)
        d->hdr = *hdr;
    if (!hdr->more_fragments)
        d->total = p->end;
}

/* One new chunk holds the whole: the pieces' own chunks may be many and mostly empty. */
static struct sw_packet *assemble(struct sw_ip_layer *ip, const struct datagram *d)
{
    struct sw_packet *pkt = sw_packet_new(ip->env->mem, SW_IP_HEADROOM);
    struct sw_chunk *chunk = sw_chunk_new(ip->env->mem, d->total);
    if (!pkt || !chunk)
        goto fail;
    for (const struct piece *p = d->head; p; p = p->next)
        chunk->fill +=
            (uint32_t)sw_packet_copy(p->pkt, 0, chunk->data + p->first, p->end - p->first);
    SW_ASSERT(d->head && chunk->fill == d->total);
    if (sw_packet_add_slice(pkt, (struct sw_slice){.chunk = chunk, .off = 0, .len = d->total}) != 0)
        goto fail;
    sw_chunk_put(chunk);
    pkt->csum = SW_CSUM_FILLED;
    pkt->mark = d->head->pkt->mark; /* all have the same */
    pkt->priority = d->head->pkt->priority;
    return pkt;
fail:
    sw_chunk_put(chunk);
    sw_packet_free(pkt);
    return NULL;
}

/* All is here: the datagram as if it had never been cut. Congestion experienced by one fragment was
 * experienced by the datagram, unless another one was not ECN-capable at all (RFC 3168 5.3). */
static struct sw_packet *finish(struct sw_ip_layer *ip, struct datagram *d,
                                struct sw_ip_hdr *ret_hdr)
{
    bool ce = d->ecn_seen & (1U << 3), not_ect = d->ecn_seen & (1U << 0);
    if (ce && not_ect) {
        free_datagram(ip, d, SW_DROP_FRAG_MALFORMED);
        return NULL;
    }
    struct sw_packet *pkt = assemble(ip, d);
    if (!pkt) {
        free_datagram(ip, d, SW_DROP_NO_MEMORY);
        return NULL;
    }
    *ret_hdr = d->hdr;
    ret_hdr->payload_len = d->total;
    ret_hdr->more_fragments = ret_hdr->fragment = false;
    if (ce)
        ret_hdr->tos |= 3;
    free_datagram(ip, d, SW_DROP_NONE);
    return pkt;
}

static bool frags_ready(struct sw_ip_layer *ip)
{
    if (ip->frags)
        return true;
    ip->frags = sw_mem_alloc(ip->env->mem, sizeof(*ip->frags));
    if (!ip->frags)
        return false;
    sw_list_init(&ip->frags->oldest);
    sw_rng_key(&ip->env->rng, &ip->frags->key);
    return true;
}

/* Keeps a fragment that fits. On failure the caller still owns pkt. */
static enum sw_drop keep(struct sw_ip_layer *ip, struct datagram *d, struct sw_packet *pkt,
                         const struct sw_ip_hdr *hdr, struct piece *prev)
{
    uint32_t cost = (uint32_t)sizeof(struct piece) + sw_packet_charge(pkt);
    if (d->n_pieces >= FRAG_PIECES_MAX || !make_room(ip, &hdr->src, d, cost))
        return SW_DROP_FRAG_LIMIT;
    struct piece *p = sw_mem_alloc(ip->env->mem, sizeof(*p));
    if (!p)
        return SW_DROP_NO_MEMORY;
    p->pkt = pkt;
    p->first = hdr->frag_off;
    p->end = p->first + hdr->payload_len;
    p->charged = cost;
    insert(ip->frags, d, p, prev, hdr);
    return SW_DROP_NONE;
}

struct sw_packet *sw_frag_input(struct sw_ip_layer *ip, struct sw_packet *pkt,
                                const struct sw_ip_hdr *hdr, struct sw_ip_hdr *ret_hdr)
{
    enum sw_drop why = SW_DROP_NONE;
    struct datagram *d = NULL;
    struct piece *prev = NULL;

    if (!well_formed(hdr))
        why = SW_DROP_FRAG_MALFORMED;
    else if (!frags_ready(ip))
        why = SW_DROP_NO_MEMORY;
    else if (!(d = find(ip->frags, hdr)) && !(d = new_datagram(ip, hdr)))
        why = SW_DROP_NO_MEMORY;
    else if (d->poisoned)
        why = SW_DROP_FRAG_OVERLAP;
    else
        why = find_place(d, hdr, &prev);

    if (d && !d->poisoned && (why == SW_DROP_FRAG_OVERLAP || why == SW_DROP_FRAG_MALFORMED))
        poison(ip, d, why);
    if (why == SW_DROP_NONE) {
        why = keep(ip, d, pkt, hdr, prev);
        if (why != SW_DROP_NONE)
            free_datagram(ip, d, why);
    }
    if (why != SW_DROP_NONE) {
        sw_ip_drop(ip, pkt, why, hdr);
        return NULL;
    }
    return d->have == d->total ? finish(ip, d, ret_hdr) : NULL;
}

/* The others did not come. The sender is told, if there is a first fragment to quote (RFC
 * 1122 3.3.2, RFC 8200 4.5). */
void sw_frag_timer(struct sw_ip_layer *ip, struct sw_timer *timer)
{
    struct datagram *d = SW_CONTAINER(timer, struct datagram, timer);
    if (d->head && d->head->first == 0)
        sw_icmp_send_error(ip, d->head->pkt, &d->hdr, SW_ICMP_TIME_EXCEEDED, 1);
    free_datagram(ip, d, SW_DROP_FRAG_TIMEOUT);
}

void sw_frag_fini(struct sw_ip_layer *ip)
{
    if (!ip->frags)
        return;
    while (!sw_list_empty(&ip->frags->oldest))
        free_datagram(ip, SW_CONTAINER(ip->frags->oldest.next, struct datagram, age), SW_DROP_NONE);
    sw_mem_free(ip->env->mem, ip->frags, sizeof(*ip->frags));
    ip->frags = NULL;
}
