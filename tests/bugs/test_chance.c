/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an observer can guess (bug classes 8, 9, 28): sequence numbers, ports, identifications and
 * timestamps of one conversation say nothing of another, nor does a clone of the process say
 * anything of its twin.
 */
#include "host/world.h"
#include "sock/abi.h"
#include "wire/wire.h"

/* What the first SYN and the first fragment to a host show. */
struct shown {
    uint32_t isn, ts, id;
    uint16_t port;
};

static struct sw_host *twin(const struct sw_alloc *alloc, uint8_t seed, int *ret_eth)
{
    struct sw_host_config config = {.alloc = alloc, .now_ns = 5 * S};
    const struct sw_iface_config eth = {.name = "eth0", .mtu = 1500};
    const struct sw_ip ip = SW_IP4(10, 0, 0, 1);
    config.seed[0] = seed;
    struct sw_host *host = sw_host_new(&config);
    assert_non_null(host);
    *ret_eth = sw_host_add_iface(host, &eth);
    assert_int_equal(sw_host_add_addr(host, *ret_eth, &ip, 24), 0);
    return host;
}

static struct shown look(struct sw_host *host, int eth, uint8_t last)
{
    struct shown shown = {0};
    struct sw_addr to = at4(10, 0, 0, last, 80);
    static uint8_t bytes[3000];
    struct sw_ip_hdr ip;
    struct sw_tcp_hdr tcp;
    sw_socket_t s, d;
    struct sw_addr here = at4(10, 0, 0, 1, (uint16_t)(20000 + last));
    assert_int_equal(sw_socket(host, SW_AF_INET, SW_SOCK_STREAM, 0, &s), 0);
    assert_int_equal(sw_connect(host, s, &to), -EINPROGRESS);
    assert_int_equal(sw_getsockname(host, s, &here), 0);
    shown.port = here.port;
    sw_close(host, s);
    sw_packet_free(sw_host_output(host, eth, 5 * S));
    here.port = (uint16_t)(20000 + last); /* the same for a twin: then the numbers compare */
    assert_int_equal(sw_socket(host, SW_AF_INET, SW_SOCK_STREAM, 0, &s), 0);
    assert_int_equal(sw_bind(host, s, &here), 0);
    assert_int_equal(sw_connect(host, s, &to), -EINPROGRESS);
    struct sw_packet *pkt = sw_host_output(host, eth, 5 * S);
    size_t len = sw_packet_copy(pkt, 0, bytes, sizeof(bytes));
    assert_int_equal(sw_ip_parse_hdr(bytes, len, len, &ip), SW_DROP_NONE);
    assert_int_equal(sw_tcp_parse(bytes + ip.hdr_len, len - ip.hdr_len, len - ip.hdr_len, &tcp),
                     SW_DROP_NONE);
    sw_packet_free(pkt);
    shown.isn = tcp.seq.v;
    shown.ts = tcp.ts_val;
    assert_int_equal(sw_socket(host, SW_AF_INET, SW_SOCK_DGRAM, 0, &d), 0);
    assert_int_equal(sw_send(host, d, bytes, sizeof(bytes), 0, &to), sizeof(bytes));
    for (int i = 0; (pkt = sw_host_output(host, eth, 5 * S)) != NULL; i++) {
        len = sw_packet_copy(pkt, 0, bytes, sizeof(bytes));
        assert_int_equal(sw_ip_parse_hdr(bytes, len, len, &ip), SW_DROP_NONE);
        shown.id = ip.id;
        sw_packet_free(pkt);
    }
    sw_close(host, s);
    sw_close(host, d);
    return shown;
}

/* Two copies of one process go on the same, to the bit, until one of them gets chance anew. */
static void test_clones_differ_after_reseed(void **state)
{
    (void)state;
    int eth[2];
    struct sw_host *host[2] = {twin(&sw_alloc_libc, 1, &eth[0]), twin(&sw_alloc_libc, 1, &eth[1])};
    struct shown a = look(host[0], eth[0], 2), b = look(host[1], eth[1], 2);
    assert_memory_equal(&a, &b, sizeof(a));
    const uint8_t seeds[2][16] = {{7}, {8}};
    for (int i = 0; i < 2; i++)
        sw_host_reseed(host[i], seeds[i]);
    unsigned same_port = 0, same_id = 0;
    for (uint8_t to = 3; to < 35; to++) {
        a = look(host[0], eth[0], to);
        b = look(host[1], eth[1], to);
        assert_int_not_equal(a.isn, b.isn);
        same_port += a.port == b.port;
        same_id += a.id == b.id;
    }
    assert_true(same_port <= 2 && same_id <= 2);
    for (int i = 0; i < 2; i++)
        sw_host_free(host[i]);
}

/* A seed of zeroes does not make a host less of a secret than it was. */
static void test_reseed_mixes(void **state)
{
    (void)state;
    int eth[2];
    const uint8_t zero[16] = {0};
    struct sw_host *host[2] = {twin(&sw_alloc_libc, 1, &eth[0]), twin(&sw_alloc_libc, 2, &eth[1])};
    for (int i = 0; i < 2; i++)
        sw_host_reseed(host[i], zero);
    struct shown a = look(host[0], eth[0], 2), b = look(host[1], eth[1], 2);
    assert_int_not_equal(a.isn, b.isn);
    for (int i = 0; i < 2; i++)
        sw_host_free(host[i]);
}

/* From what the host shows to one destination nothing follows for the next: the differences between
 * neighbours are spread as chance spreads them. */
static void test_destinations_tell_nothing(void **state)
{
    (void)state;
    int eth;
    struct sw_host *host = twin(&sw_alloc_libc, 3, &eth);
    struct shown last = look(host, eth, 2);
    unsigned isn_bits = 0, ts_bits = 0, near_ports = 0, near_ids = 0;
    enum { TRIES = 200 };
    for (unsigned i = 0; i < TRIES; i++) {
        struct shown now = look(host, eth, (uint8_t)(3 + i));
        isn_bits += (unsigned)__builtin_popcount(now.isn ^ last.isn);
        ts_bits += (unsigned)__builtin_popcount(now.ts ^ last.ts);
        near_ports += (uint16_t)(now.port - last.port + 16) < 32;
        near_ids += (uint16_t)(now.id - last.id + 16) < 32;
        last = now;
    }
    assert_in_range(isn_bits, TRIES * 15, TRIES * 17);
    assert_in_range(ts_bits, TRIES * 15, TRIES * 17);
    assert_true(near_ports <= 3);
    assert_true(near_ids <= 6); /* destinations share a few counters */
    sw_host_free(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clones_differ_after_reseed),
        cmocka_unit_test(test_reseed_mixes),
        cmocka_unit_test(test_destinations_tell_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
