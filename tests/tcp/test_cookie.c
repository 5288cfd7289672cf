/* SPDX-License-Identifier: BSD-2-Clause */
/* SYN cookies: what the SYN said comes back with the ACK, and nothing else is believed. */
#include "tcp/one.h"

static struct sw_segment segment(struct seg s)
{
    return (struct sw_segment){
        .ip = {.src = SW_IP4(10, 0, 0, 2), .dst = SW_IP4(10, 0, 0, 1), .version = 4},
        .tcp = {.src_port = 80,
                .dst_port = 1000,
                .seq = sw_seq_of(PEER_ISN + s.seq),
                .ack = sw_seq_of(s.ack),
                .flags = s.flags,
                .window = 65535,
                .has_mss = s.mss != 0,
                .mss = s.mss,
                .has_wscale = s.ws != 0,
                .wscale = (uint8_t)(s.ws ? s.ws - 1 : 0),
                .sack_ok = s.sack_ok,
                .has_ts = s.ts != 0,
                .ts_val = s.ts,
                .ts_ecr = s.ecr},
    };
}

static void block(struct one *o)
{
    one_block(o);
    o->tcp.flags &= ~(uint32_t)SW_TCPF_ISN_SET;
}

/* Answers the SYN, forgets it, and returns the SYN-ACK's header. */
static struct sw_tcp_hdr reply(struct one *o, struct seg syn)
{
    struct sw_packet *pkt = sw_packet_new(o->env.mem, 0), *out;
    struct sw_segment seg = segment(syn);
    struct sw_ip_hdr ip;
    struct sw_tcp_hdr tcp;

    seg.pkt = pkt;
    block(o);
    assert_int_equal(sw_tcp_cookie_reply(&o->tcp, &seg), 0);
    sw_tcp_fini(&o->tcp);
    sw_packet_free(pkt);
    assert_int_equal(o->env.wheel.armed, 0);
    out = one_take_packet(o);
    assert_non_null(out);
    assert_int_equal(sw_ip_parse_hdr(sw_packet_head(out), out->head_len, sw_packet_len(out), &ip),
                     0);
    assert_int_equal(sw_tcp_parse(sw_packet_head(out) + ip.hdr_len, out->head_len - ip.hdr_len,
                                  sw_packet_len(out) - ip.hdr_len, &tcp),
                     0);
    sw_packet_free(out);
    assert_int_equal(tcp.flags, SYN | ACK | (syn.ts && (syn.flags & SW_TCP_CWR) ? SW_TCP_ECE : 0));
    assert_int_equal(tcp.ack.v, PEER_ISN + 1);
    return tcp;
}

/* Every option that matters comes back, the MSS rounded down. */
static void test_options(void **state)
{
    static const uint16_t mss[][2] = {{0, 536},     {100, 48},    {536, 536},   {1219, 536},
                                      {1399, 1300}, {1460, 1460}, {8939, 1460}, {9000, 8940}};

    (void)state;
    for (unsigned i = 0; i < 8 * 16 * 4; i++) {
        int ws = (int)(i / 16) % 16; /* 0: no option */
        bool sack = i & 1, ecn = i >= 8 * 16 * 2;
        uint16_t ask = ecn ? SW_TCP_ECE | SW_TCP_CWR : 0;
        struct one o;
        struct sw_tcp_hdr synack;
        struct sw_segment ack;
        uint32_t now;

        one_init_at(&o, 100 * SEC + i * 7 * MS);
        o.layer.config.timestamps = o.layer.config.sack = true;
        synack = reply(
            &o,
            (struct seg){
                .flags = SYN | ask, .mss = mss[i % 8][0], .ws = ws, .sack_ok = sack, .ts = 5000});
        now = sw_tcp_clock_ms(&o.tcp) + sw_tcp_ts_offset(&o.tcp);
        assert_true(synack.has_ts && synack.ts_ecr == 5000);
        assert_in_range(now - synack.ts_val, 0, 63);
        assert_int_equal(synack.sack_ok, sack);
        assert_int_equal(synack.has_wscale, ws != 0);
        pass(&o, 30 * MS);
        ack = segment((struct seg){
            .flags = ACK, .seq = 1, .ack = synack.seq.v + 1, .ts = 5030, .ecr = synack.ts_val});
        assert_true(sw_tcp_cookie_valid(&o.layer, &ack));
        block(&o);
        assert_int_equal(sw_tcp_cookie_open(&o.tcp, &ack), 0);
        ack.pkt = sw_packet_new(o.env.mem, 0);
        sw_tcp_input(&o.tcp, &ack);
        assert_int_equal(o.tcp.state, SW_TCP_ESTABLISHED);
        assert_int_equal(o.tcp.snd.peer_mss, mss[i % 8][1]);
        assert_int_equal(sw_tcp_has(&o.tcp, SW_TCPF_SACK), sack);
        assert_int_equal(sw_tcp_has(&o.tcp, SW_TCPF_ECN), ecn);
        assert_int_equal(sw_tcp_has(&o.tcp, SW_TCPF_WSCALE), ws != 0);
        assert_int_equal(o.tcp.snd.wscale, ws == 0 ? 0 : ws > 15 ? 14 : ws - 1);
        assert_true(sw_tcp_has(&o.tcp, SW_TCPF_TIMESTAMPS));
        assert_int_equal(o.tcp.snd.srtt_us8, 0); /* not measured, not invented */
        assert_int_equal(o.tcp.rcv.nxt.v, PEER_ISN + 1);
        one_fini(&o);
    }
}

/* Without timestamps there is no place for them: then they are not agreed on at all. */
static void test_no_timestamps(void **state)
{
    struct one o;
    struct sw_tcp_hdr synack;
    struct sw_segment ack;

    (void)state;
    one_init(&o);
    o.layer.config.timestamps = o.layer.config.sack = true;
    synack = reply(
        &o, (struct seg){
                .flags = SYN | SW_TCP_ECE | SW_TCP_CWR, .mss = 1460, .ws = 8, .sack_ok = true});
    assert_false(synack.has_ts || synack.sack_ok || synack.has_wscale);
    ack = segment((struct seg){.flags = ACK, .seq = 1, .ack = synack.seq.v + 1});
    block(&o);
    assert_int_equal(sw_tcp_cookie_open(&o.tcp, &ack), 0);
    assert_int_equal(o.tcp.snd.peer_mss, 1460);
    assert_false(
        sw_tcp_has(&o.tcp, SW_TCPF_SACK | SW_TCPF_WSCALE | SW_TCPF_TIMESTAMPS | SW_TCPF_ECN));
    assert_int_equal(o.tcp.rcv.wscale, 0);
    one_fini(&o);
}

/* Any other number, sender, receiver, port or time: none of ours. */
static void test_forged(void **state)
{
    struct one o;
    struct sw_tcp_hdr synack;
    struct sw_segment ack, other;

    (void)state;
    one_init(&o);
    synack = reply(&o, (struct seg){.flags = SYN, .mss = 1460});
    ack = segment((struct seg){.flags = ACK, .seq = 1, .ack = synack.seq.v + 1});
    assert_true(sw_tcp_cookie_valid(&o.layer, &ack));
    for (int bit = 0; bit < 32; bit++) {
        other = ack;
        other.tcp.ack.v ^= 1U << bit;
        assert_false(sw_tcp_cookie_valid(&o.layer, &other));
        other = ack;
        other.tcp.seq.v ^= 1U << bit;
        assert_false(sw_tcp_cookie_valid(&o.layer, &other));
    }
    other = ack;
    other.tcp.src_port++;
    assert_false(sw_tcp_cookie_valid(&o.layer, &other));
    other = ack;
    other.tcp.dst_port++;
    assert_false(sw_tcp_cookie_valid(&o.layer, &other));
    other = ack;
    other.ip.src = SW_IP4(10, 0, 0, 3);
    assert_false(sw_tcp_cookie_valid(&o.layer, &other));
    other = ack;
    other.ip.dst = SW_IP4(10, 0, 0, 3);
    assert_false(sw_tcp_cookie_valid(&o.layer, &other));
    o.env.now_ns += 63 * SEC; /* it is good for a while */
    assert_true(sw_tcp_cookie_valid(&o.layer, &ack));
    o.env.now_ns += 65 * SEC;
    assert_false(sw_tcp_cookie_valid(&o.layer, &ack));
    o.env.now_ns += (32 * 64 - 128) * SEC; /* also when its five bits of time come round again */
    assert_false(sw_tcp_cookie_valid(&o.layer, &ack));
    one_block(&o);
    one_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_no_timestamps),
        cmocka_unit_test(test_forged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
