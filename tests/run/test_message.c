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
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "run/call/message.h"

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

/* What a judge of control messages was given. */
struct seen {
    unsigned n;
    int last_level, last_type;
    size_t last_len;
};

static int judge(struct run *run, const struct run_call *call, const struct cmsghdr *h,
                 const void *data, size_t len, void *arg)
{
    struct seen *seen = arg;
    (void)run, (void)call, (void)data;
    seen->last_level = h->cmsg_level;
    seen->last_type = h->cmsg_type;
    seen->last_len = len;
    return ++seen->n == 3 ? -EPERM : 0;
}

static void test_controls(void **state)
{
    (void)state;
    static struct message m;
    const struct run_call call = {.tid = getpid()};
    struct seen seen = {0};
    struct control c;
    int value = 7;

    control_init(&c, 128);
    control_put(&c, 41, 52, &value, sizeof(value));
    control_put(&c, 17, 103, &value, 2);
    memcpy(m.control_bytes, c.buf, c.len);
    m.controllen = c.len;
    assert_int_equal(message_controls(NULL, &call, &m, judge, &seen), 0);
    assert_int_equal(seen.n, 2);
    assert_int_equal(seen.last_type, 103);
    assert_int_equal(seen.last_len, 2);

    assert_int_equal(message_controls(NULL, &call, &m, judge, &seen), -EPERM); /* the third */
    assert_int_equal(seen.last_level, 41);

    static const size_t wrong[] = {0, 15, 1000, SIZE_MAX};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        memcpy(m.control_bytes, &wrong[i], sizeof(wrong[i]));
        assert_int_equal(message_controls(NULL, &call, &m, judge, &seen), -EINVAL);
    }
    m.controllen = 15; /* less than a header */
    assert_int_equal(message_controls(NULL, &call, &m, judge, &seen), 0);
}

/* More than comes along with the message: read when they are looked at. */
static void test_long_controls(void **state)
{
    (void)state;
    enum { MESSAGES = 100 };
    static struct message m;
    static char bytes[MESSAGES * CMSG_SPACE(4)];
    struct run run = {0};
    struct msghdr h = {.msg_control = bytes, .msg_controllen = sizeof(bytes)};
    const struct run_call call = {.tid = getpid()};
    struct seen seen = {.n = 3}; /* none is refused */

    for (size_t i = 0; i < MESSAGES; i++) {
        struct cmsghdr header = {CMSG_LEN(4), 41, (int)i};
        memcpy(bytes + i * CMSG_SPACE(4), &header, sizeof(header));
    }
    assert_int_equal(message_load(&run, call.tid, addr_of(&h), true, &m), 0);
    assert_int_equal(message_controls(&run, &call, &m, judge, &seen), 0);
    assert_int_equal(seen.n, 3 + MESSAGES);
    assert_int_equal(seen.last_type, MESSAGES - 1);

    h.msg_control = (void *)1;
    assert_int_equal(message_load(&run, call.tid, addr_of(&h), true, &m), -EFAULT);
    h.msg_controllen = CONTROL_SENT_MAX;
    assert_int_equal(message_load(&run, call.tid, addr_of(&h), true, &m), -ENOBUFS);
    free(run.long_control);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_load),          cmocka_unit_test(test_load_errors),
        cmocka_unit_test(test_control_put),   cmocka_unit_test(test_controls),
        cmocka_unit_test(test_long_controls),
    };
    return cmocka_run_group_tests_name("run/message", tests, NULL, NULL);
}
