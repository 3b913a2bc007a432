/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of files, what a file is by its content, and SHA-256 in pieces. */
#include <stdlib.h>
#include <string.h>

#include "lib/io/content_type.h"
#include "lib/io/digest.h"
#include "lib/model/workspace.h"
#include "tests/unit/unit_test.h"

START_TEST(test_workspace__paths)
{
    static const struct { const char *path; size_t len; const char *fault; } cases[] = {
        { "a", 0, NULL }, { "a/b.c/d", 0, NULL }, { "...", 0, NULL }, { ".hidden", 0, NULL }, { "a b\"'\\%2e%2e", 0, NULL },
        { "\xc3\xa4/\xf0\x9f\x98\x80", 0, NULL }, { "..a", 0, NULL }, { "a/..b", 0, NULL }, { "-rf", 0, NULL },
        { "", 0, "empty" }, { "/a", 0, "relative" }, { "a/", 0, "relative" }, { "a//b", 0, "relative" }, { "/", 0, "relative" },
        { ".", 0, "\"..\"" }, { "..", 0, "\"..\"" }, { "a/../b", 0, "\"..\"" }, { "a/..", 0, "\"..\"" }, { "./a", 0, "\"..\"" },
        { "a\0b", 3, "control" }, { "a\nb", 0, "control" }, { "\x7f", 0, "control" }, { "\x1f", 0, "control" },
        { "\xff", 0, "UTF-8" }, { "\xc0\xae\xc0\xae/x", 0, "UTF-8" }, { "\xed\xa0\x80", 0, "UTF-8" },
    };
    for (size_t i = 0; i < UNIT_TEST_COUNT(cases); i++) {
        struct err err = ERR_INIT;
        size_t len = cases[i].len ? cases[i].len : strlen(cases[i].path);
        int status = workspace_path_check(cases[i].path, len, "path", &err);
        ck_assert_msg((status == 0) == (cases[i].fault == NULL), "case %zu: %s", i, err.text);
        ck_assert_int_eq(workspace_path_valid(cases[i].path, len), status == 0);
        if (status == 0)
            continue;
        ck_assert_str_eq(err.field, "path");
        ck_assert_msg(strstr(err.text, cases[i].fault) != NULL, "case %zu: %s", i, err.text);
    }
}
END_TEST

/* `count` parts of `len` bytes. */
static bool fits(size_t count, size_t len)
{
    cleanup_free char *path = malloc(count * (len + 1));
    ck_assert_ptr_nonnull(path);
    memset(path, 'x', count * (len + 1));
    for (size_t i = 1; i < count; i++)
        path[i * (len + 1) - 1] = '/';
    return workspace_path_valid(path, count * (len + 1) - 1);
}

START_TEST(test_workspace__lengths_of_paths)
{
    ck_assert(fits(1, 255) && !fits(1, 256));
    ck_assert(fits(64, 1) && !fits(65, 1));
    ck_assert(fits(4, 255));            /* 1023 bytes */
    ck_assert(fits(25, 40) && !fits(6, 170)); /* 1024, 1025 */
}
END_TEST

START_TEST(test_workspace__types_by_content)
{
    static const struct { const char *data; size_t len; const char *type; } cases[] = {
        { "a,b,c\n1,2,3\n4,5,6\n", 0, "text/csv; charset=utf-8" },
        { "hello\n", 0, "text/plain; charset=utf-8" },
        { "gr\xc3\xbc\xc3\x9f\n", 0, "text/plain; charset=utf-8" },
        { "{\"a\": [1, 2]}", 0, "application/json" },
        { "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0", 29, "image/png" },
        { "<!DOCTYPE html><html><body>x</body></html>", 0, "text/html; charset=utf-8" },
        { "\x00\x01\x02\x03\x04\xfe\xff", 7, "application/octet-stream" },
    };
    char type[CONTENT_TYPE_SIZE];
    for (size_t i = 0; i < UNIT_TEST_COUNT(cases); i++) {
        content_type_of(cases[i].data, cases[i].len ? cases[i].len : strlen(cases[i].data), type);
        ck_assert_msg(strcmp(type, cases[i].type) == 0, "case %zu: %s", i, type);
    }
    content_type_of("", 0, type);
    ck_assert_msg(strchr(type, '/') != NULL, "%s", type);
}
END_TEST

/* FIPS 180-2, appendix B: "abc", and a million of 'a' in uneven pieces. */
START_TEST(test_workspace__digest_in_pieces)
{
    struct err err = ERR_INIT;
    char hex[DIGEST_HEX_SIZE], as[977];
    memset(as, 'a', sizeof(as));
    cleanup_digest struct digest *digest = digest_new(&err);
    ck_assert_ptr_nonnull(digest);
    for (size_t left = 1000000; left > 0;) {
        size_t len = left < sizeof(as) ? left : sizeof(as);
        ck_assert_int_eq(digest_add(digest, as, len, &err), 0);
        left -= len;
    }
    ck_assert_int_eq(digest_end(digest, hex, &err), 0);
    ck_assert_str_eq(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    ck_assert_int_eq(digest_sha256_hex("abc", 3, hex, &err), 0);
    ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_workspace__paths, test_workspace__lengths_of_paths, test_workspace__types_by_content,
                                   test_workspace__digest_in_pieces };
    return unit_test_run("workspace", tests, UNIT_TEST_COUNT(tests));
}
