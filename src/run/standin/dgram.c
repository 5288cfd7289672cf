/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datagrams between a stand-in and the core: tokens, taking them back, native writes. (ICMP errors
 * are dgram_error.c's.) The rule is told in standin.h. Its invariants:
 *   1. Order: what lies in the stand-in is older than s->front (to whose head what is taken back
 * goes), which is older than the core's queue.
 *   2. s->in_flight is the length of s->flight, and at least the number of datagrams in the
 * stand-in; the difference was read natively. The stand-in holds the last of them.
 *   3. A datagram leaves the core's queue only once it lies in the stand-in or in s->front: so if
 * the program has gone, the core still has it and answers it with port unreachable.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/assert.h"
#include "run/record.h"
#include "run/standin/dgram.h"

enum {
    EDGES_MAX =
        8, /* tokens for the sake of edges; fewer than net.unix.max_dgram_qlen (mostly 10) */
    BATCH_BYTES = 64 * 1024,
    BATCH = 16,       /* native writes fetched by one call */
    TURN_BATCHES = 2, /* before others have their turn */
    FLUSH_BATCHES = 64,
    DGRAM_SNDBUF = 1024 * 1024,
};

#define ASK_EVERY_NS 20000000ULL

/* ---- from the core ---- */

/* The core's first datagram, left in its queue; NULL: -EAGAIN, -ENOMEM or its pending error. */
static struct run_datagram *peek_core(struct run *run, struct standin *s, int *ret_err)
{
    int64_t len = s->sock != 0 ? sw_recv_queued(run->host, s->sock) : -EBADF;
    struct run_datagram *d = len >= 0 ? malloc(sizeof(*d) + (size_t)len) : NULL;
    if (d == NULL) {
        *ret_err = len >= 0 ? -ENOMEM : (int)len;
        return NULL;
    }
    sw_list_init(&d->link);
    d->from = (struct sw_addr){0};
    len =
        sw_recv_datagram(run->host, s->sock, d->data, (size_t)len, SW_MSG_PEEK, &d->from, &d->info);
    if (len == 0 && s->reading == READING_SHUT && sw_ip_is_any(&d->from.ip))
        len = -EAGAIN; /* the core's end of what can be read */
    d->len = (uint32_t)len;
    if (len >= 0)
        return d;
    *ret_err = (int)len;
    free(d);
    return NULL;
}

static void drop_core(struct run *run, struct standin *s)
{
    sw_recv(run->host, s->sock, NULL, 0, 0, NULL);
}

static struct run_datagram *head(struct sw_list *list)
{
    return sw_list_empty(list) ? NULL : SW_CONTAINER(list->next, struct run_datagram, link);
}

static void drop_head(struct sw_list *list)
{
    struct run_datagram *d = head(list);
    SW_ASSERT(d != NULL);
    sw_list_del(&d->link);
    free(d);
}

/* ---- into the stand-in ---- */

/* The program has closed its last descriptor: who still sends is told so (RFC 1122 4.1.3.1). */
static void program_gone(struct run *run, struct standin *s)
{
    dgram_flush(run, s);
    if (s->sock != 0)
        sw_reject(run->host, s->sock);
    s->sock = 0;
    standin_gone(run, s);
}

/* The oldest `n` in the stand-in were read natively. */
static void drop_read(struct run *run, struct standin *s, uint32_t n)
{
    for (; n > 0; n--, s->in_flight--) {
        record_data(run, s, SW_VIEW_GIVEN, head(&s->flight)->len);
        s->read_at_ns = head(&s->flight)->info.at_ns;
        drop_head(&s->flight);
    }
}

/* The kernel charges the far end for what lies unread in the stand-in: nothing charged, all read,
 * and by native calls: to such a program all that has come must be there to read. */
static void settle(struct run *run, struct standin *s)
{
    int charged = 0;
    if (s->in_flight == 0 || ioctl(s->far_fd, SIOCOUTQ, &charged) < 0 || charged != 0)
        return;
    s->flight_max = DGRAM_FLIGHT_MAX;
    drop_read(run, s, s->in_flight);
}

/* Several of the largest datagrams may wait in front of a native read. Few sockets come to that. */
static bool size_far(struct standin *s)
{
    int room = DGRAM_SNDBUF;

    if (s->far_sized)
        return false;
    s->far_sized = true;
    return setsockopt(s->far_fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)) == 0;
}

/* One datagram into the stand-in. 0, -EAGAIN (no room now), -ECONNREFUSED (nobody holds it). */
static int put(struct standin *s, const struct run_datagram *d)
{
    for (;;) {
        if (send(s->far_fd, d->data, d->len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
            return 0;
        if (errno == ECONNREFUSED || errno == ENOTCONN)
            return -ECONNREFUSED;
        if (errno != ECONNRESET && errno != EINTR && /* a dissolved association, see below */
            !size_far(s))
            return -EAGAIN;
    }
}

/* Our own dup keeps the stand-in alive, and a datagram put into it says nothing: so ask, now and
 * then, when another comes while one is unread, whether any program holds it still. */
static bool left_unread(struct run *run, struct standin *s)
{
    uint64_t now_ns = run_now();
    if (s->kept_fd < 0 || s->in_flight == 0 || now_ns - s->asked_ns < ASK_EVERY_NS)
        return false;
    s->asked_ns = now_ns;
    return !standin_alive(run, s);
}

/* Whether what lies unread in the stand-in leaves room of an SO_RCVBUF that the program has set.
 * One datagram always fits. */
static bool has_room(const struct standin *s)
{
    int charged = 0;
    return s->in_flight == 0 || s->rcvbuf == 0 || ioctl(s->far_fd, SIOCOUTQ, &charged) < 0 ||
           charged < s->rcvbuf;
}

/* Puts datagrams into the stand-in until `most` are there. */
static void refill(struct run *run, struct standin *s, uint32_t most)
{
    if (s->far_fd < 0 || s->state != STANDIN_DGRAM)
        return;
    if (s->reading != READING) { /* it takes nothing, and so does not tell that nobody holds it */
        if (s->sock != 0 && !standin_alive(run, s))
            program_gone(run, s);
        return; /* the core's end of data is no empty datagram */
    }
    dgram_take_core_error(run, s); /* or receiving would take it */
    settle(run, s);
    if (left_unread(run, s)) {
        program_gone(run, s);
        return;
    }
    while (s->in_flight < most && has_room(s)) {
        int err = 0;
        struct run_datagram *d = head(&s->front);
        bool from_core = d == NULL;
        if (from_core)
            d = peek_core(run, s, &err);
        if (d == NULL)
            return;
        err = put(s, d);
        if (err == 0) {
            if (from_core)
                drop_core(run, s);
            sw_list_del(&d->link);
            sw_list_add_tail(&s->flight, &d->link);
            s->in_flight++;
            s->bytes_in += d->len;
            continue;
        }
        if (from_core)
            free(d);
        if (err == -ECONNREFUSED)
            program_gone(run, s);
        return;
    }
}

void dgram_refill(struct run *run, struct standin *s)
{
    refill(run, s, s->flight_max);
}

/* ---- and back ---- */

void dgram_take_back(struct run *run, struct standin *s, int fd)
{
    uint32_t unread = 0;

    while (unread < s->in_flight) {
        if (recv(fd, NULL, 0, MSG_DONTWAIT | MSG_TRUNC) >= 0)
            unread++;
        else if (errno == ECONNRESET && s->error == 0)
            s->error_is_native = false; /* it showed that the error queue is not empty */
        else if (errno != EINTR && errno != ECONNRESET)
            break;
    }
    if (unread == s->in_flight)
        s->flight_max = 1; /* reads by notified calls: one token at a time is least work */
    else if (unread == 0)
        s->flight_max = DGRAM_FLIGHT_MAX; /* by native ones, as in settle() */
    drop_read(run, s, s->in_flight - unread);
    while (!sw_list_empty(&s->flight)) { /* from its end, so that order is kept */
        struct sw_list *last = s->flight.prev;
        sw_list_del(last);
        sw_list_add_head(&s->front, last);
        s->in_flight--;
    }
    SW_ASSERT(s->in_flight == 0);
}

/* 0 or a negative errno. */
static int take_back(struct run *run, struct run_call *call)
{
    struct standin *s = call->standin;

    if (s->in_flight == 0)
        return 0;
    int fd = standin_fetch(run, call);
    if (fd < 0)
        return fd;
    dgram_take_back(run, s, fd);
    close(fd);
    return 0;
}

struct run_datagram *dgram_first(struct run *run, struct run_call *call, int *ret_err)
{
    struct standin *s = call->standin;
    *ret_err = take_back(run, call);
    if (*ret_err < 0)
        return NULL;
    if (sw_list_empty(&s->front)) {
        struct run_datagram *d = peek_core(run, s, ret_err);
        if (d == NULL)
            return NULL;
        drop_core(run, s);
        sw_list_add_tail(&s->front, &d->link);
    }
    return head(&s->front);
}

void dgram_consume(struct standin *s)
{
    s->bytes_in += head(&s->front)->len;
    s->read_at_ns = head(&s->front)->info.at_ns;
    drop_head(&s->front);
}

/* ---- from the program ---- */

struct batch {
    struct mmsghdr messages[BATCH];
    struct iovec iov[BATCH];
    size_t last_len; /* of the datagram fetched last: the next are probably like it */
    uint8_t data[BATCH][DGRAM_MAX];
};

static struct batch *batch_get(struct run *run)
{
    struct batch *b = run->scratch;
    if (b != NULL)
        return b;
    b = run->scratch = calloc(1, sizeof(*b));
    for (int i = 0; b != NULL && i < BATCH; i++) {
        b->iov[i] = (struct iovec){.iov_base = b->data[i], .iov_len = DGRAM_MAX};
        b->messages[i].msg_hdr.msg_iov = &b->iov[i];
        b->messages[i].msg_hdr.msg_iovlen = 1;
    }
    return b;
}

/* Sends what the program wrote natively; true if there may be more. Nobody can be told of a
 * datagram that cannot be sent (too long, no route): it is lost, as datagrams may be. */
static bool send_batch(struct run *run, struct standin *s)
{
    struct batch *b = batch_get(run);
    if (b == NULL)
        return false;
    unsigned most =
        b->last_len > BATCH_BYTES / BATCH ? (unsigned)(BATCH_BYTES / b->last_len) : BATCH;
    if (most == 0)
        most = 1;
    int n = recvmmsg(s->far_fd, b->messages, most, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n; i++) {
        size_t len = b->messages[i].msg_len;
        b->last_len = len;
        s->bytes_out += len;
        record_data(run, s, SW_VIEW_TAKEN, len);
        if (s->sock == 0 || (b->messages[i].msg_hdr.msg_flags & MSG_TRUNC) != 0)
            continue;
        sw_send(run->host, s->sock, b->data[i], len, 0, NULL);
    }
    if (n < 0 && (errno == ECONNRESET || errno == EINTR))
        return true;
    return n == (int)most;
}

void dgram_flush(struct run *run, struct standin *s)
{
    if (s->far_fd < 0)
        return;
    s->far_in = true;
    for (int i = 0; i < FLUSH_BATCHES && s->far_in; i++)
        s->far_in = send_batch(run, s);
}

void dgram_flush_rest(struct run *run, struct standin *s)
{
    if (s->far_in)
        dgram_flush(run, s);
}

void dgram_drop(struct run *run, struct standin *s)
{
    dgram_flush(run, s);
    while (!sw_list_empty(&s->flight))
        drop_head(&s->flight);
    while (!sw_list_empty(&s->front))
        drop_head(&s->front);
    s->in_flight = 0;
}

/* ---- events ---- */

void dgram_far_event(struct run *run, struct standin *s, uint32_t epoll_events)
{
    if (s->netlink_type != 0) {
        netlink_far_event(run, s);
        return;
    }
    /* The program reading is an edge too, of EPOLLOUT; then there is nothing to look for. */
    bool more = s->far_fd >= 0 && (s->far_in || (epoll_events & ~(uint32_t)EPOLLOUT) != 0);
    for (int i = 0; more && i < TURN_BATCHES; i++)
        more = send_batch(run, s);
    s->far_in = more;
    if (more) { /* the receivers first: what they have no room for is lost. Then another edge. */
        struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = s};
        epoll_ctl(run->epoll_fd, EPOLL_CTL_MOD, s->far_fd, &ev);
    }
    dgram_refill(run, s);
}

void dgram_core_event(struct run *run, struct standin *s, int sw_events)
{
    if ((sw_events & SW_EV_ERR) != 0) {
        s->tells_errors = true;
        dgram_take_core_error(run, s);
        dgram_show_queue(run, s);
    }
    calls_wake(run, s);
    /* One more than there are: whoever waits for edges (EPOLLET) sees one for each arrival. */
    uint32_t most = s->in_flight < EDGES_MAX ? s->in_flight + 1 : EDGES_MAX;
    refill(run, s, most > s->flight_max ? most : s->flight_max);
}

/* ---- connect ---- */

void dgram_connect(struct run *run, struct run_call *call, const struct sw_addr *to)
{
    struct standin *s = call->standin;
    struct sockaddr_un name = {.sun_family = AF_UNSPEC};
    socklen_t len = sizeof(name.sun_family);
    bool had_peer = sw_has_peer(run->host, s->sock);
    int ignored;

    if (had_peer) /* else nothing could be written natively */
        dgram_flush(run, s);
    if (to != NULL)
        resolver_meet(run, to);
    int err = sw_connect(run->host, s->sock, to);
    if (err < 0) {
        call_fail(run, call, -err);
        return;
    }
    if (to == NULL)
        take_back(run, call); /* dissolving throws away what is unread */
    else
        len = name_far_addr(s, &name);
    int fd = standin_fetch(run, call);
    if (fd < 0) {
        call_fail(run, call, -fd);
        return;
    }
    err = connect(fd, (struct sockaddr *)&name, len) < 0 ? errno : 0;
    close(fd);
    len = sizeof(ignored);
    if (had_peer) /* dissolving that has left an error */
        getsockopt(s->far_fd, SOL_SOCKET, SO_ERROR, &ignored, &len);
    dgram_refill(run, s);
    if (err != 0)
        call_fail(run, call, err);
    else
        call_return(run, call, 0);
}
