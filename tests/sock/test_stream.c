/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Streams as poll(), connect(), send(), recv() and shutdown() show them, state by state. Each
 * result was compared with what Linux 6.18 answers to the same calls over its loopback.
 */
#include "host/private.h"
#include "host/world.h"
#include "sock/abi.h"

enum {
    IN = SW_EV_IN,
    OUT = SW_EV_OUT,
    ERR = SW_EV_ERR,
    HUP = SW_EV_HUP,
    RDHUP = SW_EV_RDHUP,
};

static char buf[65536];

static void test_fresh(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_host *h = w.host[0];
    sw_socket_t s = stream(&w, 0, SW_AF_INET);
    struct sw_addr name;
    assert_int_equal(sw_poll(h, s), OUT | HUP);
    assert_int_equal(sw_send(h, s, "x", 1, 0, NULL), -EPIPE);
    assert_int_equal(sw_recv(h, s, buf, 1, 0, NULL), -ENOTCONN);
    assert_int_equal(sw_getpeername(h, s, &name), -ENOTCONN);
    assert_int_equal(sw_shutdown(h, s, 3), -EINVAL);
    assert_int_equal(sw_shutdown(h, s, SW_SHUT_WR), -ENOTCONN);
    assert_int_equal(sw_poll(h, s), OUT | HUP);
    assert_int_equal(sw_accept(h, s, &s, NULL), -EINVAL);
    world_fini(&w);
}

static void test_listener(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_host *h = w.host[0];
    struct sw_addr addr = at("127.0.0.1", 80), name;
    sw_socket_t l = listener(&w, 0, SW_AF_INET, addr, 5), s;
    assert_int_equal(sw_poll(h, l), 0);
    assert_int_equal(get_int(&w, 0, l, SW_SOL_SOCKET, SW_SO_ACCEPTCONN), 1);
    assert_int_equal(sw_connect(h, l, &addr), -EISCONN);
    assert_int_equal(sw_send(h, l, "x", 1, 0, NULL), -EPIPE);
    assert_int_equal(sw_recv(h, l, buf, 1, 0, NULL), -ENOTCONN);
    assert_int_equal(sw_getpeername(h, l, &name), -ENOTCONN);
    assert_int_equal(sw_accept(h, l, &s, NULL), -EAGAIN);
    assert_int_equal(sw_shutdown(h, l, SW_SHUT_WR), 0);
    assert_int_equal(sw_poll(h, l), 0);
    assert_int_equal(sw_connect(h, l, NULL), 0); /* AF_UNSPEC: no listener any more, but bound */
    assert_int_equal(sw_poll(h, l), OUT | HUP);
    assert_int_equal(sw_getsockname(h, l, &name), 0);
    assert_int_equal(name.port, 80);
    assert_int_equal(sw_listen(h, l, 5), 0);
    assert_int_equal(sw_shutdown(h, l, SW_SHUT_RD), 0);
    assert_int_equal(sw_poll(h, l), OUT | HUP);
    assert_int_equal(sw_accept(h, l, &s, NULL), -EINVAL);
    assert_int_equal(sw_listen(h, l, 5), 0);
    sw_socket_t u = dgram(&w, 0, SW_AF_INET);
    assert_int_equal(sw_listen(h, u, 5), -EOPNOTSUPP);
    assert_int_equal(sw_accept(h, u, &s, NULL), -EOPNOTSUPP);
    world_fini(&w);
}

static void test_connect(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_host *h = w.host[0];
    struct sw_addr addr = at("10.0.0.2", 80), name;
    sw_socket_t l = listener(&w, 1, SW_AF_INET, addr, 5), s = stream(&w, 0, SW_AF_INET), c;
    struct sw_ready ready;
    assert_int_equal(sw_connect(h, s, &addr), -EINPROGRESS);
    assert_int_equal(sw_poll(h, s), 0);
    assert_int_equal(sw_connect(h, s, &addr), -EALREADY);
    assert_int_equal(sw_send(h, s, "x", 1, 0, NULL), -EAGAIN);
    assert_int_equal(sw_recv(h, s, buf, 1, 0, NULL), -EAGAIN);
    assert_int_equal(sw_getpeername(h, s, &name), -ENOTCONN);
    assert_int_equal(sw_listen(h, s, 1), -EINVAL);
    assert_false(sw_host_ready(h, &ready));
    world_settle(&w);
    assert_true(sw_host_ready(h, &ready));
    assert_int_equal(ready.socket, s);
    assert_int_equal(ready.events, OUT);
    assert_false(sw_host_ready(h, &ready));
    assert_true(sw_host_ready(w.host[1], &ready));
    assert_int_equal(ready.socket, l);
    assert_int_equal(ready.events, IN);
    assert_int_equal(sw_connect(h, s, &addr), 0);
    assert_int_equal(sw_connect(h, s, &addr), -EISCONN);
    assert_int_equal(sw_accept_queue_len(w.host[1], l), 1);
    assert_int_equal(sw_accept(w.host[1], l, &c, &name), 0);
    struct sw_addr mine;
    assert_int_equal(sw_getsockname(h, s, &mine), 0);
    assert_true(sw_ip_eq(&mine.ip, &name.ip));
    assert_int_equal(mine.port, name.port);
    assert_int_equal(sw_poll(w.host[1], c), OUT);
    assert_int_equal(sw_poll(w.host[1], l), 0);
    assert_int_equal(sw_bind(h, s, &mine), -EINVAL);
    world_fini(&w);
}

static void test_refused(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_host *h = w.host[0];
    struct sw_addr open = at("127.0.0.1", 80), closed = at("127.0.0.1", 81), name, before;
    listener(&w, 0, SW_AF_INET, open, 5);
    sw_socket_t s = stream(&w, 0, SW_AF_INET);
    struct sw_ready ready;
    assert_int_equal(sw_connect(h, s, &closed), -EINPROGRESS);
    assert_int_equal(sw_getsockname(h, s, &before), 0);
    world_settle(&w);
    assert_true(sw_host_ready(h, &ready));
    assert_int_equal(ready.events, IN | OUT | ERR | HUP | RDHUP);
    assert_int_equal(sw_poll(h, s), IN | OUT | ERR | HUP | RDHUP);
    assert_int_equal(sw_connect(h, s, &open), -ECONNREFUSED);
    assert_int_equal(sw_poll(h, s), OUT | HUP);
    assert_int_equal(sw_getsockname(h, s, &name), 0);
    assert_true(sw_ip_is_any(&name.ip));
    assert_int_equal(name.port, before.port);
    assert_int_equal(sw_connect(h, s, &open), -EINPROGRESS); /* as good as new */
    world_settle(&w);
    assert_int_equal(sw_connect(h, s, &open), 0);
    assert_int_equal(sw_close(h, s), 0);

    s = stream(&w, 0, SW_AF_INET); /* who asks for the error has it */
    assert_int_equal(sw_connect(h, s, &closed), -EINPROGRESS);
    world_settle(&w);
    assert_int_equal(get_int(&w, 0, s, SW_SOL_SOCKET, SW_SO_ERROR), ECONNREFUSED);
    assert_int_equal(sw_poll(h, s), IN | OUT | HUP | RDHUP);
    assert_int_equal(sw_connect(h, s, &open), -ECONNABORTED);
    assert_int_equal(sw_connect(h, s, &open), -EINPROGRESS);
    assert_int_equal(sw_close(h, s), 0);

    s = stream(&w, 0, SW_AF_INET);
    assert_int_equal(sw_connect(h, s, &closed), -EINPROGRESS);
    world_settle(&w);
    assert_int_equal(sw_recv(h, s, buf, 1, 0, NULL), -ECONNREFUSED);
    assert_int_equal(sw_recv(h, s, buf, 1, 0, NULL), 0);
    assert_int_equal(sw_send(h, s, buf, 1, 0, NULL), -EPIPE);
    world_fini(&w);
}

static void test_destinations(void **state)
{
    (void)state;
    static const struct {
        int domain;
        const char *to;
        int expect;
    } cases[] = {
        {SW_AF_INET, "0.0.0.0", -EINPROGRESS},      {SW_AF_INET6, "::", -EINPROGRESS},
        {SW_AF_INET, "8.8.8.8", -ENETUNREACH},      {SW_AF_INET, "255.255.255.255", -ENETUNREACH},
        {SW_AF_INET, "::1", -EAFNOSUPPORT},         {SW_AF_INET6, "127.0.0.1", -EINPROGRESS},
        {SW_AF_INET6, "2001:db8::1", -ENETUNREACH}, {SW_AF_INET6, "fd00::2", -EINPROGRESS},
    };
    struct world w;
    world_init(&w);
    struct sw_host *h = w.host[0];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        sw_socket_t s = stream(&w, 0, cases[i].domain);
        struct sw_addr to = at(cases[i].to, 80);
        int r = sw_connect(h, s, &to);
        if (r != cases[i].expect)
            fail_msg("%s: %d, not %d", cases[i].to, r, cases[i].expect);
        assert_int_equal(sw_poll(h, s), r == -EINPROGRESS ? 0 : OUT | HUP);
        assert_int_equal(sw_close(h, s), 0);
    }
    sw_socket_t s = stream(&w, 0, SW_AF_INET6);
    struct sw_addr mapped = at("127.0.0.1", 80);
    set_int(&w, 0, s, SW_SOL_IPV6, SW_IPV6_V6ONLY, 1);
    assert_int_equal(sw_connect(h, s, &mapped), -ENETUNREACH);
    world_fini(&w);
}

/* A pair over the loopback of host 0. */
static void pair(struct world *w, sw_socket_t *l, sw_socket_t *s, sw_socket_t *c)
{
    struct sw_addr addr = at("127.0.0.1", 80);
    *l = listener(w, 0, SW_AF_INET, addr, 5);
    connect_to(w, 0, addr, 0, *l, s, c);
}

static void test_half_close(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_host *h = w.host[0];
    sw_socket_t l, s, c;
    struct sw_addr name;
    pair(&w, &l, &s, &c);
    assert_int_equal(sw_shutdown(h, s, SW_SHUT_WR), 0);
    assert_int_equal(sw_send(h, s, "x", 1, 0, NULL), -EPIPE);
    world_settle(&w);
    assert_int_equal(sw_poll(h, s), OUT);
    assert_int_equal(sw_poll(h, c), IN | OUT | RDHUP);
    assert_int_equal(sw_recv(h, c, buf, 1, 0, NULL), 0);
    assert_int_equal(sw_send(h, c, "abc", 3, 0, NULL), 3);
    world_settle(&w);
    assert_int_equal(sw_recv(h, s, buf, 10, 0, NULL), 3);
    assert_int_equal(sw_shutdown(h, s, SW_SHUT_WR), 0);
    assert_int_equal(sw_shutdown(h, c, SW_SHUT_WR), 0);
    world_settle(&w);
    assert_int_equal(sw_poll(h, s), IN | OUT | HUP | RDHUP);
    assert_int_equal(sw_poll(h, c), IN | OUT | HUP | RDHUP);
    assert_int_equal(sw_getpeername(h, s, &name), -ENOTCONN);
    assert_int_equal(sw_recv(h, s, buf, 1, 0, NULL), 0);
    assert_int_equal(sw_recv(h, c, buf, 1, 0, NULL), 0);
    assert_int_equal(sw_shutdown(h, s, SW_SHUT_WR), -ENOTCONN);
    assert_int_equal(sw_send(h, c, "x", 1, 0, NULL), -EPIPE);
    struct sw_host_stats stats;
    sw_host_get_stats(h, &stats);
    assert_int_equal(stats.time_wait, 1);
    world_run(&w, 61 * S);
    sw_host_get_stats(h, &stats);
    assert_int_equal(stats.time_wait, 0);
    world_fini(&w);
}

/* SHUT_RD says end of stream, and yet what comes later can be read: Linux does so. */
static void test_shut_rd(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_host *h = w.host[0];
    sw_socket_t l, s, c;
    pair(&w, &l, &s, &c);
    assert_int_equal(sw_shutdown(h, s, SW_SHUT_RD), 0);
    assert_int_equal(sw_poll(h, s), IN | OUT | RDHUP);
    assert_int_equal(sw_poll(h, c), OUT);
    assert_int_equal(sw_recv(h, s, buf, 1, 0, NULL), 0);
    assert_int_equal(sw_send(h, c, "abc", 3, 0, NULL), 3);
    world_settle(&w);
    assert_int_equal(sw_recv(h, s, buf, 2, 0, NULL), 2);
    assert_int_equal(sw_recv(h, s, buf, 2, 0, NULL), 1);
    assert_int_equal(sw_recv(h, s, buf, 2, 0, NULL), 0);
    world_fini(&w);
}

static void test_reset(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_host *h = w.host[0];
    sw_socket_t l, s, c;
    pair(&w, &l, &s, &c);
    /* closed with something unread: the peer is reset */
    assert_int_equal(sw_send(h, s, "abc", 3, 0, NULL), 3);
    world_settle(&w);
    assert_int_equal(sw_close(h, c), 0);
    world_settle(&w);
    assert_int_equal(sw_poll(h, s), IN | OUT | ERR | HUP | RDHUP);
    assert_int_equal(sw_send(h, s, "x", 1, 0, NULL), -ECONNRESET);
    assert_int_equal(sw_send(h, s, "x", 1, 0, NULL), -EPIPE);
    assert_int_equal(sw_recv(h, s, buf, 1, 0, NULL), 0);
    assert_int_equal(sw_close(h, s), 0);

    /* SO_LINGER of no seconds */
    struct sw_addr addr = at("127.0.0.1", 80);
    connect_to(&w, 0, addr, 0, l, &s, &c);
    const int linger[2] = {1, 0};
    assert_int_equal(sw_setsockopt(h, s, SW_SOL_SOCKET, SW_SO_LINGER, linger, 8), 0);
    assert_int_equal(sw_send(h, s, "abc", 3, 0, NULL), 3);
    world_settle(&w);
    assert_int_equal(sw_close(h, s), 0);
    world_settle(&w);
    assert_int_equal(sw_recv(h, c, buf, 10, 0, NULL), 3); /* what came before is still there */
    assert_int_equal(sw_recv(h, c, buf, 10, 0, NULL), -ECONNRESET);
    assert_int_equal(sw_recv(h, c, buf, 10, 0, NULL), 0);
    assert_int_equal(sw_close(h, c), 0);

    /* AF_UNSPEC dissolves it */
    connect_to(&w, 0, addr, 0, l, &s, &c);
    assert_int_equal(sw_connect(h, s, NULL), 0);
    world_settle(&w);
    assert_int_equal(sw_poll(h, s), OUT | ERR | HUP);
    assert_int_equal(sw_poll(h, c), IN | OUT | ERR | HUP | RDHUP);
    assert_int_equal(sw_connect(h, s, &addr), -EINPROGRESS);
    world_settle(&w);
    assert_int_equal(sw_connect(h, s, &addr), 0);
    struct sw_host_stats stats;
    sw_host_get_stats(h, &stats);
    assert_int_equal(stats.time_wait, 0);
    world_fini(&w);
}

/* The buffer fills up, EAGAIN, and one event once there is room for more than crumbs. */
static void test_write_space(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_host *h = w.host[0];
    sw_socket_t l, s, c;
    struct sw_ready ready;
    struct sw_addr addr = at("127.0.0.1", 80);
    l = listener(&w, 0, SW_AF_INET, addr, 5);
    s = stream(&w, 0, SW_AF_INET);
    assert_int_equal(set_int(&w, 0, s, SW_SOL_SOCKET, SW_SO_SNDBUF, 50000), 0);
    assert_int_equal(sw_connect(h, s, &addr), -EINPROGRESS);
    world_settle(&w);
    assert_int_equal(sw_accept(h, l, &c, NULL), 0);
    while (sw_host_ready(h, &ready))
        ;
    uint64_t sent = 0;
    int64_t n;
    while ((n = sw_send(h, s, buf, sizeof(buf), 0, NULL)) > 0)
        sent += (uint64_t)n, world_settle(&w);
    assert_int_equal(n, -EAGAIN);
    assert_int_equal(sw_poll(h, s), 0);
    while (sw_host_ready(h, &ready))
        assert_int_equal(ready.socket, c);
    uint64_t got = 0;
    bool told = false;
    while (got < sent) {
        n = sw_recv(h, c, buf, 1000, 0, NULL);
        assert_true(n > 0);
        got += (uint64_t)n;
        world_run(&w, 500 * MS);
        while (sw_host_ready(h, &ready))
            if (ready.socket == s) {
                assert_false(told);
                assert_int_equal(ready.events, OUT);
                told = true;
            }
        assert_int_equal(sw_poll(h, s), told ? OUT : 0);
    }
    assert_true(told);
    world_fini(&w);
}

static void test_zero_copy(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_host *h = w.host[0];
    sw_socket_t l, s, c;
    pair(&w, &l, &s, &c);
    void *room;
    int64_t n = sw_send_reserve(h, s, 5, &room);
    assert_int_equal(n, 5);
    memcpy(room, "hello", 5);
    assert_int_equal(sw_send_commit(h, s, 5, 0), 0);
    world_settle(&w);
    struct sw_bytes pieces[4];
    assert_int_equal(sw_recv_peek(h, c, pieces, 4), 1);
    assert_int_equal(pieces[0].len, 5);
    assert_memory_equal(pieces[0].ptr, "hello", 5);
    assert_int_equal(sw_recv_consume(h, c, 6), -EINVAL);
    assert_int_equal(sw_recv_consume(h, c, 2), 0);
    assert_int_equal(sw_recv(h, c, buf, 10, SW_MSG_PEEK, NULL), 3);
    assert_int_equal(sw_recv(h, c, buf, 10, 0, NULL), 3);
    assert_memory_equal(buf, "llo", 3);
    assert_int_equal(sw_recv_peek(h, c, pieces, 4), -EAGAIN);
    assert_int_equal(sw_close(h, s), 0);
    world_settle(&w);
    assert_int_equal(sw_recv_peek(h, c, pieces, 4), 0);
    world_fini(&w);
}

/* A connection that Fast Open has put off (TCP_FASTOPEN_CONNECT) waits for its first write, sane
 * meanwhile; one without a copy begins it, too, though without data in the SYN. */
static void test_put_off(void **state)
{
    (void)state;
    enum { TCP = 6, TCP_FASTOPEN_CONNECT_ = 30 };
    struct world w;
    world_init(&w);
    struct sw_host *h = w.host[0];
    struct sw_addr to = at("127.0.0.1", 80);
    sw_socket_t l = listener(&w, 0, SW_AF_INET, to, 5), s = stream(&w, 0, SW_AF_INET), c;
    void *room;
    assert_int_equal(sw_host_set(h, "tcp_fastopen", "0x7"), 0); /* no cookie is needed */
    assert_int_equal(set_int(&w, 0, s, TCP, TCP_FASTOPEN_CONNECT_, 1), 0);
    assert_int_equal(sw_connect(h, s, &to), 0);
    world_settle(&w);
    assert_null(sw_sock_sane(&h->sock));
    assert_int_equal(sw_accept(h, l, &c, NULL), -EAGAIN);
    assert_int_equal(sw_send_reserve(h, s, 5, &room), -EAGAIN);
    world_settle(&w);
    assert_int_equal(sw_accept(h, l, &c, NULL), 0);
    assert_true(sw_poll(h, s) & SW_EV_OUT);
    assert_int_equal(sw_send_reserve(h, s, 5, &room), 5);
    memcpy(room, "hello", 5);
    assert_int_equal(sw_send_commit(h, s, 5, 0), 0);
    world_settle(&w);
    assert_int_equal(sw_recv(h, c, buf, 10, 0, NULL), 5);
    world_fini(&w);
}

/* A socket may be its own peer: simultaneous open with itself (RFC 9293 3.5), as on Linux. */
static void test_self(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_host *h = w.host[0];
    struct sw_addr self = at("127.0.0.1", 4000);
    sw_socket_t s = stream(&w, 0, SW_AF_INET);
    assert_int_equal(sw_bind(h, s, &self), 0);
    assert_int_equal(sw_connect(h, s, &self), -EINPROGRESS);
    world_settle(&w);
    assert_int_equal(sw_connect(h, s, &self), 0);
    assert_int_equal(sw_send(h, s, "echo", 4, 0, NULL), 4);
    world_settle(&w);
    assert_int_equal(sw_recv(h, s, buf, 10, 0, NULL), 4);
    assert_int_equal(sw_close(h, s), 0);
    world_run(&w, 200 * S);
    struct sw_host_stats stats;
    sw_host_get_stats(h, &stats);
    assert_int_equal(stats.sockets + stats.time_wait, 0);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fresh),        cmocka_unit_test(test_listener),
        cmocka_unit_test(test_connect),      cmocka_unit_test(test_refused),
        cmocka_unit_test(test_destinations), cmocka_unit_test(test_half_close),
        cmocka_unit_test(test_shut_rd),      cmocka_unit_test(test_reset),
        cmocka_unit_test(test_write_space),  cmocka_unit_test(test_zero_copy),
        cmocka_unit_test(test_self),         cmocka_unit_test(test_put_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
