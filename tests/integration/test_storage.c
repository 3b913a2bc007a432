/* SPDX-License-Identifier: Apache-2.0 */
/* Every driver of storage keeps the promises of storage.h. S3's against the server of tests/with-swift.sh, or of SANDBOX_TEST_S3_URL. */
#include "config.h" /* strcasestr */

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/integration/storage_stage.h"

enum { MIB = 1024 * 1024 };

static const int64_t sizes[] = { 0, 1, 1000 * 1000, 16 * MIB, 16 * MIB + 1, 40 * MIB };
enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

static const char *driver_of(int i)
{
    return stage_drivers[(size_t)i % stage_driver_count()];
}

static bool is_s3(int i)
{
    return strcmp(driver_of(i), "s3") == 0;
}

START_TEST(test_storage__keeps_every_size)
{
    struct err err = ERR_INIT;
    int64_t size = sizes[_i / (int)stage_driver_count()];
    stage_begin(driver_of(_i));
    ck_assert_msg(stage_write("one", 7, size, &err) == 0, "%s", err.detail);
    ck_assert(stage_holds("one", 7, size));
    stage_end();
}
END_TEST

static const struct {
    int64_t offset, length, expected;
} ranges[] = { { 0, 1, 1 },           { 0, 100, 100 },         { 99, 1, 1 },        { 50, -1, 999950 },
               { 999999, 1, 1 },      { 1000000, -1, 0 },      { 1000000, 0, 0 },   { 5, 0, 0 },
               { 262143, 3, 3 },      { 123456, 500000, 500000 } };

START_TEST(test_storage__ranges)
{
    struct err err = ERR_INIT;
    stage_begin(driver_of(_i));
    ck_assert_int_eq(stage_write("one", 1, 1000 * 1000, &err), 0);
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        struct stage_read read = { .seed = 1 };
        ck_assert_msg(stage_read(&read, "one", ranges[i].offset, ranges[i].length, &err) == 0, "%zu: %s", i, err.detail);
        ck_assert_int_eq(read.got, ranges[i].expected);
        ck_assert(!read.wrong);
    }
    struct stage_read beyond = { .seed = 1 };
    ck_assert_int_eq(stage_read(&beyond, "one", 1000001, -1, &err), -1);
    ck_assert_int_eq(stage_read(&beyond, "one", 999999, 2, &err), -1); /* less than promised is no success */
    stage_end();
}
END_TEST

START_TEST(test_storage__reader_may_stop)
{
    struct err err = ERR_INIT;
    stage_begin(driver_of(_i));
    ck_assert_int_eq(stage_write("one", 1, 3 * MIB, &err), 0);
    struct stage_read read = { .seed = 1, .stop_after = MIB };
    ck_assert_int_eq(stage_read(&read, "one", 0, -1, &err), -1);
    ck_assert_str_eq(err.text, "enough");
    ck_assert_int_lt(read.got, 2 * MIB); /* and was not asked again */
    ck_assert(stage_holds("one", 1, 3 * MIB));
    stage_end();
}
END_TEST

START_TEST(test_storage__aborted_write_is_not_there)
{
    struct err err = ERR_INIT;
    int64_t amounts[] = { 0, 1000, 40 * MIB };
    stage_begin(driver_of(_i));
    for (size_t i = 0; i < 3; i++) {
        struct storage_write *write = NULL;
        struct stage_read read = { .seed = 1 };
        ck_assert_int_eq(storage_write_begin(stage_storage(), stage_key("one"), &write, &err), 0);
        ck_assert_int_eq(stage_fill(write, 1, amounts[i], &err), 0);
        ck_assert_int_eq(stage_read(&read, "one", 0, -1, &err), -1);
        ck_assert_int_eq(err.code, ERR_FILE_NOT_FOUND);
        storage_write_abort(write);
        ck_assert_int_eq(stage_read(&read, "one", 0, -1, &err), -1);
        ck_assert_int_eq(err.code, ERR_FILE_NOT_FOUND);
    }
    stage_end();
}
END_TEST

START_TEST(test_storage__commit_later_and_flush)
{
    struct err err = ERR_INIT;
    char name[16];
    stage_begin(driver_of(_i));
    for (int i = 0; i < 5; i++) {
        struct storage_write *write = NULL;
        snprintf(name, sizeof(name), "o%d", i);
        ck_assert_int_eq(storage_write_begin(stage_storage(), stage_key(name), &write, &err), 0);
        ck_assert_int_eq(stage_fill(write, (unsigned)i, 1000 + i, &err), 0);
        ck_assert_int_eq(storage_write_commit(write, true, &err), 0);
    }
    ck_assert_int_eq(storage_flush(stage_storage(), &err), 0);
    for (int i = 0; i < 5; i++) {
        snprintf(name, sizeof(name), "o%d", i);
        ck_assert(stage_holds(name, (unsigned)i, 1000 + i));
    }
    stage_end();
}
END_TEST

START_TEST(test_storage__two_writes_at_once)
{
    struct err err = ERR_INIT;
    struct storage_write *one = NULL, *other = NULL;
    stage_begin(driver_of(_i));
    ck_assert_int_eq(storage_write_begin(stage_storage(), stage_key("one"), &one, &err), 0);
    ck_assert_int_eq(storage_write_begin(stage_storage(), stage_key("other"), &other, &err), 0);
    ck_assert_int_eq(stage_fill(one, 1, 17 * MIB, &err), 0);
    ck_assert_int_eq(stage_fill(other, 2, 18 * MIB, &err), 0);
    ck_assert_int_eq(storage_write_commit(one, false, &err), 0);
    ck_assert_int_eq(storage_write_commit(other, false, &err), 0);
    ck_assert(stage_holds("one", 1, 17 * MIB));
    ck_assert(stage_holds("other", 2, 18 * MIB));
    stage_end();
}
END_TEST

START_TEST(test_storage__delete)
{
    struct err err = ERR_INIT;
    stage_begin(driver_of(_i));
    ck_assert_int_eq(stage_write("one", 1, 10, &err), 0);
    ck_assert_int_eq(stage_write("two", 2, 20 * MIB, &err), 0);
    ck_assert_int_eq(storage_delete(stage_storage(), stage_key("one"), &err), 0);
    ck_assert_int_eq(storage_delete(stage_storage(), stage_key("one"), &err), 0); /* as good as deleted */
    struct stage_read read = { .seed = 1 };
    ck_assert_int_eq(stage_read(&read, "one", 0, -1, &err), -1);
    ck_assert_int_eq(err.code, ERR_FILE_NOT_FOUND);
    ck_assert(stage_holds("two", 2, 20 * MIB));
    stage_end();
}
END_TEST

static int count_beats(void *arg, struct err *err)
{
    (void)err;
    ++*(int *)arg;
    return 0;
}

static int enough(void *arg, struct err *err)
{
    (void)arg;
    return err_set(err, ERR_CONFLICT, "enough");
}

/* 230 objects are three pages of S3's list; a write that nobody ended is gone as well. */
START_TEST(test_storage__purge)
{
    enum { OBJECTS = 230 };
    struct err err = ERR_INIT;
    char name[16], mine[sizeof(stage_session)];
    int beats = 0;
    int64_t deleted = 0;
    struct storage_write *unfinished = NULL;
    stage_begin(driver_of(_i));
    ck_assert_int_eq(stage_write("one", 1, 10, &err), 0);
    memcpy(mine, stage_session, sizeof(mine));
    strcat(stage_session, "x"); /* a neighbour whose name begins with ours */
    ck_assert_int_eq(stage_write("theirs", 3, 10, &err), 0);
    memcpy(stage_session, mine, sizeof(mine));
    for (int i = 1; i < OBJECTS; i++) {
        snprintf(name, sizeof(name), "o%d", i);
        ck_assert_int_eq(stage_write(name, 1, 10, &err), 0);
    }
    ck_assert_int_eq(storage_write_begin(stage_storage(), stage_key("half"), &unfinished, &err), 0);
    ck_assert_int_eq(stage_fill(unfinished, 1, 17 * MIB, &err), 0);
    ck_assert_int_eq(storage_purge(stage_storage(), mine, count_beats, &beats, &deleted, &err), 0);
    ck_assert_int_ge(deleted, OBJECTS);
    if (is_s3(_i)) {
        ck_assert_int_ge(beats, 3);
        ck_assert_int_eq(storage_write_commit(unfinished, false, &err), -1); /* its upload is no more */
        ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
    } else {
        storage_write_abort(unfinished);
    }
    struct stage_read read = { .seed = 1 };
    ck_assert_int_eq(stage_read(&read, "half", 0, -1, &err), -1);
    ck_assert_int_eq(stage_read(&read, "one", 0, -1, &err), -1);
    ck_assert_int_eq(err.code, ERR_FILE_NOT_FOUND);
    ck_assert_int_eq(storage_purge(stage_storage(), mine, NULL, NULL, &deleted, &err), 0);
    ck_assert_int_eq(deleted, 0);
    strcat(stage_session, "x");
    ck_assert(stage_holds("theirs", 3, 10));
    stage_end();
}
END_TEST

START_TEST(test_storage__purge_ends_when_told)
{
    struct err err = ERR_INIT;
    char name[16];
    int64_t deleted = 0;
    stage_begin(driver_of(_i));
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof(name), "o%d", i);
        ck_assert_int_eq(stage_write(name, 1, 1, &err), 0);
    }
    ck_assert_int_eq(storage_purge(stage_storage(), stage_session, enough, NULL, &deleted, &err), -1);
    ck_assert_str_eq(err.text, "enough");
    ck_assert_int_lt(deleted, 300);
    int64_t rest = 0;
    ck_assert_int_eq(storage_purge(stage_storage(), stage_session, NULL, NULL, &rest, &err), 0);
    ck_assert_int_eq(deleted + rest, 300);
    stage_end();
}
END_TEST

START_TEST(test_storage__check)
{
    struct err err = ERR_INIT;
    stage_begin(driver_of(_i));
    ck_assert_msg(storage_check(stage_storage(), &err) == 0, "%s", err.detail);
    stage_end();
}
END_TEST

START_TEST(test_storage__local_path)
{
    struct err err = ERR_INIT;
    struct strbuf path = STRBUF_INIT(4096);
    struct stat st;
    stage_begin(driver_of(_i));
    ck_assert_int_eq(stage_write("one", 1, 1234, &err), 0);
    bool local = storage_local_path(stage_storage(), stage_key("one"), &path);
    ck_assert(local != is_s3(_i));
    if (local) {
        ck_assert_int_eq(stat(strbuf_str(&path), &st), 0);
        ck_assert_int_eq(st.st_size, 1234);
    }
    strbuf_release(&path);
    stage_end();
}
END_TEST

/* The address alone, to a client without credentials. */
static void fetch(const char *address, const char *options, char *out, size_t size)
{
    char command[8192];
    snprintf(command, sizeof(command), "curl -s %s '%s'", options, address);
    FILE *pipe = popen(command, "r");
    ck_assert_ptr_nonnull(pipe);
    out[fread(out, 1, size - 1, pipe)] = '\0';
    pclose(pipe);
}

START_TEST(test_storage__presigned_address)
{
    struct err err = ERR_INIT;
    struct strbuf address = STRBUF_INIT(8192);
    char answer[4096], expected[1000];
    stage_begin(driver_of(_i));
    ck_assert_int_eq(stage_write("one", 1, sizeof(expected), &err), 0);
    bool signed_one = storage_presign(stage_storage(), stage_key("one"), "text/x-test", "attachment; filename=\"a b.txt\"; filename*=UTF-8''a%20b.txt",
                                      &address, &err);
    ck_assert(signed_one == is_s3(_i));
    if (signed_one) {
        for (size_t i = 0; i < sizeof(expected); i++)
            expected[i] = stage_byte(1, (int64_t)i);
        fetch(strbuf_str(&address), "", answer, sizeof(answer));
        ck_assert_mem_eq(answer, expected, sizeof(expected));
        fetch(strbuf_str(&address), "-D - -o /dev/null", answer, sizeof(answer));
        ck_assert_ptr_nonnull(strstr(answer, " 200 "));
        ck_assert_ptr_nonnull(strcasestr(answer, "content-type: text/x-test\r\n"));
        ck_assert_ptr_nonnull(strcasestr(answer, "content-disposition: attachment; filename=\"a b.txt\"; filename*=UTF-8''a%20b.txt\r\n"));
        *strstr(address.data, "response-content-type=text") = 'R'; /* signed is signed */
        fetch(strbuf_str(&address), "-o /dev/null -w '%{http_code}'", answer, sizeof(answer));
        ck_assert_str_eq(answer, "403");
    }
    strbuf_release(&address);
    stage_end();
}
END_TEST

START_TEST(test_storage__bad_keys)
{
    static const char *const keys[] = { "", "/etc/passwd", "sessions/../x", "sessions//x", "a b", "a\nb", "a%2fb" };
    struct err err = ERR_INIT;
    struct storage_write *write = NULL;
    int64_t deleted;
    stage_begin(driver_of(_i));
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        ck_assert_int_eq(storage_write_begin(stage_storage(), keys[i], &write, &err), -1);
        ck_assert_int_eq(storage_delete(stage_storage(), keys[i], &err), -1);
        ck_assert_int_eq(err.code, ERR_INTERNAL);
    }
    ck_assert_int_eq(storage_purge(stage_storage(), "a/b", NULL, NULL, &deleted, &err), -1);
    ck_assert_int_eq(storage_purge(stage_storage(), "", NULL, NULL, &deleted, &err), -1);
    stage_end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("storage");
    TCase *cases = tcase_create("storage");
    int drivers = (int)stage_driver_count();
    tcase_set_timeout(cases, 120);
    tcase_add_loop_test(cases, test_storage__keeps_every_size, 0, SIZES * drivers);
    tcase_add_loop_test(cases, test_storage__ranges, 0, drivers);
    tcase_add_loop_test(cases, test_storage__reader_may_stop, 0, drivers);
    tcase_add_loop_test(cases, test_storage__aborted_write_is_not_there, 0, drivers);
    tcase_add_loop_test(cases, test_storage__commit_later_and_flush, 0, drivers);
    tcase_add_loop_test(cases, test_storage__two_writes_at_once, 0, drivers);
    tcase_add_loop_test(cases, test_storage__delete, 0, drivers);
    tcase_add_loop_test(cases, test_storage__purge, 0, drivers);
    tcase_add_loop_test(cases, test_storage__purge_ends_when_told, 0, drivers);
    tcase_add_loop_test(cases, test_storage__check, 0, drivers);
    tcase_add_loop_test(cases, test_storage__local_path, 0, drivers);
    tcase_add_loop_test(cases, test_storage__presigned_address, 0, drivers);
    tcase_add_loop_test(cases, test_storage__bad_keys, 0, drivers);
    suite_add_tcase(suite, cases);
    if (drivers == 1)
        puts("without S3: run it through tests/with-swift.sh, with Swift installed, or set SANDBOX_TEST_S3_URL");
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
