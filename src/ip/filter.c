/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets of sources, and the filter of an interface for a group, from what each member wants (RFC
 * 3376 3.2, RFC 3810 4.2): all but the sources that nobody wants, where somebody wants all but
 * some; else the sources that anybody wants.
 */
#include "ip/private.h"

enum { FILTER_MAX = 512 }; /* distinct sources of a filter; beyond, everybody is heard */

void sw_sources_free(struct sw_ip_layer *ip, struct sw_sources *set)
{
    sw_mem_free(ip->env->mem, set->list, set->cap * sizeof(*set->list));
    *set = (struct sw_sources){.exclude = false};
}

bool sw_sources_have(const struct sw_sources *set, const struct sw_ip *source)
{
    for (uint32_t i = 0; i < set->n; i++)
        if (sw_ip_eq(&set->list[i], source))
            return true;
    return false;
}

bool sw_sources_same(const struct sw_sources *a, const struct sw_sources *b)
{
    if (a->exclude != b->exclude || a->n != b->n)
        return false;
    for (uint32_t i = 0; i < a->n; i++)
        if (!sw_sources_have(b, &a->list[i]))
            return false;
    return true;
}

bool sw_sources_is_nobody(const struct sw_sources *set)
{
    return !set->exclude && set->n == 0;
}

/* Adds what is not in it yet, while there is room. */
void sw_sources_add(struct sw_sources *set, const struct sw_ip *source)
{
    if (set->n < set->cap && !sw_sources_have(set, source))
        set->list[set->n++] = *source;
}

static bool is_wanted_by(const struct sw_ip_member *m, const struct sw_ip *source)
{
    const struct sw_sources set = {.n = m->n, .list = m->sources};
    return sw_sources_have(&set, source) != m->exclude;
}

static bool is_wanted(const struct sw_ip_group *g, const struct sw_ip *source)
{
    for (const struct sw_ip_member *m = g->members; m; m = m->next)
        if (is_wanted_by(m, source))
            return true;
    return false;
}

bool sw_member_filter(struct sw_ip_layer *ip, const struct sw_ip_group *g,
                      struct sw_sources *ret_filter)
{
    struct sw_sources filter = {.exclude = false};
    uint32_t cap = 0;

    for (const struct sw_ip_member *m = g->members; m; m = m->next) {
        filter.exclude |= m->exclude;
        cap += m->n;
    }
    filter.cap = cap < FILTER_MAX ? cap : FILTER_MAX;
    if (filter.cap > 0) {
        filter.list = sw_mem_alloc(ip->env->mem, filter.cap * sizeof(*filter.list));
        if (!filter.list)
            return false;
    }
    for (const struct sw_ip_member *m = g->members; m; m = m->next)
        for (uint32_t i = 0; i < m->n; i++)
            if (is_wanted(g, &m->sources[i]) != filter.exclude)
                sw_sources_add(&filter, &m->sources[i]);
    if (!filter.exclude && filter.n == FILTER_MAX) {
        filter.exclude = true;
        filter.n = 0;
    }
    *ret_filter = filter;
    return true;
}
