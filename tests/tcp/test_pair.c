/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two blocks back to back over a wire that loses, repeats and reorders, in virtual time: every byte
 * once and in order both ways, both ends closed, nothing leaked, no packet storm. A failing seed is
 * printed.
 */
#include "tcp/one.h"

#define DELAY_NS (10 * MS)
#define WIRE_MAX 4096

struct wire {
    struct sw_packet *pkt[WIRE_MAX];
    uint64_t at_ns[WIRE_MAX];
    int to[WIRE_MAX];
    int n;
};

struct pair {
    struct one end[2];
    struct wire wire;
    struct sw_rng rng;
    uint32_t lose, repeat, reorder; /* per mille */
    uint64_t packets, wrote[2], read[2], total[2];
    bool accepted, corked;
};

static void check(struct one *o)
{
    if (o->tcp.state != SW_TCP_CLOSED)
        assert_true(sw_flight_sane(&o->tcp));
    if (sw_tcp_timer_expected(&o->tcp))
        assert_true(o->tcp.timer.armed);
}

static bool chance(struct pair *p, uint32_t per_mille)
{
    return sw_rng_below(&p->rng, 1000) < per_mille;
}

static void put_on_wire(struct pair *p, int to, struct sw_packet *pkt)
{
    uint64_t at_ns = p->end[0].env.now_ns + DELAY_NS;

    p->packets++;
    if (p->wire.n == WIRE_MAX || chance(p, p->lose)) {
        sw_packet_free(pkt);
        return;
    }
    if (chance(p, p->reorder))
        at_ns += sw_rng_below(&p->rng, 20) * MS;
    p->wire.pkt[p->wire.n] = pkt;
    p->wire.at_ns[p->wire.n] = at_ns;
    p->wire.to[p->wire.n++] = to;
}

static void deliver(struct pair *p, int to, struct sw_packet *pkt)
{
    struct one *o = &p->end[to];
    struct sw_ip_hdr ip;
    struct sw_segment seg;

    pkt = sw_ip_input(&o->ip, ETH, pkt, &ip);
    assert_non_null(pkt);
    assert_int_equal(sw_tcp_segment(pkt, &ip, &seg), SW_DROP_NONE);
    if (to == 1 && !p->accepted) {
        if (seg.tcp.flags == SYN) {
            assert_int_equal(sw_tcp_open_passive(&o->tcp, &seg), 0);
            p->accepted = true;
        }
        sw_packet_free(pkt);
        return;
    }
    sw_tcp_input(&o->tcp, &seg);
    check(o);
}

/* The earliest thing on the wire, or -1. Of two at the same time the one that was first. */
static int next_on_wire(const struct pair *p)
{
    int best = -1;

    for (int i = 0; i < p->wire.n; i++)
        if (best < 0 || p->wire.at_ns[i] < p->wire.at_ns[best])
            best = i;
    return best;
}

static void work(struct pair *p, int i)
{
    struct one *o = &p->end[i];
    uint8_t bytes[5000];
    uint32_t n = sw_min32(sw_tcp_send_space(&o->tcp), 1 + sw_rng_below(&p->rng, sizeof(bytes)));
    enum sw_tcp_state s = o->tcp.state;

    if ((s == SW_TCP_ESTABLISHED || s == SW_TCP_CLOSE_WAIT) && p->wrote[i] < p->total[i] && n > 0) {
        n = (uint32_t)(n < p->total[i] - p->wrote[i] ? n : p->total[i] - p->wrote[i]);
        for (uint32_t k = 0; k < n; k++)
            bytes[k] = pattern(p->wrote[i] + k);
        assert_int_equal(sw_stream_append(sw_tcp_send_queue(&o->tcp), o->env.mem, bytes, n), 0);
        p->wrote[i] += n;
        sw_tcp_push(&o->tcp, chance(p, 100));
    }
    if ((s == SW_TCP_ESTABLISHED || s == SW_TCP_CLOSE_WAIT) && p->wrote[i] == p->total[i])
        sw_tcp_shutdown(&o->tcp);
    if (sw_tcp_recv_queue(&o->tcp)->len > 0 && !chance(p, 300)) {
        n = sw_stream_copy(sw_tcp_recv_queue(&o->tcp), 0, bytes,
                           1 + sw_rng_below(&p->rng, sizeof(bytes)));
        for (uint32_t k = 0; k < n; k++)
            assert_int_equal(bytes[k], pattern(p->read[i] + k));
        p->read[i] += n;
        sw_stream_drop(sw_tcp_recv_queue(&o->tcp), o->env.mem, n);
        sw_tcp_consumed(&o->tcp, n);
    }
    check(o);
}

static bool over(const struct pair *p)
{
    return p->end[0].tcp.state == SW_TCP_CLOSED && p->end[1].tcp.state == SW_TCP_CLOSED &&
           p->accepted;
}

static void collect(struct pair *p)
{
    struct sw_packet *pkt;

    for (int i = 0; i < 2; i++)
        while ((pkt = one_take_packet(&p->end[i])) != NULL) {
            if (chance(p, p->repeat))
                put_on_wire(p, 1 - i, sw_packet_clone(pkt));
            put_on_wire(p, 1 - i, pkt);
        }
}

static void advance(struct pair *p, uint64_t now_ns)
{
    for (int i = 0; i < 2; i++) {
        struct one *o = &p->end[i];

        o->env.now_ns = now_ns;
        while (sw_wheel_pop(&o->env.wheel, now_ns)) {
            sw_tcp_timer(&o->tcp);
            check(o);
        }
    }
}

static void step(struct pair *p)
{
    uint64_t now = p->end[0].env.now_ns, next = now + 5 * MS;
    int at;

    work(p, 0);
    work(p, 1);
    collect(p);
    for (int i = 0; i < 2; i++) {
        uint64_t t = sw_wheel_next(&p->end[i].env.wheel);

        next = t < next ? t : next;
    }
    at = next_on_wire(p);
    if (at >= 0 && p->wire.at_ns[at] <= next) {
        struct sw_packet *pkt = p->wire.pkt[at];
        int to = p->wire.to[at];

        next = p->wire.at_ns[at];
        advance(p, next > now ? next : now);
        p->wire.n--;
        memmove(&p->wire.pkt[at], &p->wire.pkt[at + 1],
                (size_t)(p->wire.n - at) * sizeof(p->wire.pkt[0]));
        memmove(&p->wire.at_ns[at], &p->wire.at_ns[at + 1],
                (size_t)(p->wire.n - at) * sizeof(p->wire.at_ns[0]));
        memmove(&p->wire.to[at], &p->wire.to[at + 1],
                (size_t)(p->wire.n - at) * sizeof(p->wire.to[0]));
        deliver(p, to, pkt);
    } else {
        advance(p, next > now ? next : now);
    }
    collect(p);
}

static void pair_init(struct pair *p, unsigned seed)
{
    uint8_t key[16] = {(uint8_t)seed, (uint8_t)(seed >> 8)};

    memset(p, 0, sizeof(*p));
    sw_rng_init(&p->rng, key);
    for (int i = 0; i < 2; i++) {
        struct one *o = &p->end[i];

        one_init_as(o, 100 * SEC, (uint8_t)(i + 1));
        o->layer.config.timestamps = (seed & 1) != 0;
        o->layer.config.sack = (seed & 2) != 0;
        o->layer.config.window_scaling = (seed & 4) != 0;
        o->layer.config.rack = (seed & 16) != 0;
        o->layer.config.prr = (seed & 32) == 0;
        o->layer.config.tlp = (seed & 64) == 0;
        o->layer.config.cc = (uint8_t)(seed / 64 % SW_CC_COUNT);
        one_block(o);
        if (i == 1) {
            o->tcp.local = (struct sw_addr){.ip = SW_IP4(10, 0, 0, 2), .port = 80};
            o->tcp.remote = (struct sw_addr){.ip = SW_IP4(10, 0, 0, 1), .port = 1000};
            sw_tcp_set_isn(&o->tcp, sw_seq_of(PEER_ISN + seed * 77777U));
        }
        if (seed & 8)
            sw_tcp_set_buffers(&o->tcp, 20000, 20000);
        p->total[i] = sw_rng_below(&p->rng, seed % 5 ? 100000 : 3);
    }
}

static void run(unsigned seed, uint32_t lose, uint32_t repeat, uint32_t reorder)
{
    struct pair p;
    uint64_t limit;

    pair_init(&p, seed);
    p.lose = lose;
    p.repeat = repeat;
    p.reorder = reorder;
    limit = 20 * (p.total[0] + p.total[1]) / 500 + 2000;
    assert_int_equal(sw_tcp_connect(&p.end[0].tcp), 0);
    for (int i = 0; i < 4000000 && !over(&p); i++)
        step(&p);
    if (!over(&p) || p.packets > limit || p.read[0] != p.total[1] || p.read[1] != p.total[0]) {
        fprintf(stderr, "seed %u: states %s %s, %llu packets of %llu, read %llu/%llu %llu/%llu\n",
                seed, sw_tcp_state_name(p.end[0].tcp.state), sw_tcp_state_name(p.end[1].tcp.state),
                (unsigned long long)p.packets, (unsigned long long)limit,
                (unsigned long long)p.read[0], (unsigned long long)p.total[1],
                (unsigned long long)p.read[1], (unsigned long long)p.total[0]);
        fail();
    }
    while (p.wire.n > 0)
        sw_packet_free(p.wire.pkt[--p.wire.n]);
    one_fini(&p.end[0]);
    one_fini(&p.end[1]);
}

static void test_clean(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 16; seed++)
        run(seed, 0, 0, 0);
}

static void test_loss(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 60; seed++)
        run(seed, 30, 0, 0);
}

static void test_heavy_loss(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 24; seed++)
        run(seed, 150, 0, 0);
}

static void test_reorder(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 60; seed++)
        run(seed, 0, 0, 200);
}

static void test_everything(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 100; seed++)
        run(seed, 40, 50, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clean),      cmocka_unit_test(test_loss),
        cmocka_unit_test(test_heavy_loss), cmocka_unit_test(test_reorder),
        cmocka_unit_test(test_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
