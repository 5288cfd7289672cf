/* SPDX-License-Identifier: BSD-2-Clause */
/* Placeholders until the files named in tcp.h are here. */
#include "tcp/control.h"

void sw_tcp_layer_init(struct sw_tcp_layer *layer, struct sw_env *env, struct sw_ip_layer *ip)
{
    layer->env = env;
    layer->ip = ip;
}
const char *sw_tcp_state_name(enum sw_tcp_state state)
{
    (void)state;
    return "";
}
enum sw_drop sw_tcp_segment(struct sw_packet *pkt, const struct sw_ip_hdr *ip,
                            struct sw_segment *ret_seg)
{
    (void)pkt, (void)ip, (void)ret_seg;
    return SW_DROP_TCP_TRUNCATED;
}
void sw_tcp_init(struct sw_tcp *tcp, struct sw_tcp_layer *layer, uint32_t sndbuf, uint32_t rcvbuf)
{
    tcp->layer = layer;
    tcp->state = SW_TCP_CLOSED;
    tcp->snd.buf = sndbuf;
    tcp->rcv.buf = rcvbuf;
}
void sw_tcp_set_isn(struct sw_tcp *tcp, sw_seq isn)
{
    tcp->snd.iss = isn;
}
int sw_tcp_connect(struct sw_tcp *tcp)
{
    (void)tcp;
    return 0;
}
int sw_tcp_open_passive(struct sw_tcp *tcp, const struct sw_segment *syn)
{
    (void)tcp, (void)syn;
    return 0;
}
void sw_tcp_input(struct sw_tcp *tcp, struct sw_segment *seg)
{
    (void)tcp;
    sw_packet_free(seg->pkt);
}
void sw_tcp_timer(struct sw_tcp *tcp)
{
    (void)tcp;
}
void sw_tcp_icmp(struct sw_tcp *tcp, const struct sw_icmp_error *error)
{
    (void)tcp, (void)error;
}
uint32_t sw_tcp_send_space(const struct sw_tcp *tcp)
{
    (void)tcp;
    return 0;
}
struct sw_stream *sw_tcp_send_queue(struct sw_tcp *tcp)
{
    return &tcp->snd.queue;
}
void sw_tcp_push(struct sw_tcp *tcp, bool more)
{
    (void)tcp, (void)more;
}
struct sw_stream *sw_tcp_recv_queue(struct sw_tcp *tcp)
{
    return &tcp->rcv.queue;
}
void sw_tcp_consumed(struct sw_tcp *tcp, uint32_t len)
{
    (void)tcp, (void)len;
}
bool sw_tcp_recv_eof(const struct sw_tcp *tcp)
{
    (void)tcp;
    return false;
}
void sw_tcp_shutdown(struct sw_tcp *tcp)
{
    (void)tcp;
}
void sw_tcp_close(struct sw_tcp *tcp)
{
    (void)tcp;
}
void sw_tcp_abort(struct sw_tcp *tcp, int err)
{
    (void)tcp, (void)err;
}
void sw_tcp_fini(struct sw_tcp *tcp)
{
    (void)tcp;
}
void sw_tcp_set_options(struct sw_tcp *tcp, const struct sw_tcp_options *options)
{
    (void)tcp, (void)options;
}
void sw_tcp_set_buffers(struct sw_tcp *tcp, uint32_t sndbuf, uint32_t rcvbuf)
{
    (void)tcp, (void)sndbuf, (void)rcvbuf;
}
uint32_t sw_tcp_sndbuf(const struct sw_tcp *tcp)
{
    return tcp->snd.buf;
}
uint32_t sw_tcp_rcvbuf(const struct sw_tcp *tcp)
{
    return tcp->rcv.buf;
}
enum sw_tcp_state sw_tcp_get_state(const struct sw_tcp *tcp)
{
    return tcp->state;
}
uint16_t sw_tcp_mss(const struct sw_tcp *tcp)
{
    return tcp->snd.mss;
}
unsigned sw_tcp_take_events(struct sw_tcp *tcp)
{
    (void)tcp;
    return 0;
}
int sw_tcp_take_error(struct sw_tcp *tcp)
{
    (void)tcp;
    return 0;
}
size_t sw_tcp_info(const struct sw_tcp *tcp, void *buf, size_t room)
{
    (void)tcp, (void)buf, (void)room;
    return 0;
}
void sw_tcp_refuse(struct sw_tcp_layer *layer, struct sw_segment *seg, enum sw_drop why)
{
    (void)layer, (void)why;
    sw_packet_free(seg->pkt);
}
void sw_timewait_init(struct sw_timewait *tw, const struct sw_tcp *tcp)
{
    tw->local = tcp->local;
    tw->remote = tcp->remote;
}
enum sw_timewait_verdict sw_timewait_input(struct sw_timewait *tw, struct sw_tcp_layer *layer,
                                           struct sw_segment *seg)
{
    (void)tw, (void)layer;
    sw_packet_free(seg->pkt);
    return SW_TW_STAY;
}
sw_seq sw_timewait_next_isn(const struct sw_timewait *tw)
{
    return tw->snd_nxt;
}
