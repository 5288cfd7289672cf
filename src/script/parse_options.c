/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP options as scripts write them, straight to their bytes: their order and padding are part of
 * what a script says, and it may well say something illegal.
 */
#include <string.h>

#include "script/private.h"
#include "wire/bytes.h"

enum { /* kinds: IANA, TCP parameters */
       OPT_EOL = 0,
       OPT_NOP = 1,
       OPT_MSS = 2,
       OPT_WSCALE = 3,
       OPT_SACK_PERMITTED = 4,
       OPT_SACK = 5,
       OPT_TIMESTAMPS = 8,
       OPT_MD5 = 19,
       OPT_FAST_OPEN = 34,
       OPT_ACCECN0 = 172, /* RFC 9768 3.2.3 */
       OPT_ACCECN1 = 174,
       OPT_EXPERIMENT = 254, /* RFC 6994 */
};
#define FAST_OPEN_MAGIC 0xf989 /* RFC 7413 4.1.1: the experiment's identifier */

static bool put(struct parser *p, struct spacket *packet, const void *bytes, size_t len)
{
    if (packet->options_len + len > OPTIONS_MAX)
        return script_fail(p->script, SCRIPT_SYNTAX, peek(p)->pos,
                           "these options do not fit into a header");
    memcpy(packet->options + packet->options_len, bytes, len);
    packet->options_len = (uint8_t)(packet->options_len + len);
    return true;
}

/* kind, length, and a number of `size` bytes */
static bool put_number(struct parser *p, struct spacket *packet, uint8_t kind, size_t size,
                       long long max, const char *what)
{
    uint8_t bytes[6] = {kind, (uint8_t)(2 + size)};
    long long n = 0;
    if (size > 0 && !want_number(p, 0, max, what, &n))
        return false;
    for (size_t i = 0; i < size; i++)
        bytes[2 + i] = (uint8_t)(n >> (8 * (size - 1 - i)));
    return put(p, packet, bytes, 2 + size);
}

static bool put_timestamps(struct parser *p, struct spacket *packet)
{
    uint8_t bytes[10] = {OPT_TIMESTAMPS, 10};
    long long val, ecr;
    if (!take_word(p, "val"))
        return wrong_token(p, "val");
    if (!want_number(p, 0, UINT32_MAX, "a timestamp", &val))
        return false;
    if (!take_word(p, "ecr"))
        return wrong_token(p, "ecr");
    if (!want_number(p, 0, UINT32_MAX, "a timestamp", &ecr))
        return false;
    sw_put32(bytes + 2, (uint32_t)val);
    sw_put32(bytes + 6, (uint32_t)ecr);
    return put(p, packet, bytes, sizeof(bytes));
}

static bool put_sacks(struct parser *p, struct spacket *packet)
{
    uint8_t begin[2] = {OPT_SACK, 2};
    uint8_t *len = packet->options + packet->options_len + 1;
    if (!put(p, packet, begin, 2))
        return false;
    do {
        long long left, right;
        uint8_t block[8];
        if (!want_number(p, 0, UINT32_MAX, "a sequence number", &left) || !want_mark(p, ':') ||
            !want_number(p, 0, UINT32_MAX, "a sequence number", &right))
            return false;
        sw_put32(block, (uint32_t)left);
        sw_put32(block + 4, (uint32_t)right);
        if (!put(p, packet, block, sizeof(block)))
            return false;
        *len = (uint8_t)(*len + sizeof(block));
    } while (peek(p)->kind == TOKEN_INTEGER);
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

/* A cookie or digest in hexadecimal, maybe none. `lead` bytes go between length and blob. */
static bool put_blob(struct parser *p, struct spacket *packet, uint8_t kind, const uint8_t *lead,
                     size_t lead_len)
{
    uint8_t bytes[40] = {kind};
    size_t len = 2 + lead_len;
    if (lead_len > 0)
        memcpy(bytes + 2, lead, lead_len);
    const struct token *token = peek(p);
    if (token->kind == TOKEN_WORD || token->kind == TOKEN_INTEGER) {
        for (const char *s = take(p)->text; *s != '\0'; s += 2) {
            int high = hex_digit(s[0]), low = high < 0 ? -1 : hex_digit(s[1]);
            if (low < 0 || len == sizeof(bytes))
                return script_fail(p->script, SCRIPT_SYNTAX, token->pos,
                                   "'%s' is not a whole number of hexadecimal bytes that fit",
                                   token->text);
            bytes[len++] = (uint8_t)(high << 4 | low);
        }
    }
    bytes[1] = (uint8_t)len;
    return put(p, packet, bytes, len);
}

/* ECN e0b N ceb N e1b N: the first field says which order the option has. */
static bool put_accecn(struct parser *p, struct spacket *packet)
{
    static const char *const fields[2][3] = {{"e0b", "ceb", "e1b"}, {"e1b", "ceb", "e0b"}};
    unsigned order = is_word(peek(p), "e1b") ? 1 : 0;
    uint8_t bytes[11] = {order ? OPT_ACCECN1 : OPT_ACCECN0};
    size_t len = 2;
    for (unsigned i = 0; i < 3 && take_word(p, fields[order][i]); i++, len += 3) {
        long long n;
        if (!want_number(p, 0, 0xffffff, "a counter", &n))
            return false;
        bytes[len] = (uint8_t)(n >> 16);
        bytes[len + 1] = (uint8_t)(n >> 8);
        bytes[len + 2] = (uint8_t)n;
    }
    if (len == 2)
        return wrong_token(p, "e0b or e1b");
    bytes[1] = (uint8_t)len;
    return put(p, packet, bytes, len);
}

static bool parse_one(struct parser *p, struct spacket *packet)
{
    static const uint8_t nop[] = {OPT_NOP}, eol[] = {OPT_EOL};
    if (take_word(p, "nop"))
        return put(p, packet, nop, 1);
    if (take_word(p, "eol"))
        return put(p, packet, eol, 1);
    if (take_word(p, "mss"))
        return put_number(p, packet, OPT_MSS, 2, 65535, "a segment size");
    if (take_word(p, "wscale"))
        return put_number(p, packet, OPT_WSCALE, 1, 255, "a window scale");
    if (take_word(p, "sackOK"))
        return put_number(p, packet, OPT_SACK_PERMITTED, 0, 0, "");
    if (take_word(p, "sack"))
        return put_sacks(p, packet);
    if (take_word(p, "TS"))
        return put_timestamps(p, packet);
    if (take_word(p, "md5"))
        return put_blob(p, packet, OPT_MD5, NULL, 0);
    if (take_word(p, "FO"))
        return put_blob(p, packet, OPT_FAST_OPEN, NULL, 0);
    if (take_word(p, "FOEXP")) {
        const uint8_t magic[2] = {FAST_OPEN_MAGIC >> 8, FAST_OPEN_MAGIC & 0xff};
        return put_blob(p, packet, OPT_EXPERIMENT, magic, 2);
    }
    if (take_word(p, "ECN"))
        return put_accecn(p, packet);
    return wrong_token(p, "an option of TCP");
}

bool parse_tcp_options(struct parser *p, struct spacket *packet)
{
    struct pos pos = peek(p)->pos;
    if (peek(p)->kind == TOKEN_ELLIPSIS) {
        take(p);
        packet->options_open = true;
        if (!packet->outbound)
            return script_fail(p->script, SCRIPT_SYNTAX, pos, "<...> is for packets that leave");
        return want_mark(p, '>');
    }
    do {
        if (!parse_one(p, packet))
            return false;
    } while (take_mark(p, ','));
    if (packet->options_len % 4 != 0 || packet->options_len > SW_TCP_HDR_MAX - SW_TCP_HDR)
        return script_fail(p->script, SCRIPT_SYNTAX, pos,
                           "these options have %u bytes; it must be a multiple of 4, at most 40",
                           packet->options_len);
    return want_mark(p, '>');
}
