/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * call sockname|option [SECONDS]: one system call that is notified under `sockworks run`, over and
 * over; prints how many, the seconds they took, and the microseconds of one in the best hundred:
 * that hardly depends on what else the machine does.
 *
 * call bare [SECONDS]: the same of getppid(2) in a child whose seccomp filter notifies it, answered
 * by a parent that does nothing else (seccomp_unotify(2), SYNC_WAKE_UP where there is such): it
 * receives and answers, two calls, the least that any notified call costs on this machine, before
 * anybody looks at what it says.
 *
 * call polled [SECONDS]: the same, but the parent asks epoll(7) before each whether there is one,
 * as who has other descriptors to look after must.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS /* Linux 6.6 */
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

enum { BATCH = 100, LAST = 2 };

static void measure(void (*one)(int), int fd, double seconds)
{
    double start = now(), end = start, best = seconds;
    long calls = 0;
    while (end - start < seconds) {
        double before = end;
        for (int i = 0; i < BATCH; i++, calls++)
            one(fd);
        end = now();
        best = end - before < best ? end - before : best;
    }
    printf("%ld calls in %.6f s, %.3f us at best\n", calls, end - start, best / BATCH * 1e6);
    fflush(stdout);
}

static void ask_name(int fd)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        die("getsockname");
}

static void ask_option(int fd)
{
    int value;
    socklen_t length = sizeof value;
    if (getsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, &length) < 0)
        die("getsockopt");
}

static void ask_parent(int fd)
{
    (void)fd;
    if (syscall(SYS_getppid, 1) != 1)
        die("getppid");
}

static int notify_getppid(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof code[0], code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        die("no_new_privs");
    int fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
                          &program);
    if (fd < 0)
        die("seccomp");
    return fd;
}

/* The listener goes from the child to the parent over a pair. */
static void pass(int pair, int fd)
{
    char control[CMSG_SPACE(sizeof fd)] = "", byte = 0;
    struct iovec io = {&byte, 1};
    struct msghdr m = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    if (sendmsg(pair, &m, 0) != 1)
        die("sendmsg");
}

static int take(int pair)
{
    char control[CMSG_SPACE(sizeof(int))], byte;
    struct iovec io = {&byte, 1};
    struct msghdr m = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    int fd;
    if (recvmsg(pair, &m, 0) != 1 || CMSG_FIRSTHDR(&m) == NULL)
        die("recvmsg");
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
    return fd;
}

/* Until the child's last call: who waits for a notification is woken by no end of a process. */
static void answer(int listener, bool polls)
{
    struct epoll_event event = {.events = EPOLLIN};
    int set = polls ? epoll_create1(EPOLL_CLOEXEC) : -1;
    if (polls && (set < 0 || epoll_ctl(set, EPOLL_CTL_ADD, listener, &event) < 0))
        die("epoll");
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
    while (!polls || (epoll_wait(set, &event, 1, -1) == 1 && (event.events & EPOLLIN) != 0)) {
        struct seccomp_notif call;
        memset(&call, 0, sizeof call);
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
            continue;
        struct seccomp_notif_resp response = {.id = call.id, .val = 1};
        ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
        if (call.data.args[0] == LAST)
            break;
    }
    if (polls)
        close(set);
}

static void bare(double seconds, bool polls)
{
    int pair[2], status = 0;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        die("socketpair");
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        int listener = notify_getppid();
        pass(pair[1], listener);
        close(listener);
        measure(ask_parent, -1, seconds);
        syscall(SYS_getppid, LAST);
        exit(0);
    }
    close(pair[1]);
    answer(take(pair[0]), polls);
    if (waitpid(child, &status, 0) != child || status != 0)
        exit(1);
}

int main(int argc, char **argv)
{
    double seconds = argc > 2 ? atof(argv[2]) : 2;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (argc > 1 && strcmp(argv[1], "bare") == 0)
        bare(seconds, false);
    else if (argc > 1 && strcmp(argv[1], "polled") == 0)
        bare(seconds, true);
    else if (argc > 1 && strcmp(argv[1], "sockname") == 0)
        measure(ask_name, fd, seconds);
    else if (argc > 1 && strcmp(argv[1], "option") == 0)
        measure(ask_option, fd, seconds);
    else
        return fprintf(stderr, "call bare|polled|sockname|option [SECONDS]\n"), 2;
    return 0;
}
