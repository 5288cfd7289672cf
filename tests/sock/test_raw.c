/* SPDX-License-Identifier: BSD-2-Clause */
/* Raw sockets: who hears what, what it looks like, what is sent; as Linux 6.18 does it. */
#include "host/world.h"
#include "sock/abi.h"
#include "wire/wire.h"

enum { EXPERIMENT = 253 /* RFC 3692 2.1 */ };

static const char *const near[2] = {"10.0.0.1", "fd00::1"}, *const far[2] = {"10.0.0.2", "fd00::2"};
static uint8_t buf[70000], got[70000];

static sw_socket_t raw(struct world *w, int host, bool v6, int protocol)
{
    sw_socket_t s;
    assert_int_equal(
        sw_socket(w->host[host], v6 ? SW_AF_INET6 : SW_AF_INET, SW_SOCK_RAW, protocol, &s), 0);
    return s;
}

static void test_open(void **state)
{
    (void)state;
    struct world w;
    struct sw_addr name;
    sw_socket_t s;
    world_init(&w);
    assert_int_equal(sw_socket(w.host[0], SW_AF_INET, SW_SOCK_RAW, 0, &s), -EPROTONOSUPPORT);
    s = raw(&w, 0, false, EXPERIMENT);
    assert_int_equal(get_int(&w, 0, s, SW_SOL_SOCKET, SW_SO_PROTOCOL), EXPERIMENT);
    assert_int_equal(get_int(&w, 0, s, SW_SOL_SOCKET, SW_SO_TYPE), SW_SOCK_RAW);
    assert_int_equal(sw_getsockname(w.host[0], s, &name), 0);
    assert_int_equal(name.port, EXPERIMENT);
    assert_int_equal(sw_listen(w.host[0], s, 1), -EOPNOTSUPP);
    assert_int_equal(sw_poll(w.host[0], s), SW_EV_OUT);
    world_fini(&w);
}

/* From one host to the other, with and without an IP header to see. */
static void test_there(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    for (int v6 = 0; v6 < 2; v6++) {
        struct sw_addr to = at(far[v6], 0), here = at(near[v6], 0), from;
        sw_socket_t a = raw(&w, 0, v6, EXPERIMENT), b = raw(&w, 1, v6, EXPERIMENT);
        sw_socket_t other = raw(&w, 1, v6, EXPERIMENT + 1);
        static const size_t lens[] = {0, 1, 1400, 30000}; /* the last one in fragments */
        for (size_t i = 0; i < 4; i++) {
            memset(buf, (int)i + 1, lens[i]);
            assert_int_equal(sw_send(w.host[0], a, buf, lens[i], 0, &to), lens[i]);
            world_settle(&w);
            int64_t n = sw_recv(w.host[1], b, got, sizeof(got), 0, &from);
            uint32_t skip = v6 ? 0 : SW_IP4_HDR;
            assert_int_equal(n, lens[i] + skip);
            assert_memory_equal(got + skip, buf, lens[i]);
            assert_true(sw_ip_eq(&from.ip, &here.ip) && from.port == 0);
            if (!v6) {
                assert_int_equal(got[2] << 8 | got[3], n);
                assert_int_equal(got[9], EXPERIMENT);
                assert_int_equal(sw_csum_fold(sw_csum_add(0, got, SW_IP4_HDR, false)), 0xffff);
            }
        }
        assert_int_equal(sw_recv(w.host[1], other, got, sizeof(got), 0, NULL), -EAGAIN);
    }
    assert_int_equal(sw_host_drops(w.host[1], SW_DROP_IP_PROTOCOL), 0);
    world_fini(&w);
}

/* Address and peer narrow what is heard; with nobody left the sender is told. */
static void test_who_hears(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_addr to = at("10.0.0.2", 0), lo = at("127.0.0.1", 0), stranger = at("10.0.0.9", 0);
    struct sw_addr peer = at("10.0.0.1", 0);
    sw_socket_t a = raw(&w, 0, false, EXPERIMENT), b = raw(&w, 1, false, EXPERIMENT);
    assert_int_equal(sw_bind(w.host[1], b, &lo), 0);
    assert_int_equal(sw_send(w.host[0], a, "x", 1, 0, &to), 1);
    world_settle(&w);
    assert_int_equal(sw_recv(w.host[1], b, got, sizeof(got), 0, NULL), -EAGAIN);
    assert_int_equal(sw_host_drops(w.host[1], SW_DROP_IP_PROTOCOL), 1);
    assert_int_equal(sw_bind(w.host[1], b, &to), 0);
    assert_int_equal(sw_connect(w.host[1], b, &stranger), 0);
    assert_int_equal(sw_bind(w.host[1], b, &to), -EINVAL);
    assert_int_equal(sw_send(w.host[0], a, "x", 1, 0, &to), 1);
    world_settle(&w);
    assert_int_equal(sw_recv(w.host[1], b, got, sizeof(got), 0, NULL), -EAGAIN);
    assert_int_equal(sw_connect(w.host[1], b, &peer), 0);
    assert_int_equal(sw_send(w.host[0], a, "x", 1, 0, &to), 1);
    world_settle(&w);
    assert_int_equal(sw_recv(w.host[1], b, got, sizeof(got), 0, NULL), SW_IP4_HDR + 1);
    assert_int_equal(sw_connect(w.host[1], b, NULL), 0);
    assert_int_equal(sw_send(w.host[1], b, "x", 1, 0, NULL), -EDESTADDRREQ);
    world_fini(&w);
}

/* A raw socket hears beside the transport, with every checksum filled in. */
static void test_beside_a_transport(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_addr to = at("127.0.0.1", 5000);
    sw_socket_t ears = raw(&w, 0, false, SW_PROTO_UDP), s = dgram(&w, 0, SW_AF_INET);
    assert_int_equal(sw_bind(w.host[0], s, &to), 0);
    assert_int_equal(sw_send(w.host[0], s, "hello", 5, 0, &to), 5);
    world_settle(&w);
    assert_int_equal(sw_recv(w.host[0], s, got, sizeof(got), 0, NULL), 5);
    assert_int_equal(sw_recv(w.host[0], ears, got, sizeof(got), 0, NULL), 20 + 8 + 5);
    uint64_t sum = sw_csum_pseudo(&to.ip, &to.ip, SW_PROTO_UDP, 13);
    assert_int_equal(sw_csum_fold(sw_csum_add(sum, got + 20, 13, false)), 0xffff);
    assert_memory_equal(got + 28, "hello", 5);
    world_fini(&w);
}

static void test_filter(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_addr to = at("10.0.0.2", 0);
    sw_socket_t s = raw(&w, 0, false, SW_PROTO_ICMP), u = dgram(&w, 0, SW_AF_INET);
    uint8_t echo[8] = {8, 0, 0xf7, 0xff}; /* its checksum is right */
    uint32_t no_replies = 1U << 0, back = 0;
    size_t len = sizeof(back);
    assert_int_equal(sw_setsockopt(w.host[0], s, SW_SOL_RAW, SW_ICMP_FILTER, &no_replies, 4), 0);
    assert_int_equal(sw_getsockopt(w.host[0], s, SW_SOL_RAW, SW_ICMP_FILTER, &back, &len), 0);
    assert_int_equal(back, no_replies);
    assert_int_equal(sw_send(w.host[0], s, echo, 8, 0, &to), 8);
    world_settle(&w);
    assert_int_equal(sw_recv(w.host[0], s, got, sizeof(got), 0, NULL), -EAGAIN);
    no_replies = 0;
    assert_int_equal(sw_setsockopt(w.host[0], s, SW_SOL_RAW, SW_ICMP_FILTER, &no_replies, 4), 0);
    assert_int_equal(sw_send(w.host[0], s, echo, 8, 0, &to), 8);
    world_settle(&w);
    assert_int_equal(sw_recv(w.host[0], s, got, sizeof(got), 0, NULL), 28);
    assert_int_equal(got[20], 0);
    assert_true(sw_setsockopt(w.host[0], u, SW_SOL_RAW, SW_ICMP_FILTER, &no_replies, 4) < 0);
    world_fini(&w);
}

/* IP_HDRINCL: what is 0 is filled in; nonsense neither crashes nor travels far. */
static void test_own_header(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_addr to = at("10.0.0.2", 0), here = at("10.0.0.1", 0), from;
    sw_socket_t s = raw(&w, 0, false, SW_PROTO_RAW), b = raw(&w, 1, false, EXPERIMENT);
    uint8_t packet[60] = {0x45, 0, 0, 0, 0, 0, 0, 0, 9, EXPERIMENT, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2};
    assert_int_equal(get_int(&w, 0, s, SW_SOL_IP, SW_IP_HDRINCL), 1);
    assert_int_equal(sw_send(w.host[0], s, packet, 19, 0, &to), -EINVAL);
    assert_int_equal(sw_send(w.host[0], s, packet, 24, 0, &to), 24);
    world_settle(&w);
    assert_int_equal(sw_recv(w.host[1], b, got, sizeof(got), 0, &from), 24);
    assert_true(sw_ip_eq(&from.ip, &here.ip));
    assert_int_equal(got[8], 9);
    assert_true((got[4] | got[5]) != 0);
    /* Where it goes decides where it arrives, not what it says; on a wire it is not that host's. */
    sw_socket_t mine = raw(&w, 0, false, EXPERIMENT);
    packet[16] = 42;
    assert_int_equal(sw_send(w.host[0], s, packet, 24, 0, &here), 24);
    assert_int_equal(sw_send(w.host[0], s, packet, 24, 0, &to), 24);
    world_settle(&w);
    assert_int_equal(sw_recv(w.host[0], mine, got, sizeof(got), 0, &from), 24);
    assert_int_equal(got[16], 42);
    assert_int_equal(sw_recv(w.host[1], b, got, sizeof(got), 0, &from), -EAGAIN);
    packet[16] = 10;
    packet[0] = 0x4f; /* 60 bytes of header */
    assert_int_equal(sw_send(w.host[0], s, packet, 59, 0, &to), -EINVAL);
    for (int first = 0; first < 256; first++) {
        packet[0] = (uint8_t)first;
        assert_int_equal(sw_send(w.host[0], s, packet, 60, 0, &to), 60);
    }
    world_settle(&w);
    while (sw_recv(w.host[1], b, got, sizeof(got), 0, NULL) > 0)
        ; /* it heard those that are IPv4 after all */
    assert_int_equal(sw_send(w.host[0], s, buf, 1501, 0, &to), -EMSGSIZE);
    set_int(&w, 0, s, SW_SOL_IP, SW_IP_HDRINCL, 0);
    assert_int_equal(sw_send(w.host[0], s, packet, 4, 0, &to), 4);
    world_fini(&w);
}

/* RFC 3542 3.1. */
static void test_checksum6(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_addr to = at("fd00::2", 0), here = at("fd00::1", 0);
    sw_socket_t a = raw(&w, 0, true, EXPERIMENT), b = raw(&w, 1, true, EXPERIMENT);
    sw_socket_t plain = raw(&w, 0, true, EXPERIMENT), icmp = raw(&w, 0, true, SW_PROTO_ICMP6);
    assert_int_equal(get_int(&w, 0, a, SW_SOL_IPV6, SW_IPV6_CHECKSUM), -1);
    assert_int_equal(get_int(&w, 0, icmp, SW_SOL_IPV6, SW_IPV6_CHECKSUM), 2);
    set_int(&w, 0, a, SW_SOL_IPV6, SW_IPV6_CHECKSUM, 4);
    set_int(&w, 1, b, SW_SOL_IPV6, SW_IPV6_CHECKSUM, 4);
    assert_int_equal(sw_send(w.host[0], a, "12345", 5, 0, &to), -EINVAL);
    assert_int_equal(sw_send(w.host[0], a, "", 0, 0, &to), -EINVAL);
    assert_int_equal(sw_send(w.host[0], a, "1234..7", 7, 0, &to), 7);
    assert_int_equal(sw_send(w.host[0], plain, "1234xx7", 7, 0, &to), 7); /* a wrong one */
    world_settle(&w);
    assert_int_equal(sw_recv(w.host[1], b, got, sizeof(got), 0, NULL), 7);
    uint64_t sum = sw_csum_pseudo(&here.ip, &to.ip, EXPERIMENT, 7);
    assert_int_equal(sw_csum_fold(sw_csum_add(sum, got, 7, false)), 0xffff);
    assert_int_equal(sw_recv(w.host[1], b, got, sizeof(got), 0, NULL), -EAGAIN);
    world_fini(&w);
}

/* The port of a destination, if it has one, is the protocol. */
static void test_port6(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_addr same = at("fd00::2", EXPERIMENT), other = at("fd00::2", EXPERIMENT + 1);
    sw_socket_t a = raw(&w, 0, true, EXPERIMENT);
    assert_int_equal(sw_send(w.host[0], a, "1", 1, 0, &same), 1);
    assert_int_equal(sw_send(w.host[0], a, "1", 1, 0, &other), -EINVAL);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),      cmocka_unit_test(test_there),
        cmocka_unit_test(test_who_hears), cmocka_unit_test(test_beside_a_transport),
        cmocka_unit_test(test_filter),    cmocka_unit_test(test_own_header),
        cmocka_unit_test(test_checksum6), cmocka_unit_test(test_port6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
