/* SPDX-License-Identifier: BSD-2-Clause */
/* What routers are told of multicast groups, and what they are answered (RFC 3376, RFC 3810). */
#include "fixture.h"

enum { SECOND = 1000000000 };

static const char *const record_names[] = {"?",     "IS_IN", "IS_EX", "TO_IN",
                                           "TO_EX", "ALLOW", "BLOCK"};

/* ---- members: at most eight, with sources of their own -------------------------------- */

struct who {
    struct sw_ip_member member;
    struct sw_ip sources[200];
};

static void want(struct who *who, bool exclude, const char *sources)
{
    char text[200], *rest = text;
    snprintf(text, sizeof(text), "%s", sources);
    who->member.exclude = exclude;
    who->member.n = 0;
    who->member.sources = who->sources;
    while (*rest != '\0') {
        size_t len = strcspn(rest, " ");
        char *next = rest + len + (rest[len] == ' ');
        rest[len] = '\0';
        who->sources[who->member.n++] = addr(rest);
        rest = next;
    }
}

static void join(struct fixture *f, struct who *who, const char *group)
{
    struct sw_ip ip = addr(group);
    assert_int_equal(sw_ip_join(&f->ip, ETH, &ip, &who->member), 0);
}

static void leave(struct fixture *f, struct who *who, const char *group)
{
    struct sw_ip ip = addr(group);
    sw_ip_leave(&f->ip, ETH, &ip, &who->member);
}

static void change(struct fixture *f, struct who *who, const char *group, bool exclude,
                   const char *sources)
{
    struct sw_ip ip = addr(group);
    want(who, exclude, sources);
    sw_ip_member_changed(&f->ip, ETH, &ip);
}

/* ---- what leaves, as text -------------------------------------------------------------- */

static size_t text_ip(char *to, const uint8_t *p, bool ip4)
{
    struct sw_ip ip = SW_IP4(p[0], p[1], p[2], p[3]);
    if (!ip4)
        memcpy(ip.b, p, 16);
    char text[SW_IP_TEXT];
    sw_ip_text(&ip, text, sizeof(text));
    return (size_t)sprintf(to, " %s", text);
}

/* Records of a report of version 3 or 2, or the group of an older message. */
static size_t text_message(char *to, const uint8_t *p, size_t len, bool ip4)
{
    size_t ip_len = ip4 ? 4 : 16, n = 0;
    if (p[0] != (ip4 ? 0x22 : 143)) {
        assert_int_equal(len, ip4 ? 8 : 24);
        n = (size_t)sprintf(to, "type %u", p[0]);
        return n + text_ip(to + n, p + len - ip_len, ip4);
    }
    size_t at = 8;
    for (uint32_t i = get16(p + 6); i > 0; i--) {
        uint32_t sources = get16(p + at + 2);
        assert_in_range(p[at], 1, 6);
        assert_int_equal(p[at + 1], 0);
        n += (size_t)sprintf(to + n, "%s%s", n > 0 ? ", " : "", record_names[p[at]]);
        n += text_ip(to + n, p + at + 4, ip4);
        at += 4 + ip_len;
        for (; sources > 0; sources--, at += ip_len) {
            to[n++] = sources == get16(p + at + 2 - 4 - ip_len) ? ':' : ',';
            n += text_ip(to + n, p + at, ip4);
        }
    }
    assert_int_equal(at, len);
    return n;
}

/* The next packet that leaves by eth0, its headers judged; "" if there is none. */
static const char *told(struct fixture *f)
{
    static char text[8192];
    uint8_t bytes[1500];
    struct sw_packet *pkt = sent(f, ETH);
    text[0] = '\0';
    if (!pkt)
        return text;
    sw_packet_fill_csum(pkt);
    size_t len = sw_packet_copy(pkt, 0, bytes, sizeof(bytes));
    assert_int_equal(len, sw_packet_len(pkt));
    sw_packet_free(pkt);
    bool ip4 = bytes[0] >> 4 == 4;
    size_t hdr = ip4 ? 24 : 48;
    if (ip4) {
        assert_memory_equal(bytes, "\x46\xc0", 2);
        assert_int_equal(get16(bytes + 2), len);
        assert_memory_equal(bytes + 8, "\1\2", 2);        /* TTL, IGMP */
        assert_memory_equal(bytes + 12, "\xc0\0\2\1", 4);
        assert_memory_equal(bytes + 20, "\x94\4\0\0", 4); /* Router Alert */
        assert_int_equal(sum16(0, bytes, 24), 0xffff);
        assert_int_equal(sum16(0, bytes + 24, len - 24), 0xffff);
    } else {
        struct sw_ip src, dst;
        memcpy(src.b, bytes + 8, 16);
        memcpy(dst.b, bytes + 24, 16);
        assert_memory_equal(bytes + 6, "\0\1", 2); /* hop-by-hop, hop limit */
        assert_memory_equal(bytes + 40, "\x3a\0\5\2\0\0\1\0", 8);
        assert_int_equal(bytes[8] << 8 | bytes[9], 0xfe80); /* 5.2.13 */
        assert_int_equal(transport_sum(&src, &dst, 58, bytes + 48, len - 48), 0);
    }
    size_t n = text_message(text, bytes + hdr, len - hdr, ip4);
    strcpy(text + n, " > ");
    text_ip(text + n + 2, ip4 ? bytes + 16 : bytes + 24, ip4);
    return text;
}

#define TELLS(f, what) assert_string_equal(told(f), what)

static void wait(struct fixture *f, uint64_t ns)
{
    f->env.now_ns += ns;
    for (struct sw_timer *t; (t = sw_wheel_pop(&f->env.wheel, f->env.now_ns)) != NULL;)
        sw_group_timer(&f->ip, t);
}

/* The second telling of a change, within a second; and no third. */
static void tells_again(struct fixture *f, const char *what)
{
    TELLS(f, "");
    wait(f, SECOND);
    TELLS(f, what);
    wait(f, 100ULL * SECOND);
    TELLS(f, "");
    assert_int_equal(f->env.wheel.armed, 0);
}

/* ---- and what comes in ----------------------------------------------------------------- */

static void hear(struct fixture *f, const char *src, const char *dst, uint8_t ttl,
                 const uint8_t *bytes, size_t len)
{
    bool ip4 = strchr(src, ':') == NULL;
    struct made m = {.src = addr(src), .dst = addr(dst), .proto = ip4 ? 2 : 58, .ttl = ttl};
    uint8_t message[1500];
    struct sw_ip_hdr hdr;
    struct sw_icmp_error error;
    memcpy(message, bytes, len);
    if (len >= 4) {
        uint16_t sum = ip4 ? (uint16_t)~sum16(0, message, len)
                           : transport_sum(&m.src, &m.dst, 58, message, len);
        put16(message + 2, sum);
    }
    struct sw_packet *pkt = sw_ip_input(&f->ip, ETH, make(f, &m, message, len), &hdr);
    assert_non_null(pkt);
    if (ip4)
        sw_igmp_input(&f->ip, ETH, pkt, &hdr);
    else
        assert_false(sw_icmp_input(&f->ip, ETH, pkt, &hdr, &error));
}

/* A query of version 3 (or MLD's 2): `code` as it stands in the message. */
static void query(struct fixture *f, const char *group, uint32_t code, const char *sources)
{
    struct sw_ip ip = addr(group);
    bool ip4 = sw_ip_is4(&ip);
    size_t ip_len = ip4 ? 4 : 16, len = ip4 ? 12 : 28;
    uint8_t bytes[1400] = {ip4 ? 0x11 : 130};
    struct who who;
    want(&who, false, sources);
    if (ip4)
        bytes[1] = (uint8_t)code;
    else
        put16(bytes + 4, code);
    memcpy(bytes + (ip4 ? 4 : 8), ip.b + 16 - ip_len, ip_len);
    put16(bytes + len - 2, who.member.n);
    for (uint32_t i = 0; i < who.member.n; i++, len += ip_len)
        memcpy(bytes + len, who.sources[i].b + 16 - ip_len, ip_len);
    hear(f, ip4 ? "10.0.0.254" : "fe80::99", ip4 ? "224.0.0.1" : "ff02::1", 1, bytes, len);
}

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
