/* SPDX-License-Identifier: BSD-2-Clause */
/* Two programs on a stream: see stream.h. */
#include "stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#define BUF_BYTES 70000

static void set_option(struct stream_end *e, sw_socket_t s, int level, int name, int value)
{
    int result = sw_setsockopt(e->w->host[e->host], s, level, name, &value, sizeof(value));
    if (result)
        world_fail(e->w, "setsockopt level %d name %d value %d: %d", level, name, value, result);
}

/* Small and large buffers, Nagle or not, a small MSS: before connect() or listen(), so that the
 * window scale follows from it. */
static void choose_options(struct stream_end *e, sw_socket_t s, const struct stream_choice *choice)
{
    struct rand *r = &e->rand;
    if (rand_one_in(r, 3))
        set_option(e, s, SOL_SOCKET, SO_RCVBUF, (int)rand_in(r, 2000, 300000));
    if (rand_one_in(r, 3))
        set_option(e, s, SOL_SOCKET, SO_SNDBUF, (int)rand_in(r, 2000, 300000));
    if (rand_one_in(r, 2))
        set_option(e, s, IPPROTO_TCP, TCP_NODELAY, 1);
    if (rand_one_in(r, 8))
        set_option(e, s, IPPROTO_TCP, TCP_MAXSEG, (int)rand_in(r, 88, 1400));
    struct rand more = {.state = e->key ^ 0xace}; /* of its own, as in world.c */
    if (rand_one_in(&more, 4))
        set_option(e, s, SOL_SOCKET, SO_MAX_PACING_RATE, (int)(1000000U << rand_in(&more, 0, 10)));
    if (choice->keepalive) {
        set_option(e, s, SOL_SOCKET, SO_KEEPALIVE, 1);
        set_option(e, s, IPPROTO_TCP, TCP_KEEPIDLE, 60);
        set_option(e, s, IPPROTO_TCP, TCP_KEEPINTVL, 10);
        set_option(e, s, IPPROTO_TCP, TCP_KEEPCNT, 5);
    }
}

static void choose_end(struct stream_end *e, struct world *w, int host,
                       const struct stream_choice *choice)
{
    uint64_t max_bytes = choice->max_bytes ? choice->max_bytes : 300000;
    *e = (struct stream_end){.w = w, .host = host, .rand = {.state = rand_next(&w->rand)}};
    struct rand *r = &e->rand;
    e->key = rand_next(r);
    /* Sizes spread over the magnitudes, nothing at all among them. */
    e->total = rand_in(r, 0, max_bytes >> rand_in(r, 0, 12));
    e->max_write = (uint32_t)rand_in(r, 1, BUF_BYTES >> rand_in(r, 0, 8));
    e->max_read = (uint32_t)rand_in(r, 1, BUF_BYTES >> rand_in(r, 0, 8));
    e->rest_one_in = 1U << rand_in(r, 1, 8);
    e->rests_left = 100;
    e->rest_ns = rand_in(r, 0, choice->no_long_rests || !rand_one_in(r, 8) ? 200 : 20000) * MS_NS;
}

static sw_socket_t open_socket(struct stream_end *e, bool v6, const struct stream_choice *choice)
{
    sw_socket_t s = 0;
    int result =
        sw_socket(e->w->host[e->host], v6 ? SW_AF_INET6 : SW_AF_INET, SW_SOCK_STREAM, 0, &s);
    if (result)
        world_fail(e->w, "socket: %d", result);
    else
        choose_options(e, s, choice);
    return s;
}

static void open_client(struct stream *s, struct stream_end *e, const struct sw_addr *local,
                        const struct stream_choice *choice)
{
    struct sw_host *host = e->w->host[e->host];
    struct sw_addr remote = world_addr(e->w, !e->host, s->v6, (uint16_t)(s->port + !e->host));

    e->socket = open_socket(e, s->v6, choice);
    sw_socket_set_user(host, e->socket, e);
    int result = local ? sw_bind(host, e->socket, local) : 0;
    /* With Fast Open the first write sends the SYN, if there is a cookie or none is needed: so it
     * is for who begins by writing. */
    bool fast = !local && e->total > 0 && e->w->settings[e->host].fastopen > 1;
    if (fast)
        set_option(e, e->socket, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
    if (!result)
        result = sw_connect(host, e->socket, &remote);
    if (fast && result == 0) {
        e->state = STREAM_OPEN;
        e->writable = true;
    } else if (result != -EINPROGRESS)
        world_fail(e->w, "connect: %d", result);
}

void stream_open(struct stream *s, struct world *w, unsigned number,
                 const struct stream_choice *choice)
{
    int client = (int)rand_in(&w->rand, 0, 1);
    *s = (struct stream){.v6 = rand_one_in(&w->rand, 2), .port = (uint16_t)(1000 + 2 * number)};
    choose_end(&s->end[0], w, client, choice);
    choose_end(&s->end[1], w, !client, choice);
    for (int i = 0; i < 2; i++) {
        s->end[i].peer_key = s->end[!i].key;
        s->end[i].peer_total = s->end[!i].total;
    }
    s->end[1].waits_for_end = rand_one_in(&w->rand, 3);

    struct sw_host *server = w->host[!client];
    if (choice->simultaneous) {
        /* Each connects to the port that the other comes from: RFC 9293 3.5, figure 7. */
        for (int i = 0; i < 2; i++) {
            struct sw_addr local =
                world_addr(w, s->end[i].host, s->v6, (uint16_t)(s->port + s->end[i].host));
            open_client(s, &s->end[i], &local, choice);
        }
        return;
    }
    struct sw_addr local = world_addr(w, !client, s->v6, (uint16_t)(s->port + !client));
    if (rand_one_in(&w->rand, 2)) /* a dual-stack listener serves both families (RFC 3493 3.7) */
        local.ip = SW_IP6_ANY;
    s->listener = open_socket(&s->end[1], s->v6 || !sw_ip_is4(&local.ip), choice);
    sw_socket_set_user(server, s->listener, &s->listener);
    int result = sw_bind(server, s->listener, &local);
    if (!result && w->settings[!client].fastopen > 1)
        set_option(&s->end[1], s->listener, IPPROTO_TCP, TCP_FASTOPEN, 4);
    if (!result)
        result = sw_listen(server, s->listener, 4);
    if (result)
        world_fail(w, "bind, listen: %d", result);
    open_client(s, &s->end[0], NULL, choice);
}

static void accept_one(struct stream *s)
{
    struct stream_end *e = &s->end[1];
    struct sw_host *host = e->w->host[e->host];
    struct sw_addr remote, name;
    int result = sw_accept(host, s->listener, &e->socket, &remote);

    if (result == -EAGAIN || (result == -ENOMEM && e->w->alloc_fail_one_in))
        return;
    if (result) {
        world_fail(e->w, "accept: %d", result);
        return;
    }
    sw_socket_set_user(host, e->socket, e);
    e->state = STREAM_OPEN;
    e->readable = e->writable = true;
    if (sw_getpeername(host, e->socket, &name) == 0 &&
        (name.port != remote.port || !sw_ip_eq(&name.ip, &remote.ip)))
        world_fail(e->w, "accept and getpeername differ");
    sw_close(host, s->listener);
    s->listener = 0;
}

bool stream_ready(struct stream *s, const struct sw_ready *ready)
{
    if (ready->user == &s->listener) {
        if (s->listener && (ready->events & SW_EV_IN))
            accept_one(s);
        return true;
    }
    for (int i = 0; i < 2; i++) {
        struct stream_end *e = &s->end[i];
        if (ready->user != e)
            continue;
        if (ready->events & (SW_EV_IN | SW_EV_RDHUP | SW_EV_HUP | SW_EV_ERR))
            e->readable = true;
        if (ready->events & (SW_EV_OUT | SW_EV_HUP | SW_EV_ERR))
            e->writable = true;
        return true;
    }
    return false;
}

static void end_close(struct stream_end *e, int error)
{
    world_say(e->w, "    host %d closes, %s", e->host, error ? strerror(error) : "no error");
    int result = sw_close(e->w->host[e->host], e->socket);
    if (result)
        world_fail(e->w, "close: %d", result);
    e->error = error;
    e->state = STREAM_CLOSED;
    e->readable = e->writable = false;
}

static void maybe_rest(struct stream_end *e, uint64_t *ret_until_ns)
{
    if (e->rests_left > 0 && rand_one_in(&e->rand, e->rest_one_in)) {
        e->rests_left--;
        *ret_until_ns = e->w->now_ns + rand_in(&e->rand, 0, e->rest_ns);
    }
}

static void end_connect(struct stream_end *e)
{
    struct sw_host *host = e->w->host[e->host];
    int error = sw_take_error(host, e->socket);

    if (error) {
        end_close(e, error);
        return;
    }
    struct sw_addr peer;
    if (sw_getpeername(host, e->socket, &peer) == 0)
        e->state = STREAM_OPEN;
    e->writable = e->state == STREAM_OPEN;
}

/* Takes what came, by copy or in place; the bytes must be the next ones. */
static void end_read(struct stream_end *e)
{
    static uint8_t buf[BUF_BYTES];
    struct sw_host *host = e->w->host[e->host];
    struct sw_bytes piece = {.ptr = buf};
    bool in_place = rand_one_in(&e->rand, 4);
    size_t want = rand_in(&e->rand, 1, e->max_read);
    int64_t got;

    if (in_place) {
        got = sw_recv_peek(host, e->socket, &piece, 1);
        if (got > 0)
            got = (int64_t)(piece.len < want ? piece.len : want);
    } else {
        got = 1;
        if (rand_one_in(&e->rand, 8)) /* an error is told once, to a peek, too */
            got = sw_recv(host, e->socket, buf, want, SW_MSG_PEEK, NULL);
        if (got > 0)
            got = sw_recv(host, e->socket, buf, want, 0, NULL);
    }
    if (got == -EAGAIN) {
        e->readable = false;
    } else if (got < 0) {
        end_close(e, (int)-got);
    } else if (got == 0) {
        e->got_end = true;
    } else {
        size_t right = content_check(e->peer_key, e->read, piece.ptr, (size_t)got);
        if (right != (size_t)got)
            world_fail(e->w, "host %d read a wrong byte at %llu of %llu", e->host,
                       (unsigned long long)(e->read + right), (unsigned long long)e->peer_total);
        e->read += (uint64_t)got;
        if (in_place && sw_recv_consume(host, e->socket, (size_t)got))
            world_fail(e->w, "consume failed");
        maybe_rest(e, &e->read_at_ns);
    }
}

static int64_t write_in_place(struct stream_end *e, size_t want, int flags)
{
    struct sw_host *host = e->w->host[e->host];
    void *ptr;
    int64_t room = sw_send_reserve(host, e->socket, want, &ptr);

    if (room <= 0)
        return room;
    if (room > (int64_t)want)
        world_fail(e->w, "reserve gave %lld of %zu", (long long)room, want);
    content_fill(e->key, e->written, ptr, (size_t)room);
    int result = sw_send_commit(host, e->socket, (size_t)room, flags);
    return result < 0 ? result : room;
}

static void end_write(struct stream_end *e)
{
    static uint8_t buf[BUF_BYTES];
    size_t want = rand_in(&e->rand, 1, e->max_write);
    int64_t put;

    if (want > e->total - e->written)
        want = e->total - e->written;
    int flags = want < e->total - e->written && rand_one_in(&e->rand, 8) ? SW_MSG_MORE : 0;
    if (rand_one_in(&e->rand, 4)) {
        put = write_in_place(e, want, flags);
    } else {
        content_fill(e->key, e->written, buf, want);
        put = sw_send(e->w->host[e->host], e->socket, buf, want, flags, NULL);
    }
    if (put == -EAGAIN) {
        e->writable = false;
    } else if (put < 0) {
        end_close(e, (int)-put);
    } else if (put == 0 || (size_t)put > want) {
        world_fail(e->w, "send took %lld of %zu", (long long)put, want);
    } else {
        e->written += (uint64_t)put;
        maybe_rest(e, &e->write_at_ns);
    }
}

/* One thing at most in each direction. */
static bool end_step(struct stream_end *e)
{
    uint64_t now_ns = e->w->now_ns;
    bool acted = false;

    if (!e->socket || e->state == STREAM_CLOSED)
        return false;
    if (e->state == STREAM_CONNECTING) {
        if (!e->writable)
            return false;
        end_connect(e);
        return true;
    }
    if (e->readable && !e->got_end && now_ns >= e->read_at_ns) {
        end_read(e);
        acted = true;
    }
    if (e->state == STREAM_OPEN && e->written < e->total && e->writable &&
        now_ns >= e->write_at_ns) {
        end_write(e);
        acted = true;
    }
    if (e->state != STREAM_OPEN || e->written < e->total)
        return acted;
    if (e->got_end) {
        end_close(e, 0);
        return true;
    }
    struct sw_addr peer; /* with Fast Open it may have written before it is connected */
    if (!e->shut && !e->waits_for_end &&
        sw_getpeername(e->w->host[e->host], e->socket, &peer) == 0) {
        int result = sw_shutdown(e->w->host[e->host], e->socket, SW_SHUT_WR);
        if (result == -ENOTCONN) /* reset in the meantime: reading will tell */
            e->readable = true;
        else if (result)
            world_fail(e->w, "shutdown: %d", result);
        e->shut = true;
        return true;
    }
    return acted;
}

bool stream_step(struct stream *s)
{
    bool acted0 = end_step(&s->end[0]);
    bool acted1 = end_step(&s->end[1]);
    return acted0 || acted1;
}

static void earlier(uint64_t *next_ns, uint64_t at_ns, uint64_t now_ns)
{
    if (at_ns > now_ns && at_ns < *next_ns)
        *next_ns = at_ns;
}

uint64_t stream_deadline(const struct stream *s)
{
    uint64_t next_ns = SW_NEVER;
    for (int i = 0; i < 2; i++) {
        const struct stream_end *e = &s->end[i];
        if (e->state != STREAM_OPEN)
            continue;
        if (e->readable)
            earlier(&next_ns, e->read_at_ns, e->w->now_ns);
        if (e->writable && e->written < e->total)
            earlier(&next_ns, e->write_at_ns, e->w->now_ns);
    }
    return next_ns;
}

bool stream_done(const struct stream *s)
{
    return s->end[0].state == STREAM_CLOSED && s->end[1].state == STREAM_CLOSED;
}

void stream_check_whole(const struct stream *s)
{
    for (int i = 0; i < 2; i++) {
        const struct stream_end *e = &s->end[i];
        if (e->error)
            world_fail(e->w, "host %d: %s", e->host, strerror(e->error));
        if (e->read != e->peer_total)
            world_fail(e->w, "host %d read %llu bytes of %llu", e->host,
                       (unsigned long long)e->read, (unsigned long long)e->peer_total);
    }
}
