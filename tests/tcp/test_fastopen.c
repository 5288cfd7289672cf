/* SPDX-License-Identifier: BSD-2-Clause */
/* Fast Open, where scripts do not reach: cookies, the cache, memory. What is on the wire is in
 * tests/packetdrill/tfo-*.pkt. */
#include "tcp/one.h"

#include "tcp/fastopen.h"
#include "tcp/rare.h"

static struct sw_segment syn_from(struct sw_ip src, struct sw_ip dst)
{
    return (struct sw_segment){.ip = {.src = src, .dst = dst}, .tcp = {.flags = SYN}};
}

/* The same cookies as Linux's of the same key: so it says for the addresses and keys of the public
 * scripts. */
static void test_cookie(void **state)
{
    static const struct {
        uint8_t key[16];
        struct sw_ip src, dst;
        uint8_t cookie[8];
    } known[] = {
        {{0xa1, 0xa1, 0xa1, 0xa1, 0xb2, 0xb2, 0xb2, 0xb2, 0xc3, 0xc3, 0xc3, 0xc3, 0xd4, 0xd4, 0xd4,
          0xd4},
         SW_IP4(192, 0, 2, 1),
         SW_IP4(192, 168, 0, 1),
         {0x30, 0x21, 0xb9, 0xd8, 0x89, 0x01, 0x7e, 0xeb}},
        {{0xf7, 0x63, 0xbf, 0xa0, 0x81, 0x3d, 0x80, 0xed, 0x30, 0x1d, 0x64, 0xcd, 0x90, 0x4a, 0xbc,
          0xce},
         SW_IP4(10, 248, 0, 2),
         SW_IP4(192, 168, 0, 2),
         {0x00, 0xab, 0xaa, 0xab, 0xe8, 0xe9, 0x54, 0xc2}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        struct sw_tfo_keys keys = {.n = 2};
        struct sw_segment syn = syn_from(known[i].src, known[i].dst);
        struct sw_tfo_cookie cookie;
        uint8_t bytes[16];

        sw_tfo_key_from_bytes(known[i].key, &keys.key[0]);
        sw_tfo_key_to_bytes(&keys.key[0], bytes);
        assert_memory_equal(bytes, known[i].key, sizeof(bytes));
        keys.key[1] = (struct sw_sipkey){1, 2};
        sw_tfo_make(&keys.key[0], &syn, &cookie);
        assert_int_equal(cookie.len, 8);
        assert_memory_equal(cookie.bytes, known[i].cookie, 8);
        syn.tcp.tfo_len = 8;
        memcpy(syn.tcp.tfo_cookie, cookie.bytes, 8);
        assert_int_equal(sw_tfo_check(&keys, &syn), SW_TFO_GOOD);
        sw_tfo_make(&keys.key[1], &syn, &cookie);
        memcpy(syn.tcp.tfo_cookie, cookie.bytes, 8);
        assert_int_equal(sw_tfo_check(&keys, &syn), SW_TFO_GOOD_OLD);
        for (int bit = 0; bit < 64; bit++) {
            syn.tcp.tfo_cookie[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_equal(sw_tfo_check(&keys, &syn), SW_TFO_BAD);
            syn.tcp.tfo_cookie[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        syn.ip.src.b[15] ^= 1; /* somebody else's */
        assert_int_equal(sw_tfo_check(&keys, &syn), SW_TFO_BAD);
        syn.ip.src.b[15] ^= 1;
        syn.tcp.tfo_len = 4;
        assert_int_equal(sw_tfo_check(&keys, &syn), SW_TFO_BAD);
    }
}

/* Each server has its own entry; so many that some give way, never the newest. */
static void test_cache(void **state)
{
    struct one o;

    (void)state;
    one_init(&o);
    one_block(&o);
    assert_null(sw_tfo_find(&o.tcp));
    for (int i = 0; i < 2000; i++) {
        struct sw_tfo_server *server;

        o.tcp.remote.ip = (struct sw_ip)SW_IP4(10, 1, (uint8_t)(i >> 8), (uint8_t)i);
        assert_null(sw_tfo_find(&o.tcp));
        server = sw_tfo_remember(&o.tcp);
        assert_non_null(server);
        assert_int_equal(server->mss, 0); /* nothing of who was there before */
        assert_int_equal(server->cookie.len, 0);
        server->mss = (uint16_t)(i + 1);
        server->cookie.len = 8;
        assert_ptr_equal(sw_tfo_find(&o.tcp), server);
        server = sw_tfo_remember(&o.tcp);
        assert_int_equal(server->mss, i + 1);
    }
    o.tcp.local.ip = (struct sw_ip)SW_IP4(10, 0, 0, 9); /* from another address of ours: another */
    assert_null(sw_tfo_find(&o.tcp));
    sw_tcp_layer_fini(&o.layer);
    assert_null(sw_tfo_find(&o.tcp));
    one_fini(&o);
}

/* Data in the SYN, and shutdown() before the answer: the FIN follows. */
static void test_shutdown(void **state)
{
    struct one o;
    uint32_t room;

    (void)state;
    one_init(&o);
    one_block(&o);
    assert_int_equal(sw_tfo_want(&o.tcp, true, &room), 0);
    assert_int_equal(room, 1460 - 40);
    put(&o, 100);
    assert_int_equal(sw_tcp_connect(&o.tcp), 0);
    one_check(&o);
    TAKE(&o, SYN, .seq = 0, .len = 100);
    sw_tcp_shutdown(&o.tcp);
    IN(&o, SYN | ACK, .ack = 101, .mss = 1000);
    TAKE(&o, ACK | FIN, .seq = 101, .ack = 1);
    assert_int_equal(one_state(&o), SW_TCP_FIN_WAIT_1);
    IN(&o, ACK, .seq = 1, .ack = 102);
    assert_int_equal(one_state(&o), SW_TCP_FIN_WAIT_2);
    sw_tcp_layer_fini(&o.layer);
    one_fini(&o);
}

/* Closed before the answer: nobody is told, nothing stays. */
static void test_gone(void **state)
{
    struct one o;
    uint32_t room;

    (void)state;
    one_init(&o);
    one_block(&o);
    assert_int_equal(sw_tfo_want(&o.tcp, true, &room), 0);
    put(&o, 1000);
    assert_int_equal(sw_tcp_connect(&o.tcp), 0);
    TAKE(&o, SYN, .seq = 0, .len = 1000);
    sw_tcp_close(&o.tcp);
    assert_int_equal(one_state(&o), SW_TCP_CLOSED);
    one_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cookie),
        cmocka_unit_test(test_cache),
        cmocka_unit_test(test_shutdown),
        cmocka_unit_test(test_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
