/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is an administrator. The network of a run is the run's own, and nothing in it reaches the
 * machine; what Linux asks CAP_NET_ADMIN for (capabilities(7)) is therefore granted to whoever has
 * that capability where he is, be it in a user namespace of his own.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run/run.h"

enum { NET_ADMIN = 12 /* CAP_NET_ADMIN, <linux/capability.h> */ };

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
    return effective != NULL &&
           (strtoull(effective + strlen("\nCapEff:"), NULL, 16) >> NET_ADMIN & 1) != 0;
}
