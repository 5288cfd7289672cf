/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Multicast groups of the interfaces (RFC 1112 7.1, RFC 4291 2.7): which ones somebody of this host
 * has joined, and the copies of what this host sends to them itself.
 *
 * All-hosts (224.0.0.1, ff01::1, ff02::1) is joined everywhere and for ever (RFC 1112 4, RFC 4291
 * 2.8). Which sources a socket hears is the socket layer's affair; what of it routers are told,
 * member.c's.
 */
#include <errno.h>

#include "base/assert.h"
#include "ip/private.h"

static struct sw_ip_group **find(struct sw_ip_layer *ip, int iface, const struct sw_ip *group)
{
    struct sw_ip_group **at = &ip->groups;
    while (*at && ((*at)->iface != iface || !sw_ip_eq(&(*at)->ip, group)))
        at = &(*at)->next;
    return at;
}

int sw_ip_join(struct sw_ip_layer *ip, int iface, const struct sw_ip *group,
               struct sw_ip_member *member)
{
    struct sw_ip_group **at = find(ip, iface, group);
    if (!*at) {
        *at = sw_mem_alloc(ip->env->mem, sizeof(**at));
        if (!*at)
            return -ENOMEM;
        **at = (struct sw_ip_group){.ip = *group, .iface = iface};
        sw_member_init(*at);
    }
    member->next = (*at)->members;
    (*at)->members = member;
    sw_member_update(ip, *at);
    return 0;
}

void sw_ip_member_changed(struct sw_ip_layer *ip, int iface, const struct sw_ip *group)
{
    struct sw_ip_group **at = find(ip, iface, group);
    SW_ASSERT(*at != NULL);
    sw_member_update(ip, *at);
}

static void remove_group(struct sw_ip_layer *ip, struct sw_ip_group **at)
{
    struct sw_ip_group *g = *at;
    *at = g->next;
    sw_member_fini(ip, g);
    sw_mem_free(ip->env->mem, g, sizeof(*g));
}

void sw_ip_leave(struct sw_ip_layer *ip, int iface, const struct sw_ip *group,
                 struct sw_ip_member *member)
{
    struct sw_ip_group **at = find(ip, iface, group);
    SW_ASSERT(*at != NULL);
    struct sw_ip_member **m = &(*at)->members;
    while (*m != member)
        m = &(*m)->next;
    *m = member->next;
    sw_member_update(ip, *at);
    if (!(*at)->members && !(*at)->timer.armed)
        remove_group(ip, at);
}

void sw_group_timer(struct sw_ip_layer *ip, struct sw_timer *timer)
{
    struct sw_ip_group *g = SW_CONTAINER(timer, struct sw_ip_group, timer);
    sw_member_timer(ip, g);
    if (!g->members && !g->timer.armed)
        remove_group(ip, find(ip, g->iface, &g->ip));
}

void sw_ip_groups_fini(struct sw_ip_layer *ip)
{
    while (ip->groups)
        remove_group(ip, &ip->groups);
    sw_packet_queue_clear(&ip->looped);
}

static bool is_all_hosts(const struct sw_ip *ip)
{
    static const struct sw_ip all[] = {
        SW_IP4(224, 0, 0, 1), {{0xff, 0x01, [15] = 1}}, {{0xff, 0x02, [15] = 1}}};
    return sw_ip_eq(ip, &all[0]) || sw_ip_eq(ip, &all[1]) || sw_ip_eq(ip, &all[2]);
}

bool sw_ip_in_group(struct sw_ip_layer *ip, int iface, const struct sw_ip *group)
{
    const struct sw_ip_group *g = *find(ip, iface, group);
    return is_all_hosts(group) || (g && g->members);
}

int sw_ip_group_iface(struct sw_ip_layer *ip, const struct sw_ip *group)
{
    const struct sw_ip_route *route = sw_ip_route_find(ip, group);
    int lo;
    if (route)
        return route->iface;
    return sw_ip_loopback(ip, &lo) ? lo : -ENODEV;
}

void sw_ip_loop_back(struct sw_ip_layer *ip, int iface, const struct sw_packet *pkt)
{
    struct sw_packet *copy = sw_packet_clone(pkt);
    if (!copy)
        return; /* as if it was lost */
    copy->time_ns = (uint64_t)iface;
    sw_packet_queue_add(&ip->looped, copy);
}

struct sw_packet *sw_ip_looped(struct sw_ip_layer *ip, int *ret_iface)
{
    struct sw_packet *pkt = sw_packet_queue_take(&ip->looped);
    if (pkt)
        *ret_iface = (int)pkt->time_ns;
    return pkt;
}
