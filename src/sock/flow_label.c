/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow_label.h. Linux's limits and times: at most 4,096 leases, 32 of them a socket's own by right
 * where there are many; each lingers 6 to 150 s after its last holder, longer by an administrator.
 */
#include <errno.h>

#include "sock/flow_label.h"
#include "sock/options.h"

enum {
    LABEL_MASK = 0xfffff, /* RFC 8200 3: 20 bits */
    LEASES_MAX = 4096,
    LEASES_PER_SOCKET = 32,
    LINGER_MIN_S = 6,
    LINGER_MAX_S = 150,
};
#define NS_PER_S 1000000000ULL

struct sw_flow_lease {
    struct sw_flow_lease *next;
    uint64_t used_ns, linger_ns, expires_ns;
    uint64_t owner; /* the process or user; else 0 */
    uint32_t label, holds;
    uint8_t share; /* SHARE_ */
    struct sw_ip dst;
};

/* A socket has as many of one lease as it has asked for. */
struct sw_flow_hold {
    struct sw_flow_hold *next;
    const struct sw_sock *holder;
    struct sw_flow_lease *lease;
};

/* struct in6_flowlabel_req of <linux/in6.h>. */
enum {
    REQUEST_BYTES = 32,
    AT_LABEL = 16,
    AT_ACTION = 20,
    AT_SHARE,
    AT_FLAGS,
    AT_EXPIRES = 24,
    AT_LINGER = 26
};
enum { ACTION_GET, ACTION_PUT, ACTION_RENEW };
enum { CREATE = 1, EXCLUSIVELY = 2, REFLECT = 4, REMOTE = 8 };
enum { SHARE_NONE, SHARE_EXCLUSIVE, SHARE_PROCESS, SHARE_USER, SHARE_ANY = 255 };

struct request {
    struct sw_ip dst;
    uint32_t label;
    uint8_t action, share;
    uint16_t flags, expires_s, linger_s;
};

static struct request parse(const uint8_t *p)
{
    struct request r = {.action = p[AT_ACTION], .share = p[AT_SHARE]};
    memcpy(r.dst.b, p, sizeof(r.dst.b));
    r.label = (uint32_t)p[AT_LABEL] << 24 | (uint32_t)p[AT_LABEL + 1] << 16 |
              (uint32_t)p[AT_LABEL + 2] << 8 | p[AT_LABEL + 3];
    memcpy(&r.flags, p + AT_FLAGS, sizeof(r.flags));
    memcpy(&r.expires_s, p + AT_EXPIRES, sizeof(r.expires_s));
    memcpy(&r.linger_s, p + AT_LINGER, sizeof(r.linger_s));
    return r;
}

/* ---- the leases ------------------------------------------------------------------------- */

static bool is_exclusive(uint8_t share)
{
    return share == SHARE_EXCLUSIVE || share == SHARE_PROCESS || share == SHARE_USER;
}

static void forget_old(struct sw_sock_layer *layer)
{
    struct sw_flow_lease **at = &layer->flow_leases, *lease;
    while ((lease = *at) != NULL) {
        if (lease->holds > 0 || layer->env->now_ns < lease->expires_ns) {
            at = &lease->next;
            continue;
        }
        *at = lease->next;
        layer->n_flow_leases--;
        layer->n_flow_exclusive -= is_exclusive(lease->share);
        sw_mem_free(layer->env->mem, lease, sizeof(*lease));
    }
}

static struct sw_flow_lease *find(const struct sw_sock_layer *layer, uint32_t label)
{
    struct sw_flow_lease *lease = layer->flow_leases;
    while (lease && lease->label != label)
        lease = lease->next;
    return lease;
}

static void release(struct sw_sock_layer *layer, struct sw_flow_lease *lease)
{
    lease->used_ns = layer->env->now_ns;
    if (--lease->holds == 0 && lease->expires_ns < lease->used_ns + lease->linger_ns)
        lease->expires_ns = lease->used_ns + lease->linger_ns;
}

static int hold(struct sw_sock_layer *layer, struct sw_sock *s, struct sw_flow_lease *lease)
{
    struct sw_flow_hold *h = sw_mem_alloc(layer->env->mem, sizeof(*h));
    if (!h)
        return -ENOMEM;
    *h = (struct sw_flow_hold){.next = layer->flow_holds, .holder = s, .lease = lease};
    layer->flow_holds = h;
    lease->holds++;
    s->is |= SW_IS_LABELLED;
    return 0;
}

/* The socket's hold of this label, by the place that points to it; NULL there: it has none. */
static struct sw_flow_hold **held(struct sw_sock_layer *layer, const struct sw_sock *s,
                                  uint32_t label)
{
    struct sw_flow_hold **at = &layer->flow_holds;
    while (*at && ((*at)->holder != s || (*at)->lease->label != label))
        at = &(*at)->next;
    return at;
}

static void let_go(struct sw_sock_layer *layer, struct sw_flow_hold **at)
{
    struct sw_flow_hold *h = *at;
    *at = h->next;
    release(layer, h->lease);
    sw_mem_free(layer->env->mem, h, sizeof(*h));
}

void sw_flow_labels_leave(struct sw_sock_layer *layer, const struct sw_sock *s)
{
    for (struct sw_flow_hold **at = &layer->flow_holds; *at;)
        if ((*at)->holder == s)
            let_go(layer, at);
        else
            at = &(*at)->next;
}

void sw_flow_labels_fini(struct sw_sock_layer *layer)
{
    SW_ASSERT(!layer->flow_holds);
    for (struct sw_flow_lease *lease; (lease = layer->flow_leases) != NULL;) {
        layer->flow_leases = lease->next;
        sw_mem_free(layer->env->mem, lease, sizeof(*lease));
    }
}

/* ---- IPV6_FLOWLABEL_MGR ------------------------------------------------------------------ */

/* Seconds as nanoseconds, 6 at least; 0: so long is for administrators. */
static uint64_t linger(const struct sw_sock_layer *layer, uint16_t s)
{
    if (s > LINGER_MAX_S && !layer->by_admin)
        return 0;
    return (s < LINGER_MIN_S ? LINGER_MIN_S : s) * NS_PER_S;
}

static int renew(struct sw_sock_layer *layer, struct sw_flow_lease *lease, const struct request *r)
{
    uint64_t linger_ns = linger(layer, r->linger_s), expires_ns = linger(layer, r->expires_s);
    if (linger_ns == 0 || expires_ns == 0)
        return -EPERM;
    lease->used_ns = layer->env->now_ns;
    if (lease->linger_ns < linger_ns)
        lease->linger_ns = linger_ns;
    if (expires_ns < lease->linger_ns)
        expires_ns = lease->linger_ns;
    if (lease->expires_ns < lease->used_ns + expires_ns)
        lease->expires_ns = lease->used_ns + expires_ns;
    return 0;
}

/* What a request would make: 0 or a negative errno. */
static int propose(struct sw_sock_layer *layer, const struct request *r, struct sw_flow_lease *ret)
{
    struct sw_flow_lease lease = {
        .label = r->label, .share = r->share, .dst = r->dst, .expires_ns = layer->env->now_ns};
    int err = renew(layer, &lease, r);
    if (err < 0)
        return err;
    if (sw_ip_is4(&r->dst) || sw_ip_is_any(&r->dst))
        return -EINVAL;
    if (!is_exclusive(r->share) && r->share != SHARE_ANY)
        return -EINVAL;
    if (r->share == SHARE_PROCESS)
        lease.owner = layer->caller_process;
    if (r->share == SHARE_USER)
        lease.owner = layer->caller_user;
    *ret = lease;
    return 0;
}

/* Who has one already, or finds few left, gets none: Linux's mem_check(). */
static bool is_full(const struct sw_sock_layer *layer, const struct sw_sock *s)
{
    uint32_t room = LEASES_MAX - layer->n_flow_leases, own = 0;
    if (room > LEASES_MAX - LEASES_PER_SOCKET)
        return false;
    for (const struct sw_flow_hold *h = layer->flow_holds; h; h = h->next)
        own += h->holder == s;
    bool too_much =
        own >= LEASES_PER_SOCKET || (own > 0 && room < LEASES_MAX / 2) || room < LEASES_MAX / 4;
    return room == 0 || (too_much && !layer->by_admin);
}

static int create(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_flow_lease *new)
{
    if (is_full(layer, s))
        return -ENOBUFS;
    struct sw_flow_lease *lease = sw_mem_alloc(layer->env->mem, sizeof(*lease));
    if (!lease)
        return -ENOMEM;
    *lease = *new;
    if (hold(layer, s, lease) < 0) {
        sw_mem_free(layer->env->mem, lease, sizeof(*lease));
        return -ENOMEM;
    }
    lease->next = layer->flow_leases;
    layer->flow_leases = lease;
    layer->n_flow_leases++;
    layer->n_flow_exclusive += is_exclusive(lease->share);
    return 0;
}

static int get(struct sw_sock_layer *layer, struct sw_sock *s, const struct request *r)
{
    struct sw_flow_lease new, *lease;
    if (r->flags & REFLECT)
        return -EPERM; /* net.ipv6.flowlabel_consistency is on, as by default */
    if (r->label == 0 || (r->label & ~(uint32_t)LABEL_MASK))
        return -EINVAL;
    int err = propose(layer, r, &new);
    if (err < 0)
        return err;
    lease = find(layer, r->label);
    if (!lease)
        return r->flags & CREATE ? create(layer, s, &new) : -ENOENT;
    if (r->flags & EXCLUSIVELY)
        return -EEXIST;
    if (lease->share == SHARE_EXCLUSIVE || lease->share != new.share || lease->owner != new.owner)
        return -EPERM;
    err = hold(layer, s, lease);
    if (err < 0)
        return err;
    if (lease->linger_ns < new.linger_ns)
        lease->linger_ns = new.linger_ns;
    if (lease->expires_ns < new.expires_ns)
        lease->expires_ns = new.expires_ns;
    return 0;
}

static int put(struct sw_sock_layer *layer, struct sw_sock *s, const struct request *r)
{
    struct sw_flow_hold **at = held(layer, s, r->label);
    if (r->flags & REFLECT)
        return sw_sock_is_stream(s) ? -ESRCH : -ENOPROTOOPT;
    if (!*at)
        return -ESRCH;
    if (sw_sock_opts(s)->flow_label == r->label)
        (void)SW_OPT_STORE(layer, s, flow_label, 0); /* not shared, since it has one of its own */
    let_go(layer, at);
    return 0;
}

SW_OPT_SET_BYTES(sw_opt_set_flow_label)
{
    (void)len;
    const struct request r = parse(val);
    forget_old(layer);
    switch (r.action) {
    case ACTION_GET:
        return get(layer, s, &r);
    case ACTION_PUT:
        return put(layer, s, &r);
    case ACTION_RENEW: {
        struct sw_flow_hold *h = *held(layer, s, r.label);
        struct sw_flow_lease *lease = h ? h->lease : NULL;
        if (!lease && r.share == SHARE_NONE && layer->by_admin)
            lease = find(layer, r.label);
        if (!lease) /* others learn whether there is one as administrators only */
            return r.share == SHARE_NONE && !layer->by_admin && find(layer, r.label) ? -EPERM
                                                                                     : -ESRCH;
        return renew(layer, lease, &r);
    }
    default:
        return -EINVAL;
    }
}

/* The lease of the label that the socket sends with, or (REMOTE) the label of the peer's. */
SW_OPT_GET_BYTES(sw_opt_get_flow_label)
{
    uint8_t out[REQUEST_BYTES] = {0};
    if (*len < REQUEST_BYTES || parse(val).action != ACTION_GET)
        return -EINVAL;
    const struct request r = parse(val);
    uint32_t label = sw_sock_opts(s)->flow_label;
    if (r.flags & REMOTE) {
        label = sw_sock_is_stream(s) ? sw_tcp_peer_label(sw_sock_tcp(s)) : 0;
    } else {
        const struct sw_flow_hold *h = *held(layer, s, label);
        if (!h)
            return -ENOENT;
        uint64_t left_ns = h->lease->expires_ns - layer->env->now_ns;
        uint16_t expires_s = (uint16_t)(left_ns / NS_PER_S),
                 linger_s = (uint16_t)(h->lease->linger_ns / NS_PER_S);
        memcpy(out, h->lease->dst.b, sizeof(h->lease->dst.b));
        out[AT_SHARE] = h->lease->share;
        memcpy(out + AT_EXPIRES, &expires_s, sizeof(expires_s));
        memcpy(out + AT_LINGER, &linger_s, sizeof(linger_s));
    }
    out[AT_LABEL + 1] = (uint8_t)(label >> 16);
    out[AT_LABEL + 2] = (uint8_t)(label >> 8);
    out[AT_LABEL + 3] = (uint8_t)label;
    return sw_opt_copy_out(val, len, out, sizeof(out));
}

/* ---- what is sent ------------------------------------------------------------------------ */

bool sw_flow_label_is_free(const struct sw_sock_layer *layer, const struct sw_sock *s,
                           uint32_t label)
{
    const struct sw_flow_hold *h = layer->flow_holds;
    if (label == 0 || layer->n_flow_exclusive == 0)
        return true;
    while (h && (h->holder != s || h->lease->label != label))
        h = h->next;
    return h != NULL;
}

void sw_flow_label_key(struct sw_sock_layer *layer)
{
    uint64_t half[2];
    for (uint8_t i = 0; i < 2; i++)
        half[i] = sw_siphash24(&layer->conn_key, &i, sizeof(i));
    _Static_assert(sizeof(half) == sizeof(layer->flow_key), "a key of 128 bits");
    memcpy(&layer->flow_key, half, sizeof(half));
}

uint32_t sw_flow_label(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_ip *src,
                       const struct sw_addr *dst, uint32_t chosen)
{
    struct {
        uint8_t src[16], dst[16];
        uint16_t local, remote;
        uint32_t proto;
    } flow = {.local = sw_sock_local(s)->port, .remote = dst->port, .proto = s->proto};
    _Static_assert(sizeof(flow) == 40, "hashed as bytes: no padding");
    if (sw_ip_is4(&dst->ip))
        return 0;
    if (chosen != 0 || sw_sock_rare(s, SW_RARE_NO_FLOWLABEL))
        return chosen;
    memcpy(flow.src, src->b, sizeof(flow.src));
    memcpy(flow.dst, dst->ip.b, sizeof(flow.dst));
    return (uint32_t)sw_siphash24(&layer->flow_key, &flow, sizeof(flow)) & LABEL_MASK;
}

int sw_sock_set_flow_label(struct sw_sock_layer *layer, struct sw_sock *s, uint32_t label)
{
    label &= LABEL_MASK;
    if (!sw_flow_label_is_free(layer, s, label))
        return -EINVAL;
    if (sw_sock_opts(s)->flow_label == label)
        return 0;
    int r = SW_OPT_STORE(layer, s, flow_label, (int32_t)label);
    if (r == 0 && sw_sock_is_stream(s))
        sw_stream_apply_options(s);
    return r;
}
