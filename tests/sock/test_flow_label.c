/* SPDX-License-Identifier: BSD-2-Clause */
/* Flow labels of IPv6 (RFC 6437): on the wire, of streams and datagrams, and their leases. */
#include "host/world.h"
#include "sock/abi.h"

enum { GET, PUT, RENEW, CREATE = 1, EXCLUSIVELY = 2, REMOTE = 8 };
enum { EXCLUSIVE = 1, OF_PROCESS = 2, OF_USER = 3, ANY = 255 };
#define SECOND_NS 1000000000ULL

static int lease(struct world *w, sw_socket_t s, uint8_t action, uint32_t label, uint8_t share,
                 uint16_t flags)
{
    uint8_t request[32] = {0xfd,
                           [15] = 1,
                           [17] = (uint8_t)(label >> 16),
                           [18] = (uint8_t)(label >> 8),
                           [19] = (uint8_t)label,
                           [20] = action,
                           [21] = share};
    memcpy(request + 22, &flags, sizeof(flags));
    return sw_setsockopt(w->host[0], s, SW_SOL_IPV6, SW_IPV6_FLOWLABEL_MGR, request,
                         sizeof(request));
}

static uint32_t label_on_wire(struct world *w)
{
    uint8_t head[4] = {0};
    struct sw_packet *pkt = sw_host_output(w->host[0], w->eth[0], sw_host_now(w->host[0]));
    assert_non_null(pkt);
    assert_int_equal(sw_packet_copy(pkt, 0, head, sizeof(head)), sizeof(head));
    sw_packet_free(pkt);
    return (head[1] & 0xfU) << 16 | (uint32_t)head[2] << 8 | head[3];
}

static void turn_off(struct world *w, sw_socket_t s)
{
    const int off = 0;
    assert_int_equal(
        sw_setsockopt(w->host[0], s, SW_SOL_IPV6, SW_IPV6_AUTOFLOWLABEL, &off, sizeof(off)), 0);
}

/* By itself each flow has one, and another flow another; or none. */
static void test_automatic(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    sw_socket_t s = dgram(&w, 0, SW_AF_INET6);
    struct sw_addr a = at("fd00::2", 53), b = at("fd00::2", 54);
    assert_int_equal(sw_send(w.host[0], s, "x", 1, 0, &a), 1);
    uint32_t label = label_on_wire(&w);
    assert_int_not_equal(label, 0); /* by the world's seed */
    assert_int_equal(sw_send(w.host[0], s, "x", 1, 0, &a), 1);
    assert_int_equal(label_on_wire(&w), label);
    assert_int_equal(sw_send(w.host[0], s, "x", 1, 0, &b), 1);
    assert_int_not_equal(label_on_wire(&w), label);
    turn_off(&w, s);
    assert_int_equal(sw_send(w.host[0], s, "x", 1, 0, &a), 1);
    assert_int_equal(label_on_wire(&w), 0);
    world_fini(&w);
}

/* A message's own, the peer's, and what arrives. */
static void test_chosen(void **state)
{
    (void)state;
    struct world w;
    char got[8];
    world_init(&w);
    sw_socket_t s = dgram(&w, 0, SW_AF_INET6), r = dgram(&w, 1, SW_AF_INET6);
    struct sw_addr to = at("fd00::2", 53);
    struct sw_datagram_info info = {.ttl = -1, .tos = -1, .flow_label = 0x12345};
    assert_int_equal(sw_bind(w.host[1], r, &to), 0);
    assert_int_equal(sw_send_datagram(w.host[0], s, "x", 1, &to, &info), 1);
    world_settle(&w);
    info.flow_label = 0;
    assert_int_equal(sw_recv_datagram(w.host[1], r, got, sizeof(got), 0, NULL, &info), 1);
    assert_int_equal(info.flow_label, 0x12345);

    assert_int_equal(sw_set_flow_label(w.host[0], s, 0xabcde), 0);
    assert_int_equal(sw_connect(w.host[0], s, &to), 0);
    assert_int_equal(sw_send(w.host[0], s, "x", 1, 0, NULL), 1);
    assert_int_equal(label_on_wire(&w), 0xabcde);
    turn_off(&w, s);
    assert_int_equal(sw_send(w.host[0], s, "x", 1, 0, &to),
                     1); /* with an address: not the peer's */
    assert_int_equal(label_on_wire(&w), 0);
    world_fini(&w);
}

/* A connection has one; whoever accepts it may ask which. */
static void test_stream(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    sw_socket_t l = stream(&w, 1, SW_AF_INET6), c = stream(&w, 0, SW_AF_INET6), a;
    struct sw_addr to = at("fd00::2", 80);
    assert_int_equal(sw_bind(w.host[1], l, &to), 0);
    assert_int_equal(sw_listen(w.host[1], l, 1), 0);
    assert_int_equal(sw_set_flow_label(w.host[0], c, 0xf1234), 0);
    const int on = 1;
    assert_int_equal(sw_setsockopt(w.host[0], c, SW_SOL_TCP, SW_TCP_NODELAY, &on, sizeof(on)), 0);
    assert_int_equal(sw_connect(w.host[0], c, &to), -EINPROGRESS);
    world_settle(&w);
    assert_int_equal(sw_accept(w.host[1], l, &a, NULL), 0);
    uint8_t request[32] = {[22] = REMOTE};
    size_t len = sizeof(request);
    assert_int_equal(sw_getsockopt(w.host[1], a, SW_SOL_IPV6, SW_IPV6_FLOWLABEL_MGR, request, &len),
                     0);
    assert_int_equal(request[17] << 16 | request[18] << 8 | request[19], 0xf1234);
    assert_int_equal(sw_send(w.host[0], c, "x", 1, 0, NULL), 1);
    assert_int_equal(label_on_wire(&w), 0xf1234);
    assert_int_equal(sw_set_flow_label(w.host[0], c, 0), 0);
    assert_int_equal(sw_send(w.host[0], c, "y", 1, 0, NULL), 1);
    uint32_t automatic = label_on_wire(&w);
    assert_int_not_equal(automatic, 0);
    assert_int_not_equal(automatic, 0xf1234);
    world_fini(&w);
}

/* Who has a lease may send with it, others not; and it lingers. */
static void test_leases(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    sw_socket_t s = dgram(&w, 0, SW_AF_INET6), o = dgram(&w, 0, SW_AF_INET6);
    assert_int_equal(lease(&w, s, GET, 1, ANY, 0), -ENOENT);
    assert_int_equal(lease(&w, s, GET, 0, ANY, CREATE), -EINVAL);
    assert_int_equal(lease(&w, s, GET, 1, ANY, CREATE), 0);
    assert_int_equal(lease(&w, o, GET, 1, ANY, CREATE), 0);
    assert_int_equal(lease(&w, o, GET, 1, ANY, CREATE | EXCLUSIVELY), -EEXIST);
    assert_int_equal(sw_set_flow_label(w.host[0], o, 77), 0); /* anybody's */
    assert_int_equal(lease(&w, s, PUT, 1, 0, 0), 0);
    assert_int_equal(lease(&w, s, PUT, 1, 0, 0), -ESRCH);

    assert_int_equal(lease(&w, s, GET, 2, EXCLUSIVE, CREATE), 0);
    assert_int_equal(lease(&w, o, GET, 2, EXCLUSIVE, CREATE), -EPERM);
    assert_int_equal(sw_set_flow_label(w.host[0], o, 78), -EINVAL);
    assert_int_equal(sw_set_flow_label(w.host[0], o, 1), 0);
    assert_int_equal(sw_set_flow_label(w.host[0], s, 2), 0);
    assert_int_equal(lease(&w, s, RENEW, 2, EXCLUSIVE, 0), 0);
    assert_int_equal(lease(&w, s, RENEW, 3, EXCLUSIVE, 0), -ESRCH);
    assert_int_equal(sw_close(w.host[0], s), 0);
    assert_int_equal(lease(&w, o, GET, 2, ANY, CREATE), -EPERM);
    sw_host_advance(w.host[0], sw_host_now(w.host[0]) + 6 * SECOND_NS);
    assert_int_equal(lease(&w, o, GET, 2, ANY, CREATE), 0);
    world_fini(&w);
}

static void test_owners(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    sw_socket_t s = dgram(&w, 0, SW_AF_INET6);
    sw_host_set_caller(w.host[0], 10, 1000);
    assert_int_equal(lease(&w, s, GET, 3, OF_PROCESS, CREATE), 0);
    assert_int_equal(lease(&w, s, GET, 4, OF_USER, CREATE), 0);
    sw_host_set_caller(w.host[0], 11, 1000);
    assert_int_equal(lease(&w, s, GET, 3, OF_PROCESS, 0), -EPERM);
    assert_int_equal(lease(&w, s, GET, 4, OF_USER, 0), 0);
    sw_host_set_caller(w.host[0], 11, 1001);
    assert_int_equal(lease(&w, s, GET, 4, OF_USER, 0), -EPERM);
    assert_int_equal(lease(&w, s, GET, 4, ANY, 0), -EPERM);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_automatic), cmocka_unit_test(test_chosen),
        cmocka_unit_test(test_stream),    cmocka_unit_test(test_leases),
        cmocka_unit_test(test_owners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
