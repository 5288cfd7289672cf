/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Does to a child of ours, once, all that the supervisor will do to the programs
 * (seccomp_unotify(2), process_vm_readv(2), proc(5), pidfd_getfd(2)), and notes what failed.
 *
 * The child shares our descriptor table until it has installed its filter: so the listener needs no
 * way across, and none of the calls under test is needed to test the others. Then it takes its own
 * table (so that descriptors put into it are not ours) and makes one call, getppid(), that the
 * filter hands to us. While it waits for the answer, its memory and descriptors are looked at.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/start/probe.h"

/* Newer than the headers of Debian 12. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

enum { PATIENCE_MS = 2000 };

/* What child and parent both see. */
struct shared {
    int listener; /* its number in the table that both still share */
    int no_new_privs, listener_errno, wait_killable;
    long result; /* of the call that was answered with a descriptor */
};

static const char secret[8] = "standin"; /* what is looked for in the child's memory */

static int positive_errno(bool ok)
{
    return ok ? 0 : errno != 0 ? errno : EIO;
}

/* A filter that hands getppid() to us. Returns the listener, or -1. */
static int install(unsigned long flags)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                        SECCOMP_FILTER_FLAG_NEW_LISTENER | flags, &program);
}

static void child_main(struct shared *shared, int ready_fd)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    shared->no_new_privs = positive_errno(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);

    shared->listener = install(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
    shared->wait_killable = positive_errno(shared->listener >= 0);
    if (shared->listener < 0 && errno == EINVAL)
        shared->listener = install(0);
    shared->listener_errno = positive_errno(shared->listener >= 0);

    bool told = write(ready_fd, "", 1) == 1;
    if (shared->listener >= 0 && told && unshare(CLONE_FILES) == 0)
        shared->result = syscall(SYS_getppid);
    _exit(0);
}

/* The child's memory and descriptors, while it waits for an answer. */
static void probe_access(struct run_probe *probe, pid_t pid, char *in_child, int fd)
{
    char buf[sizeof(secret)] = "", path[64], link[64];
    struct iovec mine = {buf, sizeof(buf)}, theirs = {in_child, sizeof(buf)};

    errno = 0;
    bool ok = process_vm_readv(pid, &mine, 1, &theirs, 1, 0) == (ssize_t)sizeof(buf) &&
              memcmp(buf, secret, sizeof(buf)) == 0 &&
              process_vm_writev(pid, &mine, 1, &theirs, 1, 0) == (ssize_t)sizeof(buf);
    probe->vm_readv = positive_errno(ok);

    errno = 0;
    snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
    int mem = open(path, O_RDWR | O_CLOEXEC);
    ok = mem >= 0 && pread(mem, buf, sizeof(buf), (off_t)(intptr_t)in_child) == sizeof(buf) &&
         memcmp(buf, secret, sizeof(buf)) == 0 &&
         pwrite(mem, buf, sizeof(buf), (off_t)(intptr_t)in_child) == sizeof(buf);
    probe->proc_mem = positive_errno(ok);
    if (mem >= 0)
        close(mem);

    errno = 0;
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    int copy = pidfd >= 0 ? (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0) : -1;
    probe->pidfd_getfd = positive_errno(copy >= 0);
    if (copy >= 0)
        close(copy);
    if (pidfd >= 0)
        close(pidfd);

    errno = 0;
    snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
    probe->proc_fd = positive_errno(readlink(path, link, sizeof(link)) > 0);
}

/* Answers the call with a descriptor: in one step, else in two. */
static void probe_addfd(struct run_probe *probe, int listener, uint64_t id, int fd)
{
    struct seccomp_notif_addfd add = {
        .id = id, .flags = SECCOMP_ADDFD_FLAG_SEND, .srcfd = (uint32_t)fd};
    int number = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
    probe->addfd = probe->addfd_send = positive_errno(number >= 0);
    if (number >= 0)
        return;
    add.flags = 0;
    number = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
    probe->addfd = positive_errno(number >= 0);
    struct seccomp_notif_resp answer = {.id = id, .val = number};
    if (number < 0)
        answer.error = -EPERM;
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

static void probe_listener(struct run_probe *probe, const struct shared *shared, pid_t pid,
                           char *in_child, int fd)
{
    struct seccomp_notif call = {0};
    struct pollfd wait_for = {.fd = shared->listener, .events = POLLIN};

    errno = 0;
    probe->sync_wake_up = positive_errno(ioctl(shared->listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS,
                                               SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP) == 0);
    errno = ETIMEDOUT;
    bool received = poll(&wait_for, 1, PATIENCE_MS) == 1 && (wait_for.revents & POLLIN) != 0 &&
                    ioctl(shared->listener, SECCOMP_IOCTL_NOTIF_RECV, &call) == 0;
    probe->receive = positive_errno(received);
    if (!received)
        return;
    probe_access(probe, pid, in_child, fd);
    probe_addfd(probe, shared->listener, call.id, fd);
}

/* Everything failed with the same errno: nothing could be tried. */
static void fail_all(struct run_probe *probe, int err)
{
    *probe = (struct run_probe){.no_new_privs = err,
                                .listener = err,
                                .wait_killable = err,
                                .sync_wake_up = err,
                                .receive = err,
                                .addfd = err,
                                .addfd_send = err,
                                .vm_readv = err,
                                .proc_mem = err,
                                .pidfd_getfd = err,
                                .proc_fd = err};
}

void run_probe_all(struct run_probe *ret_probe)
{
    static const size_t size = 4096;
    fail_all(ret_probe, ENOTSUP);
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int pipe_fds[2];
    if (memory == MAP_FAILED || pipe2(pipe_fds, O_CLOEXEC) < 0) {
        ret_probe->fork = errno;
        return;
    }
    struct shared *shared = memory;
    shared->listener = -1;
    char in_child[sizeof(secret)]; /* at the same address there: the child is a copy of us */
    memcpy(in_child, secret, sizeof(secret));
    __asm__ volatile("" : : "r"(in_child) : "memory");

    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0)
        child_main(shared, pipe_fds[1]);
    ret_probe->fork = positive_errno(pid > 0);
    if (pid > 0) {
        struct pollfd ready = {.fd = pipe_fds[0], .events = POLLIN};
        if (poll(&ready, 1, PATIENCE_MS) == 1) {
            ret_probe->no_new_privs = shared->no_new_privs;
            ret_probe->wait_killable = shared->wait_killable;
            ret_probe->listener = shared->listener_errno;
            if (shared->listener >= 0)
                probe_listener(ret_probe, shared, pid, in_child, pipe_fds[0]);
        }
        if (shared->listener >= 0)
            close(shared->listener);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    munmap(memory, size);
}

bool run_probe_enough(const struct run_probe *p, char *why, size_t size)
{
    const char *lacks = NULL;
    int err = 0;

    if (p->fork != 0) {
        lacks = "no child process can be made";
        err = p->fork;
    } else if (p->listener == EBUSY) {
        lacks = "a seccomp supervisor already watches this process (another sockworks run, or the "
                "container's), and Linux allows only one";
        err = EBUSY;
    } else if (p->listener != 0) {
        lacks = "the kernel gives no seccomp listener (Linux 5.9 or later needed; containers and "
                "gVisor may forbid it)";
        err = p->listener;
    } else if (p->receive != 0 || p->addfd != 0) {
        lacks = "seccomp notifications cannot be answered with a descriptor";
        err = p->receive != 0 ? p->receive : p->addfd;
    } else if (p->vm_readv != 0 && p->proc_mem != 0) {
        lacks = "a program's memory cannot be read (a container profile, or Yama's ptrace_scope)";
        err = p->vm_readv;
    } else if (p->proc_fd != 0) {
        lacks = "/proc/PID/fd of a program cannot be read";
        err = p->proc_fd;
    }
    if (lacks != NULL)
        snprintf(why, size, "%s: %s", lacks, run_errno_name(err));
    return lacks == NULL;
}

const char *run_errno_name(int err)
{
    const char *name = strerrorname_np(err);
    return name != NULL ? name : "unknown error";
}
