/* SPDX-License-Identifier: BSD-2-Clause */
/* The way in: from a packet to a segment, and segments that belong to nothing. Bug class 14. */
#include "tcp/one.h"

/* A TCP segment as bytes, its checksum right. */
static struct sw_packet *packet(struct one *o, const struct sw_ip_hdr *ip, uint32_t len,
                                uint8_t flags)
{
    struct sw_packet *pkt = sw_packet_new(o->env.mem, SW_TCP_HEADROOM);
    struct sw_tcp_hdr hdr = {
        .src_port = 80, .dst_port = 1000, .flags = flags, .has_mss = true, .mss = 9};
    struct sw_chunk *chunk = NULL;

    assert_non_null(pkt);
    for (uint32_t left = len; left > 0; left -= chunk->fill) {
        chunk = sw_chunk_new(o->env.mem, sw_min32(left, SW_CHUNK_BYTES));
        assert_non_null(chunk);
        memset(chunk->data, 0xa5, chunk->cap);
        chunk->fill = chunk->cap;
        assert_int_equal(sw_packet_add_slice(pkt, (struct sw_slice){chunk, 0, chunk->fill}), 0);
        sw_chunk_put(chunk);
        if (left == chunk->fill)
            break;
    }
    sw_tcp_push_hdr(pkt, &hdr, &ip->src, &ip->dst);
    return pkt;
}

static const struct sw_ip_hdr ip4 = {
    .src = SW_IP4(10, 0, 0, 2), .dst = SW_IP4(10, 0, 0, 1), .version = 4, .proto = SW_PROTO_TCP};

static void test_lengths(void **state)
{
    static const uint32_t lens[] = {0, 1, 1460, 32767, 32768, 65495, 65511, 65535};

    (void)state;
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        struct one o;
        struct sw_segment seg;
        struct sw_packet *pkt;

        begin_closed(&o);
        pkt = packet(&o, &ip4, lens[i], SYN);
        assert_int_equal(sw_tcp_segment(pkt, &ip4, &seg), SW_DROP_NONE);
        assert_int_equal(seg.len, lens[i]);
        assert_int_equal(seg.tcp.mss, 9);
        assert_int_equal(pkt->head_len, 0);
        sw_packet_free(pkt);
        one_fini(&o);
    }
}

/* Every way of being too short, and a header length of every value. */
static void test_malformed(void **state)
{
    struct one o;
    struct sw_segment seg;

    (void)state;
    begin_closed(&o);
    for (uint16_t cut = 0; cut < 24; cut++) {
        struct sw_packet *pkt = packet(&o, &ip4, 0, ACK);

        pkt->head_len = cut;
        assert_int_not_equal(sw_tcp_segment(pkt, &ip4, &seg), SW_DROP_NONE);
        sw_packet_free(pkt);
    }
    for (uint8_t doff = 0; doff < 16; doff++) {
        struct sw_packet *pkt = packet(&o, &ip4, 10, ACK);
        enum sw_drop why;

        sw_packet_head(pkt)[12] = (uint8_t)(doff << 4);
        why = sw_tcp_segment(pkt, &ip4, &seg);
        if (doff < 5 || doff > 8)
            assert_int_equal(why, SW_DROP_TCP_HEADER_LEN);
        sw_packet_free(pkt);
    }
    struct sw_packet *pkt = packet(&o, &ip4, 10, ACK);
    sw_packet_fill_csum(pkt);
    pkt->csum = SW_CSUM_FILLED;
    sw_packet_head(pkt)[5] ^= 1;
    sw_packet_free(pkt);
    one_fini(&o);
}

/* RFC 9293 3.10.7.1. */
static void test_refuse(void **state)
{
    static const struct {
        uint16_t flags;
        uint32_t len;
        struct seg reply;
    } rows[] = {
        {ACK, 5, {.flags = RST, .seq = 7}},
        {SYN | ACK, 0, {.flags = RST, .seq = 7}},
        {SYN, 0, {.flags = RST | ACK, .ack = 4}},
        {SYN | FIN, 5, {.flags = RST | ACK, .ack = 10}},
        {0, 5, {.flags = RST | ACK, .ack = 8}},
        {RST, 0, {0}},
        {RST | ACK, 5, {0}},
    };
    struct one o;

    (void)state;
    begin_closed(&o);
    o.our_isn = o.peer_isn = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sw_segment seg = {.ip = ip4, .len = rows[i].len};

        seg.tcp = (struct sw_tcp_hdr){.src_port = 80,
                                      .dst_port = 1000,
                                      .flags = rows[i].flags,
                                      .seq = sw_seq_of(3),
                                      .ack = sw_seq_of(7)};
        seg.pkt = sw_packet_new(o.env.mem, 0);
        sw_tcp_refuse(&o.layer, &seg, SW_DROP_TCP_NO_SOCKET);
        assert_null(seg.pkt);
        if (rows[i].reply.flags)
            take(&o, rows[i].reply, __FILE__, __LINE__);
        nothing(&o);
    }
    assert_int_equal(o.env.drops[SW_DROP_TCP_NO_SOCKET], 7);
    assert_int_equal(o.env.stats.tcp_resets, 5);
    one_fini(&o);
}

/* RFC 6528: the numbers grow with time for one pair and tell nothing of another; the timestamps'
 * offset is one per pair of hosts. Bug classes 8 and 9. */
static void test_isn(void **state)
{
    struct one o;
    sw_seq first, other;
    uint32_t offset;

    (void)state;
    begin_closed(&o);
    first = sw_tcp_isn(&o.tcp);
    offset = sw_tcp_ts_offset(&o.tcp);
    o.env.now_ns += 6400;
    assert_int_equal(sw_seq_diff(sw_tcp_isn(&o.tcp), first), 100);
    o.env.now_ns -= 6400;
    o.tcp.local.port++;
    other = sw_tcp_isn(&o.tcp);
    assert_true(abs(sw_seq_diff(other, first)) > 1 << 16);
    assert_int_equal(sw_tcp_ts_offset(&o.tcp), offset);
    o.tcp.remote.ip.b[15]++;
    assert_int_not_equal(sw_tcp_ts_offset(&o.tcp), offset);
    uint32_t seen[32] = {0}; /* each bit is set about half of the time */
    for (uint16_t port = 1; port <= 1000; port++) {
        o.tcp.remote.port = port;
        for (int bit = 0; bit < 32; bit++)
            seen[bit] += sw_tcp_isn(&o.tcp).v >> bit & 1;
    }
    for (int bit = 0; bit < 32; bit++)
        assert_in_range(seen[bit], 400, 600);
    one_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_refuse),
        cmocka_unit_test(test_isn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
