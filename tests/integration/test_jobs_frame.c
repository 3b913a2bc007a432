/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of the jobs: one works and the others wait, take over, and stand for nobody; options; the line of what was done. */
#include "config.h"

#include <check.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/service/health.h"
#include "lib/util/clock.h"
#include "tests/integration/jobs_stage.h"

#define WORKING(name) "SELECT COUNT(*) FROM jobs WHERE name = '" name "' AND NOT waiting"
#define WAITING(name) "SELECT COUNT(*) FROM jobs WHERE name = '" name "' AND waiting"

static struct stage stage;
static const char *const none[] = { NULL };

static void set_up(void)
{
    stage_open(&stage, NULL);
    stage_sql(&stage, "DELETE FROM jobs");
}

static void tear_down(void)
{
    stage_close(&stage);
}

static const struct job_health *health_of(const struct health_report *report, const char *name)
{
    for (size_t i = 0; i < HEALTH_JOBS; i++)
        if (strcmp(report->jobs[i].name, name) == 0)
            return &report->jobs[i];
    ck_abort_msg("no job %s", name);
}

static void expect_health(const char *name, enum health expected, size_t waiting)
{
    struct health_report report;
    struct err err = ERR_INIT;
    ck_assert_int_eq(context_open_storage(&stage.context, &err), 0);
    health_service_report(&stage.context, &report);
    ck_assert_int_eq(health_of(&report, name)->health, expected);
    ck_assert_uint_eq(health_of(&report, name)->waiting, waiting);
    health_report_release(&report);
    context_close_storage(&stage.context);
}

/* The second of two waits, and works within `limit_ms` of the first one's sudden end. */
static void expect_takeover(const char *name, const char *working, const char *waiting, int64_t limit_ms)
{
    char sql[256];
    pid_t first = stage_start(&stage, name);
    stage_await_count(&stage, working, 1);
    pid_t second = stage_start(&stage, name);
    stage_await_count(&stage, waiting, 1);
    expect_health(name, HEALTH_GOOD, 1);
    stage_stop(first, SIGKILL);
    int64_t killed = clock_mono_ms();
    snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM jobs WHERE name = '%s' AND NOT waiting AND pid = %d", name, (int)second);
    stage_await_count(&stage, sql, 1);
    ck_assert_int_lt(clock_mono_ms() - killed, limit_ms);
    stage_await_count(&stage, waiting, 0);
    ck_assert_int_eq(stage_stop(second, SIGTERM), 0);
}

START_TEST(test_jobs_frame__a_second_one_waits_and_takes_over)
{
    expect_takeover("reap", WORKING("reap"), WAITING("reap"), 1500);
    expect_takeover("pool", WORKING("pool"), WAITING("pool"), 1500);
    expect_takeover("dispatchd", WORKING("dispatchd"), WAITING("dispatchd"), 1500);
    expect_takeover("provisiond", WORKING("provisiond"), WAITING("provisiond"), 1500);
}
END_TEST

/* One that waits beats, but does not hide that the one at work is silent; when it ends, its row goes. */
START_TEST(test_jobs_frame__one_that_waits_stands_for_nobody)
{
    pid_t first = stage_start(&stage, "reap");
    stage_await_count(&stage, WORKING("reap"), 1);
    pid_t second = stage_start(&stage, "reap");
    stage_await_count(&stage, WAITING("reap"), 1);
    ck_assert_int_eq(kill(first, SIGSTOP), 0);
    stage_sql(&stage, "UPDATE jobs SET beat_at = beat_at - INTERVAL 1 MINUTE WHERE NOT waiting");
    expect_health("reap", HEALTH_BAD, 1);
    ck_assert_int_eq(stage_stop(second, SIGTERM), 0);
    ck_assert_int_eq(stage_count(&stage, WAITING("reap")), 0);
    expect_health("reap", HEALTH_BAD, 0);
    stage_stop(first, SIGKILL);
}
END_TEST

/* The connection is the lock: whoever loses it, to a server that starts anew for one, waits like anybody else. */
START_TEST(test_jobs_frame__a_lost_lock_is_noticed)
{
    pid_t first = stage_start(&stage, "reap"), second = 0;
    stage_await_count(&stage, WORKING("reap"), 1);
    ck_assert_int_eq(kill(first, SIGSTOP), 0);
    second = stage_start(&stage, "reap");
    stage_await_count(&stage, WAITING("reap"), 1);
    ck_assert_int_eq(stage_count(&stage, "SELECT IS_USED_LOCK(CONCAT('sandbox_reap_', DATABASE())) IS NOT NULL"), 1);
    stage_sql(&stage, "KILL CONNECTION IS_USED_LOCK(CONCAT('sandbox_reap_', DATABASE()))");
    stage_await_count(&stage, WAITING("reap"), 0);
    ck_assert_int_eq(kill(first, SIGCONT), 0);
    stage_await_count(&stage, WAITING("reap"), 1);
    stage_stop(second, SIGKILL);
    stage_await_count(&stage, WAITING("reap"), 0);
    stage_stop(first, SIGKILL);
}
END_TEST

/* It beats, but does nothing: that is not healthy either. */
START_TEST(test_jobs_frame__steps_that_fail_are_told)
{
    pid_t reap = stage_start_with(&stage, "reap", (const char *const[]){ "--every", "100ms", NULL }, none);
    stage_await_count(&stage, WORKING("reap"), 1);
    stage_sql(&stage, "RENAME TABLE container_questions TO aside");
    stage_await_count(&stage, "SELECT COUNT(*) FROM jobs WHERE name = 'reap' AND error IS NOT NULL", 1);
    expect_health("reap", HEALTH_DEGRADED, 0);
    stage_sql(&stage, "RENAME TABLE aside TO container_questions");
    stage_await_count(&stage, "SELECT COUNT(*) FROM jobs WHERE name = 'reap' AND error IS NOT NULL", 0);
    expect_health("reap", HEALTH_GOOD, 0);
    ck_assert_int_eq(stage_stop(reap, SIGTERM), 0);
}
END_TEST

static int run_once(const char *name, const char *const *options)
{
    int status = 0;
    pid_t pid = stage_start_with(&stage, name, options, none);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static bool logged(const char *name, const char *what)
{
    char command[512];
    snprintf(command, sizeof(command), "grep -q '%s' %s/%s.log", what, stage.directory, name);
    return system(command) == 0;
}

/* What cron starts ends at once and well while another one is at work, without a beat; else it is judged by its own period. */
START_TEST(test_jobs_frame__once)
{
    pid_t reap = stage_start(&stage, "reap");
    stage_await_count(&stage, WORKING("reap"), 1);
    ck_assert_int_eq(run_once("reap", (const char *const[]){ "--once", "--every", "5m", NULL }), 0);
    ck_assert(getenv("SANDBOX_TEST_VERBOSE") || logged("reap", "another one is at work"));
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM jobs"), 1);
    stage_stop(reap, SIGKILL);
    ck_assert_int_eq(run_once("reap", (const char *const[]){ "--once", "--every", "5m", NULL }), 0);
    ck_assert_int_eq(stage_count(&stage, "SELECT interval_ms FROM jobs WHERE instance LIKE '%:reap:once'"), 300000);
    ck_assert_int_eq(run_once("pool", (const char *const[]){ "--once", NULL }), 0);
    ck_assert_int_eq(stage_count(&stage, "SELECT interval_ms FROM jobs WHERE instance LIKE '%:pool:once'"), 60000);
    expect_health("reap", HEALTH_GOOD, 0);
    pid_t provisiond = stage_start(&stage, "provisiond");
    stage_await_count(&stage, WORKING("provisiond"), 1);
    ck_assert_int_eq(run_once("provisiond", (const char *const[]){ "--once", NULL }), 0);
    ck_assert_int_eq(stage_stop(provisiond, SIGTERM), 0);
}
END_TEST

START_TEST(test_jobs_frame__every)
{
    static const char *const wrong[] = { "5", "0s", "-1s", "25h", "1m30s", "" };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_int_eq(run_once("reap", (const char *const[]){ "--every", wrong[i], NULL }), 64);
    ck_assert_int_eq(run_once("reap", (const char *const[]){ "--interval", "5", NULL }), 64);
    pid_t reap = stage_start_with(&stage, "reap", (const char *const[]){ "--every", "50ms", NULL }, none);
    stage_await_count(&stage, WORKING("reap"), 1);
    stage_sql(&stage, "INSERT INTO idempotency_keys (owner, idem_key, request_hash, created_at)"
                      " VALUES ('tester', 'old', '', UTC_TIMESTAMP(3) - INTERVAL 2 DAY)");
    int64_t begun = clock_mono_ms();
    stage_await_count(&stage, "SELECT COUNT(*) FROM idempotency_keys", 0);
    ck_assert_int_lt(clock_mono_ms() - begun, 900);
    ck_assert_int_eq(stage_stop(reap, SIGTERM), 0);
    ck_assert(getenv("SANDBOX_TEST_VERBOSE") || logged("reap", "\"event\":\"done\".*\"rows\":1,\"took_ms\":"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("jobs_frame");
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(all, 60);
    tcase_add_test(all, test_jobs_frame__a_second_one_waits_and_takes_over);
    tcase_add_test(all, test_jobs_frame__one_that_waits_stands_for_nobody);
    tcase_add_test(all, test_jobs_frame__a_lost_lock_is_noticed);
    tcase_add_test(all, test_jobs_frame__steps_that_fail_are_told);
    tcase_add_test(all, test_jobs_frame__once);
    tcase_add_test(all, test_jobs_frame__every);
    suite_add_tcase(suite, all);
    return stage_main(srunner_create(suite));
}
