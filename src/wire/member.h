/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages about who is in which multicast group: IGMP (version 3: RFC 3376; 2: RFC 2236; 1: RFC
 * 1112) and MLD (version 2: RFC 3810; 1: RFC 2710). Routers ask (queries), hosts tell (reports).
 * The two families have the same structure, so one shape serves both.
 */
#ifndef SW_WIRE_MEMBER_H
#define SW_WIRE_MEMBER_H

#include "wire/wire.h"

enum {
    SW_IGMP_QUERY = 0x11,
    SW_IGMP_V1_REPORT = 0x12, /* RFC 3376 4 has the numbers of all versions */
    SW_IGMP_V2_REPORT = 0x16,
    SW_IGMP_V2_LEAVE = 0x17,
    SW_IGMP_REPORT = 0x22,
    SW_MLD_QUERY = 130, /* ICMPv6 types: RFC 3810 5 */
    SW_MLD_V1_REPORT = 131,
    SW_MLD_V1_DONE = 132,
    SW_MLD_REPORT = 143,
};

/* What a report says of a group (RFC 3376 4.2.12, RFC 3810 5.2.12). */
enum sw_member_record {
    SW_MEMBER_IS_INCLUDE = 1, /* only from these sources */
    SW_MEMBER_IS_EXCLUDE,     /* from all but these */
    SW_MEMBER_TO_INCLUDE,     /* the same, as of now */
    SW_MEMBER_TO_EXCLUDE,
    SW_MEMBER_ALLOW, /* these too, as of now */
    SW_MEMBER_BLOCK, /* these no more */
};

/* A message that came in. */
struct sw_member_msg {
    uint8_t type;           /* SW_IGMP_* or SW_MLD_*; of a query, the rest is set: */
    uint8_t version;        /* whose query it is: IGMP 1 to 3, MLD 1 or 2 */
    struct sw_ip group;     /* of a query: "any" asks for all; of an old report: its group */
    uint64_t max_delay_ns;  /* within which to answer */
    uint16_t n_sources;     /* 0: all of the group's; else are only these asked for: */
    const uint8_t *sources; /* in the message, 4 or 16 bytes each */
};

/* Reads a whole message (for IGMP: after its checksum was verified) of the family `ip4`. Types
 * that are not about groups, and version 3 and 2 reports (meant for routers), are returned by type
 * alone. SW_DROP_MEMBER: malformed. */
enum sw_drop sw_member_parse(const uint8_t *bytes, size_t len, bool ip4,
                             struct sw_member_msg *ret_msg);
struct sw_ip sw_member_source(const struct sw_member_msg *msg, bool ip4, uint32_t i);

/* A report in the making. All of its records are of one family. */
#define SW_MEMBER_REPORT_MAX 1200U /* bytes; it fits everywhere with its IP header: RFC 8200 5 */
struct sw_member_report {
    bool ip4;
    uint16_t n_records;
    uint32_t len, record_at; /* bytes in all; where the last record begins */
    uint8_t bytes[SW_MEMBER_REPORT_MAX];
};

/* An empty one, of the newest version; or a whole one of an old version, about one group. */
void sw_member_report_init(struct sw_member_report *report, bool ip4);
void sw_member_report_old(struct sw_member_report *report, uint8_t type, const struct sw_ip *group);
/* Begins a record without sources, or adds a source to the last one. False: there is no room. */
bool sw_member_report_record(struct sw_member_report *report, enum sw_member_record type,
                             const struct sw_ip *group);
bool sw_member_report_source(struct sw_member_report *report, const struct sw_ip *source);
/* Fills in the checksum; `src` and `dst` matter to MLD only. Nothing may be added after it. */
void sw_member_report_end(struct sw_member_report *report, const struct sw_ip *src,
                          const struct sw_ip *dst);

#endif
