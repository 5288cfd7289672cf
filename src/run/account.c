/* SPDX-License-Identifier: BSD-2-Clause */
/* What is left at the end of a run: counted when nothing should be. */
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "run/stats.h"

static uint64_t count(const struct sw_list *list)
{
    uint64_t n = 0;
    for (const struct sw_list *l = list->next; l != list; l = l->next)
        n++;
    return n;
}

void account_standins(struct run *run, struct run_left *left)
{
    left->standins = count(&run->standins);
    left->calls = count(&run->held);
}

void account_sockets(struct run *run, struct run_left *left)
{
    struct sw_socket_info info;
    uint64_t cursor = 0;

    left->sockets = 0;
    while (sw_host_next_socket(run->host, &cursor, &info))
        left->sockets += info.socket != 0;
}

static void close_one(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void account_descriptors(struct run *run, struct run_left *left)
{
    int *own[] = {&run->notify_fd,      &run->signal_fd, &run->meet_fd, &run->probe_stream_fd,
                  &run->probe_dgram_fd, &run->diag_fd,   &run->epoll_fd};
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        close_one(own[i]);
    left->descriptors = 0;
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        int fd = atoi(entry->d_name);
        left->descriptors += fd > STDERR_FILENO && fd != dirfd(dir) && fd != run->guard_fd;
    }
    if (dir != NULL)
        closedir(dir);
}
