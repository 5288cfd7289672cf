/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: rtnetlink(7): routes and rules that administrators add, and what is told of them. */
#include "differ.h"

#include <linux/fib_rules.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

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

static const uint8_t *prefix(void)
{
    static const uint8_t of4[4] = {198, 51, 100}, of6[16] = {0x20, 1, 0xd, 0xb8, 0, 7};
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

/* What a dump says of tables and destinations that are ours. */
static void show(const char *what, uint16_t type)
{
    struct request r = about(type, NLM_F_DUMP, 0);
    _Alignas(struct nlmsghdr) char answer[16384];
    int fd = MUST(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
    MUST((int)send(fd, &r, NLMSG_LENGTH(FIXED_BYTES), 0));
    for (bool more = true; more;) {
        ssize_t n = MUST((int)recv(fd, answer, sizeof answer, 0));
        size_t left = (size_t)n;
        for (struct nlmsghdr *h = (void *)answer; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
            struct rtmsg *m = NLMSG_DATA(h);
            more = h->nlmsg_type != NLMSG_DONE;
            if (!more || m->rtm_dst_len != about(0, 0, 0).route.rtm_dst_len)
                continue;
            uint32_t metric = 0;
            bool ours = false;
            size_t len = h->nlmsg_len - NLMSG_LENGTH(FIXED_BYTES);
            for (struct rtattr *a = RTM_RTA(m); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
                if (a->rta_type == RTA_DST) /* FRA_DST has that number, too; and FRA_PRIORITY */
                    ours = memcmp(RTA_DATA(a), prefix(), prefix_length()) == 0;
                if (a->rta_type == RTA_PRIORITY)
                    memcpy(&metric, RTA_DATA(a), sizeof metric);
            }
            if (ours)
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

const struct scenario route_scenarios[] = {
    {"routes", routes, BOTH}, {"rules", rules, BOTH}, {NULL, NULL, 0}};
