/* SPDX-License-Identifier: BSD-2-Clause */
/* Links: a perfect wire, each condition by itself, all of them together, and the same fate every
 * time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include <sockworks/link.h>

#include "wire/wire.h"

#define MS 1000000ULL
#define S 1000000000ULL

static struct sw_mem *mem;
static uint64_t seen[SW_DROP_COUNT];
static struct sw_trace_event last_event;

static void observe(void *ctx, const struct sw_trace_event *event)
{
    assert_ptr_equal(ctx, &last_event);
    assert_int_equal(event->kind, SW_TRACE_PACKET_DROPPED);
    seen[event->v[0]]++;
    last_event = *event;
}

static struct sw_link *new_link(uint64_t seed)
{
    struct sw_link_config config = {
        .seed = seed, .mem = mem, .trace = observe, .trace_ctx = &last_event};
    memset(seen, 0, sizeof(seen));
    return sw_link_new(&config);
}

static int setup(void **state)
{
    (void)state;
    mem = sw_mem_new(&sw_alloc_libc, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(sw_mem_used(mem), 0);
    sw_mem_put(mem);
    return 0;
}

/* A UDP datagram of `len` payload bytes, all of value `mark`, from 10.0.0.1:1000 to 10.0.0.2:2000.
 */
static struct sw_packet *datagram(uint32_t mark, uint32_t len)
{
    struct sw_packet *pkt = sw_packet_new(mem, SW_PACKET_HEAD);
    struct sw_ip_hdr ip = {.src = SW_IP4(10, 0, 0, 1),
                           .dst = SW_IP4(10, 0, 0, 2),
                           .version = 4,
                           .proto = SW_PROTO_UDP,
                           .ttl = 64,
                           .id = mark};
    if (len > 0) {
        struct sw_chunk *chunk = sw_chunk_new(mem, len);
        memset(chunk->data, (int)mark, len);
        chunk->fill = len;
        sw_packet_add_slice(pkt, (struct sw_slice){chunk, 0, len});
        sw_chunk_put(chunk);
    }
    sw_udp_push_hdr(pkt, 1000, 2000, &ip.src, &ip.dst);
    sw_ip_push_hdr(pkt, &ip);
    return pkt;
}

/* The mark of a datagram (its IP identification). */
static uint32_t mark_of(struct sw_packet *pkt)
{
    uint8_t id[2];
    sw_packet_copy(pkt, 4, id, 2);
    return (uint32_t)(id[0] << 8 | id[1]);
}

static struct sw_packet *segment(uint32_t len, uint16_t gso_size)
{
    struct sw_packet *pkt = sw_packet_new(mem, SW_PACKET_HEAD);
    struct sw_tcp_hdr tcp = {.src_port = 1, .dst_port = 2, .flags = SW_TCP_ACK};
    struct sw_ip_hdr ip = {.src = SW_IP4(10, 0, 0, 1),
                           .dst = SW_IP4(10, 0, 0, 2),
                           .version = 4,
                           .proto = SW_PROTO_TCP,
                           .ttl = 64};
    struct sw_chunk *chunk = sw_chunk_new(mem, len);
    memset(chunk->data, 0x5a, len);
    chunk->fill = len;
    sw_packet_add_slice(pkt, (struct sw_slice){chunk, 0, len});
    sw_chunk_put(chunk);
    sw_tcp_push_hdr(pkt, &tcp, &ip.src, &ip.dst);
    sw_ip_push_hdr(pkt, &ip);
    pkt->gso_size = gso_size;
    return pkt;
}

static void test_perfect_wire(void **state)
{
    (void)state;
    struct sw_link *link = new_link(1);
    struct sw_packet *a = segment(60000, 1448), *b = datagram(2, 9000), *c = datagram(3, 1);
    assert_int_equal(sw_link_deadline(link), UINT64_MAX);
    sw_link_send(link, 0, a, 5);
    sw_link_send(link, 0, b, 5);
    sw_link_send(link, 1, c, 5);
    assert_true(sw_link_deadline(link) <= 5);
    assert_ptr_equal(sw_link_receive(link, 1, 5), a); /* whole, and itself */
    assert_ptr_equal(sw_link_receive(link, 1, 5), b);
    assert_null(sw_link_receive(link, 1, 5));
    assert_ptr_equal(sw_link_receive(link, 0, 5), c);
    assert_int_equal(sw_link_deadline(link), UINT64_MAX);
    struct sw_link_stats stats;
    sw_link_get_stats(link, 0, &stats);
    assert_int_equal(stats.sent, 2);
    assert_int_equal(stats.delivered, 2);
    sw_packet_free(a);
    sw_packet_free(b);
    sw_packet_free(c);
    sw_link_free(link);
}

static void test_bad_conditions(void **state)
{
    (void)state;
    struct sw_link *link = new_link(1);
    struct sw_link_conditions c = {0};
    assert_int_equal(sw_link_set(link, 2, &c), -EINVAL);
    assert_int_equal(sw_link_set(link, -1, &c), -EINVAL);
    c.loss_ppm = 1000001;
    assert_int_equal(sw_link_set(link, 0, &c), -EINVAL);
    c = (struct sw_link_conditions){.corrupt_ppm = 1000001};
    assert_int_equal(sw_link_set(link, 0, &c), -EINVAL);
    sw_link_send(link, 0, datagram(1, 1), 0); /* dropped with the link */
    sw_link_free(link);
    sw_link_free(NULL);
}

static void test_delay(void **state)
{
    (void)state;
    struct sw_link *link = new_link(1);
    struct sw_link_conditions c = {.delay_ns = 10 * MS};
    assert_int_equal(sw_link_set(link, 0, &c), 0);
    sw_link_send(link, 0, datagram(1, 100), 3 * MS);
    sw_link_send(link, 0, datagram(2, 3000), 4 * MS); /* larger than the MTU, but nothing to cut */
    assert_int_equal(sw_link_deadline(link), 13 * MS);
    assert_null(sw_link_receive(link, 1, 13 * MS - 1));
    struct sw_packet *pkt = sw_link_receive(link, 1, 13 * MS);
    assert_int_equal(mark_of(pkt), 1);
    sw_packet_free(pkt);
    assert_null(sw_link_receive(link, 1, 13 * MS));
    pkt = sw_link_receive(link, 1, 14 * MS);
    assert_int_equal(pkt->data_len, 3000);
    sw_packet_free(pkt);
    sw_link_free(link);
}

static void test_super_segments_are_cut(void **state)
{
    (void)state;
    static const struct {
        uint32_t len;
        uint16_t gso_size;
        uint32_t packets, first;
    } rows[] = {
        {14480, 1448, 10, 1448}, {14600, 0, 10, 1460}, {1460, 0, 1, 1460},
        {14600, 9000, 10, 1460}, {1000, 500, 2, 500},  {3, 1, 3, 1},
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sw_link *link = new_link(1);
        struct sw_link_conditions c = {.delay_ns = 1};
        sw_link_set(link, 0, &c);
        sw_link_send(link, 0, segment(rows[i].len, rows[i].gso_size), 0);
        uint32_t packets = 0, bytes = 0;
        struct sw_packet *pkt;
        while ((pkt = sw_link_receive(link, 1, 1))) {
            assert_true(sw_packet_len(pkt) <= 1500);
            if (packets++ == 0)
                assert_int_equal(pkt->data_len, rows[i].first);
            bytes += pkt->data_len;
            sw_packet_free(pkt);
        }
        assert_int_equal(packets, rows[i].packets);
        assert_int_equal(bytes, rows[i].len);
        sw_link_free(link);
    }
}

/* Sends `count` datagrams, one every `gap_ns`; returns how many came out, in what order by `marks`.
 */
static uint32_t run(struct sw_link *link, uint32_t count, uint64_t gap_ns, uint32_t len,
                    uint32_t *marks)
{
    uint32_t got = 0;
    for (uint64_t i = 0; i < count; i++)
        sw_link_send(link, 0, datagram((uint32_t)i, len), i * gap_ns);
    for (uint64_t next; (next = sw_link_deadline(link)) != UINT64_MAX;) {
        struct sw_packet *pkt = sw_link_receive(link, 1, next);
        assert_non_null(pkt);
        if (marks)
            marks[got] = mark_of(pkt);
        got++;
        sw_packet_free(pkt);
    }
    return got;
}

static void test_loss(void **state)
{
    (void)state;
    struct sw_link *link = new_link(7);
    struct sw_link_conditions c = {.loss_ppm = 10000};
    struct sw_link_stats stats;
    sw_link_set(link, 0, &c);
    uint32_t got = run(link, 50000, 1, 10, NULL);
    assert_in_range(got, 49350, 49650); /* 1 %, seven standard deviations */
    sw_link_get_stats(link, 0, &stats);
    assert_int_equal(stats.sent, 50000);
    assert_int_equal(stats.lost, 50000 - got);
    assert_int_equal(seen[SW_DROP_LINK_LOSS], stats.lost);
    assert_int_equal(last_event.local.port, 1000);
    assert_int_equal(last_event.remote.port, 2000);
    assert_int_equal(last_event.v[1], 38);
    c.loss_ppm = 1000000;
    sw_link_set(link, 0, &c);
    assert_int_equal(run(link, 1000, 1, 10, NULL), 0);
    sw_link_free(link);
}

/* The same share, in runs of ten. */
static void test_loss_in_bursts(void **state)
{
    (void)state;
    static uint32_t marks[50000];
    struct sw_link *link = new_link(7);
    struct sw_link_conditions c = {.loss_ppm = 20000, .loss_burst = 10};
    sw_link_set(link, 0, &c);
    uint32_t got = run(link, 50000, 1, 10, marks), lost = 50000 - got, runs = 0;
    for (uint32_t i = 1; i < got; i++)
        runs += marks[i] != marks[i - 1] + 1;
    assert_in_range(lost, 600, 1400); /* 2 % of 50,000: about a hundred runs */
    assert_in_range(lost / runs, 7, 13);
    sw_link_free(link);
}

/* An IP header alone, of either version. */
static struct sw_packet *empty(int version, uint8_t tos)
{
    struct sw_packet *pkt = sw_packet_new(mem, SW_PACKET_HEAD);
    struct sw_ip_hdr ip = {.src = SW_IP4(10, 0, 0, 1),
                           .dst = SW_IP4(10, 0, 0, 2),
                           .version = (uint8_t)version,
                           .proto = SW_PROTO_UDP,
                           .tos = tos,
                           .ttl = 64};
    if (version == 6)
        ip.src.b[0] = ip.dst.b[0] = 0xfd;
    sw_ip_push_hdr(pkt, &ip);
    return pkt;
}

/* The traffic class with which a packet comes out, its header's checksum being right. */
static uint8_t tos_after(struct sw_link *link, uint64_t now_ns)
{
    struct sw_packet *pkt = sw_link_receive(link, 1, now_ns);
    struct sw_ip_hdr ip;
    assert_non_null(pkt);
    assert_int_equal(
        sw_ip_parse_hdr(pkt->head + pkt->head_off, pkt->head_len, sw_packet_len(pkt), &ip),
        SW_DROP_NONE);
    sw_packet_free(pkt);
    return ip.tos;
}

/* Only what can hear of congestion is marked, and the DSCP stays. */
static void test_mark(void **state)
{
    (void)state;
    struct sw_link *link = new_link(7);
    struct sw_link_conditions c = {.mark_ppm = 1000000};
    struct sw_link_stats stats;
    assert_int_equal(sw_link_set(link, 0, &c), 0);
    for (int version = 4; version <= 6; version += 2)
        for (unsigned tos = 0; tos < 256; tos++) {
            sw_link_send(link, 0, empty(version, (uint8_t)tos), 0);
            assert_int_equal(tos_after(link, 0), tos & 3 ? tos | 3 : tos);
        }
    sw_link_get_stats(link, 0, &stats);
    assert_int_equal(stats.marked, 2 * 128); /* what was marked before is not counted */
    static const uint8_t junk[] = {0x45, 1, 0, 5, 1};
    sw_link_send(link, 0, sw_packet_from_bytes(mem, junk, sizeof(junk)), 0);
    sw_packet_free(sw_link_receive(link, 1, 0));
    c.mark_ppm = 1000001;
    assert_int_equal(sw_link_set(link, 0, &c), -EINVAL);
    sw_link_free(link);
}

/* A share, the same of each seed; and it changes no other fate. */
static void test_mark_share(void **state)
{
    (void)state;
    uint32_t marked[3] = {0}, both = 0;
    bool first[10000];
    for (unsigned round = 0; round < 3; round++) {
        struct sw_link *link = new_link(round < 2 ? 7 : 8);
        sw_link_set(link, 0, &(struct sw_link_conditions){.mark_ppm = 100000});
        for (unsigned i = 0; i < 10000; i++) {
            sw_link_send(link, 0, empty(4, 2), i);
            bool mark = tos_after(link, i) == 3;
            marked[round] += mark;
            both += round == 1 && mark == first[i];
            if (round == 0)
                first[i] = mark;
        }
        sw_link_free(link);
    }
    assert_in_range(marked[0], 900, 1100);
    assert_int_equal(both, 10000);
    assert_int_not_equal(marked[2], marked[0]);
    struct sw_link *link = new_link(7);
    sw_link_set(link, 0, &(struct sw_link_conditions){.loss_ppm = 20000});
    uint32_t got = run(link, 1000, 1, 10, NULL);
    sw_link_free(link);
    link = new_link(7);
    sw_link_set(link, 0, &(struct sw_link_conditions){.loss_ppm = 20000, .mark_ppm = 500000});
    assert_int_equal(run(link, 1000, 1, 10, NULL), got);
    sw_link_free(link);
}

/* Behind a long queue. */
static void test_mark_queue(void **state)
{
    (void)state;
    struct sw_link *link = new_link(7);
    struct sw_link_conditions c = {.rate_bps = 8000, .mark_bytes = 60, .queue_bytes = 1500};
    sw_link_set(link, 0, &c);
    for (unsigned i = 0; i < 6; i++) /* 20 bytes each: before the fifth there are 80 */
        sw_link_send(link, 0, empty(4, i == 5 ? 0 : 2), 0);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(tos_after(link, S), i == 4 ? 3 : i == 5 ? 0 : 2);
    sw_link_free(link);
}

static void test_down(void **state)
{
    (void)state;
    struct sw_link *link = new_link(7);
    struct sw_link_conditions c = {.delay_ns = 5};
    sw_link_set(link, 0, &c);
    sw_link_send(link, 0, datagram(1, 1), 0);
    c.down = true;
    sw_link_set(link, 0, &c);
    assert_int_equal(run(link, 10, 1, 1, NULL), 1); /* what was on its way arrives */
    assert_int_equal(seen[SW_DROP_LINK_DOWN], 10);
    sw_link_send(link, 1, datagram(1, 1), 100); /* the other direction is up */
    struct sw_packet *pkt = sw_link_receive(link, 0, 100);
    assert_non_null(pkt);
    sw_packet_free(pkt);
    sw_link_free(link);
}

static void test_jitter_keeps_the_order(void **state)
{
    (void)state;
    struct sw_link *link = new_link(3);
    static uint32_t marks[5000];
    struct sw_link_conditions c = {.delay_ns = 10 * MS, .jitter_ns = 20 * MS};
    sw_link_set(link, 0, &c);
    assert_int_equal(run(link, 5000, MS, 10, marks), 5000);
    for (uint32_t i = 0; i < 5000; i++)
        assert_int_equal(marks[i], i);
    /* alone on the wire, delays spread over the whole range */
    uint64_t least = UINT64_MAX, most = 0, base = 6 * S;
    for (unsigned i = 0; i < 1000; i++, base += S) {
        sw_link_send(link, 0, datagram(1, 1), base);
        uint64_t delay = sw_link_deadline(link) - base;
        least = delay < least ? delay : least;
        most = delay > most ? delay : most;
        sw_packet_free(sw_link_receive(link, 1, base + delay));
    }
    assert_in_range(least, 10 * MS, 11 * MS);
    assert_in_range(most, 29 * MS, 30 * MS);
    sw_link_free(link);
}

static void test_reorder(void **state)
{
    (void)state;
    struct sw_link *link = new_link(4);
    static uint32_t marks[10000];
    struct sw_link_conditions c = {.delay_ns = MS, .reorder_ppm = 100000, .reorder_ns = 5 * MS};
    struct sw_link_stats stats;
    sw_link_set(link, 0, &c);
    assert_int_equal(run(link, 10000, MS, 10, marks), 10000);
    sw_link_get_stats(link, 0, &stats);
    assert_in_range(stats.reordered, 800, 1200);
    uint32_t early = 0, highest = 0;
    for (uint32_t i = 0; i < 10000; i++) {
        early += marks[i] < highest; /* came behind a later one */
        highest = marks[i] > highest ? marks[i] : highest;
    }
    assert_true(early <= stats.reordered && early > stats.reordered - 10);
    sw_link_free(link);
}

static void test_duplicate(void **state)
{
    (void)state;
    struct sw_link *link = new_link(5);
    static uint32_t marks[3000];
    struct sw_link_conditions c = {.delay_ns = MS, .duplicate_ppm = 100000};
    struct sw_link_stats stats;
    sw_link_set(link, 0, &c);
    uint32_t got = run(link, 2000, 1, 10, marks), twice = 0;
    sw_link_get_stats(link, 0, &stats);
    assert_in_range(stats.duplicated, 130, 270);
    assert_int_equal(got, 2000 + stats.duplicated);
    for (uint32_t i = 1; i < got; i++)
        twice += marks[i] == marks[i - 1];
    assert_int_equal(twice, stats.duplicated);
    sw_link_free(link);
}

/* Exactly one bit differs, the checksum was right before, and a clone that shares the bytes is
 * whole. */
static void test_corrupt(void **state)
{
    (void)state;
    struct sw_link *link = new_link(6);
    struct sw_link_conditions c = {.corrupt_ppm = 1000000};
    bool hit[60] = {false};
    unsigned places = 0;
    sw_link_set(link, 0, &c);
    for (unsigned i = 0; i < 2000; i++) {
        struct sw_packet *pkt = datagram(i, 32), *clone = sw_packet_clone(pkt);
        uint8_t before[60], after[60];
        sw_link_send(link, 0, pkt, 0);
        pkt = sw_link_receive(link, 1, 0);
        assert_int_equal(pkt->csum, SW_CSUM_FILLED);
        sw_packet_fill_csum(clone);
        assert_int_equal(sw_packet_copy(clone, 0, before, 60), 60);
        assert_int_equal(sw_packet_copy(pkt, 0, after, 60), 60);
        unsigned bits = 0;
        for (unsigned k = 0; k < 60; k++) {
            bits += (unsigned)__builtin_popcount(before[k] ^ after[k]);
            places += before[k] != after[k] && !hit[k];
            hit[k] |= before[k] != after[k];
        }
        assert_int_equal(bits, 1);
        sw_packet_free(pkt);
        sw_packet_free(clone);
    }
    assert_int_equal(places, 60);
    sw_link_free(link);
}

static void test_rate(void **state)
{
    (void)state;
    struct sw_link *link = new_link(6);
    struct sw_link_conditions c = {.rate_bps = 12000000, .delay_ns = 5 * MS};
    sw_link_set(link, 0, &c);
    for (unsigned i = 0; i < 3; i++)
        sw_link_send(link, 0, datagram(i, 1472), 0); /* 1,500 bytes: 1 ms each */
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(sw_link_deadline(link), (5 + i) * MS);
        sw_packet_free(sw_link_receive(link, 1, (5 + i) * MS));
    }
    sw_link_free(link);
}

static void test_bottleneck_queue(void **state)
{
    (void)state;
    struct sw_link *link = new_link(6);
    struct sw_link_conditions c = {.rate_bps = 8000000, .queue_bytes = 10000};
    struct sw_link_stats stats;
    sw_link_set(link, 0, &c);
    sw_link_send(link, 0, datagram(0, 20000 - 28), 0); /* a packet always fits an empty queue */
    sw_link_get_stats(link, 0, &stats);
    assert_int_equal(stats.overflowed, 0);
    for (unsigned i = 0; i < 30;
         i++) /* 1,000 bytes each; at 15 ms 5,000 bytes are still to be sent */
        sw_link_send(link, 0, datagram(i, 1000 - 28), 15 * MS);
    sw_link_get_stats(link, 0, &stats);
    assert_int_equal(stats.overflowed, 25);
    assert_int_equal(seen[SW_DROP_LINK_QUEUE], 25);
    sw_link_send(link, 0, datagram(1, 1000 - 28), 16 * MS); /* one has left since */
    sw_link_send(link, 0, datagram(1, 1000 - 28), 16 * MS);
    sw_link_get_stats(link, 0, &stats);
    assert_int_equal(stats.overflowed, 26);
    sw_link_free(link);

    link = new_link(6); /* the default: 256 KiB */
    c.queue_bytes = 0;
    sw_link_set(link, 0, &c);
    for (unsigned i = 0; i < 1000; i++)
        sw_link_send(link, 0, datagram(i, 1024 - 28), 0);
    sw_link_get_stats(link, 0, &stats);
    assert_int_equal(stats.overflowed, 1000 - 256);
    sw_link_free(link);
}

/* Fates depend on seed and number only: not on the times, not on the other conditions. */
static void test_same_fate(void **state)
{
    (void)state;
    static uint32_t a[2000], b[2000], c[2000];
    struct sw_link_conditions lossy = {.loss_ppm = 200000};
    struct sw_link_conditions more = {
        .loss_ppm = 200000, .delay_ns = MS, .jitter_ns = MS, .rate_bps = S};
    struct sw_link *link = new_link(99);
    sw_link_set(link, 0, &lossy);
    uint32_t n = run(link, 2000, 1, 10, a);
    sw_link_free(link);
    link = new_link(99);
    sw_link_set(link, 0, &more);
    assert_int_equal(run(link, 2000, 1000000, 20, b), n);
    assert_memory_equal(a, b, n * sizeof(a[0]));
    sw_link_free(link);
    link = new_link(100);
    sw_link_set(link, 0, &lossy);
    run(link, 2000, 1, 10, c);
    assert_memory_not_equal(a, c, 1000 * sizeof(a[0]));
    sw_link_free(link);
}

/* A delay that shrinks while packets are on their way: those keep theirs, new ones overtake, in
 * order. */
static void test_change_of_delay(void **state)
{
    (void)state;
    struct sw_link *link = new_link(1);
    struct sw_link_conditions slow = {.delay_ns = 100 * MS}, fast = {.delay_ns = MS}, none = {0};
    static uint32_t marks[300];
    sw_link_set(link, 0, &slow);
    for (uint32_t i = 0; i < 100; i++)
        sw_link_send(link, 0, datagram(i, 1), 0);
    sw_link_set(link, 0, &fast);
    for (uint32_t i = 100; i < 200; i++)
        sw_link_send(link, 0, datagram(i, 1), 0);
    sw_link_set(link, 0, &none);
    for (uint32_t i = 200; i < 300; i++)
        sw_link_send(link, 0, datagram(i, 1), 0);
    assert_int_equal(run(link, 0, 0, 0, marks), 300);
    for (uint32_t i = 0; i < 300; i++)
        assert_int_equal(marks[i], i < 100 ? i + 200 : i < 200 ? i : i - 200);
    sw_link_free(link);
}

/* 200,000 packets on their way at once, a tenth of them late: all come out, in order of time. */
static void test_many_on_their_way(void **state)
{
    (void)state;
    struct sw_link *link = new_link(1);
    struct sw_link_conditions c = {.delay_ns = 10 * S, .reorder_ppm = 100000, .reorder_ns = S};
    sw_link_set(link, 0, &c);
    struct sw_packet *pkt = datagram(1, 1000);
    for (unsigned i = 0; i < 200000; i++)
        sw_link_send(link, 0, sw_packet_clone(pkt), i);
    sw_packet_free(pkt);
    uint64_t last_ns = 0;
    unsigned count = 0;
    for (uint64_t next; (next = sw_link_deadline(link)) != UINT64_MAX; count++) {
        assert_true(next >= last_ns);
        last_ns = next;
        sw_packet_free(sw_link_receive(link, 1, next));
    }
    assert_int_equal(count, 200000);
    sw_link_free(link);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct sw_mem *small = sw_mem_new(&sw_alloc_libc, 2000);
    struct sw_link_config config = {.mem = small};
    struct sw_link *link = sw_link_new(&config);
    struct sw_link_conditions c = {.corrupt_ppm = 1000000, .delay_ns = 1};
    struct sw_link_stats stats;
    assert_non_null(link);
    sw_link_set(link, 0, &c);
    for (unsigned i = 0; i < 20; i++)
        sw_link_send(link, 0, datagram(i, 300), 0);
    sw_link_get_stats(link, 0, &stats);
    assert_true(stats.lost > 0);
    assert_int_equal(stats.lost + stats.corrupted, 20);
    sw_link_free(link);
    assert_int_equal(sw_mem_used(small), 0);
    sw_mem_put(small);
    small = sw_mem_new(&sw_alloc_libc, 10);
    config.mem = small;
    assert_null(sw_link_new(&config));
    sw_mem_put(small);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_perfect_wire),
        TEST(test_bad_conditions),
        TEST(test_delay),
        TEST(test_super_segments_are_cut),
        TEST(test_loss),
        TEST(test_loss_in_bursts),
        TEST(test_mark),
        TEST(test_mark_share),
        TEST(test_mark_queue),
        TEST(test_down),
        TEST(test_jitter_keeps_the_order),
        TEST(test_reorder),
        TEST(test_duplicate),
        TEST(test_corrupt),
        TEST(test_rate),
        TEST(test_bottleneck_queue),
        TEST(test_same_fate),
        TEST(test_change_of_delay),
        TEST(test_many_on_their_way),
        TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
