/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes both ways between the kernel's TCP and Sockworks': who is client, IPv4 and IPv6, each
 * option on and off, with and without loss, sizes from nothing on. The client sends and
 * half-closes, the server reads to the end, answers with as many bytes and closes. Every byte is
 * compared with what it should be, and the SHA-256 of what was sent with that of what was received.
 * All over a TAP device; with all options over a TUN device too.
 *
 *     transfers          all of that, up to 10 MB; four of 1 GB, with super-segments
 *     transfers BYTES    one transfer of so many, each way, with super-segments
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"

enum { AF4 = SW_AF_INET, AF6 = SW_AF_INET6 };
#define GIGABYTE 1000000000U
#define MSS_V4 1448U /* 1,500 less 40, less timestamps' 12 */

struct variant {
    const char *name;
    const char *settings[4][2];
};

static const struct variant variants[] = {
    {"all options", {{NULL, NULL}}},
    {"no timestamps", {{"tcp_timestamps", "0"}}},
    {"no SACK", {{"tcp_sack", "0"}}},
    {"no window scaling", {{"tcp_window_scaling", "0"}}},
    {"ECN", {{"tcp_ecn", "1"}}},
    {"no options", {{"tcp_timestamps", "0"}, {"tcp_sack", "0"}, {"tcp_window_scaling", "0"}}},
};

struct transfer {
    int family, client;
    const struct variant *variant;
    int without; /* the variant holds for this side only; -1: for both */
    uint32_t loss_ppm;
    uint64_t size;
    bool offload, ethernet;
};

static int n_done, n_failed, n_left_out;
static uint16_t port = 5000;

static bool apply(struct world *world, const struct transfer *t)
{
    for (int side = 0; side < 2; side++)
        for (int i = 0; i < 4 && t->variant->settings[i][0]; i++)
            if ((t->without < 0 || t->without == side) &&
                !world_set(world, side, t->variant->settings[i][0], t->variant->settings[i][1]))
                return false;
    return true;
}

static int one_way(struct world *world, struct sock *from, struct sock *to, uint64_t size,
                   unsigned limit_ms)
{
    struct flow flow = {.from = from, .to = to, .size = size};
    struct digest digest;
    digest_init(&digest, &flow);
    int r = flow_run(world, &flow, limit_ms);
    int same = digest_compare(&digest);
    return r ? r : same;
}

static int play(struct world *world, const struct transfer *t)
{
    struct sock socks[2];
    struct sock *client = &socks[t->client], *server = &socks[1 - t->client];
    unsigned limit_ms = 60000 + (unsigned)(t->size / 1000);
    int r = world_connect(world, t->family, t->client, port++, socks);
    if (r < 0)
        return r;
    r = one_way(world, client, server, t->size, limit_ms);
    if (r == 0)
        r = one_way(world, server, client, t->size, limit_ms);
    sock_close(client);
    sock_close(server);
    return r;
}

static void print_name(const struct transfer *t)
{
    printf("%s, IPv%d, client: %-9s, %s%s, loss %.1f %%, %llu bytes", t->ethernet ? "TAP" : "TUN",
           t->family == AF4 ? 4 : 6, kind_names[t->client == 0 ? KERNEL : SOCKWORKS],
           t->variant->name,
           t->without < 0    ? ""
           : t->without == 0 ? " (kernel's side)"
                             : " (Sockworks' side)",
           t->loss_ppm / 1e4, (unsigned long long)t->size);
}

/* The kernel is side 0, Sockworks side 1. */
static void run(const struct transfer *t, uint64_t seed)
{
    struct sw_link_conditions conditions = {.loss_ppm = t->loss_ppm};
    if (t->loss_ppm)
        conditions.delay_ns = 1 * MS;
    struct world_config config = {.kinds = {KERNEL, SOCKWORKS},
                                  .ethernet = t->ethernet,
                                  .offload = t->offload,
                                  .seed = seed,
                                  .conditions = {conditions, conditions}};
    struct world world;
    world_init(&world, &config);
    uint64_t start_ns = sw_cable_now();
    if (!apply(&world, t)) {
        n_left_out++;
        printf("no such setting: ");
        print_name(t);
        printf("\n");
    } else {
        int r = play(&world, t);
        double seconds = (double)(sw_cable_now() - start_ns) / 1e9;
        n_done++;
        n_failed += r < 0;
        printf("%s", r < 0 ? "FAILED: " : "ok: ");
        print_name(t);
        printf(" (%.2f s)", seconds);
        if (t->size >= 100000000)
            printf(", %.2f Gbit/s", 16e-9 * (double)t->size / seconds);
        printf("%s%s\n", r < 0 ? ": " : "", r < 0 ? strerror(-r) : "");
    }
    fflush(stdout);
    world_fini(&world);
}

static void all_sizes(struct transfer t)
{
    static const uint64_t sizes[] = {0, 1, MSS_V4, MSS_V4 + 1, 65536};
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        t.size = sizes[i];
        run(&t, i + 1);
    }
}

static void each_way(struct transfer t)
{
    for (int i = 0; i < 4; i++) {
        t.family = i & 1 ? AF6 : AF4;
        t.client = i >> 1;
        all_sizes(t);
        t.size = 10000000;
        t.offload = t.loss_ppm == 0 && i % 2 == 0;
        run(&t, 100);
        t.offload = false;
    }
}

static void huge(struct transfer t)
{
    t.offload = true;
    for (int i = 0; i < 4; i++) {
        t.family = i & 1 ? AF6 : AF4;
        t.client = i >> 1;
        run(&t, 1);
    }
}

/* A variant with and without loss, and at one side only, with loss. */
static void all_of(struct transfer t)
{
    for (t.loss_ppm = 0; t.loss_ppm <= 20000; t.loss_ppm += 20000)
        each_way(t);
    for (t.without = 0; t.variant != &variants[0] && t.without < 2; t.without++)
        for (int i = 0; i < 4; i++) {
            t.family = i & 1 ? AF6 : AF4;
            t.client = i >> 1;
            t.loss_ppm = 20000;
            t.size = 300000;
            run(&t, 7);
        }
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    world_need();
    struct transfer t = {.variant = &variants[0], .without = -1, .ethernet = true};
    if (argc > 1) {
        t.size = strtoull(argv[1], NULL, 10);
        huge(t);
    } else {
        for (unsigned v = 0; v < sizeof(variants) / sizeof(variants[0]); v++) {
            t.variant = &variants[v];
            all_of(t);
        }
        t.variant = &variants[0];
        t.size = GIGABYTE;
        huge(t);
        t.ethernet = false;
        each_way(t);
    }
    printf("%d transfers, %d failed, %d left out\n", n_done, n_failed, n_left_out);
    return n_failed > 0;
}
