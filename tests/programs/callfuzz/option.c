/* SPDX-License-Identifier: BSD-2-Clause */
/* getsockopt, setsockopt, ioctl. */
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "callfuzz.h"

enum { VALUE = 64 };

static const int levels[] = {SOL_SOCKET,   SOL_SOCKET,  IPPROTO_IP,
                             IPPROTO_IPV6, IPPROTO_TCP, IPPROTO_UDP};
static const int odd_levels[] = {255 /* SOL_RAW */, IPPROTO_ICMP, IPPROTO_ICMPV6, 2, -1, 1000};

static int a_level(void)
{
    int level = once_in(15) ? PICK(odd_levels) : PICK(levels);
    say(", %d", level);
    return level;
}

static int a_name(void)
{
    int name = once_in(15) ? garbage_int() : (int)below(85);
    say(", %d", name);
    return name;
}

/* Options whose effect on later calls is a matter of time or of sizes, which are not compared here;
 * and those of administrators' doings. */
static bool leave_alone(int level, int name)
{
    static const struct {
        int level, name;
    } all[] = {
        {SOL_SOCKET, SO_RCVBUF},
        {SOL_SOCKET, SO_SNDBUF},
        {SOL_SOCKET, 32 /* SNDBUFFORCE */},
        {SOL_SOCKET, 33 /* RCVBUFFORCE */},
        {SOL_SOCKET, SO_LINGER},
        {SOL_SOCKET, 47 /* MAX_PACING_RATE */},
        {SOL_SOCKET, SO_RCVLOWAT},
        {IPPROTO_TCP, TCP_NODELAY},
        {IPPROTO_TCP, TCP_CORK},
        {IPPROTO_TCP, TCP_DEFER_ACCEPT},
        {IPPROTO_TCP, TCP_WINDOW_CLAMP},
        {IPPROTO_TCP, TCP_USER_TIMEOUT},
        {IPPROTO_TCP, TCP_FASTOPEN_CONNECT},
        {IPPROTO_UDP, UDP_CORK},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (all[i].level == level && all[i].name == name)
            return true;
    return false;
}

void call_setsockopt(void)
{
    int value[VALUE / 4] = {0};

    say("setsockopt(");
    int fd = a_descriptor(), level = a_level(), name = a_name();
    if (leave_alone(level, name))
        say(" no: %d", name = 1000);
    value[0] = once_in(2) ? (int)below(3) : garbage_int();
    say(", %d at ", value[0]);
    struct area *a = memory(sizeof(value));
    if (a->mine != NULL)
        memcpy(a->mine, value, a->len);
    uint32_t len = a_length(4);
    result_of(SYS_setsockopt, (uint64_t)fd, (uint64_t)(int64_t)level, (uint64_t)(int64_t)name,
              a->at, len, 0);
}

/* Values that may differ: test_options.py compares those that may not. */
static bool is_plain(int level, int name)
{
    static const int plain[] = {SO_REUSEADDR,  SO_TYPE,      SO_ERROR,     SO_DONTROUTE,
                                SO_BROADCAST,  SO_KEEPALIVE, SO_OOBINLINE, SO_REUSEPORT,
                                SO_ACCEPTCONN, SO_PROTOCOL,  SO_DOMAIN};
    for (size_t i = 0; level == SOL_SOCKET && i < sizeof(plain) / sizeof(plain[0]); i++)
        if (plain[i] == name)
            return true;
    return level == IPPROTO_IPV6 && name == IPV6_V6ONLY;
}

void call_getsockopt(void)
{
    static const int sure[] = {SO_ERROR, SO_TYPE, SO_ACCEPTCONN, SO_DOMAIN};

    say("getsockopt(");
    int fd = a_descriptor(), level, name;
    if (once_in(2)) {
        level = SOL_SOCKET;
        say(", 1, %d", name = PICK(sure));
    } else {
        level = a_level();
        name = a_name();
    }
    say(", ");
    struct area *a = memory(VALUE);
    say(", ");
    struct area *length = memory(sizeof(int));
    int len = (int)a_length(4);
    if (length->whole)
        memcpy(length->mine, &len, sizeof(len));
    long r = result_of(SYS_getsockopt, (uint64_t)fd, (uint64_t)(int64_t)level,
                       (uint64_t)(int64_t)name, a->at, length->at, 0);
    if (r == 0 && length->whole) {
        memcpy(&len, length->mine, sizeof(len));
        say(" length %d", len);
        if (is_plain(level, name))
            show_changed("value", a, (size_t)len);
    }
}

void call_ioctl(void)
{
    static const uint32_t requests[] = {
        FIONREAD,     SIOCOUTQ,    SIOCATMARK,     SIOCGIFCONF, SIOCGIFNAME,  SIOCGIFINDEX,
        SIOCGIFFLAGS, SIOCGIFADDR, SIOCGIFNETMASK, SIOCGIFMTU,  SIOCSIFFLAGS, SIOCGPGRP,
        SIOCOUTQNSD,  0x8906,      0x8907,         TCGETS,      SIOCADDRT,    SIOCDELRT};
    static const char *const names[] = {"lo", "lo", "", "nothing", "lo:1", "eth999"};
    struct ifreq r;

    say("ioctl(");
    int fd = a_descriptor();
    uint32_t request = once_in(10) ? 0x8900 + below(256) : PICK(requests);
    if (request == SIOCSPGRP || request == FIOSETOWN)
        request = FIONREAD;
    memset(&r, 0, sizeof(r));
    const char *name = PICK(names);
    snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
    say(", 0x%x, \"%s\" at ", request, name);
    struct area *a = memory_for_pointers(sizeof(r));
    if (a->mine != NULL)
        memcpy(a->mine, &r, a->len);
    if (request == SIOCGIFCONF && a->whole) {
        struct ifconf conf = {.ifc_len = garbage_int()};
        say("{%d, ", conf.ifc_len);
        conf.ifc_buf = (char *)(uintptr_t)memory(4096)->at;
        memcpy(a->mine, &conf, sizeof(conf));
        say("}");
    }
    long n = result_of(SYS_ioctl, (uint64_t)fd, request, a->at, 0, 0, 0);
    if (n == 0 && a->whole &&
        (request < SIOCGIFCONF || request == SIOCATMARK || request == SIOCOUTQ)) {
        int value;
        memcpy(&value, a->mine, sizeof(value));
        say(" value %d", value);
    } else if (n == 0 && a->whole && request == SIOCGIFCONF) {
        show_changed("length", a, 4);
    }
}
