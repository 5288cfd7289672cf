/* SPDX-License-Identifier: BSD-2-Clause */
/* A name server's answers (dns.h). Sections are of RFC 1035 unless said. */
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "run/names/dns.h"

enum {
    TTL_S = 0,       /* nobody keeps it: the next run has other names (3.2.1) */
    EDNS_BYTES = 11, /* of an OPT record without options: RFC 6891 6.1.2 */
    QUESTION_AT = NS_HFIXEDSZ,
    TO_QUESTION = 0xc000 | QUESTION_AT, /* a name that is the question's: 4.1.4 */
};

/* ---- names ---- */

/* Letters, digits, hyphens, underscores, between dots: what programs take for a host's name. */
static bool good_name(const char *text, size_t len)
{
    size_t label = 0;

    if (len == 0 || len > DNS_NAME_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (c == '.' ? label == 0 : !letter && c != '-' && c != '_')
            return false;
        label = c == '.' ? 0 : label + 1;
        if (label > NS_MAXLABEL)
            return false;
    }
    return label > 0;
}

static bool read_ip(const char *text, struct sw_ip *ret_ip)
{
    uint8_t b[4];

    if (inet_pton(AF_INET, text, b) == 1)
        *ret_ip = SW_IP4(b[0], b[1], b[2], b[3]);
    else if (inet_pton(AF_INET6, text, ret_ip->b) != 1)
        return false;
    return true;
}

int dns_names_add(struct dns_names *names, const char *text)
{
    size_t len = strcspn(text, "=");
    struct dns_name name = {.has_ip = text[len] == '='};

    if (!good_name(text, len) || (name.has_ip && !read_ip(text + len + 1, &name.ip)))
        return -EINVAL;
    if (names->n == DNS_NAMES_MAX)
        return -ENOSPC;
    memcpy(name.text, text, len);
    names->list[names->n++] = name;
    return 0;
}

/* Whether `text` is `localhost` or ends in ".localhost". */
static bool below_localhost(const char *text)
{
    static const char localhost[] = "localhost";
    size_t len = strlen(text), n = sizeof(localhost) - 1;
    return len >= n && strcasecmp(text + len - n, localhost) == 0 &&
           (len == n || text[len - n - 1] == '.');
}

/* ---- answers ---- */

struct answer {
    uint8_t *bytes;
    size_t len;
    uint16_t n; /* records of the answer section */
};

static void put16(struct answer *a, unsigned value)
{
    a->bytes[a->len++] = (uint8_t)(value >> 8);
    a->bytes[a->len++] = (uint8_t)value;
}

/* A record about the name asked for, but for its data (4.1.3). */
static void put_record(struct answer *a, ns_type type, size_t data_len)
{
    put16(a, TO_QUESTION);
    put16(a, type);
    put16(a, ns_c_in);
    put16(a, TTL_S >> 16);
    put16(a, TTL_S & 0xffff);
    put16(a, (unsigned)data_len);
    a->n++;
}

static void put_ip(struct answer *a, ns_type type, const struct sw_ip *ip)
{
    bool ip4 = sw_ip_is4(ip);
    size_t skip = ip4 ? 12 : 0, len = sizeof(ip->b) - skip;

    if (type != ns_t_any && type != (ip4 ? ns_t_a : ns_t_aaaa))
        return;
    if (a->len + NS_RRFIXEDSZ + 2 + len + EDNS_BYTES > DNS_MESSAGE_MAX)
        return;
    put_record(a, ip4 ? ns_t_a : ns_t_aaaa, len);
    memcpy(a->bytes + a->len, ip->b + skip, len);
    a->len += len;
}

static void put_loopbacks(struct answer *a, ns_type type)
{
    static const struct sw_ip loopback6 = {{[15] = 1}};
    const struct sw_ip loopback4 = SW_IP4_LOOPBACK;
    put_ip(a, type, &loopback4);
    put_ip(a, type, &loopback6);
}

static void put_pointer(struct answer *a, const char *name)
{
    uint8_t data[NS_MAXCDNAME];
    int len = ns_name_pton(name, data, sizeof(data)) < 0 ? -1 : (int)strlen((char *)data) + 1;

    if (len < 0 || a->len + NS_RRFIXEDSZ + 2 + (size_t)len + EDNS_BYTES > DNS_MESSAGE_MAX)
        return;
    put_record(a, ns_t_ptr, (size_t)len);
    memcpy(a->bytes + a->len, data, (size_t)len);
    a->len += (size_t)len;
}

/* "4.3.2.1.in-addr.arpa" (3.5), and sixteen times two digits for IPv6 (RFC 3596 2.5). */
static void reverse_name(const struct sw_ip *ip, char *ret_name, size_t size)
{
    size_t at = 0;

    if (sw_ip_is4(ip)) {
        snprintf(ret_name, size, "%u.%u.%u.%u.in-addr.arpa", ip->b[15], ip->b[14], ip->b[13],
                 ip->b[12]);
        return;
    }
    for (int i = 15; i >= 0; i--)
        at += (size_t)snprintf(ret_name + at, size - at, "%x.%x.", ip->b[i] & 15, ip->b[i] >> 4);
    snprintf(ret_name + at, size - at, "ip6.arpa");
}

static bool is_reverse_of(const char *text, const struct sw_ip *ip)
{
    char name[sizeof("f.f.") * 16 + sizeof("ip6.arpa")];
    reverse_name(ip, name, sizeof(name));
    return strcasecmp(text, name) == 0;
}

/* Everything known of a name. False: it does not exist. */
static bool put_all(struct answer *a, const struct dns_names *names, const char *text, ns_type type)
{
    static const struct sw_ip loopback6 = {{[15] = 1}};
    const struct sw_ip loopback4 = SW_IP4_LOOPBACK;
    bool exists = below_localhost(text);
    bool pointer = type == ns_t_ptr || type == ns_t_any;

    if (exists)
        put_loopbacks(a, type);
    for (size_t i = 0; i < names->n; i++) {
        const struct dns_name *name = &names->list[i];
        if (strcasecmp(text, name->text) == 0) {
            exists = true;
            if (name->has_ip)
                put_ip(a, type, &name->ip);
            else
                put_loopbacks(a, type);
        } else if (name->has_ip && is_reverse_of(text, &name->ip)) {
            exists = true;
            if (pointer)
                put_pointer(a, name->text);
        }
    }
    if (!exists && (is_reverse_of(text, &loopback4) || is_reverse_of(text, &loopback6))) {
        exists = true;
        if (pointer)
            put_pointer(a, "localhost");
    }
    return exists;
}

/* An OPT record, as an answer to one (RFC 6891 6.1.1): it says that we read nothing of it. */
static void put_edns(struct answer *a)
{
    static const uint8_t opt[EDNS_BYTES] = {
        0, 0, ns_t_opt, DNS_MESSAGE_MAX >> 8, DNS_MESSAGE_MAX & 0xff,
    };
    memcpy(a->bytes + a->len, opt, sizeof(opt));
    a->len += sizeof(opt);
}

static bool asks_edns(ns_msg *msg)
{
    ns_rr rr;
    for (int i = 0; i < ns_msg_count(*msg, ns_s_ar); i++)
        if (ns_parserr(msg, ns_s_ar, i, &rr) == 0 && ns_rr_type(rr) == ns_t_opt)
            return true;
    return false;
}

size_t dns_answer(const struct dns_names *names, const uint8_t *query, size_t len,
                  uint8_t ret_answer[DNS_MESSAGE_MAX])
{
    struct answer a = {.bytes = ret_answer, .len = NS_HFIXEDSZ};
    ns_rcode rcode = ns_r_formerr;
    bool edns = false;
    unsigned questions = 0;
    ns_msg msg;
    ns_rr question;

    if (len < NS_HFIXEDSZ || (query[2] & 0x80) != 0) /* QR: an answer is not answered (4.1.1) */
        return 0;
    if (ns_initparse(query, (int)len, &msg) == 0) {
        if (ns_msg_getflag(msg, ns_f_opcode) != ns_o_query) {
            rcode = ns_r_notimpl;
        } else if (ns_msg_count(msg, ns_s_qd) == 1 &&
                   ns_parserr(&msg, ns_s_qd, 0, &question) == 0) {
            /* A single question's name cannot be compressed, so it is as long as it looks. */
            const uint8_t *p = query + NS_HFIXEDSZ;
            size_t n = (size_t)ns_name_skip(&p, query + len) == 0
                           ? (size_t)(p - query) - NS_HFIXEDSZ + NS_QFIXEDSZ
                           : 0;
            memcpy(a.bytes + a.len, query + NS_HFIXEDSZ, n);
            a.len += n;
            questions = 1;
            edns = asks_edns(&msg);
            rcode = ns_rr_class(question) == ns_c_in &&
                            put_all(&a, names, ns_rr_name(question), ns_rr_type(question))
                        ? ns_r_noerror
                        : ns_r_nxdomain;
        }
    }
    if (edns)
        put_edns(&a);
    memcpy(a.bytes, query, 2);                        /* ID */
    a.bytes[2] = (uint8_t)(0x84 | (query[2] & 0x79)); /* QR, AA, and what was asked: RD */
    a.bytes[3] = (uint8_t)(0x80 | rcode);             /* RA: no name remains unanswered */
    struct answer counts = {.bytes = a.bytes, .len = 4};
    put16(&counts, questions);
    put16(&counts, a.n);
    put16(&counts, 0);
    put16(&counts, edns);
    return a.len;
}
