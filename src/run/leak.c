/* SPDX-License-Identifier: BSD-2-Clause */
/* Looks for internet sockets of the kernel among the descriptors of the run (leak.h). */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run/leak.h"
#include "run/start/guard.h"

struct look {
    struct run *run;
    unsigned descriptors, processes, held;
    unsigned long *inodes; /* of sockets that could not be asked */
    size_t n, cap;
    char net[64]; /* the network whose tables were searched last */
};

static void add_inode(struct look *look, unsigned long inode)
{
    if (look->n == look->cap) {
        size_t cap = look->cap != 0 ? look->cap * 2 : 64;
        unsigned long *more = realloc(look->inodes, cap * sizeof(*more));
        if (more == NULL)
            return;
        look->inodes = more;
        look->cap = cap;
    }
    look->inodes[look->n++] = inode;
}

/* Asks the socket itself: 1 or 0, or -1 if it cannot be fetched. */
static int is_internet(struct run *run, pid_t pid, int fd)
{
    int domain = 0;
    socklen_t len = sizeof(domain);
    int copy = run->keep_dups ? -1 : fetch_fd(run, pid, fd);
    if (copy < 0)
        return -1;
    if (getsockopt(copy, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0)
        domain = 0;
    close(copy);
    return domain == AF_INET || domain == AF_INET6;
}

static void look_at_descriptors(struct look *look, pid_t pid)
{
    char path[300], link[64];
    unsigned long inode;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    DIR *dir = opendir(path);
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        look->descriptors++;
        ssize_t n = readlinkat(dirfd(dir), e->d_name, link, sizeof(link) - 1);
        link[n > 0 ? n : 0] = '\0';
        if (sscanf(link, "socket:[%lu]", &inode) != 1)
            continue;
        int internet = is_internet(look->run, pid, atoi(e->d_name));
        if (internet > 0)
            look->held++;
        else if (internet < 0)
            add_inode(look, inode);
    }
    if (dir != NULL)
        closedir(dir);
}

static int by_value(const void *a, const void *b)
{
    unsigned long x = *(const unsigned long *)a, y = *(const unsigned long *)b;
    return (x > y) - (x < y);
}

/* One of the kernel's tables: the inode is the tenth word of a line. */
static void search_table(struct look *look, const char *path)
{
    char line[512];
    unsigned long inode;
    FILE *file = fopen(path, "re");

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "%*s %*s %*s %*s %*s %*s %*s %*s %*s %lu", &inode) == 1 && inode != 0 &&
            bsearch(&inode, look->inodes, look->n, sizeof(inode), by_value) != NULL)
            look->held++;
    }
    if (file != NULL)
        fclose(file);
}

static void search_tables(struct look *look, pid_t pid)
{
    static const char *const tables[] = {"tcp",      "tcp6", "udp",  "udp6", "udplite",
                                         "udplite6", "raw",  "raw6", "icmp", "icmp6"};
    char path[64], net[sizeof(look->net)];

    snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
    ssize_t n = readlink(path, net, sizeof(net) - 1);
    net[n > 0 ? n : 0] = '\0';
    if (n > 0 && strcmp(net, look->net) == 0)
        return;
    memcpy(look->net, net, sizeof(net));
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        snprintf(path, sizeof(path), "/proc/%d/net/%s", (int)pid, tables[i]);
        search_table(look, path);
    }
}

static void visit_descriptors(pid_t pid, void *ctx)
{
    struct look *look = ctx;
    look->processes++;
    look_at_descriptors(look, pid);
}

static void visit_tables(pid_t pid, void *ctx)
{
    search_tables(ctx, pid);
}

void leak_look(struct run *run, struct leak_report *report)
{
    struct look look = {.run = run};

    guard_each_below(getpid(), visit_descriptors, &look);
    if (look.n > 0) {
        qsort(look.inodes, look.n, sizeof(look.inodes[0]), by_value);
        guard_each_below(getpid(), visit_tables, &look);
    }
    free(look.inodes);
    report->looks++;
    report->held += look.held;
    if (look.descriptors > report->descriptors)
        report->descriptors = look.descriptors;
    if (look.processes > report->processes)
        report->processes = look.processes;
}
