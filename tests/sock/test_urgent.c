/* SPDX-License-Identifier: BSD-2-Clause */
/* MSG_OOB as a user of streams sees it. Each result is Linux's for the same calls. */
#include "host/world.h"
#include "sock/abi.h"

static char buf[100];

struct pair {
    struct world w;
    struct sw_host *h;
    sw_socket_t out, in;
};

static void pair_init(struct pair *p)
{
    struct sw_addr addr = at("127.0.0.1", 80);
    world_init(&p->w);
    p->h = p->w.host[0];
    sw_socket_t l = listener(&p->w, 0, SW_AF_INET, addr, 5);
    connect_to(&p->w, 0, addr, 0, l, &p->out, &p->in);
}

static void sends(struct pair *p, const char *text, int flags)
{
    int64_t len = (int64_t)strlen(text);
    assert_int_equal(sw_send(p->h, p->out, text, (size_t)len, flags, NULL), len);
    world_settle(&p->w);
}

static void reads(struct pair *p, int flags, const char *text)
{
    int64_t len = (int64_t)strlen(text);
    assert_int_equal(sw_recv(p->h, p->in, buf, sizeof(buf), flags, NULL), len);
    assert_memory_equal(buf, text, (size_t)len);
}

static void reads_not(struct pair *p, int flags, int err)
{
    assert_int_equal(sw_recv(p->h, p->in, buf, sizeof(buf), flags, NULL), -err);
}

static void test_mark(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p);
    reads_not(&p, SW_MSG_OOB, EINVAL);
    sends(&p, "ab!", SW_MSG_OOB);
    sends(&p, "cd", 0);
    assert_int_equal(sw_poll(p.h, p.in), SW_EV_IN | SW_EV_PRI | SW_EV_OUT);
    assert_int_equal(sw_recv_queued(p.h, p.in), 2);
    reads(&p, SW_MSG_OOB | SW_MSG_PEEK, "!");
    reads(&p, SW_MSG_OOB, "!");
    reads_not(&p, SW_MSG_OOB, EINVAL);
    assert_int_equal(sw_poll(p.h, p.in), SW_EV_IN | SW_EV_OUT);
    assert_int_equal(sw_sockatmark(p.h, p.in), 0);
    reads(&p, SW_MSG_PEEK, "ab");
    reads(&p, 0, "ab");
    assert_int_equal(sw_sockatmark(p.h, p.in), 1);
    assert_int_equal(sw_recv_queued(p.h, p.in), 0);
    reads(&p, SW_MSG_PEEK, "cd");
    assert_int_equal(sw_sockatmark(p.h, p.in), 1);
    reads(&p, 0, "cd");
    assert_int_equal(sw_sockatmark(p.h, p.in), 0);
    world_fini(&p.w);
}

/* An urgent byte alone is nothing to read, and whoever reads all the same loses it. */
static void test_alone(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p);
    sends(&p, "!", SW_MSG_OOB);
    assert_int_equal(sw_poll(p.h, p.in), SW_EV_PRI | SW_EV_OUT);
    assert_int_equal(sw_sockatmark(p.h, p.in), 1);
    reads_not(&p, SW_MSG_PEEK, EAGAIN);
    assert_int_equal(sw_sockatmark(p.h, p.in), 1);
    reads_not(&p, 0, EAGAIN);
    assert_int_equal(sw_sockatmark(p.h, p.in), 0);
    reads_not(&p, SW_MSG_OOB, EINVAL);
    assert_int_equal(sw_poll(p.h, p.in), SW_EV_OUT);
    sends(&p, "?", SW_MSG_OOB);
    assert_int_equal(sw_shutdown(p.h, p.out, SW_SHUT_WR), 0);
    world_settle(&p.w);
    reads(&p, SW_MSG_OOB, "?");
    reads_not(&p, 0, 0); /* the end */
    world_fini(&p.w);
}

/* The later one is the urgent one, the earlier is a byte of the stream again. */
static void test_two(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p);
    sends(&p, "ab!", SW_MSG_OOB);
    sends(&p, "cd?", SW_MSG_OOB);
    reads(&p, SW_MSG_OOB, "?");
    reads(&p, 0, "ab!cd");
    reads_not(&p, 0, EAGAIN);
    world_fini(&p.w);
}

static void test_in_line(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p);
    assert_int_equal(set_int(&p.w, 0, p.in, SW_SOL_SOCKET, SW_SO_OOBINLINE, 1), 0);
    sends(&p, "ab!", SW_MSG_OOB);
    sends(&p, "cd", 0);
    assert_int_equal(sw_poll(p.h, p.in), SW_EV_IN | SW_EV_PRI | SW_EV_OUT);
    assert_int_equal(sw_recv_queued(p.h, p.in), 5);
    reads_not(&p, SW_MSG_OOB, EINVAL);
    reads(&p, 0, "ab");
    assert_int_equal(sw_sockatmark(p.h, p.in), 1);
    reads(&p, 0, "!cd");
    assert_int_equal(sw_sockatmark(p.h, p.in), 0);
    world_fini(&p.w);
}

/* Without a copy: pieces stop at the mark, and the next ones begin behind the urgent byte. */
static void test_pieces(void **state)
{
    (void)state;
    struct pair p;
    struct sw_bytes piece[4];
    void *room;
    pair_init(&p);
    sends(&p, "ab", 0);
    assert_int_equal(sw_send_reserve(p.h, p.out, 1, &room), 1);
    memcpy(room, "!", 1);
    assert_int_equal(sw_send_commit(p.h, p.out, 1, SW_MSG_OOB), 0);
    world_settle(&p.w);
    sends(&p, "cd", 0);
    assert_int_equal(sw_recv_peek(p.h, p.in, piece, 4), 1);
    assert_int_equal(piece[0].len, 2);
    assert_int_equal(sw_recv_consume(p.h, p.in, 2), 0);
    assert_int_equal(sw_sockatmark(p.h, p.in), 1);
    assert_int_equal(sw_recv_peek(p.h, p.in, piece, 4), 1);
    assert_int_equal(piece[0].len, 2);
    assert_memory_equal(piece[0].ptr, "cd", 2);
    assert_int_equal(sw_recv_consume(p.h, p.in, 2), 0);
    assert_int_equal(sw_recv_peek(p.h, p.in, piece, 4), -EAGAIN);
    world_fini(&p.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mark),    cmocka_unit_test(test_alone),  cmocka_unit_test(test_two),
        cmocka_unit_test(test_in_line), cmocka_unit_test(test_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
