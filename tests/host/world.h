/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small world for tests: hosts joined by a wire, moved by hand in virtual time.
 *
 * Host 0 and host 1 have a loopback each and are joined by "eth0": 10.0.0.1/24, fd00::1/64 and
 * 10.0.0.2/24, fd00::2/64. Packets take no time; what leaves by a loopback comes in by it.
 */
#ifndef TEST_WORLD_H
#define TEST_WORLD_H

/* cmocka wants these before itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sockworks/sockworks.h>

#define MS 1000000ULL
#define S 1000000000ULL

/* malloc, counted, failing on demand. */
struct test_alloc {
    struct sw_alloc alloc;
    uint64_t live_bytes, calls;
    uint64_t fail_at; /* the call that returns NULL, counted from 1; 0: none */
    bool fail_after;  /* and all calls after it */
};

struct world {
    struct test_alloc alloc;
    struct sw_host *host[2];
    struct sw_mem *mem[2];
    int lo[2], eth[2];
    uint64_t now;
    uint64_t packets; /* moved so far */
    /* If set, sees every packet of the wire; true: it is lost. */
    bool (*lose)(struct world *w, int from, struct sw_packet *pkt);
    void *ctx;
};

static void *test_alloc_alloc(void *ctx, size_t size)
{
    struct test_alloc *a = ctx;
    a->calls++;
    if (a->fail_at && (a->calls == a->fail_at || (a->fail_after && a->calls > a->fail_at)))
        return NULL;
    a->live_bytes += size;
    return malloc(size);
}

static void test_alloc_free(void *ctx, void *ptr, size_t size)
{
    struct test_alloc *a = ctx;
    a->live_bytes -= size;
    free(ptr);
}

static inline struct sw_addr at4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port)
{
    return (struct sw_addr){.ip = SW_IP4(a, b, c, d), .port = port};
}

static inline struct sw_addr at(const char *ip, uint16_t port)
{
    struct sw_addr addr = {.port = port};
    assert_int_equal(sw_ip_parse(ip, &addr.ip), 0);
    return addr;
}

static inline bool world_host(struct world *w, int i)
{
    struct sw_host_config config = {.alloc = &w->alloc.alloc, .now_ns = w->now};
    config.seed[0] = (uint8_t)(i + 1);
    w->host[i] = sw_host_new(&config);
    if (!w->host[i])
        return false;
    w->mem[i] = sw_mem_get(sw_host_mem(w->host[i]));
    w->lo[i] = sw_host_add_loopback(w->host[i]);
    const struct sw_iface_config eth = {.name = "eth0", .mtu = 1500};
    w->eth[i] = sw_host_add_iface(w->host[i], &eth);
    const struct sw_ip ip4 = SW_IP4(10, 0, 0, (uint8_t)(i + 1));
    struct sw_ip ip6 = {{0xfd}};
    ip6.b[15] = (uint8_t)(i + 1);
    return w->lo[i] > 0 && w->eth[i] > 0 &&
           sw_host_add_addr(w->host[i], w->eth[i], &ip4, 24) == 0 &&
           sw_host_add_addr(w->host[i], w->eth[i], &ip6, 64) == 0;
}

static inline bool world_try(struct world *w)
{
    w->alloc.alloc = (struct sw_alloc){test_alloc_alloc, test_alloc_free, &w->alloc};
    w->now = 5 * S;
    return world_host(w, 0) && world_host(w, 1);
}

static inline void world_init(struct world *w)
{
    memset(w, 0, sizeof(*w));
    assert_true(world_try(w));
}

/* Frees all and finds that nothing leaked. What one host has not read yet is the other's memory. */
static inline void world_fini(struct world *w)
{
    for (int i = 0; i < 2; i++)
        sw_host_free(w->host[i]);
    for (int i = 0; i < 2; i++) {
        if (w->mem[i])
            assert_int_equal(sw_mem_used(w->mem[i]), 0);
        sw_mem_put(w->mem[i]);
    }
    assert_int_equal(w->alloc.live_bytes, 0);
}

static inline bool world_move(struct world *w, int from, int out_iface, int to, int in_iface)
{
    struct sw_packet *pkt = sw_host_output(w->host[from], out_iface, w->now);
    if (!pkt)
        return false;
    w->packets++;
    if (out_iface == w->eth[from] && w->lose && w->lose(w, from, pkt))
        sw_packet_free(pkt);
    else
        sw_host_input(w->host[to], in_iface, pkt, w->now);
    return true;
}

/* Moves packets until none is left. */
static inline void world_settle(struct world *w)
{
    bool moved = true;
    for (int round = 0; moved; round++) {
        assert_true(round < 100000); /* a packet storm */
        moved = false;
        for (int i = 0; i < 2; i++) {
            moved |= world_move(w, i, w->lo[i], i, w->lo[i]);
            moved |= world_move(w, i, w->eth[i], 1 - i, w->eth[1 - i]);
        }
    }
}

/* Lets time pass, running every timer at its time. */
static inline void world_run(struct world *w, uint64_t ns)
{
    uint64_t until = w->now + ns;
    for (;;) {
        world_settle(w);
        uint64_t next = until;
        for (int i = 0; i < 2; i++) {
            uint64_t d = sw_host_deadline(w->host[i]);
            next = d < next ? d : next;
        }
        w->now = next > w->now ? next : w->now;
        for (int i = 0; i < 2; i++)
            sw_host_advance(w->host[i], w->now);
        if (w->now >= until)
            break;
    }
    world_settle(w);
}

static inline sw_socket_t stream(struct world *w, int host, int domain)
{
    sw_socket_t s;
    assert_int_equal(sw_socket(w->host[host], domain, SW_SOCK_STREAM, 0, &s), 0);
    return s;
}

static inline sw_socket_t dgram(struct world *w, int host, int domain)
{
    sw_socket_t s;
    assert_int_equal(sw_socket(w->host[host], domain, SW_SOCK_DGRAM, 0, &s), 0);
    return s;
}

static inline sw_socket_t listener(struct world *w, int host, int domain, struct sw_addr addr,
                                   int backlog)
{
    sw_socket_t s = stream(w, host, domain);
    assert_int_equal(sw_bind(w->host[host], s, &addr), 0);
    assert_int_equal(sw_listen(w->host[host], s, backlog), 0);
    return s;
}

static inline int set_int(struct world *w, int host, sw_socket_t s, int level, int name, int v)
{
    return sw_setsockopt(w->host[host], s, level, name, &v, sizeof(v));
}

static inline int get_int(struct world *w, int host, sw_socket_t s, int level, int name)
{
    int v = -12345;
    size_t len = sizeof(v);
    int r = sw_getsockopt(w->host[host], s, level, name, &v, &len);
    return r < 0 ? r : v;
}

/* A connection from host `client` to host 1's or its own listener `l`; both ends established. */
static inline void connect_to(struct world *w, int client, struct sw_addr to, int server,
                              sw_socket_t l, sw_socket_t *ret_client, sw_socket_t *ret_server)
{
    sw_socket_t s = stream(w, client, sw_ip_is4(&to.ip) ? SW_AF_INET : SW_AF_INET6);
    assert_int_equal(sw_connect(w->host[client], s, &to), -EINPROGRESS);
    world_settle(w);
    assert_int_equal(sw_connect(w->host[client], s, &to), 0);
    assert_int_equal(sw_accept(w->host[server], l, ret_server, NULL), 0);
    *ret_client = s;
}

#endif
