/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages in a caller's memory. The caller is this process itself: process_vm_readv() of oneself
 * is always allowed. What control messages become is compared with what CMSG_* macros read.
 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "run/message.h"

static uint64_t addr_of(const void *p)
{
    return (uintptr_t)p;
}

static void test_load(void **state)
{
    (void)state;
    struct run run = {0};
    struct message m;
    char a[4] = "abc", b[8] = "defghij", out[16] = {0};
    struct iovec iov[3] = {{a, 3}, {NULL, 0}, {b, 7}};
    struct sockaddr_storage name;
    char control[64];
    struct msghdr h = {.msg_name = &name,
                       .msg_namelen = 16,
                       .msg_iov = iov,
                       .msg_iovlen = 3,
                       .msg_control = control,
                       .msg_controllen = sizeof(control)};

    assert_int_equal(message_load(&run, getpid(), addr_of(&h), false, &m), 0);
    assert_int_equal(m.name, addr_of(&name));
    assert_int_equal(m.namelen, 16);
    assert_int_equal(m.namelen_ptr, addr_of(&h.msg_namelen));
    assert_int_equal(m.total, 10);
    assert_int_equal(m.control, addr_of(control));
    assert_int_equal(m.controllen, sizeof(control));
    assert_int_equal(addr_of(&h.msg_flags) - addr_of(&h), MSGHDR_FLAGS);
    assert_int_equal(addr_of(&h.msg_controllen) - addr_of(&h), MSGHDR_CONTROLLEN);
    assert_int_equal(sizeof(struct mmsghdr), MMSGHDR_BYTES);
    assert_int_equal(offsetof(struct mmsghdr, msg_len), MMSGHDR_LEN);

    assert_int_equal(message_gather(&run, getpid(), &m, out, 10), 0);
    assert_string_equal(out, "abcdefghij");
    assert_int_equal(message_scatter(&run, getpid(), &m, "0123456789XX", 12), 0);
    assert_memory_equal(a, "012", 3);
    assert_memory_equal(b, "3456789", 8); /* its NUL is not ours to write */
}

static void test_load_errors(void **state)
{
    (void)state;
    struct run run = {0};
    struct message m;
    char a[4];
    struct iovec iov[2] = {{a, 3}, {a, SIZE_MAX}};
    struct msghdr h = {.msg_iov = iov, .msg_iovlen = 1};

    assert_int_equal(message_load(&run, getpid(), 8, false, &m), -EFAULT);
    h.msg_namelen = (socklen_t)-1; /* without a name it does not matter */
    assert_int_equal(message_load(&run, getpid(), addr_of(&h), false, &m), 0);
    assert_int_equal(m.namelen, 0);
    h.msg_name = a;
    assert_int_equal(message_load(&run, getpid(), addr_of(&h), false, &m), -EINVAL);
    h.msg_name = NULL;
    h.msg_iovlen = IOV_MAX + 1;
    assert_int_equal(message_load(&run, getpid(), addr_of(&h), false, &m), -EMSGSIZE);
    h.msg_iovlen = 2;
    assert_int_equal(message_load(&run, getpid(), addr_of(&h), false, &m), -EINVAL);
    h.msg_iov = (void *)8;
    assert_int_equal(message_load(&run, getpid(), addr_of(&h), false, &m), -EFAULT);
    h.msg_iovlen = 0;
    assert_int_equal(message_load(&run, getpid(), addr_of(&h), false, &m), 0);
    h.msg_control = a;
    h.msg_controllen = (size_t)INT_MAX + 1;
    assert_int_equal(message_load(&run, getpid(), addr_of(&h), true, &m), -ENOBUFS);
    assert_int_equal(message_load(&run, getpid(), addr_of(&h), false, &m), 0); /* a receiver may */
}

static void test_control_put(void **state)
{
    (void)state;
    struct control c;
    int ttl = 64;
    uint8_t tos = 0x28;

    control_init(&c, 128);
    control_put(&c, 0, 2, &ttl, sizeof(ttl));
    control_put(&c, 0, 1, &tos, sizeof(tos));
    assert_false(c.truncated);
    assert_int_equal(c.len, CMSG_SPACE(sizeof(ttl)) + CMSG_SPACE(sizeof(tos)));

    struct msghdr h = {.msg_control = c.buf, .msg_controllen = c.len};
    struct cmsghdr *first = CMSG_FIRSTHDR(&h);
    assert_int_equal(first->cmsg_len, CMSG_LEN(sizeof(ttl)));
    assert_int_equal(first->cmsg_type, 2);
    assert_memory_equal(CMSG_DATA(first), &ttl, sizeof(ttl));
    struct cmsghdr *second = CMSG_NXTHDR(&h, first);
    assert_non_null(second);
    assert_int_equal(second->cmsg_len, CMSG_LEN(1));
    assert_int_equal(*CMSG_DATA(second), tos);

    /* Room for the header and two of four bytes: cut and flagged. */
    control_init(&c, CMSG_LEN(2));
    control_put(&c, 0, 2, &ttl, sizeof(ttl));
    assert_true(c.truncated);
    assert_int_equal(c.len, CMSG_LEN(2));
    size_t cut;
    memcpy(&cut, c.buf, sizeof(cut));
    assert_int_equal(cut, CMSG_LEN(2));

    /* Room for the message but not for what aligns the next: whole. */
    control_init(&c, CMSG_LEN(1));
    control_put(&c, 0, 1, &tos, sizeof(tos));
    assert_false(c.truncated);
    assert_int_equal(c.len, CMSG_LEN(1));

    control_init(&c, 8);
    control_put(&c, 0, 1, &tos, sizeof(tos));
    assert_true(c.truncated);
    assert_int_equal(c.len, 0);
}

static void test_control_next(void **state)
{
    (void)state;
    struct control c;
    int level, type, value = 7;
    size_t offset = 0, len;
    const void *data;

    control_init(&c, 128);
    control_put(&c, 41, 52, &value, sizeof(value));
    control_put(&c, 17, 103, &value, 2);
    assert_int_equal(control_next(c.buf, c.len, &offset, &level, &type, &data, &len), 1);
    assert_int_equal(level, 41);
    assert_int_equal(len, sizeof(value));
    assert_int_equal(control_next(c.buf, c.len, &offset, &level, &type, &data, &len), 1);
    assert_int_equal(type, 103);
    assert_int_equal(len, 2);
    assert_int_equal(control_next(c.buf, c.len, &offset, &level, &type, &data, &len), 0);

    static const size_t wrong[] = {0, 15, 1000, SIZE_MAX};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        memcpy(c.buf, &wrong[i], sizeof(wrong[i]));
        offset = 0;
        assert_int_equal(control_next(c.buf, c.len, &offset, &level, &type, &data, &len), -EINVAL);
    }
    offset = 0;
    assert_int_equal(control_next(c.buf, 15, &offset, &level, &type, &data, &len), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_load),
        cmocka_unit_test(test_load_errors),
        cmocka_unit_test(test_control_put),
        cmocka_unit_test(test_control_next),
    };
    return cmocka_run_group_tests_name("run/message", tests, NULL, NULL);
}
