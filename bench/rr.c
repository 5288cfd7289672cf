/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rr server|client tcp|udp ADDRESS PORT [SECONDS [BYTES]]: round trips of one message, one after
 * the other. The client prints their number and the seconds it took. Plain POSIX: it runs on any
 * sockets.
 */
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

enum { BYTES_MAX = 65536 };

/* All of a message of a stream, or one datagram. False: the other side has ended. */
static bool receive(int fd, char *message, size_t size)
{
    for (size_t have = 0; have < size;) {
        ssize_t n = recv(fd, message + have, size - have, 0);
        if (n < 0)
            die("recv");
        if (n == 0)
            return false;
        have += (size_t)n;
    }
    return true;
}

static void transmit(int fd, const char *message, size_t size)
{
    if (send(fd, message, size, 0) != (ssize_t)size)
        die("send");
}

static void serve_stream(int listener, size_t size)
{
    static char message[BYTES_MAX];
    int one = 1, fd = accept(listener, NULL, NULL);
    if (fd < 0)
        die("accept");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    while (receive(fd, message, size))
        transmit(fd, message, size);
}

/* An empty datagram ends it. */
static void serve_datagrams(int fd)
{
    static char message[BYTES_MAX];
    for (;;) {
        struct sockaddr_storage peer;
        socklen_t length = sizeof peer;
        ssize_t n = recvfrom(fd, message, sizeof message, 0, (struct sockaddr *)&peer, &length);
        if (n < 0)
            die("recvfrom");
        if (n == 0)
            return;
        if (sendto(fd, message, (size_t)n, 0, (struct sockaddr *)&peer, length) != n)
            die("sendto");
    }
}

static void go_round(int fd, double seconds, size_t size)
{
    static char message[BYTES_MAX];
    enum { WARM_UP = 100, BATCH = 100 };
    long trips = 0;
    double start = 0, end = 0;
    for (long i = 0; i < WARM_UP; i++) {
        transmit(fd, message, size);
        if (!receive(fd, message, size))
            exit(1);
    }
    for (start = now(); end - start < seconds; end = now())
        for (int i = 0; i < BATCH; i++, trips++) {
            transmit(fd, message, size);
            if (!receive(fd, message, size))
                exit(1);
        }
    printf("%ld round trips in %.6f s\n", trips, end - start);
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fputs("rr server|client tcp|udp ADDRESS PORT [SECONDS [BYTES]]\n", stderr);
        return 2;
    }
    bool server = strcmp(argv[1], "server") == 0, stream = strcmp(argv[2], "tcp") == 0;
    double seconds = argc > 5 ? atof(argv[5]) : 2;
    size_t size = argc > 6 ? (size_t)atol(argv[6]) : 64;
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = stream ? SOCK_STREAM : SOCK_DGRAM};
    struct addrinfo *address = NULL;
    if (size > BYTES_MAX || getaddrinfo(argv[3], argv[4], &hints, &address) != 0)
        die("arguments");
    int one = 1, fd = socket(address->ai_family, address->ai_socktype, 0);
    if (fd < 0)
        die("socket");
    if (server) {
        if (bind(fd, address->ai_addr, address->ai_addrlen) < 0 || (stream && listen(fd, 1) < 0))
            die("bind");
        puts("ready");
        fflush(stdout);
        if (stream)
            serve_stream(fd, size);
        else
            serve_datagrams(fd);
        return 0;
    }
    if (connect(fd, address->ai_addr, address->ai_addrlen) < 0)
        die("connect");
    if (stream)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    go_round(fd, seconds, size);
    if (!stream)
        transmit(fd, "", 0);
    return 0;
}
