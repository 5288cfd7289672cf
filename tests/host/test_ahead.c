/* SPDX-License-Identifier: BSD-2-Clause */
/* Asking ahead for memory changes nothing: many connections, whose packets come one by one or
 * together, say the same to the byte. */
#include "world.h"

enum { CONNS = 30, ROUNDS = 20 };

struct talk {
    struct world w;
    sw_socket_t client[CONNS], server[CONNS];
    bool together;   /* packets come in batches, and what will be written to is said before */
    uint64_t digest; /* of all packets, in order (FNV-1a) */
    unsigned moved;
};

static void digest(struct talk *t, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        t->digest = (t->digest ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3ULL;
}

static void add(struct sw_packet ***last, struct sw_packet *pkt)
{
    assert_non_null(pkt);
    **last = pkt;
    *last = &pkt->next;
}

/* All that waits at host `from`; some of it twice, and between it what is no packet or for nobody.
 */
static void move(struct talk *t, int from)
{
    static const uint8_t junk[] = {0x45, 0, 0, 40, 1, 2, 3};
    static const uint8_t fragment[24] = {0x45, 0, 0, 24, 0, 1, 0x20, 0, 64, 6, 0, 0, 10, 0, 0, 9};
    struct world *w = &t->w;
    struct sw_packet *pkt, *first = NULL, **last = &first;
    uint8_t bytes[2000];
    while ((pkt = sw_host_output(w->host[from], w->eth[from], w->now))) {
        digest(t, bytes, sw_packet_copy(pkt, 0, bytes, sizeof(bytes)));
        struct sw_packet *twin = ++t->moved % 7 == 0 ? sw_packet_clone(pkt) : NULL;
        add(&last, pkt);
        if (twin)
            add(&last, twin);
        if (t->moved % 11 == 0)
            add(&last, sw_packet_from_bytes(w->mem[from], junk, sizeof(junk)));
        if (t->moved % 13 == 0)
            add(&last, sw_packet_from_bytes(w->mem[from], fragment, sizeof(fragment)));
    }
    *last = NULL;
    if (t->together) {
        sw_host_input_batch(w->host[1 - from], w->eth[1 - from], first, w->now);
        return;
    }
    while ((pkt = first)) {
        first = pkt->next;
        pkt->next = NULL;
        sw_host_input(w->host[1 - from], w->eth[1 - from], pkt, w->now);
    }
}

static void say(struct talk *t, int host, const sw_socket_t sockets[], unsigned round)
{
    uint8_t text[64];
    memset(text, (int)round, sizeof(text));
    if (t->together)
        sw_host_ahead(t->w.host[host], sockets, CONNS);
    for (unsigned i = 0; i < CONNS; i++)
        if (sockets[i])
            sw_send(t->w.host[host], sockets[i], text, 1 + i, 0, NULL);
}

static void hear(struct talk *t, int host, const sw_socket_t sockets[], unsigned round)
{
    uint8_t text[128];
    for (unsigned i = 0; i < CONNS; i++) {
        int64_t n =
            sockets[i] ? sw_recv(t->w.host[host], sockets[i], text, sizeof(text), 0, NULL) : 0;
        digest(t, &n, sizeof(n));
        if (n > 0)
            assert_int_equal(text[0], round);
    }
}

/* Every third connection ends: its server has closed and knows of it no more, when a reset comes
 * and behind it what was sent before. */
static void end_some(struct talk *t)
{
    for (unsigned i = 0; i < CONNS; i += 3) {
        assert_int_equal(sw_close(t->w.host[1], t->server[i]), 0);
        assert_int_equal(sw_abort(t->w.host[0], t->client[i]), 0);
    }
}

static uint64_t talk(bool together)
{
    static struct talk t;
    t = (struct talk){.together = together, .digest = 0xcbf29ce484222325ULL};
    world_init(&t.w);
    sw_socket_t l4 = listener(&t.w, 1, SW_AF_INET, at4(10, 0, 0, 2, 80), CONNS);
    sw_socket_t l6 = listener(&t.w, 1, SW_AF_INET6, at("fd00::2", 81), CONNS);
    for (unsigned i = 0; i < CONNS; i++)
        connect_to(&t.w, 0, i % 2 ? at("fd00::2", 81) : at4(10, 0, 0, 2, 80), 1, i % 2 ? l6 : l4,
                   &t.client[i], &t.server[i]);
    for (unsigned round = 0; round < ROUNDS; round++) {
        say(&t, 0, t.client, round);
        if (round == ROUNDS / 2)
            end_some(&t);
        move(&t, 0);
        hear(&t, 1, t.server, round);
        say(&t, 1, t.server, round);
        move(&t, 1);
        hear(&t, 0, t.client, round);
        t.w.now += 7 * MS;
        for (int i = 0; i < 2; i++)
            sw_host_advance(t.w.host[i], t.w.now);
    }
    assert_true(sw_host_drops(t.w.host[1], SW_DROP_TCP_NO_SOCKET) > 0);
    world_fini(&t.w);
    assert_true(t.moved > 2 * CONNS * ROUNDS / 2);
    return t.digest;
}

static void test_same_to_the_byte(void **state)
{
    (void)state;
    uint64_t apart = talk(false);
    assert_true(apart == talk(false)); /* the comparison means something */
    assert_true(apart == talk(true));
}

/* Handles that are none, were closed, or are of something else than a stream. */
static void test_any_handle(void **state)
{
    (void)state;
    struct world w;
    sw_socket_t s[6] = {0, UINT64_MAX, UINT32_MAX, 1ULL << 32 | 1000};
    world_init(&w);
    sw_host_ahead(w.host[0], s, 4); /* there was never a socket */
    sw_host_ahead(w.host[0], NULL, 0);
    assert_int_equal(sw_socket(w.host[0], SW_AF_INET, SW_SOCK_DGRAM, 0, &s[4]), 0);
    assert_int_equal(sw_socket(w.host[0], SW_AF_INET, SW_SOCK_STREAM, 0, &s[5]), 0);
    sw_host_ahead(w.host[0], s, 6);
    assert_int_equal(sw_close(w.host[0], s[5]), 0);
    sw_host_ahead(w.host[0], s, 6);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_to_the_byte),
        cmocka_unit_test(test_any_handle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
