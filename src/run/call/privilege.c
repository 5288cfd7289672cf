/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who calls, by proc_pid_status(5): which process, of which user, and whether an administrator of
 * the run's network: that is who has CAP_NET_ADMIN (capabilities(7)) in the user namespace in which
 * the run was started, as if its network namespace had been made there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/call/privilege.h"
#include "run/run.h"

enum { NET_ADMIN = 12 /* CAP_NET_ADMIN, <linux/capability.h> */ };

static bool in_our_namespace(pid_t tid)
{
    struct stat theirs, ours;
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)tid);
    return stat(path, &theirs) == 0 && stat("/proc/self/ns/user", &ours) == 0 &&
           theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev;
}

int caller_status(pid_t tid, char *text, size_t room)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t n = read(fd, text, room - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    return n > 0 ? 0 : -ESRCH;
}

/* What stands there behind a word at the beginning of a line, as it is copied to `text`; NULL: it
 * is not to be had. */
static const char *status_of(pid_t tid, const char *word, char *text, size_t room)
{
    const char *at = caller_status(tid, text, room) == 0 ? strstr(text, word) : NULL;
    return at != NULL ? at + strlen(word) : NULL;
}

bool caller_is_admin(pid_t tid)
{
    char text[4096];
    const char *effective = status_of(tid, "\nCapEff:", text, sizeof(text));

    return effective != NULL && in_our_namespace(tid) &&
           (strtoull(effective, NULL, 16) >> NET_ADMIN & 1) != 0;
}

uint32_t caller_uid(pid_t tid)
{
    char text[4096], *end;
    const char *real =
        status_of(tid, "\nUid:", text, sizeof(text)); /* the second is the effective one */

    if (real == NULL)
        return 0;
    (void)strtoul(real, &end, 10);
    return (uint32_t)strtoul(end, NULL, 10);
}

pid_t caller_process(pid_t tid)
{
    char text[4096];
    const char *ids = status_of(tid, "\nNStgid:", text, sizeof(text));

    if (ids == NULL)
        return tid;
    text[(size_t)(ids - text) + strcspn(ids, "\n")] = '\0';
    return atoi(strrchr(ids, '\t') + 1); /* the last is the innermost */
}
