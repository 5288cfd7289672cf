/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SOCK_STREAM: send, recv, shutdown, close, and what follows from what TCP did.
 *
 * Which errors come in which order is Linux's: a pending error is told once; then a stream that has
 * ended gives 0 to recv() and -EPIPE to send().
 */
#include <errno.h>

#include "sock/private.h"

enum sw_tcp_state sw_stream_state(struct sw_sock *s)
{
    if (s->listener)
        return SW_TCP_LISTEN;
    if (s->is & SW_IS_PUT_OFF)
        return SW_TCP_SYN_SENT;
    return s->is & SW_IS_DONE ? SW_TCP_CLOSED : sw_tcp_get_state(sw_sock_tcp(s));
}

void sw_stream_start(struct sw_sock_layer *layer, struct sw_sock *s)
{
    struct sw_tcp *tcp = sw_sock_tcp(s);
    struct sw_addr local = tcp->local, remote = tcp->remote;
    const struct sw_tcp_config *config = &layer->tcp->config;
    *tcp = (struct sw_tcp){0};
    sw_tcp_init(tcp, layer->tcp, config->sndbuf, config->rcvbuf);
    tcp->local = local;
    tcp->remote = remote;
    tcp->id = sw_sock_handle(layer, s);
    sw_stream_apply_options(s);
}

/* ---- what happened inside TCP --------------------------------------------------------- */

/* The connection is over: out of the table; in TIME_WAIT a record stays there in its place. */
static void end(struct sw_sock_layer *layer, struct sw_sock *s)
{
    s->is |= SW_IS_DONE;
    s->shut = SW_SHUT_BITS;
    sw_sock_unhash(layer, s);
    if (sw_tcp_get_state(sw_sock_tcp(s)) == SW_TCP_TIME_WAIT)
        sw_tw_new(layer, s);
    if (!(s->is & SW_IS_BOUND_PORT))
        sw_port_release(layer, s);
}

static bool fin_received(enum sw_tcp_state state)
{
    return state == SW_TCP_CLOSE_WAIT || state == SW_TCP_LAST_ACK || state == SW_TCP_CLOSING ||
           state == SW_TCP_TIME_WAIT;
}

void sw_stream_after(struct sw_sock_layer *layer, struct sw_sock *s)
{
    struct sw_tcp *tcp = sw_sock_tcp(s);
    unsigned events = sw_tcp_take_events(tcp);
    if (events & SW_TCPE_ERROR) {
        int err = sw_tcp_take_error(tcp);
        if (err)
            s->err = (uint16_t)err;
    }
    if (s->is & (SW_IS_DONE | SW_IS_PUT_OFF))
        return;
    enum sw_tcp_state state = sw_tcp_get_state(tcp);
    bool over = state == SW_TCP_TIME_WAIT || (state == SW_TCP_CLOSED && (s->is & SW_IS_HASHED));
    if (fin_received(state))
        s->shut |= SW_SHUT_BIT_RCV;
    if ((events & SW_TCPE_ESTABLISHED) && (s->is & (SW_IS_EMBRYO | SW_IS_QUEUED)) == SW_IS_EMBRYO)
        sw_listen_child_established(layer, s);
    if ((events & SW_TCPE_ESTABLISHED) || over)
        sw_fast_leave(layer, s);
    if (over)
        end(layer, s);
    bool unwanted =
        !(s->is & (SW_IS_HELD | SW_IS_QUEUED)); /* an orphan, or an embryo not yet ripe */
    if (over && unwanted) {
        sw_sock_free(layer, s);
        return;
    }
    if (state == SW_TCP_FIN_WAIT_2 && unwanted && sw_fw_new(layer, s))
        return;
    if (sw_notices_look(tcp, over) || events)
        sw_sock_wake(layer, s);
}

/* ---- send ----------------------------------------------------------------------------- */

bool sw_stream_writable(struct sw_sock *s)
{
    return sw_tcp_writable(sw_sock_tcp(s));
}

/* Whether bytes may be put into the send queue now: 0 or why not. */
static int check_send(struct sw_sock *s)
{
    enum sw_tcp_state state = sw_stream_state(s);
    bool early = sw_tfo_early(sw_sock_tcp(s));
    if ((state == SW_TCP_SYN_SENT || state == SW_TCP_SYN_RECEIVED) && !early) {
        int err = sw_sock_take_error(s);
        sw_tcp_await_space(sw_sock_tcp(s));
        return err ? -err : -EAGAIN;
    }
    bool open = early || state == SW_TCP_ESTABLISHED || state == SW_TCP_CLOSE_WAIT;
    if (s->err || !open || (s->shut & SW_SHUT_BIT_SEND)) {
        int err = sw_sock_take_error(s);
        return err ? -err : -EPIPE;
    }
    return 0;
}

/* Whether the user wants to know what becomes of what was just put into the send queue. */
void sw_stream_follow(struct sw_sock *s, int flags, const struct sw_stamping *stamping)
{
    unsigned stamps = sw_sock_stamps(s, stamping), wants = 0;
    wants |= stamps & SW_TS_TX_SOFTWARE ? 1U << SW_NOTICE_SENT : 0;
    wants |= stamps & SW_TS_TX_SCHED ? 1U << SW_NOTICE_SCHED : 0;
    wants |= stamps & SW_TS_TX_ACK ? 1U << SW_NOTICE_ACKED : 0;
    if ((flags & SW_MSG_ZEROCOPY) && sw_sock_rare(s, SW_RARE_ZEROCOPY))
        wants |= 1U << SW_NOTICE_COPIED;
    if (wants)
        sw_notices_mark(sw_sock_tcp(s), wants);
}

int64_t sw_stream_notice(struct sw_sock *s, struct sw_socket_error *ret_error)
{
    struct sw_notice notice;
    if (!sw_notices_take(sw_sock_tcp(s), &notice))
        return -EAGAIN;
    bool copied = notice.kind == SW_NOTICE_COPIED;
    *ret_error = (struct sw_socket_error){
        .err = copied ? 0 : ENOMSG,
        .origin = copied ? SW_ORIGIN_ZEROCOPY : SW_ORIGIN_TIMESTAMPING,
        .code = copied ? 1 : 0, /* SO_EE_CODE_ZEROCOPY_COPIED */
        .info = copied ? notice.first : notice.kind,
        .data = notice.last,
        .message = {.at_ns = notice.at_ns},
    };
    return 0;
}

int64_t sw_stream_send(struct sw_sock_layer *layer, struct sw_sock *s, const void *buf, size_t len,
                       int flags, const struct sw_addr *to, const struct sw_stamping *stamping)
{
    if ((flags & SW_MSG_FASTOPEN) || (s->is & SW_IS_PUT_OFF))
        return sw_fast_send(layer, s, buf, len, flags, to);
    int r = check_send(s);
    if (r < 0)
        return r;
    if (len == 0)
        return 0;
    sw_ahead_send(layer, s);
    struct sw_tcp *tcp = sw_sock_tcp(s);
    const uint8_t *bytes = buf;
    size_t done = 0;
    while (done < len) {
        uint32_t space = sw_tcp_send_space(tcp);
        if (space == 0)
            break;
        uint32_t n = len - done < space ? (uint32_t)(len - done) : space;
        r = sw_stream_append(sw_tcp_send_queue(tcp), layer->env->mem, bytes + done, n);
        if (r < 0)
            break;
        done += n;
        if (flags & SW_MSG_OOB)
            sw_tcp_mark_urgent(tcp); /* as Linux: whatever the last byte is that found room */
        if ((flags & SW_MSG_EOR) && done == len)
            sw_tcp_mark_record(tcp);
        sw_tcp_push(tcp, done < len ? sw_tcp_send_space(tcp) > 0 : flags & SW_MSG_MORE);
    }
    if (done == len || (done > 0 && !(flags & SW_MSG_WAITALL)))
        sw_stream_follow(s, flags, stamping);
    if (done < len)
        sw_tcp_await_space(tcp);
    if (done == 0)
        return r < 0 ? -ENOBUFS : -EAGAIN;
    sw_stream_after(layer, s);
    return (int64_t)done;
}

int64_t sw_stream_reserve_space(struct sw_sock_layer *layer, struct sw_sock *s, size_t want,
                                void **ret_ptr)
{
    int r = s->is & SW_IS_PUT_OFF ? sw_fast_begin(layer, s) : check_send(s);
    if (r < 0)
        return r;
    struct sw_tcp *tcp = sw_sock_tcp(s);
    uint32_t space = sw_tcp_send_space(tcp);
    if (space < want)
        sw_tcp_await_space(tcp);
    if (space == 0)
        return -EAGAIN;
    uint32_t n = want < space ? (uint32_t)want : space;
    int64_t got = sw_stream_reserve(sw_tcp_send_queue(tcp), layer->env->mem, n, ret_ptr);
    return got < 0 ? -ENOBUFS : got;
}

int sw_stream_commit_space(struct sw_sock_layer *layer, struct sw_sock *s, size_t len, int flags)
{
    struct sw_tcp *tcp = sw_sock_tcp(s);
    sw_stream_commit(sw_tcp_send_queue(tcp), (uint32_t)len);
    if (len == 0)
        return 0;
    if (flags & SW_MSG_OOB)
        sw_tcp_mark_urgent(tcp);
    sw_stream_follow(s, flags, NULL);
    sw_tcp_push(tcp, flags & SW_MSG_MORE);
    sw_stream_after(layer, s);
    return 0;
}

/* ---- recv ----------------------------------------------------------------------------- */

/* With nothing to read: 0 at the end of the stream, or why there is nothing. */
static int nothing_to_read(struct sw_sock *s)
{
    enum sw_tcp_state state = sw_stream_state(s);
    if (state == SW_TCP_LISTEN)
        return -ENOTCONN;
    bool eof = sw_tcp_recv_eof(sw_sock_tcp(s));
    if (eof)
        return 0;
    int err = sw_sock_take_error(s);
    if (err)
        return -err;
    if (s->shut & SW_SHUT_BIT_RCV)
        return 0;
    return state == SW_TCP_CLOSED ? -ENOTCONN : -EAGAIN;
}

/* At the mark, an urgent byte not wanted in line is read by MSG_OOB or not at all. */
static void pass_mark(struct sw_sock_layer *layer, struct sw_sock *s)
{
    struct sw_tcp *tcp = sw_sock_tcp(s);
    uint32_t skip = sw_tcp_recv_skip(tcp);
    if (skip == 0)
        return;
    sw_stream_drop(sw_tcp_recv_queue(tcp), layer->env->mem, skip);
    sw_tcp_consumed(tcp, skip);
}

static int64_t recv_urgent(struct sw_sock *s, void *buf, size_t len, int flags)
{
    uint8_t byte;
    int r = sw_tcp_recv_urgent(sw_sock_tcp(s), flags & SW_MSG_PEEK, &byte);
    if (r == -EAGAIN && (sw_stream_state(s) == SW_TCP_CLOSED || (s->shut & SW_SHUT_BIT_RCV)))
        return 0; /* it will not come any more */
    if (r < 0)
        return r;
    if (len > 0 && !(flags & SW_MSG_TRUNC))
        memcpy(buf, &byte, 1);
    return len > 0 ? 1 : 0;
}

int64_t sw_stream_recv(struct sw_sock_layer *layer, struct sw_sock *s, void *buf, size_t len,
                       int flags)
{
    struct sw_tcp *tcp = sw_sock_tcp(s);
    struct sw_stream *queue = sw_tcp_recv_queue(tcp);
    if ((flags & SW_MSG_OOB) && !s->listener)
        return recv_urgent(s, buf, len, flags);
    if (!(flags & SW_MSG_PEEK) && len > 0)
        pass_mark(layer, s);
    uint32_t skip = sw_tcp_recv_skip(tcp);
    if (s->listener || queue->len == skip)
        return nothing_to_read(s);
    if (len == 0)
        return 0;
    uint32_t limit = sw_tcp_recv_limit(tcp) - skip;
    uint32_t n = len < limit ? (uint32_t)len : limit;
    if (!(flags & SW_MSG_TRUNC)) /* tcp(7): MSG_TRUNC throws the bytes away */
        n = sw_stream_copy(queue, skip, buf, n);
    if (flags & SW_MSG_PEEK)
        return n;
    sw_stream_drop(queue, layer->env->mem, n);
    sw_tcp_consumed(tcp, n);
    sw_stream_after(layer, s);
    return n;
}

/* Linux's tcp_inq(): what lies before the urgent byte. */
uint32_t sw_stream_readable(struct sw_sock *s)
{
    struct sw_tcp *tcp = sw_sock_tcp(s);
    if (s->on & SW_ON_OOBINLINE)
        return sw_tcp_recv_queue(tcp)->len;
    return sw_tcp_recv_skip(tcp) ? 0 : sw_tcp_recv_limit(tcp);
}

int sw_stream_peek(struct sw_sock_layer *layer, struct sw_sock *s, struct sw_bytes *ret_pieces,
                   int max)
{
    struct sw_stream *queue = sw_tcp_recv_queue(sw_sock_tcp(s));
    pass_mark(layer, s);
    if (s->listener || queue->len == 0)
        return nothing_to_read(s);
    int n = 0;
    uint32_t off = 0, limit = sw_tcp_recv_limit(sw_sock_tcp(s));
    while (n < max && off < limit) {
        struct sw_slice slice;
        uint32_t len;
        if (sw_stream_slices(queue, off, limit - off, &slice, 1, &len) == 0)
            break;
        ret_pieces[n++] = (struct sw_bytes){.ptr = slice.chunk->data + slice.off, .len = slice.len};
        off += slice.len;
    }
    return n;
}

int sw_stream_consume(struct sw_sock_layer *layer, struct sw_sock *s, size_t len)
{
    struct sw_tcp *tcp = sw_sock_tcp(s);
    struct sw_stream *queue = sw_tcp_recv_queue(tcp);
    if (len > queue->len)
        return -EINVAL;
    if (len == 0)
        return 0;
    sw_stream_drop(queue, layer->env->mem, (uint32_t)len);
    sw_tcp_consumed(tcp, (uint32_t)len);
    sw_stream_after(layer, s);
    return 0;
}

/* ---- the end -------------------------------------------------------------------------- */

int sw_stream_shutdown(struct sw_sock_layer *layer, struct sw_sock *s, int how)
{
    if (how < SW_SHUT_RD || how > SW_SHUT_RDWR)
        return -EINVAL;
    uint8_t bits = (uint8_t)(how + 1);
    enum sw_tcp_state state = sw_stream_state(s);
    if (s->state == SW_SS_CONNECTING)
        s->state = state == SW_TCP_LISTEN || state == SW_TCP_SYN_SENT ||
                           state == SW_TCP_SYN_RECEIVED || state == SW_TCP_CLOSED
                       ? SW_SS_DISCONNECTING
                       : SW_SS_CONNECTED;
    sw_sock_wake(layer, s); /* whoever waits in poll() is to look again */
    if (state == SW_TCP_LISTEN) {
        if (bits & SW_SHUT_BIT_RCV)
            return sw_stream_disconnect(layer, s);
        return 0;
    }
    if (state == SW_TCP_SYN_SENT) {
        s->state = SW_SS_UNCONNECTED;
        return sw_stream_disconnect(layer, s);
    }
    s->shut |= bits;
    if (state == SW_TCP_CLOSED)
        return -ENOTCONN;
    if (bits & SW_SHUT_BIT_RCV)
        sw_tcp_shutdown_reading(sw_sock_tcp(s));
    if (bits & SW_SHUT_BIT_SEND) {
        sw_tcp_shutdown(sw_sock_tcp(s));
        sw_stream_after(layer, s);
    }
    return 0;
}

void sw_stream_close(struct sw_sock_layer *layer, struct sw_sock *s, bool abort)
{
    struct sw_tcp *tcp = sw_sock_tcp(s);
    if (s->listener)
        sw_listen_stop(layer, s);
    bool alive = !(s->is & SW_IS_DONE) && sw_tcp_get_state(tcp) != SW_TCP_CLOSED;
    if (alive) {
        bool linger_0 = (s->on & SW_ON_LINGER) && sw_sock_opts(s)->linger_s == 0;
        if (abort || linger_0 || sw_tcp_get_state(tcp) == SW_TCP_SYN_SENT)
            sw_tcp_abort(tcp, 0);
        else
            sw_tcp_close(tcp);
        if (sw_tcp_get_state(tcp) != SW_TCP_CLOSED) {
            sw_stream_after(layer, s);
            return;
        }
    }
    sw_sock_free(layer, s);
}
