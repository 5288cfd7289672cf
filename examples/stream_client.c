/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stream_client [ADDRESS [PORT]]: greets stream_server and prints its answer.
 *
 * The client's side of a stream (TCP): socket, connect, send, shutdown, recv, close. There is no
 * bind: connect() gives the socket an address and a free port of this host by itself. Defaults:
 * 127.0.0.1, port 7000.
 */
#define _POSIX_C_SOURCE 200809L
#include <netdb.h>
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

/* The server's address and port, as connect() wants them. Both are numbers ("127.0.0.1" or "::1",
 * and "7000"), so getaddrinfo() only translates: it asks nobody. */
static struct addrinfo *address_of(const char *host, const char *port)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *address;
    int error = getaddrinfo(host, port, &hints, &address);
    if (error != 0) {
        fprintf(stderr, "%s port %s: %s\n", host, port, gai_strerror(error));
        exit(2);
    }
    return address;
}

static int connect_to(const struct addrinfo *address)
{
    /* socket: a file descriptor for our end of the conversation. */
    int fd = socket(address->ai_family, SOCK_STREAM, 0);
    if (fd < 0)
        die("socket");

    /* connect: agree with the server's host that there is a conversation. Three segments do it:
     * SYN, SYN-ACK, ACK. If nobody listens at that port, the host answers with a reset and
     * connect() fails with ECONNREFUSED, "Connection refused". */
    if (connect(fd, address->ai_addr, address->ai_addrlen) < 0)
        die("connect");
    return fd;
}

int main(int argc, char **argv)
{
    const char *host = argc > 1 ? argv[1] : "127.0.0.1";
    const char *port = argc > 2 ? argv[2] : "7000";

    setvbuf(stdout, NULL, _IOLBF, 0); /* each line when it is written, also into a pipe */
    struct addrinfo *address = address_of(host, port);
    int fd = connect_to(address);
    freeaddrinfo(address);

    /* send: hand bytes to the socket. send() returns as soon as they are queued; they travel, and
     * are sent again if they get lost, without our help. It may take only a part of what we offer.
     */
    static const char greeting[] = "Hello from the client.";
    size_t length = strlen(greeting);
    for (size_t sent = 0; sent < length;) {
        ssize_t n = send(fd, greeting + sent, length - sent, 0);
        if (n < 0)
            die("send");
        sent += (size_t)n;
    }
    printf("client: sent %zu bytes: %s\n", length, greeting);

    /* shutdown: say that we send no more. It closes one direction only, our own: the server's
     * recv() now returns 0 after the last byte, and we can still receive its answer. */
    if (shutdown(fd, SHUT_WR) < 0)
        die("shutdown");

    /* recv: read until 0, which means that the server has sent everything and closed. */
    char answer[512];
    size_t answer_length = 0;
    while (answer_length < sizeof answer) {
        ssize_t n = recv(fd, answer + answer_length, sizeof answer - answer_length, 0);
        if (n < 0)
            die("recv");
        if (n == 0)
            break;
        answer_length += (size_t)n;
    }
    printf("client: received %zu bytes: %.*s\n", answer_length, (int)answer_length, answer);

    /* close: give the descriptor back. Both directions are over, and so is the conversation. */
    close(fd);
    return 0;
}
