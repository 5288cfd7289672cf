/* SPDX-License-Identifier: BSD-2-Clause */
/* Datagram sockets: states, names, errors, limits; as Linux 6.18 answers. */
#include "host/world.h"
#include "sock/abi.h"

static char buf[70000];

static void test_states(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_host *h = w.host[0];
    sw_socket_t u = dgram(&w, 0, SW_AF_INET);
    struct sw_addr name, to = at("127.0.0.1", 9);
    struct sw_ready ready;
    assert_int_equal(sw_poll(h, u), SW_EV_OUT);
    assert_int_equal(sw_recv(h, u, buf, 1, 0, NULL), -EAGAIN);
    assert_int_equal(sw_send(h, u, buf, 1, 0, NULL), -EDESTADDRREQ);
    assert_int_equal(sw_getsockname(h, u, &name), 0);
    assert_true(name.port >= 32768); /* even the failed send took a port */
    assert_int_equal(sw_shutdown(h, u, SW_SHUT_RD), -ENOTCONN);
    assert_true(sw_host_ready(h, &ready));
    assert_int_equal(ready.events, SW_EV_IN | SW_EV_OUT | SW_EV_RDHUP);
    assert_int_equal(sw_shutdown(h, u, SW_SHUT_RDWR), -ENOTCONN);
    assert_int_equal(sw_poll(h, u), SW_EV_IN | SW_EV_OUT | SW_EV_RDHUP | SW_EV_HUP);
    assert_int_equal(sw_send(h, u, buf, 1, 0, &to), -EPIPE);
    assert_int_equal(sw_send_reserve(h, u, 1, NULL), -EOPNOTSUPP);
    world_fini(&w);
}

static void test_names(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_host *h = w.host[0];
    sw_socket_t u = dgram(&w, 0, SW_AF_INET);
    struct sw_addr name, to = at("127.0.0.1", 9), any_port = at("127.0.0.1", 0),
                         any = at("0.0.0.0", 9);
    assert_int_equal(sw_connect(h, u, &to), 0);
    assert_int_equal(sw_getsockname(h, u, &name), 0);
    assert_true(sw_ip_eq(&name.ip, &to.ip) && name.port);
    assert_int_equal(sw_getpeername(h, u, &name), 0);
    assert_int_equal(name.port, 9);
    assert_int_equal(sw_bind(h, u, &any_port), -EINVAL);
    assert_int_equal(sw_connect(h, u, &any), 0); /* "any" is this host */
    assert_int_equal(sw_getpeername(h, u, &name), 0);
    assert_true(sw_ip_eq(&name.ip, &to.ip));
    struct sw_addr far = at("10.0.0.2", 9), mine = at("10.0.0.1", 0);
    assert_int_equal(sw_connect(h, u, &far), -EINVAL); /* the source stays that of loopback */
    assert_int_equal(sw_connect(h, u, NULL), 0);
    assert_int_equal(sw_connect(h, u, &far), 0);
    assert_int_equal(sw_getsockname(h, u, &name), 0);
    assert_true(sw_ip_eq(&name.ip, &mine.ip));
    assert_int_equal(sw_connect(h, u, NULL), 0);
    assert_int_equal(sw_getpeername(h, u, &name), -ENOTCONN);
    assert_int_equal(sw_getsockname(h, u, &name), 0);
    assert_true(sw_ip_is_any(&name.ip));
    assert_int_equal(name.port, 0);
    assert_int_equal(sw_send(h, u, buf, 1, 0, &any_port), -EINVAL);
    world_fini(&w);
}

static void test_sizes(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_host **h = w.host;
    for (int v6 = 0; v6 < 2; v6++) {
        size_t max = v6 ? 65527 : 65507;
        struct sw_addr to = at(v6 ? "fd00::2" : "10.0.0.2", 9);
        sw_socket_t a = dgram(&w, 0, v6 ? SW_AF_INET6 : SW_AF_INET);
        sw_socket_t b = dgram(&w, 1, v6 ? SW_AF_INET6 : SW_AF_INET);
        assert_int_equal(sw_bind(h[1], b, &to), 0);
        assert_int_equal(sw_send(h[0], a, buf, max + 1, 0, &to), -EMSGSIZE);
        for (size_t i = 0; i < max; i++)
            buf[i] = (char)(i * 7);
        assert_int_equal(sw_send(h[0], a, buf, max, 0, &to), max);
        assert_int_equal(sw_send(h[0], a, buf, 0, 0, &to), 0); /* empty, and yet a datagram */
        memset(buf, 0, sizeof(buf));
        world_settle(&w);
        assert_int_equal(sw_recv(h[1], b, buf, sizeof(buf), 0, NULL), max);
        for (size_t i = 0; i < max; i++)
            assert_int_equal(buf[i], (char)(i * 7));
        assert_int_equal(sw_poll(h[1], b), SW_EV_IN | SW_EV_OUT);
        assert_int_equal(sw_recv(h[1], b, buf, sizeof(buf), 0, NULL), 0);
        assert_int_equal(sw_recv(h[1], b, buf, sizeof(buf), 0, NULL), -EAGAIN);
        const int dont_fragment = SW_PMTUDISC_DO;
        assert_int_equal(v6 ? set_int(&w, 0, a, SW_SOL_IPV6, SW_IPV6_MTU_DISCOVER, dont_fragment)
                            : set_int(&w, 0, a, SW_SOL_IP, SW_IP_MTU_DISCOVER, dont_fragment),
                         0);
        assert_int_equal(sw_send(h[0], a, buf, 1473, 0, &to), -EMSGSIZE);
        assert_int_equal(sw_send(h[0], a, buf, 1400, 0, &to), 1400);
        sw_close(h[0], a);
        sw_close(h[1], b);
    }
    world_fini(&w);
}

/* The queue has a limit in bytes; what does not fit is counted, and one always fits. */
static void test_queue(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_host **h = w.host;
    struct sw_addr to = at("10.0.0.2", 9);
    sw_socket_t a = dgram(&w, 0, SW_AF_INET), b = dgram(&w, 1, SW_AF_INET);
    set_int(&w, 1, b, SW_SOL_SOCKET, SW_SO_RCVBUF, 5000);
    assert_int_equal(sw_bind(h[1], b, &to), 0);
    for (int i = 0; i < 100; i++)
        assert_int_equal(sw_send(h[0], a, buf, 1000, 0, &to), 1000);
    world_settle(&w);
    int got = 0;
    while (sw_recv(h[1], b, buf, sizeof(buf), 0, NULL) == 1000)
        got++;
    assert_in_range(got, 1, 10);
    assert_int_equal(sw_host_drops(h[1], SW_DROP_UDP_QUEUE_FULL), 100 - got);
    world_fini(&w);
}

/* A link-local address needs a zone (RFC 4007); another has none, whatever the caller says. */
static void test_zones(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_addr ll[2] = {at("fe80::1", 9), at("fe80::2", 9)}, from, global = at("fd00::2", 9);
    for (int i = 0; i < 2; i++)
        assert_int_equal(sw_host_add_addr(w.host[i], w.eth[i], &ll[i].ip, 64), 0);
    for (int type = SW_SOCK_STREAM; type <= SW_SOCK_DGRAM; type++) {
        sw_socket_t s;
        assert_int_equal(sw_socket(w.host[0], SW_AF_INET6, type, 0, &s), 0);
        struct sw_addr to = ll[1];
        assert_int_equal(sw_connect(w.host[0], s, &to), -EINVAL);
        to.scope_id = (uint32_t)w.eth[0];
        assert_int_equal(sw_connect(w.host[0], s, &to), type == SW_SOCK_STREAM ? -EINPROGRESS : 0);
        world_settle(&w);
        if (type == SW_SOCK_STREAM) /* nobody listens; but the answer found the socket */
            assert_int_equal(sw_take_error(w.host[0], s), ECONNREFUSED);
    }
    sw_socket_t a = dgram(&w, 0, SW_AF_INET6), b = dgram(&w, 1, SW_AF_INET6);
    struct sw_addr any = at("::", 9);
    assert_int_equal(sw_bind(w.host[1], b, &any), 0);
    struct sw_addr to = ll[1];
    to.scope_id = (uint32_t)w.eth[0];
    assert_int_equal(sw_send(w.host[0], a, "x", 1, 0, &to), 1);
    world_settle(&w);
    assert_int_equal(sw_recv(w.host[1], b, buf, 9, 0, &from), 1);
    assert_true(sw_ip_eq(&from.ip, &ll[0].ip));
    assert_int_equal(from.scope_id, w.eth[1]);
    global.scope_id = 77;
    assert_int_equal(sw_connect(w.host[0], a, &global), 0);
    assert_int_equal(sw_connect(w.host[1], b, &from), 0);
    assert_int_equal(sw_getpeername(w.host[0], a, &from), 0);
    assert_int_equal(from.scope_id, 0);
    world_fini(&w);
}

struct counts {
    uint64_t sent, received, bytes;
};

static void count(void *ctx, const struct sw_trace_event *e)
{
    struct counts *c = ctx;
    if (e->kind == SW_TRACE_DATAGRAM_SENT)
        c->sent += e->socket != 0 && e->remote.port == 9;
    if (e->kind == SW_TRACE_DATAGRAM_RECEIVED) {
        c->received += e->socket != 0 && e->local.port == 9;
        c->bytes += e->v[0];
    }
}

/* What Linux's receiver is told of its sender on a loopback, whole or in fragments, and nowhere
 * else. */
static void test_marks(void **state)
{
    (void)state;
    static char big[70000];
    struct world w;
    world_init(&w);
    const struct sw_addr lo = at4(127, 0, 0, 1, 53), wire = at4(10, 0, 0, 2, 53);
    sw_socket_t s = dgram(&w, 0, SW_AF_INET), r = dgram(&w, 0, SW_AF_INET),
                other = dgram(&w, 1, SW_AF_INET);
    assert_int_equal(sw_bind(w.host[0], r, &lo), 0);
    assert_int_equal(sw_bind(w.host[1], other, &wire), 0);
    int v = 5;
    size_t len = sizeof(v);
    assert_int_equal(sw_setsockopt(w.host[0], s, SW_SOL_SOCKET, SW_SO_PRIORITY, &v, sizeof(v)), 0);
    v = 77;
    assert_int_equal(sw_setsockopt_admin(w.host[0], s, SW_SOL_SOCKET, SW_SO_MARK, &v, sizeof(v)),
                     0);
    static const size_t sizes[] = {1, 65507};
    assert_int_equal(sw_host_set_mtu(w.host[0], w.lo[0], 1500, 0), 0);
    struct sw_datagram_info info;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sw_send(w.host[0], s, big, sizes[i], 0, &lo), sizes[i]);
        world_settle(&w);
        assert_int_equal(sw_recv_datagram(w.host[0], r, big, sizeof(big), 0, NULL, &info),
                         sizes[i]);
        assert_int_equal(info.priority, 5);
        assert_int_equal(info.mark, 77);
    }
    assert_int_equal(sw_send(w.host[0], s, "x", 1, 0, &wire), 1);
    world_settle(&w);
    assert_int_equal(sw_recv_datagram(w.host[1], other, big, 1, 0, NULL, &info), 1);
    assert_int_equal(info.priority, 0);
    assert_int_equal(info.mark, 0);
    info = (struct sw_datagram_info){.ttl = -1, .tos = 0x10, .has_mark = true, .mark = 8};
    assert_int_equal(sw_send_datagram(w.host[0], s, "x", 1, &lo, &info), 1);
    world_settle(&w);
    assert_int_equal(sw_recv_datagram(w.host[0], r, big, 1, 0, NULL, &info), 1);
    assert_int_equal(info.priority, 6); /* the message's own class of service has its say */
    assert_int_equal(info.mark, 8);
    v = 0x08;
    assert_int_equal(sw_setsockopt(w.host[0], s, SW_SOL_IP, SW_IP_TOS, &v, sizeof(v)), 0);
    assert_int_equal(sw_getsockopt(w.host[0], s, SW_SOL_SOCKET, SW_SO_PRIORITY, &v, &len), 0);
    assert_int_equal(v, 2);
    world_fini(&w);
}

static void test_trace(void **state)
{
    (void)state;
    struct counts c = {0};
    const struct sw_host_config config = {.trace = count, .trace_ctx = &c};
    struct sw_host *h = sw_host_new(&config);
    int lo = sw_host_add_loopback(h);
    sw_socket_t u;
    struct sw_addr self = at("127.0.0.1", 9);
    assert_int_equal(sw_socket(h, SW_AF_INET, SW_SOCK_DGRAM, 0, &u), 0);
    assert_int_equal(sw_bind(h, u, &self), 0);
    assert_int_equal(sw_send(h, u, "abc", 3, 0, &self), 3);
    sw_host_input(h, lo, sw_host_output(h, lo, 0), 0);
    assert_int_equal(c.sent, 1);
    assert_int_equal(c.received, 1);
    assert_int_equal(c.bytes, 3);
    struct sw_host_stats stats;
    sw_host_get_stats(h, &stats);
    assert_int_equal(stats.udp_tx, 1);
    assert_int_equal(stats.udp_rx, 1);
    sw_host_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states), cmocka_unit_test(test_names), cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_zones),  cmocka_unit_test(test_queue), cmocka_unit_test(test_trace),
        cmocka_unit_test(test_marks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
