/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interfaces: where packets leave and arrive. Index i + 1 names ip->ifaces[i], as if_nametoindex()
 * counts, and interfaces are never removed. Beginning and end of the layer are here too.
 */
#include <errno.h>

#include "ip/private.h"

#define IFACE_MTU_MAX 65536U /* Linux's loopback; an IPv4 packet ends at 65,535 all the same */

int sw_ip_init(struct sw_ip_layer *ip, struct sw_env *env)
{
    memset(ip, 0, sizeof(*ip));
    ip->env = env;
    ip->config = (struct sw_ip_config){
        .mtu_expires_ns = 600 * 1000000000ULL, .min_pmtu_bytes = 552, .min_advmss_bytes = 256};
    sw_packet_queue_init(&ip->looped);
    sw_ip_rekey(ip);
    sw_memo_init(ip);
    return 0;
}

void sw_ip_rekey(struct sw_ip_layer *ip)
{
    sw_rng_key(&ip->env->rng, &ip->id_key);
    for (unsigned i = 0; i < SW_IP_IDS; i++)
        ip->id_counters[i] = (uint32_t)sw_rng_u64(&ip->env->rng);
}

void sw_ip_fini(struct sw_ip_layer *ip)
{
    struct sw_mem *mem = ip->env->mem;
    sw_frag_fini(ip);
    sw_pmtu_fini(ip);
    sw_memo_fini(ip);
    sw_ip_groups_fini(ip);
    for (uint32_t i = 0; i < ip->n_ifaces; i++)
        sw_packet_queue_clear(&ip->ifaces[i].out);
    sw_mem_free(mem, ip->ifaces, ip->n_ifaces * sizeof(*ip->ifaces));
    sw_mem_free(mem, ip->addrs, ip->n_addrs * sizeof(*ip->addrs));
    sw_mem_free(mem, ip->routes, ip->n_routes * sizeof(*ip->routes));
    memset(ip, 0, sizeof(*ip));
}

static bool mtu_ok(uint32_t mtu)
{
    return mtu >= SW_IP4_MTU_MIN && mtu <= IFACE_MTU_MAX;
}

/* The queue of an interface points into itself while it is empty, so it is refilled, not copied. */
static void move_iface(struct sw_iface *to, struct sw_iface *from)
{
    struct sw_packet *pkt;
    *to = *from;
    sw_packet_queue_init(&to->out);
    while ((pkt = sw_packet_queue_take(&from->out)) != NULL)
        sw_packet_queue_add(&to->out, pkt);
}

int sw_ip_add_iface(struct sw_ip_layer *ip, const struct sw_iface_config *config)
{
    if (!mtu_ok(config->mtu) || config->name[0] == '\0' ||
        !memchr(config->name, '\0', sizeof(config->name)))
        return -EINVAL;
    for (uint32_t i = 0; i < ip->n_ifaces; i++) {
        if (strcmp(ip->ifaces[i].config.name, config->name) == 0)
            return -EEXIST;
    }
    struct sw_iface *ifaces = sw_mem_alloc(ip->env->mem, (ip->n_ifaces + 1) * sizeof(*ifaces));
    if (!ifaces)
        return -ENOMEM;
    for (uint32_t i = 0; i < ip->n_ifaces; i++)
        move_iface(&ifaces[i], &ip->ifaces[i]);
    ifaces[ip->n_ifaces].config = *config;
    sw_packet_queue_init(&ifaces[ip->n_ifaces].out);
    sw_mem_free(ip->env->mem, ip->ifaces, ip->n_ifaces * sizeof(*ifaces));
    ip->ifaces = ifaces;
    sw_ip_path_changed(ip);
    return (int)++ip->n_ifaces;
}

int sw_ip_set_mtu(struct sw_ip_layer *ip, int iface, uint32_t mtu, uint32_t gso_max)
{
    struct sw_iface *i = sw_ip_iface(ip, iface);
    if (!i)
        return -ENODEV;
    if (!mtu_ok(mtu))
        return -EINVAL;
    i->config.mtu = mtu;
    i->config.gso_max = gso_max;
    sw_ip_path_changed(ip);
    return 0;
}

struct sw_iface *sw_ip_iface(struct sw_ip_layer *ip, int iface)
{
    return iface >= 1 && (uint32_t)iface <= ip->n_ifaces ? &ip->ifaces[iface - 1] : NULL;
}

struct sw_iface *sw_ip_loopback(struct sw_ip_layer *ip, int *ret_index)
{
    for (uint32_t i = 0; i < ip->n_ifaces; i++) {
        if (ip->ifaces[i].config.loopback) {
            *ret_index = (int)i + 1;
            return &ip->ifaces[i];
        }
    }
    return NULL;
}
