/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What options a socket has: few sockets set any with a value, so they share one constant until
 * they do, and children of a listener share their parent's until they change something.
 */
#include "sock/private.h"

#define DGRAM_BUF_BYTES 212992U /* Linux's net.core.rmem_default and wmem_default */

static const struct sw_sock_opts defaults = {
    .rcvlowat = 1,
    .incoming_cpu = -1,
    .peek_off = -1,
    .udplite_recv = -1,
    .ttl = -1,
    .hops = -1,
    .mtu_discover = SW_PMTUDISC_WANT,
    .mtu_discover6 = SW_PMTUDISC_WANT,
    .multicast_ttl = 1,
    .multicast_hops = 1,
};

const struct sw_sock_opts *sw_sock_opts(const struct sw_sock *s)
{
    return s->opts ? s->opts : &defaults;
}

bool sw_opts_ask_cpu(const struct sw_sock_opts *opts)
{
    return opts->incoming_cpu >= 0 || (opts->chooser && opts->chooser->asks_cpu);
}

struct sw_sock_opts *sw_sock_opts_own(struct sw_sock_layer *layer, struct sw_sock *s)
{
    if (s->opts && s->opts->refs == 1)
        return s->opts;
    struct sw_sock_opts *own = sw_mem_alloc(layer->env->mem, sizeof(*own));
    if (!own)
        return NULL;
    *own = *sw_sock_opts(s);
    own->refs = 1;
    if (own->filter)
        own->filter->refs++;
    if (own->ext)
        own->ext->refs++;
    if (own->chooser)
        own->chooser->refs++;
    layer->n_ask_cpu += sw_opts_ask_cpu(own);
    sw_sock_opts_put(layer, s->opts);
    s->opts = own;
    return own;
}

void sw_sock_opts_put(struct sw_sock_layer *layer, struct sw_sock_opts *opts)
{
    if (!opts || --opts->refs > 0)
        return;
    layer->n_ask_cpu -= sw_opts_ask_cpu(opts);
    sw_bpf_put(layer->env->mem, opts->filter);
    sw_bpf_put(layer->env->mem, opts->chooser);
    if (opts->ext && --opts->ext->refs == 0)
        sw_mem_free(layer->env->mem, opts->ext, sizeof(*opts->ext));
    sw_mem_free(layer->env->mem, opts, sizeof(*opts));
}

uint32_t sw_sock_rcvbuf(struct sw_sock *s)
{
    if (sw_sock_is_stream(s))
        return sw_tcp_rcvbuf(sw_sock_tcp(s));
    uint32_t bytes = sw_sock_opts(s)->rcvbuf;
    return bytes ? bytes : DGRAM_BUF_BYTES;
}

uint32_t sw_sock_sndbuf(struct sw_sock *s)
{
    if (sw_sock_is_stream(s))
        return sw_tcp_sndbuf(sw_sock_tcp(s));
    uint32_t bytes = sw_sock_opts(s)->sndbuf;
    return bytes ? bytes : DGRAM_BUF_BYTES;
}

uint8_t sw_sock_tos(const struct sw_sock *s, const struct sw_ip *dst)
{
    const struct sw_sock_opts *o = sw_sock_opts(s);
    return (uint8_t)(sw_ip_is4(dst) ? o->tos : o->tclass);
}

uint8_t sw_sock_ttl(const struct sw_sock *s, const struct sw_ip *dst)
{
    const struct sw_sock_opts *o = sw_sock_opts(s);
    int32_t ttl;
    if (sw_ip_is_multicast(dst))
        ttl = sw_ip_is4(dst) ? o->multicast_ttl : o->multicast_hops;
    else
        ttl = sw_ip_is4(dst) ? o->ttl : o->hops;
    return ttl < 0 ? 0 : (uint8_t)ttl; /* 0: the host's */
}

void sw_stream_apply_options(struct sw_sock *s)
{
    sw_stream_options_to(s, sw_sock_tcp(s));
}

void sw_stream_options_to(const struct sw_sock *s, struct sw_tcp *tcp)
{
    const struct sw_sock_opts *o = sw_sock_opts(s);
    const struct sw_ip *dst = s->domain == SW_AF_INET ? &tcp->local.ip : &tcp->remote.ip;
    const struct sw_tcp_options options = {
        .keepidle_s = (uint32_t)o->keepidle_s,
        .keepintvl_s = (uint32_t)o->keepintvl_s,
        .keepcnt = (uint8_t)o->keepcnt,
        .syncnt = (uint8_t)o->syncnt,
        .user_timeout_ms = (uint32_t)o->user_timeout_ms,
        .maxseg = (uint16_t)o->maxseg,
        .linger2_s = (int8_t)o->linger2_s,
        .tos = sw_sock_tos(s, dst),
        .ttl = sw_sock_ttl(s, dst),
        .nodelay = s->on & SW_ON_NODELAY,
        .cork = s->on & SW_ON_CORK,
        .keepalive = s->on & SW_ON_KEEPALIVE,
        .quickack = s->on & SW_ON_QUICKACK,
        .oobinline = s->on & SW_ON_OOBINLINE,
        .notsent_lowat = (uint32_t)o->notsent_lowat,
        .max_pacing_rate = o->pacing_not ? ~o->pacing_not : 0,
        .cc = o->cc,
        .flow_label = o->flow_label,
        .no_flow_label = sw_sock_rare(s, SW_RARE_NO_FLOWLABEL),
        .times = {.rto_min_us = (uint32_t)o->rto_min_us,
                  .rto_max_ms = (uint32_t)o->rto_max_ms,
                  .delack_max_us = (uint32_t)o->delack_max_us,
                  .thin_linear = sw_sock_rare(s, SW_RARE_THIN_LINEAR)},
    };
    sw_tcp_set_options(tcp, &options);
    sw_tcp_set_buffers(tcp, o->sndbuf, o->rcvbuf);
}
