/* SPDX-License-Identifier: BSD-2-Clause */
/* The checker of "each state has a timer or an event that ends it" sees what it is there for. Bug
 * class 18. */
#include "host/private.h"
#include "host/world.h"
#include "sock/private.h"

static const char *sane(struct world *w, int i)
{
    return sw_sock_sane(&w->host[i]->sock);
}

/* From the first SYN to the end of TIME_WAIT nothing is ever wrong. */
static void test_a_life(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_addr addr = at("10.0.0.2", 80);
    sw_socket_t l = listener(&w, 1, SW_AF_INET, addr, 5), c = stream(&w, 0, SW_AF_INET), a;
    assert_int_equal(sw_connect(w.host[0], c, &addr), -EINPROGRESS);
    for (int step = 0; step < 6; step++) {
        assert_null(sane(&w, 0));
        assert_null(sane(&w, 1));
        world_settle(&w);
        if (step == 0) {
            assert_int_equal(sw_send(w.host[0], c, "abc", 3, 0, NULL), 3);
        } else if (step == 1) {
            assert_int_equal(sw_accept(w.host[1], l, &a, NULL), 0);
        } else if (step == 2) {
            assert_int_equal(sw_close(w.host[0], c), 0);
        } else if (step == 3) {
            char buf[8];
            assert_int_equal(sw_recv(w.host[1], a, buf, 8, 0, NULL), 3);
            assert_int_equal(sw_close(w.host[1], a), 0);
        } else {
            world_run(&w, 61 * S);
        }
    }
    struct sw_host_stats stats;
    sw_host_get_stats(w.host[0], &stats);
    assert_int_equal(stats.sockets + stats.time_wait, 0);
    world_fini(&w);
}

/* A lost timer, each where it matters. */
static void test_lost_timers(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_addr addr = at("10.0.0.2", 80);
    sw_socket_t l = listener(&w, 1, SW_AF_INET, addr, 5), c = stream(&w, 0, SW_AF_INET), a;
    struct sw_wheel *wheel = &w.host[0]->env.wheel;
    assert_int_equal(sw_connect(w.host[0], c, &addr), -EINPROGRESS);
    struct sw_tcp *tcp = sw_sock_tcp(sw_sock_find(&w.host[0]->sock, c));
    uint64_t at_ns = tcp->main_ns;
    tcp->main_ns = SW_NEVER;
    assert_string_equal(sane(&w, 0), "a SYN that is not sent again");
    tcp->main_ns = at_ns;
    sw_wheel_cancel(wheel, &tcp->timer);
    assert_string_equal(sane(&w, 0), "a deadline that the node will miss");
    sw_wheel_arm(wheel, &tcp->timer, at_ns + 1);
    assert_string_equal(sane(&w, 0), "a deadline that the node will miss");
    sw_wheel_arm(wheel, &tcp->timer, at_ns);
    assert_null(sane(&w, 0));
    world_settle(&w);
    assert_int_equal(sw_accept(w.host[1], l, &a, NULL), 0);
    assert_int_equal(sw_send(w.host[0], c, "abc", 3, 0, NULL), 3);
    at_ns = tcp->main_ns;
    tcp->main_ns = SW_NEVER;
    assert_string_equal(sane(&w, 0), "unacknowledged, and no timer");
    tcp->main_ns = at_ns;
    world_settle(&w);
    /* With a patience of its own it keeps its block. */
    assert_int_equal(set_int(&w, 0, c, SW_SOL_TCP, SW_TCP_LINGER2, 5), 0);
    assert_int_equal(sw_close(w.host[0], c), 0);
    world_settle(&w);
    world_run(&w, S / 10); /* the ACK of a FIN behind data waits for company */
    assert_int_equal(sw_tcp_get_state(tcp), SW_TCP_FIN_WAIT_2);
    at_ns = tcp->slow_ns;
    tcp->slow_ns = SW_NEVER;
    assert_string_equal(sane(&w, 0), "FIN_WAIT_2 of an orphan for ever");
    tcp->slow_ns = at_ns;
    w.host[0]->tcp.n_orphans++;
    assert_string_equal(sane(&w, 0), "orphans are miscounted");
    w.host[0]->tcp.n_orphans--;
    assert_null(sane(&w, 0));
    world_fini(&w);
}

/* Small records: their timers, counts and places. */
static void test_lost_records(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_sock_layer *layer = &w.host[1]->sock;
    struct sw_wheel *wheel = &w.host[1]->env.wheel;
    struct sw_addr addr = at("10.0.0.2", 80);
    sw_socket_t l = listener(&w, 1, SW_AF_INET, addr, 5), c = stream(&w, 0, SW_AF_INET);
    assert_int_equal(sw_connect(w.host[0], c, &addr), -EINPROGRESS);
    sw_host_input(w.host[1], w.eth[1], sw_host_output(w.host[0], w.eth[0], w.now), w.now);
    struct sw_listener *listening = sw_sock_find(layer, l)->listener;
    assert_int_equal(listening->n_half, 1);
    assert_null(sane(&w, 1));
    listening->n_half++;
    assert_string_equal(sane(&w, 1), "half-open connections are miscounted");
    listening->n_half--;
    uint64_t at_ns = layer->smalls.half_timer.expires_ns;
    sw_wheel_cancel(wheel, &layer->smalls.half_timer);
    assert_string_equal(sane(&w, 1), "a half-open connection that no timer will end");
    sw_wheel_arm(wheel, &layer->smalls.half_timer, at_ns);
    struct sw_small *small = sw_small_at(layer, layer->smalls.halves[0].first);
    small->remote_port++;
    assert_string_equal(sane(&w, 1), "a small record that is not found");
    small->remote_port--;
    assert_null(sane(&w, 1));
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_life),
        cmocka_unit_test(test_lost_timers),
        cmocka_unit_test(test_lost_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
