/* SPDX-License-Identifier: Apache-2.0 */
/* Files through request, router and handlers: who sends what, and what becomes of storage that fails. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/storage/storage.h"
#include "tests/integration/api_client.h"
#include "tests/integration/db_fixture.h"

#define CONTENT "0123456789"
#define SHA "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882"
#define SENDFILE "SANDBOX_SENDFILE=x-sendfile"

static char session_id[SESSION_ID_SIZE], base[128], directory[] = "/tmp/test-api-files.XXXXXX";

static void set(char **setting, const char *value)
{
    free(*setting);
    *setting = strdup(value);
}

static void reopen(void)
{
    struct err err = ERR_INIT;
    context_close_storage(&api_me->context);
    OK(context_open_storage(&api_me->context, &err));
}

static void put_row(const char *path, const char *object, int64_t size)
{
    char sql[1024];
    snprintf(sql, sizeof(sql), "INSERT INTO workspace_files (session_id, path, change_seq, pending, object_id, size, sha256, mime_type, modified_at) "
             "VALUES ('%s', '%s', 0, FALSE, '%s', %lld, '" SHA "', 'text/plain', '2026-01-06 10:00:00')", session_id, path, object, (long long)size);
    fixture_sql(sql);
}

static void put_object(const char *object)
{
    char key[STORAGE_KEY_MAX + 1];
    struct storage_write *write;
    struct err err = ERR_INIT;
    snprintf(key, sizeof(key), "sessions/%s/%s", session_id, object);
    OK(storage_write_begin(api_me->context.storage, key, &write, &err));
    OK(storage_write_data(write, CONTENT, strlen(CONTENT), &err));
    OK(storage_write_commit(write, false, &err));
}

static void setup(void)
{
    api_setup();
    strcpy(strrchr(directory, '.'), ".XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    set(&fixture_settings->storage.directory, directory);
    reopen();
    api_create(api_me, session_id, base);
    strcat(base, "/files");
    put_object("aaaaaaaaaaaaaaaa");
    put_row("a b.txt", "aaaaaaaaaaaaaaaa", 10);
}

static void teardown(void)
{
    char command[64];
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    ck_assert_int_eq(system(command), 0);
    api_teardown();
}

static struct answer ask(const char *method, const char *path, const char *param)
{
    char uri[512];
    snprintf(uri, sizeof(uri), "%s/%s", base, path);
    api_me->param = param;
    struct answer answer = client_call(api_me, method, uri, NULL);
    api_me->param = NULL;
    return answer;
}

static void check(const char *method, const char *path, const char *param, int status, const char *text, const char *header)
{
    struct answer answer = ask(method, path, param);
    ck_assert_msg(answer.status == status, "%s %s: %d", method, path, answer.status);
    if (text)
        ck_assert_str_eq(answer.text, text);
    ck_assert_msg(strstr(answer.headers, header) != NULL, "no %s in %s", header, answer.headers);
    answer_release(&answer);
}

START_TEST(test_api_files__streams)
{
    check("GET", "a%20b.txt", NULL, 200, CONTENT, "Content-Length: 10\r\n");
    check("GET", "a%20b.txt", "HTTP_RANGE=bytes=2-4", 206, "234", "Content-Range: bytes 2-4/10\r\n");
    check("GET", "a%20b.txt", "HTTP_RANGE=bytes=10-", 416, NULL, "Content-Range: bytes */10\r\n");
    check("GET", "a%20b.txt", "HTTP_IF_NONE_MATCH=\"" SHA "\"", 304, NULL, "ETag: \"" SHA "\"\r\n");
    check("HEAD", "a%20b.txt", NULL, 200, "", "Content-Length: 10\r\n");
    check("GET", "a%20b.txt", NULL, 200, CONTENT, "Content-Disposition: attachment; filename=\"a b.txt\"; filename*=UTF-8''a%20b.txt\r\n");
    check("GET", "a%20b.txt", NULL, 200, CONTENT, "Last-Modified: Tue, 06 Jan 2026 10:00:00 GMT\r\n");
}
END_TEST

START_TEST(test_api_files__web_server_sends)
{
    char header[256];
    snprintf(header, sizeof(header), "X-Sendfile: %s/sessions/%s/aaaaaaaaaaaaaaaa\r\n", directory, session_id);
    check("GET", "a%20b.txt", SENDFILE, 200, "", header);
    struct answer answer = ask("HEAD", "a%20b.txt", SENDFILE);
    ck_assert_ptr_null(strstr(answer.headers, "X-Sendfile"));
    answer_release(&answer);
    answer = ask("GET", "a%20b.txt", "HTTP_SANDBOX_SENDFILE=x-sendfile"); /* a client's header */
    ck_assert_ptr_null(strstr(answer.headers, "X-Sendfile"));
    answer_release(&answer);
    set(&fixture_settings->api.sendfile, "off");
    check("GET", "a%20b.txt", SENDFILE, 200, CONTENT, "Content-Length: 10\r\n");
}
END_TEST

START_TEST(test_api_files__lost_objects)
{
    put_row("lost", "bbbbbbbbbbbbbbbb", 10);
    put_row("short", "aaaaaaaaaaaaaaaa", 5);
    check("GET", "lost", NULL, 500, NULL, "application/json");
    check("GET", "lost", SENDFILE, 500, NULL, "application/json");
    check("GET", "short", SENDFILE, 500, NULL, "application/json"); /* another size than the index says */
}
END_TEST

static void use_s3(void)
{
    struct storage_settings *storage = &fixture_settings->storage;
    set(&storage->driver, "s3");
    set(&storage->s3_endpoint, "http://127.0.0.1:1"); /* nobody listens there */
    set(&storage->s3_bucket, "bucket");
    set(&storage->s3_access_key, "a:b");
    set(&storage->s3_secret_key, "SECRET");
    storage->s3_redirect_mb = 8;
    reopen();
}

START_TEST(test_api_files__large_ones_come_from_s3)
{
    char longest[256];
    memset(longest, 'x', 255);
    longest[255] = '\0';
    use_s3();
    put_row("large", "cccccccccccccccc", 8 * 1024 * 1024);
    put_row(longest, "cccccccccccccccc", 8 * 1024 * 1024);
    put_row("below", "dddddddddddddddd", 8 * 1024 * 1024 - 1);
    check("GET", "large", NULL, 307, NULL, "Location: http://127.0.0.1:1/bucket/sessions/");
    check("GET", "large", SENDFILE, 307, NULL, "Cache-Control: no-store\r\n");
    check("GET", longest, NULL, 307, NULL, "response-content-disposition=attachment%3B");
    check("GET", "large", "HTTP_IF_NONE_MATCH=*", 304, NULL, "ETag: ");
    check("GET", "large", "HTTP_RANGE=bytes=8388608-", 416, NULL, "Content-Range: bytes */8388608\r\n");
    check("HEAD", "large", NULL, 200, "", "Content-Length: 8388608\r\n");
    check("HEAD", "below", NULL, 200, "", "Content-Length: 8388607\r\n");
    fixture_settings->storage.s3_redirect_mb = 9;
    check("HEAD", "large", NULL, 200, "", "Content-Length: 8388608\r\n");
}
END_TEST

START_TEST(test_api_files__storage_does_not_answer)
{
    use_s3();
    put_row("small", "eeeeeeeeeeeeeeee", 10);
    check("GET", "small", NULL, 503, NULL, "Retry-After: ");
}
END_TEST

START_TEST(test_api_files__deletion_is_noted)
{
    check("DELETE", "a%20b.txt", NULL, 204, NULL, "Status: 204 ");
    check("DELETE", "a%20b.txt", NULL, 404, NULL, "application/json");
    check("GET", "a%20b.txt", NULL, 404, NULL, "application/json");
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM audit WHERE action = 'delete_file' AND actor = 'me' AND detail = 'a b.txt'"), 1);
}
END_TEST

START_TEST(test_api_files__paths)
{
    static const char *const bad[] = { "", "/a", "a/", "a//b", "a%2Fb", "..", "a/../b", "%2e", "a%01", "a%ff" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct answer answer = ask(i % 2 ? "GET" : "DELETE", bad[i], NULL);
        ck_assert_msg(answer.status == 400, "%s: %d", bad[i], answer.status);
        ck_assert_str_eq(text_of(answer.body, "field"), "path");
        answer_release(&answer);
    }
    check("GET", "%252e%252e", NULL, 404, NULL, "application/json");
    put_row("upload", "aaaaaaaaaaaaaaaa", 10);
    check("GET", "upload", NULL, 200, CONTENT, "Content-Length: 10\r\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_files");
    TCase *tcase = tcase_create("api_files");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, test_api_files__streams);
    tcase_add_test(tcase, test_api_files__web_server_sends);
    tcase_add_test(tcase, test_api_files__lost_objects);
    tcase_add_test(tcase, test_api_files__large_ones_come_from_s3);
    tcase_add_test(tcase, test_api_files__storage_does_not_answer);
    tcase_add_test(tcase, test_api_files__deletion_is_noted);
    tcase_add_test(tcase, test_api_files__paths);
    return fixture_run(suite);
}
