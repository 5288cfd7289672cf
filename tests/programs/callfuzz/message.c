/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls with vectors and messages: sendmsg recvmsg sendmmsg recvmmsg readv writev. */
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "callfuzz.h"

enum { MAX_MESSAGES = 3, MAX_PIECES = 3, PIECE = 100, CONTROL = 256, PATTERN = 0xa5 };

/* A message under way: what of it can be looked at afterwards. */
struct shown {
    struct area *header, *name, *control, *pieces[MAX_PIECES];
    int n_pieces;
};

static const int send_flags[] = {MSG_DONTWAIT,  MSG_NOSIGNAL, MSG_OOB,    MSG_EOR,    MSG_CONFIRM,
                                 MSG_DONTROUTE, MSG_TRUNC,    MSG_PEEK,   MSG_CTRUNC, 1 << 30,
                                 0x10,          MSG_ERRQUEUE, MSG_WAITALL};
static const int receive_flags[] = {MSG_DONTWAIT, MSG_PEEK,         MSG_TRUNC,     MSG_OOB,
                                    MSG_WAITALL,  MSG_ERRQUEUE,     MSG_NOSIGNAL,  MSG_CTRUNC,
                                    1 << 30,      MSG_CMSG_CLOEXEC, MSG_WAITFORONE};

/* The array of a vector; its count may be more than there is. */
static struct area *vector(struct shown *m, uint64_t *ret_count)
{
    static const uint64_t odd[] = {0, 1023, 1024, 1025, 65536, INT_MAX, UINT64_MAX, 1ULL << 40};
    struct iovec pieces[MAX_PIECES];
    bool many = once_in(15);

    m->n_pieces = (int)below(MAX_PIECES + 1);
    say("{");
    for (int i = 0; i < m->n_pieces; i++) {
        size_t len = below(PIECE);
        m->pieces[i] = memory(len);
        pieces[i].iov_base = (void *)(uintptr_t)m->pieces[i]->at;
        pieces[i].iov_len = once_in(20) ? (once_in(2) ? SIZE_MAX : (size_t)INT_MAX) : len;
        say(", %zd; ", (ssize_t)pieces[i].iov_len);
    }
    say("} at ");
    struct area *a = memory_for_pointers(many ? 1025 * sizeof(pieces[0])
                                              : sizeof(pieces[0]) * (size_t)m->n_pieces);
    if (a->mine != NULL) {
        memset(a->mine, 0, a->len);
        size_t n = sizeof(pieces[0]) * (size_t)m->n_pieces;
        memcpy(a->mine, pieces, n < a->len ? n : a->len);
    }
    *ret_count = many ? PICK(odd) : (uint64_t)m->n_pieces;
    if (!a->whole || a->len < *ret_count * sizeof(pieces[0]))
        m->n_pieces = 0; /* not what the call sees */
    say(", %lld", (long long)*ret_count);
    return a;
}

/* Control messages to send. */
static size_t make_control(uint8_t *to, size_t room)
{
    static const int levels[] = {SOL_SOCKET,  IPPROTO_IP,  IPPROTO_IPV6,
                                 IPPROTO_UDP, IPPROTO_TCP, 77};
    static const int types[] = {
        IP_TTL,     IP_TOS,          IP_PKTINFO,  IPV6_PKTINFO, IPV6_HOPLIMIT, IPV6_TCLASS,
        SCM_RIGHTS, SCM_CREDENTIALS, UDP_SEGMENT, SO_MARK,      SO_PRIORITY,   99,
        0};
    static const size_t lengths[] = {4, 4, 4, 12, 20, 0, 1, 2, 8, 24};
    static const int values[] = {0, 1, 64, 255, 256, -1, -2, 65536};
    size_t used = 0;
    for (uint32_t n = below(3); n > 0; n--) {
        size_t len = PICK(lengths);
        struct cmsghdr h = {CMSG_LEN(len), PICK(levels), PICK(types)};
        if (used + CMSG_SPACE(len) > room)
            break;
        int value = PICK(values);
        memset(to + used, 0, CMSG_SPACE(len));
        if (once_in(12))
            h.cmsg_len = (size_t)garbage_int();
        memcpy(to + used, &h, sizeof(h));
        if (h.cmsg_level == SOL_SOCKET && h.cmsg_type == SCM_RIGHTS)
            value = -1;
        memcpy(to + used + sizeof(h), &value, len < sizeof(value) ? len : sizeof(value));
        say("{%d, %d, len %zd, %d}", h.cmsg_level, h.cmsg_type, (ssize_t)h.cmsg_len, value);
        used += CMSG_SPACE(len);
    }
    return used;
}

static void make_message(struct msghdr *to, struct shown *m, bool sending)
{
    uint64_t count;
    int len;

    memset(to, 0, sizeof(*to));
    memset(m, 0, sizeof(*m));
    say("{name ");
    if (sending && once_in(2)) {
        struct area *a = an_address(&len);
        to->msg_name = (void *)(uintptr_t)a->at;
        to->msg_namelen = (socklen_t)len;
    } else if (!sending && once_in(2)) {
        m->name = memory(sizeof(struct sockaddr_in6));
        to->msg_name = (void *)(uintptr_t)m->name->at;
        to->msg_namelen = a_length(sizeof(struct sockaddr_in6));
    } else {
        say("-");
    }
    say("; ");
    to->msg_iov = (void *)(uintptr_t)vector(m, &count)->at;
    to->msg_iovlen = (size_t)count;
    if (once_in(3)) {
        say("; control ");
        m->control = memory(CONTROL);
        size_t used = CONTROL;
        if (sending && m->control->mine != NULL)
            used = make_control(m->control->mine, m->control->len);
        to->msg_control = (void *)(uintptr_t)m->control->at;
        to->msg_controllen = once_in(8) ? (size_t)(ssize_t)garbage_int() : used;
        say(", %zd", (ssize_t)to->msg_controllen);
    }
    to->msg_flags = once_in(8) ? -1 : 0;
    say("}");
}

static void show_message(const struct shown *m, const struct msghdr *after, size_t got)
{
    for (int i = 0; i < m->n_pieces; i++) {
        show_changed("data", m->pieces[i], got);
        got -= got < m->pieces[i]->len ? got : m->pieces[i]->len;
    }
    struct area length = {0, (uint8_t *)(uintptr_t)&after->msg_namelen, sizeof(socklen_t), true};
    if (m->name != NULL)
        show_address(m->name, &length);
    say(" flags %x controllen %zd", (unsigned)after->msg_flags, (ssize_t)after->msg_controllen);
    if (m->control != NULL && m->control->mine != NULL && after->msg_controllen <= m->control->len)
        show_changed("control", m->control, after->msg_controllen);
}

static void one_message(int which)
{
    struct msghdr header;
    struct shown m;
    bool sending = which == SENDMSG;

    say(sending ? "sendmsg(" : "recvmsg(");
    int fd = a_descriptor();
    say(", ");
    make_message(&header, &m, sending);
    say(" at ");
    struct area *a = memory_for_pointers(sizeof(header));
    if (a->mine != NULL)
        memcpy(a->mine, &header, a->len < sizeof(header) ? a->len : sizeof(header));
    int flags = sending ? some_flags(send_flags, sizeof(send_flags) / sizeof(int))
                        : some_flags(receive_flags, sizeof(receive_flags) / sizeof(int));
    say(", 0x%x", (unsigned)flags);
    long r = result_of(sending ? SYS_sendmsg : SYS_recvmsg, (uint64_t)fd, a->at,
                       (uint64_t)(int64_t)flags, 0, 0, 0);
    if (!sending && r >= 0 && a->whole) {
        memcpy(&header, a->mine, sizeof(header));
        show_message(&m, &header, (size_t)r);
    }
}

static void many_messages(int which)
{
    static const uint32_t odd[] = {0, 1024, 1025, INT_MAX, UINT32_MAX};
    struct mmsghdr headers[MAX_MESSAGES];
    struct shown m[MAX_MESSAGES];
    bool sending = which == SENDMMSG;
    uint32_t n = below(MAX_MESSAGES + 1);

    memset(headers, 0, sizeof(headers));
    say(sending ? "sendmmsg(" : "recvmmsg(");
    int fd = a_descriptor();
    say(", ");
    for (uint32_t i = 0; i < n; i++)
        make_message(&headers[i].msg_hdr, &m[i], sending);
    say(" at ");
    struct area *a = memory_for_pointers(n * sizeof(headers[0]));
    if (a->mine != NULL)
        memcpy(a->mine, headers, a->len);
    uint32_t count = once_in(20) ? PICK(odd) : n;
    int flags = sending ? some_flags(send_flags, sizeof(send_flags) / sizeof(int))
                        : some_flags(receive_flags, sizeof(receive_flags) / sizeof(int));
    if (count > n) /* one with the pattern for its header, not a thousand that happen to be empty */
        count = n + (n > 0);
    say(", %d, 0x%x", (int)count, (unsigned)flags);
    uint64_t limit = 0;
    if (!sending && once_in(4)) {
        static const int64_t seconds[] = {0, 1, -1, INT64_MAX};
        static const int64_t nanoseconds[] = {0, 1, -1, 1000000000};
        int64_t time[2] = {PICK(seconds), PICK(nanoseconds)};
        say(", {%lld, %lld} at ", (long long)time[0], (long long)time[1]);
        struct area *t = memory(sizeof(time));
        if (t->mine != NULL)
            memcpy(t->mine, time, t->len);
        limit = t->at;
    }
    long r = result_of(sending ? SYS_sendmmsg : SYS_recvmmsg, (uint64_t)fd, a->at, count,
                       (uint64_t)(int64_t)flags, limit, 0);
    if (r > 0 && a->whole)
        memcpy(headers, a->mine, a->len);
    for (long i = 0; i < r && i < (long)n; i++) {
        say(" %u", headers[i].msg_len);
        if (!sending)
            show_message(&m[i], &headers[i].msg_hdr, headers[i].msg_len);
    }
}

void call_message(int which)
{
    struct shown m;
    uint64_t count;

    if (which == SENDMSG || which == RECVMSG) {
        one_message(which);
        return;
    }
    if (which == SENDMMSG || which == RECVMMSG) {
        many_messages(which);
        return;
    }
    memset(&m, 0, sizeof(m));
    say(which == READV ? "readv(" : "writev(");
    int fd = a_descriptor();
    say(", ");
    struct area *a = vector(&m, &count);
    long r =
        result_of(which == READV ? SYS_readv : SYS_writev, (uint64_t)fd, a->at, count, 0, 0, 0);
    for (int i = 0; which == READV && r > 0 && i < m.n_pieces; i++)
        show_changed("data", m.pieces[i], (size_t)r);
}
