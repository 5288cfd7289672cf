/* SPDX-License-Identifier: BSD-2-Clause */
/* Echo, errors that come, errors that go: and a reply to every truncated input. */
#include "ip/fixture.h"

static const char *const far[2] = {"8.8.8.8", "2001:4860::8"};
static const char *const near[2] = {"10.0.0.1", "2001:db8::1"};

/* An ICMP message with its checksum; returns its length. */
static size_t message(uint8_t *to, bool v6, const struct sw_ip *src, const struct sw_ip *dst,
                      uint8_t type, uint8_t code, uint32_t rest, const void *data, size_t len)
{
    to[0] = type;
    to[1] = code;
    put16(to + 2, 0);
    put16(to + 4, rest >> 16);
    put16(to + 6, rest);
    if (len)
        memcpy(to + 8, data, len);
    put16(to + 2, transport_sum(src, dst, v6 ? SW_PROTO_ICMP6 : SW_PROTO_ICMP, to, 8 + len));
    return 8 + len;
}

/* A message through sw_ip_input() and sw_icmp_input(). */
static bool arrive(struct fixture *f, int iface, bool v6, const char *from, const char *to,
                   uint8_t type, uint8_t code, uint32_t rest, const void *data, size_t len,
                   struct sw_icmp_error *error)
{
    static uint8_t bytes[66000];
    struct made m = {
        .src = addr(from), .dst = addr(to), .proto = v6 ? SW_PROTO_ICMP6 : SW_PROTO_ICMP};
    struct sw_ip_hdr hdr;
    size_t n = message(bytes, v6, &m.src, &m.dst, type, code, rest, data, len);
    struct sw_packet *pkt = sw_ip_input(&f->ip, iface, make(f, &m, bytes, n), &hdr);
    assert_non_null(pkt);
    enum sw_icmp_use use = sw_icmp_input(&f->ip, ETH, pkt, &hdr, error);
    if (use != SW_ICMP_USED_UP)
        sw_packet_free(pkt);
    return use == SW_ICMP_IS_ERROR;
}

static void test_echo(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    static uint8_t data[1400], got[2000];
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 3);
    for (int v6 = 0; v6 < 2; v6++) {
        static const size_t lens[] = {0, 1, 56, 1400};
        for (size_t i = 0; i < 4; i++) {
            struct sw_icmp_error error;
            size_t hdr = v6 ? 40 : 20;
            assert_false(arrive(&f, ETH, v6, far[v6], near[v6], v6 ? 128 : 8, 0, 0x12345678, data,
                                lens[i], &error));
            struct sw_packet *pkt = sent(&f, ETH);
            assert_non_null(pkt);
            assert_int_equal(sw_packet_copy(pkt, 0, got, sizeof(got)), hdr + 8 + lens[i]);
            struct sw_ip src = addr(near[v6]), dst = addr(far[v6]);
            assert_int_equal(got[hdr], v6 ? 129 : 0);
            assert_int_equal(get16(got + hdr + 4) << 16 | get16(got + hdr + 6), 0x12345678);
            assert_int_equal(transport_sum(&src, &dst, v6 ? 58 : 1, got + hdr, 8 + lens[i]), 0);
            if (lens[i])
                assert_memory_equal(got + hdr + 8, data, lens[i]);
            sw_packet_free(pkt);
        }
    }
    assert_int_equal(f.env.stats.icmp_rx, 8);
    assert_int_equal(f.env.stats.icmp_tx, 8);
    fixture_fini(&f);
}

/* The largest ping: comes in fragments, goes in fragments. */
static void test_large_echo(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    static uint8_t bytes[66000];
    struct sw_ip_hdr hdr;
    struct sw_icmp_error error;
    struct sw_packet *pkt = NULL;
    struct sw_ip src = addr(far[0]), dst = addr(near[0]);
    size_t n = message(bytes, false, &src, &dst, 8, 0, 1, bytes + 8, 65507);
    for (size_t at = 0; at < n; at += 1480) {
        size_t len = n - at < 1480 ? n - at : 1480;
        struct made m = {.src = src, .dst = dst, .proto = 1, .id = 9, .off = (uint32_t)at};
        m.more = at + len < n;
        pkt = sw_ip_input(&f.ip, ETH, make(&f, &m, bytes + at, len), &hdr);
    }
    assert_non_null(pkt);
    assert_false(sw_icmp_input(&f.ip, ETH, pkt, &hdr, &error));
    unsigned count = 0;
    for (; (pkt = sent(&f, ETH)) != NULL; count++)
        sw_packet_free(pkt);
    assert_int_equal(count, 45);
    fixture_fini(&f);
}

/* type, code -> errno, whether it ends an attempt: Linux's icmp_err_convert and icmpv6_err_convert.
 */
static void test_errnos(void **state)
{
    (void)state;
    static const struct {
        uint8_t version, type, code;
        int err;
        bool hard;
    } rows[] = {
        {4, 3, 0, ENETUNREACH, false},
        {4, 3, 1, EHOSTUNREACH, false},
        {4, 3, 2, ENOPROTOOPT, true},
        {4, 3, 3, ECONNREFUSED, true},
        {4, 3, 4, EMSGSIZE, false},
        {4, 3, 5, EOPNOTSUPP, false},
        {4, 3, 6, ENETUNREACH, true},
        {4, 3, 7, EHOSTDOWN, true},
        {4, 3, 8, ENONET, true},
        {4, 3, 9, ENETUNREACH, true},
        {4, 3, 10, EHOSTUNREACH, true},
        {4, 3, 11, ENETUNREACH, false},
        {4, 3, 12, EHOSTUNREACH, false},
        {4, 3, 13, EHOSTUNREACH, true},
        {4, 3, 15, EHOSTUNREACH, true},
        {4, 3, 16, 0, false},
        {4, 4, 0, 0, false},
        {4, 5, 1, 0, false},
        {4, 11, 0, EHOSTUNREACH, false},
        {4, 12, 0, EPROTO, true},
        {4, 13, 0, 0, false},
        {6, 1, 0, ENETUNREACH, false},
        {6, 1, 1, EACCES, true},
        {6, 1, 3, EHOSTUNREACH, false},
        {6, 1, 4, ECONNREFUSED, true},
        {6, 1, 6, EACCES, true},
        {6, 1, 9, EPROTO, true},
        {6, 2, 0, EMSGSIZE, false},
        {6, 3, 0, EHOSTUNREACH, false},
        {6, 4, 1, EPROTO, true},
        {6, 135, 0, 0, false},
    };
    struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool v6 = rows[i].version == 6;
        uint8_t udp[16], quoted[64];
        struct made m = {.src = addr(near[v6]), .dst = addr(far[v6]), .proto = 17};
        size_t n = make_udp(udp, &m.src, &m.dst, 5353, 53, "abcdefgh", 8);
        n = make_bytes(quoted, &m, v6, udp, n);
        struct sw_icmp_error error = {.err = -1};
        uint64_t before[SW_DROP_COUNT];
        memcpy(before, f.env.drops, sizeof(before));
        bool told = arrive(&f, ETH, v6, v6 ? "2001:4860::1" : "8.8.8.1", near[v6], rows[i].type,
                           rows[i].code, 1400, quoted, n, &error);
        assert_int_equal(told, rows[i].err != 0);
        assert_dropped(&f, before, told ? SW_DROP_NONE : SW_DROP_ICMP_TYPE, "meaning");
        if (!told) {
            assert_int_equal(error.err, -1); /* untouched */
            continue;
        }
        struct sw_ip offender = addr(v6 ? "2001:4860::1" : "8.8.8.1");
        assert_int_equal(error.err, rows[i].err);
        assert_int_equal(error.hard, rows[i].hard);
        assert_true(sw_ip_eq(&error.offender, &offender));
        assert_true(sw_ip_eq(&error.quote.ip.dst, &m.dst));
        assert_int_equal(error.quote.src_port, 5353);
        assert_int_equal(error.quote.dst_port, 53);
        assert_int_equal(error.mtu, rows[i].err == EMSGSIZE ? 1400 : 0);
    }
    fixture_fini(&f);
}

static void test_mtu(void **state)
{
    (void)state;
    static const struct {
        uint8_t version;
        uint32_t rest, len, mtu;
    } rows[] = {
        {4, 1400, 1500, 1400}, {4, 0xffff0000 | 1400, 1500, 1400},
        {4, 0, 1500, 1492},    {4, 0, 1492, 1006},
        {4, 0, 68, 68},        {4, 20, 1500, 68},
        {6, 1280, 1500, 1280}, {6, 9000, 60000, 9000},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sw_icmp_hdr icmp = {.version = rows[i].version, .rest = rows[i].rest};
        struct sw_ip_hdr quoted = {.version = rows[i].version, .hdr_len = 20};
        quoted.payload_len = rows[i].len - 20;
        icmp.type = icmp.version == 4 ? SW_ICMP_UNREACH : SW_ICMP6_TOO_BIG;
        icmp.code = icmp.version == 4 ? SW_ICMP_UNREACH_FRAG : 0;
        assert_int_equal(sw_icmp_mtu(&icmp, &quoted), rows[i].mtu);
    }
}

/* Errors that are not believed: RFC 5927. */
static void test_bad_quotes(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    static const struct {
        const char *src, *dst;
        uint8_t proto;
        uint32_t off;
    } rows[] = {
        {"8.8.8.8", "10.0.0.1", 17, 0},  /* we never sent that */
        {"192.0.2.1", "8.8.8.8", 17, 0}, /* ours, but not whom the error is sent to */
        {"10.0.0.1", "8.8.8.8", 1, 0},   /* no port to find anybody by */
        {"10.0.0.1", "8.8.8.8", 17, 8},  /* a later fragment: neither */
    };
    uint8_t quoted[64], data[8] = {1, 2, 3, 4};
    struct sw_icmp_error error;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct made m = {
            .src = addr(rows[i].src), .dst = addr(rows[i].dst), .proto = rows[i].proto};
        m.off = rows[i].off;
        size_t n = make_bytes(quoted, &m, false, data, 8);
        assert_false(arrive(&f, ETH, false, far[0], near[0], 3, 3, 0, quoted, n, &error));
        assert_int_equal(f.env.drops[SW_DROP_ICMP_QUOTE], i + 1);
    }
    /* too small an MTU for IPv6 (RFC 8201 4) */
    struct made m = {.src = addr(near[1]), .dst = addr(far[1]), .proto = 17};
    size_t n = make_bytes(quoted, &m, true, data, 8);
    assert_false(arrive(&f, ETH, true, far[1], near[1], 2, 0, 1279, quoted, n, &error));
    assert_int_equal(f.env.drops[SW_DROP_ICMP_QUOTE], 5);
    assert_true(arrive(&f, ETH, true, far[1], near[1], 2, 0, 1280, quoted, n, &error));
    fixture_fini(&f);
}

/* Every prefix of every message, with a right checksum and a wrong one: a name, no answer, no leak.
 */
static void test_truncated(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    for (int v6 = 0; v6 < 2; v6++) {
        uint8_t quoted[64], bytes[128], data[8] = {0};
        struct made inner = {.src = addr(near[v6]), .dst = addr(far[v6]), .proto = 17};
        struct made outer = {.src = addr(far[v6]), .dst = addr(near[v6]), .proto = v6 ? 58 : 1};
        size_t q = make_bytes(quoted, &inner, v6, data, 8);
        for (size_t len = 0; len < 8 + q - 4; len++) { /* the ports are the first four bytes */
            for (int right = 0; right < 2; right++) {
                struct sw_icmp_error error;
                struct sw_ip_hdr hdr;
                uint64_t before = 0, after = 0;
                message(bytes, v6, &outer.src, &outer.dst, v6 ? 1 : 3, v6 ? 4 : 3, 0, quoted, q);
                if (right && len >= 4) {
                    put16(bytes + 2, 0);
                    put16(bytes + 2,
                          transport_sum(&outer.src, &outer.dst, outer.proto, bytes, len));
                }
                for (int i = 0; i < SW_DROP_COUNT; i++)
                    before += f.env.drops[i];
                struct sw_packet *pkt = sw_ip_input(&f.ip, ETH, make(&f, &outer, bytes, len), &hdr);
                assert_non_null(pkt);
                assert_false(sw_icmp_input(&f.ip, ETH, pkt, &hdr, &error));
                for (int i = 0; i < SW_DROP_COUNT; i++)
                    after += f.env.drops[i];
                assert_int_equal(after, before + 1);
            }
        }
        assert_true(f.env.drops[SW_DROP_ICMP_TRUNCATED] > 0);
        assert_true(f.env.drops[SW_DROP_ICMP_CHECKSUM] > 0);
        assert_true(f.env.drops[SW_DROP_ICMP_QUOTE] > 0);
    }
    assert_null(sent(&f, ETH));
    /* ICMP in IPv6 and the reverse are nobody's protocol */
    struct made m = {.src = addr(far[0]), .dst = addr(near[0]), .proto = 58};
    struct sw_ip_hdr hdr;
    struct sw_icmp_error error;
    uint8_t bytes[8] = {128};
    assert_false(sw_icmp_input(&f.ip, ETH, sw_ip_input(&f.ip, ETH, make(&f, &m, bytes, 8), &hdr),
                               &hdr, &error));
    assert_int_equal(f.env.drops[SW_DROP_IP_PROTOCOL], 1);
    fixture_fini(&f);
}

/* A datagram of `len` bytes arrives and is answered with an error: of every length there is. */
static void test_error_of_every_length(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    static uint8_t data[2000], got[2000];
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 5);
    for (int v6 = 0; v6 < 2; v6++) {
        struct made m = {.src = addr(far[v6]), .dst = addr(near[v6]), .proto = 17};
        size_t hdr = v6 ? 40 : 20, most = v6 ? 1280 : 576;
        for (size_t len = 0; len < 1400; len += len < 100 ? 1 : 50) {
            struct sw_ip_hdr h;
            f.env.now_ns += 10000000; /* below the rate limit */
            struct sw_packet *pkt = sw_ip_input(&f.ip, ETH, make(&f, &m, data, len), &h);
            assert_non_null(pkt);
            sw_icmp_send_error(&f.ip, pkt, &h, SW_ICMP_UNREACH, SW_ICMP_UNREACH_PORT);
            sw_packet_free(pkt);
            pkt = sent(&f, ETH);
            assert_non_null(pkt);
            size_t n = sw_packet_copy(pkt, 0, got, sizeof(got));
            size_t expect = hdr + 8 + hdr + len;
            assert_int_equal(n, expect < most ? expect : most);
            assert_int_equal(got[hdr], v6 ? 1 : 3);
            assert_int_equal(got[hdr + 1], v6 ? 4 : 3);
            uint8_t *quoted = got + hdr + 8;
            assert_int_equal(quoted[0] >> 4, v6 ? 6 : 4);
            assert_int_equal(get16(quoted + (v6 ? 4 : 2)), v6 ? len : 20 + len); /* as it was */
            assert_memory_equal(quoted + hdr, data, n - (hdr + 8 + hdr));
            struct sw_ip src = addr(near[v6]), dst = addr(far[v6]);
            assert_int_equal(transport_sum(&src, &dst, v6 ? 58 : 1, got + hdr, n - hdr), 0);
            sw_packet_free(pkt);
        }
    }
    fixture_fini(&f);
}

/* RFC 1122 3.2.2, RFC 4443 2.4 (e): what is never answered with an error. */
static void test_unanswered(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    static const struct {
        const char *src, *dst;
        uint8_t proto, first;
        uint16_t frag_off;
        bool answered;
    } rows[] = {
        {"8.8.8.8", "10.0.0.1", 17, 0, 0, true},
        {"8.8.8.8", "10.0.0.1", 1, 8, 0, true},   /* an echo request is no error */
        {"8.8.8.8", "10.0.0.1", 1, 3, 0, false},  /* unreachable */
        {"8.8.8.8", "10.0.0.1", 1, 5, 0, false},  /* redirect */
        {"8.8.8.8", "10.0.0.1", 1, 11, 0, false}, /* time exceeded */
        {"8.8.8.8", "10.0.0.1", 1, 99, 0, false}, /* who knows */
        {"8.8.8.8", "10.0.0.1", 17, 0, 8, false}, /* a later fragment */
        {"8.8.8.8", "10.0.0.255", 17, 0, 0, false},
        {"8.8.8.8", "255.255.255.255", 17, 0, 0, false},
        {"8.8.8.8", "224.0.0.1", 17, 0, 0, false},
        {"0.0.0.0", "10.0.0.1", 17, 0, 0, false},
        {"224.0.0.1", "10.0.0.1", 17, 0, 0, false},
        {"255.255.255.255", "10.0.0.1", 17, 0, 0, false},
        {"10.0.0.255", "10.0.0.1", 17, 0, 0, false},
        {"2001:4860::8", "2001:db8::1", 17, 0, 0, true},
        {"2001:4860::8", "2001:db8::1", 58, 128, 0, true},
        {"2001:4860::8", "2001:db8::1", 58, 1, 0, false},
        {"2001:4860::8", "2001:db8::1", 58, 127, 0, false},
        {"2001:4860::8", "2001:db8::1", 58, 137, 0, false},
        {"2001:4860::8", "ff02::1", 17, 0, 0, false},
        {"::", "2001:db8::1", 17, 0, 0, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sw_packet *pkt = sw_packet_new(f.env.mem, SW_IP_HEADROOM);
        struct sw_ip_hdr h = {.src = addr(rows[i].src), .dst = addr(rows[i].dst)};
        h.version = sw_ip_is4(&h.src) ? 4 : 6;
        h.proto = rows[i].proto;
        h.frag_off = rows[i].frag_off;
        h.fragment = h.frag_off > 0;
        *sw_packet_push(pkt, 1) = rows[i].first;
        sw_icmp_send_error(&f.ip, pkt, &h, SW_ICMP_UNREACH, SW_ICMP_UNREACH_PORT);
        sw_packet_free(pkt);
        struct sw_packet *answer = sent(&f, ETH);
        if ((answer != NULL) != rows[i].answered)
            fail_msg("row %zu: answered %d", i, answer != NULL);
        sw_packet_free(answer);
    }
    fixture_fini(&f);
}

static void test_v6_words(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    static const struct {
        uint8_t type, code;
        int type6, code6; /* -1: nothing is sent */
    } rows[] = {
        {3, 0, 1, 0},  {3, 1, 1, 3},  {3, 2, 4, 1},   {3, 3, 1, 4},
        {3, 4, -1, 0}, {11, 1, 3, 1}, {12, 0, -1, 0},
    };
    struct made m = {.src = addr(far[1]), .dst = addr(near[1]), .proto = 99};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sw_ip_hdr h;
        uint8_t got[1300];
        struct sw_packet *pkt = sw_ip_input(&f.ip, ETH, make(&f, &m, "01234567", 8), &h);
        sw_icmp_send_error(&f.ip, pkt, &h, rows[i].type, rows[i].code);
        sw_packet_free(pkt);
        pkt = sent(&f, ETH);
        assert_int_equal(pkt != NULL, rows[i].type6 >= 0);
        if (!pkt)
            continue;
        sw_packet_copy(pkt, 0, got, sizeof(got));
        assert_int_equal(got[40], rows[i].type6);
        assert_int_equal(got[41], rows[i].code6);
        if (rows[i].type6 == 4) /* points at the next header field */
            assert_int_equal(get16(got + 46), 6);
        sw_packet_free(pkt);
    }
    fixture_fini(&f);
}

/* About 50 at once, then about 1,000 a second; the loopback interface is not limited. */
static void test_rate(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct made m = {.src = addr(far[0]), .dst = addr(near[0]), .proto = 17};
    unsigned answered = 0, later = 0;
    for (int i = 0; i < 3000; i++) {
        struct sw_ip_hdr h;
        if (i >= 1000)
            f.env.now_ns += 500000;
        struct sw_packet *pkt = sw_ip_input(&f.ip, ETH, make(&f, &m, "01234567", 8), &h);
        sw_icmp_send_error(&f.ip, pkt, &h, SW_ICMP_UNREACH, SW_ICMP_UNREACH_PORT);
        sw_packet_free(pkt);
        pkt = sent(&f, ETH);
        *(i < 1000 ? &answered : &later) += pkt != NULL;
        sw_packet_free(pkt);
    }
    assert_in_range(answered, 35, 65);
    assert_in_range(later, 900, 1100);
    assert_int_equal(f.env.drops[SW_DROP_ICMP_RATE], 3000 - answered - later);
    m.src = m.dst = SW_IP4_LOOPBACK;
    for (int i = 0; i < 200; i++) {
        struct sw_ip_hdr h;
        struct sw_packet *pkt = sw_ip_input(&f.ip, LO, make(&f, &m, "01234567", 8), &h);
        sw_icmp_send_error(&f.ip, pkt, &h, SW_ICMP_UNREACH, SW_ICMP_UNREACH_PORT);
        sw_packet_free(pkt);
        pkt = sent(&f, LO);
        assert_non_null(pkt);
        sw_packet_free(pkt);
    }
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_echo),
        cmocka_unit_test(test_large_echo),
        cmocka_unit_test(test_errnos),
        cmocka_unit_test(test_mtu),
        cmocka_unit_test(test_bad_quotes),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_error_of_every_length),
        cmocka_unit_test(test_unanswered),
        cmocka_unit_test(test_v6_words),
        cmocka_unit_test(test_rate),
    };
    return cmocka_run_group_tests_name("ip/icmp", tests, NULL, NULL);
}
