/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * small: a little of everything, each step of which may be told that memory or descriptors are used
 * up, and nothing else. Status 0: all went well; 1: a step was told so; 2: it was told, or got,
 * something else.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000 };

static int told;

static int ok(const char *what, long r)
{
    if (r >= 0)
        return 1;
    told = 1;
    if (errno != ENOMEM && errno != ENOBUFS && errno != ENFILE && errno != EMFILE) {
        printf("%s: %s\n", what, strerror(errno));
        exit(2);
    }
    exit(1);
}

static void wait_for(int fd, short what)
{
    struct pollfd p = {fd, what, 0};
    if (poll(&p, 1, PATIENCE_MS) != 1) {
        printf("nothing came in %d s\n", PATIENCE_MS / 1000);
        exit(2);
    }
}

static void streams(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(in);
    static char data[100000];
    int one = 1, s = socket(AF_INET, SOCK_STREAM, 0), c, d;

    ok("socket", s);
    ok("setsockopt", setsockopt(s, IPPROTO_IP, IP_TTL, &one, sizeof(one)));
    ok("bind", bind(s, (struct sockaddr *)&in, sizeof(in)));
    ok("listen", listen(s, 5));
    ok("getsockname", getsockname(s, (struct sockaddr *)&in, &len));
    ok("socket", c = socket(AF_INET, SOCK_STREAM, 0));
    ok("connect", connect(c, (struct sockaddr *)&in, sizeof(in)));
    wait_for(s, POLLIN);
    ok("accept", d = accept(s, (struct sockaddr *)&in, &len));
    for (size_t sent = 0; sent < sizeof(data);) {
        ssize_t n = send(c, data, sizeof(data) - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            sent += (size_t)n;
        } else if (errno != EAGAIN) {
            printf("send: %s\n", strerror(errno));
            exit(errno == EPIPE || errno == ECONNRESET ? 1
                                                       : 2); /* memory for it was not to be had */
        }
        wait_for(d, POLLIN);
        if (recv(d, data, sizeof(data), MSG_DONTWAIT) < 0 && errno != EAGAIN)
            exit(errno == ECONNRESET ? 1 : 2);
    }
    close(c);
    close(d);
    close(s);
}

static void datagrams(void)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    socklen_t len = sizeof(in6);
    char data[3000] = {0};
    int a = socket(AF_INET6, SOCK_DGRAM, 0), b;

    ok("socket", a);
    ok("bind", bind(a, (struct sockaddr *)&in6, sizeof(in6)));
    ok("getsockname", getsockname(a, (struct sockaddr *)&in6, &len));
    ok("socket", b = socket(AF_INET6, SOCK_DGRAM, 0));
    for (int i = 0; i < 20; i++) /* one may be lost: that is what datagrams are */
        ok("sendto", sendto(b, data, sizeof(data), 0, (struct sockaddr *)&in6, sizeof(in6)));
    ssize_t n = recvfrom(a, data, sizeof(data), MSG_DONTWAIT, (struct sockaddr *)&in6, &len);
    if (n < 0 && errno != EAGAIN)
        ok("recvfrom", n);
    close(a);
    close(b);
}

int main(void)
{
    datagrams();
    streams();
    return told;
}
