/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A world of two sides and a cable between them, for tests and the benchmark. A side is Sockworks,
 * or the kernel: then it is a network namespace of its own with a TUN or TAP device. Both have the
 * same socket calls (struct sock), so a scenario is written once and played with either at either
 * end. One process, one thread, real time.
 *
 * Side i (0 or 1) has 10.(1+i).0.2/8 and fd99:(1+i)::2/32. With a router in the middle, a third
 * namespace in which the kernel forwards, the sides are joined by two cables.
 */
#ifndef INTEROP_WORLD_H
#define INTEROP_WORLD_H

#include <sockworks/socket.h>

#include "net/cable.h"

#define MS 1000000ULL /* ns */
#define EXIT_SKIP 77  /* meson's and automake's "skipped" */

enum kind { KERNEL, SOCKWORKS };
extern const char *const kind_names[];

struct side {
    enum kind kind;
    int index;
    struct sw_host *host;
    int netns, tun; /* of the kernel */
    bool ethernet;  /* the device is `tap`'s */
    struct sw_tap tap;
};

struct world_config {
    enum kind kinds[2];
    uint32_t mtu;        /* of the sides' interfaces; 0: 1,500 */
    uint32_t router_mtu; /* not 0: a router between the sides, this is its way to side 1 */
    bool ethernet;       /* TAP devices at the kernel's sides, not TUN; not with a router */
    bool offload;        /* super-segments pass whole where the link has no conditions */
    uint64_t seed;
    struct sw_link_conditions conditions[2]; /* [i]: what leaves side i */
};

struct world {
    struct side side[2];
    struct sw_cable cables[2];
    int n_cables;
    int router; /* namespace of the router, or -1 */
    int router_tuns[2];
    int home; /* the namespace we came from */
};

/* Ends the process with EXIT_SKIP and a reason where this machine has no TUN devices or namespaces
 * for us. Call it first. */
void world_need(void);

void world_init(struct world *world, const struct world_config *config);
void world_fini(struct world *world);
/* Sets what Linux has as net.ipv4.NAME. False: this side has no such setting. */
bool world_set(struct world *world, int side, const char *name, const char *value);

/* Carries what can move; when nothing can, sleeps, but no longer than until `until_ns`. */
void world_turn(struct world *world, uint64_t until_ns);
/* Lets the world go on for so long. */
void world_pass(struct world *world, uint64_t ns);

/* A socket of either kind; calls return as those of <sockworks/socket.h>: negative errno, never
 * blocking. */
struct sock {
    struct side *side; /* NULL: none */
    int fd;
    sw_socket_t s;
};
int sock_open(struct side *side, int family, struct sock *ret_sock);
struct sw_addr side_addr(const struct side *side, int family, uint16_t port);
int sock_listen(struct sock *sock, int family, uint16_t port, int backlog);
int sock_connect(struct sock *sock, const struct sw_addr *to);
int sock_accept(struct sock *sock, struct sock *ret_sock);
int64_t sock_send(struct sock *sock, const void *buf, size_t len);
int64_t sock_recv(struct sock *sock, void *buf, size_t len);
int sock_shutdown(struct sock *sock, int how);
void sock_close(struct sock *sock);
void sock_abort(struct sock *sock); /* close() with SO_LINGER of 0 s */
int sock_poll(struct sock *sock);
int sock_set(struct sock *sock, int level, int name, const void *val, size_t len);
int sock_get(struct sock *sock, int level, int name, void *val, size_t *len);
int sock_error(struct sock *sock); /* SO_ERROR */

/* A connection: sock[i] is of side i, and of side `client` it was made. 0 or a negative errno. */
int world_connect(struct world *world, int family, int client, uint16_t port, struct sock socks[2]);

#endif
