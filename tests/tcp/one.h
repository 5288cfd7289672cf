/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One connection, played against by hand: the test is the peer. Sequence numbers are relative to
 * the two initial ones (a SYN has 0, the first byte 1), as in packetdrill. `take` states what was
 * sent, in full; what a test does not take is found by `nothing`, and by the end of the test.
 */
#ifndef TESTS_TCP_ONE_H
#define TESTS_TCP_ONE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tcp/meter.h"
#include "tcp/mtu_probe.h"
#include "tcp/private.h"
#include "tcp/reasm.h"

#define MS 1000000ULL
#define SEC 1000000000ULL

#define FIN SW_TCP_FIN
#define SYN SW_TCP_SYN
#define RST SW_TCP_RST
#define PSH SW_TCP_PSH
#define ACK SW_TCP_ACK
#define URG SW_TCP_URG

#define OUR_ISN 0xfffff000U /* both numbers wrap soon */
#define PEER_ISN 0xffffe000U

enum { ETH = 1 };

/* A segment, either way. In what is expected 0 means "not looked at" for win and the options. */
struct seg {
    uint16_t flags;
    uint32_t seq, ack, len;
    uint32_t win; /* the field as on the wire */
    uint16_t urg; /* the urgent pointer; what is sent must have this one */
    uint16_t mss, gso;
    int ws;           /* window scale + 1; 0: no option */
    uint32_t ts, ecr; /* ts 0: no option */
    bool sack_ok;
    uint8_t tos; /* of the IP header */
    unsigned n_sacks;
    uint32_t sacks[8]; /* left, right, ... relative */
    struct sw_tcp_accecn accecn;
};

struct one {
    struct sw_env env;
    struct sw_ip_layer ip;
    struct sw_tcp_layer layer;
    struct sw_tcp tcp;
    uint32_t peer_isn; /* what relative numbers of the peer begin at */
    uint32_t our_isn;
    uint16_t win; /* what the peer's segments offer unless they say otherwise */
    uint32_t ts;  /* not 0: the peer's segments carry this timestamp unless they say otherwise */
    unsigned events;
    uint64_t sent_bytes; /* written into the send queue */
    uint64_t read_bytes;
};

static inline uint8_t pattern(uint64_t i)
{
    return (uint8_t)(i * 7 + (i >> 8) * 13 + (i >> 16));
}

/* 10.0.0.`host`, at a time. */
static inline void one_init_as(struct one *o, uint64_t now_ns, uint8_t host)
{
    static const uint8_t seed[16] = "transmission";
    struct sw_iface_config eth = {.name = "eth0", .mtu = 1500, .csum_offload = true};
    struct sw_ip local = SW_IP4(10, 0, 0, host);

    memset(o, 0, sizeof(*o));
    o->env.mem = sw_mem_new(&sw_alloc_libc, 0);
    o->env.now_ns = now_ns;
    sw_rng_init(&o->env.rng, seed);
    sw_wheel_init(&o->env.wheel, now_ns);
    assert_int_equal(sw_ip_init(&o->ip, &o->env), 0);
    assert_int_equal(sw_ip_add_iface(&o->ip, &eth), ETH);
    assert_int_equal(sw_ip_add_addr(&o->ip, ETH, &local, 24), 0);
    sw_tcp_layer_init(&o->layer, &o->env, &o->ip);
    o->layer.config.timestamps = false; /* tests that want them turn them on */
    o->layer.config.sack = false;
    o->layer.config.mtu_probing = SW_MTU_PROBING_OFF;
    o->layer.config.cc = SW_CC_RENO;
    o->win = 65535;
    o->peer_isn = PEER_ISN;
    o->our_isn = OUR_ISN;
}

static inline void one_init_at(struct one *o, uint64_t now_ns)
{
    one_init_as(o, now_ns, 1);
}

static inline void one_init(struct one *o)
{
    one_init_at(o, 100 * SEC);
}

/* The block, CLOSED, between 10.0.0.1:1000 and 10.0.0.2:80. */
static inline void one_block(struct one *o)
{
    sw_tcp_init(&o->tcp, &o->layer, 0, 0);
    o->tcp.local = (struct sw_addr){.ip = SW_IP4(10, 0, 0, 1), .port = 1000};
    o->tcp.remote = (struct sw_addr){.ip = SW_IP4(10, 0, 0, 2), .port = 80};
    sw_tcp_set_isn(&o->tcp, sw_seq_of(o->our_isn));
}

static inline struct sw_packet *one_take_packet(struct one *o)
{
    return sw_packet_queue_take(&sw_ip_iface(&o->ip, ETH)->out);
}

/* What must hold after every event. */
static inline void one_check(struct one *o)
{
    if (o->tcp.state != SW_TCP_CLOSED)
        assert_true(sw_flight_sane(&o->tcp));
    if (sw_tcp_timer_expected(&o->tcp)) {
        assert_true(o->tcp.timer.armed);
        assert_true(o->tcp.main_ns != SW_NEVER || o->tcp.slow_ns != SW_NEVER ||
                    sw_pace_ns(&o->tcp) != SW_NEVER);
    }
    o->events |= sw_tcp_take_events(&o->tcp);
}

static inline void in(struct one *o, struct seg s)
{
    struct sw_packet *pkt = sw_packet_new(o->env.mem, 0);
    struct sw_segment seg = {.pkt = pkt, .len = s.len};
    struct sw_chunk *chunk = NULL;

    assert_non_null(pkt);
    if (s.len) {
        chunk = sw_chunk_new(o->env.mem, s.len);
        assert_non_null(chunk);
        for (uint32_t i = 0; i < s.len; i++)
            chunk->data[i] = pattern(s.seq - (s.flags & SYN ? 0 : 1) + i);
        chunk->fill = s.len;
        assert_int_equal(sw_packet_add_slice(pkt, (struct sw_slice){chunk, 0, s.len}), 0);
        sw_chunk_put(chunk);
    }
    pkt->gso_size = s.gso;
    seg.ip = (struct sw_ip_hdr){
        .src = SW_IP4(10, 0, 0, 2), .dst = SW_IP4(10, 0, 0, 1), .version = 4, .tos = s.tos};
    seg.tcp = (struct sw_tcp_hdr){
        .src_port = 80,
        .dst_port = 1000,
        .seq = sw_seq_of(o->peer_isn + s.seq),
        .ack = sw_seq_of(s.flags & ACK ? o->our_isn + s.ack : 0),
        .flags = s.flags,
        .window = (uint16_t)(s.win == UINT32_MAX ? 0
                             : s.win             ? s.win
                                                 : o->win),
        .urgent = s.urg,
        .has_mss = s.mss != 0,
        .mss = s.mss,
        .has_wscale = s.ws != 0,
        .wscale = (uint8_t)(s.ws ? s.ws - 1 : 0),
        .sack_ok = s.sack_ok,
        .has_ts = s.ts || o->ts,
        .ts_val = s.ts ? s.ts : o->ts,
        .ts_ecr = s.ecr,
        .n_sacks = (uint8_t)s.n_sacks,
        .accecn = s.accecn,
    };
    for (unsigned i = 0; i < s.n_sacks; i++)
        seg.tcp.sacks[i] = (struct sw_tcp_sack){sw_seq_of(o->our_isn + s.sacks[2 * i]),
                                                sw_seq_of(o->our_isn + s.sacks[2 * i + 1])};
    if (o->tcp.state == SW_TCP_CLOSED && (s.flags & (SYN | ACK)) == SYN) {
        assert_int_equal(sw_tcp_open_passive(&o->tcp, &seg), 0);
        sw_packet_free(pkt);
    } else {
        sw_tcp_input(&o->tcp, &seg);
    }
    one_check(o);
}
#define NO_WINDOW UINT32_MAX /* .win of a closed window */
#define IN(o, ...) in(o, (struct seg){__VA_ARGS__})

static inline void nothing_at(struct one *o, const char *file, int line)
{
    struct sw_packet *pkt = one_take_packet(o);
    struct sw_ip_hdr ip;
    struct sw_tcp_hdr tcp;

    if (!pkt)
        return;
    assert_int_equal(sw_ip_parse_hdr(sw_packet_head(pkt), pkt->head_len, sw_packet_len(pkt), &ip),
                     0);
    assert_int_equal(sw_tcp_parse(sw_packet_head(pkt) + ip.hdr_len, pkt->head_len - ip.hdr_len,
                                  sw_packet_len(pkt) - ip.hdr_len, &tcp),
                     0);
    fprintf(stderr, "%s:%d: unexpected segment: flags %x seq %d ack %d len %u\n", file, line,
            tcp.flags, (int)(tcp.seq.v - o->our_isn), (int)(tcp.ack.v - o->peer_isn),
            pkt->data_len);
    sw_packet_free(pkt);
    _fail(file, line);
}
#define nothing(o) nothing_at(o, __FILE__, __LINE__)

/* The next segment sent is exactly this one; returns its window field. */
static inline uint16_t take(struct one *o, struct seg s, const char *file, int line)
{
    struct sw_packet *pkt = one_take_packet(o);
    struct sw_ip_hdr ip;
    struct sw_tcp_hdr tcp;
    uint8_t byte;
    uint32_t seq, ack;

    if (!pkt) {
        fprintf(stderr, "%s:%d: no segment was sent\n", file, line);
        _fail(file, line);
        return 0;
    }
    assert_int_equal(sw_ip_parse_hdr(sw_packet_head(pkt), pkt->head_len, sw_packet_len(pkt), &ip),
                     0);
    assert_int_equal(sw_tcp_parse(sw_packet_head(pkt) + ip.hdr_len, pkt->head_len - ip.hdr_len,
                                  sw_packet_len(pkt) - ip.hdr_len, &tcp),
                     0);
    seq = tcp.seq.v - o->our_isn;
    ack = tcp.flags & ACK ? tcp.ack.v - o->peer_isn : 0;
    if (tcp.flags != s.flags || seq != s.seq || ack != s.ack || pkt->data_len != s.len ||
        pkt->gso_size != s.gso || tcp.urgent != s.urg ||
        (s.win && tcp.window != (s.win == NO_WINDOW ? 0 : s.win)) || (s.mss && tcp.mss != s.mss) ||
        (s.ws && (!tcp.has_wscale || tcp.wscale != s.ws - 1)) || (s.ecr && tcp.ts_ecr != s.ecr) ||
        (s.sack_ok && !tcp.sack_ok) || tcp.n_sacks != s.n_sacks) {
        fprintf(stderr,
                "%s:%d: sent flags %x seq %u ack %u len %u gso %u urgent %u win %u mss %u ecr %u "
                "sacks %u, "
                "expected %x %u %u %u %u %u\n",
                file, line, tcp.flags, seq, ack, pkt->data_len, pkt->gso_size, tcp.urgent,
                tcp.window, tcp.mss, tcp.ts_ecr, tcp.n_sacks, s.flags, s.seq, s.ack, s.len, s.gso,
                s.win);
        _fail(file, line);
    }
    if (s.tos)
        assert_int_equal(ip.tos, s.tos);
    for (unsigned i = 0; i < s.n_sacks; i++) {
        assert_int_equal(tcp.sacks[i].left.v - o->peer_isn, s.sacks[2 * i]);
        assert_int_equal(tcp.sacks[i].right.v - o->peer_isn, s.sacks[2 * i + 1]);
    }
    for (uint32_t i = 0; i < pkt->data_len; i++) {
        assert_int_equal(sw_packet_copy(pkt, pkt->head_len + i, &byte, 1), 1);
        assert_int_equal(byte, pattern(seq - (s.flags & SYN ? 0 : 1) + i));
    }
    sw_packet_free(pkt);
    return tcp.window;
}
#define TAKE(o, ...) take(o, (struct seg){__VA_ARGS__}, __FILE__, __LINE__)

/* Time passes until `at_ns`, timers firing on their way. */
static inline void until(struct one *o, uint64_t at_ns)
{
    for (;;) {
        uint64_t next = sw_wheel_next(&o->env.wheel);
        struct sw_timer *timer;

        o->env.now_ns = next < at_ns ? (next > o->env.now_ns ? next : o->env.now_ns) : at_ns;
        while ((timer = sw_wheel_pop(&o->env.wheel, o->env.now_ns)) != NULL)
            if (timer == &o->tcp.timer) {
                sw_tcp_timer(&o->tcp);
                one_check(o);
            }
        if (o->env.now_ns >= at_ns)
            return;
    }
}

static inline void pass(struct one *o, uint64_t ns)
{
    until(o, o->env.now_ns + ns);
}

/* Nothing is sent before `at_ns`; then timers of that instant have fired (the wheel's slots are 65
 * us). */
#define QUIET_UNTIL(o, at_ns)                                                                      \
    do {                                                                                           \
        uint64_t at_ = (at_ns);                                                                    \
        until(o, at_ - 1000);                                                                      \
        nothing(o);                                                                                \
        until(o, at_ + (1 << SW_WHEEL_SHIFT));                                                     \
    } while (0)

/* The user writes. */
static inline void put(struct one *o, uint32_t len)
{
    uint8_t *bytes = malloc(len);

    for (uint32_t i = 0; i < len; i++)
        bytes[i] = pattern(o->sent_bytes + i);
    assert_int_equal(sw_stream_append(sw_tcp_send_queue(&o->tcp), o->env.mem, bytes, len), 0);
    o->sent_bytes += len;
    free(bytes);
}

static inline void user_sends(struct one *o, uint32_t len)
{
    put(o, len);
    sw_tcp_push(&o->tcp, false);
    one_check(o);
}

/* The user reads exactly `len` bytes, which are the right ones. */
static inline void user_reads(struct one *o, uint32_t len)
{
    uint8_t *bytes = malloc(len);

    assert_true(sw_tcp_recv_queue(&o->tcp)->len >= len);
    assert_int_equal(sw_stream_copy(sw_tcp_recv_queue(&o->tcp), 0, bytes, len), len);
    for (uint32_t i = 0; i < len; i++)
        assert_int_equal(bytes[i], pattern(o->read_bytes + i));
    free(bytes);
    o->read_bytes += len;
    sw_stream_drop(sw_tcp_recv_queue(&o->tcp), o->env.mem, len);
    sw_tcp_consumed(&o->tcp, len);
    one_check(o);
}

/* ESTABLISHED by an active open; the peer's SYN-ACK as given. */
static inline void one_connect_with(struct one *o, struct seg syn_ack)
{
    one_block(o);
    assert_int_equal(sw_tcp_connect(&o->tcp), 0);
    TAKE(o, SYN, .seq = 0);
    syn_ack.flags = SYN | ACK;
    syn_ack.ack = 1;
    in(o, syn_ack);
    TAKE(o, ACK, .seq = 1, .ack = 1);
    nothing(o);
    assert_int_equal(o->tcp.state, SW_TCP_ESTABLISHED);
    o->tcp.rcv.quick = 0; /* the tests of delayed ACKs say where it matters */
}

/* Segment i of those that leave in super-segments of `per`: Linux's way to push. */
static inline uint16_t ends_burst(uint32_t i, uint32_t per)
{
    return per > 1 && i % per == per - 1 ? PSH : 0;
}

static inline void one_connect(struct one *o)
{
    one_connect_with(o, (struct seg){.mss = 1000});
}

/* Where tests begin: with a block that is CLOSED, one in SYN_SENT whose SYN was taken, or one that
 * is ESTABLISHED. */
static inline void begin_closed(struct one *o)
{
    one_init(o);
    one_block(o);
}

static inline void begin_syn_sent(struct one *o)
{
    begin_closed(o);
    assert_int_equal(sw_tcp_connect(&o->tcp), 0);
    TAKE(o, SYN, .seq = 0);
}

static inline void begin_established(struct one *o)
{
    one_init(o);
    one_connect(o);
}

/* The user writes a little where nothing is out: it goes at once, as one segment. */
static inline void user_sends_one(struct one *o, uint32_t seq, uint32_t ack, uint32_t len)
{
    user_sends(o, len);
    TAKE(o, ACK | PSH, .seq = seq, .ack = ack, .len = len);
}

static inline enum sw_tcp_state one_state(const struct one *o)
{
    return o->tcp.state;
}

/* Everything is taken, everything is given back. */
static inline void one_fini(struct one *o)
{
    nothing(o);
    sw_tcp_fini(&o->tcp);
    sw_tcp_layer_fini(&o->layer);
    sw_ip_fini(&o->ip);
    assert_int_equal(o->env.wheel.armed, 0);
    assert_int_equal(sw_mem_used(o->env.mem), 0);
    sw_mem_put(o->env.mem);
}

/* `n` segments of 1,000 out of `total` bytes are out; the round trip is 20 ms. */
static inline void out(struct one *o, uint32_t total, uint32_t n)
{
    one_block(o);
    o->layer.config.sack = true;
    assert_int_equal(sw_tcp_connect(&o->tcp), 0);
    TAKE(o, SYN, .seq = 0, .sack_ok = true);
    pass(o, 20 * MS);
    IN(o, SYN | ACK, .ack = 1, .mss = 1000, .sack_ok = true);
    TAKE(o, ACK, .seq = 1, .ack = 1);
    assert_int_equal(sw_ip_set_mtu(&o->ip, ETH, 1500, 0), 0);
    user_sends(o, total);
    for (uint32_t i = 0; i < n; i++) {
        uint16_t psh = total <= 1000 * (i + 1) ? PSH : ends_burst(i, 2);

        TAKE(o, ACK | psh, .seq = 1 + 1000 * i, .ack = 1, .len = 1000);
    }
    nothing(o);
    pass(o, 20 * MS);
}

#endif
