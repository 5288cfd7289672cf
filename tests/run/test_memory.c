/* SPDX-License-Identifier: BSD-2-Clause */
/* Socket addresses read from and written to a caller's memory; the caller is this process itself.
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "run/run.h"

static struct run run;

static int read_addr(const void *p, size_t len, struct sw_addr *ret, int *ret_family)
{
    struct given_addr given;
    int err = mem_read_addr(&run, getpid(), (uintptr_t)p, len, &given);
    if (err < 0)
        return err;
    *ret = given.addr;
    *ret_family = given.family;
    assert_int_equal(given.len, len);
    return given.family == AF_UNSPEC || len < 2
               ? 0
               : given_addr_check(&given, given.family == AF_INET6 ? AF_INET6 : AF_INET);
}

static void test_is_user(void **state)
{
    (void)state;
    int here;
    assert_true(mem_is_user((uintptr_t)&here, sizeof(here)));
    assert_true(mem_is_user(0, 0));
    assert_false(mem_is_user(UINT64_MAX, 0));
    assert_false(mem_is_user((uintptr_t)&here, UINT64_MAX));
    assert_false(mem_is_user(1ULL << 63, 1));
}

static void test_read(void **state)
{
    (void)state;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(53)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(80), .sin6_scope_id = 1};
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct sw_addr addr;
    struct sw_ip expect = SW_IP4(127, 0, 0, 9);
    int family = -1;

    inet_pton(AF_INET, "127.0.0.9", &in.sin_addr);
    assert_int_equal(read_addr(&in, sizeof(in), &addr, &family), 0);
    assert_true(sw_ip_eq(&addr.ip, &expect));
    assert_int_equal(addr.port, 53);
    assert_int_equal(family, AF_INET);
    assert_int_equal(read_addr(&in, sizeof(in) - 1, &addr, &family), -EINVAL);
    assert_int_equal(read_addr(&in, 0, &addr, &family), 0); /* for the call to judge */
    assert_int_equal(family, AF_UNSPEC);
    assert_int_equal(read_addr(&in, sizeof(struct sockaddr_storage) + 1, &addr, &family), -EINVAL);
    assert_int_equal(read_addr(&in, (size_t)-1, &addr, &family), -EINVAL);
    assert_int_equal(read_addr((void *)8, sizeof(in), &addr, &family), -EFAULT);

    inet_pton(AF_INET6, "fe80::7", &in6.sin6_addr);
    assert_int_equal(read_addr(&in6, sizeof(in6), &addr, &family), 0);
    assert_memory_equal(addr.ip.b, &in6.sin6_addr, 16);
    assert_int_equal(addr.port, 80);
    assert_int_equal(addr.scope_id, 1);
    assert_int_equal(family, AF_INET6);
    assert_int_equal(read_addr(&in6, 24, &addr, &family), 0); /* without a scope: RFC 2133's */
    assert_int_equal(read_addr(&in6, 23, &addr, &family), -EINVAL);

    assert_int_equal(read_addr(&un, sizeof(un), &addr, &family), -EAFNOSUPPORT);
    in.sin_family = AF_UNSPEC;
    assert_int_equal(read_addr(&in, sizeof(in), &addr, &family), 0);
    assert_int_equal(family, AF_UNSPEC);
}

static void test_write(void **state)
{
    (void)state;
    struct sw_addr from = {.ip = SW_IP4(10, 1, 2, 3), .port = 4000};
    struct sockaddr_in in;
    struct sockaddr_in6 in6, mapped;
    socklen_t len = sizeof(in);
    uint64_t lenp = (uintptr_t)&len;

    assert_int_equal(mem_write_addr(&run, getpid(), (uintptr_t)&in, lenp, &from, false), 0);
    assert_int_equal(len, sizeof(in));
    assert_int_equal(in.sin_family, AF_INET);
    assert_int_equal(ntohs(in.sin_port), 4000);
    assert_int_equal(ntohl(in.sin_addr.s_addr), 0x0a010203);

    /* To an IPv6 socket the same is a mapped address. */
    len = 128;
    assert_int_equal(mem_write_addr(&run, getpid(), (uintptr_t)&in6, lenp, &from, true), 0);
    assert_int_equal(len, sizeof(in6));
    inet_pton(AF_INET6, "::ffff:10.1.2.3", &mapped.sin6_addr);
    assert_memory_equal(&in6.sin6_addr, &mapped.sin6_addr, 16);

    /* Too little room: cut, and the full length told. */
    memset(&in, 0x55, sizeof(in));
    len = 4;
    assert_int_equal(mem_write_addr(&run, getpid(), (uintptr_t)&in, lenp, &from, false), 0);
    assert_int_equal(len, sizeof(in));
    assert_int_equal(ntohs(in.sin_port), 4000);
    assert_int_equal(in.sin_addr.s_addr, 0x55555555);

    len = (socklen_t)-1;
    assert_int_equal(mem_write_addr(&run, getpid(), (uintptr_t)&in, lenp, &from, false), -EINVAL);
    assert_int_equal(mem_write_addr(&run, getpid(), (uintptr_t)&in, 8, &from, false), -EFAULT);
    assert_int_equal(mem_write_addr(&run, getpid(), 0, lenp, &from, false), -EINVAL);
    len = 0; /* no room: only the length */
    assert_int_equal(mem_write_addr(&run, getpid(), 0, lenp, &from, false), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_is_user),
        cmocka_unit_test(test_write),
    };
    return cmocka_run_group_tests_name("run/memory", tests, NULL, NULL);
}
