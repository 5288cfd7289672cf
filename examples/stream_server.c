/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stream_server [ADDRESS [PORT [CLIENTS]]]: greets stream (TCP) clients, one after the other.
 *
 * The server's side of a stream: socket, bind, listen, accept, recv, send, close. Plain POSIX, so
 * it runs on the kernel's sockets and, under `sockworks run`, on Sockworks', without being rebuilt.
 * Defaults: 127.0.0.1, port 7000, and one client, after which the program ends.
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

/* An address names a host and a port names an application on it. Both are numbers here ("127.0.0.1"
 * or
 * "::1", and "7000"), so getaddrinfo() only translates: it asks nobody. What it returns says which
 * family of addresses to make the socket for, AF_INET or AF_INET6, and holds the address to give
 * it. */
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

static int open_listener(const struct addrinfo *address)
{
    /* socket: a file descriptor for one end of a conversation to come. It has no address yet. */
    int listener = socket(address->ai_family, SOCK_STREAM, 0);
    if (listener < 0)
        die("socket");

    /* A connection that this port had a moment ago may still be remembered, in TIME-WAIT. It is no
     * reason to refuse the port to a server that starts again. */
    int on = 1;
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
        die("setsockopt");

    /* bind: give the socket the address and port at which clients will look for it. */
    if (bind(listener, address->ai_addr, address->ai_addrlen) < 0)
        die("bind");

    /* listen: from now on the host answers for this port. Up to 16 clients whose connections are
     * complete may wait in the queue until accept() takes them. */
    if (listen(listener, 16) < 0)
        die("listen");
    return listener;
}

static void serve(int client)
{
    char greeting[512];
    size_t length = 0;

    /* recv: a stream is a row of bytes, not of messages. What the client sent at once may arrive in
     * pieces, so we read on until recv() returns 0: the client has said that it sends no more. */
    for (;;) {
        ssize_t n = recv(client, greeting + length, sizeof greeting - length, 0);
        if (n < 0)
            die("recv");
        if (n == 0)
            break;
        length += (size_t)n;
        if (length == sizeof greeting)
            break;
    }
    printf("server: received %zu bytes: %.*s\n", length, (int)length, greeting);

    /* send: both directions are independent. The client's is over; ours is still open. Like recv(),
     * send() may take fewer bytes than it is offered: go on with the rest. */
    char answer[600];
    int answer_length =
        snprintf(answer, sizeof answer, "Good day, and thank you for your %zu bytes.", length);
    for (size_t sent = 0; sent < (size_t)answer_length;) {
        ssize_t n = send(client, answer + sent, (size_t)answer_length - sent, 0);
        if (n < 0)
            die("send");
        sent += (size_t)n;
    }
}

int main(int argc, char **argv)
{
    const char *host = argc > 1 ? argv[1] : "127.0.0.1";
    const char *port = argc > 2 ? argv[2] : "7000";
    int clients = argc > 3 ? atoi(argv[3]) : 1;

    setvbuf(stdout, NULL, _IOLBF, 0); /* each line when it is written, also into a pipe */
    struct addrinfo *address = address_of(host, port);
    int listener = open_listener(address);
    freeaddrinfo(address);
    printf("server: listening on %s port %s\n", host, port);

    for (int i = 0; i < clients; i++) {
        /* accept: wait for a client. It returns a new socket, for this conversation alone; the
         * listener stays what it was and can accept the next one. The peer's address comes along:
         * the client did not choose its port, its host did. */
        struct sockaddr_storage peer;
        socklen_t peer_length = sizeof peer;
        int client = accept(listener, (struct sockaddr *)&peer, &peer_length);
        if (client < 0)
            die("accept");

        char peer_host[64], peer_port[16];
        getnameinfo((struct sockaddr *)&peer, peer_length, peer_host, sizeof peer_host, peer_port,
                    sizeof peer_port, NI_NUMERICHOST | NI_NUMERICSERV);
        printf("server: accepted a client at %s port %s\n", peer_host, peer_port);

        serve(client);

        /* close: the last descriptor of a socket ends its conversation. The client's recv() returns
         * 0 once it has read what we sent. */
        close(client);
    }
    close(listener);
    return 0;
}
