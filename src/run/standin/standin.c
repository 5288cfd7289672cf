/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stand-ins: made, found by inode, given up.
 *
 * Invariants: (1) run->by_ino holds exactly the stand-ins of run->standins; (2) a stand-in is freed
 * at the end of the loop's turn only (run->gone), so that an event or a handler may still point to
 * it; (3) state GONE means: unlinked, no core socket, no descriptors.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/assert.h"
#include "run/record.h"
#include "run/standin/dgram.h"
#include "run/standin/park.h"

/* ---- the table by inode ---- */

static uint32_t slot_of(const struct run *run, ino_t ino)
{
    return (uint32_t)((uint64_t)ino * 0x9e3779b97f4a7c15ULL >> 32) & run->by_ino_mask;
}

static void table_add(struct run *run, struct standin *s)
{
    uint32_t slot = slot_of(run, s->ino);
    s->next_ino = run->by_ino[slot];
    run->by_ino[slot] = s;
}

static void table_remove(struct run *run, struct standin *s)
{
    struct standin **at = &run->by_ino[slot_of(run, s->ino)];
    while (*at != s)
        at = &(*at)->next_ino;
    *at = s->next_ino;
}

/* Doubles the table when it is full. Without memory it stays small and slow. */
static void table_grow(struct run *run)
{
    if (run->by_ino != NULL && run->n_standins <= run->by_ino_mask)
        return;
    uint32_t size = run->by_ino == NULL ? 256 : (run->by_ino_mask + 1) * 2;
    struct standin **table = calloc(size, sizeof(struct standin *));
    if (table == NULL)
        return;
    free(run->by_ino);
    run->by_ino = table;
    run->by_ino_mask = size - 1;
    for (struct sw_list *l = run->standins.next; l != &run->standins; l = l->next)
        table_add(run, SW_CONTAINER(l, struct standin, link));
}

struct standin *standin_by_inode(struct run *run, ino_t ino)
{
    if (run->by_ino == NULL)
        return NULL;
    struct standin *s = run->by_ino[slot_of(run, ino)];
    while (s != NULL && s->ino != ino)
        s = s->next_ino;
    return s;
}

/* ---- finding ---- */

static struct standin *by_open_fd(struct run *run, int fd)
{
    struct stat st;
    if (fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode) || st.st_dev != run->sock_dev)
        return NULL;
    return standin_by_inode(run, st.st_ino);
}

static struct standin *by_proc(struct run *run, pid_t tid, int fd)
{
    char path[64], link[64];
    unsigned long ino;

    snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)tid, fd);
    ssize_t n = readlink(path, link, sizeof(link) - 1);
    if (n <= 0)
        return NULL;
    link[n] = '\0';
    return sscanf(link, "socket:[%lu]", &ino) == 1 ? standin_by_inode(run, (ino_t)ino) : NULL;
}

struct standin *standin_find(struct run *run, pid_t tid, int fd)
{
    if (fd < 0)
        return NULL;
    int copy = run->keep_dups ? -EPERM : fetch_fd(run, tid, fd);
    if (copy < 0)
        return copy == -EBADF ? NULL : by_proc(run, tid, fd);
    struct standin *s = by_open_fd(run, copy);
    close(copy);
    return s;
}

void standin_of_call(struct run *run, struct run_call *call)
{
    int fd = (int)call->args[0];
    struct stat st;
    if (fd < 0)
        return;
    int copy = run->keep_dups ? -EPERM : fetch_fd(run, call->tid, fd);
    if (copy >= 0) {
        call->standin = by_open_fd(run, copy);
        if (call->standin != NULL) {
            call->fd = copy;
        } else {
            if (!sw_list_empty(&run->left_behind) && fstat(copy, &st) == 0)
                call->standin = renew_catch_up(run, call, st.st_ino);
            close(copy);
        }
    } else if (copy != -EBADF) {
        call->standin = by_proc(run, call->tid, fd);
    }
    struct standin *s = call->standin;
    if (s == NULL)
        return;
    if (!park_fetch(run, s)) {
        call->standin = NULL;
        return;
    }
    run->called = s;
    s->holder_tid = call->tid;
    s->holder_fd = fd;
    if (s->small_sndbuf && call->fd >= 0 && s->state == STANDIN_CONNECTED)
        stream_raise_sndbuf(s, call->fd);
}

int standin_fetch(struct run *run, struct run_call *call)
{
    if (call->fd >= 0) { /* the one it was recognised by */
        int fd = call->fd;
        call->fd = -1;
        return fd;
    }
    if (call->standin != NULL && call->standin->kept_fd >= 0) {
        int fd = fcntl(call->standin->kept_fd, F_DUPFD_CLOEXEC, 0);
        return fd >= 0 ? fd : -errno;
    }
    return fetch_fd(run, call->tid, (int)call->args[0]);
}

void standin_hand_over(struct run *run, struct run_call *call, struct standin *s, int fd,
                       bool cloexec)
{
    if (call_return_fd(run, call, fd, cloexec)) {
        s->holder_tid = call->tid;
        s->holder_fd = call->returned_fd;
    } else {
        standin_gone(run, s);
    }
    close(fd);
}

int standin_borrow(struct run *run, struct standin *s)
{
    if (s->kept_fd >= 0)
        return fcntl(s->kept_fd, F_DUPFD_CLOEXEC, 0);
    if (s->holder_tid == 0 || run->keep_dups)
        return -1;
    int fd = fetch_fd(run, s->holder_tid, s->holder_fd);
    if (fd < 0)
        return -1;
    if (by_open_fd(run, fd) == s)
        return fd;
    close(fd); /* it has another number there now, or was passed on */
    return -1;
}

/* ---- making ---- */

/* A datagram's far end has its own name, so that the stand-in can be connected to it. */
static int open_dgram_far(struct run *run, struct standin *s)
{
    struct sockaddr_un own, theirs;
    socklen_t own_len = name_far_addr(s, &own), theirs_len = name_addr(s->name, &theirs);

    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = s};
    if (bind(fd, (struct sockaddr *)&own, own_len) < 0 ||
        connect(fd, (struct sockaddr *)&theirs, theirs_len) < 0 ||
        epoll_ctl(run->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0) {
        int err = errno;
        close(fd);
        return -err;
    }
    s->far_fd = fd;
    return 0;
}

struct standin *standin_adopt(struct run *run, sw_socket_t sock, ino_t ino, bool stream, bool ipv6)
{
    struct standin *old = standin_by_inode(run, ino);
    if (old != NULL) /* the number is used again: nobody holds the old one */
        standin_gone(run, old);
    struct standin *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return NULL;
    s->ino = ino;
    s->sock = sock;
    s->state = stream ? STANDIN_FRESH : STANDIN_DGRAM;
    s->stream = stream;
    s->ipv6 = ipv6;
    s->far_fd = s->parked = s->kept_fd = -1;
    s->flight_max = DGRAM_FLIGHT_MAX;
    sw_list_init(&s->guest);
    sw_list_init(&s->active);
    sw_list_init(&s->listening);
    sw_list_init(&s->member);
    sw_list_init(&s->pending);
    sw_list_init(&s->returned);
    sw_list_init(&s->flight);
    sw_list_init(&s->front);
    sw_list_init(&s->held);
    sw_list_add_tail(&run->standins, &s->link);
    run->n_standins++;
    table_grow(run);
    if (run->by_ino == NULL) { /* no memory for even the first table */
        sw_list_del(&s->link);
        run->n_standins--;
        free(s);
        return NULL;
    }
    if (standin_by_inode(run, ino) != s)
        table_add(run, s);
    sw_socket_set_user(run->host, sock, s);
    return s;
}

struct standin *standin_new(struct run *run, sw_socket_t sock, bool stream, bool ipv6,
                            bool nonblock, int *ret_fd)
{
    struct sockaddr_un addr;
    struct stat st;
    char name[33];
    int type = (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | (nonblock ? SOCK_NONBLOCK : 0);

    int fd = socket(AF_UNIX, type, 0);
    if (fd < 0)
        return NULL;
    name_make(run, name);
    socklen_t len = name_addr(name, &addr);
    struct standin *s = NULL;
    if (bind(fd, (struct sockaddr *)&addr, len) == 0 && fstat(fd, &st) == 0)
        s = standin_adopt(run, sock, st.st_ino, stream, ipv6);
    if (s != NULL) {
        memcpy(s->name, name, sizeof(name));
        if (run->keep_dups)
            s->kept_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        int err = stream ? 0 : open_dgram_far(run, s);
        if (err < 0 || (run->keep_dups && s->kept_fd < 0)) {
            s->sock = 0; /* the caller's still */
            standin_gone(run, s);
            s = NULL;
        }
    }
    if (s == NULL) {
        close(fd);
        return NULL;
    }
    *ret_fd = fd;
    return s;
}

/* ---- states, and the end ---- */

void standin_set_state(struct run *run, struct standin *s, enum standin_state state)
{
    /* What may follow what. */
    static const unsigned allowed[] = {
        [STANDIN_FRESH] = 1U << STANDIN_FRESH | 1U << STANDIN_CONNECTING | 1U << STANDIN_CONNECTED |
                          1U << STANDIN_FAILED | 1U << STANDIN_LISTENING,
        [STANDIN_CONNECTING] = 1U << STANDIN_CONNECTED | 1U << STANDIN_FAILED,
        [STANDIN_CONNECTED] = 1U << STANDIN_FAILED | 1U << STANDIN_FRESH,
        [STANDIN_FAILED] = 1U << STANDIN_FRESH,
        [STANDIN_LISTENING] = 1U << STANDIN_LISTENING | 1U << STANDIN_FRESH,
        [STANDIN_DGRAM] = 0,
        [STANDIN_GONE] = 0,
    };
    SW_ASSERT(state == STANDIN_GONE || (allowed[s->state] & 1U << state) != 0);
    s->state = state;
    sw_list_del(&s->listening);
    if (state == STANDIN_LISTENING)
        sw_list_add_tail(&run->listeners, &s->listening);
}

void standin_set_reading(struct standin *s, enum stream_reading reading)
{
    SW_ASSERT(s->reading == READING || s->reading == reading || !s->stream);
    s->reading = reading;
}

void standin_set_writing(struct standin *s, enum stream_writing writing)
{
    static const unsigned allowed[] = {
        [WRITING] = 1U << WRITING_LAST | 1U << WRITING_BROKEN | 1U << WRITING_ENDED,
        [WRITING_LAST] = 1U << WRITING_BROKEN | 1U << WRITING_ENDED,
        [WRITING_BROKEN] = 1U << WRITING_REFUSED | 1U << WRITING_ENDED,
        [WRITING_REFUSED] = 1U << WRITING_ENDED,
        [WRITING_ENDED] = 1U << WRITING_ENDED,
    };
    SW_ASSERT((allowed[s->writing] & 1U << writing) != 0);
    s->writing = writing;
}

void standin_rename(struct run *run, struct standin *s, ino_t ino, const char *name)
{
    table_remove(run, s);
    s->ino = ino;
    memcpy(s->name, name, sizeof(s->name));
    table_add(run, s);
    s->reading = READING;
    s->writing = WRITING;
    s->put_off = s->small_sndbuf = s->sndbuf_raised = s->far_sized = false;
    s->program_shut = 0;
    s->broken = s->error = 0;
}

void standin_drop_far(struct run *run, struct standin *s)
{
    if (s->parked >= 0)
        park_drop(run, s);
    park_forget(run, s);
    if (s->far_fd >= 0)
        close(s->far_fd); /* leaves epoll with it: we have no dup of it */
    s->far_fd = -1;
    s->far_in = s->far_out = s->far_hup = s->want_out = false;
    s->junk = 0;
    sw_list_del(&s->active);
}

void standin_gone(struct run *run, struct standin *s)
{
    if (s->state == STANDIN_GONE)
        return;
    record_data(run, s, SW_VIEW_CLOSED, 0);
    calls_fail_all(run, s, EBADF);
    if (!s->stream)
        dgram_drop(run, s);
    standin_drop_far(run, s);
    if (s->kept_fd >= 0)
        close(s->kept_fd);
    s->kept_fd = -1;
    accept_drop_pending(run, s);
    renew_forget(run, s);
    if (s->sock != 0)
        sw_close(run->host, s->sock);
    s->sock = 0;
    table_remove(run, s);
    sw_list_del(&s->member);
    sw_list_del(&s->link);
    run->n_standins--;
    standin_set_state(run, s, STANDIN_GONE);
    sw_list_add_tail(&run->gone, &s->link);
}

void standins_free_gone(struct run *run)
{
    while (!sw_list_empty(&run->gone)) {
        struct standin *s = SW_CONTAINER(run->gone.next, struct standin, link);
        sw_list_del(&s->link);
        diag_drop(s);
        free(s);
    }
}

int standin_option(struct run *run, const struct standin *s, int level, int name)
{
    int value = 0;
    size_t len = sizeof(value);
    return sw_getsockopt(run->host, s->sock, level, name, &value, &len) == 0 ? value : 0;
}

void standin_copy_options(struct run *run, struct standin *s, int fd)
{
    static const int times[] = {SO_RCVTIMEO, SO_SNDTIMEO}, numbers[] = {SO_OOBINLINE, SO_RCVLOWAT};
    for (int i = 0; i < 2; i++) {
        uint64_t ns = standin_timeout_ns(run, s, times[i]);
        struct timeval tv = {(time_t)(ns / 1000000000U), (suseconds_t)(ns / 1000U % 1000000U)};
        if (ns != 0)
            setsockopt(fd, SOL_SOCKET, times[i], &tv, sizeof(tv));
    }
    for (int i = 0; i < 2; i++) {
        int value = standin_option(run, s, SOL_SOCKET, numbers[i]);
        if (value != 0)
            setsockopt(fd, SOL_SOCKET, numbers[i], &value, sizeof(value));
    }
}

bool standin_clear_conflict(struct run *run, sw_socket_t sock, const struct sw_addr *local)
{
    sw_socket_t other = sw_bind_conflict(run->host, sock, local);
    void *user = other != 0 ? sw_socket_user(run->host, other) : NULL;
    struct standin *owner = user == run->resolver ? NULL : user;

    if (owner == NULL || other == sock ||
        (owner->stream && (owner->far_fd >= 0 || owner->parked >= 0)) || standin_alive(run, owner))
        return false;
    standin_gone(run, owner);
    return true;
}
