/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: wrong descriptors and wrong pointers, other families, and running out of descriptors.
 */
#include "differ.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>

static void calls_on(int fd)
{
    struct sockaddr_storage address = loopback(9);
    socklen_t length = sizeof address;
    int value = 1;
    char byte = 0;
    struct iovec io = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_name = &address, .msg_namelen = address_length()};
    TRY(bind(fd, ADDRESS(address)));
    TRY(connect(fd, ADDRESS(address)));
    TRY(listen(fd, 1));
    FD(accept(fd, NULL, NULL));
    FD(accept4(fd, (struct sockaddr *)&address, &length, SOCK_CLOEXEC));
    TRY(getsockname(fd, (struct sockaddr *)&address, &length));
    TRY(getpeername(fd, (struct sockaddr *)&address, &length));
    TRY(shutdown(fd, SHUT_WR));
    length = sizeof value;
    TRY(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &length));
    TRY(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, sizeof value));
    TRY(sendto(fd, "x", 1, 0, ADDRESS(address)));
    length = sizeof address;
    TRY(recvfrom(fd, &byte, 1, 0, (struct sockaddr *)&address, &length));
    TRY(sendmsg(fd, &message, 0));
    TRY(recvmsg(fd, &message, 0));
}

static void not_open(void)
{
    calls_on(-1);
    calls_on(777);
}

static void not_a_socket(void)
{
    int pipe_fds[2];
    MUST(pipe(pipe_fds));
    calls_on(pipe_fds[0]);
}

static void wrong_pointers(void)
{
    int fd = stream_socket(), datagram = bound_datagram(), listening = listener(4);
    struct sockaddr *nowhere = (struct sockaddr *)16;
    socklen_t length = sizeof(struct sockaddr_storage);
    TRY(bind(fd, nowhere, address_length()));
    TRY(connect(fd, nowhere, address_length()));
    TRY(getsockname(listening, nowhere, &length));
    TRY(getsockname(listening, nowhere, (socklen_t *)16));
    TRY(sendto(datagram, "x", 1, 0, nowhere, address_length()));
    TRY(sendto(datagram, (void *)16, 1, 0, nowhere, address_length()));
    TRY(sendmsg(datagram, (struct msghdr *)16, 0));
    TRY(recvmsg(datagram, (struct msghdr *)16, MSG_DONTWAIT));
    struct sockaddr_storage address = loopback(port_of(datagram));
    TRY(sendto(datagram, (void *)16, 1, 0, ADDRESS(address)));
    struct msghdr message = {.msg_iov = (struct iovec *)16, .msg_iovlen = 1};
    TRY(sendmsg(datagram, &message, 0));
    MUST((int)sendto(datagram, "x", 1, 0, ADDRESS(address)));
    settle();
    TRY(recvfrom(datagram, (void *)16, 1, MSG_DONTWAIT, NULL, NULL));
    TRY(bind(fd, (struct sockaddr *)&address, 1000));
    TRY(bind(fd, (struct sockaddr *)&address, (socklen_t)-1));
}

static void other_families(void)
{
    int pair[2], fd = FD(socket(AF_UNIX, SOCK_STREAM, 0));
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    TRY(getsockname(fd, (struct sockaddr *)&address, &length));
    say("family %d, length %u", address.ss_family, length);
    OPTION(fd, SOL_SOCKET, SO_DOMAIN);
    address = loopback(9);
    TRY(connect(fd, ADDRESS(address)));
    TRY(bind(fd, ADDRESS(address)));
    TRY(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
    TRY(send(pair[0], "abc", 3, 0));
    show_recv("on the pair", pair[1], 10, 0);
    length = sizeof address;
    struct iovec io = {"def", 3};
    struct msghdr message = {.msg_iov = &io, .msg_iovlen = 1};
    TRY(sendmsg(pair[0], &message, 0));
    char data[8];
    TRY(recvfrom(pair[1], data, sizeof data, 0, (struct sockaddr *)&address, &length));
    say("length %u", length);
}

static void out_of_descriptors(void)
{
    struct rlimit limit;
    int fd = listener(8);
    connected_to(fd);
    MUST(getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = (rlim_t)fd + 10;
    MUST(setrlimit(RLIMIT_NOFILE, &limit));
    int last = 0, count = 0;
    while (last >= 0 && count < 100) {
        last = socket(family, SOCK_STREAM, 0);
        count += last >= 0;
    }
    say("socket at last: %s, after more than one %d", errno_name(errno), count > 1);
    FD(accept(fd, NULL, NULL));
    MUST(close(fd + 5));
    FD(accept(fd, NULL, NULL));
}

static void lowest_number(void)
{
    int one = stream_socket(), two = stream_socket();
    MUST(close(one));
    int again = stream_socket();
    say("the lowest free number again %d", again == one);
    MUST(close(two));
    int fd = listener(4);
    connected_to(fd);
    say("ascending %d", MUST(accept(fd, NULL, NULL)) > fd);
}

static void interfaces(void)
{
    int fd = datagram_socket();
    struct ifreq request = {.ifr_name = "lo"};
    TRY(ioctl(fd, SIOCGIFINDEX, &request));
    say("index %d", request.ifr_ifindex);
    TRY(ioctl(fd, SIOCGIFFLAGS, &request));
    say("up %d, loopback %d", !!(request.ifr_flags & IFF_UP), !!(request.ifr_flags & IFF_LOOPBACK));
    strcpy(request.ifr_name, "none7");
    TRY(ioctl(fd, SIOCGIFINDEX, &request));
}

static void interface_addresses(void)
{
    struct ifaddrs *list = NULL;
    TRY(getifaddrs(&list));
    for (struct ifaddrs *i = list; i; i = i->ifa_next) {
        char host[INET6_ADDRSTRLEN] = "";
        if (!i->ifa_addr || i->ifa_addr->sa_family == AF_PACKET || strcmp(i->ifa_name, "lo") != 0)
            continue;
        if (i->ifa_addr->sa_family == AF_INET)
            inet_ntop(AF_INET, &((struct sockaddr_in *)i->ifa_addr)->sin_addr, host, sizeof host);
        else
            inet_ntop(AF_INET6, &((struct sockaddr_in6 *)i->ifa_addr)->sin6_addr, host,
                      sizeof host);
        say("%s has %s", i->ifa_name, host);
    }
    freeifaddrs(list);
    say("index of lo %u", if_nametoindex("lo"));
}

static void resolve(const char *host, int flags)
{
    struct addrinfo hints = {.ai_flags = flags, .ai_socktype = SOCK_STREAM}, *list = NULL;
    int error = getaddrinfo(host, "7", &hints, &list);
    say("getaddrinfo %s, flags %#x: %s", host ? host : "nothing", (unsigned)flags,
        error ? gai_strerror(error) : "found");
    for (struct addrinfo *i = list; i; i = i->ai_next) {
        struct sockaddr_storage address = {0};
        memcpy(&address, i->ai_addr, i->ai_addrlen);
        show_address("gives", &address, i->ai_addrlen);
    }
    freeaddrinfo(list);
}

/* Whether the machine knows "localhost" without asking a name server: only Sockworks' answers. */
static int knows_localhost(void)
{
    char line[256];
    int known = 0;
    FILE *hosts = fopen("/etc/hosts", "re");
    while (hosts && fgets(line, sizeof line, hosts))
        known |= line[0] != '#' && strstr(line, "localhost") != NULL;
    if (hosts)
        fclose(hosts);
    return known;
}

static void resolving(void)
{
    resolve("127.0.0.1", AI_NUMERICHOST);
    resolve("::1", AI_NUMERICHOST);
    resolve(NULL, AI_PASSIVE);
    resolve(NULL, 0);
    if (!knows_localhost())
        return;
    resolve("localhost", 0);
    resolve("localhost", AI_ADDRCONFIG);
}

/* Many short conversations, each answered by its number. */
static void many(void)
{
    int fd = listener(128), right = 0;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        int client, number;
        while ((client = accept(fd, NULL, NULL)) >= 0) {
            if (recv(client, &number, sizeof number, MSG_WAITALL) == sizeof number) {
                number *= 3;
                send(client, &number, sizeof number, MSG_NOSIGNAL);
            }
            close(client);
        }
        _exit(0);
    }
    for (int i = 0; i < 300; i++) {
        int client = connected_to(fd), number = i;
        MUST((int)send(client, &number, sizeof number, 0));
        if (recv(client, &number, sizeof number, MSG_WAITALL) == sizeof number)
            right += number == 3 * i;
        MUST(close(client));
    }
    say("answered %d of 300", right);
}

/* Of a message whose last byte cannot be read none is sent, as long as it is small. */
static void bad_at_its_end(void)
{
    static const int rooms[] = {0, 2048, 4097, 100000};
    static const size_t sizes[] = {2, 3000, 4097, 8001};
    const size_t good = 8192;
    char *memory = mmap(NULL, 2 * good, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    MUST(mprotect(memory + good, good, PROT_NONE));
    for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
        int a, b;
        stream_pair(&a, &b);
        if (rooms[i] != 0)
            MUST(set_int(a, SOL_SOCKET, SO_SNDBUF, rooms[i]));
        for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
            struct iovec io = {memory + good - sizes[k] + 1, sizes[k]};
            struct msghdr message = {.msg_iov = &io, .msg_iovlen = 1};
            say("%zu bytes, SO_SNDBUF %d", sizes[k], rooms[i]);
            TRY(sendmsg(a, &message, MSG_DONTWAIT));
        }
        show_recv("what came", b, 10, MSG_DONTWAIT);
    }
}

const struct scenario argument_scenarios[] = {{"not-open", not_open, V4},
                                              {"not-a-socket", not_a_socket, BOTH},
                                              {"wrong-pointers", wrong_pointers, BOTH},
                                              {"other-families", other_families, V4},
                                              {"out-of-descriptors", out_of_descriptors, BOTH},
                                              {"lowest-number", lowest_number, BOTH},
                                              {"interfaces", interfaces, V4},
                                              {"interface-addresses", interface_addresses, V4},
                                              {"resolving", resolving, V4},
                                              {"bad-at-its-end", bad_at_its_end, BOTH},
                                              {"many-conversations", many, BOTH},
                                              {NULL, NULL, 0}};
