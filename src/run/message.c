/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads and writes the messages of sendmsg(2) and recvmsg(2) in a caller's memory (message.h).
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>

#include "base/assert.h"
#include "run/message.h"

/* struct user_msghdr of the kernel. */
struct wire_msghdr {
    uint64_t name;
    int32_t namelen;
    uint32_t pad0;
    uint64_t iov, iovlen, control, controllen;
    uint32_t flags, pad1;
};
#define CALL_MAX ((size_t)0x7ffff000) /* bytes of one call, however many are asked for: read(2) */

_Static_assert(sizeof(struct wire_msghdr) == MSGHDR_BYTES, "layout of struct msghdr");

/* The vector, by the rules of import_iovec(): what is longer than a call can be is cut. */
static int load_vector(struct run *run, pid_t tid, uint64_t at, struct message *m)
{
    int r = m->n_iov != 0 ? mem_read(run, tid, at, m->iov, m->n_iov * sizeof(m->iov[0])) : 0;
    for (size_t i = 0; r == 0 && i < m->n_iov; i++)
        if (m->iov[i].iov_len > SSIZE_MAX)
            r = -EINVAL;
    for (size_t i = 0; r == 0 && i < m->n_iov; i++) {
        struct iovec *piece = &m->iov[i];
        if (piece->iov_len > CALL_MAX - m->total)
            piece->iov_len = CALL_MAX - m->total;
        if (!mem_is_user((uintptr_t)piece->iov_base, piece->iov_len))
            r = -EFAULT;
        m->total += piece->iov_len;
    }
    return r;
}

/* What only a sender gives: the address before the vector is looked at... */
static int load_name(struct run *run, pid_t tid, struct message *m)
{
    if (m->name == 0 || m->namelen == 0) {
        m->name = 0;
        return 0;
    }
    if ((size_t)m->namelen > sizeof(struct sockaddr_storage))
        m->namelen = (int)sizeof(struct sockaddr_storage);
    return mem_read_addr(run, tid, m->name, (uint64_t)m->namelen, &m->to);
}

/* ... and the control messages behind it. */
static int load_control(struct run *run, pid_t tid, struct message *m)
{
    if (m->controllen > sizeof(m->control_bytes))
        return -ENOBUFS;
    return mem_read(run, tid, m->control, m->control_bytes, (size_t)m->controllen);
}

int message_load(struct run *run, pid_t tid, uint64_t at, bool sending, struct message *m)
{
    struct wire_msghdr h;
    int r = mem_read(run, tid, at, &h, sizeof(h));
    if (r < 0)
        return r;
    if (h.name == 0)
        h.namelen = 0;
    if (h.namelen < 0)
        return -EINVAL;
    m->name = h.name;
    m->namelen = h.namelen;
    m->namelen_ptr = at + MSGHDR_NAMELEN;
    m->control = h.control;
    m->controllen = h.control != 0 || sending ? h.controllen : 0;
    m->at = at;
    m->n_iov = 0;
    m->total = 0;
    r = sending ? load_name(run, tid, m) : 0;
    if (r == 0 && h.iovlen > IOV_MAX)
        r = -EMSGSIZE;
    if (r < 0)
        return r;
    m->n_iov = (size_t)h.iovlen;
    r = load_vector(run, tid, h.iov, m);
    if (r == 0 && sending && h.controllen > INT_MAX)
        r = -ENOBUFS;
    return r == 0 && sending ? load_control(run, tid, m) : r;
}

int message_plain(struct message *m, uint64_t buf, uint64_t len)
{
    m->name = m->namelen_ptr = m->control = m->controllen = m->at = 0;
    m->namelen = 0;
    m->n_iov = 1;
    m->total = len < CALL_MAX ? (size_t)len : CALL_MAX;
    m->iov[0] = (struct iovec){.iov_base = (void *)(uintptr_t)buf, .iov_len = m->total};
    return mem_is_user(buf, m->total) ? 0 : -EFAULT;
}

int message_sendto(struct run *run, const struct run_call *call, struct message *m)
{
    int r = message_plain(m, call->args[1], call->args[2]);
    if (r < 0 || call->args[4] == 0)
        return r;
    m->name = call->args[4];
    return mem_read_addr(run, call->tid, call->args[4], call->args[5], &m->to);
}

void message_skip(struct message *m, size_t n)
{
    for (size_t i = 0; i < m->n_iov && n > 0; i++) {
        struct iovec *piece = &m->iov[i];
        size_t left_out = piece->iov_len < n ? piece->iov_len : n;
        piece->iov_base = (char *)piece->iov_base + left_out;
        piece->iov_len -= left_out;
        m->total -= left_out;
        n -= left_out;
    }
}

int message_gather(struct run *run, pid_t tid, const struct message *m, void *buf, size_t len)
{
    char *to = buf;
    int r = 0;
    for (size_t i = 0; r == 0 && i < m->n_iov && len > 0; i++) {
        size_t n = m->iov[i].iov_len < len ? m->iov[i].iov_len : len;
        if (n > 0)
            r = mem_read(run, tid, (uintptr_t)m->iov[i].iov_base, to, n);
        to += n;
        len -= n;
    }
    return r;
}

int message_scatter(struct run *run, pid_t tid, const struct message *m, const void *buf,
                    size_t len)
{
    const char *from = buf;
    int r = 0;
    for (size_t i = 0; r == 0 && i < m->n_iov && len > 0; i++) {
        size_t n = m->iov[i].iov_len < len ? m->iov[i].iov_len : len;
        if (n > 0)
            r = mem_write(run, tid, (uintptr_t)m->iov[i].iov_base, from, n);
        from += n;
        len -= n;
    }
    return r;
}

void control_init(struct control *c, uint64_t room)
{
    c->room = room < CONTROL_MAX ? (size_t)room : CONTROL_MAX;
    c->len = 0;
    c->truncated = false;
}

void control_put(struct control *c, int level, int type, const void *data, size_t len)
{
    struct cmsghdr h = {.cmsg_len = CMSG_LEN(len), .cmsg_level = level, .cmsg_type = type};
    size_t left = c->room - c->len;

    if (left < sizeof(h)) {
        c->truncated = true;
        return;
    }
    if (left < h.cmsg_len) {
        c->truncated = true;
        h.cmsg_len = left;
    }
    memcpy(c->buf + c->len, &h, sizeof(h));
    memcpy(c->buf + c->len + sizeof(h), data, h.cmsg_len - sizeof(h));
    size_t space = CMSG_SPACE(len) < left ? CMSG_SPACE(len) : left;
    if (space > h.cmsg_len)
        memset(c->buf + c->len + h.cmsg_len, 0, space - h.cmsg_len);
    c->len += space;
    SW_ASSERT(c->len <= c->room);
}

int control_next(const void *buf, size_t len, size_t *offset, int *ret_level, int *ret_type,
                 const void **ret_data, size_t *ret_len)
{
    struct cmsghdr h;
    const char *bytes = buf;

    if (*offset > len || len - *offset < sizeof(h))
        return 0;
    memcpy(&h, bytes + *offset, sizeof(h));
    if (h.cmsg_len < sizeof(h) || h.cmsg_len > len - *offset)
        return -EINVAL;
    *ret_level = h.cmsg_level;
    *ret_type = h.cmsg_type;
    *ret_data = bytes + *offset + sizeof(h);
    *ret_len = h.cmsg_len - sizeof(h);
    *offset += CMSG_ALIGN(h.cmsg_len);
    return 1;
}
