/* SPDX-License-Identifier: BSD-2-Clause */
/* Two hosts, a link, and the time: see world.h. */
#include "world.h"

#include "host/private.h"
#include "middlebox.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void world_fail(struct world *w, const char *format, ...)
{
    if (w->failure[0])
        return;
    int len = snprintf(w->failure, sizeof(w->failure), "at %.6f s: ", (double)w->now_ns / 1e9);
    va_list args;
    va_start(args, format);
    vsnprintf(w->failure + len, sizeof(w->failure) - (size_t)len, format, args);
    va_end(args);
}

void world_say(struct world *w, const char *format, ...)
{
    if (!w->verbose)
        return;
    printf("%12.6f  ", (double)w->now_ns / 1e9);
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

/* The hosts' memory: counted, and failing on purpose where a test asks for it. */
static void *world_alloc(void *ctx, size_t size)
{
    struct world *w = ctx;
    if (w->alloc_may_fail && w->alloc_fail_one_in &&
        rand_one_in(&w->alloc_rand, w->alloc_fail_one_in))
        return NULL;
    void *ptr = malloc(size);
    if (ptr) {
        w->alloc_bytes += size;
        w->alloc_blocks++;
    }
    return ptr;
}

static void world_free(void *ctx, void *ptr, size_t size)
{
    struct world *w = ctx;
    if (!ptr)
        return;
    w->alloc_bytes -= size;
    w->alloc_blocks--;
    free(ptr);
}

static void print_event(void *ctx, const struct sw_trace_event *event)
{
    struct world *w = ctx;
    char local[SW_ADDR_TEXT], remote[SW_ADDR_TEXT], values[256] = "";
    for (unsigned i = 0, at = 0; i < SW_TRACE_VALUES && at < sizeof(values); i++) {
        const char *name = sw_trace_value_name(event->kind, i);
        if (name && strcmp(name, "reason") == 0)
            at += (unsigned)snprintf(values + at, sizeof(values) - at, " %s",
                                     sw_drop_name((enum sw_drop)event->v[i]));
        else if (name)
            at += (unsigned)snprintf(values + at, sizeof(values) - at, " %s %llu", name,
                                     (unsigned long long)event->v[i]);
    }
    world_say(w, "    %s > %s %s%s", sw_addr_text(&event->local, local, sizeof(local)),
              sw_addr_text(&event->remote, remote, sizeof(remote)), sw_trace_name(event->kind),
              values);
}

/* One direction: with luck nothing, one kind of trouble, or all of it. */
static void choose_conditions(struct rand *r, struct sw_link_conditions *c)
{
    enum { NONE, DELAY, LOSS, REORDER, DUPLICATE, CORRUPT, BOTTLENECK, ALL, KINDS };
    unsigned kind = (unsigned)rand_in(r, 0, KINDS); /* ALL twice as often */
    bool all = kind >= ALL;

    *c = (struct sw_link_conditions){0};
    if (kind == NONE)
        return;
    c->delay_ns = rand_in(r, 0, 60) * MS_NS;
    if (rand_one_in(r, 2))
        c->jitter_ns = rand_in(r, 0, 20) * MS_NS;
    if (kind == LOSS || (all && rand_one_in(r, 2)))
        c->loss_ppm = (uint32_t)rand_in(r, 1, 150000);
    if (kind == REORDER || (all && rand_one_in(r, 2))) {
        c->reorder_ppm = (uint32_t)rand_in(r, 1, 300000);
        c->reorder_ns = rand_in(r, 1, 40) * MS_NS;
    }
    if (kind == DUPLICATE || (all && rand_one_in(r, 2)))
        c->duplicate_ppm = (uint32_t)rand_in(r, 1, 300000);
    if (kind == CORRUPT || (all && rand_one_in(r, 2)))
        c->corrupt_ppm = (uint32_t)rand_in(r, 1, 50000);
    if (kind == BOTTLENECK || (all && rand_one_in(r, 2))) {
        c->rate_bps = rand_in(r, 1, 100) * 1000000;
        c->queue_bytes = (uint32_t)rand_in(r, 10, 200) * 1000;
    }
}

/* What either host does beyond the usual: from a chance of its own, so that a seed's traffic and
 * conditions are those that it had before there were such settings. */
static void choose_settings(struct world *w, uint64_t seed)
{
    static const char *const ccs[] = {"cubic", "cubic", "reno", "bbr"};
    static const unsigned fastopens[] = {1, 3, 0x207}; /* client; both; both without cookies */
    struct rand r = {.state = seed ^ 0xecec};
    bool ecn = rand_one_in(&r, 2), fastopen = rand_one_in(&r, 2);

    for (int end = 0; end < 2; end++) {
        w->settings[end] = (struct world_settings){
            .ecn = ecn ? (unsigned)rand_in(&r, 0, 5) : 2,
            .ecn_option = (unsigned)rand_in(&r, 0, 3),
            .fastopen = fastopens[fastopen ? rand_in(&r, 0, 2) : 0],
            .cc = ccs[rand_in(&r, 0, 3)],
        };
        if (ecn && rand_one_in(&r, 2))
            w->conditions[end].mark_ppm = (uint32_t)rand_in(&r, 1, 1000000) >> rand_in(&r, 0, 10);
        if (ecn && w->conditions[end].rate_bps)
            w->conditions[end].mark_bytes = w->conditions[end].queue_bytes / 4;
    }
}

void world_choose(struct world *w, uint64_t seed, int verbose)
{
    static const uint32_t mtus[] = {1280, 1400, 1492, 1500, 4352, 9000};
    *w = (struct world){.rand = {.state = seed}, .verbose = verbose, .now_ns = SECOND_NS};
    w->alloc_rand.state = seed ^ 0xa110c;
    w->middlebox = rand_one_in(&w->rand, 5);
    w->middlebox_rand.state = seed ^ 0xb0c5;
    w->mtu = rand_one_in(&w->rand, 3) ? mtus[rand_in(&w->rand, 0, 5)] : 1500;
    choose_conditions(&w->rand, &w->conditions[0]);
    if (rand_one_in(&w->rand, 2))
        choose_conditions(&w->rand, &w->conditions[1]);
    else
        w->conditions[1] = w->conditions[0];
    choose_settings(w, seed);
    w->loopback = rand_one_in(&w->rand, 4);
    w->hosts = w->loopback ? 1 : 2;
    if (w->loopback) {
        w->conditions[1] = w->conditions[0];
        w->settings[1] = w->settings[0];
        if (rand_one_in(&w->rand, 2)) /* as large as an IP packet can be */
            w->mtu = 65536;
    }
}

struct sw_addr world_addr(const struct world *w, int end, bool v6, uint16_t port)
{
    if (w->loopback)
        return (struct sw_addr){.ip = v6 ? SW_IP6_LOOPBACK : SW_IP4_LOOPBACK, .port = port};
    struct sw_addr addr = {.ip = SW_IP4(10, 0, 0, (uint8_t)(end + 1)), .port = port};
    if (v6)
        addr.ip = (struct sw_ip){{0xfd, [15] = (uint8_t)(end + 1)}};
    return addr;
}

static void open_iface(struct world *w, int end)
{
    struct sw_iface_config iface = {.name = "eth0", .mtu = w->mtu};
    if (rand_one_in(&w->rand, 2))
        iface.gso_max = (uint32_t)rand_in(&w->rand, 8000, 65000);
    iface.csum_offload = rand_one_in(&w->rand, 2);
    w->iface[end] = sw_host_add_iface(w->host[end], &iface);
    struct sw_addr v4 = world_addr(w, end, false, 0), v6 = world_addr(w, end, true, 0);
    int r4 = sw_host_add_addr(w->host[end], w->iface[end], &v4.ip, 24);
    int r6 = sw_host_add_addr(w->host[end], w->iface[end], &v6.ip, 64);
    if (w->iface[end] < 1 || r4 || r6)
        world_fail(w, "host %d: iface %d, addresses %d, %d", end, w->iface[end], r4, r6);
}

static void open_loopback(struct world *w)
{
    w->iface[0] = sw_host_add_loopback(w->host[0]);
    int result = sw_host_set_mtu(w->host[0], w->iface[0], w->mtu, 65000);
    if (w->iface[0] < 1 || result)
        world_fail(w, "loopback: iface %d, MTU %d", w->iface[0], result);
}

static void set(struct world *w, int end, const char *name, const char *format, ...)
{
    char value[32];
    va_list args;
    va_start(args, format);
    vsnprintf(value, sizeof(value), format, args);
    va_end(args);
    world_say(w, "host %d: %s = %s", end, name, value);
    if (sw_host_set(w->host[end], name, value) != 0)
        world_fail(w, "host %d: %s = %s is refused", end, name, value);
}

static void open_host(struct world *w, int end)
{
    struct sw_host_config config = {.alloc = &w->alloc,
                                    .now_ns = w->now_ns,
                                    .trace = w->verbose > 1 ? print_event : NULL,
                                    .trace_ctx = w};
    for (size_t i = 0; i < sizeof(config.seed); i++)
        config.seed[i] = (uint8_t)rand_next(&w->rand);
    w->host[end] = sw_host_new(&config);
    set(w, end, "tcp_ecn", "%u", w->settings[end].ecn);
    set(w, end, "tcp_ecn_option", "%u", w->settings[end].ecn_option);
    set(w, end, "tcp_fastopen", "%u", w->settings[end].fastopen);
    set(w, end, "tcp_congestion_control", "%s", w->settings[end].cc);

    if (w->loopback)
        open_loopback(w);
    else
        open_iface(w, end);
}

void world_open(struct world *w)
{
    w->alloc = (struct sw_alloc){.alloc = world_alloc, .free = world_free, .ctx = w};

    for (int end = 0; end < w->hosts; end++)
        open_host(w, end);
    if (w->loopback)
        w->host[1] = w->host[0];
    w->link_mem = sw_mem_new(&w->alloc, 0);
    w->link = sw_link_new(&(struct sw_link_config){.mtu = w->mtu,
                                                   .seed = rand_next(&w->rand),
                                                   .mem = w->link_mem,
                                                   .trace = w->verbose > 1 ? print_event : NULL,
                                                   .trace_ctx = w});
    for (int end = 0; end < 2; end++)
        world_set(w, end, &w->conditions[end]);
    w->alloc_may_fail = true;
}

void world_set(struct world *w, int end, const struct sw_link_conditions *c)
{
    world_say(w,
              "link from host %d: delay %.1f ms + %.1f, loss %.2f %%, duplicate %.2f %%, reorder "
              "%.2f %% by %.1f ms, corrupt %.2f %%, mark %.2f %%, %llu bit/s, queue %u, mtu %u%s",
              end, (double)c->delay_ns / 1e6, (double)c->jitter_ns / 1e6, c->loss_ppm / 1e4,
              c->duplicate_ppm / 1e4, c->reorder_ppm / 1e4, (double)c->reorder_ns / 1e6,
              c->corrupt_ppm / 1e4, c->mark_ppm / 1e4, (unsigned long long)c->rate_bps,
              c->queue_bytes, w->mtu, c->down ? ", down" : "");
    int result = sw_link_set(w->link, end, c);
    if (result)
        world_fail(w, "sw_link_set: %d", result);
}

void world_close(struct world *w)
{
    sw_link_free(w->link);
    sw_host_free(w->host[0]);
    if (!w->loopback)
        sw_host_free(w->host[1]);
    sw_mem_put(w->link_mem);
    if (w->alloc_bytes || w->alloc_blocks)
        world_fail(w, "%llu blocks, %llu bytes of memory left", (unsigned long long)w->alloc_blocks,
                   (unsigned long long)w->alloc_bytes);
}

/* FNV-1a over words, good enough to tell two traces apart. */
static uint64_t hash_words(uint64_t hash, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        uint64_t word = len;
        size_t take = len < sizeof(word) ? len : sizeof(word);
        memcpy(&word, bytes, take);
        hash = rand_mix(hash ^ word);
        bytes += take;
        len -= take;
    }
    return hash;
}

/* What must hold of every packet that a host hands out. */
static void watch(struct world *w, int end, const struct sw_packet *pkt)
{
    static uint8_t bytes[SW_PACKET_HEAD + SW_PACKET_MAX + 1];
    uint32_t len = sw_packet_len(pkt);
    uint32_t on_wire = pkt->gso_size ? pkt->head_len + pkt->gso_size : len;

    w->packets[end]++;
    if (w->verbose)
        world_print_packet(w, end, pkt);
    if (on_wire > w->mtu)
        world_fail(w, "host %d sent a packet of %u bytes over MTU %u", end, on_wire, w->mtu);
    if (sw_packet_copy(pkt, 0, bytes, sizeof(bytes)) != len)
        world_fail(w, "host %d: a packet of %u bytes could not be copied", end, len);
    w->hash = rand_mix(w->hash ^ w->now_ns ^ (uint64_t)end << 63);
    w->hash = hash_words(w->hash, bytes, len);
    if (!w->conditions[0].corrupt_ppm && !w->conditions[1].corrupt_ppm && !w->oracle_off) {
        const char *fault = oracle_sent(&w->oracle, bytes, len, pkt->gso_size);
        if (fault)
            world_fail(w, "host %d %s", end, fault);
    }
}

static void watch_arrival(struct world *w, int end, const struct sw_packet *pkt)
{
    static uint8_t bytes[SW_PACKET_HEAD + SW_PACKET_MAX + 1];
    if (w->verbose > 1)
        world_say(w, "    arrives at host %d", end);
    oracle_received(&w->oracle, bytes, sw_packet_copy(pkt, 0, bytes, sizeof(bytes)));
}

/* Onto the link, past the middlebox if there is one. */
static void send(struct world *w, int end, struct sw_packet *pkt)
{
    struct sw_packet *cut[2];
    if (!w->middlebox || !rand_one_in(&w->middlebox_rand, 4) ||
        !middlebox_cut(&w->middlebox_rand, w->link_mem, pkt, cut)) {
        sw_link_send(w->link, end, pkt, w->now_ns);
        return;
    }
    sw_packet_free(pkt);
    for (int i = 0; i < 2; i++) {
        if (!cut[i])
            continue;
        if (w->verbose)
            world_print_packet(w, end, cut[i]);
        sw_link_send(w->link, end, cut[i], w->now_ns);
    }
}

bool world_move(struct world *w)
{
    bool moved = false;
    for (int end = 0; end < w->hosts; end++) {
        struct sw_packet *pkt;
        while ((pkt = sw_host_output(w->host[end], w->iface[end], w->now_ns))) {
            watch(w, end, pkt);
            send(w, end, pkt);
            moved = true;
        }
        while ((pkt = sw_link_receive(w->link, w->loopback ? 1 : end, w->now_ns))) {
            watch_arrival(w, end, pkt);
            sw_host_input(w->host[end], w->iface[end], pkt, w->now_ns);
            moved = true;
        }
    }
    world_check_sane(w);
    return moved;
}

void world_check_sane(struct world *w)
{
    for (int end = 0; end < w->hosts; end++) {
        const char *wrong = sw_sock_sane(&w->host[end]->sock);
        if (wrong)
            world_fail(w, "host %d: %s", end, wrong);
    }
}

uint64_t world_deadline(const struct world *w)
{
    uint64_t next_ns = sw_link_deadline(w->link);
    for (int end = 0; end < w->hosts; end++)
        if (sw_host_deadline(w->host[end]) < next_ns)
            next_ns = sw_host_deadline(w->host[end]);
    return next_ns;
}

void world_advance(struct world *w, uint64_t now_ns)
{
    if (now_ns > w->now_ns)
        w->now_ns = now_ns;
    for (int end = 0; end < w->hosts; end++)
        sw_host_advance(w->host[end], w->now_ns);
    world_check_sane(w);
}

void world_check_quiet(struct world *w)
{
    for (int end = 0; end < w->hosts; end++) {
        struct sw_host_stats stats;
        sw_host_get_stats(w->host[end], &stats);
        if (stats.sockets || stats.time_wait)
            world_fail(w, "host %d: %llu sockets, %llu in TIME_WAIT left", end,
                       (unsigned long long)stats.sockets, (unsigned long long)stats.time_wait);
        uint64_t cursor = 0;
        struct sw_socket_info info;
        if (sw_host_next_socket(w->host[end], &cursor, &info))
            world_fail(w, "host %d: a socket in state %d is left", end, info.tcp_state);
        if (sw_host_deadline(w->host[end]) != SW_NEVER)
            world_fail(w, "host %d: a timer is left, due at %.6f s", end,
                       (double)sw_host_deadline(w->host[end]) / 1e9);
    }
    if (sw_link_deadline(w->link) != SW_NEVER)
        world_fail(w, "packets are still on their way");
}
