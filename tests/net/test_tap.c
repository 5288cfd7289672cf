/* SPDX-License-Identifier: BSD-2-Clause */
/* The TAP device's edge: who is asked, who is answered, what waits. A pair of sockets stands for
 * the device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/virtio_net.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/tap.h"
#include "wire/bytes.h"
#include "wire/wire.h"

#define S 1000000000ULL
#define VNET sizeof(struct virtio_net_hdr)

static const uint8_t own[6] = {2, 0, 0, 0, 0, 1}, peer[6] = {2, 0, 0, 0, 0, 9};
static const struct sw_ip own4 = SW_IP4(10, 0, 0, 1), peer4 = SW_IP4(10, 0, 0, 2);
static const struct sw_ip own6 = {{0xfd, [15] = 1}}, peer6 = {{0xfd, [13] = 0xaa, [15] = 2}};
static const struct sw_ip all_nodes = {{0xff, 0x02, [15] = 1}};

static int fds[2]; /* [0]: the edge's, [1]: the kernel's */
static struct sw_mem *mem;
static struct sw_tap tap;
static uint8_t frame[2048]; /* the last one that the edge sent, without virtio's header */
static size_t frame_len;

static int setup(void **state)
{
    (void)state;
    mem = sw_mem_new(&sw_alloc_libc, 0);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds) < 0)
        return -1;
    sw_tap_init(&tap, fds[0], own);
    return sw_tap_add_addr(&tap, &own4) || sw_tap_add_addr(&tap, &own6);
}

static int teardown(void **state)
{
    (void)state;
    sw_tap_fini(&tap);
    close(fds[0]);
    close(fds[1]);
    assert_int_equal(sw_mem_used(mem), 0);
    sw_mem_put(mem);
    return 0;
}

/* The next frame that the edge sent. */
static bool next_frame(void)
{
    uint8_t bytes[sizeof(frame)];
    ssize_t n = recv(fds[1], bytes, sizeof(bytes), MSG_DONTWAIT);
    if (n < (ssize_t)VNET)
        return false;
    frame_len = (size_t)n - VNET;
    memcpy(frame, bytes + VNET, frame_len);
    return true;
}

/* A frame from the kernel; what the edge makes of it. */
static struct sw_packet *arrives(const uint8_t to[6], uint16_t type, const uint8_t *bytes,
                                 size_t len)
{
    uint8_t buf[2048] = {0}, *link = buf + VNET;
    memcpy(link, to, 6);
    memcpy(link + 6, peer, 6);
    sw_put16(link + 12, type);
    memcpy(link + 14, bytes, len);
    assert_int_equal(send(fds[1], buf, VNET + 14 + len, 0), VNET + 14 + len);
    return sw_tap_read(&tap, mem);
}

static void arp_arrives(uint16_t what, const struct sw_ip *sender, const struct sw_ip *target)
{
    static const uint8_t everybody[6] = {255, 255, 255, 255, 255, 255};
    uint8_t arp[28] = {0, 1, 8, 0, 6, 4};
    sw_put16(arp + 6, what);
    memcpy(arp + 8, peer, 6);
    memcpy(arp + 14, sender->b + 12, 4);
    memcpy(arp + 24, target->b + 12, 4);
    assert_null(arrives(what == 1 ? everybody : own, 0x0806, arp, sizeof(arp)));
}

/* A solicitation (135) or advertisement (136) from the kernel; `station` 0: without that option. */
static void nd_arrives(uint8_t type, const struct sw_ip *src, const struct sw_ip *target,
                       uint8_t ttl, bool station)
{
    struct sw_packet *pkt = sw_packet_new(mem, SW_PACKET_HEAD);
    uint8_t bytes[128], *option = station ? sw_packet_push(pkt, 8) : NULL;
    if (option) {
        option[0] = type == 135 ? 1 : 2;
        option[1] = 1;
        memcpy(option + 2, peer, 6);
    }
    memcpy(sw_packet_push(pkt, 16), target->b, 16);
    struct sw_icmp_hdr icmp = {.version = 6, .type = type};
    struct sw_ip_hdr ip = {
        .version = 6, .src = *src, .dst = own6, .proto = SW_PROTO_ICMP6, .ttl = ttl};
    sw_icmp_push_hdr(pkt, &icmp, &ip.src, &ip.dst);
    sw_ip_push_hdr(pkt, &ip);
    sw_packet_fill_csum(pkt);
    size_t len = sw_packet_copy(pkt, 0, bytes, sizeof(bytes));
    sw_packet_free(pkt);
    assert_null(arrives(own, 0x86dd, bytes, len));
}

/* A datagram of ours, its port to know it by. */
static struct sw_packet *datagram(const struct sw_ip *src, const struct sw_ip *dst, uint16_t port)
{
    struct sw_packet *pkt = sw_packet_new(mem, SW_PACKET_HEAD);
    struct sw_ip_hdr ip = {.version = sw_ip_is4(dst) ? 4 : 6,
                           .src = *src,
                           .dst = *dst,
                           .proto = SW_PROTO_UDP,
                           .ttl = 64};
    sw_udp_push_hdr(pkt, port, port, src, dst);
    sw_ip_push_hdr(pkt, &ip);
    return pkt;
}

static void assert_arp(uint16_t what, const uint8_t to[6], const struct sw_ip *sender,
                       const struct sw_ip *target)
{
    assert_true(next_frame());
    assert_int_equal(frame_len, 14 + 28);
    assert_memory_equal(frame, to, 6);
    assert_memory_equal(frame + 6, own, 6);
    assert_int_equal(sw_get16(frame + 12), 0x0806);
    assert_int_equal(sw_get16(frame + 14 + 6), what);
    assert_memory_equal(frame + 14 + 8, own, 6);
    assert_memory_equal(frame + 14 + 14, sender->b + 12, 4);
    assert_memory_equal(frame + 14 + 24, target->b + 12, 4);
}

/* A whole and valid message of neighbour discovery. */
static void assert_nd(uint8_t type, const uint8_t to[6], const struct sw_ip *src,
                      const struct sw_ip *dst, const struct sw_ip *target, uint32_t flags)
{
    struct sw_ip_hdr ip;
    assert_true(next_frame());
    assert_memory_equal(frame, to, 6);
    assert_int_equal(sw_get16(frame + 12), 0x86dd);
    assert_int_equal(sw_ip_parse_hdr(frame + 14, frame_len - 14, frame_len - 14, &ip), 0);
    assert_int_equal(ip.ttl, 255);
    assert_true(sw_ip_eq(&ip.src, src) && sw_ip_eq(&ip.dst, dst));
    const uint8_t *nd = frame + 14 + ip.hdr_len;
    uint64_t sum = sw_csum_pseudo(&ip.src, &ip.dst, SW_PROTO_ICMP6, ip.payload_len);
    assert_int_equal(sw_csum_fold(sw_csum_add(sum, nd, ip.payload_len, false)), 0xffff);
    assert_int_equal(ip.payload_len, 32);
    assert_int_equal(nd[0], type);
    assert_int_equal(sw_get32(nd + 4), flags);
    assert_memory_equal(nd + 8, target->b, 16);
    assert_int_equal(nd[24], type == 135 ? 1 : 2);
    assert_int_equal(nd[25], 1);
    assert_memory_equal(nd + 26, own, 6);
}

static void assert_datagram(uint16_t type, const uint8_t to[6], uint16_t port)
{
    assert_true(next_frame());
    assert_memory_equal(frame, to, 6);
    assert_memory_equal(frame + 6, own, 6);
    assert_int_equal(sw_get16(frame + 12), type);
    assert_int_equal(sw_get16(frame + 14 + (type == 0x0800 ? 20 : 40)), port);
}

static void test_arp_answered(void **state)
{
    (void)state;
    arp_arrives(1, &peer4, &own4);
    assert_arp(2, peer, &own4, &peer4);
    /* Is it in use? (RFC 5227) That is answered too. */
    arp_arrives(1, &SW_IP4_ANY, &own4);
    assert_arp(2, peer, &own4, &SW_IP4_ANY);
    /* Not ours; only telling; claiming what is ours; cut off. */
    arp_arrives(1, &peer4, &SW_IP4(10, 0, 0, 3));
    arp_arrives(1, &peer4, &peer4);
    arp_arrives(1, &own4, &own4);
    assert_null(arrives(own, 0x0806, (const uint8_t[27]){0, 1, 8, 0, 6, 4, 0, 1}, 27));
    assert_false(next_frame());
}

static void test_arp_asked(void **state)
{
    static const uint8_t everybody[6] = {255, 255, 255, 255, 255, 255};
    (void)state;
    assert_int_equal(sw_tap_write(&tap, datagram(&own4, &peer4, 1), S), 0);
    assert_int_equal(sw_tap_write(&tap, datagram(&own4, &peer4, 2), S + S / 2), 0);
    assert_arp(1, everybody, &own4, &peer4);
    assert_false(next_frame());
    arp_arrives(2, &peer4, &own4);
    assert_datagram(0x0800, peer, 1);
    assert_datagram(0x0800, peer, 2);
    assert_int_equal(sw_tap_write(&tap, datagram(&own4, &peer4, 3), 2 * S), 0);
    assert_datagram(0x0800, peer, 3);
    assert_false(next_frame());
}

/* Nobody answers: a second later what waited is lost, and the next one asks again. Of many the last
 * are kept. */
static void test_unanswered(void **state)
{
    static const uint8_t everybody[6] = {255, 255, 255, 255, 255, 255};
    (void)state;
    for (uint16_t i = 0; i < 10; i++)
        assert_int_equal(sw_tap_write(&tap, datagram(&own4, &peer4, i), S), 0);
    assert_arp(1, everybody, &own4, &peer4);
    for (uint16_t i = 100; i < 100 + SW_TAP_WAITING + 5; i++)
        assert_int_equal(sw_tap_write(&tap, datagram(&own4, &peer4, i), 2 * S), 0);
    assert_arp(1, everybody, &own4, &peer4);
    arp_arrives(2, &peer4, &own4);
    for (uint16_t i = 105; i < 105 + SW_TAP_WAITING; i++)
        assert_datagram(0x0800, peer, i);
    assert_false(next_frame());
}

static void test_neighbour_answered(void **state)
{
    static const uint8_t to_all[6] = {0x33, 0x33, 0, 0, 0, 1};
    static const struct sw_ip any = {{0}}, other = {{0xfd, [15] = 7}};
    (void)state;
    nd_arrives(135, &peer6, &own6, 255, true);
    assert_nd(136, peer, &own6, &peer6, &own6, 0x60000000);
    nd_arrives(135, &any, &own6, 255, false); /* is it in use? RFC 4862 5.4 */
    assert_nd(136, to_all, &own6, &all_nodes, &own6, 0x20000000);
    nd_arrives(135, &peer6, &other, 255, true);
    nd_arrives(135, &peer6, &own6, 254, true); /* it passed a router: RFC 4861 7.1.1 */
    assert_false(next_frame());
}

static void test_neighbour_asked(void **state)
{
    static const uint8_t to_node[6] = {0x33, 0x33, 0xff, 0xaa, 0, 2};
    static const struct sw_ip node = {{0xff, 0x02, [11] = 1, 0xff, 0xaa, 0, 2}};
    (void)state;
    assert_int_equal(sw_tap_write(&tap, datagram(&own6, &peer6, 1), S), 0);
    assert_nd(135, to_node, &own6, &node, &peer6, 0);
    nd_arrives(136, &peer6, &peer6, 254, true);
    nd_arrives(136, &peer6, &peer6, 255, false);
    assert_false(next_frame());
    nd_arrives(136, &peer6, &peer6, 255, true);
    assert_datagram(0x86dd, peer, 1);
}

static void test_groups(void **state)
{
    static const uint8_t group4[6] = {0x01, 0x00, 0x5e, 0x01, 0x02, 0x03};
    static const uint8_t group6[6] = {0x33, 0x33, 0, 0, 0, 1};
    static const uint8_t everybody[6] = {255, 255, 255, 255, 255, 255};
    (void)state;
    sw_tap_write(&tap, datagram(&own4, &SW_IP4(239, 0x81, 2, 3), 1), S);
    assert_datagram(0x0800, group4, 1);
    sw_tap_write(&tap, datagram(&own6, &all_nodes, 2), S);
    assert_datagram(0x86dd, group6, 2);
    sw_tap_write(&tap, datagram(&own4, &SW_IP4(255, 255, 255, 255), 3), S);
    assert_datagram(0x0800, everybody, 3);
}

static void test_packets_arrive(void **state)
{
    static const uint8_t other[6] = {2, 0, 0, 0, 0, 5}, group[6] = {0x33, 0x33, 0, 0, 0, 1};
    uint8_t bytes[64];
    (void)state;
    struct sw_packet *pkt = datagram(&peer4, &own4, 7);
    size_t len = sw_packet_copy(pkt, 0, bytes, sizeof(bytes));
    sw_packet_free(pkt);
    assert_null(arrives(other, 0x0800, bytes, len));
    assert_null(arrives(own, 0x88cc, bytes, len)); /* LLDP */
    assert_null(arrives(own, 0x0800, bytes, 0));
    for (int i = 0; i < 2; i++) {
        uint8_t read[64];
        pkt = arrives(i ? group : own, 0x0800, bytes, len);
        assert_non_null(pkt);
        assert_int_equal(sw_packet_copy(pkt, 0, read, sizeof(read)), len);
        assert_memory_equal(read, bytes, len);
        sw_packet_free(pkt);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_arp_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_arp_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unanswered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_neighbour_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_neighbour_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_groups, setup, teardown),
        cmocka_unit_test_setup_teardown(test_packets_arrive, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
