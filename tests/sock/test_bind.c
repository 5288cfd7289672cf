/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may share a port: every pair of addresses, options and states, against what Linux 6.18
 * answered to the same calls; and which ephemeral ports are chosen.
 */
#include "host/world.h"
#include "sock/abi.h"

#define FIRST 32768
#define LAST 60999

static const char *const addrs[] = {
    "0.0.0.0", "127.0.0.1", "127.0.0.2", "::", "::", "::1", "::ffff:127.0.0.1", "::ffff:0.0.0.0"};
enum { ADDRS = 8, V6ONLY = 4 /* the second "::" has IPV6_V6ONLY */ };

/* '1': a socket bound to the row's address is in the way of the column's (neither has options). */
static const char *const meet[ADDRS] = {
    "11110011", /* 0.0.0.0 */
    "11010011", /* 127.0.0.1 */
    "10110001", /* 127.0.0.2 */
    "11111111", /* :: */
    "00011100", /* :: with IPV6_V6ONLY */
    "00011100", /* ::1 */
    "11010011", /* ::ffff:127.0.0.1 */
    "11110011", /* ::ffff:0.0.0.0 */
};

enum { REUSEADDR = 1, REUSEPORT = 2 };

static bool is_v6(int i)
{
    return i >= 3;
}

static sw_socket_t make(struct world *w, int i, int type, int flags)
{
    sw_socket_t s;
    assert_int_equal(sw_socket(w->host[0], is_v6(i) ? SW_AF_INET6 : SW_AF_INET, type, 0, &s), 0);
    assert_int_equal(set_int(w, 0, s, SW_SOL_SOCKET, SW_SO_REUSEADDR, flags & REUSEADDR), 0);
    assert_int_equal(set_int(w, 0, s, SW_SOL_SOCKET, SW_SO_REUSEPORT, flags & REUSEPORT), 0);
    if (i == V6ONLY)
        assert_int_equal(set_int(w, 0, s, SW_SOL_IPV6, SW_IPV6_V6ONLY, 1), 0);
    return s;
}

static void pair(struct world *w, int type, bool listening, int i, int j, int fi, int fj)
{
    sw_socket_t a = make(w, i, type, fi), b = make(w, j, type, fj);
    struct sw_addr at_a = at(addrs[i], 1000), at_b = at(addrs[j], 1000);
    assert_int_equal(sw_bind(w->host[0], a, &at_a), 0);
    if (listening)
        assert_int_equal(sw_listen(w->host[0], a, 1), 0);
    bool may_share = (fi & fj & REUSEPORT) || ((fi & fj & REUSEADDR) && !listening);
    bool blocked = meet[i][j] == '1' && !may_share;
    sw_socket_t in_the_way = sw_bind_conflict(w->host[0], b, &at_b);
    int r = sw_bind(w->host[0], b, &at_b);
    if (r != (blocked ? -EADDRINUSE : 0) || in_the_way != (blocked ? a : 0))
        fail_msg("%s flags %d%s, then %s flags %d: %d", addrs[i], fi, listening ? " listening" : "",
                 addrs[j], fj, r);
    sw_close(w->host[0], a);
    sw_close(w->host[0], b);
}

static void test_matrix(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    for (int i = 0; i < ADDRS; i++) {
        for (int j = 0; j < ADDRS; j++) {
            for (int f = 0; f < 16; f++) {
                pair(&w, SW_SOCK_STREAM, false, i, j, f & 3, f >> 2);
                pair(&w, SW_SOCK_STREAM, true, i, j, f & 3, f >> 2);
                pair(&w, SW_SOCK_DGRAM, false, i, j, f & 3, f >> 2);
            }
        }
    }
    world_fini(&w);
}

/* Both may bind with SO_REUSEADDR; the second to listen comes too late. */
static void test_listen_again(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_addr addr = at("127.0.0.1", 80);
    sw_socket_t a = make(&w, 1, SW_SOCK_STREAM, REUSEADDR);
    sw_socket_t b = make(&w, 1, SW_SOCK_STREAM, REUSEADDR);
    assert_int_equal(sw_bind(w.host[0], a, &addr), 0);
    assert_int_equal(sw_bind(w.host[0], b, &addr), 0);
    assert_int_equal(sw_listen(w.host[0], a, 1), 0);
    assert_int_equal(sw_listen(w.host[0], b, 1), -EADDRINUSE);
    assert_int_equal(sw_close(w.host[0], a), 0);
    assert_int_equal(sw_listen(w.host[0], b, 1), 0);
    world_fini(&w);
}

/* RFC 4007 6: which link, the address's zone says, which the socket is of from then on. */
static void test_zones(void **state)
{
    (void)state;
    struct world w;
    struct sw_addr name, zoned = at("ff02::1", 5000), plain = at("fd00::1", 5001);
    world_init(&w);
    sw_socket_t s = dgram(&w, 0, SW_AF_INET6);
    zoned.scope_id = 77;
    assert_int_equal(sw_bind(w.host[0], s, &zoned), -ENODEV);
    assert_int_equal(sw_bind(w.host[0], s, &plain), -ENODEV);
    zoned.scope_id = (uint32_t)w.eth[0];
    assert_int_equal(sw_bind(w.host[0], s, &zoned), 0);
    assert_int_equal(sw_getsockname(w.host[0], s, &name), 0);
    assert_int_equal(name.scope_id, w.eth[0]);
    sw_socket_t t = dgram(&w, 0, SW_AF_INET6);
    plain.scope_id = 77; /* means nothing there */
    assert_int_equal(sw_bind(w.host[0], t, &plain), 0);
    assert_int_equal(sw_getsockname(w.host[0], t, &name), 0);
    assert_int_equal(name.scope_id, 0);
    world_fini(&w);
}

struct errors {
    int domain, type;
    const char *addr;
    bool v6only, freebind;
    int expect;
};

static void test_errors(void **state)
{
    (void)state;
    static const struct errors cases[] = {
        {SW_AF_INET, SW_SOCK_STREAM, "10.0.0.1", false, false, 0},
        {SW_AF_INET, SW_SOCK_STREAM, "10.0.0.9", false, false, -EADDRNOTAVAIL},
        {SW_AF_INET, SW_SOCK_STREAM, "10.0.0.9", false, true, 0},
        {SW_AF_INET, SW_SOCK_STREAM, "127.1.2.3", false, false, 0},
        {SW_AF_INET, SW_SOCK_STREAM, "::1", false, false, -EAFNOSUPPORT},
        {SW_AF_INET, SW_SOCK_STREAM, "224.0.0.1", false, false, 0},
        {SW_AF_INET, SW_SOCK_DGRAM, "255.255.255.255", false, false, 0},
        {SW_AF_INET6, SW_SOCK_STREAM, "fd00::1", false, false, 0},
        {SW_AF_INET6, SW_SOCK_STREAM, "fd00::9", false, false, -EADDRNOTAVAIL},
        {SW_AF_INET6, SW_SOCK_STREAM, "::ffff:127.0.0.1", true, false, -EINVAL},
        {SW_AF_INET6, SW_SOCK_STREAM, "::ffff:0.0.0.0", true, false, -EINVAL},
        {SW_AF_INET6, SW_SOCK_STREAM, "ff02::1", false, false, -EINVAL},
        {SW_AF_INET6, SW_SOCK_DGRAM, "ff05::1", false, false, 0},
        {SW_AF_INET6, SW_SOCK_DGRAM, "ff02::1", false, false, -EINVAL},
        {SW_AF_INET6, SW_SOCK_DGRAM, "fe80::1", false, false, -EINVAL},
    };
    struct world w;
    world_init(&w);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct errors *c = &cases[i];
        sw_socket_t s;
        struct sw_addr addr = at(c->addr, 5000), other = at(c->addr, 5001);
        assert_int_equal(sw_socket(w.host[0], c->domain, c->type, 0, &s), 0);
        if (c->v6only)
            set_int(&w, 0, s, SW_SOL_IPV6, SW_IPV6_V6ONLY, 1);
        if (c->freebind)
            set_int(&w, 0, s, SW_SOL_IP, SW_IP_FREEBIND, 1);
        int r = sw_bind(w.host[0], s, &addr);
        if (r != c->expect)
            fail_msg("%s: %d, not %d", c->addr, r, c->expect);
        if (r == 0)
            assert_int_equal(sw_bind(w.host[0], s, &other), -EINVAL);
        assert_int_equal(sw_close(w.host[0], s), 0);
        assert_int_equal(sw_bind(w.host[0], s, &addr), -EBADF);
    }
    world_fini(&w);
}

/* Every ephemeral port is given out once; then there are none, except on another address. */
static void exhaust(int type)
{
    struct world w;
    world_init(&w);
    static uint8_t seen[65536];
    memset(seen, 0, sizeof(seen));
    struct sw_addr addr = at("127.0.0.1", 0), name;
    unsigned sorted = 0, last = 0;
    for (int i = FIRST; i <= LAST; i++) {
        sw_socket_t s = make(&w, 1, type, REUSEADDR | REUSEPORT);
        assert_int_equal(sw_bind(w.host[0], s, &addr), 0);
        assert_int_equal(sw_getsockname(w.host[0], s, &name), 0);
        assert_in_range(name.port, FIRST, LAST);
        assert_int_equal(seen[name.port]++, 0);
        sorted += name.port == last + 1;
        last = name.port;
        if (i == FIRST + 1000)
            assert_true(sorted < 100); /* not guessable from the one before */
    }
    sw_socket_t s = make(&w, 1, type, REUSEADDR | REUSEPORT);
    assert_int_equal(sw_bind(w.host[0], s, &addr), -EADDRINUSE);
    addr = at("127.0.0.2", 0);
    assert_int_equal(sw_bind(w.host[0], s, &addr), 0);
    world_fini(&w);
}

static void test_ephemeral(void **state)
{
    (void)state;
    exhaust(SW_SOCK_DGRAM);
}

/* connect() leaves ports alone that bind() was asked for, and may use one for many destinations. */
static void test_connect_ports(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_addr name, to = at("127.0.0.1", 80);
    for (int port = FIRST; port <= LAST; port++) {
        if (port == FIRST + 7)
            continue;
        sw_socket_t s = stream(&w, 0, SW_AF_INET);
        struct sw_addr addr = at("0.0.0.0", (uint16_t)port);
        assert_int_equal(sw_bind(w.host[0], s, &addr), 0);
    }
    for (uint16_t i = 0; i < 3; i++) {
        sw_socket_t s = stream(&w, 0, SW_AF_INET);
        to.port = (uint16_t)(80 + i);
        assert_int_equal(sw_connect(w.host[0], s, &to), -EINPROGRESS);
        assert_int_equal(sw_getsockname(w.host[0], s, &name), 0);
        assert_int_equal(name.port, FIRST + 7);
    }
    sw_socket_t s = stream(&w, 0, SW_AF_INET);
    assert_int_equal(sw_connect(w.host[0], s, &to), -EADDRNOTAVAIL);
    world_fini(&w);
}

/* RFC 6056: successive ports to one destination, another beginning for another destination. */
static void test_connect_sequence(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_addr name, to;
    uint16_t first[2], last = 0;
    for (uint16_t d = 0; d < 2; d++) {
        to = at("127.0.0.1", (uint16_t)(80 + d));
        for (int i = 0; i < 100; i++) {
            sw_socket_t s = stream(&w, 0, SW_AF_INET);
            assert_int_equal(sw_connect(w.host[0], s, &to), -EINPROGRESS);
            assert_int_equal(sw_getsockname(w.host[0], s, &name), 0);
            assert_in_range(name.port, FIRST, LAST);
            if (i == 0)
                first[d] = name.port;
            else
                assert_int_equal(name.port, last == LAST ? FIRST : last + 1);
            last = name.port;
        }
    }
    assert_true(abs(first[0] - first[1]) > 100);
    world_fini(&w);
}

static void test_names(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_addr name, any = at("::", 0), v4 = at("127.0.0.1", 0);
    sw_socket_t s = stream(&w, 0, SW_AF_INET6);
    assert_int_equal(sw_getsockname(w.host[0], s, &name), 0);
    assert_true(sw_ip_eq(&name.ip, &any.ip));
    assert_int_equal(name.port, 0);
    assert_int_equal(sw_getpeername(w.host[0], s, &name), -ENOTCONN);
    /* IP_BIND_ADDRESS_NO_PORT: the address now, the port at connect() */
    sw_socket_t t = stream(&w, 0, SW_AF_INET);
    assert_int_equal(set_int(&w, 0, t, SW_SOL_IP, SW_IP_BIND_ADDRESS_NO_PORT, 1), 0);
    assert_int_equal(sw_bind(w.host[0], t, &v4), 0);
    assert_int_equal(sw_getsockname(w.host[0], t, &name), 0);
    assert_true(sw_ip_eq(&name.ip, &v4.ip));
    assert_int_equal(name.port, 0);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matrix),        cmocka_unit_test(test_listen_again),
        cmocka_unit_test(test_errors),        cmocka_unit_test(test_zones),
        cmocka_unit_test(test_ephemeral),     cmocka_unit_test(test_names),
        cmocka_unit_test(test_connect_ports), cmocka_unit_test(test_connect_sequence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
