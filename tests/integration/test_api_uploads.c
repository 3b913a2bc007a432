/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads through the handlers into a directory, good and bad, and with storage that fails. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/model/workspace.h"
#include "lib/storage/storage.h"
#include "lib/util/strbuf.h"
#include "tests/integration/api_client.h"
#include "tests/integration/db_fixture.h"

#define TYPE "multipart/form-data; boundary=XyZ"
#define FILE_NAMED(name) "--XyZ\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" name "\"\r\nContent-Type: text/plain\r\n\r\n"
#define PATH_FIELD "--XyZ\r\nContent-Disposition: form-data; name=\"path\"\r\n\r\n"
#define NEXT "\r\n"
#define END "\r\n--XyZ--\r\n"
#define COUNT(sql) fixture_number("SELECT COUNT(*) FROM " sql)

static char directory[64], session[SESSION_ID_SIZE], uri[160];

static void setup(void)
{
    char base[128];
    snprintf(directory, sizeof(directory), "/tmp/test-uploads.XXXXXX");
    api_setup();
    ck_assert_ptr_nonnull(mkdtemp(directory));
    free(fixture_settings->storage.directory);
    fixture_settings->storage.directory = strdup(directory);
    api_create(api_me, session, base);
    snprintf(uri, sizeof(uri), "%s/files/upload", base);
    api_me->content_type = TYPE;
}

static void teardown(void)
{
    char path[128];
    struct err err = ERR_INIT;
    int64_t deleted = 0;
    OK(storage_purge(api_me->context.storage, session, NULL, NULL, &deleted, &err));
    snprintf(path, sizeof(path), "%s/sessions", directory);
    rmdir(path);
    rmdir(directory);
    api_teardown();
}

/* Objects of the session, unfinished ones too. */
static int objects(void)
{
    char path[160];
    int count = 0;
    snprintf(path, sizeof(path), "%s/sessions/%s", directory, session);
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return count;
}

static void uploaded(const char *body, const char *path, int size)
{
    struct json_object *answer = client_json(api_me, "POST", uri, body, 200);
    ck_assert_str_eq(text_of(answer, "path"), path);
    ck_assert_int_eq(json_object_get_int(json_object_object_get(answer, "size")), size);
    json_object_put(answer);
}

static int take_piece(void *arg, const char *data, size_t len, struct err *err)
{
    (void)err;
    strbuf_add(arg, data, len);
    return 0;
}

static int take_id(void *arg, const struct db_row *row, struct err *err)
{
    (void)err;
    snprintf(arg, 17, "%s", db_row_text(row, 0, NULL));
    return 0;
}

/* The content that the index has for "a". */
static void has(const char *content)
{
    static const struct db_stmt find = { "SELECT object_id FROM workspace_files WHERE path = 'a'" };
    cleanup_strbuf struct strbuf got = STRBUF_INIT(1024 * 1024);
    struct err err = ERR_INIT;
    char id[17] = "", key[128];
    OK(db_query(fixture_db, &find, NULL, 0, take_id, id, &err));
    snprintf(key, sizeof(key), "sessions/%s/%s", session, id);
    OK(storage_read(api_me->context.storage, key, 0, -1, take_piece, &got, &err));
    ck_assert_str_eq(strbuf_str(&got), content);
}

START_TEST(test_uploads__what_is_stored)
{
    fixture_sql("UPDATE sessions SET last_activity_at = '2020-01-01'");
    uploaded(FILE_NAMED("a") "hello\n" END, "a", 6);
    has("hello\n");
    ck_assert_int_eq(COUNT("workspace_files WHERE path = 'a' AND size = 6 AND pending AND change_seq = 1 AND source = '' AND execution_seq = 0"
                           " AND mode = 436 AND mime_type LIKE 'text/plain%'"
                           " AND sha256 = '5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03'"), 1);
    ck_assert_int_eq(COUNT("sessions WHERE workspace_bytes = 6 AND workspace_files = 1 AND workspace_seq = 1"
                           " AND last_activity_at > UTC_TIMESTAMP() - INTERVAL 1 MINUTE"), 1);
    uploaded(FILE_NAMED("a") END, "a", 0);
    has("");
    ck_assert_int_eq(COUNT("storage_garbage"), 1);
    ck_assert_int_eq(COUNT("workspace_files"), 1);
    ck_assert_int_eq(COUNT("audit WHERE action LIKE '%file%'"), 0);
}
END_TEST

START_TEST(test_uploads__paths_and_names)
{
    uploaded(PATH_FIELD "d/b.txt" NEXT FILE_NAMED("a") "x" END, "d/b.txt", 1);
    uploaded(FILE_NAMED("a") "x" NEXT PATH_FIELD "d/c.txt" END, "d/c.txt", 1);
    uploaded(FILE_NAMED("x/y/z.txt") "x" END, "z.txt", 1);
    uploaded(FILE_NAMED("q%22\\\"") "x" END, "q\"\"", 1);
    uploaded(FILE_NAMED("") "x" NEXT PATH_FIELD "e" END, "e", 1);
    uploaded("--XyZ\r\nContent-Disposition: form-data; name=file\r\n\r\nx" NEXT PATH_FIELD "%2e%2e%2fetc" END, "%2e%2e%2fetc", 1);
    uploaded("--XyZ\r\nContent-Disposition: form-data; name=file; filename=x; filename*=UTF-8''%e2%82%ac\r\n\r\nx" END, "\xe2\x82\xac", 1);
    ck_assert_int_eq(COUNT("workspace_files"), 7);
}
END_TEST

static void refused(const char *body, int status, const char *code, const char *field)
{
    struct json_object *answer = client_json(api_me, "POST", uri, body, status);
    ck_assert_str_eq(text_of(answer, "error_code"), code);
    if (field)
        ck_assert_str_eq(text_of(answer, "field"), field);
    json_object_put(answer);
}

#define INVALID 400, "Sandbox.InvalidParameter"
START_TEST(test_uploads__what_is_refused_leaves_nothing)
{
    static const struct { const char *body, *field; } cases[] = {
        { END + 2, "file" },
        { PATH_FIELD "b" END, "file" },
        { FILE_NAMED("b") "x" NEXT FILE_NAMED("c") "y" END, "file" },
        { FILE_NAMED("b") "x" NEXT PATH_FIELD "b" NEXT PATH_FIELD "c" END, "path" },
        { FILE_NAMED("b") "x" NEXT PATH_FIELD "../b" END, "path" },
        { FILE_NAMED("b") "x" NEXT PATH_FIELD "/b" END, "path" },
        { FILE_NAMED("b") "x" NEXT PATH_FIELD "b/" END, "path" },
        { FILE_NAMED("b") "x" NEXT PATH_FIELD END, "path" },
        { FILE_NAMED("b") "x" NEXT PATH_FIELD "\xff" END, "path" },
        { FILE_NAMED("b") "x" NEXT PATH_FIELD "b\nc" END, "path" },
        { FILE_NAMED("") "x" END, "path" },
        { FILE_NAMED("b/") "x" END, "path" },
        { FILE_NAMED("..") "x" END, "path" },
        { FILE_NAMED("%0A") "x" END, "path" },
        { FILE_NAMED("b") "x" NEXT "--XyZ\r\nContent-Disposition: form-data; name=colour\r\n\r\nred" END, "colour" },
        { FILE_NAMED("b") "x", NULL },
        { "garbage", NULL },
    };
    uploaded(FILE_NAMED("a") "old" END, "a", 3);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        refused(cases[i].body, INVALID, cases[i].field);
    refused(FILE_NAMED("b") "x" NEXT PATH_FIELD "a/b" END, 409, "Sandbox.Conflict", NULL);
    api_me->content_type = NULL;
    refused(FILE_NAMED("b") "x" END, 415, "Sandbox.UnsupportedMediaType", NULL);
    api_me->content_type = "multipart/form-data";
    refused(FILE_NAMED("b") "x" END, INVALID, NULL);
    ck_assert_int_eq(COUNT("workspace_files"), 1);
    ck_assert_int_eq(objects(), 1);
    has("old");
}
END_TEST

START_TEST(test_uploads__limits)
{
    char length[64];
    uploaded(FILE_NAMED("a") "old" END, "a", 3);
    fixture_sql("UPDATE sessions SET workspace_bytes = disk_mb * 1048576 - 5");
    uploaded(PATH_FIELD "a" NEXT FILE_NAMED("x") "12345678" END, "a", 8); /* what it replaces makes room */
    refused(PATH_FIELD "a" NEXT FILE_NAMED("x") "123456789" END, 413, "Sandbox.PayloadTooLarge", NULL);
    refused(FILE_NAMED("b") "1" END, 413, "Sandbox.PayloadTooLarge", NULL); /* seen in the transaction only */
    has("12345678");
    ck_assert_int_eq(objects(), 2);
    fixture_sql("UPDATE sessions SET workspace_bytes = 8");
    snprintf(length, sizeof(length), "CONTENT_LENGTH=%d", FORM_BODY_MAX + 1);
    api_me->param = length;
    refused("", 413, "Sandbox.PayloadTooLarge", NULL);
    api_me->param = NULL;
    fixture_sql("UPDATE sessions SET workspace_files = 100000");
    refused(FILE_NAMED("b") "1" END, 413, "Sandbox.PayloadTooLarge", NULL);
}
END_TEST

START_TEST(test_uploads__a_client_that_leaves)
{
    uploaded(FILE_NAMED("a") "old" END, "a", 3);
    api_me->broken = true;
    refused(FILE_NAMED("a") "new" NEXT "--XyZ", INVALID, NULL);
    refused(FILE_NAMED("a") "new", INVALID, NULL);
    api_me->broken = false;
    has("old");
    ck_assert_int_eq(objects(), 1);
    uploaded(FILE_NAMED("a") "new" END, "a", 3);
    has("new");
}
END_TEST

static int64_t leap_ms;

static int64_t leaping(void)
{
    static int64_t now_ms;
    return now_ms += leap_ms;
}

/* The clock leaps with each look at it: within the patience of a minute, and beyond. */
START_TEST(test_uploads__a_client_that_is_slow)
{
    api_me->context.now_ms = leaping;
    leap_ms = 20000;
    uploaded(FILE_NAMED("a") "old" END, "a", 3);
    leap_ms = 70000;
    refused(FILE_NAMED("a") "new" END, INVALID, NULL);
    has("old");
    ck_assert_int_eq(objects(), 1);
}
END_TEST

START_TEST(test_uploads__a_session_that_has_ended)
{
    fixture_sql("UPDATE sessions SET status = 'terminated'");
    refused(FILE_NAMED("a") "x" END, 404, "Sandbox.SessionNotFound", NULL);
    ck_assert_int_eq(objects(), 0);
}
END_TEST

/* A file where its directory would be is a fault of the installation; nothing is there to write into: the client may try again or not. */
START_TEST(test_uploads__storage_that_fails)
{
    char path[160], aside[160];
    uploaded(FILE_NAMED("a") "old" END, "a", 3);
    snprintf(path, sizeof(path), "%s/sessions/%s", directory, session);
    snprintf(aside, sizeof(aside), "%s/aside", directory);
    ck_assert_int_eq(rename(path, aside), 0);
    fclose(fopen(path, "w"));
    refused(FILE_NAMED("a") "new" END, 500, "Sandbox.InternalError", NULL);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(rename(aside, path), 0);
    has("old");
    uploaded(FILE_NAMED("a") "new" END, "a", 3);
    has("new");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("uploads");
    TCase *tcase = tcase_create("uploads");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, test_uploads__what_is_stored);
    tcase_add_test(tcase, test_uploads__paths_and_names);
    tcase_add_test(tcase, test_uploads__what_is_refused_leaves_nothing);
    tcase_add_test(tcase, test_uploads__limits);
    tcase_add_test(tcase, test_uploads__a_client_that_leaves);
    tcase_add_test(tcase, test_uploads__a_client_that_is_slow);
    tcase_add_test(tcase, test_uploads__a_session_that_has_ended);
    tcase_add_test(tcase, test_uploads__storage_that_fails);
    return fixture_run(suite);
}
