/* SPDX-License-Identifier: BSD-2-Clause */
/* Ping sockets: what may be sent, who gets the reply, names, errors; as Linux 6.18 answers. */
#include "sock/router.h"

static const char *const near[2] = {"10.0.0.1", "fd00::1"}, *const far[2] = {"10.0.0.2", "fd00::2"};
static uint8_t buf[70000];

static sw_socket_t ping(struct world *w, bool v6)
{
    sw_socket_t s;
    assert_int_equal(sw_socket(w->host[0], v6 ? SW_AF_INET6 : SW_AF_INET, SW_SOCK_DGRAM,
                               v6 ? SW_PROTO_ICMP6 : SW_PROTO_ICMP, &s),
                     0);
    return s;
}

/* An echo request with an identifier that is not the socket's, and a wrong checksum. */
static void request(bool v6, uint16_t seq, size_t len)
{
    for (size_t i = 0; i < len; i++)
        buf[i] = (uint8_t)(i * 5);
    const uint8_t head[8] = {v6 ? 128 : 8,         0, 0xba, 0xad, 0xde, 0xad, (uint8_t)(seq >> 8),
                             (uint8_t)(seq & 0xff)};
    memcpy(buf, head, len < 8 ? len : 8);
}

static void test_echo(void **state)
{
    (void)state;
    static const size_t lens[] = {8, 9, 64, 1480, 60000, 65515};
    static uint8_t got[70000];
    struct world w;
    world_init(&w);
    for (int v6 = 0; v6 < 2; v6++) {
        for (size_t i = 0; i < 6; i++) {
            struct sw_addr to = at(i % 2 ? far[v6] : near[v6], 0), name, from;
            sw_socket_t s = ping(&w, v6);
            struct sw_datagram_info info;
            request(v6, 0x0102, lens[i]);
            assert_int_equal(sw_send(w.host[0], s, buf, lens[i], 0, &to), lens[i]);
            assert_int_equal(sw_getsockname(w.host[0], s, &name), 0);
            assert_true(name.port != 0);
            assert_int_equal(sw_poll(w.host[0], s), SW_EV_OUT);
            world_settle(&w);
            assert_int_equal(sw_poll(w.host[0], s), SW_EV_OUT | SW_EV_IN);
            int64_t n = sw_recv_datagram(w.host[0], s, got, sizeof(got), 0, &from, &info);
            assert_int_equal(n, lens[i]);
            assert_true(sw_ip_eq(&from.ip, &to.ip));
            assert_int_equal(from.port, 0);
            assert_int_equal(info.ttl, 64);
            assert_int_equal(got[0], v6 ? 129 : 0);
            assert_int_equal(got[4] << 8 | got[5], name.port);
            assert_int_equal(got[6] << 8 | got[7], 0x0102);
            assert_memory_equal(got + 8, buf + 8, lens[i] - 8);
            uint64_t sum = sw_csum_add(0, got, lens[i], false);
            if (v6)
                sum += sw_csum_pseudo(&to.ip, &info.local, SW_PROTO_ICMP6, (uint32_t)n);
            assert_int_equal(sw_csum_fold(sum), 0xffff);
            assert_int_equal(sw_close(w.host[0], s), 0);
        }
    }
    world_fini(&w);
}

static void test_what_may_be_sent(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    for (int v6 = 0; v6 < 2; v6++) {
        struct sw_addr to = at(far[v6], 0), mapped = at("::ffff:10.0.0.2", 0);
        sw_socket_t s = ping(&w, v6);
        request(v6, 1, 64);
        assert_int_equal(sw_send(w.host[0], s, buf, 64, 0, NULL), -EDESTADDRREQ);
        assert_int_equal(sw_send(w.host[0], s, buf, 7, 0, &to), -EINVAL);
        assert_int_equal(sw_send(w.host[0], s, buf, 65536, 0, &to), -EMSGSIZE);
        buf[0] = v6 ? 129 : 0; /* a reply */
        assert_int_equal(sw_send(w.host[0], s, buf, 64, 0, &to), -EINVAL);
        request(v6, 1, 64);
        buf[1] = 1; /* a code */
        assert_int_equal(sw_send(w.host[0], s, buf, 64, 0, &to), -EINVAL);
        request(v6, 1, 64);
        if (v6)
            assert_int_equal(sw_send(w.host[0], s, buf, 64, 0, &mapped), -EINVAL);
        else
            assert_int_equal(sw_send(w.host[0], s, buf, 65516, 0, &to), -EMSGSIZE);
        world_settle(&w);
        assert_int_equal(w.packets, 0);
    }
    world_fini(&w);
}

static void test_open(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    sw_socket_t s;
    struct sw_host *h = w.host[0];
    assert_int_equal(sw_socket(h, SW_AF_INET, SW_SOCK_DGRAM, 58, &s), -EPROTONOSUPPORT);
    assert_int_equal(sw_socket(h, SW_AF_INET6, SW_SOCK_DGRAM, 1, &s), -EPROTONOSUPPORT);
    assert_int_equal(sw_socket(h, SW_AF_INET, SW_SOCK_STREAM, 1, &s), -EPROTONOSUPPORT);
    assert_int_equal(get_int(&w, 0, ping(&w, false), SW_SOL_SOCKET, SW_SO_PROTOCOL), 1);
    assert_int_equal(get_int(&w, 0, ping(&w, true), SW_SOL_SOCKET, SW_SO_PROTOCOL), 58);
    assert_int_equal(get_int(&w, 0, dgram(&w, 0, SW_AF_INET), SW_SOL_SOCKET, SW_SO_PROTOCOL), 17);
    world_fini(&w);
}

/* An identifier is the socket's alone, whatever the address and family, if it does not share it. */
static void test_bind(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_host *h = w.host[0];
    struct sw_addr any = at("0.0.0.0", 77), lo = at("127.0.0.1", 77), any6 = at("::", 77), name;
    struct sw_addr foreign = at("10.0.0.2", 77), group = at("224.0.0.1", 77);
    struct sw_addr mapped = at("::ffff:127.0.0.1", 78);
    sw_socket_t a = ping(&w, false), b = ping(&w, false), c = ping(&w, true);
    assert_int_equal(get_int(&w, 0, a, SW_SOL_SOCKET, SW_SO_REUSEADDR), 1);
    set_int(&w, 0, a, SW_SOL_SOCKET, SW_SO_REUSEADDR, 0);
    set_int(&w, 0, b, SW_SOL_SOCKET, SW_SO_REUSEADDR, 0);
    set_int(&w, 0, c, SW_SOL_SOCKET, SW_SO_REUSEADDR, 0);
    assert_int_equal(sw_bind(h, a, &foreign), -EADDRNOTAVAIL);
    assert_int_equal(sw_bind(h, a, &group), -EADDRNOTAVAIL);
    assert_int_equal(sw_bind(h, a, &any), 0);
    assert_int_equal(sw_bind(h, a, &any), -EINVAL);
    assert_int_equal(sw_getsockname(h, a, &name), 0);
    assert_int_equal(name.port, 77);
    assert_int_equal(sw_bind(h, b, &lo), -EADDRINUSE);
    assert_int_equal(sw_bind(h, c, &any6), -EADDRINUSE);
    assert_int_equal(sw_bind(h, c, &mapped), -EINVAL);
    set_int(&w, 0, a, SW_SOL_SOCKET, SW_SO_REUSEADDR, 1);
    assert_int_equal(sw_bind(h, b, &lo), -EADDRINUSE);
    set_int(&w, 0, b, SW_SOL_SOCKET, SW_SO_REUSEADDR, 1);
    assert_int_equal(sw_bind(h, b, &lo), 0);
    set_int(&w, 0, c, SW_SOL_SOCKET, SW_SO_REUSEADDR, 1);
    assert_int_equal(sw_bind(h, c, &any6), 0);
    assert_int_equal(sw_bind(h, dgram(&w, 0, SW_AF_INET), &any), 0); /* a port is something else */
    /* and yet a reply reaches the one of its family and address */
    struct sw_addr to = at("fd00::2", 0);
    request(true, 1, 8);
    assert_int_equal(sw_send(h, c, buf, 8, 0, &to), 8);
    world_settle(&w);
    assert_int_equal(sw_recv(h, a, buf, 8, 0, NULL), -EAGAIN);
    assert_int_equal(sw_recv(h, c, buf, 8, 0, NULL), 8);
    to = at("10.0.0.2", 0);
    request(false, 1, 8);
    assert_int_equal(sw_send(h, a, buf, 8, 0, &to), 8);
    world_settle(&w);
    assert_int_equal(sw_recv(h, c, buf, 8, 0, NULL), -EAGAIN);
    assert_int_equal(sw_recv(h, b, buf, 8, 0, NULL), -EAGAIN); /* it hears 127.0.0.1 only */
    assert_int_equal(sw_recv(h, a, buf, 8, 0, NULL), 8);
    /* nor the other family's when its own has gone */
    request(false, 1, 8);
    assert_int_equal(sw_send(h, a, buf, 8, 0, &to), 8);
    assert_int_equal(sw_close(h, a), 0);
    world_settle(&w);
    assert_int_equal(sw_recv(h, c, buf, 8, 0, NULL), -EAGAIN);
    assert_int_equal(sw_host_drops(h, SW_DROP_ICMP_NO_SOCKET), 1);
    world_fini(&w);
}

static void test_connect(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_host *h = w.host[0];
    for (int v6 = 0; v6 < 2; v6++) {
        struct sw_addr to = at(far[v6], 0), self = at(near[v6], 0), name;
        struct sw_addr mapped = at("::ffff:10.0.0.2", 0);
        sw_socket_t s = ping(&w, v6);
        if (v6)
            assert_int_equal(sw_connect(h, s, &mapped), -ENETUNREACH);
        assert_int_equal(sw_shutdown(h, s, SW_SHUT_RD), -ENOTCONN);
        sw_close(h, s);
        s = ping(&w, v6);
        assert_int_equal(sw_connect(h, s, &to), 0);
        assert_int_equal(sw_getpeername(h, s, &name), -ENOTCONN); /* it has no port */
        assert_int_equal(sw_getsockname(h, s, &name), 0);
        assert_true(sw_ip_eq(&name.ip, &self.ip) && name.port != 0);
        assert_int_equal(sw_bind(h, s, &self), -EINVAL);
        request(v6, 1, 8);
        assert_int_equal(sw_send(h, s, buf, 8, 0, NULL), 8);
        assert_int_equal(sw_send(h, s, buf, 8, 0, &self), 8); /* and another's reply, too */
        world_settle(&w);
        assert_int_equal(sw_recv(h, s, buf, 8, 0, NULL), 8);
        assert_int_equal(sw_recv(h, s, buf, 8, 0, NULL), 8);
        assert_int_equal(sw_connect(h, s, NULL), 0);
        assert_int_equal(sw_send(h, s, buf, 8, 0, NULL), -EINVAL); /* a reply is in buf */
        request(v6, 1, 8);
        assert_int_equal(sw_send(h, s, buf, 8, 0, NULL), -EDESTADDRREQ);
        assert_int_equal(sw_close(h, s), 0);
    }
    world_fini(&w);
}

/* As a datagram socket's: hard errors if it has a peer, all if it asked for them. */
static void test_errors(void **state)
{
    (void)state;
    struct world w;
    struct router router;
    world_init_router(&w, &router);
    struct sw_addr to = at("10.0.0.2", 0);
    for (int connected = 0; connected < 2; connected++) {
        for (int all = 0; all < 2; all++) {
            sw_socket_t s = ping(&w, false);
            set_int(&w, 0, s, SW_SOL_IP, SW_IP_RECVERR, all);
            if (connected)
                assert_int_equal(sw_connect(w.host[0], s, &to), 0);
            request(false, 1, 8);
            assert_int_equal(sw_send(w.host[0], s, buf, 8, 0, &to), 8);
            world_settle(&w);
            router_complains(&w, SW_ICMP_UNREACH, SW_ICMP_UNREACH_HOST);
            assert_int_equal(sw_take_error(w.host[0], s), all ? EHOSTUNREACH : 0);
            router_complains(&w, SW_ICMP_UNREACH, SW_ICMP_UNREACH_PORT);
            assert_int_equal(sw_take_error(w.host[0], s), all || connected ? ECONNREFUSED : 0);
            assert_int_equal(sw_close(w.host[0], s), 0);
        }
    }
    router_complains(&w, SW_ICMP_UNREACH, SW_ICMP_UNREACH_PORT);
    assert_int_equal(sw_host_drops(w.host[0], SW_DROP_ICMP_QUOTE), 1);
    world_fini(&w);
}

/* A reply to nobody, and more replies than there is room for. */
static void test_drops(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_host *h = w.host[0];
    struct sw_addr to = at("127.0.0.1", 0);
    sw_socket_t s = ping(&w, false);
    set_int(&w, 0, s, SW_SOL_SOCKET, SW_SO_RCVBUF, 2048);
    request(false, 1, 64);
    for (int i = 0; i < 100; i++)
        assert_int_equal(sw_send(h, s, buf, 64, 0, &to), 64);
    world_settle(&w);
    uint64_t full = sw_host_drops(h, SW_DROP_UDP_QUEUE_FULL), got = 0;
    while (sw_recv(h, s, buf, sizeof(buf), 0, NULL) == 64)
        got++;
    assert_true(got > 0 && full > 0 && got + full == 100);
    request(false, 1, 64);
    assert_int_equal(sw_send(h, s, buf, 64, 0, &to), 64);
    assert_int_equal(sw_close(h, s), 0);
    world_settle(&w);
    assert_int_equal(sw_host_drops(h, SW_DROP_ICMP_NO_SOCKET), 1);
    world_fini(&w);
}

/* Each allocation in turn fails. */
static void test_no_memory(void **state)
{
    (void)state;
    for (uint64_t fail = 1; fail < 30; fail++) {
        struct world w;
        world_init(&w);
        struct sw_addr to = at("127.0.0.1", 0);
        sw_socket_t s;
        w.alloc.fail_at = w.alloc.calls + fail;
        if (sw_socket(w.host[0], SW_AF_INET, SW_SOCK_DGRAM, SW_PROTO_ICMP, &s) == 0) {
            request(false, 1, 64);
            (void)sw_send(w.host[0], s, buf, 64, 0, &to);
            world_settle(&w);
        }
        world_fini(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_echo),    cmocka_unit_test(test_what_may_be_sent),
        cmocka_unit_test(test_open),    cmocka_unit_test(test_bind),
        cmocka_unit_test(test_connect), cmocka_unit_test(test_errors),
        cmocka_unit_test(test_drops),   cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
