/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What else two ends do to each other than moving bytes, with the kernel at one and Sockworks at
 * the other: each scenario is played with either in either part, over IPv4 and IPv6. The first part
 * is the client's, or whose behaviour is asked for.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "flow.h"

struct scene {
    struct world world;
    int family;
    int first; /* the side that plays the first part */
    uint16_t port;
    struct sock socks[2]; /* [0]: of the first part, [1]: of the second */
};

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return #condition;                                                                     \
    } while (0)

static int meet(struct scene *scene)
{
    struct sock socks[2];
    int r = world_connect(&scene->world, scene->family, scene->first, scene->port, socks);
    if (r < 0)
        return r;
    scene->socks[0] = socks[scene->first];
    scene->socks[1] = socks[1 - scene->first];
    return 0;
}

/* Until recv() says something else than -EAGAIN; that. */
static int64_t await(struct scene *scene, struct sock *sock, unsigned ms)
{
    char buf[4096];
    int64_t n;
    uint64_t end_ns = sw_cable_now() + ms * MS;
    while ((n = sock_recv(sock, buf, sizeof(buf))) == -EAGAIN && sw_cable_now() < end_ns)
        world_turn(&scene->world, sw_cable_now() + 5 * MS);
    return n;
}

static const char *refused(struct scene *scene)
{
    struct sw_addr to = side_addr(&scene->world.side[1 - scene->first], scene->family, 1);
    MUST(sock_open(&scene->world.side[scene->first], scene->family, &scene->socks[0]) == 0);
    MUST(sock_connect(&scene->socks[0], &to) == -EINPROGRESS);
    world_pass(&scene->world, 100 * MS);
    MUST(sock_error(&scene->socks[0]) == ECONNREFUSED);
    return NULL;
}

static const char *half_close(struct scene *scene)
{
    MUST(meet(scene) == 0);
    MUST(sock_shutdown(&scene->socks[0], SW_SHUT_WR) == 0);
    MUST(await(scene, &scene->socks[1], 1000) == 0);
    MUST(sock_send(&scene->socks[1], "answer", 6) == 6);
    MUST(await(scene, &scene->socks[0], 1000) == 6);
    sock_close(&scene->socks[1]);
    MUST(await(scene, &scene->socks[0], 1000) == 0);
    return NULL;
}

static const char *aborted(struct scene *scene)
{
    MUST(meet(scene) == 0);
    sock_abort(&scene->socks[0]);
    MUST(await(scene, &scene->socks[1], 1000) == -ECONNRESET);
    return NULL;
}

static const char *closed_unread(struct scene *scene)
{
    MUST(meet(scene) == 0);
    MUST(sock_send(&scene->socks[1], "unread", 6) == 6);
    world_pass(&scene->world, 50 * MS);
    sock_close(&scene->socks[0]);
    MUST(await(scene, &scene->socks[1], 1000) == -ECONNRESET);
    return NULL;
}

/* More connections than the backlog holds: all are accepted in the end, and carry their byte. */
static const char *backlog(struct scene *scene)
{
    enum { CLIENTS = 8, BACKLOG = 2 };
    struct side *from = &scene->world.side[scene->first];
    struct side *to_side = &scene->world.side[1 - scene->first];
    struct sw_addr to = side_addr(to_side, scene->family, scene->port);
    struct sock listener, clients[CLIENTS], accepted;
    int n = 0;
    /* With cookies an ACK that finds the queue full is lost for good: nobody remembers the SYN. */
    world_set(&scene->world, to_side->index, "tcp_syncookies", "0");
    MUST(sock_open(to_side, scene->family, &listener) == 0);
    MUST(sock_listen(&listener, scene->family, scene->port, BACKLOG) == 0);
    for (int i = 0; i < CLIENTS; i++) {
        MUST(sock_open(from, scene->family, &clients[i]) == 0);
        MUST(sock_connect(&clients[i], &to) == -EINPROGRESS);
    }
    world_pass(&scene->world, 100 * MS);
    uint64_t end_ns = sw_cable_now() + 15000 * MS;
    while (n < CLIENTS && sw_cable_now() < end_ns) {
        world_turn(&scene->world, sw_cable_now() + 20 * MS);
        while (sock_accept(&listener, &accepted) == 0) {
            MUST(sock_send(&accepted, "x", 1) == 1);
            sock_close(&accepted);
            n++;
        }
    }
    MUST(n == CLIENTS);
    for (int i = 0; i < CLIENTS; i++) {
        MUST(await(scene, &clients[i], 1000) == 1);
        sock_close(&clients[i]);
    }
    sock_close(&listener);
    return NULL;
}

static const char *keepalive(struct scene *scene)
{
    static const int on = 1, count = 2;
    struct sock *s = &scene->socks[0];
    MUST(meet(scene) == 0);
    MUST(sock_set(s, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) == 0);
    MUST(sock_set(s, IPPROTO_TCP, TCP_KEEPINTVL, &on, sizeof(on)) == 0);
    MUST(sock_set(s, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count)) == 0);
    MUST(sock_set(s, IPPROTO_TCP, TCP_KEEPIDLE, &on, sizeof(on)) == 0);
    MUST(await(scene, s, 2500) == -EAGAIN); /* probes were answered */
    for (int e = 0; e < 2; e++)
        sw_link_set(scene->world.cables[0].link, e, &(struct sw_link_conditions){.down = true});
    MUST(await(scene, s, 6000) == -ETIMEDOUT);
    return NULL;
}

/* The second part does not read until the first can send no more; then all arrives. */
static const char *zero_window(struct scene *scene)
{
    MUST(meet(scene) == 0);
    struct flow flow = {.from = &scene->socks[0], .to = &scene->socks[1], .size = 12000000};
    uint64_t end_ns = sw_cable_now() + 2000 * MS;
    while (sw_cable_now() < end_ns) {
        flow_send(&flow);
        world_turn(&scene->world, sw_cable_now() + 20 * MS);
    }
    MUST(flow.sent < flow.size);
    MUST(flow_run(&scene->world, &flow, 20000) == 0);
    return NULL;
}

/* Over a router whose further link is narrower: found by its ICMP messages, in either direction. */
static const char *path_mtu(struct scene *scene)
{
    MUST(meet(scene) == 0);
    struct flow there = {.from = &scene->socks[0], .to = &scene->socks[1], .size = 1000000};
    struct flow back = {.from = &scene->socks[1], .to = &scene->socks[0], .size = 1000000};
    MUST(flow_run(&scene->world, &there, 20000) == 0);
    MUST(flow_run(&scene->world, &back, 20000) == 0);
    return NULL;
}

static const struct {
    const char *name;
    const char *(*play)(struct scene *);
    uint32_t router_mtu;
} scenarios[] = {
    {"connection refused", refused, 0},
    {"half-close", half_close, 0},
    {"reset", aborted, 0},
    {"close with data unread", closed_unread, 0},
    {"backlog", backlog, 0},
    {"keepalive", keepalive, 0},
    {"zero window", zero_window, 0},
    {"path MTU of 1,280", path_mtu, 1280},
};

int main(void)
{
    int n = 0, failed = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    world_need();
    for (unsigned i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
        for (int turn = 0; turn < 4; turn++) {
            struct scene scene = {.family = turn & 1 ? SW_AF_INET6 : SW_AF_INET,
                                  .first = turn >> 1,
                                  .port = (uint16_t)(6000 + n)};
            struct world_config config = {
                .kinds = {KERNEL, SOCKWORKS}, .seed = 1, .router_mtu = scenarios[i].router_mtu};
            world_init(&scene.world, &config);
            const char *wrong = scenarios[i].play(&scene);
            printf("%s%s, IPv%d, first: %s%s%s\n", wrong ? "FAILED: " : "ok: ", scenarios[i].name,
                   turn & 1 ? 6 : 4, kind_names[scene.first == 0 ? KERNEL : SOCKWORKS],
                   wrong ? ": not " : "", wrong ? wrong : "");
            sock_close(&scene.socks[0]);
            sock_close(&scene.socks[1]);
            world_fini(&scene.world);
            n++;
            failed += wrong != NULL;
        }
    printf("%d scenes, %d failed\n", n, failed);
    return failed > 0;
}
