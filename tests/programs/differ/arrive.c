/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios: the moment of arrival. On a loopback what was sent is there when the call that sent it
 * returns; so nothing here is given time. (What write() and send() of a connected socket send has
 * arrived when the next notified call is answered; a native one may come before it.)
 */
#include "differ.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <time.h>

enum { TIMES = 20 };

static void show_readable(const char *when, int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    say("%s: poll() = %d", when, poll(&p, 1, 0));
}

static void sent_to(void)
{
    int server = bound_datagram(), client = datagram_socket();
    struct sockaddr_storage address = loopback(port_of(server));
    int readable = 0, received = 0;
    char byte;

    TRY(sendto(client, "x", 1, 0, ADDRESS(address)));
    show_readable("after sendto", server);
    show_recv("after sendto", server, 10, MSG_DONTWAIT);
    for (int i = 0; i < TIMES; i++) {
        struct pollfd p = {.fd = server, .events = POLLIN};
        MUST((int)sendto(client, "x", 1, 0, ADDRESS(address)));
        readable += poll(&p, 1, 0);
        received += recv(server, &byte, 1, MSG_DONTWAIT) == 1;
    }
    say("%d times readable, %d received", readable, received);
}

static void sent_as_messages(void)
{
    int server = bound_datagram(), client = datagram_socket();
    struct sockaddr_storage address = loopback(port_of(server));
    struct iovec io = {"hello", 5};
    struct mmsghdr m[2] = {{.msg_hdr = {.msg_iov = &io,
                                        .msg_iovlen = 1,
                                        .msg_name = &address,
                                        .msg_namelen = address_length()}}};
    m[1] = m[0];
    TRY(sendmsg(client, &m[0].msg_hdr, 0));
    show_readable("after sendmsg", server);
    show_recv("after sendmsg", server, 10, MSG_DONTWAIT);
    TRY(sendmmsg(client, m, 2, 0));
    show_recv("after sendmmsg", server, 10, MSG_DONTWAIT);
    show_recv("after sendmmsg", server, 10, MSG_DONTWAIT);
    show_readable("when all is read", server);
}

/* A message has arrived before the next one of the same call is sent: that one hears of the
 * refusal. */
static void refused_among_messages(void)
{
    int client = datagram_socket();
    struct sockaddr_storage address = loopback(unused_port(SOCK_DGRAM));
    struct iovec io = {"hello", 5};
    struct mmsghdr m[3] = {{.msg_hdr = {.msg_iov = &io, .msg_iovlen = 1}}};

    m[2] = m[1] = m[0];
    MUST(connect(client, ADDRESS(address)));
    for (int i = 0; i < 3; i++) {
        TRY(sendmmsg(client, m, 3, 0));
        show_error("after it", client);
    }
}

static int pipes;

static void count_pipe(int signal)
{
    pipes += signal == SIGPIPE;
}

/* The same of a stream that the peer has closed, before or behind what was sent to him. */
static void broken_among_messages(void)
{
    struct iovec io = {"hello", 5};
    struct sockaddr_storage passed_over = loopback(1);
    struct mmsghdr m[3] = {{.msg_hdr = {.msg_iov = &io,
                                        .msg_iovlen = 1,
                                        .msg_name = &passed_over,
                                        .msg_namelen = address_length()}}};

    m[2] = m[1] = m[0];
    signal(SIGPIPE, count_pipe);
    for (int unread = 0; unread < 2; unread++) {
        int a, b;
        stream_pair(&a, &b);
        if (unread)
            MUST((int)send(a, "unread", 6, 0));
        settle();
        MUST(close(b));
        settle();
        for (int i = 0; i < 3; i++) {
            TRY(sendmmsg(a, m, 3, 0));
            say("%d signals", pipes);
        }
        show_error("after it", a);
    }
}

static int receive_from(int fd)
{
    struct sockaddr_storage from;
    socklen_t length = sizeof from;
    char data[10];
    return recvfrom(fd, data, 1, MSG_DONTWAIT, (struct sockaddr *)&from, &length) == 1;
}

static void written_before_a_call(void)
{
    int a, b, received = 0;

    stream_pair(&a, &b);
    MUST(set_int(a, IPPROTO_TCP, TCP_NODELAY, 1));
    for (int i = 0; i < TIMES; i++) {
        MUST((int)write(a, "x", 1));
        received += receive_from(b);
    }
    say("stream: %d received", received);
    datagram_pair(&a, &b);
    received = 0;
    for (int i = 0; i < TIMES; i++) {
        MUST((int)send(a, "x", 1, 0));
        received += receive_from(b);
    }
    say("datagrams: %d received", received);
}

/* Nagle holds a small segment only while one is not acknowledged: reading acknowledges it. */
static void small_writes(void)
{
    int a, b, received = 0;

    stream_pair(&a, &b);
    for (int i = 0; i < 3 * TIMES; i++) {
        MUST((int)write(a, "x", 1));
        received += receive_from(b);
    }
    say("%d received", received);
}

static int64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* MSG_MORE: what was sent waits for what comes next, or 200 ms; looked at again if that passed. */
static void held_for_more(void)
{
    char data[100];
    int64_t passed;
    ssize_t early, late;

    do {
        int a, b;
        stream_pair(&a, &b);
        int64_t from = clock_ms();
        MUST((int)send(a, "head", 4, MSG_MORE));
        nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
        early = recv(b, data, sizeof data, MSG_DONTWAIT);
        passed = clock_ms() - from;
        MUST((int)send(a, "body", 4, 0));
        late = recv(b, data, 8, MSG_WAITALL);
        close(a);
        close(b);
    } while (passed > 150);
    say("early %zd, late %zd", early, late);
}

/* The refusal finds nobody any more; nothing else leaves in the name of who is gone. */
static void refused_when_closed(void)
{
    int port = unused_port(SOCK_DGRAM), fds[TIMES], server = datagram_socket();
    struct sockaddr_storage address = loopback(port);

    for (int i = 0; i < TIMES; i++) {
        fds[i] = datagram_socket();
        MUST(connect(fds[i], ADDRESS(address)));
    }
    for (int i = 0; i < TIMES; i++) {
        MUST((int)send(fds[i], "x", 1, 0));
        close(fds[i]);
    }
    settle();
    TRY(bind(server, ADDRESS(address)));
    settle();
    show_recv("by who is at that port now", server, 10, MSG_DONTWAIT);
}

/* Urgent data, and the signal that tells of it. */
static void urgent(void)
{
    int a, b, signalled = 0, received = 0;
    sigset_t set;
    struct signalfd_siginfo info;
    char byte;

    sigemptyset(&set);
    sigaddset(&set, SIGURG);
    MUST(sigprocmask(SIG_BLOCK, &set, NULL));
    int signals = MUST(signalfd(-1, &set, SFD_NONBLOCK));
    stream_pair(&a, &b);
    MUST(fcntl(b, F_SETOWN, getpid()));
    for (int i = 0; i < TIMES; i++) {
        MUST((int)send(a, "x", 1, MSG_OOB));
        signalled += read(signals, &info, sizeof info) == (ssize_t)sizeof info;
        received += recv(b, &byte, 1, MSG_OOB | MSG_DONTWAIT) == 1;
    }
    say("%d signals, %d bytes", signalled, received);
}

/* The end, and what was written before it. */
static void shut_down(int how)
{
    int whole = 0;
    char data[10];

    for (int i = 0; i < TIMES; i++) {
        int a, b;
        stream_pair(&a, &b);
        MUST((int)write(a, "last", 4));
        MUST(shutdown(a, how));
        struct pollfd p = {.fd = b, .events = POLLIN | POLLRDHUP};
        whole += poll(&p, 1, 0) == 1 && p.revents == (POLLIN | POLLRDHUP) &&
                 recv(b, data, sizeof data, MSG_DONTWAIT) == 4 &&
                 recv(b, data, sizeof data, MSG_DONTWAIT) == 0;
        close(a);
        close(b);
    }
    say("%d times all was there", whole);
}

static void shut_writing(void)
{
    shut_down(SHUT_WR);
}

static void shut_both(void)
{
    shut_down(SHUT_RDWR);
}

const struct scenario arrive_scenarios[] = {{"arrive-sendto", sent_to, BOTH},
                                            {"arrive-messages", sent_as_messages, BOTH},
                                            {"arrive-each-message", refused_among_messages, BOTH},
                                            {"arrive-each-broken", broken_among_messages, BOTH},
                                            {"arrive-written", written_before_a_call, BOTH},
                                            {"arrive-small-writes", small_writes, BOTH},
                                            {"arrive-for-more", held_for_more, BOTH},
                                            {"arrive-refused", refused_when_closed, BOTH},
                                            {"arrive-urgent", urgent, BOTH},
                                            {"arrive-shut-writing", shut_writing, BOTH},
                                            {"arrive-shut-both", shut_both, BOTH},
                                            {NULL, NULL, 0}};
