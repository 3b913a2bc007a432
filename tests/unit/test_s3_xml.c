/* SPDX-License-Identifier: Apache-2.0 */
/* What is read of S3's XML, and what is refused. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/storage/s3_xml.h"

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define NS " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""

struct seen {
    int count;
    struct s3_entry entries[4];
    bool stop;
};

static int on_entry(void *arg, const struct s3_entry *entry, struct err *err)
{
    struct seen *seen = arg;
    ck_assert_int_lt(seen->count, 4);
    seen->entries[seen->count++] = *entry;
    return seen->stop ? err_set(err, ERR_CONFLICT, "enough") : 0;
}

static int read_text(const char *text, struct s3_document *out, struct seen *seen, struct err *err)
{
    return s3_xml_read(text, strlen(text), out, on_entry, seen, err);
}

START_TEST(test_s3_xml__error)
{
    struct err err = ERR_INIT;
    struct s3_document document;
    struct seen seen = { 0 };
    ck_assert_int_eq(read_text(HEAD "<Error><Code>NoSuchKey</Code><Message>a &lt; b</Message><Key>x</Key></Error>", &document, &seen, &err), 0);
    ck_assert_str_eq(document.root, "Error");
    ck_assert_str_eq(document.code, "NoSuchKey");
    ck_assert_str_eq(document.message, "a < b");
    ck_assert_int_eq(seen.count, 0);
}
END_TEST

START_TEST(test_s3_xml__list)
{
    struct err err = ERR_INIT;
    struct s3_document document;
    struct seen seen = { 0 };
    ck_assert_int_eq(read_text(HEAD "<ListBucketResult" NS "><Name>b</Name><IsTruncated>true</IsTruncated>"
                                    "<Contents><Key>p/a</Key><Size>1</Size><Owner><ID>o</ID></Owner></Contents>"
                                    "<Contents><Key>p/b&amp;c</Key></Contents><NextContinuationToken>t/+=</NextContinuationToken>"
                                    "</ListBucketResult>", &document, &seen, &err), 0);
    ck_assert(document.truncated);
    ck_assert_str_eq(document.next_token, "t/+=");
    ck_assert_int_eq(seen.count, 2);
    ck_assert_str_eq(seen.entries[0].key, "p/a");
    ck_assert_str_eq(seen.entries[1].key, "p/b&c");
}
END_TEST

START_TEST(test_s3_xml__uploads)
{
    struct err err = ERR_INIT;
    struct s3_document document;
    struct seen seen = { 0 };
    ck_assert_int_eq(read_text("\n  " HEAD "<ListMultipartUploadsResult" NS "><NextKeyMarker>k</NextKeyMarker>"
                               "<NextUploadIdMarker>u</NextUploadIdMarker><IsTruncated>false</IsTruncated>"
                               "<Upload><Key>p/a</Key><UploadId>one</UploadId></Upload><Upload><Key>p/b</Key></Upload>"
                               "</ListMultipartUploadsResult>", &document, &seen, &err), 0);
    ck_assert(!document.truncated);
    ck_assert_str_eq(document.next_key, "k");
    ck_assert_str_eq(document.next_upload, "u");
    ck_assert_int_eq(seen.count, 2);
    ck_assert_str_eq(seen.entries[0].upload_id, "one");
    ck_assert_str_eq(seen.entries[1].upload_id, ""); /* nothing is left of the one before */
}
END_TEST

START_TEST(test_s3_xml__undeleted)
{
    struct err err = ERR_INIT;
    struct s3_document document;
    struct seen seen = { .stop = true };
    ck_assert_int_eq(read_text("<DeleteResult><Error><Key>p/a</Key><Code>AccessDenied</Code></Error><Error/></DeleteResult>", &document,
                               &seen, &err), -1);
    ck_assert_str_eq(err.text, "enough");
    ck_assert_int_eq(seen.count, 1);
    ck_assert_str_eq(seen.entries[0].code, "AccessDenied");
}
END_TEST

static const char *const refused[] = {
    "", "x", "<a>", "<a></b>", "<a/><b/>", HEAD,
    "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><Error><Code>&b;</Code></Error>",
    "<!DOCTYPE a><Error><Code>b</Code></Error>",
    "<Error><Code>&undefined;</Code></Error>",
    "<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a>",
};

START_TEST(test_s3_xml__refused)
{
    struct err err = ERR_INIT;
    struct s3_document document;
    struct seen seen = { 0 };
    ck_assert_int_eq(read_text(refused[_i], &document, &seen, &err), -1);
    ck_assert_int_eq(err.code, ERR_INTERNAL);
}
END_TEST

/* A key that is cut would be another key. */
START_TEST(test_s3_xml__too_long)
{
    struct err err = ERR_INIT;
    struct s3_document document;
    struct seen seen = { 0 };
    for (int len = S3_TEXT_MAX; len <= S3_TEXT_MAX + 1; len++) {
        char text[2 * S3_TEXT_MAX];
        int at = snprintf(text, sizeof(text), "<ListBucketResult><Contents><Key>");
        memset(text + at, 'k', (size_t)len);
        snprintf(text + at + len, sizeof(text) - (size_t)(at + len), "</Key></Contents></ListBucketResult>");
        ck_assert_int_eq(read_text(text, &document, &seen, &err), len <= S3_TEXT_MAX ? 0 : -1);
    }
    ck_assert_int_eq(seen.count, 1);
    ck_assert_int_eq(s3_xml_read("<a/>", S3_XML_MAX + 1, &document, NULL, NULL, &err), -1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("s3_xml");
    TCase *cases = tcase_create("s3_xml");
    tcase_add_test(cases, test_s3_xml__error);
    tcase_add_test(cases, test_s3_xml__list);
    tcase_add_test(cases, test_s3_xml__uploads);
    tcase_add_test(cases, test_s3_xml__undeleted);
    tcase_add_loop_test(cases, test_s3_xml__refused, 0, sizeof(refused) / sizeof(refused[0]));
    tcase_add_test(cases, test_s3_xml__too_long);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
