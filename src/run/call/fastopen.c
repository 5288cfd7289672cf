/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sendto(2), sendmsg(2) of a stream with MSG_FASTOPEN: connect() and the first bytes in one call
 * (RFC 7413, tcp(7)).
 *
 * What the SYN carries the core has taken once sw_send() returns. Who does not wait is told how
 * much that is, or EINPROGRESS if none could go; the stand-in then shows the attempt as after
 * connect(). Who waits does so for the connection, and then for room for the rest, which goes into
 * the core by the same call, past the stand-in: nothing can have been written there before.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "run/call/message.h"
#include "run/record.h"

enum { PIECE_BYTES = 128 * 1024 };

/* While the call is held. */
struct fast_open {
    struct sw_addr to;
    size_t sent;
    bool connected;
};

static int show(struct run *run, struct run_call *call)
{
    int fd = standin_fetch(run, call);
    int err = fd < 0 ? fd : connect_show(run, call, fd);
    if (fd >= 0)
        close(fd);
    return err;
}

/* 1: there is a connection; 0: not yet; else the call has been answered. */
static int try_connected(struct run *run, struct run_call *call, struct fast_open *f)
{
    struct standin *s = call->standin;
    int err = sw_connect(run->host, s->sock, &f->to);

    if (err == -EALREADY || err == -EINPROGRESS)
        return 0;
    if (err < 0) {
        if (s->state == STANDIN_CONNECTING)
            stream_failed(run, s, -err);
        call_fail(run, call, -err);
        return -1;
    }
    if (s->state == STANDIN_FRESH || s->state == STANDIN_CONNECTING)
        err = show(run, call);
    if (err < 0) {
        connect_give_up(run, call, -err);
        return -1;
    }
    f->connected = true;
    return 1;
}

/* Some more of the message, behind what was sent. How much, 0 at its end, or a negative errno. */
static int64_t send_more(struct run *run, struct run_call *call, size_t sent)
{
    struct message m;
    int flags, err = stream_load(run, call, &m, &flags);
    if (err < 0)
        return err;
    message_skip(&m, sent);
    size_t len = m.total < PIECE_BYTES ? m.total : PIECE_BYTES;
    char *data = malloc(len + 1);
    int64_t n = data != NULL ? message_gather(run, call->tid, &m, data, len) : -ENOBUFS;
    if (n == 0 && len > 0)
        n = sw_send(run->host, call->standin->sock, data, len, 0, NULL);
    free(data);
    if (n > 0)
        record_data(run, call->standin, SW_VIEW_TAKEN, (uint64_t)n);
    return n;
}

static enum run_verdict try_fast_open(struct run *run, struct run_call *call)
{
    struct fast_open *f = call->state;
    int64_t n = 1;

    if (!f->connected) {
        int r = try_connected(run, call, f);
        if (r <= 0)
            return r < 0 ? CALL_DONE : CALL_AGAIN;
    }
    while (n > 0) {
        n = send_more(run, call, f->sent);
        if (n > 0)
            f->sent += (size_t)n;
    }
    if (n == -EAGAIN)
        return CALL_AGAIN;
    call_answer(run, call, f->sent > 0 ? (int64_t)f->sent : n);
    return CALL_DONE;
}

/* The caller waits no longer; the attempt goes on, and poll must show it. */
static void leave_fast_open(struct run *run, struct run_call *call)
{
    struct fast_open *f = call->state;

    if (call->standin->state == STANDIN_FRESH && call->standin->sock != 0)
        (void)show(run, call);
    if (f->sent > 0)
        call_return(run, call, (int64_t)f->sent);
}

static void wait_fast_open(struct run *run, struct run_call *call, const struct sw_addr *to,
                           int64_t sent)
{
    struct fast_open *f = malloc(sizeof(*f));
    if (f == NULL) {
        call_fail(run, call, ENOMEM);
        return;
    }
    *f = (struct fast_open){.to = *to, .sent = sent > 0 ? (size_t)sent : 0};
    call->state = f;
    connect_wait(run, call, try_fast_open, leave_fast_open);
}

/* Has the core send the SYN: how much went with it, or a negative errno. */
static int64_t start(struct run *run, struct run_call *call, const struct message *m, bool waits,
                     const struct sw_addr *to)
{
    size_t len = m->total < PIECE_BYTES ? m->total : PIECE_BYTES;
    char *data = malloc(len + 1);
    int64_t n = data != NULL ? message_gather(run, call->tid, m, data, len) : -ENOBUFS;

    if (n == 0)
        n = sw_send(run->host, call->standin->sock, data, len,
                    SW_MSG_FASTOPEN | (waits ? SW_MSG_WAITALL : 0), to);
    free(data);
    if (n > 0)
        record_data(run, call->standin, SW_VIEW_TAKEN, (uint64_t)n);
    return n;
}

/* *ret_to stays as it is where the message gives none. */
static int judge_to(struct run *run, struct run_call *call, const struct message *m,
                    const struct sw_addr **ret_to)
{
    if (m->name == 0)
        return 0;
    int err = given_addr_check(&m->to, call->standin->ipv6 ? AF_INET6 : AF_INET);
    if (err == -EAFNOSUPPORT && m->to.family == AF_UNSPEC)
        err = -EOPNOTSUPP;
    if (err < 0)
        return err;
    record_addr(run, call, &m->to.addr);
    *ret_to = &m->to.addr;
    return 0;
}

/* The connection is there already: an attempt that went well is told of once. */
static int meet_again(struct run *run, struct standin *s, const struct sw_addr *to)
{
    return to != NULL ? sw_connect(run->host, s->sock, to) : -EISCONN;
}

/* The SYN is on its way, with `n` bytes or (-EINPROGRESS) with none. */
static void follow(struct run *run, struct run_call *call, const struct sw_addr *to, int64_t n)
{
    struct standin *s = call->standin;
    int err = 0;

    if (s->state != STANDIN_FRESH && s->state != STANDIN_CONNECTING)
        err = connect_renew(run, call);
    if (err == 0) {
        run_pump(run);
        if (to != NULL) {
            wait_fast_open(run, call, to, n);
            return;
        }
        if (s->state == STANDIN_FRESH)
            err = show(run, call);
    }
    if (err < 0)
        connect_give_up(run, call, -err);
    else
        call_answer(run, call, n);
}

bool stream_fast_open(struct run *run, struct run_call *call, const struct message *m, int flags)
{
    struct standin *s = call->standin;
    const struct sw_addr *to = NULL;
    bool waits = (flags & MSG_DONTWAIT) == 0 && !call_nonblocking(run, call);

    if (s->put_off)
        return false;
    int64_t n = judge_to(run, call, m, &to);
    if (n == 0 && s->sock == 0)
        n = -EPIPE;
    if (n == 0 && s->state == STANDIN_CONNECTED && (sw_poll(run->host, s->sock) & SW_EV_HUP) == 0) {
        n = meet_again(run, s, to);
        if (n == 0)
            return false;
    }
    if (n == 0 && to != NULL)
        connect_forget_dead(run, to);
    if (n == 0)
        n = start(run, call, m, waits, to);
    if (n >= 0 || n == -EINPROGRESS || (n == -EALREADY && waits && to != NULL))
        follow(run, call, waits ? to : NULL, n);
    else
        call_fail(run, call, (int)-n);
    return true;
}
