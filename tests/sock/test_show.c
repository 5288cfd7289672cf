/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of sockets: what a line says, and options of what nobody holds. */
#include "host/private.h"
#include "host/world.h"
#include "sock/private.h"

static struct sw_socket_info line_of(struct world *w, int host, int state, uint64_t *ret_at)
{
    struct sw_socket_info info;
    uint64_t cursor = 0;

    while (sw_host_next_socket(w->host[host], &cursor, &info))
        if (info.tcp_state == state) {
            *ret_at = cursor;
            return info;
        }
    fail_msg("no socket in state %d", state);
    return info;
}

static void test_lines(void **state)
{
    (void)state;
    struct world w;
    struct sw_addr addr = at("10.0.0.2", 80);
    sw_socket_t client, server, another;
    uint64_t at_walk = 0;
    uint8_t info[512];
    size_t len = sizeof(info);
    int on = 1;

    world_init(&w);
    sw_socket_t l = listener(&w, 1, SW_AF_INET, addr, 5);
    connect_to(&w, 0, addr, 1, l, &client, &server);
    struct sw_socket_info line = line_of(&w, 1, SW_TCP_LISTEN, &at_walk);
    assert_int_equal(line.protocol, SW_PROTO_TCP);
    assert_int_equal(line.awaits, SW_AWAITS_NOTHING);
    assert_true(line.port_chosen);
    assert_int_equal(
        sw_setsockopt(w.host[0], client, SW_SOL_SOCKET, SW_SO_KEEPALIVE, &on, sizeof(on)), 0);
    line = line_of(&w, 0, SW_TCP_ESTABLISHED, &at_walk);
    assert_int_equal(line.awaits, SW_AWAITS_KEEPALIVE);
    assert_true(line.awaits_ns > 0);
    assert_false(line.port_chosen);
    assert_int_equal(sw_send(w.host[0], client, "x", 1, 0, NULL), 1);
    line = line_of(&w, 0, SW_TCP_ESTABLISHED, &at_walk);
    assert_int_equal(line.awaits, SW_AWAITS_RETRANSMIT);
    assert_int_equal(line.send_q, 1);

    assert_int_equal(sw_recv(w.host[1], server, info, sizeof(info), 0, NULL), -EAGAIN);
    world_settle(&w);
    assert_int_equal(sw_recv(w.host[1], server, info, sizeof(info), 0, NULL), 1);

    /* What waits to be accepted nobody holds, but it can be asked. */
    assert_int_equal(sw_socket(w.host[0], SW_AF_INET, SW_SOCK_STREAM, 0, &another), 0);
    assert_int_equal(sw_connect(w.host[0], another, &addr), -EINPROGRESS);
    world_settle(&w);
    assert_int_equal(sw_close(w.host[1], server), 0);
    world_settle(&w);
    line = line_of(&w, 1, SW_TCP_ESTABLISHED, &at_walk);
    assert_int_equal(line.socket, 0);
    assert_int_equal(
        sw_host_walk_getsockopt(w.host[1], at_walk, SW_SOL_TCP, SW_TCP_INFO, info, &len), 0);
    assert_int_equal(info[0], SW_TCP_ESTABLISHED);
    assert_int_equal(sw_host_walk_getsockopt(w.host[1], 0, SW_SOL_TCP, SW_TCP_INFO, info, &len),
                     -EBADF);

    /* The peer's FIN is an end of reading. */
    line = line_of(&w, 0, SW_TCP_CLOSE_WAIT, &at_walk);
    assert_int_equal(line.shut, SW_SHUT_BIT_RCV);
    assert_int_equal(sw_close(w.host[0], client), 0);
    world_settle(&w);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
