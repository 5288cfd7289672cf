/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: processes and threads: dup, fork, exec, passed descriptors, signals in blocking calls.
 */
#include "differ.h"

#include <pthread.h>
#include <signal.h>

int inherited(int fd)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    show_names("after exec", fd);
    OPTION(fd, SOL_SOCKET, SO_DOMAIN);
    TRY(send(fd, "from exec", 9, 0));
    return 0;
}

static void duplicates(void)
{
    int client, server;
    stream_pair(&client, &server);
    int copy = FD(dup(client));
    TRY(close(client));
    show_names("of the copy", copy);
    TRY(send(copy, "by the copy", 11, 0));
    settle();
    show_recv("by the server", server, 20, 0);
    show_poll("while a copy is open", server);
    int moved = MUST(dup2(copy, 200));
    MUST(close(copy));
    show_names("moved", moved);
    MUST(set_int(moved, IPPROTO_TCP, TCP_NODELAY, 1));
    OPTION(moved, IPPROTO_TCP, TCP_NODELAY);
    MUST(close(moved));
    settle();
    show_poll("when the last is closed", server);
}

static void copy_made_fresh(void)
{
    int fd = listener(4), client = stream_socket(), copy = MUST(dup(client));
    struct sockaddr_storage address = loopback(port_of(fd));
    TRY(connect(client, ADDRESS(address)));
    show_poll("of a copy made before connect", copy);
    TRY(send(copy, "x", 1, 0));
    int listening = stream_socket(), listening_copy = MUST(dup(listening));
    MUST(listen(listening, 4));
    connected_to(listening);
    FD(accept(listening_copy, NULL, NULL));
}

static void child_serves(int fd)
{
    int server = MUST(accept(fd, NULL, NULL));
    MUST((int)send(server, "from the child", 14, 0));
}

static void forked_server(void)
{
    int fd = listener(4);
    later(0, child_serves, fd);
    later(0, child_serves, fd);
    int one = connected_to(fd), two = connected_to(fd);
    show_recv("first", one, 20, MSG_WAITALL);
    show_recv("second", two, 20, MSG_WAITALL);
    while (wait(NULL) > 0)
        ;
    show_poll("when the children are gone", one);
}

static void hold_open(int fd)
{
    (void)fd;
    usleep(300000);
}

static void child_holds(void)
{
    int client, server;
    stream_pair(&client, &server);
    later(0, hold_open, client);
    usleep(50000);
    MUST(close(client));
    settle();
    show_poll("while the child holds it", server);
    while (wait(NULL) > 0)
        ;
    settle();
    show_poll("when the child is gone", server);
}

static void killed(void)
{
    int client, server;
    stream_pair(&client, &server);
    pid_t pid = later(0, hold_open, client);
    MUST(close(client));
    MUST(kill(pid, SIGKILL));
    settle();
    show_poll("when the only holder was killed", server);
    show_recv("then", server, 1, 0);
}

static void executed(void)
{
    int client, server;
    stream_pair(&client, &server);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        char number[16];
        snprintf(number, sizeof number, "%d", client);
        execl("/proc/self/exe", "differ", "--inherited", number, NULL);
        _exit(127);
    }
    MUST(close(client));
    MUST(waitpid(pid, NULL, 0));
    settle();
    show_recv("by the server", server, 20, 0);
    show_recv("then", server, 20, 0);
}

static void closed_on_exec(void)
{
    int fd = listener(4), client = MUST(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    struct sockaddr_storage address = loopback(port_of(fd));
    MUST(connect(client, ADDRESS(address)));
    int server = MUST(accept(fd, NULL, NULL));
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/sleep", "sleep", "0.3", NULL);
        _exit(127);
    }
    usleep(100000);
    MUST(close(client));
    settle();
    show_poll("while the other program runs", server);
    MUST(waitpid(pid, NULL, 0));
}

static void passed(void)
{
    int client, server, pair[2], got = -1;
    char byte, control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec io = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    stream_pair(&client, &server);
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    *c = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(c), &client, sizeof client);
    TRY(sendmsg(pair[0], &message, 0));
    MUST(close(client));
    TRY(recvmsg(pair[1], &message, 0));
    memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof got);
    show_names("of the passed", got);
    TRY(send(got, "x", 1, 0));
    show_recv("by the server", server, 10, 0);
}

/* A blocking call and a signal that comes meanwhile. Calls are repeated for each family of traps.
 */
static void interrupted(int flags)
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    char byte;
    int fd = listener(4), datagram = bound_datagram(), client, server;
    struct iovec io = {&byte, 1};
    struct msghdr message = {.msg_iov = &io, .msg_iovlen = 1};
    stream_pair(&client, &server);
    signal_in(SIGUSR1, flags, 150);
    FD(accept(fd, NULL, NULL));
    signal_in(SIGUSR1, flags, 150);
    FD(accept(fd, (struct sockaddr *)&peer, &length));
    signal_in(SIGUSR1, flags, 150);
    TRY(recv(server, &byte, 1, 0));
    signal_in(SIGUSR1, flags, 150);
    TRY(recvmsg(server, &message, 0));
    signal_in(SIGUSR1, flags, 150);
    TRY(recvfrom(datagram, &byte, 1, 0, (struct sockaddr *)&peer, &length));
    signal_in(SIGUSR1, flags, 150);
    TRY(recvmsg(datagram, &message, 0));
    signal_in(SIGUSR1, flags, 150);
    TRY(poll(&(struct pollfd){.fd = server, .events = POLLIN}, 1, 3000));
}

static void interrupted_once(void)
{
    interrupted(0);
}

static void connect_later(int fd)
{
    connected_to(fd);
}

static void send_byte_later(int fd)
{
    MUST((int)send(fd, "r", 1, 0));
}

static void send_datagram_later(int fd)
{
    struct sockaddr_storage address = loopback(port_of(fd));
    MUST((int)sendto(datagram_socket(), "d", 1, 0, ADDRESS(address)));
}

static void restarted(void)
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    char byte;
    int fd = listener(4), datagram = bound_datagram(), client, server;
    struct iovec io = {&byte, 1};
    struct msghdr message = {.msg_iov = &io, .msg_iovlen = 1};
    stream_pair(&client, &server);
    later(300, connect_later, fd);
    signal_in(SIGUSR1, SA_RESTART, 100);
    FD(accept(fd, (struct sockaddr *)&peer, &length));
    later(300, connect_later, fd);
    signal_in(SIGUSR1, SA_RESTART, 100);
    FD(accept(fd, NULL, NULL));
    later(300, send_byte_later, client);
    signal_in(SIGUSR1, SA_RESTART, 100);
    TRY(recv(server, &byte, 1, 0));
    later(300, send_datagram_later, datagram);
    signal_in(SIGUSR1, SA_RESTART, 100);
    TRY(recvfrom(datagram, &byte, 1, 0, (struct sockaddr *)&peer, &length));
    later(300, send_datagram_later, datagram);
    signal_in(SIGUSR1, SA_RESTART, 100);
    TRY(recvmsg(datagram, &message, 0));
}

/* With SO_RCVTIMEO a call is never restarted (signal(7)). */
static void timed_is_not_restarted(void)
{
    int fd = listener(4), datagram = bound_datagram();
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    char byte;
    struct timeval limit = {.tv_sec = 3};
    MUST(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
    MUST(setsockopt(datagram, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
    signal_in(SIGUSR1, SA_RESTART, 100);
    FD(accept(fd, (struct sockaddr *)&peer, &length));
    signal_in(SIGUSR1, SA_RESTART, 100);
    TRY(recvfrom(datagram, &byte, 1, 0, (struct sockaddr *)&peer, &length));
}

/* No room in the backlog: connect() waits, and a signal ends the waiting but not the connecting. */
static void connect_interrupted(void)
{
    int fd = listener(0), full[3];
    struct sockaddr_storage address = loopback(port_of(fd));
    for (int i = 0; i < 3; i++) {
        full[i] = stream_socket();
        set_nonblocking(full[i]);
        if (connect(full[i], ADDRESS(address)) < 0 && errno != EINPROGRESS)
            say("filling: %s", errno_name(errno));
    }
    settle();
    int client = stream_socket();
    signal_in(SIGUSR1, 0, 150);
    TRY(connect(client, ADDRESS(address)));
    TRY(connect(client, (struct sockaddr *)&address, 1));
    show_poll("while connecting", client);
    struct timeval limit = {.tv_usec = 150000};
    int timed = stream_socket();
    MUST(setsockopt(timed, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit));
    TRY(connect(timed, ADDRESS(address)));
    set_nonblocking(timed);
    TRY(connect(timed, ADDRESS(address)));
}

static void *accept_in_thread(void *fd)
{
    int got = accept(*(int *)fd, NULL, NULL);
    return (void *)(intptr_t)(got >= 0 ? 0 : errno);
}

static void shutdown_wakes_accept(void)
{
    int fd = listener(4);
    pthread_t thread;
    void *error;
    pthread_create(&thread, NULL, accept_in_thread, &fd);
    usleep(100000);
    TRY(shutdown(fd, SHUT_RDWR));
    pthread_join(thread, &error);
    say("accept in the thread: %s", errno_name((int)(intptr_t)error));
}

static void *recv_in_thread(void *fd)
{
    char byte;
    ssize_t n = recv(*(int *)fd, &byte, 1, 0);
    return (void *)(intptr_t)(n >= 0 ? n : -errno);
}

static void shutdown_wakes_recv(void)
{
    int client, server;
    pthread_t thread;
    void *value;
    stream_pair(&client, &server);
    pthread_create(&thread, NULL, recv_in_thread, &client);
    usleep(100000);
    TRY(shutdown(client, SHUT_RDWR));
    pthread_join(thread, &value);
    say("recv in the thread: %ld", (long)(intptr_t)value);
}

static void threads_share(void)
{
    int fd = listener(8);
    pthread_t threads[4];
    int accepted = 0;
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, accept_in_thread, &fd);
    usleep(50000);
    for (int i = 0; i < 4; i++)
        connected_to(fd);
    for (int i = 0; i < 4; i++) {
        void *error;
        pthread_join(threads[i], &error);
        accepted += error == NULL;
    }
    say("accepted by threads %d", accepted);
}

static void *accept_address_in_thread(void *fd)
{
    struct sockaddr_storage from;
    int got = accept(*(int *)fd, (struct sockaddr *)&from, &(socklen_t){sizeof from});
    return (void *)(intptr_t)(got >= 0 ? 0 : errno);
}

static void show_accepted(const char *what, int fd, pthread_t thread)
{
    void *error;
    connected_to(fd);
    pthread_join(thread, &error);
    say("%s: %s", what, errno_name((int)(intptr_t)error));
}

static void handled(int signal)
{
    (void)signal;
}

/* What nobody handles, and the first thread blocks as system(3) does, disturbs no other thread. */
static void child_ends_while_blocked(void)
{
    int fd = listener(4);
    pthread_t thread;
    sigset_t set;
    pthread_create(&thread, NULL, accept_address_in_thread, &fd);
    usleep(50000);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    MUST(sigprocmask(SIG_BLOCK, &set, NULL));
    pid_t pid = MUST(fork());
    if (pid == 0)
        _exit(0);
    MUST(waitpid(pid, NULL, 0));
    usleep(200000);
    show_accepted("accept in the thread", fd, thread);
}

/* A signal is the first thread's, also if that one is too busy to take it: waits in vfork(2). */
static void first_is_busy(void)
{
    int fd = listener(4);
    pthread_t thread;
    MUST(sigaction(SIGUSR1, &(struct sigaction){.sa_handler = handled}, NULL));
    pthread_create(&thread, NULL, accept_address_in_thread, &fd);
    usleep(50000);
    pid_t pid = MUST(vfork());
    if (pid == 0) {
        kill(getppid(), SIGUSR1);
        usleep(200000);
        _exit(0);
    }
    MUST(waitpid(pid, NULL, 0));
    show_accepted("accept in the thread", fd, thread);
}

/* One that the first thread blocks disturbs one of the others. */
static void one_is_interrupted(void)
{
    int fd = listener(4), interrupted = 0;
    pthread_t threads[3];
    sigset_t set;
    MUST(sigaction(SIGUSR1, &(struct sigaction){.sa_handler = handled}, NULL));
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, accept_address_in_thread, &fd);
    usleep(50000);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    MUST(sigprocmask(SIG_BLOCK, &set, NULL));
    MUST(kill(getpid(), SIGUSR1));
    usleep(300000);
    for (int i = 0; i < 3; i++)
        connected_to(fd);
    for (int i = 0; i < 3; i++) {
        void *error;
        pthread_join(threads[i], &error);
        interrupted += (int)(intptr_t)error == EINTR;
    }
    say("interrupted %d of 3", interrupted);
}

static void killed_while_blocked(void)
{
    int fd = listener(4);
    pid_t pid = later(0, child_serves, fd);
    usleep(100000);
    TRY(kill(pid, SIGKILL));
    MUST(waitpid(pid, NULL, 0));
    int client = connected_to(fd);
    set_nonblocking(fd);
    settle();
    FD(accept(fd, NULL, NULL));
    TRY(send(client, "x", 1, 0));
}

const struct scenario process_scenarios[] = {
    {"duplicates", duplicates, BOTH},
    {"copy-made-fresh", copy_made_fresh, BOTH},
    {"forked-server", forked_server, BOTH},
    {"child-holds", child_holds, BOTH},
    {"holder-killed", killed, BOTH},
    {"executed", executed, BOTH},
    {"closed-on-exec", closed_on_exec, BOTH},
    {"passed-descriptor", passed, BOTH},
    {"interrupted", interrupted_once, BOTH},
    {"restarted", restarted, BOTH},
    {"timed-is-not-restarted", timed_is_not_restarted, BOTH},
    {"connect-interrupted", connect_interrupted, BOTH},
    {"shutdown-wakes-accept", shutdown_wakes_accept, BOTH},
    {"shutdown-wakes-recv", shutdown_wakes_recv, BOTH},
    {"threads-share-a-listener", threads_share, BOTH},
    {"thread-not-interrupted", child_ends_while_blocked, BOTH},
    {"thread-is-not-first", first_is_busy, BOTH},
    {"one-thread-interrupted", one_is_interrupted, BOTH},
    {"killed-while-blocked", killed_while_blocked, BOTH},
    {NULL, NULL, 0}};
