/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP_SAVE_SYN: the headers go from the half-open connection to its socket, and with either. */
#include "host/world.h"
#include "sock/abi.h"

static sw_socket_t saving_listener(struct world *w, const struct sw_addr *at_addr)
{
    const int headers = 1;
    sw_socket_t l = stream(w, 1, SW_AF_INET);
    assert_int_equal(sw_bind(w->host[1], l, at_addr), 0);
    assert_int_equal(
        sw_setsockopt(w->host[1], l, SW_SOL_TCP, SW_TCP_SAVE_SYN, &headers, sizeof(headers)), 0);
    assert_int_equal(sw_listen(w->host[1], l, 5), 0);
    return l;
}

static void test_headers(void **state)
{
    (void)state;
    struct world w;
    uint8_t got[128];
    world_init(&w);
    const struct sw_addr to = at4(10, 0, 0, 2, 80);
    sw_socket_t l = saving_listener(&w, &to), c = stream(&w, 0, SW_AF_INET), a;
    assert_int_equal(sw_connect(w.host[0], c, &to), -EINPROGRESS);
    world_settle(&w);
    assert_int_equal(sw_accept(w.host[1], l, &a, NULL), 0);
    size_t len = 30;
    assert_int_equal(sw_getsockopt(w.host[1], a, SW_SOL_TCP, SW_TCP_SAVED_SYN, got, &len), -EINVAL);
    len = sizeof(got);
    assert_int_equal(sw_getsockopt(w.host[1], a, SW_SOL_TCP, SW_TCP_SAVED_SYN, got, &len), 0);
    assert_int_equal(len, got[2] << 8 | got[3]); /* all of the packet: RFC 791 3.1 */
    assert_memory_equal(got + 12, ((const uint8_t[]){10, 0, 0, 1, 10, 0, 0, 2}), 8);
    assert_int_equal(got[22] << 8 | got[23], 80);
    assert_int_equal(got[33], 2); /* SYN */
    len = sizeof(got);
    assert_int_equal(sw_getsockopt(w.host[1], a, SW_SOL_TCP, SW_TCP_SAVED_SYN, got, &len), 0);
    assert_int_equal(len, 0);
    world_fini(&w);
}

static bool lose_all(struct world *w, int from, struct sw_packet *pkt)
{
    (void)w, (void)pkt;
    return from == 1;
}

/* Nobody asks: they go with the connection, half-open or not. (The world's end holds that nothing
 * is left.) */
static void test_forgotten(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    const struct sw_addr to = at4(10, 0, 0, 2, 80);
    sw_socket_t l = saving_listener(&w, &to), c = stream(&w, 0, SW_AF_INET),
                d = stream(&w, 0, SW_AF_INET), a;
    assert_int_equal(sw_connect(w.host[0], c, &to), -EINPROGRESS);
    world_settle(&w);
    assert_int_equal(sw_accept(w.host[1], l, &a, NULL), 0);
    assert_int_equal(sw_abort(w.host[1], a), 0);
    world_settle(&w);
    uint64_t used = sw_mem_used(w.mem[1]);
    w.lose = lose_all;
    assert_int_equal(sw_connect(w.host[0], d, &to), -EINPROGRESS);
    world_settle(&w);
    assert_true(sw_mem_used(w.mem[1]) > used);
    assert_int_equal(sw_close(w.host[1], l), 0);
    assert_true(sw_mem_used(w.mem[1]) <= used);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
