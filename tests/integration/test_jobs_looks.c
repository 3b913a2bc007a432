/* SPDX-License-Identifier: Apache-2.0 */
/* What sandbox-provisiond tells of its containers, as a process, with the process runtime and the real executor: logs and use. */
#include "config.h"

#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "lib/repo/session_repo.h"
#include "lib/service/container_logs.h"
#include "lib/service/sessions.h"
#include "lib/util/clock.h"
#include "tests/integration/jobs_stage.h"

static struct stage stage;
static pid_t provisiond;
static struct session session;

/* A session that runs. */
static void set_up(void)
{
    struct session_request request = { .template_id = "python-basic", .timeout_s = 300 };
    struct err err = ERR_INIT;
    stage_open(&stage, NULL);
    stage_sql(&stage, "DELETE FROM container_questions");
    provisiond = stage_start(&stage, "provisiond");
    stage_await_count(&stage, "SELECT COUNT(*) FROM nodes WHERE status = 'ready'", 1);
    ck_assert_msg(session_service_create(&stage.context, "tester", &request, &session, &err) == 0, "%s", err.text);
    ck_assert_int_eq(stage_await_session(&stage, session.id), SESSION_RUNNING);
}

static void tear_down(void)
{
    session_release(&session);
    stage_stop(provisiond, SIGTERM);
    stage_close(&stage);
}

static int fetch(int64_t tail, int64_t since_ms, struct strbuf *out, struct err *err)
{
    static struct wait_room room = { .seats = 1 };
    const struct wait wait = { .room = &room, .limit_ms = CONTAINER_LOGS_WAIT_MS, .client_fd = -1 };
    const struct container_logs_request request = { .owner = "tester", .container_id = session.container_id, .tail = tail,
                                                    .since_ms = since_ms };
    return container_logs_fetch(&stage.context, &wait, &request, out, err);
}

START_TEST(test_jobs_looks__logs_come_from_the_node)
{
    struct err err = ERR_INIT;
    struct strbuf text = STRBUF_INIT(1 << 20);
    int64_t begun = clock_mono_ms();
    ck_assert_msg(fetch(100, 0, &text, &err) == 0, "%s", err.text);
    ck_assert_int_lt(clock_mono_ms() - begun, 5000);
    ck_assert_msg(strstr(strbuf_str(&text), "Z [INFO] sandbox-executor starting version=") != NULL, "%s", strbuf_str(&text));
    ck_assert_ptr_nonnull(strstr(strbuf_str(&text), "Z [INFO] HTTP server listening on unix:"));
    strbuf_reset(&text);
    ck_assert_int_eq(fetch(1, 0, &text, &err), 0);
    ck_assert_ptr_eq(strchr(strbuf_str(&text), '\n'), strrchr(strbuf_str(&text), '\n'));
    strbuf_reset(&text);
    ck_assert_int_eq(fetch(100, clock_wall_ms() + 3600000, &text, &err), 0);
    ck_assert_str_eq(strbuf_str(&text), "");
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM container_questions"), 0);
    strbuf_release(&text);
}
END_TEST

/* One that does not ring is found too; one that a killed provisioner had taken is answered by the next. */
START_TEST(test_jobs_looks__a_killed_ones_question_is_answered)
{
    char sql[512];
    stage_stop(provisiond, SIGKILL);
    snprintf(sql, sizeof(sql),
             "INSERT INTO container_questions (id, node_id, container_id, kind, tail, notify, status, asked_at, taken_at)"
             " VALUES ('taken', 'stage', '%s', 'logs', 10, '', 'taken', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3)),"
             " ('asked', 'stage', '%s', 'logs', 10, '', 'asked', UTC_TIMESTAMP(3), NULL),"
             " ('foreign', 'other', '%s', 'logs', 10, '', 'asked', UTC_TIMESTAMP(3), NULL),"
             " ('gone', 'stage', 'ffffffffffff', 'logs', 10, '', 'asked', UTC_TIMESTAMP(3), NULL)",
             session.container_id, session.container_id, session.container_id);
    stage_sql(&stage, sql);
    provisiond = stage_start(&stage, "provisiond");
    stage_await_count(&stage, "SELECT COUNT(*) FROM container_questions WHERE status = 'answered' AND id IN ('asked', 'taken')"
                              " AND answer LIKE '%sandbox-executor starting%'", 2);
    stage_await_count(&stage, "SELECT COUNT(*) FROM container_questions WHERE status = 'answered' AND id = 'gone' AND answer = ''", 1);
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM container_questions WHERE id = 'foreign' AND status = 'asked'"), 1);
    stage_sql(&stage, "DELETE FROM container_questions");
}
END_TEST

START_TEST(test_jobs_looks__reaper_removes_what_is_left)
{
    stage_sql(&stage, "INSERT INTO container_questions (id, node_id, container_id, kind, tail, notify, status, asked_at) VALUES"
                      " ('old', 'other', 'ffffffffffff', 'logs', 1, '', 'answered', UTC_TIMESTAMP(3) - INTERVAL 61 SECOND),"
                      " ('new', 'other', 'ffffffffffff', 'logs', 1, '', 'asked', UTC_TIMESTAMP(3))");
    pid_t reap = stage_start(&stage, "reap");
    stage_await_count(&stage, "SELECT COUNT(*) FROM container_questions WHERE id = 'old'", 0);
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM container_questions WHERE id = 'new'"), 1);
    stage_stop(reap, SIGTERM);
}
END_TEST

START_TEST(test_jobs_looks__use_is_measured)
{
    if (stage_count(&stage, "SELECT COUNT(*) FROM nodes WHERE isolation LIKE '%cgroup v%'") == 0)
        return; /* nothing here can measure */
    stage_await_count(&stage, "SELECT COUNT(*) FROM containers WHERE status = 'running' AND measured_at IS NOT NULL"
                              " AND memory_used_mb > 0 AND cpu_time_ms > 0 AND cpu_used_milli >= 0", 1);
    /* and again */
    stage_sql(&stage, "UPDATE containers SET measured_at = measured_at - INTERVAL 1 HOUR, memory_used_mb = 0");
    stage_await_count(&stage, "SELECT COUNT(*) FROM containers WHERE memory_used_mb > 0 AND cpu_used_milli < 10"
                              " AND measured_at > UTC_TIMESTAMP(3) - INTERVAL 15 SECOND", 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("jobs_looks");
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(all, 120);
    tcase_add_test(all, test_jobs_looks__logs_come_from_the_node);
    tcase_add_test(all, test_jobs_looks__a_killed_ones_question_is_answered);
    tcase_add_test(all, test_jobs_looks__reaper_removes_what_is_left);
    tcase_add_test(all, test_jobs_looks__use_is_measured);
    suite_add_tcase(suite, all);
    return stage_main(srunner_create(suite));
}
