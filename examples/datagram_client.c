/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * datagram_client [ADDRESS [PORT]]: greets datagram_server and prints its answer.
 *
 * The client's side without connections (UDP): socket, sendto, recvfrom, close. Datagrams may be
 * lost; whoever needs an answer has to wait for it, and ask again when it does not come. Defaults:
 * 127.0.0.1, port 7000.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static void die(const char *step)
{
    perror(step);
    exit(1);
}

/* The server's address and port, as sendto() wants them. Both are numbers ("127.0.0.1" or "::1",
 * and "7000"), so getaddrinfo() only translates: it asks nobody. */
static struct addrinfo *address_of(const char *host, const char *port)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = SOCK_DGRAM};
    struct addrinfo *address;
    int error = getaddrinfo(host, port, &hints, &address);
    if (error != 0) {
        fprintf(stderr, "%s port %s: %s\n", host, port, gai_strerror(error));
        exit(2);
    }
    return address;
}

static int open_socket(const struct addrinfo *address)
{
    /* socket: a file descriptor for sending and receiving messages. There is no bind: the first
     * sendto() gives the socket a free port of this host, to which answers come. */
    int fd = socket(address->ai_family, SOCK_DGRAM, 0);
    if (fd < 0)
        die("socket");

    /* Do not wait longer than a second for an answer: recvfrom() then fails with EAGAIN. */
    struct timeval patience = {.tv_sec = 1};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0)
        die("setsockopt");
    return fd;
}

int main(int argc, char **argv)
{
    const char *host = argc > 1 ? argv[1] : "127.0.0.1";
    const char *port = argc > 2 ? argv[2] : "7000";
    enum { ATTEMPTS = 5 };

    setvbuf(stdout, NULL, _IOLBF, 0); /* each line when it is written, also into a pipe */
    struct addrinfo *address = address_of(host, port);
    int fd = open_socket(address);

    static const char greeting[] = "Hello from the client.";
    char answer[512];
    ssize_t length = -1;
    for (int attempt = 0; attempt < ATTEMPTS && length < 0; attempt++) {
        /* sendto: one call, one datagram, sent to the address given. It succeeds even if nobody is
         * there: no conversation was agreed on before. */
        if (sendto(fd, greeting, strlen(greeting), 0, address->ai_addr, address->ai_addrlen) < 0)
            die("sendto");
        printf("client: sent %zu bytes: %s\n", strlen(greeting), greeting);

        /* recvfrom: wait for one datagram, the answer. We could be told whom it is from; here it
         * can only be the server, and NULL says that we do not ask. */
        length = recvfrom(fd, answer, sizeof answer, 0, NULL, NULL);
        if (length < 0 && errno != EAGAIN)
            die("recvfrom");
    }
    freeaddrinfo(address);
    if (length < 0) {
        fprintf(stderr, "client: no answer to %d datagrams\n", ATTEMPTS);
        return 1;
    }
    printf("client: received %zd bytes: %.*s\n", length, (int)length, answer);

    /* close: the port is free again. The server is not told; there was no conversation to end. */
    close(fd);
    return 0;
}
