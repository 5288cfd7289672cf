/* SPDX-License-Identifier: BSD-2-Clause */
/* Datagrams between two hosts, over both families, and what closed ports answer. */
#include "world.h"

static void echo(struct world *w, int domain, const char *bound, const char *to, const char *from)
{
    sw_socket_t a = dgram(w, 0, SW_AF_INET6), b = dgram(w, 1, domain);
    if (sw_ip_is4(&(struct sw_addr[]) { at(to, 0) } -> ip)) {
        sw_close(w->host[0], a);
        a = dgram(w, 0, SW_AF_INET);
    }
    struct sw_addr addr = at(bound, 7), dst = at(to, 7), src;
    assert_int_equal(sw_bind(w->host[1], b, &addr), 0);
    assert_int_equal(sw_send(w->host[0], a, "hello", 5, 0, &dst), 5);
    world_settle(w);
    char buf[16];
    assert_int_equal(sw_recv_queued(w->host[1], b), 5);
    assert_int_equal(sw_poll(w->host[1], b), SW_EV_IN | SW_EV_OUT);
    assert_int_equal(sw_recv(w->host[1], b, buf, sizeof(buf), 0, &src), 5);
    assert_memory_equal(buf, "hello", 5);
    struct sw_addr expect = at(from, src.port);
    assert_true(sw_ip_eq(&src.ip, &expect.ip));
    assert_true(src.port >= 32768 && src.port <= 60999);
    assert_int_equal(sw_send(w->host[1], b, "hi", 2, 0, &src), 2);
    world_settle(w);
    assert_int_equal(sw_recv(w->host[0], a, buf, 1, SW_MSG_TRUNC | SW_MSG_PEEK, NULL), 2);
    assert_int_equal(sw_recv(w->host[0], a, buf, sizeof(buf), 0, &src), 2);
    assert_int_equal(src.port, 7);
    assert_int_equal(sw_recv(w->host[0], a, buf, sizeof(buf), 0, &src), -EAGAIN);
    sw_close(w->host[0], a);
    sw_close(w->host[1], b);
}

static void test_echo(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    echo(&w, SW_AF_INET, "0.0.0.0", "10.0.0.2", "10.0.0.1");
    echo(&w, SW_AF_INET, "10.0.0.2", "10.0.0.2", "10.0.0.1");
    echo(&w, SW_AF_INET6, "::", "fd00::2", "fd00::1");
    echo(&w, SW_AF_INET6, "fd00::2", "fd00::2", "fd00::1");
    echo(&w, SW_AF_INET6, "::", "10.0.0.2", "10.0.0.1");
    world_fini(&w);
}

static void refused(struct world *w, int domain, const char *to)
{
    sw_socket_t a = dgram(w, 0, domain), free_one = dgram(w, 0, domain);
    struct sw_addr dst = at(to, 9);
    char buf[4];
    assert_int_equal(sw_send(w->host[0], free_one, "x", 1, 0, &dst), 1);
    world_settle(w);
    assert_int_equal(sw_recv(w->host[0], free_one, buf, 4, 0, NULL), -EAGAIN); /* has no peer */
    assert_int_equal(sw_connect(w->host[0], a, &dst), 0);
    assert_int_equal(sw_send(w->host[0], a, "x", 1, 0, NULL), 1);
    world_run(w, S);
    assert_int_equal(sw_poll(w->host[0], a), SW_EV_OUT | SW_EV_ERR);
    assert_int_equal(sw_send(w->host[0], a, "x", 1, 0, NULL), -ECONNREFUSED);
    assert_int_equal(sw_send(w->host[0], a, "x", 1, 0, NULL), 1);
    world_run(w, S);
    assert_int_equal(sw_recv(w->host[0], a, buf, 4, 0, NULL), -ECONNREFUSED);
    assert_int_equal(sw_recv(w->host[0], a, buf, 4, 0, NULL), -EAGAIN);
    sw_close(w->host[0], a);
    sw_close(w->host[0], free_one);
}

static void test_refused(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    refused(&w, SW_AF_INET, "10.0.0.2");
    refused(&w, SW_AF_INET6, "fd00::2");
    refused(&w, SW_AF_INET, "127.0.0.1");
    refused(&w, SW_AF_INET6, "::1");
    refused(&w, SW_AF_INET6, "127.0.0.1");
    assert_true(sw_host_drops(w.host[1], SW_DROP_UDP_NO_SOCKET) >= 6);
    world_fini(&w);
}

/* A socket closed before it read what came: its senders learn that nobody is there. */
static void test_reject(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    static const char *const addrs[] = {"10.0.0.2", "fd00::2"};
    for (int i = 0; i < 2; i++) {
        int domain = i ? SW_AF_INET6 : SW_AF_INET;
        sw_socket_t a = dgram(&w, 0, domain), b = dgram(&w, 1, domain);
        struct sw_addr dst = at(addrs[i], 9);
        assert_int_equal(sw_bind(w.host[1], b, &dst), 0);
        assert_int_equal(sw_connect(w.host[0], a, &dst), 0);
        assert_int_equal(sw_send(w.host[0], a, "x", 1, 0, NULL), 1);
        world_settle(&w);
        assert_int_equal(sw_take_error(w.host[0], a), 0);
        assert_int_equal(sw_reject(w.host[1], b), 0);
        world_settle(&w);
        assert_int_equal(sw_take_error(w.host[0], a), ECONNREFUSED);
        world_run(&w, S);
    }
    world_fini(&w);
}

/* What a sender decides for one datagram, and a receiver learns of it. */
static void test_info(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    sw_socket_t a = dgram(&w, 0, SW_AF_INET), b = dgram(&w, 0, SW_AF_INET);
    struct sw_addr dst = at("0.0.0.0", 9), from;
    struct sw_datagram_info info = {.local = at("127.0.0.7", 0).ip, .ttl = 3, .tos = 0x28};
    char buf[4];
    assert_int_equal(sw_bind(w.host[0], b, &dst), 0);
    dst = at("127.0.0.8", 9);
    assert_int_equal(sw_send_datagram(w.host[0], a, "abc", 3, &dst, &info), 3);
    world_settle(&w);
    assert_int_equal(sw_recv_datagram(w.host[0], b, buf, 4, SW_MSG_PEEK, &from, &info), 3);
    struct sw_ip source = SW_IP4(127, 0, 0, 7);
    assert_true(sw_ip_eq(&from.ip, &source));
    assert_true(sw_ip_eq(&info.local, &dst.ip));
    assert_int_equal(info.ttl, 3);
    assert_int_equal(info.tos, 0x28);
    assert_int_equal(info.iface, w.lo[0]);
    assert_int_equal(sw_recv(w.host[0], b, buf, 4, 0, NULL), 3);

    /* Left to the socket; and an address that is not ours. */
    info = (struct sw_datagram_info){.ttl = -1, .tos = -1};
    assert_int_equal(sw_send_datagram(w.host[0], a, "", 0, &dst, &info), 0);
    world_settle(&w);
    assert_int_equal(sw_recv_datagram(w.host[0], b, buf, 4, 0, &from, &info), 0);
    assert_int_equal(info.ttl, 64);
    assert_int_equal(info.tos, 0);
    info = (struct sw_datagram_info){.local = at("10.9.9.9", 0).ip, .ttl = -1, .tos = -1};
    assert_int_equal(sw_send_datagram(w.host[0], a, "", 0, &dst, &info), -ENETUNREACH);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_echo),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_reject),
        cmocka_unit_test(test_info),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
