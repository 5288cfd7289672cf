/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files of /proc/net as the run's own network has them: tables of sockets (inode and owner are
 * the stand-in's), counters, and what there is of interfaces, addresses and routes. Layouts are
 * those of Linux's tcp4_seq_show() and its like; addresses of the kernel's memory are 0.
 */
#include <linux/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "run/netlink/diag.h"
#include "run/netlink/netlink.h"
#include "run/netlink/proc_net.h"

enum {
    LINE_BYTES = 128, /* to which lines of IPv4's tables are filled up, their end not counted */
    TCP_LINE_BYTES = 149,
    TICKS_PER_S = 100, /* USER_HZ */
};

/* ---- tables of sockets ----------------------------------------------------------------------- */

/* Which sockets a table lists. */
struct table {
    int type, protocol, domain; /* protocol 0: any */
};

/* As Linux, none that has no port: it is in no table of the kernel's either. */
static bool lists(const struct table *t, const struct sw_socket_info *info)
{
    bool idle = info->type == SOCK_STREAM ? info->tcp_state == TCP_CLOSE
                                          : info->type == SOCK_DGRAM && info->local.port == 0;
    return !idle && info->type == t->type && info->domain == t->domain &&
           (t->protocol == 0 || info->protocol == t->protocol);
}

/* As the kernel prints them: words of four bytes, in its own byte order. */
static int put_end(char *to, size_t room, const struct sw_addr *addr, int domain, unsigned port)
{
    uint32_t words[4];
    memcpy(words, addr->ip.b, sizeof(words));
    if (domain == AF_INET)
        return snprintf(to, room, "%08X:%04X", words[3], port);
    return snprintf(to, room, "%08X%08X%08X%08X:%04X", words[0], words[1], words[2], words[3],
                    port);
}

static unsigned long ticks(uint64_t ns)
{
    return (unsigned long)((ns + 1000000000U / TICKS_PER_S - 1) / (1000000000U / TICKS_PER_S));
}

static void put_socket(FILE *out, const struct diag_socket *s, unsigned number)
{
    const struct sw_socket_info *info = &s->info;
    bool tcp = info->type == SOCK_STREAM, raw = info->type == SOCK_RAW;
    unsigned local_port = raw ? (unsigned)info->protocol : info->local.port;
    int state = tcp || info->remote.port == 0 ? info->tcp_state : TCP_ESTABLISHED;
    uint64_t tx = info->tcp_state == TCP_LISTEN ? 0 : info->send_q;
    char local[48], remote[48], line[320];

    put_end(local, sizeof(local), &info->local, info->domain, local_port);
    put_end(remote, sizeof(remote), &info->remote, info->domain, info->remote.port);
    int n = snprintf(
        line, sizeof(line), "%*u: %s %s %02X %08X:%08X %02X:%08lX %08X %5u %8d %u %d %016x",
        !tcp && !raw && info->domain == AF_INET ? 5 : 4, number, local, remote, state, (unsigned)tx,
        (unsigned)info->recv_q, (unsigned)info->awaits, tcp ? ticks(info->awaits_ns) : 0UL,
        info->retries, s->uid, 0, s->ino, tcp ? 1 : 2, 0);
    size_t room = sizeof(line) - (size_t)n;
    if (!tcp)
        snprintf(line + n, room, " 0");
    else if (s->ino != 0)
        snprintf(line + n, room, " 20 4 30 10 -1");
    int width = info->domain != AF_INET ? 0 : tcp ? TCP_LINE_BYTES : LINE_BYTES - 1;
    fprintf(out, "%-*s\n", width, line);
}

static void put_table(struct run *run, FILE *out, const struct table *t)
{
    struct diag_socket s;
    unsigned number = 0;

    for (uint64_t cursor = 0; diag_next(run, &cursor, &s);)
        if (lists(t, &s.info))
            put_socket(out, &s, number++);
}

#define TABLE(name, head, ...)                                                                     \
    static void put_##name(struct run *run, FILE *out)                                             \
    {                                                                                              \
        fputs(head, out);                                                                          \
        put_table(run, out, &(struct table){__VA_ARGS__});                                         \
    }

#define HEAD4                                                                                      \
    "sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "    \
    "inode"
#define HEAD6                                                                                      \
    "  sl  local_address                         remote_address                        st "        \
    "tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
#define HEAD4_TCP "  " HEAD4 "                                                     \n"
#define HEAD4_REST HEAD4 " ref pointer drops            \n"
#define HEAD6_REST HEAD6 " ref pointer drops\n"

TABLE(tcp, HEAD4_TCP, SOCK_STREAM, 0, AF_INET)
TABLE(tcp6, HEAD6 "\n", SOCK_STREAM, 0, AF_INET6)
TABLE(udp, "   " HEAD4_REST, SOCK_DGRAM, IPPROTO_UDP, AF_INET)
TABLE(udp6, HEAD6_REST, SOCK_DGRAM, IPPROTO_UDP, AF_INET6)
TABLE(udplite, "   " HEAD4_REST, SOCK_DGRAM, IPPROTO_UDPLITE, AF_INET)
TABLE(udplite6, HEAD6_REST, SOCK_DGRAM, IPPROTO_UDPLITE, AF_INET6)
TABLE(icmp, "  " HEAD4_REST, SOCK_DGRAM, IPPROTO_ICMP, AF_INET)
TABLE(icmp6, HEAD6_REST, SOCK_DGRAM, IPPROTO_ICMPV6, AF_INET6)
TABLE(raw, "  " HEAD4 " ref pointer drops\n", SOCK_RAW, 0, AF_INET)
TABLE(raw6, HEAD6_REST, SOCK_RAW, 0, AF_INET6)

/* The machine's, without our stand-ins: who looks for a descriptor's inode there (lsof) shall go
 * on. */
static void put_unix(struct run *run, FILE *out)
{
    char line[512]; /* a name has 108 bytes at most */
    FILE *in = fopen("/proc/net/unix", "re");

    while (in != NULL && fgets(line, sizeof(line), in) != NULL) {
        unsigned long ino = 0;
        bool ours = sscanf(line, "%*s %*s %*s %*s %*s %*s %lu", &ino) == 1 && ino != 0 &&
                    standin_by_inode(run, (ino_t)ino) != NULL;
        if (!ours)
            fputs(line, out);
    }
    if (in != NULL)
        fclose(in);
}

/* ---- counters -------------------------------------------------------------------------------- */

struct usage {
    unsigned tcp, udp, udplite, raw, waiting, orphans;
};

static struct usage count_sockets(struct run *run, int domain)
{
    struct usage n = {0};
    struct sw_socket_info info;

    for (uint64_t cursor = 0; sw_host_next_socket(run->host, &cursor, &info);) {
        bool waits = info.type == SOCK_STREAM && info.tcp_state == TCP_TIME_WAIT;
        if (info.domain != domain)
            continue;
        n.waiting += waits;
        n.tcp += info.type == SOCK_STREAM && info.socket != 0;
        n.orphans += info.type == SOCK_STREAM && info.socket == 0 && !waits;
        n.udp += info.type == SOCK_DGRAM && info.protocol == IPPROTO_UDP;
        n.udplite += info.type == SOCK_DGRAM && info.protocol == IPPROTO_UDPLITE;
        n.raw += info.type == SOCK_RAW;
    }
    return n;
}

static void put_sockstat(struct run *run, FILE *out)
{
    struct usage n = count_sockets(run, AF_INET), n6 = count_sockets(run, AF_INET6);
    unsigned used = n.tcp + n.udp + n.udplite + n.raw + n6.tcp + n6.udp + n6.udplite + n6.raw;

    fprintf(out, "sockets: used %u\n", used);
    fprintf(out, "TCP: inuse %u orphan %u tw %u alloc %u mem 0\n", n.tcp, n.orphans + n6.orphans,
            n.waiting + n6.waiting, n.tcp + n6.tcp);
    fprintf(out, "UDP: inuse %u mem 0\nUDPLITE: inuse %u\nRAW: inuse %u\n", n.udp, n.udplite,
            n.raw);
    fprintf(out, "FRAG: inuse 0 memory 0\n");
}

static void put_sockstat6(struct run *run, FILE *out)
{
    struct usage n = count_sockets(run, AF_INET6);

    fprintf(out, "TCP6: inuse %u\nUDP6: inuse %u\nUDPLITE6: inuse %u\nRAW6: inuse %u\n", n.tcp,
            n.udp, n.udplite, n.raw);
    fprintf(out, "FRAG6: inuse 0 memory 0\n");
}

/* What is counted here of what Linux counts; the rest is left out, which its format allows. */
static void put_snmp(struct run *run, FILE *out)
{
    struct sw_host_stats c;
    struct sw_socket_info info;
    unsigned open = 0;

    sw_host_get_stats(run->host, &c);
    for (uint64_t cursor = 0; sw_host_next_socket(run->host, &cursor, &info);)
        open += info.type == SOCK_STREAM &&
                (info.tcp_state == TCP_ESTABLISHED || info.tcp_state == TCP_CLOSE_WAIT);
    fprintf(out, "Ip: Forwarding DefaultTTL InReceives InDelivers OutRequests\n");
    fprintf(out, "Ip: 2 64 %llu %llu %llu\n", (unsigned long long)c.ip_rx,
            (unsigned long long)c.ip_rx, (unsigned long long)c.ip_tx);
    fprintf(out, "Icmp: InMsgs OutMsgs\nIcmp: %llu %llu\n", (unsigned long long)c.icmp_rx,
            (unsigned long long)c.icmp_tx);
    fprintf(out, "Tcp: RtoAlgorithm RtoMin RtoMax MaxConn CurrEstab InSegs OutSegs RetransSegs "
                 "OutRsts\n");
    fprintf(out, "Tcp: 1 200 120000 -1 %u %llu %llu %llu %llu\n", open,
            (unsigned long long)c.tcp_rx, (unsigned long long)c.tcp_tx,
            (unsigned long long)c.tcp_retrans, (unsigned long long)c.tcp_resets);
    fprintf(out, "Udp: InDatagrams OutDatagrams\nUdp: %llu %llu\n", (unsigned long long)c.udp_rx,
            (unsigned long long)c.udp_tx);
}

static void put_netstat(struct run *run, FILE *out)
{
    unsigned long long bytes = run->lo_bytes;
    fprintf(out, "IpExt: InOctets OutOctets\nIpExt: %llu %llu\n", bytes, bytes);
}

static void put_dev(struct run *run, FILE *out)
{
    unsigned long long bytes = run->lo_bytes, packets = run->lo_packets;
    fprintf(
        out,
        "Inter-|   Receive                                                |  Transmit\n"
        " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets "
        "errs drop fifo colls carrier compressed\n"
        "    lo: %7llu %7llu    0    0    0     0          0         0 %8llu %7llu    0    0    "
        "0     0       0          0\n",
        bytes, packets, bytes, packets);
}

/* ---- interfaces, addresses, routes -------------------------------------------------------------
 */

static void put_bytes(FILE *out, const uint8_t bytes[16])
{
    for (int i = 0; i < 16; i++)
        fprintf(out, "%02x", bytes[i]);
}

static void put_if_inet6(struct run *run, FILE *out)
{
    static const uint8_t lo6[16] = {[15] = 1};
    struct netlink_addresses ours, *all = run->addresses;

    netlink_addresses_init(&ours);
    if (all == NULL) /* nobody has changed them */
        all = &ours;
    for (unsigned i = 0; i < all->n; i++) {
        const struct netlink_address *a = &all->at[i];
        if (a->family != AF_INET6)
            continue;
        put_bytes(out, a->bytes);
        fprintf(out, " %02x %02x %02x %02x %8s\n", run->lo, a->prefix_len,
                memcmp(a->bytes, lo6, sizeof(lo6)) == 0 ? 0x10 : 0, 0x80, "lo");
    }
}

/* Linux has no route of table "local" there, and a run has no other. */
static void put_route(struct run *run, FILE *out)
{
    (void)run;
    fprintf(out, "%-127s\n",
            "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU"
            "\tWindow\tIRTT");
}

static void put_arp(struct run *run, FILE *out)
{
    (void)run;
    fputs("IP address       HW type     Flags       HW address            Mask     Device\n", out);
}

static const struct {
    const char *name;
    proc_net_fn *put;
} files[] = {
    {"tcp", put_tcp},           {"tcp6", put_tcp6},         {"udp", put_udp},
    {"udp6", put_udp6},         {"udplite", put_udplite},   {"udplite6", put_udplite6},
    {"icmp", put_icmp},         {"icmp6", put_icmp6},       {"raw", put_raw},
    {"raw6", put_raw6},         {"sockstat", put_sockstat}, {"sockstat6", put_sockstat6},
    {"snmp", put_snmp},         {"netstat", put_netstat},   {"dev", put_dev},
    {"if_inet6", put_if_inet6}, {"route", put_route},       {"arp", put_arp},
    {"unix", put_unix},
};

proc_net_fn *proc_net_find(const char *name)
{
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        if (strcmp(files[i].name, name) == 0)
            return files[i].put;
    return NULL;
}
