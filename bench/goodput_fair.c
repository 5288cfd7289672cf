/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two flows beside each other on one emulated link, in real time: Sockworks beside Sockworks,
 * Sockworks beside the kernel, the kernel beside the kernel. The receivers are the kernel's. Two
 * worlds (tests/interop), whose packets pass the same link; a packet's port says whose it is. The
 * second flow begins later; what counts is what arrives after both have settled.
 *
 *     goodput_fair [--cc NAME[,NAME]]... [--seeds N] [--jobs N]
 */
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/packet.h"
#include "net/tun.h"
#include "tests/interop/flow.h"
#include "wire/bytes.h"
#include "wire/wire.h"

#define RATE_BPS 20000000ULL
#define SECOND_BEGINS_MS 2000U
#define SETTLED_MS 7000U
#define END_MS 27000U
#define PORT 5001 /* and the next */
#define SEEDS_MAX 9

struct point {
    char cc[2][16];
    unsigned rtt_ms;
    enum kind kinds[2];
    double mbps[SEEDS_MAX][2];
};

static struct point *points; /* shared with the processes */
static int n_points, n_seeds = 3, n_jobs = 18;

/* ---- two worlds, one link ---- */

struct pair {
    struct world worlds[2];
    struct sock from[2], to[2], listeners[2];
    struct sw_link *link;
};

static struct sw_packet *leaving(struct world *world, int e, uint64_t now_ns)
{
    struct sw_cable_end *end = &world->cables[0].ends[e];
    return end->host ? sw_host_output(end->host, end->iface, now_ns)
                     : sw_tun_read(end->tun, world->cables[0].mem);
}

/* Whose it is: the server's port is at end 1. -1: nobody's. */
static int owner(struct sw_packet *pkt, int e)
{
    struct sw_ip_hdr ip;
    const uint8_t *head = sw_packet_head(pkt);
    if (sw_ip_parse_hdr(head, pkt->head_len, sw_packet_len(pkt), &ip) != SW_DROP_NONE ||
        ip.proto != SW_PROTO_TCP || pkt->head_len < ip.hdr_len + 4)
        return -1;
    int i = sw_get16(head + ip.hdr_len + (e == 1 ? 2 : 0)) - PORT;
    return i == 0 || i == 1 ? i : -1;
}

static void arrive(struct world *world, int e, struct sw_packet *pkt, uint64_t now_ns)
{
    struct sw_cable_end *end = &world->cables[0].ends[e];
    pkt->next = NULL;
    if (end->host)
        sw_host_input(end->host, end->iface, pkt, now_ns);
    else
        sw_tun_write(end->tun, pkt);
}

static unsigned carry(struct pair *pair)
{
    uint64_t now_ns = sw_cable_now();
    unsigned moved = 0;
    struct sw_packet *pkt;
    for (int i = 0; i < 2; i++) {
        struct sw_host *host = pair->worlds[i].side[0].host;
        if (host && sw_host_deadline(host) <= now_ns)
            sw_host_advance(host, now_ns);
        for (int e = 0; e < 2; e++)
            for (int n = 0; n < 64 && (pkt = leaving(&pair->worlds[i], e, now_ns)); n++, moved++)
                sw_link_send(pair->link, e, pkt, now_ns);
    }
    for (int e = 0; e < 2; e++)
        for (; (pkt = sw_link_receive(pair->link, e, now_ns)); moved++) {
            int i = owner(pkt, e);
            if (i < 0)
                sw_packet_free(pkt);
            else
                arrive(&pair->worlds[i], e, pkt, now_ns);
        }
    return moved;
}

static void turn(struct pair *pair)
{
    struct sw_cable *cables[2] = {&pair->worlds[0].cables[0], &pair->worlds[1].cables[0]};
    if (carry(pair) == 0)
        sw_cable_wait(cables, 2, sw_cable_now() + 10 * MS);
}

/* ---- the flows ---- */

static bool open_world(struct pair *pair, int i, const struct point *p, uint64_t seed)
{
    struct world_config config = {.kinds = {p->kinds[i], KERNEL}, .seed = seed};
    struct world *world = &pair->worlds[i];
    world_init(world, &config);
    sw_link_free(world->cables[0].link);
    world->cables[0].link = NULL;
    return sock_open(&world->side[1], SW_AF_INET, &pair->listeners[i]) == 0 &&
           sock_listen(&pair->listeners[i], SW_AF_INET, (uint16_t)(PORT + i), 8) == 0 &&
           sock_open(&world->side[0], SW_AF_INET, &pair->from[i]) == 0 &&
           sock_set(&pair->from[i], IPPROTO_TCP, TCP_CONGESTION, p->cc[i], strlen(p->cc[i])) == 0;
}

static void begin(struct pair *pair, int i, struct flow *ret_flow)
{
    struct sw_addr to = side_addr(&pair->worlds[i].side[1], SW_AF_INET, (uint16_t)(PORT + i));
    sock_connect(&pair->from[i], &to);
    while (sock_accept(&pair->listeners[i], &pair->to[i]) != 0)
        turn(pair);
    *ret_flow = (struct flow){.from = &pair->from[i], .to = &pair->to[i], .size = UINT64_MAX};
}

static void run(struct point *p, int seed)
{
    struct pair pair = {0};
    struct flow flows[2];
    struct sw_link_conditions way = {.delay_ns = p->rtt_ms * MS / 2, .rate_bps = RATE_BPS};
    struct sw_link_conditions there = way;
    uint32_t bdp_bytes = (uint32_t)(RATE_BPS / 8000 * p->rtt_ms);
    there.queue_bytes = bdp_bytes > 30000 ? bdp_bytes : 30000;
    for (int i = 0; i < 2; i++)
        if (!open_world(&pair, i, p, (uint64_t)seed + 1))
            exit(1);
    struct sw_link_config config = {.seed = (uint64_t)seed, .mem = pair.worlds[0].cables[0].mem};
    pair.link = sw_link_new(&config);
    sw_link_set(pair.link, 0, &there);
    sw_link_set(pair.link, 1, &way);
    for (int i = 0; i < 2; i++)
        pair.worlds[i].cables[0].link = pair.link;
    uint64_t start_ns = sw_cable_now(), before[2] = {0};
    bool second = false, settled = false;
    begin(&pair, 0, &flows[0]);
    for (uint64_t ms; (ms = (sw_cable_now() - start_ns) / MS) < END_MS;) {
        if (!second && ms >= SECOND_BEGINS_MS) {
            begin(&pair, 1, &flows[1]);
            second = true;
        }
        for (int i = 0; i < 1 + second; i++) {
            flow_send(&flows[i]);
            flow_receive(&flows[i]);
            if (flows[i].error)
                exit(1);
            if (!settled && ms >= SETTLED_MS)
                before[i] = flows[i].received;
        }
        settled = ms >= SETTLED_MS;
        turn(&pair);
    }
    for (int i = 0; i < 2; i++)
        p->mbps[seed][i] = (double)(flows[i].received - before[i]) * 8e-3 / (END_MS - SETTLED_MS);
}

static int run_all(void)
{
    int running = 0, failed = 0, status;
    for (int n = 0; n < n_points * n_seeds || running > 0;) {
        if (n < n_points * n_seeds && running < n_jobs) {
            if (fork() == 0) {
                run(&points[n / n_seeds], n % n_seeds);
                _exit(0);
            }
            running++;
            n++;
        } else {
            wait(&status);
            failed += status != 0;
            running--;
        }
    }
    return failed;
}

static int by_share(const void *a, const void *b)
{
    const double *x = a, *y = b;
    double d = x[1] / (x[0] + x[1]) - y[1] / (y[0] + y[1]);
    return (d > 0) - (d < 0);
}

static void print_table(void)
{
    static const char *const names[] = {"kernel", "S"};
    printf("| control | round trip | first, second | Mbit/s | second's share | Jain |\n"
           "|---|--:|---|--:|--:|--:|\n");
    for (int i = 0; i < n_points; i++) {
        struct point *p = &points[i];
        qsort(p->mbps, (size_t)n_seeds, sizeof(p->mbps[0]), by_share);
        double x = p->mbps[n_seeds / 2][0], y = p->mbps[n_seeds / 2][1];
        printf("| %s", p->cc[0]);
        if (strcmp(p->cc[0], p->cc[1]) != 0)
            printf(", %s", p->cc[1]);
        printf(" | %u ms | %s, %s | %.1f | %.0f %% | %.2f |\n", p->rtt_ms, names[p->kinds[0]],
               names[p->kinds[1]], x + y, 100 * y / (x + y),
               (x + y) * (x + y) / (2 * (x * x + y * y)));
    }
}

static void add_points(const char *cc)
{
    static const enum kind kinds[4][2] = {
        {KERNEL, KERNEL}, {SOCKWORKS, KERNEL}, {KERNEL, SOCKWORKS}, {SOCKWORKS, SOCKWORKS}};
    for (unsigned rtt_ms = 20; rtt_ms <= 100; rtt_ms += 80)
        for (int k = 0; k < 4; k++) {
            struct point *p = &points[n_points++];
            const char *comma = strchr(cc, ',');
            int len = comma ? (int)(comma - cc) : (int)strlen(cc);
            *p = (struct point){.rtt_ms = rtt_ms, .kinds = {kinds[k][0], kinds[k][1]}};
            snprintf(p->cc[0], sizeof(p->cc[0]), "%.*s", len, cc);
            snprintf(p->cc[1], sizeof(p->cc[1]), "%s", comma ? comma + 1 : cc);
        }
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"cc", 1, NULL, 'c'}, {"seeds", 1, NULL, 's'}, {"jobs", 1, NULL, 'j'}, {NULL, 0, NULL, 0}};
    const char *controls[8] = {"cubic", "reno", "bbr", "cubic,bbr"};
    int n_controls = 0;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) >= 0;) {
        if (c == 'c' && n_controls < 8)
            controls[n_controls++] = optarg;
        else if (c == 's' && atoi(optarg) > 0 && atoi(optarg) <= SEEDS_MAX)
            n_seeds = atoi(optarg);
        else if (c == 'j' && atoi(optarg) > 0)
            n_jobs = atoi(optarg);
        else
            return 2;
    }
    world_need();
    setpriority(PRIO_PROCESS, 0, -10); /* may be refused: then the machine must be quiet */
    points =
        mmap(NULL, 64 * sizeof(*points), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < (n_controls ? n_controls : 4); i++)
        add_points(controls[i]);
    int failed = run_all();
    printf(
        "Two flows over %g Mbit/s, a queue of one bandwidth-delay product; medians of %d seeds\n\n",
        (double)RATE_BPS / 1e6, n_seeds);
    print_table();
    return failed > 0;
}
