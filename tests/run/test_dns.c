/* SPDX-License-Identifier: BSD-2-Clause */
/* The run's name server: what it answers to each kind of query, byte by byte where it matters. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "run/names/dns.h"

enum { A = 1, PTR = 12, AAAA = 28, HTTPS = 65, ANY = 255 };
enum { NOERROR = 0, FORMERR = 1, NXDOMAIN = 3, NOTIMP = 4 };

/* A query as a resolver sends it; `edns` adds an OPT record. */
static size_t query(uint8_t *buf, const char *name, unsigned type, bool edns)
{
    static const uint8_t opt[] = {0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0};
    static const uint8_t head[] = {0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
    size_t len = sizeof(head);

    memcpy(buf, head, sizeof(head));
    while (*name != '\0') {
        size_t n = strcspn(name, ".");
        buf[len++] = (uint8_t)n;
        memcpy(buf + len, name, n);
        len += n;
        name += name[n] == '.' ? n + 1 : n;
    }
    buf[len++] = 0;
    buf[len++] = (uint8_t)(type >> 8);
    buf[len++] = (uint8_t)type;
    buf[len++] = 0;
    buf[len++] = 1;
    if (edns) {
        buf[11] = 1;
        memcpy(buf + len, opt, sizeof(opt));
        len += sizeof(opt);
    }
    return len;
}

static struct dns_names some_names(void)
{
    struct dns_names names = {0};
    assert_int_equal(dns_names_add(&names, "here"), 0);
    assert_int_equal(dns_names_add(&names, "db.example=127.0.0.2"), 0);
    assert_int_equal(dns_names_add(&names, "six=fd00::5"), 0);
    return names;
}

struct got {
    unsigned rcode, n;
    const uint8_t *data; /* of the first record */
    size_t data_len;
};

static struct got ask(const char *name, unsigned type, bool edns)
{
    static uint8_t answer[DNS_MESSAGE_MAX];
    struct dns_names names = some_names();
    uint8_t buf[512];
    size_t len = query(buf, name, type, edns), question = len - (edns ? 11 : 0);

    size_t n = dns_answer(&names, buf, len, answer);
    assert_in_range(n, question, DNS_MESSAGE_MAX);
    assert_memory_equal(answer, "\xab\xcd\x85", 3); /* its ID; QR, AA, RD */
    assert_memory_equal(answer + 4, "\0\1", 2);
    assert_memory_equal(answer + 12, buf + 12, question - 12);
    assert_int_equal(answer[11], edns);
    struct got got = {.rcode = answer[3] & 15, .n = answer[7]};
    if (got.n > 0) {
        const uint8_t *record = answer + question;
        assert_memory_equal(record, "\xc0\x0c", 2);
        got.data_len = (size_t)(record[10] << 8 | record[11]);
        got.data = record + 12;
        assert_in_range(question + 12 + got.data_len, 0, n);
    }
    return got;
}

static void expect(struct got got, unsigned rcode, unsigned n, const void *data, size_t len)
{
    assert_int_equal(got.rcode, rcode);
    assert_int_equal(got.n, n);
    if (n > 0) {
        assert_int_equal(got.data_len, len);
        assert_memory_equal(got.data, data, len);
    }
}

static void test_names(void **state)
{
    (void)state;
    static const uint8_t loop6[16] = {[15] = 1}, six[16] = {0xfd, [15] = 5};

    for (int edns = 0; edns < 2; edns++) {
        expect(ask("here", A, edns), NOERROR, 1, "\x7f\0\0\1", 4);
        expect(ask("HERE", AAAA, edns), NOERROR, 1, loop6, 16);
        expect(ask("here", ANY, edns), NOERROR, 2, "\x7f\0\0\1", 4);
        expect(ask("db.example", A, edns), NOERROR, 1, "\x7f\0\0\2", 4);
        expect(ask("db.example", AAAA, edns), NOERROR, 0, NULL, 0); /* exists, has none */
        expect(ask("six", AAAA, edns), NOERROR, 1, six, 16);
        expect(ask("localhost", A, edns), NOERROR, 1, "\x7f\0\0\1", 4);
        expect(ask("a.b.localhost", A, edns), NOERROR, 1, "\x7f\0\0\1", 4);
        expect(ask("here", HTTPS, edns), NOERROR, 0, NULL, 0);
        expect(ask("notlocalhost", A, edns), NXDOMAIN, 0, NULL, 0);
        expect(ask("example", A, edns), NXDOMAIN, 0, NULL, 0);
        expect(ask("db.example.com", A, edns), NXDOMAIN, 0, NULL, 0);
    }
}

static void test_addresses(void **state)
{
    (void)state;
    expect(ask("2.0.0.127.in-addr.arpa", PTR, false), NOERROR, 1, "\2db\7example", 12);
    expect(ask("1.0.0.127.in-addr.arpa", PTR, false), NOERROR, 1, "\11localhost", 11);
    expect(ask("3.0.0.127.in-addr.arpa", PTR, false), NXDOMAIN, 0, NULL, 0);
    expect(
        ask("5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa", PTR, true),
        NOERROR, 1, "\3six", 5);
    expect(ask("2.0.0.127.in-addr.arpa", A, false), NOERROR, 0, NULL, 0);
}

static void test_what_is_no_query(void **state)
{
    (void)state;
    struct dns_names names = some_names();
    uint8_t buf[512], answer[DNS_MESSAGE_MAX];
    size_t len = query(buf, "here", A, false);

    for (size_t n = 0; n < 12; n++)
        assert_int_equal(dns_answer(&names, buf, n, answer), 0);
    for (size_t n = 12; n < len; n++) { /* cut short */
        assert_int_equal(dns_answer(&names, buf, n, answer), 12);
        assert_int_equal(answer[3] & 15, FORMERR);
    }
    buf[2] = 0x81; /* an answer */
    assert_int_equal(dns_answer(&names, buf, len, answer), 0);
    buf[2] = 0x10; /* STATUS */
    assert_int_equal(dns_answer(&names, buf, len, answer), 12);
    assert_int_equal(answer[3] & 15, NOTIMP);
    buf[2] = 1;
    buf[5] = 2; /* two questions, one there */
    assert_int_equal(dns_answer(&names, buf, len, answer), 12);
    assert_int_equal(answer[3] & 15, FORMERR);
}

/* Whatever comes, the answer fits and is one. */
static void test_by_chance(void **state)
{
    (void)state;
    struct dns_names names = some_names();
    uint8_t buf[DNS_MESSAGE_MAX], answer[DNS_MESSAGE_MAX];
    struct sw_rng rng;

    sw_rng_init(&rng, (const uint8_t[16]){7});
    for (int i = 0; i < 200000; i++) {
        size_t len = query(buf, "4.3.2.1.a.localhost", ANY, i & 1);
        for (uint64_t k = sw_rng_below(&rng, 6); k > 0; k--)
            buf[sw_rng_below(&rng, (uint32_t)len)] = (uint8_t)sw_rng_below(&rng, 256);
        size_t n = dns_answer(&names, buf, sw_rng_below(&rng, (uint32_t)len + 1), answer);
        assert_in_range(n, 0, DNS_MESSAGE_MAX);
        assert_true(n == 0 || (n >= 12 && (answer[2] & 0x80) != 0));
    }
}

/* Many records: those that fit. */
static void test_many(void **state)
{
    (void)state;
    struct dns_names names = {0};
    uint8_t buf[512], answer[DNS_MESSAGE_MAX];
    char text[64];

    for (int i = 0; i < DNS_NAMES_MAX; i++) {
        snprintf(text, sizeof(text), "many=fd00::%x", i);
        assert_int_equal(dns_names_add(&names, text), 0);
    }
    assert_int_equal(dns_names_add(&names, "one-more"), -ENOSPC);
    size_t n = dns_answer(&names, buf, query(buf, "many", AAAA, true), answer);
    assert_in_range(n, 400, DNS_MESSAGE_MAX);
    assert_int_equal(answer[7], (n - 22 - 11) / 28);
}

static void test_good_and_bad_names(void **state)
{
    (void)state;
    struct dns_names names = {0};
    static const char *bad[] = {"",
                                ".",
                                "a..b",
                                ".a",
                                "a.",
                                "a b",
                                "a=",
                                "a=1.2.3",
                                "=::1",
                                "a=b",
                                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                                "\xc3\xa4",
                                "a=::1%lo"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(dns_names_add(&names, bad[i]), -EINVAL);
    assert_int_equal(names.n, 0);
    assert_int_equal(dns_names_add(&names, "a-b_c.D9=::1"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_what_is_no_query),
        cmocka_unit_test(test_by_chance),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_good_and_bad_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
