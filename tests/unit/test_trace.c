/* SPDX-License-Identifier: Apache-2.0 */
/* Moments of an execution, and the steps between them. */
#include <string.h>

#include "lib/model/trace.h"
#include "lib/util/clock.h"
#include "tests/unit/unit_test.h"

/* Each step one microsecond longer than the one before it; without files. */
static struct trace whole(void)
{
    static const int64_t after[TRACE_MOMENTS] = { [TRACE_ADMITTED] = 1, [TRACE_RUNG] = 3, [TRACE_HEARD] = 6, [TRACE_CLAIMED] = 10,
                                                  [TRACE_ANSWERED] = 36, [TRACE_STORED] = 45, [TRACE_WOKEN] = 55, [TRACE_ENCODED] = 66 };
    struct trace trace = { .at = { [TRACE_BEGUN] = 1767690000000000 }, .took = { 6, 7, 8 } };
    for (int i = 0; i < TRACE_MOMENTS; i++)
        if (after[i])
            trace.at[i] = trace.at[TRACE_BEGUN] + after[i];
    return trace;
}

static void expect(const struct trace *trace, int64_t attempts, const char *steps)
{
    struct trace_step out[TRACE_STEPS_MAX];
    struct strbuf text = STRBUF_INIT(1024);
    int64_t total = -1, sum = 0;
    size_t count = trace_steps(trace, attempts, out, &total);
    for (size_t i = 0; i < count; i++) {
        strbuf_addf(&text, "%s%s %d", i ? ", " : "", out[i].name, (int)out[i].us);
        sum += out[i].us;
    }
    ck_assert_str_eq(strbuf_str(&text), steps);
    ck_assert_int_eq(sum, total);
    strbuf_release(&text);
}

START_TEST(test_trace__steps_lie_between_moments)
{
    struct trace trace = whole();
    expect(&trace, 1, "guard 1, insert 2, ring 3, claim 4, send 5, start 6, run 7, collect 8, store 9, wake 10, answer 11");
    trace.at[TRACE_MOVED_IN] = trace.at[TRACE_CLAIMED] + 2;
    trace.at[TRACE_MOVED_OUT] = trace.at[TRACE_ANSWERED] + 4;
    expect(&trace, 1, "guard 1, insert 2, ring 3, claim 4, files_in 2, send 3, start 6, run 7, collect 8, files_out 4, store 5, wake 10, answer 11");
}
END_TEST

START_TEST(test_trace__what_is_not_known_is_in_the_next_step)
{
    struct trace trace = whole();
    trace.at[TRACE_RUNG] = 0;
    trace.took[TRACE_START] = trace.took[TRACE_COLLECT] = 0; /* an executor of the release before */
    expect(&trace, 1, "guard 1, ring 5, claim 4, send 19, run 7, store 9, wake 10, answer 11");
    trace.at[TRACE_STORED] = trace.at[TRACE_WOKEN] = trace.at[TRACE_ENCODED] = 0; /* read later */
    expect(&trace, 1, "guard 1, ring 5, claim 4, send 19, run 7");
    trace = (struct trace){ 0 };
    expect(&trace, 1, "");
    trace.at[TRACE_CLAIMED] = 5; /* nobody knows when it began */
    expect(&trace, 1, "");
}
END_TEST

START_TEST(test_trace__of_several_attempts_the_last)
{
    struct trace trace = whole();
    expect(&trace, 2, "guard 1, earlier 5, claim 4, send 5, start 6, run 7, collect 8, store 9, wake 10, answer 11");
}
END_TEST

START_TEST(test_trace__an_executor_that_pushes_is_not_seen_to_answer)
{
    struct trace trace = whole();
    trace.at[TRACE_ANSWERED] = trace.took[TRACE_START] = trace.took[TRACE_COLLECT] = 0;
    expect(&trace, 1, "guard 1, insert 2, ring 3, claim 4, send 28, run 7, wake 10, answer 11");
    trace.took[TRACE_RUN] = 0;
    expect(&trace, 1, "guard 1, insert 2, ring 3, claim 4, store 35, wake 10, answer 11");
}
END_TEST

START_TEST(test_trace__clocks_that_differ_end_at_zero)
{
    struct trace trace = whole();
    trace.at[TRACE_HEARD] -= 1000;
    trace.at[TRACE_CLAIMED] -= 1000;
    expect(&trace, 1, "guard 1, insert 2, ring 0, claim 0, send 12, start 6, run 7, collect 8, store 9, wake 10, answer 11");
    trace = whole();
    trace.at[TRACE_CLAIMED] += 1000; /* a dispatcher ahead of the worker: no room is left for what the executor says */
    expect(&trace, 1, "guard 1, insert 2, ring 3, claim 1004, send 0, start 0, run 0, collect 0, store 0, wake 0, answer 0");
    trace = whole();
    trace.took[TRACE_RUN] = 1000;
    expect(&trace, 1, "guard 1, insert 2, ring 3, claim 4, send 0, start 6, run 20, collect 0, store 9, wake 10, answer 11");
}
END_TEST

START_TEST(test_trace__marks)
{
    struct trace trace = { 0 };
    int64_t before = clock_wall_us();
    trace_mark(&trace, TRACE_HEARD);
    ck_assert_int_ge(trace.at[TRACE_HEARD], before);
    ck_assert_int_le(trace.at[TRACE_HEARD], clock_wall_us());
    trace_mark_at(&trace, TRACE_CLAIMED, 5);
    ck_assert_int_eq(trace.at[TRACE_CLAIMED], 5);
    trace_took(&trace, TRACE_RUN, 1.2345);
    ck_assert_int_eq(trace.took[TRACE_RUN], 1235);
    static const double senseless[] = { -1, 0, 1e300, 0.0 / 0.0 };
    for (size_t i = 0; i < UNIT_TEST_COUNT(senseless); i++)
        trace_took(&trace, TRACE_START, senseless[i]);
    ck_assert_int_eq(trace.took[TRACE_START], 0);
    trace_mark(NULL, TRACE_HEARD);
    trace_mark_at(NULL, TRACE_HEARD, 1);
    trace_took(NULL, TRACE_RUN, 1);
    ck_assert_ptr_null(trace_text(NULL));
}
END_TEST

START_TEST(test_trace__merges)
{
    struct trace trace = { .at = { [TRACE_BEGUN] = 1, [TRACE_HEARD] = 2 }, .took = { 3, 4, 0 } };
    const struct trace more = { .at = { [TRACE_HEARD] = 5, [TRACE_WOKEN] = 6 }, .took = { 0, 7, 8 } };
    trace_merge(&trace, &more);
    const struct trace merged = { .at = { [TRACE_BEGUN] = 1, [TRACE_HEARD] = 5, [TRACE_WOKEN] = 6 }, .took = { 3, 7, 8 } };
    ck_assert_mem_eq(&trace, &merged, sizeof(trace));
}
END_TEST

START_TEST(test_trace__survives_its_text)
{
    struct err err = ERR_INIT;
    struct trace trace = whole(), again = { 0 };
    cleanup_free char *text = trace_text(&trace);
    ck_assert_ptr_nonnull(strstr(text, "{\"begun\":1767690000000000,\"admitted\":1767690000000001,"));
    ck_assert_ptr_nonnull(strstr(text, ",\"run\":7,\"collect\":8}"));
    ck_assert_int_eq(trace_decode(text, &again, &err), 0);
    ck_assert_mem_eq(&again, &trace, sizeof(trace));
    for (int i = 0; i < TRACE_MOMENTS; i++)
        trace.at[i] = INT64_MAX;
    for (int i = 0; i < TRACE_SPANS; i++)
        trace.took[i] = INT64_MAX;
    cleanup_free char *longest = trace_text(&trace);
    ck_assert_uint_le(strlen(longest), 1000); /* as long as the column */
    ck_assert_int_eq(trace_decode(longest, &again, &err), 0);
    ck_assert_mem_eq(&again, &trace, sizeof(trace));
}
END_TEST

START_TEST(test_trace__reads_what_it_knows)
{
    struct err err = ERR_INIT;
    struct trace trace = { 0 };
    cleanup_free char *none = trace_text(&trace);
    ck_assert_str_eq(none, "{}");
    ck_assert_int_eq(trace_decode(none, &trace, &err), 0);
    ck_assert_int_eq(trace_decode("{\"heard\": 7, \"of a later release\": [1]}", &trace, &err), 0);
    ck_assert_int_eq(trace.at[TRACE_HEARD], 7);
    static const char *const wrong[] = { "", "[]", "null", "7", "{", "{\"heard\": \"7\"}", "{\"heard\": -1}", "{\"run\": 1.5}" };
    for (size_t i = 0; i < UNIT_TEST_COUNT(wrong); i++) {
        ck_assert_msg(trace_decode(wrong[i], &trace, &err) == -1, "%s", wrong[i]);
        ck_assert_int_eq(err.code, ERR_INVALID);
        ck_assert_int_eq(trace.at[TRACE_HEARD], 7);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_trace__steps_lie_between_moments, test_trace__what_is_not_known_is_in_the_next_step,
                                   test_trace__of_several_attempts_the_last, test_trace__an_executor_that_pushes_is_not_seen_to_answer,
                                   test_trace__clocks_that_differ_end_at_zero, test_trace__marks, test_trace__merges, test_trace__survives_its_text,
                                   test_trace__reads_what_it_knows };
    return unit_test_run("trace", tests, UNIT_TEST_COUNT(tests));
}
