/* SPDX-License-Identifier: BSD-2-Clause */
/* clang-format off: the table below is laid out by hand */
/*
 * Bytes of a connected stream: far end <-> core.
 *
 * A byte is copied twice: read(2) puts it into a chunk of the core (sw_send_reserve()), sendmsg(2)
 * takes it from the chunk it arrived in (sw_recv_peek()). What the core has no room for stays in
 * the stand-in's queue, so that the program blocks; what the stand-in has no room for stays in the
 * core's, so that the TCP window follows what the program has read.
 *
 * Readiness is remembered from edges: far_in and far_out are true until a call says EAGAIN or comes
 * back short. EPOLLOUT is asked for only while the far end is full: else every read(2) of the
 * program would wake us up.
 *
 * How far data goes is two states, one for each direction, seen from the program:
 *
 *   state            entered when                            the program       the core
 *   READING          at first                                reads             its window follows
 *   READING_ENDED    all before the peer's FIN is given:     reads an end      in CLOSE_WAIT, or
 *                    shutdown(far, SHUT_WR)                                    past it
 *   READING_SHUT     the far end says EPIPE: SHUT_RD         reads an end      keeps it; the window
 *                                                                              closes
 *
 *   WRITING          at first                                writes            takes it
 *   WRITING_LAST     EPOLLRDHUP: SHUT_WR or closed           has written all   takes the rest
 *   WRITING_BROKEN   sw_send_reserve() has failed with       may be waiting    has an error to
 *                    s->broken (within one turn)                               tell
 *   WRITING_REFUSED  end_writing(): shutdown(far, SHUT_RD)   writes: EPIPE     the same
 *   WRITING_ENDED    the end is read, or of a broken         writes: EPIPE     sends FIN, or RST
 *                    connection hung up
 *
 * Both at their end and the far end hung up (far_hup): is the program's last descriptor closed
 * (closed_by_program()), the stand-in goes. A connection that breaks while READING is told once all
 * that came before is read, by stream_failed(); later, at once, to who writes (notice_break()).
 */
/* clang-format on */
#include <errno.h>
#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/assert.h"
#include "run/record.h"
#include "run/standin/park.h"

/* What one stand-in may move before others have their turn. */
enum { TURN_BYTES = 256 * 1024, PIECES = 16 };

static void want_out(struct run *run, struct standin *s, bool want)
{
    if (s->want_out == want)
        return;
    s->want_out = want;
    struct epoll_event ev = {.events = FAR_EVENTS, .data.ptr = s};
    if (want)
        ev.events |= EPOLLOUT;
    epoll_ctl(run->epoll_fd, EPOLL_CTL_MOD, s->far_fd, &ev);
}

/* Throws away what was stuffed in while connecting. False: not all of it is there yet. */
static bool drain_junk(struct standin *s)
{
    char scratch[4096];

    while (s->junk > 0) {
        size_t want = s->junk < sizeof(scratch) ? s->junk : sizeof(scratch);
        ssize_t n = recv(s->far_fd, scratch, want, MSG_DONTWAIT);
        if (n <= 0)
            return false;
        s->junk -= (uint32_t)n;
    }
    return true;
}

/* The program has written its last byte. */
static void end_from_program(struct run *run, struct standin *s)
{
    standin_set_writing(s, WRITING_ENDED);
    s->far_in = false;
    if (!s->far_hup) {
        if ((s->program_shut & 2) == 0) /* else the call has been recorded */
            record_data(run, s, SW_VIEW_SHUT, 0);
        sw_shutdown(run->host, s->sock, SW_SHUT_WR);
    }
}

/* The program's close is a reset, as with data unread: RFC 2525 2.17. Whatever of its own was still
 * to be sent is not sent any more, as on Linux. */
static void closed_reset(struct run *run, struct standin *s)
{
    s->far_hup = true;
    standin_set_writing(s, WRITING_ENDED);
    sw_abort(run->host, s->sock);
    s->sock = 0;
}

void stream_expect_urgent(struct standin *s)
{
    int on = 1;

    if (s->urgent || s->far_fd < 0)
        return;
    setsockopt(s->far_fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on)); /* no read loses a byte */
    s->urgent = true;
}

/* Whether the next byte that the program wrote is its urgent one. */
static bool at_far_mark(const struct standin *s)
{
    int at_mark = 0;

    return s->urgent && ioctl(s->far_fd, SIOCATMARK, &at_mark) == 0 && at_mark != 0;
}

/* The first bytes since connect() said 0 without having sent anything (TCP_FASTOPEN_CONNECT): the
 * SYN takes as many as it may, the rest waits in the stand-in for the connection. True: it is on
 * its way. */
static bool open_put_off(struct run *run, struct standin *s)
{
    char data[16384];
    ssize_t n = recv(s->far_fd, data, sizeof(data), MSG_PEEK | MSG_DONTWAIT);
    if (n < 0) {
        s->far_in = false;
        return false;
    }
    s->put_off = false;
    if (n == 0) {
        end_from_program(run, s);
        return false;
    }
    int64_t taken = sw_send(run->host, s->sock, data, (size_t)n, 0, NULL);
    if (taken < 0 && taken != -EINPROGRESS) {
        stream_failed(run, s, (int)-taken);
        return false;
    }
    if (taken > 0) {
        (void)recv(s->far_fd, data, (size_t)taken, MSG_DONTWAIT);
        record_data(run, s, SW_VIEW_TAKEN, (uint64_t)taken);
    }
    return true;
}

static bool is_writing(const struct standin *s)
{
    return s->writing == WRITING || s->writing == WRITING_LAST;
}

/* What the program wrote goes to the core. Returns whether there is more than one turn allows. */
static bool to_core(struct run *run, struct standin *s)
{
    size_t moved = 0;

    if (s->put_off && s->far_in && !open_put_off(run, s))
        return false;
    while (s->far_in && is_writing(s)) {
        void *room;
        if (moved >= TURN_BYTES)
            return true;
        bool urgent = at_far_mark(s);
        int64_t want = sw_send_reserve(run->host, s->sock, urgent ? 1 : SW_CHUNK_BYTES, &room);
        if (want < 0) { /* no room; or broken: what is unread now makes a reset of our close */
            bool own_end = want == -EPIPE && (s->program_shut & 2) != 0;
            if (want != -EAGAIN && want != -ENOBUFS && !own_end) {
                s->broken = (int)-want;
                standin_set_writing(s, WRITING_BROKEN);
            }
            return false;
        }
        ssize_t n = recv(s->far_fd, room, (size_t)want, MSG_DONTWAIT);
        int err = n < 0 ? errno : 0;
        if (n > 0)
            record_data(run, s, SW_VIEW_TAKEN, (uint64_t)n);
        sw_send_commit(run->host, s->sock, n > 0 ? (size_t)n : 0, urgent ? SW_MSG_OOB : 0);
        if (n == 0) {
            end_from_program(run, s);
        } else if (n < 0) {
            s->far_in = false;
            if (err == ECONNRESET)
                closed_reset(run, s);
        } else {
            moved += (size_t)n;
            s->bytes_out += (uint64_t)n;
            if (s->bytes_out > STREAM_BULK_BYTES && !s->sndbuf_raised)
                stream_raise_sndbuf_now(run, s);
            if (n < want && s->writing == WRITING &&
                !s->urgent) /* short at a mark: there may be more */
                s->far_in = false;
        }
    }
    return false;
}

/* The urgent byte that came for the program takes its place in the stand-in's queue. False: it is
 * not here, or there is no room. Where it has been given already, reading passes over it. */
static bool urgent_to_program(struct run *run, struct standin *s)
{
    char byte;
    int64_t n = sw_recv(run->host, s->sock, &byte, 1, SW_MSG_OOB | SW_MSG_PEEK, NULL);
    bool in_line = n == -EINVAL && (sw_poll(run->host, s->sock) & SW_EV_PRI) != 0;

    if (in_line)
        n = sw_recv(run->host, s->sock, &byte, 1, SW_MSG_PEEK, NULL);
    if (n != 1)
        return n == -EINVAL;
    int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
    n = send(s->far_fd, &byte, 1, flags | MSG_OOB);
    if (n < 0 && errno == EOPNOTSUPP) /* before Linux 5.15: in line */
        n = send(s->far_fd, &byte, 1, flags);
    if (n < 0) { /* with another error, what follows meets it too */
        s->far_out = errno != EAGAIN;
        return s->far_out;
    }
    sw_recv(run->host, s->sock, &byte, 1, in_line ? 0 : SW_MSG_OOB, NULL);
    s->bytes_in++;
    record_data(run, s, SW_VIEW_GIVEN, 1);
    return true;
}

/* Mostly it is one piece: send(2) spares the kernel the copying of two structures. */
static ssize_t give(int fd, struct iovec *iov, size_t n)
{
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = n};

    if (n == 1)
        return send(fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* What came for the program is put before it. */
static void to_program(struct run *run, struct standin *s)
{
    while (s->far_out && s->sock != 0 && s->reading == READING) {
        struct sw_bytes pieces[PIECES];
        struct iovec iov[PIECES];
        size_t total = 0;

        if (sw_sockatmark(run->host, s->sock) > 0 && !urgent_to_program(run, s))
            return;
        int n = sw_recv_peek(run->host, s->sock, pieces, PIECES);
        if (n == -EAGAIN)
            return;
        if (n < 0 || (n == 0 && s->broken != 0)) {
            stream_failed(run, s, n < 0 ? -n : s->broken);
            return;
        }
        if (n == 0) {
            shutdown(s->far_fd, SHUT_WR);
            standin_set_reading(s, READING_ENDED);
            record_data(run, s, SW_VIEW_GIVEN, 0);
            return;
        }
        for (int i = 0; i < n; i++) {
            iov[i] = (struct iovec){(void *)(uintptr_t)pieces[i].ptr, pieces[i].len};
            total += pieces[i].len;
        }
        if (!s->far_sized && s->bytes_in + total > STREAM_BULK_BYTES)
            stream_size_far(run, s);
        ssize_t sent = give(s->far_fd, iov, (size_t)n);
        int err = sent < 0 ? errno : 0;
        if (sent > 0) {
            sw_recv_consume(run->host, s->sock, (size_t)sent);
            s->read_at_ns = sw_host_now(run->host);
            s->bytes_in += (uint64_t)sent;
            record_data(run, s, SW_VIEW_GIVEN, (uint64_t)sent);
        }
        /* EPIPE: it reads no more; data stays where it is, and the window closes. */
        if (err == ECONNRESET)
            closed_reset(run, s);
        else if (err != 0 && err != EAGAIN)
            standin_set_reading(s, READING_SHUT);
        else if ((size_t)sent != total)
            s->far_out = false;
    }
}

static bool has_unread(const struct standin *s)
{
    char byte;
    return recv(s->far_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* Makes sure that the far end has a byte unread: then its close is a reset to the program. */
static void leave_unread(struct run *run, struct standin *s)
{
    if (has_unread(s))
        return;
    int fd = standin_borrow(run, s);
    if (fd < 0)
        return; /* nobody to be found: it reads an end instead */
    (void)send(fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    close(fd);
}

/* The connection is broken, and the program has not read all that came before. It still may, but
 * whoever waits for room, or writes, must hear of it now: as EPIPE, AF_UNIX has no way to tell the
 * error without the end of reading. One byte stays unread for the close that comes. */
static void end_writing(struct run *run, struct standin *s)
{
    char scratch[16384];
    int unread = 0;

    leave_unread(run, s);
    shutdown(s->far_fd, SHUT_RD);
    while (ioctl(s->far_fd, FIONREAD, &unread) == 0 && unread > 1) {
        size_t want = (size_t)unread - 1;
        if (want > sizeof(scratch))
            want = sizeof(scratch);
        if (recv(s->far_fd, scratch, want, MSG_DONTWAIT) <= 0)
            break;
    }
    standin_set_writing(s, WRITING_REFUSED);
}

/* Whether the hang-up seen means that no program holds the stand-in. It may also mean that both
 * directions are shut down while the descriptor is still open. */
static bool closed_by_program(struct run *run, struct standin *s)
{
    bool both_shut =
        (s->program_shut & 2) != 0 && (s->reading == READING_ENDED || (s->program_shut & 1) != 0);
    return !both_shut || !standin_alive(run, s);
}

/* A reset that came after the peer's end: reading does not meet it any more, writing must. */
static void notice_break(struct run *run, struct standin *s)
{
    if (s->reading == READING || s->far_hup)
        return;
    int err = s->error != 0 ? s->error : sw_take_error(run->host, s->sock);
    if (err <= 0)
        err = s->broken; /* EPIPE: a reset in CLOSE_WAIT, which Linux tells a writer so */
    if (err > 0)
        stream_failed(run, s, err);
}

/* Whether the hang-up was a close that left data unread: AF_UNIX has that as an error that waits.
 */
static bool left_unread(const struct standin *s)
{
    int err = 0;

    getsockopt(s->far_fd, SOL_SOCKET, SO_ERROR, &err, &(socklen_t){sizeof(err)});
    return err == ECONNRESET;
}

/* SO_LINGER of no time: its close is a reset, and what was not sent by then never is. */
static bool closed_hard(struct run *run, struct standin *s)
{
    struct linger linger = {0};
    size_t len = sizeof(linger);

    (void)sw_getsockopt(run->host, s->sock, SOL_SOCKET, SO_LINGER, &linger, &len);
    return linger.l_onoff != 0 && linger.l_linger == 0 && closed_by_program(run, s);
}

/* Whether the program's close, seen as a hang-up, is a reset. Reading meets it, or the end, behind
 * the last byte, and may wait for room in the core: for as long as the peer's window is zero. Then
 * it is asked for; and what the core has no room for is not sent any more. */
static bool reset_while_full(struct run *run, struct standin *s)
{
    return s->far_hup && s->far_in && s->writing != WRITING_ENDED && s->sock != 0 &&
           (left_unread(s) || closed_hard(run, s));
}

static void move(struct run *run, struct standin *s)
{
    bool more = to_core(run, s);
    if (!more && reset_while_full(run, s))
        closed_reset(run, s);
    if (s->state == STANDIN_CONNECTED && s->sock != 0)
        to_program(run, s);
    if (s->state == STANDIN_CONNECTED && s->sock != 0)
        notice_break(run, s);
    if (s->state != STANDIN_CONNECTED)
        return;
    if (!is_writing(s) && s->far_hup)
        standin_set_writing(s, WRITING_ENDED); /* whatever it wrote last goes nowhere */
    else if (s->writing == WRITING_BROKEN)
        end_writing(run, s);
    if (s->far_hup && s->writing == WRITING_ENDED) {
        if (s->sock != 0 && left_unread(s)) /* it had shut down its writing before */
            closed_reset(run, s);
        if (s->sock == 0 || closed_by_program(run, s)) {
            standin_gone(run, s);
            return;
        }
        s->far_hup = false; /* a real close makes another edge */
        sw_shutdown(run->host, s->sock, SW_SHUT_WR);
    }
    if (s->far_hup && !s->far_in)
        s->far_in = true; /* read until the end */
    want_out(run, s, !s->far_out && !s->far_hup);
    if (more && sw_list_empty(&s->active))
        sw_list_add_tail(&run->active, &s->active);
}

void stream_take(struct run *run, struct standin *s)
{
    if (s->state != STANDIN_CONNECTED || s->sock == 0)
        return;
    s->far_in = true;
    if (to_core(run, s) && sw_list_empty(&s->active))
        sw_list_add_tail(&run->active, &s->active);
}

void stream_continue(struct run *run, struct standin *s)
{
    sw_list_del(&s->active);
    if (s->state == STANDIN_CONNECTED)
        move(run, s);
    calls_wake(run, s);
}

void stream_far_event(struct run *run, struct standin *s, uint32_t events)
{
    if (!park_fetch(run, s) || s->far_fd < 0)
        return;
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        s->far_in = true;
    if ((events & EPOLLRDHUP) && s->writing == WRITING)
        standin_set_writing(s, WRITING_LAST);
    if (events & EPOLLPRI)
        stream_expect_urgent(s);
    if (events & EPOLLHUP)
        s->far_hup = true;
    if (events & EPOLLOUT)
        s->far_out = true;
    if (s->state == STANDIN_CONNECTED) {
        move(run, s);
        calls_wake(run, s); /* a send that waits for room */
    } else if (s->state == STANDIN_CONNECTING && s->far_hup) {
        standin_gone(run, s); /* closed before there was a connection */
    }
}

/* A connection attempt has come to an end, one way or the other. */
static void attempt_event(struct run *run, struct standin *s)
{
    int bits = sw_poll(run->host, s->sock);
    if (bits >= 0 && (bits & (SW_EV_ERR | SW_EV_HUP)) != 0)
        stream_failed(run, s, 0);
    else if (bits >= 0 && (bits & SW_EV_OUT) != 0)
        stream_established(run, s, -1);
}

void stream_core_event(struct run *run, struct standin *s, int events)
{
    if (!park_fetch(run, s))
        return;
    if ((events & SW_EV_ERR) != 0)
        s->far_in = true; /* who writes is to hear of it, although there may be much to read yet */
    if (s->state == STANDIN_CONNECTED)
        move(run, s);
    calls_wake(run, s); /* connect, accept; a receive, now that its bytes are in the stand-in */
    if (s->state == STANDIN_LISTENING) /* what no accept() has waited for */
        accept_mirror(run, s);
    if (s->state == STANDIN_CONNECTING)
        attempt_event(run, s);
}

void stream_established(struct run *run, struct standin *s, int fd)
{
    if (s->small_sndbuf || s->sndbuf != 0) { /* else not before it sends much */
        int dup_fd = fd >= 0 ? fd : standin_borrow(run, s);
        s->small_sndbuf = true;
        if (dup_fd >= 0)
            stream_raise_sndbuf(s, dup_fd);
        if (dup_fd != fd)
            close(dup_fd);
    }
    if (s->kept_fd >= 0) { /* from here on it would hide the last close */
        close(s->kept_fd);
        s->kept_fd = -1;
    }
    drain_junk(s);
    standin_set_state(run, s, STANDIN_CONNECTED);
    s->far_out = true;
    move(run, s);
}

void stream_failed(struct run *run, struct standin *s, int err)
{
    if (s->state == STANDIN_CONNECTED) {
        if (s->far_hup) { /* nobody to tell */
            standin_gone(run, s);
            return;
        }
        if (s->reading != READING_ENDED)
            leave_unread(run, s);
        s->error = err;
    }
    s->error_is_native = s->far_fd >= 0 && has_unread(s);
    standin_drop_far(run, s);
    if (s->kept_fd >= 0) {
        close(s->kept_fd);
        s->kept_fd = -1;
    }
    standin_set_state(run, s, STANDIN_FAILED);
}
