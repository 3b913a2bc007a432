/* SPDX-License-Identifier: Apache-2.0 */
/* The internal API: reports about executions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/io/doorbell.h"
#include "lib/repo/cancellation_repo.h"
#include "lib/repo/execution_repo.h"
#include "lib/repo/push_repo.h"
#include "tests/integration/api_client.h"
#include "tests/integration/db_fixture.h"

#include "tests/integration/internal_stage.h"

/* --- executions */

START_TEST(test_api_reports__status_and_heartbeat)
{
    int64_t seq = sent();
    struct err err = ERR_INIT;
    bool changed = false;
    fixture_sql("UPDATE executions SET started_at = NULL");
    for (int i = 0; i < 2; i++)
        done(at("status"), "{\"status\":\"running\"}", 200, "status", "running");
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE started_at IS NOT NULL AND claimed_by = 'test'"
                                    " AND pushed_until BETWEEN UTC_TIMESTAMP(3) + INTERVAL 50 SECOND AND UTC_TIMESTAMP(3) + INTERVAL 60 SECOND"), 1);
    /* what a dispatcher holds is the dispatcher's */
    fixture_sql("UPDATE executions SET due_at = '2026-01-01'");
    done(at("heartbeat"), NULL, 200, "continue", "true");
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE due_at = '2026-01-01'"), 2);
    OK(push_repo_let_go(fixture_db, seq, "test", 60000, NULL, &changed, &err));
    fixture_sql("UPDATE executions SET due_at = '2026-01-01'");
    done(at("heartbeat"), "{}", 200, "continue", "true");
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE claimed_by IS NULL AND status = 'running' AND due_at"
                                    " BETWEEN UTC_TIMESTAMP(3) + INTERVAL 5 SECOND AND UTC_TIMESTAMP(3) + INTERVAL 15 SECOND"), 1);
    /* to be cancelled */
    OK(cancellation_repo_ask(fixture_db, seq, &err));
    done(at("heartbeat"), "{}", 200, "continue", "false");
    fixture_sql("DELETE FROM cancellations");
    done(at("heartbeat"), "{}", 200, "continue", "true");
    /* over its time: the lease ends with it */
    fixture_sql("UPDATE executions SET pushed_until = UTC_TIMESTAMP(3)");
    done(at("heartbeat"), "{}", 200, "continue", "false");
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE due_at = pushed_until AND status = 'running'"), 1);
}
END_TEST

START_TEST(test_api_reports__result)
{
    char result_uri[160];
    let_go();
    done(at("artifacts"), "{\"artifacts\":[\"out/a.txt\"]}", 200, "execution_id", execution_id);
    done(at("result"),
         "{\"status\":\"success\",\"stdout\":\"a\\u0000\\u00e9\",\"stderr\":\"\",\"exit_code\":0,\"execution_time\":0.5,"
         "\"return_value\": { \"n\":123456789012345678901234567890 } ,\"metrics\":{\"duration_ms\":75.25,\"cpu_time_ms\":1,\"peak_memory_mb\":2.5}}",
         201, "status", "completed");
    FORMAT(result_uri, "/api/v1/executions/%s/result", execution_id);
    struct json_object *result = client_json(api_me, "GET", result_uri, NULL, 200);
    ck_assert_str_eq(text_of(result, "status"), "success");
    ck_assert_str_eq(json_text(json_object_object_get(result, "stdout")), "\"a\\u0000\xc3\xa9\"");
    ck_assert_str_eq(json_text(json_object_object_get(result, "metrics")), "{\"duration_ms\":75.25,\"cpu_time_ms\":1,\"peak_memory_mb\":2.5}");
    ck_assert_str_eq(json_text(json_object_object_get(result, "artifacts")), "[\"out/a.txt\"]");
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE return_json = '{ \"n\":123456789012345678901234567890 }'"), 1);
    json_object_put(result);
    /* what has ended stands */
    static const char *const calls[][2] = { { "status", "{\"status\":\"running\"}" }, { "heartbeat", NULL },
                                            { "result", "{\"status\":\"success\"}" }, { "artifacts", "{\"artifacts\":[\"a\"]}" } };
    for (size_t i = 0; i < 4; i++)
        api_refused(box, "POST", at(calls[i][0]), calls[i][1], 409, "Internal.StateConflict");
}
END_TEST

static const struct {
    const char *body, *check;
} endings[] = {
    { "{\"status\":\"failed\"}", "status = 'failed' AND error_kind = 'exception' AND exit_code IS NULL AND error_message IS NULL" },
    { "{\"status\":\"failed\",\"exit_code\":3,\"error\":{\"kind\":\"out_of_memory\",\"message\":\"Too much.\"},\"artifacts\":[\"a\",\"b/c\"]}",
      "status = 'failed' AND error_kind = 'out_of_memory' AND exit_code = 3 AND error_message = 'Too much.' AND artifacts_json = '[\"a\",\"b/c\"]'" },
    { "{\"status\":\"timeout\",\"execution_time\":1.5}", "status = 'timeout' AND error_kind = 'timeout' AND exit_code = -1 AND duration_ms = 1500" },
    { "{\"status\":\"failed\",\"execution_time\":9,\"metrics\":{\"duration_ms\":1.5}}", "status = 'failed' AND duration_ms = 1.5" },
    { "{\"status\":\"crashed\"}", "status = 'crashed' AND error_kind = 'crashed' AND exit_code IS NULL" },
    { "{\"status\":\"cancelled\"}", "status = 'cancelled' AND error_kind = 'cancelled'" },
    { "{\"status\":\"success\",\"error\":{\"kind\":\"x\"},\"return_value\":null}", "status = 'completed' AND error_kind IS NULL AND exit_code = 0 AND return_json = 'null'" },
};

START_TEST(test_api_reports__every_ending)
{
    char sql[400];
    let_go();
    json_object_put(client_json(box, "POST", at("result"), endings[_i].body, 201));
    FORMAT(sql, "SELECT COUNT(*) FROM executions WHERE claimed_by IS NULL AND completed_at IS NOT NULL AND %s", endings[_i].check);
    ck_assert_int_eq(fixture_number(sql), 1);
}
END_TEST

START_TEST(test_api_reports__a_result_wakes_who_waits)
{
    char text[DOORBELL_TEXT_MAX + 1];
    struct err err = ERR_INIT;
    bool changed = false;
    let_go();
    OK(execution_repo_set_notify(fixture_db, execution_id, api_me->context.doorbell_address, &changed, &err));
    json_object_put(client_json(box, "POST", at("result"), "{\"status\":\"success\"}", 201));
    ck_assert_int_eq(doorbell_take(api_me->context.doorbell, text), 1);
    ck_assert_str_eq(text, execution_id);
}
END_TEST

START_TEST(test_api_reports__repeated_with_its_key)
{
    let_go();
    box->param = "HTTP_IDEMPOTENCY_KEY=k1";
    done(at("result"), "{\"status\":\"failed\"}", 201, "status", "failed");
    for (int i = 0; i < 2; i++) {
        struct answer answer = client_call(box, "POST", at("result"), "{\"status\":\"failed\"}");
        ck_assert_int_eq(answer.status, 200);
        ck_assert_str_eq(text_of(answer.body, "status"), "failed");
        ck_assert_ptr_nonnull(strstr(answer.headers, "Idempotency-Replayed: true\r\n"));
        answer_release(&answer);
    }
    api_refused(box, "POST", at("result"), "{\"status\":\"success\"}", 409, "Internal.StateConflict");
    box->param = "HTTP_IDEMPOTENCY_KEY=k2";
    api_refused(box, "POST", at("result"), "{\"status\":\"failed\"}", 409, "Internal.StateConflict");
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM idempotency_keys WHERE owner LIKE 'container:%'"), 1);
}
END_TEST

START_TEST(test_api_reports__a_crash_after_a_cancel_is_cancelled)
{
    struct err err = ERR_INIT;
    int64_t seq = let_go();
    OK(cancellation_repo_ask(fixture_db, seq, &err));
    done(at("result"), "{\"status\":\"crashed\"}", 201, "status", "cancelled");
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE status = 'cancelled' AND error_kind = 'cancelled'"), 1);
}
END_TEST

/* It was taken for lost, and has a result after all: nobody need run it again. */
START_TEST(test_api_reports__a_result_is_welcome_before_the_retry)
{
    struct err err = ERR_INIT;
    bool changed = false;
    int64_t seq = sent();
    OK(execution_repo_retry(fixture_db, seq, "test", 3600000, &changed, &err));
    done(at("heartbeat"), NULL, 200, "continue", "true");
    done(at("status"), "{\"status\":\"running\"}", 200, "status", "running");
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE status = 'pending' AND pushed_until IS NULL"), 2);
    done(at("result"), "{\"status\":\"success\"}", 201, "status", "completed");
    fixture_sql("UPDATE executions SET status = 'pending', attempts = 0");
    api_refused(box, "POST", at("result"), "{\"status\":\"success\"}", 409, "Internal.StateConflict"); /* never sent */
}
END_TEST

/* --- limits */

/* "{"status":"success","stdout":"<fill>"}" with `len` bytes of output. */
static char *with_output(const char *name, const char *fill, size_t len)
{
    struct strbuf body = STRBUF_INIT(16 * 1024 * 1024);
    strbuf_addf(&body, "{\"status\":\"success\",\"%s\":\"", name);
    for (size_t i = 0; i < len; i += strlen(fill))
        strbuf_add_str(&body, fill);
    strbuf_add_str(&body, "\"}");
    ck_assert(strbuf_ok(&body));
    return strbuf_steal(&body);
}

START_TEST(test_api_reports__outputs_keep_head_and_tail)
{
    let_go();
    cleanup_free char *body = with_output("stdout", "\xe2\x82\xac", 3 * 1024 * 1024); /* three bytes a character */
    json_object_put(client_json(box, "POST", at("result"), body, 201));
    ck_assert_int_eq(fixture_number("SELECT stdout_truncated AND NOT stderr_truncated FROM executions WHERE status = 'completed'"), 1);
    ck_assert_int_eq(fixture_number("SELECT LENGTH(stdout_text) BETWEEN 1048576 AND 1048576 + 64 FROM executions WHERE status = 'completed'"), 1);
    ck_assert_int_eq(fixture_number("SELECT stdout_text REGEXP '^\xe2\x82\xac+\\n\\\\[... 2097[0-9]+ bytes left out ...\\\\]\\n\xe2\x82\xac+$'"
                                    " FROM executions WHERE status = 'completed'"), 1);
}
END_TEST

START_TEST(test_api_reports__what_is_too_large)
{
    let_go();
    cleanup_free char *value = with_output("return_value", "x", 4 * 1024 * 1024);
    cleanup_free char *body = with_output("stdout", "x", 12 * 1024 * 1024);
    api_refused(box, "POST", at("result"), value, 400, "Internal.InvalidParameter");
    api_refused(box, "POST", at("result"), body, 413, "Sandbox.PayloadTooLarge");
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE status = 'running'"), 1);
}
END_TEST

static const char *const bad_bodies[][2] = {
    { "status", "{\"status\":\"completed\"}" }, { "status", "{}" }, { "status", "" }, { "heartbeat", "{\"a\":1}" }, { "heartbeat", "[]" },
    { "result", "{}" }, { "result", "{\"status\":\"done\"}" }, { "result", "{\"status\":\"success\",\"stdout\":1}" },
    { "result", "{\"status\":\"success\",\"metrics\":{\"x\":1}}" }, { "result", "{\"status\":\"success\",\"execution_time\":-1}" },
    { "result", "{\"status\":\"success\",\"metrics\":{\"cpu_time_ms\":-1}}" }, { "result", "{\"status\":\"success\",\"exit_code\":1.5}" },
    { "result", "{\"status\":\"success\",\"artifacts\":[\"../x\"]}" }, { "result", "{\"status\":\"failed\",\"error\":{\"kind\":\"\"}}" },
    { "result", "{\"status\":\"success\",\"unknown\":1}" }, { "artifacts", "{}" }, { "artifacts", "{\"artifacts\":[1]}" },
    { "artifacts", "{\"artifacts\":[\"/etc/passwd\"]}" }, { "artifacts", "{\"artifacts\":[\"a//b\"]}" }, { "artifacts", "{\"artifacts\":[\"a\\u0000b\"]}" },
    { "artifacts", "{\"artifacts\":[\"a/./b\"]}" }, { "artifacts", "{\"artifacts\":[\"\"]}" },
};

START_TEST(test_api_reports__bad_bodies)
{
    let_go();
    for (size_t i = 0; i < sizeof(bad_bodies) / sizeof(bad_bodies[0]); i++)
        api_refused(box, "POST", at(bad_bodies[i][0]), bad_bodies[i][1], 400, "Internal.InvalidParameter");
    json_object_put(client_json(box, "POST", at("artifacts"), "{\"artifacts\":[\"..a/.b\",\"c..\",\"...\"]}", 200));
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE status = 'running'"), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_reports");
    TCase *tcase = tcase_create("api_reports");
    tcase_add_checked_fixture(tcase, internal_set_up, internal_tear_down);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, test_api_reports__status_and_heartbeat);
    tcase_add_test(tcase, test_api_reports__result);
    tcase_add_loop_test(tcase, test_api_reports__every_ending, 0, sizeof(endings) / sizeof(endings[0]));
    tcase_add_test(tcase, test_api_reports__a_result_wakes_who_waits);
    tcase_add_test(tcase, test_api_reports__repeated_with_its_key);
    tcase_add_test(tcase, test_api_reports__a_crash_after_a_cancel_is_cancelled);
    tcase_add_test(tcase, test_api_reports__a_result_is_welcome_before_the_retry);
    tcase_add_test(tcase, test_api_reports__outputs_keep_head_and_tail);
    tcase_add_test(tcase, test_api_reports__what_is_too_large);
    tcase_add_test(tcase, test_api_reports__bad_bodies);
    return fixture_run(suite);
}
