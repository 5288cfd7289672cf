/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sendto, sendmsg, recvfrom, recvmsg of stream stand-ins: only what AF_UNIX would answer otherwise
 * than TCP. The rest goes on natively.
 *
 *   - not connected: EPIPE with SIGPIPE, and ENOTCONN (AF_UNIX: ENOTCONN, EINVAL)
 *   - an address given with sendto() is passed over (AF_UNIX: EISCONN)
 *   - an address asked for with recvfrom() has length 0 (AF_UNIX: our far end's name)
 *   - MSG_ERRQUEUE finds nothing (AF_UNIX would read the stream)
 *   - MSG_OOB is sent by us, so that we know of the mark before we read the far end; of no bytes it
 *     sends none (AF_UNIX: EOPNOTSUPP)
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run/message.h"

enum { PIECE_BYTES = 128 * 1024 };

int stream_take_error(struct run *run, struct run_call *call)
{
    struct standin *s = call->standin;
    int err = s->error, native = 0;
    socklen_t len = sizeof(native);

    s->error = 0;
    if (err == 0 && s->sock != 0)
        err = sw_take_error(run->host, s->sock);
    if (err <= 0 || s->state != STANDIN_FAILED || !s->error_is_native)
        return err > 0 ? err : 0;
    /* It is mirrored there as ECONNRESET, and reading clears it. If it is clear already, a native
     * call has reported it. */
    int fd = standin_fetch(run, call);
    if (fd < 0)
        return err;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &native, &len) == 0 && native == 0)
        err = 0;
    close(fd);
    return err;
}

static void fail_pipe(struct run *run, struct run_call *call, int flags)
{
    if ((flags & MSG_NOSIGNAL) == 0)
        syscall(SYS_tkill, call->tid, SIGPIPE);
    call_fail(run, call, EPIPE);
}

int stream_load(struct run *run, struct run_call *call, struct message *m, int *ret_flags)
{
    if (call->nr == SYS_sendto || call->nr == SYS_recvfrom) {
        message_plain(m, call->args[1], call->args[2]);
        m->name = call->args[4];
        m->namelen = (int)call->args[5];
        m->namelen_ptr = call->args[5];
        *ret_flags = (int)call->args[3];
        return 0;
    }
    *ret_flags = (int)call->args[2];
    return message_load(run, call->tid, call->args[1], m);
}

/* Does for the caller what its call without an address would do. */
static enum run_verdict try_send(struct run *run, struct run_call *call)
{
    struct message m;
    int flags, err = stream_load(run, call, &m, &flags);
    if (err < 0) {
        call_fail(run, call, -err);
        return CALL_DONE;
    }
    size_t len = m.total < PIECE_BYTES ? m.total : PIECE_BYTES;
    char *data = malloc(len + 1);
    err = data != NULL ? message_gather(run, call->tid, &m, data, len) : -ENOBUFS;
    int fd = err == 0 ? standin_fetch(run, call) : err;
    ssize_t n = -1;
    if (fd >= 0) {
        int kept = MSG_MORE | MSG_EOR;
        if ((flags & MSG_OOB) != 0)
            stream_expect_urgent(call->standin);
        if (len > 0 && len == m.total)
            kept |= MSG_OOB; /* else its last byte goes with a later call */
        n = send(fd, data, len, (flags & kept) | MSG_DONTWAIT | MSG_NOSIGNAL);
        err = n < 0 ? errno : 0;
        close(fd);
    } else {
        err = -fd;
    }
    free(data);
    if (n < 0 && err == EAGAIN)
        return CALL_AGAIN;
    if (n >= 0)
        call_return(run, call, n);
    else if (err == EPIPE)
        fail_pipe(run, call, flags);
    else
        call_fail(run, call, err);
    return CALL_DONE;
}

void stream_send(struct run *run, struct run_call *call)
{
    struct standin *s = call->standin;
    struct message m;
    int flags, err = stream_load(run, call, &m, &flags);

    if (err < 0) {
        call_fail(run, call, -err);
    } else if ((flags & MSG_FASTOPEN) != 0 && stream_fast_open(run, call, &m, flags)) {
        return;
    } else if (s->state == STANDIN_FRESH || s->state == STANDIN_LISTENING) {
        fail_pipe(run, call, flags);
    } else if (s->state == STANDIN_FAILED) {
        err = stream_take_error(run, call);
        if (err != 0)
            call_fail(run, call, err);
        else
            fail_pipe(run, call, flags);
    } else if (m.name == 0 && (flags & MSG_OOB) == 0) {
        call_continue(run, call);
    } else if ((flags & MSG_DONTWAIT) == 0) {
        call_try(run, call, try_send, standin_timeout_ns(run, s, SO_SNDTIMEO), EAGAIN);
    } else if (try_send(run, call) == CALL_AGAIN) {
        call_fail(run, call, EAGAIN);
    }
}

/* What is written back besides the data. */
static int write_back(struct run *run, pid_t tid, const struct message *m, uint32_t flags)
{
    const uint64_t no_control = 0;
    const int no_address = 0;

    if (mem_write(run, tid, m->namelen_ptr, &no_address, sizeof(no_address)) < 0)
        return -EFAULT;
    if (m->at == 0)
        return 0;
    if (mem_write(run, tid, m->at + MSGHDR_FLAGS, &flags, sizeof(flags)) < 0 ||
        mem_write(run, tid, m->at + MSGHDR_CONTROLLEN, &no_control, sizeof(no_control)) < 0)
        return -EFAULT;
    return 0;
}

/* Does for the caller what its call without room for an address would do. */
static enum run_verdict try_receive(struct run *run, struct run_call *call)
{
    struct message m;
    int flags, err = stream_load(run, call, &m, &flags);
    if (err < 0) {
        call_fail(run, call, -err);
        return CALL_DONE;
    }
    size_t len = m.total < PIECE_BYTES ? m.total : PIECE_BYTES;
    char *data = malloc(len + 1);
    int fd = data != NULL ? standin_fetch(run, call) : -ENOBUFS;
    ssize_t n = -1;
    if (fd >= 0) {
        n = recv(fd, data, len, (flags & (MSG_OOB | MSG_PEEK | MSG_TRUNC)) | MSG_DONTWAIT);
        err = n < 0 ? errno : 0;
        close(fd);
    } else {
        err = -fd;
    }
    if (n > 0 && (flags & MSG_TRUNC) == 0 &&
        message_scatter(run, call->tid, &m, data, (size_t)n) < 0)
        err = EFAULT;
    free(data);
    if (n < 0 && err == EAGAIN)
        return CALL_AGAIN;
    if (err == 0 &&
        write_back(run, call->tid, &m, (uint32_t)flags & (MSG_CMSG_CLOEXEC | MSG_OOB)) < 0)
        err = EFAULT;
    if (err != 0)
        call_fail(run, call, err);
    else
        call_return(run, call, n);
    return CALL_DONE;
}

void stream_receive(struct run *run, struct run_call *call)
{
    struct standin *s = call->standin;
    struct message m;
    int flags, err = stream_load(run, call, &m, &flags);

    if (err == 0 && (flags & MSG_ERRQUEUE) != 0)
        err = -EAGAIN;
    else if (err == 0 && (s->state == STANDIN_FRESH || s->state == STANDIN_LISTENING))
        err = -ENOTCONN;
    else if (err == 0 && s->state == STANDIN_FAILED)
        err = -stream_take_error(run, call);
    if (err < 0) {
        call_fail(run, call, -err);
    } else if (m.name == 0) {
        call_continue(run, call);
    } else if ((flags & MSG_DONTWAIT) == 0) {
        call_try(run, call, try_receive, standin_timeout_ns(run, s, SO_RCVTIMEO), EAGAIN);
    } else if (try_receive(run, call) == CALL_AGAIN) {
        call_fail(run, call, EAGAIN);
    }
}
