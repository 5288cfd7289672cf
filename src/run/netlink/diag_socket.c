/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AF_NETLINK sockets of the protocol NETLINK_SOCK_DIAG: `ss` shows the run's sockets.
 *
 * What is listed is the core's table, with what belongs to the stand-in beside it: its inode, which
 * is what /proc/PID/fd shows (so `ss -p` finds the processes), and the bytes that lie in it. A dump
 * that the program's queue has no room for goes on as the program reads, as the kernel's does.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/netlink/diag.h"
#include "run/netlink/netlink.h"
#include "run/netlink/proc_net.h"
#include "run/standin/dgram.h"

/* A dump under way. */
struct diag_dump {
    struct diag_request request;
    uint64_t cursor;
    bool listed;   /* all is in what has been sent, or lies in `reply` */
    bool done;     /* so is its end */
    size_t unsent; /* bytes of `reply` that found no room */
    _Alignas(uint32_t) uint8_t reply[NETLINK_REPLY_MAX];
    uint8_t bytes[]; /* the request */
};

/* ---- one socket ---- */

static int number_of(struct run *run, uint64_t at, int level, int name)
{
    int value = 0;
    size_t len = sizeof(value);

    return sw_host_walk_getsockopt(run->host, at, level, name, &value, &len) == 0 ? value : 0;
}

/* Where the walk is, `at`: also what nobody holds has options, unless it is only a record. */
static void take_options(struct run *run, uint64_t at, struct diag_socket *s)
{
    size_t len = sizeof(s->meminfo);

    if (sw_host_walk_getsockopt(run->host, at, SOL_SOCKET, SO_MEMINFO, s->meminfo, &len) < 0)
        return;
    s->has_options = true;
    if (s->info.tcp_state != TCP_LISTEN) {
        s->meminfo[SK_MEMINFO_RMEM_ALLOC] = (uint32_t)s->info.recv_q;
        s->meminfo[SK_MEMINFO_WMEM_QUEUED] = (uint32_t)s->info.send_q;
        s->meminfo[SK_MEMINFO_WMEM_ALLOC] = (uint32_t)s->info.send_q;
    }
    s->tos = (uint8_t)number_of(run, at, IPPROTO_IP, IP_TOS);
    s->options.recverr = number_of(run, at, IPPROTO_IP, IP_RECVERR) != 0;
    s->options.is_icsk = s->info.type == SOCK_STREAM;
    s->options.freebind = number_of(run, at, IPPROTO_IP, IP_FREEBIND) != 0;
    s->options.mc_loop = number_of(run, at, IPPROTO_IP, IP_MULTICAST_LOOP) != 0;
    s->options.mc_all = number_of(run, at, IPPROTO_IP, IP_MULTICAST_ALL) != 0;
    s->options.bind_address_no_port = number_of(run, at, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT) != 0;
    if (s->info.domain == AF_INET6) {
        s->tclass = (uint8_t)number_of(run, at, IPPROTO_IPV6, IPV6_TCLASS);
        s->v6only = number_of(run, at, IPPROTO_IPV6, IPV6_V6ONLY) != 0 ||
                    (!sw_ip_is_any(&s->info.local.ip) && !sw_ip_is4(&s->info.local.ip));
    }
    if (s->info.type != SOCK_STREAM)
        return;
    len = sizeof(s->tcp_info);
    if (sw_host_walk_getsockopt(run->host, at, IPPROTO_TCP, TCP_INFO, s->tcp_info, &len) == 0)
        s->tcp_info_len = len;
    len = sizeof(s->congestion) - 1;
    (void)sw_host_walk_getsockopt(run->host, at, IPPROTO_TCP, TCP_CONGESTION, s->congestion, &len);
}

/* Bytes readable at a descriptor of ours or of the program's. */
static uint32_t waiting_at(int fd)
{
    int n = 0;
    return fd >= 0 && ioctl(fd, FIONREAD, &n) == 0 && n > 0 ? (uint32_t)n : 0;
}

/* What the program has not read yet, and what has not been read of what it wrote, lies in the
 * stand-in rather than in the core. */
static void take_queues(struct run *run, struct standin *standin, struct diag_socket *s)
{
    if (standin->stream && standin->state != STANDIN_CONNECTED)
        return;
    int fd = standin_borrow(run, standin);
    uint32_t unread = waiting_at(fd);
    if (fd >= 0)
        close(fd);
    if (standin->stream) {
        s->info.recv_q += unread;
        s->info.send_q += waiting_at(standin->far_fd);
        return;
    }
    for (struct sw_list *l = standin->flight.next; unread > 0 && l != &standin->flight; l = l->next)
        s->info.recv_q += SW_CONTAINER(l, struct run_datagram, link)->len;
    for (struct sw_list *l = standin->front.next; l != &standin->front; l = l->next)
        s->info.recv_q += SW_CONTAINER(l, struct run_datagram, link)->len;
}

static uint32_t owner_of(const struct standin *standin)
{
    char path[32];
    struct stat st;

    snprintf(path, sizeof(path), "/proc/%d", (int)standin->holder_tid);
    return standin->holder_tid != 0 && stat(path, &st) == 0 ? st.st_uid : getuid();
}

static void take_standin(struct run *run, struct diag_socket *s)
{
    void *user = sw_socket_user(run->host, s->info.socket);
    struct standin *standin = user == run->resolver ? NULL : user;

    if (standin == NULL)
        return;
    s->ino = (uint32_t)standin->ino;
    s->uid = owner_of(standin);
    take_queues(run, standin, s);
}

static void take(struct run *run, uint64_t at, struct diag_socket *s)
{
    if (s->info.socket != 0)
        take_standin(run, s);
    take_options(run, at, s);
}

/* The next of all sockets, as far as is needed to choose among them. */
static bool next_socket(struct run *run, uint64_t *cursor, struct diag_socket *ret)
{
    *ret = (struct diag_socket){0};
    if (!sw_host_next_socket(run->host, cursor, &ret->info))
        return false;
    ret->iface = (uint32_t)number_of(run, *cursor, SOL_SOCKET, SO_BINDTOIFINDEX);
    ret->mark = (uint32_t)number_of(run, *cursor, SOL_SOCKET, SO_MARK);
    return true;
}

bool diag_next(struct run *run, uint64_t *cursor, struct diag_socket *ret)
{
    if (!next_socket(run, cursor, ret))
        return false;
    if (ret->info.socket != 0)
        take_standin(run, ret);
    return true;
}

/* A request of who holds the stand-in; marks are for administrators. */
static int parse(const struct standin *standin, const uint8_t *bytes, size_t len,
                 struct diag_request *ret)
{
    int err = diag_parse(bytes, len, ret);
    if (err < 0)
        return err;
    ret->admin = caller_is_admin(standin->holder_tid);
    bool hidden = !ret->admin && diag_filter_asks_mark(ret->filter, ret->filter_len);
    return hidden ? -EPERM : 0;
}

/* ---- dumps ---- */

static bool send_reply(struct standin *s, const void *bytes, size_t len)
{
    return send(s->far_fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || errno != EAGAIN;
}

/* As many messages as one datagram takes. */
static void fill(struct run *run, struct standin *standin, struct diag_dump *dump)
{
    struct netlink_builder b = {.bytes = dump->reply, .room = sizeof(dump->reply)};
    struct diag_socket s;

    while (!dump->listed && b.room - b.len >= DIAG_MESSAGE_MAX) {
        if (!next_socket(run, &dump->cursor, &s)) {
            dump->listed = true;
            break;
        }
        if (!diag_wants(&dump->request, &s))
            continue;
        take(run, dump->cursor, &s);
        diag_put(&b, &dump->request, standin->netlink_port, NLM_F_MULTI, &s);
    }
    if (dump->listed && b.len == 0) { /* the end is a datagram of its own */
        netlink_done(&b, &dump->request.header, standin->netlink_port, 0);
        dump->done = true;
    }
    dump->unsent = b.len;
}

void diag_continue(struct run *run, struct standin *s)
{
    struct diag_dump *dump = s->dump;

    while (dump != NULL) {
        if (dump->unsent == 0)
            fill(run, s, dump);
        if (!send_reply(s, dump->reply, dump->unsent))
            return;
        dump->unsent = 0;
        if (dump->done)
            break;
    }
    free(dump);
    s->dump = NULL;
}

static int start_dump(struct run *run, struct standin *s, const uint8_t *bytes, size_t len)
{
    if (s->dump != NULL)
        return -EBUSY;
    struct diag_dump *dump = calloc(1, sizeof(*dump) + len);
    if (dump == NULL)
        return -ENOBUFS;
    memcpy(dump->bytes, bytes, len);
    int err = parse(s, dump->bytes, len, &dump->request);
    if (err < 0) {
        free(dump);
        return err;
    }
    s->dump = dump;
    diag_continue(run, s);
    return 0;
}

/* ---- requests ---- */

/* The one that is asked for; a connection rather than its listener. */
static int find_one(struct run *run, const struct diag_request *q, struct diag_socket *ret)
{
    struct diag_socket s;
    uint64_t cursor = 0, at = 0;

    while (next_socket(run, &cursor, &s)) {
        if (!diag_is_exactly(q, &s))
            continue;
        *ret = s;
        at = cursor;
        if (s.info.remote.port != 0)
            break;
    }
    if (at == 0)
        return -ENOENT;
    take(run, at, ret);
    return 0;
}

static int answer_one(struct run *run, const struct standin *standin, const uint8_t *bytes,
                      size_t len, struct netlink_builder *b)
{
    struct diag_request q;
    struct diag_socket s;

    int err = parse(standin, bytes, len, &q);
    if (err == 0)
        err = find_one(run, &q, &s);
    if (err == 0)
        diag_put(b, &q, standin->netlink_port, 0, &s);
    return err;
}

/* Ending others' connections is for administrators (SOCK_DESTROY); and no other question is known.
 */
static int answer(struct run *run, struct standin *s, const uint8_t *bytes, size_t len,
                  const struct nlmsghdr *h, struct netlink_builder *b)
{
    if (h->nlmsg_type == SOCK_DESTROY)
        return -EPERM;
    if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY)
        return -EINVAL;
    if ((h->nlmsg_flags & NLM_F_DUMP) != 0)
        return start_dump(run, s, bytes, len);
    return answer_one(run, s, bytes, len, b);
}

void diag_requests(struct run *run, struct standin *s, const uint8_t *bytes, size_t len)
{
    struct nlmsghdr h;

    standins_sweep(run, true); /* what nobody holds is not shown */
    for (size_t used; (used = netlink_take(bytes, len, &h)) > 0; bytes += used, len -= used) {
        _Alignas(uint32_t)
            uint8_t room[DIAG_MESSAGE_MAX + sizeof(struct nlmsghdr) + sizeof(struct nlmsgerr)];
        struct netlink_builder b = {.bytes = room, .room = sizeof(room)};
        if (!netlink_is_request(&h))
            continue;
        int err = answer(run, s, bytes, used, &h, &b);
        if (err == -EPROTONOSUPPORT && (h.nlmsg_flags & NLM_F_DUMP) != 0)
            netlink_done(&b, &h, s->netlink_port, ENOENT); /* ss asks /proc/net then */
        else if (err == -EPROTONOSUPPORT)
            netlink_error(&b, &h, s->netlink_port, ENOENT);
        else if (err < 0 || ((h.nlmsg_flags & NLM_F_ACK) != 0 && (h.nlmsg_flags & NLM_F_DUMP) == 0))
            netlink_error(&b, &h, s->netlink_port, -err);
        if (b.len > 0)
            (void)send_reply(s, b.bytes, b.len);
    }
}

void diag_drop(struct standin *s)
{
    free(s->dump);
    s->dump = NULL;
}
