/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * open, openat: notified only with --proc-net, since the filter cannot look at names. The files of
 * /proc/net that tell of the run's network are answered with a file in memory, as it is at that
 * moment; all others are the kernel's. What is opened relative to a directory, or by openat2(), is
 * not looked at.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run/netlink/proc_net.h"

enum { NAME_MAX_BYTES = 48, PAGE_BYTES = 4096 };

/* What is there of a name, no further than its page goes at first. False: it cannot be read, or is
 * too long to be one of those. */
static bool read_name(struct run *run, pid_t tid, uint64_t at, char name[NAME_MAX_BYTES])
{
    size_t n = PAGE_BYTES - at % PAGE_BYTES;

    if (n > NAME_MAX_BYTES)
        n = NAME_MAX_BYTES;
    if (mem_read(run, tid, at, name, n) < 0)
        return false;
    if (memchr(name, '\0', n) != NULL)
        return true;
    return n < NAME_MAX_BYTES && mem_read(run, tid, at + n, name + n, NAME_MAX_BYTES - n) == 0 &&
           memchr(name, '\0', NAME_MAX_BYTES) != NULL;
}

/* The file of /proc/net that a name is, by whichever process it goes; NULL: it is none. */
static const char *in_proc_net(const char *name)
{
    static const char proc[] = "/proc/", net[] = "net/";
    static const char *const here[] = {"self/", "thread-self/"};

    if (strncmp(name, proc, sizeof(proc) - 1) != 0)
        return NULL;
    name += sizeof(proc) - 1;
    size_t digits = strspn(name, "0123456789");
    if (digits > 0 && name[digits] == '/')
        name += digits + 1;
    for (size_t i = 0; i < sizeof(here) / sizeof(here[0]); i++)
        if (strncmp(name, here[i], strlen(here[i])) == 0)
            name += strlen(here[i]);
    return strncmp(name, net, sizeof(net) - 1) == 0 ? name + sizeof(net) - 1 : NULL;
}

/* A file in memory with that text, to be read from its beginning; -1. */
static int file_of(const char *text, size_t len)
{
    char path[48];
    int fd = memfd_create("proc-net", MFD_CLOEXEC), to_read = -1;

    if (fd >= 0 && write(fd, text, len) == (ssize_t)len) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        to_read = open(path, O_RDONLY | O_CLOEXEC);
    }
    if (fd >= 0)
        close(fd);
    return to_read;
}

static int make_file(struct run *run, proc_net_fn *put)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (out == NULL)
        return -1;
    put(run, out);
    int fd = fclose(out) == 0 ? file_of(text, len) : -1;
    free(text);
    return fd;
}

void on_open(struct run *run, struct run_call *call)
{
    bool at = call->nr == SYS_openat; /* of open() there is only the name and the flags */
    uint64_t name_at = call->args[at ? 1 : 0];
    int flags = (int)call->args[at ? 2 : 1];
    char name[NAME_MAX_BYTES];
    const char *file = read_name(run, call->tid, name_at, name) ? in_proc_net(name) : NULL;
    proc_net_fn *put = file != NULL ? proc_net_find(file) : NULL;
    bool ours = put != NULL && (flags & O_ACCMODE) == O_RDONLY;

    if (ours)
        standins_sweep(run, true);
    int fd = ours ? make_file(run, put) : -1;
    if (fd < 0) {
        call_continue(run, call);
        return;
    }
    call_return_fd(run, call, fd, (flags & O_CLOEXEC) != 0);
    close(fd);
}
