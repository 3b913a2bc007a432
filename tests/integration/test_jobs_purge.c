/* SPDX-License-Identifier: Apache-2.0 */
/* The retention of workspaces: what is due goes whatever happens in between, and nothing else does. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/storage/driver.h"
#include "tests/integration/purge_scene.h"

START_TEST(test_jobs_purge__what_is_due_goes_and_the_rest_stays)
{
    struct err err = ERR_INIT;
    purge_add_files("old", 3);
    purge_add_garbage("old", 4, 1000);
    purge_add_objects("old", 5, 1); /* its writer died */
    purge_add_files("other", 2);
    OK(purge_once(&err));
    purge_check_old_is_gone();
    purge_check_other_is_whole(2);
    ck_assert(!purge_exists("old", 4) && !purge_exists("old", 5));
    ck_assert(purge_done.sessions == 1 && purge_done.objects == 5 && purge_done.bytes == 21 && purge_done.failures == 0);
    OK(purge_once(&err)); /* twice is as good as once */
    ck_assert(purge_done.sessions == 0 && purge_done.objects == 0);
    purge_check_other_is_whole(2);
}
END_TEST

START_TEST(test_jobs_purge__a_session_that_lives_is_never_due)
{
    struct err err = ERR_INIT;
    fixture_settings->retention.workspace_s = 0;
    fixture_sql("UPDATE sessions SET status = 'running', ended_at = NULL, created_at = '2001-01-01', last_activity_at = '2001-01-01',"
                " expires_at = '2001-01-02' WHERE id = 'other'");
    purge_add_files("other", 2);
    OK(purge_once(&err));
    ck_assert_int_eq(purge_done.sessions, 1); /* the old one */
    purge_check_other_is_whole(2);
}
END_TEST

START_TEST(test_jobs_purge__a_session_without_files_is_looked_at_once)
{
    struct err err = ERR_INIT;
    purge_add_objects("old", 1, 1); /* of a writer that died before there was a row */
    OK(purge_once(&err));
    purge_check_old_is_gone();
    ck_assert_int_eq(purge_done.objects, 1);
}
END_TEST

/* Wherever it is killed, the next one goes on; `beats` is what one whole pass takes. */
START_TEST(test_jobs_purge__killed_anywhere_it_is_gone_on_with)
{
    struct err err = ERR_INIT;
    for (int stop = 0;; stop++) {
        fixture_sql("UPDATE sessions SET purged_at = NULL");
        purge_add_files("old", 600);
        purge_add_garbage("old", 601, 1000);
        purge_add_garbage("other", 1, -1);
        purge_beats_left = stop;
        int status = purge_once(&err);
        purge_beats_left = -1;
        if (status == 0)
            break;
        ck_assert_str_eq(err.text, "killed");
        fixture_sql(PURGE_ALL_DUE); /* the lease of the killed one ends */
        OK(purge_once(&err));
        purge_check_old_is_gone();
        ck_assert(!purge_exists("other", 1));
        ck_assert_int_eq(purge_rows("other"), 0);
        ck_assert_int_eq(purge_reports, 0);
    }
    ck_assert_int_gt(purge_beats, 20);
}
END_TEST

START_TEST(test_jobs_purge__who_was_killed_leaves_it_when_the_lease_is_over)
{
    struct err err = ERR_INIT;
    purge_add_files("old", 300);
    purge_beats_left = 6; /* in the middle of the objects */
    ck_assert_int_ne(purge_once(&err), 0);
    ck_assert_int_eq(purge_rows("old"), 0); /* first, so that no row names what is gone */
    purge_beats_left = -1;
    OK(purge_once(&err));
    ck_assert_int_eq(fixture_number(PURGED_SESSIONS), 0);
    fixture_sql("UPDATE sessions SET purge_due_at = purge_due_at - INTERVAL 61 SECOND WHERE purge_due_at IS NOT NULL");
    OK(purge_once(&err));
    purge_check_old_is_gone();
}
END_TEST

/* A driver that does not answer so many times, then is the real one. */
static int silent;
static enum err_code silence;
static const char *silent_for; /* NULL: for all */
static const struct storage_driver *real;

static bool answers(const char *name, struct err *err)
{
    if ((silent_for && !strstr(name, silent_for)) || silent == 0)
        return true;
    silent -= silent > 0;
    err_set(err, silence, "away");
    return false;
}

static int purge_maybe(struct storage *storage, const char *session_id, int (*on_beat)(void *, struct err *), void *arg,
                       int64_t *deleted, struct err *err)
{
    return answers(session_id, err) ? real->purge(storage, session_id, on_beat, arg, deleted, err) : -1;
}

static int delete_maybe(struct storage *storage, const char *key, struct err *err)
{
    return answers(key, err) ? real->delete(storage, key, err) : -1;
}

static struct storage_driver fake;

static void break_storage(int times, enum err_code code, const char *name)
{
    real = purge_context.storage->driver;
    fake = *real;
    fake.purge = purge_maybe;
    fake.delete = delete_maybe;
    purge_context.storage->driver = &fake;
    silent = times;
    silence = code;
    silent_for = name;
}

START_TEST(test_jobs_purge__one_that_fails_holds_up_nobody)
{
    struct err err = ERR_INIT;
    fixture_session("older", "me", SESSION_RUNNING);
    fixture_sql(PURGE_ENDED("older", 9000));
    purge_add_files("older", 1);
    purge_add_files("old", 1);
    purge_add_garbage("older", 2, -1);
    purge_add_garbage("other", 9, -1);
    break_storage(-1, ERR_INTERNAL, "older");
    OK(purge_once(&err));
    purge_check_old_is_gone();
    ck_assert(purge_exists("older", 1) && purge_exists("older", 2) && !purge_exists("other", 9));
    ck_assert(purge_done.sessions == 1 && purge_done.failures == 2);
    ck_assert_int_eq(purge_reports, 1);
    OK(purge_once(&err)); /* not again at once */
    ck_assert_int_eq(purge_done.failures, 0);
    silent = 0;
    fixture_sql(PURGE_ALL_DUE);
    OK(purge_once(&err));
    ck_assert(!purge_exists("older", 1) && !purge_exists("older", 2));
    ck_assert_int_eq(fixture_number(PURGED_SESSIONS), 2);
    ck_assert_int_eq(purge_rows("older") + purge_rows("other"), 0);
}
END_TEST

START_TEST(test_jobs_purge__storage_that_is_away_ends_the_pass)
{
    struct err err = ERR_INIT;
    for (int i = 1; i <= 5; i++)
        purge_add_garbage("other", i, -1);
    purge_add_files("old", 1);
    break_storage(-1, ERR_UNAVAILABLE, NULL);
    FAILS(purge_once(&err), ERR_UNAVAILABLE);
    ck_assert_int_eq(purge_done.failures, PURGE_AWAY);
    ck_assert_int_eq(purge_reports, 1);
    ck_assert_int_eq(purge_rows("other"), 5);
    fixture_sql(PURGE_ALL_DUE);
    silent = 2; /* comes back in the middle */
    err = ERR_INIT;
    OK(purge_once(&err));
    ck_assert_int_eq(purge_done.failures, 2);
    fixture_sql(PURGE_ALL_DUE);
    OK(purge_once(&err));
    purge_check_old_is_gone();
    ck_assert_int_eq(purge_rows("other"), 0);
    for (int i = 1; i <= 5; i++)
        ck_assert(!purge_exists("other", i));
}
END_TEST

START_TEST(test_jobs_purge__replaced_content_goes_when_it_is_due)
{
    struct err err = ERR_INIT;
    purge_add_files("other", 1);
    for (int i = 0; i < 250; i++) /* more than are claimed at once */
        purge_add_garbage("other", 100 + i, -1);
    purge_add_garbage("other", 2, 60);
    OK(purge_once(&err));
    ck_assert_int_eq(purge_done.objects, 250);
    ck_assert(purge_exists("other", 1) && purge_exists("other", 2) && !purge_exists("other", 100) && !purge_exists("other", 349));
    ck_assert_int_eq(purge_rows("other"), 2);
    fixture_sql("UPDATE storage_garbage SET due_at = UTC_TIMESTAMP(3)");
    OK(purge_once(&err));
    purge_check_other_is_whole(1);
}
END_TEST

static int64_t purged_by[4], deleted_by[4];

static void purge_in_thread(int index)
{
    struct err err = ERR_INIT;
    struct context own;
    struct purge_done result;
    const struct purge_watch watch = { .beat = purge_beat };
    purge_open_context(&own);
    own.db = db_new(&fixture_settings->database);
    OK(purge_pass(&own, &watch, purge_count_report, &result, &err));
    purged_by[index] = result.sessions;
    deleted_by[index] = result.objects;
    db_free(own.db);
    context_close_storage(&own);
}

START_TEST(test_jobs_purge__several_at_once_do_each_thing_once)
{
    int64_t purged = 0, deleted = 0;
    for (int i = 0; i < 40; i++) {
        char id[16], text[256];
        snprintf(id, sizeof(id), "many%d", i);
        fixture_session(id, "me", SESSION_RUNNING);
        snprintf(text, sizeof(text), "UPDATE sessions SET status = 'timeout', ended_at = '2001-01-01' WHERE id = '%s'", id);
        fixture_sql(text);
        purge_add_files(id, 3);
        purge_add_garbage("other", i + 1, -1);
    }
    fixture_threads(4, purge_in_thread);
    for (int i = 0; i < 4; i++) {
        purged += purged_by[i];
        deleted += deleted_by[i];
    }
    ck_assert_int_eq(purged, 41);
    ck_assert_int_eq(deleted, 40 * 3 + 40);
    ck_assert_int_eq(purge_rows("other"), 0);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM workspace_files"), 0);
    ck_assert_int_eq(purge_reports, 0);
}
END_TEST

START_TEST(test_jobs_purge__ten_thousand_objects)
{
    struct err err = ERR_INIT;
    purge_add_files("old", 10000);
    purge_add_files("other", 10);
    OK(purge_once(&err));
    purge_check_old_is_gone();
    purge_check_other_is_whole(10);
    ck_assert_int_eq(purge_done.objects, 10000);
    ck_assert_int_gt(purge_beats, 30);
}
END_TEST

static int run_job(const char *arguments)
{
    char command[512];
    const char *build = getenv("SANDBOX_BUILD");
    snprintf(command, sizeof(command), "%s/jobs/sandbox-purge %s", build && build[0] ? build : ".", arguments);
    return system(command);
}

START_TEST(test_jobs_purge__as_a_program)
{
    purge_add_files("old", 2);
    fixture_sql("UPDATE sessions SET ended_at = UTC_TIMESTAMP(3) - INTERVAL 25 HOUR WHERE id = 'old'"); /* a day is the default */
    purge_add_files("other", 2);
    ck_assert_int_eq(run_job("--once"), 0);
    purge_check_old_is_gone();
    purge_check_other_is_whole(2);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM jobs WHERE name = 'purge'"), 1);
    ck_assert_int_eq(run_job("--once"), 0);
}
END_TEST

START_TEST(test_jobs_purge__the_audit_trail_is_kept_as_long_as_the_setting_says)
{
    struct err err = ERR_INIT;
    fixture_settings->retention.audit_days = 10;
    fixture_sql("INSERT INTO audit (at, actor, action, object_kind, object_id)"
                " SELECT UTC_TIMESTAMP(3) - INTERVAL 11 DAY, 'a', 'old', 'session', seq FROM seq_1_to_1200");
    fixture_sql("INSERT INTO audit (at, actor, action, object_kind, object_id) VALUES (UTC_TIMESTAMP(3) - INTERVAL 9 DAY, 'a', 'x', 'session', 'y')");
    break_storage(-1, ERR_UNAVAILABLE, NULL); /* needs none */
    OK(purge_once(&err));
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM audit"), 1);
    ck_assert_int_eq(purge_done.audit, 1200);
    silent = 0;
}
END_TEST

static void add_s3(Suite *suite)
{
    TCase *tcase = tcase_create("purge on S3");
    tcase_add_checked_fixture(tcase, purge_scene_open_s3, purge_scene_close);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, test_jobs_purge__what_is_due_goes_and_the_rest_stays);
    tcase_add_test(tcase, test_jobs_purge__a_session_without_files_is_looked_at_once);
    tcase_add_test(tcase, test_jobs_purge__one_that_fails_holds_up_nobody);
    tcase_add_test(tcase, test_jobs_purge__storage_that_is_away_ends_the_pass);
    suite_add_tcase(suite, tcase);
}

int main(void)
{
    Suite *suite = suite_create("jobs_purge");
    TCase *tcase = tcase_create("purge");
    tcase_add_checked_fixture(tcase, purge_scene_open, purge_scene_close);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, test_jobs_purge__what_is_due_goes_and_the_rest_stays);
    tcase_add_test(tcase, test_jobs_purge__a_session_that_lives_is_never_due);
    tcase_add_test(tcase, test_jobs_purge__a_session_without_files_is_looked_at_once);
    tcase_add_test(tcase, test_jobs_purge__killed_anywhere_it_is_gone_on_with);
    tcase_add_test(tcase, test_jobs_purge__who_was_killed_leaves_it_when_the_lease_is_over);
    tcase_add_test(tcase, test_jobs_purge__one_that_fails_holds_up_nobody);
    tcase_add_test(tcase, test_jobs_purge__storage_that_is_away_ends_the_pass);
    tcase_add_test(tcase, test_jobs_purge__replaced_content_goes_when_it_is_due);
    tcase_add_test(tcase, test_jobs_purge__several_at_once_do_each_thing_once);
    tcase_add_test(tcase, test_jobs_purge__ten_thousand_objects);
    tcase_add_test(tcase, test_jobs_purge__as_a_program);
    tcase_add_test(tcase, test_jobs_purge__the_audit_trail_is_kept_as_long_as_the_setting_says);
    suite_add_tcase(suite, tcase);
    if (getenv("SANDBOX_TEST_S3_URL"))
        add_s3(suite);
    return fixture_run(suite);
}
