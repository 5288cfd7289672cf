/* SPDX-License-Identifier: BSD-2-Clause */
/* IGMP and MLD messages (member.h). Sections are of RFC 3376 / RFC 3810 where both are given. */
#include "wire/member.h"

#include "base/assert.h"
#include "wire/bytes.h"

enum {
    IGMP_OLD = 8,    /* bytes of a message of versions 1 and 2 */
    IGMP_QUERY = 12, /* of version 3, without sources: 4.1 */
    MLD_OLD = 24,    /* of version 1 */
    MLD_QUERY = 28,  /* of version 2, without sources: 5.1 */
    REPORT_HDR = 8,
    N_SOURCES = 2, /* where a record has the number of its sources: 4.2.6 / 5.2.6 */
};

#define TENTH_NS 100000000U /* the unit of IGMP's Max Resp Code: 4.1.1 */
#define MILLI_NS 1000000U   /* of MLD's Maximum Response Code: 5.1.3 */

static uint32_t addr_len(bool ip4)
{
    return ip4 ? 4 : 16;
}

static struct sw_ip read_ip(const uint8_t *p, bool ip4)
{
    struct sw_ip ip = SW_IP4(p[0], p[1], p[2], p[3]);
    if (!ip4)
        memcpy(ip.b, p, sizeof(ip.b));
    return ip;
}

/* A number of few bits for large values: mantissa with its leading one left out, and exponent
 * (4.1.1, 4.1.7 / 5.1.3). `bits` of mantissa, in a field whose top bit says so. */
static uint64_t floating(uint32_t code, unsigned bits)
{
    uint32_t mantissa = code & ((1U << bits) - 1), exponent = code >> bits & 7;
    if ((code >> (bits + 3)) == 0)
        return code;
    return (uint64_t)(mantissa | 1U << bits) << (exponent + 3);
}

static enum sw_drop read_sources(const uint8_t *p, size_t len, size_t at, bool ip4,
                                 struct sw_member_msg *msg)
{
    msg->n_sources = sw_get16(p + at - 2);
    msg->sources = p + at;
    return msg->n_sources <= (len - at) / addr_len(ip4) ? SW_DROP_NONE : SW_DROP_MEMBER;
}

/* A version 1 query has no time in it (its hosts answer within ten seconds: RFC 1112 appendix I);
 * lengths between those of version 2 and 3 are to be ignored (7.1). */
static enum sw_drop parse_igmp(const uint8_t *p, size_t len, struct sw_member_msg *msg)
{
    if (len < IGMP_OLD)
        return SW_DROP_MEMBER;
    msg->group = read_ip(p + 4, true);
    if (msg->type != SW_IGMP_QUERY)
        return SW_DROP_NONE;
    msg->version = len == IGMP_OLD ? (p[1] == 0 ? 1 : 2) : 3;
    if (msg->version == 3 && len < IGMP_QUERY)
        return SW_DROP_MEMBER;
    uint64_t tenths = msg->version == 1 ? 100 : msg->version == 2 ? p[1] : floating(p[1], 4);
    msg->max_delay_ns = tenths * TENTH_NS;
    return msg->version < 3 ? SW_DROP_NONE : read_sources(p, len, IGMP_QUERY, true, msg);
}

static enum sw_drop parse_mld(const uint8_t *p, size_t len, struct sw_member_msg *msg)
{
    if (len < MLD_OLD)
        return msg->type == SW_MLD_REPORT ? SW_DROP_NONE : SW_DROP_MEMBER;
    msg->group = read_ip(p + 8, false);
    if (msg->type != SW_MLD_QUERY)
        return SW_DROP_NONE;
    msg->version = len == MLD_OLD ? 1 : 2;
    if (msg->version == 2 && len < MLD_QUERY)
        return SW_DROP_MEMBER;
    uint32_t code = sw_get16(p + 4);
    msg->max_delay_ns = (msg->version == 1 ? code : floating(code, 12)) * MILLI_NS;
    return msg->version == 1 ? SW_DROP_NONE : read_sources(p, len, MLD_QUERY, false, msg);
}

enum sw_drop sw_member_parse(const uint8_t *bytes, size_t len, bool ip4,
                             struct sw_member_msg *ret_msg)
{
    if (len == 0)
        return SW_DROP_MEMBER;
    struct sw_member_msg msg = {.type = bytes[0]};
    enum sw_drop why = ip4 ? parse_igmp(bytes, len, &msg) : parse_mld(bytes, len, &msg);
    if (why == SW_DROP_NONE)
        *ret_msg = msg;
    return why;
}

struct sw_ip sw_member_source(const struct sw_member_msg *msg, bool ip4, uint32_t i)
{
    SW_ASSERT(i < msg->n_sources);
    return read_ip(msg->sources + i * addr_len(ip4), ip4);
}

/* ---- reports -------------------------------------------------------------------------- */

void sw_member_report_init(struct sw_member_report *report, bool ip4)
{
    report->ip4 = ip4;
    report->n_records = 0;
    report->len = REPORT_HDR;
    memset(report->bytes, 0, REPORT_HDR);
    report->bytes[0] = ip4 ? SW_IGMP_REPORT : SW_MLD_REPORT;
}

static void put_ip(struct sw_member_report *report, const struct sw_ip *ip)
{
    uint32_t len = addr_len(report->ip4);
    memcpy(report->bytes + report->len, ip->b + sizeof(ip->b) - len, len);
    report->len += len;
}

void sw_member_report_old(struct sw_member_report *report, uint8_t type, const struct sw_ip *group)
{
    report->ip4 = sw_ip_is4(group);
    report->n_records = 0;
    report->len = report->ip4 ? 4 : 8;
    memset(report->bytes, 0, report->len);
    report->bytes[0] = type;
    put_ip(report, group);
}

bool sw_member_report_record(struct sw_member_report *report, enum sw_member_record type,
                             const struct sw_ip *group)
{
    if (report->len + 4 + addr_len(report->ip4) > sizeof(report->bytes))
        return false;
    report->record_at = report->len;
    uint8_t *p = report->bytes + report->len;
    memset(p, 0, 4);
    p[0] = (uint8_t)type;
    report->len += 4;
    put_ip(report, group);
    report->n_records++;
    sw_put16(report->bytes + 6, report->n_records);
    return true;
}

bool sw_member_report_source(struct sw_member_report *report, const struct sw_ip *source)
{
    SW_ASSERT(report->n_records > 0);
    if (report->len + addr_len(report->ip4) > sizeof(report->bytes))
        return false;
    put_ip(report, source);
    uint8_t *n = report->bytes + report->record_at + N_SOURCES;
    sw_put16(n, (uint16_t)(sw_get16(n) + 1));
    return true;
}

void sw_member_report_end(struct sw_member_report *report, const struct sw_ip *src,
                          const struct sw_ip *dst)
{
    uint64_t sum = report->ip4 ? 0 : sw_csum_pseudo(src, dst, SW_PROTO_ICMP6, report->len);
    sum = sw_csum_add(sum, report->bytes, report->len, false);
    sw_put16(report->bytes + 2, (uint16_t)~sw_csum_fold(sum));
}
