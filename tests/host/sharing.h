/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bulk flows that share one link with conditions, in virtual time: each sends as much as it can
 * from host 0 to host 1, and what arrives is read at once. The queue of the bottleneck is seen
 * through the round trips that the senders measure.
 */
#ifndef TEST_SHARING_H
#define TEST_SHARING_H

#include <sockworks/link.h>

#include "host/world.h"
#include "sock/abi.h"

#define FLOWS_MAX 4

struct flow {
    const char *cc;
    uint64_t start_ns;        /* after the beginning */
    uint64_t max_pacing_rate; /* bytes per second; 0: none */
    /* results */
    sw_socket_t s, r;
    uint64_t read_bytes;
    uint64_t rtt_sum_us, rtt_samples; /* srtt, seen every 10 ms of the second half */
    uint32_t rtt_min_us;
};

struct sharing {
    struct world w;
    struct sw_link *link;
    uint32_t mtu, gso_max;
    struct sw_link_conditions there, back;
    uint64_t seed;
    struct flow flows[FLOWS_MAX];
    unsigned n;
    uint64_t until_ns, began_ns;
};

static inline uint32_t sharing_info(struct sw_host *h, sw_socket_t s, size_t at)
{
    uint8_t info[256] = {0};
    size_t len = sizeof(info);
    uint32_t v;
    assert_int_equal(sw_getsockopt(h, s, SW_SOL_TCP, SW_TCP_INFO, info, &len), 0);
    memcpy(&v, info + at, sizeof(v));
    return v;
}
enum { INFO_RTT = 68, INFO_MIN_RTT = 148 };

/* Packets that are due move on. */
static inline bool sharing_move(struct sharing *sh)
{
    struct world *w = &sh->w;
    bool moved = false;
    for (int i = 0; i < 2; i++) {
        struct sw_packet *pkt;
        while ((pkt = sw_host_output(w->host[i], w->eth[i], w->now))) {
            sw_link_send(sh->link, i, pkt, w->now);
            moved = true;
        }
        while ((pkt = sw_link_receive(sh->link, i, w->now))) {
            sw_host_input(w->host[i], w->eth[i], pkt, w->now);
            moved = true;
        }
    }
    return moved;
}

static inline void sharing_start(struct sharing *sh, struct flow *f, sw_socket_t listener)
{
    struct sw_host *h = sh->w.host[0];
    struct sw_addr to = at("10.0.0.2", 80);
    (void)listener;
    f->s = stream(&sh->w, 0, SW_AF_INET);
    assert_int_equal(sw_setsockopt(h, f->s, SW_SOL_TCP, SW_TCP_CONGESTION, f->cc, strlen(f->cc)),
                     0);
    if (f->max_pacing_rate)
        assert_int_equal(sw_setsockopt(h, f->s, SW_SOL_SOCKET, SW_SO_MAX_PACING_RATE,
                                       &f->max_pacing_rate, sizeof(f->max_pacing_rate)),
                         0);
    assert_int_equal(sw_connect(h, f->s, &to), -EINPROGRESS);
}

/* Writes what fits, reads what came. */
static inline void sharing_talk(struct sharing *sh, struct flow *f)
{
    static uint8_t zeros[65536], buf[65536];
    int64_t r;
    if (f->s)
        while (sw_send(sh->w.host[0], f->s, zeros, sizeof(zeros), 0, NULL) > 0)
            ;
    while (f->r && (r = sw_recv(sh->w.host[1], f->r, buf, sizeof(buf), 0, NULL)) > 0)
        f->read_bytes += (uint64_t)r;
}

static inline void sharing_watch(struct sharing *sh, struct flow *f)
{
    if (!f->r)
        return;
    f->rtt_sum_us += sharing_info(sh->w.host[0], f->s, INFO_RTT);
    f->rtt_samples++;
    f->rtt_min_us = sharing_info(sh->w.host[0], f->s, INFO_MIN_RTT);
}

static inline void sharing_run(struct sharing *sh)
{
    struct world *w = &sh->w;
    world_init(w);
    struct sw_link_config config = {.mtu = sh->mtu, .seed = sh->seed, .mem = w->mem[0]};
    sh->link = sw_link_new(&config);
    assert_non_null(sh->link);
    assert_int_equal(sw_link_set(sh->link, 0, &sh->there), 0);
    assert_int_equal(sw_link_set(sh->link, 1, &sh->back), 0);
    if (sh->gso_max)
        assert_int_equal(sw_host_set_mtu(w->host[0], w->eth[0], 1500, sh->gso_max), 0);
    sw_socket_t l = listener(w, 1, SW_AF_INET, at("10.0.0.2", 80), 10);
    uint64_t watch_ns = w->now + sh->until_ns / 2;
    unsigned accepted = 0;
    sh->began_ns = w->now;
    while (w->now - sh->began_ns < sh->until_ns) {
        uint64_t next = sh->began_ns + sh->until_ns;
        for (unsigned i = 0; i < sh->n; i++) {
            struct flow *f = &sh->flows[i];
            if (!f->s && w->now - sh->began_ns >= f->start_ns)
                sharing_start(sh, f, l);
            if (!f->s && f->start_ns + sh->began_ns < next)
                next = f->start_ns + sh->began_ns;
        }
        do {
            sw_socket_t s;
            struct sw_addr from;
            while (sw_accept(w->host[1], l, &s, &from) == 0)
                sh->flows[accepted++].r = s; /* they start far enough apart to keep their order */
            for (unsigned i = 0; i < sh->n; i++)
                sharing_talk(sh, &sh->flows[i]);
        } while (sharing_move(sh));
        for (int i = 0; i < 2; i++)
            if (sw_host_deadline(w->host[i]) < next)
                next = sw_host_deadline(w->host[i]);
        if (sw_link_deadline(sh->link) < next)
            next = sw_link_deadline(sh->link);
        if (watch_ns < next)
            next = watch_ns;
        w->now = next > w->now ? next : w->now;
        for (int i = 0; i < 2; i++)
            sw_host_advance(w->host[i], w->now);
        if (w->now < watch_ns)
            continue;
        watch_ns += 10 * MS;
        for (unsigned i = 0; i < sh->n; i++)
            sharing_watch(sh, &sh->flows[i]);
    }
}

static inline void sharing_fini(struct sharing *sh)
{
    sw_link_free(sh->link);
    world_fini(&sh->w);
}

/* Bits per second, from its start to the end. */
static inline double sharing_bps(const struct sharing *sh, unsigned i)
{
    const struct flow *f = &sh->flows[i];
    return (double)f->read_bytes * 8e9 / (double)(sh->until_ns - f->start_ns);
}

static inline double sharing_rtt_ms(const struct sharing *sh, unsigned i)
{
    const struct flow *f = &sh->flows[i];
    return f->rtt_samples ? (double)f->rtt_sum_us / (double)f->rtt_samples / 1000 : 0;
}

#endif
