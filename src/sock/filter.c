/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SO_ATTACH_FILTER and its kin (socket(7)): a socket's filter sees each packet before it is queued,
 * as Linux's sk_filter() has it: of UDP from the UDP header on, of TCP from a TCP header without
 * options on, of raw and ping sockets what these would read.
 *
 * It lies in the socket's options, so children of a listener have their parent's.
 */
#include <errno.h>

#include "sock/options.h"

/* struct sock_fprog of <linux/filter.h>; the program itself lies where it points to. */
struct program {
    uint16_t n;
    const struct sw_bpf_insn *insns;
};

static int set(struct sw_sock_layer *layer, struct sw_sock *s, struct sw_bpf *bpf)
{
    struct sw_sock_opts *opts = sw_sock_opts_own(layer, s);
    if (!opts) {
        sw_bpf_put(layer->env->mem, bpf);
        return -ENOMEM;
    }
    sw_bpf_put(layer->env->mem, opts->filter);
    opts->filter = bpf;
    return 0;
}

int sw_filter_program(struct sw_sock_layer *layer, const struct sw_sock *s, const void *val,
                      size_t len, struct sw_bpf **ret_bpf)
{
    struct program program;
    if (len != sizeof(program))
        return -EINVAL;
    memcpy(&program, val, sizeof(program));
    if (sw_sock_rare(s, SW_RARE_LOCK_FILTER))
        return -EPERM;
    return sw_bpf_new(layer->env->mem, program.insns, program.n, ret_bpf);
}

SW_OPT_SET_BYTES(sw_opt_set_attach_filter)
{
    struct sw_bpf *bpf;
    if (len < sizeof(int))
        return -EINVAL;
    if (sw_sock_is_stream(s) && !layer->by_admin) /* Linux 6.18; older ones let everybody */
        return -EPERM;
    int r = sw_filter_program(layer, s, val, len, &bpf);
    return r < 0 ? r : set(layer, s, bpf);
}

/* SO_GET_FILTER. Without any room just its length. (Linux counts both in instructions.) */
SW_OPT_GET_BYTES(sw_opt_get_attach_filter)
{
    (void)layer;
    const struct sw_bpf *bpf = sw_sock_opts(s)->filter;
    size_t size = bpf ? bpf->n * sizeof(bpf->insns[0]) : 0;
    if (*len > 0 && *len < size)
        return -EINVAL;
    if (*len > 0 && size > 0)
        memcpy(val, bpf->insns, size);
    *len = size;
    return 0;
}

SW_OPT_SET(sw_opt_set_detach_filter)
{
    (void)v;
    if (sw_sock_rare(s, SW_RARE_LOCK_FILTER))
        return -EPERM;
    return sw_sock_opts(s)->filter ? set(layer, s, NULL) : -ENOENT;
}

/* How many bytes the filter keeps. */
static uint32_t keeps(struct sw_sock_layer *layer, const struct sw_sock *s,
                      const struct sw_bpf_view *view)
{
    struct sw_bpf_view v = *view;
    v.chance = (uint32_t)sw_rng_u64(&layer->env->rng);
    v.cpu = layer->cpu;
    return sw_bpf_run(sw_sock_opts(s)->filter, &v);
}

/* Cuts it to `keep` of its `len` bytes; headers that lie in front stay. */
static bool trimmed(struct sw_packet *pkt, uint32_t keep, uint32_t len)
{
    uint32_t extra = keep > 0 && keep < len ? len - keep : 0;
    sw_packet_trim_back(pkt, extra < pkt->data_len ? extra : pkt->data_len);
    return keep > 0;
}

static void put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

bool sw_filter_passes_udp(struct sw_sock_layer *layer, const struct sw_sock *s,
                          struct sw_packet *pkt, const struct sw_ip_hdr *ip, int iface)
{
    const struct sw_bpf_view view = {.pkt = pkt, .ip = ip, .iface = iface};
    uint32_t keep = keeps(layer, s, &view);
    if (keep > 0 && keep < SW_UDP_HDR) /* that is never cut off */
        keep = SW_UDP_HDR;
    return trimmed(pkt, keep, sw_packet_len(pkt));
}

bool sw_filter_passes_tcp(struct sw_sock_layer *layer, const struct sw_sock *s,
                          const struct sw_segment *seg, int iface)
{
    uint8_t head[SW_TCP_HDR] = {0}; /* RFC 9293 3.1 */
    const struct sw_tcp_hdr *tcp = &seg->tcp;
    put32(head, (uint32_t)tcp->src_port << 16 | tcp->dst_port);
    put32(head + 4, tcp->seq.v);
    put32(head + 8, tcp->ack.v);
    put32(head + 12, 0x50000000U | (uint32_t)(tcp->flags & 0xfff) << 16 | tcp->window);
    put32(head + 16, tcp->urgent);
    const struct sw_bpf_view view = {
        .head = head, .head_len = SW_TCP_HDR, .pkt = seg->pkt, .ip = &seg->ip, .iface = iface};
    return keeps(layer, s, &view) > 0;
}

bool sw_filter_passes(struct sw_sock_layer *layer, const struct sw_sock *s, struct sw_packet *pkt,
                      const struct sw_ip_hdr *ip, int iface)
{
    const struct sw_bpf_view view = {.pkt = pkt, .ip = ip, .iface = iface};
    return trimmed(pkt, keeps(layer, s, &view), sw_packet_len(pkt));
}
