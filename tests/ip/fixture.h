/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A host's internet layer for tests: "lo" (1) with 127.0.0.1/8 and ::1/128, "eth0" (2) with
 * 10.0.0.1/24, 192.0.2.1/32, 2001:db8::1/64 and fe80::1/64, a default route of each family. Packets
 * are made byte by byte here, so that the code under test is not checked against itself.
 */
#ifndef TESTS_IP_FIXTURE_H
#define TESTS_IP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ip/private.h"

enum { LO = 1, ETH = 2 };

struct fixture {
    struct sw_env env;
    struct sw_ip_layer ip;
};

static inline struct sw_ip addr(const char *text)
{
    struct sw_ip ip;
    assert_int_equal(sw_ip_parse(text, &ip), 0);
    return ip;
}

static inline void give(struct fixture *f, int iface, const char *text, unsigned prefix_len)
{
    struct sw_ip ip = addr(text);
    assert_int_equal(sw_ip_add_addr(&f->ip, iface, &ip, prefix_len), 0);
}

static inline void fixture_init(struct fixture *f)
{
    static const uint8_t seed[16] = "internet layer";
    memset(f, 0, sizeof(*f));
    f->env.mem = sw_mem_new(&sw_alloc_libc, 0);
    f->env.now_ns = 1000000000;
    sw_rng_init(&f->env.rng, seed);
    sw_wheel_init(&f->env.wheel, f->env.now_ns);
    assert_int_equal(sw_ip_init(&f->ip, &f->env), 0);

    struct sw_iface_config lo = {.name = "lo", .mtu = 65536, .gso_max = 65536};
    lo.loopback = lo.csum_offload = true;
    struct sw_iface_config eth = {.name = "eth0", .mtu = 1500};
    assert_int_equal(sw_ip_add_iface(&f->ip, &lo), LO);
    assert_int_equal(sw_ip_add_iface(&f->ip, &eth), ETH);
    give(f, LO, "127.0.0.1", 8);
    give(f, LO, "::1", 128);
    give(f, ETH, "10.0.0.1", 24);
    give(f, ETH, "192.0.2.1", 32);
    give(f, ETH, "2001:db8::1", 64);
    give(f, ETH, "fe80::1", 64);
    struct sw_ip any4 = SW_IP4_ANY, gw4 = addr("10.0.0.254"), gw6 = addr("2001:db8::ff");
    assert_int_equal(sw_ip_add_route(&f->ip, &any4, 0, ETH, &gw4), 0);
    assert_int_equal(sw_ip_add_route(&f->ip, &SW_IP6_ANY, 0, ETH, &gw6), 0);
}

/* Everything is given back: a test that leaks fails here. */
static inline void fixture_fini(struct fixture *f)
{
    sw_ip_fini(&f->ip);
    assert_int_equal(f->env.wheel.armed, 0);
    assert_int_equal(sw_mem_used(f->env.mem), 0);
    sw_mem_put(f->env.mem);
}

static inline struct sw_packet *sent(struct fixture *f, int iface)
{
    return sw_packet_queue_take(&sw_ip_iface(&f->ip, iface)->out);
}

static inline void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline uint32_t get16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

/* The plain sum of RFC 1071 over an even or odd number of bytes, not complemented. */
static inline uint32_t sum16(uint32_t sum, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

/* Ones' complement of the transport checksum over pseudo header and bytes; 0 if what is there fits.
 */
static inline uint16_t transport_sum(const struct sw_ip *src, const struct sw_ip *dst,
                                     uint8_t proto, const uint8_t *p, size_t len)
{
    uint8_t tail[4] = {0, proto, (uint8_t)(len >> 8), (uint8_t)len};
    uint32_t sum = sum16(0, tail, 4);
    if (proto != SW_PROTO_ICMP) {
        unsigned from = sw_ip_is4(src) ? 12 : 0;
        sum = sum16(sum, src->b + from, 16 - from);
        sum = sum16(sum, dst->b + from, 16 - from);
    } else {
        sum = 0;
    }
    return (uint16_t)~sum16(sum, p, len);
}

/* What the header of a made packet says. */
struct made {
    struct sw_ip src, dst;
    uint8_t proto, tos, ttl;
    uint32_t id, off;
    bool more, df, frag_hdr; /* frag_hdr: IPv6 */
};

/* Header and payload as bytes; returns the length. */
static inline size_t make_bytes(uint8_t *to, const struct made *m, bool v6, const void *payload,
                                size_t len)
{
    size_t hdr = v6 ? 40 + (m->frag_hdr ? 8 : 0) : 20;
    memset(to, 0, hdr);
    if (v6) {
        to[0] = (uint8_t)(0x60 | m->tos >> 4);
        to[1] = (uint8_t)(m->tos << 4);
        put16(to + 4, (uint32_t)(hdr - 40 + len));
        to[6] = m->frag_hdr ? 44 : m->proto;
        to[7] = m->ttl ? m->ttl : 64;
        memcpy(to + 8, m->src.b, 16);
        memcpy(to + 24, m->dst.b, 16);
        if (m->frag_hdr) {
            to[40] = m->proto;
            put16(to + 42, m->off | m->more);
            put16(to + 44, m->id >> 16);
            put16(to + 46, m->id);
        }
    } else {
        to[0] = 0x45;
        to[1] = m->tos;
        put16(to + 2, (uint32_t)(hdr + len));
        put16(to + 4, m->id);
        put16(to + 6, m->off / 8 | (m->more ? 0x2000U : 0) | (m->df ? 0x4000U : 0));
        to[8] = m->ttl ? m->ttl : 64;
        to[9] = m->proto;
        memcpy(to + 12, m->src.b + 12, 4);
        memcpy(to + 16, m->dst.b + 12, 4);
        put16(to + 10, (uint16_t)~sum16(0, to, 20));
    }
    if (len)
        memcpy(to + hdr, payload, len);
    return hdr + len;
}

static inline struct sw_packet *make(struct fixture *f, const struct made *m, const void *payload,
                                     size_t len)
{
    static uint8_t bytes[66000];
    size_t n = make_bytes(bytes, m, !sw_ip_is4(&m->src), payload, len);
    struct sw_packet *pkt = sw_packet_from_bytes(f->env.mem, bytes, n);
    assert_non_null(pkt);
    return pkt;
}

/* A UDP datagram with a right checksum; returns its length. */
static inline size_t make_udp(uint8_t *to, const struct sw_ip *src, const struct sw_ip *dst,
                              uint16_t src_port, uint16_t dst_port, const void *data, size_t len)
{
    put16(to, src_port);
    put16(to + 2, dst_port);
    put16(to + 4, (uint32_t)(8 + len));
    put16(to + 6, 0);
    if (len)
        memcpy(to + 8, data, len);
    uint16_t sum = transport_sum(src, dst, SW_PROTO_UDP, to, 8 + len);
    put16(to + 6, sum ? sum : 0xffff);
    return 8 + len;
}

/* An allocator that gives `left` times and then never again. */
struct failing {
    int left;
};

static inline void *failing_alloc(void *ctx, size_t size)
{
    struct failing *fail = ctx;
    return fail->left-- > 0 ? sw_alloc_libc.alloc(sw_alloc_libc.ctx, size) : NULL;
}

static inline void failing_free(void *ctx, void *ptr, size_t size)
{
    (void)ctx;
    sw_alloc_libc.free(sw_alloc_libc.ctx, ptr, size);
}

/* The counter that must have moved, by exactly one, since `before`; all others must not. */
static inline void assert_dropped(const struct fixture *f, const uint64_t *before, enum sw_drop why,
                                  const char *what)
{
    for (int i = 0; i < SW_DROP_COUNT; i++) {
        uint64_t expect = before[i] + (why != SW_DROP_NONE && i == (int)why);
        if (f->env.drops[i] != expect)
            fail_msg("%s: %s counted %d times, expected %d", what, sw_drop_name((enum sw_drop)i),
                     (int)(f->env.drops[i] - before[i]), (int)(expect - before[i]));
    }
}

#endif
