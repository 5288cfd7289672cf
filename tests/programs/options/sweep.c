/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sweep: asks sockets of every kind about every option there is a number for, and prints what they
 * answer, one line for each question, so that the same program on the kernel's sockets and on
 * Sockworks' can be compared: "KIND OPTION QUESTION\tANSWER".
 *
 * 1. Questions about one option go to one socket, which nothing else was asked of.
 * 2. Who asks has no privilege: it becomes another user first.
 * 3. No socket sends anything but to a listener of this process.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sock/abi.h"

enum { ROOM = 64, NOBODY = 65534 };

/* Every option that Sockworks knows, and one of each level that nobody does. */
static const struct {
    int level, name;
    const char *text;
} options[] = {
#define OPTION(level, name, how, effect, what) {SW_SOL_##level, SW_##name, #name},
#include "sock/options.def"
#undef OPTION
    {SOL_SOCKET, 9999, "SOCKET-UNKNOWN"}, {IPPROTO_TCP, 9999, "TCP-UNKNOWN"},
    {IPPROTO_UDP, 9999, "UDP-UNKNOWN"},   {IPPROTO_IP, 9999, "IP-UNKNOWN"},
    {IPPROTO_IPV6, 9999, "IPV6-UNKNOWN"}, {999, 1, "LEVEL-UNKNOWN"},
};

/* What is another one each time. */
static int varies(int level, int name)
{
    return (level == IPPROTO_TCP && (name == TCP_INFO || name == TCP_TIMESTAMP)) ||
           (level == SOL_SOCKET && name == SO_COOKIE);
}

static const char *kind;
static const char *option;

#define ANSWER(question, ...)                                                                      \
    do {                                                                                           \
        printf("%s %s %s\t", kind, option, question);                                              \
        printf(__VA_ARGS__);                                                                       \
        putchar('\n');                                                                             \
    } while (0)

static const char *error(void)
{
    return errno == ENOTSUP ? "EOPNOTSUPP" : strerrorname_np(errno);
}

/* ---- questions -------------------------------------------------------------------------- */

/* What it is now: the length, and the value as numbers. */
static void get(const char *question, int fd, int level, int name, socklen_t room)
{
    int32_t value[ROOM / 4];
    char text[ROOM * 4] = "";
    socklen_t len = room;

    memset(value, 0x5a, sizeof(value));
    if (getsockopt(fd, level, name, value, &len) < 0) {
        ANSWER(question, "%s", error());
        return;
    }
    for (socklen_t i = 0; i < (len + 3) / 4 && i < ROOM / 4; i++) {
        size_t used = strlen(text);
        if (len - i * 4 < 4)
            value[i] &= (int32_t)((1U << (len - i * 4) * 8) - 1);
        snprintf(text + used, sizeof(text) - used, " %d", value[i]);
    }
    ANSWER(question, "%u bytes:%s", len, varies(level, name) ? " ..." : text);
}

static void get_wrongly(int fd, int level, int name)
{
    int value[ROOM / 4]; /* a negative length may be none: IPV6_PATHMTU */
    socklen_t len = sizeof(int);

    if (getsockopt(fd, level, name, NULL, &len) < 0)
        ANSWER("get into NULL", "%s", error());
    else
        ANSWER("get into NULL", "%u bytes", len);
    ANSWER("get without a length", "%s",
           getsockopt(fd, level, name, value, NULL) < 0 ? error() : "0");
    len = (socklen_t)-1;
    ANSWER("get of a negative length", "%s",
           getsockopt(fd, level, name, value, &len) < 0 ? error() : "0");
}

/* An int at the front of zeros, `len` bytes of it; then what it is. */
static void set(int fd, int level, int name, int v, socklen_t len)
{
    unsigned char value[ROOM] = {0};
    char question[64];

    memcpy(value, &v, sizeof(v));
    int r = setsockopt(fd, level, name, value, len);
    snprintf(question, sizeof(question), "set %d in %u bytes", v, len);
    ANSWER(question, "%s", r < 0 ? error() : "0");
    if (r < 0)
        return;
    snprintf(question, sizeof(question), "get after %d in %u bytes", v, len);
    get(question, fd, level, name, ROOM);
}

static void set_wrongly(int fd, int level, int name)
{
    int value = 1;

    ANSWER("set of a negative length", "%s",
           setsockopt(fd, level, name, &value, (socklen_t)-1) < 0 ? error() : "0");
    ANSWER("set of NULL", "%s",
           setsockopt(fd, level, name, NULL, sizeof(value)) < 0 ? error() : "0");
    ANSWER("set of nothing", "%s", setsockopt(fd, level, name, NULL, 0) < 0 ? error() : "0");
}

static void ask(int fd, int level, int name)
{
    static const int values[] = {1,     2,     0,      -1,      -2,      5,         64,       88,
                                 127,   128,   255,    256,     1000,    4096,      32767,    32768,
                                 65535, 65536, 100000, 1 << 18, 1 << 24, INT32_MAX, INT32_MIN};

    get("get", fd, level, name, ROOM);
    get("get into 0 bytes", fd, level, name, 0);
    get("get into 1 byte", fd, level, name, 1);
    get("get into 3 bytes", fd, level, name, 3);
    get_wrongly(fd, level, name);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        set(fd, level, name, values[i], sizeof(int));
    set(fd, level, name, 1, 0);
    set(fd, level, name, 1, 1);
    set(fd, level, name, 1, 3);
    set(fd, level, name, 1, 8);
    set(fd, level, name, 0, 16);
    set(fd, level, name, 1, ROOM);
    set_wrongly(fd, level, name);
}

/* ---- sockets ---------------------------------------------------------------------------- */

static void must(int ok, const char *what)
{
    if (!ok) {
        perror(what);
        exit(1);
    }
}

static socklen_t loopback(int domain, struct sockaddr_storage *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->ss_family = (sa_family_t)domain;
    if (domain == AF_INET6) {
        ((struct sockaddr_in6 *)ret)->sin6_addr = in6addr_loopback;
        return sizeof(struct sockaddr_in6);
    }
    ((struct sockaddr_in *)ret)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return sizeof(struct sockaddr_in);
}

static int listening(int domain)
{
    struct sockaddr_storage addr;
    socklen_t len = loopback(domain, &addr);
    int fd = socket(domain, SOCK_STREAM, 0);
    must(fd >= 0 && bind(fd, (struct sockaddr *)&addr, len) == 0 && listen(fd, 1) == 0, "listen");
    return fd;
}

static int connected_to(int listener, int domain)
{
    struct sockaddr_storage addr;
    socklen_t len = sizeof(addr);
    int fd = socket(domain, SOCK_STREAM, 0);
    must(getsockname(listener, (struct sockaddr *)&addr, &len) == 0, "getsockname");
    must(connect(fd, (struct sockaddr *)&addr, len) == 0, "connect");
    return fd;
}

enum state { FRESH, LISTENING, CONNECTED };

struct sockets {
    const char *kind;
    int domain, type;
    enum state state;
};

static const struct sockets every[] = {
    {"tcp4", AF_INET, SOCK_STREAM, FRESH},
    {"tcp6", AF_INET6, SOCK_STREAM, FRESH},
    {"udp4", AF_INET, SOCK_DGRAM, FRESH},
    {"udp6", AF_INET6, SOCK_DGRAM, FRESH},
    {"tcp4-listening", AF_INET, SOCK_STREAM, LISTENING},
    {"tcp4-connected", AF_INET, SOCK_STREAM, CONNECTED},
    {"tcp6-connected", AF_INET6, SOCK_STREAM, CONNECTED},
};

static void ask_new(const struct sockets *s, int level, int name)
{
    int listener = s->state == FRESH ? -1 : listening(s->domain);
    int fd = s->state == FRESH       ? socket(s->domain, s->type, 0)
             : s->state == LISTENING ? listener
                                     : connected_to(listener, s->domain);
    must(fd >= 0, "socket");
    ask(fd, level, name);
    close(fd);
    if (listener >= 0 && listener != fd)
        close(listener);
}

int main(int argc, char **argv)
{
    if (geteuid() == 0)
        must(setgid(NOBODY) == 0 && setuid(NOBODY) == 0, "setuid");
    for (size_t i = 0; i < sizeof(every) / sizeof(every[0]); i++) {
        if (argc > 1 && strcmp(argv[1], every[i].kind) != 0)
            continue;
        kind = every[i].kind;
        for (size_t o = 0; o < sizeof(options) / sizeof(options[0]); o++) {
            option = options[o].text;
            ask_new(&every[i], options[o].level, options[o].name);
        }
    }
    return 0;
}
