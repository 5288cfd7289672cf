/* SPDX-License-Identifier: BSD-2-Clause */
/* sock_diag(7) about the run's sockets: requests, and the messages that answer them (diag.h). */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "run/netlink/diag.h"

_Static_assert((int)DIAG_MEMINFO_VARS == (int)SK_MEMINFO_VARS, "SO_MEMINFO's");

/* ---- requests ---- */

/* INET_DIAG_REQ_PROTOCOL has those that a byte is too small for, of which none is ours. */
static int parse_attributes(const uint8_t *bytes, size_t len, struct diag_request *q)
{
    while (len >= sizeof(struct rtattr)) {
        struct rtattr a;
        memcpy(&a, bytes, sizeof(a));
        if (a.rta_len < sizeof(a) || a.rta_len > len)
            return -EINVAL;
        unsigned type = a.rta_type & (unsigned)NLA_TYPE_MASK;
        if (type == INET_DIAG_REQ_BYTECODE) {
            q->filter = bytes + sizeof(a);
            q->filter_len = a.rta_len - sizeof(a);
        } else if (type == INET_DIAG_REQ_PROTOCOL) {
            return -EPROTONOSUPPORT;
        }
        size_t step = RTA_ALIGN(a.rta_len);
        step = step < len ? step : len;
        bytes += step;
        len -= step;
    }
    return 0;
}

int diag_parse(const uint8_t *bytes, size_t len, struct diag_request *ret_request)
{
    struct diag_request q = {0};

    if (netlink_take(bytes, len, &q.header) == 0)
        return -EINVAL;
    size_t body = q.header.nlmsg_len - sizeof(q.header);
    bytes += sizeof(q.header);
    if (q.header.nlmsg_type != SOCK_DIAG_BY_FAMILY || body < sizeof(struct sock_diag_req))
        return -EINVAL;
    if (bytes[0] != AF_INET && bytes[0] != AF_INET6)
        return bytes[0] < AF_MAX ? -ENOENT : -EINVAL;
    if (body < sizeof(q.r))
        return -EINVAL;
    memcpy(&q.r, bytes, sizeof(q.r));
    int protocol = q.r.sdiag_protocol;
    if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP && protocol != IPPROTO_UDPLITE &&
        protocol != IPPROTO_RAW)
        return -EPROTONOSUPPORT;
    int err = parse_attributes(bytes + sizeof(q.r), body - sizeof(q.r), &q);
    if (err == 0)
        *ret_request = q;
    return err;
}

/* ---- which ---- */

static void put_ip(uint32_t to[4], const struct sw_ip *ip, int family)
{
    size_t skip = family == AF_INET ? 12 : 0; /* IPv4 in its mapped form */
    memset(to, 0, 16);
    memcpy(to, ip->b + skip, sizeof(ip->b) - skip);
}

/* A raw socket shows its protocol where others have their port. */
static uint16_t local_port(const struct sw_socket_info *info)
{
    return info->type == SOCK_RAW ? (uint16_t)info->protocol : info->local.port;
}

/* SYN and FIN take a number each, and are counted where they wait. */
static uint32_t unread(const struct sw_socket_info *info)
{
    int state = info->tcp_state;
    bool fin = state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK || state == TCP_CLOSING;

    return (uint32_t)info->recv_q + (info->type == SOCK_STREAM && fin);
}

static uint32_t unacknowledged(const struct sw_socket_info *info)
{
    int state = info->tcp_state;
    bool one = state == TCP_SYN_SENT || state == TCP_FIN_WAIT1 || state == TCP_LAST_ACK ||
               state == TCP_CLOSING;

    return (uint32_t)info->send_q + (info->type == SOCK_STREAM && one);
}

static struct inet_diag_msg message_of(const struct diag_socket *s)
{
    const struct sw_socket_info *info = &s->info;
    uint64_t ms = (info->awaits_ns + 999999) / 1000000;
    struct inet_diag_msg m = {
        .idiag_family = (uint8_t)info->domain,
        .idiag_state = (uint8_t)info->tcp_state,
        .idiag_timer = (uint8_t)info->awaits,
        .idiag_retrans = (uint8_t)info->retries,
        .id = {.idiag_sport = htons(local_port(info)),
               .idiag_dport = htons(info->remote.port),
               .idiag_if = s->iface,
               .idiag_cookie = {(uint32_t)info->socket, (uint32_t)(info->socket >> 32)}},
        .idiag_expires = info->awaits == SW_AWAITS_NOTHING ? 0 : (uint32_t)ms,
        .idiag_rqueue = unread(info),
        .idiag_wqueue = unacknowledged(info),
        .idiag_uid = s->uid,
        .idiag_inode = s->ino,
    };
    put_ip(m.id.idiag_src, &info->local.ip, info->domain);
    put_ip(m.id.idiag_dst, &info->remote.ip, info->domain);
    return m;
}

static bool is_of_protocol(const struct diag_request *q, const struct sw_socket_info *info)
{
    if (q->r.sdiag_protocol == IPPROTO_RAW)
        return info->type == SOCK_RAW;
    return info->type != SOCK_RAW && info->protocol == q->r.sdiag_protocol;
}

bool diag_wants(const struct diag_request *q, const struct diag_socket *s)
{
    const struct sw_socket_info *info = &s->info;
    const struct inet_diag_sockid *id = &q->r.id;

    if (info->domain != q->r.sdiag_family || !is_of_protocol(q, info) ||
        (q->r.idiag_states & 1U << info->tcp_state) == 0)
        return false;
    /* Linux lists what is in its tables: streams in a state, and datagrams that hold a port. */
    if (info->type == SOCK_STREAM ? info->tcp_state == TCP_CLOSE
                                  : info->type == SOCK_DGRAM && info->local.port == 0)
        return false;
    if ((id->idiag_sport != 0 && id->idiag_sport != htons(local_port(info))) ||
        (id->idiag_dport != 0 && id->idiag_dport != htons(info->remote.port)))
        return false;
    struct inet_diag_msg m = message_of(s);
    return q->filter == NULL || diag_filter_passes(q->filter, q->filter_len, &m, s);
}

bool diag_is_exactly(const struct diag_request *q, const struct diag_socket *s)
{
    const struct inet_diag_sockid *id = &q->r.id;
    struct inet_diag_msg m = message_of(s);
    bool listens = s->info.remote.port == 0;

    if (s->info.domain != q->r.sdiag_family || !is_of_protocol(q, &s->info) ||
        s->info.local.port == 0 ||
        (s->info.type == SOCK_STREAM && s->info.tcp_state == TCP_CLOSE) ||
        m.id.idiag_sport != id->idiag_sport)
        return false;
    if (id->idiag_cookie[0] != INET_DIAG_NOCOOKIE &&
        memcmp(id->idiag_cookie, m.id.idiag_cookie, sizeof(id->idiag_cookie)) != 0)
        return false;
    if (memcmp(id->idiag_src, m.id.idiag_src, sizeof(id->idiag_src)) != 0 &&
        !(listens && sw_ip_is_any(&s->info.local.ip)))
        return false;
    return listens || (m.id.idiag_dport == id->idiag_dport &&
                       memcmp(id->idiag_dst, m.id.idiag_dst, sizeof(id->idiag_dst)) == 0);
}

/* ---- messages ---- */

static void put_byte(struct netlink_builder *b, uint16_t type, uint8_t value)
{
    netlink_attribute(b, type, &value, 1);
}

static bool asked(const struct diag_request *q, unsigned extension)
{
    return (q->r.idiag_ext & 1U << (extension - 1)) != 0;
}

static void put_memory(struct netlink_builder *b, const struct diag_request *q,
                       const struct diag_socket *s)
{
    if (asked(q, INET_DIAG_MEMINFO)) {
        struct inet_diag_meminfo mem = {.idiag_rmem = s->meminfo[SK_MEMINFO_RMEM_ALLOC],
                                        .idiag_wmem = s->meminfo[SK_MEMINFO_WMEM_QUEUED],
                                        .idiag_fmem = s->meminfo[SK_MEMINFO_FWD_ALLOC],
                                        .idiag_tmem = s->meminfo[SK_MEMINFO_WMEM_ALLOC]};
        netlink_attribute(b, INET_DIAG_MEMINFO, &mem, sizeof(mem));
    }
    if (asked(q, INET_DIAG_SKMEMINFO))
        netlink_attribute(b, INET_DIAG_SKMEMINFO, s->meminfo, sizeof(s->meminfo));
}

static void put_attributes(struct netlink_builder *b, const struct diag_request *q,
                           const struct diag_socket *s)
{
    put_byte(b, INET_DIAG_SHUTDOWN, s->info.shut);
    if (asked(q, INET_DIAG_TOS))
        put_byte(b, INET_DIAG_TOS, s->tos);
    if (s->info.domain == AF_INET6) {
        if (asked(q, INET_DIAG_TCLASS))
            put_byte(b, INET_DIAG_TCLASS, s->tclass);
        if (s->info.tcp_state == TCP_LISTEN || s->info.tcp_state == TCP_CLOSE)
            put_byte(b, INET_DIAG_SKV6ONLY, s->v6only);
    }
    if (q->admin)
        netlink_number(b, INET_DIAG_MARK, s->mark);
    netlink_attribute(b, INET_DIAG_SOCKOPT, &s->options, sizeof(s->options));
    put_memory(b, q, s);
    if (asked(q, INET_DIAG_INFO) && s->tcp_info_len > 0)
        netlink_attribute(b, INET_DIAG_INFO, s->tcp_info, s->tcp_info_len);
    if (asked(q, INET_DIAG_CONG) && s->congestion[0] != '\0')
        netlink_attribute(b, INET_DIAG_CONG, s->congestion, strlen(s->congestion) + 1);
}

void diag_put(struct netlink_builder *b, const struct diag_request *q, uint32_t port,
              uint16_t flags, const struct diag_socket *s)
{
    struct inet_diag_msg m = message_of(s);

    netlink_begin(b, SOCK_DIAG_BY_FAMILY, flags, &q->header, port);
    netlink_append(b, &m, sizeof(m));
    if (s->has_options)
        put_attributes(b, q, s);
    netlink_end(b);
}
