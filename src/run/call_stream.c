/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sendto, sendmsg, recvfrom, recvmsg of stream stand-ins: only what AF_UNIX would answer otherwise
 * than TCP. The rest goes on natively.
 *
 *   - not connected: EPIPE with SIGPIPE, and ENOTCONN (AF_UNIX: ENOTCONN, EINVAL)
 *   - an address given with sendto() is passed over (AF_UNIX: EISCONN)
 *   - an address asked for with recvfrom() has length 0 (AF_UNIX: our far end's name)
 *   - MSG_TRUNC throws bytes away (AF_UNIX copies them)
 *   - recvmsg() tells how much more there is, where TCP_INQ is on
 *   - MSG_ERRQUEUE finds nothing (AF_UNIX would read the stream)
 *   - MSG_OOB is sent by us, so that we know of the mark before we read the far end; of no bytes it
 *     sends none (AF_UNIX: EOPNOTSUPP)
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run/message.h"

enum {
    PIECE_BYTES = 128 * 1024,
    WHOLE_BYTES = 16 * 1024, /* AF_UNIX takes as much in one buffer, or nothing */
};

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

/* The message of a call, of whichever form; of several the first. *ret_flags are the call's. */
int stream_load(struct run *run, struct run_call *call, struct message *m, int *ret_flags)
{
    bool sending = call->nr == SYS_sendmsg || call->nr == SYS_sendmmsg;
    int r;

    *ret_flags = (int)call->args[call->nr == SYS_sendmsg || call->nr == SYS_recvmsg ? 2 : 3];
    if (call->nr == SYS_sendto)
        return message_sendto(run, call, m);
    if (call->nr != SYS_recvfrom)
        return message_load(run, call->tid, call->args[1], sending, m);
    r = message_plain(m, call->args[1], call->args[2]);
    m->name = call->args[4];
    m->namelen_ptr = call->args[5];
    return r;
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
        if ((flags & MSG_MORE) != 0)
            stream_take(run, call->standin, false); /* what was written before does not wait */
        n = send(fd, data, len, (flags & kept) | MSG_DONTWAIT | MSG_NOSIGNAL);
        err = n < 0 ? errno : 0;
        if (n > 0 && (flags & MSG_MORE) != 0)
            stream_take(run, call->standin, true);
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

/* What a stream makes of control messages: SOL_SOCKET's are judged, none is kept. AF_UNIX would
 * pass descriptors on. */
static int judge_controls(const struct message *m)
{
    struct cmsghdr h = {0};
    size_t offset = 0, len;
    const void *data;
    int r;

    while ((r = control_next(m->control_bytes, (size_t)m->controllen, &offset, &h.cmsg_level,
                             &h.cmsg_type, &data, &len)) > 0)
        if (h.cmsg_level == SOL_SOCKET && (r = control_of_socket(h.cmsg_type, data, len)) < 0)
            break;
    return r;
}

/* What the call without an address would not do as well. Whatever is longer than AF_UNIX takes at
 * once goes natively with MSG_MORE, too: it leaves at once, but for blocking calls as a whole. */
static bool is_special(const struct message *m, int flags)
{
    return (flags & MSG_OOB) != 0 || ((flags & MSG_MORE) != 0 && m->total <= WHOLE_BYTES);
}

void stream_send(struct run *run, struct run_call *call)
{
    struct standin *s = call->standin;
    struct message m;
    int flags, err = stream_load(run, call, &m, &flags);
    bool connected = s->state == STANDIN_CONNECTED || s->state == STANDIN_CONNECTING;

    if (err == 0 && connected)
        err = judge_controls(&m);
    if (err < 0) {
        call_fail(run, call, -err);
    } else if ((flags & MSG_FASTOPEN) != 0 && stream_fast_open(run, call, &m, flags)) {
        return;
    } else if (s->state == STANDIN_FRESH || s->state == STANDIN_LISTENING) {
        fail_pipe(run, call, flags);
    } else if (s->state == STANDIN_FAILED) {
        err = stream_take_error(run, call);
        if (err != 0 && err != EPIPE)
            call_fail(run, call, err);
        else
            fail_pipe(run, call, flags);
    } else if (m.name == 0 && m.controllen == 0 && !is_special(&m, flags)) {
        call_continue(run, call);
    } else if ((flags & MSG_DONTWAIT) == 0) {
        call_try(run, call, try_send, standin_timeout_ns(run, s, SO_SNDTIMEO), EAGAIN);
    } else if (try_send(run, call) == CALL_AGAIN) {
        call_fail(run, call, EAGAIN);
    }
}

/* TCP_INQ: recvmsg() is to tell how much more there is. */
static bool wants_inq(struct run *run, const struct run_call *call)
{
    int on = 0;
    size_t len = sizeof(on);
    sw_socket_t sock = call->standin->sock;
    return call->nr == SYS_recvmsg && sock != 0 &&
           sw_getsockopt(run->host, sock, IPPROTO_TCP, TCP_INQ, &on, &len) == 0 && on != 0;
}

/* What lies in the stand-in and in the core; the end of the stream counts as a byte, as in
 * Linux's tcp_inq_hint(). */
static int inq_of(struct run *run, const struct standin *s, int fd)
{
    int near = 0;
    int64_t far = sw_recv_queued(run->host, s->sock);
    (void)ioctl(fd, FIONREAD, &near);
    int all = near + (far > 0 ? (int)far : 0);
    bool ended = (sw_poll(run->host, s->sock) & SW_EV_RDHUP) != 0;
    return all + ended;
}

/* What is written back besides the data. inq -1: nothing is to be told. */
static int write_back(struct run *run, pid_t tid, const struct message *m, uint32_t flags, int inq)
{
    const int no_address = 0;
    struct message_end end = {.flags = flags};
    struct mem_writes w;
    struct control c;
    int room = m->namelen;

    mem_writes_init(&w, run, tid);
    if (m->name != 0) {
        if (m->at == 0 && mem_read(run, tid, m->namelen_ptr, &room, sizeof(room)) < 0)
            return -EFAULT;
        if (room < 0)
            return -EINVAL;
        mem_writes_add(&w, m->namelen_ptr, &no_address, sizeof(no_address));
    }
    if (m->at != 0) {
        control_init(&c, m->controllen);
        if (inq >= 0)
            control_put(&c, IPPROTO_TCP, TCP_CM_INQ, &inq, sizeof(inq));
        message_end_with(&w, m, &c, &end);
    }
    return mem_writes_commit(&w);
}

/* Whether what waits can be written where the message wants it: what does not fit is not to be
 * lost. */
static bool has_room(struct run *run, struct run_call *call, const struct message *m, int fd)
{
    int waiting = 0;
    ioctl(fd, FIONREAD, &waiting);
    for (size_t i = 0, left = (size_t)waiting; i < m->n_iov && left > 0; i++) {
        const struct iovec *piece = &m->iov[i];
        size_t n = piece->iov_len < left ? piece->iov_len : left;
        uint64_t at[2] = {(uintptr_t)piece->iov_base, (uintptr_t)piece->iov_base + n - 1};
        char byte;
        for (int end = 0; n > 0 && end < 2; end++)
            if (mem_read(run, call->tid, at[end], &byte, 1) < 0 ||
                mem_write(run, call->tid, at[end], &byte, 1) < 0)
                return false;
        left -= n;
    }
    return true;
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
    int inq = -1;
    if (fd >= 0) {
        if ((flags & MSG_TRUNC) != 0 || has_room(run, call, &m, fd)) {
            n = recv(fd, data, len, (flags & (MSG_OOB | MSG_PEEK | MSG_TRUNC)) | MSG_DONTWAIT);
            err = n < 0 ? errno : 0;
        } else {
            err = EFAULT;
        }
        if (n >= 0 && wants_inq(run, call))
            inq = inq_of(run, call->standin, fd);
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
    if (err == 0)
        err = -write_back(run, call->tid, &m, (uint32_t)flags & (MSG_CMSG_CLOEXEC | MSG_OOB), inq);
    if (err != 0)
        call_fail(run, call, err);
    else
        call_return(run, call, n);
    return CALL_DONE;
}

/* Bytes that the program has not read yet: they come before any error. */
static bool has_unread(struct run *run, struct run_call *call)
{
    int waiting = 0, fd = standin_fetch(run, call);
    if (fd < 0)
        return false;
    ioctl(fd, FIONREAD, &waiting);
    close(fd);
    return waiting > 0;
}

/* All that comes is the end: of a connection that never began and was shut down, or of one that
 * broke after its peer's FIN. */
static bool at_end(const struct standin *s)
{
    return (s->state == STANDIN_FRESH && (s->program_shut & 1) != 0) ||
           (s->state == STANDIN_FAILED && s->reading == READING_ENDED);
}

/* What is said before anything is read, as tcp_recvmsg() says it: 0 or a negative errno. */
static int receive_error(struct run *run, struct run_call *call, int flags)
{
    struct standin *s = call->standin;

    if ((flags & MSG_ERRQUEUE) != 0)
        return -EAGAIN;
    if (s->state == STANDIN_LISTENING)
        return -ENOTCONN;
    if ((s->state == STANDIN_FRESH || s->state == STANDIN_FAILED) && (flags & MSG_OOB) != 0)
        return -EINVAL;
    if (at_end(s))
        return 0;
    if (s->state == STANDIN_FRESH)
        return -ENOTCONN;
    return s->state == STANDIN_FAILED && !has_unread(run, call) ? -stream_take_error(run, call) : 0;
}

void stream_receive(struct run *run, struct run_call *call)
{
    struct standin *s = call->standin;
    struct message m;
    int flags, err = stream_load(run, call, &m, &flags);

    if (err == 0)
        err = receive_error(run, call, flags);
    if (err == 0 && at_end(s) && !has_unread(run, call)) {
        if (m.name != 0 || m.at != 0)
            err = write_back(run, call->tid, &m, 0, -1);
        call_answer(run, call, err);
        return;
    }
    if (err < 0) {
        call_fail(run, call, -err);
    } else if (m.name == 0 && (flags & MSG_TRUNC) == 0 && !wants_inq(run, call)) {
        call_continue(run, call);
    } else if ((flags & MSG_DONTWAIT) == 0) {
        call_try(run, call, try_receive, standin_timeout_ns(run, s, SO_RCVTIMEO), EAGAIN);
    } else if (try_receive(run, call) == CALL_AGAIN) {
        call_fail(run, call, EAGAIN);
    }
}

/* Whether any of a sendmmsg() has an address or control messages. */
static bool any_special(struct run *run, const struct run_call *call)
{
    uint32_t count = (uint32_t)call->args[2];

    for (uint32_t i = 0; i < count && i < IOV_MAX; i++) {
        uint64_t header[MSGHDR_BYTES / 8], at = call->args[1] + (uint64_t)i * MMSGHDR_BYTES;
        if (mem_read(run, call->tid, at, header, sizeof(header)) < 0)
            return false;
        if (header[0] != 0 || header[MSGHDR_CONTROLLEN / 8] != 0)
            return true;
    }
    return false;
}

/* Sends one of several messages. How much of it, or a negative errno; *ret_whole: all of it. */
static int64_t send_one(struct run *run, struct run_call *call, uint64_t at, int fd,
                        bool *ret_whole)
{
    struct message m;
    int flags = (int)call->args[3];
    int64_t r = message_load(run, call->tid, at, true, &m);

    if (r == 0)
        r = judge_controls(&m);
    if (r < 0)
        return r;
    size_t len = m.total < PIECE_BYTES ? m.total : PIECE_BYTES;
    char *data = malloc(len + 1);
    r = data != NULL ? message_gather(run, call->tid, &m, data, len) : -ENOBUFS;
    if (r == 0) {
        int kept = MSG_MORE | MSG_EOR | (len > 0 && len == m.total ? MSG_OOB : 0);
        r = send(fd, data, len, (flags & kept) | MSG_DONTWAIT | MSG_NOSIGNAL);
        r = r < 0 ? -errno : r;
    }
    free(data);
    *ret_whole = r >= 0 && (size_t)r == m.total;
    uint32_t sent = (uint32_t)r;
    if (r >= 0 && mem_write(run, call->tid, at + MMSGHDR_LEN, &sent, sizeof(sent)) < 0)
        r = -EFAULT;
    return r;
}

/* The same of sendmmsg(): addresses are passed over, AF_UNIX would take offence. */
static enum run_verdict try_send_many(struct run *run, struct run_call *call)
{
    uint32_t count = (uint32_t)call->args[2], done = 0;
    int fd = standin_fetch(run, call);
    int64_t r = fd < 0 ? -EBADF : 0;

    if (((int)call->args[3] & MSG_OOB) != 0)
        stream_expect_urgent(call->standin);
    for (bool whole = true; r >= 0 && whole && done < count && done < IOV_MAX; done += r >= 0)
        r = send_one(run, call, call->args[1] + (uint64_t)done * MMSGHDR_BYTES, fd, &whole);
    if (fd >= 0)
        close(fd);
    if (done == 0 && r == -EAGAIN)
        return CALL_AGAIN;
    if (done == 0 && r == -EPIPE)
        fail_pipe(run, call, (int)call->args[3]);
    else
        call_answer(run, call, done > 0 ? (int64_t)done : r);
    return CALL_DONE;
}

/* Receives one of several messages. 0 or a negative errno. */
static int receive_one(struct run *run, struct run_call *call, uint64_t at, int fd)
{
    struct message m;
    int flags = (int)call->args[3];
    int r = message_load(run, call->tid, at, false, &m);

    if (r < 0)
        return r;
    size_t len = m.total < PIECE_BYTES ? m.total : PIECE_BYTES;
    char *data = malloc(len + 1);
    if (data == NULL)
        return -ENOBUFS;
    ssize_t n = -1;
    r = -EFAULT;
    if ((flags & MSG_TRUNC) != 0 || has_room(run, call, &m, fd)) {
        n = recv(fd, data, len, (flags & (MSG_OOB | MSG_PEEK | MSG_TRUNC)) | MSG_DONTWAIT);
        r = n < 0 ? -errno : 0;
    }
    if (n > 0 && (flags & MSG_TRUNC) == 0)
        r = message_scatter(run, call->tid, &m, data, (size_t)n);
    free(data);
    if (r == 0)
        r = write_back(run, call->tid, &m, (uint32_t)flags & (MSG_CMSG_CLOEXEC | MSG_OOB), -1);
    uint32_t got = (uint32_t)n;
    return r < 0 ? r : mem_write(run, call->tid, at + MMSGHDR_LEN, &got, sizeof(got));
}

/* recvmmsg(): addresses have length 0. It waits for the first. */
static enum run_verdict try_receive_many(struct run *run, struct run_call *call)
{
    uint32_t count = (uint32_t)call->args[2], done = 0;
    int fd = standin_fetch(run, call), r = fd < 0 ? -EBADF : 0;

    for (; r == 0 && done < count && done < IOV_MAX; done += r == 0)
        r = receive_one(run, call, call->args[1] + (uint64_t)done * MMSGHDR_BYTES, fd);
    if (fd >= 0)
        close(fd);
    if (done == 0 && r == -EAGAIN)
        return CALL_AGAIN;
    call_answer(run, call, done > 0 ? (int64_t)done : r);
    return CALL_DONE;
}

/* What AF_UNIX would answer otherwise; the rest goes on natively. Where there is no connection the
 * first message decides. */
void stream_many(struct run *run, struct run_call *call)
{
    struct standin *s = call->standin;
    int flags = (int)call->args[3];
    bool connected = s->state == STANDIN_CONNECTED || s->state == STANDIN_CONNECTING;
    bool sends = call->nr == SYS_sendmmsg;
    int native = sends ? MSG_FASTOPEN : MSG_ERRQUEUE | MSG_WAITALL;
    int special = sends ? MSG_OOB : MSG_TRUNC;

    if (connected && (flags & native) == 0 && ((flags & special) != 0 || any_special(run, call))) {
        run_try_fn *try = sends ? try_send_many : try_receive_many;
        int timeout = sends ? SO_SNDTIMEO : SO_RCVTIMEO;
        if ((flags & MSG_DONTWAIT) == 0)
            call_try(run, call, try, standin_timeout_ns(run, s, timeout), EAGAIN);
        else if (try(run, call) == CALL_AGAIN)
            call_fail(run, call, EAGAIN);
    } else if (connected || (int)call->args[2] == 0 || (sends && (flags & MSG_FASTOPEN) != 0)) {
        call_continue(run, call);
    } else if (sends) {
        stream_send(run, call);
    } else {
        stream_receive(run, call);
    }
}
