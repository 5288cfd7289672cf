/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The least that a notified call costs on this machine: getppid(2) in a child whose seccomp filter
 * notifies it, answered by a parent that does nothing else (seccomp_unotify(2), SYNC_WAKE_UP where
 * there is such). Each word does one thing more than the one before it, as a supervisor must for
 * some calls:
 *
 *   bare     receives and answers: two system calls
 *   polled   asks epoll(7) before each whether there is one, as who has other descriptors must
 *   fetched  knows what socket it is about: fetches its descriptor, looks at it, closes it
 *   read     reads one place of the caller's memory: an address, a value
 *   written  writes the answer there
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "call_least.h"

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS /* Linux 6.6 */
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

enum depth { BARE, POLLED, FETCHED, READ, WRITTEN };
enum { ASKED = 1, LAST = 2 };

static void ask(int i)
{
    struct sockaddr_in address;
    socklen_t length = sizeof(address);

    (void)i; /* any descriptor will do */
    if (syscall(SYS_getppid, STDOUT_FILENO, &address, &length, ASKED) != 1)
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
    struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
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
    char control[CMSG_SPACE(sizeof(fd))] = "", byte = 0;
    struct iovec io = {&byte, 1};
    struct msghdr m = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(fd));
    memcpy(CMSG_DATA(c), &fd, sizeof(fd));
    if (sendmsg(pair, &m, 0) != 1)
        die("sendmsg");
}

static int take(int pair)
{
    char control[CMSG_SPACE(sizeof(int))], byte;
    struct iovec io = {&byte, 1};
    struct msghdr m = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    int fd;
    if (recvmsg(pair, &m, 0) != 1 || CMSG_FIRSTHDR(&m) == NULL)
        die("recvmsg");
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
    return fd;
}

/* What a supervisor does between the notification and its answer. */
static void look(const struct seccomp_notif *call, int pidfd, enum depth depth)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length;
    struct stat st;
    struct iovec mine[] = {{&address, sizeof(address)}, {&length, sizeof(length)}};
    struct iovec theirs[] = {{(void *)(uintptr_t)call->data.args[1], sizeof(address)},
                             {(void *)(uintptr_t)call->data.args[2], sizeof(length)}};

    int fd = (int)syscall(SYS_pidfd_getfd, pidfd, (int)call->data.args[0], 0);
    if (fd < 0 || fstat(fd, &st) < 0)
        die("pidfd_getfd");
    if (depth >= READ &&
        process_vm_readv((pid_t)call->pid, &mine[1], 1, &theirs[1], 1, 0) != sizeof(length))
        die("process_vm_readv");
    if (depth >= WRITTEN && process_vm_writev((pid_t)call->pid, mine, 2, theirs, 2, 0) !=
                                (ssize_t)(sizeof(address) + sizeof(length)))
        die("process_vm_writev");
    close(fd);
}

/* Until the child's last call: who waits for a notification is woken by no end of a process. */
static void answer(int listener, int pidfd, enum depth depth)
{
    struct epoll_event event = {.events = EPOLLIN};
    int set = epoll_create1(EPOLL_CLOEXEC);
    if (set < 0 || (depth >= POLLED && epoll_ctl(set, EPOLL_CTL_ADD, listener, &event) < 0))
        die("epoll");
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
    while (depth < POLLED ||
           (epoll_wait(set, &event, 1, -1) == 1 && (event.events & EPOLLIN) != 0)) {
        struct seccomp_notif call;
        memset(&call, 0, sizeof(call));
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
            continue;
        if (depth >= FETCHED && call.data.args[3] == ASKED)
            look(&call, pidfd, depth);
        struct seccomp_notif_resp response = {.id = call.id, .val = 1};
        ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
        if (call.data.args[3] == LAST)
            break;
    }
    close(set);
}

static void notified(enum depth depth, double seconds)
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
        measure(NULL, ask, NULL, seconds);
        syscall(SYS_getppid, STDOUT_FILENO, NULL, NULL, LAST);
        exit(0);
    }
    close(pair[1]);
    int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
    answer(take(pair[0]), pidfd, depth);
    close(pidfd);
    if (waitpid(child, &status, 0) != child || status != 0)
        exit(1);
}

bool least(const char *what, double seconds)
{
    static const char *const words[] = {"bare", "polled", "fetched", "read", "written"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(what, words[i]) == 0) {
            notified((enum depth)i, seconds);
            return true;
        }
    }
    return false;
}
