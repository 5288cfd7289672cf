/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections without their users: FIN_WAIT_2 and TIME_WAIT in small records. */
#include "host/private.h"
#include "host/world.h"
#include "sock/private.h"
#include "tcp/private.h"

enum { MANY = 1000 };

struct pair {
    struct world w;
    struct sw_sock_layer *layer;
    sw_socket_t client, server;
    struct sw_sock *server_sock;
    struct sw_addr client_addr;
};

/* The client has closed, and the server, which has not, knows. */
static void closed_init(struct pair *p)
{
    struct sw_addr addr = at("10.0.0.2", 80);
    world_init(&p->w);
    p->layer = &p->w.host[0]->sock;
    sw_socket_t l = listener(&p->w, 1, SW_AF_INET, addr, 5);
    connect_to(&p->w, 0, addr, 1, l, &p->client, &p->server);
    assert_int_equal(sw_getsockname(p->w.host[0], p->client, &p->client_addr), 0);
    p->server_sock = sw_sock_find(&p->w.host[1]->sock, p->server);
    assert_int_equal(sw_close(p->w.host[0], p->client), 0);
    assert_int_equal(p->layer->n_socks, 1);
    world_settle(&p->w);
}

static int state_shown(struct pair *p)
{
    struct sw_socket_info info;
    uint64_t cursor = 0;
    assert_null(sw_sock_sane(p->layer));
    if (!sw_sock_next(p->layer, &cursor, &info))
        return SW_TCP_CLOSED;
    assert_int_equal(info.socket, 0);
    assert_int_equal(info.local.port, p->client_addr.port);
    assert_int_equal(info.remote.port, 80);
    return info.tcp_state;
}

static struct sw_host_stats stats_of(struct world *w, int host)
{
    struct sw_host_stats stats;
    sw_host_get_stats(w->host[host], &stats);
    return stats;
}

/* The block goes as soon as our FIN is acknowledged; the peer's FIN finds the record. */
static void test_fin_wait_2_is_small(void **state)
{
    (void)state;
    struct pair p;
    closed_init(&p);
    assert_int_equal(state_shown(&p), SW_TCP_FIN_WAIT_2);
    assert_int_equal(p.layer->n_socks, 0);
    assert_int_equal(p.w.host[0]->tcp.n_orphans, 0);
    assert_int_equal(stats_of(&p.w, 0).time_wait, 1);
    world_run(&p.w, 30 * S);
    assert_int_equal(sw_close(p.w.host[1], p.server), 0);
    world_settle(&p.w);
    assert_int_equal(state_shown(&p), SW_TCP_TIME_WAIT);
    assert_int_equal(stats_of(&p.w, 0).time_wait, 1);
    assert_int_equal(stats_of(&p.w, 1).sockets, 1); /* the listener: the last ACK has come */
    world_run(&p.w, 59 * S);                        /* from the FIN on, not from the beginning */
    assert_int_equal(state_shown(&p), SW_TCP_TIME_WAIT);
    world_run(&p.w, 2 * S);
    assert_int_equal(state_shown(&p), SW_TCP_CLOSED);
    assert_int_equal(stats_of(&p.w, 0).time_wait, 0);
    world_fini(&p.w);
}

/* The peer's FIN never comes. */
static void test_fin_wait_2_ends(void **state)
{
    (void)state;
    struct pair p;
    closed_init(&p);
    world_run(&p.w, 59 * S);
    assert_int_equal(state_shown(&p), SW_TCP_FIN_WAIT_2);
    world_run(&p.w, 2 * S);
    assert_int_equal(state_shown(&p), SW_TCP_CLOSED);
    /* And whatever it says then is refused. */
    assert_int_equal(sw_send(p.w.host[1], p.server, "late", 4, 0, NULL), 4);
    world_settle(&p.w);
    assert_int_equal(sw_send(p.w.host[1], p.server, "late", 4, 0, NULL),
                     -EPIPE); /* as Linux in CLOSE_WAIT */
    world_fini(&p.w);
}

/* Data for nobody are answered with a reset, which ends it (RFC 9293 3.6.1). */
static void test_fin_wait_2_data(void **state)
{
    (void)state;
    struct pair p;
    closed_init(&p);
    assert_int_equal(sw_send(p.w.host[1], p.server, "x", 1, 0, NULL), 1);
    world_settle(&p.w);
    assert_int_equal(state_shown(&p), SW_TCP_CLOSED);
    assert_int_equal(sw_send(p.w.host[1], p.server, "x", 1, 0, NULL),
                     -EPIPE); /* as Linux in CLOSE_WAIT */
    world_fini(&p.w);
}

/* A challenge is answered from the record, twice at most a while, and the wait goes on. */
static void test_fin_wait_2_is_challenged(void **state)
{
    (void)state;
    struct pair p;
    closed_init(&p);
    struct sw_tcp *peer = sw_sock_tcp(p.server_sock);
    uint64_t before = stats_of(&p.w, 0).tcp_tx;
    for (int i = 0; i < 3; i++) { /* an acknowledgment of what was never sent (RFC 5961 5) */
        peer->rcv.nxt = sw_seq_add(peer->rcv.nxt, 1000);
        sw_tcp_send_ack(peer);
        peer->rcv.nxt = sw_seq_sub(peer->rcv.nxt, 1000);
        world_settle(&p.w);
        assert_int_equal(state_shown(&p), SW_TCP_FIN_WAIT_2);
    }
    assert_int_equal(stats_of(&p.w, 0).tcp_tx, before + 1);
    world_run(&p.w, S);
    peer->rcv.nxt = sw_seq_add(peer->rcv.nxt, 1000);
    sw_tcp_send_ack(peer);
    peer->rcv.nxt = sw_seq_sub(peer->rcv.nxt, 1000);
    world_settle(&p.w);
    assert_int_equal(stats_of(&p.w, 0).tcp_tx, before + 2);
    world_run(&p.w, 60 * S);
    assert_int_equal(state_shown(&p), SW_TCP_CLOSED);
    world_fini(&p.w);
}

/* 64 bytes each, and the hash table. */
static void test_fin_wait_2_memory(void **state)
{
    (void)state;
    struct world w;
    static sw_socket_t server[MANY];
    struct sw_addr addr = at("10.0.0.2", 80);
    world_init(&w);
    sw_socket_t l = listener(&w, 1, SW_AF_INET, addr, 5);
    for (int i = 0; i < MANY; i++) {
        sw_socket_t c;
        connect_to(&w, 0, addr, 1, l, &c, &server[i]);
        assert_int_equal(sw_close(w.host[0], c), 0);
        world_settle(&w);
    }
    const struct sw_sock_layer *layer = &w.host[0]->sock;
    assert_int_equal(layer->smalls.fins.count, MANY);
    uint64_t held = (uint64_t)layer->smalls.records.n_pages * SW_PAGE_BYTES +
                    (uint64_t)layer->smalls.heads.n_pages * SW_PAGE_BYTES;
    assert_true(held < (64 + 8) * MANY);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(sw_close(w.host[1], server[i]), 0);
    world_settle(&w);
    assert_int_equal(layer->smalls.fins.count, 0);
    assert_int_equal(layer->smalls.waits.count, MANY);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fin_wait_2_is_small), cmocka_unit_test(test_fin_wait_2_ends),
        cmocka_unit_test(test_fin_wait_2_data),     cmocka_unit_test(test_fin_wait_2_is_challenged),
        cmocka_unit_test(test_fin_wait_2_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
