/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Socket options: default, set, get, errors. The expected values are what Linux 6.18 answered to
 * the same calls of an unprivileged process, but for net.core.rmem_max and wmem_max (here 4 MiB).
 */
#include "host/world.h"
#include "sock/abi.h"

enum { T4, U4, T6, U6 }; /* stream or datagram, IPv4 or IPv6 */

static sw_socket_t make(struct world *w, int kind)
{
    int domain = kind == T6 || kind == U6 ? SW_AF_INET6 : SW_AF_INET;
    return kind == T4 || kind == T6 ? stream(w, 0, domain) : dgram(w, 0, domain);
}

struct fresh {
    int kind, level, name;
    int expect; /* value or negative errno */
    size_t len;
};

static const struct fresh defaults[] = {
    {T4, SW_SOL_SOCKET, SW_SO_DEBUG, 0, 4},
    {T4, SW_SOL_SOCKET, SW_SO_REUSEADDR, 0, 4},
    {T4, SW_SOL_SOCKET, SW_SO_TYPE, 1, 4},
    {U4, SW_SOL_SOCKET, SW_SO_TYPE, 2, 4},
    {T4, SW_SOL_SOCKET, SW_SO_ERROR, 0, 4},
    {T4, SW_SOL_SOCKET, SW_SO_DONTROUTE, 0, 4},
    {T4, SW_SOL_SOCKET, SW_SO_BROADCAST, 0, 4},
    {U4, SW_SOL_SOCKET, SW_SO_SNDBUF, 212992, 4},
    {U4, SW_SOL_SOCKET, SW_SO_RCVBUF, 212992, 4},
    {T4, SW_SOL_SOCKET, SW_SO_KEEPALIVE, 0, 4},
    {T4, SW_SOL_SOCKET, SW_SO_OOBINLINE, 0, 4},
    {T4, SW_SOL_SOCKET, SW_SO_PRIORITY, 0, 4},
    {T4, SW_SOL_SOCKET, SW_SO_LINGER, 0, 8},
    {T4, SW_SOL_SOCKET, SW_SO_REUSEPORT, 0, 4},
    {T4, SW_SOL_SOCKET, SW_SO_RCVLOWAT, 1, 4},
    {T4, SW_SOL_SOCKET, SW_SO_SNDLOWAT, 1, 4},
    {T4, SW_SOL_SOCKET, SW_SO_RCVTIMEO, 0, 16},
    {T4, SW_SOL_SOCKET, SW_SO_SNDTIMEO, 0, 16},
    {T4, SW_SOL_SOCKET, SW_SO_BINDTODEVICE, 0, 0},
    {T4, SW_SOL_SOCKET, SW_SO_TIMESTAMP, 0, 4},
    {T4, SW_SOL_SOCKET, SW_SO_ACCEPTCONN, 0, 4},
    {T4, SW_SOL_SOCKET, SW_SO_SNDBUFFORCE, -ENOPROTOOPT, 0},
    {T4, SW_SOL_SOCKET, SW_SO_TIMESTAMPNS, 0, 4},
    {T4, SW_SOL_SOCKET, SW_SO_MARK, 0, 4},
    {T4, SW_SOL_SOCKET, SW_SO_TIMESTAMPING, 0, 8},
    {T4, SW_SOL_SOCKET, SW_SO_PROTOCOL, 6, 4},
    {U6, SW_SOL_SOCKET, SW_SO_PROTOCOL, 17, 4},
    {T4, SW_SOL_SOCKET, SW_SO_DOMAIN, 2, 4},
    {T6, SW_SOL_SOCKET, SW_SO_DOMAIN, 10, 4},
    {T4, SW_SOL_SOCKET, SW_SO_INCOMING_CPU, -1, 4},
    {T4, SW_SOL_SOCKET, 12345, -ENOPROTOOPT, 0},
    {T4, SW_SOL_TCP, SW_TCP_NODELAY, 0, 4},
    {T4, SW_SOL_TCP, SW_TCP_MAXSEG, 536, 4},
    {T4, SW_SOL_TCP, SW_TCP_CORK, 0, 4},
    {T4, SW_SOL_TCP, SW_TCP_KEEPIDLE, 7200, 4},
    {T4, SW_SOL_TCP, SW_TCP_KEEPINTVL, 75, 4},
    {T4, SW_SOL_TCP, SW_TCP_KEEPCNT, 9, 4},
    {T4, SW_SOL_TCP, SW_TCP_SYNCNT, 6, 4},
    {T4, SW_SOL_TCP, SW_TCP_LINGER2, 60, 4},
    {T4, SW_SOL_TCP, SW_TCP_DEFER_ACCEPT, 0, 4},
    {T4, SW_SOL_TCP, SW_TCP_WINDOW_CLAMP, 0, 4},
    {T4, SW_SOL_TCP, SW_TCP_QUICKACK, 1, 4},
    {T4, SW_SOL_TCP, SW_TCP_USER_TIMEOUT, 0, 4},
    {T4, SW_SOL_TCP, SW_TCP_FASTOPEN, 0, 4},
    {T4, SW_SOL_TCP, SW_TCP_NOTSENT_LOWAT, 0, 4},
    {T4, SW_SOL_TCP, 50, -ENOPROTOOPT, 0},
    {U4, SW_SOL_TCP, SW_TCP_NODELAY, -EOPNOTSUPP, 0},
    {T4, SW_SOL_IP, SW_IP_TOS, 0, 4},
    {T4, SW_SOL_IP, SW_IP_TTL, 64, 4},
    {T6, SW_SOL_IP, SW_IP_TTL, 64, 4},
    {T4, SW_SOL_IP, SW_IP_PKTINFO, 0, 4},
    {T4, SW_SOL_IP, SW_IP_MTU_DISCOVER, 1, 4},
    {T4, SW_SOL_IP, SW_IP_RECVERR, 0, 4},
    {T4, SW_SOL_IP, SW_IP_MTU, -ENOTCONN, 0},
    {T4, SW_SOL_IP, SW_IP_FREEBIND, 0, 4},
    {T4, SW_SOL_IP, SW_IP_BIND_ADDRESS_NO_PORT, 0, 4},
    {U4, SW_SOL_IP, SW_IP_MULTICAST_IF, 0, 4},
    {U4, SW_SOL_IP, SW_IP_MULTICAST_TTL, 1, 4},
    {U4, SW_SOL_IP, SW_IP_MULTICAST_LOOP, 1, 4},
    {U4, SW_SOL_IP, SW_IP_MULTICAST_ALL, 1, 4},
    {T6, SW_SOL_IPV6, SW_IPV6_UNICAST_HOPS, 64, 4},
    {T6, SW_SOL_IPV6, SW_IPV6_MULTICAST_HOPS, 1, 4},
    {T6, SW_SOL_IPV6, SW_IPV6_MULTICAST_LOOP, 1, 4},
    {T6, SW_SOL_IPV6, SW_IPV6_MTU_DISCOVER, 1, 4},
    {T6, SW_SOL_IPV6, SW_IPV6_MTU, -ENOTCONN, 0},
    {T6, SW_SOL_IPV6, SW_IPV6_V6ONLY, 0, 4},
    {T6, SW_SOL_IPV6, SW_IPV6_RECVPKTINFO, 0, 4},
    {T6, SW_SOL_IPV6, SW_IPV6_TCLASS, 0, 4},
    {T4, SW_SOL_IPV6, SW_IPV6_V6ONLY, -EOPNOTSUPP, 0},
    {T6, 999, 1, -ENOPROTOOPT, 0},
};

static void test_defaults(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
        const struct fresh *c = &defaults[i];
        sw_socket_t s = make(&w, c->kind);
        int v[25] = {0};
        size_t len = sizeof(v);
        int r = sw_getsockopt(w.host[0], s, c->level, c->name, v, &len);
        bool error = c->expect < -1;
        if (error ? r != c->expect : (r != 0 || v[0] != c->expect || len != c->len))
            fail_msg("kind %d level %d name %d: %d, value %d, length %zu", c->kind, c->level,
                     c->name, r, v[0], len);
        sw_close(w.host[0], s);
    }
    world_fini(&w);
}

struct change {
    int kind, level, name;
    struct {
        int set, r, get;
    } steps[8]; /* one after the other on one socket; all zero: no more */
};

static const struct change changes[] = {
    {T4, SW_SOL_SOCKET, SW_SO_REUSEADDR, {{-1, 0, 1}, {0, 0, 0}, {7, 0, 1}}},
    {T4,
     SW_SOL_SOCKET,
     SW_SO_SNDBUF,
     {{1, 0, 4608}, {-1, 0, 8388608}, {100000, 0, 200000}, {4194305, 0, 8388608}}},
    {T4,
     SW_SOL_SOCKET,
     SW_SO_RCVBUF,
     {{1, 0, 2304}, {-1, 0, 8388608}, {100000, 0, 200000}, {4194305, 0, 8388608}}},
    {U4,
     SW_SOL_SOCKET,
     SW_SO_RCVBUF,
     {{1, 0, 2304}, {-1, 0, 8388608}, {100000, 0, 200000}, {4194305, 0, 8388608}}},
    {T4, SW_SOL_SOCKET, SW_SO_PRIORITY, {{6, 0, 6}, {7, -EPERM, 6}, {-1, -EPERM, 6}}},
    {T4, SW_SOL_SOCKET, SW_SO_RCVLOWAT, {{7, 0, 7}, {-1, 0, INT32_MAX}, {0, 0, 1}}},
    {T4, SW_SOL_SOCKET, SW_SO_MARK, {{1, -EPERM, 0}}},
    {T4, SW_SOL_SOCKET, SW_SO_TXREHASH, {{0, 0, 0}, {-1, 0, 1}, {2, -EINVAL, 1}}},
    {U4, SW_SOL_SOCKET, SW_SO_TXREHASH, {{0, -EOPNOTSUPP, -EOPNOTSUPP}}},
    {T4, SW_SOL_SOCKET, SW_SO_BUF_LOCK, {{3, 0, 3}, {4, -EINVAL, 3}, {1, 0, 1}}},
    {T4, SW_SOL_SOCKET, SW_SO_RESERVE_MEM, {{1, -EOPNOTSUPP, 0}, {-1, -EINVAL, 0}}},
    {U6,
     SW_SOL_IPV6,
     SW_IPV6_ADDR_PREFERENCES,
     {{0, 0, 0x500}, {1, 0, 0x401}, {3, -EINVAL, 0x401}, {4, 0, 0x104}, {0, 0, 0x500}}},
    {T4, SW_SOL_SOCKET, SW_SO_SNDBUFFORCE, {{1, -EPERM, -ENOPROTOOPT}}},
    {T4, SW_SOL_SOCKET, SW_SO_RCVBUFFORCE, {{1, -EPERM, -ENOPROTOOPT}}},
    {T4, SW_SOL_SOCKET, SW_SO_INCOMING_CPU, {{7, 0, 7}}},
    {T4, SW_SOL_SOCKET, SW_SO_TIMESTAMPING, {{7, 0, 7}, {-1, -EINVAL, 7}, {1000000, -EINVAL, 7}}},
    {T4, SW_SOL_SOCKET, SW_SO_SNDLOWAT, {{1, -ENOPROTOOPT, 1}}},
    {T4, SW_SOL_SOCKET, SW_SO_TYPE, {{1, -ENOPROTOOPT, 1}}},
    {T4, SW_SOL_SOCKET, SW_SO_DOMAIN, {{1, -ENOPROTOOPT, 2}}},
    {T4, SW_SOL_SOCKET, SW_SO_ERROR, {{1, -ENOPROTOOPT, 0}}},
    {T4, SW_SOL_SOCKET, SW_SO_ACCEPTCONN, {{1, -ENOPROTOOPT, 0}}},
    {T4, SW_SOL_SOCKET, SW_SO_DEBUG, {{1, -EACCES, 0}}},
    {T4, SW_SOL_SOCKET, 12345, {{1, -ENOPROTOOPT, -ENOPROTOOPT}}},
    {T4, SW_SOL_TCP, SW_TCP_NODELAY, {{-1, 0, 1}, {0, 0, 0}, {2, 0, 1}}},
    {T4,
     SW_SOL_TCP,
     SW_TCP_MAXSEG,
     {{-1, -EINVAL, 536},
      {87, -EINVAL, 536},
      {88, 0, 88},
      {32767, 0, 32767},
      {32768, -EINVAL, 32767}}},
    {T4,
     SW_SOL_TCP,
     SW_TCP_KEEPIDLE,
     {{0, -EINVAL, 7200}, {1, 0, 1}, {32767, 0, 32767}, {32768, -EINVAL, 32767}}},
    {T4,
     SW_SOL_TCP,
     SW_TCP_KEEPINTVL,
     {{0, -EINVAL, 75}, {1, 0, 1}, {32767, 0, 32767}, {32768, -EINVAL, 32767}}},
    {T4,
     SW_SOL_TCP,
     SW_TCP_KEEPCNT,
     {{0, -EINVAL, 9}, {1, 0, 1}, {127, 0, 127}, {128, -EINVAL, 127}}},
    {T4,
     SW_SOL_TCP,
     SW_TCP_SYNCNT,
     {{0, -EINVAL, 6}, {1, 0, 1}, {127, 0, 127}, {128, -EINVAL, 127}}},
    {T4, SW_SOL_TCP, SW_TCP_LINGER2, {{-1, 0, -1}, {0, 0, 60}, {5, 0, 5}, {127, 0, 120}}},
    {T4,
     SW_SOL_TCP,
     SW_TCP_DEFER_ACCEPT,
     {{-1, 0, 0},
      {1, 0, 1},
      {2, 0, 3},
      {5, 0, 7},
      {40, 0, 63},
      {127, 0, 127},
      {128, 0, 247},
      {32768, 0, 29887}}},
    {T4, SW_SOL_TCP, SW_TCP_WINDOW_CLAMP, {{1, 0, 1152}, {32767, 0, 32767}, {0, 0, 0}}},
    {T4, SW_SOL_TCP, SW_TCP_QUICKACK, {{0, 0, 0}, {2, 0, 1}}},
    {T4, SW_SOL_TCP, SW_TCP_USER_TIMEOUT, {{-1, -EINVAL, 0}, {32768, 0, 32768}}},
    {T4, SW_SOL_TCP, SW_TCP_FASTOPEN, {{-1, -EINVAL, 0}, {5, 0, 5}, {32767, 0, 4096}}},
    {T4, SW_SOL_TCP, SW_TCP_NOTSENT_LOWAT, {{-1, 0, -1}, {5, 0, 5}}},
    {T4, SW_SOL_TCP, SW_TCP_INFO, {{1, -ENOPROTOOPT, 7}}},
    {U4, SW_SOL_TCP, SW_TCP_NODELAY, {{1, -ENOPROTOOPT, -EOPNOTSUPP}}},
    {T4, SW_SOL_IP, SW_IP_TOS, {{-1, 0, 252}, {3, 0, 0}, {5, 0, 4}, {256, 0, 0}}},
    {U4, SW_SOL_IP, SW_IP_TOS, {{-2, 0, 254}, {3, 0, 3}, {259, 0, 3}}},
    {T4,
     SW_SOL_IP,
     SW_IP_TTL,
     {{0, -EINVAL, 64},
      {1, 0, 1},
      {255, 0, 255},
      {256, -EINVAL, 255},
      {-1, 0, 64},
      {-2, -EINVAL, 64}}},
    {T4, SW_SOL_IP, SW_IP_MTU_DISCOVER, {{-1, -EINVAL, 1}, {5, 0, 5}, {6, -EINVAL, 5}}},
    {T4, SW_SOL_IP, SW_IP_MULTICAST_TTL, {{5, -EINVAL, 1}}},
    {U4,
     SW_SOL_IP,
     SW_IP_MULTICAST_TTL,
     {{-2, -EINVAL, 1}, {5, 0, 5}, {256, -EINVAL, 5}, {-1, 0, 1}}},
    {U4, SW_SOL_IP, SW_IP_MULTICAST_LOOP, {{0, 0, 0}, {5, 0, 1}}},
    {U4, SW_SOL_IP, SW_IP_MULTICAST_ALL, {{0, 0, 0}, {5, -EINVAL, 0}}},
    {T4, SW_SOL_IP, SW_IP_MTU, {{5, -ENOPROTOOPT, -ENOTCONN}}},
    {T6,
     SW_SOL_IPV6,
     SW_IPV6_UNICAST_HOPS,
     {{-2, -EINVAL, 64}, {5, 0, 5}, {256, -EINVAL, 5}, {-1, 0, 64}}},
    {T6, SW_SOL_IPV6, SW_IPV6_MULTICAST_HOPS, {{5, -ENOPROTOOPT, 1}}},
    {T6, SW_SOL_IPV6, SW_IPV6_MULTICAST_IF, {{1, -ENOPROTOOPT, 0}}},
    {T6, SW_SOL_IPV6, SW_IPV6_MULTICAST_LOOP, {{-1, -EINVAL, 1}, {0, 0, 0}, {2, -EINVAL, 0}}},
    {T6, SW_SOL_IPV6, SW_IPV6_MTU_DISCOVER, {{-1, -EINVAL, 1}, {5, 0, 5}, {6, -EINVAL, 5}}},
    {T6, SW_SOL_IPV6, SW_IPV6_V6ONLY, {{-1, 0, 1}, {0, 0, 0}, {5, 0, 1}}},
    {T6, SW_SOL_IPV6, SW_IPV6_TCLASS, {{-2, -EINVAL, 0}, {5, 0, 4}, {256, -EINVAL, 4}, {-1, 0, 0}}},
    {U6, SW_SOL_IPV6, SW_IPV6_TCLASS, {{5, 0, 5}}},
    {T4, SW_SOL_IPV6, SW_IPV6_V6ONLY, {{1, -ENOPROTOOPT, -EOPNOTSUPP}}},
};

static void test_changes(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        const struct change *c = &changes[i];
        sw_socket_t s = make(&w, c->kind);
        for (int k = 0; k < 8; k++) {
            int set = c->steps[k].set, want_r = c->steps[k].r, want = c->steps[k].get;
            if (k > 0 && !set && !want_r && !want)
                break;
            int r = set_int(&w, 0, s, c->level, c->name, set);
            int got = get_int(&w, 0, s, c->level, c->name);
            if (c->name == SW_TCP_INFO && c->level == SW_SOL_TCP)
                got &= 0xff;
            if (r != want_r || got != want)
                fail_msg("kind %d level %d name %d set %d: %d, then %d", c->kind, c->level, c->name,
                         set, r, got);
        }
        sw_close(w.host[0], s);
    }
    world_fini(&w);
}

/* What gives -EPERM or -EACCES to others. */
static void test_admin(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    sw_socket_t s = stream(&w, 0, SW_AF_INET);
    struct sw_host *h = w.host[0];
    static const int names[] = {SW_SO_MARK, SW_SO_DEBUG, SW_SO_PRIORITY, SW_SO_RCVBUFFORCE,
                                SW_SO_SNDBUFFORCE};
    const int million = 1000000, minus = -1;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_true(set_int(&w, 0, s, SW_SOL_SOCKET, names[i], million) < 0);
        assert_int_equal(
            sw_setsockopt_admin(h, s, SW_SOL_SOCKET, names[i], &million, sizeof(million)), 0);
        assert_true(set_int(&w, 0, s, SW_SOL_SOCKET, names[i], million) < 0); /* others still not */
    }
    assert_int_equal(get_int(&w, 0, s, SW_SOL_SOCKET, SW_SO_MARK), million);
    assert_int_equal(get_int(&w, 0, s, SW_SOL_SOCKET, SW_SO_DEBUG), 1);
    assert_int_equal(get_int(&w, 0, s, SW_SOL_SOCKET, SW_SO_PRIORITY), million);
    assert_int_equal(get_int(&w, 0, s, SW_SOL_SOCKET, SW_SO_RCVBUF), 2 * million);
    assert_int_equal(get_int(&w, 0, s, SW_SOL_SOCKET, SW_SO_SNDBUF), 2 * million);
    assert_int_equal(set_int(&w, 0, s, SW_SOL_SOCKET, SW_SO_DEBUG, 0), 0); /* off is for all */
    assert_int_equal(get_int(&w, 0, s, SW_SOL_SOCKET, SW_SO_DEBUG), 0);
    sw_setsockopt_admin(h, s, SW_SOL_SOCKET, SW_SO_RCVBUFFORCE, &minus, sizeof(minus));
    assert_int_equal(get_int(&w, 0, s, SW_SOL_SOCKET, SW_SO_RCVBUF), 2304);
    world_fini(&w);
}

static void test_lengths(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    sw_socket_t s = stream(&w, 0, SW_AF_INET);
    int v = 1;
    uint8_t byte = 9;
    size_t len = 2;
    struct sw_host *h = w.host[0];
    assert_int_equal(sw_setsockopt(h, s, SW_SOL_SOCKET, SW_SO_REUSEADDR, &v, 3), -EINVAL);
    assert_int_equal(sw_setsockopt(h, s, SW_SOL_TCP, SW_TCP_NODELAY, &v, 1), -EINVAL);
    assert_int_equal(sw_setsockopt(h, s, SW_SOL_IP, SW_IP_TTL, &byte, 1), 0);
    v = 0;
    assert_int_equal(sw_getsockopt(h, s, SW_SOL_IP, SW_IP_TTL, &v, &len), 0);
    assert_int_equal(len, 1);
    assert_int_equal(v, 9);
    len = 2;
    v = -1;
    assert_int_equal(sw_getsockopt(h, s, SW_SOL_SOCKET, SW_SO_TYPE, &v, &len), 0);
    assert_int_equal(len, 2);
    assert_int_equal(v & 0xffff, 1);
    len = 0;
    assert_int_equal(sw_getsockopt(h, s, SW_SOL_SOCKET, SW_SO_TYPE, NULL, &len), 0);
    assert_int_equal(sw_setsockopt(h, s, SW_SOL_SOCKET, SW_SO_BINDTODEVICE, NULL, 0), 0);
    assert_int_equal(sw_setsockopt(h, s, SW_SOL_SOCKET, SW_SO_REUSEADDR, NULL, 0), -EINVAL);
    world_fini(&w);
}

static void test_structs(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    sw_socket_t s = stream(&w, 0, SW_AF_INET);
    struct sw_host *h = w.host[0];
    int linger[2] = {5, 7}, got[2];
    int64_t tv[2] = {2, 250000}, got_tv[2];
    size_t len = sizeof(got);
    assert_int_equal(sw_setsockopt(h, s, SW_SOL_SOCKET, SW_SO_LINGER, linger, 4), -EINVAL);
    assert_int_equal(sw_setsockopt(h, s, SW_SOL_SOCKET, SW_SO_LINGER, linger, 8), 0);
    assert_int_equal(sw_getsockopt(h, s, SW_SOL_SOCKET, SW_SO_LINGER, got, &len), 0);
    assert_int_equal(got[0], 1);
    assert_int_equal(got[1], 7);
    for (int name = SW_SO_RCVTIMEO; name <= SW_SO_SNDTIMEO; name++) {
        len = sizeof(got_tv);
        assert_int_equal(sw_setsockopt(h, s, SW_SOL_SOCKET, name, tv, 8), -EINVAL);
        assert_int_equal(sw_setsockopt(h, s, SW_SOL_SOCKET, name, tv, 16), 0);
        assert_int_equal(sw_getsockopt(h, s, SW_SOL_SOCKET, name, got_tv, &len), 0);
        assert_memory_equal(tv, got_tv, sizeof(tv));
        const int64_t bad[2] = {0, 1000000};
        assert_int_equal(sw_setsockopt(h, s, SW_SOL_SOCKET, name, bad, 16), -EDOM);
    }
    char name[16];
    len = sizeof(name);
    assert_int_equal(sw_setsockopt(h, s, SW_SOL_SOCKET, SW_SO_BINDTODEVICE, "none", 5), -ENODEV);
    assert_int_equal(sw_setsockopt(h, s, SW_SOL_SOCKET, SW_SO_BINDTODEVICE, "eth0", 5), 0);
    assert_int_equal(sw_getsockopt(h, s, SW_SOL_SOCKET, SW_SO_BINDTODEVICE, name, &len), 0);
    assert_int_equal(len, 5);
    assert_string_equal(name, "eth0");
    assert_int_equal(sw_setsockopt(h, s, SW_SOL_SOCKET, SW_SO_BINDTODEVICE, "", 0), -EPERM);
    len = sizeof(name);
    assert_int_equal(sw_setsockopt(h, s, SW_SOL_TCP, SW_TCP_CONGESTION, "none", 4), -ENOENT);
    assert_int_equal(sw_getsockopt(h, s, SW_SOL_TCP, SW_TCP_CONGESTION, name, &len), 0);
    assert_int_equal(len, 16);
    assert_string_equal(name, "cubic");
    assert_int_equal(sw_setsockopt(h, s, SW_SOL_TCP, SW_TCP_CONGESTION, "reno", 4), 0);
    assert_int_equal(sw_getsockopt(h, s, SW_SOL_TCP, SW_TCP_CONGESTION, name, &len), 0);
    assert_string_equal(name, "reno");
    assert_int_equal(sw_setsockopt(h, s, SW_SOL_TCP, SW_TCP_CONGESTION, "cubic", 5), 0);
    len = sizeof(name);
    assert_int_equal(sw_getsockopt(h, s, SW_SOL_TCP, SW_TCP_CC_INFO, name, &len), 0);
    assert_int_equal(len, 0); /* CUBIC tells nothing of itself */
    uint32_t meminfo[9], room = 0;
    len = sizeof(room);
    assert_int_equal(sw_getsockopt(h, s, SW_SOL_SOCKET, SW_SO_RCVBUF, &room, &len), 0);
    len = sizeof(meminfo);
    assert_int_equal(sw_getsockopt(h, s, SW_SOL_SOCKET, SW_SO_MEMINFO, meminfo, &len), 0);
    assert_int_equal(len, sizeof(meminfo));
    assert_int_equal(meminfo[1], room);
    world_fini(&w);
}

static void expect_congestion(struct sw_host *h, sw_socket_t s, const char *expect)
{
    char name[16];
    size_t len = sizeof(name);
    assert_int_equal(sw_getsockopt(h, s, SW_SOL_TCP, SW_TCP_CONGESTION, name, &len), 0);
    assert_string_equal(name, expect);
}

/* The host's setting is for what begins after it; a listener's choice is its children's. */
static void test_congestion(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_host *h = w.host[0];
    sw_socket_t before = stream(&w, 0, SW_AF_INET);
    assert_int_equal(sw_host_set(h, "tcp_congestion_control", "nonsense"), -EINVAL);
    assert_int_equal(sw_host_set(h, "tcp_congestion_control", "ren"), -EINVAL);
    assert_int_equal(sw_host_set(h, "tcp_available_congestion_control", "reno cubic"), 0);
    assert_int_equal(sw_host_set(h, "tcp_available_congestion_control", "reno none"), -EINVAL);
    assert_int_equal(sw_host_set(h, "tcp_congestion_control", "reno"), 0);
    sw_socket_t after = stream(&w, 0, SW_AF_INET);
    expect_congestion(h, before, "cubic");
    expect_congestion(h, after, "reno");
    assert_int_equal(sw_setsockopt(h, after, SW_SOL_TCP, SW_TCP_CONGESTION, "cubic\0no", 8), 0);
    expect_congestion(h, after, "cubic");
    assert_int_equal(sw_setsockopt(h, after, SW_SOL_TCP, SW_TCP_CONGESTION, "", 0), -EINVAL);
    assert_int_equal(sw_setsockopt(h, after, SW_SOL_TCP, SW_TCP_CONGESTION, "reno!", 5), -ENOENT);

    sw_socket_t l = listener(&w, 1, SW_AF_INET, at("10.0.0.2", 80), 5), s;
    assert_int_equal(sw_setsockopt(w.host[1], l, SW_SOL_TCP, SW_TCP_CONGESTION, "reno", 5), 0);
    sw_socket_t c = stream(&w, 0, SW_AF_INET);
    struct sw_addr to = at("10.0.0.2", 80);
    sw_connect(h, c, &to);
    world_settle(&w);
    assert_int_equal(sw_accept(w.host[1], l, &s, NULL), 0);
    expect_congestion(w.host[1], s, "reno");
    world_fini(&w);
}

/* When the SYN-ACK passes, the client's packets begin to say 254. */
static bool lower_ttl(struct world *w, int from, struct sw_packet *pkt)
{
    (void)pkt;
    if (from == 1) {
        struct ttl_of {
            sw_socket_t s;
            int level, name;
        } *of = w->ctx;
        assert_int_equal(set_int(w, 0, of->s, of->level, of->name, 254), 0);
    }
    return false;
}

/* The ACK that ends the handshake is judged like all others. */
static void test_min_ttl_handshake(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct sw_addr to = at("10.0.0.2", 80);
    sw_socket_t l = listener(&w, 1, SW_AF_INET, to, 5), c = stream(&w, 0, SW_AF_INET), s;
    struct {
        sw_socket_t s;
        int level, name;
    } of = {c, SW_SOL_IP, SW_IP_TTL};
    assert_int_equal(set_int(&w, 1, l, SW_SOL_IP, SW_IP_MINTTL, 255), 0);
    assert_int_equal(set_int(&w, 0, c, SW_SOL_IP, SW_IP_TTL, 255), 0);
    w.lose = lower_ttl;
    w.ctx = &of;
    assert_int_equal(sw_connect(w.host[0], c, &to), -EINPROGRESS);
    world_settle(&w);
    w.lose = NULL;
    assert_int_equal(sw_connect(w.host[0], c, &to), 0);
    assert_int_equal(sw_host_drops(w.host[1], SW_DROP_TCP_MIN_TTL), 1);
    assert_int_equal(sw_accept(w.host[1], l, &s, NULL), -EAGAIN);
    assert_int_equal(set_int(&w, 0, c, SW_SOL_IP, SW_IP_TTL, 255), 0);
    assert_int_equal(sw_send(w.host[0], c, "x", 1, 0, NULL), 1);
    world_settle(&w);
    assert_int_equal(sw_accept(w.host[1], l, &s, NULL), 0);
    world_fini(&w);
}

/* IP_MINTTL of a listener and of a connection; IPV6_MINHOPCOUNT likewise. */
static void test_min_ttl(void **state)
{
    (void)state;
    for (int v6 = 0; v6 < 2; v6++) {
        struct world w;
        world_init(&w);
        int level = v6 ? SW_SOL_IPV6 : SW_SOL_IP, domain = v6 ? SW_AF_INET6 : SW_AF_INET;
        int least = v6 ? SW_IPV6_MINHOPCOUNT : SW_IP_MINTTL;
        int ttl = v6 ? SW_IPV6_UNICAST_HOPS : SW_IP_TTL;
        struct sw_addr to = at(v6 ? "fd00::2" : "10.0.0.2", 80);
        sw_socket_t l = listener(&w, 1, domain, to, 5), c = stream(&w, 0, domain), s;
        assert_int_equal(set_int(&w, 1, l, level, least, 255), 0);
        assert_int_equal(sw_connect(w.host[0], c, &to), -EINPROGRESS);
        world_settle(&w);
        assert_int_equal(sw_connect(w.host[0], c, &to), -EALREADY);
        assert_int_equal(sw_host_drops(w.host[1], SW_DROP_TCP_MIN_TTL), 1);
        assert_int_equal(set_int(&w, 0, c, level, ttl, 255), 0);
        world_run(&w, 2 * S);
        assert_int_equal(sw_connect(w.host[0], c, &to), 0);
        assert_int_equal(sw_accept(w.host[1], l, &s, NULL), 0);
        assert_int_equal(set_int(&w, 0, c, level, ttl, 254), 0);
        assert_int_equal(sw_send(w.host[0], c, "x", 1, 0, NULL), 1);
        world_settle(&w);
        assert_int_equal(sw_poll(w.host[1], s), SW_EV_OUT);
        assert_int_equal(sw_host_drops(w.host[1], SW_DROP_TCP_MIN_TTL), 2);
        world_fini(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults), cmocka_unit_test(test_congestion),
        cmocka_unit_test(test_changes),  cmocka_unit_test(test_admin),
        cmocka_unit_test(test_lengths),  cmocka_unit_test(test_structs),
        cmocka_unit_test(test_min_ttl),  cmocka_unit_test(test_min_ttl_handshake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
