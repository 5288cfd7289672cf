/* SPDX-License-Identifier: BSD-2-Clause */
/* Backlog, accept, inheritance, and the death of listeners and embryos. */
#include "host/private.h"
#include "host/world.h"
#include "sock/private.h"
#include "wire/wire.h"

/* Starts `n` connections from host 0 to host 1 and lets packets pass. */
static void dial(struct world *w, struct sw_addr to, int n, sw_socket_t *ret)
{
    for (int i = 0; i < n; i++) {
        ret[i] = stream(w, 0, sw_ip_is4(&to.ip) ? SW_AF_INET : SW_AF_INET6);
        assert_int_equal(sw_connect(w->host[0], ret[i], &to), -EINPROGRESS);
    }
    world_settle(w);
}

/* Linux: the accept queue holds one more than the backlog; who comes later waits for his SYN to be
 * sent again. */
static void test_backlog(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_addr addr = at("10.0.0.2", 80);
    sw_socket_t l = listener(&w, 1, SW_AF_INET, addr, 2), c[6], a;
    dial(&w, addr, 6, c);
    assert_int_equal(sw_accept_queue_len(w.host[1], l), 3);
    assert_true(sw_host_drops(w.host[1], SW_DROP_TCP_BACKLOG) > 0);
    for (int i = 0; i < 6; i++)
        assert_int_equal(sw_accept(w.host[1], l, &a, NULL), i < 3 ? 0 : -EAGAIN);
    world_run(&w, 4 * S);
    assert_int_equal(sw_accept_queue_len(w.host[1], l), 3);
    for (int i = 0; i < 6; i++)
        assert_int_equal(sw_connect(w.host[0], c[i], &addr), 0);
    assert_int_equal(sw_listen(w.host[1], l, 0), 0); /* only the backlog changes */
    world_fini(&w);
}

static void test_backlog_zero(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_addr addr = at("10.0.0.2", 80);
    sw_socket_t l = listener(&w, 1, SW_AF_INET, addr, 0), c[2];
    dial(&w, addr, 2, c);
    assert_int_equal(sw_accept_queue_len(w.host[1], l), 1);
    world_fini(&w);
}

/* A connection that was reset while it waited still comes out of accept(). */
static void test_reset_in_queue(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_addr addr = at("10.0.0.2", 80), peer;
    sw_socket_t l = listener(&w, 1, SW_AF_INET, addr, 5), c, a;
    dial(&w, addr, 1, &c);
    assert_int_equal(sw_send(w.host[0], c, "abc", 3, 0, NULL), 3);
    world_settle(&w);
    assert_int_equal(sw_abort(w.host[0], c), 0);
    world_settle(&w);
    assert_int_equal(sw_poll(w.host[1], l), SW_EV_IN);
    assert_int_equal(sw_accept(w.host[1], l, &a, &peer), 0);
    assert_true(peer.port >= 32768);
    char buf[8];
    struct sw_ready ready;
    bool told = false;
    while (sw_host_ready(w.host[1], &ready))
        told |= ready.socket == a && (ready.events & SW_EV_ERR);
    assert_true(told);
    assert_int_equal(sw_recv(w.host[1], a, buf, 8, 0, NULL), 3);
    assert_int_equal(sw_recv(w.host[1], a, buf, 8, 0, NULL), -ECONNRESET);
    assert_int_equal(sw_recv(w.host[1], a, buf, 8, 0, NULL), 0);
    world_fini(&w);
}

static void test_close_resets_children(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_addr addr = at("fd00::2", 80);
    sw_socket_t l = listener(&w, 1, SW_AF_INET6, addr, 5), c[2];
    dial(&w, addr, 2, c);
    assert_int_equal(sw_close(w.host[1], l), 0);
    world_settle(&w);
    for (int i = 0; i < 2; i++)
        assert_int_equal(sw_take_error(w.host[0], c[i]), ECONNRESET);
    struct sw_host_stats stats;
    sw_host_get_stats(w.host[1], &stats);
    assert_int_equal(stats.sockets, 0);
    world_fini(&w);
}

static void test_inherit(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_addr addr = at("::", 80), to = at("10.0.0.2", 80), name;
    sw_socket_t l = listener(&w, 1, SW_AF_INET6, addr, 5), c, a;
    const int linger[2] = {1, 7};
    int got[2];
    size_t len = sizeof(got);
    set_int(&w, 1, l, SW_SOL_SOCKET, SW_SO_KEEPALIVE, 1);
    set_int(&w, 1, l, SW_SOL_SOCKET, SW_SO_RCVBUF, 30000);
    set_int(&w, 1, l, SW_SOL_TCP, SW_TCP_NODELAY, 1);
    set_int(&w, 1, l, SW_SOL_TCP, SW_TCP_KEEPIDLE, 99);
    assert_int_equal(sw_setsockopt(w.host[1], l, SW_SOL_SOCKET, SW_SO_LINGER, linger, 8), 0);
    dial(&w, to, 1, &c);
    assert_int_equal(sw_accept(w.host[1], l, &a, &name), 0);
    struct sw_addr client = at("10.0.0.1", 0); /* mapped, on an IPv6 socket */
    assert_true(sw_ip_eq(&name.ip, &client.ip));
    assert_int_equal(get_int(&w, 1, a, SW_SOL_SOCKET, SW_SO_DOMAIN), SW_AF_INET6);
    assert_int_equal(get_int(&w, 1, a, SW_SOL_SOCKET, SW_SO_ACCEPTCONN), 0);
    assert_int_equal(get_int(&w, 1, a, SW_SOL_SOCKET, SW_SO_KEEPALIVE), 1);
    assert_int_equal(get_int(&w, 1, a, SW_SOL_SOCKET, SW_SO_RCVBUF), 60000);
    assert_int_equal(get_int(&w, 1, a, SW_SOL_TCP, SW_TCP_NODELAY), 1);
    assert_int_equal(get_int(&w, 1, a, SW_SOL_TCP, SW_TCP_KEEPIDLE), 99);
    assert_int_equal(sw_getsockopt(w.host[1], a, SW_SOL_SOCKET, SW_SO_LINGER, got, &len), 0);
    assert_memory_equal(got, linger, sizeof(got));
    set_int(&w, 1, a, SW_SOL_TCP, SW_TCP_KEEPIDLE, 5); /* the child's is the child's */
    assert_int_equal(get_int(&w, 1, l, SW_SOL_TCP, SW_TCP_KEEPIDLE), 99);
    world_fini(&w);
}

/* A server binds again beside its old connections only with SO_REUSEADDR. */
static void test_bind_again(void **state)
{
    (void)state;
    for (int reuse = 0; reuse < 2; reuse++) {
        struct world w;
        world_init(&w);
        struct sw_addr addr = at("0.0.0.0", 80), to = at("10.0.0.2", 80);
        sw_socket_t l = stream(&w, 1, SW_AF_INET), c, a;
        set_int(&w, 1, l, SW_SOL_SOCKET, SW_SO_REUSEADDR, reuse);
        assert_int_equal(sw_bind(w.host[1], l, &addr), 0);
        assert_int_equal(sw_listen(w.host[1], l, 5), 0);
        dial(&w, to, 1, &c);
        assert_int_equal(sw_accept(w.host[1], l, &a, NULL), 0);
        assert_int_equal(sw_close(w.host[1], l), 0);
        for (int step = 0; step < 2; step++) {
            sw_socket_t again = stream(&w, 1, SW_AF_INET);
            assert_int_equal(sw_bind(w.host[1], again, &addr), -EADDRINUSE);
            set_int(&w, 1, again, SW_SOL_SOCKET, SW_SO_REUSEADDR, 1);
            assert_int_equal(sw_bind(w.host[1], again, &addr), reuse ? 0 : -EADDRINUSE);
            assert_int_equal(sw_listen(w.host[1], again, 1), 0);
            assert_int_equal(sw_close(w.host[1], again), 0);
            if (step == 0) { /* now the same with the connection in TIME_WAIT */
                assert_int_equal(sw_close(w.host[1], a), 0);
                world_settle(&w);
                assert_int_equal(sw_close(w.host[0], c), 0);
                world_settle(&w);
                struct sw_host_stats stats;
                sw_host_get_stats(w.host[1], &stats);
                assert_int_equal(stats.time_wait, 1);
            }
        }
        world_fini(&w);
    }
}

/* A connection without data is accepted only after its time; one with data at once. */
static void test_defer_accept(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_addr addr = at("10.0.0.2", 80);
    sw_socket_t l = listener(&w, 1, SW_AF_INET, addr, 5), c[2];
    set_int(&w, 1, l, SW_SOL_TCP, SW_TCP_DEFER_ACCEPT, 3);
    dial(&w, addr, 2, c);
    for (int i = 0; i < 2; i++)
        assert_int_equal(sw_connect(w.host[0], c[i], &addr), 0);
    assert_int_equal(sw_accept_queue_len(w.host[1], l), 0);
    assert_int_equal(sw_host_drops(w.host[1], SW_DROP_TCP_DEFERRED), 2);
    assert_int_equal(sw_send(w.host[0], c[0], "GET", 3, 0, NULL), 3);
    world_settle(&w);
    assert_int_equal(sw_accept_queue_len(w.host[1], l), 1);
    world_run(&w, 2 * S);
    assert_int_equal(sw_accept_queue_len(w.host[1], l), 1);
    world_run(&w, 8 * S);
    assert_int_equal(sw_accept_queue_len(w.host[1], l), 2);
    world_fini(&w);
}

/* ---- a flood of SYNs ------------------------------------------------------------------ */

static void forged_syn(struct world *w, uint32_t n)
{
    struct sw_packet *pkt = sw_packet_new(sw_host_mem(w->host[1]), 128);
    struct sw_tcp_hdr tcp = {.src_port = (uint16_t)(1024 + n % 50000),
                             .dst_port = 80,
                             .seq = sw_seq_of(n * 2654435761U),
                             .flags = SW_TCP_SYN,
                             .window = 1000};
    struct sw_ip_hdr ip = {.src = SW_IP4(10, 0, 0, (uint8_t)(100 + n % 100)),
                           .dst = SW_IP4(10, 0, 0, 2),
                           .version = 4,
                           .proto = SW_PROTO_TCP,
                           .ttl = 64};
    sw_tcp_push_hdr(pkt, &tcp, &ip.src, &ip.dst);
    sw_packet_fill_csum(pkt);
    sw_ip_push_hdr(pkt, &ip);
    sw_host_input(w->host[1], w->eth[1], pkt, w->now);
    while ((pkt = sw_host_output(w->host[1], w->eth[1], w->now)) != NULL)
        sw_packet_free(pkt);
}

static void test_syn_flood(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_addr addr = at("10.0.0.2", 80);
    sw_socket_t l = listener(&w, 1, SW_AF_INET, addr, 64), c;
    struct sw_host_stats stats;
    uint64_t after_1000 = 0;
    for (uint32_t n = 0; n < 20000; n++) {
        forged_syn(&w, n);
        w.now += MS / 2;
        sw_host_advance(w.host[1], w.now);
        if (n == 1000) {
            sw_host_get_stats(w.host[1], &stats);
            after_1000 = stats.mem_bytes;
        }
        if (n % 1000 == 0) {
            sw_host_get_stats(w.host[1], &stats);
            assert_true(stats.sockets <= 1 + 64);
        }
    }
    sw_host_get_stats(w.host[1], &stats);
    assert_true(stats.mem_bytes <= after_1000 + 4096);
    assert_int_equal(sw_accept_queue_len(w.host[1], l), 0);
    w.now += S;
    dial(&w, addr, 1, &c); /* and who is real gets in */
    assert_int_equal(sw_accept_queue_len(w.host[1], l), 1);
    world_fini(&w);
}

/* Bug class 19: a million forged SYNs take no more memory than the first thousand, and who is real
 * gets in between them. */
static void test_a_million_syns(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_addr addr = at("10.0.0.2", 80);
    sw_socket_t l = listener(&w, 1, SW_AF_INET, addr, 64), c, a;
    struct sw_host_stats stats;
    uint64_t most = 0;
    for (uint32_t n = 1; n <= 1000000; n++) {
        forged_syn(&w, n);
        if (n % 1000 == 0) {
            w.now += 10 * MS; /* 100,000 a second */
            sw_host_advance(w.host[1], w.now);
            struct sw_packet *pkt;
            while ((pkt = sw_host_output(w.host[1], w.eth[1], w.now)) != NULL)
                sw_packet_free(pkt);
            sw_host_get_stats(w.host[1], &stats);
            assert_true(stats.half_open <= 64 && stats.sockets <= 2);
            if (n == 1000)
                most = stats.mem_bytes + SW_PAGE_BYTES;
            assert_true(stats.mem_bytes <= most);
        }
        if (n % 250000 == 0) {
            dial(&w, addr, 1, &c);
            assert_int_equal(sw_accept(w.host[1], l, &a, NULL), 0);
            assert_int_equal(sw_abort(w.host[1], a), 0);
            world_settle(&w);
            assert_int_equal(sw_close(w.host[0], c), 0);
        }
    }
    assert_int_equal(sw_small_longest_chain(&w.host[1]->sock) <= 4, 1);
    world_fini(&w);
}

/* With the SYN queue full who is real still gets in, by a cookie; without cookies he does not. */
static void test_syn_cookie(void **state)
{
    (void)state;
    for (int on = 0; on < 2; on++) {
        struct world w;
        world_init(&w);
        struct sw_addr addr = at("10.0.0.2", 80);
        sw_socket_t l = listener(&w, 1, SW_AF_INET, addr, 2), c[4], a;
        char buf[8];
        w.host[1]->tcp.config.syncookies = on;
        for (uint32_t n = 0; n < 8; n++)
            forged_syn(&w, n);
        dial(&w, addr, 4, c);
        assert_int_equal(sw_accept_queue_len(w.host[1], l), on ? 3 : 0);
        for (int i = 0; on && i < 3; i++) {
            assert_int_equal(sw_send(w.host[0], c[i], "abc", 3, 0, NULL), 3);
            world_settle(&w);
            assert_int_equal(sw_accept(w.host[1], l, &a, NULL), 0);
            assert_int_equal(sw_recv(w.host[1], a, buf, 8, 0, NULL), 3);
            assert_int_equal(sw_send(w.host[1], a, "defg", 4, 0, NULL), 4);
            world_settle(&w);
            assert_int_equal(sw_recv(w.host[0], c[i], buf, 8, 0, NULL), 4);
        }
        world_fini(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_backlog),        cmocka_unit_test(test_backlog_zero),
        cmocka_unit_test(test_reset_in_queue), cmocka_unit_test(test_close_resets_children),
        cmocka_unit_test(test_inherit),        cmocka_unit_test(test_bind_again),
        cmocka_unit_test(test_defer_accept),   cmocka_unit_test(test_syn_flood),
        cmocka_unit_test(test_syn_cookie),     cmocka_unit_test(test_a_million_syns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
