/* SPDX-License-Identifier: BSD-2-Clause */
/* What an ACK with SACK blocks may cost, whatever is in them (bug class 7): counted in records
 * looked at. */
#include "tcp/one.h"
#include "tcp/recovery.h"

enum { HUGE_SEGMENTS = 100000, MSS_BYTES = 1000 };

/* So many segments in flight, `per` of them to a record; no data stand behind them. */
static void huge_flight(struct one *o, uint32_t per)
{
    one_init(o);
    out(o, 1000, 1);
    for (uint32_t i = 1; i < HUGE_SEGMENTS; i += per) {
        assert_int_equal(sw_flight_reserve(&o->tcp), 0);
        sw_flight_push(&o->tcp);
        o->tcp.snd.nxt = sw_seq_add(o->tcp.snd.nxt, per * MSS_BYTES);
    }
    pass(o, 20 * MS);
}

static void huge_fini(struct one *o)
{
    assert_true(sw_flight_sane(&o->tcp));
    sw_flight_free(&o->tcp);
    o->tcp.snd.nxt = o->tcp.snd.una;
    one_fini(o);
}

/* What one ACK with these blocks costs, in records looked at or moved. */
static uint32_t cost(struct one *o, const struct sw_tcp_sack *blocks, uint8_t n)
{
    struct sw_tcp_hdr hdr = {.ack = o->tcp.snd.una, .n_sacks = n};
    struct sw_tcp_flight *f = o->tcp.snd.flight;
    uint32_t before = f->work;
    bool dsack;

    memcpy(hdr.sacks, blocks, n * sizeof(*blocks));
    f->delivered = 0;
    sw_sack_update(&o->tcp, &hdr, &dsack);
    sw_rack_detect(&o->tcp);
    return f->work - before;
}

static struct sw_tcp_sack block(const struct one *o, uint32_t segment, uint32_t n)
{
    sw_seq left = sw_seq_add(o->tcp.snd.una, segment * MSS_BYTES);

    return (struct sw_tcp_sack){left, sw_seq_add(left, n * MSS_BYTES)};
}

/* Four blocks an ACK, each a single segment anywhere: every ACK would cut eight records. */
static void test_hostile_cuts(void **state)
{
    struct one o;
    uint64_t total = 0;
    uint32_t most = 0, acks = 20000, chance = 1;

    (void)state;
    huge_flight(&o, 50);
    for (uint32_t i = 0; i < acks; i++) {
        struct sw_tcp_sack blocks[4];

        for (int b = 0; b < 4; b++) {
            chance = chance * 1664525 + 1013904223;
            blocks[b] = block(&o, 1 + (chance >> 8) % (HUGE_SEGMENTS - 100), 1);
        }
        uint32_t c = cost(&o, blocks, 4);
        total += c;
        most = c > most ? c : most;
    }
    print_message("%u records; %llu an ACK, at most %u\n", o.tcp.snd.flight->count,
                  (unsigned long long)(total / acks), most);
    assert_true(total / acks < 10000);
    assert_true(most < 2 * HUGE_SEGMENTS);
    huge_fini(&o);
}

/* Every second segment, one an ACK, from the top and from the bottom, each with blocks over all. */
static void test_hostile_holes(void **state)
{
    (void)state;
    for (int downward = 0; downward < 2; downward++) {
        struct one o;
        uint64_t total = 0;

        huge_flight(&o, 1);
        for (uint32_t i = 1; i + 2 < HUGE_SEGMENTS; i += 2) {
            struct sw_tcp_sack blocks[4];

            blocks[0] = block(&o, downward ? HUGE_SEGMENTS - 1 - i : i, 1);
            for (uint32_t b = 1; b < 4; b++) /* what was told before, once more */
                blocks[b] = block(&o, downward ? HUGE_SEGMENTS - 1 - i / 2 : i / 2 | 1, 1);
            total += cost(&o, blocks, 4);
        }
        print_message("%llu records an ACK\n", (unsigned long long)(2 * total / HUGE_SEGMENTS));
        assert_true(2 * total / HUGE_SEGMENTS < 3000);
        huge_fini(&o);
    }
}

/* A run that grows by one segment an ACK, in the middle: neighbours must be joined, but not at
 * every ACK. */
static void test_hostile_run(void **state)
{
    struct one o;
    uint64_t total = 0;

    (void)state;
    huge_flight(&o, 1);
    for (uint32_t i = 1; i < HUGE_SEGMENTS / 2; i++) {
        struct sw_tcp_sack all = block(&o, HUGE_SEGMENTS / 4, i);

        total += cost(&o, &all, 1);
    }
    print_message("%u records; %llu an ACK\n", o.tcp.snd.flight->count,
                  (unsigned long long)(2 * total / HUGE_SEGMENTS));
    assert_true(2 * total / HUGE_SEGMENTS < 3000);
    huge_fini(&o);
}

static void discard(struct one *o)
{
    struct sw_packet *pkt;

    while ((pkt = one_take_packet(o)) != NULL)
        sw_packet_free(pkt);
}

/* Bug class 7 (CVE-2019-11477 to 11479): the smallest MSS, all of the window out, and blocks that
 * report single bytes, every second segment, everything backwards: the scoreboard never has more
 * records than there are segments, and what it costs is bounded. */
static void test_flood(void **state)
{
    (void)state;
    for (int way = 0; way < 3; way++) {
        struct one o;
        const uint32_t mss = 48, out_bytes = 60000, segments = out_bytes / mss + 1;

        one_init(&o);
        o.layer.config.sack = true;
        one_connect_with(&o, (struct seg){.mss = 1, .sack_ok = true});
        sw_tcp_set_buffers(&o.tcp, 1 << 20, 0);
        o.tcp.snd.cwnd = 1 << 20;
        user_sends(&o, out_bytes);
        discard(&o);
        size_t before = sw_mem_used(o.env.mem);
        for (uint32_t i = 0; i < 20000; i++) {
            uint32_t left = way == 0   ? 2 + i * 7 % out_bytes
                            : way == 1 ? 1 + mss * (1 + i * 2 % segments)
                                       : out_bytes - i * mss % out_bytes;
            uint32_t len = way == 0 ? 1 : mss;

            if (left + len > out_bytes)
                continue;
            IN(&o, ACK, .seq = 1, .ack = 1, .n_sacks = 1, .sacks = {left, left + len});
            discard(&o);
            if (o.tcp.snd.flight->count > segments)
                fail_msg("way %d: %u records for %u segments", way, o.tcp.snd.flight->count,
                         segments);
            assert_true(sw_mem_used(o.env.mem) - before < 64 * segments + 65536);
        }
        assert_true(sw_flight_sane(&o.tcp));
        one_fini(&o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile_cuts),
        cmocka_unit_test(test_hostile_holes),
        cmocka_unit_test(test_hostile_run),
        cmocka_unit_test(test_flood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
