/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Notified calls: taken from the kernel, answered, tried again (seccomp_unotify(2)).
 *
 * Invariants: (1) a call is answered exactly once, or its caller is gone; (2) whoever answers does
 * not free: the call is freed by calls_receive() or by calls_wake(), once its handler has returned;
 * (3) while a call is handled for the first time call->fd may hold a dup of its descriptor; a held
 * call holds none, so that it does not hide the program's close().
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/assert.h"
#include "run/record.h"
#include "run/run.h"

static void answer(struct run *run, struct run_call *call, int64_t value, int error, uint32_t flags)
{
    struct seccomp_notif_resp resp = {.id = call->id, .val = value, .error = error, .flags = flags};

    SW_ASSERT(!call->answered);
    call->answered = true;
    record_call_answered(run, call, error != 0 ? error : value, flags != 0);
    /* ENOENT: the caller was killed meanwhile, or (without WAIT_KILLABLE_RECV) interrupted. */
    (void)ioctl(run->notify_fd, SECCOMP_IOCTL_NOTIF_SEND, &resp);
}

void call_return(struct run *run, struct run_call *call, int64_t value)
{
    answer(run, call, value, 0, 0);
}

void call_fail(struct run *run, struct run_call *call, int err)
{
    SW_ASSERT(err > 0);
    answer(run, call, 0, -err, 0);
}

void call_continue(struct run *run, struct run_call *call)
{
    answer(run, call, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

bool call_return_fd(struct run *run, struct run_call *call, int fd, bool cloexec)
{
    struct seccomp_notif_addfd add = {
        .id = call->id,
        .flags = SECCOMP_ADDFD_FLAG_SEND,
        .srcfd = (uint32_t)fd,
        .newfd_flags = cloexec ? O_CLOEXEC : 0,
    };
    int number = ioctl(run->notify_fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
    if (number >= 0) {
        call->answered = true;
        call->returned_fd = number;
        record_call_answered(run, call, number, false);
        return true;
    }
    if (errno == EINVAL) { /* before Linux 5.14: in two steps */
        add.flags = 0;
        number = ioctl(run->notify_fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
    }
    if (number >= 0) {
        call->returned_fd = number;
        call_return(run, call, number);
        return true;
    }
    call_fail(run, call, errno == ENOENT || errno == EINPROGRESS ? EINTR : errno);
    return false;
}

int call_replace_fd(struct run *run, struct run_call *call, int number, int fd)
{
    int flags = fetch_flags(call->tid, number);
    struct seccomp_notif_addfd add = {
        .id = call->id,
        .flags = SECCOMP_ADDFD_FLAG_SETFD,
        .srcfd = (uint32_t)fd,
        .newfd = (uint32_t)number,
        .newfd_flags = flags > 0 && (flags & O_CLOEXEC) != 0 ? O_CLOEXEC : 0,
    };
    return ioctl(run->notify_fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add) < 0 ? -errno : 0;
}

bool call_waits(struct run *run, struct run_call *call)
{
    return ioctl(run->notify_fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &call->id) == 0;
}

bool call_nonblocking(struct run *run, struct run_call *call)
{
    if (call->fd_flags < 0) {
        int fd = call->fd >= 0 ? call->fd : standin_fetch(run, call);
        int flags = fd >= 0 ? fcntl(fd, F_GETFL) : fetch_flags(call->tid, (int)call->args[0]);
        call->fd_flags = flags >= 0 ? flags : 0;
        if (fd >= 0 && fd != call->fd)
            close(fd);
    }
    return (call->fd_flags & O_NONBLOCK) != 0;
}

void call_try(struct run *run, struct run_call *call, run_try_fn *fn, uint64_t timeout_ns,
              int timeout_errno)
{
    if (fn(run, call) == CALL_DONE) {
        SW_ASSERT(call->answered);
        return;
    }
    if (call_nonblocking(run, call)) {
        call_fail(run, call, EAGAIN);
        return;
    }
    uint64_t deadline_ns = timeout_ns == 0 ? SW_NEVER : run_now() + timeout_ns;
    call_hold(run, call, fn, deadline_ns, timeout_errno);
}

void calls_wake(struct run *run, struct standin *s)
{
    struct sw_list waiting;
    bool died = false;

    /* What is held again goes to the end of s->held; so take what is there now. */
    if (sw_list_empty(&s->held))
        return;
    sw_list_init(&waiting);
    while (!sw_list_empty(&s->held)) {
        struct sw_list *first = s->held.next;
        sw_list_del(first);
        sw_list_add_tail(&waiting, first);
    }
    while (!sw_list_empty(&waiting)) {
        struct run_call *call = SW_CONTAINER(waiting.next, struct run_call, by_standin);
        sw_list_del(&call->by_standin);
        if (!call->gives_back && !call_waits(run, call)) {
            died = true;
            if (call->leave != NULL)
                call->leave(run, call);
            call_free(call);
        } else if (call->retry(run, call) == CALL_DONE) {
            SW_ASSERT(call->answered);
            call_free(call);
        } else {
            sw_list_add_tail(&s->held, &call->by_standin);
        }
    }
    if (died)
        standin_check(run, s);
}

void calls_fail_all(struct run *run, struct standin *s, int err)
{
    while (!sw_list_empty(&s->held)) {
        struct run_call *call = SW_CONTAINER(s->held.next, struct run_call, by_standin);
        call_fail(run, call, err);
        call_free(call);
    }
}

void calls_receive(struct run *run)
{
    struct seccomp_notif notif;

    memset(&notif, 0, sizeof(notif)); /* the kernel insists */
    if (ioctl(run->notify_fd, SECCOMP_IOCTL_NOTIF_RECV, &notif) < 0)
        return; /* ENOENT: killed before we looked */
    run->n_notified++;

    struct run_call *call = calloc(1, sizeof(*call));
    if (call == NULL) {
        struct run_call brief = {.id = notif.id};
        call_fail(run, &brief, ENOMEM);
        return;
    }
    sw_list_init(&call->link);
    sw_list_init(&call->by_standin);
    call->id = notif.id;
    call->tid = (pid_t)notif.pid;
    call->nr = notif.data.nr;
    call->foreign = call_is_foreign(notif.data.arch, notif.data.nr);
    for (int i = 0; i < 6; i++)
        call->args[i] = notif.data.args[i];
    call->fd_flags = -1;
    call->fd = -1;

    call_dispatch(run, call);
    run->called = NULL;

    if (call->fd >= 0) {
        close(call->fd);
        call->fd = -1;
    }
    bool held = !sw_list_empty(&call->link);
    SW_ASSERT(call->answered != held);
    if (!held)
        call_free(call);
}
