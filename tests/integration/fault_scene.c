/* SPDX-License-Identifier: Apache-2.0 */
/* The victim, and its clients. */
#include "config.h"

#include "tests/integration/fault_scene.h"

#include <check.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/io/digest.h"
#include "lib/io/doorbell.h"
#include "lib/repo/execution_repo.h"
#include "lib/repo/session_repo.h"
#include "lib/repo/workspace_repo.h"
#include "lib/service/executions.h"
#include "lib/service/sessions.h"
#include "lib/storage/storage.h"
#include "lib/util/clock.h"
#include "lib/util/failpoint.h"
#include "lib/util/id.h"
#include "tests/integration/invariants.h"

enum { JOBS_MAX = 16, LIMIT_MS = 45000, POLL_MS = 10 };

#define OK(call) ck_assert_msg((call) == 0, "%s: %s (%s)", #call, err.text, err.detail)

struct stage stage;
struct session session;
static struct job {
    const char *name;
    pid_t pid;
} jobs[JOBS_MAX];
static struct job *victim;
static const char *point_now;
static bool died;

static struct job *job_named(const char *name)
{
    struct job *job = jobs;
    while (job->name && strcmp(job->name, name) != 0)
        job++;
    ck_assert(job < jobs + JOBS_MAX - 1);
    job->name = name;
    return job;
}

void scene_deaf_config(const char *name, char path_out[160])
{
    char line[1024], bells[4][DOORBELL_ADDRESS_SIZE];
    struct err err = ERR_INIT;
    snprintf(path_out, 160, "%s/%s.conf", stage.directory, name);
    cleanup_file FILE *in = fopen(stage.config, "re");
    cleanup_file FILE *out = fopen(path_out, "we");
    ck_assert(in && out);
    for (int i = 0; i < 4; i++) {
        cleanup_fd int fd = doorbell_open("127.0.0.1:0", bells[i], &err);
        ck_assert_int_ge(fd, 0);
    }
    while (fgets(line, sizeof(line), in))
        if (strncmp(line, "doorbell:", 9) == 0)
            fprintf(out, "doorbell: { dispatchd = \"%s\"; provisiond = \"%s\"; pool = \"%s\"; webhookd = \"%s\"; };\n", bells[0], bells[1],
                    bells[2], bells[3]);
        else
            fputs(line, out);
}

pid_t scene_start(const char *name, const char *config)
{
    struct stage other = stage;
    if (config)
        snprintf(other.config, sizeof(other.config), "%s", config);
    struct job *job = jobs;
    while (job->name)
        job++;
    ck_assert(job < jobs + JOBS_MAX - 1);
    *job = (struct job){ .name = name, .pid = stage_start(&other, name) };
    return job->pid;
}

pid_t scene_pid(const char *name)
{
    for (struct job *job = jobs; job->name; job++)
        if (strcmp(job->name, name) == 0)
            return job->pid;
    return 0;
}

void scene_open_empty(void)
{
    stage_open(&stage, NULL);
    stage.timeout_s = 30;
    stage.callback_url = "http://127.0.0.1:1024/hook"; /* noted with each end, for nobody */
    stage_sql(&stage, "DELETE FROM workspace_files");
    stage_sql(&stage, "DELETE FROM storage_garbage");
    stage_sql(&stage, "DELETE FROM rate_limits");
}

void scene_open(void)
{
    scene_open_empty();
    job_named("provisiond")->pid = stage_start(&stage, "provisiond");
    job_named("dispatchd")->pid = stage_start(&stage, "dispatchd");
    stage_await_count(&stage, "SELECT COUNT(*) FROM nodes WHERE status = 'ready'", 1);
}

void scene_close(void)
{
    invariants_await(&stage);
    for (struct job *job = jobs; job->name; job++) /* one that was kept out has ended */
        if (waitpid(job->pid, NULL, WNOHANG) == 0)
            stage_stop(job->pid, SIGTERM);
    session_release(&session);
    stage_close(&stage);
}

void scene_stop(const char *name)
{
    struct job *job = job_named(name);
    stage_stop(job->pid, SIGTERM);
    job->pid = 0;
}

void scene_go_on(const char *name)
{
    job_named(name)->pid = stage_start(&stage, name);
}

void victim_arm(const char *name, const char *point)
{
    char armed[96];
    struct job *job = job_named(name);
    if (job->pid)
        stage_stop(job->pid, SIGTERM);
    snprintf(armed, sizeof(armed), "%s=kill", point);
    job->pid = stage_start_armed(&stage, name, armed);
    victim = job;
    point_now = point;
    died = false;
}

void victim_tend(void)
{
    int status = 0;
    if (!victim || waitpid(victim->pid, &status, WNOHANG) != victim->pid)
        return;
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%s at %s: wait status %d", victim->name, point_now, status);
    ck_assert_msg(!died, "%s died twice at %s", victim->name, point_now);
    victim->pid = stage_start(&stage, victim->name);
    died = true;
}

void victim_has_died(void)
{
    for (int64_t end = clock_mono_ms() + LIMIT_MS; !died && clock_mono_ms() < end; poll(NULL, 0, POLL_MS))
        victim_tend();
    ck_assert_msg(died, "%s never came to %s", victim->name, point_now);
    victim = NULL;
}

void await_count(int64_t expected, const char *sql)
{
    int64_t seen = -1;
    for (int64_t end = clock_mono_ms() + LIMIT_MS; clock_mono_ms() < end; poll(NULL, 0, POLL_MS)) {
        victim_tend();
        if ((seen = stage_count(&stage, sql)) == expected)
            return;
    }
    ck_abort_msg("after %s: %s gives %lld, not %lld", point_now ? point_now : "nothing", sql, (long long)seen, (long long)expected);
}

/* --- clients --- */

void client_creates(int64_t timeout_s)
{
    struct err err = ERR_INIT;
    const struct session_request request = { .template_id = "python-basic", .timeout_s = timeout_s };
    session_release(&session);
    OK(session_service_create(&stage.context, "tester", &request, &session, &err));
}

void client_executes(const char *code, char id_out[EXECUTION_ID_SIZE])
{
    client_executes_told(code, (char *)stage.callback_url, id_out);
}

void client_executes_told(const char *code, char *callback_url, char id_out[EXECUTION_ID_SIZE])
{
    struct err err = ERR_INIT;
    const struct execution_request request = { .language = LANGUAGE_PYTHON, .code = (char *)code, .timeout_s = stage.timeout_s, .max_retries = 3,
                                               .callback_url = callback_url };
    struct execution made = { 0 };
    OK(execution_service_submit(&stage.context, "tester", session.id, &request, false, &made, &err));
    memcpy(id_out, made.id, EXECUTION_ID_SIZE);
    execution_release(&made);
}

void client_ends(void)
{
    struct err err = ERR_INIT;
    OK(session_service_terminate(&stage.context, "tester", session.id, &err));
}

/* A web worker: a process with a connection of its own, which dies at the point. */
static bool worker_begins(const char *point)
{
    int status = 0;
    pid_t pid = fork();
    point_now = point;
    if (pid == 0) {
        struct err err = ERR_INIT;
        stage.context.db = db_new(&stage.settings->database);
#ifdef SANDBOX_FAILPOINTS
        char armed[96];
        snprintf(armed, sizeof(armed), "%s=kill", point);
        if (failpoint_arm(armed, &err) != 0)
            _exit(1);
#endif
        (void)err;
        return true;
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "a worker did not die at %s", point);
    return false;
}

static int take_text(void *arg, const struct db_row *row, struct err *err)
{
    (void)err;
    snprintf(arg, SESSION_ID_SIZE + EXECUTION_ID_SIZE, "%s", db_row_text(row, 0, NULL));
    return 0;
}

static void newest(const char *sql, char *out, size_t size)
{
    struct err err = ERR_INIT;
    char text[SESSION_ID_SIZE + EXECUTION_ID_SIZE] = "";
    const struct db_stmt stmt = { sql };
    cleanup_db struct db *db = db_new(&stage.settings->database);
    OK(db_query(db, &stmt, NULL, 0, take_text, text, &err));
    snprintf(out, size, "%s", text);
}

void client_creates_dying(const char *point, bool accepted)
{
    int64_t before = stage_count(&stage, "SELECT COUNT(*) FROM sessions");
    if (worker_begins(point)) {
        client_creates(300);
        _exit(0);
    }
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM sessions"), before + accepted);
    if (!accepted) {
        client_creates(300);
        return;
    }
    session_release(&session);
    newest("SELECT id FROM sessions ORDER BY seq DESC LIMIT 1", session.id, sizeof(session.id));
}

void client_executes_dying(const char *point, bool accepted, const char *code, char id_out[EXECUTION_ID_SIZE])
{
    int64_t before = stage_count(&stage, "SELECT COUNT(*) FROM executions");
    if (worker_begins(point)) {
        client_executes(code, id_out);
        _exit(0);
    }
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM executions"), before + accepted);
    if (accepted)
        newest("SELECT id FROM executions ORDER BY seq DESC LIMIT 1", id_out, EXECUTION_ID_SIZE);
    else
        client_executes(code, id_out);
}

void client_ends_dying(const char *point)
{
    if (worker_begins(point)) {
        client_ends();
        _exit(0);
    }
    client_ends();
}

void client_uploads(const char *path, const char *text)
{
    struct err err = ERR_INIT;
    struct workspace_file file = { .size = (int64_t)strlen(text), .mime_type = "text/plain" };
    struct storage *storage = NULL;
    struct storage_write *write = NULL;
    char key[STORAGE_KEY_MAX + 1];
    snprintf(file.path, sizeof(file.path), "%s", path);
    id_random(file.object_id, OBJECT_ID_SIZE - 1);
    snprintf(key, sizeof(key), "sessions/%s/%s", session.id, file.object_id);
    OK(digest_sha256_hex(text, strlen(text), file.sha256, &err));
    OK(storage_open(&stage.settings->storage, &storage, &err));
    OK(storage_write_begin(storage, key, &write, &err));
    OK(storage_write_data(write, text, strlen(text), &err));
    OK(storage_write_commit(write, false, &err));
    storage_close(storage);
    OK(workspace_repo_put(stage.context.db, "tester", session.id, &file, 3600, &err));
}

void marking(int mark, double sleep_s, char out[MARKING_SIZE])
{
    snprintf(out, MARKING_SIZE, "import time\nprint('begun', flush=True)\nwith open('marks', 'a') as marks:\n    marks.write('%d ')\n"
             "time.sleep(%.2f)\ndef handler(event):\n    return %d", mark, sleep_s, mark);
}

void expect_marks(const char *expected)
{
    char id[EXECUTION_ID_SIZE], quoted[MARKING_SIZE];
    client_executes("def handler(event):\n    return open('marks').read()", id);
    struct execution execution = await_completed(id);
    snprintf(quoted, sizeof(quoted), "\"%s\"", expected);
    ck_assert_str_eq(execution.outcome.return_json, quoted);
    execution_release(&execution);
}

void expect_once(const char *id)
{
    struct execution execution = await_completed(id);
    ck_assert_int_eq(execution.attempts, 1);
    execution_release(&execution);
}

void await_running(void)
{
    char sql[160];
    snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM sessions WHERE id = '%s' AND status = 'running'", session.id);
    await_count(1, sql);
}

struct execution await_ended(const char *id)
{
    struct err err = ERR_INIT;
    struct execution execution = { 0 };
    char sql[160];
    snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM executions WHERE id = '%s' AND status NOT IN ('pending', 'running')", id);
    await_count(1, sql);
    OK(execution_repo_get(stage.context.db, NULL, id, EXECUTION_WHOLE, &execution, &err));
    return execution;
}

struct execution await_completed(const char *id)
{
    struct execution execution = await_ended(id);
    ck_assert_msg(execution.status == EXECUTION_COMPLETED, "after %s it is %s: %s %s", point_now ? point_now : "nothing",
                  execution_status_name(execution.status), execution.outcome.error_message ? execution.outcome.error_message : "",
                  execution.outcome.stderr_text ? execution.outcome.stderr_text : "");
    return execution;
}

void await_gone(void)
{
    char sql[160];
    snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM containers WHERE session_id = '%s' AND status <> 'deleted'", session.id);
    await_count(0, sql);
}
