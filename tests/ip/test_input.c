/* SPDX-License-Identifier: BSD-2-Clause */
/* What arrives: the martian matrix, truncations, padding; every drop by its name. */
#include "ip/fixture.h"

/* One packet in; the verdict. On SW_DROP_NONE the packet came through. */
static void arrive(struct fixture *f, int iface, struct sw_packet *pkt, enum sw_drop why,
                   const char *what)
{
    uint64_t before[SW_DROP_COUNT];
    struct sw_ip_hdr hdr;
    memcpy(before, f->env.drops, sizeof(before));
    struct sw_packet *got = sw_ip_input(&f->ip, iface, pkt, &hdr);
    assert_dropped(f, before, why, what);
    assert_int_equal(got != NULL, why == SW_DROP_NONE);
    sw_packet_free(got);
}

static const struct {
    int iface;
    const char *src, *dst;
    uint8_t proto;
    enum sw_drop why;
} martians[] = {
    /* what is right */
    {ETH, "8.8.8.8", "10.0.0.1", 17, SW_DROP_NONE},
    {ETH, "8.8.8.8", "192.0.2.1", 6, SW_DROP_NONE},
    {ETH, "2001:4860::8", "2001:db8::1", 6, SW_DROP_NONE},
    {ETH, "fe80::2", "fe80::1", 17, SW_DROP_NONE},
    {LO, "127.0.0.1", "127.0.0.1", 6, SW_DROP_NONE},
    {LO, "127.0.0.1", "127.9.9.9", 6, SW_DROP_NONE},
    {LO, "10.0.0.1", "10.0.0.1", 6, SW_DROP_NONE},
    {LO, "::1", "::1", 6, SW_DROP_NONE},
    {ETH, "8.8.8.8", "10.0.0.255", 17, SW_DROP_NONE},
    {ETH, "8.8.8.8", "255.255.255.255", 17, SW_DROP_NONE},
    {ETH, "8.8.8.8", "255.255.255.255", 160, SW_DROP_NONE},
    {LO, "127.0.0.1", "127.255.255.255", 17, SW_DROP_NONE},
    /* RFC 1122 3.2.1.3 (a): "this host on this network" is no source of an answerable packet */
    {ETH, "0.0.0.0", "10.0.0.1", 17, SW_DROP_IP_MARTIAN_SRC},
    {ETH, "0.1.2.3", "10.0.0.1", 17, SW_DROP_IP_MARTIAN_SRC},
    {LO, "0.0.0.0", "127.0.0.1", 6, SW_DROP_IP_MARTIAN_SRC},
    {ETH, "::", "2001:db8::1", 6, SW_DROP_IP_MARTIAN_SRC},
    /* (c), (d): broadcasts and multicasts are no sources */
    {ETH, "255.255.255.255", "10.0.0.1", 17, SW_DROP_IP_MARTIAN_SRC},
    {ETH, "10.0.0.255", "10.0.0.1", 17, SW_DROP_IP_MARTIAN_SRC},
    {ETH, "224.0.0.1", "10.0.0.1", 17, SW_DROP_IP_MARTIAN_SRC},
    {ETH, "239.255.255.255", "10.0.0.1", 6, SW_DROP_IP_MARTIAN_SRC},
    {ETH, "240.0.0.1", "10.0.0.1", 6, SW_DROP_IP_MARTIAN_SRC},
    {ETH, "ff02::1", "2001:db8::1", 6, SW_DROP_IP_MARTIAN_SRC},
    {LO, "224.0.0.1", "127.0.0.1", 6, SW_DROP_IP_MARTIAN_SRC},
    /* (g): loopback addresses never outside */
    {ETH, "127.0.0.1", "10.0.0.1", 6, SW_DROP_IP_MARTIAN_SRC},
    {ETH, "::1", "2001:db8::1", 6, SW_DROP_IP_MARTIAN_SRC},
    {ETH, "8.8.8.8", "127.0.0.1", 6, SW_DROP_IP_MARTIAN_DST},
    {ETH, "8.8.8.8", "127.9.9.9", 6, SW_DROP_IP_MARTIAN_DST},
    {ETH, "2001:4860::8", "::1", 6, SW_DROP_IP_MARTIAN_DST},
    /* LAND: from ourselves, from outside */
    {ETH, "10.0.0.1", "10.0.0.1", 6, SW_DROP_IP_MARTIAN_SRC},
    {ETH, "192.0.2.1", "10.0.0.1", 6, SW_DROP_IP_MARTIAN_SRC},
    {ETH, "2001:db8::1", "2001:db8::1", 6, SW_DROP_IP_MARTIAN_SRC},
    /* destinations that cannot be, or are not ours */
    {ETH, "8.8.8.8", "0.0.0.0", 17, SW_DROP_IP_MARTIAN_DST},
    {ETH, "8.8.8.8", "0.9.9.9", 17, SW_DROP_IP_MARTIAN_DST},
    {ETH, "8.8.8.8", "240.9.9.9", 17, SW_DROP_IP_MARTIAN_DST},
    {ETH, "2001:4860::8", "::", 17, SW_DROP_IP_MARTIAN_DST},
    {ETH, "8.8.8.8", "10.0.0.255", 6, SW_DROP_IP_MARTIAN_DST}, /* RFC 1122 4.2.3.10 */
    {ETH, "8.8.8.8", "255.255.255.255", 6, SW_DROP_IP_MARTIAN_DST},
    {LO, "127.0.0.1", "127.255.255.255", 6, SW_DROP_IP_MARTIAN_DST},
    {ETH, "8.8.8.8", "10.0.0.2", 6, SW_DROP_IP_NOT_OURS},
    {ETH, "8.8.8.8", "224.0.0.251", 17, SW_DROP_IP_NOT_OURS},
    {ETH, "2001:4860::8", "2001:db8::2", 6, SW_DROP_IP_NOT_OURS},
    {ETH, "fe80::2", "ff02::2", 58, SW_DROP_IP_NOT_OURS},
    {ETH, "8.8.8.8", "224.0.0.1", 6, SW_DROP_IP_MARTIAN_DST},
    {ETH, "fe80::2", "ff02::1", 6, SW_DROP_IP_MARTIAN_DST},
    {LO, "127.0.0.1", "8.8.8.8", 6, SW_DROP_IP_NOT_OURS},
    {3, "8.8.8.8", "10.0.0.1", 17, SW_DROP_IFACE},
    {0, "8.8.8.8", "10.0.0.1", 17, SW_DROP_IFACE},
};

static void test_martians(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < sizeof(martians) / sizeof(martians[0]); i++) {
        struct made m = {
            .src = addr(martians[i].src), .dst = addr(martians[i].dst), .proto = martians[i].proto};
        char what[128];
        snprintf(what, sizeof(what), "%s > %s on %d", martians[i].src, martians[i].dst,
                 martians[i].iface);
        arrive(&f, martians[i].iface, make(&f, &m, "0123456789abcdef0123", 20), martians[i].why,
               what);
    }
    fixture_fini(&f);
}

/* A host without a loopback interface has no loopback addresses, yet knows what they are. */
static void test_no_loopback(void **state)
{
    (void)state;
    struct fixture f;
    memset(&f, 0, sizeof(f));
    f.env.mem = sw_mem_new(&sw_alloc_libc, 0);
    sw_wheel_init(&f.env.wheel, 0);
    assert_int_equal(sw_ip_init(&f.ip, &f.env), 0);
    struct sw_iface_config eth = {.name = "eth0", .mtu = 1500};
    assert_int_equal(sw_ip_add_iface(&f.ip, &eth), 1);
    give(&f, 1, "10.0.0.1", 24);
    struct made m = {.src = addr("127.0.0.1"), .dst = addr("10.0.0.1"), .proto = 17};
    arrive(&f, 1, make(&f, &m, "01234567", 8), SW_DROP_IP_MARTIAN_SRC, "from loopback");
    m = (struct made){.src = addr("8.8.8.8"), .dst = addr("127.0.0.1"), .proto = 17};
    arrive(&f, 1, make(&f, &m, "01234567", 8), SW_DROP_IP_MARTIAN_DST, "to loopback");
    fixture_fini(&f);
}

/* IPv4-mapped addresses in an IPv6 header: in memory they look like IPv4 (RFC 4038 4.2). */
static void test_mapped_on_the_wire(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct made good = {.src = addr("2001:4860::8"), .dst = addr("2001:db8::1"), .proto = 17};
    struct made bad_src = good, bad_dst = good;
    bad_src.src = addr("8.8.8.8");
    bad_dst.dst = addr("10.0.0.1");
    const struct made *rows[] = {&good, &bad_src, &bad_dst};
    const enum sw_drop whys[] = {SW_DROP_NONE, SW_DROP_IP_MARTIAN_SRC, SW_DROP_IP_MARTIAN_DST};
    for (int i = 0; i < 3; i++) {
        uint8_t bytes[64];
        size_t n = make_bytes(bytes, rows[i], true, "01234567", 8);
        arrive(&f, ETH, sw_packet_from_bytes(f.env.mem, bytes, n), whys[i], "mapped");
    }
    fixture_fini(&f);
}

/* Every prefix of a good packet of each family is dropped under a name, and leaks nothing. */
static void test_truncated(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    for (int v6 = 0; v6 < 2; v6++) {
        struct made m = {.src = addr(v6 ? "2001:4860::8" : "8.8.8.8"),
                         .dst = addr(v6 ? "2001:db8::1" : "10.0.0.1"),
                         .proto = 17};
        uint8_t bytes[128];
        size_t n = make_bytes(bytes, &m, v6, "0123456789abcdef", 16);
        for (size_t len = 1; len < n; len++) {
            struct sw_ip_hdr hdr;
            uint64_t before = 0, after = 0;
            for (int i = 0; i < SW_DROP_COUNT; i++)
                before += f.env.drops[i];
            assert_null(sw_ip_input(&f.ip, ETH, sw_packet_from_bytes(f.env.mem, bytes, len), &hdr));
            for (int i = 0; i < SW_DROP_COUNT; i++)
                after += f.env.drops[i];
            assert_int_equal(after, before + 1);
        }
        arrive(&f, ETH, sw_packet_from_bytes(f.env.mem, bytes, n), SW_DROP_NONE, "whole");
    }
    fixture_fini(&f);
}

static void test_header_errors(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct made m = {.src = addr("8.8.8.8"), .dst = addr("10.0.0.1"), .proto = 17};
    static const struct {
        unsigned at;
        uint8_t value;
        enum sw_drop why;
    } rows[] = {
        {0, 0x55, SW_DROP_IP_VERSION},    {0, 0x05, SW_DROP_IP_VERSION},
        {0, 0x44, SW_DROP_IP_HEADER_LEN}, {0, 0x4f, SW_DROP_IP_HEADER_LEN},
        {3, 19, SW_DROP_IP_TOTAL_LEN},    {3, 200, SW_DROP_IP_TOTAL_LEN},
        {10, 0, SW_DROP_IP_CHECKSUM},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t bytes[64];
        size_t n = make_bytes(bytes, &m, false, "01234567", 8);
        bytes[rows[i].at] = rows[i].value;
        if (rows[i].at != 10) {
            put16(bytes + 10, 0);
            put16(bytes + 10, (uint16_t)~sum16(0, bytes, 20));
        }
        char what[32];
        snprintf(what, sizeof(what), "row %zu", i);
        arrive(&f, ETH, sw_packet_from_bytes(f.env.mem, bytes, n), rows[i].why, what);
    }
    fixture_fini(&f);
}

/* IPv4 options and IPv6 extension headers: walked, or dropped by name. */
static void test_options(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    static const struct {
        uint8_t option[4];
        enum sw_drop why;
    } rows4[] = {
        {{1, 1, 1, 0}, SW_DROP_NONE},
        {{148, 4, 0, 0}, SW_DROP_NONE}, /* router alert */
        {{148, 0, 0, 0}, SW_DROP_IP_OPTION},
        {{148, 5, 0, 0}, SW_DROP_IP_OPTION},
    };
    for (size_t i = 0; i < sizeof(rows4) / sizeof(rows4[0]); i++) {
        struct made m = {.src = addr("8.8.8.8"), .dst = addr("10.0.0.1"), .proto = 17};
        uint8_t bytes[64];
        memcpy(bytes + 40, rows4[i].option, 4);
        size_t n = make_bytes(bytes, &m, false, bytes + 40, 4); /* the payload becomes the option */
        memset(bytes + n, 0, 8);
        bytes[0] = 0x46;
        put16(bytes + 2, (uint32_t)n + 8);
        put16(bytes + 10, 0);
        put16(bytes + 10, (uint16_t)~sum16(0, bytes, 24));
        char what[32];
        snprintf(what, sizeof(what), "IPv4 option, row %zu", i);
        arrive(&f, ETH, sw_packet_from_bytes(f.env.mem, bytes, n + 8), rows4[i].why, what);
    }
    for (unsigned count = 0; count < 12; count++) { /* a chain of destination options */
        struct made m = {.src = addr("2001:4860::8"), .dst = addr("2001:db8::1")};
        uint8_t chain[12 * 8 + 8] = {0};
        m.proto = count ? 60 : 17;
        for (unsigned i = 0; i < count; i++) {
            chain[i * 8] = i + 1 < count ? 60 : 17;
            chain[i * 8 + 2] = 1; /* PadN over the remaining four bytes */
            chain[i * 8 + 3] = 4;
        }
        char what[32];
        snprintf(what, sizeof(what), "%u extension headers", count);
        arrive(&f, ETH, make(&f, &m, chain, count * 8 + 8),
               count <= SW_IP6_EXT_MAX ? SW_DROP_NONE : SW_DROP_IP_EXT_HEADER, what);
    }
    fixture_fini(&f);
}

/* A link's padding goes, whether it lies in the slices or, as in a 46-byte frame, in the head. */
static void test_padding(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct made m = {.src = addr("8.8.8.8"), .dst = addr("10.0.0.1"), .proto = 17, .tos = 8};
    for (size_t len = 0; len < 300; len += len < 64 ? 1 : 37) {
        for (size_t pad = 0; pad < 64; pad += 9) {
            uint8_t bytes[512], payload[300], got[300];
            for (size_t i = 0; i < len; i++)
                payload[i] = (uint8_t)i;
            size_t n = make_bytes(bytes, &m, false, payload, len);
            memset(bytes + n, 0xee, pad);
            struct sw_ip_hdr hdr;
            struct sw_packet *pkt =
                sw_ip_input(&f.ip, ETH, sw_packet_from_bytes(f.env.mem, bytes, n + pad), &hdr);
            assert_non_null(pkt);
            assert_int_equal(sw_packet_len(pkt), len);
            assert_int_equal(hdr.payload_len, len);
            assert_int_equal(hdr.tos, 8);
            assert_int_equal(sw_packet_copy(pkt, 0, got, sizeof(got)), len);
            if (len)
                assert_memory_equal(got, payload, len);
            sw_packet_free(pkt);
        }
    }
    fixture_fini(&f);
}

/* A header that somebody left in a slice is read all the same. */
static void test_header_in_slice(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct made m = {.src = addr("2001:4860::8"), .dst = addr("2001:db8::1"), .proto = 17};
    struct sw_packet *pkt = make(&f, &m, "01234567", 8);
    assert_int_equal(sw_packet_head_to_data(pkt), 0);
    arrive(&f, ETH, pkt, SW_DROP_NONE, "all in slices");
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_martians),  cmocka_unit_test(test_mapped_on_the_wire),
        cmocka_unit_test(test_truncated), cmocka_unit_test(test_header_errors),
        cmocka_unit_test(test_padding),   cmocka_unit_test(test_header_in_slice),
        cmocka_unit_test(test_options),   cmocka_unit_test(test_no_loopback),
    };
    return cmocka_run_group_tests_name("ip/input", tests, NULL, NULL);
}
