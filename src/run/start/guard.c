/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guardian: a process that does nothing but wait.
 *
 * It is what the shell started; the supervisor is its child. Both are subreapers (prctl(2)), so
 * however one of them ends, the other still has every process of the run below it: if the
 * supervisor dies of a signal, the guardian ends the programs, which would otherwise get ENOSYS
 * from every socket call; if the guardian dies, the supervisor sees the end of their pipe and does
 * the same.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "run/start/guard.h"

static const int passed_on[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM};

void guard_signals(sigset_t *ret_set)
{
    sigemptyset(ret_set);
    for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
        sigaddset(ret_set, passed_on[i]);
}

void guard_blocked(sigset_t *ret_set)
{
    static const int open[] = {SIGSEGV, SIGBUS,  SIGILL,  SIGFPE,  SIGTRAP, SIGABRT,
                               SIGSYS,  SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT};
    sigfillset(ret_set);
    for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++)
        sigdelset(ret_set, open[i]);
}

/* Visits the children of a process, thread by thread, the youngest first:
 * "/proc/PID/task/TID/children" (proc(5)). */
void guard_each_below(pid_t pid, guard_each_fn *visit, void *ctx)
{
    char path[300], text[16384];

    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    if (tasks == NULL)
        return;
    for (struct dirent *e; (e = readdir(tasks)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "/proc/%d/task/%s/children", (int)pid, e->d_name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            continue;
        ssize_t n = read(fd, text, sizeof(text) - 1);
        close(fd);
        text[n > 0 ? n : 0] = '\0';
        char *next = text;
        for (long child; (child = strtol(next, &next, 10)) > 0;) {
            guard_each_below((pid_t)child, visit, ctx);
            visit((pid_t)child, ctx);
        }
    }
    closedir(tasks);
}

static void send_signal(pid_t pid, void *ctx)
{
    kill(pid, *(const int *)ctx);
}

void guard_signal_all(int sig)
{
    guard_each_below(getpid(), send_signal, &sig);
}

/* The supervisor is gone; what it ran has come to us. */
static void end_orphans(void)
{
    struct timespec pause = {.tv_nsec = 10000000};
    for (int tries = 0; tries < 500; tries++) {
        guard_signal_all(SIGKILL);
        pid_t pid;
        while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
            ;
        if (pid < 0)
            return;
        nanosleep(&pause, NULL);
    }
}

/* Takes what has ended. True: the supervisor was among it. */
static bool reap(pid_t supervisor, int *ret_status)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        if (pid == supervisor) {
            *ret_status = status;
            return true;
        }
    }
    return false;
}

int guard_main(pid_t supervisor, int fd)
{
    sigset_t wait_for;
    siginfo_t info;
    int status;

    guard_signals(&wait_for);
    sigaddset(&wait_for, SIGCHLD);
    while (!reap(supervisor, &status)) {
        int sig = sigwaitinfo(&wait_for, &info);
        if (sig <= 0 || sig == SIGCHLD)
            continue;
        unsigned char byte = (unsigned char)sig;
        if (info.si_code == SI_KERNEL)
            byte |= GUARD_FROM_TERMINAL;
        (void)!write(fd, &byte, 1);
    }
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    fprintf(stderr, "sockworks: the supervisor died (%s); the programs end with it\n",
            strsignal(WTERMSIG(status)));
    end_orphans();
    return 128 + WTERMSIG(status);
}
