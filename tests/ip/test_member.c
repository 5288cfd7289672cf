/* SPDX-License-Identifier: BSD-2-Clause */
/* What routers are told of multicast groups, and what they are answered (RFC 3376, RFC 3810). */
#include "member.h"

/* ---- tests ----------------------------------------------------------------------------- */

static void test_join_and_leave(void **state)
{
    (void)state;
    struct fixture f;
    struct who a = {0}, b = {0};
    fixture_init(&f);
    want(&a, true, "");
    want(&b, true, "");
    join(&f, &a, "239.1.2.3");
    TELLS(&f, "TO_EX 239.1.2.3 > 224.0.0.22");
    join(&f, &b, "239.1.2.3"); /* nothing new */
    tells_again(&f, "TO_EX 239.1.2.3 > 224.0.0.22");
    leave(&f, &a, "239.1.2.3");
    TELLS(&f, "");
    leave(&f, &b, "239.1.2.3");
    TELLS(&f, "TO_IN 239.1.2.3 > 224.0.0.22");
    struct sw_ip group = addr("239.1.2.3");
    assert_false(sw_ip_in_group(&f.ip, ETH, &group));
    assert_non_null(f.ip.groups); /* until it was told twice */
    tells_again(&f, "TO_IN 239.1.2.3 > 224.0.0.22");
    assert_null(f.ip.groups);

    join(&f, &a, "ff05::5");
    TELLS(&f, "TO_EX ff05::5 > ff02::16");
    tells_again(&f, "TO_EX ff05::5 > ff02::16");
    leave(&f, &a, "ff05::5");
    TELLS(&f, "TO_IN ff05::5 > ff02::16");
    fixture_fini(&f); /* with a repetition due */
}

/* RFC 3376 3.2 and 5.1: one filter for all members, and how it changes. */
static void test_sources(void **state)
{
    (void)state;
    struct fixture f;
    struct who a = {0}, b = {0};
    fixture_init(&f);
    want(&a, false, "192.0.2.7 192.0.2.8");
    join(&f, &a, "239.1.2.3");
    TELLS(&f, "ALLOW 239.1.2.3: 192.0.2.7, 192.0.2.8 > 224.0.0.22");
    tells_again(&f, "ALLOW 239.1.2.3: 192.0.2.7, 192.0.2.8 > 224.0.0.22");
    change(&f, &a, "239.1.2.3", false, "192.0.2.8 192.0.2.9");
    TELLS(&f, "ALLOW 239.1.2.3: 192.0.2.9, BLOCK 239.1.2.3: 192.0.2.7 > 224.0.0.22");
    /* A further change repeats the first one early. */
    want(&b, true, "192.0.2.8 192.0.2.5 192.0.2.6");
    join(&f, &b, "239.1.2.3");
    TELLS(&f, "ALLOW 239.1.2.3: 192.0.2.9, BLOCK 239.1.2.3: 192.0.2.7 > 224.0.0.22");
    TELLS(&f, "TO_EX 239.1.2.3: 192.0.2.5, 192.0.2.6 > 224.0.0.22"); /* .8 is wanted by a */
    tells_again(&f, "TO_EX 239.1.2.3: 192.0.2.5, 192.0.2.6 > 224.0.0.22");
    change(&f, &b, "239.1.2.3", true, "192.0.2.5");
    TELLS(&f, "ALLOW 239.1.2.3: 192.0.2.6 > 224.0.0.22");
    tells_again(&f, "ALLOW 239.1.2.3: 192.0.2.6 > 224.0.0.22");
    leave(&f, &b, "239.1.2.3");
    TELLS(&f, "TO_IN 239.1.2.3: 192.0.2.8, 192.0.2.9 > 224.0.0.22");
    leave(&f, &a, "239.1.2.3");
    TELLS(&f, "TO_IN 239.1.2.3: 192.0.2.8, 192.0.2.9 > 224.0.0.22");
    TELLS(&f, "BLOCK 239.1.2.3: 192.0.2.8, 192.0.2.9 > 224.0.0.22");
    tells_again(&f, "BLOCK 239.1.2.3: 192.0.2.8, 192.0.2.9 > 224.0.0.22");
    assert_null(f.ip.groups);
    fixture_fini(&f);
}

/* Nobody is told of these. */
static void test_private(void **state)
{
    (void)state;
    struct fixture f;
    struct who a[3] = {0};
    struct sw_ip group = addr("239.1.2.3");
    fixture_init(&f);
    for (int i = 0; i < 3; i++)
        want(&a[i], true, "");
    assert_int_equal(sw_ip_join(&f.ip, LO, &group, &a[0].member), 0);
    join(&f, &a[1], "ff01::77");
    assert_null(sent(&f, LO));
    TELLS(&f, "");
    query(&f, "0.0.0.0", 10, "");
    query(&f, "::", 1000, "");
    wait(&f, 10ULL * SECOND);
    assert_null(sent(&f, LO));
    TELLS(&f, "");
    sw_ip_leave(&f.ip, LO, &group, &a[0].member);
    leave(&f, &a[1], "ff01::77");
    assert_null(f.ip.groups);
    fixture_fini(&f);
}

static void settle(struct fixture *f)
{
    wait(f, 2ULL * SECOND);
    while (*told(f))
        ;
}

static void test_queries(void **state)
{
    (void)state;
    struct fixture f;
    struct who a = {0}, b = {0}, c = {0};
    fixture_init(&f);
    want(&a, true, "192.0.2.5");
    want(&b, false, "192.0.2.7 192.0.2.8");
    want(&c, false, "2001:db8::7");
    join(&f, &a, "239.1.2.3");
    join(&f, &b, "239.1.2.4");
    join(&f, &c, "ff3e::1");
    settle(&f);

    query(&f, "0.0.0.0", 20, ""); /* answered within 2 s */
    TELLS(&f, "");
    wait(&f, 2ULL * SECOND);
    char both[200];
    snprintf(both, sizeof(both), "%s; ", told(&f));
    strcat(both, told(&f));
    assert_non_null(strstr(both, "IS_EX 239.1.2.3: 192.0.2.5 > 224.0.0.22"));
    assert_non_null(strstr(both, "IS_IN 239.1.2.4: 192.0.2.7, 192.0.2.8 > 224.0.0.22"));
    TELLS(&f, "");

    query(&f, "239.1.2.4", 1, "");
    wait(&f, SECOND / 10);
    TELLS(&f, "IS_IN 239.1.2.4: 192.0.2.7, 192.0.2.8 > 224.0.0.22");
    query(&f, "239.9.9.9", 1, "");
    query(&f, "239.1.2.4", 0, "192.0.2.8 192.0.2.9"); /* which of these are wanted */
    wait(&f, 1);
    TELLS(&f, "IS_IN 239.1.2.4: 192.0.2.8 > 224.0.0.22");
    query(&f, "239.1.2.3", 1, "192.0.2.5 192.0.2.9");
    query(&f, "239.1.2.3", 1, "192.0.2.6 192.0.2.9"); /* both in one answer */
    wait(&f, SECOND / 10);
    TELLS(&f, "IS_IN 239.1.2.3: 192.0.2.9, 192.0.2.6 > 224.0.0.22");
    query(&f, "239.1.2.3", 1, "192.0.2.5");
    query(&f, "239.1.2.3", 1, ""); /* asks for more than the first */
    wait(&f, SECOND / 10);
    TELLS(&f, "IS_EX 239.1.2.3: 192.0.2.5 > 224.0.0.22");
    query(&f, "239.1.2.3", 1, "192.0.2.5"); /* of these, none */
    wait(&f, SECOND / 10);
    TELLS(&f, "");

    query(&f, "::", 100, "");
    wait(&f, SECOND / 10);
    TELLS(&f, "IS_IN ff3e::1: 2001:db8::7 > ff02::16");
    TELLS(&f, "");
    leave(&f, &a, "239.1.2.3");
    leave(&f, &b, "239.1.2.4");
    leave(&f, &c, "ff3e::1");
    fixture_fini(&f);
}

/* Long times are written with an exponent (RFC 3376 4.1.1, RFC 3810 5.1.3). */
static void test_long_delays(void **state)
{
    (void)state;
    static const struct {
        const char *any;
        uint32_t code;
        uint64_t most_ns;
    } cases[] = {
        {"0.0.0.0", 127, 12700000000},    {"0.0.0.0", 0x80, 12800000000},
        {"0.0.0.0", 0xff, 3174400000000}, {"::", 0x7fff, 32767000000},
        {"::", 0x8000, 32768000000},      {"::", 0xffff, 8387584000000},
    };
    struct fixture f;
    struct who a = {0}, b = {0};
    fixture_init(&f);
    want(&a, true, "");
    want(&b, true, "");
    join(&f, &a, "239.1.2.3");
    join(&f, &b, "ff05::5");
    settle(&f);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t latest_ns = 0;
        for (int n = 0; n < 200; n++) {
            query(&f, cases[i].any, cases[i].code, "");
            uint64_t asked_ns = f.env.now_ns, step_ns = cases[i].most_ns / 64;
            while (!*told(&f))
                wait(&f, step_ns);
            if (f.env.now_ns - asked_ns > latest_ns)
                latest_ns = f.env.now_ns - asked_ns;
        }
        assert_in_range(latest_ns, cases[i].most_ns / 8 * 7, cases[i].most_ns / 64 * 65);
    }
    leave(&f, &a, "239.1.2.3");
    leave(&f, &b, "ff05::5");
    fixture_fini(&f);
}

/* RFC 3376 7.2.1, RFC 3810 8.2.1: a router that knows older versions only. */
static void test_old_routers(void **state)
{
    (void)state;
    static const uint8_t v1[8] = {0x11}, v2[8] = {0x11, 10}, mld1[24] = {130, [4] = 0, 100};
    uint8_t other2[8] = {0x16, 0, 0, 0, 239, 1, 2, 3};
    struct fixture f;
    struct who a = {0}, b = {0};
    fixture_init(&f);
    want(&a, true, "");
    want(&b, false, "192.0.2.7");
    join(&f, &a, "239.1.2.3");
    settle(&f);

    hear(&f, "10.0.0.254", "224.0.0.1", 1, v2, sizeof(v2));
    wait(&f, SECOND);
    TELLS(&f, "type 22 239.1.2.3 > 239.1.2.3");
    join(&f, &b, "239.1.2.4"); /* sources are not told */
    TELLS(&f, "type 22 239.1.2.4 > 239.1.2.4");
    tells_again(&f, "type 22 239.1.2.4 > 239.1.2.4");
    hear(&f, "0.0.0.0", "224.0.0.1", 1, v2,
         sizeof(v2)); /* a switch; a second member answers first */
    hear(&f, "10.0.0.9", "239.1.2.3", 1, other2, sizeof(other2));
    wait(&f, SECOND);
    TELLS(&f, "type 22 239.1.2.4 > 239.1.2.4");
    TELLS(&f, "");
    leave(&f, &b, "239.1.2.4");
    TELLS(&f, "type 23 239.1.2.4 > 224.0.0.2");
    tells_again(&f, "type 23 239.1.2.4 > 224.0.0.2");
    wait(&f, 160ULL * SECOND); /* 260 s after the last query it is gone */
    query(&f, "0.0.0.0", 10, "");
    wait(&f, SECOND);
    TELLS(&f, "IS_EX 239.1.2.3 > 224.0.0.22");

    hear(&f, "10.0.0.254", "224.0.0.1", 1, v1, sizeof(v1));
    wait(&f, 10ULL * SECOND);
    TELLS(&f, "type 18 239.1.2.3 > 239.1.2.3");
    leave(&f, &a, "239.1.2.3");
    tells_again(&f, "");

    join(&f, &a, "ff05::5");
    TELLS(&f, "TO_EX ff05::5 > ff02::16");
    settle(&f);
    hear(&f, "fe80::99", "ff02::1", 1, mld1, sizeof(mld1));
    wait(&f, SECOND / 10);
    TELLS(&f, "type 131 ff05::5 > ff05::5");
    leave(&f, &a, "ff05::5");
    TELLS(&f, "type 132 ff05::5 > ff02::2");
    fixture_fini(&f);
}

/* What does not fit into one report (RFC 3376 4.2.16). */
static void test_many_sources(void **state)
{
    (void)state;
    struct fixture f;
    struct who a = {0};
    struct sw_ip group = addr("ff3e::1");
    fixture_init(&f);
    want(&a, false, "");
    for (uint32_t i = 0; i < 200; i++) {
        a.sources[i] = addr("2001:db8::");
        put16(a.sources[i].b + 14, i + 1);
    }
    a.member.n = 200;
    join(&f, &a, "ff3e::1");
    uint32_t heard = 0, reports = 0;
    for (const char *t; *(t = told(&f)) != '\0'; reports++) {
        assert_memory_equal(t, "ALLOW ff3e::1: 2001:db8::", 24);
        for (; *t; t++)
            heard += *t == ',' || (*t == ':' && t[1] == ' ');
    }
    assert_int_equal(reports, 3);
    assert_int_equal(heard, 200);
    settle(&f);
    a.member.exclude = true; /* not to hear them: those that fit */
    sw_ip_member_changed(&f.ip, ETH, &group);
    assert_memory_equal(told(&f), "TO_EX ff3e::1: 2001:db8::", 24);
    TELLS(&f, "");
    leave(&f, &a, "ff3e::1");
    fixture_fini(&f);
}

static void test_malformed(void **state)
{
    (void)state;
    struct fixture f;
    struct who a = {0}, b = {0};
    uint8_t bytes[64] = {0x11, 1, [11] = 3}; /* three sources */
    uint8_t mld[64] = {130, [5] = 1, [27] = 2};
    fixture_init(&f);
    want(&a, true, "");
    want(&b, true, "");
    join(&f, &a, "239.1.2.3");
    join(&f, &b, "ff05::5");
    settle(&f);
    for (size_t len = 1; len < 24; len++) {
        uint64_t before = f.env.drops[SW_DROP_MEMBER];
        if (len != 8) /* that is version 2 */
            hear(&f, "10.0.0.254", "224.0.0.1", 1, bytes, len);
        assert_int_equal(f.env.drops[SW_DROP_MEMBER] - before, len != 8);
    }
    for (size_t len = 8; len < 60; len++) {
        uint64_t before = f.env.drops[SW_DROP_MEMBER];
        if (len != 24) /* that is version 1 */
            hear(&f, "fe80::99", "ff02::1", 1, mld, len);
        assert_int_equal(f.env.drops[SW_DROP_MEMBER] - before, len != 24);
    }
    uint64_t before = f.env.drops[SW_DROP_MEMBER];
    mld[27] = 0;
    hear(&f, "fe80::99", "ff02::1", 64, mld, 28);    /* from beyond this link */
    hear(&f, "2001:db8::99", "ff02::1", 1, mld, 28); /* by no router's address */
    struct made m = {.src = addr("10.0.0.254"), .dst = addr("224.0.0.1"), .proto = 2, .ttl = 1};
    struct sw_ip_hdr hdr;
    struct sw_packet *pkt = sw_ip_input(&f.ip, ETH, make(&f, &m, bytes, 12), &hdr);
    sw_igmp_input(&f.ip, ETH, pkt, &hdr); /* no checksum */
    assert_int_equal(f.env.drops[SW_DROP_MEMBER] - before, 3);
    wait(&f, 100ULL * SECOND);
    TELLS(&f, "");
    leave(&f, &a, "239.1.2.3");
    leave(&f, &b, "ff05::5");
    fixture_fini(&f);
}

/* Without memory a report is lost; nothing else is. */
static void test_no_memory(void **state)
{
    (void)state;
    for (int n = 0; n < 12; n++) {
        struct failing fail = {.left = 1000000};
        const struct sw_alloc alloc = {.alloc = failing_alloc, .free = failing_free, .ctx = &fail};
        struct fixture f;
        struct who a = {0};
        struct sw_ip group = addr("239.1.2.3");
        fixture_init(&f);
        struct sw_mem *good = f.env.mem;
        f.env.mem = sw_mem_new(&alloc, 0);
        fail.left = n;
        want(&a, false, "192.0.2.7");
        int r = sw_ip_join(&f.ip, ETH, &group, &a.member);
        if (r == 0) {
            change(&f, &a, "239.1.2.3", true, "192.0.2.8 192.0.2.9");
            wait(&f, 3ULL * SECOND);
            leave(&f, &a, "239.1.2.3");
            wait(&f, 3ULL * SECOND);
            while (*told(&f))
                ;
            assert_null(f.ip.groups);
        } else {
            assert_int_equal(r, -ENOMEM);
        }
        fail.left = 1000000;
        assert_int_equal(sw_mem_used(f.env.mem), 0);
        sw_mem_put(f.env.mem);
        f.env.mem = good;
        fixture_fini(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_join_and_leave), cmocka_unit_test(test_sources),
        cmocka_unit_test(test_private),        cmocka_unit_test(test_queries),
        cmocka_unit_test(test_long_delays),    cmocka_unit_test(test_old_routers),
        cmocka_unit_test(test_many_sources),   cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
