/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registrations with epoll(7) that follow a stand-in to the open file which takes its place.
 *
 * A connected AF_UNIX socket cannot be connected anew as TCP can, so connect() after a refusal puts
 * another one under the caller's number (renew.c). epoll registers an open file
 * and the number it had when it was registered; the old file's registrations end with its close.
 * What they were is told by /proc/PID/fdinfo (proc(5)), and the epoll set itself can be fetched
 * like any descriptor. A registration made by us names our number: so the new file stands under the
 * caller's number in our own table for that long, and the program's later EPOLL_CTL_MOD and
 * EPOLL_CTL_DEL find it.
 *
 * Sets of the caller's process only, and its own number only: those of a dup follow when it does,
 * as renew.c says.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "run/standin/registration.h"

struct registration {
    struct registration *next;
    int epoll_fd; /* a dup of the caller's */
    struct epoll_event event;
};

/* The line of a set's fdinfo that is about a socket under this number. */
static bool find_line(FILE *fdinfo, int number, ino_t ino, struct epoll_event *ret_event)
{
    char line[256];
    int tfd;
    unsigned events;
    unsigned long long data, at;

    while (fgets(line, sizeof(line), fdinfo) != NULL) {
        if (sscanf(line, "tfd: %d events: %x data: %llx pos:%*s ino:%llx", &tfd, &events, &data,
                   &at) != 4 ||
            tfd != number || (ino_t)at != ino)
            continue;
        ret_event->events = events;
        ret_event->data.u64 = data;
        return true;
    }
    return false;
}

static struct registration *look_into(struct run *run, pid_t tid, int epoll_fd, int number,
                                      ino_t ino)
{
    char path[64];
    struct registration found = {.epoll_fd = -1}, *r = NULL;

    snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)tid, epoll_fd);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return NULL;
    if (find_line(file, number, ino, &found.event)) {
        found.epoll_fd = fetch_fd(run, tid, epoll_fd);
        r = found.epoll_fd >= 0 ? malloc(sizeof(*r)) : NULL;
        if (r != NULL)
            *r = found;
        else if (found.epoll_fd >= 0)
            close(found.epoll_fd);
    }
    fclose(file);
    return r;
}

struct registration *registrations_of(struct run *run, pid_t tid, int number, ino_t ino)
{
    char path[64], link[64];
    struct registration *all = NULL;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)tid);
    DIR *dir = run->keep_dups ? NULL : opendir(path);
    if (dir == NULL)
        return NULL;
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        ssize_t n = readlinkat(dirfd(dir), e->d_name, link, sizeof(link) - 1);
        if (n <= 0)
            continue;
        link[n] = '\0';
        if (strcmp(link, "anon_inode:[eventpoll]") != 0)
            continue;
        struct registration *r = look_into(run, tid, atoi(e->d_name), number, ino);
        if (r != NULL) {
            r->next = all;
            all = r;
        }
    }
    closedir(dir);
    return all;
}

/* What our table has under the number meanwhile waits under another: its registrations with our own
 * epoll name file and number, and both come back. */
static void add_as(struct registration *all, int fd, int number)
{
    int aside = fcntl(number, F_DUPFD_CLOEXEC, 0);

    if (aside < 0 && errno != EBADF)
        return;
    if (fd == number || dup3(fd, number, O_CLOEXEC) == number) {
        for (struct registration *r = all; r != NULL; r = r->next)
            (void)epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, number, &r->event);
        if (fd != number && aside < 0)
            close(number);
        else if (fd != number)
            dup3(aside, number, O_CLOEXEC);
    }
    if (aside >= 0)
        close(aside);
}

void registrations_move(struct registration *all, int fd, int number)
{
    if (all != NULL && fd >= 0)
        add_as(all, fd, number);
    while (all != NULL) {
        struct registration *next = all->next;
        close(all->epoll_fd);
        free(all);
        all = next;
    }
}
