/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: datagram sockets: names, connect and disconnect, refusal, conflicts, shutdown, limits.
 */
#include "differ.h"

#include <arpa/inet.h>
#include <sys/ioctl.h>

static void send_to(int from, int to, const char *text)
{
    struct sockaddr_storage address = loopback(port_of(to));
    MUST((int)sendto(from, text, strlen(text), 0, ADDRESS(address)));
}

static void recv_from(const char *when, int fd)
{
    char data[256];
    struct sockaddr_storage from;
    socklen_t length = sizeof from;
    ssize_t n = recvfrom(fd, data, sizeof data, MSG_DONTWAIT, (struct sockaddr *)&from, &length);
    if (n < 0) {
        say("recvfrom %s = %s", when, errno_name(errno));
        return;
    }
    say("recvfrom %s = %zd \"%.*s\"", when, n, (int)n, data);
    show_address("from", &from, length);
}

static void fresh(void)
{
    int fd = FD(socket(family, SOCK_DGRAM, 0));
    show_poll("fresh", fd);
    show_names("fresh", fd);
    TRY(send(fd, "x", 1, MSG_NOSIGNAL));
    recv_from("when nothing came", fd);
    show_names("after a failed send", fd);
    TRY(listen(fd, 1));
    FD(accept(fd, NULL, NULL));
    TRY(shutdown(fd, SHUT_RD));
    OPTION(fd, SOL_SOCKET, SO_TYPE);
    OPTION(fd, SOL_SOCKET, SO_PROTOCOL);
}

static void names(void)
{
    int server = bound_datagram(), client = datagram_socket();
    show_names("of the bound", server);
    send_to(client, server, "hello");
    show_names("after sendto", client);
    settle();
    show_poll("with a datagram", server);
    recv_from("by the server", server);
    show_poll("when it was read", server);
    recv_from("again", server);
    struct sockaddr_storage address = loopback(0);
    TRY(bind(client, ADDRESS(address)));
}

static void connected(void)
{
    int server = bound_datagram(), client = datagram_socket(), stranger = bound_datagram();
    struct sockaddr_storage address = loopback(port_of(server));
    TRY(connect(client, ADDRESS(address)));
    show_names("after connect", client);
    show_poll("after connect", client);
    TRY(send(client, "one", 3, 0));
    settle();
    recv_from("by the server", server);
    send_to(stranger, client, "not for you");
    send_to(server, client, "for you");
    settle();
    recv_from("by the client", client);
    recv_from("by the client again", client);
    struct sockaddr_storage other = loopback(port_of(stranger));
    TRY(sendto(client, "two", 3, 0, ADDRESS(other)));
    settle();
    recv_from("by the stranger", stranger);
    TRY(connect(client, ADDRESS(other)));
    show_names("after another connect", client);
    TRY(write(client, "three", 5));
    settle();
    recv_from("by the stranger", stranger);
    TRY(getpeername(client, NULL, NULL));
}

static void native_calls(void)
{
    int a, b;
    char data[16] = "";
    datagram_pair(&a, &b);
    TRY(write(a, "abc", 3));
    TRY(send(a, "defgh", 5, 0));
    settle();
    TRY(read(b, data, sizeof data));
    TRY(recv(b, data, 2, 0));
    TRY(recv(b, data, sizeof data, MSG_DONTWAIT));
    TRY(write(a, "", 0));
    TRY(send(a, "", 0, 0));
    settle();
    show_poll("with empty datagrams", b);
    TRY(recv(b, data, sizeof data, MSG_DONTWAIT));
    TRY(recv(b, data, sizeof data, MSG_DONTWAIT));
    TRY(recv(b, data, sizeof data, MSG_DONTWAIT));
}

/* What has arrived is there to read, all of it, without a pause. Unconnected, 11 datagrams are what
 * an AF_UNIX socket takes (net.unix.max_dgram_qlen). */
static void native_burst(void)
{
    enum { UNCONNECTED = 11, CONNECTED = 200 };
    char data[16] = "";
    int server = bound_datagram(), client = datagram_socket(), a, b, n;
    for (int i = 0; i < UNCONNECTED; i++)
        send_to(client, server, "burst");
    settle();
    for (n = 0; recv(server, data, sizeof data, MSG_DONTWAIT) == 5; n++)
        ;
    say("unconnected: %d, then %s", n, errno_name(errno));
    datagram_pair(&a, &b);
    for (int i = 0; i < CONNECTED; i++)
        MUST((int)send(a, "burst", 5, 0));
    settle();
    for (n = 0; recv(b, data, sizeof data, MSG_DONTWAIT) == 5; n++)
        ;
    say("connected: %d, then %s", n, errno_name(errno));
    send_to(a, b, "for a call with an address");
    settle();
    recv_from("after the burst", b);
}

static void disconnect(void)
{
    int server = bound_datagram(), client = datagram_socket(), stranger = bound_datagram();
    struct sockaddr_storage address = loopback(port_of(server));
    struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    MUST(connect(client, ADDRESS(address)));
    TRY(connect(client, &nobody, sizeof nobody));
    show_names("after disconnect", client);
    TRY(send(client, "x", 1, 0));
    send_to(client, server, "still works");
    settle();
    recv_from("by the server", server);
    send_to(stranger, client, "from anyone again");
    settle();
    recv_from("by the client", client);
    int bound = bound_datagram();
    MUST(connect(bound, ADDRESS(address)));
    TRY(connect(bound, &nobody, sizeof nobody));
    show_names("bound before, after disconnect", bound);
}

static void refused(void)
{
    int client = datagram_socket();
    char byte;
    struct sockaddr_storage address = loopback(unused_port(SOCK_DGRAM)), from;
    socklen_t length = sizeof from;
    struct iovec io = {&byte, 1};
    struct msghdr message = {.msg_iov = &io, .msg_iovlen = 1};
    MUST(connect(client, ADDRESS(address)));
    TRY(send(client, "x", 1, 0));
    settle();
    show_poll("when refused", client);
    show_error("when refused", client);
    show_error("again", client);
    show_poll("after SO_ERROR", client);
    TRY(send(client, "x", 1, 0));
    settle();
    TRY(recvfrom(client, &byte, 1, MSG_DONTWAIT, (struct sockaddr *)&from, &length));
    TRY(recvfrom(client, &byte, 1, MSG_DONTWAIT, (struct sockaddr *)&from, &length));
    TRY(send(client, "x", 1, 0));
    settle();
    TRY(recvmsg(client, &message, MSG_DONTWAIT));
    TRY(recvmsg(client, &message, MSG_DONTWAIT));
    TRY(send(client, "x", 1, 0));
    settle();
    TRY(sendmsg(client, &message, MSG_DONTWAIT));
    settle();
    TRY(sendto(client, "x", 1, 0, ADDRESS(address)));
}

static void refused_native(void)
{
    int client = datagram_socket();
    char byte;
    struct sockaddr_storage address = loopback(unused_port(SOCK_DGRAM));
    MUST(connect(client, ADDRESS(address)));
    set_nonblocking(client);
    TRY(send(client, "x", 1, 0));
    settle();
    TRY(recv(client, &byte, 1, MSG_DONTWAIT));
    TRY(recv(client, &byte, 1, MSG_DONTWAIT));
    TRY(send(client, "x", 1, 0));
    settle();
    TRY(send(client, "x", 1, 0));
    settle();
    TRY(read(client, &byte, 1));
}

static void refused_unconnected(void)
{
    int client = datagram_socket();
    struct sockaddr_storage address = loopback(unused_port(SOCK_DGRAM));
    TRY(sendto(client, "x", 1, 0, ADDRESS(address)));
    settle();
    show_poll("after a datagram to nobody", client);
    show_error("after a datagram to nobody", client);
    recv_from("after a datagram to nobody", client);
    TRY(sendto(client, "x", 1, 0, ADDRESS(address)));
}

static void closed_meanwhile(void)
{
    int a, b;
    datagram_pair(&a, &b);
    TRY(send(a, "never read", 10, 0));
    settle();
    TRY(close(b));
    settle();
    show_poll("after the other closed", a);
    TRY(send(a, "x", 1, 0));
    settle();
    show_poll("after a send to nobody", a);
    show_error("after a send to nobody", a);
}

static void conflicts(void)
{
    static const int options[] = {0, SO_REUSEADDR, SO_REUSEPORT};
    for (int i = 0; i < 3; i++)
        for (int both = 0; both < 2; both++) {
            int first = datagram_socket(), second = datagram_socket();
            if (options[i]) {
                MUST(set_int(second, SOL_SOCKET, options[i], 1));
                MUST(set_int(first, SOL_SOCKET, options[i], both));
            }
            struct sockaddr_storage address = loopback(0);
            MUST(bind(first, ADDRESS(address)));
            address = loopback(port_of(first));
            say("option %d, both %d", options[i], both);
            TRY(bind(second, ADDRESS(address)));
            address = any(port_of(first));
            TRY(bind(datagram_socket(), ADDRESS(address)));
        }
}

static void last_bound_hears(void)
{
    int first = datagram_socket(), second = datagram_socket(), client = datagram_socket();
    MUST(set_int(first, SOL_SOCKET, SO_REUSEADDR, 1));
    MUST(set_int(second, SOL_SOCKET, SO_REUSEADDR, 1));
    struct sockaddr_storage address = loopback(0);
    MUST(bind(first, ADDRESS(address)));
    address = loopback(port_of(first));
    MUST(bind(second, ADDRESS(address)));
    send_to(client, first, "who hears");
    settle();
    recv_from("by the first", first);
    recv_from("by the second", second);
}

static void most_specific_hears(void)
{
    int wild = datagram_socket(), bound = datagram_socket(), paired = datagram_socket();
    int client = bound_datagram();
    int sockets[] = {wild, bound, paired};
    for (int i = 0; i < 3; i++)
        MUST(set_int(sockets[i], SOL_SOCKET, SO_REUSEADDR, 1));
    struct sockaddr_storage address = any(0), peer = loopback(port_of(client));
    MUST(bind(wild, ADDRESS(address)));
    address = loopback(port_of(wild));
    MUST(bind(bound, ADDRESS(address)));
    MUST(bind(paired, ADDRESS(address)));
    MUST(connect(paired, ADDRESS(peer)));
    send_to(client, wild, "from its peer");
    send_to(datagram_socket(), wild, "from a stranger");
    settle();
    recv_from("by the connected", paired);
    recv_from("by the bound", bound);
    recv_from("by the wildcard", wild);
}

static void shutting_down(void)
{
    int a, b;
    datagram_pair(&a, &b);
    TRY(shutdown(a, SHUT_RD));
    show_poll("after SHUT_RD", a);
    TRY(recv(a, NULL, 0, MSG_DONTWAIT));
    send_to(b, a, "late");
    settle();
    recv_from("after SHUT_RD", a);
    TRY(send(a, "x", 1, MSG_NOSIGNAL));
    TRY(shutdown(a, SHUT_WR));
    show_poll("after SHUT_WR", a);
    TRY(send(a, "x", 1, MSG_NOSIGNAL));
    TRY(send(b, "x", 1, MSG_NOSIGNAL));
    settle();
    show_poll("of the other", b);
}

static void sizes(void)
{
    static char block[70000];
    int server = bound_datagram(), client = datagram_socket();
    struct sockaddr_storage address = loopback(port_of(server));
    int largest = family == AF_INET ? 65507 : 65527;
    TRY(sendto(client, block, (size_t)largest, 0, ADDRESS(address)));
    TRY(sendto(client, block, (size_t)largest + 1, 0, ADDRESS(address)));
    TRY(sendto(client, block, sizeof block, 0, ADDRESS(address)));
    settle();
    int waiting = -1;
    TRY(ioctl(server, FIONREAD, &waiting));
    say("waiting %d", waiting == largest);
    TRY(recv(server, block, sizeof block, MSG_DONTWAIT) == largest);
    TRY(ioctl(server, FIONREAD, &waiting));
    say("waiting %d", waiting);
    TRY(sendto(client, "abc", 3, 0, ADDRESS(address)));
    TRY(sendto(client, "defgh", 5, 0, ADDRESS(address)));
    settle();
    TRY(ioctl(server, FIONREAD, &waiting));
    say("waiting %d", waiting);
}

static void queue_overflows(void)
{
    enum { SENT = 5000 };
    static char block[1000];
    int server = bound_datagram(), client = datagram_socket(), received = 0, failed = 0;
    struct sockaddr_storage address = loopback(port_of(server));
    MUST(set_int(server, SOL_SOCKET, SO_RCVBUF, 65536));
    for (int i = 0; i < SENT; i++)
        failed += sendto(client, block, sizeof block, 0, ADDRESS(address)) != sizeof block;
    settle();
    struct pollfd p = {.fd = server, .events = POLLIN};
    while (poll(&p, 1, 300) == 1 && recv(server, block, sizeof block, MSG_DONTWAIT) > 0)
        received++;
    say("failed sends %d, received some %d, not all %d", failed, received > 10, received < SENT);
}

static void ports_and_addresses(void)
{
    int client = datagram_socket(), server = datagram_socket();
    struct sockaddr_storage address = loopback(0), wild = any(0), from;
    socklen_t length = sizeof from;
    TRY(sendto(client, "x", 1, 0, ADDRESS(address)));
    TRY(connect(client, ADDRESS(address)));
    show_names("after connect to port 0", client);
    TRY(bind(server, ADDRESS(wild)));
    show_names("of the wildcard", server);
    wild = any(port_of(server));
    int other = datagram_socket();
    TRY(sendto(other, "to any", 6, 0, ADDRESS(wild)));
    settle();
    recv_from("by the wildcard", server);
    TRY(connect(other, ADDRESS(wild)));
    show_names("connected to any", other);
    TRY(sendto(other, "x", 1, 0, (struct sockaddr *)&wild, 3));
    wild.ss_family = AF_UNIX;
    TRY(sendto(other, "x", 1, 0, ADDRESS(wild)));
    wild.ss_family = AF_UNSPEC;
    TRY(sendto(other, "x", 1, 0, ADDRESS(wild)));
    TRY(recvfrom(server, &from, 0, MSG_DONTWAIT, (struct sockaddr *)&from, &length));
}

static void other_loopback_addresses(void)
{
    int server = datagram_socket(), client = datagram_socket();
    struct sockaddr_in address = {.sin_family = AF_INET};
    inet_pton(AF_INET, "127.0.0.2", &address.sin_addr);
    TRY(bind(server, (struct sockaddr *)&address, sizeof address));
    address.sin_port = htons((uint16_t)port_of(server));
    TRY(sendto(client, "x", 1, 0, (struct sockaddr *)&address, sizeof address));
    settle();
    recv_from("at 127.0.0.2", server);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    TRY(sendto(client, "y", 1, 0, (struct sockaddr *)&address, sizeof address));
    settle();
    recv_from("sent to 127.0.0.1", server);
}

static void timeout(void)
{
    int fd = bound_datagram();
    struct timeval limit = {.tv_usec = 100000};
    struct sockaddr_storage from;
    socklen_t length = sizeof from;
    char byte;
    TRY(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
    TRY(recv(fd, &byte, 1, 0));
    TRY(recvfrom(fd, &byte, 1, 0, (struct sockaddr *)&from, &length));
    struct iovec io = {&byte, 1};
    struct msghdr message = {.msg_iov = &io, .msg_iovlen = 1};
    TRY(recvmsg(fd, &message, 0));
}

const struct scenario udp_scenarios[] = {
    {"udp-fresh", fresh, BOTH},
    {"udp-names", names, BOTH},
    {"udp-connected", connected, BOTH},
    {"udp-native-calls", native_calls, BOTH},
    {"udp-native-burst", native_burst, BOTH},
    {"udp-disconnect", disconnect, BOTH},
    {"udp-refused", refused, BOTH},
    {"udp-refused-native", refused_native, BOTH},
    {"udp-refused-unconnected", refused_unconnected, BOTH},
    {"udp-closed-meanwhile", closed_meanwhile, BOTH},
    {"udp-conflicts", conflicts, BOTH},
    {"udp-last-bound-hears", last_bound_hears, BOTH},
    {"udp-most-specific-hears", most_specific_hears, BOTH},
    {"udp-shutting-down", shutting_down, BOTH},
    {"udp-sizes", sizes, BOTH},
    {"udp-queue-overflows", queue_overflows, BOTH},
    {"udp-ports-and-addresses", ports_and_addresses, BOTH},
    {"udp-other-loopback-addresses", other_loopback_addresses, V4},
    {"udp-timeout", timeout, BOTH},
    {NULL, NULL, 0}};
