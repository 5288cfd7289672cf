/* SPDX-License-Identifier: BSD-2-Clause */
/* Text of addresses: RFC 5952 out, RFC 4291 2.2 and dotted quads in. No libc: the core has none. */
#include <sockworks/addr.h>

#include <errno.h>

/* A text that grows; what does not fit is lost, the end is always terminated. */
struct out {
    char *buf;
    size_t size, len;
};

static void put_char(struct out *o, char c)
{
    if (o->len + 1 >= o->size)
        return;
    o->buf[o->len++] = c;
    o->buf[o->len] = '\0';
}

static void put_number(struct out *o, uint32_t n, uint32_t base)
{
    char digits[10];
    unsigned count = 0;
    do {
        digits[count++] = "0123456789abcdef"[n % base];
        n /= base;
    } while (n > 0);
    while (count > 0)
        put_char(o, digits[--count]);
}

static void put_ip4(struct out *o, const uint8_t *b)
{
    for (unsigned i = 0; i < 4; i++) {
        if (i > 0)
            put_char(o, '.');
        put_number(o, b[i], 10);
    }
}

static uint32_t group(const struct sw_ip *ip, unsigned i)
{
    return (uint32_t)ip->b[2 * i] << 8 | ip->b[2 * i + 1];
}

/* RFC 5952 4.2: the longest run of two or more zero groups becomes "::", the first among equals. */
static void longest_zeros(const struct sw_ip *ip, unsigned *ret_first, unsigned *ret_len)
{
    unsigned best = 8, best_len = 1;
    for (unsigned i = 0, run; i < 8; i += run + 1) {
        for (run = 0; i + run < 8 && group(ip, i + run) == 0; run++)
            ;
        if (run > best_len) {
            best = i;
            best_len = run;
        }
    }
    *ret_first = best;
    *ret_len = best_len;
}

static void put_ip(struct out *o, const struct sw_ip *ip)
{
    if (sw_ip_is4(ip)) {
        put_ip4(o, ip->b + 12);
        return;
    }
    unsigned zeros, zeros_len;
    longest_zeros(ip, &zeros, &zeros_len);
    for (unsigned i = 0; i < 8; i++) {
        if (i == zeros) {
            put_char(o, ':');
            put_char(o, ':');
            i += zeros_len - 1;
            continue;
        }
        if (i > 0 && i != zeros + zeros_len)
            put_char(o, ':');
        put_number(o, group(ip, i), 16);
    }
}

static struct out out_init(char *buf, size_t size)
{
    if (size > 0)
        buf[0] = '\0';
    return (struct out){buf, size, 0};
}

char *sw_ip_text(const struct sw_ip *ip, char *buf, size_t size)
{
    struct out o = out_init(buf, size);
    put_ip(&o, ip);
    return buf;
}

char *sw_addr_text(const struct sw_addr *addr, char *buf, size_t size)
{
    struct out o = out_init(buf, size);
    bool four = sw_ip_is4(&addr->ip);
    if (!four)
        put_char(&o, '[');
    put_ip(&o, &addr->ip);
    if (!four) {
        if (addr->scope_id != 0) { /* RFC 4007 11.2 */
            put_char(&o, '%');
            put_number(&o, addr->scope_id, 10);
        }
        put_char(&o, ']');
    }
    put_char(&o, ':');
    put_number(&o, addr->port, 10);
    return buf;
}

/* A dotted quad that ends the text. Leading zeros are refused: some read them as octal. */
static bool parse_ip4(const char *p, uint8_t *ret_b)
{
    uint8_t b[4];
    for (unsigned i = 0; i < 4; i++) {
        unsigned n = 0, digits = 0;
        for (; *p >= '0' && *p <= '9' && digits < 4; p++, digits++)
            n = n * 10 + (unsigned)(*p - '0');
        bool leading_zero = digits > 1 && p[-(int)digits] == '0';
        if (digits == 0 || digits > 3 || n > 255 || leading_zero || *p != (i < 3 ? '.' : '\0'))
            return false;
        b[i] = (uint8_t)n;
        p++;
    }
    memcpy(ret_b, b, sizeof(b));
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One group of one to four digits; returns what follows it, NULL if there is none. */
static const char *parse_group(const char *p, uint8_t *ret_b)
{
    unsigned n = 0, digits = 0;
    for (; hex_digit(*p) >= 0; p++) {
        if (++digits > 4)
            return NULL;
        n = n << 4 | (unsigned)hex_digit(*p);
    }
    if (digits == 0)
        return NULL;
    ret_b[0] = (uint8_t)(n >> 8);
    ret_b[1] = (uint8_t)n;
    return p;
}

static bool parse_ip6(const char *p, struct sw_ip *ret_ip)
{
    uint8_t b[16] = {0};
    unsigned len = 0, gap = 17; /* bytes read; where "::" stands, 17: nowhere */
    if (*p == ':' && *++p != ':')
        return false;
    for (;;) {
        if (*p == ':') { /* the second colon of "::" */
            if (gap != 17)
                return false;
            gap = len;
            if (*++p == '\0')
                break;
        }
        if (len == 16)
            return false;
        if (len <= 12 && parse_ip4(p, b + len)) {
            len += 4;
            break;
        }
        p = parse_group(p, b + len);
        if (!p)
            return false;
        len += 2;
        if (*p == '\0')
            break;
        if (*p++ != ':' || *p == '\0')
            return false;
    }
    if (gap == 17 ? len != 16 : len == 16)
        return false;
    *ret_ip = (struct sw_ip){{0}};
    if (gap == 17)
        gap = len;
    memcpy(ret_ip->b, b, gap);
    memcpy(ret_ip->b + 16 - (len - gap), b + gap, len - gap);
    return true;
}

int sw_ip_parse(const char *text, struct sw_ip *ret_ip)
{
    uint8_t quad[4];
    if (parse_ip4(text, quad)) {
        *ret_ip = SW_IP4(quad[0], quad[1], quad[2], quad[3]);
        return 0;
    }
    return parse_ip6(text, ret_ip) ? 0 : -EINVAL;
}
