/* SPDX-License-Identifier: BSD-2-Clause */
/* One datagram by several sends, several datagrams by one, and joined again by their receiver. */
#include "host/world.h"
#include "sock/abi.h"

static char buf[70000];

static int set(struct sw_host *h, sw_socket_t s, int level, int name, int v)
{
    return sw_setsockopt(h, s, level, name, &v, sizeof(v));
}

/* The next datagram's length; what was joined in it is *ret_segment. */
static int64_t next(struct world *w, sw_socket_t s, uint32_t *ret_segment)
{
    struct sw_datagram_info info = {.segment = 99};
    int64_t n = sw_recv_datagram(w->host[0], s, buf, sizeof(buf), 0, NULL, &info);
    *ret_segment = info.segment;
    return n;
}

static void test_cork(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_host *h = w.host[0];
    struct sw_addr there = at("127.0.0.1", 7), elsewhere = at("127.0.0.1", 8);
    sw_socket_t r = dgram(&w, 0, SW_AF_INET), s = dgram(&w, 0, SW_AF_INET);
    uint32_t segment;
    assert_int_equal(sw_bind(h, r, &there), 0);
    assert_int_equal(sw_send(h, s, "one", 3, SW_MSG_MORE, &there), 3);
    assert_int_equal(sw_send(h, s, "two", 3, SW_MSG_MORE, &elsewhere), 3);
    world_run(&w, MS);
    assert_int_equal(next(&w, r, &segment), -EAGAIN);
    assert_int_equal(sw_send(h, s, "three", 5, 0, NULL), 5);
    world_run(&w, MS);
    assert_int_equal(next(&w, r, &segment), 11);
    assert_memory_equal(buf, "onetwothree", 11);

    assert_int_equal(set(h, s, SW_SOL_UDP, SW_UDP_CORK, 1), 0);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(sw_send(h, s, "0123456789", 10, 0, &there), 10);
    world_run(&w, MS);
    assert_int_equal(next(&w, r, &segment), -EAGAIN);
    assert_int_equal(set(h, s, SW_SOL_UDP, SW_UDP_CORK, 0), 0);
    world_run(&w, MS);
    assert_int_equal(next(&w, r, &segment), 10000);
    for (int i = 0; i < 10000; i++)
        assert_int_equal(buf[i], '0' + i % 10);

    memset(buf, 'x', sizeof(buf));
    assert_int_equal(sw_send(h, s, buf, 65000, SW_MSG_MORE, &there), 65000);
    assert_int_equal(sw_send(h, s, buf, 508, SW_MSG_MORE, &there), -EMSGSIZE); /* all is given up */
    assert_int_equal(sw_send(h, s, buf, 65000, SW_MSG_MORE, &there), 65000);
    assert_int_equal(sw_send(h, s, buf, 507, 0, &there), 507);
    world_run(&w, MS);
    assert_int_equal(next(&w, r, &segment), 65507);
    assert_int_equal(next(&w, r, &segment), -EAGAIN);
    assert_int_equal(sw_send(h, s, buf, 10, SW_MSG_MORE, &there), 10);
    sw_close(h, s); /* with it: world_fini() finds what leaks */
    world_fini(&w);
}

static void test_join(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_host *h = w.host[0];
    struct sw_addr there = at("127.0.0.1", 7);
    sw_socket_t r = dgram(&w, 0, SW_AF_INET), s = dgram(&w, 0, SW_AF_INET);
    sw_socket_t other = dgram(&w, 0, SW_AF_INET);
    static const struct {
        uint32_t len, segment;
    } rows[] = {{1000, 100}, {1001, 100}, {199, 100}, {60000, 1400}, {128, 1}};
    uint32_t segment;
    assert_int_equal(sw_bind(h, r, &there), 0);
    assert_int_equal(set(h, r, SW_SOL_SOCKET, SW_SO_RCVBUF, 200000), 0);
    assert_int_equal(set(h, r, SW_SOL_UDP, SW_UDP_GRO, 1), 0);
    for (uint32_t i = 0; i < sizeof(buf); i++)
        buf[i] = (char)(i * 7);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(set(h, s, SW_SOL_UDP, SW_UDP_SEGMENT, (int)rows[i].segment), 0);
        assert_int_equal(sw_send(h, s, buf, rows[i].len, 0, &there), rows[i].len);
        assert_int_equal(sw_send(h, other, "x", 1, 0, &there), 1);
        assert_int_equal(sw_send(h, other, "y", 1, 0, &there), 1); /* not one with the other */
        world_run(&w, MS);
        assert_int_equal(next(&w, r, &segment), rows[i].len);
        assert_int_equal(segment, rows[i].segment);
        for (uint32_t n = 0; n < rows[i].len; n++)
            assert_int_equal(buf[n], (char)(n * 7));
        for (int n = 0; n < 2; n++) {
            assert_int_equal(next(&w, r, &segment), 1);
            assert_int_equal(segment, 0);
        }
        for (uint32_t n = 0; n < sizeof(buf); n++)
            buf[n] = (char)(n * 7);
    }
    /* Its room counts for what is joined too. */
    assert_int_equal(set(h, r, SW_SOL_SOCKET, SW_SO_RCVBUF, 4000), 0);
    assert_int_equal(set(h, s, SW_SOL_UDP, SW_UDP_SEGMENT, 1000), 0);
    assert_int_equal(sw_send(h, s, buf, 60000, 0, &there), 60000);
    world_run(&w, MS);
    int64_t n = next(&w, r, &segment);
    assert_in_range(n, 1000, 30000);
    world_fini(&w);
}

static void test_port_range(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_host *h = w.host[0];
    struct sw_addr any = at("127.0.0.1", 0), name, to = at("127.0.0.1", 99);
    for (int i = 0; i < 5; i++) {
        sw_socket_t u = dgram(&w, 0, SW_AF_INET), t;
        assert_int_equal(set(h, u, SW_SOL_IP, SW_IP_LOCAL_PORT_RANGE, (int)(40003U << 16 | 40000)),
                         0);
        assert_int_equal(sw_bind(h, u, &any), i < 4 ? 0 : -EADDRINUSE);
        assert_int_equal(sw_getsockname(h, u, &name), 0);
        assert_true(i == 4 || (name.port >= 40000 && name.port <= 40003));
        assert_int_equal(sw_socket(h, SW_AF_INET, SW_SOCK_STREAM, 0, &t), 0);
        assert_int_equal(set(h, t, SW_SOL_IP, SW_IP_LOCAL_PORT_RANGE, (int)(40003U << 16 | 40000)),
                         0);
        assert_int_equal(sw_connect(h, t, &to), i < 4 ? -EINPROGRESS : -EADDRNOTAVAIL);
        assert_int_equal(sw_getsockname(h, t, &name), 0);
        assert_true(i == 4 || (name.port >= 40000 && name.port <= 40003));
    }
    sw_socket_t u = dgram(&w, 0, SW_AF_INET);
    assert_int_equal(set(h, u, SW_SOL_IP, SW_IP_LOCAL_PORT_RANGE, (int)(40000U << 16 | 40001)),
                     -EINVAL);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cork),
        cmocka_unit_test(test_join),
        cmocka_unit_test(test_port_range),
    };
    return cmocka_run_group_tests_name("sock/cork", tests, NULL, NULL);
}
