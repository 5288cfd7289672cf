/* SPDX-License-Identifier: BSD-2-Clause */
/* One object per line, and each field where trace.def says. */
#include "view/fixture.h"

#include <jansson.h>

static const char *text_of(json_t *line, const char *name)
{
    return json_string_value(json_object_get(line, name));
}

static int64_t int_of(json_t *line, const char *name)
{
    assert_true(json_is_integer(json_object_get(line, name)));
    return json_integer_value(json_object_get(line, name));
}

static void test_lines(void **state)
{
    (void)state;
    struct sw_view *view = view_new(9, NULL);
    struct sw_addr a = end(7000);
    sw_view_process(view, us(0), 40, "ser\"ver");
    uint64_t token = call(view, 1, 40, SYS_bind, 3, 0, 0);
    sw_view_call_addr(view, token, &a);
    sw_view_answer(view, us(2), token, 77, -EADDRINUSE, NULL);
    segment(view, 3, SW_TRACE_SEGMENT_SENT, 77, 7000, 40000, 4294967295U, 2, SYN, 5);
    dropped(view, 4, SW_DROP_LINK_LOSS, 7000, 40000, 60, 9);
    sw_view_data(view, us(5), 77, SW_VIEW_GIVEN, 12);
    sw_view_data(view, us(6), 77, SW_VIEW_CLOSED, 0);
    sw_view_process_end(view, us(7), 40, 256);
    sw_view_trace_fn(view,
                     &(struct sw_trace_event){.at_ns = us(8), .kind = SW_TRACE_STATE, .v = {1, 4}});
    sw_view_data(view, us(9), 77, SW_VIEW_TAKEN, 1); /* left out */

    FILE *file = tmpfile();
    assert_int_equal(sw_view_ndjson(view, file), 0);
    char *text = slurp(file), *save = NULL;
    json_t *lines[16];
    size_t n = 0;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        lines[n] = json_loads(line, 0, NULL);
        assert_non_null(lines[n++]);
    }
    assert_int_equal(n, 10);
    static const char *const events[] = {
        "process",    "call",   "call-answered", "segment-sent", "packet-dropped",
        "data-given", "closed", "process-ended", "state",        "left-out"};
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(text_of(lines[i], "event"), events[i]);
        if (i < 9)
            assert_int_equal(int_of(lines[i], "at_ns"), i * 1000);
    }
    assert_string_equal(text_of(lines[1], "program"), "ser\"ver");
    assert_string_equal(text_of(lines[1], "call"), "bind");
    assert_string_equal(text_of(lines[1], "text"), "bind(3, 127.0.0.1:7000)");
    assert_string_equal(text_of(lines[1], "address"), "127.0.0.1:7000");
    assert_int_equal(int_of(lines[1], "fd"), 3);
    assert_int_equal(int_of(lines[2], "result"), -EADDRINUSE);
    assert_string_equal(text_of(lines[2], "errno"), "EADDRINUSE");
    assert_int_equal(int_of(lines[2], "socket"), 77);
    assert_int_equal(int_of(lines[3], "seq"), 4294967295);
    assert_int_equal(int_of(lines[3], "flags"), SYN);
    assert_int_equal(int_of(lines[3], "mss"), 1460);
    assert_string_equal(text_of(lines[3], "local"), "127.0.0.1:7000");
    assert_string_equal(text_of(lines[4], "reason"), "link-loss");
    assert_int_equal(int_of(lines[4], "len"), 60);
    assert_int_equal(int_of(lines[5], "len"), 12);
    assert_int_equal(int_of(lines[7], "status"), 256);
    assert_null(json_object_get(lines[8], "local")); /* it has no ends */
    assert_int_equal(int_of(lines[9], "records"), 1);
    for (size_t i = 0; i < n; i++)
        json_decref(lines[i]);
    free(text);
    sw_view_free(view);
}

static void test_full_disk(void **state)
{
    (void)state;
    FILE *full = fopen("/dev/full", "w");
    if (!full)
        skip();
    struct sw_view *view = view_new(0, NULL);
    sw_view_process(view, us(0), 1, "x");
    assert_int_equal(sw_view_ndjson(view, full), -EIO);
    assert_int_equal(sw_view_flow(view, full, &(struct sw_view_flow_config){0}), -EIO);
    fclose(full);
    sw_view_free(view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests_name("view/ndjson", tests, NULL, NULL);
}
