/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Telling routers, and switches that listen in, which groups this host is in and whom it wants to
 * hear there: the host's side of IGMPv3 (RFC 3376) and MLDv2 (RFC 3810). Sections are given of
 * both.
 *
 * Of each group on each interface there is one filter, made of what all of its members want. When
 * it changes, the difference is told at once and a second time within a second (Robustness Variable
 * 2: 8.1 / 9.1); a further change meanwhile repeats the first one early, so each is told twice. To
 * a query each group answers for itself, at a time of chance within what the query allows. A router
 * of an older version, heard of by its queries, is spoken to in its own language (7.2.1 / 8.2.1).
 *
 * Nothing is told by a loopback, nor of the groups that everybody is in (6 / 6).
 */
#include <errno.h>

#include "base/assert.h"
#include "ip/private.h"
#include "wire/member.h"

#define UNSOLICITED_NS 1000000000U     /* Unsolicited Report Interval: 8.11 / 9.11 */
#define OLD_QUERIER_NS 260000000000ULL /* Older Version Querier Present Timeout: 8.12 / 9.12 */
#define NEVER UINT64_MAX

enum {
    MESSAGE_MAX = 1500, /* bytes of one that is read */
    ASKED_MAX = 64,     /* sources of a query that are remembered; beyond, all are answered for */
    IP4_HDR = 24,       /* with the Router Alert option (RFC 2113 2.1) */
    HOP_BY_HOP = 8,     /* bytes of the extension header with MLD's (RFC 2711 2.1) */
    TOS = 0xc0,         /* internetwork control: 4 */
};

/* ---- reports go out ------------------------------------------------------------------- */

struct out {
    struct sw_ip_layer *ip;
    int iface;
    struct sw_ip dst;
    struct sw_member_report report;
};

/* The header's checksum, source and identification are sw_ip_output_own()'s to fill in. */
static void send4(struct out *out)
{
    uint8_t bytes[IP4_HDR + SW_MEMBER_REPORT_MAX] = {
        0x40 | IP4_HDR / 4, TOS, [6] = 0x40 /* DF */, [8] = 1, SW_PROTO_IGMP,
        [20] = 0x94,        4, /* Router Alert */
    };
    const struct sw_ip_tx tx = {
        .src = SW_IP4_ANY, .dst = out->dst, .iface = out->iface, .quiet = true};

    memcpy(bytes + 16, out->dst.b + 12, 4);
    sw_member_report_end(&out->report, &tx.src, &tx.dst);
    memcpy(bytes + IP4_HDR, out->report.bytes, out->report.len);
    (void)sw_ip_output_own(out->ip, bytes, IP4_HDR + out->report.len, &tx); /* as if it was lost */
}

/* The address that a router of this link hears (5.2.13); NULL: there is none yet. */
static const struct sw_ip *link_local(const struct sw_ip_layer *ip, int iface)
{
    for (uint32_t i = 0; i < ip->n_addrs; i++)
        if (ip->addrs[i].iface == iface && sw_ip_is_link_local6(&ip->addrs[i].ip))
            return &ip->addrs[i].ip;
    return NULL;
}

/* The header is written here, too, since sw_ip_output() knows of no extension headers. */
static void send6(struct out *out)
{
    uint32_t len = HOP_BY_HOP + out->report.len;
    uint8_t bytes[SW_IP6_HDR + HOP_BY_HOP + SW_MEMBER_REPORT_MAX] = {
        0x60,
        [4] = (uint8_t)(len >> 8),
        (uint8_t)len,
        0 /* hop-by-hop */,
        1 /* hop limit */,
        [SW_IP6_HDR] = SW_PROTO_ICMP6,
        0,
        5,
        2,
        0,
        0, /* Router Alert for MLD: RFC 2711 2.1 */
        1,
        0, /* PadN */
    };
    const struct sw_ip *src = link_local(out->ip, out->iface);

    if (!src)
        return; /* no router would hear it */
    sw_member_report_end(&out->report, src, &out->dst);
    memcpy(bytes + 8, src->b, sizeof(src->b));
    memcpy(bytes + 24, out->dst.b, sizeof(out->dst.b));
    memcpy(bytes + SW_IP6_HDR + HOP_BY_HOP, out->report.bytes, out->report.len);
    struct sw_packet *pkt = sw_packet_from_bytes(out->ip->env->mem, bytes, SW_IP6_HDR + len);
    if (pkt) /* or it is as if it was lost */
        sw_ip_enqueue(out->ip, sw_ip_iface(out->ip, out->iface), pkt);
}

static void out_send(struct out *out)
{
    if (out->report.ip4)
        send4(out);
    else
        send6(out);
}

static void out_begin(struct out *out, struct sw_ip_layer *ip, const struct sw_ip_group *g)
{
    const struct sw_ip routers4 = SW_IP4(224, 0, 0, 22);       /* 4.2.14 */
    const struct sw_ip routers6 = {{0xff, 0x02, [15] = 0x16}}; /* 5.2.14 */
    bool ip4 = sw_ip_is4(&g->ip);

    out->ip = ip;
    out->iface = g->iface;
    out->dst = ip4 ? routers4 : routers6;
    sw_member_report_init(&out->report, ip4);
}

static void out_record(struct out *out, enum sw_member_record type, const struct sw_ip_group *g)
{
    if (sw_member_report_record(&out->report, type, &g->ip))
        return;
    out_send(out);
    sw_member_report_init(&out->report, out->report.ip4);
    sw_member_report_record(&out->report, type, &g->ip);
}

/* A record of those in `list` that are in `set`, or are not; all, where `set` is NULL. Where they
 * do not fit into one report, those that are not to be heard are left out (somebody is heard too
 * many), and the others go into further reports (4.2.16 / 5.2.15). */
static void out_sources(struct out *out, enum sw_member_record type, const struct sw_ip_group *g,
                        const struct sw_sources *list, const struct sw_sources *set, bool in)
{
    bool exclude = type == SW_MEMBER_IS_EXCLUDE || type == SW_MEMBER_TO_EXCLUDE;
    bool begun = exclude || type == SW_MEMBER_TO_INCLUDE;

    if (begun)
        out_record(out, type, g);
    for (uint32_t i = 0; i < list->n; i++) {
        if (set && sw_sources_have(set, &list->list[i]) != in)
            continue;
        if (!begun)
            out_record(out, type, g);
        begun = true;
        if (sw_member_report_source(&out->report, &list->list[i]))
            continue;
        if (exclude)
            return;
        out_send(out);
        sw_member_report_init(&out->report, out->report.ip4);
        sw_member_report_record(&out->report, type, &g->ip);
        sw_member_report_source(&out->report, &list->list[i]);
    }
}

/* ---- old routers ---------------------------------------------------------------------- */

/* The version to speak: 3, 2 or 1 of IGMP; 2 or 1 of MLD. */
static int version(struct sw_ip_layer *ip, const struct sw_ip_group *g)
{
    const struct sw_iface *iface = sw_ip_iface(ip, g->iface);
    uint64_t now_ns = ip->env->now_ns;
    if (!sw_ip_is4(&g->ip))
        return now_ns < iface->mld1_until_ns ? 1 : 2;
    return now_ns < iface->igmp1_until_ns ? 1 : now_ns < iface->igmp2_until_ns ? 2 : 3;
}

static bool is_old(struct sw_ip_layer *ip, const struct sw_ip_group *g)
{
    return version(ip, g) < (sw_ip_is4(&g->ip) ? 3 : 2);
}

/* Old versions know no sources: one is in a group, or leaves it (RFC 2236 3, RFC 2710 4). */
static void send_old(struct sw_ip_layer *ip, const struct sw_ip_group *g, bool leaves)
{
    const struct sw_ip routers4 = SW_IP4(224, 0, 0, 2), routers6 = {{0xff, 0x02, [15] = 2}};
    bool ip4 = sw_ip_is4(&g->ip);
    int v = version(ip, g);
    uint8_t type = !ip4     ? (leaves ? SW_MLD_V1_DONE : SW_MLD_V1_REPORT)
                   : v == 1 ? SW_IGMP_V1_REPORT
                   : leaves ? SW_IGMP_V2_LEAVE
                            : SW_IGMP_V2_REPORT;
    struct out out = {.ip = ip, .iface = g->iface, .dst = g->ip};

    if (leaves && ip4 && v == 1)
        return; /* RFC 1112: one leaves silently */
    if (leaves)
        out.dst = ip4 ? routers4 : routers6;
    sw_member_report_old(&out.report, type, &g->ip);
    out_send(&out);
}

/* ---- what is told --------------------------------------------------------------------- */

/* The difference between two filters (5.1 / 6.1). */
static void send_change(struct sw_ip_layer *ip, const struct sw_ip_group *g,
                        const struct sw_sources *from, const struct sw_sources *to)
{
    struct out out;

    if (is_old(ip, g)) {
        if (sw_sources_is_nobody(from) != sw_sources_is_nobody(to))
            send_old(ip, g, sw_sources_is_nobody(to));
        return;
    }
    out_begin(&out, ip, g);
    if (from->exclude != to->exclude) {
        out_sources(&out, to->exclude ? SW_MEMBER_TO_EXCLUDE : SW_MEMBER_TO_INCLUDE, g, to, NULL,
                    true);
    } else {
        const struct sw_sources *more = to->exclude ? from : to, *less = to->exclude ? to : from;
        out_sources(&out, SW_MEMBER_ALLOW, g, more, less, false);
        out_sources(&out, SW_MEMBER_BLOCK, g, less, more, false);
    }
    if (out.report.n_records > 0)
        out_send(&out);
}

/* The answer to a query (5.2 / 6.2). */
static void send_state(struct sw_ip_layer *ip, const struct sw_ip_group *g)
{
    const struct sw_sources *told = &g->told;
    struct out out;

    if (sw_sources_is_nobody(told))
        return;
    if (is_old(ip, g)) {
        send_old(ip, g, false);
        return;
    }
    out_begin(&out, ip, g);
    if (g->asked.n > 0)
        out_sources(&out, SW_MEMBER_IS_INCLUDE, g, &g->asked, told, !told->exclude);
    else
        out_sources(&out, told->exclude ? SW_MEMBER_IS_EXCLUDE : SW_MEMBER_IS_INCLUDE, g, told,
                    NULL, true);
    if (out.report.n_records > 0)
        out_send(&out);
}

static void rearm(struct sw_ip_layer *ip, struct sw_ip_group *g)
{
    uint64_t at_ns = g->repeat_ns < g->answer_ns ? g->repeat_ns : g->answer_ns;
    if (at_ns != NEVER)
        sw_wheel_arm(&ip->env->wheel, &g->timer, at_ns);
    else if (g->timer.armed)
        sw_wheel_cancel(&ip->env->wheel, &g->timer);
}

static void repeat(struct sw_ip_layer *ip, struct sw_ip_group *g)
{
    g->repeat_ns = NEVER;
    send_change(ip, g, &g->before, &g->told);
    sw_sources_free(ip, &g->before);
}

/* Nobody needs to be told of it. */
static bool is_private(struct sw_ip_layer *ip, const struct sw_ip_group *g)
{
    if (sw_ip_iface(ip, g->iface)->config.loopback)
        return true;
    return !sw_ip_is4(&g->ip) && (g->ip.b[1] & 15) < 2; /* interface-local scope: RFC 3810 6 */
}

void sw_member_init(struct sw_ip_group *g)
{
    sw_timer_init(&g->timer, SW_TIMER_MEMBER);
    g->repeat_ns = g->answer_ns = NEVER;
}

void sw_member_fini(struct sw_ip_layer *ip, struct sw_ip_group *g)
{
    if (g->timer.armed)
        sw_wheel_cancel(&ip->env->wheel, &g->timer);
    sw_sources_free(ip, &g->told);
    sw_sources_free(ip, &g->before);
    sw_sources_free(ip, &g->asked);
}

void sw_member_update(struct sw_ip_layer *ip, struct sw_ip_group *g)
{
    struct sw_sources filter;

    if (is_private(ip, g) || !sw_member_filter(ip, g, &filter))
        return;
    if (sw_sources_same(&filter, &g->told)) {
        sw_sources_free(ip, &filter);
        return;
    }
    if (g->repeat_ns != NEVER)
        repeat(ip, g);
    send_change(ip, g, &g->told, &filter);
    g->before = g->told;
    g->told = filter;
    g->repeat_ns = ip->env->now_ns + sw_rng_below(&ip->env->rng, UNSOLICITED_NS);
    rearm(ip, g);
}

void sw_member_timer(struct sw_ip_layer *ip, struct sw_ip_group *g)
{
    uint64_t now_ns = ip->env->now_ns;
    if (now_ns >= g->repeat_ns)
        repeat(ip, g);
    if (now_ns >= g->answer_ns) {
        g->answer_ns = NEVER;
        send_state(ip, g);
        sw_sources_free(ip, &g->asked);
    }
    rearm(ip, g);
}

/* ---- queries come in ------------------------------------------------------------------ */

/* Adds to what is to be answered: `asked` without sources means that all of the group's are. */
static void remember_sources(struct sw_ip_layer *ip, struct sw_ip_group *g,
                             const struct sw_member_msg *query)
{
    bool ip4 = sw_ip_is4(&g->ip), pending = g->answer_ns != NEVER;

    if (query->n_sources == 0 || (pending && g->asked.n == 0) ||
        g->asked.n + query->n_sources > ASKED_MAX) {
        g->asked.n = 0;
        return;
    }
    if (!g->asked.list) {
        g->asked.list = sw_mem_alloc(ip->env->mem, ASKED_MAX * sizeof(*g->asked.list));
        if (!g->asked.list)
            return;
        g->asked.cap = ASKED_MAX;
    }
    for (uint32_t i = 0; i < query->n_sources; i++) {
        struct sw_ip source = sw_member_source(query, ip4, i);
        sw_sources_add(&g->asked, &source);
    }
}

static void schedule(struct sw_ip_layer *ip, struct sw_ip_group *g,
                     const struct sw_member_msg *query)
{
    enum { STEP_NS = 1000000 };
    uint64_t most_ms = query->max_delay_ns / STEP_NS;
    uint32_t steps = most_ms < UINT32_MAX ? (uint32_t)most_ms + 1 : UINT32_MAX;
    uint64_t at_ns = ip->env->now_ns + (uint64_t)sw_rng_below(&ip->env->rng, steps) * STEP_NS;

    remember_sources(ip, g, query);
    if (at_ns < g->answer_ns)
        g->answer_ns = at_ns;
    rearm(ip, g);
}

static void hear_query(struct sw_ip_layer *ip, int iface, const struct sw_member_msg *query,
                       bool ip4)
{
    struct sw_iface *i = sw_ip_iface(ip, iface);
    uint64_t until_ns = ip->env->now_ns + OLD_QUERIER_NS;

    if (ip4 && query->version == 1)
        i->igmp1_until_ns = until_ns;
    else if (ip4 && query->version == 2)
        i->igmp2_until_ns = until_ns;
    else if (!ip4 && query->version == 1)
        i->mld1_until_ns = until_ns;
    for (struct sw_ip_group *g = ip->groups; g; g = g->next)
        if (g->iface == iface && sw_ip_is4(&g->ip) == ip4 && !is_private(ip, g) &&
            (sw_ip_is_any(&query->group) || sw_ip_eq(&query->group, &g->ip)))
            schedule(ip, g, query);
}

/* Another member has answered: with old versions one answer is enough (RFC 2236 3, RFC 2710 4). */
static void hear_report(struct sw_ip_layer *ip, int iface, const struct sw_ip *group)
{
    for (struct sw_ip_group *g = ip->groups; g; g = g->next) {
        if (g->iface == iface && sw_ip_eq(&g->ip, group) && is_old(ip, g)) {
            g->answer_ns = NEVER;
            rearm(ip, g);
        }
    }
}

static void hear(struct sw_ip_layer *ip, int iface, struct sw_packet *pkt,
                 const struct sw_ip_hdr *hdr)
{
    uint8_t bytes[MESSAGE_MAX];
    bool ip4 = hdr->version == 4;
    struct sw_member_msg msg;
    uint32_t len = sw_packet_len(pkt);

    sw_packet_copy(pkt, 0, bytes, sizeof(bytes));
    enum sw_drop why =
        len <= sizeof(bytes) ? sw_member_parse(bytes, len, ip4, &msg) : SW_DROP_MEMBER;
    if (why != SW_DROP_NONE) {
        sw_ip_drop(ip, pkt, why, hdr);
        return;
    }
    if (msg.type == SW_IGMP_QUERY || msg.type == SW_MLD_QUERY)
        hear_query(ip, iface, &msg, ip4);
    else if (msg.type == SW_IGMP_V1_REPORT || msg.type == SW_IGMP_V2_REPORT ||
             msg.type == SW_MLD_V1_REPORT)
        hear_report(ip, iface, &msg.group);
    sw_packet_free(pkt);
}

void sw_igmp_input(struct sw_ip_layer *ip, int iface, struct sw_packet *pkt,
                   const struct sw_ip_hdr *hdr)
{
    uint32_t len = sw_packet_len(pkt);
    if (sw_csum_fold(sw_csum_packet(pkt, 0, len)) != 0xffff)
        sw_ip_drop(ip, pkt, SW_DROP_MEMBER, hdr);
    else
        hear(ip, iface, pkt, hdr);
}

/* What does not come from this link is no router's here (5.1.14). */
void sw_mld_input(struct sw_ip_layer *ip, int iface, struct sw_packet *pkt,
                  const struct sw_ip_hdr *hdr)
{
    if (hdr->ttl != 1 || !sw_ip_is_link_local6(&hdr->src))
        sw_ip_drop(ip, pkt, SW_DROP_MEMBER, hdr);
    else
        hear(ip, iface, pkt, hdr);
}
