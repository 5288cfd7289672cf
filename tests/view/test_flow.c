/* SPDX-License-Identifier: BSD-2-Clause */
/* Pictures, compared whole; then anything at all, which must stay inside the lines. */
#include "view/fixture.h"

#include "base/rng.h"

static char *draw(struct sw_view *view, const struct sw_view_flow_config *config)
{
    FILE *file = tmpfile();
    assert_int_equal(sw_view_flow(view, file, config), 0);
    return slurp(file);
}

static void assert_picture(struct sw_view *view, const struct sw_view_flow_config *config,
                           const char *expect)
{
    char *text = draw(view, config);
    if (strcmp(text, expect) != 0)
        fail_msg("\n%s\ninstead of\n%s", text, expect);
    free(text);
    sw_view_free(view);
}

static const struct sw_view_flow_config plain = {.width = 90};

/* A server that listens on 7000; `at` in us. Its socket is 1. */
static void server(struct sw_view *view, uint64_t at)
{
    struct sw_addr a = end(7000);
    sw_view_process(view, us(at), 40, "server");
    call_now(view, at, 40, SYS_socket, AF_INET, SOCK_STREAM, 0, 1, 3);
    uint64_t token = call(view, at + 1, 40, SYS_bind, 3, 0, 0);
    sw_view_call_addr(view, token, &a);
    sw_view_answer(view, us(at + 1), token, 1, 0, NULL);
    call_now(view, at + 2, 40, SYS_listen, 3, 5, 0, 1, 0);
}

static void test_stream(void **state)
{
    (void)state;
    struct sw_view *view = view_new(0, NULL);
    struct sw_addr a = end(7000), from = end(40000);
    server(view, 0);
    uint64_t accept = call(view, 3, 40, SYS_accept, 3, 0, 0);
    sw_view_process(view, us(100), 41, "client");
    call_now(view, 100, 41, SYS_socket, AF_INET, SOCK_STREAM, 0, 2, 3);
    uint64_t connect = call(view, 101, 41, SYS_connect, 3, 0, 0);
    sw_view_call_addr(view, connect, &a);
    arrow(view, 102, 103, 40000, 7000, 4294967290U, 0, SYN, 0); /* wraps */
    arrow(view, 104, 104, 7000, 40000, 500, 4294967291U, SYN | ACK, 0);
    arrow(view, 105, 106, 40000, 7000, 4294967291U, 501, ACK, 0);
    sw_view_answer(view, us(107), connect, 2, 0, NULL);
    sw_view_answer(view, us(108), accept, 3, 4, &from);
    sw_view_data(view, us(110), 2, SW_VIEW_TAKEN, 20);
    arrow(view, 110, 111, 40000, 7000, 4294967291U, 501, PSH | ACK, 20);
    sw_view_data(view, us(112), 3, SW_VIEW_GIVEN, 20);
    arrow(view, 112, 112, 7000, 40000, 501, 15, ACK, 0);
    uint64_t shut = call(view, 120, 41, SYS_shutdown, 3, SHUT_WR, 0);
    arrow(view, 120, 120, 40000, 7000, 15, 501, FIN | ACK, 0);
    sw_view_answer(view, us(121), shut, 2, 0, NULL);
    sw_view_data(view, us(121), 2, SW_VIEW_SHUT, 0); /* the same, seen from below: not told again */
    sw_view_data(view, us(122), 3, SW_VIEW_GIVEN, 0);
    sw_view_data(view, us(123), 3, SW_VIEW_CLOSED, 0);
    arrow(view, 124, 124, 7000, 40000, 501, 16, RST, 0);
    assert_picture(
        view, &plain,
        "    time ms  client                                server\n"
        "             client (pid 41)                       server (pid 40)\n"
        "      0.000  |                                     | socket(AF_INET, SOCK_STREAM) = 3\n"
        "      0.001  |                                     | bind(3, 127.0.0.1:7000)\n"
        "      0.002  |                                     | listen(3, 5)\n"
        "      0.003  |                                     | accept(3) ...\n"
        "      0.100  | socket(AF_INET, SOCK_STREAM) = 3    |\n"
        "      0.101  | connect(3, 127.0.0.1:7000) ...      |\n"
        "      0.102  |-- SYN  seq 0  mss 1460  win 65535 ->|\n"
        "      0.104  |<- SYN ACK  seq 0  ack 1  mss 1460 --|\n"
        "      0.105  |-- ACK  seq 1  ack 1  win 65535 ---->|\n"
        "      0.107  | ... connect = 0                     |\n"
        "      0.108  |                                     | ... accept = 4, from "
        "127.0.0.1:40000\n"
        "      0.110  | send: 20 bytes                      |\n"
        "      0.110  |-- PSH ACK  seq 1  ack 1  20 bytes ->|\n"
        "      0.112  |                                     | recv: 20 bytes\n"
        "      0.112  |<--- ACK  seq 1  ack 21  win 65535 --|\n"
        "      0.120  | shutdown(3, SHUT_WR)                |\n"
        "      0.120  |-- FIN ACK  seq 21  ack 1 ---------->|\n"
        "      0.122  |                                     | recv: end of the stream\n"
        "      0.123  |                                     | close\n"
        "      0.124  |<----------------------------- RST --|\n"
        "\n"
        "    1 conversation, 7 segments\n");
}

/* Delay, loss, and what is sent again. */
static void test_delay_and_loss(void **state)
{
    (void)state;
    struct sw_view *view = view_new(0, NULL);
    segment(view, 0, SW_TRACE_SEGMENT_SENT, 0, 40000, 7000, 10, 0, SYN, 0);
    segment(view, 20000, SW_TRACE_SEGMENT_RECEIVED, 0, 7000, 40000, 10, 0, SYN, 0);
    segment(view, 20000, SW_TRACE_SEGMENT_SENT, 0, 7000, 40000, 90, 11, SYN | ACK, 0);
    segment(view, 40000, SW_TRACE_SEGMENT_RECEIVED, 0, 40000, 7000, 90, 11, SYN | ACK, 0);
    for (uint32_t i = 0; i < 3; i++)
        segment(view, 40000, SW_TRACE_SEGMENT_SENT, 0, 40000, 7000, 11 + i * 1000, 91, ACK, 1000);
    dropped(view, 40000, SW_DROP_LINK_LOSS, 40000, 7000, 1040, 1011); /* the second of three */
    segment(view, 60000, SW_TRACE_SEGMENT_RECEIVED, 0, 7000, 40000, 11, 91, ACK, 1000);
    segment(view, 60000, SW_TRACE_SEGMENT_RECEIVED, 0, 7000, 40000, 2011, 91, ACK, 1000);
    arrow(view, 60000, 80000, 7000, 40000, 91, 1011, ACK, 0);
    struct sw_trace_event timer = {.at_ns = us(240000), .kind = SW_TRACE_TIMER};
    timer.local = end(40000);
    timer.remote = end(7000);
    sw_view_trace_fn(view, &timer);
    struct sw_trace_event again = {.at_ns = us(240000), .kind = SW_TRACE_SEGMENT_SENT};
    again.local = end(40000);
    again.remote = end(7000);
    uint64_t v[7] = {1011, 91, ACK, 1000, 500, 0, 1};
    memcpy(again.v, v, sizeof(v));
    sw_view_trace_fn(view, &again);
    segment(view, 260000, SW_TRACE_SEGMENT_RECEIVED, 0, 7000, 40000, 1011, 91, ACK, 1000);
    segment(view, 270000, SW_TRACE_SEGMENT_RECEIVED, 0, 7000, 40000, 1011, 91, ACK,
            1000);                                           /* twice */
    dropped(view, 275000, SW_DROP_IP_CHECKSUM, 0, 0, 77, 0); /* of nothing that is known */
    segment(view, 280000, SW_TRACE_SEGMENT_SENT, 0, 7000, 40000, 91, 3011, ACK,
            0); /* end of records */
    assert_picture(view, &plain,
                   "    time ms  client                                server\n"
                   "      0.000  |-- SYN  seq 0  mss 1460 --- 20.000 ->|\n"
                   "     20.000  |<- 40.000 -- SYN ACK  seq 0  ack 1 --|\n"
                   "     40.000  |-- ACK  seq 1  1000 bytes - 60.000 ->|\n"
                   "     40.000  |-- seq 1001  1000 bytes x link-loss  |\n"
                   "     40.000  |-- seq 2001  1000 bytes --- 60.000 ->|\n"
                   "     60.000  |<- 80.000 --- ACK  seq 1  ack 1001 --|\n"
                   "    240.000  | (retransmission timer)              |\n"
                   "    240.000  |- again: 1001  1000 bytes  260.000 ->|\n"
                   "    270.000  |-- a copy: seq 1001  1000 bytes ---->|\n"
                   "    275.000  | (dropped: ip-checksum: IPv4 header  |\n"
                   "             |     checksum is wrong)              |\n"
                   "    280.000  |  not seen to arrive x- ACK  seq 1 --|\n"
                   "\n"
                   "    1 conversation, 8 segments, 1 lost on the way\n");
}

static void test_datagrams(void **state)
{
    (void)state;
    struct sw_view *view = view_new(0, NULL);
    struct sw_addr a = end(53), from = end(40000);
    uint64_t args[6] = {3, 0, 11, 0, 0, 0};
    call_now(view, 0, 40, SYS_socket, AF_INET, SOCK_DGRAM, 0, 1, 3);
    uint64_t token = call(view, 1, 40, SYS_bind, 3, 0, 0);
    sw_view_call_addr(view, token, &a);
    sw_view_answer(view, us(1), token, 1, 0, NULL);
    uint64_t receive = call(view, 2, 40, SYS_recvfrom, 3, 0, 512);
    call_now(view, 3, 41, SYS_socket, AF_INET, SOCK_DGRAM, 0, 2, 3);
    token = sw_view_call(view, us(4), 41, 41, SYS_sendto, args);
    sw_view_call_addr(view, token, &a);
    datagram(view, 4, SW_TRACE_DATAGRAM_SENT, 40000, 53, 11);
    datagram(view, 5, SW_TRACE_DATAGRAM_RECEIVED, 53, 40000, 11);
    sw_view_answer(view, us(6), token, 2, 11, NULL); /* only its packet came between: one line */
    sw_view_answer(view, us(7), receive, 1, 11, &from);
    datagram(view, 8, SW_TRACE_DATAGRAM_SENT, 40000, 9, 1);
    dropped(view, 9, SW_DROP_UDP_NO_SOCKET, 9, 40000, 9, 0);
    for (unsigned i = 0; i < 2; i++) /* of one length; two fragments of the second are lost */
        datagram(view, 8, SW_TRACE_DATAGRAM_SENT, 40000, 53, 4000);
    dropped(view, 8, SW_DROP_LINK_LOSS, 40000, 53, 1500, 0);
    dropped(view, 8, SW_DROP_LINK_LOSS, 0, 0, 1068, 0);
    datagram(view, 8, SW_TRACE_DATAGRAM_RECEIVED, 53, 40000, 4000);
    struct sw_trace_event icmp = {.at_ns = us(9), .kind = SW_TRACE_ICMP_SENT, .v = {4, 3, 3}};
    sw_view_trace_fn(view, &icmp);
    uint64_t odd[3] = {6, 200, 1};
    memcpy(icmp.v, odd, sizeof(odd));
    sw_view_trace_fn(view, &icmp);
    assert_picture(
        view, &plain,
        "    time ms  client                                server\n"
        "             pid 41                                pid 40\n"
        "      0.000  |                                     | socket(AF_INET, SOCK_DGRAM) = 3\n"
        "      0.001  |                                     | bind(3, 127.0.0.1:53)\n"
        "      0.002  |                                     | recvfrom(3, 512 bytes) ...\n"
        "      0.003  | socket(AF_INET, SOCK_DGRAM) = 3     |\n"
        "      0.004  | sendto(3, 11 bytes, 127.0.0.1:53)   |\n"
        "             |     = 11                            |\n"
        "      0.004  |-- :40000  11 bytes ---------------->|\n"
        "      0.007  |                                     | ... recvfrom = 11, from\n"
        "             |                                     |     127.0.0.1:40000\n"
        "      0.008  |-- :40000  1 byte --x udp-no-socket  |\n"
        "      0.008  |-- :40000  4000 bytes -------------->|\n"
        "      0.008  |-- :40000  4000 bytes --x link-loss  |\n"
        "      0.009  |<----------- ICMP port unreachable --|\n"
        "      0.009  |<---------- ICMPv6 type 200 code 1 --|\n"
        "\n"
        "    2 conversations, 4 datagrams, 1 lost on the way\n");
}

/* A long transfer is folded; packets may be cut or merged on the way. */
static void test_folded(void **state)
{
    (void)state;
    struct sw_view *view = view_new(0, NULL);
    uint32_t seq = 1;
    arrow(view, 0, 0, 40000, 7000, 0, 0, SYN, 0);
    for (uint64_t i = 1; i <= 100; i++) {
        arrow(view, i, i, 40000, 7000, seq, 1, ACK, 1000);
        seq += 1000;
        arrow(view, i, i, 7000, 40000, 1, seq, ACK, 0);
    }
    segment(view, 200, SW_TRACE_SEGMENT_SENT, 0, 40000, 7000, seq, 1, ACK, 3000); /* in three */
    for (uint32_t i = 0; i < 3; i++)
        segment(view, 201 + i * 200, SW_TRACE_SEGMENT_RECEIVED, 0, 7000, 40000, seq + i * 1000, 1,
                ACK, 1000);
    segment(view, 600, SW_TRACE_SEGMENT_SENT, 0, 40000, 7000, seq + 3000, 1, ACK, 500);
    segment(view, 600, SW_TRACE_SEGMENT_SENT, 0, 40000, 7000, seq + 3500, 1, ACK, 500);
    segment(view, 601, SW_TRACE_SEGMENT_RECEIVED, 0, 7000, 40000, seq + 3000, 1, ACK,
            1000); /* as one */
    assert_picture(view, &plain,
                   "    time ms  client                                server\n"
                   "      0.000  |-- SYN  seq 0  mss 1460  win 65535 ->|\n"
                   "      0.001  |-- ACK  seq 1  ack 0  1000 bytes --->|\n"
                   "      0.001  |<- ACK  seq 0  ack 1001  win 65535 --|\n"
                   "      0.002  |- ACK  seq 1001  ack 0  1000 bytes ->|\n"
                   "      0.002  |<- ACK  seq 0  ack 2001  win 65535 --|\n"
                   "      0.003  |- ACK  seq 2001  ack 0  1000 bytes ->|\n"
                   "      0.003  |<- ACK  seq 0  ack 3001  win 65535 --|\n"
                   "             .     193 more, 97000 bytes -->       .\n"
                   "      0.100  |<---------- ACK  seq 0  ack 100001 --|\n"
                   "      0.200  |-- seq 100001  3000 bytes -- 0.601 ->|\n"
                   "      0.600  |-- ACK  seq 103001  500 bytes ------>|\n"
                   "      0.600  |-- ACK  seq 103501  500 bytes ------>|\n"
                   "\n"
                   "    1 conversation, 204 segments\n");
}

/* Two clients at once: pids before calls, ports on arrows. States, and lines instead of ASCII. */
static void test_two_clients(void **state)
{
    (void)state;
    struct sw_view *view = view_new(0, NULL);
    server(view, 0);
    for (pid_t pid = 41; pid <= 42; pid++) {
        struct sw_addr a = end(7000);
        uint64_t token = call(view, 10, pid, SYS_connect, 3, 0, 0);
        sw_view_call_addr(view, token, &a);
        sw_view_answer(view, us(10), token, (uint64_t)pid, -EINPROGRESS, NULL);
    }
    for (uint16_t port = 40001; port <= 40002; port++)
        arrow(view, 20, 20, port, 7000, 7, 0, SYN, 0);
    for (uint16_t port = 40001; port <= 40002; port++)
        arrow(view, 21, 21, 7000, port, 7, 8, SYN | ACK, 0);
    struct sw_trace_event e = {.at_ns = us(22), .kind = SW_TRACE_STATE, .socket = 41, .v = {2, 1}};
    sw_view_trace_fn(view, &e);
    call(view, 30, 42, SYS_connect, 5, 0, 0); /* never answered */
    struct sw_view_flow_config config = {.width = 90, .utf8 = true, .states = true};
    assert_picture(
        view, &config,
        "    time ms  client                                server\n"
        "             pid 41, pid 42                        server (pid 40)\n"
        "      0.000  │                                     │ socket(AF_INET, SOCK_STREAM) = 3\n"
        "      0.001  │                                     │ bind(3, 127.0.0.1:7000)\n"
        "      0.002  │                                     │ listen(3, 5)\n"
        "      0.010  │ 41: connect(3, 127.0.0.1:7000)      │\n"
        "             │     = -1 EINPROGRESS                │\n"
        "      0.010  │ 42: connect(3, 127.0.0.1:7000)      │\n"
        "             │     = -1 EINPROGRESS                │\n"
        "      0.020  ├── :40001  SYN  seq 0  mss 1460 ────▶│\n"
        "      0.020  ├── :40002  SYN  seq 0  mss 1460 ────▶│\n"
        "      0.021  │◀─── :40001  SYN ACK  seq 0  ack 1 ──┤\n"
        "      0.021  │◀─── :40002  SYN ACK  seq 0  ack 1 ──┤\n"
        "      0.022  │ (SYN_SENT -> ESTABLISHED)           │\n"
        "      0.030  │ 42: connect(5) ...                  │\n"
        "\n"
        "    2 conversations, 4 segments\n");
}

/* Both ends do the same at the same time: nothing but the direction tells the segments apart. And
 * an answer that has others in front of it is told by itself. */
static void test_crossing(void **state)
{
    (void)state;
    struct sw_view *view = view_new(0, NULL);
    server(view, 0);
    for (unsigned i = 0; i < 2; i++)
        segment(view, 10 + i, SW_TRACE_SEGMENT_SENT, 0, i ? 7000 : 40000, i ? 40000 : 7000, 5, 0,
                SYN, 0);
    segment(view, 20000, SW_TRACE_SEGMENT_RECEIVED, 0, 40000, 7000, 5, 0, SYN, 0);
    segment(view, 30000, SW_TRACE_SEGMENT_RECEIVED, 0, 7000, 40000, 5, 0, SYN, 0);
    segment(view, 30001, SW_TRACE_SEGMENT_SENT, 0, 40000, 7000, 6, 6, ACK, 0); /* does not arrive */
    arrow(view, 30002, 30003, 40000, 7000, 6, 6, RST | ACK, 0);
    uint64_t listen = call(view, 40000, 40, SYS_listen, 3, 9, 0);
    call_now(view, 40001, 40, SYS_getsockname, 3, 0, 0, 1, 0);
    sw_view_answer(view, us(40002), listen, 1, 0, NULL);
    assert_picture(
        view, &plain,
        "    time ms  client                                server\n"
        "                                                   server (pid 40)\n"
        "      0.000  |                                     | socket(AF_INET, SOCK_STREAM) = 3\n"
        "      0.001  |                                     | bind(3, 127.0.0.1:7000)\n"
        "      0.002  |                                     | listen(3, 5)\n"
        "      0.010  |-- SYN  seq 0  mss 1460 --- 30.000 ->|\n"
        "      0.011  |<- 20.000 --- SYN  seq 0  mss 1460 --|\n"
        "     30.001  |-- ACK  seq 1 -x not seen to arrive  |\n"
        "     30.002  |-- RST ACK  ack 1 ------------------>|\n"
        "     40.000  |                                     | listen(3, 9) ...\n"
        "     40.001  |                                     | getsockname(3)\n"
        "     40.002  |                                     | ... listen = 0\n"
        "\n"
        "    1 conversation, 4 segments\n");
}

static void test_nothing(void **state)
{
    (void)state;
    struct sw_view *view = view_new(1, NULL);
    sw_view_process(view, us(0), 1, "true");
    sw_view_process_end(view, us(1), 1, 0);
    assert_picture(view, &plain,
                   "    time ms  client                                server\n"
                   "\n"
                   "    nothing was sent\n"
                   "    records not kept: 1\n");
}

/* Columns that a line takes: UTF-8's continuation bytes and escapes take none. */
static unsigned columns(const char *line, size_t len)
{
    unsigned n = 0;
    for (size_t i = 0; i < len; i++) {
        if (line[i] == '\033') {
            while (line[i] != 'm')
                i++;
        } else if (((unsigned char)line[i] & 0xc0) != 0x80) {
            n++;
        }
    }
    return n;
}

static void random_record(struct sw_view *view, struct sw_rng *rng, uint64_t at)
{
    struct sw_trace_event e = {.at_ns = us(at)};
    uint16_t a = (uint16_t)(40000 + sw_rng_below(rng, 3)),
             b = (uint16_t)(7000 + sw_rng_below(rng, 2));
    bool back = sw_rng_below(rng, 2);
    e.kind = (enum sw_trace_kind)sw_rng_below(rng, SW_TRACE_COUNT);
    e.socket = sw_rng_below(rng, 6);
    e.local = end(back ? a : b);
    e.remote = end(back ? b : a);
    for (unsigned i = 0; i < SW_TRACE_VALUES; i++)
        e.v[i] = sw_rng_below(rng, 4) == 0 ? sw_rng_u64(rng) : sw_rng_below(rng, 64);
    if (e.kind == SW_TRACE_PACKET_DROPPED)
        e.v[0] %= SW_DROP_COUNT;
    if (e.kind == SW_TRACE_STATE) {
        e.v[0] = 1 + e.v[0] % 11;
        e.v[1] = 1 + e.v[1] % 11;
    }
    pid_t pid = (pid_t)(40 + sw_rng_below(rng, 4));
    static const int nrs[] = {SYS_socket, SYS_bind,     SYS_listen,     SYS_connect,     SYS_accept,
                              SYS_sendto, SYS_recvfrom, SYS_setsockopt, SYS_getpeername, 9999};
    switch (sw_rng_below(rng, 4)) {
    case 0:
        call(view, at, pid, nrs[sw_rng_below(rng, 10)], sw_rng_below(rng, 9), sw_rng_u64(rng), 3);
        break;
    case 1:
        sw_view_answer(view, us(at), 1 + sw_rng_below(rng, view->n + 1), sw_rng_below(rng, 6),
                       (int64_t)sw_rng_below(rng, 200) - 150,
                       sw_rng_below(rng, 2) ? &e.local : NULL);
        break;
    case 2:
        sw_view_data(view, us(at), sw_rng_below(rng, 6), (enum sw_view_data)sw_rng_below(rng, 4),
                     sw_rng_u64(rng));
        break;
    default:
        sw_view_trace_fn(view, &e);
    }
}

static void test_anything(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 150; seed++) {
        struct sw_rng rng;
        uint8_t key[16] = {0};
        memcpy(key, &seed, sizeof(seed));
        sw_rng_init(&rng, key);
        struct sw_view *view = view_new(0, NULL);
        unsigned n = 1 + sw_rng_below(&rng, 300);
        for (unsigned i = 0; i < n; i++)
            random_record(view, &rng, (uint64_t)i * i * i * 1000);
        struct sw_view_flow_config config = {.width = sw_rng_below(&rng, 200)};
        config.utf8 = seed & 1;
        config.states = seed & 2;
        config.colour = seed & 4;
        config.all = seed & 8;
        unsigned width = config.width == 0 ? 100 : config.width < 72 ? 72 : config.width;
        char *text = draw(view, &config);
        for (const char *line = text; *line;) {
            size_t len = strcspn(line, "\n");
            if (columns(line, len) > width)
                fail_msg("seed %u: more than %u columns: %.*s", (unsigned)seed, width, (int)len,
                         line);
            line += len + 1;
        }
        free(text);
        sw_view_free(view);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stream),      cmocka_unit_test(test_delay_and_loss),
        cmocka_unit_test(test_datagrams),   cmocka_unit_test(test_folded),
        cmocka_unit_test(test_two_clients), cmocka_unit_test(test_crossing),
        cmocka_unit_test(test_nothing),     cmocka_unit_test(test_anything),
    };
    return cmocka_run_group_tests_name("view/flow", tests, NULL, NULL);
}
