/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors of the callers, fetched with pidfd_getfd(2).
 *
 * A pidfd is opened once for a thread and kept in a small direct-mapped cache. That is safe however
 * thread numbers are reused: a pidfd means one life of a number, and says ESRCH when that is over.
 * Before Linux 6.9 (PIDFD_THREAD) only thread-group leaders have pidfds; their table is the same
 * one unless a thread has unshared it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/assert.h"
#include "run/call/privilege.h"
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
    char buf[512];
    int err = caller_status(tid, buf, sizeof(buf));
    if (err < 0)
        return err;
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

static bool is_open(struct run *run, pid_t tid, int fd)
{
    char path[64];
    struct stat st;
    int copy = run->keep_dups ? -EPERM : fetch_fd(run, tid, fd);

    if (copy >= 0)
        close(copy);
    if (copy >= 0 || copy == -EBADF)
        return copy >= 0;
    snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)tid, fd);
    return lstat(path, &st) == 0;
}

/* The number of open descriptors below `limit`; 0: that cannot be seen. */
static rlim_t count_open(pid_t tid, rlim_t limit)
{
    char path[64];
    const struct dirent *entry;
    rlim_t n = 0;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)tid);
    DIR *dir = opendir(path);
    if (dir == NULL)
        return 0;
    while ((entry = readdir(dir)) != NULL) /* "." and ".." among them */
        n += entry->d_name[0] != '.' && strtoull(entry->d_name, NULL, 10) < limit;
    closedir(dir);
    return n;
}

bool fetch_has_room(struct run *run, pid_t tid)
{
    struct rlimit limit;

    if (prlimit(tid, RLIMIT_NOFILE, NULL, &limit) < 0)
        return true;
    if (limit.rlim_cur == 0)
        return false;
    int highest = limit.rlim_cur > INT_MAX ? INT_MAX : (int)(limit.rlim_cur - 1);
    return !is_open(run, tid, highest) || count_open(tid, limit.rlim_cur) < limit.rlim_cur;
}

void fetch_fini(struct run *run)
{
    for (int i = 0; run->peers != NULL && i < PEERS; i++)
        forget(&run->peers[i]);
    free(run->peers);
    run->peers = NULL;
}
