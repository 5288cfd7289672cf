/* SPDX-License-Identifier: BSD-2-Clause */
/* A script that says something else than what happens fails, whatever it is that differs. */
#include <stdio.h>

#include "script/verdict.h"

#define LISTEN                                                                                     \
    "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"                                                \
    "+0 bind(3, ..., ...) = 0\n"                                                                   \
    "+0 listen(3, 1) = 0\n"                                                                        \
    "+0 < S 0:0(0) win 32792 <mss 1000,sackOK,TS val 7 ecr 0,nop,wscale 7>\n"

#define OPEN                                                                                       \
    "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"                                                \
    "+0 bind(3, ..., ...) = 0\n"                                                                   \
    "+0 listen(3, 1) = 0\n"                                                                        \
    "+0 < S 0:0(0) win 32792 <mss 1000>\n"                                                         \
    "+0 > S. 0:0(0) ack 1 <...>\n"                                                                 \
    "+0 < . 1:1(0) ack 1 win 32792\n"                                                              \
    "+0 accept(3, ..., ...) = 4\n"

static void packets(void **state)
{
    static const struct {
        const char *line, *what;
    } lines[] = {
        {"+0 > S. 5:5(0) ack 1 <mss 1460,sackOK,TS val 1 ecr 7,nop,wscale 10>", NULL},
        {"+0 > S. 0:0(0) ack 1 <...>", NULL},
        {"+0~+1 > S. 0:0(0) ack 1 <...>", NULL},
        {"* > S. 0:0(0) ack 1 <...>", NULL},
        {"+0 > [noecn] S. 0:0(0) ack 1 <...>", NULL},
        {"+0 > S 0:0(0) <...>", "the flags"},
        {"+0 > SE. 0:0(0) ack 1 <...>", "the flags of ECN"},
        {"+0 > [ect0] S. 0:0(0) ack 1 <...>", "ECN of the IP header"},
        {"+0 > [ttl 9] S. 0:0(0) ack 1 <...>", "the time to live"},
        {"+0 > S. 0:0(0) ack 2 <...>", "the acknowledgment number"},
        {"+0 > S. 0:0(0) ack 1 win 7 <...>", "the window"},
        {"+0 > S. 0:0(0) ack 1 urg 7 <...>", "the urgent pointer"},
        {"+0 > S. 0:9(9) ack 1 <...>", "the length"},
        {"+0 > S. 0:0(0) ack 1", "the options"},
        {"+0 > S. 0:0(0) ack 1 <mss 1461,sackOK,TS val 1 ecr 7,nop,wscale 10>",
         "the value of an option"},
        {"+0 > S. 0:0(0) ack 1 <sackOK,TS val 1 ecr 7,nop,wscale 10,mss 1460>", "the options"},
        {"+.5 > S. 0:0(0) ack 1 <...>", "the packet left at 0.000000 s"},
        {"+0 > 9999>8080 S. 0:0(0) ack 1 <...>", "the ports"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        char text[1024];
        snprintf(text, sizeof(text), "%s%s\n", LISTEN, lines[i].line);
        if (lines[i].what == NULL)
            expect_pass(text);
        else
            expect(text, SCRIPT_FAILED, 5, 1, lines[i].what);
    }
}

static void calls(void **state)
{
    (void)state;
    expect(OPEN "+0 write(4, ..., 10) = 11\n", SCRIPT_FAILED, 8, 1, "returned 10");
    expect(OPEN "+0 write(4, ..., 10) = -1 EPIPE (Broken pipe)\n", SCRIPT_FAILED, 8, 1,
           "expects -1 EPIPE");
    expect(OPEN "+0 read(4, ..., 10) = 1\n", SCRIPT_FAILED, 8, 1, "sleeps");
    expect(OPEN "+0...1 read(4, ..., 10) = 1\n+2 close(3) = 0\n", SCRIPT_FAILED, 8, 1,
           "still sleeps");
    expect(OPEN "+0...0.5 read(4, ..., 10) = 1\n+.1 < P. 1:2(1) ack 1 win 9\n", SCRIPT_FAILED, 8, 1,
           "returned at 0.100000 s");
    expect(OPEN "+0 getsockopt(4, SOL_TCP, TCP_MAXSEG, [999], [4]) = 0\n", SCRIPT_FAILED, 8, 39,
           "gave 1000");
    expect(OPEN "+0 poll([{fd=4, events=POLLOUT, revents=0}], 1, 0) = 1\n", SCRIPT_FAILED, 8, 10,
           "poll() gave");
    expect(OPEN "+0 ioctl(4, SIOCINQ, [1]) = 0\n", SCRIPT_FAILED, 8, 22, "gave 0");
    expect(OPEN "+0 close(9) = 0\n", SCRIPT_SYNTAX, 8, 10, "no descriptor 9");
}

static void code(void **state)
{
    (void)state;
    expect_pass(OPEN "+0 %{ n = 2 * 5 - 1; assert n == 9 and 0 < tcpi_snd_cwnd <= 10, n }%\n");
    expect_pass(OPEN "+0 %{\nassert tcpi_state == TCP_ESTABLISHED # it is\n"
                     "assert max(7 // 2, 1) == 3 and 7 % 4 == 3 and (6 & 3) == 2\n}%\n");
    expect(OPEN "+0 %{ assert tcpi_snd_cwnd == 11, tcpi_snd_cwnd }%\n", SCRIPT_FAILED, 8, 7,
           "tcpi_snd_cwnd is 10");
    expect(OPEN "+0 %{ assert 1 > 2 }%\n", SCRIPT_FAILED, 8, 7, "it is false");
    expect(OPEN "+0 %{ assert tcpi_nothing == 1 }%\n", SCRIPT_UNSUPPORTED, 8, 7, "tcpi_nothing");
}

/* What was read and what left are looked at byte by byte, and a packet that does not come is
 * missed. */
static void nothing_left(void **state)
{
    (void)state;
    expect(OPEN "+0 > . 1:1(0) ack 1\n", SCRIPT_FAILED, 8, 1, "no packet left");
    expect("0 > . 1:1(0) ack 1\n", SCRIPT_SYNTAX, 1, 1, "no socket");
    expect(OPEN "+0 write(4, ..., 1500) = 1500\n+0 > P. 1:1401(1400) ack 1\n", SCRIPT_FAILED, 9, 1,
           "the length");
}

/* What a person gets to see: both packets with their times, a mark, what left behind, and drops. */
static void detail(void **state)
{
    static const struct script_config config;
    const char *text = OPEN "+.1 < P 1:11(10) win 32792\n"
                            "+0 write(4, ..., 1100) = 1100\n"
                            "+0~+.1 > . 1:1001(1000) ack 7\n";
    static const char *const lines[] = {
        "  expected 0.100000~0.200000   > . 1:1001(1000) ack 7\n",
        ("  actual             0.100000  > . 1:1001(1000) ack 1\n"
         "                                                    ^\n"),
        "  then               0.100000  > P. 1001:1101(100) ack 1 win 64240\n",
        "    0.100000      dropped: no ACK in a state that needs one (tcp-no-ack)\n",
    };
    struct script_result result;
    (void)state;
    script_run(text, strlen(text), &config, &result);
    assert_int_equal(result.verdict, SCRIPT_FAILED);
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
        if (strstr(result.detail, lines[i]) == NULL)
            fail_msg("missing: %s\nin:\n%s", lines[i], result.detail);
    script_result_fini(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets),      cmocka_unit_test(calls),  cmocka_unit_test(code),
        cmocka_unit_test(nothing_left), cmocka_unit_test(detail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
