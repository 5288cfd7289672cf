/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * recvfrom, recvmsg, recvmmsg of datagram stand-ins. (Those of streams are in call/stream_recv.c;
 * sockets that are not ours are the kernel's.)
 *
 * Order of checks and of what is written back is Linux's (net/socket.c, udp_recvmsg() as seen from
 * outside). A receive that cannot be written to the caller's memory has taken the datagram.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/errqueue.h> /* needs <time.h> before it */
#include <linux/net_tstamp.h>

#include "run/call/message.h"
#include "run/record.h"
#include "run/standin/dgram.h"

enum { ETHERNET_BYTES = 14 };

static bool is_stamp(const struct sw_socket_error *e)
{
    return e->origin == SW_ORIGIN_TIMESTAMPING;
}

/* Whether a stamp tells the way of what it is about, as an error does: ip_recv_error(),
 * ipv6_recv_error(). */
static bool tells_way(struct run *run, const struct standin *s, const struct sw_socket_error *e,
                      size_t len)
{
    if (e->origin == SW_ORIGIN_ZEROCOPY)
        return false;
    if (!is_stamp(e))
        return true;
    int flags = standin_option(run, s, SOL_SOCKET, SO_TIMESTAMPING);
    return len > 0 && (s->ipv6 || (flags & SOF_TIMESTAMPING_OPT_CMSG) != 0);
}

/* IP_RECVERR, IPV6_RECVERR: struct sock_extended_err and the offender's address behind it; no
 * address (`offended` is false) where nobody else had a part in it. */
static void put_error(const struct standin *s, const struct sw_socket_error *e, bool offended,
                      struct control *c)
{
    struct {
        struct sock_extended_err ee;
        union {
            struct sockaddr_in in;
            struct sockaddr_in6 in6;
        } offender;
    } data = {.ee = {.ee_errno = (uint32_t)e->err,
                     .ee_origin = e->origin,
                     .ee_type = e->type,
                     .ee_code = e->code,
                     .ee_info = e->info,
                     .ee_data = e->data}};

    memset(&data.offender, 0, sizeof(data.offender));
    if (s->ipv6 && offended) {
        data.offender.in6.sin6_family = AF_INET6;
        data.offender.in6.sin6_scope_id = e->offender.scope_id;
        memcpy(&data.offender.in6.sin6_addr, e->offender.ip.b, sizeof(e->offender.ip.b));
    } else if (offended) {
        data.offender.in.sin_family = AF_INET;
        memcpy(&data.offender.in.sin_addr, e->offender.ip.b + 12, 4);
    }
    if (s->ipv6)
        control_put(c, IPPROTO_IPV6, IPV6_RECVERR, &data, sizeof(data));
    else
        control_put(c, IPPROTO_IP, IP_RECVERR, &data, sizeof(data.ee) + sizeof(data.offender.in));
}

/* What goes back to the caller of one receive. */
struct reply {
    const void *data;
    size_t n;
    struct sw_addr from;
    uint32_t flags;
    const struct sw_datagram_info *info; /* NULL: no more is to be told of it */
    const struct sw_socket_error *error; /* NULL but for what comes from the error queue */
};

/* The address, as far as the caller has room: that stands in the message already, or, of a
 * recvfrom(), where its length will go. 0 or a negative errno. */
static int add_name(struct mem_writes *w, const struct message *m, struct mem_addr *name)
{
    int room = m->namelen;

    if (m->name == 0)
        return 0;
    if (m->at == 0 && mem_read(w->run, w->tid, m->namelen_ptr, &room, sizeof(room)) < 0)
        return -EFAULT;
    if (room < 0)
        return -EINVAL;
    mem_writes_add(w, m->name, &name->u, (size_t)room < name->full ? (size_t)room : name->full);
    mem_writes_add(w, m->namelen_ptr, &name->full, sizeof(name->full));
    return 0;
}

/* What is told beside the data. */
static void put_controls(struct run *run, const struct standin *s, const struct reply *reply,
                         struct control *c)
{
    const struct sw_socket_error *e = reply->error;

    if (reply->info != NULL)
        control_of_datagram(run, s, reply->info, c);
    else if (e != NULL && is_stamp(e))
        control_of_time(run, s, e->message.at_ns, true, c);
    if (e != NULL)
        put_error(s, e, reply->info != NULL && e->origin != SW_ORIGIN_LOCAL, c);
}

/* All of it at once. 0 or a negative errno. */
static int write_back(struct run *run, struct run_call *call, const struct message *m,
                      const struct reply *reply)
{
    struct standin *s = call->standin;
    struct mem_writes w;
    struct mem_addr name;
    struct control c;
    struct message_end end = {.flags = reply->flags};

    mem_writes_init(&w, run, call->tid);
    message_scatter_with(&w, m, reply->data, reply->n);
    mem_addr_make(&reply->from, s->ipv6, &name);
    if (reply->error != NULL && (is_stamp(reply->error) || reply->info == NULL))
        name.full = 0; /* nobody */
    int r = add_name(&w, m, &name);
    if (r == 0 && m->at != 0) {
        control_init(&c, m->controllen);
        put_controls(run, s, reply, &c);
        message_end_with(&w, m, &c, &end);
    }
    int err = mem_writes_commit(&w);
    return err < 0 ? err : r;
}

/* What a stamp quotes begins with a header of lo's, which has no addresses. Its length now. */
static size_t put_ethernet(uint8_t frame[ETHERNET_BYTES], uint8_t first_of_ip)
{
    memset(frame, 0, ETHERNET_BYTES);
    frame[12] = first_of_ip >> 4 == 4 ? 0x08 : 0x86; /* ETH_P_IP, ETH_P_IPV6 */
    frame[13] = first_of_ip >> 4 == 4 ? 0x00 : 0xdd;
    return ETHERNET_BYTES;
}

/* MSG_ERRQUEUE: the oldest error, and what was sent then. Takes it also with MSG_PEEK, as Linux. */
static int64_t receive_error(struct run *run, struct run_call *call, const struct message *m)
{
    struct standin *s = call->standin;
    struct sw_socket_error e;
    size_t room = m->total < DGRAM_MAX ? m->total : DGRAM_MAX;
    uint8_t *frame = malloc(ETHERNET_BYTES + room + 1);

    if (frame == NULL)
        return -ENOMEM;
    uint8_t *sent = frame + ETHERNET_BYTES;
    int64_t r = s->sock != 0 ? sw_recv_error(run->host, s->sock, sent, room + 1, &e) : -EAGAIN;
    if (r < 0) {
        free(frame);
        return r;
    }
    if (!s->stream)
        dgram_error_taken(run, call);
    size_t len = (size_t)r;
    if (is_stamp(&e) && len > 0) {
        sent = frame;
        len += put_ethernet(frame, frame[ETHERNET_BYTES]);
    }
    size_t n = len < m->total ? len : m->total;
    uint32_t flags = MSG_ERRQUEUE | (n < len ? MSG_TRUNC : 0U);
    const struct sw_datagram_info *info = tells_way(run, s, &e, len) ? &e.message : NULL;
    record_from(call, &e.to);
    struct reply reply = {sent, n, e.to, flags, info, &e};
    int err = write_back(run, call, m, &reply);
    free(frame);
    return err < 0 ? err : (int64_t)n;
}

/* One datagram into a message. Its length, or a negative errno; -EAGAIN: there is none. */
static int64_t receive_message(struct run *run, struct run_call *call, const struct message *m,
                               int flags)
{
    struct standin *s = call->standin;
    int err = 0;

    if ((flags & MSG_ERRQUEUE) != 0)
        return receive_error(run, call, m);
    err = dgram_take_error(run, call);
    if (err != 0)
        return -err;
    struct run_datagram *d = dgram_first(run, call, &err);
    if (d == NULL)
        return err;

    record_from(call, &d->from);
    record_value(run, call, (int64_t)m->total);
    size_t n = d->len < m->total ? d->len : m->total;
    uint32_t out_flags = (uint32_t)flags & MSG_CMSG_CLOEXEC;
    if (n < d->len)
        out_flags |= MSG_TRUNC;
    struct reply reply = {d->data, n, d->from, out_flags, &d->info, NULL};
    int64_t r = write_back(run, call, m, &reply);
    if (r == 0)
        r = (int64_t)((flags & MSG_TRUNC) != 0 ? d->len : n);
    if ((flags & MSG_PEEK) == 0)
        dgram_consume(s);
    dgram_refill(run, s);
    dgram_show_queue(run, s);
    return r;
}

static enum run_verdict verdict(struct run *run, struct run_call *call, int64_t r)
{
    if (r == -EAGAIN && call->standin->reading == READING_SHUT && !sw_list_empty(&call->link))
        r = 0; /* who waited for it is woken by the end of all reading */
    if (r == -EAGAIN)
        return CALL_AGAIN;
    call_answer(run, call, r);
    return CALL_DONE;
}

static enum run_verdict try_recvfrom(struct run *run, struct run_call *call)
{
    struct message m;
    int64_t r = message_plain(&m, call->args[1], call->args[2]);
    m.name = call->args[4];
    m.namelen_ptr = call->args[5];
    if (r == 0)
        r = receive_message(run, call, &m, (int)call->args[3]);
    return verdict(run, call, r);
}

static enum run_verdict try_recvmsg(struct run *run, struct run_call *call)
{
    struct message m;
    int64_t r = message_load(run, call->tid, call->args[1], false, &m);
    if (r == 0)
        r = receive_message(run, call, &m, (int)call->args[2]);
    return verdict(run, call, r);
}

/* recvmmsg() under way: it waits for all its datagrams, unless MSG_WAITFORONE. */
struct many {
    uint32_t done;
    uint64_t end_ns; /* its own time limit: Linux looks at it after each datagram only */
};

/* What there is of a recvmmsg() is its result. */
static void finish_many(struct run *run, struct run_call *call, const struct many *many)
{
    uint64_t now_ns = run_now(), left_ns = many->end_ns > now_ns ? many->end_ns - now_ns : 0;
    struct timespec left = {(time_t)(left_ns / 1000000000U), (long)(left_ns % 1000000000U)};
    bool ok =
        call->args[4] == 0 || mem_write(run, call->tid, call->args[4], &left, sizeof(left)) == 0;
    call_answer(run, call, ok ? (int64_t)many->done : -EFAULT);
}

/* Its caller waits no longer: what it has is not lost. */
static void leave_many(struct run *run, struct run_call *call)
{
    const struct many *many = call->state;
    if (many->done > 0)
        finish_many(run, call, many);
}

static int64_t receive_one(struct run *run, struct run_call *call, uint64_t at)
{
    struct message m;
    int64_t r = message_load(run, call->tid, at, false, &m);
    if (r == 0)
        r = receive_message(run, call, &m, (int)call->args[3] & ~MSG_WAITFORONE);
    uint32_t len = (uint32_t)r;
    if (r >= 0 && mem_write(run, call->tid, at + MMSGHDR_LEN, &len, sizeof(len)) < 0)
        r = -EFAULT;
    return r;
}

/* SO_RCVTIMEO is the patience for each datagram. */
static void renew_deadline(struct run *run, struct run_call *call, bool progress)
{
    uint64_t timeout_ns = standin_timeout_ns(run, call->standin, SO_RCVTIMEO);
    if (progress && timeout_ns != 0)
        call->deadline_ns = run_now() + timeout_ns;
}

static enum run_verdict try_recvmmsg(struct run *run, struct run_call *call)
{
    struct many *many = call->state;
    uint32_t count = (uint32_t)call->args[2];
    bool patient = (call->args[3] & (MSG_WAITFORONE | MSG_DONTWAIT | MSG_ERRQUEUE)) == 0;
    uint32_t had = many->done;
    int64_t r = 0;

    while (many->done < count && r >= 0) {
        r = receive_one(run, call, call->args[1] + (uint64_t)many->done * MMSGHDR_BYTES);
        if (r >= 0)
            many->done++;
        if (r >= 0 && run_now() >= many->end_ns)
            break;
    }
    if (r == -EAGAIN && (many->done == 0 || (patient && !call_nonblocking(run, call)))) {
        renew_deadline(run, call, many->done > had);
        return CALL_AGAIN;
    }
    if (many->done > 0 && r < 0 && r != -EAGAIN)
        dgram_make_pending(run, call->standin, (int)-r); /* the next call reports it */
    if (many->done > 0 || r == 0)
        finish_many(run, call, many);
    else
        call_answer(run, call, r);
    return CALL_DONE;
}

static void receive(struct run *run, struct run_call *call, run_try_fn *try, int flags)
{
    bool waits = (flags & (MSG_DONTWAIT | MSG_ERRQUEUE)) == 0;
    if (waits && call->standin->reading == READING_SHUT && !call_nonblocking(run, call)) {
        if (try(run, call) == CALL_AGAIN)
            call_return(run, call, 0);
    } else if (waits)
        call_try(run, call, try, standin_timeout_ns(run, call->standin, SO_RCVTIMEO), EAGAIN);
    else if (try(run, call) == CALL_AGAIN)
        call_fail(run, call, EAGAIN);
}

void on_recvfrom(struct run *run, struct run_call *call)
{
    if (call->standin == NULL)
        call_continue(run, call);
    else if (call->standin->stream && ((int)call->args[3] & MSG_ERRQUEUE) == 0)
        stream_receive(run, call);
    else if (call->args[4] == 0 && ((int)call->args[3] & (MSG_ERRQUEUE | MSG_OOB)) == 0)
        call_continue(run, call); /* here for its MSG_TRUNC */
    else
        receive(run, call, try_recvfrom, (int)call->args[3]);
}

void on_recvmsg(struct run *run, struct run_call *call)
{
    if (call->standin == NULL)
        call_continue(run, call);
    else if (call->standin->stream && ((int)call->args[2] & MSG_ERRQUEUE) == 0)
        stream_receive(run, call);
    else
        receive(run, call, try_recvmsg, (int)call->args[2]);
}

/* Reads the time limit of a recvmmsg() and makes its state. 0 or a negative errno. */
static int begin_many(struct run *run, struct run_call *call)
{
    struct timespec limit;
    struct many *many = call->state = calloc(1, sizeof(*many));
    if (many == NULL)
        return -ENOMEM;
    many->end_ns = SW_NEVER;
    if (call->args[4] == 0)
        return 0;
    if (mem_read(run, call->tid, call->args[4], &limit, sizeof(limit)) < 0)
        return -EFAULT;
    if (limit.tv_sec < 0 || limit.tv_nsec < 0 || limit.tv_nsec >= 1000000000)
        return -EINVAL;
    uint64_t sec = (uint64_t)limit.tv_sec < UINT32_MAX ? (uint64_t)limit.tv_sec : UINT32_MAX;
    many->end_ns = run_now() + sec * 1000000000U + (uint64_t)limit.tv_nsec;
    return 0;
}

void on_recvmmsg(struct run *run, struct run_call *call)
{
    struct standin *s = call->standin;
    if (s == NULL) {
        call_continue(run, call);
        return;
    }
    bool asks = ((int)call->args[3] & MSG_ERRQUEUE) == 0;
    int err = begin_many(run, call);
    if (err == 0 &&
        asks) /* the error that waits comes before everything, as do_recvmmsg() has it */
        err = s->stream ? -stream_take_error(run, call) : -dgram_take_error(run, call);
    if (err < 0 || (uint32_t)call->args[2] == 0) {
        call_answer(run, call, err);
        return;
    }
    if (s->stream && asks) {
        stream_receive_many(run, call);
        return;
    }
    call->leave = leave_many;
    receive(run, call, try_recvmmsg, (int)call->args[3]);
}
