/* SPDX-License-Identifier: BSD-2-Clause */
/* Streams between two hosts, over both families, with everything counted at the end. */
#include "world.h"

enum { BYTES = 300000 };

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 131 + i / 251);
}

/* Moves BYTES from one socket to another while packets pass. */
static void transfer(struct world *w, int from, sw_socket_t a, int to, sw_socket_t b)
{
    static uint8_t buf[BYTES];
    size_t sent = 0, got = 0;
    for (int round = 0; got < BYTES; round++) {
        assert_true(round < 10000);
        if (sent < BYTES) {
            for (size_t i = sent; i < BYTES; i++)
                buf[i] = pattern(i);
            int64_t n = sw_send(w->host[from], a, buf + sent, BYTES - sent, 0, NULL);
            assert_true(n > 0 || n == -EAGAIN);
            sent += n > 0 ? (size_t)n : 0;
        }
        world_run(w, 10 * MS);
        int64_t n;
        while ((n = sw_recv(w->host[to], b, buf, 7777, 0, NULL)) > 0) {
            for (int64_t i = 0; i < n; i++)
                assert_int_equal(buf[i], pattern(got + (size_t)i));
            got += (size_t)n;
        }
        assert_int_equal(n, -EAGAIN);
    }
    world_run(w, 20 * S); /* the last acknowledgment may be delayed, and lost */
    assert_int_equal(sw_send_queued(w->host[from], a), 0);
}

struct route {
    int domain;
    const char *bound, *to;
    int client, server;
};

static void exchange(const struct route *r)
{
    struct world w;
    world_init(&w);
    char byte;
    sw_socket_t l = listener(&w, r->server, r->domain, at(r->bound, 80), 5), c, s;
    connect_to(&w, r->client, at(r->to, 80), r->server, l, &c, &s);
    transfer(&w, r->client, c, r->server, s);
    transfer(&w, r->server, s, r->client, c);
    assert_int_equal(sw_shutdown(w.host[r->client], c, SW_SHUT_WR), 0);
    world_settle(&w);
    assert_int_equal(sw_recv(w.host[r->server], s, &byte, 1, 0, NULL), 0);
    assert_int_equal(sw_close(w.host[r->server], s), 0);
    world_settle(&w);
    assert_int_equal(sw_recv(w.host[r->client], c, &byte, 1, 0, NULL), 0);
    assert_int_equal(sw_close(w.host[r->client], c), 0);
    assert_int_equal(sw_close(w.host[r->server], l), 0);
    struct sw_host_stats stats;
    sw_host_get_stats(w.host[r->client], &stats);
    assert_int_equal(stats.sockets, 0);
    assert_int_equal(stats.time_wait, 1);
    world_run(&w, 61 * S);
    for (int i = 0; i < 2; i++) {
        sw_host_get_stats(w.host[i], &stats);
        assert_int_equal(stats.sockets + stats.time_wait, 0);
        assert_int_equal(stats.tcp_resets, 0);
        assert_int_equal(stats.tcp_retrans, 0);
        assert_true(sw_host_deadline(w.host[i]) == SW_NEVER);
    }
    world_fini(&w);
}

static void test_exchange(void **state)
{
    (void)state;
    static const struct route routes[] = {
        {SW_AF_INET, "0.0.0.0", "10.0.0.2", 0, 1},  {SW_AF_INET6, "::", "fd00::2", 0, 1},
        {SW_AF_INET6, "::", "10.0.0.2", 0, 1},      {SW_AF_INET, "127.0.0.1", "127.0.0.1", 0, 0},
        {SW_AF_INET6, "::1", "::1", 1, 1},          {SW_AF_INET, "0.0.0.0", "0.0.0.0", 0, 0},
        {SW_AF_INET, "10.0.0.1", "10.0.0.1", 0, 0},
    };
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
        exchange(&routes[i]);
}

/* ---- a network that loses, and ends that go away ---- */

static bool lose_some(struct world *w, int from, struct sw_packet *pkt)
{
    (void)from, (void)pkt;
    return w->packets % 7 == 3;
}

static void test_loss(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    sw_socket_t l = listener(&w, 1, SW_AF_INET, at("10.0.0.2", 80), 5), c, s;
    connect_to(&w, 0, at("10.0.0.2", 80), 1, l, &c, &s);
    w.lose = lose_some;
    transfer(&w, 0, c, 1, s);
    transfer(&w, 1, s, 0, c);
    world_fini(&w);
}

static bool lose_all(struct world *w, int from, struct sw_packet *pkt)
{
    (void)w, (void)from, (void)pkt;
    return true;
}

static void test_silence(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    sw_socket_t l = listener(&w, 1, SW_AF_INET, at("10.0.0.2", 80), 5), c, s;
    struct sw_addr to = at("10.0.0.2", 80);
    connect_to(&w, 0, to, 1, l, &c, &s);
    w.lose = lose_all;
    sw_socket_t late = stream(&w, 0, SW_AF_INET);
    assert_int_equal(sw_connect(w.host[0], late, &to), -EINPROGRESS);
    assert_int_equal(sw_send(w.host[0], c, "x", 1, 0, NULL), 1);
    world_run(&w, 140 * S); /* tcp_syn_retries 6: 127 s */
    assert_int_equal(sw_connect(w.host[0], late, &to), -ETIMEDOUT);
    assert_int_equal(sw_poll(w.host[0], c), SW_EV_OUT);
    world_run(&w, 1000 * S); /* tcp_retries2 15: about 924 s */
    assert_int_equal(sw_take_error(w.host[0], c), ETIMEDOUT);
    assert_int_equal(sw_close(w.host[1], s), 0); /* an orphan whose FIN nobody answers */
    world_run(&w, 1000 * S);
    struct sw_host_stats stats;
    sw_host_get_stats(w.host[1], &stats);
    assert_int_equal(stats.sockets, 1); /* the listener */
    world_fini(&w);
}

/* ---- TIME_WAIT ---- */

static void test_port_reuse(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_addr to = at("10.0.0.2", 80), mine = at("10.0.0.1", 5555);
    sw_socket_t l = listener(&w, 1, SW_AF_INET, to, 5), s;
    for (int i = 0; i < 3; i++) {
        sw_socket_t c = stream(&w, 0, SW_AF_INET);
        set_int(&w, 0, c, 1, 2, 1); /* SO_REUSEADDR */
        assert_int_equal(sw_bind(w.host[0], c, &mine), 0);
        assert_int_equal(sw_connect(w.host[0], c, &to), -EINPROGRESS);
        world_settle(&w);
        assert_int_equal(sw_connect(w.host[0], c, &to), 0);
        assert_int_equal(sw_accept(w.host[1], l, &s, NULL), 0);
        assert_int_equal(sw_close(w.host[1], s), 0); /* the server keeps the TIME_WAIT */
        world_settle(&w);
        assert_int_equal(sw_close(w.host[0], c), 0);
        world_run(&w, 10 * MS);
        struct sw_host_stats stats;
        sw_host_get_stats(w.host[1], &stats);
        assert_int_equal(stats.time_wait, 1); /* reopened by the next SYN (RFC 6191) */
    }
    world_fini(&w);
}

/* Over loopback more connections in a minute than there are ports: after a second of TIME_WAIT a
 * pair may be used again (Linux's tcp_tw_reuse = 2). */
static void test_many(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_addr to = at("127.0.0.1", 80), name;
    sw_socket_t l = listener(&w, 0, SW_AF_INET, to, 5), c, s;
    static uint8_t used[65536];
    unsigned ports = 0, again = 0;
    for (int i = 0; i < 30000; i++) {
        connect_to(&w, 0, to, 0, l, &c, &s);
        assert_int_equal(sw_getsockname(w.host[0], c, &name), 0);
        ports += used[name.port] == 0;
        again += used[name.port] != 0;
        used[name.port] = 1;
        assert_int_equal(sw_close(w.host[0], c), 0);
        world_settle(&w);
        assert_int_equal(sw_close(w.host[0], s), 0);
        world_settle(&w);
        w.now += MS / 10;
        sw_host_advance(w.host[0], w.now);
    }
    assert_int_equal(ports, 60999 - 32768 + 1);
    assert_int_equal(again, 30000 - ports);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exchange), cmocka_unit_test(test_loss),
        cmocka_unit_test(test_silence),  cmocka_unit_test(test_port_reuse),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
