/* SPDX-License-Identifier: BSD-2-Clause */
/* Sockets of UDP-Lite: ports of their own, what they send and take covered (udplite(7)). */
#include "host/world.h"
#include "sock/abi.h"
#include "wire/wire.h"

static char buf[200];

static sw_socket_t lite(struct world *w, int domain)
{
    sw_socket_t s;
    assert_int_equal(sw_socket(w->host[0], domain, SW_SOCK_DGRAM, SW_PROTO_UDPLITE, &s), 0);
    return s;
}

static int get(struct sw_host *h, sw_socket_t s, int level, int name)
{
    int v = -1;
    size_t len = sizeof(v);
    int r = sw_getsockopt(h, s, level, name, &v, &len);
    return r < 0 ? r : v;
}

static int set(struct sw_host *h, sw_socket_t s, int level, int name, int v)
{
    return sw_setsockopt(h, s, level, name, &v, sizeof(v));
}

static void test_apart_from_udp(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_host *h = w.host[0];
    for (int v6 = 0; v6 < 2; v6++) {
        int domain = v6 ? SW_AF_INET6 : SW_AF_INET;
        struct sw_addr there = at(v6 ? "::1" : "127.0.0.1", 7), from;
        sw_socket_t u = dgram(&w, 0, domain), l = lite(&w, domain), c = lite(&w, domain);
        assert_int_equal(sw_bind(h, u, &there), 0);
        assert_int_equal(sw_bind(h, l, &there), 0); /* the same port of another protocol */
        assert_int_equal(get(h, l, SW_SOL_SOCKET, SW_SO_PROTOCOL), SW_PROTO_UDPLITE);
        assert_int_equal(get(h, l, SW_SOL_SOCKET, SW_SO_TYPE), SW_SOCK_DGRAM);
        assert_int_equal(sw_send(h, c, "hello", 5, 0, &there), 5);
        world_run(&w, MS);
        assert_int_equal(sw_recv(h, u, buf, sizeof(buf), 0, NULL), -EAGAIN);
        assert_int_equal(sw_recv(h, l, buf, sizeof(buf), 0, &from), 5);
        assert_int_equal(sw_connect(h, l, &from), 0);
        assert_int_equal(sw_send(h, l, "back", 4, 0, NULL), 4);
        world_run(&w, MS);
        assert_int_equal(sw_recv(h, c, buf, sizeof(buf), 0, NULL), 4);
        assert_int_equal(sw_connect(h, c, &there), 0);
        sw_close(h, l);
        assert_int_equal(sw_send(h, c, "gone", 4, 0, NULL), 4);
        world_run(&w, MS);
        assert_int_equal(sw_recv(h, c, buf, sizeof(buf), 0, NULL), -ECONNREFUSED);
        sw_close(h, u);
        sw_close(h, c);
    }
    world_fini(&w);
}

/* What goes out with `send` arrives where `recv` is asked for, or not. */
static void test_coverage(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_host *h = w.host[0];
    static const struct {
        int send, recv; /* -1: not set */
        bool arrives;   /* 40 bytes of data, 48 in all */
    } rows[] = {
        {-1, -1, true}, {-1, 0, true},  {-1, 20, true},  {20, -1, true}, {20, 0, false},
        {20, 20, true}, {20, 19, true}, {20, 21, false}, {8, 9, false},  {0, 0, true},
        {48, 0, true},  {99, 0, true},  {48, 60, true},  {1, 8, true},   {20, 65535, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sw_addr there = at("127.0.0.1", 7);
        sw_socket_t l = lite(&w, SW_AF_INET), c = lite(&w, SW_AF_INET);
        assert_int_equal(sw_bind(h, l, &there), 0);
        if (rows[i].send >= 0)
            assert_int_equal(set(h, c, SW_SOL_UDPLITE, SW_UDPLITE_SEND_CSCOV, rows[i].send), 0);
        if (rows[i].recv >= 0)
            assert_int_equal(set(h, l, SW_SOL_UDP, SW_UDPLITE_RECV_CSCOV, rows[i].recv), 0);
        assert_int_equal(sw_send(h, c, buf, 40, 0, &there), 40);
        world_run(&w, MS);
        int64_t n = sw_recv(h, l, buf, sizeof(buf), 0, NULL);
        if (n != (rows[i].arrives ? 40 : -EAGAIN))
            fail_msg("row %zu: %d", i, (int)n);
        sw_close(h, l);
        sw_close(h, c);
    }
    world_fini(&w);
}

static void test_options(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_host *h = w.host[0];
    static const int values[][2] = {{0, 0}, {1, 8},         {-1, 8},       {8, 8},
                                    {9, 9}, {65535, 65535}, {65536, 65535}};
    sw_socket_t l = lite(&w, SW_AF_INET6), u = dgram(&w, 0, SW_AF_INET6);
    for (int name = SW_UDPLITE_SEND_CSCOV; name <= SW_UDPLITE_RECV_CSCOV; name++) {
        assert_int_equal(get(h, l, SW_SOL_UDPLITE, name), 0);
        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
            assert_int_equal(set(h, l, SW_SOL_UDPLITE, name, values[i][0]), 0);
            assert_int_equal(get(h, l, SW_SOL_UDP, name), values[i][1]);
        }
        assert_int_equal(set(h, u, SW_SOL_UDP, name, 8), -ENOPROTOOPT);
        assert_int_equal(get(h, u, SW_SOL_UDP, name), 0);
    }
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_apart_from_udp),
        cmocka_unit_test(test_coverage),
        cmocka_unit_test(test_options),
    };
    return cmocka_run_group_tests_name("sock/udplite", tests, NULL, NULL);
}
