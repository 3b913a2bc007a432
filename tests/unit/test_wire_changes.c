/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a list of changes: written and read again, and what must be refused. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/wire/changes.h"

static void there_and_back(const struct wire_change *in, const char *wanted)
{
    struct strbuf line = STRBUF_INIT(WIRE_CHANGE_MAX);
    struct wire_change out;
    struct err err = ERR_INIT;
    ck_assert_int_eq(wire_change_encode(in, &line, &err), 0);
    if (wanted)
        ck_assert_str_eq(line.data, wanted);
    ck_assert_msg(wire_change_decode(line.data, line.len - 1, &out, &err) == 0, "%s: %s", err.text, line.data);
    ck_assert_mem_eq(&out, in, sizeof(out));
    strbuf_release(&line);
}

START_TEST(test_wire_changes__there_and_back)
{
    const struct wire_change gone = { .type = WIRE_CHANGE_GONE, .path = "a/b", .below = true };
    const struct wire_change file = { .type = WIRE_CHANGE_FILE, .path = "d/\"\xc3\xa9\\.txt", .size = INT64_MAX, .mode = 0664,
                                      .modified_ms = 1, .version = "1a-2.3_4~5", .mine = true };
    const struct wire_change end = { .type = WIRE_CHANGE_END, .all = true, .skipped = 3, .mark = INT64_MAX };
    there_and_back(&gone, "{\"type\":\"gone\",\"path\":\"a/b\",\"below\":true}\n");
    there_and_back(&file, NULL);
    there_and_back(&end, NULL);
}
END_TEST

/* The longest path with what grows when it is escaped. */
START_TEST(test_wire_changes__longest)
{
    struct wire_change file = { .type = WIRE_CHANGE_FILE, .mode = 0777, .modified_ms = INT64_C(253402300799999) };
    memset(file.path, '"', WORKSPACE_PATH_MAX);
    for (size_t at = WORKSPACE_NAME_MAX; at < WORKSPACE_PATH_MAX; at += WORKSPACE_NAME_MAX + 1)
        file.path[at] = '/';
    file.path[WORKSPACE_PATH_MAX - 1] = '"'; /* a multiple of 256: the last part would be empty, and is 1 too long without */
    file.path[WORKSPACE_PATH_MAX - 2] = '/';
    memset(file.version, 'v', FILE_SOURCE_SIZE - 1);
    there_and_back(&file, NULL);
}
END_TEST

#define FILE_LINE(fields) "{\"type\":\"file\",\"size\":1,\"mode\":420,\"modified_ms\":1,\"version\":\"1\",\"mine\":true," fields "}"
static const struct {
    const char *text, *field;
} refused[] = {
    { "", "" },
    { "[]", "" },
    { "{}", "/type" },
    { "{\"type\":\"other\"}", "/type" },
    { "{\"type\":\"gone\",\"below\":true}", "/path" },
    { "{\"type\":\"gone\",\"path\":\"a\"}", "/below" },
    { "{\"type\":\"gone\",\"path\":\"\",\"below\":true}", "/path" },
    { "{\"type\":\"gone\",\"path\":\"/etc/passwd\",\"below\":true}", "/path" },
    { "{\"type\":\"gone\",\"path\":\"a/../../b\",\"below\":true}", "/path" },
    { "{\"type\":\"gone\",\"path\":\"a\\nb\",\"below\":true}", "/path" },
    { "{\"type\":\"gone\",\"path\":\"a\\u0000b\",\"below\":true}", "/path" },
    { "{\"type\":\"file\",\"path\":\"a\"}", "/size" },
    { FILE_LINE("\"path\":\"a/\""), "/path" },
    { FILE_LINE("\"path\":\"a\",\"size\":-1"), "/size" },
    { FILE_LINE("\"path\":\"a\",\"mode\":512"), "/mode" },
    { FILE_LINE("\"path\":\"a\",\"modified_ms\":-1"), "/modified_ms" },
    { FILE_LINE("\"path\":\"a\",\"modified_ms\":253402300800000"), "/modified_ms" },
    { FILE_LINE("\"path\":\"a\",\"version\":\"\""), "/version" },
    { FILE_LINE("\"path\":\"a\",\"version\":\"a b\""), "/version" },
    { FILE_LINE("\"path\":\"a\",\"version\":\"a&b\""), "/version" },
    { FILE_LINE("\"path\":\"a\",\"mine\":1"), "/mine" },
    { "{\"type\":\"end\",\"all\":false,\"skipped\":0}", "/mark" },
    { "{\"type\":\"end\",\"all\":false,\"skipped\":-1,\"mark\":0}", "/skipped" },
};

START_TEST(test_wire_changes__refused)
{
    struct wire_change out = { .type = WIRE_CHANGE_END };
    struct err err = ERR_INIT;
    ck_assert_msg(wire_change_decode(refused[_i].text, strlen(refused[_i].text), &out, &err) != 0, "%s", refused[_i].text);
    ck_assert_msg(strcmp(err.field, refused[_i].field) == 0, "%s: %s", refused[_i].text, err.field);
}
END_TEST

START_TEST(test_wire_changes__too_long)
{
    struct wire_change out;
    struct err err = ERR_INIT;
    char *text = malloc(WIRE_CHANGE_MAX + 1);
    memset(text, ' ', WIRE_CHANGE_MAX);
    memcpy(text, "{\"type\":\"end\",\"all\":false,\"skipped\":0,\"mark\":0}", 47);
    ck_assert_int_eq(wire_change_decode(text, WIRE_CHANGE_MAX - 1, &out, &err), 0);
    ck_assert_int_ne(wire_change_decode(text, WIRE_CHANGE_MAX, &out, &err), 0);
    free(text);
}
END_TEST

START_TEST(test_wire_changes__stored)
{
    static const struct wire_stored in[] = { { .size = 5, .version = "1-2-3" }, { .size = 4194304 } };
    for (size_t i = 0; i < 2; i++) {
        struct strbuf text = STRBUF_INIT(WIRE_CHANGE_MAX);
        struct wire_stored out;
        struct err err = ERR_INIT;
        ck_assert_int_eq(wire_stored_encode(&in[i], &text, &err), 0);
        ck_assert_int_eq(wire_stored_decode(text.data, text.len, &out, &err), 0);
        ck_assert_int_eq(out.size, in[i].size);
        ck_assert_str_eq(out.version, in[i].version);
        strbuf_release(&text);
    }
    struct wire_stored out;
    struct err err = ERR_INIT;
    ck_assert_int_ne(wire_stored_decode("{\"size\":1,\"version\":\"a/b\"}", 26, &out, &err), 0);
    ck_assert_int_ne(wire_stored_decode("{\"version\":\"ab\"}", 16, &out, &err), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wire changes");
    TCase *tcase = tcase_create("wire changes");
    tcase_add_test(tcase, test_wire_changes__there_and_back);
    tcase_add_test(tcase, test_wire_changes__longest);
    tcase_add_loop_test(tcase, test_wire_changes__refused, 0, sizeof(refused) / sizeof(refused[0]));
    tcase_add_test(tcase, test_wire_changes__too_long);
    tcase_add_test(tcase, test_wire_changes__stored);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
