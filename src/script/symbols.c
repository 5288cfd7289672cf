/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names that scripts use: constants of Linux's headers, errors, types and codes of ICMP.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/errqueue.h> /* needs <time.h> before it */

#include "script/private.h"

struct symbol {
    const char *name;
    long long value;
};
#define S(name)                                                                                    \
    {                                                                                              \
#name, name                                                                                \
    }

/* clang-format off */
static const struct symbol errors[] = {
    S(EPERM), S(ENOENT), S(EINTR), S(EIO), S(EBADF), S(EAGAIN), S(EWOULDBLOCK), S(ENOMEM), S(EACCES), S(EFAULT),
    S(EBUSY), S(EEXIST), S(ENODEV), S(EINVAL), S(ENFILE), S(EMFILE), S(ENOTTY), S(ENOSPC),
    S(ESPIPE), S(EPIPE), S(EDOM), S(ERANGE), S(ENOSYS), S(ENOMSG), S(ENODATA), S(EPROTO),
    S(EBADMSG), S(EOVERFLOW), S(ENOTSOCK), S(EDESTADDRREQ), S(EMSGSIZE), S(EPROTOTYPE),
    S(ENOPROTOOPT), S(EPROTONOSUPPORT), S(ESOCKTNOSUPPORT), S(EOPNOTSUPP), S(EPFNOSUPPORT),
    S(EAFNOSUPPORT), S(EADDRINUSE), S(EADDRNOTAVAIL), S(ENETDOWN), S(ENETUNREACH), S(ENETRESET),
    S(ECONNABORTED), S(ECONNRESET), S(ENOBUFS), S(EISCONN), S(ENOTCONN), S(ESHUTDOWN),
    S(ETIMEDOUT), S(ECONNREFUSED), S(EHOSTDOWN), S(EHOSTUNREACH), S(EALREADY), S(EINPROGRESS),
    S(ECANCELED),
};

static const struct symbol constants[] = {
    S(AF_INET), S(AF_INET6), S(AF_UNSPEC), S(PF_INET), S(PF_INET6), S(SOCK_STREAM), S(SOCK_DGRAM),
    S(SOCK_NONBLOCK), S(SOCK_CLOEXEC), S(SOCK_RAW),
    S(IPPROTO_IP), S(IPPROTO_TCP), S(IPPROTO_UDP), S(IPPROTO_ICMP), S(IPPROTO_IPV6),
    S(IPPROTO_ICMPV6), S(SHUT_RD), S(SHUT_WR), S(SHUT_RDWR), S(SOMAXCONN),
    S(SOL_SOCKET), S(SOL_TCP), S(SOL_UDP), S(SOL_IP), S(SOL_IPV6),
    S(SO_ACCEPTCONN), S(SO_BINDTODEVICE), S(SO_BROADCAST), S(SO_DEBUG), S(SO_DONTROUTE),
    S(SO_ERROR), S(SO_KEEPALIVE), S(SO_LINGER), S(SO_MARK), S(SO_NO_CHECK), S(SO_OOBINLINE),
    S(SO_PRIORITY), S(SO_RCVBUF), S(SO_RCVLOWAT), S(SO_RCVTIMEO), S(SO_REUSEADDR),
    S(SO_REUSEPORT), S(SO_SNDBUF), S(SO_SNDLOWAT), S(SO_SNDTIMEO), S(SO_TIMESTAMP),
    S(SO_TIMESTAMPING), S(SO_TYPE), S(SO_DOMAIN), S(SO_PROTOCOL), S(SO_MAX_PACING_RATE),
    S(SO_ZEROCOPY), S(SO_COOKIE), S(SO_BUSY_POLL), S(SO_SNDBUFFORCE), S(SO_RCVBUFFORCE),
    S(SO_INCOMING_CPU),
    S(IP_TOS), S(IP_TTL), S(IP_MTU), S(IP_MTU_DISCOVER), S(IP_PMTUDISC_DONT), S(IP_PMTUDISC_WANT),
    S(IP_PMTUDISC_DO), S(IP_PMTUDISC_PROBE), S(IP_RECVERR), S(IP_FREEBIND), S(IP_RECVTOS),
    S(IP_RECVTTL), S(IP_PKTINFO), S(IP_TRANSPARENT), S(IP_BIND_ADDRESS_NO_PORT),
    S(IPV6_MTU), S(IPV6_MTU_DISCOVER), S(IPV6_RECVERR), S(IPV6_TCLASS), S(IPV6_UNICAST_HOPS),
    S(IPV6_V6ONLY), S(IPV6_HOPLIMIT), S(IPV6_FREEBIND),
    S(TCP_NODELAY), S(TCP_MAXSEG), S(TCP_CORK), S(TCP_KEEPIDLE), S(TCP_KEEPINTVL), S(TCP_KEEPCNT),
    S(TCP_SYNCNT), S(TCP_LINGER2), S(TCP_DEFER_ACCEPT), S(TCP_WINDOW_CLAMP), S(TCP_INFO),
    S(TCP_QUICKACK), S(TCP_CONGESTION), S(TCP_MD5SIG), S(TCP_THIN_LINEAR_TIMEOUTS),
    S(TCP_THIN_DUPACK), S(TCP_USER_TIMEOUT), S(TCP_FASTOPEN), S(TCP_FASTOPEN_CONNECT),
    S(TCP_FASTOPEN_KEY), S(TCP_FASTOPEN_NO_COOKIE), S(TCP_TIMESTAMP), S(TCP_NOTSENT_LOWAT),
    S(TCP_INQ), S(TCP_CM_INQ), S(TCP_SAVE_SYN), S(TCP_SAVED_SYN), S(TCP_TX_DELAY),
    S(UDP_CORK), S(O_RDONLY), S(SPLICE_F_MOVE), S(SPLICE_F_NONBLOCK), S(SPLICE_F_MORE), S(O_WRONLY), S(O_RDWR), S(O_NONBLOCK), S(O_APPEND), S(O_CREAT),
    S(O_TRUNC), S(O_EXCL), S(F_GETFL), S(F_SETFL), S(F_GETFD), S(F_SETFD), S(FD_CLOEXEC),
    S(MSG_OOB), S(MSG_PEEK), S(MSG_DONTROUTE), S(MSG_CTRUNC), S(MSG_TRUNC), S(MSG_DONTWAIT),
    S(MSG_EOR), S(MSG_WAITALL), S(MSG_CONFIRM), S(MSG_ERRQUEUE), S(MSG_NOSIGNAL), S(MSG_MORE),
    S(MSG_FASTOPEN), S(MSG_ZEROCOPY), S(MSG_CMSG_CLOEXEC),
    S(SOF_TIMESTAMPING_TX_HARDWARE), S(SOF_TIMESTAMPING_TX_SOFTWARE),
    S(SOF_TIMESTAMPING_RX_HARDWARE), S(SOF_TIMESTAMPING_RX_SOFTWARE),
    S(SOF_TIMESTAMPING_SOFTWARE), S(SOF_TIMESTAMPING_RAW_HARDWARE), S(SOF_TIMESTAMPING_OPT_ID),
    S(SOF_TIMESTAMPING_TX_SCHED), S(SOF_TIMESTAMPING_TX_ACK), S(SOF_TIMESTAMPING_OPT_CMSG),
    S(SOF_TIMESTAMPING_OPT_TSONLY), S(SCM_TIMESTAMPING), S(SCM_TSTAMP_SND), S(SCM_TSTAMP_SCHED),
    S(SCM_TSTAMP_ACK), S(SO_EE_ORIGIN_NONE), S(SO_EE_ORIGIN_LOCAL), S(SO_EE_ORIGIN_ICMP),
    S(SO_EE_ORIGIN_ICMP6), S(SO_EE_ORIGIN_TIMESTAMPING), S(SO_EE_ORIGIN_ZEROCOPY),
    S(SO_EE_CODE_ZEROCOPY_COPIED),
    S(SIOCINQ), S(SIOCOUTQ), S(FIONREAD), S(SIOCOUTQNSD), S(SIOCATMARK),
    S(POLLIN), S(POLLPRI), S(POLLOUT), S(POLLRDNORM), S(POLLRDBAND), S(POLLWRNORM), S(POLLWRBAND),
    S(POLLRDHUP), S(POLLERR), S(POLLHUP), S(POLLNVAL),
    S(EPOLLIN), S(EPOLLPRI), S(EPOLLOUT), S(EPOLLRDNORM), S(EPOLLRDBAND), S(EPOLLWRNORM),
    S(EPOLLWRBAND), S(EPOLLMSG), S(EPOLLERR), S(EPOLLHUP), S(EPOLLRDHUP), S(EPOLLONESHOT),
    S(EPOLLET), S(EPOLLEXCLUSIVE), S(EPOLL_CTL_ADD), S(EPOLL_CTL_MOD), S(EPOLL_CTL_DEL),
    /* of code */
    S(TCP_ESTABLISHED), S(TCP_SYN_SENT), S(TCP_SYN_RECV), S(TCP_FIN_WAIT1), S(TCP_FIN_WAIT2),
    S(TCP_TIME_WAIT), S(TCP_CLOSE), S(TCP_CLOSE_WAIT), S(TCP_LAST_ACK), S(TCP_LISTEN),
    S(TCP_CLOSING), S(TCP_CA_Open), S(TCP_CA_Disorder), S(TCP_CA_CWR), S(TCP_CA_Recovery),
    S(TCP_CA_Loss), S(TCPI_OPT_TIMESTAMPS), S(TCPI_OPT_SACK), S(TCPI_OPT_WSCALE), S(TCPI_OPT_ECN),
    S(TCPI_OPT_ECN_SEEN), S(TCPI_OPT_SYN_DATA), {"TCP_INFINITE_SSTHRESH", 0x7fffffff},
};
/* clang-format on */

static const struct symbol *find(const struct symbol *table, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

bool symbol_find(const char *name, long long *ret_value)
{
    const struct symbol *s = name[0] == 'E' ? find(errors, COUNT(errors), name) : NULL;
    if (s == NULL)
        s = find(constants, COUNT(constants), name);
    if (s == NULL)
        return false;
    *ret_value = s->value;
    return true;
}

const char *symbol_errno(int err)
{
    for (size_t i = 0; i < COUNT(errors); i++)
        if (errors[i].value == err)
            return errors[i].name;
    return "an error without a name here";
}

/* ---- ICMP (IANA, ICMP and ICMPv6 parameters) ---------------------------------------------- */

static const struct icmp_name {
    uint8_t version, type;
    int16_t code; /* -1: the type itself */
    const char *name;
} icmp_names[] = {
    {4, 0, -1, "echo_reply"},
    {4, 3, -1, "unreachable"},
    {4, 4, -1, "source_quench"},
    {4, 5, -1, "redirect"},
    {4, 8, -1, "echo_request"},
    {4, 11, -1, "time_exceeded"},
    {4, 12, -1, "parameter_problem"},
    {4, 13, -1, "timestamp_request"},
    {4, 14, -1, "timestamp_reply"},
    {4, 15, -1, "information_request"},
    {4, 16, -1, "information_reply"},
    {4, 17, -1, "address_mask_request"},
    {4, 18, -1, "address_mask_reply"},
    {4, 3, 0, "net_unreachable"},
    {4, 3, 1, "host_unreachable"},
    {4, 3, 2, "protocol_unreachable"},
    {4, 3, 3, "port_unreachable"},
    {4, 3, 4, "frag_needed"},
    {4, 3, 5, "source_route_failed"},
    {4, 3, 6, "net_unknown"},
    {4, 3, 7, "host_unknown"},
    {4, 3, 8, "source_host_isolated"},
    {4, 3, 9, "net_prohibited"},
    {4, 3, 10, "host_prohibited"},
    {4, 3, 11, "net_unreachable_for_tos"},
    {4, 3, 12, "host_unreachable_for_tos"},
    {4, 3, 13, "packet_filtered"},
    {4, 3, 14, "precedence_violation"},
    {4, 3, 15, "precedence_cutoff"},
    {6, 1, -1, "unreachable"},
    {6, 2, -1, "packet_too_big"},
    {6, 3, -1, "time_exceeded"},
    {6, 4, -1, "parameter_problem"},
    {6, 128, -1, "echo_request"},
    {6, 129, -1, "echo_reply"},
    {6, 1, 0, "no_route"},
    {6, 1, 1, "admin_prohibited"},
    {6, 1, 2, "not_neighbour"},
    {6, 1, 3, "address_unreachable"},
    {6, 1, 4, "port_unreachable"},
    {6, 3, 0, "exceeded_hop_limit"},
    {6, 3, 1, "exceeded_frag_time"},
    {6, 4, 0, "header_field"},
    {6, 4, 1, "unknown_next_header"},
    {6, 4, 2, "unknown_option"},
};

bool icmp_find(uint8_t version, const char *type, const char *code, uint8_t *ret_type,
               uint8_t *ret_code)
{
    bool found = false;
    for (size_t i = 0; i < COUNT(icmp_names) && !found; i++) {
        const struct icmp_name *n = &icmp_names[i];
        if (n->version == version && n->code < 0 && strcmp(n->name, type) == 0) {
            *ret_type = n->type;
            found = true;
        }
    }
    *ret_code = 0;
    if (!found || code == NULL)
        return found;
    for (size_t i = 0; i < COUNT(icmp_names); i++) {
        const struct icmp_name *n = &icmp_names[i];
        if (n->version == version && n->type == *ret_type && n->code >= 0 &&
            strcmp(n->name, code) == 0) {
            *ret_code = (uint8_t)n->code;
            return true;
        }
    }
    return false;
}

static const char *icmp_name(uint8_t version, uint8_t type, int code)
{
    for (size_t i = 0; i < COUNT(icmp_names); i++) {
        const struct icmp_name *n = &icmp_names[i];
        if (n->version == version && n->type == type && n->code == code)
            return n->name;
    }
    return NULL;
}

const char *icmp_type_name(uint8_t version, uint8_t type)
{
    const char *name = icmp_name(version, type, -1);
    return name != NULL ? name : "unknown";
}

const char *icmp_code_name(uint8_t version, uint8_t type, uint8_t code)
{
    return icmp_name(version, type, code);
}
