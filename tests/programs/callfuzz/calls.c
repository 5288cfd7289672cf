/* SPDX-License-Identifier: BSD-2-Clause */
/* The calls, and the sockets that each seed begins with. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "callfuzz.h"

enum { DATA = 300, MAX_EVENTS = 16 };

static const int send_flags[] = {MSG_DONTWAIT,  MSG_NOSIGNAL, MSG_OOB,  MSG_EOR, MSG_CONFIRM,
                                 MSG_DONTROUTE, MSG_TRUNC,    MSG_PEEK, 0x10,    MSG_ERRQUEUE};
static const int receive_flags[] = {MSG_DONTWAIT, MSG_PEEK,         MSG_TRUNC,
                                    MSG_OOB,      MSG_WAITALL,      MSG_ERRQUEUE,
                                    MSG_NOSIGNAL, MSG_CMSG_CLOEXEC, MSG_WAITFORONE};

static uint64_t wide(int v)
{
    return (uint64_t)(int64_t)v;
}

static void call_socket(void)
{
    static const int families[] = {AF_UNSPEC, AF_UNIX, 3, 46, 255, -1, INT_MAX};
    static const int types[] = {
        SOCK_STREAM, SOCK_STREAM,    SOCK_STREAM, SOCK_DGRAM, SOCK_DGRAM, SOCK_DGRAM, SOCK_RAW,
        SOCK_RDM,    SOCK_SEQPACKET, 0,           6,          10,         11,         15};
    static const int protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6, 255,
                                    256,         -1,          77,           IPPROTO_SCTP};
    int family = once_in(15)  ? PICK(families)
                 : once_in(8) ? AF_INET + AF_INET6 - seed_family
                              : seed_family;
    int type = once_in(8) ? PICK(types) : types[below(6)];
    int protocol = once_in(6) ? PICK(protocols) : 0;
    if (once_in(6))
        type |= once_in(2) ? SOCK_NONBLOCK : SOCK_CLOEXEC;
    if (once_in(30))
        type |= once_in(2) ? 1 << 30 : 0x100;
    a_slot();
    say("socket(%d, 0x%x, %d", family, (unsigned)type, protocol);
    keep((int)result_of(SYS_socket, wide(family), wide(type), wide(protocol), 0, 0, 0));
}

static void call_with_address(const char *name, long number)
{
    int len;
    say("%s(", name);
    int fd = a_descriptor();
    struct area *a = an_address(&len);
    result_of(number, wide(fd), a->at, wide(len), 0, 0, 0);
}

static void call_listen(void)
{
    static const int backlogs[] = {5, 5, 5, 0, -1, INT_MAX};
    say("listen(");
    int fd = a_descriptor(), backlog = PICK(backlogs);
    say(", %d", backlog);
    result_of(SYS_listen, wide(fd), wide(backlog), 0, 0, 0, 0);
}

static void call_shutdown(void)
{
    static const int odd[] = {-1, 3, 4, INT_MAX, INT_MIN};
    say("shutdown(");
    int fd = a_descriptor(), how = once_in(5) ? PICK(odd) : (int)below(3);
    say(", %d", how);
    result_of(SYS_shutdown, wide(fd), wide(how), 0, 0, 0, 0);
}

/* Room for an address and its length. */
static struct area *room_for_address(struct area **ret_length)
{
    say(", ");
    struct area *a = memory(sizeof(struct sockaddr_in6));
    say(", ");
    *ret_length = memory(sizeof(int));
    int len = (int)a_length(sizeof(struct sockaddr_in6));
    if ((*ret_length)->whole)
        memcpy((*ret_length)->mine, &len, sizeof(len));
    return a;
}

static void call_accept(bool four)
{
    static const int odd[] = {SOCK_NONBLOCK, SOCK_CLOEXEC, SOCK_NONBLOCK | SOCK_CLOEXEC, 1, -1,
                              1 << 30};
    struct area *length = NULL, *a = NULL;
    a_slot();
    say(four ? "accept4(" : "accept(");
    int fd = a_descriptor(), flags = four && once_in(2) ? PICK(odd) : 0;
    if (once_in(2))
        a = room_for_address(&length);
    say(", 0x%x", (unsigned)flags);
    long r = result_of(four ? SYS_accept4 : SYS_accept, wide(fd), a != NULL ? a->at : 0,
                       length != NULL ? length->at : 0, wide(flags), 0, 0);
    keep((int)r);
    if (r >= 0)
        show_address(a, length);
}

static void call_name(const char *name, long number)
{
    struct area *length;
    say("%s(", name);
    int fd = a_descriptor();
    struct area *a = room_for_address(&length);
    if (result_of(number, wide(fd), a->at, length->at, 0, 0, 0) == 0)
        show_address(a, length);
}

/* How much: little, none, or so much that it does not fit anywhere. */
static uint64_t a_size(void)
{
    static const uint64_t odd[] = {0,       1,          65507,      65508,      65536,
                                   INT_MAX, 0x80000000, UINT64_MAX, 1ULL << 63, 1ULL << 40};
    uint64_t len = once_in(10) ? PICK(odd) : below(DATA);
    say(", %lld", (long long)len);
    return len;
}

static struct area *some_data(uint64_t *ret_len)
{
    say(", ");
    struct area *a = memory(DATA);
    *ret_len = a_size();
    if (a->mine != NULL)
        for (size_t i = 0; i < a->len; i++)
            a->mine[i] = (uint8_t)below(100);
    return a;
}

static void call_sendto(bool to_somebody)
{
    uint64_t len;
    int addr_len = 0;
    say("sendto(");
    int fd = a_descriptor();
    struct area *data = some_data(&len), *to = NULL;
    int flags = some_flags(send_flags, sizeof(send_flags) / sizeof(int));
    say(", 0x%x", (unsigned)flags);
    if (to_somebody)
        to = an_address(&addr_len);
    result_of(SYS_sendto, wide(fd), data->at, len, wide(flags), to != NULL ? to->at : 0,
              wide(addr_len));
}

static void call_recvfrom(bool from_whom)
{
    struct area *from = NULL, *length = NULL;
    say("recvfrom(");
    int fd = a_descriptor();
    say(", ");
    struct area *data = memory(DATA);
    uint64_t len = a_size();
    int flags = some_flags(receive_flags, sizeof(receive_flags) / sizeof(int));
    say(", 0x%x", (unsigned)flags);
    if (from_whom)
        from = room_for_address(&length);
    long r = result_of(SYS_recvfrom, wide(fd), data->at, len, wide(flags),
                       from != NULL ? from->at : 0, length != NULL ? length->at : 0);
    if (r >= 0) {
        show_changed("data", data, (size_t)r);
        show_address(from, length);
    }
}

static void call_read(void)
{
    say("read(");
    int fd = a_descriptor();
    say(", ");
    struct area *data = memory(DATA);
    long r = result_of(SYS_read, wide(fd), data->at, a_size(), 0, 0, 0);
    if (r > 0)
        show_changed("data", data, (size_t)r);
}

static void call_write(void)
{
    uint64_t len;
    say("write(");
    int fd = a_descriptor();
    struct area *data = some_data(&len);
    result_of(SYS_write, wide(fd), data->at, len, 0, 0, 0);
}

static void call_close(void)
{
    static const int bad[] = {-1, 900, INT_MAX};
    int i = (int)below(MAX_SLOTS), fd = once_in(10) ? PICK(bad) : slots[i];
    say("close(%d", fd);
    if (fd == slots[i])
        slots[i] = -1;
    result_of(SYS_close, wide(fd), 0, 0, 0, 0, 0);
}

static void call_dup(void)
{
    a_slot();
    say("dup(");
    int fd = a_descriptor();
    keep((int)result_of(SYS_dup, wide(fd), 0, 0, 0, 0, 0));
}

static void call_fcntl(void)
{
    static const int commands[] = {F_GETFD,  F_SETFD, F_GETFL, F_SETFL,
                                   F_GETOWN, 1000,    -1,      F_GETPIPE_SZ};
    say("fcntl(");
    int fd = a_descriptor(), command = PICK(commands), value = garbage_int();
    if (command == F_SETFL)
        value = (value & ~O_ASYNC & ~O_DIRECT) | O_NONBLOCK;
    say(", %d, %d", command, value);
    result_of(SYS_fcntl, wide(fd), wide(command), wide(value), 0, 0, 0);
}

static void call_poll(void)
{
    static const uint32_t odd[] = {0, 1, 1000000, UINT32_MAX};
    static const short events[] = {POLLIN | POLLOUT | POLLPRI | POLLRDHUP, POLLIN, POLLOUT, 0,
                                   ~POLLWRBAND};
    struct pollfd fds[MAX_SLOTS];

    for (int i = 0; i < MAX_SLOTS; i++)
        fds[i] = (struct pollfd){.fd = slots[i], .events = once_in(3) ? PICK(events) : events[0]};
    say("poll(");
    struct area *a = memory(sizeof(fds));
    if (a->mine != NULL)
        memcpy(a->mine, fds, a->len);
    uint32_t n = once_in(10) ? PICK(odd) : MAX_SLOTS;
    say(", %d, 0", (int)n);
    long r = result_of(SYS_poll, a->at, n, 0, 0, 0, 0);
    if (r <= 0 || !a->whole)
        return;
    memcpy(fds, a->mine, sizeof(fds));
    for (int i = 0; i < MAX_SLOTS; i++)
        if (fds[i].fd >= 0)
            say(" %d:%x/%x", fds[i].fd, (unsigned short)fds[i].revents,
                (unsigned short)fds[i].events);
}

static void call_epoll_ctl(void)
{
    static const int operations[] = {
        EPOLL_CTL_ADD, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL, 0, 4};
    static const uint32_t events[] = {
        EPOLLIN | EPOLLOUT,      EPOLLIN,        EPOLLIN | EPOLLET | EPOLLRDHUP,
        EPOLLONESHOT | EPOLLOUT, EPOLLEXCLUSIVE, ~(uint32_t)EPOLLWRBAND};
    struct epoll_event event = {.events = PICK(events)};

    say("epoll_ctl(");
    int on = once_in(8) ? a_descriptor() : epoll_fd, operation = PICK(operations);
    say(", %d, ", operation);
    int fd = a_descriptor();
    event.data.u64 = (uint64_t)fd;
    say(", 0x%x at ", event.events);
    struct area *a = memory(sizeof(event));
    if (a->mine != NULL)
        memcpy(a->mine, &event, a->len);
    result_of(SYS_epoll_ctl, wide(on), wide(operation), wide(fd), a->at, 0, 0);
}

/* Events in the order of their descriptors: that of their coming is not the same. */
static void call_epoll_wait(void)
{
    struct epoll_event events[MAX_EVENTS];

    say("epoll_wait(");
    int on = once_in(8) ? a_descriptor() : epoll_fd,
        most = once_in(10) ? garbage_int() : MAX_EVENTS;
    say(", %d, ", most);
    struct area *a = memory(sizeof(events));
    long r = result_of(SYS_epoll_wait, wide(on), a->at, wide(most), 0, 0, 0);
    if (r <= 0 || r > MAX_EVENTS || !a->whole)
        return;
    memcpy(events, a->mine, sizeof(events));
    for (long i = 1; i < r; i++)
        for (long k = i; k > 0 && events[k].data.u64 < events[k - 1].data.u64; k--) {
            struct epoll_event swap = events[k];
            events[k] = events[k - 1];
            events[k - 1] = swap;
        }
    for (long i = 0; i < r; i++)
        say(" %d:%x", (int)events[i].data.u64, events[i].events);
}

static void call_close_or_dup(void)
{
    if (once_in(2))
        call_close();
    else
        call_dup();
}

static void call_any_epoll(void)
{
    if (once_in(2))
        call_epoll_ctl();
    else
        call_epoll_wait();
}

static void call_bind(void)
{
    call_with_address("bind", SYS_bind);
}

static void call_connect(void)
{
    call_with_address("connect", SYS_connect);
}

static void call_any_accept(void)
{
    call_accept(once_in(2));
}

static void call_any_name(void)
{
    if (once_in(2))
        call_name("getsockname", SYS_getsockname);
    else
        call_name("getpeername", SYS_getpeername);
}

static void call_any_sendto(void)
{
    call_sendto(!once_in(3));
}

static void call_any_recvfrom(void)
{
    call_recvfrom(!once_in(3));
}

static void call_any_message(void)
{
    call_message((int)below(N_MESSAGES));
}

void call_plain(void)
{
    /* As often as they stand here. */
    static void (*const calls[])(void) = {
        call_socket,       call_socket,       call_bind,       call_bind,       call_connect,
        call_connect,      call_connect,      call_listen,     call_listen,     call_any_accept,
        call_any_accept,   call_any_name,     call_any_name,   call_shutdown,   call_getsockopt,
        call_getsockopt,   call_setsockopt,   call_setsockopt, call_any_sendto, call_any_sendto,
        call_any_recvfrom, call_any_recvfrom, call_read,       call_write,      call_close_or_dup,
        call_fcntl,        call_ioctl,        call_poll,       call_any_epoll,  call_any_message,
        call_any_message,  call_any_message,
    };
    PICK(calls)();
}

void call_something(uint32_t number)
{
    if (once_in(16))
        call_descriptor();
    else if (once_in(40))
        call_process(number);
    else if (once_in(80))
        call_blocking();
    else
        call_plain();
}

/* ---- what a seed begins with: pairs and single sockets, in the states that only good calls lead
 * to ---- */

static struct sockaddr_storage here;

static socklen_t address_here(int port)
{
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)(first_port + port)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
                               .sin6_port = htons((uint16_t)(first_port + port)),
                               .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    memcpy(&here, seed_family == AF_INET ? (void *)&in : (void *)&in6,
           seed_family == AF_INET ? sizeof(in) : sizeof(in6));
    return seed_family == AF_INET ? sizeof(in) : sizeof(in6);
}

static int open_one(int type)
{
    a_slot();
    int fd = socket(seed_family, type | SOCK_NONBLOCK, 0);
    keep(fd);
    return fd;
}

void call_setup(void)
{
    int listener = open_one(SOCK_STREAM);
    socklen_t len = address_here(0);
    bind(listener, (struct sockaddr *)&here, len);
    listen(listener, 5);
    for (uint32_t n = below(3); n > 0; n--) {
        int client = open_one(SOCK_STREAM);
        connect(client, (struct sockaddr *)&here, len);
        settle();
        a_slot();
        keep(accept4(listener, NULL, NULL, SOCK_NONBLOCK));
        say("0 write(%d, some bytes) = %zd", client, write(client, "some bytes", 10));
        end_line();
    }
    int a = open_one(SOCK_DGRAM), b = open_one(SOCK_DGRAM);
    len = address_here(1);
    bind(a, (struct sockaddr *)&here, len);
    if (once_in(2))
        connect(b, (struct sockaddr *)&here, len);
    sendto(b, "datagram", 8, 0, (struct sockaddr *)&here, len);
    if (once_in(2))
        open_one(SOCK_STREAM);
    settle();
}
