/* SPDX-License-Identifier: Apache-2.0 */
/* The stage. */
#include "config.h"

#include "tests/integration/jobs_stage.h"

#include <check.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/io/doorbell.h"
#include "lib/repo/container_repo.h"
#include "lib/repo/execution_repo.h"
#include "lib/repo/session_repo.h"
#include "lib/service/dispatch_bell.h"
#include "lib/service/served_settings.h"
#include "lib/util/clock.h"
#include "lib/util/id.h"

enum { POLL_MS = 10 };

static pid_t runner_pid; /* names the stages of this run */

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        struct err err = ERR_INIT;                                                                                     \
        ck_assert_msg((call) == 0, "%s: %s %s", #call, err.text, err.detail);                                          \
    } while (0)

static const char *build_directory(void)
{
    const char *build = getenv("SANDBOX_BUILD");
    return build && build[0] ? build : ".";
}

/* An address on which nobody listens now. */
static void free_address(char out[DOORBELL_ADDRESS_SIZE])
{
    struct err err = ERR_INIT;
    cleanup_fd int fd = doorbell_open("127.0.0.1:0", out, &err);
    ck_assert_int_ge(fd, 0);
}

static void write_config(struct stage *stage, const char *extra)
{
    char dispatchd[DOORBELL_ADDRESS_SIZE], provisiond[DOORBELL_ADDRESS_SIZE], pool[DOORBELL_ADDRESS_SIZE];
    char webhookd[DOORBELL_ADDRESS_SIZE];
    const char *base = getenv("SANDBOX_CONFIG");
    ck_assert_msg(base, "run me by tests/with-mariadb.sh");
    cleanup_file FILE *in = fopen(base, "re");
    cleanup_file FILE *out = fopen(stage->config, "we");
    ck_assert(in && out);
    for (int c; (c = fgetc(in)) != EOF;)
        fputc(c, out);
    free_address(dispatchd);
    free_address(provisiond);
    free_address(pool);
    free_address(webhookd);
    fprintf(out,
            "doorbell: { dispatchd = \"%s\"; provisiond = \"%s\"; pool = \"%s\"; webhookd = \"%s\"; };\n"
            "node: { id = \"stage\"; workers = 4; cpu_milli = 100000; memory_mb = 100000; };\n"
            "metrics: { directory = \"%s/metrics\"; };\n"
            "runtime: { directory = \"%s\"; executor = \"%s/executor/sandbox-executor\"; %s };\n",
            dispatchd, provisiond, pool, webhookd, stage->directory, stage->directory, build_directory(),
            extra ? extra : "kind = \"process\"; process_isolation = \"best-effort\";");
}

void stage_open(struct stage *stage, const char *extra)
{
    *stage = (struct stage){ .timeout_s = 10 };
    snprintf(stage->directory, sizeof(stage->directory), "/run/sandbox-jobs-%d-XXXXXX", (int)runner_pid);
    ck_assert_ptr_nonnull(mkdtemp(stage->directory));
    ck_assert_int_eq(chmod(stage->directory, 0711), 0);
    snprintf(stage->config, sizeof(stage->config), "%s/stage.conf", stage->directory);
    write_config(stage, extra);
    OK(settings_load(stage->config, &stage->settings, &err));
    struct context *context = &stage->context;
    context->settings = stage->settings;
    context->db = db_new(&stage->settings->database);
    context->now_ms = clock_wall_ms;
    context->random_id = id_random;
    struct err err = ERR_INIT;
    context->doorbell = doorbell_open("127.0.0.1:0", context->doorbell_address, &err);
    ck_assert_int_ge(context->doorbell, 0);
    stage_sql(stage, "DELETE FROM executions");
    stage_sql(stage, "DELETE FROM cancellations");
    stage_sql(stage, "DELETE FROM sessions");
    stage_sql(stage, "DELETE FROM containers");
    stage_sql(stage, "DELETE FROM nodes");
    stage_sql(stage, "DELETE FROM webhooks");
    stage_sql(stage, "DELETE FROM dispatchers");
    stage_sql(stage, "UPDATE templates SET pool_target = 0");
}

static void remove_containers(const struct settings *settings)
{
    struct err err = ERR_INIT;
    struct runtime *runtime = runtime_open(&settings->runtime, &err);
    struct runtime_status *left = NULL;
    size_t count = 0;
    if (runtime && runtime_list(runtime, &left, &count, &err) == 0)
        for (size_t i = 0; i < count; i++)
            (void)!runtime_destroy(runtime, left[i].container_id, &err);
    free(left);
    runtime_free(runtime);
    char command[512];
    snprintf(command, sizeof(command), "rm -rf %s", settings->runtime.directory);
    if (system(command) != 0)
        fprintf(stderr, "%s stays\n", settings->runtime.directory);
}

void stage_close(struct stage *stage)
{
    remove_containers(stage->settings);
    close(stage->context.doorbell);
    db_free(stage->context.db);
    settings_free(stage->settings);
}

int stage_main(struct SRunner *runner)
{
    char pattern[128];
    glob_t found = { 0 };
    runner_pid = getpid();
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    snprintf(pattern, sizeof(pattern), "/run/sandbox-jobs-%d-*/stage.conf", (int)runner_pid);
    glob(pattern, 0, NULL, &found);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct settings *settings = NULL;
        struct err err = ERR_INIT;
        if (settings_load(found.gl_pathv[i], &settings, &err) == 0)
            remove_containers(settings);
        settings_free(settings);
    }
    globfree(&found);
    return failed == 0 ? 0 : 1;
}

static const char *const none[] = { NULL };

pid_t stage_start(struct stage *stage, const char *name)
{
    return stage_start_with(stage, name, none, none);
}

pid_t stage_start_armed(struct stage *stage, const char *name, const char *failpoints)
{
    char variable[256];
    snprintf(variable, sizeof(variable), "SANDBOX_FAILPOINTS=%s", failpoints ? failpoints : "");
    return stage_start_with(stage, name, none, failpoints ? (const char *const[]){ variable, NULL } : none);
}

static void run_job(struct stage *stage, const char *path, const char *const *options, const char *const *variables)
{
    const char *argv[8] = { path, "--config", stage->config };
    for (size_t i = 0; i < 4 && options[i]; i++)
        argv[i + 3] = options[i];
    for (size_t i = 0; variables[i]; i++)
        putenv((char *)variables[i]);
    execv(path, (char *const *)argv);
}

pid_t stage_start_with(struct stage *stage, const char *name, const char *const *options, const char *const *variables)
{
    char path[512], log[128];
    snprintf(path, sizeof(path), "%s/jobs/sandbox-%s", build_directory(), name);
    snprintf(log, sizeof(log), "%s/%s.log", stage->directory, name);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!getenv("SANDBOX_TEST_VERBOSE") && !freopen(log, "a", stderr))
        _exit(126);
    run_job(stage, path, options, variables);
    _exit(127);
}

int stage_stop(pid_t pid, int signal)
{
    int status = 0;
    ck_assert_int_eq(kill(pid, signal), 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return status;
}

void stage_add_running(struct stage *stage, struct session *session, struct container *container,
                       char socket_path[256])
{
    struct db *db = stage->context.db;
    char path[512];
    struct container_list work = { 0 };
    bool changed = false;
    *container = (struct container){ .resources = { 1000, 512, 1024, 64 } };
    id_hex(container->id, CONTAINER_ID_HEX);
    id_hex(container->secret, CONTAINER_SECRET_HEX);
    *session = (struct session){ .status = SESSION_RUNNING, .timeout_s = 300, .resources = container->resources };
    id_prefixed(session->id, "sess_", SESSION_ID_RANDOM);
    snprintf(session->owner, sizeof(session->owner), "tester");
    snprintf(session->template_id, sizeof(session->template_id), "python-basic");
    snprintf(session->node_id, sizeof(session->node_id), "stage");
    memcpy(session->container_id, container->id, sizeof(session->container_id));
    memcpy(container->node_id, session->node_id, sizeof(container->node_id));
    memcpy(container->session_id, session->id, sizeof(container->session_id));
    memcpy(container->template_id, session->template_id, sizeof(container->template_id));
    OK(container_repo_insert(db, container, &err));
    OK(container_repo_claim_work(db, "stage", "test", WORK_SESSIONS_FIRST, 60000, 10, &work, &err));
    container_list_release(&work);
    OK(container_repo_ready(db, container->id, "test", &changed, &err));
    ck_assert(changed);
    OK(session_repo_insert(db, session, &err));
    struct runtime_endpoint endpoint;
    runtime_endpoint(&stage->settings->runtime, container->id, &endpoint);
    snprintf(path, sizeof(path), "mkdir -p $(dirname %s)", endpoint.unix_path);
    ck_assert_int_eq(system(path), 0);
    snprintf(socket_path, 256, "%s", endpoint.unix_path);
}

/* Each event a chunk. */
static void encode_events(const struct wire_event *events, size_t count, struct strbuf *out)
{
    for (size_t i = 0; i < count; i++) {
        cleanup_strbuf struct strbuf line = STRBUF_INIT(8 * 1024 * 1024);
        OK(wire_event_encode(&events[i], &line, &err));
        strbuf_addf(out, "%zx\r\n", line.len);
        strbuf_add(out, line.data, line.len);
        strbuf_add_str(out, "\r\n");
    }
}

void stage_script(struct fake_executor *fake, const struct wire_event *events, size_t count, size_t missing,
                  enum fake_ending ending)
{
    cleanup_strbuf struct strbuf answer = STRBUF_INIT(8 * 1024 * 1024);
    strbuf_add_str(&answer, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    encode_events(events, count, &answer);
    strbuf_add_str(&answer, "0\r\n\r\n");
    fake_executor_script(fake, answer.data, answer.len - missing, ending);
}

void stage_script_cancelled(struct fake_executor *fake, const struct wire_event *events, size_t count)
{
    cleanup_strbuf struct strbuf rest = STRBUF_INIT(64 * 1024);
    encode_events(events, count, &rest);
    strbuf_add_str(&rest, "0\r\n\r\n");
    fake_executor_on_cancel(fake, rest.data, rest.len);
}

void stage_await_posts(struct fake_executor *fake, size_t count)
{
    for (int64_t end = clock_mono_ms() + 20000; clock_mono_ms() < end; poll(NULL, 0, 5))
        if (fake_executor_posts(fake) >= count)
            return;
    ck_abort_msg("only %zu of %zu requests came", fake_executor_posts(fake), count);
}

void stage_execute(struct stage *stage, const struct session *session, const char *code, int64_t max_retries,
                   char id_out[EXECUTION_ID_SIZE])
{
    struct execution execution = {
        .language = LANGUAGE_PYTHON, .code = (char *)code, .timeout_s = stage->timeout_s, .max_retries = max_retries,
        .callback_url = (char *)stage->callback_url, .trace_json = (char *)stage->trace_json,
    };
    char random[EXECUTION_ID_RANDOM + 1];
    struct submit_result submitted;
    char host[NODE_ID_SIZE];
    id_random(random, EXECUTION_ID_RANDOM);
    memcpy(execution.session_id, session->id, sizeof(execution.session_id));
    memcpy(execution.owner, session->owner, sizeof(execution.owner));
    memcpy(execution.notify, stage->context.doorbell_address, sizeof(execution.notify));
    node_own_id(stage->settings, host);
    OK(execution_repo_submit(stage->context.db, random, host, &execution, &submitted, &err));
    ck_assert(submitted.stored);
    dispatch_bell_submitted(&stage->context, execution.seq, &submitted);
    memcpy(id_out, execution.id, EXECUTION_ID_SIZE);
}

void stage_await_execution(struct stage *stage, const char *id, struct execution *out)
{
    struct pollfd bell = { .fd = stage->context.doorbell, .events = POLLIN };
    for (int64_t end = clock_mono_ms() + (stage->timeout_s + 20) * 1000; clock_mono_ms() < end; poll(&bell, 1, POLL_MS)) {
        doorbell_drain(bell.fd);
        OK(execution_repo_get(stage->context.db, NULL, id, EXECUTION_WHOLE, out, &err));
        if (execution_status_final(out->status))
            return;
        execution_release(out);
    }
    ck_abort_msg("execution %s did not end", id);
}

enum session_status stage_await_session(struct stage *stage, const char *id)
{
    for (int64_t end = clock_mono_ms() + 40000; clock_mono_ms() < end; poll(NULL, 0, POLL_MS)) {
        struct session session = { 0 };
        OK(session_repo_get(stage->context.db, NULL, id, &session, &err));
        enum session_status status = session.status;
        session_release(&session);
        if (status != SESSION_CREATING)
            return status;
    }
    ck_abort_msg("session %s did not start", id);
}

static void end_database(const char *signal_name)
{
    char command[512];
    snprintf(command, sizeof(command), "p=$(cat %s); kill -%s $p; while kill -0 $p 2>/dev/null; do sleep 0.02; done",
             getenv("SANDBOX_TEST_DB_PID_FILE"), signal_name);
    (void)!system(command);
}

void stage_kill_database(void)
{
    end_database("KILL");
}

void stage_stop_database(void)
{
    end_database("TERM");
}

void stage_start_database(struct stage *stage)
{
    char command[512];
    /* check kills the process group of every test that has ended */
    snprintf(command, sizeof(command), "setsid -w %s", getenv("SANDBOX_TEST_DB_START"));
    ck_assert_int_eq(system(command), 0);
    db_free(stage->context.db);
    stage->context.db = db_new(&stage->settings->database);
}

void stage_sql(struct stage *stage, const char *sql)
{
    OK(db_script(stage->context.db, sql, &err));
}

static int take_number(void *arg, const struct db_row *row, struct err *err)
{
    (void)err;
    *(int64_t *)arg = db_row_int(row, 0);
    return 0;
}

int64_t stage_count(struct stage *stage, const char *sql)
{
    int64_t number = 0;
    /* statements are known by address: one that is used once has a connection of its own */
    const struct db_stmt stmt = { sql };
    cleanup_db struct db *db = db_new(&stage->settings->database);
    OK(db_query(db, &stmt, NULL, 0, take_number, &number, &err));
    return number;
}

void stage_await_count(struct stage *stage, const char *sql, int64_t expected)
{
    int64_t seen = -1;
    for (int64_t end = clock_mono_ms() + 30000; clock_mono_ms() < end; poll(NULL, 0, POLL_MS * 3)) {
        seen = stage_count(stage, sql);
        if (seen == expected)
            return;
    }
    ck_abort_msg("%s gives %lld, not %lld", sql, (long long)seen, (long long)expected);
}
