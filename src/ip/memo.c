/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers given lately: which way a pair of addresses goes, and that a pair is welcome on an
 * interface. Both are asked anew for every packet, and hardly ever is the answer another one.
 *
 * An answer holds for as long as path_changes stays what it was. While ICMP has told of what some
 * path carries (pmtu.c) nothing is remembered of paths: such knowledge ends with time.
 */
#include "ip/private.h"

#define WAYS 16U /* of each kind: a pair has one place, and pushes out who was there */

struct way {
    struct sw_ip dst;
    struct sw_ip_path path; /* its source is the other half of the pair */
    uint32_t seen;          /* path_changes; never 0 */
};

struct guest {
    struct sw_ip src, dst;
    int iface;
    uint32_t seen;
};

struct sw_ip_memo {
    struct way ways[WAYS];
    struct guest guests[WAYS];
};

void sw_memo_init(struct sw_ip_layer *ip)
{
    ip->path_changes = 1;
    ip->memo = sw_mem_alloc(ip->env->mem, sizeof(*ip->memo));
}

void sw_memo_fini(struct sw_ip_layer *ip)
{
    sw_mem_free(ip->env->mem, ip->memo, sizeof(*ip->memo));
    ip->memo = NULL;
}

/* By the peer's address, whose last byte mostly tells them apart. */
static unsigned place(const struct sw_ip *peer)
{
    return (peer->b[15] ^ peer->b[14]) % WAYS;
}

bool sw_memo_path(const struct sw_ip_layer *ip, const struct sw_ip *dst, const struct sw_ip *src,
                  struct sw_ip_path *ret_path)
{
    const struct way *w = ip->memo ? &ip->memo->ways[place(dst)] : NULL;

    if (!w || w->seen != ip->path_changes || ip->pmtus || !sw_ip_eq(&w->dst, dst) ||
        !sw_ip_eq(&w->path.src, src))
        return false;
    *ret_path = w->path;
    return true;
}

void sw_memo_keep_path(struct sw_ip_layer *ip, const struct sw_ip *dst,
                       const struct sw_ip_path *path)
{
    if (ip->memo && !ip->pmtus)
        ip->memo->ways[place(dst)] =
            (struct way){.dst = *dst, .path = *path, .seen = ip->path_changes};
}

bool sw_memo_welcome(const struct sw_ip_layer *ip, int iface, const struct sw_ip *src,
                     const struct sw_ip *dst)
{
    const struct guest *g = ip->memo ? &ip->memo->guests[place(src)] : NULL;

    return g && g->seen == ip->path_changes && g->iface == iface && !ip->looping &&
           sw_ip_eq(&g->src, src) && sw_ip_eq(&g->dst, dst);
}

void sw_memo_keep_welcome(struct sw_ip_layer *ip, int iface, const struct sw_ip *src,
                          const struct sw_ip *dst)
{
    if (ip->memo)
        ip->memo->guests[place(src)] =
            (struct guest){.src = *src, .dst = *dst, .iface = iface, .seen = ip->path_changes};
}
