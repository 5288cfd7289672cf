/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A whole host: the input is a program of packets, socket calls and time.
 *
 * The host has a loopback and an "eth0" behind which the fuzzer is everybody else. What the host
 * sends there is read, so that segments can be made that are nearly right: on a flow the host
 * knows, with sequence numbers a little off. Assertions of the stack stay on; at the end nothing
 * may have leaked.
 */
#include <sockworks/sockworks.h>

#include "fuzz.h"
#include "host/private.h"
#include "wire/wire.h"

enum { HANDLES = 16, FLOWS = 8, OPS_MAX = 4000, DRAIN_MAX = 300 };

/* One TCP conversation between the host and the world, as seen from outside. */
struct flow {
    bool v6;
    uint16_t host_port, our_port;
    sw_seq host_next;  /* what the host sends next */
    sw_seq host_wants; /* what it acknowledged last: our next sequence number */
    uint32_t ts_val;
};

struct fuzz {
    const uint8_t *p, *end;
    struct sw_host *host;
    int lo, eth;
    uint64_t now;
    sw_socket_t handles[HANDLES];
    struct flow flows[FLOWS];
    unsigned n_flows;
    uint8_t last[128]; /* the beginning of what the host sent last, for ICMP errors */
    size_t last_len;
};

/* ---- the program ---- */

static uint8_t byte(struct fuzz *f)
{
    return f->p < f->end ? *f->p++ : 0;
}

static uint16_t word(struct fuzz *f)
{
    uint16_t hi = byte(f);
    return (uint16_t)(hi << 8 | byte(f));
}

/* Small numbers often, large ones sometimes; either sign. */
static uint32_t offset(struct fuzz *f)
{
    int8_t v = (int8_t)byte(f);
    if (v > 120 || v < -120)
        return (uint32_t)((int32_t)v * 16777216 + word(f));
    return (uint32_t)(v > 100 || v < -100 ? v * 1000 : v);
}

static sw_socket_t *handle(struct fuzz *f)
{
    return &f->handles[byte(f) % HANDLES];
}

static struct sw_addr address(struct fuzz *f)
{
    const struct sw_ip ips[] = {
        SW_IP4(127, 0, 0, 1),
        SW_IP4(10, 0, 0, 1),
        SW_IP4(10, 0, 0, 2),
        SW_IP4(0, 0, 0, 0),
        SW_IP6_ANY,
        {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
        {{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
        {{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}},
        SW_IP4(224, 0, 0, 1),
        SW_IP4(255, 255, 255, 255),
    };
    uint8_t b = byte(f);
    return (struct sw_addr){.ip = ips[b % (sizeof(ips) / sizeof(ips[0]))],
                            .port = (uint16_t)(b & 0x80 ? word(f) : 80 + (b >> 4) % 4)};
}

/* ---- packets ---- */

/* The address of our end of the wire, or of the host's. */
static const struct sw_ip *end_of(bool v6, bool ours)
{
    static const struct sw_ip ends[2][2] = {
        {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1}},
         {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 2}}},
        {{{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
         {{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}}},
    };
    return &ends[v6][ours];
}

/* Notes what the host sent, and forgets the packet. */
static void observe(struct fuzz *f, struct sw_packet *pkt)
{
    struct sw_ip_hdr ip;
    struct sw_tcp_hdr tcp;
    f->last_len = sw_packet_copy(pkt, 0, f->last, sizeof(f->last));
    size_t total = sw_packet_len(pkt);
    SW_ASSERT(sw_ip_parse_hdr(f->last, f->last_len, total, &ip) == SW_DROP_NONE);
    if (ip.proto == SW_PROTO_TCP && !ip.fragment &&
        sw_tcp_parse(f->last + ip.hdr_len, f->last_len - ip.hdr_len, total - ip.hdr_len, &tcp) ==
            SW_DROP_NONE) {
        struct flow *flow = NULL;
        for (unsigned i = 0; i < FLOWS && i < f->n_flows; i++)
            if (f->flows[i].host_port == tcp.src_port && f->flows[i].our_port == tcp.dst_port)
                flow = &f->flows[i];
        if (!flow)
            flow = &f->flows[f->n_flows++ % FLOWS];
        uint32_t len = (uint32_t)(total - ip.hdr_len - tcp.hdr_len) +
                       ((tcp.flags & (SW_TCP_SYN | SW_TCP_FIN)) != 0);
        *flow = (struct flow){.v6 = ip.version == 6,
                              .host_port = tcp.src_port,
                              .our_port = tcp.dst_port,
                              .host_next = sw_seq_add(tcp.seq, len),
                              .host_wants = tcp.ack,
                              .ts_val = tcp.ts_val};
    }
    sw_packet_free(pkt);
}

static void drain(struct fuzz *f)
{
    for (int i = 0; i < DRAIN_MAX; i++) {
        struct sw_packet *lo = sw_host_output(f->host, f->lo, f->now);
        struct sw_packet *eth = sw_host_output(f->host, f->eth, f->now);
        if (lo)
            sw_host_input(f->host, f->lo, lo, f->now);
        if (eth)
            observe(f, eth);
        if (!lo && !eth)
            break;
    }
}

static void op_raw(struct fuzz *f)
{
    size_t len = byte(f);
    len = len > (size_t)(f->end - f->p) ? (size_t)(f->end - f->p) : len;
    struct sw_packet *pkt = sw_packet_from_bytes(sw_host_mem(f->host), f->p, len);
    f->p += len;
    if (pkt)
        sw_host_input(f->host, f->eth, pkt, f->now);
}

/* Adds `len` bytes of payload. False: no memory; the packet is freed. */
static bool fill(struct fuzz *f, struct sw_packet *pkt, uint32_t len)
{
    if (len == 0)
        return true;
    struct sw_chunk *chunk = sw_chunk_new(sw_host_mem(f->host), len);
    if (!chunk || sw_packet_add_slice(pkt, (struct sw_slice){chunk, 0, len}) < 0) {
        sw_chunk_put(chunk);
        sw_packet_free(pkt);
        return false;
    }
    memset(chunk->data, 'x', len);
    chunk->fill = len;
    sw_chunk_put(chunk);
    return true;
}

static void send_ip(struct fuzz *f, struct sw_packet *pkt, bool v6, uint8_t proto)
{
    struct sw_ip_hdr ip = {.src = *end_of(v6, true),
                           .dst = *end_of(v6, false),
                           .version = v6 ? 6 : 4,
                           .proto = proto,
                           .ttl = 64};
    uint8_t frag = byte(f);
    if (frag >= 0xf0) {
        ip.fragment = true;
        ip.more_fragments = frag & 1;
        ip.frag_off = (uint16_t)((frag >> 1 & 3) * 64);
        ip.id = 7;
        ip.fragment = ip.more_fragments || ip.frag_off;
    }
    sw_ip_push_hdr(pkt, &ip);
    sw_host_input(f->host, f->eth, pkt, f->now);
}

static void op_segment(struct fuzz *f)
{
    uint8_t how = byte(f), what = byte(f);
    struct flow fresh = {.v6 = how & 1, .host_port = 80, .our_port = (uint16_t)(1000 + (how >> 4))};
    unsigned known = f->n_flows < FLOWS ? f->n_flows : FLOWS;
    const struct flow *flow = known && (how & 2) ? &f->flows[(how >> 4) % known] : &fresh;
    struct sw_tcp_hdr tcp = {.src_port = flow->our_port,
                             .dst_port = flow->host_port,
                             .seq = sw_seq_add(flow->host_wants, what & 0x40 ? offset(f) : 0),
                             .ack = sw_seq_add(flow->host_next, what & 0x80 ? offset(f) : 0),
                             .flags = what & 0x3f,
                             .window = (uint16_t)(how & 4 ? word(f) : 65535)};
    if (how & 8) {
        uint8_t options = byte(f);
        tcp.has_ts = options & 1;
        tcp.ts_val = options & 2 ? offset(f) : (uint32_t)(f->now / 1000000);
        tcp.ts_ecr = flow->ts_val;
        tcp.has_mss = options & 4;
        tcp.mss = options & 8 ? word(f) : 1460;
        tcp.has_wscale = options & 16;
        tcp.wscale = options >> 4;
        tcp.sack_ok = options & 32;
        if (options & 64) {
            tcp.n_sacks = 1;
            tcp.sacks[0].left = sw_seq_add(flow->host_next, offset(f));
            tcp.sacks[0].right = sw_seq_add(tcp.sacks[0].left, offset(f));
        }
    }
    struct sw_packet *pkt = sw_packet_new(sw_host_mem(f->host), 128);
    uint8_t size = byte(f);
    if (!pkt || !fill(f, pkt, size & 0x80 ? (size & 0x7fU) * 20 : size & 3U))
        return;
    sw_tcp_push_hdr(pkt, &tcp, end_of(flow->v6, true),
                    end_of(flow->v6, false)); /* the checksum counts as good: SW_CSUM_NEEDED */
    send_ip(f, pkt, flow->v6, SW_PROTO_TCP);
}

static void op_datagram(struct fuzz *f)
{
    bool v6 = byte(f) & 1;
    struct sw_packet *pkt = sw_packet_new(sw_host_mem(f->host), 128);
    if (!pkt || !fill(f, pkt, byte(f) * 8U))
        return;
    sw_udp_push_hdr(pkt, (uint16_t)(80 + byte(f) % 4), (uint16_t)(80 + byte(f) % 4),
                    end_of(v6, true), end_of(v6, false));
    send_ip(f, pkt, v6, SW_PROTO_UDP);
}

/* An ICMP error about what the host sent last. */
static void op_icmp(struct fuzz *f)
{
    if (f->last_len == 0)
        return;
    bool v6 = f->last[0] >> 4 == 6;
    struct sw_icmp_hdr icmp = {
        .version = v6 ? 6 : 4, .type = byte(f) % 16, .code = byte(f) % 8, .rest = word(f)};
    if (v6)
        icmp.type = icmp.type % 5;
    struct sw_packet *pkt = sw_packet_new(sw_host_mem(f->host), 128);
    struct sw_chunk *chunk = sw_chunk_new(sw_host_mem(f->host), sizeof(f->last));
    if (pkt && chunk) {
        memcpy(chunk->data, f->last, f->last_len);
        chunk->fill = (uint32_t)f->last_len;
        sw_packet_add_slice(pkt, (struct sw_slice){chunk, 0, (uint32_t)f->last_len});
        sw_icmp_push_hdr(pkt, &icmp, end_of(v6, true), end_of(v6, false));
        send_ip(f, pkt, v6, v6 ? SW_PROTO_ICMP6 : SW_PROTO_ICMP);
    } else {
        sw_packet_free(pkt);
    }
    sw_chunk_put(chunk);
}

/* ---- socket calls ---- */

static void op_socket(struct fuzz *f)
{
    sw_socket_t *h = handle(f);
    uint8_t b = byte(f);
    if (*h)
        sw_close(f->host, *h);
    *h = 0;
    sw_socket(f->host, b & 1 ? SW_AF_INET6 : SW_AF_INET, b & 2 ? SW_SOCK_DGRAM : SW_SOCK_STREAM, 0,
              h);
}

static void op_name(struct fuzz *f)
{
    sw_socket_t h = *handle(f);
    uint8_t b = byte(f);
    struct sw_addr addr = address(f);
    if (b % 4 == 0)
        sw_bind(f->host, h, &addr);
    else if (b % 4 == 1)
        sw_connect(f->host, h, b & 0x80 && b & 0x40 ? NULL : &addr);
    else if (b % 4 == 2)
        sw_listen(f->host, h, b >> 4);
    else if (sw_bind_conflict(f->host, h, &addr) == 0)
        sw_find_listener(f->host, &addr, &addr);
}

static void op_accept(struct fuzz *f)
{
    sw_socket_t l = *handle(f), *h = handle(f), child;
    if (sw_accept(f->host, l, &child, NULL) < 0)
        return;
    if (*h)
        sw_close(f->host, *h);
    *h = child;
}

static void op_send(struct fuzz *f)
{
    static const uint8_t bytes[70000];
    sw_socket_t h = *handle(f);
    uint8_t b = byte(f);
    size_t len = b & 0x80 ? word(f) : b & 0x0f;
    struct sw_addr to = b & 0x40 ? address(f) : (struct sw_addr){.port = 0};
    void *room;
    if ((b & 0x30) == 0x30) {
        int64_t n = sw_send_reserve(f->host, h, len, &room);
        if (n > 0) {
            memset(room, 'y', (size_t)n);
            SW_ASSERT(sw_send_commit(f->host, h, (size_t)n, 0) == 0);
        }
        return;
    }
    int64_t n = sw_send(f->host, h, bytes, len, b & 0x10 ? SW_MSG_MORE : 0, b & 0x40 ? &to : NULL);
    SW_ASSERT(n <= (int64_t)len);
}

static void op_recv(struct fuzz *f)
{
    static uint8_t bytes[70000];
    sw_socket_t h = *handle(f);
    uint8_t b = byte(f);
    struct sw_bytes pieces[4];
    struct sw_addr from;
    if (b & 1) {
        int n = sw_recv_peek(f->host, h, pieces, 4);
        size_t len = 0;
        for (int i = 0; i < n; i++)
            len += pieces[i].len;
        if (n > 0)
            SW_ASSERT(sw_recv_consume(f->host, h, len) == 0);
        return;
    }
    size_t len = b & 0x80 ? sizeof(bytes) : b >> 2;
    int64_t n = sw_recv(f->host, h, bytes, len, b & 2 ? SW_MSG_PEEK : 0, &from);
    SW_ASSERT(n <= (int64_t)len);
}

static void op_option(struct fuzz *f)
{
    static const int levels[] = {0, 1, 6, 41};
    sw_socket_t h = *handle(f);
    uint8_t b = byte(f);
    int level = levels[b & 3], name = byte(f) % 70;
    uint8_t value[300] = {byte(f), byte(f), b & 4 ? 0xff : 0, b & 4 ? 0xff : 0};
    size_t len = b >> 3;
    enum { ATTACH_FILTER = 26 }; /* its program lies elsewhere in memory */
    if (level == 1 && name == ATTACH_FILTER)
        return;
    sw_setsockopt(f->host, h, level, name, value, len);
    len = b & 0x80 ? sizeof(value) : b >> 3;
    size_t room = len;
    if (sw_getsockopt(f->host, h, level, name, value, &len) == 0)
        SW_ASSERT(len <= room);
}

static void op_end(struct fuzz *f)
{
    sw_socket_t *h = handle(f);
    uint8_t b = byte(f);
    if (b % 8 < 3) {
        sw_shutdown(f->host, *h, b % 8);
        return;
    }
    if (b % 8 == 3)
        sw_abort(f->host, *h);
    else if (b % 8 == 4)
        sw_reject(f->host, *h);
    else
        sw_close(f->host, *h);
    *h = 0;
}

static void op_look(struct fuzz *f)
{
    struct sw_ready ready;
    struct sw_socket_info info;
    struct sw_host_stats stats;
    struct sw_addr addr;
    uint64_t cursor = 0, sockets = 0;
    while (sw_host_ready(f->host, &ready))
        SW_ASSERT(sw_poll(f->host, ready.socket) == ready.events);
    while (sw_host_next_socket(f->host, &cursor, &info)) {
        sockets++;
        if (info.socket) {
            SW_ASSERT(sw_getsockname(f->host, info.socket, &addr) == 0);
            sw_getpeername(f->host, info.socket, &addr);
        }
    }
    sw_host_get_stats(f->host, &stats);
    SW_ASSERT(sockets == stats.sockets + stats.time_wait + stats.half_open);
}

static void op_time(struct fuzz *f)
{
    uint8_t b = byte(f);
    uint64_t deadline = sw_host_deadline(f->host);
    if ((b & 0x80) && deadline != SW_NEVER)
        f->now = deadline > f->now ? deadline : f->now;
    else
        f->now += 1ULL << (b % 40); /* 1 ns to nine minutes */
    sw_host_advance(f->host, f->now);
    SW_ASSERT(sw_host_deadline(f->host) > f->now);
}

static bool begin(struct fuzz *f)
{
    struct sw_host_config config = {.now_ns = 1000000000ULL, .max_sockets = 64};
    uint8_t b = byte(f);
    config.mem_limit_bytes = b & 0x80 ? 200000U + (b & 0x7fU) * 10000U : 0;
    const struct sw_iface_config eth = {.name = "eth0", .mtu = b & 1 ? 1280 : 1500};
    const struct sw_addr listen_at = {.ip = SW_IP6_ANY, .port = 80};
    f->now = config.now_ns;
    f->host = sw_host_new(&config);
    if (!f->host)
        return false;
    f->lo = sw_host_add_loopback(f->host);
    f->eth = sw_host_add_iface(f->host, &eth);
    sw_host_add_addr(f->host, f->eth, end_of(false, false), 24);
    sw_host_add_addr(f->host, f->eth, end_of(true, false), 64);
    sw_socket(f->host, SW_AF_INET6, SW_SOCK_STREAM, 0, &f->handles[0]);
    sw_bind(f->host, f->handles[0], &listen_at);
    sw_listen(f->host, f->handles[0], 4);
    sw_socket(f->host, SW_AF_INET6, SW_SOCK_DGRAM, 0, &f->handles[1]);
    sw_bind(f->host, f->handles[1], &listen_at);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const ops[])(struct fuzz *) = {
        op_segment, op_segment, op_segment, op_raw,  op_datagram, op_icmp,   op_time, op_time,
        op_socket,  op_name,    op_accept,  op_send, op_recv,     op_option, op_end,  op_look,
    };
    struct fuzz f = {.p = data, .end = data + size};
    if (!begin(&f))
        return 0;
    for (int i = 0; i < OPS_MAX && f.p < f.end; i++) {
        ops[byte(&f) % 16](&f);
        drain(&f);
        SW_ASSERT(sw_sock_sane(&f.host->sock) == NULL);
    }
    op_look(&f);
    struct sw_mem *mem = sw_mem_get(sw_host_mem(f.host));
    sw_host_free(f.host);
    SW_ASSERT(sw_mem_used(mem) == 0);
    sw_mem_put(mem);
    return 0;
}
