/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A used stand-in gets a fresh socket underneath: TCP may connect again after a failure, and a
 * listener that was shut down is fresh, but an AF_UNIX socket that was connected or shut down stays
 * so; so another one takes its place under the caller's number. The caller's registrations with
 * epoll follow (registration.c).
 *
 * So do the caller's other descriptors of the old one (dups). Those of other processes stay behind
 * with it, and show what it was to native calls. They catch up with their next notified call: the
 * old one's inode is remembered as long as anybody holds it, and the new one put under their
 * numbers too. Where the new one cannot be had, since who got it has ended, another one is as good
 * as long as it is fresh.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "run/run.h"
#include "run/standin/alive.h"
#include "run/standin/registration.h"

/* An open file that was a stand-in's once. */
struct left_behind {
    struct sw_list link; /* in run->left_behind */
    struct standin *standin;
    ino_t ino;
    char name[33];
};

static void forget(struct left_behind *old)
{
    sw_list_del(&old->link);
    free(old);
}

void renew_forget(struct run *run, const struct standin *s)
{
    for (struct sw_list *l = run->left_behind.next, *next; l != &run->left_behind; l = next) {
        struct left_behind *old = SW_CONTAINER(l, struct left_behind, link);
        next = l->next;
        if (old->standin == s)
            forget(old);
    }
}

bool renew_held(struct run *run, const struct standin *s)
{
    for (struct sw_list *l = run->left_behind.next; l != &run->left_behind; l = l->next) {
        struct left_behind *old = SW_CONTAINER(l, struct left_behind, link);
        if (old->standin == s && alive_by_name(run, old->name, true, old->ino))
            return true;
    }
    return false;
}

/* Of those that were remembered before, the ones that nobody holds any more are forgotten. This one
 * cannot be asked yet: the kernel closes it when the call returns. */
static void remember(struct run *run, struct standin *s)
{
    for (struct sw_list *l = run->left_behind.next, *next; l != &run->left_behind; l = next) {
        struct left_behind *old = SW_CONTAINER(l, struct left_behind, link);
        next = l->next;
        if (!alive_by_name(run, old->name, true, old->ino))
            forget(old);
    }
    struct left_behind *old = run->keep_dups ? NULL : malloc(sizeof(*old));
    if (old == NULL)
        return; /* it stays behind for good */
    sw_list_init(&old->link);
    old->standin = s;
    old->ino = s->ino;
    memcpy(old->name, s->name, sizeof(old->name));
    sw_list_add_tail(&run->left_behind, &old->link);
}

/* A number of the caller's gets `fd`, and what was registered with epoll of the file that it was.
 */
static int put_under(struct run *run, struct run_call *call, ino_t ino, int number, int fd)
{
    struct registration *moving = registrations_of(run, call->tid, number, ino);
    int err = call_replace_fd(run, call, number, fd);
    registrations_move(moving, err == 0 ? fd : -1, number);
    return err;
}

/* The caller's other descriptors of the file of this inode. */
static void copies_follow(struct run *run, struct run_call *call, ino_t ino, int fd)
{
    char path[64], file[64], link[64];

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)call->tid);
    snprintf(file, sizeof(file), "socket:[%lu]", (unsigned long)ino);
    DIR *dir = run->keep_dups ? NULL : opendir(path);
    if (dir == NULL)
        return;
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        ssize_t n = readlinkat(dirfd(dir), e->d_name, link, sizeof(link) - 1);
        if (n == (ssize_t)strlen(file) && memcmp(link, file, (size_t)n) == 0)
            (void)put_under(run, call, ino, atoi(e->d_name), fd);
    }
    closedir(dir);
}

int connect_renew(struct run *run, struct run_call *call)
{
    struct standin *s = call->standin;
    ino_t before = s->ino;
    struct sockaddr_un addr;
    struct stat st;
    char name[33];
    int nonblock = call_nonblocking(run, call) ? SOCK_NONBLOCK : 0;

    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | nonblock, 0);
    if (fd < 0)
        return -ENFILE;
    name_make(run, name);
    socklen_t len = name_addr(name, &addr);
    bool made = bind(fd, (struct sockaddr *)&addr, len) == 0 && fstat(fd, &st) == 0;
    int err = made ? call_replace_fd(run, call, (int)call->args[0], fd) : -errno;
    if (!made || err < 0) {
        close(fd);
        return err;
    }
    standin_drop_far(run, s);
    accept_drop_pending(run, s);
    remember(run, s);
    standin_rename(run, s, st.st_ino, name);
    standin_copy_options(run, s, fd);
    copies_follow(run, call, before, fd);
    if (s->kept_fd >= 0)
        close(s->kept_fd);
    s->kept_fd = run->keep_dups ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (call->fd >= 0)
        close(call->fd);
    call->fd = fd;
    standin_set_state(run, s, STANDIN_FRESH);
    return 0;
}

/* Under the number of the call, whose file has this inode; registrations follow. 0 or a negative
 * errno. */
static int renew_under(struct run *run, struct run_call *call, ino_t ino)
{
    int number = (int)call->args[0];
    struct registration *moving = registrations_of(run, call->tid, number, ino);
    int err = connect_renew(run, call);
    registrations_move(moving, err == 0 ? call->fd : -1, number);
    return err;
}

int connect_renew_fresh(struct run *run, struct run_call *call)
{
    return renew_under(run, call, call->standin->ino);
}

static struct left_behind *find(struct run *run, ino_t ino)
{
    for (struct sw_list *l = run->left_behind.next; l != &run->left_behind; l = l->next) {
        struct left_behind *old = SW_CONTAINER(l, struct left_behind, link);
        if (old->ino == ino)
            return old;
    }
    return NULL;
}

/* The call's number gets the one that `fd` is, a dup, which is the call's from then on. 0 or a
 * negative errno. */
static int join(struct run *run, struct run_call *call, ino_t ino, int fd)
{
    int err = put_under(run, call, ino, (int)call->args[0], fd);
    if (err < 0) {
        close(fd);
        return err;
    }
    copies_follow(run, call, ino, fd);
    call->fd = fd;
    return 0;
}

struct standin *renew_catch_up(struct run *run, struct run_call *call, ino_t ino)
{
    struct left_behind *old = find(run, ino);
    struct standin *s = old != NULL ? old->standin : NULL;
    int fd = s != NULL ? standin_borrow(run, s) : -1;

    if (s == NULL || (fd < 0 && s->state != STANDIN_FRESH))
        return NULL;
    call->standin = s;
    int err = fd >= 0 ? join(run, call, ino, fd) : renew_under(run, call, ino);
    if (err == 0 && fd < 0)
        copies_follow(run, call, ino, call->fd);
    call->standin = NULL;
    return err == 0 ? s : NULL;
}
