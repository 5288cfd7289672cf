/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The calls of <sockworks/socket.h>: each checks its handle and goes to sock/.
 */
#include <errno.h>

#include "host/private.h"
#include "sock/flow_label.h"
#include "sock/private.h"
#include "sock/zone.h"

static struct sw_sock *find(struct sw_host *host, sw_socket_t s)
{
    return sw_sock_find(&host->sock, s);
}

int sw_socket(struct sw_host *host, int domain, int type, int protocol, sw_socket_t *ret_socket)
{
    struct sw_sock *s;
    int r = sw_sock_open(&host->sock, domain, type, protocol, &s);
    if (r == 0)
        *ret_socket = sw_sock_handle(&host->sock, s);
    return r;
}

int sw_socket_set_user(struct sw_host *host, sw_socket_t handle, void *user)
{
    struct sw_sock *s = find(host, handle);
    if (!s)
        return -EBADF;
    s->user = user;
    return 0;
}

void *sw_socket_user(struct sw_host *host, sw_socket_t handle)
{
    struct sw_sock *s = find(host, handle);
    return s ? s->user : NULL;
}

/* ---- names and connections ------------------------------------------------------------ */

int sw_bind(struct sw_host *host, sw_socket_t handle, const struct sw_addr *local)
{
    struct sw_sock *s = find(host, handle);
    return s ? sw_sock_bind(&host->sock, s, local) : -EBADF;
}

int sw_autobind(struct sw_host *host, sw_socket_t handle)
{
    struct sw_sock *s = find(host, handle);
    if (!s)
        return -EBADF;
    int r = sw_sock_is_stream(s) ? 0 : sw_sock_autobind(&host->sock, s);
    return r == -EADDRINUSE ? -EAGAIN : r;
}

sw_socket_t sw_bind_conflict(struct sw_host *host, sw_socket_t handle, const struct sw_addr *local)
{
    struct sw_sock *s = find(host, handle), *other = NULL;
    if (!s || local->port == 0)
        return 0;
    sw_bind_conflicts(&host->sock, s, local, false, &other);
    return other ? sw_sock_handle(&host->sock, other) : 0;
}

sw_socket_t sw_find_listener(struct sw_host *host, const struct sw_addr *remote,
                             const struct sw_addr *local)
{
    struct sw_ip_path path;
    int iface = sw_ip_path(&host->ip, &remote->ip, NULL, &path) == 0 ? path.iface : 0;
    struct sw_sock *s = sw_demux_hear(&host->sock, SW_PROTO_TCP, local, remote, iface, NULL);
    return s ? sw_sock_handle(&host->sock, s) : 0;
}

int sw_listen(struct sw_host *host, sw_socket_t handle, int backlog)
{
    struct sw_sock *s = find(host, handle);
    return s ? sw_sock_listen(&host->sock, s, backlog) : -EBADF;
}

int sw_connect(struct sw_host *host, sw_socket_t handle, const struct sw_addr *remote)
{
    struct sw_sock *s = find(host, handle);
    if (!s)
        return -EBADF;
    return sw_sock_is_stream(s) ? sw_stream_connect(&host->sock, s, remote)
                                : sw_dgram_connect(&host->sock, s, remote);
}

int sw_accept(struct sw_host *host, sw_socket_t handle, sw_socket_t *ret_socket,
              struct sw_addr *ret_remote)
{
    struct sw_sock *s = find(host, handle), *child;
    if (!s)
        return -EBADF;
    int r = sw_sock_accept(&host->sock, s, &child);
    if (r < 0)
        return r;
    *ret_socket = sw_sock_handle(&host->sock, child);
    if (ret_remote)
        *ret_remote = *sw_sock_remote(child);
    return 0;
}

int sw_accept_queue_len(struct sw_host *host, sw_socket_t handle)
{
    struct sw_sock *s = find(host, handle);
    if (!s)
        return -EBADF;
    return s->listener ? (int)s->listener->n_accept : -EINVAL;
}

int sw_getsockname(struct sw_host *host, sw_socket_t handle, struct sw_addr *ret_local)
{
    struct sw_sock *s = find(host, handle);
    if (!s)
        return -EBADF;
    *ret_local = *sw_sock_local(s);
    ret_local->scope_id = sw_zone_local(s);
    return 0;
}

int sw_getpeername(struct sw_host *host, sw_socket_t handle, struct sw_addr *ret_remote)
{
    struct sw_sock *s = find(host, handle);
    if (!s)
        return -EBADF;
    if (sw_sock_remote(s)->port == 0)
        return -ENOTCONN;
    if (sw_sock_is_stream(s)) {
        enum sw_tcp_state state = sw_stream_state(s);
        if (state == SW_TCP_CLOSED || state == SW_TCP_SYN_SENT || state == SW_TCP_LISTEN)
            return -ENOTCONN;
    }
    *ret_remote = *sw_sock_remote(s);
    return 0;
}

bool sw_has_peer(struct sw_host *host, sw_socket_t handle)
{
    struct sw_sock *s = find(host, handle);
    return s && !sw_sock_is_stream(s) && sw_sock_has_peer(s);
}

/* ---- data ----------------------------------------------------------------------------- */

static struct sw_sock *find_stream(struct sw_host *host, sw_socket_t handle, int *ret_err)
{
    struct sw_sock *s = find(host, handle);
    *ret_err = !s ? -EBADF : -EOPNOTSUPP;
    return s && sw_sock_is_stream(s) ? s : NULL;
}

int64_t sw_send(struct sw_host *host, sw_socket_t handle, const void *buf, size_t len, int flags,
                const struct sw_addr *to)
{
    struct sw_sock *s = find(host, handle);
    if (!s)
        return -EBADF;
    if (sw_sock_is_stream(s))
        return sw_stream_send(&host->sock, s, buf, len, flags, to, NULL);
    const struct sw_datagram_info info = {
        .ttl = -1, .tos = -1, .more = flags & SW_MSG_MORE, .zerocopy = flags & SW_MSG_ZEROCOPY};
    return sw_dgram_send(&host->sock, s, buf, len, to, info.more || info.zerocopy ? &info : NULL);
}

int64_t sw_send_stamped(struct sw_host *host, sw_socket_t handle, const void *buf, size_t len,
                        int flags, const struct sw_stamping *stamping)
{
    int err;
    struct sw_sock *s = find_stream(host, handle, &err);
    return s ? sw_stream_send(&host->sock, s, buf, len, flags, NULL, stamping) : err;
}

int64_t sw_recv(struct sw_host *host, sw_socket_t handle, void *buf, size_t len, int flags,
                struct sw_addr *ret_from)
{
    struct sw_sock *s = find(host, handle);
    if (!s)
        return -EBADF;
    if (!sw_sock_is_stream(s))
        return sw_dgram_recv(&host->sock, s, buf, len, flags, ret_from, NULL);
    int64_t r = sw_stream_recv(&host->sock, s, buf, len, flags);
    if (r >= 0 && ret_from)
        *ret_from = *sw_sock_remote(s);
    return r;
}

int64_t sw_send_datagram(struct sw_host *host, sw_socket_t handle, const void *buf, size_t len,
                         const struct sw_addr *to, const struct sw_datagram_info *info)
{
    struct sw_sock *s = find(host, handle);
    if (!s)
        return -EBADF;
    return sw_sock_is_stream(s) ? -EOPNOTSUPP : sw_dgram_send(&host->sock, s, buf, len, to, info);
}

int sw_may_send(struct sw_host *host, sw_socket_t handle, const struct sw_addr *to,
                const struct sw_datagram_info *info)
{
    struct sw_sock *s = find(host, handle);
    if (!s)
        return -EBADF;
    return sw_sock_is_stream(s) ? -EOPNOTSUPP : sw_dgram_may_send(&host->sock, s, to, info);
}

int sw_set_flow_label(struct sw_host *host, sw_socket_t handle, uint32_t label)
{
    struct sw_sock *s = find(host, handle);
    return s ? sw_sock_set_flow_label(&host->sock, s, label) : -EBADF;
}

uint32_t sw_flow_label_chosen(struct sw_host *host, sw_socket_t handle)
{
    struct sw_sock *s = find(host, handle);
    return s ? sw_sock_opts(s)->flow_label : 0;
}

int64_t sw_recv_datagram(struct sw_host *host, sw_socket_t handle, void *buf, size_t len, int flags,
                         struct sw_addr *ret_from, struct sw_datagram_info *ret_info)
{
    struct sw_sock *s = find(host, handle);
    if (!s)
        return -EBADF;
    return sw_sock_is_stream(s)
               ? -EOPNOTSUPP
               : sw_dgram_recv(&host->sock, s, buf, len, flags, ret_from, ret_info);
}

int64_t sw_recv_error(struct sw_host *host, sw_socket_t handle, void *buf, size_t len,
                      struct sw_socket_error *ret_error)
{
    struct sw_sock *s = find(host, handle);
    if (!s)
        return -EBADF;
    return sw_sock_is_stream(s) ? sw_stream_notice(s, ret_error)
                                : sw_errors_take(&host->sock, s, buf, len, ret_error);
}

int64_t sw_send_reserve(struct sw_host *host, sw_socket_t handle, size_t want, void **ret_ptr)
{
    int err;
    struct sw_sock *s = find_stream(host, handle, &err);
    return s ? sw_stream_reserve_space(&host->sock, s, want, ret_ptr) : err;
}

int sw_send_commit(struct sw_host *host, sw_socket_t handle, size_t len, int flags)
{
    int err;
    struct sw_sock *s = find_stream(host, handle, &err);
    return s ? sw_stream_commit_space(&host->sock, s, len, flags) : err;
}

int sw_recv_peek(struct sw_host *host, sw_socket_t handle, struct sw_bytes *ret_pieces, int max)
{
    int err;
    struct sw_sock *s = find_stream(host, handle, &err);
    return s ? sw_stream_peek(&host->sock, s, ret_pieces, max) : err;
}

int sw_recv_consume(struct sw_host *host, sw_socket_t handle, size_t len)
{
    int err;
    struct sw_sock *s = find_stream(host, handle, &err);
    return s ? sw_stream_consume(&host->sock, s, len) : err;
}

int sw_sockatmark(struct sw_host *host, sw_socket_t handle)
{
    int err;
    struct sw_sock *s = find_stream(host, handle, &err);
    return s ? sw_tcp_at_mark(sw_sock_tcp(s)) : err;
}

int64_t sw_send_queued(struct sw_host *host, sw_socket_t handle)
{
    struct sw_sock *s = find(host, handle);
    if (!s)
        return -EBADF;
    if (!sw_sock_is_stream(s))
        return 0;
    return s->listener ? -EINVAL : (int64_t)sw_tcp_send_queue(sw_sock_tcp(s))->len;
}

int64_t sw_recv_queued(struct sw_host *host, sw_socket_t handle)
{
    struct sw_sock *s = find(host, handle);
    if (!s)
        return -EBADF;
    if (sw_sock_is_stream(s))
        return s->listener ? -EINVAL : (int64_t)sw_stream_readable(s);
    struct sw_udp_item *item = sw_udp_queue_first(&sw_sock_dgram(s)->queue);
    return item ? (int64_t)item->pkt->data_len : 0;
}

/* ---- readiness and the end ------------------------------------------------------------ */

int sw_poll(struct sw_host *host, sw_socket_t handle)
{
    struct sw_sock *s = find(host, handle);
    return s ? sw_sock_poll(&host->sock, s) : -EBADF;
}

void sw_host_ahead(struct sw_host *host, const sw_socket_t sockets[], size_t n)
{
    sw_ahead_sockets(&host->sock, sockets, n);
}

bool sw_host_ready(struct sw_host *host, struct sw_ready *ret_ready)
{
    return sw_sock_next_ready(&host->sock, ret_ready);
}

int sw_shutdown(struct sw_host *host, sw_socket_t handle, int how)
{
    struct sw_sock *s = find(host, handle);
    if (!s)
        return -EBADF;
    return sw_sock_is_stream(s) ? sw_stream_shutdown(&host->sock, s, how)
                                : sw_dgram_shutdown(&host->sock, s, how);
}

static int close_as(struct sw_host *host, sw_socket_t handle, enum sw_sock_close how)
{
    struct sw_sock *s = find(host, handle);
    if (!s)
        return -EBADF;
    sw_sock_close(&host->sock, s, how);
    return 0;
}

int sw_close(struct sw_host *host, sw_socket_t handle)
{
    return close_as(host, handle, SW_CLOSE_NORMAL);
}

int sw_abort(struct sw_host *host, sw_socket_t handle)
{
    return close_as(host, handle, SW_CLOSE_ABORT);
}

int sw_reject(struct sw_host *host, sw_socket_t handle)
{
    return close_as(host, handle, SW_CLOSE_REJECT);
}

/* ---- options and tables --------------------------------------------------------------- */

int sw_getsockopt(struct sw_host *host, sw_socket_t handle, int level, int name, void *val,
                  size_t *len)
{
    struct sw_sock *s = find(host, handle);
    return s ? sw_sock_getopt(&host->sock, s, level, name, val, len) : -EBADF;
}

int sw_setsockopt(struct sw_host *host, sw_socket_t handle, int level, int name, const void *val,
                  size_t len)
{
    struct sw_sock *s = find(host, handle);
    return s ? sw_sock_setopt(&host->sock, s, level, name, val, len) : -EBADF;
}

int sw_setsockopt_admin(struct sw_host *host, sw_socket_t handle, int level, int name,
                        const void *val, size_t len)
{
    host->sock.by_admin = true;
    int r = sw_setsockopt(host, handle, level, name, val, len);
    host->sock.by_admin = false;
    return r;
}

int sw_take_error(struct sw_host *host, sw_socket_t handle)
{
    struct sw_sock *s = find(host, handle);
    return s ? sw_sock_take_error(s) : -EBADF;
}

bool sw_host_next_socket(struct sw_host *host, uint64_t *cursor, struct sw_socket_info *ret_info)
{
    return sw_sock_next(&host->sock, cursor, ret_info);
}

int sw_host_walk_getsockopt(struct sw_host *host, uint64_t cursor, int level, int name, void *val,
                            size_t *len)
{
    struct sw_sock *s = sw_sock_walked(&host->sock, cursor);
    return s ? sw_sock_getopt(&host->sock, s, level, name, val, len) : -EBADF;
}
