/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads and writes the messages of sendmsg(2) and recvmsg(2) in a caller's memory (message.h).
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/assert.h"
#include "run/call/message.h"

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
static int judge_vector(struct message *m)
{
    int r = 0;
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

/* What a struct msghdr points at, where it fits. */
struct parts {
    struct sockaddr_storage name;
    bool read; /* all of it by one call; else each is read for itself, to fail in Linux's order */
};

/* Control messages that m->control_bytes has no room for: the message loaded last has its own in
 * run->long_control. */
static bool control_is_long(const struct message *m)
{
    return m->controllen > sizeof(m->control_bytes);
}

static void load_parts(pid_t tid, const struct wire_msghdr *h, bool sending, struct message *m,
                       struct parts *ret)
{
    struct iovec mine[3], theirs[3];
    unsigned n = 0;

    ret->read = h->iovlen <= IOV_MAX;
    if (sending && m->name != 0) {
        mine[n] = (struct iovec){&ret->name, (size_t)m->namelen};
        theirs[n++] = (struct iovec){(void *)(uintptr_t)m->name, (size_t)m->namelen};
    }
    if (h->iovlen > 0 && ret->read) {
        mine[n] = (struct iovec){m->iov, (size_t)h->iovlen * sizeof(m->iov[0])};
        theirs[n] = (struct iovec){(void *)(uintptr_t)h->iov, mine[n].iov_len};
        n++;
    }
    if (sending && m->controllen > 0 && !control_is_long(m)) {
        mine[n] = (struct iovec){m->control_bytes, (size_t)m->controllen};
        theirs[n++] = (struct iovec){(void *)(uintptr_t)m->control, (size_t)m->controllen};
    }
    ret->read = ret->read && n > 0 && mem_read_places(tid, mine, theirs, n);
}

/* Only a sender gives an address: it is judged before the vector is looked at. */
static int load_name(struct run *run, pid_t tid, struct message *m, const struct parts *parts)
{
    if (m->name == 0)
        return 0;
    if (!parts->read)
        return mem_read_addr(run, tid, m->name, (uint64_t)m->namelen, &m->to);
    given_addr_parse(&parts->name, m->namelen, &m->to);
    return 0;
}

static int load_vector(struct run *run, pid_t tid, const struct wire_msghdr *h, struct message *m,
                       const struct parts *parts)
{
    if (h->iovlen > IOV_MAX)
        return -EMSGSIZE;
    m->n_iov = (size_t)h->iovlen;
    for (size_t i = 0; i < m->n_iov; i++) { /* the first mistake counts */
        uint64_t at = h->iov + i * sizeof(m->iov[0]);
        if (!parts->read && mem_read(run, tid, at, &m->iov[i], sizeof(m->iov[0])) < 0)
            return -EFAULT;
        if (m->iov[i].iov_len > SSIZE_MAX)
            return -EINVAL;
    }
    return judge_vector(m);
}

/* ... and the control messages behind it. */
static int load_control(struct run *run, pid_t tid, struct message *m, const struct parts *parts)
{
    void *to = m->control_bytes;

    if (m->controllen >= CONTROL_SENT_MAX)
        return -ENOBUFS;
    if (control_is_long(m)) {
        if (run->long_control == NULL)
            run->long_control = malloc(CONTROL_SENT_MAX);
        to = run->long_control;
    } else if (parts->read) {
        return 0;
    }
    return to == NULL ? -ENOBUFS : mem_read(run, tid, m->control, to, (size_t)m->controllen);
}

int message_load(struct run *run, pid_t tid, uint64_t at, bool sending, struct message *m)
{
    struct wire_msghdr h;
    struct parts parts;
    int r = mem_read(run, tid, at, &h, sizeof(h));
    if (r < 0)
        return r;
    if (h.name == 0)
        h.namelen = 0;
    if (h.namelen < 0)
        return -EINVAL;
    if (sending && h.namelen == 0)
        h.name = 0;
    if (sending && (size_t)h.namelen > sizeof(struct sockaddr_storage))
        h.namelen = (int)sizeof(struct sockaddr_storage);
    m->name = h.name;
    m->namelen = h.namelen;
    m->namelen_ptr = at + MSGHDR_NAMELEN;
    m->control = h.control;
    m->controllen = h.control != 0 || sending ? h.controllen : 0;
    m->at = at;
    m->n_iov = m->total = m->n_early = 0;
    load_parts(tid, &h, sending, m, &parts);
    r = sending ? load_name(run, tid, m, &parts) : 0;
    if (r == 0)
        r = load_vector(run, tid, &h, m, &parts);
    return r == 0 && sending ? load_control(run, tid, m, &parts) : r;
}

int message_plain(struct message *m, uint64_t buf, uint64_t len)
{
    m->name = m->namelen_ptr = m->control = m->controllen = m->at = m->n_early = 0;
    m->namelen = 0;
    m->n_iov = 1;
    m->total = len < CALL_MAX ? (size_t)len : CALL_MAX;
    m->iov[0] = (struct iovec){.iov_base = (void *)(uintptr_t)buf, .iov_len = m->total};
    return mem_is_user(buf, m->total) ? 0 : -EFAULT;
}

/* The address and the data, or what of it may come along. */
static bool load_together(const struct run_call *call, struct message *m,
                          struct sockaddr_storage *ret_name, int len)
{
    size_t n = m->total < sizeof(m->early) ? m->total : sizeof(m->early);
    struct iovec mine[] = {{ret_name, (size_t)len}, {m->early, n}};
    struct iovec theirs[] = {{(void *)(uintptr_t)m->name, (size_t)len}, {m->iov[0].iov_base, n}};

    if (n < m->total || !mem_read_places(call->tid, mine, theirs, 2))
        return false;
    m->n_early = n;
    return true;
}

int message_sendto(struct run *run, const struct run_call *call, struct message *m)
{
    struct sockaddr_storage name;
    int r = message_plain(m, call->args[1], call->args[2]);
    if (r < 0 || call->args[4] == 0)
        return r;
    m->name = call->args[4];
    r = given_addr_len(call->args[5]);
    if (r < 0)
        return r;
    if (!load_together(call, m, &name, r))
        return mem_read_addr(run, call->tid, m->name, call->args[5], &m->to);
    given_addr_parse(&name, r, &m->to);
    return 0;
}

void message_skip(struct message *m, size_t n)
{
    if (n > 0)
        m->n_early = 0; /* it was from the beginning */
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
    if (len <= m->n_early) {
        memcpy(buf, m->early, len);
        return 0;
    }
    for (size_t i = 0; r == 0 && i < m->n_iov && len > 0; i++) {
        size_t n = m->iov[i].iov_len < len ? m->iov[i].iov_len : len;
        if (n > 0)
            r = mem_read(run, tid, (uintptr_t)m->iov[i].iov_base, to, n);
        to += n;
        len -= n;
    }
    return r;
}

void message_scatter_with(struct mem_writes *w, const struct message *m, const void *buf,
                          size_t len)
{
    const char *from = buf;
    for (size_t i = 0; i < m->n_iov && len > 0; i++) {
        size_t n = m->iov[i].iov_len < len ? m->iov[i].iov_len : len;
        mem_writes_add(w, (uintptr_t)m->iov[i].iov_base, from, n);
        from += n;
        len -= n;
    }
}

int message_scatter(struct run *run, pid_t tid, const struct message *m, const void *buf,
                    size_t len)
{
    struct mem_writes w;

    mem_writes_init(&w, run, tid);
    message_scatter_with(&w, m, buf, len);
    return mem_writes_commit(&w);
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

void message_end_with(struct mem_writes *w, const struct message *m, const struct control *c,
                      struct message_end *end)
{
    if (c->truncated)
        end->flags |= MSG_CTRUNC;
    end->used = c->len;
    mem_writes_add(w, m->control, c->buf, c->len);
    mem_writes_add(w, m->at + MSGHDR_CONTROLLEN, &end->used, sizeof(end->used));
    mem_writes_add(w, m->at + MSGHDR_FLAGS, &end->flags, sizeof(end->flags));
}

/* The next at *offset, whose data is *ret_data and *ret_len. 1; 0 at the end; -EINVAL where one is
 * malformed. */
static int next_control(const char *bytes, size_t len, size_t *offset, struct cmsghdr *h,
                        const void **ret_data, size_t *ret_len)
{
    if (*offset > len || len - *offset < sizeof(*h))
        return 0;
    memcpy(h, bytes + *offset, sizeof(*h));
    if (h->cmsg_len < sizeof(*h) || h->cmsg_len > len - *offset)
        return -EINVAL;
    *ret_data = bytes + *offset + sizeof(*h);
    *ret_len = h->cmsg_len - sizeof(*h);
    *offset += CMSG_ALIGN(h->cmsg_len);
    return 1;
}

int message_controls(struct run *run, const struct run_call *call, const struct message *m,
                     control_fn *judge, void *arg)
{
    const void *bytes = control_is_long(m) ? run->long_control : m->control_bytes;
    size_t offset = 0, len;
    const void *data;
    struct cmsghdr h;
    int r;

    while ((r = next_control(bytes, (size_t)m->controllen, &offset, &h, &data, &len)) > 0 &&
           (r = judge(run, call, &h, data, len, arg)) == 0)
        ;
    return r;
}
