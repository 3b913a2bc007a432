/* SPDX-License-Identifier: Apache-2.0 */
/* Connections, empty tables and ready-made rows for tests. */
#include "tests/integration/db_fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/repo/container_repo.h"
#include "lib/repo/execution_repo.h"
#include "lib/repo/node_repo.h"
#include "lib/repo/session_repo.h"
#include "lib/util/clock.h"

struct settings *fixture_settings;
struct db *fixture_db;

static const struct resources small = { .cpu_milli = 1000, .memory_mb = 512, .disk_mb = 1024, .max_processes = 128 };

void fixture_sql(const char *sql)
{
    struct err err = ERR_INIT;
    OK(db_script(fixture_db, sql, &err));
}

void fixture_setup(void)
{
    struct err err = ERR_INIT;
    OK(settings_load(NULL, &fixture_settings, &err));
    fixture_db = db_new(&fixture_settings->database);
    ck_assert_ptr_nonnull(fixture_db);
    fixture_sql("DELETE FROM executions; DELETE FROM sessions; DELETE FROM containers; DELETE FROM nodes;"
                "DELETE FROM jobs; DELETE FROM tokens; DELETE FROM cancellations; DELETE FROM idempotency_keys;"
                "DELETE FROM owners; DELETE FROM rate_limits; DELETE FROM audit; DELETE FROM container_questions;"
                "DELETE FROM workspace_files; DELETE FROM storage_garbage; DELETE FROM node_images;"
                "DELETE FROM pool_demand; DELETE FROM webhooks; DELETE FROM dispatchers;"
                "DELETE FROM templates WHERE id NOT IN ('python-basic', 'python-datascience', 'nodejs-basic');"
                "UPDATE templates SET pool_target = 0, pool_min = 0, deprecated = 0");
}

void fixture_teardown(void)
{
    db_free(steal(fixture_db));
    settings_free(steal(fixture_settings));
}

static int take_number(void *arg, const struct db_row *row, struct err *err)
{
    (void)err;
    *(int64_t *)arg = db_row_int(row, 0);
    return 0;
}

int64_t fixture_number(const char *sql)
{
    struct err err = ERR_INIT;
    int64_t number = INT64_MIN;
    struct db *db = db_new(&fixture_settings->database); /* statements are cached by address: not this one */
    const struct db_stmt stmt = { sql };
    ck_assert_ptr_nonnull(db);
    OK(db_query(db, &stmt, NULL, 0, take_number, &number, &err));
    db_free(db);
    return number;
}

void fixture_wait(const char *sql, int64_t wanted)
{
    int64_t until = clock_mono_ms() + 10000;
    static const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
    while (fixture_number(sql) != wanted) {
        ck_assert_msg(clock_mono_ms() < until, "still not %lld: %s", (long long)wanted, sql);
        nanosleep(&pause, NULL);
    }
}

void fixture_node(const char *id, int64_t cpu_milli, int64_t memory_mb, int64_t max_containers)
{
    struct err err = ERR_INIT;
    struct node node = { .runtime_type = RUNTIME_PROCESS, .status = "ready", .isolation = "namespaces",
                         .cpu_milli = cpu_milli, .memory_mb = memory_mb, .max_containers = max_containers };
    snprintf(node.id, sizeof(node.id), "%s", id);
    OK(node_repo_beat(fixture_db, &node, &err));
}

void fixture_container(const char *id, const char *node, const char *session_id, enum container_status status)
{
    struct err err = ERR_INIT;
    struct container container = { .runtime_type = RUNTIME_PROCESS, .template_id = "python-basic",
                                   .image = "sandbox/python:3.11-basic", .languages = "python",
                                   .oci_runtime = "", .read_only_root = true, .resources = small,
                                   .secret = "secret" };
    snprintf(container.id, sizeof(container.id), "%s", id);
    snprintf(container.node_id, sizeof(container.node_id), "%s", node);
    snprintf(container.session_id, sizeof(container.session_id), "%s", session_id);
    OK(container_repo_insert(fixture_db, &container, &err));
    static const struct db_stmt set = {
        "UPDATE containers SET status = ?, ready_at = IF(status = 'creating', NULL, UTC_TIMESTAMP(3)) WHERE id = ?"
    };
    OK(DB_EXEC(fixture_db, &set, NULL, &err, db_text(container_status_name(status)), db_text(container.id)));
}

void fixture_session(const char *id, const char *owner, enum session_status status)
{
    struct err err = ERR_INIT;
    static unsigned containers;
    struct session session = { .status = status, .runtime_type = RUNTIME_PROCESS, .template_id = "python-basic",
                               .node_id = "n1", .resources = small, .timeout_s = 300,
                               .env_json = "{\"A\":\"1\"}" };
    snprintf(session.id, sizeof(session.id), "%s", id);
    snprintf(session.owner, sizeof(session.owner), "%s", owner);
    snprintf(session.container_id, sizeof(session.container_id), "c%011u", ++containers);
    OK(session_repo_insert(fixture_db, &session, &err));
    fixture_container(session.container_id, "n1", id,
                      status == SESSION_RUNNING ? CONTAINER_RUNNING : CONTAINER_CREATING);
}

/* As the fields say, whatever its session is: the product itself stores only what a session is open for. */
static void insert_execution(const struct execution *e)
{
    static const struct db_stmt insert = { "INSERT INTO executions (id, session_id, owner, status, runnable, language, timeout_s, max_retries, code,"
                                           " due_at, created_at) VALUES (?, ?, ?, 'pending', ?, ?, ?, ?, ?, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))" };
    struct err err = ERR_INIT;
    OK(DB_EXEC(fixture_db, &insert, NULL, &err, db_text(e->id), db_text(e->session_id), db_text(e->owner), db_int(e->runnable),
               db_text(language_name(e->language)), db_int(e->timeout_s), db_int(e->max_retries), db_text(e->code)));
}

void fixture_execution(const char *id, const char *session_id, bool runnable)
{
    struct execution execution = { .owner = "me", .language = LANGUAGE_PYTHON, .code = (char *)"print(1)",
                                   .timeout_s = 30, .max_retries = 3, .runnable = runnable };
    snprintf(execution.id, sizeof(execution.id), "%s", id);
    snprintf(execution.session_id, sizeof(execution.session_id), "%s", session_id);
    insert_execution(&execution);
}

struct thread {
    pthread_t id;
    pthread_barrier_t *start;
    void (*body)(int);
    int index;
};

static void *run_thread(void *arg)
{
    struct thread *thread = arg;
    pthread_barrier_wait(thread->start);
    thread->body(thread->index);
    return NULL;
}

void fixture_threads(int count, void (*body)(int index))
{
    struct thread threads[64];
    pthread_barrier_t start;
    ck_assert_int_le(count, 64);
    pthread_barrier_init(&start, NULL, (unsigned)count);
    for (int i = 0; i < count; i++) {
        threads[i] = (struct thread){ .start = &start, .body = body, .index = i };
        ck_assert_int_eq(pthread_create(&threads[i].id, NULL, run_thread, &threads[i]), 0);
    }
    for (int i = 0; i < count; i++)
        pthread_join(threads[i].id, NULL);
    pthread_barrier_destroy(&start);
}

TCase *fixture_case(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, fixture_setup, fixture_teardown);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    return tcase;
}

int fixture_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
