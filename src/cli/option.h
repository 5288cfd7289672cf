/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One table of options for each subcommand. The parser, `--help` and the test that holds the manual
 * page to it all read the same table, so they cannot drift apart.
 */
#ifndef SW_CLI_OPTION_H
#define SW_CLI_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What an option's argument is, and the type of the field that takes it. */
enum option_kind {
    OPTION_END,      /* closes a table */
    OPTION_HEADING,  /* a line in --help: only `help` is set */
    OPTION_FLAG,     /* bool; no argument */
    OPTION_TIME,     /* uint64_t, nanoseconds: 50ms, 1.5s, 20us, 100ns */
    OPTION_PERCENT,  /* uint32_t, parts per million: 2%, 0.01% */
    OPTION_RATE,     /* uint64_t, bits per second: 10Mbit, 1.5Gbit */
    OPTION_BYTES,    /* uint32_t: 1500, 64K, 1M */
    OPTION_NUMBER,   /* uint64_t: 42, 0x2a */
    OPTION_FILE,     /* const char * */
    OPTION_SETTINGS, /* const char *[max + 1], NULL behind the last: NAME=VALUE, given up to `max`
                        times */
    OPTION_WORDS,    /* the same: any word */
};

struct option_def {
    const char *name; /* without its two hyphens */
    enum option_kind kind;
    const char *help;  /* one line */
    size_t field;      /* offset of the value in the subcommand's structure */
    size_t has_field;  /* offset of a bool that says it was given; 0: none */
    uint64_t min, max; /* of numeric kinds; max 0: as much as the field holds */
};

/* The units. Each returns 0, or -EINVAL (not of that form), or -ERANGE, and then leaves *ret alone.
 */
int option_parse_time(const char *text, uint64_t *ret_ns);
int option_parse_percent(const char *text, uint32_t *ret_ppm);
int option_parse_rate(const char *text, uint64_t *ret_bps);
int option_parse_bytes(const char *text, uint32_t *ret_bytes);
int option_parse_number(const char *text, uint64_t *ret_number);

/* Reads the options at the front of argv (which ends in NULL), up to `--`, which it skips, or the
 * first word that is no option. Returns how many words it used; or -EINVAL with one line in `why`
 * that says what was wrong and what would be right. `-h` and `--help` set *ret_help. */
#define OPTION_WHY 256
int options_parse(const struct option_def *table, void *fields, char **argv, bool *ret_help,
                  char why[OPTION_WHY]);

/* The options of a table, as `--help` shows them. */
void options_print(const struct option_def *table, FILE *out);

/* The word among `n` (`next(ctx, i)`) that was probably meant by `word`, or NULL. */
const char *option_nearest(const char *word, const char *(*next)(const void *ctx, size_t i),
                           const void *ctx);

#endif
