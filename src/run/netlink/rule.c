/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules of which table of routes is asked (`ip rule`): Linux's own, and what administrators add.
 * They are kept and told; that is all, since all routes lead to lo.
 */
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "run/netlink/build.h"
#include "run/netlink/netlink.h"

static uint32_t number(const struct netlink_rule *r, uint16_t type, uint32_t otherwise)
{
    return netlink_find_number(r->body, r->len, sizeof(struct fib_rule_hdr), type, otherwise);
}

static void tell(struct netlink_builder *b, const struct netlink_host *host,
                 const struct nlmsghdr *request, const struct netlink_rule *r)
{
    netlink_begin(b, RTM_NEWRULE, NLM_F_MULTI, request, host->port);
    netlink_append(b, r->body, r->len);
    if (number(r, FRA_TABLE, 0) == 0)
        netlink_number(b, FRA_TABLE, ((const struct fib_rule_hdr *)(const void *)r->body)->table);
    netlink_number(b, FRA_SUPPRESS_PREFIXLEN, UINT32_MAX);
    if (number(r, FRA_PRIORITY, 0) == 0 && r->priority != 0)
        netlink_number(b, FRA_PRIORITY, r->priority);
    netlink_end(b);
}

void netlink_dump_rules(struct netlink_builder *b, const struct netlink_host *host,
                        const struct nlmsghdr *request, uint8_t family)
{
    const struct netlink_addresses *all = host->addresses;

    for (unsigned i = 0; i < all->n_rules; i++)
        if (family == AF_UNSPEC || family == all->rules[i].family)
            tell(b, host, request, &all->rules[i]);
}

/* Whether a rule has all that another says of it. */
static bool has_all(const struct netlink_rule *r, const struct netlink_rule *said)
{
    struct fib_rule_hdr a, b;
    size_t n;

    memcpy(&a, r->body, sizeof(a));
    memcpy(&b, said->body, sizeof(b));
    if (a.family != b.family || (b.action != 0 && a.action != b.action) ||
        (b.table != 0 && a.table != b.table) || (b.dst_len != 0 && a.dst_len != b.dst_len) ||
        (b.src_len != 0 && a.src_len != b.src_len) || (b.tos != 0 && a.tos != b.tos))
        return false;
    for (uint16_t type = 1; type <= (uint16_t)FRA_MAX; type++) {
        size_t have = 0;
        const uint8_t *want = netlink_find_attribute(said->body, said->len, sizeof(b), type, &n);
        const uint8_t *it = netlink_find_attribute(r->body, r->len, sizeof(a), type, &have);
        bool by_us = type == FRA_PRIORITY && it == NULL && want != NULL &&
                     number(said, type, 0) == r->priority;
        if (want != NULL && !by_us && (it == NULL || have != n || memcmp(it, want, n) != 0))
            return false;
    }
    return true;
}

static struct netlink_rule *find(const struct netlink_host *host, const struct netlink_rule *said,
                                 bool alike)
{
    for (unsigned i = 0; i < host->addresses->n_rules; i++) {
        struct netlink_rule *r = &host->addresses->rules[i];
        if (has_all(r, said) && (!alike || has_all(said, r)))
            return r;
    }
    return NULL;
}

static void insert(struct netlink_addresses *all, const struct netlink_rule *r)
{
    unsigned at = 0;
    while (at < all->n_rules &&
           (all->rules[at].family < r->family ||
            (all->rules[at].family == r->family && all->rules[at].priority <= r->priority)))
        at++;
    memmove(&all->rules[at + 1], &all->rules[at], (all->n_rules++ - at) * sizeof(*r));
    all->rules[at] = *r;
}

/* One in front of all others but those that ask "local" (Linux's fib_default_rule_pref()). */
static uint32_t next_priority(const struct netlink_addresses *all, uint8_t family)
{
    for (unsigned i = 0; i < all->n_rules; i++)
        if (all->rules[i].family == family && all->rules[i].priority != 0)
            return all->rules[i].priority - 1;
    return 0;
}

static int add(const struct netlink_host *host, struct netlink_rule *r, uint16_t flags)
{
    if ((flags & NLM_F_EXCL) != 0 && find(host, r, true) != NULL)
        return EEXIST;
    if (host->addresses->n_rules == NETLINK_RULES_MAX)
        return ENOBUFS;
    r->priority = number(r, FRA_PRIORITY, 0);
    if (r->priority == 0)
        r->priority = next_priority(host->addresses, r->family);
    insert(host->addresses, r);
    return 0;
}

/* Linux's own ask its three tables in turn; of IPv6 there is no "default". */
void netlink_rules_init(struct netlink_addresses *all)
{
    static const struct {
        uint8_t family, table;
        uint32_t priority;
    } own[] = {{AF_INET, RT_TABLE_LOCAL, 0},
               {AF_INET, RT_TABLE_MAIN, 32766},
               {AF_INET, RT_TABLE_DEFAULT, 32767},
               {AF_INET6, RT_TABLE_LOCAL, 0},
               {AF_INET6, RT_TABLE_MAIN, 32766}};

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        struct netlink_rule r = {.priority = own[i].priority,
                                 .family = own[i].family,
                                 .len = sizeof(struct fib_rule_hdr)};
        const struct fib_rule_hdr h = {
            .family = own[i].family, .table = own[i].table, .action = FR_ACT_TO_TBL};
        memcpy(r.body, &h, sizeof(h));
        insert(all, &r);
    }
}

static int take_away(const struct netlink_host *host, const struct netlink_rule *said)
{
    struct netlink_addresses *all = host->addresses;
    struct netlink_rule *at = find(host, said, false);

    if (at == NULL)
        return ENOENT;
    memmove(at, at + 1, (size_t)(&all->rules[--all->n_rules] - at) * sizeof(*at));
    return 0;
}

int netlink_change_rule(const struct netlink_host *host, const struct nlmsghdr *request,
                        const uint8_t *body, size_t len)
{
    struct netlink_rule rule = {.len = (uint16_t)len};
    struct fib_rule_hdr h;

    if (len < sizeof(h))
        return EINVAL;
    memcpy(&h, body, sizeof(h));
    if (h.family != AF_INET && h.family != AF_INET6)
        return EOPNOTSUPP;
    if (len > sizeof(rule.body))
        return ENOBUFS;
    memcpy(rule.body, body, len);
    rule.family = h.family;
    if (request->nlmsg_type == RTM_DELRULE)
        return take_away(host, &rule);
    return h.action != FR_ACT_TO_TBL ? EOPNOTSUPP : add(host, &rule, request->nlmsg_flags);
}
