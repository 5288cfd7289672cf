/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors of the callers, fetched with pidfd_getfd(2).
 *
 * A pidfd is opened once for a thread and kept in a small direct-mapped cache. That is safe however
 * thread numbers are reused: a pidfd means one life of a number, and says ESRCH when that is over.
 * Before Linux 6.9 (PIDFD_THREAD) only thread-group leaders have pidfds; their table is the same
 * one unless a thread has unshared it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/assert.h"
#include "run/run.h"

#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL /* Linux 6.9 */
#endif

enum { PEERS = 256 }; /* a power of two */

struct run_peer {
    pid_t tid; /* 0: empty */
    int pidfd;
};

/* The thread group of a thread, or a negative errno. */
static pid_t thread_group(pid_t tid)
{
    char path[64], buf[512];
    snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t n = read(fd, buf, sizeof(buf) - 1);
    close(fd);
    if (n <= 0)
        return -ESRCH;
    buf[n] = '\0';
    const char *line = strstr(buf, "\nTgid:");
    return line != NULL ? (pid_t)atoi(line + 6) : -ESRCH;
}

static int open_pidfd(pid_t tid)
{
    int fd = (int)syscall(SYS_pidfd_open, tid, PIDFD_THREAD);
    if (fd >= 0)
        return fd;
    if (errno != EINVAL)
        return -errno;
    pid_t leader = thread_group(tid);
    if (leader < 0)
        return leader;
    fd = (int)syscall(SYS_pidfd_open, leader, 0);
    return fd >= 0 ? fd : -errno;
}

static void forget(struct run_peer *peer)
{
    if (peer->tid != 0)
        close(peer->pidfd);
    peer->tid = 0;
}

int fetch_fd(struct run *run, pid_t tid, int fd)
{
    if (run->peers == NULL)
        run->peers = calloc(PEERS, sizeof(*run->peers));
    if (run->peers == NULL)
        return -ENOMEM;
    struct run_peer *peer = &run->peers[(unsigned)tid & (PEERS - 1)];

    for (int tries = 0; tries < 2; tries++) {
        if (peer->tid != tid) {
            forget(peer);
            int pidfd = open_pidfd(tid);
            if (pidfd < 0)
                return pidfd;
            *peer = (struct run_peer){.tid = tid, .pidfd = pidfd};
        }
        int copy = (int)syscall(SYS_pidfd_getfd, peer->pidfd, fd, 0);
        if (copy >= 0)
            return copy;
        if (errno != ESRCH)
            return -errno;
        forget(peer); /* another life of the same number, perhaps */
    }
    return -ESRCH;
}

int fetch_flags(pid_t tid, int fd)
{
    char path[64], line[128];
    unsigned flags;
    int found = -1;

    snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)tid, fd);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return -1;
    while (found < 0 && fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, "flags: %o", &flags) == 1)
            found = (int)flags;
    fclose(file);
    return found;
}

void fetch_fini(struct run *run)
{
    for (int i = 0; run->peers != NULL && i < PEERS; i++)
        forget(&run->peers[i]);
    free(run->peers);
    run->peers = NULL;
}
