/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * echo_server fork|thread ADDRESS PORT: returns to each client what it sends, a process or a thread
 * for each. Prints "ready" when it listens.
 */
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *step)
{
    perror(step);
    exit(1);
}

static int open_listener(const char *host, const char *port)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *address;
    if (getaddrinfo(host, port, &hints, &address) != 0)
        die("getaddrinfo");
    int fd = socket(address->ai_family, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, address->ai_addr, address->ai_addrlen) < 0 || listen(fd, 128) < 0)
        die("listener");
    freeaddrinfo(address);
    return fd;
}

static void echo(int client)
{
    char block[32768];
    ssize_t n;
    while ((n = read(client, block, sizeof block)) > 0)
        for (ssize_t done = 0; done < n;) {
            ssize_t written = write(client, block + done, (size_t)(n - done));
            if (written < 0)
                die("write");
            done += written;
        }
    close(client);
}

static void *echo_thread(void *client)
{
    echo((int)(intptr_t)client);
    return NULL;
}

static void serve(int listener, int threads)
{
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client < 0)
            die("accept");
        if (threads) {
            pthread_t thread;
            if (pthread_create(&thread, NULL, echo_thread, (void *)(intptr_t)client) != 0)
                die("pthread_create");
            pthread_detach(thread);
            continue;
        }
        pid_t pid = fork();
        if (pid < 0)
            die("fork");
        if (pid == 0) {
            close(listener);
            echo(client);
            _exit(0);
        }
        close(client);
    }
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fputs("echo_server fork|thread ADDRESS PORT\n", stderr);
        return 2;
    }
    signal(SIGCHLD, SIG_IGN);
    int listener = open_listener(argv[2], argv[3]);
    puts("ready");
    fflush(stdout);
    serve(listener, strcmp(argv[1], "thread") == 0);
}
