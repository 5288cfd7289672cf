/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The descriptors that we were started with. They are the program's; we only stand in between. A
 * pipe of which we kept an end would not end when the program closes its own.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "run/start/inherit.h"

void inherit_warn(const struct inherited *inherited)
{
    for (size_t i = 0; i < inherited->n; i++) {
        int domain, fd = inherited->fds[i];
        socklen_t len = sizeof(domain);
        if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
            (domain == AF_INET || domain == AF_INET6))
            fprintf(stderr,
                    "sockworks: descriptor %d is a socket of the kernel already; it stays one\n",
                    fd);
    }
}

void inherit_list(struct inherited *ret, int own)
{
    *ret = (struct inherited){0};
    DIR *dir = opendir("/proc/self/fd");
    if (dir == NULL)
        return;
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        int fd = atoi(e->d_name);
        if (e->d_name[0] == '.' || fd == own || fd == STDERR_FILENO || fd == dirfd(dir))
            continue;
        int *longer = realloc(ret->fds, (ret->n + 1) * sizeof(int));
        if (longer == NULL)
            break;
        ret->fds = longer;
        ret->fds[ret->n++] = fd;
    }
    closedir(dir);
}

void inherit_drop(struct inherited *inherited)
{
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (size_t i = 0; i < inherited->n; i++) {
        int fd = inherited->fds[i];
        if (fd <= STDOUT_FILENO &&
            null_fd >= 0) /* so that nothing else of ours gets these numbers */
            dup2(null_fd, fd);
        else
            close(fd);
    }
    if (null_fd > STDERR_FILENO)
        close(null_fd);
    free(inherited->fds);
    *inherited = (struct inherited){0};
}
