/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls that move bytes. All of a kind come down to one: a buffer, flags, an address.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "adapter/adapter.h"

/* What the C library's flags mean here and nothing below this layer wants to see. */
#define OWN_FLAGS (MSG_DONTWAIT | MSG_NOSIGNAL | MSG_WAITALL | MSG_CMSG_CLOEXEC)

/* ---- sending ---------------------------------------------------------------------------- */

/* A call that connects and sends (Fast Open): what goes in the SYN goes, and a blocking one waits
 * until the connection is there. *ret_more: what is left is to be sent as ever. */
static int64_t send_fast(struct adapter *a, struct slot *slot, const uint8_t *bytes, size_t len,
                         int flags, const struct sw_addr *to, bool *ret_more)
{
    bool waits = !slot->nonblocking && !(flags & MSG_DONTWAIT), begins = !slot->begun;
    int how = (flags & ~OWN_FLAGS) | (waits ? SW_MSG_WAITALL : 0);
    int64_t r = sw_send(a->host, slot->socket, bytes, len, how, to);
    begins |= slot->put_off;
    *ret_more = r >= 0 && waits;
    if (!begins || (r < 0 && r != -EINPROGRESS))
        return r;
    slot->put_off = false;
    slot->begun = true;
    if (to != NULL)
        slot->remote = *to;
    if (!waits)
        return r;
    int64_t done = r > 0 ? r : 0;
    do {
        r = sw_connect(a->host, slot->socket, &slot->remote);
    } while ((r == -EALREADY || r == -EINPROGRESS) && adapter_sleep(a, SW_NEVER));
    *ret_more = r == 0 || r == -EISCONN;
    return *ret_more ? done : r;
}

/* A writer is woken when it may write, not by each crumb of room. */
static bool sleep_for_room(struct adapter *a, const struct slot *slot)
{
    const int woken = SW_EV_OUT | SW_EV_ERR | SW_EV_HUP;
    do {
        if (!adapter_sleep(a, SW_NEVER))
            return false;
    } while (slot->stream && (sw_poll(a->host, slot->socket) & woken) == 0);
    return true;
}

/* A stream's blocking send goes on until all is taken; -1 and errno only if nothing was. */
static ssize_t send_bytes(struct adapter *a, int fd, const uint8_t *bytes, size_t len, int flags,
                          const struct sockaddr *to, socklen_t to_len)
{
    struct sw_addr addr;
    adapter_enter(a);
    struct slot *slot = slot_of(a, fd);
    bool fast = slot != NULL && slot->stream && (slot->put_off || (flags & MSG_FASTOPEN));
    bool unspec = to != NULL && to_len >= sizeof(sa_family_t) && to->sa_family == AF_UNSPEC;
    int64_t r = slot == NULL                            ? -EBADF
                : bytes == NULL && len > 0              ? -EFAULT
                : fast && unspec                        ? -EOPNOTSUPP
                : to == NULL || (!fast && slot->stream) ? 0
                                                        : address_read(to, to_len, &addr);
    const struct sw_addr *where = to != NULL && (fast || (slot && !slot->stream)) ? &addr : NULL;
    size_t done = 0;
    bool more = r >= 0;
    if (fast && r >= 0) {
        settings_read(a);
        r = send_fast(a, slot, bytes, len, flags, where, &more);
        done = r > 0 ? (size_t)r : 0;
        where = NULL;
        flags &= ~MSG_FASTOPEN;
        more &= done < len;
    }
    while (more && r >= 0) {
        r = sw_send(a->host, slot->socket, bytes + done, len - done, flags & ~OWN_FLAGS, where);
        if (r > 0)
            done += (size_t)r;
        if (r >= 0 && (!slot->stream || done == len || r == 0))
            break;
        if (sleeps(slot, flags, r) && sleep_for_room(a, slot))
            r = 0;
    }
    adapter_leave(a);
    return done > 0 ? (ssize_t)done : (ssize_t)adapter_result(r);
}

static ssize_t call_write(void *userdata, int fd, const void *buf, size_t len)
{
    return send_bytes(userdata, fd, buf, len, 0, NULL, 0);
}

static ssize_t call_send(void *userdata, int fd, const void *buf, size_t len, int flags)
{
    return send_bytes(userdata, fd, buf, len, flags, NULL, 0);
}

static ssize_t call_sendto(void *userdata, int fd, const void *buf, size_t len, int flags,
                           const struct sockaddr *to, socklen_t to_len)
{
    return send_bytes(userdata, fd, buf, len, flags, to, to_len);
}

/* The sum of a vector's lengths, or -EINVAL. */
static int64_t vector_len(const struct iovec *iov, size_t count)
{
    int64_t len = 0;
    for (size_t i = 0; i < count; i++) {
        if (iov[i].iov_len > (size_t)1 << 30)
            return -EINVAL;
        len += (int64_t)iov[i].iov_len;
    }
    return len;
}

static ssize_t send_vector(struct adapter *a, int fd, const struct iovec *iov, size_t count,
                           int flags, const struct sockaddr *to, socklen_t to_len)
{
    int64_t len = vector_len(iov, count);
    uint8_t *bytes = len >= 0 ? malloc((size_t)len + 1) : NULL;
    size_t at = 0;
    if (bytes == NULL)
        return (ssize_t)adapter_result(len < 0 ? len : -ENOMEM);
    for (size_t i = 0; i < count; i++) {
        if (iov[i].iov_len == 0)
            continue;
        if (iov[i].iov_base == NULL) {
            free(bytes);
            return (ssize_t)adapter_result(-EFAULT);
        }
        memcpy(bytes + at, iov[i].iov_base, iov[i].iov_len);
        at += iov[i].iov_len;
    }
    ssize_t r = send_bytes(a, fd, bytes, at, flags, to, to_len);
    int err = errno;
    free(bytes);
    errno = err;
    return r;
}

static ssize_t call_writev(void *userdata, int fd, const struct iovec *iov, int count)
{
    return send_vector(userdata, fd, iov, count > 0 ? (size_t)count : 0, 0, NULL, 0);
}

static ssize_t call_sendmsg(void *userdata, int fd, const struct msghdr *message, int flags)
{
    return send_vector(userdata, fd, message->msg_iov, message->msg_iovlen, flags,
                       message->msg_namelen > 0 ? message->msg_name : NULL, message->msg_namelen);
}

/* ---- receiving -------------------------------------------------------------------------- */

/* `message`: of recvmsg(), for its control messages, or NULL. */
static ssize_t recv_bytes(struct adapter *a, int fd, uint8_t *bytes, size_t len, int flags,
                          struct sockaddr *from, socklen_t *from_len, struct msghdr *message)
{
    struct sw_addr addr = {0};
    size_t room = message != NULL ? message->msg_controllen : 0;
    size_t done = 0;
    adapter_enter(a);
    struct slot *slot = slot_of(a, fd);
    bool all = slot != NULL && slot->stream && (flags & MSG_WAITALL) && !(flags & MSG_PEEK);
    int64_t r = slot == NULL ? -EBADF : bytes == NULL && len > 0 ? -EFAULT : 1;
    if (r > 0 && message != NULL && (flags & MSG_ERRQUEUE)) {
        r = control_error(a, slot, bytes, len, message, room);
        adapter_leave(a);
        return (ssize_t)adapter_result(r);
    }
    while (r > 0) {
        r = sw_recv(a->host, slot->socket, bytes + done, len - done, flags & ~OWN_FLAGS, &addr);
        if (r > 0)
            done += (size_t)r;
        if (r >= 0 && (!all || r == 0 || done >= len))
            break;
        if (sleeps(slot, flags, r) && adapter_sleep(a, SW_NEVER))
            r = 1;
    }
    if (slot != NULL && !slot->stream && r >= 0)
        address_write(slot->domain, &addr, from, from_len);
    if (message != NULL && (done > 0 || r == 0)) { /* as it was, if there is an error */
        message->msg_controllen = 0;
        message->msg_flags = 0;
        control_data(a, slot, message, room);
    }
    adapter_leave(a);
    return done > 0 ? (ssize_t)done : (ssize_t)adapter_result(r);
}

static ssize_t call_read(void *userdata, int fd, void *buf, size_t len)
{
    return recv_bytes(userdata, fd, buf, len, 0, NULL, NULL, NULL);
}

static ssize_t call_recv(void *userdata, int fd, void *buf, size_t len, int flags)
{
    return recv_bytes(userdata, fd, buf, len, flags, NULL, NULL, NULL);
}

static ssize_t call_recvfrom(void *userdata, int fd, void *buf, size_t len, int flags,
                             struct sockaddr *from, socklen_t *from_len)
{
    return recv_bytes(userdata, fd, buf, len, flags, from, from_len, NULL);
}

static ssize_t recv_vector(struct adapter *a, int fd, const struct iovec *iov, size_t count,
                           int flags, struct msghdr *message)
{
    int64_t len = vector_len(iov, count);
    uint8_t *bytes = len >= 0 ? malloc((size_t)len + 1) : NULL;
    if (bytes == NULL)
        return (ssize_t)adapter_result(len < 0 ? len : -ENOMEM);
    ssize_t r = message != NULL ? recv_bytes(a, fd, bytes, (size_t)len, flags, message->msg_name,
                                             &message->msg_namelen, message)
                                : recv_bytes(a, fd, bytes, (size_t)len, flags, NULL, NULL, NULL);
    int err = errno;
    size_t left = r > 0 ? (size_t)r : 0, at = 0;
    for (size_t i = 0; i < count && left > 0; i++) {
        size_t n = left < iov[i].iov_len ? left : iov[i].iov_len;
        memcpy(iov[i].iov_base, bytes + at, n);
        at += n;
        left -= n;
    }
    free(bytes);
    errno = err;
    return r;
}

static ssize_t call_readv(void *userdata, int fd, const struct iovec *iov, int count)
{
    return recv_vector(userdata, fd, iov, count > 0 ? (size_t)count : 0, 0, NULL);
}

static ssize_t call_recvmsg(void *userdata, int fd, struct msghdr *message, int flags)
{
    return recv_vector(userdata, fd, message->msg_iov, message->msg_iovlen, flags, message);
}

/* ---- pipes ------------------------------------------------------------------------------ */

static int call_pipe(void *userdata, int fds[2])
{
    (void)userdata;
    return pipe(fds);
}

static bool is_socket(struct adapter *a, int fd)
{
    adapter_enter(a);
    bool is = slot_of(a, fd) != NULL;
    adapter_leave(a);
    return is;
}

/* splice() never waits for what is behind urgent data. */
static bool at_mark(struct adapter *a, int fd)
{
    adapter_enter(a);
    struct slot *slot = slot_of(a, fd);
    bool at = slot != NULL && sw_sockatmark(a->host, slot->socket) == 1;
    adapter_leave(a);
    return at;
}

/* Between a socket and a pipe, by a buffer. (Offsets are those of files; pipes have none.) */
static int call_splice(void *userdata, int in, loff_t *in_at, int out, loff_t *out_at, size_t len,
                       unsigned flags)
{
    struct adapter *a = userdata;
    uint8_t bytes[65536];
    int wait = flags & SPLICE_F_NONBLOCK ? MSG_DONTWAIT : 0;
    (void)in_at;
    (void)out_at;
    if (len > sizeof(bytes))
        len = sizeof(bytes);
    if (at_mark(a, in))
        return 0;
    ssize_t n = is_socket(a, in) ? recv_bytes(a, in, bytes, len, wait, NULL, NULL, NULL)
                                 : (ssize_t)syscall(SYS_read, in, bytes, len);
    if (n <= 0)
        return (int)n;
    int more = flags & SPLICE_F_MORE ? MSG_MORE : 0;
    return (int)(is_socket(a, out) ? send_bytes(a, out, bytes, (size_t)n, wait | more, NULL, 0)
                                   : (ssize_t)syscall(SYS_write, out, bytes, (size_t)n));
}

/* Of a file into a socket, by a buffer. */
ssize_t data_sendfile(struct adapter *a, int out, int in, off_t *offset, size_t len)
{
    uint8_t bytes[65536];
    if (len > sizeof(bytes))
        len = sizeof(bytes);
    ssize_t n = offset != NULL ? pread(in, bytes, len, *offset) : read(in, bytes, len);
    ssize_t sent = n > 0 ? send_bytes(a, out, bytes, (size_t)n, 0, NULL, 0) : n;
    if (sent > 0 && offset != NULL)
        *offset += sent;
    else if (sent < n && offset == NULL) /* the rest is still to be read */
        lseek(in, (sent > 0 ? sent : 0) - n, SEEK_CUR);
    return sent;
}

void data_fill(struct packetdrill_interface *table)
{
    table->read = call_read;
    table->readv = call_readv;
    table->recv = call_recv;
    table->recvfrom = call_recvfrom;
    table->recvmsg = call_recvmsg;
    table->write = call_write;
    table->writev = call_writev;
    table->send = call_send;
    table->sendto = call_sendto;
    table->sendmsg = call_sendmsg;
    table->pipe = call_pipe;
    table->splice = call_splice;
}
