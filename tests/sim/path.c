/* SPDX-License-Identifier: BSD-2-Clause */
/* Goodput over a path, in virtual time: see path.h. */
#include "path.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "rand.h"

#define RTT_EVERY_NS 50000000ULL /* how often tcpi_rtt is looked at */
#define RTT_SAMPLES_MAX 4096
#define PORT 5001

/* Values of the timer event, as trace.def has them. */
enum { TIMER_RETRANSMIT = 0, TIMER_PROBE = 7 };

struct sender {
    const struct path_sender *config;
    struct path_sent *result;
    struct path *path;
    struct sw_host *host;
    int iface;
    struct sw_link *access; /* end 0: the sender's */
    sw_socket_t socket;     /* 0: not yet, or closed */
    sw_socket_t peer;       /* the receiver's end of it */
    uint64_t written, connect_ns;
    bool opened, writable, shut;
    uint32_t rtts[RTT_SAMPLES_MAX], n_rtts;
    uint64_t rtt_at_ns;
};

struct path {
    const struct path_config *config;
    struct path_result *result;
    uint64_t now_ns, start_ns;
    struct sender senders[PATH_SENDERS];
    struct sw_host *receiver;
    int iface;
    struct sw_link *neck;
    sw_socket_t listener;
    struct sw_mem *mem;
    bool broken;
};

static void fail(struct path *p, const char *what, int result)
{
    if (!p->broken)
        fprintf(stderr, "path: %s: %d\n", what, result);
    p->broken = true;
}

static void print_event(struct sender *s, const struct sw_trace_event *e)
{
    FILE *out = s->path->config->trace;
    fprintf(out, "%11.6f  %d %s", (double)(e->at_ns - s->path->start_ns) / 1e9,
            (int)(s - s->path->senders), sw_trace_name(e->kind));
    for (unsigned i = 0; i < 8 && sw_trace_value_name(e->kind, i); i++)
        fprintf(out, " %s %llu", sw_trace_value_name(e->kind, i), (unsigned long long)e->v[i]);
    fputc('\n', out);
}

static void observe(void *ctx, const struct sw_trace_event *event)
{
    struct sender *s = ctx;
    if (event->kind == SW_TRACE_TIMER && event->v[0] == TIMER_RETRANSMIT)
        s->result->timeouts++;
    if (event->kind == SW_TRACE_TIMER && event->v[0] == TIMER_PROBE)
        s->result->probes++;
    if (s->path->config->trace)
        print_event(s, event);
}

static struct sw_ip sender_ip(int i)
{
    return SW_IP4(10, 0, 0, (uint8_t)(i + 1));
}

static struct sw_host *open_host(struct path *p, struct rand *r, struct sw_ip ip, int *ret_iface,
                                 void *trace_ctx)
{
    struct sw_host_config config = {
        .now_ns = p->now_ns, .trace = trace_ctx ? observe : NULL, .trace_ctx = trace_ctx};
    struct sw_iface_config iface = {.name = "eth0", .mtu = PATH_MTU, .csum_offload = true};

    for (size_t i = 0; i < sizeof(config.seed); i++)
        config.seed[i] = (uint8_t)rand_next(r);
    struct sw_host *host = sw_host_new(&config);
    *ret_iface = sw_host_add_iface(host, &iface);
    if (*ret_iface < 1 || sw_host_add_addr(host, *ret_iface, &ip, 24))
        fail(p, "host", *ret_iface);
    return host;
}

static void print_drop(void *ctx, const struct sw_trace_event *e)
{
    struct path *p = ctx;
    fprintf(p->config->trace, "%11.6f  link %s seq %llu\n", (double)(e->at_ns - p->start_ns) / 1e9,
            sw_drop_name((enum sw_drop)e->v[0]), (unsigned long long)e->v[2]);
}

static struct sw_link *open_link(struct path *p, struct rand *r)
{
    struct sw_link_config config = {.mtu = PATH_MTU,
                                    .seed = rand_next(r),
                                    .mem = p->mem,
                                    .trace = p->config->trace ? print_drop : NULL,
                                    .trace_ctx = p};
    return sw_link_new(&config);
}

static void open_path(struct path *p)
{
    struct rand r = {.state = p->config->seed};
    struct sw_addr local = {.ip = SW_IP4(10, 0, 0, 200), .port = PORT};

    p->mem = sw_mem_new(&sw_alloc_libc, 0);
    p->receiver = open_host(p, &r, local.ip, &p->iface, NULL);
    p->neck = open_link(p, &r);
    sw_link_set(p->neck, 0, &p->config->neck);
    for (int i = 0; i < p->config->n_senders; i++) {
        struct sender *s = &p->senders[i];
        struct sw_link_conditions out = {0}, back = p->config->back;

        s->config = &p->config->senders[i];
        s->result = &p->result->senders[i];
        s->path = p;
        out.delay_ns = s->config->rtt_ns / 2;
        back.delay_ns += s->config->rtt_ns - out.delay_ns;
        s->host = open_host(p, &r, sender_ip(i), &s->iface, s);
        s->access = open_link(p, &r);
        sw_link_set(s->access, 0, &out);
        sw_link_set(s->access, 1, &back);
    }
    int err = sw_socket(p->receiver, SW_AF_INET, SW_SOCK_STREAM, 0, &p->listener);
    if (!err)
        err = sw_bind(p->receiver, p->listener, &local);
    if (!err)
        err = sw_listen(p->receiver, p->listener, PATH_SENDERS);
    if (err)
        fail(p, "listen", err);
}

static void close_path(struct path *p)
{
    for (int i = 0; i < p->config->n_senders; i++) {
        sw_host_free(p->senders[i].host);
        sw_link_free(p->senders[i].access);
    }
    sw_host_free(p->receiver);
    sw_link_free(p->neck);
    sw_mem_put(p->mem);
}

/* ---- the programs ---- */

static void connect_sender(struct sender *s)
{
    struct path *p = s->path;
    struct sw_addr local = {.ip = sender_ip((int)(s - p->senders))};
    struct sw_addr remote = {.ip = SW_IP4(10, 0, 0, 200), .port = PORT};
    const char *cc = s->config->cc;

    s->opened = true;
    s->connect_ns = p->now_ns;
    s->rtt_at_ns = p->now_ns + RTT_EVERY_NS;
    int err = sw_socket(s->host, SW_AF_INET, SW_SOCK_STREAM, 0, &s->socket);
    if (!err && cc)
        err = sw_setsockopt(s->host, s->socket, IPPROTO_TCP, TCP_CONGESTION, cc, strlen(cc));
    if (!err)
        err = sw_bind(s->host, s->socket, &local);
    if (!err)
        err = sw_connect(s->host, s->socket, &remote);
    if (err != -EINPROGRESS)
        fail(p, "connect", err);
}

static void write_more(struct sender *s)
{
    static const uint8_t bytes[65536];

    while (s->writable && !s->shut) {
        uint64_t want = sizeof(bytes);
        if (s->config->bytes && s->config->bytes - s->written < want)
            want = s->config->bytes - s->written;
        if (want == 0) {
            sw_shutdown(s->host, s->socket, SW_SHUT_WR);
            s->shut = true;
            return;
        }
        int64_t sent = sw_send(s->host, s->socket, bytes, want, 0, NULL);
        if (sent <= 0) {
            s->writable = false;
            if (sent != -EAGAIN)
                fail(s->path, "send", (int)sent);
            return;
        }
        s->written += (uint64_t)sent;
    }
}

static void read_all(struct sender *s)
{
    struct path *p = s->path;
    static uint8_t buf[65536];

    for (;;) {
        int64_t n = sw_recv(p->receiver, s->peer, buf, sizeof(buf), 0, NULL);
        if (n == -EAGAIN)
            return;
        if (n <= 0) {
            if (n < 0)
                fail(p, "recv", (int)n);
            sw_close(p->receiver, s->peer);
            s->peer = 0;
            return;
        }
        s->result->bytes += (uint64_t)n;
        if (p->now_ns >= p->start_ns + p->config->count_from_ns)
            s->result->goodput_bps += 8.0 * (double)n; /* a sum until the end */
        if (s->config->bytes && s->result->bytes == s->config->bytes)
            s->result->finished_ns = p->now_ns - s->connect_ns;
    }
}

static void accept_all(struct path *p)
{
    sw_socket_t peer;
    struct sw_addr remote;

    while (sw_accept(p->receiver, p->listener, &peer, &remote) == 0)
        for (int i = 0; i < p->config->n_senders; i++) {
            struct sw_ip ip = sender_ip(i);
            if (!sw_ip_eq(&remote.ip, &ip))
                continue;
            p->senders[i].peer = peer;
            sw_socket_set_user(p->receiver, peer, &p->senders[i]);
            read_all(&p->senders[i]);
        }
}

static bool run_programs(struct path *p)
{
    struct sw_ready ready;
    bool any = false;

    for (int i = 0; i < p->config->n_senders; i++) {
        struct sender *s = &p->senders[i];
        if (!s->opened && p->now_ns >= p->start_ns + s->config->start_ns) {
            connect_sender(s);
            any = true;
        }
        while (sw_host_ready(s->host, &ready)) {
            any = true;
            s->writable = s->writable || (ready.events & SW_EV_OUT);
        }
        write_more(s);
    }
    while (sw_host_ready(p->receiver, &ready)) {
        any = true;
        if (ready.socket == p->listener)
            accept_all(p);
        else if (ready.user)
            read_all(ready.user);
    }
    return any;
}

/* ---- the way of the packets ---- */

static struct sender *sender_of_ack(struct path *p, const struct sw_packet *pkt)
{
    uint8_t head[20];
    sw_packet_copy(pkt, 0, head, sizeof(head));
    return &p->senders[head[19] == 2]; /* last byte of the destination (RFC 791 3.1) */
}

static bool move(struct path *p)
{
    struct sw_packet *pkt;
    bool moved = false;

    for (int i = 0; i < p->config->n_senders; i++) {
        struct sender *s = &p->senders[i];
        while ((pkt = sw_host_output(s->host, s->iface, p->now_ns))) {
            sw_link_send(s->access, 0, pkt, p->now_ns);
            moved = true;
        }
        while ((pkt = sw_link_receive(s->access, 1, p->now_ns))) {
            sw_link_send(p->neck, 0, pkt, p->now_ns);
            moved = true;
        }
        while ((pkt = sw_link_receive(s->access, 0, p->now_ns))) {
            sw_host_input(s->host, s->iface, pkt, p->now_ns);
            moved = true;
        }
    }
    while ((pkt = sw_link_receive(p->neck, 1, p->now_ns))) {
        sw_host_input(p->receiver, p->iface, pkt, p->now_ns);
        moved = true;
    }
    while ((pkt = sw_host_output(p->receiver, p->iface, p->now_ns))) {
        sw_link_send(sender_of_ack(p, pkt)->access, 1, pkt, p->now_ns);
        moved = true;
    }
    return moved;
}

static void earlier(uint64_t *next_ns, uint64_t at_ns)
{
    if (at_ns < *next_ns)
        *next_ns = at_ns;
}

static uint64_t next_deadline(const struct path *p)
{
    uint64_t next_ns = sw_host_deadline(p->receiver);

    earlier(&next_ns, sw_link_deadline(p->neck));
    for (int i = 0; i < p->config->n_senders; i++) {
        const struct sender *s = &p->senders[i];
        earlier(&next_ns, sw_host_deadline(s->host));
        earlier(&next_ns, sw_link_deadline(s->access));
        if (!s->opened)
            earlier(&next_ns, p->start_ns + s->config->start_ns);
    }
    return next_ns;
}

static void advance(struct path *p, uint64_t now_ns)
{
    p->now_ns = now_ns > p->now_ns ? now_ns : p->now_ns;
    sw_host_advance(p->receiver, p->now_ns);
    for (int i = 0; i < p->config->n_senders; i++) {
        struct sender *s = &p->senders[i];
        struct tcp_info info;
        size_t len = sizeof(info);

        sw_host_advance(s->host, p->now_ns);
        if (!s->socket || p->now_ns < s->rtt_at_ns || s->n_rtts == RTT_SAMPLES_MAX)
            continue;
        s->rtt_at_ns = p->now_ns + RTT_EVERY_NS;
        if (sw_getsockopt(s->host, s->socket, IPPROTO_TCP, TCP_INFO, &info, &len) == 0)
            s->rtts[s->n_rtts++] = info.tcpi_rtt;
    }
}

static bool all_finished(const struct path *p)
{
    for (int i = 0; i < p->config->n_senders; i++)
        if (!p->result->senders[i].finished_ns)
            return false;
    return true;
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void conclude(struct path *p)
{
    double counted_s = (double)(p->config->duration_ns - p->config->count_from_ns) / 1e9;

    for (int i = 0; i < p->config->n_senders; i++) {
        struct sender *s = &p->senders[i];
        struct sw_host_stats stats;

        sw_host_get_stats(s->host, &stats);
        s->result->again = (uint32_t)stats.tcp_retrans;
        s->result->goodput_bps /= counted_s;
        qsort(s->rtts, s->n_rtts, sizeof(s->rtts[0]), by_value);
        s->result->rtt_us = s->n_rtts ? s->rtts[s->n_rtts / 2] : 0;
    }
    sw_link_get_stats(p->neck, 0, &p->result->neck);
    for (int why = 0; why < SW_DROP_COUNT; why++)
        if (p->config->trace && sw_host_drops(p->receiver, (enum sw_drop)why))
            fprintf(p->config->trace, "receiver dropped %llu: %s\n",
                    (unsigned long long)sw_host_drops(p->receiver, (enum sw_drop)why),
                    sw_drop_name((enum sw_drop)why));
}

bool path_run(const struct path_config *config, struct path_result *ret_result)
{
    struct path *p = calloc(1, sizeof(*p));
    uint64_t end_ns;

    *ret_result = (struct path_result){0};
    p->config = config;
    p->result = ret_result;
    p->now_ns = p->start_ns = 1000000000U;
    end_ns = p->start_ns + config->duration_ns;
    open_path(p);
    while (!p->broken && p->now_ns < end_ns && !all_finished(p)) {
        bool moved = move(p), acted = run_programs(p);
        uint64_t next_ns;
        if (moved || acted)
            continue;
        next_ns = next_deadline(p);
        advance(p, next_ns < end_ns ? next_ns : end_ns);
    }
    conclude(p);
    bool good = !p->broken;
    close_path(p);
    free(p);
    return good;
}
