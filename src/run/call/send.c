/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sendto, sendmsg, sendmmsg of datagram stand-ins. (Those of streams are in call/stream_recv.c;
 * sockets that are not ours are the kernel's.)
 *
 * Order of checks is Linux's (net/socket.c, udp_sendmsg() as seen from outside).
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/net_tstamp.h> /* needs <time.h> before it */

#include "run/call/flow_label.h"
#include "run/call/message.h"
#include "run/record.h"
#include "run/standin/dgram.h"

#ifndef SCM_TS_OPT_ID
#define SCM_TS_OPT_ID 81 /* Linux 6.13 */
#endif
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

enum {
    IP_PROTOCOL_CONTROL = 52, /* IP_PROTOCOL: of raw sockets (Linux 6.5), nothing to others */
    OLD_PKTINFO = 2,          /* IPV6_2292PKTINFO */
    OLD_HOPOPTS = 3,          /* IPV6_2292HOPOPTS */
    OLD_DSTOPTS = 4,          /* IPV6_2292DSTOPTS */
    OLD_HOPLIMIT = 8,         /* IPV6_2292HOPLIMIT */
    FLOWINFO = 11,            /* IPV6_FLOWINFO */
    EXTENSION_MIN = 2,        /* bytes of a struct ipv6_opt_hdr */
    PRIORITY_MAX = 6,         /* more is for administrators */
    /* SOF_TIMESTAMPING_TX_RECORD_MASK, which grows with the header */
    TIMESTAMPING_TX = SOF_TIMESTAMPING_TX_HARDWARE | SOF_TIMESTAMPING_TX_SOFTWARE |
                      SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_ACK,
};

static bool read_int(const void *data, size_t len, int *ret)
{
    if (len != sizeof(*ret))
        return false;
    memcpy(ret, data, sizeof(*ret));
    return true;
}

static bool in_range(int v, int lo, int hi)
{
    return v >= lo && v <= hi;
}

static int read_ip_control(int type, const void *data, size_t len, struct sw_datagram_info *info)
{
    struct in_pktinfo pktinfo;
    uint8_t b[4];
    int v;

    switch (type) {
    case IP_PKTINFO:
        if (len != sizeof(pktinfo))
            return -EINVAL;
        memcpy(&pktinfo, data, sizeof(pktinfo));
        memcpy(b, &pktinfo.ipi_spec_dst, sizeof(b));
        info->iface = pktinfo.ipi_ifindex;
        info->local = SW_IP4(b[0], b[1], b[2], b[3]);
        return 0;
    case IP_TTL:
        return read_int(data, len, &info->ttl) && in_range(info->ttl, 1, 255) ? 0 : -EINVAL;
    case IP_TOS:
        if (len == 1)
            info->tos = *(const uint8_t *)data;
        else if (!read_int(data, len, &info->tos) || !in_range(info->tos, 0, 255))
            return -EINVAL;
        return 0;
    case IP_PROTOCOL_CONTROL:
        return read_int(data, len, &v) && in_range(v, 1, 255) ? 0 : -EINVAL;
    case IP_RETOPTS:
        return -EOPNOTSUPP;
    default:
        return -EINVAL;
    }
}

/* Linux lets an address that is not ours be told from one that is malformed by bind() only. */
static int read_pktinfo6(const void *data, size_t len, struct sw_datagram_info *info)
{
    struct in6_pktinfo pktinfo;

    if (len < sizeof(pktinfo))
        return -EINVAL;
    memcpy(&pktinfo, data, sizeof(pktinfo));
    info->iface = (int)pktinfo.ipi6_ifindex;
    memcpy(info->local.b, &pktinfo.ipi6_addr, sizeof(info->local.b));
    return 0;
}

static int read_ip6_control(int type, const void *data, size_t len, struct sw_datagram_info *info)
{
    uint32_t flowinfo;
    int flag;

    switch (type) {
    case IPV6_PKTINFO:
    case OLD_PKTINFO:
        return read_pktinfo6(data, len, info);
    case IPV6_HOPLIMIT:
    case OLD_HOPLIMIT:
        return read_int(data, len, &info->ttl) && in_range(info->ttl, -1, 255) ? 0 : -EINVAL;
    case FLOWINFO:
        if (len < sizeof(flowinfo))
            return -EINVAL;
        memcpy(&flowinfo, data, sizeof(flowinfo));
        info->flow_label = ntohl(flowinfo) & FLOW_LABEL_MASK;
        return 0;
    case IPV6_TCLASS:
        return read_int(data, len, &info->tos) && in_range(info->tos, -1, 255) ? 0 : -EINVAL;
    case IPV6_DONTFRAG:
        return read_int(data, len, &flag) && in_range(flag, 0, 1) ? 0 : -EINVAL;
    default:
        return -EINVAL;
    }
}

/* Which extension header a control message brings, by RFC 3542 or, of another number, RFC 2292;
 * SW_EXTS: none. */
static enum sw_extension extension_of(int type)
{
    switch (type) {
    case IPV6_HOPOPTS:
    case OLD_HOPOPTS:
        return SW_EXT_HOP;
    case IPV6_RTHDRDSTOPTS:
        return SW_EXT_DST_ROUTED;
    case IPV6_DSTOPTS:
    case OLD_DSTOPTS:
        return SW_EXT_DST;
    default:
        return SW_EXTS;
    }
}

/* One of them (Linux's ip6_datagram_send_ctl()). */
static int read_extension(pid_t tid, int type, const void *data, size_t len,
                          struct sw_extensions *e)
{
    enum sw_extension which = extension_of(type);
    const uint8_t *bytes = data;

    if (len < EXTENSION_MIN ||
        (e->len[which] != 0 && type != IPV6_DSTOPTS && type != IPV6_RTHDRDSTOPTS))
        return -EINVAL;
    size_t own = 8 + 8 * (size_t)bytes[1];
    if (len < own)
        return -EINVAL;
    if (!caller_is_admin(tid))
        return -EPERM;
    if (own > SW_EXT_MAX)
        return -ENOBUFS;
    memcpy(e->bytes[which], bytes, own);
    e->len[which] = (uint8_t)own;
    return 0;
}

/* Whether stamps have numbers of the sender's: not those of a stream, which are its bytes'. */
static bool numbers_stamps(struct run *run, const struct standin *s)
{
    return !s->stream &&
           (standin_option(run, s, SOL_SOCKET, SO_TIMESTAMPING) & SOF_TIMESTAMPING_OPT_ID) != 0;
}

/* SO_TXTIME: whether datagrams may bring the moment to send them. */
static bool has_txtime(struct run *run, const struct standin *s)
{
    int32_t txtime[2] = {0}; /* clock, flags; CLOCK_REALTIME, which is 0, no discipline takes */
    size_t len = sizeof(txtime);
    return sw_getsockopt(run->host, s->sock, SOL_SOCKET, SO_TXTIME, txtime, &len) == 0 &&
           (txtime[0] != 0 || txtime[1] != 0);
}

int control_of_socket(struct run *run, const struct run_call *call, int type, const void *data,
                      size_t len, struct sw_stamping *stamping)
{
    int v;

    switch (type) {
    case SCM_RIGHTS: /* descriptors and credentials mean something to AF_UNIX only */
    case SCM_CREDENTIALS:
        return 0;
    case SO_MARK:
        return !caller_is_admin(call->tid) ? -EPERM : read_int(data, len, &v) ? 0 : -EINVAL;
    case SO_TXTIME:
        return has_txtime(run, call->standin) && len == sizeof(uint64_t) ? 0 : -EINVAL;
    case SO_TIMESTAMPING:
        if (!read_int(data, len, &v) || (v & ~TIMESTAMPING_TX) != 0)
            return -EINVAL;
        stamping->given = true;
        stamping->flags = (uint32_t)v;
        return 0;
    case SCM_TS_OPT_ID:
        if (!numbers_stamps(run, call->standin) || len != sizeof(stamping->key))
            return -EINVAL;
        memcpy(&stamping->key, data, sizeof(stamping->key));
        stamping->has_key = true;
        return 0;
    case SO_PRIORITY:
        if (!read_int(data, len, &v))
            return -EINVAL;
        return in_range(v, 0, PRIORITY_MAX) || caller_is_admin(call->tid) ? 0 : -EPERM;
    default:
        return -EINVAL;
    }
}

/* The same of a datagram, with what its receiver may be told. */
static int read_socket_control(struct run *run, const struct run_call *call, int type,
                               const void *data, size_t len, struct sw_datagram_info *info)
{
    int r = control_of_socket(run, call, type, data, len, &info->stamping);

    if (r == 0 && type == SO_MARK)
        info->has_mark = read_int(data, len, (int *)&info->mark);
    if (r == 0 && type == SO_PRIORITY)
        info->has_priority = read_int(data, len, (int *)&info->priority);
    return r;
}

bool dgram_is_udp(struct run *run, const struct standin *s)
{
    int protocol = standin_option(run, s, SOL_SOCKET, SO_PROTOCOL);

    return standin_option(run, s, SOL_SOCKET, SO_TYPE) == SOCK_DGRAM &&
           (protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE);
}

/* What the control messages of a datagram are judged by, and what they say. */
struct controls {
    bool to4; /* it goes to an address of IPv4 */
    struct sw_datagram_info *info;
    struct sw_extensions *extensions; /* where extension headers are kept for *info */
};

static int read_udp_control(struct run *run, const struct run_call *call, const struct cmsghdr *h,
                            const void *data, size_t len, void *arg)
{
    const struct controls *controls = arg;
    uint16_t segment;

    (void)run, (void)call;
    if (h->cmsg_level != IPPROTO_UDP)
        return 0;
    if (h->cmsg_type != UDP_SEGMENT || len != sizeof(segment))
        return -EINVAL;
    memcpy(&segment, data, sizeof(segment));
    controls->info->segment = segment;
    return 0;
}

/* One for another layer. What is for none of its own is passed over; but a socket of IPv6 may say
 * IPV6_PKTINFO of IPv4 too. */
static int read_control(struct run *run, const struct run_call *call, const struct cmsghdr *h,
                        const void *data, size_t len, void *arg)
{
    const struct controls *controls = arg;
    struct sw_datagram_info *info = controls->info;

    if (h->cmsg_level == SOL_SOCKET)
        return read_socket_control(run, call, h->cmsg_type, data, len, info);
    if (h->cmsg_level == IPPROTO_IP && controls->to4)
        return read_ip_control(h->cmsg_type, data, len, info);
    if (h->cmsg_level == IPPROTO_IPV6 && !controls->to4 && extension_of(h->cmsg_type) != SW_EXTS) {
        info->extensions = controls->extensions;
        return read_extension(call->tid, h->cmsg_type, data, len, controls->extensions);
    }
    if (h->cmsg_level == IPPROTO_IPV6 && !controls->to4)
        return read_ip6_control(h->cmsg_type, data, len, info);
    if (h->cmsg_level == IPPROTO_IPV6 && call->standin->ipv6 && h->cmsg_type == IPV6_PKTINFO)
        return read_pktinfo6(data, len, info);
    return 0;
}

static int read_controls(struct run *run, const struct run_call *call, const struct message *m,
                         bool to4, struct sw_datagram_info *info, struct sw_extensions *e)
{
    struct controls controls = {to4, info, e};

    *info = (struct sw_datagram_info){.ttl = -1, .tos = -1};
    if (m->name != 0 && m->to.flow_label != 0 && !to4 &&
        flow_label_in_addresses(run, call->standin))
        info->flow_label = m->to.flow_label;
    if (m->controllen == 0)
        return 0;
    int r = 0;
    memset(e->len, 0, sizeof(e->len));
    if (dgram_is_udp(run, call->standin)) /* its own first: udp_cmsg_send() */
        r = message_controls(run, call, m, read_udp_control, &controls);
    return r < 0 ? r : message_controls(run, call, m, read_control, &controls);
}

/* The address of a message: *ret_to is NULL for the peer's. As udp_sendmsg() and udpv6_sendmsg()
 * judge it. */
static int judge_to(struct run *run, struct run_call *call, const struct message *m,
                    const struct sw_addr **ret_to)
{
    bool ipv6 = call->standin->ipv6;

    *ret_to = NULL;
    if (m->name == 0)
        return 0;
    if (ipv6 && (size_t)m->to.len < sizeof(sa_family_t))
        return -EINVAL;
    if (ipv6 && m->to.family == AF_UNSPEC) /* the peer's, which is not looked at any more */
        return standin_goes_to4(run, call->standin, NULL) && dgram_is_udp(run, call->standin)
                   ? -ENETUNREACH
                   : 0;
    bool as4 = !ipv6 || (m->to.family == AF_INET && dgram_is_udp(run, call->standin));
    if (ipv6 && as4 && standin_only6(run, call->standin))
        return -ENETUNREACH; /* however short it is */
    int r = given_addr_check(&m->to, as4 ? AF_INET : AF_INET6);
    if (r == -EAFNOSUPPORT && ipv6 && dgram_is_udp(run, call->standin))
        return -EINVAL;
    if (r == -EAFNOSUPPORT && m->to.family == AF_UNSPEC)
        r = 0; /* old programs */
    if (r < 0)
        return r;
    record_addr(run, call, &m->to.addr);
    *ret_to = &m->to.addr;
    return 0;
}

/* An address of IPv4, as such, given to a socket of IPv6: udpv6_sendmsg() leaves all of it to
 * udp_sendmsg(). */
static bool is_handed_on(struct run *run, const struct standin *s, const struct message *m)
{
    return m->name != 0 && (size_t)m->to.len >= sizeof(sa_family_t) && m->to.family == AF_INET &&
           dgram_is_udp(run, s) && !standin_only6(run, s);
}

/* There is no urgent data in datagrams; udpv6_sendmsg() alone does not say so. */
static bool passes_over_oob(struct run *run, const struct standin *s)
{
    return s->ipv6 && dgram_is_udp(run, s);
}

/* What Linux looks at before it touches the data: whether there is a way to `to`, then the error
 * that waits, then shutdown(): udp_sendmsg(), sock_alloc_send_pskb(). Without the last two the way
 * is looked for when the datagram is sent. */
static int judge_before_data(struct run *run, struct run_call *call, const struct sw_addr *to,
                             const struct sw_datagram_info *info)
{
    struct standin *s = call->standin;
    int err = dgram_take_error(run, call);
    bool shut = (s->program_shut & 2) != 0;

    if (err == 0 && !shut)
        return 0;
    int r = sw_may_send(run->host, s->sock, to, info);
    if (r < 0 && err != 0)
        dgram_make_pending(run, s, err);
    return r < 0 ? r : err != 0 ? -err : -EPIPE;
}

static int64_t send_message(struct run *run, struct run_call *call, const struct message *m,
                            int flags)
{
    struct standin *s = call->standin;
    const struct sw_addr *to;
    struct sw_datagram_info info;
    struct sw_extensions extensions;

    int r = sw_autobind(run->host, s->sock);
    if (r < 0)
        return r;
    bool as4 = !s->ipv6 || is_handed_on(run, s, m);
    if (as4 && m->total > DGRAM_MAX)
        return -EMSGSIZE;
    if ((flags & MSG_OOB) != 0 && (as4 || !passes_over_oob(run, s)))
        return -EOPNOTSUPP;
    r = judge_to(run, call, m, &to);
    if (r < 0)
        return r;
    if (to == NULL && !sw_has_peer(run->host, s->sock))
        return -EDESTADDRREQ;
    bool to4 = standin_goes_to4(run, s, to);
    if (to != NULL && to4 && standin_only6(run, s))
        return -ENETUNREACH;
    if (to4 && m->total > DGRAM_MAX)
        return -EMSGSIZE;
    if (to4 && (flags & MSG_OOB) != 0)
        return -EOPNOTSUPP;
    r = read_controls(run, call, m, to4, &info, &extensions);
    if (r < 0)
        return r;
    bool probe = (flags & MSG_PROBE) != 0 && dgram_is_udp(run, s);
    if (probe || m->total > DGRAM_MAX) { /* of IPv6: the way is looked for before the length */
        r = sw_may_send(run->host, s->sock, to, &info);
        return r < 0 ? r : probe ? (int64_t)m->total : -EMSGSIZE;
    }
    info.more = (flags & MSG_MORE) != 0;
    info.zerocopy = (flags & MSG_ZEROCOPY) != 0;
    uint8_t *data = malloc(m->total + 1);
    if (data == NULL)
        return -ENOBUFS;
    if (to != NULL && sw_ip_is_multicast(&to->ip))
        standins_leave_groups(run);
    dgram_flush_rest(run, s);
    int64_t sent = judge_before_data(run, call, to, &info);
    if (sent == 0)
        sent = message_gather(run, call->tid, m, data, m->total);
    if (sent == -EFAULT && (r = sw_may_send(run->host, s->sock, to, &info)) < 0)
        sent = r;
    if (sent == 0 && to != NULL)
        resolver_meet(run, to);
    if (sent == 0)
        sent = sw_send_datagram(run->host, s->sock, data, m->total, to, &info);
    if (sent > 0)
        s->bytes_out += (uint64_t)sent;
    free(data);
    return sent;
}

/* What was sent has arrived when the call returns, as on Linux's lo: whoever looks then finds it.
 */
static void answer_arrived(struct run *run, struct run_call *call, int64_t r)
{
    run_pump(run);
    call_answer(run, call, r);
}

/* True: what is sent goes to another kind of socket, which has taken the call. */
static bool not_datagrams(struct run *run, struct run_call *call)
{
    if (call->standin == NULL)
        call_continue(run, call);
    else if (call->standin->stream)
        stream_send(run, call);
    else
        return false;
    return true;
}

void on_sendto(struct run *run, struct run_call *call)
{
    struct message m;
    if (not_datagrams(run, call))
        return;
    int64_t r = message_sendto(run, call, &m);
    if (r == 0)
        r = send_message(run, call, &m, (int)call->args[3]);
    answer_arrived(run, call, r);
}

void on_sendmsg(struct run *run, struct run_call *call)
{
    struct message m;
    if (not_datagrams(run, call))
        return;
    int64_t r = message_load(run, call->tid, call->args[1], true, &m);
    if (r == 0)
        r = send_message(run, call, &m, (int)call->args[2]);
    answer_arrived(run, call, r);
}

void on_sendmmsg(struct run *run, struct run_call *call)
{
    struct message m;
    uint32_t count = (uint32_t)call->args[2], done = 0;
    int64_t r = 0;

    if (call->standin == NULL) {
        call_continue(run, call);
        return;
    }
    if (call->standin->stream) {
        stream_send_many(run, call);
        return;
    }
    if (count > IOV_MAX)
        count = IOV_MAX; /* as the kernel does */
    for (; done < count; done++) {
        uint64_t at = call->args[1] + (uint64_t)done * MMSGHDR_BYTES;
        if (done > 0)
            run_pump(run); /* each arrives before the next is sent, which may hear of a refusal */
        r = message_load(run, call->tid, at, true, &m);
        if (r == 0)
            r = send_message(run, call, &m, (int)call->args[3]);
        uint32_t len = (uint32_t)r;
        if (r >= 0 && mem_write(run, call->tid, at + MMSGHDR_LEN, &len, sizeof(len)) < 0)
            r = -EFAULT;
        if (r < 0)
            break;
    }
    answer_arrived(run, call, done > 0 ? (int64_t)done : r < 0 ? r : 0);
}
