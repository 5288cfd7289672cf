/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * connect(2).
 *
 * While a blocking connect() waits, its stand-in is left as it is, fresh: nobody can look at it but
 * through other threads, and a failed attempt can be made again on the same socket, as programs
 * that wait for a server do. Only what must be seen to be connecting (O_NONBLOCK; a wait given up
 * because of a signal or SO_SNDTIMEO) is connected in place and stuffed. Over a link without
 * conditions the answer is there within the call.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "run/call/flow_label.h"
#include "run/call/message.h"
#include "run/record.h"
#include "run/standin/dgram.h"
#include "run/standin/registration.h"

/* A listener may have been closed without our noticing: none of the programs' descriptors told. All
 * at the port are asked, since with SO_REUSEPORT it is not known yet which of them would be chosen.
 */
void connect_forget_dead(struct run *run, const struct sw_addr *to)
{
    for (struct sw_list *l = run->listeners.next, *next; l != &run->listeners; l = next) {
        struct standin *listener = SW_CONTAINER(l, struct standin, listening);
        struct sw_addr local;
        next = l->next;
        if (sw_getsockname(run->host, listener->sock, &local) == 0 && local.port == to->port &&
            !standin_alive(run, listener))
            standin_gone(run, listener);
    }
}

/* Puts the stand-in into the state that the core's attempt is in. 0 or a negative errno. */
int connect_show(struct run *run, struct run_call *call, int fd)
{
    struct standin *s = call->standin;
    int flags = call->held_since_ns == 0 ? call->fd_flags : -1; /* may have changed meanwhile */
    int bits = sw_poll(run->host, s->sock);
    bool failed = bits < 0 || (bits & (SW_EV_ERR | SW_EV_HUP)) != 0;
    bool done = !failed && (bits & SW_EV_OUT) != 0;

    if (s->state == STANDIN_FRESH) {
        int err = stream_meet(run, s, fd, flags, !done);
        if (err < 0)
            return err;
        if (!done)
            standin_set_state(run, s, STANDIN_CONNECTING);
    }
    if (done) { /* who does not wait may wait for an edge, which raising it makes */
        s->small_sndbuf = s->small_sndbuf || (flags & O_NONBLOCK) != 0;
        stream_established(run, s, fd);
    } else if (failed) {
        stream_failed(run, s, 0);
    }
    return 0;
}

/* Our own descriptors or memory are used up: the attempt ends here. */
void connect_give_up(struct run *run, struct run_call *call, int err)
{
    struct standin *s = call->standin;
    sw_abort(run->host, s->sock);
    s->sock = 0;
    call_fail(run, call, err == EMFILE ? ENFILE : err == EAGAIN ? ENOBUFS : err);
}

/* Once connect() has told why an attempt failed, the socket is as fresh as it was. To the core a
 * connection whose error we have taken is one that ended for no reason; so it is to who has read
 * the error natively. */
static void tell_failure(struct run *run, struct run_call *call, int err)
{
    struct standin *s = call->standin;
    int taken = err == ECONNABORTED ? stream_take_error(run, call) : 0;
    if (taken != 0)
        err = taken;
    bool ended =
        s->state == STANDIN_FAILED && sw_poll(run->host, s->sock) == (SW_EV_OUT | SW_EV_HUP);
    if (ended && taken == 0 && stream_told_natively(run, call))
        err = ECONNABORTED;
    if (ended)
        (void)connect_renew_fresh(run, call); /* else the next connect() does it */
    call_fail(run, call, err);
}

static enum run_verdict try_connect(struct run *run, struct run_call *call)
{
    struct standin *s = call->standin;
    const struct sw_addr *to = call->state;

    int err = sw_connect(run->host, s->sock, to);
    if (err == -EALREADY || err == -EINPROGRESS)
        return CALL_AGAIN;
    if (err < 0) {
        if (s->state == STANDIN_CONNECTING)
            stream_failed(run, s, -err);
        tell_failure(run, call, -err);
        return CALL_DONE;
    }
    if (s->state == STANDIN_FRESH || s->state == STANDIN_CONNECTING) {
        int fd = standin_fetch(run, call);
        err = fd < 0 ? fd : connect_show(run, call, fd);
        if (fd >= 0)
            close(fd);
        if (err < 0) {
            connect_give_up(run, call, -err);
            return CALL_DONE;
        }
    }
    call_return(run, call, 0);
    return CALL_DONE;
}

/* The caller waits no longer, but the attempt goes on, and poll must show it. */
static void leave_connect(struct run *run, struct run_call *call)
{
    struct standin *s = call->standin;
    if (s->state != STANDIN_FRESH || s->sock == 0)
        return;
    int fd = standin_fetch(run, call);
    if (fd < 0)
        return; /* it has gone */
    (void)connect_show(run, call, fd);
    close(fd);
}

static void start_nonblocking(struct run *run, struct run_call *call, struct registration *moving)
{
    int fd = standin_fetch(run, call);
    int err = fd < 0 ? fd : connect_show(run, call, fd);
    registrations_move(moving, fd, (int)call->args[0]);
    if (fd >= 0)
        close(fd);
    if (err < 0)
        connect_give_up(run, call, -err);
    else
        call_fail(run, call, EINPROGRESS);
}

void connect_wait(struct run *run, struct run_call *call, run_try_fn *try, run_leave_fn *leave)
{
    if (try(run, call) == CALL_DONE)
        return;
    uint64_t timeout_ns = standin_timeout_ns(run, call->standin, SO_SNDTIMEO);
    uint64_t deadline_ns = timeout_ns == 0 ? SW_NEVER : run_now() + timeout_ns;
    call->leave = leave;
    call_hold(run, call, try, deadline_ns, EINPROGRESS);
}

static void wait_connected(struct run *run, struct run_call *call, const struct sw_addr *to)
{
    call->state = malloc(sizeof(*to));
    if (call->state == NULL) {
        call_fail(run, call, ENOMEM);
        return;
    }
    memcpy(call->state, to, sizeof(*to));
    connect_wait(run, call, try_connect, leave_connect);
}

/* Nothing has been sent, and connect() has said 0 (TCP_FASTOPEN_CONNECT): bytes may be written. */
static void put_off(struct run *run, struct run_call *call)
{
    struct standin *s = call->standin;
    int fd = -1, err = 0;

    if (s->state != STANDIN_FRESH)
        err = connect_renew(run, call);
    if (err == 0)
        err = fd = standin_fetch(run, call);
    if (fd >= 0)
        err = stream_meet(run, s, fd, call->fd_flags, false);
    if (err < 0) {
        connect_give_up(run, call, -err);
    } else {
        s->put_off = true;
        stream_established(run, s, fd);
        call_return(run, call, 0);
    }
    if (fd >= 0)
        close(fd);
}

/* AF_UNSPEC: the connection, if any, is dissolved. */
static void disconnect(struct run *run, struct run_call *call)
{
    struct standin *s = call->standin;
    int err = sw_connect(run->host, s->sock, NULL);
    if (err == 0 && s->state != STANDIN_FRESH && s->state != STANDIN_CONNECTING)
        err = connect_renew_fresh(run, call);
    if (err < 0)
        call_fail(run, call, -err);
    else
        call_return(run, call, 0);
}

static void connect_stream(struct run *run, struct run_call *call, const struct sw_addr *to)
{
    struct standin *s = call->standin;

    struct registration *moving = NULL;

    connect_forget_dead(run, to);
    resolver_meet(run, to);
    int err = sw_connect(run->host, s->sock, to);
    if (err == -EINPROGRESS) {
        /* A failed attempt, a connection that both have ended, a listener that was shut down. */
        bool used = s->state != STANDIN_FRESH && s->state != STANDIN_CONNECTING;
        if (used) {
            moving = registrations_of(run, call->tid, (int)call->args[0], s->ino);
            err = connect_renew(run, call);
        }
        if (used && err < 0) {
            registrations_move(moving, -1, -1);
            connect_give_up(run, call, -err);
            return;
        }
        run_pump(run);
        if (call_nonblocking(run, call)) {
            start_nonblocking(run, call, moving);
        } else {
            registrations_move(moving, call->fd, (int)call->args[0]);
            wait_connected(run, call, to);
        }
    } else if (err == -EALREADY && !call_nonblocking(run, call)) {
        wait_connected(run, call, to);
    } else if (err < 0) {
        tell_failure(run, call, -err);
    } else if (s->state != STANDIN_CONNECTED && s->state != STANDIN_CONNECTING) {
        put_off(run, call);
    } else {
        call_return(run, call, 0);
    }
}

/* Linux looks at the address last: who is connected, or connecting, is told that. To the core a
 * broadcast address is as wrong, and as late, as one of another family. */
static void connect_wrong(struct run *run, struct run_call *call, int wrong)
{
    const struct sw_addr nowhere = {.ip = SW_IP4(255, 255, 255, 255), .port = 1};
    int err = sw_connect(run->host, call->standin->sock, &nowhere);
    if (err == 0)
        call_return(run, call, 0);
    else
        tell_failure(run, call, err == -ENETUNREACH ? -wrong : -err);
}

static int check_dgram(struct run *run, const struct standin *s, const struct given_addr *given)
{
    if (!s->ipv6 || given->family != AF_INET || !dgram_is_udp(run, s)) /* of others: v6 only */
        return given_addr_check(given, s->ipv6 ? AF_INET6 : AF_INET);
    return standin_only6(run, s) ? -EAFNOSUPPORT : given_addr_check(given, AF_INET);
}

void on_connect(struct run *run, struct run_call *call)
{
    struct standin *s = call->standin;
    struct given_addr given;

    int err = mem_read_addr(run, call->tid, call->args[1], call->args[2], &given);
    if (err == 0 && (size_t)given.len < sizeof(sa_family_t))
        err = -EINVAL;
    if (err < 0) {
        call_fail(run, call, -err);
        return;
    }
    bool unspec = given.family == AF_UNSPEC;
    if (!unspec)
        record_addr(run, call, &given.addr);
    if (!unspec)
        err = s->stream ? given_addr_check(&given, s->ipv6 ? AF_INET6 : AF_INET)
                        : check_dgram(run, s, &given);
    if (err == 0 && s->ipv6)
        err = flow_label_connect(run, s, unspec ? NULL : &given);
    if (err < 0 && s->stream)
        connect_wrong(run, call, err);
    else if (err < 0)
        call_fail(run, call, -err);
    else if (!s->stream)
        dgram_connect(run, call, unspec ? NULL : &given.addr);
    else if (unspec)
        disconnect(run, call);
    else
        connect_stream(run, call, &given.addr);
}
