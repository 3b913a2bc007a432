/* SPDX-License-Identifier: Apache-2.0 */
/* Real deadlocks at the hot transactions: somebody else takes their locks the other way round, and has changed more, so that the server ends
 * ours. Each is repeated, and done once. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/repo/execution_repo.h"
#include "lib/repo/session_repo.h"
#include "lib/service/executions.h"
#include "lib/service/opening.h"
#include "lib/service/replacing.h"
#include "lib/service/sessions.h"
#include "lib/util/clock.h"
#include "lib/util/id.h"
#include "tests/integration/db_fixture.h"

#define COUNT(what) fixture_number("SELECT COUNT(*) FROM " what)
#define DEADLOCKS "SELECT CAST(VARIABLE_VALUE AS SIGNED) FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'INNODB_DEADLOCKS'"
#define WAITING "SELECT CAST(VARIABLE_VALUE AS SIGNED) FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'INNODB_ROW_LOCK_CURRENT_WAITS'"

static struct context context_of(struct db *db)
{
    return (struct context){ .db = db, .settings = fixture_settings, .doorbell = -1, .now_ms = clock_wall_ms,
                             .random_id = id_random, .actor = { .name = "test" } };
}

static int create(struct db *db, struct err *err)
{
    struct context context = context_of(db);
    struct session made = { 0 };
    const struct session_request request = { .template_id = "python-basic", .timeout_s = 300 };
    int status = session_service_create(&context, "me", &request, &made, err);
    session_release(&made);
    return status;
}

static int end(struct db *db, struct err *err)
{
    struct context context = context_of(db);
    return session_service_terminate(&context, "me", "s1", err);
}

static int open_session(struct db *db, struct err *err)
{
    char id[CONTAINER_ID_SIZE] = "";
    struct session session = { 0 };
    if (session_repo_get(db, NULL, "s1", &session, err) != 0)
        return -1;
    memcpy(id, session.container_id, sizeof(id));
    session_release(&session);
    struct opening opening = { .container_id = id, .session_id = "s1" };
    return db_transaction(db, opening_work, &opening, err);
}

static int replace(struct db *db, struct err *err)
{
    struct context context = context_of(db);
    struct session session = { 0 };
    enum death_outcome outcome;
    if (session_repo_get(db, NULL, "s1", &session, err) != 0)
        return -1;
    const struct death death = { .session_id = "s1", .container_id = session.container_id, .reason = "It died." };
    int status = session_service_replace(&context, &death, &outcome, err);
    session_release(&session);
    return status;
}

/* The same as somebody else's at first. */
static void twin_id(char *out, size_t count)
{
    static bool again;
    if (again)
        id_random(out, count);
    else
        snprintf(out, count + 1, "%s", "twinidid");
    again = true;
}

/* One statement outside a transaction: the connection repeats it. */
static int submit(struct db *db, struct err *err)
{
    struct context context = context_of(db);
    const struct execution_request request = { .language = LANGUAGE_PYTHON, .code = (char *)"ours", .timeout_s = 30 };
    struct execution execution = { 0 };
    context.random_id = twin_id;
    return execution_service_submit(&context, "me", "s1", &request, false, &execution, err);
}

static int claim(struct db *db, struct err *err)
{
    struct claim_list claims = { 0 };
    int status = execution_repo_claim(db, "test", NULL, 10, &claims, NULL, err);
    claim_list_release(&claims);
    return status;
}

/* `last`: what the transaction locks last; `first`: what it has by then. */
static const struct hot {
    const char *name;
    int (*work)(struct db *db, struct err *err);
    enum session_status before;
    const char *last, *first, *done;
} hots[] = {
    { "create", create, SESSION_RUNNING, "SELECT * FROM nodes WHERE id = 'n1' FOR UPDATE", "SELECT * FROM templates WHERE id = 'python-basic' FOR UPDATE",
      "sessions WHERE id LIKE 'sess_%' AND status = 'creating'" },
    { "end", end, SESSION_RUNNING, "SELECT * FROM executions FOR UPDATE", "SELECT * FROM sessions WHERE id = 's1' FOR UPDATE",
      "sessions s JOIN executions e ON e.session_id = s.id WHERE s.status = 'terminated' AND e.status = 'failed'" },
    { "open", open_session, SESSION_CREATING, "SELECT * FROM executions FOR UPDATE", "SELECT * FROM sessions WHERE id = 's1' FOR UPDATE",
      "sessions s JOIN executions e ON e.session_id = s.id WHERE s.status = 'running' AND e.runnable = 1" },
    { "replace", replace, SESSION_RUNNING, "SELECT * FROM executions FOR UPDATE", "SELECT * FROM sessions WHERE id = 's1' FOR UPDATE",
      "sessions WHERE status = 'creating' AND restarts = 1" },
    { "submit", submit, SESSION_RUNNING, "INSERT INTO executions (id, session_id, owner, status, runnable, language, timeout_s, max_retries, code, due_at,"
      " created_at) VALUES (CONCAT('exec_', DATE_FORMAT(UTC_TIMESTAMP(), '%Y%m%d'), '_twinidid'), 's1', 'me', 'pending', 1, 'python', 1, 0, 'theirs',"
      " UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))", "SELECT * FROM sessions WHERE id = 's1' FOR UPDATE", "executions WHERE code = 'ours'" },
};

struct ours {
    const struct hot *hot;
    int status;
    struct err err;
};

static void *run_ours(void *arg)
{
    struct ours *ours = arg;
    struct db *db = db_new(&fixture_settings->database);
    ours->status = ours->hot->work(db, &ours->err);
    db_free(db);
    return NULL;
}

START_TEST(test_deadlocks__are_repeated)
{
    struct err err = ERR_INIT;
    struct ours ours = { .hot = &hots[_i], .err = ERR_INIT };
    pthread_t thread;
    fixture_node("n1", 8000, 8192, 20);
    fixture_session("s1", "me", ours.hot->before);
    fixture_sql("UPDATE sessions SET started_at = UTC_TIMESTAMP(3)");
    fixture_execution("exec_20260101_00000001", "s1", ours.hot->before == SESSION_RUNNING);
    int64_t before = fixture_number(DEADLOCKS);
    cleanup_db struct db *rival = db_new(&fixture_settings->database);
    /* who has changed more is spared */
    OK(db_script(rival, "DROP TABLE IF EXISTS weight; CREATE TABLE weight (n INT) ENGINE=InnoDB", &err));
    OK(db_script(rival, "START TRANSACTION; INSERT INTO weight SELECT seq FROM seq_1_to_500", &err));
    OK(db_script(rival, ours.hot->last, &err));
    ck_assert_int_eq(pthread_create(&thread, NULL, run_ours, &ours), 0);
    fixture_wait(WAITING, 1);
    ck_assert_msg(db_script(rival, ours.hot->first, &err) == 0, "%s: the other one was ended: %s %s", ours.hot->name, err.text, err.detail);
    OK(db_script(rival, "COMMIT", &err));
    pthread_join(thread, NULL);
    ck_assert_msg(ours.status == 0, "%s: %s %s", ours.hot->name, ours.err.text, ours.err.detail);
    ck_assert_msg(fixture_number(DEADLOCKS) > before, "%s: there was no deadlock", ours.hot->name);
    char done[256];
    snprintf(done, sizeof(done), "SELECT COUNT(*) FROM %s", ours.hot->done);
    ck_assert_msg(fixture_number(done) == 1, "%s", ours.hot->name);
    fixture_sql("DROP TABLE weight");
}
END_TEST

/* Never waits, whoever holds what: rows that are locked are passed over. */
START_TEST(test_deadlocks__claims_pass_locked_rows_by)
{
    struct err err = ERR_INIT;
    fixture_session("s1", "me", SESSION_RUNNING);
    fixture_execution("exec_20260101_00000001", "s1", true);
    fixture_execution("exec_20260101_00000002", "s1", true);
    cleanup_db struct db *rival = db_new(&fixture_settings->database);
    OK(db_script(rival, "START TRANSACTION; SELECT * FROM executions WHERE id = 'exec_20260101_00000001' FOR UPDATE", &err));
    int64_t begun = clock_mono_ms();
    OK(claim(fixture_db, &err));
    ck_assert_int_lt(clock_mono_ms() - begun, 1000);
    ck_assert_int_eq(COUNT("executions WHERE status = 'running' AND id LIKE '%2'"), 1);
    OK(db_script(rival, "ROLLBACK", &err));
    OK(claim(fixture_db, &err));
    ck_assert_int_eq(COUNT("executions WHERE status = 'running'"), 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("deadlocks");
    TCase *tcase = fixture_case(suite, "all");
    tcase_add_loop_test(tcase, test_deadlocks__are_repeated, 0, sizeof(hots) / sizeof(hots[0]));
    tcase_add_test(tcase, test_deadlocks__claims_pass_locked_rows_by);
    return fixture_run(suite);
}
