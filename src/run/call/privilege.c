/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is an administrator of the run's network: who has CAP_NET_ADMIN (capabilities(7)) in the user
 * namespace in which the run was started, as if its network namespace had been made there.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

bool caller_is_admin(pid_t tid)
{
    char path[64], text[4096];

    snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    const char *effective = strstr(text, "\nCapEff:");
    return effective != NULL && in_our_namespace(tid) &&
           (strtoull(effective + strlen("\nCapEff:"), NULL, 16) >> NET_ADMIN & 1) != 0;
}

uint32_t caller_uid(pid_t tid)
{
    struct stat process;
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d", (int)tid);
    return stat(path, &process) == 0 ? process.st_uid : 0;
}
