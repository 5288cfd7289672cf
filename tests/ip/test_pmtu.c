/* SPDX-License-Identifier: BSD-2-Clause */
/* What is known of paths: RFC 1191, RFC 8201, Linux's minimum and lock, a bound on the memory. */
#include "ip/fixture.h"

#define MINUTE_NS 60000000000ULL

static struct sw_ip_path path_to(struct fixture *f, const char *dst)
{
    struct sw_ip to = addr(dst);
    struct sw_ip_path path;
    assert_int_equal(sw_ip_path(&f->ip, &to, NULL, &path), 0);
    return path;
}

static void learn(struct fixture *f, const char *dst, uint32_t mtu)
{
    struct sw_ip to = addr(dst);
    sw_ip_pmtu_learn(&f->ip, &to, mtu);
}

/* Each destination has its own, for ten minutes; the link's MTU stays known. */
static void test_one_destination(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    const char *const far[] = {"8.8.8.8", "2001:4860::8"}, *const other[] = {"8.8.4.4",
                                                                             "2001:4860::4"};
    for (int v6 = 0; v6 < 2; v6++) {
        uint32_t changes = f.ip.path_changes;
        learn(&f, far[v6], 1400);
        assert_int_equal(f.ip.path_changes, changes + 1);
        assert_int_equal(path_to(&f, far[v6]).mtu, 1400);
        assert_int_equal(path_to(&f, far[v6]).link_mtu, 1500);
        assert_false(path_to(&f, far[v6]).mtu_locked);
        assert_int_equal(path_to(&f, other[v6]).mtu, 1500);
        learn(&f, far[v6], 1450); /* only ever lowers it */
        learn(&f, far[v6], 9000);
        assert_int_equal(path_to(&f, far[v6]).mtu, 1400);
        assert_int_equal(f.ip.path_changes, changes + 1);
        learn(&f, far[v6], 1300);
        assert_int_equal(path_to(&f, far[v6]).mtu, 1300);
        f.env.now_ns += 10 * MINUTE_NS - 1;
        assert_int_equal(path_to(&f, far[v6]).mtu, 1300);
        f.env.now_ns += 1;
        changes = f.ip.path_changes;
        assert_int_equal(path_to(&f, far[v6]).mtu, 1500);
        assert_int_equal(f.ip.path_changes, changes + 1); /* whoever counted on it looks anew */
        assert_null(f.ip.pmtus);
    }
    learn(&f, "8.8.8.8", 1400); /* told again, it holds longer */
    f.env.now_ns += 6 * MINUTE_NS;
    learn(&f, "8.8.8.8", 1400);
    learn(&f, "8.8.4.4", 1400);
    f.env.now_ns += 6 * MINUTE_NS;
    assert_int_equal(path_to(&f, "8.8.8.8").mtu, 1400);
    fixture_fini(&f);
}

/* An entry whose time is over, while others live. */
static void test_expiry_of_one(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    learn(&f, "8.8.8.8", 1400);
    f.env.now_ns += 5 * MINUTE_NS;
    learn(&f, "8.8.4.4", 1300);
    f.env.now_ns += 5 * MINUTE_NS;
    uint32_t changes = f.ip.path_changes;
    assert_int_equal(path_to(&f, "8.8.8.8").mtu, 1500);
    assert_int_equal(f.ip.path_changes, changes + 1);
    assert_int_equal(path_to(&f, "8.8.4.4").mtu, 1300);
    fixture_fini(&f);
}

/* Not what cannot be, nor about this host itself, nor where the route says otherwise. */
static void test_not_believed(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    learn(&f, "2001:4860::8", 1279);
    assert_int_equal(path_to(&f, "2001:4860::8").mtu, 1500);
    learn(&f, "10.0.0.1", 600);
    learn(&f, "::1", 1300);
    learn(&f, "0.0.0.0", 600);
    assert_null(f.ip.pmtus);
    struct sw_ip any4 = SW_IP4_ANY;
    const struct sw_route_metrics locked = {.mtu = 1000, .mtu_lock = true};
    assert_int_equal(sw_ip_set_route_metrics(&f.ip, &any4, 0, &locked), 0);
    assert_int_equal(path_to(&f, "8.8.8.8").mtu, 1000);
    learn(&f, "8.8.8.8", 700);
    assert_int_equal(path_to(&f, "8.8.8.8").mtu, 1000);
    fixture_fini(&f);
}

static int send_one(struct fixture *f, const struct sw_ip_tx *how, uint32_t len)
{
    struct sw_packet *pkt = sw_packet_new(f->env.mem, SW_IP_HEADROOM);
    struct sw_chunk *chunk = sw_chunk_new(f->env.mem, len);
    struct sw_ip_tx tx = *how;
    memset(chunk->data, 0, len);
    chunk->fill = len;
    assert_int_equal(sw_packet_add_slice(pkt, (struct sw_slice){chunk, 0, len}), 0);
    sw_chunk_put(chunk);
    if (sw_ip_is_any(&how->dst))
        tx.dst = addr("8.8.8.8");
    tx.src = addr("10.0.0.1");
    tx.proto = SW_PROTO_UDP;
    sw_udp_push_hdr(pkt, 1, 2, &tx.src, &tx.dst);
    return sw_ip_output(&f->ip, pkt, &tx);
}

/* How many packets left, and whether all of them had DF. */
static unsigned left(struct fixture *f, bool *ret_df)
{
    unsigned n = 0;
    *ret_df = true;
    for (struct sw_packet *pkt; (pkt = sent(f, ETH)) != NULL; n++) {
        uint8_t hdr[20];
        assert_int_equal(sw_packet_copy(pkt, 0, hdr, sizeof(hdr)), sizeof(hdr));
        *ret_df = *ret_df && (hdr[6] & 0x40);
        sw_packet_free(pkt);
    }
    return n;
}

/* A smaller MTU than Linux's min_pmtu is taken for that, and DF goes: else nothing would get
 * through a path that does carry less. */
static void test_minimum(void **state)
{
    (void)state;
    struct fixture f;
    bool df;
    fixture_init(&f);
    const struct sw_ip_tx want = {.want_df = true}, tcp = {.want_df = true, .dont_fragment = true},
                          must = {.dont_fragment = true};
    learn(&f, "8.8.8.8", 552);
    assert_false(path_to(&f, "8.8.8.8").mtu_locked);
    assert_int_equal(send_one(&f, &want, 500), 0);
    assert_true(left(&f, &df) == 1 && df);
    learn(&f, "8.8.8.8", 300);
    assert_int_equal(path_to(&f, "8.8.8.8").mtu, 552);
    assert_true(path_to(&f, "8.8.8.8").mtu_locked);
    assert_int_equal(send_one(&f, &want, 500), 0);
    assert_true(left(&f, &df) == 1 && !df);
    assert_int_equal(send_one(&f, &tcp, 500), 0);
    assert_true(left(&f, &df) == 1 && !df);
    assert_int_equal(send_one(&f, &must, 500), 0);
    assert_true(left(&f, &df) == 1 && df);
    assert_int_equal(send_one(&f, &tcp, 600), -EMSGSIZE);
    learn(&f, "8.8.8.8", 540); /* locked it stays, and as it is */
    assert_int_equal(path_to(&f, "8.8.8.8").mtu, 552);
    fixture_fini(&f);
}

/* The rows of ip(7) under IP_MTU_DISCOVER, on a path of 1,000 bytes behind a link of 1,500. */
static void test_sending(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct sw_ip_tx tx;
        unsigned small, middle,
            big; /* packets of 900, 1,400 and 2,000 bytes become so many; 0: no */
        bool df;
    } rows[] = {
        {"DONT", {.want_df = false}, 1, 2, 3, false},
        {"WANT", {.want_df = true}, 1, 2, 3, true},
        {"DO", {.dont_fragment = true}, 1, 0, 0, true},
        {"PROBE", {.dont_fragment = true, .ignore_pmtu = true}, 1, 1, 0, true},
        {"INTERFACE",
         {.dont_fragment = true, .ignore_pmtu = true, .clear_df = true},
         1,
         1,
         0,
         false},
        {"OMIT", {.ignore_pmtu = true}, 1, 1, 2, false},
    };
    struct fixture f;
    fixture_init(&f);
    learn(&f, "8.8.8.8", 1000);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const unsigned lens[] = {900, 1400, 2000};
        const unsigned counts[] = {rows[i].small, rows[i].middle, rows[i].big};
        for (unsigned j = 0; j < 3; j++) {
            bool df;
            int r = send_one(&f, &rows[i].tx, lens[j]);
            unsigned n = left(&f, &df);
            if (r != (counts[j] ? 0 : -EMSGSIZE) || n != counts[j] ||
                (n == 1 && df != rows[i].df) || (n > 1 && df))
                fail_msg("%s of %u: %d, %u packets, df %d", rows[i].name, lens[j], r, n, df);
        }
    }
    fixture_fini(&f);
}

/* However many destinations are told of, the memory is what it was after the first. */
static void test_bounded(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    learn(&f, "8.8.8.8", 1400);
    size_t used = sw_mem_used(f.env.mem);
    unsigned known = 0;
    for (uint32_t i = 0; i < 20000; i++) {
        struct sw_ip to = SW_IP4(9, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i);
        f.env.now_ns++;
        sw_ip_pmtu_learn(&f.ip, &to, 1400);
        assert_int_equal(sw_mem_used(f.env.mem), used);
    }
    for (uint32_t i = 0; i < 20000; i++) {
        struct sw_ip to = SW_IP4(9, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i);
        struct sw_ip_path path;
        assert_int_equal(sw_ip_path(&f.ip, &to, NULL, &path), 0);
        known += path.mtu == 1400;
        if (i == 19999)
            assert_int_equal(path.mtu, 1400); /* the newest is never the victim */
    }
    assert_in_range(known, 900, 1024);
    fixture_fini(&f);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct sw_mem *all = f.env.mem;
    struct failing fail = {.left = 1};
    const struct sw_alloc alloc = {.ctx = &fail, .alloc = failing_alloc, .free = failing_free};
    f.env.mem = sw_mem_new(&alloc, 0);
    learn(&f, "8.8.8.8", 1400);
    assert_int_equal(path_to(&f, "8.8.8.8").mtu, 1500);
    assert_null(f.ip.pmtus);
    sw_mem_put(f.env.mem);
    f.env.mem = all;
    fixture_fini(&f);
}

static void test_route_metrics(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct sw_ip net = addr("9.9.0.0"), any6 = SW_IP6_ANY;
    const struct sw_route_metrics m = {.mtu = 1200, .advmss = 600, .initcwnd = 4};
    assert_int_equal(sw_ip_set_route_metrics(&f.ip, &net, 16, &m), -ESRCH);
    assert_int_equal(sw_ip_add_route(&f.ip, &net, 16, ETH, NULL), 0);
    uint32_t changes = f.ip.path_changes;
    assert_int_equal(sw_ip_set_route_metrics(&f.ip, &net, 16, &m), 0);
    assert_true(f.ip.path_changes != changes);
    struct sw_ip_path path = path_to(&f, "9.9.1.1");
    assert_int_equal(path.mtu, 1200);
    assert_int_equal(path.link_mtu, 1500);
    assert_int_equal(path.advmss, 600);
    assert_int_equal(path.initcwnd, 4);
    assert_int_equal(path_to(&f, "9.8.1.1").mtu, 1500);
    assert_int_equal(path_to(&f, "9.8.1.1").initcwnd, 0);
    assert_int_equal(sw_ip_set_route_metrics(&f.ip, &net, 33, &m), -EINVAL);
    assert_int_equal(
        sw_ip_set_route_metrics(&f.ip, &net, 16, &(struct sw_route_metrics){.mtu = 67}), -EINVAL);
    assert_int_equal(
        sw_ip_set_route_metrics(&f.ip, &any6, 0, &(struct sw_route_metrics){.mtu = 107}), -EINVAL);
    assert_int_equal(
        sw_ip_set_route_metrics(&f.ip, &net, 16, &(struct sw_route_metrics){.mtu = 9000}), 0);
    assert_int_equal(path_to(&f, "9.9.1.1").mtu,
                     9000); /* as Linux; but the link has the last word */
    struct sw_ip far = addr("9.9.1.1");
    const struct sw_ip_tx tcp = {.want_df = true, .dont_fragment = true, .dst = far};
    assert_int_equal(send_one(&f, &tcp, 1500), -EMSGSIZE);
    changes = f.ip.path_changes;
    assert_int_equal(sw_ip_set_mtu(&f.ip, ETH, 1280, 0), 0);
    assert_true(f.ip.path_changes != changes);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_destination), cmocka_unit_test(test_expiry_of_one),
        cmocka_unit_test(test_not_believed),    cmocka_unit_test(test_minimum),
        cmocka_unit_test(test_sending),         cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_no_memory),       cmocka_unit_test(test_route_metrics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
