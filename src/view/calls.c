/* SPDX-License-Identifier: BSD-2-Clause */
/* What the arguments and results of system calls mean, in the words of their manual pages: tables.
 */
#define _DEFAULT_SOURCE /* syscall numbers, and socket options beyond POSIX */

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "view/private.h"

enum arg {
    A_SKIP, /* a pointer, or of no interest */
    A_FD,
    A_INT,
    A_HEX,
    A_FAMILY,
    A_TYPE,
    A_PROTO, /* only if not 0 */
    A_ADDR,  /* what it points to */
    A_VALUE, /* what it points to */
    A_LEN,
    A_HOW,
    A_LEVEL,
    A_OPTION,
    A_FLAGS, /* of send and recv; only if not 0 */
    A_NEWFD, /* SOCK_NONBLOCK, SOCK_CLOEXEC; only if not 0 */
};

struct call_row {
    int nr;
    const char *name;
    uint8_t args[6];
    enum view_role role;
};

static const struct call_row calls[] = {
    {SYS_socket, "socket", {A_FAMILY, A_TYPE, A_PROTO}, ROLE_OTHER},
    {SYS_bind, "bind", {A_FD, A_ADDR}, ROLE_BIND},
    {SYS_listen, "listen", {A_FD, A_INT}, ROLE_LISTEN},
    {SYS_connect, "connect", {A_FD, A_ADDR}, ROLE_CONNECT},
    {SYS_accept, "accept", {A_FD}, ROLE_ACCEPT},
    {SYS_accept4, "accept4", {A_FD, A_SKIP, A_SKIP, A_NEWFD}, ROLE_ACCEPT},
    {SYS_shutdown, "shutdown", {A_FD, A_HOW}, ROLE_SHUTDOWN},
    {SYS_getsockname, "getsockname", {A_FD}, ROLE_NAME},
    {SYS_getpeername, "getpeername", {A_FD}, ROLE_NAME},
    {SYS_getsockopt, "getsockopt", {A_FD, A_LEVEL, A_OPTION}, ROLE_OTHER},
    {SYS_setsockopt, "setsockopt", {A_FD, A_LEVEL, A_OPTION, A_VALUE}, ROLE_OTHER},
    {SYS_sendto, "sendto", {A_FD, A_SKIP, A_LEN, A_FLAGS, A_ADDR}, ROLE_SEND},
    {SYS_recvfrom, "recvfrom", {A_FD, A_SKIP, A_LEN, A_FLAGS}, ROLE_RECV},
    {SYS_sendmsg, "sendmsg", {A_FD, A_ADDR, A_FLAGS}, ROLE_SEND},
    {SYS_recvmsg, "recvmsg", {A_FD, A_VALUE, A_FLAGS}, ROLE_RECV},
    {SYS_sendmmsg, "sendmmsg", {A_FD, A_ADDR, A_INT, A_FLAGS}, ROLE_SEND},
    {SYS_recvmmsg, "recvmmsg", {A_FD, A_SKIP, A_INT, A_FLAGS}, ROLE_RECV},
    {SYS_ioctl, "ioctl", {A_FD, A_HEX}, ROLE_OTHER},
};

struct word {
    int64_t value;
    const char *text;
};

#define WORD(name)                                                                                 \
    {                                                                                              \
        name, #name                                                                                \
    }

static const struct word families[] = {WORD(AF_INET), WORD(AF_INET6), WORD(AF_UNIX)};
static const struct word types[] = {WORD(SOCK_STREAM), WORD(SOCK_DGRAM), WORD(SOCK_RAW)};
static const struct word protos[] = {WORD(IPPROTO_TCP), WORD(IPPROTO_UDP), WORD(IPPROTO_ICMP),
                                     WORD(IPPROTO_ICMPV6)};
static const struct word hows[] = {WORD(SHUT_RD), WORD(SHUT_WR), WORD(SHUT_RDWR)};
static const struct word levels[] = {WORD(SOL_SOCKET), WORD(IPPROTO_IP), WORD(IPPROTO_IPV6),
                                     WORD(IPPROTO_TCP), WORD(IPPROTO_UDP)};
static const struct word new_fd_bits[] = {WORD(SOCK_NONBLOCK), WORD(SOCK_CLOEXEC)};
static const struct word flag_bits[] = {
    WORD(MSG_OOB),     WORD(MSG_PEEK),     WORD(MSG_DONTROUTE), WORD(MSG_TRUNC),
    WORD(MSG_CTRUNC),  WORD(MSG_DONTWAIT), WORD(MSG_EOR),       WORD(MSG_WAITALL),
    WORD(MSG_CONFIRM), WORD(MSG_ERRQUEUE), WORD(MSG_NOSIGNAL),  WORD(MSG_MORE),
};

static const struct {
    int level;
    struct word option;
} options[] = {
    {SOL_SOCKET, WORD(SO_REUSEADDR)},
    {SOL_SOCKET, WORD(SO_REUSEPORT)},
    {SOL_SOCKET, WORD(SO_TYPE)},
    {SOL_SOCKET, WORD(SO_ERROR)},
    {SOL_SOCKET, WORD(SO_BROADCAST)},
    {SOL_SOCKET, WORD(SO_SNDBUF)},
    {SOL_SOCKET, WORD(SO_RCVBUF)},
    {SOL_SOCKET, WORD(SO_KEEPALIVE)},
    {SOL_SOCKET, WORD(SO_LINGER)},
    {SOL_SOCKET, WORD(SO_RCVTIMEO)},
    {SOL_SOCKET, WORD(SO_SNDTIMEO)},
    {SOL_SOCKET, WORD(SO_ACCEPTCONN)},
    {SOL_SOCKET, WORD(SO_PROTOCOL)},
    {SOL_SOCKET, WORD(SO_DOMAIN)},
    {SOL_SOCKET, WORD(SO_TIMESTAMP)},
    {SOL_SOCKET, WORD(SO_PRIORITY)},
    {SOL_SOCKET, WORD(SO_BINDTODEVICE)},
    {SOL_SOCKET, WORD(SO_MARK)},
    {SOL_SOCKET, WORD(SO_OOBINLINE)},
    {SOL_SOCKET, WORD(SO_RCVLOWAT)},
    {IPPROTO_IP, WORD(IP_TOS)},
    {IPPROTO_IP, WORD(IP_TTL)},
    {IPPROTO_IP, WORD(IP_PKTINFO)},
    {IPPROTO_IP, WORD(IP_RECVERR)},
    {IPPROTO_IP, WORD(IP_MTU_DISCOVER)},
    {IPPROTO_IP, WORD(IP_MTU)},
    {IPPROTO_IP, WORD(IP_RECVTTL)},
    {IPPROTO_IP, WORD(IP_RECVTOS)},
    {IPPROTO_IPV6, WORD(IPV6_V6ONLY)},
    {IPPROTO_IPV6, WORD(IPV6_UNICAST_HOPS)},
    {IPPROTO_IPV6, WORD(IPV6_RECVPKTINFO)},
    {IPPROTO_IPV6, WORD(IPV6_RECVERR)},
    {IPPROTO_IPV6, WORD(IPV6_TCLASS)},
    {IPPROTO_IPV6, WORD(IPV6_MTU_DISCOVER)},
    {IPPROTO_TCP, WORD(TCP_NODELAY)},
    {IPPROTO_TCP, WORD(TCP_MAXSEG)},
    {IPPROTO_TCP, WORD(TCP_CORK)},
    {IPPROTO_TCP, WORD(TCP_KEEPIDLE)},
    {IPPROTO_TCP, WORD(TCP_KEEPINTVL)},
    {IPPROTO_TCP, WORD(TCP_KEEPCNT)},
    {IPPROTO_TCP, WORD(TCP_SYNCNT)},
    {IPPROTO_TCP, WORD(TCP_LINGER2)},
    {IPPROTO_TCP, WORD(TCP_DEFER_ACCEPT)},
    {IPPROTO_TCP, WORD(TCP_WINDOW_CLAMP)},
    {IPPROTO_TCP, WORD(TCP_INFO)},
    {IPPROTO_TCP, WORD(TCP_QUICKACK)},
    {IPPROTO_TCP, WORD(TCP_CONGESTION)},
    {IPPROTO_TCP, WORD(TCP_USER_TIMEOUT)},
    {IPPROTO_TCP, WORD(TCP_FASTOPEN)},
};

static const struct word errnos[] = {
    WORD(EPERM),
    WORD(ENOENT),
    WORD(EINTR),
    WORD(EBADF),
    WORD(EAGAIN),
    WORD(ENOMEM),
    WORD(EACCES),
    WORD(EFAULT),
    WORD(EINVAL),
    WORD(ENFILE),
    WORD(EMFILE),
    WORD(EPIPE),
    WORD(EDOM),
    WORD(ENOSYS),
    WORD(ENOTSOCK),
    WORD(EDESTADDRREQ),
    WORD(EMSGSIZE),
    WORD(EPROTOTYPE),
    WORD(ENOPROTOOPT),
    WORD(EPROTONOSUPPORT),
    WORD(ESOCKTNOSUPPORT),
    WORD(EOPNOTSUPP),
    WORD(EAFNOSUPPORT),
    WORD(EADDRINUSE),
    WORD(EADDRNOTAVAIL),
    WORD(ENETDOWN),
    WORD(ENETUNREACH),
    WORD(ECONNABORTED),
    WORD(ECONNRESET),
    WORD(ENOBUFS),
    WORD(EISCONN),
    WORD(ENOTCONN),
    WORD(ETIMEDOUT),
    WORD(ECONNREFUSED),
    WORD(EHOSTDOWN),
    WORD(EHOSTUNREACH),
    WORD(EALREADY),
    WORD(EINPROGRESS),
    WORD(EPROTO),
    WORD(ENODEV),
    WORD(ENOTTY),
    WORD(EEXIST),
    WORD(ENETRESET),
    WORD(EIO),
};

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static const struct call_row *row_of(int nr)
{
    for (size_t i = 0; i < ROWS(calls); i++) {
        if (calls[i].nr == nr)
            return &calls[i];
    }
    return NULL;
}

static const char *word_of(const struct word *words, size_t n, int64_t value)
{
    for (size_t i = 0; i < n; i++) {
        if (words[i].value == value)
            return words[i].text;
    }
    return NULL;
}

const char *view_call_name(int nr)
{
    const struct call_row *row = row_of(nr);
    return row ? row->name : "syscall";
}

enum view_role view_call_role(int nr)
{
    const struct call_row *row = row_of(nr);
    return row ? row->role : ROLE_OTHER;
}

int view_call_fd(const struct view_call *call)
{
    const struct call_row *row = row_of(call->nr);
    return row && row->args[0] == A_FD ? (int)call->args[0] : -1;
}

const char *view_errno_name(int err)
{
    const char *name = word_of(errnos, ROWS(errnos), err);
    return name ? name : "an error";
}

static void say_word(struct view_words *w, const struct word *words, size_t n, int64_t value)
{
    const char *name = word_of(words, n, value);
    if (name)
        view_say(w, "%s", name);
    else
        view_say(w, "%lld", (long long)value);
}

static void say_bits(struct view_words *w, const struct word *words, size_t n, int64_t value)
{
    const char *sep = "";
    for (size_t i = 0; i < n; i++) {
        if (value & words[i].value) {
            view_say(w, "%s%s", sep, words[i].text);
            value &= ~words[i].value;
            sep = "|";
        }
    }
    if (value)
        view_say(w, "%s0x%llx", sep, (long long)value);
}

static void say_addr(struct view_words *w, const struct sw_addr *addr)
{
    char buf[SW_ADDR_TEXT];
    view_say(w, "%s", sw_addr_text(addr, buf, sizeof(buf)));
}

static void say_option(struct view_words *w, int level, int name)
{
    for (size_t i = 0; i < ROWS(options); i++) {
        if (options[i].level == level && options[i].option.value == name) {
            view_say(w, "%s", options[i].option.text);
            return;
        }
    }
    view_say(w, "%d", name);
}

/* Whether an argument is shown. */
static bool wanted(const struct view_call *call, enum arg kind, uint64_t value)
{
    switch (kind) {
    case A_SKIP:
        return false;
    case A_PROTO:
    case A_FLAGS:
    case A_NEWFD:
        return (int)value != 0;
    case A_ADDR:
        return call->has_addr;
    case A_VALUE:
        return call->has_value;
    default:
        return true;
    }
}

static void say_arg(struct view_words *w, const struct view_call *call, enum arg kind,
                    uint64_t value)
{
    int number = (int)value;
    switch (kind) {
    case A_SKIP:
        break;
    case A_FD:
    case A_INT:
        view_say(w, "%d", number);
        break;
    case A_HEX:
        view_say(w, "0x%x", (unsigned)value);
        break;
    case A_LEN:
        view_say(w, "%llu bytes", (unsigned long long)value);
        break;
    case A_FAMILY:
        say_word(w, families, ROWS(families), number);
        break;
    case A_TYPE:
        say_word(w, types, ROWS(types), number & 0xf);
        if (number & ~0xf) {
            view_say(w, "|");
            say_bits(w, new_fd_bits, ROWS(new_fd_bits), number & ~0xf);
        }
        break;
    case A_PROTO:
        say_word(w, protos, ROWS(protos), number);
        break;
    case A_ADDR:
        say_addr(w, &call->addr);
        break;
    case A_VALUE:
        view_say(w, "%lld", (long long)call->value);
        break;
    case A_HOW:
        say_word(w, hows, ROWS(hows), number);
        break;
    case A_LEVEL:
        say_word(w, levels, ROWS(levels), number);
        break;
    case A_OPTION:
        say_option(w, (int)call->args[1], number);
        break;
    case A_FLAGS:
        say_bits(w, flag_bits, ROWS(flag_bits), number);
        break;
    case A_NEWFD:
        say_bits(w, new_fd_bits, ROWS(new_fd_bits), number);
        break;
    }
}

void view_call_text(const struct view_call *call, char *buf, size_t size)
{
    struct view_words w = view_words(buf, size);
    const struct call_row *row = row_of(call->nr);
    const char *sep = "";
    if (!row) {
        view_say(&w, "syscall %d", call->nr);
        return;
    }
    view_say(&w, "%s(", row->name);
    for (unsigned i = 0; i < 6; i++) {
        enum arg kind = (enum arg)row->args[i];
        if (!wanted(call, kind, call->args[i]))
            continue;
        view_say(&w, "%s", sep);
        say_arg(&w, call, kind, call->args[i]);
        sep = ", ";
    }
    if (row->role == ROLE_CONNECT && !call->has_addr && call->answer && call->result == 0)
        view_say(&w, ", AF_UNSPEC"); /* the one address that is none: it dissolves an association */
    view_say(&w, ")");
}

void view_result_text(const struct view_call *call, char *buf, size_t size)
{
    struct view_words w = view_words(buf, size);
    if (call->result == -512) {
        view_say(&w, " = interrupted");
    } else if (call->result < 0) {
        view_say(&w, " = -1 %s", view_errno_name((int)-call->result));
    } else if (view_call_role(call->nr) == ROLE_NAME) {
        view_say(&w, " = 0");
        if (call->has_from) {
            view_say(&w, ", ");
            say_addr(&w, &call->from);
        }
    } else {
        view_say(&w, " = %lld", (long long)call->result);
        if (call->has_from) {
            view_say(&w, ", from ");
            say_addr(&w, &call->from);
        }
    }
}
