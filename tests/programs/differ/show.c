/* SPDX-License-Identifier: BSD-2-Clause */
/* What scenarios share: printing results so that they can be compared, and the usual sockets. */
#include "differ.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdarg.h>

enum { SETTLE_US = 120000 };

int family = AF_INET;

void say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

const char *errno_name(int error)
{
    const char *name = error == 0 ? "0" : strerrorname_np(error);
    return name ? name : "unknown errno";
}

long result(const char *what, long value)
{
    int error = errno;
    if (value < 0)
        say("%s = %s", what, errno_name(error));
    else
        say("%s = %ld", what, value);
    errno = error;
    return value;
}

int descriptor(const char *what, int fd)
{
    int error = errno;
    say("%s = %s", what, fd >= 0 ? "fd" : errno_name(error));
    errno = error;
    return fd;
}

int must_be(const char *what, int value)
{
    if (value >= 0)
        return value;
    say("CANNOT GO ON: %s = %s", what, errno_name(errno));
    exit(1);
}

void settle(void)
{
    usleep(SETTLE_US);
}

void show_poll(const char *when, int fd)
{
    static const struct {
        short bit;
        const char *name;
    } bits[] = {{POLLIN, "IN"},   {POLLPRI, "PRI"},     {POLLOUT, "OUT"},  {POLLERR, "ERR"},
                {POLLHUP, "HUP"}, {POLLRDHUP, "RDHUP"}, {POLLNVAL, "NVAL"}};
    struct pollfd p = {.fd = fd, .events = POLLIN | POLLPRI | POLLOUT | POLLRDHUP};
    char text[64] = "";
    poll(&p, 1, 0);
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++)
        if (p.revents & bits[i].bit)
            strcat(strcat(text, " "), bits[i].name);
    say("poll %s:%s", when, text[0] ? text : " nothing");
}

/* Ports other than 0 by the order in which they were first seen: a, b, c... */
static char port_letter(int port)
{
    static int seen[26];
    for (int i = 0; i < 26; i++) {
        if (seen[i] == 0)
            seen[i] = port;
        if (seen[i] == port)
            return (char)('a' + i);
    }
    return '?';
}

void show_address(const char *what, const struct sockaddr_storage *address, socklen_t length)
{
    char host[INET6_ADDRSTRLEN] = "";
    int port = 0;
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)address;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        port = ntohs(in->sin_port);
    } else if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
        port = ntohs(in6->sin6_port);
    } else {
        say("%s: family %d, length %u", what, address->ss_family, length);
        return;
    }
    if (port == 0)
        say("%s: %s port 0, length %u", what, host, length);
    else
        say("%s: %s port %c, length %u", what, host, port_letter(port), length);
}

static void show_one_name(const char *when, const char *call, int fd,
                          int (*name)(int, struct sockaddr *, socklen_t *))
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    char what[96];
    snprintf(what, sizeof what, "%s %s", call, when);
    if (name(fd, (struct sockaddr *)&address, &length) < 0)
        say("%s = %s", what, errno_name(errno));
    else
        show_address(what, &address, length);
}

static int own_name(int fd, struct sockaddr *address, socklen_t *length)
{
    return getsockname(fd, address, length);
}

static int peer_name(int fd, struct sockaddr *address, socklen_t *length)
{
    return getpeername(fd, address, length);
}

void show_names(const char *when, int fd)
{
    show_one_name(when, "getsockname", fd, own_name);
    show_one_name(when, "getpeername", fd, peer_name);
}

void show_option(const char *what, int fd, int level, int option)
{
    int value = -1;
    socklen_t length = sizeof value;
    if (getsockopt(fd, level, option, &value, &length) < 0)
        say("getsockopt %s = %s", what, errno_name(errno));
    else
        say("getsockopt %s: %d, length %u", what, value, length);
}

void show_error(const char *when, int fd)
{
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
        say("getsockopt SO_ERROR %s = %s", when, errno_name(errno));
    else
        say("SO_ERROR %s: %s", when, errno_name(error));
}

void show_recv(const char *when, int fd, size_t size, int flags)
{
    char data[4096];
    ssize_t n = recv(fd, data, size < sizeof data ? size : sizeof data, flags);
    if (n < 0)
        say("recv %s = %s", when, errno_name(errno));
    else
        say("recv %s = %zd \"%.*s\"", when, n, (int)(n < 24 ? n : 24), data);
}

int set_int(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value);
}

void set_nonblocking(int fd)
{
    MUST(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK));
}

void reset_on_close(int fd)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    MUST(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
}

static struct sockaddr_storage address_of(const char *v4, const char *v6, int port)
{
    struct sockaddr_storage address = {.ss_family = (sa_family_t)family};
    if (family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)&address;
        inet_pton(AF_INET, v4, &in->sin_addr);
        in->sin_port = htons((uint16_t)port);
    } else {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address;
        inet_pton(AF_INET6, v6, &in6->sin6_addr);
        in6->sin6_port = htons((uint16_t)port);
    }
    return address;
}

struct sockaddr_storage loopback(int port)
{
    return address_of("127.0.0.1", "::1", port);
}

struct sockaddr_storage any(int port)
{
    return address_of("0.0.0.0", "::", port);
}

socklen_t address_length(void)
{
    return family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

int port_of(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    MUST(getsockname(fd, (struct sockaddr *)&address, &length));
    return address.ss_family == AF_INET ? ntohs(((struct sockaddr_in *)&address)->sin_port)
                                        : ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
}

/* Scenarios run side by side: a port that was free a moment ago could be handed to a neighbour.
 * Ports below the ephemeral range are not handed out, so one is taken from there by process id. */
int unused_port(int type)
{
    int port = 10000 + getpid() * 7 % 20000;
    for (int tries = 0; tries < 100; tries++, port++) {
        struct sockaddr_storage address = loopback(port);
        int fd = MUST(socket(family, type, 0));
        int bound = bind(fd, ADDRESS(address));
        close(fd);
        if (bound == 0)
            return port;
    }
    say("CANNOT GO ON: no unused port");
    exit(1);
}

int stream_socket(void)
{
    return MUST(socket(family, SOCK_STREAM, 0));
}

int datagram_socket(void)
{
    return MUST(socket(family, SOCK_DGRAM, 0));
}

int listener(int backlog)
{
    int fd = stream_socket();
    struct sockaddr_storage address = loopback(0);
    MUST(bind(fd, ADDRESS(address)));
    MUST(listen(fd, backlog));
    return fd;
}

int connected_to(int listening_fd)
{
    int fd = stream_socket();
    struct sockaddr_storage address = loopback(port_of(listening_fd));
    MUST(connect(fd, ADDRESS(address)));
    return fd;
}

void stream_pair(int *ret_client, int *ret_server)
{
    int listening_fd = listener(8);
    *ret_client = connected_to(listening_fd);
    *ret_server = MUST(accept(listening_fd, NULL, NULL));
    MUST(close(listening_fd));
}

int bound_datagram(void)
{
    int fd = datagram_socket();
    struct sockaddr_storage address = loopback(0);
    MUST(bind(fd, ADDRESS(address)));
    return fd;
}

void datagram_pair(int *ret_a, int *ret_b)
{
    *ret_a = bound_datagram();
    *ret_b = bound_datagram();
    struct sockaddr_storage a = loopback(port_of(*ret_a)), b = loopback(port_of(*ret_b));
    MUST(connect(*ret_a, ADDRESS(b)));
    MUST(connect(*ret_b, ADDRESS(a)));
}

static void on_signal(int signal)
{
    static const char line[] = "signal handled\n";
    (void)signal;
    ssize_t written = write(STDOUT_FILENO, line, sizeof line - 1);
    (void)written;
}

void signal_in(int signal, int flags, int ms)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};
    MUST(sigaction(signal, &action, NULL));
    fflush(stdout);
    if (fork() == 0) {
        usleep((useconds_t)ms * 1000);
        kill(getppid(), signal);
        _exit(0);
    }
}

pid_t later(int ms, void (*action)(int), int argument)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        usleep((useconds_t)ms * 1000);
        action(argument);
        _exit(0);
    }
    return pid;
}
