/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A path that swallows packets of more than 1,300 bytes and says nothing (RFC 2923 2.1): what is
 * lost, what still gets through, and what the packets' size ends at (RFC 4821).
 */
#include "world.h"

enum { CARRIES = 1300, BYTES = 400000 };

struct path {
    unsigned swallowed;
    uint32_t largest; /* that got through */
};

static bool swallow(struct world *w, int from, struct sw_packet *pkt)
{
    struct path *path = w->ctx;
    uint32_t len = pkt->gso_size ? pkt->head_len + pkt->gso_size : sw_packet_len(pkt);
    (void)from;
    if (len > CARRIES) {
        path->swallowed++;
        return true;
    }
    path->largest = len > path->largest ? len : path->largest;
    return false;
}

/* Sends BYTES; false: nothing has come for a minute. */
static bool transfer(struct world *w, sw_socket_t c, sw_socket_t s)
{
    static uint8_t out[BYTES], in[BYTES];
    size_t sent = 0, got = 0;
    int quiet = 0;
    for (size_t i = 0; i < BYTES; i++)
        out[i] = (uint8_t)(i * 31 + i / 253);
    while (got < BYTES && quiet < 60) {
        int64_t n = sw_send(w->host[0], c, out + sent, BYTES - sent, 0, NULL);
        sent += n > 0 ? (size_t)n : 0;
        world_run(w, S);
        n = sw_recv(w->host[1], s, in + got, BYTES - got, 0, NULL);
        got += n > 0 ? (size_t)n : 0;
        quiet = n > 0 ? 0 : quiet + 1;
    }
    if (got == BYTES)
        assert_memory_equal(in, out, BYTES);
    return got == BYTES;
}

struct expect {
    const char *probing;
    bool arrives;
    uint32_t largest_min; /* at least so large were the packets that got through in the end */
    unsigned swallowed_max;
};

static void run(const char *to, const struct expect *e)
{
    struct world w;
    struct path path = {0};
    sw_socket_t c, s;
    world_init(&w);
    for (int i = 0; i < 2; i++)
        assert_int_equal(sw_host_set(w.host[i], "tcp_mtu_probing", e->probing), 0);
    struct sw_addr any = at(to, 80);
    sw_socket_t l = listener(&w, 1, sw_ip_is4(&any.ip) ? SW_AF_INET : SW_AF_INET6, any, 5);
    connect_to(&w, 0, any, 1, l, &c, &s);
    w.ctx = &path;
    w.lose = swallow;
    assert_int_equal(transfer(&w, c, s), e->arrives);
    if (e->arrives && path.largest < e->largest_min)
        fail_msg("%s, probing %s: the largest packet has %u bytes", to, e->probing, path.largest);
    if (path.swallowed > e->swallowed_max)
        fail_msg("%s, probing %s: %u packets were swallowed", to, e->probing, path.swallowed);
    world_fini(&w);
}

static void test_black_hole(void **state)
{
    (void)state;
    static const struct expect rows[] = {
        {"0", false, 0, 1000},
        {"1", true, CARRIES - 8, 60}, /* a first window, four timeouts, the search */
        {"2", true, CARRIES - 8, 8},  /* the search alone */
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        run("10.0.0.2", &rows[i]);
        run("fd00::2", &rows[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_black_hole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
