/* SPDX-License-Identifier: BSD-2-Clause */
/* System calls in the words of their manual pages. */
#include "view/fixture.h"

#include <netinet/tcp.h>

static const struct {
    struct view_call call;
    const char *text;
} rows[] = {
    {{.nr = SYS_socket, .args = {AF_INET, SOCK_STREAM, 0}, .result = 3},
     "socket(AF_INET, SOCK_STREAM) = 3"},
    {{.nr = SYS_socket,
      .args = {AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP},
      .result = -EMFILE},
     "socket(AF_INET6, SOCK_DGRAM|SOCK_NONBLOCK|SOCK_CLOEXEC, IPPROTO_UDP) = -1 EMFILE"},
    {{.nr = SYS_socket, .args = {77, 9, 300}, .result = -EAFNOSUPPORT},
     "socket(77, 9, 300) = -1 EAFNOSUPPORT"},
    {{.nr = SYS_bind, .args = {3}, .has_addr = true, .addr = {.ip = SW_IP4_LOOPBACK, .port = 7000}},
     "bind(3, 127.0.0.1:7000) = 0"},
    {{.nr = SYS_connect,
      .args = {4},
      .has_addr = true,
      .addr = {.ip = SW_IP6_LOOPBACK, .port = 80},
      .result = -EINPROGRESS},
     "connect(4, [::1]:80) = -1 EINPROGRESS"},
    {{.nr = SYS_connect, .args = {4}, .result = -EFAULT}, "connect(4) = -1 EFAULT"},
    {{.nr = SYS_connect, .args = {4}, .answer = 9}, "connect(4, AF_UNSPEC) = 0"},
    {{.nr = SYS_listen, .args = {3, (uint64_t)-1}}, "listen(3, -1) = 0"},
    {{.nr = SYS_accept,
      .args = {3},
      .result = 5,
      .has_from = true,
      .from = {.ip = SW_IP4_LOOPBACK, .port = 40000}},
     "accept(3) = 5, from 127.0.0.1:40000"},
    {{.nr = SYS_accept4, .args = {3, 0, 0, SOCK_CLOEXEC}, .result = -EAGAIN},
     "accept4(3, SOCK_CLOEXEC) = -1 EAGAIN"},
    {{.nr = SYS_accept, .args = {3}, .result = -512}, "accept(3) = interrupted"},
    {{.nr = SYS_shutdown, .args = {3, SHUT_WR}}, "shutdown(3, SHUT_WR) = 0"},
    {{.nr = SYS_getsockname,
      .args = {3},
      .has_from = true,
      .from = {.ip = SW_IP4_LOOPBACK, .port = 1}},
     "getsockname(3) = 0, 127.0.0.1:1"},
    {{.nr = SYS_setsockopt, .args = {3, SOL_SOCKET, SO_REUSEADDR}, .has_value = true, .value = 1},
     "setsockopt(3, SOL_SOCKET, SO_REUSEADDR, 1) = 0"},
    {{.nr = SYS_getsockopt, .args = {3, IPPROTO_TCP, TCP_NODELAY}},
     "getsockopt(3, IPPROTO_TCP, TCP_NODELAY) = 0"},
    {{.nr = SYS_getsockopt, .args = {3, IPPROTO_TCP, 999}, .result = -ENOPROTOOPT},
     "getsockopt(3, IPPROTO_TCP, 999) = -1 ENOPROTOOPT"},
    {{.nr = SYS_getsockopt, .args = {3, 500, 1}}, "getsockopt(3, 500, 1) = 0"},
    {{.nr = SYS_sendto,
      .args = {3, 0, 11, MSG_NOSIGNAL | MSG_DONTWAIT},
      .has_addr = true,
      .addr = {.ip = SW_IP4_LOOPBACK, .port = 53},
      .result = 11},
     "sendto(3, 11 bytes, MSG_DONTWAIT|MSG_NOSIGNAL, 127.0.0.1:53) = 11"},
    {{.nr = SYS_recvfrom, .args = {3, 0, 512, 1 << 30}, .result = 0},
     "recvfrom(3, 512 bytes, 0x40000000) = 0"},
    {{.nr = SYS_recvfrom, .args = {3, 0, 512}, .result = -12345},
     "recvfrom(3, 512 bytes) = -1 an error"},
    {{.nr = SYS_ioctl, .args = {3, 0x5411}}, "ioctl(3, 0x5411) = 0"},
    {{.nr = 9999}, "syscall 9999 = 0"},
};

static void test_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[400], result[200];
        view_call_text(&rows[i].call, text, sizeof(text));
        view_result_text(&rows[i].call, result, sizeof(result));
        strcat(text, result);
        assert_string_equal(text, rows[i].text);
    }
    assert_string_equal(view_call_name(SYS_listen), "listen");
    assert_string_equal(view_call_name(9999), "syscall");
    assert_int_equal(view_call_fd(&(struct view_call){.nr = SYS_bind, .args = {7}}), 7);
    assert_int_equal(view_call_fd(&(struct view_call){.nr = SYS_socket, .args = {7}}), -1);
}

/* No text is longer than its buffer. */
static void test_small_buffers(void **state)
{
    (void)state;
    struct view_call c = {.nr = SYS_socket, .args = {AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0xffff}};
    for (size_t size = 1; size < 80; size++) {
        char buf[81];
        memset(buf, 'x', sizeof(buf));
        view_call_text(&c, buf, size);
        assert_true(strlen(buf) < size);
        assert_int_equal(buf[size], 'x');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_small_buffers),
    };
    return cmocka_run_group_tests_name("view/calls", tests, NULL, NULL);
}
