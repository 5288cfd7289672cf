/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the stack itself costs: two hosts in one process, joined by a link, over the public calls
 * only.
 *
 *     inproc [--json] [--seconds S] [--conns N] [--trips N] [--every NS]
 *            [--batch N] [--malloc] [TEST...]
 *
 *   mtu1500   one TCP stream, packets of 1,500 bytes, checksums computed and verified in software
 *   gso       one TCP stream, super-segments of up to 64 KiB, no checksums
 *   rr        64 bytes there and back, with checksums, while N connections (default 1) exist: for S
 *             seconds or, where instructions are counted and not time, N trips; each NS of virtual
 *             time after the one before. Beside it: how long a read of memory takes, at random in
 *             as much as the connections hold. --batch: so many of them at a time, each on another
 *             connection. The hosts' memory is in pages of 2 MiB (arena.c), as an application with
 *             so many connections would have it; --malloc: it is malloc()'s
 *   cps       connections made and closed, one after the other
 *
 * One thread. The stack's time is virtual; speed is measured in the thread's CPU time.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sockworks/sockworks.h>

#include "arena.h"

#define ROUND_NS 1000ULL /* virtual time that one round of the loop takes, if not --every */
#define PORT 5001
#define BUFFER_BYTES 65536
#define BATCH_MAX 1024

static const struct sw_alloc *memory; /* of hosts; NULL: malloc() */

struct world {
    struct sw_host *host[2];
    struct sw_link *link;
    uint64_t now_ns;
};

struct result {
    const char *name;
    double seconds;
    uint64_t bytes, packets, round_trips, conns, batch, made;
    double read_ns;       /* of a line of memory, each read waiting for the one before */
    uint64_t mem_bytes;   /* both hosts, for all connections, idle */
    double setup_seconds; /* of all connections: socket() to accept() */
};

static double cpu_seconds(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "inproc: %s failed\n", what);
    exit(1);
}

static void world_init(struct world *w, uint32_t gso_max, bool offload)
{
    w->now_ns = 1000000000;
    for (uint8_t i = 0; i < 2; i++) {
        struct sw_host_config config = {
            .alloc = memory, .seed = {i}, .now_ns = w->now_ns, .max_sockets = 1U << 23};
        struct sw_iface_config iface = {
            .name = "eth0", .mtu = 1500, .gso_max = gso_max, .csum_offload = offload};
        w->host[i] = sw_host_new(&config);
        check(w->host[i] && sw_host_add_iface(w->host[i], &iface) == 1, "sw_host_add_iface");
        struct sw_ip ip = SW_IP4(10, 0, 0, (uint8_t)(i + 1));
        check(sw_host_add_addr(w->host[i], 1, &ip, 24) == 0, "sw_host_add_addr");
    }
    w->link = sw_link_new(&(struct sw_link_config){.mem = sw_host_mem(w->host[0]), .seed = 1});
    check(w->link != NULL, "sw_link_new");
}

static void world_fini(struct world *w)
{
    sw_link_free(w->link);
    sw_host_free(w->host[0]);
    sw_host_free(w->host[1]);
}

/* What one host wants to send goes to the other, at once. */
static unsigned carry(struct world *w, int from)
{
    struct sw_packet *pkt, *first = NULL, **last = &first;
    unsigned count = 0;
    for (; (pkt = sw_host_output(w->host[from], 1, w->now_ns)); count++)
        sw_link_send(w->link, from, pkt, w->now_ns);
    for (; (pkt = sw_link_receive(w->link, 1 - from, w->now_ns)); last = &pkt->next)
        *last = pkt;
    *last = NULL;
    sw_host_input_batch(w->host[1 - from], 1, first, w->now_ns);
    return count;
}

/* Lets everything that can happen now happen; if nothing can, time passes. */
static void step(struct world *w)
{
    unsigned moved = carry(w, 0) + carry(w, 1);
    w->now_ns += ROUND_NS;
    for (int i = 0; i < 2; i++) {
        if (moved == 0 && sw_host_deadline(w->host[i]) != SW_NEVER &&
            sw_host_deadline(w->host[1 - i]) >= sw_host_deadline(w->host[i]) &&
            sw_host_deadline(w->host[i]) > w->now_ns)
            w->now_ns = sw_host_deadline(w->host[i]);
        if (sw_host_deadline(w->host[i]) <= w->now_ns)
            sw_host_advance(w->host[i], w->now_ns);
    }
}

static sw_socket_t listen_at(struct world *w, uint16_t port)
{
    struct sw_addr at = {.ip = SW_IP4(10, 0, 0, 2), .port = port};
    sw_socket_t s;
    check(sw_socket(w->host[1], SW_AF_INET, SW_SOCK_STREAM, 0, &s) == 0, "sw_socket");
    check(sw_bind(w->host[1], s, &at) == 0, "sw_bind");
    check(sw_listen(w->host[1], s, 1024) == 0, "sw_listen");
    return s;
}

static void connect_pair(struct world *w, sw_socket_t listener, uint16_t port,
                         sw_socket_t *ret_client, sw_socket_t *ret_server)
{
    struct sw_addr to = {.ip = SW_IP4(10, 0, 0, 2), .port = port};
    check(sw_socket(w->host[0], SW_AF_INET, SW_SOCK_STREAM, 0, ret_client) == 0, "sw_socket");
    check(sw_connect(w->host[0], *ret_client, &to) == -EINPROGRESS, "sw_connect");
    for (unsigned i = 0; sw_accept(w->host[1], listener, ret_server, NULL) == -EAGAIN; i++) {
        check(i < 1000, "connecting");
        step(w);
    }
    step(w);
}

static uint64_t mem_used(const struct world *w)
{
    return sw_mem_used(sw_host_mem(w->host[0])) + sw_mem_used(sw_host_mem(w->host[1]));
}

static void drain_ready(struct world *w)
{
    struct sw_ready ready;
    for (int i = 0; i < 2; i++)
        while (sw_host_ready(w->host[i], &ready))
            ;
}

static void bulk(struct result *result, double seconds, uint32_t gso_max, bool offload)
{
    static uint8_t out[BUFFER_BYTES], in[BUFFER_BYTES];
    struct world w;
    sw_socket_t client, server;
    struct sw_host_stats stats;
    struct sw_link_stats before, after;
    for (unsigned i = 0; i < BUFFER_BYTES; i++)
        out[i] = (uint8_t)(i * 7);
    world_init(&w, gso_max, offload);
    sw_socket_t listener = listen_at(&w, PORT);
    connect_pair(&w, listener, PORT, &client, &server);
    sw_link_get_stats(w.link, 0, &before);
    double start = cpu_seconds(), end = start;
    for (unsigned round = 0; end - start < seconds; round++) {
        for (int i = 0; i < 4 && sw_send(w.host[0], client, out, sizeof(out), 0, NULL) > 0; i++)
            ;
        step(&w);
        int64_t n;
        while ((n = sw_recv(w.host[1], server, in, sizeof(in), 0, NULL)) > 0)
            result->bytes += (uint64_t)n;
        check(n == -EAGAIN, "sw_recv");
        drain_ready(&w);
        if (round % 16 == 0)
            end = cpu_seconds();
    }
    sw_link_get_stats(w.link, 0, &after);
    sw_host_get_stats(w.host[0], &stats);
    result->seconds = end - start;
    result->packets = after.sent - before.sent;
    check(stats.tcp_retrans == 0, "a lossless stream without retransmissions");
    world_fini(&w);
}

/* A walk through `bytes` of memory, each line of which says where the next one is. */
static double memory_read_ns(uint64_t bytes)
{
    enum { LINE_BYTES = 64, READS = 1000000 };
    uint64_t lines = bytes / LINE_BYTES < 1024 ? 1024 : bytes / LINE_BYTES,
             seed = 88172645463325252;
    uint64_t(*at)[LINE_BYTES / sizeof(uint64_t)] = calloc(lines, sizeof(*at));
    check(at != NULL, "memory");
    for (uint64_t i = 0; i < lines; i++)
        at[i][0] = i;
    for (uint64_t i = lines - 1; i > 0; i--) { /* one cycle through all (Sattolo 1986) */
        seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
        uint64_t other = seed % i, here = at[i][0];
        at[i][0] = at[other][0];
        at[other][0] = here;
    }
    uint64_t next = 0;
    double start = cpu_seconds();
    for (unsigned i = 0; i < READS; i++)
        next = at[next][0];
    double seconds = cpu_seconds() - start;
    check(next < lines, "the walk");
    free(at);
    return seconds * 1e9 / READS;
}

/* Whichever socket has something to read, has it read; `answer`: and answered with as much. */
static void serve(struct world *w, int host, bool answer)
{
    uint8_t message[256];
    struct sw_ready ready;
    while (sw_host_ready(w->host[host], &ready)) {
        if (!(ready.events & SW_EV_IN))
            continue;
        int64_t n = sw_recv(w->host[host], ready.socket, message, sizeof(message), 0, NULL);
        check(n > 0, "sw_recv");
        if (answer)
            check(sw_send(w->host[host], ready.socket, message, (size_t)n, 0, NULL) == n,
                  "sw_send");
    }
}

/* The `n` connections that come after the first `done`: another one each time. */
static void write_to(struct world *w, const sw_socket_t client[], uint64_t conns, uint64_t done,
                     uint64_t n)
{
    enum { MESSAGE_BYTES = 64 };
    static const char message[MESSAGE_BYTES] = "ping";
    sw_socket_t to[BATCH_MAX];
    for (uint64_t i = 0; i < n; i++)
        to[i] = client[(done + i) * 7919 % conns];
    if (n > 1)
        sw_host_ahead(w->host[0], to, n);
    for (uint64_t i = 0; i < n; i++)
        check(sw_send(w->host[0], to[i], message, sizeof(message), 0, NULL) == MESSAGE_BYTES,
              "sw_send");
}

/* So many round trips at a time; then time passes. */
static void exchange(struct world *w, const sw_socket_t client[], uint64_t conns, uint64_t done,
                     uint64_t n, uint64_t every_ns)
{
    write_to(w, client, conns, done, n);
    carry(w, 0);
    serve(w, 1, true);
    carry(w, 1);
    serve(w, 0, false);
    w->now_ns += every_ns * n;
    for (int host = 0; host < 2; host++)
        if (sw_host_deadline(w->host[host]) <= w->now_ns)
            sw_host_advance(w->host[host], w->now_ns);
}

struct plan {
    uint64_t conns, trips, every_ns, batch;
};

static void round_trips(struct result *result, double seconds, const struct plan *plan)
{
    enum { PER_PORT = 25000 };
    uint64_t conns = plan->conns, batch = plan->batch < conns ? plan->batch : conns;
    struct world w;
    sw_socket_t listener = 0;
    sw_socket_t server, *client = calloc(conns, sizeof(*client));
    check(client && conns <= 1000ULL * PER_PORT, "memory");
    world_init(&w, 0, false);
    uint64_t mem_before = mem_used(&w);
    double setup = cpu_seconds();
    for (uint64_t i = 0; i < conns; i++) {
        uint16_t port = (uint16_t)(PORT + i / PER_PORT);
        if (i % PER_PORT == 0)
            listener = listen_at(&w, port);
        connect_pair(&w, listener, port, &client[i], &server);
        drain_ready(&w);
    }
    result->setup_seconds = cpu_seconds() - setup;
    for (unsigned i = 0; i < 1000; i++) /* delayed ACKs and the like */
        step(&w);
    result->mem_bytes = mem_used(&w) - mem_before;
    uint64_t i = 0;
    for (; !plan->trips && i < conns; i += batch) /* each once: as it goes on, not as it begins */
        exchange(&w, client, conns, i, batch, plan->every_ns);
    double start = cpu_seconds(), end = start;
    for (; plan->trips ? i < plan->trips : end - start < seconds; i += batch) {
        exchange(&w, client, conns, i, batch, plan->every_ns);
        result->round_trips += batch;
        if (result->round_trips % 64 < batch)
            end = cpu_seconds();
    }
    result->seconds = cpu_seconds() - start;
    result->conns = conns;
    result->batch = batch;
    world_fini(&w);
    free(client);
    result->read_ns = memory_read_ns(result->mem_bytes);
}

/* The client's port stays in TIME_WAIT for a minute: time passes fast enough for them to do. */
static void connections(struct result *result, double seconds)
{
    enum { EVERY_NS = 4000000 };
    struct world w;
    sw_socket_t client, server;
    world_init(&w, 0, false);
    sw_socket_t listener = listen_at(&w, PORT);
    double start = cpu_seconds(), end = start;
    for (unsigned i = 0; end - start < seconds; i++) {
        connect_pair(&w, listener, PORT, &client, &server);
        check(sw_close(w.host[0], client) == 0, "sw_close");
        step(&w);
        check(sw_close(w.host[1], server) == 0, "sw_close");
        step(&w);
        drain_ready(&w);
        w.now_ns += EVERY_NS;
        step(&w);
        result->made++;
        if (i % 64 == 0)
            end = cpu_seconds();
    }
    result->seconds = end - start;
    world_fini(&w);
}

static void print_result(const struct result *r, bool json, bool first)
{
    double gbps = (double)r->bytes * 8 / r->seconds / 1e9;
    double ns_per_packet = r->packets ? r->seconds * 1e9 / (double)r->packets : 0;
    double ns_per_trip = r->round_trips ? r->seconds * 1e9 / (double)r->round_trips : 0;
    double setup_ns = r->conns ? r->setup_seconds * 1e9 / (double)r->conns : 0;
    double bytes_per_end = r->conns ? (double)r->mem_bytes / (double)r->conns / 2 : 0;
    double ns_per_made = r->made ? r->seconds * 1e9 / (double)r->made : 0;
    if (json) {
        printf("%s\n  {\"test\": \"%s\", ", first ? "[" : ",", r->name);
        if (r->bytes)
            printf("\"gbit_per_s\": %.2f, \"ns_per_packet\": %.1f}", gbps, ns_per_packet);
        else if (r->made)
            printf("\"ns_per_connection\": %.1f}", ns_per_made);
        else
            printf("\"connections\": %llu, \"at_a_time\": %llu, \"round_trip_ns\": %.1f, "
                   "\"bytes_per_idle_end\": %.1f, "
                   "\"setup_ns\": %.1f, \"memory_read_ns\": %.1f}",
                   (unsigned long long)r->conns, (unsigned long long)r->batch, ns_per_trip,
                   bytes_per_end, setup_ns, r->read_ns);
    } else if (r->bytes) {
        printf("%-8s %8.2f Gbit/s  %8.1f ns per packet\n", r->name, gbps, ns_per_packet);
    } else if (r->made) {
        printf("%-8s %8.1f ns per connection made and closed, %.0f a second\n", r->name,
               ns_per_made, 1e9 / ns_per_made);
    } else {
        printf("%-8s %8.1f ns per round trip of 64 bytes, %llu at a time, %llu connections of %.0f "
               "bytes an end, "
               "each made in %.0f ns; a read of memory %.0f ns\n",
               r->name, ns_per_trip, (unsigned long long)r->batch, (unsigned long long)r->conns,
               bytes_per_end, setup_ns, r->read_ns);
    }
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"mtu1500", "gso", "rr", "cps"};
    bool json = false, first = true, chosen[4] = {false}, any = false;
    const struct sw_alloc *many = &arena_alloc;
    double seconds = 2;
    struct plan plan = {.conns = 1, .every_ns = ROUND_NS, .batch = 1};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            json = true;
        } else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc) {
            seconds = atof(argv[++i]);
        } else if (strcmp(argv[i], "--conns") == 0 && i + 1 < argc) {
            plan.conns = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--trips") == 0 && i + 1 < argc) {
            plan.trips = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--every") == 0 && i + 1 < argc) {
            plan.every_ns = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--batch") == 0 && i + 1 < argc) {
            plan.batch = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--malloc") == 0) {
            many = NULL;
        } else {
            bool known = false;
            for (unsigned k = 0; k < 4; k++)
                if (strcmp(argv[i], names[k]) == 0)
                    chosen[k] = any = known = true;
            check(known,
                  "usage: inproc [--json] [--seconds S] [--conns N] [--trips N] [--every NS] "
                  "[--batch N] [--malloc] [TEST...]");
        }
    }
    check(plan.conns > 0 && plan.batch > 0 && plan.batch <= BATCH_MAX, "--conns, --batch");
    for (unsigned k = 0; k < 4; k++) {
        struct result result = {.name = names[k]};
        if (any && !chosen[k])
            continue;
        memory = k == 2 ? many : NULL;
        if (k == 3)
            connections(&result, seconds);
        else if (k == 2)
            round_trips(&result, seconds, &plan);
        else
            bulk(&result, seconds, k == 1 ? 65483 : 0, k == 1);
        print_result(&result, json, first);
        first = false;
    }
    if (json)
        printf("\n]\n");
    return 0;
}
