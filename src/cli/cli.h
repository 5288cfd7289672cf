/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command: one table of subcommands (main.c), one file for each.
 */
#ifndef SW_CLI_CLI_H
#define SW_CLI_CLI_H

#include "cli/option.h"

struct cli_command {
    const char *name;
    const char *usage;                /* what follows "sockworks NAME" */
    const char *help;                 /* one line */
    const char *text;                 /* more, for --help; or NULL */
    const struct option_def *options; /* NULL: none */
    int (*main)(char **argv);         /* words behind the name; returns the exit status */
};

extern const struct cli_command cli_run, cli_test, cli_doctor, cli_help, cli_version;
extern const struct cli_command *const cli_commands[]; /* ends in NULL */

/* Exit status of a command line that is wrong. */
#define CLI_EXIT_USAGE 2

/* `--help` of a subcommand, on stdout; 0. */
int cli_print_help(const struct cli_command *command);

/* One line on stderr: "sockworks NAME: WHY". Returns CLI_EXIT_USAGE. */
int cli_wrong(const struct cli_command *command, const char *why);

/* Reads the options of a subcommand that takes no further words. True: go on; else *ret_status is
 * what to exit with. */
bool cli_options_only(const struct cli_command *command, void *fields, char **argv,
                      int *ret_status);

#endif
