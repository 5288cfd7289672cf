/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who of a SO_REUSEPORT group gets a flow. Its members are numbered, the one bound first is 0, and
 * one of these says which:
 *
 *   a program (SO_ATTACH_REUSEPORT_CBPF), which sees the payload and returns a number;
 *   SO_INCOMING_CPU: who has asked for the processor at work, as the host's holder told it;
 *   a keyed hash of the 4-tuple.
 *
 * What gives no member leaves it to the next, as on Linux (reuseport_select_sock()). All members
 * of a group have its program: who attaches one gives it to all, and who joins takes it over.
 */
#include <errno.h>

#include "sock/options.h"

static bool is_mate(struct sw_sock *a, struct sw_sock *b)
{
    return a != b && (a->on & b->on & SW_ON_REUSEPORT) && sw_sock_proto(a) == sw_sock_proto(b) &&
           a->domain == b->domain && sw_ip_eq(&sw_sock_local(a)->ip, &sw_sock_local(b)->ip) &&
           sw_sock_opts(a)->bind_iface == sw_sock_opts(b)->bind_iface;
}

/* The mate that hears and was bound first, behind `after` (NULL: of all); NULL: there is no more.
 */
static struct sw_sock *next_mate(struct sw_sock *s, struct sw_sock *after)
{
    const struct sw_port *port = s->ref.port;
    if (!port)
        return NULL;
    for (struct sw_list *l = after ? after->ref.node.prev : port->hear.prev; l != &port->hear;
         l = l->prev) {
        struct sw_sock *other = SW_CONTAINER(l, struct sw_sock, ref.node);
        if (is_mate(s, other))
            return other;
    }
    return NULL;
}

/* Without memory it keeps what it has. */
static int give(struct sw_sock_layer *layer, struct sw_sock *s, struct sw_bpf *bpf)
{
    struct sw_sock_opts *opts = sw_sock_opts_own(layer, s);
    if (!opts)
        return -ENOMEM;
    if (bpf)
        bpf->refs++;
    layer->n_ask_cpu -= sw_opts_ask_cpu(opts);
    sw_bpf_put(layer->env->mem, opts->chooser);
    opts->chooser = bpf;
    layer->n_ask_cpu += sw_opts_ask_cpu(opts);
    return 0;
}

static int give_all(struct sw_sock_layer *layer, struct sw_sock *s, struct sw_bpf *bpf)
{
    int r = give(layer, s, bpf);
    for (struct sw_sock *o = next_mate(s, NULL); r == 0 && o; o = next_mate(s, o))
        r = give(layer, o, bpf);
    return r;
}

void sw_choose_join(struct sw_sock_layer *layer, struct sw_sock *s)
{
    struct sw_sock *first = next_mate(s, NULL);
    if (first && sw_sock_opts(first)->chooser != sw_sock_opts(s)->chooser)
        (void)give(layer, s, sw_sock_opts(first)->chooser);
}

uint32_t sw_choose(const struct sw_sock_layer *layer, const struct sw_sock *s,
                   const struct sw_bpf_view *view, uint32_t n)
{
    const struct sw_bpf *bpf = sw_sock_opts(s)->chooser;
    if (!bpf || !view)
        return n;
    struct sw_bpf_view v = *view;
    v.cpu = layer->cpu;
    return sw_bpf_run(bpf, &v);
}

/* ---- options ---------------------------------------------------------------------------- */

/* Whether it hears already: from then on it is too late for a group of its own. */
static bool is_placed(struct sw_sock *s)
{
    return sw_sock_is_stream(s) ? s->listener || sw_stream_state(s) != SW_TCP_CLOSED
                                : s->ref.port != NULL;
}

SW_OPT_SET_BYTES(sw_opt_attach_chooser)
{
    struct sw_bpf *bpf;
    int r = sw_filter_program(layer, s, val, len, &bpf);
    if (r < 0)
        return r;
    bool alone = sw_sock_is_stream(s) && is_placed(s) && !s->listener;
    r = !(s->on & SW_ON_REUSEPORT) || alone ? -EINVAL : give_all(layer, s, bpf);
    sw_bpf_put(layer->env->mem, bpf);
    return r;
}

SW_OPT_SET(sw_opt_set_detach_chooser)
{
    (void)v;
    if (!sw_sock_opts(s)->chooser)
        return s->on & SW_ON_REUSEPORT ? -ENOENT : -EINVAL;
    return give_all(layer, s, NULL);
}

SW_OPT_GET(sw_opt_get_incoming_cpu)
{
    (void)layer;
    *ret = sw_sock_opts(s)->incoming_cpu;
    return 0;
}

SW_OPT_SET(sw_opt_set_incoming_cpu)
{
    struct sw_sock_opts *opts = sw_sock_opts_own(layer, s);
    if (!opts)
        return -ENOMEM;
    layer->n_ask_cpu -= sw_opts_ask_cpu(opts);
    opts->incoming_cpu = v;
    layer->n_ask_cpu += sw_opts_ask_cpu(opts);
    return 0;
}
