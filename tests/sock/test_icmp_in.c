/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which socket hears of an ICMP error, and of which: hard ones if it has a peer, all if it asked
 * (IP_RECVERR); a connection attempt ends by hard ones only; forged ones reach nobody.
 */
#include "sock/router.h"

struct errors {
    uint8_t type, code;
    int err;
    bool hard;
};

/* Linux's icmp_err_convert[], and the rest of udp_err(). */
static const struct errors errors[] = {
    {SW_ICMP_UNREACH, SW_ICMP_UNREACH_NET, ENETUNREACH, false},
    {SW_ICMP_UNREACH, SW_ICMP_UNREACH_HOST, EHOSTUNREACH, false},
    {SW_ICMP_UNREACH, SW_ICMP_UNREACH_PROTO, ENOPROTOOPT, true},
    {SW_ICMP_UNREACH, SW_ICMP_UNREACH_PORT, ECONNREFUSED, true},
    {SW_ICMP_UNREACH, 9, ENETUNREACH, true},
    {SW_ICMP_UNREACH, 13, EHOSTUNREACH, true},
    {SW_ICMP_TIME_EXCEEDED, 0, EHOSTUNREACH, false},
};

static void test_datagram(void **state)
{
    (void)state;
    struct world w;
    struct router router;
    world_init_router(&w, &router);
    struct sw_addr to = at("10.0.0.2", 9);
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        for (int connected = 0; connected < 2; connected++) {
            for (int all = 0; all < 2; all++) {
                sw_socket_t u = dgram(&w, 0, SW_AF_INET);
                if (all)
                    set_int(&w, 0, u, SW_SOL_IP, SW_IP_RECVERR, 1);
                if (connected)
                    assert_int_equal(sw_connect(w.host[0], u, &to), 0);
                assert_int_equal(sw_send(w.host[0], u, "x", 1, 0, &to), 1);
                world_settle(&w);
                router_complains(&w, errors[i].type, errors[i].code);
                bool told = all || (connected && errors[i].hard);
                int got = sw_take_error(w.host[0], u);
                if (got != (told ? errors[i].err : 0))
                    fail_msg("type %d code %d connected %d IP_RECVERR %d: %d", errors[i].type,
                             errors[i].code, connected, all, got);
                assert_int_equal(sw_close(w.host[0], u), 0);
            }
        }
    }
    world_fini(&w);
}

static void test_connect(void **state)
{
    (void)state;
    struct world w;
    struct router router;
    world_init_router(&w, &router);
    struct sw_addr to = at("10.0.0.2", 9);
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        sw_socket_t s = stream(&w, 0, SW_AF_INET);
        assert_int_equal(sw_connect(w.host[0], s, &to), -EINPROGRESS);
        world_settle(&w);
        router_complains(&w, errors[i].type, errors[i].code);
        int r = sw_connect(w.host[0], s, &to);
        if (errors[i].hard) {
            assert_int_equal(r, -errors[i].err);
        } else { /* remembered, and told if nothing better comes in time */
            assert_int_equal(r, -EALREADY);
            world_run(&w, 140 * S);
            assert_int_equal(sw_connect(w.host[0], s, &to), -errors[i].err);
        }
        assert_int_equal(sw_close(w.host[0], s), 0);
    }
    world_fini(&w);
}

/* A quote that fits no socket, or a sequence number that is not in flight (RFC 5927 4.1). */
static void test_forged(void **state)
{
    (void)state;
    struct world w;
    struct router router;
    world_init_router(&w, &router);
    struct sw_addr to = at("10.0.0.2", 9);
    sw_socket_t s = stream(&w, 0, SW_AF_INET);
    assert_int_equal(sw_connect(w.host[0], s, &to), -EINPROGRESS);
    world_settle(&w);
    router.quote[SW_IP4_HDR + 5] ^= 0x40; /* in the sequence number */
    router_complains(&w, SW_ICMP_UNREACH, SW_ICMP_UNREACH_PORT);
    assert_int_equal(sw_connect(w.host[0], s, &to), -EALREADY);
    router.quote[SW_IP4_HDR + 5] ^= 0x40;
    router.quote[SW_IP4_HDR] ^= 0x40; /* in the source port */
    router_complains(&w, SW_ICMP_UNREACH, SW_ICMP_UNREACH_PORT);
    assert_int_equal(sw_connect(w.host[0], s, &to), -EALREADY);
    assert_true(sw_host_drops(w.host[0], SW_DROP_ICMP_QUOTE) >= 1);
    router.quote[SW_IP4_HDR] ^= 0x40;
    router_complains(&w, SW_ICMP_UNREACH, SW_ICMP_UNREACH_PORT);
    assert_int_equal(sw_connect(w.host[0], s, &to), -ECONNREFUSED);
    world_fini(&w);
}

/* "Fragmentation needed" about a datagram, by IP_MTU_DISCOVER: whether the path is believed to be
 * smaller, whether a connected socket is told, and what the next datagram of 1,200 bytes does. */
static void test_too_big(void **state)
{
    (void)state;
    static const struct {
        int discover;
        bool believed;
        int err, next;
    } rows[] = {
        {SW_PMTUDISC_DONT, true, 0, 1200},
        {SW_PMTUDISC_WANT, true, EMSGSIZE, 1200},
        {SW_PMTUDISC_DO, true, EMSGSIZE, -EMSGSIZE},
        {SW_PMTUDISC_PROBE, true, EMSGSIZE, 1200},
        {SW_PMTUDISC_INTERFACE, false, EMSGSIZE, 1200},
        {SW_PMTUDISC_OMIT, false, EMSGSIZE, 1200},
    };
    static char bytes[1300];
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct world w;
        struct sw_addr to = at("10.0.0.2", 9);
        struct router r;
        world_init_router(&w, &r);
        sw_socket_t s = dgram(&w, 0, SW_AF_INET), other = dgram(&w, 0, SW_AF_INET);
        set_int(&w, 0, s, SW_SOL_IP, SW_IP_MTU_DISCOVER, rows[i].discover);
        assert_int_equal(sw_connect(w.host[0], s, &to), 0);
        assert_int_equal(sw_connect(w.host[0], other, &to), 0);
        assert_int_equal(get_int(&w, 0, s, SW_SOL_IP, SW_IP_MTU), 1500);
        assert_int_equal(sw_send(w.host[0], s, bytes, 1200, 0, NULL), 1200);
        world_settle(&w);
        r.quote[SW_IP4_HDR] ^= 0x40; /* not from this port: nobody believes it */
        router_complains_of(&w, SW_ICMP_UNREACH, SW_ICMP_UNREACH_FRAG, 1000);
        assert_int_equal(get_int(&w, 0, s, SW_SOL_IP, SW_IP_MTU), 1500);
        r.quote[SW_IP4_HDR] ^= 0x40;
        router_complains_of(&w, SW_ICMP_UNREACH, SW_ICMP_UNREACH_FRAG, 1000);
        assert_int_equal(sw_take_error(w.host[0], s), rows[i].err);
        assert_int_equal(sw_take_error(w.host[0], other), 0);
        assert_int_equal(get_int(&w, 0, s, SW_SOL_IP, SW_IP_MTU), rows[i].believed ? 1000 : 1500);
        assert_int_equal(get_int(&w, 0, other, SW_SOL_IP, SW_IP_MTU),
                         rows[i].believed ? 1000 : 1500);
        assert_int_equal(sw_send(w.host[0], s, bytes, 1200, 0, NULL), rows[i].next);
        world_settle(&w);
        world_fini(&w);
    }
}

/* A datagram that this host itself refuses: in the error queue if asked for, with the MTU, from
 * nobody (Linux's ip_local_error()). */
static void test_too_big_here(void **state)
{
    (void)state;
    struct world w;
    struct sw_addr to = at("10.0.0.2", 9);
    struct sw_socket_error e;
    static char bytes[2000];
    world_init(&w);
    sw_socket_t s = dgram(&w, 0, SW_AF_INET);
    set_int(&w, 0, s, SW_SOL_IP, SW_IP_MTU_DISCOVER, SW_PMTUDISC_DO);
    assert_int_equal(sw_send(w.host[0], s, bytes, 2000, 0, &to), -EMSGSIZE);
    assert_int_equal(sw_recv_error(w.host[0], s, bytes, 100, &e), -EAGAIN);
    set_int(&w, 0, s, SW_SOL_IP, SW_IP_RECVERR, 1);
    assert_int_equal(sw_send(w.host[0], s, bytes, 2000, 0, &to), -EMSGSIZE);
    assert_int_equal(sw_poll(w.host[0], s), SW_EV_OUT | SW_EV_ERR);
    assert_int_equal(sw_recv_error(w.host[0], s, bytes, 100, &e), 0);
    assert_int_equal(e.err, EMSGSIZE);
    assert_int_equal(e.origin, SW_ORIGIN_LOCAL);
    assert_int_equal(e.info, 1500);
    assert_true(sw_ip_eq(&e.to.ip, &to.ip) && e.to.port == 9);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_datagram),     cmocka_unit_test(test_connect),
        cmocka_unit_test(test_forged),       cmocka_unit_test(test_too_big),
        cmocka_unit_test(test_too_big_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
