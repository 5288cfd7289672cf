/* SPDX-License-Identifier: BSD-2-Clause */
/* Datagrams both ways: see dgram.h. */
#include "dgram.h"

#include <errno.h>
#include <string.h>

#define PORT 500 /* on host 0; on host 1 the next one */

/* Length of datagram `number`: from its number alone to what fits in the smallest MTU with IPv6. */
static size_t length_of(uint64_t key, uint32_t number)
{
    return sizeof(number) + rand_mix(key ^ number) % 1200;
}

static void fill(uint64_t key, uint32_t number, uint8_t *buf)
{
    memcpy(buf, &number, sizeof(number));
    content_fill(key + ((uint64_t)number << 32), sizeof(number), buf + sizeof(number),
                 length_of(key, number) - sizeof(number));
}

void dgram_open(struct dgram *d, struct world *w)
{
    uint64_t keys[2] = {rand_next(&w->rand), rand_next(&w->rand)};
    *d = (struct dgram){.v6 = rand_one_in(&w->rand, 2)};
    for (int i = 0; i < 2; i++) {
        struct dgram_end *e = &d->end[i];
        struct sw_addr local = world_addr(w, i, d->v6, (uint16_t)(PORT + i));
        *e = (struct dgram_end){.w = w, .host = i, .key = keys[i], .peer_key = keys[!i]};
        e->rand.state = rand_next(&w->rand);
        e->total = (uint32_t)rand_in(&e->rand, 0, DGRAM_MAX);
        e->next_ns = w->now_ns;
        int result =
            sw_socket(w->host[i], d->v6 ? SW_AF_INET6 : SW_AF_INET, SW_SOCK_DGRAM, 0, &e->socket);
        if (!result)
            result = sw_bind(w->host[i], e->socket, &local);
        if (result)
            world_fail(w, "datagram socket: %d", result);
        sw_socket_set_user(w->host[i], e->socket, e);
    }
}

static bool end_send(struct dgram_end *e, bool v6)
{
    uint8_t buf[2048];
    struct sw_addr to = world_addr(e->w, !e->host, v6, (uint16_t)(PORT + !e->host));
    size_t len = length_of(e->key, e->sent);

    if (e->sent == e->total || e->w->now_ns < e->next_ns)
        return false;
    fill(e->key, e->sent, buf);
    int64_t put = sw_send(e->w->host[e->host], e->socket, buf, len, 0, &to);
    if (put == -EAGAIN) {
        e->next_ns = e->w->now_ns + 10 * MS_NS;
        return true;
    }
    if (put != (int64_t)len)
        world_fail(e->w, "sending a datagram of %zu: %lld", len, (long long)put);
    e->sent++;
    e->next_ns = e->w->now_ns + rand_in(&e->rand, 0, 30) * MS_NS;
    return true;
}

static void check_one(struct dgram_end *e, const uint8_t *buf, int64_t len,
                      const struct sw_addr *from, uint32_t peer_sent)
{
    uint8_t right[2048];
    uint32_t number = UINT32_MAX;

    if (len >= (int64_t)sizeof(number))
        memcpy(&number, buf, sizeof(number));
    if (number >= peer_sent) {
        world_fail(e->w, "host %d: a datagram of %lld bytes that nobody sent", e->host,
                   (long long)len);
        return;
    }
    fill(e->peer_key, number, right);
    if ((size_t)len != length_of(e->peer_key, number) || memcmp(buf, right, (size_t)len) != 0)
        world_fail(e->w, "host %d: datagram %u is not whole", e->host, number);
    if (from->port != PORT + !e->host)
        world_fail(e->w, "host %d: datagram %u comes from port %u", e->host, number, from->port);
    if (e->seen[number] < UINT8_MAX)
        e->seen[number]++;
    e->received++;
}

bool dgram_ready(struct dgram *d, const struct sw_ready *ready)
{
    for (int i = 0; i < 2; i++) {
        struct dgram_end *e = &d->end[i];
        if (ready->user != e)
            continue;
        uint8_t buf[2048];
        struct sw_addr from;
        int64_t len;
        while ((len = sw_recv(e->w->host[i], e->socket, buf, sizeof(buf), 0, &from)) >= 0)
            check_one(e, buf, len, &from, d->end[!i].sent);
        if (len != -EAGAIN)
            world_fail(e->w, "receiving a datagram: %lld", (long long)len);
        return true;
    }
    return false;
}

bool dgram_step(struct dgram *d)
{
    bool acted0 = end_send(&d->end[0], d->v6);
    bool acted1 = end_send(&d->end[1], d->v6);
    return acted0 || acted1;
}

uint64_t dgram_deadline(const struct dgram *d)
{
    uint64_t next_ns = SW_NEVER;
    for (int i = 0; i < 2; i++)
        if (d->end[i].sent < d->end[i].total && d->end[i].next_ns < next_ns)
            next_ns = d->end[i].next_ns;
    return next_ns;
}

void dgram_close(struct dgram *d)
{
    for (int i = 0; i < 2; i++)
        if (sw_close(d->end[i].w->host[i], d->end[i].socket))
            world_fail(d->end[i].w, "closing a datagram socket");
}

void dgram_check(const struct dgram *d)
{
    for (int i = 0; i < 2; i++) {
        const struct dgram_end *e = &d->end[i];
        const struct sw_link_conditions *c = &e->w->conditions[!i];
        uint32_t sent = d->end[!i].sent;
        bool all_arrive = !c->loss_ppm && !c->corrupt_ppm && !c->rate_bps &&
                          !sw_host_drops(e->w->host[i], SW_DROP_UDP_QUEUE_FULL);
        for (uint32_t number = 0; number < sent; number++) {
            if (all_arrive && !e->seen[number])
                world_fail(e->w, "host %d: datagram %u did not come", i, number);
            if (!c->duplicate_ppm && e->seen[number] > 1)
                world_fail(e->w, "host %d: datagram %u came %u times", i, number, e->seen[number]);
        }
    }
}
