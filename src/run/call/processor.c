/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * On which processor a caller runs, or ran until it called: on the kernel's loopback that is where
 * what it sends arrives, and what SO_INCOMING_CPU and programs of SO_REUSEPORT groups choose by.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run/run.h"

enum { STATE = 3, PROCESSOR = 39 }; /* fields of proc_pid_stat(5), from 1 */

uint32_t caller_cpu(pid_t tid)
{
    char path[64], text[1024];

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    const char *field = strrchr(text, ')'); /* the second, which may hold anything, ends here */
    for (int i = STATE - 1; field != NULL && i < PROCESSOR; i++)
        field = strchr(field + 1, ' ');
    return field != NULL ? (uint32_t)strtoul(field, NULL, 10) : 0;
}
