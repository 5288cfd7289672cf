/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Goodput beside the kernel's TCP over one and the same emulated link, in one run: bulk transfers
 * in real time with the kernel at both ends, with Sockworks as the sender, and with Sockworks at
 * both ends. The same link, seeds, congestion control and time for each; medians over the seeds.
 * Most of the time nothing happens in a transfer, so many run side by side, each in a process of
 * its own.
 *
 *     goodput [--rate MBIT] [--cc NAME]... [--rtt MS] [--link NAME] [--seeds N] [--jobs N]
 *             [--trace]
 *
 * At 20 Mbit/s, the default, the queue has 256 KiB unless said; at other rates it is given in
 * bandwidth-delay products. A machine that is too slow for a rate shows it by the kernel's figures.
 * --link takes the name as it is in the table ("loss 1 %"). --trace prints what each sender's
 * TCP_INFO says every tenth of a second: where two differ shows there first.
 *
 * A machine that does other things, too, now and then leaves a link standing for tens of
 * milliseconds, and what it held then arrives in one burst: a transfer in which that happened is
 * repeated, and of its repetitions the least disturbed one counts.
 */
#include <errno.h>
#include <getopt.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/interop/flow.h"

#define MBIT 1000000ULL
#define USUAL_MBIT 20
#define QUEUE_MIN_BYTES 15000
#define SEEDS_MAX 120
#define POINTS_MAX 256
#define TRACE_NS (100 * MS)
#define MEET_NS (30000 * MS)
#define TURN_NS (20 * MS)
#define LATE_NS (5 * MS) /* so late a link may be, or a quarter of its round trip */
#define REPETITIONS 4

struct point {
    const char *cc, *what;
    unsigned rtt_ms;
    uint32_t loss_ppm, reorder_ppm;
    uint32_t queue_bytes;
    double queue_bdp;               /* instead of queue_bytes; 0: none */
    double result[3][SEEDS_MAX];    /* Mbit/s; negative: a negative errno */
    uint64_t late_ns[3][SEEDS_MAX]; /* the latest that something left the link then */
};

static const char *const pair_names[] = {"kernel", "S > kernel", "S > S"};
static const enum kind pairs[3][2] = {
    {KERNEL, KERNEL}, {SOCKWORKS, KERNEL}, {SOCKWORKS, SOCKWORKS}};

/* Making and ending a namespace stops the whole kernel's network for milliseconds: so all of a
 * batch do it at the same time, and none while another's bytes are under way. */
struct gate {
    _Atomic int begin, end; /* how many have yet to come */
};

static struct point *points; /* shared with the processes */
static struct gate *gate;
static int n_points, n_seeds = 5, n_jobs = 24;
static bool tracing, each;
static uint64_t rate_bps = USUAL_MBIT * MBIT; /* of the bottleneck */

static unsigned seconds_of(const struct point *p)
{
    return p->rtt_ms < 10 ? 3 : p->rtt_ms < 50 ? 5 : p->rtt_ms < 200 ? 10 : 18;
}

static void set_cc(struct sock *sock, const char *cc)
{
    int r = sock_set(sock, IPPROTO_TCP, TCP_CONGESTION, cc, strlen(cc));
    if (r < 0) {
        fprintf(stderr, "%s: no %s: %s\n", kind_names[sock->side->kind], cc, strerror(-r));
        exit(1);
    }
}

/* What the sender says of itself, each tenth of a second. */
struct tracer {
    const struct sock *sock;
    const char *who;
    uint64_t seed, start_ns, next_ns;
};

static void trace(void *ctx, bool sent, const void *bytes, size_t n)
{
    struct tracer *t = ctx;
    struct tcp_info i = {0};
    struct { /* of the kernel's bbr: struct tcp_bbr_info, in bytes per second */
        uint32_t bw_lo, bw_hi, rest[3];
    } bbr = {0};
    size_t len = sizeof(i), bbr_len = sizeof(bbr);
    (void)bytes, (void)n;
    if (sent || sw_cable_now() < t->next_ns)
        return;
    t->next_ns = sw_cable_now() + TRACE_NS;
    if (sock_get((struct sock *)t->sock, IPPROTO_TCP, TCP_INFO, &i, &len) < 0)
        return;
    sock_get((struct sock *)t->sock, IPPROTO_TCP, TCP_CC_INFO, &bbr, &bbr_len);
    printf("%s seed %llu %.1f s ca %u cwnd %u unacked %u sacked %u lost %u retrans %u rtt %u us "
           "min %u us rto %u us pacing %.2f rate %.2f%s bw %.2f Mbit/s acked %llu again %u "
           "waited rwnd %.1f sndbuf %.1f s\n",
           t->who, (unsigned long long)t->seed, (double)(sw_cable_now() - t->start_ns) / 1e9,
           i.tcpi_ca_state, i.tcpi_snd_cwnd, i.tcpi_unacked, i.tcpi_sacked, i.tcpi_lost,
           i.tcpi_retrans, i.tcpi_rtt, i.tcpi_min_rtt, i.tcpi_rto,
           (double)i.tcpi_pacing_rate * 8e-6, (double)i.tcpi_delivery_rate * 8e-6,
           i.tcpi_delivery_rate_app_limited ? " (app)" : "", bbr.bw_lo * 8e-6,
           (unsigned long long)i.tcpi_bytes_acked, i.tcpi_total_retrans,
           (double)i.tcpi_rwnd_limited * 1e-6, (double)i.tcpi_sndbuf_limited * 1e-6);
    fflush(stdout);
}

/* Waits until all of a batch have come here; but not for ever for one that failed. */
static void meet(_Atomic int *left)
{
    uint64_t until_ns = sw_cable_now() + MEET_NS;
    for ((*left)--; *left > 0 && sw_cable_now() < until_ns;)
        usleep(1000);
}

/* flow_run() for so long, which also tells how late the link was at most. */
static int play(struct world *world, struct flow *flow, uint64_t ns, uint64_t *ret_late_ns)
{
    uint64_t end_ns = sw_cable_now() + ns, now_ns = sw_cable_now(), due_ns, late_ns = 0;
    while (!flow->error && now_ns < end_ns) {
        flow_send(flow);
        due_ns = sw_cable_deadline(&world->cables[0]);
        if (due_ns > now_ns + TURN_NS)
            due_ns = now_ns + TURN_NS;
        if (due_ns < now_ns)
            due_ns = now_ns;
        world_turn(world, due_ns);
        flow_receive(flow);
        now_ns = sw_cable_now();
        if (now_ns > due_ns && now_ns - due_ns > late_ns)
            late_ns = now_ns - due_ns;
    }
    *ret_late_ns = late_ns;
    return flow->error;
}

/* One transfer from side 0 to side 1: Mbit/s that arrived, or a negative errno. */
static double transfer(const struct point *p, int pair, uint64_t seed, uint64_t *ret_late_ns)
{
    double queue = p->queue_bdp * (double)rate_bps / 8e3 * p->rtt_ms;
    struct sw_link_conditions there = {.delay_ns = p->rtt_ms * MS / 2,
                                       .loss_ppm = p->loss_ppm,
                                       .reorder_ppm = p->reorder_ppm,
                                       .reorder_ns = p->rtt_ms * MS / 8,
                                       .rate_bps = rate_bps,
                                       .queue_bytes = p->queue_bytes};
    struct sw_link_conditions back = {.delay_ns = p->rtt_ms * MS / 2, .rate_bps = rate_bps};
    if (p->queue_bdp > 0)
        there.queue_bytes = queue > QUEUE_MIN_BYTES ? (uint32_t)queue : QUEUE_MIN_BYTES;
    struct world_config config = {
        .kinds = {pairs[pair][0], pairs[pair][1]}, .seed = seed, .conditions = {there, back}};
    struct world world;
    struct sock socks[2], listener;
    struct sw_addr to;
    world_init(&world, &config);
    to = side_addr(&world.side[1], SW_AF_INET, 5001);
    if (sock_open(&world.side[1], SW_AF_INET, &listener) ||
        sock_listen(&listener, SW_AF_INET, 5001, 8) ||
        sock_open(&world.side[0], SW_AF_INET, &socks[0]))
        return -EIO;
    set_cc(&socks[0], p->cc);
    meet(&gate->begin);
    int r = sock_connect(&socks[0], &to);
    while ((r = sock_accept(&listener, &socks[1])) == -EAGAIN)
        world_turn(&world, sw_cable_now() + 50 * MS);
    if (r < 0)
        return r;
    struct flow flow = {.from = &socks[0], .to = &socks[1], .size = UINT64_MAX};
    struct tracer tracer = {&socks[0], pair_names[pair], seed, sw_cable_now(), 0};
    if (tracing) {
        flow.watch = trace;
        flow.watch_ctx = &tracer;
    }
    uint64_t seconds = seconds_of(p);
    r = play(&world, &flow, seconds * 1000 * MS, ret_late_ns);
    double mbps = (double)flow.received * 8e-6 / (double)seconds;
    meet(&gate->end);
    world_fini(&world);
    return r == 0 ? mbps : r;
}

/* Job n: the pairs of a seed of a point are next to each other, so that they run at the same time.
 */
static struct point *point_of(int n, int *ret_pair, int *ret_seed)
{
    *ret_pair = n % 3;
    *ret_seed = n / 3 % n_seeds;
    return &points[n / 3 / n_seeds];
}

static bool disturbed(int n)
{
    int pair, seed;
    const struct point *p = point_of(n, &pair, &seed);
    uint64_t most_ns = p->rtt_ms * MS / 4 > LATE_NS ? p->rtt_ms * MS / 4 : LATE_NS;
    return p->late_ns[pair][seed] > most_ns;
}

static void job(int n)
{
    int pair, seed;
    struct point *p = point_of(n, &pair, &seed);
    uint64_t late_ns;
    double result = transfer(p, pair, (uint64_t)seed + 1, &late_ns);
    if (late_ns < p->late_ns[pair][seed]) {
        p->result[pair][seed] = result;
        p->late_ns[pair][seed] = late_ns;
    }
}

/* `n` jobs, side by side. */
static int run_batch(const int *jobs, int n)
{
    int failed = 0, status;
    gate->begin = gate->end = n;
    for (int i = 0; i < n; i++)
        if (fork() == 0) {
            job(jobs[i]);
            _exit(0);
        }
    for (int i = 0; i < n; i++) {
        wait(&status);
        failed += status != 0;
    }
    return failed;
}

/* All of them, and the disturbed ones again. Returns how many of those are left. */
static int run_jobs(int *ret_failed)
{
    int n = n_points * n_seeds * 3, left = 0;
    int *jobs = calloc((size_t)n + 1, sizeof(*jobs));
    for (int time = 0; time <= REPETITIONS; time++) {
        left = 0;
        for (int i = 0; i < n; i++)
            if (disturbed(i))
                jobs[left++] = i;
        for (int i = 0; i < left && time < REPETITIONS; i += n_jobs)
            *ret_failed += run_batch(jobs + i, i + n_jobs < left ? n_jobs : left - i);
    }
    free(jobs);
    return left;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const double *values)
{
    double sorted[SEEDS_MAX];
    memcpy(sorted, values, (size_t)n_seeds * sizeof(sorted[0]));
    qsort(sorted, (size_t)n_seeds, sizeof(sorted[0]), compare);
    return sorted[n_seeds / 2];
}

static void print_table(void)
{
    printf("| control | round trip | link | %s | %s | ratio | %s | ratio |\n", pair_names[0],
           pair_names[1], pair_names[2]);
    printf("|---|--:|---|--:|--:|--:|--:|--:|\n");
    for (int i = 0; i < n_points; i++) {
        const struct point *p = &points[i];
        double kernel = median(p->result[0]), own = median(p->result[1]),
               both = median(p->result[2]);
        printf("| %s | %u ms | %s | %.2f | %.2f | %.2f | %.2f | %.2f |\n", p->cc, p->rtt_ms,
               p->what, kernel, own, own / kernel, both, both / kernel);
    }
}

/* Each transfer: medians hide a distribution of two humps. */
static void print_each(void)
{
    for (int i = 0; i < n_points; i++)
        for (int pair = 0; pair < 3; pair++) {
            printf("%s %u ms %s, %s:", points[i].cc, points[i].rtt_ms, points[i].what,
                   pair_names[pair]);
            for (int seed = 0; seed < n_seeds; seed++)
                printf(" %.2f", points[i].result[pair][seed]);
            printf("\n");
        }
}

static void add(struct point p, int only_rtt, const char *only_link)
{
    if ((only_rtt < 0 || (int)p.rtt_ms == only_rtt) &&
        (!only_link || strcmp(p.what, only_link) == 0) && n_points < POINTS_MAX) {
        memset(p.late_ns, 0xff, sizeof(p.late_ns)); /* none has run */
        points[n_points++] = p;
    }
}

static void add_points(const char *cc, int only_rtt, const char *only_link)
{
    static const unsigned rtts[] = {1, 20, 100, 300};
    static const struct point links[] = {
        {.what = "clean"},
        {.what = "loss 1 %", .loss_ppm = 10000},
        {.what = "loss 3 %", .loss_ppm = 30000},
        {.what = "loss 5 %", .loss_ppm = 50000},
        {.what = "loss 10 %", .loss_ppm = 100000},
        {.what = "reorder 2 %", .reorder_ppm = 20000},
        {.what = "queue 30 KB", .queue_bytes = 30000},
    };
    static const struct point other_rate[] = {
        {.what = "queue 1 BDP", .queue_bdp = 1},
        {.what = "queue 0.1 BDP", .queue_bdp = 0.1},
        {.what = "queue 4 BDP", .queue_bdp = 4},
        {.what = "1 BDP, loss 1 %", .queue_bdp = 1, .loss_ppm = 10000},
        {.what = "1 BDP, reorder 2 %", .queue_bdp = 1, .reorder_ppm = 20000},
    };
    bool usual = rate_bps == USUAL_MBIT * MBIT;
    const struct point *which = usual ? links : other_rate;
    unsigned n = usual ? sizeof(links) / sizeof(links[0]) : sizeof(other_rate) / sizeof(links[0]);
    for (unsigned r = 0; r < 4; r++)
        for (unsigned i = 0; i < n; i++) {
            struct point p = which[i];
            p.cc = cc;
            p.rtt_ms = rtts[r];
            add(p, only_rtt, only_link);
        }
}

static void *shared(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        exit(1);
    return p;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"cc", 1, NULL, 'c'},    {"rtt", 1, NULL, 'r'},  {"link", 1, NULL, 'l'},
        {"seeds", 1, NULL, 's'}, {"jobs", 1, NULL, 'j'}, {"rate", 1, NULL, 'm'},
        {"trace", 0, NULL, 't'}, {"each", 0, NULL, 'e'}, {NULL, 0, NULL, 0}};
    const char *controls[8] = {"cubic", "reno"};
    const char *link = NULL;
    int n_controls = 0, rtt = -1;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) >= 0;) {
        if (c == 'c' && n_controls < 8)
            controls[n_controls++] = optarg;
        else if (c == 'r')
            rtt = atoi(optarg);
        else if (c == 'l')
            link = optarg;
        else if (c == 's' && atoi(optarg) <= SEEDS_MAX)
            n_seeds = atoi(optarg);
        else if (c == 'm' && atoi(optarg) > 0)
            rate_bps = strtoull(optarg, NULL, 10) * MBIT;
        else if (c == 't')
            tracing = true;
        else if (c == 'e')
            each = true;
        else if (c == 'j')
            n_jobs = atoi(optarg);
        else
            return 2;
    }
    world_need();
    /* Before all ordinary processes. It may be refused: then the machine must be quiet. */
    sched_setscheduler(0, SCHED_RR, &(struct sched_param){.sched_priority = 1});
    points = shared(POINTS_MAX * sizeof(*points));
    gate = shared(sizeof(*gate));
    for (int i = 0; i < (n_controls ? n_controls : 2); i++)
        add_points(controls[i], rtt, link);
    uint64_t start_ns = sw_cable_now();
    int failed = 0, left = run_jobs(&failed);
    printf("Mbit/s of %g that arrived, medians of %d seeds; %d transfers, %d at a time, in %.0f s; "
           "%d were disturbed, each of %d times\n\n",
           (double)rate_bps / 1e6, n_seeds, n_points * n_seeds * 3, n_jobs,
           (double)(sw_cable_now() - start_ns) / 1e9, left, REPETITIONS);
    print_table();
    if (each)
        print_each();
    return failed > 0;
}
