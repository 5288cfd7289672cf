/* SPDX-License-Identifier: BSD-2-Clause */
/* The error queue: what it tells, its order, SO_ERROR beside it; as Linux 6.18 answers. */
#include "host/world.h"
#include "sock/abi.h"
#include "wire/wire.h"

static const char *const far[2] = {"10.0.0.2", "fd00::2"};
static char buf[4096];

static sw_socket_t asking(struct world *w, bool v6)
{
    sw_socket_t s = dgram(w, 0, v6 ? SW_AF_INET6 : SW_AF_INET);
    set_int(w, 0, s, v6 ? SW_SOL_IPV6 : SW_SOL_IP, v6 ? SW_IPV6_RECVERR : SW_IP_RECVERR, 1);
    return s;
}

static void test_port_unreachable(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    for (int v6 = 0; v6 < 2; v6++) {
        sw_socket_t s = asking(&w, v6);
        struct sw_socket_error e;
        struct sw_addr to = at(far[v6], 9);
        assert_int_equal(sw_recv_error(w.host[0], s, buf, sizeof(buf), &e), -EAGAIN);
        assert_int_equal(sw_send(w.host[0], s, "first", 5, 0, &to), 5);
        to.port = 10;
        assert_int_equal(sw_send(w.host[0], s, "second one", 10, 0, &to), 10);
        world_settle(&w);
        assert_int_equal(sw_poll(w.host[0], s), SW_EV_OUT | SW_EV_ERR);
        assert_int_equal(sw_take_error(w.host[0], s), ECONNREFUSED);
        assert_int_equal(sw_poll(w.host[0], s), SW_EV_OUT | SW_EV_ERR); /* the queue's */

        assert_int_equal(sw_recv_error(w.host[0], s, buf, sizeof(buf), &e), 5);
        assert_memory_equal(buf, "first", 5);
        assert_int_equal(e.err, ECONNREFUSED);
        assert_int_equal(e.origin, v6 ? SW_ORIGIN_ICMP6 : SW_ORIGIN_ICMP);
        assert_int_equal(e.type, v6 ? 1 : 3);
        assert_int_equal(e.code, v6 ? 4 : 3);
        assert_int_equal(e.info, 0);
        assert_true(sw_ip_eq(&e.offender.ip, &to.ip) && e.offender.port == 0);
        assert_true(sw_ip_eq(&e.to.ip, &to.ip) && e.to.port == 9);
        assert_int_equal(e.message.ttl, 64);
        assert_int_equal(e.message.iface, w.eth[0]);
        assert_int_equal(sw_take_error(w.host[0], s), ECONNREFUSED); /* the second's */

        memset(buf, 0, sizeof(buf));
        assert_int_equal(sw_recv_error(w.host[0], s, buf, 3, &e), 10); /* cut */
        assert_string_equal(buf, "sec");
        assert_int_equal(e.to.port, 10);
        assert_int_equal(sw_poll(w.host[0], s), SW_EV_OUT);
        assert_int_equal(sw_recv_error(w.host[0], s, buf, sizeof(buf), &e), -EAGAIN);
        assert_int_equal(sw_close(w.host[0], s), 0);
    }
    world_fini(&w);
}

/* Nobody asked, or no longer; the last one read clears SO_ERROR; what is left goes with the
 * socket. */
static void test_life(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_host *h = w.host[0];
    struct sw_addr to = at(far[0], 9);
    struct sw_socket_error e;
    sw_socket_t s = dgram(&w, 0, SW_AF_INET);
    assert_int_equal(sw_connect(h, s, &to), 0);
    assert_int_equal(sw_send(h, s, "x", 1, 0, NULL), 1);
    world_settle(&w);
    assert_int_equal(sw_recv_error(h, s, buf, 9, &e), -EAGAIN);
    assert_int_equal(sw_take_error(h, s), ECONNREFUSED);
    set_int(&w, 0, s, SW_SOL_IP, SW_IP_RECVERR, 1);
    assert_int_equal(sw_send(h, s, "x", 1, 0, NULL), 1);
    world_settle(&w);
    assert_int_equal(sw_recv_error(h, s, buf, 9, &e), 1);
    assert_int_equal(sw_take_error(h, s), 0);
    assert_int_equal(sw_send(h, s, "x", 1, 0, NULL), 1);
    world_settle(&w);
    set_int(&w, 0, s, SW_SOL_IP, SW_IP_RECVERR, 0);
    assert_int_equal(sw_recv_error(h, s, buf, 9, &e), -EAGAIN);
    (void)sw_take_error(h, s);
    set_int(&w, 0, s, SW_SOL_IP, SW_IP_RECVERR, 1);
    assert_int_equal(sw_send(h, s, "x", 1, 0, NULL), 1);
    world_settle(&w);
    assert_int_equal(sw_recv_error(h, 0, buf, 9, &e), -EBADF);
    assert_int_equal(sw_recv_error(h, stream(&w, 0, SW_AF_INET), buf, 9, &e), -EAGAIN);
    world_fini(&w);
}

/* The queue has an end, and each allocation may fail: SO_ERROR says so all the same. */
static void test_limits(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_host *h = w.host[0];
    struct sw_addr to = at("127.0.0.1", 9);
    struct sw_socket_error e;
    sw_socket_t s = asking(&w, false);
    set_int(&w, 0, s, SW_SOL_SOCKET, SW_SO_RCVBUF, 2048);
    int told = 0, sent = 0;
    for (; sent < 400; sent++) {
        (void)sw_take_error(h, s);
        w.now += S / 5; /* errors are limited in rate */
        sw_host_advance(h, w.now);
        assert_int_equal(sw_send(h, s, "a datagram", 10, 0, &to), 10);
        world_settle(&w);
    }
    while (sw_recv_error(h, s, buf, sizeof(buf), &e) == 10)
        told++;
    assert_true(told > 3 && told < 100);
    assert_int_equal(sw_close(h, s), 0);
    for (uint64_t fail = 1; fail < 25; fail++) {
        s = asking(&w, false);
        w.now += S;
        sw_host_advance(h, w.now);
        w.alloc.fail_at = w.alloc.calls + fail;
        (void)sw_send(h, s, "x", 1, 0, &to);
        world_settle(&w);
        w.alloc.fail_at = 0;
        assert_int_equal(sw_close(h, s), 0);
    }
    world_fini(&w);
}

/* Stamps of what is sent, and MSG_ZEROCOPY, stand between the errors and are none: SO_ERROR. */
static void test_sent(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_host *h = w.host[0];
    struct sw_addr to = at(far[0], 9);
    struct sw_socket_error e;
    sw_socket_t s = asking(&w, false);
    struct sw_datagram_info info = {.ttl = -1, .tos = -1, .zerocopy = true};
    set_int(&w, 0, s, SW_SOL_SOCKET, SW_SO_TIMESTAMPING, 0x82); /* sent, numbered */
    set_int(&w, 0, s, SW_SOL_SOCKET, SW_SO_ZEROCOPY, 1);
    uint64_t sent_ns = w.now;
    assert_int_equal(sw_send_datagram(h, s, "first", 5, &to, &info), 5);
    world_settle(&w);
    assert_int_equal(sw_take_error(h, s), ECONNREFUSED);
    info.stamping = (struct sw_stamping){.given = true, .has_key = true, .flags = 0x100, .key = 77};
    assert_int_equal(sw_send_datagram(h, s, "second", 6, &to, &info), 6);
    world_settle(&w);
    assert_int_equal(sw_take_error(h, s), ECONNREFUSED);

    assert_int_equal(sw_recv_error(h, s, buf, sizeof(buf), &e), 20 + 8 + 5);
    assert_memory_equal(buf + 28, "first", 5);
    assert_int_equal(buf[0], 0x45);
    assert_int_equal(e.err, ENOMSG);
    assert_int_equal(e.origin, SW_ORIGIN_TIMESTAMPING);
    assert_int_equal(e.info, 0);
    assert_int_equal(e.data, 0);
    assert_int_equal(e.message.at_ns, sent_ns);
    assert_true(sw_ip_eq(&e.message.local, &to.ip));
    assert_int_equal(sw_take_error(h, s), 0); /* the next is none of ICMP */
    assert_int_equal(sw_recv_error(h, s, buf, sizeof(buf), &e), 0);
    assert_int_equal(e.origin, SW_ORIGIN_ZEROCOPY);
    assert_true(e.err == 0 && e.code == 1 && e.info == 0 && e.data == 0);
    assert_int_equal(sw_take_error(h, s), ECONNREFUSED);
    assert_int_equal(sw_recv_error(h, s, buf, sizeof(buf), &e), 5);
    assert_int_equal(e.origin, SW_ORIGIN_ICMP);
    assert_int_equal(sw_recv_error(h, s, buf, sizeof(buf), &e), 20 + 8 + 6);
    assert_true(e.info == 1 && e.data == 77);
    assert_int_equal(sw_recv_error(h, s, buf, sizeof(buf), &e), 0);
    assert_true(e.origin == SW_ORIGIN_ZEROCOPY && e.info == 1 && e.data == 1);
    assert_int_equal(sw_recv_error(h, s, buf, sizeof(buf), &e), 6);
    assert_int_equal(sw_recv_error(h, s, buf, sizeof(buf), &e), -EAGAIN);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_port_unreachable),
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
