/* SPDX-License-Identifier: Apache-2.0 */
/* Files under way when the sandbox, or the database, goes; and, with SANDBOX_LONG, a file of a gigabyte. */
#include "config.h"

#include <check.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "lib/service/metrics.h"
#include "lib/service/replacing.h"
#include "lib/util/clock.h"
#include "tests/integration/files_scene.h"

#define MANY "import os\nos.makedirs('d')\nfor i in range(%d): open('d/%%d' %% i,'w').write(str(i))\n"

static void begin_many(int count, char id[EXECUTION_ID_SIZE])
{
    char code[256];
    snprintf(code, sizeof(code), MANY, count);
    stage_execute(&stage, &session, code, 0, id);
    files_await_objects(200);
}

/* What was stored before comes back into the new one; what was under way is of no concern to it. */
START_TEST(test_jobs_files__the_sandbox_is_replaced_meanwhile)
{
    char id[EXECUTION_ID_SIZE], container[CONTAINER_ID_SIZE] = "";
    struct err err = ERR_INIT;
    struct execution execution = { 0 };
    enum death_outcome outcome;
    struct workspace_state state;
    files_upload_text("by/client", "kept");
    files_do("open('made','w').write('kept too')\n");
    begin_many(5000, id);
    ck_assert_int_eq(workspace_repo_state(stage.context.db, NULL, session.id, &state, &err), 0);
    memcpy(container, state.container_id, sizeof(container));
    const struct death death = { .session_id = session.id, .container_id = container, .reason = "It is a test." };
    ck_assert_msg(session_service_replace(&stage.context, &death, &outcome, &err) == 0, "%s", err.text);
    ck_assert_int_eq(outcome, DEATH_REPLACED);
    int64_t rows = files_rows();
    ck_assert_int_lt(rows, 5000);
    stage_await_execution(&stage, id, &execution);
    ck_assert_int_eq(execution.status, EXECUTION_FAILED); /* its files are a part of what was promised */
    ck_assert_str_eq(execution.outcome.error_kind, "storage");
    execution_release(&execution);
    ck_assert_int_eq(files_rows(), rows);
    ck_assert_int_eq(stage_await_session(&stage, session.id), SESSION_RUNNING);
    execution = files_run("import os\ndef handler(event):\n    return [open('made').read(), open('by/client').read(), len(os.listdir('d'))]\n",
                          EXECUTION_COMPLETED);
    char expected[64];
    snprintf(expected, sizeof(expected), "[\"kept too\",\"kept\",%d]", (int)rows - 2);
    ck_assert_str_eq(execution.outcome.return_json, expected);
    ck_assert_ptr_null(execution.outcome.artifacts_json);
    execution_release(&execution);
    ck_assert_int_eq(files_rows(), rows);
}
END_TEST

START_TEST(test_jobs_files__the_database_is_away_meanwhile)
{
    char id[EXECUTION_ID_SIZE];
    struct execution execution = { 0 };
    begin_many(2000, id);
    stage_kill_database();
    poll(NULL, 0, 9000); /* longer than storage would be waited for */
    stage_start_database(&stage);
    stage_await_execution(&stage, id, &execution);
    ck_assert_msg(execution.status == EXECUTION_COMPLETED, "%s %s", execution.outcome.error_kind, execution.outcome.error_message);
    execution_release(&execution);
    ck_assert_int_eq(files_rows(), 2000);
    ck_assert_int_le(files_objects(), 2000 + 2 * 128); /* a batch whose commit broke, and the one that was being fetched */
}
END_TEST

static double metric(const char *series)
{
    cleanup_strbuf struct strbuf text = STRBUF_INIT(1024 * 1024);
    struct err err = ERR_INIT;
    ck_assert_int_eq(metrics_service_counters(&stage.context, &text, &err), 0);
    const char *line = strstr(strbuf_str(&text), series);
    ck_assert_msg(line != NULL, "no %s", series);
    return strtod(line + strlen(series), NULL);
}

START_TEST(test_jobs_files__they_are_counted)
{
    files_upload_text("in", "12345");
    files_do("open('out','w').write('123')\n");
    files_do("pass"); /* nothing is moved */
    ck_assert(metric("sandbox_transfers_total{direction=\"into\",outcome=\"done\"} ") == 1);
    ck_assert(metric("sandbox_transfers_total{direction=\"out_of\",outcome=\"done\"} ") == 1);
    ck_assert(metric("sandbox_transfer_files_total{direction=\"into\"} ") == 1);
    ck_assert(metric("sandbox_transfer_bytes_total{direction=\"into\"} ") == 5);
    ck_assert(metric("sandbox_transfer_bytes_total{direction=\"out_of\"} ") == 3);
    ck_assert(metric("sandbox_transfer_duration_seconds_count{direction=\"out_of\"} ") == 1);
}
END_TEST

START_TEST(test_jobs_files__a_gigabyte)
{
    stage_sql(&stage, "UPDATE sessions SET disk_mb = 2048");
    struct execution execution = files_run("f = open('big','wb')\nfor i in range(1000): f.write(bytes([i % 251]) * (1 << 20))\nf.close()\n",
                                           EXECUTION_COMPLETED);
    execution_release(&execution);
    ck_assert_int_eq(files_row("big").size, INT64_C(1000) << 20);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("jobs_files_lost");
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, files_set_up, files_tear_down);
    tcase_set_timeout(all, 180);
    tcase_add_test(all, test_jobs_files__they_are_counted);
    tcase_add_test(all, test_jobs_files__the_sandbox_is_replaced_meanwhile);
    tcase_add_test(all, test_jobs_files__the_database_is_away_meanwhile);
    if (getenv("SANDBOX_LONG"))
        tcase_add_test(all, test_jobs_files__a_gigabyte);
    suite_add_tcase(suite, all);
    return stage_main(srunner_create(suite));
}
