/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * goodput: how much of a path TCP uses, in virtual time, as tables in Markdown.
 *
 *     goodput [SECTION]          the tables that `make check` compares with goodput.golden, or one
 *                                of cubic reno bbr reorder queue loss-queue fair bloat short
 *     goodput --whole            the whole grid, which takes minutes
 *     goodput --one cc=cubic rate=100 rtt=50 queue=1 loss=1 reorder=0 by=3 seed=1 seconds=30
 * bytes=0 [-v] one flow by itself; -v: every event of its sender
 *
 * A cell is the median of a few seeds, in Mbit/s of payload, and behind it what share that is, in
 * per cent, of what bound() says is good: no more than the link carries and the largest window lets
 * through, and no more than the congestion control's own response function gives at that loss.
 * Above 100 is possible: the response function counts each loss by itself, where a real flow
 * reduces its window once for all losses of a round trip.
 */
#include "path.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MS_NS 1000000ULL
#define SECOND_NS 1000000000ULL
#define MBIT 1000000ULL
#define SEEDS 3
#define WINDOW_MAX_BYTES (4U << 20)      /* tcp_wmem: what the send buffer holds */
#define QUEUE_MIN_BYTES (10U * PATH_MTU) /* no router has less */

static const char *const ccs[] = {"cubic", "reno", "bbr"};
static const double losses[] = {0, 0.1, 1, 3, 5, 10}; /* per cent */
static const double rtts[] = {1, 10, 50, 100, 300};   /* ms */
static const double rates[] = {10, 100, 1000};        /* Mbit/s */
static const double queues[] = {0.1, 1, 4};           /* bandwidth-delay products */

struct reorder {
    const char *name;
    uint32_t ppm;
    uint64_t by_ns;
};
static const struct reorder reorders[] = {
    {"in order", 0, 0},
    {"1 % late by 3 ms", 10000, 3 * MS_NS},
    {"20 % late by 10 ms", 200000, 10 * MS_NS},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* One flow on one path. */
struct point {
    const char *cc;
    double rate_mbit, rtt_ms, queue_bdp, loss_percent;
    struct reorder reorder;
    double seconds;
    uint64_t bytes;
};

static uint32_t queue_bytes(const struct point *pt)
{
    double bytes = pt->queue_bdp * pt->rate_mbit * 1e6 / 8 * pt->rtt_ms / 1e3;
    return bytes > QUEUE_MIN_BYTES ? (uint32_t)bytes : QUEUE_MIN_BYTES;
}

static struct path_config config_of(const struct point *pt, uint64_t seed)
{
    struct path_config c = {.n_senders = 1, .seed = seed};

    c.senders[0].cc = pt->cc;
    c.senders[0].rtt_ns = (uint64_t)(pt->rtt_ms * 1e6);
    c.senders[0].bytes = pt->bytes;
    c.neck.rate_bps = (uint64_t)(pt->rate_mbit * 1e6);
    c.neck.queue_bytes = queue_bytes(pt);
    c.neck.loss_ppm = (uint32_t)(pt->loss_percent * 1e4);
    c.neck.reorder_ppm = pt->reorder.ppm;
    c.neck.reorder_ns = pt->reorder.by_ns;
    c.duration_ns = (uint64_t)(pt->seconds * 1e9);
    return c;
}

/* The average window in segments that a loss rate allows: RFC 8312's and RFC 9438's figure 5 for
 * CUBIC, never below standard TCP's (Mathis et al. 1997, RFC 9438 5.1); and by that the rate. */
static double response_mbit(const struct point *pt, double p)
{
    double rtt_s = pt->rtt_ms / 1e3 + PATH_MTU * 8 / (pt->rate_mbit * 1e6);
    double window = sqrt(1.5 / p);

    if (strcmp(pt->cc, "cubic") == 0)
        window = fmax(window, 1.054 * pow(rtt_s / p, 0.75));
    return window * PATH_MSS * 8 / rtt_s / 1e6;
}

/* How much a window that swings between beta * (1 + q) and 1 + q of the bandwidth-delay product
 * uses of the link, growing linearly: what a queue of q < 1 costs at least a little. */
static double sawtooth_share(const struct point *pt)
{
    double q = queue_bytes(pt) * 8 / (pt->rate_mbit * 1e6) / (pt->rtt_ms / 1e3);
    double top = 1 + q, low = (strcmp(pt->cc, "reno") == 0 ? 0.5 : 0.7) * top;

    if (low >= 1 || strcmp(pt->cc, "bbr") == 0)
        return 1;
    return ((1 - low) * (1 + low) / 2 + (top - 1)) / (top - low);
}

static double bound_mbit(const struct point *pt)
{
    double rtt_s = pt->rtt_ms / 1e3 + PATH_MTU * 8 / (pt->rate_mbit * 1e6);
    double p = pt->loss_percent / 100;
    double bound = pt->rate_mbit * PATH_MSS / PATH_MTU * (1 - p);

    if (p == 0)
        bound *= sawtooth_share(pt);
    bound = fmin(bound, WINDOW_MAX_BYTES * 8 / rtt_s / 1e6);
    if (p > 0 && strcmp(pt->cc, "bbr") != 0)
        bound = fmin(bound, response_mbit(pt, p));
    return bound;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
    qsort(values, n, sizeof(values[0]), by_value);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static void run(const struct path_config *config, struct path_result *ret)
{
    if (!path_run(config, ret))
        exit(1);
}

/* Long enough for a hundred round trips, but not for more packets than a test has time for. */
static double seconds_for(const struct point *pt)
{
    if (pt->rate_mbit >= 1000)
        return 4 + 60 * pt->rtt_ms / 1e3;
    if (strcmp(pt->cc, "bbr") == 0)
        return 5 + 50 * pt->rtt_ms / 1e3;
    return 10 + 100 * pt->rtt_ms / 1e3;
}

static void print_cell(struct point pt)
{
    double values[SEEDS];
    /* Where nothing is by chance, one will do. */
    size_t seeds = pt.loss_percent > 0 || pt.reorder.ppm ? SEEDS : 1;

    pt.seconds = seconds_for(&pt);
    for (size_t seed = 0; seed < seeds; seed++) {
        struct path_config config = config_of(&pt, seed + 1);
        struct path_result result;
        run(&config, &result);
        values[seed] = result.senders[0].goodput_bps / 1e6;
    }
    double mbit = median(values, seeds);
    printf(" %.*f (%.0f) |",
           mbit < 10    ? 2
           : mbit < 100 ? 1
                        : 0,
           mbit, 100 * mbit / bound_mbit(&pt));
    fflush(stdout);
}

/* Loss down, round trip across. */
static void print_losses(struct point pt, size_t n_losses, const double *which)
{
    printf("\n| loss |");
    for (size_t i = 0; i < COUNT(rtts); i++)
        printf(" %g ms |", rtts[i]);
    printf("\n|--:|");
    for (size_t i = 0; i < COUNT(rtts); i++)
        printf("--:|");
    putchar('\n');
    for (size_t l = 0; l < n_losses; l++) {
        printf("| %g %% |", which[l]);
        for (size_t i = 0; i < COUNT(rtts); i++) {
            pt.loss_percent = which[l];
            pt.rtt_ms = rtts[i];
            print_cell(pt);
        }
        putchar('\n');
    }
}

static void loss_table(const char *cc)
{
    printf("## Loss and round trip, %s\n\n100 Mbit/s, a queue of one bandwidth-delay product.\n",
           cc);
    print_losses((struct point){.cc = cc, .rate_mbit = 100, .queue_bdp = 1}, COUNT(losses), losses);
}

static void loss_cubic(void)
{
    loss_table("cubic");
}

static void loss_reno(void)
{
    loss_table("reno");
}

static void loss_bbr(void)
{
    loss_table("bbr");
}

static void reorder_tables(void)
{
    static const double some[] = {0, 1};

    printf("## Reordering\n\n100 Mbit/s, a queue of one bandwidth-delay product.\n");
    for (size_t c = 0; c < COUNT(ccs); c++)
        for (size_t r = 1; r < COUNT(reorders); r++) {
            printf("\n%s, %s:\n", ccs[c], reorders[r].name);
            print_losses(
                (struct point){
                    .cc = ccs[c], .rate_mbit = 100, .queue_bdp = 1, .reorder = reorders[r]},
                COUNT(some), some);
        }
}

/* A row for each of `n` values, a column for each control and queue. */
static void print_queues(const char *title, const char *unit, size_t n, const double *values,
                         struct point (*point_of)(double value))
{
    printf("| %s |", title);
    for (size_t c = 0; c < COUNT(ccs); c++)
        for (size_t q = 0; q < COUNT(queues); q++)
            printf(" %s, %g BDP |", ccs[c], queues[q]);
    printf("\n|--:|");
    for (size_t i = 0; i < COUNT(ccs) * COUNT(queues); i++)
        printf("--:|");
    putchar('\n');
    for (size_t v = 0; v < n; v++) {
        printf("| %g %s |", values[v], unit);
        for (size_t c = 0; c < COUNT(ccs); c++)
            for (size_t q = 0; q < COUNT(queues); q++) {
                struct point pt = point_of(values[v]);
                pt.cc = ccs[c];
                pt.queue_bdp = queues[q];
                print_cell(pt);
            }
        putchar('\n');
    }
}

static struct point at_rate(double rate)
{
    return (struct point){.rate_mbit = rate, .rtt_ms = 50};
}

static struct point at_loss(double loss)
{
    return (struct point){.rate_mbit = 100, .rtt_ms = 50, .loss_percent = loss};
}

static void queue_tables(void)
{
    printf("## Rate and queue\n\n50 ms, nothing is lost but what the queue drops.\n\n");
    print_queues("rate", "Mbit/s", COUNT(rates), rates, at_rate);
}

static void loss_queue_table(void)
{
    static const double some[] = {0.1, 1, 5, 10};

    printf("## Loss and queue\n\n100 Mbit/s, 50 ms.\n\n");
    print_queues("loss", "%", COUNT(some), some, at_loss);
}

/* ---- two flows ---- */

/* Of 20, two flows of cubic at 20 and 100 ms shared between 64:36 and 84:16. */
#define PAIR_SEEDS 7

static void print_pair(const char *cc0, const char *cc1, double rtt0_ms, double rtt1_ms)
{
    double share[PAIR_SEEDS], jain[PAIR_SEEDS], total[PAIR_SEEDS];

    for (uint64_t seed = 0; seed < PAIR_SEEDS; seed++) {
        struct point pt = {.cc = cc0,
                           .rate_mbit = 20,
                           .rtt_ms = fmax(rtt0_ms, rtt1_ms),
                           .queue_bdp = 1,
                           .seconds = 60};
        struct path_config config = config_of(&pt, seed + 1);
        struct path_result result;

        config.n_senders = 2;
        config.senders[0].rtt_ns = (uint64_t)(rtt0_ms * 1e6);
        config.senders[1] = config.senders[0];
        config.senders[1].cc = cc1;
        config.senders[1].rtt_ns = (uint64_t)(rtt1_ms * 1e6);
        config.senders[1].start_ns = 5 * SECOND_NS + seed * 137 * MS_NS;
        config.count_from_ns = 20 * SECOND_NS;
        run(&config, &result);
        double a = result.senders[0].goodput_bps / 1e6, b = result.senders[1].goodput_bps / 1e6;
        total[seed] = a + b;
        share[seed] = b / (a + b);
        jain[seed] = (a + b) * (a + b) / (2 * (a * a + b * b));
    }
    printf("| %s | %s | %g ms | %g ms | %.1f | %.0f %% | %.2f |\n", cc0, cc1, rtt0_ms, rtt1_ms,
           median(total, PAIR_SEEDS), 100 * median(share, PAIR_SEEDS), median(jain, PAIR_SEEDS));
    fflush(stdout);
}

static void fairness_table(void)
{
    printf(
        "## Two flows\n\n20 Mbit/s, a queue of one bandwidth-delay product of the longer round\n"
        "trip; the second flow begins 5 s later; from 20 s to 60 s. Jain's index (1 is fair).\n\n"
        "| first | second | round trip | | Mbit/s | second's share | Jain |\n"
        "|---|---|--:|--:|--:|--:|--:|\n");
    for (size_t c = 0; c < COUNT(ccs); c++) {
        print_pair(ccs[c], ccs[c], 20, 20);
        print_pair(ccs[c], ccs[c], 100, 100);
        print_pair(ccs[c], ccs[c], 20, 100);
    }
    for (size_t c = 1; c < COUNT(ccs); c++)
        print_pair("cubic", ccs[c], 40, 40);
}

static void bloat_table(void)
{
    printf("## A queue that is too long\n\n10 Mbit/s, 20 ms, room for a second and a half (1.9 MB)."
           " 30 s.\n\n| | Mbit/s | median round trip | sent again |\n|---|--:|--:|--:|\n");
    for (size_t c = 0; c < COUNT(ccs); c++) {
        struct point pt = {
            .cc = ccs[c], .rate_mbit = 10, .rtt_ms = 20, .queue_bdp = 75, .seconds = 30};
        struct path_config config = config_of(&pt, 1);
        struct path_result result;

        run(&config, &result);
        printf("| %s | %.2f | %.0f ms | %u |\n", ccs[c], result.senders[0].goodput_bps / 1e6,
               result.senders[0].rtt_us / 1e3, result.senders[0].again);
    }
}

/* ---- short flows ---- */

#define SHORT_SEEDS 200U

/* From connect() to the last byte at the receiver, without loss: the handshake, then a window that
 * begins at ten segments and doubles (RFC 6928, RFC 5681). */
static double short_bound_ms(const struct point *pt)
{
    double segments = ceil((double)pt->bytes / PATH_MSS), rounds = 1.5;

    for (double window = 10; segments > window; window *= 2) {
        segments -= window;
        rounds++;
    }
    return rounds * pt->rtt_ms;
}

static void print_short(struct point pt)
{
    double times[SHORT_SEEDS];
    uint64_t timeouts = 0;

    pt.seconds = 300;
    for (uint64_t seed = 0; seed < SHORT_SEEDS; seed++) {
        struct path_config config = config_of(&pt, seed + 1);
        struct path_result result;
        run(&config, &result);
        times[seed] = (double)result.senders[0].finished_ns / 1e6;
        timeouts += result.senders[0].timeouts;
    }
    double middle = median(times, SHORT_SEEDS);
    printf("| %g KB | %g %% | %.0f | %.0f | %.0f | %.0f | %.2f |\n", (double)pt.bytes / 1e3,
           pt.loss_percent, short_bound_ms(&pt), middle, times[SHORT_SEEDS * 9 / 10],
           times[SHORT_SEEDS * 99 / 100], (double)timeouts / SHORT_SEEDS);
    fflush(stdout);
}

static void short_table(void)
{
    static const uint64_t sizes[] = {10000, 100000};

    printf(
        "## Short flows\n\n100 Mbit/s, 50 ms, cubic. Milliseconds from connect() to the last byte"
        " at the\nreceiver, of %u flows; the loss is on the way of the data, the SYN included.\n\n"
        "| bytes | loss | without loss | median | 90 %% | 99 %% | timeouts each |\n"
        "|--:|--:|--:|--:|--:|--:|--:|\n",
        SHORT_SEEDS);
    for (size_t s = 0; s < COUNT(sizes); s++)
        for (size_t l = 0; l < COUNT(losses); l++)
            print_short((struct point){.cc = "cubic",
                                       .rate_mbit = 100,
                                       .rtt_ms = 50,
                                       .queue_bdp = 1,
                                       .loss_percent = losses[l],
                                       .bytes = sizes[s]});
}

/* ---- the whole grid ---- */

static void whole_grid(void)
{
    for (size_t c = 0; c < COUNT(ccs); c++)
        for (size_t r = 0; r < COUNT(rates); r++)
            for (size_t q = 0; q < COUNT(queues); q++)
                for (size_t o = 0; o < COUNT(reorders); o++) {
                    printf("\n%s, %g Mbit/s, %g BDP, %s:\n", ccs[c], rates[r], queues[q],
                           reorders[o].name);
                    print_losses((struct point){.cc = ccs[c],
                                                .rate_mbit = rates[r],
                                                .queue_bdp = queues[q],
                                                .reorder = reorders[o]},
                                 COUNT(losses), losses);
                }
}

/* ---- one by itself ---- */

static double value_of(char **argv, const char *name, double otherwise)
{
    size_t len = strlen(name);
    for (; *argv; argv++)
        if (strncmp(*argv, name, len) == 0 && (*argv)[len] == '=')
            return strtod(*argv + len + 1, NULL);
    return otherwise;
}

static void one(char **argv)
{
    struct point pt = {.cc = "cubic",
                       .rate_mbit = value_of(argv, "rate", 100),
                       .rtt_ms = value_of(argv, "rtt", 50),
                       .queue_bdp = value_of(argv, "queue", 1),
                       .loss_percent = value_of(argv, "loss", 0),
                       .reorder = {"", (uint32_t)(value_of(argv, "reorder", 0) * 1e4),
                                   (uint64_t)(value_of(argv, "by", 3) * 1e6)},
                       .bytes = (uint64_t)value_of(argv, "bytes", 0)};
    struct path_result result;
    bool verbose = false;

    pt.seconds = value_of(argv, "seconds", seconds_for(&pt));
    for (char **arg = argv; *arg; arg++) {
        if (strncmp(*arg, "cc=", 3) == 0)
            pt.cc = *arg + 3;
        verbose = verbose || strcmp(*arg, "-v") == 0;
    }
    struct path_config config = config_of(&pt, (uint64_t)value_of(argv, "seed", 1));
    config.trace = verbose ? stdout : NULL;
    config.neck.loss_burst = (uint64_t)value_of(argv, "burst", 0);
    config.neck.jitter_ns = (uint64_t)(value_of(argv, "jitter", 0) * 1e6);
    config.back.loss_ppm = (uint32_t)(value_of(argv, "backloss", 0) * 1e4);
    config.back.jitter_ns = (uint64_t)(value_of(argv, "backjitter", 0) * 1e6);
    run(&config, &result);
    const struct path_sent *s = &result.senders[0];
    printf(
        "%.3f Mbit/s, bound %.3f (%.0f %%); of %llu packets %llu lost, %llu overflowed; again %u, "
        "timeouts %u, probes %u; round trip %.1f ms; finished after %.1f ms\n",
        s->goodput_bps / 1e6, bound_mbit(&pt), 100 * s->goodput_bps / 1e6 / bound_mbit(&pt),
        (unsigned long long)result.neck.sent, (unsigned long long)result.neck.lost,
        (unsigned long long)result.neck.overflowed, s->again, s->timeouts, s->probes,
        s->rtt_us / 1e3, (double)s->finished_ns / 1e6);
}

static const struct {
    const char *name;
    void (*print)(void);
} sections[] = {
    {"cubic", loss_cubic},       {"reno", loss_reno},     {"bbr", loss_bbr},
    {"reorder", reorder_tables}, {"queue", queue_tables}, {"loss-queue", loss_queue_table},
    {"fair", fairness_table},    {"bloat", bloat_table},  {"short", short_table},
};

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--one") == 0) {
        one(argv + 2);
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "--whole") == 0) {
        whole_grid();
        return 0;
    }
    for (size_t i = 0; i < COUNT(sections); i++)
        if (argc == 1 || strcmp(argv[1], sections[i].name) == 0) {
            if (argc == 1 && i > 0)
                putchar('\n');
            sections[i].print();
        }
    return 0;
}
