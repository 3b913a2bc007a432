/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts whose clocks are an hour off, each into another direction, and clocks that jump an hour while programs run: sessions, executions,
 * limits and health are what the database's clock says. This program does what the web tier does, under a clock of its own. */
#include "config.h"

#include <check.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "lib/io/doorbell.h"
#include "lib/service/executions.h"
#include "lib/service/health.h"
#include "lib/service/sessions.h"
#include "lib/util/clock.h"
#include "tests/integration/jobs_stage.h"

#define PRELOADED "/usr/lib/*/faketime/libfaketimeMT.so.1"
enum { EXIT_SKIPPED = 77, HOUR_MS = 3600000 };

static struct stage stage;
static const char *const names[] = { "provisiond", "dispatchd", "reap", "pool" };
enum { JOBS = sizeof(names) / sizeof(names[0]) };
static pid_t jobs[JOBS];
static char clocks[160]; /* the file that says how far the jobs' clock is off; this program's is $SANDBOX_TEST_CLOCK */

static bool write_clock(const char *path, const char *offset)
{
    char aside[192];
    snprintf(aside, sizeof(aside), "%s.new", path);
    cleanup_file FILE *file = fopen(aside, "we");
    return file && fprintf(file, "%s\n", offset) > 0 && fflush(file) == 0 && rename(aside, path) == 0;
}

static void set_clock(const char *path, const char *offset)
{
    ck_assert(write_clock(path, offset));
}

static void set_up(void)
{
    char file[192];
    stage_open(&stage, NULL);
    stage_sql(&stage, "DELETE FROM jobs");
    snprintf(clocks, sizeof(clocks), "%s/clock", stage.directory);
    snprintf(file, sizeof(file), "FAKETIME_TIMESTAMP_FILE=%s", clocks);
    set_clock(clocks, "-1h");
    set_clock(getenv("SANDBOX_TEST_CLOCK"), "+1h");
    for (size_t i = 0; i < JOBS; i++)
        jobs[i] = stage_start_with(&stage, names[i], (const char *const[]){ NULL }, (const char *const[]){ file, NULL });
    stage_await_count(&stage, "SELECT COUNT(*) FROM nodes WHERE status = 'ready'", 1);
}

static void tear_down(void)
{
    set_clock(getenv("SANDBOX_TEST_CLOCK"), "+0");
    for (size_t i = 0; i < JOBS; i++)
        stage_stop(jobs[i], SIGTERM);
    stage_close(&stage);
}

static int64_t database_ms(void)
{
    return stage_count(&stage, "SELECT CAST(UNIX_TIMESTAMP(UTC_TIMESTAMP(3)) * 1000 AS SIGNED)");
}

static void expect_near(int64_t ms, int64_t expected)
{
    ck_assert_int_gt(ms, expected - 30000);
    ck_assert_int_lt(ms, expected + 30000);
}

static struct session create(int64_t timeout_s)
{
    struct session_request request = { .template_id = "python-basic", .timeout_s = timeout_s };
    struct session session;
    struct err err = ERR_INIT;
    ck_assert_msg(session_service_create(&stage.context, "tester", &request, &session, &err) == 0, "%s %s", err.text, err.detail);
    ck_assert_int_eq(stage_await_session(&stage, session.id), SESSION_RUNNING);
    return session;
}

/* Through the service; its times are the database's, its duration is its own. */
static void run(const struct session *session, const char *code, int64_t timeout_s, struct execution *out)
{
    struct execution_request request = { .code = (char *)code, .language = LANGUAGE_PYTHON, .timeout_s = timeout_s };
    struct execution submitted = { 0 };
    struct err err = ERR_INIT;
    ck_assert_int_eq(execution_service_submit(&stage.context, "tester", session->id, &request, true, &submitted, &err), 0);
    expect_near(submitted.created_at, database_ms());
    char day[16];
    snprintf(day, sizeof(day), "%.8s", submitted.id + strlen("exec_"));
    ck_assert_int_eq(atoi(day), stage_count(&stage, "SELECT DATE_FORMAT(MAX(created_at), '%Y%m%d') + 0 FROM executions"));
    stage_await_execution(&stage, submitted.id, out);
    expect_near(out->created_at, database_ms());
    expect_near(out->started_at, database_ms());
    expect_near(out->completed_at, database_ms());
    ck_assert(out->created_at <= out->started_at && out->started_at <= out->completed_at);
    ck_assert_double_ge(out->outcome.duration_ms, 0);
    ck_assert_double_lt(out->outcome.duration_ms, 20000);
}

static void expect_healthy(void)
{
    struct health_report report;
    struct err err = ERR_INIT;
    ck_assert_int_eq(context_open_storage(&stage.context, &err), 0);
    health_service_report(&stage.context, &report);
    expect_near(report.seen_ms, database_ms());
    ck_assert_uint_eq(report.nodes.count, 1);
    ck_assert_int_eq(health_of_node(&report.nodes.items[0]), HEALTH_GOOD);
    for (size_t i = 0; i < HEALTH_JOBS; i++)
        for (size_t j = 0; j < JOBS; j++)
            if (strcmp(report.jobs[i].name, names[j]) == 0)
                ck_assert_msg(report.jobs[i].health == HEALTH_GOOD, "%s", names[j]);
    health_report_release(&report);
    context_close_storage(&stage.context);
}

/* A session's life: it starts, runs code, keeps an execution's limit and its own, and nothing ends before its time. */
static void live(void)
{
    char sql[256];
    struct session session = create(300), lasting = create(300);
    struct execution execution = { 0 };
    ck_assert_int_eq(session.expires_at - session.created_at, 300000);
    expect_near(session.created_at, database_ms());
    run(&session, "def handler(event):\n    return 6 * 7\n", 10, &execution);
    ck_assert_int_eq(execution.status, EXECUTION_COMPLETED);
    execution_release(&execution);
    run(&session, "def handler(event):\n    while True:\n        pass\n", 1, &execution);
    ck_assert_int_eq(execution.status, EXECUTION_TIMEOUT);
    execution_release(&execution);
    expect_healthy();
    snprintf(sql, sizeof(sql), "UPDATE sessions SET expires_at = UTC_TIMESTAMP(3) WHERE id = '%s'", session.id);
    stage_sql(&stage, sql);
    stage_await_count(&stage, "SELECT COUNT(*) FROM sessions WHERE status = 'timeout'", 1);
    snprintf(sql, sizeof(sql), "SELECT status = 'running' FROM sessions WHERE id = '%s'", lasting.id);
    ck_assert_int_eq(stage_count(&stage, sql), 1);
    stage_sql(&stage, "UPDATE sessions SET expires_at = UTC_TIMESTAMP(3) WHERE status = 'running'");
    stage_await_count(&stage, "SELECT COUNT(*) FROM containers WHERE status <> 'deleted'", 0);
    stage_sql(&stage, "DELETE FROM sessions");
    session_release(&session);
    session_release(&lasting);
}

/* utime and stime of a process, in ticks. */
static int64_t ticks_of(pid_t pid)
{
    char path[64];
    unsigned long long user = 0, kernel = 0;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    cleanup_file FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &kernel), 2);
    return (int64_t)(user + kernel);
}

/* But for provisiond: libfaketime itself lets its waits for a monotonic moment return at once. */
static void expect_idle(void)
{
    int64_t before[JOBS], second = sysconf(_SC_CLK_TCK);
    for (size_t i = 1; i < JOBS; i++)
        before[i] = ticks_of(jobs[i]);
    poll(NULL, 0, 1000);
    for (size_t i = 1; i < JOBS; i++)
        ck_assert_msg(ticks_of(jobs[i]) - before[i] < second / 2, "%s is busy", names[i]);
}

START_TEST(test_clocks__hosts_hours_apart_and_a_jump)
{
    expect_near(clock_wall_ms(), database_ms() + HOUR_MS); /* else nothing is tested */
    live();
    set_clock(clocks, "+1h");
    set_clock(getenv("SANDBOX_TEST_CLOCK"), "-1h");
    expect_near(clock_wall_ms(), database_ms() - HOUR_MS);
    expect_idle();
    live();
}
END_TEST

static int run_tests(void)
{
    Suite *suite = suite_create("clocks");
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(all, 120);
    tcase_add_test(all, test_clocks__hosts_hours_apart_and_a_jump);
    suite_add_tcase(suite, all);
    return stage_main(srunner_create(suite));
}

/* Once more, with the library that tells the time. */
static int start_again(char **argv, const char *library)
{
    char file[64];
    snprintf(file, sizeof(file), "/tmp/sandbox-clock-%d", (int)getpid());
    if (!write_clock(file, "+0"))
        return 1;
    setenv("SANDBOX_TEST_CLOCK", file, 1);
    setenv("FAKETIME_TIMESTAMP_FILE", file, 1);
    setenv("FAKETIME_NO_CACHE", "1", 1);
    setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1", 1);
    setenv("NO_FAKE_STAT", "1", 1);
    setenv("LD_PRELOAD", library, 1);
    execv(argv[0], argv);
    return 1;
}

int main(int argc, char **argv)
{
    glob_t found = { 0 };
    (void)argc;
    if (getenv("SANDBOX_TEST_CLOCK")) {
        int status = run_tests();
        unlink(getenv("SANDBOX_TEST_CLOCK"));
        return status;
    }
    if (glob(PRELOADED, 0, NULL, &found) == 0)
        return start_again(argv, found.gl_pathv[0]);
    puts("libfaketime is not installed");
    return EXIT_SKIPPED;
}
