/* SPDX-License-Identifier: BSD-2-Clause */
/* Extension headers that a datagram of IPv6 leaves with: RFC 3542 8, 9. */
#include "host/world.h"
#include "sock/abi.h"

static const uint8_t hop[8] = {99, 0, 0x1e, 4, 1, 2, 3, 4}, dst[16] = {99, 1, 0x1e, 12};

static int set(struct world *w, sw_socket_t s, int name, const void *val, size_t len)
{
    return sw_setsockopt_admin(w->host[0], s, SW_SOL_IPV6, name, val, len);
}

static void test_sticky(void **state)
{
    (void)state;
    struct world w;
    uint8_t wire[80], back[32];
    world_init(&w);
    sw_socket_t s = dgram(&w, 0, SW_AF_INET6);
    struct sw_addr to = at("fd00::2", 53);
    assert_int_equal(sw_setsockopt(w.host[0], s, SW_SOL_IPV6, SW_IPV6_HOPOPTS, hop, 8), -EPERM);
    assert_int_equal(set(&w, s, SW_IPV6_HOPOPTS, hop, sizeof(hop)), 0);
    assert_int_equal(set(&w, s, SW_IPV6_DSTOPTS, dst, sizeof(dst)), 0);
    assert_int_equal(set(&w, s, SW_IPV6_DSTOPTS, dst, 8), -EINVAL); /* it says that it has 16 */
    size_t len = sizeof(back);
    assert_int_equal(sw_getsockopt(w.host[0], s, SW_SOL_IPV6, SW_IPV6_DSTOPTS, back, &len), 0);
    assert_int_equal(len, sizeof(dst));
    assert_memory_equal(back, dst, sizeof(dst));
    assert_int_equal(sw_send(w.host[0], s, "x", 1, 0, &to), 1);
    struct sw_packet *pkt = sw_host_output(w.host[0], w.eth[0], sw_host_now(w.host[0]));
    assert_non_null(pkt);
    assert_int_equal(sw_packet_copy(pkt, 0, wire, sizeof(wire)), 40 + 8 + 16 + 8 + 1);
    assert_int_equal(wire[5], 8 + 16 + 8 + 1); /* payload length, RFC 8200 3 */
    assert_int_equal(wire[6], 0);              /* first the hop-by-hop options */
    assert_int_equal(wire[40], 60);            /* then those for the destination */
    assert_memory_equal(wire + 41, hop + 1, 7);
    assert_int_equal(wire[48], 17);
    assert_memory_equal(wire + 49, dst + 1, 15);
    sw_packet_free(pkt);
    world_fini(&w);
}

/* A message's own take the place of the socket's; a datagram in fragments has them in each. */
static void test_arrive(void **state)
{
    (void)state;
    static char big[5000], got[6000];
    struct world w;
    world_init(&w);
    sw_socket_t s = dgram(&w, 0, SW_AF_INET6), r = dgram(&w, 1, SW_AF_INET6);
    struct sw_addr to = at("fd00::2", 53);
    assert_int_equal(sw_bind(w.host[1], r, &to), 0);
    assert_int_equal(set(&w, s, SW_IPV6_HOPOPTS, hop, sizeof(hop)), 0);
    assert_int_equal(sw_send(w.host[0], s, big, sizeof(big), 0, &to), sizeof(big));
    world_settle(&w);
    assert_int_equal(sw_recv(w.host[1], r, got, sizeof(got), 0, NULL), sizeof(big));
    struct sw_extensions e = {.len = {[SW_EXT_HOP] = 56, [SW_EXT_DST] = 56}};
    for (int i = 0; i < SW_EXTS; i++)
        memcpy(e.bytes[i], (const uint8_t[]){0, 6, 0x1e, 52}, 4);
    const struct sw_datagram_info info = {.ttl = -1, .tos = -1, .extensions = &e};
    for (size_t len = 1; len <= sizeof(big); len += 1213) { /* the most there can be */
        assert_int_equal(sw_send_datagram(w.host[0], s, big, len, &to, &info), len);
        world_settle(&w);
        assert_int_equal(sw_recv(w.host[1], r, got, sizeof(got), 0, NULL), len);
    }
    assert_int_equal(set(&w, s, SW_IPV6_HOPOPTS, NULL, 0), 0);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sticky),
        cmocka_unit_test(test_arrive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
