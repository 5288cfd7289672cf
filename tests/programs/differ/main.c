/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * differ [--list | NAME...]: runs the scenarios, sixteen at a time, and prints what each of them
 * printed in the order of the tables. A scenario that does not end is killed and says so.
 */
#include "differ.h"

#include <signal.h>
#include <time.h>

enum { AT_ONCE = 16, DEADLINE_S = 20, NAME_BYTES = 64, MAX_RUNS = 1024 };

struct run {
    char name[NAME_BYTES];
    const struct scenario *scenario;
    int family;
    FILE *output;
    pid_t pid;
    int status;
};

static struct run runs[MAX_RUNS];
static int run_count;

static void add(const struct scenario *s, int bit, int run_family, const char *suffix)
{
    if (!(s->families & bit) || run_count == MAX_RUNS)
        return;
    struct run *run = &runs[run_count++];
    run->scenario = s;
    run->family = run_family;
    snprintf(run->name, sizeof run->name, "%s/%s", s->name, suffix);
}

static void add_all(void)
{
    const struct scenario *tables[] = {
        open_scenarios,        listen_scenarios,    connect_scenarios, close_scenarios,
        data_scenarios,        inq_scenarios,       option_scenarios,  udp_scenarios,
        udp_message_scenarios, udp_join_scenarios,  udp_way_scenarios, filter_scenarios,
        control_scenarios,     interface_scenarios, ready_scenarios,   process_scenarios,
        argument_scenarios,    reuseport_scenarios, choose_scenarios,  extension_scenarios,
        flow_label_scenarios,  route_scenarios,     arrive_scenarios,  diag_scenarios,
        sent_scenarios,        zone_scenarios};
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const struct scenario *s = tables[t]; s->name; s++) {
            add(s, V4, AF_INET, "4");
            add(s, V6, AF_INET6, "6");
        }
}

static bool wanted(const struct run *run, int argc, char **argv)
{
    if (argc < 2)
        return true;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], run->name) == 0 || strcmp(argv[i], run->scenario->name) == 0)
            return true;
    return false;
}

static void start(struct run *run)
{
    run->output = tmpfile();
    if (!run->output) {
        perror("tmpfile");
        exit(2);
    }
    run->pid = fork();
    if (run->pid != 0)
        return;
    setpgid(0, 0);
    dup2(fileno(run->output), STDOUT_FILENO);
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    family = run->family;
    run->scenario->run();
    fflush(stdout);
    _exit(0);
}

/* Waits for one of the scenarios that are under way, or for a second. */
static void reap(const time_t *started_s)
{
    int status;
    pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid <= 0)
        usleep(10000);
    for (int i = 0; i < run_count; i++) {
        if (runs[i].pid == pid && pid > 0) {
            runs[i].status = status;
            kill(-pid, SIGKILL);
            runs[i].pid = 0;
        }
        if (runs[i].pid > 0 && time(NULL) - started_s[i] > DEADLINE_S)
            kill(-runs[i].pid, SIGKILL);
    }
}

static int running(void)
{
    int count = 0;
    for (int i = 0; i < run_count; i++)
        count += runs[i].pid > 0;
    return count;
}

static void print(struct run *run)
{
    char line[1024];
    rewind(run->output);
    while (fgets(line, sizeof line, run->output))
        printf("%s: %s", run->name, line);
    if (WIFSIGNALED(run->status))
        printf("%s: DID NOT END: signal %d\n", run->name, WTERMSIG(run->status));
    else if (WEXITSTATUS(run->status) != 0)
        printf("%s: STOPPED: exit status %d\n", run->name, WEXITSTATUS(run->status));
    fclose(run->output);
}

int main(int argc, char **argv)
{
    static time_t started_s[MAX_RUNS];

    if (argc == 3 && strcmp(argv[1], "--inherited") == 0)
        return inherited(atoi(argv[2]));
    add_all();
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (int i = 0; i < run_count; i++)
            printf("%s\n", runs[i].name);
        return 0;
    }
    for (int i = 0; i < run_count; i++) {
        if (!wanted(&runs[i], argc, argv))
            continue;
        while (running() >= AT_ONCE)
            reap(started_s);
        started_s[i] = time(NULL);
        start(&runs[i]);
    }
    while (running() > 0)
        reap(started_s);
    for (int i = 0; i < run_count; i++)
        if (runs[i].output)
            print(&runs[i]);
    return 0;
}
