/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The program is started under the filter, and the listener comes to us.
 *
 * The child shares our descriptor table until the filter is installed (CLONE_FILES): so the
 * listener is ours too the moment it exists, without any of the calls that it watches. Then the
 * child takes its own copy of the table, of which exec closes all that is ours (everything is
 * close-on-exec).
 *
 *      parent                               child
 *      clone(CLONE_FILES)
 *                                           seccomp(NEW_LISTENER)
 *                          <- LISTENER n
 *      looks whether it can be looked into
 *                          GO ->
 *                                           unshare(CLONE_FILES)
 *                          <- OWN_TABLE
 *                                           exec
 *                          <- end of file, or EXEC_FAILED errno
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/start/filter.h"
#include "run/start/probe.h"
#include "run/start/spawn.h"

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0) /* Linux 6.6: answers on the same CPU */
#endif

enum { EXIT_CANNOT = 125, EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

enum news_kind { NEWS_LISTENER, NEWS_OWN_TABLE, NEWS_EXEC_FAILED };

struct news {
    enum news_kind kind;
    int value; /* a descriptor, or a negative errno */
    bool wait_killable;
};

struct start {
    struct sock_filter *code;
    unsigned short code_len;
    int news[2], go[2]; /* pipes: to the parent, to the child */
    const struct run_origin *origin;
    char *const *argv;
    pid_t supervisor;
};

static void tell(const struct start *start, enum news_kind kind, int value, bool wait_killable)
{
    struct news news = {.kind = kind, .value = value, .wait_killable = wait_killable};
    if (write(start->news[1], &news, sizeof(news)) != (ssize_t)sizeof(news))
        _exit(EXIT_CANNOT);
}

static _Noreturn void child_main(const struct start *start)
{
    bool wait_killable = false;
    char byte;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != start->supervisor) /* it was killed before: nobody would wake us */
        _exit(EXIT_CANNOT);
    int listener = filter_install(start->code, start->code_len, &wait_killable);
    tell(start, NEWS_LISTENER, listener, wait_killable);
    if (listener < 0 || read(start->go[0], &byte, 1) != 1)
        _exit(EXIT_CANNOT);
    if (unshare(CLONE_FILES) < 0)
        _exit(EXIT_CANNOT);
    tell(start, NEWS_OWN_TABLE, 0, false);

    setrlimit(RLIMIT_NOFILE, &start->origin->nofile);
    sigprocmask(SIG_SETMASK, &start->origin->mask, NULL);
    execvp(start->argv[0], start->argv);
    int err = errno;
    tell(start, NEWS_EXEC_FAILED, -err, false);
    _exit(err == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

/* The next news; false: the other end is closed. */
static bool hear(const struct start *start, struct news *ret_news)
{
    ssize_t n;
    do
        n = read(start->news[0], ret_news, sizeof(*ret_news));
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof(*ret_news);
}

/* Why there is no listener: asks the machine in detail. */
static void say_cannot(int err)
{
    struct run_probe probe;
    char why[256];

    run_probe_all(&probe);
    if (run_probe_enough(&probe, why, sizeof(why)))
        snprintf(why, sizeof(why), "seccomp: %s", strerror(err));
    fprintf(stderr,
            "sockworks: this machine does not allow it: %s\n"
            "sockworks: `sockworks doctor` says more\n",
            why);
}

/* Whether descriptors of the child can be fetched; it must be asked before there is a stand-in. */
static void look_into_child(struct run *run, const struct start *start)
{
    int fd = fetch_fd(run, run->child, start->go[0]);
    run->keep_dups = fd < 0;
    if (fd >= 0)
        close(fd);
}

static void close_pipe(int fds[2])
{
    for (int i = 0; i < 2; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
        fds[i] = -1;
    }
}

/* From the listener to exec. Returns 0 or the exit status. */
static int follow(struct run *run, struct start *start)
{
    struct news news;

    if (!hear(start, &news) || news.kind != NEWS_LISTENER || news.value < 0) {
        say_cannot(news.kind == NEWS_LISTENER ? -news.value : EIO);
        return EXIT_CANNOT;
    }
    run->notify_fd = news.value;
    run->wait_killable = news.wait_killable;
    (void)ioctl(run->notify_fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
    look_into_child(run, start);
    if (write(start->go[1], "", 1) != 1 || !hear(start, &news)) {
        fprintf(stderr, "sockworks: the child ended before it began\n");
        return EXIT_CANNOT;
    }
    close(start->news[1]); /* the child has its own by now */
    start->news[1] = -1;
    if (!hear(start, &news))
        return 0;
    fprintf(stderr, "sockworks: %s: %s\n", start->argv[0], strerror(-news.value));
    return news.value == -ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
}

int spawn(struct run *run, const struct run_origin *origin)
{
    struct start start = {.news = {-1, -1},
                          .go = {-1, -1},
                          .origin = origin,
                          .argv = run->config->argv,
                          .supervisor = run->pid};

    int err = filter_build(run->config->proc_net, &start.code, &start.code_len);
    if (err < 0) {
        say_cannot(-err);
        return EXIT_CANNOT;
    }
    int status = EXIT_CANNOT;
    if (pipe2(start.news, O_CLOEXEC) == 0 && pipe2(start.go, O_CLOEXEC) == 0) {
        run->child = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
        if (run->child == 0)
            child_main(&start);
        if (run->child > 0)
            status = follow(run, &start);
        else
            fprintf(stderr, "sockworks: cannot start a process: %s\n", strerror(errno));
    } else {
        fprintf(stderr, "sockworks: cannot open descriptors: %s\n", strerror(errno));
    }
    close_pipe(start.news);
    close_pipe(start.go);
    free(start.code);
    if (status != 0 && run->child > 0) {
        kill(run->child, SIGKILL);
        waitpid(run->child, NULL, 0);
    }
    return status;
}
