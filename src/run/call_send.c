/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sendto, sendmsg, sendmmsg of datagram stand-ins. (Those of streams are in call_stream.c; sockets
 * that are not ours are the kernel's.)
 *
 * Order of checks is Linux's (net/socket.c, udp_sendmsg() as seen from outside).
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "run/dgram.h"
#include "run/message.h"
#include "run/record.h"

enum { SEGMENTS_MAX = 128 }; /* Linux's UDP_MAX_SEGMENTS */

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

/* What the control messages of a sender say. */
struct send_control {
    struct sw_datagram_info info;
    uint32_t segment; /* UDP_SEGMENT: one datagram for each so many bytes; 0: one in all */
};

static bool read_int(const void *data, size_t len, int *ret)
{
    if (len < sizeof(*ret))
        return false;
    memcpy(ret, data, sizeof(*ret));
    return true;
}

static int read_ip_control(int type, const void *data, size_t len, struct send_control *sc)
{
    struct in_pktinfo pktinfo;
    uint8_t b[4];

    switch (type) {
    case IP_PKTINFO:
        if (len != sizeof(pktinfo))
            return -EINVAL;
        memcpy(&pktinfo, data, sizeof(pktinfo));
        memcpy(b, &pktinfo.ipi_spec_dst, sizeof(b));
        sc->info.iface = pktinfo.ipi_ifindex;
        sc->info.local = SW_IP4(b[0], b[1], b[2], b[3]);
        return 0;
    case IP_TTL:
        return read_int(data, len, &sc->info.ttl) && sc->info.ttl >= 1 && sc->info.ttl <= 255
                   ? 0
                   : -EINVAL;
    case IP_TOS:
        if (len == 1)
            sc->info.tos = *(const uint8_t *)data;
        else if (!read_int(data, len, &sc->info.tos) || sc->info.tos < 0 || sc->info.tos > 255)
            return -EINVAL;
        return 0;
    case IP_RETOPTS:
        return -EOPNOTSUPP;
    default:
        return -EINVAL;
    }
}

static int read_ip6_control(int type, const void *data, size_t len, struct send_control *sc)
{
    struct in6_pktinfo pktinfo;

    switch (type) {
    case IPV6_PKTINFO:
        if (len < sizeof(pktinfo))
            return -EINVAL;
        memcpy(&pktinfo, data, sizeof(pktinfo));
        sc->info.iface = (int)pktinfo.ipi6_ifindex;
        memcpy(sc->info.local.b, &pktinfo.ipi6_addr, sizeof(sc->info.local.b));
        return 0;
    case IPV6_HOPLIMIT:
        return read_int(data, len, &sc->info.ttl) && sc->info.ttl >= -1 && sc->info.ttl <= 255
                   ? 0
                   : -EINVAL;
    case IPV6_TCLASS:
        return read_int(data, len, &sc->info.tos) && sc->info.tos >= -1 && sc->info.tos <= 255
                   ? 0
                   : -EINVAL;
    default:
        return -EINVAL;
    }
}

/* One control message. Levels that are not UDP's business are passed over, as Linux does. */
static int read_control(int level, int type, const void *data, size_t len, struct send_control *sc)
{
    uint16_t segment;

    switch (level) {
    case IPPROTO_IP:
        return read_ip_control(type, data, len, sc);
    case IPPROTO_IPV6:
        return read_ip6_control(type, data, len, sc);
    case IPPROTO_UDP:
        if (type != UDP_SEGMENT || len != sizeof(segment))
            return -EINVAL;
        memcpy(&segment, data, sizeof(segment));
        sc->segment = segment;
        return 0;
    case SOL_SOCKET: /* descriptors and credentials mean something to AF_UNIX only */
        return type == SCM_RIGHTS || type == SCM_CREDENTIALS ? 0 : -EINVAL;
    default:
        return 0;
    }
}

static int load_control(struct run *run, pid_t tid, const struct message *m,
                        struct send_control *sc)
{
    unsigned char buf[CONTROL_MAX];
    size_t len = (size_t)m->controllen, offset = 0, data_len;
    const void *data;
    int level, type, r;

    *sc = (struct send_control){.info = {.ttl = -1, .tos = -1}};
    if (len > sizeof(buf))
        return -ENOBUFS;
    if (mem_read(run, tid, m->control, buf, len) < 0)
        return -EFAULT;
    while ((r = control_next(buf, len, &offset, &level, &type, &data, &data_len)) > 0) {
        r = read_control(level, type, data, data_len, sc);
        if (r < 0)
            break;
    }
    return r;
}

/* The address of a message: *ret_to is `space`, or NULL for the peer's. */
static int load_to(struct run *run, struct run_call *call, const struct message *m,
                   struct sw_addr *space, const struct sw_addr **ret_to)
{
    bool ipv6 = call->standin->ipv6;
    int family = AF_UNSPEC;

    *ret_to = NULL;
    if (m->name == 0)
        return 0;
    int r = mem_read_addr(run, call->tid, m->name, (uint64_t)(int64_t)m->namelen, space, &family);
    if (r < 0)
        return r == -EAFNOSUPPORT && ipv6 ? -EINVAL : r; /* so says udpv6_sendmsg() */
    if (!ipv6 && family == AF_INET6)
        return -EAFNOSUPPORT;
    if (ipv6 && family == AF_UNSPEC)
        return 0; /* the peer's */
    record_addr(run, call, space);
    *ret_to = space;
    return 0;
}

/* Sends a datagram, or several of `segment` bytes. */
static int64_t submit(struct run *run, struct standin *s, const uint8_t *data, size_t len,
                      const struct sw_addr *to, const struct send_control *sc)
{
    size_t segment = sc->segment != 0 ? sc->segment : len;
    size_t sent = 0;

    if (segment != 0 && (len + segment - 1) / segment > SEGMENTS_MAX)
        return -EINVAL;
    do {
        size_t n = len - sent < segment ? len - sent : segment;
        int64_t r = sw_send_datagram(run->host, s->sock, data + sent, n, to, &sc->info);
        if (r < 0)
            return sent > 0 ? (int64_t)sent : r;
        sent += n;
    } while (sent < len);
    s->bytes_out += len;
    return (int64_t)len;
}

static int64_t send_message(struct run *run, struct run_call *call, const struct message *m,
                            int flags)
{
    struct standin *s = call->standin;
    struct sw_addr space;
    const struct sw_addr *to;
    struct send_control sc;

    int r = load_to(run, call, m, &space, &to);
    if (r < 0)
        return r;
    if (m->total > DGRAM_MAX)
        return -EMSGSIZE;
    if ((flags & MSG_OOB) != 0)
        return -EOPNOTSUPP;
    r = load_control(run, call->tid, m, &sc);
    if (r < 0)
        return r;
    uint8_t *data = malloc(m->total + 1);
    if (data == NULL)
        return -ENOBUFS;
    dgram_flush(run, s);
    int64_t sent = message_gather(run, call->tid, m, data, m->total);
    if (sent == 0)
        sent = -dgram_take_error(run, call);
    if (sent == 0)
        sent = submit(run, s, data, m->total, to, &sc);
    free(data);
    return sent;
}

void on_sendto(struct run *run, struct run_call *call)
{
    struct message m;
    message_plain(&m, call->args[1], call->args[2]);
    m.name = call->args[4];
    m.namelen = (int)call->args[5];
    if (call->standin == NULL)
        call_continue(run, call);
    else if (call->standin->stream)
        stream_send(run, call);
    else
        call_answer(run, call, send_message(run, call, &m, (int)call->args[3]));
}

void on_sendmsg(struct run *run, struct run_call *call)
{
    struct message m;
    if (call->standin == NULL) {
        call_continue(run, call);
        return;
    }
    if (call->standin->stream) {
        stream_send(run, call);
        return;
    }
    int64_t r = message_load(run, call->tid, call->args[1], &m);
    if (r == 0)
        r = send_message(run, call, &m, (int)call->args[2]);
    call_answer(run, call, r);
}

void on_sendmmsg(struct run *run, struct run_call *call)
{
    struct message m;
    uint32_t count = (uint32_t)call->args[2], done = 0;
    int64_t r = 0;

    if (call->standin == NULL || call->standin->stream) {
        if (call->standin != NULL && ((int)call->args[3] & MSG_OOB) != 0)
            stream_expect_urgent(call->standin);
        call_continue(run, call);
        return;
    }
    if (count > IOV_MAX)
        count = IOV_MAX; /* as the kernel does */
    for (; done < count; done++) {
        uint64_t at = call->args[1] + (uint64_t)done * MMSGHDR_BYTES;
        r = message_load(run, call->tid, at, &m);
        if (r == 0)
            r = send_message(run, call, &m, (int)call->args[3]);
        uint32_t len = (uint32_t)r;
        if (r >= 0 && mem_write(run, call->tid, at + MMSGHDR_LEN, &len, sizeof(len)) < 0)
            r = -EFAULT;
        if (r < 0)
            break;
    }
    call_answer(run, call, done > 0 ? (int64_t)done : r < 0 ? r : 0);
}
