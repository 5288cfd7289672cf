/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Errors of datagram sockets (RFC 1122 4.1.3.3): what ICMP says becomes pending for SO_ERROR and
 * the notified calls, and wakes who waits natively: the stand-in says ECONNRESET, the nearest that
 * AF_UNIX can (standin.h).
 *
 * Invariant: the byte that wake_connected() puts into the far end's queue never leaves it as data.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "run/standin/dgram.h"

bool dgram_connect_far(const struct standin *s, bool on)
{
    struct sockaddr_un name = {.sun_family = AF_UNSPEC};
    socklen_t len = sizeof(name.sun_family);
    if (on)
        len = name_addr(s->name, &name);
    return connect(s->far_fd, (struct sockaddr *)&name, len) == 0;
}

/* Takes our byte out of the far end's queue again, or it would leave as a datagram of the
 * program's; what the program wrote last, beside it, leaves. Ours alone has a sender without a
 * name. */
static void take_byte_back(struct run *run, struct standin *s)
{
    uint8_t *data = malloc(DGRAM_MAX);
    struct sockaddr_un from;

    for (;;) {
        socklen_t len = sizeof(from);
        ssize_t n = recvfrom(s->far_fd, data, data != NULL ? DGRAM_MAX : 0, MSG_DONTWAIT,
                             (struct sockaddr *)&from, &len);
        if (n < 0)
            break;
        if (len > sizeof(from.sun_family) && data != NULL && s->sock != 0)
            sw_send(run->host, s->sock, data, (size_t)n, 0, NULL);
    }
    free(data);
}

/* Makes a connected stand-in say ECONNRESET and POLLERR. AF_UNIX does so when the other side of an
 * association dissolves it with something unread; so our side gets a byte to leave unread. */
static void wake_connected(struct run *run, struct standin *s)
{
    struct sockaddr_un far;
    socklen_t len = name_far_addr(s, &far);
    dgram_flush(run, s);
    int helper = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (helper < 0)
        return;
    dgram_connect_far(s, false); /* nothing unread yet: no error; and now a third may send to it */
    ssize_t n = sendto(helper, "", 1, 0, (struct sockaddr *)&far, len);
    bool there = dgram_connect_far(s, true);
    if (n == 1 && there) {
        dgram_connect_far(s, false);
        dgram_connect_far(s, true);
        s->error_is_native = true;
    } else if (n == 1) {
        take_byte_back(run, s);
    }
    close(helper);
}

/* One that has no peer but asked for errors (IP_RECVERR) is associated for the moment. */
static void wake_unconnected(struct run *run, struct standin *s)
{
    struct sockaddr_un name;
    socklen_t len = name_far_addr(s, &name);
    uint32_t most = s->flight_max;
    int fd = standin_borrow(run, s);
    if (fd < 0)
        return;
    dgram_take_back(run, s, fd); /* dissolving throws away what is unread */
    s->flight_max = most;        /* it says nothing of who reads how */
    if (connect(fd, (struct sockaddr *)&name, len) == 0) {
        wake_connected(run, s);
        name.sun_family = AF_UNSPEC;
        (void)connect(fd, (struct sockaddr *)&name, sizeof(name.sun_family));
    }
    close(fd);
    dgram_refill(run, s);
}

static void wake_natively(struct run *run, struct standin *s)
{
    if (sw_has_peer(run->host, s->sock))
        wake_connected(run, s);
    else
        wake_unconnected(run, s);
}

void dgram_make_pending(struct run *run, struct standin *s, int err)
{
    s->error = err;
    s->error_is_native = false;
    wake_natively(run, s);
}

/* While there is something in the error queue poll() says so, whether or not SO_ERROR has been
 * taken. */
static bool errors_wait(struct run *run, struct standin *s)
{
    int bits = s->sock != 0 ? sw_poll(run->host, s->sock) : 0;
    return bits > 0 && (bits & SW_EV_ERR) != 0;
}

/* What is in the queue besides errors (stamps) makes nothing pending. */
void dgram_show_queue(struct run *run, struct standin *s)
{
    if (s->tells_errors && !s->error_is_native && errors_wait(run, s))
        wake_natively(run, s);
}

void dgram_take_core_error(struct run *run, struct standin *s)
{
    int err = s->sock != 0 ? sw_take_error(run->host, s->sock) : 0;
    if (err > 0)
        dgram_make_pending(run, s, err);
}

/* What native calls have been shown is cleared. Whether one of them had reported it already. */
static bool clear_native(struct run *run, struct run_call *call)
{
    struct standin *s = call->standin;
    int native = 0, r = -1;
    socklen_t len = sizeof(native);

    s->error_is_native = false;
    int fd = standin_fetch(run, call);
    if (fd >= 0) {
        r = getsockopt(fd, SOL_SOCKET, SO_ERROR, &native, &len);
        close(fd);
    }
    return r == 0 && native == 0;
}

int dgram_take_error(struct run *run, struct run_call *call)
{
    struct standin *s = call->standin;
    dgram_take_core_error(run, s);
    int err = s->error;
    s->error = 0;
    if (err == 0 || !s->error_is_native)
        return err;
    if (clear_native(run, call))
        err = 0;
    else if (errors_wait(run, s))
        wake_natively(run, s);
    return err;
}

void dgram_error_taken(struct run *run, struct run_call *call)
{
    struct standin *s = call->standin;
    int next = sw_take_error(run->host, s->sock);
    dgram_take_error(run, call);
    if (s->error_is_native && next == 0 && !errors_wait(run, s))
        clear_native(run, call);
    if (next > 0)
        dgram_make_pending(run, s, next);
}
