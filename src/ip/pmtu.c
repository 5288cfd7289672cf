/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What paths carry, one entry per destination, told by ICMP (RFC 1191, RFC 8201) and shared by all
 * that send there. Whoever hears of it checks first that the message answers something that was
 * sent (RFC 5927 7); here it only ever lowers an MTU, for ten minutes, never below a minimum.
 *
 * The memory is fixed: a keyed hash names a set of four entries, of which a new one takes the place
 * of the one that would end first. So nobody can make it grow, nor choose whom to push out. It is
 * not there before the first message, and is given back when the last entry is over.
 */
#include "ip/private.h"

#define SETS 256U
#define WAYS 4U

struct entry {
    struct sw_ip dst;
    uint64_t expires_ns; /* 0: free */
    uint32_t mtu;
    bool locked; /* the path carries even less than we send: routers have to fragment */
};

struct sw_pmtus {
    struct sw_sipkey key;
    uint64_t until_ns; /* when the last entry is over */
    struct entry entries[SETS][WAYS];
};

void sw_ip_path_changed(struct sw_ip_layer *ip)
{
    ip->path_changes++;
}

void sw_pmtu_fini(struct sw_ip_layer *ip)
{
    if (ip->pmtus)
        sw_mem_free(ip->env->mem, ip->pmtus, sizeof(*ip->pmtus));
    ip->pmtus = NULL;
}

static struct entry *set_of(struct sw_pmtus *pmtus, const struct sw_ip *dst)
{
    return pmtus->entries[sw_siphash13(&pmtus->key, dst->b, sizeof(dst->b)) % SETS];
}

/* The entry of a destination, or NULL. One whose time is over is forgotten: then the path may carry
 * more again (RFC 1191 6.3), and whoever counted on it looks anew. */
static struct entry *find(struct sw_ip_layer *ip, const struct sw_ip *dst)
{
    struct entry *set = ip->pmtus ? set_of(ip->pmtus, dst) : NULL;
    for (unsigned i = 0; set && i < WAYS; i++) {
        if (!set[i].expires_ns || !sw_ip_eq(&set[i].dst, dst))
            continue;
        if (set[i].expires_ns > ip->env->now_ns)
            return &set[i];
        set[i] = (struct entry){.expires_ns = 0};
        sw_ip_path_changed(ip);
        return NULL;
    }
    return NULL;
}

void sw_pmtu_apply(struct sw_ip_layer *ip, const struct sw_ip *dst, struct sw_ip_path *path)
{
    if (!ip->pmtus)
        return;
    if (ip->pmtus->until_ns <= ip->env->now_ns) {
        sw_pmtu_fini(ip);
        sw_ip_path_changed(ip);
        return;
    }
    const struct entry *e = find(ip, dst);
    if (e && e->mtu < path->mtu)
        path->mtu = e->mtu;
    if (e && e->locked)
        path->mtu_locked = true;
}

/* Where a new destination goes: a free entry, else the one that ends first. */
static struct entry *make(struct sw_ip_layer *ip, const struct sw_ip *dst)
{
    if (!ip->pmtus) {
        ip->pmtus = sw_mem_alloc(ip->env->mem, sizeof(*ip->pmtus));
        if (!ip->pmtus)
            return NULL;
        sw_rng_key(&ip->env->rng, &ip->pmtus->key);
    }
    struct entry *set = set_of(ip->pmtus, dst), *e = &set[0];
    for (unsigned i = 1; i < WAYS; i++)
        if (set[i].expires_ns < e->expires_ns)
            e = &set[i];
    *e = (struct entry){.dst = *dst};
    return e;
}

void sw_ip_pmtu_learn(struct sw_ip_layer *ip, const struct sw_ip *dst, uint32_t mtu)
{
    struct sw_ip_path path;
    bool too_small = sw_ip_is4(dst) && mtu < ip->config.min_pmtu_bytes;

    /* RFC 8201 4: no IPv6 link carries less than 1,280 bytes, whatever a message says. */
    if (!sw_ip_is4(dst) && mtu < SW_IP6_MTU_MIN)
        return;
    if (sw_ip_path(ip, dst, NULL, &path) < 0 || path.mtu < mtu || path.loopback ||
        (path.mtu_locked && !too_small))
        return;
    /* Linux's min_pmtu: smaller packets are not worth it, and might be what somebody wants who
     * overlaps fragments; so routers may fragment these. */
    if (too_small)
        mtu = path.mtu < ip->config.min_pmtu_bytes ? path.mtu : ip->config.min_pmtu_bytes;
    struct entry *e = find(ip, dst);
    if (!e)
        e = make(ip, dst);
    if (!e)
        return;
    if (e->mtu != mtu || e->locked != too_small)
        sw_ip_path_changed(ip);
    e->mtu = mtu;
    e->locked = too_small;
    e->expires_ns = ip->env->now_ns + ip->config.mtu_expires_ns;
    if (e->expires_ns > ip->pmtus->until_ns)
        ip->pmtus->until_ns = e->expires_ns;
}
