/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether a stand-in still has a holder, asked in each of the three ways, of real sockets. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/run.h"
#include "run/standin/alive.h"

static struct run *new_run(void)
{
    static struct run run;
    static const uint8_t seed[16] = {1};

    run = (struct run){.probe_stream_fd = -1, .probe_dgram_fd = -1, .diag_fd = -1};
    sw_list_init(&run.left_behind);
    sw_rng_init(&run.rng, seed);
    return &run;
}

/* A bound socket as the programs hold them; its record in *s. */
static int open_named(struct run *run, struct standin *s, int type)
{
    struct sockaddr_un addr;
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

    *s = (struct standin){.stream = type == SOCK_STREAM, .kept_fd = -1, .far_fd = -1};
    name_make(run, s->name);
    socklen_t len = name_addr(s->name, &addr);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, len), 0);
    return fd;
}

static void test_by_name(void **state)
{
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM};
    struct run *run = new_run();
    struct standin s;

    (void)state;
    for (int i = 0; i < 2; i++) {
        int fd = open_named(run, &s, types[i]);
        int dup_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        assert_true(standin_alive(run, &s));
        assert_true(standin_alive(run, &s)); /* asking changes nothing */
        close(fd);
        assert_true(standin_alive(run, &s));
        close(dup_fd);
        assert_false(standin_alive(run, &s));
        assert_false(standin_alive(run, &s)); /* the probe let go of the name */
    }
}

/* The names are kept apart by type: one of each may have the same. */
static void test_name_of_the_other_type(void **state)
{
    struct run *run = new_run();
    struct standin stream, dgram;

    (void)state;
    int fd = open_named(run, &stream, SOCK_STREAM);
    dgram = stream;
    dgram.stream = false;
    assert_false(standin_alive(run, &dgram));
    assert_true(standin_alive(run, &stream));
    close(fd);
}

static void test_in_kernel(void **state)
{
    struct run *run = new_run();
    struct stat st;
    int pair[2];

    (void)state;
    alive_init(run);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(fstat(pair[0], &st), 0);
    assert_true(alive_in_kernel(run, st.st_ino));
    close(pair[0]); /* its peer still refers to it, as a far end does */
    assert_false(alive_in_kernel(run, st.st_ino));
    close(pair[1]);
}

/* A kernel that has no such table: whoever holds it is looked for. */
static void test_without_table(void **state)
{
    struct run *run = new_run();
    struct stat st;
    int pair[2];

    (void)state;
    int other = open("/dev/null", O_RDONLY | O_CLOEXEC); /* not in it, as if there were none */
    assert_int_equal(alive_open_table(other), -1);
    close(other);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(fstat(pair[0], &st), 0);
    pid_t holder = fork();
    if (holder == 0) {
        alarm(30); /* should this test fail before it ends the holder */
        pause();
        _exit(0);
    }
    close(pair[0]);
    assert_true(alive_in_kernel(run, st.st_ino));
    kill(holder, SIGKILL);
    assert_int_equal(waitpid(holder, NULL, 0), holder);
    assert_false(alive_in_kernel(run, st.st_ino));
    close(pair[1]);
}

static void test_names(void **state)
{
    struct run *run = new_run();
    struct standin a, b;
    struct sockaddr_un own, far;

    (void)state;
    name_make(run, a.name);
    name_make(run, b.name);
    assert_int_equal(strlen(a.name), 32);
    assert_string_not_equal(a.name, b.name);
    socklen_t len = name_addr(a.name, &own);
    assert_int_equal((size_t)len, offsetof(struct sockaddr_un, sun_path) + 33);
    assert_int_equal(own.sun_path[0], 0); /* abstract: unix(7) */
    assert_true(name_far_addr(&a, &far) == len);
    assert_memory_not_equal(&own, &far, len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_name),   cmocka_unit_test(test_name_of_the_other_type),
        cmocka_unit_test(test_in_kernel), cmocka_unit_test(test_without_table),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
