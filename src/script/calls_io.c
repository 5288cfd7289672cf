/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls that move bytes. What a script writes are not its own bytes but a pattern (wire_payload())
 * that depends on the place in the stream, so that both what leaves and what is read can be checked
 * byte by byte without the script saying anything.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "script/private.h"

/* Sizes of a vector [{..., 10}, {..., 20}] together. */
static bool vector_len(struct run *run, const struct expr *e, size_t *ret_len)
{
    *ret_len = 0;
    if (e->kind != EXPR_LIST)
        return script_fail(run->script, SCRIPT_SYNTAX, e->pos,
                           "a vector is [{..., 10}, {..., 20}]");
    for (size_t i = 0; i < e->count; i++) {
        const struct expr *v = e->items[i];
        if (v->kind != EXPR_STRUCT || v->count != 2 || v->items[1]->kind != EXPR_NUMBER)
            return script_fail(run->script, SCRIPT_SYNTAX, v->pos,
                               "an element of a vector is {..., 10}");
        if (v->items[0]->kind == EXPR_NULL)
            return unsupported(run, v->pos, "NULL in a vector");
        *ret_len += (size_t)v->items[1]->number;
    }
    return true;
}

bool arg_len(struct run *run, struct scall *call, size_t i, size_t *ret_len)
{
    long long len;
    if (!arg_number(run, call, i, &len))
        return false;
    if (len < 0 || len > 1LL << 30)
        return unsupported(run, call->args[i]->pos, "a length of this size");
    *ret_len = (size_t)len;
    return true;
}

/* The library has no such address: it is its caller, here the script's program, that has EFAULT. */
static bool null_buffer(const struct scall *call, size_t len)
{
    return call->args[1]->kind == EXPR_NULL && len > 0;
}

/* ---- sending ---------------------------------------------------------------------------- */

static bool send_flags(struct run *run, struct scall *call, size_t i, long long *ret_flags)
{
    *ret_flags = 0;
    return arg_number(run, call, i, ret_flags);
}

/* One try of a call that sends, from byte `done` on. */
static int64_t try_send(struct run *run, struct sfd *sfd, size_t len, int flags,
                        const struct sw_addr *to, uint64_t *done)
{
    int64_t r = -ENOMEM;
    uint8_t *bytes = malloc(len > 0 ? len : 1);
    if (bytes == NULL)
        return r;
    for (size_t i = 0; i < len; i++)
        bytes[i] = wire_payload((sfd->stream ? sfd->sent - *done : 0) + i);
    do {
        r = sw_send(run->host, sfd->socket, bytes + *done, len - *done, flags, to);
        if (r > 0) {
            *done += (uint64_t)r;
            sfd->sent += (uint64_t)r;
        }
        flags &= ~(SW_MSG_FASTOPEN | SW_MSG_WAITALL | SW_MSG_ZEROCOPY); /* one call, told of once */
    } while (r > 0 && sfd->stream && *done < len);
    free(bytes);
    return r;
}

/* A call that connects and sends (Fast Open). A blocking one sleeps until the connection is there.
 */
static int64_t send_fast(struct run *run, struct sfd *sfd, size_t len, long long flags,
                         const struct sw_addr *to)
{
    bool waits = !sfd->nonblocking && !(flags & MSG_DONTWAIT);
    int how = (int)(flags & (SW_MSG_FASTOPEN | SW_MSG_ZEROCOPY)) | (waits ? SW_MSG_WAITALL : 0);
    uint64_t done = run->pending.done;
    int64_t r;
    if (run->pending.event == NULL) {
        bool begins = sfd->put_off || sfd->flow->state == FLOW_NEW;
        r = try_send(run, sfd, len, how, to, &done);
        if (done > 0)
            r = (int64_t)done;
        if (begins && !sfd->put_off && (r > 0 || r == -EINPROGRESS))
            flow_connects(run, sfd, to);
        sfd->put_off = false;
        if (!begins || !waits || (r < 0 && r != -EINPROGRESS))
            return begins ? r : sleep_or(sfd, flags, r);
        run->pending.fast = true;
    } else {
        r = sw_connect(run->host, sfd->socket, &sfd->flow->remote);
        if (r == 0 && done < len)
            r = try_send(run, sfd, len, 0, NULL, &done);
        if (r != -EALREADY && r != -EAGAIN)
            return r < 0 ? r : (int64_t)done;
    }
    run->pending.done = done;
    return CALL_SLEEPS;
}

/* A sleeping writer is woken when it may write, not by each crumb of room. */
static bool sleeps_on(struct run *run, const struct sfd *sfd)
{
    return run->pending.event != NULL && sfd->stream &&
           (sw_poll(run->host, sfd->socket) & (SW_EV_OUT | SW_EV_ERR | SW_EV_HUP)) == 0;
}

void io_send(struct run *run, struct sfd *sfd, size_t len, long long flags,
             const struct sw_addr *to, int64_t *ret_result)
{
    uint64_t done = run->pending.done;
    if (sfd->stream && ((flags & MSG_FASTOPEN) || sfd->put_off || run->pending.fast)) {
        *ret_result = send_fast(run, sfd, len, flags, to);
        return;
    }
    if (sleeps_on(run, sfd)) {
        *ret_result = CALL_SLEEPS;
        return;
    }
    long long pass = SW_MSG_MORE | SW_MSG_OOB | SW_MSG_EOR | (done == 0 ? SW_MSG_ZEROCOPY : 0);
    int64_t r = try_send(run, sfd, len, (int)(flags & pass), to, &done);
    *ret_result = sleep_or(sfd, flags, r);
    if (*ret_result == CALL_SLEEPS)
        run->pending.done = done;
    else if (done > 0)
        *ret_result = (int64_t)done;
}

static bool do_send(struct run *run, struct scall *call, struct sfd *sfd, size_t len,
                    long long flags, const struct sw_addr *to, int64_t *ret_result)
{
    if (null_buffer(call, len))
        *ret_result = -EFAULT;
    else
        io_send(run, sfd, len, flags, to, ret_result);
    return true;
}

bool call_write(struct run *run, struct scall *call, int64_t *ret_result)
{
    struct sfd *sfd;
    size_t len = 0;
    if (!arg_fd(run, call, 0, &sfd) || !arg_len(run, call, 2, &len))
        return false;
    return do_send(run, call, sfd, len, 0, NULL, ret_result);
}

bool call_send(struct run *run, struct scall *call, int64_t *ret_result)
{
    struct sfd *sfd;
    size_t len = 0;
    long long flags;
    if (!arg_fd(run, call, 0, &sfd) || !arg_len(run, call, 2, &len) ||
        !send_flags(run, call, 3, &flags))
        return false;
    return do_send(run, call, sfd, len, flags, NULL, ret_result);
}

bool call_sendto(struct run *run, struct scall *call, int64_t *ret_result)
{
    struct sfd *sfd;
    size_t len = 0;
    long long flags;
    if (!arg_fd(run, call, 0, &sfd) || !arg_len(run, call, 2, &len) ||
        !send_flags(run, call, 3, &flags))
        return false;
    const struct expr *addr = call->args[4];
    struct sw_addr to;
    bool unspec = false;
    if (addr->kind != EXPR_NULL && !arg_addr(run, addr, true, &to, &unspec))
        return false;
    if (sfd->stream && (flags & MSG_FASTOPEN) && unspec) {
        *ret_result = -EOPNOTSUPP;
        return true;
    }
    bool given = addr->kind != EXPR_NULL && !unspec;
    bool named = given && !sfd->stream;
    if (!do_send(run, call, sfd, len, flags, given ? &to : NULL, ret_result))
        return false;
    if (named && *ret_result >= 0) { /* an unconnected socket has its packets with that peer now */
        sw_getsockname(run->host, sfd->socket, &sfd->flow->local);
        sfd->flow->local.ip = run->script->options.local;
        sfd->flow->remote = to;
    }
    return true;
}

bool call_writev(struct run *run, struct scall *call, int64_t *ret_result)
{
    struct sfd *sfd;
    size_t len = 0;
    if (!arg_fd(run, call, 0, &sfd) || !vector_len(run, call->args[1], &len))
        return false;
    return do_send(run, call, sfd, len, 0, NULL, ret_result);
}

bool call_sendmsg(struct run *run, struct scall *call, int64_t *ret_result)
{
    struct sfd *sfd;
    size_t len = 0;
    long long flags;
    const struct expr *iov = expr_field(call->args[1], "msg_iov");
    const struct expr *control = expr_field(call->args[1], "msg_control");
    if (iov == NULL)
        return script_fail(run->script, SCRIPT_SYNTAX, call->args[1]->pos,
                           "a message is {msg_name(...)=..., msg_iov(1)=[{..., 10}], msg_flags=0}");
    if (control != NULL && control->count > 0)
        return unsupported(run, control->pos, "msg_control");
    if (!arg_fd(run, call, 0, &sfd) || !vector_len(run, iov, &len) ||
        !send_flags(run, call, 2, &flags))
        return false;
    const struct expr *name = expr_field(call->args[1], "msg_name");
    struct sw_addr to;
    bool unspec = false;
    bool given = sfd->stream && name != NULL && name->kind != EXPR_NULL;
    if (given && !arg_addr(run, name, true, &to, &unspec))
        return false;
    return do_send(run, call, sfd, len, flags, given && !unspec ? &to : NULL, ret_result);
}

/* ---- receiving -------------------------------------------------------------------------- */

static bool recv_flags(struct run *run, struct scall *call, size_t i, long long *ret_flags)
{
    if (!arg_number(run, call, i, ret_flags))
        return false;
    return !(*ret_flags & MSG_ERRQUEUE) || unsupported(run, call->args[i]->pos, "MSG_ERRQUEUE");
}

static bool check_bytes(struct run *run, const uint8_t *bytes, size_t len, uint64_t place)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i] != wire_payload(place + i))
            return script_fail(run->script, SCRIPT_FAILED, run->event->pos,
                               "byte %zu that was read is not the one that the peer sent", i);
    return true;
}

bool io_passes_mark(struct run *run, const struct sfd *sfd)
{
    int in_line = 0;
    size_t len = sizeof(in_line);
    sw_getsockopt(run->host, sfd->socket, SOL_SOCKET, SO_OOBINLINE, &in_line, &len);
    return sfd->stream && !in_line && sw_sockatmark(run->host, sfd->socket) == 1;
}

bool io_recv(struct run *run, struct sfd *sfd, size_t len, long long flags,
             struct sw_addr *ret_from, int64_t *ret_result)
{
    uint8_t *bytes = malloc(len > 0 ? len : 1);
    if (bytes == NULL)
        return script_fail(run->script, SCRIPT_FAILED, run->event->pos, "no memory");
    int pass = (int)(flags & (SW_MSG_PEEK | SW_MSG_TRUNC | SW_MSG_OOB));
    bool urgent = sfd->stream && (flags & MSG_OOB);
    unsigned skip = !urgent && io_passes_mark(run, sfd) ? 1 : 0;
    if ((flags & MSG_WAITALL) && sfd->stream && !sfd->nonblocking) {
        int64_t there = sw_recv_queued(run->host, sfd->socket);
        int events = sw_poll(run->host, sfd->socket);
        if (there >= 0 && (size_t)there < len &&
            !(events & (SW_EV_RDHUP | SW_EV_ERR | SW_EV_HUP))) {
            free(bytes);
            *ret_result = CALL_SLEEPS;
            return true;
        }
    }
    int64_t r = sw_recv(run->host, sfd->socket, bytes, len, pass, ret_from);
    bool ok = true;
    if (r > 0) {
        size_t have = (size_t)r < len ? (size_t)r : len;
        if (!urgent && !(sfd->stream && (flags & MSG_TRUNC)))
            ok = check_bytes(run, bytes, have, sfd->stream ? sfd->received + skip : 0);
        if (!urgent && !(flags & MSG_PEEK))
            sfd->received += skip + (uint64_t)r;
    }
    free(bytes);
    *ret_result = urgent ? r : sleep_or(sfd, flags, r); /* Linux never waits for urgent data */
    return ok;
}

static bool do_recv(struct run *run, struct scall *call, struct sfd *sfd, size_t len,
                    long long flags, struct sw_addr *ret_from, int64_t *ret_result)
{
    if (!null_buffer(call, len))
        return io_recv(run, sfd, len, flags, ret_from, ret_result);
    *ret_result = -EFAULT;
    return true;
}

bool call_read(struct run *run, struct scall *call, int64_t *ret_result)
{
    struct sfd *sfd;
    size_t len = 0;
    if (!arg_fd(run, call, 0, &sfd) || !arg_len(run, call, 2, &len))
        return false;
    return do_recv(run, call, sfd, len, 0, NULL, ret_result);
}

bool call_recv(struct run *run, struct scall *call, int64_t *ret_result)
{
    struct sfd *sfd;
    size_t len = 0;
    long long flags;
    if (!arg_fd(run, call, 0, &sfd) || !arg_len(run, call, 2, &len) ||
        !recv_flags(run, call, 3, &flags))
        return false;
    return do_recv(run, call, sfd, len, flags, NULL, ret_result);
}

bool call_recvfrom(struct run *run, struct scall *call, int64_t *ret_result)
{
    struct sw_addr from;
    struct sfd *sfd;
    size_t len = 0;
    long long flags;
    if (!arg_fd(run, call, 0, &sfd) || !arg_len(run, call, 2, &len) ||
        !recv_flags(run, call, 3, &flags))
        return false;
    return do_recv(run, call, sfd, len, flags, &from, ret_result);
}

bool call_readv(struct run *run, struct scall *call, int64_t *ret_result)
{
    struct sfd *sfd;
    size_t len = 0;
    if (!arg_fd(run, call, 0, &sfd) || !vector_len(run, call->args[1], &len))
        return false;
    return do_recv(run, call, sfd, len, 0, NULL, ret_result);
}

bool call_recvmsg(struct run *run, struct scall *call, int64_t *ret_result)
{
    struct sfd *sfd;
    size_t len = 0;
    long long flags;
    const struct expr *iov = expr_field(call->args[1], "msg_iov");
    if (iov == NULL)
        return script_fail(run->script, SCRIPT_SYNTAX, call->args[1]->pos,
                           "a message is {msg_name(...)=..., msg_iov(1)=[{..., 10}], msg_flags=0}");
    if (!arg_fd(run, call, 0, &sfd) || !vector_len(run, iov, &len) ||
        !arg_number(run, call, 2, &flags))
        return false;
    if (flags & MSG_ERRQUEUE)
        return control_error(run, call->args[1], sfd, ret_result);
    return do_recv(run, call, sfd, len, flags, NULL, ret_result) &&
           (*ret_result < 0 || control_data(run, call->args[1], sfd));
}
