/* SPDX-License-Identifier: Apache-2.0 */
/* Sets the scene, and clears it. */
#include "config.h"

#include "tests/integration/files_scene.h"

#include <check.h>
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "lib/io/digest.h"
#include "lib/service/sessions.h"
#include "lib/util/clock.h"
#include "lib/util/id.h"

#define OK(call) ck_assert_msg((call) == 0, "%s: %s (%s)", #call, err.text, err.detail)

struct stage stage;
struct session session;
pid_t provisiond, dispatchd;
static struct storage *storage;

void files_set_up(void)
{
    struct err err = ERR_INIT;
    const struct session_request request = { .template_id = "python-basic", .timeout_s = 600 };
    stage_open(&stage, NULL);
    stage.timeout_s = 60; /* thousands of files take long on a machine that is busy */
    stage_sql(&stage, "DELETE FROM workspace_files");
    stage_sql(&stage, "DELETE FROM storage_garbage");
    OK(storage_open(&stage.settings->storage, &storage, &err));
    provisiond = stage_start(&stage, "provisiond");
    dispatchd = stage_start(&stage, "dispatchd");
    stage_await_count(&stage, "SELECT COUNT(*) FROM nodes WHERE status = 'ready'", 1);
    OK(session_service_create(&stage.context, "tester", &request, &session, &err));
    ck_assert_int_eq(stage_await_session(&stage, session.id), SESSION_RUNNING);
    session.status = SESSION_RUNNING;
}

void files_tear_down(void)
{
    struct err err = ERR_INIT;
    int64_t deleted = 0;
    stage_stop(dispatchd, SIGTERM);
    stage_stop(provisiond, SIGTERM);
    (void)!storage_purge(storage, session.id, NULL, NULL, &deleted, &err);
    storage_close(storage);
    session_release(&session);
    stage_close(&stage);
}

static void key_of(const char *object_id, char key[STORAGE_KEY_MAX + 1])
{
    snprintf(key, STORAGE_KEY_MAX + 1, "sessions/%s/%s", session.id, object_id);
}

void files_upload(const char *path, const void *data, size_t len)
{
    struct err err = ERR_INIT;
    struct workspace_file file = { .size = (int64_t)len, .mime_type = "text/plain" };
    struct storage_write *write = NULL;
    char key[STORAGE_KEY_MAX + 1];
    snprintf(file.path, sizeof(file.path), "%s", path);
    id_random(file.object_id, OBJECT_ID_SIZE - 1);
    key_of(file.object_id, key);
    OK(digest_sha256_hex(data, len, file.sha256, &err));
    OK(storage_write_begin(storage, key, &write, &err));
    OK(storage_write_data(write, data, len, &err));
    OK(storage_write_commit(write, false, &err));
    OK(workspace_repo_put(stage.context.db, "tester", session.id, &file, 3600, &err));
}

void files_upload_text(const char *path, const char *text)
{
    files_upload(path, text, strlen(text));
}

void files_delete(const char *path)
{
    struct err err = ERR_INIT;
    OK(workspace_repo_delete(stage.context.db, "tester", session.id, path, 3600, &err));
}

struct execution files_run(const char *code, enum execution_status status)
{
    char id[EXECUTION_ID_SIZE];
    struct execution execution = { 0 };
    stage_execute(&stage, &session, code, 0, id);
    stage_await_execution(&stage, id, &execution);
    ck_assert_msg(execution.status == status, "it is %s: %s %s %s", execution_status_name(execution.status),
                  execution.outcome.error_kind ? execution.outcome.error_kind : "",
                  execution.outcome.error_message ? execution.outcome.error_message : "",
                  execution.outcome.stderr_text ? execution.outcome.stderr_text : "");
    return execution;
}

void files_do(const char *code)
{
    struct execution execution = files_run(code, EXECUTION_COMPLETED);
    execution_release(&execution);
}

static int add(void *arg, const char *data, size_t len, struct err *err)
{
    return digest_add(arg, data, len, err);
}

struct workspace_file files_row(const char *path)
{
    struct err err = ERR_INIT;
    struct workspace_file file;
    char key[STORAGE_KEY_MAX + 1], hash[DIGEST_HEX_SIZE];
    cleanup_digest struct digest *digest = digest_new(&err);
    OK(workspace_repo_find(stage.context.db, session.id, path, &file, &err));
    key_of(file.object_id, key);
    OK(storage_read(storage, key, 0, -1, add, digest, &err));
    OK(digest_end(digest, hash, &err));
    ck_assert_str_eq(file.sha256, hash);
    return file;
}

static int gather(void *arg, const char *data, size_t len, struct err *err)
{
    (void)err;
    strbuf_add(arg, data, len);
    return 0;
}

void files_expect(const char *path, const char *text)
{
    struct err err = ERR_INIT;
    struct workspace_file file;
    char key[STORAGE_KEY_MAX + 1];
    cleanup_strbuf struct strbuf content = STRBUF_INIT(64 * 1024);
    if (!text) {
        ck_assert_msg(workspace_repo_find(stage.context.db, session.id, path, &file, &err) != 0, "%s is stored", path);
        ck_assert_int_eq(err.code, ERR_FILE_NOT_FOUND);
        return;
    }
    file = files_row(path);
    key_of(file.object_id, key);
    OK(storage_read(storage, key, 0, -1, gather, &content, &err));
    ck_assert_str_eq(strbuf_str(&content), text);
    ck_assert_int_eq(file.size, (int64_t)strlen(text));
}

int64_t files_rows(void)
{
    return stage_count(&stage, "SELECT COUNT(*) FROM workspace_files WHERE deleted = 0");
}

int64_t files_objects(void)
{
    char path[512];
    int64_t count = 0;
    snprintf(path, sizeof(path), "%s/sessions/%s", stage.settings->storage.directory, session.id);
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        count += entry->d_name[0] != '.' && !strchr(entry->d_name, '.');
    if (directory)
        closedir(directory);
    return count;
}

void files_await_objects(int64_t count)
{
    for (int64_t end = clock_mono_ms() + 60000; clock_mono_ms() < end; poll(NULL, 0, 2))
        if (files_objects() >= count)
            return;
    ck_abort_msg("only %lld objects of %lld are there", (long long)files_objects(), (long long)count);
}
