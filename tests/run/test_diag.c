/* SPDX-License-Identifier: BSD-2-Clause */
/* What sock_diag says of a socket, and what its requests and filters mean. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "run/netlink/diag.h"

struct request {
    struct nlmsghdr h;
    struct inet_diag_req_v2 r;
    struct rtattr a;
    uint8_t code[64];
};

static struct request ask(uint8_t family, uint8_t protocol)
{
    return (struct request){
        .h = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct inet_diag_req_v2)),
              .nlmsg_type = SOCK_DIAG_BY_FAMILY,
              .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
              .nlmsg_seq = 5},
        .r = {.sdiag_family = family, .sdiag_protocol = protocol, .idiag_states = 0xfff}};
}

static int parse(const struct request *q, struct diag_request *ret)
{
    return diag_parse((const uint8_t *)q, q->h.nlmsg_len, ret);
}

/* 127.0.0.1:80 with 127.0.0.1:5000 */
static struct diag_socket connection(void)
{
    return (struct diag_socket){.info = {.domain = AF_INET,
                                         .type = SOCK_STREAM,
                                         .protocol = IPPROTO_TCP,
                                         .tcp_state = TCP_ESTABLISHED,
                                         .local = {SW_IP4_LOOPBACK, 80, 0},
                                         .remote = {SW_IP4_LOOPBACK, 5000, 0}},
                                .ino = 7};
}

static void test_requests(void **state)
{
    (void)state;
    struct diag_request got;
    struct request q = ask(AF_INET, IPPROTO_TCP);

    assert_int_equal(parse(&q, &got), 0);
    assert_null(got.filter);
    q = ask(AF_UNIX, 0);
    assert_int_equal(parse(&q, &got), -ENOENT);
    q = ask(200, 0);
    assert_int_equal(parse(&q, &got), -EINVAL);
    q = ask(AF_INET6, IPPROTO_SCTP);
    assert_int_equal(parse(&q, &got), -EPROTONOSUPPORT);
    q = ask(AF_INET, IPPROTO_TCP);
    for (uint32_t len = sizeof(q.h); len < NLMSG_LENGTH(sizeof(q.r)); len++) {
        q.h.nlmsg_len = len;
        assert_int_equal(parse(&q, &got), -EINVAL);
    }
    q.h.nlmsg_len = NLMSG_LENGTH(sizeof(q.r)) + RTA_LENGTH(4);
    q.a = (struct rtattr){.rta_type = INET_DIAG_REQ_BYTECODE, .rta_len = RTA_LENGTH(5)};
    assert_int_equal(parse(&q, &got), -EINVAL); /* longer than what there is */
    q.a.rta_len = 3;
    assert_int_equal(parse(&q, &got), -EINVAL);
    q.a.rta_len = RTA_LENGTH(4);
    assert_int_equal(parse(&q, &got), 0);
    assert_int_equal(got.filter_len, 4);
    q.a.rta_type = INET_DIAG_REQ_PROTOCOL; /* MPTCP's 262 */
    assert_int_equal(parse(&q, &got), -EPROTONOSUPPORT);
}

static void test_which(void **state)
{
    (void)state;
    struct request q = ask(AF_INET, IPPROTO_TCP);
    struct diag_socket s = connection();
    struct diag_request got;

    assert_int_equal(parse(&q, &got), 0);
    assert_true(diag_wants(&got, &s));
    got.r.idiag_states = 1U << TCP_LISTEN;
    assert_false(diag_wants(&got, &s));
    got.r.idiag_states = 0xfff;
    got.r.id.idiag_dport = htons(5001);
    assert_false(diag_wants(&got, &s));
    got.r.id.idiag_dport = htons(5000);
    assert_true(diag_wants(&got, &s));
    s.info.domain = AF_INET6;
    assert_false(diag_wants(&got, &s));
    s = connection();
    s.info.tcp_state = TCP_CLOSE; /* in no table of Linux's */
    assert_false(diag_wants(&got, &s));
    s = (struct diag_socket){
        .info = {
            .domain = AF_INET, .type = SOCK_RAW, .protocol = IPPROTO_ICMP, .tcp_state = TCP_CLOSE}};
    got.r.id.idiag_dport = 0;
    assert_false(diag_wants(&got, &s));
    got.r.sdiag_protocol = IPPROTO_RAW;
    assert_true(diag_wants(&got, &s));
}

static bool passes(const void *code, size_t len)
{
    struct diag_socket s = connection();
    struct request q = ask(AF_INET, IPPROTO_TCP);
    struct diag_request got;

    assert_int_equal(parse(&q, &got), 0);
    got.filter = code;
    got.filter_len = len;
    return diag_wants(&got, &s);
}

static bool port_passes(uint8_t op, uint16_t value)
{
    struct inet_diag_bc_op code[] = {{op, 8, 12}, {0, 0, value}};
    return passes(code, sizeof(code));
}

static bool net_passes(uint8_t op, uint8_t family, uint8_t bits, int port, uint32_t addr)
{
    const struct inet_diag_hostcond host = {.family = family, .prefix_len = bits, .port = port};
    const uint32_t net_addr = htonl(addr);
    uint8_t code[sizeof(struct inet_diag_bc_op) + sizeof(host) + sizeof(net_addr)];
    const struct inet_diag_bc_op head = {op, sizeof(code), sizeof(code) + 4};
    memcpy(code, &head, sizeof(head));
    memcpy(code + sizeof(head), &host, sizeof(host));
    memcpy(code + sizeof(head) + sizeof(host), &net_addr, sizeof(net_addr));
    return passes(code, sizeof(code));
}

static void test_filters(void **state)
{
    (void)state;
    assert_true(port_passes(INET_DIAG_BC_S_EQ, 80));
    assert_false(port_passes(INET_DIAG_BC_D_EQ, 80));
    assert_true(port_passes(INET_DIAG_BC_D_GE, 5000));
    assert_false(port_passes(INET_DIAG_BC_D_GE, 5001));
    assert_true(port_passes(INET_DIAG_BC_S_LE, 80));
    assert_false(port_passes(INET_DIAG_BC_S_LE, 79));
    assert_true(net_passes(INET_DIAG_BC_S_COND, AF_INET, 8, -1, 0x7f123456));
    assert_false(net_passes(INET_DIAG_BC_S_COND, AF_INET, 9, -1, 0x7f800000));
    assert_true(net_passes(INET_DIAG_BC_D_COND, AF_INET, 32, 5000, 0x7f000001));
    assert_false(net_passes(INET_DIAG_BC_D_COND, AF_INET, 32, 80, 0x7f000001));
    assert_true(net_passes(INET_DIAG_BC_D_COND, AF_UNSPEC, 0, 5000, 0));
    assert_false(net_passes(INET_DIAG_BC_D_COND, AF_INET6, 0, 5000, 0));
    assert_false(net_passes(INET_DIAG_BC_D_COND, AF_INET, 33, 5000, 0x7f000001));

    /* either: the first fails over to the second, or jumps to the end */
    struct inet_diag_bc_op either[] = {{INET_DIAG_BC_S_EQ, 8, 12},
                                       {0, 0, 81},
                                       {INET_DIAG_BC_JMP, 4, 12},
                                       {INET_DIAG_BC_D_EQ, 8, 12},
                                       {0, 0, 5000}};
    assert_true(passes(either, sizeof(either)));
    either[4].no = 5001;
    assert_false(passes(either, sizeof(either)));
    either[1].no = 80;
    assert_true(passes(either, sizeof(either)));
}

/* Whatever a program makes up: it ends, and nothing outside is looked at (which sanitizers see). */
static void test_any_code(void **state)
{
    (void)state;
    uint64_t chance = 12345;
    for (int i = 0; i < 20000; i++) {
        size_t len = (size_t)i % 40;
        uint8_t *code = malloc(len + 1);
        assert_non_null(code);
        for (size_t b = 0; b < len; b++) {
            chance = chance * 6364136223846793005U + 1442695040888963407U;
            code[b] = (uint8_t)((chance >> 33) % 24);
        }
        uint8_t *tight = malloc(len > 0 ? len : 1);
        assert_non_null(tight);
        memcpy(tight, code, len);
        passes(tight, len);
        free(tight);
        free(code);
    }
}

static void test_exactly(void **state)
{
    (void)state;
    struct request q = ask(AF_INET, IPPROTO_TCP);
    struct diag_socket s = connection();
    struct diag_request got;

    assert_int_equal(parse(&q, &got), 0);
    got.r.id = (struct inet_diag_sockid){.idiag_sport = htons(80),
                                         .idiag_dport = htons(5000),
                                         .idiag_src = {htonl(0x7f000001)},
                                         .idiag_dst = {htonl(0x7f000001)},
                                         .idiag_cookie = {~0U, ~0U}};
    assert_true(diag_is_exactly(&got, &s));
    got.r.id.idiag_cookie[0] = 4; /* another one's */
    assert_false(diag_is_exactly(&got, &s));
    got.r.id.idiag_cookie[0] = ~0U;
    got.r.id.idiag_dport = htons(5001);
    assert_false(diag_is_exactly(&got, &s));
    s.info.remote = (struct sw_addr){SW_IP4_ANY, 0, 0};
    s.info.local.ip = SW_IP4_ANY;
    s.info.tcp_state = TCP_LISTEN;
    assert_true(diag_is_exactly(&got, &s));
}

static void test_message(void **state)
{
    (void)state;
    _Alignas(uint32_t) uint8_t bytes[DIAG_MESSAGE_MAX];
    struct netlink_builder b = {.bytes = bytes, .room = sizeof(bytes)};
    struct request q = ask(AF_INET6, IPPROTO_TCP);
    struct diag_socket s = connection();
    struct diag_request got;

    q.r.idiag_ext = 0xff;
    assert_int_equal(parse(&q, &got), 0);
    s.info.domain = AF_INET6; /* a mapped address, shown whole */
    s.info.tcp_state = TCP_CLOSE_WAIT;
    s.info.recv_q = 3;
    s.info.awaits = SW_AWAITS_KEEPALIVE;
    s.info.awaits_ns = 1500000;
    s.has_options = true;
    s.tcp_info_len = DIAG_TCP_INFO_MAX;
    memcpy(s.congestion, "cubic_and_so_on", 16);
    diag_put(&b, &got, 99, NLM_F_MULTI, &s);
    struct nlmsghdr *h = (void *)bytes;
    assert_int_equal(h->nlmsg_len, b.len);
    assert_int_equal(h->nlmsg_pid, 99);
    assert_int_equal(h->nlmsg_seq, 5);
    struct inet_diag_msg *m = NLMSG_DATA(h);
    assert_int_equal(m->id.idiag_src[2], htonl(0xffff));
    assert_int_equal(m->id.idiag_sport, htons(80));
    assert_int_equal(m->idiag_rqueue, 4); /* the FIN takes a number */
    assert_int_equal(m->idiag_timer, 2);
    assert_int_equal(m->idiag_expires, 2);
    assert_int_equal(m->idiag_inode, 7);
    b.len = 0;
    s.has_options = false; /* half-open, or over: there is nobody to ask */
    diag_put(&b, &got, 99, 0, &s);
    assert_int_equal(b.len, NLMSG_LENGTH(sizeof(*m)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests), cmocka_unit_test(test_which),
        cmocka_unit_test(test_filters),  cmocka_unit_test(test_any_code),
        cmocka_unit_test(test_exactly),  cmocka_unit_test(test_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
