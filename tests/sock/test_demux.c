/* SPDX-License-Identifier: BSD-2-Clause */
/* Which socket a packet is for, and that nobody can make finding it slow. */
#include "host/private.h"
#include "host/world.h"
#include "sock/private.h"

static char buf[100];

/* A datagram from host 0 to host 1; returns which of the sockets got it, or -1. */
static int who_gets(struct world *w, const char *to, const sw_socket_t *s, int n)
{
    struct sw_addr dst = at(to, 53);
    sw_socket_t from = dgram(w, 0, sw_ip_is4(&dst.ip) ? SW_AF_INET : SW_AF_INET6);
    assert_int_equal(sw_send(w->host[0], from, "x", 1, 0, &dst), 1);
    world_settle(w);
    sw_close(w->host[0], from);
    int got = -1;
    for (int i = 0; i < n; i++) {
        if (sw_recv(w->host[1], s[i], buf, sizeof(buf), 0, NULL) == 1) {
            assert_int_equal(got, -1);
            got = i;
        }
    }
    world_run(w, S);
    return got;
}

static sw_socket_t bound(struct world *w, int domain, const char *addr, int reuse, int v6only)
{
    sw_socket_t s = dgram(w, 1, domain);
    struct sw_addr a = at(addr, 53);
    if (reuse)
        set_int(w, 1, s, SW_SOL_SOCKET, reuse, 1);
    if (v6only)
        set_int(w, 1, s, SW_SOL_IPV6, SW_IPV6_V6ONLY, 1);
    assert_int_equal(sw_bind(w->host[1], s, &a), 0);
    return s;
}

static void test_best_match(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    const int reuse = SW_SO_REUSEADDR;
    sw_socket_t s[] = {
        bound(&w, SW_AF_INET6, "::", reuse, 0),      bound(&w, SW_AF_INET, "0.0.0.0", reuse, 0),
        bound(&w, SW_AF_INET, "10.0.0.2", reuse, 0), bound(&w, SW_AF_INET6, "fd00::2", reuse, 0),
        bound(&w, SW_AF_INET, "10.0.0.2", reuse, 0),
    };
    assert_int_equal(who_gets(&w, "10.0.0.2", s, 5), 4); /* of equals the one bound last */
    assert_int_equal(who_gets(&w, "fd00::2", s, 5), 3);
    sw_close(w.host[1], s[4]);
    assert_int_equal(who_gets(&w, "10.0.0.2", s, 5), 2);
    sw_close(w.host[1], s[2]);
    assert_int_equal(who_gets(&w, "10.0.0.2", s, 5), 1);
    sw_close(w.host[1], s[1]);
    assert_int_equal(who_gets(&w, "10.0.0.2", s, 5), 0);
    sw_close(w.host[1], s[3]);
    assert_int_equal(who_gets(&w, "fd00::2", s, 5), 0);
    sw_close(w.host[1], s[0]);
    s[0] = bound(&w, SW_AF_INET6, "::", 0, 1);
    assert_int_equal(who_gets(&w, "10.0.0.2", s, 1), -1);
    assert_int_equal(who_gets(&w, "fd00::2", s, 1), 0);
    sw_close(w.host[1], s[0]);
    s[0] = bound(&w, SW_AF_INET, "10.0.0.2", reuse, 0); /* and not because it was bound last */
    s[1] = bound(&w, SW_AF_INET, "0.0.0.0", reuse, 0);
    s[2] = bound(&w, SW_AF_INET6, "::", reuse, 0);
    assert_int_equal(who_gets(&w, "10.0.0.2", s, 3), 0);
    sw_close(w.host[1], s[0]);
    s[0] = s[2];
    assert_int_equal(who_gets(&w, "10.0.0.2", s, 2), 1);
    world_fini(&w);
}

/* A socket with a peer hears that peer only, and before all others. */
static void test_peer(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    sw_socket_t a = dgram(&w, 0, SW_AF_INET), b = dgram(&w, 0, SW_AF_INET);
    struct sw_addr at_a = at("10.0.0.1", 1000), at_b = at("10.0.0.1", 1001),
                   to = at("10.0.0.2", 53);
    assert_int_equal(sw_bind(w.host[0], a, &at_a), 0);
    assert_int_equal(sw_bind(w.host[0], b, &at_b), 0);
    sw_socket_t s[] = {bound(&w, SW_AF_INET, "0.0.0.0", SW_SO_REUSEADDR, 0),
                       bound(&w, SW_AF_INET, "0.0.0.0", SW_SO_REUSEADDR, 0)};
    assert_int_equal(sw_connect(w.host[1], s[0], &at_a), 0);
    struct sw_addr name;
    assert_int_equal(sw_getsockname(w.host[1], s[0], &name), 0);
    assert_true(sw_ip_eq(&name.ip, &to.ip));
    assert_int_equal(sw_send(w.host[0], a, "a", 1, 0, &to), 1);
    assert_int_equal(sw_send(w.host[0], b, "b", 1, 0, &to), 1);
    world_settle(&w);
    assert_int_equal(sw_recv(w.host[1], s[0], buf, 9, 0, NULL), 1);
    assert_int_equal(buf[0], 'a');
    assert_int_equal(sw_recv(w.host[1], s[0], buf, 9, 0, NULL), -EAGAIN);
    assert_int_equal(sw_recv(w.host[1], s[1], buf, 9, 0, NULL), 1);
    assert_int_equal(buf[0], 'b');
    assert_int_equal(sw_connect(w.host[1], s[0], NULL), 0); /* and hears everybody again */
    assert_int_equal(sw_getsockname(w.host[1], s[0], &name), 0);
    assert_true(sw_ip_is_any(&name.ip));
    assert_int_equal(name.port, 53);
    assert_int_equal(sw_close(w.host[1], s[1]), 0);
    assert_int_equal(sw_send(w.host[0], b, "b", 1, 0, &to), 1);
    world_settle(&w);
    assert_int_equal(sw_recv(w.host[1], s[0], buf, 9, 0, NULL), 1);
    world_fini(&w);
}

/* connect() to port 0: hears every port of that address, and no other. */
static void test_peer_without_port(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    const struct sw_addr own = at("10.0.0.1", 0), other = at("10.0.0.9", 0),
                         to = at("10.0.0.2", 53);
    sw_socket_t a = dgram(&w, 0, SW_AF_INET);
    sw_socket_t s = bound(&w, SW_AF_INET, "0.0.0.0", SW_SO_REUSEADDR, 0);
    const struct {
        const struct sw_addr *peer;
        int64_t gets;
    } steps[] = {{&own, 1}, {&other, -EAGAIN}, {NULL, 1}};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        assert_int_equal(sw_connect(w.host[1], s, steps[i].peer), 0);
        assert_int_equal(sw_send(w.host[0], a, "a", 1, 0, &to), 1);
        world_settle(&w);
        assert_int_equal(sw_recv(w.host[1], s, buf, 9, 0, NULL), steps[i].gets);
    }
    world_fini(&w);
}

/* SO_REUSEPORT: each flow always to the same socket, flows over all of them. */
static void test_reuseport(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    enum { N = 4, FLOWS = 400 };
    sw_socket_t s[N];
    int got[N] = {0};
    for (int i = 0; i < N; i++)
        s[i] = bound(&w, SW_AF_INET, "0.0.0.0", SW_SO_REUSEPORT, 0);
    struct sw_addr to = at("10.0.0.2", 53);
    for (int i = 0; i < FLOWS; i++) {
        sw_socket_t a = dgram(&w, 0, SW_AF_INET);
        int first = -1;
        for (int k = 0; k < 2; k++) {
            assert_int_equal(sw_send(w.host[0], a, "x", 1, 0, &to), 1);
            world_settle(&w);
            for (int j = 0; j < N; j++) {
                if (sw_recv(w.host[1], s[j], buf, 9, 0, NULL) != 1)
                    continue;
                assert_true(first < 0 || first == j);
                first = j;
                got[j]++;
            }
        }
        assert_true(first >= 0);
        sw_close(w.host[0], a);
    }
    for (int i = 0; i < N; i++)
        assert_in_range(got[i], 2 * FLOWS / N / 2, 2 * FLOWS / N * 2);
    world_fini(&w);
}

static void test_broadcast(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    sw_socket_t a = dgram(&w, 0, SW_AF_INET);
    struct sw_addr all = at("255.255.255.255", 53);
    assert_int_equal(sw_send(w.host[0], a, "x", 1, 0, &all), -ENETUNREACH);
    const struct sw_ip any = SW_IP4_ANY;
    assert_int_equal(sw_host_add_route(w.host[0], &any, 0, w.eth[0], NULL), 0);
    assert_int_equal(sw_send(w.host[0], a, "x", 1, 0, &all), -EACCES);
    assert_int_equal(sw_connect(w.host[0], a, &all), -EACCES);
    struct sw_addr net = at("10.0.0.255", 53);
    assert_int_equal(sw_send(w.host[0], a, "x", 1, 0, &net), -EACCES);
    assert_int_equal(set_int(&w, 0, a, SW_SOL_SOCKET, SW_SO_BROADCAST, 1), 0);
    sw_socket_t s[] = {bound(&w, SW_AF_INET, "0.0.0.0", SW_SO_REUSEADDR, 0),
                       bound(&w, SW_AF_INET, "0.0.0.0", SW_SO_REUSEADDR, 0),
                       bound(&w, SW_AF_INET, "10.0.0.2", SW_SO_REUSEADDR, 0)};
    assert_int_equal(sw_send(w.host[0], a, "x", 1, 0, &net), 1);
    world_settle(&w);
    for (int i = 0; i < 3; i++) /* everybody who hears any address */
        assert_int_equal(sw_recv(w.host[1], s[i], buf, 9, 0, NULL), i < 2 ? 1 : -EAGAIN);
    world_fini(&w);
}

/* What the socket layer's hash keeps out: an attacker who chooses addresses and ports, by patterns
 * that collide in unkeyed hashes (sums and exclusive ors of the parts), gains nothing. */
static void test_hash_flood(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    enum { N = 8000 };
    struct sw_sock_layer *layer = &w.host[1]->sock;
    for (uint32_t i = 0; i < N; i++) {
        sw_socket_t s = dgram(&w, 1, SW_AF_INET);
        set_int(&w, 1, s, SW_SOL_SOCKET, SW_SO_REUSEADDR, 1);
        struct sw_addr local = at("10.0.0.2", 53);
        assert_int_equal(sw_bind(w.host[1], s, &local), 0);
        /* last byte of the address and low byte of the port cancel out */
        struct sw_addr peer = at4(10, 0, 0, (uint8_t)(3 + i % 250), 0);
        peer.port = (uint16_t)((i / 250 + 1) << 8 | (uint8_t)(3 + i % 250));
        assert_int_equal(sw_connect(w.host[1], s, &peer), 0);
    }
    const struct sw_table *t = &layer->conns;
    assert_int_equal(t->used, N);
    uint32_t run = 0, longest = 0;
    for (uint32_t i = 0; i <= t->mask; i++) {
        run = t->slots[i].tag ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    assert_true(longest < 200); /* of linear probing at most 3/4 full, with a good hash */
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_best_match),        cmocka_unit_test(test_peer),
        cmocka_unit_test(test_peer_without_port), cmocka_unit_test(test_reuseport),
        cmocka_unit_test(test_broadcast),         cmocka_unit_test(test_hash_flood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
