/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The slower ways of asking whether a socket still has a holder: the kernel's table of unix sockets
 * (sock_diag(7), NETLINK_SOCK_DIAG), and every process' descriptors in /proc.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/run.h"
#include "run/standin/alive.h"

static bool in_table(int fd, ino_t ino)
{
    struct {
        struct nlmsghdr head;
        struct unix_diag_req body;
    } ask = {
        .head = {.nlmsg_len = sizeof(ask),
                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                 .nlmsg_flags = NLM_F_REQUEST},
        .body = {.sdiag_family = AF_UNIX, .udiag_states = ~0U, .udiag_ino = (uint32_t)ino},
    };
    union {
        struct nlmsghdr head;
        char bytes[512];
    } reply;

    ask.body.udiag_cookie[0] = ask.body.udiag_cookie[1] = ~0U; /* any */
    return send(fd, &ask, sizeof(ask), 0) == (ssize_t)sizeof(ask) &&
           recv(fd, &reply, sizeof(reply), 0) >= (ssize_t)sizeof(reply.head) &&
           reply.head.nlmsg_type == SOCK_DIAG_BY_FAMILY;
}

/* A kernel without that table (CONFIG_UNIX_DIAG) says of each socket that there is no such: so it
 * is asked for one that there is. */
int alive_open_table(int known_fd)
{
    struct stat known;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

    if (fd >= 0 && (fstat(known_fd, &known) < 0 || !in_table(fd, known.st_ino))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

bool alive_in_kernel(struct run *run, ino_t ino)
{
    return run->diag_fd >= 0 ? in_table(run->diag_fd, ino) : alive_held_by_program(run, ino);
}

static bool is_number(const char *text)
{
    return isdigit((unsigned char)*text) != 0;
}

/* Whether a process has the socket open. */
static bool process_holds(const char *pid, const char *wanted)
{
    char path[300], link[64];
    bool found = false;

    snprintf(path, sizeof(path), "/proc/%s/fd", pid);
    DIR *dir = opendir(path);
    if (dir == NULL)
        return false;
    for (struct dirent *e; !found && (e = readdir(dir)) != NULL;) {
        if (!is_number(e->d_name))
            continue;
        ssize_t n = readlinkat(dirfd(dir), e->d_name, link, sizeof(link) - 1);
        if (n > 0) {
            link[n] = '\0';
            found = strcmp(link, wanted) == 0;
        }
    }
    closedir(dir);
    return found;
}

bool alive_held_by_program(struct run *run, ino_t ino)
{
    char wanted[64], self[32];
    bool found = false;

    (void)run;
    snprintf(wanted, sizeof(wanted), "socket:[%lu]", (unsigned long)ino);
    snprintf(self, sizeof(self), "%d", (int)getpid());
    DIR *proc = opendir("/proc");
    if (proc == NULL)
        return true; /* cannot tell */
    for (struct dirent *e; !found && (e = readdir(proc)) != NULL;)
        if (is_number(e->d_name) && strcmp(e->d_name, self) != 0)
            found = process_holds(e->d_name, wanted);
    closedir(proc);
    return found;
}
