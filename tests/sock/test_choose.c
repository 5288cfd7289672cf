/* SPDX-License-Identifier: BSD-2-Clause */
/* Who of a SO_REUSEPORT group is chosen, by a program or by processor. */
#include "host/world.h"
#include "sock/abi.h"
#include "sock/bpf.h"

enum { N = 3 };

struct program {
    uint16_t n;
    const struct sw_bpf_insn *insns;
};

/* ldb [0]; sub #48; ret a */
static const struct sw_bpf_insn digit[] = {{0x30, 0, 0, 0}, {0x14, 0, 0, '0'}, {0x16, 0, 0, 0}};
/* ldw [SKF_AD_OFF + SKF_AD_CPU]; ret a */
static const struct sw_bpf_insn by_cpu[] = {{0x20, 0, 0, (uint32_t)(-0x1000 + 36)},
                                            {0x16, 0, 0, 0}};

static int attach(struct world *w, sw_socket_t s, const struct sw_bpf_insn *insns, uint16_t n)
{
    struct program p = {n, insns};
    return sw_setsockopt(w->host[1], s, SW_SOL_SOCKET, SW_SO_ATTACH_REUSEPORT_CBPF, &p, sizeof(p));
}

static sw_socket_t member(struct world *w)
{
    sw_socket_t s = dgram(w, 1, SW_AF_INET);
    struct sw_addr a = at("0.0.0.0", 53);
    set_int(w, 1, s, SW_SOL_SOCKET, SW_SO_REUSEPORT, 1);
    assert_int_equal(sw_bind(w->host[1], s, &a), 0);
    return s;
}

/* Which of them gets a datagram from a new socket. */
static int who_gets(struct world *w, const char *text, const sw_socket_t s[N])
{
    struct sw_addr to = at("10.0.0.2", 53);
    sw_socket_t from = dgram(w, 0, SW_AF_INET);
    char buf[8];
    int got = -1;
    assert_int_equal(sw_send(w->host[0], from, text, 1, 0, &to), 1);
    world_settle(w);
    sw_close(w->host[0], from);
    for (int i = 0; i < N; i++)
        if (s[i] && sw_recv(w->host[1], s[i], buf, sizeof(buf), 0, NULL) == 1)
            got = i;
    return got;
}

static void test_program(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    sw_socket_t s[N] = {member(&w), member(&w)};
    assert_int_equal(attach(&w, s[1], digit, 3), 0);
    s[2] = member(&w); /* who joins has it too */
    for (int i = 0; i < 2 * N; i++)
        assert_int_equal(who_gets(&w, (const char[]){(char)('0' + i % N), 0}, s), i % N);
    assert_in_range(who_gets(&w, "9", s), 0, N - 1);
    sw_close(w.host[1], s[1]); /* who attached it goes, the program stays */
    s[1] = 0;
    assert_int_equal(who_gets(&w, "1", s), 2);
    int none = 0;
    assert_int_equal(sw_setsockopt(w.host[1], s[0], SW_SOL_SOCKET, SW_SO_DETACH_REUSEPORT_BPF,
                                   &none, sizeof(none)),
                     0);
    assert_int_equal(sw_setsockopt(w.host[1], s[2], SW_SOL_SOCKET, SW_SO_DETACH_REUSEPORT_BPF,
                                   &none, sizeof(none)),
                     -ENOENT);
    world_fini(&w);
}

/* Flows that the hash would spread all go to who asked for the processor. */
static void test_processor(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    sw_socket_t s[N] = {member(&w), member(&w), member(&w)};
    assert_false(sw_host_asks_cpu(w.host[1]));
    for (int i = 0; i < N - 1; i++)
        set_int(&w, 1, s[i], SW_SOL_SOCKET, SW_SO_INCOMING_CPU, i + 4);
    assert_true(sw_host_asks_cpu(w.host[1]));
    for (int i = 0; i < 20; i++) {
        sw_host_set_cpu(w.host[1], 4 + (uint32_t)i % 2);
        assert_int_equal(who_gets(&w, "x", s), i % 2);
    }
    sw_host_set_cpu(w.host[1], 9); /* nobody's: the hash */
    int got[N] = {0};
    for (int i = 0; i < 60; i++)
        got[who_gets(&w, "x", s)]++;
    for (int i = 0; i < N; i++)
        assert_in_range(got[i], 5, 40);
    assert_int_equal(attach(&w, s[0], by_cpu, 2), 0);
    for (uint32_t i = 0; i < N; i++) {
        sw_host_set_cpu(w.host[1], i);
        assert_int_equal(who_gets(&w, "x", s), i);
    }
    assert_true(sw_host_asks_cpu(w.host[1]));
    for (int i = 0; i < N; i++)
        sw_close(w.host[1], s[i]);
    assert_false(sw_host_asks_cpu(w.host[1])); /* nobody does any more */
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_program),
        cmocka_unit_test(test_processor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
