/* SPDX-License-Identifier: BSD-2-Clause */
/* callfuzz FIRST COUNT [CALLS]: seeds FIRST to FIRST + COUNT - 1, each in a process of its own. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "callfuzz.h"

enum { CALLS = 40, SEED_SECONDS = 20, SETTLE_CALLS = 4, BASE_PORT = 10000, PORT_BLOCKS = 5000 };

static _Thread_local uint64_t state;
static volatile sig_atomic_t pipes;
static _Thread_local char line[16384];
static _Thread_local size_t used;

/* splitmix64. */
static uint64_t next(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

uint32_t below(uint32_t n)
{
    return (uint32_t)(next() % n);
}

bool once_in(uint32_t n)
{
    return below(n) == 0;
}

void say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line + used, sizeof(line) - used, format, args);
    va_end(args);
    used += (size_t)n < sizeof(line) - used ? (size_t)n : sizeof(line) - used - 1;
}

void end_line(void)
{
    line[used++] = '\n';
    for (size_t done = 0; done < used;) {
        ssize_t n = write(STDOUT_FILENO, line + done, used - done);
        if (n <= 0)
            _exit(1);
        done += (size_t)n;
    }
    used = 0;
}

void forget_line(void)
{
    used = 0;
}

void seed_from(uint64_t seed)
{
    state = seed;
}

/* Under Sockworks each of these is a turn of its loop, before which all that was written is read
 * and all packets have arrived. The kernel's loopback is at rest when a call returns. */
void settle(void)
{
    for (int i = 0; i < SETTLE_CALLS; i++)
        syscall(SYS_getsockname, -1, 0, 0);
}

long result_of(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
    pipes = 0;
    long r = syscall(number, a, b, c, d, e, f);
    if (r < 0)
        say(") = %s", strerrorname_np(errno) != NULL ? strerrorname_np(errno) : "an unknown error");
    else
        say(") = %ld", r);
    if (pipes != 0)
        say(" SIGPIPE");
    settle();
    return r;
}

static void count_pipe(int sig)
{
    (void)sig;
    pipes++;
}

static void hang(int sig)
{
    static const char text[] = "\nHANG\n";
    (void)sig;
    (void)!write(STDOUT_FILENO, line, used);
    (void)!write(STDOUT_FILENO, text, sizeof(text) - 1);
    _exit(1);
}

void guard_against_hanging(void)
{
    signal(SIGPIPE, count_pipe);
    signal(SIGALRM, hang);
    signal(SIGURG, SIG_IGN);
    signal(SIGIO, SIG_IGN);
    alarm(SEED_SECONDS);
}

static void run_seed(uint32_t seed, uint32_t calls)
{
    guard_against_hanging();
    seed_from(seed);
    first_port = (uint16_t)(BASE_PORT + seed % PORT_BLOCKS * N_PORTS);
    args_open();
    call_setup();
    for (uint32_t i = 0; i < calls; i++) {
        args_begin();
        say("%u ", i);
        call_something(i);
        end_line();
    }
    if (once_in(4)) { /* last: what is left of them is left to chance */
        say("%u ", calls);
        call_threads();
        end_line();
    }
}

int main(int argc, char **argv)
{
    if (argc == 7 && strcmp(argv[1], "--exec") == 0) {
        guard_against_hanging();
        exec_begin(argv);
        return 0;
    }
    if (argc < 3) {
        fprintf(stderr, "usage: callfuzz FIRST COUNT [CALLS]\n");
        return 2;
    }
    uint32_t first = (uint32_t)strtoul(argv[1], NULL, 10),
             count = (uint32_t)strtoul(argv[2], NULL, 10);
    uint32_t calls = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : CALLS;
    for (uint32_t seed = first; seed < first + count; seed++) {
        say("seed %u", seed);
        end_line();
        int status = 0;
        pid_t child = fork();
        if (child == 0) {
            run_seed(seed, calls);
            _exit(0);
        }
        waitpid(child, &status, 0);
        if (WIFSIGNALED(status)) {
            say("killed by signal %d", WTERMSIG(status));
            end_line();
        }
    }
    return 0;
}
