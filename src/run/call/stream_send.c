/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sendto, sendmsg, sendmmsg of stream stand-ins: only what AF_UNIX would answer otherwise than TCP,
 * or what it could not tell us of. The rest goes on natively.
 *
 *   - not connected: EPIPE with SIGPIPE (AF_UNIX: ENOTCONN)
 *   - an address given with sendto() is passed over (AF_UNIX: EISCONN)
 *   - MSG_OOB is sent by us, so that we know of the mark before we read the far end; of no bytes it
 *     sends none (AF_UNIX: EOPNOTSUPP)
 *   - MSG_MORE, MSG_ZEROCOPY, and what is to be stamped (SO_TIMESTAMPING), are about the bytes of
 * one call: these go into the core at once, behind all that was written natively
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/net_tstamp.h> /* needs <time.h> before it */

#include "run/call/message.h"
#include "run/record.h"

enum {
    PIECE_BYTES = 128 * 1024,
    TCP_PIECE_BYTES = 32 * 1024, /* of what Linux's tcp_sendmsg() copies: a page fragment */
    UNIX_PIECE_SPARE = 64,       /* unix_stream_sendmsg(): a piece is so much less than SO_SNDBUF */
    STAMPS = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_ACK,
};

static int64_t pipe_error(const struct run_call *call, int flags)
{
    if ((flags & MSG_NOSIGNAL) == 0)
        syscall(SYS_tkill, call->tid, SIGPIPE);
    return -EPIPE;
}

static void fail_pipe(struct run *run, struct run_call *call, int flags)
{
    call_answer(run, call, pipe_error(call, flags));
}

/* What a send meets on a broken connection: its error once, from then on EPIPE. */
static int64_t broken(struct run *run, struct run_call *call, int flags)
{
    const struct standin *s = call->standin;
    bool tells = s->state == STANDIN_FAILED || s->error != 0;
    int err = tells ? stream_take_error(run, call) : 0;
    return err != 0 && err != EPIPE ? -err : pipe_error(call, flags);
}

static int judge_control(struct run *run, const struct run_call *call, const struct cmsghdr *h,
                         const void *data, size_t len, void *stamping)
{
    return h->cmsg_level != SOL_SOCKET
               ? 0
               : control_of_socket(run, call, h->cmsg_type, data, len, stamping);
}

/* What a stream makes of control messages: SOL_SOCKET's are judged, and what they say of stamps is
 * kept. AF_UNIX would pass descriptors on. */
static int judge_controls(struct run *run, const struct run_call *call, const struct message *m,
                          struct sw_stamping *ret_stamping)
{
    *ret_stamping = (struct sw_stamping){.given = false};
    return message_controls(run, call, m, judge_control, ret_stamping);
}

/* ---- one message --------------------------------------------------------------------------- */

/* A send under way: what a blocking call sends may go in several pieces. */
struct sending {
    size_t done;
    int flags;
    struct sw_stamping stamping;
    struct message m; /* what is left of it */
};

/* Whether a send that finds no room ends with what it has. */
static bool gives_up(struct run *run, struct run_call *call, const struct sending *sending)
{
    return (sending->flags & MSG_DONTWAIT) != 0 || call_nonblocking(run, call);
}

/* Into the stand-in, as the caller's own call would. Bytes, or a negative errno. */
static int64_t put_natively(struct run *run, struct run_call *call, const struct sending *sending,
                            const void *data, size_t len)
{
    int kept =
        MSG_EOR | (len > 0 && len == sending->m.total ? MSG_OOB : 0); /* the last byte is urgent */
    int fd = standin_fetch(run, call);

    if (fd < 0)
        return fd;
    if ((sending->flags & MSG_OOB) != 0)
        stream_expect_urgent(call->standin);
    ssize_t n = send(fd, data, len, (sending->flags & kept) | MSG_DONTWAIT | MSG_NOSIGNAL);
    int err = errno;
    close(fd);
    return n < 0 ? -err : n;
}

/* Whether the bytes of this call alone are meant by its flags, or are stamped. */
static bool is_followed(struct run *run, const struct standin *s, int flags,
                        const struct sw_stamping *stamping)
{
    uint32_t stamps = stamping->given
                          ? stamping->flags
                          : (uint32_t)standin_option(run, s, SOL_SOCKET, SO_TIMESTAMPING);

    return (flags & (MSG_MORE | MSG_ZEROCOPY)) != 0 || (stamps & STAMPS) != 0;
}

/* Into the core, once that has taken all that was written natively. Bytes, or a negative errno. */
static int64_t put_directly(struct run *run, struct run_call *call, const struct sending *sending,
                            const void *data, size_t len)
{
    struct standin *s = call->standin;
    int flags = sending->flags & (MSG_EOR | MSG_MORE | MSG_ZEROCOPY), waiting = 0;

    stream_take(run, s);
    if (s->state != STANDIN_CONNECTED || s->sock == 0 || s->writing == WRITING_REFUSED)
        return s->state == STANDIN_CONNECTING ? -EAGAIN : -EPIPE;
    if (ioctl(s->far_fd, FIONREAD, &waiting) == 0 && waiting > 0) {
        sw_poll(run->host, s->sock); /* it is told when there is room */
        return -EAGAIN;
    }
    if (len < sending->m.total)
        flags = MSG_MORE | MSG_WAITALL;
    else if (!gives_up(run, call, sending))
        flags |= MSG_WAITALL;
    int64_t n = sw_send_stamped(run->host, s->sock, data, len, flags, &sending->stamping);
    if (n > 0) {
        s->bytes_out += (uint64_t)n;
        record_data(run, s, SW_VIEW_TAKEN, (uint64_t)n);
    }
    return n;
}

/* The next piece. Bytes, or a negative errno. */
static int64_t put_piece(struct run *run, struct run_call *call, struct sending *sending)
{
    struct message *m = &sending->m;
    const struct standin *s = call->standin;
    size_t len = m->total < PIECE_BYTES ? m->total : PIECE_BYTES;
    bool direct = (sending->flags & MSG_OOB) == 0 && len > 0 && !s->put_off &&
                  is_followed(run, s, sending->flags, &sending->stamping);
    char *data = malloc(len + 1);
    int64_t n = data != NULL ? message_gather(run, call->tid, m, data, len) : -ENOBUFS;

    if (n == 0)
        n = direct ? put_directly(run, call, sending, data, len)
                   : put_natively(run, call, sending, data, len);
    free(data);
    if (n > 0) {
        sending->done += (size_t)n;
        message_skip(m, (size_t)n);
    }
    return n;
}

/* What has been sent is the result of a call that waits no longer. */
static void leave_send(struct run *run, struct run_call *call)
{
    const struct sending *sending = call->state;
    if (sending->done > 0)
        call_return(run, call, (int64_t)sending->done);
}

/* What is urgent has arrived when the call returns, as on Linux's lo, and SIGURG with it; and each
 * of several messages before the next, which meets the answer. */
static void arrives(struct run *run, struct standin *s)
{
    if (run->pumping)
        return;
    stream_take(run, s);
    run_pump(run);
}

/* Does for the caller what its call without an address would do. */
static enum run_verdict try_send(struct run *run, struct run_call *call)
{
    struct sending *sending = call->state;
    int64_t n;

    do
        n = put_piece(run, call, sending);
    while (n > 0 && sending->m.total > 0);
    if (n == -EAGAIN && (sending->done == 0 || !gives_up(run, call, sending)))
        return CALL_AGAIN;
    if ((sending->flags & MSG_OOB) != 0 && n >= 0)
        arrives(run, call->standin);
    if (n >= 0 || sending->done > 0)
        call_return(run, call, (int64_t)sending->done);
    else if (n == -EPIPE)
        fail_pipe(run, call, sending->flags);
    else
        call_fail(run, call, (int)-n);
    return CALL_DONE;
}

static void send_special(struct run *run, struct run_call *call, const struct message *m, int flags,
                         const struct sw_stamping *stamping)
{
    struct sending *sending = call->state = malloc(sizeof(*sending));
    if (sending == NULL) {
        call_fail(run, call, ENOBUFS);
        return;
    }
    *sending = (struct sending){.flags = flags, .stamping = *stamping};
    sending->m = *m;
    call->leave = leave_send;
    if ((flags & MSG_DONTWAIT) == 0)
        call_try(run, call, try_send, standin_timeout_ns(run, call->standin, SO_SNDTIMEO), EAGAIN);
    else if (try_send(run, call) == CALL_AGAIN)
        call_fail(run, call, EAGAIN);
}

/* A message that is bad at its end is taken up to the last whole piece before it. With a small
 * SO_SNDBUF those of AF_UNIX are smaller than TCP's, for which this one is a single piece. */
static bool is_bad_piece(struct run *run, const struct run_call *call, const struct message *m)
{
    const struct standin *s = call->standin;

    if (s->sndbuf == 0 || m->total + UNIX_PIECE_SPARE <= (size_t)s->sndbuf ||
        m->total > TCP_PIECE_BYTES)
        return false;
    void *data = malloc(m->total);
    bool bad = data != NULL && message_gather(run, call->tid, m, data, m->total) < 0;
    free(data);
    return bad;
}

void stream_send(struct run *run, struct run_call *call)
{
    struct standin *s = call->standin;
    struct message m;
    struct sw_stamping stamping = {.given = false};
    int flags, err = stream_load(run, call, &m, &flags);
    bool connected = s->state == STANDIN_CONNECTED || s->state == STANDIN_CONNECTING;

    if (err == 0 && connected && (s->program_shut & 2) == 0)
        err = judge_controls(run, call, &m, &stamping);
    if (err < 0) {
        call_fail(run, call, -err);
    } else if ((flags & MSG_FASTOPEN) != 0 && stream_fast_open(run, call, &m, flags)) {
        return;
    } else if (s->state == STANDIN_FRESH || s->state == STANDIN_LISTENING) {
        fail_pipe(run, call, flags);
    } else if (s->state == STANDIN_FAILED || s->error != 0) { /* that of a recvmmsg(), too */
        call_answer(run, call, broken(run, call, flags));
    } else if (m.name == 0 && m.controllen == 0 && (flags & MSG_OOB) == 0 &&
               !is_followed(run, s, flags, &stamping)) {
        if (connected && is_bad_piece(run, call, &m))
            call_fail(run, call, EFAULT);
        else
            call_continue(run, call);
    } else {
        send_special(run, call, &m, flags, &stamping);
    }
}

/* ---- several messages ---------------------------------------------------------------------- */

/* Sends one of several messages. How much of it, or a negative errno; *ret_whole: all of it. */
static int64_t send_one(struct run *run, struct run_call *call, uint64_t at, bool *ret_whole)
{
    struct sending sending = {.flags = (int)call->args[3] | MSG_DONTWAIT};
    struct message *m = &sending.m;
    int64_t r = message_load(run, call->tid, at, true, m);

    if (r == 0 && (call->standin->program_shut & 2) == 0)
        r = judge_controls(run, call, m, &sending.stamping);
    if (r < 0)
        return r;
    do
        r = put_piece(run, call, &sending);
    while (r > 0 && m->total > 0);
    *ret_whole = m->total == 0;
    if (r < 0 && sending.done == 0)
        return r;
    uint32_t sent = (uint32_t)sending.done;
    int err = mem_write(run, call->tid, at + MMSGHDR_LEN, &sent, sizeof(sent));
    return err < 0 ? err : (int64_t)sent;
}

/* The same of sendmmsg(). */
static enum run_verdict try_send_many(struct run *run, struct run_call *call)
{
    uint32_t count = (uint32_t)call->args[2], done = 0;
    int64_t r = 0;

    for (bool whole = true; r >= 0 && whole && done < count && done < IOV_MAX; done += r >= 0) {
        if (done > 0)
            arrives(run, call->standin);
        r = send_one(run, call, call->args[1] + (uint64_t)done * MMSGHDR_BYTES, &whole);
    }
    if (done == 0 && r == -EAGAIN)
        return CALL_AGAIN;
    if (r == -EPIPE)
        r = broken(run, call, (int)call->args[3]);
    call_answer(run, call, done > 0 ? (int64_t)done : r);
    return CALL_DONE;
}

/* What AF_UNIX would answer otherwise; the rest goes on natively. Where there is no connection the
 * first message decides. */
void stream_send_many(struct run *run, struct run_call *call)
{
    struct standin *s = call->standin;
    int flags = (int)call->args[3];
    const struct sw_stamping none = {.given = false};
    bool connected = s->state == STANDIN_CONNECTED || s->state == STANDIN_CONNECTING;
    bool special = (flags & MSG_OOB) != 0 || stream_any_special(run, call) ||
                   is_followed(run, s, flags, &none);

    if (connected && (flags & MSG_FASTOPEN) == 0 && special) {
        if ((flags & MSG_DONTWAIT) == 0)
            call_try(run, call, try_send_many, standin_timeout_ns(run, s, SO_SNDTIMEO), EAGAIN);
        else if (try_send_many(run, call) == CALL_AGAIN)
            call_fail(run, call, EAGAIN);
    } else if (connected || (int)call->args[2] == 0 || (flags & MSG_FASTOPEN) != 0) {
        call_continue(run, call);
    } else {
        stream_send(run, call);
    }
}
