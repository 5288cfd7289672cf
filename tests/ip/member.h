/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For tests of multicast groups: members that want something, what leaves because of it, as text,
 * and queries that come in.
 */
#ifndef TESTS_IP_MEMBER_H
#define TESTS_IP_MEMBER_H

#include "fixture.h"

enum { SECOND = 1000000000 };

static const char *const record_names[] = {"?",     "IS_IN", "IS_EX", "TO_IN",
                                           "TO_EX", "ALLOW", "BLOCK"};

/* ---- members: at most eight, with sources of their own -------------------------------- */

struct who {
    struct sw_ip_member member;
    struct sw_ip sources[200];
};

static inline void want(struct who *who, bool exclude, const char *sources)
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

static inline void join(struct fixture *f, struct who *who, const char *group)
{
    struct sw_ip ip = addr(group);
    assert_int_equal(sw_ip_join(&f->ip, ETH, &ip, &who->member), 0);
}

static inline void leave(struct fixture *f, struct who *who, const char *group)
{
    struct sw_ip ip = addr(group);
    sw_ip_leave(&f->ip, ETH, &ip, &who->member);
}

static inline void change(struct fixture *f, struct who *who, const char *group, bool exclude,
                          const char *sources)
{
    struct sw_ip ip = addr(group);
    want(who, exclude, sources);
    sw_ip_member_changed(&f->ip, ETH, &ip);
}

/* ---- what leaves, as text -------------------------------------------------------------- */

static inline size_t text_ip(char *to, const uint8_t *p, bool ip4)
{
    struct sw_ip ip = SW_IP4(p[0], p[1], p[2], p[3]);
    if (!ip4)
        memcpy(ip.b, p, 16);
    char text[SW_IP_TEXT];
    sw_ip_text(&ip, text, sizeof(text));
    return (size_t)sprintf(to, " %s", text);
}

/* Records of a report of version 3 or 2, or the group of an older message. */
static inline size_t text_message(char *to, const uint8_t *p, size_t len, bool ip4)
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
static inline const char *told(struct fixture *f)
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
        assert_memory_equal(bytes + 8, "\1\2", 2); /* TTL, IGMP */
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

static inline void wait(struct fixture *f, uint64_t ns)
{
    f->env.now_ns += ns;
    for (struct sw_timer *t; (t = sw_wheel_pop(&f->env.wheel, f->env.now_ns)) != NULL;)
        sw_group_timer(&f->ip, t);
}

/* The second telling of a change, within a second; and no third. */
static inline void tells_again(struct fixture *f, const char *what)
{
    TELLS(f, "");
    wait(f, SECOND);
    TELLS(f, what);
    wait(f, 100ULL * SECOND);
    TELLS(f, "");
    assert_int_equal(f->env.wheel.armed, 0);
}

/* ---- and what comes in ----------------------------------------------------------------- */

static inline void hear(struct fixture *f, const char *src, const char *dst, uint8_t ttl,
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
static inline void query(struct fixture *f, const char *group, uint32_t code, const char *sources)
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

#endif
