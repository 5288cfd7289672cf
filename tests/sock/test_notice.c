/* SPDX-License-Identifier: BSD-2-Clause */
/* What becomes of a stream's bytes, as its error queue tells: kept in bounds, freed at every end.
 * The order of things is that of tests/packetdrill/zerocopy-*.pkt and timestamping-*.pkt. */
#include "host/world.h"
#include "sock/abi.h"
#include "tcp/notice.h"

static char buf[1000];

static void set(struct sw_host *h, sw_socket_t s, int level, int name, int v)
{
    assert_int_equal(sw_setsockopt(h, s, level, name, &v, sizeof(v)), 0);
}

struct pair {
    sw_socket_t client, server;
};

static struct pair pair(struct world *w, const char *address)
{
    struct pair p;
    struct sw_addr there = at(address, 7);
    sw_socket_t l = listener(w, 0, sw_ip_is4(&there.ip) ? SW_AF_INET : SW_AF_INET6, there, 1);
    connect_to(w, 0, there, 0, l, &p.client, &p.server);
    return p;
}

static void test_many(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_host *h = w.host[0];
    struct pair p = pair(&w, "127.0.0.1");
    struct sw_socket_error e;
    set(h, p.client, SW_SOL_SOCKET, SW_SO_ZEROCOPY, 1);
    set(h, p.client, SW_SOL_SOCKET, SW_SO_TIMESTAMPING,
        0x392); /* sent, scheduled, acknowledged, id */
    for (int i = 0; i < 3 * SW_NOTICES_MAX; i++)
        assert_int_equal(sw_send(h, p.client, buf, 1, SW_MSG_ZEROCOPY, NULL), 1);
    world_run(&w, 1000 * MS);
    assert_true(sw_poll(h, p.client) & SW_EV_ERR);
    int n = 0;
    uint64_t before_ns = 0;
    for (; sw_recv_error(h, p.client, NULL, 0, &e) == 0; n++) {
        assert_true(e.origin == SW_ORIGIN_TIMESTAMPING || e.origin == SW_ORIGIN_ZEROCOPY);
        assert_true(e.message.at_ns >= before_ns);
        before_ns = e.message.at_ns;
    }
    assert_in_range(n, SW_NOTICES_MAX / 2, SW_NOTICES_MAX);
    assert_false(sw_poll(h, p.client) & SW_EV_ERR);
    /* It goes on after that. */
    assert_int_equal(sw_send(h, p.client, buf, 10, SW_MSG_ZEROCOPY, NULL), 10);
    world_run(&w, 1000 * MS);
    assert_int_equal(sw_recv_error(h, p.client, NULL, 0, &e), 0);
    assert_int_equal(e.data, 3 * SW_NOTICES_MAX + 9); /* bytes from 0 on */
    world_fini(&w);
}

/* One call's own wish, and a write that goes on (SW_MSG_WAITALL): its last byte is what counts. */
static void test_one_call(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_host *h = w.host[0];
    struct pair p = pair(&w, "127.0.0.1");
    struct sw_socket_error e;
    static char much[1 << 20];
    const struct sw_stamping acked = {.given = true, .flags = 0x200};
    size_t done = 0;
    set(h, p.client, SW_SOL_SOCKET, SW_SO_TIMESTAMPING, 0x90); /* told, numbered */
    assert_int_equal(sw_send(h, p.client, buf, 10, 0, NULL), 10);
    while (done < sizeof(much)) {
        int64_t n =
            sw_send_stamped(h, p.client, much + done, sizeof(much) - done, SW_MSG_WAITALL, &acked);
        assert_true(n > 0 || n == -EAGAIN);
        done += n > 0 ? (size_t)n : 0;
        world_run(&w, 10 * MS);
        while (sw_recv(h, p.server, buf, sizeof(buf), 0, NULL) > 0)
            ;
    }
    for (int i = 0; i < 100; i++) {
        while (sw_recv(h, p.server, buf, sizeof(buf), 0, NULL) > 0)
            ;
        world_run(&w, 10 * MS);
    }
    assert_int_equal(sw_recv_error(h, p.client, NULL, 0, &e), 0);
    assert_true(e.origin == SW_ORIGIN_TIMESTAMPING && e.info == SW_NOTICE_ACKED);
    assert_int_equal(e.data, 10 + sizeof(much) - 1);
    assert_int_equal(sw_recv_error(h, p.client, NULL, 0, &e), -EAGAIN);
    assert_int_equal(sw_send_stamped(h, 0, buf, 1, 0, &acked), -EBADF);
    world_fini(&w);
}

/* world_fini() finds what leaks. */
static void test_ends(void **state)
{
    (void)state;
    for (int how = 0; how < 4; how++) {
        struct world w;
        world_init(&w);
        struct sw_host *h = w.host[0];
        struct pair p = pair(&w, "::1");
        set(h, p.client, SW_SOL_SOCKET, SW_SO_ZEROCOPY, 1);
        set(h, p.client, SW_SOL_SOCKET, SW_SO_TIMESTAMPING, 0x312);
        assert_int_equal(sw_send(h, p.client, buf, 100, SW_MSG_ZEROCOPY, NULL), 100);
        if (how == 0)
            sw_abort(h, p.client);
        else if (how == 1)
            sw_close(h, p.client);
        else if (how == 2)
            assert_int_equal(sw_connect(h, p.client, NULL), 0);
        if (how < 3)
            world_run(&w, 1000 * MS);
        world_fini(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_one_call),
        cmocka_unit_test(test_ends),
    };
    return cmocka_run_group_tests_name("sock/notice", tests, NULL, NULL);
}
