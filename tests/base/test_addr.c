/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses to text and back, against tables of RFC 5952 and RFC 4291. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>

#include <sockworks/addr.h>

#include "base/rng.h"

static void test_text_is_canonical(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"0.0.0.0", "0.0.0.0"},
        {"255.1.20.3", "255.1.20.3"},
        {"::", "::"},
        {"::1", "::1"},
        {"1::", "1::"},
        {"0:0:0:0:0:0:0:1", "::1"},
        {"2001:0DB8::0001", "2001:db8::1"},              /* RFC 5952 4.1, 4.3 */
        {"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},       /* 4.2.1 */
        {"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"}, /* 4.2.2 */
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},         /* 4.2.3 the longest */
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},   /* 4.2.3 the first */
        {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
        {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
        {"::ffff:10.0.0.1", "10.0.0.1"},
        {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
        {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sw_ip ip, again;
        char text[SW_IP_TEXT];
        assert_int_equal(sw_ip_parse(rows[i].in, &ip), 0);
        assert_string_equal(sw_ip_text(&ip, text, sizeof(text)), rows[i].out);
        assert_int_equal(sw_ip_parse(text, &again), 0);
        assert_true(sw_ip_eq(&ip, &again));
    }
}

static void test_parse_refuses(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        ":",
        ":::",
        "1",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.256",
        "1.2.3.04",
        "1.2.3.",
        ".1.2.3",
        "1..2.3",
        "1.2.3.4 ",
        " 1.2.3.4",
        "1.2.3.4444",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1::2::3",
        ":1::",
        "1:",
        "1::2:",
        "12345::",
        "g::",
        "1:2:3:4:5:6:7:8::",
        "::1:2:3:4:5:6:7:8",
        "::1.2.3",
        "1.2.3.4::",
        "1:2:3:4:5:6:7:1.2.3.4",
        "fe80::1%1",
        "::ffff:1.2.3.4:5",
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sw_ip ip = SW_IP6_LOOPBACK, before = ip;
        assert_int_equal(sw_ip_parse(rows[i], &ip), -EINVAL);
        assert_true(sw_ip_eq(&ip, &before));
    }
}

/* The C library agrees on a few thousand addresses, with zero groups sown in. */
static void test_agrees_with_libc(void **state)
{
    (void)state;
    struct sw_rng rng;
    sw_rng_init(&rng, (const uint8_t[16]){1});
    for (unsigned round = 0; round < 5000; round++) {
        struct sw_ip ip, again;
        for (unsigned i = 0; i < 16; i += 2) {
            uint32_t group = sw_rng_below(&rng, 3) == 0 ? sw_rng_below(&rng, 0x10000) : 0;
            ip.b[i] = (uint8_t)(group >> 8);
            ip.b[i + 1] = (uint8_t)group;
        }
        if (memcmp(ip.b, SW_IP6_ANY.b, 12) == 0)
            continue; /* glibc still writes the deprecated IPv4-compatible form */
        char ours[SW_IP_TEXT], theirs[INET6_ADDRSTRLEN];
        if (memcmp(ip.b, SW_IP4_ANY.b, 12) != 0) {
            inet_ntop(AF_INET6, ip.b, theirs, sizeof(theirs));
            assert_string_equal(sw_ip_text(&ip, ours, sizeof(ours)), theirs);
        }
        assert_int_equal(sw_ip_parse(sw_ip_text(&ip, ours, sizeof(ours)), &again), 0);
        assert_true(sw_ip_eq(&ip, &again));
    }
}

static void test_addr_text(void **state)
{
    (void)state;
    char text[SW_ADDR_TEXT];
    struct sw_addr addr = {SW_IP4_LOOPBACK, 80, 0};
    assert_string_equal(sw_addr_text(&addr, text, sizeof(text)), "127.0.0.1:80");
    addr.ip = SW_IP6_LOOPBACK;
    assert_string_equal(sw_addr_text(&addr, text, sizeof(text)), "[::1]:80");
    memset(addr.ip.b, 0xff, 16);
    addr.port = 65535;
    addr.scope_id = UINT32_MAX;
    assert_string_equal(sw_addr_text(&addr, text, sizeof(text)),
                        "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535");
    char small[5];
    assert_string_equal(sw_addr_text(&addr, small, sizeof(small)), "[fff");
    assert_ptr_equal(sw_addr_text(&addr, small, 0), small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_is_canonical),
        cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_agrees_with_libc),
        cmocka_unit_test(test_addr_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
