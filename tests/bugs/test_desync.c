/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two whole stacks, and somebody who forges (bug classes 10, 11, 12, 26): ends that were made to
 * disagree do not answer each other for ever, what one connection answers tells nothing of another,
 * and a window that opens is heard of whatever gets lost.
 */
#include "host/world.h"
#include "sock/abi.h"
#include "wire/wire.h"

/* What the wire shows of the last segment of each end, and what is to be lost. */
struct tap {
    struct sw_tcp_hdr last[2];
    uint32_t len[2];
    unsigned count[2];
    bool lose_window_update; /* the next bare ACK of host 1 with a window */
    unsigned lost;
};

static bool listen_in(struct world *w, int from, struct sw_packet *pkt)
{
    struct tap *tap = w->ctx;
    uint8_t bytes[128];
    struct sw_ip_hdr ip;
    struct sw_tcp_hdr tcp;
    size_t have = sw_packet_copy(pkt, 0, bytes, sizeof(bytes)), len = sw_packet_len(pkt);
    assert_int_equal(sw_ip_parse_hdr(bytes, have, len, &ip), SW_DROP_NONE);
    if (ip.proto != SW_PROTO_TCP)
        return false;
    assert_int_equal(sw_tcp_parse(bytes + ip.hdr_len, have - ip.hdr_len, len - ip.hdr_len, &tcp),
                     SW_DROP_NONE);
    tap->last[from] = tcp;
    tap->len[from] = (uint32_t)(len - ip.hdr_len - tcp.hdr_len);
    tap->count[from]++;
    if (tap->lose_window_update && from == 1 && tap->len[1] == 0 && tcp.window > 0) {
        tap->lose_window_update = false;
        tap->lost++;
        return true;
    }
    return false;
}

static void world_init_tap(struct world *w, struct tap *tap)
{
    world_init(w);
    *tap = (struct tap){.lost = 0};
    w->ctx = tap;
    w->lose = listen_in;
}

/* A segment as if from the other host. */
static void forge(struct world *w, int to, const struct sw_tcp_hdr *hdr, uint32_t len)
{
    static const uint8_t zeroes[64];
    struct sw_tcp_hdr tcp = *hdr;
    struct sw_ip_hdr ip = {.src = SW_IP4(10, 0, 0, (uint8_t)(2 - to)),
                           .dst = SW_IP4(10, 0, 0, (uint8_t)(1 + to)),
                           .version = 4,
                           .proto = SW_PROTO_TCP,
                           .ttl = 64};
    struct sw_mem *mem = sw_host_mem(w->host[to]);
    struct sw_packet *pkt = len ? sw_packet_from_bytes(mem, zeroes, len) : sw_packet_new(mem, 128);
    assert_int_equal(sw_packet_head_to_data(pkt), 0);
    pkt->head_off = 128;
    sw_tcp_push_hdr(pkt, &tcp, &ip.src, &ip.dst);
    sw_packet_fill_csum(pkt);
    ip.payload_len = sw_packet_len(pkt);
    sw_ip_push_hdr(pkt, &ip);
    sw_host_input(w->host[to], w->eth[to], pkt, w->now);
}

/* What the next segment from the other host to `to` would look like, behind all that was sent. */
static struct sw_tcp_hdr next_to(const struct tap *tap, int to)
{
    struct sw_tcp_hdr hdr = tap->last[1 - to];
    hdr.seq = sw_seq_add(hdr.seq, tap->len[1 - to]);
    hdr.flags = SW_TCP_ACK;
    hdr.n_sacks = 0;
    return hdr;
}

static void open_pair(struct world *w, sw_socket_t *c, sw_socket_t *s)
{
    sw_socket_t l = listener(w, 1, SW_AF_INET, at("10.0.0.2", 80), 5);
    connect_to(w, 0, at("10.0.0.2", 80), 1, l, c, s);
    assert_int_equal(sw_send(w->host[0], *c, "hello", 5, 0, NULL), 5);
    world_run(w, S);
}

/* Data was injected into one end, or both: each acknowledges what the other never sent. Idle or
 * sending, a minute of it is bounded by the limit on challenges (two a second and end) and by the
 * retransmissions. */
static void test_ack_loop_between_two(void **state)
{
    (void)state;
    for (int row = 0; row < 4; row++) {
        bool both = row & 1, sending = row & 2;
        struct world w;
        struct tap tap;
        sw_socket_t c, s;
        world_init_tap(&w, &tap);
        open_pair(&w, &c, &s);
        struct sw_tcp_hdr to_s = next_to(&tap, 1), to_c = next_to(&tap, 0);
        forge(&w, 1, &to_s, 40);
        if (both)
            forge(&w, 0, &to_c, 40);
        if (sending)
            assert_int_equal(sw_send(w.host[0], c, "more", 4, 0, NULL), 4);
        unsigned before = tap.count[0] + tap.count[1];
        world_run(&w, 60 * S);
        unsigned sent = tap.count[0] + tap.count[1] - before;
        if (sent > 2 * 2 * 60 + 40)
            fail_msg("row %d: %u segments in a minute", row, sent);
        world_fini(&w);
    }
}

/* The answers of one connection to forged resets do not use up those of another: a limit for all
 * together would tell who counts them whether a connection exists (CVE-2016-5696). */
static void test_challenges_are_per_connection(void **state)
{
    (void)state;
    struct world w;
    struct tap tap;
    sw_socket_t c[2], s[2];
    struct sw_tcp_hdr rst[2];
    world_init_tap(&w, &tap);
    sw_socket_t l = listener(&w, 1, SW_AF_INET, at("10.0.0.2", 80), 5);
    for (int i = 0; i < 2; i++) {
        connect_to(&w, 0, at("10.0.0.2", 80), 1, l, &c[i], &s[i]);
        world_run(&w, S);
        rst[i] = next_to(&tap, 1);
        rst[i].flags = SW_TCP_RST;
        rst[i].seq = sw_seq_add(rst[i].seq, 100); /* in the window, not exact */
    }
    size_t used = sw_mem_used(w.mem[1]);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 2; i++) {
            unsigned before = tap.count[1];
            for (int n = 0; n < 200; n++) {
                forge(&w, 1, &rst[i], 0);
                world_settle(&w);
            }
            assert_int_equal(tap.count[1] - before, 1);
        }
        world_run(&w, 501 * MS);
    }
    assert_int_equal(sw_host_drops(w.host[1], SW_DROP_TCP_RST_CHALLENGED), 3 * 2 * 200);
    assert_in_range(sw_mem_used(w.mem[1]), 0, used + 4096); /* nothing is kept of them */
    assert_int_equal(sw_send(w.host[0], c[0], "x", 1, 0, NULL), 1);
    world_fini(&w);
}

/* Every reset, SYN and piece of data at every offset around the window: RFC 5961 3 to 5. Only the
 * exact reset ends the connection. */
static void test_blind_injection(void **state)
{
    (void)state;
    static const int32_t offsets[] = {-70000, -1000, -1, 0, 1, 1000, 30000, 1 << 20, 1 << 30};
    for (unsigned i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        for (int kind = 0; kind < 4; kind++) {
            struct world w;
            struct tap tap;
            sw_socket_t c, s;
            char buf[64];
            world_init_tap(&w, &tap);
            open_pair(&w, &c, &s);
            struct sw_tcp_hdr hdr = next_to(&tap, 1);
            hdr.seq = sw_seq_add(hdr.seq, (uint32_t)offsets[i]);
            if (kind == 3) { /* right, but for what it acknowledges (RFC 5961 5) */
                hdr = next_to(&tap, 1);
                hdr.ack = sw_seq_add(hdr.ack, offsets[i] ? (uint32_t)offsets[i] : 7);
                if (offsets[i] < 0) /* older than the largest window: never an ACK of ours */
                    hdr.ack = sw_seq_sub(hdr.ack, 1 << 30);
            }
            hdr.flags = kind == 0   ? SW_TCP_RST
                        : kind == 1 ? SW_TCP_SYN
                        : kind == 2 ? SW_TCP_SYN | SW_TCP_RST
                                    : SW_TCP_ACK;
            forge(&w, 1, &hdr, kind == 3 ? 3 : 0);
            world_run(&w, S);
            assert_int_equal(sw_send(w.host[0], c, "end", 3, 0, NULL), 3);
            world_run(&w, S);
            int64_t n = sw_recv(w.host[1], s, buf, sizeof(buf), 0, NULL);
            bool killed = n == 5 && sw_recv(w.host[1], s, buf, 1, 0, NULL) != -EAGAIN;
            bool exact = (kind == 0 || kind == 2) && offsets[i] == 0;
            if (killed != exact || (!exact && (n != 8 || memcmp(buf, "helloend", 8) != 0)))
                fail_msg("kind %d at %d: %d bytes", kind, (int)offsets[i], (int)n);
            world_fini(&w);
        }
    }
}

/* The reader lets the window close, reads much later, and the update that tells of it is lost: the
 * probes have not stopped, whatever time has passed, and the rest comes (RFC 9293 3.8.6.1). */
static void test_lost_window_update(void **state)
{
    (void)state;
    static const uint64_t sleeps[] = {S, 60 * S, 3600 * S, 24 * 3600 * S};
    static char buf[1 << 16];
    for (unsigned i = 0; i < sizeof(sleeps) / sizeof(sleeps[0]); i++) {
        struct world w;
        struct tap tap;
        sw_socket_t c, s;
        uint64_t sent = 0, got = 0;
        int64_t n;
        world_init_tap(&w, &tap);
        open_pair(&w, &c, &s);
        assert_int_equal(sw_recv(w.host[1], s, buf, sizeof(buf), 0, NULL), 5);
        while ((n = sw_send(w.host[0], c, buf, sizeof(buf), 0, NULL)) > 0) {
            sent += (uint64_t)n;
            world_run(&w, S);
        }
        assert_int_equal(tap.last[1].window, 0);
        world_run(&w, sleeps[i]);
        tap.lose_window_update = true;
        while ((n = sw_recv(w.host[1], s, buf, sizeof(buf), 0, NULL)) > 0)
            got += (uint64_t)n;
        world_settle(&w);
        assert_int_equal(tap.lost, 1);
        for (int round = 0; got < sent && round < 10; round++) {
            world_run(&w, 125 * S); /* the probes' largest interval, and a little */
            while ((n = sw_recv(w.host[1], s, buf, sizeof(buf), 0, NULL)) > 0)
                got += (uint64_t)n;
        }
        assert_int_equal(got, sent);
        world_fini(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ack_loop_between_two),
        cmocka_unit_test(test_challenges_are_per_connection),
        cmocka_unit_test(test_blind_injection),
        cmocka_unit_test(test_lost_window_update),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
