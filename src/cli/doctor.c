/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sockworks doctor: looks whether this machine can do what `run` needs.
 */
#include "cli/cli.h"
#include "run/run.h"

struct doctor_options {
    bool json;
};

static const struct option_def options[] = {
    {.kind = OPTION_HEADING, .help = "Options:"},
    {.name = "json",
     .kind = OPTION_FLAG,
     .field = offsetof(struct doctor_options, json),
     .help = "the same as JSON"},
    {.kind = OPTION_END},
};

static int doctor_main(char **argv)
{
    struct doctor_options fields = {0};
    int status = 0;
    if (cli_options_only(&cli_doctor, &fields, argv, &status))
        status = run_doctor(fields.json);
    return status;
}

const struct cli_command cli_doctor = {
    .name = "doctor",
    .usage = "[OPTIONS]",
    .help = "Says whether this machine can run programs on Sockworks, and why not.",
    .text = "Exit status: 0 it can, 1 it cannot.\n",
    .options = options,
    .main = doctor_main,
};
