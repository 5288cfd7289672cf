/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a host does when something runs out or goes away: every allocation of a scenario fails once,
 * every packet of a scenario is the moment at which a socket is closed. Nothing crashes, nothing
 * leaks, and both ends come to an end.
 */
#include "world.h"

/* ---- the scenario, which shrugs at every error ---- */

struct play {
    struct world w;
    sw_socket_t l, c, s, u, v;
};

static void no_wonder(int64_t r)
{
    (void)r;
}

static void play_open(struct play *p)
{
    struct sw_host **h = p->w.host;
    struct sw_addr to = at("10.0.0.2", 80), udp = at("fd00::2", 53);
    no_wonder(sw_socket(h[1], SW_AF_INET6, SW_SOCK_STREAM, 0, &p->l));
    struct sw_addr any = at("::", 80);
    no_wonder(sw_bind(h[1], p->l, &any));
    no_wonder(sw_listen(h[1], p->l, 5));
    no_wonder(sw_socket(h[0], SW_AF_INET, SW_SOCK_STREAM, 0, &p->c));
    int seven[2] = {1, 7};
    no_wonder(sw_setsockopt(h[0], p->c, 1, 13, seven, sizeof(seven))); /* SO_LINGER */
    no_wonder(sw_connect(h[0], p->c, &to));
    no_wonder(sw_socket(h[0], SW_AF_INET6, SW_SOCK_DGRAM, 0, &p->u));
    no_wonder(sw_socket(h[1], SW_AF_INET6, SW_SOCK_DGRAM, 0, &p->v));
    no_wonder(sw_bind(h[1], p->v, &udp));
    no_wonder(sw_connect(h[0], p->u, &udp));
}

static void play_talk(struct play *p)
{
    struct sw_host **h = p->w.host;
    static uint8_t buf[20000];
    void *room;
    no_wonder(sw_accept(h[1], p->l, &p->s, NULL));
    no_wonder(sw_send(h[0], p->c, buf, sizeof(buf), 0, NULL));
    if (sw_send_reserve(h[1], p->s, 100, &room) == 100)
        no_wonder(sw_send_commit(h[1], p->s, 100, 0));
    no_wonder(sw_send(h[0], p->u, buf, 3000, 0, NULL)); /* in fragments */
    world_run(&p->w, 300 * MS);
    no_wonder(sw_recv(h[1], p->s, buf, 10000, 0, NULL));
    no_wonder(sw_recv(h[0], p->c, buf, 10000, 0, NULL));
    no_wonder(sw_recv(h[1], p->v, buf, sizeof(buf), 0, NULL));
}

static void play_close(struct play *p)
{
    struct sw_host **h = p->w.host;
    sw_shutdown(h[0], p->c, SW_SHUT_WR);
    world_run(&p->w, 10 * MS);
    sw_close(h[1], p->s);
    sw_close(h[1], p->l);
    sw_reject(h[1], p->v);
    sw_close(h[0], p->u);
    sw_close(h[0], p->c);
}

static void play_all(struct play *p)
{
    play_open(p);
    world_run(&p->w, 2 * S);
    play_talk(p);
    play_close(p);
    world_run(&p->w, 10 * S);
}

static uint64_t count_calls(void)
{
    struct play p;
    memset(&p, 0, sizeof(p));
    assert_true(world_try(&p.w));
    play_all(&p);
    uint64_t calls = p.w.alloc.calls;
    world_fini(&p.w);
    return calls;
}

/* ---- out of memory ---- */

static void starve(bool for_good)
{
    uint64_t calls = count_calls();
    assert_true(calls > 20);
    for (uint64_t n = 1; n <= calls; n++) {
        struct play p;
        memset(&p, 0, sizeof(p));
        p.w.alloc.fail_at = n;
        p.w.alloc.fail_after = for_good;
        if (world_try(&p.w)) {
            play_all(&p);
            p.w.alloc.fail_at = 0;
            world_run(&p.w, 1000 * S);
            for (int i = 0; i < 2; i++) {
                struct sw_host_stats stats;
                sw_host_get_stats(p.w.host[i], &stats);
                assert_int_equal(stats.sockets, 0);
                assert_int_equal(stats.time_wait, 0);
            }
        }
        world_fini(&p.w);
    }
}

static void test_starve_once(void **state)
{
    (void)state;
    starve(false);
}

static void test_starve_for_good(void **state)
{
    (void)state;
    starve(true);
}

static void test_mem_limit(void **state)
{
    (void)state;
    struct sw_host_config config = {.mem_limit_bytes = 200000};
    struct sw_host *h = sw_host_new(&config);
    assert_non_null(h);
    sw_socket_t s;
    int r, n = 0;
    while ((r = sw_socket(h, SW_AF_INET, SW_SOCK_STREAM, 0, &s)) == 0)
        n++;
    assert_int_equal(r, -ENOMEM);
    assert_true(n > 100);
    sw_host_free(h);
    config = (struct sw_host_config){.max_sockets = 3};
    h = sw_host_new(&config);
    for (n = 0; (r = sw_socket(h, SW_AF_INET, SW_SOCK_STREAM, 0, &s)) == 0; n++)
        ;
    assert_int_equal(n, 3);
    assert_int_equal(r, -ENFILE);
    sw_host_free(h);
}

/* ---- closed at every event ---- */

struct axe {
    struct play p;
    uint64_t at; /* the packet at which it falls */
    int what;    /* which sockets */
    bool abort, done;
};

static bool fall(struct world *w, int from, struct sw_packet *pkt)
{
    (void)from, (void)pkt;
    struct axe *axe = w->ctx;
    if (axe->done || w->packets < axe->at)
        return false;
    axe->done = true;
    int (*end)(struct sw_host *, sw_socket_t) = axe->abort ? sw_abort : sw_close;
    if (axe->what == 0)
        end(w->host[0], axe->p.c);
    else if (axe->what == 1)
        end(w->host[1], axe->p.s);
    else if (axe->what == 2)
        end(w->host[1], axe->p.l);
    else
        end(w->host[1], axe->p.v);
    return false;
}

static void test_close_anytime(void **state)
{
    (void)state;
    for (int what = 0; what < 4; what++) {
        for (int how = 0; how < 2; how++) {
            bool fell = true;
            for (uint64_t at_packet = 1; fell; at_packet++) {
                struct axe axe;
                memset(&axe, 0, sizeof(axe));
                axe.at = at_packet;
                axe.what = what;
                axe.abort = how;
                assert_true(world_try(&axe.p.w));
                axe.p.w.lose = fall;
                axe.p.w.ctx = &axe;
                play_all(&axe.p);
                fell = axe.done;
                world_run(&axe.p.w, 100 * S);
                for (int i = 0; i < 2; i++) {
                    struct sw_host_stats stats;
                    sw_host_get_stats(axe.p.w.host[i], &stats);
                    assert_int_equal(stats.sockets, 0);
                    assert_int_equal(stats.time_wait, 0);
                }
                world_fini(&axe.p.w);
            }
        }
    }
}

static void test_stale_handles(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    sw_socket_t old[100];
    for (int i = 0; i < 100; i++) {
        old[i] = stream(&w, 0, SW_AF_INET);
        assert_true(old[i] != 0);
        for (int k = 0; k < i; k++)
            assert_true(old[k] != old[i]);
        assert_int_equal(sw_close(w.host[0], old[i]), 0);
        assert_int_equal(sw_poll(w.host[0], old[i]), -EBADF);
    }
    sw_socket_t live = stream(&w, 0, SW_AF_INET);
    for (int i = 0; i < 100; i++)
        assert_int_equal(sw_close(w.host[0], old[i]), -EBADF);
    assert_int_equal(sw_socket_set_user(w.host[0], live, &w), 0);
    assert_ptr_equal(sw_socket_user(w.host[0], live), &w);
    assert_int_equal(sw_poll(w.host[0], 0), -EBADF);
    assert_int_equal(sw_poll(w.host[0], UINT64_MAX), -EBADF);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_starve_once),   cmocka_unit_test(test_starve_for_good),
        cmocka_unit_test(test_mem_limit),     cmocka_unit_test(test_close_anytime),
        cmocka_unit_test(test_stale_handles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
