/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A host: packet in, packet out, next deadline. This file only passes on: what arrives goes from
 * ip/ to the transport its header names, a timer that fires to the layer that armed it.
 */
#include <errno.h>

#include "base/assert.h"
#include "host/private.h"

#define MAX_SOCKETS 1048576U

/* ---- life ----------------------------------------------------------------------------- */

struct sw_host *sw_host_new(const struct sw_host_config *config)
{
    const struct sw_alloc *alloc = config->alloc ? config->alloc : &sw_alloc_libc;
    struct sw_mem *mem = sw_mem_new(alloc, config->mem_limit_bytes);
    if (!mem)
        return NULL;
    struct sw_host *host = sw_mem_alloc(mem, sizeof(*host));
    if (!host) {
        sw_mem_put(mem);
        return NULL;
    }
    host->env.mem = mem;
    host->env.now_ns = config->now_ns;
    host->env.trace = config->trace;
    host->env.trace_ctx = config->trace_ctx;
    sw_rng_init(&host->env.rng, config->seed);
    sw_wheel_init(&host->env.wheel, config->now_ns);
    if (sw_ip_init(&host->ip, &host->env) < 0) {
        sw_mem_free(mem, host, sizeof(*host));
        sw_mem_put(mem);
        return NULL;
    }
    sw_tcp_layer_init(&host->tcp, &host->env, &host->ip);
    if (config->mem_limit_bytes)
        host->tcp.config.mem_pressure_bytes = config->mem_limit_bytes / 4 * 3;
    sw_sock_layer_init(&host->sock, &host->env, &host->ip, &host->tcp,
                       config->max_sockets ? config->max_sockets : MAX_SOCKETS);
    return host;
}

void sw_host_reseed(struct sw_host *host, const uint8_t seed[16])
{
    uint8_t mixed[16];
    for (size_t i = 0; i < sizeof(mixed); i++)
        mixed[i] = (uint8_t)(seed[i] ^ sw_rng_below(&host->env.rng, 256));
    sw_rng_init(&host->env.rng, mixed);
    sw_ip_rekey(&host->ip);
    sw_tcp_layer_rekey(&host->tcp);
    sw_sock_layer_rekey(&host->sock);
}

void sw_host_free(struct sw_host *host)
{
    if (!host)
        return;
    struct sw_mem *mem = host->env.mem;
    sw_sock_layer_fini(&host->sock);
    sw_tcp_layer_fini(&host->tcp);
    sw_ip_fini(&host->ip);
    sw_mem_free(mem, host, sizeof(*host));
    sw_mem_put(mem);
}

struct sw_mem *sw_host_mem(struct sw_host *host)
{
    return host->env.mem;
}

void sw_host_set_cpu(struct sw_host *host, uint32_t cpu)
{
    host->sock.cpu = cpu;
}

void sw_host_set_caller(struct sw_host *host, uint64_t process, uint64_t user)
{
    host->sock.caller_process = process;
    host->sock.caller_user = user;
}

bool sw_host_asks_cpu(const struct sw_host *host)
{
    return host->sock.n_ask_cpu > 0;
}

uint64_t sw_host_now(const struct sw_host *host)
{
    return host->env.now_ns;
}

/* ---- interfaces ----------------------------------------------------------------------- */

int sw_host_add_iface(struct sw_host *host, const struct sw_iface_config *config)
{
    return sw_ip_add_iface(&host->ip, config);
}

int sw_host_add_loopback(struct sw_host *host)
{
    const struct sw_iface_config lo = {
        .name = "lo", .mtu = 65536, .gso_max = 65483, .loopback = true, .csum_offload = true};
    const struct sw_ip lo4 = SW_IP4_LOOPBACK, lo6 = SW_IP6_LOOPBACK;
    int iface = sw_ip_add_iface(&host->ip, &lo);
    if (iface < 0)
        return iface;
    int r = sw_ip_add_addr(&host->ip, iface, &lo4, 8);
    if (r == 0)
        r = sw_ip_add_addr(&host->ip, iface, &lo6, 128);
    return r < 0 ? r : iface;
}

int sw_host_set_mtu(struct sw_host *host, int iface, uint32_t mtu, uint32_t gso_max)
{
    return sw_ip_set_mtu(&host->ip, iface, mtu, gso_max);
}

int sw_host_add_addr(struct sw_host *host, int iface, const struct sw_ip *ip, unsigned prefix_len)
{
    return sw_ip_add_addr(&host->ip, iface, ip, prefix_len);
}

int sw_host_remove_addr(struct sw_host *host, int iface, const struct sw_ip *ip,
                        unsigned prefix_len)
{
    return sw_ip_remove_addr(&host->ip, iface, ip, prefix_len);
}

bool sw_host_is_local(const struct sw_host *host, const struct sw_ip *ip)
{
    return sw_ip_is_local(&host->ip, ip);
}

int sw_host_add_route(struct sw_host *host, const struct sw_ip *dst, unsigned prefix_len, int iface,
                      const struct sw_ip *via)
{
    return sw_ip_add_route(&host->ip, dst, prefix_len, iface, via);
}

int sw_host_remove_route(struct sw_host *host, const struct sw_ip *dst, unsigned prefix_len,
                         int iface)
{
    return sw_ip_remove_route(&host->ip, dst, prefix_len, iface);
}

int sw_host_set_route_metrics(struct sw_host *host, const struct sw_ip *dst, unsigned prefix_len,
                              const struct sw_route_metrics *metrics)
{
    return sw_ip_set_route_metrics(&host->ip, dst, prefix_len, metrics);
}

/* ---- packets and time ----------------------------------------------------------------- */

/* Time never runs backwards. */
static void set_now(struct sw_host *host, uint64_t now_ns)
{
    if (now_ns > host->env.now_ns)
        host->env.now_ns = now_ns;
}

static void icmp_input(struct sw_host *host, struct sw_packet *pkt, const struct sw_ip_hdr *hdr,
                       int iface)
{
    struct sw_icmp_error error;
    enum sw_icmp_use use = sw_icmp_input(&host->ip, iface, pkt, hdr, &error);
    if (use == SW_ICMP_IS_ERROR)
        sw_sock_icmp_error(&host->sock, pkt, hdr, &error, iface);
    else if (use == SW_ICMP_IS_REPLY)
        sw_sock_echo_reply(&host->sock, pkt, hdr, &error.icmp, iface);
}

/* Nothing here speaks that protocol (RFC 1122 3.2.2.1; RFC 4443 3.4 has another type for it, which
 * sw_icmp_send_error() derives). */
static void refuse_protocol(struct sw_host *host, struct sw_packet *pkt,
                            const struct sw_ip_hdr *hdr)
{
    const struct sw_addr local = {.ip = hdr->dst}, remote = {.ip = hdr->src};
    sw_icmp_send_error(&host->ip, pkt, hdr, SW_ICMP_UNREACH, SW_ICMP_UNREACH_PROTO);
    sw_drop(&host->env, pkt, SW_DROP_IP_PROTOCOL, &local, &remote);
}

/* `hash`: what is known of it already, see sw_ahead_packets(). */
static void input(struct sw_host *host, int iface, struct sw_packet *pkt, uint64_t hash)
{
    struct sw_ip_hdr hdr;
    pkt = sw_ip_input(&host->ip, iface, pkt, &hdr);
    if (!pkt)
        return;
    bool heard = sw_sock_raw_input(&host->sock, pkt, &hdr, iface);
    if (hdr.proto == SW_PROTO_TCP)
        sw_sock_tcp_input(&host->sock, pkt, &hdr, iface, hash);
    else if (hdr.proto == SW_PROTO_UDP || hdr.proto == SW_PROTO_UDPLITE)
        sw_sock_udp_input(&host->sock, pkt, &hdr, iface);
    else if (hdr.proto == (hdr.version == 4 ? SW_PROTO_ICMP : SW_PROTO_ICMP6))
        icmp_input(host, pkt, &hdr, iface);
    else if (hdr.proto == SW_PROTO_IGMP && hdr.version == 4)
        sw_igmp_input(&host->ip, iface, pkt, &hdr);
    else if (heard)
        sw_packet_free(pkt);
    else
        refuse_protocol(host, pkt, &hdr);
}

void sw_host_input(struct sw_host *host, int iface, struct sw_packet *pkt, uint64_t now_ns)
{
    set_now(host, now_ns);
    input(host, iface, pkt, sw_ahead_packet(&host->sock, pkt));
}

/* What this host sent to a group that it is in itself. What that makes sockets send is for the next
 * time. */
static void hear_ourselves(struct sw_host *host)
{
    struct sw_packet *pkt;
    int iface;
    host->ip.looping = true;
    for (uint32_t n = host->ip.looped.count; n > 0; n--) {
        pkt = sw_ip_looped(&host->ip, &iface);
        sw_host_input(host, iface, pkt, host->env.now_ns);
    }
    host->ip.looping = false;
}

/* Takes the first packet off a list, and joins to it what follows it in its stream. */
static struct sw_packet *take_merged(struct sw_packet **first)
{
    struct sw_packet *pkt = *first, *next = pkt->next;
    while (next) {
        struct sw_packet *after = next->next;
        if (!sw_gro_merge(pkt, next))
            break;
        next = after;
    }
    *first = next;
    pkt->next = NULL;
    return pkt;
}

void sw_host_input_batch(struct sw_host *host, int iface, struct sw_packet *first, uint64_t now_ns)
{
    set_now(host, now_ns);
    while (first) {
        struct sw_packet *pkts[SW_AHEAD_MAX];
        uint64_t hashes[SW_AHEAD_MAX];
        unsigned n = 0;
        while (first && n < SW_AHEAD_MAX)
            pkts[n++] = take_merged(&first);
        sw_ahead_packets(&host->sock, pkts, n, hashes);
        for (unsigned i = 0; i < n; i++)
            input(host, iface, pkts[i], hashes[i]);
    }
}

struct sw_packet *sw_host_output(struct sw_host *host, int iface, uint64_t now_ns)
{
    set_now(host, now_ns);
    hear_ourselves(host);
    struct sw_iface *i = sw_ip_iface(&host->ip, iface);
    return i ? sw_packet_queue_take(&i->out) : NULL;
}

void sw_host_advance(struct sw_host *host, uint64_t now_ns)
{
    set_now(host, now_ns);
    struct sw_timer *timer;
    while ((timer = sw_wheel_pop(&host->env.wheel, host->env.now_ns)) != NULL) {
        const struct sw_timer *next, *second;
        sw_wheel_upcoming(&host->env.wheel, &next, &second);
        sw_ahead_timers(next, second);
        if (timer->owner == SW_TIMER_FRAG)
            sw_frag_timer(&host->ip, timer);
        else if (timer->owner == SW_TIMER_MEMBER)
            sw_group_timer(&host->ip, timer);
        else
            sw_sock_timer(&host->sock, timer);
    }
}

uint64_t sw_host_deadline(const struct sw_host *host)
{
    return sw_wheel_next(&host->env.wheel);
}

/* ---- counters ------------------------------------------------------------------------- */

uint64_t sw_host_drops(const struct sw_host *host, enum sw_drop why)
{
    return (unsigned)why < SW_DROP_COUNT ? host->env.drops[why] : 0;
}

void sw_host_get_stats(const struct sw_host *host, struct sw_host_stats *ret_stats)
{
    *ret_stats = host->env.stats;
    ret_stats->mem_bytes = sw_mem_used(host->env.mem);
}
