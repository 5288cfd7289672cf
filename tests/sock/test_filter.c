/* SPDX-License-Identifier: BSD-2-Clause */
/* Filters of sockets: the machine, what it refuses, and what a filter keeps from a socket. */
#include "host/world.h"
#include "sock/abi.h"
#include "sock/bpf.h"

/* As <linux/filter.h> names them. */
enum {
    LDB_ABS = 0x30,
    LDH_ABS = 0x28,
    LDW_ABS = 0x20,
    LDB_IND = 0x50,
    LDW_LEN = 0x80,
    LD_IMM = 0x00,
    LD_MEM = 0x60,
    LDX_IMM = 0x01,
    LDX_MSH = 0xb1,
    ST = 0x02,
    ADD_K = 0x04,
    DIV_K = 0x34,
    DIV_X = 0x3c,
    LSH_K = 0x64,
    NEG = 0x84,
    JA = 0x05,
    JEQ_K = 0x15,
    JGT_X = 0x2d,
    RET_K = 0x06,
    RET_A = 0x16,
    TAX = 0x07,
    TXA = 0x87,
};
#define INSN(code, k)                                                                              \
    {                                                                                              \
        (code), 0, 0, (uint32_t)(k)                                                                \
    }
#define JUMP(code, k, jt, jf)                                                                      \
    {                                                                                              \
        (code), (jt), (jf), (uint32_t)(k)                                                          \
    }
#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

struct program {
    uint16_t n;
    const struct sw_bpf_insn *insns;
};

static int attach(struct world *w, sw_socket_t s, const struct sw_bpf_insn *insns, size_t n)
{
    struct program p = {(uint16_t)n, insns};
    return sw_setsockopt(w->host[1], s, SW_SOL_SOCKET, SW_SO_ATTACH_FILTER, &p, sizeof(p));
}

/* ---- the machine ---- */

static uint32_t run(const struct sw_bpf_insn *insns, uint32_t n)
{
    static const uint8_t head[8] = {0x45, 1, 2, 3, 4, 5, 6, 7};
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    struct sw_packet *pkt = sw_packet_from_bytes(mem, "abcdef", 6);
    const struct sw_ip_hdr ip = {.version = 4,
                                 .proto = 17,
                                 .ttl = 64,
                                 .payload_len = 14,
                                 .src = SW_IP4(127, 0, 0, 1),
                                 .dst = SW_IP4(127, 0, 0, 2)};
    const struct sw_bpf_view view = {head, sizeof(head), pkt, &ip, 7, 99};
    struct sw_bpf *bpf = NULL;
    assert_int_equal(sw_bpf_new(mem, insns, n, &bpf), 0);
    uint32_t r = sw_bpf_run(bpf, &view);
    sw_bpf_put(mem, bpf);
    sw_packet_free(pkt);
    assert_int_equal(sw_mem_used(mem), 0);
    sw_mem_put(mem);
    return r;
}
#define RUN(...)                                                                                   \
    run((const struct sw_bpf_insn[]){__VA_ARGS__},                                                 \
        (uint32_t)LENGTH(((const struct sw_bpf_insn[]){__VA_ARGS__})))

static void test_machine(void **state)
{
    (void)state;
    assert_int_equal(RUN(INSN(RET_K, 5)), 5);
    assert_int_equal(RUN(INSN(LDW_LEN, 0), INSN(RET_A, 0)), 14);
    assert_int_equal(RUN(INSN(LDW_ABS, 0), INSN(RET_A, 0)), 0x45010203);
    assert_int_equal(RUN(INSN(LDW_ABS, 6), INSN(RET_A, 0)), 0x06076162); /* header, then data */
    assert_int_equal(RUN(INSN(LDH_ABS, 12), INSN(RET_A, 0)), 0x6566);
    assert_int_equal(RUN(INSN(LDH_ABS, 13), INSN(RET_K, 1)), 0); /* beyond the packet */
    assert_int_equal(RUN(INSN(LDX_MSH, 0), INSN(TXA, 0), INSN(RET_A, 0)), 20);
    assert_int_equal(RUN(INSN(LDX_IMM, 3), INSN(LDB_IND, 2), INSN(RET_A, 0)), 5);
    assert_int_equal(RUN(INSN(LD_IMM, 6), INSN(ST, 15), INSN(LD_IMM, 0), INSN(LD_MEM, 15),
                         INSN(ADD_K, 1), INSN(RET_A, 0)),
                     7);
    assert_int_equal(RUN(INSN(LD_IMM, 9), INSN(DIV_K, 2), INSN(LSH_K, 4), INSN(RET_A, 0)), 64);
    assert_int_equal(RUN(INSN(LD_IMM, 9), INSN(DIV_X, 0), INSN(RET_K, 1)), 0); /* X is 0 */
    assert_int_equal(RUN(INSN(LD_IMM, 1), INSN(NEG, 0), INSN(RET_A, 0)), UINT32_MAX);
    assert_int_equal(RUN(INSN(LD_IMM, 2), INSN(TAX, 0), INSN(ADD_K, 1), JUMP(JGT_X, 0, 0, 1),
                         INSN(RET_K, 1), INSN(RET_K, 2)),
                     1);
    assert_int_equal(RUN(INSN(JA, 1), INSN(RET_K, 1), INSN(RET_K, 2)), 2);
    /* what is no offset: protocol, interface, a random number; the IP header */
    assert_int_equal(RUN(INSN(LDW_ABS, -0x1000), INSN(RET_A, 0)), 0x0800);
    assert_int_equal(RUN(INSN(LDW_ABS, -0x1000 + 8), INSN(RET_A, 0)), 7);
    assert_int_equal(RUN(INSN(LDW_ABS, -0x1000 + 56), INSN(RET_A, 0)), 99);
    assert_int_equal(RUN(INSN(LDW_ABS, -0x100000 + 16), INSN(RET_A, 0)), 0x7f000002);
    assert_int_equal(RUN(INSN(LDB_ABS, -0x100000 + 20 + 3), INSN(RET_A, 0)), 3);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        uint32_t n;
        struct sw_bpf_insn insns[4];
    } wrong[] = {
        {0, {INSN(RET_K, 0)}},
        {1, {INSN(LD_IMM, 0)}},                      /* does not return */
        {1, {INSN(0xff, 0)}},                        /* is no instruction */
        {1, {INSN(0x1006, 0)}},                      /* nor is this */
        {2, {INSN(JA, 1), INSN(RET_K, 0)}},          /* jumps out */
        {2, {INSN(JA, UINT32_MAX), INSN(RET_K, 0)}}, /* or back */
        {2, {JUMP(JEQ_K, 0, 0, 1), INSN(RET_K, 0)}}, /* sometimes */
        {2, {INSN(DIV_K, 0), INSN(RET_K, 0)}},       /* by 0 */
        {2, {INSN(LSH_K, 32), INSN(RET_K, 0)}},      /* out of the word */
        {2, {INSN(ST, 16), INSN(RET_K, 0)}},         /* into a word there is not */
        {2, {INSN(LD_MEM, 1), INSN(RET_K, 0)}},      /* nobody wrote it */
        {4, {JUMP(JEQ_K, 0, 0, 1), INSN(ST, 1), INSN(LD_MEM, 1), INSN(RET_K, 0)}}, /* perhaps */
        {2, {INSN(LDW_ABS, -0x1000 + 64), INSN(RET_K, 0)}}, /* Linux has no such thing */
    };
    struct sw_mem *mem = sw_mem_new(&sw_alloc_libc, 0);
    struct sw_bpf *bpf = NULL;
    for (size_t i = 0; i < LENGTH(wrong); i++) {
        if (sw_bpf_new(mem, wrong[i].insns, wrong[i].n, &bpf) != -EINVAL)
            fail_msg("program %zu", i);
        assert_int_equal(sw_mem_used(mem), 0);
    }
    sw_mem_put(mem);
}

/* ---- sockets ---- */

static const struct sw_bpf_insn first_is_a[] = {INSN(LDB_ABS, 8), JUMP(JEQ_K, 'a', 0, 1),
                                                INSN(RET_K, 10), INSN(RET_K, 0)};

static void test_datagrams(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    sw_socket_t a = dgram(&w, 0, SW_AF_INET), b = dgram(&w, 1, SW_AF_INET);
    char data[16];
    struct sw_addr to = at("10.0.0.2", 7);
    assert_int_equal(sw_bind(w.host[1], b, &to), 0);
    assert_int_equal(attach(&w, b, first_is_a, LENGTH(first_is_a)), 0);
    assert_int_equal(sw_send(w.host[0], a, "no", 2, 0, &to), 2);
    assert_int_equal(sw_send(w.host[0], a, "abcdef", 6, 0, &to), 6);
    world_run(&w, 1000000);
    assert_int_equal(sw_recv(w.host[1], b, data, sizeof(data), 0, NULL),
                     2); /* 10 with the header */
    assert_memory_equal(data, "ab", 2);
    assert_int_equal(sw_recv(w.host[1], b, data, sizeof(data), 0, NULL), -EAGAIN);
    world_fini(&w);
}

static void test_calls(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    sw_socket_t s = dgram(&w, 1, SW_AF_INET), t = stream(&w, 1, SW_AF_INET);
    struct sw_host *h = w.host[1];
    struct sw_bpf_insn back[8];
    size_t n = 0;
    int one = 1;
    const int detach = SW_SO_DETACH_FILTER, level = SW_SOL_SOCKET;
    const struct program any = {4, first_is_a};
    assert_int_equal(attach(&w, t, first_is_a, 4), -EPERM); /* of streams for administrators */
    assert_int_equal(sw_setsockopt_admin(h, t, level, SW_SO_ATTACH_FILTER, &any, sizeof(any)), 0);
    assert_int_equal(sw_setsockopt(h, s, level, detach, &one, sizeof(one)), -ENOENT);
    assert_int_equal(attach(&w, s, NULL, 3), -EINVAL);
    assert_int_equal(attach(&w, s, first_is_a, 3), -EINVAL); /* jumps out */
    assert_int_equal(attach(&w, s, first_is_a, 4), 0);
    assert_int_equal(attach(&w, s, first_is_a, 4), 0);
    assert_int_equal(sw_getsockopt(h, s, level, SW_SO_ATTACH_FILTER, NULL, &n), 0);
    assert_int_equal(n, 32);
    n = 24;
    assert_int_equal(sw_getsockopt(h, s, level, SW_SO_ATTACH_FILTER, back, &n), -EINVAL);
    n = sizeof(back);
    assert_int_equal(sw_getsockopt(h, s, level, SW_SO_ATTACH_FILTER, back, &n), 0);
    assert_int_equal(n, sizeof(first_is_a));
    assert_memory_equal(back, first_is_a, sizeof(first_is_a));
    assert_int_equal(sw_setsockopt(h, s, level, detach, &one, sizeof(one)), 0);
    assert_int_equal(attach(&w, s, first_is_a, 4), 0);
    assert_int_equal(sw_setsockopt(h, s, level, SW_SO_LOCK_FILTER, &one, sizeof(one)), 0);
    assert_int_equal(attach(&w, s, first_is_a, 4), -EPERM);
    assert_int_equal(sw_setsockopt(h, s, level, detach, &one, sizeof(one)), -EPERM);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_machine),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_datagrams),
        cmocka_unit_test(test_calls),
    };
    return cmocka_run_group_tests_name("sock/filter", tests, NULL, NULL);
}
