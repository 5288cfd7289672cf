/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP options: maximum segment size (RFC 9293 3.7.1), window scale and timestamps (RFC 7323), SACK
 * (RFC 2018), Fast Open cookies (RFC 7413, also in the experimental option they began with), AccECN
 * (RFC 9768).
 *
 * Reading advances by at least one byte per option (RFC 9293 3.1 MUST-7: a length of zero must not
 * hang anybody). An option of a known kind but the wrong length is skipped, as Linux does.
 */
#include "wire/tcp_options.h"

#include <string.h>

#include "base/assert.h"
#include "wire/bytes.h"

enum { /* kinds: IANA, TCP parameters */
       OPT_EOL = 0,
       OPT_NOP = 1,
       OPT_MSS = 2,
       OPT_WSCALE = 3,
       OPT_SACK_PERMITTED = 4,
       OPT_SACK = 5,
       OPT_TIMESTAMPS = 8,
       OPT_FAST_OPEN = 34,
       OPT_ACCECN0 = 172,
       OPT_ACCECN1 = 174,
       OPT_EXPERIMENT = 254, /* RFC 6994: two bytes say which */
};

enum { /* their lengths in bytes */
       LEN_MSS = 4,
       LEN_WSCALE = 3,
       LEN_SACK_PERMITTED = 2,
       LEN_SACK_BLOCK = 8,
       LEN_TIMESTAMPS = 10,
       LEN_ACCECN_FIELD = 3,
       LEN_EXPERIMENT = 4, /* before what it carries */
       LEN_MAX = 40,       /* all of them: the header has at most 60 */
};

#define FAST_OPEN_MAGIC 0xf989 /* RFC 7413 4.1.1 */
#define WSCALE_MAX 14          /* RFC 7323 2.3 */

static void read_sacks(const uint8_t *p, size_t len, struct sw_tcp_hdr *hdr)
{
    size_t count = (len - 2) / LEN_SACK_BLOCK;
    if ((len - 2) % LEN_SACK_BLOCK != 0 || count > SW_TCP_SACKS)
        return;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *block = p + 2 + i * LEN_SACK_BLOCK;
        hdr->sacks[i].left = sw_seq_of(sw_get32(block));
        hdr->sacks[i].right = sw_seq_of(sw_get32(block + 4));
    }
    hdr->n_sacks = (uint8_t)count;
}

static void read_fast_open(const uint8_t *p, size_t cookie, bool exp, struct sw_tcp_hdr *hdr)
{
    /* RFC 7413 4.1.1: empty, or 4 to 16 bytes, even. */
    if (cookie != 0 && (cookie < 4 || cookie > sizeof(hdr->tfo_cookie) || cookie % 2 != 0))
        return;
    hdr->has_tfo = true;
    hdr->tfo_exp = exp;
    hdr->tfo_len = (uint8_t)cookie;
    memcpy(hdr->tfo_cookie, p, cookie);
}

/* RFC 9768 3.2.3: of any other length as many fields as are whole. */
static void read_accecn(const uint8_t *p, size_t len, struct sw_tcp_hdr *hdr)
{
    size_t fields = (len - 2) / LEN_ACCECN_FIELD;
    hdr->accecn.present = true;
    hdr->accecn.order = p[0] == OPT_ACCECN1;
    hdr->accecn.fields = (uint8_t)(fields < SW_TCP_ACCECN_FIELDS ? fields : SW_TCP_ACCECN_FIELDS);
    for (unsigned i = 0; i < hdr->accecn.fields; i++) {
        const uint8_t *field = p + 2 + i * LEN_ACCECN_FIELD;
        hdr->accecn.bytes[i] = (uint32_t)field[0] << 16 | sw_get16(field + 1);
    }
}

/* An option of `len` bytes, kind and length included. */
static void read_option(const uint8_t *p, size_t len, struct sw_tcp_hdr *hdr)
{
    bool syn = (hdr->flags & SW_TCP_SYN) != 0; /* some mean something only there */
    switch (p[0]) {
    case OPT_MSS:
        if (syn && len == LEN_MSS && sw_get16(p + 2) != 0) {
            hdr->has_mss = true;
            hdr->mss = sw_get16(p + 2);
        }
        break;
    case OPT_WSCALE:
        if (syn && len == LEN_WSCALE) {
            hdr->has_wscale = true;
            hdr->wscale = p[2] < WSCALE_MAX ? p[2] : WSCALE_MAX;
        }
        break;
    case OPT_SACK_PERMITTED:
        if (syn && len == LEN_SACK_PERMITTED)
            hdr->sack_ok = true;
        break;
    case OPT_SACK:
        read_sacks(p, len, hdr);
        break;
    case OPT_TIMESTAMPS:
        if (len == LEN_TIMESTAMPS) {
            hdr->has_ts = true;
            hdr->ts_val = sw_get32(p + 2);
            hdr->ts_ecr = sw_get32(p + 6);
        }
        break;
    case OPT_FAST_OPEN:
        if (syn)
            read_fast_open(p + 2, len - 2, false, hdr);
        break;
    case OPT_ACCECN0:
    case OPT_ACCECN1:
        if ((hdr->flags & (SW_TCP_SYN | SW_TCP_ACK)) != SW_TCP_SYN) /* RFC 9768 3.2.3.2.1 */
            read_accecn(p, len, hdr);
        break;
    case OPT_EXPERIMENT:
        if (syn && len >= LEN_EXPERIMENT && sw_get16(p + 2) == FAST_OPEN_MAGIC)
            read_fast_open(p + LEN_EXPERIMENT, len - LEN_EXPERIMENT, true, hdr);
        break;
    default: /* unknown: RFC 9293 3.1 MUST-6 */
        break;
    }
}

bool sw_tcp_read_options(const uint8_t *p, size_t len, struct sw_tcp_hdr *hdr)
{
    size_t at = 0;
    while (at < len && p[at] != OPT_EOL) {
        if (p[at] == OPT_NOP) {
            at++;
            continue;
        }
        if (len - at < 2 || p[at + 1] < 2 || p[at + 1] > len - at)
            return false;
        read_option(p + at, p[at + 1], hdr);
        at += p[at + 1];
    }
    return true;
}

/* Of a Fast Open option, unpadded. */
static unsigned fast_open_len(const struct sw_tcp_hdr *hdr)
{
    return (hdr->tfo_exp ? LEN_EXPERIMENT : 2U) + hdr->tfo_len;
}

/* All options but SACK blocks, each padded to a multiple of four bytes. */
static unsigned fixed_len(const struct sw_tcp_hdr *hdr)
{
    unsigned len = 0;
    if (hdr->has_mss)
        len += LEN_MSS;
    if (hdr->has_ts)
        len += 2 + LEN_TIMESTAMPS; /* the two: SACK-permitted or NOPs */
    else if (hdr->sack_ok)
        len += 2 + LEN_SACK_PERMITTED;
    if (hdr->has_wscale)
        len += 1 + LEN_WSCALE;
    if (hdr->has_tfo)
        len += (fast_open_len(hdr) + 3U) / 4U * 4U;
    if (hdr->accecn.present)
        len += SW_TCP_ACCECN_LEN(hdr->accecn.fields);
    return len;
}

/* How many SACK blocks fit. */
static unsigned sacks_that_fit(const struct sw_tcp_hdr *hdr)
{
    unsigned left = LEN_MAX - fixed_len(hdr);
    unsigned room = left < 4 ? 0 : (left - 4) / LEN_SACK_BLOCK;
    return hdr->n_sacks < room ? hdr->n_sacks : room;
}

uint8_t sw_tcp_opts_len(const struct sw_tcp_hdr *hdr)
{
    SW_ASSERT(fixed_len(hdr) <= LEN_MAX);
    unsigned sacks = sacks_that_fit(hdr);
    return (uint8_t)(fixed_len(hdr) + (sacks ? 4 + sacks * LEN_SACK_BLOCK : 0));
}

unsigned sw_tcp_opts_room(const struct sw_tcp_hdr *hdr, unsigned sacks)
{
    unsigned used = fixed_len(hdr);
    if (sacks > hdr->n_sacks)
        sacks = hdr->n_sacks;
    if (sacks > 0)
        used += 4 + sacks * LEN_SACK_BLOCK;
    return used < LEN_MAX ? LEN_MAX - used : 0;
}

static uint8_t *put_kind(uint8_t *p, uint8_t kind, unsigned len)
{
    p[0] = kind;
    p[1] = (uint8_t)len;
    return p + 2;
}

static uint8_t *put_nops(uint8_t *p, size_t count)
{
    memset(p, OPT_NOP, count);
    return p + count;
}

static uint8_t *put_accecn(uint8_t *p, const struct sw_tcp_accecn *option)
{
    unsigned len = 2U + LEN_ACCECN_FIELD * option->fields;
    p = put_kind(p, option->order ? OPT_ACCECN1 : OPT_ACCECN0, len);
    for (unsigned i = 0; i < option->fields; i++, p += LEN_ACCECN_FIELD) {
        p[0] = (uint8_t)(option->bytes[i] >> 16);
        sw_put16(p + 1, (uint16_t)option->bytes[i]);
    }
    return put_nops(p, SW_TCP_ACCECN_LEN(option->fields) - len);
}

void sw_tcp_write_options(uint8_t *p, const struct sw_tcp_hdr *hdr)
{
    if (hdr->has_mss) {
        p = put_kind(p, OPT_MSS, LEN_MSS);
        sw_put16(p, hdr->mss);
        p += 2;
    }
    if (hdr->has_ts || hdr->sack_ok) {
        if (!hdr->has_ts || !hdr->sack_ok)
            p = put_nops(p, 2);
        if (hdr->sack_ok)
            p = put_kind(p, OPT_SACK_PERMITTED, LEN_SACK_PERMITTED);
    }
    if (hdr->has_ts) {
        p = put_kind(p, OPT_TIMESTAMPS, LEN_TIMESTAMPS);
        sw_put32(p, hdr->ts_val);
        sw_put32(p + 4, hdr->ts_ecr);
        p += 8;
    }
    if (hdr->has_wscale) {
        p = put_kind(put_nops(p, 1), OPT_WSCALE, LEN_WSCALE);
        *p++ = hdr->wscale;
    }
    if (hdr->has_tfo) {
        unsigned len = fast_open_len(hdr);
        p = put_kind(p, hdr->tfo_exp ? OPT_EXPERIMENT : OPT_FAST_OPEN, len);
        if (hdr->tfo_exp) {
            sw_put16(p, FAST_OPEN_MAGIC);
            p += 2;
        }
        memcpy(p, hdr->tfo_cookie, hdr->tfo_len);
        p = put_nops(p + hdr->tfo_len, (4U - len % 4U) % 4U);
    }
    if (hdr->accecn.present)
        p = put_accecn(p, &hdr->accecn);
    unsigned sacks = sacks_that_fit(hdr);
    if (sacks == 0)
        return;
    p = put_kind(put_nops(p, 2), OPT_SACK, 2 + sacks * LEN_SACK_BLOCK);
    for (unsigned i = 0; i < sacks; i++, p += LEN_SACK_BLOCK) {
        sw_put32(p, hdr->sacks[i].left.v);
        sw_put32(p + 4, hdr->sacks[i].right.v);
    }
}
