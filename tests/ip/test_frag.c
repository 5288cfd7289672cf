/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reassembly against a model: random cuts, orders, duplicates, overlaps and losses, by seed. The
 * model knows only ranges; it says for each fragment whether it is kept, why it is dropped, or
 * whether the datagram is whole. Then the limits: time, memory, sources, sizes.
 */
#include "ip/fixture.h"

#include "base/list.h"

static struct made fragment_of(bool v6, uint32_t id, uint32_t off, bool more)
{
    struct made m = {.src = addr(v6 ? "2001:4860::8" : "8.8.8.8"),
                     .dst = addr(v6 ? "2001:db8::1" : "10.0.0.1"),
                     .proto = SW_PROTO_UDP,
                     .id = id,
                     .off = off,
                     .more = more,
                     .frag_hdr = v6};
    return m;
}

static struct sw_packet *arrive(struct fixture *f, const struct made *m, const void *data,
                                uint32_t len, struct sw_ip_hdr *ret_hdr)
{
    return sw_ip_input(&f->ip, ETH, make(f, m, data, len), ret_hdr);
}

struct range {
    uint32_t first, end;
    bool more;
};

struct model {
    struct range kept[64];
    unsigned n;
    uint32_t have, total;
    bool poisoned;
};

static enum sw_drop model_add(struct model *model, struct range r, bool *ret_whole)
{
    uint32_t highest = 0;
    *ret_whole = false;
    if (model->poisoned)
        return SW_DROP_FRAG_OVERLAP;
    for (unsigned i = 0; i < model->n; i++) {
        if (model->kept[i].first == r.first && model->kept[i].end == r.end)
            return SW_DROP_FRAG_DUPLICATE;
        if (model->kept[i].end > highest)
            highest = model->kept[i].end;
    }
    for (unsigned i = 0; i < model->n; i++) {
        if (r.first < model->kept[i].end && model->kept[i].first < r.end) {
            model->poisoned = true;
            return SW_DROP_FRAG_OVERLAP;
        }
    }
    if ((model->total && (r.more ? r.end > model->total : r.end != model->total)) ||
        (!r.more && highest > r.end)) {
        model->poisoned = true;
        return SW_DROP_FRAG_MALFORMED;
    }
    model->kept[model->n++] = r;
    model->have += r.end - r.first;
    if (!r.more)
        model->total = r.end;
    *ret_whole = model->total && model->have == model->total;
    if (*ret_whole)
        memset(model, 0, sizeof(*model));
    return SW_DROP_NONE;
}

/* A datagram of `len` bytes cut at random, plus duplicates and lies, shuffled. */
static unsigned script(struct sw_rng *rng, uint32_t len, struct range *to, unsigned max)
{
    unsigned n = 0;
    for (uint32_t at = 0; at < len && n < max / 2;) {
        uint32_t size = at == 0 ? 24 + 8 * sw_rng_below(rng, 20) : 8 * (1 + sw_rng_below(rng, 25));
        if (n + 1 == max / 2 || at + size >= len)
            size = len - at;
        to[n++] = (struct range){at, at + size, at + size < len};
        at += size;
    }
    unsigned good = n;
    for (unsigned extra = sw_rng_below(rng, 4); extra > 0 && n < max; extra--)
        to[n++] = to[sw_rng_below(rng, good)];
    if (sw_rng_below(rng, 3) == 0) { /* an overlap, or an end that is not one */
        uint32_t first = 8 * sw_rng_below(rng, len / 8 + 4);
        uint32_t end = first + 8 * (3 + sw_rng_below(rng, 9));
        to[n++] = (struct range){first, end, first == 0 || sw_rng_below(rng, 4) != 0};
    }
    if (sw_rng_below(rng, 3) != 0) {
        for (unsigned i = n - 1; i > 0; i--) {
            unsigned j = sw_rng_below(rng, i + 1);
            struct range swap = to[i];
            to[i] = to[j];
            to[j] = swap;
        }
    }
    return n;
}

static void run_seed(uint64_t seed)
{
    static uint8_t data[8192], got[8192];
    struct fixture f;
    struct sw_rng rng;
    uint8_t key[16] = {0};
    memcpy(key, &seed, sizeof(seed));
    sw_rng_init(&rng, key);
    fixture_init(&f);
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 31 + seed);

    bool v6 = seed & 1;
    uint32_t len = 200 + sw_rng_below(&rng, 4000); /* more than one fragment */
    struct range ranges[64];
    unsigned n = script(&rng, len, ranges, 60);
    struct model model = {.n = 0};
    for (unsigned i = 0; i < n; i++) {
        struct range r = ranges[i];
        struct made m = fragment_of(v6, 0x1234, r.first, r.more);
        uint64_t before[SW_DROP_COUNT];
        struct sw_ip_hdr hdr;
        char what[64];
        bool whole, was_poisoned = model.poisoned;
        unsigned kept = model.n;
        enum sw_drop why = model_add(&model, r, &whole);
        memcpy(before, f.env.drops, sizeof(before));
        struct sw_packet *pkt = arrive(&f, &m, data + r.first, r.end - r.first, &hdr);
        if (!was_poisoned && model.poisoned) /* what was kept goes with it */
            before[why] += kept;
        snprintf(what, sizeof(what), "seed %llu, fragment %u", (unsigned long long)seed, i);
        assert_dropped(&f, before, why, what);
        if ((pkt != NULL) != whole)
            fail_msg("%s: whole %d, expected %d", what, pkt != NULL, whole);
        if (pkt) {
            uint32_t total = sw_packet_len(pkt);
            assert_int_equal(hdr.payload_len, total);
            assert_int_equal(sw_packet_copy(pkt, 0, got, sizeof(got)), total);
            assert_memory_equal(got, data, total);
            sw_packet_free(pkt);
        }
    }
    fixture_fini(&f);
}

static void test_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3000; seed++)
        run_seed(seed);
}

/* All orders of four fragments. */
static void test_permutations(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    uint8_t data[100];
    static const uint32_t cuts[] = {0, 24, 32, 80, 100};
    unsigned wholes = 0;
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)i;
    for (unsigned code = 0; code < 256; code++) {
        unsigned order[4] = {code & 3, code >> 2 & 3, code >> 4 & 3, code >> 6};
        unsigned seen = 1U << order[0] | 1U << order[1] | 1U << order[2] | 1U << order[3];
        if (seen != 15)
            continue;
        for (unsigned i = 0; i < 4; i++) {
            uint32_t first = cuts[order[i]], end = cuts[order[i] + 1];
            struct made m = fragment_of(false, code, first, end < 100);
            struct sw_ip_hdr hdr;
            struct sw_packet *pkt = arrive(&f, &m, data + first, end - first, &hdr);
            assert_int_equal(pkt != NULL, i == 3);
            if (pkt) {
                uint8_t got[100];
                assert_int_equal(sw_packet_copy(pkt, 0, got, 100), 100);
                assert_memory_equal(got, data, 100);
                wholes++;
            }
            sw_packet_free(pkt);
        }
    }
    assert_int_equal(wholes, 24);
    fixture_fini(&f);
}

static void test_malformed(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    static uint8_t data[2000];
    static const struct {
        uint32_t off, len;
        bool more;
        uint8_t proto;
    } rows[] = {
        {0, 27, true, 17},                              /* not a multiple of eight */
        {8, 0, true, 17},                               /* nothing in it */
        {8, 0, false, 17},       {65528, 8, false, 17}, /* ends beyond 65,535 */
        {64000, 1600, true, 17}, {0, 16, true, 6},      /* tiny: the TCP header is cut (RFC 1858) */
    };
    for (int v6 = 0; v6 < 2; v6++) {
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            uint64_t before[SW_DROP_COUNT];
            struct sw_ip_hdr hdr;
            struct made m = fragment_of(v6, 7, rows[i].off, rows[i].more);
            m.proto = rows[i].proto;
            memcpy(before, f.env.drops, sizeof(before));
            assert_null(arrive(&f, &m, data, rows[i].len, &hdr));
            char what[16];
            snprintf(what, sizeof(what), "row %zu", i);
            assert_dropped(&f, before, SW_DROP_FRAG_MALFORMED, what);
        }
    }
    fixture_fini(&f);
}

/* The largest datagram there is. */
static void test_largest(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    static uint8_t data[65535];
    for (int v6 = 0; v6 < 2; v6++) {
        uint32_t len = v6 ? 65535 : 65515;
        struct sw_packet *pkt = NULL;
        struct sw_ip_hdr hdr;
        for (uint32_t at = 0; at < len; at += 1400) {
            uint32_t n = len - at < 1400 ? len - at : 1400;
            struct made m = fragment_of(v6, 7, at, at + n < len);
            assert_null(pkt);
            pkt = arrive(&f, &m, data + at, n, &hdr);
        }
        assert_non_null(pkt);
        assert_int_equal(sw_packet_len(pkt), len);
        sw_packet_free(pkt);
    }
    fixture_fini(&f);
}

/* Not the same datagram: another identification, protocol, source, destination or version. */
static void test_keys(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    uint8_t data[64] = {0};
    struct sw_ip_hdr hdr;
    struct made first = fragment_of(false, 5, 0, true);
    assert_null(arrive(&f, &first, data, 32, &hdr));
    struct made others[4];
    for (int i = 0; i < 4; i++)
        others[i] = fragment_of(false, 5, 32, false);
    others[0].id = 6;
    others[1].proto = SW_PROTO_ICMP;
    others[2].src = addr("8.8.8.9");
    others[3].dst = addr("192.0.2.1");
    for (int i = 0; i < 4; i++)
        assert_null(arrive(&f, &others[i], data, 32, &hdr));
    struct made last = fragment_of(false, 5, 32, false);
    struct sw_packet *pkt = arrive(&f, &last, data, 32, &hdr);
    assert_non_null(pkt);
    sw_packet_free(pkt);
    fixture_fini(&f);
}

/* The header is the first fragment's, whichever came first. */
static void test_header(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    uint8_t data[64] = {0};
    for (int v6 = 0; v6 < 2; v6++) {
        struct sw_ip_hdr hdr;
        struct made a = fragment_of(v6, 3, 0, true), b = fragment_of(v6, 3, 32, false);
        a.ttl = 11;
        b.ttl = 22;
        assert_null(arrive(&f, &b, data, 32, &hdr));
        struct sw_packet *pkt = arrive(&f, &a, data, 32, &hdr);
        assert_non_null(pkt);
        assert_int_equal(hdr.ttl, 11);
        assert_int_equal(hdr.frag_off, 0);
        assert_false(hdr.more_fragments || hdr.fragment);
        sw_packet_free(pkt);
    }
    fixture_fini(&f);
}

static void test_ecn(void **state)
{
    (void)state;
    static const struct {
        uint8_t a, b;
        int result; /* -1: dropped */
    } rows[] = {{0, 0, 0}, {2, 2, 2}, {2, 3, 3}, {3, 2, 3}, {0, 3, -1}, {3, 0, -1}};
    struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t data[64] = {0};
        struct sw_ip_hdr hdr;
        struct made a = fragment_of(false, (uint32_t)i, 0, true);
        struct made b = fragment_of(false, (uint32_t)i, 32, false);
        a.tos = rows[i].a;
        b.tos = rows[i].b;
        assert_null(arrive(&f, &a, data, 32, &hdr));
        struct sw_packet *pkt = arrive(&f, &b, data, 32, &hdr);
        assert_int_equal(pkt != NULL, rows[i].result >= 0);
        if (pkt)
            assert_int_equal(hdr.tos & 3, rows[i].result);
        sw_packet_free(pkt);
    }
    fixture_fini(&f);
}

static unsigned fire(struct fixture *f, uint64_t now)
{
    unsigned n = 0;
    f->env.now_ns = now;
    for (struct sw_timer *t; (t = sw_wheel_pop(&f->env.wheel, now)) != NULL; n++) {
        assert_int_equal(t->owner, SW_TIMER_FRAG);
        sw_frag_timer(&f->ip, t);
    }
    return n;
}

/* 30 s for IPv4, 60 s for IPv6; the sender hears of it if the first fragment is there to quote. */
static void test_timeout(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    uint8_t data[64] = {0}, bytes[600];
    struct sw_ip_hdr hdr;
    const uint64_t s = 1000000000, start = f.env.now_ns;
    make_udp(data, &SW_IP4_ANY, &SW_IP4_ANY, 7777, 53, NULL, 0);
    struct made first4 = fragment_of(false, 1, 0, true), later4 = fragment_of(false, 2, 32, true);
    struct made first6 = fragment_of(true, 1, 0, true);
    assert_null(arrive(&f, &first4, data, 32, &hdr));
    assert_null(arrive(&f, &later4, data, 32, &hdr));
    assert_null(arrive(&f, &first6, data, 32, &hdr));
    assert_int_equal(fire(&f, start + 30 * s - 1), 0);
    assert_int_equal(fire(&f, start + 30 * s + s / 10), 2);
    assert_int_equal(f.env.drops[SW_DROP_FRAG_TIMEOUT], 2);
    struct sw_packet *pkt = sent(&f, ETH);
    assert_non_null(pkt);
    assert_int_equal(sw_packet_copy(pkt, 0, bytes, sizeof(bytes)), 20 + 8 + 20 + 32);
    assert_int_equal(bytes[20], SW_ICMP_TIME_EXCEEDED);
    assert_int_equal(bytes[21], 1); /* fragment reassembly time exceeded */
    assert_int_equal(get16(bytes + 28 + 4), 1);
    assert_int_equal(get16(bytes + 28 + 6), 0x2000);
    assert_int_equal(get16(bytes + 48), 7777);
    sw_packet_free(pkt);
    assert_null(sent(&f, ETH));
    assert_int_equal(fire(&f, start + 60 * s - 1), 0);
    assert_int_equal(fire(&f, start + 60 * s + s / 10), 1);
    pkt = sent(&f, ETH);
    sw_packet_copy(pkt, 0, bytes, sizeof(bytes));
    assert_int_equal(bytes[40], SW_ICMP6_TIME_EXCEEDED);
    assert_int_equal(bytes[41], 1);
    assert_int_equal(bytes[48 + 6], 44); /* the quote has its fragment header */
    sw_packet_free(pkt);
    assert_null(f.ip.frags && f.env.wheel.armed ? &f : NULL);
    fixture_fini(&f);
}

/* A source that sends junk loses its own oldest, nobody else's; memory stays bounded. */
static void test_source_limit(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    static uint8_t data[1400];
    struct sw_ip_hdr hdr;
    struct made good = fragment_of(false, 1, 0, true);
    good.src = addr("9.9.9.9");
    assert_null(arrive(&f, &good, data, 1400, &hdr));
    for (uint32_t i = 0; i < 5000; i++) {
        struct made junk = fragment_of(false, i, 0, true);
        assert_null(arrive(&f, &junk, data, 1400, &hdr));
        assert_true(sw_mem_used(f.env.mem) < 2 * 1024 * 1024);
    }
    assert_int_equal(f.env.drops[SW_DROP_FRAG_LIMIT], 5000 - 64);
    struct made rest = good, last_junk = fragment_of(false, 4999, 1400, false);
    rest.off = 1400;
    rest.more = false;
    struct sw_packet *pkt = arrive(&f, &rest, data, 100, &hdr);
    assert_non_null(pkt);
    sw_packet_free(pkt);
    pkt = arrive(&f, &last_junk, data, 100, &hdr); /* the youngest are still here */
    assert_non_null(pkt);
    sw_packet_free(pkt);
    fixture_fini(&f);
}

/* Many sources: the oldest of all goes first, and the whole stays under 4 MiB and a little. */
static void test_total_limit(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    static uint8_t data[1400];
    struct sw_ip_hdr hdr;
    for (uint32_t i = 0; i < 10000; i++) {
        struct made junk = fragment_of(false, 1, 0, true);
        junk.src = SW_IP4(8, 1, (uint8_t)(i >> 8), (uint8_t)i);
        if (sw_ip_is4(&junk.src) && junk.src.b[15] == 255)
            continue;
        assert_null(arrive(&f, &junk, data, 1400, &hdr));
        assert_true(sw_mem_used(f.env.mem) < 5 * 1024 * 1024);
    }
    assert_true(f.env.drops[SW_DROP_FRAG_LIMIT] > 5000);
    fixture_fini(&f);
}

/* One datagram in the smallest pieces, worst order: bounded work, bounded memory, dropped by name.
 */
static void test_tiny_pieces(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    uint8_t data[8] = {0};
    struct sw_ip_hdr hdr;
    for (uint32_t i = 8000; i > 1; i--) {
        struct made m = fragment_of(false, 1, i * 8, true);
        assert_null(arrive(&f, &m, data, 8, &hdr));
        assert_true(sw_mem_used(f.env.mem) < 2 * 1024 * 1024);
    }
    assert_true(f.env.drops[SW_DROP_FRAG_LIMIT] > 4000);
    fixture_fini(&f);
}

/* Whatever allocation fails: dropped by name, nothing leaks, and the next datagram is none the
 * worse. */
static void test_no_memory(void **state)
{
    (void)state;
    unsigned failed = 0, worked = 0;
    for (int n = 0; n < 20; n++) {
        struct fixture f;
        fixture_init(&f);
        struct failing fail;
        struct sw_alloc alloc = {failing_alloc, failing_free, &fail};
        struct sw_mem *good = f.env.mem;
        uint8_t data[64] = {0};
        struct sw_ip_hdr hdr;
        struct made a = fragment_of(false, 3, 0, true), b = fragment_of(false, 3, 32, false);
        struct sw_packet *first = make(&f, &a, data, 32), *last = make(&f, &b, data, 32), *whole;
        fail.left = 1000;
        struct sw_mem *pool = f.env.mem = sw_mem_new(&alloc, 0);
        fail.left = n;
        assert_null(sw_ip_input(&f.ip, ETH, first, &hdr));
        whole = sw_ip_input(&f.ip, ETH, last, &hdr);
        worked += whole != NULL;
        failed += whole == NULL;
        if (!whole)
            assert_true(f.env.drops[SW_DROP_NO_MEMORY] > 0);
        sw_packet_free(whole);
        sw_frag_fini(&f.ip);
        assert_int_equal(sw_mem_used(pool), 0);
        sw_mem_put(pool);
        f.env.mem = good;
        fixture_fini(&f);
    }
    assert_true(failed >= 3 && worked >= 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_permutations), cmocka_unit_test(test_model),
        cmocka_unit_test(test_malformed),    cmocka_unit_test(test_largest),
        cmocka_unit_test(test_keys),         cmocka_unit_test(test_ecn),
        cmocka_unit_test(test_header),       cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_source_limit), cmocka_unit_test(test_total_limit),
        cmocka_unit_test(test_tiny_pieces),  cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests_name("ip/frag", tests, NULL, NULL);
}
