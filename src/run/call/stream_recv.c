/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * recvfrom, recvmsg, recvmmsg of stream stand-ins: only what AF_UNIX would answer otherwise than
 * TCP. The rest goes on natively. (What is sent is call/stream_send.c's; MSG_ERRQUEUE is
 * call/recv.c's.)
 *
 *   - not connected: ENOTCONN (AF_UNIX: EINVAL)
 *   - an address asked for with recvfrom() has length 0 (AF_UNIX: our far end's name)
 *   - MSG_TRUNC throws bytes away (AF_UNIX copies them)
 *   - recvmsg() tells when the last bytes came, where SO_TIMESTAMP is on, and how much more there
 * is, where TCP_INQ is
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run/call/message.h"

enum { PIECE_BYTES = 128 * 1024 };

bool stream_told_natively(struct run *run, struct run_call *call)
{
    const struct standin *s = call->standin;
    int native = 0, fd = -1;
    socklen_t len = sizeof(native);

    if (s->state == STANDIN_FAILED && s->error_is_native)
        fd = standin_fetch(run, call);
    if (fd < 0)
        return false;
    bool clear = getsockopt(fd, SOL_SOCKET, SO_ERROR, &native, &len) == 0 && native == 0;
    close(fd);
    return clear;
}

int stream_take_error(struct run *run, struct run_call *call)
{
    struct standin *s = call->standin;
    int err = s->error;

    s->error = 0;
    if (err == 0 && s->sock != 0)
        err = sw_take_error(run->host, s->sock);
    return err > 0 && !stream_told_natively(run, call) ? err : 0;
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

/* TCP_INQ: recvmsg() is to tell how much more there is. */
static bool wants_inq(struct run *run, const struct run_call *call)
{
    return standin_option(run, call->standin, IPPROTO_TCP, TCP_INQ) != 0;
}

/* Whether control messages are to come with what is read. */
static bool wants_controls(struct run *run, const struct run_call *call)
{
    return call->nr == SYS_recvmsg && call->standin->sock != 0 &&
           (wants_inq(run, call) || wants_time(run, call->standin));
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

/* What is written back besides the data; `controls`: made when it was read, or NULL. */
static int write_back(struct run *run, pid_t tid, const struct message *m, uint32_t flags,
                      const struct control *controls)
{
    static const struct control none = {0};
    const int no_address = 0;
    struct message_end end = {.flags = flags};
    struct mem_writes w;
    int room = m->namelen;

    mem_writes_init(&w, run, tid);
    if (m->name != 0) {
        if (m->at == 0 && mem_read(run, tid, m->namelen_ptr, &room, sizeof(room)) < 0)
            return -EFAULT;
        if (room < 0)
            return -EINVAL;
        mem_writes_add(&w, m->namelen_ptr, &no_address, sizeof(no_address));
    }
    if (m->at != 0)
        message_end_with(&w, m, controls != NULL ? controls : &none, &end);
    return mem_writes_commit(&w);
}

/* What is told of bytes just read, as tcp_recvmsg() has it. */
static void make_controls(struct run *run, const struct run_call *call, int fd, struct control *c)
{
    const struct standin *s = call->standin;

    if (s->sock == 0)
        return;
    control_of_time(run, s, s->read_at_ns, false, c);
    if (wants_inq(run, call)) {
        int inq = inq_of(run, s, fd);
        control_put(c, IPPROTO_TCP, TCP_CM_INQ, &inq, sizeof(inq));
    }
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
    struct control controls;
    control_init(&controls, m.controllen);
    if (fd >= 0) {
        if ((flags & (MSG_TRUNC | MSG_OOB)) != 0 || has_room(run, call, &m, fd)) {
            n = recv(fd, data, len, (flags & (MSG_OOB | MSG_PEEK | MSG_TRUNC)) | MSG_DONTWAIT);
            err = n < 0 ? errno : 0;
        } else {
            err = EFAULT;
        }
        if (n >= 0 && m.at != 0)
            make_controls(run, call, fd, &controls);
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
        err = -write_back(run, call->tid, &m, (uint32_t)flags & (MSG_CMSG_CLOEXEC | MSG_OOB),
                          &controls);
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
 * broke after its peer's FIN (EPIPE says so). */
static bool at_end(const struct standin *s)
{
    return (s->state == STANDIN_FRESH && (s->program_shut & 1) != 0) ||
           (s->state == STANDIN_FAILED && (s->reading == READING_ENDED || s->error == EPIPE));
}

/* What is said before anything is read, as tcp_recvmsg() says it: 0 or a negative errno. */
static int receive_error(struct run *run, struct run_call *call, int flags)
{
    struct standin *s = call->standin;

    if ((s->state == STANDIN_FRESH || s->state == STANDIN_FAILED) && (flags & MSG_OOB) != 0)
        return -EINVAL;
    if (at_end(s))
        return 0;
    if (s->state == STANDIN_FRESH || s->state == STANDIN_LISTENING)
        return -ENOTCONN;
    /* Also that which ended a recvmmsg() early. */
    bool error = s->state == STANDIN_FAILED || s->error != 0;
    return error && !has_unread(run, call) ? -stream_take_error(run, call) : 0;
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
            err = write_back(run, call->tid, &m, 0, NULL);
        call_answer(run, call, err);
        return;
    }
    if (err < 0) {
        call_fail(run, call, -err);
    } else if (m.name == 0 && (flags & MSG_TRUNC) == 0 && !wants_controls(run, call)) {
        call_continue(run, call);
    } else if ((flags & MSG_DONTWAIT) == 0) {
        call_try(run, call, try_receive, standin_timeout_ns(run, s, SO_RCVTIMEO), EAGAIN);
    } else if (try_receive(run, call) == CALL_AGAIN) {
        call_fail(run, call, EAGAIN);
    }
}

bool stream_any_special(struct run *run, const struct run_call *call)
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
    struct control controls;
    control_init(&controls, m.controllen);
    r = -EFAULT;
    if ((flags & (MSG_TRUNC | MSG_OOB)) != 0 || has_room(run, call, &m, fd)) {
        n = recv(fd, data, len, (flags & (MSG_OOB | MSG_PEEK | MSG_TRUNC)) | MSG_DONTWAIT);
        r = n < 0 ? -errno : 0;
        if (n < 0 && at_end(call->standin))
            n = r = 0;
        if (n >= 0)
            make_controls(run, call, fd, &controls);
    }
    if (n > 0 && (flags & MSG_TRUNC) == 0)
        r = message_scatter(run, call->tid, &m, data, (size_t)n);
    free(data);
    if (r == 0)
        r = write_back(run, call->tid, &m, (uint32_t)flags & (MSG_CMSG_CLOEXEC | MSG_OOB),
                       &controls);
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
    if (done > 0 && r < 0 && r != -EAGAIN)
        call->standin->error = -r; /* SO_ERROR reports it */
    call_answer(run, call, done > 0 ? (int64_t)done : r);
    return CALL_DONE;
}

/* What AF_UNIX would answer otherwise; the rest goes on natively. Where there is no connection, and
 * nothing left to read of one, the first message decides. */
void stream_receive_many(struct run *run, struct run_call *call)
{
    struct standin *s = call->standin;
    int flags = (int)call->args[3];
    bool connected = s->state == STANDIN_CONNECTED || s->state == STANDIN_CONNECTING;
    bool special = (flags & MSG_TRUNC) != 0 || stream_any_special(run, call);
    bool left = at_end(s) || (s->state == STANDIN_FAILED && has_unread(run, call));

    if (left || (connected && (flags & MSG_WAITALL) == 0 && special)) {
        if ((flags & MSG_DONTWAIT) == 0)
            call_try(run, call, try_receive_many, standin_timeout_ns(run, s, SO_RCVTIMEO), EAGAIN);
        else if (try_receive_many(run, call) == CALL_AGAIN)
            call_fail(run, call, EAGAIN);
    } else if (connected || (int)call->args[2] == 0) {
        call_continue(run, call);
    } else {
        stream_receive(run, call);
    }
}
