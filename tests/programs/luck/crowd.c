/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * crowd N: N connections to one server that waits with epoll, all at once; each sends, receives and
 * closes. The clients are processes of at most 4,000 each, so that nobody needs more descriptors
 * than he has.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PER_CLIENT = 4000, PORT = 5002, BACKLOG = 1024, EVENTS = 256, SECONDS = 300 };

static int fail(const char *what)
{
    fprintf(stderr, "crowd: %s: %s\n", what, strerror(errno));
    exit(1);
}

static struct sockaddr_in here(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return in;
}

static int client(int n, int ready, int go)
{
    struct sockaddr_in in = here();
    int *fds = malloc((size_t)n * sizeof(int));
    char byte = 'x';

    for (int i = 0; i < n; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        if (fds[i] < 0)
            fail("socket");
        if (connect(fds[i], (struct sockaddr *)&in, sizeof(in)) < 0)
            fail("connect");
    }
    if (write(ready, &byte, 1) != 1 || read(go, &byte, 1) != 1)
        fail("pipe");
    for (int i = 0; i < n; i++)
        if (send(fds[i], &i, sizeof(i), MSG_NOSIGNAL) != sizeof(i))
            fail("send");
    for (int i = 0; i < n; i++) {
        int got = -1;
        if (recv(fds[i], &got, sizeof(got), MSG_WAITALL) != sizeof(got) || got != i)
            fail("recv");
        close(fds[i]);
    }
    free(fds);
    return 0;
}

static int listen_here(int epoll)
{
    struct sockaddr_in in = here();
    struct epoll_event event = {.events = EPOLLIN};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    event.data.fd = fd;
    if (fd < 0 || bind(fd, (struct sockaddr *)&in, sizeof(in)) < 0 || listen(fd, BACKLOG) < 0 ||
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        fail("listen");
    return fd;
}

/* Echoes until `closed` connections have ended. Returns the most that there were at once. */
static int serve(int epoll, int listener, int n, int n_clients, int ready, int go)
{
    struct epoll_event events[EVENTS], event = {.events = EPOLLIN};
    int open = 0, most = 0, closed = 0;

    while (closed < n) {
        int k = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < k; i++) {
            int fd = events[i].data.fd, data;
            if (fd == listener) {
                while ((event.data.fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                    if (epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event) < 0)
                        fail("epoll_ctl");
                    open++;
                }
                if (errno != EAGAIN)
                    fail("accept");
                if (open > most)
                    most = open;
                continue;
            }
            ssize_t got = recv(fd, &data, sizeof(data), 0);
            if (got == sizeof(data) && send(fd, &data, sizeof(data), MSG_NOSIGNAL) == sizeof(data))
                continue;
            close(fd);
            open--;
            closed++;
        }
        char bytes[64];
        if (most == n && n_clients > 0) { /* all there at once: now they talk */
            for (int c = 0; c < n_clients; c++)
                if (read(ready, bytes, 1) != 1 || write(go, "g", 1) != 1)
                    fail("pipe");
            n_clients = 0;
        }
    }
    return most;
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 1000, ready[2], go[2], n_clients = 0, status, failed = 0;
    struct rlimit limit;

    alarm(SECONDS);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (pipe(ready) < 0 || pipe(go) < 0)
        fail("pipe");
    int epoll = epoll_create1(0), listener = listen_here(epoll);
    for (int left = n; left > 0; left -= PER_CLIENT, n_clients++)
        if (fork() == 0) {
            close(listener);
            _exit(client(left < PER_CLIENT ? left : PER_CLIENT, ready[1], go[0]));
        }
    int most = serve(epoll, listener, n, n_clients, ready[0], go[1]);
    while (wait(&status) > 0)
        failed += status != 0;
    printf("%d at once\n", most);
    return failed != 0;
}
