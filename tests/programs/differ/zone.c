/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: zones (RFC 4007): addresses that each link has one of, bound and connected to with and
 * without their link. */
#include "differ.h"

#include <arpa/inet.h>
#include <net/if.h>

static struct sockaddr_storage zoned(const char *text, unsigned zone, int port)
{
    struct sockaddr_in6 in6 = {
        .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_scope_id = zone};
    struct sockaddr_storage address = {0};
    MUST(inet_pton(AF_INET6, text, &in6.sin6_addr));
    memcpy(&address, &in6, sizeof in6);
    return address;
}

static void show_zones(int fd)
{
    struct sockaddr_in6 in6 = {0};
    socklen_t length = sizeof in6;
    char text[INET6_ADDRSTRLEN];
    TRY(getsockname(fd, (struct sockaddr *)&in6, &length));
    say("  %s%%%u%s", inet_ntop(AF_INET6, &in6.sin6_addr, text, sizeof text), in6.sin6_scope_id,
        in6.sin6_port ? ", a port" : "");
    OPTION(fd, SOL_SOCKET, SO_BINDTOIFINDEX);
}

static const char *const addresses[] = {"fe80::1", "ff01::1", "ff02::1", "ff12::7",
                                        "ff05::1", "::1",     "::",      "::ffff:127.0.0.1"};
enum { ADDRESSES = sizeof addresses / sizeof addresses[0] };

static void bind_in(int type, const char *address, unsigned zone, int of_lo)
{
    int fd = MUST(socket(AF_INET6, type, 0));
    struct sockaddr_storage in = zoned(address, zone, 0), without = zoned(address, 0, 0);
    say("%s%%%u, a socket of %d", address, zone, of_lo);
    if (of_lo)
        MUST(set_int(fd, SOL_SOCKET, SO_BINDTOIFINDEX, of_lo));
    TRY(bind(fd, ADDRESS(in)));
    show_zones(fd);
    TRY(bind(fd, ADDRESS(without)));
    close(fd);
}

static void bind_all(int type)
{
    for (int i = 0; i < ADDRESSES; i++) {
        for (unsigned zone = 0; zone <= 77; zone += zone ? 76 : 1)
            bind_in(type, addresses[i], zone, 0);
        bind_in(type, addresses[i], 0, 1);
        bind_in(type, addresses[i], 1, 77);
    }
}

static void zone_bind(void)
{
    bind_all(SOCK_STREAM);
    bind_all(SOCK_DGRAM);
}

/* A zone that there is not, and none; where lo leads is the machine's affair. */
static void zone_connect(void)
{
    for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
        for (int i = 0; i < 6; i++) {
            int fd = MUST(socket(AF_INET6, type, 0));
            struct sockaddr_storage none = zoned(addresses[i], 0, 9);
            struct sockaddr_storage absent = zoned(addresses[i], 77, 9);
            say("%s", addresses[i]);
            if (i < 4)
                TRY(connect(fd, ADDRESS(none)));
            if (i < 4)
                TRY(connect(fd, ADDRESS(absent)));
            show_zones(fd);
            close(fd);
        }
    }
}

/* connect() takes a port before it looks where to; who has no peer any more is of no link either.
 */
static void connect_keeps(void)
{
    int fd = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    struct sockaddr_in all = {.sin_family = AF_INET, .sin_port = htons(9)};
    struct sockaddr_storage here = loopback(0);
    struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    all.sin_addr.s_addr = htonl(0x7fffffff);
    TRY(connect(fd, (struct sockaddr *)&all, sizeof all));
    TRY(bind(fd, ADDRESS(here)));
    close(fd);
    fd = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    all.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    TRY(set_int(fd, SOL_SOCKET, SO_BINDTOIFINDEX, 1));
    TRY(connect(fd, (struct sockaddr *)&all, sizeof all));
    OPTION(fd, SOL_SOCKET, SO_BINDTOIFINDEX);
    TRY(connect(fd, &nobody, sizeof nobody));
    OPTION(fd, SOL_SOCKET, SO_BINDTOIFINDEX);
}

const struct scenario zone_scenarios[] = {
    {"zone-bind", zone_bind, V6},
    {"zone-connect", zone_connect, V6},
    {"zone-connect-keeps", connect_keeps, V4},
    {0},
};
