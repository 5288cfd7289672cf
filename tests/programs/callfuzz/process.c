/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors that go round: dup2, dup3, F_DUPFD, close_range, SCM_RIGHTS; children that call on
 * what they inherit, by fork() or beyond exec(); calls that block until a signal comes; threads.
 *
 * A child has numbers of its own out of one of the seed's, and its parent waits for it: so both do
 * the same whatever the other one does.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "callfuzz.h"

enum { CHILD_CALLS = 5, PASSED_MIN = 20, BLOCKED_MS = 15, THREADS = 3, THREAD_CALLS = 60 };

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif

/* ---- descriptors -------------------------------------------------------------------------- */

/* Mostly one that is open: these calls are few. Its place in slots. */
static int an_open_one(void)
{
    int i = (int)below(MAX_SLOTS), n = once_in(20) ? 0 : MAX_SLOTS;
    for (; n > 0 && slots[i] < 0; n--)
        i = (i + 1) % MAX_SLOTS;
    return i;
}

/* Onto one that is there already. */
static void call_dup_onto(void)
{
    static const int odd[] = {O_CLOEXEC, O_CLOEXEC, 0, O_NONBLOCK, -1};
    bool three = once_in(2);
    int fd = slots[an_open_one()], to = slots[an_open_one()];

    int flags = three ? PICK(odd) : 0;
    say("%s(%d, %d, 0x%x", three ? "dup3" : "dup2", fd, to, (unsigned)flags);
    result_of(three ? SYS_dup3 : SYS_dup2, (uint64_t)fd, (uint64_t)to, (uint64_t)(int64_t)flags, 0,
              0, 0);
}

static void call_dup_above(void)
{
    int command = once_in(2) ? F_DUPFD : F_DUPFD_CLOEXEC;
    int least = PASSED_MIN + (int)below(10);

    int fd = slots[an_open_one()];
    a_slot();
    say("fcntl(%d, %d, %d", fd, command, least);
    keep((int)result_of(SYS_fcntl, (uint64_t)fd, (uint64_t)command, (uint64_t)least, 0, 0, 0));
}

static void call_close_range(void)
{
    int first = slots[an_open_one()], last = slots[an_open_one()];
    int flags = once_in(2) ? CLOSE_RANGE_CLOEXEC : 0;

    if (first < 0 || once_in(2))
        first = last; /* mostly one alone, or little remains */
    say("close_range(%d, %d, %d", first, last, flags);
    if (first < 0) { /* would be the whole table */
        say(") no");
        return;
    }
    result_of(SYS_close_range, (uint64_t)first, (uint64_t)last, (uint64_t)flags, 0, 0, 0);
    for (int i = 0; i < MAX_SLOTS; i++)
        if (flags == 0 && slots[i] >= first && slots[i] <= last)
            slots[i] = -1;
}

/* Through a socketpair(); the number that comes out, or -1. */
static int pass(int fd, bool close_first)
{
    int ends[2], got = -1;
    char byte = 'x', control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec iov = {&byte, 1};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control,
                       .msg_controllen = sizeof(control)};
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        return -1;
    *h = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(h), &fd, sizeof(fd));
    if (sendmsg(ends[0], &m, MSG_DONTWAIT) == 1) {
        if (close_first)
            close(fd);
        m.msg_controllen = sizeof(control);
        if (recvmsg(ends[1], &m, MSG_DONTWAIT) == 1 && m.msg_controllen >= CMSG_LEN(sizeof(int)))
            memcpy(&got, CMSG_DATA(h), sizeof(got));
    }
    close(ends[0]);
    close(ends[1]);
    return got;
}

/* To itself; what is passed may be closed while it is under way. */
static void call_pass(void)
{
    int i = an_open_one(), fd = slots[i];
    bool close_first = once_in(3);

    if (close_first && fd >= 0)
        slots[i] = -1;
    a_slot();
    say("pass(%d, %d", fd, close_first);
    int got = fd >= 0 ? pass(fd, close_first) : -1;
    say(") = %d", got);
    keep(got);
    settle();
}

void call_descriptor(void)
{
    static void (*const calls[])(void) = {call_dup_onto, call_dup_above, call_close_range,
                                          call_pass, call_pass};
    PICK(calls)();
}

/* ---- processes ---------------------------------------------------------------------------- */

/* What the child of call number `number` does. */
static void child_calls(uint32_t number, uint64_t seed)
{
    seed_from(seed);
    uint32_t calls = 1 + below(CHILD_CALLS);
    for (uint32_t i = 0; i < calls; i++) {
        args_begin();
        say("%u.%u ", number, i);
        call_plain();
        end_line();
    }
}

static void wait_for(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (WIFSIGNALED(status))
        say(" killed by signal %d", WTERMSIG(status));
    settle();
}

static void call_fork(uint32_t number)
{
    uint64_t seed = below(UINT32_MAX);

    say("fork() = 0");
    end_line();
    pid_t child = fork();
    if (child == 0) {
        guard_against_hanging();
        child_calls(number, seed);
        _exit(0);
    }
    wait_for(child);
    say("%u wait() = 0", number);
}

/* The child is another program, with what is not close-on-exec; it is told the rest. */
static void call_exec(uint32_t number)
{
    char texts[4][24], numbers[16 * MAX_SLOTS] = "";
    size_t used = 0;
    bool share = once_in(2);

    for (int i = 0; i < MAX_SLOTS; i++) {
        if (slots[i] >= 0 && once_in(3))
            fcntl(slots[i], F_SETFD, once_in(2) ? FD_CLOEXEC : 0);
        used += (size_t)snprintf(numbers + used, sizeof(numbers) - used, "%d ", slots[i]);
    }
    snprintf(texts[0], sizeof(texts[0]), "%u", number);
    snprintf(texts[1], sizeof(texts[1]), "%u", below(UINT32_MAX));
    snprintf(texts[2], sizeof(texts[2]), "%d", seed_family);
    snprintf(texts[3], sizeof(texts[3]), "%d", first_port);
    char *argv[] = {"callfuzz", "--exec", texts[0], texts[1], texts[2], texts[3], numbers, NULL};
    say("exec(%d) = 0", share);
    end_line();
    pid_t child = share ? vfork() : fork();
    if (child == 0) {
        execv("/proc/self/exe", argv);
        _exit(1);
    }
    wait_for(child);
    say("%u wait() = 0", number);
}

void exec_begin(char **argv)
{
    args_open();
    seed_family = atoi(argv[4]);
    first_port = (uint16_t)atoi(argv[5]);
    for (int i = 0; i < MAX_SLOTS; i++)
        slots[i] = (int)strtol(argv[6], &argv[6], 10);
    child_calls((uint32_t)atoi(argv[2]), strtoull(argv[3], NULL, 10));
}

void call_process(uint32_t number)
{
    if (once_in(3))
        call_exec(number);
    else
        call_fork(number);
}

/* ---- blocking ----------------------------------------------------------------------------- */

static int made_nonblocking; /* by the signal's handler; -1: it does not */

static void woken(int sig)
{
    (void)sig;
    if (made_nonblocking >= 0)
        fcntl(made_nonblocking, F_SETFL, O_RDWR | O_NONBLOCK);
}

/* A signal that comes while a call blocks, and again, should it have come before: it ends the call,
 * or (SA_RESTART) makes the descriptor non-blocking, which the call finds when it begins again. */
static void set_signal(bool restart, int fd)
{
    struct sigaction action = {.sa_handler = woken, .sa_flags = restart ? SA_RESTART : 0};
    made_nonblocking = restart ? fd : -1;
    sigaction(SIGUSR1, &action, NULL);
}

static timer_t timer;
static bool has_timer;

static void set_timer(long ms)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct timespec every = {.tv_nsec = ms * 1000000};
    struct itimerspec at = {every, every};
    if (!has_timer)
        has_timer = timer_create(CLOCK_MONOTONIC, &event, &timer) == 0;
    timer_settime(timer, 0, &at, NULL);
}

void call_blocking(void)
{
    static const long calls[] = {SYS_read,    SYS_recvfrom, SYS_accept,
                                 SYS_accept4, SYS_recvfrom, SYS_recvmsg};
    static const char *const names[] = {"read",    "recvfrom", "accept",
                                        "accept4", "recvfrom", "recvmsg"};
    uint32_t which = below(6);
    bool restart = once_in(2);
    struct area *data = good_memory(PASSED_MIN), *length = NULL, *from = NULL;

    if (which == 2 || which == 3)
        a_slot();
    int fd = slots[an_open_one()];
    struct iovec iov = {data->mine, data->len};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    uint64_t second = data->at, third = data->len, fifth = 0, sixth = 0;
    if (which == 2 || which == 3)
        second = third = 0;
    if (which == 5) {
        second = (uint64_t)(uintptr_t)&m;
        third = 0;
    }
    if (which == 4) {
        int len = sizeof(struct sockaddr_in6);
        from = good_memory(sizeof(struct sockaddr_in6));
        length = good_memory(sizeof(len));
        memcpy(length->mine, &len, sizeof(len));
        fifth = from->at;
        sixth = length->at;
    }
    set_signal(restart, fd);
    fcntl(fd, F_SETFL, O_RDWR);
    set_timer(BLOCKED_MS);
    say("%s(%d, blocking%s", names[which], fd, restart ? ", restarted" : "");
    long r = result_of(calls[which], (uint64_t)fd, second, third, 0, fifth, sixth);
    set_timer(0);
    made_nonblocking = -1;
    fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
    if (which == 2 || which == 3)
        keep((int)r);
    else if (r > 0)
        show_changed("data", data, (size_t)r);
    if (r >= 0)
        show_address(from, length);
}

/* ---- threads ------------------------------------------------------------------------------ */

static void *thread_calls(void *seed)
{
    seed_from((uint64_t)(uintptr_t)seed);
    for (int i = 0; i < THREAD_CALLS; i++) {
        args_begin();
        if (once_in(4))
            call_descriptor();
        else
            call_plain();
        forget_line();
    }
    return NULL;
}

/* A call may block: on a number that was another's a moment ago, not yet made non-blocking. */
static void join(const pthread_t *threads)
{
    for (int i = 0; i < THREADS; i++) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec++;
        while (pthread_timedjoin_np(threads[i], NULL, &until) == ETIMEDOUT) {
            pthread_kill(threads[i], SIGUSR1);
            clock_gettime(CLOCK_REALTIME, &until);
            until.tv_nsec = until.tv_nsec + 10000000 < 1000000000 ? until.tv_nsec + 10000000 : 0;
            until.tv_sec += until.tv_nsec == 0;
        }
    }
}

void call_threads(void)
{
    pthread_t threads[THREADS];
    uint64_t seed = below(UINT32_MAX);

    set_signal(false, -1);
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, thread_calls, (void *)(uintptr_t)(seed + i));
    join(threads);
    say("threads() = 0");
}
