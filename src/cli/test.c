/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sockworks test: scripts in the field's test language, each on a host of its own in virtual time.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "script/script.h"

#define SCRIPT_BYTES_MAX (4UL << 20)

struct test_options {
    bool json, verbose, quiet, ipv6, mapped;
};

#define FIELD(member) offsetof(struct test_options, member)

/* clang-format off */
static const struct option_def options[] = {
    {.kind = OPTION_HEADING, .help = "Options:"},
    {.name = "ipv6", .kind = OPTION_FLAG, .field = FIELD(ipv6),
     .help = "IPv6, where the script does not say; MTU 1520"},
    {.name = "ipv4-mapped", .kind = OPTION_FLAG, .field = FIELD(mapped),
     .help = "IPv4 to sockets of IPv6"},
    {.name = "verbose", .kind = OPTION_FLAG, .field = FIELD(verbose),
     .help = "all that happens, also where a script passes"},
    {.name = "quiet", .kind = OPTION_FLAG, .field = FIELD(quiet),
     .help = "one line for each script that does not pass, and the count"},
    {.name = "json", .kind = OPTION_FLAG, .field = FIELD(json),
     .help = "the results as JSON"},
    {.kind = OPTION_END},
};
/* clang-format on */

struct tally {
    unsigned count[SCRIPT_SYNTAX + 1];
    unsigned unreadable;
    json_t *list;
};

/* The whole file, or NULL and errno. */
static char *read_file(const char *path, size_t *ret_len)
{
    FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (in == NULL)
        return NULL;
    char *text = malloc(SCRIPT_BYTES_MAX);
    size_t len = text != NULL ? fread(text, 1, SCRIPT_BYTES_MAX, in) : 0;
    int err = ferror(in) ? errno : len == SCRIPT_BYTES_MAX ? EFBIG : 0;
    if (in != stdin)
        fclose(in);
    if (text == NULL || err != 0) {
        free(text);
        errno = text == NULL ? ENOMEM : err;
        return NULL;
    }
    *ret_len = len;
    return text;
}

static void add_json(struct tally *tally, const char *path, const struct script_result *result)
{
    json_t *one = json_pack("{s:s, s:s, s:i, s:i, s:i, s:f}", "script", path, "result",
                            script_verdict_name(result->verdict), "calls", (int)result->calls,
                            "packets", (int)result->packets, "assertions", (int)result->codes,
                            "seconds", (double)result->virtual_ns / 1e9);
    if (result->message != NULL) {
        json_object_set_new(one, "line", json_integer(result->line));
        json_object_set_new(one, "column", json_integer(result->column));
        json_object_set_new(one, "message", json_string(result->message));
    }
    if (result->detail != NULL)
        json_object_set_new(one, "detail", json_string(result->detail));
    json_array_append_new(tally->list, one);
}

static void print_result(const struct test_options *fields, const char *path,
                         const struct script_result *result)
{
    if (result->verdict == SCRIPT_PASSED) {
        if (!fields->quiet)
            printf("%s: passed (%u calls, %u packets, %.3f s)\n", path, result->calls,
                   result->packets, (double)result->virtual_ns / 1e9);
    } else {
        printf("%s:%u:%u: %s: %s\n", path, result->line, result->column,
               script_verdict_name(result->verdict),
               result->message != NULL ? result->message : "");
    }
    if (result->detail != NULL && !fields->quiet)
        printf("%s", result->detail);
}

static void run_file(const struct test_options *fields, const char *path, struct tally *tally)
{
    struct script_config config = {.verbose = fields->verbose};
    struct script_result result;
    size_t len;

    if (fields->ipv6 || fields->mapped)
        config.options[0] = fields->ipv6 ? "--ip_version=ipv6" : "--ip_version=ipv4-mapped-ipv6";
    if (fields->ipv6)
        config.options[1] = "--mtu=1520"; /* so that segments are as large as in IPv4 */
    char *text = read_file(path, &len);
    if (text == NULL) {
        fprintf(stderr, "sockworks test: %s: %s\n", path, strerror(errno));
        tally->unreadable++;
        return;
    }
    script_run(text, len, &config, &result);
    tally->count[result.verdict]++;
    if (tally->list != NULL)
        add_json(tally, path, &result);
    else
        print_result(fields, path, &result);
    script_result_fini(&result);
    free(text);
}

static void print_tally(const struct tally *tally)
{
    const unsigned *n = tally->count;
    printf("%u passed, %u failed", n[SCRIPT_PASSED], n[SCRIPT_FAILED]);
    if (n[SCRIPT_UNSUPPORTED] > 0)
        printf(", %u use what is not supported", n[SCRIPT_UNSUPPORTED]);
    if (n[SCRIPT_SYNTAX] > 0)
        printf(", %u wrong in themselves", n[SCRIPT_SYNTAX]);
    printf("\n");
}

static int test_main(char **argv)
{
    struct test_options fields = {0};
    char why[OPTION_WHY];
    bool help = false;
    int used = options_parse(options, &fields, argv, &help, why);
    if (used < 0)
        return cli_wrong(&cli_test, why);
    if (help)
        return cli_print_help(&cli_test);
    if (argv[used] == NULL)
        return cli_wrong(&cli_test, "which script? As in: sockworks test handshake.pkt");
    if (fields.ipv6 && fields.mapped)
        return cli_wrong(&cli_test, "--ipv6 or --ipv4-mapped, not both");

    struct tally tally = {.list = fields.json ? json_array() : NULL};
    for (char **path = argv + used; *path != NULL; path++)
        run_file(&fields, *path, &tally);
    if (fields.json) {
        json_dumpf(tally.list, stdout, JSON_INDENT(2));
        printf("\n");
        json_decref(tally.list);
    } else {
        print_tally(&tally);
    }
    if (tally.unreadable + tally.count[SCRIPT_UNSUPPORTED] + tally.count[SCRIPT_SYNTAX] > 0)
        return CLI_EXIT_USAGE;
    return tally.count[SCRIPT_FAILED] > 0 ? 1 : 0;
}

const struct cli_command cli_test = {
    .name = "test",
    .usage = "[OPTIONS] FILE.pkt...",
    .help = "Runs scripts of packets and calls on the stack, in virtual time.",
    .text = "FILE may be - for standard input. Exit status: 0 all passed; 1 one failed;\n"
            "2 one cannot be read, is wrong, or uses what is not supported.\n",
    .options = options,
    .main = test_main,
};
