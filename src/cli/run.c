/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sockworks run: the options of struct run_config.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "run/run.h"

enum { NAMES = DNS_NAMES_MAX - 1 }; /* one is this host's */

/* What the options fill in. */
struct given {
    struct run_config config;
    const char *names[NAMES + 1]; /* NULL behind the last */
};

#define FIELD(member) offsetof(struct given, config.member)
#define CONDITION(member) offsetof(struct given, config.conditions.member)

/* Delays beyond this are a slip of the keyboard; the arithmetic of the link holds far more. */
#define DELAY_MAX_NS (3600ULL * 1000 * 1000 * 1000)
#define DEFAULT_REORDER_NS (1000ULL * 1000)

/* clang-format off */
static const struct option_def options[] = {
    {.kind = OPTION_HEADING, .help = "Conditions of the link between the programs, each way:"},
    {.name = "delay", .kind = OPTION_TIME, .field = CONDITION(delay_ns), .max = DELAY_MAX_NS,
     .help = "each packet takes this long, as 50ms"},
    {.name = "jitter", .kind = OPTION_TIME, .field = CONDITION(jitter_ns), .max = DELAY_MAX_NS,
     .help = "and up to this much longer, by chance; order is kept"},
    {.name = "loss", .kind = OPTION_PERCENT, .field = CONDITION(loss_ppm),
     .help = "this share of the packets is lost, as 2%"},
    {.name = "loss-burst", .kind = OPTION_NUMBER, .field = CONDITION(loss_burst), .min = 1, .max = 1000,
     .help = "in runs of this many packets on average (1)"},
    {.name = "duplicate", .kind = OPTION_PERCENT, .field = CONDITION(duplicate_ppm),
     .help = "this share arrives twice"},
    {.name = "reorder", .kind = OPTION_PERCENT, .field = CONDITION(reorder_ppm),
     .help = "this share arrives later than its turn"},
    {.name = "reorder-by", .kind = OPTION_TIME, .field = CONDITION(reorder_ns), .max = DELAY_MAX_NS,
     .help = "by this much (1ms)"},
    {.name = "corrupt", .kind = OPTION_PERCENT, .field = CONDITION(corrupt_ppm),
     .help = "this share has one bit flipped"},
    {.name = "mark", .kind = OPTION_PERCENT, .field = CONDITION(mark_ppm),
     .help = "this share of what is ECN-capable is marked: congestion experienced"},
    {.name = "rate", .kind = OPTION_RATE, .field = CONDITION(rate_bps), .min = 1,
     .help = "no more bits a second than this, as 10Mbit"},
    {.name = "queue", .kind = OPTION_BYTES, .field = CONDITION(queue_bytes), .min = 1500,
     .help = "room in front of --rate; what exceeds it is dropped (256K)"},
    {.name = "mark-queue", .kind = OPTION_BYTES, .field = CONDITION(mark_bytes), .min = 1,
     .help = "what is ECN-capable is marked behind a longer queue than this"},
    {.name = "mtu", .kind = OPTION_BYTES, .field = FIELD(mtu), .min = 1280, .max = 65535,
     .help = "bytes of the largest packet (1500 where there is a condition)"},
    {.name = "seed", .kind = OPTION_NUMBER, .field = FIELD(seed), .has_field = FIELD(has_seed),
     .help = "of all chance: the same seed, the same fate for each packet"},

    {.kind = OPTION_HEADING, .help = "The host that the programs share:"},
    {.name = "sysctl", .kind = OPTION_SETTINGS, .field = FIELD(sysctls), .max = RUN_SYSCTLS,
     .help = "a setting by sysctl's name, as net.ipv4.tcp_fastopen=3"},
    {.name = "proc-net", .kind = OPTION_FLAG, .field = FIELD(proc_net),
     .help = "programs find it in /proc/net, too: netstat, lsof -i; each file opened costs more"},

    {.kind = OPTION_HEADING, .help = "Names that every name server knows inside the run:"},
    {.name = "name", .kind = OPTION_WORDS, .field = offsetof(struct given, names), .max = NAMES,
     .help = "this one too, as db, or db=127.0.0.2; localhost and this host's are there"},

    {.kind = OPTION_HEADING, .help = "What is shown and recorded:"},
    {.name = "flow", .kind = OPTION_FLAG, .field = FIELD(flow),
     .help = "at the end, on stderr: calls and segments, side by side"},
    {.name = "trace", .kind = OPTION_FILE, .field = FIELD(trace_path),
     .help = "every event as one line of JSON"},
    {.name = "capture", .kind = OPTION_FILE, .field = FIELD(capture_path),
     .help = "every packet, as pcapng for tcpdump and Wireshark"},
    {.name = "stats", .kind = OPTION_FLAG, .field = FIELD(stats),
     .help = "at the end, on stderr: counters"},
    {.name = "json", .kind = OPTION_FLAG, .field = FIELD(json),
     .help = "the counters as JSON"},
    {.kind = OPTION_END},
};
/* clang-format on */

static bool conditioned(const struct run_config *config)
{
    const struct sw_link_conditions *c = &config->conditions;
    return c->delay_ns != 0 || c->jitter_ns != 0 || c->loss_ppm != 0 || c->duplicate_ppm != 0 ||
           c->reorder_ppm != 0 || c->corrupt_ppm != 0 || c->rate_bps != 0 || c->mark_ppm != 0 ||
           config->mtu != 0;
}

/* The names that were given, and this host's own. */
static int add_names(struct dns_names *names, const char *const *words, char *why)
{
    char own[DNS_NAME_MAX + 1] = "";

    for (size_t i = 0; words[i] != NULL; i++) {
        if (dns_names_add(names, words[i]) < 0) {
            snprintf(why, OPTION_WHY, "--name takes a name such as db or db=127.0.0.2, not '%.60s'",
                     words[i]);
            return -EINVAL;
        }
    }
    if (gethostname(own, sizeof(own) - 1) == 0)
        (void)dns_names_add(names, own); /* what is no good name cannot be asked for either */
    return 0;
}

static int cli_run_main(char **argv)
{
    struct given given = {0};
    char why[OPTION_WHY];
    bool help = false;

    int used = options_parse(options, &given, argv, &help, why);
    if (used < 0)
        return cli_wrong(&cli_run, why);
    if (help)
        return cli_print_help(&cli_run);
    struct run_config config = given.config;
    if (add_names(&config.names, given.names, why) < 0)
        return cli_wrong(&cli_run, why);
    config.argv = argv + used;
    if (config.argv[0] == NULL)
        return cli_wrong(&cli_run, "which program? As in: sockworks run -- curl http://127.0.0.1/");
    if (*config.argv[0] == '\0')
        return cli_wrong(&cli_run, "the name of the program is empty");
    if (config.conditions.queue_bytes != 0 && config.conditions.rate_bps == 0)
        return cli_wrong(&cli_run, "--queue is the queue in front of --rate; give both");
    if (config.conditions.mark_bytes != 0 && config.conditions.rate_bps == 0)
        return cli_wrong(&cli_run, "--mark-queue is about the queue in front of --rate; give both");
    if (config.conditions.loss_burst != 0 && config.conditions.loss_ppm == 0)
        return cli_wrong(&cli_run,
                         "--loss-burst says how long losses last; --loss how many: give both");
    if (config.conditions.reorder_ns != 0 && config.conditions.reorder_ppm == 0)
        return cli_wrong(&cli_run, "--reorder-by says how late; --reorder how many: give both");
    if (config.conditions.reorder_ppm != 0 && config.conditions.reorder_ns == 0)
        config.conditions.reorder_ns = DEFAULT_REORDER_NS;
    config.conditioned = conditioned(&config);
    if (config.json)
        config.stats = true;
    return run_main(&config);
}

const struct cli_command cli_run = {
    .name = "run",
    .usage = "[OPTIONS] [--] PROGRAM [ARG...]",
    .help = "Runs a program, and all it starts, on Sockworks' sockets.",
    .text = "Exit status: the program's; 128 + N if signal N ended it; 127 no such program;\n"
            "126 it cannot be executed; 125 this machine does not allow it (see doctor);\n"
            "2 a wrong option.\n",
    .options = options,
    .main = cli_run_main,
};
