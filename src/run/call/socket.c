/* SPDX-License-Identifier: BSD-2-Clause */
/* socket(2), bind(2), listen(2), shutdown(2). */
#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "run/call/message.h"
#include "run/record.h"

/* The stand-in's own queue of connections: the core's backlog is what counts, this only has to be
 * longer; the kernel cuts it to net.core.somaxconn. */
enum { NATIVE_BACKLOG = 65535 };

static void make_socket(struct run *run, struct run_call *call, int domain, int type, int protocol)
{
    int flags = type & ~0xf;
    sw_socket_t sock;

    int err = sw_socket(run->host, domain, type & 0xf, protocol, &sock);
    if (err == -EPROTONOSUPPORT || err == -ESOCKTNOSUPPORT) {
        on_refused(run, call);
        return;
    }
    if (err < 0) {
        call_fail(run, call, -err);
        return;
    }
    int fd;
    bool stream = (type & 0xf) == SOCK_STREAM, nonblock = (flags & SOCK_NONBLOCK) != 0;
    struct standin *s = standin_new(run, sock, stream, domain == AF_INET6, nonblock, &fd);
    if (s == NULL && errno == EMFILE) { /* some of ours may be for sockets that nobody holds */
        standins_sweep(run, true);
        s = standin_new(run, sock, stream, domain == AF_INET6, nonblock, &fd);
    }
    if (s == NULL) {
        err = errno;
        sw_close(run->host, sock);
        call_fail(run, call, err == EMFILE || err == ENFILE ? ENFILE : ENOBUFS);
        return;
    }
    record_made(call, sock);
    standin_hand_over(run, call, s, fd, (flags & SOCK_CLOEXEC) != 0);
    standins_sweep(run, false);
}

void on_socket(struct run *run, struct run_call *call)
{
    int domain = (int)call->args[0], type = (int)call->args[1], protocol = (int)call->args[2];
    int base = type & 0xf;

    if ((type & ~0xf & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) != 0 || base > SOCK_PACKET)
        call_fail(run, call, EINVAL);
    else if (domain == AF_NETLINK && (protocol == NETLINK_ROUTE || protocol == NETLINK_SOCK_DIAG))
        netlink_socket(run, call);
    else if ((domain == AF_INET6 || (domain == AF_INET && base != SOCK_PACKET)) &&
             (protocol < 0 || protocol > IPPROTO_MPTCP)) /* the last that Linux has */
        call_fail(run, call, EINVAL);
    else if ((domain != AF_INET && domain != AF_INET6) ||
             (base != SOCK_STREAM && base != SOCK_DGRAM && base != SOCK_RAW))
        on_refused(run, call);
    else
        make_socket(run, call, domain, type, protocol);
}

void on_bind(struct run *run, struct run_call *call)
{
    struct standin *s = call->standin;
    struct given_addr given;

    int err = mem_read_addr(run, call->tid, call->args[1], call->args[2], &given);
    struct sw_addr local = given.addr;
    if (err == 0)
        record_addr(run, call, &local);
    if (err == 0)
        err = given_addr_check(&given, s->ipv6 ? AF_INET6 : AF_INET);
    /* Old programs leave the family of INADDR_ANY unset, and Linux lets them. */
    if (err == -EAFNOSUPPORT && !s->ipv6 && given.family == AF_UNSPEC && sw_ip_is_any(&local.ip))
        err = 0;
    if (err == 0)
        resolver_yield(run, &local);
    if (err == 0)
        do
            err = sw_bind(run->host, s->sock, &local);
        while (err == -EADDRINUSE && standin_clear_conflict(run, s->sock, &local));
    if (err == 0 && s->ipv6 && !sw_ip_is_any(&local.ip) && !sw_ip_is4(&local.ip))
        s->bound6 = true;
    if (err < 0)
        call_fail(run, call, -err);
    else
        call_return(run, call, 0);
}

bool standin_only6(struct run *run, const struct standin *s)
{
    return s->ipv6 && (s->bound6 || standin_option(run, s, IPPROTO_IPV6, IPV6_V6ONLY) != 0);
}

bool standin_goes_to4(struct run *run, const struct standin *s, const struct sw_addr *to)
{
    struct sw_addr addr;
    if (!s->ipv6)
        return true;
    if (to == NULL && sw_getpeername(run->host, s->sock, &addr) == 0)
        return sw_ip_is4(&addr.ip);
    if (to != NULL && !sw_ip_is4(&to->ip) && sw_ip_is_any(&to->ip) &&
        sw_getsockname(run->host, s->sock, &addr) == 0)
        return sw_ip_is4(&addr.ip);
    return to != NULL && sw_ip_is4(&to->ip);
}

void on_listen(struct run *run, struct run_call *call)
{
    struct standin *s = call->standin;
    struct sw_addr local;
    int backlog = (int)call->args[1];

    /* shutdown() on a socket without a peer fails, but does shut it down; to listen it must be
     * whole. (Or it was a listener once, and there was no descriptor free when that ended.) */
    bool was_shut = s->state == STANDIN_LISTENING && sw_accept_queue_len(run->host, s->sock) < 0;
    int err = was_shut || (s->state == STANDIN_FRESH && s->program_shut != 0)
                  ? connect_renew_fresh(run, call)
                  : 0;
    if (err < 0) {
        call_fail(run, call, ENOBUFS);
        return;
    }
    err = sw_listen(run->host, s->sock, backlog);
    while (err == -EADDRINUSE && sw_getsockname(run->host, s->sock, &local) == 0 &&
           standin_clear_conflict(run, s->sock, &local))
        err = sw_listen(run->host, s->sock, backlog);
    if (err == 0 && (s->state == STANDIN_FRESH || s->state == STANDIN_LISTENING)) {
        int fd = standin_fetch(run, call);
        if (fd < 0 || listen(fd, NATIVE_BACKLOG) < 0)
            err = -ENOBUFS;
        else
            standin_set_state(run, s, STANDIN_LISTENING);
        if (fd >= 0)
            close(fd);
    }
    if (err < 0)
        call_fail(run, call, -err);
    else
        call_return(run, call, 0);
}

/* It has no peer, is told so, and is shut down all the same. */
static void shut_natively(struct run *run, struct run_call *call, int how)
{
    int fd = standin_fetch(run, call);
    if (fd < 0)
        return;
    shutdown(fd, how);
    close(fd);
}

/* A listener shut down is a fresh socket, which is bound (tcp_disconnect()); whoever waits for it
 * is woken. Of one that only may not write nothing changes. */
static void shut_listener(struct run *run, struct run_call *call, int how)
{
    int err = 0;

    if (how != SHUT_WR) {
        shut_natively(run, call, SHUT_RDWR);
        err = connect_renew_fresh(run, call);
        calls_wake(run, call->standin);
    }
    call_answer(run, call, err < 0 ? -ENOBUFS : 0);
}

static void shut_reading(struct standin *s, int how)
{
    if (how != SHUT_WR && s->reading == READING)
        standin_set_reading(s, READING_SHUT);
}

/* The end of what a connected program writes travels behind its bytes, through the stand-in: the
 * far end reads it when all before it is read. It has arrived at the peer when the call returns, as
 * on Linux's lo: whoever polls then finds it. */
static void shut_connected(struct run *run, struct run_call *call, int how)
{
    int fd = how != SHUT_RD ? standin_fetch(run, call) : -1;
    if (fd < 0) {
        call_continue(run, call);
        return;
    }
    shutdown(fd, how);
    close(fd);
    stream_far_event(run, call->standin, EPOLLIN | EPOLLRDHUP);
    run_pump(run);
    call_return(run, call, 0);
}

static void shutdown_stream(struct run *run, struct run_call *call, int how)
{
    struct standin *s = call->standin;
    struct sw_addr peer;

    if (s->state == STANDIN_CONNECTED && sw_getpeername(run->host, s->sock, &peer) == 0) {
        /* Whose connect() did not wait need not ask a second time any more. */
        (void)sw_connect(run->host, s->sock, &peer);
        s->program_shut |= (uint8_t)(how + 1); /* SHUT_RD 0, SHUT_WR 1, SHUT_RDWR 2: bits 1, 2, 3 */
        if (how != SHUT_WR) {
            shut_reading(s, how);
            (void)sw_shutdown(run->host, s->sock, SHUT_RD);
        }
        shut_connected(run, call, how);
        return;
    }
    int err = s->state == STANDIN_CONNECTED ? -ENOTCONN : sw_shutdown(run->host, s->sock, how);
    if (err == -ENOTCONN && s->state == STANDIN_FRESH) {
        s->program_shut |= (uint8_t)(how + 1);
        shut_natively(run, call, how);
    }
    if (err < 0) {
        call_fail(run, call, -err);
    } else if (s->state == STANDIN_CONNECTING) { /* the attempt ends: Linux's inet_shutdown() */
        stream_failed(run, s, 0);
        s->error = ECONNRESET;
        call_return(run, call, 0);
        calls_wake(run, s);
    } else if (s->state == STANDIN_LISTENING) {
        shut_listener(run, call, how);
    } else {
        call_continue(run, call);
    }
}

/* A raw socket is written and read as before, on Linux: so its stand-in hears nothing of it. */
static bool is_raw(struct run *run, const struct standin *s)
{
    int type = SOCK_DGRAM;
    size_t len = sizeof(type);

    (void)sw_getsockopt(run->host, s->sock, SOL_SOCKET, SO_TYPE, &type, &len);
    return type == SOCK_RAW;
}

void on_shutdown(struct run *run, struct run_call *call)
{
    int how = (int)call->args[1];

    if (how < SHUT_RD || how > SHUT_RDWR) {
        call_fail(run, call, EINVAL);
    } else if (call->standin->stream) {
        shutdown_stream(run, call, how);
    } else if (is_raw(run, call->standin)) {
        call_answer(run, call, sw_shutdown(run->host, call->standin->sock, how));
    } else {
        int err = sw_shutdown(run->host, call->standin->sock, how);
        if (err == 0 || err == -ENOTCONN) {
            shut_reading(call->standin, how);
            call->standin->program_shut |= (uint8_t)(how + 1);
        }
        if (err == -ENOTCONN)
            shut_natively(run, call, how);
        if (err < 0)
            call_fail(run, call, -err);
        else
            call_continue(run, call);
    }
}
