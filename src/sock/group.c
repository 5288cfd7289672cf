/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Multicast as a socket sees it: the groups it has joined, each by one interface and with a list of
 * sources that are heard alone, or not at all (RFC 3376 3.1, RFC 3810 4.1; errors and limits are
 * Linux's).
 */
#include <errno.h>

#include "sock/private.h"

#define GROUPS_MAX 20U /* Linux's igmp_max_memberships, which it has for IPv4 only */
#define SOURCES_STEP 8U

struct sw_membership {
    struct sw_membership *next;
    struct sw_ip group;
    int iface;
    uint32_t cap;             /* sources that there is room for */
    struct sw_ip_member want; /* its sources are ours */
};

static struct sw_membership **find(struct sw_dgram_sock *d, const struct sw_ip *group, int iface)
{
    struct sw_membership **at = &d->groups;
    while (*at && (!sw_ip_eq(&(*at)->group, group) || (iface != 0 && (*at)->iface != iface)))
        at = &(*at)->next;
    return at;
}

static void remove_membership(struct sw_sock_layer *layer, struct sw_membership **at)
{
    struct sw_membership *m = *at;
    *at = m->next;
    sw_ip_leave(layer->ip, m->iface, &m->group, &m->want);
    sw_mem_free(layer->env->mem, m->want.sources, m->cap * sizeof(*m->want.sources));
    sw_mem_free(layer->env->mem, m, sizeof(*m));
}

void sw_groups_fini(struct sw_sock_layer *layer, struct sw_sock *s)
{
    struct sw_dgram_sock *d = sw_sock_dgram(s);
    while (d->groups)
        remove_membership(layer, &d->groups);
}

/* 0, or why a socket cannot have to do with `group` on *iface; an iface of 0 becomes the route's.
 */
static int check(struct sw_sock_layer *layer, const struct sw_sock *s, const struct sw_ip *group,
                 int *iface)
{
    if (!sw_ip_is_multicast(group) || sw_ip_is4(group) != (s->domain == SW_AF_INET))
        return -EINVAL;
    if (*iface == 0) {
        int chosen = sw_ip_group_iface(layer->ip, group);
        if (chosen < 0)
            return chosen;
        *iface = chosen;
    }
    return sw_ip_iface(layer->ip, *iface) ? 0 : -ENODEV;
}

static uint32_t count(const struct sw_dgram_sock *d)
{
    uint32_t n = 0;
    for (const struct sw_membership *m = d->groups; m; m = m->next)
        n++;
    return n;
}

int sw_group_join(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_ip *group,
                  int iface, bool exclude)
{
    struct sw_dgram_sock *d = sw_sock_dgram(s);
    int r = check(layer, s, group, &iface);
    if (r < 0)
        return r;
    struct sw_membership **at = find(d, group, iface);
    if (*at)
        return -EADDRINUSE;
    if (sw_ip_is4(group) && count(d) >= GROUPS_MAX)
        return -ENOBUFS;
    struct sw_membership *m = sw_mem_alloc(layer->env->mem, sizeof(*m));
    if (!m)
        return -ENOBUFS;
    *m = (struct sw_membership){.group = *group, .iface = iface, .want = {.exclude = exclude}};
    r = sw_ip_join(layer->ip, iface, group, &m->want);
    if (r < 0) {
        sw_mem_free(layer->env->mem, m, sizeof(*m));
        return -ENOBUFS;
    }
    *at = m;
    return 0;
}

int sw_group_leave(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_ip *group,
                   int iface)
{
    struct sw_membership **at = find(sw_sock_dgram(s), group, iface);
    if (iface != 0 && !sw_ip_iface(layer->ip, iface))
        return -ENODEV;
    if (!*at)
        return -EADDRNOTAVAIL;
    remove_membership(layer, at);
    return 0;
}

/* ---- sources -------------------------------------------------------------------------- */

static uint32_t find_source(const struct sw_membership *m, const struct sw_ip *source)
{
    uint32_t i = 0;
    while (i < m->want.n && !sw_ip_eq(&m->want.sources[i], source))
        i++;
    return i;
}

static int add_source(struct sw_sock_layer *layer, struct sw_membership *m,
                      const struct sw_ip *source)
{
    if (m->want.n >= (sw_ip_is4(&m->group) ? SW_SOURCES4_MAX : SW_SOURCES6_MAX))
        return -ENOBUFS;
    if (find_source(m, source) < m->want.n)
        return -EADDRNOTAVAIL;
    if (m->want.n == m->cap) {
        struct sw_mem *mem = layer->env->mem;
        struct sw_ip *more = sw_mem_alloc(mem, (m->cap + SOURCES_STEP) * sizeof(*more));
        if (!more)
            return -ENOBUFS;
        if (m->want.n)
            memcpy(more, m->want.sources, m->want.n * sizeof(*more));
        sw_mem_free(mem, m->want.sources, m->cap * sizeof(*more));
        m->want.sources = more;
        m->cap += SOURCES_STEP;
    }
    m->want.sources[m->want.n++] = *source;
    return 0;
}

int sw_group_source(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_ip *group,
                    int iface, const struct sw_ip *source, bool exclude, bool add)
{
    int r = check(layer, s, group, &iface);
    if (r < 0)
        return r;
    struct sw_membership **at = find(sw_sock_dgram(s), group, iface), *m = *at;
    if (!m || (m->want.exclude != exclude && m->want.n > 0))
        return -EINVAL;
    m->want.exclude = exclude; /* without sources it may change its mind */
    if (add) {
        r = add_source(layer, m, source);
        sw_ip_member_changed(layer->ip, m->iface, &m->group);
        return r;
    }
    uint32_t i = find_source(m, source);
    if (i == m->want.n)
        return -EADDRNOTAVAIL;
    m->want.sources[i] = m->want.sources[--m->want.n];
    if (m->want.n == 0 && !exclude) /* nobody is to be heard: RFC 3376 3.1 */
        remove_membership(layer, at);
    else
        sw_ip_member_changed(layer->ip, m->iface, &m->group);
    return 0;
}

int sw_group_set(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_ip *group,
                 int iface, bool exclude, const struct sw_ip *sources, uint32_t n)
{
    struct sw_mem *mem = layer->env->mem;
    int r = check(layer, s, group, &iface);
    if (r < 0)
        return r;
    struct sw_membership **at = sw_sock_is_stream(s) ? NULL : find(sw_sock_dgram(s), group, iface);
    struct sw_membership *m = at ? *at : NULL;
    if (!m)
        return exclude || n > 0 ? -EINVAL : -EADDRNOTAVAIL;
    if (!exclude && n == 0) {
        remove_membership(layer, at);
        return 0;
    }
    struct sw_ip *list = n > 0 ? sw_mem_alloc(mem, n * sizeof(*list)) : NULL;
    if (n > 0 && !list)
        return -ENOBUFS;
    if (n > 0)
        memcpy(list, sources, n * sizeof(*list));
    sw_mem_free(mem, m->want.sources, m->cap * sizeof(*list));
    m->want.sources = list;
    m->want.n = m->cap = n;
    m->want.exclude = exclude;
    sw_ip_member_changed(layer->ip, m->iface, &m->group);
    return 0;
}

int sw_group_get(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_ip *group,
                 int iface, const struct sw_ip_member **ret_want)
{
    int r = check(layer, s, group, &iface);
    if (r < 0)
        return r;
    const struct sw_membership *m =
        sw_sock_is_stream(s) ? NULL : *find(sw_sock_dgram(s), group, iface);
    if (!m)
        return -EADDRNOTAVAIL;
    *ret_want = &m->want;
    return 0;
}

bool sw_group_allows(struct sw_sock *s, const struct sw_ip *group, const struct sw_ip *source,
                     int iface)
{
    if (!sw_ip_is_multicast(group))
        return true;
    const struct sw_membership *m = *find(sw_sock_dgram(s), group, iface);
    if (!m)
        return sw_ip_is4(group) ? !(s->on & SW_ON_MULTICAST_ONLY_MINE)
                                : !sw_sock_rare(s, SW_RARE_MULTICAST_ONLY_MINE6);
    return (find_source(m, source) < m->want.n) != m->want.exclude;
}
