/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sockworks: the command. Finds the subcommand in its table and hands it the rest of the line.
 */
#include <stdio.h>
#include <string.h>

#include <sockworks/sockworks.h>

#include "cli/cli.h"

const struct cli_command *const cli_commands[] = {&cli_run,  &cli_test,    &cli_doctor,
                                                  &cli_help, &cli_version, NULL};

static const struct cli_command *find_command(const char *name)
{
    for (size_t i = 0; cli_commands[i] != NULL; i++)
        if (strcmp(cli_commands[i]->name, name) == 0)
            return cli_commands[i];
    return NULL;
}

static const char *command_name(const void *ctx, size_t i)
{
    (void)ctx;
    return cli_commands[i] != NULL ? cli_commands[i]->name : NULL;
}

static void print_overview(FILE *out)
{
    fprintf(out, "Sockworks: sockets, whole, outside the kernel.\n\n"
                 "usage: sockworks COMMAND [OPTIONS] ...\n\n");
    for (size_t i = 0; cli_commands[i] != NULL; i++)
        fprintf(out, "  %-10s%s\n", cli_commands[i]->name, cli_commands[i]->help);
    fprintf(out, "\nTry: sockworks run -- PROGRAM\n"
                 "`sockworks COMMAND --help` says more of one, sockworks(1) of all.\n");
}

static int wrong_command(const char *name)
{
    const char *near = option_nearest(name, command_name, NULL);
    if (near != NULL)
        fprintf(stderr, "sockworks: there is no command '%.60s'; did you mean '%s'?\n", name, near);
    else
        fprintf(stderr,
                "sockworks: there is no command '%.60s'; `sockworks help` lists them, "
                "`sockworks run -- PROGRAM` runs a program\n",
                name);
    return CLI_EXIT_USAGE;
}

int cli_print_help(const struct cli_command *command)
{
    printf("usage: sockworks %s%s%s\n\n%s\n", command->name, *command->usage != '\0' ? " " : "",
           command->usage, command->help);
    if (command->text != NULL)
        printf("%s", command->text);
    if (command->options != NULL)
        options_print(command->options, stdout);
    return 0;
}

int cli_wrong(const struct cli_command *command, const char *why)
{
    fprintf(stderr, "sockworks %s: %s\n", command->name, why);
    return CLI_EXIT_USAGE;
}

bool cli_options_only(const struct cli_command *command, void *fields, char **argv, int *ret_status)
{
    static const struct option_def none[] = {{.kind = OPTION_END}};
    char why[OPTION_WHY];
    bool help = false;
    int used =
        options_parse(command->options != NULL ? command->options : none, fields, argv, &help, why);
    if (used >= 0 && !help && argv[used] != NULL) {
        snprintf(why, sizeof(why), "takes no further words, and '%.60s' is one", argv[used]);
        used = -1;
    }
    if (used < 0)
        *ret_status = cli_wrong(command, why);
    else if (help)
        *ret_status = cli_print_help(command);
    return used >= 0 && !help;
}

static int help_main(char **argv)
{
    if (argv[0] != NULL && argv[0][0] != '-') {
        const struct cli_command *command = find_command(argv[0]);
        return command != NULL ? cli_print_help(command) : wrong_command(argv[0]);
    }
    int status = 0;
    if (cli_options_only(&cli_help, NULL, argv, &status))
        print_overview(stdout);
    return status;
}

const struct cli_command cli_help = {
    .name = "help",
    .usage = "[COMMAND]",
    .help = "Says what there is, or how a command is used.",
    .main = help_main,
};

static int version_main(char **argv)
{
    int status = 0;
    if (cli_options_only(&cli_version, NULL, argv, &status))
        printf("sockworks %s\n", SW_VERSION);
    return status;
}

const struct cli_command cli_version = {
    .name = "version",
    .usage = "",
    .help = "Prints the version.",
    .main = version_main,
};

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_overview(stderr);
        return CLI_EXIT_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        name = "version";
    const struct cli_command *command = find_command(name);
    if (command == NULL)
        return wrong_command(name);
    return command->main(argv + 2);
}
