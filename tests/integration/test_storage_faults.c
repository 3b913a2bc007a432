/* SPDX-License-Identifier: Apache-2.0 */
/* What networks and busy servers do to calls to S3: each ends well or with a clear error, and never with half an object. A real server
 * (tests/with-swift.sh) stands behind the faults. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "lib/util/clock.h"
#include "tests/fakes/fault_proxy.h"
#include "tests/integration/storage_stage.h"

enum { MIB = 1024 * 1024 };

#define BUSY "HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nConnection: close\r\n\r\n" \
    "<?xml version=\"1.0\"?><Error><Code>SlowDown</Code><Message>Reduce it</Message></Error>"
#define HALF_FINE "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nConnection: close\r\n\r\n" \
    "<?xml version=\"1.0\"?>\n   <Error><Code>InternalError</Code><Message>Try again</Message></Error>"
#define NO_XML "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<html><body><p>It works!</body></html>"
#define NO_UPLOAD "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n<Error><Code>NoSuchUpload</Code><Message>None</Message></Error>"
#define WHOLE "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\n0123456789"
#define EVIL "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]>" \
    "<InitiateMultipartUploadResult><UploadId>&b;</UploadId></InitiateMultipartUploadResult>"

static struct fault_proxy *proxy;

/* Old content is there before anything goes wrong. */
static void begin(int64_t timeout_ms)
{
    struct err err = ERR_INIT;
    struct storage_settings *settings = stage_begin("s3");
    proxy = fault_proxy_start(settings->s3_endpoint);
    settings->s3_endpoint = (char *)fault_proxy_url(proxy);
    settings->s3_timeout_ms = timeout_ms;
    ck_assert_msg(stage_write("old", 9, 3 * MIB, &err) == 0, "%s", err.detail);
}

static void end(void)
{
    fault_proxy_set(proxy, (struct fault){ .kind = FAULT_NONE });
    ck_assert(stage_holds("old", 9, 3 * MIB));
    stage_end();
    fault_proxy_stop(proxy);
}

static void expect_nothing_there(const char *object)
{
    struct err err = ERR_INIT;
    struct stage_read read = { .seed = 1 };
    fault_proxy_set(proxy, (struct fault){ .kind = FAULT_NONE });
    ck_assert_int_eq(stage_read(&read, object, 0, -1, &err), -1);
    ck_assert_int_eq(err.code, ERR_FILE_NOT_FOUND);
}

/* --- writing */

static const struct {
    const char *what;
    int64_t size;
    struct fault fault;
} survived[] = {
    { "five times busy", MIB, { FAULT_ANSWER, "PUT ", 0, BUSY, 5 } },
    { "busy for a part", 33 * MIB, { FAULT_ANSWER, "partNumber=2", 0, BUSY, 2 } },
    { "busy at the begin", 17 * MIB, { FAULT_ANSWER, "?uploads", 0, BUSY, 2 } },
    { "busy at the end", 17 * MIB, { FAULT_ANSWER, "POST ", 0, BUSY, 3 } },
    { "reset in the middle", 8 * MIB, { FAULT_RESET_REQUEST, "PUT ", 4 * MIB, NULL, 2 } },
    { "reset in a part", 33 * MIB, { FAULT_RESET_REQUEST, "partNumber=2", 9 * MIB, NULL, 1 } },
    { "answer lost", MIB, { FAULT_LOSE_ANSWER, "PUT ", 0, NULL, 1 } },
    { "answer of a part lost", 33 * MIB, { FAULT_LOSE_ANSWER, "partNumber=3", 0, NULL, 1 } },
    { "answer of the end lost", 17 * MIB, { FAULT_LOSE_ANSWER, "?uploadId=", 0, NULL, 1 } },
    { "the end forgotten", 17 * MIB, { FAULT_LOSE_ANSWER, "?uploadId=", 0, NO_UPLOAD, 2 } },
    { "failed with 200", 17 * MIB, { FAULT_ANSWER, "?uploadId=", 0, HALF_FINE, 2 } },
    { "silent once", MIB, { FAULT_SILENCE, "PUT ", 0, NULL, 1 } },
};

START_TEST(test_storage_faults__write_survives)
{
    struct err err = ERR_INIT;
    begin(strstr(survived[_i].what, "silent") ? 1000 : 10000);
    fault_proxy_set(proxy, survived[_i].fault);
    ck_assert_msg(stage_write("new", 1, survived[_i].size, &err) == 0, "%s: %s", survived[_i].what, err.detail);
    ck_assert_int_eq(fault_proxy_hits(proxy), survived[_i].fault.times);
    ck_assert_msg(stage_holds("new", 1, survived[_i].size), "%s", survived[_i].what);
    end();
}
END_TEST

static const struct {
    const char *what;
    int64_t size;
    struct fault fault;
    enum err_code code;
} given_up[] = {
    { "busy for ever", MIB, { FAULT_ANSWER, "PUT ", 0, BUSY, -1 }, ERR_UNAVAILABLE },
    { "a part busy for ever", 33 * MIB, { FAULT_ANSWER, "partNumber=2", 0, BUSY, -1 }, ERR_UNAVAILABLE },
    { "always reset", 8 * MIB, { FAULT_RESET_REQUEST, "PUT ", 4 * MIB, NULL, -1 }, ERR_UNAVAILABLE },
    { "a part always reset", 33 * MIB, { FAULT_RESET_REQUEST, "partNumber=2", MIB, NULL, -1 }, ERR_UNAVAILABLE },
    { "always silent", MIB, { FAULT_SILENCE, "PUT ", 0, NULL, -1 }, ERR_UNAVAILABLE },
    { "the end fails with 200", 17 * MIB, { FAULT_ANSWER, "?uploadId=", 0, HALF_FINE, -1 }, ERR_UNAVAILABLE },
    { "something else answers", 17 * MIB, { FAULT_ANSWER, "?uploads", 0, NO_XML, -1 }, ERR_INTERNAL },
    { "XML with an entity", 17 * MIB, { FAULT_ANSWER, "?uploads", 0, EVIL, -1 }, ERR_INTERNAL },
};

START_TEST(test_storage_faults__write_is_given_up)
{
    struct err err = ERR_INIT;
    begin(1000);
    fault_proxy_set(proxy, given_up[_i].fault);
    int64_t began = clock_mono_ms();
    ck_assert_int_eq(stage_write("new", 1, given_up[_i].size, &err), -1);
    ck_assert_msg(err.code == given_up[_i].code, "%s: %d %s", given_up[_i].what, err.code, err.detail);
    ck_assert_int_lt(clock_mono_ms() - began, 15000);
    ck_assert_int_ge(fault_proxy_hits(proxy), given_up[_i].code == ERR_UNAVAILABLE ? 2 : 1);
    ck_assert_int_le(fault_proxy_hits(proxy), 10);
    expect_nothing_there("new");
    end();
}
END_TEST

/* --- reading */

static const struct {
    const char *what;
    struct fault fault;
    int64_t timeout_ms;
} read_on[] = {
    { "five times busy", { FAULT_ANSWER, "GET ", 0, BUSY, 5 }, 10000 },
    { "reset once", { FAULT_RESET_ANSWER, "GET ", MIB, NULL, 1 }, 10000 },
    { "reset at each 400 kB", { FAULT_RESET_ANSWER, "GET ", 400 * 1000, NULL, -1 }, 10000 },
    { "cut once", { FAULT_CUT_ANSWER, "GET ", MIB + 17, NULL, 1 }, 10000 },
    { "cut before the first byte", { FAULT_CUT_ANSWER, "GET ", 0, NULL, 1 }, 10000 },
    { "cut at each 500 kB", { FAULT_CUT_ANSWER, "GET ", 500 * 1000, NULL, -1 }, 10000 },
    { "silent once", { FAULT_SILENCE, "GET ", 0, NULL, 1 }, 1000 },
    { "slow, but it moves", { FAULT_SLOW_ANSWER, "GET ", 0, NULL, -1 }, 1000 },
};

START_TEST(test_storage_faults__read_goes_on)
{
    struct err err = ERR_INIT;
    struct stage_read read = { .seed = 9 };
    begin(read_on[_i].timeout_ms);
    fault_proxy_set(proxy, read_on[_i].fault);
    ck_assert_msg(stage_read(&read, "old", 5, 3 * MIB - 10, &err) == 0, "%s: %s", read_on[_i].what, err.detail);
    ck_assert_int_ge(fault_proxy_hits(proxy), 1);
    ck_assert_msg(read.got == 3 * MIB - 10 && !read.wrong, "%s: %lld bytes", read_on[_i].what, (long long)read.got);
    end();
}
END_TEST

static const struct {
    const char *what;
    struct fault fault;
    enum err_code code;
} read_fails[] = {
    { "busy for ever", { FAULT_ANSWER, "GET ", 0, BUSY, -1 }, ERR_UNAVAILABLE },
    { "always reset", { FAULT_RESET_ANSWER, "GET ", 0, NULL, -1 }, ERR_UNAVAILABLE },
    { "always cut", { FAULT_CUT_ANSWER, "GET ", 0, NULL, -1 }, ERR_UNAVAILABLE },
    { "always silent", { FAULT_SILENCE, "GET ", 0, NULL, -1 }, ERR_UNAVAILABLE },
    { "the range is not heeded", { FAULT_ANSWER, "GET ", 0, WHOLE, -1 }, ERR_INTERNAL },
};

START_TEST(test_storage_faults__read_is_given_up)
{
    struct err err = ERR_INIT;
    struct stage_read read = { .seed = 9 };
    begin(1000);
    fault_proxy_set(proxy, read_fails[_i].fault);
    int64_t began = clock_mono_ms();
    ck_assert_int_eq(stage_read(&read, "old", 5, -1, &err), -1);
    ck_assert_msg(err.code == read_fails[_i].code, "%s: %d %s", read_fails[_i].what, err.code, err.detail);
    ck_assert_int_eq(read.got, 0);
    ck_assert_int_lt(clock_mono_ms() - began, 15000);
    ck_assert_int_le(fault_proxy_hits(proxy), 6);
    end();
}
END_TEST

/* --- deleting */

START_TEST(test_storage_faults__delete)
{
    struct err err = ERR_INIT;
    begin(10000);
    ck_assert_int_eq(stage_write("new", 1, 100, &err), 0);
    fault_proxy_set(proxy, (struct fault){ FAULT_LOSE_ANSWER, "DELETE ", 0, NULL, 1 });
    ck_assert_int_eq(storage_delete(stage_storage(), stage_key("new"), &err), 0);
    ck_assert_int_eq(fault_proxy_requests(proxy), 2);
    expect_nothing_there("new");
    end();
}
END_TEST

START_TEST(test_storage_faults__purge_goes_on_after_a_failure)
{
    struct err err = ERR_INIT;
    int64_t deleted = 0;
    char name[16], session[sizeof(stage_session)];
    begin(10000); /* a real server takes its time for 100 deletions */
    memcpy(session, stage_session, sizeof(session));
    strcat(stage_session, "y");
    for (int i = 0; i < 120; i++) {
        snprintf(name, sizeof(name), "o%d", i);
        ck_assert_int_eq(stage_write(name, 1, 1, &err), 0);
    }
    fault_proxy_set(proxy, (struct fault){ FAULT_ANSWER, "continuation-token", 0, BUSY, -1 });
    ck_assert_int_eq(storage_purge(stage_storage(), stage_session, NULL, NULL, &deleted, &err), -1);
    ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
    ck_assert_int_eq(deleted, 100);
    fault_proxy_set(proxy, (struct fault){ FAULT_ANSWER, "?delete", 0, BUSY, 1 });
    ck_assert_int_eq(storage_purge(stage_storage(), stage_session, NULL, NULL, &deleted, &err), 0);
    ck_assert_int_eq(deleted, 20);
    memcpy(stage_session, session, sizeof(session));
    end();
}
END_TEST

#define COUNT(table) (int)(sizeof(table) / sizeof((table)[0]))

int main(void)
{
    const char *url = getenv("SANDBOX_TEST_S3_URL");
    if (!url || strncmp(url, "http://", 7) != 0 || !strchr("0123456789", url[7])) {
        puts("without S3 over plain HTTP at an IPv4 address: run it through tests/with-swift.sh, with Swift installed");
        return 77;
    }
    Suite *suite = suite_create("storage_faults");
    TCase *cases = tcase_create("storage_faults");
    tcase_set_timeout(cases, 120);
    tcase_add_loop_test(cases, test_storage_faults__write_survives, 0, COUNT(survived));
    tcase_add_loop_test(cases, test_storage_faults__write_is_given_up, 0, COUNT(given_up));
    tcase_add_loop_test(cases, test_storage_faults__read_goes_on, 0, COUNT(read_on));
    tcase_add_loop_test(cases, test_storage_faults__read_is_given_up, 0, COUNT(read_fails));
    tcase_add_test(cases, test_storage_faults__delete);
    tcase_add_test(cases, test_storage_faults__purge_goes_on_after_a_failure);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
