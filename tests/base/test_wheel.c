/* SPDX-License-Identifier: BSD-2-Clause */
/* The timer wheel against a model: an array that is searched for what is due. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/rng.h"
#include "base/wheel.h"

#define TICK (1ULL << SW_WHEEL_SHIFT)

static struct sw_wheel wheel;

static void test_fires_on_time_and_once(void **state)
{
    (void)state;
    struct sw_timer a, b;
    sw_wheel_init(&wheel, 1000);
    sw_timer_init(&a, SW_TIMER_SOCK);
    sw_timer_init(&b, SW_TIMER_SOCK);
    assert_int_equal(sw_wheel_next(&wheel), UINT64_MAX);
    sw_wheel_arm(&wheel, &a, 5000);
    sw_wheel_arm(&wheel, &b, 4000);
    assert_int_equal(sw_wheel_next(&wheel), 4000);
    assert_null(sw_wheel_pop(&wheel, 3999));
    assert_ptr_equal(sw_wheel_pop(&wheel, 4000), &b);
    assert_null(sw_wheel_pop(&wheel, 4999));
    assert_int_equal(sw_wheel_next(&wheel), 5000);
    assert_ptr_equal(sw_wheel_pop(&wheel, 9000), &a);
    assert_null(sw_wheel_pop(&wheel, 9000));
    assert_false(a.armed);
    assert_int_equal(wheel.armed, 0);
}

static void test_cancel_move_and_past(void **state)
{
    (void)state;
    struct sw_timer a, b;
    sw_wheel_init(&wheel, 10 * TICK);
    sw_timer_init(&a, SW_TIMER_SOCK);
    sw_timer_init(&b, SW_TIMER_SOCK);
    sw_wheel_cancel(&wheel, &a); /* not armed: nothing happens */
    sw_wheel_arm(&wheel, &a, 5); /* long ago */
    sw_wheel_arm(&wheel, &b, 11 * TICK);
    assert_true(sw_wheel_next(&wheel) <= 10 * TICK);
    assert_ptr_equal(sw_wheel_pop(&wheel, 10 * TICK), &a);
    sw_wheel_arm(&wheel, &b, 3000 * TICK);
    assert_null(sw_wheel_pop(&wheel, 2999 * TICK));
    sw_wheel_cancel(&wheel, &b);
    assert_int_equal(sw_wheel_next(&wheel), UINT64_MAX);
    assert_null(sw_wheel_pop(&wheel, UINT64_MAX));
}

/* One timer at each power of two and its neighbours, all levels and the end of time. */
static void test_every_level(void **state)
{
    (void)state;
    static const uint64_t starts[] = {0, 1, TICK - 1, 12345678901ULL, 1ULL << 62};
    for (unsigned s = 0; s < sizeof(starts) / sizeof(starts[0]); s++) {
        for (unsigned bit = 0; bit < 64; bit++) {
            for (int64_t around = -1; around <= 1; around++) {
                uint64_t at = (1ULL << bit) + (uint64_t)around;
                if (at < starts[s])
                    continue;
                struct sw_timer t;
                sw_wheel_init(&wheel, starts[s]);
                sw_timer_init(&t, SW_TIMER_SOCK);
                sw_wheel_arm(&wheel, &t, at);
                for (unsigned i = 0; t.armed && i < 100; i++) {
                    uint64_t next = sw_wheel_next(&wheel);
                    assert_true(next <= at);
                    struct sw_timer *popped = sw_wheel_pop(&wheel, next);
                    assert_true(popped == NULL || next == at);
                }
                assert_false(t.armed);
                assert_int_equal(sw_wheel_next(&wheel), UINT64_MAX);
            }
        }
    }
}

static void test_order_within_a_slot(void **state)
{
    (void)state;
    static struct sw_timer t[1000];
    struct sw_rng rng;
    sw_rng_init(&rng, (const uint8_t[16]){9});
    sw_wheel_init(&wheel, 0);
    for (unsigned i = 0; i < 1000; i++) {
        sw_timer_init(&t[i], SW_TIMER_SOCK);
        sw_wheel_arm(&wheel, &t[i], 100 * TICK + sw_rng_below(&rng, 500));
    }
    uint64_t last_ns = 0;
    struct sw_timer *popped;
    unsigned count = 0, again = 0;
    while ((popped = sw_wheel_pop(&wheel, 101 * TICK))) {
        assert_true(popped->expires_ns >= last_ns);
        last_ns = popped->expires_ns;
        count++;
        if (again++ < 50) /* armed into a slot that is being emptied */
            sw_wheel_arm(&wheel, popped, last_ns + sw_rng_below(&rng, 300));
    }
    assert_int_equal(count, 1050);
}

static void test_random_operations(void **state)
{
    (void)state;
    enum { TIMERS = 200 };
    static struct sw_timer t[TIMERS];
    struct sw_rng rng;
    uint64_t now = 777, due[TIMERS];
    sw_rng_init(&rng, (const uint8_t[16]){7});
    sw_wheel_init(&wheel, now);
    for (unsigned i = 0; i < TIMERS; i++) {
        sw_timer_init(&t[i], SW_TIMER_SOCK);
        due[i] = UINT64_MAX;
    }
    for (unsigned round = 0; round < 30000; round++) {
        unsigned i = sw_rng_below(&rng, TIMERS);
        uint32_t shift = sw_rng_below(&rng, 40); /* of its own: operands have no order in C */
        uint64_t far = sw_rng_u64(&rng) >> (20 + shift);
        if (sw_rng_below(&rng, 4) == 0) {
            sw_wheel_cancel(&wheel, &t[i]);
            due[i] = UINT64_MAX;
        } else {
            due[i] = now + far;
            sw_wheel_arm(&wheel, &t[i], due[i]);
        }
        if (sw_rng_below(&rng, 3) == 0)
            now += sw_rng_u64(&rng) >> (24 + shift);
        else if (sw_rng_below(&rng, 2) == 0 && sw_wheel_next(&wheel) != UINT64_MAX)
            now = sw_wheel_next(&wheel) > now ? sw_wheel_next(&wheel) : now;
        struct sw_timer *popped;
        while ((popped = sw_wheel_pop(&wheel, now))) {
            unsigned p = (unsigned)(popped - t);
            assert_true(due[p] <= now);
            assert_int_equal(due[p], popped->expires_ns);
            due[p] = UINT64_MAX;
        }
        uint64_t next = UINT64_MAX;
        for (unsigned k = 0; k < TIMERS; k++) {
            assert_true(due[k] > now);
            next = due[k] < next ? due[k] : next;
        }
        assert_true(sw_wheel_next(&wheel) <= next);
        assert_true(next == UINT64_MAX || sw_wheel_next(&wheel) > now);
    }
}

/* Timers of one slot come and go; the next deadline stays exact, and whoever is said to come comes.
 */
static void test_next_and_upcoming(void **state)
{
    (void)state;
    enum { TIMERS = 100 };
    static struct sw_timer t[TIMERS];
    const struct sw_timer *next, *second;
    struct sw_rng rng;
    sw_rng_init(&rng, (const uint8_t[16]){5});
    sw_wheel_init(&wheel, 0);
    for (unsigned i = 0; i < TIMERS; i++) {
        sw_timer_init(&t[i], SW_TIMER_SOCK);
        sw_wheel_arm(&wheel, &t[i], 10 * TICK + 1 + sw_rng_below(&rng, TICK - 1));
    }
    for (unsigned i = 0; i < TIMERS / 2; i++) { /* now the first goes, now any other */
        struct sw_timer *first = NULL;
        for (unsigned k = 0; k < TIMERS; k++)
            if (t[k].armed && (!first || t[k].expires_ns < first->expires_ns))
                first = &t[k];
        assert_int_equal(sw_wheel_next(&wheel), first->expires_ns);
        sw_wheel_cancel(&wheel, i % 2 ? first : &t[i]);
    }
    sw_wheel_upcoming(&wheel, &next, &second);
    assert_null(next); /* nobody has asked for one yet */
    struct sw_timer *popped = sw_wheel_pop(&wheel, 11 * TICK);
    for (uint64_t left = wheel.armed; popped; left--) {
        sw_wheel_upcoming(&wheel, &next, &second);
        assert_true((next != NULL) == (left > 0) && (second != NULL) == (left > 1));
        popped = sw_wheel_pop(&wheel, 11 * TICK);
        assert_ptr_equal(popped, next);
    }
    assert_int_equal(wheel.armed, 0);
}

/* Thousands in one slot, of which most go again: what is left comes, wherever the hints point. */
static void test_hints_of_those_gone(void **state)
{
    (void)state;
    enum { TIMERS = 3000 };
    struct sw_timer *t[TIMERS];
    unsigned left = 0;
    sw_wheel_init(&wheel, 0);
    for (unsigned i = 0; i < TIMERS; i++) {
        t[i] = malloc(sizeof(*t[i]));
        assert_non_null(t[i]);
        sw_timer_init(t[i], SW_TIMER_SOCK);
        sw_wheel_arm(&wheel, t[i], 5000 * TICK + i);
        if (i >= 3 && i % 4 == 3) { /* it, and who comes before it: the memory is gone */
            for (unsigned k = i - 2; k <= i; k++) {
                sw_wheel_cancel(&wheel, t[k]);
                free(t[k]);
                t[k] = NULL;
            }
        }
    }
    for (struct sw_timer *timer; (timer = sw_wheel_pop(&wheel, 6000 * TICK)); left++)
        assert_ptr_equal(timer, t[4 * left]);
    assert_int_equal(left, TIMERS / 4);
    for (unsigned i = 0; i < TIMERS; i++)
        free(t[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fires_on_time_and_once),
        cmocka_unit_test(test_cancel_move_and_past),
        cmocka_unit_test(test_every_level),
        cmocka_unit_test(test_order_within_a_slot),
        cmocka_unit_test(test_random_operations),
        cmocka_unit_test(test_next_and_upcoming),
        cmocka_unit_test(test_hints_of_those_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
