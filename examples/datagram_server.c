/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * datagram_server [ADDRESS [PORT [CLIENTS]]]: answers datagrams (UDP).
 *
 * The server's side without connections: socket, bind, recvfrom, sendto, close. Nothing is listened
 * to and nobody is accepted: one socket hears every client, and each datagram says whom it is from.
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
 * "::1", and "7000"), so getaddrinfo() only translates: it asks nobody. */
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
    /* socket: SOCK_DGRAM asks for messages instead of a row of bytes. */
    int fd = socket(address->ai_family, SOCK_DGRAM, 0);
    if (fd < 0)
        die("socket");

    /* bind: the address and port at which clients will look for us. That is all a datagram server
     * needs: from here on, what arrives at the port waits in the socket's queue. */
    if (bind(fd, address->ai_addr, address->ai_addrlen) < 0)
        die("bind");
    return fd;
}

int main(int argc, char **argv)
{
    const char *host = argc > 1 ? argv[1] : "127.0.0.1";
    const char *port = argc > 2 ? argv[2] : "7000";
    int clients = argc > 3 ? atoi(argv[3]) : 1;

    setvbuf(stdout, NULL, _IOLBF, 0); /* each line when it is written, also into a pipe */
    struct addrinfo *address = address_of(host, port);
    int fd = open_socket(address);
    freeaddrinfo(address);
    printf("server: waiting at %s port %s\n", host, port);

    for (int i = 0; i < clients; i++) {
        /* recvfrom: one call takes one datagram, whole, as it was sent: boundaries are kept. The
         * sender's address comes along. (What does not fit in the buffer would be cut off.) */
        char greeting[512];
        struct sockaddr_storage peer;
        socklen_t peer_length = sizeof peer;
        ssize_t length =
            recvfrom(fd, greeting, sizeof greeting, 0, (struct sockaddr *)&peer, &peer_length);
        if (length < 0)
            die("recvfrom");

        char peer_host[64], peer_port[16];
        getnameinfo((struct sockaddr *)&peer, peer_length, peer_host, sizeof peer_host, peer_port,
                    sizeof peer_port, NI_NUMERICHOST | NI_NUMERICSERV);
        printf("server: received %zd bytes from %s port %s: %.*s\n", length, peer_host, peer_port,
               (int)length, greeting);

        /* sendto: one call sends one datagram, to the address given. No connection stands behind
         * it: if it gets lost on the way, nobody is told. */
        char answer[600];
        int answer_length =
            snprintf(answer, sizeof answer, "Good day, and thank you for your %zd bytes.", length);
        if (sendto(fd, answer, (size_t)answer_length, 0, (struct sockaddr *)&peer, peer_length) < 0)
            die("sendto");
    }

    /* close: the port is free again at once. There is no conversation to end. */
    close(fd);
    return 0;
}
