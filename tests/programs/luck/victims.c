/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * victims SEED: a server, clients and datagrams in processes of their own, of which one after the
 * other is killed at a moment of the seed's choice; at last all of them. Ends with status 7,
 * whatever they met.
 */
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    PROCESSES = 5,
    KILLS = 6,
    STATUS = 7,
    MOST_US = 8000,
    STREAM_PORT = 5000,
    DGRAM_PORT = 5001
};

static unsigned state;

static unsigned below(unsigned n)
{
    state = state * 1664525U + 1013904223U;
    return (state >> 8) % n;
}

static struct sockaddr_in at(int port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return in;
}

/* The owner of the port may have been killed a moment ago. */
static int listener(void)
{
    struct sockaddr_in in = at(STREAM_PORT);
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    while (bind(fd, (struct sockaddr *)&in, sizeof(in)) < 0 || listen(fd, 5) < 0)
        usleep(500);
    return fd;
}

static void *echo(void *arg)
{
    int fd = (int)(long)arg;
    char data[4096];
    ssize_t n;
    while ((n = recv(fd, data, sizeof(data), 0)) > 0)
        send(fd, data, (size_t)n, MSG_NOSIGNAL);
    close(fd);
    return NULL;
}

static void serve(void)
{
    int fd = listener();
    for (;;) {
        pthread_t thread;
        int conn = accept(fd, NULL, NULL);
        if (conn >= 0 && pthread_create(&thread, NULL, echo, (void *)(long)conn) == 0)
            pthread_detach(thread);
    }
}

static void talk(void)
{
    static char data[4096];
    for (;;) {
        struct sockaddr_in in = at(STREAM_PORT);
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(fd, (struct sockaddr *)&in, sizeof(in)) == 0)
            for (unsigned n = below(20); n > 0; n--)
                if (send(fd, data, 1 + below(sizeof(data)), MSG_NOSIGNAL) < 0 ||
                    recv(fd, data, sizeof(data), 0) <= 0)
                    break;
        close(fd);
    }
}

/* Blocked in a call that is held, most of the time. */
static void datagrams(int hear)
{
    struct sockaddr_in in = at(DGRAM_PORT);
    char data[1000] = {0};
    for (;;) {
        int fd = socket(AF_INET, SOCK_DGRAM, 0);
        socklen_t len = sizeof(in);
        if (hear && bind(fd, (struct sockaddr *)&in, sizeof(in)) == 0) {
            for (;;)
                recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&in, &len);
        }
        for (unsigned n = below(50); n > 0; n--)
            sendto(fd, data, below(sizeof(data)), 0, (struct sockaddr *)&in, sizeof(in));
        close(fd);
    }
}

static pid_t start(int which)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    state += (unsigned)which * 7919U;
    signal(SIGTERM, SIG_DFL);
    if (which == 0)
        serve();
    else if (which < 3)
        talk();
    else
        datagrams(which == 3);
    _exit(0);
}

int main(int argc, char **argv)
{
    static const int signals[] = {SIGKILL, SIGTERM, SIGSTOP};
    pid_t pids[PROCESSES];

    state = argc > 1 ? (unsigned)atoi(argv[1]) : 0;
    for (int i = 0; i < PROCESSES; i++)
        pids[i] = start(i);
    for (int i = 0; i < KILLS; i++) {
        unsigned victim = below(PROCESSES), how = below(3);
        usleep(below(MOST_US));
        kill(pids[victim], signals[how]);
        usleep(how == 2 ? below(2000) : 0);
        kill(pids[victim], SIGKILL);
        waitpid(pids[victim], NULL, 0);
        pids[victim] = start((int)victim);
    }
    usleep(below(MOST_US));
    if (below(2)) /* or they outlive us, and are ended by who watches over the run */
        for (int i = 0; i < PROCESSES; i++)
            kill(pids[i], SIGKILL);
    else
        for (int i = 0; i < PROCESSES; i++)
            kill(pids[i], SIGTERM);
    return STATUS;
}
