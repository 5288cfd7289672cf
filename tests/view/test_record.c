/* SPDX-License-Identifier: BSD-2-Clause */
/* The recorder: order, tokens, its cap, and that nobody looking costs nothing. */
#include "view/fixture.h"

static void test_nobody_looks(void **state)
{
    (void)state;
    struct sw_addr a = end(1);
    uint64_t args[6] = {0};
    sw_view_trace_fn(NULL, &(struct sw_trace_event){.kind = SW_TRACE_STATE});
    sw_view_process(NULL, 0, 1, "x");
    sw_view_process_end(NULL, 0, 1, 0);
    assert_int_equal(sw_view_call(NULL, 0, 1, 1, SYS_bind, args), 0);
    sw_view_call_addr(NULL, 1, &a);
    sw_view_call_value(NULL, 1, 1);
    sw_view_answer(NULL, 0, 1, 1, 0, &a);
    sw_view_data(NULL, 0, 1, SW_VIEW_TAKEN, 1);
    sw_view_capture(NULL, 0, NULL);
    assert_int_equal(sw_view_flow(NULL, stdout, &(struct sw_view_flow_config){0}), 0);
    assert_int_equal(sw_view_ndjson(NULL, stdout), 0);
    assert_int_equal(sw_view_left_out(NULL), 0);
    sw_view_free(NULL);
}

static void test_tokens(void **state)
{
    (void)state;
    struct sw_view *view = view_new(0, NULL);
    struct sw_addr a = end(7000), from = end(9);
    uint64_t first = call(view, 1, 40, SYS_accept, 3, 0, 0);
    uint64_t second = call(view, 2, 41, SYS_bind, 4, 0, 0);
    sw_view_call_addr(view, second, &a);
    sw_view_call_value(view, second, 17);
    sw_view_answer(view, us(3), second, 77, -EADDRINUSE, NULL);
    sw_view_call_value(view, second, 18); /* too late */
    sw_view_answer(view, us(4), second, 78, 0, NULL);
    sw_view_answer(view, us(5), first, 79, 5, &from);
    sw_view_answer(view, us(6), 0, 80, 5, NULL);  /* left out */
    sw_view_answer(view, us(6), 99, 80, 5, NULL); /* never given out */
    sw_view_answer(view, us(6), 3, 80, 5, NULL);  /* not a call */
    assert_int_equal(view->n, 4);
    const struct view_call *c = &view->records[second].call;
    assert_int_equal(c->result, -EADDRINUSE);
    assert_int_equal(c->socket, 77);
    assert_int_equal(c->value, 17);
    assert_true(c->has_addr && c->addr.port == 7000 && !c->has_from);
    assert_int_equal(view->records[c->answer].kind, VIEW_ANSWER);
    assert_int_equal(view->records[c->answer].call_index, second);
    assert_int_equal(view->records[c->answer].at_ns, 3000);
    assert_true(view->records[first].call.has_from);
    sw_view_free(view);
}

/* What came first is kept; the rest is counted. Tokens of calls that were left out do no harm. */
static void test_cap(void **state)
{
    (void)state;
    struct sw_view *view = view_new(1000, NULL);
    uint64_t token = call(view, 0, 1, SYS_accept, 3, 0, 0);
    for (uint32_t i = 0; i < 5000; i++) {
        sw_view_data(view, us(i), 1, SW_VIEW_TAKEN, i);
        assert_true(view->n <= 1000 && view->n < view->cap);
    }
    assert_int_equal(view->n, 1000);
    assert_int_equal(sw_view_left_out(view), 4001);
    assert_int_equal(view->records[1000].data.len, 998);
    sw_view_answer(view, us(9), token, 1, 4, NULL);
    assert_int_equal(view->records[token].call.answer, 0);
    assert_int_equal(call(view, 9, 1, SYS_accept, 3, 0, 0), 0);
    assert_int_equal(sw_view_left_out(view), 4003);
    sw_view_free(view);
}

/* Names are any bytes; what is shown of them is not. */
static void test_names(void **state)
{
    (void)state;
    struct sw_view *view = view_new(0, NULL);
    sw_view_process(view, us(0), 1, "a\033[31m\xff\n");
    sw_view_process(view, us(0), 1, "0123456789012345678901234567890123456789");
    assert_string_equal(view->records[1].process.program, "a?[31m??");
    assert_int_equal(strlen(view->records[2].process.program), VIEW_NAME - 1);
    struct view_names names = {0};
    assert_null(view_names_of(&names, 1));
    assert_int_equal(view_names_see(&names, &view->records[1]), 0);
    assert_string_equal(view_names_of(&names, 1), "a?[31m??");
    assert_int_equal(view_names_see(&names, &view->records[2]), 0); /* exec */
    assert_int_equal(view_names_of(&names, 1)[0], '0');
    assert_null(view_names_of(&names, 2));
    view_names_fini(&names);
    sw_view_free(view);
}

static void test_map(void **state)
{
    (void)state;
    struct view_map map = {0};
    assert_int_equal(view_map_get(&map, 5), 0);
    for (uint32_t i = 1; i <= 5000; i++) {
        uint32_t *value = view_map_put(&map, i * 0x100000001ULL);
        assert_non_null(value);
        assert_int_equal(*value, 0);
        *value = i;
    }
    for (uint32_t i = 1; i <= 5000; i++)
        assert_int_equal(view_map_get(&map, i * 0x100000001ULL), i);
    assert_int_equal(view_map_get(&map, 3), 0);
    view_map_fini(&map);
}

static void test_terminal(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    assert_false(sw_view_wants_colour(file)); /* no terminal */
    fclose(file);
    unsetenv("LC_ALL");
    unsetenv("LC_CTYPE");
    setenv("LANG", "de_DE.UTF-8", 1);
    assert_true(sw_view_wants_utf8());
    setenv("LC_ALL", "C", 1); /* overrides */
    assert_false(sw_view_wants_utf8());
    setenv("LC_ALL", "C.utf8", 1);
    assert_true(sw_view_wants_utf8());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_looks), cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_cap),          cmocka_unit_test(test_names),
        cmocka_unit_test(test_map),          cmocka_unit_test(test_terminal),
    };
    return cmocka_run_group_tests_name("view/record", tests, NULL, NULL);
}
