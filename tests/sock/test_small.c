/* SPDX-License-Identifier: BSD-2-Clause */
/* Small records: found again, in order, and never in long chains. Bug classes 19 and 20. */
#include "host/private.h"
#include "host/world.h"
#include "sock/private.h"
#include "wire/wire.h"

enum { MODEL = 3000 };

struct model {
    uint32_t index; /* 0: not in */
    struct sw_addr local, remote;
};

/* Few of ours, many of theirs, both families; some link-local. */
static struct model pair(uint32_t n)
{
    struct model m = {.local = at4(10, 0, 0, (uint8_t)(n % 3), (uint16_t)(80 + n % 2)),
                      .remote = at4(10, 1, (uint8_t)(n >> 8), (uint8_t)n, (uint16_t)(n % 7))};
    if (n % 4 == 0) {
        m.local.ip = at("fe80::1", 0).ip;
        m.remote.ip = at("fe80::2", 0).ip;
        m.remote.ip.b[13] = (uint8_t)(n >> 8);
        m.remote.ip.b[14] = (uint8_t)n;
        m.remote.scope_id = 1 + n % 3;
    }
    return m;
}

static uint32_t find(struct sw_sock_layer *layer, const struct model *m)
{
    return sw_small_find(layer, sw_conn_hash(layer, SW_PROTO_TCP, &m->local, &m->remote), &m->local,
                         &m->remote);
}

/* Random coming and going against an array that says who is in. */
static void test_model(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_sock_layer *layer = &w.host[0]->sock;
    static struct model models[MODEL];
    struct sw_rng rng;
    static const uint8_t seed[16] = "small";
    uint64_t before = sw_mem_used(w.mem[0]);
    sw_rng_init(&rng, seed);
    for (uint32_t i = 0; i < MODEL; i++)
        models[i] = pair(i);
    for (unsigned step = 0; step < 60000; step++) {
        struct model *m = &models[sw_rng_u64(&rng) % MODEL];
        assert_int_equal(find(layer, m), m->index);
        if (m->index) {
            sw_small_free(layer, m->index);
            m->index = 0;
        } else {
            assert_int_equal(sw_small_new(layer, SW_SMALL_HALF, &m->local, &m->remote, &m->index),
                             0);
            struct sw_addr local, remote;
            sw_small_addrs(layer, sw_small_at(layer, m->index), &local, &remote);
            assert_true(sw_ip_eq(&local.ip, &m->local.ip) && local.port == m->local.port);
            assert_true(sw_ip_eq(&remote.ip, &m->remote.ip) && remote.port == m->remote.port);
            assert_int_equal(remote.scope_id, m->remote.scope_id);
        }
    }
    for (uint32_t i = 0; i < MODEL; i++) {
        assert_int_equal(find(layer, &models[i]), models[i].index);
        if (models[i].index)
            sw_small_free(layer, models[i].index);
    }
    assert_true(sw_mem_used(w.mem[0]) < before + 4 * SW_PAGE_BYTES);
    world_fini(&w);
}

static void test_queue(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_sock_layer *layer = &w.host[0]->sock;
    struct sw_small_queue queue = {0};
    uint32_t index[10];
    for (uint32_t i = 0; i < 10; i++) {
        struct model m = pair(i);
        assert_int_equal(sw_small_new(layer, SW_SMALL_HALF, &m.local, &m.remote, &index[i]), 0);
        sw_small_enqueue(layer, &queue, index[i]);
    }
    const int gone[] = {0, 5, 9, 4};
    for (size_t i = 0; i < sizeof(gone) / sizeof(*gone); i++)
        sw_small_dequeue(layer, &queue, index[gone[i]]);
    const int left[] = {1, 2, 3, 6, 7, 8};
    assert_int_equal(queue.count, 6);
    uint32_t at_index = queue.first;
    for (size_t i = 0; i < 6; i++, at_index = sw_small_at(layer, at_index)->next)
        assert_int_equal(at_index, index[left[i]]);
    assert_int_equal(at_index, 0);
    assert_int_equal(queue.last, index[8]);
    for (int i = 0; i < 10; i++)
        sw_small_free(layer, index[i]);
    world_fini(&w);
}

/* More addresses of ours than there are numbers: refused, and those there are still found. */
static void test_own_numbers(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_sock_layer *layer = &w.host[0]->sock;
    struct sw_ip first = SW_IP4(127, 0, 0, 0);
    int number = sw_own_get(layer, &first, 0);
    uint32_t n = 0;
    while (sw_own_get(layer, &SW_IP4(127, 1, (uint8_t)(n >> 8), (uint8_t)n), 0) > 0)
        n++;
    assert_int_equal(n, UINT16_MAX - 1); /* 0 is none */
    assert_int_equal(sw_own_get(layer, &first, 0), number);
    sw_own_put(layer, (uint16_t)number);
    sw_own_put(layer, (uint16_t)number);
    assert_int_equal(sw_own_get(layer, &SW_IP4(127, 9, 9, 9), 3), number);
    world_fini(&w);
}

/* Who knows the algorithm but not the key cannot make a chain long, whatever he chooses: all ports
 * of one address, addresses that differ in their high bits only. (Bug class 20.) With the key he
 * could: the test would see it. */
static void test_adversarial_tuples(void **state)
{
    (void)state;
    for (int how = 0; how < 2; how++) {
        struct world w;
        world_init(&w);
        struct sw_sock_layer *layer = &w.host[0]->sock;
        uint32_t index, n = 60000;
        struct sw_addr local = at4(10, 0, 0, 1, 80);
        for (uint32_t i = 0; i < n; i++) {
            struct sw_addr remote = at4(10, 1, 1, 1, (uint16_t)(1 + i));
            if (how == 1)
                remote = at4((uint8_t)(i >> 8), (uint8_t)i, 0, 1, 1024);
            assert_int_equal(sw_small_new(layer, SW_SMALL_HALF, &local, &remote, &index), 0);
        }
        /* Two to a chain on the average: of 30,000 the longest of a random function has about 12.
         */
        assert_in_range(sw_small_longest_chain(layer), 2, 16);
        while (layer->smalls.count > 0)
            for (uint32_t i = 1; i < sw_pages_count(&layer->smalls.records); i++)
                if (((struct sw_small *)sw_pages_at(&layer->smalls.records, i))->kind)
                    sw_small_free(layer, i);
        world_fini(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_queue),
        cmocka_unit_test(test_own_numbers),
        cmocka_unit_test(test_adversarial_tuples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
