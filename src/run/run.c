/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The run: set-up, the loop, the end.
 *
 * One thread, one epoll. A turn of the loop: packets move until they stand still; sleep until
 * something happens or a timer is due; bytes and hang-ups of far ends first, then at most one
 * system call. That order matters: what a program did before a call (wrote, closed) has reached our
 * ready list before the call did, and must be seen before it: else a port that was just closed
 * would still be taken.
 *
 * The run lasts until the last process below us has ended; its status is that of the program
 * itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"
#include "run/record.h"
#include "run/run.h"
#include "run/standin/alive.h"
#include "run/standin/park.h"
#include "run/start/guard.h"
#include "run/start/inherit.h"
#include "run/start/spawn.h"
#include "run/stats.h"

enum { EVENTS = 256, BATCHES = 64, EXIT_CANNOT = 125, MEET_BACKLOG = 4096 };
enum { KEPT_BYTES = 16 * 1024 * 1024, PAD_BYTES = 512 * 1024 };
enum { DESCRIPTORS = 1 << 20 }; /* Linux's default of fs.nr_open, beyond which nobody may */

#define PATIENCE_NS 2000000000ULL /* between SIGTERM and SIGKILL for what remains */
#define LINGER_NS 1000000000ULL   /* after the last program, where it is recorded */
#define AGAIN_NS 100000000ULL     /* SIGKILL again: something may have forked meanwhile */
#define HINT_NS 2000000000ULL     /* what runs on so long after the program is worth a word */

static int cannot(const char *what, int err)
{
    fprintf(stderr, "sockworks: %s: %s\n", what, strerror(err));
    return -err;
}

/* ---- set-up ---- */

static int watch(struct run *run, int fd, enum run_event event)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.u64 = event};
    return epoll_ctl(run->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

static int open_meet(struct run *run)
{
    struct sockaddr_un addr;
    struct stat st;

    run->meet_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    name_make(run, run->meet_name);
    socklen_t len = name_addr(run->meet_name, &addr);
    if (run->meet_fd < 0 || bind(run->meet_fd, (struct sockaddr *)&addr, len) < 0 ||
        listen(run->meet_fd, MEET_BACKLOG) < 0 || fstat(run->meet_fd, &st) < 0)
        return -errno;
    run->sock_dev = st.st_dev;
    return 0;
}

static int open_descriptors(struct run *run)
{
    sigset_t child;

    run->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (run->epoll_fd < 0)
        return -errno;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    run->signal_fd = signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
    if (run->signal_fd < 0)
        return -errno;
    alive_init(run);
    int err = watch(run, run->signal_fd, RUN_EVENT_SIGNAL);
    if (err == 0)
        err = watch(run, run->guard_fd, RUN_EVENT_GUARD);
    return err == 0 ? open_meet(run) : err;
}

/* A connection that begins and ends takes a chunk of 64 KiB and gives it back. Where that lies at
 * the end of the heap, glibc would give it back to the kernel, and ask for it again, each time (two
 * or three brk(2) and the faults of fresh pages): up to so much is kept, and asked for at a time.
 */
static void keep_memory(void)
{
#ifdef M_TRIM_THRESHOLD
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
    mallopt(M_TOP_PAD, PAD_BYTES);
#endif
}

static int open_run(struct run *run)
{
    uint8_t seed[16];

    if (getrandom(seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
        return cannot("getrandom", errno);
    sw_rng_init(&run->rng, seed);
    int err = open_descriptors(run);
    if (err < 0)
        return cannot("cannot open descriptors", -err);
    err = record_open(run);
    if (err < 0)
        return err;
    if (run->config->has_seed) { /* names stay random, packets repeat */
        memset(seed, 0, sizeof(seed));
        memcpy(seed, &run->config->seed, sizeof(run->config->seed));
    }
    struct sw_rng names = run->rng;
    sw_rng_init(&run->rng, seed);
    err = network_open(run);
    run->rng = names;
    return err < 0 ? cannot("cannot make the network", -err) : network_set_sysctls(run);
}

/* ---- what happens ---- */

static void reap(struct run *run, bool *ret_none_left)
{
    struct signalfd_siginfo info;
    int status;
    pid_t pid;

    while (read(run->signal_fd, &info, sizeof(info)) > 0)
        ;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        record_process_end(run, pid, status);
        if (pid != run->child)
            continue;
        run->child_ended = true;
        if (isatty(STDERR_FILENO))
            run->hint_at_ns = run_now() + HINT_NS;
        run->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    *ret_none_left = pid < 0 && errno == ECHILD;
}

static void hint(struct run *run)
{
    run->hint_at_ns = SW_NEVER;
    if (!run->ending)
        fprintf(stderr, "sockworks: %s has ended; what it started runs on (Ctrl-C ends it)\n",
                run->config->argv[0]);
}

/* The program has ended and somebody wants the rest to end too. */
static void end_rest(struct run *run, int sig)
{
    if (run->ending)
        return;
    run->ending = true;
    run->kill_at_ns = run_now() + (sig == SIGKILL ? 0 : PATIENCE_NS);
    guard_signal_all(sig);
}

static void pass_on(struct run *run, unsigned char byte)
{
    int sig = byte & ~GUARD_FROM_TERMINAL;
    if (run->child_ended)
        end_rest(run, SIGTERM);
    else if ((byte & GUARD_FROM_TERMINAL) == 0)
        kill(run->child, sig);
}

static void hear_guard(struct run *run)
{
    unsigned char byte;
    ssize_t n = read(run->guard_fd, &byte, 1);

    if (n == 1) {
        pass_on(run, byte);
    } else if (n == 0) {
        epoll_ctl(run->epoll_fd, EPOLL_CTL_DEL, run->guard_fd, NULL);
        fprintf(stderr, "sockworks: ended from outside; the programs end with it\n");
        end_rest(run, SIGKILL);
    }
}

static void far_event(struct run *run, uint64_t data, uint32_t events)
{
    struct standin *s = (struct standin *)(uintptr_t)(data & ~(uint64_t)RUN_EVENT_PENDING);

    if (s->state == STANDIN_GONE)
        return;
    if (data & RUN_EVENT_PENDING) { /* hung up before it was accepted: its listener is closed */
        if (s->state == STANDIN_LISTENING && !standin_alive(run, s))
            standin_gone(run, s);
    } else if (s->stream) {
        stream_far_event(run, s, events);
    } else {
        dgram_far_event(run, s, events);
    }
}

struct turn {
    bool notified, signalled, guard, far;
    uint32_t notify_events;
};

/* Far ends at once, the rest is noted. */
static void serve_far(struct run *run, const struct epoll_event *events, int n, struct turn *turn)
{
    for (int i = 0; i < n; i++) {
        switch (events[i].data.u64) {
        case RUN_EVENT_NOTIFY:
            turn->notified = true;
            turn->notify_events = events[i].events;
            break;
        case RUN_EVENT_SIGNAL:
            turn->signalled = true;
            break;
        case RUN_EVENT_GUARD:
            turn->guard = true;
            break;
        default:
            turn->far = true;
            far_event(run, events[i].data.u64, events[i].events);
            park_relieve(run);
        }
    }
}

static void serve_call(struct run *run, uint32_t events)
{
    if (events & EPOLLIN)
        calls_receive(run);
    else if (events & (EPOLLHUP | EPOLLERR)) /* the last filtered process has gone */
        epoll_ctl(run->epoll_fd, EPOLL_CTL_DEL, run->notify_fd, NULL);
}

/* Those that had more to move than one turn allows. */
static void serve_active(struct run *run)
{
    struct sw_list *last = run->active.prev;
    while (!sw_list_empty(&run->active)) {
        struct sw_list *first = run->active.next;
        bool was_last = first == last;
        stream_continue(run, SW_CONTAINER(first, struct standin, active));
        if (was_last)
            break;
    }
}

/* ---- the loop ---- */

/* Somebody looks: what is on its way when the last program ends still arrives. */
static void see_arrive(struct run *run)
{
    uint64_t until_ns = run_now() + LINGER_NS, next_ns;

    if (run->view == NULL || run->link == NULL)
        return;
    while ((next_ns = sw_link_deadline(run->link)) < until_ns) {
        struct timespec at = {(time_t)(next_ns / 1000000000U), (long)(next_ns % 1000000000U)};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
        run_pump(run);
    }
}

static void loop(struct run *run)
{
    struct epoll_event events[EVENTS];

    for (bool none_left = false; !none_left;) {
        struct turn turn = {0};
        run_pump(run);
        int n = run_wait(run, events, EVENTS);
        run->busy = n > 0 && run->n_processors > 1;
        sw_host_advance(run->host, run_now()); /* what happens now, happens now */
        serve_far(run, events, n, &turn);
        /* A full batch may have left a hang-up behind that happened before the call. */
        for (int more = 0; n == EVENTS && more < BATCHES; more++) {
            n = epoll_wait(run->epoll_fd, events, EVENTS, 0);
            serve_far(run, events, n, &turn);
        }
        serve_active(run);
        if (turn.notified && turn.far)
            run_pump(run); /* what was written before the call has arrived by then, as on lo */
        if (turn.notified)
            serve_call(run, turn.notify_events);
        calls_advance(run, run_now());
        if (run->mirror_at_ns != SW_NEVER && run_now() >= run->mirror_at_ns)
            accept_mirror_again(run);
        if (turn.guard)
            hear_guard(run);
        if (turn.signalled)
            reap(run, &none_left);
        if (run->hint_at_ns != SW_NEVER && run_now() >= run->hint_at_ns)
            hint(run);
        if (run->ending && run_now() >= run->kill_at_ns) {
            guard_signal_all(SIGKILL);
            run->kill_at_ns = run_now() + AGAIN_NS;
        }
        park_guests(run);
        standins_free_gone(run);
    }
    see_arrive(run);
}

/* ---- the end ---- */

/* Nobody calls any more: what the last of them closed is seen, whatever it was doing. */
static void see_ends(struct run *run)
{
    struct epoll_event events[EVENTS];
    struct turn turn = {0};

    epoll_ctl(run->epoll_fd, EPOLL_CTL_DEL, run->notify_fd, NULL);
    for (int n = EVENTS; n > 0;) {
        run_pump(run);
        n = epoll_wait(run->epoll_fd, events, EVENTS, 0);
        serve_far(run, events, n, &turn);
        serve_active(run);
        if (turn.signalled || turn.guard)
            break; /* told of once is enough */
        standins_free_gone(run);
    }
    standins_sweep(run, true);
    standins_free_gone(run);
}

static void close_run(struct run *run, bool ran)
{
    struct run_stats stats = {0};
    struct run_left left = {0};
    struct sw_mem *mem = run->host != NULL ? sw_mem_get(sw_host_mem(run->host)) : NULL;

    if (ran) {
        see_ends(run);
        account_standins(run, &left);
    }
    while (!sw_list_empty(&run->standins))
        standin_gone(run, SW_CONTAINER(run->standins.next, struct standin, link));
    standins_free_gone(run);
    park_fini(run);
    record_close(run);
    fetch_fini(run);
    free(run->by_ino);
    free(run->addresses);
    free(run->scratch);
    free(run->long_control);
    resolver_fini(run);
    if (run->host != NULL) {
        account_sockets(run, &left);
        stats_take(run, &stats);
    }
    sw_link_free(run->link);
    sw_host_free(run->host);
    left.bytes = mem != NULL ? sw_mem_used(mem) : 0;
    sw_mem_put(mem);
    account_descriptors(run, &left);
    if (run->config->stats && run->host != NULL)
        stats_print(&stats, &left, run->config->json, stderr);
}

static int supervise(const struct run_config *config, const struct run_origin *origin, int guard_fd)
{
    struct run run = {
        .config = config,
        .pid = getpid(),
        .epoll_fd = -1,
        .notify_fd = -1,
        .signal_fd = -1,
        .meet_fd = -1,
        .probe_stream_fd = -1,
        .probe_dgram_fd = -1,
        .diag_fd = -1,
        .guard_fd = guard_fd,
        .n_processors = (int)sysconf(_SC_NPROCESSORS_ONLN),
        .held_until_ns = SW_NEVER,
        .signals_at_ns = SW_NEVER,
        .mirror_at_ns = SW_NEVER,
        .hint_at_ns = SW_NEVER,
    };
    struct rlimit most = {origin->nofile.rlim_max, origin->nofile.rlim_max};
    struct rlimit many = {DESCRIPTORS, DESCRIPTORS};

    sw_list_init(&run.standins);
    sw_list_init(&run.listeners);
    sw_list_init(&run.members);
    sw_list_init(&run.active);
    sw_list_init(&run.gone);
    sw_list_init(&run.left_behind);
    sw_list_init(&run.held);
    /* Two descriptors for each connection, one for each end: who may raises the limit for itself.
     * The programs have the one that they were started with. Beyond it far ends are parked. */
    if (most.rlim_max >= DESCRIPTORS || setrlimit(RLIMIT_NOFILE, &many) < 0)
        setrlimit(RLIMIT_NOFILE, &most);
    getrlimit(RLIMIT_NOFILE, &most);
    park_init(&run, most.rlim_cur);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    keep_memory();
    struct inherited inherited;
    inherit_list(&inherited, guard_fd);
    inherit_warn(&inherited);
    int status = EXIT_CANNOT;
    if (open_run(&run) == 0)
        status = spawn(&run, origin);
    inherit_drop(&inherited);
    bool ran = status == 0 && watch(&run, run.notify_fd, RUN_EVENT_NOTIFY) == 0;
    if (ran) {
        loop(&run);
        status = run.exit_status;
    }
    close_run(&run, ran);
    return status;
}

int run_main(const struct run_config *config)
{
    struct run_origin origin;
    sigset_t blocked;
    int fds[2];

    guard_blocked(&blocked);
    sigprocmask(SIG_SETMASK, &blocked, &origin.mask);
    if (getrlimit(RLIMIT_NOFILE, &origin.nofile) < 0 || pipe2(fds, O_CLOEXEC) < 0) {
        cannot("cannot start", errno);
        return EXIT_CANNOT;
    }
    fflush(NULL);
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* the guardian, before the supervisor can be killed */
    pid_t pid = fork();
    if (pid < 0) {
        cannot("cannot start a process", errno);
        return EXIT_CANNOT;
    }
    if (pid > 0) {
        struct inherited inherited;
        close(fds[0]);
        inherit_list(&inherited, fds[1]);
        inherit_drop(&inherited);
        return guard_main(pid, fds[1]);
    }
    close(fds[1]);
    int status = supervise(config, &origin, fds[0]);
    exit(status);
}
