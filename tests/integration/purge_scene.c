/* SPDX-License-Identifier: Apache-2.0 */
/* The scene. */
#include "config.h"

#include "tests/integration/purge_scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util/clock.h"
#include "lib/util/id.h"

struct context purge_context;
struct purge_done purge_done;
int purge_reports;
int purge_beats, purge_beats_left;

int purge_beat(void *arg, struct err *err)
{
    (void)arg;
    purge_beats++;
    if (purge_beats_left == 0)
        return err_set(err, ERR_UNAVAILABLE, "killed");
    purge_beats_left -= purge_beats_left > 0;
    return 0;
}

void purge_count_report(enum log_level level, const char *event, const struct err *err, const char *id_name, const char *id)
{
    (void)level, (void)event, (void)err, (void)id_name, (void)id;
    purge_reports++;
}

int purge_once(struct err *err)
{
    const struct purge_watch watch = { .beat = purge_beat };
    *err = ERR_INIT;
    return purge_pass(&purge_context, &watch, purge_count_report, &purge_done, err);
}

void purge_open_context(struct context *out)
{
    struct err err = ERR_INIT;
    *out = (struct context){ .db = fixture_db, .settings = fixture_settings, .doorbell = -1, .now_ms = clock_wall_ms,
                             .random_id = id_random };
    OK(context_open_storage(out, &err));
}

static void replace(char **setting, const char *variable, const char *otherwise)
{
    const char *value = getenv(variable);
    free(*setting);
    *setting = strdup(value ? value : otherwise);
    ck_assert_ptr_nonnull(*setting);
}

static void use_s3(struct storage_settings *settings)
{
    replace(&settings->driver, "", "s3");
    replace(&settings->s3_endpoint, "SANDBOX_TEST_S3_URL", "");
    replace(&settings->s3_region, "SANDBOX_TEST_S3_REGION", "us-east-1");
    replace(&settings->s3_bucket, "SANDBOX_TEST_S3_BUCKET", "");
    replace(&settings->s3_prefix, "", "test/purge");
    replace(&settings->s3_access_key, "SANDBOX_TEST_S3_ACCESS_KEY", "");
    replace(&settings->s3_secret_key, "SANDBOX_TEST_S3_SECRET_KEY", "");
    replace(&settings->s3_style, "SANDBOX_TEST_S3_STYLE", "path");
}

static bool on_s3;

void purge_scene_open_s3(void)
{
    on_s3 = true;
    purge_scene_open();
}

void purge_scene_open(void)
{
    fixture_setup();
    if (on_s3)
        use_s3(&fixture_settings->storage);
    purge_open_context(&purge_context);
    purge_reports = purge_beats = 0;
    purge_beats_left = -1;
    fixture_settings->retention.workspace_s = 3600;
    fixture_session("old", "me", SESSION_RUNNING);
    fixture_session("other", "me", SESSION_RUNNING);
    fixture_sql(PURGE_ENDED("old", 7200) ";" PURGE_ENDED("other", 60));
}

void purge_scene_close(void)
{
    struct err err = ERR_INIT;
    int64_t deleted;
    const char *const sessions[] = { "old", "other", "older" };
    for (size_t i = 0; i < sizeof(sessions) / sizeof(sessions[0]); i++)
        OK(storage_purge(purge_context.storage, sessions[i], NULL, NULL, &deleted, &err));
    context_close_storage(&purge_context);
    fixture_teardown();
}

static void key_of(char key[STORAGE_KEY_MAX], const char *session, int number)
{
    snprintf(key, STORAGE_KEY_MAX, "sessions/%s/%016d", session, number);
}

void purge_add_objects(const char *session, int first, int count)
{
    struct err err = ERR_INIT;
    for (int i = first; i < first + count; i++) {
        char key[STORAGE_KEY_MAX];
        struct storage_write *write = NULL;
        key_of(key, session, i);
        OK(storage_write_begin(purge_context.storage, key, &write, &err));
        OK(storage_write_data(write, "content", 7, &err));
        OK(storage_write_commit(write, true, &err));
    }
}

static void add_rows(const char *session, int count)
{
    char text[1024];
    snprintf(text, sizeof(text),
             "INSERT INTO workspace_files (session_id, path, change_seq, pending, object_id, size, modified_at) SELECT '%s',"
             " CONCAT('f', seq), 0, 0, LPAD(seq, 16, '0'), 7, UTC_TIMESTAMP(3) FROM seq_1_to_%d;"
             "UPDATE sessions SET workspace_files = %d, workspace_bytes = %d WHERE id = '%s'",
             session, count, count, 7 * count, session);
    fixture_sql(text);
}

/* Objects 1 to `count`, each a file. */
void purge_add_files(const char *session, int count)
{
    purge_add_objects(session, 1, count);
    add_rows(session, count);
}

void purge_add_garbage(const char *session, int number, int due_in_s)
{
    char text[512];
    purge_add_objects(session, number, 1);
    snprintf(text, sizeof(text),
             "INSERT INTO storage_garbage (session_id, object_id, due_at) VALUES ('%s', '%016d', UTC_TIMESTAMP(3) + INTERVAL %d SECOND)",
             session, number, due_in_s);
    fixture_sql(text);
}

static int take_nothing(void *arg, const char *data, size_t len, struct err *err)
{
    (void)arg, (void)data, (void)len, (void)err;
    return 0;
}

bool purge_exists(const char *session, int number)
{
    struct err err = ERR_INIT;
    char key[STORAGE_KEY_MAX];
    key_of(key, session, number);
    if (storage_read(purge_context.storage, key, 0, -1, take_nothing, NULL, &err) == 0)
        return true;
    ck_assert_int_eq(err.code, ERR_FILE_NOT_FOUND);
    return false;
}

int64_t purge_rows(const char *session)
{
    char text[256];
    snprintf(text, sizeof(text), "SELECT (SELECT COUNT(*) FROM workspace_files WHERE session_id = '%s') +"
                                 " (SELECT COUNT(*) FROM storage_garbage WHERE session_id = '%s')", session, session);
    return fixture_number(text);
}

#define OLD_SUMS "SELECT workspace_files + workspace_bytes FROM sessions WHERE id = 'old'"

void purge_check_old_is_gone(void)
{
    ck_assert_int_eq(purge_rows("old"), 0);
    ck_assert(!purge_exists("old", 1));
    ck_assert_int_eq(fixture_number(OLD_SUMS), 0);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM sessions WHERE id = 'old' AND purged_at IS NOT NULL"), 1);
}

void purge_check_other_is_whole(int files)
{
    ck_assert_int_eq(purge_rows("other"), files);
    for (int i = 1; i <= files; i++)
        ck_assert(purge_exists("other", i));
    ck_assert_int_eq(fixture_number("SELECT workspace_files FROM sessions WHERE id = 'other'"), files);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM sessions WHERE id = 'other' AND purged_at IS NULL"), 1);
}

