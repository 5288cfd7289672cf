/* SPDX-License-Identifier: BSD-2-Clause */
/* Arguments: memory, descriptors, lengths, addresses. Good ones mostly, else a call gets nowhere.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/un.h>
#include <unistd.h>

#include "callfuzz.h"

enum { PAGE = 4096, ROOM = 128 * PAGE, PATTERN = 0xa5, SHOWN = 48 };
enum { N_OTHERS = 6 };

int slots[MAX_SLOTS];
uint16_t first_port;
int seed_family, epoll_fd;

/* Memory for arguments; behind it a page that cannot be touched. What holds addresses has one of
 * its own: data of which more is sent than there is would show them, and they are never the same
 * twice. */
struct room {
    uint8_t *start, *closed;
    size_t taken;
    bool at_end;
};
static _Thread_local struct room data_room, pointer_room;
static _Thread_local uint8_t *read_only;
static _Thread_local struct area areas[MAX_AREAS];
static _Thread_local int n_areas;
static int next_slot, others[N_OTHERS];

static void room_open(struct room *room)
{
    room->start =
        mmap(NULL, ROOM + 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    room->closed = room->start + ROOM;
    mprotect(room->closed, PAGE, PROT_NONE);
    read_only = room->closed + PAGE;
    mprotect(read_only, PAGE, PROT_READ);
}

void args_open(void)
{
    int ends[2];

    for (int i = 0; i < MAX_SLOTS; i++)
        slots[i] = -1;
    next_slot = 0;
    seed_family = once_in(2) ? AF_INET : AF_INET6;
    (void)!pipe2(ends, O_NONBLOCK);
    others[0] = ends[0];
    others[1] = ends[1];
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends);
    others[2] = ends[0];
    others[3] = ends[1];
    others[4] = open("/dev/null", O_RDWR);
    others[5] = epoll_fd = epoll_create1(0);
}

void args_begin(void)
{
    if (data_room.start == NULL) {
        room_open(&data_room);
        room_open(&pointer_room);
    }
    data_room.taken = pointer_room.taken = 0;
    data_room.at_end = pointer_room.at_end = false;
    n_areas = 0;
}

static struct area *area(uint64_t at, uint8_t *mine, size_t len, bool whole)
{
    struct area *a = &areas[n_areas++ % MAX_AREAS];
    *a = (struct area){at, mine, len, whole};
    return a;
}

static struct area *good_memory_in(struct room *room, size_t len)
{
    uint8_t *at = room->start + room->taken;
    room->taken += (len + 64) & ~(size_t)15;
    memset(at, PATTERN, len);
    return area((uint64_t)(uintptr_t)at, at, len, true);
}

static struct area *memory_in(struct room *room, size_t len)
{
    if (!once_in(12)) {
        say("ok");
        return good_memory_in(room, len);
    }
    switch (below(6)) {
    case 0:
        say("NULL");
        return area(0, NULL, 0, false);
    case 1:
        say("read-only");
        return area((uint64_t)(uintptr_t)read_only, NULL, 0, false);
    case 2:
        say("closed");
        return area((uint64_t)(uintptr_t)room->closed, NULL, 0, false);
    case 3:
        say("kernel");
        return area(0xffff888000000000ULL, NULL, 0, false);
    case 4:
        say("1");
        return area(1, NULL, 0, false);
    default: {
        size_t have = len == 0 || room->at_end ? 0 : below((uint32_t)(len < PAGE ? len : PAGE));
        uint8_t *at = room->closed - have;
        say("end-%zu", have);
        room->at_end = true;
        memset(at, PATTERN, have);
        return area((uint64_t)(uintptr_t)at, at, have, false);
    }
    }
}

struct area *good_memory(size_t len)
{
    return good_memory_in(&data_room, len);
}

struct area *memory(size_t len)
{
    return memory_in(&data_room, len);
}

struct area *memory_for_pointers(size_t len)
{
    return memory_in(&pointer_room, len);
}

void show_changed(const char *name, const struct area *a, size_t most)
{
    size_t n = a->len < most ? a->len : most;
    while (n > 0 && a->mine[n - 1] == PATTERN)
        n--;
    if (n == 0)
        return;
    uint32_t hash = 2166136261U; /* FNV-1a */
    say(" %s:", name);
    for (size_t i = 0; i < n; i++) {
        if (i < SHOWN)
            say("%02x", a->mine[i]);
        hash = (hash ^ a->mine[i]) * 16777619U;
    }
    if (n > SHOWN)
        say("...%zu bytes,%08x", n, hash);
}

int a_descriptor(void)
{
    static const int bad[] = {-1, 900, 1000000, INT_MAX, INT_MIN, -100};
    int fd = once_in(40)   ? PICK(bad)
             : once_in(25) ? others[below(N_OTHERS)]
                           : slots[below(MAX_SLOTS)];
    say("%d", fd);
    return fd;
}

int a_slot(void)
{
    int i = next_slot++ % MAX_SLOTS;
    if (slots[i] >= 0)
        close(slots[i]);
    slots[i] = -1;
    return i;
}

void keep(int fd)
{
    int one = 1;
    if (fd < 0)
        return;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &one, sizeof(one));
    slots[(next_slot + MAX_SLOTS - 1) % MAX_SLOTS] = fd;
}

int garbage_int(void)
{
    static const int values[] = {0,   1,   2,   -1,  3,   4,     8,     16,      64,
                                 100, 127, 128, 255, 256, 65535, 65536, INT_MAX, INT_MIN};
    return PICK(values);
}

uint32_t a_length(uint32_t usual)
{
    static const uint32_t odd[] = {0,    1,          2,          3,          4,         7,
                                   8,    16,         28,         127,        128,       129,
                                   4096, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff0};
    uint32_t len = once_in(8) ? PICK(odd) : usual;
    say(", %d", (int)len);
    return len;
}

int some_flags(const int *from, size_t n)
{
    int flags = 0;
    if (!once_in(3))
        for (uint32_t i = below(3); i > 0; i--)
            flags |= from[below((uint32_t)n)];
    return flags;
}

/* ---- addresses ---- */

static uint16_t a_port(void)
{
    return once_in(6) ? 0 : (uint16_t)(first_port + below(N_PORTS));
}

static socklen_t make_in(struct sockaddr_storage *to, const char *text, uint16_t port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, text, &in.sin_addr);
    memcpy(to, &in, sizeof(in));
    return sizeof(in);
}

static socklen_t make_in6(struct sockaddr_storage *to, const char *text, uint16_t port)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    inet_pton(AF_INET6, text, &in6.sin6_addr);
    memcpy(to, &in6, sizeof(in6));
    return sizeof(in6);
}

static const char *const usual4[] = {"127.0.0.1", "127.0.0.1", "127.0.0.1", "0.0.0.0", "127.0.0.2"};
static const char *const odd4[] = {"255.255.255.255", "224.0.0.1", "192.0.2.1", "127.255.255.255",
                                   "240.0.0.1"};
static const char *const usual6[] = {"::1", "::1", "::1", "::", "::ffff:127.0.0.1"};
static const char *const odd6[] = {"ff02::1",        "fe80::1",     "2001:db8::1",
                                   "::ffff:0.0.0.0", "::127.0.0.1", "ff01::1"};

/* The odd ones are rare: after them there is little more to come. */
static socklen_t make_address(struct sockaddr_storage *to)
{
    static const int families[] = {AF_UNSPEC, AF_UNIX, AF_NETLINK, 3, 255, 65535};
    memset(to, 0, sizeof(*to));
    uint16_t port = a_port();
    if (once_in(20)) {
        socklen_t len = make_in(to, PICK(usual4), port);
        to->ss_family = (sa_family_t)PICK(families);
        say("family %d", to->ss_family);
        return to->ss_family == AF_UNIX ? (socklen_t)sizeof(sa_family_t) + 5 : len;
    }
    bool ip4 = (seed_family == AF_INET) != once_in(8);
    const char *text = ip4           ? once_in(12) ? PICK(odd4) : PICK(usual4)
                                 : once_in(12) ? PICK(odd6)
                                     : PICK(usual6);
    say("%s port %d", text, port == 0 ? 0 : port - first_port + 1);
    return ip4 ? make_in(to, text, port) : make_in6(to, text, port);
}

struct area *an_address(int *ret_len)
{
    struct sockaddr_storage address;
    say(", ");
    socklen_t len = make_address(&address);
    say(" at ");
    struct area *a = memory(len);
    if (a->mine != NULL)
        memcpy(a->mine, &address, a->len < len ? a->len : len);
    *ret_len = (int)a_length(len);
    return a;
}

static void show_port(uint16_t port)
{
    if (port >= first_port && port < first_port + N_PORTS)
        say(" port %d", port - first_port + 1);
    else
        say(port == 0 ? " port 0" : " port e");
}

void show_address(const struct area *a, const struct area *length)
{
    char text[INET6_ADDRSTRLEN];
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    int len = -1;

    if (a == NULL || a->mine == NULL || length == NULL || !length->whole)
        return;
    memcpy(&len, length->mine, sizeof(len));
    say(" length %d", len);
    memcpy(&in, a->mine, a->len < sizeof(in) ? a->len : sizeof(in));
    memcpy(&in6, a->mine, a->len < sizeof(in6) ? a->len : sizeof(in6));
    if (len == (int)sizeof(in) && a->len >= sizeof(in)) {
        say(" from %s", inet_ntop(AF_INET, &in.sin_addr, text, sizeof(text)));
        show_port(ntohs(in.sin_port));
    } else if (len == (int)sizeof(in6) && a->len >= sizeof(in6)) {
        say(" from %s", inet_ntop(AF_INET6, &in6.sin6_addr, text, sizeof(text)));
        show_port(ntohs(in6.sin6_port));
    } else {
        show_changed("address", a, 2);
    }
}
