/* SPDX-License-Identifier: Apache-2.0 */
/* Files on their way into a real sandbox and out of it, and what may come in between. */
#include "config.h"

#include <check.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/service/cancelling.h"
#include "lib/service/sessions.h"
#include "lib/util/clock.h"
#include "lib/util/json.h"
#include "tests/integration/files_scene.h"

START_TEST(test_jobs_files__what_was_uploaded_before_is_there)
{
    files_upload_text("in.txt", "hello");
    files_upload_text("a/b/c.txt", "");
    struct execution execution = files_run("def handler(event):\n    return [open('in.txt').read(), open('a/b/c.txt').read()]\n",
                                           EXECUTION_COMPLETED);
    ck_assert_str_eq(execution.outcome.return_json, "[\"hello\",\"\"]");
    ck_assert_ptr_null(execution.outcome.artifacts_json); /* they were put there by us */
    execution_release(&execution);
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM workspace_files WHERE pending = 1 OR source = ''"), 0);
    files_upload_text("in.txt", "new");
    files_delete("a/b/c.txt");
    execution = files_run("import os\ndef handler(event):\n    return [open('in.txt').read(), os.path.exists('a/b/c.txt')]\n",
                          EXECUTION_COMPLETED);
    ck_assert_str_eq(execution.outcome.return_json, "[\"new\",false]");
    execution_release(&execution);
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM workspace_files"), 1); /* the tombstone is gone */
}
END_TEST

START_TEST(test_jobs_files__what_code_makes_changes_and_removes)
{
    struct execution execution = files_run("import os\nos.makedirs('out')\nopen('out/b.csv','w').write('x,y\\n1,2\\n3,4\\n')\n"
                                           "open('a','w').close()\nos.chmod('a', 0o750)\n", EXECUTION_COMPLETED);
    struct err err = ERR_INIT;
    cleanup_json struct json_object *artifacts = NULL;
    const char *text = execution.outcome.artifacts_json;
    ck_assert_ptr_nonnull(text);
    ck_assert_int_eq(json_parse(text, strlen(text), &artifacts, &err), 0);
    ck_assert_uint_eq(json_object_array_length(artifacts), 2);
    struct json_object *second = json_object_array_get_idx(artifacts, 1);
    ck_assert_str_eq(json_object_get_string(json_object_object_get(second, "path")), "out/b.csv");
    ck_assert_int_eq(json_object_get_int64(json_object_object_get(second, "size")), 12);
    ck_assert_str_eq(json_object_get_string(json_object_object_get(second, "sha256")), files_row("out/b.csv").sha256);
    ck_assert_str_eq(json_object_get_string(json_object_object_get(second, "mime_type")), files_row("out/b.csv").mime_type);
    execution_release(&execution);
    files_expect("a", "");
    ck_assert_int_eq(files_row("a").mode, 0750);
    files_do("import os, shutil\nopen('a','w').write('more')\nshutil.rmtree('out')\nos.mkfifo('p')\nos.symlink('/etc/passwd','l')\n");
    files_expect("a", "more");
    files_expect("out/b.csv", NULL);
    files_expect("p", NULL);
    files_expect("l", NULL);
    ck_assert_int_eq(files_rows(), 1);
    ck_assert_int_eq(files_objects(), 3); /* two of them garbage */
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM storage_garbage"), 2);
    files_do("open('b','w').write('b')\n");
    ck_assert_int_eq(files_objects(), 4); /* what did not change was not fetched */
}
END_TEST

START_TEST(test_jobs_files__large_ones_go_both_ways)
{
    files_do("import os\nblock = os.urandom(1 << 20)\nf = open('big','wb')\nfor i in range(64): f.write(block)\nf.write(b'end')\nf.close()\n");
    struct workspace_file big = files_row("big");
    ck_assert_int_eq(big.size, (64 << 20) + 3);
    size_t size = (9 << 20) + 7;
    cleanup_free char *data = malloc(size);
    for (size_t i = 0; i < size; i++)
        data[i] = (char)(i * 31 + (i >> 13));
    files_upload("in.bin", data, size);
    files_upload("even.bin", data, 8 << 20); /* its last piece is a full one */
    struct execution execution = files_run("import hashlib\ndef handler(event):\n"
        "    return [hashlib.sha256(open(n,'rb').read()).hexdigest() for n in ('in.bin', 'even.bin', 'big')]\n", EXECUTION_COMPLETED);
    char expected[256];
    snprintf(expected, sizeof(expected), "[\"%s\",\"%s\",\"%s\"]", files_row("in.bin").sha256, files_row("even.bin").sha256, big.sha256);
    ck_assert_str_eq(execution.outcome.return_json, expected);
    execution_release(&execution);
}
END_TEST

#define MANY "import os\nfor i in range(%d):\n    d = 'd%%d' %% (i %% 50)\n    os.makedirs(d, exist_ok=True)\n    open('%%s/%%d' %% (d, i),'w').write(str(i))\n"

START_TEST(test_jobs_files__ten_thousand)
{
    char code[512];
    snprintf(code, sizeof(code), MANY, 10000);
    files_do(code);
    ck_assert_int_eq(files_rows(), 10000);
    ck_assert_int_eq(files_objects(), 10000);
    files_expect("d17/9967", "9967");
    int64_t begun = clock_mono_ms();
    files_do("pass");
    ck_assert_int_lt(clock_mono_ms() - begun, 2000);
    files_do("open('d0/0','w').write('changed')\n");
    ck_assert_int_eq(files_objects(), 10001);
    files_expect("d0/0", "changed");
    files_do("import shutil\nshutil.rmtree('d1')\n");
    ck_assert_int_eq(files_rows(), 9800);
}
END_TEST

/* Killed while it fetches: the next one carries on, and fetches at most what was not recorded. */
START_TEST(test_jobs_files__killed_while_files_come_out)
{
    char id[EXECUTION_ID_SIZE], code[512];
    struct execution execution = { 0 };
    snprintf(code, sizeof(code), MANY, 3000);
    stage_execute(&stage, &session, code, 0, id);
    files_await_objects(600);
    stage_stop(dispatchd, SIGKILL);
    int64_t rows = files_rows(), objects = files_objects();
    ck_assert_int_gt(rows, 0);
    ck_assert_int_lt(rows, 3000);
    dispatchd = stage_start(&stage, "dispatchd");
    stage_await_execution(&stage, id, &execution);
    ck_assert_int_eq(execution.status, EXECUTION_COMPLETED);
    ck_assert_int_eq(execution.attempts, 1);
    struct err err = ERR_INIT;
    cleanup_json struct json_object *artifacts = NULL;
    ck_assert_int_eq(json_parse(execution.outcome.artifacts_json, strlen(execution.outcome.artifacts_json), &artifacts, &err), 0);
    ck_assert_uint_eq(json_object_array_length(artifacts), 3000);
    execution_release(&execution);
    ck_assert_int_eq(files_rows(), 3000);
    ck_assert_int_le(files_objects(), 3000 + objects - rows);
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM storage_garbage"), 0); /* none was stored twice */
}
END_TEST

START_TEST(test_jobs_files__killed_while_files_go_in)
{
    enum { COUNT = 600 };
    char id[EXECUTION_ID_SIZE], path[32];
    struct execution execution = { 0 };
    for (int i = 0; i < COUNT; i++) {
        snprintf(path, sizeof(path), "in/%d", i);
        files_upload_text(path, path);
    }
    stage_execute(&stage, &session, "import os\ndef handler(event):\n    return len(os.listdir('in'))\n", 0, id);
    for (int64_t end = clock_mono_ms() + 20000; clock_mono_ms() < end; poll(NULL, 0, 1))
        if (stage_count(&stage, "SELECT COUNT(*) FROM workspace_files WHERE pending = 0") > 0)
            break;
    stage_stop(dispatchd, SIGKILL);
    ck_assert_int_gt(stage_count(&stage, "SELECT COUNT(*) FROM workspace_files WHERE pending = 0"), 0);
    dispatchd = stage_start(&stage, "dispatchd");
    stage_await_execution(&stage, id, &execution);
    ck_assert_int_eq(execution.status, EXECUTION_COMPLETED);
    ck_assert_str_eq(execution.outcome.return_json, "600");
    execution_release(&execution);
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM sessions s JOIN containers c ON c.id = s.container_id"
                                         " WHERE s.workspace_seq = c.workspace_seq AND s.workspace_seq = 600"), 1);
    ck_assert_int_eq(files_objects(), COUNT);
}
END_TEST

START_TEST(test_jobs_files__a_directory_in_the_way_is_said)
{
    files_do("import os\nos.mkdir('x')\n");
    files_upload_text("x", "a file");
    files_upload_text("y", "another");
    struct execution execution = files_run("pass", EXECUTION_FAILED);
    ck_assert_str_eq(execution.outcome.error_kind, "workspace");
    ck_assert_ptr_nonnull(strstr(execution.outcome.error_message, "'x'"));
    ck_assert(!execution.outcome.has_exit_code);
    execution_release(&execution);
    files_delete("x");
    execution = files_run("def handler(event):\n    return open('y').read()\n", EXECUTION_COMPLETED);
    ck_assert_str_eq(execution.outcome.return_json, "\"another\"");
    execution_release(&execution);
}
END_TEST

START_TEST(test_jobs_files__over_the_disk_what_fits_is_stored)
{
    stage_sql(&stage, "UPDATE sessions SET disk_mb = 2"); /* the executor was told more, when it was started */
    struct execution execution = files_run("print('said')\nopen('a','wb').write(b'a' * 1000000)\nopen('b','wb').write(b'b' * 1000000)\n"
                                           "open('c','wb').write(b'c' * 1000000)\n", EXECUTION_FAILED);
    ck_assert_str_eq(execution.outcome.error_kind, "disk_full");
    ck_assert_str_eq(execution.outcome.stdout_text, "said\n");
    execution_release(&execution);
    if (files_rows() > 0) /* nothing is, where the executor was faster */
        ck_assert_int_eq(files_rows(), 2);
    files_do("import os\nos.remove('a')\n");
    files_expect("a", NULL);
    ck_assert_int_eq(files_row("c").size, 1000000);
}
END_TEST

static void move_storage(bool away)
{
    char command[1200];
    const char *directory = stage.settings->storage.directory;
    snprintf(command, sizeof(command), away ? "mv %s %s.away && : > %s" : "rm -f %s && mv %s.away %s", directory, directory, directory);
    ck_assert_int_eq(system(command), 0);
}

START_TEST(test_jobs_files__storage_away_for_a_while)
{
    char id[EXECUTION_ID_SIZE];
    struct execution execution = { 0 };
    files_do("open('a','w').write('1')\n");
    move_storage(true);
    stage_execute(&stage, &session, "open('a','w').write('2')\n", 0, id);
    poll(NULL, 0, 1500);
    move_storage(false);
    stage_await_execution(&stage, id, &execution);
    ck_assert_int_eq(execution.status, EXECUTION_COMPLETED);
    execution_release(&execution);
    files_expect("a", "2");
}
END_TEST

START_TEST(test_jobs_files__storage_away_for_long_the_next_one_stores)
{
    files_do("open('a','w').write('1')\n");
    move_storage(true);
    struct execution execution = files_run("print('kept')\nopen('a','w').write('2')\n", EXECUTION_FAILED);
    move_storage(false);
    ck_assert_str_eq(execution.outcome.error_kind, "storage");
    ck_assert_str_eq(execution.outcome.stdout_text, "kept\n");
    execution_release(&execution);
    files_expect("a", "1");
    files_do("pass");
    files_expect("a", "2");
}
END_TEST

static void cancel(const char *id)
{
    struct err err = ERR_INIT;
    struct execution execution = { 0 };
    ck_assert_msg(execution_service_cancel(&stage.context, "tester", id, &execution, &err) == 0, "%s", err.text);
    execution_release(&execution);
}

START_TEST(test_jobs_files__cancelled_while_files_come_out)
{
    char id[EXECUTION_ID_SIZE], code[512];
    struct execution execution = { 0 };
    snprintf(code, sizeof(code), MANY, 5000);
    stage_execute(&stage, &session, code, 0, id);
    files_await_objects(200);
    cancel(id);
    stage_await_execution(&stage, id, &execution);
    ck_assert_int_eq(execution.status, EXECUTION_CANCELLED);
    execution_release(&execution);
    ck_assert_int_lt(files_rows(), 5000);
    files_do("pass"); /* brings the rest */
    ck_assert_int_eq(files_rows(), 5000);
}
END_TEST

START_TEST(test_jobs_files__cancelled_while_files_go_in_it_never_starts)
{
    char id[EXECUTION_ID_SIZE];
    struct execution execution = { 0 };
    files_upload_text("a", "1");
    move_storage(true); /* so that it takes its time */
    stage_execute(&stage, &session, "open('ran','w').close()\n", 3, id);
    stage_await_count(&stage, "SELECT COUNT(*) FROM executions WHERE status = 'running'", 1);
    cancel(id);
    stage_await_execution(&stage, id, &execution);
    move_storage(false);
    ck_assert_int_eq(execution.status, EXECUTION_CANCELLED);
    execution_release(&execution);
    files_do("pass");
    files_expect("ran", NULL);
}
END_TEST

START_TEST(test_jobs_files__the_session_ends_meanwhile)
{
    char id[EXECUTION_ID_SIZE], code[512];
    struct err err = ERR_INIT;
    struct execution execution = { 0 };
    snprintf(code, sizeof(code), MANY, 5000);
    stage_execute(&stage, &session, code, 0, id);
    files_await_objects(200);
    ck_assert_int_eq(session_service_terminate(&stage.context, "tester", session.id, &err), 0);
    stage_await_execution(&stage, id, &execution);
    ck_assert_str_eq(execution.outcome.error_kind, "session_terminated");
    execution_release(&execution);
    int64_t rows = files_rows(); /* nothing is stored for a session that has ended */
    poll(NULL, 0, 500);
    ck_assert_int_eq(files_rows(), rows);
}
END_TEST

START_TEST(test_jobs_files__two_at_once_and_one_that_goes_on_writing)
{
    char writer[EXECUTION_ID_SIZE], other[EXECUTION_ID_SIZE];
    struct execution execution = { 0 };
    stage_execute(&stage, &session, "import time\nend = time.time() + 4\nf = open('log','w')\nwhile time.time() < end:\n"
                                    "    f.write('x' * 9999 + '\\n')\n    f.flush()\n    time.sleep(0.001)\n", 0, writer);
    poll(NULL, 0, 1000);
    stage_execute(&stage, &session, "open('other','w').write('done')\n", 0, other);
    stage_await_execution(&stage, other, &execution);
    ck_assert_int_eq(execution.status, EXECUTION_COMPLETED);
    execution_release(&execution);
    files_expect("other", "done");
    stage_await_execution(&stage, writer, &execution);
    ck_assert_int_eq(execution.status, EXECUTION_COMPLETED);
    ck_assert_ptr_nonnull(strstr(execution.outcome.artifacts_json, "log"));
    execution_release(&execution);
    struct execution size = files_run("import os\ndef handler(event):\n    return os.path.getsize('log')\n", EXECUTION_COMPLETED);
    ck_assert_int_eq(files_row("log").size, strtoll(size.outcome.return_json, NULL, 10));
    execution_release(&size);
}
END_TEST

START_TEST(test_jobs_files__ends_soon_on_sigterm)
{
    char id[EXECUTION_ID_SIZE], code[512];
    struct execution execution = { 0 };
    snprintf(code, sizeof(code), MANY, 5000);
    stage_execute(&stage, &session, code, 0, id);
    files_await_objects(200);
    int64_t begun = clock_mono_ms();
    int status = stage_stop(dispatchd, SIGTERM);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ck_assert_int_lt(clock_mono_ms() - begun, 3000);
    dispatchd = stage_start(&stage, "dispatchd");
    stage_await_execution(&stage, id, &execution);
    ck_assert_int_eq(execution.status, EXECUTION_COMPLETED);
    execution_release(&execution);
    ck_assert_int_eq(files_rows(), 5000);
    ck_assert_int_eq(files_objects(), 5000); /* in order, nothing was left behind */
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        test_jobs_files__what_was_uploaded_before_is_there,
        test_jobs_files__what_code_makes_changes_and_removes,
        test_jobs_files__large_ones_go_both_ways,
        test_jobs_files__ten_thousand,
        test_jobs_files__killed_while_files_come_out,
        test_jobs_files__killed_while_files_go_in,
        test_jobs_files__a_directory_in_the_way_is_said,
        test_jobs_files__over_the_disk_what_fits_is_stored,
        test_jobs_files__storage_away_for_a_while,
        test_jobs_files__storage_away_for_long_the_next_one_stores,
        test_jobs_files__cancelled_while_files_come_out,
        test_jobs_files__cancelled_while_files_go_in_it_never_starts,
        test_jobs_files__the_session_ends_meanwhile,
        test_jobs_files__two_at_once_and_one_that_goes_on_writing,
        test_jobs_files__ends_soon_on_sigterm,
    };
    Suite *suite = suite_create("jobs_files");
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, files_set_up, files_tear_down);
    tcase_set_timeout(all, 120);
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        tcase_add_test(all, tests[i]);
    suite_add_tcase(suite, all);
    return stage_main(srunner_create(suite));
}
