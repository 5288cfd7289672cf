/* SPDX-License-Identifier: BSD-2-Clause */
/* Two sides and a cable. Namespaces are entered to make devices and sockets, and left again: a
 * socket stays in the one it was made in. */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/tun.h"

const char *const kind_names[] = {"kernel", "Sockworks"};

static _Noreturn void die(const char *what, int error)
{
    fprintf(stderr, "%s: %s\n", what, strerror(error));
    exit(1);
}

static _Noreturn void skip(const char *what, int error)
{
    printf("skipped: %s: %s\n", what, strerror(error));
    exit(EXIT_SKIP);
}

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        skip(path, errno);
    close(fd);
}

/* An ordinary user needs a user namespace first, in which he is root. */
static void become_root(void)
{
    char map[32];
    unsigned uid = geteuid();
    if (uid == 0)
        return;
    if (unshare(CLONE_NEWUSER) < 0)
        skip("no user namespace", errno);
    snprintf(map, sizeof(map), "0 %u 1", uid);
    write_file("/proc/self/uid_map", map);
}

void world_need(void)
{
    become_root();
    if (unshare(CLONE_NEWNET) < 0)
        skip("no network namespace", errno);
    int tun = sw_tun_open("probe", true);
    if (tun < 0)
        skip("no TUN device (/dev/net/tun)", -tun);
    close(tun);
    prctl(PR_SET_TIMERSLACK, 1UL);
}

static int this_netns(void)
{
    int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        die("/proc/self/ns/net", errno);
    return fd;
}

static int new_netns(void)
{
    if (unshare(CLONE_NEWNET) < 0)
        die("unshare", errno);
    return this_netns();
}

static void enter(int netns)
{
    if (setns(netns, CLONE_NEWNET) < 0)
        die("setns", errno);
}

static void put_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        die(path, errno);
    close(fd);
}

/* An IPv6 address may be used only once a work queue has found that nobody else has it, though on
 * such a device nobody is asked. */
static void await_address(const struct sw_ip *ip6)
{
    struct sockaddr_in6 name = {.sin6_family = AF_INET6};
    memcpy(&name.sin6_addr, ip6->b, 16);
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    for (int i = 0; bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0; i++) {
        if (errno != EADDRNOTAVAIL || i == 2000)
            die("IPv6 address", errno);
        usleep(1000);
    }
    close(fd);
}

/* A device in the present namespace with addresses like those of side `index`, the last byte
 * `last`. */
static int new_device(const char *name, int index, uint8_t last, bool narrow, uint32_t mtu,
                      bool ethernet, bool offload)
{
    char dad[64];
    uint8_t n = (uint8_t)(index + 1);
    struct sw_ip ip4 = SW_IP4(10, n, 0, last);
    struct sw_ip ip6 = {{0xfd, 0x99, 0, n, [15] = last}};
    int tun = ethernet ? sw_tap_open(name, offload) : sw_tun_open(name, offload);
    if (tun < 0)
        die("tun", -tun);
    snprintf(dad, sizeof(dad), "/proc/sys/net/ipv6/conf/%s/accept_dad", name);
    put_text(dad, "0"); /* a second for each world, to find that nobody else is there */
    int r = sw_tun_up(name, mtu);
    if (r == 0)
        r = sw_tun_add_addr(name, &ip4, narrow ? 16 : 8);
    if (r == 0)
        r = sw_tun_add_addr(name, &ip6, narrow ? 32 : 16);
    if (r < 0)
        die(name, -r);
    await_address(&ip6);
    return tun;
}

/* The cable's end of a kernel's TAP device stands for the other side. */
static void new_station(struct side *side, int index_of_other)
{
    struct side other = {.index = index_of_other};
    uint8_t own[6] = {0x02, [5] = (uint8_t)(1 + index_of_other)};
    struct sw_addr ip4 = side_addr(&other, AF_INET, 0), ip6 = side_addr(&other, AF_INET6, 0);
    sw_tap_init(&side->tap, side->tun, own);
    sw_tap_add_addr(&side->tap, &ip4.ip);
    sw_tap_add_addr(&side->tap, &ip6.ip);
}

static void new_host(struct side *side, uint32_t mtu, bool offload, uint64_t seed)
{
    struct sw_host_config config = {.now_ns = sw_cable_now()};
    memcpy(config.seed, &seed, sizeof(seed));
    config.seed[15] = (uint8_t)side->index;
    side->host = sw_host_new(&config);
    struct sw_iface_config iface = {.name = "tun", .mtu = mtu};
    if (offload) {
        iface.gso_max = SW_TUN_GSO_MAX;
        iface.csum_offload = true;
    }
    struct sw_addr ip4 = side_addr(side, AF_INET, 0), ip6 = side_addr(side, AF_INET6, 0);
    if (!side->host || sw_host_add_iface(side->host, &iface) != 1 ||
        sw_host_add_addr(side->host, 1, &ip4.ip, 8) || sw_host_add_addr(side->host, 1, &ip6.ip, 16))
        die("host", ENOMEM);
}

static void new_router(struct world *world, const struct world_config *config, uint32_t mtu)
{
    world->router = new_netns();
    put_text("/proc/sys/net/ipv4/ip_forward", "1");
    put_text("/proc/sys/net/ipv6/conf/all/forwarding", "1");
    world->router_tuns[0] = new_device("r0", 0, 1, true, mtu, false, false);
    world->router_tuns[1] = new_device("r1", 1, 1, true, config->router_mtu, false, false);
}

static struct sw_cable_end end_of(struct side *side)
{
    return (struct sw_cable_end){.host = side->host,
                                 .iface = 1,
                                 .tun = side->tun,
                                 .tap = side->ethernet ? &side->tap : NULL};
}

static struct sw_link *new_link(struct world *world, const struct world_config *config,
                                uint32_t mtu)
{
    struct sw_link_config link = {.mtu = mtu, .seed = config->seed, .mem = world->cables[0].mem};
    struct sw_link *made = sw_link_new(&link);
    for (int e = 0; e < 2; e++)
        sw_link_set(made, e, &config->conditions[e]);
    return made;
}

void world_init(struct world *world, const struct world_config *config)
{
    uint32_t mtu = config->mtu ? config->mtu : 1500;
    *world = (struct world){.router = -1, .n_cables = 1, .home = this_netns()};
    for (int i = 0; i < 2; i++) {
        struct side *side = &world->side[i];
        *side = (struct side){.kind = config->kinds[i], .index = i, .tun = -1, .netns = -1};
        if (side->kind == KERNEL) {
            side->netns = new_netns();
            side->tun = new_device("tun", i, 2, false, mtu, config->ethernet, config->offload);
            side->ethernet = config->ethernet;
            if (side->ethernet)
                new_station(side, 1 - i);
        } else {
            new_host(side, mtu, config->offload, config->seed);
        }
    }
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    world->cables[0] =
        (struct sw_cable){{end_of(&world->side[0]), end_of(&world->side[1])}, .mem = mem};
    world->cables[0].link = new_link(world, config, mtu);
    if (config->router_mtu) {
        new_router(world, config, mtu);
        world->n_cables = 2;
        world->cables[1] = world->cables[0];
        world->cables[0].ends[1] = (struct sw_cable_end){.tun = world->router_tuns[0]};
        world->cables[1].ends[0] = (struct sw_cable_end){.tun = world->router_tuns[1]};
        world->cables[1].link = new_link(world, config, mtu);
    }
    enter(world->home);
}

void world_fini(struct world *world)
{
    for (int i = 0; i < world->n_cables; i++)
        sw_link_free(world->cables[i].link);
    sw_mem_put(world->cables[0].mem);
    for (int i = 0; i < 2; i++) {
        struct side *side = &world->side[i];
        sw_host_free(side->host);
        if (side->kind == KERNEL) {
            if (side->ethernet)
                sw_tap_fini(&side->tap);
            close(side->tun);
            close(side->netns);
        }
    }
    if (world->router >= 0) {
        close(world->router);
        close(world->router_tuns[0]);
        close(world->router_tuns[1]);
    }
    close(world->home);
}

bool world_set(struct world *world, int i, const char *name, const char *value)
{
    struct side *side = &world->side[i];
    if (side->kind == SOCKWORKS)
        return sw_host_set(side->host, name, value) == 0;
    char path[128];
    snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", name);
    enter(side->netns);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool done = fd >= 0 && write(fd, value, strlen(value)) > 0;
    if (fd >= 0)
        close(fd);
    enter(world->home);
    return done;
}

void world_turn(struct world *world, uint64_t until_ns)
{
    unsigned moved = 0;
    struct sw_cable *cables[2] = {&world->cables[0], &world->cables[1]};
    for (int i = 0; i < world->n_cables; i++)
        moved += sw_cable_carry(cables[i]);
    if (moved == 0)
        sw_cable_wait(cables, world->n_cables, until_ns);
}

void world_pass(struct world *world, uint64_t ns)
{
    uint64_t end_ns = sw_cable_now() + ns;
    while (sw_cable_now() < end_ns)
        world_turn(world, end_ns);
}

/* ---- sockets ------------------------------------------------------------------------------------
 */

struct sw_addr side_addr(const struct side *side, int family, uint16_t port)
{
    uint8_t n = (uint8_t)(side->index + 1);
    if (family == AF_INET)
        return (struct sw_addr){.ip = SW_IP4(10, n, 0, 2), .port = port};
    return (struct sw_addr){.ip = {{0xfd, 0x99, 0, n, [15] = 2}}, .port = port};
}

static socklen_t to_sockaddr(const struct sw_addr *addr, struct sockaddr_storage *ret_name)
{
    memset(ret_name, 0, sizeof(*ret_name));
    if (sw_ip_is4(&addr->ip)) {
        struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(addr->port)};
        memcpy(&sin.sin_addr, addr->ip.b + 12, 4);
        memcpy(ret_name, &sin, sizeof(sin));
        return sizeof(sin);
    }
    struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6, .sin6_port = htons(addr->port)};
    memcpy(&sin6.sin6_addr, addr->ip.b, 16);
    memcpy(ret_name, &sin6, sizeof(sin6));
    return sizeof(sin6);
}

static int64_t result_of(int64_t r)
{
    return r < 0 ? -errno : r;
}

int sock_open(struct side *side, int family, struct sock *ret_sock)
{
    *ret_sock = (struct sock){.side = side, .fd = -1};
    if (side->kind == SOCKWORKS)
        return sw_socket(side->host, family, SW_SOCK_STREAM, 0, &ret_sock->s);
    int home = this_netns();
    enter(side->netns);
    ret_sock->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = errno;
    enter(home);
    close(home);
    return ret_sock->fd < 0 ? -error : 0;
}

int sock_listen(struct sock *sock, int family, uint16_t port, int backlog)
{
    struct sw_addr local = side_addr(sock->side, family, port);
    int one = 1;
    sock_set(sock, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (sock->side->kind == SOCKWORKS) {
        int r = sw_bind(sock->side->host, sock->s, &local);
        return r < 0 ? r : sw_listen(sock->side->host, sock->s, backlog);
    }
    struct sockaddr_storage name;
    socklen_t len = to_sockaddr(&local, &name);
    if (bind(sock->fd, (struct sockaddr *)&name, len) < 0 || listen(sock->fd, backlog) < 0)
        return -errno;
    return 0;
}

int sock_connect(struct sock *sock, const struct sw_addr *to)
{
    if (sock->side->kind == SOCKWORKS)
        return sw_connect(sock->side->host, sock->s, to);
    struct sockaddr_storage name;
    socklen_t len = to_sockaddr(to, &name);
    return (int)result_of(connect(sock->fd, (struct sockaddr *)&name, len));
}

int sock_accept(struct sock *sock, struct sock *ret_sock)
{
    struct sock made = {.side = sock->side, .fd = -1};
    int r;
    if (sock->side->kind == SOCKWORKS)
        r = sw_accept(sock->side->host, sock->s, &made.s, NULL);
    else
        r = made.fd = (int)result_of(accept4(sock->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (r < 0)
        return r;
    *ret_sock = made;
    return 0;
}

int64_t sock_send(struct sock *sock, const void *buf, size_t len)
{
    if (sock->side->kind == SOCKWORKS)
        return sw_send(sock->side->host, sock->s, buf, len, 0, NULL);
    return result_of(send(sock->fd, buf, len, MSG_NOSIGNAL));
}

int64_t sock_recv(struct sock *sock, void *buf, size_t len)
{
    if (sock->side->kind == SOCKWORKS)
        return sw_recv(sock->side->host, sock->s, buf, len, 0, NULL);
    return result_of(recv(sock->fd, buf, len, 0));
}

int sock_shutdown(struct sock *sock, int how)
{
    if (sock->side->kind == SOCKWORKS)
        return sw_shutdown(sock->side->host, sock->s, how);
    return (int)result_of(shutdown(sock->fd, how));
}

void sock_close(struct sock *sock)
{
    if (!sock->side)
        return;
    if (sock->side->kind == SOCKWORKS)
        sw_close(sock->side->host, sock->s);
    else
        close(sock->fd);
    sock->side = NULL;
}

void sock_abort(struct sock *sock)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    sock_set(sock, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    sock_close(sock);
}

int sock_poll(struct sock *sock)
{
    if (sock->side->kind == SOCKWORKS)
        return sw_poll(sock->side->host, sock->s);
    struct pollfd p = {sock->fd, POLLIN | POLLOUT | POLLRDHUP, 0};
    poll(&p, 1, 0);
    return p.revents;
}

int sock_set(struct sock *sock, int level, int name, const void *val, size_t len)
{
    if (sock->side->kind == SOCKWORKS)
        return sw_setsockopt(sock->side->host, sock->s, level, name, val, len);
    return (int)result_of(setsockopt(sock->fd, level, name, val, (socklen_t)len));
}

int sock_get(struct sock *sock, int level, int name, void *val, size_t *len)
{
    if (sock->side->kind == SOCKWORKS)
        return sw_getsockopt(sock->side->host, sock->s, level, name, val, len);
    socklen_t n = (socklen_t)*len;
    int r = getsockopt(sock->fd, level, name, val, &n);
    *len = n;
    return (int)result_of(r);
}

int sock_error(struct sock *sock)
{
    int error = 0;
    size_t len = sizeof(error);
    int r = sock_get(sock, SOL_SOCKET, SO_ERROR, &error, &len);
    return r < 0 ? r : error;
}

int world_connect(struct world *world, int family, int client, uint16_t port, struct sock socks[2])
{
    struct side *from = &world->side[client], *to = &world->side[1 - client];
    struct sw_addr there = side_addr(to, family, port);
    struct sock listener;
    int r = sock_open(to, family, &listener);
    if (r == 0)
        r = sock_listen(&listener, family, port, 8);
    if (r == 0)
        r = sock_open(from, family, &socks[client]);
    if (r == 0)
        r = sock_connect(&socks[client], &there);
    if (r < 0 && r != -EINPROGRESS)
        return r;
    uint64_t give_up_ns = sw_cable_now() + 20000 * MS;
    do {
        world_turn(world, sw_cable_now() + 10 * MS);
        r = sock_accept(&listener, &socks[1 - client]);
    } while (r == -EAGAIN && sw_cable_now() < give_up_ns);
    sock_close(&listener);
    return r;
}
