/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: rtnetlink(7): routes and rules that administrators add, and what is told of them. */
#include "differ.h"

#include <linux/fib_rules.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

enum { TABLE = 99, CREATE = NLM_F_CREATE | NLM_F_EXCL, FIXED_BYTES = sizeof(struct rtmsg) };

struct request {
    struct nlmsghdr h;
    struct rtmsg route; /* a struct fib_rule_hdr has the same fields in the same places */
    char attributes[64];
};

static struct request about(uint16_t type, int flags, int table)
{
    return (struct request){.h = {.nlmsg_len = NLMSG_LENGTH(FIXED_BYTES),
                                  .nlmsg_type = type,
                                  .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags)},
                            .route = {.rtm_family = (uint8_t)family,
                                      .rtm_dst_len = family == AF_INET ? 24 : 48,
                                      .rtm_table = (uint8_t)table,
                                      .rtm_protocol = RTPROT_BOOT,
                                      .rtm_type = RTN_UNICAST}};
}

static void add(struct request *r, uint16_t type, const void *bytes, size_t len)
{
    struct rtattr a = {.rta_len = (uint16_t)RTA_LENGTH(len), .rta_type = type};
    char *at = (char *)r + r->h.nlmsg_len;
    memcpy(at, &a, sizeof a);
    memcpy(at + sizeof a, bytes, len);
    r->h.nlmsg_len += (uint32_t)RTA_SPACE(len);
}

/* Scenarios that run at the same time have each its own. */
static uint8_t which;

static const uint8_t *prefix(void)
{
    static uint8_t of4[4] = {198, 51, 100}, of6[16] = {0x20, 1, 0xd, 0xb8, 0, 7};
    of4[1] = of6[5] = (uint8_t)(51 + which);
    return family == AF_INET ? of4 : of6;
}

static size_t prefix_length(void)
{
    return family == AF_INET ? 4 : 16;
}

static void ask(const char *what, struct request *r)
{
    char answer[4096];
    int fd = MUST(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
    MUST((int)send(fd, r, r->h.nlmsg_len, 0));
    MUST((int)recv(fd, answer, sizeof answer, 0));
    struct nlmsgerr *e = NLMSG_DATA((struct nlmsghdr *)(void *)answer);
    say("%s: %s", what, e->error != 0 ? errno_name(-e->error) : "0");
    MUST(close(fd));
}

/* Whether a route, or a rule, is about the scenario's prefix; and its metric, or priority. (FRA_DST
 * and FRA_PRIORITY have the numbers of RTA_DST and RTA_PRIORITY.) */
static bool is_ours(const struct nlmsghdr *h, uint32_t *ret_metric)
{
    struct rtmsg *m = NLMSG_DATA(h);
    size_t len = h->nlmsg_len - NLMSG_LENGTH(FIXED_BYTES);
    bool ours = false;
    *ret_metric = 0;
    for (struct rtattr *a = RTM_RTA(m); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
        if (a->rta_type == RTA_DST)
            ours = memcmp(RTA_DATA(a), prefix(), prefix_length()) == 0;
        if (a->rta_type == RTA_PRIORITY)
            memcpy(ret_metric, RTA_DATA(a), sizeof *ret_metric);
    }
    return ours && m->rtm_dst_len == about(0, 0, 0).route.rtm_dst_len;
}

static void show(const char *what, uint16_t type)
{
    struct request r = about(type, NLM_F_DUMP, 0);
    _Alignas(struct nlmsghdr) char answer[16384];
    int fd = MUST(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
    MUST((int)send(fd, &r, NLMSG_LENGTH(FIXED_BYTES), 0));
    for (bool more = true; more;) {
        size_t left = (size_t)MUST((int)recv(fd, answer, sizeof answer, 0));
        for (struct nlmsghdr *h = (void *)answer; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
            struct rtmsg *m = NLMSG_DATA(h);
            uint32_t metric;
            more = h->nlmsg_type != NLMSG_DONE;
            if (more && is_ours(h, &metric))
                say("%s: table %d, protocol %d, scope %d, type %d, metric %u", what, m->rtm_table,
                    m->rtm_protocol, m->rtm_scope, m->rtm_type, metric);
        }
    }
    MUST(close(fd));
}

static void change_route(const char *what, uint16_t type, int flags, int table, uint32_t metric)
{
    struct request r = about(type, flags, table);
    uint32_t lo = if_nametoindex("lo");
    if (type == RTM_DELROUTE) { /* as `ip route del` has it */
        r.route.rtm_scope = family == AF_INET ? RT_SCOPE_NOWHERE : RT_SCOPE_UNIVERSE;
        r.route.rtm_protocol = r.route.rtm_type = 0;
    } else if (family == AF_INET) {
        r.route.rtm_scope = RT_SCOPE_LINK;
    }
    add(&r, RTA_DST, prefix(), prefix_length());
    add(&r, RTA_OIF, &lo, sizeof lo);
    if (metric != 0)
        add(&r, RTA_PRIORITY, &metric, sizeof metric);
    ask(what, &r);
}

static void routes(void)
{
    struct sockaddr_storage there = loopback(9);
    if (family == AF_INET)
        memcpy(&((struct sockaddr_in *)&there)->sin_addr, prefix(), 4);
    else
        memcpy(&((struct sockaddr_in6 *)&there)->sin6_addr, prefix(), 16);
    int fd = datagram_socket();
    TRY(connect(fd, ADDRESS(there)));
    change_route("add", RTM_NEWROUTE, CREATE, RT_TABLE_MAIN, 0);
    change_route("add it again", RTM_NEWROUTE, CREATE, RT_TABLE_MAIN, 0);
    change_route("replace it", RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, RT_TABLE_MAIN, 0);
    change_route("add one by another metric", RTM_NEWROUTE, CREATE, RT_TABLE_MAIN, 50);
    change_route("add one in another table", RTM_NEWROUTE, CREATE, TABLE, 0);
    show("there is", RTM_GETROUTE);
    TRY(connect(fd, ADDRESS(there)));
    change_route("delete of another metric", RTM_DELROUTE, 0, RT_TABLE_MAIN, 7);
    change_route("delete by metric", RTM_DELROUTE, 0, RT_TABLE_MAIN, 50);
    change_route("delete", RTM_DELROUTE, 0, RT_TABLE_MAIN, 0);
    change_route("delete once more", RTM_DELROUTE, 0, RT_TABLE_MAIN, 0);
    change_route("delete that of the other table", RTM_DELROUTE, 0, TABLE, 0);
    show("there is", RTM_GETROUTE);
    close(fd);
    fd = datagram_socket();
    TRY(connect(fd, ADDRESS(there)));
}

static void change_rule(const char *what, uint16_t type, int flags, uint32_t priority)
{
    struct request r = about(type, flags, TABLE);
    r.route.rtm_protocol = 0;
    r.route.rtm_type = FR_ACT_TO_TBL;
    add(&r, FRA_DST, prefix(), prefix_length());
    if (priority != 0)
        add(&r, FRA_PRIORITY, &priority, sizeof priority);
    ask(what, &r);
}

static void rules(void)
{
    change_rule("add", RTM_NEWRULE, CREATE, 12345);
    change_rule("add it again", RTM_NEWRULE, CREATE, 12345);
    change_rule("add another", RTM_NEWRULE, CREATE, 40000);
    show("there is", RTM_GETRULE);
    change_rule("delete what is not there", RTM_DELRULE, 0, 12346);
    change_rule("delete", RTM_DELRULE, 0, 12345);
    change_rule("delete the other", RTM_DELRULE, 0, 0);
    change_rule("delete once more", RTM_DELRULE, 0, 0);
    show("there is", RTM_GETRULE);
}

/* What a group is told of our route. */
static void show_news(const char *what, int fd)
{
    _Alignas(struct nlmsghdr) char news[4096];
    settle();
    for (ssize_t n; (n = recv(fd, news, sizeof news, MSG_DONTWAIT)) > 0;) {
        struct nlmsghdr *h = (void *)news;
        struct rtmsg *m = NLMSG_DATA(h);
        uint32_t metric;
        if (is_ours(h, &metric))
            say("%s: %s, protocol %d, alone %d", what,
                h->nlmsg_type == RTM_NEWROUTE ? "new" : "deleted", m->rtm_protocol,
                (size_t)n == h->nlmsg_len);
    }
    say("%s: then %s", what, errno_name(errno));
}

static void news(void)
{
    struct sockaddr_nl own = {.nl_family = AF_NETLINK};
    int fd = MUST(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
    int group = family == AF_INET ? RTNLGRP_IPV4_ROUTE : RTNLGRP_IPV6_ROUTE;
    which = 1;
    MUST(bind(fd, (struct sockaddr *)&own, sizeof own));
    MUST(set_int(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group));
    change_route("add", RTM_NEWROUTE, CREATE, TABLE, 77);
    show_news("added", fd);
    change_route("add it again", RTM_NEWROUTE, CREATE, TABLE, 77);
    show_news("nothing", fd);
    change_route("delete", RTM_DELROUTE, 0, TABLE, 77);
    show_news("deleted", fd);
    MUST(set_int(fd, SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, group));
    change_route("add", RTM_NEWROUTE, CREATE, TABLE, 77);
    change_route("delete", RTM_DELROUTE, 0, TABLE, 77);
    show_news("not in the group", fd);
}

const struct scenario route_scenarios[] = {
    {"routes", routes, BOTH}, {"rules", rules, BOTH}, {"route-news", news, BOTH}, {NULL, NULL, 0}};
