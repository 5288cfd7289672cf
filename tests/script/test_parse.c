/* SPDX-License-Identifier: BSD-2-Clause */
/* What is wrong in a script is named with its line and column, and nothing makes the parser
 * stumble. */
#include "script/verdict.h"

static void empty_scripts(void **state)
{
    (void)state;
    expect_pass("");
    expect_pass("// nothing\n/* at all */\n");
    expect_pass("--tolerance_usecs=1000\n--define=A=1\n`true`\n");
}

static void wrong_places(void **state)
{
    (void)state;
    expect("0 < S 0:1(0) win 1\n", SCRIPT_SYNTAX, 1, 7, "from 0 to 1");
    expect("0 < Q 0:0(0) win 1\n", SCRIPT_SYNTAX, 1, 5, "'Q' is no flag");
    expect("\n  0 < S 0:0(0) win 99999\n", SCRIPT_SYNTAX, 2, 20, "a window is from 0 to 65535");
    expect("0 < S 0:0(0) <mss 1000,nop>\n", SCRIPT_SYNTAX, 1, 15, "multiple of 4");
    expect("0 < S 0:0(0) <...>\n", SCRIPT_SYNTAX, 1, 15, "packets that leave");
    expect("0 < S 0:0(0) <sack 1>\n", SCRIPT_SYNTAX, 1, 21, "expected ':'");
    expect("* socket(..., SOCK_STREAM, 0) = 3\n", SCRIPT_SYNTAX, 1, 1, "any time");
    expect("+.2~+.1 > . 1:1(0)\n", SCRIPT_SYNTAX, 1, 1, "backwards");
    expect("-1 < . 1:1(0)\n", SCRIPT_SYNTAX, 1, 1, "backwards");
    expect("0 /* without end", SCRIPT_SYNTAX, 1, 3, "no end");
    expect("0 write(3, \"abc, 4) = 3", SCRIPT_SYNTAX, 1, 12, "no end");
    expect("0 `sysctl", SCRIPT_SYNTAX, 1, 3, "no end");
    expect("0 close(3", SCRIPT_SYNTAX, 1, 10, "the script ends");
    expect("0 close(3) = -1 EVERYTHING (all)\n", SCRIPT_SYNTAX, 1, 17, "name of an error");
    expect("--mtu=many\n", SCRIPT_SYNTAX, 1, 1, "--mtu cannot be 'many'");
}

static void not_supported(void **state)
{
    (void)state;
    expect("--wire_client\n", SCRIPT_UNSUPPORTED, 1, 1, "no option --wire_client");
    expect("0 socket(..., SOCK_STREAM, IPPROTO_SCTP) = 3\n", SCRIPT_UNSUPPORTED, 1, 28,
           "no constant 'IPPROTO_SCTP'");
    expect("0 vmsplice(3, NULL, 4, 0) = 0\n", SCRIPT_UNSUPPORTED, 1, 1, "vmsplice()");
    expect("0 > gre: . 1:1(0)\n", SCRIPT_UNSUPPORTED, 1, 5, "inside 'gre'");
    expect("0 `make -C /`\n", SCRIPT_UNSUPPORTED, 1, 3, "no shell is run");
    expect("0 `rm -rf /`\n", SCRIPT_UNSUPPORTED, 1, 3, "rm's");
    expect("0 `dd if=/dev/zero`\n", SCRIPT_UNSUPPORTED, 1, 3, "dd's");
    expect("0 `echo 3 > /dev/null`\n", SCRIPT_UNSUPPORTED, 1, 3, "echo's");
    expect("0 `grep -c root /etc/passwd`\n", SCRIPT_UNSUPPORTED, 1, 3, "'grep'");
    expect("0 `sysctl net.ipv4.tcp_wonder=1`\n", SCRIPT_UNSUPPORTED, 1, 3, "'tcp_wonder'");
    expect("0 %{ while True: pass }%\n", SCRIPT_UNSUPPORTED, 1, 6, "not understood");
}

/* A script cut short at any byte is judged, whatever the verdict. */
static void cut_short(void **state)
{
    (void)state;
    const char *text = "--define=N=5\n`sysctl -q net.ipv4.tcp_sack=0`\n"
                       "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"
                       "+0 setsockopt(3, SOL_SOCKET, SO_LINGER, {onoff=1, linger=0}, 8) = 0\n"
                       "+0 < [ect0] 5000>8080 SEW. 0:0(0) ack 1 win 5 urg 3 <mss 1,nop,wscale 3,"
                       "TS val 1 ecr 0,nop,nop,sack 1:2 3:4,FO abcd,nop,nop>\n"
                       "+.1~+.2 > . 1:1(0) ack 1 <...>\n+0...1.5 accept(3, ..., ...) = 4\n"
                       "+0 %{ assert (tcpi_state | 1) != N and not 0x1f, \"no\" }%\n"
                       "+0 < icmp unreachable frag_needed mtu 800 [0:10(10)]\n";
    const struct script_config config = {0};
    for (size_t len = 0; len <= strlen(text); len++) {
        struct script_result result;
        script_run(text, len, &config, &result);
        script_result_fini(&result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_scripts),
        cmocka_unit_test(wrong_places),
        cmocka_unit_test(not_supported),
        cmocka_unit_test(cut_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
