/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cps server|client ADDRESS PORT [SECONDS]: connections per second: connect, accept, one byte,
 * close, one after the other. The client prints their number and the seconds it took; the server
 * runs until it is ended.
 */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

static void serve(const struct addrinfo *address)
{
    int one = 1, listener = socket(address->ai_family, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, address->ai_addr, address->ai_addrlen) < 0 || listen(listener, 128) < 0)
        die("listen");
    puts("ready");
    fflush(stdout);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            die("accept");
        if (write(fd, "x", 1) != 1)
            die("write");
        close(fd);
    }
}

/* The client's close comes second, so that ports in TIME-WAIT are the server's, which has but one.
 */
static void connect_once(const struct addrinfo *address)
{
    char byte[2];
    int fd = socket(address->ai_family, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, address->ai_addr, address->ai_addrlen) < 0)
        die("connect");
    if (read(fd, byte, sizeof byte) != 1 || read(fd, byte, sizeof byte) != 0)
        die("read");
    close(fd);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fputs("cps server|client ADDRESS PORT [SECONDS]\n", stderr);
        return 2;
    }
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *address;
    if (getaddrinfo(argv[2], argv[3], &hints, &address) != 0)
        die("getaddrinfo");
    if (strcmp(argv[1], "server") == 0)
        serve(address);
    enum { BATCH = 10 };
    double seconds = argc > 4 ? atof(argv[4]) : 2, start = now(), end = start;
    long connections = 0;
    for (; end - start < seconds; end = now())
        for (int i = 0; i < BATCH; i++, connections++)
            connect_once(address);
    printf("%ld connections in %.6f s\n", connections, end - start);
    return 0;
}
