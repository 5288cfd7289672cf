/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ioctl of the socket numbers (0x89xx, and TIOCOUTQ which is SIOCOUTQ): queue lengths of stand-ins,
 * and what netdevice(7) tells of interfaces. The run has one interface, lo; it is shown on any
 * socket of a program, since libraries ask on whatever socket they have (if_nametoindex(3) on an
 * AF_UNIX one).
 */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "run/standin/dgram.h"

_Static_assert(sizeof(struct ifreq) == 40 && sizeof(struct ifconf) == 16,
               "layouts of 64-bit Linux");

#define LOOPBACK_NAME "lo"
#define NS_PER_S 1000000000U
enum { SIOCDEVPRIVATE_LAST = SIOCDEVPRIVATE + 15, ETHERNET_MTU = 1500 /* bytes */ };

static struct sockaddr inet(uint32_t addr)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(addr)};
    struct sockaddr sa;
    memcpy(&sa, &in, sizeof(sa));
    return sa;
}

/* What only sockets of IPv4 are asked: another answers that it does not know such a thing. */
static bool is_of_ip4(unsigned long request)
{
    switch (request) {
    case SIOCGIFADDR:
    case SIOCGIFDSTADDR:
    case SIOCGIFBRDADDR:
    case SIOCGIFNETMASK:
    case SIOCGIFPFLAGS:
    case SIOCSIFBRDADDR:
    case SIOCSIFNETMASK:
    case SIOCSIFPFLAGS:
    case SIOCDARP:
    case SIOCSARP:
        return true;
    default:
        return false;
    }
}

/* Refused before it is looked at, whoever asks: nothing of a run's interface is changed this way.
 */
static bool is_for_administrators(unsigned long request)
{
    /* clang-format off */
    static const unsigned short requests[] = {
        SIOCSIFFLAGS, SIOCSIFADDR, SIOCDIFADDR, SIOCSIFNETMASK, SIOCSIFBRDADDR, SIOCSIFDSTADDR,
        SIOCSIFMTU, SIOCSIFHWADDR, SIOCSIFHWBROADCAST, SIOCSIFNAME, SIOCSIFTXQLEN, SIOCSIFMETRIC,
        SIOCSIFMAP, SIOCSIFSLAVE, SIOCADDMULTI, SIOCDELMULTI, SIOCSHWTSTAMP, SIOCGSKNS,
        SIOCADDRT, SIOCDELRT, SIOCSARP, SIOCDARP, SIOCGMIIPHY, SIOCGMIIREG, SIOCSMIIREG,
        SIOCBONDENSLAVE, SIOCBONDRELEASE, SIOCBONDSETHWADDR, SIOCBONDCHANGEACTIVE,
        SIOCBRADDBR, SIOCBRDELBR, SIOCBRADDIF, SIOCBRDELIF,
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++)
        if (requests[i] == request)
            return true;
    return false;
}

/* An interface of the machine that the run has not: whoever reads /proc/net/if_inet6 or
 * /sys/class/net finds its name (OpenJDK does, nmap in /proc/net/dev) and takes it for broken if it
 * is not there. It is there, down, and without an address. */
static int of_machine(unsigned long request, struct ifreq *r)
{
    unsigned index = if_nametoindex(r->ifr_name);

    if (index == 0)
        return -ENODEV;
    switch (request) {
    case SIOCGIFFLAGS:
        r->ifr_flags = 0;
        return 0;
    case SIOCGIFMTU:
        r->ifr_mtu = ETHERNET_MTU;
        return 0;
    case SIOCGIFHWADDR:
        r->ifr_hwaddr.sa_family = ARPHRD_ETHER;
        return 0;
    case SIOCGIFINDEX:
        r->ifr_ifindex = (int)index;
        return 0;
    default:
        return is_of_ip4(request) ? -EADDRNOTAVAIL : -ENODEV;
    }
}

/* Answers what is asked of the interface in *r. 0, -ENODEV, -EPERM, -EOPNOTSUPP, or -ENOTTY: no
 * such request. */
static int interface_request(const struct run *run, unsigned long request, struct ifreq *r)
{
    if (request == SIOCGIFNAME) {
        if (r->ifr_ifindex != run->lo)
            return -ENODEV;
        snprintf(r->ifr_name, sizeof(r->ifr_name), LOOPBACK_NAME);
        return 0;
    }
    if (is_for_administrators(request))
        return -EPERM;
    r->ifr_name[IFNAMSIZ - 1] = '\0';
    /* "lo:0" is a second name, of an address that lo might have and has not. */
    size_t name_len = strcspn(r->ifr_name, ":");
    bool ours =
        name_len == strlen(LOOPBACK_NAME) && memcmp(r->ifr_name, LOOPBACK_NAME, name_len) == 0;
    bool alias = r->ifr_name[name_len] == ':';

    if (ours && alias && is_of_ip4(request) && request != SIOCGIFPFLAGS)
        return -EADDRNOTAVAIL;
    switch (request) {
    case SIOCGIFPFLAGS:
    case SIOCSIFPFLAGS:
        return -EINVAL;
    case SIOCGIFFLAGS:
        r->ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING;
        break;
    case SIOCGIFADDR:
    case SIOCGIFDSTADDR:
        r->ifr_addr = inet(INADDR_LOOPBACK);
        break;
    case SIOCGIFBRDADDR:
        r->ifr_broadaddr = inet(INADDR_ANY);
        break;
    case SIOCGIFNETMASK:
        r->ifr_netmask = inet(0xff000000);
        break;
    case SIOCGIFMTU:
        r->ifr_mtu = (int)run->mtu;
        break;
    case SIOCGIFHWADDR:
        memset(&r->ifr_hwaddr, 0, sizeof(r->ifr_hwaddr));
        r->ifr_hwaddr.sa_family = ARPHRD_LOOPBACK;
        break;
    case SIOCGIFINDEX:
        r->ifr_ifindex = run->lo;
        break;
    case SIOCGIFMETRIC:
        r->ifr_metric = 0;
        break;
    case SIOCGIFTXQLEN:
        r->ifr_qlen = 1000; /* what Linux gives its own */
        break;
    case SIOCGIFMAP:
        memset(&r->ifr_map, 0, sizeof(r->ifr_map));
        break;
    case SIOCGIFSLAVE:
        return ours ? -EINVAL : -ENODEV;
    case SIOCWANDEV:
    case SIOCBONDSLAVEINFOQUERY:
    case SIOCBONDINFOQUERY:
    case SIOCGHWTSTAMP:
        return ours ? -EOPNOTSUPP : -ENODEV;
    default:
        if (request >= SIOCDEVPRIVATE && request <= SIOCDEVPRIVATE_LAST)
            return ours ? -EOPNOTSUPP : -ENODEV;
        return -ENOTTY;
    }
    return ours ? 0 : of_machine(request, r);
}

/* SIOCGIFCONF: all interfaces that have an IPv4 address. */
static int interface_list(struct run *run, pid_t tid, uint64_t at)
{
    struct ifconf conf;
    struct ifreq lo = {.ifr_name = LOOPBACK_NAME, .ifr_addr = inet(INADDR_LOOPBACK)};

    if (mem_read(run, tid, at, &conf, sizeof(conf)) < 0)
        return -EFAULT;
    bool write_it = conf.ifc_buf != NULL && conf.ifc_len >= (int)sizeof(lo);
    if (write_it && mem_write(run, tid, (uintptr_t)conf.ifc_buf, &lo, sizeof(lo)) < 0)
        return -EFAULT;
    conf.ifc_len = write_it || conf.ifc_buf == NULL ? (int)sizeof(lo) : 0;
    return mem_write(run, tid, at, &conf.ifc_len, sizeof(conf.ifc_len));
}

/* Bytes written by the program that its peer has not acknowledged, or not even been sent. */
static int queue_length(struct run *run, struct run_call *call, unsigned long request)
{
    struct standin *s = call->standin;
    int waiting = 0;

    if (!s->stream && request == SIOCOUTQNSD)
        return -ENOTTY;
    if (s->state == STANDIN_LISTENING)
        return -EINVAL;
    if (s->far_fd >= 0 && s->state == STANDIN_CONNECTED)
        ioctl(s->far_fd, FIONREAD, &waiting);
    int64_t queued = s->stream && s->sock != 0 ? sw_send_queued(run->host, s->sock) : 0;
    if (queued < 0)
        return (int)queued;
    int sum = request == SIOCOUTQ ? (int)queued + waiting : waiting;
    return mem_write(run, call->tid, call->args[2], &sum, sizeof(sum));
}

/* When the datagram read last had come, by the wall clock; 0: none was read. Linux's
 * sock_gettstamp(): what SO_TIMESTAMP has told already is not told here. */
static uint64_t last_stamp_ns(struct run *run, struct run_call *call)
{
    struct standin *s = call->standin;
    int err;

    (void)dgram_first(run, call, &err); /* finds out what has been read natively */
    dgram_refill(run, s);
    if (s->read_at_ns != 0 && standin_option(run, s, SOL_SOCKET, SO_TIMESTAMP) == 0 &&
        standin_option(run, s, SOL_SOCKET, SO_TIMESTAMPNS) == 0)
        s->stamp_ns = wall_clock_ns(s->read_at_ns);
    s->read_at_ns = 0;
    return s->stamp_ns;
}

/* SIOCGSTAMP, SIOCGSTAMPNS. */
static int give_stamp(struct run *run, struct run_call *call, bool ns)
{
    if (call->standin == NULL)
        return -ENOTTY;
    uint64_t at_ns = call->standin->stream ? 0 : last_stamp_ns(run, call);
    int64_t time[2] = {(int64_t)(at_ns / NS_PER_S), (int64_t)(at_ns % NS_PER_S)};
    if (at_ns == 0)
        return -ENOENT;
    if (!ns)
        time[1] /= 1000;
    return mem_write(run, call->tid, call->args[2], time, sizeof(time));
}

/* ethtool(8): what Linux says of its own loopback. */
static int ethtool(struct run *run, struct run_call *call, struct ifreq *r)
{
    struct ethtool_ts_info stamps = {.cmd = ETHTOOL_GET_TS_INFO,
                                     .so_timestamping = SOF_TIMESTAMPING_TX_SOFTWARE |
                                                        SOF_TIMESTAMPING_RX_SOFTWARE |
                                                        SOF_TIMESTAMPING_SOFTWARE,
                                     .phc_index = -1};
    struct ethtool_value link = {.cmd = ETHTOOL_GLINK, .data = 1};
    struct ethtool_sset_info sets = {.cmd = ETHTOOL_GSSET_INFO}; /* of texts: it has none */
    uint64_t at = (uintptr_t)r->ifr_data;
    uint32_t cmd;

    r->ifr_name[strcspn(r->ifr_name, ":")] = '\0'; /* of an alias: it is the interface's */
    if (strcmp(r->ifr_name, LOOPBACK_NAME) != 0)
        return -ENODEV;
    if (mem_read(run, call->tid, at, &cmd, sizeof(cmd)) < 0)
        return -EFAULT;
    if (cmd == ETHTOOL_GET_TS_INFO)
        return mem_write(run, call->tid, at, &stamps, sizeof(stamps));
    if (cmd == ETHTOOL_GSSET_INFO)
        return mem_write(run, call->tid, at, &sets, sizeof(sets));
    return cmd == ETHTOOL_GLINK ? mem_write(run, call->tid, at, &link, sizeof(link)) : -EOPNOTSUPP;
}

static bool is_socket(pid_t tid, int fd)
{
    char path[64], link[8];
    snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)tid, fd);
    return readlink(path, link, sizeof(link)) == (ssize_t)sizeof(link) &&
           memcmp(link, "socket:[", sizeof(link)) == 0;
}

/* What administrators may change or ask, and only of lo. */
static bool is_of_lo(unsigned long request, const struct ifreq *r)
{
    return (request == SIOCSIFFLAGS || request == SIOCSIFMTU || request == SIOCGMIIPHY ||
            request == SIOCGMIIREG || request == SIOCSMIIREG) &&
           strcmp(r->ifr_name, LOOPBACK_NAME) == 0;
}

static int change_lo(struct run *run, unsigned long request, const struct ifreq *r)
{
    if (request == SIOCSIFMTU)
        return r->ifr_mtu < 0 ? -EINVAL : network_set_mtu(run, (uint32_t)r->ifr_mtu);
    if (request != SIOCSIFFLAGS)
        return -EOPNOTSUPP;                           /* it has no transceiver */
    return (r->ifr_flags & IFF_UP) != 0 ? 0 : -EPERM; /* it is up, and stays so */
}

static int handle(struct run *run, struct run_call *call, unsigned long request)
{
    struct ifreq r;
    uint64_t at = call->args[2];

    if (call->standin != NULL && (request == SIOCOUTQ || request == SIOCOUTQNSD))
        return queue_length(run, call, request);
    if (request == SIOCGIFCONF)
        return interface_list(run, call->tid, at);
    if (request == SIOCGSTAMP_OLD || request == SIOCGSTAMPNS_OLD)
        return give_stamp(run, call, request == SIOCGSTAMPNS_OLD);
    if (mem_read(run, call->tid, at, &r, sizeof(r)) < 0)
        return -EFAULT;
    if (is_of_ip4(request) && (call->standin == NULL || call->standin->ipv6))
        return -ENOTTY;
    if (is_of_lo(request, &r) && caller_is_admin(call->tid))
        return change_lo(run, request, &r);
    if (request == SIOCETHTOOL)
        return ethtool(run, call, &r);
    if (request == SIOCSIFDSTADDR && call->standin != NULL && call->standin->ipv6)
        return -ENODEV; /* of IPv6 only tunnels have one */
    if (request == SIOCDIFADDR && call->standin != NULL && !call->standin->ipv6)
        return -ENOTTY;
    int err = interface_request(run, request, &r);
    return err < 0 ? err : mem_write(run, call->tid, at, &r, sizeof(r));
}

/* Requests about the descriptor that mean the same on any socket: owner, urgent mark. */
static bool is_native(unsigned long request)
{
    return request == FIOSETOWN || request == SIOCSPGRP || request == FIOGETOWN ||
           request == SIOCGPGRP || request == SIOCATMARK;
}

void on_ioctl(struct run *run, struct run_call *call)
{
    unsigned long request = call->args[1] & 0xffffffffU;
    bool ours = call->standin != NULL;

    if (ours && request == SIOCATMARK && !call->standin->stream) {
        call_fail(run, call, ENOTTY); /* there is no urgent mark among datagrams */
        return;
    }
    bool of_routes = request == SIOCADDRT || request == SIOCDELRT;
    if (is_native(request) || (!ours && (request == SIOCOUTQ || of_routes)) ||
        (!ours && !is_socket(call->tid, (int)call->args[0]))) {
        call_continue(run, call);
        return;
    }
    int err = handle(run, call, request);
    if (err == -ENOTTY && !ours)
        call_continue(run, call);
    else if (err < 0)
        call_fail(run, call, -err);
    else
        call_return(run, call, 0);
}
