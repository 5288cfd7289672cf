/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control messages that come with a datagram: what its receiver asked for by options, in
 * Linux's order (sock_recv_cmsgs(), ip6_datagram_recv_ctl(), ip_cmsg_recv()).
 */
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/errqueue.h> /* needs <time.h> before it */

#include "run/call/message.h"
#include "run/standin/dgram.h"

/* Newer than some headers; <asm-generic/socket.h>. */
#ifndef SO_TIMESTAMP_NEW
#define SO_TIMESTAMP_NEW 63
#define SO_TIMESTAMPNS_NEW 64
#define SO_TIMESTAMPING_NEW 65
#endif
#ifndef IP_RECVORIGDSTADDR
#define IP_RECVORIGDSTADDR 20
#endif
#ifndef IPV6_RECVORIGDSTADDR
#define IPV6_RECVORIGDSTADDR 74
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
enum {
    OLD_PKTINFO = 2,  /* IPV6_2292PKTINFO */
    OLD_HOPLIMIT = 8, /* IPV6_2292HOPLIMIT */
    FLOWINFO = 11,    /* IPV6_FLOWINFO */
    RCVMARK = 75,     /* SO_RCVMARK (Linux 5.19), SO_RCVPRIORITY (6.14) */
    RCVPRIORITY = 82,
    TIMESTAMPING_RX = 1 << 3,       /* SOF_TIMESTAMPING_RX_SOFTWARE */
    TIMESTAMPING_SOFTWARE = 1 << 4, /* SOF_TIMESTAMPING_SOFTWARE */
    TIMESTAMPING_FILTER = 1 << 17,  /* SOF_TIMESTAMPING_OPT_RX_FILTER */
    NS_PER_S = 1000000000,
};

uint64_t wall_clock_ns(uint64_t at_ns)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    uint64_t now_ns = run_now(), ago_ns = at_ns < now_ns ? now_ns - at_ns : 0;
    return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec - ago_ns;
}

/* When it came, by the wall clock; a program reads it later than that. */
static struct timespec time_of(uint64_t at_ns)
{
    int64_t ns = (int64_t)wall_clock_ns(at_ns);
    return (struct timespec){.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
}

/* What SO_TIMESTAMPING, by either name, wants to have told: when something was sent; or came, which
 * the filter leaves to those who have asked for that. */
static bool stamps(struct run *run, const struct standin *s, int name, bool sent)
{
    int flags = standin_option(run, s, SOL_SOCKET, name);
    return (flags & TIMESTAMPING_SOFTWARE) != 0 &&
           (sent || (flags & TIMESTAMPING_RX) != 0 || (flags & TIMESTAMPING_FILTER) == 0);
}

/* SO_TIMESTAMP and its kin: the types of the new kind are those of the options that ask for it. */
void control_of_time(struct run *run, const struct standin *s, uint64_t at_ns, bool sent,
                     struct control *c)
{
    struct timespec ts[3] = {time_of(at_ns)}; /* struct scm_timestamping: of hardware nothing */
    struct timeval tv = {.tv_sec = ts[0].tv_sec, .tv_usec = ts[0].tv_nsec / 1000};

    if (standin_option(run, s, SOL_SOCKET, SO_TIMESTAMPNS_NEW))
        control_put(c, SOL_SOCKET, SO_TIMESTAMPNS_NEW, &ts[0], sizeof(ts[0]));
    else if (standin_option(run, s, SOL_SOCKET, SO_TIMESTAMPNS))
        control_put(c, SOL_SOCKET, SO_TIMESTAMPNS, &ts[0], sizeof(ts[0]));
    else if (standin_option(run, s, SOL_SOCKET, SO_TIMESTAMP_NEW))
        control_put(c, SOL_SOCKET, SO_TIMESTAMP_NEW, &tv, sizeof(tv));
    else if (standin_option(run, s, SOL_SOCKET, SO_TIMESTAMP))
        control_put(c, SOL_SOCKET, SO_TIMESTAMP, &tv, sizeof(tv));
    if (stamps(run, s, SO_TIMESTAMPING_NEW, sent))
        control_put(c, SOL_SOCKET, SO_TIMESTAMPING_NEW, ts, sizeof(ts));
    else if (stamps(run, s, SO_TIMESTAMPING, sent))
        control_put(c, SOL_SOCKET, SO_TIMESTAMPING, ts, sizeof(ts));
}

bool wants_time(struct run *run, const struct standin *s)
{
    static const int names[] = {SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMP_NEW, SO_TIMESTAMPNS_NEW};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (standin_option(run, s, SOL_SOCKET, names[i]))
            return true;
    return stamps(run, s, SO_TIMESTAMPING, false); /* be it of the new kind */
}

static uint16_t local_port(struct run *run, const struct standin *s)
{
    struct sw_addr local = {.port = 0};
    sw_getsockname(run->host, s->sock, &local);
    return local.port;
}

/* Of a datagram of IPv4, be its socket of IPv6. */
static void put_ip4(struct run *run, const struct standin *s, const struct sw_datagram_info *info,
                    struct control *c)
{
    if (standin_option(run, s, IPPROTO_IP, IP_PKTINFO)) {
        struct in_pktinfo pktinfo = {.ipi_ifindex = info->iface};
        memcpy(&pktinfo.ipi_addr, info->local.b + 12, 4);
        pktinfo.ipi_spec_dst = pktinfo.ipi_addr;        /* from where an answer would come */
        if (!sw_host_is_local(run->host, &info->local)) /* sent to many */
            pktinfo.ipi_spec_dst.s_addr = htonl(INADDR_LOOPBACK);
        if (standin_option(run, s, SOL_SOCKET, SO_TYPE) == SOCK_DGRAM && !dgram_is_udp(run, s))
            pktinfo.ipi_spec_dst.s_addr = 0; /* ping_queue_rcv_skb() does not look for it */
        control_put(c, IPPROTO_IP, IP_PKTINFO, &pktinfo, sizeof(pktinfo));
    }
    if (standin_option(run, s, IPPROTO_IP, IP_RECVTTL))
        control_put(c, IPPROTO_IP, IP_TTL, &info->ttl, sizeof(info->ttl));
    if (standin_option(run, s, IPPROTO_IP, IP_RECVTOS)) {
        uint8_t tos = (uint8_t)info->tos;
        control_put(c, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
    }
    if (standin_option(run, s, IPPROTO_IP, IP_RECVORIGDSTADDR)) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(local_port(run, s))};
        memcpy(&in.sin_addr, info->local.b + 12, 4);
        control_put(c, IPPROTO_IP, IP_RECVORIGDSTADDR, &in, sizeof(in));
    }
}

/* Of a datagram of IPv6; of one of IPv4 only where it was sent to. */
static void put_ip6(struct run *run, const struct standin *s, const struct sw_datagram_info *info,
                    struct control *c)
{
    struct in6_pktinfo pktinfo = {.ipi6_ifindex = (unsigned)info->iface};
    memcpy(&pktinfo.ipi6_addr, info->local.b, sizeof(info->local.b));

    if (standin_option(run, s, IPPROTO_IPV6, IPV6_RECVPKTINFO))
        control_put(c, IPPROTO_IPV6, IPV6_PKTINFO, &pktinfo, sizeof(pktinfo));
    if (sw_ip_is4(&info->local))
        return;
    if (standin_option(run, s, IPPROTO_IPV6, IPV6_RECVHOPLIMIT))
        control_put(c, IPPROTO_IPV6, IPV6_HOPLIMIT, &info->ttl, sizeof(info->ttl));
    if (standin_option(run, s, IPPROTO_IPV6, IPV6_RECVTCLASS))
        control_put(c, IPPROTO_IPV6, IPV6_TCLASS, &info->tos, sizeof(info->tos));
    uint32_t flowinfo = htonl((uint32_t)info->tos << 20 | info->flow_label);
    if (flowinfo != 0 && standin_option(run, s, IPPROTO_IPV6, FLOWINFO))
        control_put(c, IPPROTO_IPV6, FLOWINFO, &flowinfo, sizeof(flowinfo));
    if (standin_option(run, s, IPPROTO_IPV6, OLD_PKTINFO))
        control_put(c, IPPROTO_IPV6, OLD_PKTINFO, &pktinfo, sizeof(pktinfo));
    if (standin_option(run, s, IPPROTO_IPV6, OLD_HOPLIMIT))
        control_put(c, IPPROTO_IPV6, OLD_HOPLIMIT, &info->ttl, sizeof(info->ttl));
    if (standin_option(run, s, IPPROTO_IPV6, IPV6_RECVORIGDSTADDR)) {
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(local_port(run, s))};
        memcpy(&in6.sin6_addr, info->local.b, sizeof(info->local.b));
        control_put(c, IPPROTO_IPV6, IPV6_RECVORIGDSTADDR, &in6, sizeof(in6));
    }
}

void control_of_datagram(struct run *run, const struct standin *s,
                         const struct sw_datagram_info *info, struct control *c)
{
    control_of_time(run, s, info->at_ns, false, c);
    if (info->drops != 0 && standin_option(run, s, SOL_SOCKET, SO_RXQ_OVFL))
        control_put(c, SOL_SOCKET, SO_RXQ_OVFL, &info->drops, sizeof(info->drops));
    if (standin_option(run, s, SOL_SOCKET, RCVMARK))
        control_put(c, SOL_SOCKET, SO_MARK, &info->mark, sizeof(info->mark));
    if (standin_option(run, s, SOL_SOCKET, RCVPRIORITY))
        control_put(c, SOL_SOCKET, SO_PRIORITY, &info->priority, sizeof(info->priority));
    if (info->segment != 0 && standin_option(run, s, IPPROTO_UDP, UDP_GRO)) {
        int segment = (int)info->segment;
        control_put(c, IPPROTO_UDP, UDP_GRO, &segment, sizeof(segment));
    }
    if (s->ipv6)
        put_ip6(run, s, info, c);
    if (!s->ipv6 || sw_ip_is4(&info->local))
        put_ip4(run, s, info, c);
}
