/* SPDX-License-Identifier: BSD-2-Clause */
/* Out-of-order data against a model; and bug class 6: bounded work and memory whatever comes. */
#include "tcp/one.h"

static void drain(struct one *o)
{
    struct sw_packet *pkt;

    while ((pkt = one_take_packet(o)) != NULL)
        sw_packet_free(pkt);
}

/* Any order, any overlap: the stream is what was sent. The pattern of a byte depends on its place
 * alone. */
static void test_random(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 200; seed++) {
        struct one o;
        struct sw_rng rng;
        uint8_t key[16] = {(uint8_t)seed, 7};
        uint32_t total = 20000, max = seed % 3 == 0 ? 50 : seed % 3 == 1 ? 3000 : 20000;

        sw_rng_init(&rng, key);
        begin_established(&o);
        while (sw_tcp_recv_queue(&o.tcp)->len < total) {
            uint32_t have = sw_tcp_recv_queue(&o.tcp)->len;
            uint32_t at = sw_rng_below(&rng, 8) ? have + sw_rng_below(&rng, 2 * max) : have;
            uint32_t len = 1 + sw_rng_below(&rng, max);

            if (at >= total)
                continue;
            if (len > total - at)
                len = total - at;
            IN(&o, ACK, .seq = 1 + at, .ack = 1, .len = len);
            drain(&o);
        }
        assert_true(sw_reasm_empty(&o.tcp));
        user_reads(&o, total);
        drain(&o);
        one_fini(&o);
    }
}

/* 10^5 one-byte segments with holes between them, forwards, backwards and shuffled: the number of
 * pieces stays under its cap, memory too, and the stream recovers when it is all sent in order. */
static void test_many_holes(void **state)
{
    (void)state;
    for (int way = 0; way < 3; way++) {
        struct one o;
        uint32_t x = 1;

        begin_established(&o);
        for (uint32_t i = 0; i < 100000; i++) {
            uint32_t slot = i % 30000;

            x = x * 1103515245 + 12345;
            if (way == 1)
                slot = 29999 - slot;
            else if (way == 2)
                slot = (x >> 8) % 30000;
            IN(&o, ACK, .seq = 3 + 2 * slot, .ack = 1, .len = 1);
            drain(&o);
            assert_true(o.tcp.rcv.extra->count <= SW_REASM_MAX);
        }
        assert_true(sw_mem_used(o.env.mem) < 1 << 20);
        assert_true(o.env.drops[SW_DROP_TCP_OFO_LIMIT] > 0);
        for (uint32_t i = 0; i < 60; i++)
            IN(&o, ACK, .seq = 1 + 1000 * i, .ack = 1, .len = 1000);
        drain(&o);
        user_reads(&o, 60000);
        drain(&o);
        assert_true(sw_reasm_empty(&o.tcp));
        one_fini(&o);
    }
}

/* A large segment over many small pieces takes their place. */
static void test_cover(void **state)
{
    struct one o;

    (void)state;
    begin_established(&o);
    for (uint32_t i = 0; i < 1000; i++)
        IN(&o, ACK, .seq = 101 + 10 * i, .ack = 1, .len = 3);
    assert_int_equal(o.tcp.rcv.extra->count, 1000);
    IN(&o, ACK, .seq = 95, .ack = 1, .len = 15000);
    assert_int_equal(o.tcp.rcv.extra->count, 1);
    assert_int_equal(o.tcp.rcv.extra->bytes, 15000);
    IN(&o, ACK, .seq = 1, .ack = 1, .len = 100);
    drain(&o);
    user_reads(&o, 15094);
    drain(&o);
    one_fini(&o);
}

/* A tiny piece of a large chunk does not keep the chunk alive. */
static void test_no_pinning(void **state)
{
    struct one o;

    (void)state;
    begin_established(&o);
    for (uint32_t i = 0; i < 100; i++) {
        struct sw_packet *pkt = sw_packet_new(o.env.mem, 0);
        struct sw_chunk *chunk = sw_chunk_new(o.env.mem, SW_CHUNK_BYTES);

        assert_true(pkt && chunk);
        chunk->data[0] = pattern(10 + 2 * i);
        chunk->fill = 1;
        assert_int_equal(sw_packet_add_slice(pkt, (struct sw_slice){chunk, 0, 1}), 0);
        sw_chunk_put(chunk);
        assert_int_equal(sw_reasm_insert(&o.tcp, sw_seq_of(PEER_ISN + 11 + 2 * i), pkt), 0);
        sw_packet_free(pkt);
    }
    assert_true(sw_mem_used(o.env.mem) < 64 * 1024);
    one_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_many_holes),
        cmocka_unit_test(test_cover),
        cmocka_unit_test(test_no_pinning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
